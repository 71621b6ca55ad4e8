//! 64-bit arithmetic over pairs of words: carries, products, shifts, comparisons, selections.
//!
//! Flags live from an instruction to the next few. What goes between writer and reader
//! (constants, shifts by `mov`) leaves them alone; still operands come first.

use cranelift_codegen::ir::condcodes::{CondCode, IntCC};
use cranelift_codegen::ir::{InstructionData, Opcode, Value};
use windlass_backend::reg::Reg;

use super::words::{Half, Word, Words, flag_setting_imm, operands_in_order};
use super::{Rules, condition};
use crate::inst::Inst;
use crate::inst::args::{AluOp, CmpOp, Cond, MovOp, MulAccOp, Operand2, ShiftOp};
use crate::inst::imms::{self, is_mod_imm};

/// A pair of registers, low word first.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    pub low: Reg,
    pub high: Reg,
}

/// An instruction short of its destination.
type Operation = (AluOp, Reg, Operand2);

impl Rules<'_, '_> {
    pub fn pair_of(&mut self, words: Words) -> Pair {
        Pair { low: self.word_reg(words.low), high: self.word_reg(words.high) }
    }

    pub fn pair(&mut self, value: Value) -> Pair {
        let regs = self.ctx.put_in_regs(value);
        Pair { low: regs.get(0), high: regs.get(1) }
    }

    // --- Addition and subtraction ----------------------------------------------------------

    pub fn add_words(&mut self, x: Words, y: Words) -> Words {
        let (x_low, y_low) = operands_in_order(x.low, y.low);
        let (x_high, y_high) = operands_in_order(x.high, y.high);
        if y_low == Word::Known(0) {
            return Words { low: x_low, high: self.alu_words(AluOp::Add, x_high, y_high) };
        }
        let low = self.low_operation(AluOp::Add, x_low, y_low);
        let high = self.carry_operation(AluOp::Adc, x_high, y_high);
        self.emit_carry_chain(low, high)
    }

    pub fn sub_words(&mut self, x: Words, y: Words) -> Words {
        if y.low == Word::Known(0) {
            return Words { low: x.low, high: self.alu_words(AluOp::Sub, x.high, y.high) };
        }
        let reversed = match (x.low, y.low) {
            (Word::Known(n), _) => is_mod_imm(n),
            (Word::Shifted(..), Word::Reg(_)) => true,
            _ => false,
        };
        let low = if reversed {
            self.low_operation(AluOp::Rsb, y.low, x.low)
        } else {
            self.low_operation(AluOp::Sub, x.low, y.low)
        };
        let high = match (x.high, y.high) {
            // There is no rsc: 0 - y - !C is y - 2 * y - !C.
            (Word::Known(0), Word::Reg(_) | Word::Shifted(..)) => {
                let rn = self.word_reg(y.high);
                (AluOp::Sbc, rn, Operand2::Shifted(rn, ShiftOp::Lsl, 1))
            }
            (x, y) => self.carry_operation(AluOp::Sbc, x, y),
        };
        self.emit_carry_chain(low, high)
    }

    /// Add, sub or rsb so that the carry comes out right.
    fn low_operation(&mut self, op: AluOp, x: Word, y: Word) -> Operation {
        let rn = self.word_reg(x);
        if let Word::Known(n) = y
            && let Some((op, n)) = flag_setting_imm(op, n)
        {
            return (op, rn, Operand2::Imm(n));
        }
        (op, rn, self.word_op2(y))
    }

    /// Adc or sbc.
    fn carry_operation(&mut self, op: AluOp, x: Word, y: Word) -> Operation {
        let rn = self.word_reg(x);
        if let Word::Known(n) = y
            && let Some((op, n)) = imms::alu_imm(op, n)
        {
            return (op, rn, Operand2::Imm(n));
        }
        (op, rn, self.word_op2(y))
    }

    fn emit_carry_chain(&mut self, low: Operation, high: Operation) -> Words {
        let low = self.emit_alu(low.0, true, low.1, low.2);
        let high = self.emit_alu(high.0, false, high.1, high.2);
        Words { low: Word::Reg(low), high: Word::Reg(high) }
    }

    /// The sum and a trap if it does not fit.
    pub fn add_words_flags(&mut self, x: Words, y: Words) -> Words {
        let rn = self.pair_of(x);
        let rm = self.pair_of(y);
        let low = self.emit_alu(AluOp::Add, true, rn.low, Operand2::Reg(rm.low));
        let high = self.emit_alu(AluOp::Adc, true, rn.high, Operand2::Reg(rm.high));
        Words { low: Word::Reg(low), high: Word::Reg(high) }
    }

    /// Flips the value where the sign is set, then subtracts the sign.
    pub fn absolute(&mut self, x: Value) -> Words {
        let x = self.pair(x);
        let sign = Word::Shifted(x.high, ShiftOp::Asr, 31);
        let flipped = Words {
            low: self.alu_words(AluOp::Eor, Word::Reg(x.low), sign),
            high: self.alu_words(AluOp::Eor, Word::Reg(x.high), sign),
        };
        self.sub_words(flipped, Words { low: sign, high: sign })
    }

    // --- Multiplication --------------------------------------------------------------------

    fn mul_long(&mut self, signed: bool, rn: Reg, rm: Reg) -> Pair {
        let (rd_lo, rd_hi) = (self.temp(), self.temp());
        self.ctx.emit(Inst::MulLong { signed, rd_lo, rd_hi, rn, rm });
        Pair { low: rd_lo.to_reg(), high: rd_hi.to_reg() }
    }

    fn mul_long_acc(&mut self, signed: bool, rn: Reg, rm: Reg, acc: Pair) -> Pair {
        let (rd_lo, rd_hi) = (self.temp(), self.temp());
        let (ra_lo, ra_hi) = (self.reusable(acc.low), self.reusable(acc.high));
        self.ctx.emit(Inst::MulLongAcc { signed, rd_lo, rd_hi, rn, rm, ra_lo, ra_hi });
        Pair { low: rd_lo.to_reg(), high: rd_hi.to_reg() }
    }

    fn mul_long_to(&mut self, signed: bool, rn: Reg, rm: Reg, acc: Option<Pair>) -> Pair {
        match acc {
            Some(acc) => self.mul_long_acc(signed, rn, rm, acc),
            None => self.mul_long(signed, rn, rm),
        }
    }

    /// The low 64 bits of x * y + acc.
    pub fn mul_words(&mut self, x: Value, y: Value, acc: Option<Value>) -> Pair {
        let acc = acc.map(|acc| self.pair(acc));
        for signed in [true, false] {
            let rn = self.extended_word(x, signed);
            if let (Some(rn), Some(rm)) = (rn, self.extended_word(y, signed)) {
                return self.mul_long_to(signed, rn, rm, acc);
            }
        }
        let rn = self.word_in_reg(x, Half::Low);
        let rm = self.word_in_reg(y, Half::Low);
        let product = self.mul_long_to(false, rn, rm, acc);
        let high = self.add_product(product.high, rn, (y, Half::High));
        let high = self.add_product(high, rm, (x, Half::High));
        Pair { low: product.low, high }
    }

    /// acc + rn * a word, modulo 2^32.
    fn add_product(&mut self, acc: Reg, rn: Reg, (value, half): (Value, Half)) -> Reg {
        match self.word(value, half) {
            Word::Known(0) => acc,
            Word::Known(1) => self.emit_alu(AluOp::Add, false, acc, Operand2::Reg(rn)),
            Word::Known(u32::MAX) => self.emit_alu(AluOp::Sub, false, acc, Operand2::Reg(rn)),
            _ => {
                let rm = self.word_in_reg(value, half);
                self.emit_def(|rd| Inst::MulAcc { op: MulAccOp::Mla, rd, rn, rm, ra: acc })
            }
        }
    }

    /// The high 64 bits of the product, unsigned. Schoolbook: each accumulation has a carry word
    /// of its own, which cannot overflow, since (2^32 - 1)^2 + 2 * (2^32 - 1) < 2^64.
    pub fn umulhi_words(&mut self, x: Value, y: Value) -> Words {
        let (x_low, x_high) = (self.word_in_reg(x, Half::Low), self.word_in_reg(x, Half::High));
        let (y_low, y_high) = (self.word_in_reg(y, Half::Low), self.word_in_reg(y, Half::High));
        let carry = self.mul_long(false, x_low, y_low).high;
        let first = self.mul_add_word(x_low, y_high, carry);
        let second = self.mul_add_word(x_high, y_low, first.low);
        let top = self.mul_add_word(x_high, y_high, first.high);
        self.add_words(words(top), Words { low: Word::Reg(second.high), high: Word::Known(0) })
    }

    /// rn * rm + a word, unsigned.
    fn mul_add_word(&mut self, rn: Reg, rm: Reg, word: Reg) -> Pair {
        let zero = self.constant_reg(0);
        self.mul_long_acc(false, rn, rm, Pair { low: word, high: zero })
    }

    /// The same, signed: the middle products take one word as signed and one as unsigned, which is
    /// the unsigned product less the unsigned word where the signed one is negative.
    pub fn smulhi_words(&mut self, x: Value, y: Value) -> Words {
        let (x_low, x_high) = (self.word_in_reg(x, Half::Low), self.word_in_reg(x, Half::High));
        let (y_low, y_high) = (self.word_in_reg(y, Half::Low), self.word_in_reg(y, Half::High));
        let (x_sign, y_sign) = (self.word(x, Half::High), self.word(y, Half::High));
        let carry = self.mul_long(false, x_low, y_low).high;
        let first = self.mul_add_word(x_low, y_high, carry);
        let first_high = self.sub_if_negative(first.high, x_low, y_sign);
        let second = self.mul_add_word(x_high, y_low, first.low);
        let second_high = self.sub_if_negative(second.high, y_low, x_sign);
        let first_sign = self.word_reg(Word::Shifted(first_high, ShiftOp::Asr, 31));
        let acc = Pair { low: first_high, high: first_sign };
        let top = self.mul_long_acc(true, x_high, y_high, acc);
        let second_sign = Word::Shifted(second_high, ShiftOp::Asr, 31);
        self.add_words(words(top), Words { low: Word::Reg(second_high), high: second_sign })
    }

    /// from - (sign < 0 ? word : 0).
    fn sub_if_negative(&mut self, from: Reg, word: Reg, sign: Word) -> Reg {
        let mask = self.shift_word(ShiftOp::Asr, sign, 31);
        let less = self.alu_words(AluOp::And, Word::Reg(word), mask);
        let result = self.alu_words(AluOp::Sub, Word::Reg(from), less);
        self.word_reg(result)
    }

    // --- Shifts ----------------------------------------------------------------------------

    /// By a constant modulo 64.
    pub fn shift_words(&mut self, op: ShiftOp, x: Words, n: u8) -> Words {
        let n = n & 63;
        let sign = |rules: &mut Self| match op {
            ShiftOp::Asr => rules.shift_word(ShiftOp::Asr, x.high, 31),
            _ => Word::Known(0),
        };
        match (op, n) {
            (_, 0) => x,
            (ShiftOp::Lsl, 1) if matches!((x.low, x.high), (Word::Reg(_), Word::Reg(_))) => {
                self.add_words(x, x)
            }
            (ShiftOp::Lsl, 1..32) => {
                let low = self.shift_word(op, x.low, n);
                Words { low, high: self.funnel(op, x.high, x.low, n) }
            }
            (ShiftOp::Lsl, _) => {
                Words { low: Word::Known(0), high: self.shift_word(op, x.low, n - 32) }
            }
            (ShiftOp::Lsr | ShiftOp::Asr, 1..32) => {
                let low = self.funnel(ShiftOp::Lsr, x.low, x.high, n);
                Words { low, high: self.shift_word(op, x.high, n) }
            }
            (ShiftOp::Lsr | ShiftOp::Asr, _) => {
                Words { low: self.shift_word(op, x.high, n - 32), high: sign(self) }
            }
            (ShiftOp::Ror, 32..) => {
                self.shift_words(op, Words { low: x.high, high: x.low }, n - 32)
            }
            (ShiftOp::Ror, _) => Words {
                low: self.funnel(ShiftOp::Lsr, x.low, x.high, n),
                high: self.funnel(ShiftOp::Lsr, x.high, x.low, n),
            },
        }
    }

    /// `word` shifted by 1-31 with bits from `from` moving in.
    fn funnel(&mut self, op: ShiftOp, word: Word, from: Word, n: u8) -> Word {
        let back = if op == ShiftOp::Lsl { ShiftOp::Lsr } else { ShiftOp::Lsl };
        let kept = self.shift_word(op, word, n);
        let moved = self.shift_word(back, from, 32 - n);
        self.alu_words(AluOp::Orr, kept, moved)
    }

    /// By an amount of 0-63 in a register, without branches: register shifts take the low byte and
    /// yield zero (or the sign) from 32 on, so a word's two sources for small and for large
    /// amounts can be or'ed.
    pub fn shift_words_by(&mut self, op: ShiftOp, x: Words, n: Reg) -> Words {
        let (near, far) = if op == ShiftOp::Lsl { (x.high, x.low) } else { (x.low, x.high) };
        let back = if op == ShiftOp::Lsl { ShiftOp::Lsr } else { ShiftOp::Lsl };
        let less = self.emit_alu(AluOp::Rsb, false, n, Operand2::Imm(32));
        let moved = self.shift_word_by(back, far, less);
        let kept = self.shift_word_by(if op == ShiftOp::Asr { ShiftOp::Lsr } else { op }, near, n);
        let small = self.alu_words(AluOp::Orr, kept, moved);
        let arithmetic = op == ShiftOp::Asr && !matches!(far, Word::Known(m) if m < 1 << 31);
        let more = self.emit_alu(AluOp::Sub, arithmetic, n, Operand2::Imm(32));
        let large = self.shift_word_by(op, far, more);
        // Of an arithmetic shift the sign comes in, so that the larger amounts choose.
        let crossed = if arithmetic {
            Word::Reg(self.select_words(Cond::Pl, large, small))
        } else {
            self.alu_words(AluOp::Orr, small, large)
        };
        let outer = self.shift_word_by(op, far, n);
        if op == ShiftOp::Lsl {
            Words { low: outer, high: crossed }
        } else {
            Words { low: crossed, high: outer }
        }
    }

    /// Rotates right (or left) by any amount: words change places from 32 on, the rest is a shift
    /// of each with bits of the other.
    pub fn rotate_words_by(&mut self, op: ShiftOp, x: Words, amount: Reg) -> Words {
        let back = if op == ShiftOp::Lsl { ShiftOp::Lsr } else { ShiftOp::Lsl };
        self.emit_cmp(CmpOp::Tst, amount, Operand2::Imm(32));
        let low = self.select_words(Cond::Ne, x.high, x.low);
        let high = self.select_words(Cond::Ne, x.low, x.high);
        let n = self.emit_alu(AluOp::And, false, amount, Operand2::Imm(31));
        let less = self.emit_alu(AluOp::Rsb, false, n, Operand2::Imm(32));
        let mut rotated = |word: Reg, from: Reg| {
            let kept = self.shift_word_by(op, Word::Reg(word), n);
            let moved = self.shift_word_by(back, Word::Reg(from), less);
            self.alu_words(AluOp::Orr, kept, moved)
        };
        Words { low: rotated(low, high), high: rotated(high, low) }
    }

    // --- Comparison ------------------------------------------------------------------------

    pub fn emit_cmp(&mut self, op: CmpOp, rn: Reg, op2: Operand2) {
        self.ctx.emit(Inst::Cmp { op, rn, op2 });
    }

    /// Sets the flags; the answered condition then tells.
    pub fn compare_values(&mut self, cc: IntCC, x: Value, y: Value) -> Cond {
        let (cc, x, y) = match self.ctx.constant(x) {
            Some(_) => (cc.swap_args(), y, x),
            None => (cc, x, y),
        };
        if matches!(cc, IntCC::Equal | IntCC::NotEqual) {
            return self.compare_equal(cc, x, y);
        }
        let (x_words, y_words) = (self.words(x), self.words(y));
        let greater = match cc {
            IntCC::SignedGreaterThan | IntCC::SignedLessThanOrEqual => i64::MAX as u64,
            IntCC::UnsignedGreaterThan | IntCC::UnsignedLessThanOrEqual => u64::MAX,
            _ => return self.compare_order(cc, x_words, y_words),
        };
        // x > n is x >= n + 1; else x > y is y < x.
        match self.ctx.constant(y) {
            Some(n) if n != greater => {
                let n = n.wrapping_add(1);
                let next =
                    Words { low: Word::Known(n as u32), high: Word::Known((n >> 32) as u32) };
                let cc = match cc {
                    IntCC::SignedGreaterThan => IntCC::SignedGreaterThanOrEqual,
                    IntCC::SignedLessThanOrEqual => IntCC::SignedLessThan,
                    IntCC::UnsignedGreaterThan => IntCC::UnsignedGreaterThanOrEqual,
                    _ => IntCC::UnsignedLessThan,
                };
                self.compare_order(cc, x_words, next)
            }
            _ => self.compare_order(cc.swap_args(), y_words, x_words),
        }
    }

    /// Less than, or greater or equal.
    pub fn compare_order(&mut self, cc: IntCC, x: Words, y: Words) -> Cond {
        if x.high == Word::Known(0) && y.high == Word::Known(0) {
            self.compare_words(x.low, y.low);
            return condition(cc.unsigned());
        }
        // Nothing is below a zero.
        if y.low == Word::Known(0) {
            self.compare_words(x.high, y.high);
            return condition(cc);
        }
        let (op, rn, op2) = self.carry_operation(AluOp::Sbc, x.high, y.high);
        self.compare_words(x.low, y.low);
        self.emit_alu(op, true, rn, op2);
        condition(cc)
    }

    /// `cmp`, or `cmn` where that sets the same flags.
    fn comparison(&mut self, x: Word, y: Word) -> (CmpOp, Reg, Operand2) {
        let rn = self.word_reg(x);
        if let Word::Known(n) = y
            && let Some((op, n)) = imms::cmp_imm(CmpOp::Cmp, n)
        {
            return (op, rn, Operand2::Imm(n));
        }
        (CmpOp::Cmp, rn, self.word_op2(y))
    }

    fn compare_words(&mut self, x: Word, y: Word) {
        let (op, rn, op2) = self.comparison(x, y);
        self.emit_cmp(op, rn, op2);
    }

    fn compare_equal(&mut self, cc: IntCC, x: Value, y: Value) -> Cond {
        match self.ctx.constant(y) {
            Some(0) => self.compare_zero(x),
            Some(u64::MAX) => self.compare_ones(x),
            _ => {
                let (x, y) = (self.words(x), self.words(y));
                self.compare_both(x, y);
            }
        }
        condition(cc)
    }

    fn compare_both(&mut self, x: Words, y: Words) {
        let (x_low, y_low) = operands_in_order(x.low, y.low);
        let (x_high, y_high) = operands_in_order(x.high, y.high);
        let known = |x, y| matches!(x, Word::Known(_)) && x == y;
        if known(x_high, y_high) {
            return self.compare_words(x_low, y_low);
        }
        if known(x_low, y_low) {
            return self.compare_words(x_high, y_high);
        }
        let (op, rn, op2) = self.comparison(x_high, y_high);
        self.compare_words(x_low, y_low);
        self.ctx.emit(Inst::CondCmp { cond: Cond::Eq, op, rn, op2 });
    }

    /// Sets Z as x is zero.
    pub fn compare_zero(&mut self, x: Value) {
        if let Some((a, b)) = self.conjunction(x) {
            return self.test_words(a, b);
        }
        let x = self.words(x);
        let (low, high) = operands_in_order(x.low, x.high);
        if high == Word::Known(0) {
            return self.compare_words(low, high);
        }
        self.merge_flags(AluOp::Orr, low, high);
    }

    fn merge_flags(&mut self, op: AluOp, low: Word, high: Word) {
        let rn = self.word_reg(low);
        let op2 = self.word_op2(high);
        self.emit_alu(op, true, rn, op2);
    }

    fn conjunction(&mut self, x: Value) -> Option<(Words, Words)> {
        let inst = self.ctx.pure_def(x)?;
        match self.ctx.func.dfg.insts[inst] {
            InstructionData::Binary { opcode: Opcode::Band, args: [a, b] } => {
                Some((self.words(a), self.words(b)))
            }
            _ => None,
        }
    }

    /// Sets Z as x & y is zero.
    fn test_words(&mut self, x: Words, y: Words) {
        let (x_low, y_low) = operands_in_order(x.low, y.low);
        let (x_high, y_high) = operands_in_order(x.high, y.high);
        let high = self.test_word(x_high, y_high);
        let low = self.test_word(x_low, y_low);
        let emit = |rules: &mut Self, (op, rn, op2)| rules.emit_cmp(op, rn, op2);
        match (low, high) {
            (Some(low), Some((op, rn, op2))) => {
                emit(self, low);
                self.ctx.emit(Inst::CondCmp { cond: Cond::Eq, op, rn, op2 });
            }
            (Some(only), None) | (None, Some(only)) => emit(self, only),
            (None, None) => self.compare_words(Word::Known(0), Word::Known(0)),
        }
    }

    /// The test of x & y, unless that is surely zero.
    fn test_word(&mut self, x: Word, y: Word) -> Option<(CmpOp, Reg, Operand2)> {
        match (x, y) {
            (Word::Known(0), _) | (_, Word::Known(0)) => None,
            (_, Word::Known(u32::MAX)) => Some(self.comparison(x, Word::Known(0))),
            (_, Word::Known(n)) if is_mod_imm(n) => {
                Some((CmpOp::Tst, self.word_reg(x), Operand2::Imm(n)))
            }
            _ => {
                let rn = self.word_reg(x);
                Some((CmpOp::Tst, rn, self.word_op2(y)))
            }
        }
    }

    /// Sets Z as all bits of x are ones.
    fn compare_ones(&mut self, x: Value) {
        let x = self.words(x);
        let (low, high) = operands_in_order(x.low, x.high);
        let both = self.alu_words(AluOp::And, low, high);
        self.compare_words(both, Word::Known(u32::MAX));
    }

    // --- Selection -------------------------------------------------------------------------

    /// x if the condition holds, else y.
    pub fn select_words(&mut self, cond: Cond, x: Word, y: Word) -> Reg {
        let (cond, op2, if_not) = self.choice(cond, x, y);
        self.emit_choice(cond, op2, if_not)
    }

    /// The same for pairs, the two moves side by side.
    pub fn select_pairs(&mut self, cond: Cond, x: Words, y: Words) -> Words {
        if x.low == y.low {
            return Words { low: x.low, high: Word::Reg(self.select_words(cond, x.high, y.high)) };
        }
        if x.high == y.high {
            return Words { low: Word::Reg(self.select_words(cond, x.low, y.low)), high: x.high };
        }
        let low = self.choice(cond, x.low, y.low);
        let high = self.choice(cond, x.high, y.high);
        Words {
            low: Word::Reg(self.emit_choice(low.0, low.1, low.2)),
            high: Word::Reg(self.emit_choice(high.0, high.1, high.2)),
        }
    }

    fn choice(&mut self, cond: Cond, x: Word, y: Word) -> (Cond, Operand2, Reg) {
        match (x, y) {
            (_, Word::Known(n)) if is_mod_imm(n) && !matches!(x, Word::Known(_)) => {
                (cond.invert(), Operand2::Imm(n), self.word_reg(x))
            }
            (Word::Known(n), _) if is_mod_imm(n) => (cond, Operand2::Imm(n), self.word_reg(y)),
            _ => {
                let reg = self.word_reg(x);
                (cond, Operand2::Reg(reg), self.word_reg(y))
            }
        }
    }

    fn emit_choice(&mut self, cond: Cond, op2: Operand2, if_not: Reg) -> Reg {
        let if_not = self.reusable(if_not);
        self.emit_def(|rd| Inst::CondMov { cond, op: MovOp::Mov, rd, op2, if_not })
    }

    /// The smaller or, with the greater-or-equal of `cc`, the larger.
    pub fn select_compared_values(&mut self, cc: IntCC, x: Value, y: Value) -> Words {
        let (x, y) = (self.words(x), self.words(y));
        let cond = self.compare_order(cc, x, y);
        self.select_pairs(cond, x, y)
    }
}

pub fn words(pair: Pair) -> Words {
    Words { low: Word::Reg(pair.low), high: Word::Reg(pair.high) }
}
