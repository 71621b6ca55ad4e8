//! The baseline: what a single-pass selector that writes physical registers does.
//!
//! One walk forward over each block, which starts with empty registers. A value takes the first
//! free register of the environment, preferred ones first; when none is free, the least recently
//! used one is evicted. The walk knows last uses inside the block and nothing beyond: a value that
//! is used in another block, and every block parameter, has a home slot. It is stored once, where
//! it is defined (a parameter: where the branch passes it), and loaded at its first use in each
//! block. A value local to a block is stored only when evicted, and its slot is free again after
//! its last use.
//!
//! Input: a problem and an environment with a scratch register for each class in use. Output: an
//! [`AllocResult`]. Time and memory are linear in the problem's size.
//!
//! Invariant: a value's slot, once assigned, holds the value wherever the value is live.
//! Invariant: between instructions a value is in at most one register.
//!
//! Each instruction passes two steps: [`plan`] picks a place for each operand; [`realize`] makes
//! it so with edits. Block arguments are left to [`edges`].

mod edges;
mod plan;
mod realize;

use regalloc2::{
    Allocation, Block, Inst, MachineEnv, OperandKind, PReg, PRegSet, ProgPoint, RegAllocError,
    RegClass, SpillSlot, VReg,
};

use super::slots::Slots;
use super::{AllocError, AllocProblem, AllocResult, Allocator, CLASSES, Edit, blocks, branch_args};
use plan::Plan;

pub struct Greedy;

impl Allocator for Greedy {
    fn name(&self) -> &'static str {
        "greedy"
    }

    fn allocate<P: AllocProblem>(
        &self,
        problem: &P,
        env: &MachineEnv,
    ) -> Result<AllocResult, AllocError> {
        let mut walk = Walk::new(problem, env)?;
        walk.find_homes()?;
        for block in blocks(problem) {
            walk.count_uses(block);
            for inst in problem.block_insns(block).iter() {
                walk.plan(inst)?;
                walk.realize(inst)?;
            }
            walk.leave(block)?;
        }
        Ok(walk.finish())
    }
}

/// What is known of a virtual register.
#[derive(Clone, Copy, Default)]
struct Value {
    /// The register that holds it, between instructions.
    reg: Option<PReg>,
    /// The slot that holds it.
    slot: Option<SpillSlot>,
    /// Is used outside the block that defines it, or is a parameter.
    crosses: bool,
    /// Is used anywhere.
    used: bool,
    /// Known of what is used.
    class: Option<RegClass>,
    /// Uses that are still to come in this block, as operand or block argument.
    uses_left: u32,
    /// The instruction that mentioned it last, for `early`.
    mentioned_by: Option<Inst>,
    /// The first register in which that instruction reads it.
    early: Option<PReg>,
}

struct Walk<'a, P> {
    problem: &'a P,
    /// The registers of each class, in order of preference.
    order: [Vec<PReg>; 3],
    allocatable: PRegSet,
    scratch: [Option<PReg>; 3],
    values: Vec<Value>,
    /// The value in each register, between instructions.
    content: [Option<VReg>; PReg::NUM_INDEX],
    /// When each register was last an operand: the instruction's number plus one.
    last_use: [u32; PReg::NUM_INDEX],
    slots: Slots,
    plan: Plan,
    /// Edits at the beginning of blocks, ahead of any in `edits` at the same point.
    entry_edits: Vec<(ProgPoint, Edit)>,
    edits: Vec<(ProgPoint, Edit)>,
    allocs: Vec<Allocation>,
    inst_alloc_offsets: Vec<u32>,
}

impl<'a, P: AllocProblem> Walk<'a, P> {
    fn new(problem: &'a P, env: &MachineEnv) -> Result<Self, AllocError> {
        if !env.fixed_stack_slots.is_empty() {
            return Err(AllocError::Unsupported("an environment with fixed stack slots"));
        }
        let order = CLASSES.map(|class| {
            let preferred = env.preferred_regs_by_class[class as usize].into_iter();
            preferred.chain(env.non_preferred_regs_by_class[class as usize]).collect::<Vec<_>>()
        });
        Ok(Walk {
            problem,
            order,
            allocatable: PRegSet::from(env),
            scratch: env.scratch_by_class,
            values: vec![Value::default(); problem.num_vregs()],
            content: [None; PReg::NUM_INDEX],
            last_use: [0; PReg::NUM_INDEX],
            slots: Slots::default(),
            plan: Plan::default(),
            entry_edits: vec![],
            edits: vec![],
            allocs: vec![],
            inst_alloc_offsets: Vec::with_capacity(problem.num_insts()),
        })
    }

    /// Finds out which values need a home slot.
    fn find_homes(&mut self) -> Result<(), AllocError> {
        let mut def_block = vec![Block::invalid(); self.values.len()];
        for block in blocks(self.problem) {
            for param in self.problem.block_params(block) {
                self.known(*param)?.crosses = true;
                def_block[param.vreg()] = block;
            }
            for inst in self.problem.block_insns(block).iter() {
                for op in self.problem.inst_operands(inst) {
                    if op.kind() == OperandKind::Def {
                        self.known(op.vreg())?;
                        def_block[op.vreg().vreg()] = block;
                    }
                }
            }
        }
        let mut undefined = None;
        for block in blocks(self.problem) {
            self.for_each_use(block, |value, vreg| {
                let def = def_block[vreg.vreg()];
                value.used = true;
                value.crosses |= def != block;
                value.class = Some(vreg.class());
                if def.is_invalid() {
                    undefined = Some(vreg);
                }
            })?;
        }
        if let Some(vreg) = undefined {
            return Err(AllocError::Malformed(RegAllocError::SSA(vreg, Inst::invalid())));
        }
        for value in self.values.iter_mut().filter(|value| value.crosses) {
            // What nothing uses has no class, and no home.
            value.slot = value.class.map(|class| self.slots.take(self.problem, class));
        }
        Ok(())
    }

    /// Counts each value's uses in the block.
    fn count_uses(&mut self, block: Block) {
        // Unknown numbers were refused by `find_homes`.
        let _ = self.for_each_use(block, |value, _| value.uses_left += 1);
    }

    fn for_each_use(
        &mut self,
        block: Block,
        mut visit: impl FnMut(&mut Value, VReg),
    ) -> Result<(), AllocError> {
        let problem = self.problem;
        let insts = problem.block_insns(block);
        for inst in insts.iter() {
            let operands = problem.inst_operands(inst).iter();
            for op in operands.filter(|op| op.as_fixed_nonallocatable().is_none()) {
                if op.kind() == OperandKind::Use {
                    visit(self.known(op.vreg())?, op.vreg());
                }
            }
        }
        let term = insts.last();
        if problem.is_branch(term) {
            for succ in 0..problem.block_succs(block).len() {
                for (arg, _) in branch_args(problem, block, term, succ) {
                    visit(self.known(arg)?, arg);
                }
            }
        }
        Ok(())
    }

    fn known(&mut self, vreg: VReg) -> Result<&mut Value, AllocError> {
        let error = RegAllocError::SSA(vreg, Inst::invalid());
        self.values.get_mut(vreg.vreg()).ok_or(AllocError::Malformed(error))
    }

    fn value(&mut self, vreg: VReg) -> &mut Value {
        &mut self.values[vreg.vreg()]
    }

    /// Whether the value is used again in this block.
    fn survives(&self, vreg: VReg) -> bool {
        self.values[vreg.vreg()].uses_left > 0
    }

    /// The slot of a value, a new one if it has none yet.
    fn slot_of(&mut self, vreg: VReg) -> SpillSlot {
        if let Some(slot) = self.values[vreg.vreg()].slot {
            return slot;
        }
        let slot = self.slots.take(self.problem, vreg.class());
        self.value(vreg).slot = Some(slot);
        slot
    }

    /// Where a value is, a register rather than a slot.
    fn place_of(&self, vreg: VReg, inst: Inst) -> Result<Allocation, AllocError> {
        let value = &self.values[vreg.vreg()];
        let reg = value.reg.map(Allocation::reg);
        reg.or(value.slot.map(Allocation::stack))
            .ok_or(AllocError::Malformed(RegAllocError::SSA(vreg, inst)))
    }

    fn scratch(&self, class: RegClass) -> Result<PReg, AllocError> {
        self.scratch[class as usize]
            .ok_or(AllocError::Unsupported("an environment without a scratch register"))
    }

    fn enter_reg(&mut self, preg: PReg, vreg: VReg) {
        self.content[preg.index()] = Some(vreg);
        self.value(vreg).reg = Some(preg);
    }

    fn leave_reg(&mut self, preg: PReg) {
        if let Some(vreg) = self.content[preg.index()].take() {
            self.value(vreg).reg = None;
        }
    }

    /// Gives up the places of a value that is dead from here to the block's end.
    fn release(&mut self, vreg: VReg) {
        if let Some(preg) = self.values[vreg.vreg()].reg {
            self.leave_reg(preg);
        }
        if !self.values[vreg.vreg()].crosses
            && let Some(slot) = self.value(vreg).slot.take()
        {
            self.slots.give_back(vreg.class(), slot);
        }
    }

    fn finish(mut self) -> AllocResult {
        self.entry_edits.append(&mut self.edits);
        self.entry_edits.sort_by_key(|&(point, _)| point);
        AllocResult {
            num_spillslots: self.slots.count,
            edits: self.entry_edits,
            allocs: self.allocs,
            inst_alloc_offsets: self.inst_alloc_offsets,
            dropped: vec![],
        }
    }
}
