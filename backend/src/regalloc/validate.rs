//! Verifies an answer by symbolic execution.
//!
//! Input: a problem and an answer, `Remat` edits and dropped instructions included. Each place (a
//! register, a slot) holds a set of virtual registers: the names of the value that is in it.
//! Instructions and edits are executed on those sets along every path, until nothing changes; then
//! every operand must find its name in its place.
//!
//! Invariants of the execution: a name stands for the value of its last definition, so a definition
//! takes it away everywhere else; where paths meet, a place holds what it holds on all of them; on
//! an edge, parameters become names of what their arguments name, all at once; a register outside
//! of the environment loses its value at the next instruction.
//!
//! Left to [`super::check`]: the answer's shape, and operands of one instruction in each other's way.

use std::collections::{BTreeMap, BTreeSet};

use regalloc2::{
    Allocation, Block, Inst, MachineEnv, Operand, OperandConstraint, OperandKind, PReg, PRegSet,
    ProgPoint, VReg,
};

use super::place::{Place, is_slot, place};
use super::stats::block_edits;
use super::{AllocProblem, AllocResult, Edit, blocks, branch_args};

/// Follows `result` through `problem`; the error names the first operand that reads something else,
/// or the first edit that cannot be carried out.
pub(super) fn validate<P: AllocProblem>(
    problem: &P,
    env: &MachineEnv,
    result: &AllocResult,
) -> Result<(), String> {
    let execution = Execution { problem, result, allocatable: PRegSet::from(env) };
    let mut at_entry: Vec<Option<State>> = vec![None; problem.num_blocks()];
    let entry = problem.entry_block();
    at_entry[entry.index()] = Some(State::default());
    let mut queue = BTreeSet::from([entry.index()]);
    while let Some(number) = queue.pop_first() {
        let block = Block::new(number);
        let mut state = at_entry[number].clone().unwrap_or_default();
        execution.block(block, &mut state, |_, _| Ok(()))?;
        for (nth, &succ) in problem.block_succs(block).iter().enumerate() {
            let state = execution.edge(block, nth, &state);
            let known = &mut at_entry[succ.index()];
            let changed = match known {
                Some(known) => known.meet(&state),
                None => {
                    *known = Some(state);
                    true
                }
            };
            if changed {
                queue.insert(succ.index());
            }
        }
    }
    for block in blocks(problem) {
        let Some(mut state) = at_entry[block.index()].take() else { continue };
        execution.block(block, &mut state, |inst, state| execution.operands(inst, state))?;
    }
    Ok(())
}

/// What one place holds.
#[derive(Clone, Default, PartialEq)]
struct Held {
    names: BTreeSet<VReg>,
    /// Of a slot, as it was written.
    words: usize,
}

#[derive(Clone, Default)]
struct State(BTreeMap<Place, Held>);

impl State {
    fn names(&self, alloc: Allocation) -> BTreeSet<VReg> {
        self.0.get(&place(alloc)).map(|held| held.names.clone()).unwrap_or_default()
    }

    /// Puts a value into a place, and out of the slots that overlap it.
    fn write(&mut self, to: Allocation, names: BTreeSet<VReg>, words: usize) {
        let to = place(to);
        if is_slot(to) {
            self.0.retain(|&other, held| {
                !is_slot(other) || other + held.words as u32 <= to || to + words as u32 <= other
            });
        }
        self.0.insert(to, Held { names, words });
    }

    fn forget(&mut self, name: VReg) {
        self.0.values_mut().for_each(|held| _ = held.names.remove(&name));
    }

    /// Keeps what `other` holds as well; tells whether anything went.
    fn meet(&mut self, other: &State) -> bool {
        let mut changed = false;
        self.0.retain(|place, held| {
            let same = other.0.get(place).filter(|other| other.words == held.words);
            let before = held.names.len();
            held.names.retain(|name| same.is_some_and(|same| same.names.contains(name)));
            changed |= held.names.len() < before;
            !held.names.is_empty()
        });
        changed
    }
}

struct Execution<'a, P> {
    problem: &'a P,
    result: &'a AllocResult,
    allocatable: PRegSet,
}

impl<P: AllocProblem> Execution<'_, P> {
    /// Executes a block; shows each instruction and the state in front of it to `visit`.
    fn block(
        &self,
        block: Block,
        state: &mut State,
        visit: impl Fn(Inst, &State) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut edits = block_edits(self.problem, self.result, block).iter().peekable();
        for inst in self.problem.block_insns(block).iter() {
            let (before, after) = (ProgPoint::before(inst), ProgPoint::after(inst));
            while let Some((point, edit)) = edits.next_if(|(point, _)| *point <= before) {
                self.edit(edit, state).map_err(|e| format!("{point:?}: {edit:?} {e}"))?;
            }
            if !self.result.is_dropped(inst) {
                visit(inst, state)?;
                self.inst(inst, state);
            }
            while let Some((point, edit)) = edits.next_if(|(point, _)| *point <= after) {
                self.edit(edit, state).map_err(|e| format!("{point:?}: {edit:?} {e}"))?;
            }
        }
        Ok(())
    }

    fn edit(&self, edit: &Edit, state: &mut State) -> Result<(), &'static str> {
        let (names, from, to) = match *edit {
            Edit::Move { from, to } => (state.names(from), from, to),
            Edit::Remat { inst, to } => {
                let value = rematerializable(self.problem, inst);
                (
                    BTreeSet::from([value.ok_or("is not a value that can be computed again")?]),
                    to,
                    to,
                )
            }
        };
        let words = match (from.as_reg(), to.as_reg()) {
            (Some(from), Some(to)) if from.class() != to.class() => {
                return Err("crosses register classes");
            }
            (Some(preg), _) | (_, Some(preg)) => self.words(preg),
            (None, None) => return Err("does not go through a register"),
        };
        state.write(to, names, words);
        Ok(())
    }

    fn words(&self, preg: PReg) -> usize {
        self.problem.spillslot_size(preg.class()).max(1)
    }

    fn inst(&self, inst: Inst, state: &mut State) {
        let clobbers = self.problem.inst_clobbers(inst);
        state.0.retain(|&place, _| {
            is_slot(place) || {
                let preg = PReg::from_index(place as usize);
                self.allocatable.contains(preg) && !clobbers.contains(preg)
            }
        });
        for (op, alloc) in self.allocated(inst).filter(|(op, _)| op.kind() == OperandKind::Def) {
            state.forget(op.vreg());
            let words = self.problem.spillslot_size(op.class()).max(1);
            state.write(alloc, BTreeSet::from([op.vreg()]), words);
        }
    }

    /// Operands that are values, with their places.
    fn allocated(&self, inst: Inst) -> impl Iterator<Item = (Operand, Allocation)> {
        let allocs = self.result.inst_allocs(inst).iter().copied();
        let operands = self.problem.inst_operands(inst).iter().copied().zip(allocs);
        operands.filter(|(op, _)| op.as_fixed_nonallocatable().is_none())
    }

    /// Every operand is in a place that its constraint allows, and finds its value there.
    fn operands(&self, inst: Inst, state: &State) -> Result<(), String> {
        let allocs = self.result.inst_allocs(inst);
        for (&op, &alloc) in self.problem.inst_operands(inst).iter().zip(allocs) {
            if let Some(preg) = op.as_fixed_nonallocatable() {
                if alloc.as_reg() != Some(preg) {
                    return Err(format!("inst{}: {preg} is in {alloc}", inst.index()));
                }
                continue;
            }
            let allowed = match op.constraint() {
                OperandConstraint::Any => alloc.is_reg() || alloc.is_stack(),
                OperandConstraint::Reg => alloc.is_reg(),
                OperandConstraint::Stack => alloc.is_stack(),
                OperandConstraint::FixedReg(preg) => alloc.as_reg() == Some(preg),
                OperandConstraint::Reuse(input) => allocs.get(input) == Some(&alloc),
                OperandConstraint::Limit(max) => alloc.as_reg().is_some_and(|r| r.hw_enc() < max),
            };
            if !allowed || alloc.as_reg().is_some_and(|preg| preg.class() != op.class()) {
                return Err(format!("inst{}: {op} is in {alloc}", inst.index()));
            }
            let names = state.names(alloc);
            if op.kind() == OperandKind::Use && !names.contains(&op.vreg()) {
                let names: Vec<String> = names.iter().map(VReg::to_string).collect();
                let found = if names.is_empty() { "nothing".into() } else { names.join(", ") };
                return Err(format!(
                    "inst{}: {op} reads {alloc}, which holds {found}",
                    inst.index()
                ));
            }
        }
        Ok(())
    }

    /// What `state` becomes on the edge to a block's successor.
    fn edge(&self, block: Block, nth: usize, state: &State) -> State {
        let term = self.problem.block_insns(block).last();
        let params = self.problem.block_params(self.problem.block_succs(block)[nth]);
        let mut state = state.clone();
        if params.is_empty() {
            return state;
        }
        for held in state.0.values_mut() {
            let args = branch_args(self.problem, block, term, nth);
            let arriving: Vec<VReg> =
                args.filter(|(arg, _)| held.names.contains(arg)).map(|(_, param)| param).collect();
            held.names.retain(|name| !params.contains(name));
            held.names.extend(arriving);
        }
        state
    }
}

/// The value that an instruction defines, if it may be computed again anywhere.
pub(super) fn rematerializable<P: AllocProblem>(problem: &P, inst: Inst) -> Option<VReg> {
    problem.remat_cost(inst)?;
    match problem.inst_operands(inst) {
        [op] if op.kind() == OperandKind::Def && op.as_fixed_nonallocatable().is_none() => {
            Some(op.vreg())
        }
        _ => None,
    }
}
