//! Thumb-2 for Windlass: instructions, encodings, lowering rules, AAPCS.

pub mod inst;
pub mod regs;
