//! Division.

use super::{Operands, return_packed, split_operands};
use crate::runtime::Float;
use crate::runtime::code::{Code, Val};
use cranelift_codegen::ir::types::{I32, I64};

const GUARD_BITS: u32 = 3;

pub fn div<'c>(code: &'c Code<'c>, f: Float, x: Val<'c>, y: Val<'c>) {
    let Operands { sign, exponent, significands: [x, y] } = split_operands(
        code,
        f,
        [x, y],
        |x, y| x - y + f.bias(),
        |sign, magnitudes| special(code, f, sign, magnitudes),
    );
    // Then the quotient lies in [1, 2).
    let less = x.ult(y);
    let x = less.select(x << 1, x);
    let exponent = exponent - less.to(I32);
    let quotient = match f {
        Float::F32 => quotient_f32(x, y),
        Float::F64 => quotient_f64(code, x, y),
    };
    return_packed(code, f, sign, exponent, quotient, GUARD_BITS);
}

/// Returns the quotient if an operand is zero or infinite.
fn special<'c>(code: &'c Code<'c>, f: Float, sign: Val<'c>, [x, y]: [Val<'c>; 2]) {
    let either = |a: Val<'c>, b: Val<'c>| (a.to(I32) | b.to(I32)).ne(0);
    // Infinite, if not the quotient of two infinities or two zeros.
    code.exit_if(either(x.eq(f.infinity()), y.eq(0)), || {
        code.ret(&[x.eq(y).select(sign | f.nan(), sign | f.infinity())]);
    });
    code.exit_if(either(x.eq(0), y.eq(f.infinity())), || code.ret(&[sign]));
}

/// `x / y` with 26 bits after the point, the last one sticky. Digits of 8 bits are exact with a
/// 32-bit divider, as `y` has 24.
fn quotient_f32<'c>(x: Val<'c>, y: Val<'c>) -> Val<'c> {
    // x < 2y: the first digit has seven bits after the point.
    let mut rest = x << 7;
    let mut quotient = rest.udiv(y);
    rest = rest - quotient * y;
    for _ in 0..2 {
        rest = rest << 8;
        let digit = rest.udiv(y);
        rest = rest - digit * y;
        quotient = quotient << 8 | digit;
    }
    // Of the 24th bit and all that follow.
    rest = rest << 1;
    let half = rest.uge(y);
    let rest = half.select(rest - y, rest);
    (quotient << 1 | half.to(I32)) << 2 | rest.ne(0).to(I32)
}

/// `x / y` with 55 bits after the point, the last one sticky.
///
/// Two digits come from multiplication by the divisor's reciprocal, as in Hauser's Berkeley
/// SoftFloat; neither is ever too great, and the remainder, which is exact, mends the second.
fn quotient_f64<'c>(code: &'c Code<'c>, x: Val<'c>, y: Val<'c>) -> Val<'c> {
    // 2^84/y, less at most 2^-27.4 of it.
    let reciprocal = reciprocal(code, (y >> 21).low());

    // 30 bits after the point, at most 14 too small: the remainder is below 15y < 2^57.
    let first = (x >> 22).low().wide_mul(reciprocal).high().to(I64);
    let rest = (x << 30) - first * y;

    // 23 more, at most one too small.
    let second = ((rest >> 25).low().wide_mul(reciprocal).high() >> 4).to(I64);
    let rest = (rest << 23) - second * y;
    let more = rest.uge(y);
    let quotient = (first << 23) + second + more.to(I64);
    let inexact = more.select(rest - y, rest).ne(0);
    quotient << 2 | inexact.to(I64)
}

/// `2^63/d` of a word whose top bit is set: not more even if `d` lacks a fraction below it.
fn reciprocal<'c>(code: &'c Code<'c>, d: Val<'c>) -> Val<'c> {
    // 2^48/d, less at most 2^-14.4 of it, then a step of Newton's: r + r(1 - rd).
    let ones = code.constant(I32, u64::from(u32::MAX));
    let estimate = ones.udiv((d >> 16) + 1);
    let error = !(estimate.wide_mul(d) >> 16).low();
    (estimate << 15) + ((estimate * (error >> 3)) >> 14) - 2
}
