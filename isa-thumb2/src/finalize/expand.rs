//! Expansion: instructions of lowering and allocation become ones that encodings exist for, and
//! the frame's code comes in. Conditional values are left to `conditional`.

use super::FinalizeOptions;
use super::addresses::{gen_addressed, stores_through_lr};
use super::consts::{Literals, gen_symbol};
use super::frame::{FrameLayout, Insts, gen_adjust_sp};
use super::rewrite::{NOWHERE, rewrite};
use crate::inst::args::{AMode, LoadOp, RegList};
use crate::inst::{CallInfo, Callee, Inst};
use crate::regs::IP;
use windlass_backend::Result;
use windlass_backend::isa::{Code, FrameRequest, MachInst};
use windlass_backend::reg::Writable;

/// The frame for this code. lr is saved too where expansion will need it.
pub fn lay_out_frame(code: &Code<Inst>, request: &FrameRequest, size: bool) -> Result<FrameLayout> {
    let layout = FrameLayout::new(request, false, size)?;
    if code.insts.iter().any(|inst| stores_through_lr(inst, &layout)) {
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
        Inst::Ret { uses } => {
            let results = RegList::from_regs(uses.iter().map(|&(_, preg)| preg));
            out.extend(layout.gen_epilogue(results));
        }
        Inst::Args { .. } => {}
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
        && let Some(slot) = callee.as_slot()
    {
        *callee = IP.into();
        let addr = AMode::Spill { slot: slot.index() as u32 };
        let load = Inst::Load { op: LoadOp::Ldr, rt: Writable::from_reg(*callee), addr };
        gen_addressed(load, layout, false, out);
    }
    let popped = info.callee_pops as i32;
    out.push(Inst::Call { info });
    gen_adjust_sp(-popped, out);
}
