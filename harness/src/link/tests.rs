//! Programs of hand-made objects: what other compilers' conventions ask of a linker.

use super::*;
use object::elf as abi;
use object::write::{Object, Relocation, SectionId, Symbol as Written, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, Object as _, ObjectSection as _, RelocationFlags,
    SectionFlags, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};

/// An object in the making.
struct Builder(Object<'static>);

impl Builder {
    fn new() -> Builder {
        Builder(Object::new(BinaryFormat::Elf, Architecture::Arm, Endianness::Little))
    }

    fn section(&mut self, name: &str, kind: SectionKind, words: &[u32]) -> SectionId {
        let id = self.0.add_section(Vec::new(), name.as_bytes().to_vec(), kind);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.0.append_section_data(id, &bytes, 4);
        id
    }

    fn symbol(&mut self, name: &str, section: SectionId, weak: bool) -> SymbolId {
        self.add(name, SymbolSection::Section(section), SymbolKind::Data, weak)
    }

    fn undefined(&mut self, name: &str, weak: bool) -> SymbolId {
        self.add(name, SymbolSection::Undefined, SymbolKind::Unknown, weak)
    }

    fn add(&mut self, name: &str, at: SymbolSection, kind: SymbolKind, weak: bool) -> SymbolId {
        let (name, flags) = (name.as_bytes().to_vec(), SymbolFlags::None);
        let (scope, section) = (SymbolScope::Dynamic, at);
        self.0.add_symbol(Written { name, value: 0, size: 4, kind, scope, weak, section, flags })
    }

    /// A word that holds a symbol's address plus what stands there.
    fn refer(&mut self, section: SectionId, offset: u64, symbol: SymbolId) {
        let flags = RelocationFlags::Elf { r_type: abi::R_ARM_ABS32 };
        let relocation = Relocation { offset, symbol, addend: 0, flags };
        self.0.add_relocation(section, relocation).unwrap();
    }

    fn write(&self) -> Vec<u8> {
        self.0.write().unwrap()
    }
}

const LAYOUT: Layout<'static> = Layout {
    flash: Region { origin: 0x1000, length: 0x1000 },
    ram: Region { origin: 0x2000_0000, length: 0x100 },
    stack_bytes: 0x80,
    first: "vectors",
    entry: "vectors",
    reservations: &[],
};

/// Objects with the names `a`, `b` and so on.
fn link_objects(objects: &[&[u8]], layout: &Layout<'_>) -> Result<Linked, LinkError> {
    let names = ["a", "b", "c"];
    let objects = names.iter().zip(objects).map(|(name, bytes)| Named { name, bytes });
    link_program(&objects.collect::<Vec<_>>(), layout)
}

/// Constant data that is the program's root.
fn root(words: usize) -> (Builder, SectionId) {
    let mut builder = Builder::new();
    let section = builder.section(".rodata.vectors", SectionKind::ReadOnlyData, &vec![0; words]);
    builder.symbol("vectors", section, false);
    (builder, section)
}

fn words(linked: &Linked, name: &str) -> Vec<u32> {
    let section = linked.sections.iter().find(|section| section.name == name).expect(name);
    section.bytes.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect()
}

fn names(linked: &Linked) -> Vec<&str> {
    linked.sections.iter().map(|section| &section.name[..]).collect()
}

#[test]
fn a_strong_definition_goes_before_weak_ones() {
    let (mut first, vectors) = root(2);
    let weak = first.section(".rodata.weak", SectionKind::ReadOnlyData, &[1]);
    let f = first.symbol("f", weak, true);
    let missing = first.undefined("missing", true);
    first.refer(vectors, 0, f);
    first.refer(vectors, 4, missing);
    let mut second = Builder::new();
    let strong = second.section(".rodata.strong", SectionKind::ReadOnlyData, &[2]);
    second.symbol("f", strong, false);
    let linked = link_objects(&[&first.write(), &second.write()], &LAYOUT).unwrap();
    assert_eq!(words(&linked, ".vectors"), [0x1008, 0]);
    assert_eq!(words(&linked, ".rodata"), [2]);
}

#[test]
fn absolute_symbols_keep_their_value() {
    let (mut builder, vectors) = root(3);
    let mut absolute = |name: &str, value, kind| {
        builder.0.add_symbol(Written {
            name: name.as_bytes().to_vec(),
            value,
            size: 0,
            kind,
            scope: SymbolScope::Dynamic,
            weak: false,
            section: SymbolSection::Absolute,
            flags: SymbolFlags::None,
        })
    };
    let register = absolute("REGISTER", 0x4000_4001, SymbolKind::Data);
    let rom = absolute("rom_function", 0x0301, SymbolKind::Text);
    builder.refer(vectors, 0, register);
    builder.refer(vectors, 4, rom);
    let mut second = Builder::new();
    let other = second.section(".rodata.other", SectionKind::ReadOnlyData, &[0]);
    second.symbol("other", other, false);
    let used = second.undefined("REGISTER", false);
    second.refer(other, 0, used);
    let used = builder.undefined("other", false);
    builder.refer(vectors, 8, used);
    let linked = link_objects(&[&builder.write(), &second.write()], &LAYOUT).unwrap();
    assert_eq!(words(&linked, ".vectors"), [0x4000_4001, 0x0301, 0x100c]);
    assert_eq!(words(&linked, ".rodata"), [0x4000_4001]);
    let symbol = linked.symbol("REGISTER").unwrap();
    assert_eq!((symbol.section, symbol.value), (None, 0x4000_4001));
}

/// As large and aligned as any object wants it, unless one defines it strongly.
#[test]
fn common_symbols_have_zeroed_room() {
    let common = |builder: &mut Builder, size, align| {
        let symbol = Written {
            name: b"buffer".to_vec(),
            value: 0,
            size: 0,
            kind: SymbolKind::Data,
            scope: SymbolScope::Dynamic,
            weak: false,
            section: SymbolSection::Undefined,
            flags: SymbolFlags::None,
        };
        builder.0.add_common_symbol(symbol, size, align)
    };
    let (mut first, vectors) = root(2);
    let buffer = common(&mut first, 8, 64);
    first.refer(vectors, 0, buffer);
    let state = Reservation { symbol: "state".into(), bytes: 4, align: 4 };
    let end = first.undefined("__bss_end", false);
    first.refer(vectors, 4, end);
    let mut second = Builder::new();
    common(&mut second, 20, 4);
    let (first, second) = (first.write(), second.write());
    let ram = Region { origin: 0x2000_0020, length: 0x200 };
    let layout = Layout { ram, reservations: &[state], ..LAYOUT };
    let linked = link_objects(&[&first, &second], &layout).unwrap();
    assert_eq!(words(&linked, ".vectors"), [0x2000_0040, 0x2000_0040 + 24]);
    assert_eq!(linked.ram_bytes(), 24);

    let mut strong = Builder::new();
    let section = strong.section(".rodata.buffer", SectionKind::ReadOnlyData, &[9]);
    strong.symbol("buffer", section, false);
    let mut weak = Builder::new();
    let section = weak.section(".rodata.buffer", SectionKind::ReadOnlyData, &[9]);
    weak.symbol("buffer", section, true);
    let address = |other: &Builder| {
        words(&link_objects(&[&other.write(), &first], &layout).unwrap(), ".vectors")[0]
    };
    assert_eq!((address(&strong), address(&weak)), (0x1008, 0x2000_0040));

    let (mut huge, vectors) = root(1);
    let buffer = common(&mut huge, 0xf000_0000, 4);
    huge.refer(vectors, 0, buffer);
    let error = link_objects(&[&huge.write()], &layout).err().unwrap().to_string();
    assert!(error.starts_with("RAM is full"), "{error}");
    let (mut aligned, _) = root(1);
    common(&mut aligned, 4, 12);
    let error = link_objects(&[&aligned.write()], &layout).err().unwrap().to_string();
    assert!(error.starts_with("buffer wants an address that is a multiple of 12"), "{error}");
}

/// Notes are no contents of an image.
#[test]
fn only_debug_information_refers_to_what_is_left_out() {
    let link = |from: &str, kind: SectionKind| {
        let (mut builder, vectors) = root(1);
        let note = builder.section(".note.x", SectionKind::ReadOnlyData, &[1]);
        builder.0.section_mut(note).flags =
            SectionFlags::Elf { sh_type: abi::SHT_NOTE, sh_flags: abi::SHF_ALLOC };
        let note = builder.symbol("note", note, false);
        let section = builder.section(from, kind, &[0]);
        let f = builder.symbol("f", section, false);
        builder.refer(section, 0, note);
        if kind != SectionKind::Debug {
            builder.refer(vectors, 0, f);
        }
        link_objects(&[&builder.write()], &LAYOUT).map_err(|error| error.to_string())
    };
    let error = link(".text.f", SectionKind::Text).err().unwrap();
    assert_eq!(error, "a: .text.f+0x0: refers to note, which is left out");
    let linked = link(".debug_info", SectionKind::Debug).unwrap();
    assert_eq!(words(&linked, ".debug_info"), [u32::MAX]);
}

#[test]
fn constructors_that_nothing_would_call_are_refused() {
    let link = |name: &str, sh_type: abi::SectionType, words: &[u32]| {
        let (builder, _) = root(1);
        let mut other = Builder::new();
        let section = other.section(name, SectionKind::Data, words);
        let sh_flags = abi::SHF_ALLOC | abi::SHF_WRITE;
        other.0.section_mut(section).flags = SectionFlags::Elf { sh_type, sh_flags };
        let (first, other) = (builder.write(), other.write());
        let linked = link_objects(&[&first, &other], &LAYOUT);
        linked.map(|linked| names(&linked).len()).map_err(|error| error.to_string())
    };
    let arrays = [
        (".preinit_array", abi::SHT_PREINIT_ARRAY),
        (".init_array.00100", abi::SHT_INIT_ARRAY),
        (".any", abi::SHT_INIT_ARRAY),
        (".fini_array", abi::SHT_FINI_ARRAY),
        (".ctors", abi::SHT_PROGBITS),
        (".dtors.1", abi::SHT_PROGBITS),
        (".init", abi::SHT_PROGBITS),
    ];
    for (name, sh_type) in arrays {
        let error = link(name, sh_type, &[0]).unwrap_err();
        assert!(error.starts_with(&format!("b: section {name} is for a C library")), "{error}");
        assert_eq!(link(name, sh_type, &[]), Ok(2));
    }
    assert_eq!(link(".initial", abi::SHT_PROGBITS, &[0]), Ok(2));
}

#[test]
fn a_call_of_an_undefined_weak_symbol_does_nothing() {
    let (mut builder, vectors) = root(1);
    // bl missing
    let code = builder.section(".text.f", SectionKind::Text, &[0xf7ff_fffeu32.rotate_left(16)]);
    let f = builder.symbol("f", code, false);
    builder.refer(vectors, 0, f);
    let missing = builder.undefined("missing", true);
    let flags = RelocationFlags::Elf { r_type: abi::R_ARM_THM_PC22 };
    let call = Relocation { offset: 0, symbol: missing, addend: 0, flags };
    builder.0.add_relocation(code, call).unwrap();
    let flash = Region { origin: 0x0800_0000, length: 0x1000 };
    let linked = link_objects(&[&builder.write()], &Layout { flash, ..LAYOUT }).unwrap();
    assert_eq!(words(&linked, ".text"), [0xf3af_8000u32.rotate_left(16)]);
}

#[test]
fn undefined_and_repeated_names_are_errors() {
    let (mut first, vectors) = root(1);
    let f = first.undefined("f", false);
    first.refer(vectors, 0, f);
    let error = |objects: &[&[u8]]| link_objects(objects, &LAYOUT).err().unwrap().to_string();
    assert_eq!(error(&[&first.write()]), "undefined: f");
    let mut second = Builder::new();
    let section = second.section(".rodata", SectionKind::ReadOnlyData, &[2]);
    second.symbol("f", section, false);
    let second = second.write();
    assert_eq!(error(&[&first.write(), &second, &second]), "symbol f is defined twice");
}

/// A local symbol of an earlier object may well have the same name.
#[test]
fn execution_begins_at_the_global_entry() {
    let mut first = Builder::new();
    let section = first.section(".rodata.f", SectionKind::ReadOnlyData, &[7, 8]);
    first.0.add_symbol(Written {
        name: b"vectors".to_vec(),
        value: 4,
        size: 4,
        kind: SymbolKind::Data,
        scope: SymbolScope::Compilation,
        weak: false,
        section: SymbolSection::Section(section),
        flags: SymbolFlags::None,
    });
    first.symbol("f", section, false);
    let (mut second, vectors) = root(1);
    let used = second.undefined("f", false);
    second.refer(vectors, 0, used);
    let (first, second) = (first.write(), second.write());
    let linked = link_objects(&[&first, &second], &LAYOUT).unwrap();
    assert_eq!((linked.entry, words(&linked, ".vectors")[0]), (0x1000, 0x1004));
    for layout in [Layout { entry: "none", ..LAYOUT }, Layout { first: "none", ..LAYOUT }] {
        let error = link_objects(&[&first, &second], &layout).err().unwrap();
        assert_eq!(error.to_string(), "undefined: none");
    }
}

#[test]
fn data_has_its_contents_in_flash_and_zeros_have_none() {
    let (mut builder, vectors) = root(6);
    let data = builder.section(".data.x", SectionKind::Data, &[7, 8]);
    let x = builder.symbol("x", data, false);
    builder.refer(vectors, 0, x);
    let zeros =
        builder.0.add_section(Vec::new(), b".bss.z".to_vec(), SectionKind::UninitializedData);
    builder.0.append_section_bss(zeros, 12, 4);
    let z = builder.symbol("z", zeros, false);
    builder.refer(vectors, 4, z);
    for (at, name) in ["__data_load", "__data_start", "__data_end", "__bss_end"].iter().enumerate()
    {
        let symbol = builder.undefined(name, false);
        builder.refer(vectors, 8 + 4 * at as u64, symbol);
    }
    let linked = link_objects(&[&builder.write()], &LAYOUT).unwrap();
    let (ram, load) = (0x2000_0000, 0x1018);
    assert_eq!(words(&linked, ".vectors"), [ram, ram + 8, load, ram, ram + 8, ram + 20]);
    assert_eq!(linked.flash()[0x18..], [7, 0, 0, 0, 8, 0, 0, 0]);
    assert_eq!(linked.ram_bytes(), 20);
    let too_small = Layout { ram: Region { length: 0x90, ..LAYOUT.ram }, ..LAYOUT };
    let error = link_objects(&[&builder.write()], &too_small).err().unwrap().to_string();
    assert!(error.starts_with("RAM is full") && error.contains("need 148 bytes"), "{error}");
}

/// Sections that a program enumerates, of every object that has one.
#[test]
fn sections_with_names_of_c_have_bounds() {
    let object = |value: u32| {
        let mut builder = Builder::new();
        builder.section("records", SectionKind::ReadOnlyData, &[value]);
        builder.write()
    };
    let (mut builder, vectors) = root(2);
    let linked = link_objects(&[&builder.write(), &object(1)], &LAYOUT).unwrap();
    assert_eq!(names(&linked), [".vectors", ".bss"]);
    for (at, name) in ["__start_records", "__stop_records"].iter().enumerate() {
        let symbol = builder.undefined(name, false);
        builder.refer(vectors, 4 * at as u64, symbol);
    }
    let linked = link_objects(&[&builder.write(), &object(1), &object(2)], &LAYOUT).unwrap();
    assert_eq!(words(&linked, ".vectors"), [0x1008, 0x1010]);
    assert_eq!(words(&linked, "records"), [1, 2]);
}

#[test]
fn debug_sections_are_concatenated_and_keep_nothing() {
    let object = |function: &str, vectors: Option<(Builder, SectionId)>| {
        let (mut builder, root) = vectors.map_or((Builder::new(), None), |(b, v)| (b, Some(v)));
        let name = format!(".rodata.{function}");
        let section = builder.section(&name, SectionKind::ReadOnlyData, &[5]);
        let symbol = builder.symbol(function, section, false);
        let strings = builder.section(".debug_str", SectionKind::Debug, &[9, 9]);
        let info = builder.section(".debug_info", SectionKind::Debug, &[0, 4]);
        let string = builder.0.section_symbol(strings);
        builder.refer(info, 0, symbol);
        builder.refer(info, 4, string);
        if let Some(root) = root {
            builder.refer(root, 0, symbol);
        }
        builder.write()
    };
    let linked = link_objects(&[&object("kept", Some(root(1))), &object("dropped", None)], &LAYOUT);
    let linked = linked.unwrap();
    assert_eq!(names(&linked), [".vectors", ".rodata", ".bss", ".debug_info", ".debug_str"]);
    // The second one's function is not there, and its string stands behind those of the first.
    assert_eq!(words(&linked, ".debug_info"), [0x1004, 4, u32::MAX, 12]);
    let file = elf::write(&linked).unwrap();
    assert!(file.starts_with(b"\x7fELF"));
}

/// What is too large is refused by its size alone: no byte of it is taken before.
#[test]
fn sizes_are_checked_before_memory_is_taken() {
    let error = |kind: SectionKind, flags: abi::SectionFlags| {
        let (mut builder, vectors) = root(1);
        let huge = builder.0.add_section(Vec::new(), b".rodata.huge".to_vec(), kind);
        builder.0.append_section_bss(huge, 0xf000_0000, 4);
        builder.0.section_mut(huge).flags =
            SectionFlags::Elf { sh_type: abi::SHT_NOBITS, sh_flags: flags };
        let huge = builder.symbol("huge", huge, false);
        builder.refer(vectors, 0, huge);
        // Its place is behind the zeros.
        let behind = builder.section(".rodata.small", SectionKind::ReadOnlyData, &[1]);
        let behind = builder.symbol("small", behind, false);
        builder.refer(vectors, 0, behind);
        link_objects(&[&builder.write()], &LAYOUT).err().unwrap().to_string()
    };
    let zeros = SectionKind::UninitializedData;
    let flash = error(zeros, abi::SHF_ALLOC);
    assert!(flash.starts_with("flash is full") && flash.contains("need 4026531848"), "{flash}");
    let ram = error(zeros, abi::SHF_ALLOC | abi::SHF_WRITE);
    assert!(ram.starts_with("RAM is full") && ram.contains("need 4026531968"), "{ram}");
    let file = error(zeros, abi::SectionFlags(0));
    assert!(file.starts_with("the file is full") && file.contains("not loaded"), "{file}");
    let memory = Reservation { symbol: "memory".into(), bytes: u32::MAX, align: 8 };
    let layout = Layout { reservations: &[memory.clone(), memory], ..LAYOUT };
    let memory = link_objects(&[&root(1).0.write()], &layout).err().unwrap().to_string();
    assert!(memory.starts_with("RAM is full") && memory.contains("memory (4294967295"), "{memory}");
}

/// A read-only section may be zeros that the file does not have; the image has them.
#[test]
fn zeros_in_flash_have_their_bytes() {
    let (mut builder, vectors) = root(1);
    let zeros =
        builder.0.add_section(Vec::new(), b".rodata.z".to_vec(), SectionKind::UninitializedData);
    builder.0.append_section_bss(zeros, 12, 4);
    builder.0.section_mut(zeros).flags =
        SectionFlags::Elf { sh_type: abi::SHT_NOBITS, sh_flags: abi::SHF_ALLOC };
    let zeros = builder.symbol("z", zeros, false);
    builder.refer(vectors, 0, zeros);
    let linked = link_objects(&[&builder.write()], &LAYOUT).unwrap();
    assert_eq!((words(&linked, ".rodata"), linked.flash().len()), (vec![0; 3], 16));
}

#[test]
fn alignments_beyond_64_kib_are_refused() {
    let link = |align: u64| {
        let (mut builder, vectors) = root(1);
        let code = builder.0.add_section(Vec::new(), b".text.f".to_vec(), SectionKind::Text);
        builder.0.append_section_data(code, &[0; 4], align);
        let f = builder.symbol("f", code, false);
        builder.refer(vectors, 0, f);
        let flash = Region { origin: 0x1000, length: 0x2_0000 };
        let linked = link_objects(&[&builder.write()], &Layout { flash, ..LAYOUT });
        linked.map_err(|error| error.to_string())
    };
    assert_eq!(words(&link(0x1_0000).unwrap(), ".vectors"), [0x1_0000]);
    let error = link(0x2_0000).err().unwrap();
    assert!(error.starts_with(".text.f wants an address that is a multiple of 131072"), "{error}");
}

/// Also behind a section that ends at no multiple of the next one's alignment, and in a flash that
/// begins at none.
#[test]
fn the_file_has_what_memory_has_at_every_alignment() {
    for align in [4, 128, 256, 1024, 0x1_0000] {
        let (mut builder, vectors) = root(3);
        let parts = [
            ("f", ".text.f", SectionKind::Text),
            ("c", ".rodata.c", SectionKind::ReadOnlyData),
            ("x", ".data.x", SectionKind::Data),
        ];
        for (at, (symbol, section, kind)) in parts.into_iter().enumerate() {
            let section = builder.0.add_section(Vec::new(), section.as_bytes().to_vec(), kind);
            builder.0.append_section_data(section, symbol.as_bytes(), align);
            let symbol = builder.symbol(symbol, section, false);
            builder.refer(vectors, 4 * at as u64, symbol);
        }
        let flash = Region { origin: 0x1080, length: 0x10_0000 };
        let ram = Region { origin: 0x2000_0080, length: 0x10_0000 };
        let linked = link_objects(&[&builder.write()], &Layout { flash, ram, ..LAYOUT }).unwrap();
        let bytes = elf::write(&linked).unwrap();
        let file = object::read::elf::ElfFile32::<Endianness>::parse(&*bytes).unwrap();
        let mut image = Vec::new();
        for header in file.elf_program_headers() {
            let field = |field: object::U32<Endianness>| field.get(Endianness::Little);
            let (offset, address) = (field(header.p_offset), field(header.p_vaddr));
            assert_eq!(offset % field(header.p_align), address % field(header.p_align));
            let len = field(header.p_filesz) as usize;
            if len > 0 {
                image.resize((field(header.p_paddr) - flash.origin) as usize, 0);
                image.extend_from_slice(&bytes[offset as usize..][..len]);
            }
        }
        assert!(image == linked.flash(), "alignment {align}");
        for section in linked.sections.iter().filter(|section| section.kind != Kind::Zeros) {
            let read = file.section_by_name(&section.name).unwrap();
            assert_eq!(read.data().unwrap(), section.bytes, "{} at {align}", section.name);
            assert_eq!(read.address() % u64::from(section.align), 0);
        }
    }
}

#[test]
fn objects_for_different_processors_do_not_link() {
    let (mut first, _) = root(1);
    let attributes = first.section(".ARM.attributes", SectionKind::Metadata, &[0x41]);
    first.0.section_mut(attributes).flags =
        SectionFlags::Elf { sh_type: input::SHT_ARM_ATTRIBUTES, sh_flags: abi::SectionFlags(0) };
    let second = Builder::new().write();
    let error = link_objects(&[&first.write(), &second], &LAYOUT).err().unwrap();
    assert!(matches!(error, LinkError::Attributes));
}
