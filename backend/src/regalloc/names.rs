//! The problem with one name for each value.
//!
//! A block parameter may be another name of a value: every edge passes that value, or two
//! parameters get the same arguments on every edge. One register or one slot then serves both
//! names, and the checker lets it, so that a bound which counted both would be none. Input: a
//! problem. Output: the same with one name for all that are provably equal, and without parameters
//! that no instruction ever reads.
//!
//! Names are found by optimistic value numbering of parameters alone (Alpern, Wegman, Zadeck:
//! "Detecting Equality of Variables in Programs", POPL 1988): all are equal until arguments differ.
//!
//! Invariant: if a place can hold two virtual registers at once, as the checker follows them
//! through every path, then they have one name.

use std::collections::HashMap;

use regalloc2::{Block, Function, Inst, InstRange, Operand, OperandKind, PRegSet, RegClass, VReg};

use super::residence::{edge_args, values};
use super::{AllocProblem, blocks};

/// Not named yet: equal to whatever else is asked for.
const ANY: u32 = u32::MAX;

/// More rounds than loops nest in any sensible function.
const MAX_ROUNDS: usize = 200;

pub(super) struct Renamed<'a, P> {
    problem: &'a P,
    operands: Vec<Operand>,
    /// Where in `operands` each instruction's begin.
    offsets: Vec<u32>,
    params: Vec<Vec<VReg>>,
    /// Arguments of each block's edges.
    args: Vec<Vec<Vec<VReg>>>,
}

impl<'a, P: AllocProblem> Renamed<'a, P> {
    /// None if names do not settle soon. The problem is one that `definitions` accepts.
    pub fn new(problem: &'a P) -> Option<Self> {
        let names = names(problem)?;
        let name = |vreg: VReg| VReg::new(names[vreg.vreg()] as usize, vreg.class());
        let mut read = vec![false; names.len()];
        for (vreg, _) in needed(problem).iter().enumerate().filter(|(_, needed)| **needed) {
            read[names[vreg] as usize] = true;
        }
        let is_value = |param: VReg| name(param) == param && read[param.vreg()];

        let (mut operands, mut offsets) = (vec![], vec![0]);
        for inst in (0..problem.num_insts()).map(Inst::new) {
            operands.extend(problem.inst_operands(inst).iter().map(|op| {
                match op.as_fixed_nonallocatable() {
                    Some(_) => *op,
                    None => Operand::new(name(op.vreg()), op.constraint(), op.kind(), op.pos()),
                }
            }));
            offsets.push(operands.len() as u32);
        }
        let edge = |block: Block, succ: usize| {
            let args = edge_args(problem, block, succ).filter(|&(_, param)| is_value(param));
            args.map(|(arg, _)| name(arg)).collect()
        };
        let edges = |block: Block| {
            (0..problem.block_succs(block).len()).map(|succ| edge(block, succ)).collect()
        };
        let kept = |block: Block| {
            let params = problem.block_params(block).iter().copied();
            params.filter(|&param| is_value(param)).collect()
        };
        Some(Renamed {
            problem,
            operands,
            offsets,
            params: blocks(problem).map(kept).collect(),
            args: blocks(problem).map(edges).collect(),
        })
    }
}

/// Values that an instruction reads, or that are passed to such.
pub(super) fn needed<P: AllocProblem>(problem: &P) -> Vec<bool> {
    let mut needed = vec![false; problem.num_vregs()];
    for inst in (0..problem.num_insts()).map(Inst::new) {
        for (_, op) in values(problem.inst_operands(inst)) {
            needed[op.vreg().vreg()] |= op.kind() == OperandKind::Use;
        }
    }
    let mut changed = true;
    while changed {
        changed = false;
        for block in blocks(problem).rev() {
            for succ in 0..problem.block_succs(block).len() {
                for (arg, param) in edge_args(problem, block, succ) {
                    if needed[param.vreg()] && !needed[arg.vreg()] {
                        needed[arg.vreg()] = true;
                        changed = true;
                    }
                }
            }
        }
    }
    needed
}

/// The number by which each virtual register is known.
fn names<P: AllocProblem>(problem: &P) -> Option<Vec<u32>> {
    let mut names = vec![ANY; problem.num_vregs()];
    for inst in (0..problem.num_insts()).map(Inst::new) {
        for (_, op) in values(problem.inst_operands(inst)) {
            if op.kind() == OperandKind::Def {
                names[op.vreg().vreg()] = op.vreg().vreg() as u32;
            }
        }
    }
    let incoming = incoming(problem);
    for _ in 0..MAX_ROUNDS {
        let mut changed = false;
        for block in blocks(problem) {
            let mut alike: HashMap<(RegClass, Vec<u32>), u32> = HashMap::new();
            for (i, &param) in problem.block_params(block).iter().enumerate() {
                let own = param.vreg() as u32;
                let edges = &incoming[block.index()];
                let args: Vec<u32> =
                    edges.iter().map(|args| args.get(i).map_or(own, |a| names[a.vreg()])).collect();
                let mut known = args.iter().copied().filter(|&name| name != ANY);
                let name = match known.next() {
                    Some(first) if known.all(|name| name == first) => first,
                    Some(_) => *alike.entry((param.class(), args)).or_insert(own),
                    None if edges.is_empty() => own,
                    None => ANY,
                };
                changed |= names[param.vreg()] != name;
                names[param.vreg()] = name;
            }
        }
        if !changed {
            for (vreg, name) in names.iter_mut().enumerate().filter(|(_, name)| **name == ANY) {
                *name = vreg as u32;
            }
            return Some(names);
        }
    }
    None
}

/// The arguments of every edge to each block.
fn incoming<P: AllocProblem>(problem: &P) -> Vec<Vec<Vec<VReg>>> {
    let mut incoming = vec![vec![]; problem.num_blocks()];
    for block in blocks(problem) {
        for (i, succ) in problem.block_succs(block).iter().enumerate() {
            incoming[succ.index()].push(edge_args(problem, block, i).map(|(arg, _)| arg).collect());
        }
    }
    incoming
}

impl<P: AllocProblem> Function for Renamed<'_, P> {
    same_as_problem!();

    fn block_params(&self, block: Block) -> &[VReg] {
        &self.params[block.index()]
    }

    fn branch_blockparams(&self, block: Block, _: Inst, succ: usize) -> &[VReg] {
        &self.args[block.index()][succ]
    }

    fn inst_operands(&self, inst: Inst) -> &[Operand] {
        let range = self.offsets[inst.index()] as usize..self.offsets[inst.index() + 1] as usize;
        &self.operands[range]
    }
}

impl<P: AllocProblem> AllocProblem for Renamed<'_, P> {
    fn block_frequency(&self, block: Block) -> f64 {
        self.problem.block_frequency(block)
    }

    fn remat_cost(&self, inst: Inst) -> Option<u32> {
        self.problem.remat_cost(inst)
    }

    fn is_call(&self, inst: Inst) -> bool {
        self.problem.is_call(inst)
    }
}
