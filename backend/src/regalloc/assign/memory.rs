//! Where values are stored, and in which slots.
//!
//! A value is stored once: in SSA form its slot then holds it wherever it is needed. The store
//! stands behind the definition, or where a block begins that has the value in a register and runs
//! less often; it dominates whatever reads the slot. A parameter that arrives in memory is stored
//! by each predecessor, unless the argument shares its slot.
//!
//! Values share a slot if they are an argument and its parameter and are never live together; slots
//! are then packed: two that do not overlap become one.

use regalloc2::{Block, Inst, OperandKind, RegClass, SpillSlot, VReg};

use super::Context;
use super::stores::Costs;
use crate::regalloc::cfg::find;
use crate::regalloc::ranges::LiveRange;
use crate::regalloc::residence::{Leave, Residence, edge_args, edge_point, values, wants_register};
use crate::regalloc::slots::Slots;
use crate::regalloc::{AllocProblem, blocks};

/// The most slots that are tried before a new one is taken, and the most ranges of a value whose
/// slot is shared: both keep the work linear.
const MAX_TRIES: usize = 64;
const MAX_RANGES: usize = 256;

#[derive(Clone)]
pub(in crate::regalloc) struct Memory {
    /// The slot of each value that is ever in memory.
    slot: Vec<Option<SpillSlot>>,
    /// The values that share it on purpose.
    group: Vec<u32>,
    /// Values that are stored behind their definition, and those that the definition leaves in
    /// memory.
    pub stored_at_birth: Vec<bool>,
    /// Values stored where a block begins.
    pub stored_at_entry: Vec<Vec<VReg>>,
    /// Instructions that read an operand on the stack, one for each.
    pub stack_uses: Vec<Inst>,
    pub slots: Slots,
}

impl Memory {
    pub fn slot(&self, vreg: VReg) -> Option<SpillSlot> {
        self.slot[vreg.vreg()]
    }

    /// Whether a parameter that arrives in memory finds its argument there already.
    pub fn is_passed_in_place(&self, arg: VReg, param: VReg) -> bool {
        self.slot(arg).is_some() && self.group[arg.vreg()] == self.group[param.vreg()]
    }
}

pub(super) struct Planner<'a, P> {
    context: &'a Context<'a, P>,
    problem: &'a P,
    residence: &'a Residence,
    /// Blocks in which a value is read from memory, by value.
    demands: Vec<(VReg, Block)>,
    stack_uses: Vec<Inst>,
    needed: Vec<bool>,
    /// Values that a definition or the predecessors leave in memory.
    born_in_memory: Vec<bool>,
    /// Values that share a slot, as a forest, and the ranges of those at roots.
    shared: Vec<u32>,
    merged: Vec<Option<Vec<LiveRange>>>,
}

impl<'a, P: AllocProblem> Planner<'a, P> {
    pub fn plan(context: &'a Context<'a, P>, residence: &'a Residence) -> Memory {
        let problem = context.problem;
        let count = problem.num_vregs();
        let mut planner = Planner {
            context,
            problem,
            residence,
            demands: vec![],
            stack_uses: vec![],
            needed: vec![false; count],
            born_in_memory: vec![false; count],
            shared: (0..count as u32).collect(),
            merged: vec![None; count],
        };
        planner.find_births();
        planner.find_demands();
        planner.find_demands_of_params();
        let mut memory = Memory {
            slot: vec![None; count],
            group: vec![u32::MAX; count],
            stored_at_birth: vec![false; count],
            stored_at_entry: vec![vec![]; problem.num_blocks()],
            stack_uses: core::mem::take(&mut planner.stack_uses),
            slots: Slots::default(),
        };
        planner.place_stores(&mut memory);
        planner.assign_slots(&mut memory);
        memory
    }

    fn find_births(&mut self) {
        for &(_, vreg, _) in self.residence.leaves.iter().filter(|l| l.2 == Leave::Unborn) {
            self.born_in_memory[vreg.vreg()] = true;
            self.needed[vreg.vreg()] = true;
        }
        for block in blocks(self.problem) {
            for param in self.problem.block_params(block) {
                if !self.residence.entry[block.index()].contains(param) {
                    self.born_in_memory[param.vreg()] = true;
                }
            }
        }
    }

    fn demand(&mut self, vreg: VReg, block: Block) {
        self.needed[vreg.vreg()] = true;
        self.demands.push((vreg, block));
    }

    /// Loads in front of instructions and on edges, and operands on the stack.
    fn find_demands(&mut self) {
        let (problem, residence) = (self.problem, self.residence);
        let mut reloads = residence.reloads.iter().peekable();
        let mut leaves = residence.leaves.as_slice();
        let mut resident = vec![u32::MAX; problem.num_vregs()];
        for block in blocks(problem) {
            let number = block.index() as u32;
            for vreg in &residence.entry[block.index()] {
                resident[vreg.vreg()] = number;
            }
            for inst in problem.block_insns(block).iter() {
                while let Some(&(_, vreg)) = reloads.next_if(|(at, _)| *at <= inst) {
                    self.demand(vreg, block);
                    resident[vreg.vreg()] = number;
                }
                let here = leaves.iter().take_while(|(at, ..)| *at <= inst).count();
                let (now, rest) = leaves.split_at(here);
                leaves = rest;
                for (_, vreg, _) in now.iter().filter(|l| l.2 == Leave::Before) {
                    resident[vreg.vreg()] = u32::MAX;
                }
                let operands = problem.inst_operands(inst);
                for (i, op) in values(operands).filter(|(_, op)| op.kind() == OperandKind::Use) {
                    let absent = resident[op.vreg().vreg()] != number;
                    let on_stack = op.constraint() == regalloc2::OperandConstraint::Stack;
                    if on_stack || absent && !wants_register(operands, i) {
                        self.demand(op.vreg(), block);
                        self.stack_uses.push(inst);
                    }
                }
                for (_, op) in values(operands).filter(|(_, op)| op.kind() == OperandKind::Def) {
                    resident[op.vreg().vreg()] = number;
                }
                for (_, vreg, _) in now {
                    resident[vreg.vreg()] = u32::MAX;
                }
            }
            for i in 0..problem.block_succs(block).len() {
                self.find_demands_of_edge(block, i);
            }
        }
    }

    fn find_demands_of_edge(&mut self, block: Block, succ: usize) {
        let (problem, residence) = (self.problem, self.residence);
        let to = problem.block_succs(block)[succ];
        let exit = &residence.exit[block.index()];
        let params = problem.block_params(to);
        let entry = &residence.entry[to.index()];
        for &vreg in entry.iter().filter(|vreg| !params.contains(vreg)) {
            if !exit.contains(&vreg) {
                self.demand(vreg, block);
            }
        }
        for (arg, param) in edge_args(problem, block, succ) {
            if entry.contains(&param) && !exit.contains(&arg) {
                self.demand(arg, block);
            }
        }
    }

    /// What is passed to parameters in memory that anything reads.
    fn find_demands_of_params(&mut self) {
        let problem = self.problem;
        let mut block_of = vec![];
        let mut work = vec![];
        for block in blocks(problem) {
            for (n, &param) in problem.block_params(block).iter().enumerate() {
                if self.born_in_memory[param.vreg()] {
                    block_of.push((param, block, n));
                    work.extend(self.needed[param.vreg()].then_some(block_of.len() - 1));
                }
            }
        }
        let mut index = vec![u32::MAX; problem.num_vregs()];
        for (i, (param, ..)) in block_of.iter().enumerate() {
            index[param.vreg()] = i as u32;
        }
        while let Some(i) = work.pop() {
            let (param, block, n) = block_of[i];
            for &pred in problem.block_preds(block) {
                let succs = problem.block_succs(pred);
                for succ in (0..succs.len()).filter(|&s| succs[s] == block) {
                    let Some((arg, _)) = edge_args(problem, pred, succ).nth(n) else { continue };
                    let was_needed = self.needed[arg.vreg()];
                    self.pass(pred, block, arg, param);
                    let wakes = !was_needed && self.needed[arg.vreg()];
                    if wakes && index[arg.vreg()] != u32::MAX {
                        work.push(index[arg.vreg()] as usize);
                    }
                }
            }
        }
    }

    fn pass(&mut self, pred: Block, block: Block, arg: VReg, param: VReg) {
        let in_register = self.residence.exit[pred.index()].contains(&arg);
        if in_register && stores_on_edge(self.problem, pred, block) {
            return;
        }
        if self.share(arg, param) || !in_register {
            self.demand(arg, pred);
        }
    }

    /// Gives both values one slot if they are never live together.
    fn share(&mut self, a: VReg, b: VReg) -> bool {
        if a.class() != b.class() {
            return false;
        }
        let (mut a, mut b) =
            (find(&mut self.shared, a.vreg() as u32), find(&mut self.shared, b.vreg() as u32));
        if a == b {
            return true;
        }
        let (of_a, of_b) = (self.ranges_of(a), self.ranges_of(b));
        if of_a.len() + of_b.len() > MAX_RANGES || overlap(of_a, of_b) {
            return false;
        }
        let mut all = [of_a, of_b].concat();
        all.sort_unstable();
        if a > b {
            (a, b) = (b, a);
        }
        self.shared[b as usize] = a;
        self.merged[a as usize] = Some(all);
        true
    }

    fn ranges_of(&self, root: u32) -> &[LiveRange] {
        match &self.merged[root as usize] {
            Some(ranges) => ranges,
            None => self.context.ranges().of(VReg::new(root as usize, RegClass::Int)),
        }
    }

    fn place_stores(&mut self, memory: &mut Memory) {
        let mut demands = core::mem::take(&mut self.demands);
        demands.sort_unstable_by_key(|&(vreg, block)| (vreg.vreg(), block.index()));
        demands.dedup();
        let mut entry: Vec<Vec<VReg>> = self.residence.entry.clone();
        entry.iter_mut().for_each(|list| list.sort_unstable_by_key(|vreg| vreg.vreg()));
        let mut costs = Costs::new(self.problem.num_blocks());
        for group in demands.chunk_by(|a, b| a.0 == b.0) {
            let vreg = group[0].0;
            if self.born_in_memory[vreg.vreg()] {
                continue;
            }
            let demanding: Vec<usize> = group.iter().map(|(_, block)| block.index()).collect();
            let in_register = |block: usize| {
                entry[block].binary_search_by_key(&vreg.vreg(), |v| v.vreg()).is_ok()
            };
            let frequency = |block: usize| self.problem.block_frequency(Block::new(block));
            let home = self.context.definitions.blocks[vreg.vreg()].index();
            let chosen = costs.choose(&self.context.cfg, home, &demanding, in_register, frequency);
            for block in chosen {
                let is_param = self.problem.block_params(Block::new(home)).contains(&vreg);
                if block == home && !is_param {
                    memory.stored_at_birth[vreg.vreg()] = true;
                } else {
                    memory.stored_at_entry[block].push(vreg);
                }
            }
        }
    }

    fn assign_slots(&mut self, memory: &mut Memory) {
        let problem = self.problem;
        let mut groups: Vec<(u32, VReg)> = vec![];
        let vregs = self.context.definitions.vregs.iter().copied().flatten();
        for vreg in vregs.filter(|vreg| self.needed[vreg.vreg()]) {
            groups.push((find(&mut self.shared, vreg.vreg() as u32), vreg));
        }
        groups.sort_unstable_by_key(|&(root, vreg)| (root, vreg.vreg()));
        let mut taken: Vec<(RegClass, SpillSlot, Vec<LiveRange>)> = vec![];
        for group in groups.chunk_by(|a, b| a.0 == b.0) {
            let (root, vreg) = group[0];
            let ranges = self.ranges_of(root);
            let mut candidates = taken.iter_mut().rev().take(MAX_TRIES);
            let free = candidates.find(|(class, _, others)| {
                *class == vreg.class()
                    && others.len() + ranges.len() <= MAX_RANGES
                    && !overlap(others, ranges)
            });
            let slot = match free {
                Some((_, slot, others)) => {
                    others.extend_from_slice(ranges);
                    others.sort_unstable();
                    *slot
                }
                None => {
                    let slot = memory.slots.take(problem, vreg.class());
                    taken.push((vreg.class(), slot, ranges.to_vec()));
                    slot
                }
            };
            for &(root, vreg) in group {
                memory.slot[vreg.vreg()] = Some(slot);
                memory.group[vreg.vreg()] = root;
            }
        }
    }
}

/// Whether a store on the edge is cheaper than any before it.
pub(super) fn stores_on_edge<P: AllocProblem>(problem: &P, from: Block, to: Block) -> bool {
    let point = edge_point(problem, from, to).0;
    problem.block_frequency(point) < problem.block_frequency(from)
}

/// Whether two sorted lists of ranges have a point in common.
fn overlap(a: &[LiveRange], b: &[LiveRange]) -> bool {
    let (mut i, mut j) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x.end <= y.start {
            i += 1;
        } else if y.end <= x.start {
            j += 1;
        } else {
            return true;
        }
    }
    false
}
