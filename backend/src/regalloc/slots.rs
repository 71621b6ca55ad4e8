//! Spill slots of a frame, numbered as they are taken; a value of two words has two.

use regalloc2::{RegClass, SpillSlot};

use super::AllocProblem;

/// The frame's slots.
#[derive(Clone, Default)]
pub(super) struct Slots {
    pub count: usize,
    free: [Vec<SpillSlot>; 3],
    /// Holds one value of a class while block arguments change places in a cycle.
    cycle: [Option<SpillSlot>; 3],
}

impl Slots {
    pub fn take<P: AllocProblem>(&mut self, problem: &P, class: RegClass) -> SpillSlot {
        if let Some(slot) = self.free[class as usize].pop() {
            return slot;
        }
        let size = problem.spillslot_size(class).max(1);
        let first = self.count.next_multiple_of(size);
        self.count = first + size;
        let by_last = problem.multi_spillslot_named_by_last_slot();
        SpillSlot::new(if by_last { self.count - 1 } else { first })
    }

    pub fn give_back(&mut self, class: RegClass, slot: SpillSlot) {
        self.free[class as usize].push(slot);
    }

    pub fn for_cycles<P: AllocProblem>(&mut self, problem: &P, class: RegClass) -> SpillSlot {
        if let Some(slot) = self.cycle[class as usize] {
            return slot;
        }
        let slot = self.take(problem, class);
        self.cycle[class as usize] = Some(slot);
        slot
    }
}
