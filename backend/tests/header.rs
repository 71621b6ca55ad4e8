//! Headers against the committed ones, and what no header can be written for.

use std::path::Path;

use windlass_backend::Error;
use windlass_backend::header::write_header;
use windlass_backend::module::*;

fn ty(params: &[ValType], results: &[ValType]) -> FuncType {
    FuncType { params: params.to_vec(), results: results.to_vec() }
}

/// A module with its own functions and nothing else.
fn module(name: &str) -> Module {
    let mut module = Module { name: name.to_owned(), ..Module::default() };
    let mut own = |suffix: &str| undefined(&mut module, &format!("{name}_{suffix}"));
    let interface = Interface {
        c_name: name.to_owned(),
        instance: InstanceLayout { size: 28, align: 4 },
        instantiate: Some(own("instantiate")),
        trap: Some(own("trap")),
        set_stack_limit: Some(own("set_stack_limit")),
        ..Interface::default()
    };
    module.interface = Some(interface);
    module
}

fn undefined(module: &mut Module, name: &str) -> SymbolId {
    module.add_symbol(name.to_owned(), Binding::Global, Definition::Undefined)
}

fn interface(module: &mut Module) -> &mut Interface {
    module.interface.as_mut().unwrap()
}

fn add_export(module: &mut Module, symbol: &str, wasm_name: &str, ty: FuncType) {
    let symbol = undefined(module, symbol);
    let (wasm_name, ty) = (wasm_name.to_owned(), ExternType::Func(ty));
    interface(module).exports.push(Export { wasm_name, symbol, ty, index: 0 });
}

/// Imports from the module's first context.
fn add_import(module: &mut Module, symbol: &str, wasm_name: &str, ty: FuncType) {
    let symbol = undefined(module, symbol);
    let interface = interface(module);
    let wasm_module = interface.contexts[0].wasm_name.clone();
    let (wasm_name, ty) = (wasm_name.to_owned(), ExternType::Func(ty));
    interface.imports.push(Import { wasm_module, wasm_name, symbol, context: 0, ty });
}

fn add_context(module: &mut Module, wasm_name: &str, c_name: &str) {
    let (wasm_name, c_name) = (wasm_name.to_owned(), c_name.to_owned());
    interface(module).contexts.push(ContextPointer { wasm_name, c_name, offset: 28 });
}

/// Uses every part of the interface, and imports from `sensors`.
fn flight() -> Module {
    use ValType::*;
    let mut module = module("flight");
    add_context(&mut module, "sensors", "sensors");
    add_context(&mut module, "my host", "my_x20host");
    add_import(&mut module, "sensors_read", "read", ty(&[I32], &[I32, F32]));
    add_import(&mut module, "sensors_now", "now", ty(&[], &[I64]));
    add_import(&mut module, "sensors_now", "now", ty(&[], &[I64]));
    add_export(&mut module, "flight_step", "step", ty(&[I32, I64, F32, F64], &[I32]));
    add_export(&mut module, "flight_reset", "reset", ty(&[], &[]));
    add_export(&mut module, "flight_divmod", "divmod", ty(&[I32, I32], &[I32, I32]));
    add_export(&mut module, "flight__x2a_x2f_x0a", "*/\n", ty(&[], &[F64]));
    let memory = Memory { min_pages: 2, max_pages: Some(4), page_bytes: 65536 };
    let scratch = Memory { min_pages: 100, max_pages: None, page_bytes: 1 };
    let table = Table { element: FuncRef, min: 3, max: None };
    for (name, ty) in [
        ("memory", ExternType::Memory(memory)),
        ("handlers", ExternType::Table(table)),
        ("gain", ExternType::Global(GlobalType { ty: F32, mutable: true })),
        ("limit", ExternType::Global(GlobalType { ty: I32, mutable: false })),
        ("handler", ExternType::Global(GlobalType { ty: FuncRef, mutable: false })),
    ] {
        let symbol = undefined(&mut module, &format!("flight_{name}"));
        let wasm_name = name.to_owned();
        interface(&mut module).exports.push(Export { wasm_name, symbol, ty, index: 0 });
    }
    let symbol = undefined(&mut module, "sensors_log");
    interface(&mut module).imports.push(Import {
        wasm_module: "sensors".into(),
        wasm_name: "log".into(),
        symbol,
        context: 0,
        ty: ExternType::Memory(memory),
    });
    let interface = interface(&mut module);
    interface.instance = InstanceLayout { size: 48, align: 8 };
    interface.memories = vec![memory, scratch];
    module
}

/// Exports what `flight` imports.
fn sensors() -> Module {
    use ValType::*;
    let mut module = module("sensors");
    add_export(&mut module, "sensors_read", "read", ty(&[I32], &[I32, F32]));
    add_export(&mut module, "sensors_now", "now", ty(&[], &[I64]));
    module
}

#[track_caller]
fn check_golden(module: &Module) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/headers/{}.h", module.name));
    let text = write_header(module).unwrap();
    if std::env::var_os("WINDLASS_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "{} differs: WINDLASS_BLESS=1 accepts", path.display());
}

#[test]
fn headers_equal_the_committed_ones() {
    check_golden(&flight());
    check_golden(&sensors());
}

#[track_caller]
fn refused(module: &Module) -> String {
    match write_header(module) {
        Err(Error::Interface(message)) => message,
        other => panic!("expected an interface error, not {other:?}"),
    }
}

#[test]
fn clif_functions_have_no_header() {
    refused(&Module::default());
}

#[test]
fn an_export_like_the_instance_type_is_refused() {
    let mut module = module("m");
    add_export(&mut module, "m_instance", "instance", ty(&[], &[]));
    assert!(refused(&module).contains("the instance type and export \"instance\""));
}

#[test]
fn an_export_like_an_own_function_is_refused() {
    let mut module = module("m");
    add_export(&mut module, "m_trap", "trap", ty(&[], &[]));
    assert!(refused(&module).contains("windlass's own function and export \"trap\""));
}

#[test]
fn an_import_of_two_types_is_refused() {
    let mut module = module("m");
    add_context(&mut module, "env", "env");
    add_import(&mut module, "env_f", "f", ty(&[], &[]));
    add_import(&mut module, "env_f", "f", ty(&[ValType::I32], &[]));
    assert!(refused(&module).contains("both `env_f`"));
}

#[test]
fn an_export_that_is_also_its_import_is_refused() {
    let mut module = module("m");
    add_context(&mut module, "m", "m");
    add_import(&mut module, "m_f", "f", ty(&[], &[]));
    add_export(&mut module, "m_f", "f", ty(&[], &[]));
    assert!(refused(&module).contains("`m_f`"));
}

#[test]
fn words_of_c_are_refused() {
    for symbol in ["uint32_t", "static_assert", "9_lives", "a-b", "", "__exit", "windlass_unwind"] {
        let mut module = module("m");
        add_export(&mut module, symbol, "f", ty(&[], &[]));
        assert!(refused(&module).contains("identifier in C"), "{symbol}");
    }
}

#[test]
fn a_memory_beyond_the_address_space_is_refused() {
    let mut module = module("m");
    interface(&mut module).memories =
        vec![Memory { min_pages: 1 << 16, max_pages: None, page_bytes: 65536 }];
    refused(&module);
}

#[test]
fn broken_layouts_and_indices_are_errors() {
    let mut broken = module("m");
    for (size, align) in [(0, 4), (28, 8), (32, 16), (30, 4), (28, 0)] {
        interface(&mut broken).instance = InstanceLayout { size, align };
        assert!(matches!(write_header(&broken), Err(Error::Internal { .. })), "{size} {align}");
    }
    let mut dangling = module("m");
    interface(&mut dangling).trap = Some(SymbolId(99));
    assert!(matches!(write_header(&dangling), Err(Error::Internal { .. })));
}
