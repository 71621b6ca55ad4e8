//! The best of several allocators, for each function.
//!
//! Keeps the answer of the least cost, by [`super::stats`]: stores and reloads weighted with
//! frequency, then moves weighted likewise, then moves as such, then slots. ion, the fastest, goes
//! first; where it spills nothing, nothing else is tried.

use regalloc2::MachineEnv;

use super::stats::{self, block_edits};
use super::{
    AllocError, AllocProblem, AllocResult, Allocator, Belady, ChaitinBriggs, Edit, Ion, blocks,
};

pub struct Portfolio;

/// Coloring seldom wins over belady and takes as long: it joins for functions of at most so many
/// instructions.
const MAX_COLORED: usize = 500;

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
        let mut best = Best::new(problem);
        best.add(Ion.allocate(problem, env));
        if !best.is_free() {
            best.add(Belady.allocate(problem, env));
            if problem.num_insts() <= MAX_COLORED {
                best.add(ChaitinBriggs.allocate(problem, env));
            }
        }
        best.finish()
    }
}

/// The cheapest answer so far; of equal ones the first.
struct Best<'a, P> {
    problem: &'a P,
    best: Option<(Price, AllocResult)>,
    first_error: Option<AllocError>,
}

impl<'a, P: AllocProblem> Best<'a, P> {
    fn new(problem: &'a P) -> Self {
        Best { problem, best: None, first_error: None }
    }

    fn add(&mut self, result: Result<AllocResult, AllocError>) {
        match result {
            Ok(result) => {
                let price = Price::of(self.problem, &result);
                if self.best.as_ref().is_none_or(|(least, _)| price.is_below(least)) {
                    self.best = Some((price, result));
                }
            }
            Err(error) => self.first_error = self.first_error.take().or(Some(error)),
        }
    }

    /// Whether an answer without stores and reloads is there.
    fn is_free(&self) -> bool {
        self.best.as_ref().is_some_and(|(price, _)| price.0[0] == 0.0)
    }

    fn finish(self) -> Result<AllocResult, AllocError> {
        match (self.best, self.first_error) {
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
