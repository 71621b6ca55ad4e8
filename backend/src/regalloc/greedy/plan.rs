//! Picks a place for each operand of one instruction.
//!
//! Registers count at two moments, early and late (`regalloc2::OperandPos`). Operands choose in
//! the order of how little choice they have: fixed ones, then those that keep a register at both
//! moments (late uses, early definitions, a reused input with its output), then early uses, then
//! late definitions, and last what may lie on the stack. So if the instruction's operands fit the
//! environment at all, each finds a register, whatever the earlier ones chose.

use regalloc2::{
    Allocation, Inst, Operand, OperandConstraint, OperandKind, OperandPos, PReg, PRegSet, VReg,
};

use super::Walk;
use crate::regalloc::{AllocError, AllocProblem};

/// The places of one instruction's operands.
#[derive(Default)]
pub(super) struct Plan {
    pub inst: Option<Inst>,
    /// One for each operand, `none` until picked.
    pub allocs: Vec<Allocation>,
    /// Registers that operands occupy early.
    pub early: PRegSet,
    /// Registers that operands occupy late, and clobbered ones.
    pub late: PRegSet,
    /// Registers that the instruction overwrites.
    pub killed: PRegSet,
    /// Which value the instruction reads in which register.
    pub reads: Vec<(PReg, VReg)>,
    /// Values that must be stored in front of the instruction.
    pub stores: Vec<VReg>,
}

impl Plan {
    fn clear(&mut self, operands: usize, clobbers: PRegSet) {
        self.allocs.clear();
        self.allocs.resize(operands, Allocation::none());
        self.early = PRegSet::empty();
        self.late = clobbers;
        self.killed = clobbers;
        self.reads.clear();
        self.stores.clear();
    }

    /// The value that the instruction reads in the register.
    pub fn read_in(&self, preg: PReg) -> Option<VReg> {
        self.reads.iter().find(|&&(r, _)| r == preg).map(|&(_, vreg)| vreg)
    }

    fn define(&mut self, preg: PReg) {
        self.late.add(preg);
        self.killed.add(preg);
    }

    fn is_open(&self, i: usize) -> bool {
        self.allocs[i].is_none()
    }
}

impl<P: AllocProblem> Walk<'_, P> {
    pub(super) fn plan(&mut self, inst: Inst) -> Result<(), AllocError> {
        let problem = self.problem;
        let operands = problem.inst_operands(inst);
        let is_branch = problem.is_branch(inst);
        self.plan.clear(operands.len(), problem.inst_clobbers(inst));
        self.mention(inst, operands);

        self.plan_fixed(operands)?;
        // A branch's operands are read after block arguments have been written to their slots.
        let in_reg = |op: &Operand| match op.constraint() {
            OperandConstraint::Reg => true,
            OperandConstraint::Any => is_branch && op.kind() == OperandKind::Use,
            _ => false,
        };
        for (i, op) in operands.iter().enumerate() {
            let crosswise = matches!(
                (op.kind(), op.pos()),
                (OperandKind::Use, OperandPos::Late) | (OperandKind::Def, OperandPos::Early)
            );
            match op.constraint() {
                OperandConstraint::Reuse(input) => self.plan_reuse(operands, i, input)?,
                OperandConstraint::Limit(_) => {
                    return Err(AllocError::Unsupported("a limited register range"));
                }
                _ if crosswise && in_reg(op) => self.plan_crosswise(i, *op)?,
                _ => {}
            }
        }
        for (i, op) in operands.iter().enumerate() {
            if self.plan.is_open(i) && op.kind() == OperandKind::Use && in_reg(op) {
                self.plan_early_use(i, op.vreg())?;
            }
        }
        for (i, op) in operands.iter().enumerate() {
            if self.plan.is_open(i) && op.kind() == OperandKind::Def && in_reg(op) {
                let preg = self.pick_late(op.vreg()).ok_or(AllocError::TooManyLiveRegs)?;
                self.plan.define(preg);
                self.plan.allocs[i] = Allocation::reg(preg);
            }
        }
        for (i, op) in operands.iter().enumerate() {
            if self.plan.is_open(i) {
                self.plan_anywhere(i, *op);
            }
        }
        Ok(())
    }

    /// Marks the operands' values as busy and their uses as done.
    fn mention(&mut self, inst: Inst, operands: &[Operand]) {
        for op in operands.iter().filter(|op| op.as_fixed_nonallocatable().is_none()) {
            let value = self.value(op.vreg());
            if value.mentioned_by != Some(inst) {
                value.mentioned_by = Some(inst);
                value.early = None;
            }
            if op.kind() == OperandKind::Use {
                value.uses_left = value.uses_left.saturating_sub(1);
            }
        }
        self.plan.inst = Some(inst);
    }

    fn plan_fixed(&mut self, operands: &[Operand]) -> Result<(), AllocError> {
        for (i, op) in operands.iter().enumerate() {
            let OperandConstraint::FixedReg(preg) = op.constraint() else { continue };
            self.plan.allocs[i] = Allocation::reg(preg);
            if op.as_fixed_nonallocatable().is_some() {
                continue;
            }
            let taken_late = self.plan.late.contains(preg);
            match (op.kind(), op.pos()) {
                (OperandKind::Use, pos) => {
                    if pos == OperandPos::Late {
                        self.plan.late.add(preg);
                    }
                    self.read(preg, op.vreg())?;
                }
                (OperandKind::Def, _) if taken_late => return Err(AllocError::TooManyLiveRegs),
                (OperandKind::Def, pos) => {
                    if pos == OperandPos::Early {
                        self.plan.early.add(preg);
                    }
                    self.plan.define(preg);
                }
            }
        }
        Ok(())
    }

    /// Has the instruction read `vreg` in `preg`.
    fn read(&mut self, preg: PReg, vreg: VReg) -> Result<(), AllocError> {
        match self.plan.read_in(preg) {
            Some(other) if other == vreg => return Ok(()),
            Some(_) => return Err(AllocError::TooManyLiveRegs),
            None if self.plan.early.contains(preg) => return Err(AllocError::TooManyLiveRegs),
            None => {}
        }
        self.plan.early.add(preg);
        self.plan.reads.push((preg, vreg));
        let value = self.value(vreg);
        value.early = value.early.or(Some(preg));
        Ok(())
    }

    /// A definition that takes the register of an input.
    fn plan_reuse(
        &mut self,
        operands: &[Operand],
        def: usize,
        input: usize,
    ) -> Result<(), AllocError> {
        let source = operands.get(input).ok_or(AllocError::Unsupported("reuse of no operand"))?;
        let vreg = source.vreg();
        let preg = match self.plan.allocs[input].as_reg() {
            Some(preg) if self.plan.late.contains(preg) => return Err(AllocError::TooManyLiveRegs),
            Some(preg) => preg,
            None => {
                let dying = !self.survives(vreg);
                let resident = self.values[vreg.vreg()].reg.filter(|_| dying);
                self.pick_both(vreg, resident)?
            }
        };
        self.read(preg, vreg)?;
        self.plan.define(preg);
        self.plan.allocs[input] = Allocation::reg(preg);
        self.plan.allocs[def] = Allocation::reg(preg);
        Ok(())
    }

    /// A late use or an early definition.
    fn plan_crosswise(&mut self, i: usize, op: Operand) -> Result<(), AllocError> {
        let vreg = op.vreg();
        let value = self.values[vreg.vreg()];
        let shared =
            value.early.filter(|&r| self.allocatable.contains(r) && !self.plan.late.contains(r));
        let preg = match shared {
            Some(preg) => preg,
            None => self.pick_both(vreg, value.reg)?,
        };
        if op.kind() == OperandKind::Use {
            self.read(preg, vreg)?;
            self.plan.late.add(preg);
        } else {
            self.plan.early.add(preg);
            self.plan.define(preg);
        }
        self.plan.allocs[i] = Allocation::reg(preg);
        Ok(())
    }

    fn plan_early_use(&mut self, i: usize, vreg: VReg) -> Result<(), AllocError> {
        let value = self.values[vreg.vreg()];
        let preg = match value.early.filter(|&r| self.allocatable.contains(r)) {
            Some(preg) => preg,
            None => {
                // A value that stays should not be where it is overwritten.
                let avoid = if self.survives(vreg) { self.plan.late } else { PRegSet::empty() };
                let allowed = self.allocatable & self.plan.early.invert();
                self.pick(vreg, allowed, value.reg, avoid).ok_or(AllocError::TooManyLiveRegs)?
            }
        };
        self.read(preg, vreg)?;
        self.plan.allocs[i] = Allocation::reg(preg);
        Ok(())
    }

    /// An operand that may lie on the stack, or must.
    fn plan_anywhere(&mut self, i: usize, op: Operand) {
        let vreg = op.vreg();
        let reg = match (op.constraint(), op.kind()) {
            (OperandConstraint::Stack, _) => None,
            (_, OperandKind::Use) => self.register_at_hand(vreg, op.pos()),
            (_, OperandKind::Def) if op.pos() == OperandPos::Early => {
                self.pick_both(vreg, None).ok().inspect(|&r| self.plan.early.add(r))
            }
            (_, OperandKind::Def) => self.pick_late(vreg),
        };
        if let (Some(preg), OperandKind::Def) = (reg, op.kind()) {
            self.plan.define(preg);
        }
        self.plan.allocs[i] = match reg {
            Some(preg) => Allocation::reg(preg),
            None => {
                if op.kind() == OperandKind::Use && self.values[vreg.vreg()].slot.is_none() {
                    self.plan.stores.push(vreg);
                }
                Allocation::stack(self.slot_of(vreg))
            }
        };
    }

    /// A register in which the instruction finds the value without further ado.
    fn register_at_hand(&mut self, vreg: VReg, pos: OperandPos) -> Option<PReg> {
        let value = self.values[vreg.vreg()];
        let late = if pos == OperandPos::Late { self.plan.late } else { PRegSet::empty() };
        let early = self.plan.early;
        let resident = value.reg.filter(|&r| !early.contains(r) && !late.contains(r));
        let preg = value.early.filter(|&r| !late.contains(r)).or(resident)?;
        self.read(preg, vreg).ok()?;
        if pos == OperandPos::Late {
            self.plan.late.add(preg);
        }
        Some(preg)
    }

    /// A register that is open both early and late.
    fn pick_both(&mut self, vreg: VReg, resident: Option<PReg>) -> Result<PReg, AllocError> {
        let allowed = self.allocatable & (self.plan.early | self.plan.late).invert();
        self.pick(vreg, allowed, resident, PRegSet::empty()).ok_or(AllocError::TooManyLiveRegs)
    }

    /// The value's own register; else the first free one, if possible outside `avoid`; else the
    /// least recently used one; else one whose value the instruction reads elsewhere.
    fn pick(
        &self,
        vreg: VReg,
        allowed: PRegSet,
        resident: Option<PReg>,
        avoid: PRegSet,
    ) -> Option<PReg> {
        let regs = || {
            let regs = self.order[vreg.class() as usize].iter().copied();
            regs.filter(|&r| allowed.contains(r))
        };
        let free = |r: &PReg| self.content[r.index()].is_none();
        resident
            .filter(|&r| allowed.contains(r))
            .or_else(|| regs().filter(free).find(|&r| !avoid.contains(r)))
            .or_else(|| regs().find(free))
            .or_else(|| {
                regs().filter(|&r| self.is_bystander(r)).min_by_key(|r| self.last_use[r.index()])
            })
            .or_else(|| regs().next())
    }

    /// A register for a late definition: one that is free by then, in the order of [`Self::pick`].
    fn pick_late(&self, vreg: VReg) -> Option<PReg> {
        let regs = || {
            let regs = self.order[vreg.class() as usize].iter().copied();
            regs.filter(|&r| !self.plan.late.contains(r))
        };
        let free = |&r: &PReg| {
            let read = if self.plan.early.contains(r) { self.plan.read_in(r) } else { None };
            let before = self.content[r.index()];
            !before.is_some_and(|v| self.survives(v)) && !read.is_some_and(|v| self.survives(v))
        };
        regs()
            .find(free)
            .or_else(|| {
                regs().filter(|&r| self.is_bystander(r)).min_by_key(|r| self.last_use[r.index()])
            })
            .or_else(|| regs().next())
    }

    /// Whether the register holds a value that the instruction does not mention.
    fn is_bystander(&self, preg: PReg) -> bool {
        let content = self.content[preg.index()];
        content.is_some_and(|v| self.values[v.vreg()].mentioned_by != self.plan.inst)
    }
}
