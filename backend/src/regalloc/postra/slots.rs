//! Slots numbered anew: those whose values never live at once share one, and those that are
//! accessed side by side become neighbours, which one instruction can load or store.
//!
//! The slots of an answer are the nodes of an interference graph; colours are slot numbers. First
//! pairs are placed, the most frequent first, then the rest, each in the first slot that is free
//! for it. Runs of reloads, and of stores, are then ordered by slot.

use regalloc2::{Allocation, OperandKind, SpillSlot};
use std::collections::BTreeMap;

use super::live::{LivePlaces, PlaceSet, Step};
use crate::regalloc::stats::block_edits;
use crate::regalloc::{AllocProblem, AllocResult, Edit, blocks};

/// More slots than this keep their numbers, to bound memory.
const MAX_SLOTS: usize = 1 << 12;

pub(super) fn share<P: AllocProblem>(problem: &P, result: &mut AllocResult) {
    let slots = result.num_spillslots;
    let by_last = problem.multi_spillslot_named_by_last_slot();
    let words = match widths(problem, result) {
        Some(words) if slots <= MAX_SLOTS && !by_last => words,
        _ => return,
    };
    let graph = Graph::new(problem, result);
    let pairs = neighbours(problem, result);
    // Pairs may leave holes; an answer must not need more slots than before.
    for pairs in [&pairs[..], &[]] {
        let mut numbers =
            Numbers { graph: &graph, words: &words, of: vec![None; slots], taken: vec![] };
        pairs.iter().for_each(|&(first, second)| numbers.place_pair(first, second));
        (0..slots).for_each(|slot| numbers.place(slot));
        if numbers.taken.len() <= slots {
            numbers.rename(result);
            order_runs(result);
            return;
        }
    }
}

/// Words of each slot, 0 for one that nobody uses; none if a slot is used in two ways.
fn widths<P: AllocProblem>(problem: &P, result: &AllocResult) -> Option<Vec<usize>> {
    let mut words = vec![0; result.num_spillslots];
    let mut note = |alloc: Allocation, class| {
        let Some(slot) = alloc.as_stack() else { return true };
        let width = problem.spillslot_size(class).max(1);
        let known = core::mem::replace(&mut words[slot.index()], width);
        known == 0 || known == width
    };
    let mut consistent = true;
    for (_, edit) in &result.edits {
        if let Edit::Move { from, to } = *edit
            && let Some(preg) = from.as_reg().or(to.as_reg())
        {
            consistent &= note(from, preg.class()) && note(to, preg.class());
        }
    }
    for inst in (0..problem.num_insts()).map(regalloc2::Inst::new) {
        for (op, &alloc) in problem.inst_operands(inst).iter().zip(result.inst_allocs(inst)) {
            consistent &= op.as_fixed_nonallocatable().is_some() || note(alloc, op.class());
        }
    }
    consistent.then_some(words)
}

/// Which slots hold values at the same time.
struct Graph {
    rows: Vec<Vec<u64>>,
}

impl Graph {
    fn new<P: AllocProblem>(problem: &P, result: &AllocResult) -> Graph {
        let slots = result.num_spillslots;
        let mut graph = Graph { rows: vec![vec![0; slots.div_ceil(64)]; slots] };
        let live = LivePlaces::new(problem, result);
        for block in blocks(problem) {
            live.walk(block, |step, places| match step {
                Step::Edit(_, &Edit::Move { to, .. }) => graph.write(to, places),
                Step::Edit(_, Edit::Remat { .. }) => {}
                Step::Inst(inst) => {
                    let allocs = result.inst_allocs(inst);
                    for (op, &alloc) in problem.inst_operands(inst).iter().zip(allocs) {
                        if op.kind() == OperandKind::Def {
                            graph.write(alloc, places);
                        }
                        allocs.iter().for_each(|&other| graph.join(alloc, other));
                    }
                }
            });
        }
        graph
    }

    /// A value arrives while others live.
    fn write(&mut self, to: Allocation, live: &PlaceSet) {
        if to.is_stack() {
            live.slots().for_each(|slot| self.join(to, Allocation::stack(slot)));
        }
    }

    fn join(&mut self, a: Allocation, b: Allocation) {
        if let (Some(a), Some(b)) = (a.as_stack(), b.as_stack())
            && a != b
        {
            self.rows[a.index()][b.index() / 64] |= 1 << (b.index() % 64);
            self.rows[b.index()][a.index() / 64] |= 1 << (a.index() % 64);
        }
    }

    fn interfere(&self, a: usize, b: usize) -> bool {
        self.rows[a][b / 64] >> (b % 64) & 1 != 0
    }
}

/// Slots of one word that edits access one behind the other in the same direction, the most
/// frequent pairs first.
fn neighbours<P: AllocProblem>(problem: &P, result: &AllocResult) -> Vec<(usize, usize)> {
    let mut weights: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for block in blocks(problem) {
        let edits = block_edits(problem, result, block);
        for run in runs(edits.len(), |n| &edits[n]) {
            let accesses = edits[run].iter().filter_map(|(_, edit)| access(edit));
            let slots: Vec<usize> = accesses.map(|access| access.slot).collect();
            for (i, &a) in slots.iter().enumerate() {
                for &b in slots[i + 1..].iter().take(MAX_RUN) {
                    *weights.entry((a.min(b), a.max(b))).or_default() +=
                        problem.block_frequency(block);
                }
            }
        }
    }
    let mut pairs: Vec<_> = weights.into_iter().collect();
    pairs.sort_by(|a, b| b.1.total_cmp(&a.1));
    pairs.into_iter().map(|(pair, _)| pair).collect()
}

/// How far accesses of one run may be apart to count as neighbours.
const MAX_RUN: usize = 8;

struct Access {
    slot: usize,
    register: Allocation,
    is_store: bool,
}

fn access(edit: &Edit) -> Option<Access> {
    let Edit::Move { from, to } = *edit else { return None };
    match (from.as_stack(), to.as_stack()) {
        (Some(slot), None) => Some(Access { slot: slot.index(), register: to, is_store: false }),
        (None, Some(slot)) => Some(Access { slot: slot.index(), register: from, is_store: true }),
        _ => None,
    }
}

/// The ranges of edits that may change places with each other: at one point, all reloads, to
/// different registers, or all stores, to different slots.
fn runs<'a>(
    count: usize,
    edit: impl Fn(usize) -> &'a (regalloc2::ProgPoint, Edit),
) -> Vec<core::ops::Range<usize>> {
    let mut runs: Vec<core::ops::Range<usize>> = vec![];
    for nth in 0..count {
        let (point, this) = edit(nth);
        let Some(this) = access(this) else { continue };
        let joins = |run: &core::ops::Range<usize>| {
            run.end == nth
                && run.clone().all(|other| {
                    let (at, other) = edit(other);
                    access(other).is_some_and(|other| {
                        let apart = match this.is_store {
                            true => other.slot != this.slot,
                            false => other.register != this.register,
                        };
                        at == point && other.is_store == this.is_store && apart
                    })
                })
        };
        match runs.last_mut().filter(|run| run.len() < 4 * MAX_RUN && joins(run)) {
            Some(run) => run.end += 1,
            None => runs.push(nth..nth + 1),
        }
    }
    runs
}

struct Numbers<'a> {
    graph: &'a Graph,
    /// Of each old slot.
    words: &'a [usize],
    /// The new number of each old slot.
    of: Vec<Option<usize>>,
    /// The old slots that have each new word.
    taken: Vec<Vec<usize>>,
}

impl Numbers<'_> {
    fn is_free(&self, number: usize, slot: usize) -> bool {
        (number..number + self.words[slot]).all(|word| {
            let others = self.taken.get(word).into_iter().flatten();
            others.copied().all(|other| !self.graph.interfere(slot, other))
        })
    }

    fn take(&mut self, number: usize, slot: usize) {
        let end = number + self.words[slot];
        if self.taken.len() < end {
            self.taken.resize(end, vec![]);
        }
        self.taken[number..end].iter_mut().for_each(|word| word.push(slot));
        self.of[slot] = Some(number);
    }

    fn place(&mut self, slot: usize) {
        let width = self.words[slot];
        if width == 0 || self.of[slot].is_some() {
            return;
        }
        let mut numbers = (0..).step_by(width);
        let number = numbers.find(|&number| self.is_free(number, slot)).unwrap_or_default();
        self.take(number, slot);
    }

    /// Puts two slots of a word side by side, unless they have their places elsewhere.
    fn place_pair(&mut self, a: usize, b: usize) {
        if self.words[a] != 1 || self.words[b] != 1 {
            return;
        }
        match (self.of[a], self.of[b]) {
            (Some(_), Some(_)) => {}
            (Some(number), None) => self.place_beside(number, b),
            (None, Some(number)) => self.place_beside(number, a),
            (None, None) => {
                let mut numbers = 0..;
                let number = numbers.find(|&n| self.is_free(n, a) && self.is_free(n + 1, b));
                let number = number.unwrap_or_default();
                self.take(number, a);
                self.take(number + 1, b);
            }
        }
    }

    fn place_beside(&mut self, number: usize, slot: usize) {
        let beside = [number.checked_add(1), number.checked_sub(1)];
        if let Some(free) = beside.into_iter().flatten().find(|&n| self.is_free(n, slot)) {
            self.take(free, slot);
        }
    }

    fn rename(&self, result: &mut AllocResult) {
        let rename = |alloc: &mut Allocation| {
            if let Some(number) = alloc.as_stack().and_then(|slot| self.of[slot.index()]) {
                *alloc = Allocation::stack(SpillSlot::new(number));
            }
        };
        for (_, edit) in &mut result.edits {
            if let Edit::Move { from, to } = edit {
                rename(from);
                rename(to);
            }
        }
        result.allocs.iter_mut().for_each(rename);
        result.num_spillslots = self.taken.len();
    }
}

fn order_runs(result: &mut AllocResult) {
    for run in runs(result.edits.len(), |nth| &result.edits[nth]) {
        result.edits[run].sort_by_key(|(_, edit)| access(edit).map(|access| access.slot));
    }
}
