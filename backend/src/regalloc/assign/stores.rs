//! The cheapest blocks in which to store one value, on the dominator tree.

use crate::regalloc::cfg::Cfg;

/// Room for one search, and the costs that it found.
pub(super) struct Costs {
    /// Of each block on the way from the definition to a demand.
    cost: Vec<f64>,
    seen: Vec<bool>,
    children: Vec<Vec<usize>>,
}

impl Costs {
    pub fn new(blocks: usize) -> Costs {
        Costs { cost: vec![0.0; blocks], seen: vec![false; blocks], children: vec![vec![]; blocks] }
    }

    /// Picks blocks that dominate all of `demanding` together, `home` or such that begin with the
    /// value in a register.
    pub fn choose(
        &mut self,
        cfg: &Cfg,
        home: usize,
        demanding: &[usize],
        in_register: impl Fn(usize) -> bool,
        frequency: impl Fn(usize) -> f64,
    ) -> Vec<usize> {
        // The part of the dominator tree between the definition and the demands.
        let mut tree = vec![];
        for &demand in demanding {
            let mut block = Some(demand);
            while let Some(b) = block.filter(|&b| !self.seen[b]) {
                self.seen[b] = true;
                tree.push(b);
                block = if b == home { None } else { cfg.idom(b) };
                if let Some(parent) = block {
                    self.children[parent].push(b);
                }
            }
        }
        // Children come after their dominators in order.
        tree.sort_unstable();
        for &b in tree.iter().rev() {
            let below: f64 = self.children[b].iter().map(|&child| self.cost[child]).sum();
            let below = if demanding.binary_search(&b).is_ok() { f64::INFINITY } else { below };
            let may_store = b == home || in_register(b);
            self.cost[b] = if may_store { below.min(frequency(b)) } else { below };
        }
        let mut chosen = vec![];
        let mut work = vec![home];
        while let Some(b) = work.pop() {
            let below: f64 = self.children[b].iter().map(|&child| self.cost[child]).sum();
            let demanded = demanding.binary_search(&b).is_ok();
            if (b == home || in_register(b)) && (demanded || frequency(b) < below) {
                chosen.push(b);
            } else {
                work.extend_from_slice(&self.children[b]);
            }
        }
        for b in tree {
            self.seen[b] = false;
            self.children[b].clear();
        }
        chosen.sort_unstable();
        chosen
    }
}
