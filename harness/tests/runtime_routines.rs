//! The run-time routines as windlass compiles them, on the emulator, against the host's arithmetic.
//!
//! The arguments and what is right are those of `backend/src/runtime/tests`, which executes the same
//! CLIF on the host. A driver for each routine calls it for an array of arguments in emulated memory,
//! so that thousands of calls are one run.

mod common;
#[path = "../../backend/src/runtime/tests/oracle.rs"]
mod oracle;
#[path = "../../backend/src/runtime/tests/patterns.rs"]
mod patterns;

use common::{CPUS, Config};
use cranelift_codegen::ir::Type;
use cranelift_codegen::ir::types::I32;
use oracle::Mismatch;
use patterns::{Random, Source};
use rayon::prelude::*;
use std::fmt::Write;
use windlass::emulator::Emulator;
use windlass::machine::{Board, Machine, NoHost};
use windlass::value::Val;
use windlass::{AllocatorKind, Artifact, OptLevel};
use windlass_backend::isa::Isa;
// Where the included files look for it.
use windlass_backend::runtime::{self, RuntimeCall};
use windlass_isa_thumb2::Thumb2;
use windlass_isa_thumb2::settings::TargetOptions;

/// Calls in one run: so many bytes of arguments and results are mapped.
const BATCH: usize = 1 << 15;
/// Bytes of a list of arguments and of a list of results: at most two of 64 bits.
const SLOT: usize = 16;
/// Instructions that a call may take, its driver included.
const CALL_BUDGET: u64 = 5_000;

fn arithmetic() -> Vec<RuntimeCall> {
    let memory = [RuntimeCall::Memmove, RuntimeCall::Memset];
    RuntimeCall::all().into_iter().filter(|call| !memory.contains(call)).collect()
}

fn config(cpu: usize, allocator: AllocatorKind, opt_level: OptLevel) -> Config {
    let (target, cpu, fpu) = CPUS[cpu];
    Config { target, cpu, fpu, allocator, opt_level }
}

/// `drive_<routine>(count, arguments, results)` in CLIF.
fn driver(call: RuntimeCall, symbol: &str) -> String {
    let (params, results) = call.types(I32);
    let list =
        |types: &[Type]| types.iter().map(|ty| ty.to_string()).collect::<Vec<_>>().join(", ");
    let mut text = format!(
        "function %drive_{call}(i32, i32, i32) system_v {{
    fn0 = %{symbol}({}) -> {} system_v
block0(v0: i32, v1: i32, v2: i32):
    jump block1(v0, v1, v2)
block1(v3: i32, v4: i32, v5: i32):\n",
        list(&params),
        list(&results)
    );
    let values = |first: usize, count: usize| {
        (first..first + count).map(|n| format!("v{n}")).collect::<Vec<_>>().join(", ")
    };
    for (n, ty) in params.iter().enumerate() {
        let _ = writeln!(text, "    v{} = load.{ty} notrap aligned v4+{}", 10 + n, 8 * n);
    }
    let (args, returned) = (values(10, params.len()), values(20, results.len()));
    let _ = writeln!(text, "    {returned} = call fn0({args})");
    for n in 0..results.len() {
        let _ = writeln!(text, "    store notrap aligned v{}, v5+{}", 20 + n, 8 * n);
    }
    let _ = writeln!(
        text,
        "    v30 = iconst.i32 {SLOT}
    v31 = iconst.i32 1
    v32 = isub v3, v31
    v33 = iadd v4, v30
    v34 = iadd v5, v30
    brif v32, block1(v32, v33, v34), block2
block2:
    return
}}"
    );
    text
}

/// The drivers with all routines.
fn compile(config: &Config) -> Artifact {
    let [triple, cpu, fpu] =
        [config.target, config.cpu, config.fpu].map(|name| Some(name.to_owned()));
    let isa = Thumb2::new(&TargetOptions { triple, cpu, fpu, reg_env: None }).expect("a target");
    let drivers = arithmetic().into_iter().map(|call| driver(call, &isa.runtime_symbol(call)));
    let text: String = drivers.collect();
    config.compiler().name("m").compile_clif(&text).unwrap_or_else(|e| panic!("{config}: {e}"))
}

/// Arguments with the results that they must have.
struct Case {
    args: Vec<u64>,
    expected: Vec<u64>,
}

/// A routine with its driver on a board of its own.
struct Bench {
    config: Config,
    call: RuntimeCall,
    machine: Machine,
    driver: u32,
    args: u32,
    results: u32,
    instructions: u64,
}

impl Bench {
    fn new(config: &Config, artifact: &Artifact, call: RuntimeCall) -> Bench {
        let board = Board { budget: CALL_BUDGET * BATCH as u64, ..config.board() };
        let mut machine = Machine::new(&artifact.object, board).expect("a program");
        let bytes = (BATCH * SLOT) as u32;
        Bench {
            config: *config,
            call,
            driver: machine.function(0, &format!("drive_{call}")).expect("a driver"),
            args: machine.map_block(bytes).expect("room"),
            results: machine.map_uninitialised(bytes).expect("room"),
            machine,
            instructions: 0,
        }
    }

    /// Compares the routine for at most [`BATCH`] lists of arguments.
    fn check_batch(&mut self, batch: &[Case]) {
        let Bench { config, call, .. } = *self;
        let mut bytes = Vec::with_capacity(batch.len() * SLOT);
        for Case { args, .. } in batch {
            let both = [args[0], args.get(1).copied().unwrap_or(0)];
            bytes.extend(both.into_iter().flat_map(u64::to_le_bytes));
        }
        self.machine.emulator.write(self.args, &bytes).expect("mapped");
        let words = [batch.len() as u32, self.args, self.results];
        let words = words.map(|word| Val::I32(word as i32));
        let ran = self.machine.call(self.driver, &words, 0, &mut NoHost);
        let (_, cost) = ran.unwrap_or_else(|e| panic!("{config}: {call}: {e}"));
        self.instructions += cost.instructions;
        self.machine.emulator.read(self.results, &mut bytes).expect("mapped");
        let types = call.types(I32).1;
        for (Case { args, expected }, slot) in batch.iter().zip(bytes.chunks_exact(SLOT)) {
            let results = types.iter().zip(slot.chunks_exact(8)).map(|(&ty, bytes)| {
                let bits = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
                if ty == I32 { bits & 0xffff_ffff } else { bits }
            });
            let results: Vec<u64> = results.collect();
            if let Err(Mismatch(why)) = oracle::compare(call, args, expected, &results) {
                panic!("{config}: {call}({args:x?}): got {results:x?}, not {expected:x?}: {why}");
            }
        }
    }

    /// The same for any number of them; those that are not for the routine are left out.
    fn check(&mut self, lists: impl Iterator<Item = Vec<u64>>) -> usize {
        let call = self.call;
        let mut cases = lists.filter_map(|args| {
            let expected = oracle::results(call, &args)?;
            Some(Case { args, expected })
        });
        let mut count = 0;
        loop {
            let batch: Vec<Case> = cases.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                return count;
            }
            count += batch.len();
            self.check_batch(&batch);
        }
    }
}

/// Checks every routine for the arguments that `lists` gives for its parameters.
fn check_all<I: Iterator<Item = Vec<u64>>>(
    config: &Config,
    lists: impl Fn(Vec<Source>) -> I + Sync,
) {
    let artifact = compile(config);
    let check = |call: RuntimeCall| {
        let mut bench = Bench::new(config, &artifact, call);
        let count = bench.check(lists(patterns::sources(call)));
        assert!(count > 0, "{call} was not called");
        (count, bench.instructions)
    };
    let counts: Vec<(usize, u64)> = arithmetic().into_par_iter().map(check).collect();
    let (calls, instructions) =
        counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    println!("{config}: {calls} calls, {instructions} instructions");
}

/// Every `stride`-th pair of edge patterns: all of them meet if it is 1.
fn pairs(sources: Vec<Source>, stride: usize) -> Box<dyn Iterator<Item = Vec<u64>>> {
    match sources[..] {
        [x] => Box::new(x.edges().map(|x| vec![x])),
        [x, y] => Box::new(
            x.edges().flat_map(move |x| y.edges().map(move |y| vec![x, y])).step_by(stride),
        ),
        _ => panic!("a routine of {} parameters", sources.len()),
    }
}

#[test]
fn all_pairs_of_edge_patterns() {
    let config = config(1, AllocatorKind::Ion, OptLevel::Speed);
    check_all(&config, |sources| pairs(sources, 1));
}

fn random(sources: Vec<Source>, count: usize) -> impl Iterator<Item = Vec<u64>> {
    let mut random = Random::new(0x5eed);
    (0..count).map(move |_| random.args(&sources))
}

#[test]
fn twenty_thousand_random_arguments_each() {
    let config = config(1, AllocatorKind::Ion, OptLevel::Speed);
    check_all(&config, |sources| random(sources, 20_000));
}

/// A processor of another instruction set; the other allocators, with and without optimisation.
fn others() -> Vec<Config> {
    let others = AllocatorKind::ALL.into_iter().filter(|&kind| kind != AllocatorKind::Ion);
    let levels = [OptLevel::Speed, OptLevel::None].into_iter().cycle();
    let others = others.zip(levels).map(|(kind, level)| config(1, kind, level));
    core::iter::once(config(0, AllocatorKind::Ion, OptLevel::Speed)).chain(others).collect()
}

/// A step that shares no factor with a number of patterns: each takes part about as often.
const STRIDE: usize = 61;

#[test]
fn pairs_of_edge_patterns_otherwise_compiled() {
    for config in others() {
        check_all(&config, |sources| pairs(sources, STRIDE));
    }
}

#[test]
#[ignore = "minutes"]
fn all_pairs_of_edge_patterns_otherwise_compiled() {
    for config in others() {
        check_all(&config, |sources| pairs(sources, 1));
    }
}
