//! WebAssembly to CLIF.
//!
//! ```text
//! bytes --validate--> bytes --module--> WasmModule --env--> Env (symbols, instance layout)
//!                                                            |--func----> one function per body
//!                                                            |--support-> thunks, entries, helpers
//!                                                            '--instantiate
//! ```
//!
//! Input: the bytes of a .wasm file. Output: a [`Module`] in which every function is complete CLIF
//! and every symbol is final. What is valid wasm but not translated is [`Error::Unsupported`] with
//! its place; nothing here panics on any input. What cannot be reached is left out (see `usage`).
//! DWARF is another matter: it is read for what it is worth, and a warning says if that is nothing.
//!
//! Invariants of the CLIF that comes out:
//! - addresses are `i32`; a value of wasm type t is a value of the CLIF type of the same width;
//! - the instance is the first parameter of a function in the internal convention, with purpose
//!   `VMContext`; functions that C calls take it as an ordinary first parameter, which only a
//!   pointer to the struct of several results (purpose `StructReturn`) precedes;
//! - every access to linear memory comes after the check that admits it and never moves;
//! - the source location of an instruction is the byte offset of its operator in the file.

mod bounded;
mod call;
mod constant;
mod control;
mod env;
mod func;
mod instantiate;
mod layout;
mod memory;
mod module;
mod names;
mod numeric;
mod opname;
mod support;
mod table;
mod types;
mod usage;
mod validate;

#[cfg(test)]
mod tests;

use crate::debug::SourceLines;
use crate::error::Result;
use crate::module::Module;
use crate::options::FrontendOptions;
use cranelift_frontend::FunctionBuilderContext;

/// Translates a WebAssembly module.
///
/// # Errors
/// `Invalid` for what the wasm specification rejects, `Unsupported` for what windlass does not
/// translate, `Interface` for names that collide in C, `Options` for an empty module name.
pub fn translate(wasm: &[u8], options: &FrontendOptions) -> Result<Module> {
    validate::validate(wasm, options.features)?;
    let module = module::WasmModule::parse(wasm, &options.export_filter)?;
    let source = options.debug_info.then(|| SourceLines::read(&module.dwarf, module.code_start));
    let mut env = env::Env::new(module, options)?;
    let mut context = FunctionBuilderContext::new();
    func::define_functions(&mut env, &mut context)?;
    support::define_entries(&mut env, &mut context)?;
    support::define_accessors(&mut env, &mut context)?;
    instantiate::define(&mut env, &mut context)?;
    support::define_thunks(&mut env, &mut context)?;
    support::define_helpers(&mut env, &mut context)?;
    let mut module = env.finish();
    match source.unwrap_or(Ok(None)) {
        Ok(source) => module.source = source,
        Err(problem) => {
            module
                .warnings
                .push(format!("no source lines: the module's DWARF is malformed: {problem}"));
        }
    }
    Ok(module)
}
