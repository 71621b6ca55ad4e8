//! Which functions need no stack check, by the call graph.
//!
//! Input: a module's functions, compiled with the check. Whatever a function that calls no other
//! may do without asking (`instance::RED_ZONE`), a function may that calls, directly, nothing but
//! functions of the module which do not ask either, if all frames from it downwards have at most
//! `SMALL_FRAME` bytes together.

use crate::compiled::{CompiledFunction, RelocTarget};
use crate::instance::SMALL_FRAME;
use crate::module::{Definition, Function, FunctionRole, Module};
use crate::trap;
use cranelift_codegen::ir::{self, InstructionData};

/// The functions that ask, and need not.
pub fn needless_checks(module: &Module, compiled: &[CompiledFunction]) -> Vec<usize> {
    let functions = module.functions.iter().zip(compiled);
    let callees: Vec<_> = functions.map(|(f, code)| direct_callees(module, f, code)).collect();
    // The stack below each function's caller, as far as it is known to be small. A chain of calls
    // that is gets longer in each round, and cannot have many links.
    let mut depths: Vec<Option<u32>> = vec![None; compiled.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for (index, code) in compiled.iter().enumerate() {
            if depths[index].is_none() {
                depths[index] = depth(code, callees[index].as_deref(), &depths);
                changed |= depths[index].is_some();
            }
        }
    }
    let asks = |&index: &usize| {
        let calls = callees[index].as_ref().is_some_and(|callees| !callees.is_empty());
        calls && module.functions[index].role != FunctionRole::Entry
    };
    (0..compiled.len()).filter(|&index| depths[index].is_some()).filter(asks).collect()
}

fn depth(
    code: &CompiledFunction,
    callees: Option<&[usize]>,
    depths: &[Option<u32>],
) -> Option<u32> {
    let mut below = 0;
    for &callee in callees? {
        below = below.max((*depths.get(callee)?)?);
    }
    Some(code.frame_bytes + below).filter(|&bytes| bytes <= SMALL_FRAME)
}

/// The functions of the module that this one calls; None if it calls anything else.
fn direct_callees(
    module: &Module,
    function: &Function,
    code: &CompiledFunction,
) -> Option<Vec<usize>> {
    if calls_indirectly(&function.clif) {
        return None;
    }
    let mut callees = Vec::new();
    for reloc in &code.relocs {
        let symbol = match &reloc.target {
            RelocTarget::Symbol(symbol) => *symbol,
            // It takes the stack back first.
            RelocTarget::Name(name) if name == trap::HANDLER => continue,
            RelocTarget::Name(_) => return None,
        };
        match module.symbol(symbol).definition {
            Definition::Function(callee) => callees.push(callee),
            Definition::Data(_) => {}
            Definition::Undefined => return None,
        }
    }
    Some(callees)
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
