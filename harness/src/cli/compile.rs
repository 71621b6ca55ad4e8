//! `windlass compile`: a module to an object, a header, figures, or a listing.

use super::input::Input;
use super::options::{RegallocArg, RuntimeArg, TargetArgs, Usage};
use super::print;
use crate::Artifact;
use crate::outputs::Outputs;
use crate::report::physical;
use crate::report::remarks::remarks;
use crate::report::schema::{Measured, Report};
use crate::report::stack_usage::stack_usage;
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::fmt::Write;
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  windlass compile crc32.wasm -o crc32.o --header crc32.h
  windlass compile crc32.wat --name crc --target thumbv7m-none-eabi -o crc.o --stats crc.json
  windlass compile crc32.wasm --emit asm -O size
  windlass compile plugin.wasm -o plugin.o --header plugin.h --traps call
  windlass compile app.wasm -g -o app.o --header app.h
  windlass compile app.wasm -o app.o --rust app.rs
  windlass compile app.wasm -o app.o --export-filter 'step*' --stack-usage app.su
  windlass compile plugin.wasm -o plugin.o --header plugin.h --interruptible --fuel 1000000
  windlass compile flight_control.wasm -o flight.o --shadow
  windlass compile flight_control.wasm -o flight.o --shadow=flight.shadow";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A module: .wasm, .wat or .clif
    input: PathBuf,

    /// Where the result goes; listings go to standard output without it
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Prefix of the module's symbols [default: the input's stem]
    #[arg(long)]
    name: Option<String>,

    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    regalloc: RegallocArg,

    /// Where 64-bit division and soft float come from
    #[arg(long, value_name = "LIBRARY", default_value = "external")]
    runtime: RuntimeArg,

    /// Also write a C header
    #[arg(long, value_name = "FILE")]
    header: Option<PathBuf>,

    /// Also write a Rust binding, for `include!` in a no_std host
    #[arg(long, value_name = "FILE")]
    rust: Option<PathBuf>,

    /// A module whose imports another object defines, so that no trait of the binding has them; may be
    /// repeated
    #[arg(long, value_name = "MODULE", requires = "rust")]
    rust_linked: Vec<String>,

    /// Also write the figures of every function as JSON
    #[arg(long, value_name = "FILE")]
    stats: Option<PathBuf>,

    /// Also write optimisation records in LLVM's YAML: spills, reloads and copies of each loop and
    /// function
    #[arg(long, value_name = "FILE")]
    remarks: Option<PathBuf>,

    /// Also write the frame of every function as GCC's -fstack-usage does
    #[arg(long, value_name = "FILE.su")]
    stack_usage: Option<PathBuf>,

    /// Also log what a stream of physical instructions hides
    ///
    /// Beside the compilation, each function is allocated by the greedy baseline, and what it writes is
    /// analysed as physical instructions: which slots could live in a register if each register is one
    /// node, and which if each value is. The log goes to FILE, or to standard error; it does not depend
    /// on the allocator, and the object does not depend on it.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    shadow: Option<Option<PathBuf>>,

    /// What to write
    #[arg(long, value_name = "KIND", default_value = "obj")]
    emit: Emit,

    /// Debug information: DWARF for debuggers and `windlass symbolize`, and a table of the places that
    /// trap
    ///
    /// Lines are those of the source if the module carries DWARF (clang -g), else byte offsets in the wasm
    /// file. The code is the same but for the traps: each source location has one of its own.
    #[arg(short = 'g')]
    debug_info: bool,

    /// A section for each function
    #[arg(long)]
    function_sections: bool,

    /// Worker threads, 0 for one per processor; the output does not depend on it
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Emit {
    /// A relocatable ELF object
    Obj,
    /// Assembly with offsets
    Asm,
    /// Cranelift IR after optimisation
    Clif,
    /// Machine instructions before register allocation
    Vcode,
}

pub fn run(args: &Args) -> Result<()> {
    if args.emit == Emit::Obj && args.output.is_none() {
        return Err(Usage("an object needs -o FILE".into()).into());
    }
    let input = Input::read(&args.input)?;
    let compiler = args
        .regalloc
        .apply(args.target.compiler())
        .name(args.name.as_ref().unwrap_or(&input.stem))
        .runtime(args.runtime.into())
        .listings(args.emit != Emit::Obj)
        .problem_stats(args.stats.is_some())
        .remarks(args.remarks.is_some())
        .shadow(args.shadow.is_some())
        .function_sections(args.function_sections)
        .debug_info(args.debug_info)
        .threads(args.threads);
    let allocator = compiler.allocator();
    let artifact = input.compile(compiler)?;
    for warning in artifact.warnings() {
        eprintln!("windlass: warning: {}: {warning}", args.input.display());
    }

    let mut outputs = Outputs::default();
    if let Some(path) = &args.header {
        let header = artifact.header.as_ref();
        let header = header.with_context(|| {
            format!("{}: functions of a .clif file have no header", args.input.display())
        })?;
        outputs.add(path, header.as_bytes())?;
    }
    if let Some(path) = &args.rust {
        let binding = artifact.rust_binding(&args.rust_linked);
        outputs.add(path, binding.with_context(|| args.input.display().to_string())?.as_bytes())?;
    }
    let text = (args.emit != Emit::Obj).then(|| listing(&artifact, args.emit));
    match (&args.output, &text) {
        (Some(path), Some(text)) => outputs.add(path, text.as_bytes())?,
        (Some(path), None) => outputs.add(path, &artifact.object)?,
        (None, Some(text)) => print(text)?,
        (None, None) => {}
    }
    if let Some(path) = &args.remarks {
        let remarks = remarks(input.wasm_path().as_deref(), allocator, &artifact);
        outputs.add(path, remarks.as_bytes())?;
    }
    if let Some(path) = &args.stack_usage {
        let usage = stack_usage(&args.input.display().to_string(), &artifact);
        outputs.add(path, usage.as_bytes())?;
    }
    match &args.shadow {
        Some(Some(path)) => outputs.add(path, physical::shadow_log(&artifact).as_bytes())?,
        Some(None) => eprint!("{}", physical::shadow_log(&artifact)),
        None => {}
    }
    if let Some(path) = &args.stats {
        let mut report = Report::new(&artifact.settings);
        report.add_module(&[Measured::new(allocator, artifact)], None);
        let mut json = serde_json::to_string_pretty(&report)?;
        json.push('\n');
        outputs.add(path, json.as_bytes())?;
    }
    outputs.commit()
}

/// One stage of every function, as text.
fn listing(artifact: &Artifact, emit: Emit) -> String {
    let mut text = String::new();
    let functions = artifact.module.functions.iter().zip(&artifact.compiled.functions);
    for (function, compiled) in functions {
        let Some(listing) = &compiled.listing else { continue };
        let symbol = &artifact.module.symbol(function.symbol).name;
        let _ = match emit {
            Emit::Obj | Emit::Asm => {
                let mut body = String::new();
                for (offset, line) in &listing.asm {
                    let line = artifact.name_symbols(line);
                    let _ = writeln!(body, "{offset:6x}:  {line}");
                }
                writeln!(text, "{symbol}:\n{body}")
            }
            Emit::Clif => writeln!(text, "; {symbol}\n{}", listing.clif),
            Emit::Vcode => {
                let vcode = artifact.name_symbols(&listing.vcode);
                writeln!(text, "; {symbol}\n{vcode}")
            }
        };
    }
    text
}
