//! Wasm values outside of any engine.

use core::fmt;
use cranelift_codegen::ir::{Type, types};
use windlass_backend::module::ValType;

/// A value with its type; floats by their bits, so that equality is exact.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Val {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    /// The address of a function reference, 0 for null.
    FuncRef(u32),
    /// A pointer of the host's, 0 for null.
    ExternRef(u32),
}

impl Val {
    pub fn ty(self) -> ValType {
        match self {
            Val::I32(_) => ValType::I32,
            Val::I64(_) => ValType::I64,
            Val::F32(_) => ValType::F32,
            Val::F64(_) => ValType::F64,
            Val::FuncRef(_) => ValType::FuncRef,
            Val::ExternRef(_) => ValType::ExternRef,
        }
    }

    /// The bits, in the low half for a 32-bit type.
    pub fn bits(self) -> u64 {
        match self {
            Val::I32(v) => u64::from(v as u32),
            Val::I64(v) => v as u64,
            Val::F32(v) | Val::FuncRef(v) | Val::ExternRef(v) => v.into(),
            Val::F64(v) => v,
        }
    }

    pub fn from_bits(ty: ValType, bits: u64) -> Val {
        match ty {
            ValType::I32 => Val::I32(bits as i32),
            ValType::I64 => Val::I64(bits as i64),
            ValType::F32 => Val::F32(bits as u32),
            ValType::F64 => Val::F64(bits),
            ValType::FuncRef => Val::FuncRef(bits as u32),
            ValType::ExternRef => Val::ExternRef(bits as u32),
        }
    }

    /// Reads what a user typed: decimal or 0x, signed or unsigned, `_` between digits; `null` for
    /// a reference, or a number for one of the host's.
    pub fn parse(ty: ValType, text: &str) -> Option<Val> {
        let plain = text.replace('_', "");
        match ty {
            ValType::I32 => parse_int(&plain, 32).map(|v| Val::I32(v as i32)),
            ValType::I64 => parse_int(&plain, 64).map(|v| Val::I64(v as i64)),
            ValType::F32 => plain.parse::<f32>().ok().map(|v| Val::F32(v.to_bits())),
            ValType::F64 => plain.parse::<f64>().ok().map(|v| Val::F64(v.to_bits())),
            ValType::FuncRef => (plain == "null").then_some(Val::FuncRef(0)),
            ValType::ExternRef if plain == "null" => Some(Val::ExternRef(0)),
            ValType::ExternRef => parse_int(&plain, 32).map(|v| Val::ExternRef(v as u32)),
        }
    }
}

/// The type of a CLIF value at public interfaces, where narrow integers travel in whole words.
pub fn val_type(ty: Type) -> ValType {
    match ty {
        types::F32 => ValType::F32,
        types::F64 => ValType::F64,
        types::I64 => ValType::I64,
        _ => ValType::I32,
    }
}

/// An integer that fits `bits`, signed or unsigned.
fn parse_int(text: &str, bits: u32) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let magnitude = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i128::from(u64::from_str_radix(hex, 16).ok()?),
        None => i128::from(digits.parse::<u64>().ok()?),
    };
    let value = if negative { -magnitude } else { magnitude };
    (-(1 << (bits - 1))..1 << bits).contains(&value).then_some(value)
}

impl fmt::Display for Val {
    /// Signed decimal; floats by the shortest text that reads back alike; references as addresses.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Val::I32(v) => v.fmt(f),
            Val::I64(v) => v.fmt(f),
            Val::F32(bits) => f32::from_bits(bits).fmt(f),
            Val::F64(bits) => f64::from_bits(bits).fmt(f),
            Val::FuncRef(0) | Val::ExternRef(0) => f.write_str("null"),
            Val::FuncRef(address) | Val::ExternRef(address) => write!(f, "{address:#x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_signed_and_unsigned_alike() {
        let i32 = |text| Val::parse(ValType::I32, text);
        assert_eq!(i32("-1"), Some(Val::I32(-1)));
        assert_eq!(i32("4294967295"), Some(Val::I32(-1)));
        assert_eq!(i32("0x8000_0000"), Some(Val::I32(i32::MIN)));
        assert_eq!(i32("-2147483648"), Some(Val::I32(i32::MIN)));
        assert_eq!(i32("-2147483649"), None);
        assert_eq!(i32("4294967296"), None);
        assert_eq!(i32("one"), None);
        assert_eq!(i32("--1"), None);
    }

    #[test]
    fn references_read_back() {
        assert_eq!(Val::parse(ValType::FuncRef, "null"), Some(Val::FuncRef(0)));
        assert_eq!(Val::parse(ValType::FuncRef, "4"), None);
        for value in [Val::ExternRef(0), Val::ExternRef(7), Val::ExternRef(u32::MAX)] {
            assert_eq!(Val::parse(ValType::ExternRef, &value.to_string()), Some(value));
        }
    }
}
