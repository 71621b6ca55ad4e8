//! Loads and stores.

use crate::memory::{MEMORIES, Memory, OWNERS, Owner, PLACES, Place, Run, Setup};
use crate::{configs, run_all};
use std::fmt::Write;
use windlass::value::Val;
use windlass::{Bounds, Error};
use windlass_backend::module::ValType;

/// A load or store operator.
struct Operator {
    name: &'static str,
    ty: ValType,
    /// Bytes that it accesses.
    width: u32,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Store,
    /// Of the whole type, or extended by zeros.
    Load,
    LoadSigned,
}

const fn operator(name: &'static str, ty: ValType, width: u32, kind: Kind) -> Operator {
    Operator { name, ty, width, kind }
}

/// All of the core specification, section "Memory Instructions". Stores first, so that loads find
/// something.
const OPERATORS: [Operator; 23] = [
    operator("i32.store", ValType::I32, 4, Kind::Store),
    operator("i64.store", ValType::I64, 8, Kind::Store),
    operator("f32.store", ValType::F32, 4, Kind::Store),
    operator("f64.store", ValType::F64, 8, Kind::Store),
    operator("i32.store8", ValType::I32, 1, Kind::Store),
    operator("i32.store16", ValType::I32, 2, Kind::Store),
    operator("i64.store8", ValType::I64, 1, Kind::Store),
    operator("i64.store16", ValType::I64, 2, Kind::Store),
    operator("i64.store32", ValType::I64, 4, Kind::Store),
    operator("i32.load", ValType::I32, 4, Kind::Load),
    operator("i64.load", ValType::I64, 8, Kind::Load),
    operator("f32.load", ValType::F32, 4, Kind::Load),
    operator("f64.load", ValType::F64, 8, Kind::Load),
    operator("i32.load8_s", ValType::I32, 1, Kind::LoadSigned),
    operator("i32.load8_u", ValType::I32, 1, Kind::Load),
    operator("i32.load16_s", ValType::I32, 2, Kind::LoadSigned),
    operator("i32.load16_u", ValType::I32, 2, Kind::Load),
    operator("i64.load8_s", ValType::I64, 1, Kind::LoadSigned),
    operator("i64.load8_u", ValType::I64, 1, Kind::Load),
    operator("i64.load16_s", ValType::I64, 2, Kind::LoadSigned),
    operator("i64.load16_u", ValType::I64, 2, Kind::Load),
    operator("i64.load32_s", ValType::I64, 4, Kind::LoadSigned),
    operator("i64.load32_u", ValType::I64, 4, Kind::Load),
];

/// How code comes by an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Argument,
    /// A constant more than the argument.
    Sum,
    /// The argument by four, as an index of words is.
    Scaled,
    /// The argument, at which a byte is loaded before.
    AfterByte,
    /// The argument, at which a byte is loaded afterwards.
    BeforeByte,
}

const OTHER_FORMS: [Form; 4] = [Form::Sum, Form::Scaled, Form::AfterByte, Form::BeforeByte];

const SUMMAND: u32 = 12;

impl Form {
    /// Code for the address, and what stands before and behind the access.
    fn code(self) -> (String, &'static str, &'static str) {
        const BYTE: &str = "(drop (i32.load8_u $m (local.get 0)))";
        let argument = "(local.get 0)";
        match self {
            Form::Argument => (argument.into(), "", ""),
            Form::Sum => (format!("(i32.add {argument} (i32.const {SUMMAND}))"), "", ""),
            Form::Scaled => (format!("(i32.shl {argument} (i32.const 2))"), "", ""),
            Form::AfterByte => (argument.into(), BYTE, ""),
            Form::BeforeByte => (argument.into(), "", BYTE),
        }
    }

    /// The argument for which the code's address is `address`.
    fn argument(self, address: u32) -> Option<u32> {
        match self {
            Form::Sum => Some(address.wrapping_sub(SUMMAND)),
            Form::Scaled => address.is_multiple_of(4).then_some(address / 4),
            Form::Argument | Form::AfterByte | Form::BeforeByte => Some(address),
        }
    }
}

/// Around what addressing modes and the memory's size end at.
fn offsets(bytes: u32) -> Vec<u32> {
    let mut all = vec![0, 1, 7, 31, 32, 62, 64, 124, 128, 255, 256, 1020, 1024, 4095, 4096, 65535];
    all.extend([0x7fff_ffff, 0x8000_0000, u32::MAX]);
    all.extend([bytes - 8, bytes - 4, bytes - 2, bytes - 1, bytes]);
    sorted(all)
}

/// All at which an access of up to eight bytes begins or ends at an edge: of the memory, before and
/// after the offset is added, of 31 bits, and where the sum reaches 33 bits.
fn addresses(bytes: u32, offset: u32) -> Vec<u32> {
    let edges = [0, bytes, bytes.wrapping_sub(offset), 0u32.wrapping_sub(offset), 0x8000_0000];
    let around = |edge: u32| (0..12).map(move |n| edge.wrapping_add(n).wrapping_sub(9));
    sorted(edges.into_iter().flat_map(around).collect())
}

fn sorted(mut all: Vec<u32>) -> Vec<u32> {
    all.sort_unstable();
    all.dedup();
    all
}

/// An export for `operator`, with `address` as code.
fn function(text: &mut String, name: &str, operator: &Operator, offset: u32, code: [&str; 3]) {
    let [address, before, behind] = code;
    let (op, ty) = (operator.name, format!("{:?}", operator.ty).to_lowercase());
    let (ty, operand) = match operator.kind {
        Kind::Store => (format!("(param i32 {ty})"), "(local.get 1)"),
        Kind::Load | Kind::LoadSigned => (format!("(param i32) (result {ty})"), ""),
    };
    let access = format!("({op} $m offset={offset} align=1 {address} {operand})");
    let _ = writeln!(text, "(func (export \"{name}\") {ty} {before} {access} {behind})");
}

/// Calls an export that accesses what is at `address` and `offset`.
fn access(run: &mut Run, name: &str, operator: &Operator, at: (u32, u32), argument: u32) {
    let &Operator { ty, width, kind, .. } = operator;
    let place = run.place(at.0, at.1, width);
    let mut args = vec![Val::I32(argument as i32)];
    let mut results = Vec::new();
    if kind == Kind::Store {
        // No two calls store the same bytes.
        let bits = (run.calls + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        args.push(Val::from_bits(ty, bits));
        if let Some(place) = place.clone() {
            run.model[place].copy_from_slice(&bits.to_le_bytes()[..width as usize]);
        }
    } else if let Some(place) = place.clone() {
        let mut bytes = [0; 8];
        bytes[..width as usize].copy_from_slice(&run.model[place]);
        let unused = 64 - 8 * width;
        let bits = u64::from_le_bytes(bytes) << unused;
        let signed = kind == Kind::LoadSigned;
        let bits = if signed { (bits as i64 >> unused) as u64 } else { bits >> unused };
        results.push(Val::from_bits(ty, bits));
    }
    run.call(name, &args, place.map(|_| results));
}

/// All operators at the edges of the memory, with one offset and form.
fn check(setup: &Setup, offset: u32, form: Form, places: &[&Place]) -> u64 {
    let (address, before, behind) = form.code();
    let mut text = String::new();
    for operator in &OPERATORS {
        function(&mut text, operator.name, operator, offset, [&address, before, behind]);
    }
    let artifact = setup.compile(&text);
    let run = |place: &&Place| {
        let mut run = setup.instantiate(&artifact, place, 0);
        for operator in &OPERATORS {
            for address in addresses(setup.memory.bytes, offset) {
                let outside = run.place(address, offset, operator.width).is_none();
                if outside && setup.bounds == Bounds::None {
                    continue;
                }
                if let Some(argument) = form.argument(address) {
                    access(&mut run, operator.name, operator, (address, offset), argument);
                }
            }
        }
        run.calls
    };
    places.iter().map(run).sum()
}

/// Every offset with the plain form and one other. Configurations and places take turns.
fn check_edges(bounds: Bounds, memories: &[Memory], owners: &[Owner]) -> u64 {
    let (mut calls, mut turn) = (0, 0);
    for &memory in memories {
        for &owner in owners {
            for offset in offsets(memory.bytes) {
                for form in [Form::Argument, OTHER_FORMS[turn / 2 % OTHER_FORMS.len()]] {
                    let config = configs()[turn % configs().len()];
                    let place = &PLACES[(turn + turn / PLACES.len()) % PLACES.len()];
                    let setup = Setup { config, bounds, memory, owner };
                    calls += check(&setup, offset, form, &[place]);
                    turn += 1;
                }
            }
        }
    }
    println!("{calls} calls");
    calls
}

#[test]
fn checked_accesses_of_256_bytes_trap_exactly_outside() {
    assert!(check_edges(Bounds::Explicit, &MEMORIES[..2], &OWNERS) > 250_000);
}

#[test]
fn checked_accesses_of_3_kib_trap_exactly_outside() {
    assert!(check_edges(Bounds::Explicit, &MEMORIES[2..4], &OWNERS) > 250_000);
}

#[test]
fn checked_accesses_of_64_kib_trap_exactly_outside() {
    assert!(check_edges(Bounds::Explicit, &MEMORIES[4..], &OWNERS) > 250_000);
}

#[test]
fn masked_accesses_wrap() {
    let [small, _, odd, _, large, _] = MEMORIES;
    assert!(check_edges(Bounds::Mask, &[small, large], &OWNERS[..2]) > 180_000);
    for (memory, owner) in [(odd, Owner::Module), (small, Owner::Host)] {
        let setup = Setup { config: configs()[0], bounds: Bounds::Mask, memory, owner };
        let compiler = setup.config.compiler().bounds(Bounds::Mask);
        let error = compiler.compile_wasm(&setup.module("")).err();
        assert!(matches!(error, Some(Error::Options(_))), "{setup}: {error:?}");
    }
}

#[test]
fn unchecked_accesses_inside_are_the_same() {
    assert!(check_edges(Bounds::None, &MEMORIES, &OWNERS) > 90_000);
}

/// Addresses that code knows: so that an access ends at the memory's end, one byte before and one
/// behind, and where sums exceed 32 bits.
#[test]
fn constant_addresses_are_checked_like_others() {
    let mut calls = 0;
    run_all(&[Bounds::Explicit, Bounds::Mask, Bounds::None], |setup, place| {
        let bytes = setup.memory.bytes;
        let mut text = String::new();
        let mut cases = Vec::new();
        for operator in &OPERATORS {
            let last = bytes - operator.width;
            let mut places = vec![(u32::MAX, 0), (u32::MAX, 1), (1, u32::MAX), (1 << 31, 1 << 31)];
            places.extend([last - 1, last, last + 1].map(|at| (at, 0)));
            places.extend([last - 1, last, last + 1].map(|at| (0, at)));
            places.extend([last - 8, last - 7, last - 6].map(|at| (at, 7)));
            for (address, offset) in places {
                let name = format!("{} {address} {offset}", operator.name);
                let code = format!("(i32.const {address})");
                function(&mut text, &name, operator, offset, [&code, "", ""]);
                cases.push((name, operator, address, offset));
            }
        }
        let mut run = setup.instantiate(&setup.compile(&text), place, 0);
        for (name, operator, address, offset) in cases {
            let outside = run.place(address, offset, operator.width).is_none();
            if !outside || setup.bounds != Bounds::None {
                access(&mut run, &name, operator, (address, offset), 0);
            }
        }
        calls += run.calls;
    });
    assert!(calls > 10_000, "{calls} calls");
}

/// What the other tests rest upon: without checks, the emulator tells accesses outside.
#[test]
fn the_emulator_tells_accesses_outside() {
    let text = r#"
        (func (export "load") (param i32) (result i32) (i32.load8_u $m (local.get 0)))
        (func (export "store") (param i32) (i32.store8 $m (local.get 0) (i32.const 0)))"#;
    let memory = MEMORIES[0];
    for config in configs() {
        let setup = Setup { config, bounds: Bounds::None, memory, owner: Owner::Module };
        let artifact = setup.compile(text);
        for address in [-1, memory.bytes as i32] {
            let [canaries, alone, ..] = &PLACES;
            let mut run = setup.instantiate(&artifact, canaries, 0);
            let error = run.call_refused("store", &[Val::I32(address)]);
            assert!(error.contains("outside of its memory"), "{setup}: {error}");
            for name in ["load", "store"] {
                let mut run = setup.instantiate(&artifact, alone, 0);
                let error = run.call_refused(name, &[Val::I32(address)]);
                assert!(error.contains("access to 0x"), "{setup}: {error}");
            }
        }
    }
}

#[test]
#[ignore = "takes minutes"]
fn accesses_at_each_place_by_each_configuration() {
    let places: Vec<&Place> = PLACES.iter().collect();
    for config in configs() {
        for memory in MEMORIES {
            for owner in OWNERS {
                let setup = Setup { config, bounds: Bounds::Explicit, memory, owner };
                for offset in offsets(memory.bytes) {
                    check(&setup, offset, Form::Argument, &places);
                }
            }
        }
    }
}
