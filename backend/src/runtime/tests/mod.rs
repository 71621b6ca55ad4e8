//! The routines against the host's arithmetic, compiled for the host from the same CLIF.

mod host;
mod oracle;
mod patterns;

use super::{Float, RuntimeCall};
use crate::module::SymbolId;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::settings::{self, Flags};
use cranelift_codegen::verify_function;
use host::Host;
use oracle::Mismatch;
use patterns::{Random, Source};

/// Compares a routine for one list of arguments.
fn check(host: &Host, call: RuntimeCall, args: &[u64]) {
    let Some(expected) = oracle::results(call, args) else { return };
    let results = host.call(call, args);
    if let Err(Mismatch(why)) = oracle::compare(call, args, &expected, &results) {
        panic!("{call}({args:x?}): got {results:x?}, not {expected:x?}: {why}");
    }
}

fn arithmetic() -> impl Iterator<Item = RuntimeCall> {
    let memory = [RuntimeCall::Memmove, RuntimeCall::Memset];
    RuntimeCall::all().into_iter().filter(move |call| !memory.contains(call))
}

fn check_random(count: u32) {
    let host = Host::new();
    for call in arithmetic() {
        let mut random = Random::new(0x5eed);
        let sources: Vec<Source> = patterns::sources(call);
        for _ in 0..count {
            let args = random.args(&sources);
            check(&host, call, &args);
        }
    }
}

#[test]
fn all_pairs_of_edge_patterns() {
    let host = Host::new();
    for call in arithmetic() {
        let sources = patterns::sources(call);
        match sources.as_slice() {
            [x] => x.edges().for_each(|x| check(&host, call, &[x])),
            [x, y] => {
                for x in x.edges() {
                    y.edges().for_each(|y| check(&host, call, &[x, y]));
                }
            }
            _ => panic!("{call} has {} parameters", sources.len()),
        }
    }
}

#[test]
fn twenty_thousand_random_arguments_each() {
    check_random(20_000);
}

#[test]
#[ignore = "a quarter of a minute"]
fn a_million_random_arguments_each() {
    check_random(1_000_000);
}

#[test]
fn copies_of_all_alignments_and_overlaps() {
    let host = Host::new();
    for len in (0..40).chain([63, 64, 65, 127]) {
        for from in 0..5 {
            for to in (0..5).chain([from + 1, from + 7, from + 16, from + 33, 200]) {
                let mut memory: Vec<u8> = (0..400).map(|n| (n * 7) as u8).collect();
                let mut expected = memory.clone();
                for (from, to) in [(from, to), (to, from)] {
                    expected.copy_within(from..from + len, to);
                    let base = memory.as_mut_ptr();
                    let [to, from] = [to, from].map(|at| base.wrapping_add(at) as u64);
                    host.call(RuntimeCall::Memmove, &[to, from, len as u64]);
                    assert_eq!(memory, expected, "{len} bytes from {from:#x} to {to:#x}");
                }
            }
        }
    }
}

#[test]
fn fills_of_all_alignments() {
    let host = Host::new();
    for len in 0..80 {
        for to in 0..8 {
            let mut memory = vec![0x55_u8; 100];
            let mut expected = memory.clone();
            expected[to..to + len].fill(0xa3);
            let place = memory.as_mut_ptr().wrapping_add(to) as u64;
            host.call(RuntimeCall::Memset, &[place, len as u64, 0xffff_ffa3]);
            assert_eq!(memory, expected, "{len} bytes at {to}");
        }
    }
}

#[test]
fn symbols_are_distinct_identifiers() {
    let mut symbols: Vec<String> =
        RuntimeCall::all().into_iter().map(RuntimeCall::default_symbol).collect();
    assert!(symbols.contains(&"__windlass_f64sqrt".to_string()));
    assert!(
        symbols.iter().all(|symbol| symbol.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()))
    );
    symbols.sort_unstable();
    symbols.dedup();
    assert_eq!(symbols.len(), RuntimeCall::all().len());
}

/// What a module must carry along with a routine is known without building it.
#[test]
fn routines_call_no_other_than_their_callee() {
    for call in RuntimeCall::all() {
        let asked = core::cell::RefCell::new(Vec::new());
        let function = super::build(call, I32, &|symbol| {
            asked.borrow_mut().push(symbol);
            SymbolId(0)
        });
        assert!(function.layout.entry_block().is_some());
        let asked = asked.into_inner();
        assert!(asked.iter().all(|&symbol| symbol == call || Some(symbol) == call.callee()));
        assert_eq!(asked.len(), 1 + usize::from(call.callee().is_some()), "{call}");
    }
}

#[test]
fn routines_are_well_formed_for_32_bit_addresses() {
    let flags = Flags::new(settings::builder());
    for call in RuntimeCall::all() {
        let function = super::build(call, I32, &|_| SymbolId(0));
        if let Err(errors) = verify_function(&function, &flags) {
            panic!("{call}: {errors}\n{function}");
        }
    }
}

#[test]
fn formats_have_the_constants_of_the_standard() {
    assert_eq!(Float::F32.infinity(), u64::from(f32::INFINITY.to_bits()));
    assert_eq!(Float::F64.infinity(), f64::INFINITY.to_bits());
    assert_eq!(Float::F32.one(), u64::from(1_f32.to_bits()));
    assert_eq!(Float::F64.one(), 1_f64.to_bits());
    assert_eq!([Float::F32.nan(), Float::F64.nan()], [0x7fc0_0000, 0x7ff8_0000_0000_0000]);
}
