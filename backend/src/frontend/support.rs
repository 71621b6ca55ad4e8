//! The functions around those of the module: entries for C, thunks for imports, accessors, helpers.

use super::env::{self, Env, GlobalPlace, Helper};
use super::memory::{self, Region};
use super::module::Const;
use super::types::{self, c_signature, internal_signature, word_signature};
use crate::error::{Error, Result};
use crate::instance::offset;
use crate::module::{FuncType, FunctionRole, SymbolId};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{
    BlockArg, InstBuilder, MemFlagsData, StackSlotData, StackSlotKind, Value,
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

/// One AAPCS entry for each exported function: instance first, then the parameters.
pub fn define_entries(env: &mut Env<'_>, context: &mut FunctionBuilderContext) -> Result<()> {
    for export in 0..env.interface.exports.len() {
        let export = &env.interface.exports[export];
        let (symbol, index) = (export.symbol, export.func_index);
        define_entry(env, context, symbol, index)?;
    }
    Ok(())
}

/// An entry named `symbol` for the function `index`.
pub fn define_entry(
    env: &mut Env<'_>,
    context: &mut FunctionBuilderContext,
    symbol: SymbolId,
    index: u32,
) -> Result<()> {
    let decl = &env.functions[index as usize];
    let (ty, callee) = (decl.ty.clone(), decl.symbol);
    env.build(context, symbol, FunctionRole::Entry, c_signature(&ty), |_, builder, params| {
        let (returned, args) = split_struct(&ty, params)?;
        let results = env::call(builder, callee, internal_signature(&ty), args);
        match returned {
            Some(place) => {
                let (offsets, _) = types::result_struct(&ty);
                for (&result, offset) in results.iter().zip(offsets) {
                    builder.ins().store(MemFlagsData::trusted(), result, place, offset);
                }
                builder.ins().return_(&[]);
            }
            None => {
                builder.ins().return_(&results);
            }
        }
        Ok(())
    })
}

/// Splits the pointer to the struct of results, if there is one, from the other parameters.
fn split_struct<'p>(ty: &FuncType, params: &'p [Value]) -> Result<(Option<Value>, &'p [Value])> {
    if !types::returns_struct(ty) {
        return Ok((None, params));
    }
    let (&place, rest) =
        params.split_first().ok_or_else(|| Error::internal("no place for the results"))?;
    Ok((Some(place), rest))
}

/// One internal-convention stand-in for each imported function: it puts the context pointer in
/// the instance's place.
pub fn define_thunks(env: &mut Env<'_>, context: &mut FunctionBuilderContext) -> Result<()> {
    for index in 0..env.interface.imports.len() {
        let import = &env.interface.imports[index];
        let (ty, host) = (import.ty.clone(), import.symbol);
        let at = env.interface.contexts[import.context].offset;
        let thunk = env.functions[index].symbol;
        let signature = internal_signature(&ty);
        env.build(context, thunk, FunctionRole::ImportThunk, signature, |_, builder, params| {
            let (&vmctx, params) =
                params.split_first().ok_or_else(|| Error::internal("a thunk of no instance"))?;
            let owner = env::load_field(builder, Region::Context, I32, vmctx, at);
            let mut args = Vec::with_capacity(params.len() + 2);
            let place = types::returns_struct(&ty).then(|| result_slot(builder, &ty));
            args.extend(place);
            args.push(owner);
            args.extend_from_slice(params);
            let mut results = env::call(builder, host, c_signature(&ty), &args);
            if let Some(place) = place {
                let (offsets, _) = types::result_struct(&ty);
                for (&result, offset) in ty.results.iter().zip(offsets) {
                    let ty = types::clif_type(result);
                    results.push(builder.ins().load(ty, MemFlagsData::trusted(), place, offset));
                }
            }
            builder.ins().return_(&results);
            Ok(())
        })?;
    }
    Ok(())
}

/// The address of a stack slot for the struct of results.
fn result_slot(builder: &mut FunctionBuilder<'_>, ty: &FuncType) -> Value {
    let (_, size) = types::result_struct(ty);
    let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, size, 3);
    let slot = builder.create_sized_stack_slot(slot);
    builder.ins().stack_addr(I32, slot, 0)
}

/// `<module>_trap`, `<module>_set_stack_limit`, and a function that returns the address of each
/// exported memory and global.
pub fn define_accessors(env: &mut Env<'_>, context: &mut FunctionBuilderContext) -> Result<()> {
    if let Some(trap) = env.interface.trap {
        define_accessor(env, context, trap, |_, builder, instance| {
            env::load_field(builder, Region::Context, I32, instance, offset::TRAP)
        })?;
    }
    if let Some(symbol) = env.interface.set_stack_limit {
        let role = FunctionRole::Support;
        env.build(context, symbol, role, word_signature(2, 0), |_, builder, params| {
            let &[instance, limit] = params else {
                return Err(Error::internal("set_stack_limit takes two words"));
            };
            env::store_field(builder, Region::Context, limit, instance, offset::STACK_LIMIT);
            builder.ins().return_(&[]);
            Ok(())
        })?;
    }
    for memory in env.interface.exported_memories.clone() {
        // `windlass_memory` is {bytes, base}, which the instance begins with.
        define_accessor(env, context, memory.symbol, |_, builder, instance| {
            let at = env::word(builder, offset::MEM0_BYTES as u32);
            builder.ins().iadd(instance, at)
        })?;
    }
    let exported: Vec<u32> = env
        .wasm
        .exports
        .iter()
        .filter(|export| export.kind == wasmparser::ExternalKind::Global)
        .map(|export| export.index)
        .collect();
    for (position, index) in exported.into_iter().enumerate() {
        let symbol = env.interface.exported_globals[position].symbol;
        let place = env.globals[index as usize];
        define_accessor(env, context, symbol, |env, builder, instance| match place {
            GlobalPlace::Instance(at) => {
                let at = env::word(builder, at as u32);
                builder.ins().iadd(instance, at)
            }
            GlobalPlace::Constant(Const::I32(value)) => {
                let name = format!("global.{position}");
                let object = env.add_data(&name, value.to_le_bytes().to_vec(), 4);
                env::symbol_address(builder, object)
            }
        })?;
    }
    Ok(())
}

/// An AAPCS function from the instance to one word.
fn define_accessor(
    env: &mut Env<'_>,
    context: &mut FunctionBuilderContext,
    symbol: SymbolId,
    value: impl FnOnce(&mut Env<'_>, &mut FunctionBuilder<'_>, Value) -> Value,
) -> Result<()> {
    let role = FunctionRole::Support;
    env.build(context, symbol, role, word_signature(1, 1), |env, builder, params| {
        let &[instance] = params else {
            return Err(Error::internal("an accessor takes the instance"));
        };
        let value = value(env, builder, instance);
        builder.ins().return_(&[value]);
        Ok(())
    })
}

/// The helpers that the module turned out to need.
pub fn define_helpers(env: &mut Env<'_>, context: &mut FunctionBuilderContext) -> Result<()> {
    for helper in Helper::ALL {
        let Some(symbol) = env.used_helper(helper) else { continue };
        let role = FunctionRole::Support;
        match helper {
            Helper::MemoryGrow => {
                let signature = memory::memory_grow_signature();
                env.build(context, symbol, role, signature, memory::build_memory_grow)?;
            }
            Helper::Zero => {
                env.build(context, symbol, role, word_signature(2, 0), |_, builder, params| {
                    let &[to, bytes] = params else {
                        return Err(Error::internal("zero takes two words"));
                    };
                    build_fill(builder, to, None, bytes);
                    Ok(())
                })?;
            }
            Helper::Copy => {
                env.build(context, symbol, role, word_signature(3, 0), |_, builder, params| {
                    let &[to, from, bytes] = params else {
                        return Err(Error::internal("copy takes three words"));
                    };
                    build_fill(builder, to, Some(from), bytes);
                    Ok(())
                })?;
            }
        }
    }
    Ok(())
}

/// Fills `bytes` bytes at `to` with those at `from`, or with zero: words first, then single bytes.
/// The two do not overlap, and either may be unaligned.
fn build_fill(builder: &mut FunctionBuilder<'_>, to: Value, from: Option<Value>, bytes: Value) {
    let mask = env::word(builder, !3);
    let words_end = builder.ins().band(bytes, mask);
    let start = env::word(builder, 0);
    let at = build_fill_loop(builder, to, from, start, words_end, Unit::Word);
    build_fill_loop(builder, to, from, at, bytes, Unit::Byte);
    builder.ins().return_(&[]);
}

/// What a loop moves at a time.
#[derive(Clone, Copy)]
enum Unit {
    Byte,
    Word,
}

/// Fills from offset `start` up to `end`, unit by unit; returns the offset reached.
fn build_fill_loop(
    builder: &mut FunctionBuilder<'_>,
    to: Value,
    from: Option<Value>,
    start: Value,
    end: Value,
    unit: Unit,
) -> Value {
    let head = builder.create_block();
    let body = builder.create_block();
    let done = builder.create_block();
    let at = builder.append_block_param(head, I32);
    builder.ins().jump(head, &[BlockArg::Value(start)]);

    builder.switch_to_block(head);
    let more = builder.ins().icmp(IntCC::UnsignedLessThan, at, end);
    builder.ins().brif(more, body, &[], done, &[]);

    builder.switch_to_block(body);
    let flags = MemFlagsData::new().with_notrap();
    let value = match from {
        Some(from) => {
            let from = builder.ins().iadd(from, at);
            match unit {
                Unit::Word => builder.ins().load(I32, flags, from, 0),
                Unit::Byte => builder.ins().uload8(I32, flags, from, 0),
            }
        }
        None => env::word(builder, 0),
    };
    let to = builder.ins().iadd(to, at);
    let step = match unit {
        Unit::Word => {
            builder.ins().store(flags, value, to, 0);
            4
        }
        Unit::Byte => {
            builder.ins().istore8(flags, value, to, 0);
            1
        }
    };
    let step = env::word(builder, step);
    let next = builder.ins().iadd(at, step);
    builder.ins().jump(head, &[BlockArg::Value(next)]);

    builder.switch_to_block(done);
    at
}
