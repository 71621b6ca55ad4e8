//! Expansion: instructions of lowering and allocation become ones that encodings exist for, and
//! the frame's code comes in. Conditional values are left to `conditional`.

use super::FinalizeOptions;
use super::addresses::{gen_addressed, goes_through_lr};
use super::consts::{Literals, gen_symbol};
use super::frame::{FrameLayout, Insts, gen_adjust_sp};
use super::returns::gen_return;
use super::rewrite::{NOWHERE, rewrite};
use crate::inst::args::{AMode, LoadOp, MovOp, Operand2, RegList};
use crate::inst::{CallInfo, Callee, Inst, TailCallInfo};
use crate::regs::IP;
use windlass_backend::Result;
use windlass_backend::isa::{Code, FrameRequest, MachInst};
use windlass_backend::reg::{Reg, Writable};

/// The frame for this code. lr is saved too where expansion will need it.
pub fn lay_out_frame(code: &Code<Inst>, request: &FrameRequest, size: bool) -> Result<FrameLayout> {
    let layout = FrameLayout::new(request, false, size)?;
    if code.insts.iter().any(|inst| goes_through_lr(inst, &layout)) {
        return FrameLayout::new(request, true, size);
    }
    Ok(layout)
}

pub fn expand(code: &mut Code<Inst>, layout: &FrameLayout, options: &FinalizeOptions) {
    let literals = if options.size { Literals::collect(code) } else { Literals::default() };
    let mut out = Insts::new();
    let mut prologue = Some(layout.gen_prologue());
    rewrite(code, |inst, sink| {
        if let Some(prologue) = prologue.take() {
            prologue.into_iter().for_each(|inst| sink.push_at(NOWHERE, inst));
        }
        expand_inst(inst, layout, &literals, options, &mut out);
        out.drain(..).for_each(|inst| sink.push(inst));
    });
}

fn expand_inst(
    inst: Inst,
    layout: &FrameLayout,
    literals: &Literals,
    options: &FinalizeOptions,
    out: &mut Insts,
) {
    let Some(inst) = gen_addressed(inst, layout, options.ldrd_base_erratum, out) else {
        return;
    };
    match inst {
        Inst::LoadConst { rd, value } => literals.gen_const(rd, value, out),
        Inst::LoadSymbol { rd, target } => gen_symbol(rd, target, out),
        Inst::Call { info } => gen_call(info, layout, out),
        Inst::TailCall { info } => gen_tail_call(info, layout, out),
        Inst::Ret { .. } => out.extend(gen_return(&inst, layout)),
        Inst::Args { .. } => {}
        Inst::FpCmp { size, rn, rm } => out.extend([Inst::VCmp { size, rn, rm }, Inst::VMrsFlags]),
        inst => {
            let moves_nothing = inst.as_move().is_some_and(|(rd, rm)| rd.to_reg() == rm);
            if !moves_nothing {
                out.push(inst);
            }
        }
    }
}

/// A call; its callee's address comes into ip if allocation left it in a slot, and sp goes back to
/// where it was if the callee pops arguments.
fn gen_call(mut info: Box<CallInfo>, layout: &FrameLayout, out: &mut Insts) {
    if let Callee::Indirect(callee) = &mut info.callee
        && callee.as_slot().is_some()
    {
        gen_move_to_ip(callee, layout, out);
    }
    let popped = info.callee_pops as i32;
    out.push(Inst::Call { info });
    gen_adjust_sp(-popped, out);
}

/// The frame comes down, and the callee takes it from there.
fn gen_tail_call(mut info: Box<TailCallInfo>, layout: &FrameLayout, out: &mut Insts) {
    if let Callee::Indirect(callee) = &mut info.callee {
        gen_move_to_ip(callee, layout, out);
    }
    let arguments = RegList::from_regs(info.uses.iter().map(|&(_, preg)| preg));
    out.extend(layout.gen_tail_epilogue(arguments, info.stack_bytes));
    out.push(Inst::TailCall { info });
}

/// Brings a callee's address from its register or slot to ip.
fn gen_move_to_ip(callee: &mut Reg, layout: &FrameLayout, out: &mut Insts) {
    let from = core::mem::replace(callee, IP.into());
    let to = Writable::from_reg(IP.into());
    match from.as_slot() {
        Some(slot) => {
            let addr = AMode::Spill { slot: slot.index() as u32 };
            let load = Inst::Load { op: LoadOp::Ldr, rt: to, addr };
            gen_addressed(load, layout, false, out);
        }
        None => {
            let op2 = Operand2::Reg(from);
            out.push(Inst::Mov { op: MovOp::Mov, s: false, rd: to, op2 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;
    use crate::regs::{LR, r};
    use regalloc2::SpillSlot;
    use windlass_backend::compiled::RelocTarget;

    fn expanded(insts: &[Inst], request: &FrameRequest) -> (Code<Inst>, FrameLayout) {
        let mut code = code(&[insts]);
        let layout = lay_out_frame(&code, request, false).unwrap();
        expand(&mut code, &layout, &FinalizeOptions::default());
        (code, layout)
    }

    fn caller() -> FrameRequest {
        let written = written([0, 1, 2, 3, 12, 14]);
        FrameRequest { makes_calls: true, internal: true, outgoing_bytes: 32, written, ..request() }
    }

    #[test]
    fn sp_returns_after_a_callee_that_pops() {
        let callee = || Callee::Indirect(reg(3));
        let insts = [call(callee(), 28), call(callee(), 0), ret(&[])];
        let (code, layout) = expanded(&insts, &caller());
        let mut machine = Machine::new();
        assert_eq!(machine.run(&code), RETURN_ADDRESS);
        assert_eq!(machine.regs[13], ENTRY_SP);
        assert_eq!(machine.calls, [ENTRY_SP - layout.total; 2]);
    }

    #[test]
    fn a_callee_in_a_slot_is_called_through_ip() {
        let callee = Callee::Indirect(Reg::slot(SpillSlot::new(2)));
        let request = FrameRequest { spill_slots: 3, ..caller() };
        let (code, layout) = expanded(&[call(callee, 0), ret(&[])], &request);
        let loads_ip = |inst: &Inst| {
            let addr = AMode::Offset { base: r(13).into(), offset: layout.spills as i32 + 8 };
            matches!(inst, Inst::Load { rt, addr: found, .. }
                if rt.to_reg() == r(12).into() && *found == addr)
        };
        let at = code.insts.iter().position(loads_ip).expect("a load to ip");
        assert!(matches!(&code.insts[at + 1],
            Inst::Call { info } if matches!(info.callee, Callee::Indirect(c) if c == r(12).into())));
    }

    /// Frames with and without calls, saved registers, slots and stack arguments.
    fn tail_callers() -> Vec<FrameRequest> {
        let mut all = Vec::new();
        for (incoming_bytes, tail_bytes) in
            [(0, 0), (0, 16), (40, 0), (40, 40), (8, 48), (48, 8), (8200, 16), (16, 8200)]
        {
            for spill_slots in [1, 2, 6, 1500] {
                for saved in [vec![], vec![4], vec![4, 5, 6, 7, 8]] {
                    for makes_calls in [false, true] {
                        all.push(FrameRequest {
                            incoming_bytes,
                            tail_bytes,
                            pops_incoming: true,
                            spill_slots,
                            written: written(saved.iter().copied()),
                            makes_calls,
                            ..caller()
                        });
                    }
                }
            }
        }
        all
    }

    #[test]
    fn a_tail_call_leaves_everything_as_the_callee_wants_it() {
        for request in tail_callers() {
            for callee in [None, Some(reg(2)), Some(Reg::slot(SpillSlot::new(0)))] {
                let stack_bytes = request.tail_bytes;
                let start = request.incoming_bytes as i32 - stack_bytes as i32;
                let spoil = (4..9).filter(|&n| request.written.contains(r(n)));
                let mut insts: Vec<Inst> = spoil.map(|n| mov(n, 3)).collect();
                insts.push(store(2, AMode::Spill { slot: 0 }));
                // From r0 and r1 by turns.
                for n in 0..stack_bytes / 4 {
                    let addr = AMode::IncomingArg { offset: start + 4 * n as i32 };
                    insts.push(store(n as usize % 2, addr));
                }
                let target = callee.map_or(Callee::Direct(RelocTarget::Name("f".into())), |reg| {
                    Callee::Indirect(reg)
                });
                insts.push(tail_call(target, &[r(0), r(1), r(3)], stack_bytes));

                let mut machine = Machine::new();
                let before = machine.clone();
                let went_to = machine.run(&expanded(&insts, &request).0);
                let expected = callee.map_or(TAIL_CALLEE, |_| before.regs[2]);
                assert_eq!(went_to, expected, "{request:?} {callee:?}");
                let sp = (ENTRY_SP + request.incoming_bytes) - stack_bytes;
                assert_eq!(machine.regs[13], sp, "{request:?}");
                assert_eq!(machine.regs[14], RETURN_ADDRESS);
                assert_eq!(machine.regs[4..12], before.regs[4..12]);
                for n in [0, 1, 3] {
                    assert_eq!(machine.regs[n], before.regs[n]);
                }
                for n in 0..stack_bytes / 4 {
                    assert_eq!(machine.load(sp + 4 * n), before.regs[n as usize % 2]);
                }
            }
        }
    }

    #[test]
    fn a_leaf_that_makes_a_tail_call_has_no_frame() {
        let callee = Callee::Direct(RelocTarget::Name("f".into()));
        let request = FrameRequest { makes_calls: false, outgoing_bytes: 0, ..caller() };
        let (code, _) = expanded(&[tail_call(callee, &[], 0)], &request);
        assert!(matches!(code.insts[..], [Inst::TailCall { .. }]));
    }

    #[test]
    fn a_function_that_also_returns_pops_the_room_for_tail_calls() {
        let request = FrameRequest { tail_bytes: 24, ..caller() };
        let (code, layout) = expanded(&[call(Callee::Indirect(reg(3)), 0), ret(&[])], &request);
        let mut machine = Machine::new();
        assert_eq!(machine.run(&code), RETURN_ADDRESS);
        assert_eq!(machine.regs[13], ENTRY_SP);
        assert_eq!(machine.calls, [ENTRY_SP - layout.total]);
    }

    #[test]
    fn lr_is_saved_for_far_slots() {
        let far = [store(0, AMode::Spill { slot: 1500 }), ret(&[])];
        let request = FrameRequest { spill_slots: 1501, internal: true, ..request() };
        assert!(expanded(&far, &request).1.saved.contains(LR));
        let near = [store(0, AMode::Spill { slot: 15 }), ret(&[])];
        assert!(!expanded(&near, &request).1.saved.contains(LR));
    }

    #[test]
    fn stack_arguments_are_found_above_the_frame() {
        let insts: Vec<_> = (0..8)
            .map(|n| load(n.min(3), AMode::IncomingArg { offset: 4 * n as i32 }))
            .chain([ret(&[r(0), r(1)])])
            .collect();
        let request =
            FrameRequest { incoming_bytes: 32, pops_incoming: true, spill_slots: 30, ..caller() };
        let (code, _) = expanded(&insts, &request);
        let mut machine = Machine::new();
        (0..8).for_each(|n| machine.store(ENTRY_SP + 4 * n, 0x50 + n));
        assert_eq!(machine.run(&code), RETURN_ADDRESS);
        assert_eq!(machine.regs[0], 0x50);
        assert_eq!(machine.regs[1], 0x51);
        assert_eq!(machine.regs[13], ENTRY_SP + 32);
    }

    #[test]
    fn moves_to_themselves_vanish_and_locations_stay() {
        let (code, _) = expanded(&[mov(1, 1), mov(1, 2), ret(&[])], &caller());
        let moves = code.insts.iter().filter(|inst| inst.as_move().is_some()).count();
        assert_eq!(moves, 1);
        assert_eq!(code.locs[0], NOWHERE);
        assert_eq!(code.locs.last(), Some(&7));
    }
}
