//! Debug information read back: lines, names, offsets in the wasm file, and how it leaves the code alone.
//!
//! `app.wasm` is what clang makes of `app.c`, with DWARF; programs of the corpus have none.

#[path = "../common/mod.rs"]
mod common;
mod frames;
mod malformed;

use common::{OPT_LEVELS, corpus, harness_dir};
use object::{Object, ObjectSection, ObjectSymbol};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use windlass::symbolize::{Location, Symbolizer};
use windlass::{AllocatorKind, Artifact, Compiler, OptLevel, RuntimeLibrary};
use windlass_backend::compiled::{CompiledFunction, SourceRange};
use windlass_backend::debug::wasm_map;
use windlass_backend::module::{Function, FunctionRole};

fn app() -> Vec<u8> {
    std::fs::read(harness_dir("tests/debug/app.wasm")).unwrap()
}

fn compiler() -> Compiler {
    Compiler::new().name("app").debug_info(true).runtime(RuntimeLibrary::Builtin).check(true)
}

/// Functions of the wasm file with their code.
fn user_functions(artifact: &Artifact) -> impl Iterator<Item = (&Function, &CompiledFunction)> {
    let functions = artifact.module.functions.iter().zip(&artifact.compiled.functions);
    functions.filter(|(function, _)| matches!(function.role, FunctionRole::User { .. }))
}

/// What is known of each halfword of a function.
fn locations(artifact: &Artifact, function: &Function, code: &CompiledFunction) -> Vec<Location> {
    let symbolizer = Symbolizer::new(&artifact.object).unwrap();
    let symbol = &artifact.module.symbol(function.symbol).name;
    let start = symbolizer.address(symbol).unwrap();
    let addresses: Vec<u32> = (start..start + code.code.len() as u32).step_by(2).collect();
    symbolizer.locate(&addresses).unwrap()
}

#[test]
fn lines_of_a_module_with_dwarf_are_those_of_its_source() {
    for level in OPT_LEVELS {
        for sections in [false, true] {
            let compiler = compiler().opt_level(level).function_sections(sections);
            let artifact = compiler.compile_wasm(&app()).unwrap();
            assert!(artifact.warnings().is_empty());
            // First and last line of each function, and lines that have code of their own.
            for (name, first, last, own) in [
                ("element", 9, 14, &[10, 12][..]),
                ("sum", 16, 23, &[19, 20]),
                ("run", 25, 29, &[26, 27, 28]),
                ("divide", 32, 35, &[33, 34]),
            ] {
                let mut functions = user_functions(&artifact);
                let (function, code) = functions.find(|(f, _)| f.name == name).unwrap();
                let mut lines = BTreeSet::new();
                for location in locations(&artifact, function, code) {
                    let [frame] = &location.frames[..] else { panic!("{name}: {location:?}") };
                    assert_eq!(frame.function.as_deref(), Some(name));
                    let mut line = frame.line.as_ref().unwrap().split(':');
                    assert_eq!(line.next(), Some("./app.c"));
                    lines.insert(line.next().unwrap().parse::<u32>().unwrap());
                }
                assert!(lines.iter().all(|line| (first..=last).contains(line)), "{name} {lines:?}");
                assert!(own.iter().all(|line| lines.contains(line)), "{name} {level:?} {lines:?}");
            }
        }
    }
}

#[test]
fn without_dwarf_the_line_is_the_offset_in_the_wasm_file() {
    let (name, wasm) = &corpus()[0];
    let artifact = compiler().name(name).compile_wasm(wasm).unwrap();
    for (function, code) in user_functions(&artifact) {
        let locations = locations(&artifact, function, code);
        for &SourceRange { start, loc, .. } in &code.source_ranges {
            let frame = &locations[start as usize / 2].frames[0];
            assert_eq!(frame.line.as_deref(), Some(&*format!("{name}.wasm:{loc}")));
            assert_eq!(frame.function.as_ref(), Some(&function.name));
        }
    }
}

#[test]
fn all_code_but_prologues_comes_from_the_functions_body() {
    for (name, wasm) in corpus().into_iter().chain([("app".to_owned(), app())]) {
        for level in OPT_LEVELS {
            let compiler = compiler().regalloc(AllocatorKind::Ion).opt_level(level);
            let artifact = compiler.compile_wasm(&wasm).unwrap();
            for (function, code) in user_functions(&artifact) {
                let what = format!("{name} {} {level:?}", function.name);
                let body = function.wasm_offset..function.wasm_offset + function.wasm_bytes;
                let mut end = code.source_ranges.first().map_or(0, |range| range.start);
                for &SourceRange { start, end: next, loc } in &code.source_ranges {
                    assert!(body.contains(&loc), "{what}: {loc:#x} of {body:x?}");
                    // A return that others share, and traps of the prologue, stand for themselves.
                    let gap = start - end;
                    assert!(gap == 0 || level == OptLevel::Size, "{what}: {end:#x} to {start:#x}");
                    end = next;
                }
            }
        }
    }
}

#[test]
fn every_trap_names_its_operator() {
    let wat = r#"(module (memory 1) (func (export "f") (param i32 i32) (result i32)
        (i32.store (local.get 0) (local.get 1))
        (i32.add (i32.div_u (local.get 0) (local.get 1))
                 (i32.load offset=8 (i32.mul (local.get 0) (local.get 1))))))"#;
    let wasm = wat::parse_str(wat).unwrap();
    let artifact = compiler().compile_wasm(&wasm).unwrap();
    let (_, code) = user_functions(&artifact).next().unwrap();
    let operators: BTreeSet<u8> = code
        .traps
        .iter()
        .map(|site| wasm[code.wasm_offset(site.offset).unwrap() as usize])
        .collect();
    // i32.store, i32.div_u, i32.load.
    assert_eq!(operators, BTreeSet::from([0x36, 0x6e, 0x28]));

    let file = object::File::parse(&*artifact.object).unwrap();
    let sites = file.section_by_name("windlass_sites").unwrap();
    let words: Vec<u32> =
        sites.data().unwrap().as_chunks::<4>().0.iter().map(|w| u32::from_le_bytes(*w)).collect();
    let entries = words.as_chunks::<3>().0;
    let expected: Vec<_> =
        code.traps.iter().map(|site| (0, code.wasm_offset(site.offset).unwrap())).collect();
    assert_eq!(entries.iter().map(|e| (e[1], e[2])).collect::<Vec<_>>(), expected);
    let symbol = &artifact.module.symbol(artifact.module.functions[0].symbol).name;
    let start = file.symbols().find(|s| s.name() == Ok(symbol)).unwrap().address() as u32 & !1;
    let offsets: Vec<u32> = entries.iter().map(|entry| entry[0] - start).collect();
    assert_eq!(offsets, code.traps.iter().map(|site| site.offset).collect::<Vec<_>>());
}

/// Assembly up to the traps behind it, which are named by their codes alone.
fn body(listing: &[(u32, String)]) -> Vec<String> {
    let lines = listing.iter().map(|(_, line)| line.clone());
    let body = lines.take_while(|line| !line.starts_with(".Ltrap"));
    body.map(|line| match line.split_once(".Ltrap") {
        Some((before, trap)) => format!("{before}.Ltrap{}", trap.split('_').next().unwrap()),
        None => line,
    })
    .collect()
}

#[test]
fn debug_information_changes_nothing_but_the_traps() {
    for (name, wasm) in corpus() {
        let compile = |debug_info| {
            let compiler = compiler().name(&name).listings(true).regalloc(AllocatorKind::Ion);
            compiler.debug_info(debug_info).compile_wasm(&wasm).unwrap()
        };
        let (plain, debug) = (compile(false), compile(true));
        for ((function, one), other) in plain
            .module
            .functions
            .iter()
            .zip(&plain.compiled.functions)
            .zip(&debug.compiled.functions)
        {
            let [one_asm, other_asm] =
                [one, other].map(|code| body(&code.listing.as_ref().unwrap().asm));
            assert_eq!(one_asm, other_asm, "{name} {}", function.name);
            if one.traps.is_empty() {
                assert_eq!(one.code, other.code);
            }
        }
        let file = object::File::parse(&*plain.object).unwrap();
        let is_debug = |name: &str| name.starts_with(".debug") || name == "windlass_sites";
        assert!(!file.sections().any(|section| is_debug(section.name().unwrap())));
    }
}

#[test]
fn threads_do_not_matter() {
    let objects =
        [1, 2, 5].map(|threads| compiler().threads(threads).compile_wasm(&app()).unwrap().object);
    assert!(objects.iter().all(|object| *object == objects[0]));
}

#[test]
fn no_path_of_this_machine_is_in_an_object() {
    let here = env!("CARGO_MANIFEST_DIR");
    let directory = tempfile::tempdir().unwrap();
    let object = directory.path().join("app.o");
    let input = harness_dir("tests/debug/app.wasm");
    assert!(
        windlass(&["compile", "-g", input.to_str().unwrap(), "-o", object.to_str().unwrap()]).1
    );
    let bytes = std::fs::read(object).unwrap();
    for path in [here, directory.path().to_str().unwrap()] {
        assert!(!bytes.windows(path.len()).any(|window| window == path.as_bytes()));
    }
}

/// Standard output, and whether all was well.
fn windlass(args: &[&str]) -> (String, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    let output = command.args(args).stdin(Stdio::null()).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn symbolize_tells_function_line_and_offset() {
    let directory = tempfile::tempdir().unwrap();
    for sections in [false, true] {
        let artifact = compiler().function_sections(sections).compile_wasm(&app()).unwrap();
        let path = directory.path().join("app.o");
        std::fs::write(&path, &artifact.object).unwrap();
        let path = path.to_str().unwrap();
        let (function, code) = user_functions(&artifact).find(|(f, _)| f.name == "divide").unwrap();
        let trap = code.traps.iter().find(|site| site.trap == windlass::Trap::IntegerDivideByZero);
        let trap = trap.unwrap().offset;
        let symbol = &artifact.module.symbol(function.symbol).name;
        let wasm = code.wasm_offset(trap).unwrap();
        // i32.div_s.
        assert_eq!(app()[wasm as usize], 0x6d);
        let pc = format!("{symbol}+{trap}");
        let (printed, ok) = windlass(&["symbolize", path, &pc, "app_run"]);
        assert!(ok);
        let lines: Vec<&str> = printed.lines().collect();
        let expected = format!(
            "{pc}: divide at ./app.c:34:21 ({symbol}+{trap:#x}), wasm function {} at {wasm:#x}",
            match function.role {
                FunctionRole::User { index } => index,
                _ => unreachable!(),
            }
        );
        assert_eq!(lines[0], expected);
        assert_eq!(lines[1], "app_run: app_run (app_run+0x0)");
        // A number alone is an offset in the section of code, if there is only one.
        let (printed, ok) = windlass(&["symbolize", path, "0x0"]);
        assert_eq!(ok, !sections);
        assert_eq!(printed.is_empty(), sections);
    }
}

#[test]
fn addresses_that_are_none_are_errors_and_unknown_ones_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.o");
    std::fs::write(&path, compiler().compile_wasm(&app()).unwrap().object).unwrap();
    let path = path.to_str().unwrap();
    for wrong in ["0x", "0xg", "nothing", "+4", "app_run+", "app_run+x"] {
        assert_eq!(windlass(&["symbolize", path, wrong]), (String::new(), false), "{wrong}");
    }
    assert_eq!(windlass(&["symbolize", path, "0x100000"]), ("0x100000: ?\n".to_owned(), true));
}

#[test]
fn objects_that_are_malformed_are_symbolized_or_refused() {
    let object = compiler().compile_wasm(&app()).unwrap().object;
    for n in 0..2000 {
        let mut broken = object.clone();
        let at = n * 7919 % broken.len();
        broken[at] ^= (n * 31 + 1) as u8;
        if n % 5 == 0 {
            broken.truncate(at);
        }
        if let Ok(symbolizer) = Symbolizer::new(&broken) {
            let _ = symbolizer.address("app_run");
            let _ = symbolizer.locate(&[0, 10, 0x80, 0xffff_fffe]);
        }
    }
    assert!(wasm_map::read(&[1, 0, 0]).is_empty());
}
