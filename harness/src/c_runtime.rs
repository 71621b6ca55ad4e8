//! The C runtime: `windlass.h` and `windlass.c`, which a C host compiles once, whatever modules it has.
//!
//! They hold the fault handler and landing pad (docs/abi.md, "Traps"), names of traps, and the
//! declarations that every generated header has as well. The files are `harness/c-runtime`'s, with
//! what the compiler decides put in.

use windlass_backend::Trap;
use windlass_backend::header::common_declarations;
use windlass_backend::instance::{STARTING, offset};
use windlass_isa_thumb2::finalize::recovery::RecoveryRecord;

/// `windlass.h`: C11 and C++17.
pub fn header() -> String {
    include_str!("../c-runtime/windlass.h.in").replace("@common@", &common_declarations())
}

/// `windlass.c`, for GCC and Clang.
pub fn source() -> String {
    let names: String = Trap::ALL.iter().map(|trap| format!("        \"{trap}\",\n")).collect();
    include_str!("../c-runtime/windlass.c.in").replace("@trap names@", &names)
}

/// The layouts that `windlass.c` knows.
const _: () = {
    assert!(offset::STACK_LIMIT == 12 && offset::RECOVERY_CHAIN == 16 && offset::TRAP == 20);
    assert!(offset::INTERRUPT == 24 && offset::TRAP_PC == 28);
    assert!(STARTING == 1);
    let (soft, hard) = (RecoveryRecord::new(false), RecoveryRecord::new(true));
    assert!(soft.previous == 0 && hard.previous == 0);
    assert!(soft.saved == 4 * 2 && hard.saved == 4 * (2 + 16));
    assert!(soft.return_address == soft.saved + 4 * 8 && hard.return_address == hard.saved + 4 * 8);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_open() {
        for text in [header(), source()] {
            assert!(!text.contains('@'), "{text}");
        }
        assert!(source().contains("        \"integer divide by zero\",\n"));
        assert!(header().contains("\n#define WINDLASS_TRAP_OUT_OF_FUEL 11\n"));
    }
}
