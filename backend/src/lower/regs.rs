//! What lowering knows of virtual registers: which stand for others, which are read.
//!
//! Lowering goes from last to first, so a register's readers are all known when what defines it is
//! emitted; and an alias is set after its readers were emitted, so they are resolved at the end.

use crate::isa::{MachInst, OperandVisitor};
use crate::reg::Reg;
use regalloc2::{OperandConstraint, OperandKind, OperandPos, VReg};

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
            let mut defs = DefUse { facts: self, is_read: false };
            inst.visit_operands(&mut defs);
            if !defs.is_read {
                return false;
            }
        }
        inst.visit_operands(&mut Uses { facts: self });
        true
    }
}

fn entry<T: Clone + Default>(list: &mut Vec<T>, vreg: VReg) -> &mut T {
    if list.len() <= vreg.vreg() {
        list.resize(vreg.vreg() + 1, T::default());
    }
    &mut list[vreg.vreg()]
}

/// Finds whether anything that is defined is read. Reserved registers always are.
struct DefUse<'a> {
    facts: &'a VRegFacts,
    is_read: bool,
}

impl OperandVisitor for DefUse<'_> {
    fn add_operand(
        &mut self,
        reg: &mut Reg,
        _: OperandConstraint,
        kind: OperandKind,
        _: OperandPos,
    ) {
        if kind == OperandKind::Def {
            self.is_read |= reg.as_vreg().is_none_or(|vreg| self.facts.is_used(vreg));
        }
    }
}

struct Uses<'a> {
    facts: &'a mut VRegFacts,
}

impl OperandVisitor for Uses<'_> {
    fn add_operand(
        &mut self,
        reg: &mut Reg,
        _: OperandConstraint,
        kind: OperandKind,
        _: OperandPos,
    ) {
        if let (OperandKind::Use, Some(vreg)) = (kind, reg.as_vreg()) {
            self.facts.mark_used(vreg);
        }
    }
}

/// Replaces a virtual register by another.
pub struct Renamer {
    from: Reg,
    to: Reg,
    defined: bool,
}

impl Renamer {
    /// Answers whether one of the instructions defines `from`.
    pub fn run(from: VReg, to: VReg, insts: &mut [impl MachInst]) -> bool {
        let mut renamer = Renamer { from: from.into(), to: to.into(), defined: false };
        for inst in insts {
            inst.visit_operands(&mut renamer);
        }
        renamer.defined
    }
}

impl OperandVisitor for Renamer {
    fn add_operand(
        &mut self,
        reg: &mut Reg,
        _: OperandConstraint,
        kind: OperandKind,
        _: OperandPos,
    ) {
        if *reg == self.from {
            *reg = self.to;
            self.defined |= kind == OperandKind::Def;
        }
    }
}
