//! What is left out of objects, what `windlass size` says of them, and that all of it can stay in flash.

mod common;

use common::{corpus, files, harness_dir, instantiate};
use object::read::elf::ElfFile32;
use object::{Object, ObjectSection, ObjectSymbol, RelocationFlags, SectionFlags, elf};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use windlass::machine::Board;
use windlass::store::Outcome;
use windlass::value::Val;
use windlass::{Artifact, Compiler, RuntimeLibrary};

fn compile(wat: &str, compiler: Compiler) -> Artifact {
    let wasm = wat::parse_str(wat).expect("a module");
    compiler.name("m").runtime(RuntimeLibrary::Builtin).compile_wasm(&wasm).expect("an object")
}

/// The names of the functions that the object has, without those of windlass.
fn own_functions(artifact: &Artifact) -> Vec<&str> {
    let functions = artifact.module.functions.iter();
    let own = functions.filter(|f| f.wasm_bytes > 0);
    own.map(|f| &f.name[..]).collect()
}

const REACHABLE: &str = r#"(module
  (type $t (func (result i32)))
  (import "env" "used" (func $used))
  (import "env" "unused" (func $unused))
  (table $called 1 funcref) (elem (table $called) (i32.const 0) func $in_a_called_table)
  (table $idle 1 funcref) (elem (table $idle) (i32.const 0) func $in_an_idle_table)
  (table $shown (export "table") 1 funcref) (elem (table $shown) (i32.const 0) func $in_a_shown_table)
  (table $filled 4 funcref) (elem $passive func $in_a_passive_segment)
  (elem $unread func $in_an_unread_segment)
  (elem declare func $referenced $declared)
  (global $g (mut funcref) (ref.func $in_a_global))
  (memory 1)
  (start $start)
  (func $start (call $used))
  (func $in_a_called_table (type $t) (i32.const 1))
  (func $in_an_idle_table (type $t) (i32.const 2))
  (func $in_a_shown_table (type $t) (i32.const 3))
  (func $in_a_passive_segment (type $t) (i32.const 4))
  (func $in_an_unread_segment (type $t) (i32.const 5))
  (func $in_a_global (type $t) (i32.const 6))
  (func $referenced (type $t) (i32.const 7))
  (func $declared (type $t) (i32.const 8))
  (func $called_by_the_dead (type $t) (i32.const 9))
  (func $dead (type $t) (drop (call $called_by_the_dead)) (call $unused)
    (drop (ref.func $declared)) (call_indirect $idle (type $t) (i32.const 0)))
  (func $second (export "second") (type $t)
    (table.init $filled $passive (i32.const 0) (i32.const 0) (i32.const 1))
    (call_indirect $filled (type $t) (i32.const 0)))
  (func $first (export "first") (type $t)
    (drop (ref.func $referenced))
    (call_indirect $called (type $t) (i32.const 0))))"#;

#[test]
fn what_cannot_be_reached_is_left_out() {
    let artifact = compile(REACHABLE, Compiler::new());
    let kept = [
        "start",
        "in_a_called_table",
        "in_a_shown_table",
        "in_a_passive_segment",
        "in_a_global",
        "referenced",
        "second",
        "first",
    ];
    assert_eq!(own_functions(&artifact), kept);
    let object = ElfFile32::<object::Endianness>::parse(&artifact.object[..]).unwrap();
    let names: Vec<&str> = object.symbols().filter_map(|symbol| symbol.name().ok()).collect();
    assert!(names.contains(&"env_used") && !names.contains(&"env_unused"), "{names:?}");
    for dead in ["dead", "idle", "declared", "unread"] {
        assert!(!names.iter().any(|name| name.contains(dead)), "{dead} in {names:?}");
    }
}

#[test]
fn a_filter_keeps_exports_and_what_they_need() {
    let filtered = compile(REACHABLE, Compiler::new().export_filter("fi?st"));
    let kept = ["start", "in_a_called_table", "in_a_global", "referenced", "first"];
    assert_eq!(own_functions(&filtered), kept);
    let interface = filtered.module.interface.as_ref().unwrap();
    assert_eq!(interface.exports.len(), 1);
    let both = compile(REACHABLE, Compiler::new().export_filter("first").export_filter("sec*"));
    assert_eq!(both.module.interface.as_ref().unwrap().exports.len(), 2);
    let all = compile(REACHABLE, Compiler::new().export_filter("*"));
    assert_eq!(all.object, compile(REACHABLE, Compiler::new()).object);
}

#[test]
fn a_filter_that_matches_nothing_is_an_error() {
    let wasm = wat::parse_str(REACHABLE).unwrap();
    for (pattern, message) in [
        ("third", "the export filter third matches no export; there are: table, second, first"),
        ("[", "the export filter [ is no pattern"),
    ] {
        let compiler = Compiler::new().export_filter("first").export_filter(pattern);
        let error = compiler.compile_wasm(&wasm).err().expect("an error").to_string();
        assert!(error.contains(message), "{error}");
    }
}

/// A segment that does not fit into a table that nobody uses is still a trap.
#[test]
fn segments_of_idle_tables_are_checked() {
    let text = |at: u32| {
        format!(
            "(module (table 1 funcref) (elem (i32.const {at}) func $f) (func $f)
               (func (export \"run\") (result i32) (i32.const 3)))"
        )
    };
    let start = |at| {
        let artifact = compile(&text(at), Compiler::new());
        assert_eq!(own_functions(&artifact), ["run"]);
        instantiate(&artifact, Board::for_settings(&artifact.settings).unwrap(), None).unwrap()
    };
    let outcome = start(0).expect("no trap").invoke("run", &[]).unwrap().0;
    assert_eq!(outcome, Outcome::Returned(vec![Val::I32(3)]));
    assert_eq!(start(1).err(), Some(windlass::Trap::TableOutOfBounds));
}

fn is_alloc(flags: SectionFlags) -> Option<u64> {
    let SectionFlags::Elf { sh_flags, .. } = flags else { return None };
    (sh_flags.0 & elf::SHF_ALLOC.0 != 0).then_some(sh_flags.0)
}

/// Nothing is written at run time, and nobody but a linker has to fill an address in.
#[test]
fn objects_execute_in_place_from_flash() {
    let mut modules = corpus();
    for path in files(&harness_dir("filetests/run"), &["wat"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        modules.push((path.display().to_string(), wat::parse_str(&text).unwrap()));
    }
    for (name, wasm) in modules {
        for sections in [false, true] {
            let compiler = Compiler::new().name("m").function_sections(sections);
            let Ok(artifact) = compiler.compile_wasm(&wasm) else { continue };
            check_in_place(&name, &artifact.object);
        }
    }
}

fn check_in_place(name: &str, object: &[u8]) {
    let object = ElfFile32::<object::Endianness>::parse(object).expect(name);
    for section in object.sections() {
        let section_name = section.name().unwrap_or_default();
        let Some(flags) = is_alloc(section.flags()) else { continue };
        assert_eq!(flags & elf::SHF_WRITE.0, 0, "{name}: {section_name} can be written");
        assert!(!section_name.contains("dyn"), "{name}: {section_name}");
        for (_, relocation) in section.relocations() {
            let RelocationFlags::Elf { r_type } = relocation.flags() else { continue };
            let resolved_by_linkers = [
                elf::R_ARM_NONE,
                elf::R_ARM_ABS32,
                elf::R_ARM_REL32,
                elf::R_ARM_THM_PC22,
                elf::R_ARM_THM_JUMP24,
                elf::R_ARM_THM_JUMP19,
                elf::R_ARM_THM_MOVW_ABS_NC,
                elf::R_ARM_THM_MOVT_ABS,
            ];
            assert!(resolved_by_linkers.contains(&r_type), "{name}: relocation {r_type:?}");
        }
    }
}

fn windlass(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_windlass")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn program(name: &str) -> String {
    harness_dir("corpus").join(name).display().to_string()
}

#[test]
fn the_size_report_is_the_object() {
    let paths = [program("crc32.wasm"), program("kalman.wasm")];
    let args = |format: &'static str| ["size", &paths[0], &paths[1], "--format", format];
    let json: Value = serde_json::from_str(&windlass(&args("json"))).unwrap();
    let modules = json["modules"].as_array().unwrap();
    let mut flash = 0;
    for (module, path) in modules.iter().zip(&paths) {
        let wasm = std::fs::read(path).unwrap();
        let name = module["module"].as_str().unwrap();
        let artifact = Compiler::new().name(name).compile_wasm(&wasm).unwrap();
        let object = ElfFile32::<object::Endianness>::parse(&artifact.object[..]).unwrap();
        let loaded = object.sections().filter(|s| is_alloc(s.flags()).is_some());
        let loaded: u64 = loaded.map(|section| section.size()).sum();
        assert_eq!(module["totals"]["flash"], loaded);
        let memory = artifact.module.interface.as_ref().unwrap().memories[0].min_bytes();
        assert_eq!(module["ram"]["memory"], memory);
        let instance = artifact.module.interface.as_ref().unwrap().instance.size;
        let (own, tables) = (&module["ram"]["instance"], &module["ram"]["tables"]);
        assert_eq!(own.as_u64().unwrap() + tables.as_u64().unwrap(), u64::from(instance));
        let functions = module["functions"].as_array().unwrap();
        assert_eq!(functions.len(), artifact.module.functions.len());
        for (function, code) in functions.iter().zip(&artifact.compiled.functions) {
            assert_eq!(function["code_bytes"], code.code.len());
            assert_eq!(function["frame_bytes"], code.frame_bytes);
        }
        flash += loaded;
    }
    assert_eq!(json["totals"]["flash"], flash);

    let text = windlass(&args("csv"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let mut total = 0;
    for record in reader.records() {
        let record = record.unwrap();
        if &record[4] == "section" {
            total += record[7].parse::<u64>().unwrap();
        }
    }
    assert_eq!(total, flash);
    let table = windlass(&args("table"));
    assert!(table.contains("2 modules: ") && table.contains("not counted: __aeabi_"), "{table}");
}

/// Why a function's stack has no bound: what it calls through.
#[test]
fn calls_of_unknown_functions_are_told_apart() {
    let wat = r#"(module (type $t (func)) (table (export "table") 1 funcref)
      (func $f (export "f") (call_indirect (type $t) (i32.const 0))))"#;
    let clif = "function %f(i32) fast {
    sig0 = (i32) fast
block0(v0: i32):
    call_indirect sig0, v0(v0)
    return
}";
    let directory = tempfile::tempdir().unwrap();
    for (file, text, reason) in [
        ("f.wat", wat, "f calls through a table that may change"),
        ("f.clif", clif, "f calls through a pointer"),
    ] {
        let path = directory.path().join(file);
        std::fs::write(&path, text).unwrap();
        let report = windlass(&["size", path.to_str().unwrap(), "--format", "json"]);
        let report: Value = serde_json::from_str(&report).unwrap();
        let functions = report["modules"][0]["functions"].as_array().unwrap();
        let function = functions.iter().find(|function| function["name"] == "f").expect(file);
        assert_eq!(function["unbounded"], reason, "{file}");
        assert_eq!(function["stack_bytes"], Value::Null, "{file}");
    }
}

/// Links with `--gc-sections` and lists the functions that are left.
fn linked_functions(linker: &str, object: &Path, directory: &Path) -> Vec<String> {
    let output = directory.join("out.elf");
    let status = Command::new(linker)
        .args(["--gc-sections", "-e", "m_first", "--defsym=env_used=0", "-o"])
        .args([&output, object])
        .status()
        .unwrap_or_else(|e| panic!("{linker}: {e}"));
    assert!(status.success(), "{linker}");
    let bytes = std::fs::read(&output).unwrap();
    let file = ElfFile32::<object::Endianness>::parse(&bytes[..]).unwrap();
    let functions = file.symbols().filter(|s| s.kind() == object::SymbolKind::Text && s.size() > 0);
    functions.map(|symbol| symbol.name().unwrap().to_owned()).collect()
}

/// With a section for each function, linkers drop what the host does not use.
#[test]
#[ignore = "needs arm-none-eabi-ld and ld.lld"]
fn linkers_drop_sections_of_functions() {
    let artifact = compile(REACHABLE, Compiler::new().function_sections(true));
    let directory = tempfile::tempdir().unwrap();
    let object = directory.path().join("m.o");
    std::fs::write(&object, &artifact.object).unwrap();
    for linker in ["arm-none-eabi-ld", "ld.lld"] {
        let functions = linked_functions(linker, &object, directory.path());
        let has = |name: &str| functions.iter().any(|f| f == name);
        assert!(has("m_first") && has("m.first") && has("m.in_a_called_table"), "{functions:?}");
        for unused in ["m_second", "m.second", "m_instantiate", "m.start", "m.in_a_shown_table"] {
            assert!(!has(unused), "{linker} keeps {unused}: {functions:?}");
        }
    }
}
