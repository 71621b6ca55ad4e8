//! The 32-bit encodings, each a function named as in the ARMv7-M Architecture Reference Manual
//! (DDI 0403E, A7.7): AddImmT3 is `encode_add_imm_t3`.
//!
//! Input: register numbers and raw immediates, which the caller has found to fit. Output: a word
//! with the first halfword on top. Fields are asserted, never truncated; so are the registers
//! that the manual calls UNPREDICTABLE.

use super::args::ShiftOp;

const SP: u32 = 13;
const PC: u32 = 15;

/// `value` in a field of `width` bits at bit `at`.
const fn field(value: u32, width: u32, at: u32) -> u32 {
    debug_assert!(value < 1 << width, "a field too small for its value");
    value << at
}

/// Any register but sp and pc.
const fn reg(number: u32, at: u32) -> u32 {
    debug_assert!(number < 15 && number != SP, "sp and pc are no operands here");
    number << at
}

/// Any register but pc.
const fn reg_or_sp(number: u32, at: u32) -> u32 {
    debug_assert!(number < 15, "pc is no operand here");
    number << at
}

const fn flag(bit: bool, at: u32) -> u32 {
    (bit as u32) << at
}

// --- Data processing (A5.3.1, A5.3.11) ---------------------------------------------------------

/// `imm3:imm2:type` of a register shifted by a constant.
#[derive(Clone, Copy)]
pub struct ShiftFields(u32);

impl ShiftFields {
    pub const NONE: ShiftFields = ShiftFields(0);

    /// 1-31 for lsl and ror, 1-32 for lsr and asr.
    pub const fn new(op: ShiftOp, amount: u32) -> ShiftFields {
        debug_assert!(amount != 0, "lsl #0 is no shift, ror #0 is rrx");
        debug_assert!(amount < 32 || matches!(op, ShiftOp::Lsr | ShiftOp::Asr) && amount == 32);
        let amount = amount % 32;
        ShiftFields(amount >> 2 << 12 | (amount & 3) << 6 | (op as u32) << 4)
    }

    /// What sp as first operand and result may be added with.
    const fn is_lsl_to_3(self) -> bool {
        self.0 & !0xc0 == 0
    }
}

/// `i:imm3:imm8` in their places.
const fn imm12(imm: u32) -> u32 {
    field(imm, 12, 0);
    imm >> 11 << 26 | (imm >> 8 & 7) << 12 | imm & 0xff
}

/// The operations that A5-10 and A5-22 share.
const AND: u32 = 0b0000;
const BIC: u32 = 0b0001;
const ORR: u32 = 0b0010;
const ORN: u32 = 0b0011;
const EOR: u32 = 0b0100;
const ADD: u32 = 0b1000;
const ADC: u32 = 0b1010;
const SBC: u32 = 0b1011;
const SUB: u32 = 0b1101;
const RSB: u32 = 0b1110;

/// `op{s} rd, rn, #imm`; rd and rn stand in their places already.
const fn modified_imm(op: u32, s: bool, rd: u32, rn: u32, imm: u16) -> u32 {
    0xf000_0000 | op << 21 | flag(s, 20) | rn | rd | imm12(imm as u32)
}

/// `op{s} rd, rn, rm, shift`.
const fn shifted_reg(op: u32, s: bool, rd: u32, rn: u32, rm: u32, shift: ShiftFields) -> u32 {
    0xea00_0000 | op << 21 | flag(s, 20) | rn | rd | reg(rm, 0) | shift.0
}

/// Operations with two operands and a result: the immediate form and the register form.
macro_rules! data_processing {
    ($($imm:ident $reg:ident $op:ident)*) => {$(
        pub const fn $imm(s: bool, rd: u32, rn: u32, imm: u16) -> u32 {
            modified_imm($op, s, reg(rd, 8), reg(rn, 16), imm)
        }

        pub const fn $reg(s: bool, rd: u32, rn: u32, rm: u32, shift: ShiftFields) -> u32 {
            shifted_reg($op, s, reg(rd, 8), reg(rn, 16), rm, shift)
        }
    )*};
}

data_processing! {
    encode_and_imm_t1 encode_and_reg_t2 AND
    encode_bic_imm_t1 encode_bic_reg_t2 BIC
    encode_orr_imm_t1 encode_orr_reg_t2 ORR
    encode_orn_imm_t1 encode_orn_reg_t1 ORN
    encode_eor_imm_t1 encode_eor_reg_t2 EOR
    encode_adc_imm_t1 encode_adc_reg_t2 ADC
    encode_sbc_imm_t1 encode_sbc_reg_t2 SBC
    encode_rsb_imm_t2 encode_rsb_reg_t1 RSB
}

/// Add and subtract, which take sp as first operand, and then as result.
macro_rules! sum {
    ($($imm:ident $reg:ident $op:ident)*) => {$(
        pub const fn $imm(s: bool, rd: u32, rn: u32, imm: u16) -> u32 {
            debug_assert!(rd != SP || rn == SP);
            modified_imm($op, s, reg_or_sp(rd, 8), reg_or_sp(rn, 16), imm)
        }

        pub const fn $reg(s: bool, rd: u32, rn: u32, rm: u32, shift: ShiftFields) -> u32 {
            debug_assert!(rd != SP || rn == SP && shift.is_lsl_to_3());
            shifted_reg($op, s, reg_or_sp(rd, 8), reg_or_sp(rn, 16), rm, shift)
        }
    )*};
}

sum! {
    encode_add_imm_t3 encode_add_reg_t3 ADD
    encode_sub_imm_t3 encode_sub_reg_t2 SUB
}

/// Comparisons: the operation with flags and pc as result. `$rn` says which first operands are
/// allowed.
macro_rules! comparison {
    ($($imm:ident $reg:ident $op:ident $rn:ident)*) => {$(
        pub const fn $imm(rn: u32, imm: u16) -> u32 {
            modified_imm($op, true, PC << 8, $rn(rn, 16), imm)
        }

        pub const fn $reg(rn: u32, rm: u32, shift: ShiftFields) -> u32 {
            shifted_reg($op, true, PC << 8, $rn(rn, 16), rm, shift)
        }
    )*};
}

comparison! {
    encode_tst_imm_t1 encode_tst_reg_t2 AND reg
    encode_teq_imm_t1 encode_teq_reg_t1 EOR reg
    encode_cmn_imm_t1 encode_cmn_reg_t2 ADD reg_or_sp
    encode_cmp_imm_t2 encode_cmp_reg_t3 SUB reg_or_sp
}

/// Moves: orr and orn with pc as first operand.
macro_rules! moves {
    ($($imm:ident $reg:ident $op:ident)*) => {$(
        pub const fn $imm(s: bool, rd: u32, imm: u16) -> u32 {
            modified_imm($op, s, reg(rd, 8), PC << 16, imm)
        }

        pub const fn $reg(s: bool, rd: u32, rm: u32, shift: ShiftFields) -> u32 {
            shifted_reg($op, s, reg(rd, 8), PC << 16, rm, shift)
        }
    )*};
}

// MOV (register) T3 with a shift is LSL, LSR, ASR or ROR (immediate).
moves! {
    encode_mov_imm_t2 encode_mov_reg_t3 ORR
    encode_mvn_imm_t1 encode_mvn_reg_t2 ORN
}

// --- Plain immediates (A5.3.3) -----------------------------------------------------------------

/// `addw`: 0-4095.
pub const fn encode_add_imm_t4(rd: u32, rn: u32, imm: u32) -> u32 {
    debug_assert!(rd != SP || rn == SP);
    0xf200_0000 | reg_or_sp(rn, 16) | reg_or_sp(rd, 8) | imm12(imm)
}

/// `subw`: 0-4095.
pub const fn encode_sub_imm_t4(rd: u32, rn: u32, imm: u32) -> u32 {
    debug_assert!(rd != SP || rn == SP);
    0xf2a0_0000 | reg_or_sp(rn, 16) | reg_or_sp(rd, 8) | imm12(imm)
}

/// `adr.w rd, Align(pc + 4, 4) + offset`: 0-4095.
pub const fn encode_adr_t3(rd: u32, offset: u32) -> u32 {
    0xf20f_0000 | reg(rd, 8) | imm12(offset)
}

/// The fields `imm4:i:imm3:imm8` of movw and movt.
const fn imm16(value: u16) -> u32 {
    (value as u32) >> 12 << 16 | imm12(value as u32 & 0xfff)
}

/// MOV (immediate) T3: movw.
pub const fn encode_mov_imm_t3(rd: u32, value: u16) -> u32 {
    0xf240_0000 | reg(rd, 8) | imm16(value)
}

pub const fn encode_movt_t1(rd: u32, value: u16) -> u32 {
    0xf2c0_0000 | reg(rd, 8) | imm16(value)
}

/// `imm3:imm2` of a bit's number.
const fn lsb(bit: u32) -> u32 {
    field(bit, 5, 0);
    bit >> 2 << 12 | (bit & 3) << 6
}

pub const fn encode_sbfx_t1(rd: u32, rn: u32, from: u32, width: u32) -> u32 {
    debug_assert!(width > 0 && from + width <= 32);
    0xf340_0000 | reg(rn, 16) | reg(rd, 8) | lsb(from) | (width - 1)
}

pub const fn encode_ubfx_t1(rd: u32, rn: u32, from: u32, width: u32) -> u32 {
    debug_assert!(width > 0 && from + width <= 32);
    0xf3c0_0000 | reg(rn, 16) | reg(rd, 8) | lsb(from) | (width - 1)
}

pub const fn encode_bfi_t1(rd: u32, rn: u32, from: u32, width: u32) -> u32 {
    debug_assert!(width > 0 && from + width <= 32);
    0xf360_0000 | reg(rn, 16) | reg(rd, 8) | lsb(from) | (from + width - 1)
}

pub const fn encode_bfc_t1(rd: u32, from: u32, width: u32) -> u32 {
    debug_assert!(width > 0 && from + width <= 32);
    0xf360_0000 | PC << 16 | reg(rd, 8) | lsb(from) | (from + width - 1)
}

// --- Register shifts, extensions, counts (A5.3.12) ---------------------------------------------

/// LSL, LSR, ASR and ROR (register) T2.
pub const fn encode_shift_reg_t2(op: ShiftOp, s: bool, rd: u32, rn: u32, rm: u32) -> u32 {
    0xfa00_f000 | (op as u32) << 21 | flag(s, 20) | reg(rn, 16) | reg(rd, 8) | reg(rm, 0)
}

/// Extensions without rotation: alone, and with an addition.
macro_rules! extensions {
    ($($alone:ident $add:ident $op:literal)*) => {$(
        pub const fn $alone(rd: u32, rm: u32) -> u32 {
            0xfa00_f080 | $op << 20 | PC << 16 | reg(rd, 8) | reg(rm, 0)
        }

        pub const fn $add(rd: u32, rn: u32, rm: u32) -> u32 {
            0xfa00_f080 | $op << 20 | reg(rn, 16) | reg(rd, 8) | reg(rm, 0)
        }
    )*};
}

extensions! {
    encode_sxth_t2 encode_sxtah_t1 0b0000
    encode_uxth_t2 encode_uxtah_t1 0b0001
    encode_sxtb_t2 encode_sxtab_t1 0b0100
    encode_uxtb_t2 encode_uxtab_t1 0b0101
}

/// One-operand operations, whose operand stands in two fields.
macro_rules! miscellaneous {
    ($($name:ident $op:literal)*) => {$(
        pub const fn $name(rd: u32, rm: u32) -> u32 {
            $op | reg(rm, 16) | reg(rd, 8) | reg(rm, 0)
        }
    )*};
}

miscellaneous! {
    encode_rev_t2 0xfa90_f080
    encode_rev16_t2 0xfa90_f090
    encode_rbit_t1 0xfa90_f0a0
    encode_revsh_t2 0xfa90_f0b0
    encode_clz_t1 0xfab0_f080
}

// --- Multiply and divide (A5.3.16, A5.3.17) ----------------------------------------------------

pub const fn encode_mul_t2(rd: u32, rn: u32, rm: u32) -> u32 {
    0xfb00_f000 | reg(rn, 16) | reg(rd, 8) | reg(rm, 0)
}

pub const fn encode_mla_t1(rd: u32, rn: u32, rm: u32, ra: u32) -> u32 {
    0xfb00_0000 | reg(rn, 16) | reg(ra, 12) | reg(rd, 8) | reg(rm, 0)
}

pub const fn encode_mls_t1(rd: u32, rn: u32, rm: u32, ra: u32) -> u32 {
    0xfb00_0010 | reg(rn, 16) | reg(ra, 12) | reg(rd, 8) | reg(rm, 0)
}

/// 64-bit products into `lo` and `hi`, which differ.
macro_rules! long_products {
    ($($name:ident $op:literal)*) => {$(
        pub const fn $name(lo: u32, hi: u32, rn: u32, rm: u32) -> u32 {
            debug_assert!(lo != hi);
            $op | reg(rn, 16) | reg(lo, 12) | reg(hi, 8) | reg(rm, 0)
        }
    )*};
}

long_products! {
    encode_smull_t1 0xfb80_0000
    encode_umull_t1 0xfba0_0000
    encode_smlal_t1 0xfbc0_0000
    encode_umlal_t1 0xfbe0_0000
}

pub const fn encode_sdiv_t1(rd: u32, rn: u32, rm: u32) -> u32 {
    0xfb90_f0f0 | reg(rn, 16) | reg(rd, 8) | reg(rm, 0)
}

pub const fn encode_udiv_t1(rd: u32, rn: u32, rm: u32) -> u32 {
    0xfbb0_f0f0 | reg(rn, 16) | reg(rd, 8) | reg(rm, 0)
}

// --- Loads and stores (A5.3.6 to A5.3.10) ------------------------------------------------------

/// Each access with an offset of 0-4095, of -255 to -1 (in magnitude), and of a register shifted
/// left by 0-3. `$rt` says which registers it may transfer.
macro_rules! accesses {
    ($($up:ident $down:ident $index:ident $op:literal $rt:ident)*) => {$(
        pub const fn $up(rt: u32, rn: u32, offset: u32) -> u32 {
            0xf880_0000 | $op << 20 | reg_or_sp(rn, 16) | $rt(rt, 12) | field(offset, 12, 0)
        }

        pub const fn $down(rt: u32, rn: u32, below: u32) -> u32 {
            0xf800_0c00 | $op << 20 | reg_or_sp(rn, 16) | $rt(rt, 12) | field(below, 8, 0)
        }

        pub const fn $index(rt: u32, rn: u32, rm: u32, shift: u32) -> u32 {
            let index = field(shift, 2, 4) | reg(rm, 0);
            0xf800_0000 | $op << 20 | reg_or_sp(rn, 16) | $rt(rt, 12) | index
        }
    )*};
}

accesses! {
    encode_strb_imm_t2 encode_strb_imm_t3 encode_strb_reg_t2 0b0_0000 reg
    encode_ldrb_imm_t2 encode_ldrb_imm_t3 encode_ldrb_reg_t2 0b0_0001 reg
    encode_strh_imm_t2 encode_strh_imm_t3 encode_strh_reg_t2 0b0_0010 reg
    encode_ldrh_imm_t2 encode_ldrh_imm_t3 encode_ldrh_reg_t2 0b0_0011 reg
    encode_str_imm_t3 encode_str_imm_t4 encode_str_reg_t2 0b0_0100 reg_or_sp
    encode_ldr_imm_t3 encode_ldr_imm_t4 encode_ldr_reg_t2 0b0_0101 reg_or_sp
    encode_ldrsb_imm_t1 encode_ldrsb_imm_t2 encode_ldrsb_reg_t2 0b1_0001 reg
    encode_ldrsh_imm_t1 encode_ldrsh_imm_t2 encode_ldrsh_reg_t2 0b1_0011 reg
}

/// LDR (literal) T2, forward: 0 to 4095.
pub const fn encode_ldr_lit_t2(rt: u32, offset: u32) -> u32 {
    0xf8df_0000 | reg(rt, 12) | field(offset, 12, 0)
}

/// `[rn, #offset]` of ldrd and strd: multiples of 4 from -1020 to 1020.
const fn pair(opcode: u32, rt: u32, rt2: u32, rn: u32, offset: i32) -> u32 {
    debug_assert!(offset % 4 == 0);
    let offset = flag(offset >= 0, 23) | field(offset.unsigned_abs() / 4, 8, 0);
    opcode | offset | reg_or_sp(rn, 16) | reg(rt, 12) | reg(rt2, 8)
}

pub const fn encode_strd_imm_t1(rt: u32, rt2: u32, rn: u32, offset: i32) -> u32 {
    pair(0xe940_0000, rt, rt2, rn, offset)
}

pub const fn encode_ldrd_imm_t1(rt: u32, rt2: u32, rn: u32, offset: i32) -> u32 {
    debug_assert!(rt != rt2);
    pair(0xe950_0000, rt, rt2, rn, offset)
}

/// Two or more registers of r0-r12 and lr.
pub const fn encode_push_t2(list: u32) -> u32 {
    debug_assert!(list.count_ones() >= 2 && list & 0xa000 == 0);
    0xe92d_0000 | field(list, 16, 0)
}

/// Two or more registers of r0-r12 and one of lr and pc.
pub const fn encode_pop_t2(list: u32) -> u32 {
    debug_assert!(list.count_ones() >= 2 && list & 1 << SP == 0 && list >> 14 != 3);
    0xe8bd_0000 | field(list, 16, 0)
}

/// `push {rt}`: `str rt, [sp, #-4]!`.
pub const fn encode_push_t3(rt: u32) -> u32 {
    0xf84d_0d04 | reg(rt, 12)
}

/// `pop {rt}`: `ldr rt, [sp], #4`, of pc too.
pub const fn encode_pop_t3(rt: u32) -> u32 {
    debug_assert!(rt != SP);
    0xf85d_0b04 | field(rt, 4, 12)
}

/// TBB and TBH T1, with the table right behind: `[pc, rm]`.
pub const fn encode_tbb_t1(halfwords: bool, rm: u32) -> u32 {
    0xe8df_f000 | flag(halfwords, 4) | reg(rm, 0)
}

// --- Branches and miscellaneous control (A5.3.4) -----------------------------------------------

/// B T3: `b<c>.w pc + 4 + offset`, -1048576 to 1048574.
pub const fn encode_b_t3(cond: u32, offset: i32) -> u32 {
    debug_assert!(-(1 << 20) <= offset && offset < 1 << 20 && offset & 1 == 0 && cond < 14);
    let bits = offset as u32;
    0xf000_8000
        | (bits >> 20 & 1) << 26
        | field(cond, 4, 22)
        | (bits >> 12 & 0x3f) << 16
        | (bits >> 18 & 1) << 13
        | (bits >> 19 & 1) << 11
        | bits >> 1 & 0x7ff
}

/// The offset field that B T4 and BL T1 share: S, imm10, J1, J2, imm11.
const fn branch_offset(offset: i32) -> u32 {
    debug_assert!(-(1 << 24) <= offset && offset < 1 << 24 && offset & 1 == 0);
    let bits = offset as u32;
    let s = bits >> 24 & 1;
    let j1 = (bits >> 23 & 1) ^ s ^ 1;
    let j2 = (bits >> 22 & 1) ^ s ^ 1;
    s << 26 | (bits >> 12 & 0x3ff) << 16 | j1 << 13 | j2 << 11 | bits >> 1 & 0x7ff
}

/// B T4: -16777216 to 16777214.
pub const fn encode_b_t4(offset: i32) -> u32 {
    0xf000_9000 | branch_offset(offset)
}

/// BL T1: as B T4.
pub const fn encode_bl_t1(offset: i32) -> u32 {
    0xf000_d000 | branch_offset(offset)
}

/// `dmb sy`.
pub const fn encode_dmb_t1() -> u32 {
    0xf3bf_8f5f
}

/// `dsb sy`.
pub const fn encode_dsb_t1() -> u32 {
    0xf3bf_8f4f
}

/// `isb sy`.
pub const fn encode_isb_t1() -> u32 {
    0xf3bf_8f6f
}
