//! A Cortex-M that executes what we link: the trait, free of any emulator's types.
//!
//! Input: bytes at addresses, register values, a budget. Output: why execution stopped, what it
//! cost and, on request, how often each halfword of a range was executed.
//!
//! The core stops in front of the *monitor range*, a range of addresses that stands for the host:
//! return addresses, imported functions and the fault handler are addresses in it. Whoever drives
//! the emulator gives each of them a meaning (see [`crate::instance`]).
//!
//! Invariant: memory that nobody mapped faults on any access, and ROM faults on a write.

mod rsemu;

pub use rsemu::Rsemu;

use core::fmt;
use core::ops::Range;

/// The stack pointer, link register and program counter as register numbers.
pub const SP: usize = 13;
pub const LR: usize = 14;
pub const PC: usize = 15;

/// The cores that the emulator distinguishes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Core {
    /// Armv7-M without the DSP extension.
    CortexM3,
    CortexM4,
    CortexM7,
    /// Armv8-M Mainline without the Security Extension.
    CortexM33,
}

impl Core {
    /// The core of a GCC cpu name.
    pub fn from_cpu(name: &str) -> Option<Core> {
        match name {
            "cortex-m3" => Some(Core::CortexM3),
            "cortex-m4" => Some(Core::CortexM4),
            "cortex-m7" => Some(Core::CortexM7),
            "cortex-m33" => Some(Core::CortexM33),
            _ => None,
        }
    }
}

/// Why [`Emulator::run`] came back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Halt {
    /// The next instruction lies in the monitor range, at this address.
    Monitor(u32),
    /// An instruction faulted; the core stands at the fault handler, in handler mode.
    Fault(Fault),
    /// A fault while faulting: the stack is gone, and only a reset helps.
    Lockup,
    /// As many instructions as the budget allows were executed.
    Budget,
}

/// What the processor recorded about a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Address of the faulting instruction.
    pub pc: u32,
    pub cause: FaultCause,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultCause {
    /// `udf #imm8`.
    Udf(u8),
    /// An encoding that the core does not have.
    Undefined,
    /// A data access to an address that is unmapped or read-only.
    Access(u32),
    /// An instruction fetch from an unmapped address.
    Fetch,
    /// Anything else, by the Configurable Fault Status Register.
    Other { cfsr: u32 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            FaultCause::Udf(code) => write!(f, "udf #{code}")?,
            FaultCause::Undefined => f.write_str("undefined instruction")?,
            FaultCause::Access(addr) => write!(f, "access to {addr:#010x}")?,
            FaultCause::Fetch => f.write_str("fetch of an instruction from unmapped memory")?,
            FaultCause::Other { cfsr } => write!(f, "fault with CFSR {cfsr:#010x}")?,
        }
        write!(f, " at pc {:#010x}", self.pc)
    }
}

/// An address range that is not mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("nothing is mapped at {addr:#010x}, {len} bytes")]
pub struct Unmapped {
    pub addr: u32,
    pub len: usize,
}

/// A core with memory.
pub trait Emulator {
    /// Maps read-only memory. Regions must not overlap.
    fn map_rom(&mut self, base: u32, bytes: Vec<u8>);

    /// Maps zeroed memory that may be read, written and executed.
    fn map_ram(&mut self, base: u32, len: u32);

    fn read(&self, addr: u32, out: &mut [u8]) -> Result<(), Unmapped>;

    /// Writes as a debugger does, into RAM only.
    fn write(&mut self, addr: u32, bytes: &[u8]) -> Result<(), Unmapped>;

    /// Sets every byte of a range of RAM.
    fn fill(&mut self, addr: u32, len: u32, byte: u8) -> Result<(), Unmapped>;

    /// Register 0 to 15, the stack pointer being the selected one.
    fn reg(&self, number: usize) -> u32;

    fn set_reg(&mut self, number: usize, value: u32);

    /// s0 to s31, as bits; 0 without a floating-point unit.
    fn float_reg(&self, number: usize) -> u32;

    fn set_float_reg(&mut self, number: usize, value: u32);

    /// The range that stops execution. Faults are reported wherever they vector to.
    fn set_monitor(&mut self, range: Range<u32>);

    /// Returns from the fault that [`Halt::Fault`] reported, to `pc`, with the registers and the
    /// stack of the fault's time and no conditional block pending.
    fn resume_from_fault(&mut self, pc: u32) -> Result<(), Unmapped>;

    /// Resets the core; memory stays as it is.
    fn reset(&mut self);

    /// Executes until something stops the core or `budget` instructions are done.
    fn run(&mut self, budget: u64) -> Halt;

    /// Instructions executed since the emulator was made.
    fn instructions(&self) -> u64;

    /// Cycles by the emulator's model, an estimate: no wait states, caches or dual issue.
    fn cycles(&self) -> u64;

    /// Counts executions of each halfword address in `range`, from zero. An empty range ends
    /// counting.
    fn set_histogram(&mut self, range: Range<u32>);

    /// Executions by halfword of the histogram's range: `(addr - range.start) / 2`.
    fn histogram(&self) -> &[u32];

    /// The lowest that the stack pointer was since [`Emulator::watch_stack`], if a histogram is kept.
    fn lowest_sp(&self) -> u32;

    /// Forgets how low the stack pointer was.
    fn watch_stack(&mut self);

    fn read_u32(&self, addr: u32) -> Result<u32, Unmapped> {
        let mut bytes = [0; 4];
        self.read(addr, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn write_u32(&mut self, addr: u32, value: u32) -> Result<(), Unmapped> {
        self.write(addr, &value.to_le_bytes())
    }
}
