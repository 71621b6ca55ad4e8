//! The page in headless Chromium: a script that is added to a copy of it operates it as a reader
//! does and writes down what it sees.

use crate::{NASTY, compare, corpus_page, nasty_module};
use serde_json::Value;
use std::process::Command;

#[path = "../common/thousand.rs"]
mod thousand;

/// Opens the page with a script at its end that sets `seen`; answers that.
fn browse(page: &str, script: &str) -> Value {
    const WATCH: &str = "<script>
const problems = [];
addEventListener('error', (event) => problems.push(String(event.message)));
addEventListener('unhandledrejection', (event) => problems.push(String(event.reason)));
addEventListener('securitypolicyviolation', (event) => problems.push(event.violatedDirective));
for (const level of ['error', 'warn']) console[level] = (...args) => problems.push(args.join(' '));
</script>";
    let finish = format!(
        "<script>
(async () => {{
  const seen = {{}};
  const settle = () => new Promise((done) => setTimeout(done, 100));
  const cells = (row) => [...row.cells].map((cell) => (cell.querySelector('a') || cell).firstChild?.data ?? cell.textContent);
  const table = () => [...document.querySelectorAll('#functions tbody tr')].map(cells);
  const set = (element, value, type) => {{ element.value = value; element.dispatchEvent(new Event(type, {{ bubbles: true }})); }};
  const key = (element, name) => element.dispatchEvent(new KeyboardEvent('keydown', {{ key: name, bubbles: true }}));
  const button = (text) => [...document.querySelectorAll('button')].find((found) => found.textContent.trim() === text);
  await settle();
  try {{ {script} }} catch (error) {{ problems.push(error.stack); }}
  seen.problems = problems;
  document.body.replaceChildren();
  document.head.replaceChildren();
  document.body.dataset.seen = encodeURIComponent(JSON.stringify(seen));
}})();
</script></body>"
    );
    let page = page.replacen("<head>", &format!("<head>{WATCH}"), 1);
    let page = page.replacen("</body>\n</html>", &format!("{finish}\n</html>"), 1);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("page.html");
    std::fs::write(&path, page).unwrap();
    let output = Command::new("chromium")
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args(["--window-size=1400,1000", "--virtual-time-budget=60000"])
        .arg(format!("--user-data-dir={}", directory.path().join("profile").display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .expect("chromium runs");
    let dom = String::from_utf8_lossy(&output.stdout);
    let seen = dom.split("data-seen=\"").nth(1).and_then(|rest| rest.split('"').next());
    let seen = seen.unwrap_or_else(|| {
        panic!("the script did not end:\n{}", String::from_utf8_lossy(&output.stderr))
    });
    let seen: Value = serde_json::from_str(&decode(seen)).expect("JSON");
    assert_eq!(seen["problems"], serde_json::json!([]));
    seen
}

/// Undoes `encodeURIComponent`.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).expect("text")
}

/// A number as the page writes it.
fn number(cell: &Value) -> i64 {
    let text = cell.as_str().expect("a cell").replace('\u{202f}', "");
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

const ALLOCATORS: [&str; 5] = ["ion", "fastalloc", "greedy", "coloring", "belady"];

#[test]
#[ignore = "needs chromium"]
fn tables_have_the_figures_sort_and_search() {
    let (page, json) = corpus_page(&["flight_control", "sha256", "mandel"], &[]);
    let seen = browse(
        &page,
        "seen.spills = table();
        set(document.querySelector('main select'), 'cost', 'change');
        seen.cost = table();
        button('Emitted code').click();
        seen.emitted = table();
        button('Allocator').click();
        document.querySelector('[data-sort=name]').click();
        seen.byName = table().map((row) => row[0]);
        document.querySelector('[data-sort=name]').click();
        seen.byNameDown = table().map((row) => row[0]);
        document.querySelector('[data-sort=greedy]').click();
        seen.byGreedy = table().map((row) => row[7]);
        seen.focus = document.activeElement.dataset.sort;
        set(document.getElementById('search'), 'FLIGHT_st', 'input');
        seen.found = table().map((row) => row[0]);
        set(document.getElementById('search'), 'no such function', 'input');
        seen.none = document.querySelector('.empty').textContent;
        set(document.getElementById('search'), '', 'input');
        button('All figures').click();
        seen.all = table();
        seen.charts = document.querySelectorAll('.card svg').length;
        seen.dots = document.querySelectorAll('.dot').length;
        button('ion').click();
        seen.dotsWithout = document.querySelectorAll('.dot').length;
        const colour = () => getComputedStyle(document.body).backgroundColor;
        seen.light = colour();
        document.getElementById('theme').click();
        seen.dark = colour();",
    );
    let functions = json["functions"].as_array().unwrap();
    let named = |row: &Value| {
        let name = |f: &&Value| format!("{}:{}", text(&f["module"]), text(&f["name"])) == row[0];
        functions.iter().find(name).expect("a function of the report")
    };
    let tables =
        [("spills", &["spill_stores", "reloads"][..]), ("cost", &["cost"]), ("emitted", &["cost"])];
    for (table, fields) in tables {
        let rows = seen[table].as_array().unwrap();
        let stage = if table == "emitted" { "/final" } else { "" };
        assert_eq!(rows.len(), functions.len());
        for row in rows {
            let function = named(row);
            for (at, field) in
                ["peak_pressure", "excess", "lower_bound", "regret"].iter().enumerate()
            {
                assert_eq!(number(&row[at + 1]), function[field].as_i64().unwrap());
            }
            for (at, name) in ALLOCATORS.iter().enumerate() {
                let figures = &function["allocators"][name].pointer(stage).unwrap();
                let sum: i64 = fields.iter().map(|field| figures[field].as_i64().unwrap()).sum();
                assert_eq!(number(&row[at + 5]), sum, "{table} {name} {row}");
            }
        }
    }
    let all = seen["all"].as_array().unwrap();
    assert_eq!(all.len(), ALLOCATORS.len() * functions.len());
    let fields = [
        "cost",
        "spill_stores",
        "reloads",
        "moves",
        "remats",
        "slots",
        "frame_bytes",
        "code_bytes",
    ];
    for row in all {
        let figures = &named(row)["allocators"][text(&row[5])];
        for (at, field) in fields.iter().enumerate() {
            assert_eq!(number(&row[at + 6]), figures[field].as_i64().unwrap(), "{field} {row}");
        }
    }
    let names: Vec<&str> = seen["byName"].as_array().unwrap().iter().map(text).collect();
    assert!(names.is_sorted() && names.len() == functions.len());
    let down: Vec<&str> = seen["byNameDown"].as_array().unwrap().iter().map(text).collect();
    assert!(down.iter().rev().eq(names.iter()));
    let greedy: Vec<i64> = seen["byGreedy"].as_array().unwrap().iter().map(number).collect();
    assert!(greedy.iter().rev().is_sorted() && greedy[0] > 0);
    assert_eq!(seen["focus"], "greedy");
    assert_eq!(seen["found"], serde_json::json!(["flight_control:flight_step"]));
    assert_eq!(seen["none"], "No function has that name.");
    assert_eq!(seen["charts"], 2);
    assert_eq!(seen["dots"], ALLOCATORS.len() * functions.len());
    assert_eq!(seen["dotsWithout"], (ALLOCATORS.len() - 1) * functions.len());
    assert_ne!(seen["light"], seen["dark"]);
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

#[test]
#[ignore = "needs chromium"]
fn a_function_shows_two_allocators_and_where_values_are() {
    let (page, json) = corpus_page(&["flight_control"], &[]);
    let functions = json["functions"].as_array().unwrap();
    let at = functions.iter().position(|f| f["name"] == "flight_step").unwrap();
    let script = "location.hash = 'fAT/ion/greedy'; await settle();
        const kinds = (side) => Object.fromEntries(['store', 'reload', 'move', 'remat'].map((kind) =>
          [kind, document.querySelectorAll(`#pane-${side} .${kind}`).length]));
        const list = (side) => document.querySelector(`#pane-${side} .listing`);
        const here = (side) => document.querySelector(`#pane-${side} .here`).dataset.inst;
        seen.title = document.querySelector('h1').textContent;
        seen.figures = [...document.querySelectorAll('#figures tbody tr')].map((row) =>
          [...row.cells].map((cell) => [...cell.childNodes].find((node) => node.data)?.data));
        seen.ion = kinds('left');
        seen.greedy = kinds('right');
        set(document.querySelector('#pane-right select'), 'fastalloc', 'change');
        seen.fastalloc = kinds('right');
        seen.hash = location.hash;
        list('left').focus();
        key(list('left'), 'ArrowDown'); key(list('left'), 'ArrowDown');
        seen.down = [here('left'), here('right')];
        key(document.querySelector('.timeline'), 'End');
        seen.end = [here('left'), here('right')];
        seen.status = document.getElementById('status').textContent;
        document.querySelector('#pane-left [data-inst=\"7\"]').click();
        seen.click = [here('left'), here('right')];
        seen.stays = document.querySelectorAll('.stay').length;
        const width = () => document.querySelector('.timeline .row:last-child > svg').getBoundingClientRect().width;
        seen.fit = width();
        document.querySelector('[aria-label=\"Zoom in\"]').click();
        seen.zoomed = width();
        set(document.querySelector('section select'), 'greedy', 'change');
        seen.staysOfGreedy = document.querySelectorAll('.stay').length;
        const clif = document.querySelector('[data-source]');
        seen.clif = clif.textContent.includes('function u0:');
        button('VCode').click();
        seen.vcode = document.querySelectorAll('[data-source=vcode] [data-inst]').length;
        const unnamed = (element) => !element.textContent.trim() && !element.getAttribute('aria-label') && !element.labels?.length;
        seen.unnamed = [...document.querySelectorAll('button, select, input, [role=listbox], [role=region]')]
          .filter(unnamed).map((element) => element.outerHTML.slice(0, 80));
        location.hash = ''; await settle();
        seen.back = document.querySelector('h1').textContent;";
    let seen = browse(&page, &script.replace("AT", &at.to_string()));
    let function = &functions[at];
    assert_eq!(seen["title"], "flight_control:flight_step");
    for name in ["ion", "greedy", "fastalloc"] {
        let figures = &function["allocators"][name]["final"];
        let fields = ["spill_stores", "reloads", "moves", "remats"];
        for (kind, field) in ["store", "reload", "move", "remat"].iter().zip(fields) {
            assert_eq!(seen[name][kind], figures[field], "{name} {kind}");
        }
    }
    let fields = ["cost", "spill_stores", "reloads", "moves", "remats", "slots", "frame_bytes"];
    for row in seen["figures"].as_array().unwrap() {
        let figures = &function["allocators"][text(&row[0])];
        for (column, field) in fields.iter().enumerate() {
            assert_eq!(number(&row[column + 2]), figures[field].as_i64().unwrap(), "{field} {row}");
        }
    }
    assert_eq!(seen["hash"], format!("#f{at}/ion/fastalloc"));
    assert_eq!(seen["down"], serde_json::json!(["2", "2"]));
    let insts = function["vcode_insts"].as_u64().unwrap();
    let last = (insts - 1).to_string();
    assert_eq!(seen["end"], serde_json::json!([last, last]));
    assert!(text(&seen["status"]).contains("of 9"), "{}", seen["status"]);
    assert_eq!(seen["click"], serde_json::json!(["7", "7"]));
    assert!(seen["stays"].as_u64() > Some(100) && seen["stays"] != seen["staysOfGreedy"]);
    assert!(seen["zoomed"].as_f64() > seen["fit"].as_f64());
    assert_eq!(seen["clif"], true);
    assert_eq!(seen["vcode"], insts);
    assert_eq!(seen["unnamed"], serde_json::json!([]));
    assert_eq!(seen["back"], "Register allocation compared");
}

#[test]
#[ignore = "needs chromium"]
fn curves_and_executed_counts_are_shown_if_there_are_any() {
    let range = ["--reg-env", "r0-r3..r0-r5", "--regalloc", "ion,belady"];
    let run = ["--profile", "--invoke", "run"];
    let (page, json) = corpus_page(&["crc32"], &[&range[..], &run].concat());
    let seen = browse(
        &page,
        "await settle();
        const points = () => document.querySelectorAll('#curves .point').length;
        seen.cost = points();
        button('spills').click();
        seen.spills = points();
        set(document.querySelector('main select'), 'executed', 'change');
        seen.executed = table();
        seen.environment = document.querySelector('.target').textContent;",
    );
    // Three environments; two allocators, and the bound of the cost.
    assert_eq!((&seen["cost"], &seen["spills"]), (&9.into(), &6.into()));
    let last = &json["curves"][2];
    let functions = last["functions"].as_array().unwrap();
    assert!(text(&seen["environment"]).ends_with("r0-r5"));
    let mut executed = 0;
    for row in seen["executed"].as_array().unwrap() {
        let name = |f: &&Value| row[0] == format!("crc32:{}", text(&f["name"]));
        let function = functions.iter().find(name).unwrap();
        for (at, name) in ["ion", "belady"].iter().enumerate() {
            let cost = function["allocators"][name]["dynamic"]["cost"].as_i64().unwrap();
            assert_eq!(number(&row[at + 5]), cost);
            executed += cost;
        }
    }
    assert!(executed > 0);
}

#[test]
#[ignore = "needs chromium"]
fn nasty_names_are_shown_and_not_executed() {
    let directory = nasty_module();
    let page = compare(directory.path(), &["a<b&.wat", "--format", "html"]);
    let seen = browse(
        &page,
        "document.querySelector('[data-sort=name]').click();
        seen.names = table().map((row) => row[0]);
        location.hash = 'f0'; await settle();
        seen.title = document.querySelector('h1').textContent;
        seen.document = document.title;",
    );
    let mut names: Vec<String> = NASTY.iter().map(|name| format!("a<b&:{name}")).collect();
    assert_eq!(seen["title"], names[0]);
    assert_eq!(seen["document"], format!("{} · windlass", names[0]));
    names.sort();
    assert_eq!(seen["names"], serde_json::json!(names));
}

#[test]
#[ignore = "needs chromium"]
fn a_thousand_functions_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("many.wat"), thousand::thousand()).unwrap();
    let args = ["many.wat", "--regalloc", "ion,greedy,belady", "--format", "html"];
    let page = compare(directory.path(), &args);
    let seen = browse(
        &page,
        "seen.rows = table().length;
        set(document.getElementById('search'), 'f99', 'input');
        seen.found = table().length;
        set(document.getElementById('search'), '', 'input');
        button('All figures').click();
        seen.first = table().length;
        [...document.querySelectorAll('.more')].forEach((more) => more.click());
        seen.all = table().length;
        location.hash = 'f999'; await settle();
        seen.lines = document.querySelectorAll('#pane-left [data-inst]').length;",
    );
    assert_eq!(seen["rows"], 1000);
    assert_eq!(seen["found"], 11);
    assert_eq!(seen["first"], 1500);
    assert_eq!(seen["all"], 3000);
    assert!(seen["lines"].as_u64() > Some(20), "{}", seen["lines"]);
}

/// Errors in the page reach the tests.
#[test]
#[ignore = "needs chromium"]
fn the_browser_reports_what_goes_wrong() {
    let (page, _) = corpus_page(&["crc32"], &["--regalloc", "ion"]);
    let failed = std::panic::catch_unwind(|| browse(&page, "missing.call();"));
    let message = failed.expect_err("a script that fails");
    let message = message.downcast_ref::<String>().expect("text");
    assert!(message.contains("missing is not defined"), "{message}");
}

#[test]
#[ignore = "needs chromium"]
fn the_optimum_stands_beside_the_bound_if_it_was_sought() {
    let args = ["--optimum", "--regalloc", "portfolio"];
    let (page, json) = corpus_page(&["flight_control", "sha256"], &args);
    let seen = browse(
        &page,
        "seen.heads = [...document.querySelectorAll('#functions thead th')].map((cell) => cell.textContent);
        seen.rows = table();
        document.querySelector('#functions tbody a').click();
        await settle();
        seen.facts = document.querySelector('.facts').textContent;",
    );
    let at = 5;
    assert!(seen["heads"][at].as_str().unwrap().contains("optimum"), "{seen}");
    let functions = json["functions"].as_array().unwrap();
    for row in seen["rows"].as_array().unwrap() {
        let name = row[0].as_str().unwrap();
        let name = |f: &&Value| name == format!("{}:{}", text(&f["module"]), text(&f["name"]));
        let function = functions.iter().find(name).expect("a function of the report");
        assert_eq!(number(&row[at]), function["optimum"]["cost"].as_i64().unwrap());
    }
    assert!(seen["facts"].as_str().unwrap().contains("optimum of cost"), "{seen}");
}
