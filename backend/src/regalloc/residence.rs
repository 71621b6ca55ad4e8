//! When each value is in a register: what a spilling decision says, and the walk along it.
//!
//! A residence names no register. It says which values are in registers where each block begins
//! and ends, which are loaded in front of an instruction, and which leave at one. A value that is
//! in a register on one side of an edge only is loaded or forgotten on the edge; stores follow from
//! what must be in memory somewhere ([`super::assign`]).
//!
//! Invariant: at each instruction, and between any two, values in registers fit the environment, in
//! the sense of [`super::excess`].

use regalloc2::{
    Block, Inst, Operand, OperandConstraint, OperandKind, ProgPoint, RegAllocError, VReg,
};

use super::liveness::LiveSet;
use super::points::{Roles, View};
use super::{AllocError, AllocProblem, blocks, branch_args};

/// How a value leaves the registers at an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Leave {
    /// In front of it; the instruction may still read the value on the stack.
    Before,
    /// The instruction uses or defines it in a register, and that is all.
    At,
    /// The instruction defines it on the stack.
    Unborn,
}

#[derive(Default)]
pub(super) struct Residence {
    /// Values in registers where each block begins, parameters among them, and where it ends.
    pub entry: Vec<Vec<VReg>>,
    pub exit: Vec<Vec<VReg>>,
    /// Values loaded in front of an instruction, in order of instructions.
    pub reloads: Vec<(Inst, VReg)>,
    /// Values that leave at an instruction, dead or not, in order of instructions.
    pub leaves: Vec<(Inst, VReg, Leave)>,
}

impl Residence {
    /// Whether a value leaves at the instruction whose leaves are being written.
    pub fn leaves_at(&self, inst: Inst, vreg: VReg) -> bool {
        let here = self.leaves.iter().rev().take_while(|(at, ..)| *at == inst);
        here.into_iter().any(|&(_, v, _)| v == vreg)
    }
}

/// Whether an operand must be in a register.
pub(super) fn wants_register(operands: &[Operand], i: usize) -> bool {
    match operands[i].constraint() {
        OperandConstraint::Stack => false,
        OperandConstraint::Any => {
            let reuse = OperandConstraint::Reuse(i);
            operands.iter().any(|op| op.constraint() == reuse)
        }
        _ => true,
    }
}

/// Operands that name values.
pub(super) fn values(
    operands: &[Operand],
) -> impl DoubleEndedIterator<Item = (usize, Operand)> + Clone {
    let named = |(_, op): &(usize, &Operand)| op.as_fixed_nonallocatable().is_none();
    operands.iter().enumerate().filter(named).map(|(i, op)| (i, *op))
}

/// Where each value is defined.
pub(super) struct Definitions {
    /// `Block::invalid()` for a number without a value.
    pub blocks: Vec<Block>,
    /// Each number with its class.
    pub vregs: Vec<Option<VReg>>,
}

/// Finds definitions. An error if some use has none, or an operand is of a kind that no spilling
/// decision treats.
pub(super) fn definitions<P: AllocProblem>(problem: &P) -> Result<Definitions, AllocError> {
    let count = problem.num_vregs();
    let mut found = Definitions { blocks: vec![Block::invalid(); count], vregs: vec![None; count] };
    let unknown = |vreg, inst| AllocError::Malformed(RegAllocError::SSA(vreg, inst));
    let mut define = |vreg: VReg, block: Block, inst: Inst| {
        let slot = found.blocks.get_mut(vreg.vreg()).ok_or_else(|| unknown(vreg, inst))?;
        *slot = block;
        found.vregs[vreg.vreg()] = Some(vreg);
        Ok::<(), AllocError>(())
    };
    for block in blocks(problem) {
        for &param in problem.block_params(block) {
            define(param, block, Inst::invalid())?;
        }
        for inst in problem.block_insns(block).iter() {
            for (_, op) in values(problem.inst_operands(inst)) {
                if matches!(op.constraint(), OperandConstraint::Limit(_)) {
                    return Err(AllocError::Unsupported("a limited register range"));
                }
                if op.kind() == OperandKind::Def {
                    if problem.is_branch(inst) {
                        return Err(AllocError::Unsupported("a definition on a branch"));
                    }
                    define(op.vreg(), block, inst)?;
                }
            }
        }
    }
    check_uses(problem, |vreg| found.vregs.get(vreg.vreg()) == Some(&Some(vreg)))?;
    Ok(found)
}

fn check_uses<P: AllocProblem>(
    problem: &P,
    is_known: impl Fn(VReg) -> bool,
) -> Result<(), AllocError> {
    let check = |vreg: VReg, inst: Inst| match is_known(vreg) {
        true => Ok(()),
        false => Err(AllocError::Malformed(RegAllocError::SSA(vreg, inst))),
    };
    for block in blocks(problem) {
        let insts = problem.block_insns(block);
        for inst in insts.iter() {
            values(problem.inst_operands(inst)).try_for_each(|(_, op)| check(op.vreg(), inst))?;
        }
        for succ in 0..problem.block_succs(block).len() {
            edge_args(problem, block, succ).try_for_each(|(arg, _)| check(arg, insts.last()))?;
        }
    }
    Ok(())
}

/// Where edits of an edge stand: in front of the successor's first instruction if no other edge
/// leads there, else in front of the branch, which then has no operands.
pub(super) fn edge_point<P: AllocProblem>(
    problem: &P,
    from: Block,
    to: Block,
) -> (Block, ProgPoint) {
    if problem.block_preds(to).len() == 1 {
        (to, ProgPoint::before(problem.block_insns(to).first()))
    } else {
        (from, ProgPoint::before(problem.block_insns(from).last()))
    }
}

/// Each block argument of an edge with its parameter.
pub(super) fn edge_args<P: AllocProblem>(
    problem: &P,
    from: Block,
    succ: usize,
) -> impl Iterator<Item = (VReg, VReg)> {
    let term = problem.block_insns(from).last();
    let is_branch = problem.is_branch(term);
    is_branch.then(|| branch_args(problem, from, term, succ)).into_iter().flatten()
}

/// One instruction on a walk.
pub(super) struct Step<'a> {
    pub view: View<'a>,
    pub reloads: &'a [(Inst, VReg)],
    pub leaves: &'a [(Inst, VReg, Leave)],
    /// The piece that each value in a register belongs to, by number.
    pub pieces: &'a [u32],
}

/// Walks blocks in order, and numbers the *pieces* of values: each stay in a register from a
/// definition, a load or a block's beginning on.
pub(super) struct Walker<'a, P> {
    problem: &'a P,
    residence: &'a Residence,
    resident: LiveSet,
    roles: Roles,
    pieces: Vec<u32>,
    next_piece: u32,
    reloads: &'a [(Inst, VReg)],
    leaves: &'a [(Inst, VReg, Leave)],
}

impl<'a, P: AllocProblem> Walker<'a, P> {
    pub fn new(problem: &'a P, residence: &'a Residence) -> Self {
        let num_vregs = problem.num_vregs();
        Walker {
            problem,
            residence,
            resident: LiveSet::new(num_vregs),
            roles: Roles::new(num_vregs),
            pieces: vec![0; num_vregs],
            next_piece: 0,
            reloads: &residence.reloads,
            leaves: &residence.leaves,
        }
    }

    pub fn num_pieces(&self) -> usize {
        self.next_piece as usize
    }

    /// The piece of a value that is in a register.
    pub fn piece(&self, vreg: VReg) -> u32 {
        self.pieces[vreg.vreg()]
    }

    fn begin_piece(&mut self, vreg: VReg) {
        self.resident.insert(vreg);
        self.pieces[vreg.vreg()] = self.next_piece;
        self.next_piece += 1;
    }

    /// Begins a block. Blocks are walked in order, each once.
    pub fn enter(&mut self, block: Block) {
        self.resident.clear();
        for &vreg in &self.residence.entry[block.index()] {
            self.begin_piece(vreg);
        }
    }

    /// Goes on to the next instruction.
    pub fn step(&mut self, inst: Inst) -> Step<'_> {
        let loads = self.reloads.iter().take_while(|(at, _)| *at <= inst).count();
        let (reloads, rest) = self.reloads.split_at(loads);
        self.reloads = rest;
        let left = self.leaves.iter().take_while(|(at, ..)| *at <= inst).count();
        let (leaves, rest) = self.leaves.split_at(left);
        self.leaves = rest;

        for &(_, vreg) in reloads {
            self.begin_piece(vreg);
        }
        let remove = |resident: &mut LiveSet, how: Leave| {
            for &(_, vreg, _) in leaves.iter().filter(|(.., l)| *l == how) {
                resident.remove(vreg);
            }
        };
        remove(&mut self.resident, Leave::Before);
        let operands = self.problem.inst_operands(inst);
        let mut on_stack = vec![];
        for (i, op) in values(operands) {
            let unborn = leaves.contains(&(inst, op.vreg(), Leave::Unborn));
            let is_use = op.kind() == OperandKind::Use;
            let away = if is_use { !self.resident.contains(op.vreg()) } else { unborn };
            if !wants_register(operands, i) && away {
                on_stack.push(op);
            }
        }
        for (_, op) in values(operands).filter(|(_, op)| op.kind() == OperandKind::Def) {
            self.begin_piece(op.vreg());
        }
        remove(&mut self.resident, Leave::At);
        remove(&mut self.resident, Leave::Unborn);
        let in_register =
            |op: &Operand| op.constraint() != OperandConstraint::Stack && !on_stack.contains(op);
        let view = View::new(self.problem, inst, &self.resident, &mut self.roles, in_register);
        Step { view, reloads, leaves, pieces: &self.pieces }
    }
}
