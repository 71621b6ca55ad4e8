//! Colouring, of values and of places. With each register and each slot one node the graph is what an
//! allocator sees that takes places for values.
//!
//! A node is live from any definition to any use of its place, so a register conflicts with every
//! value that it ever held. Registers have no choice but a register; slots may find a colour that
//! no neighbour has.

use regalloc2::{Allocation, MachineEnv, OperandKind, PRegSet, VReg};
use std::collections::{BTreeSet, HashMap, HashSet};

use super::graph::Graph;
use super::names::{Names, Source};
use super::values::Values;
use super::{StreamInst, is_copy};
use crate::regalloc::Problem;
use crate::regalloc::coloring::interference::Interference;
use crate::regalloc::coloring::{MAX_INTERFERENCES, iterated};
use crate::regalloc::liveness::Liveness;
use crate::regalloc::points::mask_of;

/// Values for which no register is left where those that are never in a slot go first; none if they
/// cannot be coloured.
pub(super) fn uncolored_values(
    problem: &Problem,
    env: &MachineEnv,
    held: &HashMap<Allocation, Vec<VReg>>,
) -> Option<HashSet<VReg>> {
    let liveness = Liveness::new(problem);
    let mut graph = Interference::build(problem, &liveness, &mask_of(PRegSet::from(env))).ok()?;
    let spilled: HashSet<usize> = held.values().flatten().map(|vreg| vreg.vreg()).collect();
    for (i, node) in graph.nodes.iter_mut().enumerate() {
        if !spilled.contains(&i) {
            node.weight = f64::MAX;
        }
    }
    let colors = iterated::color(&graph, env);
    let nodes = graph.nodes.iter().zip(colors).filter(|(_, color)| color.is_none());
    Some(nodes.filter_map(|(node, _)| node.vreg).collect())
}

/// Which slots find a register; empty if the graph is too large.
pub(super) fn colored_slots(
    graph: &Graph<'_>,
    names: &Names,
    values: &Values,
    contents: PRegSet,
    env: &MachineEnv,
) -> HashMap<Allocation, bool> {
    let mut nodes = Nodes::new(graph, names, values, contents, env);
    nodes.connect(graph);
    if nodes.edges.len() > MAX_INTERFERENCES {
        return HashMap::new();
    }
    let mut interference = Interference::new(nodes.places.len());
    interference.edges = nodes.edges.iter().copied().collect();
    for (node, &(place, vreg)) in interference.nodes.iter_mut().zip(&nodes.places) {
        node.vreg = Some(vreg);
        node.weight = if place.is_reg() { f64::MAX } else { nodes.traffic[&place] };
    }
    let colors = iterated::color(&interference, env);
    let nodes = nodes.places.iter().zip(colors);
    let slots = nodes.filter(|((place, _), _)| place.is_stack());
    slots.map(|(&(place, _), color)| (place, color.is_some())).collect()
}

struct Nodes {
    places: Vec<(Allocation, VReg)>,
    numbers: HashMap<Allocation, u32>,
    traffic: HashMap<Allocation, f64>,
    edges: BTreeSet<(u32, u32)>,
}

impl Nodes {
    fn new(
        graph: &Graph<'_>,
        names: &Names,
        values: &Values,
        contents: PRegSet,
        env: &MachineEnv,
    ) -> Nodes {
        let mut nodes = Nodes {
            places: vec![],
            numbers: HashMap::new(),
            traffic: HashMap::new(),
            edges: BTreeSet::new(),
        };
        let registers = PRegSet::from(env);
        for (i, name) in names.names.iter().enumerate() {
            let place = names.places[name.place as usize];
            let class = place.as_reg().map_or(values.class(i as u32), |preg| preg.class());
            let counts = match place.as_reg() {
                Some(preg) => contents.contains(preg),
                None => registers.into_iter().any(|preg| preg.class() == class),
            };
            if counts && !nodes.numbers.contains_key(&place) {
                let number = nodes.places.len();
                nodes.numbers.insert(place, number as u32);
                nodes.places.push((place, VReg::new(number, class)));
            }
        }
        for operand in graph.insts().flat_map(|inst| &inst.operands) {
            *nodes.traffic.entry(operand.place).or_default() += 1.0;
        }
        nodes
    }

    fn number(&self, place: Allocation) -> Option<u32> {
        self.numbers.get(&place).copied()
    }

    fn connect(&mut self, graph: &Graph<'_>) {
        let mut live_in: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); graph.blocks.len()];
        let mut changed = true;
        while changed {
            changed = false;
            for (b, block) in graph.blocks.iter().enumerate().rev() {
                let mut live: BTreeSet<u32> =
                    block.succs.iter().flat_map(|succ| &live_in[succ.index()]).copied().collect();
                for inst in block.insts.iter().rev() {
                    self.step(inst, &mut live);
                }
                changed |= live.len() > live_in[b].len();
                live_in[b] = live;
                if self.edges.len() > MAX_INTERFERENCES {
                    return;
                }
            }
        }
        // What the function begins with is there all at once.
        let entry: Vec<u32> = live_in[0].iter().copied().collect();
        for (i, &a) in entry.iter().enumerate() {
            entry[..i].iter().for_each(|&b| self.add_edge(a, b));
        }
    }

    /// From behind an instruction to before it.
    fn step(&mut self, inst: &StreamInst, live: &mut BTreeSet<u32>) {
        let source = inst.operands.iter().find(|op| op.kind == OperandKind::Use);
        let source = source.filter(|_| is_copy(inst)).and_then(|op| self.number(op.place));
        let of_kind = |kind| inst.operands.iter().filter(move |op| op.kind == kind);
        let written = of_kind(OperandKind::Def).map(|op| op.place);
        let written = written.chain(inst.clobbers.into_iter().map(Allocation::reg));
        let written: Vec<u32> = written.filter_map(|place| self.number(place)).collect();
        for (i, &place) in written.iter().enumerate() {
            let others = live.iter().chain(&written[..i]);
            let others: Vec<u32> = others.copied().filter(|&o| Some(o) != source).collect();
            others.into_iter().for_each(|other| self.add_edge(place, other));
        }
        if !inst.conditional {
            written.iter().for_each(|place| _ = live.remove(place));
        }
        live.extend(of_kind(OperandKind::Use).filter_map(|op| self.number(op.place)));
    }

    fn add_edge(&mut self, a: u32, b: u32) {
        let class = |node: u32| self.places[node as usize].1.class();
        if a != b && class(a) == class(b) {
            self.edges.insert((a.min(b), a.max(b)));
        }
    }
}

/// Reloads that are seen to be of a value that could be computed again: the slot is only ever stored
/// from registers that have one definition in the whole function, which could be repeated.
pub(super) fn remat_reloads(graph: &Graph<'_>, names: &Names) -> u32 {
    let mut definitions = vec![0; names.places.len()];
    let mut constant = vec![true; names.places.len()];
    let is_definition = |source: &Source| !matches!(source, Source::Join(_));
    for name in names.names.iter().filter(|name| is_definition(&name.source)) {
        definitions[name.place as usize] += 1;
        constant[name.place as usize] &= name.source == Source::Op { remat: true };
    }
    let is_constant = |place: u32| definitions[place as usize] == 1 && constant[place as usize];
    let mut stored = vec![true; names.places.len()];
    for name in &names.names {
        match name.source {
            Source::Copy(from) => {
                stored[name.place as usize] &= is_constant(names.names[from as usize].place);
            }
            Source::Join(_) => {}
            Source::Entry | Source::Op { .. } => stored[name.place as usize] = false,
        }
    }
    let reloads = names.insts(graph).filter(|(inst, _)| !inst.saves).flat_map(|(_, refs)| refs);
    let reloads = reloads.filter(|r| r.explicit && r.kind == OperandKind::Use);
    let visible = reloads.filter(|r| {
        let place = names.names[r.name as usize].place;
        names.places[place as usize].is_stack() && stored[place as usize]
    });
    visible.count() as u32
}
