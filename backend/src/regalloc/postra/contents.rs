//! Which values are in which places, at every point of an answer.
//!
//! A forward dataflow analysis. A place's contents are the virtual registers that name its value.
//! Where paths meet, what all of them have stays. A block keeps the names of what its predecessors
//! have live: a loop that defines a value again therefore never meets its old name.

use regalloc2::{
    Allocation, Block, Inst, MachineEnv, OperandKind, PReg, PRegSet, ProgPoint, RegClass, VReg,
};
use smallvec::SmallVec;
use std::collections::BTreeSet;

use crate::regalloc::liveness::Liveness;
use crate::regalloc::place::{Place, is_slot, num_places, place};
use crate::regalloc::stats::block_edits;
use crate::regalloc::validate::rematerializable;
use crate::regalloc::{AllocProblem, AllocResult, Edit, branch_args};

/// Sorted.
pub(super) type Names = SmallVec<[VReg; 2]>;

pub(super) struct Contents<'a, P> {
    problem: &'a P,
    allocatable: PRegSet,
    /// Of each class, in order.
    registers: [Vec<PReg>; 3],
    /// What each place holds at the point of the walk.
    names: Vec<Names>,
    /// Registers, and slots, that may hold something.
    held: PRegSet,
    slots: Vec<Place>,
    at_entry: Vec<Option<Vec<(Place, Names)>>>,
}

impl<'a, P: AllocProblem> Contents<'a, P> {
    /// Solves the equations for `result`.
    pub fn new(problem: &'a P, env: &MachineEnv, result: &AllocResult) -> Self {
        let allocatable = PRegSet::from(env);
        let of_class =
            |class| allocatable.into_iter().filter(move |r| r.class() == class).collect();
        let mut contents = Contents {
            problem,
            allocatable,
            registers: [RegClass::Int, RegClass::Float, RegClass::Vector].map(of_class),
            names: vec![Names::new(); num_places(result.num_spillslots)],
            held: PRegSet::empty(),
            slots: vec![],
            at_entry: vec![None; problem.num_blocks()],
        };
        contents.solve(result);
        contents
    }

    fn solve(&mut self, result: &AllocResult) {
        let problem = self.problem;
        let liveness = Liveness::new(problem);
        let mut live = vec![false; problem.num_vregs()];
        let entry = problem.entry_block();
        self.at_entry[entry.index()] = Some(vec![]);
        let mut queue = BTreeSet::from([entry.index()]);
        while let Some(number) = queue.pop_first() {
            let block = Block::new(number);
            self.enter(block);
            self.run(block, result);
            let live_out = liveness.live_out(block);
            live_out.iter().for_each(|v| live[v.vreg()] = true);
            for (nth, &succ) in problem.block_succs(block).iter().enumerate() {
                if self.leave(block, nth, &live) {
                    queue.insert(succ.index());
                }
            }
            live_out.iter().for_each(|v| live[v.vreg()] = false);
        }
    }

    fn run(&mut self, block: Block, result: &AllocResult) {
        let mut edits = block_edits(self.problem, result, block).iter().peekable();
        for inst in self.problem.block_insns(block).iter() {
            let before = ProgPoint::before(inst);
            while let Some((_, edit)) = edits.next_if(|(point, _)| *point <= before) {
                self.edit(edit);
            }
            self.inst(inst, result);
        }
    }

    /// Begins a walk of the block.
    pub fn enter(&mut self, block: Block) {
        for place in self.held_places() {
            self.names[place as usize].clear();
        }
        self.held = PRegSet::empty();
        self.slots.clear();
        for (place, names) in self.at_entry[block.index()].iter().flatten() {
            self.names[*place as usize].clone_from(names);
            note(&mut self.held, &mut self.slots, *place);
        }
    }

    /// Places that may hold something, some of them twice.
    fn held_places(&self) -> Vec<Place> {
        let registers = self.held.into_iter().map(|preg| place(Allocation::reg(preg)));
        registers.chain(self.slots.iter().copied()).collect()
    }

    /// Takes what holds at the end of the block over to a successor; tells whether that changed.
    fn leave(&mut self, block: Block, nth: usize, live: &[bool]) -> bool {
        let problem = self.problem;
        let term = problem.block_insns(block).last();
        let succ = problem.block_succs(block)[nth];
        let args: SmallVec<[(VReg, VReg); 4]> = match problem.block_params(succ) {
            [] => SmallVec::new(),
            _ => branch_args(problem, block, term, nth).collect(),
        };
        let across = |names: &Names| -> Names {
            let lasting = names.iter().copied().filter(|v| live[v.vreg()]);
            let arriving = args.iter().filter(|(arg, _)| names.contains(arg));
            let mut names: Names = lasting.chain(arriving.map(|&(_, param)| param)).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let Some(known) = &mut self.at_entry[succ.index()] else {
            let mut places = self.held_places();
            places.sort_unstable();
            places.dedup();
            let held = places.into_iter().map(|p| (p, across(&self.names[p as usize])));
            let held = held.filter(|(_, names)| !names.is_empty()).collect();
            self.at_entry[succ.index()] = Some(held);
            return true;
        };
        let mut changed = false;
        known.retain_mut(|(place, names)| {
            let arriving = across(&self.names[*place as usize]);
            let before = names.len();
            names.retain(|name| arriving.contains(name));
            changed |= names.len() < before;
            !names.is_empty()
        });
        changed
    }

    pub fn names(&self, alloc: Allocation) -> &Names {
        &self.names[place(alloc) as usize]
    }

    /// Whether `to` holds all that `from` does, so that it may be read instead.
    pub fn covers(&self, to: Allocation, from: Allocation) -> bool {
        let (to, from) = (self.names(to), self.names(from));
        !from.is_empty() && from.iter().all(|name| to.contains(name))
    }

    /// A register of the class that holds all that `from` does.
    pub fn register(&self, class: RegClass, from: Allocation) -> Option<PReg> {
        let registers = self.registers[class as usize].iter().copied();
        registers.into_iter().find(|&preg| self.covers(Allocation::reg(preg), from))
    }

    fn set(&mut self, to: Allocation, names: Names) {
        let to = place(to);
        if self.names[to as usize].is_empty() {
            note(&mut self.held, &mut self.slots, to);
        }
        self.names[to as usize] = names;
    }

    pub fn edit(&mut self, edit: &Edit) {
        match *edit {
            Edit::Move { from, to } => self.set(to, self.names(from).clone()),
            Edit::Remat { inst, to } => {
                self.set(to, rematerializable(self.problem, inst).into_iter().collect());
            }
        }
    }

    pub fn inst(&mut self, inst: Inst, result: &AllocResult) {
        if result.is_dropped(inst) {
            return;
        }
        let clobbers = self.problem.inst_clobbers(inst);
        for preg in self.held {
            if clobbers.contains(preg) || !self.allocatable.contains(preg) {
                self.names[place(Allocation::reg(preg)) as usize].clear();
                self.held.remove(preg);
            }
        }
        let allocs = result.inst_allocs(inst).iter();
        for (op, &alloc) in self.problem.inst_operands(inst).iter().zip(allocs) {
            if op.kind() == OperandKind::Def && op.as_fixed_nonallocatable().is_none() {
                self.set(alloc, Names::from_slice(&[op.vreg()]));
            }
        }
    }
}

/// Notes that a place holds something.
fn note(held: &mut PRegSet, slots: &mut Vec<Place>, place: Place) {
    match is_slot(place) {
        true => slots.push(place),
        false => held.add(PReg::from_index(place as usize)),
    }
}
