//! What a host offers to modules: functions, and memories, tables and globals in emulated RAM.

use super::host::HostFunction;
use super::linker::{HostItem, HostPlace};
use super::{GuestMemory, Store, StoreError};
use crate::emulator::Emulator;
use crate::machine::MachineError;
use crate::value::Val;
use windlass_backend::instance::{memory, table};
use windlass_backend::module::{ExternType, FuncType, GlobalType, Memory, Table};

impl Store {
    /// A function, which gets memory 0 of its caller.
    pub fn host_function(
        &mut self,
        ty: FuncType,
        call: impl FnMut(&mut GuestMemory, &[Val]) -> Vec<Val> + 'static,
    ) -> HostItem {
        let place = HostPlace::Function(self.functions.len());
        self.functions.push(HostFunction { ty: ty.clone(), call: Box::new(call) });
        HostItem { ty: ExternType::Func(ty), place }
    }

    /// A zeroed memory, which may grow as those of instances may.
    pub fn host_memory(&mut self, ty: Memory) -> Result<HostItem, StoreError> {
        let capacity = self.memory_room(&ty, 0)?;
        let base = self.machine.map_block(capacity)?;
        self.host_memory_in(ty, base, capacity)
    }

    /// A memory in RAM that the host has mapped and that may grow to `capacity` bytes.
    pub fn host_memory_in(
        &mut self,
        ty: Memory,
        base: u32,
        capacity: u32,
    ) -> Result<HostItem, StoreError> {
        let fields = [
            (memory::BYTES, ty.min_bytes() as u32),
            (memory::BASE, base),
            (memory::CAPACITY, capacity),
        ];
        let object = self.host_object(memory::SIZE, &fields)?;
        Ok(HostItem { ty: ExternType::Memory(ty), place: HostPlace::Object(object) })
    }

    /// A table of nulls, which may grow to its declared maximum.
    pub fn host_table(&mut self, ty: Table) -> Result<HostItem, StoreError> {
        let capacity = ty.max.unwrap_or(ty.min);
        let bytes = u64::from(capacity) * 4;
        let bytes = u32::try_from(bytes).map_err(|_| MachineError::RamFull(bytes))?;
        let elements = self.machine.map_block(bytes)?;
        let fields =
            [(table::SIZE, ty.min), (table::ELEMENTS, elements), (table::CAPACITY, capacity)];
        let object = self.host_object(table::BYTES, &fields)?;
        Ok(HostItem { ty: ExternType::Table(ty), place: HostPlace::Object(object) })
    }

    pub fn host_global(&mut self, value: Val, mutable: bool) -> Result<HostItem, StoreError> {
        let ty = GlobalType { ty: value.ty(), mutable };
        let [low, high] = [value.bits() as u32, (value.bits() >> 32) as u32];
        let fields = [(0, low), (4, high)];
        let words = ty.ty.bytes() as usize / 4;
        let object = self.host_object(ty.ty.bytes(), &fields[..words])?;
        Ok(HostItem { ty: ExternType::Global(ty), place: HostPlace::Object(object) })
    }

    /// Words in RAM, by byte offset.
    fn host_object(&mut self, bytes: u32, fields: &[(i32, u32)]) -> Result<u32, MachineError> {
        let object = self.machine.map_block(bytes)?;
        for &(at, value) in fields {
            self.machine.emulator.write_u32(object.wrapping_add_signed(at), value)?;
        }
        Ok(object)
    }
}
