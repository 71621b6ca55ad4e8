//! The instance (vmctx): what the register r9 points to while a module's code runs.
//!
//! ```text
//!   0  memory 0: bytes        cached in the register of `ContextReg::Mem0Bytes`
//!   4  memory 0: base         cached in the register of `ContextReg::Mem0Base`
//!   8  stack limit            lowest sp that a checked function may reach
//!  12  recovery chain         the innermost entry record, 0 outside of any entry
//!  16  trap                   code of the last trap, -1 for none
//!  20  interrupt flag
//!  24  memory 0: capacity     bytes that the host handed over
//!  28  host context pointers, one per imported module, in order of first import
//!   .  mutable globals        each at its natural alignment
//! ```
//!
//! Every field is a 32-bit word in the target's byte order unless said otherwise.

/// Byte offsets of the fields that every instance has.
pub mod offset {
    pub const MEM0_BYTES: i32 = 0;
    pub const MEM0_BASE: i32 = 4;
    pub const STACK_LIMIT: i32 = 8;
    pub const RECOVERY_CHAIN: i32 = 12;
    pub const TRAP: i32 = 16;
    pub const INTERRUPT: i32 = 20;
    pub const MEM0_CAPACITY: i32 = 24;
    pub const CONTEXTS: i32 = 28;
}

/// The value of the trap field when nothing trapped.
pub const NO_TRAP: i32 = -1;

/// What `<module>_instantiate` returns.
pub mod status {
    pub const OK: i32 = 0;
    pub const MEMORY_TOO_SMALL: i32 = 1;
    pub const MEMORY_MISALIGNED: i32 = 2;
    pub const INCOMPATIBLE_IMPORT: i32 = 3;
    /// Added to the code of a trap in initialisation or in the start function.
    pub const TRAPPED: i32 = 16;
}

/// Instance fields that live in reserved registers while a module's code runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ContextReg {
    /// The instance pointer itself.
    Instance,
    Mem0Bytes,
    Mem0Base,
}

impl ContextReg {
    /// The context register that caches the word at `offset` of the instance.
    pub fn at_offset(offset: i32) -> Option<ContextReg> {
        match offset {
            offset::MEM0_BYTES => Some(ContextReg::Mem0Bytes),
            offset::MEM0_BASE => Some(ContextReg::Mem0Base),
            _ => None,
        }
    }
}
