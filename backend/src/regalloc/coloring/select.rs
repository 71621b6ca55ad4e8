//! Simplify and select: nodes with fewer neighbours than registers leave the graph first, for they
//! find a register whatever the rest gets. When none is left, the node that is cheapest to spill
//! for its degree leaves in the hope that its neighbours will share. Colours are then given in
//! reverse.

use core::cmp::Ordering;
use regalloc2::{MachineEnv, PReg, PRegSet, VReg};
use std::collections::BinaryHeap;

use super::interference::{Interference, Node};
use crate::regalloc::CLASSES;
use crate::regalloc::points::{RegMask, mask_of};

/// A register for each value, or the values that are left without.
pub(super) fn color(graph: Interference, env: &MachineEnv) -> Result<Vec<Option<PReg>>, Vec<VReg>> {
    let count = graph.nodes.len();
    let neighbors = Neighbors::new(count, &graph.edges);
    drop(graph.edges);
    let friends = Neighbors::new(count, &graph.friends);
    let allocatable = mask_of(PRegSet::from(env));
    let order = simplify(&graph.nodes, &neighbors, &allocatable);

    let orders = CLASSES.map(|class| {
        let preferred = env.preferred_regs_by_class[class as usize].into_iter();
        preferred.chain(env.non_preferred_regs_by_class[class as usize]).collect::<Vec<_>>()
    });
    let mut colors: Vec<Option<PReg>> = vec![None; count];
    let mut uncolored = vec![];
    for &(number, vreg) in order.iter().rev() {
        let node = &graph.nodes[number as usize];
        let class = vreg.class() as usize;
        let taken = |others: &[u32]| {
            let colors = others.iter().filter_map(|&other| colors[other as usize]);
            colors.fold(0, |mask: RegMask, preg| mask | 1 << preg.hw_enc())
        };
        let open = allocatable[class] & !node.forbidden & !taken(neighbors.of(number));
        let friendly = open & taken(friends.of(number));
        // What a friend has and a fixed operand wants; what one of them has; anything.
        let wanted = [friendly & node.wishes, friendly, open & node.wishes, open];
        let choice = wanted.into_iter().find(|&mask| mask != 0).unwrap_or(0);
        let color = orders[class].iter().copied().find(|preg| choice >> preg.hw_enc() & 1 != 0);
        colors[number as usize] = color;
        if color.is_none() {
            uncolored.push(vreg);
        }
    }
    if uncolored.is_empty() {
        return Ok(colors);
    }
    uncolored.sort_unstable_by_key(|vreg| vreg.vreg());
    Err(uncolored)
}

/// A node that may have to be spilled.
#[derive(PartialEq)]
struct Candidate {
    /// Spill weight for each neighbour that would be relieved: the smaller the better.
    price: f64,
    degree: u32,
    number: u32,
}

impl Eq for Candidate {}

impl Ord for Candidate {
    /// The cheapest is the greatest, for `BinaryHeap`.
    fn cmp(&self, other: &Candidate) -> Ordering {
        other.price.total_cmp(&self.price).then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The nodes in the order in which they leave the graph.
fn simplify(nodes: &[Node], neighbors: &Neighbors, allocatable: &[RegMask; 3]) -> Vec<(u32, VReg)> {
    let mut degrees: Vec<u32> =
        (0..nodes.len() as u32).map(|number| neighbors.of(number).len() as u32).collect();
    let registers: Vec<u32> = nodes
        .iter()
        .map(|node| {
            let class = node.vreg.map_or(0, |vreg| vreg.class() as usize);
            (allocatable[class] & !node.forbidden).count_ones()
        })
        .collect();
    let candidate = |number: u32, degree: u32| {
        let price = nodes[number as usize].weight / f64::from(degree.max(1));
        Candidate { price, degree, number }
    };

    let mut gone = vec![false; nodes.len()];
    let mut order = vec![];
    let mut easy = vec![];
    let mut hard = BinaryHeap::new();
    for number in 0..nodes.len() as u32 {
        if degrees[number as usize] < registers[number as usize] {
            easy.push(number);
        } else {
            hard.push(candidate(number, degrees[number as usize]));
        }
    }
    loop {
        let number = match easy.pop() {
            Some(number) => number,
            None => match hard.pop() {
                Some(cheapest) => {
                    let degree = degrees[cheapest.number as usize];
                    if !gone[cheapest.number as usize] && degree != cheapest.degree {
                        hard.push(candidate(cheapest.number, degree));
                        continue;
                    }
                    cheapest.number
                }
                None => return order,
            },
        };
        if gone[number as usize] {
            continue;
        }
        gone[number as usize] = true;
        if let Some(vreg) = nodes[number as usize].vreg {
            order.push((number, vreg));
        }
        for &other in neighbors.of(number) {
            let other = other as usize;
            degrees[other] = degrees[other].saturating_sub(1);
            if degrees[other] + 1 == registers[other] && !gone[other] {
                easy.push(other as u32);
            }
        }
    }
}

/// An undirected graph, by node.
struct Neighbors {
    lists: Vec<u32>,
    offsets: Vec<u32>,
}

impl Neighbors {
    fn new(nodes: usize, edges: &[(u32, u32)]) -> Neighbors {
        let mut offsets = vec![0; nodes + 1];
        for &(a, b) in edges {
            offsets[a as usize + 1] += 1;
            offsets[b as usize + 1] += 1;
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        let mut next = offsets.clone();
        let mut lists = vec![0; edges.len() * 2];
        for (a, b) in edges.iter().flat_map(|&(a, b)| [(a, b), (b, a)]) {
            lists[next[a as usize] as usize] = b;
            next[a as usize] += 1;
        }
        Neighbors { lists, offsets }
    }

    fn of(&self, node: u32) -> &[u32] {
        let node = node as usize;
        &self.lists[self.offsets[node] as usize..self.offsets[node + 1] as usize]
    }
}
