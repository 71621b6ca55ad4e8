//! Floats as bits in core registers: what the runtime library does for them, the tests before
//! truncation, and the way between the two kinds of registers.
//!
//! The rules stand in `isle/lower_float.isle`. Everything here holds for all floating-point units:
//! a value whose format the unit lacks is in core registers already.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{
    self, InstructionData, MemFlags, Opcode, TrapCode, Type, Value, types,
};
use regalloc2::RegClass;
use smallvec::SmallVec;
use windlass_backend::Trap;
use windlass_backend::isa::InstOutput;
use windlass_backend::lower::Lower;
use windlass_backend::reg::{Reg, ValueRegs};
use windlass_backend::runtime::{Comparison, Float, Int, Rounding, RuntimeCall};

use super::Rules;
use super::pairs::Pair;
use super::runtime::{RuntimeWords, emit_runtime_call};
use super::words::{Word, Words};
use crate::Thumb2;
use crate::inst::args::{AluOp, CmpOp, Cond, FpAluOp, FpSize, LoadOp, Operand2, StoreOp, UnaryOp};
use crate::inst::imms;
use crate::inst::{Inst, WritableReg};

impl Rules<'_, '_> {
    /// The format of a type whose values are in floating-point registers.
    pub fn hard_size(&self, ty: Type) -> Option<FpSize> {
        self.ctx.isa.fp_size(ty)
    }

    pub fn emit_fp_def(&mut self, build: impl FnOnce(WritableReg) -> Inst) -> Reg {
        let rd = self.ctx.temp(RegClass::Float);
        self.ctx.emit(build(rd));
        rd.to_reg()
    }

    // --- Bits ------------------------------------------------------------------------------

    pub fn bits_of(&mut self, value: Value) -> Words {
        let ty = self.ctx.func.dfg.value_type(value);
        match self.hard_size(ty) {
            Some(size) => {
                let reg = self.ctx.put_in_reg(value);
                words_of_regs(fp_to_core(self.ctx, size, reg))
            }
            None if ty.bits() == 64 => self.words(value),
            None => Words { low: Word::Reg(self.ctx.put_in_reg(value)), high: Word::Known(0) },
        }
    }

    pub fn output_bits(&mut self, ty: Type, bits: Words) -> InstOutput {
        let low = self.word_reg(bits.low);
        let regs = match ty.bits() {
            64 => ValueRegs::Two(low, self.word_reg(bits.high)),
            _ => ValueRegs::One(low),
        };
        let regs = match self.hard_size(ty) {
            Some(_) => ValueRegs::One(self.emit_fp_def(|rd| core_to_fp(rd, regs))),
            None => regs,
        };
        InstOutput::from_elem(regs, 1)
    }

    // --- The unit --------------------------------------------------------------------------

    pub fn fp_constant(&mut self, size: FpSize, bits: u64) -> Reg {
        if let Some(imm8) = imms::fp_imm8(bits, size) {
            return self.emit_fp_def(|rd| Inst::FpImm { size, rd, imm8 });
        }
        let low = self.constant_reg(bits as u32);
        let regs = match size {
            FpSize::F32 => ValueRegs::One(low),
            FpSize::F64 if bits >> 32 == bits & 0xffff_ffff => ValueRegs::Two(low, low),
            FpSize::F64 => ValueRegs::Two(low, self.constant_reg((bits >> 32) as u32)),
        };
        self.emit_fp_def(|rd| core_to_fp(rd, regs))
    }

    pub fn fp_cmp(&mut self, size: FpSize, x: Value, y: Value) {
        let is_zero = |bits: u64| bits << 1 == 0 || size == FpSize::F32 && bits as u32 == 1 << 31;
        let with_zero = self.ctx.constant(y).is_some_and(is_zero);
        let rn = self.ctx.put_in_reg(x);
        let rm = (!with_zero).then(|| self.ctx.put_in_reg(y));
        self.ctx.emit(Inst::FpCmp { size, rn, rm });
    }

    /// `vminnm` and `vmaxnm` need only be told of NaNs. Without them: of equal operands, which may
    /// be zeros of either sign, the bits of both or the bits of one; a sum is a NaN if an operand is.
    pub fn fp_extreme(&mut self, op: FpAluOp, size: FpSize, x: Reg, y: Reg) -> Reg {
        let nan = self.emit_fp_def(|rd| Inst::FpAlu { op: FpAluOp::Add, size, rd, rn: x, rm: y });
        if self.ctx.isa.settings.has_fpv5() {
            let number = self.emit_fp_def(|rd| Inst::FpAlu { op, size, rd, rn: x, rm: y });
            self.ctx.emit(Inst::FpCmp { size, rn: x, rm: Some(y) });
            return self.fp_select(Cond::Vs, size, nan, number);
        }
        let (join, y_wins) = match op {
            FpAluOp::MinNum => (AluOp::Orr, Cond::Gt),
            _ => (AluOp::And, Cond::Mi),
        };
        let rn = fp_to_core(self.ctx, size, x).get(0);
        let op2 = Operand2::Reg(fp_to_core(self.ctx, size, y).get(0));
        let bits = self.emit_def(|rd| Inst::Alu { op: join, s: false, rd, rn, op2 });
        let equal = self.emit_fp_def(|rd| core_to_fp(rd, ValueRegs::One(bits)));
        self.ctx.emit(Inst::FpCmp { size, rn: x, rm: Some(y) });
        let ordered = self.fp_select(y_wins, size, y, x);
        let number = self.fp_select(Cond::Eq, size, equal, ordered);
        self.fp_select(Cond::Vs, size, nan, number)
    }

    /// x if the condition holds, else y.
    pub fn fp_select(&mut self, cond: Cond, size: FpSize, x: Reg, y: Reg) -> Reg {
        if self.ctx.isa.settings.has_fpv5() {
            if let Cond::Eq | Cond::Vs | Cond::Ge | Cond::Gt = cond {
                return self.emit_fp_def(|rd| Inst::FpSelect { cond, size, rd, rn: x, rm: y });
            }
            if let Cond::Ne | Cond::Vc | Cond::Lt | Cond::Le = cond {
                let cond = cond.invert();
                return self.emit_fp_def(|rd| Inst::FpSelect { cond, size, rd, rn: y, rm: x });
            }
        }
        self.emit_fp_def(|rd| Inst::CondFpMov { cond, size, rd, rm: x, if_not: y })
    }

    /// `vldr` faults on addresses that are no multiple of 4.
    pub fn load_fp(&mut self, size: FpSize, flags: MemFlags, address: Value, offset: i32) -> Reg {
        let addr = self.pair_address(address, offset);
        if self.is_word_aligned(flags, address, addr) {
            return self.emit_fp_def(|rt| Inst::FpLoad { size, rt, addr });
        }
        let regs = match size {
            FpSize::F32 => ValueRegs::One(self.emit_def(|rt| {
                let op = LoadOp::Ldr;
                Inst::Load { op, rt, addr }
            })),
            FpSize::F64 => {
                let Pair { low, high } = self.load_words(flags, address, offset);
                ValueRegs::Two(low, high)
            }
        };
        self.emit_fp_def(|rd| core_to_fp(rd, regs))
    }

    pub fn store_fp(
        &mut self,
        size: FpSize,
        flags: MemFlags,
        rt: Reg,
        address: Value,
        offset: i32,
    ) {
        let addr = self.pair_address(address, offset);
        if self.is_word_aligned(flags, address, addr) {
            return self.ctx.emit(Inst::FpStore { size, rt, addr });
        }
        match fp_to_core(self.ctx, size, rt) {
            ValueRegs::One(rt) => self.ctx.emit(Inst::Store { op: StoreOp::Str, rt, addr }),
            ValueRegs::Two(low, high) => self.store_each(Pair { low, high }, addr),
        }
    }

    // --- Truncation ------------------------------------------------------------------------

    /// Traps on what has no place in the integer type. Of bit patterns as integers: the positive
    /// floats too large are the greatest signed ones, the negative floats too small the greatest
    /// unsigned ones, NaNs apart.
    pub fn trap_unless_in_range(&mut self, signed: bool, to: Type, x: Value) {
        let from = Float::of(self.ctx.func.dfg.value_type(x));
        let (Some(from), Some(to)) = (from, Int::of(to, signed)) else { return };
        let bits = self.bits_of(x);
        let magnitude = match from {
            Float::F32 => {
                let low = self.alu_words(AluOp::Bic, bits.low, Word::Known(1 << 31));
                Words { low, ..bits }
            }
            Float::F64 => {
                let high = self.alu_words(AluOp::Bic, bits.high, Word::Known(1 << 31));
                Words { high, ..bits }
            }
        };
        let (positive, negative) = first_out_of_range(from, to);
        let nan = from.infinity() + 1;
        for (bits, signed, bound, code) in [
            (magnitude, false, nan, TrapCode::BAD_CONVERSION_TO_INTEGER),
            (bits, true, positive, TrapCode::INTEGER_OVERFLOW),
            (bits, false, negative, TrapCode::INTEGER_OVERFLOW),
        ] {
            let cond = match from {
                Float::F32 => self.compare_at_least(bits.low, bound as u32, signed),
                Float::F64 => {
                    let cc = match signed {
                        true => IntCC::SignedGreaterThanOrEqual,
                        false => IntCC::UnsignedGreaterThanOrEqual,
                    };
                    self.compare_order(cc, bits, known_words(bound))
                }
            };
            self.ctx.emit(Inst::TrapIf { cond, trap: Trap::from_clif(code) });
        }
    }

    /// `word >= n`, or `word > n - 1` if only that is an immediate.
    fn compare_at_least(&mut self, word: Word, n: u32, signed: bool) -> Cond {
        let rn = self.word_reg(word);
        let at_least = if signed { Cond::Ge } else { Cond::Hs };
        let above = if signed { Cond::Gt } else { Cond::Hi };
        let immediate = |n, cond| imms::cmp_imm(CmpOp::Cmp, n).map(|(op, n)| (op, n, cond));
        match immediate(n, at_least).or_else(|| immediate(n.wrapping_sub(1), above)) {
            Some((op, n, cond)) => {
                self.emit_cmp(op, rn, Operand2::Imm(n));
                cond
            }
            None => {
                let n = self.constant_reg(n);
                self.emit_cmp(CmpOp::Cmp, rn, Operand2::Reg(n));
                at_least
            }
        }
    }

    // --- The runtime library ---------------------------------------------------------------

    /// Lowers to a call of a routine; None if there is none.
    pub fn lower_by_runtime(&mut self, inst: ir::Inst) -> Option<InstOutput> {
        let func = self.ctx.func;
        let data = func.dfg.insts[inst];
        let args = func.dfg.inst_args(inst);
        let ty = func.dfg.value_type(func.dfg.inst_results(inst).first().copied()?);
        let from = func.dfg.value_type(*args.first()?);
        if let InstructionData::FloatCompare { cond, .. } = data {
            let holds = self.compare_by_runtime(Float::of(from)?, cond, [args[0], args[1]]);
            return Some(InstOutput::from_elem(ValueRegs::One(holds), 1));
        }
        let call = runtime_call(data.opcode(), from, ty)?;
        if let RuntimeCall::ToInt { to, .. } = call {
            self.trap_unless_in_range(to.signed(), ty, args[0]);
        }
        let args: RuntimeWords = args
            .iter()
            .flat_map(|&arg| self.runtime_argument(arg, data.opcode() == Opcode::FcvtFromSint))
            .collect();
        let results = emit_runtime_call(self.ctx, call, &args);
        let high = results.get(1).map_or(Word::Known(0), |&reg| Word::Reg(reg));
        Some(self.output_bits(ty, Words { low: Word::Reg(results[0]), high }))
    }

    /// A value's words in registers that a call can take.
    fn runtime_argument(&mut self, value: Value, signed: bool) -> SmallVec<[Reg; 2]> {
        let ty = self.ctx.func.dfg.value_type(value);
        if let Some(size) = self.hard_size(ty) {
            let reg = self.ctx.put_in_reg(value);
            return fp_to_core(self.ctx, size, reg).iter().collect();
        }
        if ty.bits() < 32 {
            let reg = match signed {
                true => self.extended(value, UnaryOp::Sxtb, UnaryOp::Sxth),
                false => self.extended(value, UnaryOp::Uxtb, UnaryOp::Uxth),
            };
            return SmallVec::from_elem(reg, 1);
        }
        self.ctx.put_in_vregs(value).iter().map(Reg::from).collect()
    }

    /// 0 or 1.
    fn compare_by_runtime(&mut self, float: Float, cc: FloatCC, args: [Value; 2]) -> Reg {
        let (comparisons, inverted) = comparisons(cc);
        let mut holds = None;
        for &comparison in comparisons {
            let words: RuntimeWords =
                args.iter().flat_map(|&arg| self.runtime_argument(arg, false)).collect();
            let call = RuntimeCall::Compare(float, comparison);
            let answer = Word::Reg(emit_runtime_call(self.ctx, call, &words)[0]);
            holds = Some(match holds {
                Some(other) => self.alu_words(AluOp::Orr, other, answer),
                None => answer,
            });
        }
        let holds = holds.unwrap_or(Word::Known(0));
        let holds = match inverted {
            true => self.alu_words(AluOp::Eor, holds, Word::Known(1)),
            false => holds,
        };
        self.word_reg(holds)
    }
}

/// The routine for an operation of the first operand's type and the result's.
fn runtime_call(opcode: Opcode, from: Type, ty: Type) -> Option<RuntimeCall> {
    use RuntimeCall::*;
    let float = || Float::of(ty);
    let to_int = |signed| Some((Float::of(from)?, Int::of(ty, signed)?));
    // Narrow integers come extended.
    let from_int = |signed| Some((Int::of(word_at_least(from), signed)?, Float::of(ty)?));
    Some(match opcode {
        Opcode::Fadd => Add(float()?),
        Opcode::Fsub => Sub(float()?),
        Opcode::Fmul => Mul(float()?),
        Opcode::Fdiv => Div(float()?),
        Opcode::Sqrt => Sqrt(float()?),
        Opcode::Fmin => Min(float()?),
        Opcode::Fmax => Max(float()?),
        Opcode::Ceil => Round(float()?, Rounding::Ceil),
        Opcode::Floor => Round(float()?, Rounding::Floor),
        Opcode::Trunc => Round(float()?, Rounding::Trunc),
        Opcode::Nearest => Round(float()?, Rounding::Nearest),
        Opcode::Fpromote => Promote,
        Opcode::Fdemote => Demote,
        Opcode::FcvtToSint => to_int(true).map(|(from, to)| ToInt { from, to })?,
        Opcode::FcvtToUint => to_int(false).map(|(from, to)| ToInt { from, to })?,
        Opcode::FcvtToSintSat => to_int(true).map(|(from, to)| ToIntSat { from, to })?,
        Opcode::FcvtToUintSat => to_int(false).map(|(from, to)| ToIntSat { from, to })?,
        Opcode::FcvtFromSint => from_int(true).map(|(from, to)| FromInt { from, to })?,
        Opcode::FcvtFromUint => from_int(false).map(|(from, to)| FromInt { from, to })?,
        _ => return None,
    })
}

/// Comparisons of the library of which one holds (or, if so told, none) exactly if `cc` does.
fn comparisons(cc: FloatCC) -> (&'static [Comparison], bool) {
    use Comparison::*;
    match cc {
        FloatCC::Ordered => (&[Unordered], true),
        FloatCC::Unordered => (&[Unordered], false),
        FloatCC::Equal => (&[Equal], false),
        FloatCC::NotEqual => (&[Equal], true),
        FloatCC::OrderedNotEqual => (&[Less, Greater], false),
        FloatCC::UnorderedOrEqual => (&[Less, Greater], true),
        FloatCC::LessThan => (&[Less], false),
        FloatCC::LessThanOrEqual => (&[LessEqual], false),
        FloatCC::GreaterThan => (&[Greater], false),
        FloatCC::GreaterThanOrEqual => (&[GreaterEqual], false),
        FloatCC::UnorderedOrLessThan => (&[GreaterEqual], true),
        FloatCC::UnorderedOrLessThanOrEqual => (&[Greater], true),
        FloatCC::UnorderedOrGreaterThan => (&[LessEqual], true),
        FloatCC::UnorderedOrGreaterThanOrEqual => (&[Less], true),
    }
}

/// The condition after `vcmp` and `vmrs` that holds exactly if `cc` does; None if no single one
/// does (ARMv7-M A7.3, "Conditional execution").
pub fn condition(cc: FloatCC) -> Option<Cond> {
    Some(match cc {
        FloatCC::Equal => Cond::Eq,
        FloatCC::NotEqual => Cond::Ne,
        FloatCC::LessThan => Cond::Mi,
        FloatCC::LessThanOrEqual => Cond::Ls,
        FloatCC::GreaterThan => Cond::Gt,
        FloatCC::GreaterThanOrEqual => Cond::Ge,
        FloatCC::Ordered => Cond::Vc,
        FloatCC::Unordered => Cond::Vs,
        FloatCC::UnorderedOrLessThan => Cond::Lt,
        FloatCC::UnorderedOrLessThanOrEqual => Cond::Le,
        FloatCC::UnorderedOrGreaterThan => Cond::Hi,
        FloatCC::UnorderedOrGreaterThanOrEqual => Cond::Pl,
        FloatCC::OrderedNotEqual | FloatCC::UnorderedOrEqual => return None,
    })
}

/// The bits of the floats nearest to zero, above and below, whose truncation is out of range.
fn first_out_of_range(from: Float, to: Int) -> (u64, u64) {
    let power_of_two = |n: u32| (from.bias() + u64::from(n)) << from.fraction_bits();
    let width = to.ty().bits();
    if !to.signed() {
        return (power_of_two(width), power_of_two(0) | from.sign_bit());
    }
    let limit = power_of_two(width - 1);
    // The least integer itself is in range; one less, or the next float if that is coarser.
    let step = from.fraction_bits().checked_sub(width - 1).map_or(1, |n| 1 << n);
    (limit, (limit + step) | from.sign_bit())
}

fn word_at_least(ty: Type) -> Type {
    if ty.bits() < 32 { types::I32 } else { ty }
}

/// A floating-point register's bits.
pub fn fp_to_core(ctx: &mut Lower<Thumb2>, size: FpSize, rn: Reg) -> ValueRegs<Reg> {
    let rt = ctx.temp(RegClass::Int);
    if size == FpSize::F32 {
        ctx.emit(Inst::FpToCore { rt, rn });
        return ValueRegs::One(rt.to_reg());
    }
    let rt2 = ctx.temp(RegClass::Int);
    ctx.emit(Inst::FpToCorePair { rt, rt2, rn });
    ValueRegs::Two(rt.to_reg(), rt2.to_reg())
}

/// Bits to a floating-point register: one word are an f32, two an f64.
pub fn core_to_fp(rd: WritableReg, bits: ValueRegs<Reg>) -> Inst {
    match bits {
        ValueRegs::One(rt) => Inst::CoreToFp { rd, rt },
        ValueRegs::Two(rt, rt2) => Inst::CorePairToFp { rd, rt, rt2 },
    }
}

fn words_of_regs(regs: ValueRegs<Reg>) -> Words {
    match regs {
        ValueRegs::One(reg) => Words { low: Word::Reg(reg), high: Word::Known(0) },
        ValueRegs::Two(low, high) => Words { low: Word::Reg(low), high: Word::Reg(high) },
    }
}

fn known_words(bits: u64) -> Words {
    Words { low: Word::Known(bits as u32), high: Word::Known((bits >> 32) as u32) }
}
