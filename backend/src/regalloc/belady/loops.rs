//! What each loop uses, and how many registers it wants.
//!
//! A value is used in a loop if an instruction there reads it, or if a branch there passes it to a
//! parameter that is used in the loop.

use regalloc2::{Block, OperandKind, VReg};

use crate::regalloc::cfg::Cfg;
use crate::regalloc::liveness::Liveness;
use crate::regalloc::points::{Demand, RegMask, Scan};
use crate::regalloc::residence::{Definitions, edge_args, values};
use crate::regalloc::{AllocProblem, CLASSES, blocks};

pub(super) struct Loops<'a> {
    cfg: &'a Cfg,
    /// Where in loops each value is used: numbers of blocks, as `cfg` nests them, sorted. What is used
    /// in all of a loop stands at its header.
    used: Vec<Vec<u32>>,
    /// The most values of each class that want a register at once in the loop of each header.
    peak: Vec<[u32; 3]>,
}

impl<'a> Loops<'a> {
    pub fn new<P: AllocProblem>(
        problem: &P,
        cfg: &'a Cfg,
        liveness: &Liveness,
        definitions: &Definitions,
        allocatable: &[RegMask; 3],
    ) -> Self {
        let used = vec![vec![]; problem.num_vregs()];
        let mut loops = Loops { cfg, used, peak: vec![[0; 3]; problem.num_blocks()] };
        let mut scan = Scan::new(problem, liveness);
        for block in blocks(problem) {
            if cfg.loops(block.index()).next().is_some() {
                loops.add_uses(problem, block);
                loops.add_peak(&mut scan, block, allocatable);
            }
        }
        for used in &mut loops.used {
            used.sort_unstable();
            used.dedup();
        }
        loops.follow_arguments(problem, definitions);
        // A loop wants what those in it want, which have later headers.
        for header in (0..problem.num_blocks()).rev().filter(|&block| cfg.is_header(block)) {
            if let Some(outer) = cfg.loops(header).nth(1) {
                let inner = loops.peak[header];
                at_least(&mut loops.peak[outer], inner);
            }
        }
        loops
    }

    pub fn uses(&self, header: Block, vreg: VReg) -> bool {
        let used = &self.used[vreg.vreg()];
        let numbers = self.cfg.numbers(header.index());
        let first = used.partition_point(|&number| number < numbers.start);
        used.get(first).is_some_and(|number| numbers.contains(number))
    }

    pub fn peak(&self, header: Block) -> [u32; 3] {
        self.peak[header.index()]
    }

    fn add_uses<P: AllocProblem>(&mut self, problem: &P, block: Block) {
        let number = self.cfg.numbers(block.index()).start;
        for inst in problem.block_insns(block).iter() {
            let operands = values(problem.inst_operands(inst));
            for (_, op) in operands.filter(|(_, op)| op.kind() == OperandKind::Use) {
                self.used[op.vreg().vreg()].push(number);
            }
        }
    }

    fn add_peak<P: AllocProblem>(
        &mut self,
        scan: &mut Scan<'_, P>,
        block: Block,
        allocatable: &[RegMask; 3],
    ) {
        let mut peak = [0; 3];
        let at_entry = scan.block(block, |view| {
            let demands = Demand::of(view, allocatable);
            for class in CLASSES {
                let i = class as usize;
                let excess = demands[i].excess(view, class, allocatable[i]);
                let wanted = (allocatable[i].count_ones() as i32 + excess).max(0) as u32;
                peak[i] = peak[i].max(wanted).max(view.live_after.count(class));
            }
        });
        at_least(&mut peak, CLASSES.map(|class| at_entry.count(class)));
        if let Some(header) = self.cfg.loops(block.index()).next() {
            at_least(&mut self.peak[header], peak);
        }
    }

    /// What a branch passes to a parameter is used in the innermost loop around the branch in which the
    /// parameter is, and in those around that.
    fn follow_arguments<P: AllocProblem>(&mut self, problem: &P, definitions: &Definitions) {
        let mut work: Vec<Block> = blocks(problem).collect();
        let mut is_queued = vec![true; work.len()];
        while let Some(block) = work.pop() {
            is_queued[block.index()] = false;
            for &pred in problem.block_preds(block) {
                let succs = problem.block_succs(pred);
                let edges = (0..succs.len()).filter(|&succ| succs[succ] == block);
                for (arg, param) in edges.flat_map(|succ| edge_args(problem, pred, succ)) {
                    if self.used[param.vreg()].is_empty() {
                        continue;
                    }
                    let mut around = self.cfg.loops(pred.index()).map(Block::new);
                    let Some(header) = around.find(|&header| self.uses(header, param)) else {
                        continue;
                    };
                    if self.uses(header, arg) {
                        continue;
                    }
                    let number = self.cfg.numbers(header.index()).start;
                    let used = &mut self.used[arg.vreg()];
                    used.insert(used.partition_point(|&other| other < number), number);
                    let source = definitions.blocks[arg.vreg()];
                    if problem.block_params(source).contains(&arg) && !is_queued[source.index()] {
                        is_queued[source.index()] = true;
                        work.push(source);
                    }
                }
            }
        }
    }
}

fn at_least(peak: &mut [u32; 3], other: [u32; 3]) {
    *peak = core::array::from_fn(|class| peak[class].max(other[class]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regalloc::residence::definitions;
    use crate::regalloc::testing::random;
    use regalloc2::Function as _;
    use std::collections::BTreeSet;

    /// What a loop uses, by the definition.
    fn naive(problem: &impl AllocProblem, cfg: &Cfg, header: Block) -> BTreeSet<VReg> {
        let inside = |block: &Block| cfg.loops(block.index()).any(|h| h == header.index());
        let inside: Vec<Block> = blocks(problem).filter(inside).collect();
        let insts = inside.iter().flat_map(|&block| problem.block_insns(block).iter());
        let operands = insts.flat_map(|inst| values(problem.inst_operands(inst)));
        let uses = operands.filter(|(_, op)| op.kind() == OperandKind::Use);
        let mut used: BTreeSet<VReg> = uses.map(|(_, op)| op.vreg()).collect();
        let edges = inside.iter().flat_map(|&block| {
            let succs = 0..problem.block_succs(block).len();
            succs.flat_map(move |succ| edge_args(problem, block, succ))
        });
        let edges: Vec<(VReg, VReg)> = edges.collect();
        while let Some(&(arg, _)) =
            edges.iter().find(|(arg, param)| used.contains(param) && !used.contains(arg))
        {
            used.insert(arg);
        }
        used
    }

    #[test]
    fn what_loops_use_is_what_the_definition_says() {
        let mut count = 0;
        for seed in 0..300 {
            let problem = random(seed);
            let (cfg, liveness) = (Cfg::new(&problem), Liveness::new(&problem));
            let definitions = definitions(&problem).unwrap();
            let loops = Loops::new(&problem, &cfg, &liveness, &definitions, &[0x1ff; 3]);
            for header in blocks(&problem).filter(|block| cfg.is_header(block.index())) {
                let used = naive(&problem, &cfg, header);
                let all = (0..problem.num_vregs()).map(|n| VReg::new(n, regalloc2::RegClass::Int));
                let found = all.filter(|&vreg| loops.uses(header, vreg));
                let numbers: BTreeSet<usize> = used.iter().map(|vreg| vreg.vreg()).collect();
                assert_eq!(
                    found.map(|v| v.vreg()).collect::<BTreeSet<_>>(),
                    numbers,
                    "seed {seed}"
                );
                count += 1;
            }
        }
        assert!(count > 100, "only {count} loops");
    }
}
