//! `windlass wast`: scripts of the WebAssembly test suite, on the emulator.

use super::input;
use super::options::{RegallocArg, TargetArgs};
use super::print;
use crate::machine::Board;
use crate::wast::{Config, MEMORY_RESERVE, Report, run as run_script};
use anyhow::{Context, Result, bail};
use rayon::prelude::*;
use std::path::{Path, PathBuf};
use windlass_backend::options::RuntimeLibrary;

const EXAMPLES: &str = "Examples:
  windlass wast i32.wast call_indirect.wast
  windlass wast memory.wast --memory-reserve 1048576 --cpu cortex-m3
  windlass wast test/core/*.wast --wasm-features wasm1 --regalloc greedy";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Scripts: .wast
    #[arg(required = true)]
    inputs: Vec<PathBuf>,

    /// Bytes that a memory may grow by, where its maximum and the board's RAM allow
    #[arg(long, value_name = "BYTES", default_value_t = MEMORY_RESERVE)]
    memory_reserve: u32,

    /// Instructions after which to give a call up
    #[arg(long, value_name = "N", default_value_t = 200_000_000)]
    budget: u64,

    #[command(flatten)]
    regalloc: RegallocArg,

    #[command(flatten)]
    target: TargetArgs,
}

pub fn run(args: &Args) -> Result<()> {
    let compiler = args.regalloc.apply(args.target.compiler()).name("m");
    let compiler = compiler.runtime(RuntimeLibrary::Builtin).threads(1);
    let board = Board::for_settings(&compiler.settings()?);
    let board = board.context("the emulator has no processor with a double-precision fpu")?;
    let board = Board { budget: args.budget, ..board };
    let config = Config { compiler, board, memory_reserve: args.memory_reserve };

    let reports: Vec<Result<Report>> =
        args.inputs.par_iter().map(|path| run_file(path, &config)).collect();
    let mut total = Report::default();
    let mut text = String::new();
    for (path, report) in args.inputs.iter().zip(reports) {
        let report = report?;
        let path = path.display();
        report.failures.iter().for_each(|failure| eprintln!("{path}:{failure}"));
        text.push_str(&format!("{path}: {}\n", summary(&report)));
        total.passed += report.passed;
        total.skipped += report.skipped;
        total.failures.extend(report.failures);
    }
    text.push_str(&format!("{} scripts: {}\n", args.inputs.len(), summary(&total)));
    print(&text)?;
    match total.failures.len() {
        0 => Ok(()),
        failures => bail!("{failures} failed"),
    }
}

fn run_file(path: &Path, config: &Config) -> Result<Report> {
    let text = String::from_utf8(input::read(path)?);
    let text = text.with_context(|| format!("{} is no text", path.display()))?;
    Ok(run_script(&text, config))
}

fn summary(report: &Report) -> String {
    let Report { passed, skipped, failures } = report;
    format!("{passed} passed, {} failed, {skipped} skipped", failures.len())
}
