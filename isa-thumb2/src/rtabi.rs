//! Names of runtime routines: "Run-time ABI for the Arm Architecture" (RTABI), sections 5.1 to 5.3.
//!
//! All of them pass floats in core registers, whatever the variant of the procedure call
//! standard. The RTABI leaves open what a conversion to an integer gives out of range, and for a
//! NaN: the routines of others differ there, so that saturating conversions have no standard name.

use windlass_backend::runtime::{Comparison, Float, Int, RuntimeCall};

/// The standard name of a routine; none if the RTABI has no such routine.
pub fn rtabi_name(call: RuntimeCall) -> Option<&'static str> {
    use RuntimeCall::*;
    let of = |f: Float, single, double| match f {
        Float::F32 => Some(single),
        Float::F64 => Some(double),
    };
    match call {
        DivRem { signed: true } => Some("__aeabi_ldivmod"),
        DivRem { signed: false } => Some("__aeabi_uldivmod"),
        Add(f) => of(f, "__aeabi_fadd", "__aeabi_dadd"),
        Sub(f) => of(f, "__aeabi_fsub", "__aeabi_dsub"),
        Mul(f) => of(f, "__aeabi_fmul", "__aeabi_dmul"),
        Div(f) => of(f, "__aeabi_fdiv", "__aeabi_ddiv"),
        Sqrt(_) | Min(_) | Max(_) | Round(..) | ToIntSat { .. } => None,
        Compare(f, comparison) => match comparison {
            Comparison::Equal => of(f, "__aeabi_fcmpeq", "__aeabi_dcmpeq"),
            Comparison::Less => of(f, "__aeabi_fcmplt", "__aeabi_dcmplt"),
            Comparison::LessEqual => of(f, "__aeabi_fcmple", "__aeabi_dcmple"),
            Comparison::Greater => of(f, "__aeabi_fcmpgt", "__aeabi_dcmpgt"),
            Comparison::GreaterEqual => of(f, "__aeabi_fcmpge", "__aeabi_dcmpge"),
            Comparison::Unordered => of(f, "__aeabi_fcmpun", "__aeabi_dcmpun"),
        },
        ToInt { from, to } => match to {
            Int::I32 => of(from, "__aeabi_f2iz", "__aeabi_d2iz"),
            Int::U32 => of(from, "__aeabi_f2uiz", "__aeabi_d2uiz"),
            Int::I64 => of(from, "__aeabi_f2lz", "__aeabi_d2lz"),
            Int::U64 => of(from, "__aeabi_f2ulz", "__aeabi_d2ulz"),
        },
        FromInt { from, to } => match from {
            Int::I32 => of(to, "__aeabi_i2f", "__aeabi_i2d"),
            Int::U32 => of(to, "__aeabi_ui2f", "__aeabi_ui2d"),
            Int::I64 => of(to, "__aeabi_l2f", "__aeabi_l2d"),
            Int::U64 => of(to, "__aeabi_ul2f", "__aeabi_ul2d"),
        },
        Promote => Some("__aeabi_f2d"),
        Demote => Some("__aeabi_d2f"),
        Memmove => Some("__aeabi_memmove"),
        Memset => Some("__aeabi_memset"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct() {
        let mut names: Vec<_> = RuntimeCall::all().into_iter().filter_map(rtabi_name).collect();
        assert_eq!(names.len(), 42);
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 42);
        assert!(names.iter().all(|name| name.starts_with("__aeabi_")));
    }
}
