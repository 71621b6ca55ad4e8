//! Spill code: where values without a colour are in registers nevertheless.
//!
//! A spilled value is loaded in front of a use and stored behind its definition. While registers
//! are left, what a block has loaded serves the block's later uses too ("cleaning": Bernstein et
//! al., "Spill Code Minimization Techniques for Optimizing Compilers", PLDI 1989). A value whose
//! cleaned stay finds no colour either is loaded for each use alone.

use regalloc2::{Block, Inst, Operand, OperandConstraint, OperandKind, VReg};
use std::collections::VecDeque;

use crate::regalloc::liveness::{LiveSet, Liveness};
use crate::regalloc::points::{Demand, RegMask, Roles, Scan, View};
use crate::regalloc::residence::{Leave, Residence, Walker, values, wants_register};
use crate::regalloc::{AllocError, AllocProblem, CLASSES, blocks};

/// How far a value is spilled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Spill {
    /// In a register for all its life.
    No,
    /// In memory, loaded once for a block's uses where registers are left.
    Cleaned,
    /// In memory, loaded for each use.
    Everywhere,
}

/// One instruction, read backwards, for the walk forwards.
struct Seen {
    inst: Inst,
    /// Values that it mentions and that are dead behind it.
    dying: Vec<VReg>,
}

pub(super) struct Writer<'a, P> {
    problem: &'a P,
    liveness: &'a Liveness,
    allocatable: [RegMask; 3],
    spills: &'a [Spill],
    residence: Residence,
    resident: LiveSet,
    roles: Roles,
    /// Where in the block each spilled value is used next: instructions in order.
    uses: Vec<VecDeque<Inst>>,
}

impl<'a, P: AllocProblem> Writer<'a, P> {
    pub fn new(
        problem: &'a P,
        liveness: &'a Liveness,
        allocatable: [RegMask; 3],
        spills: &'a [Spill],
    ) -> Self {
        let num_vregs = problem.num_vregs();
        Writer {
            problem,
            liveness,
            allocatable,
            spills,
            residence: Residence::default(),
            resident: LiveSet::new(num_vregs),
            roles: Roles::new(num_vregs),
            uses: vec![VecDeque::new(); num_vregs],
        }
    }

    pub fn run(mut self) -> Residence {
        let mut scan = Scan::new(self.problem, self.liveness);
        for block in blocks(self.problem) {
            self.block(&mut scan, block);
        }
        self.residence
    }

    fn spill(&self, vreg: VReg) -> Spill {
        self.spills[vreg.vreg()]
    }

    fn block(&mut self, scan: &mut Scan<'_, P>, block: Block) {
        let kept = |vreg: &VReg| self.spills[vreg.vreg()] == Spill::No;
        let mut seen = vec![];
        let mut uses: Vec<(VReg, Inst)> = vec![];
        let exit: Vec<VReg> = scan.leave(block).iter().filter(kept).collect();
        let at_entry = scan.block(block, |view| {
            let dies = view.roles.iter().filter(|role| !view.live_after.contains(role.vreg));
            seen.push(Seen { inst: view.inst, dying: dies.map(|role| role.vreg).collect() });
            let used = view.roles.iter().filter(|role| !role.is_def);
            uses.extend(used.filter(|r| !kept(&r.vreg)).map(|role| (role.vreg, view.inst)));
        });
        let entry: Vec<VReg> = at_entry.iter().filter(kept).collect();
        uses.iter().for_each(|&(vreg, inst)| self.uses[vreg.vreg()].push_front(inst));
        self.resident.clear();
        entry.iter().for_each(|&vreg| self.resident.insert(vreg));
        for seen in seen.into_iter().rev() {
            self.inst(&seen);
        }
        uses.iter().for_each(|(vreg, _)| self.uses[vreg.vreg()].clear());
        self.residence.entry.push(entry);
        self.residence.exit.push(exit);
    }

    fn inst(&mut self, seen: &Seen) {
        let inst = seen.inst;
        let operands = self.problem.inst_operands(inst);
        for (i, op) in values(operands) {
            let vreg = op.vreg();
            if op.kind() == OperandKind::Def {
                continue;
            }
            self.uses[vreg.vreg()].pop_front_if(|at| *at == inst);
            if wants_register(operands, i) && !self.resident.contains(vreg) {
                self.resident.insert(vreg);
                self.residence.reloads.push((inst, vreg));
            }
        }
        // Operands on the stack.
        let mut away = vec![];
        for (i, op) in values(operands) {
            let vreg = op.vreg();
            let dies = seen.dying.contains(&vreg);
            let stays = !dies && (self.spill(vreg) == Spill::No || self.may_stay(vreg));
            let is_use = op.kind() == OperandKind::Use;
            if !is_use && self.is_unborn(operands, i) {
                away.push(op);
                self.residence.leaves.push((inst, vreg, Leave::Unborn));
            } else if is_use && !self.resident.contains(vreg) {
                // Unless it has just left.
                if !self.residence.leaves_at(inst, vreg) {
                    away.push(op);
                }
            } else if !stays {
                self.resident.remove(vreg);
                self.residence.leaves.push((inst, vreg, Leave::At));
            } else if !is_use {
                self.resident.insert(vreg);
            }
        }
        self.limit(inst, &away);
    }

    /// Whether a spilled value that is in a register may serve the block's next use.
    fn may_stay(&self, vreg: VReg) -> bool {
        self.spill(vreg) == Spill::Cleaned && !self.uses[vreg.vreg()].is_empty()
    }

    fn is_unborn(&self, operands: &[Operand], i: usize) -> bool {
        let spilled = self.spill(operands[i].vreg()) != Spill::No;
        let on_stack = operands[i].constraint() == OperandConstraint::Stack;
        on_stack || spilled && !wants_register(operands, i)
    }

    /// Lets cleaned values go, the one used last first, until the instruction fits.
    fn limit(&mut self, inst: Inst, away: &[Operand]) {
        let operands = self.problem.inst_operands(inst);
        let cleaned = self.resident.iter().filter(|&v| self.spill(v) == Spill::Cleaned);
        let mut cleaned: Vec<VReg> = cleaned.collect();
        cleaned.sort_by_key(|v| (self.uses[v.vreg()].front().copied(), v.vreg()));
        while !cleaned.is_empty() {
            let in_register =
                |op: &Operand| op.constraint() != OperandConstraint::Stack && !away.contains(op);
            let view = View::new(self.problem, inst, &self.resident, &mut self.roles, in_register);
            let Some(class) = excess(&view, &self.allocatable) else { return };
            let last = cleaned.iter().rposition(|v| v.class() as usize == class);
            let Some(last) = last else { return };
            let vreg = cleaned.remove(last);
            self.resident.remove(vreg);
            let mentioned = values(operands).any(|(_, op)| op.vreg() == vreg);
            let how = if mentioned { Leave::At } else { Leave::Before };
            self.residence.leaves.push((inst, vreg, how));
        }
    }
}

/// A class for which registers are missing at an instruction, or behind it.
fn excess(view: &View<'_>, allocatable: &[RegMask; 3]) -> Option<usize> {
    let demands = Demand::of(view, allocatable);
    CLASSES.into_iter().map(|class| class as usize).find(|&class| {
        let registers = allocatable[class].count_ones();
        demands[class].excess(view, CLASSES[class], allocatable[class]) > 0
            || view.live_after.count(CLASSES[class]) > registers
    })
}

/// The most interferences that a graph may have.
const MAX_INTERFERENCES: usize = 1 << 20;

/// Spills values, the cheapest first, where so many live at once that the graph would be too large.
pub(super) fn bound<P: AllocProblem>(
    problem: &P,
    liveness: &Liveness,
    weights: &[f64],
    spills: &mut [Spill],
) {
    let mut most = 512;
    while most > 16 && interferences(problem, liveness, spills) > MAX_INTERFERENCES {
        let mut scan = Scan::new(problem, liveness);
        for block in blocks(problem) {
            let mut thin = |live: &LiveSet| {
                let kept = live.iter().filter(|v| spills[v.vreg()] == Spill::No);
                let mut kept: Vec<VReg> = kept.collect();
                if kept.len() > most {
                    kept.sort_by(|a, b| weights[b.vreg()].total_cmp(&weights[a.vreg()]));
                    kept.drain(..most / 2);
                    kept.iter().for_each(|v| spills[v.vreg()] = Spill::Cleaned);
                }
            };
            let at_entry = scan.block(block, |view| thin(view.live_after));
            thin(at_entry);
        }
        most /= 2;
    }
}

/// About how many pairs of values interfere.
fn interferences<P: AllocProblem>(problem: &P, liveness: &Liveness, spills: &[Spill]) -> usize {
    let mut scan = Scan::new(problem, liveness);
    let mut pairs = 0;
    let kept = |live: &LiveSet| live.iter().filter(|v| spills[v.vreg()] == Spill::No).count();
    for block in blocks(problem) {
        let at_entry = scan.block(block, |view| {
            let defs = view.roles.iter().filter(|r| r.is_def && spills[r.vreg.vreg()] == Spill::No);
            let defs = defs.count();
            pairs += if defs > 0 { defs * kept(view.live_after) } else { 0 };
        });
        let params = problem.block_params(block).len();
        pairs += if params > 0 { params * kept(at_entry) } else { 0 };
    }
    pairs
}

/// Spills further values until what stays in registers fits at each point; tells whether any.
pub(super) fn fit<P: AllocProblem>(
    problem: &P,
    allocatable: &[RegMask; 3],
    residence: &Residence,
    weights: &[f64],
    spills: &mut [Spill],
) -> Result<bool, AllocError> {
    let mut walker = Walker::new(problem, residence);
    let mut any = false;
    for block in blocks(problem) {
        for class in CLASSES {
            let entry = residence.entry[block.index()].iter().copied();
            let mut entry: Vec<VReg> = entry.filter(|v| v.class() == class).collect();
            entry.retain(|v| spills[v.vreg()] == Spill::No);
            entry.sort_by(|a, b| weights[b.vreg()].total_cmp(&weights[a.vreg()]));
            let registers = allocatable[class as usize].count_ones() as usize;
            for vreg in entry.into_iter().skip(registers) {
                spills[vreg.vreg()] = Spill::Cleaned;
                any = true;
            }
        }
        walker.enter(block);
        for inst in problem.block_insns(block).iter() {
            let step = walker.step(inst);
            let Some(class) = excess(&step.view, allocatable) else { continue };
            any |= relieve(&step.view, class, allocatable, weights, spills)?;
        }
    }
    Ok(any)
}

/// Spills the cheapest values at an instruction, as many as there are too many.
fn relieve(
    view: &View<'_>,
    class: usize,
    allocatable: &[RegMask; 3],
    weights: &[f64],
    spills: &mut [Spill],
) -> Result<bool, AllocError> {
    let demand = Demand::of(view, allocatable)[class];
    let behind = view.live_after.count(CLASSES[class]) as i32;
    let behind = behind - allocatable[class].count_ones() as i32;
    let lack = demand.excess(view, CLASSES[class], allocatable[class]).max(behind) as usize;
    let through = view.live_after.iter().filter(|&v| view.role(v).is_none());
    let mentioned = view.roles.iter().map(|role| role.vreg);
    let price = |v: &VReg| (view.role(*v).is_some(), weights[v.vreg()]);
    let mut candidates: Vec<VReg> =
        through.chain(mentioned).filter(|v| v.class() as usize == class).collect();
    // Some may have been spilled for an instruction before this one.
    let gone = candidates.iter().filter(|v| view.role(**v).is_none());
    let gone = gone.filter(|v| spills[v.vreg()] != Spill::No).count();
    candidates.retain(|v| spills[v.vreg()] != Spill::Everywhere);
    candidates.sort_by(|a, b| {
        let (a, b) = (price(a), price(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    if candidates.is_empty() && gone == 0 {
        return Err(AllocError::TooManyLiveRegs);
    }
    for vreg in candidates.iter().take(lack.saturating_sub(gone)) {
        spills[vreg.vreg()] = match spills[vreg.vreg()] {
            Spill::No => Spill::Cleaned,
            _ => Spill::Everywhere,
        };
    }
    Ok(true)
}
