//! Scripts of the WebAssembly test suite (`.wast`), executed on an emulated board.
//!
//! Input: a script's text, a compiler and a board. Output: a [`Report`]: how many assertions held,
//! and for each that did not where it stands and what came instead.
//!
//! A script has one [`Store`](crate::store::Store): all its modules lie on one board, and those
//! that it registers can be imported by the others, as can the host module `spectest`.

mod expect;
mod runner;
mod spectest;

pub use expect::{argument, trap_matches};

use crate::Compiler;
use crate::machine::Board;
use core::fmt;
use wast::lexer::Lexer;
use wast::parser::ParseBuffer;
use wast::{Wast, parser};

/// How scripts are executed.
#[derive(Clone, Debug)]
pub struct Config {
    /// With the proposals that the script may use, and all of the runtime library.
    pub compiler: Compiler,
    pub board: Board,
    /// Bytes that a memory may grow by, where its maximum and the board's RAM allow.
    pub memory_reserve: u32,
}

/// What memories may grow by for all scripts of the suite to succeed.
pub const MEMORY_RESERVE: u32 = 64 << 20;

/// What became of a script.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Assertions that held.
    pub passed: usize,
    /// Assertions about what windlass does not know: exceptions, threads and such.
    pub skipped: usize,
    /// Assertions that did not hold, and other commands that failed.
    pub failures: Vec<Failure>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// From 1.
    pub line: usize,
    /// In bytes, from 1.
    pub column: usize,
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// Executes a script. A text that is no script at all is one failure.
pub fn run(text: &str, config: &Config) -> Report {
    let mut lexer = Lexer::new(text);
    // Scripts test names in every alphabet.
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer);
    let script = match &buffer {
        Ok(buffer) => parser::parse::<Wast>(buffer),
        Err(error) => return no_script(text, error),
    };
    match script {
        Ok(script) => runner::run(text, script.directives, config),
        Err(error) => no_script(text, &error),
    }
}

fn no_script(text: &str, error: &wast::Error) -> Report {
    let (line, column) = error.span().linecol_in(text);
    let failure = Failure { line: line + 1, column: column + 1, message: error.message() };
    Report { failures: vec![failure], ..Report::default() }
}
