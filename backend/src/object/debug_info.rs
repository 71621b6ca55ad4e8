//! Debug information in the object: what `debug` makes, as sections with relocations.
//!
//! Relocations refer to sections' own symbols, as those of compilers do: a function's symbol would add
//! the mark of its instruction set to the address.

use super::{ObjectWriter, Place, from_object};
use crate::compiled::CompiledModule;
use crate::debug::{self, CodePlace, sites};
use crate::error::Result;
use object::write::{self, SectionId};
use object::{Endianness, RelocationFlags, SectionFlags, SectionKind, elf};
use std::collections::BTreeMap;

impl ObjectWriter<'_> {
    pub fn add_debug_info(&mut self, compiled: &CompiledModule, places: &[Place]) -> Result<()> {
        self.add_sites(compiled, places)?;
        self.add_debug_sections(compiled, places)
    }

    /// A table for each section of code, which a linker keeps or drops with it.
    fn add_sites(&mut self, compiled: &CompiledModule, places: &[Place]) -> Result<()> {
        let mut tables = BTreeMap::new();
        let kind = self.format.relative_relocation;
        let functions = self.module.functions.iter().zip(&compiled.functions).zip(places);
        for ((function, code), place) in functions {
            for site in sites::of_function(function, code) {
                let table = *tables.entry(place.section).or_insert_with(|| self.add_site_table());
                let words = [0, site.function, site.wasm_offset];
                let words: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
                let offset = self.object.append_section_data(table, &words, 4);
                let trap = Place { offset: place.offset + u64::from(site.offset), ..*place };
                self.add_word(Place { section: table, offset }, kind, trap)?;
            }
        }
        Ok(())
    }

    fn add_site_table(&mut self) -> SectionId {
        let name = sites::SECTION.as_bytes().to_vec();
        let table = self.object.add_section(Vec::new(), name, SectionKind::ReadOnlyData);
        self.object.section_mut(table).flags = SectionFlags::Elf {
            sh_type: elf::SHT_PROGBITS,
            sh_flags: elf::SHF_ALLOC | elf::SHF_LINK_ORDER,
        };
        table
    }

    fn add_debug_sections(&mut self, compiled: &CompiledModule, places: &[Place]) -> Result<()> {
        let code_places = code_places(places);
        let sections = debug::sections(&debug::Input {
            module: self.module,
            compiled,
            places: &code_places,
            registers: self.format.dwarf_registers,
            endian: match self.format.endianness {
                Endianness::Little => gimli::RunTimeEndian::Little,
                Endianness::Big => gimli::RunTimeEndian::Big,
            },
        })?;
        let mut ids = BTreeMap::new();
        for section in &sections {
            let is_strings = section.name == ".debug_str";
            let kind = if is_strings { SectionKind::DebugString } else { SectionKind::Debug };
            let id = self.object.add_section(Vec::new(), section.name.as_bytes().to_vec(), kind);
            self.object.append_section_data(id, &section.bytes, 1);
            ids.insert(section.name, id);
        }
        let kind = self.format.address_relocation;
        for section in &sections {
            for relocation in &section.relocations {
                let mut target = match relocation.target {
                    debug::Target::Function(index) => places[index],
                    debug::Target::Section(name) => Place { section: ids[name], offset: 0 },
                };
                target.offset = target.offset.wrapping_add_signed(relocation.addend);
                let offset = relocation.offset.into();
                self.add_word(Place { section: ids[section.name], offset }, kind, target)?;
            }
        }
        Ok(())
    }

    /// Makes a word the address of a byte, or the distance to it.
    fn add_word(&mut self, word: Place, kind: u32, target: Place) -> Result<()> {
        let relocation = write::Relocation {
            offset: word.offset,
            symbol: self.object.section_symbol(target.section),
            addend: target.offset as i64,
            flags: RelocationFlags::Elf { r_type: elf::RelocationType(kind) },
        };
        self.object.add_relocation(word.section, relocation).map_err(from_object)
    }
}

/// Functions of one section get one number.
fn code_places(places: &[Place]) -> Vec<CodePlace> {
    let mut numbers = BTreeMap::new();
    places
        .iter()
        .map(|place| {
            let next = numbers.len();
            let section = *numbers.entry(place.section).or_insert(next);
            CodePlace { section, offset: place.offset as u32 }
        })
        .collect()
}
