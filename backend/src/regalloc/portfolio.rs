//! The best of several allocators, for each function.
//!
//! Runs those that spill least and keeps the answer of the least cost, by [`super::stats`]: stores
//! and reloads weighted with frequency, then moves weighted likewise, then moves as such, then
//! slots. Takes as long as all of them together.

use regalloc2::MachineEnv;

use super::stats::{self, block_edits};
use super::{
    AllocError, AllocProblem, AllocResult, Allocator, Belady, ChaitinBriggs, Edit, Ion, blocks,
};

pub struct Portfolio;

impl Allocator for Portfolio {
    fn name(&self) -> &'static str {
        "portfolio"
    }

    /// An error only if every allocator has one: the first's.
    fn allocate<P: AllocProblem>(
        &self,
        problem: &P,
        env: &MachineEnv,
    ) -> Result<AllocResult, AllocError> {
        let results = [
            Belady.allocate(problem, env),
            ChaitinBriggs.allocate(problem, env),
            Ion.allocate(problem, env),
        ];
        let mut best: Option<(Price, AllocResult)> = None;
        let mut first_error = None;
        for result in results {
            match result {
                Ok(result) => {
                    let price = Price::of(problem, &result);
                    if best.as_ref().is_none_or(|(least, _)| price.is_below(least)) {
                        best = Some((price, result));
                    }
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match (best, first_error) {
            (Some((_, result)), _) => Ok(result),
            (None, Some(error)) => Err(error),
            (None, None) => Err(AllocError::Unsupported("a portfolio without allocators")),
        }
    }
}

/// What an answer costs, the most important first.
struct Price([f64; 4]);

impl Price {
    fn of<P: AllocProblem>(problem: &P, result: &AllocResult) -> Price {
        let stats = stats::stats(problem, result);
        let is_move = |edit: &Edit| match edit {
            Edit::Move { from, to } => from.is_reg() && to.is_reg(),
            Edit::Remat { .. } => true,
        };
        let moves = blocks(problem).map(|block| {
            let edits = block_edits(problem, result, block).iter();
            let count = edits.filter(|(_, edit)| is_move(edit)).count();
            count as f64 * problem.block_frequency(block)
        });
        Price([stats.cost, moves.sum(), stats.moves.into(), stats.slots.into()])
    }

    fn is_below(&self, other: &Price) -> bool {
        self.0.iter().zip(&other.0).map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne())
            == Some(core::cmp::Ordering::Less)
    }
}
