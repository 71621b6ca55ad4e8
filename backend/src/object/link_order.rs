//! The one thing in an object that the `object` crate cannot write: to which section a section with
//! `SHF_LINK_ORDER` belongs, in the `sh_link` of its header.

use object::elf::{FileHeader32, Rel32, SHT_REL, SectionHeader32};
use object::read::elf::{FileHeader, SectionHeader, Sym};
use object::{Endianness, SymbolIndex, pod};

/// Links each section of this name to the one that its first relocation refers to; None if the
/// object cannot be read.
pub fn set(object: &mut [u8], name: &str) -> Option<()> {
    let links = links(object, name)?;
    let header = FileHeader32::<Endianness>::parse(&*object).ok()?;
    let endian = header.endian().ok()?;
    let table = usize::try_from(header.e_shoff(endian)).ok()?;
    for (section, link) in links {
        let at = table + section * size_of::<SectionHeader32<Endianness>>();
        let bytes = object.get_mut(at..)?;
        let (header, _) = pod::from_bytes_mut::<SectionHeader32<Endianness>>(bytes).ok()?;
        header.sh_link.set(endian, link);
    }
    Some(())
}

/// Indices of the sections of this name, and of what they are to be linked to.
fn links(object: &[u8], name: &str) -> Option<Vec<(usize, u32)>> {
    let header = FileHeader32::<Endianness>::parse(object).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, object).ok()?;
    let symbols = sections.symbols(endian, object, object::elf::SHT_SYMTAB).ok()?;
    let mut links = Vec::new();
    for section in sections.iter().filter(|section| section.sh_type(endian) == SHT_REL) {
        let of = section.info_link(endian);
        let named = sections.section(of).ok()?;
        if sections.section_name(endian, named).ok()? != name.as_bytes() {
            continue;
        }
        let (relocations, _) = section.rel(endian, object).ok()??;
        let first: &Rel32<Endianness> = relocations.first()?;
        let symbol = symbols.symbol(SymbolIndex(first.r_sym(endian) as usize)).ok()?;
        links.push((of.0, u32::from(symbol.st_shndx(endian).0)));
    }
    Some(links)
}
