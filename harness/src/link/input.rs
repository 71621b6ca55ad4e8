//! A relocatable object as the linker sees it.
//!
//! Input: the bytes of an ELF32 file. Output: its sections, symbols and COMDAT groups, by the
//! indices that the file uses.

use super::LinkError;
use object::read::elf::ElfFile32;
use object::{
    Object, ObjectComdat, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget,
    SectionFlags, SymbolFlags, SymbolSection, elf,
};
use std::collections::BTreeMap;

/// `SHT_ARM_ATTRIBUTES` (IHI 0044, 4.3.3).
pub const SHT_ARM_ATTRIBUTES: elf::SectionType = elf::SectionType(0x7000_0003);

/// The largest alignment of a section. What lies before such a section may be padded by as much, in
/// memory and in the file.
const MAX_ALIGN: u32 = 1 << 16;

pub struct Input<'a> {
    pub sections: BTreeMap<usize, Section<'a>>,
    pub symbols: BTreeMap<usize, Symbol<'a>>,
    pub groups: Vec<Group<'a>>,
    /// Build attributes, empty if the object has none.
    pub attributes: &'a [u8],
    /// Bytes of the whole object.
    pub file_bytes: usize,
}

/// A section that has contents for the output.
pub struct Section<'a> {
    pub name: &'a str,
    /// Empty if the contents are zeros only.
    pub data: &'a [u8],
    pub size: u32,
    pub align: u32,
    pub flags: elf::SectionFlags,
    pub zeros: bool,
    pub relocations: Vec<Relocation>,
}

impl Section<'_> {
    pub fn has(&self, flag: elf::SectionFlags) -> bool {
        self.flags.contains(flag)
    }
}

pub struct Relocation {
    pub offset: u32,
    pub kind: elf::RelocationType,
    /// Index of a symbol.
    pub symbol: usize,
}

pub struct Symbol<'a> {
    pub name: &'a str,
    /// Index of a section; None for what is undefined.
    pub section: Option<usize>,
    /// Without the Thumb bit.
    pub value: u32,
    pub thumb: bool,
    pub size: u32,
    pub kind: elf::SymbolType,
    pub bind: elf::SymbolBind,
}

impl Symbol<'_> {
    pub fn is_local(&self) -> bool {
        self.bind == elf::STB_LOCAL
    }

    pub fn is_weak(&self) -> bool {
        self.bind == elf::STB_WEAK
    }

    /// Names code or data to people, unlike `$t`, `$d` and the symbols of sections.
    pub fn is_named(&self) -> bool {
        !self.name.is_empty() && !self.is_mapping() && self.kind != elf::STT_SECTION
    }

    /// Marks what follows as code or data (IHI 0044, 4.5.5).
    pub fn is_mapping(&self) -> bool {
        self.name.starts_with('$')
    }
}

/// A COMDAT group: of groups with the same signature one is linked.
pub struct Group<'a> {
    pub signature: &'a str,
    pub sections: Vec<usize>,
}

impl<'a> Input<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Input<'a>, LinkError> {
        let file = ElfFile32::<object::Endianness>::parse(bytes)?;
        let mut input = Input {
            sections: BTreeMap::new(),
            symbols: BTreeMap::new(),
            groups: Vec::new(),
            attributes: &[],
            file_bytes: bytes.len(),
        };
        for section in file.sections() {
            let SectionFlags::Elf { sh_type, sh_flags } = section.flags() else { continue };
            if sh_type == SHT_ARM_ATTRIBUTES {
                input.attributes = section.data()?;
            }
            let zeros = sh_type == elf::SHT_NOBITS;
            if zeros || sh_type == elf::SHT_PROGBITS {
                let data = if zeros { &[] } else { section.data()? };
                let name = section.name()?;
                let (size, align) = (section.size() as u32, section.align().max(1) as u32);
                if !align.is_power_of_two() || align > MAX_ALIGN {
                    return Err(LinkError::Alignment { section: name.to_owned(), align });
                }
                let relocations = relocations(name, &section)?;
                let section_index = section.index().0;
                let flags = sh_flags;
                let section = Section { name, data, size, align, flags, zeros, relocations };
                input.sections.insert(section_index, section);
            }
        }
        for symbol in file.symbols() {
            let SymbolFlags::Elf { st_info, .. } = symbol.flags() else { continue };
            let section = match symbol.section() {
                SymbolSection::Section(index) => Some(index.0),
                SymbolSection::Undefined => None,
                _ => continue,
            };
            let kind = st_info.st_type();
            let address = symbol.address() as u32;
            let thumb = kind == elf::STT_FUNC && address & 1 != 0 || section.is_none();
            let value = if kind == elf::STT_FUNC { address & !1 } else { address };
            let (name, size) = (symbol.name()?, symbol.size() as u32);
            let bind = st_info.st_bind();
            let symbol_index = symbol.index().0;
            let symbol = Symbol { name, section, value, thumb, size, kind, bind };
            input.symbols.insert(symbol_index, symbol);
        }
        for comdat in file.comdats() {
            let sections = comdat.sections().map(|section| section.0).collect();
            input.groups.push(Group { signature: comdat.name()?, sections });
        }
        Ok(input)
    }
}

fn relocations<'data, S: ObjectSection<'data>>(
    name: &str,
    section: &S,
) -> Result<Vec<Relocation>, LinkError> {
    let relocations = section.relocations().map(|(offset, relocation)| {
        let error = |problem: &str| LinkError::Relocation {
            section: name.to_owned(),
            offset,
            problem: problem.to_owned(),
        };
        let RelocationFlags::Elf { r_type } = relocation.flags() else {
            return Err(error("not an ELF relocation"));
        };
        let RelocationTarget::Symbol(symbol) = relocation.target() else {
            return Err(error("refers to no symbol"));
        };
        Ok(Relocation { offset: offset as u32, kind: r_type, symbol: symbol.0 })
    });
    relocations.collect()
}
