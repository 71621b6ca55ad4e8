//! Second copies: where an edge gives one value two names that differ later, both in memory are two
//! slots. The numbers of copies add up along such edges.
//!
//! A copy beyond the first costs a store, wherever the value is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use regalloc2::{Block, VReg};

use super::model::Model;
use super::program::Bit;
use super::steps::Steps;
use crate::regalloc::residence::edge_args;
use crate::regalloc::{AllocProblem, blocks};

/// More copies of a value than any program needs.
const MANY: u32 = 1000;

impl<P: AllocProblem> Model<'_, P> {
    /// Copies of values in further slots, for edges on which one value gets several names.
    pub fn second_copies(&mut self, steps: &[Steps]) {
        let wanted = self.wanted_copies(steps);
        for &(block, vreg) in &wanted {
            let (begin, end) = (self.program.count(MANY), self.program.count(MANY));
            let store = self.program.count(MANY);
            self.program.add_cost(store, self.problem.block_frequency(block));
            let is_live_in = steps[block.index()].live_in.iter().any(|&(v, _)| v == vreg);
            let begin = if is_live_in { begin } else { Bit::Zero };
            self.program.implies(end, &[begin, store]);
            self.bits[block.index()].more.insert(vreg, (begin, end));
        }
        for (pred, succ, block) in edges(self.problem) {
            let takers = takers(self.problem, pred, succ, &steps[block.index()].live_in);
            let (from, to) = (&self.bits[pred.index()], &self.bits[block.index()]);
            for (arg, takers) in takers {
                let Some(&(_, more)) = from.more.get(&arg) else { continue };
                let mut terms = vec![(more, -1.0)];
                let further = takers.iter().filter_map(|taker| to.more.get(taker));
                terms.extend(further.map(|&(begin, _)| (begin, 1.0)));
                if takers.len() > 1 {
                    terms.push((from.memory.get(&arg).map_or(Bit::Zero, |m| m.end), -1.0));
                    terms.extend(takers.iter().map(|taker| (to.memory[taker].begin, 1.0)));
                }
                self.program.at_most(&terms, 0.0);
            }
        }
    }

    /// Blocks in which further copies of a value may be of use: from there an edge is reached on
    /// which it gets several names.
    fn wanted_copies(&self, steps: &[Steps]) -> Vec<(Block, VReg)> {
        let mut wanted = BTreeSet::new();
        let mut stack = vec![];
        for (block, succ, to) in edges(self.problem) {
            let takers = takers(self.problem, block, succ, &steps[to.index()].live_in);
            for (arg, _) in takers.into_iter().filter(|(_, takers)| takers.len() > 1) {
                if wanted.insert((block, arg)) {
                    stack.push((block, arg));
                }
            }
        }
        while let Some((block, vreg)) = stack.pop() {
            if !steps[block.index()].live_in.iter().any(|&(v, _)| v == vreg) {
                continue;
            }
            for &pred in self.problem.block_preds(block) {
                let succs = self.problem.block_succs(pred);
                for succ in (0..succs.len()).filter(|&succ| succs[succ] == block) {
                    let arg = Args::new(self.problem, pred, succ).of(vreg);
                    if wanted.insert((pred, arg)) {
                        stack.push((pred, arg));
                    }
                }
            }
        }
        wanted.into_iter().collect()
    }
}

/// Every edge: the block that it leaves, its number there, and the block that it enters.
pub(super) fn edges<P: AllocProblem>(problem: &P) -> impl Iterator<Item = (Block, usize, Block)> {
    blocks(problem).flat_map(|block| {
        let succs = problem.block_succs(block).iter().enumerate();
        succs.map(move |(succ, &to)| (block, succ, to))
    })
}

/// What each value in front of an edge is called behind it.
pub(super) fn takers<P: AllocProblem>(
    problem: &P,
    from: Block,
    succ: usize,
    live_in: &[(VReg, usize)],
) -> BTreeMap<VReg, Vec<VReg>> {
    let args = Args::new(problem, from, succ);
    let mut takers: BTreeMap<VReg, Vec<VReg>> = BTreeMap::new();
    for &(vreg, _) in live_in {
        takers.entry(args.of(vreg)).or_default().push(vreg);
    }
    takers
}

/// The arguments of an edge, by parameter.
pub(super) struct Args(HashMap<VReg, VReg>);

impl Args {
    pub fn new<P: AllocProblem>(problem: &P, from: Block, succ: usize) -> Args {
        Args(edge_args(problem, from, succ).map(|(arg, param)| (param, arg)).collect())
    }

    /// What becomes the value on the edge.
    pub fn of(&self, vreg: VReg) -> VReg {
        self.0.get(&vreg).copied().unwrap_or(vreg)
    }
}
