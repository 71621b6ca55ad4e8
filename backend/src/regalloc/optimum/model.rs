//! The integer program of a function.
//!
//! *Registers.* Between two instructions of a block that name a value, it stays in a register or
//! goes and comes back in front of the second: one bit for each such stretch, and one where a block
//! with several predecessors begins or a block ends. A load is where a bit is 1 behind a 0. At each
//! instruction, and where several values get one argument, bits add up to no more than there are
//! registers.
//!
//! *Memory.* A value that was stored stays valid, so one bit tells for each block whether its end
//! finds the value in memory; for most values one bit serves all blocks, since the store may stand
//! where the value is defined unless a colder block comes later. Whatever is loaded, or read on the
//! stack, was stored. A parameter is in memory if the argument was on every edge. What lives is in a
//! register or in memory everywhere, which makes relaxations tight.
//!
//! Left to others: values with several names at once ([`super::copies`]).

use std::collections::HashMap;

use regalloc2::{Block, VReg};

use super::copies::{Args, edges, takers};
use super::demand::{Claim, Mention};
use super::program::{Bit, Program};
use super::steps::Steps;
use crate::regalloc::cfg::Cfg;
use crate::regalloc::liveness::Liveness;
use crate::regalloc::points::{RegMask, Scan};
use crate::regalloc::{AllocProblem, blocks};

/// Whether a value is in memory, where a block begins and ends.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    pub begin: Bit,
    pub end: Bit,
}

/// What a block has said to others.
#[derive(Default)]
pub(super) struct BlockBits {
    /// In a register where the block begins, and where it ends.
    entry: HashMap<VReg, Bit>,
    exit: HashMap<VReg, Bit>,
    pub memory: HashMap<VReg, Memory>,
    /// Copies beyond the first, where the block begins and where it ends.
    pub more: HashMap<VReg, (Bit, Bit)>,
}

pub(super) struct Model<'a, P> {
    pub problem: &'a P,
    allocatable: [RegMask; 3],
    cfg: Cfg,
    /// Where each value is defined.
    homes: Vec<Block>,
    /// Values that never live where registers may lack.
    calm: Vec<bool>,
    /// Values of which one bit tells whether they are in memory, once it is known.
    stored_at_home: Vec<bool>,
    home_bits: Vec<Option<Bit>>,
    pub bits: Vec<BlockBits>,
    pub program: Program,
}

/// Writes the program. Invariant: no two of the problem's values are equal.
pub(super) fn program<P: AllocProblem>(problem: &P, allocatable: [RegMask; 3]) -> Program {
    let mut model = Model {
        problem,
        allocatable,
        cfg: Cfg::new(problem),
        homes: vec![Block::invalid(); problem.num_vregs()],
        calm: vec![true; problem.num_vregs()],
        stored_at_home: vec![true; problem.num_vregs()],
        home_bits: vec![None; problem.num_vregs()],
        bits: blocks(problem).map(|_| BlockBits::default()).collect(),
        program: Program::default(),
    };
    let liveness = Liveness::new(problem);
    let mut scan = Scan::new(problem, &liveness);
    let steps: Vec<Steps> =
        blocks(problem).map(|block| Steps::read(problem, &allocatable, &mut scan, block)).collect();
    model.survey(&steps);
    for (block, steps) in blocks(problem).zip(&steps) {
        model.block(block, steps);
    }
    for block in blocks(problem) {
        model.join(block, &steps[block.index()].live_in);
    }
    model.second_copies(&steps);
    model.program
}

impl<P: AllocProblem> Model<'_, P> {
    /// Finds where values are defined, which never lack a register, and which are best stored where
    /// they are defined.
    fn survey(&mut self, steps: &[Steps]) {
        for (block, steps) in blocks(self.problem).zip(steps) {
            for &param in self.problem.block_params(block) {
                self.homes[param.vreg()] = block;
                self.calm[param.vreg()] = false;
            }
            for (at, step) in steps.steps.iter().enumerate() {
                for mention in &step.mentions {
                    let i = mention.vreg.vreg();
                    if mention.is_def {
                        self.homes[i] = block;
                        self.calm[i] &= mention.in_register;
                    }
                    // Up to the next instruction that names it; the last one names what leaves.
                    self.calm[i] &= !steps.tight(mention.vreg, at, mention.next + 1);
                }
            }
            for &(vreg, next) in &steps.live_in {
                self.calm[vreg.vreg()] &= !steps.tight(vreg, 0, next + 1);
            }
        }
        for (block, steps) in blocks(self.problem).zip(steps) {
            for &(vreg, _) in &steps.live_in {
                if self.may_store(vreg, block) && self.homes[vreg.vreg()] != block {
                    self.stored_at_home[vreg.vreg()] = false;
                }
            }
        }
        // On an edge that gives a value a second name, its slot may become the other's.
        for (pred, succ, to) in edges(self.problem) {
            let takers = takers(self.problem, pred, succ, &steps[to.index()].live_in);
            for (arg, takers) in takers.iter().filter(|(_, takers)| takers.len() > 1) {
                if takers.contains(arg) {
                    self.stored_at_home[arg.vreg()] = false;
                }
            }
        }
    }

    /// Whether no block that dominates this one would store the value for as little.
    fn may_store(&self, vreg: VReg, block: Block) -> bool {
        let home = self.homes[vreg.vreg()];
        let frequency = self.problem.block_frequency(block);
        let mut at = block;
        while at != home {
            let Some(idom) = self.cfg.idom(at.index()) else { return true };
            at = Block::new(idom);
            if self.problem.block_frequency(at) <= frequency {
                return false;
            }
        }
        true
    }

    /// The only predecessor, if its bits are known.
    fn only_pred(&self, block: Block) -> Option<Block> {
        match self.problem.block_preds(block) {
            [pred] if pred.index() < block.index() => Some(*pred),
            _ => None,
        }
    }

    fn block(&mut self, block: Block, steps: &Steps) {
        self.enter(block, steps);
        let frequency = self.problem.block_frequency(block);
        let mut now = Now { block, steps, frequency, bits: HashMap::new() };
        for &(vreg, next) in &steps.live_in {
            let entry = self.bits[block.index()].entry[&vreg];
            let bit = self.stretch(&now, vreg, 0, next, Some(entry));
            now.bits.insert(vreg, bit);
        }
        for (at, step) in steps.steps.iter().enumerate() {
            if at == steps.last() {
                self.leave(&mut now);
            }
            let mut rows = Rows::default();
            if step.tight.contains(&true) {
                let named =
                    |vreg: VReg| step.mentions.iter().any(|m| m.vreg == vreg && m.names_register());
                for (&vreg, &bit) in now.bits.iter().filter(|&(&vreg, _)| !named(vreg)) {
                    rows.add(vreg, [1; 3], bit);
                }
            }
            for mention in &step.mentions {
                if mention.is_def {
                    self.define(&mut now, at, mention, &mut rows);
                } else {
                    self.use_(&mut now, at, mention, &mut rows);
                }
            }
            for class in (0..3).filter(|&class| step.tight[class]) {
                for (sum, room) in rows.sums[class].iter().zip(step.room[class]) {
                    self.program.at_most(sum, f64::from(room));
                }
            }
        }
        let exit = &mut self.bits[block.index()].exit;
        for &vreg in &steps.live_out {
            exit.insert(vreg, now.bits.get(&vreg).copied().unwrap_or(Bit::Zero));
        }
    }

    /// Bits of what lives where the block begins, and of what was or is stored there.
    fn enter(&mut self, block: Block, steps: &Steps) {
        let pred = self.only_pred(block);
        let frequency = self.problem.block_frequency(block);
        for &(vreg, _) in &steps.live_in {
            let from = pred.map(|pred| &self.bits[pred.index()]);
            let known = from.and_then(|from| from.exit.get(&vreg).copied());
            let entry = match known {
                Some(bit) => bit,
                None if self.calm[vreg.vreg()] => Bit::One,
                None => self.program.bit(),
            };
            self.bits[block.index()].entry.insert(vreg, entry);

            let is_home = self.homes[vreg.vreg()] == block;
            let home_bit = if is_home { None } else { self.home_bits[vreg.vreg()] };
            let begin = match (home_bit, pred) {
                (Some(bit), _) if self.stored_at_home[vreg.vreg()] => bit,
                (_, Some(pred)) if self.bits[pred.index()].memory.contains_key(&vreg) => {
                    self.bits[pred.index()].memory[&vreg].end
                }
                _ => self.program.bit(),
            };
            self.program.some(&[begin, entry]);
            let mut end = begin;
            if is_home || self.may_store(vreg, block) {
                let store = self.program.bit();
                self.program.add_cost(store, frequency);
                self.program.implies(store, &[entry]);
                end = self.program.bit();
                self.program.implies(end, &[begin, store]);
            }
            if is_home {
                self.home_bits[vreg.vreg()] = Some(end);
            }
            self.bits[block.index()].memory.insert(vreg, Memory { begin, end });
        }
    }

    fn in_memory(&self, now: &Now<'_>, vreg: VReg) -> Bit {
        self.bits[now.block.index()].memory.get(&vreg).map_or(Bit::Zero, |memory| memory.end)
    }

    /// The bit of a stretch from the step `start` up to the step `next`, which names the value again.
    /// `before` is where it comes from; none if it surely is in a register there.
    fn stretch(
        &mut self,
        now: &Now<'_>,
        vreg: VReg,
        start: usize,
        next: usize,
        before: Option<Bit>,
    ) -> Bit {
        // What leaves the block has a bit of its own at the last step.
        let end = next.min(now.steps.last());
        if !now.steps.tight(vreg, start, end) {
            return before.unwrap_or(Bit::One);
        }
        let bit = self.program.bit();
        if let Some(before) = before {
            self.program.implies(bit, &[before]);
        }
        self.program.some(&[bit, self.in_memory(now, vreg)]);
        bit
    }

    /// In front of the last instruction: what it does not name leaves the block through it.
    fn leave(&mut self, now: &mut Now<'_>) {
        let last = now.steps.last();
        let step = &now.steps.steps[last];
        let named = |vreg: VReg| step.mentions.iter().any(|m| m.vreg == vreg && m.uses_register());
        now.bits.retain(|&vreg, _| named(vreg) || now.steps.live_out.contains(&vreg));
        for &vreg in &now.steps.live_out {
            let Some(&before) = now.bits.get(&vreg) else { continue };
            if named(vreg) {
                continue;
            }
            let is_tight = now.steps.tight(vreg, last, last + 1);
            let bit = match (before, is_tight) {
                (Bit::One, false) => Bit::One,
                (Bit::One, true) => self.program.bit(),
                _ => {
                    let (load, bit) = (self.program.bit(), self.program.bit());
                    self.program.add_cost(load, now.frequency);
                    let memory = self.in_memory(now, vreg);
                    self.program.implies(load, &[memory]);
                    self.program.implies(bit, &[before, load]);
                    bit
                }
            };
            self.program.some(&[bit, self.in_memory(now, vreg)]);
            now.bits.insert(vreg, bit);
        }
    }

    fn define(&mut self, now: &mut Now<'_>, at: usize, mention: &Mention, rows: &mut Rows) {
        let vreg = mention.vreg;
        let memory = match mention.on_stack {
            0 if mention.in_register && !mention.lives_on => Bit::Zero,
            0 => self.program.bit(),
            _ => Bit::One,
        };
        // A definition on the stack costs what a store behind it does.
        self.program.add_cost(memory, now.frequency);
        self.home_bits[vreg.vreg()] = Some(memory);
        let both = Memory { begin: memory, end: memory };
        self.bits[now.block.index()].memory.insert(vreg, both);
        let held = if mention.in_register {
            Bit::One
        } else if mention.on_stack > 0 {
            Bit::Zero
        } else {
            let held = self.program.bit();
            self.program.some(&[held, memory]);
            held
        };
        rows.add(vreg, mention.held, held);
        if mention.lives_on {
            let before = (held != Bit::One).then_some(held);
            let bit = self.stretch(now, vreg, at + 1, mention.next, before);
            now.bits.insert(vreg, bit);
        }
    }

    fn use_(&mut self, now: &mut Now<'_>, at: usize, mention: &Mention, rows: &mut Rows) {
        let vreg = mention.vreg;
        let memory = self.in_memory(now, vreg);
        if mention.on_stack > 0 {
            self.program.constant += f64::from(mention.on_stack) * now.frequency;
            self.program.some(&[memory]);
        }
        if !mention.uses_register() {
            if !mention.lives_on {
                now.bits.remove(&vreg);
            }
            return;
        }
        let before = now.bits.remove(&vreg).unwrap_or(Bit::Zero);
        let early = if mention.in_register {
            self.program.add_cost_without(before, now.frequency);
            self.program.some(&[memory, before]);
            Bit::One
        } else {
            let (load, early) = (self.program.bit(), self.program.bit());
            self.program.add_cost(load, now.frequency);
            self.program.implies(load, &[memory]);
            self.program.implies(early, &[before, load]);
            early
        };
        if mention.early_any > 0 {
            self.program.add_cost_without(early, f64::from(mention.early_any) * now.frequency);
            self.program.some(&[memory, early]);
        }
        let held = self.held(now, at, mention, early);
        if mention.late_any > 0 {
            self.program.add_cost_without(held, f64::from(mention.late_any) * now.frequency);
            self.program.some(&[memory, held]);
        }
        rows.add(vreg, mention.held, held);
        if mention.early > 0 && !mention.in_register_late {
            // Early, and not held: what the claim of a held one has not counted yet.
            rows.add_early(vreg, early, 1.0);
            rows.add_early(vreg, held, -1.0);
        }
        if mention.lives_on {
            let bit = if held == Bit::One || mention.late_any > 0 {
                let before = (held != Bit::One).then_some(held);
                self.stretch(now, vreg, at + 1, mention.next, before)
            } else {
                held
            };
            now.bits.insert(vreg, bit);
        }
    }

    /// Whether a value that is used is in a register at the late point; and on to the next
    /// instruction that names it, unless the late point matters by itself.
    fn held(&mut self, now: &Now<'_>, at: usize, mention: &Mention, early: Bit) -> Bit {
        if mention.in_register_late {
            return Bit::One;
        }
        if !mention.lives_on && mention.late_any == 0 {
            return Bit::Zero;
        }
        // At the last step the stretch is that step alone.
        let end = match mention.late_any {
            0 => mention.next.min(now.steps.last()).max(at + 1),
            _ => at + 1,
        };
        if !now.steps.tight(mention.vreg, at, end) {
            return early;
        }
        let held = self.program.bit();
        self.program.implies(held, &[early]);
        if mention.lives_on {
            self.program.some(&[held, self.in_memory(now, mention.vreg)]);
        }
        held
    }

    /// What the edges to a block with several predecessors ask.
    fn join(&mut self, block: Block, live_in: &[(VReg, usize)]) {
        if self.only_pred(block).is_some() {
            return;
        }
        for &pred in self.problem.block_preds(block) {
            let succs = self.problem.block_succs(pred);
            for succ in (0..succs.len()).filter(|&succ| succs[succ] == block) {
                let args = Args::new(self.problem, pred, succ);
                for &(vreg, _) in live_in {
                    let arg = args.of(vreg);
                    let exit = self.bits[pred.index()].exit.get(&arg).copied();
                    let entry = self.bits[block.index()].entry[&vreg];
                    self.program.implies(entry, &[exit.unwrap_or(Bit::Zero)]);
                    let end = self.bits[pred.index()].memory.get(&arg).map_or(Bit::Zero, |m| m.end);
                    let begin = self.bits[block.index()].memory[&vreg].begin;
                    if begin != end {
                        self.program.implies(begin, &[end]);
                    }
                }
            }
        }
        // One argument in several registers takes as many.
        for class in 0..3 {
            let of_class = live_in.iter().filter(|(vreg, _)| vreg.class() as usize == class);
            let terms: Vec<(Bit, f64)> =
                of_class.map(|(vreg, _)| (self.bits[block.index()].entry[vreg], 1.0)).collect();
            self.program.at_most(&terms, f64::from(self.allocatable[class].count_ones()));
        }
    }
}

/// The walk through a block.
struct Now<'a> {
    block: Block,
    steps: &'a Steps,
    frequency: f64,
    /// Whether each value that lives is in a register.
    bits: HashMap<VReg, Bit>,
}

/// The three sums of each class at an instruction.
#[derive(Default)]
struct Rows {
    sums: [[Vec<(Bit, f64)>; 3]; 3],
}

impl Rows {
    fn add(&mut self, vreg: VReg, claim: Claim, bit: Bit) {
        let sums = &mut self.sums[vreg.class() as usize];
        for (sum, claim) in sums.iter_mut().zip(claim).filter(|(_, claim)| *claim > 0) {
            sum.push((bit, f64::from(claim)));
        }
    }

    fn add_early(&mut self, vreg: VReg, bit: Bit, factor: f64) {
        self.sums[vreg.class() as usize][1].push((bit, factor));
    }
}
