//! Which names hold the same value, whatever place it is in.
//!
//! A copy holds what its source holds; a join of one value is that value; two joins of a block that
//! meet the same values are one. Numbers are found by optimistic iteration in reverse postorder
//! (Simpson, *Value-Driven Redundancy Elimination*, 1996, of which this is the part on copies and
//! joins). So a value that a spill store and a reload carry through memory is one value, live from
//! its definition to its last use, as it was before somebody gave it a register.

use regalloc2::{Allocation, MachineEnv, OperandKind, PRegSet, RegClass, VReg};
use std::collections::HashMap;

use super::graph::Graph;
use super::is_copy;
use super::names::{Names, Source};
use crate::regalloc::cfg::find;

const UNKNOWN: u32 = u32::MAX;
/// Each pass tells at least two joins apart; on real code a handful of passes do.
const MAX_PASSES: usize = 1000;

pub(super) struct Values {
    /// The first name of each name's value.
    leaders: Vec<u32>,
    /// The number of each leader's value; none for what never leaves precoloured registers, or is
    /// of a class without registers.
    vregs: Vec<Option<VReg>>,
    classes: Vec<RegClass>,
    /// Of each vreg: something reads it, or joins it with others.
    used: Vec<bool>,
    pub num_vregs: usize,
}

impl Values {
    pub fn new(
        graph: &Graph<'_>,
        names: &Names,
        contents: PRegSet,
        env: &MachineEnv,
    ) -> Result<Values, String> {
        let leaders = number(names)?;
        let classes = classes(names, &leaders);
        let mut counts = vec![false; leaders.len()];
        for (name, &leader) in names.names.iter().zip(&leaders) {
            let place = names.places[name.place as usize];
            counts[leader as usize] |= place.as_reg().is_none_or(|preg| contents.contains(preg));
        }
        let exists = existing(graph, names, &leaders);
        let related = related(names, &leaders);
        let mut any = vec![false; leaders.len()];
        (0..leaders.len()).for_each(|i| any[related[i] as usize] |= counts[i]);
        let mut vregs = vec![None; leaders.len()];
        let mut num_vregs = 0;
        for i in (0..leaders.len()).filter(|&i| leaders[i] == i as u32) {
            let class = classes[i];
            let has_registers = PRegSet::from(env).into_iter().any(|preg| preg.class() == class);
            if exists[i] && any[related[i] as usize] && has_registers {
                vregs[i] = Some(VReg::new(num_vregs, class));
                num_vregs += 1;
            }
        }
        let mut values =
            Values { leaders, vregs, classes, used: vec![false; num_vregs], num_vregs };
        values.find_used(graph, names);
        Ok(values)
    }

    pub fn is_leader(&self, name: u32) -> bool {
        self.leaders[name as usize] == name
    }

    pub fn vreg(&self, name: u32) -> Option<VReg> {
        self.vregs[self.leaders[name as usize] as usize]
    }

    /// The class of what a name holds.
    pub fn class(&self, name: u32) -> RegClass {
        self.classes[self.leaders[name as usize] as usize]
    }

    fn find_used(&mut self, graph: &Graph<'_>, names: &Names) {
        let refs = names.insts(graph).filter(|(inst, _)| !is_copy(inst)).flat_map(|(_, refs)| refs);
        let read = refs.filter(|r| r.kind == OperandKind::Use).map(|r| r.name);
        for name in read.chain(names.joins.iter().flat_map(|join| join.args.iter().copied())) {
            if let Some(vreg) = self.vreg(name) {
                self.used[vreg.vreg()] = true;
            }
        }
    }

    /// Values that are used.
    pub fn count_of(&self, class: RegClass) -> u32 {
        let vregs = self.vregs.iter().flatten();
        vregs.filter(|vreg| vreg.class() == class && self.used[vreg.vreg()]).count() as u32
    }

    /// The values that each slot ever holds.
    pub fn held_by_slots(&self, names: &Names) -> HashMap<Allocation, Vec<VReg>> {
        let mut held: HashMap<Allocation, Vec<VReg>> = HashMap::new();
        for (i, name) in names.names.iter().enumerate() {
            let place = names.places[name.place as usize];
            if let (true, Some(vreg)) = (place.is_stack(), self.vreg(i as u32)) {
                held.entry(place).or_default().push(vreg);
            }
        }
        held
    }

    /// Reloads from a slot whose value could be computed again.
    pub fn remat_reloads(&self, graph: &Graph<'_>, names: &Names, slot: Allocation) -> u32 {
        let reloads = names.insts(graph).filter(|(inst, _)| !inst.saves).flat_map(|(_, refs)| refs);
        let reloads = reloads.filter(|r| r.explicit && r.kind == OperandKind::Use);
        let of_constant = reloads.filter(|r| {
            let leader = self.leaders[r.name as usize] as usize;
            names.places[names.names[r.name as usize].place as usize] == slot
                && names.names[leader].source == Source::Op { remat: true }
        });
        of_constant.count() as u32
    }
}

/// The first name of each name's value.
fn number(names: &Names) -> Result<Vec<u32>, String> {
    let mut numbers = vec![UNKNOWN; names.names.len()];
    for _ in 0..MAX_PASSES {
        let mut joins: HashMap<(usize, Vec<u32>), u32> = HashMap::new();
        let mut changed = false;
        for (i, name) in names.names.iter().enumerate() {
            let new = match name.source {
                Source::Entry | Source::Op { .. } => i as u32,
                Source::Copy(from) => numbers[from as usize],
                Source::Join(join) => {
                    let join = &names.joins[join as usize];
                    let args: Vec<u32> = join.args.iter().map(|&a| numbers[a as usize]).collect();
                    let mut known = args.iter().filter(|&&arg| arg != UNKNOWN);
                    match known.next() {
                        None => UNKNOWN,
                        Some(&first) if known.all(|&arg| arg == first) => first,
                        Some(_) => *joins.entry((join.block.index(), args)).or_insert(i as u32),
                    }
                }
            };
            changed |= numbers[i] != new;
            numbers[i] = new;
        }
        if !changed {
            return Ok(numbers);
        }
    }
    Err("values do not settle".into())
}

/// Values that something defines in so many words, reads or joins: what a call leaves in a register
/// that nobody reads is none.
fn existing(graph: &Graph<'_>, names: &Names, leaders: &[u32]) -> Vec<bool> {
    let mut exists = vec![false; leaders.len()];
    let refs = names.insts(graph).flat_map(|(_, refs)| refs);
    let named = refs.filter(|r| r.explicit || r.kind == OperandKind::Use).map(|r| r.name);
    let joined = names.joins.iter().flat_map(|join| &join.args).copied();
    for name in named.chain(joined).chain(names.entry.iter().copied()) {
        exists[leaders[name as usize] as usize] = true;
    }
    exists
}

/// A representative of all values that joins connect: they are the same variable.
fn related(names: &Names, leaders: &[u32]) -> Vec<u32> {
    let mut related: Vec<u32> = leaders.to_vec();
    for join in &names.joins {
        for &arg in &join.args {
            let (a, b) = (find(&mut related, join.name), find(&mut related, arg));
            related[a.max(b) as usize] = a.min(b);
        }
    }
    (0..leaders.len() as u32).map(|i| find(&mut related, i)).collect()
}

/// A value is of the class of the registers that it is ever in; a variable has one class.
fn classes(names: &Names, leaders: &[u32]) -> Vec<RegClass> {
    let related = related(names, leaders);
    let mut found = vec![None; leaders.len()];
    let mut note = |name: u32, class: RegClass| {
        let found = &mut found[related[name as usize] as usize];
        *found = Some(found.map_or(class, |other: RegClass| class.min(other)));
    };
    for (i, name) in names.names.iter().enumerate() {
        if let Some(preg) = names.places[name.place as usize].as_reg() {
            note(i as u32, preg.class());
        }
    }
    related.iter().map(|&r| found[r as usize].unwrap_or(RegClass::Int)).collect()
}
