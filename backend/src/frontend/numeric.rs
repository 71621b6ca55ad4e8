//! Operators that compute: each is one CLIF instruction, or two.

use super::env;
use super::func::FuncTranslator;
use crate::error::Result;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{F32, F64, I8, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Opcode, Type};
use wasmparser::Operator;

impl FuncTranslator<'_, '_, '_> {
    /// Translates an operator that only computes; false if it is none.
    pub fn numeric(&mut self, operator: &Operator<'_>) -> Result<bool> {
        use Operator as O;
        match *operator {
            O::I32Const { value } => {
                let value = env::word(&mut self.builder, value as u32);
                self.push(value);
            }
            O::I64Const { value } => {
                let value = self.builder.ins().iconst(I64, value);
                self.push(value);
            }
            O::F32Const { value } => {
                let value = self.builder.ins().f32const(Ieee32::with_bits(value.bits()));
                self.push(value);
            }
            O::F64Const { value } => {
                let value = self.builder.ins().f64const(Ieee64::with_bits(value.bits()));
                self.push(value);
            }

            O::I32Eqz => self.equal_to_zero(I32)?,
            O::I64Eqz => self.equal_to_zero(I64)?,
            O::I32Eq | O::I64Eq => self.compare(IntCC::Equal)?,
            O::I32Ne | O::I64Ne => self.compare(IntCC::NotEqual)?,
            O::I32LtS | O::I64LtS => self.compare(IntCC::SignedLessThan)?,
            O::I32LtU | O::I64LtU => self.compare(IntCC::UnsignedLessThan)?,
            O::I32GtS | O::I64GtS => self.compare(IntCC::SignedGreaterThan)?,
            O::I32GtU | O::I64GtU => self.compare(IntCC::UnsignedGreaterThan)?,
            O::I32LeS | O::I64LeS => self.compare(IntCC::SignedLessThanOrEqual)?,
            O::I32LeU | O::I64LeU => self.compare(IntCC::UnsignedLessThanOrEqual)?,
            O::I32GeS | O::I64GeS => self.compare(IntCC::SignedGreaterThanOrEqual)?,
            O::I32GeU | O::I64GeU => self.compare(IntCC::UnsignedGreaterThanOrEqual)?,
            O::F32Eq | O::F64Eq => self.compare_floats(FloatCC::Equal)?,
            O::F32Ne | O::F64Ne => self.compare_floats(FloatCC::NotEqual)?,
            O::F32Lt | O::F64Lt => self.compare_floats(FloatCC::LessThan)?,
            O::F32Gt | O::F64Gt => self.compare_floats(FloatCC::GreaterThan)?,
            O::F32Le | O::F64Le => self.compare_floats(FloatCC::LessThanOrEqual)?,
            O::F32Ge | O::F64Ge => self.compare_floats(FloatCC::GreaterThanOrEqual)?,

            O::I32Clz => self.unary(Opcode::Clz, I32)?,
            O::I64Clz => self.unary(Opcode::Clz, I64)?,
            O::I32Ctz => self.unary(Opcode::Ctz, I32)?,
            O::I64Ctz => self.unary(Opcode::Ctz, I64)?,
            O::I32Popcnt => self.unary(Opcode::Popcnt, I32)?,
            O::I64Popcnt => self.unary(Opcode::Popcnt, I64)?,
            O::I32Add => self.binary(Opcode::Iadd, I32)?,
            O::I64Add => self.binary(Opcode::Iadd, I64)?,
            O::I32Sub => self.binary(Opcode::Isub, I32)?,
            O::I64Sub => self.binary(Opcode::Isub, I64)?,
            O::I32Mul => self.binary(Opcode::Imul, I32)?,
            O::I64Mul => self.binary(Opcode::Imul, I64)?,
            // These trap as wasm's do, and srem of the smallest integer by -1 is 0.
            O::I32DivS => self.binary(Opcode::Sdiv, I32)?,
            O::I64DivS => self.binary(Opcode::Sdiv, I64)?,
            O::I32DivU => self.binary(Opcode::Udiv, I32)?,
            O::I64DivU => self.binary(Opcode::Udiv, I64)?,
            O::I32RemS => self.binary(Opcode::Srem, I32)?,
            O::I64RemS => self.binary(Opcode::Srem, I64)?,
            O::I32RemU => self.binary(Opcode::Urem, I32)?,
            O::I64RemU => self.binary(Opcode::Urem, I64)?,
            O::I32And => self.binary(Opcode::Band, I32)?,
            O::I64And => self.binary(Opcode::Band, I64)?,
            O::I32Or => self.binary(Opcode::Bor, I32)?,
            O::I64Or => self.binary(Opcode::Bor, I64)?,
            O::I32Xor => self.binary(Opcode::Bxor, I32)?,
            O::I64Xor => self.binary(Opcode::Bxor, I64)?,
            // CLIF takes shift counts modulo the width, as wasm does.
            O::I32Shl => self.binary(Opcode::Ishl, I32)?,
            O::I64Shl => self.binary(Opcode::Ishl, I64)?,
            O::I32ShrS => self.binary(Opcode::Sshr, I32)?,
            O::I64ShrS => self.binary(Opcode::Sshr, I64)?,
            O::I32ShrU => self.binary(Opcode::Ushr, I32)?,
            O::I64ShrU => self.binary(Opcode::Ushr, I64)?,
            O::I32Rotl => self.binary(Opcode::Rotl, I32)?,
            O::I64Rotl => self.binary(Opcode::Rotl, I64)?,
            O::I32Rotr => self.binary(Opcode::Rotr, I32)?,
            O::I64Rotr => self.binary(Opcode::Rotr, I64)?,

            O::F32Abs => self.unary(Opcode::Fabs, F32)?,
            O::F64Abs => self.unary(Opcode::Fabs, F64)?,
            O::F32Neg => self.unary(Opcode::Fneg, F32)?,
            O::F64Neg => self.unary(Opcode::Fneg, F64)?,
            O::F32Ceil => self.unary(Opcode::Ceil, F32)?,
            O::F64Ceil => self.unary(Opcode::Ceil, F64)?,
            O::F32Floor => self.unary(Opcode::Floor, F32)?,
            O::F64Floor => self.unary(Opcode::Floor, F64)?,
            O::F32Trunc => self.unary(Opcode::Trunc, F32)?,
            O::F64Trunc => self.unary(Opcode::Trunc, F64)?,
            O::F32Nearest => self.unary(Opcode::Nearest, F32)?,
            O::F64Nearest => self.unary(Opcode::Nearest, F64)?,
            O::F32Sqrt => self.unary(Opcode::Sqrt, F32)?,
            O::F64Sqrt => self.unary(Opcode::Sqrt, F64)?,
            O::F32Add => self.binary(Opcode::Fadd, F32)?,
            O::F64Add => self.binary(Opcode::Fadd, F64)?,
            O::F32Sub => self.binary(Opcode::Fsub, F32)?,
            O::F64Sub => self.binary(Opcode::Fsub, F64)?,
            O::F32Mul => self.binary(Opcode::Fmul, F32)?,
            O::F64Mul => self.binary(Opcode::Fmul, F64)?,
            O::F32Div => self.binary(Opcode::Fdiv, F32)?,
            O::F64Div => self.binary(Opcode::Fdiv, F64)?,
            O::F32Min => self.binary(Opcode::Fmin, F32)?,
            O::F64Min => self.binary(Opcode::Fmin, F64)?,
            O::F32Max => self.binary(Opcode::Fmax, F32)?,
            O::F64Max => self.binary(Opcode::Fmax, F64)?,
            O::F32Copysign => self.binary(Opcode::Fcopysign, F32)?,
            O::F64Copysign => self.binary(Opcode::Fcopysign, F64)?,

            O::I32WrapI64 => self.unary(Opcode::Ireduce, I32)?,
            O::I64ExtendI32S => self.unary(Opcode::Sextend, I64)?,
            O::I64ExtendI32U => self.unary(Opcode::Uextend, I64)?,
            O::I32Extend8S => self.sign_extend(I8, I32)?,
            O::I32Extend16S => self.sign_extend(I16, I32)?,
            O::I64Extend8S => self.sign_extend(I8, I64)?,
            O::I64Extend16S => self.sign_extend(I16, I64)?,
            O::I64Extend32S => self.sign_extend(I32, I64)?,
            O::I32TruncF32S | O::I32TruncF64S => self.unary(Opcode::FcvtToSint, I32)?,
            O::I32TruncF32U | O::I32TruncF64U => self.unary(Opcode::FcvtToUint, I32)?,
            O::I64TruncF32S | O::I64TruncF64S => self.unary(Opcode::FcvtToSint, I64)?,
            O::I64TruncF32U | O::I64TruncF64U => self.unary(Opcode::FcvtToUint, I64)?,
            O::I32TruncSatF32S | O::I32TruncSatF64S => self.unary(Opcode::FcvtToSintSat, I32)?,
            O::I32TruncSatF32U | O::I32TruncSatF64U => self.unary(Opcode::FcvtToUintSat, I32)?,
            O::I64TruncSatF32S | O::I64TruncSatF64S => self.unary(Opcode::FcvtToSintSat, I64)?,
            O::I64TruncSatF32U | O::I64TruncSatF64U => self.unary(Opcode::FcvtToUintSat, I64)?,
            O::F32ConvertI32S | O::F32ConvertI64S => self.unary(Opcode::FcvtFromSint, F32)?,
            O::F32ConvertI32U | O::F32ConvertI64U => self.unary(Opcode::FcvtFromUint, F32)?,
            O::F64ConvertI32S | O::F64ConvertI64S => self.unary(Opcode::FcvtFromSint, F64)?,
            O::F64ConvertI32U | O::F64ConvertI64U => self.unary(Opcode::FcvtFromUint, F64)?,
            O::F32DemoteF64 => self.unary(Opcode::Fdemote, F32)?,
            O::F64PromoteF32 => self.unary(Opcode::Fpromote, F64)?,
            O::I32ReinterpretF32 => self.reinterpret(I32)?,
            O::I64ReinterpretF64 => self.reinterpret(I64)?,
            O::F32ReinterpretI32 => self.reinterpret(F32)?,
            O::F64ReinterpretI64 => self.reinterpret(F64)?,

            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `ty` is that of the result.
    fn unary(&mut self, opcode: Opcode, ty: Type) -> Result<()> {
        let arg = self.pop()?;
        let (inst, dfg) = self.builder.ins().Unary(opcode, ty, arg);
        let value = dfg.first_result(inst);
        self.push(value);
        Ok(())
    }

    fn binary(&mut self, opcode: Opcode, ty: Type) -> Result<()> {
        let right = self.pop()?;
        let left = self.pop()?;
        let (inst, dfg) = self.builder.ins().Binary(opcode, ty, left, right);
        let value = dfg.first_result(inst);
        self.push(value);
        Ok(())
    }

    pub fn compare(&mut self, condition: IntCC) -> Result<()> {
        let right = self.pop()?;
        let left = self.pop()?;
        let bit = self.builder.ins().icmp(condition, left, right);
        let value = self.builder.ins().uextend(I32, bit);
        self.push(value);
        Ok(())
    }

    fn compare_floats(&mut self, condition: FloatCC) -> Result<()> {
        let right = self.pop()?;
        let left = self.pop()?;
        let bit = self.builder.ins().fcmp(condition, left, right);
        let value = self.builder.ins().uextend(I32, bit);
        self.push(value);
        Ok(())
    }

    fn equal_to_zero(&mut self, ty: Type) -> Result<()> {
        let zero = self.builder.ins().iconst(ty, 0);
        self.push(zero);
        self.compare(IntCC::Equal)
    }

    fn sign_extend(&mut self, from: Type, to: Type) -> Result<()> {
        let arg = self.pop()?;
        let low = self.builder.ins().ireduce(from, arg);
        let value = self.builder.ins().sextend(to, low);
        self.push(value);
        Ok(())
    }

    fn reinterpret(&mut self, to: Type) -> Result<()> {
        let arg = self.pop()?;
        let value = self.builder.ins().bitcast(to, MemFlagsData::new(), arg);
        self.push(value);
        Ok(())
    }
}

/// Whether an operator computes and cannot trap.
pub fn is_pure(operator: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::I32Const { .. }
            | O::I64Const { .. }
            | O::F32Const { .. }
            | O::F64Const { .. }
            | O::I32Add
            | O::I32Sub
            | O::I32Mul
            | O::I32And
            | O::I32Or
            | O::I32Xor
            | O::I32Shl
            | O::I32ShrS
            | O::I32ShrU
            | O::I32Rotl
            | O::I32Rotr
            | O::I32Extend8S
            | O::I32Extend16S
            | O::I64Add
            | O::I64Sub
            | O::I64Mul
            | O::I64And
            | O::I64Or
            | O::I64Xor
            | O::I64Shl
            | O::I64ShrS
            | O::I64ShrU
            | O::I64Rotl
            | O::I64Rotr
            | O::I64Extend8S
            | O::I64Extend16S
            | O::I64Extend32S
            | O::I32WrapI64
            | O::I64ExtendI32S
            | O::I64ExtendI32U
            | O::F32Add
            | O::F32Sub
            | O::F32Mul
            | O::F32Div
            | O::F64Add
            | O::F64Sub
            | O::F64Mul
            | O::F64Div
            | O::F64PromoteF32
            | O::F32DemoteF64
    )
}
