//! Names of operators and features, as the wasm text format and the proposals spell them.

use wasmparser::{Operator, WasmFeatures};

/// The feature's name in the proposals' spelling, e.g. `relaxed-simd`.
pub fn feature_name(feature: WasmFeatures) -> String {
    let names: Vec<String> =
        feature.iter_names().map(|(name, _)| name.to_lowercase().replace('_', "-")).collect();
    names.join(", ")
}

/// Words that the text format separates by a dot from the rest of an operator's name.
const NAMESPACES: &[&str] = &[
    "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2",
    "local", "global", "memory", "table", "data", "elem", "ref", "struct", "array", "i31", "any",
    "extern", "atomic", "cont",
];

macro_rules! define_visit_name {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        fn visit_name(operator: &Operator<'_>) -> &'static str {
            match operator {
                $(Operator::$op { .. } => stringify!($visit),)*
                _ => "visit_unknown_operator",
            }
        }
    };
}
wasmparser::for_each_operator!(define_visit_name);

/// The operator's name in the text format, e.g. `i64.add`, `call_indirect`.
pub fn operator_name(operator: &Operator<'_>) -> String {
    let name = visit_name(operator);
    let name = name.strip_prefix("visit_").unwrap_or(name);
    match name {
        "typed_select" | "typed_select_multi" => return "select".to_owned(),
        _ => {}
    }
    match name.split_once('_') {
        Some((head, rest)) if NAMESPACES.contains(&head) => format!("{head}.{rest}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_spelt_as_in_the_text_format() {
        assert_eq!(operator_name(&Operator::I64Add), "i64.add");
        assert_eq!(operator_name(&Operator::I64ExtendI32S), "i64.extend_i32_s");
        assert_eq!(
            operator_name(&Operator::CallIndirect { type_index: 0, table_index: 0 }),
            "call_indirect"
        );
        assert_eq!(operator_name(&Operator::MemoryFill { mem: 0 }), "memory.fill");
        assert_eq!(operator_name(&Operator::ReturnCall { function_index: 0 }), "return_call");
        assert_eq!(operator_name(&Operator::RefIsNull), "ref.is_null");
    }

    #[test]
    fn features_are_spelt_as_the_proposals() {
        assert_eq!(feature_name(WasmFeatures::RELAXED_SIMD), "relaxed-simd");
    }
}
