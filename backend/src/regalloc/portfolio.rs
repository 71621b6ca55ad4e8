//! The best of several allocators and preferences of registers, for each function.
//!
//! Keeps the answer of the least [`Price`]. Where a function fits, ion, the fastest, goes first; if it
//! spills nothing, no other allocator is tried, and if it then copies little, nothing at all. Where a
//! function must spill, belady takes its place, whose answers are seldom dearer.

use regalloc2::{MachineEnv, PRegSet};

use super::stats::block_counts;
use super::{
    AllocError, AllocProblem, AllocResult, Allocator, Belady, ChaitinBriggs, Edit, Ion, blocks,
    excess,
};

pub struct Portfolio;

/// Coloring seldom wins over belady and takes as long: it joins for functions of at most so many
/// instructions.
const MAX_COLORED: usize = 300;

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
        let fits = excess(problem, env) <= 0;
        if fits {
            best.add(Ion.allocate(problem, env));
        }
        if best.spills() {
            best.add(Belady.allocate(problem, env));
            if problem.num_insts() <= MAX_COLORED {
                best.add(ChaitinBriggs.allocate(problem, env));
            }
        } else if best.copies() > FEW_COPIES {
            best.add(Ion.allocate(problem, &without_preference(env)));
        }
        if !fits && best.best.is_none() {
            best.add(Ion.allocate(problem, env));
        }
        best.finish()
    }
}

/// So many executed copies are left as they are.
const FEW_COPIES: f64 = 10.0;

/// The same registers, all equally good: those that callees save are then taken where that spares
/// copies around calls.
fn without_preference(env: &MachineEnv) -> MachineEnv {
    let mut env = env.clone();
    let classes = env.preferred_regs_by_class.iter_mut().zip(&mut env.non_preferred_regs_by_class);
    for (preferred, others) in classes {
        preferred.union_from(*others);
        *others = PRegSet::empty();
    }
    env
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

    /// Whether every answer so far has stores or reloads.
    fn spills(&self) -> bool {
        self.best.as_ref().is_none_or(|(price, _)| price.spills > 0.0)
    }

    /// Of the best answer.
    fn copies(&self) -> f64 {
        self.best.as_ref().map_or(0.0, |(price, _)| price.copies)
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
