//! The functions that an image's reset goes on with, as CLIF: one that prepares the core, and one that
//! instantiates, calls, prints and ends. The latter may use floats, so the unit must be on before.

use super::{WASI, memory_symbol, names};
use crate::Artifact;
use crate::aapcs::struct_layout;
use crate::link::Reservation;
use crate::value::{Val, val_type};
use anyhow::{Context, Result, bail};
use core::fmt::Write;
use cranelift_codegen::ir::{ArgumentPurpose, Signature, types};
use windlass_backend::instance::NO_TRAP;
use windlass_backend::module::{ExternType, Interface, SymbolId, ValType};

const MAIN: &str = "__windlass_main";

/// Stack above the limit of the program that what the image itself calls may use.
const STACK_RESERVE: u32 = 512;

/// The function that an image calls.
pub struct Program<'a> {
    artifact: &'a Artifact,
    symbol: &'a str,
    signature: &'a Signature,
    pub params: Vec<ValType>,
    pub results: Vec<ValType>,
}

impl<'a> Program<'a> {
    pub fn new(artifact: &'a Artifact, name: &str) -> Result<Program<'a>> {
        let module = &artifact.module;
        let Some(interface) = &module.interface else {
            let function = module.functions.iter().find(|f| f.name == name);
            let function = function.with_context(|| {
                let names: Vec<_> = module.functions.iter().map(|f| &f.name[..]).collect();
                format!("no function named {name}; there are: {}", names.join(", "))
            })?;
            let signature = &function.clif.signature;
            let types = |of: &[cranelift_codegen::ir::AbiParam]| {
                of.iter().map(|param| val_type(param.value_type)).collect()
            };
            let (params, results) = (types(&signature.params), types(&signature.returns));
            return Ok(Program { artifact, symbol: &function.name, signature, params, results });
        };
        let export = interface.functions().find(|(export, _)| export.wasm_name == name);
        let (export, ty) = export.with_context(|| {
            let names: Vec<_> = interface.functions().map(|(e, _)| &e.wasm_name[..]).collect();
            format!("no exported function named {name}; there are: {}", names.join(", "))
        })?;
        let function = module.functions.iter().find(|f| f.symbol == export.symbol);
        let signature = &function.context("an export without a function")?.clif.signature;
        let (params, results) = (ty.params.clone(), ty.results.clone());
        let symbol = &module.symbol(export.symbol).name;
        Ok(Program { artifact, symbol, signature, params, results })
    }

    fn symbol(&self, id: Option<SymbolId>) -> Result<&str> {
        let id = id.context("a module without its instance's functions")?;
        Ok(&self.artifact.module.symbol(id).name)
    }

    /// The text of the functions.
    pub fn clif(
        &self,
        interface: Option<&Interface>,
        arguments: &[Val],
        reservations: &[Reservation],
        has_fpu: bool,
    ) -> Result<String> {
        let mut start = Text::default();
        start.call("__windlass_prepare", "() fast", &[]);
        if has_fpu {
            start.call("__windlass_enable_fpu", "() fast", &[]);
        }
        start.call(MAIN, "() fast", &[]);
        let mut text = Text::default();
        let instance = match interface {
            Some(interface) => Some(self.instantiate(&mut text, interface, reservations)?),
            None => None,
        };
        let results = self.call(&mut text, instance.as_deref(), arguments)?;
        if let (Some(interface), Some(instance)) = (interface, &instance) {
            self.check_trap(&mut text, interface, instance)?;
        }
        for (value, ty) in results.iter().zip(&self.results) {
            text.print(value, *ty)?;
        }
        let zero = text.constant(0);
        text.call("__windlass_exit", "(i32) fast", &[&zero]);
        Ok([start.finish(names::START), text.finish(MAIN)].join("\n"))
    }

    /// The instance, with its memories; a failure ends the program.
    fn instantiate(
        &self,
        text: &mut Text,
        interface: &Interface,
        reservations: &[Reservation],
    ) -> Result<String> {
        let instance = text.address(names::INSTANCE);
        let state = text.address(names::STATE);
        text.line(&format!("store notrap aligned {instance}, {state}"));
        let mut args = vec![instance.clone()];
        for context in &interface.contexts {
            args.push(match context.wasm_name == WASI {
                true => self.caller_memory(text, interface, &instance)?,
                // Whatever is imported from it is undefined.
                false => text.constant(0),
            });
        }
        for at in 0..interface.memories.len().max(1) {
            let symbol = memory_symbol(at);
            match reservations.iter().find(|r| r.symbol == symbol) {
                Some(reservation) => {
                    args.push(text.address(&symbol));
                    args.push(text.constant(reservation.bytes));
                }
                None => args.extend([text.constant(0), text.constant(0)]),
            }
        }
        // In front of a start function.
        let end = text.address("__bss_end");
        let reserve = text.constant(STACK_RESERVE);
        let limit = text.value(&format!("iadd {end}, {reserve}"));
        let set_limit = self.symbol(interface.set_stack_limit)?;
        text.call(set_limit, "(i32, i32) fast", &[&instance, &limit]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let signature = format!("({}) -> i32 fast", vec!["i32"; args.len()].join(", "));
        let status = text.call(self.symbol(interface.instantiate)?, &signature, &args);
        text.unless(&status[0], |text| {
            text.call("__windlass_end_with_status", "(i32) fast", &[&status[0]]);
        });
        Ok(instance)
    }

    /// The descriptor of the memory that functions of WASI read and write: the one that is exported as
    /// `memory`, else memory 0, of no bytes if the module has none.
    fn caller_memory(
        &self,
        text: &mut Text,
        interface: &Interface,
        instance: &str,
    ) -> Result<String> {
        let exports = &interface.exports;
        let export = exports.iter().find(|export| {
            export.wasm_name == "memory" && matches!(export.ty, ExternType::Memory(_))
        });
        match export {
            Some(export) => {
                let accessor = self.symbol(Some(export.symbol))?;
                Ok(text.call(accessor, "(i32) -> i32 fast", &[instance]).remove(0))
            }
            // The instance begins with it.
            None => Ok(instance.to_owned()),
        }
    }

    /// The call, and the values that it returns.
    fn call(
        &self,
        text: &mut Text,
        instance: Option<&str>,
        arguments: &[Val],
    ) -> Result<Vec<String>> {
        let params = &self.signature.params;
        let hidden = params.first().is_some_and(|p| p.purpose == ArgumentPurpose::StructReturn);
        let (offsets, bytes) = struct_layout(&self.results);
        let area = hidden.then(|| text.area(bytes));
        let values = arguments.iter().map(|&value| text.wasm_constant(value));
        let values: Vec<String> = values.collect::<Result<_>>()?;
        let mut args: Vec<&str> = Vec::new();
        args.extend(area.as_deref());
        args.extend(instance);
        args.extend(values.iter().map(String::as_str));
        // Narrow parameters of .clif functions take the low bits.
        let mut narrowed = Vec::new();
        for (arg, param) in args.iter().zip(params) {
            let is_narrow = param.value_type.is_int() && param.value_type.bits() < 32;
            narrowed.push(match is_narrow {
                true => text.value(&format!("ireduce.{} {arg}", param.value_type)),
                false => (*arg).to_owned(),
            });
        }
        let args: Vec<&str> = narrowed.iter().map(String::as_str).collect();
        let results = text.call(self.symbol, &self.signature.to_string(), &args);
        let Some(area) = area else {
            let returns = self.signature.returns.iter();
            let widened = results.into_iter().zip(returns).map(|(value, result)| {
                let is_narrow = result.value_type.is_int() && result.value_type.bits() < 32;
                if is_narrow { text.value(&format!("sextend.i32 {value}")) } else { value }
            });
            return Ok(widened.collect());
        };
        let loads = self.results.iter().zip(offsets).map(|(&ty, offset)| {
            let ty = clif_type(ty);
            text.value(&format!("load.{ty} notrap {area}+{offset}"))
        });
        Ok(loads.collect())
    }

    fn check_trap(&self, text: &mut Text, interface: &Interface, instance: &str) -> Result<()> {
        let trap = text.call(self.symbol(interface.trap)?, "(i32) -> i32 fast", &[instance]);
        let none = text.constant(NO_TRAP as u32);
        let trapped = text.value(&format!("icmp ne {}, {none}", trap[0]));
        text.unless(&trapped, |text| {
            text.call("__windlass_end_with_trap", "(i32) fast", &[&trap[0]]);
        });
        Ok(())
    }
}

/// CLIF while it is written.
#[derive(Default)]
struct Text {
    declarations: String,
    body: String,
    values: usize,
    functions: usize,
    symbols: usize,
    areas: usize,
    blocks: usize,
}

impl Text {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.body, "    {line}");
    }

    fn value(&mut self, inst: &str) -> String {
        let value = format!("v{}", self.values);
        self.values += 1;
        self.line(&format!("{value} = {inst}"));
        value
    }

    fn constant(&mut self, word: u32) -> String {
        self.value(&format!("iconst.i32 {word:#x}"))
    }

    fn wasm_constant(&mut self, value: Val) -> Result<String> {
        let bits = value.bits();
        Ok(match value {
            Val::I32(_) | Val::FuncRef(_) | Val::ExternRef(_) => self.constant(bits as u32),
            Val::I64(_) => self.value(&format!("iconst.i64 {bits:#x}")),
            Val::F32(_) => {
                let word = self.constant(bits as u32);
                self.value(&format!("bitcast.f32 {word}"))
            }
            Val::F64(_) => {
                let words = self.value(&format!("iconst.i64 {bits:#x}"));
                self.value(&format!("bitcast.f64 {words}"))
            }
        })
    }

    fn address(&mut self, symbol: &str) -> String {
        let name = format!("gv{}", self.symbols);
        self.symbols += 1;
        let _ = writeln!(self.declarations, "    {name} = symbol colocated %{symbol}");
        self.value(&format!("symbol_value.i32 {name}"))
    }

    /// The address of `bytes` of stack.
    fn area(&mut self, bytes: u32) -> String {
        let name = format!("ss{}", self.areas);
        self.areas += 1;
        let _ = writeln!(self.declarations, "    {name} = explicit_slot {bytes}, align = 8");
        self.value(&format!("stack_addr.i32 {name}"))
    }

    fn call(&mut self, function: &str, signature: &str, args: &[&str]) -> Vec<String> {
        let name = format!("fn{}", self.functions);
        self.functions += 1;
        let _ = writeln!(self.declarations, "    {name} = %{function}{signature}");
        let returns = signature.split_once("->").map_or("", |(_, returns)| returns);
        let results = returns.split(',').filter(|result| !result.trim().is_empty()).count();
        let values: Vec<String> =
            (self.values..self.values + results).map(|n| format!("v{n}")).collect();
        self.values += results;
        let given = if values.is_empty() { String::new() } else { values.join(", ") + " = " };
        self.line(&format!("{given}call {name}({})", args.join(", ")));
        values
    }

    /// Goes on if the value is 0; `otherwise` ends the program.
    fn unless(&mut self, value: &str, otherwise: impl FnOnce(&mut Text)) {
        let (other, next) = (self.blocks + 1, self.blocks + 2);
        self.blocks += 2;
        self.line(&format!("brif {value}, block{other}, block{next}"));
        let _ = writeln!(self.body, "\nblock{other}:");
        otherwise(self);
        self.line(&format!("jump block{next}"));
        let _ = writeln!(self.body, "\nblock{next}:");
    }

    fn print(&mut self, value: &str, ty: ValType) -> Result<()> {
        match ty {
            ValType::I64 => {
                self.call("__windlass_print_i64", "(i64) fast", &[value]);
            }
            ValType::I32 => {
                let wide = self.value(&format!("sextend.i64 {value}"));
                self.call("__windlass_print_i64", "(i64) fast", &[&wide]);
            }
            ValType::F32 => {
                let bits = self.value(&format!("bitcast.i32 {value}"));
                self.call("__windlass_print_f32", "(i32) fast", &[&bits]);
            }
            ValType::F64 => {
                let bits = self.value(&format!("bitcast.i64 {value}"));
                self.call("__windlass_print_f64", "(i64) fast", &[&bits]);
            }
            ValType::FuncRef | ValType::ExternRef => {
                bail!("an image cannot print a result of type {ty:?}")
            }
        }
        Ok(())
    }

    fn finish(self, name: &str) -> String {
        let Text { declarations, body, .. } = self;
        format!("function %{name}() fast {{\n{declarations}\nblock0:\n{body}    return\n}}\n")
    }
}

fn clif_type(ty: ValType) -> cranelift_codegen::ir::Type {
    match ty {
        ValType::F32 => types::F32,
        ValType::F64 => types::F64,
        ValType::I64 => types::I64,
        ValType::I32 | ValType::FuncRef | ValType::ExternRef => types::I32,
    }
}
