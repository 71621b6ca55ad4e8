//! What the routines are to return, by the host's arithmetic.

use crate::runtime::{Comparison, Float, Int, Rounding, RuntimeCall};

/// Why results are wrong.
pub struct Mismatch(pub &'static str);

/// The results of a routine, NaNs in any form; none if the arguments are not for it.
pub fn results(call: RuntimeCall, args: &[u64]) -> Option<Vec<u64>> {
    use RuntimeCall::*;
    let result = match (call, args) {
        (DivRem { .. }, &[_, 0]) => return None,
        (DivRem { signed: false }, &[n, d]) => return Some(vec![n / d, n % d]),
        (DivRem { signed: true }, &[n, d]) => {
            let (n, d) = (n as i64, d as i64);
            return Some(vec![n.wrapping_div(d) as u64, n.wrapping_rem(d) as u64]);
        }
        (Promote, &[x]) => f64::from(f32(x)).to_bits(),
        (Demote, &[x]) => bits32(f64::from_bits(x) as f32),
        (ToInt { from: Float::F32, to } | ToIntSat { from: Float::F32, to }, &[x]) => match to {
            Int::I32 => u64::from(f32(x) as i32 as u32),
            Int::U32 => u64::from(f32(x) as u32),
            Int::I64 => f32(x) as i64 as u64,
            Int::U64 => f32(x) as u64,
        },
        (ToInt { from: Float::F64, to } | ToIntSat { from: Float::F64, to }, &[x]) => match to {
            Int::I32 => u64::from(f64::from_bits(x) as i32 as u32),
            Int::U32 => u64::from(f64::from_bits(x) as u32),
            Int::I64 => f64::from_bits(x) as i64 as u64,
            Int::U64 => f64::from_bits(x) as u64,
        },
        (FromInt { from, to: Float::F32 }, &[x]) => bits32(match from {
            Int::I32 => x as i32 as f32,
            Int::U32 => x as u32 as f32,
            Int::I64 => x as i64 as f32,
            Int::U64 => x as f32,
        }),
        (FromInt { from, to: Float::F64 }, &[x]) => f64::to_bits(match from {
            Int::I32 => f64::from(x as i32),
            Int::U32 => f64::from(x as u32),
            Int::I64 => x as i64 as f64,
            Int::U64 => x as f64,
        }),
        (Compare(Float::F32, comparison), &[x, y]) => {
            compare_floats(comparison, f32(x).partial_cmp(&f32(y)))
        }
        (Compare(Float::F64, comparison), &[x, y]) => {
            compare_floats(comparison, f64::from_bits(x).partial_cmp(&f64::from_bits(y)))
        }
        (Add(f) | Sub(f) | Mul(f) | Div(f) | Min(f) | Max(f), &[x, y]) => binary(call, f, x, y),
        (Sqrt(Float::F32), &[x]) => bits32(f32(x).sqrt()),
        (Sqrt(Float::F64), &[x]) => f64::from_bits(x).sqrt().to_bits(),
        (Round(f, rounding), &[x]) => round(f, rounding, x),
        _ => return None,
    };
    Some(vec![result])
}

fn f32(bits: u64) -> f32 {
    f32::from_bits(bits as u32)
}

fn bits32(x: f32) -> u64 {
    u64::from(x.to_bits())
}

fn compare_floats(comparison: Comparison, order: Option<core::cmp::Ordering>) -> u64 {
    let holds = match comparison {
        Comparison::Equal => order.is_some_and(|order| order.is_eq()),
        Comparison::Less => order.is_some_and(|order| order.is_lt()),
        Comparison::LessEqual => order.is_some_and(|order| order.is_le()),
        Comparison::Greater => order.is_some_and(|order| order.is_gt()),
        Comparison::GreaterEqual => order.is_some_and(|order| order.is_ge()),
        Comparison::Unordered => order.is_none(),
    };
    u64::from(holds)
}

fn binary(call: RuntimeCall, f: Float, x: u64, y: u64) -> u64 {
    macro_rules! in_format {
        ($x:expr, $y:expr) => {{
            let (x, y) = ($x, $y);
            match call {
                RuntimeCall::Add(_) => x + y,
                RuntimeCall::Sub(_) => x - y,
                RuntimeCall::Mul(_) => x * y,
                RuntimeCall::Div(_) => x / y,
                _ if x.is_nan() || y.is_nan() => x + y,
                RuntimeCall::Min(_) if x.total_cmp(&y).is_le() => x,
                RuntimeCall::Max(_) if x.total_cmp(&y).is_ge() => x,
                _ => y,
            }
        }};
    }
    match f {
        Float::F32 => bits32(in_format!(f32(x), f32(y))),
        Float::F64 => in_format!(f64::from_bits(x), f64::from_bits(y)).to_bits(),
    }
}

fn round(f: Float, rounding: Rounding, x: u64) -> u64 {
    macro_rules! in_format {
        ($x:expr) => {{
            let x = $x;
            match rounding {
                Rounding::Ceil => x.ceil(),
                Rounding::Floor => x.floor(),
                Rounding::Trunc => x.trunc(),
                Rounding::Nearest => x.round_ties_even(),
            }
        }};
    }
    match f {
        Float::F32 => bits32(in_format!(f32(x))),
        Float::F64 => in_format!(f64::from_bits(x)).to_bits(),
    }
}

/// Equal bits; for a NaN, the forms that wasm permits (core specification, "NaN propagation").
pub fn compare(
    call: RuntimeCall,
    args: &[u64],
    expected: &[u64],
    results: &[u64],
) -> Result<(), Mismatch> {
    let (operand, result) = formats(call);
    if let (Some(result), &[expected], &[bits]) = (result, expected, results)
        && is_nan(result, expected)
    {
        let magnitude = bits & result.magnitude_mask();
        let canonical = |f: Float, bits: u64| bits & f.magnitude_mask() == f.nan();
        let canonical_args =
            operand.is_none_or(|f| args.iter().all(|&x| !is_nan(f, x) || canonical(f, x)));
        return if magnitude & result.nan() != result.nan() {
            Err(Mismatch("no quiet NaN"))
        } else if canonical_args && !canonical(result, bits) {
            Err(Mismatch("no canonical NaN"))
        } else {
            Ok(())
        };
    }
    if expected == results { Ok(()) } else { Err(Mismatch("other bits")) }
}

fn is_nan(f: Float, bits: u64) -> bool {
    bits & f.magnitude_mask() > f.infinity()
}

/// The formats of operands and result, where they are floats.
fn formats(call: RuntimeCall) -> (Option<Float>, Option<Float>) {
    use RuntimeCall::*;
    match call {
        Add(f) | Sub(f) | Mul(f) | Div(f) | Sqrt(f) | Min(f) | Max(f) | Round(f, _) => {
            (Some(f), Some(f))
        }
        Compare(f, _) | ToInt { from: f, .. } | ToIntSat { from: f, .. } => (Some(f), None),
        FromInt { to, .. } => (None, Some(to)),
        Promote => (Some(Float::F32), Some(Float::F64)),
        Demote => (Some(Float::F64), Some(Float::F32)),
        DivRem { .. } | Memmove | Memset => (None, None),
    }
}
