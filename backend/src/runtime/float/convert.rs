//! Conversions between integers and floats, and between the two formats.

use super::{Sign, exponent_field, is_nan, return_packed, round_guard_bits, split_normalized};
use crate::runtime::code::{Code, Val};
use crate::runtime::{Float, Int};
use cranelift_codegen::ir::Type;
use cranelift_codegen::ir::types::{I32, I64};

const GUARD_BITS: u32 = 3;

/// Truncates towards zero. Saturates, and a NaN gives 0, as wasm's `trunc_sat` has it.
pub fn to_int<'c>(code: &'c Code<'c>, f: Float, to: Int, x: Val<'c>) {
    let (to, signed) = (to.ty(), to.signed());
    let width = u64::from(to.bits());
    let power = exponent_field(f, x) - f.bias();
    let negative = x.negative();
    let (zero, greatest) = (code.constant(to, 0), code.constant(to, u64::MAX));
    if signed {
        // The least integer is what it saturates to.
        code.exit_if(power.uge(width - 1), || {
            code.exit_if(power.negative(), || code.ret(&[zero]));
            code.exit_if(is_nan(f, x), || code.ret(&[zero]));
            let greatest = greatest >> 1;
            code.ret(&[negative.select(!greatest, greatest)]);
        });
    } else {
        let extreme = power.uge(width).to(I32) | negative.to(I32);
        code.exit_if(extreme.ne(0), || {
            let none = power.negative().to(I32) | negative.to(I32) | is_nan(f, x).to(I32);
            code.ret(&[none.ne(0).select(zero, greatest)]);
        });
    }
    let top = code.constant(I32, width - 1);
    let magnitude = significand_at_top(f, to, x) >> (top - power);
    code.ret(&[if signed { negative.select(-magnitude, magnitude) } else { magnitude }]);
}

/// The significand with its implicit bit at the top of an integer of type `to`; low bits that do
/// not fit are cut off.
fn significand_at_top<'c>(f: Float, to: Type, x: Val<'c>) -> Val<'c> {
    let significand = x << f.exponent_bits() | f.sign_bit();
    match (f, to) {
        (Float::F32, I64) => significand.to(I64) << 32,
        (Float::F64, I32) => significand.high(),
        _ => significand,
    }
}

pub fn from_int<'c>(code: &'c Code<'c>, from: Int, f: Float, x: Val<'c>) {
    code.exit_if(x.eq(0), || code.ret(&[code.constant(f.bits_type(), 0)]));
    let (from, signed) = (from.ty(), from.signed());
    let (sign, magnitude) = if signed {
        let mask = x.sign_mask();
        let word = if from == I64 { mask.high() } else { mask };
        (Some(Sign::of(Float::F32, word).in_place(f)), (x ^ mask) - mask)
    } else {
        (None, x)
    };
    let shift = magnitude.leading_zeros();
    let significand = magnitude << shift;
    // The implicit bit counts one.
    let exponent = code.constant(I32, f.bias() + u64::from(from.bits()) - 2) - shift;
    let exponent = exponent.to(f.bits_type()) << f.fraction_bits();
    let float = round_from_top(f, from, significand) + exponent;
    code.ret(&[sign.map_or(float, |sign| float | sign)]);
}

/// A significand whose implicit bit is the top bit of an integer of type `from`, rounded.
fn round_from_top<'c>(f: Float, from: Type, x: Val<'c>) -> Val<'c> {
    let x = match (f, from) {
        (Float::F64, I32) => return x.to(I64) << (f.fraction_bits() - 31),
        (Float::F32, I64) => x.high() | x.low().ne(0).to(I32),
        _ => x,
    };
    let excess = f.exponent_bits() - GUARD_BITS;
    let sticky = (x & ((1 << excess) - 1)).ne(0).to(f.bits_type());
    round_guard_bits(x >> excess | sticky, GUARD_BITS)
}

pub fn demote<'c>(code: &'c Code<'c>, x: Val<'c>) {
    let (wide, narrow) = (Float::F64, Float::F32);
    let sign = Sign::of(wide, x);
    let dropped = wide.fraction_bits() - narrow.fraction_bits();
    code.exit_if(is_nan(wide, x), || {
        let payload = (x >> dropped).low() & narrow.fraction_mask();
        code.ret(&[sign.in_place(narrow) | narrow.nan() | payload]);
    });
    // Zero and subnormal numbers count as normal ones, which come out as zero all the same.
    let significand = x & wide.fraction_mask() | wide.implicit_bit();
    let excess = dropped - GUARD_BITS;
    let sticky = (x.low() & ((1 << excess) - 1)).ne(0).to(I32);
    let significand = (significand >> excess).low() | sticky;
    let exponent = exponent_field(wide, x) - (wide.bias() - narrow.bias());
    return_packed(code, narrow, sign, exponent, significand, GUARD_BITS);
}

pub fn promote<'c>(code: &'c Code<'c>, x: Val<'c>) {
    let (wide, narrow) = (Float::F64, Float::F32);
    let added = wide.fraction_bits() - narrow.fraction_bits();
    let sign = Sign::of(narrow, x).in_place(wide);
    let magnitude = x & narrow.magnitude_mask();
    let aligned = magnitude.to(I64) << added;
    let rebias = wide.bias() - narrow.bias();

    let field = exponent_field(narrow, x);
    code.exit_if((field - 1).uge(narrow.max_exponent() - 1), || {
        code.exit_if(magnitude.eq(0), || code.ret(&[sign]));
        code.exit_if(magnitude.uge(narrow.infinity()), || {
            let extreme = aligned | sign | wide.infinity();
            let nan = magnitude.ugt(narrow.infinity());
            code.ret(&[nan.select(extreme | wide.quiet_bit(), extreme)]);
        });
        let (exponent, significand) = split_normalized(narrow, magnitude);
        let exponent = (exponent + (rebias - 1)).to(I64) << wide.fraction_bits();
        code.ret(&[((significand.to(I64) << added) + exponent) | sign]);
    });
    code.ret(&[(aligned + (rebias << wide.fraction_bits())) | sign]);
}
