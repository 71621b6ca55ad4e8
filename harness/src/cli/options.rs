//! Options that commands share, and their spelling.

use super::features::Features;
use crate::Compiler;
use clap::{Args, ValueEnum};
use windlass_backend::options::{AllocatorKind, Bounds, OptLevel, RuntimeLibrary, TrapMode};

/// A command line that cannot be carried out as it stands.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// What code is for, the same in every command.
#[derive(Args, Clone, Debug)]
pub struct TargetArgs {
    /// thumbv7m-none-eabi, thumbv7em-none-eabi or thumbv8m.main-none-eabi, the latter two also as
    /// eabihf
    ///
    /// The default follows from --cpu, else it is thumbv7em-none-eabi.
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,

    /// cortex-m3, cortex-m4, cortex-m7 or cortex-m33
    ///
    /// The default is the first processor of the target.
    #[arg(long, value_name = "CPU")]
    cpu: Option<String>,

    /// none, fpv4-sp-d16, fpv5-sp-d16 or fpv5-d16
    ///
    /// The default is the processor's for an eabihf target, else none.
    #[arg(long, value_name = "FPU")]
    fpu: Option<String>,

    #[command(flatten)]
    codegen: CodegenArgs,
}

/// How code is made, whatever it is for.
#[derive(Args, Clone, Debug)]
pub struct CodegenArgs {
    /// Registers to allocate: any set within r0-r8 that contains r0-r3
    #[arg(long, value_name = "SET", default_value = "r0-r8")]
    reg_env: String,

    /// Effort and aim of optimisation
    #[arg(short = 'O', value_name = "LEVEL", default_value = "speed")]
    opt_level: OptArg,

    /// How accesses are kept inside of linear memory
    #[arg(long, value_name = "BOUNDS", default_value = "explicit")]
    bounds: BoundsArg,

    /// Proposals that modules may use, added to the default (all that are supported) or taken away
    ///
    /// mvp, wasm1, wasm2 and all stand for sets and replace what comes before; NAME and +NAME add,
    /// -NAME removes: mvp,+multi-value or -bulk-memory.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true, default_value = "all")]
    wasm_features: Features,

    /// Elements that a table may grow to if its declared maximum does not say so
    #[arg(long, value_name = "ELEMENTS")]
    table_capacity: Option<u32>,

    /// How traps of wasm code reach the host
    #[arg(long, value_name = "HOW", default_value = "udf")]
    traps: TrapsArg,

    /// Trap when sp passes the instance's stack limit
    #[arg(long, value_name = "on|off", default_value = "on")]
    stack_check: SwitchArg,

    /// Keep only exports that match, and what they need: a pattern with *, ? and [ab], may be repeated
    #[arg(long, value_name = "GLOB")]
    export_filter: Vec<String>,

    /// Let a host end calls: code looks at a flag of the instance in loops and at function entries
    #[arg(long)]
    interruptible: bool,

    /// Count fuel, about a unit for each wasm instruction; an instance begins with UNITS
    #[arg(long, value_name = "UNITS")]
    fuel: Option<u32>,

    /// Make cheaper answers of what allocators give: no needless reloads, moves and stores
    #[arg(long, value_name = "on|off", default_value = "on")]
    post_passes: SwitchArg,

    /// Verify every allocation with a symbolic checker
    #[arg(long)]
    check: bool,
}

impl TargetArgs {
    /// The registers to allocate, as they were written.
    pub fn reg_env(&self) -> &str {
        &self.codegen.reg_env
    }

    pub fn compiler(&self) -> Compiler {
        let mut compiler = self.codegen.compiler();
        if let Some(target) = &self.target {
            compiler = compiler.target(target);
        }
        if let Some(cpu) = &self.cpu {
            compiler = compiler.cpu(cpu);
        }
        if let Some(fpu) = &self.fpu {
            compiler = compiler.fpu(fpu);
        }
        compiler
    }

    /// The options that say nothing of the target; an error if others are there.
    pub fn without_target(&self, why: &str) -> Result<&CodegenArgs, Usage> {
        let given = [("--target", &self.target), ("--cpu", &self.cpu), ("--fpu", &self.fpu)];
        match given.iter().find(|(_, value)| value.is_some()) {
            Some((option, _)) => Err(Usage(format!("{why}: {option} cannot be given"))),
            None => Ok(&self.codegen),
        }
    }
}

impl CodegenArgs {
    /// For an image, whose own fault handler takes traps.
    pub fn image_compiler(&self) -> Result<Compiler, Usage> {
        match self.traps {
            TrapsArg::Udf => Ok(self.compiler()),
            TrapsArg::Call => Err(Usage("an image takes traps as faults: not --traps call".into())),
        }
    }

    /// A compiler for the default target.
    pub fn compiler(&self) -> Compiler {
        let mut compiler = Compiler::new()
            .reg_env(&self.reg_env)
            .opt_level(self.opt_level.into())
            .bounds(self.bounds.into())
            .traps(self.traps.into())
            .stack_check(self.stack_check == SwitchArg::On)
            .interruptible(self.interruptible)
            .post_passes(self.post_passes == SwitchArg::On)
            .wasm_features(self.wasm_features.0)
            .check(self.check);
        if let Some(elements) = self.table_capacity {
            compiler = compiler.table_capacity(elements);
        }
        for pattern in &self.export_filter {
            compiler = compiler.export_filter(pattern);
        }
        if let Some(units) = self.fuel {
            compiler = compiler.fuel(units);
        }
        compiler
    }
}

/// Which allocator a command uses for everything.
#[derive(Args, Clone, Debug)]
pub struct RegallocArg {
    /// Which allocator assigns registers [default: portfolio, with -O none ion]
    #[arg(long, value_name = "ALLOCATOR")]
    regalloc: Option<AllocatorArg>,
}

impl RegallocArg {
    pub fn apply(&self, compiler: Compiler) -> Compiler {
        match self.regalloc {
            Some(allocator) => compiler.regalloc(allocator.into()),
            None => compiler,
        }
    }
}

/// Which allocators a command compares.
#[derive(Args, Clone, Debug)]
pub struct RegallocList {
    /// Allocators, in the order of the report
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "ion,fastalloc,greedy,coloring,belady"
    )]
    regalloc: Vec<AllocatorArg>,
}

impl RegallocList {
    /// In the order that was asked for, each once.
    pub fn kinds(&self) -> Vec<AllocatorKind> {
        let mut kinds: Vec<AllocatorKind> = Vec::new();
        for kind in self.regalloc.iter().map(|&arg| arg.into()) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllocatorArg {
    /// regalloc2's backtracking allocator
    Ion,
    /// regalloc2's single-pass allocator
    Fastalloc,
    /// The baseline: one forward pass, local to blocks
    Greedy,
    /// Graph colouring with coalescing
    Coloring,
    /// Furthest next use across the control-flow graph
    Belady,
    /// The cheapest of ion and belady, other preferences and another order, for each function
    Portfolio,
}

impl From<AllocatorArg> for AllocatorKind {
    fn from(arg: AllocatorArg) -> Self {
        match arg {
            AllocatorArg::Ion => AllocatorKind::Ion,
            AllocatorArg::Fastalloc => AllocatorKind::Fastalloc,
            AllocatorArg::Greedy => AllocatorKind::Greedy,
            AllocatorArg::Coloring => AllocatorKind::Coloring,
            AllocatorArg::Belady => AllocatorKind::Belady,
            AllocatorArg::Portfolio => AllocatorKind::Portfolio,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum RuntimeArg {
    /// Undefined symbols, for libgcc or compiler-rt
    External,
    /// Windlass's own, as weak functions
    Builtin,
}

impl From<RuntimeArg> for RuntimeLibrary {
    fn from(arg: RuntimeArg) -> Self {
        match arg {
            RuntimeArg::External => RuntimeLibrary::External,
            RuntimeArg::Builtin => RuntimeLibrary::Builtin,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchArg {
    On,
    Off,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum OptArg {
    None,
    Speed,
    Size,
}

impl From<OptArg> for OptLevel {
    fn from(arg: OptArg) -> Self {
        match arg {
            OptArg::None => OptLevel::None,
            OptArg::Speed => OptLevel::Speed,
            OptArg::Size => OptLevel::Size,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum TrapsArg {
    /// As undefined instructions, which the fault handler of `c-runtime` takes
    Udf,
    /// As calls of windlass_trap, for hosts that do not own their fault vectors; also in `c-runtime`
    Call,
}

impl From<TrapsArg> for TrapMode {
    fn from(arg: TrapsArg) -> Self {
        match arg {
            TrapsArg::Udf => TrapMode::Udf,
            TrapsArg::Call => TrapMode::Call,
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum BoundsArg {
    /// Every access is checked, and traps outside
    Explicit,
    /// Addresses wrap modulo the memory's size, a power of two that does not grow
    Mask,
    /// Nothing is checked: for hosts that put an MPU around the memory
    None,
}

impl From<BoundsArg> for Bounds {
    fn from(arg: BoundsArg) -> Self {
        match arg {
            BoundsArg::Explicit => Bounds::Explicit,
            BoundsArg::Mask => Bounds::Mask,
            BoundsArg::None => Bounds::None,
        }
    }
}
