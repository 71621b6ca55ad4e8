//! 64-bit division: traps inline, then the run-time ABI's routine.
//!
//! The routine leaves the quotient in r0:r1 and the remainder in r2:r3 (RTABI 4.3.1). The quotient
//! of INT_MIN by -1 wraps there, with remainder 0, which is what `srem` wants.

use cranelift_codegen::ir::{TrapCode, Value};
use windlass_backend::Trap;
use windlass_backend::reg::Reg;
use windlass_backend::runtime::RuntimeCall;

use super::Rules;
use super::runtime::emit_runtime_call;
use super::words::{Half, Word, Words};
use crate::inst::Inst;
use crate::inst::args::{AluOp, CmpOp, Cond, Operand2};

/// What is wanted of a division.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DivisionPart {
    Quotient,
    Remainder,
}

impl Rules<'_, '_> {
    pub fn divide(&mut self, signed: bool, part: DivisionPart, x: Value, y: Value) -> Words {
        if !signed && let Some(words) = self.divide_words(part, x, y) {
            return words;
        }
        if self.ctx.constant(y).is_none_or(|n| n == 0) {
            self.trap_if_divisor_zero(y);
        }
        if signed
            && part == DivisionPart::Quotient
            && self.ctx.constant(y).is_none_or(|n| n == u64::MAX)
        {
            self.trap_if_quotient_overflows(x, y);
        }
        self.call_division(signed, part, x, y)
    }

    /// Both operands below 2^32: the processor divides.
    fn divide_words(&mut self, part: DivisionPart, x: Value, y: Value) -> Option<Words> {
        let zero = Word::Known(0);
        if self.word(x, Half::High) != zero || self.word(y, Half::High) != zero {
            return None;
        }
        let divisor = match self.word(y, Half::Low) {
            Word::Known(n) if n != 0 => self.constant_reg(n),
            word => {
                let reg = self.word_reg(word);
                self.ctx.emit(Inst::TrapIfZero {
                    nonzero: false,
                    rn: reg,
                    trap: Trap::IntegerDivideByZero,
                });
                reg
            }
        };
        let dividend = self.word_in_reg(x, Half::Low);
        let low = self.emit_def(|rd| Inst::Div { signed: false, rd, rn: dividend, rm: divisor });
        let low = match part {
            DivisionPart::Quotient => low,
            DivisionPart::Remainder => self.emit_def(|rd| Inst::MulAcc {
                op: crate::inst::args::MulAccOp::Mls,
                rd,
                rn: low,
                rm: divisor,
                ra: dividend,
            }),
        };
        Some(Words { low: Word::Reg(low), high: zero })
    }

    fn trap_if_divisor_zero(&mut self, y: Value) {
        self.compare_zero(y);
        let trap = Trap::from_clif(TrapCode::INTEGER_DIVISION_BY_ZERO);
        self.ctx.emit(Inst::TrapIf { cond: Cond::Eq, trap });
    }

    /// The divisor is all ones, and the dividend INT_MIN.
    fn trap_if_quotient_overflows(&mut self, x: Value, y: Value) {
        let (x, y) = (self.pair(x), self.pair(y));
        let ones = self.emit_alu(AluOp::And, false, y.low, Operand2::Reg(y.high));
        self.emit_cmp(CmpOp::Cmn, ones, Operand2::Imm(1));
        for (rn, n) in [(x.high, 1 << 31), (x.low, 0)] {
            let op2 = Operand2::Imm(n);
            self.ctx.emit(Inst::CondCmp { cond: Cond::Eq, op: CmpOp::Cmp, rn, op2 });
        }
        let trap = Trap::from_clif(TrapCode::INTEGER_OVERFLOW);
        self.ctx.emit(Inst::TrapIf { cond: Cond::Eq, trap });
    }

    fn call_division(&mut self, signed: bool, part: DivisionPart, x: Value, y: Value) -> Words {
        let (x, y) = (self.ctx.put_in_vregs(x), self.ctx.put_in_vregs(y));
        let args = [x.get(0), x.get(1), y.get(0), y.get(1)].map(Reg::from);
        let results = emit_runtime_call(self.ctx, RuntimeCall::DivRem { signed }, &args);
        let first = match part {
            DivisionPart::Quotient => 0,
            DivisionPart::Remainder => 2,
        };
        Words { low: Word::Reg(results[first]), high: Word::Reg(results[first + 1]) }
    }
}
