//! The least cost that any allocation of a function can have.
//!
//! Input: a problem, an environment, a limit of time. Output: an [`Optimum`]: the least
//! [`AllocStats::cost`](super::AllocStats::cost) of all answers without `Remat`, or how far it has
//! been narrowed down. Found by integer programming, as Appel and George ("Optimal Spilling for
//! CISC Machines with Few Registers", PLDI 2001) and Colombet, Brandner and Darte ("Studying Optimal
//! Spilling in the Light of SSA", TACO 2015) do: register moves are free, so that only who is in a
//! register when counts, not in which.
//!
//! ```text
//! problem --names--> one name for each value --steps, demand--> what instructions ask of registers
//!         --model, copies--> integer program --solve--> cost, bound
//! ```
//!
//! *What it ranges over.* Answers that the checker accepts, in which no value outlives an
//! instruction in a register outside the environment. Two things are taken to be easier than they
//! may be, so that the optimum may be below what any answer reaches, and never is above: a value and
//! the parameters that it is passed to share a slot whenever they can without a second copy, however
//! their other arguments overlap; and a further copy of a value that is in memory costs one store,
//! wherever the value is.

use std::time::Duration;

use regalloc2::{Inst, MachineEnv, OperandConstraint, PRegSet};

use super::names::Renamed;
use super::points::mask_of;
use super::residence::{definitions, values};
use super::{AllocProblem, excess, lower_bound};

mod copies;
mod demand;
mod model;
mod program;
mod solve;
mod steps;
#[cfg(test)]
mod tests;

/// Functions with more instructions are answered by the lower bound alone.
const MAX_INSTS: usize = 20_000;

/// Larger programs are not tried.
const MAX_VARIABLES: usize = 100_000;

/// What is known of the least cost of a function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimum {
    /// The least cost that was found, or the caller's; none if there is neither.
    pub cost: Option<f64>,
    /// No answer costs less.
    pub bound: f64,
    /// `cost` is the least.
    pub proved: bool,
}

impl Optimum {
    fn new(cost: Option<f64>, bound: f64) -> Optimum {
        Optimum { cost, bound, proved: cost.is_some_and(|cost| cost <= bound) }
    }
}

/// Finds the least cost, for at most about `limit`; how far it gets depends on the machine.
/// `incumbent` is what some allocator's answer costs, if that is known.
pub fn optimum<P: AllocProblem>(
    problem: &P,
    env: &MachineEnv,
    limit: Duration,
    incumbent: Option<f64>,
) -> Optimum {
    let bound = lower_bound(problem, env);
    let known = Optimum::new(incumbent, bound);
    if known.proved || problem.num_insts() > MAX_INSTS || definitions(problem).is_err() {
        return known;
    }
    let Some(renamed) = Renamed::new(problem) else { return known };
    if excess(&renamed, env) <= 0 && !uses_stack(problem) {
        return Optimum::new(Some(0.0), 0.0);
    }
    let program = model::program(&renamed, mask_of(PRegSet::from(env)));
    if program.cost.len() > MAX_VARIABLES {
        return known;
    }
    let Some(solved) = solve::solve(&program, limit) else { return known };
    let costs = incumbent.into_iter().chain(solved.best);
    Optimum::new(costs.reduce(f64::min), bound.max(solved.bound))
}

/// Whether some operand must be on the stack.
fn uses_stack<P: AllocProblem>(problem: &P) -> bool {
    let insts = (0..problem.num_insts()).map(Inst::new);
    let mut operands = insts.flat_map(|inst| values(problem.inst_operands(inst)));
    operands.any(|(_, op)| op.constraint() == OperandConstraint::Stack)
}
