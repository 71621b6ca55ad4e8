//! Where a module's state is: the instance behind its fixed head, and tables in flash.
//!
//! A table that nobody outside sees and nothing changes needs no RAM: its elements are records
//! `{signature, entry}` among the constants, and a call through it stays in the instance. Every
//! other table is an array of function references, or of a host's pointers.

use super::constant::{Const, Operand};
use super::env::{Env, GlobalPlace};
use super::module::{Active, ElementSegment, SegmentKind};
use crate::error::{Error, Result};
use crate::instance::{funcref, memory, offset, table};
use crate::module::{FuncType, InstanceLayout, SymbolId, Table, ValType};
use crate::options::{FrontendOptions, MAX_DECLARED_CAPACITY};
use std::collections::{BTreeMap, BTreeSet};

const INSTANCE_ALIGN: u64 = 8;
const WORD: u32 = 4;

/// Bytes of a record in a table in flash, and the offset of the entry in it.
pub const RECORD_BYTES: u32 = 8;
pub const RECORD_ENTRY: i32 = 4;

/// A memory's or a table's descriptor. Offsets are bytes in the instance.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    Own(i32),
    /// Elsewhere; the instance has its address.
    Imported(i32),
}

#[derive(Clone, Debug)]
pub enum TablePlace {
    /// Nowhere: nobody uses it.
    Unused,
    Flash(FlashTable),
    /// An array in the instance at `elements`, with room for `capacity`.
    Own {
        descriptor: i32,
        elements: i32,
        capacity: u32,
        shared: bool,
    },
    /// Offset of its descriptor's address in the instance.
    Imported(i32),
}

impl TablePlace {
    /// Whether functions of other instances may be in the table.
    pub fn is_shared(&self) -> bool {
        match self {
            TablePlace::Unused | TablePlace::Flash(_) => false,
            TablePlace::Own { shared, .. } => *shared,
            TablePlace::Imported(_) => true,
        }
    }
}

#[derive(Clone, Debug)]
pub struct FlashTable {
    pub symbol: SymbolId,
    /// Elements from here on are null.
    pub records: u32,
    pub has_null: bool,
    /// The type of all its functions, if they have one.
    pub uniform: Option<FuncType>,
}

/// A word of an element segment, as `Helper::TableInit` reads it.
#[derive(Clone, Copy, Debug)]
pub struct Item(pub u32);

impl Item {
    /// In a word that is not null: the element is what the instance has there. Without it, the
    /// element is the address of that place in the instance.
    pub const LOAD: u32 = 1;
}

/// For each table in flash, the function that each element is.
type FlashElements = BTreeMap<u32, Vec<Option<u32>>>;

#[derive(Default)]
pub struct Layout {
    pub memories: Vec<Place>,
    pub tables: Vec<TablePlace>,
    /// Offset of the function reference of each function that needs one.
    pub funcrefs: BTreeMap<u32, i32>,
    /// Offset of the length of each passive segment that can be dropped.
    pub element_lengths: BTreeMap<u32, i32>,
    pub data_lengths: BTreeMap<u32, i32>,
    /// Contents of the segments that something copies.
    pub element_items: BTreeMap<u32, SymbolId>,
    pub data_bytes: BTreeMap<u32, SymbolId>,
}

/// Hands out places in the instance.
struct Cursor(u64);

impl Cursor {
    fn take(&mut self, bytes: u32, align: u32) -> Result<i32> {
        let at = self.0.next_multiple_of(align.into());
        self.0 = at + u64::from(bytes);
        match i32::try_from(self.0) {
            Ok(_) => Ok(at as i32),
            Err(_) => Err(Error::Interface("the instance is too large".to_owned())),
        }
    }

    fn words(&mut self, count: u32) -> Result<i32> {
        self.take(count.saturating_mul(WORD), WORD)
    }
}

impl Env<'_> {
    pub fn lay_out(&mut self, options: &FrontendOptions) -> Result<()> {
        let mut cursor = Cursor(offset::CONTEXTS as u64);
        cursor.words(self.interface.contexts.len() as u32)?;
        self.lay_out_globals(&mut cursor)?;
        self.lay_out_memories(&mut cursor)?;
        let flash = self.flash_tables();
        self.lay_out_segments(&flash, &mut cursor)?;
        self.lay_out_tables(&flash, options, &mut cursor)?;
        self.encode_segments(&flash)?;
        let size = cursor.0.next_multiple_of(INSTANCE_ALIGN) as u32;
        self.interface.instance = InstanceLayout { size, align: INSTANCE_ALIGN as u32 };
        Ok(())
    }

    fn lay_out_globals(&mut self, cursor: &mut Cursor) -> Result<()> {
        for global in &self.wasm.globals {
            let bytes = global.ty.ty.bytes();
            let constant = global.init.as_ref().and_then(|init| init.fold(&self.globals));
            // A reference's address is not known before there is an instance.
            let constant = constant.filter(|value| !matches!(value, Const::Func(_)));
            self.globals.push(match constant {
                Some(value) if !global.ty.mutable => GlobalPlace::Constant(value),
                _ if global.imported && global.ty.mutable => {
                    GlobalPlace::Imported(cursor.words(1)?)
                }
                _ => GlobalPlace::Instance(cursor.take(bytes, bytes)?),
            });
        }
        Ok(())
    }

    fn lay_out_memories(&mut self, cursor: &mut Cursor) -> Result<()> {
        for (index, decl) in self.wasm.memories.iter().enumerate() {
            self.layout.memories.push(match (decl.imported, index) {
                (true, _) => Place::Imported(cursor.words(1)?),
                (false, 0) => Place::Own(offset::MEM0_BYTES),
                (false, _) => Place::Own(cursor.take(memory::SIZE, WORD)?),
            });
        }
        Ok(())
    }

    /// Function references and the lengths of segments.
    fn lay_out_segments(&mut self, flash: &FlashElements, cursor: &mut Cursor) -> Result<()> {
        let usage = &self.wasm.usage;
        let passive = |kind: &SegmentKind| matches!(kind, SegmentKind::Passive);
        for (index, segment) in (0..).zip(&self.wasm.elements) {
            let read = usage.read_elements.contains(&index);
            if read && passive(&segment.kind) && usage.dropped_elements.contains(&index) {
                self.layout.element_lengths.insert(index, cursor.words(1)?);
            }
        }
        for (index, segment) in (0..).zip(&self.wasm.data) {
            let read = usage.read_data.contains(&index);
            if read && passive(&segment.kind) && usage.dropped_data.contains(&index) {
                self.layout.data_lengths.insert(index, cursor.words(1)?);
            }
        }
        for index in self.referenced_functions(flash) {
            let at = cursor.take(funcref::BYTES, WORD)?;
            self.layout.funcrefs.insert(index, at);
        }
        Ok(())
    }

    /// Whether something copies the segment to a table that is not in flash.
    fn is_copied(&self, index: u32, flash: &FlashElements) -> bool {
        match &self.wasm.elements[index as usize].kind {
            SegmentKind::Active(Active { target, .. }) => {
                self.wasm.usage.tables.contains(target) && !flash.contains_key(target)
            }
            SegmentKind::Passive => self.wasm.usage.read_elements.contains(&index),
            SegmentKind::Declared => false,
        }
    }

    /// The functions to which there are references as values.
    fn referenced_functions(&self, flash: &FlashElements) -> BTreeSet<u32> {
        let mut functions = self.wasm.usage.functions.clone();
        let inits = self.wasm.globals.iter().filter_map(|global| global.init.as_ref());
        let inits = inits.chain(self.wasm.tables.iter().filter_map(|table| table.init.as_ref()));
        let mut refer = |value: Option<Const>| {
            if let Some(Const::Func(index)) = value {
                functions.insert(index);
            }
        };
        inits.for_each(|init| refer(init.fold(&self.globals)));
        for (index, segment) in (0..).zip(&self.wasm.elements) {
            if self.is_copied(index, flash) {
                segment.items.iter().for_each(|item| refer(item.fold(&self.globals)));
            }
        }
        functions
    }

    fn exported_tables(&self) -> BTreeSet<u32> {
        let tables = self.wasm.exports.iter().filter(|e| e.kind == wasmparser::ExternalKind::Table);
        tables.map(|export| export.index).collect()
    }

    /// The tables that can be in flash, with the functions that are their elements.
    fn flash_tables(&self) -> FlashElements {
        let usage = &self.wasm.usage;
        let exported = self.exported_tables();
        let changed = |index: u32| {
            let users = [&usage.read_tables, &usage.written_tables, &usage.initialised_tables];
            users.iter().any(|tables| tables.contains(&index))
        };
        let mut flash = BTreeMap::new();
        for (index, decl) in (0..).zip(&self.wasm.tables) {
            let functions = decl.ty.element == ValType::FuncRef && decl.init.is_none();
            if functions
                && usage.tables.contains(&index)
                && !decl.imported
                && !exported.contains(&index)
                && !changed(index)
                && let Some(elements) = self.constant_elements(index, decl.ty.min)
            {
                flash.insert(index, elements);
            }
        }
        flash
    }

    /// The elements of a table that its active segments define, if they are all known here. What
    /// is behind the last is left out.
    fn constant_elements(&self, table: u32, size: u32) -> Option<Vec<Option<u32>>> {
        let mut elements: Vec<Option<u32>> = Vec::new();
        let mut items = 0;
        for segment in &self.wasm.elements {
            let Some(active) = segment.kind.active().filter(|active| active.target == table) else {
                continue;
            };
            let Some(Const::I32(start)) = active.offset.fold(&self.globals) else { return None };
            let start = start as u32 as usize;
            let end = start + segment.items.len();
            if end > size as usize {
                return None;
            }
            items += segment.items.len();
            // Flash for long runs of null would cost more than it saves.
            if end > 4 * items + 64 {
                return None;
            }
            elements.resize(end.max(elements.len()), None);
            for (element, item) in elements[start..end].iter_mut().zip(&segment.items) {
                *element = match item.fold(&self.globals)? {
                    Const::Func(index) => Some(index),
                    _ => None,
                };
            }
        }
        Some(elements)
    }

    fn lay_out_tables(
        &mut self,
        flash: &FlashElements,
        options: &FrontendOptions,
        cursor: &mut Cursor,
    ) -> Result<()> {
        let start = cursor.0;
        let exported = self.exported_tables();
        let foreign = |item: &Operand| item.fold(&self.globals).is_none();
        let foreign_items = self.wasm.elements.iter().flat_map(|e| &e.items).any(foreign);
        for index in 0..self.wasm.tables.len() as u32 {
            let decl = &self.wasm.tables[index as usize];
            let (ty, imported) = (decl.ty, decl.imported);
            let place = if !self.wasm.usage.tables.contains(&index) {
                TablePlace::Unused
            } else if let Some(elements) = flash.get(&index) {
                TablePlace::Flash(self.add_flash_table(index, ty, elements)?)
            } else if imported {
                TablePlace::Imported(cursor.words(1)?)
            } else {
                let descriptor = cursor.take(table::BYTES, WORD)?;
                let capacity = self.capacity(index, options);
                let shared = exported.contains(&index)
                    || foreign_items
                    || self.wasm.usage.written_tables.contains(&index);
                TablePlace::Own { descriptor, elements: 0, capacity, shared }
            };
            self.layout.tables.push(place);
        }
        // The arrays come last, so that everything else is within reach of short offsets.
        for place in &mut self.layout.tables {
            if let TablePlace::Own { elements, capacity, .. } = place {
                *elements = cursor.words(*capacity)?;
            }
        }
        self.interface.table_bytes = (cursor.0 - start) as u32;
        Ok(())
    }

    fn add_flash_table(
        &mut self,
        index: u32,
        ty: Table,
        elements: &[Option<u32>],
    ) -> Result<FlashTable> {
        let mut addresses = Vec::new();
        let mut uniform = None;
        let mut mixed = false;
        for (at, &element) in (0u32..).step_by(RECORD_BYTES as usize).zip(elements) {
            let Some(function) = element else { continue };
            let ty = self.function_type(function)?.clone();
            addresses.push((at, self.signature(&ty)));
            addresses.push((at + RECORD_ENTRY as u32, self.functions[function as usize].symbol));
            mixed |= uniform.as_ref().is_some_and(|known| *known != ty);
            uniform = Some(ty);
        }
        let bytes = vec![0; elements.len() * RECORD_BYTES as usize];
        let symbol = self.add_addresses(&format!("table.{index}"), bytes, WORD, addresses);
        Ok(FlashTable {
            symbol,
            records: elements.len() as u32,
            has_null: elements.iter().any(Option::is_none) || elements.len() < ty.min as usize,
            uniform: uniform.filter(|_| !mixed),
        })
    }

    /// How many elements a table of the instance has room for.
    fn capacity(&self, index: u32, options: &FrontendOptions) -> u32 {
        let Table { min, max, .. } = self.wasm.tables[index as usize].ty;
        if !self.exported_tables().contains(&index)
            && !self.wasm.usage.grown_tables.contains(&index)
        {
            return min;
        }
        let most = max.unwrap_or(u32::MAX);
        let wanted = if most <= MAX_DECLARED_CAPACITY { most } else { options.table_capacity };
        wanted.clamp(min, most.max(min))
    }

    /// Puts the contents of segments that something copies among the constants.
    fn encode_segments(&mut self, flash: &FlashElements) -> Result<()> {
        for index in 0..self.wasm.elements.len() as u32 {
            if self.is_copied(index, flash) && !self.wasm.elements[index as usize].items.is_empty()
            {
                let bytes = self.encode_items(&self.wasm.elements[index as usize])?;
                let symbol = self.add_data(&format!("elem.{index}"), bytes, WORD);
                self.layout.element_items.insert(index, symbol);
            }
        }
        for index in 0..self.wasm.data.len() as u32 {
            let segment = &self.wasm.data[index as usize];
            let copied = match segment.kind {
                SegmentKind::Active(_) => true,
                _ => self.wasm.usage.read_data.contains(&index),
            };
            if copied && !segment.bytes.is_empty() {
                let symbol = self.add_data(&format!("data.{index}"), segment.bytes.to_vec(), WORD);
                self.layout.data_bytes.insert(index, symbol);
            }
        }
        Ok(())
    }

    fn encode_items(&self, segment: &ElementSegment) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(segment.items.len() * WORD as usize);
        for &item in &segment.items {
            bytes.extend(self.encode_item(item)?.0.to_le_bytes());
        }
        Ok(bytes)
    }

    fn encode_item(&self, item: Operand) -> Result<Item> {
        if let Some(value) = item.fold(&self.globals) {
            return match value {
                Const::Func(index) => Ok(Item(self.funcref_offset(index)? as u32)),
                _ => Ok(Item(0)),
            };
        }
        let place = match item {
            Operand::Global(index) => self.global_place(index)?,
            Operand::Const(_) => return Err(Error::internal("a constant that does not fold")),
        };
        match place {
            GlobalPlace::Instance(at) => Ok(Item(at as u32 | Item::LOAD)),
            _ => Err(Error::unsupported("an element that is a mutable global")),
        }
    }

    /// Offset in the instance of the reference to a function.
    pub fn funcref_offset(&self, index: u32) -> Result<i32> {
        let at = self.layout.funcrefs.get(&index);
        at.copied().ok_or_else(|| Error::internal(format!("no reference to function {index}")))
    }

    pub fn memory_place(&self, index: u32) -> Result<Place> {
        let place = self.layout.memories.get(index as usize);
        place.copied().ok_or_else(|| Error::internal("a memory out of range"))
    }

    pub fn table_place(&self, index: u32) -> Result<TablePlace> {
        let place = self.layout.tables.get(index as usize);
        place.cloned().ok_or_else(|| Error::internal("a table out of range"))
    }

    pub fn table_type(&self, index: u32) -> Result<Table> {
        let table = self.wasm.tables.get(index as usize);
        table.map(|table| table.ty).ok_or_else(|| Error::internal("a table out of range"))
    }
}
