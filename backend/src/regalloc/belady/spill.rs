//! Which values are in registers where: Belady's rule across the control-flow graph.
//!
//! Inside a block, where registers run out, the value leaves whose next use is furthest away. Where
//! paths meet, a block begins with what its predecessors have in registers, nearest use first. A
//! loop's header begins with what the loop uses; what it does not use stays in a register only if
//! the loop's peak pressure leaves room.

use core::cmp::Ordering;
use regalloc2::{Block, Inst, MachineEnv, Operand, OperandConstraint, OperandKind, PRegSet, VReg};
use smallvec::SmallVec;

use super::Policy;
use super::loops::Loops;
use super::next_use::{FAR, NEVER, NextUse};
use crate::regalloc::cfg::Cfg;
use crate::regalloc::liveness::{LiveSet, Liveness};
use crate::regalloc::points::{Demand, RegMask, Roles, View, mask_of};
use crate::regalloc::residence::{
    Definitions, Leave, Residence, edge_args, edge_point, values, wants_register,
};
use crate::regalloc::{AllocError, AllocProblem, CLASSES, blocks};

/// What does not change from one policy to the next.
pub(super) struct Facts<'a, P> {
    pub problem: &'a P,
    pub cfg: &'a Cfg,
    pub liveness: &'a Liveness,
    pub definitions: &'a Definitions,
    allocatable: [RegMask; 3],
    registers: [u32; 3],
    loops: Loops<'a>,
}

impl<'a, P: AllocProblem> Facts<'a, P> {
    pub fn new(
        problem: &'a P,
        env: &MachineEnv,
        cfg: &'a Cfg,
        liveness: &'a Liveness,
        definitions: &'a Definitions,
    ) -> Self {
        let allocatable = mask_of(PRegSet::from(env));
        Facts {
            problem,
            cfg,
            liveness,
            definitions,
            loops: Loops::new(problem, cfg, liveness, definitions, &allocatable),
            allocatable,
            registers: allocatable.map(|mask| mask.count_ones()),
        }
    }

    fn frequency(&self, block: Block) -> f64 {
        self.problem.block_frequency(block)
    }
}

pub(super) struct Spiller<'a, P> {
    facts: &'a Facts<'a, P>,
    next: &'a mut NextUse,
    policy: Policy,
    residence: Residence,
    /// Values in registers.
    resident: LiveSet,
    roles: Roles,
    /// The next use of each resident value, counted from the block's beginning.
    next_use: Vec<u32>,
    /// Values that have left their registers alive.
    spilled: Vec<bool>,
    frequency: f64,
}

impl<'a, P: AllocProblem> Spiller<'a, P> {
    pub fn new(facts: &'a Facts<'a, P>, next: &'a mut NextUse, policy: Policy) -> Self {
        let num_vregs = facts.problem.num_vregs();
        let num_blocks = facts.problem.num_blocks();
        let residence = Residence {
            entry: vec![vec![]; num_blocks],
            exit: vec![vec![]; num_blocks],
            ..Residence::default()
        };
        Spiller {
            facts,
            next,
            policy,
            residence,
            resident: LiveSet::new(num_vregs),
            roles: Roles::new(num_vregs),
            next_use: vec![NEVER; num_vregs],
            spilled: vec![false; num_vregs],
            frequency: 1.0,
        }
    }

    pub fn run(mut self) -> Result<Residence, AllocError> {
        for block in blocks(self.facts.problem) {
            self.block(block)?;
        }
        Ok(self.residence)
    }

    fn block(&mut self, block: Block) -> Result<(), AllocError> {
        let Facts { problem, cfg, liveness, .. } = *self.facts;
        self.frequency = self.facts.frequency(block);
        self.resident.clear();
        for &(vreg, distance) in self.next.at_entry(block) {
            self.next_use[vreg.vreg()] = distance;
        }
        let entry = if cfg.is_header(block.index()) {
            self.enter_loop(block)
        } else {
            self.enter_usual(block)
        };
        entry.iter().for_each(|&vreg| self.resident.insert(vreg));
        self.residence.entry[block.index()] = entry;

        let mut behind = self.next.behind(problem, cfg, liveness, block);
        for (position, inst) in problem.block_insns(block).iter().enumerate() {
            self.inst(inst, position as u32, &mut behind)?;
        }
        self.residence.exit[block.index()] = self.resident.iter().collect();
        Ok(())
    }

    /// Values that a block may begin with, the best first: distance, weighed.
    fn sort(&self, candidates: &mut [VReg], block: Block) {
        if candidates.len() < 2 {
            return;
        }
        let frequency = self.facts.frequency(block);
        let keyed = candidates.iter().map(|&vreg| (self.distance(vreg, 0, frequency), vreg));
        let mut keyed: SmallVec<[(f64, VReg); 16]> = keyed.collect();
        keyed.sort_unstable_by(by_distance);
        candidates.iter_mut().zip(keyed).for_each(|(candidate, (_, vreg))| *candidate = vreg);
    }

    /// How far away a value's next use is, divided by what it costs to be without a register.
    fn distance(&self, vreg: VReg, position: u32, frequency: f64) -> f64 {
        let next = self.next_use[vreg.vreg()];
        let distance = f64::from(next.saturating_sub(position)) + 1.0;
        let stored = self.spilled[vreg.vreg()];
        let definition = self.facts.definitions.blocks[vreg.vreg()];
        let store = if stored { 0.0 } else { self.facts.frequency(definition) / frequency };
        distance / (1.0 + self.policy.store_weight * store.min(1.0))
    }

    fn enter_usual(&mut self, block: Block) -> Vec<VReg> {
        let problem = self.facts.problem;
        let preds = problem.block_preds(block);
        // How many predecessors have each value in a register.
        let mut counts: Vec<(VReg, u32)> = vec![];
        let mut present: Vec<VReg> = vec![];
        for &pred in preds {
            let exit = &self.residence.exit[pred.index()];
            present.extend(exit.iter().filter(|v| self.next_use[v.vreg()] != NEVER));
        }
        let live: Vec<(VReg, u32)> = self.next.at_entry(block).to_vec();
        present.sort_unstable_by_key(|v| v.vreg());
        for group in present.chunk_by(|a, b| a == b) {
            if live.binary_search_by_key(&group[0].vreg(), |(v, _)| v.vreg()).is_ok() {
                counts.push((group[0], group.len() as u32));
            }
        }
        for &param in problem.block_params(block) {
            if live.binary_search_by_key(&param.vreg(), |(v, _)| v.vreg()).is_ok() {
                counts.retain(|(v, _)| *v != param);
                let with = preds.iter().filter(|&&pred| self.passes_register(pred, block, param));
                counts.push((param, with.count() as u32));
            }
        }
        let mut entry = vec![];
        for class in CLASSES {
            let of_class = || counts.iter().filter(|(v, n)| v.class() == class && *n > 0);
            let everywhere = |n: u32| n as usize == preds.len();
            let mut all: Vec<VReg> =
                of_class().filter(|(_, n)| everywhere(*n)).map(|&(v, _)| v).collect();
            let mut some: Vec<VReg> =
                of_class().filter(|(_, n)| !everywhere(*n)).map(|&(v, _)| v).collect();
            let most = self.policy.join_weight * self.facts.frequency(block);
            some.retain(|&vreg| self.cost_of_entering(vreg, block) <= most);
            self.sort(&mut all, block);
            self.sort(&mut some, block);
            all.extend(some);
            all.truncate(self.facts.registers[class as usize] as usize);
            entry.extend(all);
        }
        entry
    }

    /// The cost of loads on edges if a block begins with the value in a register.
    fn cost_of_entering(&self, vreg: VReg, block: Block) -> f64 {
        let problem = self.facts.problem;
        let is_param = problem.block_params(block).contains(&vreg);
        let lacking = problem.block_preds(block).iter().filter(|&&pred| match is_param {
            true => !self.passes_register(pred, block, vreg),
            false => !self.residence.exit[pred.index()].contains(&vreg),
        });
        lacking.map(|&pred| self.facts.frequency(edge_point(problem, pred, block).0)).sum()
    }

    /// Whether the argument for a parameter is in a register where `pred` ends.
    fn passes_register(&self, pred: Block, block: Block, param: VReg) -> bool {
        let problem = self.facts.problem;
        let exit = &self.residence.exit[pred.index()];
        let succs = problem.block_succs(pred);
        let edges = (0..succs.len()).filter(|&i| succs[i] == block);
        let mut args = edges.flat_map(|i| edge_args(problem, pred, i));
        args.any(|(arg, to)| to == param && exit.contains(&arg))
    }

    fn enter_loop(&mut self, block: Block) -> Vec<VReg> {
        let live: Vec<(VReg, u32)> = self.next.at_entry(block).to_vec();
        let mut entry = vec![];
        for class in CLASSES {
            let registers = self.facts.registers[class as usize] as usize;
            let of_class = live.iter().filter(|(v, _)| v.class() == class);
            let (used, through): (Vec<_>, Vec<_>) =
                of_class.partition(|(v, _)| self.facts.loops.uses(block, *v));
            let mut used: Vec<VReg> = used.into_iter().map(|(v, _)| v).collect();
            self.sort(&mut used, block);
            if used.len() < registers {
                let peak = self.facts.loops.peak(block)[class as usize] as usize;
                let room = (registers + through.len()).saturating_sub(peak);
                let mut through: Vec<VReg> = through.into_iter().map(|(v, _)| v).collect();
                through.retain(|v| self.is_at_hand(*v, block));
                self.sort(&mut through, block);
                through.truncate(room.min(registers - used.len()));
                used.extend(through);
            }
            used.truncate(registers);
            entry.extend(used);
        }
        entry
    }

    /// Whether some predecessor already walked ends with the value in a register.
    fn is_at_hand(&self, vreg: VReg, block: Block) -> bool {
        let preds = self.facts.problem.block_preds(block).iter();
        let mut walked = preds.filter(|pred| pred.index() < block.index());
        walked.any(|&pred| {
            self.residence.exit[pred.index()].contains(&vreg)
                || self.facts.problem.block_params(block).contains(&vreg)
                    && self.passes_register(pred, block, vreg)
        })
    }

    fn inst(&mut self, inst: Inst, position: u32, behind: &mut Vec<u32>) -> Result<(), AllocError> {
        let operands = self.facts.problem.inst_operands(inst);
        let mut on_stack = vec![];
        for (i, op) in values(operands).filter(|(_, op)| op.kind() == OperandKind::Use) {
            if wants_register(operands, i) && !self.resident.contains(op.vreg()) {
                self.resident.insert(op.vreg());
                self.residence.reloads.push((inst, op.vreg()));
            }
        }
        for (i, op) in values(operands) {
            let vreg = op.vreg();
            let next = behind.pop().unwrap_or(NEVER);
            self.next_use[vreg.vreg()] = next;
            let is_def = op.kind() == OperandKind::Def;
            if op.constraint() == OperandConstraint::Stack && is_def {
                self.leave(inst, vreg, Leave::Unborn);
            } else if is_def && next == NEVER {
                self.leave(inst, vreg, Leave::At);
            } else if is_def {
                self.resident.insert(vreg);
            } else if !self.resident.contains(vreg) {
                let reads_register = self.residence.leaves_at(inst, vreg);
                if !wants_register(operands, i) && !reads_register {
                    on_stack.push(vreg);
                }
            } else if next == NEVER {
                self.resident.remove(vreg);
                self.leave(inst, vreg, Leave::At);
            }
        }
        self.limit(inst, position, &mut on_stack)
    }

    fn leave(&mut self, inst: Inst, vreg: VReg, how: Leave) {
        if self.next_use[vreg.vreg()] < FAR || how == Leave::Unborn {
            self.spilled[vreg.vreg()] = true;
        }
        self.residence.leaves.push((inst, vreg, how));
    }

    /// Lets values go until the instruction fits.
    fn limit(
        &mut self,
        inst: Inst,
        position: u32,
        on_stack: &mut Vec<VReg>,
    ) -> Result<(), AllocError> {
        for class in CLASSES {
            loop {
                let excess = self.excess(inst, class as usize, on_stack);
                if excess <= 0 {
                    break;
                }
                self.evict(inst, position, class as usize, excess, on_stack)?;
            }
        }
        Ok(())
    }

    /// How many registers of a class are missing at an instruction and behind it.
    fn excess(&mut self, inst: Inst, class: usize, on_stack: &[VReg]) -> i32 {
        let Facts { problem, allocatable, registers, .. } = *self.facts;
        let (class, mask) = (CLASSES[class], allocatable[class]);
        let resident = self.resident.count(class);
        let behind = resident as i32 - registers[class as usize] as i32;
        let operands = values(problem.inst_operands(inst));
        let mentions = operands.filter(|(_, op)| op.class() == class);
        let is_fixed = |op: Operand| matches!(op.constraint(), OperandConstraint::FixedReg(_));
        let any_fixed = mentions.clone().any(|(_, op)| is_fixed(op));
        let mentioned = mentions.count() as u32;
        // All may have registers of their own.
        let is_roomy = !any_fixed && resident + mentioned <= registers[class as usize];
        if resident + mentioned == 0
            || (mentioned == 0 || is_roomy) && problem.inst_clobbers(inst) == PRegSet::empty()
        {
            return behind;
        }
        let in_register = |op: &Operand| {
            op.constraint() != OperandConstraint::Stack && !on_stack.contains(&op.vreg())
        };
        let view = View::new(problem, inst, &self.resident, &mut self.roles, in_register);
        behind.max(Demand::of_class(&view, class, mask).excess(&view, class, mask))
    }

    /// Lets the value go that is needed last, of those whose leave helps.
    fn evict(
        &mut self,
        inst: Inst,
        position: u32,
        class: usize,
        excess: i32,
        on_stack: &mut Vec<VReg>,
    ) -> Result<(), AllocError> {
        let operands = self.facts.problem.inst_operands(inst);
        let of_class = self.resident.iter().filter(|v| v.class() as usize == class);
        let keyed = of_class.map(|v| (self.distance(v, position, self.frequency), v));
        let mut candidates: SmallVec<[(f64, VReg); 16]> = keyed.collect();
        let mention = |vreg: VReg| values(operands).find(|(_, op)| op.vreg() == vreg);
        let mut last_needed = None;
        let furthest = |candidates: &[(f64, VReg)]| {
            (0..candidates.len()).max_by(|&a, &b| by_distance(&candidates[a], &candidates[b]))
        };
        while let Some(at) = furthest(&candidates) {
            let (_, vreg) = candidates.swap_remove(at);
            last_needed = last_needed.or(Some(vreg));
            let Some((i, op)) = mention(vreg) else {
                self.resident.remove(vreg);
                self.leave(inst, vreg, Leave::Before);
                return Ok(());
            };
            let is_def = op.kind() == OperandKind::Def;
            let unborn = is_def && !wants_register(operands, i);
            self.resident.remove(vreg);
            on_stack.extend(unborn.then_some(vreg));
            if self.excess(inst, class, on_stack) < excess {
                self.leave(inst, vreg, if unborn { Leave::Unborn } else { Leave::At });
                return Ok(());
            }
            on_stack.pop_if(|v| unborn && *v == vreg);
            self.resident.insert(vreg);
        }
        self.evict_operand(inst, class, last_needed, on_stack)
    }

    /// The last resort: what may be read on the stack is, and uses alone keep a register.
    fn evict_operand(
        &mut self,
        inst: Inst,
        class: usize,
        last_needed: Option<VReg>,
        on_stack: &mut Vec<VReg>,
    ) -> Result<(), AllocError> {
        let operands = self.facts.problem.inst_operands(inst);
        let needs_register = |vreg: VReg| {
            values(operands).any(|(i, op)| op.vreg() == vreg && wants_register(operands, i))
        };
        let optional = values(operands).map(|(_, op)| op.vreg()).find(|&vreg| {
            vreg.class() as usize == class && !needs_register(vreg) && !on_stack.contains(&vreg)
        });
        if let Some(vreg) = optional {
            self.resident.remove(vreg);
            on_stack.push(vreg);
            let how = match values(operands).find(|(_, op)| op.vreg() == vreg) {
                Some((_, op)) if op.kind() == OperandKind::Def => Leave::Unborn,
                _ => Leave::Before,
            };
            self.residence.leaves.retain(|&(at, v, _)| at != inst || v != vreg);
            self.spilled[vreg.vreg()] = true;
            self.residence.leaves.push((inst, vreg, how));
            return Ok(());
        }
        let vreg = last_needed.ok_or(AllocError::TooManyLiveRegs)?;
        self.resident.remove(vreg);
        self.leave(inst, vreg, Leave::At);
        Ok(())
    }
}

/// What is needed first comes first; no two values are equal.
fn by_distance(&(a, v): &(f64, VReg), &(b, w): &(f64, VReg)) -> Ordering {
    a.total_cmp(&b).then(v.vreg().cmp(&w.vreg()))
}
