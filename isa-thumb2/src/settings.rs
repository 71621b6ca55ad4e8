//! Targets and processors: which exist, which go together, what each has.

use regalloc2::{MachineEnv, PRegSet};
use target_lexicon::Triple;
use windlass_backend::{Error, Result};

use crate::object::{BuildAttributes, CpuArch};
use crate::regs;

/// A processor that code can be tuned to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cpu {
    CortexM3,
    CortexM4,
    CortexM7,
    CortexM33,
}

impl Cpu {
    pub const ALL: [Cpu; 4] = [Cpu::CortexM3, Cpu::CortexM4, Cpu::CortexM7, Cpu::CortexM33];

    /// GCC's name.
    pub fn name(self) -> &'static str {
        match self {
            Cpu::CortexM3 => "cortex-m3",
            Cpu::CortexM4 => "cortex-m4",
            Cpu::CortexM7 => "cortex-m7",
            Cpu::CortexM33 => "cortex-m33",
        }
    }
}

/// An architecture profile, named by its triple.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Target {
    triple: &'static str,
    arch: CpuArch,
    /// uxtab and such.
    dsp: bool,
    /// Processors that run this code; the first is the default.
    cpus: &'static [Cpu],
}

const TARGETS: [Target; 3] = [
    Target {
        triple: "thumbv7m-none-eabi",
        arch: CpuArch::V7,
        dsp: false,
        cpus: &[Cpu::CortexM3, Cpu::CortexM4, Cpu::CortexM7],
    },
    Target {
        triple: "thumbv7em-none-eabi",
        arch: CpuArch::V7EM,
        dsp: true,
        cpus: &[Cpu::CortexM4, Cpu::CortexM7],
    },
    Target {
        triple: "thumbv8m.main-none-eabi",
        arch: CpuArch::V8MMainline,
        // Optional in Armv8-M: only what every processor of the profile has.
        dsp: false,
        cpus: &[Cpu::CortexM33],
    },
];

/// What a user asked for; what is None takes its default.
#[derive(Clone, Debug, Default)]
pub struct TargetOptions {
    /// A target-lexicon triple; the default follows from the cpu, else thumbv7em-none-eabi.
    pub triple: Option<String>,
    /// GCC's name of the processor; the default is the target's first.
    pub cpu: Option<String>,
    /// Allocatable registers, as `r0-r8` or `r0-r3,r5`.
    pub reg_env: Option<String>,
}

/// A checked combination.
#[derive(Clone, Debug)]
pub struct Settings {
    pub triple: Triple,
    pub cpu: Cpu,
    pub has_dsp: bool,
    /// Allocatable registers, bit n for rn.
    pub reg_env: RegEnv,
    arch: CpuArch,
}

impl Settings {
    /// Errors list what exists.
    pub fn new(options: &TargetOptions) -> Result<Settings> {
        let cpu = options.cpu.as_deref().map(parse_cpu).transpose()?;
        let target = match (&options.triple, cpu) {
            (Some(triple), _) => parse_target(triple)?,
            (None, Some(cpu)) => best_target(cpu),
            (None, None) => TARGETS[1],
        };
        let cpu = cpu.unwrap_or(target.cpus[0]);
        if !target.cpus.contains(&cpu) {
            return Err(Error::Options(format!(
                "cpu {} does not go with target {}; {}",
                cpu.name(),
                target.triple,
                combinations()
            )));
        }
        let triple = target
            .triple
            .parse()
            .map_err(|e| Error::internal(format!("triple {}: {e}", target.triple)))?;
        let reg_env = options.reg_env.as_deref().map_or(Ok(RegEnv::FULL), RegEnv::parse)?;
        Ok(Settings { triple, cpu, has_dsp: target.dsp, reg_env, arch: target.arch })
    }

    /// The triple as users write it.
    pub fn target_name(&self) -> &'static str {
        let target = TARGETS.iter().find(|t| t.arch == self.arch);
        target.map_or("", |t| t.triple)
    }

    pub fn build_attributes(&self) -> BuildAttributes<'static> {
        BuildAttributes {
            arch: self.arch,
            cpu_name: self.cpu.name(),
            dsp: false,
            fp: None,
            vfp_args: false,
        }
    }
}

fn parse_cpu(name: &str) -> Result<Cpu> {
    Cpu::ALL
        .into_iter()
        .find(|cpu| cpu.name() == name)
        .ok_or_else(|| Error::Options(format!("unknown cpu {name}; {}", combinations())))
}

/// Accepts every spelling that target-lexicon reads as one of ours.
fn parse_target(name: &str) -> Result<Target> {
    let unknown = || Error::Options(format!("unknown target {name}; {}", combinations()));
    let triple: Triple = name.parse().map_err(|_| unknown())?;
    TARGETS
        .into_iter()
        .find(|t| t.triple.parse::<Triple>().is_ok_and(|known| known == triple))
        .ok_or_else(unknown)
}

/// The target that uses most of a processor.
fn best_target(cpu: Cpu) -> Target {
    let own = |t: &&Target| t.cpus.contains(&cpu);
    TARGETS.iter().rev().find(own).copied().unwrap_or(TARGETS[1])
}

fn combinations() -> String {
    let lines = TARGETS.iter().map(|t| {
        let cpus: Vec<_> = t.cpus.iter().map(|cpu| cpu.name()).collect();
        format!("{} ({})", t.triple, cpus.join(", "))
    });
    format!("there are: {}", lines.collect::<Vec<_>>().join("; "))
}

/// A set of allocatable registers: r0-r3 and any of r4-r8.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RegEnv(u16);

impl RegEnv {
    /// r0-r8.
    pub const FULL: RegEnv = RegEnv(0x1ff);
    const ARGUMENTS: u16 = 0xf;

    /// Reads `r0-r8`, `r0-r3,r6` and the like.
    pub fn parse(text: &str) -> Result<RegEnv> {
        let bad = |why: &str| {
            Error::Options(format!(
                "register environment {text}: {why}; it is a set like r0-r8 or r0-r3,r5, within \
                 r0-r8 and with r0-r3"
            ))
        };
        let register = |name: &str| -> Result<u16> {
            let number = name.trim().strip_prefix(['r', 'R']).and_then(|n| n.parse().ok());
            number.filter(|&n| n <= 8).ok_or_else(|| bad(&format!("{name} is not in r0-r8")))
        };
        let mut set = 0;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (register(first)?, register(last)?);
            if first > last {
                return Err(bad(&format!("{part} is empty")));
            }
            set |= (first..=last).fold(0, |set, n| set | 1 << n);
        }
        if set & Self::ARGUMENTS != Self::ARGUMENTS {
            return Err(bad("r0-r3 are not all in it"));
        }
        Ok(RegEnv(set))
    }

    fn registers(self, within: u16) -> PRegSet {
        let mut set = PRegSet::empty();
        for n in (0..9).filter(|n| (self.0 & within) >> n & 1 == 1) {
            set.add(regs::r(n));
        }
        set
    }

    /// r0-r3 first: a function that needs no more saves nothing.
    pub fn machine_env(self) -> MachineEnv {
        let none = PRegSet::empty();
        MachineEnv {
            preferred_regs_by_class: [self.registers(Self::ARGUMENTS), none, none],
            non_preferred_regs_by_class: [self.registers(!Self::ARGUMENTS), none, none],
            scratch_by_class: [Some(regs::IP), None, None],
            fixed_stack_slots: Vec::new(),
        }
    }
}

impl core::fmt::Display for RegEnv {
    /// In the form that `parse` reads, runs as ranges.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut sep = "";
        let mut n = 0;
        while n < 9 {
            if self.0 >> n & 1 == 0 {
                n += 1;
                continue;
            }
            let run = (self.0 >> n).trailing_ones();
            match run {
                1 => write!(f, "{sep}r{n}")?,
                _ => write!(f, "{sep}r{n}-r{}", n + run - 1)?,
            }
            sep = ",";
            n += run;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(triple: Option<&str>, cpu: Option<&str>) -> Result<Settings> {
        Settings::new(&TargetOptions {
            triple: triple.map(str::to_owned),
            cpu: cpu.map(str::to_owned),
            reg_env: None,
        })
    }

    #[test]
    fn defaults_follow_from_each_other() {
        let of = |t, c| settings(t, c).map(|s| (s.target_name(), s.cpu)).unwrap();
        assert_eq!(of(None, None), ("thumbv7em-none-eabi", Cpu::CortexM4));
        assert_eq!(of(None, Some("cortex-m3")), ("thumbv7m-none-eabi", Cpu::CortexM3));
        assert_eq!(of(None, Some("cortex-m7")), ("thumbv7em-none-eabi", Cpu::CortexM7));
        assert_eq!(of(None, Some("cortex-m33")), ("thumbv8m.main-none-eabi", Cpu::CortexM33));
        assert_eq!(
            of(Some("thumbv8m.main-none-eabi"), None),
            ("thumbv8m.main-none-eabi", Cpu::CortexM33)
        );
    }

    #[test]
    fn contradictions_and_unknown_names_list_what_exists() {
        for (triple, cpu) in [
            (Some("thumbv7em-none-eabi"), Some("cortex-m3")),
            (Some("x86_64-unknown-linux-gnu"), None),
            (Some("nonsense"), None),
            (None, Some("cortex-m0")),
        ] {
            let error = settings(triple, cpu).unwrap_err().to_string();
            assert!(error.contains("thumbv8m.main-none-eabi (cortex-m33)"), "{error}");
        }
    }

    #[test]
    fn register_environments_round_trip() {
        for text in ["r0-r8", "r0-r3", "r0-r3,r5", "r0-r4,r6-r8"] {
            assert_eq!(RegEnv::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "r0-r2", "r4-r8", "r0-r9", "r3-r0", "r0-r3,", "r0-r99999999999"] {
            assert!(RegEnv::parse(text).is_err(), "{text}");
        }
    }
}
