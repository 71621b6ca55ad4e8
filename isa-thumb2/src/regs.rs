//! The sixteen core registers and what each is for.
//!
//! | register | role |
//! |---|---|
//! | r0-r3 | arguments, results, temporaries; a call may change them |
//! | r4-r8 | values across calls; a callee restores them |
//! | r9 | the instance while wasm code runs |
//! | r10 | bytes of memory 0, a copy of an instance field |
//! | r11 | base of memory 0, a copy of an instance field |
//! | r12 | first scratch: allocator moves, expansion after allocation, linker veneers |
//! | lr (r14) | return address; second scratch in functions that save it |
//! | sp (r13), pc (r15) | as the architecture has them |
//!
//! r0-r8 are the largest allocatable environment. AAPCS functions (adapters, functions of .clif
//! files) must restore r4-r11; wasm code finds r9-r11 in place and leaves them so.

use regalloc2::{PReg, RegClass};

pub const fn r(n: usize) -> PReg {
    PReg::new(n, RegClass::Int)
}

/// The instance pointer.
pub const INSTANCE: PReg = r(9);
/// Bytes of memory 0.
pub const MEM0_BYTES: PReg = r(10);
/// Base of memory 0.
pub const MEM0_BASE: PReg = r(11);
/// First scratch, never live across instructions.
pub const IP: PReg = r(12);
pub const SP: PReg = r(13);
/// Return address and second scratch.
pub const LR: PReg = r(14);
pub const PC: PReg = r(15);

/// The UAL name of a core register.
pub fn name(reg: PReg) -> &'static str {
    const NAMES: [&str; 16] = [
        "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "ip", "sp", "lr",
        "pc",
    ];
    NAMES[reg.hw_enc() & 15]
}
