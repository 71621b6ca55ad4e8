//! Programs that are too large to write by hand: branches beyond every range, frames beyond every
//! immediate, tables of hundreds of targets, hundreds of live values; and programs that are too
//! large for the stack.

mod common;

use common::oracle::Oracle;
use common::{CPUS, Config, emulator_memory, instantiate};
use std::collections::HashMap;
use std::fmt::Write;
use windlass::machine::Board;
use windlass::store::{Linker, Outcome, Store};
use windlass::value::Val;
use windlass::{AllocatorKind, OptLevel, RuntimeLibrary, Trap};
use windlass_backend::compile_module;
use windlass_backend::compiled::{CompiledFunction, Reloc, RelocTarget};
use windlass_backend::instance::C_CALLEE;
use windlass_backend::isa::Isa;
use windlass_backend::module::Module;
use windlass_backend::options::CodegenOptions;
use windlass_backend::runtime::{RuntimeCall, append_routines};
use windlass_isa_thumb2::Thumb2;
use windlass_isa_thumb2::settings::TargetOptions;

fn configs(allocators: &[AllocatorKind], opt_level: OptLevel) -> Vec<Config> {
    let (target, cpu, fpu) = CPUS[0];
    let make = |&allocator| Config { target, cpu, fpu, allocator, opt_level };
    allocators.iter().map(make).collect()
}

/// Calls `f` with each list of arguments in wasmi and on the emulator.
fn agree(wat: &str, configs: &[Config], calls: &[&[i32]]) {
    let wasm = wat::parse_str(wat).expect("valid wat");
    let mut oracle = Oracle::new(&wasm).unwrap().unwrap();
    let calls: Vec<Vec<Val>> =
        calls.iter().map(|args| args.iter().map(|&v| Val::I32(v)).collect()).collect();
    let expected: Vec<_> = calls.iter().map(|args| oracle.invoke("f", args).unwrap()).collect();
    for config in configs {
        let artifact = config.compiler().check(false).name("m").compile_wasm(&wasm);
        let artifact = artifact.unwrap_or_else(|e| panic!("{config}: {e}"));
        let instance = instantiate(&artifact, config.board(), None);
        let mut instance = instance.unwrap_or_else(|e| panic!("{config}: {e}")).unwrap();
        for (args, expected) in calls.iter().zip(&expected) {
            let outcome = instance.invoke("f", args);
            let (outcome, _) = outcome.unwrap_or_else(|e| panic!("{config} f{args:?}: {e}"));
            assert_eq!(outcome, *expected, "{config} f{args:?}");
        }
        if let Some(theirs) = oracle.memory() {
            assert!(theirs == emulator_memory(&instance), "{config}: the memory differs");
        }
    }
}

/// Straight code of at least `statements` * 12 bytes that mixes local 1.
fn filler(statements: u32) -> String {
    let mut text = String::new();
    for n in 0..statements {
        let constant = n.wrapping_mul(0x9e37_79b9) as i32;
        let _ = writeln!(
            text,
            "local.get 1 i32.const {constant} i32.xor i32.const {} i32.add local.set 1",
            n | 0x1234_0000
        );
    }
    text
}

/// A forward branch, a backward branch and an early exit around `statements`.
fn far_branches(statements: u32) -> String {
    format!(
        "(module (func (export \"f\") (param i32 i32) (result i32)
           (block $end
             (loop $again
               (br_if $end (i32.eqz (local.get 0)))
               (if (i32.and (local.get 0) (i32.const 1)) (then {}))
               (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
               (br_if $again (i32.gt_u (local.get 0) (i32.const 3)))
               (br_if $again (local.get 0))))
           (local.get 1)))",
        filler(statements)
    )
}

#[test]
fn branches_beyond_16_bit_ranges() {
    let all = configs(&AllocatorKind::ALL, OptLevel::Speed);
    for statements in [8, 16, 20, 24, 60, 100, 160, 170, 180, 400] {
        agree(&far_branches(statements), &all, &[&[0, 7], &[1, 7], &[6, -3]]);
    }
}

#[test]
fn branches_beyond_20_bit_ranges() {
    let one = configs(&[AllocatorKind::Fastalloc], OptLevel::None);
    agree(&far_branches(100_000), &one, &[&[0, 7], &[1, 7], &[4, -3]]);
}

/// `count` values that are all live at once, computed from the argument, then combined.
fn live_values(count: u32) -> String {
    let mut text = String::from("(module (func (export \"f\") (param i32) (result i32)\n (local");
    for _ in 0..count {
        text.push_str(" i32");
    }
    text.push_str(")\n");
    for n in 1..=count {
        let _ = writeln!(
            text,
            "(local.set {n} (i32.mul (i32.add (local.get 0) (i32.const {n})) (local.get {})))",
            n - 1
        );
    }
    text.push_str("(i32.const 0)\n");
    for n in (1..=count).rev() {
        let _ = writeln!(text, "local.get {n} i32.add i32.const 5 i32.rotl");
    }
    text.push_str("))");
    text
}

#[test]
fn many_live_values_and_large_frames() {
    let all = configs(&AllocatorKind::ALL, OptLevel::Speed);
    for count in [9, 10, 40, 300, 1200] {
        agree(&live_values(count), &all, &[&[0], &[1], &[-77]]);
    }
}

/// A `br_table` whose every target adds its own number.
fn switch(targets: u32) -> String {
    let mut text = String::from("(module (func (export \"f\") (param i32) (result i32)\n");
    for _ in 0..=targets {
        text.push_str("(block ");
    }
    text.push_str("(br_table");
    for n in 0..=targets {
        let _ = write!(text, " {n}");
    }
    text.push_str(" (local.get 0))");
    for n in 0..targets {
        let _ = write!(text, ")\n(return (i32.const {}))", n.wrapping_mul(2_654_435_761) as i32);
    }
    text.push_str(")\n(i32.const -1)))");
    text
}

#[test]
fn tables_of_few_and_many_targets() {
    let all = configs(&AllocatorKind::ALL, OptLevel::Speed);
    for targets in [0, 1, 2, 3, 4, 100, 255, 256, 257, 500] {
        let last = targets as i32;
        let calls: [&[i32]; 7] =
            [&[0], &[1], &[last - 1], &[last], &[last + 1], &[-1], &[i32::MIN]];
        agree(&switch(targets), &all, &calls);
    }
}

/// A loop around a table, whose targets are before and behind `statements`.
fn far_switch(statements: u32) -> String {
    format!(
        "(module (func (export \"f\") (param i32 i32) (result i32) (local $n i32)
           (block $end
             (loop $again
               (local.set $n (i32.add (local.get $n) (i32.const 1)))
               (block $last (block $behind (block $before
                 (br_table $before $behind $last $again $end
                   (i32.rem_u (i32.mul (local.get $n) (local.get 0)) (i32.const 7))))
                 {})
                 (local.set 1 (i32.add (local.get 1) (i32.const 10))))
               (br_if $again (i32.lt_u (local.get $n) (i32.const 9)))))
           (i32.add (local.get 1) (i32.mul (local.get $n) (i32.const 1000)))))",
        filler(statements)
    )
}

#[test]
fn tables_whose_targets_are_out_of_reach() {
    for (statements, level) in [(3_000, OptLevel::Size), (100_000, OptLevel::None)] {
        let one = configs(&[AllocatorKind::Fastalloc], level);
        agree(&far_switch(statements), &one, &[&[0, 7], &[1, 7], &[2, -3], &[3, 1]]);
    }
}

#[test]
fn literals_out_of_reach() {
    let one = configs(&[AllocatorKind::Fastalloc], OptLevel::Size);
    agree(&far_branches(5_000), &one, &[&[0, 7], &[1, 7], &[6, -3]]);
}

#[test]
fn deep_call_chains() {
    let mut text = String::from("(module\n");
    let depth = 200;
    for n in 0..depth {
        let _ = writeln!(
            text,
            "(func ${n} (param i32 i32) (result i32)
               (i32.add (local.get 1) (call ${} (i32.add (local.get 0) (i32.const {n}))
                                               (local.get 0))))",
            n + 1
        );
    }
    let _ = writeln!(
        text,
        "(func ${depth} (param i32 i32) (result i32) (i32.xor (local.get 0) (local.get 1)))
         (func (export \"f\") (param i32) (result i32) (call $0 (local.get 0) (i32.const 3))))"
    );
    let all = configs(&AllocatorKind::ALL, OptLevel::Speed);
    agree(&text, &all, &[&[0], &[12345], &[-1]]);
}

#[test]
fn functions_in_different_megabytes_call_each_other() {
    let text = format!(
        "(module
           (func $near (param i32 i32) (result i32) (i32.mul (local.get 0) (local.get 1)))
           (func $far (param i32 i32) (result i32) {} (call $near (local.get 0) (local.get 1)))
           (func (export \"f\") (param i32) (result i32)
             (i32.add (call $far (local.get 0) (i32.const 9))
                      (call $near (local.get 0) (local.get 0)))))",
        filler(100_000)
    );
    let one = configs(&[AllocatorKind::Fastalloc], OptLevel::None);
    agree(&text, &one, &[&[5], &[-6]]);
}

const EXHAUSTED: Outcome = Outcome::Trapped(Trap::StackExhausted);

/// Calls `f` with each stack size: it ends in the trap every time, never beyond the stack's end.
fn exhausts(wat: &str, args: usize, stacks: impl Iterator<Item = u32> + Clone) {
    let wasm = wat::parse_str(wat).expect("valid wat");
    let args: Vec<Val> = (0..args).map(|n| Val::I32(n as i32)).collect();
    for config in Config::all() {
        let compiler = config.compiler().check(false).name("m");
        let artifact = compiler.compile_wasm(&wasm);
        let artifact = artifact.unwrap_or_else(|e| panic!("{config}: {e}"));
        for stack_bytes in stacks.clone() {
            let board = Board { stack_bytes, ..config.board() };
            let mut instance = instantiate(&artifact, board, None).unwrap().unwrap();
            for _ in 0..2 {
                let outcome = instance.invoke("f", &args);
                let (outcome, _) =
                    outcome.unwrap_or_else(|e| panic!("{config}, {stack_bytes} bytes: {e}"));
                assert_eq!(outcome, EXHAUSTED, "{config}, {stack_bytes} bytes");
            }
        }
    }
}

#[test]
fn endless_recursion_exhausts_the_stack() {
    let text = "(module (func $f (export \"f\") (param i32) (result i32)
        (i32.add (call $f (i32.add (local.get 0) (i32.const 1))) (local.get 0))))";
    exhausts(text, 1, [1 << 10, (1 << 10) + 8, (1 << 10) + 16, 64 << 10].into_iter());
}

#[test]
fn recursion_with_stack_arguments_exhausts_the_stack() {
    let text = "(module
        (func $few (export \"f\") (param i32) (result i32)
          (i32.add (local.get 0) (call $many (local.get 0) (i32.const 1) (i32.const 2)
            (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 7))))
        (func $many (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
          (i32.add (local.get 7) (call $few (i32.add (local.get 0) (local.get 6))))))";
    exhausts(text, 1, (1024..1152).step_by(8));
}

/// `f` adds up `count` values of its own, which are live while it calls `before` and itself.
fn recursion(count: u32, before: &str, others: &str) -> String {
    let mut text = format!("(module {others} (func $f (export \"f\") (param i32) (result i32)\n");
    (0..count).for_each(|_| text.push_str("(local i32)"));
    for n in 1..=count {
        let _ = writeln!(
            text,
            "(local.set {n} (i32.mul (i32.add (local.get 0) (i32.const {n})) (local.get {})))",
            n - 1
        );
    }
    let _ = writeln!(text, "{before} (call $f (local.get {count}))");
    for n in (1..=count).rev() {
        let _ = writeln!(text, "local.get {n} i32.add i32.const 5 i32.rotl");
    }
    text + "))"
}

#[test]
fn recursion_with_large_frames_exhausts_the_stack() {
    for (count, step) in [(12, 8), (20, 24), (300, 200), (1100, 1000)] {
        exhausts(&recursion(count, "", ""), 1, (8192..8192 + 4 * step).step_by(step as usize));
    }
}

/// What does not check, at every depth.
#[test]
fn leaves_imports_and_helpers_fit_below_the_limit() {
    for values in [17, 20, 23] {
        let calls = "(drop (call $leaf (local.get 0))) (drop (call $chain (local.get 0)))
            (drop (memory.grow (i32.const 0)))
            (memory.fill (i32.const 0) (i32.const 7) (i32.const 40))
            (memory.copy (i32.const 3) (i32.const 0) (i32.const 40))
            (table.fill $t (i32.const 0) (ref.null func) (i32.const 3))
            (drop (table.grow $t (ref.null func) (i32.const 0)))
            (drop (i64.div_s (i64.extend_i32_s (local.get 0)) (i64.const -7777777777)))
            (drop (f64.div (f64.convert_i32_s (local.get 0)) (f64.const 7)))
            (drop (call $mix (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
              (local.get 0)))";
        let import =
            "(import \"env\" \"mix\" (func $mix (param i32 i32 i32 i32 i32 i32) (result i32)))";
        let chain = "(func $chain (param i32) (result i32)
              (i32.add (call $link (i32.mul (local.get 0) (i32.const 5))) (local.get 0)))
            (func $link (param i32) (result i32)
              (i32.add (call $end (i32.mul (local.get 0) (i32.const 3))) (local.get 0)))
            (func $end (param i32) (result i32) (i32.rotl (local.get 0) (local.get 0)))";
        let leaf = leaf(values);
        let others = format!("{import} (memory 1 1) (table $t 4 funcref) {chain} {leaf}");
        exhausts(&recursion(2, calls, &others), 1, (1600..1744).step_by(24));
    }
}

/// A function without calls that has `count` values live at once.
fn leaf(count: u32) -> String {
    let mut leaf = String::from("(func $leaf (param i32) (result i32)");
    (0..count).for_each(|_| leaf.push_str("(local i32)"));
    for n in 1..=count {
        let _ = writeln!(leaf, "(local.set {n} (i32.mul (local.get 0) (local.get {})))", n - 1);
    }
    leaf.push_str("(i32.const 0)");
    (1..=count).for_each(|n| leaf += &format!(" local.get {n} i32.xor i32.const 3 i32.rotl"));
    leaf + ")"
}

/// `a` calls a function of `b` through its table, and that calls `a` by its import.
const A: &str = "(module (type $t (func (param i32) (result i32))) (table (export \"t\") 1 funcref)
    (func (export \"f\") (param i32) (result i32)
      (i32.add (call_indirect (type $t) (local.get 0) (i32.const 0)) (i32.const 1))))";
const B: &str = "(module (import \"a\" \"t\" (table 1 funcref))
    (import \"a\" \"f\" (func $f (param i32) (result i32))) (elem (i32.const 0) $g)
    (func $g (param i32) (result i32)
      (i32.add (call $f (i32.add (local.get 0) (i32.const 1))) (i32.const 1))))";

#[test]
fn recursion_through_imports_exhausts_the_stack() {
    let [a, b] = [A, B].map(|text| wat::parse_str(text).expect("valid wat"));
    for config in Config::all() {
        for stack_check in [true, false] {
            let compiler = config.compiler().stack_check(stack_check);
            let a = compiler.clone().name("a").compile_wasm(&a).unwrap();
            let b = compiler.name("b").compile_wasm(&b).unwrap();
            for stack_bytes in (1024..1152).step_by(8) {
                let mut store = Store::new(Board { stack_bytes, ..config.board() });
                let mut linker = Linker::default();
                let first = store.instantiate(&a.module, &a.object, &linker, None);
                let first = first.unwrap().unwrap();
                linker.register("a", first);
                store.instantiate(&b.module, &b.object, &linker, None).unwrap().unwrap();
                let outcome = store.invoke(first, "f", &[Val::I32(1)]);
                match outcome.map(|(outcome, _)| outcome).map_err(|e| e.to_string()) {
                    Ok(outcome) if stack_check => assert_eq!(outcome, EXHAUSTED, "{config}"),
                    Err(error) if !stack_check => {
                        let beyond = ["stack overrun", "access to 0x1fff"];
                        let is_overrun = beyond.iter().any(|text| error.contains(text));
                        assert!(is_overrun, "{config}: {error}");
                    }
                    other => panic!("{config}, {stack_bytes} bytes, {stack_check}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn an_entry_with_many_stack_arguments_returns_or_traps() {
    let params = "i32 ".repeat(200);
    let text = format!(
        "(module (func (export \"f\") (param {params}) (result i32)
           (i32.sub (local.get 199) (local.get 3))))"
    );
    let wasm = wat::parse_str(text).expect("valid wat");
    let args: Vec<Val> = (0..200).map(Val::I32).collect();
    for config in Config::all() {
        let artifact = config.compiler().name("m").compile_wasm(&wasm).unwrap();
        let mut ends = [0, 0];
        for stack_bytes in (1060..4000).step_by(40) {
            let board = Board { stack_bytes, ..config.board() };
            let mut instance = instantiate(&artifact, board, None).unwrap().unwrap();
            let outcome = instance.invoke("f", &args);
            match outcome.unwrap_or_else(|e| panic!("{config}, {stack_bytes} bytes: {e}")).0 {
                EXHAUSTED => ends[0] += 1,
                outcome => {
                    assert_eq!(outcome, Outcome::Returned(vec![Val::I32(196)]));
                    ends[1] += 1;
                }
            }
        }
        assert!(ends.iter().all(|&count| count > 5), "{config}: {ends:?}");
    }
}

fn isa(config: &Config) -> Thumb2 {
    let [triple, cpu, fpu] = [config.target, config.cpu, config.fpu].map(|s| Some(s.to_owned()));
    Thumb2::new(&TargetOptions { triple, cpu, fpu, reg_env: None }).unwrap()
}

fn codegen(config: &Config) -> CodegenOptions {
    let Config { allocator, opt_level, .. } = *config;
    CodegenOptions {
        allocator: Some(allocator),
        opt_level,
        threads: 1,
        ..CodegenOptions::default()
    }
}

/// Their callers count them, with what they call, by that much.
#[test]
fn runtime_routines_need_no_more_stack_than_is_counted() {
    for config in Config::all() {
        let isa = isa(&config);
        let reloc = |call| Reloc {
            offset: 0,
            kind: 0,
            target: RelocTarget::Name(isa.runtime_symbol(call)),
        };
        let relocs = RuntimeCall::all().into_iter().map(reloc).collect();
        let caller = CompiledFunction { relocs, ..CompiledFunction::default() };
        let mut module = Module::default();
        append_routines(&isa, &mut module, &[caller], RuntimeLibrary::Builtin);
        let compiled = compile_module(&isa, &mut module, &codegen(&config)).unwrap();
        let names = module.functions.iter().map(|function| function.name.clone());
        let frames = compiled.functions.iter().map(|function| function.frame_bytes);
        let frames: HashMap<String, u32> = names.zip(frames).collect();
        let frame = |call| frames[&isa.runtime_symbol(call)];
        for call in RuntimeCall::all() {
            let bytes = frame(call) + call.callee().map_or(0, frame);
            assert!(bytes <= C_CALLEE, "{config}: {call} needs {bytes} bytes");
        }
    }
}

#[test]
fn without_the_check_no_code_looks_at_the_limit() {
    let text = recursion(40, "", "");
    let wasm = wat::parse_str(text).expect("valid wat");
    for config in Config::all() {
        let traps = |on| {
            let artifact = config.compiler().stack_check(on).name("m").compile_wasm(&wasm).unwrap();
            let sites = artifact.compiled.functions.iter().flat_map(|function| &function.traps);
            sites.filter(|site| site.trap == Trap::StackExhausted).count()
        };
        assert!(traps(true) > 0, "{config}");
        assert_eq!(traps(false), 0, "{config}");
    }
}
