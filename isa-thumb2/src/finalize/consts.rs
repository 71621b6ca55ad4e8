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
