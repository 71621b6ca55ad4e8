//! Colours in reverse of the order in which nodes left the graph, and afterwards better ones.
//!
//! A node takes the colour that saves it and its neighbours most moves. When all have theirs, the
//! colours of a chain of nodes are exchanged (Kempe's chains) where that saves more moves than it
//! costs: coalescing was conservative, and selection saw one node at a time. After Hack and Grund
//! ("Copy Coalescing by Graph Recoloring", PLDI 2008).

use regalloc2::{MachineEnv, PReg, PRegSet};

use super::interference::Interference;
use crate::regalloc::CLASSES;
use crate::regalloc::cfg::find;
use crate::regalloc::lists::Lists;
use crate::regalloc::points::{RegMask, mask_of};

/// The most nodes whose colours are exchanged at once.
const MAX_CHAIN: usize = 40;
const MAX_ROUNDS: usize = 4;

/// Colours nodes in `order`, all of an alias alike. `fixed` are those whose colour is known.
pub(super) fn select(
    graph: &Interference,
    env: &MachineEnv,
    order: &[u32],
    alias: &mut [u32],
    fixed: &[Option<PReg>],
) -> Vec<Option<PReg>> {
    let count = graph.nodes.len();
    let roots: Vec<u32> = (0..count as u32).map(|node| find(alias, node)).collect();
    let members = Lists::new(count, roots.iter().copied().zip(0..));
    let mut colors = Colors::new(graph, env);
    for (root, fixed) in (0..).zip(fixed).filter(|(_, fixed)| fixed.is_some()) {
        members.of(root).iter().for_each(|&node| colors.set(node, *fixed));
    }
    for &root in order {
        let color = colors.best(members.of(root));
        members.of(root).iter().for_each(|&node| colors.set(node, color));
    }
    // What found no colour together may find one apart.
    for node in 0..count as u32 {
        if colors.of[node as usize].is_none() && graph.nodes[node as usize].vreg.is_some() {
            let color = colors.best(&[node]);
            colors.set(node, color);
        }
    }
    colors.improve();
    colors.of
}

struct Colors<'a> {
    graph: &'a Interference,
    allocatable: [RegMask; 3],
    /// Registers in order of preference.
    orders: [Vec<PReg>; 3],
    neighbors: Lists<u32>,
    friends: Lists<(u32, f64)>,
    wishes: Lists<(PReg, f64)>,
    of: Vec<Option<PReg>>,
}

impl<'a> Colors<'a> {
    fn new(graph: &'a Interference, env: &MachineEnv) -> Self {
        let count = graph.nodes.len();
        let neighbors = graph.edges.iter().flat_map(|&(a, b)| [(a, b), (b, a)]);
        let friends = graph.friends.iter();
        let friends = friends.flat_map(|&(a, b, weight)| [(a, (b, weight)), (b, (a, weight))]);
        let wishes = graph.wishes.iter().map(|&(node, preg, weight)| (node, (preg, weight)));
        Colors {
            graph,
            allocatable: mask_of(PRegSet::from(env)),
            orders: CLASSES.map(|class| {
                let preferred = env.preferred_regs_by_class[class as usize].into_iter();
                preferred.chain(env.non_preferred_regs_by_class[class as usize]).collect()
            }),
            neighbors: Lists::new(count, neighbors),
            friends: Lists::new(count, friends),
            wishes: Lists::new(count, wishes),
            of: vec![None; count],
        }
    }

    fn set(&mut self, node: u32, color: Option<PReg>) {
        self.of[node as usize] = color;
    }

    /// Registers open to a node, given its neighbours' colours.
    fn open(&self, node: u32) -> RegMask {
        let Some(vreg) = self.graph.nodes[node as usize].vreg else { return RegMask::MAX };
        let colors = self.neighbors.of(node).iter().filter_map(|&n| self.of[n as usize]);
        let taken = colors.fold(0, |mask: RegMask, preg| mask | 1 << preg.hw_enc());
        self.allocatable[vreg.class() as usize]
            & !self.graph.nodes[node as usize].forbidden
            & !taken
    }

    /// The colour for all of `members` that saves the most moves.
    fn best(&self, members: &[u32]) -> Option<PReg> {
        let open = members.iter().fold(RegMask::MAX, |mask, &node| mask & self.open(node));
        let vreg = members.iter().find_map(|&node| self.graph.nodes[node as usize].vreg)?;
        let mut score = [0.0; RegMask::BITS as usize];
        for &node in members {
            for &(preg, weight) in self.wishes.of(node) {
                score[preg.hw_enc()] += weight;
            }
            for &(friend, weight) in self.friends.of(node) {
                match self.of[friend as usize] {
                    Some(preg) => score[preg.hw_enc()] += weight,
                    None => self.look_ahead(friend, weight, &mut score),
                }
            }
            for &neighbor in self.neighbors.of(node) {
                if self.of[neighbor as usize].is_none() {
                    for &(preg, weight) in self.wishes.of(neighbor) {
                        score[preg.hw_enc()] -= weight;
                    }
                }
            }
        }
        let order = self.orders[vreg.class() as usize].iter().enumerate();
        let candidates = order.filter(|(_, preg)| open >> preg.hw_enc() & 1 != 0);
        let better = |&(i, a): &(usize, &PReg), &(j, b): &(usize, &PReg)| {
            score[a.hw_enc()].total_cmp(&score[b.hw_enc()]).then(j.cmp(&i))
        };
        candidates.max_by(better).map(|(_, &preg)| preg)
    }

    /// Counts what a friend without a colour yet may and would like to have.
    fn look_ahead(&self, friend: u32, weight: f64, score: &mut [f64]) {
        let forbidden = self.graph.nodes[friend as usize].forbidden;
        for (n, score) in score.iter_mut().enumerate() {
            *score -= if forbidden >> n & 1 != 0 { weight } else { 0.0 };
        }
        for &(preg, wish) in self.wishes.of(friend) {
            score[preg.hw_enc()] += wish.min(weight) / 2.0;
        }
    }

    /// Exchanges colours along chains while that saves moves.
    fn improve(&mut self) {
        let mut wanted: Vec<(u32, Option<u32>, Option<PReg>, f64)> = vec![];
        for &(a, b, weight) in self.graph.friends.iter().filter(|(a, b, _)| a != b) {
            wanted.extend([(a, Some(b), None, weight), (b, Some(a), None, weight)]);
        }
        let wishes = self.graph.wishes.iter();
        wanted.extend(wishes.map(|&(n, preg, weight)| (n, None, Some(preg), weight)));
        wanted.sort_by(|a, b| b.3.total_cmp(&a.3).then(a.0.cmp(&b.0)));
        for _ in 0..MAX_ROUNDS {
            let mut changed = false;
            for &(node, friend, preg, _) in &wanted {
                let target = preg.or_else(|| friend.and_then(|f| self.of[f as usize]));
                if let (Some(from), Some(to)) = (self.of[node as usize], target)
                    && from != to
                    && self.allocatable[to.class() as usize] >> to.hw_enc() & 1 != 0
                {
                    changed |= self.exchange(node, from, to);
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// Exchanges two colours in the part around `node` that has only them, if that saves moves.
    fn exchange(&mut self, node: u32, from: PReg, to: PReg) -> bool {
        let mut chain = vec![node];
        let mut next = 0;
        let mut gain = 0.0;
        while let Some(&node) = chain.get(next) {
            next += 1;
            let old = self.of[node as usize];
            let new = if old == Some(from) { to } else { from };
            if self.graph.nodes[node as usize].forbidden >> new.hw_enc() & 1 != 0 {
                return false;
            }
            for &neighbor in self.neighbors.of(node) {
                if self.of[neighbor as usize] == Some(new) && !chain.contains(&neighbor) {
                    chain.push(neighbor);
                }
            }
            if chain.len() > MAX_CHAIN {
                return false;
            }
        }
        let swapped = |color: Option<PReg>| match color {
            Some(c) if c == from => Some(to),
            Some(c) if c == to => Some(from),
            other => other,
        };
        for &node in &chain {
            let old = self.of[node as usize];
            let new = swapped(old);
            for &(preg, weight) in self.wishes.of(node) {
                gain += weight * (f64::from(new == Some(preg)) - f64::from(old == Some(preg)));
            }
            for &(friend, weight) in self.friends.of(node) {
                let (before, inside) = (self.of[friend as usize], chain.contains(&friend));
                // A pair inside of the chain keeps its difference.
                if !inside {
                    gain += weight * (f64::from(new == before) - f64::from(old == before));
                }
            }
        }
        if gain <= 1e-9 {
            return false;
        }
        for &node in &chain {
            self.of[node as usize] = swapped(self.of[node as usize]);
        }
        true
    }
}
