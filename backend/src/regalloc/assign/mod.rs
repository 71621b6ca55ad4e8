//! From a residence to an answer: a register for each stay, stores, slots, and moves.
//!
//! Input: a problem and which values are in registers when ([`Residence`]). Output: an
//! [`AllocResult`]. [`webs`] colours the stays; [`place`] walks the instructions and follows the
//! colours, moving values where a fixed operand or a missing colour wants it; [`memory`] decides
//! where values are stored, once each; [`edges`] makes both ends of each edge meet.
//!
//! Invariant: whatever the colours are, the answer is right: they only save moves. Since values
//! that are in registers fit at each instruction, there is a place for each, and moves in front
//! lead there.

mod cost;
mod edges;
pub(super) mod memory;
mod place;
mod stores;
pub(super) mod webs;

use core::cell::OnceCell;
use regalloc2::{Allocation, Block, MachineEnv, PReg, PRegSet, ProgPoint, RegClass, VReg};

use super::cfg::Cfg;
use super::liveness::Liveness;
use super::points::{RegMask, mask_of};
use super::ranges::{ValueRanges, ranges_of};
use super::residence::{Definitions, Residence, Walker, definitions};
use super::{AllocError, AllocProblem, AllocResult, CLASSES, Edit, blocks};
use memory::{Memory, Planner};
use webs::Webs;

/// What is known of a problem before anything is decided.
pub(super) struct Context<'a, P> {
    pub problem: &'a P,
    pub env: &'a MachineEnv,
    pub cfg: Cfg,
    pub liveness: Liveness,
    pub definitions: Definitions,
    /// Found when first asked for.
    ranges: OnceCell<ValueRanges>,
}

impl<'a, P: AllocProblem> Context<'a, P> {
    pub fn new(problem: &'a P, env: &'a MachineEnv) -> Result<Self, AllocError> {
        if !env.fixed_stack_slots.is_empty() {
            return Err(AllocError::Unsupported("an environment with fixed stack slots"));
        }
        Ok(Context {
            definitions: definitions(problem)?,
            cfg: Cfg::new(problem),
            liveness: Liveness::new(problem),
            problem,
            env,
            ranges: OnceCell::new(),
        })
    }

    fn ranges(&self) -> &ValueRanges {
        self.ranges.get_or_init(|| ranges_of(self.problem, &self.liveness))
    }

    /// Where a residence has values stored.
    pub fn memory(&self, residence: &Residence) -> Memory {
        Planner::plan(self, residence)
    }
}

/// Gives registers and slots to a residence; `colors` are those of its pieces.
pub(super) fn assign<P: AllocProblem>(
    context: &Context<'_, P>,
    residence: &Residence,
    webs: &Webs,
    colors: &[Option<PReg>],
    memory: Memory,
) -> Result<AllocResult, AllocError> {
    let Context { problem, env, .. } = *context;
    let mut assigner = Assigner::new(problem, env, residence, webs, colors, memory);
    let mut walker = Walker::new(problem, residence);
    for block in blocks(problem) {
        walker.enter(block);
        assigner.enter(block, &walker);
        for inst in problem.block_insns(block).iter() {
            assigner.place(&walker.step(inst))?;
        }
        assigner.leave(block);
    }
    for block in blocks(problem) {
        assigner.store_at_entry(block);
        assigner.connect(block)?;
    }
    Ok(assigner.finish())
}

struct Assigner<'a, P> {
    problem: &'a P,
    residence: &'a Residence,
    webs: &'a Webs,
    colors: &'a [Option<PReg>],
    allocatable: [RegMask; 3],
    /// Registers of each class in order of preference.
    orders: [Vec<PReg>; 3],
    scratch: [Option<PReg>; 3],
    memory: Memory,
    /// The register of each value, between instructions, and what each register holds.
    reg: Vec<Option<PReg>>,
    holder: [Option<VReg>; PReg::NUM_INDEX],
    /// Where each block's values are when it begins and ends, as its residence lists them.
    at_entry: Vec<Vec<PReg>>,
    at_exit: Vec<Vec<PReg>>,
    /// Edits at the beginning of blocks, of instructions, and in front of branches.
    entry_edits: Vec<(ProgPoint, Edit)>,
    store_edits: Vec<(ProgPoint, Edit)>,
    edits: Vec<(ProgPoint, Edit)>,
    exit_edits: Vec<(ProgPoint, Edit)>,
    allocs: Vec<Allocation>,
    inst_alloc_offsets: Vec<u32>,
}

impl<'a, P: AllocProblem> Assigner<'a, P> {
    fn new(
        problem: &'a P,
        env: &MachineEnv,
        residence: &'a Residence,
        webs: &'a Webs,
        colors: &'a [Option<PReg>],
        memory: Memory,
    ) -> Self {
        Assigner {
            problem,
            residence,
            webs,
            colors,
            allocatable: mask_of(PRegSet::from(env)),
            orders: CLASSES.map(|class| {
                let preferred = env.preferred_regs_by_class[class as usize].into_iter();
                preferred.chain(env.non_preferred_regs_by_class[class as usize]).collect()
            }),
            scratch: env.scratch_by_class,
            memory,
            reg: vec![None; problem.num_vregs()],
            holder: [None; PReg::NUM_INDEX],
            at_entry: vec![],
            at_exit: vec![],
            entry_edits: vec![],
            store_edits: vec![],
            edits: vec![],
            exit_edits: vec![],
            allocs: vec![],
            inst_alloc_offsets: Vec::with_capacity(problem.num_insts()),
        }
    }

    fn scratch(&self, class: RegClass) -> Result<PReg, AllocError> {
        self.scratch[class as usize]
            .ok_or(AllocError::Unsupported("an environment without a scratch register"))
    }

    fn slot(&self, vreg: VReg) -> Result<Allocation, AllocError> {
        let slot = self.memory.slot(vreg).map(Allocation::stack);
        slot.ok_or_else(|| AllocError::Wrong(format!("{vreg} has no slot")))
    }

    fn hold(&mut self, preg: PReg, vreg: VReg) {
        self.holder[preg.index()] = Some(vreg);
        self.reg[vreg.vreg()] = Some(preg);
    }

    fn forget(&mut self, vreg: VReg) {
        if let Some(preg) = self.reg[vreg.vreg()].take()
            && self.holder[preg.index()] == Some(vreg)
        {
            self.holder[preg.index()] = None;
        }
    }

    fn forget_all(&mut self) {
        for holder in &mut self.holder {
            if let Some(vreg) = holder.take() {
                self.reg[vreg.vreg()] = None;
            }
        }
    }

    /// Picks registers for what a block begins with: their colours, and for what has none, where a
    /// predecessor left it, or any.
    fn enter(&mut self, block: Block, walker: &Walker<'_, P>) {
        self.forget_all();
        let entry = &self.residence.entry[block.index()];
        let mut homeless = vec![];
        for &vreg in entry {
            match self.colors[walker.piece(vreg) as usize] {
                Some(preg) if self.holder[preg.index()].is_none() => self.hold(preg, vreg),
                _ => homeless.push(vreg),
            }
        }
        for vreg in homeless {
            let class = vreg.class() as usize;
            let free = self.orders[class].iter().filter(|r| self.holder[r.index()].is_none());
            let free = free.fold(0, |mask: RegMask, preg| mask | 1 << preg.hw_enc());
            let before = self.problem.block_preds(block).iter().find_map(|&pred| {
                let exit = self.residence.exit[pred.index()].iter();
                let mut regs = exit.zip(self.at_exit.get(pred.index())?);
                regs.find(|(v, _)| **v == vreg).map(|(_, &preg)| preg)
            });
            let before = before.filter(|preg| free >> preg.hw_enc() & 1 != 0);
            let piece = walker.piece(vreg);
            if let Some(preg) = before.or_else(|| self.least_wanted(free, vreg, piece)) {
                self.hold(preg, vreg);
            }
        }
        let regs = entry.iter().map(|vreg| self.reg[vreg.vreg()].expect("entries fit"));
        self.at_entry.push(regs.collect());
    }

    /// Of the registers in `open`, the one that fewest neighbours of a piece without colour want.
    fn least_wanted(&self, open: RegMask, vreg: VReg, piece: u32) -> Option<PReg> {
        let web = self.webs.web_of[piece as usize];
        let forbidden = self.webs.graph.nodes[web as usize].forbidden;
        let order = self.orders[vreg.class() as usize].iter().copied();
        let order = order.filter(|preg| open >> preg.hw_enc() & 1 != 0);
        order.min_by_key(|preg| (forbidden >> preg.hw_enc() & 1) as u32)
    }

    fn leave(&mut self, block: Block) {
        let exit = self.residence.exit[block.index()].iter();
        let regs = exit.map(|vreg| self.reg[vreg.vreg()].expect("what leaves is in a register"));
        self.at_exit.push(regs.collect());
    }

    fn finish(self) -> AllocResult {
        let mut edits = self.entry_edits;
        edits.extend(self.store_edits);
        edits.extend(self.edits);
        edits.extend(self.exit_edits);
        edits.sort_by_key(|&(point, _)| point);
        AllocResult {
            num_spillslots: self.memory.slots.count,
            edits,
            allocs: self.allocs,
            inst_alloc_offsets: self.inst_alloc_offsets,
            dropped: vec![],
        }
    }
}
