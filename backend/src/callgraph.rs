//! Who calls whom: the edges that relocations and the module's tables show.
//!
//! Input: a module's functions and their machine code. Output: for each function, what it calls and
//! how, each callee once.

use crate::compiled::{CompiledFunction, RelocTarget};
use crate::module::{Definition, Function, IndirectCall, Module, SymbolId};
use crate::object::ElfFormat;
use crate::trap;
use cranelift_codegen::ir::{self, InstructionData};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a call leads to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Target {
    /// Index into [`Module::functions`].
    Function(usize),
    /// One of the functions of [`CallGraph::group`] of this index.
    Group(usize),
    /// Code that is not the module's.
    Outside,
    /// A function of a table that may change.
    Table,
    /// Wherever a pointer leads.
    Pointer,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Call {
    pub target: Target,
    /// The caller's frame is gone when the callee begins.
    pub is_tail: bool,
    /// Through a table or an address.
    pub is_indirect: bool,
}

pub struct CallGraph {
    /// By the caller's index.
    calls: Vec<BTreeSet<Call>>,
    /// Functions of one table and one signature, which many may call: they stand here once.
    groups: Vec<Vec<usize>>,
}

impl CallGraph {
    /// `code` is that of the module's first functions, or of all.
    pub fn new(module: &Module, code: &[CompiledFunction], format: &ElfFormat) -> CallGraph {
        let mut names = HashMap::new();
        for symbol in module.symbols.iter().filter(|s| s.binding != crate::module::Binding::Local) {
            names.insert(&symbol.name[..], symbol.definition);
        }
        let mut groups = Groups::default();
        let functions = module.functions.iter().zip(code);
        let calls = functions.map(|(function, code)| {
            let mut calls = direct_calls(module, code, format, &names);
            add_indirect_calls(module, function, &mut groups, &mut calls);
            calls
        });
        CallGraph { calls: calls.collect(), groups: groups.members }
    }

    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// All functions of a group take the same arguments.
    pub fn group(&self, index: usize) -> &[usize] {
        &self.groups[index]
    }

    pub fn num_groups(&self) -> usize {
        self.groups.len()
    }

    pub fn calls(&self, function: usize) -> impl Iterator<Item = Call> + Clone {
        self.calls[function].iter().copied()
    }
}

fn direct_calls(
    module: &Module,
    code: &CompiledFunction,
    format: &ElfFormat,
    names: &HashMap<&str, Definition>,
) -> BTreeSet<Call> {
    let call = |reloc: &crate::compiled::Reloc| {
        let is_tail = reloc.kind == format.jump_relocation;
        if !is_tail && reloc.kind != format.call_relocation {
            return None;
        }
        let definition = match &reloc.target {
            RelocTarget::Symbol(symbol) => Some(module.symbol(*symbol).definition),
            // It takes the stack back first.
            RelocTarget::Name(name) if name == trap::HANDLER => return None,
            RelocTarget::Name(name) => names.get(&name[..]).copied(),
        };
        let target = match definition {
            Some(Definition::Function(index)) => Target::Function(index),
            _ => Target::Outside,
        };
        Some(Call { target, is_tail, is_indirect: false })
    };
    code.relocs.iter().filter_map(call).collect()
}

/// Groups by table and signature.
#[derive(Default)]
struct Groups {
    index: HashMap<(SymbolId, SymbolId), usize>,
    members: Vec<Vec<usize>>,
    /// Tables whose groups are made.
    known: BTreeSet<SymbolId>,
}

impl Groups {
    /// The group of a table's functions with a signature, if there are any.
    fn of(&mut self, module: &Module, table: SymbolId, signature: SymbolId) -> Option<usize> {
        if self.known.insert(table) {
            self.add_table(module, table);
        }
        self.index.get(&(table, signature)).copied()
    }

    fn add_table(&mut self, module: &Module, table: SymbolId) {
        let Definition::Data(data) = module.symbol(table).definition else { return };
        let mut by_signature: BTreeMap<SymbolId, BTreeSet<usize>> = BTreeMap::new();
        // The signature's address comes before the entry's.
        for record in module.data[data].addresses.chunks_exact(2) {
            let (signature, entry) = (record[0].1, record[1].1);
            if let Definition::Function(index) = module.symbol(entry).definition {
                by_signature.entry(signature).or_default().insert(index);
            }
        }
        for (signature, functions) in by_signature {
            self.index.insert((table, signature), self.members.len());
            self.members.push(functions.into_iter().collect());
        }
    }
}

fn add_indirect_calls(
    module: &Module,
    function: &Function,
    groups: &mut Groups,
    calls: &mut BTreeSet<Call>,
) {
    let known = !function.indirect_calls.is_empty();
    if !known && calls_indirectly(&function.clif) {
        calls.insert(Call { target: Target::Pointer, is_tail: false, is_indirect: true });
    }
    for &IndirectCall { table, signature, is_tail } in &function.indirect_calls {
        let target = match table {
            None => Target::Table,
            Some(table) => match groups.of(module, table, signature) {
                Some(group) => Target::Group(group),
                None => continue,
            },
        };
        calls.insert(Call { target, is_tail, is_indirect: true });
    }
}

fn calls_indirectly(clif: &ir::Function) -> bool {
    let insts = clif.layout.blocks().flat_map(|block| clif.layout.block_insts(block));
    insts.map(|inst| &clif.dfg.insts[inst]).any(|data| {
        matches!(
            data,
            InstructionData::CallIndirect { .. } | InstructionData::TryCallIndirect { .. }
        )
    })
}
