//! Which routines a module carries along.
//!
//! Input: a module and what its code refers to by name. Output: the routines that are missing,
//! appended as weak functions, so that of several objects' copies one remains.

use super::{RuntimeCall, build};
use crate::compiled::{CompiledFunction, RelocTarget};
use crate::isa::Isa;
use crate::module::{Binding, Definition, Function, FunctionRole, Module, SymbolId};
use crate::options::RuntimeLibrary;
use cranelift_codegen::ir::types::I32;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Appends the routines that `code`, which is the module's, calls and nobody else provides, with
/// those that these call. In an order that depends on nothing but their set.
pub fn append_routines<I: Isa>(
    isa: &I,
    module: &mut Module,
    code: &[CompiledFunction],
    library: RuntimeLibrary,
) {
    let mut symbols: HashMap<String, SymbolId> = HashMap::new();
    for (symbol, index) in module.symbols.iter().zip(0..) {
        if symbol.binding != Binding::Local {
            symbols.insert(symbol.name.clone(), SymbolId(index));
        }
    }
    let defined = |name: &str| {
        let symbol = symbols.get(name).map(|&id| module.symbol(id));
        symbol.is_some_and(|symbol| symbol.definition != Definition::Undefined)
    };
    let calls: HashSet<&str> = code.iter().flat_map(called_names).collect();
    let mut wanted: BTreeSet<RuntimeCall> = BTreeSet::new();
    for call in RuntimeCall::all() {
        let external = library == RuntimeLibrary::External && isa.runtime_name(call).is_some();
        let name = isa.runtime_symbol(call);
        if !external && calls.contains(&name[..]) && !defined(&name) {
            let chain = core::iter::successors(Some(call), |call| call.callee());
            wanted.extend(chain.filter(|&call| !defined(&isa.runtime_symbol(call))));
        }
    }

    let first = module.functions.len();
    for (&call, index) in wanted.iter().zip(first..) {
        let name = isa.runtime_symbol(call);
        let definition = Definition::Function(index);
        let id = match symbols.get(&name) {
            Some(&id) => {
                let symbol = &mut module.symbols[id.0 as usize];
                (symbol.binding, symbol.definition) = (Binding::Weak, definition);
                id
            }
            None => module.add_symbol(name.clone(), Binding::Weak, definition),
        };
        symbols.insert(name, id);
    }
    for call in wanted {
        let symbol = |call| symbols[&isa.runtime_symbol(call)];
        let clif = build(call, I32, &symbol);
        let name = isa.runtime_symbol(call);
        let (symbol, role) = (symbol(call), FunctionRole::Support);
        module.functions.push(Function::new(symbol, name, role, clif));
    }
}

fn called_names(code: &CompiledFunction) -> impl Iterator<Item = &str> {
    code.relocs.iter().filter_map(|reloc| match &reloc.target {
        RelocTarget::Name(name) => Some(&name[..]),
        RelocTarget::Symbol(_) => None,
    })
}
