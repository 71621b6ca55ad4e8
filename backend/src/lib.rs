//! Windlass's code generator, free of any instruction set.
//!
//! ```text
//! .wasm --frontend--> CLIF --opt--> CLIF --lower (ISLE)--> VCode over vregs --regalloc--> AllocResult
//! ELF .o <--object-- CompiledFunction <--emit-- insts <--finalize-- <--post-RA passes--------+
//! ```

mod callgraph;
pub mod compile;
pub mod compiled;
pub mod debug;
pub mod emit;
pub mod error;
pub mod frontend;
pub mod header;
pub mod instance;
pub mod isa;
pub mod lower;
pub mod module;
pub mod object;
pub mod opt;
pub mod options;
pub mod reg;
pub mod regalloc;
pub mod runtime;
pub mod rust_binding;
mod schedule;
pub mod stack;
pub mod trap;
pub mod vcode;
pub mod view;

pub use compile::{Lowered, compile_lowered_module, compile_module, lower_module};
pub use error::{Error, Result};
pub use trap::Trap;
