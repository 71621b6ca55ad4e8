//! `--remarks`: YAML that a parser of its own reads, with the sums of the JSON.

use super::Program;
use saphyr_parser::{Event, Parser};
use std::collections::BTreeMap;

/// One document: scalar fields, those of the place, and arguments in order.
#[derive(Debug, Default)]
struct Remark {
    tag: String,
    fields: BTreeMap<String, String>,
    place: BTreeMap<String, String>,
    args: Vec<(String, String)>,
}

impl Remark {
    fn count(&self, key: &str) -> f64 {
        let found = self.args.iter().find(|(name, _)| name == key);
        found.map_or(0.0, |(_, value)| value.parse().unwrap())
    }
}

/// Reads a stream; only the shapes that LLVM's records have are accepted.
fn parse(text: &str) -> Vec<Remark> {
    let events: Vec<Event> = Parser::new_from_str(text).map(|event| event.unwrap().0).collect();
    let mut events = events.into_iter().peekable();
    let mut remarks = Vec::new();
    assert_eq!(events.next(), Some(Event::StreamStart));
    while let Some(Event::DocumentStart(true)) = events.next() {
        let mut remark = Remark::default();
        let Some(Event::MappingStart(_, Some(tag))) = events.next() else { panic!("no mapping") };
        remark.tag = format!("{}{}", tag.handle, tag.suffix);
        while let Some(Event::Scalar(key, ..)) = events.next() {
            match events.next() {
                Some(Event::Scalar(value, ..)) => {
                    assert!(remark.fields.insert(key.into(), value.into()).is_none());
                }
                Some(Event::MappingStart(..)) => {
                    assert_eq!(key, "DebugLoc");
                    while let Some(Event::Scalar(key, ..)) = events.next() {
                        let Some(Event::Scalar(value, ..)) = events.next() else { panic!("{key}") };
                        remark.place.insert(key.into(), value.into());
                    }
                }
                Some(Event::SequenceStart(..)) => {
                    assert_eq!(key, "Args");
                    while let Some(Event::MappingStart(..)) = events.next() {
                        let pair = (events.next(), events.next(), events.next());
                        let (Some(Event::Scalar(key, ..)), Some(Event::Scalar(value, ..)), end) =
                            pair
                        else {
                            panic!("no argument: {pair:?}")
                        };
                        assert_eq!(end, Some(Event::MappingEnd));
                        remark.args.push((key.into(), value.into()));
                    }
                }
                other => panic!("{key}: {other:?}"),
            }
        }
        assert_eq!(events.next(), Some(Event::DocumentEnd));
        remarks.push(remark);
    }
    remarks
}

fn read(program: &Program, args: &str) -> Vec<Remark> {
    program.output(&format!("{args} --remarks x.yaml"));
    parse(&std::fs::read_to_string(program.path("x.yaml")).unwrap())
}

#[test]
fn functions_have_the_sums_of_the_json() {
    let program = Program::new();
    let args = "compare busy.wat crc32.wasm --regalloc greedy,belady,ion";
    let remarks = read(&program, args);
    let report = program.json(args);
    let mut compared = 0;
    for function in report["functions"].as_array().unwrap() {
        for (allocator, figures) in function["allocators"].as_object().unwrap() {
            let figure = |field: &str| figures["final"][field].as_f64().unwrap();
            let counts = ["spill_stores", "reloads", "moves", "remats"].map(figure);
            let remark = remarks.iter().find(|r| {
                r.fields["Name"] == "SpillReloadCopies"
                    && function["name"] == r.fields["Function"]
                    && r.args
                        .contains(&("Module".into(), function["module"].as_str().unwrap().into()))
                    && r.args.contains(&("Allocator".into(), allocator.clone()))
            });
            let Some(remark) = remark else {
                assert_eq!(counts, [0.0; 4], "{allocator}: no remark for {function}");
                continue;
            };
            let keys = ["NumSpills", "NumReloads", "NumVRCopies", "NumRemats"];
            assert_eq!(keys.map(|key| remark.count(key)), counts, "{allocator}: {remark:?}");
            let cost = remark.count("TotalSpillsCost") + remark.count("TotalReloadsCost");
            assert_eq!(cost, figure("cost"), "{allocator}: {remark:?}");
            compared += 1;
        }
    }
    let functions = remarks.iter().filter(|r| r.fields["Name"] == "SpillReloadCopies").count();
    assert_eq!(functions, compared, "remarks of functions that are not reported");
    assert!(compared > 6, "only {compared} remarks");
}

#[test]
fn documents_have_the_shape_of_llvm() {
    let program = Program::new();
    let remarks = read(&program, "compile crc32.wasm -o x.o --regalloc greedy");
    assert!(std::fs::read(program.path("x.o")).unwrap().starts_with(b"\x7fELF"));
    let size = std::fs::metadata(program.path("crc32.wasm")).unwrap().len();
    for remark in &remarks {
        assert_eq!((&remark.tag[..], &remark.fields["Pass"][..]), ("!Missed", "regalloc"));
        assert_eq!((&remark.place["File"][..], &remark.place["Line"][..]), ("crc32.wasm", "1"));
        let column: u64 = remark.place["Column"].parse().unwrap();
        assert!(column > 8 && column < size, "{column} of {size}");
        let message: String = remark.args.iter().map(|(_, value)| &value[..]).collect();
        let scope = if remark.fields["Name"].starts_with("Loop") { "loop" } else { "function" };
        assert!(
            message.ends_with(&format!("generated in {scope} of module crc32 by greedy in r0-r8")),
            "{message}"
        );
    }
    assert!(remarks.iter().any(|r| r.fields["Name"] == "LoopSpillReloadCopies"));
}

#[test]
fn inner_loops_are_counted_in_outer_ones() {
    let program = Program::new();
    let remarks = read(&program, "compare busy.wat --regalloc greedy");
    let step: Vec<_> =
        remarks.iter().filter(|r| r.fields["Function"].starts_with("step")).collect();
    let names: Vec<_> = step.iter().map(|r| &r.fields["Name"][..]).collect();
    assert_eq!(names, ["LoopSpillReloadCopies", "LoopSpillReloadCopies", "SpillReloadCopies"]);
    // The name came through the quoting, and text has no byte offsets.
    assert_eq!(step[0].fields["Function"], "step, \"two\"\nlines: 'x'");
    assert!(step.iter().all(|remark| remark.place.is_empty()));
    for key in ["NumSpills", "NumReloads", "TotalReloadsCost"] {
        assert!(step.is_sorted_by(|a, b| a.count(key) <= b.count(key)), "{key}: {step:?}");
    }
    assert_eq!(step[0].count("TotalReloadsCost"), 100.0 * step[0].count("NumReloads"));
}

#[test]
fn each_environment_has_its_remarks() {
    let program = Program::new();
    let remarks = read(&program, "compare busy.wat --regalloc ion --reg-env r0-r4..r0-r6");
    for env in ["r0-r4", "r0-r5", "r0-r6"] {
        let own = |r: &&Remark| r.args.last() == Some(&("RegEnv".into(), env.into()));
        assert!(remarks.iter().any(|r| own(&r)), "{env}");
    }
    // Whole or not at all.
    program.fails("compare busy.wat none.wat --remarks y.yaml", 1, &["none.wat"]);
    assert!(!program.path("y.yaml").exists());
}
