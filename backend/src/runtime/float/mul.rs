//! Multiplication.

use super::{Operands, return_packed, split_operands};
use crate::runtime::Float;
use crate::runtime::code::{Code, Val};
use cranelift_codegen::ir::types::{I32, I64};

const GUARD_BITS: u32 = 4;

pub fn mul<'c>(code: &'c Code<'c>, f: Float, x: Val<'c>, y: Val<'c>) {
    let Operands { sign, exponent, significands: [x, y] } = split_operands(
        code,
        f,
        [x, y],
        |x, y| x + y - (f.bias() - 1),
        |sign, magnitudes| special(code, f, sign, magnitudes),
    );
    // The upper half of the product has the guard bits, and at times one bit more.
    let (high, low) = full_product(f, x << f.exponent_bits(), y << GUARD_BITS);
    let product = high | low.ne(0).to(f.bits_type());
    let short = product.ult(f.implicit_bit() << GUARD_BITS);
    let exponent = exponent - short.to(I32);
    let product = short.select(product << 1, product);
    return_packed(code, f, sign, exponent, product, GUARD_BITS);
}

/// Returns the product if a factor is zero or infinite.
fn special<'c>(code: &'c Code<'c>, f: Float, sign: Val<'c>, [x, y]: [Val<'c>; 2]) {
    let is_either = |bits: u64| (x.eq(bits).to(I32) | y.eq(bits).to(I32)).ne(0);
    code.exit_if(is_either(f.infinity()), || {
        code.ret(&[is_either(0).select(sign | f.nan(), sign | f.infinity())]);
    });
    code.exit_if(is_either(0), || code.ret(&[sign]));
}

/// The upper half of a product, and a word that is zero if the lower half is.
fn full_product<'c>(f: Float, x: Val<'c>, y: Val<'c>) -> (Val<'c>, Val<'c>) {
    match f {
        Float::F32 => {
            let product = x.wide_mul(y);
            (product.high(), product.low())
        }
        Float::F64 => {
            // Schoolbook, in an order of which no sum wraps.
            let ([x1, x0], [y1, y0]) = ([x.high(), x.low()], [y.high(), y.low()]);
            let lowest = x0.wide_mul(y0);
            let middle = x0.wide_mul(y1) + lowest.high().to(I64);
            let upper = x1.wide_mul(y0) + middle.low().to(I64);
            let highest = x1.wide_mul(y1) + middle.high().to(I64) + upper.high().to(I64);
            (highest, lowest.low() | upper.low())
        }
    }
}
