//! Register allocation: problems, allocators, checks and counts, all free of any instruction set.
//!
//! A problem is a `regalloc2::Function` with three more facts ([`AllocProblem`]); an answer has the
//! layout of regalloc2's `Output` ([`AllocResult`]), whoever gave it. Everything in this folder is
//! generic over the problem, so that saved problems, random ones and real functions are treated
//! alike.

use regalloc2::{Allocation, Block, Function, Inst, ProgPoint};

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
}
