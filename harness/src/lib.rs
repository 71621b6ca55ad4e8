//! Windlass: WebAssembly and CLIF to Cortex-M objects, with every spill measured.
//!
//! ```text
//!   bytes --Compiler--> Artifact { object, header, module, compiled }
//!                         |-- report: figures of every function and allocator
//!                         |-- link --> machine --> store: executes objects
//!                         '-- image --> link: whole firmware for a board
//!   c_runtime: windlass.h and windlass.c, which C hosts compile once
//!   build: from a Rust host's build script, an object to link and a binding to include
//!   object or executable, addresses --symbolize--> functions and lines
//!   bytes of anybody's object --analyze--> Report: which of its spills were needed
//! ```
//!
//! [`Compiler`] is the one way to an object, for the program, for tests and for build scripts
//! alike. With `default-features = false` it is all there is besides [`report`]'s schema: no
//! emulator, no command line, no C to compile.
//!
//! ```
//! let wasm = [0, b'a', b's', b'm', 1, 0, 0, 0];
//! let artifact = windlass::Compiler::new().name("empty").compile_wasm(&wasm)?;
//! assert!(artifact.object.starts_with(b"\x7fELF"));
//! # Ok::<(), windlass::Error>(())
//! ```

#[cfg(feature = "cli")]
pub mod aapcs;
#[cfg(feature = "cli")]
pub mod analyze;
pub mod build;
pub mod c_runtime;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clif;
pub mod compiler;
#[cfg(feature = "cli")]
pub mod emulator;
#[cfg(feature = "cli")]
pub mod image;
#[cfg(feature = "cli")]
pub mod instance;
#[cfg(feature = "cli")]
pub mod link;
#[cfg(feature = "cli")]
pub mod machine;
mod outputs;
pub mod report;
#[cfg(feature = "cli")]
pub mod store;
#[cfg(feature = "cli")]
pub mod symbolize;
#[cfg(feature = "cli")]
pub mod value;
#[cfg(feature = "cli")]
pub mod wast;

pub use compiler::{Artifact, Compiler, Lowered};
pub use windlass_backend::options::{
    AllocatorKind, Bounds, OptLevel, RuntimeLibrary, TrapMode, WasmFeatures,
};
pub use windlass_backend::{Error, Result, Trap};
