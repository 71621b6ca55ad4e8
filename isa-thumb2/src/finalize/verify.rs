//! Checks of finished code: no flag is read after it was clobbered, IT blocks are whole, and every
//! instruction is one that emission knows.
//!
//! An allocator move that sets flags, or a comparison that moved away from its branch, makes
//! wrong code that still assembles; this is what would tell.

use super::flags::{self, Flags};
use crate::inst::Inst;
use crate::inst::args::{Cond, ItPattern};
use crate::inst::encode::encode;
use core::fmt::Display;
use windlass_backend::isa::Code;

/// Every flag that an instruction reads was set before it in its block, with no clobber in between;
/// every IT instruction is followed by just its instructions.
pub fn verify(code: &Code<Inst>) -> Result<(), String> {
    for block in 0..code.num_blocks() {
        let mut state = State::default();
        for index in code.block_range(block) {
            let inst = &code.insts[index];
            state.step(inst).map_err(|error| at(block, index, inst, &error))?;
        }
        if state.it.is_some() {
            return Err(format!("block {block} ends inside an IT block"));
        }
    }
    Ok(())
}

/// Both codes have the same instructions but for their forms, and every reader of flags has the
/// same writer in both.
pub fn verify_same_writers(before: &Code<Inst>, after: &Code<Inst>) -> Result<(), String> {
    if before.block_starts != after.block_starts || before.insts.len() != after.insts.len() {
        return Err("narrowing added or removed instructions".to_owned());
    }
    for block in 0..after.num_blocks() {
        let (mut was, mut is) = (None, None);
        for index in after.block_range(block) {
            let (old, new) = (&before.insts[index], &after.insts[index]);
            if (old.reads_flags() || new.reads_flags()) && was != is {
                return Err(at(block, index, new, &"narrowing changed the flags that it reads"));
            }
            if old.writes_flags() {
                was = Some(index);
            }
            if new.writes_flags() {
                is = Some(index);
            }
        }
    }
    Ok(())
}

fn at(block: usize, index: usize, inst: &Inst, error: &dyn Display) -> String {
    format!("block {block}, instruction {index}, {inst:?}: {error}")
}

/// What is known before an instruction of a block.
#[derive(Default)]
struct State {
    flags: Flags,
    it: Option<OpenIt>,
}

/// An IT block, some of whose instructions are to come.
struct OpenIt {
    first: Cond,
    pattern: ItPattern,
    done: usize,
}

impl State {
    fn step(&mut self, inst: &Inst) -> Result<(), &'static str> {
        if !self.flags.contains(flags::needed(inst)) {
            return Err("reads flags that nothing set");
        }
        if !is_emittable(inst) {
            return Err("has no encoding");
        }
        self.flags = flags::after(inst, self.flags);
        self.step_it(inst)
    }

    fn step_it(&mut self, inst: &Inst) -> Result<(), &'static str> {
        match (self.it.take(), inst) {
            (None, &Inst::It { cond, pattern }) => {
                self.it = Some(OpenIt { first: cond, pattern, done: 0 });
            }
            (None, Inst::Predicated { .. }) => return Err("is outside of an IT block"),
            (None, _) => {}
            (Some(mut it), Inst::Predicated { cond, inst }) => {
                if *cond != it.pattern.cond(it.first, it.done) {
                    return Err("has another condition than its IT block");
                }
                it.done += 1;
                let last = it.done == it.pattern.count();
                if inst.writes_flags() && !last {
                    return Err("writes flags that its IT block still reads");
                }
                if !last {
                    self.it = Some(it);
                }
            }
            (Some(_), _) => return Err("is unconditional within an IT block"),
        }
        Ok(())
    }
}

fn is_emittable(inst: &Inst) -> bool {
    match inst {
        Inst::Jump { .. }
        | Inst::CondBr { .. }
        | Inst::CmpBranchZero { .. }
        | Inst::JumpTable { .. }
        | Inst::TrapIf { .. }
        | Inst::TrapIfZero { .. }
        | Inst::LoadLiteral { .. } => true,
        inst => encode(inst, false).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;
    use crate::inst::Callee;
    use crate::inst::args::{AluOp, Operand2};
    use crate::regs::IP;
    use windlass_backend::Trap;

    fn conditional(cond: Cond) -> Inst {
        Inst::TrapIf { cond, trap: Trap::Unreachable }
    }

    fn adds() -> Inst {
        Inst::Alu { op: AluOp::Add, s: true, rd: w(0), rn: reg(1), op2: Operand2::Imm(1) }
    }

    fn predicated(cond: Cond) -> Inst {
        Inst::Predicated { cond, inst: Box::new(mov(0, 1)) }
    }

    fn it(cond: Cond) -> Inst {
        Inst::It { cond, pattern: ItPattern::TE }
    }

    #[test]
    fn flags_come_from_the_same_block() {
        let zero = cmp(0, Operand2::Imm(0));
        let eq = conditional(Cond::Eq);
        assert!(verify(&code(&[&[zero.clone(), mov(1, 2), eq.clone()]])).is_ok());
        assert!(verify(&code(&[&[zero], &[eq]])).is_err());
    }

    #[test]
    fn a_call_clobbers_flags() {
        let insts =
            [cmp(0, Operand2::Imm(0)), call(Callee::Indirect(IP.into()), 0), conditional(Cond::Eq)];
        assert!(verify(&code(&[&insts])).is_err());
    }

    #[test]
    fn logical_operations_leave_no_carry() {
        let ands =
            Inst::Alu { op: AluOp::And, s: true, rd: w(0), rn: reg(0), op2: Operand2::Imm(1) };
        assert!(verify(&code(&[&[ands.clone(), conditional(Cond::Mi)]])).is_ok());
        assert!(verify(&code(&[&[adds(), ands, conditional(Cond::Hs)]])).is_err());
    }

    #[test]
    fn it_blocks_are_whole() {
        let zero = || cmp(0, Operand2::Imm(0));
        let (eq, ne) = (predicated(Cond::Eq), predicated(Cond::Ne));
        let check = |insts: &[Inst]| verify(&code(&[insts]));
        assert!(check(&[zero(), it(Cond::Eq), eq.clone(), ne.clone()]).is_ok());
        assert!(check(&[zero(), it(Cond::Eq), eq.clone(), eq.clone()]).is_err());
        assert!(check(&[zero(), it(Cond::Eq), eq.clone()]).is_err());
        assert!(check(&[zero(), it(Cond::Eq), eq.clone(), mov(0, 1)]).is_err());
        assert!(check(&[zero(), eq]).is_err());
    }

    #[test]
    fn a_narrowed_clobber_is_found() {
        let mov_imm =
            |s| Inst::Alu { op: AluOp::Sub, s, rd: w(2), rn: reg(2), op2: Operand2::Imm(1) };
        let body = |s| code(&[&[adds(), mov_imm(s), conditional(Cond::Eq)]]);
        assert!(verify_same_writers(&body(false), &body(false)).is_ok());
        assert!(verify_same_writers(&body(false), &body(true)).is_err());
    }
}
