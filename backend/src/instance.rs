//! The instance (vmctx): what the register r9 points to while a module's code runs.
//!
//! ```text
//!   0  memory 0: bytes        cached in the register of `ContextReg::Mem0Bytes`
//!   4  memory 0: base         cached in the register of `ContextReg::Mem0Base`
//!   8  memory 0: capacity     bytes that memory.grow may reach
//!  12  stack limit            lowest sp that a checked function may reach (see [`RED_ZONE`])
//!  16  recovery chain         the innermost entry record, 0 outside of any entry (see [`STARTING`])
//!  20  trap                   code of the last trap, -1 for none
//!  24  interrupt flag         not 0: a check traps, and clears it
//!  28  trap pc                address of the instruction that trapped last, 0 if nothing has
//!  32  fuel                  complement of the units left, if the module counts
//!  36  host context pointers, one per imported module, in order of first import
//!   .  globals, at natural alignment; pointers to imported mutable ones
//!   .  descriptors of further memories and of tables; pointers to imported ones
//!   .  lengths of segments that can be dropped
//!   .  function references
//!   .  elements of tables
//! ```
//!
//! Fields 0 to 8 are the descriptor of memory 0 if it is the module's own; an imported one is
//! reached through a pointer like any other, and these stay 0.
//!
//! Every field is a 32-bit word in the target's byte order unless said otherwise.

/// Byte offsets of the fields that every instance has.
pub mod offset {
    pub const MEM0_BYTES: i32 = 0;
    pub const MEM0_BASE: i32 = 4;
    pub const MEM0_CAPACITY: i32 = 8;
    pub const STACK_LIMIT: i32 = 12;
    pub const RECOVERY_CHAIN: i32 = 16;
    pub const TRAP: i32 = 20;
    pub const INTERRUPT: i32 = 24;
    pub const TRAP_PC: i32 = 28;
    pub const FUEL: i32 = 32;
    pub const CONTEXTS: i32 = 36;
}

/// `windlass_memory`: byte offsets in a memory's descriptor.
pub mod memory {
    pub const BYTES: i32 = 0;
    pub const BASE: i32 = 4;
    /// Bytes that memory.grow may reach.
    pub const CAPACITY: i32 = 8;
    pub const SIZE: u32 = 12;
}

/// `windlass_table`: byte offsets in a table's descriptor. Sizes count elements of one word.
pub mod table {
    pub const SIZE: i32 = 0;
    pub const ELEMENTS: i32 = 4;
    /// Elements that table.grow may reach.
    pub const CAPACITY: i32 = 8;
    pub const BYTES: u32 = 12;
}

/// `windlass_funcref`: byte offsets in what a function reference points to.
pub mod funcref {
    /// Address of the signature's symbol, one for each type among all objects of a program.
    pub const SIGNATURE: i32 = 0;
    /// The function in the internal convention, to be called with its instance.
    pub const ENTRY: i32 = 4;
    pub const INSTANCE: i32 = 8;
    pub const BYTES: u32 = 12;
}

/// Bytes by which the stack limit in the instance is above the host's: stack that code uses without
/// asking. 0 in the instance means no limit.
///
/// A function of the internal convention compares sp with the limit before it pushes anything, and
/// traps below it. What it will use, its frame and [`C_CALLEE`] if it calls C's convention, counts
/// unless that is at most [`SMALL_FRAME`] bytes. Functions that call nothing and have a small frame
/// do not ask, nor do those that call only such, directly, if the frames of each chain of calls are
/// small together. Functions of C's convention do not either, but for entries with a larger frame: they
/// ask when their record is linked, which takes up to 108 bytes with a floating-point unit, so that
/// the trap unwinds.
///
/// So below the limit there may be, in bytes,
/// - the frame of a function that asked or of an entry, and that of a callee that does not ask, 64
///   each; or the record of an entry that asks, 108;
/// - the exception frame of a trap or an interrupt, 104 with a floating-point unit and 4 to align
///   it (ARMv7-M B1.5.7);
///
/// which makes 236 at most. Interrupt handlers begin there; what they need lies below the host's
/// limit, for the host to set aside, and so does what an imported function needs beyond
/// [`C_CALLEE`].
pub const RED_ZONE: u32 = 256;

/// The most bytes that checks do not count.
pub const SMALL_FRAME: u32 = 64;

/// Bytes that a function counts for those of C's convention that it calls: runtime routines and
/// helpers, which need no more, and imported functions, which may. The simplest allocator's routines
/// need nearly all of it.
pub const C_CALLEE: u32 = 320;

/// The highest stack limit. A frame's bytes can be added to it without a wrap, and no stack is
/// above it: private peripherals begin at 0xe000_0000 (ARMv7-M B3.1).
pub const MAX_STACK_LIMIT: u32 = 0xe000_0000;

/// The recovery chain while `<module>_instantiate` calls the start function's entry, so that the
/// entry's record has it as its previous record. The call came from a module's code, but no
/// instance is behind it: a trap ends there.
pub const STARTING: u32 = 1;

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
