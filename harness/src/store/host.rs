//! The host's side while code runs: its functions and accessors, and what its fault handler does.

use super::InstanceData;
use crate::aapcs::struct_layout;
use crate::emulator::{Emulator, Fault, PC, SP};
use crate::machine::{Host, Machine, MachineError};
use crate::value::Val;
use windlass_backend::Trap;
use windlass_backend::instance::{STARTING, memory, offset};
use windlass_backend::module::{FuncType, ValType};
use windlass_isa_thumb2::finalize::recovery::RecoveryRecord;

/// The instance pointer's register, and where it is among the saved r4 to r11.
const INSTANCE_REG: usize = 9;
const SAVED_INSTANCE: u32 = 4 * (INSTANCE_REG as u32 - 4);

/// A function of the host: the caller's memory and arguments in, as many results as its type says
/// out.
pub type HostFn = Box<dyn FnMut(&mut GuestMemory, &[Val]) -> Vec<Val>>;

pub(super) struct HostFunction {
    pub ty: FuncType,
    pub call: HostFn,
}

/// What a stub stands for. Each import has its own, to be called with one context pointer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stub {
    /// Index into the store's host functions.
    Function { index: usize, context: u32 },
    /// An accessor that returns this address.
    Accessor { object: u32, context: u32 },
    /// What code calls to trap.
    Trap,
    /// A symbol that is no import.
    Undefined,
}

/// Memory 0 of the instance that called, empty if it has none.
pub struct GuestMemory<'a> {
    machine: &'a mut Machine,
    base: u32,
    bytes: u32,
}

impl<'a> GuestMemory<'a> {
    /// The memory whose descriptor is at `descriptor`.
    pub(super) fn new(
        machine: &'a mut Machine,
        descriptor: Option<u32>,
    ) -> Result<GuestMemory<'a>, MachineError> {
        let field = |at: i32| match descriptor {
            Some(descriptor) => machine.emulator.read_u32(descriptor.wrapping_add_signed(at)),
            None => Ok(0),
        };
        let (base, bytes) = (field(memory::BASE)?, field(memory::BYTES)?);
        Ok(GuestMemory { machine, base, bytes })
    }

    /// None if the range is not within the memory.
    pub fn read(&self, address: u32, len: u32) -> Option<Vec<u8>> {
        address.checked_add(len).filter(|&end| end <= self.bytes)?;
        let mut out = vec![0; len as usize];
        self.machine.emulator.read(self.base + address, &mut out).ok()?;
        Some(out)
    }

    /// None if the range is not within the memory.
    pub fn write(&mut self, address: u32, bytes: &[u8]) -> Option<()> {
        let len = u32::try_from(bytes.len()).ok()?;
        address.checked_add(len).filter(|&end| end <= self.bytes)?;
        self.machine.emulator.write(self.base + address, bytes).ok()
    }
}

/// What a machine calls while a store's code runs.
pub(super) struct HostSide<'a> {
    pub instances: &'a [InstanceData],
    pub functions: &'a mut [HostFunction],
    pub stubs: &'a [Stub],
}

impl HostSide<'_> {
    fn instance(&self, address: u32) -> Option<&InstanceData> {
        self.instances.iter().find(|instance| instance.address == address)
    }

    fn call_function(
        &mut self,
        machine: &mut Machine,
        index: usize,
        context: u32,
    ) -> Result<(), MachineError> {
        let caller = machine.emulator.reg(INSTANCE_REG);
        let caller = self.instance(caller).ok_or_else(|| {
            MachineError::Broken(format!("r9 is {caller:#010x} at a call of the host, no instance"))
        })?;
        let memory = caller.memory();
        let HostFunction { ty: FuncType { params, results }, call } = &mut self.functions[index];
        let hidden = usize::from(machine.board().variant.returns_by_pointer(results));
        let mut types = vec![ValType::I32; hidden + 1];
        types.extend(&*params);
        let values = machine.arguments(&types)?;
        let (words, args) = values.split_at(hidden + 1);
        check_context(words[hidden].bits() as u32, context)?;
        let area = words[0].bits() as u32;
        let values = call(&mut GuestMemory::new(machine, memory)?, args);
        write_results(machine, area, results, &values)
    }
}

impl Host for HostSide<'_> {
    fn is_trap(&self, stub: usize) -> bool {
        matches!(self.stubs.get(stub), Some(Stub::Trap))
    }

    fn call_stub(&mut self, machine: &mut Machine, stub: usize) -> Result<(), MachineError> {
        match self.stubs.get(stub) {
            Some(&Stub::Function { index, context }) => self.call_function(machine, index, context),
            Some(&Stub::Accessor { object, context }) => {
                check_context(machine.emulator.reg(0), context)?;
                machine.emulator.set_reg(0, object);
                Ok(())
            }
            Some(Stub::Trap | Stub::Undefined) | None => Err(machine.undefined_call(stub)),
        }
    }

    /// What the fault handler and the landing pad do: unlink the innermost record of the instance,
    /// and as long as that leads back into code of another instance, of that one; then return 0 to
    /// whoever called the outermost of these entries. Each instance notes the trap.
    fn trap(&mut self, machine: &mut Machine, fault: Fault, code: u8) -> Result<(), MachineError> {
        let trap = Trap::from_code(code).ok_or(MachineError::Fault(fault))?;
        let mut instance = machine.emulator.reg(INSTANCE_REG);
        if self.instance(instance).is_none() {
            return Err(MachineError::Broken(format!(
                "r9 is {instance:#010x} at a trap ({trap}), no instance"
            )));
        }
        let layout = RecoveryRecord::new(machine.board().fpu);
        loop {
            let record = unlink(machine, &layout, instance, trap, fault.pc)?;
            let return_address = machine.emulator.read_u32(record + layout.return_address)?;
            let caller = machine.emulator.read_u32(record + layout.saved + SAVED_INSTANCE)?;
            let previous = machine.emulator.read_u32(record + layout.previous)?;
            if !machine.code().contains(&(return_address & !1)) || previous == STARTING {
                return return_zero(machine, &layout, record);
            }
            instance = caller;
            if self.instance(instance).is_none() {
                return Err(MachineError::Broken(format!(
                    "a module's code called with r9 = {instance:#010x}, no instance"
                )));
            }
        }
    }
}

fn check_context(given: u32, expected: u32) -> Result<(), MachineError> {
    if given == expected {
        return Ok(());
    }
    Err(MachineError::Broken(format!("an import got context {given:#010x}, not {expected:#010x}")))
}

/// Leaves an import's results where its caller looks.
fn write_results(
    machine: &mut Machine,
    area: u32,
    types: &[ValType],
    values: &[Val],
) -> Result<(), MachineError> {
    if values.len() != types.len() || values.iter().zip(types).any(|(v, &t)| v.ty() != t) {
        return Err(MachineError::Broken(format!("an import returned {values:?} for {types:?}")));
    }
    if !machine.board().variant.returns_by_pointer(types) {
        return machine.set_results(values);
    }
    for (value, at) in values.iter().zip(struct_layout(types).0) {
        let bytes = value.bits().to_le_bytes();
        machine.emulator.write(area + at, &bytes[..value.ty().bytes() as usize])?;
    }
    Ok(())
}

/// Takes the innermost record off an instance's chain and notes the trap there.
fn unlink(
    machine: &mut Machine,
    layout: &RecoveryRecord,
    instance: u32,
    trap: Trap,
    pc: u32,
) -> Result<u32, MachineError> {
    let emulator = &mut machine.emulator;
    let field = |offset: i32| instance.wrapping_add_signed(offset);
    let record = emulator.read_u32(field(offset::RECOVERY_CHAIN))?;
    if record == 0 {
        return Err(MachineError::Broken(format!("a trap ({trap}) outside of any entry")));
    }
    emulator.write_u32(field(offset::TRAP), trap.code().into())?;
    emulator.write_u32(field(offset::TRAP_PC), pc)?;
    let previous = emulator.read_u32(record + layout.previous)?;
    emulator.write_u32(field(offset::RECOVERY_CHAIN), previous)?;
    Ok(record)
}

/// Lets the entry that made `record` return 0.
fn return_zero(
    machine: &mut Machine,
    layout: &RecoveryRecord,
    record: u32,
) -> Result<(), MachineError> {
    let emulator = &mut machine.emulator;
    for n in 4..12 {
        let value = emulator.read_u32(record + layout.saved + 4 * (n as u32 - 4))?;
        emulator.set_reg(n, value);
    }
    if let Some(floats) = layout.saved_floats {
        for n in 16..32 {
            let value = emulator.read_u32(record + floats + 4 * (n as u32 - 16))?;
            emulator.set_float_reg(n, value);
        }
    }
    (0..2).for_each(|n| emulator.set_reg(n, 0));
    if layout.saved_floats.is_some() {
        (0..8).for_each(|n| emulator.set_float_reg(n, 0));
    }
    let return_address = emulator.read_u32(record + layout.return_address)?;
    emulator.set_reg(SP, record + layout.caller_sp);
    emulator.set_reg(PC, return_address & !1);
    Ok(())
}
