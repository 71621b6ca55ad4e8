//! Registers that values would best have: a colouring of their stays in registers.
//!
//! A *web* is what may keep one register without a move: the pieces of a value that meet on edges.
//! Webs are the nodes of an interference graph like values are in [`coloring`]; since residences
//! fit, few find no colour, and each node has few neighbours.

use regalloc2::{Block, PReg, VReg};

use crate::regalloc::cfg::find;
use crate::regalloc::coloring::interference::Interference;
use crate::regalloc::points::View;
use crate::regalloc::residence::{Residence, Step, Walker, edge_args, edge_point};
use crate::regalloc::{AllocProblem, blocks};

const NONE: u32 = u32::MAX;

/// For each piece, in the order of [`Walker`].
pub(in crate::regalloc) struct Webs {
    pub web_of: Vec<u32>,
    pub graph: Interference,
}

impl Webs {
    pub fn new<P: AllocProblem>(problem: &P, residence: &Residence) -> Webs {
        let mut graph = Interference::new(0);
        let mut walker = Walker::new(problem, residence);
        // Pieces where each block begins and ends, in the order of the residence.
        let mut entries: Vec<Vec<u32>> = vec![];
        let mut exits: Vec<Vec<u32>> = vec![];
        for block in blocks(problem) {
            walker.enter(block);
            let entry = residence.entry[block.index()].iter();
            entries.push(entry.map(|&vreg| walker.piece(vreg)).collect());
            let frequency = problem.block_frequency(block);
            for inst in problem.block_insns(block).iter() {
                add_step(&mut graph, &walker.step(inst), frequency);
            }
            let exit = residence.exit[block.index()].iter();
            exits.push(exit.map(|&vreg| walker.piece(vreg)).collect());
        }
        let count = walker.num_pieces();
        graph.nodes.resize(count, Default::default());
        let parents = (0..count as u32).collect();
        let at_exit = vec![NONE; problem.num_vregs()];
        let mut edges = Edges { problem, residence, entries, exits, parents, at_exit };
        for block in blocks(problem) {
            edges.add_entry(&mut graph, block);
            edges.join(&mut graph, block);
        }
        Webs { web_of: merge(&mut graph, &mut edges.parents), graph }
    }

    /// The colour of each piece, given those of webs.
    pub fn of_pieces(&self, colors: &[Option<PReg>]) -> Vec<Option<PReg>> {
        self.web_of.iter().map(|&web| colors[web as usize]).collect()
    }
}

fn add_step(graph: &mut Interference, step: &Step<'_>, frequency: f64) {
    let view = &step.view;
    let newest = view.roles.iter().map(|role| step.pieces[role.vreg.vreg()]);
    let newest = newest.chain(view.live_after.iter().map(|v| step.pieces[v.vreg()])).max();
    let needed = newest.map_or(0, |piece| piece as usize + 1).max(graph.nodes.len());
    graph.nodes.resize(needed, Default::default());
    graph.add_inst(view, frequency, step.pieces);
    for &(_, vreg) in step.reloads {
        let own = view.role(vreg).is_none_or(|role| role.needs_own(view));
        if own {
            for other in beside_load(view, vreg) {
                graph.edges.push((step.pieces[vreg.vreg()], step.pieces[other.vreg()]));
            }
        }
    }
}

/// Values that keep their registers while `vreg` is loaded for the instruction.
fn beside_load<'a>(view: &'a View<'_>, vreg: VReg) -> impl Iterator<Item = VReg> + use<'a> {
    let lives_on = view.live_after.contains(vreg);
    let through = view.live_after.iter().filter(move |&v| view.role(v).is_none());
    let used = view.roles.iter().filter(move |role| {
        let behind = lives_on && view.live_after.contains(role.vreg);
        !role.is_def && (role.needs_own(view) || behind)
    });
    let all = through.chain(used.map(|role| role.vreg));
    all.filter(move |&other| other != vreg && other.class() == vreg.class())
}

/// What happens to pieces between blocks.
struct Edges<'a, P> {
    problem: &'a P,
    residence: &'a Residence,
    entries: Vec<Vec<u32>>,
    exits: Vec<Vec<u32>>,
    parents: Vec<u32>,
    /// The piece of each value that is in a register where the block at hand ends.
    at_exit: Vec<u32>,
}

impl<P: AllocProblem> Edges<'_, P> {
    /// What arrives in a block as a parameter, or loaded on an edge, interferes with what the block
    /// begins with. All else has met before.
    fn add_entry(&mut self, graph: &mut Interference, block: Block) {
        let vregs = &self.residence.entry[block.index()];
        let params = self.problem.block_params(block);
        let preds = self.problem.block_preds(block);
        let mut new = vec![false; vregs.len()];
        for &pred in preds {
            self.mark(pred);
            for (new, vreg) in new.iter_mut().zip(vregs) {
                *new |= self.at_exit[vreg.vreg()] == NONE || params.contains(vreg);
            }
            self.unmark(pred);
        }
        let pieces = &self.entries[block.index()];
        for (i, (&piece, &vreg)) in pieces.iter().zip(vregs).enumerate() {
            graph.nodes[piece as usize].vreg = Some(vreg);
            let others = pieces.iter().zip(vregs).enumerate().filter(|&(j, (_, other))| {
                new[i] && (!new[j] || j < i) && other.class() == vreg.class()
            });
            graph.edges.extend(others.map(|(_, (&other, _))| (piece, other)));
        }
    }

    fn mark(&mut self, block: Block) {
        let exit = self.residence.exit[block.index()].iter().zip(&self.exits[block.index()]);
        exit.for_each(|(vreg, &piece)| self.at_exit[vreg.vreg()] = piece);
    }

    fn unmark(&mut self, block: Block) {
        let exit = self.residence.exit[block.index()].iter();
        exit.for_each(|vreg| self.at_exit[vreg.vreg()] = NONE);
    }

    /// Joins pieces along the edges that leave a block.
    fn join(&mut self, graph: &mut Interference, block: Block) {
        self.mark(block);
        for (i, &succ) in self.problem.block_succs(block).iter().enumerate() {
            let vregs = &self.residence.entry[succ.index()];
            let entry = vregs.iter().zip(&self.entries[succ.index()]);
            let params = self.problem.block_params(succ);
            for (vreg, &piece) in entry.clone().filter(|(vreg, _)| !params.contains(vreg)) {
                let other = self.at_exit[vreg.vreg()];
                if other != NONE {
                    let (a, b) = (find(&mut self.parents, piece), find(&mut self.parents, other));
                    self.parents[a.max(b) as usize] = a.min(b);
                }
            }
            let frequency = self.problem.block_frequency(edge_point(self.problem, block, succ).0);
            for (arg, param) in edge_args(self.problem, block, i) {
                let from = self.at_exit[arg.vreg()];
                let to = entry.clone().find(|(vreg, _)| **vreg == param).map(|(_, &piece)| piece);
                for piece in [to, (from != NONE).then_some(from)].into_iter().flatten() {
                    graph.nodes[piece as usize].weight += frequency;
                }
                if let Some(to) = to.filter(|_| from != NONE) {
                    graph.friends.push((from, to, frequency));
                }
            }
        }
        self.unmark(block);
    }
}

/// Makes nodes of pieces nodes of webs.
fn merge(graph: &mut Interference, parents: &mut [u32]) -> Vec<u32> {
    let web_of: Vec<u32> = (0..parents.len() as u32).map(|piece| find(parents, piece)).collect();
    for (piece, &web) in web_of.iter().enumerate() {
        if web as usize != piece {
            let part = core::mem::take(&mut graph.nodes[piece]);
            let whole = &mut graph.nodes[web as usize];
            whole.vreg = whole.vreg.or(part.vreg);
            whole.forbidden |= part.forbidden;
            whole.weight += part.weight;
        }
    }
    let web = |piece: u32| web_of[piece as usize];
    graph.edges.iter_mut().for_each(|(a, b)| (*a, *b) = (web(*a), web(*b)));
    graph.complete_edges();
    graph.friends.iter_mut().for_each(|(a, b, _)| (*a, *b) = (web(*a), web(*b)));
    graph.wishes.iter_mut().for_each(|(node, ..)| *node = web(*node));
    web_of
}
