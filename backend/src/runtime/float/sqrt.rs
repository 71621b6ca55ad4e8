//! Square root.

use super::{Sign, is_nan, pack, split_normalized};
use crate::runtime::Float;
use crate::runtime::code::{Code, Val};
use cranelift_codegen::ir::types::{I32, I64};

/// A root is never halfway between two floats: one bit and a sticky one decide.
const GUARD_BITS: u32 = 2;

pub fn sqrt<'c>(code: &'c Code<'c>, f: Float, x: Val<'c>) {
    let word = f.bits_type();
    let (uncommon, normal) = (code.block(&[]), code.block(&[I32, word]));
    let (common, least) = (code.block(&[]), f.implicit_bit());
    code.branch((x - least).uge(f.infinity() - least), (uncommon, &[]), (common, &[]));
    code.enter::<0>(common);
    let significand = x & f.fraction_mask() | f.implicit_bit();
    code.jump(normal, &[(x >> f.fraction_bits()).to(I32), significand]);

    code.enter_cold::<0>(uncommon);
    let magnitude = x & f.magnitude_mask();
    code.exit_if(magnitude.eq(0), || code.ret(&[x]));
    code.exit_if(is_nan(f, x), || code.ret(&[x | f.quiet_bit()]));
    code.exit_if(x.negative(), || code.ret(&[code.constant(word, f.nan())]));
    code.exit_if(magnitude.eq(f.infinity()), || code.ret(&[x]));
    let (exponent, significand) = split_normalized(f, magnitude);
    code.jump(normal, &[exponent, significand]);

    // An odd power of two, which has an even field as the bias is odd, leaves one factor inside.
    let [exponent, significand] = code.enter(normal);
    let odd = (exponent & 1).eq(0);
    let significand = odd.select(significand << 1, significand);
    let root = match f {
        Float::F32 => root_f32(code, significand),
        Float::F64 => root_f64(code, significand),
    };
    let positive = Sign(code.constant(I32, 0));
    code.ret(&[pack(f, positive, (exponent + f.bias()) >> 1, root, GUARD_BITS)]);
}

/// The root of `x / 2^23`, which lies in [1, 4), with 25 bits after the point, the last sticky.
fn root_f32<'c>(code: &'c Code<'c>, x: Val<'c>) -> Val<'c> {
    let quarter = x << 7;
    // 24 bits after the point, at most one too small.
    let root = quarter.wide_mul(reciprocal_root(code, quarter)).high() >> 5;
    let rest = (x << 25) - root * root;
    let (root, rest) = mend(root, rest);
    root << 1 | rest.ne(0).to(I32)
}

/// The root of `x / 2^52`, which lies in [1, 4), with 54 bits after the point, the last sticky.
fn root_f64<'c>(code: &'c Code<'c>, x: Val<'c>) -> Val<'c> {
    let quarter = (x >> 22).low();
    let reciprocal = reciprocal_root(code, quarter);
    // 29 bits after the point, at most 8 too small: the remainder is below 2^34.
    let upper = quarter.wide_mul(reciprocal).high();
    let rest = (x << 6) - upper.wide_mul(upper);
    // Half the remainder by the root is at most one too great: 24 bits more, at most two too
    // small.
    let lower = (rest >> 2).low().wide_mul(reciprocal).high() >> 3;
    let root = (upper.to(I64) << 24) + lower.to(I64) - 1;
    let (root, rest) = mend(root, (x << 54) - root * root);
    let (root, rest) = mend(root, rest);
    root << 1 | rest.ne(0).to(I64)
}

/// Takes a root that is too small, and what its square lacks, one further.
fn mend<'c>(root: Val<'c>, rest: Val<'c>) -> (Val<'c>, Val<'c>) {
    let twice = root << 1;
    let small = rest.ugt(twice);
    (root + small.to(root.ty()), small.select(rest - twice - 1, rest))
}

/// `2^30 / sqrt(a / 2^32)` for `a` from 2^30 on, less at most 2^-27.4 of it, and never more.
///
/// Newton's r(3 - ar^2)/2 from a line; as it errs to one side only, the first two steps are biased
/// to the middle of their errors, so that the last one ends within 2^-30 but for its truncation.
fn reciprocal_root<'c>(code: &'c Code<'c>, a: Val<'c>) -> Val<'c> {
    let [at_zero, slope, three]: [u64; 3] = [0x8880_0000, 0x4DFF_8000, 3 << 28];
    let mut r = code.constant(I32, at_zero) - a.wide_mul(code.constant(I32, slope)).high();
    for bias in [3_060_164, 13_073, -2] {
        let three = code.constant(I32, three.wrapping_add_signed(bias));
        let square = r.wide_mul(r).high();
        r = (r.wide_mul((three - a.wide_mul(square).high()) << 2) >> 31).low();
    }
    r
}
