//! Graph colouring, to measure: does one register for each value suffice?
//!
//! Chaitin's allocator with Briggs's optimistic selection ("Improvements to Graph Coloring Register
//! Allocation", 1994) over one node for each value. Registers are precoloured nodes: a clobber, and
//! a register fixed by an operand of another value, interfere with what is live there. A fixed
//! operand of the value itself is no colour but a wish, since a move at the instruction is assumed
//! where the colour differs; so is the register of a reused input, and the other side of a block
//! argument. Nothing is split or emitted: where the answer is `NeedsSpill`, an allocator that splits
//! live ranges may still do without a spill, which [`super::excess`] tells.
//!
//! Input: any problem. Output: an [`Outcome`], with reasons instead of panics.

pub(super) mod interference;
pub(super) mod iterated;
mod select;

use regalloc2::{MachineEnv, PReg, PRegSet, VReg};

use super::AllocProblem;
use super::liveness::Liveness;
use super::points::mask_of;
use interference::Interference;

/// The most interferences that are kept, some 64 bytes each while colouring. Functions with more
/// are declined.
pub const MAX_INTERFERENCES: usize = 1 << 22;

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
