//! Which immediates and offsets instructions hold.
//!
//! The one place that knows these ranges: lowering asks before it folds a constant, expansion
//! after allocation asks before it spends a scratch register, and the encoders take their fields
//! from here. Sections are those of the ARMv7-M Architecture Reference Manual (DDI 0403E).

use super::args::{AluOp, CmpOp, FpSize, MovOp};

/// The field `i:imm3:imm8` of a modified immediate (A5.3.2), if `value` is one: a byte at any
/// position that does not wrap around the word's end, or a byte repeated as 0x00XY00XY,
/// 0xXY00XY00 or 0xXYXYXYXY.
pub const fn mod_imm(value: u32) -> Option<u16> {
    let byte = value & 0xff;
    let high = value >> 8 & 0xff;
    if value == byte {
        return Some(byte as u16);
    }
    if value == byte * 0x0001_0001 {
        return Some(0x100 | byte as u16);
    }
    if value == high * 0x0100_0100 {
        return Some(0x200 | high as u16);
    }
    if value == byte * 0x0101_0101 {
        return Some(0x300 | byte as u16);
    }
    // 1bcdefgh rotated right by 8-31: the leading one is implied by the rotation.
    let rotation = value.leading_zeros() + 8;
    let unrotated = value.rotate_left(rotation);
    if unrotated > 0xff {
        return None;
    }
    Some((rotation << 7 | unrotated & 0x7f) as u16)
}

/// The value of a modified immediate's field: `ThumbExpandImm`.
pub const fn expand_mod_imm(field: u16) -> u32 {
    let byte = field as u32 & 0xff;
    match field >> 8 & 0xf {
        0 => byte,
        1 => byte * 0x0001_0001,
        2 => byte * 0x0100_0100,
        3 => byte * 0x0101_0101,
        _ => (0x80 | byte & 0x7f).rotate_right(field as u32 >> 7 & 31),
    }
}

pub const fn is_mod_imm(value: u32) -> bool {
    mod_imm(value).is_some()
}

/// 0-4095, as `addw`, `subw` and load offsets hold it.
pub const fn is_imm12(value: u32) -> bool {
    value < 1 << 12
}

/// 0-65535, as `movw` holds it.
pub const fn is_imm16(value: u32) -> bool {
    value < 1 << 16
}

/// Whether `op rd, rn, #value` without flags is one instruction.
pub const fn fits_alu_imm(op: AluOp, value: u32) -> bool {
    match op {
        AluOp::Add | AluOp::Sub => is_mod_imm(value) || is_imm12(value),
        _ => is_mod_imm(value),
    }
}

/// The operation that does with the second value what `op` does with the first:
/// add and sub negate, and/bic, orr/orn and adc/sbc invert.
pub const fn flip_alu_imm(op: AluOp, value: u32) -> Option<(AluOp, u32)> {
    Some(match op {
        AluOp::Add => (AluOp::Sub, value.wrapping_neg()),
        AluOp::Sub => (AluOp::Add, value.wrapping_neg()),
        AluOp::And => (AluOp::Bic, !value),
        AluOp::Bic => (AluOp::And, !value),
        AluOp::Orr => (AluOp::Orn, !value),
        AluOp::Orn => (AluOp::Orr, !value),
        AluOp::Adc => (AluOp::Sbc, !value),
        AluOp::Sbc => (AluOp::Adc, !value),
        AluOp::Eor | AluOp::Rsb => return None,
    })
}

/// `op` or its counterpart with an immediate that does `op rd, rn, #value` in one instruction.
/// Results agree; flags do only where the operation stays.
pub fn alu_imm(op: AluOp, value: u32) -> Option<(AluOp, u32)> {
    if fits_alu_imm(op, value) {
        return Some((op, value));
    }
    flip_alu_imm(op, value).filter(|&(op, value)| fits_alu_imm(op, value))
}

/// `cmp` or `cmn` with an immediate that sets all flags as `cmp rn, #value` does (for cmp and cmn;
/// a negated 0 or 0x80000000 would differ in carry or overflow).
pub fn cmp_imm(op: CmpOp, value: u32) -> Option<(CmpOp, u32)> {
    if is_mod_imm(value) {
        return Some((op, value));
    }
    let negated = value.wrapping_neg();
    let flipped = match op {
        CmpOp::Cmp => CmpOp::Cmn,
        CmpOp::Cmn => CmpOp::Cmp,
        CmpOp::Tst | CmpOp::Teq => return None,
    };
    (value != negated && is_mod_imm(negated)).then_some((flipped, negated))
}

/// Whether `mov` (or movw) or `mvn rd, #value` without flags is one instruction.
pub const fn fits_mov_imm(op: MovOp, value: u32) -> bool {
    match op {
        MovOp::Mov => is_mod_imm(value) || is_imm16(value),
        MovOp::Mvn => is_mod_imm(value),
    }
}

/// The single instruction that makes a constant, if there is one.
pub fn mov_imm(value: u32) -> Option<(MovOp, u32)> {
    if fits_mov_imm(MovOp::Mov, value) {
        Some((MovOp::Mov, value))
    } else if is_mod_imm(!value) {
        Some((MovOp::Mvn, !value))
    } else {
        None
    }
}

/// Instructions that make a constant: 1, or 2 for movw + movt (or a literal load).
pub fn const_cost(value: u32) -> u32 {
    if mov_imm(value).is_some() { 1 } else { 2 }
}

/// Whether `[base, #offset]` is encodable: -255 to 4095 (A6.3, LDR (immediate) T3 and T4 and their
/// kin).
pub const fn fits_offset(offset: i32) -> bool {
    -255 <= offset && offset <= 4095
}

/// Whether `ldrd/strd [base, #offset]` is encodable: multiples of 4 from -1020 to 1020.
pub const fn fits_pair_offset(offset: i32) -> bool {
    -1020 <= offset && offset <= 1020 && offset % 4 == 0
}

/// Whether the address `base + offset` is one add or sub without flags.
pub const fn fits_add_offset(offset: i32) -> bool {
    fits_alu_imm(AluOp::Add, offset as u32)
        || fits_alu_imm(AluOp::Sub, offset.wrapping_neg() as u32)
}

/// Whether `vldr/vstr [base, #offset]` is encodable: multiples of 4 from -1020 to 1020.
pub const fn fits_fp_offset(offset: i32) -> bool {
    fits_pair_offset(offset)
}

/// The field `abcdefgh` of `vmov.f rd, #imm` (A6.4.1) for a value of this format with these bits,
/// if it is one: plus or minus 16/16 to 31/16 times a power of two from 2^-3 to 2^4.
pub const fn fp_imm8(bits: u64, size: FpSize) -> Option<u8> {
    // Sign, not b, b repeated, then `bcdefgh` and zeros.
    let (width, repeated) = match size {
        FpSize::F32 => (32, 5),
        FpSize::F64 => (64, 8),
    };
    let zeros = width - 2 - repeated - 6;
    let b = bits >> (zeros + 6) & 1;
    let exponent_top = bits >> (zeros + 6) & ((1 << (repeated + 1)) - 1);
    let expected = if b == 1 { (1 << repeated) - 1 } else { 1 << repeated };
    let sign = bits >> (width - 1) & 1;
    if bits & ((1 << zeros) - 1) != 0 || exponent_top != expected {
        return None;
    }
    Some((sign << 7 | bits >> zeros & 0x7f) as u8)
}

/// The value of `vmov`'s field: `VFPExpandImm`.
pub fn fp_imm_value(field: u8) -> f64 {
    let exponent = i32::from(field >> 4 & 7 ^ 4) - 3;
    let magnitude = f64::from(16 + (field & 15)) / 16.0 * f64::from(exponent).exp2();
    if field & 0x80 != 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_modified_immediate_round_trips() {
        for field in 0..1u16 << 12 {
            let value = expand_mod_imm(field);
            let canonical = mod_imm(value).expect("an expanded field is a modified immediate");
            assert_eq!(expand_mod_imm(canonical), value, "{field:#x}");
        }
    }

    #[test]
    fn exactly_the_expandable_values_are_modified_immediates() {
        let mut all: Vec<u32> = (0..1u16 << 12).map(expand_mod_imm).collect();
        all.sort_unstable();
        all.dedup();
        // Values one bit away from a modified immediate are the likely mistakes.
        for &value in &all {
            for bit in 0..32 {
                let near = value ^ 1 << bit;
                assert_eq!(is_mod_imm(near), all.binary_search(&near).is_ok(), "{near:#x}");
            }
        }
    }

    #[test]
    fn flipped_operations_compute_the_same() {
        let run = |op, a: u32, b: u32| match op {
            AluOp::Add => a.wrapping_add(b),
            AluOp::Sub => a.wrapping_sub(b),
            AluOp::And => a & b,
            AluOp::Bic => a & !b,
            AluOp::Orr => a | b,
            AluOp::Orn => a | !b,
            // Without carry; with it both grow by one.
            AluOp::Adc => a.wrapping_add(b),
            AluOp::Sbc => a.wrapping_add(!b),
            AluOp::Eor => a ^ b,
            AluOp::Rsb => b.wrapping_sub(a),
        };
        use AluOp::*;
        for op in [Add, Adc, Sub, Sbc, Rsb, And, Orr, Eor, Bic, Orn] {
            for value in [0, 1, 0xff, 0x100, 0xffff_ff00, 0x8000_0000, !0] {
                if let Some((flipped, other)) = flip_alu_imm(op, value) {
                    assert_eq!(run(op, 0x1234_5678, value), run(flipped, 0x1234_5678, other));
                }
            }
        }
    }

    #[test]
    fn constants_cost_one_instruction_where_one_makes_them() {
        for (value, cost) in
            [(0, 1), (0xffff, 1), (0x1_0000, 1), (0x1_0001, 1), (0x1_0002, 2), (!0, 1), (!0xab, 1)]
        {
            assert_eq!(const_cost(value), cost, "{value:#x}");
        }
    }

    #[test]
    fn every_floating_point_immediate_round_trips_in_both_formats() {
        for field in 0..=u8::MAX {
            let value = fp_imm_value(field);
            assert_eq!(fp_imm8(value.to_bits(), FpSize::F64), Some(field), "{value}");
            let single = (value as f32).to_bits();
            assert_eq!(fp_imm8(single.into(), FpSize::F32), Some(field), "{value}");
            // Neighbours are none, but where the flipped bit is one of the field.
            let near =
                (0..32).filter(|bit| fp_imm8((single ^ 1 << bit).into(), FpSize::F32).is_some());
            assert!(near.count() <= 8, "{value}");
        }
        assert_eq!((fp_imm_value(0x70), fp_imm_value(0xf8)), (1.0, -1.5));
    }

    #[test]
    fn zero_infinity_and_nan_are_no_floating_point_immediates() {
        for value in [0.0, -0.0, 0.1, 33.0, 0.0625, f64::INFINITY, f64::NAN] {
            assert_eq!(fp_imm8(value.to_bits(), FpSize::F64), None);
            assert_eq!(fp_imm8((value as f32).to_bits().into(), FpSize::F32), None);
        }
    }
}
