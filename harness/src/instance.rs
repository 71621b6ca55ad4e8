//! A single wasm module on an emulated board: a [`Store`] with one instance.

use crate::machine::{Board, Cost, Machine};
use crate::store::{InstanceId, Linker, Outcome, Store, StoreError};
use crate::value::Val;
use windlass_backend::Trap;
use windlass_backend::module::{FuncType, Module};

/// A module instantiated on an emulated board.
pub struct Instance {
    store: Store,
    id: InstanceId,
}

impl Instance {
    /// Instantiates `module`, compiled to `object`, with imports that `host` defines.
    /// `memory_bytes` is what the host hands over, else the module's minimum; a trap of the start
    /// function or of a segment comes back as the inner error.
    pub fn new(
        module: &Module,
        object: &[u8],
        board: Board,
        memory_bytes: Option<u32>,
        host: impl FnOnce(&mut Store, &mut Linker),
    ) -> Result<Result<Instance, Trap>, StoreError> {
        let mut store = Store::new(board);
        let mut linker = Linker::default();
        host(&mut store, &mut linker);
        let id = store.instantiate(module, object, &linker, memory_bytes)?;
        Ok(id.map(|id| Instance { store, id }))
    }

    /// The type of an exported function.
    pub fn function_type(&self, name: &str) -> Result<&FuncType, StoreError> {
        self.store.function_type(self.id, name)
    }

    /// Calls an exported function.
    pub fn invoke(&mut self, name: &str, args: &[Val]) -> Result<(Outcome, Cost), StoreError> {
        self.store.invoke(self.id, name, args)
    }

    /// The store and the instance in it, for what has no method here.
    pub fn store(&mut self) -> (&mut Store, InstanceId) {
        (&mut self.store, self.id)
    }

    /// The value of an exported global.
    pub fn global(&mut self, name: &str) -> Result<Val, StoreError> {
        self.store.global(self.id, name)
    }

    /// The contents of an exported memory.
    pub fn memory(&mut self, name: &str) -> Result<Vec<u8>, StoreError> {
        self.store.memory(self.id, name)
    }

    /// Bytes of memory 0 now.
    pub fn memory_bytes(&self) -> Result<u32, StoreError> {
        self.store.memory_bytes(self.id)
    }

    pub fn read_memory(&self, address: u32, len: u32) -> Result<Vec<u8>, StoreError> {
        self.store.read_memory(self.id, address, len)
    }

    pub fn machine(&self) -> &Machine {
        self.store.machine()
    }
}
