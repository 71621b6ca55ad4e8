//! The optimum against exhaustive search and against every allocator.

mod exhaustive;
mod small;

use std::time::Duration;

use crate::options::AllocatorKind;
use crate::regalloc::optimum::{Optimum, optimum};
use crate::regalloc::testing::{env, random};
use crate::regalloc::{Problem, lower_bound, run, stats};

const SMALL: u64 = 500;
const LARGER: u64 = 150;

/// Far more than any of these functions takes.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn the_optimum_is_what_exhaustive_search_finds() {
    let (mut found, mut spilling, mut seed) = (0, 0, 0);
    while found < SMALL {
        seed += 1;
        assert!(seed < 20 * SMALL, "only {found} functions are small enough");
        let (problem, k) = small::random(seed);
        let env = env(k);
        let Some(expected) = exhaustive::least_cost(&problem, k) else { continue };
        found += 1;
        let Optimum { cost, bound, proved } = optimum(&problem, &env, LIMIT, None);
        let context = || format!("seed {seed}, {k} registers\n{problem:?}");
        if expected == f64::INFINITY {
            assert_eq!((cost, proved), (None, false), "{}", context());
            continue;
        }
        assert_eq!((cost, bound, proved), (Some(expected), expected, true), "{}", context());
        spilling += u32::from(expected > 0.0);
    }
    assert!(spilling > 200, "only {spilling} functions spill");
}

fn nobody_is_below(seed: u64, problem: &Problem, k: usize, limit: Duration) -> Optimum {
    let env = env(k);
    let optimum = optimum(problem, &env, limit, None);
    let context = || format!("seed {seed}, {k} registers\n{problem:?}");
    let bound = lower_bound(problem, &env);
    assert!(bound <= optimum.bound, "bound {bound}, {optimum:?}, {}", context());
    assert!(optimum.cost.is_none_or(|cost| optimum.bound <= cost), "{optimum:?}, {}", context());
    for kind in AllocatorKind::ALL {
        let Ok(result) = run(kind, problem, &env, true) else { continue };
        let cost = stats(problem, &result).cost;
        assert!(optimum.bound <= cost, "{} {cost}, {optimum:?}, {}", kind.name(), context());
    }
    optimum
}

#[test]
fn no_allocator_is_below_on_small_functions() {
    for seed in 0..4 * SMALL {
        let (problem, k) = small::random(seed);
        nobody_is_below(seed, &problem, k, LIMIT);
    }
}

#[test]
fn no_allocator_is_below_on_larger_functions() {
    let mut proved = 0u64;
    for seed in 0..LARGER {
        let k = 4 + (seed % 4) as usize;
        let optimum = nobody_is_below(seed, &random(seed), k, Duration::from_secs(5));
        proved += u64::from(optimum.proved);
    }
    assert!(proved > LARGER * 9 / 10, "only {proved} of {LARGER} are proved");
}

#[test]
fn without_time_the_bound_remains() {
    let gap = |seed: &u64| {
        let (problem, env) = (random(*seed), env(4));
        let known = optimum(&problem, &env, LIMIT, None);
        known.proved && lower_bound(&problem, &env) < known.bound
    };
    let seed = (0..100).find(gap).expect("a lower bound that is not reached");
    let (problem, env) = (random(seed), env(4));
    let Optimum { cost, bound, proved } = optimum(&problem, &env, Duration::ZERO, Some(1e6));
    assert_eq!((cost, proved), (Some(1e6), false));
    assert_eq!(bound, lower_bound(&problem, &env));
}
