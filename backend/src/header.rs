//! The C header of a wasm module: what a host includes to instantiate and call it.
//!
//! Input: a [`Module`] with its [`Interface`]. Output: the text, C99 and C++ alike.
//!
//! Headers of several modules combine in one translation unit, also when one module imports from
//! another: what two headers may both define stands under a guard of its own, and what both only
//! declare they declare alike.
//!
//! Invariant: wasm names reach the text only through [`plain`], inside comments. Everything else
//! is made of symbols, which are checked to be C identifiers.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::instance::{self, C_CALLEE, status};
use crate::module::{
    ContextPointer, Export, ExternType, FuncType, GlobalType, Import, InstanceLayout, Interface,
    Module, SymbolId, ValType,
};
use crate::stack::StackBound;
use crate::trap::Trap;

/// The structs that the header declares for descriptors.
const _: () = {
    use instance::{funcref, memory, table};
    assert!(memory::BYTES == 0 && memory::BASE == 4 && memory::CAPACITY == 8);
    assert!(table::SIZE == 0 && table::ELEMENTS == 4 && table::CAPACITY == 8);
    assert!(funcref::SIGNATURE == 0 && funcref::ENTRY == 4 && funcref::INSTANCE == 8);
};

/// Writes the header of `module`.
///
/// Fails with [`Error::Interface`] if a name is no C identifier, if two declarations collide, or
/// if the module came from CLIF text and so has no instance.
pub fn write_header(module: &Module) -> Result<String> {
    let interface = module
        .interface
        .as_ref()
        .ok_or_else(|| Error::Interface("a module of CLIF functions has no header".into()))?;
    let mut header = Header::new(module, interface)?;
    header.open();
    header.text += &common_declarations();
    header.instance_type()?;
    header.memory_size()?;
    header.imports()?;
    header.lifecycle()?;
    header.bounded_time()?;
    header.exported_functions()?;
    header.accessors()?;
    header.stack_bytes()?;
    header.close();
    Ok(header.text)
}

/// What all modules and the C runtime have in common, once however many headers a host includes.
pub fn common_declarations() -> String {
    let traps: String = Trap::ALL
        .iter()
        .map(|&trap| format!("\n#define {} {}", trap_macro(trap), trap.code()))
        .collect();
    format!(
        "
#ifndef WINDLASS_CODES
#define WINDLASS_CODES

/* What <module>_instantiate returns. A trap returns WINDLASS_TRAPPED + its code. */
#define WINDLASS_OK {}
#define WINDLASS_MEMORY_TOO_SMALL {}
#define WINDLASS_MEMORY_MISALIGNED {}
#define WINDLASS_INCOMPATIBLE_IMPORT {}
#define WINDLASS_TRAPPED {}

/* What <module>_trap returns: the code of the last call's trap, or none. */
#define WINDLASS_TRAP_NONE ({}){traps}

/* A linear memory as it is now: base[0] to base[bytes - 1]. Growing changes bytes, up to capacity.
 * Modules that import a memory of the host change it as well. */
typedef struct windlass_memory {{
    uint32_t bytes;
    uint8_t *base;
    uint32_t capacity;
}} windlass_memory;

/* What a reference to a function points to. NULL is the null reference. */
typedef struct windlass_funcref {{
    const uint8_t *signature;
    void (*entry)(void);
    void *instance;
}} windlass_funcref;

/* A table as it is now: elements[0] to elements[size - 1], each a const windlass_funcref * or a
 * pointer of the host's. Growing changes size, up to capacity. */
typedef struct windlass_table {{
    uint32_t size;
    const void **elements;
    uint32_t capacity;
}} windlass_table;

#endif
",
        status::OK,
        status::MEMORY_TOO_SMALL,
        status::MEMORY_MISALIGNED,
        status::INCOMPATIBLE_IMPORT,
        status::TRAPPED,
        instance::NO_TRAP,
    )
}

/// Identifiers with an underscore that C, C++ or <stdint.h> take, so that a symbol could hit them.
const RESERVED: &str = "\
    _Static_assert _Thread_local and_eq char16_t char32_t char8_t co_await co_return co_yield \
    const_cast dynamic_cast int16_t int32_t int64_t int8_t intmax_t intptr_t not_eq or_eq \
    reinterpret_cast static_assert static_cast thread_local typeof_unqual uint16_t uint32_t \
    uint64_t uint8_t uintmax_t uintptr_t wchar_t xor_eq";

struct Header<'a> {
    module: &'a Module,
    interface: &'a Interface,
    prefix: &'a str,
    text: String,
    /// For each identifier declared so far, what it is and how it was declared.
    declared: BTreeMap<String, (String, String)>,
}

impl<'a> Header<'a> {
    fn new(module: &'a Module, interface: &'a Interface) -> Result<Self> {
        for c_name in interface.contexts.iter().map(|c| &c.c_name).chain([&interface.c_name]) {
            c_identifier(&format!("{c_name}_instance"))?;
        }
        Ok(Header {
            module,
            interface,
            prefix: &interface.c_name,
            text: String::new(),
            declared: BTreeMap::new(),
        })
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A comment on lines of its own, after an empty line.
    fn comment(&mut self, lines: &[&str]) {
        self.line("");
        let (last, init) = lines.split_last().unwrap_or((&"", &[]));
        let mut lead = "/*";
        for line in init {
            self.line(&format!("{lead} {line}"));
            lead = " *";
        }
        self.line(&format!("{lead} {last} */"));
    }

    /// Claims `name` for `what`; false if the same declaration stands already.
    fn declare(&mut self, name: &str, what: String, declaration: &str) -> Result<bool> {
        if let Some((other, text)) = self.declared.get(name) {
            return match text == declaration {
                true => Ok(false),
                false => {
                    Err(Error::Interface(format!("{other} and {what} are both `{name}` in C")))
                }
            };
        }
        self.declared.insert(name.to_owned(), (what, declaration.to_owned()));
        Ok(true)
    }

    /// Declares an identifier that only this module may declare.
    fn declare_own(&mut self, name: &str, what: String, declaration: &str) -> Result<()> {
        match self.declare(name, what.clone(), declaration)? {
            true => Ok(()),
            false => Err(Error::Interface(format!("{what} is `{name}` in C, which is taken"))),
        }
    }

    fn symbol_name(&self, id: SymbolId) -> Result<&'a str> {
        let symbol = self.module.symbols.get(id.0 as usize);
        let symbol = symbol.ok_or_else(|| Error::internal(format!("no symbol {}", id.0)))?;
        c_identifier(&symbol.name)
    }

    fn open(&mut self) {
        let prefix = self.prefix;
        let name = quoted(&self.module.name);
        let contexts: String =
            self.interface.contexts.iter().map(|c| format!("{}_context, ", c.c_name)).collect();
        let (mut memory, mut arguments) = (String::new(), Vec::new());
        for index in 0..self.interface.memories.len() {
            let (name, bytes) = (memory_name(index), self.memory_bytes_macro(index));
            memory +=
                &format!("\n *     static uint64_t {name}[({bytes} + 7) / sizeof(uint64_t)];");
            arguments.push(format!("{name}, sizeof {name}"));
        }
        if arguments.is_empty() {
            arguments.push("NULL, 0".to_owned());
        }
        let arguments = arguments.join(", ");
        self.text = format!(
            r#"/* C interface of the WebAssembly module {name}, written by windlass.
 *
 * The host owns the instance and the memory, and keeps both while it uses them:
 *
 *     static {prefix}_instance instance;{memory}
 *     int status = {prefix}_instantiate(&instance, {contexts}{arguments});
 *
 * A call that traps returns zero; {prefix}_trap tells a trap from a zero. */
#ifndef WINDLASS_{prefix}_H
#define WINDLASS_{prefix}_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {{
#endif
"#
        );
    }

    fn close(&mut self) {
        self.text += r#"
#ifdef __cplusplus
}
#endif

#endif
"#;
    }

    fn instance_type(&mut self) -> Result<()> {
        let name = format!("{}_instance", self.prefix);
        self.declare_own(&name, "the instance type".into(), "type")?;
        let words = instance_words(&self.interface.instance)?;
        self.text += &format!(
            "
/* All state of one instance. Its contents are private. */
typedef struct {name} {{
    {words};
}} {name};
"
        );
        Ok(())
    }

    fn memory_bytes_macro(&self, index: usize) -> String {
        let name = memory_name(index);
        format!("{}_{name}_BYTES", self.prefix).to_ascii_uppercase()
    }

    fn memory_size(&mut self) -> Result<()> {
        self.comment(&[
            "The smallest memory to hand over, in bytes. A larger one lets memory.grow succeed.",
        ]);
        let mut sizes: Vec<u64> = self.interface.memories.iter().map(|m| m.min_bytes()).collect();
        if sizes.is_empty() {
            sizes.push(0);
        }
        for (index, bytes) in sizes.into_iter().enumerate() {
            let bytes = bytes + u64::from(self.interface.guard_bytes);
            let bytes = u32::try_from(bytes).map_err(|_| {
                Error::Interface(format!(
                    "a memory of {bytes} bytes does not fit the address space"
                ))
            })?;
            let name = self.memory_bytes_macro(index);
            self.declare_own(&name, "the memory size".into(), "macro")?;
            self.line(&format!("#define {name} {bytes}u"));
        }
        Ok(())
    }

    fn imports(&mut self) -> Result<()> {
        if !self.interface.contexts.is_empty() {
            self.comment(&[
                "Context of each imported module: the host defines the type and hands a pointer to",
                "instantiate, which every function imported from that module gets back.",
            ]);
        }
        for context in &self.interface.contexts {
            let wasm_name = quoted(&context.wasm_name);
            self.line(&format!("struct {}_instance; /* {wasm_name} */", context.c_name));
        }
        if !self.interface.imports.is_empty() {
            self.comment(&[
                "Imports, which the host or another module defines: functions, and accessors of",
                "memories, tables and globals, which instantiate asks for a pointer that stays.",
            ]);
        }
        for import in &self.interface.imports {
            self.import(import)?;
        }
        Ok(())
    }

    fn import(&mut self, import: &Import) -> Result<()> {
        let symbol = self.symbol_name(import.symbol)?;
        let context = self.interface.contexts.get(import.context);
        let context = context.ok_or_else(|| Error::internal("an import without its context"))?;
        let instance = format!("struct {}_instance *", context.c_name);
        let prototype = declaration(symbol, &instance, &import.ty);
        let (module, name) = (quoted(&import.wasm_module), quoted(&import.wasm_name));
        let what = format!("import {module} {name}");
        if self.declare(symbol, what, &prototype)? {
            if let ExternType::Func(ty) = &import.ty {
                self.result_type(symbol, ty);
            }
            self.line(&format!("{prototype} /* {module} {name} */"));
        }
        Ok(())
    }

    /// The struct of a function with several results. An importer's header has it as well.
    fn result_type(&mut self, symbol: &str, ty: &FuncType) {
        if ty.results.len() < 2 {
            return;
        }
        let field = |(index, &result): (usize, &ValType)| format!(" {} f{index};", c_type(result));
        let fields: String = ty.results.iter().enumerate().map(field).collect();
        self.text += &format!(
            "\
#ifndef WINDLASS_{symbol}_result
#define WINDLASS_{symbol}_result
struct {symbol}_result {{{fields} }};
#endif
"
        );
    }

    fn lifecycle(&mut self) -> Result<()> {
        let instance = format!("{}_instance *instance", self.prefix);
        if let Some(id) = self.interface.instantiate {
            let context =
                |c: &ContextPointer| format!(", struct {0}_instance *{0}_context", c.c_name);
            let contexts: String = self.interface.contexts.iter().map(context).collect();
            let memory = |index| {
                let name = memory_name(index);
                format!(", void *{name}, uint32_t {name}_bytes")
            };
            let memories: String = (0..self.interface.memories.len().max(1)).map(memory).collect();
            let params = format!("{instance}{contexts}{memories}");
            self.comment(&[
                "Initialises the instance and the memory, then runs the start function, if any.",
                "The memory is aligned to 8 bytes, the instance zero or with its stack limit set. Must",
                "succeed before any other call.",
            ]);
            self.own_function(id, "int", &params)?;
        }
        if let Some(id) = self.interface.trap {
            self.comment(&["The trap that ended the last call, or WINDLASS_TRAP_NONE."]);
            self.own_function(id, "int", &format!("const {instance}"))?;
        }
        if let Some(id) = self.interface.set_stack_limit {
            self.comment(&[
                "Sets the lowest address of the stack that the module's functions may use; beyond it",
                "they trap. Imported functions and interrupts on the same stack may need room below.",
                "NULL sets no limit. Instantiation keeps what was set before, for the start function; an",
                "instance of zeros has no limit.",
            ]);
            self.own_function(id, "void", &format!("{instance}, const void *limit"))?;
        }
        Ok(())
    }

    /// What bounds the time of calls, as far as the module has it.
    fn bounded_time(&mut self) -> Result<()> {
        let instance = format!("{}_instance *instance", self.prefix);
        if let Some(id) = self.interface.interrupt {
            self.comment(&[
                "Ends the call that is running, or the next one, with WINDLASS_TRAP_INTERRUPTED; may be",
                "called from an interrupt handler. The trap clears the request.",
            ]);
            self.own_function(id, "void", &instance)?;
        }
        if let Some(id) = self.interface.clear_interrupt {
            self.comment(&[
                "Takes a request back that no call has met. For a deadline: start the timer, call, stop",
                "the timer, clear.",
            ]);
            self.own_function(id, "void", &instance)?;
        }
        if let Some(id) = self.interface.set_fuel {
            self.comment(&[
                "The fuel that calls may use before they end with WINDLASS_TRAP_OUT_OF_FUEL, about one",
                "unit for each wasm instruction.",
            ]);
            self.own_function(id, "void", &format!("{instance}, uint32_t units"))?;
        }
        if let Some(id) = self.interface.fuel {
            self.comment(&["The fuel that is left."]);
            self.own_function(id, "uint32_t", &format!("const {instance}"))?;
        }
        Ok(())
    }

    fn own_function(&mut self, id: SymbolId, result: &str, params: &str) -> Result<()> {
        let name = self.symbol_name(id)?;
        let declaration = format!("{result} {name}({params});");
        self.declare_own(name, "windlass's own function".into(), &declaration)?;
        self.line(&declaration);
        Ok(())
    }

    fn exported_functions(&mut self) -> Result<()> {
        if self.interface.functions().next().is_some() {
            self.comment(&["Exported functions."]);
        }
        for (export, ty) in self.interface.functions() {
            self.export(export, Some(ty))?;
        }
        Ok(())
    }

    /// How deep calls take the stack. Must come last: its macros are nobody else's names.
    fn stack_bytes(&mut self) -> Result<()> {
        let interface = self.interface;
        let own = interface.instantiate.into_iter().map(|id| (id, "instantiate".to_owned()));
        let exports = interface.functions();
        let exports = exports.map(|(export, _)| (export.symbol, quoted(&export.wasm_name)));
        let mut bounds = Vec::new();
        for (id, name) in own.chain(exports) {
            let Some(bound) = interface.stack_bounds.get(&id) else { continue };
            let macro_name = format!("{}_STACK_BYTES", self.symbol_name(id)?).to_ascii_uppercase();
            bounds.push((macro_name, name, bound));
        }
        // Names that differ in case alone would share a macro.
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        bounds.iter().for_each(|(name, ..)| *uses.entry(name).or_default() += 1);
        let mut lines = Vec::new();
        for (macro_name, name, bound) in &bounds {
            let is_shared = uses[&macro_name[..]] > 1;
            lines.push(match bound {
                StackBound::Unbounded(reason) => {
                    format!("/* {name}: unbounded, {} */", plain(reason))
                }
                StackBound::Bytes(bytes)
                    if is_shared || self.declared.contains_key(&macro_name[..]) =>
                {
                    format!("/* {name}: {bytes} */")
                }
                StackBound::Bytes(bytes) => format!("#define {macro_name} {bytes}u"),
            });
        }
        if lines.is_empty() {
            return Ok(());
        }
        self.comment(&[
            "The most stack that a call takes, in bytes: the frames of all that it calls. A function",
            &format!("outside of the module counts as {C_CALLEE} bytes. Interrupt handlers and the frame of a"),
            "trap come on top.",
        ]);
        lines.iter().for_each(|line| self.line(line));
        Ok(())
    }

    fn accessors(&mut self) -> Result<()> {
        let mut others =
            self.interface.exports.iter().filter(|e| !matches!(e.ty, ExternType::Func(_)));
        let first = others.next();
        if first.is_some() {
            self.comment(&[
                "Exported memories, tables and globals. The pointers stay valid as long as the",
                "instance.",
            ]);
        }
        for export in first.into_iter().chain(others) {
            self.export(export, None)?;
        }
        Ok(())
    }

    fn export(&mut self, export: &Export, function: Option<&FuncType>) -> Result<()> {
        let symbol = self.symbol_name(export.symbol)?;
        let instance = format!("{}_instance *", self.prefix);
        let declaration = declaration(symbol, &instance, &export.ty);
        let name = quoted(&export.wasm_name);
        self.declare_own(symbol, format!("export {name}"), &declaration)?;
        if let Some(ty) = function {
            self.result_type(symbol, ty);
        }
        self.line(&format!("{declaration} /* {name} */"));
        Ok(())
    }
}

/// The name of a parameter for the `index`-th of a module's own memories.
fn memory_name(index: usize) -> String {
    if index == 0 { "memory".to_owned() } else { format!("memory{index}") }
}

/// A member that gives the instance its size and alignment.
fn instance_words(layout: &InstanceLayout) -> Result<String> {
    let (ty, unit) = if layout.align <= 4 { ("uint32_t", 4) } else { ("uint64_t", 8) };
    let fits = layout.align.is_power_of_two() && layout.align <= 8;
    if !fits || layout.size == 0 || !layout.size.is_multiple_of(unit) {
        return Err(Error::internal(format!(
            "an instance of {} bytes aligned to {}",
            layout.size, layout.align
        )));
    }
    Ok(format!("{ty} opaque[{}]", layout.size / unit))
}

/// A function, or the accessor of anything else. `owner` is the first parameter's type.
fn declaration(symbol: &str, owner: &str, ty: &ExternType) -> String {
    let pointer = match ty {
        ExternType::Func(ty) => return prototype(symbol, owner, ty),
        ExternType::Memory(_) => "windlass_memory *".to_owned(),
        ExternType::Table(_) => "windlass_table *".to_owned(),
        // A const behind the type qualifies what the accessor's pointer points to.
        ExternType::Global(GlobalType { ty, mutable }) => {
            let constant = if *mutable { "" } else { " const" };
            format!("{}{constant} *", c_type(*ty))
        }
    };
    format!("{pointer}{symbol}({owner});")
}

fn prototype(symbol: &str, instance: &str, ty: &FuncType) -> String {
    let result = match ty.results[..] {
        [] => "void".to_owned(),
        [only] => c_type(only).to_owned(),
        _ => format!("struct {symbol}_result"),
    };
    let params: String = ty.params.iter().map(|&param| format!(", {}", c_type(param))).collect();
    format!("{result} {symbol}({instance}{params});")
}

fn c_type(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "uint32_t",
        ValType::I64 => "uint64_t",
        ValType::F32 => "float",
        ValType::F64 => "double",
        ValType::FuncRef => "const windlass_funcref *",
        ValType::ExternRef => "void *",
    }
}

fn trap_macro(trap: Trap) -> String {
    format!("WINDLASS_TRAP_{}", trap.message().replace(' ', "_").to_ascii_uppercase())
}

/// Symbols of toolchains and of windlass's own code, which no guest may name: an import would be linked to
/// them.
const RESERVED_PREFIXES: [&str; 2] = ["__", "windlass_"];

fn c_identifier(name: &str) -> Result<&str> {
    if RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Err(Error::Interface(format!(
            "{name:?} cannot be an identifier in C: such names are windlass's or the toolchain's"
        )));
    }
    let digit_first = name.starts_with(|c: char| c.is_ascii_digit());
    let word = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    match name.is_empty() || digit_first || !word || RESERVED.split(' ').any(|word| word == name) {
        true => Err(Error::Interface(format!("{name:?} cannot be an identifier in C"))),
        false => Ok(name),
    }
}

/// A wasm name for a comment.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", plain(name))
}

/// Text for a comment: nothing in it ends the comment or the line.
pub(crate) fn plain(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.$-+:@#<>() ".contains(c);
    let escape = |c: char| if plain(c) { c.to_string() } else { format!("\\u{{{:x}}}", c as u32) };
    text.chars().map(escape).collect()
}
