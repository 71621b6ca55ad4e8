//! Compile throughput, in bytes of wasm code per second, beside cranelift's own on the same
//! functions in the same run.
//!
//! Cranelift compiles the CLIF that windlass's front end made, for pulley32, with the same level of
//! optimisation. The last lines give the ratios.

mod common;

use common::modules;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable, Flags};
use cranelift_codegen::{Context, ir};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::{Duration, Instant};
use windlass_backend::module::Module;
use windlass_backend::options::{AllocatorKind, CodegenOptions, OptLevel};
use windlass_isa_thumb2::Thumb2;
use windlass_isa_thumb2::settings::TargetOptions;

fn windlass(modules: &[Module], isa: &Thumb2, options: &CodegenOptions) {
    for module in modules {
        black_box(
            windlass_backend::compile_module(isa, &mut module.clone(), options).expect("code"),
        );
    }
}

fn cranelift_isa(allocator: &str) -> OwnedTargetIsa {
    let mut builder = settings::builder();
    builder.set("opt_level", "speed").expect("a setting");
    builder.set("regalloc_algorithm", allocator).expect("a setting");
    let triple = "pulley32".parse().expect("a triple");
    let isa = cranelift_codegen::isa::lookup(triple).expect("pulley");
    isa.finish(Flags::new(builder)).expect("an ISA")
}

/// Functions as cranelift takes them: symbols and conventions are the same to it.
fn cranelift(functions: &[ir::Function], isa: &OwnedTargetIsa) {
    for function in functions {
        let mut context = Context::for_function(function.clone());
        let code = context.compile(&**isa, &mut ControlPlane::default());
        black_box(code.map_err(|e| e.inner).expect("code"));
    }
}

fn bench(criterion: &mut Criterion) {
    let modules = modules();
    let bytes = modules.iter().flat_map(|m| &m.functions).map(|f| u64::from(f.wasm_bytes)).sum();
    let functions: Vec<_> =
        modules.iter().flat_map(|m| &m.functions).map(|f| f.clif.clone()).collect();
    let isa = Thumb2::new(&TargetOptions::default()).expect("a target");
    let mut group = criterion.benchmark_group("compile");
    group.throughput(Throughput::Bytes(bytes)).sample_size(20);
    let mut ratios = Vec::new();
    for (kind, theirs) in
        [(AllocatorKind::Ion, "backtracking"), (AllocatorKind::Fastalloc, "single_pass")]
    {
        let options = CodegenOptions {
            opt_level: OptLevel::Speed,
            allocator: Some(kind),
            threads: 1,
            ..CodegenOptions::default()
        };
        let their_isa = cranelift_isa(theirs);
        group.bench_function(format!("windlass {}", kind.name()), |b| {
            b.iter(|| windlass(&modules, &isa, &options));
        });
        group.bench_function(format!("cranelift pulley32 {theirs}"), |b| {
            b.iter(|| cranelift(&functions, &their_isa));
        });
        let ours = best_of(9, || windlass(&modules, &isa, &options));
        let other = best_of(9, || cranelift(&functions, &their_isa));
        ratios.push((kind, theirs, bytes as f64 / ours, bytes as f64 / other));
    }
    group.finish();
    for (kind, theirs, ours, other) in ratios {
        println!(
            "{}: {:.2} MB/s of wasm code, {:.2} times cranelift pulley32 {theirs} ({:.2} MB/s)",
            kind.name(),
            ours / 1e6,
            ours / other,
            other / 1e6,
        );
    }
}

/// Seconds of the fastest of some runs.
fn best_of(runs: u32, mut work: impl FnMut()) -> f64 {
    let time = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let best = (0..runs).map(|_| time(&mut work)).min();
    best.unwrap_or(Duration::MAX).as_secs_f64()
}

criterion_group!(benches, bench);
criterion_main!(benches);
