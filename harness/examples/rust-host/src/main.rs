//! Firmware that runs a WebAssembly guest twice, side by side, and survives what one of them does.
#![no_std]
#![no_main]

mod blink {
    include!(concat!(env!("OUT_DIR"), "/blink.rs"));
}

mod windlass {
    include!(concat!(env!("OUT_DIR"), "/windlass.rs"));
}

use blink::{BoardImports, Caller, Instance, Memory, Place, Trap};
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};

windlass::fault_vectors!();

/// What a guest may use of the board.
struct Lamp(u32);

impl BoardImports for Lamp {
    fn led(&mut self, _: &mut Caller<'_>, on: i32) {
        hprintln!("lamp {} {}", self.0, if on != 0 { "on" } else { "off" });
    }

    fn say(&mut self, caller: &mut Caller<'_>, text: i32, length: i32) {
        let (start, length) = (text as u32 as usize, length as u32 as usize);
        let bytes = caller.memory().get(start..).and_then(|rest| rest.get(..length));
        match bytes.map(core::str::from_utf8) {
            Some(Ok(text)) => hprintln!("guest {}: {}", self.0, text),
            _ => hprintln!("guest {} says nothing readable", self.0),
        }
    }
}

#[entry]
fn main() -> ! {
    let (mut left, mut right) = (Lamp(0), Lamp(1));
    let (mut left_place, mut right_place) = (Place::new(), Place::new());
    // The left guest's memory is the host's own, the right one's a buffer that is also good.
    let mut left_memory = Memory::<{ blink::MEMORY_BYTES }>::new();
    let mut right_memory = Memory::<{ blink::MEMORY_BYTES + 4096 }>::new();
    let left = Instance::instantiate(&mut left_place, &mut left, &mut left_memory.0);
    let right = Instance::instantiate(&mut right_place, &mut right, &mut right_memory.0);
    let (Ok(mut left), Ok(mut right)) = (left, right) else { fail("no instance") };

    for _ in 0..2 {
        hprintln!("left {:?}, right {:?}", left.step(2), right.step(1));
    }
    // Both traps end the call alone.
    let traps = (left.step(0), right.misbehave(-4));
    hprintln!("left {:?}, right {:?}", traps.0, traps.1);
    if traps != (Err(Trap::IntegerDivideByZero), Err(Trap::MemoryOutOfBounds)) {
        fail("no trap");
    }
    hprintln!("left {:?}, right {:?}", left.step(2), right.step(2));
    debug::exit(debug::EXIT_SUCCESS);
    loop {}
}

fn fail(reason: &str) -> ! {
    hprintln!("{}", reason);
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}

/// A fault that is no guest's.
#[unsafe(no_mangle)]
extern "C" fn windlass_unhandled_fault(_frame: *mut u32, _exc_return: u32) {
    fail("fault")
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    fail("panic")
}
