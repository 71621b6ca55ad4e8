//! The passes behind allocation, and the symbolic execution that verifies them.

use regalloc2::checker::Checker;
use regalloc2::{Allocation, Function, Inst, MachineEnv, SpillSlot};

use crate::regalloc::testing::{Rng, env, r, random};
use crate::regalloc::validate::validate;
use crate::regalloc::*;

fn problems(count: u64) -> impl Iterator<Item = (u64, Problem, MachineEnv)> {
    (0..count).map(|seed| (seed, random(seed), env(4 + (seed % 6) as usize)))
}

#[test]
fn improved_answers_are_right_and_cost_no_more() {
    for kind in AllocatorKind::ALL {
        let (mut before, mut after) = (AllocStats::default(), AllocStats::default());
        let mut dropped = 0;
        for (seed, problem, env) in problems(300) {
            let Ok(mut result) = run(kind, &problem, &env, false) else { continue };
            let first = stats(&problem, &result);
            if let Err(error) = improve(&problem, &env, &mut result, true) {
                panic!("{} on seed {seed}: {error}\n{problem:?}", kind.name());
            }
            let last = stats(&problem, &result);
            assert!(last.cost <= first.cost, "{} on seed {seed}", kind.name());
            assert!(last.slots <= first.slots, "{} on seed {seed}", kind.name());
            let add = |sum: &mut AllocStats, one: &AllocStats| {
                sum.spill_stores += one.spill_stores;
                sum.reloads += one.reloads;
                sum.moves += one.moves;
                sum.remats += one.remats;
                sum.slots += one.slots;
            };
            add(&mut before, &first);
            add(&mut after, &last);
            dropped += result.dropped.len();
        }
        println!("{}: {before:?} -> {after:?}, dropped {dropped}", kind.name());
        assert!(after.remats > 0 && dropped > 0, "{}", kind.name());
    }
}

/// One wrong or right change of an answer.
fn mutate(problem: &Problem, result: &mut AllocResult, rng: &mut Rng) {
    let place = |rng: &mut Rng, slots: usize| match rng.below(3) {
        0 if slots > 0 => Allocation::stack(SpillSlot::new(rng.below(slots))),
        _ => Allocation::reg(r(rng.below(9))),
    };
    let slots = result.num_spillslots;
    if result.edits.is_empty() || rng.chance(40) {
        let inst = Inst::new(rng.below(problem.num_insts()));
        let operands = problem.inst_operands(inst);
        let values = |i: &usize| operands[*i].as_fixed_nonallocatable().is_none();
        if let Some(operand) = (0..operands.len()).rfind(values) {
            result.inst_allocs_mut(inst)[operand] = place(rng, slots);
        }
        return;
    }
    let nth = rng.below(result.edits.len());
    let follows = nth > 0 && result.edits[nth].0 == result.edits[nth - 1].0;
    match (rng.below(4), &mut result.edits[nth].1) {
        (0, Edit::Move { from, .. }) => *from = place(rng, slots),
        (1, Edit::Move { to, .. }) => *to = place(rng, slots),
        (2, edit) if follows => {
            let moved = edit.clone();
            let before = core::mem::replace(&mut result.edits[nth - 1].1, moved);
            result.edits[nth].1 = before;
        }
        _ => _ = result.edits.remove(nth),
    }
}

/// regalloc2's checker lets a scratch register keep its value across instructions.
fn with_scratch(env: &MachineEnv) -> MachineEnv {
    let mut env = env.clone();
    for class in CLASSES {
        let scratch = env.scratch_by_class[class as usize];
        scratch.into_iter().for_each(|r| env.non_preferred_regs_by_class[class as usize].add(r));
    }
    env
}

#[test]
fn execution_lets_no_mutated_answer_pass_that_the_checker_of_regalloc2_does_not() {
    let (mut right, mut wrong, mut laxer) = (0, 0, 0);
    for (seed, problem, env) in problems(400) {
        let mut rng = Rng::new(seed);
        for kind in [AllocatorKind::Ion, AllocatorKind::Greedy, AllocatorKind::Belady] {
            let Ok(mut result) = run(kind, &problem, &env, false) else { continue };
            mutate(&problem, &mut result, &mut rng);
            let between_classes = result.edits.iter().any(|(_, edit)| match edit {
                Edit::Move { from, to } => {
                    from.as_reg().zip(to.as_reg()).is_some_and(|(a, b)| a.class() != b.class())
                        || from.is_stack() && to.is_stack()
                }
                Edit::Remat { .. } => false,
            });
            if between_classes {
                assert!(validate(&problem, &env, &result).is_err());
                continue;
            }
            let ours = validate(&problem, &with_scratch(&env), &result);
            let output = result.to_output().expect("nothing is computed again");
            let theirs = guard("the checker", || {
                let mut checker = Checker::new(&problem, &env);
                checker.prepare(&output);
                checker.run().map_err(|errors| AllocError::Wrong(format!("{errors:?}")))
            });
            // Theirs is laxer: it compares no register classes, and no reused input's place with
            // its output's.
            if ours.is_ok() {
                assert!(theirs.is_ok(), "seed {seed}: {theirs:?}\n{problem:?}");
            }
            *if ours.is_ok() { &mut right } else { &mut wrong } += 1;
            laxer += u32::from(ours.is_err() && theirs.is_ok());
        }
    }
    assert!(laxer * 20 < wrong, "{laxer} wrong answers pass the checker of regalloc2");
    assert!(right > 50 && wrong > 50, "{right} right, {wrong} wrong");
}

#[test]
fn only_what_can_be_computed_again_is_dropped() {
    for (_, problem, env) in problems(50) {
        let Ok(result) = run(AllocatorKind::Belady, &problem, &env, false) else { continue };
        for inst in (0..problem.num_insts()).map(Inst::new) {
            let mut result = result.clone();
            result.dropped.push(inst);
            if problem.remat_cost(inst).is_none() {
                assert!(check(&problem, &env, &result).is_err());
            }
        }
    }
}
