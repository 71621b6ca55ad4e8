//! What a module does, as a host sees it, in wasmi and on the emulator.

use super::values::{from_wasmi, from_wasmi_type, to_wasmi, trap};
use std::hash::{DefaultHasher, Hash, Hasher};
use wasmi::{Engine, ExternType, Linker, Module, Store};
use windlass::emulator::Core;
use windlass::instance::Instance;
use windlass::machine::{Board, MachineError};
use windlass::store::{self, Outcome, StoreError};
use windlass::value::Val;
use windlass::{AllocatorKind, Compiler, Error, RuntimeLibrary, Trap};
use windlass_backend::module::{self, ValType};

/// How often each function is called.
const ROUNDS: u64 = 2;
/// Room for as deep a recursion as fuel allows.
const STACK_BYTES: u32 = 8 << 20;
const MAX_RECURSION: usize = 100_000;
/// Instructions of one call.
const BUDGET: u64 = 100_000_000;

/// All that can be seen of a module.
#[derive(Clone, PartialEq, Debug)]
pub enum Observed {
    /// It trapped while it was instantiated.
    Early(Trap),
    Ran {
        /// The function, and what it returned.
        calls: Vec<(String, Outcome)>,
        /// Exported globals and memories afterwards.
        globals: Vec<(String, Val)>,
        memories: Vec<(String, Vec<u8>)>,
    },
    /// It takes too long or too much stack to compare.
    Unbounded,
    /// Nobody can supply its imports.
    Unlinkable,
}

impl Observed {
    /// The traps of its calls.
    pub fn traps(&self) -> impl Iterator<Item = Trap> {
        let calls = match self {
            Observed::Ran { calls, .. } => &calls[..],
            _ => &[],
        };
        calls.iter().filter_map(|(_, outcome)| match outcome {
            Outcome::Trapped(trap) => Some(*trap),
            Outcome::Returned(_) => None,
        })
    }
}

/// An argument of a call.
fn argument(function: &str, index: usize, round: u64, ty: ValType) -> Val {
    value(ty, hash(&(function, index, round)))
}

/// What a function of the host returns.
fn host_results(name: &str, args: &[Val], types: &[ValType]) -> Vec<Val> {
    let of = |(index, &ty): (usize, &ValType)| value(ty, hash(&(name, args, index)));
    types.iter().enumerate().map(of).collect()
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// A value that is likely to be interesting, and no NaN.
fn value(ty: ValType, bits: u64) -> Val {
    let small = (bits >> 8) % 17;
    let edge = [small, small.wrapping_neg(), bits, 1 << (bits >> 8 & 63), !0 >> (bits >> 8 & 63)]
        [(bits % 5) as usize];
    match ty {
        ValType::I32 => Val::I32(edge as i32),
        ValType::I64 => Val::I64(edge as i64),
        ValType::F32 => Val::F32((edge as i64 as f32 / 3.0).to_bits()),
        ValType::F64 => Val::F64((edge as i64 as f64 / 3.0).to_bits()),
        ValType::FuncRef => Val::FuncRef(0),
        ValType::ExternRef => Val::ExternRef(0),
    }
}

/// References differ from engine to engine; whether they are null does not.
fn comparable(value: Val) -> Val {
    match value {
        Val::FuncRef(address) => Val::FuncRef(address.min(1)),
        Val::ExternRef(address) => Val::ExternRef(address.min(1)),
        other => other,
    }
}

/// The module on the emulator, compiled with this allocator.
pub fn on_emulator(wasm: &[u8], allocator: AllocatorKind) -> Result<Observed, String> {
    let compiler = Compiler::new().name("m").regalloc(allocator).check(true).threads(1);
    let compiler = compiler.runtime(RuntimeLibrary::Builtin);
    let artifact = match compiler.compile_wasm(wasm) {
        Ok(artifact) => artifact,
        // Two names that are one in C.
        Err(Error::Interface(_)) => return Ok(Observed::Unlinkable),
        Err(error) => return Err(error.to_string()),
    };
    let interface = artifact.module.interface.clone().ok_or("no interface")?;
    let board = Board { stack_bytes: STACK_BYTES, budget: BUDGET, ..Board::new(Core::CortexM4) };
    let room = interface.memories.first().map(|memory| memory.max_bytes() as u32);
    let define = |store: &mut store::Store, linker: &mut store::Linker| {
        store.memory_reserve = 1 << 16;
        for import in &interface.imports {
            // Without it, the import is unknown.
            if let Ok(item) = host_item(store, &import.wasm_name, &import.ty) {
                linker.define(&import.wasm_module, &import.wasm_name, item);
            }
        }
    };
    let module = &artifact.module;
    let mut instance = match Instance::new(module, &artifact.object, board, room, define) {
        Ok(Ok(instance)) => instance,
        Ok(Err(Trap::UndefinedElement)) => return Ok(Observed::Early(Trap::TableOutOfBounds)),
        Ok(Err(trap)) => return Ok(Observed::Early(trap)),
        Err(error) => return not_comparable(error),
    };
    // In the order of names, as wasmi has them.
    let mut exports = interface.exports.clone();
    exports.sort_by(|a, b| a.wasm_name.cmp(&b.wasm_name));
    let mut calls = Vec::new();
    for round in 0..ROUNDS {
        for export in &exports {
            let module::ExternType::Func(ty) = &export.ty else { continue };
            let name = &export.wasm_name;
            let args = ty.params.iter().enumerate();
            let args: Vec<Val> =
                args.map(|(index, &ty)| argument(name, index, round, ty)).collect();
            let outcome = match instance.invoke(name, &args) {
                Ok((Outcome::Returned(values), _)) => {
                    Outcome::Returned(values.into_iter().map(comparable).collect())
                }
                // wasmi does not tell the two apart.
                Ok((Outcome::Trapped(Trap::UndefinedElement), _)) => {
                    Outcome::Trapped(Trap::TableOutOfBounds)
                }
                Ok((trapped, _)) => trapped,
                Err(error) => return not_comparable(error),
            };
            calls.push((name.clone(), outcome));
        }
    }
    let (mut globals, mut memories) = (Vec::new(), Vec::new());
    for export in &exports {
        let name = export.wasm_name.clone();
        match export.ty {
            module::ExternType::Global(_) => {
                let value = instance.global(&name).map_err(|e| e.to_string())?;
                globals.push((name, comparable(value)));
            }
            module::ExternType::Memory(_) => {
                let bytes = instance.memory(&name).map_err(|e| e.to_string())?;
                memories.push((name, bytes));
            }
            _ => {}
        }
    }
    Ok(Observed::Ran { calls, globals, memories })
}

/// What the host has under a name that a module imports with this type.
fn host_item(
    store: &mut store::Store,
    name: &str,
    ty: &module::ExternType,
) -> Result<store::HostItem, StoreError> {
    match ty {
        module::ExternType::Func(ty) => {
            let (name, results) = (name.to_owned(), ty.results.clone());
            let call = move |_: &mut store::GuestMemory<'_>, args: &[Val]| {
                host_results(&name, args, &results)
            };
            Ok(store.host_function(ty.clone(), call))
        }
        module::ExternType::Memory(ty) => store.host_memory(*ty),
        module::ExternType::Table(ty) => store.host_table(*ty),
        module::ExternType::Global(ty) => store.host_global(value(ty.ty, hash(&name)), ty.mutable),
    }
}

fn not_comparable(error: StoreError) -> Result<Observed, String> {
    match error {
        StoreError::Machine(MachineError::Budget(_) | MachineError::StackOverrun { .. }) => {
            Ok(Observed::Unbounded)
        }
        // One name, imported twice.
        StoreError::IncompatibleImport { .. } => Ok(Observed::Unlinkable),
        error => Err(error.to_string()),
    }
}

/// The module in wasmi.
pub fn in_wasmi(wasm: &[u8]) -> Result<Observed, String> {
    let text = |e: wasmi::Error| e.to_string();
    let mut config = wasmi::Config::default();
    config.wasm_custom_page_sizes(true).wasm_multi_memory(true);
    config.set_max_recursion_depth(MAX_RECURSION).set_max_stack_height(64 << 20);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, wasm).map_err(text)?;
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    for import in module.imports() {
        let name = import.name();
        let item: wasmi::Extern = match import.ty() {
            ExternType::Func(ty) => wasmi_function(&mut store, name, ty.clone()).into(),
            ExternType::Memory(ty) => wasmi::Memory::new(&mut store, *ty).map_err(text)?.into(),
            ExternType::Table(ty) => {
                let null = wasmi::Ref::default_for_ty(ty.element());
                wasmi::Table::new(&mut store, *ty, null).map_err(text)?.into()
            }
            ExternType::Global(ty) => {
                let value = to_wasmi(value(from_wasmi_type(ty.content()), hash(&name)));
                wasmi::Global::new(&mut store, value, ty.mutability()).into()
            }
        };
        // A module may import a thing twice.
        let _ = linker.define(import.module(), name, item);
    }
    let instance = match linker.instantiate_and_start(&mut store, &module) {
        Ok(instance) => instance,
        // Two imports of one name and different types.
        Err(error) if error.as_trap_code().is_none() && is_mismatch(&error.to_string()) => {
            return Ok(Observed::Unlinkable);
        }
        Err(error) => {
            return Ok(match trap(&error)? {
                Trap::StackExhausted => Observed::Unbounded,
                trap => Observed::Early(trap),
            });
        }
    };
    let mut exports: Vec<_> = module.exports().collect();
    exports.sort_by(|a, b| a.name().cmp(b.name()));
    let mut calls = Vec::new();
    for round in 0..ROUNDS {
        for export in &exports {
            let (name, ExternType::Func(ty)) = (export.name(), export.ty()) else { continue };
            let args = ty.params().iter().enumerate();
            let args: Vec<wasmi::Val> = args
                .map(|(index, &ty)| to_wasmi(argument(name, index, round, from_wasmi_type(ty))))
                .collect();
            let mut out: Vec<wasmi::Val> =
                ty.results().iter().map(|&ty| to_wasmi(value(from_wasmi_type(ty), 0))).collect();
            let function = instance.get_func(&store, name).ok_or("no function")?;
            let outcome = match function.call(&mut store, &args, &mut out) {
                Ok(()) => Outcome::Returned(out.iter().map(from_wasmi).collect()),
                Err(error) => match trap(&error)? {
                    Trap::StackExhausted => return Ok(Observed::Unbounded),
                    trap => Outcome::Trapped(trap),
                },
            };
            calls.push((name.to_owned(), outcome));
        }
    }
    let (mut globals, mut memories) = (Vec::new(), Vec::new());
    for export in &exports {
        let name = export.name().to_owned();
        if let Some(global) = instance.get_global(&store, &name) {
            globals.push((name, from_wasmi(&global.get(&store))));
        } else if let Some(memory) = instance.get_memory(&store, &name) {
            memories.push((name, memory.data(&store).to_vec()));
        }
    }
    Ok(Observed::Ran { calls, globals, memories })
}

fn is_mismatch(error: &str) -> bool {
    error.starts_with("found definition") || error.contains("type mismatch")
}

fn wasmi_function(store: &mut Store<()>, name: &str, ty: wasmi::FuncType) -> wasmi::Func {
    let results: Vec<ValType> = ty.results().iter().map(|&ty| from_wasmi_type(ty)).collect();
    let name = name.to_owned();
    wasmi::Func::new(store, ty, move |_: wasmi::Caller<'_, ()>, args, out| {
        let args: Vec<Val> = args.iter().map(from_wasmi).collect();
        for (slot, value) in out.iter_mut().zip(host_results(&name, &args, &results)) {
            *slot = to_wasmi(value);
        }
        Ok(())
    })
}
