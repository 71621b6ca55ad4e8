//! Thumb-2 for Windlass: instructions, encodings, lowering rules, AAPCS.

pub mod finalize;
pub mod inst;
pub mod regs;
