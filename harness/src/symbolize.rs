//! From addresses of code to function, byte of the wasm file and source line.
//!
//! Input: a relocatable object or a linked executable (ELF32, little-endian) with the debug
//! information that `compile -g` writes, and that of any C around it. Output: a [`Location`] for each
//! address. Lines and names come from DWARF, wasm's offsets from `.debug_windlass`.
//!
//! A relocatable object has no addresses yet: its sections are laid out one after the other, the
//! first at 0, and the relocations of debug sections are done.

use addr2line::Context;
use gimli::{EndianSlice, LittleEndian};
use object::read::elf::ElfFile32;
use object::{
    Object, ObjectKind, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget,
    SectionIndex, SectionKind, SymbolKind, elf,
};
use std::collections::HashMap;
use windlass_backend::debug::wasm_map::{self, Record};

type File<'a> = ElfFile32<'a, object::Endianness>;

#[derive(Debug, thiserror::Error)]
pub enum SymbolizeError {
    #[error("not an ELF object: {0}")]
    Format(#[from] object::read::Error),
    #[error("debug information: {0}")]
    Dwarf(#[from] gimli::Error),
    #[error("`{0}` is no address: a number, SYMBOL or SECTION, or one of these and +NUMBER")]
    Syntax(String),
    #[error("`{0}` is no symbol and no section")]
    Unknown(String),
    #[error("`{0}` is one of several sections of an object: give SYMBOL+NUMBER or SECTION+NUMBER")]
    Ambiguous(String),
}

/// What stands at an address.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Location {
    /// Symbol and distance from it.
    pub symbol: Option<(String, u32)>,
    /// In code that windlass compiled from wasm.
    pub wasm: Option<WasmLocation>,
    /// Innermost first; the last is the function, the others are inlined into it.
    pub frames: Vec<Frame>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WasmLocation {
    /// Index of the function.
    pub function: u32,
    /// Byte in the file of the operator, or of the function's body if the code is windlass's own.
    pub offset: u32,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    pub function: Option<String>,
    /// `file:line:column`, as far as it is known.
    pub line: Option<String>,
}

/// A file whose addresses are asked for.
pub struct Symbolizer<'a> {
    file: File<'a>,
    layout: Layout,
    /// Contents of debug sections by name, relocations done.
    sections: HashMap<String, Vec<u8>>,
    records: Vec<Record>,
}

impl<'a> Symbolizer<'a> {
    pub fn new(bytes: &'a [u8]) -> Result<Symbolizer<'a>, SymbolizeError> {
        let file = File::parse(bytes)?;
        let layout = Layout::new(&file);
        let mut sections = HashMap::new();
        for section in file.sections() {
            let name = section.name()?;
            if name.starts_with(".debug_") {
                // What is compressed in a way that `object` does not read tells nothing.
                let Ok(data) = section.uncompressed_data() else { continue };
                let data = data.into_owned();
                sections.insert(name.to_owned(), relocated(&file, &layout, &section, data));
            }
        }
        let records = sections.get(wasm_map::SECTION).map_or(Vec::new(), |s| wasm_map::read(s));
        Ok(Symbolizer { file, layout, sections, records })
    }

    /// The address that a text stands for, the Thumb bit apart.
    pub fn address(&self, text: &str) -> Result<u32, SymbolizeError> {
        let address = match (number(text), text.rsplit_once('+')) {
            (Some(number), _) => self.plain(text, number)?,
            (None, Some((base, offset))) => {
                let offset = number(offset).ok_or_else(|| SymbolizeError::Syntax(text.into()))?;
                self.base(base)?.wrapping_add(offset)
            }
            (None, None) => self.base(text)?,
        };
        Ok(address & !1)
    }

    /// A number as it stands; in an object the offset in the only section of code.
    fn plain(&self, text: &str, number: u32) -> Result<u32, SymbolizeError> {
        if self.layout.code.len() > 1 {
            return Err(SymbolizeError::Ambiguous(text.to_owned()));
        }
        let base = self.layout.code.first().copied().unwrap_or(0);
        Ok(base.wrapping_add(number))
    }

    fn base(&self, name: &str) -> Result<u32, SymbolizeError> {
        if name.is_empty() {
            return Err(SymbolizeError::Syntax(name.to_owned()));
        }
        let symbol = self.file.symbols().find(|symbol| symbol.name() == Ok(name));
        let symbol = symbol.filter(|symbol| symbol.is_definition());
        if let Some(symbol) = symbol {
            return Ok(self.layout.place(symbol.section_index(), symbol.address()) & !1);
        }
        let section = self.file.section_by_name(name);
        let section = section.ok_or_else(|| SymbolizeError::Unknown(name.to_owned()))?;
        Ok(self.layout.place(Some(section.index()), section.address()))
    }

    /// What is known of each address.
    pub fn locate(&self, addresses: &[u32]) -> Result<Vec<Location>, SymbolizeError> {
        let load = |id: gimli::SectionId| {
            let bytes = self.sections.get(id.name()).map_or(&[][..], |section| section);
            Ok::<_, gimli::Error>(EndianSlice::new(bytes, LittleEndian))
        };
        let context = Context::from_dwarf(gimli::Dwarf::load(load)?)?;
        addresses.iter().map(|&address| self.locate_one(&context, address)).collect()
    }

    fn locate_one(
        &self,
        context: &Context<EndianSlice<'_, LittleEndian>>,
        address: u32,
    ) -> Result<Location, SymbolizeError> {
        let mut frames = Vec::new();
        let mut found = context.find_frames(address.into()).skip_all_loads()?;
        while let Some(frame) = found.next()? {
            let function = match &frame.function {
                Some(function) => Some(function.raw_name()?.into_owned()),
                None => None,
            };
            frames.push(Frame { function, line: frame.location.and_then(|l| line(&l)) });
        }
        let wasm = self.records.iter().find_map(|record| {
            // What a linker dropped has address 0.
            let is_there = record.address != 0 || self.layout.is_relocatable;
            let offset = record.find(address).filter(|_| is_there)?;
            Some(WasmLocation { function: record.index, offset })
        });
        Ok(Location { symbol: self.symbol(address), wasm, frames })
    }

    fn symbol(&self, address: u32) -> Option<(String, u32)> {
        self.file.symbols().filter(|s| s.kind() == SymbolKind::Text).find_map(|symbol| {
            let start = self.layout.place(symbol.section_index(), symbol.address()) & !1;
            let offset = address.checked_sub(start)?;
            let name = symbol.name().ok().filter(|name| !name.starts_with('$'))?;
            (u64::from(offset) < symbol.size()).then(|| (name.to_owned(), offset))
        })
    }
}

/// Where sections are.
struct Layout {
    is_relocatable: bool,
    /// Of an object's sections by index.
    bases: HashMap<usize, u32>,
    /// Bases of an object's sections of code, those of COMDAT groups apart.
    code: Vec<u32>,
}

impl Layout {
    fn new(file: &File<'_>) -> Layout {
        let is_relocatable = file.kind() == ObjectKind::Relocatable;
        let mut layout = Layout { is_relocatable, bases: HashMap::new(), code: Vec::new() };
        let mut next = 0u32;
        for section in file.sections().filter(|_| is_relocatable) {
            let object::SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
            if !sh_flags.contains(elf::SHF_ALLOC) {
                continue;
            }
            layout.bases.insert(section.index().0, next);
            if section.kind() == SectionKind::Text && !sh_flags.contains(elf::SHF_GROUP) {
                layout.code.push(next);
            }
            // A layout that does not fit 32 bits is nobody's: addresses then mean nothing.
            let end = next.saturating_add(section.size() as u32);
            next = end.checked_next_multiple_of(16).unwrap_or(u32::MAX - 15);
        }
        layout
    }

    fn place(&self, section: Option<SectionIndex>, address: u64) -> u32 {
        let base = section.and_then(|index| self.bases.get(&index.0)).copied().unwrap_or(0);
        base.wrapping_add(address as u32)
    }
}

/// A section's bytes with the words in place that an object leaves to the linker.
fn relocated<'a>(
    file: &File<'a>,
    layout: &Layout,
    section: &impl ObjectSection<'a>,
    mut bytes: Vec<u8>,
) -> Vec<u8> {
    for (offset, relocation) in section.relocations() {
        let RelocationFlags::Elf { r_type: elf::R_ARM_ABS32 } = relocation.flags() else {
            continue;
        };
        let RelocationTarget::Symbol(symbol) = relocation.target() else { continue };
        let Ok(symbol) = file.symbol_by_index(symbol) else { continue };
        let rest = usize::try_from(offset).ok().and_then(|at| bytes.get_mut(at..));
        let Some(word) = rest.and_then(|rest| rest.first_chunk_mut::<4>()) else { continue };
        let value = layout.place(symbol.section_index(), symbol.address());
        *word = u32::from_le_bytes(*word).wrapping_add(value).to_le_bytes();
    }
    bytes
}

fn line(location: &addr2line::Location<'_>) -> Option<String> {
    let mut text = location.file?.to_owned();
    for part in [location.line, location.column] {
        match part {
            Some(number) if number > 0 => text += &format!(":{number}"),
            _ => break,
        }
    }
    Some(text)
}

/// A hexadecimal number with 0x, or a decimal one.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if !digits.starts_with('+') => u32::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => text.parse().ok().filter(|_| !text.starts_with('+')),
    }
}
