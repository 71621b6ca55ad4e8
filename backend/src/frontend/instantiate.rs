//! `int <module>_instantiate(instance *, context pointers..., void *memory, uint32_t bytes)`.
//!
//! Checks what the host hands over, gives every field of the instance its first value, fills the
//! memory and runs the start function. Statuses are those of `Status`, and 16 + code for a trap.

use super::env::{self, Env, GlobalPlace, Helper};
use super::memory::Region;
use super::module::Const;
use super::support;
use super::types::word_signature;
use crate::Trap;
use crate::error::{Error, Result};
use crate::instance::{NO_TRAP, offset};
use crate::module::{FunctionRole, SymbolId};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{InstBuilder, Value};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

/// What instantiation returns.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Status {
    Ok = 0,
    MemoryTooSmall = 1,
    Misaligned = 2,
}

/// To this is added the code of a trap in a segment or in the start function.
const TRAPPED: u32 = 16;

/// Alignment of a memory's base, in bytes.
const MEMORY_ALIGN: u32 = 8;

/// Defines the function, and the data and the start entry that it refers to.
pub fn define(env: &mut Env<'_>, context: &mut FunctionBuilderContext) -> Result<()> {
    let start = match env.wasm.start {
        Some(index) => {
            let symbol = env.add_local_symbol("start");
            support::define_entry(env, context, symbol, index)?;
            Some(symbol)
        }
        None => None,
    };
    let symbol =
        env.interface.instantiate.ok_or_else(|| Error::internal("instantiate has no symbol"))?;
    let signature = word_signature(3 + env.interface.contexts.len(), 1);
    env.build(context, symbol, FunctionRole::Support, signature, |env, builder, params| {
        let (Some((&instance, contexts)), true) = (params.split_first(), params.len() >= 3) else {
            return Err(Error::internal("instantiate takes at least three words"));
        };
        let (contexts, host_memory) = contexts.split_at(contexts.len() - 2);
        let (base, bytes) = (host_memory[0], host_memory[1]);
        check_memory(env, builder, base, bytes);
        init_fields(env, builder, instance, contexts, base, bytes);
        if !init_memory(env, builder, instance, base) {
            return Ok(());
        }
        if let Some(start) = start {
            run_start(builder, instance, start);
        }
        return_status(builder, Status::Ok as u32);
        Ok(())
    })
}

fn return_status(builder: &mut FunctionBuilder<'_>, status: u32) {
    let status = env::word(builder, status);
    builder.ins().return_(&[status]);
}

/// Returns `status` if the condition holds.
fn return_if(builder: &mut FunctionBuilder<'_>, condition: Value, status: u32) {
    let fail = builder.create_block();
    let next = builder.create_block();
    builder.ins().brif(condition, fail, &[], next, &[]);
    builder.switch_to_block(fail);
    return_status(builder, status);
    builder.switch_to_block(next);
}

fn check_memory(env: &Env<'_>, builder: &mut FunctionBuilder<'_>, base: Value, bytes: Value) {
    let Some(memory) = &env.interface.memory else { return };
    if memory.min_bytes > 0 {
        let needed = env::word(builder, memory.min_bytes as u32);
        let small = builder.ins().icmp(IntCC::UnsignedLessThan, bytes, needed);
        return_if(builder, small, Status::MemoryTooSmall as u32);
    }
    let mask = env::word(builder, MEMORY_ALIGN - 1);
    let misaligned = builder.ins().band(base, mask);
    return_if(builder, misaligned, Status::Misaligned as u32);
}

fn init_fields(
    env: &Env<'_>,
    builder: &mut FunctionBuilder<'_>,
    instance: Value,
    contexts: &[Value],
    base: Value,
    bytes: Value,
) {
    let zero = env::word(builder, 0);
    let no_trap = env::word(builder, NO_TRAP as u32);
    let (size, base, capacity) = match &env.interface.memory {
        Some(memory) => {
            let size = env::word(builder, memory.min_bytes as u32);
            let most = env::word(builder, memory.max_bytes as u32);
            let over = builder.ins().icmp(IntCC::UnsignedGreaterThan, bytes, most);
            (size, base, builder.ins().select(over, most, bytes))
        }
        None => (zero, zero, zero),
    };
    let fields = [
        (offset::MEM0_BYTES, size),
        (offset::MEM0_BASE, base),
        (offset::STACK_LIMIT, zero),
        (offset::RECOVERY_CHAIN, zero),
        (offset::TRAP, no_trap),
        (offset::INTERRUPT, zero),
        (offset::MEM0_CAPACITY, capacity),
    ];
    let contexts =
        env.interface.contexts.iter().zip(contexts).map(|(field, &value)| (field.offset, value));
    for (at, value) in fields.into_iter().chain(contexts) {
        env::store_field(builder, Region::Context, value, instance, at);
    }
    for (index, global) in env.wasm.globals.iter().enumerate() {
        if let GlobalPlace::Instance(at) = env.globals[index] {
            let Const::I32(init) = global.init;
            let init = env::word(builder, init as u32);
            env::store_field(builder, Region::Global(index as u32), init, instance, at);
        }
    }
}

/// Zeroes the memory and copies the segments, in order. False if a segment is out of bounds, which
/// is known here since the initial size is; the function then ends with that trap.
fn init_memory(
    env: &mut Env<'_>,
    builder: &mut FunctionBuilder<'_>,
    instance: Value,
    base: Value,
) -> bool {
    let min_bytes = env.interface.memory.as_ref().map_or(0, |memory| memory.min_bytes);
    if min_bytes > 0 {
        let bytes = env::word(builder, min_bytes as u32);
        let zero = env.helper(Helper::Zero);
        env::call(builder, zero, word_signature(2, 0), &[base, bytes]);
    }
    for (index, segment) in std::mem::take(&mut env.wasm.data).into_iter().enumerate() {
        let end = u64::from(segment.offset) + segment.bytes.len() as u64;
        if end > min_bytes {
            let trap = Trap::MemoryOutOfBounds.code();
            let code = env::word(builder, u32::from(trap));
            env::store_field(builder, Region::Context, code, instance, offset::TRAP);
            return_status(builder, TRAPPED + u32::from(trap));
            return false;
        }
        if segment.bytes.is_empty() {
            continue;
        }
        let object = env.add_data(&format!("data.{index}"), segment.bytes.to_vec(), 4);
        let from = env::symbol_address(builder, object);
        let at = env::word(builder, segment.offset);
        let to = builder.ins().iadd(base, at);
        let bytes = env::word(builder, segment.bytes.len() as u32);
        let copy = env.helper(Helper::Copy);
        env::call(builder, copy, word_signature(3, 0), &[to, from, bytes]);
    }
    true
}

/// Calls the start function's entry, which a trap leaves by returning.
fn run_start(builder: &mut FunctionBuilder<'_>, instance: Value, start: SymbolId) {
    env::call(builder, start, word_signature(1, 0), &[instance]);
    let trap = env::load_field(builder, Region::Context, I32, instance, offset::TRAP);
    let none = env::word(builder, NO_TRAP as u32);
    let trapped = builder.ins().icmp(IntCC::NotEqual, trap, none);
    let fail = builder.create_block();
    let next = builder.create_block();
    builder.ins().brif(trapped, fail, &[], next, &[]);
    builder.switch_to_block(fail);
    let first = env::word(builder, TRAPPED);
    let status = builder.ins().iadd(trap, first);
    builder.ins().return_(&[status]);
    builder.switch_to_block(next);
}
