//! Makes a plan true: edits around the instruction, and what registers hold behind it.
//!
//! In front of the instruction come, in this order, stores of values that lose their register,
//! moves between registers all at once, and loads. Stores read registers that nothing has changed
//! yet; loads write registers that nothing reads any more. Behind the instruction, definitions
//! are stored to their homes.

use regalloc2::{
    Allocation, Inst, Operand, OperandKind, PReg, PRegSet, ProgPoint, RegAllocError, VReg,
};

use super::Walk;
use crate::regalloc::moves::{Moves, sequentialize};
use crate::regalloc::{AllocError, AllocProblem, CLASSES, Edit};

impl<P: AllocProblem> Walk<'_, P> {
    pub(super) fn realize(&mut self, inst: Inst) -> Result<(), AllocError> {
        self.inst_alloc_offsets.push(self.allocs.len() as u32);
        self.allocs.extend_from_slice(&self.plan.allocs);
        self.save_survivors();
        self.edit_before(inst)?;
        self.update_registers();
        let operands = self.problem.inst_operands(inst);
        self.release_dead(operands);
        self.enter_definitions(inst, operands)
    }

    /// The registers whose value changes, with clobbered ones.
    fn disturbed(&self) -> PRegSet {
        let mut disturbed = self.plan.killed;
        for preg in self.plan.early {
            if self.plan.read_in(preg).is_none()
                || self.plan.read_in(preg) != self.content[preg.index()]
            {
                disturbed.add(preg);
            }
        }
        disturbed
    }

    /// Finds another place for values that live on and would lose their register.
    fn save_survivors(&mut self) {
        for preg in self.disturbed() {
            let Some(vreg) = self.content[preg.index()] else { continue };
            if !self.survives(vreg) || self.is_kept(vreg) {
                continue;
            }
            let order = &self.order[vreg.class() as usize];
            let busy = self.plan.early | self.plan.late;
            let refuge = order
                .iter()
                .copied()
                .find(|&r| self.content[r.index()].is_none() && !busy.contains(r));
            if let Some(refuge) = refuge {
                self.plan.early.add(refuge);
                self.plan.reads.push((refuge, vreg));
            } else if self.values[vreg.vreg()].slot.is_none() {
                self.plan.stores.push(vreg);
                self.slot_of(vreg);
            }
        }
    }

    /// Whether the instruction reads the value in a register that it leaves alone.
    fn is_kept(&self, vreg: VReg) -> bool {
        let mut reads = self.plan.reads.iter();
        reads.any(|&(r, v)| v == vreg && self.is_lasting(r))
    }

    /// Whether what the instruction reads in the register may stay there.
    fn is_lasting(&self, preg: PReg) -> bool {
        self.allocatable.contains(preg) && !self.plan.killed.contains(preg)
    }

    fn edit_before(&mut self, inst: Inst) -> Result<(), AllocError> {
        let before = ProgPoint::before(inst);
        for &vreg in &self.plan.stores {
            let value = &self.values[vreg.vreg()];
            let (Some(reg), Some(slot)) = (value.reg, value.slot) else {
                return Err(AllocError::Malformed(RegAllocError::SSA(vreg, inst)));
            };
            let edit = Edit::Move { from: Allocation::reg(reg), to: Allocation::stack(slot) };
            self.edits.push((before, edit));
        }
        let mut moves = vec![];
        let mut loads = vec![];
        for &(preg, vreg) in &self.plan.reads {
            let from = self.place_of(vreg, inst)?;
            let list = if from.is_reg() { &mut moves } else { &mut loads };
            list.push((from, Allocation::reg(preg)));
        }
        for class in CLASSES {
            let of_class =
                moves.iter().filter(|(_, to)| to.as_reg().is_some_and(|r| r.class() == class));
            let of_class: Moves = of_class.copied().filter(|(from, to)| from != to).collect();
            if of_class.is_empty() {
                continue;
            }
            let scratch = self.scratch(class)?;
            sequentialize(
                of_class,
                scratch,
                || Allocation::reg(scratch),
                |from, to| {
                    self.edits.push((before, Edit::Move { from, to }));
                },
            );
        }
        self.edits.extend(loads.into_iter().map(|(from, to)| (before, Edit::Move { from, to })));
        Ok(())
    }

    /// What registers hold after the instruction has read its operands and overwritten what it
    /// overwrites.
    fn update_registers(&mut self) {
        for preg in self.disturbed() {
            self.leave_reg(preg);
        }
        let now = self.plan.inst.map_or(0, |inst| inst.index() as u32 + 1);
        for i in 0..self.plan.reads.len() {
            let (preg, vreg) = self.plan.reads[i];
            self.last_use[preg.index()] = now;
            if self.values[vreg.vreg()].reg.is_none() && self.is_lasting(preg) {
                self.enter_reg(preg, vreg);
            }
        }
    }

    fn release_dead(&mut self, operands: &[Operand]) {
        for op in operands.iter().filter(|op| op.as_fixed_nonallocatable().is_none()) {
            if op.kind() == OperandKind::Use && !self.survives(op.vreg()) {
                self.release(op.vreg());
            }
        }
    }

    fn enter_definitions(&mut self, inst: Inst, operands: &[Operand]) -> Result<(), AllocError> {
        for (i, op) in operands.iter().enumerate() {
            let vreg = op.vreg();
            if op.kind() != OperandKind::Def {
                continue;
            }
            if self.problem.is_branch(inst) {
                return Err(AllocError::Unsupported("a definition on a branch"));
            }
            let Some(preg) = self.plan.allocs[i].as_reg() else {
                if !self.values[vreg.vreg()].used {
                    self.release(vreg);
                }
                continue;
            };
            self.last_use[preg.index()] = inst.index() as u32 + 1;
            if !self.values[vreg.vreg()].used {
                continue;
            }
            let leaves = !self.allocatable.contains(preg);
            if self.values[vreg.vreg()].crosses || leaves {
                let slot = self.slot_of(vreg);
                let edit = Edit::Move { from: Allocation::reg(preg), to: Allocation::stack(slot) };
                self.edits.push((ProgPoint::after(inst), edit));
            }
            if self.survives(vreg) && !leaves {
                self.enter_reg(preg, vreg);
            }
        }
        Ok(())
    }
}
