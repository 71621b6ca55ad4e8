//! What a host does with an instance: calls, globals, memory 0.

use super::{InstanceData, InstanceId, Outcome, Store, StoreError};
use crate::aapcs::struct_layout;
use crate::emulator::Emulator;
use crate::machine::{Cost, MachineError};
use crate::value::Val;
use windlass_backend::Trap;
use windlass_backend::instance::{NO_TRAP, memory, offset};
use windlass_backend::module::{ExternType, FuncType, ValType};

impl Store {
    /// The type of an exported function.
    pub fn function_type(&self, id: InstanceId, name: &str) -> Result<&FuncType, StoreError> {
        match &self.instances[id.0].export(name)?.ty {
            ExternType::Func(ty) => Ok(ty),
            _ => Err(StoreError::WrongExport { name: name.to_owned(), kind: "function" }),
        }
    }

    /// Calls an exported function.
    pub fn invoke(
        &mut self,
        id: InstanceId,
        name: &str,
        args: &[Val],
    ) -> Result<(Outcome, Cost), StoreError> {
        let FuncType { params, results } = self.function_type(id, name)?.clone();
        let given: Vec<ValType> = args.iter().map(|arg| arg.ty()).collect();
        if given != params {
            return Err(StoreError::Arguments { name: name.to_owned(), expected: params, given });
        }
        let instance = &self.instances[id.0];
        let symbol = instance.export(name)?.symbol;
        let by_pointer = self.machine.board().variant.returns_by_pointer(&results);
        let result_bytes = if by_pointer { struct_layout(&results).1 } else { 0 };
        let mut all = vec![Val::I32(instance.address as i32)];
        all.extend(args);
        let (area, cost) = self.call_symbol(id, Some(symbol), &all, result_bytes)?;
        // Before the next call takes registers and stack.
        let values = self.results(area, &results)?;
        match self.last_trap(id)? {
            Some(trap) => Ok((Outcome::Trapped(trap), cost)),
            None => Ok((Outcome::Returned(values), cost)),
        }
    }

    /// Results where C functions leave them; several are a struct at `area`.
    fn results(&self, area: u32, types: &[ValType]) -> Result<Vec<Val>, MachineError> {
        if !self.machine.board().variant.returns_by_pointer(types) {
            return self.machine.results(types);
        }
        let fields = struct_layout(types).0.into_iter().zip(types);
        fields.map(|(offset, &ty)| self.read_value(area + offset, ty)).collect()
    }

    fn read_value(&self, address: u32, ty: ValType) -> Result<Val, MachineError> {
        let mut bytes = [0; 8];
        self.machine.emulator.read(address, &mut bytes[..ty.bytes() as usize])?;
        Ok(Val::from_bits(ty, u64::from_le_bytes(bytes)))
    }

    /// What `<module>_trap` answers.
    fn last_trap(&mut self, id: InstanceId) -> Result<Option<Trap>, StoreError> {
        let instance = &self.instances[id.0];
        let (symbol, address) = (instance.interface.trap, instance.address);
        self.call_symbol(id, symbol, &[Val::I32(address as i32)], 0)?;
        let code = self.machine.emulator.reg(0) as i32;
        if code == NO_TRAP {
            return Ok(None);
        }
        let trap = u8::try_from(code).ok().and_then(Trap::from_code);
        let unknown = || MachineError::Broken(format!("trap code {code}")).into();
        trap.map(Some).ok_or_else(unknown)
    }

    /// Asks the call that is running in `after` instructions, or the next one, to end.
    pub fn interrupt_after(&mut self, id: InstanceId, after: u64) {
        let flag = self.instances[id.0].address.wrapping_add_signed(offset::INTERRUPT);
        self.machine.set_timer(after, flag, 1);
    }

    /// Calls `<module>_interrupt` or, to take a request back, `<module>_clear_interrupt`.
    pub fn set_interrupt(&mut self, id: InstanceId, request: bool) -> Result<(), StoreError> {
        let InstanceData { interface, address, .. } = &self.instances[id.0];
        let symbol = if request { interface.interrupt } else { interface.clear_interrupt };
        self.call_symbol(id, symbol, &[Val::I32(*address as i32)], 0).map(|_| ())
    }

    /// The fuel that is left, of a module that counts.
    pub fn fuel(&mut self, id: InstanceId) -> Result<Option<u32>, StoreError> {
        let InstanceData { interface, address, .. } = &self.instances[id.0];
        let Some(symbol) = interface.fuel else { return Ok(None) };
        self.call_symbol(id, Some(symbol), &[Val::I32(*address as i32)], 0)?;
        Ok(Some(self.machine.emulator.reg(0)))
    }

    /// Sets the fuel that calls may use, of a module that counts.
    pub fn set_fuel(&mut self, id: InstanceId, units: u32) -> Result<(), StoreError> {
        let InstanceData { interface, address, .. } = &self.instances[id.0];
        let args = [Val::I32(*address as i32), Val::I32(units as i32)];
        self.call_symbol(id, interface.set_fuel, &args, 0).map(|_| ())
    }

    /// The value of an exported global.
    pub fn global(&mut self, id: InstanceId, name: &str) -> Result<Val, StoreError> {
        let export = self.instances[id.0].export(name)?.clone();
        let ExternType::Global(global) = export.ty else {
            return Err(StoreError::WrongExport { name: name.to_owned(), kind: "global" });
        };
        let resolved = self.resolve_export(id, &export)?;
        Ok(self.read_value(resolved.object, global.ty)?)
    }

    /// The contents of an exported memory.
    pub fn memory(&mut self, id: InstanceId, name: &str) -> Result<Vec<u8>, StoreError> {
        let export = self.instances[id.0].export(name)?.clone();
        let ExternType::Memory(_) = export.ty else {
            return Err(StoreError::WrongExport { name: name.to_owned(), kind: "memory" });
        };
        let descriptor = self.resolve_export(id, &export)?.object;
        let field = |at: i32| self.machine.emulator.read_u32(descriptor.wrapping_add_signed(at));
        let (base, bytes) = (field(memory::BASE), field(memory::BYTES));
        let mut out = vec![0; bytes.map_err(MachineError::from)? as usize];
        let base = base.map_err(MachineError::from)?;
        self.machine.emulator.read(base, &mut out).map_err(MachineError::from)?;
        Ok(out)
    }

    /// Bytes of memory 0 now; 0 if the instance has none.
    pub fn memory_bytes(&self, id: InstanceId) -> Result<u32, StoreError> {
        Ok(self.memory_field(id, memory::BYTES)?)
    }

    /// A range of memory 0.
    pub fn read_memory(
        &self,
        id: InstanceId,
        address: u32,
        len: u32,
    ) -> Result<Vec<u8>, StoreError> {
        let at = self.locate(id, address, len as usize)?;
        let mut out = vec![0; len as usize];
        self.machine.emulator.read(at, &mut out).map_err(MachineError::from)?;
        Ok(out)
    }

    /// Writes into memory 0.
    pub fn write_memory(
        &mut self,
        id: InstanceId,
        address: u32,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let at = self.locate(id, address, bytes.len())?;
        Ok(self.machine.emulator.write(at, bytes).map_err(MachineError::from)?)
    }

    /// The emulated address of a range of memory 0.
    fn locate(&self, id: InstanceId, address: u32, len: usize) -> Result<u32, StoreError> {
        let bytes = self.memory_bytes(id)?;
        let (start, end) = (u64::from(address), u64::from(address) + len as u64);
        if end > bytes.into() {
            return Err(StoreError::OutsideMemory(start, end, bytes));
        }
        Ok(self.memory_field(id, memory::BASE)? + address)
    }

    fn memory_field(&self, id: InstanceId, at: i32) -> Result<u32, MachineError> {
        match self.instances[id.0].memory() {
            Some(descriptor) => {
                Ok(self.machine.emulator.read_u32(descriptor.wrapping_add_signed(at))?)
            }
            None => Ok(0),
        }
    }
}
