//! The host module `spectest`, which every script may import from.

use crate::store::{Linker, Store, StoreError};
use crate::value::Val;
use windlass_backend::module::{FuncType, Memory, Table, ValType};

const NAME: &str = "spectest";

/// Defines the module as the specification's interpreter has it. What scripts print is dropped.
pub fn define(store: &mut Store, linker: &mut Linker) -> Result<(), StoreError> {
    use ValType::{F32, F64, I32, I64};
    let functions: [(&str, &[ValType]); 7] = [
        ("print", &[]),
        ("print_i32", &[I32]),
        ("print_i64", &[I64]),
        ("print_f32", &[F32]),
        ("print_f64", &[F64]),
        ("print_i32_f32", &[I32, F32]),
        ("print_f64_f64", &[F64, F64]),
    ];
    for (name, params) in functions {
        let ty = FuncType { params: params.to_vec(), results: vec![] };
        linker.define(NAME, name, store.host_function(ty, |_, _| vec![]));
    }
    let globals = [
        ("global_i32", Val::I32(666)),
        ("global_i64", Val::I64(666)),
        ("global_f32", Val::F32(666.6_f32.to_bits())),
        ("global_f64", Val::F64(666.6_f64.to_bits())),
    ];
    for (name, value) in globals {
        linker.define(NAME, name, store.host_global(value, false)?);
    }
    let table = Table { element: ValType::FuncRef, min: 10, max: Some(20) };
    linker.define(NAME, "table", store.host_table(table)?);
    let memory = Memory { min_pages: 1, max_pages: Some(2), page_bytes: 65536 };
    linker.define(NAME, "memory", store.host_memory(memory)?);
    Ok(())
}
