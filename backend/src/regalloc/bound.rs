//! A cost below which no allocation of a function can be.
//!
//! *Reloads.* Inside one block, with the best values of its beginning in registers for nothing,
//! Belady's rule loads least ("A Study of Replacement Algorithms for a Virtual-Storage Computer",
//! 1966), also where an instruction leaves fewer registers. What is ignored makes the bound smaller:
//! that blocks must agree on what is in registers between them, and that a value which an
//! instruction mentions needs a register elsewhere if it lives on through a fixed operand.
//!
//! *Stores.* Where values that live exceed the registers, that many are in memory, and each has been
//! stored: itself, or what was passed to it. Values that live at once share no store. The dearest
//! point counts.
//!
//! Values that are only passed to parameters which nothing reads do not count, and parameters that
//! are other names of a value count as that ([`super::names`]). Values are not computed again.

use regalloc2::{Block, Inst, MachineEnv, OperandKind, PRegSet, VReg};

use super::cfg::find;
use super::liveness::{LiveSet, Liveness};
use super::names::{Renamed, needed};
use super::points::{Demand, RegMask, Roles, Scan, View, mask_of};
use super::residence::{definitions, edge_args, values, wants_register};
use super::{AllocProblem, CLASSES, blocks};

/// Not used again in the block, but behind it.
const FAR: u32 = u32::MAX - 1;
const NEVER: u32 = u32::MAX;

/// A lower bound of `AllocStats::cost`; 0 for a problem that is malformed.
pub fn lower_bound<P: AllocProblem>(problem: &P, env: &MachineEnv) -> f64 {
    if definitions(problem).is_err() {
        return 0.0;
    }
    Renamed::new(problem).map_or(0.0, |problem| bound(&problem, env))
}

fn bound<P: AllocProblem>(problem: &P, env: &MachineEnv) -> f64 {
    let liveness = Liveness::new(problem);
    let allocatable = mask_of(PRegSet::from(env));
    let needed = needed(problem);
    let stores = stores(problem, &liveness, &allocatable, &needed);
    if stores == 0.0 {
        return 0.0;
    }
    let mut reloads = Reloads::new(problem, allocatable, &needed);
    let mut scan = Scan::new(problem, &liveness);
    blocks(problem)
        .map(|block| reloads.count(&mut scan, block) * problem.block_frequency(block))
        .sum::<f64>()
        + stores
}

fn stores<P: AllocProblem>(
    problem: &P,
    liveness: &Liveness,
    allocatable: &[RegMask; 3],
    needed: &[bool],
) -> f64 {
    let cheapest = cheapest_stores(problem, liveness);
    let mut scan = Scan::new(problem, liveness);
    let mut most = 0.0f64;
    for block in blocks(problem) {
        scan.block(block, |view| {
            let demands = Demand::of(view, allocatable);
            let mut here = 0.0;
            for class in CLASSES {
                let i = class as usize;
                let behind = view.live_after.count(class) as i32;
                let behind = behind - allocatable[i].count_ones() as i32;
                let excess = demands[i].excess(view, class, allocatable[i]).max(behind);
                if excess <= 0 {
                    continue;
                }
                let before = view.roles.iter().map(|role| role.vreg);
                let before = before.filter(|&vreg| !view.live_after.contains(vreg));
                let live = view.live_after.iter().chain(before).filter(|v| v.class() == class);
                let live: Vec<VReg> = live.collect();
                let count = live.iter().filter(|v| needed[v.vreg()]).count();
                let excess = (excess as usize).saturating_sub(live.len() - count);
                let live = live.into_iter().filter(|v| needed[v.vreg()]);
                let mut costs: Vec<f64> = live.map(|v| cheapest[v.vreg()]).collect();
                costs.sort_by(f64::total_cmp);
                here += costs.iter().take(excess).sum::<f64>();
            }
            most = most.max(here);
        });
    }
    most
}

/// The least frequency of a block in which a value lives, or one that is passed to it.
fn cheapest_stores<P: AllocProblem>(problem: &P, liveness: &Liveness) -> Vec<f64> {
    let mut cheapest = vec![f64::INFINITY; problem.num_vregs()];
    let mut joined: Vec<u32> = (0..problem.num_vregs() as u32).collect();
    let mut scan = Scan::new(problem, liveness);
    for block in blocks(problem) {
        let frequency = problem.block_frequency(block);
        let mut note = |vreg: VReg| {
            let least = &mut cheapest[vreg.vreg()];
            *least = least.min(frequency);
        };
        let at_entry = scan.block(block, |view| view.roles.iter().for_each(|r| note(r.vreg)));
        at_entry.iter().for_each(&mut note);
        liveness.live_out(block).iter().copied().for_each(&mut note);
        for succ in 0..problem.block_succs(block).len() {
            for (arg, param) in edge_args(problem, block, succ) {
                note(arg);
                let (a, b) = (arg.vreg() as u32, param.vreg() as u32);
                let (a, b) = (find(&mut joined, a), find(&mut joined, b));
                joined[a.max(b) as usize] = a.min(b);
            }
        }
    }
    for i in 0..cheapest.len() {
        let root = find(&mut joined, i as u32) as usize;
        cheapest[root] = cheapest[root].min(cheapest[i]);
    }
    (0..cheapest.len()).map(|i| cheapest[find(&mut joined, i as u32) as usize]).collect()
}

struct Reloads<'a, P> {
    problem: &'a P,
    allocatable: [RegMask; 3],
    needed: &'a [bool],
    resident: LiveSet,
    nothing: LiveSet,
    roles: Roles,
    next_use: Vec<u32>,
}

impl<'a, P: AllocProblem> Reloads<'a, P> {
    fn new(problem: &'a P, allocatable: [RegMask; 3], needed: &'a [bool]) -> Self {
        let num_vregs = problem.num_vregs();
        Reloads {
            problem,
            allocatable,
            needed,
            resident: LiveSet::new(num_vregs),
            nothing: LiveSet::new(0),
            roles: Roles::new(num_vregs),
            next_use: vec![NEVER; num_vregs],
        }
    }

    /// The fewest loads in a block.
    fn count(&mut self, scan: &mut Scan<'_, P>, block: Block) -> f64 {
        let problem = self.problem;
        for vreg in scan.leave(block).iter() {
            self.next_use[vreg.vreg()] = FAR;
        }
        // For each operand, last one first: the next use of its value behind the instruction.
        let mut behind = vec![];
        let mut touched = vec![];
        for inst in problem.block_insns(block).iter().rev() {
            let operands = problem.inst_operands(inst);
            behind.extend(values(operands).rev().map(|(_, op)| self.next_use[op.vreg().vreg()]));
            for (_, op) in values(operands).filter(|(_, op)| op.kind() == OperandKind::Use) {
                self.next_use[op.vreg().vreg()] = inst.index() as u32;
                touched.push(op.vreg());
            }
        }
        self.resident.clear();
        let at_entry = scan.block(block, |_| ());
        at_entry.iter().filter(|v| self.needed[v.vreg()]).for_each(|v| self.resident.insert(v));
        for class in 0..CLASSES.len() {
            self.evict(class, self.allocatable[class].count_ones() as i32, |_| true);
        }
        let mut loads = 0;
        for inst in problem.block_insns(block).iter() {
            loads += self.inst(inst, &mut behind);
        }
        touched.extend(scan.leave(block).iter());
        touched.into_iter().for_each(|vreg| self.next_use[vreg.vreg()] = NEVER);
        f64::from(loads)
    }

    fn inst(&mut self, inst: Inst, behind: &mut Vec<u32>) -> u32 {
        let operands = self.problem.inst_operands(inst);
        let mut loads = 0;
        for (_, op) in values(operands).filter(|(_, op)| op.kind() == OperandKind::Use) {
            if !self.resident.contains(op.vreg()) {
                loads += 1;
                self.resident.insert(op.vreg());
            }
        }
        for (_, op) in values(operands) {
            let next = behind.pop().unwrap_or(NEVER);
            self.next_use[op.vreg().vreg()] = next;
            if next == NEVER {
                self.resident.remove(op.vreg());
            } else if self.needed[op.vreg().vreg()] {
                self.resident.insert(op.vreg());
            }
        }
        let must = |i: usize| wants_register(operands, i);
        let tied = |vreg: VReg| values(operands).any(|(i, op)| must(i) && op.vreg() == vreg);
        let defined = |vreg: VReg| {
            values(operands).any(|(_, op)| op.kind() == OperandKind::Def && op.vreg() == vreg)
        };
        // Room for values that the instruction does not tie, if those that it ties leave with it;
        // for values that were there before; and behind the instruction.
        let optional = |op: &regalloc2::Operand| {
            let at = operands.iter().position(|other| other == op);
            at.is_some_and(must)
        };
        let view = View::new(self.problem, inst, &self.nothing, &mut self.roles, optional);
        let demands = Demand::of(&view, &self.allocatable);
        let kept_late = view.roles.iter().filter(|r| !r.is_def && r.fixed_late != 0).count() as i32;
        let room: Vec<[i32; 3]> = CLASSES
            .iter()
            .map(|&class| {
                let all = self.allocatable[class as usize];
                let registers = all.count_ones() as i32;
                let lost = (all & view.fixed_late[class as usize]).count_ones() as i32;
                let free = -demands[class as usize].excess(&view, class, all);
                [free, registers - lost + kept_late, registers]
            })
            .collect();
        for (class, [untied, before, behind]) in room.into_iter().enumerate() {
            self.evict(class, untied, |v| !tied(v));
            self.evict(class, before, |v| !defined(v));
            self.evict(class, behind, |_| true);
        }
        loads
    }

    /// Lets those of a kind go that are used last, until `room` are left.
    fn evict(&mut self, class: usize, room: i32, of_kind: impl Fn(VReg) -> bool) {
        let of_class = self.resident.iter().filter(|v| v.class() as usize == class);
        let mut kind: Vec<VReg> = of_class.filter(|&v| of_kind(v)).collect();
        let room = room.max(0) as usize;
        if kind.len() > room {
            kind.sort_by_key(|v| (self.next_use[v.vreg()], v.vreg()));
            kind[room..].iter().for_each(|&v| self.resident.remove(v));
        }
    }
}
