//! Edits that bring nothing, or that something cheaper brings as well.
//!
//! A move into a place that has the value already goes. A reload of a value that some register
//! holds becomes a move from there, one of a value that costs no more to compute than to load
//! becomes a `Remat`, and an operand that was left on the stack reads the register.

use regalloc2::{
    Allocation, Inst, MachineEnv, OperandConstraint, OperandKind, OperandPos, ProgPoint, VReg,
};
use std::collections::HashMap;

use super::contents::Contents;
use crate::regalloc::validate::rematerializable;
use crate::regalloc::{AllocProblem, AllocResult, Edit, blocks};

/// Instructions that a load from the stack is worth: it takes as long as two.
const RELOAD_COST: u32 = 2;

pub(super) fn rewrite<P: AllocProblem>(problem: &P, env: &MachineEnv, result: &mut AllocResult) {
    if result.edits.is_empty() {
        return;
    }
    let constants = Constants::new(problem);
    let mut contents = Contents::new(problem, env, result);
    let edits = core::mem::take(&mut result.edits);
    let mut old = edits.into_iter().peekable();
    let mut kept = Vec::with_capacity(old.len());
    for block in blocks(problem) {
        contents.enter(block);
        for inst in problem.block_insns(block).iter() {
            let before = ProgPoint::before(inst);
            while let Some((point, edit)) = old.next_if(|(point, _)| *point <= before) {
                kept.extend(cheaper(&contents, &constants, &edit).map(|edit| (point, edit)));
                contents.edit(&edit);
            }
            read_registers(problem, &contents, inst, result);
            contents.inst(inst, result);
        }
    }
    result.edits = kept;
}

/// The same or something cheaper; nothing if the place has the value already.
fn cheaper<P: AllocProblem>(
    contents: &Contents<'_, P>,
    constants: &Constants,
    edit: &Edit,
) -> Option<Edit> {
    let Edit::Move { from, to } = *edit else { return Some(edit.clone()) };
    if contents.covers(to, from) {
        return None;
    }
    let (Some(preg), true) = (to.as_reg(), from.is_stack()) else { return Some(edit.clone()) };
    // Of a parameter that shares the place, nothing would say that it is the same constant.
    let constant = match contents.names(from)[..] {
        [name] => constants.of(name),
        _ => None,
    };
    let again = |(inst, _)| Edit::Remat { inst, to };
    let other = |preg| Edit::Move { from: Allocation::reg(preg), to };
    let at_once = constant.filter(|&(_, cost)| cost <= 1).map(again);
    let held = || contents.register(preg.class(), from).map(other);
    let at_length = || constant.filter(|&(_, cost)| cost <= RELOAD_COST).map(again);
    at_once.or_else(held).or_else(at_length).or_else(|| Some(edit.clone()))
}

/// Lets uses that were left on the stack read a register that has the value.
fn read_registers<P: AllocProblem>(
    problem: &P,
    contents: &Contents<'_, P>,
    inst: Inst,
    result: &mut AllocResult,
) {
    let operands = problem.inst_operands(inst);
    let defined_early = |alloc: Allocation, result: &AllocResult| {
        let mut places = operands.iter().zip(result.inst_allocs(inst));
        places.any(|(op, &at)| {
            at == alloc && op.kind() == OperandKind::Def && op.pos() == OperandPos::Early
        })
    };
    for (i, op) in operands.iter().enumerate() {
        let alloc = result.inst_allocs(inst)[i];
        let is_early_use = op.kind() == OperandKind::Use && op.pos() == OperandPos::Early;
        if !is_early_use || op.constraint() != OperandConstraint::Any || !alloc.is_stack() {
            continue;
        }
        if let Some(preg) = contents.register(op.class(), alloc)
            && !defined_early(Allocation::reg(preg), result)
        {
            result.inst_allocs_mut(inst)[i] = Allocation::reg(preg);
        }
    }
}

/// The instruction that defines each value which can be computed again, with its cost.
struct Constants(HashMap<VReg, (Inst, u32)>);

impl Constants {
    fn new<P: AllocProblem>(problem: &P) -> Constants {
        let insts = (0..problem.num_insts()).map(Inst::new);
        let constants = insts.filter_map(|inst| {
            Some((rematerializable(problem, inst)?, (inst, problem.remat_cost(inst)?)))
        });
        Constants(constants.collect())
    }

    fn of(&self, value: VReg) -> Option<(Inst, u32)> {
        self.0.get(&value).copied()
    }
}
