//! Rounding to an integer in the same format.

use super::{exponent_field, is_nan};
use crate::runtime::code::{Code, Val};
use crate::runtime::{Float, Rounding};

pub fn round<'c>(code: &'c Code<'c>, f: Float, rounding: Rounding, x: Val<'c>) {
    let field = exponent_field(f, x);
    let integral = f.bias() + u64::from(f.fraction_bits());
    code.exit_if(field.uge(integral), || {
        code.ret(&[is_nan(f, x).select(x | f.quiet_bit(), x)]);
    });
    code.exit_if(field.ult(f.bias()), || return_below_one(code, f, rounding, x));

    // Bits of the fraction that stand below the point: what is added to them may carry out of
    // them, and on into the exponent.
    let below = code.constant(f.bits_type(), f.fraction_mask()) >> (field - f.bias());
    let rounded = match rounding {
        Rounding::Trunc => x,
        Rounding::Floor => x + (below & x.sign_mask()),
        Rounding::Ceil => x + (below & !x.sign_mask()),
        // The lowest bit of an odd exponent field doubles as the implicit bit of 1.
        Rounding::Nearest => x + (below >> 1) + (x & (below + 1)).ne(0).to(f.bits_type()),
    };
    code.ret(&[rounded & !below]);
}

/// A magnitude below 1 becomes 0 or 1, of the same sign.
fn return_below_one<'c>(code: &'c Code<'c>, f: Float, rounding: Rounding, x: Val<'c>) {
    let zero = x & f.sign_bit();
    let away = match rounding {
        Rounding::Trunc => return code.ret(&[zero]),
        Rounding::Floor => x.ugt(f.sign_bit()),
        Rounding::Ceil => x.sgt(0),
        Rounding::Nearest => (x & f.magnitude_mask()).ugt(f.one() - f.implicit_bit()),
    };
    code.ret(&[away.select(zero | f.one(), zero)]);
}
