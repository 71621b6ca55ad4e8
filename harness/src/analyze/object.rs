//! The functions of a Thumb-2 ELF file: where their code and data are, and what refers where.
//!
//! Input: the file's bytes. Output: each function symbol's range with its regions of code, after the
//! mapping symbols `$t` and `$d` (ELF for the Arm Architecture, section 5.5.5), and relocations by
//! offset.

use object::read::elf::{ElfFile32, FileHeader};
use object::{
    Endianness, Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget,
    SectionIndex, SymbolKind, elf,
};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// The file is none that can be analysed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("no ELF file: {0}")]
    Malformed(#[from] object::Error),
    #[error("an ELF file, but not of 32-bit little-endian Arm")]
    Foreign,
}

/// A place that a symbol or a relocation means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    pub section: SectionIndex,
    pub offset: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reloc {
    pub kind: elf::RelocationType,
    /// None for what another object defines.
    pub target: Option<Target>,
}

/// A section that has functions.
pub struct Section<'a> {
    pub name: String,
    pub bytes: &'a [u8],
    /// Where each region begins, and whether it is Thumb code, data, or Arm code.
    regions: Regions,
    pub relocs: HashMap<u32, Reloc>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Region {
    Thumb,
    Data,
    Arm,
}

impl Section<'_> {
    /// What stands at an offset. Without mapping symbols everything is Thumb code.
    pub fn region(&self, offset: u32) -> Region {
        let before = self.regions.range(..=offset).next_back();
        before.map_or(Region::Thumb, |(_, &region)| region)
    }

    /// The pieces of a range that are Thumb code.
    pub fn code(&self, range: Range<u32>) -> Vec<Range<u32>> {
        let inside =
            self.regions.range(range.start.saturating_add(1)..range.end.max(range.start + 1));
        let bounds: Vec<u32> = inside.map(|(&at, _)| at).chain([range.end]).collect();
        let mut pieces = vec![];
        let mut start = range.start;
        for end in bounds {
            if self.region(start) == Region::Thumb && start < end {
                pieces.push(start..end);
            }
            start = end;
        }
        pieces
    }

    /// Where the region that begins at or around `offset` ends.
    pub fn region_end(&self, offset: u32) -> u32 {
        let next = self.regions.range(offset.saturating_add(1)..).next();
        next.map_or(self.bytes.len() as u32, |(&at, _)| at)
    }

    pub fn word(&self, offset: u32) -> Option<u32> {
        let bytes = self.bytes.get(offset as usize..offset as usize + 4)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    pub fn half(&self, offset: u32) -> Option<u16> {
        let bytes = self.bytes.get(offset as usize..offset as usize + 2)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    }
}

/// A function symbol.
pub struct Function {
    pub name: String,
    pub section: SectionIndex,
    /// Offsets in the section.
    pub range: Range<u32>,
    /// Has the Thumb bit.
    pub is_thumb: bool,
}

pub struct File<'a> {
    pub sections: HashMap<SectionIndex, Section<'a>>,
    /// In the order of sections and offsets; of several names at one place the first.
    pub functions: Vec<Function>,
}

type Elf<'a> = ElfFile32<'a, Endianness>;

impl<'a> File<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<File<'a>, FileError> {
        let file = object::File::parse(bytes)?;
        let object::File::Elf32(file) = file else { return Err(FileError::Foreign) };
        let header = file.elf_header();
        let endian = file.endian();
        if header.e_machine(endian) != elf::EM_ARM || endian != Endianness::Little {
            return Err(FileError::Foreign);
        }
        let mut functions = find_functions(&file)?;
        let mut regions = find_regions(&file)?;
        let mut sections = HashMap::new();
        let mut indices: Vec<SectionIndex> = functions.iter().map(|f| f.section).collect();
        indices.dedup();
        for index in indices {
            let regions = regions.remove(&index).unwrap_or_default();
            sections.insert(index, read_section(&file, index, regions)?);
        }
        bound(&mut functions, &sections);
        Ok(File { sections, functions })
    }

    pub fn section(&self, function: &Function) -> Option<&Section<'a>> {
        self.sections.get(&function.section)
    }
}

fn find_functions(file: &Elf<'_>) -> Result<Vec<Function>, object::Error> {
    let mut functions = vec![];
    for symbol in file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text) {
        let Some(index) = symbol.section_index() else { continue };
        let name = symbol.name().unwrap_or("");
        // Mapping symbols have no type, but some tools give them one.
        if name.starts_with('$') || name.is_empty() {
            continue;
        }
        let section = file.section_by_index(index)?;
        let offset = (symbol.address() & !1).wrapping_sub(section.address());
        let Ok(start) = u32::try_from(offset) else { continue };
        let end = start.saturating_add(u32::try_from(symbol.size()).unwrap_or(0));
        functions.push(Function {
            name: name.to_owned(),
            section: index,
            range: start..end,
            is_thumb: symbol.address() & 1 != 0,
        });
    }
    functions.sort_by_key(|f| (f.section.0, f.range.start));
    functions.dedup_by_key(|f| (f.section, f.range.start));
    Ok(functions)
}

/// A symbol without a size reaches to the next; none reaches beyond its section.
fn bound(functions: &mut [Function], sections: &HashMap<SectionIndex, Section<'_>>) {
    for i in 0..functions.len() {
        let section = functions[i].section;
        let next = functions.get(i + 1).filter(|next| next.section == section);
        let next = next.map(|next| next.range.start);
        let len = sections.get(&section).map_or(0, |section| section.bytes.len() as u32);
        let range = &mut functions[i].range;
        if range.start >= range.end {
            range.end = next.unwrap_or(len);
        }
        range.end = range.end.min(len);
        range.start = range.start.min(range.end);
    }
}

type Regions = BTreeMap<u32, Region>;

/// What the mapping symbols say of each section.
fn find_regions(file: &Elf<'_>) -> Result<HashMap<SectionIndex, Regions>, object::Error> {
    let mut regions: HashMap<SectionIndex, Regions> = HashMap::new();
    for symbol in file.symbols() {
        let region = match symbol.name().unwrap_or("").split('.').next() {
            Some("$t") => Region::Thumb,
            Some("$d") => Region::Data,
            Some("$a") => Region::Arm,
            _ => continue,
        };
        let Some(index) = symbol.section_index() else { continue };
        let offset = symbol.address().wrapping_sub(file.section_by_index(index)?.address());
        if let Ok(offset) = u32::try_from(offset) {
            regions.entry(index).or_default().insert(offset, region);
        }
    }
    Ok(regions)
}

fn read_section<'a>(
    file: &Elf<'a>,
    index: SectionIndex,
    regions: Regions,
) -> Result<Section<'a>, object::Error> {
    let section = file.section_by_index(index)?;
    let mut relocs = HashMap::new();
    for (offset, reloc) in section.relocations() {
        let RelocationFlags::Elf { r_type } = reloc.flags() else { continue };
        if r_type == elf::R_ARM_NONE {
            continue;
        }
        if let Ok(offset) = u32::try_from(offset) {
            let target = target_of(file, reloc.target());
            relocs.insert(offset, Reloc { kind: r_type, target });
        }
    }
    let name = section.name().unwrap_or("?").to_owned();
    Ok(Section { name, bytes: section.data()?, regions, relocs })
}

fn target_of(file: &Elf<'_>, target: RelocationTarget) -> Option<Target> {
    let RelocationTarget::Symbol(index) = target else { return None };
    let symbol = file.symbol_by_index(index).ok()?;
    let section = symbol.section_index()?;
    let base = file.section_by_index(section).ok()?.address();
    let offset = u32::try_from((symbol.address() & !1).wrapping_sub(base)).ok()?;
    Some(Target { section, offset })
}
