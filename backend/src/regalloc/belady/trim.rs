//! Stays in registers end at their last use.
//!
//! The spiller lets a value go where it must. From its last use up to there it was in a register for
//! nothing, and so it was on every path from a block's beginning on which nothing uses it: such
//! tails are cut, and with them loads on edges that nobody wants. What is shorter meets fewer others
//! when registers are chosen; and what a value loses to a newcomer it loses before that arrives, so
//! that the newcomer takes the register at once instead of moving there later.
//!
//! A tail that leads from a hotter block to a colder one is kept, since the value may be stored at
//! less cost there.

use regalloc2::{Block, Inst, VReg};
use smallvec::SmallVec;

use crate::regalloc::residence::{Definitions, Leave, Residence, edge_args, values};
use crate::regalloc::{AllocProblem, blocks};

/// A value in a register where a block ends, or where it leaves unused.
struct Tail {
    vreg: VReg,
    /// The instruction that mentioned it last; none since the block's beginning.
    last: Option<Inst>,
}

/// What one block does.
#[derive(Default)]
struct Summary {
    /// For each value that the block begins with: whether it is in a register for a purpose.
    useful: Vec<bool>,
    leaves: Vec<(Inst, VReg, Leave)>,
    /// Values that leave before their time is up.
    cut: Vec<Tail>,
    exit: Vec<Tail>,
}

pub(super) fn trim<P: AllocProblem>(
    problem: &P,
    definitions: &Definitions,
    residence: &mut Residence,
) {
    let mut summaries = summarize(problem, residence);
    for block in blocks(problem) {
        let mut preds = problem.block_preds(block).iter();
        let frequency = problem.block_frequency(block);
        let is_colder = preds.any(|&pred| problem.block_frequency(pred) > frequency);
        let entry = residence.entry[block.index()].iter();
        for (useful, vreg) in summaries[block.index()].useful.iter_mut().zip(entry) {
            let home = definitions.blocks[vreg.vreg()];
            *useful |= is_colder && problem.block_frequency(home) > frequency;
        }
    }
    spread(problem, residence, &mut summaries);
    rewrite(problem, residence, summaries);
}

/// Walks all blocks.
fn summarize<P: AllocProblem>(problem: &P, residence: &Residence) -> Vec<Summary> {
    let mut reloads = residence.reloads.iter().peekable();
    let mut leaves = residence.leaves.iter().peekable();
    let mut summaries = vec![];
    for block in blocks(problem) {
        let entry = &residence.entry[block.index()];
        let mut summary = Summary { useful: vec![false; entry.len()], ..Summary::default() };
        let mut resident: Vec<Tail> = entry.iter().map(|&vreg| Tail { vreg, last: None }).collect();
        let take = |resident: &mut Vec<Tail>, vreg: VReg| {
            let at = resident.iter().position(|tail| tail.vreg == vreg);
            at.map(|at| resident.swap_remove(at))
        };
        for inst in problem.block_insns(block).iter() {
            while let Some(&(_, vreg)) = reloads.next_if(|(at, _)| *at <= inst) {
                resident.push(Tail { vreg, last: Some(inst) });
            }
            let first = summary.leaves.len();
            while let Some(&leave) = leaves.next_if(|(at, ..)| *at <= inst) {
                match leave.2 {
                    Leave::Before => summary.cut.extend(take(&mut resident, leave.1)),
                    _ => summary.leaves.push(leave),
                }
            }
            for (_, op) in values(problem.inst_operands(inst)) {
                match resident.iter_mut().find(|tail| tail.vreg == op.vreg()) {
                    Some(tail) => {
                        if tail.last.is_none()
                            && let Some(i) = entry.iter().position(|v| *v == op.vreg())
                        {
                            summary.useful[i] = true;
                        }
                        tail.last = Some(inst);
                    }
                    None if op.kind() == regalloc2::OperandKind::Def => {
                        resident.push(Tail { vreg: op.vreg(), last: Some(inst) });
                    }
                    None => {}
                }
            }
            for &(_, vreg, _) in &summary.leaves[first..] {
                take(&mut resident, vreg);
            }
        }
        summary.exit = resident;
        summaries.push(summary);
    }
    summaries
}

/// Finds what is useful because a successor uses it, until nothing is added.
fn spread<P: AllocProblem>(problem: &P, residence: &Residence, summaries: &mut [Summary]) {
    let mut changed = true;
    while changed {
        changed = false;
        for block in blocks(problem).rev() {
            let entry = &residence.entry[block.index()];
            for i in 0..summaries[block.index()].exit.len() {
                let Tail { vreg, last } = summaries[block.index()].exit[i];
                let position = entry.iter().position(|v| *v == vreg && last.is_none());
                if let Some(i) = position
                    && !summaries[block.index()].useful[i]
                    && is_wanted(problem, residence, summaries, block, vreg)
                {
                    summaries[block.index()].useful[i] = true;
                    changed = true;
                }
            }
        }
    }
}

/// Whether a value in a register where the block ends serves a successor.
fn is_wanted<P: AllocProblem>(
    problem: &P,
    residence: &Residence,
    summaries: &[Summary],
    block: Block,
    vreg: VReg,
) -> bool {
    let succs = problem.block_succs(block);
    (0..succs.len()).any(|i| {
        let succ = succs[i].index();
        let entry = residence.entry[succ].iter().zip(&summaries[succ].useful);
        let is_param = problem.block_params(succs[i]).contains(&vreg);
        !is_param && entry.into_iter().any(|(v, &useful)| useful && *v == vreg)
            || edge_args(problem, block, i).any(|(arg, _)| arg == vreg)
    })
}

fn rewrite<P: AllocProblem>(problem: &P, residence: &mut Residence, summaries: Vec<Summary>) {
    let mut leaves = vec![];
    let mut exits = vec![];
    for block in blocks(problem) {
        let summary = &summaries[block.index()];
        let entry = &residence.entry[block.index()];
        let first = problem.block_insns(block).first();
        let is_useful =
            |vreg: VReg| entry.iter().zip(&summary.useful).any(|(v, &useful)| useful && *v == vreg);
        let is_kept = |tail: &Tail| is_wanted(problem, residence, &summaries, block, tail.vreg);
        let exit: SmallVec<[(&Tail, bool); 32]> =
            summary.exit.iter().map(|tail| (tail, is_kept(tail))).collect();
        let start = leaves.len();
        leaves.extend(summary.leaves.iter().copied());
        let cut = exit.iter().filter(|(_, kept)| !kept).map(|&(tail, _)| tail);
        for tail in summary.cut.iter().chain(cut) {
            match tail.last {
                Some(last) => leaves.push((last, tail.vreg, Leave::At)),
                None if is_useful(tail.vreg) => leaves.push((first, tail.vreg, Leave::Before)),
                None => {}
            }
        }
        leaves[start..].sort_by_key(|&(inst, ..)| inst);
        exits.push(exit.iter().filter(|(_, kept)| *kept).map(|(tail, _)| tail.vreg).collect());
    }
    residence.leaves = leaves;
    residence.exit = exits;
    for (entry, summary) in residence.entry.iter_mut().zip(&summaries) {
        let mut useful = summary.useful.iter();
        entry.retain(|_| useful.next().is_some_and(|&useful| useful));
    }
}
