//! Conditional values become IT blocks.
//!
//! An IT block holds up to four instructions under one condition or its inverse, so neighbours
//! share one: `it` costs two bytes and, alone, a cycle. A register move of allocation that stands
//! between two conditional values and concerns neither goes before the block.
//!
//! Invariant: nothing in an IT block writes the flags, but for a comparison that ends it.

use super::compare::defines;
use super::rewrite::{Sink, Step, rewrite_steps};
use crate::inst::args::{Cond, ItPattern, MovOp, Operand2};
use crate::inst::{Inst, WritableReg};
use regalloc2::{OperandConstraint, OperandKind, OperandPos};
use smallvec::{SmallVec, smallvec};
use windlass_backend::isa::{Code, MachInst, OperandVisitor};
use windlass_backend::reg::Reg;

const MAX_MEMBERS: usize = 4;

pub fn form_it_blocks(code: &mut Code<Inst>) {
    let mut block = ItBlock::default();
    rewrite_steps(code, |step, sink| match step {
        Step::Inst(inst) => match members(&inst) {
            Some(members) => {
                if !block.takes(&members) {
                    block.flush(sink);
                }
                block.add(members, sink.loc());
            }
            None => {
                if !block.is_unconcerned(&inst) {
                    block.flush(sink);
                }
                sink.push(inst);
            }
        },
        Step::BlockEnd => block.flush(sink),
    });
}

/// An instruction and the condition under which it is done.
type Member = (Cond, Inst);

/// What a conditional value consists of; None for any other instruction.
fn members(inst: &Inst) -> Option<SmallVec<[Member; 2]>> {
    Some(match *inst {
        Inst::CondMov { op: MovOp::Mov, rd, op2: Operand2::Reg(rm), .. } if rd.to_reg() == rm => {
            smallvec![]
        }
        Inst::CondMov { cond, op, rd, op2, .. } => {
            smallvec![(cond, Inst::Mov { op, s: false, rd, op2 })]
        }
        Inst::CondAlu { cond, op, rd, rn, op2, .. } => {
            smallvec![(cond, Inst::Alu { op, s: false, rd, rn, op2 })]
        }
        Inst::CondSet { cond, rd } => smallvec![(cond, set(rd, 1)), (cond.invert(), set(rd, 0))],
        Inst::CondCmp { cond, op, rn, op2 } => smallvec![(cond, Inst::Cmp { op, rn, op2 })],
        _ => return None,
    })
}

fn set(rd: WritableReg, value: u32) -> Inst {
    Inst::Mov { op: MovOp::Mov, s: false, rd, op2: Operand2::Imm(value) }
}

/// An IT block in the making.
#[derive(Default)]
struct ItBlock {
    members: SmallVec<[(u32, Cond, Inst); MAX_MEMBERS]>,
}

impl ItBlock {
    fn takes(&self, members: &[Member]) -> bool {
        let Some((_, first, _)) = self.members.first() else {
            return true;
        };
        let full = self.members.len() + members.len() > MAX_MEMBERS;
        let ended = self.members.last().is_some_and(|(.., inst)| inst.writes_flags());
        let fits = |cond: Cond| cond == *first || cond == first.invert();
        !full && !ended && members.iter().all(|&(cond, _)| fits(cond))
    }

    fn add(&mut self, members: SmallVec<[Member; 2]>, loc: u32) {
        self.members.extend(members.into_iter().map(|(cond, inst)| (loc, cond, inst)));
    }

    /// Whether an instruction can go before the block that it follows.
    fn is_unconcerned(&self, inst: &Inst) -> bool {
        let Some((rd, rm)) = inst.as_move() else {
            return self.members.is_empty();
        };
        self.members
            .iter()
            .all(|(.., member)| !defines(member, rm) && !mentions(member, rd.to_reg()))
    }

    fn flush(&mut self, sink: &mut Sink) {
        let Some(&(loc, first, _)) = self.members.first() else {
            return;
        };
        let elses: SmallVec<[bool; MAX_MEMBERS]> =
            self.members[1..].iter().map(|&(_, cond, _)| cond != first).collect();
        sink.push_at(loc, Inst::It { cond: first, pattern: ItPattern::new(&elses) });
        for (loc, cond, inst) in self.members.drain(..) {
            sink.push_at(loc, Inst::Predicated { cond, inst: Box::new(inst) });
        }
    }
}

/// Whether an instruction reads or writes a register.
fn mentions(inst: &Inst, reg: Reg) -> bool {
    let mut search = Mentions { reg, found: false };
    inst.clone().visit_operands(&mut search);
    search.found
}

struct Mentions {
    reg: Reg,
    found: bool,
}

impl OperandVisitor for Mentions {
    fn add_operand(
        &mut self,
        reg: &mut Reg,
        _constraint: OperandConstraint,
        _kind: OperandKind,
        _pos: OperandPos,
    ) {
        self.found |= *reg == self.reg;
    }
}
