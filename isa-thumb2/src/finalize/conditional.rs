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
use regalloc2::OperandKind;
use smallvec::{SmallVec, smallvec};
use windlass_backend::isa::{Code, MachInst};
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
        Inst::CondFpMov { rd, rm, .. } if rd.to_reg() == rm => smallvec![],
        Inst::CondFpMov { cond, size, rd, rm, .. } => {
            smallvec![(cond, Inst::FpMov { size, rd, rm })]
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
    let mut found = false;
    inst.clone().visit_operands(&mut |other: &mut Reg, _: OperandKind| found |= *other == reg);
    found
}

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;
    use crate::inst::args::CmpOp;

    fn formed(insts: &[Inst]) -> Vec<Inst> {
        let mut code = code(&[insts]);
        form_it_blocks(&mut code);
        code.insts
    }

    fn cond_mov(cond: Cond, rd: usize, rm: usize) -> Inst {
        let op2 = Operand2::Reg(reg(rm));
        Inst::CondMov { cond, op: MovOp::Mov, rd: w(rd), op2, if_not: reg(rd) }
    }

    /// Lengths of the IT blocks, 0 for an instruction outside of them.
    fn shape(insts: &[Inst]) -> Vec<usize> {
        let lengths = |inst: &Inst| match inst {
            Inst::It { pattern, .. } => Some(pattern.count()),
            Inst::Predicated { .. } => None,
            _ => Some(0),
        };
        formed(insts).iter().filter_map(lengths).collect()
    }

    #[test]
    fn neighbours_share_a_block() {
        let (eq, ne) = (cond_mov(Cond::Eq, 0, 1), cond_mov(Cond::Ne, 2, 3));
        assert_eq!(shape(&[eq.clone(), ne.clone()]), [2]);
        assert_eq!(shape(&[eq.clone(), Inst::CondSet { cond: Cond::Ne, rd: w(4) }, ne]), [4]);
        assert_eq!(shape(&[eq.clone(), cond_mov(Cond::Lt, 2, 3)]), [1, 1]);
        let many: Vec<_> = (1..6).map(|n| cond_mov(Cond::Eq, n, 0)).collect();
        assert_eq!(shape(&many), [4, 1]);
    }

    #[test]
    fn a_comparison_ends_its_block() {
        let op2 = Operand2::Imm(0);
        let compare = Inst::CondCmp { cond: Cond::Eq, op: CmpOp::Cmp, rn: reg(3), op2 };
        let insts = [cond_mov(Cond::Eq, 0, 1), compare, cond_mov(Cond::Eq, 2, 3)];
        assert_eq!(shape(&insts), [2, 1]);
    }

    #[test]
    fn unrelated_moves_go_first() {
        let between = |inst| [cond_mov(Cond::Eq, 0, 1), inst, cond_mov(Cond::Eq, 2, 3)];
        assert_eq!(shape(&between(mov(5, 6))), [0, 2]);
        assert_eq!(shape(&between(mov(5, 1))), [0, 2]);
        // They read what the block writes, or write what it reads or writes.
        assert_eq!(shape(&between(mov(5, 0))), [1, 0, 1]);
        assert_eq!(shape(&between(mov(1, 5))), [1, 0, 1]);
        assert_eq!(shape(&between(mov(0, 5))), [1, 0, 1]);
    }

    #[test]
    fn a_move_to_itself_is_nothing() {
        assert!(formed(&[cond_mov(Cond::Eq, 0, 0)]).is_empty());
    }
}
