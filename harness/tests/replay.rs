//! Saved allocation problems: what allocators make of them is what they make of the function.

mod common;

use common::{corpus, harness_dir, windlass};
use rayon::prelude::*;
use serde_json::Value;
use std::path::Path;
use windlass::AllocatorKind;
use windlass_backend::frontend;
use windlass_backend::isa::Isa;
use windlass_backend::options::{CodegenOptions, FrontendOptions};
use windlass_backend::regalloc::saved::{Names, parse, write};
use windlass_backend::regalloc::{improve, run, stats};
use windlass_isa_thumb2::Thumb2;
use windlass_isa_thumb2::settings::TargetOptions;

/// Every problem of the corpus as a file and back: the same text, and the same answers.
fn survives(options: &TargetOptions, kinds: &[AllocatorKind]) {
    let isa = Thumb2::new(options).unwrap();
    let env = isa.machine_env();
    let count: usize = corpus()
        .par_iter()
        .map(|(name, wasm)| {
            let options = FrontendOptions { name: name.clone(), ..FrontendOptions::default() };
            let module = frontend::translate(wasm, &options).unwrap();
            let lowered =
                windlass_backend::lower_module(&isa, &module, &CodegenOptions::default()).unwrap();
            for (function, lowered) in module.functions.iter().zip(&lowered) {
                let vcode = &lowered.vcode;
                let names =
                    Names { module: name.clone(), function: function.name.clone(), index: 0 };
                let text = write(vcode, env, &names, |inst| vcode.insts[inst.index()].to_string());
                let saved = parse(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
                assert_eq!(saved.to_string(), text, "{name}");
                for &kind in kinds {
                    let mut original = run(kind, vcode, env, false).unwrap();
                    let mut replayed = run(kind, &saved.problem, &saved.env, false).unwrap();
                    let what = format!("{} of {name}:{}", kind.name(), function.name);
                    assert_eq!(original.edits, replayed.edits, "{what}");
                    assert_eq!(original.allocs, replayed.allocs, "{what}");
                    improve(vcode, env, &mut original, false).unwrap();
                    improve(&saved.problem, &saved.env, &mut replayed, true).unwrap();
                    assert_eq!(original.edits, replayed.edits, "improved {what}");
                    assert_eq!(
                        stats(vcode, &original),
                        stats(&saved.problem, &replayed),
                        "improved {what}"
                    );
                }
            }
            lowered.len()
        })
        .sum();
    assert!(count > 200, "only {count} functions");
}

#[test]
fn the_corpus_survives() {
    let all = AllocatorKind::ALL;
    let kinds: Vec<_> = all.into_iter().filter(|k| *k != AllocatorKind::Portfolio).collect();
    survives(&TargetOptions::default(), &kinds);
}

#[test]
fn the_corpus_survives_with_float_registers_and_few_others() {
    let double = TargetOptions {
        cpu: Some("cortex-m7".into()),
        fpu: Some("fpv5-d16".into()),
        reg_env: Some("r0-r4".into()),
        ..TargetOptions::default()
    };
    survives(&double, &[AllocatorKind::Greedy]);
}

fn json(directory: &Path, args: &[&str]) -> Value {
    let output = windlass(directory, &[args, &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn saved_flight_control(path: &Path) -> Vec<String> {
    let wasm = harness_dir("corpus").join("flight_control.wasm");
    let wasm = wasm.to_str().unwrap();
    let output = windlass(path, &["compare", wasm, "--regalloc", "ion", "--save", "problems"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = std::fs::read_dir(path.join("problems")).unwrap();
    let mut files: Vec<_> =
        files.map(|file| file.unwrap().path().to_str().unwrap().to_owned()).collect();
    files.sort();
    files
}

#[test]
fn replay_prints_what_compare_does() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path();
    let files = saved_flight_control(path);
    assert!(files[0].contains("flight_control."), "{files:?}");
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let wasm = harness_dir("corpus").join("flight_control.wasm");
    for env in ["r0-r8", "r0-r5"] {
        let options = ["--regalloc", "ion,greedy,belady", "--reg-env", env];
        let compared = json(path, &[&["compare", wasm.to_str().unwrap()], &options[..]].concat());
        let replayed = json(path, &[&["replay"], &files[..], &options[..]].concat());
        let compared = compared["functions"].as_array().unwrap();
        let replayed = replayed["problems"].as_array().unwrap();
        assert_eq!(compared.len(), replayed.len());
        for problem in replayed {
            let function = compared.iter().find(|f| f["index"] == problem["index"]).unwrap();
            for (field, value) in problem.as_object().unwrap() {
                if !["file", "allocators"].contains(&field.as_str()) {
                    assert_eq!(*value, function[field], "{field}");
                }
            }
            for (allocator, figures) in problem["allocators"].as_object().unwrap() {
                let theirs = &function["allocators"][allocator];
                for (field, value) in figures.as_object().unwrap() {
                    if !["time_us", "final"].contains(&field.as_str()) {
                        assert_eq!(*value, theirs[field], "{allocator} {field}");
                    }
                }
                for (field, value) in figures["final"].as_object().unwrap() {
                    assert_eq!(*value, theirs["final"][field], "{allocator} final {field}");
                }
            }
        }
    }
    let table = windlass(path, &[&["replay"], &files[..]].concat());
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("flight_control:flight_step") && table.contains("belady*"), "{table}");
}

#[test]
fn a_difference_between_allocators_shrinks_to_a_few_instructions() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path();
    let files = saved_flight_control(path);
    let condition = "fastalloc.cost > belady.cost";
    let file = files.iter().find(|file| file.contains("flight_step")).unwrap();
    let reduce = ["replay", file, "--reduce", "small.problem", "--while", condition];
    let output = windlass(path, &reduce);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains(" of 207 instructions"), "{stderr}");
    let report = json(path, &["replay", "small.problem"]);
    let problem = &report["problems"][0];
    let cost = |allocator: &str| problem["allocators"][allocator]["cost"].as_u64().unwrap();
    assert!(cost("fastalloc") > cost("belady"));
    assert!(problem["vcode_insts"].as_u64().unwrap() <= 6, "{problem}");
    // What allocators answer rightly is no failure.
    let output = windlass(path, &["replay", "small.problem", "--reduce", "less.problem"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!path.join("less.problem").exists());
}

#[test]
fn an_error_of_an_allocator_is_a_failure_that_shrinks() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path();
    let uses: Vec<_> = (0..9).map(|n| format!("use v{n}i reg")).collect();
    let defs: String = (0..9).map(|n| format!("op def v{n}i reg\n")).collect();
    let text = format!(
        "windlass-problem 1\nmodule \"m\"\nfunction \"f\"\nindex 0\nvregs 9\nslots 1 2 4
preferred p0i p1i p2i p3i\nnon-preferred\nscratch p12i
block0() 1.0\n{defs}op {}\nret\n",
        uses.join(", ")
    );
    std::fs::write(path.join("full.problem"), text).unwrap();
    let output = windlass(path, &["replay", "full.problem", "--regalloc", "ion,greedy"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("full.problem: ion: an instruction needs more registers"), "{stderr}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("fails"));
    let output = windlass(path, &["replay", "full.problem", "--reduce", "small.problem"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let small = std::fs::read_to_string(path.join("small.problem")).unwrap();
    // One register and two values.
    assert_eq!(small.matches("use ").count(), 2, "{small}");
}
