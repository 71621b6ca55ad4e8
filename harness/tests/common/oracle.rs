//! wasmi as the oracle: the same calls, the same results, traps and memory.

use super::host_call;
use super::values::{from_wasmi, to_wasmi, trap};
use wasmi::{Caller, Config, Engine, Extern, ExternType, Linker, Module, Store};
use windlass::Trap;
use windlass::store::Outcome;
use windlass::value::Val;

pub struct Oracle {
    store: Store<()>,
    instance: wasmi::Instance,
}

impl Oracle {
    /// Instantiates with [`host_call`] behind every import.
    pub fn new(wasm: &[u8]) -> Result<Result<Oracle, Trap>, String> {
        let engine = Engine::new(Config::default().wasm_custom_page_sizes(true));
        let module = Module::new(&engine, wasm).map_err(|e| e.to_string())?;
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        for import in module.imports() {
            let ExternType::Func(ty) = import.ty() else {
                return Err(format!("the import {} is no function", import.name()));
            };
            let name = import.name().to_owned();
            linker
                .func_new(import.module(), import.name(), ty.clone(), move |caller, args, out| {
                    call_host(caller, &name, args, out);
                    Ok(())
                })
                .map_err(|e| e.to_string())?;
        }
        match linker.instantiate_and_start(&mut store, &module) {
            Ok(instance) => Ok(Ok(Oracle { store, instance })),
            Err(error) => trap(&error).map(Err),
        }
    }

    pub fn invoke(&mut self, name: &str, args: &[Val]) -> Result<Outcome, String> {
        let function = self.instance.get_func(&self.store, name);
        let function = function.ok_or_else(|| format!("wasmi finds no export {name}"))?;
        let args: Vec<_> = args.iter().map(|&arg| to_wasmi(arg)).collect();
        let results = function.ty(&self.store).results().len();
        let mut out = vec![wasmi::Val::I32(0); results];
        match function.call(&mut self.store, &args, &mut out) {
            Ok(()) => Ok(Outcome::Returned(out.iter().map(from_wasmi).collect())),
            Err(error) => trap(&error).map(Outcome::Trapped),
        }
    }

    /// The exported memory, None if nothing is exported.
    pub fn memory(&self) -> Option<Vec<u8>> {
        let mut exports = self.instance.exports(&self.store);
        let memory = exports.find_map(|export| export.into_extern().into_memory())?;
        Some(memory.data(&self.store).to_vec())
    }
}

fn call_host(mut caller: Caller<'_, ()>, name: &str, args: &[wasmi::Val], out: &mut [wasmi::Val]) {
    let args: Vec<_> = args.iter().map(from_wasmi).collect();
    let (results, write) = host_call(name, &args);
    for (slot, value) in out.iter_mut().zip(results) {
        *slot = to_wasmi(value);
    }
    if let Some((address, byte)) = write {
        let memory = caller.get_export("memory").and_then(Extern::into_memory);
        let memory = memory.expect("an exported memory to write to");
        memory.data_mut(&mut caller)[address as usize] = byte;
    }
}
