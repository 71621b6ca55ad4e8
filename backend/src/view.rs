//! A function as people look at it: what was allocated, to what, and where each value is.
//!
//! Input: VCode and the allocation that is emitted. Output: a [`FunctionView`], for reports. It
//! shows the code before `finalize`, which adds the prologue, narrows instructions and may exchange
//! registers.
//!
//! Left to others: names of registers and symbols.

use crate::emit::{allocated, edit_inst};
use crate::error::Result;
use crate::isa::{Isa, MachInst};
use crate::regalloc::{self, AllocResult, Edit, InstPressure, Stay};
use crate::vcode::VCode;
use regalloc2::{
    Allocation, Block, Function as _, Inst, OperandKind, PReg, PRegSet, ProgPoint, VReg,
};

#[derive(Clone, Debug, Default)]
pub struct FunctionView {
    /// The CLIF after the mid-end.
    pub clif: String,
    pub blocks: Vec<BlockView>,
    /// VCode instructions over virtual registers.
    pub insts: Vec<String>,
    /// Where in the wasm file each instruction comes from, or [`crate::vcode::NO_LOC`].
    pub locs: Vec<u32>,
    /// Of each instruction.
    pub pressure: Vec<InstPressure>,
    /// The registers that could be allocated.
    pub registers: Vec<PReg>,
    /// The allocated code, in order.
    pub lines: Vec<Line>,
    pub stays: Vec<Stay>,
}

#[derive(Clone, Debug)]
pub struct BlockView {
    /// Its instructions begin here, and end where those of the next block begin.
    pub first_inst: u32,
    pub loop_depth: u32,
    pub params: Vec<VReg>,
    /// Each successor with the values passed to its parameters.
    pub succs: Vec<(u32, Vec<VReg>)>,
}

/// What a line of allocated code is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LineKind {
    /// An instruction of the program, and how many of its operands are read from slots and written
    /// to slots.
    Inst {
        reloads: u32,
        stores: u32,
    },
    /// An instruction that is not emitted: its result is computed again where it is read.
    Dropped,
    Store,
    Reload,
    Move,
    Remat,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub kind: LineKind,
    pub text: String,
    /// What an edit moves or computes, if an instruction reads it.
    pub value: Option<VReg>,
}

/// Collects the view of one function.
pub fn view<I: Isa>(
    isa: &I,
    clif: String,
    vcode: &VCode<I::Inst>,
    alloc: &AllocResult,
) -> Result<FunctionView> {
    let regalloc::Stays { stays, edits } = regalloc::stays(vcode, alloc);
    Ok(FunctionView {
        clif,
        blocks: (0..vcode.num_blocks()).map(|block| block_view(vcode, Block::new(block))).collect(),
        insts: vcode.insts.iter().map(ToString::to_string).collect(),
        locs: vcode.locs.clone(),
        pressure: regalloc::pressure_along(vcode, isa.machine_env()),
        registers: PRegSet::from(isa.machine_env()).into_iter().collect(),
        lines: lines(isa, vcode, alloc, &edits)?,
        stays,
    })
}

fn block_view<I: MachInst>(vcode: &VCode<I>, block: Block) -> BlockView {
    let insts = vcode.block_insns(block);
    let args = |nth| vcode.branch_blockparams(block, insts.last(), nth).to_vec();
    let succs = vcode.block_succs(block).iter().enumerate();
    BlockView {
        first_inst: insts.first().index() as u32,
        loop_depth: vcode.loop_depth(block),
        params: vcode.block_params(block).to_vec(),
        succs: succs.map(|(nth, succ)| (succ.index() as u32, args(nth))).collect(),
    }
}

/// Instructions and edits in the order in which they execute.
fn lines<I: Isa>(
    isa: &I,
    vcode: &VCode<I::Inst>,
    alloc: &AllocResult,
    values: &[Option<VReg>],
) -> Result<Vec<Line>> {
    let mut lines = Vec::with_capacity(vcode.num_insts() + alloc.edits.len());
    let values = values.iter().copied().chain(core::iter::repeat(None));
    let mut edits = alloc.edits.iter().zip(values).peekable();
    for inst in (0..vcode.num_insts()).map(Inst::new) {
        let mut edits_until = |point: ProgPoint, lines: &mut Vec<Line>| -> Result<()> {
            while let Some(((_, edit), value)) = edits.next_if(|((at, _), _)| *at <= point) {
                if let Some(inst) = edit_inst(isa, vcode, edit)? {
                    lines.push(Line { kind: edit_kind(edit), text: inst.to_string(), value });
                }
            }
            Ok(())
        };
        edits_until(ProgPoint::before(inst), &mut lines)?;
        let kind = inst_kind(vcode, alloc, inst);
        let text = allocated(vcode, alloc, inst).to_string();
        lines.push(Line { kind, text, value: None });
        edits_until(ProgPoint::after(inst), &mut lines)?;
    }
    Ok(lines)
}

fn inst_kind<I: MachInst>(vcode: &VCode<I>, alloc: &AllocResult, inst: Inst) -> LineKind {
    if alloc.is_dropped(inst) {
        return LineKind::Dropped;
    }
    let on_stack = |kind| {
        let operands = vcode.inst_operands(inst).iter().zip(alloc.inst_allocs(inst));
        operands.filter(|(op, alloc)| alloc.is_stack() && op.kind() == kind).count() as u32
    };
    LineKind::Inst { reloads: on_stack(OperandKind::Use), stores: on_stack(OperandKind::Def) }
}

fn edit_kind(edit: &Edit) -> LineKind {
    let is_reg = |place: &Allocation| place.is_reg();
    match edit {
        Edit::Move { from, to } if is_reg(from) && is_reg(to) => LineKind::Move,
        Edit::Move { to, .. } if is_reg(to) => LineKind::Reload,
        Edit::Move { .. } => LineKind::Store,
        Edit::Remat { .. } => LineKind::Remat,
    }
}
