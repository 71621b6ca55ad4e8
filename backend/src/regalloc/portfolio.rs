//! The best of several allocators, for each function.
//!
//! Keeps the answer of the least [`Price`]. Where a function fits, ion, the fastest, goes first; if it
//! spills nothing and copies little, no other is tried. Where a function must spill, belady takes its
//! place, and where that copies much, registers are handed out a second time in another order of
//! preference. Coloring, whose answers are seldom cheaper than belady's, would take as long again.

use regalloc2::{MachineEnv, PRegSet};

use super::stats::block_counts;
use super::{
    AllocError, AllocProblem, AllocResult, Allocator, Edit, Ion, belady::Placed, blocks,
    pressure::fits,
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
        let mut best = Best { problem, env, best: None, first_error: None };
        let fits = fits(problem, env);
        if fits {
            best.add(Ion.allocate(problem, env));
        }
        if !best.is_good() {
            match Placed::new(problem, env, None) {
                Ok(placed) => best.add_placed(placed.expect("no cost is too high")),
                Err(error) => best.add(Err(error)),
            }
        }
        if !fits && best.best.is_none() {
            best.add(Ion.allocate(problem, env));
        }
        best.finish()
    }
}

/// What portfolio makes of belady's placement, if its stores and reloads cost less than `limit`.
pub(super) fn allocate_below<P: AllocProblem>(
    problem: &P,
    env: &MachineEnv,
    limit: f64,
) -> Result<Option<AllocResult>, AllocError> {
    let Some(placed) = Placed::new(problem, env, Some(limit))? else { return Ok(None) };
    let mut best = Best { problem, env, best: None, first_error: None };
    best.add_placed(placed);
    best.finish().map(Some)
}

/// So many executed copies are left as they are.
const FEW_COPIES: f64 = 10.0;

/// So many are worth a second order of preference, which seldom saves more than a tenth of them.
const MANY_COPIES: f64 = 32.0;

/// The same registers, those first that a function must save.
fn saved_first(env: &MachineEnv) -> MachineEnv {
    MachineEnv {
        preferred_regs_by_class: env.non_preferred_regs_by_class,
        non_preferred_regs_by_class: env.preferred_regs_by_class,
        ..env.clone()
    }
}

/// The cheapest answer so far; of equal ones the first.
struct Best<'a, P> {
    problem: &'a P,
    env: &'a MachineEnv,
    best: Option<(Price, AllocResult)>,
    first_error: Option<AllocError>,
}

impl<P: AllocProblem> Best<'_, P> {
    fn add(&mut self, result: Result<AllocResult, AllocError>) {
        match result {
            Ok(result) => {
                let price = Price::of(self.problem, self.env, &result);
                if self.best.as_ref().is_none_or(|(least, _)| price < *least) {
                    self.best = Some((price, result));
                }
            }
            Err(error) => self.first_error = self.first_error.take().or(Some(error)),
        }
    }

    /// Gives registers to what belady placed.
    fn add_placed(&mut self, mut placed: Placed<'_, P>) {
        self.add(placed.assign(self.env));
        if self.best.as_ref().is_some_and(|(price, _)| price.copies > MANY_COPIES) {
            self.add(placed.assign(&saved_first(self.env)));
        }
    }

    /// Whether some answer spills nothing and copies little.
    fn is_good(&self) -> bool {
        let good = |price: &Price| price.spills == 0.0 && price.copies <= FEW_COPIES;
        self.best.as_ref().is_some_and(|(price, _)| good(price))
    }

    fn finish(self) -> Result<AllocResult, AllocError> {
        match (self.best, self.first_error) {
            (Some((_, result)), _) => Ok(result),
            (None, Some(error)) => Err(error),
            (None, None) => Err(AllocError::Unsupported("a portfolio without allocators")),
        }
    }
}

/// What an answer costs, the most important first, each weighted with frequency.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Price {
    /// Stores and reloads, as in `AllocStats::cost`.
    pub spills: f64,
    /// Moves between registers, values computed again, and two for each register that only the
    /// preference's second choice has: the function saves and restores it.
    pub copies: f64,
    slots: usize,
}

impl Price {
    pub fn of<P: AllocProblem>(problem: &P, env: &MachineEnv, result: &AllocResult) -> Price {
        let saved = saved_registers(env, result) * 2;
        let mut price = Price { spills: 0.0, copies: saved as f64, slots: result.num_spillslots };
        for block in blocks(problem) {
            let counts = block_counts(problem, result, block);
            let frequency = problem.block_frequency(block);
            price.spills += f64::from(counts.spill_stores + counts.reloads) * frequency;
            price.copies += f64::from(counts.moves + counts.remats) * frequency;
        }
        price
    }
}

fn saved_registers(env: &MachineEnv, result: &AllocResult) -> usize {
    let mut used = PRegSet::empty();
    let targets = result.edits.iter().map(|(_, edit)| match *edit {
        Edit::Move { to, .. } | Edit::Remat { to, .. } => to,
    });
    for register in result.allocs.iter().copied().chain(targets).filter_map(|a| a.as_reg()) {
        used.add(register);
    }
    let second = &env.non_preferred_regs_by_class;
    used.into_iter().filter(|&register| second.iter().any(|set| set.contains(register))).count()
}
