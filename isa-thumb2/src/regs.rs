//! The registers and what each is for.
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

//!
//! Floating-point registers are of class Float. Those of a single-precision unit are s0-s31; those
//! of a double-precision one d0-d15, where a single-precision value is in the even s register, the
//! low half of d. Their numbers differ, so that an instruction means the same to whoever looks at
//! it: s(n) is n, d(n) is 32 + n.
//!
//! | register | role |
//! |---|---|
//! | s0-s15, d0-d7 | arguments, results, temporaries; a call may change them |
//! | s16-s30, d8-d14 | values across calls; a callee restores them |
//! | s31, d15 | scratch of allocator moves, restored by a callee all the same |

use regalloc2::{PReg, RegClass};

pub const fn r(n: usize) -> PReg {
    PReg::new(n, RegClass::Int)
}

/// A register of a single-precision unit.
pub const fn s(n: usize) -> PReg {
    PReg::new(n, RegClass::Float)
}

/// A register of a double-precision unit.
pub const fn d(n: usize) -> PReg {
    PReg::new(FIRST_D + n, RegClass::Float)
}

const FIRST_D: usize = 32;

/// The number of a d register.
pub fn d_number(reg: PReg) -> Option<usize> {
    let number = reg.hw_enc().checked_sub(FIRST_D)?;
    (reg.class() == RegClass::Float && number < 16).then_some(number)
}

/// The s register where a float register has a single-precision value; any other comes back.
pub fn low_half(reg: PReg) -> PReg {
    d_number(reg).map_or(reg, |n| s(2 * n))
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

/// The UAL name of a register.
pub fn name(reg: PReg) -> &'static str {
    const CORE: [&str; 16] = [
        "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "ip", "sp", "lr",
        "pc",
    ];
    const SINGLE: [&str; 32] = [
        "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13",
        "s14", "s15", "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26",
        "s27", "s28", "s29", "s30", "s31",
    ];
    const DOUBLE: [&str; 16] = [
        "d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7", "d8", "d9", "d10", "d11", "d12", "d13",
        "d14", "d15",
    ];
    match (reg.class(), d_number(reg)) {
        (RegClass::Float, Some(n)) => DOUBLE[n],
        (RegClass::Float, None) => SINGLE[reg.hw_enc() & 31],
        _ => CORE[reg.hw_enc() & 15],
    }
}
