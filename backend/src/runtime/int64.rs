//! Division of 64-bit integers by means of a 32-bit divider.

use super::RuntimeCall;
use super::code::{Code, Val};
use cranelift_codegen::ir::types::{I32, I64};

/// Unsigned quotient and remainder.
///
/// A divisor of one word takes a division for each word of the dividend (short division); a longer
/// one has a quotient of one word, which the divisor's top 32 bits give to within one (Warren,
/// Hacker's Delight, section 9-5). Both come to a division by a normalized word.
pub fn unsigned_div_rem<'c>(code: &'c Code<'c>, n: Val<'c>, d: Val<'c>) {
    let [one_word, two_words, short, long] = [0; 4].map(|_| code.block(&[]));
    let by_word = code.block(&[I64, I32, I32]);
    code.branch(d.high().ne(0), (long, &[]), (short, &[]));

    code.enter::<0>(short);
    code.branch(n.high().ne(0), (two_words, &[]), (one_word, &[]));
    code.enter::<0>(one_word);
    let q = n.low().udiv(d.low());
    code.ret(&[q.to(I64), (n.low() - q * d.low()).to(I64)]);

    code.enter::<0>(two_words);
    let word = d.low();
    let q_high = n.high().udiv(word);
    let rest = n.high() - q_high * word;
    let shift = word.leading_zeros();
    code.jump(by_word, &[rest.over(n.low()) << shift, word << shift, q_high]);

    code.enter::<0>(long);
    let top = (d << d.high().leading_zeros()).high();
    code.jump(by_word, &[n >> 1, top, code.constant(I32, 0)]);

    let [dividend, divisor, q_high] = code.enter(by_word);
    let (q, rest) = div_rem_normalized(code, dividend, divisor);
    let (short, long) = (code.block(&[I32, I32, I32]), code.block(&[I32]));
    code.branch(d.high().ne(0), (long, &[q]), (short, &[q_high, q, rest]));

    let [q_high, q, rest] = code.enter(short);
    code.ret(&[q_high.over(q), (rest >> d.low().leading_zeros()).to(I64)]);
    let [q] = code.enter(long);
    return_mended(code, n, d, q);
}

/// Returns quotient and remainder by a divisor of two words, from half of the dividend's quotient
/// by the divisor's top 32 bits.
fn return_mended<'c>(code: &'c Code<'c>, n: Val<'c>, d: Val<'c>, estimate: Val<'c>) {
    // Exact or one too great: take it one too small.
    let q = estimate >> (code.constant(I32, 31) - d.high().leading_zeros());
    let q = q - q.ne(0).to(I32);
    let rest = n - q.to(I64) * d;
    code.exit_if(rest.ult(d), || code.ret(&[q.to(I64), rest]));
    code.ret(&[(q + 1).to(I64), rest - d]);
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

    let (over, not_wrapped) = (code.block(&[]), code.block(&[]));
    let done = code.block(&[I32, I32]);
    code.branch(rest.ult(subtrahend), (over, &[]), (done, &[q, rest]));
    code.enter::<0>(over);
    let (q, rest) = (q - 1, rest + d);
    // A sum that wrapped is great enough.
    code.branch(rest.ult(d), (done, &[q, rest]), (not_wrapped, &[]));
    code.enter::<0>(not_wrapped);
    code.branch(rest.ult(subtrahend), (done, &[q - 1, rest + d]), (done, &[q, rest]));
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
