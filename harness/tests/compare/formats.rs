//! JSON is as docs/stats-schema.md says, and CSV has the same figures.

use super::{ALLOCATORS, Program};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const DOCS: &str = include_str!("../../../docs/stats-schema.md");

/// Name and type of each documented field, by the object that has it.
fn documented() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut objects: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for line in DOCS.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, fields, of, ty, ..] = cells[..] else { panic!("no table row: {line}") };
        for field in fields.split(", ") {
            let known = objects.entry(of.to_owned()).or_default();
            let before = known.insert(field.trim_matches('`').to_owned(), ty.to_owned());
            assert_eq!(before, None, "{field} of {of} is documented twice");
        }
    }
    objects
}

struct Docs {
    objects: BTreeMap<String, BTreeMap<String, String>>,
    /// What was asked for beyond the usual.
    given: &'static [&'static str],
}

impl Docs {
    /// The object has the documented fields, all of them and no others.
    fn check(&self, of: &str, object: &Value) {
        let object = object.as_object().unwrap_or_else(|| panic!("{of} is no object: {object}"));
        let mut expected = 0;
        for (field, ty) in &self.objects[of] {
            let ty = match ty.split_once(", if ") {
                Some((ty, condition)) if self.given.contains(&condition) => ty,
                Some(_) => continue,
                None => ty,
            };
            expected += 1;
            let value = object.get(field).unwrap_or_else(|| panic!("{of} has no {field}"));
            let fits = match ty {
                "number" if field == "excess" => value.is_i64(),
                "number" => value.is_u64(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "object" => value.is_object(),
                "list of strings" => list(value).iter().all(Value::is_string),
                "list of objects" => list(value).iter().all(Value::is_object),
                _ => panic!("{of}: unknown type {ty}"),
            };
            assert!(fits, "{field} of {of} is no {ty}: {value}");
        }
        assert_eq!(object.len(), expected, "{of} has undocumented fields: {object:?}");
    }

    fn check_report(&self, report: &Value) {
        self.check("report", report);
        for function in list(&report["functions"]) {
            self.check("function", function);
            self.check_allocators(&function["allocators"]);
            if self.given.contains(&"sought") {
                self.check("optimum", &function["optimum"]);
            }
            if self.given.contains(&"profiled") {
                let ranking = function["dynamic"].as_object().unwrap();
                assert_eq!(ranking.keys().collect::<Vec<_>>(), ["best", "regret"]);
            }
        }
        self.check_allocators(&report["totals"]);
        for profile in report["profiles"].as_array().into_iter().flatten() {
            self.check("profile", profile);
            entries(&profile["allocators"]).values().for_each(|e| self.check("execution", e));
        }
    }

    fn check_allocators(&self, allocators: &Value) {
        assert_eq!(entries(allocators).len(), ALLOCATORS.len());
        for allocator in ALLOCATORS.map(|name| &allocators[name]) {
            self.check("allocator", allocator);
            self.check("final", &allocator["final"]);
            if self.given.contains(&"profiled") {
                self.check("dynamic", &allocator["dynamic"]);
            }
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

fn entries(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}"))
}

fn all_allocators() -> String {
    format!("--regalloc {}", ALLOCATORS.join(","))
}

#[test]
fn json_has_the_documented_fields() {
    let program = Program::new();
    let docs = |given| Docs { objects: documented(), given };
    let inputs = format!("compare busy.wat crc32.wasm one.clif {}", all_allocators());
    docs(&[]).check_report(&program.json(&inputs));
    let inputs = format!("compare crc32.wasm flight_control.wasm {}", all_allocators());
    docs(&["profiled"]).check_report(&program.json(&format!("{inputs} --profile --invoke run")));
    docs(&["sought"]).check_report(&program.json(&format!("{inputs} --optimum")));
    let curves = program.json(&format!("{inputs} --reg-env r0-r3..r0-r4"));
    docs(&[]).check("curves", &curves);
    list(&curves["curves"]).iter().for_each(|report| docs(&[]).check_report(report));

    program.output("compile crc32.wasm -o x.o --stats x.json --regalloc belady");
    let stats = std::fs::read_to_string(program.path("x.json")).unwrap();
    docs(&[]).check("report", &serde_json::from_str(&stats).unwrap());
}

#[test]
fn totals_are_sums() {
    let report = Program::new().json("compare busy.wat flight_control.wasm");
    let functions = list(&report["functions"]);
    let sum = |of: &dyn Fn(&Value) -> u64| functions.iter().map(of).sum::<u64>();
    assert_eq!(report["lower_bound"], sum(&|f| f["lower_bound"].as_u64().unwrap()));
    for (name, total) in entries(&report["totals"]) {
        for (field, value) in entries(total).iter().filter(|(_, value)| value.is_u64()) {
            let expected = sum(&|f| f["allocators"][name][field].as_u64().unwrap());
            assert_eq!(*value, expected, "{name} {field}");
        }
    }
}

/// What a record of the CSV should hold.
fn expected(report: &Value, function: &Value, allocator: &str) -> BTreeMap<String, String> {
    let mut record = BTreeMap::new();
    let mut add = |column: String, value: &Value| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(record.insert(column.clone(), text), None, "{column} stands for two fields");
    };
    let best = |ranking: &Value| {
        Value::from(u8::from(list(&ranking["best"]).iter().any(|name| name == allocator)))
    };
    for field in ["schema", "target", "cpu", "reg_env", "k"] {
        add(field.into(), &report[field]);
    }
    for (field, value) in entries(function) {
        match &field[..] {
            "name" => add("function".into(), value),
            "best" => add("best".into(), &best(function)),
            "dynamic" => {
                add("dynamic_best".into(), &best(value));
                add("dynamic_regret".into(), &value["regret"]);
            }
            "optimum" => {
                add("optimum_cost".into(), &value["cost"]);
                add("optimum_bound".into(), &value["bound"]);
                let proved = value["proved"].as_bool().unwrap();
                add("optimum_proved".into(), &Value::from(u8::from(proved)));
            }
            "allocators" => add("allocator".into(), &Value::from(allocator)),
            _ => add(field.clone(), value),
        }
    }
    for (field, value) in entries(&function["allocators"][allocator]) {
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(inner, value)| add(format!("{field}_{inner}"), value));
            }
            _ => add(field.clone(), value),
        }
    }
    record
}

/// Compares two runs, which differ in nothing but the time.
fn csv_equals_json(program: &Program, args: &str) {
    let json = program.json(args);
    let csv = program.output(&format!("{args} --format csv"));
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    assert_eq!(&header[0], "schema");
    let mut records = reader.records();
    let single = vec![json.clone()];
    for report in json["curves"].as_array().unwrap_or(&single) {
        for function in list(&report["functions"]) {
            for allocator in entries(&report["totals"]).keys() {
                assert!(ALLOCATORS.contains(&&allocator[..]));
            }
            for _ in 0..entries(&function["allocators"]).len() {
                let record = records.next().expect("a record").unwrap();
                let fields = header.iter().zip(&record).filter(|(_, value)| !value.is_empty());
                let mut got: BTreeMap<String, String> =
                    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                let mut expected = expected(report, function, &got["allocator"]);
                assert!(got.remove("time_us").is_some() && expected.remove("time_us").is_some());
                assert_eq!(got, expected, "{args}");
            }
        }
    }
    assert!(records.next().is_none(), "{args}: more records than figures");
}

#[test]
fn csv_has_the_figures_of_the_json() {
    let program = Program::new();
    csv_equals_json(&program, &format!("compare busy.wat one.clif {}", all_allocators()));
    csv_equals_json(&program, "compare busy.wat --reg-env r0-r3..r0-r6");
    csv_equals_json(&program, "compare busy.wat --profile --invoke run 5");
    csv_equals_json(&program, "compare crc32.wasm --optimum");
}

#[test]
fn output_does_not_depend_on_threads() {
    let program = Program::new();
    let strip = |mut report: Value| {
        for function in report["functions"].as_array_mut().unwrap() {
            for allocator in function["allocators"].as_object_mut().unwrap().values_mut() {
                allocator["time_us"] = 0.into();
            }
        }
        report["totals"] = Value::Null;
        report
    };
    let args = "compare busy.wat crc32.wasm flight_control.wasm";
    let first = strip(program.json(args));
    assert_eq!(first, strip(program.json(args)));
    assert_eq!(program.output(args), program.output(args));
}
