//! Which loads of context fields can read the context register at every use.
//!
//! The field of a context register changes at calls and at stores to it. A loaded value equals the
//! register as long as none of these comes between; we number the versions of the context, as
//! memory SSA does for one variable, and compare the version at the load with that at each use.

use crate::instance::ContextReg;
use crate::runtime::RuntimeCall;
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::{Block, Function, Inst, InstructionData, Opcode, Value};

/// A version of the context: the instruction or join that made it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Version {
    /// Not reached yet.
    Top,
    Entry,
    After(Inst),
    Join(Block),
}

/// The context register that each value can be read from, if any.
pub type ContextValues = SecondaryMap<Value, Option<ContextReg>>;

/// `blocks` in reverse post-order; `instance` is the function's `VMContext` parameter.
pub fn context_values(
    func: &Function,
    cfg: &ControlFlowGraph,
    blocks: &[Block],
    instance: Option<Value>,
) -> ContextValues {
    let mut values = ContextValues::new();
    let Some(instance) = instance else { return values };
    values[instance] = Some(ContextReg::Instance);

    let mut loads = false;
    let mut changes = false;
    for inst in blocks.iter().flat_map(|&block| func.layout.block_insts(block)) {
        if let Some(reg) = context_load(func, inst, instance) {
            values[func.dfg.first_result(inst)] = Some(reg);
            loads = true;
        }
        changes |= changes_context(func, inst, instance);
    }
    if loads && changes {
        forget_stale(func, cfg, blocks, instance, &mut values);
    }
    values
}

/// The context register that caches what `inst` loads.
fn context_load(func: &Function, inst: Inst, instance: Value) -> Option<ContextReg> {
    match func.dfg.insts[inst] {
        InstructionData::Load { opcode: Opcode::Load, arg, offset, .. }
            if func.dfg.resolve_aliases(arg) == instance
                && func.dfg.ctrl_typevar(inst) == cranelift_codegen::ir::types::I32 =>
        {
            ContextReg::at_offset(offset.into())
        }
        _ => None,
    }
}

fn changes_context(func: &Function, inst: Inst, instance: Value) -> bool {
    match func.dfg.insts[inst] {
        InstructionData::Store { args: [_, base], offset, .. } => {
            func.dfg.resolve_aliases(base) == instance
                && ContextReg::at_offset(offset.into()).is_some()
        }
        // Runtime routines know of no instance.
        InstructionData::Call { func_ref, .. } => {
            RuntimeCall::named(&func.dfg.ext_funcs[func_ref].name).is_none()
        }
        ref data => data.opcode().is_call(),
    }
}

fn forget_stale(
    func: &Function,
    cfg: &ControlFlowGraph,
    blocks: &[Block],
    instance: Value,
    values: &mut ContextValues,
) {
    let at_entry = versions_at_entry(func, cfg, blocks, instance);
    let mut defined: SecondaryMap<Value, Option<Version>> = SecondaryMap::new();
    for &block in blocks {
        let mut version = at_entry[block];
        for inst in func.layout.block_insts(block) {
            for arg in func.dfg.inst_values(inst) {
                let arg = func.dfg.resolve_aliases(arg);
                if defined[arg].is_some_and(|at| at != version) {
                    values[arg] = None;
                }
            }
            if context_load(func, inst, instance).is_some() {
                defined[func.dfg.first_result(inst)] = Some(version);
            }
            if changes_context(func, inst, instance) {
                version = Version::After(inst);
            }
        }
    }
}

/// Forward data flow; a block where different versions meet makes one of its own.
fn versions_at_entry(
    func: &Function,
    cfg: &ControlFlowGraph,
    blocks: &[Block],
    instance: Value,
) -> SecondaryMap<Block, Version> {
    let mut last_change: SecondaryMap<Block, Option<Inst>> = SecondaryMap::new();
    for &block in blocks {
        let mut insts = func.layout.block_insts(block).rev();
        last_change[block] = insts.find(|&inst| changes_context(func, inst, instance));
    }
    let mut at_entry: SecondaryMap<Block, Version> = SecondaryMap::with_default(Version::Top);
    at_entry[blocks[0]] = Version::Entry;
    let mut changed = true;
    while changed {
        changed = false;
        for &block in &blocks[1..] {
            if at_entry[block] == Version::Join(block) {
                continue;
            }
            let mut meet = Version::Top;
            for pred in cfg.pred_iter(block) {
                let out = last_change[pred.block].map_or(at_entry[pred.block], Version::After);
                meet = match (meet, out) {
                    (a, Version::Top) => a,
                    (Version::Top, b) => b,
                    (a, b) if a == b => a,
                    _ => Version::Join(block),
                };
            }
            if meet != at_entry[block] {
                at_entry[block] = meet;
                changed = true;
            }
        }
    }
    at_entry
}
