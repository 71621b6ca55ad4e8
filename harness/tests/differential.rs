//! Generated modules behave as in wasmi: results, traps, globals and memory, for every allocator.

#[path = "../fuzz/mod.rs"]
mod fuzz;

use fuzz::{Agreement, compare, generate, some_allocators};
use rayon::prelude::*;
use windlass::AllocatorKind;

const MODULES: u64 = 2000;

#[test]
fn generated_modules_behave_as_in_wasmi() {
    all_agree(some_allocators);
}

#[test]
#[ignore = "takes minutes"]
fn generated_modules_behave_as_in_wasmi_by_every_allocator() {
    all_agree(|_| AllocatorKind::ALL.to_vec());
}

fn all_agree(allocators: impl Fn(&[u8]) -> Vec<AllocatorKind> + Sync) {
    let results: Vec<_> = (0..MODULES)
        .into_par_iter()
        .map(|seed| {
            let compared = compare(&generate::bytes(seed), &allocators);
            compared.map_err(|error| format!("seed {seed}: {error}"))
        })
        .collect();
    let failures: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    let (mut ran, mut returned, mut trapped) = (0, 0, 0);
    for result in results.into_iter().flatten() {
        if let Agreement::Calls { returned: r, trapped: t } = result {
            ran += 1;
            returned += r;
            trapped += t;
        }
    }
    println!("{ran} of {MODULES} modules ran: {returned} calls returned, {trapped} trapped");
    assert!(ran > MODULES / 2 && returned > 1000 && trapped > 1000);
}
