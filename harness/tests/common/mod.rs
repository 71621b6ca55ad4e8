//! What the integration tests share: the corpus, the configurations, and one way to execute.

#![allow(dead_code, unused_imports, reason = "each test uses a part")]

mod corpus;
pub mod floats;
pub mod oracle;
pub mod values;

pub use corpus::{corpus, files, harness_dir};
use std::path::Path;
use std::process::{Command, Output};
use windlass::instance::Instance;
use windlass::machine::Board;
use windlass::store::{Linker, Store};
use windlass::value::Val;
use windlass::{
    AllocatorKind, Artifact, Compiler, OptLevel, RuntimeLibrary, Trap, TrapMode, WasmFeatures,
};
use windlass_backend::module::ExternType;

/// For scripts of version 1.0 of the specification. They know segments that are written one by one,
/// which came with bulk memory operations.
pub const WASM1: WasmFeatures = WasmFeatures::WASM1.union(WasmFeatures::BULK_MEMORY);
/// For scripts of version 2.0.
pub const WASM2: WasmFeatures = WasmFeatures::WASM2.difference(WasmFeatures::SIMD);

pub const OPT_LEVELS: [OptLevel; 3] = [OptLevel::None, OptLevel::Speed, OptLevel::Size];

/// Target, processor and floating-point unit: each processor, and a unit of each kind that the
/// emulator has, under either variant of the calling convention.
pub const CPUS: [(&str, &str, &str); 6] = [
    ("thumbv7m-none-eabi", "cortex-m3", "none"),
    ("thumbv7em-none-eabi", "cortex-m4", "none"),
    ("thumbv7em-none-eabi", "cortex-m7", "none"),
    ("thumbv8m.main-none-eabi", "cortex-m33", "none"),
    ("thumbv7em-none-eabihf", "cortex-m4", "fpv4-sp-d16"),
    ("thumbv8m.main-none-eabi", "cortex-m33", "fpv5-sp-d16"),
];

/// One way to compile.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub target: &'static str,
    pub cpu: &'static str,
    pub fpu: &'static str,
    pub allocator: AllocatorKind,
    pub opt_level: OptLevel,
}

impl Config {
    /// Every processor, unit and allocator, and every level for those that do not take the most time.
    pub fn all() -> Vec<Config> {
        let mut all = Vec::new();
        for (target, cpu, fpu) in CPUS {
            for allocator in AllocatorKind::ALL {
                let slow = matches!(
                    allocator,
                    AllocatorKind::Coloring | AllocatorKind::Belady | AllocatorKind::Portfolio
                );
                let levels = if slow { &OPT_LEVELS[1..2] } else { &OPT_LEVELS[..] };
                for &opt_level in levels {
                    all.push(Config { target, cpu, fpu, allocator, opt_level });
                }
            }
        }
        all
    }

    /// With the allocation checker.
    pub fn compiler(&self) -> Compiler {
        Compiler::new()
            .target(self.target)
            .cpu(self.cpu)
            .fpu(self.fpu)
            .regalloc(self.allocator)
            .opt_level(self.opt_level)
            .traps(self.traps())
            .runtime(RuntimeLibrary::Builtin)
            .check(true)
            .threads(1)
    }

    /// Some configurations call the host to trap, among them one of each processor and unit.
    pub fn traps(&self) -> TrapMode {
        match (self.allocator, self.opt_level) {
            (AllocatorKind::Fastalloc, OptLevel::Speed) => TrapMode::Call,
            (AllocatorKind::Ion, OptLevel::Size) => TrapMode::Call,
            _ => TrapMode::Udf,
        }
    }

    pub fn board(&self) -> Board {
        let settings = self.compiler().settings().expect("a target");
        let board = Board::for_settings(&settings).expect("an emulated processor");
        Board { budget: 100_000_000, ..board }
    }
}

impl std::fmt::Display for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Config { target, cpu, fpu, opt_level, .. } = self;
        let calls = if self.traps() == TrapMode::Call { " calls" } else { "" };
        write!(f, "{target} {cpu} {fpu} {} -O {opt_level:?}{calls}", self.allocator.name())
    }
}

/// Runs the program.
pub fn windlass(directory: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_windlass"))
        .current_dir(directory)
        .args(args)
        .output()
        .expect("the program starts")
}

/// Instantiates on the emulator, with [`host_call`] behind every imported function.
pub fn instantiate(
    artifact: &Artifact,
    board: Board,
    memory_bytes: Option<u32>,
) -> Result<Result<Instance, Trap>, String> {
    let Artifact { module, object, .. } = artifact;
    let interface = module.interface.as_ref().ok_or("no interface")?;
    let define = |store: &mut Store, linker: &mut Linker| {
        for import in &interface.imports {
            let ExternType::Func(ty) = &import.ty else { continue };
            let name = import.wasm_name.clone();
            let function = store.host_function(ty.clone(), move |memory, args| {
                let (results, write) = host_call(&name, args);
                if let Some((address, byte)) = write {
                    memory.write(address, &[byte]).expect("a host write within memory");
                }
                results
            });
            linker.define(&import.wasm_module, &import.wasm_name, function);
        }
    };
    Instance::new(module, object, board, memory_bytes, define).map_err(|e| e.to_string())
}

/// What tests import, by name: results, and a byte to write.
pub fn host_call(name: &str, args: &[Val]) -> (Vec<Val>, Option<(u32, u8)>) {
    let words: Vec<i32> = args.iter().map(|arg| arg.bits() as i32).collect();
    let weighted = |words: &[i32]| {
        let terms = words.iter().zip(1..).map(|(&w, i)| w.wrapping_mul(i));
        terms.fold(0, i32::wrapping_add)
    };
    match name {
        "nothing" => (vec![], None),
        "add" => (vec![Val::I32(words[0].wrapping_add(words[1]))], None),
        "mix" => (vec![Val::I32(weighted(&words))], None),
        "swap" => (vec![Val::I32(words[1]), Val::I32(words[0])], None),
        name if name.starts_with("reverse") => (args.iter().rev().copied().collect(), None),
        "poke" => (vec![], Some((words[0] as u32, words[1] as u8))),
        other => panic!("no host function {other}"),
    }
}

/// The exported memory's or the only memory's bytes.
pub fn emulator_memory(instance: &Instance) -> Vec<u8> {
    let bytes = instance.memory_bytes().expect("an instance");
    instance.read_memory(0, bytes).expect("the memory")
}
