//! A linked program as an executable ELF32 file.
//!
//! Output: a segment for flash, one for initialised data and one for zeros, and sections, symbols
//! and build attributes for debuggers and binutils. Equal input gives equal bytes.

use super::input::SHT_ARM_ATTRIBUTES;
use super::{Kind, Linked, OutputSection, OutputSymbol};
use object::Endianness;
use object::elf;
use object::write::elf::{
    FileHeader, ProgramHeader, SectionHeader, SectionIndex, Sym, TwoPhase, Writer,
};

const EF_ARM_EABI_VER5: u32 = 0x0500_0000;
const ATTRIBUTES: &str = ".ARM.attributes";

/// Writes the file. Fails on files beyond 4 GiB.
pub fn write(program: &Linked) -> Result<Vec<u8>, object::write::Error> {
    let mut bytes = Vec::new();
    let mut writer: Writer<'_, TwoPhase> = Writer::new(Endianness::Little, false, &mut bytes);
    let segments = segments(program);

    writer.reserve_file_header();
    writer.reserve_program_headers(segments.len() as u32);
    let mut offsets = Vec::new();
    for (at, section) in program.sections.iter().enumerate() {
        if section.kind != Kind::Zeros {
            // A loaded section lies at its address modulo the alignment of its segment, and so
            // all of a segment lie in the file as they do in memory.
            let segment = segments.iter().find(|segment| segment.sections.contains(&at));
            let align = segment.map_or(section.align, |segment| segment.align(program));
            let padding = section.address.wrapping_sub(writer.reserved_len() as u32) & (align - 1);
            writer.reserve(padding.into(), 1);
        }
        // Zeros are nothing but addresses.
        offsets.push(writer.reserve(section.bytes.len() as u64, 1));
    }
    let attributes = writer.reserve(program.attributes.len() as u64, 1);
    let section_names: Vec<_> =
        program.sections.iter().map(|s| writer.add_section_name(s.name.as_bytes())).collect();
    let indices: Vec<_> = program.sections.iter().map(|_| writer.reserve_section_index()).collect();
    let attributes_name = writer.add_section_name(ATTRIBUTES.as_bytes());
    writer.reserve_section_index();
    let names: Vec<_> =
        program.symbols.iter().map(|s| writer.add_string(s.name.as_bytes())).collect();
    for symbol in &program.symbols {
        writer.reserve_symbol_index(symbol.section.map(|at| indices[at]));
    }
    writer.reserve_symtab_section_index();
    writer.reserve_strtab_section_index();
    writer.reserve_shstrtab_section_index();
    writer.reserve_symtab();
    writer.reserve_strtab()?;
    writer.reserve_shstrtab()?;
    writer.reserve_section_headers();

    writer.write_file_header(&FileHeader {
        os_abi: elf::ELFOSABI_NONE,
        abi_version: 0,
        e_type: elf::ET_EXEC,
        e_machine: elf::EM_ARM,
        e_entry: program.entry.into(),
        e_flags: elf::FileFlags(EF_ARM_EABI_VER5),
    })?;
    writer.write_align_program_headers();
    for segment in &segments {
        writer.write_program_header(&segment.header(program, &offsets));
    }
    for (section, &offset) in program.sections.iter().zip(&offsets) {
        if section.kind != Kind::Zeros {
            writer.pad_until(offset);
            writer.write(&section.bytes);
        }
    }
    writer.pad_until(attributes);
    writer.write(&program.attributes);
    writer.write_null_symbol();
    for (symbol, name) in program.symbols.iter().zip(names) {
        let st_name = writer.string_offset(Some(name));
        writer.write_symbol(&symbol_entry(symbol, st_name, &indices));
    }
    writer.write_strtab();
    writer.write_shstrtab();
    writer.write_null_section_header();
    for ((section, name), &offset) in program.sections.iter().zip(section_names).zip(&offsets) {
        let sh_name = writer.section_name_offset(Some(name));
        writer.write_section_header(&section_header(section, sh_name, offset));
    }
    let sh_name = writer.section_name_offset(Some(attributes_name));
    writer.write_section_header(&SectionHeader {
        sh_name,
        sh_type: SHT_ARM_ATTRIBUTES,
        sh_flags: elf::SectionFlags(0),
        sh_addr: 0,
        sh_offset: attributes,
        sh_size: program.attributes.len() as u64,
        sh_link: 0,
        sh_info: 0,
        sh_addralign: 1,
        sh_entsize: 0,
    });
    let locals = program.symbols.iter().filter(|s| s.bind == elf::STB_LOCAL).count();
    writer.write_symtab_section_header(locals as u32 + 1);
    writer.write_strtab_section_header();
    writer.write_shstrtab_section_header();
    Ok(bytes)
}

/// Sections that are loaded together, by index.
struct Segment {
    sections: core::ops::Range<usize>,
    flags: elf::ProgramFlags,
}

fn segments(program: &Linked) -> Vec<Segment> {
    let mut segments = Vec::new();
    let range = |kinds: &[Kind]| {
        let is_of = |s: &OutputSection| kinds.contains(&s.kind);
        let start = program.sections.iter().position(is_of).unwrap_or(0);
        start..start + program.sections.iter().filter(|s| is_of(s)).count()
    };
    let flash = range(&[Kind::First, Kind::Code, Kind::ReadOnly]);
    let candidates = [
        (flash, elf::PF_R | elf::PF_X),
        (range(&[Kind::Data]), elf::PF_R | elf::PF_W),
        (range(&[Kind::Zeros]), elf::PF_R | elf::PF_W),
    ];
    for (sections, flags) in candidates {
        if !sections.is_empty() {
            segments.push(Segment { sections, flags });
        }
    }
    segments
}

impl Segment {
    /// The largest of its sections' alignments.
    fn align(&self, program: &Linked) -> u32 {
        let sections = &program.sections[self.sections.clone()];
        sections.iter().map(|section| section.align).max().unwrap_or(1)
    }

    fn header(&self, program: &Linked, offsets: &[u64]) -> ProgramHeader {
        let sections = &program.sections[self.sections.clone()];
        let (first, last) = (&sections[0], &sections[sections.len() - 1]);
        let span = last.address - first.address + last.size;
        let is_zeros = first.kind == Kind::Zeros;
        ProgramHeader {
            p_type: elf::PT_LOAD,
            p_flags: self.flags,
            p_offset: offsets[self.sections.start],
            p_vaddr: first.address.into(),
            p_paddr: first.load.into(),
            p_filesz: if is_zeros { 0 } else { span.into() },
            p_memsz: span.into(),
            p_align: if is_zeros { 1 } else { self.align(program).into() },
        }
    }
}

fn section_header(section: &OutputSection, sh_name: u32, sh_offset: u64) -> SectionHeader {
    let flags = match section.kind {
        Kind::First | Kind::ReadOnly => elf::SHF_ALLOC,
        Kind::Code => elf::SHF_ALLOC | elf::SHF_EXECINSTR,
        Kind::Data | Kind::Zeros => elf::SHF_ALLOC | elf::SHF_WRITE,
        Kind::File => elf::SectionFlags(0),
    };
    let is_zeros = section.kind == Kind::Zeros;
    SectionHeader {
        sh_name,
        sh_type: if is_zeros { elf::SHT_NOBITS } else { elf::SHT_PROGBITS },
        sh_flags: flags,
        sh_addr: section.address.into(),
        sh_offset,
        sh_size: section.size.into(),
        sh_link: 0,
        sh_info: 0,
        sh_addralign: section.align.into(),
        sh_entsize: 0,
    }
}

fn symbol_entry(symbol: &OutputSymbol, st_name: u32, indices: &[SectionIndex]) -> Sym {
    Sym {
        section: symbol.section.map(|at| indices[at].0),
        st_name,
        st_info: elf::SymbolInfo::new(symbol.bind, symbol.kind),
        st_other: elf::SymbolOther(0),
        st_shndx: if symbol.section.is_some() { elf::SymbolSection(0) } else { elf::SHN_ABS },
        st_value: symbol.value.into(),
        st_size: symbol.size.into(),
    }
}
