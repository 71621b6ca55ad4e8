//! The commands that put several modules on one board: `run --preload` and `wast`.

use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const SENSOR: &str = "(module
    (memory (export \"memory\") 1)
    (data (i32.const 16) \"\\2a\")
    (func (export \"read\") (param i32) (result i32) (i32.load (local.get 0))))";

const FILTER: &str = "(module
    (import \"sensor\" \"read\" (func $read (param i32) (result i32)))
    (func (export \"twice\") (param i32) (result i32)
      (i32.mul (i32.const 2) (call $read (local.get 0)))))";

const APP: &str = "(module
    (import \"filter\" \"twice\" (func $twice (param i32) (result i32)))
    (import \"sensor\" \"memory\" (memory 1))
    (func (export \"f\") (param i32) (result i32)
      (i32.add (call $twice (local.get 0)) (i32.load8_u (i32.const 16)))))";

const GOOD: &str = "(module (func (export \"f\") (result i32) (i32.const 1)))
(assert_return (invoke \"f\") (i32.const 1))
(assert_invalid (module (func (result i32))) \"type mismatch\")";

/// The assertions in lines 3 and 4 do not hold.
const BAD: &str = "(module (func (export \"f\") (result i32) (i32.const 1)))
(assert_return (invoke \"f\") (i32.const 1))
(assert_return (invoke \"f\") (i32.const 2))
  (assert_trap (invoke \"f\") \"unreachable\")";

fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let wide = APP.replace("(import \"sensor\" \"memory\" (memory 1))", "(memory 1)");
    let wide = wide.replace("$twice (param i32)", "$twice (param i64)");
    let wide = wide.replace("call $twice (local.get 0)", "call $twice (i64.const 0)");
    let files = [
        ("sensor.wat", SENSOR),
        ("filter.wat", FILTER),
        ("app.wat", APP),
        ("wide.wat", &wide),
        ("good.wast", GOOD),
        ("bad.wast", BAD),
        ("broken.wast", "(module\n  (func"),
        (
            "grow.wast",
            "(module (memory 0) (func (export \"grow\") (result i32) (memory.grow (i32.const 2))))
            (assert_return (invoke \"grow\") (i32.const 0))",
        ),
        ("sign.wast", "(assert_invalid (module (func (drop (i32.extend8_s (i32.const 0))))) \"\")"),
    ];
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

/// The exit code, standard output and standard error.
fn windlass(directory: &Path, args: &str) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
        .current_dir(directory)
        .args(args.split_whitespace())
        .output()
        .expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn preloaded_modules_are_linked_in_order() {
    let directory = directory();
    let run = |args: &str| windlass(directory.path(), args);
    let preload = "--preload sensor=sensor.wat --preload filter=filter.wat";
    for options in ["", "--cpu cortex-m3 --regalloc greedy", "--cpu cortex-m33 -O none"] {
        let (code, out, err) = run(&format!("run app.wat {preload} {options} --invoke f 16"));
        assert_eq!((code, &out[..]), (Some(0), "126\n"), "{options}: {err}");
        assert!(err.contains("instructions"), "{err}");
    }
    // The trap happens two instances away.
    let (code, _, err) = run(&format!("run app.wat {preload} --invoke f 65533"));
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("trap: out of bounds memory access"), "{err}");
}

#[test]
fn imports_are_checked_before_anything_is_linked() {
    let directory = directory();
    let fails = |args: &str, code: i32, words: &[&str]| {
        let (got, out, err) = windlass(directory.path(), args);
        assert_eq!((got, &out[..]), (Some(code), ""), "{args}: {err}");
        words.iter().for_each(|word| assert!(err.contains(word), "{args}: no {word:?} in {err}"));
    };
    fails("run app.wat --invoke f 16", 1, &["unknown import: filter.twice"]);
    let wrong_order = "run app.wat --preload filter=filter.wat --preload sensor=sensor.wat";
    fails(
        &format!("{wrong_order} --invoke f 1"),
        1,
        &["filter.wat", "unknown import: sensor.read"],
    );
    let preload = "--preload sensor=sensor.wat --preload filter=filter.wat";
    let types = ["incompatible import type", "filter.twice", "(param i32)", "(param i64)"];
    fails(&format!("run wide.wat {preload} --invoke f 1"), 1, &types);
    fails("run app.wat --preload sensor --invoke f 1", 2, &["NAME=FILE"]);
}

#[test]
fn scripts_report_what_did_not_hold() {
    let directory = directory();
    let run = |args: &str| windlass(directory.path(), args);
    let (code, out, err) = run("wast good.wast");
    let passed =
        "good.wast: 2 passed, 0 failed, 0 skipped\n1 scripts: 2 passed, 0 failed, 0 skipped\n";
    assert_eq!((code, &out[..], &err[..]), (Some(0), passed, ""));

    let (code, out, err) = run("wast good.wast bad.wast broken.wast");
    assert_eq!(code, Some(1), "{err}");
    assert!(out.contains("bad.wast: 1 passed, 2 failed"), "{out}");
    assert!(out.ends_with("3 scripts: 3 passed, 3 failed, 0 skipped\n"), "{out}");
    let lines: Vec<&str> = err.lines().collect();
    let expected = "i32 1 (0x1), expected i32 2 (0x2)";
    assert_eq!(lines[0], format!("bad.wast:3:2: assert_return: invoke \"f\": {expected}"));
    let expected = "i32 1 (0x1), expected trap: unreachable";
    assert_eq!(lines[1], format!("bad.wast:4:4: assert_trap: invoke \"f\": {expected}"));
    assert!(lines[2].starts_with("broken.wast:2:8: "), "{err}");
    assert_eq!(lines[3], "windlass: 3 failed");

    let (code, _, err) = run("wast none.wast");
    assert_eq!(code, Some(1));
    assert!(err.contains("cannot read none.wast"), "{err}");
}

#[test]
fn scripts_see_the_features_and_memory_that_were_asked_for() {
    let directory = directory();
    let code = |args: &str| windlass(directory.path(), args).0;
    assert_eq!(code("wast grow.wast"), Some(0));
    assert_eq!(code("wast grow.wast --memory-reserve 65536"), Some(1));
    assert_eq!(code("wast sign.wast"), Some(1));
    assert_eq!(code("wast sign.wast --wasm-features -sign-extension-ops"), Some(0));
    assert_eq!(code("wast sign.wast --wasm-features wasm1"), Some(0));
    assert_eq!(code("wast good.wast --wasm-features simd"), Some(2));
}
