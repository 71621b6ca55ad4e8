//! What allocators and measures take for granted of a problem and its environment.
//!
//! Input: any problem and environment. Output: nothing, or the first rule that is broken, and where.
//! docs/allocation-problems.md lists the rules. Among them are limits on size: an allocator may take
//! long, but no problem that passes exhausts memory.
//!
//! Left to allocators: whether there are enough registers for an instruction, and constraints that
//! one of them does not treat.

use core::fmt;

use regalloc2::{
    Block, Inst, MachineEnv, Operand, OperandConstraint, OperandKind, OperandPos, PReg, PRegSet,
    RegClass, VReg,
};

use super::cfg::Cfg;
use super::check::occupies;
use super::liveness::Liveness;
use super::saved::value;
use super::{AllocProblem, CLASSES, blocks, branch_args};

/// A function that compiles has far less of everything.
pub const MAX_BLOCKS: usize = 1 << 16;
pub const MAX_INSTS: usize = 1 << 18;
pub const MAX_VREGS: usize = 1 << 20;
pub const MAX_OPERANDS: usize = 255;
pub const MAX_SLOT_WORDS: usize = 16;
/// Values live at the ends of all blocks, summed.
pub const MAX_LIVE: usize = 1 << 22;
/// The highest input, and one more than the highest register, that operands can name.
pub const MAX_REUSE: usize = 31;
pub const MAX_LIMIT: usize = PReg::MAX + 1;

/// Steps that the search for irreducible loops may take.
const MAX_STEPS: usize = 1 << 24;

/// Where a rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    Environment,
    Problem,
    Block(Block),
    Inst(Inst),
    /// An instruction and the position in its list of operands.
    Operand(Inst, usize),
    /// A block and the position in its list of successors.
    Successor(Block, usize),
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Site::Environment => write!(f, "environment"),
            Site::Problem => write!(f, "problem"),
            Site::Block(block) => write!(f, "block{}", block.index()),
            Site::Inst(inst) => write!(f, "inst{}", inst.index()),
            Site::Operand(inst, nth) => write!(f, "inst{}: operand {nth}", inst.index()),
            Site::Successor(block, nth) => write!(f, "block{}: successor {nth}", block.index()),
        }
    }
}

/// A broken rule.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{site}: {message}")]
pub struct Malformed {
    pub site: Site,
    pub message: String,
}

type Result<T = ()> = core::result::Result<T, Malformed>;

fn demand(holds: bool, site: Site, message: impl FnOnce() -> String) -> Result {
    if holds { Ok(()) } else { Err(Malformed { site, message: message() }) }
}

/// Checks every rule.
pub fn well_formed<P: AllocProblem>(problem: &P, env: &MachineEnv) -> Result {
    environment(env)?;
    sizes(problem)?;
    for block in blocks(problem) {
        shape(problem, block)?;
    }
    for block in blocks(problem) {
        edges(problem, block)?;
    }
    let dominance = Dominance::new(problem);
    order(problem, &dominance)?;
    let values = Values::new(problem, env)?;
    for block in blocks(problem) {
        values.block(problem, block, &dominance)?;
        for inst in problem.block_insns(block).iter() {
            Constraints::new(problem, env, inst).check()?;
        }
    }
    demand(Liveness::bounded(problem, MAX_LIVE).is_some(), Site::Problem, || {
        format!("more than {MAX_LIVE} values are live between blocks")
    })
}

/// Each register has one role at most, and every register can be named.
fn environment(env: &MachineEnv) -> Result {
    let wrong = |message: String| Err(Malformed { site: Site::Environment, message });
    let mut seen = PRegSet::empty();
    for class in CLASSES {
        let sets = [&env.preferred_regs_by_class, &env.non_preferred_regs_by_class];
        let regs = sets.into_iter().flat_map(|sets| sets[class as usize]);
        for preg in regs.chain(env.scratch_by_class[class as usize]) {
            if preg.class() != class {
                return wrong(format!("{preg} is listed in another class"));
            }
            if preg == PReg::invalid() {
                return wrong(format!("{preg} stands for no register"));
            }
            if seen.contains(preg) {
                return wrong(format!("{preg} is listed twice"));
            }
            seen.add(preg);
        }
    }
    if !env.fixed_stack_slots.is_empty() {
        return wrong("registers that are stack slots".to_owned());
    }
    Ok(())
}

fn sizes<P: AllocProblem>(problem: &P) -> Result {
    let limits = [
        ("blocks", problem.num_blocks(), 1..=MAX_BLOCKS),
        ("instructions", problem.num_insts(), 1..=MAX_INSTS),
        ("virtual registers", problem.num_vregs(), 0..=MAX_VREGS),
    ];
    for (what, count, range) in limits {
        demand(range.contains(&count), Site::Problem, || {
            format!("{count} {what}; there are {} to {}", range.start(), range.end())
        })?;
    }
    for class in CLASSES {
        let words = problem.spillslot_size(class);
        demand((1..=MAX_SLOT_WORDS).contains(&words), Site::Problem, || {
            format!("slots of {words} words; they have 1 to {MAX_SLOT_WORDS}")
        })?;
    }
    demand(problem.entry_block().index() == 0, Site::Problem, || {
        "the entry is not block0".to_owned()
    })
}

/// A block's frequency, and its one terminator.
fn shape<P: AllocProblem>(problem: &P, block: Block) -> Result {
    let site = Site::Block(block);
    let frequency = problem.block_frequency(block);
    demand((1e-300..=1e300).contains(&frequency), site, || {
        format!("frequency {frequency:?} is not between 1e-300 and 1e300")
    })?;
    let insts = problem.block_insns(block);
    demand(insts.len() > 0, site, || "an empty block".to_owned())?;
    for inst in insts.iter() {
        let (is_branch, is_ret) = (problem.is_branch(inst), problem.is_ret(inst));
        if inst != insts.last() {
            demand(!is_branch && !is_ret, Site::Inst(inst), || {
                format!("ends block{} before its last instruction", block.index())
            })?;
            continue;
        }
        demand(is_branch || is_ret, Site::Inst(inst), || {
            format!("neither branches nor returns at the end of block{}", block.index())
        })?;
        demand(problem.block_succs(block).is_empty() == is_ret, Site::Inst(inst), || {
            let what = if is_ret { "returns and has" } else { "branches and has no" };
            format!("{what} successors")
        })?;
        let defines = problem.inst_operands(inst).iter().any(|op| op.kind() == OperandKind::Def);
        let clobbers = is_branch && problem.inst_clobbers(inst) != PRegSet::empty();
        demand(!defines && !clobbers, Site::Inst(inst), || {
            format!("defines or clobbers something at the end of block{}", block.index())
        })?;
    }
    Ok(())
}

/// Parameters, arguments and critical edges.
fn edges<P: AllocProblem>(problem: &P, block: Block) -> Result {
    let site = Site::Block(block);
    if block == problem.entry_block() {
        demand(problem.block_params(block).is_empty(), site, || {
            "the entry has parameters".to_owned()
        })?;
        demand(problem.block_preds(block).is_empty(), site, || {
            "the entry has predecessors".to_owned()
        })?;
        demand(problem.block_frequency(block) == 1.0, site, || {
            "the entry's frequency is not 1.0".to_owned()
        })?;
    } else {
        let first = problem.block_preds(block).iter().any(|pred| *pred < block);
        demand(first, site, || "no predecessor in front of it".to_owned())?;
    }
    let term = problem.block_insns(block).last();
    let succs = problem.block_succs(block);
    for (nth, &succ) in succs.iter().enumerate() {
        let site = Site::Successor(block, nth);
        let meets = problem.block_preds(succ).len() > 1;
        demand(succs.len() == 1 || !meets, site, || {
            format!("a critical edge, which block{} must split", block.index())
        })?;
        demand(!meets || problem.inst_operands(term).is_empty(), site, || {
            "a branch with operands to a block with several predecessors".to_owned()
        })?;
        let (args, params) =
            (problem.branch_blockparams(block, term, nth), problem.block_params(succ));
        demand(args.len() == params.len(), site, || {
            format!("{} arguments for {} parameters", args.len(), params.len())
        })?;
        for (arg, param) in branch_args(problem, block, term, nth) {
            demand(arg.class() == param.class(), site, || {
                format!("{} for {} of another class", value(arg), value(param))
            })?;
        }
    }
    Ok(())
}

/// Who dominates whom, in one comparison: the dominator tree in preorder.
struct Dominance {
    start: Vec<u32>,
    size: Vec<u32>,
}

impl Dominance {
    /// Every block but the entry needs a predecessor in front of it.
    fn new<P: AllocProblem>(problem: &P) -> Dominance {
        let cfg = Cfg::new(problem);
        let count = problem.num_blocks();
        let mut size = vec![1; count];
        for block in (0..count).rev() {
            if let Some(idom) = cfg.idom(block) {
                size[idom] += size[block];
            }
        }
        let (mut start, mut next) = (vec![0; count], vec![1; count]);
        for block in 0..count {
            if let Some(idom) = cfg.idom(block) {
                start[block] = next[idom];
                next[idom] += size[block];
                next[block] = start[block] + 1;
            }
        }
        Dominance { start, size }
    }

    fn dominates(&self, a: Block, b: Block) -> bool {
        let (a, b) = (a.index(), b.index());
        (self.start[a]..self.start[a] + self.size[a]).contains(&self.start[b])
    }
}

/// Edges backwards close loops: depth-first search would have found the way from their target to
/// where they begin, through ascending numbers.
fn order<P: AllocProblem>(problem: &P, dominance: &Dominance) -> Result {
    let mut steps = 0;
    let mut reached = vec![u32::MAX; problem.num_blocks()];
    for header in blocks(problem) {
        let is_latch = |pred: &&Block| **pred >= header && !dominance.dominates(header, **pred);
        let latches: Vec<Block> =
            problem.block_preds(header).iter().filter(is_latch).copied().collect();
        let Some(&last) = latches.iter().max() else { continue };
        let mut stack = vec![header];
        while let Some(block) = stack.pop() {
            for &succ in problem.block_succs(block) {
                steps += 1;
                let known = &mut reached[succ.index()];
                if succ > block && succ <= last && *known != header.index() as u32 {
                    *known = header.index() as u32;
                    stack.push(succ);
                }
            }
            demand(steps <= MAX_STEPS, Site::Block(header), || {
                "too many loops with several entries".to_owned()
            })?;
        }
        for latch in latches {
            demand(reached[latch.index()] == header.index() as u32, Site::Block(header), || {
                format!("not in reverse postorder: it stands before block{}", latch.index())
            })?;
        }
    }
    Ok(())
}

/// Where each value is defined.
struct Values {
    /// The register, and its block and instruction; of a parameter, that in front of the block's
    /// first.
    defs: Vec<Option<(VReg, Block, u32)>>,
}

impl Values {
    /// Each value has one definition, and registers for its class.
    fn new<P: AllocProblem>(problem: &P, env: &MachineEnv) -> Result<Values> {
        let sets = [&env.preferred_regs_by_class, &env.non_preferred_regs_by_class];
        let is_empty = |class: RegClass| sets.iter().all(|s| s[class as usize] == PRegSet::empty());
        let mut defs = vec![None; problem.num_vregs()];
        let mut define = |vreg: VReg, block, number, site| {
            demand(!is_empty(vreg.class()), site, || {
                format!("no registers for {} in the environment", value(vreg))
            })?;
            let count = defs.len();
            let Some(def) = defs.get_mut(vreg.vreg()) else {
                return demand(false, site, || format!("{} is not below {count}", value(vreg)));
            };
            demand(def.is_none(), site, || format!("another definition of {}", value(vreg)))?;
            *def = Some((vreg, block, number));
            Ok(())
        };
        for block in blocks(problem) {
            for &param in problem.block_params(block) {
                define(param, block, 0, Site::Block(block))?;
            }
            for inst in problem.block_insns(block).iter() {
                for (nth, op) in problem.inst_operands(inst).iter().enumerate() {
                    if op.kind() == OperandKind::Def {
                        let number = inst.index() as u32 + 1;
                        define(op.vreg(), block, number, Site::Operand(inst, nth))?;
                    }
                }
            }
        }
        Ok(Values { defs })
    }

    /// Definitions dominate what the block reads.
    fn block<P: AllocProblem>(&self, problem: &P, block: Block, dominance: &Dominance) -> Result {
        let read = |vreg: VReg, inst: Inst, site| {
            let def = self.defs.get(vreg.vreg()).copied().flatten();
            let Some((name, home, number)) = def else {
                return demand(false, site, || format!("no definition of {}", value(vreg)));
            };
            demand(name == vreg, site, || {
                format!("{}, which was defined as {}", value(vreg), value(name))
            })?;
            let before = match home == block {
                true => number <= inst.index() as u32,
                false => dominance.dominates(home, block),
            };
            demand(before, site, || {
                format!("{} is not defined on every path to its use", value(vreg))
            })
        };
        let insts = problem.block_insns(block);
        for inst in insts.iter() {
            for (nth, op) in problem.inst_operands(inst).iter().enumerate() {
                if op.kind() == OperandKind::Use && op.as_fixed_nonallocatable().is_none() {
                    read(op.vreg(), inst, Site::Operand(inst, nth))?;
                }
            }
        }
        for nth in 0..problem.block_succs(block).len() {
            for (arg, _) in branch_args(problem, block, insts.last(), nth) {
                read(arg, insts.last(), Site::Successor(block, nth))?;
            }
        }
        Ok(())
    }
}

/// The operands of one instruction.
struct Constraints<'a> {
    inst: Inst,
    operands: &'a [Operand],
    clobbers: PRegSet,
    allocatable: PRegSet,
}

impl<'a> Constraints<'a> {
    fn new<P: AllocProblem>(problem: &'a P, env: &MachineEnv, inst: Inst) -> Constraints<'a> {
        Constraints {
            inst,
            operands: problem.inst_operands(inst),
            clobbers: problem.inst_clobbers(inst),
            allocatable: PRegSet::from(env),
        }
    }

    fn check(&self) -> Result {
        demand(self.operands.len() <= MAX_OPERANDS, Site::Inst(self.inst), || {
            format!("more than {MAX_OPERANDS} operands")
        })?;
        for (nth, &op) in self.operands.iter().enumerate() {
            let site = Site::Operand(self.inst, nth);
            if let Some(preg) = op.as_fixed_nonallocatable() {
                demand(!self.allocatable.contains(preg), site, || {
                    format!("{preg} is reserved, and the environment has it")
                })?;
                continue;
            }
            match op.constraint() {
                OperandConstraint::FixedReg(preg) => self.fixed(nth, preg)?,
                OperandConstraint::Reuse(input) => self.reuse(nth, input)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// A fixed register is allocatable, and the operand's alone.
    fn fixed(&self, nth: usize, preg: PReg) -> Result {
        let op = self.operands[nth];
        let site = Site::Operand(self.inst, nth);
        demand(preg.class() == op.class(), site, || format!("{preg} for {}", value(op.vreg())))?;
        demand(self.allocatable.contains(preg), site, || {
            format!("{preg} is not in the environment")
        })?;
        let late = occupies(op, OperandPos::Late);
        demand(!late || !self.clobbers.contains(preg), site, || format!("{preg} is clobbered"))?;
        let clash = self.operands[..nth].iter().find(|other| {
            other.constraint() == OperandConstraint::FixedReg(preg)
                && other.vreg() != op.vreg()
                && [OperandPos::Early, OperandPos::Late]
                    .into_iter()
                    .any(|pos| occupies(op, pos) && occupies(**other, pos))
        });
        demand(clash.is_none(), site, || format!("{preg} is an earlier operand's"))
    }

    /// A late definition may take the register of an early use, once.
    fn reuse(&self, nth: usize, input: usize) -> Result {
        let op = self.operands[nth];
        let site = Site::Operand(self.inst, nth);
        let is_late_def = op.kind() == OperandKind::Def && op.pos() == OperandPos::Late;
        demand(is_late_def, site, || "only a late definition reuses".to_owned())?;
        let fits = self.operands.get(input).is_some_and(|input| {
            input.kind() == OperandKind::Use
                && input.pos() == OperandPos::Early
                && input.constraint() == OperandConstraint::Reg
                && input.class() == op.class()
        });
        demand(fits, site, || {
            format!("operand {input} is not an early use of the same class in any register")
        })?;
        let again = self.operands[..nth].iter().any(|other| other.constraint() == op.constraint());
        demand(!again, site, || format!("operand {input} is reused already"))
    }
}
