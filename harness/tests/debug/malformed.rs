//! DWARF that is broken costs its lines and a warning, never the module.

use super::{app, compiler};
use windlass_backend::frontend::translate;
use windlass_backend::module::Module;
use windlass_backend::options::FrontendOptions;

fn translated(wasm: &[u8]) -> Module {
    let options =
        FrontendOptions { name: "m".into(), debug_info: true, ..FrontendOptions::default() };
    translate(wasm, &options).unwrap()
}

/// The file's sections: identifier and contents.
fn sections(wasm: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut rest = &wasm[8..];
    let mut sections = Vec::new();
    while let Some((&id, after)) = rest.split_first() {
        let (size, at) = leb(after);
        sections.push((id, after[at..at + size].to_vec()));
        rest = &after[at + size..];
    }
    sections
}

fn leb(bytes: &[u8]) -> (usize, usize) {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let value = bytes[..length].iter().rev().fold(0, |v, b| v << 7 | usize::from(b & 0x7f));
    (value, length)
}

fn to_leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = value as u8 & 0x7f;
        value >>= 7;
        bytes.push(if value > 0 { low | 0x80 } else { low });
        if value == 0 {
            return bytes;
        }
    }
}

fn module(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    for (id, contents) in sections {
        wasm.push(*id);
        wasm.extend(to_leb(contents.len()));
        wasm.extend(contents);
    }
    wasm
}

fn custom(name: &str, contents: &[u8]) -> (u8, Vec<u8>) {
    (0, [&to_leb(name.len())[..], name.as_bytes(), contents].concat())
}

fn is_dwarf(section: &(u8, Vec<u8>)) -> bool {
    section.0 == 0 && section.1[1..].starts_with(b".debug_")
}

#[test]
fn whatever_bytes_change_the_module_is_translated() {
    let whole = sections(&app());
    let dwarf: Vec<usize> = (0..whole.len()).filter(|&n| is_dwarf(&whole[n])).collect();
    let mut with_lines = 0;
    for n in 0..3000 {
        let mut broken = whole.clone();
        let (_, contents) = &mut broken[dwarf[n % dwarf.len()]];
        // Behind the name.
        let name = 1 + usize::from(contents[0]);
        let at = name + n * 7919 % (contents.len() - name);
        match n % 7 {
            0 => contents.truncate(at),
            _ => contents[at] = contents[at].wrapping_add((n * 31 + 1) as u8),
        }
        let wasm = module(&broken);
        let module = translated(&wasm);
        assert!(module.warnings.is_empty() || module.source.is_none());
        with_lines += usize::from(module.source.is_some());
        if n % 50 == 1 {
            compiler().compile_wasm(&wasm).unwrap();
        }
    }
    assert!(with_lines > 100, "{with_lines}");
}

#[test]
fn a_warning_says_that_there_are_no_lines() {
    let mut broken = sections(&app());
    let info =
        broken.iter_mut().find(|section| section.1[1..].starts_with(b".debug_line")).unwrap();
    info.1.truncate(30);
    let artifact = compiler().compile_wasm(&module(&broken)).unwrap();
    let [warning] = artifact.warnings() else { panic!("{:?}", artifact.warnings()) };
    assert!(warning.starts_with("no source lines: the module's DWARF is malformed: "), "{warning}");
}

#[test]
fn a_module_with_half_of_it_has_no_lines() {
    let without = |name: &[u8]| {
        let mut kept = sections(&app());
        kept.retain(|section| !(is_dwarf(section) && section.1[1..].starts_with(name)));
        translated(&module(&kept))
    };
    for module in [without(b".debug_line"), without(b".debug_info"), without(b".debug_")] {
        assert!(module.source.is_none() && module.warnings.is_empty());
    }
}

/// Units of `extra` bytes of attributes each, all of them with the abbreviations and the line program
/// that come along.
fn with_units(count: usize, abbreviations: &[u8], program: &[u8], version: u16) -> Vec<u8> {
    let mut info = Vec::new();
    for _ in 0..count {
        // Length, version, offset of abbreviations, size of addresses, code 1, offset of the program.
        info.extend(12u32.to_le_bytes());
        info.extend(version.to_le_bytes());
        info.extend([0, 0, 0, 0, 4, 1, 0, 0, 0, 0]);
    }
    let mut all = sections(&app());
    all.retain(|section| !is_dwarf(section));
    all.push(custom(".debug_info", &info));
    all.push(custom(".debug_abbrev", abbreviations));
    all.push(custom(".debug_line", program));
    module(&all)
}

/// A compile unit with a line program, and `more` attributes that take no bytes.
fn abbreviations(more: usize) -> Vec<u8> {
    let mut bytes = vec![1, 0x11, 0, 0x10, 0x17];
    (0..more).for_each(|_| bytes.extend([0x3f, 0x19]));
    bytes.extend([0, 0, 0]);
    bytes
}

#[test]
fn entries_of_no_bytes_are_not_repeated_without_end() {
    // A version 5 header whose one format is a path of form `flag_present`, with 2^63 directories.
    let mut header = vec![4, 0, 0, 0, 0, 0, 1, 1, 1, 0xfb, 14, 1, 1, 1, 0x19];
    header.extend([0xff; 9]);
    header.push(0);
    let mut program = Vec::from((header.len() as u32 + 2).to_le_bytes());
    program.extend([5, 0]);
    program.extend(header);
    let module = translated(&with_units(1, &abbreviations(0), &program, 4));
    assert!(module.source.is_none());
    assert_eq!(module.warnings.len(), 1, "{:?}", module.warnings);
}

#[test]
fn tables_that_many_units_share_are_not_read_without_end() {
    // Both would take minutes if each unit read them.
    let wide = with_units(40_000, &abbreviations(200_000), &[0; 16], 4);
    assert_eq!(translated(&wide).warnings.len(), 1);

    // A version 4 header of a hundred thousand directories, and no rows.
    let mut header = vec![1, 1, 1, 0xfb, 14, 1];
    (0..100_000).for_each(|_| header.extend(b"d\0"));
    header.extend([0, 0]);
    let mut program = Vec::from((header.len() as u32 + 6).to_le_bytes());
    program.extend([4, 0]);
    program.extend((header.len() as u32).to_le_bytes());
    program.extend(header);
    let deep = with_units(20_000, &abbreviations(0), &program, 4);
    assert_eq!(translated(&deep).warnings.len(), 1);
}

#[test]
fn lines_beyond_all_files_are_none() {
    // Sizes of instructions, opcodes, no directories and one file.
    let mut header = vec![1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0];
    header.extend(b"f\0\0\0\0\0");
    // Address 2, then rows at line 1 + (2^63 - 1), twice that, and 1, over all of the code.
    let mut rows = vec![0, 5, 2, 2, 0, 0, 0, 1];
    for _ in 0..2 {
        rows.push(3);
        rows.extend([0xff; 9]);
        rows.extend([0, 2, 20, 1]);
    }
    rows.extend([3, 2, 2, 20, 1, 2, 0xff, 0x7f, 0, 1, 1]);
    let mut program = Vec::from((header.len() as u32 + 6 + rows.len() as u32).to_le_bytes());
    program.extend([4, 0]);
    program.extend((header.len() as u32).to_le_bytes());
    program.extend(header);
    program.extend(rows);
    let artifact = compiler().compile_wasm(&with_units(1, &abbreviations(0), &program, 4)).unwrap();
    assert!(artifact.warnings().is_empty());
    let source = artifact.module.source.as_ref().unwrap();
    let lines: Vec<_> = (0..1000).filter_map(|at| source.find(at)).map(|line| line.line).collect();
    assert!(!lines.is_empty() && lines.iter().all(|&line| line == 1), "{lines:?}");
}
