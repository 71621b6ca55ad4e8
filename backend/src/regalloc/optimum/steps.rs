//! A block as the program sees it: who is named by each instruction, and where registers may lack.

use std::collections::HashMap;

use regalloc2::{Block, VReg};

use super::demand::{Mention, mentions, room};
use crate::regalloc::AllocProblem;
use crate::regalloc::points::{RegMask, Scan, View};

/// One instruction.
pub(super) struct Step {
    pub mentions: Vec<Mention>,
    /// Registers left for the three sums of each class.
    pub room: [[i32; 3]; 3],
    /// Whether some sum of a class could be too large.
    pub tight: [bool; 3],
}

/// The instructions of a block.
pub(super) struct Steps {
    pub steps: Vec<Step>,
    /// How many steps before each are tight, by class.
    tight_before: Vec<[u32; 3]>,
    /// Values that live where the block begins, each with the next step that names it.
    pub live_in: Vec<(VReg, usize)>,
    /// Values that live where it ends, block arguments among them.
    pub live_out: Vec<VReg>,
}

impl Steps {
    pub fn read<P: AllocProblem>(
        problem: &P,
        allocatable: &[RegMask; 3],
        scan: &mut Scan<'_, P>,
        block: Block,
    ) -> Steps {
        let count = problem.block_insns(block).len();
        let live_out: Vec<VReg> = scan.leave(block).iter().collect();
        let mut next: HashMap<VReg, usize> = HashMap::new();
        let mut steps = vec![];
        let live_in = scan.block(block, |view| {
            let at = count - 1 - steps.len();
            let mut mentions = mentions(problem, view, allocatable);
            for mention in mentions.iter_mut().filter(|m| m.names_register()) {
                mention.next = next.insert(mention.vreg, at).unwrap_or(count);
            }
            let most = most(view, &mentions);
            let room = core::array::from_fn(|class| room(view, class, allocatable[class]));
            let is_tight = |class: usize| (0..3).any(|sum| most[class][sum] > room[class][sum]);
            let tight = core::array::from_fn(is_tight);
            steps.push(Step { mentions, room, tight });
        });
        let next = |vreg: VReg| (vreg, next.get(&vreg).copied().unwrap_or(count));
        let live_in = live_in.iter().map(next).collect();
        steps.reverse();
        let mut tight_before = vec![[0; 3]];
        for step in &steps {
            let mut sum = tight_before[tight_before.len() - 1];
            sum.iter_mut().zip(step.tight).for_each(|(sum, tight)| *sum += u32::from(tight));
            tight_before.push(sum);
        }
        Steps { steps, tight_before, live_in, live_out }
    }

    pub fn last(&self) -> usize {
        self.steps.len() - 1
    }

    /// Whether registers may lack at steps from `start` on, before `end`.
    pub fn tight(&self, vreg: VReg, start: usize, end: usize) -> bool {
        let class = vreg.class() as usize;
        let end = end.min(self.steps.len());
        start < end && self.tight_before[end][class] > self.tight_before[start][class]
    }
}

/// The three sums of each class if everything that lives were in registers.
fn most(view: &View<'_>, mentions: &[Mention]) -> [[i32; 3]; 3] {
    let mut most = [[0; 3]; 3];
    for vreg in view.live_after.iter().filter(|&vreg| view.role(vreg).is_none()) {
        most[vreg.class() as usize].iter_mut().for_each(|sum| *sum += 1);
    }
    for mention in mentions {
        let sums = &mut most[mention.vreg.class() as usize];
        for (sum, claim) in sums.iter_mut().zip(mention.held) {
            *sum += i32::from(claim);
        }
        sums[1] += i32::from(mention.early.saturating_sub(mention.held[1]));
    }
    most
}
