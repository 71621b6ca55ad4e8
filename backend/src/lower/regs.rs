//! What lowering knows of virtual registers: which stand for others, which are read.
//!
//! Lowering goes from last to first, so a register's readers are all known when what defines it is
//! emitted; and an alias is set after its readers were emitted, so they are resolved at the end.

use crate::isa::MachInst;
use crate::reg::Reg;
use regalloc2::{OperandKind, VReg};

/// Facts by number of the virtual register.
#[derive(Default)]
pub struct VRegFacts {
    used: Vec<bool>,
    aliases: Vec<Option<VReg>>,
}

impl VRegFacts {
    pub fn mark_used(&mut self, vreg: VReg) {
        let vreg = self.resolve(vreg);
        *entry(&mut self.used, vreg) = true;
    }

    fn is_used(&self, vreg: VReg) -> bool {
        self.used.get(vreg.vreg()).copied().unwrap_or(false)
    }

    /// From now on `vreg`, which nothing defines, is another name of `target`.
    pub fn set_alias(&mut self, vreg: VReg, target: VReg) {
        *entry(&mut self.aliases, vreg) = Some(target);
        if self.is_used(vreg) {
            self.mark_used(target);
        }
    }

    /// The register that `vreg` is a name of. An alias's target is defined before it, so that
    /// chains end.
    pub fn resolve(&self, mut vreg: VReg) -> VReg {
        while let Some(&Some(target)) = self.aliases.get(vreg.vreg()) {
            vreg = target;
        }
        vreg
    }

    /// Is the instruction to be kept? If so, notes what it reads.
    pub fn visit(&mut self, inst: &mut impl MachInst) -> bool {
        if inst.is_pure() {
            // Reserved registers always are read.
            let mut is_read = false;
            inst.visit_operands(&mut |reg: &mut Reg, kind: OperandKind| {
                if kind == OperandKind::Def {
                    is_read |= reg.as_vreg().is_none_or(|vreg| self.is_used(vreg));
                }
            });
            if !is_read {
                return false;
            }
        }
        inst.visit_operands(&mut |reg: &mut Reg, kind: OperandKind| {
            if let (OperandKind::Use, Some(vreg)) = (kind, reg.as_vreg()) {
                self.mark_used(vreg);
            }
        });
        true
    }
}

fn entry<T: Clone + Default>(list: &mut Vec<T>, vreg: VReg) -> &mut T {
    if list.len() <= vreg.vreg() {
        list.resize(vreg.vreg() + 1, T::default());
    }
    &mut list[vreg.vreg()]
}

/// Replaces a virtual register by another. Answers whether one of the instructions defines `from`.
pub fn rename(from: VReg, to: VReg, insts: &mut [impl MachInst]) -> bool {
    let (from, to) = (Reg::from(from), Reg::from(to));
    let mut is_defined = false;
    for inst in insts {
        inst.visit_operands(&mut |reg: &mut Reg, kind: OperandKind| {
            if *reg == from {
                *reg = to;
                is_defined |= kind == OperandKind::Def;
            }
        });
    }
    is_defined
}
