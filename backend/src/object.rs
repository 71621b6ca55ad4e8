//! Compiled functions and constant data to a relocatable ELF object.
//!
//! Input: a [`Module`], its [`CompiledModule`] and the facts of the target's ELF ([`ElfFormat`]).
//! Output: the object's bytes. Equal input gives equal bytes.
//!
//! ```text
//! .text    .text.<symbol>     code: shared, or a section for each function
//! .rodata  .rodata.<symbol>   constant data, likewise
//! windlass_code               a record for each section of a module's code (see [`CodeRecord`])
//! .group                      for each weak symbol, around the section that is its own
//! windlass_sites              where each section of code traps: debug information in the image
//! .debug_*                    debug information (see `debug`)
//! <attributes>                build attributes, if the target has them
//! ```
//!
//! Every call leaves a relocation against the callee's own symbol, also within the module: the
//! linker wants that to place veneers and to drop sections that nothing uses. A name becomes an
//! undefined symbol only if a relocation refers to it, so a host supplies only what is called.
//!
//! Invariant: addends stand encoded in the code, whatever the relocation. The `object` crate could
//! write only plain words.

mod debug_info;
mod link_order;

use std::collections::{BTreeMap, BTreeSet};

use ::object::write::{self, Comdat, SectionId, StandardSection};
pub use ::object::{Architecture, Endianness};
use ::object::{
    BinaryFormat, ComdatKind, FileFlags, RelocationFlags, SectionFlags, SectionKind, SymbolFlags,
    SymbolKind, SymbolScope, elf,
};

use crate::compiled::{CompiledFunction, CompiledModule, Region, RegionKind, Reloc, RelocTarget};
use crate::debug::{DwarfRegisters, sites};
use crate::error::{Error, Result};
use crate::module::{Binding, Definition, Module, Symbol, SymbolId};

/// What an ISA's ELF supplement decides.
#[derive(Clone, Debug)]
pub struct ElfFormat {
    pub architecture: Architecture,
    pub endianness: Endianness,
    /// `e_flags` of the file header.
    pub e_flags: u32,
    /// `r_type` of a word of data that is a symbol's address, the addend being 0.
    pub address_relocation: u32,
    /// `r_type` of a word of data that is the distance from it to a symbol's address.
    pub relative_relocation: u32,
    /// `r_type` of a call, and of a jump that is a tail call.
    pub call_relocation: u32,
    pub jump_relocation: u32,
    /// Set in `st_value` of function symbols: marks their instruction set. 0 for none.
    pub function_symbol_bit: u64,
    pub mapping_symbols: Option<MappingSymbols>,
    pub attributes: Option<AttributesSection>,
    pub code_record: CodeRecord,
    pub dwarf_registers: DwarfRegisters,
}

/// How a host's fault handler finds the code of modules: each section of it has a record in a
/// section [`CODE_RECORDS`], which are all between `__start_windlass_code` and
/// `__stop_windlass_code`. These symbols are a linker's own, whatever its script says.
///
/// ```text
///   +0  where the section begins, in bytes from here
///   +4  its bytes, which are even, and `flags`
/// ```
///
/// The section refers to its record, so that linkers which drop unused sections keep both or none.
#[derive(Clone, Copy, Debug)]
pub struct CodeRecord {
    /// `r_type` that changes nothing.
    pub no_relocation: u32,
    /// 1 if entries save floating-point registers, else 0.
    pub flags: u32,
}

/// Name of the section of records: a C identifier.
pub const CODE_RECORDS: &str = "windlass_code";

/// Names of the local symbols that stand where code or data begins, for disassemblers and linkers.
#[derive(Clone, Copy, Debug)]
pub struct MappingSymbols {
    pub code: &'static str,
    pub data: &'static str,
}

/// A section by which linkers judge whether objects fit together.
#[derive(Clone, Debug)]
pub struct AttributesSection {
    pub name: &'static str,
    /// `sh_type`.
    pub section_type: u32,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub struct ObjectOptions {
    /// A section for each function and each data object, so that linkers can drop them singly.
    pub function_sections: bool,
    /// DWARF, and a table of the places that trap.
    pub debug_info: bool,
}

/// Writes `module`, of which `compiled` holds the code, as a relocatable object.
///
/// Fails with [`Error::Interface`] on names that ELF cannot carry or that are defined twice, and
/// with [`Error::Internal`] where the parts contradict each other.
pub fn write_object(
    module: &Module,
    compiled: &CompiledModule,
    format: &ElfFormat,
    options: &ObjectOptions,
) -> Result<Vec<u8>> {
    let mut writer = ObjectWriter::new(module, format, options);
    writer.add_file_symbol();
    let places = writer.define_functions(compiled)?;
    let data_places = writer.define_data()?;
    writer.add_relocations(compiled, &places)?;
    writer.add_addresses(&data_places)?;
    writer.add_code_records(&places)?;
    if options.debug_info {
        writer.add_debug_info(compiled, &places)?;
    }
    writer.add_attributes();
    let mut bytes = writer.object.write().map_err(from_object)?;
    if options.debug_info {
        link_order::set(&mut bytes, sites::SECTION)
            .ok_or_else(|| Error::internal("the object does not read as it was written"))?;
    }
    Ok(bytes)
}

/// Where a function's or a data object's first byte stands.
#[derive(Clone, Copy)]
struct Place {
    section: SectionId,
    offset: u64,
}

/// What a defined symbol covers.
struct Contents<'a> {
    section: StandardSection,
    kind: SymbolKind,
    bytes: &'a [u8],
    align: u32,
    regions: &'a [Region],
}

struct ObjectWriter<'a> {
    module: &'a Module,
    format: &'a ElfFormat,
    options: &'a ObjectOptions,
    object: write::Object<'static>,
    /// The ELF symbol of each module symbol that is defined here.
    defined: Vec<Option<write::SymbolId>>,
    /// The ELF symbol of each name that is visible outside or undefined.
    by_name: BTreeMap<&'a str, write::SymbolId>,
    /// What the last mapping symbol of a section says.
    mapped: BTreeMap<SectionId, RegionKind>,
}

impl<'a> ObjectWriter<'a> {
    fn new(module: &'a Module, format: &'a ElfFormat, options: &'a ObjectOptions) -> Self {
        let mut object =
            write::Object::new(BinaryFormat::Elf, format.architecture, format.endianness);
        object.flags = FileFlags::Elf {
            os_abi: elf::ELFOSABI_NONE,
            abi_version: 0,
            e_flags: elf::FileFlags(format.e_flags),
        };
        ObjectWriter {
            module,
            format,
            options,
            object,
            defined: vec![None; module.symbols.len()],
            by_name: BTreeMap::new(),
            mapped: BTreeMap::new(),
        }
    }

    /// Must come first: a file symbol owns the local symbols that follow it.
    fn add_file_symbol(&mut self) {
        let name = local_name(&self.module.name);
        if !name.is_empty() {
            self.object.add_file_symbol(name.as_bytes().to_vec());
        }
    }

    fn define_functions(&mut self, compiled: &CompiledModule) -> Result<Vec<Place>> {
        let functions = &self.module.functions;
        if compiled.functions.len() != functions.len() {
            return Err(Error::internal("compiled functions are not those of the module"));
        }
        let mut places = Vec::with_capacity(functions.len());
        for (index, (function, code)) in functions.iter().zip(&compiled.functions).enumerate() {
            let contents = Contents {
                section: StandardSection::Text,
                kind: SymbolKind::Text,
                bytes: &code.code,
                align: code.align,
                regions: &code.regions,
            };
            let place = check_regions(code)
                .and_then(|()| self.define(function.symbol, Definition::Function(index), contents))
                .map_err(|e| e.in_function(None, &function.name))?;
            places.push(place);
        }
        Ok(places)
    }

    fn define_data(&mut self) -> Result<Vec<Place>> {
        let mut places = Vec::with_capacity(self.module.data.len());
        let whole = [Region { offset: 0, kind: RegionKind::Data }];
        for (index, data) in self.module.data.iter().enumerate() {
            let contents = Contents {
                section: StandardSection::ReadOnlyData,
                kind: SymbolKind::Data,
                bytes: &data.bytes,
                align: data.align,
                regions: if data.bytes.is_empty() { &[] } else { &whole },
            };
            places.push(self.define(data.symbol, Definition::Data(index), contents)?);
        }
        Ok(places)
    }

    fn define(
        &mut self,
        id: SymbolId,
        definition: Definition,
        contents: Contents<'_>,
    ) -> Result<Place> {
        let symbol = self.symbol(id)?;
        if symbol.definition != definition {
            return Err(Error::internal(format!(
                "symbol `{}` stands for {:?}, not for {definition:?}",
                symbol.name, symbol.definition
            )));
        }
        if !contents.align.is_power_of_two() {
            return Err(Error::internal(format!(
                "alignment {} of `{}` is not a power of two",
                contents.align, symbol.name
            )));
        }
        let section = self.section_of(contents.section, symbol);
        let align = u64::from(contents.align);
        let offset = self.object.append_section_data(section, contents.bytes, align);
        let place = Place { section, offset };
        self.add_mapping_symbols(place, contents.regions);
        let elf_symbol = self.add_defined_symbol(symbol, place, &contents)?;
        if symbol.binding == Binding::Weak {
            let sections = vec![section];
            self.object.add_comdat(Comdat { kind: ComdatKind::Any, symbol: elf_symbol, sections });
        }
        self.defined[id.0 as usize] = Some(elf_symbol);
        Ok(place)
    }

    /// The shared section, or one of the symbol's own. A COMDAT group discards whole sections.
    fn section_of(&mut self, shared: StandardSection, symbol: &Symbol) -> SectionId {
        let weak = symbol.binding == Binding::Weak;
        if !weak && !self.options.function_sections {
            return self.object.section_id(shared);
        }
        let section = self.object.add_subsection(shared, local_name(&symbol.name).as_bytes());
        if weak && let SectionFlags::Elf { sh_flags, .. } = self.object.section_flags_mut(section) {
            *sh_flags |= elf::SHF_GROUP;
        }
        section
    }

    /// One symbol at each change between code and data, and at the section's start.
    fn add_mapping_symbols(&mut self, place: Place, regions: &[Region]) {
        let Some(names) = self.format.mapping_symbols else { return };
        for region in regions {
            if self.mapped.insert(place.section, region.kind) == Some(region.kind) {
                continue;
            }
            let name = match region.kind {
                RegionKind::Code => names.code,
                RegionKind::Data => names.data,
            };
            self.object.add_symbol(write::Symbol {
                name: name.as_bytes().to_vec(),
                value: place.offset + u64::from(region.offset),
                size: 0,
                kind: SymbolKind::Label,
                scope: SymbolScope::Compilation,
                weak: false,
                section: write::SymbolSection::Section(place.section),
                flags: SymbolFlags::None,
            });
        }
    }

    fn add_defined_symbol(
        &mut self,
        symbol: &'a Symbol,
        place: Place,
        contents: &Contents<'_>,
    ) -> Result<write::SymbolId> {
        let local = symbol.binding == Binding::Local;
        let name = if local { local_name(&symbol.name) } else { global_name(&symbol.name)? };
        let bit = match contents.kind {
            SymbolKind::Text => self.format.function_symbol_bit,
            _ => 0,
        };
        let id = self.object.add_symbol(write::Symbol {
            name: name.as_bytes().to_vec(),
            value: place.offset | bit,
            size: contents.bytes.len() as u64,
            kind: contents.kind,
            scope: if local { SymbolScope::Compilation } else { SymbolScope::Dynamic },
            weak: symbol.binding == Binding::Weak,
            section: write::SymbolSection::Section(place.section),
            flags: SymbolFlags::None,
        });
        if !local && self.by_name.insert(name, id).is_some() {
            return Err(Error::Interface(format!("symbol `{}` is defined twice", symbol.name)));
        }
        Ok(id)
    }

    /// Must follow every definition: a name that is defined nowhere becomes undefined here.
    fn add_relocations(&mut self, compiled: &'a CompiledModule, places: &[Place]) -> Result<()> {
        let functions = self.module.functions.iter().zip(&compiled.functions).zip(places);
        for ((function, code), place) in functions {
            for reloc in &code.relocs {
                self.add_relocation(reloc, code, *place)
                    .map_err(|e| e.in_function(None, &function.name))?;
            }
        }
        Ok(())
    }

    fn add_relocation(
        &mut self,
        reloc: &'a Reloc,
        code: &CompiledFunction,
        place: Place,
    ) -> Result<()> {
        if reloc.offset as usize >= code.code.len() {
            return Err(Error::internal(format!("relocation at {:#x} past the end", reloc.offset)));
        }
        let relocation = write::Relocation {
            offset: place.offset + u64::from(reloc.offset),
            symbol: self.resolve(&reloc.target)?,
            addend: 0,
            flags: RelocationFlags::Elf { r_type: elf::RelocationType(reloc.kind) },
        };
        self.object.add_relocation(place.section, relocation).map_err(from_object)
    }

    /// The words of constant data that hold addresses.
    fn add_addresses(&mut self, places: &[Place]) -> Result<()> {
        let module = self.module;
        for (data, place) in module.data.iter().zip(places) {
            for &(offset, symbol) in &data.addresses {
                let name = &self.symbol(data.symbol)?.name;
                if data.bytes.get(offset as usize..).is_none_or(|rest| rest.len() < 4) {
                    return Err(Error::internal(format!("an address past the end of `{name}`")));
                }
                let relocation = write::Relocation {
                    offset: place.offset + u64::from(offset),
                    symbol: self.resolve_symbol(symbol)?,
                    addend: 0,
                    flags: RelocationFlags::Elf {
                        r_type: elf::RelocationType(self.format.address_relocation),
                    },
                };
                self.object.add_relocation(place.section, relocation).map_err(from_object)?;
            }
        }
        Ok(())
    }

    fn resolve(&mut self, target: &'a RelocTarget) -> Result<write::SymbolId> {
        match target {
            RelocTarget::Name(name) => self.resolve_name(name),
            RelocTarget::Symbol(id) => self.resolve_symbol(*id),
        }
    }

    fn resolve_symbol(&mut self, id: SymbolId) -> Result<write::SymbolId> {
        let symbol = self.symbol(id)?;
        if symbol.definition == Definition::Undefined {
            return self.resolve_name(&symbol.name);
        }
        self.defined[id.0 as usize]
            .ok_or_else(|| Error::internal(format!("nothing defines symbol `{}`", symbol.name)))
    }

    fn resolve_name(&mut self, name: &'a str) -> Result<write::SymbolId> {
        if let Some(&id) = self.by_name.get(name) {
            return Ok(id);
        }
        let id = self.add_undefined_symbol(name)?;
        self.by_name.insert(name, id);
        Ok(id)
    }

    fn add_undefined_symbol(&mut self, name: &str) -> Result<write::SymbolId> {
        Ok(self.object.add_symbol(write::Symbol {
            name: global_name(name)?.as_bytes().to_vec(),
            value: 0,
            size: 0,
            kind: SymbolKind::Unknown,
            scope: SymbolScope::Unknown,
            weak: false,
            section: write::SymbolSection::Undefined,
            flags: SymbolFlags::None,
        }))
    }

    /// Only code of instances has records: there is something to recover. Routines that objects share
    /// are called with what does not trap, and call no module.
    fn add_code_records(&mut self, places: &[Place]) -> Result<()> {
        if self.module.interface.is_none() {
            return Ok(());
        }
        let functions = self.module.functions.iter().zip(places);
        let mut sections = BTreeSet::new();
        for (function, place) in functions {
            if self.symbol(function.symbol)?.binding != Binding::Weak {
                sections.insert(place.section);
            }
        }
        sections.into_iter().try_for_each(|section| self.add_code_record(section))
    }

    fn add_code_record(&mut self, code: SectionId) -> Result<()> {
        let relative_relocation = self.format.relative_relocation;
        let CodeRecord { no_relocation, flags } = self.format.code_record;
        let bytes = self.object.section(code).data().len() as u32;
        let bytes = bytes.next_multiple_of(2) | flags;
        let bytes = match self.format.endianness {
            Endianness::Little => bytes.to_le_bytes(),
            Endianness::Big => bytes.to_be_bytes(),
        };
        let name = CODE_RECORDS.as_bytes().to_vec();
        let record = self.object.add_section(Vec::new(), name, SectionKind::ReadOnlyData);
        self.object.append_section_data(record, &[[0; 4], bytes].concat(), 4);
        for (section, symbol, r_type) in
            [(record, code, relative_relocation), (code, record, no_relocation)]
        {
            let relocation = write::Relocation {
                offset: 0,
                symbol: self.object.section_symbol(symbol),
                addend: 0,
                flags: RelocationFlags::Elf { r_type: elf::RelocationType(r_type) },
            };
            self.object.add_relocation(section, relocation).map_err(from_object)?;
        }
        Ok(())
    }

    fn add_attributes(&mut self) {
        let Some(attributes) = &self.format.attributes else { return };
        let name = attributes.name.as_bytes().to_vec();
        let section = self.object.add_section(Vec::new(), name, SectionKind::Metadata);
        self.object.append_section_data(section, &attributes.bytes, 1);
        self.object.section_mut(section).flags = SectionFlags::Elf {
            sh_type: elf::SectionType(attributes.section_type),
            sh_flags: elf::SectionFlags(0),
        };
    }

    fn symbol(&self, id: SymbolId) -> Result<&'a Symbol> {
        let symbol = self.module.symbols.get(id.0 as usize);
        symbol.ok_or_else(|| Error::internal(format!("no symbol has index {}", id.0)))
    }
}

fn check_regions(code: &CompiledFunction) -> Result<()> {
    let first = code.regions.first().map(|region| region.offset);
    let starts = first == (!code.code.is_empty()).then_some(0);
    let sorted = code.regions.is_sorted_by(|a, b| a.offset < b.offset);
    let inside = code.regions.iter().all(|region| (region.offset as usize) < code.code.len());
    match starts && sorted && inside {
        true => Ok(()),
        false => Err(Error::internal("regions do not partition the code")),
    }
}

/// The name as ELF can carry it: it ends at the first NUL.
fn local_name(name: &str) -> &str {
    name.split('\0').next().unwrap_or_default()
}

/// A name by which objects find each other must be carried whole.
fn global_name(name: &str) -> Result<&str> {
    match name.is_empty() || name.contains('\0') {
        true => Err(Error::Interface(format!("{name:?} cannot name a symbol"))),
        false => Ok(name),
    }
}

fn from_object(error: write::Error) -> Error {
    Error::internal(format!("object writer: {error}"))
}
