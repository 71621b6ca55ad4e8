//! One function body: wasm's operators to CLIF, in one pass, over an explicit stack of frames.
//!
//! Memory that translation takes is bounded by a constant times the body's size plus two limits:
//! on operands that branches, blocks and calls carry, and on locals times blocks (the SSA
//! construction keeps a table of that size). Two bytes of wasm may otherwise stand for a thousand
//! operands.

use super::bounded::Meter;
use super::control::{self, Frame};
use super::env::{self, Env, GlobalPlace};
use super::memory::{Checked, Region};
use super::module::{file_offset, malformed};
use super::{numeric, opname, types};
use crate::Trap;
use crate::error::{Error, Result};
use crate::module::{FunctionRole, SymbolId, ValType};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{F32, F64, I8, I16, I32, I64};
use cranelift_codegen::ir::{Block, FuncRef, InstBuilder, Opcode, SourceLoc, Value};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext, Variable};
use std::collections::HashMap;
use wasmparser::{FunctionBody, Operator, OperatorsReader};

/// Operands of all branches, blocks and calls of one function.
const MAX_CARRIED: usize = 1 << 23;
/// Locals times CLIF blocks of one function.
const MAX_LOCAL_CELLS: usize = 1 << 26;

/// Translates every body that can be reached.
pub fn define_functions(env: &mut Env<'_>, context: &mut FunctionBuilderContext) -> Result<()> {
    let imported = env.wasm.imported_functions;
    for (body_index, body) in std::mem::take(&mut env.wasm.bodies).into_iter().enumerate() {
        let index = (imported + body_index) as u32;
        if !env.wasm.usage.reached.contains(&index) {
            continue;
        }
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
    let min_bytes = env.wasm.memories.iter().map(|memory| memory.ty.min_bytes()).collect();

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
        meter: Meter::default(),
    };
    translator.declare_locals(params, body)?;
    translator.enter_function(body)?;
    translator.operators(body.get_operators_reader().map_err(malformed)?)?;
    translator.leave_metered();
    translator.builder.finalize(env::frontend_config());

    let range = body.range();
    let range = file_offset(range.start)..file_offset(range.end);
    env.define(symbol, name, FunctionRole::User { index }, range, clif);
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
    pub callees: HashMap<SymbolId, FuncRef>,
    /// Operands carried so far.
    carried: usize,
    pub meter: Meter,
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
            let zero = match ty {
                ValType::F32 => self.builder.ins().f32const(Ieee32::with_bits(0)),
                ValType::F64 => self.builder.ins().f64const(Ieee64::with_bits(0)),
                _ => self.builder.ins().iconst(types::clif_type(ty), 0),
            };
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
                self.meter.count(&operator);
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
            O::CallIndirect { type_index, table_index } => {
                self.call_indirect(type_index, table_index)?;
            }
            O::ReturnCall { function_index } => self.return_call(function_index)?,
            O::ReturnCallIndirect { type_index, table_index } => {
                self.return_call_indirect(type_index, table_index)?;
            }
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
            O::I64Load { memarg } => self.load(Opcode::Load, I64, I64, memarg)?,
            O::I64Load8U { memarg } => self.load(Opcode::Uload8, I64, I8, memarg)?,
            O::I64Load8S { memarg } => self.load(Opcode::Sload8, I64, I8, memarg)?,
            O::I64Load16U { memarg } => self.load(Opcode::Uload16, I64, I16, memarg)?,
            O::I64Load16S { memarg } => self.load(Opcode::Sload16, I64, I16, memarg)?,
            O::I64Load32U { memarg } => self.load(Opcode::Uload32, I64, I32, memarg)?,
            O::I64Load32S { memarg } => self.load(Opcode::Sload32, I64, I32, memarg)?,
            O::F32Load { memarg } => self.load(Opcode::Load, F32, F32, memarg)?,
            O::F64Load { memarg } => self.load(Opcode::Load, F64, F64, memarg)?,
            O::I64Store { memarg } => self.store(Opcode::Store, I64, memarg)?,
            O::I64Store8 { memarg } => self.store(Opcode::Istore8, I8, memarg)?,
            O::I64Store16 { memarg } => self.store(Opcode::Istore16, I16, memarg)?,
            O::I64Store32 { memarg } => self.store(Opcode::Istore32, I32, memarg)?,
            O::F32Store { memarg } => self.store(Opcode::Store, F32, memarg)?,
            O::F64Store { memarg } => self.store(Opcode::Store, F64, memarg)?,
            O::MemorySize { mem } => self.memory_size(mem)?,
            O::MemoryGrow { mem } => self.memory_grow(mem)?,
            O::MemoryFill { mem } => self.memory_fill(mem)?,
            O::MemoryCopy { dst_mem, src_mem } => self.memory_copy(dst_mem, src_mem)?,
            O::MemoryInit { data_index, mem } => self.memory_init(mem, data_index)?,
            O::DataDrop { data_index } => self.data_drop(data_index),

            O::RefNull { hty } => {
                types::translated(wasmparser::ValType::Ref(reference(hty)?), "a reference")?;
                let null = env::word(&mut self.builder, 0);
                self.push(null);
            }
            O::RefIsNull => self.ref_is_null()?,
            O::RefFunc { function_index } => self.ref_func(function_index)?,
            O::TableGet { table } => self.table_get(table)?,
            O::TableSet { table } => self.table_set(table)?,
            O::TableSize { table } => self.table_size(table)?,
            O::TableGrow { table } => self.table_grow(table)?,
            O::TableFill { table } => self.table_fill(table)?,
            O::TableCopy { dst_table, src_table } => self.table_copy(dst_table, src_table)?,
            O::TableInit { elem_index, table } => self.table_init(table, elem_index)?,
            O::ElemDrop { elem_index } => self.elem_drop(elem_index),

            other => {
                if !self.numeric(&other)? {
                    return Err(Error::unsupported(opname::operator_name(&other)));
                }
            }
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

    fn select(&mut self) -> Result<()> {
        let condition = self.pop_condition()?;
        let otherwise = self.pop()?;
        let then = self.pop()?;
        let value = self.builder.ins().select(condition, then, otherwise);
        self.push(value);
        Ok(())
    }

    fn global_get(&mut self, index: u32) -> Result<()> {
        let value = self.env.load_global(&mut self.builder, self.vmctx, index)?;
        self.push(value);
        Ok(())
    }

    fn global_set(&mut self, index: u32) -> Result<()> {
        let value = self.pop()?;
        let (region, base, at) = match self.env.global_place(index)? {
            GlobalPlace::Instance(at) => (Region::Global(index), self.vmctx, at),
            GlobalPlace::Imported(at) => {
                let pointer = env::load_pointer(&mut self.builder, self.vmctx, at);
                (Region::ImportedGlobals, pointer, 0)
            }
            GlobalPlace::Constant(_) => {
                return Err(Error::internal("an assignment to an immutable global"));
            }
        };
        env::store_field(&mut self.builder, region, value, base, at);
        Ok(())
    }

    /// A word of the instance that calls may change.
    pub fn load_context(&mut self, offset: i32) -> Value {
        env::load_field(&mut self.builder, Region::Context, I32, self.vmctx, offset)
    }

    pub fn store_context(&mut self, offset: i32, value: u32) {
        let value = env::word(&mut self.builder, value);
        env::store_field(&mut self.builder, Region::Context, value, self.vmctx, offset);
    }
}

/// The nullable reference of a heap type.
fn reference(heap: wasmparser::HeapType) -> Result<wasmparser::RefType> {
    wasmparser::RefType::new(true, heap).ok_or_else(|| Error::unsupported("a reference this large"))
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
            | O::I32Load { .. }
            | O::I32Load8S { .. }
            | O::I32Load8U { .. }
            | O::I32Load16S { .. }
            | O::I32Load16U { .. }
            | O::I64Load { .. }
            | O::I64Load8S { .. }
            | O::I64Load8U { .. }
            | O::I64Load16S { .. }
            | O::I64Load16U { .. }
            | O::I64Load32S { .. }
            | O::I64Load32U { .. }
            | O::F32Load { .. }
            | O::F64Load { .. }
    ) || numeric::is_pure(operator)
}
