//! Parallel moves: all sources are read before any destination is written.
//!
//! Input: moves with distinct destinations. Output: moves in sequence, none from slot to slot.
//! Invariant: a location that is still to be read is never written. Follows the usual reading of a
//! move set as a graph in which each node has at most one incoming edge (Rideau, Serpette, Leroy:
//! "Tilting at windmills with Coq", 2008): trees unwind from their leaves, and what remains are
//! simple cycles, each broken by one temporary.

use regalloc2::{Allocation, PReg};
use smallvec::SmallVec;

/// From where to where, at once.
pub(super) type Moves = SmallVec<[(Allocation, Allocation); 8]>;

/// Puts `moves` in sequence and gives each step to `emit`.
///
/// `scratch` carries slot-to-slot moves. `temp` names a place to keep one value while a cycle
/// turns: the scratch register itself unless a slot-to-slot move is among `moves`.
pub(super) fn sequentialize(
    mut moves: Moves,
    scratch: PReg,
    mut temp: impl FnMut() -> Allocation,
    mut emit: impl FnMut(Allocation, Allocation),
) {
    moves.retain(|(from, to)| from != to);
    moves.sort_unstable_by_key(|&(_, to)| to);
    let writer_of = |moves: &[(Allocation, Allocation)], place: Allocation| {
        moves.binary_search_by_key(&place, |&(_, to)| to).ok()
    };
    // How many moves still read the destination of move i.
    let mut readers: SmallVec<[u32; 8]> = SmallVec::from_elem(0, moves.len());
    for &(from, _) in &moves {
        if let Some(i) = writer_of(&moves, from) {
            readers[i] += 1;
        }
    }

    let mut step = |from: Allocation, to: Allocation| {
        if from.is_stack() && to.is_stack() {
            emit(from, Allocation::reg(scratch));
            emit(Allocation::reg(scratch), to);
        } else {
            emit(from, to);
        }
    };
    let mut done: SmallVec<[bool; 8]> = SmallVec::from_elem(false, moves.len());
    let mut ready: SmallVec<[usize; 8]> = (0..moves.len()).filter(|&i| readers[i] == 0).collect();
    let mut next_cycle = 0;
    loop {
        while let Some(i) = ready.pop() {
            let (from, to) = moves[i];
            step(from, to);
            done[i] = true;
            if let Some(freed) = writer_of(&moves, from) {
                readers[freed] -= 1;
                if readers[freed] == 0 {
                    ready.push(freed);
                }
            }
        }
        // Only simple cycles remain, in which each destination has one reader.
        let Some(i) = (next_cycle..moves.len()).find(|&i| !done[i]) else { return };
        next_cycle = i + 1;
        let saved = moves[i].1;
        let kept = temp();
        step(saved, kept);
        readers[i] = 0;
        ready.push(i);
        // The reader of `saved` is the end of the chain that starts at `i`.
        let mut last = i;
        while moves[last].0 != saved {
            match writer_of(&moves, moves[last].0) {
                Some(writer) => last = writer,
                None => break,
            }
        }
        moves[last].0 = kept;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::regalloc::testing::{Rng, r};
    use regalloc2::SpillSlot;

    /// Runs `moves` in the order given by `sequentialize` and compares every destination.
    fn assert_parallel(moves: &[(Allocation, Allocation)], temp: Allocation) {
        let mut contents: BTreeMap<Allocation, Allocation> =
            moves.iter().flat_map(|&(from, to)| [(from, from), (to, to)]).collect();
        sequentialize(
            moves.into(),
            r(12),
            || temp,
            |from, to| {
                assert!(from.is_reg() || to.is_reg(), "{from} to {to}");
                let value = contents[&from];
                contents.insert(to, value);
            },
        );
        for (from, to) in moves {
            assert_eq!(contents[to], *from, "{moves:?}");
        }
    }

    #[test]
    fn random_moves_behave_as_one() {
        let scratch = Allocation::reg(r(12));
        let spare = [Allocation::reg(r(11)), Allocation::stack(SpillSlot::new(99))];
        let mut rng = Rng::new(1);
        for round in 0..2000 {
            let regs: Vec<_> = (0..9).map(|n| Allocation::reg(r(n))).collect();
            let slots: Vec<_> = (0..9).map(|n| Allocation::stack(SpillSlot::new(n))).collect();
            let only_regs = round % 2 == 0;
            let mut targets = if only_regs { regs.clone() } else { slots.clone() };
            let sources = if only_regs { regs } else { [regs, slots].concat() };
            let mut moves = vec![];
            for _ in 0..rng.below(9) {
                let to = targets.swap_remove(rng.below(targets.len()));
                moves.push((sources[rng.below(sources.len())], to));
            }
            assert_parallel(&moves, if only_regs { scratch } else { spare[rng.below(2)] });
        }
    }
}
