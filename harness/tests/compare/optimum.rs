//! `--optimum`: what it finds, and how it is shown.

use super::{ALLOCATORS, Program};
use serde_json::Value;

/// The known cost, the bound and whether they are proved to be one.
fn optimum(function: &Value) -> (u64, u64, bool) {
    let optimum = &function["optimum"];
    let number = |field: &str| optimum[field].as_u64().unwrap();
    (number("cost"), number("bound"), optimum["proved"].as_bool().unwrap())
}

fn functions(report: &Value) -> &[Value] {
    report["functions"].as_array().unwrap()
}

/// Of the allocators that keep the order of the instructions.
fn least(function: &Value) -> u64 {
    let figures = function["allocators"].as_object().unwrap().values();
    let same_order = figures.filter(|figures| figures["reordered"] == 0);
    same_order.map(|figures| figures["cost"].as_u64().unwrap()).min().unwrap()
}

#[test]
fn the_optimum_is_between_the_bound_and_every_allocator() {
    let program = Program::new();
    let all = ALLOCATORS.join(",");
    let report = program.json(&format!("compare busy.wat crc32.wasm --regalloc {all} --optimum"));
    let mut strictly = (false, false);
    for function in functions(&report) {
        let (cost, bound, proved) = optimum(function);
        let lower = function["lower_bound"].as_u64().unwrap();
        assert!(proved && cost == bound, "{function}");
        assert!(lower <= cost && cost <= least(function), "{function}");
        strictly.0 |= lower < cost;
        strictly.1 |= cost < least(function);
    }
    assert!(strictly.0, "the lower bound says all");
    let again = program.json("compare busy.wat crc32.wasm --regalloc greedy --optimum");
    for (function, again) in functions(&report).iter().zip(functions(&again)) {
        assert_eq!(optimum(function), optimum(again), "whatever allocators there are");
    }
}

#[test]
fn without_time_there_is_a_gap() {
    let program = Program::new();
    let args = "compare busy.wat --regalloc greedy --optimum --time-limit 0";
    let report = program.json(args);
    let open = functions(&report).iter().filter(|function| !optimum(function).2);
    let open: Vec<String> = open
        .map(|function| {
            let (cost, bound, _) = optimum(function);
            assert_eq!((bound, cost), (function["lower_bound"].as_u64().unwrap(), least(function)));
            format!("{bound}..{cost}")
        })
        .collect();
    assert!(!open.is_empty());
    let table = program.output(args);
    assert!(open.iter().all(|gap| table.contains(gap)), "{table}");
    let (all, proved) = (functions(&report).len(), functions(&report).len() - open.len());
    let line = format!("The optimum is proved in {proved} of {all} functions.");
    assert!(table.contains(&line), "{table}");
}

#[test]
fn tables_show_how_far_allocators_are_from_it() {
    let program = Program::new();
    let args = "compare busy.wat --regalloc greedy,belady";
    let with = program.output(&format!("{args} --optimum"));
    let report = program.json(&format!("{args} --optimum"));
    let sum: u64 = functions(&report).iter().map(|function| optimum(function).0).sum();
    for (name, figures) in report["totals"].as_object().unwrap() {
        let cost = figures["cost"].as_u64().unwrap();
        let ratio = format!("{:.2}", cost as f64 / sum as f64);
        let line = with.lines().rfind(|line| line.starts_with(&name[..])).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[words.len() - 2..], [(cost - sum).to_string(), ratio], "{with}");
    }
    assert!(!program.output(args).contains("optimum"));
    let curves = program.output(&format!("{args} --reg-env r0-r7..r0-r8 --optimum"));
    let line = curves.lines().find(|line| line.starts_with("optimum")).unwrap();
    assert!(line.ends_with(&sum.to_string()), "{curves}");
}
