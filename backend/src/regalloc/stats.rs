//! What an allocation costs: one piece of code for every allocator and every pass behind it.
//!
//! Input: a problem and an answer. Output: the figures that docs/register-allocation.md defines.
//! Nothing here asks who gave the answer.

use regalloc2::{Allocation, Block, Inst, MachineEnv, OperandKind, ProgPoint, RegClass};

use super::spilled::spilled_values;
use super::{AllocProblem, AllocResult, Edit, blocks, excess, lower_bound, peak_pressure};

/// What can be said of a problem before anyone answers it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ProblemStats {
    /// The most values of class Int live at once.
    pub peak_pressure: u32,
    /// How many more values are live than registers are free, at the worst point. At most 0 if the
    /// function fits.
    pub excess: i32,
    /// A cost below which no allocation can be.
    pub lower_bound: f64,
}

impl ProblemStats {
    pub fn of<P: AllocProblem>(problem: &P, env: &MachineEnv) -> ProblemStats {
        let excess = excess(problem, env);
        ProblemStats {
            peak_pressure: peak_pressure(problem)[RegClass::Int as usize],
            excess,
            lower_bound: if excess > 0 { lower_bound(problem, env) } else { 0.0 },
        }
    }
}

/// Static counts of one allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AllocStats {
    /// Moves from a register to a slot, and definitions left on the stack.
    pub spill_stores: u32,
    /// Moves from a slot to a register, and uses left on the stack.
    pub reloads: u32,
    /// Moves from a register to another.
    pub moves: u32,
    /// Values computed again.
    pub remats: u32,
    /// Virtual registers that touch a slot.
    pub spilled_values: u32,
    /// Slots in the frame.
    pub slots: u32,
    /// Stores and reloads, each weighted with its block's frequency.
    pub cost: f64,
}

/// What one block does each time it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct BlockCounts {
    pub spill_stores: u32,
    pub reloads: u32,
    pub moves: u32,
    pub remats: u32,
}

impl BlockCounts {
    fn count_move(&mut self, from: Allocation, to: Allocation) {
        if from == to {
            return;
        }
        if from.is_reg() && to.is_reg() {
            self.moves += 1;
        }
        if from.is_stack() {
            self.count_operand(OperandKind::Use);
        }
        if to.is_stack() {
            self.count_operand(OperandKind::Def);
        }
    }

    /// An access to a slot.
    fn count_operand(&mut self, kind: OperandKind) {
        match kind {
            OperandKind::Use => self.reloads += 1,
            OperandKind::Def => self.spill_stores += 1,
        }
    }
}

/// Counts what `result` does to `problem`.
pub fn stats<P: AllocProblem>(problem: &P, result: &AllocResult) -> AllocStats {
    let mut stats = AllocStats {
        slots: result.num_spillslots as u32,
        spilled_values: spilled_values(problem, result),
        ..AllocStats::default()
    };
    for block in blocks(problem) {
        let counts = block_counts(problem, result, block);
        stats.spill_stores += counts.spill_stores;
        stats.reloads += counts.reloads;
        stats.moves += counts.moves;
        stats.remats += counts.remats;
        let accesses = f64::from(counts.spill_stores) + f64::from(counts.reloads);
        stats.cost += accesses * problem.block_frequency(block);
    }
    stats
}

/// Counts what `result` does in one block.
pub(super) fn block_counts<P: AllocProblem>(
    problem: &P,
    result: &AllocResult,
    block: Block,
) -> BlockCounts {
    let mut counts = BlockCounts::default();
    for (_, edit) in block_edits(problem, result, block) {
        match *edit {
            Edit::Move { from, to } => counts.count_move(from, to),
            Edit::Remat { .. } => counts.remats += 1,
        }
    }
    for inst in problem.block_insns(block).iter() {
        for (kind, _) in stack_operands(problem, result, inst) {
            counts.count_operand(kind);
        }
    }
    counts
}

/// Operands that stay on the stack, each with its virtual register's number.
pub(super) fn stack_operands<P: AllocProblem>(
    problem: &P,
    result: &AllocResult,
    inst: Inst,
) -> impl Iterator<Item = (OperandKind, usize)> {
    let allocs = result.inst_allocs(inst).iter();
    let operands = problem.inst_operands(inst).iter().zip(allocs);
    operands.filter(|(_, alloc)| alloc.is_stack()).map(|(op, _)| (op.kind(), op.vreg().vreg()))
}

/// The edits between the instructions of a block.
pub(super) fn block_edits<'a, P: AllocProblem>(
    problem: &P,
    result: &'a AllocResult,
    block: Block,
) -> &'a [(ProgPoint, Edit)] {
    let insts = problem.block_insns(block);
    let (first, end) = (ProgPoint::before(insts.first()), ProgPoint::before(insts.last()).next());
    let start = result.edits.partition_point(|&(point, _)| point < first);
    let len = result.edits[start..].partition_point(|&(point, _)| point < end);
    &result.edits[start..start + len]
}
