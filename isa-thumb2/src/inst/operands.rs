//! What the target-independent code asks of an instruction: its register operands, its effect on
//! control flow and on the flags.
//!
//! Operands are visited in a fixed order, uses before the definitions that reuse their registers.
//! Physical registers before allocation are the reserved ones (r9-r11, sp); they are visited as
//! any other, since only the visitor knows what they mean.

use super::args::{AMode, MovOp, Operand2};
use super::{Callee, Inst};
use crate::inst::fixup::Fixup;
use crate::inst::imms;
use crate::regs;
use windlass_backend::emit::buffer::MachLabel;
use windlass_backend::isa::{MachInst, OperandVisitor, Terminator};
use windlass_backend::reg::{Reg, Writable};

impl Operand2 {
    fn visit(&mut self, visitor: &mut impl OperandVisitor) {
        match self {
            Operand2::Reg(rm) | Operand2::Shifted(rm, ..) => visitor.reg_use(rm),
            Operand2::Imm(_) => {}
        }
    }

    /// Number of operands that `visit` reports.
    fn count(&self) -> usize {
        usize::from(!matches!(self, Operand2::Imm(_)))
    }
}

impl AMode {
    fn visit(&mut self, visitor: &mut impl OperandVisitor) {
        match self {
            AMode::Offset { base, .. } => visitor.reg_use(base),
            AMode::Index { base, index, .. } => {
                visitor.reg_use(base);
                visitor.reg_use(index);
            }
            AMode::IncomingArg { .. }
            | AMode::StackSlot { .. }
            | AMode::OutgoingArg { .. }
            | AMode::Spill { .. } => {}
        }
    }
}

impl MachInst for Inst {
    type Relax = Fixup;

    fn visit_operands(&mut self, visitor: &mut impl OperandVisitor) {
        match self {
            Inst::Alu { rd, rn, op2, .. } => {
                visitor.reg_use(rn);
                op2.visit(visitor);
                visitor.reg_def(rd);
            }
            Inst::Mov { rd, op2, .. } => {
                op2.visit(visitor);
                visitor.reg_def(rd);
            }
            Inst::ShiftReg { rd, rn, rm, .. }
            | Inst::Mul { rd, rn, rm, .. }
            | Inst::Div { rd, rn, rm, .. }
            | Inst::ExtendAdd { rd, rn, rm, .. }
            | Inst::FpAlu { rd, rn, rm, .. }
            | Inst::FpSelect { rd, rn, rm, .. } => {
                visitor.reg_use(rn);
                visitor.reg_use(rm);
                visitor.reg_def(rd);
            }
            Inst::LoadConst { rd, .. }
            | Inst::LoadSymbol { rd, .. }
            | Inst::CondSet { rd, .. }
            | Inst::MovW { rd, .. }
            | Inst::FpImm { rd, .. }
            | Inst::LoadLiteral { rt: rd, .. } => visitor.reg_def(rd),
            Inst::MovT { rd, ra, .. } => {
                visitor.reg_use(ra);
                visitor.reg_reuse_def(rd, 0);
            }
            Inst::Cmp { rn, op2, .. } | Inst::CondCmp { rn, op2, .. } => {
                visitor.reg_use(rn);
                op2.visit(visitor);
            }
            Inst::MulAcc { rd, rn, rm, ra, .. } => {
                visitor.reg_use(rn);
                visitor.reg_use(rm);
                visitor.reg_use(ra);
                visitor.reg_def(rd);
            }
            Inst::MulLong { rd_lo, rd_hi, rn, rm, .. } => {
                visitor.reg_use(rn);
                visitor.reg_use(rm);
                visitor.reg_def(rd_lo);
                visitor.reg_def(rd_hi);
            }
            Inst::MulLongAcc { rd_lo, rd_hi, rn, rm, ra_lo, ra_hi, .. } => {
                visitor.reg_use(ra_lo);
                visitor.reg_use(ra_hi);
                visitor.reg_use(rn);
                visitor.reg_use(rm);
                visitor.reg_reuse_def(rd_lo, 0);
                visitor.reg_reuse_def(rd_hi, 1);
            }
            Inst::BitExtract { rd, rn, .. } => {
                visitor.reg_use(rn);
                visitor.reg_def(rd);
            }
            Inst::BitInsert { rd, ra, rn, .. } => {
                visitor.reg_use(ra);
                if let Some(rn) = rn {
                    visitor.reg_use(rn);
                }
                visitor.reg_reuse_def(rd, 0);
            }
            Inst::Unary { rd, rm, .. }
            | Inst::FpUnary { rd, rm, .. }
            | Inst::FpMov { rd, rm, .. }
            | Inst::FpToInt { rd, rm, .. }
            | Inst::IntToFp { rd, rm, .. }
            | Inst::FpConvert { rd, rm, .. }
            | Inst::CoreToFp { rd, rt: rm }
            | Inst::FpToCore { rt: rd, rn: rm } => {
                visitor.reg_use(rm);
                visitor.reg_def(rd);
            }
            Inst::CondMov { rd, op2, if_not, .. } => {
                op2.visit(visitor);
                visitor.reg_use(if_not);
                visitor.reg_reuse_def(rd, op2.count());
            }
            Inst::CondAlu { rd, rn, op2, if_not, .. } => {
                visitor.reg_use(rn);
                op2.visit(visitor);
                visitor.reg_use(if_not);
                visitor.reg_reuse_def(rd, 1 + op2.count());
            }
            Inst::FpCmp { rn, rm, .. } | Inst::VCmp { rn, rm, .. } => {
                visitor.reg_use(rn);
                if let Some(rm) = rm {
                    visitor.reg_use(rm);
                }
            }
            Inst::CorePairToFp { rd, rt, rt2 } => {
                visitor.reg_use(rt);
                visitor.reg_use(rt2);
                visitor.reg_def(rd);
            }
            Inst::FpToCorePair { rt, rt2, rn } => {
                visitor.reg_use(rn);
                visitor.reg_def(rt);
                visitor.reg_def(rt2);
            }
            Inst::CondFpMov { rd, rm, if_not, .. } => {
                visitor.reg_use(rm);
                visitor.reg_use(if_not);
                visitor.reg_reuse_def(rd, 1);
            }
            Inst::Load { rt, addr, .. } | Inst::FpLoad { rt, addr, .. } => {
                addr.visit(visitor);
                visitor.reg_def(rt);
            }
            Inst::Store { rt, addr, .. } | Inst::FpStore { rt, addr, .. } => {
                visitor.reg_use(rt);
                addr.visit(visitor);
            }
            Inst::LoadPair { rt, rt2, addr } => {
                addr.visit(visitor);
                visitor.reg_def(rt);
                visitor.reg_def(rt2);
            }
            Inst::StorePair { rt, rt2, addr } => {
                visitor.reg_use(rt);
                visitor.reg_use(rt2);
                addr.visit(visitor);
            }
            Inst::LoadAddr { rd, addr } => {
                addr.visit(visitor);
                visitor.reg_def(rd);
            }
            Inst::Args { defs } => {
                for (reg, preg) in defs {
                    visitor.reg_fixed_def(reg, *preg);
                }
            }
            Inst::Call { info } => {
                for (reg, preg) in &mut info.uses {
                    visitor.reg_fixed_use(reg, *preg);
                }
                if let Callee::Indirect(callee) = &mut info.callee {
                    visitor.any_use(callee);
                }
                let mut clobbers = info.clobbers;
                for (reg, preg) in &mut info.defs {
                    visitor.reg_fixed_def(reg, *preg);
                    clobbers.remove(*preg);
                }
                visitor.reg_clobbers(clobbers);
            }
            Inst::Ret { uses } => {
                for (reg, preg) in uses {
                    visitor.reg_fixed_use(reg, *preg);
                }
            }
            Inst::TailCall { info } => {
                for (reg, preg) in &mut info.uses {
                    visitor.reg_fixed_use(reg, *preg);
                }
                if let Callee::Indirect(callee) = &mut info.callee {
                    visitor.any_use(callee);
                }
            }
            Inst::CmpBranchZero { rn, .. } | Inst::TrapIfZero { rn, .. } => visitor.reg_use(rn),
            Inst::JumpTable { index, .. } => visitor.reg_use(index),
            Inst::Predicated { inst, .. } => inst.visit_operands(visitor),
            Inst::It { .. }
            | Inst::Push { .. }
            | Inst::Pop { .. }
            | Inst::VPush { .. }
            | Inst::VPop { .. }
            | Inst::VMrsFlags
            | Inst::AdjustSp { .. }
            | Inst::BxLr
            | Inst::Jump { .. }
            | Inst::CondBr { .. }
            | Inst::Udf { .. }
            | Inst::TrapIf { .. }
            | Inst::Fence
            | Inst::Dsb
            | Inst::Isb
            | Inst::Bkpt { .. }
            | Inst::Nop => {}
        }
    }

    fn terminator(&self) -> Terminator {
        match self {
            Inst::Jump { .. }
            | Inst::CondBr { .. }
            | Inst::CmpBranchZero { .. }
            | Inst::JumpTable { .. } => Terminator::Branch,
            Inst::Ret { .. } | Inst::TailCall { .. } | Inst::BxLr | Inst::Udf { .. } => {
                Terminator::Return
            }
            Inst::Pop { regs } if regs.contains(regs::PC) => Terminator::Return,
            _ => Terminator::None,
        }
    }

    fn is_call(&self) -> bool {
        matches!(self, Inst::Call { .. })
    }

    fn as_move(&self) -> Option<(Writable<Reg>, Reg)> {
        match *self {
            Inst::Mov { op: MovOp::Mov, s: false, rd, op2: Operand2::Reg(rm) } => Some((rd, rm)),
            Inst::FpMov { rd, rm, .. } => Some((rd, rm)),
            _ => None,
        }
    }

    fn remat_cost(&self) -> Option<u32> {
        match self {
            Inst::LoadConst { value, .. } => Some(imms::const_cost(*value)),
            Inst::LoadSymbol { .. } => Some(2),
            Inst::Mov { s: false, op2: Operand2::Imm(_), .. } => Some(1),
            Inst::FpImm { .. } => Some(1),
            Inst::LoadAddr { addr: AMode::StackSlot { .. }, .. } => Some(1),
            _ => None,
        }
    }

    fn is_pure(&self) -> bool {
        match self {
            Inst::Alu { s, .. }
            | Inst::Mov { s, .. }
            | Inst::ShiftReg { s, .. }
            | Inst::Mul { s, .. } => !s,
            Inst::LoadConst { .. }
            | Inst::LoadSymbol { .. }
            | Inst::MulAcc { .. }
            | Inst::MulLong { .. }
            | Inst::MulLongAcc { .. }
            | Inst::Div { .. }
            | Inst::BitExtract { .. }
            | Inst::BitInsert { .. }
            | Inst::Unary { .. }
            | Inst::ExtendAdd { .. }
            | Inst::CondMov { .. }
            | Inst::CondAlu { .. }
            | Inst::CondSet { .. }
            | Inst::FpAlu { .. }
            | Inst::FpUnary { .. }
            | Inst::FpMov { .. }
            | Inst::FpImm { .. }
            | Inst::CoreToFp { .. }
            | Inst::FpToCore { .. }
            | Inst::CorePairToFp { .. }
            | Inst::FpToCorePair { .. }
            | Inst::FpToInt { .. }
            | Inst::IntToFp { .. }
            | Inst::FpConvert { .. }
            | Inst::CondFpMov { .. }
            | Inst::FpSelect { .. }
            | Inst::LoadAddr { .. } => true,
            _ => false,
        }
    }

    fn stack_args(&self) -> u32 {
        let on_stack = |addr: &AMode| {
            matches!(
                addr,
                AMode::IncomingArg { .. } | AMode::StackSlot { .. } | AMode::OutgoingArg { .. }
            )
        };
        match self {
            Inst::Load { addr, .. }
            | Inst::Store { addr, .. }
            | Inst::FpLoad { addr, .. }
            | Inst::FpStore { addr, .. } => u32::from(on_stack(addr)),
            Inst::LoadPair { addr, .. } | Inst::StorePair { addr, .. } => {
                2 * u32::from(on_stack(addr))
            }
            _ => 0,
        }
    }

    fn gen_jump(target: MachLabel) -> Inst {
        Inst::Jump { target }
    }
}

impl Inst {
    /// Whether the outcome depends on N, Z, C or V as they are before.
    pub fn reads_flags(&self) -> bool {
        use super::args::AluOp;
        match self {
            Inst::Alu { op, .. } => matches!(op, AluOp::Adc | AluOp::Sbc),
            Inst::CondCmp { .. }
            | Inst::CondMov { .. }
            | Inst::CondAlu { .. }
            | Inst::CondSet { .. }
            | Inst::CondFpMov { .. }
            | Inst::FpSelect { .. }
            | Inst::It { .. }
            | Inst::Predicated { .. }
            | Inst::CondBr { .. }
            | Inst::TrapIf { .. } => true,
            _ => false,
        }
    }

    /// Whether the flags may differ afterwards.
    pub fn writes_flags(&self) -> bool {
        match self {
            Inst::Alu { s, .. } | Inst::Mov { s, .. } | Inst::ShiftReg { s, .. } => *s,
            Inst::Mul { s, .. } => *s,
            Inst::Cmp { .. } | Inst::CondCmp { .. } | Inst::Call { .. } => true,
            Inst::FpCmp { .. } | Inst::VMrsFlags => true,
            // A branch that cbz does not reach becomes a comparison and a branch.
            Inst::CmpBranchZero { .. } | Inst::TrapIfZero { .. } => true,
            Inst::JumpTable { .. } => true,
            Inst::Predicated { inst, .. } => inst.writes_flags(),
            _ => false,
        }
    }
}
