//! `windlass analyze`: the spills of every function of an object, whoever compiled it.

use super::input;
use super::options::Usage;
use super::print;
use crate::analyze::{Registers, analyze};
use crate::report::physical;
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  arm-none-eabi-gcc -mcpu=cortex-m4 -O2 -c filter.c && windlass analyze filter.o
  windlass analyze filter.o --k 9
  windlass analyze flight.o --reg-env r0-r8 --format json";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A Thumb-2 ELF object or executable
    input: PathBuf,

    /// Registers whose contents are values: any set within r0-r12 and lr that contains r0-r3; what
    /// stays in others is left alone
    #[arg(long, value_name = "SET", default_value = "r0-r12")]
    reg_env: String,

    /// How many of these registers values may have, from the first [default: all]
    #[arg(long, value_name = "N")]
    k: Option<usize>,

    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Table,
    /// One object, as docs/register-allocation.md describes it
    Json,
}

pub fn run(args: &Args) -> Result<()> {
    let registers = Registers::new(Some(&args.reg_env), args.k).map_err(Usage)?;
    let bytes = input::read(&args.input)?;
    let report = analyze(&bytes, &registers).with_context(|| args.input.display().to_string())?;
    print(&match args.format {
        Format::Table => physical::table(&report),
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
    })
}
