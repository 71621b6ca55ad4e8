//! `windlass compare`: every function of every input, by several allocators.

use super::files::print;
use super::input::Input;
use super::options::{AllocatorArg, TargetArgs};
use crate::Artifact;
use crate::report::schema::Report;
use crate::report::text;
use anyhow::{Context, Result};
use clap::ValueEnum;
use indicatif::ProgressBar;
use rayon::prelude::*;
use std::path::PathBuf;
use windlass_backend::options::AllocatorKind;

const EXAMPLES: &str = "Examples:
  windlass compare flight_control.wasm
  windlass compare *.wasm --regalloc ion,greedy --format csv
  windlass compare sha256.wasm --reg-env r0-r5 --format json";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Modules: .wasm, .wat or .clif
    #[arg(required = true)]
    inputs: Vec<PathBuf>,

    /// Allocators, in the order of the report
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        default_value = "ion,fastalloc,greedy,coloring,belady"
    )]
    regalloc: Vec<AllocatorArg>,

    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,

    #[command(flatten)]
    target: TargetArgs,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Table,
    /// One object, as docs/register-allocation.md describes it
    Json,
    Csv,
}

pub fn run(args: &Args) -> Result<()> {
    let settings = args.target.compiler().settings()?;
    let inputs: Vec<Input> =
        args.inputs.iter().map(|path| Input::read(path)).collect::<Result<_>>()?;
    let mut kinds: Vec<AllocatorKind> = Vec::new();
    for kind in args.regalloc.iter().map(|&arg| arg.into()) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }

    let progress = ProgressBar::new((inputs.len() * kinds.len()) as u64);
    let compile = |input: &Input| -> Result<Vec<(AllocatorKind, Artifact)>> {
        kinds
            .par_iter()
            .map(|&kind| {
                let compiler = args.target.compiler().name(&input.stem).regalloc(kind);
                let artifact = input.compile(compiler);
                progress.inc(1);
                Ok((kind, artifact.with_context(|| format!("allocator {}", kind.name()))?))
            })
            .collect()
    };
    // In order of the inputs, whatever order the threads finish in.
    let results: Vec<_> = inputs.par_iter().map(compile).collect();
    progress.finish_and_clear();

    let mut report = Report::new(&settings);
    for artifacts in results {
        report.add_module(&artifacts?);
    }
    print(&match args.format {
        Format::Table => text::table(&report),
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
        Format::Csv => text::csv(&report),
    })
}
