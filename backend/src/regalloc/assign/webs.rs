//! Registers that values would best have: a colouring of their stays in registers.
//!
//! A *web* is what may keep one register without a move: the pieces of a value that meet on edges.
//! Webs are the nodes of an interference graph like values are in [`coloring`]; since residences
//! fit, few find no colour, and each node has few neighbours.

use regalloc2::{Block, MachineEnv, PReg, VReg};

use crate::regalloc::cfg::find;
use crate::regalloc::coloring::interference::Interference;
use crate::regalloc::coloring::iterated;
use crate::regalloc::points::View;
use crate::regalloc::residence::{Residence, Step, Walker, edge_args, edge_point};
use crate::regalloc::{AllocProblem, blocks};

/// For each piece, in the order of [`Walker`].
pub(in crate::regalloc) struct Webs {
    pub web_of: Vec<u32>,
    pub graph: Interference,
}

impl Webs {
    pub fn new<P: AllocProblem>(problem: &P, residence: &Residence) -> Webs {
        let mut graph = Interference::new(0);
        let mut walker = Walker::new(problem, residence);
        let mut entries: Vec<Vec<u32>> = vec![];
        let mut exits: Vec<Vec<(VReg, u32)>> = vec![];
        for block in blocks(problem) {
            walker.enter(block);
            let entry = &residence.entry[block.index()];
            entries.push(entry.iter().map(|&vreg| walker.piece(vreg)).collect());
            let frequency = problem.block_frequency(block);
            for inst in problem.block_insns(block).iter() {
                let step = walker.step(inst);
                add_step(&mut graph, &step, frequency);
            }
            let exit = residence.exit[block.index()].iter();
            exits.push(exit.map(|&vreg| (vreg, walker.piece(vreg))).collect());
        }
        let count = walker.num_pieces();
        graph.nodes.resize(count, Default::default());
        let mut parents: Vec<u32> = (0..count as u32).collect();
        for block in blocks(problem) {
            add_entry(&mut graph, &residence.entry[block.index()], &entries[block.index()]);
            join(problem, residence, &mut graph, &mut parents, block, &entries, &exits);
        }
        Webs { web_of: merge(&mut graph, &mut parents), graph }
    }

    /// The best register of each piece, if it found one.
    pub fn color(&self, env: &MachineEnv) -> Vec<Option<PReg>> {
        let colors = iterated::color(&self.graph, env);
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

/// What a block begins with interferes.
fn add_entry(graph: &mut Interference, vregs: &[VReg], pieces: &[u32]) {
    for (i, (&piece, &vreg)) in pieces.iter().zip(vregs).enumerate() {
        graph.nodes[piece as usize].vreg = Some(vreg);
        let others = pieces[..i].iter().zip(vregs).filter(|(_, v)| v.class() == vreg.class());
        graph.edges.extend(others.map(|(&other, _)| (piece, other)));
    }
}

/// Joins pieces along the edges that leave a block.
fn join<P: AllocProblem>(
    problem: &P,
    residence: &Residence,
    graph: &mut Interference,
    parents: &mut [u32],
    block: Block,
    entries: &[Vec<u32>],
    exits: &[Vec<(VReg, u32)>],
) {
    let exit = &exits[block.index()];
    let piece_at_exit = |vreg: VReg| exit.iter().find(|(v, _)| *v == vreg).map(|&(_, p)| p);
    for (i, &succ) in problem.block_succs(block).iter().enumerate() {
        let entry = residence.entry[succ.index()].iter().zip(&entries[succ.index()]);
        let params = problem.block_params(succ);
        for (&vreg, &piece) in entry.clone().filter(|(vreg, _)| !params.contains(vreg)) {
            if let Some(other) = piece_at_exit(vreg) {
                let (a, b) = (find(parents, piece), find(parents, other));
                parents[a.max(b) as usize] = a.min(b);
            }
        }
        let frequency = problem.block_frequency(edge_point(problem, block, succ).0);
        for (arg, param) in edge_args(problem, block, i) {
            let target = entry.clone().find(|(vreg, _)| **vreg == param);
            if let (Some((_, &to)), Some(from)) = (target, piece_at_exit(arg)) {
                graph.friends.push((from, to, frequency));
            }
        }
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
    graph
        .edges
        .iter_mut()
        .for_each(|(a, b)| (*a, *b) = (web(*a).min(web(*b)), web(*a).max(web(*b))));
    graph.edges.sort_unstable();
    graph.edges.dedup();
    graph.friends.iter_mut().for_each(|(a, b, _)| (*a, *b) = (web(*a), web(*b)));
    graph.wishes.iter_mut().for_each(|(node, ..)| *node = web(*node));
    web_of
}
