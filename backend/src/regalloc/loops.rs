//! What an allocation costs in each loop.
//!
//! Input: a problem and an answer. Output: the figures of `stats.rs`, loop by loop, for remarks.

use regalloc2::Block;

use super::cfg::Cfg;
use super::stats::block_counts;
use super::{AllocProblem, AllocResult, blocks};

/// Spills and copies of a loop with all that is inside it, or of a whole function.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoopStats {
    /// The loop's first block; the entry block for the function.
    pub header: u32,
    /// 0 for the function, 1 for an outermost loop.
    pub depth: u32,
    pub spill_stores: u32,
    pub reloads: u32,
    pub moves: u32,
    pub remats: u32,
    /// Each store weighted with the frequency of its block; so for reloads and moves.
    pub stores_cost: f64,
    pub reloads_cost: f64,
    pub moves_cost: f64,
}

/// Counts each loop, the loops inside a loop before it, and last the function.
pub fn loop_stats<P: AllocProblem>(problem: &P, result: &AllocResult) -> Vec<LoopStats> {
    let cfg = Cfg::new(problem);
    let entry = problem.entry_block().index();
    let mut function = LoopStats { header: entry as u32, ..LoopStats::default() };
    let mut loops = vec![None; problem.num_blocks()];
    for block in blocks(problem) {
        function.add(problem, result, block);
        for header in cfg.loops(block.index()) {
            let empty = || LoopStats {
                header: header as u32,
                depth: cfg.loops(header).count() as u32,
                ..LoopStats::default()
            };
            loops[header].get_or_insert_with(empty).add(problem, result, block);
        }
    }
    // A header stands in front of all that is in its loop.
    loops.into_iter().rev().flatten().chain([function]).collect()
}

impl LoopStats {
    fn add<P: AllocProblem>(&mut self, problem: &P, result: &AllocResult, block: Block) {
        let counts = block_counts(problem, result, block);
        let cost = |count: u32| f64::from(count) * problem.block_frequency(block);
        self.spill_stores += counts.spill_stores;
        self.reloads += counts.reloads;
        self.moves += counts.moves;
        self.remats += counts.remats;
        self.stores_cost += cost(counts.spill_stores);
        self.reloads_cost += cost(counts.reloads);
        self.moves_cost += cost(counts.moves);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::AllocatorKind;
    use crate::regalloc::testing::{env, random};
    use crate::regalloc::{run, stats};

    #[test]
    fn inner_loops_come_first_and_the_function_has_it_all() {
        let mut nested = 0;
        for seed in 0..200 {
            let problem = random(seed);
            let env = env(4);
            let result = run(AllocatorKind::Greedy, &problem, &env, false).unwrap();
            let loops = loop_stats(&problem, &result);
            let (function, loops) = loops.split_last().unwrap();
            let all = stats(&problem, &result);
            assert_eq!((function.spill_stores, function.reloads), (all.spill_stores, all.reloads));
            assert_eq!((function.moves, function.remats), (all.moves, all.remats));
            assert_eq!(function.stores_cost + function.reloads_cost, all.cost);
            for (i, inner) in loops.iter().enumerate().filter(|(_, l)| l.depth > 1) {
                let outer = loops[i + 1..].iter().find(|l| l.depth + 1 == inner.depth);
                let outer = outer.expect("a loop around it, behind it");
                assert!(outer.spill_stores >= inner.spill_stores && outer.header < inner.header);
                nested += 1;
            }
        }
        assert!(nested > 50, "only {nested} nested loops");
    }
}
