//! A board for whole images: the emulator with flash and RAM, and a debugger's side of semihosting.
//!
//! Source: *Semihosting for AArch32 and AArch64*, "Semihosting operations".

use windlass::emulator::{Core, Emulator, Halt, LR, PC, Rsemu, SP};
use windlass::image::Board;
use windlass::link::Linked;

const BUDGET: u64 = 200_000_000;
/// What RAM holds that nobody initialised.
pub const JUNK: u8 = 0xd7;

const OPEN: u32 = 0x01;
const WRITE: u32 = 0x05;
const CLOCK: u32 = 0x10;
const TIME: u32 = 0x11;
const EXIT_EXTENDED: u32 = 0x20;
const APPLICATION_EXIT: u32 = 0x20026;
/// What the debugger answers to `CLOCK` and `TIME`.
pub const HUNDREDTHS: u32 = 1234;
pub const SECONDS: u32 = 1_700_000_000;

pub struct Ended {
    pub code: u32,
    pub output: String,
    pub errors: String,
    emulator: Rsemu,
}

impl Ended {
    pub fn read(&self, address: u32, bytes: usize) -> Vec<u8> {
        let mut read = vec![0; bytes];
        self.emulator.read(address, &mut read).expect("mapped memory");
        read
    }
}

/// Executes an image from reset to its end. Calls of the debugger stop the emulator at the function
/// that makes them.
pub fn execute(program: &Linked, board: &Board) -> Ended {
    let core = Core::from_cpu(&board.cpu).expect("a processor of the emulator");
    let mut emulator = Rsemu::new(core, board.fpu != "none");
    let flash = program.flash();
    let word = |at: usize| u32::from_le_bytes(flash[at..at + 4].try_into().unwrap());
    let (sp, reset) = (word(0), word(4));
    emulator.map_rom(board.flash.origin, flash);
    emulator.map_ram(board.ram.origin, board.ram.length);
    emulator.fill(board.ram.origin, board.ram.length, JUNK).unwrap();
    let debugger = program.symbol("__windlass_semihosting").expect("semihosting").value & !1;
    emulator.set_monitor(debugger..debugger + 4);
    emulator.set_reg(SP, sp);
    emulator.set_reg(PC, reset & !1);
    let mut streams = [String::new(), String::new()];
    loop {
        let halt = emulator.run(BUDGET);
        assert_eq!(halt, Halt::Monitor(debugger), "at {:#x}", emulator.reg(PC));
        let (operation, block) = (emulator.reg(0), emulator.reg(1));
        let field = |n: u32| emulator.read_u32(block + 4 * n).expect("a block of arguments");
        let answer = match operation {
            OPEN => {
                let mut name = [0; 4];
                emulator.read(field(0), &mut name).unwrap();
                assert_eq!((&name, field(2)), (b":tt\0", 3));
                match field(1) {
                    4 => 1,
                    8 => 2,
                    mode => panic!("mode {mode} of the console"),
                }
            }
            WRITE => {
                let mut bytes = vec![0; field(2) as usize];
                emulator.read(field(1), &mut bytes).expect("what is written is in memory");
                let stream = &mut streams[field(0) as usize - 1];
                stream.push_str(std::str::from_utf8(&bytes).expect("text"));
                0
            }
            CLOCK => HUNDREDTHS,
            TIME => SECONDS,
            EXIT_EXTENDED => {
                assert_eq!(field(0), APPLICATION_EXIT);
                let code = field(1);
                let [output, errors] = streams;
                return Ended { code, output, errors, emulator };
            }
            other => panic!("semihosting operation {other:#x}"),
        };
        emulator.set_reg(0, answer);
        let back = emulator.reg(LR);
        emulator.set_reg(PC, back & !1);
    }
}
