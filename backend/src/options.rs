//! What a caller may ask of the compiler, in one place.

pub use wasmparser::WasmFeatures;

/// How much the mid-end does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum OptLevel {
    None,
    #[default]
    Speed,
    Size,
}

/// How an access to linear memory is kept inside.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Bounds {
    /// Compare against the memory's current size.
    #[default]
    Explicit,
    /// Wrap addresses into a memory of 2^n bytes, which does not grow.
    Mask,
    /// No check: the host has an MPU around the memory.
    None,
}

/// Which allocator assigns registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum AllocatorKind {
    /// regalloc2's backtracking allocator.
    Ion,
    /// regalloc2's single-pass allocator.
    Fastalloc,
    /// The baseline: a single forward pass, local to blocks.
    Greedy,
    /// Chaitin's graph colouring, with Briggs's optimism and iterated coalescing.
    Coloring,
    /// Furthest next use across the control-flow graph.
    Belady,
    /// The cheapest answer of several.
    Portfolio,
}

impl AllocatorKind {
    pub const ALL: [AllocatorKind; 6] = [
        AllocatorKind::Ion,
        AllocatorKind::Fastalloc,
        AllocatorKind::Greedy,
        AllocatorKind::Coloring,
        AllocatorKind::Belady,
        AllocatorKind::Portfolio,
    ];

    pub fn name(self) -> &'static str {
        match self {
            AllocatorKind::Ion => "ion",
            AllocatorKind::Fastalloc => "fastalloc",
            AllocatorKind::Greedy => "greedy",
            AllocatorKind::Coloring => "coloring",
            AllocatorKind::Belady => "belady",
            AllocatorKind::Portfolio => "portfolio",
        }
    }
}

/// Where the runtime routines that have standard names come from. The others are always carried
/// along.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum RuntimeLibrary {
    /// Undefined symbols, for libgcc or compiler-rt.
    #[default]
    External,
    /// Windlass's own, weak.
    Builtin,
}

/// How a trap leaves the code of a wasm module. In .clif functions it is always `udf`: there is no
/// instance to recover.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum TrapMode {
    /// An undefined instruction, for the host's fault handler.
    #[default]
    Udf,
    /// A call of [`crate::trap::HANDLER`], for hosts that do not own their fault vectors.
    Call,
}

/// Options of wasm translation.
#[derive(Clone, Debug)]
pub struct FrontendOptions {
    /// The module's name: prefix of its symbols.
    pub name: String,
    pub bounds: Bounds,
    /// Proposals that the module may use.
    pub features: WasmFeatures,
    /// Elements that a table may grow to if its declared maximum does not say so.
    pub table_capacity: u32,
    /// Patterns of shell style, `*` and `?`: exports that none matches are left out. All stay if
    /// there is no pattern.
    pub export_filter: Vec<String>,
    /// Loop headers and function entries look at the instance's interrupt flag.
    pub interruptible: bool,
    /// Code counts fuel; an instance begins with so much.
    pub fuel: Option<u32>,
    /// C functions return structs of up to four floats of one format in registers.
    pub floats_in_registers: bool,
    /// Read the source lines of a module that has DWARF (`Module::source`).
    pub debug_info: bool,
}

impl Default for FrontendOptions {
    fn default() -> Self {
        FrontendOptions {
            name: String::new(),
            bounds: Bounds::default(),
            features: SUPPORTED_FEATURES,
            table_capacity: MAX_DECLARED_CAPACITY,
            export_filter: Vec::new(),
            interruptible: false,
            fuel: None,
            floats_in_registers: false,
            debug_info: false,
        }
    }
}

/// The largest declared maximum of a table for which an instance sets room aside.
pub const MAX_DECLARED_CAPACITY: u32 = 1024;

/// WebAssembly 1.0 and 2.0 without SIMD, and of 3.0 what small machines use.
pub const SUPPORTED_FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::MULTI_MEMORY)
    .union(WasmFeatures::CUSTOM_PAGE_SIZES);

/// Options of code generation.
#[derive(Clone, Debug)]
pub struct CodegenOptions {
    pub opt_level: OptLevel,
    /// None for the one that suits the level.
    pub allocator: Option<AllocatorKind>,
    /// Run the passes behind allocation.
    pub post_passes: bool,
    pub runtime: RuntimeLibrary,
    /// Run the allocation checker on every function.
    pub check: bool,
    /// Measure each function's allocation problem (`FunctionStats::problem`).
    pub problem_stats: bool,
    /// Keep listings (`CompiledFunction::listing`).
    pub listings: bool,
    /// Keep what each loop costs (`CompiledFunction::remarks`).
    pub remarks: bool,
    /// Keep what a report shows of each function (`CompiledFunction::view`).
    pub views: bool,
    /// Look at what the baseline's physical stream hides (`CompiledFunction::shadow`). Never changes
    /// the output.
    pub shadow: bool,
    /// Worker threads; 0 asks for one per processor. Never changes the output.
    pub threads: usize,
    pub traps: TrapMode,
    /// Functions with an instance compare sp with its stack limit (see `instance::RED_ZONE`).
    pub stack_check: bool,
    /// Keep what debuggers want of each function (`CompiledFunction::frame_rows`), and make each
    /// source location trap at a place of its own.
    pub debug_info: bool,
}

impl Default for CodegenOptions {
    fn default() -> Self {
        CodegenOptions {
            opt_level: OptLevel::default(),
            allocator: None,
            post_passes: true,
            runtime: RuntimeLibrary::default(),
            check: false,
            problem_stats: false,
            listings: false,
            remarks: false,
            views: false,
            shadow: false,
            threads: 0,
            traps: TrapMode::default(),
            stack_check: true,
            debug_info: false,
        }
    }
}

impl CodegenOptions {
    /// The allocator asked for, else the cheapest answers of several, and ion where nothing is
    /// optimised.
    pub fn allocator(&self) -> AllocatorKind {
        self.allocator.unwrap_or(match self.opt_level {
            OptLevel::None => AllocatorKind::Ion,
            OptLevel::Speed | OptLevel::Size => AllocatorKind::Portfolio,
        })
    }
}
