//! How far away the next use of each value is, along the nearest path.
//!
//! A distance counts instructions; leaving a loop adds [`LOOP_EXIT`], so that what a loop uses is
//! always nearer than what it does not. A block argument is as far away as the first use of its
//! parameter: the value itself may pass from slot to slot.
//!
//! Distances at block entries are shortest paths, found by iteration to a fixed point, which is
//! reached in about as many rounds as loops are nested. The iteration stops after [`MAX_ROUNDS`]:
//! distances are only a measure, and what is live is always at most [`FAR`] away.

use regalloc2::{Block, OperandKind, VReg};

use crate::regalloc::cfg::Cfg;
use crate::regalloc::liveness::Liveness;
use crate::regalloc::residence::{edge_args, values};
use crate::regalloc::{AllocProblem, blocks};

pub(super) const LOOP_EXIT: u32 = 1 << 20;
/// Live, but no use in sight.
pub(super) const FAR: u32 = u32::MAX - 1;
/// Dead.
pub(super) const NEVER: u32 = u32::MAX;
const MAX_ROUNDS: usize = 12;

pub(super) struct NextUse {
    /// Live-in values and used parameters of each block with their distance.
    at_entry: Vec<Vec<(VReg, u32)>>,
    /// Distances of parameters, in order.
    of_params: Vec<Vec<u32>>,
    /// Room for one number for each value.
    distance: Vec<u32>,
}

impl NextUse {
    pub fn new<P: AllocProblem>(problem: &P, cfg: &Cfg, liveness: &Liveness) -> NextUse {
        let mut next = NextUse {
            at_entry: vec![vec![]; problem.num_blocks()],
            of_params: vec![vec![]; problem.num_blocks()],
            distance: vec![NEVER; problem.num_vregs()],
        };
        // Blocks of which a successor's distances have changed.
        let mut is_due = vec![true; problem.num_blocks()];
        for _ in 0..MAX_ROUNDS {
            if !is_due.contains(&true) {
                break;
            }
            for block in blocks(problem).rev() {
                if core::mem::take(&mut is_due[block.index()])
                    && next.visit(problem, cfg, liveness, block)
                {
                    problem.block_preds(block).iter().for_each(|pred| is_due[pred.index()] = true);
                }
            }
        }
        next
    }

    fn visit<P: AllocProblem>(
        &mut self,
        problem: &P,
        cfg: &Cfg,
        liveness: &Liveness,
        block: Block,
    ) -> bool {
        let mut live = self.leave(problem, cfg, liveness, block);
        let insts = problem.block_insns(block);
        for inst in insts.iter().rev() {
            let position = (inst.index() - insts.first().index()) as u32;
            let operands = problem.inst_operands(inst);
            for (_, op) in values(operands).filter(|(_, op)| op.kind() == OperandKind::Def) {
                self.distance[op.vreg().vreg()] = NEVER;
            }
            for (_, op) in values(operands).filter(|(_, op)| op.kind() == OperandKind::Use) {
                let distance = &mut self.distance[op.vreg().vreg()];
                if *distance == NEVER {
                    live.push(op.vreg());
                }
                *distance = position;
            }
        }
        live.sort_unstable_by_key(|vreg| vreg.vreg());
        live.dedup();
        let distance = |vreg: &VReg| self.distance[vreg.vreg()];
        let params: Vec<u32> = problem.block_params(block).iter().map(distance).collect();
        let is_live = |vreg: &VReg| distance(vreg) != NEVER;
        let entry: Vec<_> =
            live.iter().copied().filter(is_live).map(|v| (v, distance(&v))).collect();
        for vreg in live {
            self.distance[vreg.vreg()] = NEVER;
        }
        let changed =
            self.at_entry[block.index()] != entry || self.of_params[block.index()] != params;
        self.at_entry[block.index()] = entry;
        self.of_params[block.index()] = params;
        changed
    }

    /// Sets `distance` to what lies behind the block's end, counted from its beginning, and returns
    /// the values for which it did.
    fn leave<P: AllocProblem>(
        &mut self,
        problem: &P,
        cfg: &Cfg,
        liveness: &Liveness,
        block: Block,
    ) -> Vec<VReg> {
        let NextUse { at_entry, of_params, distance } = self;
        let len = problem.block_insns(block).len() as u32;
        let mut live = liveness.live_out(block).to_vec();
        for &vreg in &live {
            distance[vreg.vreg()] = FAR;
        }
        for (i, &succ) in problem.block_succs(block).iter().enumerate() {
            let exits = cfg.exits(block.index(), succ.index());
            let away = |d: u32| d.saturating_add(len + exits * LOOP_EXIT).min(FAR);
            let params = problem.block_params(succ);
            for &(vreg, d) in &at_entry[succ.index()] {
                let out = &mut distance[vreg.vreg()];
                if *out != NEVER && !params.contains(&vreg) {
                    *out = away(d).min(*out);
                }
            }
            let distances = &of_params[succ.index()];
            for (n, (arg, _)) in edge_args(problem, block, i).enumerate() {
                let out = &mut distance[arg.vreg()];
                if *out == NEVER {
                    live.push(arg);
                }
                let d = distances.get(n).map_or(FAR, |&d| away(d));
                *out = d.min(*out).min(FAR);
            }
        }
        live
    }

    /// Live-in values and parameters that are used, with their distances.
    pub fn at_entry(&self, block: Block) -> &[(VReg, u32)] {
        &self.at_entry[block.index()]
    }

    /// For each operand of the block, last one first: how far its value's next use behind the
    /// instruction is from the block's beginning.
    pub fn behind<P: AllocProblem>(
        &mut self,
        problem: &P,
        cfg: &Cfg,
        liveness: &Liveness,
        block: Block,
    ) -> Vec<u32> {
        let mut touched = self.leave(problem, cfg, liveness, block);
        let mut behind = vec![];
        let insts = problem.block_insns(block);
        for inst in insts.iter().rev() {
            let position = (inst.index() - insts.first().index()) as u32;
            let operands = problem.inst_operands(inst);
            behind.extend(values(operands).rev().map(|(_, op)| self.distance[op.vreg().vreg()]));
            for (_, op) in values(operands).filter(|(_, op)| op.kind() == OperandKind::Use) {
                self.distance[op.vreg().vreg()] = position;
                touched.push(op.vreg());
            }
        }
        for vreg in touched {
            self.distance[vreg.vreg()] = NEVER;
        }
        behind
    }
}
