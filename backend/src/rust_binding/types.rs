//! Types and identifiers of Rust for those of wasm and of symbols.

use crate::module::{ExternType, FuncType, GlobalType, ValType};

/// The parameters behind the instance, and the result, of a symbol.
pub(super) fn raw_signature(symbol: &str, ty: &ExternType) -> (String, String) {
    match ty {
        ExternType::Func(ty) => {
            let result = match ty.results[..] {
                [] | [_] => results(ty),
                _ => format!(" -> {symbol}_result"),
            };
            (params(ty), result)
        }
        other => (String::new(), format!(" -> {}", pointer_type(other))),
    }
}

/// What an accessor answers.
pub(super) fn pointer_type(ty: &ExternType) -> String {
    match ty {
        ExternType::Memory(_) => "*mut MemoryDescriptor".into(),
        ExternType::Table(_) => "*mut TableDescriptor".into(),
        ExternType::Global(GlobalType { ty, mutable: true }) => format!("*mut {}", rust_type(*ty)),
        ExternType::Global(GlobalType { ty, .. }) => format!("*const {}", rust_type(*ty)),
        ExternType::Func(_) => unreachable!("functions have no accessor"),
    }
}

pub(super) fn params(ty: &FuncType) -> String {
    let param = |(n, &ty): (usize, &ValType)| format!(", p{n}: {}", rust_type(ty));
    ty.params.iter().enumerate().map(param).collect()
}

pub(super) fn arguments(ty: &FuncType) -> String {
    (0..ty.params.len()).map(|n| format!(", p{n}")).collect()
}

pub(super) fn results(ty: &FuncType) -> String {
    match ty.results[..] {
        [] => String::new(),
        [only] => format!(" -> {}", rust_type(only)),
        ref several => {
            let types: Vec<&str> = several.iter().map(|&ty| rust_type(ty)).collect();
            format!(" -> ({})", types.join(", "))
        }
    }
}

/// The struct of a function with several results.
pub(super) fn result_struct(symbol: &str, ty: &FuncType) -> String {
    if ty.results.len() < 2 {
        return String::new();
    }
    let field = |(n, &ty): (usize, &ValType)| format!(" pub f{n}: {},", rust_type(ty));
    let fields: String = ty.results.iter().enumerate().map(field).collect();
    format!("\n#[repr(C)]\npub struct {symbol}_result {{{fields} }}\n")
}

pub(super) fn rust_type(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::FuncRef | ValType::ExternRef => "Reference",
    }
}

/// Words that no identifier can be, and those that can with `r#` (The Rust Reference, "Keywords").
const NEVER: &str = "_ Self crate self super";
const RAW: &str = "abstract as async await become box break const continue do dyn else enum extern false \
    final fn for gen if impl in let loop macro match mod move mut override priv pub ref return static \
    struct trait true try type typeof unsafe unsized use virtual where while yield";

/// A part of a symbol as an identifier.
pub(super) fn rust_identifier(name: &str) -> String {
    let is = |words: &str| words.split_whitespace().any(|word| word == name);
    if name.is_empty() || is(NEVER) || name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{name}")
    } else if is(RAW) {
        format!("r#{name}")
    } else {
        name.to_owned()
    }
}

pub(super) fn camel_case(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| {
            first.to_ascii_uppercase().to_string() + letters.as_str()
        })
    };
    name.split('_').map(word).collect()
}
