//! Where values are along the program, and the pressure there.

use std::collections::BTreeSet;

use regalloc2::{Allocation, Function, Inst, OperandKind, OperandPos, ProgPoint, SpillSlot, VReg};

use crate::regalloc::testing::{Builder, env, r, random};
use crate::regalloc::*;

#[test]
fn a_spilled_value_stays_in_its_register_then_in_its_slot() {
    let mut builder = Builder::default();
    let block = builder.block(0);
    let a = builder.def(block);
    let b = builder.def(block);
    builder.read(block, &[b]);
    builder.read(block, &[a]);
    builder.ret(block, &[]);
    let problem = builder.finish();
    let (r0, slot) = (Allocation::reg(r(0)), Allocation::stack(SpillSlot::new(0)));
    let before = |inst| ProgPoint::before(Inst::new(inst));
    let after = |inst| ProgPoint::after(Inst::new(inst));
    let result = AllocResult {
        num_spillslots: 1,
        edits: vec![
            (before(1), Edit::Move { from: r0, to: slot }),
            (before(3), Edit::Move { from: slot, to: r0 }),
        ],
        allocs: vec![r0; 4],
        inst_alloc_offsets: vec![0, 1, 2, 3, 4],
        dropped: vec![],
    };
    check(&problem, &env(1), &result).unwrap();
    let found = stays(&problem, &result);
    assert_eq!(found.edits, [Some(a), Some(a)]);
    let stay = |place, vreg, start, end| Stay { place, vreg, start, end };
    assert_eq!(
        found.stays,
        [
            stay(r0, a, after(0), before(1)),
            stay(r0, b, after(1), after(2)),
            stay(r0, a, before(3), after(3)),
            stay(slot, a, before(1), before(3)),
        ]
    );
}

#[test]
fn every_operand_and_every_value_on_its_way_to_a_use_has_a_stay() {
    let mut seen = 0;
    for seed in 0..150 {
        let (problem, env) = (random(seed), env(4 + (seed % 6) as usize));
        for kind in AllocatorKind::ALL {
            let Ok(mut result) = run(kind, &problem, &env, false) else { continue };
            let what = format!("seed {seed}: {}", kind.name());
            seen += stays_hold(&problem, &result, true, &what);
            improve(&problem, &env, &mut result, false).unwrap();
            // Values are computed again, and one place may serve under two names.
            seen += stays_hold(&problem, &result, false, &format!("{what}, improved"));
        }
    }
    assert!(seen > 10_000, "only {seen} operands");
}

fn stays_hold(problem: &Problem, result: &AllocResult, is_plain: bool, what: &str) -> usize {
    let found = stays(problem, result);
    assert_eq!(found.edits.len(), result.edits.len(), "{what}");
    for pair in found.stays.windows(2) {
        let [first, second] = pair else { continue };
        let apart = first.place != second.place || first.end <= second.start;
        assert!(apart && first.start < first.end, "{what}: {first:?} {second:?}");
    }
    operands_have_stays(problem, result, &found.stays, is_plain, what)
}

/// Each operand's place holds something. If answers are plain, it is the operand, and each value is
/// somewhere until it is read, except that a parameter and its argument may stand for each other.
/// Tells how many operands were looked at.
fn operands_have_stays(
    problem: &Problem,
    result: &AllocResult,
    stays: &[Stay],
    is_plain: bool,
    what: &str,
) -> usize {
    let mut seen = 0;
    let has_twins = twins(problem);
    let at = |vreg: VReg, point: ProgPoint, place: Option<Allocation>| {
        stays.iter().any(|stay| {
            (stay.vreg == vreg || !is_plain || has_twins.contains(&vreg))
                && (stay.start..stay.end).contains(&point)
                && place.is_none_or(|place| place == stay.place)
        })
    };
    for block in blocks(problem) {
        // Values that are read further down.
        let mut wanted: Vec<VReg> = vec![];
        for inst in problem.block_insns(block).iter().rev() {
            if result.is_dropped(inst) {
                continue;
            }
            let (early, late) = (ProgPoint::before(inst), ProgPoint::after(inst));
            let operands = problem.inst_operands(inst).iter().zip(result.inst_allocs(inst));
            for (op, &place) in operands.filter(|(op, _)| op.as_fixed_nonallocatable().is_none()) {
                let point = if op.pos() == OperandPos::Early { early } else { late };
                assert!(at(op.vreg(), point, Some(place)), "{what}: {op} in {place} at {point:?}");
                seen += 1;
                match op.kind() {
                    OperandKind::Def => wanted.retain(|&vreg| vreg != op.vreg()),
                    OperandKind::Use => wanted.push(op.vreg()),
                }
            }
            for &vreg in wanted.iter().filter(|_| is_plain) {
                assert!(at(vreg, early, None), "{what}: {vreg} is nowhere at {early:?}");
            }
        }
    }
    seen
}

/// Parameters and the arguments that are passed to them.
fn twins(problem: &Problem) -> BTreeSet<VReg> {
    let mut twins = BTreeSet::new();
    for block in blocks(problem) {
        let term = problem.block_insns(block).last();
        for succ in 0..problem.block_succs(block).len() {
            if problem.is_branch(term) {
                twins.extend(branch_args(problem, block, term, succ).flat_map(|(a, p)| [a, p]));
            }
        }
    }
    twins
}

#[test]
fn the_highest_pressure_along_the_program_is_the_peak() {
    for seed in 0..500 {
        let (problem, env) = (random(seed), env(4 + (seed % 6) as usize));
        let along = pressure_along(&problem, &env);
        let peaks = CLASSES.map(|class| {
            let at = class as usize;
            along.iter().map(|inst| inst.early[at].max(inst.late[at])).max().unwrap_or(0)
        });
        assert_eq!(peaks, peak_pressure(&problem), "seed {seed}");
        let worst = excess_by_class(&problem, &env);
        for (class, worst) in CLASSES.into_iter().zip(worst) {
            let at = class as usize;
            let with_values = along.iter().filter(|inst| inst.early[at].max(inst.late[at]) > 0);
            let found = with_values.map(|inst| inst.excess[at]).max();
            assert_eq!(worst, found, "seed {seed}: {class:?}");
        }
    }
}
