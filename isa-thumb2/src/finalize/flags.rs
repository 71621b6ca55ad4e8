//! Which of the flags instructions need and leave.
//!
//! Not every writer sets all four: logical operations leave V, and C unless their operand is
//! shifted. What such a writer leaves of its predecessors counts as lost.

use crate::inst::Inst;
use crate::inst::args::{AluOp, CmpOp, Cond, Operand2};
use core::ops::{BitAnd, BitOr};

/// A set of flags; N and Z always go together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(u8);

impl Flags {
    pub const NONE: Flags = Flags(0);
    pub const NZ: Flags = Flags(1);
    pub const C: Flags = Flags(2);
    pub const V: Flags = Flags(4);
    pub const ALL: Flags = Flags(7);

    pub fn contains(self, other: Flags) -> bool {
        self & other == other
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

impl BitAnd for Flags {
    type Output = Flags;

    fn bitand(self, other: Flags) -> Flags {
        Flags(self.0 & other.0)
    }
}

/// The flags that decide a condition (ARMv7-M A7.3).
fn of_condition(cond: Cond) -> Flags {
    match cond {
        Cond::Eq | Cond::Ne | Cond::Mi | Cond::Pl => Flags::NZ,
        Cond::Hs | Cond::Lo => Flags::C,
        Cond::Vs | Cond::Vc => Flags::V,
        Cond::Hi | Cond::Ls => Flags::NZ | Flags::C,
        Cond::Ge | Cond::Lt | Cond::Gt | Cond::Le => Flags::NZ | Flags::V,
    }
}

fn of_carry_in(op: AluOp) -> Flags {
    if matches!(op, AluOp::Adc | AluOp::Sbc) { Flags::C } else { Flags::NONE }
}

/// The flags that an instruction reads.
pub fn needed(inst: &Inst) -> Flags {
    match inst {
        Inst::Alu { op, .. } => of_carry_in(*op),
        Inst::CondAlu { cond, op, .. } => of_condition(*cond) | of_carry_in(*op),
        Inst::Predicated { cond, inst } => of_condition(*cond) | needed(inst),
        Inst::CondCmp { cond, .. }
        | Inst::CondMov { cond, .. }
        | Inst::CondSet { cond, .. }
        | Inst::CondFpMov { cond, .. }
        | Inst::FpSelect { cond, .. }
        | Inst::It { cond, .. }
        | Inst::CondBr { cond, .. }
        | Inst::TrapIf { cond, .. } => of_condition(*cond),
        _ => Flags::NONE,
    }
}

/// The flags that can be read after an instruction, of those that could be before.
pub fn after(inst: &Inst, before: Flags) -> Flags {
    match inst {
        Inst::CondCmp { op, op2, .. } => before & of_comparison(*op, *op2),
        Inst::Predicated { inst, .. } if inst.writes_flags() => before & after(inst, before),
        Inst::Predicated { .. } => before,
        _ if !inst.writes_flags() => before,
        Inst::Alu { op, op2, .. } => of_alu(*op, *op2),
        Inst::Mov { op2, .. } => of_logical(*op2),
        Inst::Cmp { op, op2, .. } => of_comparison(*op, *op2),
        Inst::FpCmp { .. } | Inst::VMrsFlags => Flags::ALL,
        // A shift by zero leaves C.
        Inst::ShiftReg { .. } | Inst::Mul { .. } => Flags::NZ,
        _ => Flags::NONE,
    }
}

fn of_alu(op: AluOp, op2: Operand2) -> Flags {
    match op {
        AluOp::Add | AluOp::Adc | AluOp::Sub | AluOp::Sbc | AluOp::Rsb => Flags::ALL,
        AluOp::And | AluOp::Orr | AluOp::Eor | AluOp::Bic | AluOp::Orn => of_logical(op2),
    }
}

fn of_comparison(op: CmpOp, op2: Operand2) -> Flags {
    match op {
        CmpOp::Cmp | CmpOp::Cmn => Flags::ALL,
        CmpOp::Tst | CmpOp::Teq => of_logical(op2),
    }
}

fn of_logical(op2: Operand2) -> Flags {
    match op2 {
        Operand2::Shifted(..) => Flags::NZ | Flags::C,
        Operand2::Reg(_) | Operand2::Imm(_) => Flags::NZ,
    }
}
