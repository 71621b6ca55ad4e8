//! Makes a problem smaller while it keeps failing.
//!
//! Input: a problem, and a predicate that holds for it. Output: a well-formed problem for which the
//! predicate holds too, and of which no part can be dropped any more: edges with the blocks that they
//! alone reach, instructions, parameters, operands, clobbers, marks, registers of the environment.
//! Parts are dropped by halves, quarters and so on down to single ones (after Zeller, Hildebrandt:
//! *Simplifying and Isolating Failure-Inducing Input*, TSE 2002).
//!
//! Invariant: every candidate that the predicate sees is well formed and smaller than the one before.
//! Numbers of values stay, so that they can be found in the original.

use regalloc2::{
    Block, Function as _, Inst, Operand, OperandConstraint, OperandKind, PRegSet, VReg,
};

use super::saved::Saved;
use super::{BlockData, Flow, Instruction, Problem, blocks, well_formed};

/// Reduces `saved`, for which `fails` holds.
pub fn reduce(saved: &Saved, fails: impl FnMut(&Saved) -> bool) -> Saved {
    let mut reducer = Reducer { best: saved.clone(), fails };
    while PARTS.iter().fold(false, |smaller, part| reducer.shrink(part) | smaller) {}
    let Reducer { mut best, mut fails } = reducer;
    let fitting = Saved { problem: fit_vregs(&best.problem), ..best.clone() };
    if fails(&fitting) {
        best = fitting;
    }
    best
}

/// Something that a problem has many of.
struct Part {
    /// How many there are.
    count: fn(&Saved) -> usize,
    /// What is left without those that are marked, and without what depends on them.
    without: fn(&Saved, &[bool]) -> Saved,
}

/// In the order in which they are tried: what takes most along first.
const PARTS: [Part; 8] = [
    Part { count: |saved| edges(&saved.problem).count(), without: without_edges },
    Part { count: |saved| saved.problem.num_insts(), without: without_insts },
    Part { count: |saved| saved.problem.num_vregs(), without: without_params },
    Part { count: |saved| saved.problem.num_blocks(), without: without_boundaries },
    Part { count: |saved| operands(&saved.problem).count(), without: without_operands },
    Part { count: |saved| operands(&saved.problem).count(), without: without_constraints },
    Part { count: |saved| MARKS * saved.problem.num_insts(), without: without_marks },
    Part { count: |saved| registers(saved).len(), without: without_registers },
];

struct Reducer<F> {
    best: Saved,
    fails: F,
}

impl<F: FnMut(&Saved) -> bool> Reducer<F> {
    /// Drops as many of a kind as possible. Whether any were.
    fn shrink(&mut self, part: &Part) -> bool {
        let base = self.best.clone();
        let count = (part.count)(&base);
        let mut gone = vec![false; count];
        let mut smaller = false;
        let mut len = count;
        while len > 0 {
            for start in (0..count).step_by(len) {
                let mut trial = gone.clone();
                trial[start..count.min(start + len)].fill(true);
                if trial != gone && self.attempt((part.without)(&base, &trial)) {
                    gone = trial;
                    smaller = true;
                }
            }
            len = if len > 1 { len.div_ceil(2) } else { 0 };
        }
        smaller
    }

    fn attempt(&mut self, candidate: Saved) -> bool {
        let better = size(&candidate) < size(&self.best)
            && well_formed(&candidate.problem, &candidate.env).is_ok()
            && (self.fails)(&candidate);
        if better {
            self.best = candidate;
        }
        better
    }
}

/// How many things there are to drop.
fn size(saved: &Saved) -> usize {
    let of_operand = |op: &Operand| if *op == plain(*op) { 1 } else { 2 };
    let of_inst = |inst: &Instruction| {
        let operands: usize = inst.operands.iter().map(of_operand).sum();
        let marks = usize::from(inst.call) + usize::from(inst.remat.is_some());
        1 + operands + marks + inst.clobbers.into_iter().count()
    };
    let of_block = |block: &BlockData| {
        let insts: usize = block.insts.iter().map(of_inst).sum();
        let args: usize = block.args.iter().map(|args| 1 + args.len()).sum();
        1 + block.params.len() + insts + args
    };
    registers(saved).len() + saved.problem.blocks().iter().map(of_block).sum::<usize>()
}

fn with_blocks(saved: &Saved, blocks: Vec<BlockData>) -> Saved {
    let (vregs, slots) = (saved.problem.num_vregs(), saved.problem.slot_words());
    Saved { problem: Problem::new(blocks, vregs, slots), ..saved.clone() }
}

/// The blocks, their instructions changed one by one.
fn with_insts(saved: &Saved, mut change: impl FnMut(Inst, &mut Instruction)) -> Saved {
    let mut blocks = saved.problem.blocks().to_vec();
    let insts = blocks.iter_mut().flat_map(|block| &mut block.insts);
    insts.enumerate().for_each(|(number, inst)| change(Inst::new(number), inst));
    with_blocks(saved, blocks)
}

/// Blocks with the positions of their successors.
fn edges(problem: &Problem) -> impl Iterator<Item = (Block, usize)> {
    blocks(problem).flat_map(|block| (0..problem.block_succs(block).len()).map(move |n| (block, n)))
}

/// Instructions with the positions of their operands.
fn operands(problem: &Problem) -> impl Iterator<Item = (Inst, usize)> {
    let insts = (0..problem.num_insts()).map(Inst::new);
    insts.flat_map(|inst| (0..problem.inst_operands(inst).len()).map(move |n| (inst, n)))
}

/// A block that loses all its successors returns; what is no longer reached goes too.
fn without_edges(saved: &Saved, gone: &[bool]) -> Saved {
    let mut blocks = saved.problem.blocks().to_vec();
    let mut gone = gone.iter();
    for block in &mut blocks {
        let kept: Vec<bool> = block.succs.iter().map(|_| gone.next() != Some(&true)).collect();
        retain(&mut block.succs, &kept);
        retain(&mut block.args, &kept);
        if block.succs.is_empty() {
            block.insts.last_mut().expect("a terminator").flow = Flow::Ret;
        }
    }
    let mut reached = vec![false; blocks.len()];
    let mut stack = vec![Block::new(0)];
    while let Some(block) = stack.pop() {
        if !core::mem::replace(&mut reached[block.index()], true) {
            stack.extend(&blocks[block.index()].succs);
        }
    }
    with_blocks(saved, renumbered(blocks, &reached))
}

/// The blocks that are kept, under the numbers that they have then.
fn renumbered(mut blocks: Vec<BlockData>, kept: &[bool]) -> Vec<BlockData> {
    let mut count = 0;
    let number = |&kept: &bool| {
        count += usize::from(kept);
        Block::new(count.max(1) - 1)
    };
    let numbers: Vec<Block> = kept.iter().map(number).collect();
    retain(&mut blocks, kept);
    let succs = blocks.iter_mut().flat_map(|block| &mut block.succs);
    succs.for_each(|succ| *succ = numbers[succ.index()]);
    blocks
}

fn retain<T>(items: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    items.retain(|_| kept.next() == Some(&true));
}

fn without_insts(saved: &Saved, gone: &[bool]) -> Saved {
    let problem = &saved.problem;
    let ends = |inst: Inst| problem.block_insns(problem.block_of(inst)).last() == inst;
    let dropped = |inst: Inst| gone[inst.index()] && !ends(inst);
    let mut values = vec![false; problem.num_vregs()];
    for (inst, nth) in operands(problem).filter(|&(inst, _)| dropped(inst)) {
        let op = problem.inst_operands(inst)[nth];
        if op.kind() == OperandKind::Def {
            values[op.vreg().vreg()] = true;
        }
    }
    without_values(saved, values, |inst, _| dropped(inst), dropped)
}

fn without_params(saved: &Saved, gone: &[bool]) -> Saved {
    let mut values = vec![false; gone.len()];
    for param in saved.problem.blocks().iter().flat_map(|block| &block.params) {
        values[param.vreg()] = gone[param.vreg()];
    }
    without_values(saved, values, |_, _| false, |_| false)
}

fn without_operands(saved: &Saved, gone: &[bool]) -> Saved {
    let mut values = vec![false; saved.problem.num_vregs()];
    let mut dropped = std::collections::HashSet::new();
    for ((inst, nth), _) in operands(&saved.problem).zip(gone).filter(|(_, gone)| **gone) {
        let op = saved.problem.inst_operands(inst)[nth];
        if op.kind() == OperandKind::Def {
            values[op.vreg().vreg()] = true;
        }
        dropped.insert((inst, nth));
    }
    without_values(saved, values, |inst, nth| dropped.contains(&(inst, nth)), |_| false)
}

/// Drops values with all that reads them, and operands and instructions.
fn without_values(
    saved: &Saved,
    mut gone: Vec<bool>,
    operand_gone: impl Fn(Inst, usize) -> bool,
    inst_gone: impl Fn(Inst) -> bool,
) -> Saved {
    follow_args(&saved.problem, &mut gone);
    let is_gone = |vreg: VReg| gone.get(vreg.vreg()) == Some(&true);
    let mut blocks = saved.problem.blocks().to_vec();
    let mut number = 0;
    for block in &mut blocks {
        for (args, &succ) in block.args.iter_mut().zip(&block.succs) {
            let params = saved.problem.block_params(succ);
            let kept: Vec<bool> = params.iter().map(|&param| !is_gone(param)).collect();
            retain(args, &kept);
        }
        block.params.retain(|&param| !is_gone(param));
        block.insts.retain_mut(|inst| {
            let this = Inst::new(number);
            number += 1;
            let operands = inst.operands.iter().enumerate();
            let kept: Vec<bool> =
                operands.map(|(nth, op)| !is_gone(op.vreg()) && !operand_gone(this, nth)).collect();
            keep_operands(inst, &kept);
            !inst_gone(this)
        });
    }
    with_blocks(saved, blocks)
}

/// A parameter goes with any of its arguments.
fn follow_args(problem: &Problem, gone: &mut [bool]) {
    let mut changed = true;
    while changed {
        changed = false;
        for (block, nth) in edges(problem) {
            let term = problem.block_insns(block).last();
            for (arg, param) in super::branch_args(problem, block, term, nth) {
                if gone[arg.vreg()] && !gone[param.vreg()] {
                    gone[param.vreg()] = true;
                    changed = true;
                }
            }
        }
    }
}

/// Drops operands; those that reuse another follow it, or do without.
fn keep_operands(inst: &mut Instruction, kept: &[bool]) {
    for op in &mut inst.operands {
        if let OperandConstraint::Reuse(input) = op.constraint() {
            *op = match kept[input] {
                true => {
                    let input = kept[..input].iter().filter(|kept| **kept).count();
                    Operand::new(op.vreg(), OperandConstraint::Reuse(input), op.kind(), op.pos())
                }
                false => plain(*op),
            };
        }
    }
    retain(&mut inst.operands, kept);
}

/// The same operand in any register, early for a use and late for a definition.
fn plain(op: Operand) -> Operand {
    match op.kind() {
        _ if op.as_fixed_nonallocatable().is_some() => op,
        OperandKind::Use => Operand::reg_use(op.vreg()),
        OperandKind::Def => Operand::reg_def(op.vreg()),
    }
}

fn without_constraints(saved: &Saved, gone: &[bool]) -> Saved {
    let mut gone = gone.iter();
    with_insts(saved, |_, inst| {
        for op in &mut inst.operands {
            if gone.next() == Some(&true) {
                *op = plain(*op);
            }
        }
    })
}

/// An instruction is a call, can be computed again, clobbers.
const MARKS: usize = 3;

fn without_marks(saved: &Saved, gone: &[bool]) -> Saved {
    with_insts(saved, |number, inst| {
        let gone = &gone[MARKS * number.index()..];
        inst.call &= !gone[0];
        inst.remat = inst.remat.filter(|_| !gone[1]);
        if gone[2] {
            inst.clobbers = PRegSet::empty();
        }
    })
}

/// Joins marked blocks with their only predecessor, of which they are the only successor.
fn without_boundaries(saved: &Saved, gone: &[bool]) -> Saved {
    let problem = &saved.problem;
    let mut blocks = problem.blocks().to_vec();
    let mut kept = vec![true; blocks.len()];
    // Where the instructions of each block are now.
    let mut home: Vec<usize> = (0..blocks.len()).collect();
    let mut renamed: Vec<Option<VReg>> = vec![None; problem.num_vregs()];
    for number in (0..blocks.len()).filter(|&number| gone[number]) {
        let [pred] = problem.block_preds(Block::new(number)) else { continue };
        if problem.block_succs(*pred).len() != 1 || pred.index() >= number {
            continue;
        }
        let block = core::mem::take(&mut blocks[number]);
        let into = home[pred.index()];
        (home[number], kept[number]) = (into, false);
        let into = &mut blocks[into];
        for (param, arg) in block.params.iter().zip(&into.args[0]) {
            renamed[param.vreg()] = Some(renamed[arg.vreg()].unwrap_or(*arg));
        }
        into.insts.pop();
        into.insts.extend(block.insts);
        (into.succs, into.args) = (block.succs, block.args);
    }
    let name = |vreg: VReg| renamed.get(vreg.vreg()).copied().flatten().unwrap_or(vreg);
    for block in &mut blocks {
        block.args.iter_mut().flatten().for_each(|arg| *arg = name(*arg));
        for op in block.insts.iter_mut().flat_map(|inst| &mut inst.operands) {
            *op = Operand::new(name(op.vreg()), op.constraint(), op.kind(), op.pos());
        }
    }
    with_blocks(saved, renumbered(blocks, &kept))
}

/// Allocatable registers.
fn registers(saved: &Saved) -> Vec<regalloc2::PReg> {
    PRegSet::from(&saved.env).into_iter().collect()
}

fn without_registers(saved: &Saved, gone: &[bool]) -> Saved {
    let mut left = saved.clone();
    for (preg, _) in registers(saved).into_iter().zip(gone).filter(|(_, gone)| **gone) {
        let class = preg.class() as usize;
        left.env.preferred_regs_by_class[class].remove(preg);
        left.env.non_preferred_regs_by_class[class].remove(preg);
    }
    left
}

/// The same with no more virtual registers than the highest number asks for.
fn fit_vregs(problem: &Problem) -> Problem {
    let insts = problem.blocks().iter().flat_map(|block| &block.insts);
    let operands = insts.flat_map(|inst| &inst.operands);
    let values = operands.filter(|op| op.as_fixed_nonallocatable().is_none()).map(|op| op.vreg());
    let params = problem.blocks().iter().flat_map(|block| block.params.iter().copied());
    let count = values.chain(params).map(|vreg| vreg.vreg() + 1).max().unwrap_or(0);
    Problem::new(problem.blocks().to_vec(), count, problem.slot_words())
}
