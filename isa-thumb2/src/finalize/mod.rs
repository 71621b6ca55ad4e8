//! Everything between allocation and emission: frames, expansion and narrowing.
//!
//! Input: instructions over physical registers and spill slots, with the allocator's moves among
//! them, and what the frame must hold. Output: instructions that each have an encoding, with
//! prologue and epilogues, in as few bytes as flags and registers allow.
//!
//! Invariants: flags are written and read within one block; r12 is free
//! at every instruction of lowering, though not between the moves of allocation; lr is free in
//! functions that save it.
//!
//! Left to emission: branch ranges and fallthrough, literal pools, trap code.

mod addresses;
mod blocks;
mod compare;
mod conditional;
mod consts;
mod expand;
mod flags;
mod frame;
#[cfg(test)]
mod machine;
mod narrow;
mod pairs;
mod permute;
pub mod recovery;
mod returns;
mod rewrite;
mod stack_check;
#[cfg(test)]
mod tests;
mod verify;

pub use frame::FrameLayout;
pub use rewrite::NOWHERE;
pub use verify::verify;

use crate::inst::Inst;
use regalloc2::PRegSet;
use windlass_backend::isa::{Code, FrameRequest};
use windlass_backend::{Error, Result};

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FinalizeOptions {
    /// Prefer few bytes to few cycles.
    pub size: bool,
    /// Cortex-M3 erratum 602117: no ldrd whose base is also a destination.
    pub ldrd_base_erratum: bool,
    /// Registers that may come into use in place of others.
    pub allocatable: PRegSet,
    /// Floating-point registers in which a caller of an entry may hold values.
    pub saved_floats: PRegSet,
    /// Verify the result; debug builds always do.
    pub check: bool,
}

/// Runs all passes. Fails on a frame too large for any stack, and if verification fails.
pub fn finalize(
    code: &mut Code<Inst>,
    frame: &FrameRequest,
    options: &FinalizeOptions,
) -> Result<FrameLayout> {
    let mut frame = frame.clone();
    if frame.entry.is_some() {
        frame.written.union_from(options.saved_floats);
    }
    permute::avoid_high_register(code, &mut frame, options.allocatable);
    let layout = expand::lay_out_frame(code, &frame, options.size)?;
    if options.size {
        returns::share_returns(code, &layout);
    }
    blocks::thread_jumps(code);
    expand::expand(code, &layout, options);
    pairs::form_pairs(code);
    compare::drop_comparisons(code);
    compare::form_cbz(code);
    narrow_checked(code, options)?;
    conditional::form_it_blocks(code);
    if options.check || cfg!(debug_assertions) {
        verify(code).map_err(Error::internal)?;
    }
    Ok(layout)
}

fn narrow_checked(code: &mut Code<Inst>, options: &FinalizeOptions) -> Result<()> {
    let before = (options.check || cfg!(debug_assertions)).then(|| code.clone());
    narrow::narrow(code);
    match before {
        Some(before) => verify::verify_same_writers(&before, code).map_err(Error::internal),
        None => Ok(()),
    }
}
