//! `compare --profile`: counts are those of `run`, and belong to the functions that executed.

use super::Program;
use serde_json::Value;

/// Instructions, cycles, spill stores and reloads that `run` prints.
fn run(program: &Program, args: &str) -> Vec<u64> {
    let (code, _, err) = program.run(&format!("run {args}"));
    assert_eq!(code, Some(0), "{args}: {err}");
    let words = err.split_whitespace();
    words.filter_map(|word| word.parse().ok()).take(4).collect()
}

fn counts(execution: &Value) -> Vec<u64> {
    let fields = ["insts", "cycles", "spill_stores", "reloads"];
    fields.map(|field| execution[field].as_u64().unwrap()).to_vec()
}

#[test]
fn counts_are_those_of_run() {
    let program = Program::new();
    for (module, call) in [("crc32.wasm", "run"), ("busy.wat", "run 5")] {
        let report = program.json(&format!("compare {module} --profile --invoke {call}"));
        let profile = &report["profiles"][0];
        for (name, execution) in profile["allocators"].as_object().unwrap() {
            let expected = run(&program, &format!("{module} --regalloc {name} --invoke {call}"));
            assert_eq!(counts(execution), expected, "{module} {name}");
            // All but one call of an adapter is in the functions of the report.
            let total = &report["totals"][name]["dynamic"];
            let others =
                |field: &str| execution[field].as_u64().unwrap() - total[field].as_u64().unwrap();
            assert!((1..100).contains(&others("insts")), "{module} {name}: {execution} {total}");
            for field in ["spill_stores", "reloads"] {
                assert!(others(field) < 10, "{module} {name}: {execution} {total}");
            }
        }
        let printed = program.output(&format!("run {module} --invoke {call}"));
        assert_eq!(profile["results"][0], printed.trim());
    }
}

#[test]
fn counts_belong_to_functions() {
    let program = Program::new();
    let report = program.json("compare busy.wat --profile --invoke run 5");
    let functions = report["functions"].as_array().unwrap();
    let named = |name: &str| functions.iter().find(|f| f["name"] == name).unwrap();
    for figures in named("never")["allocators"].as_object().unwrap().values() {
        let dynamic = figures["dynamic"].as_object().unwrap();
        assert!(dynamic.values().all(|count| *count == 0), "{dynamic:?}");
    }
    for figures in named("small")["allocators"].as_object().unwrap().values() {
        // An addition and a return, whatever the registers; greedy may copy.
        assert!((2..6).contains(&figures["dynamic"]["insts"].as_u64().unwrap()), "{figures}");
    }
    let busy = &functions[0];
    let costs = busy["allocators"].as_object().unwrap();
    let cost = |name: &str| costs[name]["dynamic"]["cost"].as_u64().unwrap();
    assert!(costs.keys().all(|name| cost(name) > 0));
    let least = costs.keys().map(|name| cost(name)).min().unwrap();
    assert_eq!(busy["dynamic"]["regret"], cost("ion") - least);
    let best = busy["dynamic"]["best"].as_array().unwrap();
    assert!(!best.is_empty() && best.iter().all(|name| cost(name.as_str().unwrap()) == least));

    let table = program.output("compare busy.wat --profile --invoke run 5");
    let header = table.lines().nth(2).unwrap();
    assert!(
        header.ends_with("dyn.insts  dyn.stores  dyn.reloads  dyn.copies  dyn.cost"),
        "{header}"
    );
    assert!(table.contains("\nbusy: run(5) = ("), "{table}");
}

#[test]
fn a_straight_line_executes_what_it_has() {
    let program = Program::new();
    let text = "(module (func (export \"f\") (param i32 i32) (result i32)
        (i32.mul (i32.add (local.get 0) (i32.const 3)) (i32.xor (local.get 1) (local.get 0)))))";
    std::fs::write(program.path("line.wat"), text).unwrap();
    let report = program.json("compare line.wat --profile --invoke f 1 2");
    for figures in report["functions"][0]["allocators"].as_object().unwrap().values() {
        assert_eq!(figures["dynamic"]["insts"], figures["insts"]);
        assert_eq!(figures["dynamic"]["spill_stores"], figures["final"]["spill_stores"]);
        assert_eq!(figures["dynamic"]["reloads"], figures["final"]["reloads"]);
    }
}

#[test]
fn what_cannot_be_profiled_is_an_error() {
    let program = Program::new();
    program.fails("compare one.clif --profile --invoke f 1", 1, &["one.clif", "wasm module"]);
    program.fails(
        "compare busy.wat --profile --invoke fail",
        1,
        &["busy.wat", "trap: unreachable"],
    );
    program.fails("compare busy.wat --profile --invoke none", 1, &["no export named none", "run"]);
    program.fails("compare busy.wat --profile --invoke run", 2, &["run takes 1 arguments"]);
    let budget = "compare busy.wat --profile --budget 20 --invoke run 5";
    program.fails(budget, 1, &["no result after 20 instructions"]);
    let cpu = "compare busy.wat --cpu cortex-m7 --fpu fpv5-d16 --profile --invoke run 5";
    program.fails(cpu, 1, &["double-precision"]);
}

#[test]
fn modules_can_be_preloaded() {
    let program = Program::new();
    let app = "(module (import \"busy\" \"run\" (func $run (param i32) (result i32)))
        (func (export \"f\") (param i32) (result i32) (call $run (local.get 0))))";
    std::fs::write(program.path("app.wat"), app).unwrap();
    let report = program.json("compare app.wat --preload busy=busy.wat --profile --invoke f 5");
    let busy = program.json("compare busy.wat --profile --invoke run 5");
    assert_eq!(report["profiles"][0]["results"], busy["profiles"][0]["results"]);
}
