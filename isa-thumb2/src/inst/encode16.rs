//! The 16-bit encodings, each a function named as in the ARMv7-M Architecture Reference Manual
//! (DDI 0403E, A7.7): AddImmT1 is `encode_add_imm_t1`.
//!
//! Input: register numbers and raw immediates, which the caller has found to fit. Output: the
//! halfword. Fields are only asserted, never truncated.

/// `value` in a field of `width` bits at bit `at`.
const fn field(value: u16, width: u16, at: u16) -> u16 {
    debug_assert!(value < 1 << width, "a field too small for its value");
    value << at
}

/// B T1: `b<c> pc + 4 + offset`, -256 to 254.
pub const fn encode_b_t1(cond: u16, offset: i32) -> u16 {
    debug_assert!(-256 <= offset && offset <= 254 && offset & 1 == 0 && cond < 14);
    0xd000 | field(cond, 4, 8) | (offset >> 1) as u16 & 0xff
}

/// B T2: -2048 to 2046.
pub const fn encode_b_t2(offset: i32) -> u16 {
    debug_assert!(-2048 <= offset && offset <= 2046 && offset & 1 == 0);
    0xe000 | (offset >> 1) as u16 & 0x7ff
}

/// CBZ, CBNZ T1: 0 to 126.
pub const fn encode_cbz_t1(nonzero: bool, rn: u16, offset: u16) -> u16 {
    debug_assert!(offset <= 126 && offset & 1 == 0);
    let op = if nonzero { 0xb900 } else { 0xb100 };
    op | (offset >> 6) << 9 | (offset >> 1 & 31) << 3 | field(rn, 3, 0)
}

/// LDR (literal) T1: from `Align(pc + 4, 4) + offset`, 0 to 1020.
pub const fn encode_ldr_lit_t1(rt: u16, offset: u16) -> u16 {
    debug_assert!(offset & 3 == 0);
    0x4800 | field(rt, 3, 8) | field(offset >> 2, 8, 0)
}

/// CMP (immediate) T1.
pub const fn encode_cmp_imm_t1(rn: u16, imm8: u16) -> u16 {
    0x2800 | field(rn, 3, 8) | field(imm8, 8, 0)
}
