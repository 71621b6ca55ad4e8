//! Which values may not share a register, and which registers a value may not have.
//!
//! A node is a value, or a part of one: `names` tells which node a value is at the moment.
//!
//! In SSA two values interfere exactly if one is live where the other is defined, so edges are
//! found at definitions alone, each once. [`View`] tells where a definition occupies its own
//! register: an ordinary one from the late point, an early one or one that reuses an input from
//! the early point, one in a fixed register behind the instruction.

use regalloc2::{Block, Inst, PReg, VReg};

use super::MAX_INTERFERENCES;
use crate::regalloc::liveness::{LiveSet, Liveness};
use crate::regalloc::points::{Demand, RegMask, Role, Scan, Span, View};
use crate::regalloc::{AllocProblem, CLASSES, blocks, branch_args};

/// What is known of one value.
#[derive(Clone, Copy, Default)]
pub(in crate::regalloc) struct Node {
    /// None if the value is never live.
    pub vreg: Option<VReg>,
    /// Registers that it may not have.
    pub forbidden: RegMask,
    /// Its definitions and uses, each weighted with its block's frequency.
    pub weight: f64,
    /// Can be computed again.
    rematable: bool,
    /// Is live across an instruction that is a call or leaves no register free.
    under_pressure: bool,
}

pub(in crate::regalloc) struct Interference {
    pub nodes: Vec<Node>,
    /// Once complete: each once, the smaller node first, in order. No node meets itself.
    pub edges: Vec<(u32, u32)>,
    /// Pairs that would like to share a register, with how often a move is saved by that.
    pub friends: Vec<(u32, u32, f64)>,
    /// Registers that nodes would like to have, likewise.
    pub wishes: Vec<(u32, PReg, f64)>,
}

impl Interference {
    pub fn new(nodes: usize) -> Interference {
        Interference {
            nodes: vec![Node::default(); nodes],
            edges: vec![],
            friends: vec![],
            wishes: vec![],
        }
    }

    /// The graph of all values, each a node under its own number.
    pub fn build<P: AllocProblem>(
        problem: &P,
        liveness: &Liveness,
        allocatable: &[RegMask; 3],
    ) -> Result<Interference, String> {
        let mut graph = Interference::new(problem.num_vregs());
        let names: Vec<u32> = (0..problem.num_vregs() as u32).collect();
        if graph.has_strangers(problem) {
            return Err("a value beyond the number of values".to_owned());
        }
        graph.find_rematable(problem);
        let mut scan = Scan::new(problem, liveness);
        for block in blocks(problem) {
            let frequency = problem.block_frequency(block);
            let mut declined = None;
            let at_entry = scan.block(block, |view| {
                if declined.is_none() {
                    declined = refusal(view, allocatable).or_else(|| graph.refusal_of_size());
                }
                if declined.is_none() {
                    graph.add_inst(view, frequency, &names);
                    graph.note_pressure(problem.is_call(view.inst), view, allocatable);
                }
            });
            if let Some(reason) = declined {
                return Err(format!("block{}, {reason}", block.index()));
            }
            graph.add_params(problem.block_params(block), at_entry, &names);
            graph.add_args(problem, block, frequency);
        }
        match graph.refusal_of_size() {
            Some(reason) => Err(reason),
            None => {
                graph.complete_edges();
                Ok(graph)
            }
        }
    }

    /// Says each interference once.
    pub fn complete_edges(&mut self) {
        self.edges.iter_mut().for_each(|(a, b)| (*a, *b) = (*a.min(b), *a.max(b)));
        self.edges.retain(|(a, b)| a != b);
        self.edges.sort_unstable();
        self.edges.dedup();
    }

    /// Values under pressure that could be computed again.
    pub fn remat_opportunities(&self) -> Vec<VReg> {
        let nodes = self.nodes.iter().filter(|node| node.rematable && node.under_pressure);
        nodes.filter_map(|node| node.vreg).collect()
    }

    fn refusal_of_size(&self) -> Option<String> {
        let too_many = self.edges.len() > MAX_INTERFERENCES;
        too_many.then(|| format!("more than {MAX_INTERFERENCES} interferences"))
    }

    /// Whether the problem names values that it does not count.
    fn has_strangers<P: AllocProblem>(&self, problem: &P) -> bool {
        let is_stranger = |vreg: &VReg| vreg.vreg() >= self.nodes.len();
        blocks(problem).any(|block| {
            let insts = problem.block_insns(block);
            let mut operands = insts.iter().flat_map(|inst| problem.inst_operands(inst));
            let succs = 0..problem.block_succs(block).len();
            let mut args = succs
                .filter(|_| problem.is_branch(insts.last()))
                .flat_map(|succ| problem.branch_blockparams(block, insts.last(), succ));
            operands.any(|op| op.as_fixed_nonallocatable().is_none() && is_stranger(&op.vreg()))
                || problem.block_params(block).iter().any(is_stranger)
                || args.any(is_stranger)
        })
    }

    fn find_rematable<P: AllocProblem>(&mut self, problem: &P) {
        for inst in (0..problem.num_insts()).map(Inst::new) {
            if let [result] = problem.inst_operands(inst)
                && let Some(node) = self.nodes.get_mut(result.vreg().vreg())
                && problem.remat_cost(inst).is_some()
            {
                node.rematable = true;
            }
        }
    }

    fn node(&mut self, name: u32, vreg: VReg) -> &mut Node {
        let node = &mut self.nodes[name as usize];
        node.vreg = Some(vreg);
        node
    }

    fn add_edges(&mut self, vreg: VReg, others: impl Iterator<Item = VReg>, names: &[u32]) {
        let name = names[vreg.vreg()];
        self.node(name, vreg);
        let others = others.filter(|other| other.class() == vreg.class() && *other != vreg);
        self.edges.extend(others.map(|other| (name, names[other.vreg()])));
    }

    /// Adds what an instruction says of the nodes in `names`, of which its definitions are new.
    pub fn add_inst(&mut self, view: &View<'_>, frequency: f64, names: &[u32]) {
        for role in view.roles {
            let name = names[role.vreg.vreg()];
            self.node(name, role.vreg).weight += frequency;
            let saved = wished(view, role);
            let pregs = (0..RegMask::BITS as usize).filter(|&n| saved >> n & 1 != 0);
            let pregs = pregs.map(|n| PReg::new(n, role.vreg.class()));
            self.wishes.extend(pregs.map(|preg| (name, preg, frequency)));
            if let Some(source) = role.reuses
                && view.role(source).is_some_and(|source| source.span == Span::Early)
            {
                self.friends.push((name, names[source.vreg()], frequency));
            }
        }
        self.forbid(view, names);
        let defs = || view.roles.iter().filter(|role| role.is_def);
        for (i, def) in defs().enumerate() {
            self.add_edges(def.vreg, neighbors(view, def), names);
            let others = defs().take(i).filter(|other| meet(view, def, other));
            self.add_edges(def.vreg, others.map(|other| other.vreg), names);
        }
    }

    /// Keeps values out of registers that the instruction needs for something else.
    fn forbid(&mut self, view: &View<'_>, names: &[u32]) {
        if view.fixed_early == [0; 3] && view.fixed_late == [0; 3] {
            return;
        }
        for vreg in view.live_after.iter().filter(|&v| view.role(v).is_none()) {
            let class = vreg.class() as usize;
            self.node(names[vreg.vreg()], vreg).forbidden |=
                view.fixed_early[class] | view.fixed_late[class];
        }
        for role in view.roles.iter().filter(|role| role.needs_own(view)) {
            let class = role.vreg.class() as usize;
            let early = view.fixed_early[class] & !role.fixed_early;
            let late = view.fixed_late[class] & !role.fixed_late;
            self.node(names[role.vreg.vreg()], role.vreg).forbidden |= match role.span {
                Span::Early => early,
                Span::Late if role.reuses.is_none() => late,
                Span::Late | Span::Through => early | late,
            };
        }
    }

    fn note_pressure(&mut self, is_call: bool, view: &View<'_>, allocatable: &[RegMask; 3]) {
        let demands = Demand::of(view, allocatable);
        let is_tight = CLASSES.map(|class| {
            let demand = &demands[class as usize];
            is_call || demand.excess(view, class, allocatable[class as usize]) >= 0
        });
        if is_tight == [false; 3] {
            return;
        }
        for vreg in view.live_after.iter().filter(|&v| view.role(v).is_none()) {
            self.node(vreg.vreg() as u32, vreg).under_pressure |= is_tight[vreg.class() as usize];
        }
    }

    /// Parameters meet each other and what is live into their block.
    fn add_params(&mut self, params: &[VReg], at_entry: &LiveSet, names: &[u32]) {
        if params.is_empty() {
            return;
        }
        let live_in: Vec<_> = at_entry.iter().filter(|vreg| !params.contains(vreg)).collect();
        let params: Vec<_> = params.iter().copied().filter(|&p| at_entry.contains(p)).collect();
        for (i, &param) in params.iter().enumerate() {
            self.add_edges(param, params[..i].iter().chain(&live_in).copied(), names);
        }
    }

    fn add_args<P: AllocProblem>(&mut self, problem: &P, block: Block, frequency: f64) {
        let term = problem.block_insns(block).last();
        if problem.is_branch(term) {
            for succ in 0..problem.block_succs(block).len() {
                for (arg, param) in branch_args(problem, block, term, succ) {
                    self.node(arg.vreg() as u32, arg).weight += frequency;
                    self.nodes[param.vreg()].weight += frequency;
                    self.friends.push((arg.vreg() as u32, param.vreg() as u32, frequency));
                }
            }
        }
    }
}

/// Why the instruction cannot be coloured around.
fn refusal(view: &View<'_>, allocatable: &[RegMask; 3]) -> Option<String> {
    let inst = view.inst.index();
    if view.conflict {
        return Some(format!("inst{inst}: one register is fixed for two purposes"));
    }
    if view.beyond_registers {
        return Some(format!("inst{inst}: an operand that wants a slot or a limited range"));
    }
    let mut homeless = view.roles.iter().filter(|r| allocatable[r.vreg.class() as usize] == 0);
    let class = homeless.next().map(|role| role.vreg.class())?;
    Some(format!("inst{inst}: no registers of class {class:?}"))
}

/// Registers in which a value saves a move at the instruction.
fn wished(view: &View<'_>, role: &Role) -> RegMask {
    match role.span {
        Span::Late | Span::Through if role.is_def => role.fixed_late,
        Span::Early => role.fixed_early,
        // What lives on elsewhere is copied in any case.
        _ => {
            let class = role.vreg.class() as usize;
            role.fixed_early & (!view.fixed_late[class] | role.fixed_late)
        }
    }
}

/// What a definition interferes with, other definitions of the instruction apart.
fn neighbors<'a>(view: &'a View<'_>, def: &Role) -> impl Iterator<Item = VReg> + use<'a> {
    let own = def.needs_own(view);
    let early = own && (def.defined_early || def.reuses.is_some());
    // A fixed definition takes its register behind the instruction, if it lives on at all.
    let lives_on = own || view.live_after.contains(def.vreg);
    let after = view.live_after.iter().filter(move |&v| lives_on && view.role(v).is_none());
    let mentioned = view.roles.iter().filter(move |role| {
        let live = match role.span {
            Span::Early => early,
            Span::Late => false,
            Span::Through => own || lives_on && view.live_after.contains(role.vreg),
        };
        !role.is_def && live && role.needs_own(view)
    });
    after.chain(mentioned.map(|role| role.vreg))
}

/// Whether two definitions of one instruction interfere: in the instruction, or behind it.
fn meet(view: &View<'_>, a: &Role, b: &Role) -> bool {
    let in_inst = a.needs_own(view) && b.needs_own(view);
    in_inst || view.live_after.contains(a.vreg) && view.live_after.contains(b.vreg)
}
