//! Traps from wherever a host may call, with the C runtime that windlass ships.

use super::scripts::{AN386_FPU, AN505_FPU};
use crate::{
    AN385, AN386, AN500, AN505, Board, CFLAGS, Firmware, LINKERS, Linker, compiler, host, tool,
};
use std::path::PathBuf;
use windlass::TrapMode::{Call, Udf};
use windlass::{Compiler, TrapMode};

/// What `recovery.c` prints. `{hard}` and `{usage}` are the numbers of the exceptions that traps are.
const PRINTED: &str = "\
thread: 3
thread: 0, integer divide by zero
{hard}
load: 0, out of bounds memory access
root: 1, unreachable
indirect: 0, indirect call type mismatch
indirect: 0, null reference
indirect: 0, undefined element
forever: 0, call stack exhausted
left to the host
task: 3
task: 0, integer divide by zero
task, host, module: 21, integer divide by zero
interrupt: 0, integer divide by zero
{hard}
interrupt of low priority: 0, integer divide by zero
{usage}
thread: 0, integer divide by zero
{usage}
interrupt in a call: 0, integer divide by zero
interrupted: 31, integer divide by zero
host, module: 21, integer divide by zero
other instance: 21
deeper: 12
deeper: 22, integer divide by zero
modules: 103
modules: 0, integer divide by zero
the called: 0, integer divide by zero
modules, host, module: 121
2
start: 17, integer divide by zero
thread: 4
";

const SOURCES: [&str; 3] = ["startup.c", "faults.c", "recovery.c"];

/// A directory with the two modules and the C runtime.
fn firmware(board: Board, compiler: &Compiler) -> (Firmware, Vec<PathBuf>) {
    let firmware = Firmware::empty(board);
    let mut objects = Vec::new();
    for (name, file) in [("program", "recovery.wat"), ("caller", "caller.wat")] {
        let wat = std::fs::read(host(file)).unwrap();
        let wasm = wat::parse_bytes(&wat).unwrap();
        let artifact = compiler.clone().name(name).compile_wasm(&wasm).unwrap();
        std::fs::write(firmware.path(&format!("{name}.o")), &artifact.object).unwrap();
        let header = firmware.path(&format!("{name}.h"));
        std::fs::write(header, artifact.header.as_ref().unwrap()).unwrap();
        objects.push(firmware.path(&format!("{name}.o")));
    }
    let sources = SOURCES.map(host).into_iter().chain([firmware.path("windlass.c")]);
    objects.extend(sources.map(|source| firmware.compile_c(&source)));
    (firmware, objects)
}

#[track_caller]
fn check(board: Board, linker: Linker, traps: TrapMode, function_sections: bool) {
    let compiler = compiler(board).traps(traps).function_sections(function_sections);
    let (firmware, objects) = firmware(board, &compiler);
    let printed = firmware.execute(&firmware.link_objects(&objects, linker));
    // Where calls take the place of faults, the last was one of the host's own.
    let (first, hard, usage) = if traps == Udf { ("3", "3", "6") } else { ("0", "3", "3") };
    let expected = PRINTED.replacen("{hard}", first, 1);
    let expected = expected.replace("{hard}", hard).replace("{usage}", usage);
    assert_eq!(printed, expected, "{board:?} {linker:?} {traps:?} sections {function_sections}");
}

#[test]
#[ignore = "needs arm-none-eabi-gcc, lld and qemu-system-arm"]
fn traps_return_to_the_host_from_every_mode_and_stack() {
    let boards = [AN385, AN386, AN386_FPU, AN500, AN505, AN505_FPU];
    for (n, board) in boards.into_iter().enumerate() {
        for (m, traps) in [Udf, Call].into_iter().enumerate() {
            for linker in LINKERS {
                check(board, linker, traps, (n + m) % 2 == 0);
            }
        }
    }
}

/// With the C runtime compiled otherwise than the rest of the host.
#[track_caller]
fn check_runtime(board: Board, flags: &[String], linker: Linker) {
    let (firmware, mut objects) = firmware(board, &compiler(board));
    let runtime = firmware.path("runtime.o");
    tool("arm-none-eabi-gcc", |command| {
        command.args(flags).args(CFLAGS).arg("-std=c11").arg("-c");
        command.arg(firmware.path("windlass.c")).arg("-o").arg(&runtime);
    });
    *objects.last_mut().unwrap() = runtime;
    let printed = firmware.execute(&firmware.link_objects(&objects, linker));
    assert_eq!(printed, PRINTED.replace("{hard}", "3").replace("{usage}", "6"));
}

/// A unit of which the runtime knows nothing: it restores its registers nevertheless.
#[test]
#[ignore = "needs arm-none-eabi-gcc and qemu-system-arm"]
fn the_runtime_need_not_be_compiled_for_the_unit() {
    check_runtime(Board { fpu: "fpv4-sp-d16", ..AN386 }, &AN386.gcc_flags(), Linker::Ld);
}

#[test]
#[ignore = "needs arm-none-eabi-gcc and qemu-system-arm"]
fn the_runtime_bears_optimisation_at_link_time() {
    let flags = [AN386.gcc_flags(), vec!["-flto".to_owned()]].concat();
    check_runtime(AN386, &flags, Linker::Gcc);
}

/// With a section for each function, lld drops what nobody calls, and GNU ld does if it is asked to.
#[test]
#[ignore = "needs arm-none-eabi-gcc and lld"]
fn functions_that_nobody_calls_are_dropped() {
    let compiler = compiler(AN385).function_sections(true);
    let (firmware, objects) = firmware(AN385, &compiler);
    std::fs::write(firmware.path("memory.ld"), AN385.memory_script()).unwrap();
    for (linker, options, kept) in [
        ("ld.lld", "", false),
        ("arm-none-eabi-ld", "start-stop-gc", false),
        ("arm-none-eabi-ld", "", true),
    ] {
        let elf = firmware.path("out.elf");
        tool(linker, |command| {
            command.args(["--gc-sections", "--fatal-warnings"]);
            if !options.is_empty() {
                command.args(["-z", options]);
            }
            command.arg("-T").arg(firmware.path("memory.ld")).arg("-T").arg(host("board.ld"));
            command.args(&objects).arg("-o").arg(&elf);
        });
        let symbols = tool("arm-none-eabi-nm", |command| {
            command.arg(&elf);
        });
        assert!(symbols.contains(" T program_divide\n"));
        assert_eq!(symbols.contains(" T program_unused\n"), kept, "{linker} {options}");
    }
}

/// In either language, with either compiler.
#[test]
#[ignore = "needs arm-none-eabi-gcc and clang"]
fn the_runtime_is_c11_and_cplusplus17() {
    for board in [AN385, AN386_FPU, AN500, AN505] {
        let firmware = Firmware::empty(board);
        for (language, standard) in [("c", "-std=c11"), ("c++", "-std=c++17")] {
            for clang in [false, true] {
                let compiler = if clang { "clang" } else { "arm-none-eabi-gcc" };
                tool(compiler, |command| {
                    if clang {
                        command.arg("--target=arm-none-eabi");
                    }
                    let flags = CFLAGS.into_iter().filter(|flag| !clang || !flag.contains("tree"));
                    command.args(board.gcc_flags()).args(flags).args([standard, "-x", language]);
                    command.arg("-c").arg(firmware.path("windlass.c"));
                    command.arg("-o").arg(firmware.path("windlass.o"));
                });
            }
        }
    }
}
