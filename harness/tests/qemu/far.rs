//! A module so far from its host that no branch reaches: linkers put veneers between them, which change
//! r12.

use crate::{AN385, AN386, Firmware, LINKERS, calls_in_wasmi, imports_object};

/// The module's code in memory beyond 16 MiB from the host's; the rest as ever.
const FAR: &str = "SECTIONS {
    .far : { *program.o(.text .text.* .rodata .rodata.*) } > psram
}
";

#[test]
#[ignore = "needs arm-none-eabi-gcc, lld and qemu-system-arm"]
fn calls_reach_beyond_sixteen_megabytes() {
    let expected = calls_in_wasmi();
    for board in [AN385, AN386] {
        for linker in LINKERS {
            let firmware = Firmware { script: FAR.to_owned(), ..Firmware::empty(board) };
            imports_object(&firmware);
            let printed = firmware.run("imports.c", linker);
            assert_eq!(printed, expected, "{linker:?} on {}", board.machine);
        }
    }
}
