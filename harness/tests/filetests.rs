//! File tests: programs with what they compute, and with what they compile to.
//!
//! Directives stand in comments, `;;` in .wat and `;` in .clif:
//!
//! ```text
//!   run: f(1, 2) == 3           calls in order, on one instance; (%f in .clif)
//!   run: f(1, 2) == 3, 4        several results
//!   run: f(1)                   no result
//!   trap: f(1): unreachable     ends in this trap
//!   emulator: f() == 3          not compared with the oracle
//!   start-trap: unreachable     instantiation ends in this trap; no calls
//!   memory: 131072              bytes that the host hands over
//!   bounds: mask                how accesses are kept inside, else explicit
//!   test: emit=asm,figures cpu=cortex-m3 regalloc=greedy O=size
//!                               the listings stand in the .expected file beside
//! ```
//!
//! Calls are executed by every allocator, at every level, for every processor, and by the oracle:
//! wasmi for .wat, cranelift-interpreter for .clif. `WINDLASS_BLESS=1` rewrites expectations.

mod common;
mod filetests {
    pub mod clif;
    pub mod golden;
    pub mod wat;
}

use common::{files, harness_dir};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use windlass::Bounds;

/// As many calls as the tests promise.
const MIN_CALLS: usize = 200;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    let mut calls = 0;
    for path in files(&harness_dir("filetests"), &["wat", "clif"]) {
        let text = std::fs::read_to_string(&path).expect("a readable file test");
        let directives = directives(&text);
        let name = test_name(&path);
        let count = directives.iter().filter(|d| d.is_call()).count();
        calls += count;
        if directives.is_empty() {
            let lost = || Err(Failed::from("the file has no directive"));
            trials.push(Trial::test(format!("{name} tests something"), lost));
        }
        if count > 0 || directives.iter().any(|d| matches!(d, Directive::StartTrap(_))) {
            let (path, text) = (path.clone(), text.clone());
            trials.push(Trial::test(format!("{name} runs"), move || run(&path, &text)));
        }
        for (options, line) in directives.iter().filter_map(Directive::golden) {
            let (path, text, options) = (path.clone(), text.clone(), options.to_owned());
            let test = move || filetests::golden::check(&path, &text, &options);
            trials.push(Trial::test(format!("{name}:{line} matches"), test));
        }
    }
    trials.push(Trial::test(format!("there are {MIN_CALLS} calls"), move || {
        let few = format!("only {calls} calls are tested");
        if calls >= MIN_CALLS { Ok(()) } else { Err(few.into()) }
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn test_name(path: &Path) -> String {
    let root: PathBuf = harness_dir("filetests");
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

fn run(path: &Path, text: &str) -> Result<(), Failed> {
    if path.extension().is_some_and(|e| e == "clif") {
        filetests::clif::run(text)
    } else {
        filetests::wat::run(text)
    }
}

/// A line that asks for something, with its number.
enum Directive {
    Run { call: String, results: String, line: usize, oracle: bool },
    Trap { call: String, trap: String, line: usize },
    StartTrap(String),
    Memory(u32),
    Bounds(Bounds),
    Golden { options: String, line: usize },
}

impl Directive {
    fn is_call(&self) -> bool {
        matches!(self, Directive::Run { .. } | Directive::Trap { .. })
    }

    fn golden(&self) -> Option<(&str, usize)> {
        match self {
            Directive::Golden { options, line } => Some((options, *line)),
            _ => None,
        }
    }
}

fn directives(text: &str) -> Vec<Directive> {
    let mut found = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let line_number = i + 1;
        let Some(comment) = line.trim_start().strip_prefix(';') else { continue };
        let comment = comment.trim_start_matches(';').trim();
        let Some((word, rest)) = comment.split_once(':') else { continue };
        let rest = rest.trim();
        let parsed = match word {
            "run" | "emulator" => {
                let (call, results) = rest.split_once("==").unwrap_or((rest, ""));
                Directive::Run {
                    call: call.trim().to_owned(),
                    results: results.trim().to_owned(),
                    line: line_number,
                    oracle: word == "run",
                }
            }
            "trap" => {
                let (call, trap) = rest.rsplit_once(':').unwrap_or((rest, ""));
                Directive::Trap {
                    call: call.trim().to_owned(),
                    trap: trap.trim().to_owned(),
                    line: line_number,
                }
            }
            "start-trap" => Directive::StartTrap(rest.to_owned()),
            "memory" => Directive::Memory(rest.parse().expect("bytes of memory")),
            "bounds" => Directive::Bounds(bounds(rest).expect("a kind of bounds")),
            "test" => Directive::Golden { options: rest.to_owned(), line: line_number },
            _ => continue,
        };
        found.push(parsed);
    }
    found
}

fn bounds(name: &str) -> Option<Bounds> {
    match name {
        "explicit" => Some(Bounds::Explicit),
        "mask" => Some(Bounds::Mask),
        "none" => Some(Bounds::None),
        _ => None,
    }
}
