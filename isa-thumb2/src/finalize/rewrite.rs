//! The one way in which passes replace instructions: a walk in order that copies to new code.
//!
//! Blocks keep their numbers and order.

use crate::inst::Inst;
use windlass_backend::isa::Code;

/// The source location of code that stems from no wasm instruction.
pub const NOWHERE: u32 = u32::MAX;

/// Where a pass puts what replaces an instruction.
#[derive(Default)]
pub struct Sink {
    code: Code<Inst>,
    loc: u32,
}

impl Sink {
    /// Adds an instruction of the source location that is being rewritten.
    pub fn push(&mut self, inst: Inst) {
        self.code.push(inst, self.loc);
    }

    pub fn push_at(&mut self, loc: u32, inst: Inst) {
        self.code.push(inst, loc);
    }

    pub fn loc(&self) -> u32 {
        self.loc
    }
}

/// A step of a walk over code.
pub enum Step {
    Inst(Inst),
    /// After the last instruction of a block.
    BlockEnd,
}

/// Replaces every instruction by what `replace` puts into the sink.
pub fn rewrite(code: &mut Code<Inst>, mut replace: impl FnMut(Inst, &mut Sink)) {
    rewrite_steps(code, |step, sink| {
        if let Step::Inst(inst) = step {
            replace(inst, sink);
        }
    });
}

/// Like [`rewrite`], and tells where blocks end.
pub fn rewrite_steps(code: &mut Code<Inst>, mut replace: impl FnMut(Step, &mut Sink)) {
    let lengths: Vec<_> =
        (0..code.num_blocks()).map(|block| code.block_range(block).len()).collect();
    let old = core::mem::take(code);
    let mut sink = Sink::default();
    sink.code.insts.reserve(old.insts.len() + old.insts.len() / 4);
    sink.code.locs.reserve(old.insts.len() + old.insts.len() / 4);
    let mut insts = old.insts.into_iter().zip(old.locs);
    for length in lengths {
        sink.code.start_block();
        for (inst, loc) in insts.by_ref().take(length) {
            sink.loc = loc;
            replace(Step::Inst(inst), &mut sink);
        }
        replace(Step::BlockEnd, &mut sink);
    }
    *code = sink.code;
}

/// Removes the instructions whose index is in `dead`, which is in order.
pub fn remove(code: &mut Code<Inst>, dead: &[usize]) {
    if dead.is_empty() {
        return;
    }
    let mut dead = dead.iter().copied().peekable();
    let mut index = 0;
    rewrite(code, |inst, sink| {
        if dead.next_if_eq(&index).is_none() {
            sink.push(inst);
        }
        index += 1;
    });
}
