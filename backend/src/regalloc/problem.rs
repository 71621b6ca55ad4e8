//! An allocation problem in memory, whatever it came from: a file, a test, a reduction.
//!
//! Invariant: instructions are numbered block after block, and predecessors are in order of their
//! number. Whether it is a problem that allocators take is for [`super::well_formed()`] to say.

use regalloc2::{Block, Function, Inst, InstRange, Operand, PRegSet, RegClass, VReg};

use super::{AllocProblem, saved};

/// What an instruction does to the flow of control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// Goes on with the next instruction.
    #[default]
    Op,
    /// Goes on in one of the block's successors.
    Branch,
    /// Leaves the function.
    Ret,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instruction {
    pub operands: Vec<Operand>,
    pub clobbers: PRegSet,
    pub flow: Flow,
    pub call: bool,
    /// See [`AllocProblem::remat_cost`].
    pub remat: Option<u32>,
    /// For people: what the instruction is. One line.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BlockData {
    pub params: Vec<VReg>,
    /// See [`AllocProblem::block_frequency`].
    pub frequency: f64,
    pub insts: Vec<Instruction>,
    pub succs: Vec<Block>,
    /// Of each successor, its parameters' values.
    pub args: Vec<Vec<VReg>>,
}

impl Default for BlockData {
    fn default() -> BlockData {
        BlockData { params: vec![], frequency: 1.0, insts: vec![], succs: vec![], args: vec![] }
    }
}

#[derive(Clone, Default)]
pub struct Problem {
    blocks: Vec<BlockData>,
    num_vregs: usize,
    slot_words: [usize; 3],
    /// Of each block, its first instruction.
    first: Vec<usize>,
    /// Of each instruction.
    block_of: Vec<u32>,
    preds: Vec<Vec<Block>>,
}

impl Problem {
    /// `num_vregs` is above the number of every virtual register; `slot_words` is the size of each
    /// class's spill slots in words.
    ///
    /// # Panics
    /// If a successor does not exist.
    pub fn new(blocks: Vec<BlockData>, num_vregs: usize, slot_words: [usize; 3]) -> Problem {
        let mut problem = Problem { num_vregs, slot_words, ..Problem::default() };
        problem.preds = vec![vec![]; blocks.len()];
        for (number, block) in blocks.iter().enumerate() {
            problem.first.push(problem.block_of.len());
            problem.block_of.extend(block.insts.iter().map(|_| number as u32));
            for succ in &block.succs {
                problem.preds[succ.index()].push(Block::new(number));
            }
        }
        problem.blocks = blocks;
        problem
    }

    pub fn blocks(&self) -> &[BlockData] {
        &self.blocks
    }

    pub fn set_frequency(&mut self, block: Block, frequency: f64) {
        self.blocks[block.index()].frequency = frequency;
    }

    pub fn slot_words(&self) -> [usize; 3] {
        self.slot_words
    }

    pub fn block_of(&self, inst: Inst) -> Block {
        Block::new(self.block_of[inst.index()] as usize)
    }

    pub fn inst(&self, inst: Inst) -> &Instruction {
        let block = self.block_of[inst.index()] as usize;
        &self.blocks[block].insts[inst.index() - self.first[block]]
    }
}

impl Function for Problem {
    fn num_insts(&self) -> usize {
        self.block_of.len()
    }

    fn num_blocks(&self) -> usize {
        self.blocks.len()
    }

    fn entry_block(&self) -> Block {
        Block::new(0)
    }

    fn block_insns(&self, block: Block) -> InstRange {
        let first = self.first[block.index()];
        let end = first + self.blocks[block.index()].insts.len();
        InstRange::new(Inst::new(first), Inst::new(end))
    }

    fn block_succs(&self, block: Block) -> &[Block] {
        &self.blocks[block.index()].succs
    }

    fn block_preds(&self, block: Block) -> &[Block] {
        &self.preds[block.index()]
    }

    fn block_params(&self, block: Block) -> &[VReg] {
        &self.blocks[block.index()].params
    }

    fn is_ret(&self, inst: Inst) -> bool {
        self.inst(inst).flow == Flow::Ret
    }

    fn is_branch(&self, inst: Inst) -> bool {
        self.inst(inst).flow == Flow::Branch
    }

    fn branch_blockparams(&self, block: Block, _: Inst, succ: usize) -> &[VReg] {
        &self.blocks[block.index()].args[succ]
    }

    fn inst_operands(&self, inst: Inst) -> &[Operand] {
        &self.inst(inst).operands
    }

    fn inst_clobbers(&self, inst: Inst) -> PRegSet {
        self.inst(inst).clobbers
    }

    fn num_vregs(&self) -> usize {
        self.num_vregs
    }

    fn spillslot_size(&self, class: RegClass) -> usize {
        self.slot_words[class as usize]
    }
}

impl AllocProblem for Problem {
    fn block_frequency(&self, block: Block) -> f64 {
        self.blocks[block.index()].frequency
    }

    fn remat_cost(&self, inst: Inst) -> Option<u32> {
        self.inst(inst).remat
    }

    fn is_call(&self, inst: Inst) -> bool {
        self.inst(inst).call
    }
}

impl core::fmt::Debug for Problem {
    /// As in files, without the environment.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&saved::write_body(self, |inst| self.inst(inst).text.clone()))
    }
}
