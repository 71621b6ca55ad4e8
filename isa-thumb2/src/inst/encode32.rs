//! The 32-bit encodings, each a function named as in the ARMv7-M Architecture Reference Manual
//! (DDI 0403E, A7.7): AddImmT3 is `encode_add_imm_t3`.
//!
//! Input: register numbers and raw immediates, which the caller has found to fit. Output: a word
//! with the first halfword on top. Fields are only asserted, never truncated.

/// `value` in a field of `width` bits at bit `at`.
const fn field(value: u32, width: u32, at: u32) -> u32 {
    debug_assert!(value < 1 << width, "a field too small for its value");
    value << at
}

/// B T3: `b<c>.w pc + 4 + offset`, -1048576 to 1048574.
pub const fn encode_b_t3(cond: u16, offset: i32) -> u32 {
    debug_assert!(-(1 << 20) <= offset && offset < 1 << 20 && offset & 1 == 0 && cond < 14);
    let bits = offset as u32;
    0xf000_8000
        | (bits >> 20 & 1) << 26
        | field(cond as u32, 4, 22)
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

/// LDR (literal) T2, forward: 0 to 4095.
pub const fn encode_ldr_lit_t2(rt: u32, offset: u32) -> u32 {
    0xf8df_0000 | field(rt, 4, 12) | field(offset, 12, 0)
}

/// The fields `i:imm4:imm3:imm8` of movw and movt.
const fn imm16(value: u16) -> u32 {
    let value = value as u32;
    (value >> 11 & 1) << 26 | value >> 12 << 16 | (value >> 8 & 7) << 12 | value & 0xff
}

/// MOV (immediate) T3: movw.
pub const fn encode_mov_imm_t3(rd: u32, value: u16) -> u32 {
    0xf240_0000 | field(rd, 4, 8) | imm16(value)
}

/// MOVT T1.
pub const fn encode_movt_t1(rd: u32, value: u16) -> u32 {
    0xf2c0_0000 | field(rd, 4, 8) | imm16(value)
}

/// CMP (immediate) T2, of a modified immediate's field.
pub const fn encode_cmp_imm_t2(rn: u32, imm: u16) -> u32 {
    0xf1b0_0f00 | field(rn, 4, 16) | mod_imm_fields(imm)
}

/// `i:imm3:imm8` in their places.
const fn mod_imm_fields(imm: u16) -> u32 {
    let imm = field(imm as u32, 12, 0);
    (imm >> 11) << 26 | (imm >> 8 & 7) << 12 | imm & 0xff
}

/// TBB and TBH T1, with the table right behind: `[pc, rm]`.
pub const fn encode_tbb_t1(halfwords: bool, rm: u32) -> u32 {
    0xe8df_f000 | field(halfwords as u32, 1, 4) | field(rm, 4, 0)
}
