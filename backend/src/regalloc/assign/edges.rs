//! Edges: what one side has in a register the other has in another, or in memory.

use regalloc2::{Allocation, Block, PReg, ProgPoint, RegClass, VReg};

use super::Assigner;
use super::memory::stores_on_edge;
use crate::regalloc::moves::{Moves, sequentialize};
use crate::regalloc::residence::{edge_args, edge_point};
use crate::regalloc::{AllocError, AllocProblem, CLASSES, Edit};

impl<P: AllocProblem> Assigner<'_, P> {
    /// Stores values that are to be stored where the block begins.
    pub(super) fn store_at_entry(&mut self, block: Block) {
        let point = ProgPoint::before(self.problem.block_insns(block).first());
        for &vreg in &self.memory.stored_at_entry[block.index()] {
            let entry = self.residence.entry[block.index()].iter();
            let mut regs = entry.zip(&self.at_entry[block.index()]);
            let found = regs.find(|(v, _)| **v == vreg);
            if let (Some((_, &preg)), Some(slot)) = (found, self.memory.slot(vreg)) {
                let (from, to) = (Allocation::reg(preg), Allocation::stack(slot));
                self.store_edits.push((point, Edit::Move { from, to }));
            }
        }
    }

    /// Adds the moves on the edges that leave a block.
    pub(super) fn connect(&mut self, block: Block) -> Result<(), AllocError> {
        for succ in 0..self.problem.block_succs(block).len() {
            for class in CLASSES {
                let moves = self.moves_on_edge(block, succ, class)?;
                if !moves.is_empty() {
                    self.emit_edge(block, succ, class, moves)?;
                }
            }
        }
        Ok(())
    }

    fn moves_on_edge(
        &self,
        block: Block,
        succ: usize,
        class: RegClass,
    ) -> Result<Moves, AllocError> {
        let problem = self.problem;
        let to = problem.block_succs(block)[succ];
        let exit = self.residence.exit[block.index()].iter().zip(&self.at_exit[block.index()]);
        let source = |vreg: VReg| {
            let register = exit.clone().find(|(v, _)| **v == vreg).map(|(_, &preg)| preg);
            register.map(Allocation::reg).map_or_else(|| self.slot(vreg), Ok)
        };
        let params = problem.block_params(to);
        let entry = self.residence.entry[to.index()].iter().zip(&self.at_entry[to.index()]);
        let mut moves = Moves::new();
        for (&vreg, &preg) in entry.clone().filter(|(v, _)| v.class() == class) {
            if !params.contains(&vreg) {
                moves.push((source(vreg)?, Allocation::reg(preg)));
            }
        }
        let args = edge_args(problem, block, succ);
        for (arg, param) in args.filter(|(arg, _)| arg.class() == class) {
            if let Some((_, &preg)) = entry.clone().find(|(v, _)| **v == param) {
                moves.push((source(arg)?, Allocation::reg(preg)));
            } else if let Some(slot) = self.memory.slot(param) {
                let from = source(arg)?;
                let on_edge = from.is_reg() && stores_on_edge(problem, block, to);
                if on_edge || !self.memory.is_passed_in_place(arg, param) {
                    moves.push((from, Allocation::stack(slot)));
                }
            }
        }
        moves.retain(|(from, to)| from != to);
        Ok(moves)
    }

    fn emit_edge(
        &mut self,
        block: Block,
        succ: usize,
        class: RegClass,
        moves: Moves,
    ) -> Result<(), AllocError> {
        let to = self.problem.block_succs(block)[succ];
        let (place, point) = edge_point(self.problem, block, to);
        let scratch = self.scratch(class)?;
        let through_scratch = moves.iter().any(|(from, to)| from.is_stack() && to.is_stack());
        let spare = if through_scratch { self.spare(block, to, class) } else { Some(scratch) };
        let list = if place == to { &mut self.entry_edits } else { &mut self.exit_edits };
        let temp = || match spare {
            Some(preg) => Allocation::reg(preg),
            None => Allocation::stack(self.memory.slots.for_cycles(self.problem, class)),
        };
        sequentialize(moves, scratch, temp, |from, to| {
            list.push((point, Edit::Move { from, to }));
        });
        Ok(())
    }

    /// A register that holds nothing on either side of an edge.
    fn spare(&self, block: Block, to: Block, class: RegClass) -> Option<PReg> {
        let busy = [&self.at_exit[block.index()], &self.at_entry[to.index()]];
        let mut order = self.orders[class as usize].iter().copied();
        order.find(|preg| busy.iter().all(|list| !list.contains(preg)))
    }
}
