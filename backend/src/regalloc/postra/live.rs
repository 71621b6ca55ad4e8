//! Which places are read later, at every point of an answer.
//!
//! A backward dataflow analysis over places, not values. An edit whose target nobody reads counts
//! for nothing, so that chains and cycles of useless edits are dead as a whole; likewise a
//! definition that may be dropped.

use regalloc2::{Allocation, Block, Inst, OperandKind, PReg, ProgPoint, SpillSlot};
use std::collections::BinaryHeap;

use crate::regalloc::place::{num_places, place};
use crate::regalloc::stats::block_edits;
use crate::regalloc::validate::rematerializable;
use crate::regalloc::{AllocProblem, AllocResult, Edit};

/// Places as bits.
#[derive(Clone, PartialEq)]
pub(super) struct PlaceSet(Vec<u64>);

impl PlaceSet {
    fn new(places: usize) -> PlaceSet {
        PlaceSet(vec![0; places.div_ceil(64)])
    }

    pub fn contains(&self, alloc: Allocation) -> bool {
        let place = place(alloc);
        self.0[place as usize / 64] >> (place % 64) & 1 != 0
    }

    fn insert(&mut self, alloc: Allocation) {
        let place = place(alloc);
        self.0[place as usize / 64] |= 1 << (place % 64);
    }

    fn remove(&mut self, alloc: Allocation) {
        let place = place(alloc);
        self.0[place as usize / 64] &= !(1 << (place % 64));
    }

    pub fn slots(&self) -> impl Iterator<Item = SpillSlot> {
        let bits = self.0.iter().enumerate().skip(PReg::NUM_INDEX / 64).flat_map(|(i, &word)| {
            let set = (0..64).filter(move |bit| word >> bit & 1 != 0);
            set.map(move |bit| i * 64 + bit - PReg::NUM_INDEX)
        });
        bits.map(SpillSlot::new)
    }

    fn union(&mut self, other: &PlaceSet) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }
}

/// A step of the walk; the set of live places is that behind it.
pub(super) enum Step<'a> {
    Edit(usize, &'a Edit),
    Inst(Inst),
}

pub(super) struct LivePlaces<'a, P> {
    problem: &'a P,
    result: &'a AllocResult,
    live_in: Vec<PlaceSet>,
}

impl<'a, P: AllocProblem> LivePlaces<'a, P> {
    pub fn new(problem: &'a P, result: &'a AllocResult) -> Self {
        let none = PlaceSet::new(num_places(result.num_spillslots));
        let live_in = vec![none; problem.num_blocks()];
        let mut live = LivePlaces { problem, result, live_in };
        let mut queue: BinaryHeap<usize> = (0..problem.num_blocks()).collect();
        let mut queued = vec![true; problem.num_blocks()];
        while let Some(number) = queue.pop() {
            queued[number] = false;
            let block = Block::new(number);
            let at_entry = live.walk(block, |_, _| ());
            if at_entry != live.live_in[number] {
                live.live_in[number] = at_entry;
                for pred in problem.block_preds(block).iter().map(|pred| pred.index()) {
                    if !queued[pred] {
                        queued[pred] = true;
                        queue.push(pred);
                    }
                }
            }
        }
        live
    }

    /// Goes through a block from its end, and shows each step with what is live behind it. Returns
    /// what is live where the block begins.
    pub fn walk(&self, block: Block, mut visit: impl FnMut(Step<'_>, &PlaceSet)) -> PlaceSet {
        let mut live = PlaceSet::new(num_places(self.result.num_spillslots));
        for succ in self.problem.block_succs(block) {
            live.union(&self.live_in[succ.index()]);
        }
        let edits = block_edits(self.problem, self.result, block);
        let first = edits
            .first()
            .map_or(0, |(point, _)| self.result.edits.partition_point(|(other, _)| other < point));
        let mut edits = edits.iter().enumerate().rev().peekable();
        for inst in self.problem.block_insns(block).iter().rev() {
            for from in [ProgPoint::after(inst), ProgPoint::before(inst)] {
                while let Some((nth, (_, edit))) = edits.next_if(|(_, (at, _))| *at >= from) {
                    visit(Step::Edit(first + nth, edit), &live);
                    edit_backwards(edit, &mut live);
                }
                if from == ProgPoint::after(inst) && !self.result.is_dropped(inst) {
                    visit(Step::Inst(inst), &live);
                    self.inst_backwards(inst, &mut live);
                }
            }
        }
        live
    }

    /// Whether nobody reads what an instruction that could be computed again defines.
    pub fn is_useless(&self, inst: Inst, live: &PlaceSet) -> bool {
        let defined = rematerializable(self.problem, inst);
        defined.is_some_and(|_| !live.contains(self.result.inst_allocs(inst)[0]))
    }

    fn inst_backwards(&self, inst: Inst, live: &mut PlaceSet) {
        let allocs = self.result.inst_allocs(inst).iter().copied();
        let operands = self.problem.inst_operands(inst).iter().zip(allocs);
        let operands = operands.filter(|(op, _)| op.as_fixed_nonallocatable().is_none());
        for (_, alloc) in operands.clone().filter(|(op, _)| op.kind() == OperandKind::Def) {
            live.remove(alloc);
        }
        for (_, alloc) in operands.filter(|(op, _)| op.kind() == OperandKind::Use) {
            live.insert(alloc);
        }
    }
}

fn edit_backwards(edit: &Edit, live: &mut PlaceSet) {
    match *edit {
        Edit::Move { from, to } => {
            if live.contains(to) {
                live.remove(to);
                live.insert(from);
            }
        }
        Edit::Remat { to, .. } => live.remove(to),
    }
}
