//! From a build script: a wasm file becomes an object that Cargo links and a binding to include.
//!
//! ```no_run
//! // build.rs
//! let target = std::env::var("TARGET").unwrap();
//! let compiler = windlass::Compiler::new().target(&target).cpu("cortex-m4").name("blink");
//! windlass::build::module(&compiler, "wasm/blink.wasm", &[]).unwrap();
//! ```
//!
//! ```ignore
//! // main.rs
//! mod blink {
//!     include!(concat!(env!("OUT_DIR"), "/blink.rs"));
//! }
//! mod windlass {
//!     include!(concat!(env!("OUT_DIR"), "/windlass.rs"));
//! }
//! windlass::fault_vectors!();
//! ```

use crate::outputs::Outputs;
use crate::{Artifact, Compiler};
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a build script fails: the file, and what is wrong with it.
#[derive(Debug)]
pub struct BuildError {
    path: PathBuf,
    message: String,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.message)
    }
}

impl std::error::Error for BuildError {}

/// The fault handler for Rust hosts: one for all modules of a program.
pub const RUNTIME: &str = include_str!("../rust-runtime/windlass.rs");

/// What linker scripts that name every section need beside them, as cortex-m-rt's does:
/// `-Twindlass.x`.
pub const LINKER_SCRIPT: &str = include_str!("../rust-runtime/windlass.x");

/// Compiles a binary wasm file, writes `NAME.o`, `NAME.h` and `NAME.rs` to Cargo's `OUT_DIR`, NAME being
/// the compiler's name for the module, beside `windlass.rs`, which is [`RUNTIME`], and `windlass.x`,
/// which is [`LINKER_SCRIPT`], and tells Cargo to link the object into the package's
/// executables. The header is for C code of the same program. `linked` are the imported modules whose
/// functions other objects have ([`Artifact::rust_binding`]).
///
/// # Errors
/// What cannot be read, compiled or written, and the absence of `OUT_DIR`.
pub fn module(
    compiler: &Compiler,
    wasm: impl AsRef<Path>,
    linked: &[&str],
) -> Result<Artifact, BuildError> {
    let wasm = wasm.as_ref();
    let failed = |path: &Path, error: &dyn fmt::Display| BuildError {
        path: path.to_owned(),
        message: error.to_string(),
    };
    println!("cargo::rerun-if-changed={}", wasm.display());
    let out = std::env::var_os("OUT_DIR").map(PathBuf::from);
    let out = out.ok_or_else(|| failed(wasm, &"OUT_DIR is not set: not a build script"))?;
    let bytes = std::fs::read(wasm).map_err(|error| failed(wasm, &error))?;
    let artifact = compiler.compile_wasm(&bytes).map_err(|error| failed(wasm, &error))?;
    let linked: Vec<String> = linked.iter().map(|&name| name.to_owned()).collect();
    let binding = artifact.rust_binding(&linked).map_err(|error| failed(wasm, &error))?;
    let header = artifact.header.as_deref().unwrap_or_default();
    let name = &artifact.module.name;
    let runtime = [("windlass.rs", RUNTIME.as_bytes()), ("windlass.x", LINKER_SCRIPT.as_bytes())];
    let files = [("o", &artifact.object[..]), ("h", header.as_bytes()), ("rs", binding.as_bytes())];
    let files = files.map(|(extension, bytes)| (format!("{name}.{extension}"), bytes));
    let mut outputs = Outputs::default();
    for (file, bytes) in files.iter().map(|(file, bytes)| (&file[..], *bytes)).chain(runtime) {
        outputs.add(&out.join(file), bytes).map_err(|error| failed(wasm, &format!("{error:#}")))?;
    }
    outputs.commit().map_err(|error| failed(wasm, &format!("{error:#}")))?;
    let object = out.join(format!("{name}.o"));
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins={}", object.display());
    Ok(artifact)
}
