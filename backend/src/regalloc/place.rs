//! Places that hold values, numbered: physical registers, then spill slots.

use regalloc2::{Allocation, PReg, SpillSlot};

pub(super) type Place = u32;

/// The place that an allocation names.
pub(super) fn place(alloc: Allocation) -> Place {
    match alloc.as_stack() {
        Some(slot) => (PReg::NUM_INDEX + slot.index()) as u32,
        None => alloc.index() as u32,
    }
}

pub(super) fn allocation(place: Place) -> Allocation {
    match (place as usize).checked_sub(PReg::NUM_INDEX) {
        Some(slot) => Allocation::stack(SpillSlot::new(slot)),
        None => Allocation::reg(PReg::from_index(place as usize)),
    }
}

pub(super) fn is_slot(place: Place) -> bool {
    place as usize >= PReg::NUM_INDEX
}

/// How many places there are with this many slots.
pub(super) fn num_places(num_spillslots: usize) -> usize {
    PReg::NUM_INDEX + num_spillslots
}
