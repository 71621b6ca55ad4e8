//! Register allocation: problems, allocators, checks and counts, all free of any instruction set.
//!
//! A problem is a `regalloc2::Function` with three more facts ([`AllocProblem`]); an answer has the
//! layout of regalloc2's `Output` ([`AllocResult`]), whoever gave it. Everything in this folder is
//! generic over the problem, so that saved problems, random ones and real functions are treated
//! alike.
//!
//! ```text
//! problem, env --Allocator--> AllocResult --check--> the same, verified
//!                                         --stats--> AllocStats: stores, reloads, moves, cost
//!                                         --stays--> which value is where along the program
//! problem, env --saved--> text --saved--> problem, env      problem that fails --reduce--> less of it
//! problem --ranges--> where each value lives       problem, env --pressure--> peak, excess
//! problem, env --coloring--> Allocated | NeedsSpill | Declined      (measures, never emits)
//! problem, env --bound--> a cost below which no answer can be
//! problem, env --optimum--> the least cost of all answers, by integer programming
//! problem, env --shadow--> what the baseline's physical stream hides   (physical: any stream)
//! ```
//!
//! What a problem must satisfy is in substance what regalloc2 asks: SSA, an entry block without
//! parameters, dense numbers, critical edges split, blocks in reverse postorder, and no operands on
//! a branch to a block with several predecessors. [`well_formed()`] checks it.

use core::panic::AssertUnwindSafe;
use regalloc2::{
    Allocation, Block, Function, Inst, MachineEnv, Output, ProgPoint, RegAllocError, RegClass,
};
use thiserror::Error;

use crate::options::AllocatorKind;

/// What a problem in other words has in common with the `problem` that it wraps, as methods of
/// `regalloc2::Function`: all but operands, parameters and arguments.
macro_rules! same_as_problem {
    () => {
        fn num_insts(&self) -> usize {
            self.problem.num_insts()
        }

        fn num_blocks(&self) -> usize {
            self.problem.num_blocks()
        }

        fn entry_block(&self) -> Block {
            self.problem.entry_block()
        }

        fn block_insns(&self, block: Block) -> InstRange {
            self.problem.block_insns(block)
        }

        fn block_succs(&self, block: Block) -> &[Block] {
            self.problem.block_succs(block)
        }

        fn block_preds(&self, block: Block) -> &[Block] {
            self.problem.block_preds(block)
        }

        fn is_ret(&self, inst: Inst) -> bool {
            self.problem.is_ret(inst)
        }

        fn is_branch(&self, inst: Inst) -> bool {
            self.problem.is_branch(inst)
        }

        fn inst_clobbers(&self, inst: Inst) -> PRegSet {
            self.problem.inst_clobbers(inst)
        }

        fn num_vregs(&self) -> usize {
            self.problem.num_vregs()
        }

        fn spillslot_size(&self, class: RegClass) -> usize {
            self.problem.spillslot_size(class)
        }

        fn multi_spillslot_named_by_last_slot(&self) -> bool {
            self.problem.multi_spillslot_named_by_last_slot()
        }
    };
}

mod assign;
pub mod belady;
mod bound;
mod cfg;
mod check;
pub mod coloring;
pub mod fastalloc;
pub mod greedy;
pub mod ion;
mod lists;
mod liveness;
mod loops;
mod moves;
mod names;
#[cfg(feature = "optimum")]
mod optimum;
pub mod physical;
mod place;
mod points;
pub mod portfolio;
mod postra;
mod pressure;
mod problem;
mod ranges;
pub mod reduce;
mod residence;
mod reuse;
pub mod saved;
pub mod shadow;
mod slots;
mod spilled;
mod stats;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod validate;
mod well_formed;

pub use belady::Belady;
pub use bound::lower_bound;
pub use check::check;
pub use coloring::{ChaitinBriggs, Coloring, Outcome, allocate_function};
pub use fastalloc::Fastalloc;
pub use greedy::Greedy;
pub use ion::Ion;
pub use loops::{LoopStats, loop_stats};
#[cfg(feature = "optimum")]
pub use optimum::{Optimum, optimum};
pub use portfolio::{Portfolio, Price};
pub use pressure::{InstPressure, excess, excess_by_class, peak_pressure, pressure_along};
pub use problem::{BlockData, Flow, Instruction, Problem};
pub use ranges::{LiveRange, ValueRanges, value_ranges};
pub use spilled::{Stay, Stays, stays};
pub use stats::{AllocStats, ProblemStats, stats};
pub use well_formed::{Malformed, Site, well_formed};

/// What allocators and statistics need to know beyond `regalloc2::Function`.
pub trait AllocProblem: Function {
    /// How often the block runs for each time the function does; the entry block is 1.0.
    /// Statically 10^loop-depth.
    fn block_frequency(&self, block: Block) -> f64;

    /// The cost in instructions of computing the only result of `inst` again at any later point,
    /// if that needs no operands and has no side effects.
    fn remat_cost(&self, inst: Inst) -> Option<u32>;

    fn is_call(&self, inst: Inst) -> bool;
}

/// A change between instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Copies one register or slot to another; never slot to slot.
    Move { from: Allocation, to: Allocation },
    /// Computes the result of `inst` again, into the register `to`.
    Remat { inst: Inst, to: Allocation },
}

/// An assignment of every operand, and the edits between instructions.
#[derive(Clone, Debug, Default)]
pub struct AllocResult {
    pub num_spillslots: usize,
    /// Sorted by program point.
    pub edits: Vec<(ProgPoint, Edit)>,
    /// Allocations of all operands, those of one instruction side by side.
    pub allocs: Vec<Allocation>,
    /// Where in `allocs` each instruction's begin.
    pub inst_alloc_offsets: Vec<u32>,
    /// Instructions that are not to be emitted: each defines a value that can be computed again, and
    /// that nobody reads from where it would put it. Sorted.
    pub dropped: Vec<Inst>,
}

impl AllocResult {
    pub fn inst_allocs(&self, inst: Inst) -> &[Allocation] {
        let start = self.inst_alloc_offsets[inst.index()] as usize;
        let end = self
            .inst_alloc_offsets
            .get(inst.index() + 1)
            .map_or(self.allocs.len(), |&end| end as usize);
        &self.allocs[start..end]
    }

    /// The same, to change.
    fn inst_allocs_mut(&mut self, inst: Inst) -> &mut [Allocation] {
        let start = self.inst_alloc_offsets[inst.index()] as usize;
        let len = self.inst_allocs(inst).len();
        &mut self.allocs[start..start + len]
    }

    pub fn is_dropped(&self, inst: Inst) -> bool {
        self.dropped.binary_search(&inst).is_ok()
    }

    /// The same answer for regalloc2's checker; none if it holds a `Remat` or a dropped instruction,
    /// which that does not know.
    pub fn to_output(&self) -> Option<Output> {
        if !self.dropped.is_empty() {
            return None;
        }
        let edits = self.edits.iter().map(|(point, edit)| match edit {
            &Edit::Move { from, to } => Some((*point, regalloc2::Edit::Move { from, to })),
            Edit::Remat { .. } => None,
        });
        Some(Output {
            num_spillslots: self.num_spillslots,
            edits: edits.collect::<Option<_>>()?,
            allocs: self.allocs.clone(),
            inst_alloc_offsets: self.inst_alloc_offsets.clone(),
            ..Output::default()
        })
    }
}

impl From<Output> for AllocResult {
    /// Leaves out moves of a register to itself, which only rename.
    fn from(output: Output) -> AllocResult {
        let edits = output.edits.into_iter().filter_map(|(point, edit)| {
            let regalloc2::Edit::Move { from, to } = edit;
            (from != to).then_some((point, Edit::Move { from, to }))
        });
        AllocResult {
            num_spillslots: output.num_spillslots,
            edits: edits.collect(),
            allocs: output.allocs,
            inst_alloc_offsets: output.inst_alloc_offsets,
            dropped: vec![],
        }
    }
}

/// Why there is no allocation.
#[derive(Clone, Debug, Error)]
pub enum AllocError {
    /// Some instruction asks for more registers at once than the environment has.
    #[error("an instruction needs more registers than there are")]
    TooManyLiveRegs,
    /// The problem breaks a rule that every problem must keep.
    #[error("malformed allocation problem: {0}")]
    Malformed(RegAllocError),
    /// The problem or the environment has something that this allocator does not treat.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// The answer is wrong: a bug in the allocator.
    #[error("wrong allocation: {0}")]
    Wrong(String),
    /// A bug in the allocator or the checker, caught.
    #[error("panic in {tool}: {message}")]
    Panic { tool: &'static str, message: String },
}

impl From<RegAllocError> for AllocError {
    fn from(error: RegAllocError) -> AllocError {
        match error {
            RegAllocError::TooManyLiveRegs => AllocError::TooManyLiveRegs,
            other => AllocError::Malformed(other),
        }
    }
}

/// Something that answers allocation problems.
pub trait Allocator {
    fn name(&self) -> &'static str;

    fn allocate<P: AllocProblem>(
        &self,
        problem: &P,
        env: &MachineEnv,
    ) -> Result<AllocResult, AllocError>;
}

/// Allocates with the allocator that `kind` names and, if asked, verifies its answer.
pub fn run<P: AllocProblem>(
    kind: AllocatorKind,
    problem: &P,
    env: &MachineEnv,
    verify: bool,
) -> Result<AllocResult, AllocError> {
    let result = guard(kind.name(), || match kind {
        AllocatorKind::Ion => Ion.allocate(problem, env),
        AllocatorKind::Fastalloc => Fastalloc.allocate(problem, env),
        AllocatorKind::Greedy => Greedy.allocate(problem, env),
        AllocatorKind::Coloring => ChaitinBriggs.allocate(problem, env),
        AllocatorKind::Belady => Belady.allocate(problem, env),
        AllocatorKind::Portfolio => Portfolio.allocate(problem, env),
    })?;
    if verify {
        check(problem, env, &result)?;
    }
    Ok(result)
}

/// What [`run`] does with portfolio, but for ion, if the answer's stores and reloads then cost less than
/// `limit`.
pub fn run_below<P: AllocProblem>(
    limit: f64,
    problem: &P,
    env: &MachineEnv,
    verify: bool,
) -> Result<Option<AllocResult>, AllocError> {
    let result = guard(Portfolio.name(), || portfolio::allocate_below(problem, env, limit))?;
    if verify && let Some(result) = &result {
        check(problem, env, result)?;
    }
    Ok(result)
}

/// Runs the passes behind allocation and, if asked, verifies what they leave.
pub fn improve<P: AllocProblem>(
    problem: &P,
    env: &MachineEnv,
    result: &mut AllocResult,
    verify: bool,
) -> Result<(), AllocError> {
    guard("the passes behind allocation", || {
        postra::improve(problem, env, result);
        Ok(())
    })?;
    if verify { check(problem, env, result) } else { Ok(()) }
}

/// All register classes, in order of their index.
pub const CLASSES: [RegClass; 3] = [RegClass::Int, RegClass::Float, RegClass::Vector];

/// The blocks of a problem, in order.
fn blocks<P: AllocProblem>(problem: &P) -> impl DoubleEndedIterator<Item = Block> + use<P> {
    (0..problem.num_blocks()).map(Block::new)
}

/// Block arguments of the branch `term` that ends `block`, each with its parameter.
fn branch_args<P: AllocProblem>(
    problem: &P,
    block: Block,
    term: Inst,
    succ: usize,
) -> impl Iterator<Item = (regalloc2::VReg, regalloc2::VReg)> {
    let params = problem.block_params(problem.block_succs(block)[succ]);
    let args = problem.branch_blockparams(block, term, succ);
    args.iter().copied().zip(params.iter().copied())
}

/// Runs what may panic on a problem that it does not expect, and makes that an error.
fn guard<T>(
    tool: &'static str,
    run: impl FnOnce() -> Result<T, AllocError>,
) -> Result<T, AllocError> {
    std::panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let message = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        Err(AllocError::Panic { tool, message: message.to_owned() })
    })
}
