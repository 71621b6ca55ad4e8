//! The recovery record: how a trap leaves wasm code.
//!
//! An entry (`FunctionRole::Entry`) saves all registers that its caller may hold values in and
//! links a record into the chain of its instance. What it leaves on the stack, upwards from the
//! address that `instance::offset::RECOVERY_CHAIN` then holds:
//!
//! ```text
//!   chain -> +0   previous record of this instance, 0 if this entry is the outermost, `STARTING`
//!                 if instantiate called it
//!            +4   the instance
//!            +8   d8 to d15, as the caller had them: only if the target has a floating-point unit
//!         f  +8   r4 r5 r6 r7 r8 r9 r10 r11, as the caller had them
//!         f  +40  lr at entry: where to return to, with the Thumb bit
//!         f  +44  sp at entry
//! ```
//!
//! where f is 64, the bytes of d8-d15, on a target with a unit, else 0.
//!
//! So a landing pad that finds the instance in r9 unwinds to the innermost entry's caller, and
//! makes the entry return 0 (a struct of results stays as it is), with
//!
//! ```text
//!   ldr      ip, [r9, #RECOVERY_CHAIN]
//!   mov      sp, ip
//!   pop      {ip, lr}
//!   str      ip, [lr, #RECOVERY_CHAIN]
//!   vpop     {d8-d15}          on a target with a unit
//!   movs     r0, #0
//!   movs     r1, #0
//!   vmov     d0, r0, r1        on a target with a unit; and d1 to d3: up to four results
//!   pop      {r4-r11, pc}
//! ```
//!
//! `harness/c-runtime/windlass.c.in` has it. Linking the outermost record clears the trap field of the
//! last run.

use super::frame::Insts;
use crate::inst::Inst;
use crate::inst::args::{AMode, CmpOp, Cond, ItPattern, LoadOp, MovOp, Operand2, RegList, StoreOp};
use crate::regs::{IP, LR, SP};
use regalloc2::PReg;
use windlass_backend::instance::offset;
use windlass_backend::reg::{Reg, Writable};

/// Byte offsets in what an entry leaves on the stack, from its record's address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoveryRecord {
    pub previous: u32,
    pub instance: u32,
    /// d8 to d15, two words each, if there are such.
    pub saved_floats: Option<u32>,
    /// r4 to r11, a word each.
    pub saved: u32,
    pub return_address: u32,
    /// What sp was at entry.
    pub caller_sp: u32,
}

impl RecoveryRecord {
    /// What entries leave on a target with a floating-point unit, or on one without.
    pub const fn new(has_fpu: bool) -> RecoveryRecord {
        let floats = if has_fpu { 64 } else { 0 };
        RecoveryRecord {
            previous: 0,
            instance: 4,
            saved_floats: if has_fpu { Some(BYTES) } else { None },
            saved: BYTES + floats,
            return_address: BYTES + floats + 32,
            caller_sp: BYTES + floats + 36,
        }
    }
}

/// Bytes of the record below the saved registers.
pub const BYTES: u32 = 8;

/// Links a record after r4-r11 and lr, and d8-d15, were pushed. The instance is one of the arguments r0-r3,
/// which keep their values; ip and lr change.
pub fn gen_link(instance: PReg, code: &mut Insts) {
    code.push(load(IP, instance, offset::RECOVERY_CHAIN));
    code.push(mov(LR, instance));
    code.push(Inst::Push { regs: RegList::from_regs([IP, LR]) });
    code.push(store(SP, instance, offset::RECOVERY_CHAIN));
    // No previous record: -1, for no trap.
    code.push(Inst::Cmp { op: CmpOp::Cmp, rn: IP.into(), op2: Operand2::Imm(0) });
    code.push(Inst::It { cond: Cond::Eq, pattern: ItPattern::TT });
    let no_trap = Inst::Mov { op: MovOp::Mvn, s: false, rd: writable(IP), op2: Operand2::Imm(0) };
    for inst in [no_trap, store(IP, instance, offset::TRAP)] {
        code.push(Inst::Predicated { cond: Cond::Eq, inst: Box::new(inst) });
    }
}

/// Unlinks the record at sp and pops it; the results in r0-r3 keep their values.
pub fn gen_unlink(code: &mut Insts) {
    code.push(Inst::Pop { regs: RegList::from_regs([IP, LR]) });
    code.push(store(IP, LR, offset::RECOVERY_CHAIN));
}

fn writable(reg: PReg) -> Writable<Reg> {
    Writable::from_reg(reg.into())
}

fn mov(rd: PReg, rm: PReg) -> Inst {
    Inst::Mov { op: MovOp::Mov, s: false, rd: writable(rd), op2: Operand2::Reg(rm.into()) }
}

fn load(rt: PReg, base: PReg, offset: i32) -> Inst {
    let addr = AMode::Offset { base: base.into(), offset };
    Inst::Load { op: LoadOp::Ldr, rt: writable(rt), addr }
}

fn store(rt: PReg, base: PReg, offset: i32) -> Inst {
    let addr = AMode::Offset { base: base.into(), offset };
    Inst::Store { op: StoreOp::Str, rt: rt.into(), addr }
}

const _: () = assert!(windlass_backend::instance::NO_TRAP == -1, "`gen_link` stores !0");

#[cfg(test)]
mod tests {
    use super::super::frame::FrameLayout;
    use super::super::machine::{ENTRY_SP, Machine, RETURN_ADDRESS, code, request, ret};
    use super::*;
    use crate::inst::args::DRegRange;
    use crate::regs::{d, r, s};
    use regalloc2::PRegSet;
    use windlass_backend::instance::NO_TRAP;
    use windlass_backend::isa::FrameRequest;

    const INSTANCE: u32 = 0x2000_0100;

    fn field(offset: i32) -> u32 {
        INSTANCE.wrapping_add(offset as u32)
    }

    /// The registers that an entry saves without a unit, with one and with another.
    fn units() -> [PRegSet; 3] {
        [PRegSet::empty(), (16..32).map(s).collect(), (8..16).map(d).collect()]
    }

    fn entry(floats: PRegSet) -> FrameLayout {
        let (entry, written) = (Some(0), floats);
        let request =
            FrameRequest { entry, written, makes_calls: true, spill_slots: 5, ..request() };
        FrameLayout::new(&request, false, false).unwrap()
    }

    fn record(floats: PRegSet) -> RecoveryRecord {
        RecoveryRecord::new(floats != PRegSet::empty())
    }

    fn enter(floats: PRegSet, previous: u32, trap: i32) -> Machine {
        let mut machine = Machine::new();
        machine.regs[0] = INSTANCE;
        machine.store(field(offset::RECOVERY_CHAIN), previous);
        machine.store(field(offset::TRAP), trap as u32);
        let mut insts = entry(floats).gen_prologue();
        insts.push(ret(&[]));
        machine.run(&code(&[&insts]));
        machine
    }

    #[test]
    fn the_record_lies_as_described() {
        for floats in units() {
            let caller = Machine::new();
            let machine = enter(floats, 0x2000_4440, 4);
            let at = machine.load(field(offset::RECOVERY_CHAIN));
            let record = record(floats);
            assert_eq!(at + record.caller_sp, ENTRY_SP);
            assert_eq!(machine.load(at + record.previous), 0x2000_4440);
            assert_eq!(machine.load(at + record.instance), INSTANCE);
            for n in 0..8 {
                assert_eq!(machine.load(at + record.saved + 4 * n), caller.regs[4 + n as usize]);
            }
            for (n, saved) in (0..16).filter_map(|n| Some((n, record.saved_floats?))) {
                assert_eq!(machine.load(at + saved + 4 * n), caller.floats[16 + n as usize]);
            }
            assert_eq!(machine.load(at + record.return_address), RETURN_ADDRESS);
            assert_eq!(machine.regs[1..4], caller.regs[1..4]);
            assert_eq!(machine.regs[0], INSTANCE);
        }
    }

    #[test]
    fn only_the_outermost_entry_clears_the_trap() {
        for floats in units() {
            let trap = |previous| enter(floats, previous, 4).load(field(offset::TRAP));
            assert_eq!((trap(0), trap(0x2000_4440)), (NO_TRAP as u32, 4));
        }
    }

    #[test]
    fn a_return_unlinks_the_record() {
        for floats in units() {
            let mut machine = enter(floats, 0x2000_4440, 4);
            let results = [0x51, 0x52, 0x53, 0x54];
            machine.regs[..4].copy_from_slice(&results);
            machine.regs[4..12].fill(0xdead);
            spoil_floats(&mut machine, floats);
            let insts = entry(floats).gen_epilogue(RegList(0b1111));
            assert_eq!(machine.run(&code(&[&insts])), RETURN_ADDRESS);
            assert_eq!(machine.load(field(offset::RECOVERY_CHAIN)), 0x2000_4440);
            assert_eq!(machine.regs[..4], results);
            assert_eq!(machine.regs[4..12], Machine::new().regs[4..12]);
            assert_eq!(machine.floats[16..], Machine::new().floats[16..]);
        }
    }

    #[test]
    fn the_landing_pad_of_the_module_head_unwinds() {
        for floats in units() {
            let mut machine = enter(floats, 0, 4);
            machine.regs[4..13].fill(0xdead);
            spoil_floats(&mut machine, floats);
            machine.regs[13] -= 100;
            machine.regs[9] = INSTANCE;
            let restore = record(floats).saved_floats.map(|_| DRegRange { first: 8, count: 8 });
            let mut pad = vec![
                load(IP, r(9), offset::RECOVERY_CHAIN),
                mov(SP, IP),
                Inst::Pop { regs: RegList::from_regs([IP, LR]) },
                store(IP, LR, offset::RECOVERY_CHAIN),
            ];
            pad.extend(restore.map(|regs| Inst::VPop { regs }));
            pad.push(Inst::Pop { regs: RegList(0b1000_1111_1111_0000) });
            assert_eq!(machine.run(&code(&[&pad])), RETURN_ADDRESS);
            assert_eq!(machine.load(field(offset::RECOVERY_CHAIN)), 0);
            assert_eq!(machine.regs[4..12], Machine::new().regs[4..12]);
            assert_eq!(machine.floats[16..], Machine::new().floats[16..]);
            assert_eq!(machine.regs[13], ENTRY_SP);
        }
    }

    /// As code does that may, since the entry saved them.
    fn spoil_floats(machine: &mut Machine, saved: PRegSet) {
        if saved != PRegSet::empty() {
            machine.floats.fill(0xdead);
        }
    }
}
