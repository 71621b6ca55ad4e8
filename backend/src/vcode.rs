//! Machine code over virtual registers, and the allocation problem that it is.
//!
//! Input: instructions from lowering, in reverse ([`VCodeBuilder`]). Output: [`VCode`] in final
//! block order, which implements `regalloc2::Function`.
//!
//! Invariants: blocks are in reverse post-order with no critical edges; the entry block has no
//! parameters; every block ends in its only terminator; each virtual register has one definition.

use crate::isa::{MachInst, OperandVisitor, Terminator};
use crate::reg::Reg;
use crate::regalloc::AllocProblem;
use core::ops::Range;
use regalloc2::{
    Block, Function as _, Inst, InstRange, Operand, OperandConstraint, OperandKind, OperandPos,
    PRegSet, RegClass, VReg,
};

/// Stands for "from nowhere in the wasm file".
pub const NO_LOC: u32 = u32::MAX;

pub struct VCode<I> {
    pub insts: Vec<I>,
    /// Byte offset in the wasm file, or [`NO_LOC`].
    pub locs: Vec<u32>,
    blocks: Vec<BlockData>,
    succs: Vec<Block>,
    preds: Vec<Block>,
    params: Vec<VReg>,
    branch_args: Vec<VReg>,
    /// Of each successor in `succs`: its range in `branch_args`.
    branch_arg_ranges: Vec<Range<u32>>,
    operands: Vec<Operand>,
    operand_ends: Vec<u32>,
    /// Sorted by instruction; only those that clobber something.
    clobbers: Vec<(u32, PRegSet)>,
    num_vregs: usize,
    /// Of each class.
    slot_words: [usize; 3],
}

#[derive(Clone, Debug, Default)]
struct BlockData {
    insts: Range<u32>,
    succs: Range<u32>,
    preds: Range<u32>,
    params: Range<u32>,
    loop_depth: u32,
}

/// One successor of a block with the values that it gets.
pub struct Successor {
    pub block: Block,
    pub args: Vec<VReg>,
}

/// Takes blocks from last to first, and instructions of a block from last to first.
pub struct VCodeBuilder<I> {
    insts: Vec<I>,
    locs: Vec<u32>,
    blocks: Vec<BlockData>,
    succs: Vec<Block>,
    params: Vec<VReg>,
    branch_args: Vec<VReg>,
    branch_arg_ranges: Vec<Range<u32>>,
    block_start: usize,
}

impl<I: MachInst> VCodeBuilder<I> {
    pub fn new(num_blocks: usize) -> Self {
        VCodeBuilder {
            insts: Vec::new(),
            locs: Vec::new(),
            blocks: vec![BlockData::default(); num_blocks],
            succs: Vec::new(),
            params: Vec::new(),
            branch_args: Vec::new(),
            branch_arg_ranges: Vec::new(),
            block_start: 0,
        }
    }

    pub fn push(&mut self, inst: I, loc: u32) {
        self.insts.push(inst);
        self.locs.push(loc);
    }

    /// Ends the block whose instructions have been pushed since the last call.
    pub fn end_block(
        &mut self,
        block: usize,
        loop_depth: u32,
        params: &[VReg],
        successors: &[Successor],
    ) {
        let succ_start = self.succs.len() as u32;
        for successor in successors {
            self.succs.push(successor.block);
            let start = self.branch_args.len() as u32;
            self.branch_args.extend_from_slice(&successor.args);
            self.branch_arg_ranges.push(start..self.branch_args.len() as u32);
        }
        let param_start = self.params.len() as u32;
        self.params.extend_from_slice(params);
        self.blocks[block] = BlockData {
            insts: self.block_start as u32..self.insts.len() as u32,
            succs: succ_start..self.succs.len() as u32,
            preds: 0..0,
            params: param_start..self.params.len() as u32,
            loop_depth,
        };
        self.block_start = self.insts.len();
    }

    /// Puts everything in forward order and collects operands; `resolve` answers the register
    /// that stands for a virtual register.
    pub fn finish(
        mut self,
        num_vregs: usize,
        slot_words: [usize; 3],
        resolve: impl Fn(VReg) -> VReg,
    ) -> VCode<I> {
        self.branch_args.iter_mut().for_each(|arg| *arg = resolve(*arg));
        self.insts.reverse();
        self.locs.reverse();
        let total = self.insts.len() as u32;
        for block in &mut self.blocks {
            block.insts = total - block.insts.end..total - block.insts.start;
        }
        let preds = self.collect_preds();

        let mut collector =
            OperandCollector { resolve, operands: Vec::new(), clobbers: PRegSet::empty() };
        let mut operand_ends = Vec::with_capacity(self.insts.len());
        let mut clobbers = Vec::new();
        for (index, inst) in self.insts.iter_mut().enumerate() {
            inst.visit_operands(&mut collector);
            operand_ends.push(collector.operands.len() as u32);
            let clobbered = core::mem::take(&mut collector.clobbers);
            if clobbered != PRegSet::empty() {
                clobbers.push((index as u32, clobbered));
            }
        }
        VCode {
            insts: self.insts,
            locs: self.locs,
            blocks: self.blocks,
            succs: self.succs,
            preds,
            params: self.params,
            branch_args: self.branch_args,
            branch_arg_ranges: self.branch_arg_ranges,
            operands: collector.operands,
            operand_ends,
            clobbers,
            num_vregs,
            slot_words,
        }
    }

    fn collect_preds(&mut self) -> Vec<Block> {
        let mut edges: Vec<(Block, Block)> = Vec::with_capacity(self.succs.len());
        for (index, block) in self.blocks.iter().enumerate() {
            for &succ in &self.succs[range(&block.succs)] {
                edges.push((succ, Block::new(index)));
            }
        }
        edges.sort_unstable_by_key(|&(succ, pred)| (succ.index(), pred.index()));
        let mut at = 0;
        for (index, block) in self.blocks.iter_mut().enumerate() {
            let start = at;
            while edges.get(at).is_some_and(|(succ, _)| succ.index() == index) {
                at += 1;
            }
            block.preds = start as u32..at as u32;
        }
        edges.into_iter().map(|(_, pred)| pred).collect()
    }
}

struct OperandCollector<F> {
    resolve: F,
    operands: Vec<Operand>,
    clobbers: PRegSet,
}

impl<F: Fn(VReg) -> VReg> OperandVisitor for OperandCollector<F> {
    fn add_operand(
        &mut self,
        reg: &mut Reg,
        constraint: OperandConstraint,
        kind: OperandKind,
        pos: OperandPos,
    ) {
        self.operands.push(match (reg.as_vreg(), reg.as_preg()) {
            (Some(vreg), _) => {
                let vreg = (self.resolve)(vreg);
                *reg = vreg.into();
                Operand::new(vreg, constraint, kind, pos)
            }
            // A reserved register, which keeps the operand's place in the list.
            (None, Some(preg)) => Operand::fixed_nonallocatable(preg),
            (None, None) => unreachable!("no slot stands in an unallocated instruction"),
        });
    }

    fn reg_clobbers(&mut self, clobbers: PRegSet) {
        self.clobbers.union_from(clobbers);
    }
}

fn range(r: &Range<u32>) -> Range<usize> {
    r.start as usize..r.end as usize
}

impl<I: MachInst> VCode<I> {
    fn block(&self, block: Block) -> &BlockData {
        &self.blocks[block.index()]
    }

    /// The first place in the wasm file that an instruction of the block comes from.
    pub fn block_loc(&self, block: Block) -> Option<u32> {
        let locs = &self.locs[range(&self.block(block).insts)];
        locs.iter().copied().find(|&loc| loc != NO_LOC)
    }

    pub fn loop_depth(&self, block: Block) -> u32 {
        self.block(block).loop_depth
    }
}

/// Text: blocks with their parameters and successors, instructions over virtual registers.
struct Display<'a, I>(&'a VCode<I>);

impl<I: MachInst> VCode<I> {
    pub fn display(&self) -> impl core::fmt::Display + '_ {
        Display(self)
    }
}

impl<I: MachInst> core::fmt::Display for Display<'_, I> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let vcode = self.0;
        let list = |regs: &[VReg]| {
            let names: Vec<String> = regs.iter().map(|&r| format!("{:?}", Reg::from(r))).collect();
            names.join(", ")
        };
        for index in 0..vcode.blocks.len() {
            let block = Block::new(index);
            write!(f, "block{index}({})", list(vcode.block_params(block)))?;
            writeln!(f, ":  ; depth {}", vcode.loop_depth(block))?;
            let insts = vcode.block_insns(block);
            for inst in insts.iter() {
                writeln!(f, "    {}", vcode.insts[inst.index()])?;
            }
            for (nth, succ) in vcode.block_succs(block).iter().enumerate() {
                let args = vcode.branch_blockparams(block, insts.last(), nth);
                writeln!(f, "    -> block{}({})", succ.index(), list(args))?;
            }
        }
        Ok(())
    }
}

impl<I: MachInst> regalloc2::Function for VCode<I> {
    fn num_insts(&self) -> usize {
        self.insts.len()
    }

    fn num_blocks(&self) -> usize {
        self.blocks.len()
    }

    fn entry_block(&self) -> Block {
        Block::new(0)
    }

    fn block_insns(&self, block: Block) -> InstRange {
        let insts = &self.block(block).insts;
        InstRange::new(Inst::new(insts.start as usize), Inst::new(insts.end as usize))
    }

    fn block_succs(&self, block: Block) -> &[Block] {
        &self.succs[range(&self.block(block).succs)]
    }

    fn block_preds(&self, block: Block) -> &[Block] {
        &self.preds[range(&self.block(block).preds)]
    }

    fn block_params(&self, block: Block) -> &[VReg] {
        &self.params[range(&self.block(block).params)]
    }

    fn is_ret(&self, inst: Inst) -> bool {
        self.insts[inst.index()].terminator() == Terminator::Return
    }

    fn is_branch(&self, inst: Inst) -> bool {
        self.insts[inst.index()].terminator() == Terminator::Branch
    }

    fn branch_blockparams(&self, block: Block, _inst: Inst, succ_idx: usize) -> &[VReg] {
        let succ = self.block(block).succs.start as usize + succ_idx;
        &self.branch_args[range(&self.branch_arg_ranges[succ])]
    }

    fn inst_operands(&self, inst: Inst) -> &[Operand] {
        let index = inst.index();
        let start = if index == 0 { 0 } else { self.operand_ends[index - 1] as usize };
        &self.operands[start..self.operand_ends[index] as usize]
    }

    fn inst_clobbers(&self, inst: Inst) -> PRegSet {
        match self.clobbers.binary_search_by_key(&(inst.index() as u32), |&(i, _)| i) {
            Ok(found) => self.clobbers[found].1,
            Err(_) => PRegSet::empty(),
        }
    }

    fn num_vregs(&self) -> usize {
        self.num_vregs
    }

    fn spillslot_size(&self, class: RegClass) -> usize {
        self.slot_words[class as usize]
    }
}

impl<I: MachInst> AllocProblem for VCode<I> {
    fn block_frequency(&self, block: Block) -> f64 {
        10f64.powi(self.loop_depth(block) as i32)
    }

    fn remat_cost(&self, inst: Inst) -> Option<u32> {
        self.insts[inst.index()].remat_cost()
    }

    fn is_call(&self, inst: Inst) -> bool {
        self.insts[inst.index()].is_call()
    }
}
