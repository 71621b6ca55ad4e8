//! Every corpus program, by every allocator, at every level, for every processor, computes on the
//! emulator what it computes in wasmi: the same result, trap and memory.

mod common;

use common::oracle::Oracle;
use common::{Config, corpus, emulator_memory, instantiate};
use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;
use std::sync::Arc;
use windlass::store::Outcome;

/// The budget that programs of the corpus promise to keep.
const MAX_INSTRUCTIONS: u64 = 2_000_000;

/// What the host hands over: as far as the memory of any program may grow.
const MEMORY_BYTES: u32 = 3 << 16;

fn main() -> ExitCode {
    let mut trials = Vec::new();
    for (name, wasm) in corpus() {
        let wasm = Arc::new(wasm);
        for config in Config::all() {
            let test = format!("{name} {config}");
            let (name, wasm) = (name.clone(), wasm.clone());
            trials.push(Trial::test(test, move || check(&name, &wasm, config)));
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn check(name: &str, wasm: &[u8], config: Config) -> Result<(), Failed> {
    let mut oracle = Oracle::new(wasm)?.map_err(|trap| format!("wasmi traps: {trap}"))?;
    let expected = oracle.invoke("run", &[])?;

    let artifact = config.compiler().name(name).compile_wasm(wasm)?;
    let instance = instantiate(&artifact, config.board(), Some(MEMORY_BYTES))?;
    let mut instance = instance.map_err(|trap| format!("instantiation traps: {trap}"))?;
    let (outcome, cost) = instance.invoke("run", &[])?;
    if outcome != expected {
        return Err(format!("{outcome:?}, in wasmi {expected:?}").into());
    }
    if !matches!(outcome, Outcome::Returned(_)) {
        return Err(format!("a corpus program traps: {outcome:?}").into());
    }
    let optimised = config.opt_level != windlass::OptLevel::None;
    if optimised && cost.instructions > MAX_INSTRUCTIONS && config.allocator.name() == "ion" {
        return Err(format!("{} instructions are too many", cost.instructions).into());
    }
    compare_memory(&emulator_memory(&instance), &oracle.memory().unwrap_or_default())?;
    Ok(())
}

/// The first difference, if any.
fn compare_memory(ours: &[u8], theirs: &[u8]) -> Result<(), String> {
    if theirs.is_empty() {
        return Err("the program exports no memory to compare".into());
    }
    if ours.len() != theirs.len() {
        return Err(format!("{} bytes of memory, in wasmi {}", ours.len(), theirs.len()));
    }
    match ours.iter().zip(theirs).position(|(a, b)| a != b) {
        Some(at) => Err(format!("byte {at:#x} is {}, in wasmi {}", ours[at], theirs[at])),
        None => Ok(()),
    }
}
