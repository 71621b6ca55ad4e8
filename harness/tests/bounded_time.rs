//! Code that does not end is stopped, by the interrupt flag and by fuel, whatever form it has; and
//! code that ends computes what it would without.

mod common;

use common::oracle::Oracle;
use common::{Config, corpus, emulator_memory, instantiate};
use windlass::instance::Instance;
use windlass::machine::Board;
use windlass::store::Outcome;
use windlass::value::Val;
use windlass::{AllocatorKind, Artifact, Compiler, OptLevel, RuntimeLibrary, Trap};

/// What the host hands over: as far as the memory of any program of the corpus may grow.
const MEMORY_BYTES: u32 = 3 << 16;

/// Functions that take no argument and do not end, each in another way.
const ENDLESS: &str = r#"(module
  (memory 1)
  (type $nothing (func))
  (table $private 2 funcref)
  (elem (table $private) (i32.const 0) func $through_a_table $tail_through_a_table)
  (table $public (export "table") 2 2 funcref)
  (elem (table $public) (i32.const 0) func $through_a_public_table $tail_through_a_public_table)
  (func (export "loop") (loop (br 0)))
  (func (export "counting loop") (local i32)
    (loop (local.set 0 (i32.add (local.get 0) (i32.const 1))) (br 0)))
  (func (export "reading loop")
    (loop (br_if 0 (i32.eqz (i32.load (i32.const 8))))))
  (func (export "writing loop")
    (loop (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1))) (br 0)))
  (func (export "nested loops") (local i32)
    (loop
      (local.set 0 (i32.const 3))
      (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (br 0)))
  (func (export "loop with a table of branches") (param i32)
    (loop (block (br_table 1 1 1 0 (i32.const 7))) (br 0)))
  (func (export "loop around a leaf") (loop (call $leaf) (br 0)))
  (func $leaf (i32.store (i32.const 16) (i32.const 1)))
  (func $self (export "tail call to itself") (return_call $self))
  (func $ping (export "tail calls to each other") (return_call $pong))
  (func $pong (return_call $ping))
  (func $counting_ping (export "tail calls with arguments") (result i32)
    (return_call $counting_pong (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)))
  (func $counting_pong (param i32 i32 i32 i32 i32) (result i32) (return_call $counting_ping))
  (func $through_a_table (export "tail call through a table")
    (return_call_indirect $private (type $nothing) (i32.const 1)))
  (func $tail_through_a_table (return_call_indirect $private (type $nothing) (i32.const 0)))
  (func $through_a_public_table (export "tail call through a public table")
    (return_call_indirect $public (type $nothing) (i32.const 1)))
  (func $tail_through_a_public_table
    (return_call_indirect $public (type $nothing) (i32.const 0)))
  ;; Ends, in 2^48 steps.
  (func (export "recursion without a loop") (call $twice (i32.const 48)))
  (func $twice (param i32)
    (if (local.get 0) (then
      (call $twice (i32.sub (local.get 0) (i32.const 1)))
      (call $twice (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "short") (result i32) (call $leaf) (i32.const 7)))"#;

fn compile(wasm: &[u8], compiler: Compiler) -> Artifact {
    let compiler = compiler.name("m").runtime(RuntimeLibrary::Builtin).threads(1);
    compiler.compile_wasm(wasm).expect("an object")
}

fn start(artifact: &Artifact) -> Instance {
    let board = Board::for_settings(&artifact.settings).expect("an emulated processor");
    let board = Board { budget: 20_000_000, ..board };
    instantiate(artifact, board, Some(MEMORY_BYTES)).unwrap().expect("no trap")
}

/// Allocators and levels by turns: what checks must not depend on.
fn compilers() -> impl Iterator<Item = Compiler> {
    let of = |allocator, level| Compiler::new().regalloc(allocator).opt_level(level);
    [
        of(AllocatorKind::Ion, OptLevel::None),
        of(AllocatorKind::Greedy, OptLevel::Speed),
        of(AllocatorKind::Portfolio, OptLevel::Speed),
        of(AllocatorKind::Fastalloc, OptLevel::Size),
    ]
    .into_iter()
}

/// The exports of `ENDLESS` that do not end, with arguments.
fn endless(artifact: &Artifact) -> Vec<(String, Vec<Val>)> {
    let interface = artifact.module.interface.as_ref().expect("an interface");
    let endless = interface.functions().filter(|(export, _)| export.wasm_name != "short");
    let of = |ty: &windlass_backend::module::FuncType| vec![Val::I32(0); ty.params.len()];
    endless.map(|(export, ty)| (export.wasm_name.clone(), of(ty))).collect()
}

fn text(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("a module")
}

#[test]
fn a_timer_ends_every_endless_call() {
    let wasm = text(ENDLESS);
    for compiler in compilers() {
        let artifact = compile(&wasm, compiler.interruptible(true));
        let mut instance = start(&artifact);
        for (name, args) in endless(&artifact) {
            for after in [0, 1, 5, 1000, 10_007] {
                let (store, id) = instance.store();
                store.interrupt_after(id, after);
                let (outcome, cost) = store.invoke(id, &name, &args).expect(&name);
                assert_eq!(outcome, Outcome::Trapped(Trap::Interrupted), "{name}");
                let late = cost.instructions.saturating_sub(after);
                assert!(late < 200, "{name} went on for {late} instructions");
                // The request is met, and is no other call's.
                let (outcome, _) = store.invoke(id, "short", &[]).expect("short");
                assert_eq!(outcome, Outcome::Returned(vec![Val::I32(7)]), "{name}");
            }
        }
    }
}

#[test]
fn a_request_waits_for_a_call_and_can_be_taken_back() {
    let artifact = compile(&text(ENDLESS), Compiler::new().interruptible(true));
    let mut instance = start(&artifact);
    let (store, id) = instance.store();
    store.set_interrupt(id, true).unwrap();
    let outcome = store.invoke(id, "loop", &[]).unwrap().0;
    assert_eq!(outcome, Outcome::Trapped(Trap::Interrupted));
    store.set_interrupt(id, true).unwrap();
    store.set_interrupt(id, false).unwrap();
    let outcome = store.invoke(id, "short", &[]).unwrap().0;
    assert_eq!(outcome, Outcome::Returned(vec![Val::I32(7)]));
}

#[test]
fn fuel_ends_every_endless_call_at_the_same_place() {
    let wasm = text(ENDLESS);
    let mut left: Option<Vec<u32>> = None;
    for compiler in compilers() {
        let artifact = compile(&wasm, compiler.fuel(100));
        let mut instance = start(&artifact);
        let mut now = Vec::new();
        for (name, args) in endless(&artifact) {
            let (store, id) = instance.store();
            for units in [0, 1, 50, 10_000] {
                store.set_fuel(id, units).unwrap();
                let (outcome, cost) = store.invoke(id, &name, &args).expect(&name);
                assert_eq!(outcome, Outcome::Trapped(Trap::OutOfFuel), "{name}");
                assert!(cost.instructions < 200 + 100 * u64::from(units), "{name}");
                now.push(store.fuel(id).unwrap().unwrap());
            }
        }
        assert_eq!(left.get_or_insert_with(|| now.clone()), &now);
    }
}

#[test]
fn fuel_is_paid_by_function_and_round() {
    let wasm = text(
        r#"(module
          (func (export "nothing"))
          (func (export "add") (param i32 i32) (result i32)
            (i32.add (local.get 0) (local.get 1)))
          (func (export "count") (param i32)
            (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
          (func $leaf (export "leaf") (nop) (drop (i32.const 1)))
          (func (export "calls") (call $leaf) (call $leaf))
          (func (export "dead") (return) (drop (i32.const 1))))"#,
    );
    for compiler in compilers() {
        let artifact = compile(&wasm, compiler.fuel(1000));
        let mut instance = start(&artifact);
        let (store, id) = instance.store();
        // Entry 1; of `count` 1 and, each time round, 1 for the loop and 5 for its body.
        for (name, args, price) in [
            ("nothing", vec![], 1),
            ("add", vec![1, 2], 4),
            ("count", vec![1], 1 + 6),
            ("count", vec![10], 1 + 60),
            ("leaf", vec![], 3),
            ("calls", vec![], 3 + 6),
            ("dead", vec![], 2),
        ] {
            let args: Vec<Val> = args.into_iter().map(Val::I32).collect();
            store.set_fuel(id, price).unwrap();
            let outcome = store.invoke(id, name, &args).unwrap().0;
            assert!(matches!(outcome, Outcome::Returned(_)), "{name} {outcome:?}");
            assert_eq!(store.fuel(id).unwrap(), Some(0), "{name}");
            store.set_fuel(id, price - 1).unwrap();
            let outcome = store.invoke(id, name, &args).unwrap().0;
            assert_eq!(outcome, Outcome::Trapped(Trap::OutOfFuel), "{name}");
        }
    }
}

#[test]
fn an_instance_begins_with_the_fuel_that_was_asked_for() {
    let wasm = text(
        r#"(module (global $n (mut i32) (i32.const 0)) (start $start)
          (func $start (loop
            (global.set $n (i32.add (global.get $n) (i32.const 1)))
            (br_if 0 (i32.lt_u (global.get $n) (i32.const 10)))))
          (func (export "n") (result i32) (global.get $n)))"#,
    );
    let artifact = compile(&wasm, Compiler::new().fuel(500));
    let mut instance = start(&artifact);
    let (store, id) = instance.store();
    // 1 and ten times 9.
    assert_eq!(store.fuel(id).unwrap(), Some(500 - 91));
    let short = compile(&wasm, Compiler::new().fuel(90));
    let board = Board::for_settings(&short.settings).unwrap();
    let trap = instantiate(&short, board, None).unwrap().err();
    assert_eq!(trap, Some(Trap::OutOfFuel));
}

fn check_corpus(configs: impl Iterator<Item = Config>) {
    let mut used: std::collections::BTreeMap<String, u32> = Default::default();
    for config in configs {
        for (name, wasm) in corpus() {
            let mut oracle = Oracle::new(&wasm).unwrap().expect("no trap");
            let expected = oracle.invoke("run", &[]).unwrap();
            let compiler = config.compiler().name(&name).interruptible(true).fuel(u32::MAX);
            let artifact = compiler.compile_wasm(&wasm).expect(&name);
            let mut instance = instantiate(&artifact, config.board(), Some(MEMORY_BYTES));
            let instance = instance.as_mut().unwrap().as_mut().expect("no trap");
            assert_eq!(instance.invoke("run", &[]).unwrap().0, expected, "{name} {config}");
            let memory = oracle.memory().expect("a memory");
            assert!(emulator_memory(instance) == memory, "{name} {config}: memory differs");
            let (store, id) = instance.store();
            let left = store.fuel(id).unwrap().expect("fuel");
            let before = *used.entry(name.clone()).or_insert(u32::MAX - left);
            assert_eq!(before, u32::MAX - left, "{name} {config}: fuel differs");
        }
    }
}

#[test]
fn the_corpus_computes_the_same_with_both() {
    check_corpus(Config::all().into_iter().filter(|config| {
        config.allocator == AllocatorKind::Ion
            && config.opt_level == OptLevel::Speed
            && (config.cpu, config.fpu) == ("cortex-m4", "none")
    }));
}

#[test]
#[ignore = "heavier: every configuration"]
fn the_corpus_computes_the_same_with_both_in_every_configuration() {
    check_corpus(Config::all().into_iter());
}
