//! Constants: the shortest or fastest way to put 32 bits into a register.

use super::frame::Insts;
use crate::inst::args::Operand2;
use crate::inst::imms::mov_imm;
use crate::inst::{Imm16, Inst, WritableReg};
use std::collections::HashMap;
use windlass_backend::compiled::RelocTarget;
use windlass_backend::isa::Code;

/// `rd = value` by one mov or mvn, else by movw and movt: two cycles, as a literal load takes from
/// memory without wait states, and flash has some.
pub fn gen_const(rd: WritableReg, value: u32, code: &mut Insts) {
    if let Some((op, imm)) = mov_imm(value) {
        code.push(Inst::Mov { op, s: false, rd, op2: Operand2::Imm(imm) });
        return;
    }
    code.push(Inst::MovW { rd, imm: Imm16::Value(value as u16) });
    code.push(Inst::MovT { rd, ra: rd.to_reg(), imm: Imm16::Value((value >> 16) as u16) });
}

/// `rd = ` the address of a symbol.
pub fn gen_symbol(rd: WritableReg, target: RelocTarget, code: &mut Insts) {
    code.push(Inst::MovW { rd, imm: Imm16::Symbol(target.clone()) });
    code.push(Inst::MovT { rd, ra: rd.to_reg(), imm: Imm16::Symbol(target) });
}

/// The constants that cost fewer bytes as literals.
///
/// movw + movt are 8 bytes each time; a literal is 4 bytes in the pool, once, and 2 bytes for each
/// load to a low register or 4 to another.
#[derive(Default)]
pub struct Literals {
    /// Bytes of all loads of a value.
    loads: HashMap<u32, (u32, u32)>,
}

impl Literals {
    /// For `-O size`: counts the uses of every constant.
    pub fn collect(code: &Code<Inst>) -> Literals {
        let mut literals = Literals::default();
        for inst in &code.insts {
            if let Inst::LoadConst { rd, value } = *inst
                && mov_imm(value).is_none()
            {
                let (uses, bytes) = literals.loads.entry(value).or_default();
                *uses += 1;
                *bytes += if is_low(rd) { 2 } else { 4 };
            }
        }
        literals
    }

    /// `rd = value` in the fewest bytes.
    pub fn gen_const(&self, rd: WritableReg, value: u32, code: &mut Insts) {
        match self.loads.get(&value) {
            Some(&(uses, bytes)) if bytes + 4 < 8 * uses => {
                code.push(Inst::LoadLiteral { rt: rd, value });
            }
            _ => gen_const(rd, value, code),
        }
    }
}

fn is_low(rd: WritableReg) -> bool {
    rd.to_reg().as_preg().is_some_and(|preg| preg.hw_enc() < 8)
}

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;

    fn loads(of: &[(usize, u32)]) -> Code<Inst> {
        let insts: Vec<_> =
            of.iter().map(|&(rd, value)| Inst::LoadConst { rd: w(rd), value }).collect();
        code(&[&insts])
    }

    fn is_literal(literals: &Literals, rd: usize, value: u32) -> bool {
        let mut insts = Insts::new();
        literals.gen_const(w(rd), value, &mut insts);
        matches!(insts[..], [Inst::LoadLiteral { .. }])
    }

    #[test]
    fn every_constant_arrives() {
        for value in [0, 255, 0xffff, 0x1_0000, 0x12_3456, 0xff00_ff00, !0x1234, 0xdead_beef, !0] {
            let mut insts = Insts::new();
            gen_const(w(4), value, &mut insts);
            insts.push(Inst::BxLr);
            let mut machine = Machine::new();
            machine.run(&code(&[&insts]));
            assert_eq!(machine.regs[4], value);
        }
    }

    #[test]
    fn literals_are_for_low_registers_or_shared() {
        let literals = Literals::collect(&loads(&[(0, 0xdead_beef), (8, 0xcafe_babe), (1, 7)]));
        assert!(is_literal(&literals, 0, 0xdead_beef));
        assert!(!is_literal(&literals, 8, 0xcafe_babe));
        assert!(!is_literal(&literals, 1, 7));
        let shared = Literals::collect(&loads(&[(8, 0xcafe_babe), (8, 0xcafe_babe)]));
        assert!(is_literal(&shared, 8, 0xcafe_babe));
    }
}
