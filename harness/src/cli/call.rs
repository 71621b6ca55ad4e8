//! One call of an exported function on an emulated board, as `run` and `compare --profile` make it.

use super::input::Input;
use super::options::Usage;
use crate::machine::{Board, Cost};
use crate::store::{InstanceId, Linker, Outcome, Store};
use crate::value::Val;
use crate::{Artifact, Compiler};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::str::FromStr;
use windlass_backend::module::ValType;
use windlass_isa_thumb2::settings::Settings;

/// Instructions after which to give up if nothing else is asked.
const DEFAULT_BUDGET: u64 = 1_000_000_000;

/// What a call finds.
#[derive(clap::Args)]
pub struct Setting {
    /// Bytes to put into linear memory before the call: hexadecimal digits or a file's contents
    #[arg(long, value_name = "ADDR=HEX|ADDR=@FILE")]
    pub memory: Vec<Preset>,

    /// Bytes of linear memory to hand over [default: the module's minimum]
    #[arg(long, value_name = "BYTES")]
    pub memory_bytes: Option<u32>,

    /// Another module to instantiate first, whose exports can be imported under this name
    ///
    /// Given several times, each may import from those before it.
    #[arg(long, value_name = "NAME=FILE")]
    pub preload: Vec<Preload>,

    /// Instructions after which to give up [default: 1000000000]
    #[arg(long, value_name = "N")]
    pub budget: Option<u64>,
}

/// A board after a call.
pub struct Called {
    pub store: Store,
    pub instance: InstanceId,
    pub outcome: Outcome,
    pub cost: Cost,
    /// What the call used, of a module that counts.
    pub fuel: Option<u32>,
}

impl Setting {
    pub fn is_empty(&self) -> bool {
        let Setting { memory, memory_bytes, preload, budget } = self;
        memory.is_empty() && memory_bytes.is_none() && preload.is_empty() && budget.is_none()
    }

    /// A board that counts what it executes.
    pub fn board(&self, settings: &Settings) -> Result<Board> {
        let board = Board::for_settings(settings);
        let board = board.context("the emulator has no processor with a double-precision fpu")?;
        Ok(Board { budget: self.budget.unwrap_or(DEFAULT_BUDGET), histogram: true, ..board })
    }

    /// Instantiates a wasm module and calls `invocation`, a function's name and its arguments.
    /// `compiler` compiles the modules to preload.
    pub fn call(
        &self,
        artifact: &Artifact,
        compiler: &Compiler,
        invocation: &[String],
    ) -> Result<Called> {
        let mut store = Store::new(self.board(&artifact.settings)?);
        let linker = self.preload(compiler, &mut store)?;
        let Artifact { module, object, .. } = artifact;
        let instance = match store.instantiate(module, object, &linker, self.memory_bytes)? {
            Ok(instance) => instance,
            Err(trap) => bail!("trap while instantiating: {trap}"),
        };
        let (name, values) = split_invocation(invocation)?;
        let values = parse_arguments(name, values, &store.function_type(instance, name)?.params)?;
        for preset in &self.memory {
            store.write_memory(instance, preset.address, &preset.read()?)?;
        }
        let before = store.fuel(instance)?;
        store.reset_histogram();
        let (outcome, cost) = store.invoke(instance, name, &values)?;
        let after = store.fuel(instance)?;
        let fuel = before.zip(after).map(|(before, after)| before.saturating_sub(after));
        Ok(Called { store, instance, outcome, cost, fuel })
    }

    /// Instantiates the modules that were asked for, in order.
    fn preload(&self, compiler: &Compiler, store: &mut Store) -> Result<Linker> {
        let mut linker = Linker::default();
        for Preload { name, path } in &self.preload {
            let input = Input::read(path)?;
            let artifact = input.compile(compiler.clone().name(&input.stem))?;
            let instance = store.instantiate(&artifact.module, &artifact.object, &linker, None);
            match instance.with_context(|| path.display().to_string())? {
                Ok(instance) => linker.register(name, instance),
                Err(trap) => bail!("{}: trap while instantiating: {trap}", path.display()),
            }
        }
        Ok(linker)
    }
}

pub fn split_invocation(invocation: &[String]) -> Result<(&str, &[String])> {
    let (name, values) = invocation.split_first().context("no function to call")?;
    Ok((name, values))
}

pub fn parse_arguments(name: &str, values: &[String], types: &[ValType]) -> Result<Vec<Val>> {
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

/// `ADDR=HEX` or `ADDR=@FILE`.
#[derive(Clone, Debug)]
pub struct Preset {
    address: u32,
    bytes: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Hex(Vec<u8>),
    File(PathBuf),
}

impl Preset {
    fn read(&self) -> Result<Vec<u8>> {
        match &self.bytes {
            Source::Hex(bytes) => Ok(bytes.clone()),
            Source::File(path) => {
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
            }
        }
    }
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
pub struct Preload {
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

pub fn parse_u32(text: &str) -> Result<u32, String> {
    match Val::parse(ValType::I32, text) {
        Some(Val::I32(value)) if !text.starts_with('-') => Ok(value as u32),
        _ => Err(format!("{text:?} is no 32-bit number")),
    }
}
