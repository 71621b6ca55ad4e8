//! Linear memory: what admits an access, and the access itself.
//!
//! An access of `size` bytes at `addr` with static offset `o` is inside if `addr + o + size` (33
//! bits) is at most the memory's bytes. With `C = o + size` that is `addr <= bytes - C`, provided
//! that `bytes >= C`; each of the two is a trap of its own, so that both compile to a compare and a
//! branch, and each is left out where it is known to hold:
//!
//! Invariant: what `Checked` states holds wherever translation stands. A memory never shrinks and
//! an SSA value does not change, so a check that dominates this point has settled the matter. The
//! checks of a construct that several paths leave are forgotten with it (`rollback`).
//!
//! A check that nothing observable has followed is still open: when a later access at the same
//! address needs a larger C, the check is widened in place, which traps earlier but to no
//! difference. So loads of neighbouring fields are checked once.

use super::env::{self, Env, Helper};
use super::func::FuncTranslator;
use super::layout::Place;
use super::module::SegmentKind;
use crate::Trap;
use crate::error::{Error, Result};
use crate::instance::memory;
use crate::module::Memory;
use crate::options::Bounds;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::immediates::Imm64;
use cranelift_codegen::ir::{
    self, AbiParam, AliasRegionData, ArgumentPurpose, Endianness, Inst, InstBuilder,
    InstructionData, LibCall, MemFlagsData, Opcode, Signature, Value, ValueDef, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilder;
use std::borrow::Cow;
use std::collections::HashMap;
use wasmparser::{MemArg, MemArgTarget};

/// The largest offset that is left to the access's addressing mode; what is beyond is added.
const MAX_ACCESS_OFFSET: u64 = 4095;

/// Globals and memories with an alias region of their own; the rest share one, so that a
/// function's regions stay few.
const OWN_REGIONS: u32 = 16;

/// Disjoint parts of what generated code accesses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Region {
    /// The instance's fields other than globals, and descriptors elsewhere.
    Context,
    /// Elements of tables.
    Elements,
    /// Function references.
    Funcrefs,
    /// The fuel that is left.
    Fuel,
    /// Of any other module: two imports may be the same.
    ImportedGlobals,
    ImportedMemories,
    Global(u32),
    Memory(u32),
}

impl Region {
    fn insert(self, func: &mut ir::Function) -> ir::AliasRegion {
        const FIRST_GLOBAL: u32 = 5;
        const FIRST_MEMORY: u32 = FIRST_GLOBAL + OWN_REGIONS;
        let last = OWN_REGIONS - 1;
        let (user_id, description) = match self {
            Region::Context => (0, Cow::Borrowed("context")),
            Region::Elements => (1, Cow::Borrowed("tables")),
            Region::Funcrefs => (2, Cow::Borrowed("function references")),
            Region::ImportedGlobals => (3, Cow::Borrowed("imported globals")),
            Region::ImportedMemories => (4, Cow::Borrowed("imported memories")),
            Region::Fuel => (FIRST_MEMORY + OWN_REGIONS, Cow::Borrowed("fuel")),
            Region::Global(n) if n < last => (FIRST_GLOBAL + n, Cow::Owned(format!("global {n}"))),
            Region::Global(_) => (FIRST_GLOBAL + last, Cow::Borrowed("other globals")),
            Region::Memory(n) if n < last => (FIRST_MEMORY + n, Cow::Owned(format!("memory {n}"))),
            Region::Memory(_) => (FIRST_MEMORY + last, Cow::Borrowed("other memories")),
        };
        func.dfg.alias_regions.insert(AliasRegionData { user_id, description })
    }

    /// For an aligned access that cannot fail.
    pub fn trusted_flags(self, func: &mut ir::Function) -> MemFlagsData {
        MemFlagsData::trusted().with_alias_region(Some(self.insert(func)))
    }
}

/// What earlier checks have established. Memories are told by their index.
pub struct Checked {
    /// Each memory has at least so many bytes.
    bytes: Vec<u64>,
    /// For a memory and an address, the largest C that it was checked for.
    addresses: HashMap<(u32, Value), u64>,
    undo: Vec<Undo>,
    /// Checks of addresses that may still be widened.
    open: HashMap<(u32, Value), OpenCheck>,
}

/// A check whose C stands in one instruction that nothing else uses.
struct OpenCheck {
    /// The `iconst` of C or, for a memory of fixed size, of the limit.
    constant: Inst,
    /// Bytes that the memory was known to have: the most that C can become.
    bytes: u64,
}

enum Undo {
    Bytes(u32, u64),
    Address((u32, Value), Option<u64>),
}

/// A point to return to.
#[derive(Clone, Copy)]
pub struct Mark(usize);

impl Checked {
    /// `min_bytes` of each memory.
    pub fn new(min_bytes: Vec<u64>) -> Checked {
        Checked {
            bytes: min_bytes,
            addresses: HashMap::new(),
            undo: Vec::new(),
            open: HashMap::new(),
        }
    }

    pub fn mark(&self) -> Mark {
        Mark(self.undo.len())
    }

    /// Forgets what was established since `mark`.
    pub fn rollback(&mut self, mark: Mark) {
        for undo in self.undo.drain(mark.0.min(self.undo.len())..).rev() {
            match undo {
                Undo::Bytes(memory, bytes) => self.bytes[memory as usize] = bytes,
                Undo::Address(address, Some(end)) => {
                    self.addresses.insert(address, end);
                }
                Undo::Address(address, None) => {
                    self.addresses.remove(&address);
                }
            }
        }
    }

    /// Something observable happened, or may not happen: what was checked stays as it is.
    pub fn settle(&mut self) {
        self.open.clear();
    }

    /// Bytes that the memory surely has.
    fn bytes(&self, memory: u32) -> u64 {
        self.bytes.get(memory as usize).copied().unwrap_or(0)
    }

    fn admits(&self, place: (u32, Value), end: u64) -> bool {
        self.addresses.get(&place).is_some_and(|&checked| end <= checked)
    }

    fn note_address(&mut self, place: (u32, Value), end: u64) {
        let before = self.addresses.insert(place, end);
        self.undo.push(Undo::Address(place, before));
    }

    fn note_bytes(&mut self, memory: u32, bytes: u64) {
        if let Some(known) = self.bytes.get_mut(memory as usize).filter(|known| bytes > **known) {
            self.undo.push(Undo::Bytes(memory, *known));
            *known = bytes;
        }
    }
}

/// The value of `iconst`.
fn constant(func: &ir::Function, value: Value) -> Option<u32> {
    let value = func.dfg.resolve_aliases(value);
    let ValueDef::Result(inst, _) = func.dfg.value_def(value) else { return None };
    match func.dfg.insts[inst] {
        InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => Some(imm.bits() as u32),
        _ => None,
    }
}

impl FuncTranslator<'_, '_, '_> {
    /// Loads by `opcode` at the address on the stack.
    pub fn load(
        &mut self,
        opcode: Opcode,
        ty: ir::Type,
        access: ir::Type,
        arg: MemArg,
    ) -> Result<()> {
        let index = self.pop()?;
        if let Some((flags, base, offset)) = self.access(index, access.bytes(), arg)? {
            let flags = self.builder.func.dfg.mem_flags.insert(flags).map_err(|_| flags_full())?;
            let (inst, dfg) = self.builder.ins().Load(opcode, ty, flags, offset.into(), base);
            let value = dfg.first_result(inst);
            self.push(value);
        }
        Ok(())
    }

    /// Stores by `opcode` the value on the stack at the address below it.
    pub fn store(&mut self, opcode: Opcode, access: ir::Type, arg: MemArg) -> Result<()> {
        let value = self.pop()?;
        let index = self.pop()?;
        if let Some((flags, base, offset)) = self.access(index, access.bytes(), arg)? {
            let ty = self.builder.func.dfg.value_type(value);
            let flags = self.builder.func.dfg.mem_flags.insert(flags).map_err(|_| flags_full())?;
            self.builder.ins().Store(opcode, ty, flags, offset.into(), value, base);
        }
        Ok(())
    }

    /// Checks an access and forms its address; None if it always traps, and then what follows is
    /// unreachable.
    fn access(
        &mut self,
        index: Value,
        size: u32,
        arg: MemArg,
    ) -> Result<Option<(MemFlagsData, Value, i32)>> {
        let MemArgTarget::Memory(number) = arg.target else {
            return Err(Error::internal("an access to no memory"));
        };
        let memory = MemoryRef { index: number, ty: self.env.memory(number)? };
        let end = arg.offset.saturating_add(u64::from(size));
        if self.env.bounds == Bounds::Explicit && !self.check(memory, index, end)? {
            return Ok(None);
        }
        let region = self.memory_region(number)?;
        let heap = region.insert(self.builder.func);
        let flags = MemFlagsData::new()
            .with_endianness(Endianness::Little)
            .with_alias_region(Some(heap))
            .with_trap_code(match self.env.bounds {
                Bounds::Explicit | Bounds::Mask => None,
                Bounds::None => Some(Trap::MemoryOutOfBounds.to_clif()),
            });
        let base = self.memory_field(number, memory::BASE)?;
        let (address, offset) = match self.env.bounds {
            Bounds::Mask => self.masked_address(memory, base, index, arg.offset),
            _ => self.address(base, index, arg.offset),
        };
        Ok(Some((flags, address, offset)))
    }

    fn memory_region(&self, index: u32) -> Result<Region> {
        Ok(match self.env.memory_place(index)? {
            Place::Own(_) => Region::Memory(index),
            Place::Imported(_) => Region::ImportedMemories,
        })
    }

    /// `base + index + offset`, with as much of the constant part as fits in the access's offset.
    fn address(&mut self, base: Value, index: Value, offset: u64) -> (Value, i32) {
        let ins = &mut self.builder;
        let known = constant(ins.func, index).map(|k| u64::from(k) + offset);
        match known {
            Some(at) if at <= MAX_ACCESS_OFFSET => (base, at as i32),
            Some(at) => {
                let at = env::word(ins, at as u32);
                (ins.ins().iadd(base, at), 0)
            }
            None if offset <= MAX_ACCESS_OFFSET => (ins.ins().iadd(base, index), offset as i32),
            None => {
                let offset = env::word(ins, offset as u32);
                let index = ins.ins().iadd(index, offset);
                (ins.ins().iadd(base, index), 0)
            }
        }
    }

    /// The address of `index + offset` modulo the memory's size, a power of two.
    fn masked_address(
        &mut self,
        memory: MemoryRef,
        base: Value,
        index: Value,
        offset: u64,
    ) -> (Value, i32) {
        let mask = memory.ty.min_bytes() - 1;
        if let Some(known) = constant(self.builder.func, index) {
            let known = env::word(&mut self.builder, ((u64::from(known) + offset) & mask) as u32);
            return self.address(base, known, 0);
        }
        let ins = &mut self.builder;
        let mask = env::word(ins, mask as u32);
        let offset = env::word(ins, offset as u32);
        let sum = ins.ins().iadd(index, offset);
        let wrapped = ins.ins().band(sum, mask);
        (ins.ins().iadd(base, wrapped), 0)
    }

    /// Traps unless `index + end` is at most the memory's bytes. False if that is never so.
    fn check(&mut self, memory: MemoryRef, index: Value, end: u64) -> Result<bool> {
        if let Some(known) = constant(self.builder.func, index) {
            return self.check_bytes(memory, u64::from(known) + end);
        }
        let place = (memory.index, index);
        if self.checked.admits(place, end) || self.widen(memory, index, end) {
            return Ok(true);
        }
        if !self.check_bytes(memory, end)? {
            return Ok(false);
        }
        let constant = env::word(&mut self.builder, limit_constant(&memory.ty, end));
        let limit = if is_fixed(&memory.ty) {
            constant
        } else {
            let bytes = self.memory_field(memory.index, memory::BYTES)?;
            self.builder.ins().isub(bytes, constant)
        };
        let outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThan, index, limit);
        self.builder.ins().trapnz(outside, Trap::MemoryOutOfBounds.to_clif());
        self.checked.note_address(place, end);
        if let ValueDef::Result(constant, _) = self.builder.func.dfg.value_def(constant) {
            let bytes = self.checked.bytes(memory.index);
            self.checked.open.insert(place, OpenCheck { constant, bytes });
        }
        Ok(true)
    }

    /// Lets an open check of `index` admit `end` as well.
    fn widen(&mut self, memory: MemoryRef, index: Value, end: u64) -> bool {
        let place = (memory.index, index);
        let Some(open) = self.checked.open.get(&place).filter(|open| end <= open.bytes) else {
            return false;
        };
        let imm = Imm64::new(i64::from(limit_constant(&memory.ty, end)));
        self.builder.func.dfg.insts[open.constant] =
            InstructionData::UnaryImm { opcode: Opcode::Iconst, imm };
        self.checked.note_address(place, end);
        true
    }

    /// Traps unless the memory has `end` bytes. False if it never has.
    fn check_bytes(&mut self, memory: MemoryRef, end: u64) -> Result<bool> {
        if end <= self.checked.bytes(memory.index) {
            return Ok(true);
        }
        if end > memory.ty.max_bytes() {
            self.trap(Trap::MemoryOutOfBounds);
            return Ok(false);
        }
        let bytes = self.memory_bytes(memory)?;
        let needed = env::word(&mut self.builder, end as u32);
        let outside = self.builder.ins().icmp(IntCC::UnsignedLessThan, bytes, needed);
        self.builder.ins().trapnz(outside, Trap::MemoryOutOfBounds.to_clif());
        self.checked.note_bytes(memory.index, end);
        Ok(true)
    }

    /// The memory's size, a constant if it cannot change.
    fn memory_bytes(&mut self, memory: MemoryRef) -> Result<Value> {
        if is_fixed(&memory.ty) {
            return Ok(env::word(&mut self.builder, memory.ty.min_bytes() as u32));
        }
        self.memory_field(memory.index, memory::BYTES)
    }

    /// A word of a memory's descriptor. A context register may hold it: neither read-only nor
    /// movable, since calls change it.
    fn memory_field(&mut self, index: u32, field: i32) -> Result<Value> {
        let place = self.env.memory_place(index)?;
        let (base, at) = env::descriptor(&mut self.builder, self.vmctx, place);
        Ok(env::load_field(&mut self.builder, Region::Context, types::I32, base, at + field))
    }

    pub fn memory_size(&mut self, index: u32) -> Result<()> {
        let memory = MemoryRef { index, ty: self.env.memory(index)? };
        let bytes = self.memory_bytes(memory)?;
        let pages = bytes_to_pages(&mut self.builder, &memory.ty, bytes);
        self.push(pages);
        Ok(())
    }

    pub fn memory_grow(&mut self, index: u32) -> Result<()> {
        let pages = self.pop()?;
        let grow = self.env.helper(Helper::MemoryGrow(index));
        let vmctx = self.vmctx;
        let results = self.call_symbol(grow, memory_grow_signature(), &[vmctx, pages])?;
        self.stack.extend(results);
        Ok(())
    }

    pub fn memory_fill(&mut self, index: u32) -> Result<()> {
        let (bytes, byte, to) = (self.pop()?, self.pop()?, self.pop()?);
        let to = self.checked_range(index, to, bytes)?;
        env::call_routine(&mut self.builder, LibCall::Memset, &[to, bytes, byte]);
        Ok(())
    }

    pub fn memory_copy(&mut self, target: u32, source: u32) -> Result<()> {
        let (bytes, from, to) = (self.pop()?, self.pop()?, self.pop()?);
        let to = self.checked_range(target, to, bytes)?;
        let from = self.checked_range(source, from, bytes)?;
        env::call_routine(&mut self.builder, LibCall::Memmove, &[to, from, bytes]);
        Ok(())
    }

    pub fn memory_init(&mut self, index: u32, segment: u32) -> Result<()> {
        let (bytes, from, to) = (self.pop()?, self.pop()?, self.pop()?);
        let length = self.data_length(segment);
        self.check_range(from, bytes, length, Trap::MemoryOutOfBounds);
        let to = self.checked_range(index, to, bytes)?;
        // A segment without bytes has no object, and nothing is copied from it.
        if let Some(&object) = self.env.layout.data_bytes.get(&segment) {
            let object = env::symbol_address(&mut self.builder, object);
            let from = self.builder.ins().iadd(object, from);
            env::call_routine(&mut self.builder, LibCall::Memmove, &[to, from, bytes]);
        }
        Ok(())
    }

    /// Bytes of a segment that `memory.init` may read now.
    fn data_length(&mut self, segment: u32) -> Value {
        if let Some(&at) = self.env.layout.data_lengths.get(&segment) {
            return self.load_context(at);
        }
        let data = self.env.wasm.data.get(segment as usize);
        let passive = data.filter(|data| matches!(data.kind, SegmentKind::Passive));
        env::word(&mut self.builder, passive.map_or(0, |data| data.bytes.len() as u32))
    }

    pub fn data_drop(&mut self, segment: u32) {
        if let Some(&at) = self.env.layout.data_lengths.get(&segment) {
            self.store_context(at, 0);
        }
    }

    /// The address of `bytes` bytes at `start`, after a check that all of them are inside.
    fn checked_range(&mut self, index: u32, start: Value, bytes: Value) -> Result<Value> {
        if self.env.bounds != Bounds::None {
            let memory = MemoryRef { index, ty: self.env.memory(index)? };
            let limit = self.memory_bytes(memory)?;
            self.check_range(start, bytes, limit, Trap::MemoryOutOfBounds);
        }
        let base = self.memory_field(index, memory::BASE)?;
        Ok(self.builder.ins().iadd(base, start))
    }

    /// Traps unless `start + count` is at most `limit`.
    pub fn check_range(&mut self, start: Value, count: Value, limit: Value, trap: Trap) {
        let ins = &mut self.builder;
        let over = ins.ins().icmp(IntCC::UnsignedGreaterThan, count, limit);
        ins.ins().trapnz(over, trap.to_clif());
        let last = ins.ins().isub(limit, count);
        let over = ins.ins().icmp(IntCC::UnsignedGreaterThan, start, last);
        ins.ins().trapnz(over, trap.to_clif());
    }
}

/// A memory with its index.
#[derive(Clone, Copy)]
struct MemoryRef {
    index: u32,
    ty: Memory,
}

fn is_fixed(memory: &Memory) -> bool {
    memory.min_bytes() == memory.max_bytes()
}

/// What a check up to `end` subtracts from the memory's bytes or, if those are fixed, the result.
fn limit_constant(memory: &Memory, end: u64) -> u32 {
    (if is_fixed(memory) { memory.min_bytes() - end } else { end }) as u32
}

fn flags_full() -> crate::Error {
    Error::internal("too many kinds of memory access in one function")
}

fn bytes_to_pages(builder: &mut FunctionBuilder<'_>, memory: &Memory, bytes: Value) -> Value {
    let shift = env::word(builder, memory.page_bytes.ilog2());
    builder.ins().ushr(bytes, shift)
}

pub fn memory_grow_signature() -> Signature {
    let mut sig = Signature::new(CallConv::Tail);
    sig.params.push(AbiParam::special(types::I32, ArgumentPurpose::VMContext));
    sig.params.push(AbiParam::new(types::I32));
    sig.returns.push(AbiParam::new(types::I32));
    sig
}

/// Body of `Helper::MemoryGrow`. The capacity is at least the size and at most the declared
/// maximum, so that nothing here overflows. New bytes are zero before they become accessible.
pub fn build_memory_grow(
    env: &mut Env<'_>,
    builder: &mut FunctionBuilder<'_>,
    params: &[Value],
    index: u32,
) -> Result<()> {
    let ty = env.memory(index)?;
    let place = env.memory_place(index)?;
    let &[vmctx, pages] = params else {
        return Err(Error::internal("memory.grow takes the instance and the pages"));
    };
    let grow = builder.create_block();
    let refuse = builder.create_block();
    let (descriptor, at) = env::descriptor(builder, vmctx, place);
    let field = |builder: &mut FunctionBuilder<'_>, field| {
        env::load_field(builder, Region::Context, types::I32, descriptor, at + field)
    };
    let bytes = field(builder, memory::BYTES);
    let capacity = field(builder, memory::CAPACITY);
    let room = builder.ins().isub(capacity, bytes);
    let room = bytes_to_pages(builder, &ty, room);
    let fits = builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, pages, room);
    builder.ins().brif(fits, grow, &[], refuse, &[]);

    builder.switch_to_block(grow);
    let shift = env::word(builder, ty.page_bytes.ilog2());
    let more = builder.ins().ishl(pages, shift);
    let base = field(builder, memory::BASE);
    let end = builder.ins().iadd(base, bytes);
    let zero = env::word(builder, 0);
    env::call_routine(builder, LibCall::Memset, &[end, more, zero]);
    let after = builder.ins().iadd(bytes, more);
    env::store_field(builder, Region::Context, after, descriptor, at + memory::BYTES);
    let before = bytes_to_pages(builder, &ty, bytes);
    builder.ins().return_(&[before]);

    builder.switch_to_block(refuse);
    let failure = env::word(builder, u32::MAX);
    builder.ins().return_(&[failure]);
    Ok(())
}
