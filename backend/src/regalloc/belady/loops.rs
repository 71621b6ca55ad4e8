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

/// One for each loop, at its header's number.
pub(super) struct Loops {
    /// Sorted.
    used: Vec<Vec<VReg>>,
    /// The most values of each class that want a register at once.
    peak: Vec<[u32; 3]>,
}

impl Loops {
    pub fn new<P: AllocProblem>(
        problem: &P,
        cfg: &Cfg,
        liveness: &Liveness,
        definitions: &Definitions,
        allocatable: &[RegMask; 3],
    ) -> Loops {
        let count = problem.num_blocks();
        let mut loops = Loops { used: vec![vec![]; count], peak: vec![[0; 3]; count] };
        let mut scan = Scan::new(problem, liveness);
        for block in blocks(problem) {
            if cfg.loops(block.index()).next().is_some() {
                loops.add_uses(problem, cfg, block);
                loops.add_peak(cfg, &mut scan, block, allocatable);
            }
        }
        // The header of the loop that was last seen to use each value.
        let mut seen = vec![u32::MAX; problem.num_vregs()];
        for header in (0..count).filter(|&block| cfg.is_header(block)) {
            loops.follow_arguments(problem, cfg, definitions, header, &mut seen);
        }
        loops
    }

    pub fn uses(&self, header: Block, vreg: VReg) -> bool {
        self.used[header.index()].binary_search(&vreg).is_ok()
    }

    pub fn peak(&self, header: Block) -> [u32; 3] {
        self.peak[header.index()]
    }

    fn add_uses<P: AllocProblem>(&mut self, problem: &P, cfg: &Cfg, block: Block) {
        for inst in problem.block_insns(block).iter() {
            let operands = values(problem.inst_operands(inst));
            for (_, op) in operands.filter(|(_, op)| op.kind() == OperandKind::Use) {
                for header in cfg.loops(block.index()) {
                    self.used[header].push(op.vreg());
                }
            }
        }
    }

    fn add_peak<P: AllocProblem>(
        &mut self,
        cfg: &Cfg,
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
        for class in CLASSES {
            peak[class as usize] = peak[class as usize].max(at_entry.count(class));
        }
        for header in cfg.loops(block.index()) {
            for (all, here) in self.peak[header].iter_mut().zip(peak) {
                *all = here.max(*all);
            }
        }
    }

    /// Adds what the loop passes to parameters that it uses.
    fn follow_arguments<P: AllocProblem>(
        &mut self,
        problem: &P,
        cfg: &Cfg,
        definitions: &Definitions,
        header: usize,
        seen: &mut [u32],
    ) {
        let inside = |block: Block| cfg.loops(block.index()).any(|h| h == header);
        let mut is_new =
            |vreg: VReg| core::mem::replace(&mut seen[vreg.vreg()], header as u32) != header as u32;
        let mut used = core::mem::take(&mut self.used[header]);
        used.retain(|&vreg| is_new(vreg));
        let mut work = used.clone();
        while let Some(vreg) = work.pop() {
            let block = definitions.blocks[vreg.vreg()];
            let params = problem.block_params(block);
            let Some(n) = params.iter().position(|&param| param == vreg) else { continue };
            for &pred in problem.block_preds(block).iter().filter(|&&pred| inside(pred)) {
                let succs = problem.block_succs(pred);
                for succ in (0..succs.len()).filter(|&i| succs[i] == block) {
                    let arg = edge_args(problem, pred, succ).nth(n).map(|(arg, _)| arg);
                    if let Some(arg) = arg.filter(|&arg| is_new(arg)) {
                        used.push(arg);
                        work.push(arg);
                    }
                }
            }
        }
        used.sort_unstable();
        self.used[header] = used;
    }
}
