//! Debug information of an object: what debuggers, `windlass symbolize` and fault handlers read.
//!
//! ```text
//! .debug_info, _abbrev, _str, _line, _ranges   names and source lines (`info`)
//! .debug_frame                                 how to leave a frame (`frames`)
//! .debug_windlass                              offsets in the wasm file (`wasm_map`)
//! windlass_sites                               the places that trap, in the image itself (`sites`)
//! ```
//!
//! Input: the module, its machine code, and where the object writer has put each function. Output:
//! sections with relocations, free of any ELF. The DWARF is version 4, which every tool for Arm
//! reads. Where a line comes from is `source`'s to say, of modules that carry DWARF; in others the
//! line is the byte offset in the wasm file.

mod frames;
mod info;
pub mod sites;
mod source;
pub mod wasm_map;

pub use source::{Line, SourceFile, SourceLines};

use crate::compiled::{CompiledFunction, CompiledModule, SourceRange};
use crate::error::{Error, Result};
use crate::module::{Function, FunctionRole, Module};
use gimli::RunTimeEndian;
use gimli::write::{Address, EndianVec, RelocateWriter};

/// What an ISA's DWARF supplement decides.
#[derive(Clone, Copy, Debug)]
pub struct DwarfRegisters {
    pub stack_pointer: u16,
    /// Where a function finds its return address.
    pub return_address: u16,
}

/// Where a function's code begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodePlace {
    /// Equal for functions of one section.
    pub section: usize,
    pub offset: u32,
}

/// What the writers of sections see.
pub struct Input<'a> {
    pub module: &'a Module,
    pub compiled: &'a CompiledModule,
    /// Parallel to the module's functions.
    pub places: &'a [CodePlace],
    pub registers: DwarfRegisters,
    pub endian: RunTimeEndian,
}

/// A section that is no part of the image.
#[derive(Debug)]
pub struct Section {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub relocations: Vec<Relocation>,
}

/// A word that holds an address or the offset in another section of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Relocation {
    pub offset: u32,
    pub target: Target,
    pub addend: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// The first byte of a function's code, by index in the module.
    Function(usize),
    Section(&'static str),
}

/// A function with code.
#[derive(Clone, Copy)]
struct Item<'a> {
    index: usize,
    function: &'a Function,
    compiled: &'a CompiledFunction,
}

impl Input<'_> {
    fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let functions = self.module.functions.iter().zip(&self.compiled.functions).enumerate();
        functions
            .map(|(index, (function, compiled))| Item { index, function, compiled })
            .filter(|item| !item.compiled.code.is_empty())
    }
}

impl Item<'_> {
    fn address(&self) -> Address {
        self.address_of(0)
    }

    fn address_of(&self, offset: u32) -> Address {
        Address::Symbol { symbol: self.index, addend: offset.into() }
    }

    fn code_bytes(&self) -> u32 {
        self.compiled.code.len() as u32
    }

    /// The index of a function of the wasm file.
    fn wasm_index(&self) -> Option<u32> {
        match self.function.role {
            FunctionRole::User { index } if self.function.wasm_bytes > 0 => Some(index),
            _ => None,
        }
    }
}

impl CompiledFunction {
    /// The byte of the wasm file that the code at `offset` comes from.
    pub fn wasm_offset(&self, offset: u32) -> Option<u32> {
        let next = self.source_ranges.partition_point(|range| range.start <= offset);
        let &SourceRange { end, loc, .. } = self.source_ranges.get(next.checked_sub(1)?)?;
        (offset < end).then_some(loc)
    }
}

/// All sections but `sites`, in order.
pub fn sections(input: &Input<'_>) -> Result<Vec<Section>> {
    let mut sections = info::write(input).map_err(from_gimli)?;
    sections.push(frames::write(input).map_err(from_gimli)?);
    sections.push(wasm_map::write(input));
    sections.retain(|section| !section.bytes.is_empty());
    Ok(sections)
}

fn from_gimli(error: gimli::write::Error) -> Error {
    Error::internal(format!("debug information: {error}"))
}

/// A section in the making.
#[derive(Clone)]
struct Writer {
    bytes: EndianVec<RunTimeEndian>,
    relocations: Vec<Relocation>,
}

impl Writer {
    fn new(endian: RunTimeEndian) -> Writer {
        Writer { bytes: EndianVec::new(endian), relocations: Vec::new() }
    }

    fn section(&self, name: &'static str) -> Section {
        let (bytes, relocations) = (self.bytes.slice().to_vec(), self.relocations.clone());
        Section { name, bytes, relocations }
    }
}

impl RelocateWriter for Writer {
    type Writer = EndianVec<RunTimeEndian>;

    fn writer(&self) -> &Self::Writer {
        &self.bytes
    }

    fn writer_mut(&mut self) -> &mut Self::Writer {
        &mut self.bytes
    }

    fn relocate(&mut self, relocation: gimli::write::Relocation) {
        let target = match relocation.target {
            gimli::write::RelocationTarget::Symbol(function) => Target::Function(function),
            gimli::write::RelocationTarget::Section(section) => Target::Section(section.name()),
        };
        let offset = relocation.offset as u32;
        self.relocations.push(Relocation { offset, target, addend: relocation.addend });
    }
}
