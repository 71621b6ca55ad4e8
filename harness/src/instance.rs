//! A wasm module instantiated on the emulator, driven through its C face.
//!
//! Input: an [`Artifact`](crate::Artifact) of a wasm module and closures for its imports. Output:
//! results, traps, memory. Everything goes the way a C host would take: the instance and the
//! memory are the host's, calls go through the exported entries, and a trap is recovered as the
//! fault handler and the landing pad that windlass ships would do it.

use crate::aapcs::struct_layout;
use crate::emulator::{Emulator, Fault, PC, SP};
use crate::machine::{Board, Cost, Host, Machine, MachineError};
use crate::value::Val;
use std::collections::HashMap;
use windlass_backend::Trap;
use windlass_backend::instance::offset;
use windlass_backend::module::{
    Export, ExternType, FuncType, Interface, Module, SymbolId, ValType,
};
use windlass_isa_thumb2::finalize::recovery::RecoveryRecord;

/// What `<module>_instantiate` adds to the code of a trap.
const INSTANTIATE_TRAPPED: u32 = 16;
/// The instance pointer's register.
const INSTANCE_REG: usize = 9;
/// Bytes above the end of the stack that checked functions leave to helpers and the host.
const STACK_RESERVE: u32 = 512;

#[derive(Debug, thiserror::Error)]
pub enum InstanceError {
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error("a .clif module has no instance")]
    NoInterface,
    #[error("no export named {name}; there are: {}", exports.join(", "))]
    NoExport { name: String, exports: Vec<String> },
    #[error("{name} takes {expected} arguments of its types, not {given}")]
    Arguments { name: String, expected: usize, given: usize },
    #[error("instantiation answered {status}: {}", status_text(*status))]
    Instantiate { status: u32 },
    #[error("the memory is larger than the emulated board: {0} bytes")]
    MemoryTooLarge(u64),
    #[error("bytes {0:#x}..{1:#x} are outside of the linear memory of {2:#x} bytes")]
    OutsideMemory(u64, u64, u32),
}

fn status_text(status: u32) -> &'static str {
    match status {
        1 => "memory too small",
        2 => "misaligned memory",
        3 => "incompatible import",
        _ => "unknown status",
    }
}

/// How an invocation ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    Returned(Vec<Val>),
    Trapped(Trap),
}

/// Linear memory as an imported function sees it.
pub struct GuestMemory<'a> {
    machine: &'a mut Machine,
    base: u32,
    bytes: u32,
}

impl GuestMemory<'_> {
    /// None if the range is not within the memory.
    pub fn read(&self, address: u32, len: u32) -> Option<Vec<u8>> {
        address.checked_add(len).filter(|&end| end <= self.bytes)?;
        let mut out = vec![0; len as usize];
        self.machine.emulator.read(self.base + address, &mut out).ok()?;
        Some(out)
    }

    pub fn write(&mut self, address: u32, bytes: &[u8]) -> Option<()> {
        let len = u32::try_from(bytes.len()).ok()?;
        address.checked_add(len).filter(|&end| end <= self.bytes)?;
        self.machine.emulator.write(self.base + address, bytes).ok()
    }
}

/// An imported function: memory and arguments in, as many results as its type says out.
pub type ImportFn = Box<dyn FnMut(&mut GuestMemory, &[Val]) -> Vec<Val>>;

/// Imported functions by module and name.
#[derive(Default)]
pub struct Imports {
    functions: HashMap<(String, String), ImportFn>,
}

impl Imports {
    pub fn define(
        &mut self,
        module: &str,
        name: &str,
        function: impl FnMut(&mut GuestMemory, &[Val]) -> Vec<Val> + 'static,
    ) {
        self.functions.insert((module.to_owned(), name.to_owned()), Box::new(function));
    }
}

/// The host side while code runs.
struct WasmHost<'a> {
    interface: &'a Interface,
    imports: &'a mut Imports,
    /// By index into the image's imports: the index into the interface's.
    by_stub: &'a [Option<usize>],
    instance: u32,
    contexts: &'a [u32],
}

impl Host for WasmHost<'_> {
    fn call_import(&mut self, machine: &mut Machine, stub: usize) -> Result<(), MachineError> {
        let undefined = || MachineError::UndefinedCall(machine.image.imports[stub].clone());
        let index = self.by_stub.get(stub).copied().flatten().ok_or_else(undefined)?;
        let import = &self.interface.imports[index];
        let key = (import.wasm_module.clone(), import.wasm_name.clone());
        let function = self.imports.functions.get_mut(&key).ok_or_else(undefined)?;

        let ExternType::Func(FuncType { params, results }) = &import.ty else {
            return Err(undefined());
        };
        let hidden = usize::from(machine.board().variant.returns_by_pointer(results));
        let mut types = vec![ValType::I32; hidden + 1];
        types.extend(params);
        let values = machine.arguments(&types)?;
        let word = |index: usize| values[index].bits() as u32;
        let (result_area, context) = (word(0), word(hidden));
        if context != self.contexts[import.context] {
            return Err(MachineError::Broken(format!(
                "{}.{} got context {context:#010x}",
                key.0, key.1
            )));
        }
        let args = &values[hidden + 1..];
        let base = machine.emulator.read_u32(self.instance + offset::MEM0_BASE as u32)?;
        let bytes = machine.emulator.read_u32(self.instance + offset::MEM0_BYTES as u32)?;
        let values = function(&mut GuestMemory { machine, base, bytes }, args);
        write_results(machine, result_area, results, &values)
    }

    fn trap(&mut self, machine: &mut Machine, fault: Fault, code: u8) -> Result<(), MachineError> {
        let trap = Trap::from_code(code).ok_or(MachineError::Fault(fault))?;
        let holder = machine.emulator.reg(INSTANCE_REG);
        if holder != self.instance {
            return Err(MachineError::Broken(format!(
                "r9 is {holder:#010x} at a trap ({trap}), not the instance"
            )));
        }
        recover(machine, self.instance, trap)
    }
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
        machine.emulator.write(area + at, &bytes[..Val::size(value.ty()) as usize])?;
    }
    Ok(())
}

/// What the fault handler and the landing pad do: note the trap, unlink the innermost record,
/// and return 0 to whoever called that entry.
fn recover(machine: &mut Machine, instance: u32, trap: Trap) -> Result<(), MachineError> {
    let layout = RecoveryRecord::new(machine.board().fpu);
    let emulator = &mut machine.emulator;
    let field = |offset: i32| instance.wrapping_add_signed(offset);
    let record = emulator.read_u32(field(offset::RECOVERY_CHAIN))?;
    if record == 0 {
        return Err(MachineError::Broken(format!("a trap ({trap}) outside of any entry")));
    }
    emulator.write_u32(field(offset::TRAP), trap.code().into())?;
    let previous = emulator.read_u32(record + layout.previous)?;
    emulator.write_u32(field(offset::RECOVERY_CHAIN), previous)?;
    for n in 4..12 {
        let saved = emulator.read_u32(record + layout.saved + 4 * (n as u32 - 4))?;
        emulator.set_reg(n, saved);
    }
    if let Some(floats) = layout.saved_floats {
        for n in 16..32 {
            let saved = emulator.read_u32(record + floats + 4 * (n as u32 - 16))?;
            emulator.set_float_reg(n, saved);
        }
    }
    let return_address = emulator.read_u32(record + layout.return_address)?;
    for n in [0, 1] {
        emulator.set_reg(n, 0);
        emulator.set_float_reg(n, 0);
    }
    emulator.set_reg(SP, record + layout.caller_sp);
    emulator.set_reg(PC, return_address & !1);
    Ok(())
}

/// A module instantiated on an emulated board.
pub struct Instance {
    machine: Machine,
    symbols: Vec<String>,
    interface: Interface,
    imports: Imports,
    by_stub: Vec<Option<usize>>,
    address: u32,
    contexts: Vec<u32>,
}

impl Instance {
    /// Instantiates `module`, compiled to `object`. `memory_bytes` is what the host hands over,
    /// at least the module's minimum; a trap of the start function or of a segment comes back as
    /// the inner error.
    pub fn new(
        module: &Module,
        object: &[u8],
        board: Board,
        memory_bytes: Option<u32>,
        imports: Imports,
    ) -> Result<Result<Instance, Trap>, InstanceError> {
        let interface = module.interface.clone().ok_or(InstanceError::NoInterface)?;
        let mut machine = Machine::new(object, board)?;
        let address = machine.map_block(interface.instance.size)?;
        let contexts: Vec<u32> =
            (0..interface.contexts.len()).map(|i| 0xc0de_0000 | (i as u32) << 4).collect();
        let symbols: Vec<String> = module.symbols.iter().map(|s| s.name.clone()).collect();
        let by_stub = machine
            .image
            .imports
            .iter()
            .map(|stub| {
                interface.imports.iter().position(|i| symbols[i.symbol.0 as usize] == *stub)
            })
            .collect();
        let mut instance =
            Instance { machine, symbols, interface, imports, by_stub, address, contexts };
        let (base, bytes) = instance.map_memory(memory_bytes)?;
        let status = instance.instantiate(base, bytes)?;
        match status.checked_sub(INSTANTIATE_TRAPPED).map(|code| Trap::from_code(code as u8)) {
            Some(Some(trap)) => return Ok(Err(trap)),
            _ if status != 0 => return Err(InstanceError::Instantiate { status }),
            _ => {}
        }
        instance.set_stack_limit()?;
        Ok(Ok(instance))
    }

    /// The module's memory in emulated RAM, NULL and 0 if it has none.
    fn map_memory(&mut self, asked: Option<u32>) -> Result<(u32, u32), InstanceError> {
        let Some(memory) = self.interface.memories.first() else { return Ok((0, 0)) };
        let bytes = memory.min_bytes() + u64::from(self.interface.guard_bytes);
        let least = u32::try_from(bytes).ok().filter(|&bytes| bytes <= 1 << 28);
        let least = least.ok_or(InstanceError::MemoryTooLarge(bytes))?;
        let bytes = asked.unwrap_or(least);
        Ok((self.machine.map_block(bytes)?, bytes))
    }

    fn instantiate(&mut self, memory: u32, memory_bytes: u32) -> Result<u32, InstanceError> {
        let mut args = vec![self.address];
        args.extend(&self.contexts);
        args.extend([memory, memory_bytes]);
        let args: Vec<Val> = args.into_iter().map(|word| Val::I32(word as i32)).collect();
        self.call(self.interface.instantiate, &args, 0)?;
        Ok(self.machine.emulator.reg(0))
    }

    fn set_stack_limit(&mut self) -> Result<(), InstanceError> {
        if self.interface.set_stack_limit.is_some() {
            let limit = crate::machine::STACK + STACK_RESERVE;
            let args = [Val::I32(self.address as i32), Val::I32(limit as i32)];
            self.call(self.interface.set_stack_limit, &args, 0)?;
        }
        Ok(())
    }

    /// Calls a symbol of the C face.
    fn call(
        &mut self,
        symbol: Option<SymbolId>,
        args: &[Val],
        result_bytes: u32,
    ) -> Result<(u32, Cost), InstanceError> {
        let name = symbol.and_then(|id| self.symbols.get(id.0 as usize));
        let name = name.ok_or_else(|| MachineError::NoSymbol("a function".into()))?;
        let entry = self.machine.function(name)?;
        let mut host = WasmHost {
            interface: &self.interface,
            imports: &mut self.imports,
            by_stub: &self.by_stub,
            instance: self.address,
            contexts: &self.contexts,
        };
        Ok(self.machine.call(entry, args, result_bytes, &mut host)?)
    }

    pub fn export(&self, name: &str) -> Result<(&Export, &FuncType), InstanceError> {
        let found = self.interface.functions().find(|(export, _)| export.wasm_name == name);
        found.ok_or_else(|| InstanceError::NoExport {
            name: name.to_owned(),
            exports: self.interface.functions().map(|(e, _)| e.wasm_name.clone()).collect(),
        })
    }

    /// Calls an export.
    pub fn invoke(&mut self, name: &str, args: &[Val]) -> Result<(Outcome, Cost), InstanceError> {
        let (export, ty) = self.export(name)?;
        let (symbol, ty) = (export.symbol, ty.clone());
        if args.len() != ty.params.len() || args.iter().zip(&ty.params).any(|(a, &t)| a.ty() != t) {
            return Err(InstanceError::Arguments {
                name: name.to_owned(),
                expected: ty.params.len(),
                given: args.len(),
            });
        }
        let several = self.machine.board().variant.returns_by_pointer(&ty.results);
        let result_bytes = if several { struct_layout(&ty.results).1 } else { 0 };
        let mut all = vec![Val::I32(self.address as i32)];
        all.extend(args);
        let (area, cost) = self.call(Some(symbol), &all, result_bytes)?;
        // Before the next call takes registers and stack.
        let results = self.results(area, &ty.results)?;
        match self.last_trap()? {
            Some(trap) => Ok((Outcome::Trapped(trap), cost)),
            None => Ok((Outcome::Returned(results), cost)),
        }
    }

    /// Results where C functions leave them; several are a struct at `area`.
    fn results(&self, area: u32, types: &[ValType]) -> Result<Vec<Val>, InstanceError> {
        if !self.machine.board().variant.returns_by_pointer(types) {
            return Ok(self.machine.results(types)?);
        }
        let fields = struct_layout(types).0.into_iter().zip(types);
        fields.map(|(offset, &ty)| self.read_field(area + offset, ty)).collect()
    }

    fn read_field(&self, address: u32, ty: ValType) -> Result<Val, InstanceError> {
        let mut bytes = [0; 8];
        let field = &mut bytes[..Val::size(ty) as usize];
        self.machine.emulator.read(address, field).map_err(MachineError::from)?;
        Ok(Val::from_bits(ty, u64::from_le_bytes(bytes)))
    }

    /// What `<module>_trap` answers.
    fn last_trap(&mut self) -> Result<Option<Trap>, InstanceError> {
        self.call(self.interface.trap, &[Val::I32(self.address as i32)], 0)?;
        let code = self.machine.emulator.reg(0) as i32;
        if code == windlass_backend::instance::NO_TRAP {
            return Ok(None);
        }
        let trap = u8::try_from(code).ok().and_then(Trap::from_code);
        let unknown = || MachineError::Broken(format!("trap code {code}")).into();
        trap.map(Some).ok_or_else(unknown)
    }

    fn field(&self, offset: i32) -> Result<u32, InstanceError> {
        let address = self.address.wrapping_add_signed(offset);
        Ok(self.machine.emulator.read_u32(address).map_err(MachineError::from)?)
    }

    /// Bytes of linear memory now.
    pub fn memory_bytes(&self) -> Result<u32, InstanceError> {
        self.field(offset::MEM0_BYTES)
    }

    pub fn read_memory(&self, address: u32, len: u32) -> Result<Vec<u8>, InstanceError> {
        let at = self.locate(address, len as usize)?;
        let mut out = vec![0; len as usize];
        self.machine.emulator.read(at, &mut out).map_err(MachineError::from)?;
        Ok(out)
    }

    pub fn write_memory(&mut self, address: u32, bytes: &[u8]) -> Result<(), InstanceError> {
        let at = self.locate(address, bytes.len())?;
        Ok(self.machine.emulator.write(at, bytes).map_err(MachineError::from)?)
    }

    /// The emulated address of a range of linear memory.
    fn locate(&self, address: u32, len: usize) -> Result<u32, InstanceError> {
        let bytes = self.memory_bytes()?;
        let (start, end) = (u64::from(address), u64::from(address) + len as u64);
        if end > bytes.into() {
            return Err(InstanceError::OutsideMemory(start, end, bytes));
        }
        Ok(self.field(offset::MEM0_BASE)? + address)
    }

    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Counts executions from zero, if the board counts.
    pub fn reset_histogram(&mut self) {
        self.machine.reset_histogram();
    }
}
