//! Division of 64-bit integers by means of a 32-bit divider.

use super::RuntimeCall;
use super::code::{Code, Val};
use cranelift_codegen::ir::types::{I32, I64};

/// Unsigned quotient and remainder.
///
/// A divisor of one word takes a division per word of the dividend (short division); a longer one
/// has a quotient of one word, which the divisor's top 32 bits give to within one (Warren,
/// Hacker's Delight, section 9-5).
pub fn unsigned_div_rem<'c>(code: &'c Code<'c>, n: Val<'c>, d: Val<'c>) {
    let (long, short) = (code.block(&[]), code.block(&[]));
    code.branch(d.high().ne(0), (long, &[]), (short, &[]));
    code.enter::<0>(short);
    div_rem_by_word(code, n, d.low());
    code.enter::<0>(long);
    div_rem_by_long(code, n, d);
}

fn div_rem_by_word<'c>(code: &'c Code<'c>, n: Val<'c>, d: Val<'c>) {
    let (high, low) = (n.high(), n.low());
    let two_words = code.block(&[]);
    let one_word = code.block(&[]);
    code.branch(high.ne(0), (two_words, &[]), (one_word, &[]));

    code.enter::<0>(one_word);
    let q = low.udiv(d);
    code.ret(&[q.to(I64), (low - q * d).to(I64)]);

    code.enter::<0>(two_words);
    let q_high = high.udiv(d);
    let rest = high - q_high * d;
    let shift = d.leading_zeros();
    let (q_low, rest) = div_rem_normalized(code, rest.over(low) << shift, d << shift);
    code.ret(&[q_high.over(q_low), (rest >> shift).to(I64)]);
}

fn div_rem_by_long<'c>(code: &'c Code<'c>, n: Val<'c>, d: Val<'c>) {
    let shift = d.high().leading_zeros();
    let top = (d << shift).high();
    let (q, _) = div_rem_normalized(code, n >> 1, top);
    // `shift` is at most 31. The estimate is exact or one too great: take it one too small.
    let q = q >> (code.constant(I32, 31) - shift);
    let q = q - q.ne(0).to(I32);
    let rest = n - q.to(I64) * d;
    let more = rest.uge(d);
    let q = q + more.to(I32);
    code.ret(&[q.to(I64), more.select(rest - d, rest)]);
}

/// Quotient and remainder of 64 bits by a word whose top bit is set; the quotient fits a word.
fn div_rem_normalized<'c>(code: &'c Code<'c>, n: Val<'c>, d: Val<'c>) -> (Val<'c>, Val<'c>) {
    let (high, low) = (n.high(), n.low());
    let (q1, rest) = half_digit(code, high, low >> 16, d);
    let (q0, rest) = half_digit(code, rest, low & 0xffff, d);
    (q1 << 16 | q0, rest)
}

/// The next 16 bits of a quotient by `d`, from the remainder so far, less than `d`, and the
/// dividend's next 16 bits (Knuth, The Art of Computer Programming, 4.3.1, algorithm D).
fn half_digit<'c>(
    code: &'c Code<'c>,
    rest: Val<'c>,
    next: Val<'c>,
    d: Val<'c>,
) -> (Val<'c>, Val<'c>) {
    // The upper half's quotient is at most two too great.
    let upper = d >> 16;
    let q = rest.udiv(upper);
    let rest = (rest - q * upper) << 16 | next;
    let subtrahend = q * (d & 0xffff);

    let (over, done) = (code.block(&[]), code.block(&[I32, I32]));
    code.branch(rest.ult(subtrahend), (over, &[]), (done, &[q, rest]));
    code.enter::<0>(over);
    let (q, rest) = (q - 1, rest + d);
    // A sum that wrapped is great enough.
    let again = rest.uge(d).to(I32) & rest.ult(subtrahend).to(I32);
    code.jump(done, &[q - again, rest + (again.ne(0)).select(d, 0)]);
    let [q, rest] = code.enter(done);
    (q, rest - subtrahend)
}

/// Signed quotient, rounded towards zero, and remainder, of the dividend's sign.
pub fn signed_div_rem<'c>(code: &'c Code<'c>, n: Val<'c>, d: Val<'c>) {
    let (n_sign, d_sign) = (n.sign_mask(), d.sign_mask());
    let magnitude = |x: Val<'c>, sign: Val<'c>| (x ^ sign) - sign;
    let args = [magnitude(n, n_sign), magnitude(d, d_sign)];
    let [q, r] = code.call(RuntimeCall::DivRem { signed: false }, &args);
    code.ret(&[magnitude(q, n_sign ^ d_sign), magnitude(r, n_sign)]);
}
