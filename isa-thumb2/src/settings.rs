//! Targets and processors: which exist, which go together, what each has.

use core::ops::Range;
use regalloc2::{MachineEnv, PReg, PRegSet, RegClass};
use target_lexicon::Triple;
use windlass_backend::{Error, Result};

use crate::object::{BuildAttributes, CpuArch, FpArch};
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

    /// The floating-point units that it is built with, GCC's choice first.
    pub fn fpus(self) -> &'static [FpArch] {
        match self {
            Cpu::CortexM3 => &[],
            Cpu::CortexM4 => &[FpArch::Fpv4SpD16],
            Cpu::CortexM7 => &[FpArch::Fpv5D16, FpArch::Fpv5SpD16],
            Cpu::CortexM33 => &[FpArch::Fpv5SpD16],
        }
    }
}

/// What the floating-point unit can do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fpu {
    /// f64 in hardware, in d registers; else single precision only, in s registers.
    pub double: bool,
    /// FPv5: vrint and vsel.
    pub v5: bool,
}

impl From<FpArch> for Fpu {
    fn from(arch: FpArch) -> Fpu {
        match arch {
            FpArch::Fpv4SpD16 => Fpu { double: false, v5: false },
            FpArch::Fpv5SpD16 => Fpu { double: false, v5: true },
            FpArch::Fpv5D16 => Fpu { double: true, v5: true },
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
    /// Floating-point units go with it: with Armv7-M in the shape of Armv7E-M only.
    has_fpus: bool,
    /// Floats travel in the unit's registers at public interfaces.
    hard_float: bool,
    /// Processors that run this code; the first is the default.
    cpus: &'static [Cpu],
}

const V7M: Target = Target {
    triple: "thumbv7m-none-eabi",
    arch: CpuArch::V7,
    dsp: false,
    has_fpus: false,
    hard_float: false,
    cpus: &[Cpu::CortexM3, Cpu::CortexM4, Cpu::CortexM7],
};

const V7EM: Target = Target {
    triple: "thumbv7em-none-eabi",
    arch: CpuArch::V7EM,
    dsp: true,
    has_fpus: true,
    hard_float: false,
    cpus: &[Cpu::CortexM4, Cpu::CortexM7],
};

const V8M_MAIN: Target = Target {
    triple: "thumbv8m.main-none-eabi",
    arch: CpuArch::V8MMainline,
    // Optional in Armv8-M: only what every processor of the profile has.
    dsp: false,
    has_fpus: true,
    hard_float: false,
    cpus: &[Cpu::CortexM33],
};

const TARGETS: [Target; 5] = [
    V7M,
    V7EM,
    V8M_MAIN,
    Target { triple: "thumbv7em-none-eabihf", hard_float: true, ..V7EM },
    Target { triple: "thumbv8m.main-none-eabihf", hard_float: true, ..V8M_MAIN },
];

/// What a user asked for; what is None takes its default.
#[derive(Clone, Debug, Default)]
pub struct TargetOptions {
    /// A target-lexicon triple; the default follows from the cpu, else thumbv7em-none-eabi.
    pub triple: Option<String>,
    /// GCC's name of the processor; the default is the target's first.
    pub cpu: Option<String>,
    /// GCC's name of the floating-point unit, or `none`; the default is the cpu's for an eabihf
    /// triple, else none.
    pub fpu: Option<String>,
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
    fpu: Option<FpArch>,
    target: Target,
}

impl Settings {
    /// Errors list what exists.
    pub fn new(options: &TargetOptions) -> Result<Settings> {
        let cpu = options.cpu.as_deref().map(parse_cpu).transpose()?;
        let target = match (&options.triple, cpu) {
            (Some(triple), _) => parse_target(triple)?,
            (None, Some(cpu)) => best_target(cpu),
            (None, None) => V7EM,
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
        let fpu = choose_fpu(options.fpu.as_deref(), target, cpu)?;
        let reg_env = options.reg_env.as_deref().map_or(Ok(RegEnv::FULL), RegEnv::parse)?;
        Ok(Settings { triple, cpu, has_dsp: target.dsp, reg_env, fpu, target })
    }

    /// The triple as users write it.
    pub fn target_name(&self) -> &'static str {
        self.target.triple
    }

    /// None computes floats in core registers, by helpers.
    pub fn fpu(&self) -> Option<Fpu> {
        self.fpu.map(Fpu::from)
    }

    /// Whether there are vrint and vsel.
    pub fn has_fpv5(&self) -> bool {
        self.fpu().is_some_and(|fpu| fpu.v5)
    }

    /// Whether floats travel in float registers at public interfaces (AAPCS, VFP variant).
    pub fn hard_float(&self) -> bool {
        self.target.hard_float
    }

    /// The floating-point registers that a function must restore.
    pub fn saved_floats(&self) -> PRegSet {
        match self.fpu() {
            None => PRegSet::empty(),
            Some(Fpu { double: false, .. }) => reg_set(regs::s, 16..32),
            Some(Fpu { double: true, .. }) => reg_set(regs::d, 8..16),
        }
    }

    pub fn build_attributes(&self) -> BuildAttributes<'static> {
        BuildAttributes {
            arch: self.target.arch,
            cpu_name: self.cpu.name(),
            dsp: false,
            fp: self.fpu,
            vfp_args: self.target.hard_float,
        }
    }

    /// What allocators may use. Caller-saved registers come first: a function that needs no more
    /// saves nothing.
    pub fn machine_env(&self) -> MachineEnv {
        let core = self.reg_env;
        let (preferred, others, scratch) = float_registers(self.fpu());
        let none = PRegSet::empty();
        MachineEnv {
            preferred_regs_by_class: [core.registers(RegEnv::ARGUMENTS), preferred, none],
            non_preferred_regs_by_class: [core.registers(!RegEnv::ARGUMENTS), others, none],
            scratch_by_class: [Some(regs::IP), scratch, None],
            fixed_stack_slots: Vec::new(),
        }
    }
}

/// Caller-saved and callee-saved registers to allocate, and the scratch of allocator moves.
fn float_registers(fpu: Option<Fpu>) -> (PRegSet, PRegSet, Option<PReg>) {
    match fpu {
        None => (PRegSet::empty(), PRegSet::empty(), None),
        Some(Fpu { double: false, .. }) => {
            (reg_set(regs::s, 0..16), reg_set(regs::s, 16..31), Some(regs::s(31)))
        }
        Some(Fpu { double: true, .. }) => {
            (reg_set(regs::d, 0..8), reg_set(regs::d, 8..15), Some(regs::d(15)))
        }
    }
}

fn reg_set(of: fn(usize) -> PReg, range: Range<usize>) -> PRegSet {
    range.map(of).fold(PRegSet::empty(), |set, reg| set.with(reg))
}

/// The unit that was asked for, else the default; see [`TargetOptions::fpu`].
fn choose_fpu(name: Option<&str>, target: Target, cpu: Cpu) -> Result<Option<FpArch>> {
    let fpus = if target.has_fpus { cpu.fpus() } else { &[] };
    let refuse = |what: &str| {
        let there: Vec<_> = fpus.iter().map(|fpu| fpu.name()).collect();
        let none = (!target.hard_float).then_some("none");
        let there: Vec<_> = none.into_iter().chain(there).collect();
        Error::Options(format!(
            "{what}; with target {} and cpu {} there are: {}",
            target.triple,
            cpu.name(),
            there.join(", ")
        ))
    };
    match name {
        None if target.hard_float => Ok(fpus.first().copied()),
        None => Ok(None),
        Some("none") if target.hard_float => {
            Err(refuse("eabihf passes floats in the registers of an fpu"))
        }
        Some("none") => Ok(None),
        Some(name) => match fpus.iter().find(|fpu| fpu.name() == name) {
            Some(&fpu) => Ok(Some(fpu)),
            None if FpArch::ALL.iter().any(|fpu| fpu.name() == name) => {
                Err(refuse(&format!("fpu {name} does not go with this cpu and target")))
            }
            None => Err(refuse(&format!("unknown fpu {name}"))),
        },
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

/// The target that uses most of a processor without asking for an fpu.
fn best_target(cpu: Cpu) -> Target {
    let own = |t: &Target| t.cpus.contains(&cpu) && !t.hard_float;
    TARGETS.into_iter().rfind(own).unwrap_or(V7EM)
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

    /// Reads `r0-r3..r0-r8`: from the first environment to the last, each with one register more
    /// than the one before, lowest first. One environment alone is a range of one.
    pub fn parse_range(text: &str) -> Result<Vec<RegEnv>> {
        let Some((first, last)) = text.split_once("..") else {
            return Ok(vec![RegEnv::parse(text)?]);
        };
        let (first, last) = (RegEnv::parse(first)?, RegEnv::parse(last)?);
        if first.0 & !last.0 != 0 {
            return Err(Error::Options(format!("{last} does not contain {first}")));
        }
        let mut all = vec![first];
        for n in (0..9).filter(|n| (last.0 & !first.0) >> n & 1 == 1) {
            all.push(RegEnv(all[all.len() - 1].0 | 1 << n));
        }
        Ok(all)
    }

    /// The number of registers: 4 to 9.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Puts these registers into an environment in place of its own of class Int.
    pub fn replace(self, env: &mut MachineEnv) {
        let class = RegClass::Int as usize;
        env.preferred_regs_by_class[class] = self.registers(RegEnv::ARGUMENTS);
        env.non_preferred_regs_by_class[class] = self.registers(!RegEnv::ARGUMENTS);
    }

    fn registers(self, within: u16) -> PRegSet {
        let mut set = PRegSet::empty();
        for n in (0..9).filter(|n| (self.0 & within) >> n & 1 == 1) {
            set.add(regs::r(n));
        }
        set
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
        with_fpu(triple, cpu, None)
    }

    fn with_fpu(triple: Option<&str>, cpu: Option<&str>, fpu: Option<&str>) -> Result<Settings> {
        Settings::new(&TargetOptions {
            triple: triple.map(str::to_owned),
            cpu: cpu.map(str::to_owned),
            fpu: fpu.map(str::to_owned),
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
    fn the_default_fpu_follows_from_triple_and_cpu() {
        let of = |t, c| settings(t, c).map(|s| s.build_attributes().fp).unwrap();
        assert_eq!(of(None, Some("cortex-m7")), None);
        assert_eq!(of(Some("thumbv7em-none-eabihf"), None), Some(FpArch::Fpv4SpD16));
        assert_eq!(of(Some("thumbv7em-none-eabihf"), Some("cortex-m7")), Some(FpArch::Fpv5D16));
        assert_eq!(of(Some("thumbv8m.main-none-eabihf"), None), Some(FpArch::Fpv5SpD16));
        let soft = with_fpu(None, None, Some("fpv4-sp-d16")).unwrap();
        assert_eq!(soft.fpu(), Some(Fpu { double: false, v5: false }));
        assert!(!soft.hard_float());
        assert!(settings(Some("thumbv7em-none-eabihf"), None).unwrap().hard_float());
    }

    #[test]
    fn contradicting_fpus_list_what_exists() {
        let hard = Some("thumbv7em-none-eabihf");
        for (triple, cpu, fpu, there) in [
            (None, Some("cortex-m4"), "fpv5-d16", "there are: none, fpv4-sp-d16"),
            (None, Some("cortex-m7"), "vfpv3", "there are: none, fpv5-d16, fpv5-sp-d16"),
            (None, Some("cortex-m3"), "fpv4-sp-d16", "there are: none"),
            (Some("thumbv7m-none-eabi"), Some("cortex-m4"), "fpv4-sp-d16", "there are: none"),
            (hard, None, "none", "there are: fpv4-sp-d16"),
        ] {
            let error = with_fpu(triple, cpu, Some(fpu)).unwrap_err().to_string();
            assert!(error.ends_with(there), "{error}");
        }
    }

    #[test]
    fn float_registers_are_those_of_the_fpu() {
        let of = |fpu| {
            let env = with_fpu(None, Some("cortex-m7"), Some(fpu)).unwrap().machine_env();
            let names = |set: [PRegSet; 3]| set[1].into_iter().map(regs::name).collect::<Vec<_>>();
            let scratch = env.scratch_by_class[1].map(regs::name);
            (names(env.preferred_regs_by_class), names(env.non_preferred_regs_by_class), scratch)
        };
        assert_eq!(of("none"), (vec![], vec![], None));
        let (first, others, scratch) = of("fpv5-sp-d16");
        assert_eq!((first.len(), others.len(), scratch), (16, 15, Some("s31")));
        let (first, others, scratch) = of("fpv5-d16");
        assert_eq!(first, ["d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"]);
        assert_eq!((others.len(), scratch), (7, Some("d15")));
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

    #[test]
    fn ranges_of_environments_grow_by_one_register() {
        let range = |text| {
            RegEnv::parse_range(text)
                .map(|envs| envs.iter().map(RegEnv::to_string).collect::<Vec<_>>())
        };
        assert_eq!(range("r0-r3..r0-r5").unwrap(), ["r0-r3", "r0-r4", "r0-r5"]);
        assert_eq!(range("r0-r3,r7..r0-r3,r5,r7-r8").unwrap().len(), 3);
        assert_eq!(range("r0-r4").unwrap(), ["r0-r4"]);
        assert_eq!(range("r0-r4..r0-r4").unwrap(), ["r0-r4"]);
        for text in ["r0-r5..r0-r3", "r0-r3,r8..r0-r5", "..r0-r8", "r0-r3..", "r0-r3..r0-r4..r0-r5"]
        {
            assert!(range(text).is_err(), "{text}");
        }
    }
}
