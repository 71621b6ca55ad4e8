//! Generated modules, compiled with every allocator and executed, against wasmi.

pub mod generate;
pub mod observe;
pub mod shrink;
#[path = "../tests/common/values.rs"]
mod values;

use observe::Observed;
use std::panic::{AssertUnwindSafe, catch_unwind};
use windlass::{AllocatorKind, Trap};

/// What came of a module that behaves alike everywhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Agreement {
    /// So many calls returned, and so many trapped.
    Calls {
        returned: usize,
        trapped: usize,
    },
    TrappedEarly,
    /// Bytes that are no module, or one that takes too long.
    Skipped,
}

/// Executes the module that `bytes` stand for, as `allocators` compile it. An error says who differs
/// from wasmi, and how.
pub fn compare(
    bytes: &[u8],
    allocators: impl Fn(&[u8]) -> Vec<AllocatorKind>,
) -> Result<Agreement, String> {
    let Some(wasm) = generate::module(bytes) else { return Ok(Agreement::Skipped) };
    let expected = observe::in_wasmi(&wasm)?;
    // wasmi 2.0.0 mistranslates some selects by a negated comparison, which guard divisors here.
    let wrong = |trap| trap != Trap::Unreachable;
    if !generate::may_trap(bytes) && expected.traps().any(wrong) {
        return Ok(Agreement::Skipped);
    }
    compare_with(&wasm, expected, &allocators(&wasm))
}

/// Executes a module.
#[allow(dead_code, reason = "the command uses it")]
pub fn compare_module(wasm: &[u8]) -> Result<Agreement, String> {
    compare_with(wasm, observe::in_wasmi(wasm)?, &some_allocators(wasm))
}

fn compare_with(
    wasm: &[u8],
    expected: Observed,
    allocators: &[AllocatorKind],
) -> Result<Agreement, String> {
    if matches!(expected, Observed::Unbounded | Observed::Unlinkable) {
        return Ok(Agreement::Skipped);
    }
    for &allocator in allocators {
        let run = AssertUnwindSafe(|| observe::on_emulator(wasm, allocator));
        let observed = catch_unwind(run).unwrap_or_else(|_| Err("a panic".to_owned()));
        let observed = observed.map_err(|e| format!("{}: {e}", allocator.name()))?;
        if matches!(observed, Observed::Unbounded | Observed::Unlinkable) {
            return Ok(Agreement::Skipped);
        }
        if observed != expected {
            return Err(format!("{}: {}", allocator.name(), difference(&observed, &expected)));
        }
    }
    Ok(match expected {
        Observed::Ran { ref calls, .. } => {
            let trapped = expected.traps().count();
            Agreement::Calls { returned: calls.len() - trapped, trapped }
        }
        _ => Agreement::TrappedEarly,
    })
}

/// The fast allocators, and one of the slow ones, which one depending on the module.
pub fn some_allocators(wasm: &[u8]) -> Vec<AllocatorKind> {
    use AllocatorKind::{Belady, Coloring, Fastalloc, Greedy, Ion, Portfolio};
    vec![Ion, Fastalloc, Greedy, [Belady, Coloring, Portfolio][wasm.len() % 3]]
}

/// The first thing that differs.
fn difference(observed: &Observed, expected: &Observed) -> String {
    let (
        Observed::Ran { calls, globals, memories },
        Observed::Ran { calls: their_calls, globals: their_globals, memories: their_memories },
    ) = (observed, expected)
    else {
        return format!("{}, wasmi {}", summary(observed), summary(expected));
    };
    for (index, (ours, theirs)) in calls.iter().zip(their_calls).enumerate() {
        if ours != theirs {
            return format!("call {index} of {}: {:?}, wasmi {:?}", ours.0, ours.1, theirs.1);
        }
    }
    for (ours, theirs) in globals.iter().zip(their_globals) {
        if ours != theirs {
            return format!("global {}: {:?}, wasmi {:?}", ours.0, ours.1, theirs.1);
        }
    }
    for (ours, theirs) in memories.iter().zip(their_memories) {
        let at = ours.1.iter().zip(&theirs.1).position(|(a, b)| a != b);
        if let Some(at) = at {
            return format!("memory {} at {at}: {}, wasmi {}", ours.0, ours.1[at], theirs.1[at]);
        }
        if ours != theirs {
            let (ours, theirs) = (ours.1.len(), theirs.1.len());
            return format!("a memory of {ours} bytes, wasmi {theirs}");
        }
    }
    "what is exported".to_owned()
}

fn summary(observed: &Observed) -> String {
    match observed {
        Observed::Early(trap) => format!("traps early: {trap}"),
        Observed::Ran { .. } => "runs".to_owned(),
        Observed::Unbounded => "takes too long".to_owned(),
        Observed::Unlinkable => "cannot be linked".to_owned(),
    }
}
