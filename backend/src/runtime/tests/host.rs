//! The routines compiled for the host by cranelift-jit.

use crate::module::SymbolId;
use crate::runtime::{self, RuntimeCall};
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module, default_libcall_names};
use std::collections::BTreeMap;

pub struct Host {
    /// Owns the code.
    module: JITModule,
    functions: BTreeMap<RuntimeCall, FuncId>,
}

/// How the host's C convention returns two words.
#[repr(C)]
struct Pair(u64, u64);

impl Host {
    pub fn new() -> Host {
        let builder = JITBuilder::with_flags(&[("opt_level", "speed")], default_libcall_names())
            .expect("the host can be compiled for");
        let mut module = JITModule::new(builder);
        let functions: BTreeMap<RuntimeCall, FuncId> = RuntimeCall::all()
            .into_iter()
            .map(|call| {
                let signature = call.signature(I64);
                let id =
                    module.declare_function(&call.default_symbol(), Linkage::Local, &signature);
                (call, id.expect("declared once"))
            })
            .collect();
        for (&call, &id) in &functions {
            let mut context = module.make_context();
            context.func = runtime::build(call, I64, &|call| SymbolId(functions[&call].as_u32()));
            if let Err(error) = module.define_function(id, &mut context) {
                panic!("{call}: {error:?}\n{}", context.func.display());
            }
        }
        module.finalize_definitions().expect("all are defined");
        Host { module, functions }
    }

    /// Calls a routine with each argument in a register of its own.
    pub fn call(&self, call: RuntimeCall, args: &[u64]) -> Vec<u64> {
        let code = self.module.get_finalized_function(self.functions[&call]);
        let arg = |n: usize| args.get(n).copied().unwrap_or(0);
        // The C conventions of 64-bit hosts pass any integer in a register, whose upper bits mean
        // nothing, and arguments that a function does not have do no harm.
        // SAFETY: the code is of that convention, and `self` keeps it.
        let Pair(first, second) = unsafe {
            let code: extern "C" fn(u64, u64, u64) -> Pair = core::mem::transmute(code);
            code(arg(0), arg(1), arg(2))
        };
        let results = call.types(I64).1;
        let cut = |(bits, ty)| if ty == I32 { bits & 0xffff_ffff } else { bits };
        [first, second].into_iter().zip(results).map(cut).collect()
    }
}
