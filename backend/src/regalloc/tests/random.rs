//! Every allocator and every measure on random problems, and what must hold between them.

use std::collections::{BTreeMap, BTreeSet};

use regalloc2::{
    Function, Inst, Operand, OperandConstraint, OperandKind, OperandPos, PReg, ProgPoint, VReg,
};

use crate::regalloc::testing::{env, random};
use crate::regalloc::*;

const PROBLEMS: u64 = 1000;

/// Random problems with environments from r0-r3 to r0-r8.
fn problems() -> impl Iterator<Item = (u64, Problem, MachineEnv)> {
    first_problems(PROBLEMS)
}

fn first_problems(count: u64) -> impl Iterator<Item = (u64, Problem, MachineEnv)> {
    (0..count).map(|seed| (seed, random(seed), env(4 + (seed % 6) as usize)))
}

fn all_pass(kind: AllocatorKind, count: u64) {
    for (seed, problem, env) in first_problems(count) {
        if let Err(error) = run(kind, &problem, &env, true) {
            panic!("{} on seed {seed}: {error}\n{problem:?}", kind.name());
        }
    }
}

#[test]
fn ion_passes_the_checker() {
    all_pass(AllocatorKind::Ion, PROBLEMS);
}

#[test]
fn fastalloc_passes_the_checker() {
    all_pass(AllocatorKind::Fastalloc, PROBLEMS);
}

#[test]
fn greedy_passes_the_checker() {
    all_pass(AllocatorKind::Greedy, PROBLEMS);
}

#[test]
fn coloring_passes_the_checker() {
    all_pass(AllocatorKind::Coloring, 2 * PROBLEMS);
}

#[test]
fn belady_passes_the_checker() {
    all_pass(AllocatorKind::Belady, 2 * PROBLEMS);
}

#[test]
fn no_spill_means_no_excess() {
    let (mut fitting, mut spilling, mut nameless) = (0, 0, 0);
    for (seed, problem, env) in problems().step_by(2) {
        let excess = excess(&problem, &env);
        for kind in AllocatorKind::ALL {
            let Ok(result) = run(kind, &problem, &env, false) else { continue };
            let stats = stats(&problem, &result);
            if stats.spill_stores + stats.reloads == 0 {
                // An argument whose parameter nothing reads may go for nothing.
                if excess > 0 && has_dead_parameters(&problem) {
                    continue;
                }
                assert!(
                    excess <= 0,
                    "seed {seed}: {} fits, excess {excess}\n{problem:?}",
                    kind.name()
                );
                assert_eq!((stats.spilled_values, stats.cost), (0, 0.0), "seed {seed}");
                fitting += 1;
            } else {
                spilling += 1;
                nameless += u32::from(stats.reloads > 0 && stats.spilled_values == 0);
            }
        }
    }
    assert!(fitting > 100, "only {fitting} allocations fit");
    // Only parameters that are passed on and on, and never read, leave traffic without a name.
    assert!(nameless * 100 < spilling, "{nameless} of {spilling}");
}

fn has_dead_parameters(problem: &Problem) -> bool {
    let naive = Naive::new(problem);
    blocks(problem).any(|block| {
        let live = &naive.before[problem.block_insns(block).first().index()];
        problem.block_params(block).iter().any(|param| !live.contains(param))
    })
}

#[test]
fn no_allocation_costs_less_than_the_bound_and_the_portfolio_no_more_than_its_parts() {
    let (mut tight, mut preferred) = (0, 0);
    for (seed, problem, env) in problems().step_by(2) {
        let bound = lower_bound(&problem, &env);
        let mut least = f64::INFINITY;
        let mut parts: Option<Price> = None;
        let fits = excess(&problem, &env) <= 0;
        for kind in AllocatorKind::ALL {
            let is_portfolio = kind == AllocatorKind::Portfolio;
            let Ok(result) = run(kind, &problem, &env, is_portfolio) else {
                assert!(!is_portfolio, "seed {seed}");
                continue;
            };
            let cost = stats(&problem, &result).cost;
            let name = kind.name();
            assert!(cost >= bound, "seed {seed}: {name} {cost}, bound {bound}\n{problem:?}");
            least = least.min(cost);
            let price = Price::of(&problem, &env, &result);
            if let Some(part) = parts.filter(|_| is_portfolio) {
                assert!(price.spills <= part.spills, "seed {seed}: {price:?}, others {part:?}");
                preferred += u32::from(price < part);
            }
            if kind == AllocatorKind::Belady || fits && kind == AllocatorKind::Ion {
                parts = Some(parts.filter(|part| *part < price).unwrap_or(price));
            }
        }
        tight += u32::from(bound > 0.0 && least == bound);
    }
    assert!(tight > 10, "only {tight} bounds are reached");
    assert!(preferred > 0, "no other preference gains");
}

/// Liveness by iteration over every instruction, as the textbook has it.
struct Naive {
    before: Vec<BTreeSet<VReg>>,
    after: Vec<BTreeSet<VReg>>,
}

fn operands(problem: &Problem, inst: Inst) -> impl Iterator<Item = Operand> {
    let operands = problem.inst_operands(inst).iter().copied();
    operands.filter(|op| op.as_fixed_nonallocatable().is_none())
}

fn with(problem: &Problem, inst: Inst, kind: OperandKind) -> BTreeSet<VReg> {
    operands(problem, inst).filter(|op| op.kind() == kind).map(|op| op.vreg()).collect()
}

impl Naive {
    fn new(problem: &Problem) -> Naive {
        let none = vec![BTreeSet::new(); problem.num_insts()];
        let mut naive = Naive { before: none.clone(), after: none };
        let mut changed = true;
        while changed {
            changed = false;
            for block in blocks(problem).rev() {
                for inst in problem.block_insns(block).iter().rev() {
                    changed |= naive.step(problem, block, inst);
                }
            }
        }
        naive
    }

    fn step(&mut self, problem: &Problem, block: Block, inst: Inst) -> bool {
        let mut after = BTreeSet::new();
        if inst != problem.block_insns(block).last() {
            after.clone_from(&self.before[inst.index() + 1]);
        } else {
            for (i, &succ) in problem.block_succs(block).iter().enumerate() {
                let mut into = self.before[problem.block_insns(succ).first().index()].clone();
                into.retain(|vreg| !problem.block_params(succ).contains(vreg));
                after.extend(into);
                after.extend(problem.branch_blockparams(block, inst, i));
            }
        }
        let mut before = &after - &with(problem, inst, OperandKind::Def);
        before.extend(with(problem, inst, OperandKind::Use));
        let changed = before != self.before[inst.index()];
        self.before[inst.index()] = before;
        self.after[inst.index()] = after;
        changed
    }

    fn early(&self, problem: &Problem, inst: Inst) -> BTreeSet<VReg> {
        let early = operands(problem, inst).filter(|op| op.pos() == OperandPos::Early);
        let mut live: BTreeSet<VReg> = early.map(|op| op.vreg()).collect();
        live.extend(&self.before[inst.index()]);
        live
    }

    fn late(&self, problem: &Problem, inst: Inst) -> BTreeSet<VReg> {
        let late = operands(problem, inst).filter(|op| op.pos() == OperandPos::Late);
        let mut live: BTreeSet<VReg> = late.map(|op| op.vreg()).collect();
        live.extend(with(problem, inst, OperandKind::Def));
        live.extend(&self.after[inst.index()]);
        live
    }
}

#[test]
fn peak_pressure_and_ranges_equal_brute_force() {
    for (seed, problem, _) in problems().step_by(4) {
        let naive = Naive::new(&problem);
        let ranges = value_ranges(&problem);
        let covers = |vreg: VReg, point: ProgPoint| {
            ranges.of(vreg).iter().any(|range| range.start <= point && point < range.end)
        };
        let mut vregs = BTreeSet::new();
        for inst in (0..problem.num_insts()).map(Inst::new) {
            vregs.extend(operands(&problem, inst).map(|op| op.vreg()));
        }
        vregs.extend(blocks(&problem).flat_map(|b| problem.block_params(b).to_vec()));
        let mut peak = [0; 3];
        for inst in (0..problem.num_insts()).map(Inst::new) {
            let points = [
                (ProgPoint::before(inst), naive.early(&problem, inst)),
                (ProgPoint::after(inst), naive.late(&problem, inst)),
            ];
            for (point, live) in points {
                for class in CLASSES {
                    let count = live.iter().filter(|v| v.class() == class).count() as u32;
                    peak[class as usize] = peak[class as usize].max(count);
                }
                for &vreg in &vregs {
                    let expected = live.contains(&vreg);
                    assert_eq!(
                        covers(vreg, point),
                        expected,
                        "seed {seed}: {vreg} {point:?}\n{problem:?}"
                    );
                }
            }
        }
        assert_eq!(peak_pressure(&problem), peak, "seed {seed}\n{problem:?}");
        for &vreg in &vregs {
            let sorted = ranges.of(vreg).windows(2).all(|pair| pair[0].end < pair[1].start);
            assert!(sorted, "seed {seed}: {vreg} {:?}", ranges.of(vreg));
        }
    }
}

/// Who is in which register at one moment.
#[derive(Default)]
struct Moment {
    holders: BTreeMap<PReg, Option<VReg>>,
    clash: Option<PReg>,
}

impl Moment {
    fn put(&mut self, preg: PReg, holder: Option<VReg>) {
        let before = self.holders.insert(preg, holder);
        if before.is_some_and(|before| before != holder || holder.is_none()) {
            self.clash = Some(preg);
        }
    }
}

/// Checks a colouring, given that moves at an instruction take values from their own registers to
/// fixed and reused ones and back. Reads nothing but operands and brute-force liveness.
fn clash(problem: &Problem, naive: &Naive, coloring: &Coloring, inst: Inst) -> Option<PReg> {
    let own = |live: &BTreeSet<VReg>| {
        let mut moment = Moment::default();
        for &vreg in live {
            moment.put(coloring.get(vreg).expect("a live value has a colour"), Some(vreg));
        }
        moment
    };
    let after = &naive.after[inst.index()];
    let late_uses: BTreeSet<VReg> = operands(problem, inst)
        .filter(|op| op.kind() == OperandKind::Use && op.pos() == OperandPos::Late)
        .map(|op| op.vreg())
        .collect();
    let ops: Vec<Operand> = problem.inst_operands(inst).to_vec();
    let fixed = |op: &Operand| match op.constraint() {
        OperandConstraint::FixedReg(preg) => Some(preg),
        _ => None,
    };
    // Values that only pass through a fixed or reused register here.
    let elsewhere = |vreg: VReg| {
        let mut mine = operands(problem, inst).filter(|op| op.vreg() == vreg);
        let defined = with(problem, inst, OperandKind::Def).contains(&vreg);
        let dies = !after.contains(&vreg);
        let reused = ops.iter().any(|op| match op.constraint() {
            OperandConstraint::Reuse(input) => ops[input].vreg() == vreg,
            _ => false,
        });
        if defined {
            mine.any(|op| fixed(&op).is_some())
        } else if late_uses.contains(&vreg) {
            dies && mine.any(|op| fixed(&op).is_some() && op.pos() == OperandPos::Late)
        } else {
            dies && (reused || mine.any(|op| fixed(&op).is_some()))
        }
    };
    let mut early =
        own(&naive.early(problem, inst).into_iter().filter(|&v| !elsewhere(v)).collect());
    let mut late = own(&naive.late(problem, inst).into_iter().filter(|&v| !elsewhere(v)).collect());
    for op in operands(problem, inst) {
        let is_use = op.kind() == OperandKind::Use;
        if let Some(preg) = fixed(&op) {
            if is_use || op.pos() == OperandPos::Early {
                early.put(preg, Some(op.vreg()));
            }
            if !is_use || op.pos() == OperandPos::Late {
                late.put(preg, Some(op.vreg()));
            }
        }
        if let OperandConstraint::Reuse(input) = op.constraint() {
            early.put(coloring.get(op.vreg()).expect("a colour"), Some(ops[input].vreg()));
        }
    }
    for preg in problem.inst_clobbers(inst) {
        late.put(preg, None);
    }
    let before = own(&naive.before[inst.index()]);
    let behind = own(after);
    [before, early, late, behind].into_iter().find_map(|moment| moment.clash)
}

#[test]
fn colorings_hold_and_imply_no_excess() {
    let (mut allocated, mut spurious) = (0, 0);
    for (seed, problem, env) in problems().step_by(2) {
        let excess = excess(&problem, &env);
        match allocate_function(&problem, &env) {
            Outcome::Allocated { coloring, .. } => {
                allocated += 1;
                assert!(excess <= 0, "seed {seed}: coloured with excess {excess}\n{problem:?}");
                let naive = Naive::new(&problem);
                for inst in (0..problem.num_insts()).map(Inst::new) {
                    let clash = clash(&problem, &naive, &coloring, inst);
                    assert_eq!(clash, None, "seed {seed}: inst{}\n{problem:?}", inst.index());
                }
            }
            Outcome::NeedsSpill(values) => {
                assert!(!values.is_empty());
                spurious += u32::from(excess <= 0);
            }
            Outcome::Declined(reason) => panic!("seed {seed}: {reason}\n{problem:?}"),
        }
    }
    assert!(allocated > 50, "{allocated} coloured, {spurious} not although they fit");
}
