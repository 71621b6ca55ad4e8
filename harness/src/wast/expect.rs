//! What scripts expect: values with their patterns, and traps in the suite's wording.

use crate::Trap;
use crate::value::Val;
use std::fmt::Write;
use wast::core::{AbstractHeapType, HeapType, NanPattern, WastArgCore, WastRetCore};
use wast::{WastArg, WastRet};
use windlass_backend::module::ValType;

/// An argument as windlass passes it; None for a type that it does not have.
pub fn argument(arg: &WastArg) -> Option<Val> {
    let WastArg::Core(arg) = arg else { return None };
    Some(match arg {
        WastArgCore::I32(value) => Val::I32(*value),
        WastArgCore::I64(value) => Val::I64(*value),
        WastArgCore::F32(value) => Val::F32(value.bits),
        WastArgCore::F64(value) => Val::F64(value.bits),
        WastArgCore::RefNull(heap) => Val::from_bits(reference_type(heap)?, 0),
        WastArgCore::RefExtern(number) => Val::ExternRef(host_reference(*number)),
        WastArgCore::V128(_) | WastArgCore::RefHost(_) => return None,
    })
}

fn reference_type(heap: &HeapType) -> Option<ValType> {
    match heap {
        HeapType::Abstract { shared: false, ty: AbstractHeapType::Func } => Some(ValType::FuncRef),
        HeapType::Abstract { shared: false, ty: AbstractHeapType::Extern } => {
            Some(ValType::ExternRef)
        }
        _ => None,
    }
}

/// `ref.extern N` as a pointer that is not null.
fn host_reference(number: u32) -> u32 {
    number.wrapping_add(1)
}

/// Whether results are as expected, each by its pattern.
pub fn values_match(values: &[Val], expected: &[WastRet]) -> bool {
    let matches = |(value, expected): (&Val, &WastRet)| match expected {
        WastRet::Core(expected) => value_matches(*value, expected),
        _ => false,
    };
    values.len() == expected.len() && values.iter().zip(expected).all(matches)
}

fn value_matches(value: Val, expected: &WastRetCore) -> bool {
    match (value, expected) {
        (Val::I32(value), WastRetCore::I32(expected)) => value == *expected,
        (Val::I64(value), WastRetCore::I64(expected)) => value == *expected,
        (Val::F32(bits), WastRetCore::F32(pattern)) => match pattern {
            NanPattern::CanonicalNan => bits & 0x7fff_ffff == F32_NAN,
            NanPattern::ArithmeticNan => bits & F32_NAN == F32_NAN,
            NanPattern::Value(expected) => bits == expected.bits,
        },
        (Val::F64(bits), WastRetCore::F64(pattern)) => match pattern {
            NanPattern::CanonicalNan => bits & (u64::MAX >> 1) == F64_NAN,
            NanPattern::ArithmeticNan => bits & F64_NAN == F64_NAN,
            NanPattern::Value(expected) => bits == expected.bits,
        },
        (Val::FuncRef(0) | Val::ExternRef(0), WastRetCore::RefNull(heap)) => {
            heap.as_ref().is_none_or(|heap| reference_type(heap) == Some(value.ty()))
        }
        (Val::FuncRef(address), WastRetCore::RefFunc(None)) => address != 0,
        (Val::ExternRef(pointer), WastRetCore::RefExtern(number)) => match number {
            Some(number) => pointer == host_reference(*number),
            None => pointer != 0,
        },
        (value, WastRetCore::Either(cases)) => cases.iter().any(|case| value_matches(value, case)),
        _ => false,
    }
}

/// The positive canonical NaNs.
const F32_NAN: u32 = 0x7fc0_0000;
const F64_NAN: u64 = 0x7ff8_0000_0000_0000;

/// What the suite calls a trap. Its texts are these, their beginnings, or these with details added.
fn wordings(trap: Trap) -> &'static [&'static str] {
    match trap {
        Trap::NullReference => &["uninitialized element", "null reference"],
        Trap::MemoryOutOfBounds => &["out of bounds memory access", "data segment does not fit"],
        Trap::TableOutOfBounds => &["out of bounds table access", "elements segment does not fit"],
        Trap::Unreachable => &["unreachable"],
        Trap::IntegerDivideByZero => &["integer divide by zero"],
        Trap::IntegerOverflow => &["integer overflow"],
        Trap::InvalidConversionToInteger => &["invalid conversion to integer"],
        Trap::UndefinedElement => &["undefined element"],
        Trap::IndirectCallTypeMismatch => &["indirect call type mismatch"],
        Trap::StackExhausted => &["call stack exhausted"],
        Trap::Interrupted => &["interrupted"],
        Trap::OutOfFuel => &["out of fuel"],
    }
}

/// Whether a script that expects `text` means this trap.
pub fn trap_matches(trap: Trap, text: &str) -> bool {
    !text.is_empty()
        && wordings(trap).iter().any(|known| text.starts_with(known) || known.starts_with(text))
}

/// Values with their types, for people.
pub fn show_values(values: &[Val]) -> String {
    let mut text = String::new();
    for (i, value) in values.iter().enumerate() {
        let sep = if i > 0 { ", " } else { "" };
        let _ = match value {
            Val::I32(v) => write!(text, "{sep}i32 {v} ({v:#x})"),
            Val::I64(v) => write!(text, "{sep}i64 {v} ({v:#x})"),
            Val::F32(bits) => write!(text, "{sep}f32 {value} ({bits:#x})"),
            Val::F64(bits) => write!(text, "{sep}f64 {value} ({bits:#x})"),
            Val::FuncRef(_) => write!(text, "{sep}funcref {value}"),
            Val::ExternRef(_) => write!(text, "{sep}externref {value}"),
        };
    }
    if values.is_empty() { "nothing".into() } else { text }
}

/// Expected results, for people.
pub fn show_expected(expected: &[WastRet]) -> String {
    let shown = |expected: &WastRet| match expected {
        WastRet::Core(expected) => show_pattern(expected),
        other => format!("{other:?}"),
    };
    let shown: Vec<String> = expected.iter().map(shown).collect();
    if shown.is_empty() { "nothing".into() } else { shown.join(", ") }
}

fn show_pattern(expected: &WastRetCore) -> String {
    match expected {
        WastRetCore::I32(v) => show_values(&[Val::I32(*v)]),
        WastRetCore::I64(v) => show_values(&[Val::I64(*v)]),
        WastRetCore::F32(NanPattern::Value(v)) => show_values(&[Val::F32(v.bits)]),
        WastRetCore::F64(NanPattern::Value(v)) => show_values(&[Val::F64(v.bits)]),
        WastRetCore::F32(NanPattern::CanonicalNan) => "f32 nan:canonical".into(),
        WastRetCore::F64(NanPattern::CanonicalNan) => "f64 nan:canonical".into(),
        WastRetCore::F32(NanPattern::ArithmeticNan) => "f32 nan:arithmetic".into(),
        WastRetCore::F64(NanPattern::ArithmeticNan) => "f64 nan:arithmetic".into(),
        WastRetCore::RefExtern(Some(number)) => {
            show_values(&[Val::ExternRef(host_reference(*number))])
        }
        WastRetCore::Either(cases) => {
            let cases: Vec<_> = cases.iter().map(show_pattern).collect();
            format!("either {}", cases.join(" or "))
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wast::parser::{ParseBuffer, parse};

    fn matches(value: Val, text: &str) -> bool {
        let buffer = ParseBuffer::new(text).unwrap();
        let expected = parse::<WastRet>(&buffer).unwrap();
        values_match(&[value], &[expected])
    }

    #[test]
    fn floats_match_by_bits_or_pattern() {
        let nan = |bits| Val::F32(bits);
        assert!(matches(nan(0xffc0_0000), "f32.const nan:canonical"));
        assert!(!matches(nan(0x7fc0_0001), "f32.const nan:canonical"));
        assert!(matches(nan(0x7fc0_0001), "f32.const nan:arithmetic"));
        assert!(!matches(nan(0x7f80_0001), "f32.const nan:arithmetic"));
        assert!(matches(nan(0x7f80_0001), "f32.const nan:0x1"));
        assert!(!matches(Val::F32(0x8000_0000), "f32.const 0"));
        assert!(!matches(Val::F64(0), "f32.const 0"));
        assert!(matches(Val::F64(0xfff8_0000_0000_0000), "f64.const nan:canonical"));
        assert!(!matches(Val::F64(0x7ff4_0000_0000_0000), "f64.const nan:arithmetic"));
    }

    #[test]
    fn references_match_by_kind() {
        assert!(matches(Val::ExternRef(1), "ref.extern 0"));
        assert!(!matches(Val::ExternRef(0), "ref.extern 0"));
        assert!(matches(Val::ExternRef(9), "ref.extern"));
        assert!(matches(Val::FuncRef(0), "ref.null"));
        assert!(matches(Val::FuncRef(0), "ref.null func"));
        assert!(!matches(Val::FuncRef(0), "ref.null extern"));
        assert!(matches(Val::FuncRef(8), "ref.func"));
        assert!(!matches(Val::FuncRef(0), "ref.func"));
        assert!(matches(Val::I32(2), "either (i32.const 1) (i32.const 2)"));
        assert!(!matches(Val::I32(3), "either (i32.const 1) (i32.const 2)"));
    }

    #[test]
    fn traps_match_their_own_words_only() {
        assert!(trap_matches(Trap::NullReference, "uninitialized"));
        assert!(trap_matches(Trap::NullReference, "uninitialized element 7"));
        assert!(!trap_matches(Trap::UndefinedElement, "uninitialized element"));
        assert!(!trap_matches(Trap::MemoryOutOfBounds, "out of bounds table access"));
        assert!(!trap_matches(Trap::Unreachable, ""));
        for trap in Trap::ALL {
            let same = Trap::ALL.into_iter().filter(|&t| trap_matches(t, trap.message()));
            assert_eq!(same.collect::<Vec<_>>(), [trap]);
        }
    }
}
