//! The 16-bit encodings, each a function named as in the ARMv7-M Architecture Reference Manual
//! (DDI 0403E, A7.7): AddImmT1 is `encode_add_imm_t1`.
//!
//! Input: register numbers and raw immediates, which the caller has found to fit. Output: the
//! halfword. Fields are asserted, never truncated.
//!
//! Data processing with low registers sets the flags outside an IT block and leaves them inside
//! one; what never touches the flags is marked so.

use super::args::ShiftOp;

/// `value` in a field of `width` bits at bit `at`.
const fn field(value: u32, width: u32, at: u32) -> u16 {
    debug_assert!(value < 1 << width, "a field too small for its value");
    (value << at) as u16
}

/// A register that may be any but pc, split into the low three bits at 0 and the top one at 7.
const fn split_reg(rd: u32) -> u16 {
    debug_assert!(rd < 15, "pc is no operand");
    field(rd >> 3, 1, 7) | field(rd & 7, 3, 0)
}

const fn any_reg(rm: u32, at: u32) -> u16 {
    debug_assert!(rm < 15, "pc is no operand");
    field(rm, 4, at)
}

// --- Shift, add, subtract, move, compare (A5.2.1) ----------------------------------------------

/// LSL, LSR and ASR (immediate) T1: lsl by 1-31, lsr and asr by 1-32.
pub const fn encode_shift_imm_t1(op: ShiftOp, rd: u32, rm: u32, amount: u32) -> u16 {
    debug_assert!(amount != 0 && !matches!(op, ShiftOp::Ror), "lsl #0 is a move, ror has no T1");
    field(op as u32, 2, 11) | field(amount % 32, 5, 6) | field(rm, 3, 3) | field(rd, 3, 0)
}

/// MOV (register) T2, outside IT blocks only.
pub const fn encode_mov_reg_t2(rd: u32, rm: u32) -> u16 {
    field(rm, 3, 3) | field(rd, 3, 0)
}

const fn three_low(opcode: u16, rd: u32, rn: u32, third: u32) -> u16 {
    opcode | field(third, 3, 6) | field(rn, 3, 3) | field(rd, 3, 0)
}

pub const fn encode_add_reg_t1(rd: u32, rn: u32, rm: u32) -> u16 {
    three_low(0x1800, rd, rn, rm)
}

pub const fn encode_sub_reg_t1(rd: u32, rn: u32, rm: u32) -> u16 {
    three_low(0x1a00, rd, rn, rm)
}

pub const fn encode_add_imm_t1(rd: u32, rn: u32, imm3: u32) -> u16 {
    three_low(0x1c00, rd, rn, imm3)
}

pub const fn encode_sub_imm_t1(rd: u32, rn: u32, imm3: u32) -> u16 {
    three_low(0x1e00, rd, rn, imm3)
}

const fn low_imm8(opcode: u16, rdn: u32, imm8: u32) -> u16 {
    opcode | field(rdn, 3, 8) | field(imm8, 8, 0)
}

pub const fn encode_mov_imm_t1(rd: u32, imm8: u32) -> u16 {
    low_imm8(0x2000, rd, imm8)
}

pub const fn encode_cmp_imm_t1(rn: u32, imm8: u32) -> u16 {
    low_imm8(0x2800, rn, imm8)
}

pub const fn encode_add_imm_t2(rdn: u32, imm8: u32) -> u16 {
    low_imm8(0x3000, rdn, imm8)
}

pub const fn encode_sub_imm_t2(rdn: u32, imm8: u32) -> u16 {
    low_imm8(0x3800, rdn, imm8)
}

// --- Data processing (A5.2.2) ------------------------------------------------------------------

/// One function for each operation on two low registers, the first of which takes the result.
macro_rules! two_low {
    ($($name:ident $opcode:literal)*) => {$(
        pub const fn $name(rdn: u32, rm: u32) -> u16 {
            0x4000 | $opcode << 6 | field(rm, 3, 3) | field(rdn, 3, 0)
        }
    )*};
}

two_low! {
    encode_and_reg_t1 0b0000
    encode_eor_reg_t1 0b0001
    encode_lsl_reg_t1 0b0010
    encode_lsr_reg_t1 0b0011
    encode_asr_reg_t1 0b0100
    encode_adc_reg_t1 0b0101
    encode_sbc_reg_t1 0b0110
    encode_ror_reg_t1 0b0111
    encode_tst_reg_t1 0b1000
    encode_rsb_imm_t1 0b1001
    encode_cmp_reg_t1 0b1010
    encode_cmn_reg_t1 0b1011
    encode_orr_reg_t1 0b1100
    encode_mul_t1 0b1101
    encode_bic_reg_t1 0b1110
    encode_mvn_reg_t1 0b1111
}

// --- Special data and branch (A5.2.3): no flags but those of cmp -------------------------------

pub const fn encode_add_reg_t2(rdn: u32, rm: u32) -> u16 {
    0x4400 | split_reg(rdn) | any_reg(rm, 3)
}

/// Not for two low registers.
pub const fn encode_cmp_reg_t2(rn: u32, rm: u32) -> u16 {
    debug_assert!(rn >= 8 || rm >= 8, "two low registers are T1's");
    0x4500 | split_reg(rn) | any_reg(rm, 3)
}

pub const fn encode_mov_reg_t1(rd: u32, rm: u32) -> u16 {
    0x4600 | split_reg(rd) | any_reg(rm, 3)
}

/// `mov pc, rm`: a branch that ignores bit 0.
pub const fn encode_mov_pc_t1(rm: u32) -> u16 {
    0x4687 | any_reg(rm, 3)
}

pub const fn encode_bx_t1(rm: u32) -> u16 {
    0x4700 | any_reg(rm, 3)
}

pub const fn encode_blx_t1(rm: u32) -> u16 {
    0x4780 | any_reg(rm, 3)
}

// --- Loads and stores (A5.2.4) -----------------------------------------------------------------

/// LDR (literal) T1: from `Align(pc + 4, 4) + offset`, 0 to 1020.
pub const fn encode_ldr_lit_t1(rt: u32, offset: u32) -> u16 {
    debug_assert!(offset & 3 == 0);
    low_imm8(0x4800, rt, offset >> 2)
}

/// `[rn, rm]`, one function for each access.
macro_rules! register_offset {
    ($($name:ident $opcode:literal)*) => {$(
        pub const fn $name(rt: u32, rn: u32, rm: u32) -> u16 {
            three_low(0x5000 | $opcode << 9, rt, rn, rm)
        }
    )*};
}

register_offset! {
    encode_str_reg_t1 0
    encode_strh_reg_t1 1
    encode_strb_reg_t1 2
    encode_ldrsb_reg_t1 3
    encode_ldr_reg_t1 4
    encode_ldrh_reg_t1 5
    encode_ldrb_reg_t1 6
    encode_ldrsh_reg_t1 7
}

/// `[rn, #offset]`, the offset counted in units of the access.
macro_rules! scaled_offset {
    ($($name:ident $opcode:literal)*) => {$(
        pub const fn $name(rt: u32, rn: u32, imm5: u32) -> u16 {
            $opcode | field(imm5, 5, 6) | field(rn, 3, 3) | field(rt, 3, 0)
        }
    )*};
}

scaled_offset! {
    encode_str_imm_t1 0x6000
    encode_ldr_imm_t1 0x6800
    encode_strb_imm_t1 0x7000
    encode_ldrb_imm_t1 0x7800
    encode_strh_imm_t1 0x8000
    encode_ldrh_imm_t1 0x8800
}

/// `str rt, [sp, #4 * imm8]`.
pub const fn encode_str_imm_t2(rt: u32, imm8: u32) -> u16 {
    low_imm8(0x9000, rt, imm8)
}

/// `ldr rt, [sp, #4 * imm8]`.
pub const fn encode_ldr_imm_t2(rt: u32, imm8: u32) -> u16 {
    low_imm8(0x9800, rt, imm8)
}

// --- Stack pointer and the rest (A5.2.5): no flags ---------------------------------------------

/// `add rd, sp, #4 * imm8`.
pub const fn encode_add_sp_imm_t1(rd: u32, imm8: u32) -> u16 {
    low_imm8(0xa800, rd, imm8)
}

/// `add sp, sp, #4 * imm7`.
pub const fn encode_add_sp_imm_t2(imm7: u32) -> u16 {
    0xb000 | field(imm7, 7, 0)
}

/// `sub sp, sp, #4 * imm7`.
pub const fn encode_sub_sp_imm_t1(imm7: u32) -> u16 {
    0xb080 | field(imm7, 7, 0)
}

/// CBZ, CBNZ T1: 0 to 126.
pub const fn encode_cbz_t1(nonzero: bool, rn: u32, offset: u32) -> u16 {
    debug_assert!(offset & 1 == 0 && offset <= 126);
    let offset = field(offset >> 6, 1, 9) | field(offset >> 1 & 31, 5, 3);
    0xb100 | field(nonzero as u32, 1, 11) | offset | field(rn, 3, 0)
}

/// One function for each operation from one low register to another.
macro_rules! one_low {
    ($($name:ident $opcode:literal)*) => {$(
        pub const fn $name(rd: u32, rm: u32) -> u16 {
            $opcode | field(rm, 3, 3) | field(rd, 3, 0)
        }
    )*};
}

one_low! {
    encode_sxth_t1 0xb200
    encode_sxtb_t1 0xb240
    encode_uxth_t1 0xb280
    encode_uxtb_t1 0xb2c0
    encode_rev_t1 0xba00
    encode_rev16_t1 0xba40
    encode_revsh_t1 0xbac0
}

/// `push` of low registers and perhaps lr.
pub const fn encode_push_t1(low: u32, lr: bool) -> u16 {
    0xb400 | field(lr as u32, 1, 8) | field(low, 8, 0)
}

/// `pop` of low registers and perhaps pc.
pub const fn encode_pop_t1(low: u32, pc: bool) -> u16 {
    0xbc00 | field(pc as u32, 1, 8) | field(low, 8, 0)
}

/// `mask` is never 0: that would be a hint.
pub const fn encode_it_t1(first: u32, mask: u32) -> u16 {
    debug_assert!(mask != 0 && first < 14);
    0xbf00 | field(first, 4, 4) | field(mask, 4, 0)
}

pub const fn encode_nop_t1() -> u16 {
    0xbf00
}

// --- Branches (A5.2.6) -------------------------------------------------------------------------

/// B T1: `b<c> pc + 4 + offset`, -256 to 254.
pub const fn encode_b_t1(cond: u32, offset: i32) -> u16 {
    debug_assert!(-256 <= offset && offset <= 254 && offset & 1 == 0 && cond < 14);
    0xd000 | field(cond, 4, 8) | (offset >> 1) as u16 & 0xff
}

/// B T2: -2048 to 2046.
pub const fn encode_b_t2(offset: i32) -> u16 {
    debug_assert!(-2048 <= offset && offset <= 2046 && offset & 1 == 0);
    0xe000 | (offset >> 1) as u16 & 0x7ff
}

pub const fn encode_udf_t1(imm8: u32) -> u16 {
    0xde00 | field(imm8, 8, 0)
}

pub const fn encode_bkpt_t1(imm8: u32) -> u16 {
    0xbe00 | field(imm8, 8, 0)
}
