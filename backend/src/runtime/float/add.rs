//! Addition and subtraction.

use super::{Sign, exponent_field, has_max_exponent, is_nan, pack, split};
use crate::runtime::code::{Code, Val};
use crate::runtime::{Float, RuntimeCall};
use cranelift_codegen::ir::types::I32;

/// Round, guard and sticky: a difference may lose one leading bit while the sticky bit is set.
const GUARD_BITS: u32 = 3;

pub fn sub<'c>(code: &'c Code<'c>, f: Float, x: Val<'c>, y: Val<'c>) {
    let [difference] = code.call(RuntimeCall::Add(f), &[x, y ^ f.sign_bit()]);
    code.ret(&[difference]);
}

/// Aligns the smaller magnitude to the greater, then adds or subtracts.
pub fn add<'c>(code: &'c Code<'c>, f: Float, x: Val<'c>, y: Val<'c>) {
    let word = f.bits_type();
    let ordered = code.block(&[word, word]);
    let swap = (x & f.magnitude_mask()).ult(y & f.magnitude_mask());
    code.branch(swap, (ordered, &[y, x]), (ordered, &[x, y]));

    let [x, y] = code.enter(ordered);
    code.exit_if(has_max_exponent(f, x), || return_extreme(code, f, x, y));
    let (x_exponent, y_exponent) = (exponent_field(f, x), exponent_field(f, y));
    let (common, small) = (code.block(&[]), code.block(&[]));
    let unaligned = code.block(&[I32, I32, word, word]);
    code.branch(y_exponent.eq(0), (small, &[]), (common, &[]));
    code.enter::<0>(common);
    let significands = [x, y].map(|v| v & f.fraction_mask() | f.implicit_bit());
    let distance = x_exponent - y_exponent;
    code.jump(unaligned, &[x_exponent, distance, significands[0], significands[1]]);

    code.enter_cold::<0>(small);
    code.exit_if((y << 1).eq(0), || {
        // The sum of zeros is negative only if both are.
        code.ret(&[(x << 1).eq(0).select(x & y, x)]);
    });
    let [(x_exponent, x_significand), (y_exponent, y_significand)] = [x, y].map(|v| split(f, v));
    let distance = x_exponent - y_exponent;
    code.jump(unaligned, &[x_exponent, distance, x_significand, y_significand]);

    let [exponent, distance, x_significand, y_significand] = code.enter(unaligned);
    // Then y is less than half of the distance to x's next neighbour.
    let negligible = u64::from(f.fraction_bits() + GUARD_BITS);
    code.exit_if(distance.uge(negligible), || code.ret(&[x]));
    let x_significand = x_significand << GUARD_BITS;
    let y_significand = (y_significand << GUARD_BITS).shift_right_sticky(distance);
    add_aligned(code, f, [x, y], exponent, [x_significand, y_significand]);
}

/// Adds or subtracts significands with guard bits, as the signs of the ordered operands say.
fn add_aligned<'c>(
    code: &'c Code<'c>,
    f: Float,
    [x, y]: [Val<'c>; 2],
    exponent: Val<'c>,
    significands: [Val<'c>; 2],
) {
    let word = f.bits_type();
    let sign = Sign::of(f, x);
    // As parameters of blocks, so that the mid-end does not compute them in both branches.
    let [sums, differences] = [0; 2].map(|_| code.block(&[I32, word, word]));
    let packed = code.block(&[I32, word]);
    let args = [exponent, significands[0], significands[1]];
    code.branch((x ^ y).negative(), (differences, &args), (sums, &args));

    let [exponent, x, y] = code.enter(sums);
    let sum = x + y;
    let carried = code.block(&[]);
    let carry = sum.uge(f.implicit_bit() << (GUARD_BITS + 1));
    code.branch(carry, (carried, &[]), (packed, &[exponent, sum]));
    code.enter::<0>(carried);
    let next = exponent + 1;
    code.exit_if(next.eq(f.max_exponent()), || code.ret(&[sign.in_place(f) | f.infinity()]));
    code.jump(packed, &[next, sum >> 1 | sum & 1]);

    let [exponent, x, y] = code.enter(differences);
    let difference = x - y;
    let cancelled = code.block(&[]);
    let normal = difference.uge(f.implicit_bit() << GUARD_BITS);
    code.branch(normal, (packed, &[exponent, difference]), (cancelled, &[]));
    code.enter::<0>(cancelled);
    code.exit_if(difference.eq(0), || code.ret(&[difference]));
    // Not below exponent 1: what then lacks the implicit bit is subnormal.
    let wanted = difference.leading_zeros() - u64::from(f.exponent_bits() - GUARD_BITS);
    let most = exponent - 1;
    let shift = wanted.ult(most).select(wanted, most);
    code.jump(packed, &[exponent - shift, difference << shift]);

    let [exponent, significand] = code.enter(packed);
    code.ret(&[pack(f, sign, exponent, significand, GUARD_BITS)]);
}

/// Returns the sum if the greater magnitude, that of `x`, is infinite or a NaN.
fn return_extreme<'c>(code: &'c Code<'c>, f: Float, x: Val<'c>, y: Val<'c>) {
    let opposite = (x ^ y).eq(f.sign_bit());
    let nan = is_nan(f, x).to(I32) | opposite.to(I32);
    code.ret(&[nan.ne(0).select(x | f.quiet_bit(), x)]);
}
