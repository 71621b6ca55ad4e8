//! Bulk operations and growing.

use crate::memory::{MEMORIES, NEIGHBOUR_BYTES, Owner, PLACES, Run, Setup};
use crate::{configs, run_all};
use windlass::Bounds;
use windlass::value::Val;

const DATA: &[u8; 16] = b"sixteen of these";

const FUNCTIONS: &str = r#"
    (data $data "sixteen of these")
    (func (export "fill") (param i32 i32 i32)
        (memory.fill $m (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param i32 i32 i32)
        (memory.copy $m $m (local.get 0) (local.get 1) (local.get 2)))
    (func (export "init") (param i32 i32 i32)
        (memory.init $m $data (local.get 0) (local.get 1) (local.get 2)))"#;

/// Between `$m` and the memory in front of it.
const BETWEEN: &str = r#"
    (func (export "copy in") (param i32 i32 i32)
        (memory.copy $m 0 (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy out") (param i32 i32 i32)
        (memory.copy 0 $m (local.get 0) (local.get 1) (local.get 2)))"#;

/// Addresses and lengths at the edges of `bytes` bytes, of 31 bits and of 32.
fn edges(bytes: u32) -> [u32; 11] {
    let (sign, end) = (1 << 31, u32::MAX);
    [0, 1, 8, bytes - 8, bytes - 1, bytes, bytes + 1, sign, end - bytes + 1, end - 7, end]
}

/// Calls a bulk operation. `expected` is what the model gets, and where; none for a trap.
fn bulk(run: &mut Run, name: &str, args: [u32; 3], expected: Option<(usize, Vec<u8>)>) {
    let fits = expected.is_some();
    if let Some((at, bytes)) = expected {
        run.model[at..][..bytes.len()].copy_from_slice(&bytes);
    }
    run.call(name, &args.map(|arg| Val::I32(arg as i32)), fits.then(Vec::new));
}

/// All triples of edges. Unchecked operations are left out where they are outside.
fn check_bulk(run: &mut Run, bounds: Bounds, owner: Owner) {
    let memory = run.memory;
    let edges = edges(run.bytes());
    let call = |run: &mut Run, name: &str, args: [u32; 3], expected: Option<_>| {
        if expected.is_some() || bounds != Bounds::None {
            bulk(run, name, args, expected);
        }
    };
    for bytes in edges {
        for to in edges {
            let byte = to.wrapping_mul(7).wrapping_add(bytes) | 0x5a00;
            let place = run.range(memory, to, bytes);
            let filled = place.map(|place| (place.start, vec![byte as u8; bytes as usize]));
            call(run, "fill", [to, byte, bytes], filled);
            for from in [0, 1, 15, 16, 17, 1 << 31, u32::MAX] {
                let end = u64::from(from) + u64::from(bytes);
                let data = (end <= 16).then(|| DATA[from as usize..end as usize].to_vec());
                let place = run.range(memory, to, bytes);
                let copied = place.zip(data).map(|(place, data)| (place.start, data));
                call(run, "init", [to, from, bytes], copied);
            }
            for from in edges {
                let copied = copied(run, [memory, memory], [to, from, bytes]);
                call(run, "copy", [to, from, bytes], copied);
            }
        }
    }
    if owner == Owner::Between {
        for (to, from, bytes) in [(0, 0, 8), (1, 0, 8), (0, 1, 8), (7, 7, 1), (8, 8, 0), (9, 0, 0)]
        {
            for (name, memories, [to, from]) in [
                ("copy in", [memory, 0], [run.bytes() - NEIGHBOUR_BYTES + to, from]),
                ("copy out", [0, memory], [to, run.bytes() - NEIGHBOUR_BYTES + from]),
            ] {
                let args = [to, from, bytes];
                let copied = copied(run, memories, args);
                call(run, name, args, copied);
            }
        }
    }
}

/// What a copy from one memory to another brings about.
fn copied(run: &Run, memories: [usize; 2], args: [u32; 3]) -> Option<(usize, Vec<u8>)> {
    let [to, from, bytes] = args;
    let to = run.range(memories[0], to, bytes)?;
    let from = run.range(memories[1], from, bytes)?;
    Some((to.start, run.model[from].to_vec()))
}

#[test]
fn bulk_operations_write_all_or_nothing() {
    let mut calls = 0;
    run_all(&[Bounds::Explicit, Bounds::Mask, Bounds::None], |setup, place| {
        let more = if setup.owner == Owner::Between { BETWEEN } else { "" };
        let artifact = setup.compile(&(FUNCTIONS.to_owned() + more));
        let mut run = setup.instantiate(&artifact, place, 0);
        check_bulk(&mut run, setup.bounds, setup.owner);
        calls += run.calls;
    });
    assert!(calls > 50_000, "{calls} calls");
}

/// Pages of one byte: each call of `memory.grow` moves the edge, and what is behind it stays the
/// host's until then.
#[test]
fn the_edge_moves_as_the_memory_grows() {
    const SPARE: u32 = 24;
    let text = r#"
        (func (export "grow") (param i32) (result i32) (memory.grow $m (local.get 0)))
        (func (export "size") (result i32) (memory.size $m))
        (func (export "load") (param i32) (result i32) (i32.load8_u $m (local.get 0)))
        (func (export "store") (param i32) (i64.store $m (local.get 0) (i64.const -1)))"#;
    for (turn, config) in configs().into_iter().enumerate() {
        for owner in crate::memory::OWNERS {
            let setup = Setup { config, bounds: Bounds::Explicit, memory: MEMORIES[3], owner };
            let artifact = setup.compile(text);
            for place in [&PLACES[turn % PLACES.len()], &PLACES[4]] {
                let mut run = setup.instantiate(&artifact, place, SPARE);
                let end = run.bytes() + SPARE;
                for by in [0, 1, 3, 0, 25, u32::MAX, 19, 2, 1, 0, 1] {
                    let before = run.bytes();
                    let grown = u64::from(before) + u64::from(by) <= u64::from(end);
                    if grown {
                        run.grow(by);
                    }
                    let answer = if grown { before as i32 } else { -1 };
                    run.call("grow", &[Val::I32(by as i32)], Some(vec![Val::I32(answer)]));
                    let bytes = run.bytes() as i32;
                    run.call("size", &[], Some(vec![Val::I32(bytes)]));
                    let last = run.place(bytes as u32 - 1, 0, 1).map(|place| run.model[place][0]);
                    let last = last.map(|byte| vec![Val::I32(byte.into())]);
                    run.call("load", &[Val::I32(bytes - 1)], last);
                    run.call("load", &[Val::I32(bytes)], None);
                    run.call("store", &[Val::I32(bytes - 7)], None);
                    let place = run.place(bytes as u32 - 8, 0, 8).expect("inside");
                    run.model[place].fill(0xff);
                    run.call("store", &[Val::I32(bytes - 8)], Some(vec![]));
                }
                assert_eq!(run.bytes(), end, "all was used");
            }
        }
    }
}
