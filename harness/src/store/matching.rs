//! Whether what an import stands for has the type that it asks for.

use std::fmt::Write;
use windlass_backend::module::{ExternType, FuncType, Memory, Table, ValType};

/// Whether an import of type `wanted` may be given something of type `provided`, whose minimum is
/// its size now (*WebAssembly Core Specification 2.0*, 3.4.10 and 4.5.4).
pub(super) fn matches(provided: &ExternType, wanted: &ExternType) -> bool {
    use ExternType::{Func, Global, Memory, Table};
    match (provided, wanted) {
        (Func(provided), Func(wanted)) => provided == wanted,
        (Global(provided), Global(wanted)) => provided == wanted,
        (Memory(provided), Memory(wanted)) => {
            let (has, wants) =
                ((provided.min_pages, provided.max_pages), (wanted.min_pages, wanted.max_pages));
            provided.page_bytes == wanted.page_bytes && limits_match(has, wants)
        }
        (Table(provided), Table(wanted)) => {
            let (has, wants) = ((provided.min, provided.max), (wanted.min, wanted.max));
            provided.element == wanted.element && limits_match(has, wants)
        }
        _ => false,
    }
}

/// Minimum and maximum.
fn limits_match<T: PartialOrd>(has: (T, Option<T>), wants: (T, Option<T>)) -> bool {
    let max_fits = match (has.1, wants.1) {
        (_, None) => true,
        (Some(has), Some(wants)) => has <= wants,
        (None, Some(_)) => false,
    };
    has.0 >= wants.0 && max_fits
}

/// A type as the text format has it.
pub(super) fn describe(ty: &ExternType) -> String {
    match ty {
        ExternType::Func(FuncType { params, results }) => {
            format!("(func{}{})", describe_list("param", params), describe_list("result", results))
        }
        ExternType::Memory(Memory { min_pages, max_pages, page_bytes }) => {
            let mut text = format!("(memory {min_pages}");
            if let Some(max) = max_pages {
                let _ = write!(text, " {max}");
            }
            if *page_bytes != 65536 {
                let _ = write!(text, " (pagesize {page_bytes})");
            }
            text + ")"
        }
        ExternType::Table(Table { element, min, max }) => {
            let max = max.map_or_else(String::new, |max| format!(" {max}"));
            format!("(table {min}{max} {})", describe_value(*element))
        }
        ExternType::Global(global) if global.mutable => {
            format!("(global (mut {}))", describe_value(global.ty))
        }
        ExternType::Global(global) => format!("(global {})", describe_value(global.ty)),
    }
}

fn describe_list(keyword: &str, types: &[ValType]) -> String {
    if types.is_empty() {
        return String::new();
    }
    let types: Vec<_> = types.iter().map(|&ty| describe_value(ty)).collect();
    format!(" ({keyword} {})", types.join(" "))
}

fn describe_value(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::FuncRef => "funcref",
        ValType::ExternRef => "externref",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_backend::module::GlobalType;

    fn memory(min_pages: u64, max_pages: Option<u64>) -> ExternType {
        ExternType::Memory(Memory { min_pages, max_pages, page_bytes: 65536 })
    }

    fn table(element: ValType, min: u32, max: Option<u32>) -> ExternType {
        ExternType::Table(Table { element, min, max })
    }

    #[test]
    fn limits_match_if_the_provider_keeps_them() {
        assert!(matches(&memory(2, None), &memory(1, None)));
        assert!(matches(&memory(2, Some(3)), &memory(2, Some(3))));
        assert!(matches(&memory(2, Some(3)), &memory(0, Some(4))));
        assert!(matches(&memory(2, Some(3)), &memory(0, None)));
        assert!(!matches(&memory(2, Some(3)), &memory(3, Some(3))));
        assert!(!matches(&memory(2, Some(5)), &memory(2, Some(4))));
        assert!(!matches(&memory(2, None), &memory(2, Some(4))));
        let bytes = ExternType::Memory(Memory { min_pages: 2, max_pages: None, page_bytes: 1 });
        assert!(!matches(&bytes, &memory(1, None)));
    }

    #[test]
    fn kinds_and_types_must_be_equal() {
        let func = |params| ExternType::Func(FuncType { params, results: vec![] });
        assert!(matches(&func(vec![ValType::I32]), &func(vec![ValType::I32])));
        assert!(!matches(&func(vec![ValType::I32]), &func(vec![])));
        assert!(!matches(&func(vec![]), &memory(0, None)));
        let funcs = table(ValType::FuncRef, 1, None);
        assert!(matches(&funcs, &table(ValType::FuncRef, 1, None)));
        assert!(!matches(&funcs, &table(ValType::ExternRef, 1, None)));
        let global = |mutable| ExternType::Global(GlobalType { ty: ValType::F32, mutable });
        assert!(matches(&global(true), &global(true)));
        assert!(!matches(&global(true), &global(false)));
        assert!(!matches(&global(false), &global(true)));
    }

    #[test]
    fn types_read_as_text() {
        let ty = FuncType { params: vec![ValType::I32, ValType::F64], results: vec![ValType::I64] };
        assert_eq!(describe(&ExternType::Func(ty)), "(func (param i32 f64) (result i64))");
        assert_eq!(describe(&ExternType::Func(FuncType::default())), "(func)");
        assert_eq!(describe(&memory(1, Some(2))), "(memory 1 2)");
        assert_eq!(describe(&table(ValType::ExternRef, 10, None)), "(table 10 externref)");
    }
}
