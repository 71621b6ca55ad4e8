//! Allocation problems as text: what `windlass compare --save` writes and `windlass replay` reads.
//!
//! [`write()`] takes any problem; [`parse()`] answers a [`Saved`] or an error with line and column.
//! docs/allocation-problems.md specifies the format.
//!
//! Invariants: what is written of a well-formed problem is read as one to which every allocator
//! gives the same answer; writing that again gives the same text. No text makes the parser panic,
//! and what it accepts is well formed ([`super::well_formed()`]).

use regalloc2::{MachineEnv, RegClass};

use super::Problem;

mod parse;
mod write;

pub use parse::{ParseError, parse};
pub use write::{value, write, write_body};

/// The version of the format. A reader refuses all others.
pub const VERSION: u32 = 1;

/// Where a problem comes from. For people only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub module: String,
    pub function: String,
    /// In the wasm function index space, or the position in a .clif file.
    pub index: u32,
}

/// A problem with all that belongs to it.
#[derive(Clone, Debug)]
pub struct Saved {
    pub names: Names,
    pub env: MachineEnv,
    pub problem: Problem,
}

impl core::fmt::Display for Saved {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let text = |inst| self.problem.inst(inst).text.clone();
        f.write_str(&write(&self.problem, &self.env, &self.names, text))
    }
}

/// The letters that end the names of registers, in order of the classes.
const LETTERS: [char; 3] = ['i', 'f', 'v'];

fn letter(class: RegClass) -> char {
    LETTERS[class as usize]
}
