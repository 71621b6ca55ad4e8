//! Programs that are too large to write by hand: branches beyond every range, frames beyond every
//! immediate, tables of hundreds of targets, hundreds of live values.

mod common;

use common::oracle::Oracle;
use common::{CPUS, Config, emulator_memory, instantiate};
use std::fmt::Write;
use windlass::value::Val;
use windlass::{AllocatorKind, OptLevel};

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
