//! Passes behind allocation: answers to cheaper answers of the same problem.
//!
//! ```text
//! AllocResult --redundant--> reloads of what a register or an instruction still has: gone,
//!                            turned into moves, computed again
//!             --dead-------> nothing is written that nobody reads
//!             --slots------> fewer slots, those accessed side by side next to each other
//! ```
//!
//! Input: a right answer, whoever gave it. Output: a right answer that stores and reloads no more;
//! [`super::check`] verifies it without any code of these passes.

mod contents;
mod dead;
mod live;
mod redundant;
mod slots;

use regalloc2::MachineEnv;

use super::{AllocProblem, AllocResult};

/// Blocks times places beyond which an answer is left as it is, to bound memory.
const MAX_SIZE: usize = 1 << 28;

/// Runs all passes on the answer.
pub fn improve<P: AllocProblem>(problem: &P, env: &MachineEnv, result: &mut AllocResult) {
    if problem.num_blocks() * super::place::num_places(result.num_spillslots) > MAX_SIZE {
        return;
    }
    redundant::rewrite(problem, env, result);
    dead::remove(problem, result);
    slots::share(problem, result);
}
