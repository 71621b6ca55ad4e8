//! Whole images: a compiled module and what a bare core needs to run one of its functions.
//!
//! ```text
//!   module ------------------------------------------------------.
//!   start.rs: CLIF of the call, with its arguments --.            |
//!   support.clif, wasi.clif -------------------------+--compile--> objects --link--> Linked
//!   machine_code, vector table, texts ---------------'
//! ```
//!
//! Input: an artifact, the board and the call. Output: a linked program that, from reset on, calls
//! the function, prints its results through semihosting and ends.
//!
//! Everything is compiled by windlass itself; docs/images.md says what an image does.

pub mod board;
mod objects;
mod start;

pub use board::Board;

use crate::link::{LinkError, Linked, Named, Reservation, link_program};
use crate::value::Val;
use crate::{Artifact, Compiler, RuntimeLibrary};
use anyhow::{Context, Result, bail};
use start::Program;
use windlass_backend::module::{ExternType, Interface, ValType};

/// The module of WASI preview 1.
pub const WASI: &str = "wasi_snapshot_preview1";

/// Bytes of [`names::STATE`].
const STATE_BYTES: u32 = 24;
/// The base of a memory, a stack and an instance.
const RAM_ALIGN: u32 = 8;

/// Symbols of an image.
mod names {
    pub const VECTORS: &str = "__windlass_vectors";
    pub const RESET: &str = "__windlass_reset";
    pub const START: &str = "__windlass_start";
    pub const FAULT: &str = "__windlass_fault";
    pub const HANDLE_FAULT: &str = "__windlass_handle_fault";
    pub const LANDING_PAD: &str = "__windlass_landing_pad";
    pub const SEMIHOSTING: &str = "__windlass_semihosting";
    pub const BARRIER: &str = "__windlass_barrier";
    pub const STATE: &str = "__windlass_state";
    pub const INSTANCE: &str = "__windlass_instance";
    pub const MEMORY: &str = "__windlass_memory";
    pub const STACK_TOP: &str = "__stack_top";
}

/// What an image does.
#[derive(Clone, Debug)]
pub struct Call {
    pub function: String,
    pub arguments: Vec<Val>,
    /// Bytes of linear memory; None for the module's minimum.
    pub memory_bytes: Option<u32>,
}

/// The compiler of what goes into an image for `board`.
pub fn compiler_for(board: &Board, compiler: Compiler) -> Compiler {
    let compiler = compiler.target(&board.target).cpu(&board.cpu).fpu(&board.fpu);
    compiler.runtime(RuntimeLibrary::Builtin).function_sections(true)
}

/// The types of the arguments of a function that an image can call.
pub fn parameters(artifact: &Artifact, function: &str) -> Result<Vec<ValType>> {
    Ok(Program::new(artifact, function)?.params)
}

/// Links an image. `compiler` is the one that [`compiler_for`] gave and the artifact came from.
pub fn build(
    artifact: &Artifact,
    compiler: &Compiler,
    board: &Board,
    call: &Call,
) -> Result<Linked> {
    let program = Program::new(artifact, &call.function)?;
    let interface = artifact.module.interface.as_ref();
    let reservations = reservations(interface, board, call)?;
    let isa = compiler.isa()?;
    let support = objects::support(compiler)?;
    let wasi = objects::wasi(compiler)?;
    if let Some(interface) = interface {
        check_imports(interface, artifact, &wasi)?;
    }
    let start =
        program.clif(interface, &call.arguments, &reservations, isa.settings.fpu().is_some())?;
    let start =
        compiler.clone().name("start").compile_clif(&start).context("start of the image")?;
    let machine = objects::machine_code(&isa)?;
    let objects = [
        ("the module", &artifact.object),
        ("the image's start", &start.object),
        ("the image's support", &support.object),
        ("WASI", &wasi.object),
        ("the image's machine code", &machine),
    ];
    let objects = objects.map(|(name, bytes)| Named { name, bytes });
    let layout = crate::link::Layout {
        flash: board.flash,
        ram: board.ram,
        stack_bytes: board.stack,
        first: names::VECTORS,
        entry: names::RESET,
        reservations: &reservations,
    };
    let linked = link_program(&objects, &layout);
    linked.map_err(|error| explain(error, artifact)).with_context(|| board.name.clone())
}

/// RAM for the instance and the module's memories.
fn reservations(
    interface: Option<&Interface>,
    board: &Board,
    call: &Call,
) -> Result<Vec<Reservation>> {
    let reservation =
        |symbol: &str, bytes, align| Reservation { symbol: symbol.to_owned(), bytes, align };
    let mut reservations = vec![reservation(names::STATE, STATE_BYTES, RAM_ALIGN)];
    let Some(interface) = interface else {
        if call.memory_bytes.is_some() {
            bail!("functions of a .clif file have no linear memory");
        }
        return Ok(reservations);
    };
    let layout = &interface.instance;
    reservations.push(reservation(names::INSTANCE, layout.size, layout.align.max(RAM_ALIGN)));
    for (at, memory) in interface.memories.iter().enumerate() {
        let least = memory.min_bytes() + u64::from(interface.guard_bytes);
        let bytes = match call.memory_bytes {
            Some(bytes) if at == 0 => u64::from(bytes) + u64::from(interface.guard_bytes),
            _ => least,
        };
        if bytes < least {
            bail!("the module's memory has at least {} bytes, not {bytes}", memory.min_bytes());
        }
        if bytes > board.ram.length.into() {
            bail!(
                "the module's memory has {bytes} bytes ({} pages of {}), and {} has {} bytes of RAM",
                bytes / u64::from(memory.page_bytes),
                memory.page_bytes,
                board.name,
                board.ram.length
            );
        }
        reservations.push(reservation(&memory_symbol(at), bytes as u32, RAM_ALIGN));
    }
    if interface.memories.is_empty() && call.memory_bytes.is_some() {
        bail!("the module has no memory of its own");
    }
    Ok(reservations)
}

/// The symbol of the module's own memory at this position.
fn memory_symbol(at: usize) -> String {
    match at {
        0 => names::MEMORY.to_owned(),
        _ => format!("{}{at}", names::MEMORY),
    }
}

/// Functions of WASI must be imported by their names and as what they are: nothing else would notice.
/// No other symbol of an image can be that of an import.
fn check_imports(interface: &Interface, artifact: &Artifact, wasi: &Artifact) -> Result<()> {
    for import in &interface.imports {
        let symbol = &artifact.module.symbol(import.symbol).name;
        let Some(function) = wasi.module.functions.iter().find(|f| f.name == *symbol) else {
            continue;
        };
        let (module, name) = (&import.wasm_module, &import.wasm_name);
        let ExternType::Func(ty) = &import.ty else {
            bail!("import {module}.{name} is no function in WASI");
        };
        if module != WASI {
            bail!("nothing in an image is what the module imports: {module}.{name}");
        }
        let signature = &function.clif.signature;
        let types = |of: &[cranelift_codegen::ir::AbiParam]| -> Vec<ValType> {
            of.iter().map(|param| crate::value::val_type(param.value_type)).collect()
        };
        let params = types(&signature.params);
        // The first is the context.
        if params[1..] != ty.params[..] || types(&signature.returns) != ty.results {
            bail!("import {module}.{name} has another type than WASI says");
        }
    }
    Ok(())
}

/// Names what is missing as the module does.
fn explain(error: LinkError, artifact: &Artifact) -> anyhow::Error {
    let (LinkError::Undefined(symbols), Some(interface)) = (&error, &artifact.module.interface)
    else {
        return error.into();
    };
    let missing = interface
        .imports
        .iter()
        .filter(|import| symbols.contains(&artifact.module.symbol(import.symbol).name));
    let names: Vec<_> =
        missing.map(|import| format!("{}.{}", import.wasm_module, import.wasm_name)).collect();
    if names.is_empty() {
        return error.into();
    }
    anyhow::anyhow!("nothing in an image is what the module imports: {}", names.join(", "))
}
