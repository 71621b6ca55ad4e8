//! An emulated board with one linked program: calls by the rules of AAPCS, and checks on them.
//!
//! Input: an [`Image`], a core, calls. Output: result registers and what the call cost. What an
//! undefined symbol or a trap means is the [`Host`]'s business.
//!
//! ```text
//!   0x0800_0000  code and constants, then the stubs
//!   0x2000_0000  stack
//!   0x2100_0000  blocks that a host maps, each between canaries
//! ```
//!
//! Invariant: after every call r4-r11, sp and, if there is a floating-point unit, d8-d15 are as
//! before, and all canaries are whole; otherwise the call fails.

use crate::aapcs::{Place, Places, Variant};
use crate::emulator::{Core, Emulator, Fault, FaultCause, Halt, LR, PC, Rsemu, SP, Unmapped};
use crate::link::{Image, LinkError, link};
use crate::value::Val;
use core::ops::Range;
use windlass_backend::module::ValType;
use windlass_isa_thumb2::settings::Settings;

/// Lowest address of the stack.
pub const STACK: u32 = 0x2000_0000;
/// Where the first block goes.
const BLOCKS: u32 = 0x2100_0000;
/// Unmapped bytes between blocks, at least.
const GAP: u32 = 0x1_0000;
/// Bytes on each side of a block that nobody may write.
const CANARY_BYTES: u32 = 64;
const CANARY: u8 = 0xa5;

#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    #[error(transparent)]
    Link(#[from] LinkError),
    #[error("the object does not define {0}")]
    NoSymbol(String),
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

/// What stands outside of the program.
pub trait Host {
    /// Executes the import with this index in [`Image::imports`]: takes arguments from the
    /// registers and the stack, leaves results in registers.
    fn call_import(&mut self, machine: &mut Machine, index: usize) -> Result<(), MachineError>;

    /// Handles `udf #code`; the registers are those of the fault, and execution goes on from what
    /// is then in the program counter.
    fn trap(&mut self, machine: &mut Machine, fault: Fault, code: u8) -> Result<(), MachineError>;
}

/// No imports, and traps are faults.
pub struct NoHost;

impl Host for NoHost {
    fn call_import(&mut self, machine: &mut Machine, index: usize) -> Result<(), MachineError> {
        Err(MachineError::UndefinedCall(machine.image.imports[index].clone()))
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

/// A board with a program.
pub struct Machine {
    pub emulator: Rsemu,
    pub image: Image,
    board: Board,
    /// Base and size of each block, without canaries.
    blocks: Vec<(u32, u32)>,
    next_block: u32,
}

impl Machine {
    pub fn new(object: &[u8], board: Board) -> Result<Machine, MachineError> {
        let image = link(object)?;
        let mut emulator = Rsemu::new(board.core, board.fpu);
        emulator.map_rom(image.base(), image.bytes.clone());
        emulator.map_ram(STACK, board.stack_bytes);
        emulator.set_monitor(image.stubs.clone());
        let mut machine =
            Machine { emulator, image, board, blocks: Vec::new(), next_block: BLOCKS };
        machine.reset_histogram();
        Ok(machine)
    }

    /// Counts executions from zero, if the board counts.
    pub fn reset_histogram(&mut self) {
        if self.board.histogram {
            self.emulator.set_histogram(self.image.range());
        }
    }

    pub fn function(&self, name: &str) -> Result<u32, MachineError> {
        let symbol = self.image.symbol(name).filter(|s| s.is_function);
        symbol.map(|s| s.address).ok_or_else(|| MachineError::NoSymbol(name.to_owned()))
    }

    /// Maps `bytes` of zeroed RAM between canaries.
    pub fn map_block(&mut self, bytes: u32) -> Result<u32, MachineError> {
        let base = self.next_block + CANARY_BYTES;
        self.emulator.map_ram(self.next_block, bytes + 2 * CANARY_BYTES);
        let canary = [CANARY; CANARY_BYTES as usize];
        self.emulator.write(base - CANARY_BYTES, &canary)?;
        self.emulator.write(base + bytes, &canary)?;
        self.blocks.push((base, bytes));
        self.next_block = (base + bytes + CANARY_BYTES + GAP).next_multiple_of(GAP);
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
        self.emulator.set_reg(LR, self.image.exit | 1);
        self.emulator.set_reg(PC, entry);

        let before = self.cost();
        self.run(host)?;
        let after = self.cost();
        self.check_preserved(sp)?;
        self.check_canaries()?;
        let cost = Cost {
            instructions: after.instructions - before.instructions,
            cycles: after.cycles - before.cycles,
        };
        Ok((results, cost))
    }

    fn cost(&self) -> Cost {
        Cost { instructions: self.emulator.instructions(), cycles: self.emulator.cycles() }
    }

    /// Executes until control returns to the exit.
    fn run(&mut self, host: &mut dyn Host) -> Result<(), MachineError> {
        let end = self.emulator.instructions().saturating_add(self.board.budget);
        loop {
            let left = end.saturating_sub(self.emulator.instructions());
            match self.emulator.run(left) {
                Halt::Monitor(pc) if pc == self.image.exit => return Ok(()),
                Halt::Monitor(pc) => self.run_import(pc, host)?,
                Halt::Fault(Fault { pc, cause: FaultCause::Udf(code) })
                    if self.image.range().contains(&pc) =>
                {
                    let fault = Fault { pc, cause: FaultCause::Udf(code) };
                    self.emulator.resume_from_fault(pc)?;
                    host.trap(self, fault, code)?;
                }
                Halt::Fault(fault) => return Err(MachineError::Fault(fault)),
                Halt::Lockup => {
                    return Err(MachineError::StackOverrun { sp: self.emulator.reg(SP) });
                }
                Halt::Budget => return Err(MachineError::Budget(self.board.budget)),
            }
        }
    }

    /// Lets the host act for the stub at `pc`, checks the caller's manners, and returns to it.
    fn run_import(&mut self, pc: u32, host: &mut dyn Host) -> Result<(), MachineError> {
        let index = self.image.import_at(pc).filter(|_| pc.is_multiple_of(4));
        let index =
            index.ok_or_else(|| MachineError::Broken(format!("jump to {pc:#010x}, no stub")))?;
        let (sp, lr) = (self.emulator.reg(SP), self.emulator.reg(LR));
        if sp % 8 != 0 {
            return Err(MachineError::Broken(format!("sp is {sp:#010x} at a call of C")));
        }
        host.call_import(self, index)?;
        // What a C function may leave changed.
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

    fn check_canaries(&self) -> Result<(), MachineError> {
        for &(base, bytes) in &self.blocks {
            for start in [base - CANARY_BYTES, base + bytes] {
                let mut canary = [0; CANARY_BYTES as usize];
                self.emulator.read(start, &mut canary)?;
                if let Some(i) = canary.iter().position(|&b| b != CANARY) {
                    let address = start + i as u32;
                    return Err(MachineError::Broken(format!(
                        "wrote to {address:#010x}, outside of its memory"
                    )));
                }
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
