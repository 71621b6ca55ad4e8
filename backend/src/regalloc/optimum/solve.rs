//! The solver: branch and bound over linear relaxations, by `microlp`.
//!
//! What it finds is rounded, checked against the program and priced here. What it proves is taken
//! on trust, less a tolerance.

use std::time::Duration;

use microlp::{ComparisonOp, Error, OptimizationDirection, Problem, SolveOptions, SolveOutcome};

use super::program::Program;
use crate::regalloc::guard;

/// How far the solver's bound is believed to be from the true one, relatively.
const TOLERANCE: f64 = 1e-6;

/// What became of a program.
pub(super) struct Solved {
    /// The cost of the best solution that was found.
    pub best: Option<f64>,
    /// No solution costs less.
    pub bound: f64,
}

/// Solves a program for at most about `limit`. None if the solver fails, or has found no bound yet.
pub(super) fn solve(program: &Program, limit: Duration) -> Option<Solved> {
    let outcome = guard("microlp", || Ok(run(program, limit))).ok()?.ok()?;
    let best = match &outcome {
        SolveOutcome::Solution(solution) => {
            let values = solution.iter().map(|(_, value)| value.round());
            program.price(&values.collect::<Vec<f64>>())
        }
        SolveOutcome::Interrupted(_) => None,
    };
    let bound = outcome.stats().best_bound? + program.constant;
    let bound = bound - TOLERANCE * bound.abs().max(1.0);
    let bound = if program.is_integral() { bound.ceil() } else { bound };
    Some(Solved { best, bound })
}

fn run(program: &Program, limit: Duration) -> Result<SolveOutcome, Error> {
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let variables = program.cost.iter().zip(&program.upper).map(|(&cost, &upper)| match upper {
        1 => problem.add_binary_var(cost),
        _ => problem.add_integer_var(cost, (0, upper as i32)),
    });
    let variables: Vec<_> = variables.collect();
    for (row, bound) in &program.rows {
        let terms = row.iter().map(|&(i, factor)| (variables[i as usize], factor));
        problem.add_constraint(terms, ComparisonOp::Le, *bound);
    }
    let mut options = SolveOptions::default();
    options.time_limit = Some(limit);
    problem.solve_with(options)
}
