//! A memory at a place of the test's choice, and a model of all RAM around it.
//!
//! The memory lies in one block of RAM, with whatever else the module owns directly before and
//! behind it. The model has every byte of the block; the emulator itself checks the canaries around
//! it, and where there are none nothing is mapped.

use crate::common::Config;
use core::ops::Range;
use std::fmt;
use windlass::emulator::Emulator;
use windlass::machine::{CANARY_BYTES, JUNK};
use windlass::store::{InstanceId, Linker, Outcome, Store};
use windlass::value::Val;
use windlass::{Artifact, Bounds, Trap};
use windlass_backend::module::ExternType;

/// A memory that is of `bytes` bytes when the tests run.
#[derive(Clone, Copy)]
pub struct Memory {
    pub bytes: u32,
    /// The declared limits and the page size.
    pub limits: &'static str,
}

/// Of a size that code knows, and of one that it has to ask for.
pub const MEMORIES: [Memory; 6] = [
    Memory { bytes: 256, limits: "256 256 (pagesize 1)" },
    Memory { bytes: 256, limits: "256 100000 (pagesize 1)" },
    Memory { bytes: 3 << 10, limits: "3072 3072 (pagesize 1)" },
    Memory { bytes: 3 << 10, limits: "3072 (pagesize 1)" },
    Memory { bytes: 64 << 10, limits: "1 1" },
    Memory { bytes: 64 << 10, limits: "1" },
];

/// Bytes behind a memory that masked accesses may reach.
const GUARD_BYTES: u32 = 8;

/// Whose memory `$m` is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// The module's only one.
    Module,
    /// The module's second of three that lie one behind the other, with no gap.
    Between,
    /// The host's, reached through its descriptor.
    Host,
}

pub const OWNERS: [Owner; 3] = [Owner::Module, Owner::Between, Owner::Host];

/// Bytes of the memories on both sides of one that is `Between`.
pub const NEIGHBOUR_BYTES: u32 = 8;

/// Where the host has a block of RAM.
pub struct Place {
    pub name: &'static str,
    /// The address of a block of so many bytes, which is a multiple of 8.
    base: fn(u32) -> u32,
    /// Bytes before and behind.
    canaries: [u32; 2],
}

pub const PLACES: [Place; 6] = [
    Place {
        name: "aligned to 8 bytes and no more",
        base: |_| 0x3000_0008,
        canaries: [CANARY_BYTES; 2],
    },
    Place { name: "all of a RAM", base: |_| 0x6000_0000, canaries: [0, 0] },
    Place {
        name: "across 2^31",
        base: |bytes| 0x8000_0000 - bytes / 16 * 8,
        canaries: [CANARY_BYTES; 2],
    },
    Place {
        name: "eight bytes below 2^32",
        base: |bytes| 0u32.wrapping_sub(bytes + 8),
        canaries: [CANARY_BYTES, 8],
    },
    Place {
        name: "up to 2^32",
        base: |bytes| 0u32.wrapping_sub(bytes),
        canaries: [CANARY_BYTES, 0],
    },
    Place { name: "at address 8", base: |_| 8, canaries: [8, CANARY_BYTES] },
];

/// A module's memory and how it is compiled.
#[derive(Clone, Copy)]
pub struct Setup {
    pub config: Config,
    pub bounds: Bounds,
    pub memory: Memory,
    pub owner: Owner,
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Setup { config, bounds, memory, owner } = self;
        write!(f, "{config}, {bounds:?}, memory {} of {owner:?}", memory.limits)
    }
}

impl Setup {
    /// A module with the memory `$m` and what `fields` say.
    pub fn module(&self, fields: &str) -> Vec<u8> {
        let limits = self.memory.limits;
        let memories = match self.owner {
            Owner::Module => format!("(memory $m {limits})"),
            Owner::Between => {
                let neighbour = format!("{NEIGHBOUR_BYTES} {NEIGHBOUR_BYTES} (pagesize 1)");
                format!("(memory {neighbour}) (memory $m {limits}) (memory {neighbour})")
            }
            Owner::Host => format!(r#"(import "host" "memory" (memory $m {limits}))"#),
        };
        wat::parse_str(format!("(module {memories} {fields})")).expect("valid wat")
    }

    pub fn compile(&self, fields: &str) -> Artifact {
        let compiler = self.config.compiler().bounds(self.bounds).check(false).name("m");
        compiler.compile_wasm(&self.module(fields)).unwrap_or_else(|e| panic!("{self}: {e}"))
    }

    fn guard_bytes(&self) -> u32 {
        if self.bounds == Bounds::Mask { GUARD_BYTES } else { 0 }
    }

    /// An instance in a block at `place`. The memory may grow by `spare` bytes.
    pub fn instantiate(&self, artifact: &Artifact, place: &Place, spare: u32) -> Run {
        let (bytes, guard) = (self.memory.bytes, self.guard_bytes());
        let mut parts = vec![(bytes, bytes + guard + spare)];
        if self.owner == Owner::Between {
            let neighbour = (NEIGHBOUR_BYTES, NEIGHBOUR_BYTES + guard);
            parts = vec![neighbour, parts[0], neighbour];
        }
        let total = parts.iter().map(|(_, handed)| handed).sum();
        let mut next = (place.base)(total);
        let mut run = Run {
            what: format!("{self}, {}", place.name),
            store: Store::new(self.config.board()),
            instance: None,
            block: next,
            model: vec![JUNK; total as usize],
            parts: Vec::new(),
            guard,
            memory: usize::from(self.owner == Owner::Between),
            calls: 0,
            now: vec![0; total as usize],
        };
        let machine = run.store.machine_mut();
        machine.map_block_at(next, total, place.canaries).expect("room");
        machine.emulator.fill(next, total, JUNK).expect("RAM");
        let mut memories = Vec::new();
        for (bytes, handed) in parts {
            let start = (next - run.block) as usize;
            run.model[start..][..(bytes + guard) as usize].fill(0);
            run.parts.push(Part { start, bytes });
            memories.push((next, handed));
            next = next.wrapping_add(handed);
        }
        let mut linker = Linker::default();
        if self.owner == Owner::Host {
            let (base, capacity) = memories.remove(0);
            let interface = artifact.module.interface.as_ref().expect("of a wasm module");
            let ExternType::Memory(ty) = interface.imports[0].ty else { panic!("no memory") };
            run.store.machine_mut().emulator.fill(base, bytes, 0).expect("RAM");
            let item = run.store.host_memory_in(ty, base, capacity).expect("room");
            linker.define("host", "memory", item);
        }
        let Artifact { module, object, .. } = artifact;
        let instance = run.store.instantiate_in(module, object, &linker, &memories);
        let instance = instance.unwrap_or_else(|e| panic!("{}: {e}", run.what));
        run.instance = Some(instance.expect("no start function"));
        run.check_memory(&"instantiation");
        run
    }
}

/// A memory's part of the block.
struct Part {
    /// Offset in the model.
    start: usize,
    /// Its size now.
    bytes: u32,
}

/// An instance with the bytes that its block is to have.
pub struct Run {
    what: String,
    store: Store,
    instance: Option<InstanceId>,
    /// Where the block begins.
    block: u32,
    pub model: Vec<u8>,
    parts: Vec<Part>,
    guard: u32,
    /// The index of `$m`.
    pub memory: usize,
    pub calls: u64,
    /// Room to read the block into.
    now: Vec<u8>,
}

impl Run {
    /// The size of `$m` now.
    pub fn bytes(&self) -> u32 {
        self.parts[self.memory].bytes
    }

    /// `$m` grows; its new bytes are zero.
    pub fn grow(&mut self, by: u32) {
        let Part { start, bytes } = &mut self.parts[self.memory];
        self.model[*start + *bytes as usize..][..by as usize].fill(0);
        *bytes += by;
    }

    /// Where in the model the bytes of a range of a memory are; none if not all are inside.
    pub fn range(&self, memory: usize, address: u32, bytes: u32) -> Option<Range<usize>> {
        let Part { start, bytes: size } = self.parts[memory];
        let end = u64::from(address) + u64::from(bytes);
        (end <= size.into()).then(|| start + address as usize..start + end as usize)
    }

    /// Where in the model an access to `$m` goes; none if it is outside.
    pub fn place(&self, address: u32, offset: u32, width: u32) -> Option<Range<usize>> {
        let Part { start, bytes: size } = self.parts[self.memory];
        let at = u64::from(address) + u64::from(offset);
        let at = if self.guard > 0 { at % u64::from(size) } else { at };
        let end = at + u64::from(width);
        (end <= u64::from(size + self.guard)).then(|| start + at as usize..start + end as usize)
    }

    /// Calls an export, which must return `expected` or else trap for an access outside, and leave
    /// RAM as the model has it.
    #[track_caller]
    pub fn call(&mut self, name: &str, args: &[Val], expected: Option<Vec<Val>>) {
        self.calls += 1;
        let instance = self.instance.expect("an instance");
        let outcome = self.store.invoke(instance, name, args);
        let (outcome, _) =
            outcome.unwrap_or_else(|e| panic!("{}: {name} {args:?}: {e}", self.what));
        let expected = match expected {
            Some(values) => Outcome::Returned(values),
            None => Outcome::Trapped(Trap::MemoryOutOfBounds),
        };
        assert_eq!(outcome, expected, "{}: {name} {args:?}", self.what);
        self.check_memory(&format_args!("{name} {args:?}"));
    }

    /// The error of a call that the emulator is to refuse.
    #[track_caller]
    pub fn call_refused(&mut self, name: &str, args: &[Val]) -> String {
        let instance = self.instance.expect("an instance");
        match self.store.invoke(instance, name, args) {
            Ok((outcome, _)) => panic!("{}: {name} {args:?}: {outcome:?}", self.what),
            Err(error) => error.to_string(),
        }
    }

    #[track_caller]
    fn check_memory(&mut self, after: &dyn fmt::Display) {
        let Run { what, store, block, model, now, .. } = self;
        store.machine().emulator.read(*block, now).expect("the block");
        if now != model {
            let at = now.iter().zip(&*model).position(|(a, b)| a != b).expect("a difference");
            let address = block.wrapping_add(at as u32);
            panic!(
                "{what}: after {after}: {:#04x} at {address:#010x}, not {:#04x}",
                now[at], model[at]
            );
        }
    }
}
