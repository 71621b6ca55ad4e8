//! `windlass size`: flash, RAM and stack of modules.

use super::input::Input;
use super::options::{RegallocArg, RuntimeArg, TargetArgs};
use super::print;
use crate::report::size::{SizeReport, csv, table};
use anyhow::Result;
use clap::ValueEnum;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  windlass size crc32.wasm
  windlass size app.wasm --export-filter 'step' -O size --runtime builtin
  windlass size *.wasm --format csv > sizes.csv";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Modules: .wasm, .wat or .clif
    #[arg(required = true)]
    inputs: Vec<PathBuf>,

    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,

    /// Where 64-bit division and soft float come from; external ones are not counted
    #[arg(long, value_name = "LIBRARY", default_value = "external")]
    runtime: RuntimeArg,

    #[command(flatten)]
    regalloc: RegallocArg,

    #[command(flatten)]
    target: TargetArgs,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    /// For people
    Table,
    /// One object
    Json,
    /// A record for each function, section and part of RAM
    Csv,
}

pub fn run(args: &Args) -> Result<()> {
    let compiler = args.regalloc.apply(args.target.compiler()).runtime(args.runtime.into());
    let mut artifacts = Vec::new();
    for path in &args.inputs {
        let input = Input::read(path)?;
        artifacts.push(input.compile(compiler.clone().name(&input.stem))?);
    }
    let report = SizeReport::new(&artifacts)?;
    match args.format {
        Format::Table => print(&table(&report)),
        Format::Csv => print(&csv(&report)),
        Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(&report)?)),
    }
}
