//! An allocator for SSA form: first which values are in registers when, then which registers.
//!
//! After Braun and Hack ("Register Spilling and Live-Range Splitting for SSA-Form Programs", CC
//! 2009). [`next_use`] measures how far away each value's next use is; [`spill`] walks the blocks
//! and lets go what is needed last; [`super::assign`] gives registers, and stores each value that
//! ever leaves once.
//!
//! Input: a problem and an environment with a scratch register for each class in use. Output: an
//! [`AllocResult`]. Time is near-linear in the problem's size and its live ranges.

mod loops;
mod next_use;
mod spill;
mod trim;

use regalloc2::MachineEnv;

use super::assign::memory::Memory;
use super::assign::webs::Webs;
use super::assign::{Context, assign};
use super::coloring::iterated::Coalesced;
use super::residence::Residence;
use super::{AllocError, AllocProblem, AllocResult, Allocator};
use next_use::NextUse;
use spill::{Facts, Spiller};

pub struct Belady;

/// How the spiller weighs values against each other.
#[derive(Clone, Copy, Debug)]
struct Policy {
    /// What a store counts beside a reload, where the value has none yet.
    store_weight: f64,
    /// How often loads on the edges to a join may execute for each time that the join does.
    join_weight: f64,
}

/// Each is tried, and the cheapest residence kept: none is best for all functions.
const POLICIES: [Policy; 3] = [
    Policy { store_weight: 1.0, join_weight: 1.0 },
    Policy { store_weight: 1.0, join_weight: 0.0 },
    Policy { store_weight: 3.0, join_weight: 1.0 },
];

/// The largest function for which more than one policy is tried.
const MAX_INSTS: usize = 20_000;

impl Allocator for Belady {
    fn name(&self) -> &'static str {
        "belady"
    }

    fn allocate<P: AllocProblem>(
        &self,
        problem: &P,
        env: &MachineEnv,
    ) -> Result<AllocResult, AllocError> {
        Placed::new(problem, env, None)?.expect("no cost is too high").assign(env)
    }
}

/// What is in registers when, before it is said in which.
pub(super) struct Placed<'a, P> {
    context: Context<'a, P>,
    residence: Residence,
    memory: Memory,
    webs: Webs,
    coalesced: Coalesced,
}

impl<'a, P: AllocProblem> Placed<'a, P> {
    /// Places values if each policy keeps the cost of stores and reloads below `limit`: else it stops
    /// with the first that does not, for others seldom gain much over it.
    pub fn new(
        problem: &'a P,
        env: &'a MachineEnv,
        limit: Option<f64>,
    ) -> Result<Option<Self>, AllocError> {
        let context = Context::new(problem, env)?;
        let Context { cfg, liveness, definitions, .. } = &context;

        let facts = Facts::new(problem, env, cfg, liveness, definitions);
        let mut next = NextUse::new(problem, cfg, liveness);
        let mut best: Option<(f64, Residence, Memory)> = None;
        for policy in POLICIES {
            let mut residence = Spiller::new(&facts, &mut next, policy).run()?;
            trim::trim(problem, definitions, &mut residence);
            let memory = context.memory(&residence);
            let cost = memory.cost(problem, definitions, &residence);
            if limit.is_some_and(|limit| cost >= limit) {
                return Ok(None);
            }
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, residence, memory));
            }
            if cost == 0.0 || problem.num_insts() > MAX_INSTS {
                break;
            }
        }
        let (_, residence, memory) = best.expect("some policy has been tried");
        let webs = Webs::new(problem, &residence);
        let coalesced = Coalesced::new(&webs.graph, env);
        Ok(Some(Placed { context, residence, memory, webs, coalesced }))
    }

    /// Gives registers, those that `env` prefers first: the same as values were placed for.
    pub fn assign(&mut self, env: &MachineEnv) -> Result<AllocResult, AllocError> {
        let Placed { context, residence, webs, .. } = self;
        let colors = webs.of_pieces(&self.coalesced.select(&webs.graph, env));
        assign(context, residence, webs, &colors, self.memory.clone())
    }
}
