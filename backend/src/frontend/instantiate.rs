//! `int <module>_instantiate(instance *, context pointers..., void *memory, uint32_t bytes, ...)`:
//! memory and bytes stand at least once and once for each of the module's own memories.
//!
//! Checks what the host hands over, gives every field of the instance its first value, fills
//! tables and memories and runs the start function. Statuses are those of `Status`, and 16 + code
//! for a trap.

use super::constant::Const;
use super::env::{self, Env, GlobalPlace};
use super::layout::{Place, RECORD_BYTES, RECORD_ENTRY, TablePlace};
use super::memory::Region;
use super::module::{Active, ImportKind};
use super::types::word_signature;
use super::{support, table};
use crate::Trap;
use crate::error::{Error, Result};
use crate::instance::{NO_TRAP, STARTING, funcref, memory, offset, status, table as table_field};
use crate::module::{FunctionRole, Memory, SymbolId};
use crate::options::Bounds;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{BlockArg, InstBuilder, LibCall, Value};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

/// Alignment of a memory's base, in bytes.
const MEMORY_ALIGN: u32 = 8;

/// Defines the function, and the start entry that it refers to.
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
    let contexts = env.interface.contexts.len();
    let memories = env.interface.memories.len().max(1);
    let signature = word_signature(1 + contexts + 2 * memories, 1);
    env.build(context, symbol, FunctionRole::Support, signature, |env, builder, params| {
        let Some((&instance, rest)) = params.split_first() else {
            return Err(Error::internal("instantiate takes the instance"));
        };
        let (contexts, memories) = rest.split_at(contexts);
        let mut init = Init { env, builder, instance };
        init.head(contexts);
        init.own_memories(memories)?;
        init.imports(contexts)?;
        init.funcrefs();
        init.globals()?;
        init.tables()?;
        init.segments()?;
        if let Some(start) = start {
            init.run_start(start);
        }
        init.return_status(status::OK as u32);
        Ok(())
    })
}

/// Instantiation while its function is written.
struct Init<'e, 'a, 'b, 'f> {
    env: &'e mut Env<'a>,
    builder: &'b mut FunctionBuilder<'f>,
    instance: Value,
}

impl Init<'_, '_, '_, '_> {
    fn word(&mut self, value: u32) -> Value {
        env::word(self.builder, value)
    }

    fn store(&mut self, at: i32, value: Value) {
        env::store_field(self.builder, Region::Context, value, self.instance, at);
    }

    fn load(&mut self, base: Value, at: i32) -> Value {
        env::load_field(self.builder, Region::Context, I32, base, at)
    }

    fn return_status(&mut self, status: u32) {
        let status = self.word(status);
        self.builder.ins().return_(&[status]);
    }

    /// Goes on only if the condition does not hold; `fail` fills the other way.
    fn unless(&mut self, condition: Value, fail: impl FnOnce(&mut Self)) {
        let failed = self.builder.create_block();
        let next = self.builder.create_block();
        self.builder.ins().brif(condition, failed, &[], next, &[]);
        self.builder.switch_to_block(failed);
        fail(self);
        self.builder.switch_to_block(next);
    }

    fn return_if(&mut self, condition: Value, status: i32) {
        self.unless(condition, |init| init.return_status(status as u32));
    }

    /// Ends with this trap if the condition holds.
    fn trap_if(&mut self, condition: Value, trap: Trap) {
        self.unless(condition, |init| {
            let code = init.word(trap.code().into());
            init.store(offset::TRAP, code);
            init.return_status(status::TRAPPED as u32 + u32::from(trap.code()));
        });
    }

    fn head(&mut self, contexts: &[Value]) {
        let zero = self.word(0);
        let no_trap = self.word(NO_TRAP as u32);
        // The stack limit stays, so that a start function has one.
        let fields = [
            (offset::MEM0_BYTES, zero),
            (offset::MEM0_BASE, zero),
            (offset::MEM0_CAPACITY, zero),
            (offset::RECOVERY_CHAIN, zero),
            (offset::TRAP, no_trap),
            (offset::INTERRUPT, zero),
            (offset::TRAP_PC, zero),
        ];
        fields.into_iter().for_each(|(at, value)| self.store(at, value));
        if let Some(units) = self.env.fuel {
            let used = self.word(!units);
            self.store(offset::FUEL, used);
        }
        for (index, &value) in contexts.iter().enumerate() {
            self.store(self.env.interface.contexts[index].offset, value);
        }
    }

    /// Takes the memories that the host hands over, and zeroes them.
    fn own_memories(&mut self, handed: &[Value]) -> Result<()> {
        let own = (0..).zip(&self.env.wasm.memories).filter(|(_, memory)| !memory.imported);
        let own: Vec<(u32, Memory)> = own.map(|(index, memory)| (index, memory.ty)).collect();
        for (&(index, ty), handed) in own.iter().zip(handed.chunks_exact(2)) {
            self.check_memory(ty, handed[0], handed[1]);
            let Place::Own(at) = self.env.memory_place(index)? else { continue };
            let capacity = self.capacity(ty, handed[1]);
            let bytes = self.word(ty.min_bytes() as u32);
            self.store(at + memory::BYTES, bytes);
            self.store(at + memory::BASE, handed[0]);
            self.store(at + memory::CAPACITY, capacity);
        }
        for ((_, ty), handed) in own.into_iter().zip(handed.chunks_exact(2)) {
            let bytes = ty.min_bytes() as u32 + self.env.guard_bytes();
            if bytes > 0 {
                let (zero, bytes) = (self.word(0), self.word(bytes));
                env::call_routine(self.builder, LibCall::Memset, &[handed[0], bytes, zero]);
            }
        }
        Ok(())
    }

    fn check_memory(&mut self, ty: Memory, base: Value, bytes: Value) {
        let least = ty.min_bytes() as u32 + self.env.guard_bytes();
        if least > 0 {
            let least = self.word(least);
            let small = self.builder.ins().icmp(IntCC::UnsignedLessThan, bytes, least);
            self.return_if(small, status::MEMORY_TOO_SMALL);
        }
        let mask = self.word(MEMORY_ALIGN - 1);
        let misaligned = self.builder.ins().band(base, mask);
        self.return_if(misaligned, status::MEMORY_MISALIGNED);
    }

    /// Bytes that the memory may grow to. A mask fixes the size.
    fn capacity(&mut self, ty: Memory, bytes: Value) -> Value {
        if self.env.bounds == Bounds::Mask {
            return self.word(ty.min_bytes() as u32);
        }
        let most = self.word(ty.max_bytes() as u32);
        let over = self.builder.ins().icmp(IntCC::UnsignedGreaterThan, bytes, most);
        self.builder.ins().select(over, most, bytes)
    }

    /// Asks the accessors of imported memories, tables and globals.
    fn imports(&mut self, contexts: &[Value]) -> Result<()> {
        for import in 0..self.env.wasm.imports.len() {
            let kind = self.env.wasm.imports[import].kind;
            if matches!(kind, ImportKind::Function(_)) {
                continue;
            }
            let import = &self.env.interface.imports[import];
            let (symbol, context) = (import.symbol, contexts[import.context]);
            let pointer = env::call(self.builder, symbol, word_signature(1, 1), &[context])[0];
            let null = self.word(0);
            let missing = self.builder.ins().icmp(IntCC::Equal, pointer, null);
            self.return_if(missing, status::INCOMPATIBLE_IMPORT);
            match kind {
                ImportKind::Memory(index) => {
                    let least = self.env.memory(index)?.min_bytes() as u32;
                    self.check_size(pointer, memory::BYTES, least);
                    if let Place::Imported(at) = self.env.memory_place(index)? {
                        self.store(at, pointer);
                    }
                }
                ImportKind::Table(index) => {
                    self.check_size(pointer, table_field::SIZE, self.env.table_type(index)?.min);
                    if let TablePlace::Imported(at) = self.env.table_place(index)? {
                        self.store(at, pointer);
                    }
                }
                ImportKind::Global(index) => self.import_global(index, pointer)?,
                ImportKind::Function(_) => {}
            }
        }
        Ok(())
    }

    fn check_size(&mut self, descriptor: Value, field: i32, least: u32) {
        if least > 0 {
            let size = self.load(descriptor, field);
            let least = self.word(least);
            let small = self.builder.ins().icmp(IntCC::UnsignedLessThan, size, least);
            self.return_if(small, status::INCOMPATIBLE_IMPORT);
        }
    }

    /// An immutable global is copied.
    fn import_global(&mut self, index: u32, pointer: Value) -> Result<()> {
        match self.env.global_place(index)? {
            GlobalPlace::Imported(at) => self.store(at, pointer),
            GlobalPlace::Instance(at) => {
                let ty = super::types::clif_type(self.env.global_type(index)?.ty);
                let region = Region::ImportedGlobals;
                let value = env::load_field(self.builder, region, ty, pointer, 0);
                let region = Region::Global(index);
                env::store_field(self.builder, region, value, self.instance, at);
            }
            GlobalPlace::Constant(_) => return Err(Error::internal("an import that is constant")),
        }
        Ok(())
    }

    /// Completes the records of functions from `{signature, entry}` pairs in flash.
    fn funcrefs(&mut self) {
        let functions: Vec<(u32, i32)> =
            self.env.layout.funcrefs.iter().map(|(&index, &at)| (index, at)).collect();
        let Some(&(_, first)) = functions.first() else { return };
        let mut addresses = Vec::new();
        for (pair, &(index, _)) in functions.iter().enumerate() {
            let function = &self.env.functions[index as usize];
            let (ty, entry) = (function.ty.clone(), function.symbol);
            let at = pair as u32 * RECORD_BYTES;
            addresses.extend([(at, self.env.signature(&ty)), (at + RECORD_ENTRY as u32, entry)]);
        }
        let bytes = vec![0; functions.len() * RECORD_BYTES as usize];
        let pairs = self.env.add_addresses("functions", bytes, 4, addresses);

        // Records lie one behind the other, in order.
        let first = self.word(first as u32);
        let to = self.builder.ins().iadd(self.instance, first);
        let from = env::symbol_address(self.builder, pairs);
        let bytes = self.word(functions.len() as u32 * RECORD_BYTES);
        let end = self.builder.ins().iadd(from, bytes);
        let body = self.builder.create_block();
        let next = self.builder.create_block();
        let from_param = self.builder.append_block_param(body, I32);
        let to_param = self.builder.append_block_param(body, I32);
        self.builder.ins().jump(body, &[BlockArg::Value(from), BlockArg::Value(to)]);

        self.builder.switch_to_block(body);
        let signature = self.load(from_param, 0);
        let entry = self.load(from_param, RECORD_ENTRY);
        for (at, value) in [
            (funcref::SIGNATURE, signature),
            (funcref::ENTRY, entry),
            (funcref::INSTANCE, self.instance),
        ] {
            env::store_field(self.builder, Region::Funcrefs, value, to_param, at);
        }
        let (pair, record) = (self.word(RECORD_BYTES), self.word(funcref::BYTES));
        let from = self.builder.ins().iadd(from_param, pair);
        let to = self.builder.ins().iadd(to_param, record);
        let more = self.builder.ins().icmp(IntCC::UnsignedLessThan, from, end);
        let args = [BlockArg::Value(from), BlockArg::Value(to)];
        self.builder.ins().brif(more, body, &args, next, &[]);
        self.builder.switch_to_block(next);
    }

    fn globals(&mut self) -> Result<()> {
        for index in 0..self.env.wasm.globals.len() as u32 {
            let init = self.env.wasm.globals[index as usize].init.clone();
            let place = self.env.global_place(index)?;
            if let (Some(init), GlobalPlace::Instance(at)) = (init, place) {
                let value = init.build(self.env, self.builder, self.instance)?;
                let region = Region::Global(index);
                env::store_field(self.builder, region, value, self.instance, at);
            }
        }
        Ok(())
    }

    /// Descriptors, and the elements that tables begin with.
    fn tables(&mut self) -> Result<()> {
        for index in 0..self.env.wasm.tables.len() as u32 {
            let TablePlace::Own { descriptor, elements, capacity, .. } =
                self.env.table_place(index)?
            else {
                continue;
            };
            let decl = &self.env.wasm.tables[index as usize];
            let (min, init) = (decl.ty.min, decl.init.clone());
            let size = self.word(min);
            let capacity = self.word(capacity);
            let at = self.word(elements as u32);
            let elements = self.builder.ins().iadd(self.instance, at);
            self.store(descriptor + table_field::SIZE, size);
            self.store(descriptor + table_field::ELEMENTS, elements);
            self.store(descriptor + table_field::CAPACITY, capacity);
            if min > 0 {
                let value = match init {
                    Some(init) => init.build(self.env, self.builder, self.instance)?,
                    None => self.word(0),
                };
                table::call_table_fill(self.env, self.builder, elements, size, value);
            }
        }
        Ok(())
    }

    /// Active segments, in order: elements, then data. Before bulk memory operations all were
    /// checked before the first was copied (WebAssembly 1.0, 4.5.4); since then, each by itself.
    fn segments(&mut self) -> Result<()> {
        self.segment_lengths();
        let elements = (0..self.env.wasm.elements.len() as u32).map(Segment::Elements);
        let data = (0..self.env.wasm.data.len() as u32).map(Segment::Data);
        let segments: Vec<Segment> = elements.chain(data).collect();
        if !self.env.bulk_memory {
            for &segment in &segments {
                self.check_segment(segment)?;
            }
        }
        for &segment in &segments {
            if self.env.bulk_memory {
                self.check_segment(segment)?;
            }
            self.copy_segment(segment)?;
        }
        Ok(())
    }

    /// What `table.init` and `memory.init` may read of passive segments, until they are dropped.
    fn segment_lengths(&mut self) {
        let Env { layout, wasm, .. } = &*self.env;
        let elements = layout.element_lengths.iter();
        let elements = elements.map(|(&n, &at)| (at, wasm.elements[n as usize].items.len()));
        let data = layout.data_lengths.iter();
        let data = data.map(|(&n, &at)| (at, wasm.data[n as usize].bytes.len()));
        let lengths: Vec<(i32, usize)> = elements.chain(data).collect();
        for (at, length) in lengths {
            let length = self.word(length as u32);
            self.store(at, length);
        }
    }

    /// The active segment's target and offset, its length, and the trap of one that does not fit.
    fn active(&self, segment: Segment) -> Option<(Active, u32, Trap)> {
        let (kind, length, trap) = match segment {
            Segment::Elements(index) => {
                let segment = &self.env.wasm.elements[index as usize];
                (&segment.kind, segment.items.len(), Trap::TableOutOfBounds)
            }
            Segment::Data(index) => {
                let segment = &self.env.wasm.data[index as usize];
                (&segment.kind, segment.bytes.len(), Trap::MemoryOutOfBounds)
            }
        };
        kind.active().map(|active| (active.clone(), length as u32, trap))
    }

    fn check_segment(&mut self, segment: Segment) -> Result<()> {
        let Some((Active { target, offset }, length, trap)) = self.active(segment) else {
            return Ok(());
        };
        let (place, field, known) = match segment {
            Segment::Elements(_) => match self.env.table_place(target)? {
                // It fits, or the table would not be there.
                TablePlace::Flash(_) => return Ok(()),
                place => {
                    let place = match place {
                        // Of no use but that its segments may be too long.
                        TablePlace::Unused => Place::Own(0),
                        _ => table::descriptor_place(self.env, target)?,
                    };
                    (place, table_field::SIZE, self.env.table_type(target)?.min)
                }
            },
            Segment::Data(_) => {
                let place = self.env.memory_place(target)?;
                (place, memory::BYTES, self.env.memory(target)?.min_bytes() as u32)
            }
        };
        // At least so much is there; of the module's own, no more.
        if let Some(Const::I32(start)) = offset.fold(&self.env.globals)
            && u64::from(start as u32) + u64::from(length) <= u64::from(known)
        {
            return Ok(());
        }
        let size = match place {
            Place::Own(_) => self.word(known),
            Place::Imported(at) => {
                let descriptor = self.load(self.instance, at);
                self.load(descriptor, field)
            }
        };
        let start = offset.build(self.env, self.builder, self.instance)?;
        let length = self.word(length);
        let long = self.builder.ins().icmp(IntCC::UnsignedGreaterThan, length, size);
        self.trap_if(long, trap);
        let last = self.builder.ins().isub(size, length);
        let beyond = self.builder.ins().icmp(IntCC::UnsignedGreaterThan, start, last);
        self.trap_if(beyond, trap);
        Ok(())
    }

    fn copy_segment(&mut self, segment: Segment) -> Result<()> {
        let Some((Active { target, offset }, length, _)) = self.active(segment) else {
            return Ok(());
        };
        let contents = match segment {
            Segment::Elements(index) => self.env.layout.element_items.get(&index),
            Segment::Data(index) => self.env.layout.data_bytes.get(&index),
        };
        let Some(&contents) = contents else { return Ok(()) };
        let (place, field, shift) = match segment {
            Segment::Elements(_) => {
                (table::descriptor_place(self.env, target)?, table_field::ELEMENTS, 2)
            }
            Segment::Data(_) => (self.env.memory_place(target)?, memory::BASE, 0),
        };
        let (descriptor, at) = match place {
            Place::Own(at) => (self.instance, at),
            Place::Imported(at) => (self.load(self.instance, at), 0),
        };
        let base = self.load(descriptor, at + field);
        let start = offset.build(self.env, self.builder, self.instance)?;
        let shift = self.word(shift);
        let start = self.builder.ins().ishl(start, shift);
        let to = self.builder.ins().iadd(base, start);
        let from = env::symbol_address(self.builder, contents);
        let length = self.word(length);
        match segment {
            Segment::Elements(_) => {
                table::call_table_init(self.env, self.builder, self.instance, to, from, length);
            }
            Segment::Data(_) => {
                env::call_routine(self.builder, LibCall::Memmove, &[to, from, length]);
            }
        }
        Ok(())
    }

    /// Calls the start function's entry, which a trap leaves by returning.
    fn run_start(&mut self, start: SymbolId) {
        let starting = self.word(STARTING);
        self.store(offset::RECOVERY_CHAIN, starting);
        env::call(self.builder, start, word_signature(1, 0), &[self.instance]);
        let outside = self.word(0);
        self.store(offset::RECOVERY_CHAIN, outside);
        let trap = self.load(self.instance, offset::TRAP);
        let none = self.word(NO_TRAP as u32);
        let trapped = self.builder.ins().icmp(IntCC::NotEqual, trap, none);
        self.unless(trapped, |init| {
            let first = init.word(status::TRAPPED as u32);
            let status = init.builder.ins().iadd(trap, first);
            init.builder.ins().return_(&[status]);
        });
    }
}

#[derive(Clone, Copy)]
enum Segment {
    Elements(u32),
    Data(u32),
}
