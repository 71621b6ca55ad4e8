//! Links one relocatable object in memory, for the emulator.
//!
//! Input: an ELF32 Arm object as the object writer makes it, an address, and what earlier objects
//! define. Output: an [`Image`]: the bytes of all allocated sections at that address, relocated,
//! and an address for each symbol. Nothing is known here of what the object means.
//!
//! An object sees no other object's symbols: whoever links says where each undefined symbol leads,
//! for two objects may well define the same name. COMDAT groups are the exception, as for any
//! linker: the first definition of a group serves all objects, and later ones are discarded.
//!
//! Relocations are those of *ELF for the Arm Architecture* (IHI 0044), 5.6.1.3 and 5.6.1.6, with
//! addends in place.

use core::ops::Range;
use object::read::elf::ElfFile32;
use object::{
    Object, ObjectComdat, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget,
    SectionFlags, SymbolSection, elf,
};
use std::collections::{BTreeMap, HashMap, HashSet};

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("not an ELF object: {0}")]
    Format(#[from] object::read::Error),
    #[error("section {0} is writable, and nothing initialises RAM")]
    Writable(String),
    #[error("{section}+{offset:#x}: {problem}")]
    Relocation { section: String, offset: u64, problem: String },
    #[error("symbol {0} is defined twice")]
    Duplicate(String),
}

/// A defined symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Symbol {
    /// Without the Thumb bit.
    pub address: u32,
    pub size: u32,
    pub is_function: bool,
}

/// The symbols of COMDAT groups that are linked already, by name.
pub type Comdats = HashMap<String, Symbol>;

/// A linked object.
pub struct Image {
    pub base: u32,
    pub bytes: Vec<u8>,
    /// Symbols by name, those in place of a discarded group's included.
    pub symbols: BTreeMap<String, Symbol>,
    /// The groups that are this object's own.
    pub comdats: Comdats,
}

impl Image {
    /// The addresses of the linked sections.
    pub fn range(&self) -> Range<u32> {
        self.base..self.base + self.bytes.len() as u32
    }

    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        self.symbols.get(name).copied()
    }
}

/// The value of a symbol for relocation: its address, and whether that is Thumb code.
#[derive(Clone, Copy)]
struct Target {
    address: u32,
    thumb: bool,
}

impl Target {
    /// `(S + A) | T`.
    fn with_addend(self, addend: i32) -> u32 {
        self.address.wrapping_add_signed(addend) | u32::from(self.thumb)
    }
}

/// Links `object` at `base`, a multiple of every section's alignment. `resolve` gives the address
/// of the function that an undefined symbol stands for.
pub fn link(
    object: &[u8],
    base: u32,
    linked: &Comdats,
    resolve: &mut dyn FnMut(&str) -> u32,
) -> Result<Image, LinkError> {
    let file = ElfFile32::<object::Endianness>::parse(object)?;
    let mut image =
        Image { base, bytes: Vec::new(), symbols: BTreeMap::new(), comdats: Comdats::new() };
    let groups = Groups::new(&file, linked)?;
    let places = place_sections(&file, &groups.discarded, &mut image)?;
    let targets = resolve_symbols(&file, &places, &groups, linked, &mut image, resolve)?;
    for section in file.sections() {
        if let Some(&base) = places.get(&section.index().0) {
            relocate_section(&section, base, &targets, &mut image)?;
        }
    }
    Ok(image)
}

/// The COMDAT groups of a file.
struct Groups {
    /// By symbol index.
    signatures: HashSet<usize>,
    /// Sections of the groups that an earlier object has, by index.
    discarded: HashSet<usize>,
}

impl Groups {
    fn new(file: &ElfFile32, linked: &Comdats) -> Result<Groups, LinkError> {
        let mut groups = Groups { signatures: HashSet::new(), discarded: HashSet::new() };
        for comdat in file.comdats() {
            groups.signatures.insert(comdat.symbol().0);
            if linked.contains_key(comdat.name()?) {
                groups.discarded.extend(comdat.sections().map(|section| section.0));
            }
        }
        Ok(groups)
    }
}

/// Appends every allocated section to the image and tells their addresses by section index.
fn place_sections(
    file: &ElfFile32,
    discarded: &HashSet<usize>,
    image: &mut Image,
) -> Result<HashMap<usize, u32>, LinkError> {
    let mut places = HashMap::new();
    let bytes = &mut image.bytes;
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags, .. } = section.flags() else { continue };
        let index = section.index().0;
        if !sh_flags.contains(elf::SHF_ALLOC) || discarded.contains(&index) {
            continue;
        }
        if sh_flags.contains(elf::SHF_WRITE) && section.size() > 0 {
            return Err(LinkError::Writable(section.name()?.to_owned()));
        }
        let align = section.align().max(1) as usize;
        bytes.resize(bytes.len().next_multiple_of(align), 0);
        places.insert(index, image.base + bytes.len() as u32);
        bytes.extend_from_slice(section.data()?);
    }
    Ok(places)
}

/// Gives each symbol of the file an address, by symbol index.
fn resolve_symbols(
    file: &ElfFile32,
    places: &HashMap<usize, u32>,
    groups: &Groups,
    linked: &Comdats,
    image: &mut Image,
    resolve: &mut dyn FnMut(&str) -> u32,
) -> Result<HashMap<usize, Target>, LinkError> {
    let mut targets = HashMap::new();
    for symbol in file.symbols() {
        let name = symbol.name()?;
        let index = symbol.index().0;
        match symbol.section() {
            SymbolSection::Section(section) if groups.discarded.contains(&section.0) => {
                let Some(&first) = linked.get(name) else { continue };
                targets.insert(index, Target { address: first.address, thumb: first.is_function });
                image.symbols.insert(name.to_owned(), first);
            }
            SymbolSection::Section(section) => {
                let Some(&base) = places.get(&section.0) else { continue };
                let is_function = symbol.kind() == object::SymbolKind::Text && !name.is_empty();
                let value = symbol.address() as u32;
                let thumb = is_function && value & 1 != 0;
                let address = base + if thumb { value & !1 } else { value };
                targets.insert(index, Target { address, thumb });
                let is_mapping = name.starts_with('$') || name.is_empty();
                let size = symbol.size() as u32;
                let symbol = Symbol { address, size, is_function };
                if groups.signatures.contains(&index) {
                    image.comdats.insert(name.to_owned(), symbol);
                }
                if !is_mapping && image.symbols.insert(name.to_owned(), symbol).is_some() {
                    return Err(LinkError::Duplicate(name.to_owned()));
                }
            }
            SymbolSection::Undefined if !name.is_empty() => {
                targets.insert(index, Target { address: resolve(name), thumb: true });
            }
            _ => {}
        }
    }
    Ok(targets)
}

fn relocate_section<'data, S: ObjectSection<'data>>(
    section: &S,
    base: u32,
    targets: &HashMap<usize, Target>,
    image: &mut Image,
) -> Result<(), LinkError> {
    for (offset, relocation) in section.relocations() {
        let error = |problem: String| LinkError::Relocation {
            section: section.name().unwrap_or("?").to_owned(),
            offset,
            problem,
        };
        let RelocationFlags::Elf { r_type } = relocation.flags() else {
            return Err(error("not an ELF relocation".into()));
        };
        if r_type == elf::R_ARM_NONE {
            continue;
        }
        let target = match relocation.target() {
            RelocationTarget::Symbol(index) => targets.get(&index.0).copied(),
            _ => None,
        };
        let target = target.ok_or_else(|| error("refers to no symbol".into()))?;
        let place = base.wrapping_add(offset as u32);
        let field = image
            .bytes
            .get_mut((place - image.base) as usize..)
            .and_then(|rest| rest.first_chunk_mut::<4>())
            .ok_or_else(|| error("lies outside of its section".into()))?;
        relocate(field, r_type, place, target).map_err(error)?;
    }
    Ok(())
}

/// Completes one field at address `place`.
fn relocate(
    field: &mut [u8; 4],
    r_type: elf::RelocationType,
    place: u32,
    target: Target,
) -> Result<(), String> {
    let word = u32::from_le_bytes(*field);
    // A 32-bit Thumb instruction as the manual writes it, first halfword on top.
    let inst = word.rotate_left(16);
    let thumb_inst = |inst: u32| inst.rotate_left(16).to_le_bytes();
    *field = match r_type {
        elf::R_ARM_ABS32 => target.with_addend(word as i32).to_le_bytes(),
        elf::R_ARM_REL32 => target.with_addend(word as i32).wrapping_sub(place).to_le_bytes(),
        elf::R_ARM_THM_PC22 | elf::R_ARM_THM_JUMP24 => {
            let distance = target.with_addend(branch24::get(inst)).wrapping_sub(place) as i32;
            thumb_inst(branch24::set(inst, distance & !1)?)
        }
        elf::R_ARM_THM_JUMP19 => {
            let distance = target.with_addend(branch19::get(inst)).wrapping_sub(place) as i32;
            thumb_inst(branch19::set(inst, distance & !1)?)
        }
        elf::R_ARM_THM_MOVW_ABS_NC => {
            let value = target.with_addend(imm16::get(inst).into());
            thumb_inst(imm16::set(inst, value as u16))
        }
        elf::R_ARM_THM_MOVT_ABS => {
            let value = target.address.wrapping_add_signed(imm16::get(inst).into());
            thumb_inst(imm16::set(inst, (value >> 16) as u16))
        }
        other => {
            return Err(format!("relocation type {} is not one that windlass writes", other.0));
        }
    };
    Ok(())
}

/// The offset of `bl` (encoding T1) and `b.w` (T4).
mod branch24 {
    pub fn get(inst: u32) -> i32 {
        let s = inst >> 26 & 1;
        let i1 = !(inst >> 13 ^ s) & 1;
        let i2 = !(inst >> 11 ^ s) & 1;
        let offset =
            s << 24 | i1 << 23 | i2 << 22 | (inst >> 16 & 0x3ff) << 12 | (inst & 0x7ff) << 1;
        (offset as i32) << 7 >> 7
    }

    pub fn set(inst: u32, distance: i32) -> Result<u32, String> {
        if !(-(1 << 24)..1 << 24).contains(&distance) {
            return Err(format!("branch over {distance} bytes"));
        }
        let d = distance as u32;
        let s = d >> 24 & 1;
        let j1 = !(d >> 23 ^ s) & 1;
        let j2 = !(d >> 22 ^ s) & 1;
        Ok(inst & 0xf800_d000
            | s << 26
            | (d >> 12 & 0x3ff) << 16
            | j1 << 13
            | j2 << 11
            | d >> 1 & 0x7ff)
    }
}

/// The offset of a conditional `b.w` (encoding T3).
mod branch19 {
    pub fn get(inst: u32) -> i32 {
        let offset = (inst >> 26 & 1) << 20
            | (inst >> 11 & 1) << 19
            | (inst >> 13 & 1) << 18
            | (inst >> 16 & 0x3f) << 12
            | (inst & 0x7ff) << 1;
        (offset as i32) << 11 >> 11
    }

    pub fn set(inst: u32, distance: i32) -> Result<u32, String> {
        if !(-(1 << 20)..1 << 20).contains(&distance) {
            return Err(format!("conditional branch over {distance} bytes"));
        }
        let d = distance as u32;
        Ok(inst & 0xfbc0_d000
            | (d >> 20 & 1) << 26
            | (d >> 12 & 0x3f) << 16
            | (d >> 18 & 1) << 13
            | (d >> 19 & 1) << 11
            | d >> 1 & 0x7ff)
    }
}

/// The immediate of `movw` (encoding T3) and `movt` (T1), an addend being signed.
mod imm16 {
    pub fn get(inst: u32) -> i16 {
        ((inst >> 16 & 0xf) << 12 | (inst >> 26 & 1) << 11 | (inst >> 12 & 7) << 8 | inst & 0xff)
            as i16
    }

    pub fn set(inst: u32, value: u16) -> u32 {
        let v = u32::from(value);
        inst & 0xfbf0_8f00 | (v >> 12) << 16 | (v >> 11 & 1) << 26 | (v >> 8 & 7) << 12 | v & 0xff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(inst: u32) -> [u8; 4] {
        inst.rotate_left(16).to_le_bytes()
    }

    #[test]
    fn branch_fields_round_trip_to_the_ends_of_their_ranges() {
        for distance in [0, 2, -2, -4, 0x1000, -0x1000, 0xff_fffe, -0x100_0000, 0x40_0000] {
            let inst = branch24::set(0xf000_d000, distance).unwrap();
            assert_eq!(branch24::get(inst), distance);
            assert_eq!(inst & 0xf800_d000, 0xf000_d000);
        }
        assert!(branch24::set(0xf000_d000, 0x100_0000).is_err());
        for distance in [0, 2, -2, -4, 0xffffe, -0x100000, 0x40000, -0x40000, 0x80000] {
            let inst = branch19::set(0xf040_8000, distance).unwrap();
            assert_eq!(branch19::get(inst), distance);
            assert_eq!(inst & 0xfbc0_d000, 0xf040_8000);
        }
        assert!(branch19::set(0xf040_8000, 0x100000).is_err());
    }

    #[test]
    fn known_encodings_come_out() {
        // bl .-4+4 (to itself): f7ff fffe
        let target = Target { address: 0x1000, thumb: true };
        let mut call = field(0xf7ff_fffe);
        relocate(&mut call, elf::R_ARM_THM_PC22, 0x1000, target).unwrap();
        assert_eq!(call, field(0xf7ff_fffe));
        // bl .+0x104: f000 f880
        let mut call = field(0xf7ff_fffe);
        relocate(&mut call, elf::R_ARM_THM_PC22, 0x1000 - 0x104, target).unwrap();
        assert_eq!(call, field(0xf000_f880));
        // movw r3, #0x5679; movt r3, #0x1234
        let target = Target { address: 0x1234_5678, thumb: true };
        let mut movw = field(0xf240_0300);
        relocate(&mut movw, elf::R_ARM_THM_MOVW_ABS_NC, 0, target).unwrap();
        assert_eq!(movw, field(0xf245_6379));
        let mut movt = field(0xf2c0_0300);
        relocate(&mut movt, elf::R_ARM_THM_MOVT_ABS, 0, target).unwrap();
        assert_eq!(movt, field(0xf2c1_2334));
    }

    #[test]
    fn words_take_their_addend() {
        let target = Target { address: 0x2000, thumb: true };
        let mut word = 8u32.to_le_bytes();
        relocate(&mut word, elf::R_ARM_ABS32, 0, target).unwrap();
        assert_eq!(u32::from_le_bytes(word), 0x2009);
        let mut word = 0u32.to_le_bytes();
        relocate(&mut word, elf::R_ARM_REL32, 0x1000, target).unwrap();
        assert_eq!(u32::from_le_bytes(word), 0x1001);
    }
}
