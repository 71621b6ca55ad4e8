//! Tables and references: what a table's elements are, and the operators that read and change
//! them.

use super::env::{self, Env, Helper};
use super::func::FuncTranslator;
use super::layout::{Item, Place, TablePlace};
use super::memory::Region;
use super::module::SegmentKind;
use super::types::word_signature;
use crate::Trap;
use crate::error::{Error, Result};
use crate::instance::table;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{
    AbiParam, ArgumentPurpose, BlockArg, InstBuilder, LibCall, Signature, Value,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilder;

/// log2 of an element's bytes.
const ELEMENT_SHIFT: u32 = 2;

impl FuncTranslator<'_, '_, '_> {
    pub fn ref_func(&mut self, index: u32) -> Result<()> {
        let at = self.env.funcref_offset(index)?;
        let at = env::word(&mut self.builder, at as u32);
        let reference = self.builder.ins().iadd(self.vmctx, at);
        self.push(reference);
        Ok(())
    }

    pub fn ref_is_null(&mut self) -> Result<()> {
        let zero = env::word(&mut self.builder, 0);
        self.push(zero);
        self.compare(IntCC::Equal)
    }

    pub fn table_get(&mut self, index: u32) -> Result<()> {
        let at = self.pop()?;
        let address = self.element(index, at, Trap::TableOutOfBounds)?;
        let value = env::load_field(&mut self.builder, Region::Elements, I32, address, 0);
        self.push(value);
        Ok(())
    }

    pub fn table_set(&mut self, index: u32) -> Result<()> {
        let value = self.pop()?;
        let at = self.pop()?;
        let address = self.element(index, at, Trap::TableOutOfBounds)?;
        env::store_field(&mut self.builder, Region::Elements, value, address, 0);
        Ok(())
    }

    /// The address of an element, after the check that it exists.
    pub fn element(&mut self, index: u32, at: Value, trap: Trap) -> Result<Value> {
        let size = self.table_length(index)?;
        let outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, at, size);
        self.builder.ins().trapnz(outside, trap.to_clif());
        let elements = self.elements(index)?;
        Ok(element_address(&mut self.builder, elements, at))
    }

    /// The number of elements now.
    pub fn table_length(&mut self, index: u32) -> Result<Value> {
        let place = self.env.table_place(index)?;
        let fixed = match place {
            TablePlace::Flash(_) | TablePlace::Unused => true,
            TablePlace::Own { capacity, .. } => capacity == self.env.table_type(index)?.min,
            TablePlace::Imported(_) => false,
        };
        if fixed {
            let min = self.env.table_type(index)?.min;
            return Ok(env::word(&mut self.builder, min));
        }
        let (base, at) = self.table_descriptor(index)?;
        Ok(env::load_field(&mut self.builder, Region::Context, I32, base, at + table::SIZE))
    }

    fn table_descriptor(&mut self, index: u32) -> Result<(Value, i32)> {
        let place = descriptor_place(self.env, index)?;
        Ok(env::descriptor(&mut self.builder, self.vmctx, place))
    }

    /// The address of the first element.
    fn elements(&mut self, index: u32) -> Result<Value> {
        match self.env.table_place(index)? {
            TablePlace::Unused => Err(Error::internal("elements of a table that nobody uses")),
            TablePlace::Flash(flash) => Ok(env::symbol_address(&mut self.builder, flash.symbol)),
            TablePlace::Own { elements, .. } => {
                let at = env::word(&mut self.builder, elements as u32);
                Ok(self.builder.ins().iadd(self.vmctx, at))
            }
            TablePlace::Imported(at) => {
                let descriptor = env::load_pointer(&mut self.builder, self.vmctx, at);
                let field = table::ELEMENTS;
                Ok(env::load_field(&mut self.builder, Region::Context, I32, descriptor, field))
            }
        }
    }

    pub fn table_size(&mut self, index: u32) -> Result<()> {
        let size = self.table_length(index)?;
        self.push(size);
        Ok(())
    }

    pub fn table_grow(&mut self, index: u32) -> Result<()> {
        let (count, value) = (self.pop()?, self.pop()?);
        let grow = self.env.helper(Helper::TableGrow(index));
        let args = [self.vmctx, value, count];
        let results = self.call_symbol(grow, table_grow_signature(), &args)?;
        self.stack.extend(results);
        Ok(())
    }

    /// The address of `count` elements from `start` on, after a check that all of them exist.
    fn element_range(&mut self, index: u32, start: Value, count: Value) -> Result<Value> {
        let size = self.table_length(index)?;
        self.check_range(start, count, size, Trap::TableOutOfBounds);
        let elements = self.elements(index)?;
        Ok(element_address(&mut self.builder, elements, start))
    }

    pub fn table_fill(&mut self, index: u32) -> Result<()> {
        let (count, value, start) = (self.pop()?, self.pop()?, self.pop()?);
        let to = self.element_range(index, start, count)?;
        call_table_fill(self.env, &mut self.builder, to, count, value);
        Ok(())
    }

    pub fn table_copy(&mut self, target: u32, source: u32) -> Result<()> {
        let (count, from, to) = (self.pop()?, self.pop()?, self.pop()?);
        let to = self.element_range(target, to, count)?;
        let from = self.element_range(source, from, count)?;
        let shift = env::word(&mut self.builder, ELEMENT_SHIFT);
        let bytes = self.builder.ins().ishl(count, shift);
        env::call_routine(&mut self.builder, LibCall::Memmove, &[to, from, bytes]);
        Ok(())
    }

    pub fn table_init(&mut self, index: u32, segment: u32) -> Result<()> {
        let (count, from, to) = (self.pop()?, self.pop()?, self.pop()?);
        let length = self.segment_length(segment);
        self.check_range(from, count, length, Trap::TableOutOfBounds);
        let to = self.element_range(index, to, count)?;
        if let Some(&items) = self.env.layout.element_items.get(&segment) {
            let items = env::symbol_address(&mut self.builder, items);
            let from = element_address(&mut self.builder, items, from);
            call_table_init(self.env, &mut self.builder, self.vmctx, to, from, count);
        }
        Ok(())
    }

    /// Elements of a segment that `table.init` may read now.
    fn segment_length(&mut self, segment: u32) -> Value {
        if let Some(&at) = self.env.layout.element_lengths.get(&segment) {
            return self.load_context(at);
        }
        let elements = self.env.wasm.elements.get(segment as usize);
        let passive = elements.filter(|elem| matches!(elem.kind, SegmentKind::Passive));
        env::word(&mut self.builder, passive.map_or(0, |elem| elem.items.len() as u32))
    }

    pub fn elem_drop(&mut self, segment: u32) {
        if let Some(&at) = self.env.layout.element_lengths.get(&segment) {
            self.store_context(at, 0);
        }
    }
}

/// Where the descriptor of a table that is not in flash is.
pub fn descriptor_place(env: &Env<'_>, index: u32) -> Result<Place> {
    match env.table_place(index)? {
        TablePlace::Own { descriptor, .. } => Ok(Place::Own(descriptor)),
        TablePlace::Imported(at) => Ok(Place::Imported(at)),
        TablePlace::Flash(_) | TablePlace::Unused => {
            Err(Error::internal("a table that has no descriptor"))
        }
    }
}

fn element_address(builder: &mut FunctionBuilder<'_>, elements: Value, at: Value) -> Value {
    let shift = env::word(builder, ELEMENT_SHIFT);
    let bytes = builder.ins().ishl(at, shift);
    builder.ins().iadd(elements, bytes)
}

/// Copies `count` items of a segment at `from` to the elements at `to`.
pub fn call_table_init(
    env: &mut Env<'_>,
    builder: &mut FunctionBuilder<'_>,
    instance: Value,
    to: Value,
    from: Value,
    count: Value,
) {
    let init = env.helper(Helper::TableInit);
    env::call(builder, init, word_signature(4, 0), &[instance, to, from, count]);
}

/// Sets `count` elements from `to` on.
pub fn call_table_fill(
    env: &mut Env<'_>,
    builder: &mut FunctionBuilder<'_>,
    to: Value,
    count: Value,
    value: Value,
) {
    let fill = env.helper(Helper::TableFill);
    env::call(builder, fill, word_signature(3, 0), &[to, count, value]);
}

pub fn table_grow_signature() -> Signature {
    let mut sig = Signature::new(CallConv::Tail);
    sig.params.push(AbiParam::special(I32, ArgumentPurpose::VMContext));
    sig.params.extend([AbiParam::new(I32); 2]);
    sig.returns.push(AbiParam::new(I32));
    sig
}

/// Body of `Helper::TableGrow`. The capacity is at least the size.
pub fn build_table_grow(
    env: &mut Env<'_>,
    builder: &mut FunctionBuilder<'_>,
    params: &[Value],
    index: u32,
) -> Result<()> {
    let &[vmctx, value, count] = params else {
        return Err(Error::internal("table.grow takes the instance, a value and a count"));
    };
    let grow = builder.create_block();
    let refuse = builder.create_block();
    let (base, at) = env::descriptor(builder, vmctx, descriptor_place(env, index)?);
    let field = |builder: &mut FunctionBuilder<'_>, field| {
        env::load_field(builder, Region::Context, I32, base, at + field)
    };
    let size = field(builder, table::SIZE);
    let capacity = field(builder, table::CAPACITY);
    let room = builder.ins().isub(capacity, size);
    let fits = builder.ins().icmp(IntCC::UnsignedLessThanOrEqual, count, room);
    builder.ins().brif(fits, grow, &[], refuse, &[]);

    builder.switch_to_block(grow);
    let elements = field(builder, table::ELEMENTS);
    let end = element_address(builder, elements, size);
    call_table_fill(env, builder, end, count, value);
    let after = builder.ins().iadd(size, count);
    env::store_field(builder, Region::Context, after, base, at + table::SIZE);
    builder.ins().return_(&[size]);

    builder.switch_to_block(refuse);
    let failure = env::word(builder, u32::MAX);
    builder.ins().return_(&[failure]);
    Ok(())
}

/// Body of `Helper::TableFill`.
pub fn build_table_fill(builder: &mut FunctionBuilder<'_>, params: &[Value]) -> Result<()> {
    let &[to, count, value] = params else {
        return Err(Error::internal("table.fill takes an address, a count and a value"));
    };
    build_loop(builder, count, |builder, at| {
        let to = builder.ins().iadd(to, at);
        env::store_field(builder, Region::Elements, value, to, 0);
    });
    builder.ins().return_(&[]);
    Ok(())
}

/// Body of `Helper::TableInit`.
pub fn build_table_init(builder: &mut FunctionBuilder<'_>, params: &[Value]) -> Result<()> {
    let &[instance, to, items, count] = params else {
        return Err(Error::internal("table.init takes four words"));
    };
    build_loop(builder, count, |builder, at| {
        let flags = Region::Context.trusted_flags(builder.func).with_readonly();
        let item = builder.ins().iadd(items, at);
        let item = builder.ins().load(I32, flags, item, 0);
        let (store, place, load) =
            (builder.create_block(), builder.create_block(), builder.create_block());
        let not_null = builder.create_block();
        let value = builder.append_block_param(store, I32);
        builder.ins().brif(item, not_null, &[], store, &[BlockArg::Value(item)]);

        builder.switch_to_block(not_null);
        let mark = env::word(builder, Item::LOAD);
        let marked = builder.ins().band(item, mark);
        builder.ins().brif(marked, load, &[], place, &[]);

        builder.switch_to_block(place);
        let reference = builder.ins().iadd(instance, item);
        builder.ins().jump(store, &[BlockArg::Value(reference)]);

        builder.switch_to_block(load);
        let field = builder.ins().iadd(instance, item);
        let at_field = -(Item::LOAD as i32);
        let loaded = env::load_field(builder, Region::Global(u32::MAX), I32, field, at_field);
        builder.ins().jump(store, &[BlockArg::Value(loaded)]);

        builder.switch_to_block(store);
        let to = builder.ins().iadd(to, at);
        env::store_field(builder, Region::Elements, value, to, 0);
    });
    builder.ins().return_(&[]);
    Ok(())
}

/// A loop over the byte offsets of `count` elements.
fn build_loop(
    builder: &mut FunctionBuilder<'_>,
    count: Value,
    body: impl FnOnce(&mut FunctionBuilder<'_>, Value),
) {
    let shift = env::word(builder, ELEMENT_SHIFT);
    let end = builder.ins().ishl(count, shift);
    let head = builder.create_block();
    let inside = builder.create_block();
    let done = builder.create_block();
    let at = builder.append_block_param(head, I32);
    let start = env::word(builder, 0);
    builder.ins().jump(head, &[BlockArg::Value(start)]);

    builder.switch_to_block(head);
    let more = builder.ins().icmp(IntCC::UnsignedLessThan, at, end);
    builder.ins().brif(more, inside, &[], done, &[]);

    builder.switch_to_block(inside);
    body(builder, at);
    let step = env::word(builder, 1 << ELEMENT_SHIFT);
    let next = builder.ins().iadd(at, step);
    builder.ins().jump(head, &[BlockArg::Value(next)]);

    builder.switch_to_block(done);
}
