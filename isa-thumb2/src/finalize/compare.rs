//! Comparisons with zero: dropped where the instruction that made the value can set the flags,
//! else joined with a branch to cbz or cbnz.
//!
//! `cmp rn, #0` sets N and Z of rn, C, and clears V. The flag-setting form of an instruction that
//! writes rn sets N and Z alike, but not C and V. So conditions on these are restated by N and Z,
//! which all but two can be.

use super::rewrite::remove;
use crate::inst::Inst;
use crate::inst::args::{AluOp, CmpOp, Cond, Operand2};
use crate::inst::imms::is_mod_imm;
use core::ops::Range;
use regalloc2::{OperandConstraint, OperandKind, OperandPos, PRegSet};
use windlass_backend::isa::{Code, MachInst, OperandVisitor};
use windlass_backend::reg::Reg;

/// Drops comparisons whose flags an earlier instruction can set.
pub fn drop_comparisons(code: &mut Code<Inst>) {
    let mut dead = Vec::new();
    for block in 0..code.num_blocks() {
        let range = code.block_range(block);
        for index in range.clone() {
            let Some(rn) = compared_with_zero(&code.insts[index]) else { continue };
            let Some((setter, inst)) = flag_setter(code, range.start..index, rn) else { continue };
            let insts = &mut code.insts;
            if restate_readers(&mut insts[index + 1..range.end]).is_some() {
                insts[setter] = inst;
                dead.push(index);
            }
        }
    }
    remove(code, &dead);
}

/// Joins `cmp rn, #0; beq/bne` at the end of a block where cbz or cbnz could do.
pub fn form_cbz(code: &mut Code<Inst>) {
    let mut dead = Vec::new();
    for block in 0..code.num_blocks() {
        let range = code.block_range(block);
        let Some((&Inst::CondBr { cond, taken, not_taken }, body)) =
            code.insts[range.clone()].split_last()
        else {
            continue;
        };
        let nonzero = match cond {
            Cond::Eq => false,
            Cond::Ne => true,
            _ => continue,
        };
        if let Some((index, rn)) = last_comparison(body) {
            code.insts[range.end - 1] = Inst::CmpBranchZero { nonzero, rn, taken, not_taken };
            dead.push(range.start + index);
        }
    }
    remove(code, &dead);
}

/// The register that an instruction compares with zero, doing nothing else.
fn compared_with_zero(inst: &Inst) -> Option<Reg> {
    match *inst {
        Inst::Cmp { op: CmpOp::Cmp, rn, op2: Operand2::Imm(0) } => Some(rn),
        _ => None,
    }
}

/// The comparison with zero of a low register that decides a branch behind `body` and nothing
/// else.
fn last_comparison(body: &[Inst]) -> Option<(usize, Reg)> {
    let index = body.iter().rposition(|inst| inst.reads_flags() || inst.writes_flags())?;
    let rn = compared_with_zero(&body[index])?;
    let is_low = rn.as_preg().is_some_and(|preg| preg.hw_enc() < 8);
    let unchanged = !body[index + 1..].iter().any(|inst| defines(inst, rn));
    (is_low && unchanged).then_some((index, rn))
}

/// The last instruction of `range` that writes `rn`, in its flag-setting form, if the flags are
/// free from there to the end of the range.
fn flag_setter(code: &Code<Inst>, range: Range<usize>, rn: Reg) -> Option<(usize, Inst)> {
    for index in range.rev() {
        let inst = &code.insts[index];
        if defines(inst, rn) {
            return with_flags(inst).map(|inst| (index, inst));
        }
        if inst.reads_flags() || inst.writes_flags() {
            return None;
        }
    }
    None
}

/// The same instruction such that N and Z tell of its result.
fn with_flags(inst: &Inst) -> Option<Inst> {
    match *inst {
        Inst::Alu { op, rd, rn, op2, .. } => {
            let encodable = !matches!(op2, Operand2::Imm(value) if !is_mod_imm(value));
            let plain = rn.as_preg().is_some_and(|preg| preg.hw_enc() < 13);
            (encodable && plain).then_some(Inst::Alu { op, s: true, rd, rn, op2 })
        }
        Inst::Mov { op, rd, op2, .. } if !matches!(op2, Operand2::Imm(_)) => {
            Some(Inst::Mov { op, s: true, rd, op2 })
        }
        Inst::ShiftReg { op, rd, rn, rm, .. } => Some(Inst::ShiftReg { op, s: true, rd, rn, rm }),
        Inst::Mul { rd, rn, rm, .. } => {
            let low = |reg: Reg| reg.as_preg().is_some_and(|preg| preg.hw_enc() < 8);
            let two_address = rd.to_reg() == rn || rd.to_reg() == rm;
            (two_address && low(rn) && low(rm)).then_some(Inst::Mul { s: true, rd, rn, rm })
        }
        _ => None,
    }
}

/// Restates the conditions that read the flags of a comparison with zero before `insts`. None,
/// and nothing changes, if one of them cannot be.
fn restate_readers(insts: &mut [Inst]) -> Option<()> {
    let end = insts.iter().position(|inst| inst.writes_flags()).map_or(insts.len(), |n| n + 1);
    let readers = &mut insts[..end];
    for inst in readers.iter_mut().filter(|inst| inst.reads_flags()) {
        restate(*condition(inst)?)?;
    }
    for inst in readers {
        if let Some(cond) = condition(inst) {
            *cond = restate(*cond)?;
        }
    }
    Some(())
}

/// What an instruction reads of the flags, if that is one condition and nothing more.
fn condition(inst: &mut Inst) -> Option<&mut Cond> {
    match inst {
        Inst::CondAlu { op: AluOp::Adc | AluOp::Sbc, .. } => None,
        Inst::CondMov { cond, .. }
        | Inst::CondAlu { cond, .. }
        | Inst::CondSet { cond, .. }
        | Inst::CondFpMov { cond, .. }
        | Inst::CondBr { cond, .. }
        | Inst::TrapIf { cond, .. } => Some(cond),
        _ => None,
    }
}

/// A condition on N and Z that says the same after a comparison with zero, where C is set and V is
/// clear.
fn restate(cond: Cond) -> Option<Cond> {
    Some(match cond {
        Cond::Eq | Cond::Ne | Cond::Mi | Cond::Pl => cond,
        Cond::Lt => Cond::Mi,
        Cond::Ge => Cond::Pl,
        Cond::Hi => Cond::Ne,
        Cond::Ls => Cond::Eq,
        Cond::Gt | Cond::Le | Cond::Hs | Cond::Lo | Cond::Vs | Cond::Vc => return None,
    })
}

/// Whether an instruction may change a register.
pub fn defines(inst: &Inst, reg: Reg) -> bool {
    let mut search = Definitions { reg, found: false };
    inst.clone().visit_operands(&mut search);
    search.found
}

struct Definitions {
    reg: Reg,
    found: bool,
}

impl OperandVisitor for Definitions {
    fn add_operand(
        &mut self,
        reg: &mut Reg,
        _constraint: OperandConstraint,
        kind: OperandKind,
        _pos: OperandPos,
    ) {
        self.found |= kind == OperandKind::Def && *reg == self.reg;
    }

    fn reg_clobbers(&mut self, clobbers: PRegSet) {
        self.found |= self.reg.as_preg().is_some_and(|preg| clobbers.contains(preg));
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;
    use windlass_backend::emit::buffer::MachLabel;

    fn branch(cond: Cond) -> Inst {
        let label = MachLabel::from_index;
        Inst::CondBr { cond, taken: label(1), not_taken: label(0) }
    }

    fn subtract() -> Inst {
        alu(AluOp::Sub, 0, 0, Operand2::Imm(1))
    }

    fn zero(rn: usize) -> Inst {
        cmp(rn, Operand2::Imm(0))
    }

    fn dropped(insts: &[Inst]) -> Vec<Inst> {
        let mut code = code(&[insts]);
        drop_comparisons(&mut code);
        code.insts
    }

    #[test]
    fn a_countdown_needs_no_comparison() {
        let insts = dropped(&[subtract(), mov(1, 2), zero(0), branch(Cond::Ne)]);
        assert!(matches!(
            insts[..],
            [Inst::Alu { s: true, .. }, Inst::Mov { .. }, Inst::CondBr { cond: Cond::Ne, .. }]
        ));
    }

    #[test]
    fn signed_conditions_become_signs() {
        let insts = dropped(&[subtract(), zero(0), branch(Cond::Lt)]);
        assert!(matches!(insts[..], [_, Inst::CondBr { cond: Cond::Mi, .. }]));
    }

    #[test]
    fn comparisons_stay_where_they_say_more() {
        let kept = [
            vec![subtract(), zero(0), branch(Cond::Gt)],
            vec![subtract(), zero(1), branch(Cond::Eq)],
            vec![subtract(), mov(0, 1), cmp(1, Operand2::Imm(1)), zero(0), branch(Cond::Eq)],
            vec![alu(AluOp::Add, 0, 0, Operand2::Imm(4095)), zero(0), branch(Cond::Eq)],
            vec![load(0, word(4)), zero(0), branch(Cond::Eq)],
        ];
        for insts in kept {
            assert_eq!(dropped(&insts).len(), insts.len(), "{insts:?}");
        }
    }

    fn joined(insts: &[Inst]) -> Vec<Inst> {
        let mut code = code(&[insts]);
        form_cbz(&mut code);
        code.insts
    }

    #[test]
    fn a_branch_on_zero_joins_its_comparison() {
        let insts = joined(&[zero(0), mov(1, 2), branch(Cond::Ne)]);
        assert!(
            matches!(insts[..], [_, Inst::CmpBranchZero { nonzero: true, rn, .. }] if rn == reg(0))
        );
    }

    #[test]
    fn other_branches_stay() {
        for insts in [
            [zero(8), mov(1, 2), branch(Cond::Ne)],
            [zero(0), mov(0, 2), branch(Cond::Ne)],
            [zero(0), mov(1, 2), branch(Cond::Ge)],
            [zero(0), Inst::CondSet { cond: Cond::Eq, rd: w(1) }, branch(Cond::Ne)],
        ] {
            assert_eq!(joined(&insts).len(), 3, "{insts:?}");
        }
    }
}
