//! [`Emulator`] on the `rsemu` crate's M-profile core.
//!
//! Faults vector to an address of our own outside of all memory, so that a fault shows as the
//! program counter being there, with the exception frame on the stack as on hardware.

use super::{Core, Emulator, Fault, FaultCause, Halt, SP, Unmapped};
use core::ops::Range;
use rsemu::core::space::{AddressSpace, RamStore, Region, RomStore, RomWrite};
use rsemu::cpu::arm::v7m::{ArmV7m, Config, xpsr};
use std::sync::Arc;

/// Where the vector table lies, away from code and from address 0.
const VECTORS: u32 = 0x1000_0000;
/// CPACR: full access to coprocessors 10 and 11, the floating-point unit (B3.2.20).
const CPACR_FPU: u32 = 0xf << 20;
/// Where every fault vectors to. Nothing is mapped there.
const FAULT_HANDLER: u32 = 0x1000_1000;

/// A write to the program counter costs at least this many cycles in rsemu's model, which spares
/// the look at the program counter after all other instructions.
const BRANCH_CYCLES: u64 = 3;

/// CFSR bits (Armv7-M Architecture Reference Manual, B3.2.15).
const CFSR_IBUSERR: u32 = 1 << 8;
const CFSR_PRECISERR: u32 = 1 << 9;
const CFSR_UNDEFINSTR: u32 = 1 << 16;

/// Words of the exception frame (B1.5.6).
const FRAME_PC: u32 = 24;
const FRAME_XPSR: u32 = 28;

enum Memory {
    Ram(Arc<RamStore>),
    Rom(Arc<RomStore>),
}

struct Mapped {
    base: u32,
    memory: Memory,
}

/// An rsemu core with its address space.
pub struct Rsemu {
    cpu: ArmV7m,
    space: Arc<AddressSpace>,
    fpu: bool,
    /// By base.
    mapped: Vec<Mapped>,
    monitor: Range<u32>,
    instructions: u64,
    histogram_range: Range<u32>,
    histogram: Vec<u32>,
    lowest_sp: u32,
}

impl Rsemu {
    /// `fpu` asks for the core's single-precision floating-point unit, switched on.
    pub fn new(core: Core, fpu: bool) -> Rsemu {
        let config = match (core, fpu) {
            (Core::CortexM3, _) => Config::CORTEX_M3,
            (Core::CortexM4, false) => Config::CORTEX_M4,
            (Core::CortexM4, true) => Config::CORTEX_M4F,
            (Core::CortexM7, false) => Config::CORTEX_M7,
            (Core::CortexM7, true) => Config::CORTEX_M7F,
            (Core::CortexM33, false) => Config::CORTEX_M33,
            (Core::CortexM33, true) => Config::CORTEX_M33F,
        };
        let cpu = ArmV7m::new(config.with_bit_band(false).with_reset_vtor(VECTORS));
        let space = Arc::new(AddressSpace::new("memory", 32));
        cpu.attach_space(space.clone());
        let mut emulator = Rsemu {
            cpu,
            space,
            fpu,
            mapped: Vec::new(),
            monitor: 0..0,
            instructions: 0,
            histogram_range: 0..0,
            histogram: Vec::new(),
            lowest_sp: u32::MAX,
        };
        let handler = (FAULT_HANDLER | 1).to_le_bytes();
        let vectors = handler.repeat(16);
        emulator.map_rom(VECTORS, vectors);
        emulator.reset();
        emulator
    }

    fn find(&self, addr: u32, len: usize) -> Result<(&Memory, u64), Unmapped> {
        let unmapped = Unmapped { addr, len };
        let next = self.mapped.partition_point(|m| m.base <= addr);
        let Some(Mapped { base, memory }) = self.mapped[..next].last() else {
            return Err(unmapped);
        };
        let size = match memory {
            Memory::Ram(store) => store.len(),
            Memory::Rom(store) => store.len(),
        };
        let offset = u64::from(addr - base);
        (offset + len as u64 <= size).then_some((memory, offset)).ok_or(unmapped)
    }

    fn map(&mut self, base: u32, region: Region, memory: Memory) {
        // An overlap or a region beyond the space is a bug of the caller; the map stays as it
        // was, and the accesses fault.
        if self.space.topology().map(region, base.into()).is_ok() {
            let next = self.mapped.partition_point(|m| m.base <= base);
            self.mapped.insert(next, Mapped { base, memory });
        }
    }

    /// Reads the exception frame and the status registers.
    fn fault(&self) -> Halt {
        let sp = self.cpu.reg(SP as u8);
        let Ok(pc) = self.read_u32(sp.wrapping_add(FRAME_PC)) else { return Halt::Lockup };
        let cfsr = self.cpu.with_sys(|sys| sys.cfsr);
        let cause = if cfsr & CFSR_PRECISERR != 0 {
            FaultCause::Access(self.cpu.bus_faults().1)
        } else if cfsr & CFSR_IBUSERR != 0 {
            FaultCause::Fetch
        } else if cfsr & CFSR_UNDEFINSTR != 0 {
            match self.udf_code(pc) {
                Some(code) => FaultCause::Udf(code),
                None => FaultCause::Undefined,
            }
        } else {
            FaultCause::Other { cfsr }
        };
        Halt::Fault(Fault { pc, cause })
    }

    /// The immediate of `udf` (encoding T1) at `pc`.
    fn udf_code(&self, pc: u32) -> Option<u8> {
        let mut bytes = [0; 2];
        self.read(pc, &mut bytes).ok()?;
        (bytes[1] == 0xde).then_some(bytes[0])
    }

    /// Why the core cannot go on from `pc`, if so.
    fn stop(&self, pc: u32) -> Option<Halt> {
        if self.monitor.contains(&pc) {
            Some(Halt::Monitor(pc))
        } else if pc == FAULT_HANDLER {
            Some(self.fault())
        } else if self.cpu.is_locked_up() {
            Some(Halt::Lockup)
        } else {
            None
        }
    }

    fn run_plain(&mut self, budget: u64) -> Halt {
        let end = self.instructions.saturating_add(budget);
        while self.instructions < end {
            let used = self.cpu.step();
            self.instructions += 1;
            if used >= BRANCH_CYCLES
                && let Some(halt) = self.stop(self.cpu.pc())
            {
                return halt;
            }
            // A core that is locked up burns one cycle a step.
            if used <= 1 && self.instructions & 0xffff == 0 && self.cpu.is_locked_up() {
                return Halt::Lockup;
            }
        }
        Halt::Budget
    }

    fn run_counting(&mut self, budget: u64) -> Halt {
        let end = self.instructions.saturating_add(budget);
        let mut pc = self.cpu.pc();
        while self.instructions < end {
            let index = pc.wrapping_sub(self.histogram_range.start) / 2;
            if let Some(count) = self.histogram.get_mut(index as usize) {
                *count = count.saturating_add(1);
            }
            self.cpu.step();
            self.instructions += 1;
            pc = self.cpu.pc();
            self.lowest_sp = self.lowest_sp.min(self.cpu.reg(SP as u8));
            if let Some(halt) = self.stop(pc) {
                return halt;
            }
        }
        Halt::Budget
    }
}

impl Emulator for Rsemu {
    fn map_rom(&mut self, base: u32, bytes: Vec<u8>) {
        let store = Arc::new(RomStore::new(bytes));
        let region = Region::rom("rom", store.clone(), RomWrite::Fault);
        self.map(base, region, Memory::Rom(store));
    }

    fn map_ram(&mut self, base: u32, len: u32) {
        let store = Arc::new(RamStore::new(len.into()));
        let region = Region::ram("ram", store.clone());
        self.map(base, region, Memory::Ram(store));
    }

    fn read(&self, addr: u32, out: &mut [u8]) -> Result<(), Unmapped> {
        let (memory, offset) = self.find(addr, out.len())?;
        let read = match memory {
            Memory::Ram(store) => store.read_at(offset, out),
            Memory::Rom(store) => store.read_at(offset, out),
        };
        read.map_err(|_| Unmapped { addr, len: out.len() })
    }

    fn write(&mut self, addr: u32, bytes: &[u8]) -> Result<(), Unmapped> {
        let unmapped = Unmapped { addr, len: bytes.len() };
        match self.find(addr, bytes.len())? {
            (Memory::Ram(store), offset) => store.write_at(offset, bytes).map_err(|_| unmapped),
            (Memory::Rom(_), _) => Err(unmapped),
        }
    }

    fn fill(&mut self, addr: u32, len: u32, byte: u8) -> Result<(), Unmapped> {
        let unmapped = Unmapped { addr, len: len as usize };
        match self.find(addr, len as usize)? {
            (Memory::Ram(store), offset) => {
                store.fill(offset, len.into(), byte).map_err(|_| unmapped)
            }
            (Memory::Rom(_), _) => Err(unmapped),
        }
    }

    fn reg(&self, number: usize) -> u32 {
        self.cpu.reg(number as u8)
    }

    fn set_reg(&mut self, number: usize, value: u32) {
        self.cpu.set_reg(number as u8, value);
    }

    fn float_reg(&self, number: usize) -> u32 {
        self.cpu.s(number as u8)
    }

    fn set_float_reg(&mut self, number: usize, value: u32) {
        self.cpu.set_s(number as u8, value);
    }

    fn set_monitor(&mut self, range: Range<u32>) {
        self.monitor = range;
    }

    fn resume_from_fault(&mut self, pc: u32) -> Result<(), Unmapped> {
        let frame = self.cpu.reg(SP as u8);
        let mut regs = self.cpu.regs();
        for (number, offset) in [(0, 0), (1, 4), (2, 8), (3, 12), (12, 16), (14, 20)] {
            regs.r[number] = self.read_u32(frame.wrapping_add(offset))?;
        }
        let stacked = self.read_u32(frame.wrapping_add(FRAME_XPSR))?;
        // Bit 9 tells that a word was inserted to align the frame.
        let padding = if stacked & (1 << 9) != 0 { 4 } else { 0 };
        regs.r[15] = pc & !1;
        regs.msp = frame.wrapping_add(32 + padding);
        regs.xpsr = (stacked & xpsr::FLAGS) | xpsr::T;
        self.cpu.with_sys(|sys| {
            sys.active.fill(0);
            sys.cfsr = 0;
            sys.hfsr = 0;
        });
        self.cpu.set_regs(regs);
        Ok(())
    }

    fn reset(&mut self) {
        self.cpu.request_reset();
        // The reset sequence, which reads sp and pc from the table.
        self.cpu.step();
        let fpu = self.fpu;
        self.cpu.with_sys(|sys| {
            sys.cfsr = 0;
            sys.hfsr = 0;
            sys.cpacr = if fpu { CPACR_FPU } else { 0 };
            // Exceptions leave the unit's registers alone: nothing runs in handler mode here, and
            // frames are of one size.
            sys.fpccr = 0;
        });
    }

    fn run(&mut self, budget: u64) -> Halt {
        let pc = self.cpu.pc();
        if self.monitor.contains(&pc) {
            return Halt::Monitor(pc);
        }
        if self.histogram_range.is_empty() {
            self.run_plain(budget)
        } else {
            self.run_counting(budget)
        }
    }

    fn instructions(&self) -> u64 {
        self.instructions
    }

    fn cycles(&self) -> u64 {
        self.cpu.cycles()
    }

    fn set_histogram(&mut self, range: Range<u32>) {
        self.histogram = vec![0; range.len().div_ceil(2)];
        self.histogram_range = range;
    }

    fn histogram(&self) -> &[u32] {
        &self.histogram
    }

    fn lowest_sp(&self) -> u32 {
        self.lowest_sp
    }

    fn watch_stack(&mut self) {
        self.lowest_sp = self.cpu.reg(SP as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: u32 = 0x0800_0000;
    const STACK: u32 = 0x2000_0000;
    const MONITOR: u32 = 0x0801_0000;

    fn emulator(code: &[u16]) -> Rsemu {
        let mut emulator = Rsemu::new(Core::CortexM4, true);
        emulator.map_rom(CODE, code.iter().flat_map(|h| h.to_le_bytes()).collect());
        emulator.map_ram(STACK, 0x1000);
        emulator.set_monitor(MONITOR..MONITOR + 0x100);
        emulator.set_reg(SP, STACK + 0x1000);
        emulator.set_reg(super::super::LR, MONITOR | 1);
        emulator.set_reg(super::super::PC, CODE);
        emulator
    }

    #[test]
    fn returns_to_the_monitor_and_counts() {
        // movs r0, #7; bx lr
        let mut e = emulator(&[0x2007, 0x4770]);
        e.set_histogram(CODE..CODE + 4);
        assert_eq!(e.run(10), Halt::Monitor(MONITOR));
        assert_eq!(e.reg(0), 7);
        assert_eq!(e.instructions(), 2);
        assert_eq!(e.histogram(), [1, 1]);
    }

    #[test]
    fn counting_does_not_change_the_course() {
        // movs r0, #200; subs r0, #1; bne .-2; bx lr
        let code = [0x20c8, 0x3801, 0xd1fd, 0x4770];
        let mut plain = emulator(&code);
        let mut counting = emulator(&code);
        counting.set_histogram(CODE..CODE + 8);
        assert_eq!(plain.run(1000), counting.run(1000));
        assert_eq!(plain.instructions(), counting.instructions());
        assert_eq!(plain.cycles(), counting.cycles());
        assert_eq!(counting.histogram(), [1, 200, 200, 1]);
    }

    #[test]
    fn names_udf_and_resumes() {
        // movs r4, #9; udf #4; bx lr
        let mut e = emulator(&[0x2409, 0xde04, 0x4770]);
        let sp = e.reg(SP);
        let fault = Fault { pc: CODE + 2, cause: FaultCause::Udf(4) };
        assert_eq!(e.run(10), Halt::Fault(fault));
        e.resume_from_fault(CODE + 4).unwrap();
        assert_eq!((e.reg(SP), e.reg(4)), (sp, 9));
        assert_eq!(e.run(10), Halt::Monitor(MONITOR));
    }

    #[test]
    fn floats_survive_a_fault() {
        // vmov.f32 s16, #1.0; vadd.f32 s0, s16, s16; udf #1; vadd.f32 s0, s0, s16; bx lr
        let code = [0xeeb7, 0x8a00, 0xee38, 0x0a08, 0xde01, 0xee30, 0x0a08, 0x4770];
        let mut e = emulator(&code);
        let sp = e.reg(SP);
        let fault = Fault { pc: CODE + 8, cause: FaultCause::Udf(1) };
        assert_eq!(e.run(10), Halt::Fault(fault));
        e.resume_from_fault(CODE + 10).unwrap();
        assert_eq!(e.run(10), Halt::Monitor(MONITOR));
        assert_eq!((e.reg(SP), f32::from_bits(e.float_reg(0))), (sp, 3.0));
    }

    #[test]
    fn unmapped_and_read_only_memory_fault() {
        // ldr r0, [r1]
        let mut e = emulator(&[0x6808]);
        e.set_reg(1, 0x7000_0000);
        let fault = Fault { pc: CODE, cause: FaultCause::Access(0x7000_0000) };
        assert_eq!(e.run(10), Halt::Fault(fault));
        // str r0, [r1]
        let mut e = emulator(&[0x6008]);
        e.set_reg(1, CODE);
        let fault = Fault { pc: CODE, cause: FaultCause::Access(CODE) };
        assert_eq!(e.run(10), Halt::Fault(fault));
    }

    #[test]
    fn an_overrun_stack_locks_up() {
        // push {r4, lr}; b .-2
        let mut e = emulator(&[0xb510, 0xe7fd]);
        assert_eq!(e.run(100_000), Halt::Lockup);
        e.reset();
        e.set_reg(super::super::PC, CODE);
        e.set_reg(SP, STACK + 0x1000);
        assert_eq!(e.run(10), Halt::Budget);
    }

    #[test]
    fn a_reset_forgets_earlier_faults() {
        // ldr r0, [r1]; udf #4
        let mut e = emulator(&[0x6808, 0xde04]);
        e.set_reg(1, 0x7000_0000);
        assert!(matches!(e.run(10), Halt::Fault(_)));
        e.reset();
        e.set_reg(super::super::PC, CODE + 2);
        e.set_reg(SP, STACK + 0x1000);
        let fault = Fault { pc: CODE + 2, cause: FaultCause::Udf(4) };
        assert_eq!(e.run(10), Halt::Fault(fault));
    }

    #[test]
    fn endless_loops_end_with_the_budget() {
        let mut e = emulator(&[0xe7fe]);
        assert_eq!(e.run(1000), Halt::Budget);
        assert_eq!(e.instructions(), 1000);
    }
}
