//! The encodings of floating-point instructions: which registers stand in which operand.
//!
//! A single-precision operand is an s register or the low half of a d register, a double-precision
//! one a d register; nothing else has an encoding.

use super::Inst;
use super::args::*;
use super::encode::{def, num};
use super::encode_fp::*;
use super::imms::fits_fp_offset;
use crate::regs::{self, low_half};
use FpSize::{F32, F64};
use regalloc2::RegClass;
use windlass_backend::reg::{Reg, Writable};

/// The bits of a floating-point instruction; None as for [`super::encode::encode`].
pub(super) fn encode(inst: &Inst, in_it: bool) -> Option<u32> {
    if in_it && !may_be_conditional(inst) {
        return None;
    }
    Some(match *inst {
        Inst::FpAlu { op, size, rd, rn, rm } => {
            encode_fp_alu(op, size, fp_def(size, rd)?, fp(size, rn)?, fp(size, rm)?)
        }
        Inst::FpUnary { op, size, rd, rm } => {
            encode_fp_unary(op, size, fp_def(size, rd)?, fp(size, rm)?)
        }
        Inst::VCmp { size, rn, rm: Some(rm) } => encode_vcmp(size, fp(size, rn)?, fp(size, rm)?),
        Inst::VCmp { size, rn, rm: None } => encode_vcmp_zero(size, fp(size, rn)?),
        Inst::VMrsFlags => encode_vmrs_flags(),
        Inst::FpMov { size, rd, rm } => encode_vmov_reg(size, fp_def(size, rd)?, fp(size, rm)?),
        Inst::FpImm { size, rd, imm8 } => encode_vmov_imm(size, fp_def(size, rd)?, imm8),
        Inst::FpSelect { cond, size, rd, rn, rm } => {
            encode_vsel(cond, size, fp_def(size, rd)?, fp(size, rn)?, fp(size, rm)?)?
        }
        Inst::FpToInt { signed, size, rd, rm } => {
            encode_vcvt_to_int(signed, size, fp_def(F32, rd)?, fp(size, rm)?)
        }
        Inst::IntToFp { signed, size, rd, rm } => {
            encode_vcvt_from_int(signed, size, fp_def(size, rd)?, fp(F32, rm)?)
        }
        Inst::FpConvert { to, rd, rm } => {
            encode_vcvt_size(to, fp_def(to, rd)?, fp(to.other(), rm)?)
        }
        Inst::CoreToFp { rd, rt } => encode_vmov_from_core(fp_def(F32, rd)?, num(rt)?),
        Inst::FpToCore { rt, rn } => encode_vmov_to_core(def(rt)?, fp(F32, rn)?),
        Inst::CorePairToFp { rd, rt, rt2 } => {
            encode_vmov_from_core_pair(fp_def(F64, rd)?, num(rt)?, num(rt2)?)
        }
        Inst::FpToCorePair { rt, rt2, rn } => {
            encode_vmov_to_core_pair(def(rt)?, def(rt2)?, fp(F64, rn)?)
        }
        Inst::FpLoad { size, rt, addr: AMode::Offset { base, offset } }
            if fits_fp_offset(offset) =>
        {
            encode_vldr(size, fp_def(size, rt)?, num(base)?, offset)
        }
        Inst::FpStore { size, rt, addr: AMode::Offset { base, offset } }
            if fits_fp_offset(offset) =>
        {
            encode_vstr(size, fp(size, rt)?, num(base)?, offset)
        }
        Inst::VPush { regs } => encode_vpush(regs),
        Inst::VPop { regs } => encode_vpop(regs),
        _ => return None,
    })
}

/// FPv5 has instructions without a condition.
fn may_be_conditional(inst: &Inst) -> bool {
    use FpAluOp::{MaxNum, MinNum};
    use FpUnaryOp::{Ceil, Floor, Nearest};
    !matches!(
        inst,
        Inst::FpSelect { .. }
            | Inst::FpAlu { op: MinNum | MaxNum, .. }
            | Inst::FpUnary { op: Ceil | Floor | Nearest, .. }
    )
}

/// The number of an operand's register.
fn fp(size: FpSize, reg: Reg) -> Option<u32> {
    let preg = reg.as_preg().filter(|preg| preg.class() == RegClass::Float)?;
    match size {
        F32 => Some(low_half(preg).hw_enc() as u32),
        F64 => regs::d_number(preg).map(|n| n as u32),
    }
}

fn fp_def(size: FpSize, reg: Writable<Reg>) -> Option<u32> {
    fp(size, reg.to_reg())
}
