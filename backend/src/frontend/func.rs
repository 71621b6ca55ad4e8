//! One function body: wasm's operators to CLIF, in one pass, over an explicit stack of frames.
//!
//! Memory that translation takes is bounded by a constant times the body's size plus two limits:
//! on operands that branches, blocks and calls carry, and on locals times blocks (the SSA
//! construction keeps a table of that size). Two bytes of wasm may otherwise stand for a thousand
//! operands.

use super::control::{self, Frame};
use super::env::{self, Env, GlobalPlace};
use super::memory::{Checked, Region};
use super::module::{Const, file_offset, malformed};
use super::{opname, types};
use crate::Trap;
use crate::error::{Error, Result};
use crate::module::{FunctionRole, SymbolId};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I16, I32};
use cranelift_codegen::ir::{
    Block, FuncRef, InstBuilder, Opcode, Signature, SourceLoc, Value, types as clif,
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use std::collections::HashMap;
use wasmparser::{FunctionBody, Operator, OperatorsReader};

/// Operands of all branches, blocks and calls of one function.
const MAX_CARRIED: usize = 1 << 23;
/// Locals times CLIF blocks of one function.
const MAX_LOCAL_CELLS: usize = 1 << 26;

/// Translates every body of the module.
pub fn define_functions(env: &mut Env<'_>, context: &mut FunctionBuilderContext) -> Result<()> {
    let imported = env.wasm.imports.len();
    for (body_index, body) in std::mem::take(&mut env.wasm.bodies).into_iter().enumerate() {
        let index = (imported + body_index) as u32;
        define_function(env, context, index, &body).map_err(|e| {
            let name = env.functions.get(index as usize).map_or("", |f| f.name.as_str());
            e.in_function(Some(index), name)
        })?;
    }
    Ok(())
}

fn define_function(
    env: &mut Env<'_>,
    context: &mut FunctionBuilderContext,
    index: u32,
    body: &FunctionBody<'_>,
) -> Result<()> {
    let decl = &env.functions[index as usize];
    let symbol = decl.symbol;
    let name = decl.name.clone();
    let results: Vec<_> = decl.ty.results.iter().map(|&t| types::clif_type(t)).collect();
    let mut clif = env::new_function(symbol, types::internal_signature(&decl.ty));
    let min_bytes = env.interface.memory.as_ref().map_or(0, |memory| memory.min_bytes);

    let mut builder = FunctionBuilder::new(&mut clif, context);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    builder.seal_block(entry);
    let params = builder.block_params(entry).to_vec();
    let (&vmctx, params) =
        params.split_first().ok_or_else(|| Error::internal("a function without an instance"))?;
    let checked = Checked::new(min_bytes);
    let mut translator = FuncTranslator {
        env,
        builder,
        vmctx,
        locals: Vec::new(),
        stack: Vec::new(),
        results: results.len(),
        frames: vec![Frame::function(results, checked.mark())],
        checked,
        reachable: true,
        skipped: 0,
        callees: HashMap::new(),
        carried: 0,
    };
    translator.declare_locals(params, body)?;
    translator.operators(body.get_operators_reader().map_err(malformed)?)?;
    translator.builder.finalize(env::frontend_config());

    let range = body.range();
    let wasm_bytes = file_offset(range.end - range.start);
    env.define(symbol, name, FunctionRole::User { index }, wasm_bytes, clif);
    Ok(())
}

pub struct FuncTranslator<'e, 'a, 'b> {
    pub env: &'e mut Env<'a>,
    pub builder: FunctionBuilder<'b>,
    pub vmctx: Value,
    locals: Vec<Variable>,
    /// wasm's operand stack; of no meaning while the code is unreachable.
    pub stack: Vec<Value>,
    /// Number of the function's results.
    pub results: usize,
    pub frames: Vec<Frame>,
    pub checked: Checked,
    pub reachable: bool,
    /// Frames opened in unreachable code, which have no entry in `frames`.
    skipped: usize,
    callees: HashMap<SymbolId, FuncRef>,
    /// Operands carried so far.
    carried: usize,
}

impl FuncTranslator<'_, '_, '_> {
    /// Parameters, then the body's own locals, which start as zero.
    fn declare_locals(&mut self, params: &[Value], body: &FunctionBody<'_>) -> Result<()> {
        for &param in params {
            let variable = self.builder.declare_var(self.builder.func.dfg.value_type(param));
            self.builder.def_var(variable, param);
            self.locals.push(variable);
        }
        let mut reader = body.get_locals_reader().map_err(malformed)?;
        for _ in 0..reader.get_count() {
            let offset = file_offset(reader.original_position());
            let (count, ty) = reader.read().map_err(malformed)?;
            let ty = types::translated(ty, "a local").map_err(|e| e.at(offset))?;
            let zero = self.builder.ins().iconst(types::clif_type(ty), 0);
            for _ in 0..count {
                let variable = self.builder.declare_var(types::clif_type(ty));
                self.builder.def_var(variable, zero);
                self.locals.push(variable);
            }
        }
        Ok(())
    }

    fn operators(&mut self, operators: OperatorsReader<'_>) -> Result<()> {
        for item in operators.into_iter_with_offsets() {
            let (operator, offset) = item.map_err(malformed)?;
            let offset = file_offset(offset);
            self.builder.set_srcloc(SourceLoc::new(offset));
            let silent = is_silent(&operator);
            if self.reachable {
                self.operator(operator).map_err(|e| e.at(offset))?;
            } else {
                self.skip(operator).map_err(|e| e.at(offset))?;
            }
            if !(silent && self.reachable) {
                self.checked.settle();
            }
        }
        Ok(())
    }

    /// An operator that cannot be reached: only where frames end does code begin again.
    fn skip(&mut self, operator: Operator<'_>) -> Result<()> {
        match operator {
            Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                self.skipped += 1;
            }
            Operator::Else if self.skipped == 0 => self.else_()?,
            Operator::End if self.skipped == 0 => self.end()?,
            Operator::End => self.skipped -= 1,
            _ => {}
        }
        Ok(())
    }

    fn operator(&mut self, operator: Operator<'_>) -> Result<()> {
        use Operator as O;
        match operator {
            O::Nop => {}
            O::Unreachable => self.trap(Trap::Unreachable),
            O::Block { blockty } => self.block(blockty)?,
            O::Loop { blockty } => self.loop_(blockty)?,
            O::If { blockty } => self.if_(blockty)?,
            O::Else => self.else_()?,
            O::End => self.end()?,
            O::Br { relative_depth } => self.br(relative_depth)?,
            O::BrIf { relative_depth } => self.br_if(relative_depth)?,
            O::BrTable { targets } => self.br_table(targets)?,
            O::Return => self.return_()?,
            O::Call { function_index } => self.call(function_index)?,
            O::Drop => {
                self.pop()?;
            }
            O::Select => self.select()?,
            O::TypedSelect { ty } => {
                types::translated(ty, "a select")?;
                self.select()?;
            }

            O::LocalGet { local_index } => {
                let variable = self.local(local_index)?;
                let value = self.builder.use_var(variable);
                self.push(value);
            }
            O::LocalSet { local_index } => {
                let variable = self.local(local_index)?;
                let value = self.pop()?;
                self.builder.def_var(variable, value);
            }
            O::LocalTee { local_index } => {
                let variable = self.local(local_index)?;
                let value = self.pop()?;
                self.builder.def_var(variable, value);
                self.push(value);
            }
            O::GlobalGet { global_index } => self.global_get(global_index)?,
            O::GlobalSet { global_index } => self.global_set(global_index)?,

            O::I32Load { memarg } => self.load(Opcode::Load, I32, I32, memarg)?,
            O::I32Load8U { memarg } => self.load(Opcode::Uload8, I32, I8, memarg)?,
            O::I32Load8S { memarg } => self.load(Opcode::Sload8, I32, I8, memarg)?,
            O::I32Load16U { memarg } => self.load(Opcode::Uload16, I32, I16, memarg)?,
            O::I32Load16S { memarg } => self.load(Opcode::Sload16, I32, I16, memarg)?,
            O::I32Store { memarg } => self.store(Opcode::Store, I32, memarg)?,
            O::I32Store8 { memarg } => self.store(Opcode::Istore8, I8, memarg)?,
            O::I32Store16 { memarg } => self.store(Opcode::Istore16, I16, memarg)?,
            O::MemorySize { mem: 0 } => self.memory_size()?,
            O::MemoryGrow { mem: 0 } => self.memory_grow()?,

            O::I32Const { value } => {
                let value = env::word(&mut self.builder, value as u32);
                self.push(value);
            }
            O::I32Eqz => {
                let zero = env::word(&mut self.builder, 0);
                self.push(zero);
                self.compare(IntCC::Equal)?;
            }
            O::I32Eq => self.compare(IntCC::Equal)?,
            O::I32Ne => self.compare(IntCC::NotEqual)?,
            O::I32LtS => self.compare(IntCC::SignedLessThan)?,
            O::I32LtU => self.compare(IntCC::UnsignedLessThan)?,
            O::I32GtS => self.compare(IntCC::SignedGreaterThan)?,
            O::I32GtU => self.compare(IntCC::UnsignedGreaterThan)?,
            O::I32LeS => self.compare(IntCC::SignedLessThanOrEqual)?,
            O::I32LeU => self.compare(IntCC::UnsignedLessThanOrEqual)?,
            O::I32GeS => self.compare(IntCC::SignedGreaterThanOrEqual)?,
            O::I32GeU => self.compare(IntCC::UnsignedGreaterThanOrEqual)?,

            O::I32Clz => self.unary(Opcode::Clz)?,
            O::I32Ctz => self.unary(Opcode::Ctz)?,
            O::I32Popcnt => self.unary(Opcode::Popcnt)?,
            O::I32Add => self.binary(Opcode::Iadd)?,
            O::I32Sub => self.binary(Opcode::Isub)?,
            O::I32Mul => self.binary(Opcode::Imul)?,
            // These trap as wasm's do, and srem of INT_MIN by -1 is 0.
            O::I32DivS => self.binary(Opcode::Sdiv)?,
            O::I32DivU => self.binary(Opcode::Udiv)?,
            O::I32RemS => self.binary(Opcode::Srem)?,
            O::I32RemU => self.binary(Opcode::Urem)?,
            O::I32And => self.binary(Opcode::Band)?,
            O::I32Or => self.binary(Opcode::Bor)?,
            O::I32Xor => self.binary(Opcode::Bxor)?,
            // CLIF takes shift counts modulo the width, as wasm does.
            O::I32Shl => self.binary(Opcode::Ishl)?,
            O::I32ShrS => self.binary(Opcode::Sshr)?,
            O::I32ShrU => self.binary(Opcode::Ushr)?,
            O::I32Rotl => self.binary(Opcode::Rotl)?,
            O::I32Rotr => self.binary(Opcode::Rotr)?,
            O::I32Extend8S => self.sign_extend(I8)?,
            O::I32Extend16S => self.sign_extend(I16)?,

            other => return Err(Error::unsupported(opname::operator_name(&other))),
        }
        Ok(())
    }

    pub fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    pub fn pop(&mut self) -> Result<Value> {
        self.stack.pop().ok_or_else(control::underflow)
    }

    fn local(&self, index: u32) -> Result<Variable> {
        let local = self.locals.get(index as usize);
        local.copied().ok_or_else(|| Error::internal("a local out of range"))
    }

    /// Counts operands that are carried, and refuses a function that carries too many.
    pub fn spend(&mut self, operands: usize) -> Result<()> {
        self.carried += operands;
        if self.carried > MAX_CARRIED {
            return Err(Error::unsupported(format!(
                "a function whose branches, blocks and calls carry more than {MAX_CARRIED} operands"
            )));
        }
        Ok(())
    }

    /// A new block, if the table of locals per block stays within its limit.
    pub fn new_block(&mut self) -> Result<Block> {
        let cells = self.builder.func.dfg.num_blocks().saturating_mul(self.locals.len());
        if cells > MAX_LOCAL_CELLS {
            return Err(Error::unsupported(format!(
                "a function with more than {MAX_LOCAL_CELLS} locals times blocks"
            )));
        }
        Ok(self.builder.create_block())
    }

    fn unary(&mut self, opcode: Opcode) -> Result<()> {
        let arg = self.pop()?;
        let (inst, dfg) = self.builder.ins().Unary(opcode, I32, arg);
        let value = dfg.first_result(inst);
        self.push(value);
        Ok(())
    }

    fn binary(&mut self, opcode: Opcode) -> Result<()> {
        let right = self.pop()?;
        let left = self.pop()?;
        let (inst, dfg) = self.builder.ins().Binary(opcode, I32, left, right);
        let value = dfg.first_result(inst);
        self.push(value);
        Ok(())
    }

    fn compare(&mut self, condition: IntCC) -> Result<()> {
        let right = self.pop()?;
        let left = self.pop()?;
        let bit = self.builder.ins().icmp(condition, left, right);
        let value = self.builder.ins().uextend(I32, bit);
        self.push(value);
        Ok(())
    }

    fn sign_extend(&mut self, from: clif::Type) -> Result<()> {
        let arg = self.pop()?;
        let low = self.builder.ins().ireduce(from, arg);
        let value = self.builder.ins().sextend(I32, low);
        self.push(value);
        Ok(())
    }

    fn select(&mut self) -> Result<()> {
        let condition = self.pop_condition()?;
        let otherwise = self.pop()?;
        let then = self.pop()?;
        let value = self.builder.ins().select(condition, then, otherwise);
        self.push(value);
        Ok(())
    }

    fn global_place(&self, index: u32) -> Result<GlobalPlace> {
        let place = self.env.globals.get(index as usize);
        place.copied().ok_or_else(|| Error::internal("a global out of range"))
    }

    fn global_get(&mut self, index: u32) -> Result<()> {
        let value = match self.global_place(index)? {
            GlobalPlace::Constant(Const::I32(value)) => env::word(&mut self.builder, value as u32),
            GlobalPlace::Instance(offset) => {
                let ty = types::clif_type(self.env.wasm.globals[index as usize].ty);
                let region = Region::Global(index);
                env::load_field(&mut self.builder, region, ty, self.vmctx, offset)
            }
        };
        self.push(value);
        Ok(())
    }

    fn global_set(&mut self, index: u32) -> Result<()> {
        let GlobalPlace::Instance(offset) = self.global_place(index)? else {
            return Err(Error::internal("an assignment to an immutable global"));
        };
        let value = self.pop()?;
        env::store_field(&mut self.builder, Region::Global(index), value, self.vmctx, offset);
        Ok(())
    }

    /// A field of the instance that a context register may hold: neither read-only nor movable,
    /// since calls change it.
    pub fn load_context(&mut self, offset: i32) -> Value {
        env::load_field(&mut self.builder, Region::Context, I32, self.vmctx, offset)
    }

    fn call(&mut self, index: u32) -> Result<()> {
        let callee = self.env.functions.get(index as usize);
        let callee = callee.ok_or_else(|| Error::internal("a callee out of range"))?;
        let (symbol, arity) = (callee.symbol, callee.ty.params.len());
        let signature = types::internal_signature(&callee.ty);
        let from = self.stack.len().checked_sub(arity).ok_or_else(control::underflow)?;
        let mut args = Vec::with_capacity(1 + arity);
        args.push(self.vmctx);
        args.extend(self.stack.drain(from..));
        let results = self.call_symbol(symbol, signature, &args)?;
        self.stack.extend(results);
        Ok(())
    }

    /// Calls a function in the internal convention.
    pub fn call_symbol(
        &mut self,
        symbol: SymbolId,
        signature: Signature,
        args: &[Value],
    ) -> Result<Vec<Value>> {
        self.spend(args.len() + signature.returns.len())?;
        let builder = &mut self.builder;
        let callee = *self
            .callees
            .entry(symbol)
            .or_insert_with(|| env::import_function(builder.func, symbol, signature));
        let inst = self.builder.ins().call(callee, args);
        Ok(self.builder.inst_results(inst).to_vec())
    }
}

/// Whether an operator does nothing that could be observed but, perhaps, to trap for an access out
/// of bounds, and leads nowhere but to the next.
fn is_silent(operator: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        operator,
        O::Nop
            | O::Drop
            | O::Select
            | O::LocalGet { .. }
            | O::LocalSet { .. }
            | O::LocalTee { .. }
            | O::GlobalGet { .. }
            | O::I32Const { .. }
            | O::I32Load { .. }
            | O::I32Load8S { .. }
            | O::I32Load8U { .. }
            | O::I32Load16S { .. }
            | O::I32Load16U { .. }
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
    )
}
