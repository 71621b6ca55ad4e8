//! `windlass run`: one call of a function on the emulator.

use super::files::print;
use super::input::Input;
use super::options::{AllocatorArg, TargetArgs, Usage};
use super::traffic;
use crate::machine::{Board, Cost, Machine, NoHost};
use crate::store::{Linker, Outcome, Store};
use crate::value::{Val, val_type};
use crate::{Artifact, Compiler};
use anyhow::{Context, Result, bail};
use std::fmt::Write;
use std::path::PathBuf;
use std::str::FromStr;
use windlass_backend::module::ValType;
use windlass_backend::options::RuntimeLibrary;

const EXAMPLES: &str = "Examples:
  windlass run crc32.wasm --invoke run
  windlass run crc32.wasm --invoke crc32 1024 16 --memory 1024=00ff00ff --dump 1024:16
  windlass run inflate.wasm --invoke inflate 4096 8192 --memory 4096=@packed.bin --regalloc greedy";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// A module: .wasm, .wat or .clif
    input: PathBuf,

    /// The function to call, with its arguments in decimal or 0x form
    #[arg(
        long,
        required = true,
        num_args = 1..,
        value_names = ["FUNCTION", "ARGUMENTS"],
        allow_negative_numbers = true
    )]
    invoke: Vec<String>,

    /// Bytes to put into linear memory before the call: hexadecimal digits or a file's contents
    #[arg(long, value_name = "ADDR=HEX|ADDR=@FILE")]
    memory: Vec<Preset>,

    /// Bytes of linear memory to print after the call
    #[arg(long, value_name = "ADDR:LEN")]
    dump: Vec<Dump>,

    /// Bytes of linear memory to hand over [default: the module's minimum]
    #[arg(long, value_name = "BYTES")]
    memory_bytes: Option<u32>,

    /// Another module to instantiate first, whose exports can be imported under this name
    ///
    /// Given several times, each may import from those before it.
    #[arg(long, value_name = "NAME=FILE")]
    preload: Vec<Preload>,

    /// Instructions after which to give up
    #[arg(long, value_name = "N", default_value_t = 1_000_000_000)]
    budget: u64,

    /// Which allocator assigns registers
    #[arg(long, value_name = "ALLOCATOR", default_value = "ion")]
    regalloc: AllocatorArg,

    #[command(flatten)]
    target: TargetArgs,
}

/// `ADDR=HEX` or `ADDR=@FILE`.
#[derive(Clone, Debug)]
struct Preset {
    address: u32,
    bytes: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Hex(Vec<u8>),
    File(PathBuf),
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Preset, String> {
        let (address, what) = text.split_once('=').ok_or("expected ADDR=HEX or ADDR=@FILE")?;
        let bytes = match what.strip_prefix('@') {
            Some(path) => Source::File(path.into()),
            None => Source::Hex(parse_hex(what)?),
        };
        Ok(Preset { address: parse_u32(address)?, bytes })
    }
}

/// `NAME=FILE`.
#[derive(Clone, Debug)]
struct Preload {
    name: String,
    path: PathBuf,
}

impl FromStr for Preload {
    type Err = String;

    fn from_str(text: &str) -> Result<Preload, String> {
        let (name, path) = text.split_once('=').ok_or("expected NAME=FILE")?;
        Ok(Preload { name: name.to_owned(), path: path.into() })
    }
}

fn parse_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u32> = text
        .chars()
        .map(|c| c.to_digit(16).ok_or_else(|| format!("{c:?} is no hexadecimal digit")))
        .collect::<Result<_, _>>()?;
    if !digits.len().is_multiple_of(2) {
        return Err("an odd number of hexadecimal digits".into());
    }
    Ok(digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect())
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

fn parse_u32(text: &str) -> Result<u32, String> {
    match Val::parse(ValType::I32, text) {
        Some(Val::I32(value)) if !text.starts_with('-') => Ok(value as u32),
        _ => Err(format!("{text:?} is no 32-bit number")),
    }
}

pub fn run(args: &Args) -> Result<()> {
    let input = Input::read(&args.input)?;
    let artifact = input.compile(compiler(args, &input))?;
    let board = Board::for_settings(&artifact.settings);
    let board = board.context("the emulator has no processor with a double-precision fpu")?;
    let board = Board { budget: args.budget, histogram: true, ..board };
    if artifact.module.interface.is_some() {
        run_wasm(args, &artifact, board)
    } else {
        run_clif(args, &artifact, board)
    }
}

fn compiler(args: &Args, input: &Input) -> Compiler {
    let compiler = args.target.compiler().name(&input.stem).regalloc(args.regalloc.into());
    compiler.runtime(RuntimeLibrary::Builtin)
}

fn run_wasm(args: &Args, artifact: &Artifact, board: Board) -> Result<()> {
    let mut store = Store::new(board);
    let linker = preload(args, &mut store)?;
    let Artifact { module, object, .. } = artifact;
    let instance = match store.instantiate(module, object, &linker, args.memory_bytes)? {
        Ok(instance) => instance,
        Err(trap) => bail!("trap while instantiating: {trap}"),
    };
    let (name, values) = split_invocation(args)?;
    let values = parse_arguments(name, values, &store.function_type(instance, name)?.params)?;
    for preset in &args.memory {
        let bytes = match &preset.bytes {
            Source::Hex(bytes) => bytes.clone(),
            Source::File(path) => {
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?
            }
        };
        store.write_memory(instance, preset.address, &bytes)?;
    }
    store.reset_histogram();
    let (outcome, cost) = store.invoke(instance, name, &values)?;
    report_cost(artifact, store.machine(), store.image(instance), cost);
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

/// Instantiates the modules that were asked for, in order.
fn preload(args: &Args, store: &mut Store) -> Result<Linker> {
    let mut linker = Linker::default();
    for Preload { name, path } in &args.preload {
        let input = Input::read(path)?;
        let Artifact { module, object, .. } = input.compile(compiler(args, &input))?;
        let instance = store.instantiate(&module, &object, &linker, None);
        match instance.with_context(|| path.display().to_string())? {
            Ok(instance) => linker.register(name, instance),
            Err(trap) => bail!("{}: trap while instantiating: {trap}", path.display()),
        }
    }
    Ok(linker)
}

/// Calls a .clif function, whose results are in registers.
fn run_clif(args: &Args, artifact: &Artifact, board: Board) -> Result<()> {
    if !args.memory.is_empty() || !args.dump.is_empty() || args.memory_bytes.is_some() {
        return Err(Usage("functions of a .clif file have no linear memory".into()).into());
    }
    if !args.preload.is_empty() {
        return Err(Usage("functions of a .clif file import nothing".into()).into());
    }
    let (name, values) = split_invocation(args)?;
    let functions = &artifact.module.functions;
    let function = functions.iter().find(|f| f.name == name).with_context(|| {
        let names: Vec<_> = functions.iter().map(|f| &f.name[..]).collect();
        format!("no function named {name}; there are: {}", names.join(", "))
    })?;
    let signature = &function.clif.signature;
    let params: Vec<_> = signature.params.iter().map(|p| val_type(p.value_type)).collect();
    let values = parse_arguments(name, values, &params)?;
    let mut machine = Machine::new(&artifact.object, board)?;
    let entry = machine.function(0, name)?;
    let (_, cost) = machine.call(entry, &values, 0, &mut NoHost)?;
    report_cost(artifact, &machine, 0, cost);
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

fn split_invocation(args: &Args) -> Result<(&str, &[String])> {
    let (name, values) = args.invoke.split_first().context("no function to call")?;
    Ok((name, values))
}

fn parse_arguments(name: &str, values: &[String], types: &[ValType]) -> Result<Vec<Val>> {
    if values.len() != types.len() {
        let expected = types.len();
        let message = format!("{name} takes {expected} arguments, not {}", values.len());
        return Err(Usage(message).into());
    }
    let pairs = values.iter().zip(types);
    pairs
        .map(|(text, &ty)| {
            let problem = || Usage(format!("argument {text:?} of {name} is no {ty:?}"));
            Ok(Val::parse(ty, text).ok_or_else(problem)?)
        })
        .collect()
}

fn report_cost(artifact: &Artifact, machine: &Machine, image: usize, cost: Cost) {
    let traffic = traffic::executed(artifact, machine, image);
    eprintln!(
        "{} instructions, {} cycles (estimated), {} spill stores, {} reloads",
        cost.instructions, cost.cycles, traffic.stores, traffic.loads
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
