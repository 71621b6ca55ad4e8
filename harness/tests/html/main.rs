//! `compare --format html`: what stands in the page, and, ignored, what a browser makes of it.

mod browser;

use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Names that would end or open elements if they were not escaped.
const NASTY: [&str; 4] = [
    "</script><script>fail()</script>",
    "<!--<script>",
    "\" onload=fail() '&amp;<b>",
    "\\u003c]]>",
];

/// Runs `windlass compare` in a directory and answers what it prints.
fn compare(directory: &Path, args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
        .arg("compare")
        .args(args)
        .current_dir(directory)
        .output()
        .expect("windlass runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The page and the JSON report of programs of the corpus.
fn corpus_page(programs: &[&str], more: &[&str]) -> (String, Value) {
    let paths: Vec<String> = programs
        .iter()
        .map(|name| format!("{}/corpus/{name}.wasm", env!("CARGO_MANIFEST_DIR")))
        .collect();
    let mut args: Vec<&str> = paths.iter().map(String::as_str).collect();
    args.extend(more);
    let page = compare(Path::new("."), &[&args[..], &["--format", "html"]].concat());
    let json = compare(Path::new("."), &[&args[..], &["--format", "json"]].concat());
    (page, serde_json::from_str(&json).expect("JSON"))
}

/// A directory with a module whose functions are exported under nasty names.
fn nasty_module() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let function = |name: &&str| {
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        format!("(func (export \"{name}\") (param i32) (result i32) (local.get 0))\n")
    };
    let functions: String = NASTY.iter().map(function).collect();
    std::fs::write(directory.path().join("a<b&.wat"), format!("(module {functions})")).unwrap();
    directory
}

/// The JSON in the script element with an id.
fn data(page: &str, id: &str) -> Value {
    let start = format!("<script type=\"application/json\" id=\"{id}\">");
    let at = page.find(&start).unwrap_or_else(|| panic!("no element {id}")) + start.len();
    let end = page[at..].find("</script>").expect("an end");
    serde_json::from_str(&page[at..at + end]).expect("JSON")
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("time_us");
            map.values_mut().for_each(without_times);
        }
        Value::Array(list) => list.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[test]
fn the_page_has_the_figures_of_the_json_report() {
    let (page, mut json) = corpus_page(&["flight_control", "sha256"], &[]);
    without_times(&mut json);
    let data = data(&page, "report");
    assert_eq!(data["report"], json);
    assert_eq!(data["allocators"], json!(["ion", "fastalloc", "greedy", "coloring", "belady"]));
    assert_eq!(data["curve"], json!([]));
}

#[test]
fn several_environments_make_curves_and_the_last_is_shown() {
    let more = ["--reg-env", "r0-r3..r0-r5", "--regalloc", "ion,belady"];
    let (page, mut json) = corpus_page(&["crc32", "sha256"], &more);
    without_times(&mut json);
    let data = data(&page, "report");
    let reports = json["curves"].as_array().unwrap();
    assert_eq!(data["report"], reports[2]);
    let mut expected = Vec::new();
    for report in reports {
        let k = &report["k"];
        expected.push(json!({"allocator": null, "k": k, "cost": report["lower_bound"]}));
        for name in ["ion", "belady"] {
            let sums = &report["totals"][name];
            let spills = sums["spill_stores"].as_u64().unwrap() + sums["reloads"].as_u64().unwrap();
            let cost = &sums["cost"];
            expected.push(json!({"allocator": name, "k": k, "cost": cost, "spills": spills}));
        }
    }
    assert_eq!(data["curve"], Value::Array(expected));
    assert_eq!(
        page.matches("id=\"function-").count(),
        reports[2]["functions"].as_array().unwrap().len()
    );
}

#[test]
fn the_page_needs_no_other_file() {
    let (page, _) = corpus_page(&["crc32"], &["--regalloc", "ion"]);
    assert!(page.starts_with("<!doctype html>"));
    assert!(page.contains("default-src 'none'"));
    let own = page.replace("http://www.w3.org/2000/svg", "");
    for reference in ["http:", "https:", " src=", "url(", "@import", "<link", "import("] {
        assert!(!own.contains(reference), "{reference}");
    }
    // Everything that opens closes, nothing else does.
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
    assert_eq!(page.matches("<style>").count(), 1);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (first, _) = corpus_page(&["flight_control", "crc32"], &[]);
    let (second, _) = corpus_page(&["flight_control", "crc32"], &[]);
    assert!(first == second);
}

#[test]
fn names_end_no_element() {
    let directory = nasty_module();
    let page = compare(directory.path(), &["a<b&.wat", "--format", "html"]);
    let (plain, _) = corpus_page(&["crc32"], &["--regalloc", "ion"]);
    let tail = |page: &str| page[page.rfind("</script>\n<script>\n").expect("scripts")..].len();
    assert_eq!(tail(&page), tail(&plain), "the data end where they should");
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
    assert!(!page.contains("<!--") && !page.contains("<b>"));
    let functions = &data(&page, "report")["report"]["functions"];
    for (at, name) in NASTY.into_iter().enumerate() {
        assert_eq!(functions[at]["name"], name);
        assert_eq!(functions[at]["module"], "a<b&");
    }
}

/// The code of each function has the spill code that its figures count, and bars have places.
#[test]
fn views_agree_with_figures() {
    let programs = ["flight_control", "sha256", "state_machine", "mandel"];
    for reg_env in ["r0-r8", "r0-r4"] {
        let (page, json) = corpus_page(&programs, &["--reg-env", reg_env]);
        let functions = json["functions"].as_array().unwrap();
        assert!(functions.len() > 10);
        for (at, function) in functions.iter().enumerate() {
            let view = data(&page, &format!("function-{at}"));
            let what = format!("{} with {reg_env}", function["name"]);
            agrees(&view, function, &what);
        }
    }
}

fn agrees(view: &Value, function: &Value, what: &str) {
    let insts = view["insts"].as_array().unwrap().len();
    assert_eq!(function["vcode_insts"], insts, "{what}");
    let peak = numbers(&view["pressure"][0]["live"]).into_iter().max();
    assert_eq!(function["peak_pressure"].as_i64(), peak, "{what}");
    let registers = view["registers"].as_array().unwrap().len() as i64;
    for (name, figures) in function["allocators"].as_object().unwrap() {
        let allocation = &view["allocators"][name];
        let lines = numbers(&allocation["lines"]);
        let count =
            |kinds: &[i64]| lines.chunks(3).filter(|line| kinds.contains(&line[0])).count() as u64;
        let counted = [count(&[0, 5, 6]), count(&[1]), count(&[2, 5]), count(&[3]), count(&[4])];
        let fields = ["spill_stores", "reloads", "moves", "remats"];
        let reported = fields.map(|field| figures["final"][field].as_u64().unwrap());
        assert_eq!(counted[0], insts as u64, "{what} {name}");
        assert_eq!(counted[1..], reported, "{what} {name}");

        let places = registers + figures["final"]["slots"].as_i64().unwrap();
        for stay in numbers(&allocation["stays"]).chunks(4) {
            let [place, _, start, end] = stay else { panic!("{what} {name}") };
            assert!((0..places).contains(place), "{what} {name}: {stay:?}");
            assert!(start < end && *end <= 2 * insts as i64, "{what} {name}: {stay:?}");
        }
    }
}

fn numbers(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
}

#[test]
fn output_goes_to_a_file_whole_or_not_at_all() {
    let directory = nasty_module();
    let path = directory.path();
    let printed = compare(path, &["a<b&.wat", "--format", "html"]);
    assert_eq!(compare(path, &["a<b&.wat", "--format", "html", "-o", "page.html"]), "");
    assert!(std::fs::read_to_string(path.join("page.html")).unwrap() == printed);

    let beyond = ["compare", "a<b&.wat", "--format", "html", "-o", "none/page.html"];
    let command =
        Command::new(env!("CARGO_BIN_EXE_windlass")).args(beyond).current_dir(path).output();
    let output = command.expect("windlass runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write none/page.html"));
    assert_eq!(std::fs::read_dir(path).unwrap().count(), 2);
}
