//! The stack check: whether a function asks before it uses the stack, and the code that does.
//!
//! Who asks, and for how much, is decided function by function as `windlass_backend::instance::RED_ZONE`
//! says. A tail call is none that counts, unless it takes more stack arguments than the function was
//! given: otherwise the callee begins where this function began, or above.

use super::frame::{FrameLayout, Insts, MAX_FRAME_BYTES};
use crate::inst::Inst;
use crate::inst::args::{AMode, AluOp, CmpOp, Cond, LoadOp, MovOp, Operand2};
use crate::inst::imms::is_imm12;
use crate::regs::{INSTANCE, IP, SP};
use regalloc2::PReg;
use windlass_backend::Trap;
use windlass_backend::instance::{C_CALLEE, MAX_STACK_LIMIT, SMALL_FRAME, offset};
use windlass_backend::isa::FrameRequest;
use windlass_backend::reg::{Reg, Writable};

/// The bytes that the check adds to the limit; None for no check.
pub fn counted_bytes(request: &FrameRequest, layout: &FrameLayout) -> Option<u32> {
    let is_small = layout.total <= SMALL_FRAME;
    let is_leaf = !request.makes_calls && layout.tail_room == 0;
    if !request.stack_check || is_small && (is_leaf || request.entry.is_some()) {
        return None;
    }
    // An entry asks when its record is on the stack.
    let own = if request.entry.is_some() { layout.locals } else { layout.total };
    let bytes = own + if request.calls_c { C_CALLEE } else { 0 };
    Some(if bytes > SMALL_FRAME { round_up(bytes) } else { 0 })
}

/// The next number that an addition holds: 12 bits, or 8 bits and zeros.
fn round_up(bytes: u32) -> u32 {
    if is_imm12(bytes) { bytes } else { bytes.next_multiple_of(1 << (24 - bytes.leading_zeros())) }
}

/// Traps unless sp is at least `bytes` above the limit. Changes ip and the flags.
pub fn gen_check(bytes: u32, code: &mut Insts) {
    let (ip, rt) = (Reg::from(IP), writable(IP));
    let addr = AMode::Offset { base: INSTANCE.into(), offset: offset::STACK_LIMIT };
    code.push(Inst::Load { op: LoadOp::Ldr, rt, addr });
    if bytes > 0 {
        let op2 = Operand2::Imm(bytes);
        code.push(Inst::Alu { op: AluOp::Add, s: false, rd: rt, rn: ip, op2 });
    }
    code.push(Inst::Cmp { op: CmpOp::Cmp, rn: SP.into(), op2: Operand2::Reg(ip) });
    code.push(Inst::TrapIf { cond: Cond::Lo, trap: Trap::StackExhausted });
}

/// The same in an entry, where the instance is still an argument. Whoever handles the trap finds it
/// in its register.
pub fn gen_entry_check(instance: PReg, bytes: u32, code: &mut Insts) {
    let (rd, op2) = (writable(INSTANCE), Operand2::Reg(instance.into()));
    code.push(Inst::Mov { op: MovOp::Mov, s: false, rd, op2 });
    gen_check(bytes, code);
}

fn writable(reg: PReg) -> Writable<Reg> {
    Writable::from_reg(reg.into())
}

/// A frame of the most bytes, rounded up, and a callee.
const MAX_COUNTED: u64 = (MAX_FRAME_BYTES + C_CALLEE as u64) / 64 * 65;

const _: () = assert!(
    MAX_STACK_LIMIT as u64 + MAX_COUNTED <= u32::MAX as u64,
    "the sum that sp is compared with does not wrap"
);

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;
    use crate::inst::encode::encode;
    use crate::regs::r;

    const EXHAUSTED: u32 = TRAPPED + Trap::StackExhausted as u32;
    const INSTANCE_AT: u32 = 0x2000_0100;

    fn layout(request: &FrameRequest) -> FrameLayout {
        FrameLayout::new(request, false, false).unwrap()
    }

    fn internal() -> FrameRequest {
        FrameRequest { stack_check: true, internal: true, pops_incoming: true, ..request() }
    }

    fn with_words(spill_slots: u32, makes_calls: bool) -> FrameRequest {
        FrameRequest { spill_slots, makes_calls, ..internal() }
    }

    /// Where the prologue leads with this limit, and the machine then.
    fn enter(layout: &FrameLayout, limit: u32) -> (u32, Machine) {
        let mut machine = Machine::new();
        machine.regs[0] = INSTANCE_AT;
        if layout.entry.is_none() {
            machine.regs[9] = INSTANCE_AT;
        }
        machine.store(INSTANCE_AT + offset::STACK_LIMIT as u32, limit);
        let mut insts = layout.gen_prologue();
        assert!(
            insts
                .iter()
                .all(|inst| matches!(inst, Inst::TrapIf { .. }) || encode(inst, false).is_some())
        );
        insts.push(ret(&[]));
        let to = machine.run(&code(&[&insts]));
        (to, machine)
    }

    #[test]
    fn who_calls_or_needs_much_asks() {
        let counted = |request: &FrameRequest| layout(request).check;
        assert_eq!(counted(&with_words(0, false)), None);
        assert_eq!(counted(&with_words(16, false)), None);
        assert_eq!(counted(&with_words(17, false)), Some(68));
        assert_eq!(counted(&with_words(0, true)), Some(0));
        assert_eq!(counted(&with_words(15, true)), Some(0));
        assert_eq!(counted(&with_words(17, true)), Some(72));
        let longer = FrameRequest { incoming_bytes: 8, tail_bytes: 16, ..internal() };
        assert_eq!(counted(&longer), Some(0));
        let shorter = FrameRequest { incoming_bytes: 16, tail_bytes: 8, ..internal() };
        assert_eq!(counted(&shorter), None);
        let off = FrameRequest { stack_check: false, ..with_words(1000, true) };
        assert_eq!(counted(&off), None);
        let of_c = FrameRequest { calls_c: true, ..with_words(4, true) };
        assert_eq!(counted(&of_c), Some(layout(&of_c).total + C_CALLEE));
    }

    #[test]
    fn a_frame_just_fits_or_traps_before_anything_is_stored() {
        for words in [0, 15, 16, 17, 1000, 1023, 1024, 1025, 5000, 100_000, 250_000] {
            let layout = layout(&with_words(words, true));
            let bytes = layout.check.unwrap();
            assert!(bytes == 0 && layout.total <= SMALL_FRAME || bytes >= layout.total);
            assert!(bytes <= layout.total + layout.total / 64, "{bytes} for {}", layout.total);
            for (limit, expected) in [
                (0, RETURN_ADDRESS),
                (ENTRY_SP - bytes, RETURN_ADDRESS),
                (ENTRY_SP - bytes + 1, EXHAUSTED),
                (ENTRY_SP + 4, EXHAUSTED),
                (MAX_STACK_LIMIT, EXHAUSTED),
            ] {
                let (to, machine) = enter(&layout, limit);
                assert_eq!(to, expected, "{limit:#x} {layout:?}");
                if to == EXHAUSTED {
                    assert_eq!(machine.regs[13], ENTRY_SP);
                    assert_eq!(machine.memory.len(), 4);
                }
            }
        }
    }

    #[test]
    fn the_largest_frame_cannot_pass_by_wrapping() {
        for bytes in [MAX_FRAME_BYTES as u32, MAX_FRAME_BYTES as u32 + C_CALLEE] {
            assert!(MAX_STACK_LIMIT.checked_add(round_up(bytes)).is_some());
        }
        assert_eq!(round_up(0xff_f000), 0x100_0000);
    }

    #[test]
    fn an_entry_asks_when_it_can_be_unwound() {
        let entry = |outgoing_bytes| FrameRequest {
            entry: Some(0),
            makes_calls: true,
            outgoing_bytes,
            internal: false,
            pops_incoming: false,
            ..internal()
        };
        assert_eq!(layout(&entry(16)).check, None);
        assert_eq!(layout(&entry(56)).check, Some(0));
        let layout = layout(&entry(400));
        let bytes = layout.check.unwrap();
        let record = ENTRY_SP - (layout.total - layout.locals);
        for (limit, expected) in [(record - bytes, RETURN_ADDRESS), (record - bytes + 4, EXHAUSTED)]
        {
            let (to, machine) = enter(&layout, limit);
            assert_eq!(to, expected);
            assert_eq!(machine.regs[9], INSTANCE_AT);
            assert_eq!(machine.load(INSTANCE_AT + offset::RECOVERY_CHAIN as u32), record);
            assert_eq!(machine.regs[0], INSTANCE_AT);
            assert_eq!(machine.regs[1..4], Machine::new().regs[1..4]);
            if to == EXHAUSTED {
                assert_eq!(machine.regs[13], record);
            }
        }
        assert!(layout.saved.contains(r(9)));
    }
}
