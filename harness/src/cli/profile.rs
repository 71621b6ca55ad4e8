//! `windlass compare --profile`: what each allocator's code executes in the same call.

use super::call::{Called, Setting};
use super::traffic;
use crate::report::schema::{ByAllocator, Dynamic, Execution, Measured, Profile};
use crate::store::Outcome;
use crate::value::Val;
use crate::{Artifact, Compiler};
use anyhow::{Result, bail};
use std::hash::{DefaultHasher, Hash, Hasher};

/// A call of one allocator's code.
pub struct Run {
    dynamic: Vec<Dynamic>,
    execution: Execution,
    results: Vec<Val>,
    /// A hash of the linear memory afterwards.
    memory: u64,
}

/// Calls a function. `compiler` compiles what is to be loaded before.
pub fn run(
    artifact: &Artifact,
    compiler: &Compiler,
    setting: &Setting,
    invocation: &[String],
) -> Result<Run> {
    if artifact.module.interface.is_none() {
        bail!("--profile calls exports of a wasm module: functions of a .clif file are none");
    }
    let Called { store, instance, outcome, cost, .. } =
        setting.call(artifact, compiler, invocation)?;
    let results = match outcome {
        Outcome::Returned(results) => results,
        Outcome::Trapped(trap) => bail!("trap: {trap}"),
    };
    let dynamic = traffic::executed(artifact, store.machine(), store.image(instance));
    let sum = |of: fn(&Dynamic) -> u64| dynamic.iter().map(of).sum();
    let execution = Execution {
        insts: cost.instructions,
        cycles: cost.cycles,
        spill_stores: sum(|f| f.spill_stores),
        reloads: sum(|f| f.reloads),
    };
    let mut memory = DefaultHasher::new();
    let bytes = store.memory_bytes(instance)?;
    if bytes > 0 {
        store.read_memory(instance, 0, bytes)?.hash(&mut memory);
    }
    Ok(Run { dynamic, execution, results, memory: memory.finish() })
}

/// Brings the runs of a module together, if there were any; they must have come to the same.
pub fn combine(
    measured: Vec<(Measured, Option<Run>)>,
    invocation: &[String],
) -> Result<(Vec<Measured>, Option<Profile>)> {
    let (mut modules, runs): (Vec<Measured>, Vec<Option<Run>>) = measured.into_iter().unzip();
    let runs: Vec<Run> = runs.into_iter().flatten().collect();
    let Some(first) = runs.first() else { return Ok((modules, None)) };
    let mut profile = Profile {
        module: modules[0].artifact.module.name.clone(),
        function: invocation.first().cloned().unwrap_or_default(),
        arguments: invocation.iter().skip(1).cloned().collect(),
        results: first.texts(),
        allocators: ByAllocator::default(),
    };
    for (module, run) in modules.iter_mut().zip(&runs) {
        if !run.agrees_with(first) {
            bail!(
                "allocator {} came to ({}), not to ({}), or left another memory",
                module.allocator.name(),
                run.texts().join(", "),
                first.texts().join(", ")
            );
        }
        module.dynamic = Some(run.dynamic.clone());
        profile.allocators.0.push((module.allocator, run.execution));
    }
    Ok((modules, Some(profile)))
}

impl Run {
    fn texts(&self) -> Vec<String> {
        self.results.iter().map(Val::to_string).collect()
    }

    fn agrees_with(&self, other: &Run) -> bool {
        let bits = |run: &Run| run.results.iter().map(|value| value.bits()).collect::<Vec<_>>();
        bits(self) == bits(other) && self.memory == other.memory
    }
}
