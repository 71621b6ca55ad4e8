//! From allocated instructions to bytes.
//!
//! Input: VCode and an allocation. `apply` writes the allocation into the instructions and turns
//! edits into instructions; the ISA finalizes and emits; the buffer lays out.

pub mod buffer;

use crate::error::{Error, Result};
use crate::isa::{Code, Isa, MachInst, OperandVisitor};
use crate::reg::Reg;
use crate::regalloc::{AllocResult, Edit};
use crate::vcode::VCode;
use regalloc2::{
    Allocation, Block, Function, Inst, InstPosition, OperandConstraint, OperandKind, OperandPos,
    PRegSet, ProgPoint,
};

/// The instructions of `vcode` over physical registers, with the allocation's edits between them.
pub fn apply<I: Isa>(
    isa: &I,
    vcode: &VCode<I::Inst>,
    alloc: &AllocResult,
) -> Result<Code<I::Inst>> {
    let mut code = Code::default();
    let mut edits = alloc.edits.iter().peekable();
    for block in 0..vcode.num_blocks() {
        code.start_block();
        for inst in vcode.block_insns(Block::new(block)).iter() {
            let loc = vcode.locs[inst.index()];
            let mut take_edits = |pos: InstPosition, code: &mut Code<I::Inst>| -> Result<()> {
                let point = ProgPoint::new(inst, pos);
                while let Some((_, edit)) = edits.next_if(|(at, _)| *at <= point) {
                    if let Some(inst) = edit_inst(isa, vcode, edit)? {
                        code.push(inst, loc);
                    }
                }
                Ok(())
            };
            take_edits(InstPosition::Before, &mut code)?;
            if !alloc.is_dropped(inst) {
                code.push(allocated(vcode, alloc, inst), loc);
            }
            take_edits(InstPosition::After, &mut code)?;
        }
    }
    Ok(code)
}

/// An instruction over the places that were allocated to its operands.
pub(crate) fn allocated<I: MachInst>(vcode: &VCode<I>, alloc: &AllocResult, inst: Inst) -> I {
    let mut allocated = vcode.insts[inst.index()].clone();
    assign(&mut allocated, alloc.inst_allocs(inst));
    allocated
}

/// Writes allocations into operands, in the order in which they were collected.
fn assign(inst: &mut impl MachInst, allocs: &[Allocation]) {
    let mut allocs = allocs.iter();
    inst.visit_operands(&mut |reg: &mut Reg, _: OperandKind| {
        let alloc = allocs.next();
        if reg.is_virtual() {
            *reg = Reg::from(*alloc.expect("an allocation for each operand"));
        }
    });
}

/// The instruction for an edit; none for a move that stays in place.
pub(crate) fn edit_inst<I: Isa>(
    isa: &I,
    vcode: &VCode<I::Inst>,
    edit: &Edit,
) -> Result<Option<I::Inst>> {
    let (from, to) = match *edit {
        Edit::Move { from, to } if from == to => return Ok(None),
        Edit::Move { from, to } => (from, to),
        Edit::Remat { inst, to } => return remat(vcode, inst, to).map(Some),
    };
    let inst = match (from.as_reg(), to.as_reg()) {
        (Some(from), Some(to)) => {
            isa.gen_copy(crate::reg::Writable::from_reg(to.into()), from.into())
        }
        (Some(from), None) => isa.gen_store_slot(slot(to)?, from),
        (None, Some(to)) => isa.gen_load_slot(to, slot(from)?),
        (None, None) => return Err(Error::internal("a move from slot to slot")),
    };
    Ok(Some(inst))
}

fn slot(alloc: Allocation) -> Result<u32> {
    let slot = alloc.as_stack().ok_or_else(|| Error::internal("a move to nowhere"))?;
    Ok(slot.index() as u32)
}

fn remat<I: MachInst>(vcode: &VCode<I>, inst: Inst, to: Allocation) -> Result<I> {
    let mut again = vcode.insts[inst.index()].clone();
    assign(&mut again, &[to]);
    Ok(again)
}

/// Every physical register that the instructions write or clobber.
pub fn written_registers<I: MachInst>(code: &mut Code<I>) -> PRegSet {
    let mut written = Written(PRegSet::empty());
    for inst in &mut code.insts {
        inst.visit_operands(&mut written);
    }
    written.0
}

struct Written(PRegSet);

impl OperandVisitor for Written {
    fn add_operand(
        &mut self,
        reg: &mut Reg,
        _: OperandConstraint,
        kind: OperandKind,
        _: OperandPos,
    ) {
        if let (OperandKind::Def, Some(preg)) = (kind, reg.as_preg()) {
            self.0.add(preg);
        }
    }

    fn reg_clobbers(&mut self, clobbers: PRegSet) {
        self.0.union_from(clobbers);
    }
}
