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
use std::collections::{BTreeMap, HashMap};

/// `SHT_ARM_ATTRIBUTES` (IHI 0044, 4.3.3).
pub const SHT_ARM_ATTRIBUTES: elf::SectionType = elf::SectionType(0x7000_0003);

/// The largest alignment of a section. What lies before such a section may be padded by as much, in
/// memory and in the file.
const MAX_ALIGN: u32 = 1 << 16;

/// Sections that a C library executes, or whose functions it calls, by type and by name.
const STARTUP_TYPES: [elf::SectionType; 3] =
    [elf::SHT_PREINIT_ARRAY, elf::SHT_INIT_ARRAY, elf::SHT_FINI_ARRAY];
const STARTUP_NAMES: [&str; 7] =
    [".preinit_array", ".init_array", ".fini_array", ".ctors", ".dtors", ".init", ".fini"];

pub struct Input<'a> {
    /// For messages.
    pub name: &'a str,
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
    /// Is for a C library, which executes it or calls what it lists before or after the program.
    pub startup: bool,
    pub relocations: Vec<Relocation>,
}

/// Where a symbol is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// In the section of this index.
    Section(usize),
    /// At its value.
    Absolute,
    Undefined,
}

/// Which of several definitions of a name is the one: the strongest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Strength {
    Weak,
    /// Zeros, as large as the largest that an object wants.
    Common,
    Strong,
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
    pub place: Place,
    pub strength: Strength,
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
        self.strength == Strength::Weak
    }

    /// The index of the section that it is in.
    pub fn section(&self) -> Option<usize> {
        match self.place {
            Place::Section(index) => Some(index),
            Place::Absolute | Place::Undefined => None,
        }
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
    pub fn parse(name: &'a str, bytes: &'a [u8]) -> Result<Input<'a>, LinkError> {
        let file = ElfFile32::<object::Endianness>::parse(bytes)?;
        let mut input = Input {
            name,
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
            let is_array = STARTUP_TYPES.contains(&sh_type);
            if zeros || is_array || sh_type == elf::SHT_PROGBITS {
                let data = if zeros { &[] } else { section.data()? };
                let name = section.name()?;
                let (size, align) = (section.size() as u32, section.align().max(1) as u32);
                check_align(name, align)?;
                let relocations = relocations(input.name, name, &section)?;
                let section_index = section.index().0;
                let flags = sh_flags;
                let startup = is_array || STARTUP_NAMES.iter().any(|&of| is_part(name, of));
                let section =
                    Section { name, data, size, align, flags, zeros, startup, relocations };
                input.sections.insert(section_index, section);
            }
        }
        for symbol in file.symbols() {
            let SymbolFlags::Elf { st_info, .. } = symbol.flags() else { continue };
            let (kind, bind) = (st_info.st_type(), st_info.st_bind());
            let (name, index) = (symbol.name()?, symbol.index().0);
            // The answer of `address` is 0 for common symbols, whose value is an alignment.
            let (size, address) =
                (symbol.size() as u32, symbol.elf_symbol().st_value.get(file.endian()));
            let is_function = kind == elf::STT_FUNC;
            let mut parsed = Symbol {
                name,
                place: Place::Undefined,
                strength: if bind == elf::STB_WEAK { Strength::Weak } else { Strength::Strong },
                value: if is_function { address & !1 } else { address },
                thumb: is_function && address & 1 != 0,
                size,
                kind,
                bind,
            };
            match symbol.section() {
                SymbolSection::Section(section) => {
                    parsed.place = Place::Section(section.0);
                    if kind == elf::STT_SECTION {
                        parsed.name = file.section_by_index(section)?.name()?;
                    }
                }
                SymbolSection::Absolute => parsed.place = Place::Absolute,
                SymbolSection::Common => parsed = input.add_common(index, parsed)?,
                SymbolSection::Undefined => {}
                _ => continue,
            }
            input.symbols.insert(index, parsed);
        }
        for comdat in file.comdats() {
            let sections = comdat.sections().map(|section| section.0).collect();
            input.groups.push(Group { signature: comdat.name()?, sections });
        }
        Ok(input)
    }

    /// Names and sections of the common symbols that all objects see.
    fn commons(&self) -> Vec<(&'a str, usize)> {
        let symbols = self.symbols.values();
        let commons = symbols.filter(|s| s.strength == Strength::Common && !s.is_local());
        commons.filter_map(|symbol| Some((symbol.name, symbol.section()?))).collect()
    }

    /// Zeros for a common symbol, whose value is an alignment.
    fn add_common(&mut self, index: usize, symbol: Symbol<'a>) -> Result<Symbol<'a>, LinkError> {
        let align = symbol.value.max(1);
        check_align(symbol.name, align)?;
        // No section of the file has such an index.
        let section = usize::MAX - index;
        let zeros = Section {
            name: "COMMON",
            data: &[],
            size: symbol.size,
            align,
            flags: elf::SHF_ALLOC | elf::SHF_WRITE,
            zeros: true,
            startup: false,
            relocations: Vec::new(),
        };
        self.sections.insert(section, zeros);
        let strength = symbol.strength.min(Strength::Common);
        Ok(Symbol { place: Place::Section(section), strength, value: 0, ..symbol })
    }
}

/// Makes the common symbols of one name as large, and aligned as much, as any object wants it.
pub fn unite_commons(inputs: &mut [Input<'_>]) {
    let mut wanted: HashMap<&str, (u32, u32)> = HashMap::new();
    for input in &*inputs {
        for (name, section) in input.commons() {
            let zeros = &input.sections[&section];
            let (size, align) = wanted.entry(name).or_default();
            (*size, *align) = (zeros.size.max(*size), zeros.align.max(*align));
        }
    }
    for input in inputs {
        for (name, section) in input.commons() {
            if let (Some(zeros), Some(&(size, align))) =
                (input.sections.get_mut(&section), wanted.get(name))
            {
                (zeros.size, zeros.align) = (size, align);
            }
        }
    }
}

/// Whether a section is `of`, or `of.` and more.
fn is_part(name: &str, of: &str) -> bool {
    name.strip_prefix(of).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn check_align(what: &str, align: u32) -> Result<(), LinkError> {
    if !align.is_power_of_two() || align > MAX_ALIGN {
        return Err(LinkError::Alignment { what: what.to_owned(), align });
    }
    Ok(())
}

fn relocations<'data, S: ObjectSection<'data>>(
    object: &str,
    name: &str,
    section: &S,
) -> Result<Vec<Relocation>, LinkError> {
    let relocations = section.relocations().map(|(offset, relocation)| {
        let error = |problem: &str| LinkError::Relocation {
            object: object.to_owned(),
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
