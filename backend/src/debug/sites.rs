//! `windlass_sites`: the places that trap, for fault handlers that have no debugger at hand.
//!
//! A part of the image, of three words a place: the distance from the entry to the trapping
//! instruction, the index of the wasm function, and the byte of the wasm file where its operator
//! stands. The section's name is a C identifier, so that a linker defines `__start_windlass_sites` and
//! `__stop_windlass_sites`.

use crate::compiled::CompiledFunction;
use crate::module::{Function, FunctionRole};

pub const SECTION: &str = "windlass_sites";
pub const ENTRY_BYTES: u32 = 12;

/// An entry, its first word apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Site {
    /// Of the trapping instruction, in bytes from the function's first.
    pub offset: u32,
    pub function: u32,
    pub wasm_offset: u32,
}

/// The places of a function; none of functions that are not the wasm file's.
pub fn of_function(function: &Function, compiled: &CompiledFunction) -> Vec<Site> {
    let FunctionRole::User { index } = function.role else { return Vec::new() };
    if function.wasm_bytes == 0 {
        return Vec::new();
    }
    let site = |offset| {
        // The prologue's check stands for the function.
        let wasm_offset = compiled.wasm_offset(offset).unwrap_or(function.wasm_offset);
        Site { offset, function: index, wasm_offset }
    };
    compiled.traps.iter().map(|trap| site(trap.offset)).collect()
}
