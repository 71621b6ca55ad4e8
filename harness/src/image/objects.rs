//! The objects of an image that are not the program's.

use super::names::*;
use crate::{Artifact, Compiler};
use anyhow::{Context, Result};
use cranelift_codegen::ir;
use windlass_backend::Trap;
use windlass_backend::compiled::{CompiledFunction, CompiledModule};
use windlass_backend::isa::Isa;
use windlass_backend::module::{
    Binding, Data, Definition, Function, FunctionRole, Module, SymbolId,
};
use windlass_backend::object::{ObjectOptions, write_object};
use windlass_isa_thumb2::{Thumb2, machine_code};

const SUPPORT: &str = concat!(include_str!("support.clif"), include_str!("floats.clif"));
const WASI: &str = include_str!("wasi.clif");

/// The table begins with sp and the handlers of 15 exceptions (ARMv7-M ARM, B1.5.3). Its address
/// is a multiple of this.
const EXCEPTIONS: usize = 15;
const VECTORS_ALIGN: u32 = 128;

/// Texts that the CLIF refers to.
const TEXTS: [(&str, &str); 9] = [
    ("__windlass_text_console", ":tt"),
    ("__windlass_text_trap", "trap: "),
    ("__windlass_text_start_trap", "trap while instantiating: "),
    ("__windlass_text_start_status", "the module cannot be instantiated\n"),
    ("__windlass_text_fault", "fault at pc 0x"),
    ("__windlass_text_cfsr", ", CFSR 0x"),
    ("__windlass_text_newline", "\n"),
    ("__windlass_text_nan", "NaN\n"),
    ("__windlass_text_inf", "-inf\n"),
];
/// Addresses of the texts of traps by code, and of one for other codes.
const TRAP_NAMES: &str = "__windlass_trap_names";

/// Functions that prepare the core, handle faults and print.
pub fn support(compiler: &Compiler) -> Result<Artifact> {
    let text = SUPPORT.replace("TRAP_COUNT", &Trap::ALL.len().to_string());
    compiler.clone().name("support").compile_clif(&text).context("support.clif")
}

/// Functions of WASI.
pub fn wasi(compiler: &Compiler) -> Result<Artifact> {
    compiler.clone().name("wasi").compile_clif(WASI).context("wasi.clif")
}

/// The vector table, the texts, and what is no CLIF.
pub fn machine_code(isa: &Thumb2) -> Result<Vec<u8>> {
    let names =
        machine_code::Names { stack_top: STACK_TOP, start: START, handle_fault: HANDLE_FAULT };
    let mut object = Object::default();
    let reset = object.function(RESET, machine_code::reset(&names)?);
    let fault = object.function(FAULT, machine_code::fault(&names)?);
    object.function(LANDING_PAD, machine_code::landing_pad(isa)?);
    object.function(SEMIHOSTING, machine_code::semihosting()?);
    object.function(BARRIER, machine_code::barrier()?);
    object.vectors(reset, fault);
    for (name, text) in TEXTS {
        object.text(name, text);
    }
    object.trap_names();
    object.write(isa)
}

#[derive(Default)]
struct Object {
    module: Module,
    compiled: CompiledModule,
}

impl Object {
    fn function(&mut self, name: &str, code: CompiledFunction) -> SymbolId {
        let definition = Definition::Function(self.module.functions.len());
        let symbol = self.module.add_symbol(name.to_owned(), Binding::Global, definition);
        let (name, role) = (name.to_owned(), FunctionRole::Support);
        self.module.functions.push(Function::new(symbol, name, role, ir::Function::new()));
        self.compiled.functions.push(code);
        symbol
    }

    fn data(
        &mut self,
        name: &str,
        bytes: Vec<u8>,
        align: u32,
        addresses: Vec<(u32, SymbolId)>,
    ) -> SymbolId {
        let definition = Definition::Data(self.module.data.len());
        let symbol = self.module.add_symbol(name.to_owned(), Binding::Global, definition);
        self.module.data.push(Data { symbol, bytes, align, addresses });
        symbol
    }

    /// A text that ends with 0.
    fn text(&mut self, name: &str, text: &str) -> SymbolId {
        self.data(name, [text.as_bytes(), &[0]].concat(), 1, Vec::new())
    }

    fn words(&mut self, name: &str, align: u32, words: &[SymbolId]) {
        let addresses = words.iter().enumerate().map(|(at, &word)| (4 * at as u32, word)).collect();
        self.data(name, vec![0; 4 * words.len()], align, addresses);
    }

    fn vectors(&mut self, reset: SymbolId, fault: SymbolId) {
        let stack_top =
            self.module.add_symbol(STACK_TOP.to_owned(), Binding::Global, Definition::Undefined);
        let mut words = vec![stack_top, reset];
        words.resize(1 + EXCEPTIONS, fault);
        self.words(VECTORS, VECTORS_ALIGN, &words);
    }

    fn trap_names(&mut self) {
        let mut names: Vec<String> = Trap::ALL.iter().map(|trap| format!("{trap}\n")).collect();
        names.push("unknown\n".to_owned());
        let texts = names.iter().enumerate();
        let texts: Vec<_> =
            texts.map(|(at, text)| self.text(&format!("__windlass_text_trap{at}"), text)).collect();
        self.words(TRAP_NAMES, 4, &texts);
    }

    fn write(self, isa: &Thumb2) -> Result<Vec<u8>> {
        let options = ObjectOptions { function_sections: true, ..ObjectOptions::default() };
        Ok(write_object(&self.module, &self.compiled, &isa.elf_format(), &options)?)
    }
}
