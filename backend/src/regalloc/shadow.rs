//! Shadow allocation: analyses beside the real compilation, of what the greedy baseline's physical
//! stream hides.
//!
//! Input: a problem and its environment. The baseline allocates it once more, for nobody; its
//! answer is read as the stream of physical instructions that a selector without virtual registers
//! would have written, and [`super::physical`] looks at that alone. Output: an [`Analysis`] and, to
//! compare with, what the problem itself says. The compilation does not depend on any of it.

use regalloc2::{
    Block, InstPosition, MachineEnv, OperandConstraint, OperandKind, PRegSet, RegClass,
};

use super::physical::{self, Analysis, Stream, StreamBlock, StreamInst, StreamKind, StreamOperand};
use super::stats::block_edits;
use super::{
    AllocError, AllocProblem, AllocResult, Allocator, Edit, Greedy, blocks, excess, guard,
    peak_pressure,
};

/// What shadow allocation found out about a function.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// Of the baseline's stream.
    pub physical: Analysis,
    /// Of the virtual registers, for comparison: class Int.
    pub peak_pressure: u32,
    pub excess: i32,
}

/// Looks at what the baseline makes of `problem`. An error is the reason why nothing can be said.
pub fn shadow<P: AllocProblem>(problem: &P, env: &MachineEnv) -> Result<Shadow, String> {
    let run = || {
        let result = Greedy.allocate(problem, env)?;
        let stream = stream_of(problem, &result);
        let physical = physical::analyze(&stream, PRegSet::from(env), env);
        Ok(physical.map(|physical| Shadow {
            physical,
            peak_pressure: peak_pressure(problem)[RegClass::Int as usize],
            excess: excess(problem, env),
        }))
    };
    guard("shadow allocation", run).map_err(|error: AllocError| error.to_string())?
}

/// The physical instructions of an allocation, numbered in order from 0.
pub fn stream_of<P: AllocProblem>(problem: &P, result: &AllocResult) -> Stream {
    let mut stream = Stream::default();
    let mut at = 0;
    for block in blocks(problem) {
        let mut insts = vec![];
        let mut push = |inst: StreamInst| {
            insts.push(StreamInst { at, ..inst });
            at += 1;
        };
        let mut edits = block_edits(problem, result, block);
        for inst in problem.block_insns(block).iter() {
            let before = edits.partition_point(|(point, _)| {
                (point.inst(), point.pos()) <= (inst, InstPosition::Before)
            });
            edits[..before].iter().for_each(|(_, edit)| push(edit_inst(problem, edit)));
            edits = &edits[before..];
            push(inst_of(problem, result, inst));
            let after = edits.partition_point(|(point, _)| point.inst() <= inst);
            edits[..after].iter().for_each(|(_, edit)| push(edit_inst(problem, edit)));
            edits = &edits[after..];
        }
        let succs = problem.block_succs(block).iter().map(|succ: &Block| succ.index() as u32);
        stream.blocks.push(StreamBlock { insts, succs: succs.collect() });
    }
    stream
}

fn edit_inst<P: AllocProblem>(problem: &P, edit: &Edit) -> StreamInst {
    match *edit {
        Edit::Move { from, to } => StreamInst::copy(0, from, to),
        Edit::Remat { inst, to } => StreamInst {
            operands: vec![StreamOperand::writes(to)],
            remat: problem.remat_cost(inst).is_some(),
            ..StreamInst::default()
        },
    }
}

fn inst_of<P: AllocProblem>(
    problem: &P,
    result: &AllocResult,
    inst: regalloc2::Inst,
) -> StreamInst {
    let operands = problem.inst_operands(inst);
    let places = operands.iter().zip(result.inst_allocs(inst));
    let operands: Vec<StreamOperand> = places
        .filter(|(op, _)| op.as_fixed_nonallocatable().is_none())
        .map(|(op, &place)| StreamOperand {
            place,
            kind: op.kind(),
            pos: op.pos(),
            fixed: matches!(op.constraint(), OperandConstraint::FixedReg(_)),
        })
        .collect();
    let is_constant = matches!(operands[..], [op] if op.kind == OperandKind::Def);
    StreamInst {
        kind: if problem.is_call(inst) { StreamKind::Call } else { StreamKind::Op },
        remat: is_constant && problem.remat_cost(inst).is_some(),
        clobbers: problem.inst_clobbers(inst),
        operands,
        ..StreamInst::default()
    }
}
