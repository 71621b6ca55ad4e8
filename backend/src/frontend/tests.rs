//! Small modules through the whole front end, every function verified before and after the
//! mid-end; refusals by their text; damaged input.

use super::translate;
use crate::Result;
use crate::instance::offset;
use crate::module::{Definition, FunctionRole, Module};
use crate::opt;
use crate::options::{Bounds, FrontendOptions, OptLevel};

mod eval;

fn options(bounds: Bounds) -> FrontendOptions {
    FrontendOptions { name: "m".to_owned(), bounds, ..FrontendOptions::default() }
}

fn translate_wat(wat: &str, bounds: Bounds) -> Result<Module> {
    let wasm = wat::parse_str(wat).unwrap_or_else(|e| panic!("{e}\n{wat}"));
    translate(&wasm, &options(bounds))
}

/// Verifies every function, and that every symbol that is ours is defined.
fn verify(module: &Module) {
    for function in &module.functions {
        for level in [OptLevel::None, OptLevel::Speed, OptLevel::Size] {
            if let Err(error) = opt::optimize(function.clif.clone(), level, true) {
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
    let context = opt::optimize(function.clif.clone(), OptLevel::Speed, true).unwrap();
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
                "(module (memory 1) (func (export \"f\") (param i32) (result i32)
                   (i32.{op} offset={offset} (local.get 0))))"
            ));
        }
    }
    for op in ["store", "store8", "store16"] {
        accept(&format!(
            "(module (memory 0 3) (func (export \"f\") (param i32 i32)
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
    assert_eq!(interface.c_name, "m");
    assert_eq!(interface.contexts.len(), 2);
    assert_eq!(interface.contexts[1].offset, offset::CONTEXTS + 4);
    // Two contexts and a global.
    assert_eq!(interface.instance.size, (offset::CONTEXTS as u32 + 12).next_multiple_of(8));
    assert_eq!(interface.imports[1].context, 0);
    let names: Vec<_> = module.functions.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names[..3], ["start", "two", "sum"]);
    let symbol = |id| module.symbol(id).name.as_str();
    assert_eq!(symbol(interface.imports[0].symbol), "env_print");
    let exports: Vec<_> = interface.exports.iter().map(|e| symbol(e.symbol)).collect();
    assert_eq!(exports, ["m_mem", "m_a", "m_b", "m_reexport", "m_two", "m_sum"]);
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
            "(module (memory 65536))",
            "a memory of 65536 pages of 65536 bytes: the most is 65535 pages (at byte 0xb)",
        ),
        (
            "(module (memory i64 1))",
            "memory64 (memory64 must be enabled for 64-bit memories) (at byte 0xb)",
        ),
        (
            "(module (memory 1 1 shared))",
            "threads (threads must be enabled for shared memories) (at byte 0xb)",
        ),
        ("(module (tag))", "exceptions (exceptions proposal not enabled) (at byte 0x10)"),
        ("(module (func (param v128)))", "simd (SIMD support is not enabled) (at byte 0xb)"),
        (
            "(module (func $v (drop (v128.const i32x4 0 0 0 0))))",
            "simd (function 0 (v) at byte 0x17)",
        ),
        ("(component)", "the component model (at byte 0x4)"),
    ] {
        assert_eq!(refusal(wat), format!("not supported: {text}"), "{wat}");
    }
}

#[test]
fn what_is_invalid_is_told_with_its_place() {
    let wasm = wat::parse_str("(module (func) (func (export \"q\") (i32.add)))").unwrap();
    let error = translate(&wasm, &options(Bounds::Explicit)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid module: type mismatch: expected i32 but nothing on stack \
         (function 1 (q) at byte 0x22)"
    );
}

#[test]
fn a_check_that_an_earlier_one_implies_is_left_out() {
    let checks = |body: &str| {
        let wat =
            format!("(module (memory 1) (func (export \"f\") (param i32) (result i32) {body}))");
        clif(&accept(&wat), 0).matches("trapnz").count()
    };
    // Within the declared minimum, one comparison settles offsets up to it.
    assert_eq!(checks("(i32.load (local.get 0))"), 1);
    assert_eq!(
        checks("(drop (i32.load offset=8 (local.get 0))) (i32.load offset=4 (local.get 0))"),
        1
    );
    // An open check is widened, one that an effect has followed is not.
    assert_eq!(
        checks("(drop (i32.load offset=4 (local.get 0))) (i32.load offset=8 (local.get 0))"),
        1
    );
    assert_eq!(
        checks("(i32.store (local.get 0) (i32.const 1)) (i32.load offset=8 (local.get 0))"),
        2
    );
    // A constant address below the minimum needs none.
    assert_eq!(checks("(i32.load offset=4 (i32.const 65528))"), 0);
    assert_eq!(checks("(i32.load offset=4 (i32.const 65529))"), 1);
    // Beyond the minimum, the size itself is checked too.
    assert_eq!(checks("(i32.load offset=65533 (local.get 0))"), 2);
    // Beyond what any memory has there is nothing but a trap.
    assert_eq!(checks("(i32.load offset=4294967295 (local.get 0))"), 0);
    // What one arm checked, the other arm and the code behind check again.
    assert_eq!(
        checks(
            "(if (local.get 0) (then (drop (i32.load (local.get 0))))
               (else (drop (i32.load (local.get 0)))))
             (i32.load (local.get 0))"
        ),
        3
    );
    assert_eq!(
        checks(
            "(drop (i32.load (local.get 0)))
             (if (local.get 0) (then (drop (i32.load (local.get 0)))))
             (i32.load (local.get 0))"
        ),
        1
    );
    // A check that dominates but is forgotten, the mid-end finds again if it is the same.
    assert_eq!(
        checks(
            "(block (br_if 0 (i32.load (local.get 0))) (drop (i32.load (local.get 0))))
             (i32.load8_u offset=3 (local.get 0))"
        ),
        1
    );
}

#[test]
fn a_memory_of_fixed_size_is_checked_against_a_constant() {
    let module = accept(
        "(module (memory 1 1)
           (func (export \"f\") (param i32) (result i32) (i32.load (local.get 0)))
           (func (export \"g\") (result i32) (memory.size)))",
    );
    assert!(clif(&module, 0).contains("iconst.i32 0xfffc"), "{}", clif(&module, 0));
    assert!(clif(&module, 1).contains("iconst.i32 1"), "{}", clif(&module, 1));
}

#[test]
fn an_access_without_bounds_may_trap_by_itself() {
    let wat = "(module (memory 1)
        (func (export \"f\") (param i32) (drop (i32.load (local.get 0)))))";
    let module = translate_wat(wat, Bounds::None).unwrap();
    let text = clif(&module, 0);
    // Without `notrap` an access may trap, with the code of the heap.
    assert!(text.contains("load.i32 little") && !text.contains("trapnz"), "{text}");
}

#[test]
fn memories_of_every_size_translate() {
    for memory in ["0", "0 0", "1", "65535", "1 65536", "0 (pagesize 1)", "100 3000 (pagesize 1)"] {
        accept(&format!(
            "(module (memory (export \"m\") {memory}) (data (i32.const 3) \"abc\")
               (func (export \"g\") (param i32) (result i32)
                 (i32.store (i32.const 1) (memory.size))
                 (i32.store offset=3 (local.get 0) (i32.load8_s (i32.const -1)))
                 (memory.grow (local.get 0))))"
        ));
    }
}

#[test]
fn source_locations_are_byte_offsets_of_operators() {
    let module = accept(
        "(module (func (export \"f\") (param i32) (result i32)
           (i32.mul (local.get 0) (local.get 0))))",
    );
    let func = &module.functions[0].clif;
    let block = func.layout.entry_block().unwrap();
    let first = func.layout.first_inst(block).unwrap();
    // Magic, types, functions, exports, code: the multiplication is byte 0x24.
    assert_eq!(func.srcloc(first).bits(), 0x24);
}

#[test]
fn imports_of_one_name_share_a_symbol_and_need_one_type() {
    let module = accept(
        "(module (import \"e\" \"f\" (func)) (import \"e\" \"f\" (func))
           (func (export \"g\") (call 0) (call 1)))",
    );
    let imports = &module.interface.as_ref().unwrap().imports;
    assert_eq!(imports[0].symbol, imports[1].symbol);
    assert_eq!(
        refusal("(module (import \"e\" \"f\" (func)) (import \"e\" \"f\" (func (param i32))))"),
        "`e`.`f` is imported with two types, and C has one function of a name"
    );
}

#[test]
fn names_that_collide_in_c_are_both_named() {
    assert_eq!(
        refusal("(module (func (export \"-\")) (func (export \"_x2D\")))"),
        "export `_x2D` and export `-` would both be `m__x2D` in C"
    );
    assert_eq!(
        refusal("(module (func (export \"instantiate\")))"),
        "export `instantiate` and windlass's own `instantiate` would both be `m_instantiate` in C"
    );
    assert_eq!(
        refusal("(module (import \"m\" \"f\" (func)) (func (export \"f\")))"),
        "export `f` and import `m`.`f` would both be `m_f` in C"
    );
    assert_eq!(
        refusal("(module (import \"a-\" \"f\" (func)) (import \"a_x2D\" \"g\" (func)))"),
        "imported module `a_x2D` and imported module `a-` would both be `a_x2D` in C"
    );
}

#[test]
fn a_tiny_function_that_stands_for_gigabytes_is_refused() {
    // Each br_if carries a thousand operands.
    let results = "i32 ".repeat(1000);
    let operands = "(i32.const 0) ".repeat(1000);
    let branches = "(br_if 0 (i32.const 0)) ".repeat(10_000);
    let wat = format!(
        "(module (func (export \"f\") (drop (call 1)) unreachable)
         (func (result i32) (i32.const 0)
           (block (result {results}) {operands} {branches}) unreachable))"
    );
    assert!(refusal(&wat).contains("carry more than"), "{}", refusal(&wat));

    let branches = "(br_if 0 (i32.const 0)) ".repeat(3_000);
    let locals = "i32 ".repeat(49_000);
    let wat = format!("(module (func (export \"f\") (local {locals}) (block {branches})))");
    assert!(refusal(&wat).contains("locals times blocks"), "{}", refusal(&wat));
}

/// A module with one function, of type [i32] -> [], by its body's bytes.
fn module_of_body(body: &[u8]) -> Vec<u8> {
    let leb = |mut n: usize| {
        let mut out = vec![];
        while n >= 128 {
            out.push(n as u8 | 128);
            n >>= 7;
        }
        out.push(n as u8);
        out
    };
    let mut code = vec![1];
    code.extend(leb(body.len()));
    code.extend(body);
    let mut wasm =
        b"\0asm\x01\0\0\0\x01\x05\x01\x60\x01\x7f\0\x03\x02\x01\0\x07\x05\x01\x01f\0\0\x0a"
            .to_vec();
    wasm.extend(leb(code.len()));
    wasm.extend(code);
    wasm
}

#[test]
fn deep_nesting_takes_linear_time() {
    // Cranelift's egraph pass has assertions that are quadratic in the depth.
    for (depth, level) in [(100_000, OptLevel::None), (2_000, OptLevel::Speed)] {
        // Blocks, loops, ifs, and a table with an entry for each of many blocks.
        let mut table = vec![0x20, 0, 0x0e, 0xd0, 0x0f];
        table.extend((0..=2000).flat_map(|depth| [depth as u8 | 128, (depth >> 7) as u8]));
        for (open, inner) in [
            (&[2, 0x40][..], &table[..]),
            (&[2, 0x40], &[]),
            (&[3, 0x40], &[]),
            (&[0x20, 0, 4, 0x40], &[]),
        ] {
            let mut body = vec![0];
            body.extend(open.repeat(depth));
            body.extend_from_slice(inner);
            body.extend(vec![0x0b; depth + 1]);
            let wasm = module_of_body(&body);
            let module = translate(&wasm, &options(Bounds::Explicit)).unwrap();
            opt::optimize(module.functions[0].clif.clone(), level, false).unwrap();
        }
    }
}

/// A module that uses everything that translates, for damaging.
const SAMPLE: &str = r#"(module
  (import "env" "print" (func $print (param i32) (result i32 i32)))
  (memory (export "mem") 1 4) (global $g (mut i32) (i32.const 5)) (export "g" (global $g))
  (data (i32.const 8) "hello") (func $start (global.set $g (memory.grow (i32.const 1))))
  (start $start)
  (func $main (export "main") (param i32 i32) (result i32) (local i32 i32)
    (block $out (loop $again
      (if (i32.lt_u (local.get 0) (i32.const 10))
        (then (br_table $out $again 0 (i32.load8_u offset=3 (local.get 1))))
        (else (i32.store16 (local.get 0) (i32.popcnt (local.get 2)))))
      (local.set 2 (i32.add (call $print (local.get 0))))
      (br_if $again (i32.div_s (local.get 2) (local.get 1)))))
    (select (local.get 2) (i32.const 1) (global.get $g))))"#;

#[test]
fn damaged_input_never_panics() {
    let wasm = wat::parse_str(SAMPLE).unwrap();
    let options = options(Bounds::Explicit);
    for length in 0..wasm.len() {
        let _ = translate(&wasm[..length], &options);
    }
    // xorshift64; any seed but 0 does.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut accepted = 0;
    for _ in 0..5_000 {
        let mut damaged = wasm.clone();
        for _ in 0..=random(3) {
            let at = random(damaged.len());
            damaged[at] = random(256) as u8;
        }
        if let Ok(module) = translate(&damaged, &options) {
            verify(&module);
            accepted += 1;
        }
    }
    assert!(accepted > 100, "{accepted} of the damaged modules are still modules");
}
