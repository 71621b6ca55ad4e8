//! The stack that windlass says a call takes, with what it takes on the emulator: never more, and
//! as much on the deepest way.

mod common;

use common::{CPUS, Config, corpus, instantiate};
use windlass::instance::Instance;
use windlass::machine::Board;
use windlass::value::Val;
use windlass::{AllocatorKind, Artifact, Compiler, OptLevel, RuntimeLibrary};
use windlass_backend::stack::StackBound;

/// What the host hands over: as far as the memory of any program of the corpus may grow.
const MEMORY_BYTES: u32 = 3 << 16;

/// Programs whose `deepest` goes down the deepest way, whatever the compiler does.
const DEEPEST: [(&str, &str); 6] = [
    (
        "arguments on the stack, and the callee's own frame below",
        r#"(module
          (func $f (param i32 i32 i32 i32 i32 i32 i32) (result i32)
            (call $g (local.get 6) (local.get 5) (local.get 4) (local.get 3) (local.get 2)
              (local.get 1) (local.get 0) (local.get 3) (local.get 6)))
          (func $g (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            (i32.add (call $h (local.get 8)) (i32.mul (local.get 7) (local.get 1))))
          (func $h (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
          (func (export "deepest") (result i32)
            (call $f (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)
              (i32.const 6) (i32.const 7))))"#,
    ),
    (
        "a table whose deepest function has another type",
        r#"(module
          (type $short (func (param i32) (result i32)))
          (type $long (func (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
          (table 3 funcref)
          (elem (i32.const 0) func $leaf $inner $deep)
          (func $leaf (param i32) (result i32) (local.get 0))
          (func $inner (param i32) (result i32)
            (i32.add (call $twice (local.get 0)) (call $twice (i32.const 5))))
          (func $twice (param i32) (result i32) (i32.mul (call $leaf (local.get 0)) (i32.const 2)))
          (func $deep (type $long)
            (i32.add (call $inner (local.get 7)) (call $inner (local.get 6))))
          (func (export "other") (param i32) (result i32)
            (call_indirect (type $long) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)
              (i32.const 5) (i32.const 6) (i32.const 7) (i32.const 8) (local.get 0)))
          (func (export "deepest") (result i32)
            (i32.add (i32.const 1) (call_indirect (type $short) (i32.const 6) (i32.const 1)))))"#,
    ),
    (
        "tail calls: frames of callees in place of the caller's, in turn and with more arguments",
        r#"(module
          (func $even (param i32) (result i32)
            (if (result i32) (local.get 0)
              (then (return_call $odd (i32.sub (local.get 0) (i32.const 1)) (i32.const 2)
                (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6)))
              (else (return_call $last (local.get 0)))))
          (func $odd (param i32 i32 i32 i32 i32 i32) (result i32)
            (return_call $even (i32.sub (i32.add (local.get 0) (local.get 5)) (i32.const 7))))
          (func $last (param i32) (result i32)
            (i32.add (call $leaf (local.get 0)) (call $leaf (i32.const 9))))
          (func $leaf (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
          (func (export "deepest") (result i32)
            (i32.add (call $even (i32.const 20)) (i32.const 1))))"#,
    ),
    (
        "many results, in an area of the caller's",
        r#"(module
          (func $many (param i64) (result i64 i64 i64 i32)
            (i64.mul (local.get 0) (i64.const 3)) (i64.mul (local.get 0) (local.get 0))
            (local.get 0) (call $leaf (i32.wrap_i64 (local.get 0))))
          (func $leaf (param i32) (result i32) (i32.xor (local.get 0) (i32.const 77)))
          (func (export "deepest") (result i32 i64)
            (local i32)
            (call $many (i64.const 77777)) (local.set 0)
            (i64.add) (i64.add)
            (i32.wrap_i64) (i64.extend_i32_u (local.get 0))))"#,
    ),
    (
        "a run-time routine that calls another",
        r#"(module
          (func $divide (param i64 i64) (result i64) (i64.div_s (local.get 0) (local.get 1)))
          (func (export "deepest") (result i64)
            (i64.add (call $divide (i64.const -777777777777) (i64.const 33333333333)) (i64.const 1))))"#,
    ),
    (
        "a large frame in a leaf",
        r#"(module
          (memory 1)
          (func $leaf (param i32) (result i32)
            (local i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)
            (local.set 1 (i32.load (local.get 0))) (local.set 2 (i32.load offset=4 (local.get 0)))
            (local.set 3 (i32.load offset=8 (local.get 0)))
            (local.set 4 (i32.load offset=12 (local.get 0)))
            (local.set 5 (i32.load offset=16 (local.get 0)))
            (local.set 6 (i32.load offset=20 (local.get 0)))
            (local.set 7 (i32.load offset=24 (local.get 0)))
            (local.set 8 (i32.load offset=28 (local.get 0)))
            (local.set 9 (i32.load offset=32 (local.get 0)))
            (local.set 10 (i32.load offset=36 (local.get 0)))
            (local.set 11 (i32.load offset=40 (local.get 0)))
            (local.set 12 (i32.load offset=44 (local.get 0)))
            (i32.store (local.get 0) (i32.const 1))
            (i32.xor (local.get 1) (i32.mul (local.get 2) (i32.xor (local.get 3) (i32.mul
              (local.get 4) (i32.xor (local.get 5) (i32.mul (local.get 6) (i32.xor (local.get 7)
              (i32.mul (local.get 8) (i32.xor (local.get 9) (i32.mul (local.get 10)
              (i32.xor (local.get 11) (local.get 12)))))))))))))
          (func (export "deepest") (result i32)
            (i32.add (call $leaf (i32.const 64)) (i32.const 1))))"#,
    ),
];

fn start(artifact: &Artifact, config: &Config) -> Instance {
    let board = Board { histogram: true, ..config.board() };
    instantiate(artifact, board, Some(MEMORY_BYTES)).unwrap().expect("no trap")
}

fn bound<'a>(artifact: &'a Artifact, name: &str) -> &'a StackBound {
    let interface = artifact.module.interface.as_ref().expect("an interface");
    let symbol = match name {
        "instantiate" => interface.instantiate.expect("instantiate"),
        name => interface.functions().find(|(e, _)| e.wasm_name == name).expect(name).0.symbol,
    };
    &interface.stack_bounds[&symbol]
}

fn bytes(artifact: &Artifact, name: &str) -> u32 {
    match bound(artifact, name) {
        StackBound::Bytes(bytes) => *bytes,
        bound => panic!("{name} is {bound}"),
    }
}

#[test]
fn the_deepest_way_is_as_deep_as_reported() {
    for config in Config::all().into_iter().filter(|c| c.opt_level != OptLevel::None) {
        for (what, wat) in DEEPEST {
            let wasm = wat::parse_str(wat).expect(what);
            let artifact = config.compiler().name("m").compile_wasm(&wasm).expect(what);
            let mut instance = start(&artifact, &config);
            let (_, cost) = instance.invoke("deepest", &[]).expect(what);
            assert_eq!(cost.stack_bytes, bytes(&artifact, "deepest"), "{what}, {config}");
        }
    }
}

fn check_corpus(configs: impl Iterator<Item = Config>) {
    for config in configs {
        for (name, wasm) in corpus() {
            let artifact = config.compiler().name(&name).compile_wasm(&wasm).expect(&name);
            let mut instance = start(&artifact, &config);
            let used = instance.machine().deepest_stack();
            assert!(used <= bytes(&artifact, "instantiate"), "{name} {config}: instantiate");
            let interface = artifact.module.interface.clone().expect("an interface");
            for (export, ty) in interface.functions() {
                let args: Vec<Val> = ty.params.iter().map(|&ty| Val::from_bits(ty, 0)).collect();
                let (_, cost) = instance.invoke(&export.wasm_name, &args).expect(&name);
                let StackBound::Bytes(most) = *bound(&artifact, &export.wasm_name) else {
                    continue;
                };
                let used = cost.stack_bytes;
                assert!(used <= most, "{name} {config}: {used} of {most} bytes");
            }
        }
    }
}

#[test]
fn the_corpus_stays_within_the_bounds() {
    let (target, cpu, fpu) = CPUS[1];
    let of = |allocator| Config { target, cpu, fpu, allocator, opt_level: OptLevel::Speed };
    check_corpus([AllocatorKind::Ion, AllocatorKind::Greedy].into_iter().map(of));
}

#[test]
#[ignore = "takes minutes"]
fn the_corpus_stays_within_the_bounds_with_every_allocator_and_processor() {
    // One configuration in seven meets each processor and each allocator.
    check_corpus(Config::all().into_iter().step_by(7));
}

fn compile(wat: &str, compiler: Compiler) -> Artifact {
    compiler.name("m").compile_wasm(&wat::parse_str(wat).expect("a module")).expect("an object")
}

/// What is unbounded says why, and only that is.
#[test]
fn recursion_and_tables_that_change_are_named() {
    let artifact = compile(
        r#"(module
          (type $t (func))
          (table (export "table") 1 funcref)
          (table $private 2 funcref)
          (elem (table $private) (i32.const 0) func $through)
          (func $self (export "self") (call $self))
          (func $a (export "a") (call $b))
          (func $b (call $c))
          (func $c (call $a))
          (func $caller (export "caller") (call $a))
          (func $host (export "host") (call_indirect (type $t) (i32.const 0)))
          (func $through (export "through")
            (call_indirect $private (type $t) (i32.const 0)))
          (func $loop (export "loop") (return_call $loop)))"#,
        Compiler::new(),
    );
    let reason = |name: &str| bound(&artifact, name).to_string();
    assert_eq!(reason("self"), "unbounded: recursion self -> self");
    assert!(reason("a").starts_with("unbounded: recursion "), "{}", reason("a"));
    assert_eq!(reason("a").matches(" -> ").count(), 3, "{}", reason("a"));
    assert_eq!(reason("caller"), reason("a"));
    assert_eq!(reason("host"), "unbounded: host calls through a table that may change");
    assert_eq!(reason("through"), "unbounded: recursion through -> through");
    assert!(bytes(&artifact, "loop") < 100);
    let header = artifact.header.expect("a header");
    assert!(header.contains("/* \"self\": unbounded, recursion self -> self */"), "{header}");
    assert!(header.contains("#define M_LOOP_STACK_BYTES "), "{header}");
}

/// What is outside of the module counts as documented.
#[test]
fn imports_and_external_routines_count_as_a_callee_of_c() {
    let wat = r#"(module (import "env" "f" (func $f))
        (func (export "host") (call $f))
        (func (export "divide") (param i64 i64) (result i64)
          (i64.div_u (local.get 0) (local.get 1))))"#;
    for library in [RuntimeLibrary::External, RuntimeLibrary::Builtin] {
        let artifact = compile(wat, Compiler::new().runtime(library));
        let outside = windlass_backend::instance::C_CALLEE;
        assert!(bytes(&artifact, "host") > outside);
        let divide = bytes(&artifact, "divide");
        assert_eq!(divide > outside, library == RuntimeLibrary::External, "{divide}");
    }
}

/// A long chain and a large cycle need no stack of the compiler's.
#[test]
fn ten_thousand_functions_in_a_row() {
    let mut wat = String::from("(module (func (export \"f\") (call 1))");
    for n in 2..10_000 {
        wat.push_str(&format!("(func (call {n}))"));
    }
    let chain =
        compile(&format!("{wat}(func))"), Compiler::new().regalloc(AllocatorKind::Fastalloc));
    assert!(bytes(&chain, "f") > 8 * 9_000);
    let cycle = compile(
        &format!("{wat}(func (call 0)))"),
        Compiler::new().regalloc(AllocatorKind::Fastalloc),
    );
    let reason = bound(&cycle, "f").to_string();
    assert!(reason.contains("f -> ") && reason.contains(" -> ... -> "), "{reason}");
    assert!(reason.len() < 200, "{reason}");
}

#[test]
fn stack_usage_is_written_as_gcc_does() {
    let artifact = compile(DEEPEST[0].1, Compiler::new());
    let usage = windlass::report::stack_usage::stack_usage("app.wasm", &artifact);
    assert_eq!(usage.lines().count(), artifact.module.functions.len());
    for (line, code) in usage.lines().zip(&artifact.compiled.functions) {
        let fields: Vec<_> = line.split('\t').collect();
        assert_eq!(fields[1..], [code.frame_bytes.to_string(), "static".to_owned()]);
        assert!(fields[0].starts_with("app.wasm:1:"), "{line}");
        assert_eq!(fields[0].split(':').count(), 4, "{line}");
    }
    assert!(usage.lines().any(|line| line.contains(":m_deepest\t")), "{usage}");
}
