//! Addition and subtraction.

use super::{pack, split};
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
    let swap = (x & f.magnitude_mask()).ult(y & f.magnitude_mask());
    let (x, y) = (swap.select(y, x), swap.select(x, y));
    let magnitude = x & f.magnitude_mask();
    code.exit_if(magnitude.uge(f.infinity()), || return_extreme(code, f, x, y, magnitude));

    let sign = x & f.sign_bit();
    let (exponent, x_significand) = split(f, x);
    let (y_exponent, y_significand) = split(f, y);
    let distance = (exponent - y_exponent).umin(u64::from(f.width() - 1));
    let x_significand = x_significand << GUARD_BITS;
    let y_significand = (y_significand << GUARD_BITS).shift_right_sticky(distance);

    let (sums, differences) = (code.block(&[]), code.block(&[]));
    let packed = code.block(&[I32, f.bits_type()]);
    code.branch((x ^ y).negative(), (differences, &[]), (sums, &[]));

    code.enter::<0>(sums);
    let sum = x_significand + y_significand;
    let carried = code.block(&[]);
    let args = [exponent, sum];
    code.branch(sum.uge(f.implicit_bit() << (GUARD_BITS + 1)), (carried, &[]), (packed, &args));
    code.enter::<0>(carried);
    let next = exponent + 1;
    code.exit_if(next.eq(f.max_exponent()), || code.ret(&[sign | f.infinity()]));
    code.jump(packed, &[next, sum >> 1 | sum & 1]);

    code.enter::<0>(differences);
    let difference = x_significand - y_significand;
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

/// The sum if the greater magnitude `x` is infinite or a NaN.
fn return_extreme<'c>(code: &'c Code<'c>, f: Float, x: Val<'c>, y: Val<'c>, magnitude: Val<'c>) {
    let opposite = (x ^ y).eq(f.sign_bit());
    let nan = magnitude.ugt(f.infinity()).to(I32) | opposite.to(I32);
    code.ret(&[nan.ne(0).select(x | f.quiet_bit(), x)]);
}
