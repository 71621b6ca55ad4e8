//! Lowering: from CLIF to machine instructions over virtual registers.
//!
//! Input: an optimised function. Output: [`VCode`]. The ISA's rules see one CLIF instruction at a
//! time, last to first, so that a value that every user has absorbed (an immediate, an address, a
//! comparison) is never computed. The driver knows blocks, values and their registers; what is
//! emitted is the ISA's.
//!
//! Invariants: an instruction with side effects, and every load, is lowered exactly once, at its
//! place. A pure instruction is lowered if a user asked for its value in a register, and of what it
//! becomes only that stays whose result is read (of a pair perhaps one half). Constants are made
//! anew at each use. A value that equals another costs nothing: its register is an alias.

pub mod context;
pub mod order;
mod regs;

use crate::error::{Error, Result};
use crate::isa::{Isa, MachInst};
use crate::reg::{Reg, ValueRegs, Writable};
use crate::regalloc::CLASSES;
use crate::vcode::{NO_LOC, Successor, VCode, VCodeBuilder};
use context::ContextValues;
use cranelift_codegen::dominator_tree::DominatorTree;
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::{self, ArgumentPurpose, Function, Inst, Opcode, Type, Value};
use order::{BlockOrder, LoweredBlock};
use regalloc2::{RegClass, VReg};
use regs::{VRegFacts, rename};
use smallvec::SmallVec;

/// How often a value is used, as far as rules care.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ValueUse {
    #[default]
    Unused,
    Once,
    Multiple,
}

/// Frame space that lowering found necessary. Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameNeeds {
    pub incoming_bytes: u32,
    pub outgoing_bytes: u32,
    pub tail_bytes: u32,
    pub stack_slot_bytes: u32,
    /// Calls that come back.
    pub makes_calls: bool,
    /// Some of them are of C's convention.
    pub calls_c: bool,
}

/// The state of one function's lowering, which the ISA's rules read and extend.
pub struct Lower<'a, I: Isa + ?Sized> {
    pub func: &'a Function,
    pub isa: &'a I,
    pub frame: FrameNeeds,
    contexts: ContextValues,
    instance: Option<Value>,
    value_regs: SecondaryMap<Value, Option<ValueRegs<VReg>>>,
    value_uses: SecondaryMap<Value, ValueUse>,
    /// Some user wants the value in a register.
    needed: SecondaryMap<Value, bool>,
    /// Place of what was lowered last, which follows in the block.
    following: u32,
    /// Lowered on an edge already.
    sunk: SecondaryMap<Inst, bool>,
    slot_offsets: SecondaryMap<ir::StackSlot, u32>,
    /// Where the caller wants results that no register holds.
    pub return_area: Option<Writable<Reg>>,
    num_vregs: usize,
    vreg_facts: VRegFacts,
    /// Emitted for the current instruction, in forward order.
    emitted: Vec<I::Inst>,
}

/// Lowers `func`, whose mid-end passes are over.
pub fn lower<I: Isa>(isa: &I, func: &Function) -> Result<(VCode<I::Inst>, FrameNeeds)> {
    let cfg = ControlFlowGraph::with_function(func);
    let domtree = DominatorTree::with_function(func, &cfg);
    let order = BlockOrder::new(func, &cfg, &domtree);
    let blocks: Vec<ir::Block> = order
        .blocks
        .iter()
        .filter_map(|&b| match b {
            LoweredBlock::Orig(block) => Some(block),
            LoweredBlock::Edge { .. } => None,
        })
        .collect();
    let mut lower = Lower::new(isa, func, &cfg, &blocks)?;
    let vcode = lower.run(&order)?;
    Ok((vcode, lower.frame))
}

impl<'a, I: Isa> Lower<'a, I> {
    fn new(
        isa: &'a I,
        func: &'a Function,
        cfg: &ControlFlowGraph,
        blocks: &[ir::Block],
    ) -> Result<Self> {
        let entry = *blocks.first().ok_or_else(|| Error::internal("a function without blocks"))?;
        let instance = func
            .signature
            .special_param_index(ArgumentPurpose::VMContext)
            .map(|index| func.dfg.block_params(entry)[index]);
        let contexts = context::context_values(func, cfg, blocks, instance);
        let mut lower = Lower {
            func,
            isa,
            frame: FrameNeeds::default(),
            contexts,
            instance,
            value_regs: SecondaryMap::new(),
            value_uses: SecondaryMap::new(),
            needed: SecondaryMap::new(),
            following: NO_LOC,
            sunk: SecondaryMap::new(),
            slot_offsets: SecondaryMap::new(),
            return_area: None,
            num_vregs: 0,
            vreg_facts: VRegFacts::default(),
            emitted: Vec::new(),
        };
        lower.lay_out_stack_slots()?;
        lower.assign_registers(blocks)?;
        lower.count_uses(blocks);
        Ok(lower)
    }

    fn lay_out_stack_slots(&mut self) -> Result<()> {
        let mut end: u64 = 0;
        for (slot, data) in self.func.sized_stack_slots.iter() {
            let align = 1u64 << data.align_shift.clamp(2, 3);
            end = end.next_multiple_of(align);
            self.slot_offsets[slot] = end as u32;
            end += u64::from(data.size);
            if data.align_shift > 3 || end > MAX_STACK_SLOT_BYTES {
                return Err(Error::unsupported(format!(
                    "stack slot {slot} of {} bytes",
                    data.size
                )));
            }
        }
        self.frame.stack_slot_bytes = end.next_multiple_of(4) as u32;
        Ok(())
    }

    fn assign_registers(&mut self, blocks: &[ir::Block]) -> Result<()> {
        let func = self.func;
        for &block in blocks {
            for &param in func.dfg.block_params(block) {
                self.assign(param)?;
            }
            for inst in func.layout.block_insts(block) {
                for &result in func.dfg.inst_results(inst) {
                    self.assign(result).map_err(|e| e.at_loc(func.srcloc(inst)))?;
                }
            }
        }
        Ok(())
    }

    fn assign(&mut self, value: Value) -> Result<()> {
        let regs = self.fresh(self.func.dfg.value_type(value))?;
        self.value_regs[value] = Some(regs);
        Ok(())
    }

    /// New virtual registers for a value of type `ty`.
    fn fresh(&mut self, ty: Type) -> Result<ValueRegs<VReg>> {
        let classes = self
            .isa
            .classes(ty)
            .ok_or_else(|| Error::unsupported(format!("a value of type {ty}")))?;
        let mut next = |class| {
            self.num_vregs += 1;
            VReg::new(self.num_vregs - 1, class)
        };
        Ok(match *classes {
            [one] => ValueRegs::One(next(one)),
            [low, high] => ValueRegs::Two(next(low), next(high)),
            _ => return Err(Error::internal("a value in more than two registers")),
        })
    }

    fn count_uses(&mut self, blocks: &[ir::Block]) {
        let func = self.func;
        for inst in blocks.iter().flat_map(|&block| func.layout.block_insts(block)) {
            for value in func.dfg.inst_values(inst) {
                let uses = &mut self.value_uses[func.dfg.resolve_aliases(value)];
                *uses = match *uses {
                    ValueUse::Unused => ValueUse::Once,
                    _ => ValueUse::Multiple,
                };
            }
        }
    }

    fn run(&mut self, order: &BlockOrder) -> Result<VCode<I::Inst>> {
        let mut builder = VCodeBuilder::new(order.blocks.len());
        for (index, &block) in order.blocks.iter().enumerate().rev() {
            let depth = order.loop_depth(block, self.func);
            match block {
                LoweredBlock::Orig(block) => {
                    self.lower_block(order, block, index, depth, &mut builder)?;
                }
                LoweredBlock::Edge { pred, edge } => {
                    self.lower_edge(order, pred, edge, index, depth, &mut builder)?;
                }
            }
        }
        let slot_words = CLASSES.map(|class| self.isa.slot_words(class));
        Ok(builder.finish(self.num_vregs, slot_words, |vreg| self.vreg_facts.resolve(vreg)))
    }

    fn lower_block(
        &mut self,
        order: &BlockOrder,
        block: ir::Block,
        index: usize,
        depth: u32,
        builder: &mut VCodeBuilder<I::Inst>,
    ) -> Result<()> {
        let func = self.func;
        let terminator = func
            .layout
            .last_inst(block)
            .ok_or_else(|| Error::internal(format!("{block} is empty")))?;
        self.following = NO_LOC;
        let successors = self.lower_terminator(order, block, terminator, builder)?;
        let mut next = func.layout.prev_inst(terminator);
        while let Some(inst) = next {
            self.lower_inst(inst, builder)?;
            next = func.layout.prev_inst(inst);
        }
        let mut params: Vec<VReg> = Vec::new();
        if index == 0 {
            self.isa.gen_entry(self)?;
            self.flush(NO_LOC, builder);
        } else {
            for &param in func.dfg.block_params(block) {
                params.extend(self.vregs(param).iter());
            }
        }
        builder.end_block(index, depth, &params, &successors);
        Ok(())
    }

    /// A block on a critical edge: carries the arguments over and jumps.
    fn lower_edge(
        &mut self,
        order: &BlockOrder,
        pred: ir::Block,
        edge: u32,
        index: usize,
        depth: u32,
        builder: &mut VCodeBuilder<I::Inst>,
    ) -> Result<()> {
        let terminator = self.func.layout.last_inst(pred).expect("a block with successors");
        let call = order::edges(self.func, terminator)[edge as usize];
        let target = order.position[call.block(&self.func.dfg.value_lists)].expect("reachable");
        self.following = NO_LOC;
        let loc = match self.sink_into_edge(pred, &call)? {
            NO_LOC => self.loc(terminator),
            loc => loc,
        };
        let successor = self.successor(target, &call)?;
        self.emit(I::Inst::gen_jump(label(target)));
        self.flush(loc, builder);
        builder.end_block(index, depth, &[], &[successor]);
        Ok(())
    }

    /// Computes on the edge what only the edge needs: the next value of a loop counter whose
    /// present value is still wanted on the other edge can then take its register. One operand
    /// moves with it, so that pressure does not rise. Returns the source location of what it moved.
    fn sink_into_edge(&mut self, pred: ir::Block, call: &ir::BlockCall) -> Result<u32> {
        let mut loc = NO_LOC;
        for arg in call.args(&self.func.dfg.value_lists) {
            let Some(value) = arg.as_value().map(|v| self.func.dfg.resolve_aliases(v)) else {
                continue;
            };
            let once = self.value_uses[value] == ValueUse::Once;
            let Some(inst) = self.pure_def(value).filter(|_| once) else { continue };
            let local = self.func.layout.inst_block(inst) == Some(pred);
            let operands = self.func.dfg.inst_args(inst);
            let variable = operands.iter().filter(|&&v| self.constant(v).is_none()).count();
            if local && variable == 1 && operands.len() > 1 && self.contexts[value].is_none() {
                self.needed[value] = true;
                self.lower_results(inst)?;
                self.sunk[inst] = true;
                loc = self.loc(inst);
            }
        }
        Ok(loc)
    }

    fn successor(&mut self, target: u32, call: &ir::BlockCall) -> Result<Successor> {
        let pool = &self.func.dfg.value_lists;
        let mut args = Vec::new();
        for arg in call.args(pool) {
            let value = arg
                .as_value()
                .ok_or_else(|| Error::unsupported("exception arguments of blocks"))?;
            args.extend(self.put_in_vregs(value).iter());
        }
        args.iter().for_each(|&arg| self.vreg_facts.mark_used(arg));
        Ok(Successor { block: regalloc2::Block::new(target as usize), args })
    }

    fn lower_terminator(
        &mut self,
        order: &BlockOrder,
        block: ir::Block,
        inst: Inst,
        builder: &mut VCodeBuilder<I::Inst>,
    ) -> Result<Vec<Successor>> {
        let opcode = self.func.dfg.insts[inst].opcode();
        if !opcode.is_branch() {
            self.lower_inst(inst, builder)?;
            return Ok(Vec::new());
        }
        let mut successors = Vec::new();
        for (&target, call) in order.targets[block].iter().zip(&order::edges(self.func, inst)) {
            // The arguments of a split edge are its edge block's.
            if order.blocks[target as usize]
                == LoweredBlock::Orig(call.block(&self.func.dfg.value_lists))
            {
                successors.push(self.successor(target, call)?);
            } else {
                let block = regalloc2::Block::new(target as usize);
                successors.push(Successor { block, args: Vec::new() });
            }
        }
        let targets: SmallVec<[_; 2]> = order.targets[block].iter().map(|&t| label(t)).collect();
        self.isa.lower_branch(self, inst, &targets)?;
        let loc = self.loc(inst);
        self.flush(loc, builder);
        Ok(successors)
    }

    fn lower_inst(&mut self, inst: Inst, builder: &mut VCodeBuilder<I::Inst>) -> Result<()> {
        if self.num_vregs > MAX_VREGS {
            return Err(Error::unsupported(format!("more than {MAX_VREGS} values in a function")));
        }
        let results = self.func.dfg.inst_results(inst);
        let wanted = results.iter().any(|&result| self.needed[result]);
        if self.sunk[inst] || !wanted && !has_side_effects(self.func, inst) {
            return Ok(());
        }
        self.lower_results(inst)?;
        let loc = self.loc(inst);
        self.flush(loc, builder);
        Ok(())
    }

    /// Emits an instruction and binds its results.
    fn lower_results(&mut self, inst: Inst) -> Result<()> {
        let results = self.func.dfg.inst_results(inst);
        let outputs = self.isa.lower(self, inst).map_err(|e| e.at_loc(self.func.srcloc(inst)))?;
        debug_assert!(outputs.len() == results.len() || outputs.is_empty());
        self.bind_results(results, &outputs);
        Ok(())
    }

    /// Gives results their registers: renames the definitions where these were emitted just now,
    /// else takes the registers as they are; only of a reserved register it makes a copy.
    fn bind_results(&mut self, results: &[Value], outputs: &[ValueRegs<Reg>]) {
        let mut renamed: SmallVec<[(Reg, VReg); 4]> = SmallVec::new();
        for (&result, &from) in results.iter().zip(outputs) {
            let to = self.vregs(result);
            debug_assert_eq!(to.len(), from.len());
            for (to, from) in to.iter().zip(from.iter()) {
                let earlier = renamed.iter().find(|&&(old, _)| old == from);
                match earlier.map_or(from.as_vreg(), |&(_, new)| Some(new)) {
                    Some(from) if from == to => {}
                    Some(vreg) if earlier.is_none() && self.rename_definition(vreg, to) => {
                        renamed.push((from, to));
                    }
                    Some(vreg) => self.vreg_facts.set_alias(to, vreg),
                    None => {
                        let copy = self.isa.gen_copy(Writable::from_reg(to.into()), from);
                        self.emit(copy);
                    }
                }
            }
        }
    }

    /// If `from` is defined by what was just emitted, makes it `to` throughout.
    fn rename_definition(&mut self, from: VReg, to: VReg) -> bool {
        if !rename(from, from, &mut self.emitted) {
            return false;
        }
        rename(from, to, &mut self.emitted)
    }

    /// The place of an instruction in the wasm file. What the mid-end made anew has none of its own: it
    /// serves what follows.
    fn loc(&mut self, inst: Inst) -> u32 {
        let loc = self.func.srcloc(inst);
        if !loc.is_default() {
            self.following = loc.bits();
        }
        self.following
    }

    /// Hands over what was emitted, less what nobody reads: all users have been lowered before.
    fn flush(&mut self, loc: u32, builder: &mut VCodeBuilder<I::Inst>) {
        while let Some(mut inst) = self.emitted.pop() {
            if self.vreg_facts.visit(&mut inst) {
                builder.push(inst, loc);
            }
        }
    }

    // --- What rules may ask and do ---------------------------------------------------------

    pub fn emit(&mut self, inst: I::Inst) {
        self.emitted.push(inst);
    }

    /// A new virtual register.
    pub fn temp(&mut self, class: RegClass) -> Writable<Reg> {
        self.num_vregs += 1;
        Writable::from_reg(VReg::new(self.num_vregs - 1, class).into())
    }

    /// New virtual registers for a value of type `ty`.
    pub fn temps(&mut self, ty: Type) -> Result<ValueRegs<Reg>> {
        Ok(self.fresh(ty)?.map(Reg::from))
    }

    /// The registers that the value is defined in.
    pub fn vregs(&self, value: Value) -> ValueRegs<VReg> {
        self.value_regs[value].expect("every reachable value has registers")
    }

    /// The registers from which to read the value here: virtual ones, or a context register.
    pub fn put_in_regs(&mut self, value: Value) -> ValueRegs<Reg> {
        let value = self.func.dfg.resolve_aliases(value);
        if let Some(reg) = self.contexts[value] {
            return ValueRegs::One(self.isa.context_reg(reg).into());
        }
        if let Some(bits) = self.constant(value) {
            let ty = self.func.dfg.value_type(value);
            if let Some(regs) = self.isa.gen_constant(self, bits, ty) {
                return regs;
            }
        }
        self.needed[value] = true;
        self.vregs(value).map(Reg::from)
    }

    /// The same in one register.
    pub fn put_in_reg(&mut self, value: Value) -> Reg {
        self.put_in_regs(value).get(0)
    }

    /// As `put_in_regs`, for places that only an allocatable register can take.
    pub fn put_in_vregs(&mut self, value: Value) -> ValueRegs<VReg> {
        let regs = self.put_in_regs(value);
        let ty = self.func.dfg.value_type(value);
        if regs.iter().all(|reg| reg.is_virtual()) {
            return regs.map(|reg| reg.as_vreg().expect("virtual"));
        }
        let copies = self.fresh(ty).expect("a value of this type exists already");
        for part in 0..copies.len() {
            let to = Writable::from_reg(copies.get(part).into());
            let copy = self.isa.gen_copy(to, regs.get(part));
            self.emit(copy);
        }
        copies
    }

    pub fn value_use(&self, value: Value) -> ValueUse {
        self.value_uses[self.func.dfg.resolve_aliases(value)]
    }

    /// The pure instruction that defines the value, into which rules may look. Context loads are
    /// not looked through.
    pub fn pure_def(&self, value: Value) -> Option<Inst> {
        let value = self.func.dfg.resolve_aliases(value);
        let inst = self.func.dfg.value_def(value).inst()?;
        let opcode = self.func.dfg.insts[inst].opcode();
        (!has_side_effects(self.func, inst) && !opcode.can_load()).then_some(inst)
    }

    /// The bits of a constant, an integer's sign or zero extended as the function has them.
    pub fn constant(&self, value: Value) -> Option<u64> {
        let inst = self.pure_def(value)?;
        match self.func.dfg.insts[inst] {
            ir::InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => {
                Some(imm.bits() as u64)
            }
            ir::InstructionData::UnaryIeee32 { imm, .. } => Some(imm.bits().into()),
            ir::InstructionData::UnaryIeee64 { imm, .. } => Some(imm.bits()),
            _ => None,
        }
    }

    /// Does anybody read the value?
    pub fn is_needed(&self, value: Value) -> bool {
        self.needed[value]
    }

    /// The function's instance parameter.
    pub fn instance(&self) -> Option<Value> {
        self.instance
    }

    pub fn is_instance(&self, value: Value) -> bool {
        self.instance == Some(self.func.dfg.resolve_aliases(value))
    }

    /// Bytes from the start of the stack slot area.
    pub fn stack_slot_offset(&self, slot: ir::StackSlot) -> u32 {
        self.slot_offsets[slot]
    }
}

/// Far below what [`Reg`] can number, and above what any sensible function has.
const MAX_VREGS: usize = 1 << 24;

/// The most bytes of CLIF stack slots that a frame can have.
const MAX_STACK_SLOT_BYTES: u64 = 1 << 20;

fn label(block: u32) -> crate::emit::buffer::MachLabel {
    crate::emit::buffer::MachLabel::from_index(block as usize)
}

/// Must the instruction be kept even if nobody uses its results?
pub(crate) fn has_side_effects(func: &Function, inst: Inst) -> bool {
    let data = &func.dfg.insts[inst];
    let opcode = data.opcode();
    let trapping_load = || match *data {
        ir::InstructionData::Load { flags, .. } => !func.dfg.mem_flags[flags].notrap(),
        _ => true,
    };
    opcode.is_call()
        || opcode.is_branch()
        || opcode.is_terminator()
        || opcode.is_return()
        || opcode.can_trap() && !opcode.can_load()
        || opcode.other_side_effects()
        || opcode.can_store()
        || opcode.can_load() && trapping_load()
}
