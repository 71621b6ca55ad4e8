//! Comparison, minimum and maximum.
//!
//! Numbers of one sign compare like integers. A finite number is told from its exponent, so that
//! the whole of an operand is looked at for a NaN only where it may be one.

use super::{has_max_exponent, is_nan};
use crate::runtime::code::{Code, Val};
use crate::runtime::{Comparison, Float};
use cranelift_codegen::ir::types::I32;

pub fn compare<'c>(code: &'c Code<'c>, f: Float, comparison: Comparison, x: Val<'c>, y: Val<'c>) {
    let truth = |holds: bool| code.constant(I32, u64::from(holds));
    let nan_result = truth(comparison == Comparison::Unordered);
    for_numbers(code, f, [x, y], |_| code.ret(&[nan_result]));
    match comparison {
        Comparison::Unordered => code.ret(&[truth(false)]),
        Comparison::Equal => {
            let both_zero = ((x | y) << 1).eq(0);
            code.ret(&[x.eq(y).to(I32) | both_zero.to(I32)]);
        }
        Comparison::Less => compare_numbers(code, [x, y], false),
        Comparison::LessEqual => compare_numbers(code, [x, y], true),
        Comparison::Greater => compare_numbers(code, [y, x], false),
        Comparison::GreaterEqual => compare_numbers(code, [y, x], true),
    }
}

/// Returns whether `x` is less than `y`, or with `or_equal` not greater.
fn compare_numbers<'c>(code: &'c Code<'c>, [x, y]: [Val<'c>; 2], or_equal: bool) {
    let equal = code.constant(I32, u64::from(or_equal));
    code.exit_if(((x | y) << 1).eq(0), || code.ret(&[equal]));
    let less = |x: Val<'c>, y: Val<'c>| if or_equal { x.sle(y) } else { x.slt(y) };
    by_signs(code, x, y, |x, y| code.ret(&[less(x, y).to(I32)]));
}

/// Operands to compare as signed integers: swapped if both are negative. `compare` ends its block.
fn by_signs<'c>(code: &'c Code<'c>, x: Val<'c>, y: Val<'c>, compare: impl Fn(Val<'c>, Val<'c>)) {
    let (negative, other) = (code.block(&[]), code.block(&[]));
    code.branch((x & y).negative(), (negative, &[]), (other, &[]));
    code.enter::<0>(negative);
    compare(y, x);
    code.enter::<0>(other);
    compare(x, y);
}

/// Goes on if no operand is a NaN; otherwise `exit` gets the first one.
fn for_numbers<'c>(code: &'c Code<'c>, f: Float, operands: [Val<'c>; 2], exit: impl Fn(Val<'c>)) {
    let (extreme, numbers) = (code.block(&[]), code.block(&[]));
    for x in operands {
        let next = code.block(&[]);
        code.branch(has_max_exponent(f, x), (extreme, &[]), (next, &[]));
        code.enter::<0>(next);
    }
    code.jump(numbers, &[]);
    code.enter_cold::<0>(extreme);
    for x in operands {
        code.exit_if(is_nan(f, x), || exit(x));
    }
    code.jump(numbers, &[]);
    code.enter::<0>(numbers);
}

pub fn min<'c>(code: &'c Code<'c>, f: Float, x: Val<'c>, y: Val<'c>) {
    for_numbers(code, f, [x, y], |nan| code.ret(&[nan | f.quiet_bit()]));
    // As integers -0 is less than 0; of two negative numbers the greater integer is the less.
    by_signs(code, x, y, |a, b| code.ret(&[a.slt(b).select(x, y)]));
}

pub fn max<'c>(code: &'c Code<'c>, f: Float, x: Val<'c>, y: Val<'c>) {
    for_numbers(code, f, [x, y], |nan| code.ret(&[nan | f.quiet_bit()]));
    by_signs(code, x, y, |a, b| code.ret(&[a.slt(b).select(y, x)]));
}
