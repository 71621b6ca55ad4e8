//! Who calls whom: the edges that relocations and the module's tables show.
//!
//! Input: a module's functions and their machine code. Output: for each function, what it calls and
//! how, each callee once.

use crate::compiled::{CompiledFunction, RelocTarget};
use crate::module::{Definition, Function, IndirectCall, Module, SymbolId};
use crate::object::ElfFormat;
use crate::trap;
use cranelift_codegen::ir::{self, InstructionData};
use std::collections::{BTreeSet, HashMap};

/// What a call leads to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Target {
    /// Index into [`Module::functions`].
    Function(usize),
    /// Code that is not the module's.
    Outside,
    /// A function that nobody here knows.
    Unknown,
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
}

impl CallGraph {
    /// `code` is that of the module's first functions, or of all.
    pub fn new(module: &Module, code: &[CompiledFunction], format: &ElfFormat) -> CallGraph {
        let mut names = HashMap::new();
        for symbol in module.symbols.iter().filter(|s| s.binding != crate::module::Binding::Local) {
            names.insert(&symbol.name[..], symbol.definition);
        }
        let mut tables = HashMap::new();
        let functions = module.functions.iter().zip(code);
        let calls = functions.map(|(function, code)| {
            let mut calls = direct_calls(module, code, format, &names);
            add_indirect_calls(module, function, &mut tables, &mut calls);
            calls
        });
        CallGraph { calls: calls.collect() }
    }

    pub fn len(&self) -> usize {
        self.calls.len()
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

/// Functions by the symbol of their signature, of a table of `{signature, entry}` records.
type BySignature = HashMap<SymbolId, BTreeSet<usize>>;

fn add_indirect_calls(
    module: &Module,
    function: &Function,
    tables: &mut HashMap<SymbolId, BySignature>,
    calls: &mut BTreeSet<Call>,
) {
    let known = !function.indirect_calls.is_empty();
    if !known && calls_indirectly(&function.clif) {
        calls.insert(Call { target: Target::Unknown, is_tail: false, is_indirect: true });
    }
    for &IndirectCall { table, signature, is_tail } in &function.indirect_calls {
        let Some(table) = table else {
            calls.insert(Call { target: Target::Unknown, is_tail, is_indirect: true });
            continue;
        };
        let by_signature = tables.entry(table).or_insert_with(|| records(module, table));
        for &index in by_signature.get(&signature).into_iter().flatten() {
            calls.insert(Call { target: Target::Function(index), is_tail, is_indirect: true });
        }
    }
}

fn records(module: &Module, table: SymbolId) -> BySignature {
    let mut by_signature = BySignature::new();
    let Definition::Data(data) = module.symbol(table).definition else { return by_signature };
    // The signature's address comes before the entry's.
    for record in module.data[data].addresses.chunks_exact(2) {
        let (signature, entry) = (record[0].1, record[1].1);
        if let Definition::Function(index) = module.symbol(entry).definition {
            by_signature.entry(signature).or_default().insert(index);
        }
    }
    by_signature
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
