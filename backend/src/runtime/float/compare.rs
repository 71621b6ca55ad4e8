//! Comparison, minimum and maximum.

use super::is_nan;
use crate::runtime::code::{Code, Val};
use crate::runtime::{Comparison, Float};
use cranelift_codegen::ir::types::I32;

pub fn compare<'c>(code: &'c Code<'c>, f: Float, comparison: Comparison, x: Val<'c>, y: Val<'c>) {
    let is_number = |v: Val<'c>| (v & f.magnitude_mask()).ule(f.infinity()).to(I32);
    let ordered = is_number(x) & is_number(y);
    let (x, y) = (twos_complement(f, x), twos_complement(f, y));
    let holds = match comparison {
        Comparison::Unordered => return code.ret(&[ordered ^ 1]),
        Comparison::Equal => x.eq(y),
        Comparison::Less => x.slt(y),
        Comparison::LessEqual => x.sle(y),
        Comparison::Greater => y.slt(x),
        Comparison::GreaterEqual => y.sle(x),
    };
    code.ret(&[holds.to(I32) & ordered]);
}

/// Sign and magnitude as an integer: compares like the number, both zeros being 0.
fn twos_complement<'c>(f: Float, x: Val<'c>) -> Val<'c> {
    let sign = x.sign_mask();
    ((x & f.magnitude_mask()) ^ sign) - sign
}

pub fn min<'c>(code: &'c Code<'c>, f: Float, x: Val<'c>, y: Val<'c>) {
    return_nan(code, f, [x, y]);
    code.ret(&[total_order(x).slt(total_order(y)).select(x, y)]);
}

pub fn max<'c>(code: &'c Code<'c>, f: Float, x: Val<'c>, y: Val<'c>) {
    return_nan(code, f, [x, y]);
    code.ret(&[total_order(x).slt(total_order(y)).select(y, x)]);
}

/// Compares like the number, -0 being less than 0.
fn total_order(x: Val<'_>) -> Val<'_> {
    x ^ (x.sign_mask() >> 1)
}

/// Returns the first operand that is a NaN.
fn return_nan<'c>(code: &'c Code<'c>, f: Float, operands: [Val<'c>; 2]) {
    for x in operands {
        code.exit_if(is_nan(f, x), || code.ret(&[x | f.quiet_bit()]));
    }
}
