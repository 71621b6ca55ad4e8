//! The Rust interface of a wasm module: what a `no_std` host includes to instantiate and call it.
//!
//! Input: a [`Module`] with its [`Interface`]. Output: the text of a Rust file without dependencies, of
//! edition 2021 or later (Rust 1.82), for `include!` in a module of its own.
//!
//! The binding keeps the promises that C leaves to the host: an instance does not move and its memory
//! is not touched by others while it is in use, imports get back what was given for them, and a call
//! that trapped is an error.
//!
//! Invariant: wasm names reach the text only through [`quoted`], inside comments. Everything else is
//! made of symbols, which are checked to be identifiers.

mod imports;
mod instance;
mod shared;
mod types;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::header::quoted;
use crate::module::{ContextPointer, ExternType, Interface, Module, SymbolId};
use types::{camel_case, raw_signature, result_struct, rust_identifier};

/// Writes the binding of `module`. Imports from the modules named in `linked` are functions of other
/// objects, whose context is a pointer that the host passes on: another windlass module's instance,
/// for one. The host implements a trait for each of the other modules.
///
/// # Errors
/// [`Error::Interface`] if a name is no identifier or two declarations collide, if `linked` names a
/// module from which nothing is imported, or if the module came from CLIF text.
pub fn write_rust_binding(module: &Module, linked: &[String]) -> Result<String> {
    let interface = module
        .interface
        .as_ref()
        .ok_or_else(|| Error::Interface("a module of CLIF functions has no binding".into()))?;
    let mut binding = Binding::new(module, interface, linked)?;
    binding.check_methods()?;
    binding.open();
    binding.traps();
    binding.descriptors();
    binding.foreign_functions()?;
    binding.imports()?;
    binding.storage()?;
    binding.instance()?;
    binding.close();
    Ok(binding.text)
}

struct Binding<'a> {
    module: &'a Module,
    interface: &'a Interface,
    contexts: Vec<Context<'a>>,
    text: String,
    /// What bears the names of symbols, in a module of its own so that none meets another name.
    raw: String,
}

/// An imported module.
struct Context<'a> {
    pointer: &'a ContextPointer,
    /// The trait that the host implements; None if another object has the functions.
    host: Option<String>,
}

impl<'a> Binding<'a> {
    fn new(module: &'a Module, interface: &'a Interface, linked: &[String]) -> Result<Self> {
        let mut names: BTreeMap<String, &str> = BTreeMap::new();
        let mut contexts = Vec::new();
        for pointer in &interface.contexts {
            let is_linked = linked.contains(&pointer.wasm_name);
            let host = (!is_linked).then(|| format!("{}Imports", camel_case(&pointer.c_name)));
            if let Some(other) =
                host.as_ref().and_then(|name| names.insert(name.clone(), &pointer.wasm_name))
            {
                return Err(Error::Interface(format!(
                    "modules {} and {} would have the same trait in Rust",
                    quoted(other),
                    quoted(&pointer.wasm_name)
                )));
            }
            contexts.push(Context { pointer, host });
        }
        let known = |name: &&String| interface.contexts.iter().any(|c| c.wasm_name == **name);
        if let Some(unknown) = linked.iter().find(|name| !known(name)) {
            return Err(Error::Interface(format!("no import from module {}", quoted(unknown))));
        }
        Ok(Binding { module, interface, contexts, text: String::new(), raw: String::new() })
    }

    fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn symbol(&self, id: SymbolId) -> Result<&'a str> {
        let symbol = self.module.symbols.get(id.0 as usize);
        Ok(&symbol.ok_or_else(|| Error::internal(format!("no symbol {}", id.0)))?.name)
    }

    fn own(&self, id: Option<SymbolId>) -> Result<&'a str> {
        self.symbol(id.ok_or_else(|| Error::internal("a module without its own functions"))?)
    }

    /// The method of an export or import: its symbol behind the module's prefix.
    fn method(&self, symbol: &str, prefix: &str) -> String {
        let name = symbol.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
        rust_identifier(name.unwrap_or(symbol))
    }

    fn open(&mut self) {
        let name = quoted(&self.module.name);
        write!(
            self.text,
            r#"// Rust interface of the WebAssembly module {name}, written by windlass: to `include!` in a module of
// its own.

#[allow(unused_imports)]
pub use binding::*;

#[allow(dead_code, non_camel_case_types, non_snake_case, clippy::all)]
mod binding {{
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
"#
        )
        .expect(TO_A_STRING);
    }

    fn close(&mut self) {
        let raw = std::mem::take(&mut self.raw);
        self.add(&format!("\nmod raw {{\nuse super::*;\n{raw}}}\n}}\n"));
    }

    /// Symbols that differ may come to the same identifier.
    fn check_methods(&self) -> Result<()> {
        let exports = self.interface.exports.iter();
        let exports =
            exports.map(|export| (export.symbol, &export.wasm_name, &self.interface.c_name));
        distinct(self, exports)?;
        for (at, context) in self.interface.contexts.iter().enumerate() {
            let imports = self.interface.imports.iter().filter(|import| import.context == at);
            distinct(self, imports.map(|i| (i.symbol, &i.wasm_name, &context.c_name)))?;
        }
        Ok(())
    }

    fn foreign_functions(&mut self) -> Result<()> {
        let own_memories = self.interface.memories.len().max(1);
        let contexts: String =
            self.contexts.iter().map(|c| format!("{}: *mut c_void, ", c.name())).collect();
        let memories: String = (0..own_memories)
            .map(|index| format!("memory{index}: *mut c_void, memory{index}_bytes: u32, "))
            .collect();
        let (instantiate, trap, limit) = (
            self.own(self.interface.instantiate)?,
            self.own(self.interface.trap)?,
            self.own(self.interface.set_stack_limit)?,
        );
        let mut results = String::new();
        let mut functions = format!(
            "    pub fn {instantiate}(instance: *mut c_void, {contexts}{memories}) -> i32;\n    \
             pub fn {trap}(instance: *const c_void) -> i32;\n    \
             pub fn {limit}(instance: *mut c_void, limit: *const c_void);\n"
        );
        let interface = self.interface;
        let bounded_time = [
            (interface.interrupt, "instance: *mut c_void", ""),
            (interface.clear_interrupt, "instance: *mut c_void", ""),
            (interface.set_fuel, "instance: *mut c_void, units: u32", ""),
            (interface.fuel, "instance: *const c_void", " -> u32"),
        ];
        for (id, params, result) in bounded_time {
            if let Some(id) = id {
                let symbol = self.symbol(id)?;
                writeln!(functions, "    pub fn {symbol}({params}){result};").expect(TO_A_STRING);
            }
        }
        for export in &self.interface.exports {
            let symbol = self.symbol(export.symbol)?;
            if let ExternType::Func(ty) = &export.ty {
                results += &result_struct(symbol, ty);
            }
            let (params, mut result) = raw_signature(symbol, &export.ty);
            if result.ends_with("_result") {
                result = format!(" -> MaybeUninit<{symbol}_result>");
            }
            writeln!(functions, "    pub fn {symbol}(instance: *mut c_void{params}){result};")
                .expect(TO_A_STRING);
        }
        self.raw += &format!("{results}\nunsafe extern \"C\" {{\n{functions}}}\n");
        Ok(())
    }
}

const TO_A_STRING: &str = "writing to a string does not fail";

impl Context<'_> {
    fn name(&self) -> String {
        rust_identifier(&format!("{}_context", self.pointer.c_name))
    }
}

/// Fails if two of these would be the same method.
fn distinct<'s>(
    binding: &Binding<'_>,
    items: impl Iterator<Item = (SymbolId, &'s String, &'s String)>,
) -> Result<()> {
    let mut methods: BTreeMap<String, (SymbolId, &str)> = BTreeMap::new();
    for (id, name, prefix) in items {
        let method = binding.method(binding.symbol(id)?, prefix);
        match methods.get(&method) {
            Some(&(other, first)) if other != id => {
                return Err(Error::Interface(format!(
                    "{} and {} would both be the method `{method}` in Rust",
                    quoted(first),
                    quoted(name)
                )));
            }
            _ => methods.insert(method, (id, name)),
        };
    }
    Ok(())
}
