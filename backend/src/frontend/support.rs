//! The functions around those of the module: entries for C, thunks for imports, accessors, helpers.

use super::constant::Const;
use super::env::{self, Env, GlobalPlace, Helper};
use super::layout::Place;
use super::memory::{self, Region};
use super::module::ImportKind;
use super::table;
use super::types::{self, internal_signature, word_signature};
use crate::error::{Error, Result};
use crate::instance::{MAX_STACK_LIMIT, RED_ZONE, offset};
use crate::module::{ExternType, FuncType, FunctionRole, Interface, SymbolId};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{
    FuncRef, InstBuilder, MemFlagsData, StackSlotData, StackSlotKind, Value,
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

/// One AAPCS entry for each exported function: instance first, then the parameters.
pub fn define_entries(env: &mut Env<'_>, context: &mut FunctionBuilderContext) -> Result<()> {
    for export in 0..env.interface.exports.len() {
        let export = &env.interface.exports[export];
        if let ExternType::Func(_) = export.ty {
            let (symbol, index) = (export.symbol, export.index);
            define_entry(env, context, symbol, index)?;
        }
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
    let ty = env.function_type(index)?.clone();
    let callee = env.functions[index as usize].symbol;
    let signature = env.c_signature(&ty);
    env.build(context, symbol, FunctionRole::Entry, signature, |_, builder, params| {
        let (returned, args) = split_struct(builder, params)?;
        let results = env::call(builder, callee, internal_signature(&ty), args);
        return_to_c(builder, &ty, returned, &results);
        Ok(())
    })
}

/// An entry for functions of type `ty` that are known by their address, see `Helper::Switch`.
fn define_switch(
    env: &mut Env<'_>,
    context: &mut FunctionBuilderContext,
    symbol: SymbolId,
    ty: &FuncType,
) -> Result<()> {
    let signature = env.switch_signature(ty);
    env.build(context, symbol, FunctionRole::Entry, signature, |_, builder, params| {
        let (returned, args) = split_struct(builder, params)?;
        let [instance, entry, args @ ..] = args else {
            return Err(Error::internal("a switch takes an instance and a function"));
        };
        let mut all = vec![*instance];
        all.extend_from_slice(args);
        let signature = builder.import_signature(internal_signature(ty));
        let inst = builder.ins().call_indirect(signature, *entry, &all);
        let results = builder.inst_results(inst).to_vec();
        return_to_c(builder, ty, returned, &results);
        Ok(())
    })
}

/// Returns results as C expects them.
fn return_to_c(
    builder: &mut FunctionBuilder<'_>,
    ty: &FuncType,
    returned: Option<Value>,
    results: &[Value],
) {
    let Some(place) = returned else {
        builder.ins().return_(results);
        return;
    };
    let (offsets, _) = types::result_struct(ty);
    for (&result, offset) in results.iter().zip(offsets) {
        builder.ins().store(MemFlagsData::trusted(), result, place, offset);
    }
    builder.ins().return_(&[]);
}

/// Splits the pointer to the struct of results, if there is one, from the other parameters.
fn split_struct<'p>(
    builder: &FunctionBuilder<'_>,
    params: &'p [Value],
) -> Result<(Option<Value>, &'p [Value])> {
    if !types::returns_struct(&builder.func.signature) {
        return Ok((None, params));
    }
    let (&place, rest) =
        params.split_first().ok_or_else(|| Error::internal("no place for the results"))?;
    Ok((Some(place), rest))
}

/// One internal-convention stand-in for each imported function that can be reached: it puts the
/// context pointer in the instance's place.
pub fn define_thunks(env: &mut Env<'_>, context: &mut FunctionBuilderContext) -> Result<()> {
    for import in 0..env.interface.imports.len() {
        let ImportKind::Function(index) = env.wasm.imports[import].kind else { continue };
        if !env.wasm.usage.reached.contains(&index) {
            continue;
        }
        let import = &env.interface.imports[import];
        let host = import.symbol;
        let at = env.interface.contexts[import.context].offset;
        let ty = env.function_type(index)?.clone();
        let thunk = env.functions[index as usize].symbol;
        let (signature, c_signature) = (internal_signature(&ty), env.c_signature(&ty));
        env.build(context, thunk, FunctionRole::ImportThunk, signature, |_, builder, params| {
            let (&vmctx, params) =
                params.split_first().ok_or_else(|| Error::internal("a thunk of no instance"))?;
            let owner = env::load_field(builder, Region::Context, I32, vmctx, at);
            let callee = env::import_function(builder.func, host, c_signature);
            let mut args = vec![owner];
            args.extend_from_slice(params);
            let results = call_c(builder, &ty, callee, args);
            builder.ins().return_(&results);
            Ok(())
        })?;
    }
    Ok(())
}

/// Calls a C function of this type; `args` lack only the pointer to a struct of results.
pub fn call_c(
    builder: &mut FunctionBuilder<'_>,
    ty: &FuncType,
    callee: FuncRef,
    mut args: Vec<Value>,
) -> Vec<Value> {
    let signature = builder.func.dfg.ext_funcs[callee].signature;
    if !types::returns_struct(&builder.func.dfg.signatures[signature]) {
        let inst = builder.ins().call(callee, &args);
        return builder.inst_results(inst).to_vec();
    }
    let place = result_slot(builder, ty);
    args.insert(0, place);
    builder.ins().call(callee, &args);
    let (offsets, _) = types::result_struct(ty);
    let load = |(offset, &result)| {
        builder.ins().load(types::clif_type(result), MemFlagsData::trusted(), place, offset)
    };
    offsets.into_iter().zip(&ty.results).map(load).collect()
}

/// The address of a stack slot for the struct of results.
fn result_slot(builder: &mut FunctionBuilder<'_>, ty: &FuncType) -> Value {
    let (_, size) = types::result_struct(ty);
    let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, size, 3);
    let slot = builder.create_sized_stack_slot(slot);
    builder.ins().stack_addr(I32, slot, 0)
}

/// `<module>_trap`, `<module>_set_stack_limit`, those of bounded time, and a function that returns
/// the address of each exported memory and global.
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
            let limit = build_stack_limit(builder, limit);
            env::store_field(builder, Region::Context, limit, instance, offset::STACK_LIMIT);
            builder.ins().return_(&[]);
            Ok(())
        })?;
    }
    define_bounded_time(env, context)?;
    for position in 0..env.interface.exports.len() {
        let export = &env.interface.exports[position];
        let (symbol, index) = (export.symbol, export.index);
        let place = match export.ty {
            ExternType::Func(_) => continue,
            ExternType::Memory(_) => env.memory_place(index)?,
            ExternType::Table(_) => table::descriptor_place(env, index)?,
            ExternType::Global(_) => match env.global_place(index)? {
                GlobalPlace::Instance(at) => Place::Own(at),
                GlobalPlace::Imported(at) => Place::Imported(at),
                GlobalPlace::Constant(value) => {
                    define_accessor(env, context, symbol, |env, builder, _| {
                        let name = format!("global.{position}");
                        let object = env.add_data(&name, constant_bytes(value), 8);
                        env::symbol_address(builder, object)
                    })?;
                    continue;
                }
            },
        };
        define_accessor(env, context, symbol, |_, builder, instance| {
            let (base, at) = env::descriptor(builder, instance, place);
            let at = env::word(builder, at as u32);
            builder.ins().iadd(base, at)
        })?;
    }
    Ok(())
}

/// `<module>_interrupt`, `<module>_clear_interrupt`, `<module>_set_fuel` and `<module>_fuel`, as far
/// as the module has them.
fn define_bounded_time(env: &mut Env<'_>, context: &mut FunctionBuilderContext) -> Result<()> {
    let Interface { interrupt, clear_interrupt, set_fuel, fuel, .. } = env.interface;
    for (symbol, flag) in [(interrupt, 1), (clear_interrupt, 0)] {
        if let Some(symbol) = symbol {
            define_setter(env, context, symbol, Some(flag))?;
        }
    }
    if let Some(symbol) = set_fuel {
        define_setter(env, context, symbol, None)?;
    }
    if let Some(symbol) = fuel {
        define_accessor(env, context, symbol, |_, builder, instance| {
            let used = env::load_field(builder, Region::Fuel, I32, instance, offset::FUEL);
            builder.ins().bnot(used)
        })?;
    }
    Ok(())
}

/// An AAPCS function that gives the interrupt flag this value, or takes fuel.
fn define_setter(
    env: &mut Env<'_>,
    context: &mut FunctionBuilderContext,
    symbol: SymbolId,
    flag: Option<u32>,
) -> Result<()> {
    let signature = word_signature(if flag.is_some() { 1 } else { 2 }, 0);
    env.build(context, symbol, FunctionRole::Support, signature, |_, builder, params| {
        let (value, instance, at) = match (flag, params) {
            (Some(flag), &[instance]) => (env::word(builder, flag), instance, offset::INTERRUPT),
            (None, &[instance, units]) => (builder.ins().bnot(units), instance, offset::FUEL),
            _ => return Err(Error::internal("a setter takes the instance, and fuel units")),
        };
        env::store_field(builder, Region::Context, value, instance, at);
        builder.ins().return_(&[]);
        Ok(())
    })
}

/// What a constant is in memory.
fn constant_bytes(value: Const) -> Vec<u8> {
    match value {
        Const::I32(value) => value.to_le_bytes().to_vec(),
        Const::F32(bits) => bits.to_le_bytes().to_vec(),
        Const::I64(value) => value.to_le_bytes().to_vec(),
        Const::F64(bits) => bits.to_le_bytes().to_vec(),
        Const::Null | Const::Func(_) => vec![0; 4],
    }
}

/// The limit that code compares with, for the host's: higher by the red zone, 0 for none.
fn build_stack_limit(builder: &mut FunctionBuilder<'_>, limit: Value) -> Value {
    let highest = env::word(builder, MAX_STACK_LIMIT - RED_ZONE);
    let too_high = builder.ins().icmp(IntCC::UnsignedGreaterThan, limit, highest);
    let capped = builder.ins().select(too_high, highest, limit);
    let zone = env::word(builder, RED_ZONE);
    let raised = builder.ins().iadd(capped, zone);
    builder.ins().select(limit, raised, limit)
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
    let mut done = Vec::new();
    loop {
        let missing: Vec<_> = env.helpers().filter(|(helper, _)| !done.contains(helper)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        for (helper, symbol) in missing {
            define_helper(env, context, helper, symbol)?;
            done.push(helper);
        }
    }
}

fn define_helper(
    env: &mut Env<'_>,
    context: &mut FunctionBuilderContext,
    helper: Helper,
    symbol: SymbolId,
) -> Result<()> {
    let role = FunctionRole::Support;
    match helper {
        Helper::MemoryGrow(index) => {
            let signature = memory::memory_grow_signature();
            env.build(context, symbol, role, signature, |env, builder, params| {
                memory::build_memory_grow(env, builder, params, index)
            })
        }
        Helper::TableGrow(index) => {
            let signature = table::table_grow_signature();
            env.build(context, symbol, role, signature, |env, builder, params| {
                table::build_table_grow(env, builder, params, index)
            })
        }
        Helper::TableFill => {
            env.build(context, symbol, role, word_signature(3, 0), |_, builder, params| {
                table::build_table_fill(builder, params)
            })
        }
        Helper::TableInit => {
            env.build(context, symbol, role, word_signature(4, 0), |_, builder, params| {
                table::build_table_init(builder, params)
            })
        }
        Helper::Switch(index) => {
            let ty = env.switch_types[index as usize].clone();
            define_switch(env, context, symbol, &ty)
        }
    }
}
