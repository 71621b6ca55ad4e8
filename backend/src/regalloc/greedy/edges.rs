//! Block arguments: stored to the homes of the parameters, all at once.
//!
//! With one successor the moves stand in front of the branch; with several, each of which has no
//! other predecessor, at the successor's beginning, since a home that one successor overwrites may
//! be live into another.

use regalloc2::{Allocation, Block, Inst, PReg, ProgPoint, RegClass};

use super::Walk;
use crate::regalloc::moves::{Moves, sequentialize};
use crate::regalloc::{AllocError, AllocProblem, CLASSES, Edit, branch_args};

impl<P: AllocProblem> Walk<'_, P> {
    /// Passes the block arguments and forgets what registers hold.
    pub(super) fn leave(&mut self, block: Block) -> Result<(), AllocError> {
        let problem = self.problem;
        let term = problem.block_insns(block).last();
        let succs = problem.block_succs(block);
        if problem.is_branch(term) {
            for (i, &succ) in succs.iter().enumerate() {
                let at_entry = succs.len() > 1;
                let inst = if at_entry { problem.block_insns(succ).first() } else { term };
                for class in CLASSES {
                    let edits = self.pass_args(block, term, i, class, ProgPoint::before(inst))?;
                    let list = if at_entry { &mut self.entry_edits } else { &mut self.edits };
                    list.extend(edits);
                }
            }
            for i in 0..succs.len() {
                for (arg, _) in branch_args(problem, block, term, i) {
                    let value = self.value(arg);
                    value.uses_left = value.uses_left.saturating_sub(1);
                    if value.uses_left == 0 {
                        self.release(arg);
                    }
                }
            }
        }
        for class in CLASSES {
            for i in 0..self.order[class as usize].len() {
                self.leave_reg(self.order[class as usize][i]);
            }
        }
        Ok(())
    }

    fn pass_args(
        &mut self,
        block: Block,
        term: Inst,
        succ: usize,
        class: RegClass,
        point: ProgPoint,
    ) -> Result<Vec<(ProgPoint, Edit)>, AllocError> {
        let mut moves = Moves::new();
        for (arg, param) in branch_args(self.problem, block, term, succ) {
            if param.class() == class && self.known(param)?.used {
                let from = self.place_of(arg, term)?;
                moves.push((from, Allocation::stack(self.slot_of(param))));
            }
        }
        if moves.is_empty() {
            return Ok(vec![]);
        }
        let scratch = self.scratch(class)?;
        let spare = self.spare_register(class);
        let mut edits = vec![];
        let temp = || match spare {
            Some(preg) => Allocation::reg(preg),
            None => Allocation::stack(self.slots.for_cycles(self.problem, class)),
        };
        sequentialize(moves, scratch, temp, |from, to| {
            edits.push((point, Edit::Move { from, to }))
        });
        Ok(edits)
    }

    /// A register that neither a value nor the branch occupies.
    fn spare_register(&self, class: RegClass) -> Option<PReg> {
        let mut regs = self.order[class as usize].iter().copied();
        regs.find(|&r| self.content[r.index()].is_none() && !self.plan.early.contains(r))
    }
}
