//! What a residence costs before it has registers: stores and reloads, weighted with frequency.

use regalloc2::Block;

use super::memory::{Memory, stores_on_edge};
use crate::regalloc::residence::{Definitions, Leave, Residence, edge_args, edge_point};
use crate::regalloc::{AllocProblem, blocks};

impl Memory {
    /// Stores and reloads of a residence, each weighted with its block's frequency.
    pub fn cost<P: AllocProblem>(
        &self,
        problem: &P,
        definitions: &Definitions,
        residence: &Residence,
    ) -> f64 {
        let mut cost = self.cost_of_operands(problem, residence);
        let frequency = |block: Block| problem.block_frequency(block);
        for (block, _) in definitions.blocks.iter().zip(&self.stored_at_birth).filter(|(_, s)| **s)
        {
            cost += frequency(*block);
        }
        for block in blocks(problem) {
            cost += frequency(block) * self.stored_at_entry[block.index()].len() as f64;
            for i in 0..problem.block_succs(block).len() {
                cost += self.cost_of_edge(problem, residence, block, i);
            }
        }
        cost
    }

    fn cost_of_edge<P: AllocProblem>(
        &self,
        problem: &P,
        residence: &Residence,
        block: Block,
        succ: usize,
    ) -> f64 {
        let to = problem.block_succs(block)[succ];
        let exit = &residence.exit[block.index()];
        let entry = &residence.entry[to.index()];
        let params = problem.block_params(to);
        let loaded = entry.iter().filter(|v| !params.contains(v) && !exit.contains(v));
        let mut accesses = loaded.count();
        for (arg, param) in edge_args(problem, block, succ) {
            let in_register = exit.contains(&arg);
            if entry.contains(&param) {
                accesses += usize::from(!in_register);
            } else if self.slot(param).is_some() {
                let on_edge = in_register && stores_on_edge(problem, block, to);
                if on_edge || !self.is_passed_in_place(arg, param) {
                    accesses += if in_register { 1 } else { 2 };
                }
            }
        }
        accesses as f64 * problem.block_frequency(edge_point(problem, block, to).0)
    }

    fn cost_of_operands<P: AllocProblem>(&self, problem: &P, residence: &Residence) -> f64 {
        let mut accesses = residence.reloads.iter().map(|&(inst, _)| inst).collect::<Vec<_>>();
        let unborn = residence.leaves.iter().filter(|leave| leave.2 == Leave::Unborn);
        accesses.extend(unborn.map(|&(inst, ..)| inst));
        accesses.extend(&self.stack_uses);
        accesses.sort_unstable();
        let mut accesses = accesses.into_iter().peekable();
        let mut cost = 0.0;
        for block in blocks(problem) {
            let last = problem.block_insns(block).last();
            while accesses.next_if(|inst| *inst <= last).is_some() {
                cost += problem.block_frequency(block);
            }
        }
        cost
    }
}
