//! Reduction of problems on which an allocator fails.

use regalloc2::{Function, Inst, MachineEnv, PRegSet};

use crate::regalloc::reduce::reduce;
use crate::regalloc::saved::{Names, Saved, parse};
use crate::regalloc::testing::{env, random};
use crate::regalloc::*;

/// Forgets one load in a function that has a call.
struct Forgetful;

impl Allocator for Forgetful {
    fn name(&self) -> &'static str {
        "forgetful"
    }

    fn allocate<P: AllocProblem>(
        &self,
        problem: &P,
        env: &MachineEnv,
    ) -> Result<AllocResult, AllocError> {
        let mut result = Greedy.allocate(problem, env)?;
        let calls = (0..problem.num_insts()).filter(|&i| problem.is_call(Inst::new(i)));
        let is_load = |edit: &Edit| matches!(edit, Edit::Move { from, .. } if from.is_stack());
        let load = result.edits.iter().position(|(_, edit)| is_load(edit));
        if let (1.., Some(load)) = (calls.count(), load) {
            result.edits.remove(load);
        }
        Ok(result)
    }
}

fn is_wrong(saved: &Saved) -> bool {
    let result = Forgetful.allocate(&saved.problem, &saved.env);
    let checked = result.and_then(|result| check(&saved.problem, &saved.env, &result));
    matches!(checked, Err(AllocError::Wrong(_)))
}

fn saved(seed: u64) -> Saved {
    Saved { names: Names::default(), env: env(6), problem: random(seed) }
}

#[test]
fn a_wrong_allocation_shrinks_to_a_call_and_a_load() {
    let mut reduced = 0;
    for seed in 0..40 {
        let saved = saved(seed);
        if saved.problem.num_insts() < 30 || !is_wrong(&saved) {
            continue;
        }
        let mut candidates = 0;
        let small = reduce(&saved, |candidate| {
            candidates += 1;
            let read = parse(&candidate.to_string());
            assert_eq!(read.expect("well formed").to_string(), candidate.to_string());
            is_wrong(candidate)
        });
        assert!(is_wrong(&small));
        // A definition and its use in another block, a call somewhere, terminators.
        assert!(small.problem.num_insts() <= 7, "seed {seed}, {candidates} candidates:\n{small}");
        assert!(small.problem.num_blocks() <= 4, "seed {seed}:\n{small}");
        reduced += 1;
    }
    assert!(reduced > 5, "only {reduced} problems");
}

#[test]
fn a_difference_between_allocators_shrinks() {
    let cost = |kind, saved: &Saved| {
        let result = run(kind, &saved.problem, &saved.env, true).ok()?;
        Some(stats(&saved.problem, &result).cost)
    };
    let worse = |saved: &Saved| {
        let [greedy, belady] =
            [AllocatorKind::Greedy, AllocatorKind::Belady].map(|kind| cost(kind, saved));
        greedy.zip(belady).is_some_and(|(greedy, belady)| greedy > belady)
    };
    let saved = (0..).map(saved).find(|s| s.problem.num_insts() > 60 && worse(s)).unwrap();
    let small = reduce(&saved, worse);
    assert!(worse(&small) && small.problem.num_insts() <= 12, "{small}");
}

#[test]
fn what_always_fails_shrinks_to_a_return() {
    let small = reduce(&saved(3), |_| true);
    assert_eq!((small.problem.num_insts(), small.problem.num_vregs()), (1, 0), "{small}");
    assert_eq!(PRegSet::from(&small.env).into_iter().count(), 0, "{small}");
}
