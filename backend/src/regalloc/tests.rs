//! Every allocator on random problems, and what must hold between them.

use super::testing::{env, random};
use super::*;

const PROBLEMS: u64 = 1200;

fn all_pass(kind: AllocatorKind) {
    for seed in 0..PROBLEMS {
        let problem = random(seed);
        let env = env(4 + (seed % 6) as usize);
        if let Err(error) = run(kind, &problem, &env, true) {
            panic!("{} on seed {seed}: {error}\n{problem:?}", kind.name());
        }
    }
}

#[test]
fn ion_passes_the_checker() {
    all_pass(AllocatorKind::Ion);
}

#[test]
fn fastalloc_passes_the_checker() {
    all_pass(AllocatorKind::Fastalloc);
}

#[test]
fn greedy_passes_the_checker() {
    all_pass(AllocatorKind::Greedy);
}
