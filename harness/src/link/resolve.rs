//! Symbol resolution: which definition each name means, and what of the objects is kept.
//!
//! A strong definition goes before a common one, that before weak ones, and of these the first. Sections of a COMDAT group
//! that is linked already are discarded, and so is what nothing kept refers to, if asked.

use super::input::{Input, Place, Strength, Symbol};
use super::{Comdats, LinkError};
use object::elf;
use std::collections::{HashMap, HashSet};

/// A section or symbol: the object's number and its index there.
pub type Id = (usize, usize);

pub struct Resolved<'a> {
    pub inputs: &'a [Input<'a>],
    pub linked: &'a Comdats,
    /// Sections that become part of the output.
    pub kept: HashSet<Id>,
    /// Definitions of names that are not local.
    globals: HashMap<&'a str, Id>,
}

/// What a symbol leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Definition<'a> {
    Symbol(Id),
    /// Of an earlier object's group.
    Linked(super::Symbol),
    /// In a section that is left out.
    Dropped {
        name: &'a str,
    },
    Undefined {
        name: &'a str,
        weak: bool,
    },
}

impl<'a> Resolved<'a> {
    /// Keeps everything but discarded groups.
    pub fn new(inputs: &'a [Input<'a>], linked: &'a Comdats) -> Result<Resolved<'a>, LinkError> {
        let mut signatures = HashSet::new();
        let mut kept = HashSet::new();
        for (at, input) in inputs.iter().enumerate() {
            kept.extend(input.sections.keys().map(|&section| (at, section)));
            for group in &input.groups {
                let is_first = signatures.insert(group.signature);
                if !is_first || linked.contains_key(group.signature) {
                    group.sections.iter().for_each(|&section| {
                        kept.remove(&(at, section));
                    });
                }
            }
        }
        let mut resolved = Resolved { inputs, linked, kept, globals: HashMap::new() };
        resolved.check_startup()?;
        resolved.define_globals()?;
        Ok(resolved)
    }

    /// Constructors and the like: nothing would call them.
    fn check_startup(&self) -> Result<(), LinkError> {
        for (at, input) in self.inputs.iter().enumerate() {
            let startup = input.sections.iter().find(|&(&index, section)| {
                section.startup && section.size > 0 && self.kept.contains(&(at, index))
            });
            if let Some((_, section)) = startup {
                let (object, section) = (input.name.to_owned(), section.name.to_owned());
                return Err(LinkError::Startup { object, section });
            }
        }
        Ok(())
    }

    fn define_globals(&mut self) -> Result<(), LinkError> {
        for (at, input) in self.inputs.iter().enumerate() {
            for (&index, symbol) in &input.symbols {
                let id = (at, index);
                if symbol.is_local() || !self.is_defined(id) {
                    continue;
                }
                let earlier = self.globals.get(symbol.name).map(|&id| self.symbol(id).strength);
                match earlier {
                    Some(Strength::Strong) if symbol.strength == Strength::Strong => {
                        return Err(LinkError::Duplicate(symbol.name.to_owned()));
                    }
                    Some(earlier) if earlier >= symbol.strength => {}
                    _ => {
                        self.globals.insert(symbol.name, id);
                    }
                }
            }
        }
        Ok(())
    }

    /// Drops the sections that the symbols `roots` do not lead to. Debug information stays, but
    /// keeps nothing.
    pub fn keep_reached(&mut self, roots: &[&str]) {
        let roots = roots.iter().filter_map(|root| self.globals.get(root));
        let mut reached = HashSet::new();
        let mut pending: Vec<Id> = roots.filter_map(|&root| self.section_of(root)).collect();
        while let Some(section) = pending.pop() {
            if !self.kept.contains(&section) || !reached.insert(section) {
                continue;
            }
            let (at, index) = section;
            for relocation in &self.inputs[at].sections[&index].relocations {
                match self.definition((at, relocation.symbol)) {
                    Definition::Symbol(symbol) => pending.extend(self.section_of(symbol)),
                    Definition::Undefined { name, .. } => pending.extend(self.bounded_by(name)),
                    Definition::Linked(_) | Definition::Dropped { .. } => {}
                }
            }
        }
        let inputs = self.inputs;
        let in_memory = |&(at, index): &Id| inputs[at].sections[&index].has(elf::SHF_ALLOC);
        self.kept.retain(|section| reached.contains(section) || !in_memory(section));
    }

    /// The sections of which `__start_NAME` or `__stop_NAME` tells where they are.
    fn bounded_by(&self, symbol: &str) -> Vec<Id> {
        let Some(name) = bounded_name(symbol) else { return Vec::new() };
        let inputs = self.inputs.iter().enumerate();
        let sections = inputs.flat_map(|(at, input)| {
            let named = input.sections.iter().filter(|(_, section)| section.name == name);
            named.map(move |(&index, _)| (at, index))
        });
        sections.collect()
    }

    pub fn symbol(&self, (at, index): Id) -> &'a Symbol<'a> {
        &self.inputs[at].symbols[&index]
    }

    pub fn section_of(&self, symbol: Id) -> Option<Id> {
        self.symbol(symbol).section().map(|section| (symbol.0, section))
    }

    /// Whether it is absolute or in a section that is kept.
    fn is_defined(&self, id: Id) -> bool {
        match self.symbol(id).place {
            Place::Section(section) => self.kept.contains(&(id.0, section)),
            Place::Absolute => true,
            Place::Undefined => false,
        }
    }

    pub fn global(&self, name: &str) -> Option<Id> {
        self.globals.get(name).copied()
    }

    pub fn definition(&self, id: Id) -> Definition<'a> {
        let Some(symbol) = self.inputs[id.0].symbols.get(&id.1) else {
            return Definition::Dropped { name: "a symbol of unknown meaning" };
        };
        let global = if symbol.is_local() { None } else { self.global(symbol.name) };
        let global = global.filter(|&global| self.is_defined(global));
        if self.is_defined(id) {
            // Another object's stronger definition is the one.
            return Definition::Symbol(global.unwrap_or(id));
        }
        match (global, self.linked.get(symbol.name)) {
            (Some(global), _) => Definition::Symbol(global),
            (None, Some(&linked)) => Definition::Linked(linked),
            (None, None) if symbol.place != Place::Undefined => {
                Definition::Dropped { name: symbol.name }
            }
            (None, None) => Definition::Undefined { name: symbol.name, weak: symbol.is_weak() },
        }
    }
}

/// NAME of `__start_NAME` and `__stop_NAME`, if a C program can write it.
pub fn bounded_name(symbol: &str) -> Option<&str> {
    let name = symbol.strip_prefix("__start_").or_else(|| symbol.strip_prefix("__stop_"))?;
    let is_identifier = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (is_identifier && !name.starts_with(|c: char| c.is_ascii_digit())).then_some(name)
}
