//! The allocation problem that the stream's values make: one virtual register for each, no copies.
//!
//! Each block ends with a branch, or a return, of its own, which has no operands: what the stream's
//! last instruction reads is read before. Joins are block parameters. The first block begins with an
//! instruction that defines what the function receives.

use regalloc2::{
    Block, Function, Inst, InstRange, MachineEnv, Operand, OperandConstraint, OperandKind,
    OperandPos, PRegSet, RegClass, VReg,
};

use super::graph::Graph;
use super::names::{Names, Ref, Source};
use super::values::Values;
use super::{StreamInst, StreamKind, is_copy};
use crate::regalloc::AllocProblem;
use crate::regalloc::cfg::Cfg;

#[derive(Default)]
pub(super) struct Problem {
    insts: Vec<InstData>,
    operands: Vec<Operand>,
    blocks: Vec<BlockData>,
    num_vregs: usize,
}

#[derive(Default)]
struct InstData {
    operands: core::ops::Range<usize>,
    clobbers: PRegSet,
    call: bool,
    remat: bool,
    branch: bool,
    ret: bool,
}

#[derive(Default)]
struct BlockData {
    insts: core::ops::Range<usize>,
    succs: Vec<Block>,
    preds: Vec<Block>,
    params: Vec<VReg>,
    /// For each successor, one for each of its parameters.
    args: Vec<Vec<VReg>>,
    frequency: f64,
}

/// Builds the problem. Its blocks are the graph's.
pub(super) fn build(
    graph: &Graph<'_>,
    names: &Names,
    values: &Values,
    env: &MachineEnv,
) -> Problem {
    let mut problem = Problem { num_vregs: values.num_vregs, ..Problem::default() };
    let registers = PRegSet::from(env);
    let mut insts = names.insts(graph);
    for (b, block) in graph.blocks.iter().enumerate() {
        let first = problem.insts.len();
        if b == 0 {
            problem.enter(names, values, registers);
        }
        for (inst, refs) in insts.by_ref().take(block.insts.len()) {
            if !is_copy(inst) {
                problem.push(inst, refs, names, values, registers);
            }
        }
        let is_ret = block.succs.is_empty();
        problem.insts.push(InstData {
            operands: problem.operands.len()..problem.operands.len(),
            branch: !is_ret,
            ret: is_ret,
            ..InstData::default()
        });
        problem.blocks.push(BlockData {
            insts: first..problem.insts.len(),
            succs: block.succs.clone(),
            preds: block.preds.clone(),
            args: vec![vec![]; block.succs.len()],
            ..BlockData::default()
        });
    }
    problem.add_joins(graph, names, values);
    problem.find_frequencies();
    problem
}

impl Problem {
    fn enter(&mut self, names: &Names, values: &Values, registers: PRegSet) {
        let start = self.operands.len();
        for &name in &names.entry {
            let Some(vreg) = values.vreg(name) else { continue };
            let place = names.places[names.names[name as usize].place as usize];
            let constraint = match place.as_reg() {
                Some(preg) if registers.contains(preg) && preg.class() == vreg.class() => {
                    OperandConstraint::FixedReg(preg)
                }
                _ => OperandConstraint::Any,
            };
            let (kind, pos) = (OperandKind::Def, OperandPos::Late);
            self.operands.push(Operand::new(vreg, constraint, kind, pos));
        }
        self.insts.push(InstData { operands: start..self.operands.len(), ..InstData::default() });
    }

    fn push(
        &mut self,
        inst: &StreamInst,
        refs: &[Ref],
        names: &Names,
        values: &Values,
        registers: PRegSet,
    ) {
        let start = self.operands.len();
        let mut clobbers = inst.clobbers & registers;
        for r in refs {
            let place = names.places[names.names[r.name as usize].place as usize];
            let preg = place.as_reg().filter(|&preg| registers.contains(preg));
            let Some(vreg) = values.vreg(r.name) else { continue };
            let constraint = match preg {
                Some(preg) if r.fixed && preg.class() == vreg.class() => {
                    OperandConstraint::FixedReg(preg)
                }
                _ if place.is_stack() => OperandConstraint::Any,
                _ => OperandConstraint::Reg,
            };
            if let (OperandConstraint::FixedReg(preg), OperandKind::Def) = (constraint, r.kind) {
                clobbers.remove(preg);
            }
            self.operands.push(Operand::new(vreg, constraint, r.kind, r.pos));
        }
        self.insts.push(InstData {
            operands: start..self.operands.len(),
            clobbers,
            call: inst.kind == StreamKind::Call,
            remat: inst.remat && !inst.conditional,
            ..InstData::default()
        });
    }

    fn add_joins(&mut self, graph: &Graph<'_>, names: &Names, values: &Values) {
        for join in names.joins.iter().filter(|join| values.is_leader(join.name)) {
            let Some(param) = values.vreg(join.name) else { continue };
            debug_assert!(matches!(names.names[join.name as usize].source, Source::Join(_)));
            self.blocks[join.block.index()].params.push(param);
            let preds = &graph.blocks[join.block.index()].preds;
            for (pred, &arg) in preds.iter().zip(&join.args) {
                // The one successor of a predecessor of a block with several.
                if let (Some(args), Some(vreg)) =
                    (self.blocks[pred.index()].args.first_mut(), values.vreg(arg))
                {
                    args.push(vreg);
                }
            }
        }
    }

    fn find_frequencies(&mut self) {
        let cfg = Cfg::new(self);
        for (b, block) in self.blocks.iter_mut().enumerate() {
            block.frequency = 10f64.powi(cfg.loops(b).count() as i32);
        }
    }
}

impl Function for Problem {
    fn num_insts(&self) -> usize {
        self.insts.len()
    }

    fn num_blocks(&self) -> usize {
        self.blocks.len()
    }

    fn entry_block(&self) -> Block {
        Block::new(0)
    }

    fn block_insns(&self, block: Block) -> InstRange {
        let insts = &self.blocks[block.index()].insts;
        InstRange::new(Inst::new(insts.start), Inst::new(insts.end))
    }

    fn block_succs(&self, block: Block) -> &[Block] {
        &self.blocks[block.index()].succs
    }

    fn block_preds(&self, block: Block) -> &[Block] {
        &self.blocks[block.index()].preds
    }

    fn block_params(&self, block: Block) -> &[VReg] {
        &self.blocks[block.index()].params
    }

    fn is_ret(&self, inst: Inst) -> bool {
        self.insts[inst.index()].ret
    }

    fn is_branch(&self, inst: Inst) -> bool {
        self.insts[inst.index()].branch
    }

    fn branch_blockparams(&self, block: Block, _: Inst, succ: usize) -> &[VReg] {
        &self.blocks[block.index()].args[succ]
    }

    fn inst_operands(&self, inst: Inst) -> &[Operand] {
        &self.operands[self.insts[inst.index()].operands.clone()]
    }

    fn inst_clobbers(&self, inst: Inst) -> PRegSet {
        self.insts[inst.index()].clobbers
    }

    fn num_vregs(&self) -> usize {
        self.num_vregs
    }

    fn spillslot_size(&self, _: RegClass) -> usize {
        1
    }
}

impl AllocProblem for Problem {
    fn block_frequency(&self, block: Block) -> f64 {
        self.blocks[block.index()].frequency
    }

    fn remat_cost(&self, inst: Inst) -> Option<u32> {
        self.insts[inst.index()].remat.then_some(1)
    }

    fn is_call(&self, inst: Inst) -> bool {
        self.insts[inst.index()].call
    }
}
