//! Constant expressions: initial values of globals, offsets and elements of segments.
//!
//! One is folded where it refers to nothing that is known only at instantiation, and is otherwise
//! computed there.

use super::env::{self, Env, GlobalPlace};
use super::memory::Region;
use super::module::{file_offset, malformed};
use super::{opname, types};
use crate::error::{Error, Result};
use crate::module::ValType;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{InstBuilder, Value};
use cranelift_frontend::FunctionBuilder;
use wasmparser::Operator;

/// A constant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Const {
    I32(i32),
    I64(i64),
    /// Its bits.
    F32(u32),
    F64(u64),
    Null,
    /// A reference to the function of this index.
    Func(u32),
}

/// An expression in postfix order.
#[derive(Clone, Debug)]
pub struct ConstExpr {
    steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Operand(Operand),
    Binary(Binary),
}

/// What stands for itself; an element of a segment is nothing else.
#[derive(Clone, Copy, Debug)]
pub enum Operand {
    Const(Const),
    /// The value of this global.
    Global(u32),
}

#[derive(Clone, Copy, Debug)]
enum Binary {
    Add,
    Sub,
    Mul,
}

impl ConstExpr {
    pub fn parse(expr: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr> {
        let constant = |value| Step::Operand(Operand::Const(value));
        let mut steps = Vec::new();
        for item in expr.get_operators_reader().into_iter_with_offsets() {
            let (operator, offset) = item.map_err(malformed)?;
            steps.push(match operator {
                Operator::End => break,
                Operator::I32Const { value } => constant(Const::I32(value)),
                Operator::I64Const { value } => constant(Const::I64(value)),
                Operator::F32Const { value } => constant(Const::F32(value.bits())),
                Operator::F64Const { value } => constant(Const::F64(value.bits())),
                Operator::RefNull { .. } => constant(Const::Null),
                Operator::RefFunc { function_index } => constant(Const::Func(function_index)),
                Operator::GlobalGet { global_index } => {
                    Step::Operand(Operand::Global(global_index))
                }
                Operator::I32Add | Operator::I64Add => Step::Binary(Binary::Add),
                Operator::I32Sub | Operator::I64Sub => Step::Binary(Binary::Sub),
                Operator::I32Mul | Operator::I64Mul => Step::Binary(Binary::Mul),
                other => {
                    let construct = opname::operator_name(&other);
                    return Err(Error::unsupported(construct).at(file_offset(offset)));
                }
            });
        }
        Ok(ConstExpr { steps })
    }

    /// The operand, if the expression is nothing else.
    pub fn operand(&self) -> Option<Operand> {
        match self.steps[..] {
            [Step::Operand(operand)] => Some(operand),
            _ => None,
        }
    }

    /// The functions that it refers to.
    pub fn functions(&self) -> impl Iterator<Item = u32> {
        self.steps.iter().filter_map(|step| match *step {
            Step::Operand(Operand::Const(Const::Func(index))) => Some(index),
            _ => None,
        })
    }

    /// The value, if `globals` knows those that it depends on.
    pub fn fold(&self, globals: &[GlobalPlace]) -> Option<Const> {
        let mut stack = Vec::new();
        for step in &self.steps {
            let value = match *step {
                Step::Operand(operand) => operand.fold(globals)?,
                Step::Binary(op) => {
                    let (b, a) = (stack.pop()?, stack.pop()?);
                    op.apply(a, b)?
                }
            };
            stack.push(value);
        }
        stack.pop()
    }

    /// Computes the value. The globals that it reads have theirs.
    pub fn build(
        &self,
        env: &Env<'_>,
        builder: &mut FunctionBuilder<'_>,
        instance: Value,
    ) -> Result<Value> {
        if let Some(value) = self.fold(&env.globals) {
            return build_constant(env, builder, instance, value);
        }
        let underflow = || Error::internal("a constant expression underflows");
        let mut stack = Vec::new();
        for step in &self.steps {
            let value = match *step {
                Step::Operand(Operand::Const(value)) => {
                    build_constant(env, builder, instance, value)?
                }
                Step::Operand(Operand::Global(index)) => {
                    env.load_global(builder, instance, index)?
                }
                Step::Binary(op) => {
                    let b = stack.pop().ok_or_else(underflow)?;
                    let a = stack.pop().ok_or_else(underflow)?;
                    match op {
                        Binary::Add => builder.ins().iadd(a, b),
                        Binary::Sub => builder.ins().isub(a, b),
                        Binary::Mul => builder.ins().imul(a, b),
                    }
                }
            };
            stack.push(value);
        }
        stack.pop().ok_or_else(underflow)
    }
}

impl Operand {
    /// The value, if it does not depend on instantiation.
    pub fn fold(self, globals: &[GlobalPlace]) -> Option<Const> {
        match self {
            Operand::Const(value) => Some(value),
            Operand::Global(index) => match globals.get(index as usize)? {
                GlobalPlace::Constant(value) => Some(*value),
                _ => None,
            },
        }
    }
}

impl Binary {
    fn apply(self, a: Const, b: Const) -> Option<Const> {
        match (a, b) {
            (Const::I32(a), Const::I32(b)) => Some(Const::I32(match self {
                Binary::Add => a.wrapping_add(b),
                Binary::Sub => a.wrapping_sub(b),
                Binary::Mul => a.wrapping_mul(b),
            })),
            (Const::I64(a), Const::I64(b)) => Some(Const::I64(match self {
                Binary::Add => a.wrapping_add(b),
                Binary::Sub => a.wrapping_sub(b),
                Binary::Mul => a.wrapping_mul(b),
            })),
            _ => None,
        }
    }
}

/// The constant as a CLIF value.
pub fn build_constant(
    env: &Env<'_>,
    builder: &mut FunctionBuilder<'_>,
    instance: Value,
    value: Const,
) -> Result<Value> {
    use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
    Ok(match value {
        Const::I32(value) => env::word(builder, value as u32),
        Const::I64(value) => builder.ins().iconst(types::clif_type(ValType::I64), value),
        Const::F32(bits) => builder.ins().f32const(Ieee32::with_bits(bits)),
        Const::F64(bits) => builder.ins().f64const(Ieee64::with_bits(bits)),
        Const::Null => env::word(builder, 0),
        Const::Func(index) => {
            let at = env.funcref_offset(index)?;
            let at = builder.ins().iconst(I32, i64::from(at));
            builder.ins().iadd(instance, at)
        }
    })
}

impl Env<'_> {
    /// The value of a global.
    pub fn load_global(
        &self,
        builder: &mut FunctionBuilder<'_>,
        instance: Value,
        index: u32,
    ) -> Result<Value> {
        let ty = types::clif_type(self.global_type(index)?.ty);
        Ok(match self.global_place(index)? {
            GlobalPlace::Constant(value) => build_constant(self, builder, instance, value)?,
            GlobalPlace::Instance(at) => {
                env::load_field(builder, Region::Global(index), ty, instance, at)
            }
            GlobalPlace::Imported(at) => {
                let pointer = env::load_pointer(builder, instance, at);
                env::load_field(builder, Region::ImportedGlobals, ty, pointer, 0)
            }
        })
    }
}
