//! A problem in other words, for ion in the smallest environments.
//!
//! Where an instruction reuses the register of an input, ion keeps all its other inputs until its
//! outputs are there. Of an instruction with two such outputs, each input stands in the way of the
//! other's output, so that ion asks for one register more than there need be. Here those inputs and
//! outputs are fixed to registers instead, the first that the environment prefers; an answer to
//! this is an answer to the original.

use regalloc2::{
    Block, Function, Inst, InstRange, MachineEnv, Operand, OperandConstraint, PReg, PRegSet,
    RegClass, VReg,
};

use super::{AllocProblem, CLASSES};

pub(super) struct FixedReuses<'a, P> {
    problem: &'a P,
    operands: Vec<Operand>,
    /// Where each changed instruction's operands begin in `operands`, in order of instructions.
    changed: Vec<(Inst, usize)>,
}

impl<'a, P: AllocProblem> FixedReuses<'a, P> {
    /// None if no instruction is in need of it.
    pub fn new(problem: &'a P, env: &MachineEnv) -> Option<Self> {
        let mut fixed = FixedReuses { problem, operands: vec![], changed: vec![] };
        for inst in (0..problem.num_insts()).map(Inst::new) {
            if let Some(operands) = fix(problem.inst_operands(inst), env) {
                fixed.changed.push((inst, fixed.operands.len()));
                fixed.operands.extend(operands);
            }
        }
        (!fixed.changed.is_empty()).then_some(fixed)
    }
}

/// The operands of an instruction with several reused inputs, if nothing else of it is fixed.
fn fix(operands: &[Operand], env: &MachineEnv) -> Option<Vec<Operand>> {
    let is_reuse = |op: &&Operand| matches!(op.constraint(), OperandConstraint::Reuse(_));
    let is_fixed = |op: &Operand| matches!(op.constraint(), OperandConstraint::FixedReg(_));
    if operands.iter().filter(is_reuse).count() < 2 || operands.iter().any(is_fixed) {
        return None;
    }
    let mut registers = CLASSES.map(|class| preferred(env, class).into_iter());
    let mut operands = operands.to_vec();
    for nth in 0..operands.len() {
        let op = operands[nth];
        let OperandConstraint::Reuse(input) = op.constraint() else { continue };
        let preg = OperandConstraint::FixedReg(registers[op.class() as usize].next()?);
        let used = *operands.get(input)?;
        operands[input] = Operand::new(used.vreg(), preg, used.kind(), used.pos());
        operands[nth] = Operand::new(op.vreg(), preg, op.kind(), op.pos());
    }
    Some(operands)
}

fn preferred(env: &MachineEnv, class: RegClass) -> Vec<PReg> {
    env.preferred_regs_by_class[class as usize].into_iter().collect()
}

impl<P: AllocProblem> Function for FixedReuses<'_, P> {
    same_as_problem!();

    fn inst_operands(&self, inst: Inst) -> &[Operand] {
        let operands = self.problem.inst_operands(inst);
        match self.changed.binary_search_by_key(&inst, |&(inst, _)| inst) {
            Ok(nth) => &self.operands[self.changed[nth].1..][..operands.len()],
            Err(_) => operands,
        }
    }

    fn block_params(&self, block: Block) -> &[VReg] {
        self.problem.block_params(block)
    }

    fn branch_blockparams(&self, block: Block, inst: Inst, succ: usize) -> &[VReg] {
        self.problem.branch_blockparams(block, inst, succ)
    }
}
