//! The heavier tier: objects and headers in the hands of a C firmware.
//!
//! ```text
//!   module --windlass--> program.o, program.h
//!   startup.c, run.c or imports.c + program.h --arm-none-eabi-gcc--> *.o
//!   all --arm-none-eabi-gcc | arm-none-eabi-ld | ld.lld | rust-lld--> firmware
//!   firmware --qemu-system-arm--> text
//! ```
//!
//! The text is compared with what wasmi computes. The tests need the tools and fail without them, so
//! they are ignored unless `cargo test -- --ignored` asks for them.

mod common;
mod qemu {
    pub mod debug;
    pub mod examples;
    pub mod far;
    pub mod floats;
    pub mod image;
    pub mod recovery;
    pub mod scripts;
}

use common::oracle::Oracle;
use common::{corpus, harness_dir};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use windlass::store::Outcome;
use windlass::value::Val;
use windlass::{
    AllocatorKind, Artifact, Bounds, Compiler, OptLevel, RuntimeLibrary, TrapMode, c_runtime,
};

/// A machine of qemu and what windlass compiles for it.
#[derive(Clone, Copy, Debug)]
struct Board {
    machine: &'static str,
    cpu: &'static str,
    target: &'static str,
    fpu: &'static str,
    regions: Regions,
}

/// Where the board has 4 MiB of memory for code, 4 MiB for data and 16 MiB more.
#[derive(Clone, Copy, Debug)]
struct Regions {
    flash: u32,
    ram: u32,
    psram: u32,
}

const MPS2: Regions = Regions { flash: 0, ram: 0x2000_0000, psram: 0x2100_0000 };
const AN385: Board = Board {
    machine: "mps2-an385",
    cpu: "cortex-m3",
    target: "thumbv7m-none-eabi",
    fpu: "none",
    regions: MPS2,
};
const AN386: Board = Board {
    machine: "mps2-an386",
    cpu: "cortex-m4",
    target: "thumbv7em-none-eabi",
    fpu: "none",
    regions: MPS2,
};
const AN500: Board = Board {
    machine: "mps2-an500",
    cpu: "cortex-m7",
    target: "thumbv7em-none-eabihf",
    fpu: "fpv5-d16",
    regions: Regions { psram: 0x6000_0000, ..MPS2 },
};
/// It starts in the secure state, whose addresses of the static memories these are.
const AN505: Board = Board {
    machine: "mps2-an505",
    cpu: "cortex-m33",
    target: "thumbv8m.main-none-eabi",
    fpu: "none",
    regions: Regions { flash: 0x1000_0000, ram: 0x3800_0000, psram: 0x8000_0000 },
};

impl Board {
    /// What `board.ld` leaves open, for a linker script of its own.
    fn memory_script(&self) -> String {
        let Regions { flash, ram, psram } = self.regions;
        format!(
            "MEMORY {{\n    flash (rx) : ORIGIN = {flash:#x}, LENGTH = 4M\n    \
             ram (rw) : ORIGIN = {ram:#x}, LENGTH = 4M\n    \
             psram (rw) : ORIGIN = {psram:#x}, LENGTH = 16M\n}}\n"
        )
    }

    /// What makes the compiler driver choose code and libraries for the board.
    fn gcc_flags(&self) -> Vec<String> {
        let mut flags = vec![format!("-mcpu={}", self.cpu), "-mthumb".to_owned()];
        let float_abi = match (self.fpu, self.target.ends_with("hf")) {
            ("none", _) => "soft",
            (_, false) => "softfp",
            (_, true) => "hard",
        };
        flags.push(format!("-mfloat-abi={float_abi}"));
        if self.fpu != "none" {
            flags.push(format!("-mfpu={}", self.fpu));
        }
        flags
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Linker {
    /// The compiler driver, with newlib-nano.
    Gcc,
    Ld,
    Lld,
    /// The one that comes with Rust.
    RustLld,
}

const LINKERS: [Linker; 4] = [Linker::Gcc, Linker::Ld, Linker::Lld, Linker::RustLld];

impl Linker {
    fn program(self) -> PathBuf {
        match self {
            Linker::Gcc => "arm-none-eabi-gcc".into(),
            Linker::Ld => "arm-none-eabi-ld".into(),
            Linker::Lld => "ld.lld".into(),
            Linker::RustLld => rust_lld(),
        }
    }
}

fn rust_lld() -> PathBuf {
    let sysroot = tool("rustc", |command| {
        command.args(["--print", "sysroot"]);
    });
    let targets = Path::new(sysroot.trim()).join("lib/rustlib");
    let entries = std::fs::read_dir(&targets).expect("Rust's libraries");
    let programs = entries.map(|entry| entry.expect("an entry").path().join("bin/rust-lld"));
    let found = programs.into_iter().find(|program| program.exists());
    found.unwrap_or_else(|| panic!("no rust-lld below {}", targets.display()))
}

/// As firmware is compiled, and so that every warning of a generated header is an error. A loop that
/// becomes a call of memset would need a library.
const CFLAGS: [&str; 8] = [
    "-O2",
    "-g",
    "-ffreestanding",
    "-fno-tree-loop-distribute-patterns",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Werror",
];

/// Runs a tool and demands success; returns its standard output.
#[track_caller]
fn tool(program: impl AsRef<OsStr>, configure: impl FnOnce(&mut Command)) -> String {
    let mut command = Command::new(&program);
    configure(&mut command);
    let output = command.output().unwrap_or_else(|error| {
        let program = program.as_ref().display();
        panic!("cannot start {program}: {error}; .ci/run names the packages of this tier")
    });
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// A directory with a module's object and header, in which firmware is built.
struct Firmware {
    directory: tempfile::TempDir,
    board: Board,
    /// What the linker script has in front of the common one, the board's memory apart.
    script: String,
}

impl Firmware {
    fn new(artifact: &Artifact, board: Board) -> Firmware {
        let firmware = Firmware::empty(board);
        std::fs::write(firmware.path("program.o"), &artifact.object).unwrap();
        std::fs::write(firmware.path("program.h"), artifact.header.as_ref().unwrap()).unwrap();
        firmware
    }

    /// A directory with the C runtime alone.
    fn empty(board: Board) -> Firmware {
        let firmware =
            Firmware { directory: tempfile::tempdir().unwrap(), board, script: String::new() };
        std::fs::write(firmware.path("windlass.h"), c_runtime::header()).unwrap();
        std::fs::write(firmware.path("windlass.c"), c_runtime::source()).unwrap();
        firmware
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Compiles a C file.
    fn compile_c(&self, source: &Path) -> PathBuf {
        let name = source.file_stem().expect("a file").to_string_lossy();
        let object = self.path(&format!("{name}.host.o"));
        tool("arm-none-eabi-gcc", |command| {
            command.args(self.board.gcc_flags()).args(CFLAGS).arg("-std=c11");
            command.arg("-I").arg(self.directory.path()).arg("-I").arg(host(""));
            command.arg("-c").arg(source).arg("-o").arg(&object);
        });
        object
    }

    /// Compiles C files and links them with the module.
    fn link(&self, sources: &[PathBuf], linker: Linker) -> PathBuf {
        let mut objects: Vec<_> = sources.iter().map(|source| self.compile_c(source)).collect();
        objects.push(self.path("program.o"));
        self.link_objects(&objects, linker)
    }

    fn link_objects(&self, objects: &[PathBuf], linker: Linker) -> PathBuf {
        let (elf, memory) = (self.path("firmware.elf"), self.path("memory.ld"));
        std::fs::write(&memory, self.board.memory_script() + &self.script).unwrap();
        tool(linker.program(), |command| {
            if linker == Linker::RustLld {
                command.args(["-flavor", "gnu"]);
            }
            if linker == Linker::Gcc {
                command.args(self.board.gcc_flags()).arg("-nostartfiles");
                command.args(["--specs=nano.specs", "-Wl,--gc-sections,--fatal-warnings"]);
            } else {
                command.args(["--gc-sections", "--fatal-warnings"]);
            }
            command.arg("-T").arg(memory).arg("-T").arg(host("board.ld"));
            command.args(objects).arg("-o").arg(&elf);
        });
        elf
    }

    /// Builds with the given C host and returns what it prints.
    #[track_caller]
    fn run(&self, main: &str, linker: Linker) -> String {
        self.run_sources(&[host("startup.c"), host(main)], linker)
    }

    #[track_caller]
    fn run_sources(&self, sources: &[PathBuf], linker: Linker) -> String {
        self.execute(&self.link(sources, linker))
    }

    #[track_caller]
    fn execute(&self, elf: &Path) -> String {
        tool("timeout", |command| {
            command.args(["60", "qemu-system-arm", "-M", self.board.machine, "-display", "none"]);
            command.args(["-monitor", "none", "-serial", "none", "-chardev", "stdio,id=out"]);
            command.args(["-semihosting-config", "enable=on,target=native,chardev=out"]);
            command.arg("-kernel").arg(elf).stdin(std::process::Stdio::null());
        })
    }
}

fn host(name: &str) -> PathBuf {
    harness_dir("tests/host").join(name)
}

/// Objects that need no library, since the plain linkers are given none.
fn compiler(board: Board) -> Compiler {
    let compiler = Compiler::new().name("program").target(board.target).cpu(board.cpu);
    compiler.fpu(board.fpu).runtime(RuntimeLibrary::Builtin).check(true)
}

fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(2166136261, |h, &byte| (h ^ u32::from(byte)).wrapping_mul(16777619))
}

/// What `run.c` prints if the modules do what they do in wasmi.
fn expected(programs: &[(String, Vec<u8>)]) -> String {
    let mut text = String::new();
    for (name, wasm) in programs {
        let mut oracle = Oracle::new(wasm).unwrap().unwrap();
        let Outcome::Returned(results) = oracle.invoke("run", &[]).unwrap() else {
            panic!("{name} traps in wasmi");
        };
        let hash = fnv1a(&oracle.memory().expect("an exported memory"));
        let result = results[0].bits() as u32;
        text += &format!("{name} {result} {hash} {result} {hash}\n");
    }
    text
}

/// A directory with several modules, and the objects of a firmware that runs them.
fn firmware(
    programs: &[(String, Vec<u8>)],
    board: Board,
    compiler: &Compiler,
) -> (Firmware, Vec<PathBuf>) {
    let firmware = Firmware::empty(board);
    let (mut headers, mut list, mut objects) = (String::new(), String::new(), Vec::new());
    for (name, wasm) in programs {
        let artifact = compiler.clone().name(name).compile_wasm(wasm).unwrap();
        let object = firmware.path(&format!("{name}.o"));
        std::fs::write(&object, &artifact.object).unwrap();
        objects.push(object);
        std::fs::write(firmware.path(&format!("{name}.h")), artifact.header.unwrap()).unwrap();
        headers += &format!("#include \"{name}.h\"\n");
        list += &format!(" X({name}, {})", name.to_uppercase());
    }
    let text = format!("{headers}#define PROGRAMS(X){list}\n");
    std::fs::write(firmware.path("programs.h"), text).unwrap();
    objects.extend(["startup.c", "run.c"].map(|source| firmware.compile_c(&host(source))));
    (firmware, objects)
}

/// One image of all programs for each linker.
#[track_caller]
fn check_corpus(board: Board) {
    let programs = corpus();
    let expected = expected(&programs);
    let (firmware, objects) = firmware(&programs, board, &compiler(board));
    for linker in LINKERS {
        let printed = firmware.execute(&firmware.link_objects(&objects, linker));
        assert_eq!(printed, expected, "{linker:?} on {}", board.machine);
    }
}

#[test]
#[ignore = "needs arm-none-eabi-gcc, lld and qemu-system-arm"]
fn every_corpus_program_runs_on_the_an385() {
    check_corpus(AN385);
}

#[test]
#[ignore = "needs arm-none-eabi-gcc, lld and qemu-system-arm"]
fn every_corpus_program_runs_on_the_an386() {
    check_corpus(AN386);
}

#[test]
#[ignore = "needs arm-none-eabi-gcc, lld and qemu-system-arm"]
fn every_corpus_program_runs_on_the_an500() {
    check_corpus(AN500);
}

#[test]
#[ignore = "needs arm-none-eabi-gcc, lld and qemu-system-arm"]
fn every_corpus_program_runs_on_the_an505() {
    check_corpus(AN505);
}

/// What the tests of the corpus rest upon: without checks, `run.c` tells what is written outside.
#[test]
#[ignore = "needs arm-none-eabi-gcc and qemu-system-arm"]
fn the_host_tells_what_is_written_outside() {
    let module = |code: &str| {
        let fields = format!("(func (export \"run\") (result i32) {code} (i32.const 7))");
        wat::parse_str(format!("(module (memory (export \"memory\") 1) {fields})")).unwrap()
    };
    let store = |at: i64| module(&format!("(i32.store8 (i32.const {at}) (i32.const 0))"));
    let programs = [
        ("inside", store(65535), ""),
        ("before", store(-1), " wrote before its memory"),
        ("behind", store(65536), " wrote behind its memory"),
        ("far", store(3 * 65536), " wrote behind its memory"),
        ("ends", module("(unreachable)"), " traps"),
    ];
    let hash = fnv1a(&[0; 65536]);
    let mut expected = String::new();
    for (name, _, wrong) in &programs {
        let printed = match *wrong {
            "" => format!(" 7 {hash} 7 {hash}"),
            " traps" => String::new(),
            _ => format!(" 7 {hash}"),
        };
        expected += &format!("{name}{printed}{wrong}\n");
    }
    let programs = programs.map(|(name, wasm, _)| (name.to_owned(), wasm));
    for board in [AN385, AN386, AN500, AN505] {
        let compiler = compiler(board).bounds(Bounds::None).traps(TrapMode::Call);
        let (firmware, mut objects) = firmware(&programs, board, &compiler);
        objects.push(firmware.compile_c(&firmware.path("windlass.c")));
        let printed = firmware.execute(&firmware.link_objects(&objects, Linker::Ld));
        assert_eq!(printed, expected, "{}", board.machine);
    }
}

/// Calls, spills and large switches: what allocators and linkers could get wrong.
const CHOSEN: [&str; 3] = ["chacha20", "flight_control_calls", "state_machine"];

#[test]
#[ignore = "needs arm-none-eabi-gcc, lld and qemu-system-arm"]
fn every_allocator_level_and_linker_gives_the_same_results() {
    let chosen = corpus().into_iter().filter(|(name, _)| CHOSEN.contains(&&**name));
    let programs: Vec<_> = chosen.collect();
    let expected = expected(&programs);
    for (i, allocator) in AllocatorKind::ALL.into_iter().enumerate() {
        for (j, level) in [OptLevel::None, OptLevel::Speed, OptLevel::Size].into_iter().enumerate()
        {
            let board = [AN385, AN386][(i + j) % 2];
            let compiler = compiler(board).regalloc(allocator).opt_level(level);
            let compiler = compiler.function_sections(i == j);
            let (firmware, objects) = firmware(&programs, board, &compiler);
            for linker in LINKERS {
                let printed = firmware.execute(&firmware.link_objects(&objects, linker));
                let what = format!("{} {level:?} {linker:?}", allocator.name());
                assert_eq!(printed, expected, "{what} on {}", board.machine);
            }
        }
    }
}

/// The calls that `imports.c` makes, in its order.
const CALLS: [(&str, &[i32]); 9] = [
    ("add", &[20, 22]),
    ("mix", &[1, 2, 3, 4, 5, 6, 7]),
    ("swap", &[3, 4]),
    ("five", &[99]),
    ("poke", &[65535, 200]),
    ("two-words!", &[]),
    ("grow", &[1]),
    ("grow", &[1]),
    ("two-words!", &[]),
];

/// What `imports.c` prints if the module does what it does in wasmi.
fn calls_in_wasmi() -> String {
    let wat = std::fs::read_to_string(host("imports.wat")).unwrap();
    let mut oracle = Oracle::new(&wat::parse_str(wat).unwrap()).unwrap().unwrap();
    let mut expected = String::new();
    for (name, args) in CALLS {
        let args: Vec<Val> = args.iter().map(|&arg| Val::I32(arg)).collect();
        let Outcome::Returned(results) = oracle.invoke(name, &args).unwrap() else {
            panic!("{name} traps in wasmi");
        };
        results.iter().for_each(|value| expected += &format!("{}\n", value.bits() as u32));
    }
    expected
}

/// Object and header of the module that `imports.c` calls.
fn imports_object(firmware: &Firmware) {
    tool(env!("CARGO_BIN_EXE_windlass"), |command| {
        command.arg("compile").arg(host("imports.wat")).args(["--name", "program"]);
        command.args(["--target", firmware.board.target, "--cpu", firmware.board.cpu]);
        command.args(["--runtime", "builtin"]);
        command.arg("-o").arg(firmware.path("program.o"));
        command.arg("--header").arg(firmware.path("program.h"));
    });
}

#[test]
#[ignore = "needs arm-none-eabi-gcc, lld and qemu-system-arm"]
fn a_host_and_a_module_call_each_other() {
    let expected = calls_in_wasmi();
    for board in [AN385, AN386] {
        for linker in LINKERS {
            let firmware = Firmware::empty(board);
            imports_object(&firmware);
            let printed = firmware.run("imports.c", linker);
            assert_eq!(printed, expected, "{linker:?} on {}", board.machine);
        }
    }
}

#[test]
#[ignore = "needs arm-none-eabi-gcc"]
fn headers_are_c11_and_cplusplus17() {
    let directory = tempfile::tempdir().unwrap();
    let mut programs = corpus();
    let imports = std::fs::read_to_string(host("imports.wat")).unwrap();
    programs.push(("imports".to_owned(), wat::parse_str(imports).unwrap()));
    std::fs::write(directory.path().join("windlass.h"), c_runtime::header()).unwrap();
    // Between others, since any order will do.
    let mut all = String::new();
    for (n, (name, wasm)) in programs.iter().enumerate() {
        let artifact = Compiler::new().name(name).compile_wasm(wasm).unwrap();
        let file = format!("{name}.h");
        std::fs::write(directory.path().join(&file), artifact.header.unwrap()).unwrap();
        all += &format!(
            "#include \"{file}\"\n#include \"{file}\"\nstatic {name}_instance a_{name};\n"
        );
        if n % 3 == 1 {
            all += "#include \"windlass.h\"\n";
        }
    }
    // Uses each instance, lest it be an unused variable.
    all += "void use(void *);\nvoid all(void);\nvoid all(void) {\n";
    programs.iter().for_each(|(name, _)| all += &format!("    use(&a_{name});\n"));
    all += "}\n";
    check_language(directory.path(), "all.c", &all, "-std=c11");
    check_language(directory.path(), "all.cc", &all, "-std=c++17");
}

/// All headers in one translation unit, for the target and with its compiler.
#[track_caller]
fn check_language(directory: &Path, name: &str, source: &str, standard: &str) {
    std::fs::write(directory.join(name), source).unwrap();
    let compiler = if name.ends_with(".cc") { "arm-none-eabi-g++" } else { "arm-none-eabi-gcc" };
    tool(compiler, |command| {
        command.current_dir(directory).args(AN385.gcc_flags()).args(CFLAGS);
        command.args([standard, "-c", name, "-o", "all.o"]);
    });
}
