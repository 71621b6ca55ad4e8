//! Each allocator's time beside what it gives, on the corpus with r0-r8 and on a module of a
//! thousand functions.
//!
//! The allocators take turns in one process on functions that were lowered before, and the fastest of
//! some rounds counts: the ratio to ion is to be trusted more than the time itself. The last line is
//! the time of `windlass compare` as a whole, with all allocators.

mod common;
#[path = "../tests/common/thousand.rs"]
mod thousand;

use comfy_table::{CellAlignment, Table, presets};
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};
use windlass_backend::isa::Isa;
use windlass_backend::module::{Function, FunctionRole, Module};
use windlass_backend::options::{AllocatorKind, CodegenOptions};
use windlass_backend::regalloc::run;
use windlass_backend::{Lowered, compile_lowered_module, lower_module};
use windlass_isa_thumb2::Thumb2;
use windlass_isa_thumb2::settings::TargetOptions;

const ROUNDS: usize = 7;

/// Modules with their functions up to register allocation.
struct Corpus {
    isa: Thumb2,
    modules: Vec<(Module, Vec<Lowered<Thumb2>>)>,
}

impl Corpus {
    fn new() -> Corpus {
        let isa = Thumb2::new(&TargetOptions::default()).expect("a target");
        let lower = |module: Module| {
            let lowered = lower_module(&isa, &module, &CodegenOptions::default());
            (module, lowered.expect("machine code"))
        };
        let modules = common::modules().into_iter().map(lower).collect();
        Corpus { isa, modules }
    }

    /// Those that came from wasm.
    fn functions(&self) -> impl Iterator<Item = &Lowered<Thumb2>> {
        let functions =
            self.modules.iter().flat_map(|(module, all)| module.functions.iter().zip(all));
        functions.filter(|(function, _)| is_own(function)).map(|(_, lowered)| lowered)
    }

    fn insts(&self) -> usize {
        self.functions().map(|function| function.vcode.insts.len()).sum()
    }

    /// Allocates every function once.
    fn time(&self, kind: AllocatorKind) -> Duration {
        let env = self.isa.machine_env();
        let start = Instant::now();
        for function in self.functions() {
            black_box(run(kind, &function.vcode, env, false).expect("an allocation"));
        }
        start.elapsed()
    }

    /// Cost, stores and reloads, moves, bytes.
    fn figures(&self, kind: AllocatorKind) -> [u64; 4] {
        let mut sums = [0; 4];
        let options = CodegenOptions { allocator: Some(kind), ..CodegenOptions::default() };
        for (module, functions) in &self.modules {
            let compiled =
                compile_lowered_module(&self.isa, &mut module.clone(), functions, &options);
            let compiled = compiled.expect("code").functions;
            let functions = module.functions.iter().zip(&compiled);
            for (_, function) in functions.filter(|(function, _)| is_own(function)) {
                let alloc = &function.stats.alloc;
                sums[0] += alloc.cost.round() as u64;
                sums[1] += u64::from(alloc.spill_stores + alloc.reloads);
                sums[2] += u64::from(alloc.moves);
                sums[3] += u64::from(function.stats.code_bytes);
            }
        }
        sums
    }
}

fn is_own(function: &Function) -> bool {
    matches!(function.role, FunctionRole::User { .. })
}

fn main() {
    // `cargo test --benches` only asks whether it starts.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    allocators();
    thousand_functions();
}

fn allocators() {
    let corpus = Corpus::new();
    let mut best = [Duration::MAX; AllocatorKind::ALL.len()];
    for _ in 0..ROUNDS {
        for (best, kind) in best.iter_mut().zip(AllocatorKind::ALL) {
            *best = corpus.time(kind).min(*best);
        }
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let header = ["allocator", "ns/inst", "time/ion", "cost", "stores+reloads", "moves", "bytes"];
    table.set_header(header);
    for (time, kind) in best.iter().zip(AllocatorKind::ALL) {
        let own = [
            kind.name().to_owned(),
            format!("{:.0}", time.as_secs_f64() * 1e9 / corpus.insts() as f64),
            format!("{:.2}", time.as_secs_f64() / best[0].as_secs_f64()),
        ];
        table.add_row(own.into_iter().chain(corpus.figures(kind).map(|n| n.to_string())));
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if i == 0 { 0 } else { 2 }, 0));
        if i > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let (functions, insts) = (corpus.functions().count(), corpus.insts());
    println!("{functions} functions, {insts} instructions, r0-r8, fastest of {ROUNDS} rounds\n");
    table.lines().for_each(|line| println!("{}", line.trim_end()));
}

fn thousand_functions() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("thousand.wat");
    std::fs::write(&path, thousand::thousand()).expect("a file");
    let all = AllocatorKind::ALL.map(AllocatorKind::name).join(",");
    let start = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
        .arg("compare")
        .arg(&path)
        .args(["--regalloc", &all])
        .output()
        .expect("the program");
    let time = start.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("\nwindlass compare of 1000 functions with {all}: {:.1} s", time.as_secs_f64());
}
