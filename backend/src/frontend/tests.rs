//! Small modules through the whole front end, every function verified before and after the
//! mid-end; refusals by their text; damaged input.

use super::translate;
use crate::Result;
use crate::module::{Definition, FunctionRole, Module};
use crate::opt;
use crate::options::{Bounds, FrontendOptions, OptLevel};

fn options(bounds: Bounds) -> FrontendOptions {
    FrontendOptions { name: "m".to_owned(), bounds }
}

fn translate_wat(wat: &str, bounds: Bounds) -> Result<Module> {
    let wasm = wat::parse_str(wat).unwrap_or_else(|e| panic!("{e}\n{wat}"));
    translate(&wasm, &options(bounds))
}

/// Verifies every function, and that every symbol that is ours is defined.
fn verify(module: &Module) {
    for function in &module.functions {
        for level in [OptLevel::None, OptLevel::Speed, OptLevel::Size] {
            if let Err(error) = opt::optimize(function.clif.clone(), level) {
                panic!("{}: {error}\n{}", function.name, function.clif.display());
            }
        }
    }
    let imports = module.interface.iter().flat_map(|i| i.imports.iter().map(|i| i.symbol));
    let imports: Vec<_> = imports.map(|id| id.0 as usize).collect();
    for (index, symbol) in module.symbols.iter().enumerate() {
        let undefined = symbol.definition == Definition::Undefined;
        assert_eq!(undefined, imports.contains(&index), "{}", symbol.name);
    }
}

fn accept(wat: &str) -> Module {
    let module = translate_wat(wat, Bounds::None).unwrap_or_else(|e| panic!("{e}\n{wat}"));
    verify(&module);
    let module = translate_wat(wat, Bounds::Explicit).unwrap_or_else(|e| panic!("{e}\n{wat}"));
    verify(&module);
    module
}

/// The CLIF of the module's function `index`, optimised.
fn clif(module: &Module, index: u32) -> String {
    let function =
        module.functions.iter().find(|f| f.role == FunctionRole::User { index }).unwrap();
    let context = opt::optimize(function.clif.clone(), OptLevel::Speed).unwrap();
    context.func.display().to_string()
}

#[test]
fn every_i32_operator_translates() {
    for op in [
        "add", "sub", "mul", "div_s", "div_u", "rem_s", "rem_u", "and", "or", "xor", "shl",
        "shr_s", "shr_u", "rotl", "rotr", "eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s",
        "le_u", "ge_s", "ge_u",
    ] {
        accept(&format!(
            "(module (func (export \"f\") (param i32 i32) (result i32)
               (i32.{op} (local.get 0) (local.get 1))))"
        ));
    }
    for op in ["eqz", "clz", "ctz", "popcnt", "extend8_s", "extend16_s"] {
        accept(&format!(
            "(module (func (export \"f\") (param i32) (result i32) (i32.{op} (local.get 0))))"
        ));
    }
    for op in ["load", "load8_s", "load8_u", "load16_s", "load16_u"] {
        for offset in ["0", "4095", "4096", "65532", "4294967295"] {
            accept(&format!(
                "(module (memory 1) (func (param i32) (result i32)
                   (i32.{op} offset={offset} (local.get 0))))"
            ));
        }
    }
    for op in ["store", "store8", "store16"] {
        accept(&format!(
            "(module (memory 0 3) (func (param i32 i32)
               (i32.{op} offset=70000 (local.get 0) (local.get 1))))"
        ));
    }
}

#[test]
fn control_flow_translates() {
    for body in [
        "(block (br 0)) (i32.const 1)",
        "(block (result i32) (br 0 (i32.const 1)))",
        "(block (br_if 0 (local.get 0)) (local.set 0 (i32.const 3))) (local.get 0)",
        "(loop $l (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $l (local.get 0)))
         (local.get 0)",
        "(loop $l (br $l)) (i32.const 0)",
        "(loop $l (br $l)) unreachable",
        "(loop (result i32) (i32.const 1))",
        "(if (result i32) (local.get 0) (then (i32.const 1)) (else (i32.const 2)))",
        "(if (local.get 0) (then (local.set 0 (i32.const 1)))) (local.get 0)",
        "(if (local.get 0) (then (return (i32.const 1)))) (local.get 0)",
        "(if (local.get 0) (then unreachable) (else (return (i32.const 4)))) (i32.const 1)",
        "(if (result i32) (local.get 0) (then (br 0 (i32.const 1))) (else unreachable))",
        "(i32.const 5) (if (param i32) (result i32) (local.get 0) (then (drop) (i32.const 1)))",
        "(i32.const 5) (if (param i32) (result i32) (local.get 0) (then (return)))",
        "(i32.const 5) (loop (param i32) (result i32) (br_if 0 (local.get 0)))",
        "(i32.const 1) (i32.const 2)
         (block (param i32 i32) (result i32 i32) (br_if 0 (local.get 0)) (i32.add) (i32.const 7))
         (i32.add)",
        "(block (block (block (br_table 0 1 2 0 1 2 (local.get 0))) (return (i32.const 1)))
         (return (i32.const 2))) (i32.const 3)",
        "(block (result i32) (br_table 0 1 0 (i32.const 9) (local.get 0)))",
        "(loop $l (block (br_table $l 0 $l (local.get 0)))) (i32.const 1)",
        "(br_table 0 (i32.const 1) (local.get 0))",
        "(unreachable) (block (loop (if (i32.const 1) (then) (else)))) (i32.add)",
        "(return (i32.const 1)) (drop) (i32.const 3)",
        "(select (local.get 0) (i32.const 1) (i32.eqz (local.get 0)))",
        "(select (result i32) (local.get 0) (i32.const 1) (local.get 0))",
        "(nop) (br 0 (i32.const 2))",
        "(br_if 0 (i32.const 2) (local.get 0))",
    ] {
        accept(&format!("(module (func (export \"f\") (param i32) (result i32) {body}))"));
    }
}

#[test]
fn a_whole_module_translates() {
    let module = accept(
        r#"(module $name
          (import "env" "print" (func $print (param i32)))
          (import "env" "pair" (func $pair (result i32 i32)))
          (import "host" "now" (func $now (result i32)))
          (memory (export "mem") 1 4)
          (global $a i32 (i32.const 5))
          (global $b (mut i32) (i32.add (i32.const 5) (i32.const 2)))
          (export "a" (global $a))
          (export "b" (global $b))
          (export "reexport" (func $now))
          (data (i32.const 8) "hello")
          (data (i32.sub (i32.const 9) (i32.const 1)) "")
          (func $start (global.set $b (memory.grow (global.get $a))))
          (start $start)
          (func (export "two") (param i32) (result i32 i32)
            (call $print (memory.size)) (call $pair))
          (func (export "sum") (param i32 i32 i32 i32 i32) (result i32)
            (i32.add (local.get 4) (i32.add (call $now) (global.get $b)))))"#,
    );
    let interface = module.interface.as_ref().unwrap();
    assert_eq!(interface.contexts.len(), 2);
    assert_eq!(interface.contexts[1].offset, 32);
    assert_eq!(interface.instance.size, 40);
    assert_eq!(interface.imports[1].context, 0);
    let names: Vec<_> = module.functions.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names[..3], ["start", "two", "sum"]);
    let symbol = |id| module.symbol(id).name.as_str();
    assert_eq!(symbol(interface.imports[0].symbol), "env_print");
    assert_eq!(symbol(interface.exports[0].symbol), "m_reexport");
    assert_eq!(symbol(interface.exported_memories[0].symbol), "m_mem");
    assert_eq!(symbol(interface.instantiate.unwrap()), "m_instantiate");
    assert_eq!(module.data.len(), 2);
    let _ = clif(&module, 4);
}

fn refusal(wat: &str) -> String {
    match translate_wat(wat, Bounds::Explicit) {
        Ok(_) => panic!("accepted: {wat}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_not_translated_is_named_with_its_place() {
    for (wat, text) in [
        (
            "(module (func) (func $wide (drop (i64.add (i64.const 1) (i64.const 2)))))",
            "not supported: i64.const (function 1 (wide) at byte 0x1b)",
        ),
        (
            "(module (func $f (param f64)))",
            "not supported: a parameter of type f64 (function 0 (f) at byte 0x17)",
        ),
    ] {
        assert_eq!(refusal(wat), text, "{wat}");
    }
}
