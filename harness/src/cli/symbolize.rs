//! `windlass symbolize`: what stands at addresses of code.

use super::input;
use super::print;
use crate::symbolize::{Frame, Location, Symbolizer};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  windlass symbolize firmware.elf 0x8000123a
  windlass symbolize app.o app_run+0x1e .text+40
  grep -o '0x[0-9a-f]*' crash.log | windlass symbolize firmware.elf";

/// Each address comes back on a line with its function, symbol, source line and byte offset in the wasm
/// file, below it the functions into which a compiler of C has inlined that one. `?` stands for what is not
/// known.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// An object or a linked executable that `windlass compile -g` had a part in
    input: PathBuf,

    /// Numbers (0x for hexadecimal), or SYMBOL+NUMBER or SECTION+NUMBER; in an object, which has no
    /// addresses, a number is an offset in its section of code [default: words of standard input]
    #[arg(value_name = "PC")]
    addresses: Vec<String>,
}

pub fn run(args: &Args) -> Result<()> {
    let bytes = input::read(&args.input)?;
    let context = || args.input.display().to_string();
    let symbolizer = Symbolizer::new(&bytes).with_context(context)?;
    let texts = match args.addresses.is_empty() {
        true => std::io::read_to_string(std::io::stdin()).context("standard input")?,
        false => args.addresses.join("\n"),
    };
    let texts: Vec<&str> = texts.split_whitespace().collect();
    let addresses: core::result::Result<Vec<u32>, _> =
        texts.iter().map(|text| symbolizer.address(text)).collect();
    let locations = symbolizer.locate(&addresses.with_context(context)?).with_context(context)?;
    let lines = texts.iter().zip(&locations);
    print(&lines.map(|(text, location)| describe(text, location)).collect::<String>())
}

fn describe(text: &str, location: &Location) -> String {
    let mut frames = location.frames.iter();
    let symbol = location.symbol.as_ref().map(|(symbol, offset)| format!("{symbol}+{offset:#x}"));
    let mut out = match frames.next() {
        Some(frame) => format!("{text}: {}", frame_text(frame)),
        None => format!("{text}: {}", symbol.as_deref().unwrap_or("?")),
    };
    if let (Some(symbol), false) = (symbol, location.frames.is_empty()) {
        let _ = write!(out, " ({symbol})");
    }
    if let Some(wasm) = location.wasm {
        let _ = write!(out, ", wasm function {} at {:#x}", wasm.function, wasm.offset);
    }
    out.push('\n');
    for frame in frames {
        let _ = writeln!(out, "    inlined into {}", frame_text(frame));
    }
    out
}

fn frame_text(frame: &Frame) -> String {
    let function = frame.function.as_deref().unwrap_or("?");
    match &frame.line {
        Some(line) => format!("{function} at {line}"),
        None => function.to_owned(),
    }
}
