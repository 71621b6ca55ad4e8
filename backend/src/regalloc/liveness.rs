//! Which values are live where blocks end.
//!
//! Values are taken one at a time: from each block that uses one, the walk goes to predecessors
//! until it reaches the definition (Boissinot et al., "Computing Liveness Sets for SSA-Form
//! Programs", 2011, by variable). Time and memory are linear in the size of the answer; nothing
//! is as large as blocks times values.

use regalloc2::{Block, OperandKind, RegClass, VReg};

use super::{AllocProblem, blocks, branch_args};

const NO_BLOCK: u32 = u32::MAX;

/// For each block, the values that some successor needs; block arguments are not among them.
pub(super) struct Liveness {
    live_out: Vec<Vec<VReg>>,
}

impl Liveness {
    pub fn new<P: AllocProblem>(problem: &P) -> Liveness {
        Self::bounded(problem, usize::MAX).expect("no list is longer")
    }

    /// None if the lists have more than `limit` entries in all.
    pub fn bounded<P: AllocProblem>(problem: &P, limit: usize) -> Option<Liveness> {
        let mut total = 0;
        let (def_block, uses) = find_uses(problem);
        let mut live_out = vec![vec![]; problem.num_blocks()];
        // The value last seen live into, and out of, each block.
        let mut seen_in = vec![u32::MAX; problem.num_blocks()];
        let mut seen_out = seen_in.clone();
        let mut stack = vec![];
        for group in uses.chunk_by(|a, b| a.0 == b.0) {
            if total > limit {
                return None;
            }
            let vreg = group[0].0;
            let number = vreg.vreg() as u32;
            let home = def_block[vreg.vreg()];
            let mut need = |block: u32, stack: &mut Vec<u32>| {
                if block != home && seen_in[block as usize] != number {
                    seen_in[block as usize] = number;
                    stack.push(block);
                }
            };
            for &(_, block) in group {
                need(block, &mut stack);
            }
            while let Some(block) = stack.pop() {
                for &pred in problem.block_preds(Block::new(block as usize)) {
                    if seen_out[pred.index()] != number {
                        seen_out[pred.index()] = number;
                        live_out[pred.index()].push(vreg);
                        total += 1;
                        need(pred.index() as u32, &mut stack);
                    }
                }
            }
        }
        (total <= limit).then_some(Liveness { live_out })
    }

    pub fn live_out(&self, block: Block) -> &[VReg] {
        &self.live_out[block.index()]
    }
}

/// The block that defines each value, and the pairs of values and blocks that use them, sorted.
fn find_uses<P: AllocProblem>(problem: &P) -> (Vec<u32>, Vec<(VReg, u32)>) {
    let mut def_block = vec![NO_BLOCK; problem.num_vregs()];
    // The block of each value's last entry in `uses`: most uses repeat it.
    let mut last_use = def_block.clone();
    let mut uses = vec![];
    for block in blocks(problem) {
        let number = block.index() as u32;
        let mut used = |vreg: VReg, def_block: &[u32]| {
            let i = vreg.vreg();
            if i < last_use.len() && last_use[i] != number && def_block[i] != number {
                last_use[i] = number;
                uses.push((vreg, number));
            }
        };
        for param in problem.block_params(block) {
            if let Some(def) = def_block.get_mut(param.vreg()) {
                *def = number;
            }
        }
        let insts = problem.block_insns(block);
        for inst in insts.iter() {
            for op in problem.inst_operands(inst) {
                if op.kind() == OperandKind::Use {
                    used(op.vreg(), &def_block);
                } else if let Some(def) = def_block.get_mut(op.vreg().vreg()) {
                    *def = number;
                }
            }
        }
        if problem.is_branch(insts.last()) {
            for succ in 0..problem.block_succs(block).len() {
                for (arg, _) in branch_args(problem, block, insts.last(), succ) {
                    used(arg, &def_block);
                }
            }
        }
    }
    uses.sort_by_key(|&(vreg, _)| vreg);
    (def_block, uses)
}

/// A set of values that can be listed, with the number of members in each class.
pub(super) struct LiveSet {
    members: Vec<VReg>,
    /// Each member's place in `members`.
    index: Vec<u32>,
    counts: [u32; 3],
}

impl LiveSet {
    pub fn new(num_vregs: usize) -> LiveSet {
        LiveSet { members: vec![], index: vec![0; num_vregs], counts: [0; 3] }
    }

    pub fn contains(&self, vreg: VReg) -> bool {
        let index = self.index.get(vreg.vreg()).map(|&i| i as usize);
        index.and_then(|i| self.members.get(i)) == Some(&vreg)
    }

    pub fn insert(&mut self, vreg: VReg) {
        if !self.contains(vreg) && vreg.vreg() < self.index.len() {
            self.index[vreg.vreg()] = self.members.len() as u32;
            self.members.push(vreg);
            self.counts[vreg.class() as usize] += 1;
        }
    }

    pub fn remove(&mut self, vreg: VReg) {
        if self.contains(vreg) {
            let hole = self.index[vreg.vreg()];
            self.members.swap_remove(hole as usize);
            if let Some(moved) = self.members.get(hole as usize) {
                self.index[moved.vreg()] = hole;
            }
            self.counts[vreg.class() as usize] -= 1;
        }
    }

    pub fn clear(&mut self) {
        self.members.clear();
        self.counts = [0; 3];
    }

    pub fn count(&self, class: RegClass) -> u32 {
        self.counts[class as usize]
    }

    pub fn iter(&self) -> impl Iterator<Item = VReg> {
        self.members.iter().copied()
    }
}
