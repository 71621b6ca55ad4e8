//! Objects of hand-encoded functions, read back, and linked where the GNU tools exist.

use std::collections::HashMap;

use object::elf;
use object::read::elf::{ElfFile32, FileHeader, SectionHeader, Sym};
use object::{
    Endianness, Object, ObjectComdat, ObjectSection, ObjectSymbol, RelocationFlags,
    RelocationTarget,
};
use windlass_backend::Error;
use windlass_backend::compiled::*;
use windlass_backend::module::*;
use windlass_backend::object::{ObjectOptions, write_object};
use windlass_isa_thumb2::object::reloc::*;
use windlass_isa_thumb2::object::{BuildAttributes, CpuArch, elf_format};

const SHARED: ObjectOptions = ObjectOptions { function_sections: false, debug_info: false };
const SECTIONS: ObjectOptions = ObjectOptions { function_sections: true, debug_info: false };

/// `bl` with the addend that reaches its own address: -4.
const BL: [u8; 4] = [0xff, 0xf7, 0xfe, 0xff];
const BX_LR: [u8; 2] = [0x70, 0x47];

/// A module in the making: each addition returns the new symbol.
#[derive(Default)]
struct Builder {
    module: Module,
    compiled: CompiledModule,
}

impl Builder {
    fn function(&mut self, name: &str, binding: Binding, compiled: CompiledFunction) -> SymbolId {
        let definition = Definition::Function(self.module.functions.len());
        let symbol = self.module.add_symbol(name.to_owned(), binding, definition);
        self.module.functions.push(Function {
            symbol,
            name: name.to_owned(),
            role: FunctionRole::Support,
            wasm_bytes: 0,
            wasm_offset: 0,
            clif: cranelift_codegen::ir::Function::new(),
            indirect_calls: Default::default(),
        });
        self.compiled.functions.push(compiled);
        symbol
    }

    fn data(&mut self, name: &str, binding: Binding, bytes: &[u8], align: u32) -> SymbolId {
        let definition = Definition::Data(self.module.data.len());
        let symbol = self.module.add_symbol(name.to_owned(), binding, definition);
        let addresses = vec![];
        self.module.data.push(Data { symbol, bytes: bytes.to_vec(), align, addresses });
        symbol
    }

    fn undefined(&mut self, name: &str) -> SymbolId {
        self.module.add_symbol(name.to_owned(), Binding::Global, Definition::Undefined)
    }

    fn write(&self, options: &ObjectOptions) -> windlass_backend::Result<Vec<u8>> {
        let cortex_m4 = BuildAttributes {
            arch: CpuArch::V7EM,
            cpu_name: "cortex-m4",
            dsp: true,
            fp: None,
            vfp_args: false,
        };
        write_object(&self.module, &self.compiled, &elf_format(&cortex_m4), options)
    }
}

fn code(bytes: &[u8]) -> CompiledFunction {
    CompiledFunction {
        code: bytes.to_vec(),
        align: 4,
        regions: vec![Region { offset: 0, kind: RegionKind::Code }],
        ..CompiledFunction::default()
    }
}

fn symbol_reloc(offset: u32, kind: u32, symbol: SymbolId) -> Reloc {
    Reloc { offset, kind, target: RelocTarget::Symbol(symbol) }
}

fn name_reloc(offset: u32, kind: u32, name: &str) -> Reloc {
    Reloc { offset, kind, target: RelocTarget::Name(name.to_owned()) }
}

/// A global function that calls a local one, an import, a helper and a weak one and loads the
/// address of constant data from a literal, and a second one that builds the address of the first.
fn sample() -> Builder {
    let mut b = Builder::default();
    b.module.name = "m".to_owned();
    // movs r0, #7; bx lr; nop
    let helper = code(&[0x07, 0x20, 0x70, 0x47, 0x00, 0xbf]);
    let helper = b.function("helper", Binding::Local, helper);
    let import = b.undefined("env_f");
    b.undefined("env_unused");
    let table = b.data("m_table", Binding::Local, &[1, 2, 3, 4, 5], 4);
    b.data("m_wide", Binding::Global, &[9; 8], 8);
    b.function("__windlass_floor", Binding::Weak, code(&BX_LR));

    let mut run = vec![0x08, 0xb5]; // push {r3, lr}
    run.extend(BL.repeat(4));
    run.extend([0x01, 0x48, 0x08, 0xbd, 0x00, 0xbf]); // ldr r0, [pc, #4]; pop {r3, pc}; nop
    run.extend([0; 4]);
    let mut run = code(&run);
    run.regions.push(Region { offset: 24, kind: RegionKind::Data });
    run.relocs = vec![
        symbol_reloc(2, R_ARM_THM_CALL, helper),
        symbol_reloc(6, R_ARM_THM_CALL, import),
        name_reloc(10, R_ARM_THM_CALL, "__aeabi_memcpy"),
        name_reloc(14, R_ARM_THM_CALL, "__windlass_floor"),
        symbol_reloc(24, R_ARM_ABS32, table),
    ];
    let run = b.function("m_run", Binding::Global, run);

    // movw r0, #0; movt r0, #0; bx lr
    let mut address = code(&[0x40, 0xf2, 0, 0, 0xc0, 0xf2, 0, 0, 0x70, 0x47]);
    address.relocs =
        vec![symbol_reloc(0, R_ARM_THM_MOVW_ABS_NC, run), symbol_reloc(4, R_ARM_THM_MOVT_ABS, run)];
    b.function("m_address", Binding::Global, address);
    b
}

/// The sample as a module with instances.
fn module_sample() -> Builder {
    let mut b = sample();
    b.module.interface = Some(Interface::default());
    b
}

type Elf<'a> = ElfFile32<'a, Endianness>;

fn parse(bytes: &[u8]) -> Elf<'_> {
    ElfFile32::parse(bytes).unwrap()
}

/// (binding, type, value, size, section's name or "" where undefined) of a symbol.
fn facts<'a>(elf: &Elf<'a>, name: &str) -> (elf::SymbolBind, elf::SymbolType, u32, u32, &'a str) {
    let mut found = elf.symbols().filter(|s| s.name() == Ok(name));
    let symbol = found.next().unwrap_or_else(|| panic!("no symbol {name}"));
    assert!(found.next().is_none(), "two symbols {name}");
    let section = symbol.section_index().map(|i| elf.section_by_index(i).unwrap());
    let section = section.map_or("", |s| s.name().unwrap());
    let (raw, e) = (symbol.elf_symbol(), elf.endian());
    (raw.st_bind(), raw.st_type(), raw.st_value(e), raw.st_size(e), section)
}

/// The relocations of a section, as (offset, r_type, symbol's name).
fn relocations(elf: &Elf<'_>, section: &str) -> Vec<(u64, u32, String)> {
    let section = elf.section_by_name(section).unwrap();
    let named = |(offset, reloc): (u64, object::Relocation)| {
        let RelocationTarget::Symbol(index) = reloc.target() else { panic!("no symbol") };
        let RelocationFlags::Elf { r_type } = reloc.flags() else { panic!("not ELF") };
        let name = elf.symbol_by_index(index).unwrap().name().unwrap().to_owned();
        (offset, r_type.0, name)
    };
    section.relocations().map(named).collect()
}

/// The mapping symbols of a section, in order of place.
fn mapping<'a>(elf: &Elf<'a>, section: &str) -> Vec<(u64, &'a str)> {
    let index = elf.section_by_name(section).unwrap().index();
    let mut found = Vec::new();
    for symbol in elf.symbols().filter(|s| s.section_index() == Some(index)) {
        let name = symbol.name().unwrap();
        if name.starts_with('$') {
            let raw = symbol.elf_symbol();
            assert_eq!((raw.st_bind(), raw.st_type()), (elf::STB_LOCAL, elf::STT_NOTYPE));
            assert_eq!(symbol.size(), 0);
            found.push((symbol.address(), name));
        }
    }
    found.sort();
    found
}

fn owned(relocs: &[(u64, u32, &str)]) -> Vec<(u64, u32, String)> {
    relocs.iter().map(|&(offset, kind, name)| (offset, kind, name.to_owned())).collect()
}

#[test]
fn the_file_is_a_relocatable_arm_eabi5_object_with_attributes() {
    let bytes = sample().write(&SHARED).unwrap();
    let elf = parse(&bytes);
    let (header, e) = (elf.elf_header(), elf.endian());
    assert_eq!(e, Endianness::Little);
    assert_eq!((header.e_type(e), header.e_machine(e)), (elf::ET_REL, elf::EM_ARM));
    assert_eq!(header.e_flags(e), elf::EF_ARM_EABI_VER5);
    let attributes = elf.section_by_name(".ARM.attributes").unwrap();
    assert_eq!(attributes.elf_section_header().sh_type(e), elf::SHT_ARM_ATTRIBUTES);
    assert_eq!(attributes.elf_section_header().sh_flags(e).0, 0);
    assert_eq!(attributes.data().unwrap()[0], b'A');
}

#[test]
fn functions_share_text_and_keep_their_alignment() {
    let bytes = sample().write(&SHARED).unwrap();
    let elf = parse(&bytes);
    assert_eq!(facts(&elf, "helper"), (elf::STB_LOCAL, elf::STT_FUNC, 1, 6, ".text"));
    // Aligned to 4 after the 6 bytes of `helper`.
    assert_eq!(facts(&elf, "m_run"), (elf::STB_GLOBAL, elf::STT_FUNC, 8 + 1, 28, ".text"));
    assert_eq!(facts(&elf, "m_address"), (elf::STB_GLOBAL, elf::STT_FUNC, 36 + 1, 10, ".text"));
    let text = elf.section_by_name(".text").unwrap();
    assert_eq!(text.align(), 4);
    let flags = text.elf_section_header().sh_flags(elf.endian());
    assert_eq!(flags, elf::SHF_ALLOC | elf::SHF_EXECINSTR);
}

#[test]
fn constant_data_stands_in_rodata() {
    let bytes = sample().write(&SHARED).unwrap();
    let elf = parse(&bytes);
    assert_eq!(facts(&elf, "m_table"), (elf::STB_LOCAL, elf::STT_OBJECT, 0, 5, ".rodata"));
    assert_eq!(facts(&elf, "m_wide"), (elf::STB_GLOBAL, elf::STT_OBJECT, 8, 8, ".rodata"));
    let rodata = elf.section_by_name(".rodata").unwrap();
    assert_eq!((rodata.align(), rodata.size()), (8, 16));
    assert_eq!(rodata.elf_section_header().sh_flags(elf.endian()), elf::SHF_ALLOC);
    assert_eq!(mapping(&elf, ".rodata"), [(0, "$d")]);
}

#[test]
fn mapping_symbols_stand_at_every_transition_and_nowhere_else() {
    let bytes = sample().write(&SHARED).unwrap();
    let elf = parse(&bytes);
    assert_eq!(mapping(&elf, ".text"), [(0, "$t"), (32, "$d"), (36, "$t")]);
    let bytes = sample().write(&SECTIONS).unwrap();
    let elf = parse(&bytes);
    assert_eq!(mapping(&elf, ".text.m_run"), [(0, "$t"), (24, "$d")]);
    assert_eq!(mapping(&elf, ".text.m_address"), [(0, "$t")]);
}

#[test]
fn relocations_name_the_callee_and_leave_the_code_as_it_was() {
    let bytes = sample().write(&SHARED).unwrap();
    let elf = parse(&bytes);
    let expected = owned(&[
        (10, R_ARM_THM_CALL, "helper"),
        (14, R_ARM_THM_CALL, "env_f"),
        (18, R_ARM_THM_CALL, "__aeabi_memcpy"),
        (22, R_ARM_THM_CALL, "__windlass_floor"),
        (32, R_ARM_ABS32, "m_table"),
        (36, R_ARM_THM_MOVW_ABS_NC, "m_run"),
        (40, R_ARM_THM_MOVT_ABS, "m_run"),
    ]);
    assert_eq!(relocations(&elf, ".text"), expected);
    let text = elf.section_by_name(".text").unwrap().data().unwrap();
    assert_eq!(text[10..26], BL.repeat(4));
    assert!(elf.section_by_name(".rel.text").is_some());
}

#[test]
fn function_sections_separate_everything() {
    let bytes = sample().write(&SECTIONS).unwrap();
    let elf = parse(&bytes);
    assert_eq!(facts(&elf, "helper").4, ".text.helper");
    assert_eq!(facts(&elf, "m_run"), (elf::STB_GLOBAL, elf::STT_FUNC, 1, 28, ".text.m_run"));
    assert_eq!(facts(&elf, "m_wide").4, ".rodata.m_wide");
    assert!(elf.section_by_name(".text").is_none());
    let expected = owned(&[(0, R_ARM_THM_MOVW_ABS_NC, "m_run"), (4, R_ARM_THM_MOVT_ABS, "m_run")]);
    assert_eq!(relocations(&elf, ".text.m_address"), expected);
}

#[test]
fn locals_precede_globals_and_follow_their_file() {
    for options in [SHARED, SECTIONS] {
        let bytes = sample().write(&options).unwrap();
        let elf = parse(&bytes);
        let bindings: Vec<_> = elf.symbols().map(|s| s.elf_symbol().st_bind()).collect();
        assert!(bindings.is_sorted_by_key(|&bind| bind != elf::STB_LOCAL));
        let first = elf.symbols().next().unwrap();
        assert_eq!((first.name(), first.elf_symbol().st_type()), (Ok("m"), elf::STT_FILE));
    }
}

#[test]
fn only_what_is_referred_to_becomes_undefined() {
    let bytes = sample().write(&SHARED).unwrap();
    let elf = parse(&bytes);
    assert_eq!(facts(&elf, "env_f"), (elf::STB_GLOBAL, elf::STT_NOTYPE, 0, 0, ""));
    assert_eq!(facts(&elf, "__aeabi_memcpy").4, "");
    assert!(elf.symbol_by_name("env_unused").is_none());
}

#[test]
fn a_weak_function_stands_in_a_comdat_group_of_its_own() {
    for options in [SHARED, SECTIONS] {
        let bytes = sample().write(&options).unwrap();
        let elf = parse(&bytes);
        let section = ".text.__windlass_floor";
        let expected = (elf::STB_WEAK, elf::STT_FUNC, 1, 2, section);
        assert_eq!(facts(&elf, "__windlass_floor"), expected);
        let groups: Vec<_> = elf.comdats().collect();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].name(), Ok("__windlass_floor"));
        let member = elf.section_by_name(section).unwrap();
        assert_eq!(groups[0].sections().collect::<Vec<_>>(), [member.index()]);
        let flags = member.elf_section_header().sh_flags(elf.endian());
        assert!(flags.0 & elf::SHF_GROUP.0 != 0);
    }
}

#[test]
fn a_name_finds_the_global_of_the_module_and_never_a_local() {
    let mut b = Builder::default();
    b.function("memcpy", Binding::Local, code(&BX_LR));
    b.function("last", Binding::Global, code(&BX_LR));
    let mut caller = code(&BL.repeat(2));
    caller.relocs =
        vec![name_reloc(0, R_ARM_THM_CALL, "memcpy"), name_reloc(4, R_ARM_THM_CALL, "last")];
    b.function("caller", Binding::Global, caller);
    let bytes = b.write(&SHARED).unwrap();
    let elf = parse(&bytes);
    let of = |name: &str| elf.symbols().filter(|s| s.name() == Ok(name)).collect::<Vec<_>>();
    assert_eq!((of("memcpy").len(), of("last").len()), (2, 1));
    let memcpy = of("memcpy").iter().find(|s| s.is_undefined()).unwrap().index();
    let text = elf.section_by_name(".text").unwrap();
    let targets: Vec<_> = text.relocations().map(|(_, reloc)| reloc.target()).collect();
    assert_eq!(targets, [memcpy, of("last")[0].index()].map(RelocationTarget::Symbol));
}

#[test]
fn equal_input_gives_equal_bytes() {
    for options in [SHARED, SECTIONS] {
        assert_eq!(sample().write(&options).unwrap(), sample().write(&options).unwrap());
    }
}

#[test]
fn an_empty_module_is_an_object() {
    let bytes = Builder::default().write(&SHARED).unwrap();
    assert!(parse(&bytes).section_by_name(".ARM.attributes").is_some());
}

#[test]
fn two_globals_of_one_name_are_refused() {
    let mut b = Builder::default();
    b.function("f", Binding::Global, code(&BX_LR));
    b.data("f", Binding::Weak, &[1], 1);
    assert_eq!(b.write(&SHARED).unwrap_err().to_string(), "symbol `f` is defined twice");
}

#[test]
fn a_nul_cuts_a_local_name_and_refuses_a_global_one() {
    let mut b = Builder::default();
    b.function("cut\0off", Binding::Local, code(&BX_LR));
    b.function("\0", Binding::Local, code(&BX_LR));
    let bytes = b.write(&SECTIONS).unwrap();
    assert_eq!(facts(&parse(&bytes), "cut").4, ".text.cut");

    for name in ["", "a\0b"] {
        let mut defines = Builder::default();
        defines.function(name, Binding::Global, code(&BX_LR));
        assert!(matches!(defines.write(&SHARED), Err(Error::Interface(_))), "{name:?}");
        let mut calls = Builder::default();
        let relocs = vec![name_reloc(0, R_ARM_THM_CALL, name)];
        calls.function("f", Binding::Global, CompiledFunction { relocs, ..code(&BL) });
        assert!(matches!(calls.write(&SHARED), Err(Error::Interface(_))), "{name:?}");
    }
}

#[test]
fn parts_that_contradict_each_other_are_internal_errors() {
    let at = |offset, kind| Region { offset, kind };
    let past_the_end = vec![at(0, RegionKind::Code), at(2, RegionKind::Data)];
    let broken = [
        CompiledFunction { align: 3, ..code(&BX_LR) },
        CompiledFunction { regions: vec![], ..code(&BX_LR) },
        CompiledFunction { regions: vec![at(1, RegionKind::Code)], ..code(&BX_LR) },
        CompiledFunction { regions: past_the_end, ..code(&BX_LR) },
        CompiledFunction { relocs: vec![name_reloc(4, R_ARM_THM_CALL, "f")], ..code(&BL) },
        CompiledFunction {
            relocs: vec![symbol_reloc(0, R_ARM_THM_CALL, SymbolId(77))],
            ..code(&BL)
        },
    ];
    for function in broken {
        let mut b = Builder::default();
        b.function("f", Binding::Global, function.clone());
        assert!(matches!(b.write(&SHARED), Err(Error::Internal { .. })), "{function:?}");
    }
    let mut b = sample();
    b.compiled.functions.pop();
    assert!(matches!(b.write(&SHARED), Err(Error::Internal { .. })));
}

/// Start and bytes of the sections that have a record, by their names.
fn code_records(elf: &Elf<'_>) -> Vec<(String, u32)> {
    let records = elf.sections().filter(|s| s.name() == Ok("windlass_code"));
    let records = records.map(|record| {
        let (offset, relocation) = record.relocations().next().unwrap();
        assert_eq!((offset, record.relocations().count()), (0, 1));
        assert_eq!(relocation.flags(), flags(R_ARM_REL32));
        let code = section_of(elf, relocation.target());
        let back = code.relocations().filter(|(_, r)| r.flags() == flags(R_ARM_NONE));
        let back: Vec<_> = back.map(|(_, r)| section_of(elf, r.target()).index()).collect();
        assert_eq!(back, [record.index()]);
        let data = record.data().unwrap();
        assert_eq!(data[..4], [0; 4]);
        let bytes = u32::from_le_bytes(data[4..].try_into().unwrap());
        (code.name().unwrap().to_owned(), bytes)
    });
    records.collect()
}

fn flags(r_type: u32) -> RelocationFlags {
    RelocationFlags::Elf { r_type: elf::RelocationType(r_type) }
}

fn section_of<'a, 'f>(
    elf: &'f Elf<'a>,
    target: RelocationTarget,
) -> object::read::elf::ElfSection32<'a, 'f> {
    let RelocationTarget::Symbol(symbol) = target else { panic!("no symbol: {target:?}") };
    let symbol = elf.symbol_by_index(symbol).unwrap();
    elf.section_by_index(symbol.section_index().unwrap()).unwrap()
}

/// But for the routines that objects share.
#[test]
fn code_of_instances_has_records() {
    let bytes = module_sample().write(&SHARED).unwrap();
    let text = parse(&bytes).section_by_name(".text").unwrap().size() as u32;
    assert_eq!(code_records(&parse(&bytes)), [(".text".to_owned(), text)]);
    let bytes = module_sample().write(&SECTIONS).unwrap();
    let expected = [(".text.helper", 6), (".text.m_run", 28), (".text.m_address", 10)];
    let expected = expected.map(|(name, bytes)| (name.to_owned(), bytes));
    assert_eq!(code_records(&parse(&bytes)), expected);
    assert_eq!(code_records(&parse(&sample().write(&SECTIONS).unwrap())), []);
}

/// As long as a linker drops what is between its own symbols: GNU ld wants to be asked.
#[test]
#[ignore = "runs arm-none-eabi binutils and ld.lld"]
fn linkers_keep_records_of_what_they_keep() {
    let dir = std::env::temp_dir().join(format!("windlass-records-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    let symbols = "__start_windlass_code, __stop_windlass_code";
    let host = format!("{HOST}    .weak {symbols}\n    .word {symbols}\n");
    std::fs::write(path("host.s"), host).unwrap();
    run(&["arm-none-eabi-as", "-mcpu=cortex-m4", &path("host.s"), "-o", &path("host.o")]);
    std::fs::write(path("m2.o"), second().write(&SECTIONS).unwrap()).unwrap();
    std::fs::write(path("m.o"), module_sample().write(&SECTIONS).unwrap()).unwrap();
    let [m, m2, host, out] = ["m.o", "m2.o", "host.o", "out"].map(path);
    let drop: &[&str] = &["-z", "start-stop-gc"];
    for (linker, options, kept) in
        [("arm-none-eabi-ld", drop, 2), ("ld.lld", &[], 2), ("arm-none-eabi-ld", &[], 3)]
    {
        let places = ["--gc-sections", "-Ttext=0x8000", "--section-start=.far=0x20000000"];
        let objects = ["-e", "_start", "-o", &out, &m, &m2, &host];
        run(&[&[linker], options, &places[..], &objects[..]].concat());
        let linked = std::fs::read(&out).unwrap();
        let linked = parse(&linked);
        let records = linked.section_by_name("windlass_code").unwrap();
        let at = |n: u64| records.address() + 8 * n;
        let mut found: Vec<(u64, u32)> = (0..records.size() / 8)
            .map(|n| (at(n) + u64::from(word(&linked, at(n))), word(&linked, at(n) + 4)))
            .map(|(start, bytes)| (start & 0xffff_ffff, bytes))
            .collect();
        found.sort();
        let start = |name: &str| {
            let symbol = linked.symbols().find(|s| s.name() == Ok(name));
            symbol.map(|s| s.address() & !1)
        };
        let functions = [("helper", 6), ("m_run", 28), ("m_address", 10)];
        let functions =
            functions.into_iter().filter_map(|(name, bytes)| Some((start(name)?, bytes)));
        let mut expected: Vec<(u64, u32)> = functions.collect();
        expected.sort();
        assert_eq!((&found, found.len()), (&expected, kept), "{linker} {options:?}");
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

/// Follows every relocation through GNU ld and lld.
#[test]
#[ignore = "runs arm-none-eabi binutils and ld.lld"]
fn linkers_resolve_calls_data_groups_and_unused_sections() {
    let dir = std::env::temp_dir().join(format!("windlass-object-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
    std::fs::write(path("host.s"), HOST).unwrap();
    run(&["arm-none-eabi-as", "-mcpu=cortex-m4", &path("host.s"), "-o", &path("host.o")]);

    for options in [SHARED, SECTIONS] {
        std::fs::write(path("m.o"), sample().write(&options).unwrap()).unwrap();
        std::fs::write(path("m2.o"), second().write(&options).unwrap()).unwrap();
        let [m, m2, host, out] = ["m.o", "m2.o", "host.o", "out"].map(path);
        let objects = ["-o", &out, &m, &m2, &host];
        let places = ["--gc-sections", "-Ttext=0x8000", "--section-start=.far=0x20000000"];
        for linker in ["arm-none-eabi-ld", "ld.lld"] {
            run(&[&[linker, "-e", "_start"], &places[..], &objects[..]].concat());
            check_linked(&parse(&std::fs::read(&out).unwrap()), &options);
        }
        run(&[&["arm-none-eabi-ld", "-r"], &objects[..]].concat());
        let joined = std::fs::read(&out).unwrap();
        assert_eq!(facts(&parse(&joined), "__windlass_floor").0, elf::STB_WEAK);
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

/// Defines what `sample` leaves undefined, `env_f` out of reach of a `bl`.
const HOST: &str = "
    .syntax unified
    .thumb
    .global _start, env_f, __aeabi_memcpy
    .section .far, \"ax\", %progbits
    .type env_f, %function
env_f: bx lr
    .section .text.host, \"ax\", %progbits
    .type __aeabi_memcpy, %function
__aeabi_memcpy: bx lr
    .type _start, %function
_start: bl m_run
    bl m2_run
";

/// A module that brings the same weak function along, with a body that relocates.
fn second() -> Builder {
    let calls = |name: &str| CompiledFunction {
        relocs: vec![name_reloc(0, R_ARM_THM_CALL, name)],
        ..code(&BL)
    };
    let mut b = Builder::default();
    b.function("m2_run", Binding::Global, calls("__windlass_floor"));
    b.function("__windlass_floor", Binding::Weak, calls("m2_run"));
    b
}

fn run(command: &[&str]) {
    let output = std::process::Command::new(command[0]).args(&command[1..]).output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && messages.is_empty(), "{command:?}: {messages}");
}

/// Follows every call of `m_run` in the linked image, and reads its literal.
fn check_linked(elf: &Elf<'_>, options: &ObjectOptions) {
    let addresses: HashMap<&str, u64> =
        elf.symbols().map(|s| (s.name().unwrap(), s.address())).collect();
    let at = |name: &str| addresses[name] & !1;
    let run = at("m_run");
    assert_eq!(bl_target(elf, run + 2), at("helper"));
    // Out of reach: a veneer stands in between.
    assert_ne!(bl_target(elf, run + 6), at("env_f"));
    assert_eq!(bl_target(elf, run + 10), at("__aeabi_memcpy"));
    assert_eq!(bl_target(elf, run + 14), at("__windlass_floor"));
    assert_eq!(bl_target(elf, at("m2_run")), at("__windlass_floor"));
    assert_eq!(word(elf, run + 24), at("m_table") as u32);
    // The first object's copy survives: `bx lr`.
    assert_eq!(half(elf, at("__windlass_floor")), 0x4770);
    match options.function_sections {
        true => assert!(!addresses.contains_key("m_address")),
        false => assert_eq!(wide_move(elf, at("m_address")), run as u32 + 1),
    }
}

fn half(elf: &Elf<'_>, address: u64) -> u32 {
    let mut sections = elf.sections();
    let bytes = sections.find_map(|s| s.data_range(address, 2).ok().flatten()).unwrap();
    u32::from(u16::from_le_bytes([bytes[0], bytes[1]]))
}

fn word(elf: &Elf<'_>, address: u64) -> u32 {
    half(elf, address) | half(elf, address + 2) << 16
}

/// Where the `bl` (encoding T1) at `address` leads.
fn bl_target(elf: &Elf<'_>, address: u64) -> u64 {
    let (first, second) = (half(elf, address), half(elf, address + 2));
    assert_eq!((first >> 11, second >> 14, second >> 12 & 1), (0b11110, 0b11, 1), "no bl");
    let s = first >> 10 & 1;
    let i = |j: u32| 1 ^ (second >> j & 1) ^ s;
    let high = s << 24 | i(13) << 23 | i(11) << 22;
    let offset = high | (first & 0x3ff) << 12 | (second & 0x7ff) << 1;
    let offset = (offset << 7) as i32 >> 7;
    (address + 4).wrapping_add_signed(i64::from(offset))
}

/// What the `movw` and `movt` at `address` build.
fn wide_move(elf: &Elf<'_>, address: u64) -> u32 {
    let imm16 = |address: u64| {
        let (first, second) = (half(elf, address), half(elf, address + 2));
        (first & 0xf) << 12 | (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | second & 0xff
    };
    imm16(address + 4) << 16 | imm16(address)
}
