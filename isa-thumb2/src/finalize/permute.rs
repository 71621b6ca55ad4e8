//! The callee-saved registers trade places so that r8, which most 16-bit encodings cannot name,
//! is not used or is used where that costs least.
//!
//! An allocator takes r4-r8 for equals. Nothing else tells them apart: no argument, result or
//! clobber is among them, and a callee saves whichever it uses. So any permutation keeps the
//! code's meaning; one exchange with r8 has nearly all the gain.

use super::narrow::shortest_is_16_bit;
use crate::inst::Inst;
use crate::inst::encode::encode;
use crate::regs::r;
use regalloc2::{OperandConstraint, OperandKind, OperandPos, PReg, PRegSet};
use windlass_backend::isa::{Code, FrameRequest, MachInst, OperandVisitor};
use windlass_backend::reg::Reg;

/// The callee-saved registers that 16-bit encodings name.
const LOW: [PReg; 4] = [r(4), r(5), r(6), r(7)];
const HIGH: PReg = r(8);

/// Exchanges r8 with another register if that saves bytes. `allocatable` registers may come into
/// use; the request's set of written registers follows.
pub fn avoid_high_register(
    code: &mut Code<Inst>,
    request: &mut FrameRequest,
    allocatable: PRegSet,
) {
    if !request.written.contains(HIGH) {
        return;
    }
    let pinned = pinned_registers(code);
    if pinned.contains(HIGH) {
        return;
    }
    let unused = |reg: &&PReg| !request.written.contains(**reg) && allocatable.contains(**reg);
    let other = match LOW.iter().find(unused) {
        Some(&free) => free,
        None => match cheapest_high_register(code, request.written) {
            HIGH => return,
            other => other,
        },
    };
    if pinned.contains(other) {
        return;
    }
    for inst in &mut code.insts {
        exchange(inst, HIGH, other);
    }
    if !request.written.contains(other) {
        request.written.remove(HIGH);
        request.written.add(other);
    }
}

/// The one of the `used` registers whose instructions lose the fewest 16-bit encodings if it becomes r8.
fn cheapest_high_register(code: &Code<Inst>, used: PRegSet) -> PReg {
    let mut losses = [0; 9];
    for inst in &code.insts {
        let mentioned = mentioned_registers(inst);
        for reg in LOW.into_iter().chain([HIGH]) {
            if mentioned.contains(reg) && loses_as_high(inst, reg, mentioned) {
                losses[reg.hw_enc()] += 1;
            }
        }
    }
    // Among equals r8 itself, so that nothing changes for nothing.
    let candidates = [HIGH].into_iter().chain(LOW).filter(|&reg| used.contains(reg));
    candidates.min_by_key(|reg| losses[reg.hw_enc()]).unwrap_or(HIGH)
}

/// Whether an instruction that mentions `reg` has a 16-bit encoding if all its registers are low,
/// and has none if `reg` is r8.
fn loses_as_high(inst: &Inst, reg: PReg, mentioned: PRegSet) -> bool {
    let mut low = inst.clone();
    // At most four registers occur, so a low one is left for r8.
    if let Some(free) = LOW.into_iter().find(|&low| !mentioned.contains(low)) {
        exchange(&mut low, HIGH, free);
    }
    let mut high = inst.clone();
    exchange(&mut high, HIGH, reg);
    // What is still to be expanded will mostly be short with low registers.
    let expands = encode(&low, false).is_none() && !inst.is_call();
    expands || shortest_is_16_bit(&low) && !shortest_is_16_bit(&high)
}

/// The registers that operands are fixed to or that calls clobber.
fn pinned_registers(code: &mut Code<Inst>) -> PRegSet {
    let mut pinned = Pinned::default();
    for inst in &mut code.insts {
        inst.visit_operands(&mut pinned);
    }
    pinned.regs
}

fn exchange(inst: &mut Inst, a: PReg, b: PReg) {
    let (a, b) = (Reg::from(a), Reg::from(b));
    inst.visit_operands(&mut |reg: &mut Reg, _: OperandKind| {
        if *reg == a {
            *reg = b;
        } else if *reg == b {
            *reg = a;
        }
    });
}

fn mentioned_registers(inst: &Inst) -> PRegSet {
    let mut mentioned = PRegSet::empty();
    inst.clone().visit_operands(&mut |reg: &mut Reg, _: OperandKind| {
        if let Some(preg) = reg.as_preg() {
            mentioned.add(preg);
        }
    });
    mentioned
}

#[derive(Default)]
struct Pinned {
    regs: PRegSet,
}

impl OperandVisitor for Pinned {
    fn add_operand(
        &mut self,
        _: &mut Reg,
        constraint: OperandConstraint,
        _: OperandKind,
        _: OperandPos,
    ) {
        if let OperandConstraint::FixedReg(preg) = constraint {
            self.regs.add(preg);
        }
    }

    fn reg_clobbers(&mut self, clobbers: PRegSet) {
        self.regs.union_from(clobbers);
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;
    use crate::inst::args::{AluOp, Operand2};

    fn add(rd: usize, rn: usize) -> Inst {
        alu(AluOp::Add, rd, rn, Operand2::Imm(1))
    }

    fn registers(code: &Code<Inst>) -> Vec<usize> {
        let written = |inst: &Inst| match inst {
            Inst::Alu { rd, .. } => rd.to_reg().as_preg().map(|preg| preg.hw_enc()),
            _ => None,
        };
        code.insts.iter().filter_map(written).collect()
    }

    fn run(insts: &[Inst], used: &[usize], allocatable: &[usize]) -> (Vec<usize>, PRegSet) {
        let mut code = code(&[insts]);
        let mut request =
            FrameRequest { written: written(used.iter().copied()), internal: true, ..request() };
        avoid_high_register(&mut code, &mut request, written(allocatable.iter().copied()));
        (registers(&code), request.written)
    }

    #[test]
    fn a_free_low_register_takes_its_place() {
        let (regs, set) = run(&[add(8, 8), add(4, 4)], &[4, 8], &[4, 5, 6, 7, 8]);
        assert_eq!(regs, [5, 4]);
        assert_eq!(set, written([4, 5]));
    }

    #[test]
    fn registers_outside_the_environment_stay_unused() {
        let (regs, _) = run(&[add(8, 8), add(8, 8), add(4, 4)], &[4, 8], &[4, 8]);
        assert_eq!(regs, [4, 4, 8]);
    }

    #[test]
    fn the_least_narrowed_register_becomes_high() {
        let insts = [add(8, 8), add(4, 4), add(5, 5), add(6, 6), mov(7, 0), mov(8, 1)];
        let (regs, set) = run(&insts, &[4, 5, 6, 7, 8], &[]);
        assert_eq!(regs, [7, 4, 5, 6]);
        assert_eq!(set, written([4, 5, 6, 7, 8]));
    }

    #[test]
    fn fixed_registers_stay() {
        let insts = [add(8, 8), ret(&[r(8)])];
        let (regs, _) = run(&insts, &[8], &[4, 5, 6, 7, 8]);
        assert_eq!(regs, [8]);
    }
}
