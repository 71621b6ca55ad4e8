//! The `windlass` program: arguments, files and streams around the library.
//!
//! Exit codes: 0 for success, 1 for an error in the input, the files or the program that ran, 2
//! for a wrong command line. Results go to standard output, everything else to standard error.

mod analyze;
mod c_runtime;
mod call;
mod compare;
mod compile;
mod features;
mod input;
mod invocation;
mod link;
mod options;
mod profile;
mod qemu;
mod replay;
mod run;
mod save;
mod size;
mod symbolize;
mod traffic;
mod wast;

use anyhow::Context;
use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// WebAssembly to Cortex-M objects, with every spill measured.
#[derive(Parser)]
#[command(name = "windlass", version, max_term_width = 100, after_help = EXAMPLES)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  windlass compare flight_control.wasm
  windlass compile crc32.wasm -o crc32.o --header crc32.h
  windlass c-runtime firmware/
  windlass size crc32.wasm
  windlass analyze crc32.o
  windlass run crc32.wasm --invoke run
  windlass symbolize firmware.elf 0x8000123a
  windlass link crc32.wasm -o crc32.elf --board mps2-an386 --invoke run
  windlass replay problems/*.problem --regalloc ion,belady
  windlass wast i32.wast";

#[derive(Subcommand)]
enum Command {
    /// Compile a module to an object, or to a listing of one of its stages
    Compile(compile::Args),
    /// Write windlass.h and windlass.c: the fault handler and what else a C host links once
    CRuntime(c_runtime::Args),
    /// Compare what register allocators make of every function
    Compare(compare::Args),
    /// Find the spills in a Thumb-2 object of any compiler, and which of them were needed
    Analyze(analyze::Args),
    /// Show what modules take of flash, RAM and stack, function by function
    Size(size::Args),
    /// Run register allocators on saved allocation problems, or reduce one that fails
    Replay(replay::Args),
    /// Compile a module, link it in memory and call one of its functions on an emulated core
    Run(run::Args),
    /// Tell function, wasm offset and source line of addresses in an object or executable
    Symbolize(symbolize::Args),
    /// Link a module and everything that a board needs to run one of its functions
    Link(link::Args),
    /// Execute scripts of the WebAssembly test suite on an emulated core
    Wast(wast::Args),
}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // What cannot be printed has nobody to read it.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    // The compiler reports panics as internal errors; a second report would only confuse.
    std::panic::set_hook(Box::new(|_| {}));
    let run = || match args.command {
        Command::Compile(args) => compile::run(&args),
        Command::CRuntime(args) => c_runtime::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Analyze(args) => analyze::run(&args),
        Command::Size(args) => size::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Symbolize(args) => symbolize::run(&args),
        Command::Link(args) => link::run(&args),
        Command::Wast(args) => wast::run(&args),
    };
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    match result {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("windlass: {error:#}");
            ExitCode::from(if is_usage(&error) { 2 } else { 1 })
        }
        Err(_) => {
            eprintln!("windlass: internal error");
            ExitCode::FAILURE
        }
    }
}

/// Writes results to standard output.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("standard output")
}

/// Options that contradict each other are a wrong command line.
fn is_usage(error: &anyhow::Error) -> bool {
    let is_options = |e: &crate::Error| matches!(e, crate::Error::Options(_));
    error.chain().any(|cause| {
        cause.is::<options::Usage>() || cause.downcast_ref::<crate::Error>().is_some_and(is_options)
    })
}

/// Whoever read our output has seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let io = error.root_cause().downcast_ref::<std::io::Error>();
    io.is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
