//! Machine code between emission and the object file.
//!
//! Input: what emission knows of one function. Output: all that the object writer, statistics and
//! listings need. Offsets count bytes from the function's first byte.

use crate::module::SymbolId;
use crate::regalloc::shadow::Shadow;
use crate::regalloc::{AllocStats, LoopStats, ProblemStats};
use crate::stack::StackBound;
use crate::trap::Trap;
use crate::view::FunctionView;

/// What a relocation refers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RelocTarget {
    Symbol(SymbolId),
    /// A .clif `%name` or a runtime helper: the module's global symbol of that name, else undefined.
    Name(String),
}

/// A field of the code that the linker completes.
///
/// Invariant: the addend stands encoded in the field (ELF REL).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloc {
    pub offset: u32,
    /// ELF `r_type`, chosen by the ISA.
    pub kind: u32,
    pub target: RelocTarget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionKind {
    Code,
    /// Literal pools and jump tables.
    Data,
}

/// The bytes from `offset` to the next region, or to the end, are of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    pub offset: u32,
    pub kind: RegionKind,
}

/// An instruction that traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrapSite {
    pub offset: u32,
    pub trap: Trap,
}

/// Code in `start..end` comes from the wasm instruction at byte `loc` of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRange {
    pub start: u32,
    pub end: u32,
    pub loc: u32,
}

/// How the caller's registers are recovered, at one place in the code.
///
/// The canonical frame address is what sp will be when the function has returned: for a callee that
/// pops its stack arguments, beyond these.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct FrameState {
    /// Bytes from sp to the canonical frame address.
    pub cfa_offset: i32,
    /// The caller's registers that lie in memory: DWARF's number, and where, in bytes from the
    /// canonical frame address. All others still have the caller's values.
    pub saved: Vec<(u16, i32)>,
}

/// The state from `offset` on, which may lie within an instruction: a return address less one then
/// finds what holds once the callee has returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameRow {
    pub offset: u32,
    pub state: FrameState,
}

/// One function's machine code.
///
/// Invariant: `regions` is in order of offset and, unless `code` is empty, its first stands at 0.
#[derive(Clone, Debug, Default)]
pub struct CompiledFunction {
    pub code: Vec<u8>,
    /// A power of two.
    pub align: u32,
    pub relocs: Vec<Reloc>,
    pub regions: Vec<Region>,
    pub traps: Vec<TrapSite>,
    /// In order, without the pool of literals; code between them is windlass's own.
    pub source_ranges: Vec<SourceRange>,
    /// In order of offset, the first at 0; only with debug information.
    pub frame_rows: Vec<FrameRow>,
    /// Stack that the function occupies, its saved registers included.
    pub frame_bytes: u32,
    /// Stack arguments above it, which its caller put there.
    pub incoming_bytes: u32,
    /// Where spill slots are, in bytes from sp after the prologue.
    pub spill_area: core::ops::Range<u32>,
    pub stats: FunctionStats,
    /// On request: inner loops before outer ones, and last the function.
    pub remarks: Option<Vec<Remark>>,
    /// On request.
    pub listing: Option<Listing>,
    /// On request.
    pub view: Option<Box<FunctionView>>,
    /// On request; else the reason why nothing can be said.
    pub shadow: Option<Result<Shadow, String>>,
}

/// What a function cost, as docs/register-allocation.md defines the figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FunctionStats {
    /// Machine instructions in the function's code.
    pub insts: u32,
    /// Literals and tables included.
    pub code_bytes: u32,
    pub frame_bytes: u32,
    pub vcode_insts: u32,
    pub vregs: u32,
    /// On request.
    pub problem: Option<ProblemStats>,
    /// The instructions stand in another order than the problem has them: the figures of the
    /// allocation are that order's, the others are the problem's.
    pub reordered: bool,
    /// Time that allocation took, in microseconds.
    pub time_us: u64,
    /// Of the allocator's output.
    pub alloc: AllocStats,
    /// After the passes behind it; the machine code has exactly these.
    pub final_alloc: AllocStats,
    /// sp-relative loads and stores of arguments, results and stack slots.
    pub stack_args: u32,
}

/// What register allocation costs in a loop, or in the whole function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Remark {
    /// Byte offset in the wasm file of where it begins, if that is known.
    pub loc: Option<u32>,
    pub stats: LoopStats,
}

/// A function's stages as text.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// After the mid-end.
    pub clif: String,
    pub vcode: String,
    /// Assembly, each line with its offset in the code.
    pub asm: Vec<(u32, String)>,
}

#[derive(Clone, Debug, Default)]
pub struct CompiledModule {
    /// Parallel to [`crate::module::Module::functions`].
    pub functions: Vec<CompiledFunction>,
    /// How deep a call of each function may take the stack; parallel to them.
    pub stack_bounds: Vec<StackBound>,
}
