//! Whole images: what the linker makes of a module for a board, and what the image then does, on the
//! emulator. The heavier tier builds a WASI program with clang and runs images in QEMU, on each of the
//! four boards.

mod common;
mod images {
    mod debug;
    pub mod emulated;
}

use common::oracle::Oracle;
use common::{corpus, harness_dir};
use images::emulated::{HUNDREDTHS, JUNK, SECONDS, execute};
use object::read::elf::ElfFile32;
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;
use windlass::image::{self, Board, Call};
use windlass::link::{Linked, elf, formats};
use windlass::store::Outcome;
use windlass::value::Val;
use windlass::{Artifact, Compiler};

/// A module compiled for a board.
struct Program {
    board: Board,
    compiler: Compiler,
    artifact: Artifact,
}

impl Program {
    fn new(board: Board, wasm: &[u8]) -> Program {
        Program::compiled(Compiler::new(), board, wasm)
    }

    fn compiled(compiler: Compiler, board: Board, wasm: &[u8]) -> Program {
        let compiler = image::compiler_for(&board, compiler.threads(1));
        let artifact = compiler.clone().name("program").compile_wasm(wasm).unwrap();
        Program { board, compiler, artifact }
    }

    fn wat(board: &str, wat: &str) -> Program {
        Program::new(Board::known(board).unwrap(), &wat::parse_str(wat).unwrap())
    }

    fn try_link(&self, function: &str, arguments: &[Val]) -> Result<Linked, String> {
        let (function, arguments) = (function.to_owned(), arguments.to_vec());
        let call = Call { function, arguments, memory_bytes: None };
        let linked = image::build(&self.artifact, &self.compiler, &self.board, &call);
        linked.map_err(|error| format!("{error:#}"))
    }

    #[track_caller]
    fn link(&self, function: &str, arguments: &[Val]) -> Linked {
        self.try_link(function, arguments).unwrap()
    }

    /// Exit code, output and errors.
    #[track_caller]
    fn run(&self, function: &str, arguments: &[i32]) -> (u32, String, String) {
        let arguments: Vec<Val> = arguments.iter().map(|&n| Val::I32(n)).collect();
        let ended = execute(&self.link(function, &arguments), &self.board);
        (ended.code, ended.output, ended.errors)
    }
}

const AN385: &str = "mps2-an385";
const AN386: &str = "mps2-an386";

/// A board with a single-precision unit, which the emulator has, and little memory.
const SMALL: &str = r#"
name = "small"
cpu = "cortex-m4"
target = "thumbv7em-none-eabihf"
fpu = "fpv4-sp-d16"
flash = { origin = 0x08000000, length = "64K" }
ram = { origin = 0x20000000, length = "80K" }
stack = "4K"
"#;

fn small() -> Board {
    Board::parse(SMALL).unwrap()
}

/// What the corpus program prints if it does what it does in wasmi.
fn expected(wasm: &[u8]) -> String {
    let mut oracle = Oracle::new(wasm).unwrap().unwrap();
    let Outcome::Returned(results) = oracle.invoke("run", &[]).unwrap() else {
        panic!("a corpus program traps in wasmi");
    };
    results.iter().map(|value| format!("{value}\n")).collect()
}

#[test]
fn corpus_programs_run_from_reset_to_their_result() {
    for (at, (name, wasm)) in corpus().into_iter().enumerate().filter(|(at, _)| at % 4 == 0) {
        let board = Board::known([AN385, AN386][at / 4 % 2]).unwrap();
        let (code, output, errors) = Program::new(board, &wasm).run("run", &[]);
        assert_eq!((code, &output, errors.as_str()), (0, &expected(&wasm), ""), "{name}");
    }
}

const TRAPS: &str = "(module (memory 1)
    (func (export \"div\") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
    (func (export \"load\") (param i32) (result i32) (i32.load (local.get 0)))
    (func $deep (export \"deep\") (param i32) (result i32)
      (i32.add (local.get 0) (call $deep (local.get 0)))))";

#[test]
fn traps_print_their_name() {
    for program in
        [Program::wat(AN385, TRAPS), Program::new(small(), &wat::parse_str(TRAPS).unwrap())]
    {
        let trap = |name: &str| (1, String::new(), format!("trap: {name}\n"));
        assert_eq!(program.run("div", &[1, 0]), trap("integer divide by zero"));
        assert_eq!(program.run("div", &[i32::MIN, -1]), trap("integer overflow"));
        assert_eq!(program.run("load", &[65533]), trap("out of bounds memory access"));
        assert_eq!(program.run("deep", &[1]), trap("call stack exhausted"));
        assert_eq!(program.run("div", &[-7, 2]), (0, "-3\n".into(), String::new()));
        assert_eq!(program.run("load", &[65532]), (0, "0\n".into(), String::new()));
    }
}

#[test]
fn a_trap_while_starting_ends_the_image() {
    let wat = "(module (func $start unreachable) (start $start) (func (export \"f\")))";
    let ended = (1, String::new(), "trap while instantiating: unreachable\n".to_owned());
    assert_eq!(Program::wat(AN386, wat).run("f", &[]), ended);
}

/// Functions of .clif have no instance, and what traps in them ends the image all the same.
#[test]
fn functions_of_clif_are_called_too() {
    let text = "function %sum(i8, i64) -> i64, i8 fast {\nblock0(v0: i8, v1: i64):\n    \
                v2 = sextend.i64 v0\n    v3 = iadd v1, v2\n    return v3, v0\n}\n\
                function %stop(i32) fast {\nblock0(v0: i32):\n    trapnz v0, int_divz\n    \
                return\n}\n";
    let board = Board::known(AN386).unwrap();
    let compiler = image::compiler_for(&board, Compiler::new());
    let artifact = compiler.compile_clif(text).unwrap();
    let program = Program { board, compiler, artifact };
    let linked = program.link("sum", &[Val::I32(-3), Val::I64(1 << 40)]);
    assert_eq!(execute(&linked, &program.board).output, "1099511627773\n-3\n");
    let ended = (1, String::new(), "trap: integer divide by zero\n".to_owned());
    assert_eq!(program.run("stop", &[1]), ended);
    assert_eq!(program.run("stop", &[0]), (0, String::new(), String::new()));
}

/// Edges, and numbers of many digits at many exponents.
fn doubles() -> Vec<f64> {
    let mut values = vec![0.0, -0.0, 1.0, -1.5, 0.1, 0.3, 4.35, 1e21, 1e22, 1e23, 5e-324, 9.5];
    values.extend([f64::MIN_POSITIVE, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
    values.extend([2f64.powi(53), 2f64.powi(-1022), 9007199254740993.0, 123456789.125, 1e-7]);
    let mut bits = 0x1234_5678_9abc_def0u64;
    values.extend(
        std::iter::repeat_with(|| {
            bits = bits.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            f64::from_bits(bits ^ bits >> 33)
        })
        .take(26),
    );
    values
}

#[test]
fn floats_are_printed_as_rust_does() {
    for (at, chunk) in doubles().chunks(16).enumerate() {
        let singles: Vec<f32> = chunk.iter().map(|&value| value as f32).collect();
        let words = |bits: u64| format!("(f64.reinterpret_i64 (i64.const {bits}))");
        let halves = |bits: u32| format!("(f32.reinterpret_i32 (i32.const {bits}))");
        let mut body: String = chunk.iter().map(|value| words(value.to_bits())).collect();
        body += &singles.iter().map(|value| halves(value.to_bits())).collect::<String>();
        let results = "f64 ".repeat(chunk.len()) + &"f32 ".repeat(chunk.len());
        let wat = format!("(module (func (export \"f\") (result {results}) {body}))");
        let mut expected: String = chunk.iter().map(|value| format!("{value}\n")).collect();
        expected += &singles.iter().map(|value| format!("{value}\n")).collect::<String>();
        let board = if at == 1 { small() } else { Board::known(AN385).unwrap() };
        let program = Program::new(board, &wat::parse_str(&wat).unwrap());
        assert_eq!(program.run("f", &[]), (0, expected, String::new()));
    }
}

/// Calls of WASI with arguments of the host's choice; the memory holds `Hello` at 16, and lists of
/// buffers at 32 (`Hello`), 40 (ends at the last byte) and 48 (one byte beyond).
const WASI: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get"
      (func $clock (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "Hello")
    (data (i32.const 32) "\10\00\00\00\05\00\00\00\fc\ff\00\00\04\00\00\00\fd\ff\00\00\04\00\00\00")
    (data (i32.const 56) "\10\00\00\00\ff\ff\ff\ff\10\00\00\00\01\00\00\00")
    (data (i32.const 65532) "end.")
    (func (export "write") (param i32 i32 i32 i32) (result i32 i32)
      (call $write (local.get 0) (local.get 1) (local.get 2) (local.get 3)) (i32.load (i32.const 0)))
    (func (export "random") (param i32 i32) (result i32 i64)
      (call $random (local.get 0) (local.get 1)) (i64.load (i32.const 65528)))
    (func (export "clock") (param i32 i32) (result i32 i64)
      (call $clock (local.get 0) (i64.const 1) (local.get 1)) (i64.load (i32.const 0)))
    (func (export "args") (param i32 i32) (result i32) (call $args (local.get 0) (local.get 1)))
    (func (export "stat") (param i32 i32) (result i32 i32 i64)
      (call $stat (local.get 0) (local.get 1)) (i32.load (i32.const 0)) (i64.load (i32.const 8)))
    (func (export "seek") (param i32) (result i32)
      (call $seek (local.get 0) (i64.const 0) (i32.const 0) (i32.const 0)))
    (func (export "close") (param i32) (result i32) (call $close (local.get 0)))
    (func (export "exit") (param i32) (call $exit (local.get 0)) unreachable))"#;

#[test]
fn wasi_writes_what_lies_in_memory_and_nothing_else() {
    let program = Program::wat(AN386, WASI);
    // fd, list, buffers, result; errno, bytes written, text
    let cases = [
        ([1, 32, 1, 0], 0, 5, "Hello"),
        ([1, 32, 2, 0], 0, 9, "Helloend."),
        ([1, 40, 1, 0], 0, 4, "end."),
        ([1, 32, 0, 0], 0, 0, ""),
        ([1, 65536, 0, 0], 0, 0, ""),
        ([3, 32, 1, 0], 8, 0, ""),
        ([0, 32, 1, 0], 8, 0, ""),
        // A buffer, the list and the result that end beyond, or begin there.
        ([1, 32, 3, 0], 21, 0, ""),
        ([1, 48, 1, 0], 21, 0, ""),
        ([1, 56, 1, 0], 21, 0, ""),
        ([1, 65529, 1, 0], 21, 0, ""),
        ([1, -8, 1, 0], 21, 0, ""),
        ([1, 32, 0x2000_0000, 0], 21, 0, ""),
        ([1, 32, -1, 0], 21, 0, ""),
        ([1, 32, 1, 65533], 21, 0, ""),
        ([1, 32, 1, -4], 21, 0, ""),
    ];
    for (arguments, errno, written, text) in cases {
        let expected = (0, format!("{text}{errno}\n{written}\n"), String::new());
        assert_eq!(program.run("write", &arguments), expected, "{arguments:?}");
    }
    let (code, output, errors) = program.run("write", &[2, 32, 1, 0]);
    assert_eq!((code, &*output, &*errors), (0, "0\n5\n", "Hello"));
}

#[test]
fn wasi_fills_memory_and_nothing_else() {
    let program = Program::wat(AN385, WASI);
    let end = "end.".bytes().rev().fold(0i64, |word, byte| word << 8 | i64::from(byte)) << 32;
    for (arguments, errno) in [([65528, 8], 0), ([65536, 0], 0), ([65529, 8], 21), ([0, -1], 21)] {
        let arguments: Vec<Val> = arguments.iter().map(|&n| Val::I32(n)).collect();
        let linked = program.link("random", &arguments);
        let ended = execute(&linked, &program.board);
        let lines: Vec<i64> = ended.output.lines().map(|line| line.parse().unwrap()).collect();
        assert_eq!(lines[0], errno);
        let is_filled = arguments[0] == Val::I32(65528);
        assert_eq!(lines[1] != end, is_filled, "{arguments:?}");
        // Memory is the last in RAM but for the stack.
        let memory = linked.symbol("__windlass_memory").unwrap();
        assert_eq!(ended.read(memory.value + memory.size, 64), [JUNK; 64]);
    }
    // Two words at the end of memory, the latter of them beyond.
    assert_eq!(program.run("args", &[0, 65532]).1, "0\n");
    assert_eq!(program.run("args", &[0, 65533]).1, "21\n");
    assert_eq!(program.run("args", &[65533, 0]).1, "21\n");
}

#[test]
fn wasi_tells_the_debuggers_time_and_what_the_console_is() {
    let program = Program::wat(AN386, WASI);
    let output = |function: &str, arguments: &[i32]| program.run(function, arguments).1;
    let nanoseconds = [u64::from(SECONDS) * 1_000_000_000, u64::from(HUNDREDTHS) * 10_000_000];
    assert_eq!(output("clock", &[0, 0]), format!("0\n{}\n", nanoseconds[0]));
    assert_eq!(output("clock", &[1, 0]), format!("0\n{}\n", nanoseconds[1]));
    assert_eq!(output("clock", &[2, 0]), "28\n0\n");
    assert_eq!(output("clock", &[1, 65529]), "21\n0\n");
    assert_eq!(output("stat", &[1, 0]), "0\n2\n64\n");
    assert_eq!(output("stat", &[3, 0]), "8\n0\n0\n");
    assert_eq!(output("stat", &[1, 65513]), "21\n0\n0\n");
    assert_eq!((output("seek", &[1]), output("seek", &[3])), ("70\n".into(), "8\n".into()));
    assert_eq!((output("close", &[1]), output("close", &[3])), ("0\n".into(), "8\n".into()));
    assert_eq!(program.run("exit", &[7]), (7, String::new(), String::new()));
}

#[test]
fn the_file_says_what_is_where() {
    let wat = "(module (memory 1) (data (i32.const 0) \"constant\")
        (func $used (result i32) (i32.load (i32.const 4)))
        (func $dead (result i32) (i32.load (i32.const 8)))
        (func (export \"f\") (result i32) (call $used))
        (func (export \"not_called\") (result i32) (call $dead)))";
    let program = Program::new(small(), &wat::parse_str(wat).unwrap());
    let linked = program.link("f", &[]);
    let bytes = elf::write(&linked).unwrap();
    let file = ElfFile32::<object::Endianness>::parse(&*bytes).unwrap();

    let symbol = |name: &str| file.symbols().find(|symbol| symbol.name() == Ok(name));
    let address = |name: &str| symbol(name).unwrap().address() as u32;
    let flash = linked.flash();
    let word = |at: usize| u32::from_le_bytes(flash[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(4)), (0x2001_4000, address("__windlass_reset")));
    assert_eq!(file.entry(), u64::from(word(4)));
    assert!((2..16).all(|n| word(4 * n) == address("__windlass_fault")));
    assert_eq!(address("__windlass_vectors"), program.board.flash.origin);
    assert!(symbol("program.used").is_some() && symbol("program_f").is_some());
    assert!(symbol("program.dead").is_none() && symbol("program_not_called").is_none());
    assert!(file.symbols().all(|symbol| !symbol.is_undefined()));

    let sections: Vec<_> = file.sections().map(|s| (s.name().unwrap(), s.address())).collect();
    let names: Vec<_> = sections.iter().map(|(name, _)| *name).collect();
    let tables = [".ARM.attributes", ".symtab", ".strtab", ".shstrtab"];
    assert_eq!(names[..5], [".vectors", ".text", ".rodata", "windlass_code", ".bss"]);
    assert_eq!(names[5..], tables);
    assert_eq!((sections[0].1, sections[4].1), (0x0800_0000, 0x2000_0000));
    let attributes = file.section_by_name(".ARM.attributes").unwrap().data().unwrap();
    let object = ElfFile32::<object::Endianness>::parse(&*program.artifact.object).unwrap();
    assert_eq!(attributes, object.section_by_name(".ARM.attributes").unwrap().data().unwrap());

    // Each function's code is where its symbol says, and mapping symbols begin each section.
    let text = file.section_by_name(".text").unwrap();
    assert!(text.data().unwrap().len() as u64 == text.size() && text.size() > 0);
    assert!(file.symbols().any(|s| s.name() == Ok("$t") && s.address() == text.address()));
    let segments: Vec<_> = file.segments().map(|s| (s.address(), s.data().unwrap())).collect();
    assert_eq!(segments[0], (0x0800_0000, &*flash));
    assert_eq!((segments[1].0, segments[1].1), (0x2000_0000, &[][..]));
}

#[test]
fn hex_holds_what_bin_holds() {
    let program = Program::new(small(), &wat::parse_str(TRAPS).unwrap());
    let linked = program.link("load", &[Val::I32(0)]);
    let (flash, origin) = (linked.flash(), program.board.flash.origin);
    let (mut decoded, mut upper) = (Vec::new(), 0);
    for line in formats::intel_hex(origin, &flash, linked.entry).lines() {
        let digits = line.strip_prefix(':').unwrap();
        let bytes: Vec<u8> = (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        assert_eq!(bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)), 0, "{line}");
        let (head, data) = (&bytes[..4], &bytes[4..bytes.len() - 1]);
        assert_eq!(usize::from(head[0]), data.len());
        let half = |bytes: &[u8]| u32::from(bytes[0]) << 8 | u32::from(bytes[1]);
        match head[3] {
            0 => {
                let address = upper << 16 | half(&head[1..]);
                assert_eq!(address, origin + decoded.len() as u32);
                decoded.extend_from_slice(data);
            }
            4 => upper = half(data),
            5 => assert_eq!(data, linked.entry.to_be_bytes()),
            kind => assert_eq!(kind, 1),
        }
    }
    assert_eq!(decoded, flash);
}

#[track_caller]
fn check_error(program: &Program, function: &str, expected: &[&str]) {
    let error = program.try_link(function, &[]).err().expect("an error");
    expected.iter().for_each(|part| assert!(error.contains(part), "{error}"));
}

#[test]
fn errors_name_what_is_missing_or_too_large() {
    let wat = "(module (import \"env\" \"print\" (func $print (param i32)))
        (import \"wasi_snapshot_preview1\" \"path_open\" (func $open))
        (func (export \"f\") (call $print (i32.const 1)) (call $open)) (func (export \"g\")))";
    let program = Program::new(small(), &wat::parse_str(wat).unwrap());
    check_error(&program, "f", &["env.print", "wasi_snapshot_preview1.path_open"]);
    let wat = "(module (import \"wasi_snapshot_preview1\" \"fd_close\" (func $close))
        (memory 1) (func (export \"f\") (call $close)))";
    check_error(&Program::wat(AN386, wat), "f", &["fd_close", "another type"]);
    check_error(&Program::wat(AN386, TRAPS), "g", &["no exported function named g", "div"]);

    let wat = "(module (memory 2) (func (export \"f\")))";
    let program = Program::new(small(), &wat::parse_str(wat).unwrap());
    check_error(&program, "f", &["131072 bytes", "81920 bytes of RAM", "small"]);
    let ram = r#"length = "80K""#;
    let board = |from: &str, to: &str| Board::parse(&SMALL.replace(from, to)).unwrap();
    let wasm = wat::parse_str("(module (memory 1) (func (export \"f\")))").unwrap();
    let program = Program::new(board(ram, r#"length = "65K""#), &wasm);
    check_error(&program, "f", &["RAM", "__windlass_memory (65536 bytes)", "66560"]);
    let program = Program::new(board(r#"length = "64K""#, "length = 512"), &wasm);
    check_error(&program, "f", &["flash", "there are 512"]);
}

/// The exit code, standard output and standard error.
fn windlass(directory: &Path, args: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    let output = command.current_dir(directory).args(args.split_whitespace()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let files = [
        ("traps.wat", TRAPS),
        ("small.toml", SMALL),
        ("broken.toml", "name = 1"),
        ("hello.wat", HELLO),
    ];
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

const HELLO: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "\10\00\00\00\06\00\00\00Hello\n")
    (func (export "_start") (drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))))"#;

#[test]
fn the_command_writes_each_format_and_tells_errors_by_code() {
    let directory = directory();
    let path = directory.path();
    for (format, head) in
        [("elf", &b"\x7fELF"[..]), ("bin", b"\0\x40\x01\x20"), ("hex", b":02000004")]
    {
        let args = format!(
            "link traps.wat -o out.{format} --format {format} --board small.toml --invoke load 8"
        );
        assert_eq!(windlass(path, &args), (Some(0), String::new(), String::new()));
        assert!(std::fs::read(path.join(format!("out.{format}"))).unwrap().starts_with(head));
    }
    let cases = [
        ("link traps.wat -o x.elf --board nosuch --invoke load 8", 2, "no board nosuch"),
        ("link traps.wat -o x.elf --board small.toml --invoke load", 2, "takes 1 arguments"),
        ("link traps.wat -o x.elf --board broken.toml --invoke load 8", 1, "broken.toml"),
        ("link traps.wat -o x.elf --board none.toml --invoke load 8", 1, "none.toml"),
        ("run traps.wat --on qemu:nosuch --invoke load 8", 2, "no board nosuch"),
        ("run traps.wat --on qemu:small.toml --invoke load 8", 1, "QEMU has no such board"),
        ("run traps.wat --on qemu:mps2-an386 --cpu cortex-m3 --invoke load 8", 2, "--cpu"),
        ("run traps.wat --on qemu:mps2-an386 --dump 0:4 --invoke load 8", 2, "--dump"),
        ("run traps.wat --time-limit 3 --invoke load 8", 2, "--time-limit"),
    ];
    for (args, code, message) in cases {
        let (ended, output, errors) = windlass(path, args);
        assert_eq!((ended, &*output), (Some(code), ""), "{args}: {errors}");
        assert!(errors.contains(message), "{args}: {errors}");
    }
    assert!(!path.join("x.elf").exists());
}

#[track_caller]
fn check_corpus_in_qemu(board: &str) {
    for (name, wasm) in corpus() {
        let args = format!("run {name}.wasm --on qemu:{board} --invoke run");
        let (code, output, errors) = windlass(&harness_dir("corpus"), &args);
        assert_eq!((code, output, &*errors), (Some(0), expected(&wasm), ""), "{name} on {board}");
    }
}

#[test]
#[ignore = "needs qemu-system-arm"]
fn corpus_programs_give_the_same_results_on_the_an385() {
    check_corpus_in_qemu("mps2-an385");
}

#[test]
#[ignore = "needs qemu-system-arm"]
fn corpus_programs_give_the_same_results_on_the_an386() {
    check_corpus_in_qemu("mps2-an386");
}

#[test]
#[ignore = "needs qemu-system-arm"]
fn corpus_programs_give_the_same_results_on_the_an500() {
    check_corpus_in_qemu("mps2-an500");
}

#[test]
#[ignore = "needs qemu-system-arm"]
fn corpus_programs_give_the_same_results_on_the_an505() {
    check_corpus_in_qemu("mps2-an505");
}

#[test]
#[ignore = "needs qemu-system-arm"]
fn boards_in_qemu_print_results_and_traps_as_the_emulator_does() {
    let directory = directory();
    for board in Board::known_names() {
        for call in ["div -7 2", "div 1 0", "load 65532", "load 65533", "deep 1"] {
            let run = |on: &str| {
                windlass(directory.path(), &format!("run traps.wat{on} --invoke {call}"))
            };
            let (code, output, errors) = run("");
            let last = errors.lines().last().unwrap_or("").to_owned();
            let in_qemu = run(&format!(" --on qemu:{board}"));
            assert_eq!((in_qemu.0, in_qemu.1), (code, output), "{call} on {board}");
            if code != Some(0) {
                assert_eq!(in_qemu.2.trim_end(), last, "{call} on {board}");
            }
        }
    }
    let hello = windlass(directory.path(), "run hello.wat --on qemu:mps2-an505 --invoke _start");
    assert_eq!(hello, (Some(0), "Hello\n".into(), String::new()));
}

#[test]
#[ignore = "needs clang with wasi-libc, and qemu-system-arm"]
fn a_program_of_wasi_libc_prints() {
    let directory = tempfile::tempdir().unwrap();
    let wasm = directory.path().join("hello.wasm");
    let clang = Command::new("clang")
        .args(["--target=wasm32-wasi", "-O2", "-Wall", "-Werror", "-o"])
        .arg(&wasm)
        .arg(harness_dir("examples/wasi/hello.c"))
        .status();
    assert!(clang.expect("clang; .ci/run names the packages of this tier").success());
    let expected = std::fs::read_to_string(harness_dir("examples/wasi/expected.txt")).unwrap();
    for board in ["mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505"] {
        let run = format!("run hello.wasm --on qemu:{board} --invoke _start");
        let printed = windlass(directory.path(), &run);
        assert_eq!(printed, (Some(0), expected.clone(), String::new()), "{board}");
    }
}

#[test]
#[ignore = "needs binutils for arm-none-eabi"]
fn binutils_read_images() {
    let directory = directory();
    let path = directory.path();
    for format in ["elf", "bin", "hex"] {
        let args = format!(
            "link traps.wat -o out.{format} --format {format} --board small.toml --invoke load 8"
        );
        assert_eq!(windlass(path, &args).0, Some(0));
    }
    let tool = |name: &str, args: &str| {
        let mut command = Command::new(format!("arm-none-eabi-{name}"));
        let output = command.current_dir(path).args(args.split_whitespace()).output();
        let output = output.expect(".ci/run names the packages of this tier");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && errors.is_empty(), "{name} {args}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    tool("objcopy", "-O binary out.elf elf.bin");
    tool("objcopy", "-I ihex -O binary out.hex hex.bin");
    let read = |name: &str| std::fs::read(path.join(name)).unwrap();
    assert_eq!(read("elf.bin"), read("out.bin"));
    assert_eq!(read("hex.bin"), read("out.bin"));
    let code = tool("objdump", "-d out.elf");
    assert!(code.contains("<__windlass_semihosting>:") && code.contains("bkpt\t0x00ab"), "{code}");
    assert!(tool("nm", "out.elf").contains(" T traps_load\n"));
    let size = tool("size", "out.elf");
    let fields: Vec<_> = size.lines().nth(1).unwrap().split_whitespace().collect();
    // Sections are aligned to words.
    let padding = read("out.bin").len() - fields[0].parse::<usize>().unwrap();
    assert!(padding < 8, "{size}");
    assert!(fields[2].parse::<u32>().unwrap() >= 65536);
    assert!(tool("readelf", "-A out.elf").contains("Tag_ABI_VFP_args: VFP registers"));
}
