//! Where each value lives.

use regalloc2::{ProgPoint, VReg};
use smallvec::SmallVec;

use super::lists::Lists;
use super::liveness::Liveness;
use super::points::{Scan, Span};
use super::{AllocProblem, blocks};

/// Program points from `start` up to and without `end`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct LiveRange {
    pub start: ProgPoint,
    pub end: ProgPoint,
}

/// The live ranges of all values.
#[derive(Clone, Debug, Default)]
pub struct ValueRanges {
    ranges: Vec<LiveRange>,
    /// Where in `ranges` each value's begin.
    offsets: Vec<u32>,
}

impl ValueRanges {
    /// The ranges of one value in order, neither overlapping nor adjacent.
    pub fn of(&self, vreg: VReg) -> &[LiveRange] {
        let offset = |i: usize| self.offsets.get(i).map_or(self.ranges.len(), |&o| o as usize);
        &self.ranges[offset(vreg.vreg())..offset(vreg.vreg() + 1)]
    }

    fn from_pieces(pieces: &[(u32, LiveRange)], num_vregs: usize) -> ValueRanges {
        let by_value = Lists::new(num_vregs, pieces.iter().copied());
        let mut all = ValueRanges::default();
        for vreg in 0..num_vregs as u32 {
            all.offsets.push(all.ranges.len() as u32);
            let first = all.ranges.len();
            let mut pieces: SmallVec<[LiveRange; 8]> = by_value.of(vreg).into();
            // Blocks come in order, and most values have one piece in each.
            pieces.sort_unstable();
            for piece in pieces {
                match all.ranges[first..].last_mut() {
                    Some(last) if last.end >= piece.start => last.end = last.end.max(piece.end),
                    _ => all.ranges.push(piece),
                }
            }
        }
        all
    }
}

/// Finds the live ranges of every value. An instruction's `Before` point is its early one and
/// `After` its late one; at a block's boundary `After` the last instruction meets `Before` the
/// first of the next block in the program's order.
pub fn value_ranges<P: AllocProblem>(problem: &P) -> ValueRanges {
    ranges_of(problem, &Liveness::new(problem))
}

pub(super) fn ranges_of<P: AllocProblem>(problem: &P, liveness: &Liveness) -> ValueRanges {
    let mut scan = Scan::new(problem, liveness);
    let mut pieces = vec![];
    // Where the range that is open in this block ends, for each value that is live.
    let mut ends = vec![ProgPoint::invalid(); problem.num_vregs()];
    for block in blocks(problem) {
        let insts = problem.block_insns(block);
        let block_end = ProgPoint::after(insts.last()).next();
        for vreg in scan.leave(block).iter() {
            ends[vreg.vreg()] = block_end;
        }
        let live_in = scan.block(block, |view| {
            let (early, late) = (ProgPoint::before(view.inst), ProgPoint::after(view.inst));
            for role in view.roles {
                let Some(open_end) = ends.get_mut(role.vreg.vreg()) else { continue };
                let end = match view.live_after.contains(role.vreg) {
                    true => *open_end,
                    false if role.span == Span::Early => late,
                    false => late.next(),
                };
                *open_end = end;
                if role.is_def {
                    let start = if role.span == Span::Through { early } else { late };
                    pieces.push((role.vreg.vreg() as u32, LiveRange { start, end }));
                }
            }
        });
        let start = ProgPoint::before(insts.first());
        for vreg in live_in.iter() {
            pieces.push((vreg.vreg() as u32, LiveRange { start, end: ends[vreg.vreg()] }));
        }
    }
    ValueRanges::from_pieces(&pieces, problem.num_vregs())
}
