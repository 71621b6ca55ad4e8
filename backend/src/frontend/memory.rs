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
use super::module::MAX_MEMORY_BYTES;
use crate::Trap;
use crate::error::Result;
use crate::instance::offset;
use crate::module::Memory;
use crate::options::Bounds;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::immediates::Imm64;
use cranelift_codegen::ir::{
    self, AbiParam, AliasRegionData, ArgumentPurpose, Endianness, Inst, InstBuilder,
    InstructionData, MemFlagsData, Opcode, Signature, Value, ValueDef, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilder;
use std::borrow::Cow;
use std::collections::HashMap;
use wasmparser::MemArg;

/// The largest offset that is left to the access's addressing mode; what is beyond is added.
const MAX_ACCESS_OFFSET: u64 = 4095;

/// Globals with an alias region of their own; the rest share one, so that a function's regions
/// stay few.
const GLOBAL_REGIONS: u32 = 16;

/// Disjoint parts of what generated code accesses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Region {
    /// The instance's fields other than globals.
    Context,
    Heap,
    Global(u32),
}

impl Region {
    fn insert(self, func: &mut ir::Function) -> ir::AliasRegion {
        let (user_id, description) = match self {
            Region::Context => (0, Cow::Borrowed("context")),
            Region::Heap => (1, Cow::Borrowed("memory 0")),
            Region::Global(index) if index + 1 < GLOBAL_REGIONS => {
                (2 + index, Cow::Owned(format!("global {index}")))
            }
            Region::Global(_) => (1 + GLOBAL_REGIONS, Cow::Borrowed("other globals")),
        };
        func.dfg.alias_regions.insert(AliasRegionData { user_id, description })
    }

    /// For an aligned access that cannot fail.
    pub fn trusted_flags(self, func: &mut ir::Function) -> MemFlagsData {
        MemFlagsData::trusted().with_alias_region(Some(self.insert(func)))
    }
}

/// What earlier checks have established.
pub struct Checked {
    /// The memory has at least so many bytes.
    bytes: u64,
    /// For an address, the largest C that it was checked for.
    addresses: HashMap<Value, u64>,
    undo: Vec<Undo>,
    /// Checks of addresses that may still be widened.
    open: HashMap<Value, OpenCheck>,
}

/// A check whose C stands in one instruction that nothing else uses.
struct OpenCheck {
    /// The `iconst` of C or, for a memory of fixed size, of the limit.
    constant: Inst,
    /// Bytes that the memory was known to have: the most that C can become.
    bytes: u64,
}

enum Undo {
    Bytes(u64),
    Address(Value, Option<u64>),
}

/// A point to return to.
#[derive(Clone, Copy)]
pub struct Mark(usize);

impl Checked {
    pub fn new(min_bytes: u64) -> Checked {
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
                Undo::Bytes(bytes) => self.bytes = bytes,
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

    fn admits(&self, address: Value, end: u64) -> bool {
        self.addresses.get(&address).is_some_and(|&checked| end <= checked)
    }

    fn note_address(&mut self, address: Value, end: u64) {
        let before = self.addresses.insert(address, end);
        self.undo.push(Undo::Address(address, before));
    }

    fn note_bytes(&mut self, bytes: u64) {
        if bytes > self.bytes {
            self.undo.push(Undo::Bytes(self.bytes));
            self.bytes = bytes;
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
        let memory = self.env.memory0()?.clone();
        let end = arg.offset.saturating_add(u64::from(size));
        if self.env.bounds == Bounds::Explicit && !self.check(&memory, index, end) {
            return Ok(None);
        }
        let heap = Region::Heap.insert(self.builder.func);
        let flags = MemFlagsData::new()
            .with_endianness(Endianness::Little)
            .with_alias_region(Some(heap))
            .with_trap_code(match self.env.bounds {
                Bounds::Explicit => None,
                Bounds::None => Some(Trap::MemoryOutOfBounds.to_clif()),
            });
        let base = self.load_context(offset::MEM0_BASE);
        let (address, offset) = self.address(base, index, arg.offset);
        Ok(Some((flags, address, offset)))
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

    /// Traps unless `index + end` is at most the memory's bytes. False if that is never so.
    fn check(&mut self, memory: &Memory, index: Value, end: u64) -> bool {
        if let Some(known) = constant(self.builder.func, index) {
            return self.check_bytes(memory, u64::from(known) + end);
        }
        if self.checked.admits(index, end) {
            return true;
        }
        if self.widen(memory, index, end) {
            return true;
        }
        if !self.check_bytes(memory, end) {
            return false;
        }
        let constant = env::word(&mut self.builder, limit_constant(memory, end));
        let limit = if is_fixed(memory) {
            constant
        } else {
            let bytes = self.load_context(offset::MEM0_BYTES);
            self.builder.ins().isub(bytes, constant)
        };
        let outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThan, index, limit);
        self.builder.ins().trapnz(outside, Trap::MemoryOutOfBounds.to_clif());
        self.checked.note_address(index, end);
        if let ValueDef::Result(constant, _) = self.builder.func.dfg.value_def(constant) {
            let bytes = self.checked.bytes;
            self.checked.open.insert(index, OpenCheck { constant, bytes });
        }
        true
    }

    /// Lets an open check of `index` admit `end` as well.
    fn widen(&mut self, memory: &Memory, index: Value, end: u64) -> bool {
        let Some(open) = self.checked.open.get(&index).filter(|open| end <= open.bytes) else {
            return false;
        };
        let imm = Imm64::new(i64::from(limit_constant(memory, end)));
        self.builder.func.dfg.insts[open.constant] =
            InstructionData::UnaryImm { opcode: Opcode::Iconst, imm };
        self.checked.note_address(index, end);
        true
    }

    /// Traps unless the memory has `end` bytes. False if it never has.
    fn check_bytes(&mut self, memory: &Memory, end: u64) -> bool {
        if end <= self.checked.bytes {
            return true;
        }
        if end > memory.max_bytes {
            self.trap(Trap::MemoryOutOfBounds);
            return false;
        }
        let bytes = self.memory_bytes(memory);
        let needed = env::word(&mut self.builder, end as u32);
        let outside = self.builder.ins().icmp(IntCC::UnsignedLessThan, bytes, needed);
        self.builder.ins().trapnz(outside, Trap::MemoryOutOfBounds.to_clif());
        self.checked.note_bytes(end);
        true
    }

    /// The memory's size, a constant if it cannot change.
    fn memory_bytes(&mut self, memory: &Memory) -> Value {
        if is_fixed(memory) {
            env::word(&mut self.builder, memory.min_bytes as u32)
        } else {
            self.load_context(offset::MEM0_BYTES)
        }
    }

    pub fn memory_size(&mut self) -> Result<()> {
        let memory = self.env.memory0()?.clone();
        let bytes = self.memory_bytes(&memory);
        let pages = bytes_to_pages(&mut self.builder, &memory, bytes);
        self.push(pages);
        Ok(())
    }

    pub fn memory_grow(&mut self) -> Result<()> {
        let pages = self.pop()?;
        let grow = self.env.helper(Helper::MemoryGrow);
        let vmctx = self.vmctx;
        let results = self.call_symbol(grow, memory_grow_signature(), &[vmctx, pages])?;
        self.stack.extend(results);
        Ok(())
    }
}

fn is_fixed(memory: &Memory) -> bool {
    memory.min_bytes == memory.max_bytes
}

/// What a check up to `end` subtracts from the memory's bytes or, if those are fixed, the result.
fn limit_constant(memory: &Memory, end: u64) -> u32 {
    (if is_fixed(memory) { memory.min_bytes - end } else { end }) as u32
}

fn flags_full() -> crate::Error {
    crate::Error::internal("too many kinds of memory access in one function")
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
) -> Result<()> {
    let memory = env.memory0()?.clone();
    debug_assert!(memory.max_bytes <= MAX_MEMORY_BYTES);
    let &[vmctx, pages] = params else {
        return Err(crate::Error::internal("memory.grow takes the instance and the pages"));
    };
    let grow = builder.create_block();
    let refuse = builder.create_block();
    let field = |builder: &mut FunctionBuilder<'_>, at| {
        env::load_field(builder, Region::Context, types::I32, vmctx, at)
    };
    let bytes = field(builder, offset::MEM0_BYTES);
    let capacity = field(builder, offset::MEM0_CAPACITY);
    let room = builder.ins().isub(capacity, bytes);
    let room = bytes_to_pages(builder, &memory, room);
    let fits = builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, pages, room);
    builder.ins().brif(fits, grow, &[], refuse, &[]);

    builder.switch_to_block(grow);
    let shift = env::word(builder, memory.page_bytes.ilog2());
    let more = builder.ins().ishl(pages, shift);
    let base = field(builder, offset::MEM0_BASE);
    let end = builder.ins().iadd(base, bytes);
    let zero = env.helper(Helper::Zero);
    env::call(builder, zero, super::types::word_signature(2, 0), &[end, more]);
    let after = builder.ins().iadd(bytes, more);
    env::store_field(builder, Region::Context, after, vmctx, offset::MEM0_BYTES);
    let before = bytes_to_pages(builder, &memory, bytes);
    builder.ins().return_(&[before]);

    builder.switch_to_block(refuse);
    let failure = env::word(builder, u32::MAX);
    builder.ins().return_(&[failure]);
    Ok(())
}
