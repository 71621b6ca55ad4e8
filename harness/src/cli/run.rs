//! `windlass run`: one call of a function on the emulator, or on a board that QEMU is.

use super::call::{Called, Setting, parse_arguments, parse_u32, split_invocation};
use super::input::Input;
use super::invocation::Invocation;
use super::options::{RegallocArg, TargetArgs, Usage};
use super::print;
use super::{link, qemu, traffic};
use crate::machine::{Cost, Machine, NoHost};
use crate::report::schema::Dynamic;
use crate::store::Outcome;
use crate::value::{Val, val_type};
use crate::{Artifact, Compiler};
use anyhow::{Context, Result, bail};
use std::fmt::Write;
use std::str::FromStr;
use std::time::Duration;
use windlass_backend::options::RuntimeLibrary;

const EXAMPLES: &str = "Examples:
  windlass run crc32.wasm --invoke run
  windlass run crc32.wasm --fuel 1000000 --invoke run
  windlass run crc32.wasm --invoke crc32 1024 16 --memory 1024=00ff00ff --dump 1024:16
  windlass run inflate.wasm --invoke inflate 4096 8192 --memory 4096=@packed.bin --regalloc greedy
  windlass run crc32.wasm --on qemu:mps2-an386 --invoke run
  windlass run hello.wasm --on qemu:mps2-an500 --invoke _start --time-limit 5";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    invocation: Invocation,

    /// Bytes of linear memory to print after the call
    #[arg(long, value_name = "ADDR:LEN")]
    dump: Vec<Dump>,

    /// What executes it: emulator, or qemu:BOARD with a board as for `link`
    ///
    /// The emulator is built in, and counts. For QEMU a whole image is linked, which may import from
    /// WASI; qemu-system-arm must be on PATH.
    #[arg(long, value_name = "ENGINE", default_value = "emulator")]
    on: Engine,

    /// Seconds after which QEMU is ended [default: 60]
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<u64>,

    #[command(flatten)]
    setting: Setting,

    #[command(flatten)]
    regalloc: RegallocArg,

    #[command(flatten)]
    target: TargetArgs,
}

/// Seconds that QEMU may take if nothing else is asked.
const DEFAULT_TIME_LIMIT: u64 = 60;

/// `emulator` or `qemu:BOARD`.
#[derive(Clone, Debug)]
enum Engine {
    Emulator,
    Qemu(String),
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Engine, String> {
        match (text, text.strip_prefix("qemu:")) {
            ("emulator", _) => Ok(Engine::Emulator),
            (_, Some(board)) => Ok(Engine::Qemu(board.to_owned())),
            _ => Err("expected emulator or qemu:BOARD".to_owned()),
        }
    }
}

/// `ADDR:LEN`.
#[derive(Clone, Debug)]
struct Dump {
    address: u32,
    len: u32,
}

impl FromStr for Dump {
    type Err = String;

    fn from_str(text: &str) -> Result<Dump, String> {
        let (address, len) = text.split_once(':').ok_or("expected ADDR:LEN")?;
        Ok(Dump { address: parse_u32(address)?, len: parse_u32(len)? })
    }
}

pub fn run(args: &Args) -> Result<()> {
    match &args.on {
        Engine::Emulator => run_on_emulator(args),
        Engine::Qemu(board) => run_on_qemu(args, board),
    }
}

fn run_on_qemu(args: &Args, board: &str) -> Result<()> {
    let Setting { memory, memory_bytes, preload, budget } = &args.setting;
    let only_emulated = [
        (!memory.is_empty(), "--memory"),
        (!args.dump.is_empty(), "--dump"),
        (!preload.is_empty(), "--preload"),
        (budget.is_some(), "--budget"),
    ];
    if let Some((_, option)) = only_emulated.iter().find(|(given, _)| *given) {
        return Err(Usage(format!("{option} is for the emulator only")).into());
    }
    let codegen = args.target.without_target("the board says what code is for")?;
    let board = link::board(board)?;
    let input = Input::read(&args.invocation.input)?;
    let compiler = args.regalloc.apply(codegen.image_compiler()?);
    let image = link::link(&input, compiler, &board, &args.invocation.invoke, *memory_bytes)?;
    let limit = args.time_limit.unwrap_or(DEFAULT_TIME_LIMIT);
    qemu::execute(&image, &board, Duration::from_secs(limit))
}

fn run_on_emulator(args: &Args) -> Result<()> {
    if args.time_limit.is_some() {
        return Err(Usage("--time-limit is for QEMU; the emulator has --budget".into()).into());
    }
    let input = Input::read(&args.invocation.input)?;
    let compiler = args.regalloc.apply(args.target.compiler()).runtime(RuntimeLibrary::Builtin);
    let artifact = input.compile(compiler.clone().name(&input.stem))?;
    if artifact.module.interface.is_some() {
        run_wasm(args, &artifact, &compiler)
    } else {
        run_clif(args, &artifact)
    }
}

fn run_wasm(args: &Args, artifact: &Artifact, compiler: &Compiler) -> Result<()> {
    let called = args.setting.call(artifact, compiler, &args.invocation.invoke)?;
    let Called { store, instance, outcome, cost, fuel } = called;
    report_cost(artifact, store.machine(), store.image(instance), cost, fuel);
    let mut text = String::new();
    if let Outcome::Returned(results) = &outcome {
        results.iter().for_each(|value| text.push_str(&format!("{value}\n")));
    }
    for dump in &args.dump {
        let bytes = store.read_memory(instance, dump.address, dump.len)?;
        text.push_str(&hex_dump(dump.address, &bytes));
    }
    print(&text)?;
    match outcome {
        Outcome::Returned(_) => Ok(()),
        Outcome::Trapped(trap) => bail!("trap: {trap}"),
    }
}

/// Calls a .clif function, whose results are in registers.
fn run_clif(args: &Args, artifact: &Artifact) -> Result<()> {
    let Setting { memory, memory_bytes, preload, .. } = &args.setting;
    if !memory.is_empty() || !args.dump.is_empty() || memory_bytes.is_some() {
        return Err(Usage("functions of a .clif file have no linear memory".into()).into());
    }
    if !preload.is_empty() {
        return Err(Usage("functions of a .clif file import nothing".into()).into());
    }
    let (name, values) = split_invocation(&args.invocation.invoke)?;
    let functions = &artifact.module.functions;
    let function = functions.iter().find(|f| f.name == name).with_context(|| {
        let names: Vec<_> = functions.iter().map(|f| &f.name[..]).collect();
        format!("no function named {name}; there are: {}", names.join(", "))
    })?;
    let signature = &function.clif.signature;
    let params: Vec<_> = signature.params.iter().map(|p| val_type(p.value_type)).collect();
    let values = parse_arguments(name, values, &params)?;
    let mut machine = Machine::new(&artifact.object, args.setting.board(&artifact.settings)?)?;
    let entry = machine.function(0, name)?;
    let (_, cost) = machine.call(entry, &values, 0, &mut NoHost)?;
    report_cost(artifact, &machine, 0, cost, None);
    let results: Vec<_> = signature.returns.iter().map(|r| val_type(r.value_type)).collect();
    let mut text = String::new();
    for (value, result) in machine.results(&results)?.into_iter().zip(&signature.returns) {
        let unused = 32u32.saturating_sub(result.value_type.bits());
        let _ = match value {
            Val::I32(value) => writeln!(text, "{}", value << unused >> unused),
            value => writeln!(text, "{value}"),
        };
    }
    print(&text)
}

fn report_cost(
    artifact: &Artifact,
    machine: &Machine,
    image: usize,
    cost: Cost,
    fuel: Option<u32>,
) {
    let executed = traffic::executed(artifact, machine, image);
    let sum = |of: fn(&Dynamic) -> u64| executed.iter().map(of).sum::<u64>();
    let fuel = fuel.map_or_else(String::new, |units| format!(", {units} units of fuel"));
    eprintln!(
        "{} instructions, {} cycles (estimated), {} spill stores, {} reloads, {} bytes of stack{fuel}",
        cost.instructions,
        cost.cycles,
        sum(|f| f.spill_stores),
        sum(|f| f.reloads),
        cost.stack_bytes
    );
}

/// Lines of sixteen bytes.
fn hex_dump(start: u32, bytes: &[u8]) -> String {
    let mut text = String::new();
    for (i, line) in bytes.chunks(16).enumerate() {
        let digits: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ = writeln!(text, "{:08x}: {}", start as usize + 16 * i, digits.join(" "));
    }
    text
}
