//! Input files: .wasm, .wat and .clif, told apart by what is in them.

use crate::{Artifact, Compiler, Lowered};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Larger files are no modules for a microcontroller, and would only exhaust memory.
const MAX_BYTES: u64 = 64 << 20;

pub enum Code {
    Wasm(Vec<u8>),
    Clif(String),
}

/// A file that was read.
pub struct Input {
    pub path: PathBuf,
    /// The file's stem.
    pub stem: String,
    pub code: Code,
    /// Byte offsets in the code are those of the file.
    is_binary: bool,
}

impl Input {
    pub fn read(path: &Path) -> Result<Input> {
        let bytes = read(path)?;
        let is_binary = bytes.starts_with(b"\0asm");
        let code = recognise(path, bytes).with_context(|| path.display().to_string())?;
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned());
        Ok(Input { path: path.to_owned(), stem: stem.unwrap_or_default(), code, is_binary })
    }

    pub fn compile(&self, compiler: Compiler) -> Result<Artifact> {
        let artifact = match &self.code {
            Code::Wasm(wasm) => compiler.compile_wasm(wasm),
            Code::Clif(text) => compiler.compile_clif(text),
        };
        artifact.with_context(|| self.path.display().to_string())
    }

    /// The path, if it is that of a binary module.
    pub fn wasm_path(&self) -> Option<String> {
        self.is_binary.then(|| self.path.display().to_string())
    }

    /// Up to register allocation.
    pub fn lower(&self, compiler: Compiler) -> Result<Lowered> {
        let lowered = match &self.code {
            Code::Wasm(wasm) => compiler.lower_wasm(wasm),
            Code::Clif(text) => compiler.lower_clif(text),
        };
        lowered.with_context(|| self.path.display().to_string())
    }
}

/// A file of sensible size.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let context = || format!("cannot read {}", path.display());
    let size = std::fs::metadata(path).with_context(context)?.len();
    if size > MAX_BYTES {
        bail!("{}: {size} bytes are more than a module can have", path.display());
    }
    std::fs::read(path).with_context(context)
}

fn recognise(path: &Path, bytes: Vec<u8>) -> Result<Code> {
    if bytes.starts_with(b"\0asm") || path.extension().is_some_and(|e| e == "wasm") {
        return Ok(Code::Wasm(bytes));
    }
    let Ok(text) = String::from_utf8(bytes) else {
        bail!("neither a binary wasm module nor text");
    };
    let is_clif = path.extension().is_some_and(|e| e == "clif");
    if is_clif || ["function", "test", "target"].contains(&first_word(&text)) {
        return Ok(Code::Clif(text));
    }
    let is_wat = path.extension().is_some_and(|e| e == "wat");
    if is_wat || first_word(&text).starts_with('(') {
        return Ok(Code::Wasm(wat::parse_str(&text)?));
    }
    bail!("no wasm module, no wat text and no clif text");
}

/// The first word that is not in a `;` comment.
fn first_word(text: &str) -> &str {
    let line = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with(';'));
    line.and_then(|l| l.split_whitespace().next()).unwrap_or("")
}
