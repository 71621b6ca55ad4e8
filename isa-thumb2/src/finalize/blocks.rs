//! Block cleanups: branches skip blocks that only jump on, and blocks that nothing reaches go.
//!
//! Allocation leaves an edge block empty but for its jump when the edge needs no move. Blocks are
//! numbered anew, so that emission sees which one follows.

use crate::inst::Inst;
use windlass_backend::emit::buffer::MachLabel;
use windlass_backend::isa::Code;

pub fn thread_jumps(code: &mut Code<Inst>) {
    let finals = final_targets(code);
    for inst in &mut code.insts {
        for_each_target(inst, |label| *label = finals[label.index()]);
        join_equal_targets(inst);
    }
    let reached = reached_blocks(code);
    if reached.iter().all(|&reached| reached) {
        return;
    }
    remove_blocks(code, &reached);
    let numbers: Vec<MachLabel> = reached
        .iter()
        .scan(0, |kept, &reached| {
            let number = *kept;
            *kept += usize::from(reached);
            Some(MachLabel::from_index(number))
        })
        .collect();
    for inst in &mut code.insts {
        for_each_target(inst, |label| *label = numbers[label.index()]);
    }
}

/// Keeps the blocks that are `reached`.
fn remove_blocks(code: &mut Code<Inst>, reached: &[bool]) {
    let old = core::mem::take(code);
    let ranges: Vec<_> = (0..old.num_blocks()).map(|block| old.block_range(block)).collect();
    let mut insts = old.insts.into_iter().zip(old.locs);
    for (range, &reached) in ranges.into_iter().zip(reached) {
        if reached {
            code.start_block();
        }
        for (inst, loc) in insts.by_ref().take(range.len()).filter(|_| reached) {
            code.push(inst, loc);
        }
    }
}

/// For every block the one that control arrives at after all jumps-only blocks from there on.
///
/// A union-find whose roots are the blocks that stay: the block that would close a cycle of jumps
/// is an endless loop and stays too.
fn final_targets(code: &Code<Inst>) -> Vec<MachLabel> {
    let mut parents: Vec<usize> = (0..code.num_blocks()).collect();
    for block in (0..parents.len()).rev() {
        if let Some(target) = sole_jump(code, block) {
            parents[block] = find(&mut parents, target.index());
        }
    }
    (0..parents.len()).map(|block| MachLabel::from_index(find(&mut parents, block))).collect()
}

fn find(parents: &mut [usize], block: usize) -> usize {
    let mut root = block;
    while parents[root] != root {
        root = parents[root];
    }
    let mut at = block;
    while parents[at] != root {
        at = core::mem::replace(&mut parents[at], root);
    }
    root
}

/// The target of a block that consists of a jump to another block.
fn sole_jump(code: &Code<Inst>, block: usize) -> Option<MachLabel> {
    match code.insts[code.block_range(block)] {
        [Inst::Jump { target }] if target.index() != block => Some(target),
        _ => None,
    }
}

fn join_equal_targets(inst: &mut Inst) {
    if let Inst::CondBr { taken, not_taken, .. } | Inst::CmpBranchZero { taken, not_taken, .. } =
        *inst
        && taken == not_taken
    {
        *inst = Inst::Jump { target: taken };
    }
}

fn reached_blocks(code: &Code<Inst>) -> Vec<bool> {
    let mut reached = vec![false; code.num_blocks()];
    let mut work = vec![0];
    while let Some(block) = work.pop() {
        if core::mem::replace(&mut reached[block], true) {
            continue;
        }
        let range = code.block_range(block);
        if let Some(last) = code.insts[range].last() {
            each_target(last, |label| work.push(label.index()));
        }
    }
    reached
}

fn for_each_target(inst: &mut Inst, mut visit: impl FnMut(&mut MachLabel)) {
    match inst {
        Inst::Jump { target } => visit(target),
        Inst::CondBr { taken, not_taken, .. } | Inst::CmpBranchZero { taken, not_taken, .. } => {
            visit(taken);
            visit(not_taken);
        }
        Inst::JumpTable { default, targets, .. } => {
            visit(default);
            targets.iter_mut().for_each(visit);
        }
        _ => {}
    }
}

fn each_target(inst: &Inst, mut visit: impl FnMut(MachLabel)) {
    match inst {
        Inst::Jump { target } => visit(*target),
        Inst::CondBr { taken, not_taken, .. } | Inst::CmpBranchZero { taken, not_taken, .. } => {
            visit(*taken);
            visit(*not_taken);
        }
        Inst::JumpTable { default, targets, .. } => {
            visit(*default);
            targets.iter().copied().for_each(visit);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;
    use crate::inst::args::{Cond, Operand2};

    fn jump(block: usize) -> Inst {
        Inst::Jump { target: MachLabel::from_index(block) }
    }

    fn branch(taken: usize, not_taken: usize) -> Inst {
        let (taken, not_taken) = (MachLabel::from_index(taken), MachLabel::from_index(not_taken));
        Inst::CondBr { cond: Cond::Eq, taken, not_taken }
    }

    fn targets(code: &Code<Inst>, block: usize) -> Vec<usize> {
        let mut targets = Vec::new();
        if let Some(last) = code.insts[code.block_range(block)].last() {
            each_target(last, |label| targets.push(label.index()));
        }
        targets
    }

    #[test]
    fn branches_skip_chains_of_jumps() {
        let zero = cmp(0, Operand2::Imm(0));
        let mut code = code(&[
            &[zero, branch(1, 2)],
            &[jump(3)],
            &[mov(1, 2), jump(3)],
            &[jump(4)],
            &[ret(&[])],
        ]);
        thread_jumps(&mut code);
        assert_eq!(code.block_starts, [0, 2, 4]);
        assert_eq!(targets(&code, 0), [2, 1]);
        assert_eq!(targets(&code, 1), [2]);
    }

    #[test]
    fn a_branch_whose_ways_meet_is_a_jump() {
        let mut code = code(&[&[cmp(0, Operand2::Imm(0)), branch(1, 2)], &[jump(2)], &[ret(&[])]]);
        thread_jumps(&mut code);
        assert!(matches!(code.insts[1], Inst::Jump { .. }));
        assert_eq!(code.block_starts, [0, 2]);
        assert_eq!(targets(&code, 0), [1]);
    }

    #[test]
    fn endless_loops_of_jumps_stay() {
        let mut code = code(&[&[jump(1)], &[jump(2)], &[jump(3)], &[jump(1)]]);
        thread_jumps(&mut code);
        let entered = targets(&code, 0)[0];
        assert_eq!(targets(&code, entered), [entered]);
        let mut own = super::super::machine::code(&[&[jump(0)]]);
        thread_jumps(&mut own);
        assert_eq!(targets(&own, 0), [0]);
    }
}
