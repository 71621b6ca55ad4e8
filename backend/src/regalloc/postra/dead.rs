//! What nobody reads is not written: stores, loads, moves, and the first computation of a value
//! that is computed again wherever it is needed.

use super::live::{LivePlaces, Step};
use crate::regalloc::{AllocProblem, AllocResult, Edit, blocks};

pub(super) fn remove<P: AllocProblem>(problem: &P, result: &mut AllocResult) {
    if result.edits.is_empty() {
        return;
    }
    let live = LivePlaces::new(problem, result);
    let mut useful = vec![true; result.edits.len()];
    let mut dropped = vec![];
    for block in blocks(problem) {
        live.walk(block, |step, places| match step {
            Step::Edit(nth, &(Edit::Move { to, .. } | Edit::Remat { to, .. })) => {
                useful[nth] = places.contains(to);
            }
            Step::Inst(inst) if live.is_useless(inst, places) => dropped.push(inst),
            Step::Inst(_) => {}
        });
    }
    dropped.extend(&result.dropped);
    dropped.sort_unstable();
    result.dropped = dropped;
    let mut useful = useful.into_iter();
    result.edits.retain(|_| useful.next() == Some(true));
}
