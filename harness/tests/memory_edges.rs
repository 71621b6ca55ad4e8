//! Every load and store at the edges of memories of several sizes and with static offsets of all
//! kinds, on the emulator, against a model.
//!
//! The model is an array of bytes and 33-bit arithmetic. After each call the whole memory is the
//! model's; the emulator itself checks the bytes around it.

mod common;

use common::{CPUS, Config, instantiate};
use std::fmt::Write;
use windlass::instance::Instance;
use windlass::store::Outcome;
use windlass::value::Val;
use windlass::{AllocatorKind, Bounds, Error, OptLevel, Trap};
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

/// All of the core specification, section "Memory Instructions".
const OPERATORS: [Operator; 23] = [
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
    operator("i32.store", ValType::I32, 4, Kind::Store),
    operator("i64.store", ValType::I64, 8, Kind::Store),
    operator("f32.store", ValType::F32, 4, Kind::Store),
    operator("f64.store", ValType::F64, 8, Kind::Store),
    operator("i32.store8", ValType::I32, 1, Kind::Store),
    operator("i32.store16", ValType::I32, 2, Kind::Store),
    operator("i64.store8", ValType::I64, 1, Kind::Store),
    operator("i64.store16", ValType::I64, 2, Kind::Store),
    operator("i64.store32", ValType::I64, 4, Kind::Store),
];

/// A memory that is of `bytes` bytes when the tests run.
#[derive(Clone, Copy)]
struct Memory {
    bytes: u32,
    /// The declared limits and the page size.
    limits: &'static str,
}

/// Of a size that code knows, and of one that it has to ask for.
const MEMORIES: [Memory; 6] = [
    Memory { bytes: 256, limits: "256 256 (pagesize 1)" },
    Memory { bytes: 256, limits: "256 100000 (pagesize 1)" },
    Memory { bytes: 3 << 10, limits: "3072 3072 (pagesize 1)" },
    Memory { bytes: 3 << 10, limits: "3072 (pagesize 1)" },
    Memory { bytes: 64 << 10, limits: "1 1" },
    Memory { bytes: 64 << 10, limits: "1" },
];

/// Bytes behind a memory that masked accesses may reach.
const GUARD_BYTES: u32 = 8;

fn offsets(bytes: u32) -> [u32; 10] {
    [0, 1, 7, 255, bytes - 1, bytes, 4095, 4096, 65535, u32::MAX]
}

/// Around the end, before and after the offset is added, and at the limits of 31 and 32 bits.
fn addresses(bytes: u32, offset: u32) -> Vec<u32> {
    let around = |at: u32| (0..=32).map(move |n| at.wrapping_add(n).wrapping_sub(16));
    let limits = (0..=16).chain(around(0x8000_0000)).chain(0xffff_fff0..=u32::MAX);
    let mut all: Vec<u32> =
        limits.chain(around(bytes)).chain(around(bytes.wrapping_sub(offset))).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// One export for each operator.
fn module(memory: Memory, offset: u32) -> Vec<u8> {
    let mut text = format!("(module (memory {})", memory.limits);
    for Operator { name, ty, kind, .. } in &OPERATORS {
        let ty = format!("{ty:?}").to_lowercase();
        let (ty, operand) = match kind {
            Kind::Store => (format!("(param i32 {ty})"), "(local.get 1)"),
            Kind::Load | Kind::LoadSigned => (format!("(param i32) (result {ty})"), ""),
        };
        let access = format!("({name} offset={offset} align=1 (local.get 0) {operand})");
        let _ = write!(text, "(func (export \"{name}\") {ty} {access})");
    }
    text.push(')');
    wat::parse_str(text).expect("valid wat")
}

fn configs() -> [Config; 2] {
    let make = |(target, cpu, fpu), allocator, opt_level| Config {
        target,
        cpu,
        fpu,
        allocator,
        opt_level,
    };
    [
        make(CPUS[1], AllocatorKind::Ion, OptLevel::Speed),
        make(CPUS[4], AllocatorKind::Greedy, OptLevel::None),
    ]
}

/// An instance with the bytes that its memory is to have, those behind it included.
struct Run {
    instance: Instance,
    bounds: Bounds,
    bytes: u32,
    model: Vec<u8>,
    calls: u64,
}

impl Run {
    fn new(config: &Config, bounds: Bounds, memory: Memory, offset: u32) -> Run {
        let compiler = config.compiler().bounds(bounds).check(false).name("m");
        let artifact = compiler.compile_wasm(&module(memory, offset)).expect("a valid module");
        let guard = if bounds == Bounds::Mask { GUARD_BYTES } else { 0 };
        let handed = memory.bytes + guard;
        let instance = instantiate(&artifact, config.board(), Some(handed)).expect("imports");
        Run {
            instance: instance.expect("no start function"),
            bounds,
            bytes: memory.bytes,
            model: vec![0; handed as usize],
            calls: 0,
        }
    }

    /// Where in the model an access goes; none if it traps.
    fn place(&self, address: u32, offset: u32, width: u32) -> Option<usize> {
        let at = u64::from(address) + u64::from(offset);
        let at = if self.bounds == Bounds::Mask { at % u64::from(self.bytes) } else { at };
        (at + u64::from(width) <= self.model.len() as u64).then_some(at as usize)
    }

    fn access(&mut self, operator: &Operator, offset: u32, address: u32, what: &str) {
        let &Operator { name, ty, width, kind } = operator;
        let place = self.place(address, offset, width);
        if place.is_none() && self.bounds == Bounds::None {
            return;
        }
        self.calls += 1;
        let place = place.map(|at| at..at + width as usize);
        let address = Val::I32(address as i32);
        let mut args = vec![address];
        let mut expected = Vec::new();
        if kind == Kind::Store {
            // No two calls store the same bytes.
            let bits = self.calls.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
            args.push(Val::from_bits(ty, bits));
            if let Some(place) = place.clone() {
                self.model[place].copy_from_slice(&bits.to_le_bytes()[..width as usize]);
            }
        } else if let Some(place) = place.clone() {
            let mut bytes = [0; 8];
            bytes[..width as usize].copy_from_slice(&self.model[place]);
            let unused = 64 - 8 * width;
            let bits = u64::from_le_bytes(bytes) << unused;
            let signed = kind == Kind::LoadSigned;
            let bits = if signed { (bits as i64 >> unused) as u64 } else { bits >> unused };
            expected.push(Val::from_bits(ty, bits));
        }
        let expected = match place {
            Some(_) => Outcome::Returned(expected),
            None => Outcome::Trapped(Trap::MemoryOutOfBounds),
        };
        let at = || format!("{what}: {name} offset={offset} at {address}");
        let outcome = self.instance.invoke(name, &args);
        let (outcome, _) = outcome.unwrap_or_else(|e| panic!("{}: {e}", at()));
        assert_eq!(outcome, expected, "{}", at());
        if kind == Kind::Store {
            let memory = self.instance.read_memory(0, self.bytes).expect("the memory");
            let model = &self.model[..self.bytes as usize];
            if memory != model {
                let wrong = memory.iter().zip(model).position(|(a, b)| a != b);
                panic!("{}: the memory is wrong at {wrong:?}", at());
            }
        }
    }
}

/// Runs all operators, offsets and addresses in `memories`; answers the number of calls.
fn run(bounds: Bounds, memories: &[Memory]) -> u64 {
    let mut calls = 0;
    for config in configs() {
        for &memory in memories {
            let what = format!("{config}, {bounds:?}, memory {}", memory.limits);
            for offset in offsets(memory.bytes) {
                let mut run = Run::new(&config, bounds, memory, offset);
                // Stores first, so that loads find something.
                let (stores, loads): (Vec<&Operator>, Vec<&Operator>) =
                    OPERATORS.iter().partition(|operator| operator.kind == Kind::Store);
                for operator in stores.into_iter().chain(loads) {
                    for address in addresses(memory.bytes, offset) {
                        run.access(operator, offset, address, &what);
                    }
                }
                calls += run.calls;
            }
        }
    }
    println!("{calls} calls");
    calls
}

#[test]
fn checked_accesses_of_256_bytes_trap_exactly_outside() {
    assert!(run(Bounds::Explicit, &MEMORIES[..2]) > 50_000);
}

#[test]
fn checked_accesses_of_3_kib_trap_exactly_outside() {
    assert!(run(Bounds::Explicit, &MEMORIES[2..4]) > 50_000);
}

#[test]
fn checked_accesses_of_64_kib_trap_exactly_outside() {
    assert!(run(Bounds::Explicit, &MEMORIES[4..]) > 50_000);
}

#[test]
fn masked_accesses_wrap() {
    let [small, _, odd, _, large, _] = MEMORIES;
    assert!(run(Bounds::Mask, &[small, large]) > 50_000);
    let compiler = configs()[0].compiler().bounds(Bounds::Mask);
    let error = compiler.compile_wasm(&module(odd, 0)).err();
    assert!(matches!(error, Some(Error::Options(_))), "{error:?}");
}

#[test]
fn unchecked_accesses_inside_are_the_same() {
    assert!(run(Bounds::None, &MEMORIES) > 20_000);
}
