//! Helper routines that compiled code calls: 64-bit division, floating point on machines without
//! it, copying and filling memory.
//!
//! Lowering names a routine by [`RuntimeCall`]; [`build`] writes it as CLIF, which windlass
//! compiles like any other function. Signatures are all-integer: a float is passed as its bits.
//!
//! Invariants: results of arithmetic are those of IEEE 754 with rounding to nearest, ties to even,
//! subnormals included; a NaN result is quiet, and canonical if every NaN operand is.
//!
//! Routines are written for machines whose registers have 32 bits, with a 32-bit divider and a
//! 32 by 32 to 64 bit multiplier. Left to others: the symbols' names, which an ISA may have a
//! standard for (otherwise [`RuntimeCall::default_symbol`]), and the groups in the object.

mod call;
mod carry;
mod code;
mod float;
mod int64;
mod memory;
#[cfg(test)]
mod tests;

pub use call::{Comparison, Float, Int, Rounding, RuntimeCall};
pub use carry::append_routines;

use crate::module::SymbolId;
use code::{Code, Val};
use cranelift_codegen::ir::{self, Type};

/// Writes the routine `call` for addresses of type `pointer`. `symbols` gives the function's own
/// symbol and that of its [`RuntimeCall::callee`].
pub fn build(
    call: RuntimeCall,
    pointer: Type,
    symbols: &dyn Fn(RuntimeCall) -> SymbolId,
) -> ir::Function {
    let code = Code::new(call, pointer, symbols);
    define(call, &code, &code.entry_params());
    code.finish()
}

/// Leaves every block of the routine filled.
fn define<'c>(call: RuntimeCall, code: &'c Code<'c>, params: &[Val<'c>]) {
    use RuntimeCall::*;
    match (call, params) {
        (DivRem { signed: false }, &[n, d]) => int64::unsigned_div_rem(code, n, d),
        (DivRem { signed: true }, &[n, d]) => int64::signed_div_rem(code, n, d),
        (Add(f), &[x, y]) => float::add(code, f, x, y),
        (Sub(f), &[x, y]) => float::sub(code, f, x, y),
        (Mul(f), &[x, y]) => float::mul(code, f, x, y),
        (Div(f), &[x, y]) => float::div(code, f, x, y),
        (Sqrt(f), &[x]) => float::sqrt(code, f, x),
        (Min(f), &[x, y]) => float::min(code, f, x, y),
        (Max(f), &[x, y]) => float::max(code, f, x, y),
        (Round(f, rounding), &[x]) => float::round(code, f, rounding, x),
        (Compare(f, comparison), &[x, y]) => float::compare(code, f, comparison, x, y),
        (ToInt { from, to } | ToIntSat { from, to }, &[x]) => float::to_int(code, from, to, x),
        (FromInt { from, to }, &[x]) => float::from_int(code, from, to, x),
        (Promote, &[x]) => float::promote(code, x),
        (Demote, &[x]) => float::demote(code, x),
        (Memmove, &[to, from, len]) => memory::copy(code, to, from, len),
        (Memset, &[to, len, byte]) => memory::fill(code, to, len, byte),
        _ => unreachable!("{call} has {} parameters", params.len()),
    }
}
