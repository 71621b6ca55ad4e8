//! A debugger attached to boards, and tools on the debug information of objects and linked firmware.

use crate::common::harness_dir;
use crate::{AN385, AN386, AN500, Board, Firmware, LINKERS, Linker, compiler, host, tool};
use object::{Object, ObjectSection};
use std::path::Path;
use windlass::symbolize::Symbolizer;
use windlass::{AllocatorKind, OptLevel};

fn app() -> Vec<u8> {
    std::fs::read(harness_dir("tests/debug/app.wasm")).unwrap()
}

fn firmware(
    board: Board,
    configure: impl FnOnce(windlass::Compiler) -> windlass::Compiler,
) -> Firmware {
    let artifact = configure(compiler(board).debug_info(true)).compile_wasm(&app()).unwrap();
    Firmware::new(&artifact, board)
}

fn sources(firmware: &Firmware, main: &str) -> [std::path::PathBuf; 4] {
    [host("startup.c"), host("faults.c"), host(main), firmware.path("windlass.c")]
}

/// What gdb prints for each command, the board standing at its reset. When gdb ends, so does the board.
#[track_caller]
fn session(board: Board, elf: &Path, commands: &[&str]) -> Vec<String> {
    const MARK: &str = "---- ";
    let attach = format!(
        "target remote | exec qemu-system-arm -M {} -display none -monitor none -serial none -S \
         -gdb stdio -chardev file,id=out,path=/dev/null \
         -semihosting-config enable=on,target=native,chardev=out -kernel {}",
        board.machine,
        elf.display()
    );
    let output = tool("timeout", |command| {
        command.args(["60", "gdb-multiarch", "-nx", "-batch"]).arg(elf);
        for setting in ["set pagination off", "set confirm off", "set width 0", &attach] {
            command.args(["-ex", setting]);
        }
        for line in commands {
            command.args(["-ex", &format!("echo \\n{MARK}\\n"), "-ex", line]);
        }
    });
    output.split(MARK).skip(1).map(|answer| answer.trim().to_owned()).collect()
}

/// The functions of a backtrace, innermost first, with line if there is one.
fn frames(backtrace: &str) -> Vec<String> {
    let frames = backtrace.lines().filter(|line| line.starts_with('#'));
    frames
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let function = if words[1].starts_with("0x") { words[3] } else { words[1] };
            let line = words.last().and_then(|place| place.rsplit_once(':'));
            match line {
                Some((_, line)) => format!("{function}:{line}"),
                None => function.to_owned(),
            }
        })
        .collect()
}

#[track_caller]
fn check_session(board: Board, allocator: AllocatorKind, linker: Linker) {
    let firmware = firmware(board, |compiler| compiler.regalloc(allocator));
    let elf = firmware.link(&sources(&firmware, "debug.c"), linker);
    let answers = session(
        board,
        &elf,
        &[
            "break app.c:12",
            "continue",
            "backtrace",
            "next",
            "tbreak app.c:27",
            "delete 1",
            "continue",
            "step",
            "backtrace",
            "finish",
        ],
    );
    let text = answers.join("\n");
    let at =
        |n: usize, what: &str| assert!(answers[n].contains(what), "{what} in answer {n}:\n{text}");
    at(0, "app.c, line 12.");
    at(1, "element () at app.c:12");
    let frames_at = |n: usize| frames(&answers[n]);
    let stack = frames_at(2);
    assert_eq!(stack.len(), 6, "{text}");
    assert_eq!(stack[0], "element:12", "{text}");
    assert!(["sum:19", "sum:20"].contains(&&*stack[1]), "{text}");
    assert_eq!(stack[2], "run:26", "{text}");
    assert_eq!(stack[3], "program_run", "{text}");
    assert!(stack[4].starts_with("call_module:"), "{text}");
    assert!(stack[5].starts_with("main:"), "{text}");
    at(3, "13\t");
    at(6, "run () at app.c:27");
    at(7, "sum () at app.c:");
    let stack = frames_at(8);
    let names: Vec<&str> = stack.iter().map(|frame| frame.split(':').next().unwrap()).collect();
    assert_eq!(names, ["sum", "run", "program_run", "call_module", "main"], "{text}");
    at(9, "run () at app.c:2");
}

#[test]
#[ignore = "needs arm-none-eabi-gcc, qemu-system-arm and gdb-multiarch"]
fn gdb_stops_at_a_line_unwinds_and_steps() {
    check_session(AN385, AllocatorKind::Portfolio, Linker::Lld);
    check_session(AN386, AllocatorKind::Portfolio, Linker::Gcc);
    check_session(AN386, AllocatorKind::Greedy, Linker::Lld);
    check_session(AN500, AllocatorKind::Ion, Linker::Ld);
}

#[test]
#[ignore = "needs arm-none-eabi-gcc, lld and qemu-system-arm"]
fn linked_firmware_is_symbolized() {
    for linker in LINKERS {
        let firmware = firmware(AN386, |compiler| compiler.function_sections(true));
        let elf = std::fs::read(firmware.link(&sources(&firmware, "debug.c"), linker)).unwrap();
        let symbolizer = Symbolizer::new(&elf).unwrap();
        let symbols = ["program.element", "program.sum", "program_run", "main"];
        let addresses = symbols.map(|symbol| symbolizer.address(symbol).unwrap());
        let locations = symbolizer.locate(&addresses).unwrap();
        let functions =
            locations.iter().map(|l| l.frames.last().unwrap().function.clone().unwrap());
        assert_eq!(functions.collect::<Vec<_>>(), ["element", "sum", "program_run", "main"]);
        let line = |n: usize| locations[n].frames[0].line.clone().unwrap_or_default();
        assert!(line(0).starts_with("./app.c:10:"), "{}", line(0));
        assert!(line(1).starts_with("./app.c:16"), "{}", line(1));
        assert!(line(3).contains("debug.c:"), "{}", line(3));
        assert_eq!(
            [0, 1, 2, 3].map(|n| locations[n].wasm.map(|w| w.function)),
            [Some(2), Some(1), None, None]
        );
    }
}

/// With `--gc-sections`. GNU ld keeps the functions too, unless it is told what lld assumes.
#[test]
#[ignore = "needs arm-none-eabi-gcc, lld and qemu-system-arm"]
fn places_that_trap_go_with_their_functions() {
    let entries = |sections: bool, linker: Linker| {
        let firmware = firmware(AN386, |compiler| compiler.function_sections(sections));
        let elf = firmware.link(&sources(&firmware, "debug.c"), linker);
        let printed = firmware.execute(&elf);
        let count = printed.trim().split(' ').nth(1).unwrap().parse::<usize>().unwrap();
        let bytes = std::fs::read(&elf).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let table = file.section_by_name("windlass_sites").unwrap();
        assert_eq!(table.size() as usize, 12 * count);
        let words: Vec<u32> = table
            .data()
            .unwrap()
            .as_chunks::<4>()
            .0
            .iter()
            .map(|w| u32::from_le_bytes(*w))
            .collect();
        let symbolizer = Symbolizer::new(&bytes).unwrap();
        for (n, entry) in words.as_chunks::<3>().0.iter().enumerate() {
            let pc = (table.address() as u32 + 12 * n as u32).wrapping_add(entry[0]);
            let location = &symbolizer.locate(&[pc]).unwrap()[0];
            let wasm = location.wasm.unwrap();
            assert_eq!([wasm.function, wasm.offset], entry[1..]);
        }
        count
    };
    let all = entries(false, Linker::Ld);
    assert_eq!(entries(true, Linker::Ld), all);
    assert!(entries(true, Linker::Lld) < all);
}

#[test]
#[ignore = "needs arm-none-eabi-gcc, lld and qemu-system-arm"]
fn a_fault_handler_finds_where_the_wasm_traps() {
    let wasm = app();
    for (board, linker) in [(AN385, Linker::Ld), (AN386, Linker::Lld), (AN500, Linker::Gcc)] {
        let firmware = firmware(board, |compiler| compiler.function_sections(true));
        let printed = firmware.run_sources(&sources(&firmware, "debug_trap.c"), linker);
        let site = printed.lines().last().unwrap();
        let (function, offset) = site.split_once(' ').unwrap();
        // i32.div_s of the fourth function.
        assert_eq!((function, wasm[offset.parse::<usize>().unwrap()]), ("3", 0x6d), "{printed}");
    }
}

#[test]
#[ignore = "needs arm-none-eabi-gcc, lld, llvm-dwarfdump and qemu-system-arm"]
fn tools_read_the_debug_information() {
    for (level, sections) in [(OptLevel::Speed, false), (OptLevel::Size, true)] {
        let firmware =
            firmware(AN386, |compiler| compiler.opt_level(level).function_sections(sections));
        let mut files = vec![firmware.path("program.o")];
        for linker in [Linker::Ld, Linker::Lld] {
            let elf = firmware.link(&sources(&firmware, "debug.c"), linker);
            let kept = firmware.path(&format!("{linker:?}.elf"));
            std::fs::rename(elf, &kept).unwrap();
            files.push(kept);
        }
        // Not of firmware: functions that linkers drop are outside of their unit's ranges.
        let verified = tool("llvm-dwarfdump", |command| {
            command.arg("--verify").arg(&files[0]);
        });
        assert!(verified.contains("No errors."), "{verified}");
        for file in files {
            // GNU readelf takes range lists of version 5, which the C compiler writes, for those of 4.
            let ranges = if file.extension().is_some_and(|e| e == "o") { "Ranges" } else { "info" };
            for what in ["info", "decodedline", "frames-interp", "str", ranges] {
                let output = std::process::Command::new("arm-none-eabi-readelf")
                    .arg(format!("--debug-dump={what}"))
                    .arg(&file)
                    .output()
                    .unwrap();
                let complaints = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success() && complaints.is_empty(), "{what}: {complaints}");
            }
        }
    }
}
