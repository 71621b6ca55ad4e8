//! What an instruction set supplies: the plugin traits.
//!
//! [`MachInst`] is one machine instruction over [`Reg`]s; [`Isa`] lowers CLIF to such
//! instructions, knows the calling conventions, and turns allocated instructions into bytes.

use crate::emit::buffer::{MachBuffer, MachLabel, Relaxable};
use crate::error::Result;
use crate::instance::ContextReg;
use crate::lower::Lower;
use crate::object::ElfFormat;
use crate::options::CodegenOptions;
use crate::reg::{Reg, ValueRegs, Writable};
use crate::runtime::RuntimeCall;
use core::fmt::{Debug, Display};
use cranelift_codegen::ir::{self, Type};
use regalloc2::{MachineEnv, OperandConstraint, OperandKind, OperandPos, PReg, PRegSet, RegClass};
use smallvec::SmallVec;

/// Sees every register operand of an instruction, in a fixed order, and may replace it.
pub trait OperandVisitor {
    fn add_operand(
        &mut self,
        reg: &mut Reg,
        constraint: OperandConstraint,
        kind: OperandKind,
        pos: OperandPos,
    );

    fn reg_clobbers(&mut self, _clobbers: PRegSet) {}

    /// Reads a register, which may be reused for a result.
    fn reg_use(&mut self, reg: &mut Reg) {
        self.add_operand(reg, OperandConstraint::Reg, OperandKind::Use, OperandPos::Early);
    }

    /// Reads a register after results may have been written.
    fn reg_late_use(&mut self, reg: &mut Reg) {
        self.add_operand(reg, OperandConstraint::Reg, OperandKind::Use, OperandPos::Late);
    }

    /// Reads a register or a spill slot.
    fn any_use(&mut self, reg: &mut Reg) {
        self.add_operand(reg, OperandConstraint::Any, OperandKind::Use, OperandPos::Early);
    }

    fn reg_fixed_use(&mut self, reg: &mut Reg, preg: PReg) {
        let constraint = OperandConstraint::FixedReg(preg);
        self.add_operand(reg, constraint, OperandKind::Use, OperandPos::Early);
    }

    fn reg_def(&mut self, reg: &mut Writable<Reg>) {
        let constraint = OperandConstraint::Reg;
        self.add_operand(reg.reg_mut(), constraint, OperandKind::Def, OperandPos::Late);
    }

    /// Writes a register before all operands have been read.
    fn reg_early_def(&mut self, reg: &mut Writable<Reg>) {
        let constraint = OperandConstraint::Reg;
        self.add_operand(reg.reg_mut(), constraint, OperandKind::Def, OperandPos::Early);
    }

    fn reg_fixed_def(&mut self, reg: &mut Writable<Reg>, preg: PReg) {
        let constraint = OperandConstraint::FixedReg(preg);
        self.add_operand(reg.reg_mut(), constraint, OperandKind::Def, OperandPos::Late);
    }

    /// Writes the register of the `index`-th visited operand, a use.
    fn reg_reuse_def(&mut self, reg: &mut Writable<Reg>, index: usize) {
        let constraint = OperandConstraint::Reuse(index);
        self.add_operand(reg.reg_mut(), constraint, OperandKind::Def, OperandPos::Late);
    }
}

/// For those that look at nothing but registers, and whether they are read or written.
impl<F: FnMut(&mut Reg, OperandKind)> OperandVisitor for F {
    fn add_operand(
        &mut self,
        reg: &mut Reg,
        _: OperandConstraint,
        kind: OperandKind,
        _: OperandPos,
    ) {
        self(reg, kind);
    }
}

/// What an instruction does to control flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Terminator {
    /// Control goes on to the next instruction (a call or a conditional trap included).
    None,
    /// Leaves the function: return, tail call, unconditional trap.
    Return,
    /// Goes to the block's successors.
    Branch,
}

/// One machine instruction of an ISA.
pub trait MachInst: Clone + Debug + Display + Send + Sync + 'static {
    /// The ISA's branches, jump tables and literal loads.
    type Relax: Relaxable;

    fn visit_operands(&mut self, visitor: &mut impl OperandVisitor);

    fn terminator(&self) -> Terminator;

    fn is_call(&self) -> bool;

    /// Destination and source of a plain register copy.
    fn as_move(&self) -> Option<(Writable<Reg>, Reg)>;

    /// Instructions that compute the only result anew, if it needs no operand, memory or flags.
    fn remat_cost(&self) -> Option<u32>;

    /// Is the instruction nothing but what it defines, so that it may go if nobody reads that?
    fn is_pure(&self) -> bool;

    /// Loads and stores of arguments, results and stack slots that this instruction is.
    fn stack_args(&self) -> u32;

    fn gen_jump(target: MachLabel) -> Self;
}

/// What allocation and lowering decided about a function's frame.
///
/// ```text
///            stack arguments              incoming_bytes
///   entry sp -----------------------------------------
///            stack arguments of tail calls, beyond incoming_bytes
///            saved registers
///            stack slots of the CLIF      stack_slot_bytes
///            spill slots                  spill_slots words
///            arguments of calls           outgoing_bytes
///         sp -----------------------------------------
/// ```
#[derive(Clone, Debug)]
pub struct FrameRequest {
    /// Stack arguments of this function.
    pub incoming_bytes: u32,
    /// The convention makes this function pop its stack arguments.
    pub pops_incoming: bool,
    pub stack_slot_bytes: u32,
    /// Words.
    pub spill_slots: u32,
    pub outgoing_bytes: u32,
    /// The most stack arguments of a tail call. They end where this function's own do, and may take
    /// their place.
    pub tail_bytes: u32,
    /// Every register that the body writes, moves and calls included.
    pub written: PRegSet,
    pub makes_calls: bool,
    /// Some of the calls are of C's convention.
    pub calls_c: bool,
    /// The internal convention: context registers are in place and stay.
    pub internal: bool,
    /// Links a recovery record (see `FunctionRole::Entry`) into the instance that this argument
    /// word points to.
    pub entry: Option<usize>,
    /// There is an instance, whose stack limit is to be kept.
    pub stack_check: bool,
}

impl FrameRequest {
    /// Bytes of stack arguments that a return pops.
    pub fn popped_bytes(&self) -> u32 {
        if self.pops_incoming { self.incoming_bytes } else { 0 }
    }

    /// The spill slots, in bytes from sp.
    pub fn spill_area(&self) -> core::ops::Range<u32> {
        let start = self.outgoing_bytes.next_multiple_of(4);
        start..start + 4 * self.spill_slots
    }
}

/// Allocated instructions in final block order; blocks are contiguous and in order.
#[derive(Clone, Debug)]
pub struct Code<I> {
    pub insts: Vec<I>,
    /// Byte offset in the wasm file of each instruction, `u32::MAX` for nowhere.
    pub locs: Vec<u32>,
    /// First instruction of each block; block n has label n.
    pub block_starts: Vec<u32>,
}

impl<I> Default for Code<I> {
    fn default() -> Self {
        Code { insts: Vec::new(), locs: Vec::new(), block_starts: Vec::new() }
    }
}

impl<I> Code<I> {
    pub fn start_block(&mut self) {
        self.block_starts.push(self.insts.len() as u32);
    }

    pub fn push(&mut self, inst: I, loc: u32) {
        self.insts.push(inst);
        self.locs.push(loc);
    }

    pub fn num_blocks(&self) -> usize {
        self.block_starts.len()
    }

    pub fn block_range(&self, block: usize) -> core::ops::Range<usize> {
        let end = self.block_starts.get(block + 1).map_or(self.insts.len(), |&e| e as usize);
        self.block_starts[block] as usize..end
    }
}

/// An instruction set with its calling conventions: the plugin.
pub trait Isa: Send + Sync {
    type Inst: MachInst;

    /// The registers that allocators may use.
    fn machine_env(&self) -> &MachineEnv;

    /// The reserved register of a context field.
    fn context_reg(&self, reg: ContextReg) -> PReg;

    /// Register classes of a value of type `ty`, low part first; None if the ISA has no such
    /// values.
    fn classes(&self, ty: Type) -> Option<&'static [RegClass]>;

    /// Words of the spill slot of a register of this class.
    fn slot_words(&self, class: RegClass) -> usize;

    // --- Lowering --------------------------------------------------------------------------

    /// Lowers one instruction that is no branch; returns where its results are, or nothing if it
    /// wrote the results' own registers.
    fn lower(&self, ctx: &mut Lower<Self>, inst: ir::Inst) -> Result<InstOutput>;

    /// Lowers a branch; `targets` are the labels of its distinct edges.
    fn lower_branch(
        &self,
        ctx: &mut Lower<Self>,
        inst: ir::Inst,
        targets: &[MachLabel],
    ) -> Result<()>;

    /// Defines the entry block's parameters from where the calling convention has them.
    fn gen_entry(&self, ctx: &mut Lower<Self>) -> Result<()>;

    /// Does the convention of this signature make the callee pop its stack arguments?
    fn pops_incoming(&self, sig: &ir::Signature) -> bool;

    /// Emits a constant into new registers; None if it should be computed at its definition.
    fn gen_constant(&self, ctx: &mut Lower<Self>, bits: u64, ty: Type) -> Option<ValueRegs<Reg>>;

    /// The standard name of a runtime routine; None if there is none, so that windlass always
    /// brings its own.
    fn runtime_name(&self, call: RuntimeCall) -> Option<&'static str>;

    /// The symbol that calls of a runtime routine refer to.
    fn runtime_symbol(&self, call: RuntimeCall) -> String {
        self.runtime_name(call).map_or_else(|| call.default_symbol(), str::to_owned)
    }

    /// A register copy.
    fn gen_copy(&self, to: Writable<Reg>, from: Reg) -> Self::Inst;

    // --- After allocation ------------------------------------------------------------------

    /// Loads a register of any class from its slot, whose first word is number `slot` of the spill
    /// area.
    fn gen_load_slot(&self, to: PReg, slot: u32) -> Self::Inst;

    fn gen_store_slot(&self, slot: u32, from: PReg) -> Self::Inst;

    /// From allocated instructions to what is emitted: prologue, epilogues, expansion, narrowing.
    /// Returns the bytes of stack that the function occupies.
    fn finalize(
        &self,
        code: &mut Code<Self::Inst>,
        frame: &FrameRequest,
        options: &CodegenOptions,
    ) -> Result<u32>;

    /// Emits all blocks into the buffer. A listing takes one line for each instruction, whose place
    /// is marked in the buffer. With debug information the buffer also gets the frame's states, and
    /// each source location has traps of its own.
    fn emit(
        &self,
        code: &Code<Self::Inst>,
        frame: &FrameRequest,
        options: &CodegenOptions,
        buffer: &mut MachBuffer<<Self::Inst as MachInst>::Relax>,
        listing: Option<&mut Vec<String>>,
    );

    /// Number of machine instructions in bytes of code (no data).
    fn count_insts(&self, code: &[u8]) -> u32;

    fn elf_format(&self) -> ElfFormat;
}

/// Where the results of a lowered instruction are.
pub type InstOutput = SmallVec<[ValueRegs<Reg>; 2]>;
