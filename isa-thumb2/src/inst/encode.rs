//! The choice of an encoding: the shortest that does exactly what an instruction says.
//!
//! Input: an instruction over physical registers, and whether it stands in an IT block. Output:
//! its bits, or nothing for what is not one fixed instruction (branches to labels, what expansion
//! replaces, virtual registers, operands that no encoding holds).
//!
//! The rule of flags: 16-bit data processing sets them outside an IT block and not inside, so it
//! serves where `s` and "in an IT block" differ (`quiet` below is when neither is so).

use super::args::*;
use super::encode16::*;
use super::encode32::*;
use super::imms::{fits_pair_offset, is_imm12, is_imm16, mod_imm, mov_imm};
use super::{Callee, Imm16, Inst, fp};
use crate::regs::{LR, PC, SP};
use windlass_backend::reg::{Reg, Writable};

/// The bits of one instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    Half(u16),
    /// The first halfword on top.
    Word(u32),
}

use Encoding::{Half, Word};

impl Encoding {
    pub fn size(self) -> u32 {
        match self {
            Half(_) => 2,
            Word(_) => 4,
        }
    }

    /// The halfwords in order.
    pub fn halves(self) -> impl Iterator<Item = u16> {
        let (first, second) = match self {
            Half(half) => (half, None),
            Word(word) => ((word >> 16) as u16, Some(word as u16)),
        };
        core::iter::once(first).chain(second)
    }

    pub fn bytes(self) -> Vec<u8> {
        self.halves().flat_map(u16::to_le_bytes).collect()
    }
}

/// Whether 16 bits suffice, outside IT blocks.
pub fn is_16_bit(inst: &Inst) -> bool {
    matches!(encode(inst, false), Some(Half(_)))
}

/// See the module's head.
pub fn encode(inst: &Inst, in_it: bool) -> Option<Encoding> {
    if let Some(plain) = plain(inst) {
        return encode(&plain, in_it);
    }
    match *inst {
        Inst::Alu { op, s, rd, rn, op2 } => alu(op, s, in_it, def(rd)?, num(rn)?, op2),
        Inst::Mov { op, s, rd, op2 } => mov(op, s, in_it, def(rd)?, op2),
        Inst::ShiftReg { op, s, rd, rn, rm } => {
            Some(shift_reg(op, s, in_it, def(rd)?, num(rn)?, num(rm)?))
        }
        Inst::Cmp { op, rn, op2 } => cmp(op, num(rn)?, op2),
        Inst::Mul { s, rd, rn, rm } => mul(s, in_it, def(rd)?, num(rn)?, num(rm)?),
        Inst::MulAcc { op, rd, rn, rm, ra } => {
            let encode = match op {
                MulAccOp::Mla => encode_mla_t1,
                MulAccOp::Mls => encode_mls_t1,
            };
            Some(Word(encode(def(rd)?, num(rn)?, num(rm)?, num(ra)?)))
        }
        Inst::MulLong { signed, rd_lo, rd_hi, rn, rm } => {
            let encode = if signed { encode_smull_t1 } else { encode_umull_t1 };
            Some(Word(encode(def(rd_lo)?, def(rd_hi)?, num(rn)?, num(rm)?)))
        }
        Inst::MulLongAcc { signed, rd_lo, rd_hi, rn, rm, ra_lo, ra_hi } => {
            let (lo, hi) = (def(rd_lo)?, def(rd_hi)?);
            debug_assert!(rd_lo.to_reg() == ra_lo && rd_hi.to_reg() == ra_hi);
            let encode = if signed { encode_smlal_t1 } else { encode_umlal_t1 };
            Some(Word(encode(lo, hi, num(rn)?, num(rm)?)))
        }
        Inst::Div { signed, rd, rn, rm } => {
            let encode = if signed { encode_sdiv_t1 } else { encode_udiv_t1 };
            Some(Word(encode(def(rd)?, num(rn)?, num(rm)?)))
        }
        Inst::BitExtract { signed, rd, rn, lsb, width } => {
            let encode = if signed { encode_sbfx_t1 } else { encode_ubfx_t1 };
            Some(Word(encode(def(rd)?, num(rn)?, lsb.into(), width.into())))
        }
        Inst::BitInsert { rd, ra, rn, lsb, width } => {
            let (to, lsb, width) = (def(rd)?, lsb.into(), width.into());
            debug_assert!(rd.to_reg() == ra);
            Some(Word(match rn {
                Some(rn) => encode_bfi_t1(to, num(rn)?, lsb, width),
                None => encode_bfc_t1(to, lsb, width),
            }))
        }
        Inst::Unary { op, rd, rm } => Some(unary(op, def(rd)?, num(rm)?)),
        Inst::ExtendAdd { op, rd, rn, rm } => {
            let encode = match op {
                ExtendOp::Uxtab => encode_uxtab_t1,
                ExtendOp::Uxtah => encode_uxtah_t1,
                ExtendOp::Sxtab => encode_sxtab_t1,
                ExtendOp::Sxtah => encode_sxtah_t1,
            };
            Some(Word(encode(def(rd)?, num(rn)?, num(rm)?)))
        }
        Inst::Load { op, rt, addr } => access(Access::Load(op), def(rt)?, addr),
        Inst::Store { op, rt, addr } => access(Access::Store(op), num(rt)?, addr),
        Inst::LoadPair { rt, rt2, addr: AMode::Offset { base, offset } } => {
            let (rt, rt2, base) = (def(rt)?, def(rt2)?, num(base)?);
            fits_pair_offset(offset).then(|| Word(encode_ldrd_imm_t1(rt, rt2, base, offset)))
        }
        Inst::StorePair { rt, rt2, addr: AMode::Offset { base, offset } } => {
            let (rt, rt2, base) = (num(rt)?, num(rt2)?, num(base)?);
            fits_pair_offset(offset).then(|| Word(encode_strd_imm_t1(rt, rt2, base, offset)))
        }
        Inst::Push { regs } => push(regs),
        Inst::Pop { regs } => pop(regs),
        Inst::It { cond, pattern } => Some(Half(encode_it_t1(cond.bits(), pattern.mask(cond)))),
        Inst::Predicated { ref inst, .. } => encode(inst, true),
        Inst::MovW { rd, ref imm } => Some(Word(encode_mov_imm_t3(def(rd)?, imm.field()))),
        Inst::MovT { rd, ra, ref imm } => {
            let to = def(rd)?;
            debug_assert!(rd.to_reg() == ra);
            Some(Word(encode_movt_t1(to, imm.field())))
        }
        Inst::Call { ref info } => match info.callee {
            // REL: the addend that makes up for the program counter's lead stands in the field.
            Callee::Direct(_) => Some(Word(encode_bl_t1(-4))),
            Callee::Indirect(callee) => Some(Half(encode_blx_t1(num(callee)?))),
        },
        Inst::TailCall { ref info } => match info.callee {
            Callee::Direct(_) => Some(Word(encode_b_t4(-4))),
            Callee::Indirect(callee) => Some(Half(encode_bx_t1(num(callee)?))),
        },
        Inst::BxLr => Some(Half(encode_bx_t1(LR.hw_enc() as u32))),
        Inst::Udf { trap } => Some(Half(encode_udf_t1(trap.code().into()))),
        Inst::Fence => Some(Word(encode_dmb_t1())),
        Inst::Dsb => Some(Word(encode_dsb_t1())),
        Inst::Isb => Some(Word(encode_isb_t1())),
        Inst::Bkpt { imm8 } => Some(Half(encode_bkpt_t1(imm8.into()))),
        Inst::Nop => Some(Half(encode_nop_t1())),
        _ => fp::encode(inst, in_it).map(Word),
    }
}

/// The plain instruction that `inst` is another name for, or the order of operands in which the
/// two-operand encodings say it.
pub(super) fn plain(inst: &Inst) -> Option<Inst> {
    match *inst {
        Inst::LoadConst { rd, value } => {
            mov_imm(value).map(|(op, imm)| Inst::Mov { op, s: false, rd, op2: Operand2::Imm(imm) })
        }
        Inst::LoadAddr { rd, addr: AMode::Offset { base, offset } } => Some(sum(rd, base, offset)),
        Inst::LoadAddr { rd, addr: AMode::Index { base, index, shift } } => {
            let op2 = match shift {
                0 => Operand2::Reg(index),
                _ => Operand2::Shifted(index, ShiftOp::Lsl, shift),
            };
            Some(Inst::Alu { op: AluOp::Add, s: false, rd, rn: base, op2 })
        }
        Inst::AdjustSp { bytes } => Some(sum(Writable::from_reg(SP.into()), SP.into(), bytes)),
        Inst::Alu { op, s, rd, rn, op2: Operand2::Reg(rm) }
            if rd.to_reg() == rm
                && rn != rm
                && rn != SP.into()
                && matches!(op, AluOp::Add | AluOp::Adc | AluOp::And | AluOp::Orr | AluOp::Eor) =>
        {
            Some(Inst::Alu { op, s, rd, rn: rm, op2: Operand2::Reg(rn) })
        }
        Inst::Mul { s, rd, rn, rm } if rd.to_reg() == rn && rn != rm => {
            Some(Inst::Mul { s, rd, rn: rm, rm: rn })
        }
        _ => None,
    }
}

/// `rd = base + offset`.
fn sum(rd: Writable<Reg>, base: Reg, offset: i32) -> Inst {
    let (op, imm) = match offset {
        0 if rd.to_reg() != base => {
            let op2 = Operand2::Reg(base);
            return Inst::Mov { op: MovOp::Mov, s: false, rd, op2 };
        }
        0.. => (AluOp::Add, offset),
        _ => (AluOp::Sub, offset.wrapping_neg()),
    };
    Inst::Alu { op, s: false, rd, rn: base, op2: Operand2::Imm(imm as u32) }
}

impl Imm16 {
    /// What stands in the instruction: a symbol's addend is 0.
    fn field(&self) -> u16 {
        match *self {
            Imm16::Value(value) => value,
            Imm16::Symbol(_) => 0,
        }
    }
}

/// A physical register's number.
pub(super) fn num(reg: Reg) -> Option<u32> {
    reg.as_preg().map(|preg| preg.hw_enc() as u32)
}

pub(super) fn def(reg: Writable<Reg>) -> Option<u32> {
    num(reg.to_reg())
}

fn low<const N: usize>(regs: [u32; N]) -> bool {
    regs.into_iter().all(|reg| reg < 8)
}

const SP_NUM: u32 = 13;

// --- Data processing ---------------------------------------------------------------------------

fn alu(op: AluOp, s: bool, in_it: bool, rd: u32, rn: u32, op2: Operand2) -> Option<Encoding> {
    let narrow = match op2 {
        Operand2::Imm(imm) => alu_imm_narrow(op, s, in_it, rd, rn, imm),
        Operand2::Reg(rm) => alu_reg_narrow(op, s, in_it, rd, rn, num(rm)?),
        Operand2::Shifted(..) => None,
    };
    if let Some(narrow) = narrow {
        return Some(Half(narrow));
    }
    if !takes_registers(op, rd, rn) {
        return None;
    }
    match op2 {
        Operand2::Imm(imm) => alu_imm_wide(op, s, rd, rn, imm),
        Operand2::Reg(rm) => alu_reg_wide(op, s, rd, rn, num(rm)?, ShiftFields::NONE),
        Operand2::Shifted(rm, shift, amount) => {
            alu_reg_wide(op, s, rd, rn, num(rm)?, ShiftFields::new(shift, amount.into()))
        }
    }
    .map(Word)
}

/// Whether 32-bit encodings take sp where it stands: only sums do, and into sp only of sp.
fn takes_registers(op: AluOp, rd: u32, rn: u32) -> bool {
    match op {
        AluOp::Add | AluOp::Sub => rd != SP_NUM || rn == SP_NUM,
        _ => rd != SP_NUM && rn != SP_NUM,
    }
}

fn alu_imm_narrow(op: AluOp, s: bool, in_it: bool, rd: u32, rn: u32, imm: u32) -> Option<u16> {
    let of_sp = !s && rn == SP_NUM && imm.is_multiple_of(4);
    match op {
        AluOp::Add if of_sp && rd == SP_NUM && imm <= 508 => Some(encode_add_sp_imm_t2(imm / 4)),
        AluOp::Sub if of_sp && rd == SP_NUM && imm <= 508 => Some(encode_sub_sp_imm_t1(imm / 4)),
        AluOp::Add if of_sp && low([rd]) && imm <= 1020 => Some(encode_add_sp_imm_t1(rd, imm / 4)),
        _ if s == in_it || !low([rd, rn]) => None,
        AluOp::Add if imm < 8 => Some(encode_add_imm_t1(rd, rn, imm)),
        AluOp::Sub if imm < 8 => Some(encode_sub_imm_t1(rd, rn, imm)),
        AluOp::Add if rd == rn && imm < 256 => Some(encode_add_imm_t2(rd, imm)),
        AluOp::Sub if rd == rn && imm < 256 => Some(encode_sub_imm_t2(rd, imm)),
        AluOp::Rsb if imm == 0 => Some(encode_rsb_imm_t1(rd, rn)),
        _ => None,
    }
}

fn alu_reg_narrow(op: AluOp, s: bool, in_it: bool, rd: u32, rn: u32, rm: u32) -> Option<u16> {
    if s != in_it && low([rd, rn, rm]) {
        let encode = match op {
            AluOp::Add => return Some(encode_add_reg_t1(rd, rn, rm)),
            AluOp::Sub => return Some(encode_sub_reg_t1(rd, rn, rm)),
            AluOp::And => encode_and_reg_t1,
            AluOp::Eor => encode_eor_reg_t1,
            AluOp::Adc => encode_adc_reg_t1,
            AluOp::Sbc => encode_sbc_reg_t1,
            AluOp::Orr => encode_orr_reg_t1,
            AluOp::Bic => encode_bic_reg_t1,
            AluOp::Rsb | AluOp::Orn => return None,
        };
        return (rd == rn).then(|| encode(rd, rm));
    }
    match op {
        AluOp::Add if !s && rd == rn => Some(encode_add_reg_t2(rd, rm)),
        // `add rd, sp, rd`.
        AluOp::Add if !s && rd == rm => Some(encode_add_reg_t2(rd, rn)),
        _ => None,
    }
}

fn alu_imm_wide(op: AluOp, s: bool, rd: u32, rn: u32, imm: u32) -> Option<u32> {
    let encode = match op {
        AluOp::Add => encode_add_imm_t3,
        AluOp::Adc => encode_adc_imm_t1,
        AluOp::Sub => encode_sub_imm_t3,
        AluOp::Sbc => encode_sbc_imm_t1,
        AluOp::Rsb => encode_rsb_imm_t2,
        AluOp::And => encode_and_imm_t1,
        AluOp::Orr => encode_orr_imm_t1,
        AluOp::Eor => encode_eor_imm_t1,
        AluOp::Bic => encode_bic_imm_t1,
        AluOp::Orn => encode_orn_imm_t1,
    };
    if let Some(field) = mod_imm(imm) {
        return Some(encode(s, rd, rn, field));
    }
    match op {
        AluOp::Add if !s && is_imm12(imm) => Some(encode_add_imm_t4(rd, rn, imm)),
        AluOp::Sub if !s && is_imm12(imm) => Some(encode_sub_imm_t4(rd, rn, imm)),
        _ => None,
    }
}

fn alu_reg_wide(op: AluOp, s: bool, rd: u32, rn: u32, rm: u32, shift: ShiftFields) -> Option<u32> {
    let encode = match op {
        AluOp::Add => encode_add_reg_t3,
        AluOp::Adc => encode_adc_reg_t2,
        AluOp::Sub => encode_sub_reg_t2,
        AluOp::Sbc => encode_sbc_reg_t2,
        AluOp::Rsb => encode_rsb_reg_t1,
        AluOp::And => encode_and_reg_t2,
        AluOp::Orr => encode_orr_reg_t2,
        AluOp::Eor => encode_eor_reg_t2,
        AluOp::Bic => encode_bic_reg_t2,
        AluOp::Orn => encode_orn_reg_t1,
    };
    (rm != SP_NUM).then(|| encode(s, rd, rn, rm, shift))
}

fn mov(op: MovOp, s: bool, in_it: bool, rd: u32, op2: Operand2) -> Option<Encoding> {
    let short = s != in_it;
    let wide_reg = match op {
        MovOp::Mov => encode_mov_reg_t3,
        MovOp::Mvn => encode_mvn_reg_t2,
    };
    Some(match (op, op2) {
        (MovOp::Mov, Operand2::Imm(imm)) => {
            if short && low([rd]) && imm < 256 {
                Half(encode_mov_imm_t1(rd, imm))
            } else if let Some(imm) = mod_imm(imm) {
                Word(encode_mov_imm_t2(s, rd, imm))
            } else if !s && is_imm16(imm) {
                Word(encode_mov_imm_t3(rd, imm as u16))
            } else {
                return None;
            }
        }
        (MovOp::Mvn, Operand2::Imm(imm)) => Word(encode_mvn_imm_t1(s, rd, mod_imm(imm)?)),
        (_, Operand2::Reg(rm)) => {
            let rm = num(rm)?;
            match op {
                MovOp::Mov if !s => Half(encode_mov_reg_t1(rd, rm)),
                MovOp::Mov if !in_it && low([rd, rm]) => Half(encode_mov_reg_t2(rd, rm)),
                MovOp::Mvn if short && low([rd, rm]) => Half(encode_mvn_reg_t1(rd, rm)),
                _ => Word(wide_reg(s, rd, rm, ShiftFields::NONE)),
            }
        }
        (_, Operand2::Shifted(rm, shift, amount)) => {
            let (rm, amount) = (num(rm)?, amount.into());
            if op == MovOp::Mov && short && low([rd, rm]) && shift != ShiftOp::Ror {
                Half(encode_shift_imm_t1(shift, rd, rm, amount))
            } else {
                Word(wide_reg(s, rd, rm, ShiftFields::new(shift, amount)))
            }
        }
    })
}

fn shift_reg(op: ShiftOp, s: bool, in_it: bool, rd: u32, rn: u32, rm: u32) -> Encoding {
    if s == in_it || rd != rn || !low([rd, rm]) {
        return Word(encode_shift_reg_t2(op, s, rd, rn, rm));
    }
    Half(match op {
        ShiftOp::Lsl => encode_lsl_reg_t1(rd, rm),
        ShiftOp::Lsr => encode_lsr_reg_t1(rd, rm),
        ShiftOp::Asr => encode_asr_reg_t1(rd, rm),
        ShiftOp::Ror => encode_ror_reg_t1(rd, rm),
    })
}

fn cmp(op: CmpOp, rn: u32, op2: Operand2) -> Option<Encoding> {
    let (wide_imm, wide_reg): (fn(_, _) -> _, fn(_, _, _) -> _) = match op {
        CmpOp::Cmp => (encode_cmp_imm_t2, encode_cmp_reg_t3),
        CmpOp::Cmn => (encode_cmn_imm_t1, encode_cmn_reg_t2),
        CmpOp::Tst => (encode_tst_imm_t1, encode_tst_reg_t2),
        CmpOp::Teq => (encode_teq_imm_t1, encode_teq_reg_t1),
    };
    Some(match op2 {
        Operand2::Imm(imm) if op == CmpOp::Cmp && low([rn]) && imm < 256 => {
            Half(encode_cmp_imm_t1(rn, imm))
        }
        Operand2::Imm(imm) => Word(wide_imm(rn, mod_imm(imm)?)),
        Operand2::Reg(rm) => {
            let rm = num(rm)?;
            match op {
                CmpOp::Cmp if low([rn, rm]) => Half(encode_cmp_reg_t1(rn, rm)),
                CmpOp::Cmp => Half(encode_cmp_reg_t2(rn, rm)),
                CmpOp::Cmn if low([rn, rm]) => Half(encode_cmn_reg_t1(rn, rm)),
                CmpOp::Tst if low([rn, rm]) => Half(encode_tst_reg_t1(rn, rm)),
                _ => Word(wide_reg(rn, rm, ShiftFields::NONE)),
            }
        }
        Operand2::Shifted(rm, shift, amount) => {
            Word(wide_reg(rn, num(rm)?, ShiftFields::new(shift, amount.into())))
        }
    })
}

fn mul(s: bool, in_it: bool, rd: u32, rn: u32, rm: u32) -> Option<Encoding> {
    if s != in_it && rd == rm && low([rd, rn]) {
        return Some(Half(encode_mul_t1(rd, rn)));
    }
    (!s).then(|| Word(encode_mul_t2(rd, rn, rm)))
}

fn unary(op: UnaryOp, rd: u32, rm: u32) -> Encoding {
    type Encode<T> = fn(u32, u32) -> T;
    let (narrow, wide): (Option<Encode<u16>>, Encode<u32>) = match op {
        UnaryOp::Clz => (None, encode_clz_t1),
        UnaryOp::Rbit => (None, encode_rbit_t1),
        UnaryOp::Rev => (Some(encode_rev_t1), encode_rev_t2),
        UnaryOp::Rev16 => (Some(encode_rev16_t1), encode_rev16_t2),
        UnaryOp::Revsh => (Some(encode_revsh_t1), encode_revsh_t2),
        UnaryOp::Uxtb => (Some(encode_uxtb_t1), encode_uxtb_t2),
        UnaryOp::Uxth => (Some(encode_uxth_t1), encode_uxth_t2),
        UnaryOp::Sxtb => (Some(encode_sxtb_t1), encode_sxtb_t2),
        UnaryOp::Sxth => (Some(encode_sxth_t1), encode_sxth_t2),
    };
    match narrow {
        Some(encode) if low([rd, rm]) => Half(encode(rd, rm)),
        _ => Word(wide(rd, rm)),
    }
}

// --- Memory ------------------------------------------------------------------------------------

#[derive(Clone, Copy)]
enum Access {
    Load(LoadOp),
    Store(StoreOp),
}

fn access(access: Access, rt: u32, addr: AMode) -> Option<Encoding> {
    match addr {
        AMode::Offset { base, offset } => {
            let base = num(base)?;
            let narrow = offset_narrow(access, rt, base, offset);
            narrow.map(Half).or_else(|| offset_wide(access, rt, base, offset).map(Word))
        }
        AMode::Index { base, index, shift } => {
            let (base, index) = (num(base)?, num(index)?);
            if shift == 0 && low([rt, base, index]) {
                return Some(Half(index_narrow(access)(rt, base, index)));
            }
            Some(Word(index_wide(access)(rt, base, index, shift.into())))
        }
        _ => None,
    }
}

fn offset_narrow(access: Access, rt: u32, base: u32, offset: i32) -> Option<u16> {
    use Access::{Load, Store};
    let offset = u32::try_from(offset).ok()?;
    if !low([rt]) {
        return None;
    }
    if base == SP_NUM && offset % 4 == 0 && offset <= 1020 {
        return match access {
            Load(LoadOp::Ldr) => Some(encode_ldr_imm_t2(rt, offset / 4)),
            Store(StoreOp::Str) => Some(encode_str_imm_t2(rt, offset / 4)),
            _ => None,
        };
    }
    let (encode, unit): (fn(_, _, _) -> _, _) = match access {
        Load(LoadOp::Ldr) => (encode_ldr_imm_t1, 4),
        Load(LoadOp::Ldrh) => (encode_ldrh_imm_t1, 2),
        Load(LoadOp::Ldrb) => (encode_ldrb_imm_t1, 1),
        Load(LoadOp::Ldrsb | LoadOp::Ldrsh) => return None,
        Store(StoreOp::Str) => (encode_str_imm_t1, 4),
        Store(StoreOp::Strh) => (encode_strh_imm_t1, 2),
        Store(StoreOp::Strb) => (encode_strb_imm_t1, 1),
    };
    let fits = low([base]) && offset % unit == 0 && offset / unit < 32;
    fits.then(|| encode(rt, base, offset / unit))
}

fn offset_wide(access: Access, rt: u32, base: u32, offset: i32) -> Option<u32> {
    use Access::{Load, Store};
    let (up, down): (fn(_, _, _) -> _, fn(_, _, _) -> _) = match access {
        Load(LoadOp::Ldr) => (encode_ldr_imm_t3, encode_ldr_imm_t4),
        Load(LoadOp::Ldrb) => (encode_ldrb_imm_t2, encode_ldrb_imm_t3),
        Load(LoadOp::Ldrh) => (encode_ldrh_imm_t2, encode_ldrh_imm_t3),
        Load(LoadOp::Ldrsb) => (encode_ldrsb_imm_t1, encode_ldrsb_imm_t2),
        Load(LoadOp::Ldrsh) => (encode_ldrsh_imm_t1, encode_ldrsh_imm_t2),
        Store(StoreOp::Str) => (encode_str_imm_t3, encode_str_imm_t4),
        Store(StoreOp::Strb) => (encode_strb_imm_t2, encode_strb_imm_t3),
        Store(StoreOp::Strh) => (encode_strh_imm_t2, encode_strh_imm_t3),
    };
    match offset {
        0..=4095 => Some(up(rt, base, offset as u32)),
        -255..0 => Some(down(rt, base, offset.unsigned_abs())),
        _ => None,
    }
}

fn index_narrow(access: Access) -> fn(u32, u32, u32) -> u16 {
    match access {
        Access::Load(LoadOp::Ldr) => encode_ldr_reg_t1,
        Access::Load(LoadOp::Ldrb) => encode_ldrb_reg_t1,
        Access::Load(LoadOp::Ldrh) => encode_ldrh_reg_t1,
        Access::Load(LoadOp::Ldrsb) => encode_ldrsb_reg_t1,
        Access::Load(LoadOp::Ldrsh) => encode_ldrsh_reg_t1,
        Access::Store(StoreOp::Str) => encode_str_reg_t1,
        Access::Store(StoreOp::Strb) => encode_strb_reg_t1,
        Access::Store(StoreOp::Strh) => encode_strh_reg_t1,
    }
}

fn index_wide(access: Access) -> fn(u32, u32, u32, u32) -> u32 {
    match access {
        Access::Load(LoadOp::Ldr) => encode_ldr_reg_t2,
        Access::Load(LoadOp::Ldrb) => encode_ldrb_reg_t2,
        Access::Load(LoadOp::Ldrh) => encode_ldrh_reg_t2,
        Access::Load(LoadOp::Ldrsb) => encode_ldrsb_reg_t2,
        Access::Load(LoadOp::Ldrsh) => encode_ldrsh_reg_t2,
        Access::Store(StoreOp::Str) => encode_str_reg_t2,
        Access::Store(StoreOp::Strb) => encode_strb_reg_t2,
        Access::Store(StoreOp::Strh) => encode_strh_reg_t2,
    }
}

const LOW_LIST: u16 = 0xff;

fn push(regs: RegList) -> Option<Encoding> {
    if !(regs.contains(SP) || regs.contains(PC)) {
        return stack_list(regs, RegList::default().with(LR), encode_push_t1, encode_push_t2)
            .or_else(|| single(regs).map(|rt| Word(encode_push_t3(rt))));
    }
    None
}

fn pop(regs: RegList) -> Option<Encoding> {
    if !(regs.contains(SP) || regs.contains(LR) && regs.contains(PC)) {
        return stack_list(regs, RegList::default().with(PC), encode_pop_t1, encode_pop_t2)
            .or_else(|| single(regs).map(|rt| Word(encode_pop_t3(rt))));
    }
    None
}

/// The forms with a list: low registers and `extra` in 16 bits, two or more others in 32.
fn stack_list(
    regs: RegList,
    extra: RegList,
    narrow: fn(u32, bool) -> u16,
    wide: fn(u32) -> u32,
) -> Option<Encoding> {
    if regs.is_empty() {
        return None;
    }
    if regs.0 & !(LOW_LIST | extra.0) == 0 {
        return Some(Half(narrow((regs.0 & LOW_LIST).into(), regs.0 & extra.0 != 0)));
    }
    (regs.len() >= 2).then(|| Word(wide(regs.0.into())))
}

fn single(regs: RegList) -> Option<u32> {
    (regs.len() == 1).then(|| regs.0.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regs::{IP, r};

    fn add(rd: usize, rn: Reg, rm: Reg) -> Inst {
        let rd = Writable::from_reg(r(rd).into());
        Inst::Alu { op: AluOp::Add, s: false, rd, rn, op2: Operand2::Reg(rm) }
    }

    #[test]
    fn sp_is_encoded_only_where_the_manual_has_it() {
        let (sp, ip) = (Reg::from(SP), Reg::from(IP));
        assert_eq!(encode(&add(3, sp, ip), false).map(Encoding::size), Some(4));
        assert_eq!(encode(&add(3, ip, sp), false), None);
        assert_eq!(encode(&add(13, ip, r(3).into()), false), None);
        assert_eq!(encode(&add(13, sp, ip), false).map(Encoding::size), Some(2));
        assert_eq!(encode(&add(3, sp, r(3).into()), false).map(Encoding::size), Some(2));
    }

    #[test]
    fn what_no_single_instruction_does_has_no_encoding() {
        let rd = Writable::from_reg(r(0).into());
        let base = r(1).into();
        let far = AMode::Offset { base, offset: 4096 };
        for inst in [
            Inst::LoadConst { rd, value: 0x1234_5678 },
            Inst::CondSet { cond: Cond::Eq, rd },
            Inst::Load { op: LoadOp::Ldr, rt: rd, addr: far },
            Inst::LoadPair { rt: rd, rt2: rd, addr: AMode::Offset { base, offset: 1022 } },
            Inst::LoadAddr { rd, addr: AMode::Offset { base, offset: 4097 } },
            Inst::Load { op: LoadOp::Ldr, rt: rd, addr: AMode::Spill { slot: 0 } },
            Inst::Mul { s: true, rd, rn: base, rm: base },
            Inst::Push { regs: RegList::default() },
            Inst::Pop { regs: RegList::from_regs([LR, PC]) },
        ] {
            assert_eq!(encode(&inst, false), None, "{inst}");
        }
    }
}
