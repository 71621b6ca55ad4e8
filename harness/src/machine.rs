//! An emulated board with linked objects: calls by the rules of AAPCS, and checks on them.
//!
//! Input: objects, a core, calls. Output: result registers and what the call cost. What a stub or
//! a trap means is the [`Host`]'s business.
//!
//! ```text
//!   0x07f0_0000  stubs: addresses that stand for functions of the host
//!   0x0800_0000  code and constants, one object after the other
//!   0x2000_0000  stack, and a canary above it
//!   0x2100_0000  blocks that a host maps, each between canaries, unless it says where
//! ```
//!
//! Invariant: after every call r4-r11, sp and, if there is a floating-point unit, d8-d15 are as
//! before, and all canaries are whole; otherwise the call fails. All else around them is unmapped or
//! read-only, and an access there fails the call too.

use crate::aapcs::{Place, Places, Variant};
use crate::emulator::{Core, Emulator, Fault, FaultCause, Halt, LR, PC, Rsemu, SP, Unmapped};
use crate::link::{Comdats, Image, LinkError, Region, Symbol, link};
use crate::value::Val;
use core::ops::Range;
use windlass_backend::module::ValType;
use windlass_isa_thumb2::settings::Settings;

/// Where code begins.
const FLASH: u32 = 0x0800_0000;
/// Code ends where `bl` still reaches the stubs.
const FLASH_END: u32 = STUBS + (1 << 24);
/// Where images begin: multiples of this.
const IMAGE_ALIGN: u32 = 256;
/// Where the stubs begin.
const STUBS: u32 = 0x07f0_0000;
/// Bytes from one stub to the next.
const STUB_BYTES: u32 = 4;
/// The first stub: where calls from outside return to.
pub const EXIT: u32 = STUBS;
/// As many as there is room for, the exit apart.
const MAX_STUBS: usize = ((FLASH - STUBS) / STUB_BYTES) as usize - 1;

/// Lowest address of the stack.
pub const STACK: u32 = 0x2000_0000;
/// Where the first block goes.
const BLOCKS: u32 = 0x2100_0000;
/// Unmapped bytes between blocks, at least.
const GAP: u32 = 0x1_0000;
/// Where the system's own addresses begin (Armv7-M Architecture Reference Manual, B3.1).
const BLOCKS_END: u64 = 0xe000_0000;
/// Bytes of all blocks together, which cost the machine that emulates as much.
const MAX_RAM: u64 = 1 << 29;
/// Bytes on each side of a block that nobody may write.
pub const CANARY_BYTES: u32 = 64;
const CANARY: u8 = 0xa5;
/// What memory holds that nobody initialised.
pub const JUNK: u8 = 0xd7;
/// Bytes of stack that a function of the host leaves changed: what docs/abi.md grants it.
const HOST_FRAME: u32 = 320;

#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the object does not define {0}")]
    NoSymbol(String),
    #[error("the board has no room for {0} more bytes of memory")]
    RamFull(u64),
    #[error("the board has no room for {0} functions of the host")]
    TooManyStubs(usize),
    #[error("{0}")]
    Fault(Fault),
    #[error("stack overrun: sp is {sp:#010x}, the stack ends at {end:#010x}", end = STACK)]
    StackOverrun { sp: u32 },
    #[error("no result after {0} instructions")]
    Budget(u64),
    #[error("call of the undefined symbol {0}")]
    UndefinedCall(String),
    #[error("the code broke a rule: {0}")]
    Broken(String),
    #[error(transparent)]
    Unmapped(#[from] Unmapped),
}

/// Functions of the host: addresses in front of the code at which the emulator stops.
#[derive(Default)]
pub struct Stubs {
    names: Vec<String>,
}

impl Stubs {
    /// A new stub, of which errors speak by this name. The answer is its address.
    pub fn add(&mut self, name: &str) -> u32 {
        self.names.push(name.to_owned());
        EXIT.wrapping_add(STUB_BYTES.wrapping_mul(self.names.len() as u32))
    }

    /// As many as there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The stub at an address, by the order in which they were added.
    fn at(&self, address: u32) -> Option<usize> {
        let offset = address.checked_sub(EXIT + STUB_BYTES)?;
        let index = (offset / STUB_BYTES) as usize;
        (offset.is_multiple_of(STUB_BYTES) && index < self.names.len()).then_some(index)
    }
}

/// What stands outside of the program.
pub trait Host {
    /// Is this stub what code calls in place of `udf`, never to come back?
    fn is_trap(&self, _stub: usize) -> bool {
        false
    }

    /// Executes the stub that was added as number `stub`: takes arguments from the registers and
    /// the stack, leaves results in registers.
    fn call_stub(&mut self, machine: &mut Machine, stub: usize) -> Result<(), MachineError>;

    /// Handles a trap; the registers are those of the fault, and execution goes on from what
    /// is then in the program counter.
    fn trap(&mut self, machine: &mut Machine, fault: Fault, code: u8) -> Result<(), MachineError>;
}

/// No imports, and traps are faults.
pub struct NoHost;

impl Host for NoHost {
    fn call_stub(&mut self, machine: &mut Machine, stub: usize) -> Result<(), MachineError> {
        Err(machine.undefined_call(stub))
    }

    fn trap(&mut self, _: &mut Machine, fault: Fault, _: u8) -> Result<(), MachineError> {
        Err(MachineError::Fault(fault))
    }
}

/// What execution cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    pub instructions: u64,
    /// An estimate, see [`Emulator::cycles`].
    pub cycles: u64,
    /// How far the stack pointer went down, if the board counts.
    pub stack_bytes: u32,
}

/// How a board is made.
#[derive(Clone, Copy, Debug)]
pub struct Board {
    pub core: Core,
    /// With a single-precision floating-point unit.
    pub fpu: bool,
    /// How C functions are called.
    pub variant: Variant,
    pub stack_bytes: u32,
    /// Instructions that one call may take.
    pub budget: u64,
    /// Count executions of each instruction.
    pub histogram: bool,
}

impl Board {
    /// Without a floating-point unit.
    pub fn new(core: Core) -> Board {
        Board {
            core,
            fpu: false,
            variant: Variant::Base,
            stack_bytes: 64 << 10,
            budget: 1_000_000_000,
            histogram: false,
        }
    }

    /// A board that runs what is compiled with these settings; None if the emulator has none: no
    /// double-precision unit.
    pub fn for_settings(settings: &Settings) -> Option<Board> {
        let core = Core::from_cpu(settings.cpu.name())?;
        if settings.fpu().is_some_and(|fpu| fpu.double) {
            return None;
        }
        let variant = if settings.hard_float() { Variant::Vfp } else { Variant::Base };
        Some(Board { fpu: settings.fpu().is_some(), variant, ..Board::new(core) })
    }
}

/// A board with programs.
pub struct Machine {
    pub emulator: Rsemu,
    pub stubs: Stubs,
    images: Vec<Image>,
    comdats: Comdats,
    board: Board,
    /// Address and bytes of each canary.
    canaries: Vec<(u32, u32)>,
    next_block: u32,
    ram_bytes: u64,
    timer: Option<Timer>,
    deepest_stack: u32,
}

/// A word to write when so many instructions have been executed, as an interrupt handler would.
struct Timer {
    at: u64,
    address: u32,
    value: u32,
}

impl Machine {
    /// A board without code.
    pub fn empty(board: Board) -> Machine {
        let mut emulator = Rsemu::new(board.core, board.fpu);
        emulator.map_ram(STACK, board.stack_bytes + CANARY_BYTES);
        emulator.set_monitor(STUBS..FLASH);
        // If that fails, so does every check.
        let _ = emulator.fill(STACK + board.stack_bytes, CANARY_BYTES, CANARY);
        Machine {
            emulator,
            stubs: Stubs::default(),
            images: Vec::new(),
            comdats: Comdats::new(),
            board,
            canaries: vec![(STACK + board.stack_bytes, CANARY_BYTES)],
            next_block: BLOCKS,
            ram_bytes: 0,
            timer: None,
            deepest_stack: 0,
        }
    }

    /// A board with one object, whose undefined symbols are stubs.
    pub fn new(object: &[u8], board: Board) -> Result<Machine, MachineError> {
        let mut machine = Machine::empty(board);
        machine.load(object, &mut |stubs, name| stubs.add(name))?;
        Ok(machine)
    }

    /// Links an object behind those that are there. `resolve` gives the address of each function
    /// that the object leaves undefined. The answer is the image's number.
    pub fn load(
        &mut self,
        object: &[u8],
        resolve: &mut dyn FnMut(&mut Stubs, &str) -> u32,
    ) -> Result<usize, MachineError> {
        let base = self.code().end.next_multiple_of(IMAGE_ALIGN);
        let stubs = &mut self.stubs;
        let room = Region { origin: base, length: FLASH_END.saturating_sub(base) };
        let image = link(object, room, &self.comdats, &mut |name| resolve(stubs, name))?;
        if self.stubs.names.len() > MAX_STUBS {
            return Err(MachineError::TooManyStubs(self.stubs.names.len()));
        }
        self.emulator.map_rom(base, image.bytes.clone());
        self.comdats.extend(image.comdats.iter().map(|(name, &symbol)| (name.clone(), symbol)));
        self.images.push(image);
        self.reset_histogram();
        Ok(self.images.len() - 1)
    }

    /// The addresses of all code.
    pub fn code(&self) -> Range<u32> {
        FLASH..self.images.last().map_or(FLASH, |image| image.range().end)
    }

    /// Counts executions from zero, if the board counts.
    pub fn reset_histogram(&mut self) {
        if self.board.histogram {
            self.emulator.set_histogram(self.code());
        }
    }

    /// How often the instruction at an address was executed, if the board counts.
    pub fn executions(&self, address: u32) -> u64 {
        let index = address.wrapping_sub(FLASH) / 2;
        self.emulator.histogram().get(index as usize).copied().unwrap_or(0).into()
    }

    /// A symbol of one image.
    pub fn symbol(&self, image: usize, name: &str) -> Option<Symbol> {
        self.images.get(image)?.symbol(name)
    }

    /// The address of a function of one image.
    pub fn function(&self, image: usize, name: &str) -> Result<u32, MachineError> {
        let symbol = self.symbol(image, name).filter(|s| s.is_function);
        symbol.map(|s| s.address).ok_or_else(|| MachineError::NoSymbol(name.to_owned()))
    }

    /// The error of a stub that nobody gave a meaning.
    pub fn undefined_call(&self, stub: usize) -> MachineError {
        MachineError::UndefinedCall(self.stubs.names.get(stub).cloned().unwrap_or_default())
    }

    /// Bytes that blocks may still take.
    pub fn free_ram(&self) -> u64 {
        MAX_RAM - self.ram_bytes
    }

    /// Maps `bytes` of zeroed RAM between canaries.
    pub fn map_block(&mut self, bytes: u32) -> Result<u32, MachineError> {
        let mapped = u64::from(bytes) + 2 * u64::from(CANARY_BYTES);
        let end = u64::from(self.next_block) + mapped + u64::from(GAP);
        if end > BLOCKS_END {
            return Err(MachineError::RamFull(mapped));
        }
        let base = self.next_block + CANARY_BYTES;
        self.map_block_at(base, bytes, [CANARY_BYTES; 2])?;
        self.next_block = (base + bytes + CANARY_BYTES + GAP).next_multiple_of(GAP);
        Ok(base)
    }

    /// Maps zeroed RAM at `base`, with canaries of so many bytes, at most [`CANARY_BYTES`], before
    /// and behind it. Nothing may be mapped there yet.
    pub fn map_block_at(
        &mut self,
        base: u32,
        bytes: u32,
        canaries: [u32; 2],
    ) -> Result<(), MachineError> {
        let [before, behind] = canaries.map(|bytes| bytes.min(CANARY_BYTES));
        let mapped = u64::from(before) + u64::from(bytes) + u64::from(behind);
        let start = base.checked_sub(before).filter(|_| mapped <= self.free_ram());
        let start = start.ok_or(MachineError::RamFull(mapped))?;
        self.ram_bytes += mapped;
        self.emulator.map_ram(start, mapped as u32);
        for (address, bytes) in [(start, before), (base.wrapping_add(bytes), behind)] {
            if bytes > 0 {
                self.emulator.fill(address, bytes, CANARY)?;
                self.canaries.push((address, bytes));
            }
        }
        Ok(())
    }

    /// Maps `bytes` of RAM with something in it, as memory has that nobody initialised.
    pub fn map_uninitialised(&mut self, bytes: u32) -> Result<u32, MachineError> {
        let base = self.map_block(bytes)?;
        self.emulator.fill(base, bytes, JUNK)?;
        Ok(base)
    }

    /// Calls `entry` and leaves results in the registers. `result_bytes` of memory are set aside
    /// above the arguments, and their address is the hidden first argument, unless it is 0; the
    /// answer is that address with the cost.
    pub fn call(
        &mut self,
        entry: u32,
        args: &[Val],
        result_bytes: u32,
        host: &mut dyn Host,
    ) -> Result<(u32, Cost), MachineError> {
        let top = STACK + self.board.stack_bytes;
        let results = top - result_bytes.next_multiple_of(8);
        let hidden = (result_bytes > 0).then_some(results);
        let hidden = hidden.map(|address| Val::I32(address as i32));
        let args: Vec<Val> = hidden.into_iter().chain(args.iter().copied()).collect();
        let types: Vec<ValType> = args.iter().map(|arg| arg.ty()).collect();
        let places = self.board.variant.arguments(&types);
        let sp = (results - places.stack_bytes) & !7;

        self.emulator.set_reg(SP, sp);
        for n in 0..13 {
            self.emulator.set_reg(n, junk(n));
        }
        for n in self.floats(0..32) {
            self.emulator.set_float_reg(n, junk(n));
        }
        self.write_values(&places, &args)?;
        self.emulator.set_reg(LR, EXIT | 1);
        self.emulator.set_reg(PC, entry);

        self.emulator.watch_stack();
        let before = self.cost();
        if let Err(error) = self.run(host) {
            // The next call is to find the core as if nothing had happened.
            self.emulator.reset();
            return Err(error);
        }
        let after = self.cost();
        self.check_preserved(sp)?;
        self.check_canaries()?;
        let cost = Cost {
            instructions: after.instructions - before.instructions,
            cycles: after.cycles - before.cycles,
            stack_bytes: sp - self.emulator.lowest_sp().min(sp),
        };
        self.deepest_stack = self.deepest_stack.max(cost.stack_bytes);
        Ok((results, cost))
    }

    /// How far the stack pointer went down in any call, instantiation too, if the board counts.
    pub fn deepest_stack(&self) -> u32 {
        self.deepest_stack
    }

    /// Writes a word `after` so many more instructions, in the middle of a call if need be.
    pub fn set_timer(&mut self, after: u64, address: u32, value: u32) {
        let at = self.emulator.instructions().saturating_add(after);
        self.timer = Some(Timer { at, address, value });
    }

    /// Instructions until the timer is due.
    fn until_timer(&self) -> u64 {
        let at = self.timer.as_ref().map_or(u64::MAX, |timer| timer.at);
        at.saturating_sub(self.emulator.instructions())
    }

    fn cost(&self) -> Cost {
        let (instructions, cycles) = (self.emulator.instructions(), self.emulator.cycles());
        Cost { instructions, cycles, stack_bytes: 0 }
    }

    /// Executes until control returns to the exit.
    fn run(&mut self, host: &mut dyn Host) -> Result<(), MachineError> {
        let end = self.emulator.instructions().saturating_add(self.board.budget);
        loop {
            if self.until_timer() == 0
                && let Some(Timer { address, value, .. }) = self.timer.take()
            {
                self.emulator.write_u32(address, value)?;
            }
            let left = end.saturating_sub(self.emulator.instructions());
            match self.emulator.run(left.min(self.until_timer())) {
                Halt::Monitor(EXIT) => return Ok(()),
                Halt::Monitor(pc) => self.run_stub(pc, host)?,
                Halt::Fault(Fault { pc, cause: FaultCause::Udf(code) })
                    if self.code().contains(&pc) =>
                {
                    let fault = Fault { pc, cause: FaultCause::Udf(code) };
                    self.emulator.resume_from_fault(pc)?;
                    host.trap(self, fault, code)?;
                }
                Halt::Fault(fault) => return Err(MachineError::Fault(fault)),
                Halt::Lockup => {
                    return Err(MachineError::StackOverrun { sp: self.emulator.reg(SP) });
                }
                Halt::Budget if self.until_timer() == 0 => {}
                Halt::Budget => return Err(MachineError::Budget(self.board.budget)),
            }
        }
    }

    /// Lets the host act for the stub at `pc`, checks the caller's manners, and returns to it.
    fn run_stub(&mut self, pc: u32, host: &mut dyn Host) -> Result<(), MachineError> {
        let index = self.stubs.at(pc);
        let index =
            index.ok_or_else(|| MachineError::Broken(format!("jump to {pc:#010x}, no stub")))?;
        let (sp, lr) = (self.emulator.reg(SP), self.emulator.reg(LR));
        if host.is_trap(index) {
            // Behind `bl`, with the Thumb bit.
            let (pc, code) = (lr.wrapping_sub(5), self.emulator.reg(0) as u8);
            return host.trap(self, Fault { pc, cause: FaultCause::Udf(code) }, code);
        }
        if sp % 8 != 0 {
            return Err(MachineError::Broken(format!("sp is {sp:#010x} at a call of C")));
        }
        // What a C function may leave changed.
        let frame = HOST_FRAME.min(sp.saturating_sub(STACK));
        self.emulator.fill(sp - frame, frame, JUNK)?;
        host.call_stub(self, index)?;
        for n in [2, 3, 12, LR] {
            self.emulator.set_reg(n, junk(n));
        }
        for n in self.floats(8..16) {
            self.emulator.set_float_reg(n, junk(n));
        }
        if lr & 1 == 0 {
            return Err(MachineError::Broken(format!("lr is {lr:#010x} at a call of C")));
        }
        self.emulator.set_reg(PC, lr & !1);
        Ok(())
    }

    fn check_preserved(&self, sp: u32) -> Result<(), MachineError> {
        let broken = (4..12).find(|&n| self.emulator.reg(n) != junk(n));
        if let Some(n) = broken {
            let value = self.emulator.reg(n);
            return Err(MachineError::Broken(format!("r{n} came back as {value:#010x}")));
        }
        for n in self.floats(16..32) {
            let value = self.emulator.float_reg(n);
            if value != junk(n) {
                return Err(MachineError::Broken(format!("s{n} came back as {value:#010x}")));
            }
        }
        let now = self.emulator.reg(SP);
        if now != sp {
            return Err(MachineError::Broken(format!("sp went from {sp:#010x} to {now:#010x}")));
        }
        Ok(())
    }

    /// Fails if somebody wrote outside of the blocks. Calls check that themselves.
    pub fn check_canaries(&self) -> Result<(), MachineError> {
        let mut now = [0; CANARY_BYTES as usize];
        for &(start, bytes) in &self.canaries {
            let now = &mut now[..bytes as usize];
            self.emulator.read(start, now)?;
            if let Some(i) = now.iter().position(|&b| b != CANARY) {
                let address = start + i as u32;
                return Err(MachineError::Broken(format!(
                    "wrote to {address:#010x}, outside of its memory"
                )));
            }
        }
        Ok(())
    }

    /// The arguments of the call that is being made.
    pub fn arguments(&self, types: &[ValType]) -> Result<Vec<Val>, MachineError> {
        self.read_values(&self.board.variant.arguments(types), types)
    }

    /// The results in registers of the call that returned.
    pub fn results(&self, types: &[ValType]) -> Result<Vec<Val>, MachineError> {
        self.read_values(&self.board.variant.results(types), types)
    }

    /// Leaves results in registers.
    pub fn set_results(&mut self, values: &[Val]) -> Result<(), MachineError> {
        let types: Vec<ValType> = values.iter().map(|value| value.ty()).collect();
        self.write_values(&self.board.variant.results(&types), values)
    }

    fn read_values(&self, places: &Places, types: &[ValType]) -> Result<Vec<Val>, MachineError> {
        let values = places.of.iter().zip(types).map(|(places, &ty)| {
            let mut bits = 0;
            for (&place, n) in places.iter().zip(0..) {
                let word = match place {
                    Place::Core(n) => self.emulator.reg(n),
                    Place::Float(n) => self.emulator.float_reg(n),
                    Place::Stack(at) => self.emulator.read_u32(self.emulator.reg(SP) + at)?,
                };
                bits |= u64::from(word) << (32 * n);
            }
            Ok(Val::from_bits(ty, bits))
        });
        values.collect()
    }

    fn write_values(&mut self, places: &Places, values: &[Val]) -> Result<(), MachineError> {
        for (places, value) in places.of.iter().zip(values) {
            for (&place, n) in places.iter().zip(0..) {
                let word = (value.bits() >> (32 * n)) as u32;
                match place {
                    Place::Core(n) => self.emulator.set_reg(n, word),
                    Place::Float(n) => self.emulator.set_float_reg(n, word),
                    Place::Stack(at) => {
                        self.emulator.write_u32(self.emulator.reg(SP) + at, word)?
                    }
                }
            }
        }
        Ok(())
    }

    pub fn board(&self) -> Board {
        self.board
    }

    /// The s registers of a range, if there are such.
    fn floats(&self, range: Range<usize>) -> Range<usize> {
        if self.board.fpu { range } else { 0..0 }
    }
}

/// A value that no register should hold by chance.
fn junk(n: usize) -> u32 {
    0xbad0_0000 | (n as u32) << 8 | 0x5a
}
