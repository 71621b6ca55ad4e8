//! Structured control flow: the stack of frames, and what enters and leaves them.
//!
//! A frame's end block comes into being with the first branch to it, so that code which only falls
//! through stays in one block. Code that cannot be reached is skipped; only its nesting is counted.

use super::func::FuncTranslator;
use super::memory::Mark;
use super::types;
use crate::Trap;
use crate::error::{Error, Result};
use cranelift_codegen::ir::{
    self, Block, BlockArg, Inst, InstBuilder, InstructionData, JumpTableData, Opcode, Value,
    ValueDef,
};
use std::collections::HashMap;
use wasmparser::{BlockType, BrTable};

pub enum FrameKind {
    Block,
    Loop {
        header: Block,
    },
    /// An `if` whose `else` has not come yet.
    If {
        /// The branch, whose second destination is `otherwise`.
        branch: Inst,
        otherwise: Block,
        params: Vec<Value>,
    },
    Else,
}

pub struct Frame {
    kind: FrameKind,
    /// Where branches to the end go.
    end: Option<Block>,
    results: Vec<ir::Type>,
    /// Number of parameters, which a branch to a loop takes.
    params: usize,
    /// Height of the operand stack below the parameters.
    height: usize,
    /// What was checked before the frame.
    mark: Mark,
}

impl Frame {
    /// The frame of the function itself: a branch to it returns.
    pub fn function(results: Vec<ir::Type>, mark: Mark) -> Frame {
        Frame { kind: FrameKind::Block, end: None, results, params: 0, height: 0, mark }
    }
}

impl FuncTranslator<'_, '_, '_> {
    fn block_type(&mut self, ty: BlockType) -> Result<(Vec<ir::Type>, Vec<ir::Type>)> {
        let clif =
            |ty: &wasmparser::ValType| types::translated(*ty, "a block").map(types::clif_type);
        let (params, results) = match ty {
            BlockType::Empty => (vec![], vec![]),
            BlockType::Type(result) => (vec![], vec![clif(&result)?]),
            BlockType::FuncType(index) => {
                let ty = self.env.wasm.types.get(index as usize);
                let ty = ty.ok_or_else(|| Error::internal("a block type out of range"))?;
                (
                    ty.params().iter().map(clif).collect::<Result<_>>()?,
                    ty.results().iter().map(clif).collect::<Result<_>>()?,
                )
            }
        };
        self.spend(params.len() + results.len())?;
        Ok((params, results))
    }

    fn push_frame(
        &mut self,
        kind: FrameKind,
        params: usize,
        results: Vec<ir::Type>,
        mark: Mark,
    ) -> Result<()> {
        let height = self.stack.len().checked_sub(params).ok_or_else(underflow)?;
        self.frames.push(Frame { kind, end: None, results, params, height, mark });
        Ok(())
    }

    /// A new block whose parameters have `types`.
    fn create_block(&mut self, types: &[ir::Type]) -> Result<Block> {
        let block = self.new_block()?;
        for &ty in types {
            self.builder.append_block_param(block, ty);
        }
        Ok(block)
    }

    pub fn block(&mut self, ty: BlockType) -> Result<()> {
        let (params, results) = self.block_type(ty)?;
        let mark = self.checked.mark();
        self.push_frame(FrameKind::Block, params.len(), results, mark)
    }

    pub fn loop_(&mut self, ty: BlockType) -> Result<()> {
        let (params, results) = self.block_type(ty)?;
        let header = self.create_block(&params)?;
        let args = self.block_args(params.len())?;
        self.builder.ins().jump(header, &args);
        let mark = self.checked.mark();
        self.push_frame(FrameKind::Loop { header }, params.len(), results, mark)?;
        self.truncate(self.stack.len() - params.len());
        // Sealed at the loop's end, when all branches to it are known.
        self.builder.switch_to_block(header);
        self.push_block_params(header);
        self.enter_loop();
        Ok(())
    }

    pub fn if_(&mut self, ty: BlockType) -> Result<()> {
        let (params, results) = self.block_type(ty)?;
        let condition = self.pop_condition()?;
        let then = self.new_block()?;
        let otherwise = self.new_block()?;
        let branch = self.builder.ins().brif(condition, then, &[], otherwise, &[]);
        let from = self.stack.len().checked_sub(params.len()).ok_or_else(underflow)?;
        let saved = self.stack[from..].to_vec();
        let kind = FrameKind::If { branch, otherwise, params: saved };
        let mark = self.checked.mark();
        self.push_frame(kind, params.len(), results, mark)?;
        self.enter_sealed(then);
        Ok(())
    }

    /// `else` of the innermost frame, whose first half ends here.
    pub fn else_(&mut self) -> Result<()> {
        if self.reachable {
            self.leave_to_end()?;
        }
        let frame = self.frames.last_mut().ok_or_else(underflow)?;
        let (height, mark) = (frame.height, frame.mark);
        let FrameKind::If { otherwise, params, .. } =
            std::mem::replace(&mut frame.kind, FrameKind::Else)
        else {
            return Err(Error::internal("an else without an if"));
        };
        self.truncate(height);
        self.stack.extend(params);
        self.checked.rollback(mark);
        self.enter_sealed(otherwise);
        Ok(())
    }

    /// `end` of the innermost frame. Of the function's own frame: returns.
    pub fn end(&mut self) -> Result<()> {
        if let Some(Frame { kind: FrameKind::If { .. }, .. }) = self.frames.last() {
            self.end_without_else()?;
        }
        if self.reachable && self.frames.last().is_some_and(|frame| frame.end.is_some()) {
            self.leave_to_end()?;
        }
        let frame = self.frames.pop().ok_or_else(underflow)?;
        if let FrameKind::Loop { header } = frame.kind {
            self.builder.seal_block(header);
            self.leave_metered();
        }
        if let Some(end) = frame.end {
            self.truncate(frame.height);
            self.checked.rollback(frame.mark);
            self.enter_sealed(end);
            self.push_block_params(end);
        }
        if self.frames.is_empty() && self.reachable {
            self.return_()?;
        }
        Ok(())
    }

    /// The untaken side of an `if` goes straight to the end, with the parameters as results.
    fn end_without_else(&mut self) -> Result<()> {
        let depth0 = self.frames.len().checked_sub(1).ok_or_else(underflow)?;
        let end = self.end_block(depth0)?;
        let frame = &mut self.frames[depth0];
        let FrameKind::If { branch, otherwise, params } =
            std::mem::replace(&mut frame.kind, FrameKind::Block)
        else {
            return Err(Error::internal("an if expected"));
        };
        if params.is_empty() {
            self.builder.change_jump_destination(branch, otherwise, end);
            self.builder.seal_block(otherwise);
            return Ok(());
        }
        if self.reachable {
            self.leave_to_end()?;
        }
        self.enter_sealed(otherwise);
        self.spend(params.len())?;
        let args: Vec<BlockArg> = params.into_iter().map(BlockArg::Value).collect();
        self.builder.ins().jump(end, &args);
        self.reachable = false;
        Ok(())
    }

    /// Jumps from the end of the innermost frame's code to its end block.
    fn leave_to_end(&mut self) -> Result<()> {
        self.br(0)
    }

    fn frame_index(&self, depth: u32) -> Result<usize> {
        self.frames.len().checked_sub(1 + depth as usize).ok_or_else(underflow)
    }

    fn end_block(&mut self, frame: usize) -> Result<Block> {
        if let Some(end) = self.frames[frame].end {
            return Ok(end);
        }
        let results = std::mem::take(&mut self.frames[frame].results);
        let end = self.create_block(&results)?;
        self.frames[frame].results = results;
        self.frames[frame].end = Some(end);
        Ok(end)
    }

    /// Destination of a branch, and the number of operands that it takes along.
    fn target(&mut self, depth: u32) -> Result<(Block, usize)> {
        let index = self.frame_index(depth)?;
        if let Frame { kind: FrameKind::Loop { header }, params, .. } = self.frames[index] {
            return Ok((header, params));
        }
        let arity = self.frames[index].results.len();
        Ok((self.end_block(index)?, arity))
    }

    pub fn br(&mut self, depth: u32) -> Result<()> {
        let (block, arity) = self.target(depth)?;
        let args = self.block_args(arity)?;
        self.builder.ins().jump(block, &args);
        self.reachable = false;
        Ok(())
    }

    pub fn br_if(&mut self, depth: u32) -> Result<()> {
        let condition = self.pop_condition()?;
        let (block, arity) = self.target(depth)?;
        let args = self.block_args(arity)?;
        let next = self.new_block()?;
        self.builder.ins().brif(condition, block, &args, next, &[]);
        self.enter_sealed(next);
        Ok(())
    }

    /// A destination that takes operands, or that several entries share, is reached through a
    /// block of its own: arguments then stand once per destination and not once per entry.
    pub fn br_table(&mut self, targets: BrTable<'_>) -> Result<()> {
        let index = self.pop()?;
        let mut depths = Vec::with_capacity(targets.len() as usize + 1);
        depths.push(targets.default());
        for depth in targets.targets() {
            depths.push(depth.map_err(super::module::malformed)?);
        }
        let mut uses: HashMap<u32, u32> = HashMap::new();
        for &depth in &depths {
            *uses.entry(depth).or_default() += 1;
        }
        let mut edges: Vec<(u32, Block)> = Vec::new();
        let mut destinations: HashMap<u32, Block> = HashMap::new();
        let mut calls = Vec::with_capacity(depths.len());
        for depth in depths {
            let destination = match destinations.get(&depth) {
                Some(&block) => block,
                None => {
                    let (mut block, arity) = self.target(depth)?;
                    if arity > 0 || uses.get(&depth).is_some_and(|&n| n > 1) {
                        block = self.new_block()?;
                        edges.push((depth, block));
                    }
                    destinations.insert(depth, block);
                    block
                }
            };
            calls.push(self.builder.func.dfg.block_call(destination, &[]));
        }
        if let Some((&default, table)) = calls.split_first() {
            let table = self.builder.create_jump_table(JumpTableData::new(default, table));
            self.builder.ins().br_table(index, table);
        }
        for (depth, block) in edges {
            self.enter_sealed(block);
            self.br(depth)?;
        }
        self.reachable = false;
        Ok(())
    }

    pub fn return_(&mut self) -> Result<()> {
        let arity = self.results;
        self.spend(arity)?;
        let from = self.stack.len().checked_sub(arity).ok_or_else(underflow)?;
        self.builder.ins().return_(&self.stack[from..]);
        self.reachable = false;
        Ok(())
    }

    pub fn trap(&mut self, trap: Trap) {
        self.builder.ins().trap(trap.to_clif());
        self.reachable = false;
    }

    /// The `count` topmost operands, as arguments of a branch.
    fn block_args(&mut self, count: usize) -> Result<Vec<BlockArg>> {
        self.spend(count)?;
        let from = self.stack.len().checked_sub(count).ok_or_else(underflow)?;
        Ok(self.stack[from..].iter().map(|&value| BlockArg::Value(value)).collect())
    }

    /// Continues in a block to which every branch is known.
    fn enter_sealed(&mut self, block: Block) {
        self.builder.switch_to_block(block);
        self.builder.seal_block(block);
        self.reachable = true;
    }

    /// Pushes the parameters that the block's branches pass, which excludes those that stand for
    /// locals: `FunctionBuilder` appends these behind, and only on a later use.
    fn push_block_params(&mut self, block: Block) {
        self.stack.extend_from_slice(self.builder.func.dfg.block_params(block));
    }

    fn truncate(&mut self, height: usize) {
        self.stack.truncate(height);
    }

    /// A condition: any integer, true if it is not zero. The comparison itself where there is one.
    pub fn pop_condition(&mut self) -> Result<Value> {
        let value = self.pop()?;
        let dfg = &self.builder.func.dfg;
        if let ValueDef::Result(inst, _) = dfg.value_def(dfg.resolve_aliases(value))
            && let InstructionData::Unary { opcode: Opcode::Uextend, arg } = dfg.insts[inst]
        {
            return Ok(arg);
        }
        Ok(value)
    }
}

pub fn underflow() -> Error {
    Error::internal("the operand stack underflows in a validated function")
}
