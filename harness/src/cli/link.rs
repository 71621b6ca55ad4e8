//! `windlass link`: a whole image for a board, without a C toolchain.

use super::call::{parse_arguments, split_invocation};
use super::input::{Input, read};
use super::invocation::Invocation;
use super::options::{CodegenArgs, RegallocArg, Usage};
use crate::Compiler;
use crate::image::{self, Board, Call};
use crate::link::{Linked, elf, formats};
use crate::outputs::Outputs;
use anyhow::{Context, Result};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  windlass link crc32.wasm -o crc32.elf --board mps2-an386 --invoke run
  windlass link hello.wasm -o hello.elf --board mps2-an500 --invoke _start
  windlass link app.wasm -g -o app.elf --board mps2-an386 --invoke run 5
  windlass link crc32.wasm -o crc32.hex --format hex --board my-board.toml --invoke crc32 1024 16";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where the image goes
    #[arg(short, value_name = "FILE")]
    output: PathBuf,

    /// mps2-an385, mps2-an386, mps2-an500, mps2-an505, or a .toml file that describes a board
    ///
    /// docs/images.md has its fields. The board decides for which processor code is.
    #[arg(long, value_name = "BOARD")]
    board: String,

    #[command(flatten)]
    invocation: Invocation,

    /// Bytes of linear memory [default: the module's minimum]
    #[arg(long, value_name = "BYTES")]
    memory_bytes: Option<u32>,

    /// What to write
    #[arg(long, value_name = "FORMAT", default_value = "elf")]
    format: Format,

    /// Debug information in the ELF file, of the module and of what the image adds
    ///
    /// As for `compile`: lines are those of the source if the module carries DWARF, else byte offsets in
    /// the wasm file. Flash has the same but for the traps: each source location has one of its own.
    #[arg(short = 'g')]
    debug_info: bool,

    #[command(flatten)]
    regalloc: RegallocArg,

    #[command(flatten)]
    codegen: CodegenArgs,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Format {
    /// An executable with symbols
    Elf,
    /// The contents of flash from its start
    Bin,
    /// The contents of flash as Intel HEX
    Hex,
}

pub fn run(args: &Args) -> Result<()> {
    let board = board(&args.board)?;
    let Invocation { input, invoke } = &args.invocation;
    let input = Input::read(input)?;
    let compiler = args.regalloc.apply(args.codegen.image_compiler()?).debug_info(args.debug_info);
    let linked = link(&input, compiler, &board, invoke, args.memory_bytes)?;
    let bytes = match args.format {
        Format::Elf => elf::write(&linked)?,
        Format::Bin => linked.flash(),
        Format::Hex => {
            let origin = board.flash.origin;
            formats::intel_hex(origin, &linked.flash(), linked.entry).into_bytes()
        }
    };
    let mut outputs = Outputs::default();
    outputs.add(&args.output, &bytes)?;
    outputs.commit()
}

/// A board by its name, or read from a file.
pub fn board(name: &str) -> Result<Board> {
    if let Some(board) = Board::known(name) {
        return Ok(board);
    }
    let path = Path::new(name);
    if path.extension().is_none_or(|extension| extension != "toml") {
        let known: Vec<_> = Board::known_names().collect();
        let known = known.join(", ");
        return Err(Usage(format!("no board {name}: there are {known}, and .toml files")).into());
    }
    let text = String::from_utf8(read(path)?);
    let text = text.with_context(|| format!("{name}: no text"))?;
    Board::parse(&text).map_err(|error| anyhow::anyhow!("{name}: {error}"))
}

/// Compiles and links a module for a board.
pub fn link(
    input: &Input,
    compiler: Compiler,
    board: &Board,
    invocation: &[String],
    memory_bytes: Option<u32>,
) -> Result<Linked> {
    let compiler = image::compiler_for(board, compiler);
    let artifact = input.compile(compiler.clone().name(&input.stem))?;
    let (name, values) = split_invocation(invocation)?;
    let params = image::parameters(&artifact, name)?;
    let arguments = parse_arguments(name, values, &params)?;
    let call = Call { function: name.to_owned(), arguments, memory_bytes };
    let linked = image::build(&artifact, &compiler, board, &call);
    linked.with_context(|| input.path.display().to_string())
}
