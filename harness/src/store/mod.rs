//! Wasm modules instantiated on one emulated board, linked to each other and to the host.
//!
//! Input: compiled modules, and a [`Linker`] that says what their imports stand for. Output:
//! results, traps, memory. Everything goes the way that a C host would take: instances and
//! memories are the host's, calls go through the exported entries, and a trap is recovered as the
//! fault handler and the landing pad that windlass ships would do it.
//!
//! Each instance has an image of its module to itself: what an undefined symbol leads to is the
//! instance's affair.
//!
//! Invariant: before anything of a module is linked, each of its imports is known to have the type
//! that it declares.

mod exports;
mod host;
mod instantiate;
mod items;
mod linker;
mod matching;

pub use host::GuestMemory;
pub use linker::{HostItem, Linker};

use crate::emulator::Emulator;
use crate::machine::{Board, Cost, Machine, MachineError};
use crate::value::Val;
use host::{HostFunction, HostSide, Stub};
use linker::Resolved;
use windlass_backend::Trap;
use windlass_backend::instance::{offset, status};
use windlass_backend::module::{Export, ExternType, Interface, SymbolId, ValType};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error("a .clif module has no instance")]
    NoInterface,
    #[error("unknown import: {module}.{name}")]
    UnknownImport { module: String, name: String },
    #[error(
        "incompatible import type: {module}.{name} is {found}, and the import asks for {expected}"
    )]
    IncompatibleImport { module: String, name: String, expected: String, found: String },
    #[error("no export named {name}; there are: {}", exports.join(", "))]
    NoExport { name: String, exports: Vec<String> },
    #[error("the export {name} is no {kind}")]
    WrongExport { name: String, kind: &'static str },
    #[error("{name} takes {expected:?}, not {given:?}")]
    Arguments { name: String, expected: Vec<ValType>, given: Vec<ValType> },
    #[error("instantiation answered {status}: {}", status_text(*status))]
    Instantiate { status: i32 },
    #[error("the memory is larger than the emulated board: {0} bytes")]
    MemoryTooLarge(u64),
    #[error("bytes {0:#x}..{1:#x} are outside of the linear memory of {2:#x} bytes")]
    OutsideMemory(u64, u64, u32),
}

fn status_text(status: i32) -> &'static str {
    match status {
        status::MEMORY_TOO_SMALL => "memory too small",
        status::MEMORY_MISALIGNED => "misaligned memory",
        status::INCOMPATIBLE_IMPORT => "incompatible import",
        _ => "unknown status",
    }
}

/// How an invocation ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Returned(Vec<Val>),
    Trapped(Trap),
}

/// An instance of a store.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct InstanceId(usize);

/// What a store knows about an instance.
struct InstanceData {
    address: u32,
    image: usize,
    /// Names by [`SymbolId`].
    symbols: Vec<String>,
    interface: Interface,
    /// What the interface's imports were resolved to.
    imports: Vec<Resolved>,
}

impl InstanceData {
    /// The address of the descriptor of memory 0.
    fn memory(&self) -> Option<u32> {
        let imported = self.imports.iter().find(|i| matches!(i.ty, ExternType::Memory(_)));
        match imported {
            Some(resolved) => Some(resolved.object),
            None if self.interface.memories.is_empty() => None,
            None => Some(self.address.wrapping_add_signed(offset::MEM0_BYTES)),
        }
    }

    fn symbol(&self, id: Option<SymbolId>) -> Result<&str, MachineError> {
        let name = id.and_then(|id| self.symbols.get(id.0 as usize));
        name.map(|name| &name[..]).ok_or_else(|| MachineError::NoSymbol("a function".into()))
    }

    fn export(&self, name: &str) -> Result<&Export, StoreError> {
        let found = self.interface.exports.iter().find(|e| e.wasm_name == name);
        found.ok_or_else(|| StoreError::NoExport {
            name: name.to_owned(),
            exports: self.interface.exports.iter().map(|e| e.wasm_name.clone()).collect(),
        })
    }
}

/// An emulated board and the instances on it.
pub struct Store {
    machine: Machine,
    instances: Vec<InstanceData>,
    functions: Vec<HostFunction>,
    /// By number of the machine's stubs.
    stubs: Vec<Stub>,
    /// Bytes to hand over for a memory to grow into, where its maximum and the board allow it and
    /// nothing else is asked.
    pub memory_reserve: u32,
}

impl Store {
    pub fn new(board: Board) -> Store {
        Store {
            machine: Machine::empty(board),
            instances: Vec::new(),
            functions: Vec::new(),
            stubs: Vec::new(),
            memory_reserve: 0,
        }
    }

    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// For a host that maps memory itself. What is in use is not to be changed.
    pub fn machine_mut(&mut self) -> &mut Machine {
        &mut self.machine
    }

    /// The image of an instance's module, by the machine's count.
    pub fn image(&self, id: InstanceId) -> usize {
        self.instances[id.0].image
    }

    /// Counts executions from zero, if the board counts.
    pub fn reset_histogram(&mut self) {
        self.machine.reset_histogram();
    }

    /// Calls a symbol of an instance's C face.
    fn call_symbol(
        &mut self,
        id: InstanceId,
        symbol: Option<SymbolId>,
        args: &[Val],
        result_bytes: u32,
    ) -> Result<(u32, Cost), StoreError> {
        let instance = &self.instances[id.0];
        let entry = self.machine.function(instance.image, instance.symbol(symbol)?)?;
        Ok(self.call(entry, args, result_bytes)?)
    }

    fn call(
        &mut self,
        entry: u32,
        args: &[Val],
        result_bytes: u32,
    ) -> Result<(u32, Cost), MachineError> {
        let Store { machine, instances, functions, stubs, .. } = self;
        let mut host = HostSide { instances, functions, stubs };
        let answer = machine.call(entry, args, result_bytes, &mut host);
        if answer.is_err() {
            // Records of the call that was given up lie in stack that others will use.
            for instance in instances {
                let chain = instance.address.wrapping_add_signed(offset::RECOVERY_CHAIN);
                machine.emulator.write_u32(chain, 0)?;
            }
        }
        answer
    }
}
