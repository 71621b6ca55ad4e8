//! Thumb-2 for Windlass: instructions, encodings, lowering rules, AAPCS.

pub mod inst;
pub mod object;
pub mod regs;
