//! Iterated register coalescing: simplify, coalesce, freeze, spill, and select in reverse.
//!
//! After George and Appel ("Iterated Register Coalescing", TOPLAS 1996), with Briggs's optimistic
//! selection. Precoloured registers are no nodes: what interferes with one carries it in its mask of
//! forbidden registers, so that nodes differ in how many colours they may have, and a node that is
//! coalesced with a register becomes a forbidden register of its neighbours. Moves are tried in the
//! order of their weight.
//!
//! Input: an interference graph. Output: a colour for each node, or none for those that found none
//! left. Time is near-linear in the size of the graph where degrees are bounded.

use core::cmp::Ordering;
use regalloc2::{MachineEnv, PReg, PRegSet};
use std::collections::BinaryHeap;

use super::interference::{Interference, Node};
use super::select;
use crate::regalloc::cfg::find;
use crate::regalloc::points::{RegMask, mask_of};

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the graph.
    Active,
    /// Out of it, waiting for a colour.
    Stacked,
    /// Part of another node.
    Merged,
    /// Part of a register.
    Fixed(PReg),
    /// Never live.
    Absent,
}

/// What a move connects a node with.
#[derive(Clone, Copy)]
enum Other {
    Node(u32),
    Register(PReg),
}

#[derive(Clone, Copy)]
struct Move {
    node: u32,
    other: Other,
    weight: f64,
    /// Still hoped for.
    open: bool,
    /// In the queue.
    queued: bool,
}

/// An entry of a queue: the greatest key first, then the smallest number.
#[derive(PartialEq)]
struct Entry {
    key: f64,
    number: u32,
}

impl Eq for Entry {}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        self.key.total_cmp(&other.key).then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The colour of each node.
pub(in crate::regalloc) fn color(graph: &Interference, env: &MachineEnv) -> Vec<Option<PReg>> {
    Coalesced::new(graph, env).select(graph, env)
}

/// What becomes of a graph before its nodes get colours.
pub(in crate::regalloc) struct Coalesced {
    /// Nodes in the order in which they choose.
    order: Vec<u32>,
    /// Nodes that are to have one colour, as a forest.
    alias: Vec<u32>,
    /// Colours that are settled.
    fixed: Vec<Option<PReg>>,
}

impl Coalesced {
    pub fn new(graph: &Interference, env: &MachineEnv) -> Self {
        let mut work = Work::new(graph, mask_of(PRegSet::from(env)));
        work.run();
        work.stack.reverse();
        let fixed = work.states.iter().map(|state| match state {
            State::Fixed(preg) => Some(*preg),
            _ => None,
        });
        Coalesced { fixed: fixed.collect(), order: work.stack, alias: work.alias }
    }

    /// The colour of each node of the same graph, what `env` prefers first. It has the registers that
    /// the graph was coalesced for.
    pub fn select(&mut self, graph: &Interference, env: &MachineEnv) -> Vec<Option<PReg>> {
        select::select(graph, env, &self.order, &mut self.alias, &self.fixed)
    }
}

struct Work<'a> {
    nodes: &'a [Node],
    allocatable: [RegMask; 3],
    /// All that are active, and some that were.
    neighbors: Vec<Vec<u32>>,
    /// The neighbours of `marked` bear the last mark.
    marks: Vec<u32>,
    last_mark: u32,
    marked: Option<u32>,
    degrees: Vec<u32>,
    forbidden: Vec<RegMask>,
    weights: Vec<f64>,
    states: Vec<State>,
    alias: Vec<u32>,
    moves: Vec<Move>,
    /// All that are open, and some that were.
    moves_of: Vec<Vec<u32>>,
    stack: Vec<u32>,
    to_simplify: Vec<u32>,
    to_coalesce: BinaryHeap<Entry>,
    to_freeze: BinaryHeap<Entry>,
    to_spill: BinaryHeap<Entry>,
}

impl<'a> Work<'a> {
    fn new(graph: &'a Interference, allocatable: [RegMask; 3]) -> Self {
        let count = graph.nodes.len();
        let state = |node: &Node| if node.vreg.is_some() { State::Active } else { State::Absent };
        let mut work = Work {
            nodes: &graph.nodes,
            allocatable,
            neighbors: vec![],
            marks: vec![0; count],
            last_mark: 0,
            marked: None,
            degrees: vec![0; count],
            forbidden: graph.nodes.iter().map(|node| node.forbidden).collect(),
            weights: graph.nodes.iter().map(|node| node.weight).collect(),
            states: graph.nodes.iter().map(state).collect(),
            alias: (0..count as u32).collect(),
            moves: vec![],
            moves_of: vec![vec![]; count],
            stack: vec![],
            to_simplify: vec![],
            to_coalesce: BinaryHeap::new(),
            to_freeze: BinaryHeap::new(),
            to_spill: BinaryHeap::new(),
        };
        for &(a, b) in &graph.edges {
            work.degrees[a as usize] += 1;
            work.degrees[b as usize] += 1;
        }
        let room = work.degrees.iter().map(|&degree| Vec::with_capacity(degree as usize));
        work.neighbors = room.collect();
        for &(a, b) in &graph.edges {
            work.neighbors[a as usize].push(b);
            work.neighbors[b as usize].push(a);
        }
        for &(a, b, weight) in graph.friends.iter().filter(|(a, b, _)| a != b) {
            work.add_move(a, Other::Node(b), weight);
        }
        for &(node, preg, weight) in &graph.wishes {
            work.add_move(node, Other::Register(preg), weight);
        }
        work
    }

    /// Adds an edge that is not there yet.
    fn connect(&mut self, a: u32, b: u32) {
        self.neighbors[a as usize].push(b);
        self.neighbors[b as usize].push(a);
        self.degrees[a as usize] += 1;
        self.degrees[b as usize] += 1;
        for (node, other) in [(a, b), (b, a)] {
            if self.marked == Some(node) {
                self.marks[other as usize] = self.last_mark;
            }
        }
    }

    /// Marks the active neighbours of a node, and returns the mark.
    fn mark_neighbors(&mut self, node: u32) -> u32 {
        if self.marked == Some(node) {
            return self.last_mark;
        }
        self.marked = Some(node);
        self.last_mark += 1;
        self.neighbors[node as usize].retain(|&other| {
            self.marks[other as usize] = self.last_mark;
            self.states[other as usize] == State::Active
        });
        self.last_mark
    }

    fn add_move(&mut self, node: u32, other: Other, weight: f64) {
        let number = self.moves.len() as u32;
        self.moves.push(Move { node, other, weight, open: true, queued: true });
        self.to_coalesce.push(Entry { key: weight, number });
        self.moves_of[node as usize].push(number);
        if let Other::Node(other) = other {
            self.moves_of[other as usize].push(number);
        }
    }

    fn run(&mut self) {
        for node in 0..self.nodes.len() as u32 {
            self.file(node);
        }
        loop {
            if let Some(node) = self.to_simplify.pop() {
                if self.is_active(node) && !self.is_significant(node) && !self.has_moves(node) {
                    self.take_out(node);
                }
            } else if let Some(Entry { number, .. }) = self.to_coalesce.pop() {
                self.coalesce(number);
            } else if let Some(Entry { number: node, .. }) = self.to_freeze.pop() {
                if self.is_active(node) && !self.is_significant(node) {
                    self.freeze(node);
                    self.to_simplify.push(node);
                }
            } else if let Some(Entry { key, number: node }) = self.to_spill.pop() {
                if !self.is_active(node) {
                    continue;
                }
                let now = self.price(node);
                if now == key {
                    self.freeze(node);
                    self.take_out(node);
                } else {
                    self.to_spill.push(Entry { key: now, number: node });
                }
            } else {
                return;
            }
        }
    }

    fn is_active(&self, node: u32) -> bool {
        self.states[node as usize] == State::Active
    }

    fn colors(&self, node: u32) -> u32 {
        let class = self.nodes[node as usize].vreg.map_or(0, |vreg| vreg.class() as usize);
        (self.allocatable[class] & !self.forbidden[node as usize]).count_ones()
    }

    /// Whether the neighbours may take all colours.
    fn is_significant(&self, node: u32) -> bool {
        self.degrees[node as usize] >= self.colors(node)
    }

    /// Whether a node has open moves.
    fn has_moves(&mut self, node: u32) -> bool {
        let moves = &mut self.moves_of[node as usize];
        while moves.pop_if(|m| !self.moves[*m as usize].open).is_some() {}
        !moves.is_empty()
    }

    /// The open moves of a node, by number.
    fn open_moves(&mut self, node: u32) -> Vec<u32> {
        let moves = &mut self.moves_of[node as usize];
        moves.retain(|&m| self.moves[m as usize].open);
        moves.clone()
    }

    /// The smaller the spill weight for each neighbour that would be relieved, the greater.
    fn price(&self, node: u32) -> f64 {
        -(self.weights[node as usize] / f64::from(self.degrees[node as usize].max(1)))
    }

    /// Puts a node into the queue where it belongs.
    fn file(&mut self, node: u32) {
        if !self.is_active(node) {
            return;
        }
        if self.is_significant(node) {
            self.to_spill.push(Entry { key: self.price(node), number: node });
        } else if self.has_moves(node) {
            let moves = self.open_moves(node).into_iter();
            let weight: f64 = moves.map(|m| self.moves[m as usize].weight).sum();
            self.to_freeze.push(Entry { key: -weight, number: node });
        } else {
            self.to_simplify.push(node);
        }
    }

    fn active_neighbors(&self, node: u32) -> impl Iterator<Item = u32> {
        self.neighbors[node as usize].iter().copied().filter(|&other| self.is_active(other))
    }

    fn take_out(&mut self, node: u32) {
        self.states[node as usize] = State::Stacked;
        self.stack.push(node);
        let neighbors: Vec<u32> = self.active_neighbors(node).collect();
        for other in neighbors {
            self.lower_degree(other);
        }
    }

    fn lower_degree(&mut self, node: u32) {
        let before = self.is_significant(node);
        self.degrees[node as usize] -= 1;
        if before && !self.is_significant(node) {
            self.became_easy(node);
        }
    }

    fn became_easy(&mut self, node: u32) {
        let around: Vec<u32> = self.active_neighbors(node).chain([node]).collect();
        around.into_iter().for_each(|node| self.reopen(node));
        self.file(node);
    }

    fn freeze(&mut self, node: u32) {
        for number in self.open_moves(node) {
            // A move between merged nodes is named twice.
            if self.moves[number as usize].open {
                self.close(number);
            }
        }
    }

    /// Gives a move up, or settles it; its nodes may now be simplified.
    fn close(&mut self, number: u32) {
        let m = &mut self.moves[number as usize];
        m.open = false;
        let Move { node, other, .. } = *m;
        let others = if let Other::Node(other) = other { Some(other) } else { None };
        for node in [Some(node), others].into_iter().flatten() {
            let node = find(&mut self.alias, node);
            if self.is_active(node) && !self.is_significant(node) && !self.has_moves(node) {
                self.to_simplify.push(node);
            }
        }
    }

    fn coalesce(&mut self, number: u32) {
        let m = &mut self.moves[number as usize];
        m.queued = false;
        if !m.open {
            return;
        }
        let Move { node, other, .. } = *m;
        let node = find(&mut self.alias, node);
        let other = match other {
            Other::Register(preg) => Other::Register(preg),
            Other::Node(other) => {
                let other = find(&mut self.alias, other);
                match self.states[other as usize] {
                    State::Fixed(preg) => Other::Register(preg),
                    _ => Other::Node(other),
                }
            }
        };
        match (self.states[node as usize], other) {
            (State::Fixed(preg), Other::Node(other)) => self.try_fix(number, other, preg),
            (State::Active, Other::Register(preg)) => self.try_fix(number, node, preg),
            (State::Active, Other::Node(other)) => self.try_merge(number, node, other),
            _ => self.close(number),
        }
    }

    fn try_fix(&mut self, number: u32, node: u32, preg: PReg) {
        let bit: RegMask = 1 << preg.hw_enc();
        let class = preg.class() as usize;
        if !self.is_active(node)
            || self.forbidden[node as usize] & bit != 0
            || self.allocatable[class] & bit == 0
        {
            return self.close(number);
        }
        // George's test.
        let safe = self
            .active_neighbors(node)
            .all(|t| self.forbidden[t as usize] & bit != 0 || !self.is_significant(t));
        if !safe {
            return;
        }
        self.states[node as usize] = State::Fixed(preg);
        let neighbors: Vec<u32> = self.active_neighbors(node).collect();
        for t in neighbors {
            let before = self.is_significant(t);
            self.degrees[t as usize] -= 1;
            self.forbidden[t as usize] |= bit;
            if before && !self.is_significant(t) {
                self.became_easy(t);
            }
        }
        self.close(number);
        self.reopen(node);
    }

    /// Has another look at the moves of a node that has changed.
    fn reopen(&mut self, node: u32) {
        for number in self.open_moves(node) {
            let m = &mut self.moves[number as usize];
            if !m.queued {
                m.queued = true;
                self.to_coalesce.push(Entry { key: m.weight, number });
            }
        }
    }

    fn try_merge(&mut self, number: u32, a: u32, b: u32) {
        if a == b || !self.is_active(b) {
            return self.close(number);
        }
        let count = |node: u32| self.neighbors[node as usize].len();
        let (hub, other) = if count(a) < count(b) { (b, a) } else { (a, b) };
        let of_hub = self.mark_neighbors(hub);
        if self.marks[other as usize] == of_hub {
            return self.close(number);
        }
        if !self.is_safe(hub, other, of_hub) {
            return;
        }
        let of_a = self.mark_neighbors(a);
        self.states[b as usize] = State::Merged;
        self.alias[b as usize] = a;
        self.forbidden[a as usize] |= self.forbidden[b as usize];
        self.weights[a as usize] += self.weights[b as usize];
        let moves = core::mem::take(&mut self.moves_of[b as usize]);
        self.moves_of[a as usize].extend(moves);
        let neighbors: Vec<u32> = self.active_neighbors(b).collect();
        for t in neighbors {
            // t loses b and may gain a.
            if self.marks[t as usize] == of_a {
                self.lower_degree(t);
            } else {
                self.connect(t, a);
                self.degrees[t as usize] -= 1;
            }
        }
        self.close(number);
        self.file(a);
    }

    /// Briggs's test, or George's where one node may have all colours of the other. The neighbours of
    /// `a` are marked: of these, which may be many, only as many are looked at as decide.
    fn is_safe(&self, a: u32, b: u32, of_a: u32) -> bool {
        let (fa, fb) = (self.forbidden[a as usize], self.forbidden[b as usize]);
        let class = self.nodes[a as usize].vreg.map_or(0, |vreg| vreg.class() as usize);
        let colors = (self.allocatable[class] & !(fa | fb)).count_ones();
        if colors == 0 {
            return false;
        }
        // Significant neighbours: of both nodes, and of these those that would stay so; of one only.
        let (mut of_both, mut staying, mut only_b) = (0, 0, 0);
        for t in self.active_neighbors(b) {
            let significant = u32::from(self.is_significant(t));
            if self.marks[t as usize] == of_a {
                of_both += significant;
                staying += u32::from(self.degrees[t as usize] > self.colors(t));
            } else {
                only_b += significant;
            }
        }
        if fb & !fa == 0 && only_b == 0 {
            return true;
        }
        let mut all_of_a = 0;
        for t in self.active_neighbors(a) {
            all_of_a += u32::from(self.is_significant(t));
            if all_of_a > of_both && all_of_a - of_both + staying + only_b >= colors {
                return false;
            }
        }
        let only_a = all_of_a - of_both;
        fa & !fb == 0 && only_a == 0 || only_a + staying + only_b < colors
    }
}
