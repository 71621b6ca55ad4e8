//! Register pressure at its worst: many i64 values live at once, many i64 parameters, calls in
//! between, under every allocator and with every size of the environment.

mod common;

use common::oracle::Oracle;
use common::{CPUS, Config, instantiate};
use std::fmt::Write;
use windlass::value::Val;
use windlass::{AllocatorKind, Error, OptLevel};

const ENVIRONMENTS: [&str; 6] = ["r0-r3", "r0-r4", "r0-r5", "r0-r6", "r0-r7", "r0-r8"];

/// Operators that need both words of both operands, in turn.
const OPERATORS: [&str; 7] = ["add", "sub", "mul", "xor", "rotl", "shr_u", "or"];

/// Computes `live` values that all wait for a call in the middle, then for each other.
fn many_live(live: usize) -> String {
    let mut body = String::new();
    for n in 0..live {
        let operator = OPERATORS[n % OPERATORS.len()];
        let _ = writeln!(
            body,
            "(local.set {} (i64.{operator} (i64.add (local.get 0) (i64.const {})) (local.get 1)))",
            n + 2,
            (n as i64).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64)
        );
    }
    body.push_str("(local.set 0 (call $mix (local.get 2) (local.get 3)))\n");
    for n in 0..live {
        let operator = OPERATORS[(n + 3) % OPERATORS.len()];
        let _ = writeln!(
            body,
            "(local.set 0 (i64.{operator} (local.get 0) (local.get {})))",
            live + 1 - n
        );
    }
    format!(
        "(module
           (func $mix (param i64 i64) (result i64)
             (i64.xor (i64.mul (local.get 0) (i64.const 0x1f3)) (local.get 1)))
           (func (export \"f\") (param i64 i64) (result i64) (local {}) {body} (local.get 0)))",
        "i64 ".repeat(live)
    )
}

/// A function of 16 i64 parameters that passes them on in another order, twice.
fn many_parameters() -> String {
    let get = |n: usize| format!("(local.get {n}) ");
    let rotated: String = (0..16).map(|n| get((n + 5) % 16)).collect();
    let sums: String = (0..16)
        .map(|n| {
            let operator = OPERATORS[n % OPERATORS.len()];
            format!("(local.set 16 (i64.{operator} (local.get 16) (local.get {n})))\n")
        })
        .collect();
    let first: String = (0..16_i64)
        .map(|n| format!("(i64.add (local.get {}) (i64.const {})) ", n % 2, n * 0x1_0000_0001))
        .collect();
    let params = "i64 ".repeat(16);
    format!(
        "(module
           (func $g (param {params}) (result i64) (local i64) {sums} (local.get 16))
           (func $h (param {params}) (result i64) (local i64)
             (local.set 16 (call $g {rotated})) {sums} (local.get 16))
           (func (export \"f\") (param i64 i64) (result i64) (call $h {first})))"
    )
}

/// Runs `f` under every allocator and environment; what an environment cannot hold at all is an
/// error that says so. Returns how many configurations ran.
fn check(wat: &str) -> usize {
    let wasm = wat::parse_str(wat).expect("valid wat");
    let mut oracle = Oracle::new(&wasm).unwrap().unwrap();
    let calls = [(1, 2), (-1, 0x1234_5678_9abc_def0), (i64::MIN, 63), (0x7fff_ffff_ffff, -5)];
    let calls = calls.map(|(a, b)| [Val::I64(a), Val::I64(b)]);
    let expected: Vec<_> = calls.iter().map(|args| oracle.invoke("f", args).unwrap()).collect();
    let mut ran = 0;
    for allocator in AllocatorKind::ALL {
        for environment in ENVIRONMENTS {
            for opt_level in [OptLevel::None, OptLevel::Speed] {
                let (target, cpu, fpu) = CPUS[1];
                let config = Config { target, cpu, fpu, allocator, opt_level };
                let compiler = config.compiler().name("m").reg_env(environment);
                let artifact = match compiler.compile_wasm(&wasm) {
                    Ok(artifact) => artifact,
                    Err(error @ Error::Unsupported { .. }) => {
                        let text = error.to_string();
                        assert!(text.contains("more registers than there are"), "{text}");
                        continue;
                    }
                    Err(error) => panic!("{config} {environment}: {error}"),
                };
                let instance = instantiate(&artifact, config.board(), None);
                let mut instance =
                    instance.unwrap_or_else(|e| panic!("{config} {environment}: {e}")).unwrap();
                for (args, expected) in calls.iter().zip(&expected) {
                    let outcome = instance.invoke("f", args);
                    let (outcome, _) =
                        outcome.unwrap_or_else(|e| panic!("{config} {environment} {args:?}: {e}"));
                    assert_eq!(outcome, *expected, "{config} {environment} {args:?}");
                }
                ran += 1;
            }
        }
    }
    ran
}

#[test]
fn ten_twenty_and_forty_i64_values() {
    for live in [10, 20, 40] {
        let ran = check(&many_live(live));
        assert!(ran >= 30, "only {ran} configurations take {live} values");
    }
}

#[test]
fn sixteen_i64_parameters() {
    let ran = check(&many_parameters());
    assert!(ran >= 30, "only {ran} configurations take them");
}
