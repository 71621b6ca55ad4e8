//! Which values an allocation spills and where each value is, told from where each place is read
//! next.
//!
//! Edits name places, not values. Walking backwards, a place *carries* the virtual register as
//! which it will be read; an edit that writes the place hands that name on to its source. A value
//! is spilled if an operand of it is on the stack, if an edit reads or writes a slot that carries
//! it, or if it arrives in a slot as a block parameter. An edit on the way from a branch argument
//! to a parameter's slot stores the parameter; the argument is spilled only if it was read from a
//! slot itself. What no instruction ever reads carries no name.
//!
//! The names at block entries are found by iteration; they only ever grow, and a place keeps the
//! first name that it is given, since in a right allocation all of its names hold the same value.

use regalloc2::{Allocation, Block, Inst, OperandKind, OperandPos, ProgPoint, VReg};
use std::collections::BinaryHeap;

use super::place::{Place, allocation, is_slot, num_places, place};
use super::stats::block_edits;
use super::{AllocProblem, AllocResult, Edit, blocks, branch_args};

const NO_NAME: u32 = u32::MAX;

/// A value in a place, from `start` up to and without `end`: from where the place is written with
/// it to where it is last read. `Before` an instruction is its early point, `After` its late one.
/// Of several names for what is in the place, such as an argument and its parameter, it has the one
/// under which that is read next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stay {
    /// A register or a slot.
    pub place: Allocation,
    pub vreg: VReg,
    pub start: ProgPoint,
    pub end: ProgPoint,
}

/// Where values are along the program.
#[derive(Clone, Debug, Default)]
pub struct Stays {
    /// By place, registers first, and then by point; those of one place do not overlap.
    pub stays: Vec<Stay>,
    /// For each edit the value that it moves or computes; none if nothing reads it.
    pub edits: Vec<Option<VReg>>,
}

/// Finds where each value is, whoever gave the answer. What nothing reads is in no place, except
/// definitions, which stay for the one point at which they are written.
pub fn stays<P: AllocProblem>(problem: &P, result: &AllocResult) -> Stays {
    let mut names = Names::new(problem, result);
    names.solve();
    names.log = Some(Log {
        open_until: vec![ProgPoint::invalid(); names.carried.len()],
        stays: vec![],
        edits: vec![],
    });
    // Everything backwards, so that edits come in the reverse of their order.
    for block in blocks(problem).rev() {
        names.walk(block);
    }
    let mut log = names.log.unwrap_or_default();
    log.edits.reverse();
    Stays { stays: joined(log.stays), edits: log.edits }
}

/// Sorts stays, and joins those that continue each other across a block's boundary.
fn joined(mut stays: Vec<Stay>) -> Vec<Stay> {
    stays.sort_unstable_by_key(|stay| (place(stay.place), stay.start));
    let mut joined: Vec<Stay> = Vec::with_capacity(stays.len());
    for stay in stays {
        match joined.last_mut() {
            Some(last)
                if (last.place, last.vreg, last.end) == (stay.place, stay.vreg, stay.start) =>
            {
                last.end = stay.end;
            }
            _ => joined.push(stay),
        }
    }
    joined
}

/// Counts the virtual registers that touch a slot.
pub(super) fn spilled_values<P: AllocProblem>(problem: &P, result: &AllocResult) -> u32 {
    let on_stack = |a: &Allocation| a.is_stack();
    let edit_on_stack = |edit: &Edit| match edit {
        Edit::Move { from, to } => from.is_stack() || to.is_stack(),
        Edit::Remat { .. } => false,
    };
    if !result.allocs.iter().any(on_stack) && !result.edits.iter().any(|(_, e)| edit_on_stack(e)) {
        return 0;
    }
    let mut names = Names::new(problem, result);
    names.solve();
    names.spilled.iter().filter(|&&spilled| spilled).count() as u32
}

struct Names<'a, P> {
    problem: &'a P,
    result: &'a AllocResult,
    /// What each place carries at the point of the walk: registers first, then slots.
    carried: Vec<u32>,
    /// Places that may carry something, to clear `carried` by.
    touched: Vec<Place>,
    /// What each place carries where a block begins.
    at_entry: Vec<Vec<(Place, VReg)>>,
    spilled: Vec<bool>,
    /// The program point that the walk has reached.
    at: ProgPoint,
    log: Option<Log>,
}

/// What a walk over finished names writes down.
#[derive(Default)]
struct Log {
    /// Where what each place carries is last read.
    open_until: Vec<ProgPoint>,
    stays: Vec<Stay>,
    edits: Vec<Option<VReg>>,
}

impl<'a, P: AllocProblem> Names<'a, P> {
    fn new(problem: &'a P, result: &'a AllocResult) -> Self {
        Names {
            problem,
            result,
            carried: vec![NO_NAME; num_places(result.num_spillslots)],
            touched: vec![],
            at_entry: vec![vec![]; problem.num_blocks()],
            spilled: vec![false; problem.num_vregs()],
            at: ProgPoint::invalid(),
            log: None,
        }
    }

    fn solve(&mut self) {
        // The last block first: what a block carries is known best when its successors are done.
        let mut queue: BinaryHeap<usize> = (0..self.problem.num_blocks()).collect();
        let mut queued = vec![true; queue.len()];
        while let Some(number) = queue.pop() {
            queued[number] = false;
            let block = Block::new(number);
            if self.walk(block) {
                for &pred in self.problem.block_preds(block) {
                    if !queued[pred.index()] {
                        queued[pred.index()] = true;
                        queue.push(pred.index());
                    }
                }
            }
        }
    }

    /// Walks a block from its end; tells whether its entry carries more than it did.
    fn walk(&mut self, block: Block) -> bool {
        for &place in &self.touched {
            self.carried[place as usize] = NO_NAME;
        }
        self.touched.clear();
        let insts = self.problem.block_insns(block);
        self.at = ProgPoint::after(insts.last()).next();
        let mut into_params = self.leave(block);

        let mut edits = block_edits(self.problem, self.result, block);
        for inst in insts.iter().rev() {
            // Edits behind an instruction, the instruction, and at last those in front of it.
            while let Some(((point, edit), rest)) = edits.split_last()
                && point.inst() == inst
                && *point > ProgPoint::before(inst)
            {
                self.at = point.next();
                self.edit(edit, &into_params);
                edits = rest;
            }
            self.inst(inst);
            while let Some(((point, edit), rest)) = edits.split_last()
                && point.inst() == inst
            {
                self.at = *point;
                self.edit(edit, &into_params);
                edits = rest;
            }
            into_params.clear();
        }
        self.at = ProgPoint::before(insts.first());
        self.enter(block)
    }

    /// Takes over what the successors carry; returns the places that become parameters.
    fn leave(&mut self, block: Block) -> Vec<Place> {
        let term = self.problem.block_insns(block).last();
        let mut into_params = vec![];
        for (i, &succ) in self.problem.block_succs(block).iter().enumerate() {
            let args: Vec<(VReg, VReg)> = if self.problem.is_branch(term) {
                branch_args(self.problem, block, term, i).collect()
            } else {
                vec![]
            };
            let entry = core::mem::take(&mut self.at_entry[succ.index()]);
            for &(place, name) in &entry {
                // Parameters are few; those that arrive somewhere fewer.
                let arg = args.iter().find(|(_, param)| *param == name);
                if arg.is_some() {
                    into_params.push(place);
                }
                self.carry(place, arg.map_or(name, |&(arg, _)| arg));
            }
            self.at_entry[succ.index()] = entry;
        }
        into_params
    }

    fn carry(&mut self, place: Place, name: VReg) {
        self.set(place, name.bits() as u32);
        self.touched.push(place);
    }

    fn drop_name(&mut self, place: Place) {
        self.set(place, NO_NAME);
    }

    /// Changes what a place carries in front of the point that the walk has reached.
    fn set(&mut self, place: Place, bits: u32) {
        let before = core::mem::replace(&mut self.carried[place as usize], bits);
        let Some(log) = &mut self.log else { return };
        if before == bits {
            return;
        }
        let end = core::mem::replace(&mut log.open_until[place as usize], self.at);
        if before != NO_NAME && self.at < end {
            let (place, vreg) = (allocation(place), VReg::from(before));
            log.stays.push(Stay { place, vreg, start: self.at, end });
        }
    }

    fn name_at(&self, place: Place) -> Option<VReg> {
        let bits = self.carried[place as usize];
        (bits != NO_NAME).then(|| VReg::from(bits))
    }

    fn spill(&mut self, name: VReg) {
        self.spilled[name.vreg()] = true;
    }

    fn edit(&mut self, edit: &Edit, into_params: &[Place]) {
        let to = match *edit {
            Edit::Move { to, .. } | Edit::Remat { to, .. } => place(to),
        };
        let name = self.name_at(to);
        if let Some(log) = &mut self.log {
            log.edits.push(name);
        }
        let Some(name) = name else { return };
        self.drop_name(to);
        if let Edit::Move { from, .. } = *edit {
            let from = place(from);
            let stores_param = is_slot(to) && into_params.contains(&to);
            if is_slot(from) || is_slot(to) && !stores_param {
                self.spill(name);
            }
            self.carry(from, name);
        }
    }

    fn inst(&mut self, inst: Inst) {
        if self.result.is_dropped(inst) {
            return;
        }
        let allocs = self.result.inst_allocs(inst);
        let operands = self.problem.inst_operands(inst).iter().zip(allocs);
        let operands = operands.filter(|(op, _)| op.as_fixed_nonallocatable().is_none());
        let point = |pos| match pos {
            OperandPos::Early => ProgPoint::before(inst),
            OperandPos::Late => ProgPoint::after(inst),
        };
        for (op, &alloc) in operands.clone() {
            if alloc.is_stack() {
                self.spill(op.vreg());
            }
            if op.kind() == OperandKind::Def {
                self.at = point(op.pos());
                self.define(place(alloc), op.vreg());
            }
        }
        // Reads at the late point first: the walk goes backwards.
        for pos in [OperandPos::Late, OperandPos::Early] {
            self.at = point(pos).next();
            for (op, &alloc) in operands.clone() {
                if op.kind() == OperandKind::Use && op.pos() == pos {
                    self.carry(place(alloc), op.vreg());
                }
            }
        }
    }

    fn define(&mut self, place: Place, vreg: VReg) {
        let unread = self.name_at(place).is_none();
        self.drop_name(place);
        if let Some(log) = self.log.as_mut().filter(|_| unread) {
            let (start, end) = (self.at, self.at.next());
            log.stays.push(Stay { place: allocation(place), vreg, start, end });
        }
    }

    fn enter(&mut self, block: Block) -> bool {
        let mut known = core::mem::take(&mut self.at_entry[block.index()]);
        for &(place, _) in &known {
            self.drop_name(place);
        }
        let before = known.len();
        for i in 0..self.touched.len() {
            let place = self.touched[i];
            if let Some(name) = self.name_at(place) {
                self.drop_name(place);
                known.push((place, name));
                if is_slot(place) && self.problem.block_params(block).contains(&name) {
                    self.spill(name);
                }
            }
        }
        let grown = known.len() > before;
        self.at_entry[block.index()] = known;
        grown
    }
}
