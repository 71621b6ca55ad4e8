//! The two words of an i64 as operands: what is known of each, and single-word operations that
//! make use of it.
//!
//! Looking at a word instead of a register is what makes an i64 cheap: extensions, shifts by a
//! word or more, masks and constants leave words that are zero, copies or shifted copies, and an
//! operation on such a word is often no instruction at all.

use cranelift_codegen::ir::{self, InstructionData, Opcode, Value, types};
use windlass_backend::lower::ValueUse;
use windlass_backend::reg::Reg;

use super::Rules;
use crate::inst::Inst;
use crate::inst::args::{AluOp, MovOp, Operand2, ShiftOp, UnaryOp};
use crate::inst::imms::{self, is_mod_imm};

/// One word of an i64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Word {
    Known(u32),
    Reg(Reg),
    /// By 1-31.
    Shifted(Reg, ShiftOp, u8),
}

/// A value's two words, low first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Words {
    pub low: Word,
    pub high: Word,
}

/// Which word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Half {
    Low = 0,
    High = 1,
}

/// How far back rules look for what is known of a word.
const DEPTH: u32 = 4;

impl Rules<'_, '_> {
    pub fn words(&mut self, value: Value) -> Words {
        Words { low: self.word(value, Half::Low), high: self.word(value, Half::High) }
    }

    pub fn word(&mut self, value: Value, half: Half) -> Word {
        self.word_within(value, half, DEPTH)
    }

    fn word_within(&mut self, value: Value, half: Half, depth: u32) -> Word {
        match self.known_word(value, half, depth) {
            Some(word) => word,
            None => Word::Reg(self.ctx.put_in_regs(value).get(half as usize)),
        }
    }

    /// The word by what defines the value, if that is no more work than reading its register.
    fn known_word(&mut self, value: Value, half: Half, depth: u32) -> Option<Word> {
        if let Some(bits) = self.ctx.constant(value) {
            return Some(Word::Known((bits >> (32 * half as u32)) as u32));
        }
        let func = self.ctx.func;
        let inst = func.dfg.value_def(func.dfg.resolve_aliases(value)).inst()?;
        let depth = depth.checked_sub(1)?;
        match func.dfg.insts[inst] {
            InstructionData::Unary { opcode: Opcode::Uextend, arg } => match half {
                Half::Low => self.same_word(arg),
                Half::High => Some(Word::Known(0)),
            },
            InstructionData::Unary { opcode: Opcode::Sextend, arg } => match half {
                Half::Low => self.same_word(arg),
                Half::High => Some(self.sign_of(value, depth)),
            },
            InstructionData::Load { opcode, .. } if half == Half::High => match opcode {
                Opcode::Uload8 | Opcode::Uload16 | Opcode::Uload32 => Some(Word::Known(0)),
                Opcode::Sload8 | Opcode::Sload16 | Opcode::Sload32 => {
                    Some(self.sign_of(value, depth))
                }
                _ => None,
            },
            InstructionData::Binary { opcode: Opcode::Iconcat, args } => {
                self.same_word(args[half as usize])
            }
            InstructionData::Binary { opcode, args: [x, y] } => {
                self.known_word_of_binary(value, opcode, [x, y], half, depth)
            }
            _ => None,
        }
    }

    /// A 32-bit value as a word. The memory's size may change between here and there.
    fn same_word(&mut self, value: Value) -> Option<Word> {
        if self.ctx.func.dfg.value_type(value) != types::I32 {
            return None;
        }
        if let Some(n) = self.constant_of(value) {
            return Some(Word::Known(n));
        }
        let reg = self.ctx.put_in_reg(value);
        reg.is_virtual().then_some(Word::Reg(reg))
    }

    /// 32 copies of the top bit of the value's low word.
    fn sign_of(&mut self, value: Value, depth: u32) -> Word {
        let low = self.word_within(value, Half::Low, depth);
        self.shift_word(ShiftOp::Asr, low, 31)
    }

    fn known_word_of_binary(
        &mut self,
        value: Value,
        opcode: Opcode,
        [x, y]: [Value; 2],
        half: Half,
        depth: u32,
    ) -> Option<Word> {
        let n = self.ctx.constant(y)?;
        let half_of_n = (n >> (32 * half as u32)) as u32;
        match (opcode, half_of_n) {
            (Opcode::Band, 0) => return Some(Word::Known(0)),
            (Opcode::Band, u32::MAX) | (Opcode::Bor | Opcode::Bxor, 0) => {
                return Some(self.word_within(x, half, depth));
            }
            _ => {}
        }
        let n = match (opcode, half, (n & 63) as u8) {
            // The sign alone, by whatever amount.
            (Opcode::Sshr, Half::High, 32..) => 31,
            (_, _, n) => n,
        };
        let (op, from) = match (opcode, half, n) {
            (Opcode::Ishl, Half::Low, 32..) | (Opcode::Ushr, Half::High, 32..) => {
                return Some(Word::Known(0));
            }
            (Opcode::Ishl, Half::High, 32..) => (ShiftOp::Lsl, Half::Low),
            (Opcode::Ushr, Half::Low, 32..) => (ShiftOp::Lsr, Half::High),
            (Opcode::Sshr, Half::Low, 32..) => (ShiftOp::Asr, Half::High),
            (Opcode::Ishl, Half::Low, 1..) => (ShiftOp::Lsl, Half::Low),
            (Opcode::Ushr, Half::High, 1..) => (ShiftOp::Lsr, Half::High),
            (Opcode::Sshr, Half::High, 1..32) => (ShiftOp::Asr, Half::High),
            _ => return None,
        };
        // Else the shifted word is in a register for the other users.
        if n & 31 != 0 && self.ctx.value_use(value) != ValueUse::Once {
            return None;
        }
        match self.word_within(x, from, depth) {
            Word::Shifted(..) if n & 31 != 0 => None,
            word => Some(self.shift_word(op, word, n & 31)),
        }
    }

    /// The 32-bit value of which this is the extension.
    pub fn extended_word(&mut self, value: Value, signed: bool) -> Option<Reg> {
        if let Some(bits) = self.ctx.constant(value) {
            let fits = if signed { bits as i32 as i64 as u64 == bits } else { bits >> 32 == 0 };
            return fits.then(|| self.constant_reg(bits as u32));
        }
        let func = self.ctx.func;
        let inst = func.dfg.value_def(func.dfg.resolve_aliases(value)).inst()?;
        let opcode = func.dfg.insts[inst].opcode();
        let extends = match opcode {
            Opcode::Sextend | Opcode::Sload8 | Opcode::Sload16 | Opcode::Sload32 => signed,
            Opcode::Uload8 | Opcode::Uload16 => true,
            Opcode::Uextend if self.argument_bits(inst) < 32 => true,
            _ => !signed && self.known_word(value, Half::High, DEPTH) == Some(Word::Known(0)),
        };
        if !extends {
            return None;
        }
        let low = self.word(value, Half::Low);
        Some(self.word_reg(low))
    }

    /// A word in a register: its own, if it takes an instruction to make and there are more users.
    pub fn word_in_reg(&mut self, value: Value, half: Half) -> Reg {
        match self.word(value, half) {
            Word::Shifted(..) if self.ctx.value_use(value) != ValueUse::Once => {
                self.ctx.put_in_regs(value).get(half as usize)
            }
            word => self.word_reg(word),
        }
    }

    fn argument_bits(&self, inst: ir::Inst) -> u32 {
        let dfg = &self.ctx.func.dfg;
        dfg.inst_args(inst).first().map_or(0, |&arg| dfg.value_type(arg).bits())
    }

    // --- One word --------------------------------------------------------------------------

    pub fn constant_reg(&mut self, value: u32) -> Reg {
        self.emit_def(|rd| Inst::LoadConst { rd, value })
    }

    pub fn word_reg(&mut self, word: Word) -> Reg {
        match word {
            Word::Known(value) => self.constant_reg(value),
            Word::Reg(reg) => reg,
            Word::Shifted(reg, op, n) => self.emit_def(|rd| Inst::Mov {
                op: MovOp::Mov,
                s: false,
                rd,
                op2: Operand2::Shifted(reg, op, n),
            }),
        }
    }

    /// A register or shifted register; constants go to a register.
    pub fn word_op2(&mut self, word: Word) -> Operand2 {
        match word {
            Word::Shifted(reg, op, n) => Operand2::Shifted(reg, op, n),
            _ => Operand2::Reg(self.word_reg(word)),
        }
    }

    pub fn emit_alu(&mut self, op: AluOp, s: bool, rn: Reg, op2: Operand2) -> Reg {
        self.emit_def(|rd| Inst::Alu { op, s, rd, rn, op2 })
    }

    /// By 0-31.
    pub fn shift_word(&mut self, op: ShiftOp, word: Word, n: u8) -> Word {
        match word {
            _ if n == 0 => word,
            Word::Known(value) => Word::Known(match op {
                ShiftOp::Lsl => value << n,
                ShiftOp::Lsr => value >> n,
                ShiftOp::Asr => ((value as i32) >> n) as u32,
                ShiftOp::Ror => value.rotate_right(n.into()),
            }),
            Word::Shifted(reg, ShiftOp::Asr, _) if op == ShiftOp::Asr && n == 31 => {
                Word::Shifted(reg, ShiftOp::Asr, 31)
            }
            _ => Word::Shifted(self.word_reg(word), op, n),
        }
    }

    /// By a register whose low byte may be anything: amounts from 32 shift all out.
    pub fn shift_word_by(&mut self, op: ShiftOp, word: Word, amount: Reg) -> Word {
        if word == Word::Known(0) {
            return word;
        }
        let rn = self.word_reg(word);
        Word::Reg(self.emit_def(|rd| Inst::ShiftReg { op, s: false, rd, rn, rm: amount }))
    }

    /// Add, sub and the logical operations, without flags.
    pub fn alu_words(&mut self, op: AluOp, x: Word, y: Word) -> Word {
        use AluOp::*;
        let (x, y) = match op {
            Add | And | Orr | Eor => operands_in_order(x, y),
            _ => (x, y),
        };
        let Word::Known(n) = y else {
            if op == Sub && x == Word::Known(0) {
                let rn = self.word_reg(y);
                return Word::Reg(self.emit_alu(Rsb, false, rn, Operand2::Imm(0)));
            }
            if matches!(op, Orr | Eor | Add) && x == Word::Known(0) {
                return y;
            }
            let rn = self.word_reg(x);
            let op2 = self.word_op2(y);
            return Word::Reg(self.emit_alu(op, false, rn, op2));
        };
        if let Word::Known(m) = x {
            return Word::Known(evaluate(op, m, n));
        }
        match (op, n) {
            (Bic, n) => return self.alu_words(And, x, Word::Known(!n)),
            (Orn, n) => return self.alu_words(Orr, x, Word::Known(!n)),
            (Add | Sub | Orr | Eor, 0) | (And, u32::MAX) => return x,
            (And, 0) | (Orr, u32::MAX) => return y,
            (Eor, u32::MAX) => return self.not_word(x),
            _ => {}
        }
        let rn = self.word_reg(x);
        Word::Reg(self.alu_constant(op, rn, n))
    }

    fn alu_constant(&mut self, op: AluOp, rn: Reg, n: u32) -> Reg {
        if op == AluOp::And
            && let Some(reg) = self.mask(rn, n)
        {
            return reg;
        }
        if let Some((op, n)) = imms::alu_imm(op, n) {
            return self.emit_alu(op, false, rn, Operand2::Imm(n));
        }
        let op2 = Operand2::Reg(self.constant_reg(n));
        self.emit_alu(op, false, rn, op2)
    }

    /// Masks that extensions and bit fields make.
    fn mask(&mut self, rn: Reg, n: u32) -> Option<Reg> {
        let width = n.trailing_ones() as u8;
        match n {
            0xff => Some(self.emit_def(|rd| Inst::Unary { op: UnaryOp::Uxtb, rd, rm: rn })),
            0xffff => Some(self.emit_def(|rd| Inst::Unary { op: UnaryOp::Uxth, rd, rm: rn })),
            _ if n.count_ones() == u32::from(width) => {
                Some(self.emit_def(|rd| Inst::BitExtract { signed: false, rd, rn, lsb: 0, width }))
            }
            _ => None,
        }
    }

    pub fn not_word(&mut self, word: Word) -> Word {
        if let Word::Known(n) = word {
            return Word::Known(!n);
        }
        let op2 = self.word_op2(word);
        Word::Reg(self.emit_def(|rd| Inst::Mov { op: MovOp::Mvn, s: false, rd, op2 }))
    }
}

/// Of a commutative operation: the constant or the shifted operand second.
pub fn operands_in_order(x: Word, y: Word) -> (Word, Word) {
    match (x, y) {
        (Word::Known(_), Word::Reg(_) | Word::Shifted(..)) | (Word::Shifted(..), Word::Reg(_)) => {
            (y, x)
        }
        _ => (x, y),
    }
}

fn evaluate(op: AluOp, x: u32, y: u32) -> u32 {
    match op {
        AluOp::Add | AluOp::Adc => x.wrapping_add(y),
        AluOp::Sub | AluOp::Sbc => x.wrapping_sub(y),
        AluOp::Rsb => y.wrapping_sub(x),
        AluOp::And => x & y,
        AluOp::Orr => x | y,
        AluOp::Eor => x ^ y,
        AluOp::Bic => x & !y,
        AluOp::Orn => x | !y,
    }
}

/// `op{s} rn, #n` that sets the carry as `op` does, for add and sub.
pub fn flag_setting_imm(op: AluOp, n: u32) -> Option<(AluOp, u32)> {
    let flipped = match op {
        AluOp::Add => AluOp::Sub,
        AluOp::Sub => AluOp::Add,
        _ => return is_mod_imm(n).then_some((op, n)),
    };
    match n {
        _ if is_mod_imm(n) => Some((op, n)),
        _ if is_mod_imm(n.wrapping_neg()) => Some((flipped, n.wrapping_neg())),
        _ => None,
    }
}
