//! Instantiation: imports are resolved and checked, the object is linked, RAM is handed over.

use super::host::Stub;
use super::linker::{HostPlace, Linker, Provider, Resolved, Target, host_item};
use super::matching::{describe, matches};
use super::{InstanceData, InstanceId, Store, StoreError};
use crate::emulator::Emulator;
use crate::machine::{MachineError, STACK, Stubs};
use crate::value::Val;
use core::mem::discriminant;
use std::collections::HashMap;
use windlass_backend::Trap;
use windlass_backend::instance::{memory, status, table};
use windlass_backend::module::{Export, ExternType, Import, Interface, Memory, Module, Table};
use windlass_backend::trap::HANDLER;

impl Store {
    /// Instantiates `module`, compiled to `object`. `memory_bytes` is what the host hands over for
    /// the module's first own memory; a trap of the start function or of a segment comes back as
    /// the inner error. What such an instance has left in others' tables stays.
    pub fn instantiate(
        &mut self,
        module: &Module,
        object: &[u8],
        linker: &Linker,
        memory_bytes: Option<u32>,
    ) -> Result<Result<InstanceId, Trap>, StoreError> {
        self.instantiate_with(module, object, linker, |store, interface| {
            store.map_memories(interface, memory_bytes)
        })
    }

    /// The same with memory that the host has mapped: address and bytes of each of the module's
    /// own memories.
    pub fn instantiate_in(
        &mut self,
        module: &Module,
        object: &[u8],
        linker: &Linker,
        memories: &[(u32, u32)],
    ) -> Result<Result<InstanceId, Trap>, StoreError> {
        self.instantiate_with(module, object, linker, |_, _| {
            let words = if memories.is_empty() { &[(0, 0)] } else { memories };
            Ok(words.iter().flat_map(|&(base, bytes)| [base, bytes]).collect())
        })
    }

    /// `map` answers the words that tell the memories.
    fn instantiate_with(
        &mut self,
        module: &Module,
        object: &[u8],
        linker: &Linker,
        map: impl FnOnce(&mut Store, &Interface) -> Result<Vec<u32>, StoreError>,
    ) -> Result<Result<InstanceId, Trap>, StoreError> {
        let interface = module.interface.clone().ok_or(StoreError::NoInterface)?;
        let imports = self.resolve_imports(&interface, linker)?;
        let image = self.link(module, object, &interface, &imports)?;
        let address = self.machine.map_uninitialised(interface.instance.size)?;
        let mut words = vec![address];
        words.extend(contexts(&interface, &imports));
        words.extend(map(self, &interface)?);

        let id = InstanceId(self.instances.len());
        let symbols = module.symbols.iter().map(|s| s.name.clone()).collect();
        let instantiate = interface.instantiate;
        self.instances.push(InstanceData { address, image, symbols, interface, imports });
        self.set_stack_limit(id)?;
        let args: Vec<Val> = words.into_iter().map(|word| Val::I32(word as i32)).collect();
        self.call_symbol(id, instantiate, &args, 0)?;
        let answer = self.machine.emulator.reg(0) as i32;
        let trap = answer.checked_sub(status::TRAPPED).and_then(|code| u8::try_from(code).ok());
        match trap.and_then(Trap::from_code) {
            Some(trap) => return Ok(Err(trap)),
            None if answer != status::OK => {
                return Err(StoreError::Instantiate { status: answer });
            }
            None => {}
        }
        Ok(Ok(id))
    }

    /// Finds what each import stands for, and demands that it has the import's type.
    fn resolve_imports(
        &mut self,
        interface: &Interface,
        linker: &Linker,
    ) -> Result<Vec<Resolved>, StoreError> {
        let mut resolved = Vec::new();
        for import in &interface.imports {
            let (module, name) = (&import.wasm_module, &import.wasm_name);
            let unknown =
                || StoreError::UnknownImport { module: module.clone(), name: name.clone() };
            let found = match linker.modules.get(module).ok_or_else(unknown)? {
                Provider::Host { context, items } => {
                    host_item(items.get(name).ok_or_else(unknown)?, *context)
                }
                Provider::Instance(id) => {
                    let export = self.instances[id.0].export(name).map_err(|_| unknown())?.clone();
                    self.resolve_export(*id, &export)?
                }
            };
            let provided = self.type_now(&found)?;
            if !matches(&provided, &import.ty) {
                return Err(StoreError::IncompatibleImport {
                    module: module.clone(),
                    name: name.clone(),
                    expected: describe(&import.ty),
                    found: describe(&provided),
                });
            }
            resolved.push(found);
        }
        Ok(resolved)
    }

    /// An export as an import of another instance sees it.
    pub(super) fn resolve_export(
        &mut self,
        id: InstanceId,
        export: &Export,
    ) -> Result<Resolved, StoreError> {
        let instance = &self.instances[id.0];
        let same_kind = |i: &&Resolved| discriminant(&i.ty) == discriminant(&export.ty);
        let imported = instance.imports.iter().filter(same_kind).nth(export.index as usize);
        let ty = imported.map_or(&export.ty, |imported| &imported.ty).clone();
        let context = instance.address;
        let entry = self.machine.function(instance.image, instance.symbol(Some(export.symbol))?)?;
        let mut object = 0;
        if !matches!(ty, ExternType::Func(_)) {
            self.call(entry, &[Val::I32(context as i32)], 0)?;
            object = self.machine.emulator.reg(0);
        }
        Ok(Resolved { ty, context, target: Target::Code(entry), object })
    }

    /// The type with the current size as its minimum.
    fn type_now(&self, resolved: &Resolved) -> Result<ExternType, MachineError> {
        let field =
            |at: i32| self.machine.emulator.read_u32(resolved.object.wrapping_add_signed(at));
        Ok(match resolved.ty.clone() {
            ExternType::Memory(ty) => {
                let min_pages = u64::from(field(memory::BYTES)? / ty.page_bytes.max(1));
                ExternType::Memory(Memory { min_pages, ..ty })
            }
            ExternType::Table(ty) => ExternType::Table(Table { min: field(table::SIZE)?, ..ty }),
            ty => ty,
        })
    }

    /// Links an object with each import led to what it was resolved to.
    fn link(
        &mut self,
        module: &Module,
        object: &[u8],
        interface: &Interface,
        imports: &[Resolved],
    ) -> Result<usize, StoreError> {
        let named = interface.imports.iter().zip(imports);
        let named = named.map(|pair| (&module.symbol(pair.0.symbol).name[..], pair));
        let named: HashMap<&str, (&Import, &Resolved)> = named.collect();
        let stubs = &mut self.stubs;
        let mut lead = |machine_stubs: &mut Stubs, symbol: &str| {
            let (name, stub) = match named.get(symbol).copied() {
                Some((_, Resolved { target: Target::Code(entry), .. })) => return *entry,
                Some((import, &Resolved { context, target: Target::Host(place), .. })) => {
                    let stub = match place {
                        HostPlace::Function(index) => Stub::Function { index, context },
                        HostPlace::Object(object) => Stub::Accessor { object, context },
                    };
                    (format!("{}.{}", import.wasm_module, import.wasm_name), stub)
                }
                None if symbol == HANDLER => (symbol.to_owned(), Stub::Trap),
                None => (symbol.to_owned(), Stub::Undefined),
            };
            stubs.push(stub);
            machine_stubs.add(&name)
        };
        Ok(self.machine.load(object, &mut lead)?)
    }

    /// Maps RAM for a module's own memories: address and bytes of each, NULL and 0 for none.
    fn map_memories(
        &mut self,
        &Interface { ref memories, guard_bytes, .. }: &Interface,
        asked: Option<u32>,
    ) -> Result<Vec<u32>, StoreError> {
        if memories.is_empty() {
            return Ok(vec![0, 0]);
        }
        let mut words = Vec::new();
        for (index, memory) in memories.iter().enumerate() {
            let bytes = match asked.filter(|_| index == 0) {
                Some(bytes) => bytes,
                None => self.memory_room(memory, guard_bytes)?,
            };
            words.extend([self.machine.map_uninitialised(bytes)?, bytes]);
        }
        Ok(words)
    }

    /// Bytes to hand over for a memory if nobody asks for a number.
    pub(super) fn memory_room(&self, memory: &Memory, guard: u32) -> Result<u32, StoreError> {
        let min = memory.min_bytes();
        // Many memories share what there is.
        let reserve = u64::from(self.memory_reserve).min(self.machine.free_ram() / 8);
        let room = min.saturating_add(reserve).min(memory.max_bytes()).max(min);
        u32::try_from(room.saturating_add(guard.into()))
            .map_err(|_| StoreError::MemoryTooLarge(min))
    }

    fn set_stack_limit(&mut self, id: InstanceId) -> Result<(), StoreError> {
        let instance = &self.instances[id.0];
        let symbol = instance.interface.set_stack_limit;
        if symbol.is_some() {
            // The host's own functions run outside of the emulated stack.
            let args = [Val::I32(instance.address as i32), Val::I32(STACK as i32)];
            self.call_symbol(id, symbol, &args, 0)?;
        }
        Ok(())
    }
}

/// The context pointer of each imported module.
fn contexts(interface: &Interface, imports: &[Resolved]) -> Vec<u32> {
    let of = |context: usize| {
        let mut pairs = interface.imports.iter().zip(imports);
        pairs.find(|(import, _)| import.context == context).map_or(0, |(_, found)| found.context)
    };
    (0..interface.contexts.len()).map(of).collect()
}
