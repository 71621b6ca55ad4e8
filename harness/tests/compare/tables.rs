//! What people read: marks, order, what is left out, curves.

use super::Program;
use serde_json::Value;

/// Functions of a table with their regret and the allocators that are marked.
fn functions(table: &str) -> Vec<(String, u64, Vec<String>)> {
    let mut functions: Vec<(String, u64, Vec<String>)> = Vec::new();
    let lines = table.lines().skip_while(|line| !line.starts_with("function")).skip(1);
    for line in lines.take_while(|line| !line.starts_with("total of")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut allocator = words[0];
        if !line.starts_with(' ') {
            // Names may have blanks in them: from the end, ten figures and the allocator.
            let at = words.len() - 11;
            allocator = words[at];
            functions.push((words[0].to_owned(), words[at - 1].parse().unwrap(), vec![]));
        }
        if let Some(name) = allocator.strip_suffix('*') {
            functions.last_mut().unwrap().2.push(name.to_owned());
        }
    }
    functions
}

fn report_functions(report: &Value) -> &[Value] {
    report["functions"].as_array().unwrap()
}

#[test]
fn the_best_are_marked_and_functions_sorted_by_regret() {
    let program = Program::new();
    let args = "compare flight_control.wasm crc32.wasm --regalloc greedy,ion,belady";
    let report = program.json(args);
    let table = functions(&program.output(args));
    assert_eq!(table.len(), report_functions(&report).len());
    assert!(table.is_sorted_by(|a, b| a.1 >= b.1), "{table:?}");
    assert!(table[0].1 > 0);
    for function in report_functions(&report) {
        let name = format!("{}:{}", function["module"], function["name"]).replace('"', "");
        let (_, regret, marked) = table.iter().find(|(n, ..)| *n == name).unwrap();
        // By the definition, from the figures alone.
        let allocators = function["allocators"].as_object().unwrap();
        let figure = |name: &str, field: &str| allocators[name][field].as_u64().unwrap();
        let key =
            |name: &str| (figure(name, "cost"), figure(name, "moves"), figure(name, "code_bytes"));
        let least = allocators.keys().map(|name| key(name)).min().unwrap();
        let best: Vec<_> =
            ["greedy", "ion", "belady"].into_iter().filter(|name| key(name) == least).collect();
        assert_eq!(*marked, best, "{name}");
        assert_eq!(function["best"], Value::from(best));
        assert_eq!(*regret, figure("greedy", "cost") - least.0, "{name}");
        assert_eq!(function["regret"], *regret);
    }
}

#[test]
fn functions_come_in_the_order_that_is_asked_for() {
    let program = Program::new();
    let names = |sort: &str| -> Vec<String> {
        let args = format!("compare crc32.wasm flight_control.wasm --sort {sort}");
        functions(&program.output(&args)).into_iter().map(|(name, ..)| name).collect()
    };
    let report = program.json("compare crc32.wasm flight_control.wasm");
    let mut expected: Vec<(String, u64)> = report_functions(&report)
        .iter()
        .map(|f| {
            let name = format!("{}:{}", f["module"], f["name"]).replace('"', "");
            (name, f["vcode_insts"].as_u64().unwrap())
        })
        .collect();
    let names_of = |list: &[(String, u64)]| list.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
    assert_eq!(names("order"), names_of(&expected));
    expected.sort_by_key(|f| core::cmp::Reverse(f.1));
    assert_eq!(names("size"), names_of(&expected));
    expected.sort();
    assert_eq!(names("name"), names_of(&expected));
}

#[test]
fn top_says_what_it_leaves_out() {
    let program = Program::new();
    let table = program.output("compare busy.wat --top 2");
    assert_eq!(functions(&table).len(), 2, "{table}");
    assert!(table.contains("\nbusy:step, \"two\"\\nlines: 'x'  "), "{table}");
    let regret = |report: &Value| {
        let regrets = report_functions(report).iter().map(|f| f["regret"].as_u64().unwrap());
        regrets.filter(|&regret| regret > 0).count()
    };
    let left = regret(&program.json("compare busy.wat")).saturating_sub(2);
    let message = format!("3 more functions, {left} of them with regret: --top all");
    assert!(table.contains(&message), "{table}");
    assert!(table.contains("total of 5 functions"), "{table}");
    for all in ["--top all", "--top 5", ""] {
        let table = program.output(&format!("compare busy.wat {all}"));
        assert!(!table.contains("more functions"), "{all}: {table}");
    }
    let none = program.output("compare busy.wat --top 0");
    assert!(none.contains("5 more functions") && !none.contains("busy:"), "{none}");
}

#[test]
fn the_summary_counts_the_best_and_the_distance_from_the_bound() {
    let program = Program::new();
    let report = program.json("compare crc32.wasm");
    let table = program.output("compare crc32.wasm");
    let functions = report_functions(&report);
    let (_, summary) = table.split_once("\nallocator").expect("a summary");
    for (line, name) in
        summary.lines().skip(1).zip(["ion", "fastalloc", "greedy", "coloring", "belady"])
    {
        let best = |f: &&Value| f["best"].as_array().unwrap().contains(&name.into());
        let total = &report["totals"][name];
        let cost = total["cost"].as_u64().unwrap();
        let expected = format!(
            "{name} {} of {} {cost} {}",
            functions.iter().filter(best).count(),
            functions.len(),
            cost - report["lower_bound"].as_u64().unwrap(),
        );
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(line.starts_with(&expected), "{line} is not {expected}");
    }
}

#[test]
fn curves_have_a_point_for_each_environment() {
    let program = Program::new();
    let args = "compare crc32.wasm flight_control.wasm --reg-env r0-r3..r0-r8";
    let curves = program.json(args);
    let reports = curves["curves"].as_array().unwrap();
    let field = |name: &str| reports.iter().map(|r| r[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("k"), [4, 5, 6, 7, 8, 9]);
    assert_eq!(field("reg_env")[..3], ["r0-r3", "r0-r4", "r0-r5"]);
    let bounds: Vec<_> = field("lower_bound").iter().map(|b| b.as_u64().unwrap()).collect();
    assert!(bounds.is_sorted_by(|a, b| a >= b) && bounds[0] > bounds[5], "{bounds:?}");
    // Each point is the report of its environment.
    let single = program.json("compare crc32.wasm flight_control.wasm --reg-env r0-r5");
    let costs = |report: &Value| report["functions"].to_string().replace("time_us", "");
    let without_times = |report: &Value| {
        let functions = report_functions(report).iter().map(|f| {
            let ion = &f["allocators"]["ion"];
            (f["lower_bound"].clone(), ion["cost"].clone(), ion["final"].clone())
        });
        functions.collect::<Vec<_>>()
    };
    assert_eq!(without_times(&reports[2]), without_times(&single));
    assert!(!costs(&single).is_empty());

    let table = program.output(args);
    assert!(table.starts_with("thumbv7em-none-eabi, cortex-m4, r0-r3..r0-r8, "), "{table}");
    for (name, of) in [("cost", "cost"), ("bytes", "code_bytes")] {
        let (_, part) = table.split_once(&format!("\n{name} ")).expect("a table of the figure");
        for allocator in ["ion", "greedy", "belady"] {
            let line = part.lines().find(|line| line.starts_with(allocator)).unwrap();
            let points: Vec<_> = line.split_whitespace().skip(1).collect();
            let expected = reports.iter().map(|r| {
                let value = |a: &Value| a[of].as_u64().unwrap();
                let totals = r["totals"].as_object().unwrap();
                let mine = value(&totals[allocator]);
                let least = totals.values().map(value).min().unwrap();
                format!("{}{mine}", if mine == least { "*" } else { "" })
            });
            assert_eq!(points, expected.collect::<Vec<_>>(), "{name} of {allocator}");
        }
    }
}
