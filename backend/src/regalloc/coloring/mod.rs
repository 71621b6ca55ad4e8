//! Graph colouring: Chaitin's allocator with Briggs's optimistic selection and iterated coalescing.
//!
//! Registers are precoloured nodes: a clobber, and a register fixed by an operand of another value,
//! interfere with what is live there. A fixed operand of the value itself is no colour but a wish,
//! since a move at the instruction is assumed where the colour differs; so is the register of a
//! reused input, and the other side of a block argument.
//!
//! [`ChaitinBriggs`] is the allocator: what finds no colour is spilled ([`spill`]),
//! and the graph is built and coloured again until all that is in a register has one; then
//! [`super::assign`] follows the colours. [`allocate_function`] colours once, to measure: does one
//! register for each value suffice?

pub(super) mod interference;
pub(super) mod iterated;
mod select;
mod spill;

use regalloc2::{MachineEnv, PReg, PRegSet, VReg};

use super::assign::webs::Webs;
use super::assign::{Context, assign};
use super::liveness::Liveness;
use super::points::mask_of;
use super::residence::{edge_args, values};
use super::{AllocError, AllocProblem, AllocResult, Allocator, blocks};
use interference::Interference;
use spill::{Spill, Writer};

/// The most interferences that are kept, some 64 bytes each while colouring. Functions with more
/// are declined.
pub const MAX_INTERFERENCES: usize = 1 << 22;

/// How often the graph is coloured again because of what found no colour. What is left then keeps
/// its register with moves.
const MAX_ROUNDS: usize = 12;

/// The allocator. Takes every function: where one graph would be too large, some values are spilled
/// before the first is built.
pub struct ChaitinBriggs;

impl Allocator for ChaitinBriggs {
    fn name(&self) -> &'static str {
        "coloring"
    }

    fn allocate<P: AllocProblem>(
        &self,
        problem: &P,
        env: &MachineEnv,
    ) -> Result<AllocResult, AllocError> {
        let context = Context::new(problem, env)?;
        let liveness = &context.liveness;
        let allocatable = mask_of(PRegSet::from(env));

        let weights = weights(problem);
        let mut spills = vec![Spill::No; problem.num_vregs()];
        spill::bound(problem, liveness, &weights, &mut spills);
        for round in 0.. {
            let residence = Writer::new(problem, liveness, allocatable, &spills).run();
            let mut webs = Webs::new(problem, &residence);
            keep_spilled(&mut webs.graph, &spills);
            let colors = iterated::color(&webs.graph, env);
            let again = round < MAX_ROUNDS && spill_uncolored(&webs.graph, &colors, &mut spills);
            if !again && !spill::fit(problem, &allocatable, &residence, &weights, &mut spills)? {
                let colors = webs.of_pieces(&colors);
                return assign(&context, &residence, &webs, &colors, context.memory(&residence));
            }
        }
        unreachable!("each round spills a value further")
    }
}

/// Definitions and uses of each value, weighted with their blocks' frequencies.
fn weights<P: AllocProblem>(problem: &P) -> Vec<f64> {
    let mut weights = vec![0.0; problem.num_vregs()];
    for block in blocks(problem) {
        let frequency = problem.block_frequency(block);
        for inst in problem.block_insns(block).iter() {
            for (_, op) in values(problem.inst_operands(inst)) {
                weights[op.vreg().vreg()] += frequency;
            }
        }
        for succ in 0..problem.block_succs(block).len() {
            for (arg, param) in edge_args(problem, block, succ) {
                weights[arg.vreg()] += frequency;
                weights[param.vreg()] += frequency;
            }
        }
    }
    weights
}

/// What is spilled already is spilled last.
fn keep_spilled(graph: &mut Interference, spills: &[Spill]) {
    for node in &mut graph.nodes {
        if node.vreg.is_some_and(|vreg| spills[vreg.vreg()] != Spill::No) {
            node.weight = f64::MAX;
        }
    }
}

/// Spills what found no colour; tells whether anything could be.
fn spill_uncolored(graph: &Interference, colors: &[Option<PReg>], spills: &mut [Spill]) -> bool {
    let nodes = graph.nodes.iter().zip(colors).filter(|(_, color)| color.is_none());
    let vregs: Vec<VReg> = nodes.filter_map(|(node, _)| node.vreg).collect();
    let mut any = false;
    for vreg in vregs {
        let spill = &mut spills[vreg.vreg()];
        any |= *spill != Spill::Everywhere;
        *spill = if *spill == Spill::No { Spill::Cleaned } else { Spill::Everywhere };
    }
    any
}

/// What colouring says of a function.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Each value has a register of its own for all its life.
    Allocated {
        coloring: Coloring,
        /// Values that could be computed again where they are used, for the price of
        /// `AllocProblem::remat_cost`, and that are live across a call or across an instruction
        /// that leaves no register free: the first to let go if registers were fewer. In order.
        remat_opportunities: Vec<VReg>,
    },
    /// These values are left without a register. In order.
    NeedsSpill(Vec<VReg>),
    /// The problem cannot be coloured for this reason.
    Declined(String),
}

/// The register of each value.
#[derive(Clone, Debug, Default)]
pub struct Coloring {
    colors: Vec<Option<PReg>>,
}

impl Coloring {
    /// The value's register; none if the value is never live.
    pub fn get(&self, vreg: VReg) -> Option<PReg> {
        self.colors.get(vreg.vreg()).copied().flatten()
    }
}

/// Colours the values of `problem` with the registers of `env`.
pub fn allocate_function<P: AllocProblem>(problem: &P, env: &MachineEnv) -> Outcome {
    let liveness = Liveness::new(problem);
    let allocatable = mask_of(PRegSet::from(env));
    let graph = match Interference::build(problem, &liveness, &allocatable) {
        Ok(graph) => graph,
        Err(reason) => return Outcome::Declined(reason),
    };
    let remat_opportunities = graph.remat_opportunities();
    let colors = iterated::color(&graph, env);
    let nodes = graph.nodes.iter().zip(&colors);
    let uncolored: Vec<VReg> =
        nodes.filter(|(_, color)| color.is_none()).filter_map(|(node, _)| node.vreg).collect();
    if !uncolored.is_empty() {
        return Outcome::NeedsSpill(uncolored);
    }
    Outcome::Allocated { coloring: Coloring { colors }, remat_opportunities }
}
