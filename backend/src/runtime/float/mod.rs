//! Binary floating point in integer registers, over the two formats alike.
//!
//! Terms: the *magnitude* is all bits but the sign; the *exponent* is the field, biased, and 1 for
//! a subnormal number, whose significand lacks the implicit bit; *guard bits* are those below the
//! significand's last, the lowest of them sticky. Values have [`Float::bits_type`], exponents 32
//! bits.

mod add;
mod compare;
mod convert;
mod div;
mod mul;
mod round;
mod sqrt;

pub use add::{add, sub};
pub use compare::{compare, max, min};
pub use convert::{demote, from_int, promote, to_int};
pub use div::div;
pub use mul::mul;
pub use round::round;
pub use sqrt::sqrt;

use super::call::Float;
use super::code::{Code, Val};
use cranelift_codegen::ir::types::{I32, I64};

/// The exponent field.
fn exponent_field<'c>(f: Float, x: Val<'c>) -> Val<'c> {
    (x >> f.fraction_bits()).to(I32) & f.max_exponent()
}

/// Infinite or a NaN: seen from the upper word alone.
fn has_max_exponent<'c>(f: Float, x: Val<'c>) -> Val<'c> {
    let (word, infinity) = match f {
        Float::F32 => (x, f.infinity()),
        Float::F64 => (x.high(), f.infinity() >> 32),
    };
    (!word & infinity).eq(0)
}

fn is_nan<'c>(f: Float, x: Val<'c>) -> Val<'c> {
    (x & f.magnitude_mask()).ugt(f.infinity())
}

/// A finite number's exponent and significand.
fn split<'c>(f: Float, x: Val<'c>) -> (Val<'c>, Val<'c>) {
    let field = exponent_field(f, x);
    let normal = field.ne(0);
    let implicit = normal.to(f.bits_type()) << f.fraction_bits();
    (field + field.eq(0).to(I32), x & f.fraction_mask() | implicit)
}

/// Exponent and significand of a finite number other than zero; the implicit bit is set, for
/// which the exponent may be as low as the format's precision demands.
fn split_normalized<'c>(f: Float, x: Val<'c>) -> (Val<'c>, Val<'c>) {
    let (exponent, significand) = split(f, x);
    let shift = significand.leading_zeros() - u64::from(f.exponent_bits());
    (exponent - shift, significand << shift)
}

/// Rounds off the guard bits to nearest, ties to even.
fn round_guard_bits(x: Val<'_>, guard_bits: u32) -> Val<'_> {
    let half_less_one = (1 << (guard_bits - 1)) - 1;
    let odd = (x >> guard_bits) & 1;
    (x + half_less_one + odd) >> guard_bits
}

/// The sign bit in the upper word: a single register for either format.
#[derive(Clone, Copy)]
struct Sign<'c>(Val<'c>);

impl<'c> Sign<'c> {
    /// The top bit of a float's bits, or of any value of that width.
    fn of(f: Float, x: Val<'c>) -> Sign<'c> {
        let word = if f == Float::F64 { x.high() } else { x };
        Sign(word & Float::F32.sign_bit())
    }

    fn in_place(self, f: Float) -> Val<'c> {
        if f == Float::F64 { self.0.to(I64) << 32 } else { self.0 }
    }
}

/// Rounds and joins a significand below twice the implicit bit, with guard bits, and an exponent
/// of 1 or more. The implicit bit counts one exponent, so that a subnormal number, or one that
/// rounding carries to the next exponent or to infinity, comes out right.
fn pack<'c>(
    f: Float,
    sign: Sign<'c>,
    exponent: Val<'c>,
    significand: Val<'c>,
    guard_bits: u32,
) -> Val<'c> {
    let exponent = (exponent - 1).to(f.bits_type()) << f.fraction_bits();
    (round_guard_bits(significand, guard_bits) + exponent) | sign.in_place(f)
}

/// Returns a number whose exponent may be out of range: packed, subnormal, zero or infinite.
/// The implicit bit is set.
fn return_packed<'c>(
    code: &'c Code<'c>,
    f: Float,
    sign: Sign<'c>,
    exponent: Val<'c>,
    significand: Val<'c>,
    guard_bits: u32,
) {
    let (extreme, fits) = (code.block(&[]), code.block(&[I32, f.bits_type()]));
    let range = f.max_exponent() - 1;
    let args = [exponent, significand];
    code.branch((exponent - 1).uge(range), (extreme, &[]), (fits, &args));
    code.enter_cold::<0>(extreme);
    code.exit_if(exponent.sgt(0), || code.ret(&[sign.in_place(f) | f.infinity()]));
    let one = code.constant(I32, 1);
    let shift = (one - exponent).umin(u64::from(f.width() - 1));
    code.jump(fits, &[one, significand.shift_right_sticky(shift)]);
    let [exponent, significand] = code.enter(fits);
    code.ret(&[pack(f, sign, exponent, significand, guard_bits)]);
}

/// The operands of a product or quotient, apart from what needs no arithmetic.
struct Operands<'c> {
    /// The result's.
    sign: Sign<'c>,
    exponent: Val<'c>,
    /// With the implicit bit set.
    significands: [Val<'c>; 2],
}

/// Goes on with the operands of a product or quotient if they are finite and not zero. `combine`
/// computes the result's exponent. `special` returns the result if an operand is zero or infinite:
/// it gets the sign, in place, and the magnitudes.
fn split_operands<'c>(
    code: &'c Code<'c>,
    f: Float,
    operands: [Val<'c>; 2],
    combine: impl Fn(Val<'c>, Val<'c>) -> Val<'c>,
    special: impl FnOnce(Val<'c>, [Val<'c>; 2]),
) -> Operands<'c> {
    let word = f.bits_type();
    let sign = Sign::of(f, operands[0] ^ operands[1]);
    let (check_second, uncommon) = (code.block(&[]), code.block(&[]));
    let normal = code.block(&[I32, I32, word, word]);

    // Subnormal numbers and zero have the least field, infinities and NaNs the greatest.
    let [x, y] = operands.map(|v| exponent_field(f, v));
    let range = f.max_exponent() - 1;
    code.branch((x - 1).uge(range), (uncommon, &[]), (check_second, &[]));
    code.enter::<0>(check_second);
    let significands = operands.map(|v| v & f.fraction_mask() | f.implicit_bit());
    let args = [sign.0, combine(x, y), significands[0], significands[1]];
    code.branch((y - 1).uge(range), (uncommon, &[]), (normal, &args));

    code.enter_cold::<0>(uncommon);
    for x in operands {
        code.exit_if(is_nan(f, x), || code.ret(&[x | f.quiet_bit()]));
    }
    let magnitudes = operands.map(|v| v & f.magnitude_mask());
    special(sign.in_place(f), magnitudes);
    let [(x_exponent, x), (y_exponent, y)] = magnitudes.map(|v| split_normalized(f, v));
    code.jump(normal, &[sign.0, combine(x_exponent, y_exponent), x, y]);

    // The sign as a parameter is one register, where the mid-end would keep both operands.
    let [sign, exponent, x, y] = code.enter(normal);
    Operands { sign: Sign(sign), exponent, significands: [x, y] }
}
