//! Every load, store and bulk operation at the edges of memories of several sizes, of the module's own
//! and of the host's, at odd places in the address space, on the emulator, against a model.
//!
//! The model is an array of bytes and 33-bit arithmetic. After each call all RAM around the memory
//! is the model's; the emulator itself checks what is around that.

mod accesses;
mod bulk;
#[path = "../common/mod.rs"]
mod common;
mod handed;
mod memory;

use common::{CPUS, Config};
use memory::{MEMORIES, OWNERS, Owner, PLACES, Place, Setup};
use windlass::{AllocatorKind, Bounds, OptLevel};

/// Every processor and unit, every allocator, every level.
fn configs() -> [Config; 6] {
    let make = |(target, cpu, fpu), allocator, opt_level| Config {
        target,
        cpu,
        fpu,
        allocator,
        opt_level,
    };
    [
        make(CPUS[1], AllocatorKind::Ion, OptLevel::Speed),
        make(CPUS[4], AllocatorKind::Greedy, OptLevel::None),
        make(CPUS[0], AllocatorKind::Fastalloc, OptLevel::Speed),
        make(CPUS[5], AllocatorKind::Coloring, OptLevel::Speed),
        make(CPUS[2], AllocatorKind::Belady, OptLevel::Size),
        make(CPUS[3], AllocatorKind::Portfolio, OptLevel::Speed),
    ]
}

/// Each memory of each owner with each kind of bounds, where the two go together. Configurations and
/// places take turns.
fn run_all(bounds: &[Bounds], mut check: impl FnMut(&Setup, &Place)) {
    let mut turn = 0;
    for &bounds in bounds {
        for memory in MEMORIES {
            for owner in OWNERS {
                let power_of_two = memory.bytes.is_power_of_two();
                if bounds == Bounds::Mask && (owner == Owner::Host || !power_of_two) {
                    continue;
                }
                let config = configs()[turn % configs().len()];
                let place = &PLACES[(turn + turn / PLACES.len()) % PLACES.len()];
                check(&Setup { config, bounds, memory, owner }, place);
                turn += 1;
            }
        }
    }
}
