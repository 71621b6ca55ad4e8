//! Narrowing: instructions take a form that has a 16-bit encoding where registers and immediates
//! allow it.
//!
//! Most 16-bit data processing sets the flags, so an instruction may take such a form where the
//! flags are dead: nothing reads them before they are written again. They are dead at the end of
//! every block (see `inst`), hence one backward walk over each block knows.

use crate::inst::Inst;
use crate::inst::args::{AluOp, MovOp, Operand2, ShiftOp, UnaryOp};
use crate::inst::encode::is_16_bit;
use crate::inst::imms::flip_alu_imm;
use smallvec::SmallVec;
use windlass_backend::isa::Code;

type Candidates = SmallVec<[Inst; 4]>;

pub fn narrow(code: &mut Code<Inst>) {
    for block in 0..code.num_blocks() {
        let mut live = false;
        for index in code.block_range(block).rev() {
            let inst = &mut code.insts[index];
            if let Some(short) = shorter(inst, live) {
                *inst = short;
            }
            // A conditional comparison reads what it may leave in place.
            live = inst.reads_flags() || live && !inst.writes_flags();
        }
    }
}

/// A 16-bit instruction with the same effect, if `inst` is longer. It changes flags only if they
/// are not live.
fn shorter(inst: &Inst, flags_live: bool) -> Option<Inst> {
    let mut candidates = Candidates::new();
    add_candidates(inst, &mut candidates);
    if candidates.is_empty() || is_16_bit(inst) {
        return None;
    }
    let harmless = |other: &Inst| !flags_live || other.writes_flags() == inst.writes_flags();
    candidates.into_iter().find(|other| harmless(other) && is_16_bit(other))
}

/// Whether narrowing can give an instruction a 16-bit form where flags are dead.
pub fn shortest_is_16_bit(inst: &Inst) -> bool {
    is_16_bit(inst) || shorter(inst, false).is_some()
}

/// Instructions with the same effect on registers; those that set flags set them alike if `inst`
/// does.
fn add_candidates(inst: &Inst, to: &mut Candidates) {
    match *inst {
        Inst::Alu { op, s, rd, rn, op2 } => {
            to.push(Inst::Alu { op, s: true, rd, rn, op2 });
            match op2 {
                Operand2::Reg(rm) if op == AluOp::Rsb => {
                    let op2 = Operand2::Reg(rn);
                    to.push(Inst::Alu { op: AluOp::Sub, s: true, rd, rn: rm, op2 });
                }
                Operand2::Imm(value) if !s => add_immediate_candidates(inst, value, to),
                _ => {}
            }
        }
        Inst::Mov { op, s: false, rd, op2 } => to.push(Inst::Mov { op, s: true, rd, op2 }),
        Inst::ShiftReg { op, s: false, rd, rn, rm } => {
            to.push(Inst::ShiftReg { op, s: true, rd, rn, rm });
        }
        Inst::Mul { s: false, rd, rn, rm } if rd.to_reg() == rn || rd.to_reg() == rm => {
            to.push(Inst::Mul { s: true, rd, rn, rm });
        }
        Inst::BitExtract { signed, rd, rn, lsb, width } => {
            let op = match (lsb, width, signed) {
                (0, 8, false) => UnaryOp::Uxtb,
                (0, 8, true) => UnaryOp::Sxtb,
                (0, 16, false) => UnaryOp::Uxth,
                (0, 16, true) => UnaryOp::Sxth,
                _ if lsb > 0 && lsb + width == 32 => {
                    let shift = if signed { ShiftOp::Asr } else { ShiftOp::Lsr };
                    let op2 = Operand2::Shifted(rn, shift, lsb);
                    to.push(Inst::Mov { op: MovOp::Mov, s: true, rd, op2 });
                    return;
                }
                _ => return,
            };
            to.push(Inst::Unary { op, rd, rm: rn });
        }
        _ => {}
    }
}

/// Other ways to do an operation with an immediate, where flags do not matter.
fn add_immediate_candidates(inst: &Inst, value: u32, to: &mut Candidates) {
    let Inst::Alu { op, rd, rn, .. } = *inst else { return };
    match (op, value) {
        (AluOp::And, 0xff) => to.push(Inst::Unary { op: UnaryOp::Uxtb, rd, rm: rn }),
        (AluOp::Eor, u32::MAX) => {
            to.push(Inst::Mov { op: MovOp::Mvn, s: true, rd, op2: Operand2::Reg(rn) });
        }
        (AluOp::Add | AluOp::Sub, _) => {
            if let Some((op, value)) = flip_alu_imm(op, value) {
                to.push(Inst::Alu { op, s: true, rd, rn, op2: Operand2::Imm(value) });
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;
    use crate::inst::args::{CmpOp, Cond};

    fn narrowed(insts: &[Inst]) -> Vec<Inst> {
        let mut code = code(&[insts]);
        narrow(&mut code);
        code.insts
    }

    fn add_one(rd: usize) -> Inst {
        alu(AluOp::Add, rd, rd, Operand2::Imm(1))
    }

    #[test]
    fn flags_are_set_where_they_are_dead() {
        assert!(matches!(narrowed(&[add_one(0)])[..], [Inst::Alu { s: true, .. }]));
    }

    #[test]
    fn live_flags_are_kept() {
        let compare = Inst::Cmp { op: CmpOp::Cmp, rn: reg(1), op2: Operand2::Imm(3) };
        let set = Inst::CondSet { cond: Cond::Lt, rd: w(2) };
        let insts = narrowed(&[add_one(0), compare, add_one(0), set, add_one(0)]);
        let sets: Vec<bool> = insts
            .iter()
            .filter_map(|inst| match inst {
                Inst::Alu { s, .. } => Some(*s),
                _ => None,
            })
            .collect();
        assert_eq!(sets, [true, false, true]);
    }

    #[test]
    fn high_registers_stay_without_flags() {
        assert!(matches!(narrowed(&[add_one(8)])[..], [Inst::Alu { s: false, .. }]));
    }

    #[test]
    fn operands_in_either_order_make_two_addresses() {
        for insts in [
            [alu(AluOp::And, 0, 1, Operand2::Reg(reg(0)))],
            [Inst::Mul { s: false, rd: w(0), rn: reg(1), rm: reg(0) }],
            [alu(AluOp::Rsb, 0, 1, Operand2::Reg(reg(2)))],
        ] {
            assert!(narrowed(&insts).iter().all(is_16_bit), "{insts:?}");
        }
    }

    #[test]
    fn all_ones_and_low_bytes_have_shorter_ways() {
        let cases = [
            alu(AluOp::Add, 0, 0, Operand2::Imm(u32::MAX)),
            alu(AluOp::Eor, 0, 1, Operand2::Imm(u32::MAX)),
            alu(AluOp::And, 0, 1, Operand2::Imm(0xff)),
            Inst::BitExtract { signed: true, rd: w(0), rn: reg(1), lsb: 5, width: 27 },
        ];
        for inst in narrowed(&cases) {
            assert!(is_16_bit(&inst), "{inst:?}");
        }
    }
}
