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

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::header::{plain, quoted};
use crate::instance::{NO_TRAP, status};
use crate::module::{
    ContextPointer, Export, ExternType, FuncType, GlobalType, Import, Interface, Module, SymbolId,
    ValType,
};
use crate::stack::StackBound;
use crate::trap::Trap;

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
    binding.open();
    binding.traps();
    binding.descriptors();
    binding.foreign_functions()?;
    binding.imports()?;
    binding.storage();
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

    fn traps(&mut self) {
        let arms = |arm: &dyn Fn(Trap) -> String| Trap::ALL.map(arm).concat();
        let variants = arms(&|trap| format!("    /// {}\n    {trap:?},\n", trap.message()));
        let codes = arms(&|trap| format!("            {} => Trap::{trap:?},\n", trap.code()));
        let texts = arms(&|trap| format!("            Trap::{trap:?} => {:?},\n", trap.message()));
        write!(
            self.text,
            r#"
/// Why a call of the module ended early.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trap {{
{variants}    /// One of a later windlass.
    Unknown,
}}

impl Trap {{
    fn from_code(code: i32) -> Trap {{
        match code {{
{codes}            _ => Trap::Unknown,
        }}
    }}
}}

impl core::fmt::Display for Trap {{
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {{
        f.write_str(match self {{
{texts}            Trap::Unknown => "unknown trap",
        }})
    }}
}}

impl core::error::Error for Trap {{}}

/// Why there is no instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InstantiateError {{
    /// The memory has fewer than `MEMORY_BYTES` bytes.
    MemoryTooSmall,
    /// The memory does not begin at a multiple of 8.
    MemoryMisaligned,
    /// A memory or table that is imported is smaller than the module declares.
    IncompatibleImport,
    /// A segment does not fit, or the start function trapped.
    Trapped(Trap),
}}

impl InstantiateError {{
    fn from_status(status: i32) -> Result<(), InstantiateError> {{
        match status {{
            {OK} => Ok(()),
            {TOO_SMALL} => Err(InstantiateError::MemoryTooSmall),
            {MISALIGNED} => Err(InstantiateError::MemoryMisaligned),
            {INCOMPATIBLE} => Err(InstantiateError::IncompatibleImport),
            trapped => Err(InstantiateError::Trapped(Trap::from_code(trapped - {TRAPPED}))),
        }}
    }}
}}

impl core::fmt::Display for InstantiateError {{
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {{
        match self {{
            InstantiateError::MemoryTooSmall => f.write_str("the memory is too small"),
            InstantiateError::MemoryMisaligned => f.write_str("the memory is not aligned to 8 bytes"),
            InstantiateError::IncompatibleImport => f.write_str("an import is smaller than declared"),
            InstantiateError::Trapped(trap) => write!(f, "initialisation trapped: {{trap}}"),
        }}
    }}
}}

impl core::error::Error for InstantiateError {{}}
"#,
            OK = status::OK,
            TOO_SMALL = status::MEMORY_TOO_SMALL,
            MISALIGNED = status::MEMORY_MISALIGNED,
            INCOMPATIBLE = status::INCOMPATIBLE_IMPORT,
            TRAPPED = status::TRAPPED,
        )
        .expect(TO_A_STRING);
    }

    fn descriptors(&mut self) {
        self.add(
            r#"
/// A linear memory as it is now: `base[0]` to `base[bytes - 1]`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MemoryDescriptor {
    pub bytes: u32,
    pub base: *mut u8,
    /// Bytes that growing may reach.
    pub capacity: u32,
}

/// A table as it is now: `elements[0]` to `elements[size - 1]`, each a reference.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TableDescriptor {
    pub size: u32,
    pub elements: *mut Reference,
    /// Elements that growing may reach.
    pub capacity: u32,
}

/// A reference to a function, or a pointer of the host's. Null is the null reference.
pub type Reference = *const c_void;

impl MemoryDescriptor {
    /// # Safety
    /// The memory is there and nobody else uses it as long as the slice lives.
    unsafe fn slice<'m>(this: *const MemoryDescriptor) -> &'m mut [u8] {
        unsafe {
            match ((*this).bytes, (*this).base) {
                (0, _) => &mut [],
                (bytes, base) => core::slice::from_raw_parts_mut(base, bytes as usize),
            }
        }
    }
}
"#,
        );
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
            let (params, result) = raw_signature(symbol, &export.ty);
            writeln!(functions, "    pub fn {symbol}(instance: *mut c_void{params}){result};")
                .expect(TO_A_STRING);
        }
        self.raw += &format!("{results}\nunsafe extern \"C\" {{\n{functions}}}\n");
        Ok(())
    }

    /// A trait for each imported module, and the functions that the object calls.
    fn imports(&mut self) -> Result<()> {
        let interface = self.interface;
        for at in 0..self.contexts.len() {
            let Some(host) = self.contexts[at].host.clone() else { continue };
            let imports = interface.imports.iter().filter(|import| import.context == at);
            let mut seen: BTreeMap<&str, &ExternType> = BTreeMap::new();
            let mut distinct = Vec::new();
            for import in imports {
                let symbol = self.symbol(import.symbol)?;
                match seen.insert(symbol, &import.ty) {
                    None => distinct.push((symbol, import)),
                    Some(ty) if *ty == import.ty => {}
                    Some(_) => {
                        return Err(Error::Interface(format!(
                            "`{symbol}` is imported with two types"
                        )));
                    }
                }
            }
            self.import_trait(at, &host, &distinct);
            for (symbol, import) in distinct {
                self.import_function(at, &host, symbol, import);
            }
        }
        Ok(())
    }

    fn import_trait(&mut self, at: usize, host: &str, imports: &[(&str, &Import)]) {
        let pointer = self.contexts[at].pointer;
        let only_functions =
            imports.iter().all(|(_, import)| matches!(import.ty, ExternType::Func(_)));
        let safety = match only_functions {
            true => "pub trait",
            false => {
                "///\n/// # Safety\n/// What the pointers lead to stays as long as the instance, with the type \
                 that the module declares,\n/// and nobody else uses it during calls of the \
                 module.\npub unsafe trait"
            }
        };
        let name = quoted(&pointer.wasm_name);
        let methods: String = imports
            .iter()
            .map(|(symbol, import)| {
                let method = self.method(symbol, &pointer.c_name);
                let name = quoted(&import.wasm_name);
                match &import.ty {
                    ExternType::Func(ty) => {
                        let params = params(ty);
                        let result = results(ty);
                        format!(
                            "    /// {name}\n    fn {method}(&mut self, caller: &mut \
                             Caller<'_>{params}){result};\n"
                        )
                    }
                    other => {
                        let pointer = pointer_type(other);
                        format!("    /// {name}\n    fn {method}(&mut self) -> {pointer};\n")
                    }
                }
            })
            .collect();
        self.add(&format!(
            "\n/// What the module imports from {name}, for the host to implement.\n{safety} {host} \
             {{\n{methods}}}\n"
        ));
    }

    /// The symbol that the object leaves undefined.
    fn import_function(&mut self, at: usize, host: &str, symbol: &str, import: &Import) {
        let method = self.method(symbol, &self.contexts[at].pointer.c_name);
        let (params, result) = raw_signature(symbol, &import.ty);
        let (declared, body) = match &import.ty {
            ExternType::Func(ty) => {
                let arguments: String = (0..ty.params.len()).map(|n| format!(", p{n}")).collect();
                let call = format!("host.{method}(&mut caller{arguments})");
                let body = match ty.results.len() {
                    0 | 1 => call,
                    count => {
                        let fields: Vec<String> = (0..count).map(|n| format!("f{n}")).collect();
                        let fields = fields.join(", ");
                        format!("let ({fields}) = {call};\n        {symbol}_result {{ {fields} }}")
                    }
                };
                let caller = "let instance = (*context).instance;\n        let mut caller = Caller \
                              { instance, borrow: PhantomData };";
                (result_struct(symbol, ty), format!("{caller}\n        {body}"))
            }
            _ => (String::new(), format!("host.{method}()")),
        };
        self.raw += &format!(
            "{declared}
#[unsafe(no_mangle)]
unsafe extern \"C\" fn {symbol}(context: *mut c_void{params}){result} {{
    unsafe {{
        let context = context.cast::<Context<dyn {host}>>();
        let host = &mut *(*context).host;
        {body}
    }}
}}
"
        );
    }

    /// Where instances and their memories live.
    fn storage(&mut self) {
        let layout = &self.interface.instance;
        let (size, align) = (layout.size, layout.align);
        let fields: String = self
            .contexts
            .iter()
            .filter_map(|c| {
                let host = c.host.as_ref()?;
                Some(format!("    {}: MaybeUninit<Context<dyn {host}>>,\n", c.name()))
            })
            .collect();
        let empty: String = self
            .contexts
            .iter()
            .filter(|c| c.host.is_some())
            .map(|c| format!(", {}: MaybeUninit::uninit()", c.name()))
            .collect();
        let mut text = format!(
            "
#[repr(C, align({align}))]
struct Raw([u8; {size}]);

/// What an imported function gets back.
#[repr(C)]
struct Context<T: ?Sized> {{
    host: *mut T,
    instance: *mut c_void,
}}

/// Room for one instance.
pub struct Place {{
    instance: MaybeUninit<Raw>,
{fields}}}

impl Place {{
    pub const fn new() -> Place {{
        Place {{ instance: MaybeUninit::uninit(){empty} }}
    }}
}}
"
        );
        for (index, memory) in self.interface.memories.iter().enumerate() {
            let bytes = memory.min_bytes() + u64::from(self.interface.guard_bytes);
            let name = memory_constant(index);
            write!(
                text,
                "
/// The smallest memory to hand over, in bytes. A larger one lets memory.grow succeed.
pub const {name}: usize = {bytes};
"
            )
            .expect(TO_A_STRING);
        }
        if !self.interface.memories.is_empty() {
            text += "
/// Bytes for a memory, aligned as it must be.
#[repr(C, align(8))]
pub struct Memory<const BYTES: usize = MEMORY_BYTES>(pub [u8; BYTES]);

impl<const BYTES: usize> Memory<BYTES> {
    pub const fn new() -> Self {
        Memory([0; BYTES])
    }
}
";
        }
        self.add(&text);
    }

    fn instance(&mut self) -> Result<()> {
        let instantiate = self.instantiate()?;
        let fuel = self.fuel()?;
        let interrupter = self.interrupter()?;
        let trap = self.own(self.interface.trap)?;
        let limit = self.own(self.interface.set_stack_limit)?;
        let mut methods = String::new();
        let mut of_caller = String::new();
        for export in &self.interface.exports {
            methods += &self.export(export, "Instance")?;
            if matches!(export.ty, ExternType::Memory(_) | ExternType::Global(_)) {
                of_caller += &self.export(export, "Caller")?;
            }
        }
        self.add(&format!(
            "
/// An instance of the module. It borrows the place that it lives in, its memory and the hosts of its
/// imports.
pub struct Instance<'a> {{
    raw: *mut c_void,
    borrow: PhantomData<&'a mut ()>,
}}

impl<'a> Instance<'a> {{
{instantiate}
    /// Sets the lowest address of the stack that the module's functions may use; beyond it they trap.
    /// Null, the default, sets no limit.
    pub fn set_stack_limit(&mut self, limit: *const c_void) {{
        unsafe {{ raw::{limit}(self.raw, limit) }}
    }}
{fuel}{methods}}}
{interrupter}
/// How the last call ended.
fn ended(instance: *const c_void) -> Result<(), Trap> {{
    match unsafe {{ raw::{trap}(instance) }} {{
        {NO_TRAP} => Ok(()),
        code => Err(Trap::from_code(code)),
    }}
}}

/// The instance as another module's context, for imports that are linked to this one's exports. Valid
/// as long as the place of the instance.
pub fn as_context(instance: &mut Instance<'_>) -> *mut c_void {{
    instance.raw
}}

/// The instance that called an import.
pub struct Caller<'c> {{
    instance: *mut c_void,
    borrow: PhantomData<&'c mut ()>,
}}

impl Caller<'_> {{
{of_caller}}}
"
        ));
        Ok(())
    }

    /// Methods of a module that counts fuel.
    fn fuel(&self) -> Result<String> {
        let (Some(set), Some(get)) = (self.interface.set_fuel, self.interface.fuel) else {
            return Ok(String::new());
        };
        let (set, get) = (self.symbol(set)?, self.symbol(get)?);
        Ok(format!(
            "
    /// Sets the fuel that calls may use before they end with `Trap::OutOfFuel`, about one unit for each
    /// wasm instruction.
    pub fn set_fuel(&mut self, units: u32) {{
        unsafe {{ raw::{set}(self.raw, units) }}
    }}

    /// The fuel that is left.
    pub fn fuel(&self) -> u32 {{
        unsafe {{ raw::{get}(self.raw) }}
    }}
"
        ))
    }

    /// What ends calls of a module that looks at its flag.
    fn interrupter(&self) -> Result<String> {
        let (Some(set), Some(clear)) = (self.interface.interrupt, self.interface.clear_interrupt)
        else {
            return Ok(String::new());
        };
        let (set, clear) = (self.symbol(set)?, self.symbol(clear)?);
        Ok(format!(
            "
/// Ends calls of an instance, also from an interrupt handler. For a deadline: start the timer, call, stop
/// the timer, clear.
#[derive(Clone, Copy)]
pub struct Interrupter<'a> {{
    instance: *mut c_void,
    borrow: PhantomData<&'a ()>,
}}

// Both write one word.
unsafe impl Send for Interrupter<'_> {{}}
unsafe impl Sync for Interrupter<'_> {{}}

impl Interrupter<'_> {{
    /// Ends the call that is running, or the next one, with `Trap::Interrupted`.
    pub fn interrupt(&self) {{
        unsafe {{ raw::{set}(self.instance) }}
    }}

    /// Takes a request back that no call has met.
    pub fn clear(&self) {{
        unsafe {{ raw::{clear}(self.instance) }}
    }}
}}

/// What ends the instance's calls.
pub fn interrupter<'a>(instance: &Instance<'a>) -> Interrupter<'a> {{
    Interrupter {{ instance: instance.raw, borrow: PhantomData }}
}}
"
        ))
    }

    fn instantiate(&self) -> Result<String> {
        let symbol = self.own(self.interface.instantiate)?;
        let mut params = String::new();
        let mut setup = String::new();
        let mut arguments = String::new();
        let mut is_unsafe = false;
        for context in &self.contexts {
            let name = context.name();
            match &context.host {
                Some(host) => {
                    write!(params, ",\n        {name}: &'a mut (dyn {host} + 'a)")
                        .expect(TO_A_STRING);
                    // The lifetime is the borrow's, which the instance keeps.
                    write!(
                        setup,
                        "            let host = core::mem::transmute::<*mut (dyn {host} + 'a), *mut \
                         (dyn {host} + 'static)>({name});\n            \
                         let {name} = place.{name}.write(Context {{ host, instance }});\n"
                    )
                    .expect(TO_A_STRING);
                    write!(arguments, ", core::ptr::from_mut({name}).cast()").expect(TO_A_STRING);
                }
                None => {
                    is_unsafe = true;
                    write!(params, ",\n        {name}: *mut c_void").expect(TO_A_STRING);
                    write!(arguments, ", {name}").expect(TO_A_STRING);
                }
            }
        }
        for index in 0..self.interface.memories.len() {
            write!(params, ",\n        memory{index}: &'a mut [u8]").expect(TO_A_STRING);
            write!(
                arguments,
                ", memory{index}.as_mut_ptr().cast(), u32::try_from(memory{index}.len()).unwrap_or(u32::MAX)"
            )
            .expect(TO_A_STRING);
        }
        if self.interface.memories.is_empty() {
            arguments += ", core::ptr::null_mut(), 0";
        }
        let (doc, keyword) = match is_unsafe {
            false => ("", ""),
            true => (
                "    ///\n    /// # Safety\n    /// Each pointer is what the object that defines the imports \
                 expects, as long as the instance.\n",
                "unsafe ",
            ),
        };
        Ok(format!(
            "    /// Initialises the memory, then runs the start function, if any.
{doc}    pub {keyword}fn instantiate(
        place: &'a mut Place{params},
    ) -> Result<Instance<'a>, InstantiateError> {{
        unsafe {{
            let instance: *mut c_void = place.instance.as_mut_ptr().cast();
{setup}            InstantiateError::from_status(raw::{symbol}(instance{arguments}))?;
            Ok(Instance {{ raw: instance, borrow: PhantomData }})
        }}
    }}
"
        ))
    }

    /// A method for an export of the instance, or of the caller of an import.
    fn export(&self, export: &Export, owner: &str) -> Result<String> {
        let symbol = self.symbol(export.symbol)?;
        let method = self.method(symbol, &self.interface.c_name);
        let name = quoted(&export.wasm_name);
        let raw = if owner == "Instance" { "self.raw" } else { "self.instance" };
        Ok(match &export.ty {
            ExternType::Func(ty) => {
                let (params, arguments) = (params(ty), arguments(ty));
                let result = match &results(ty)[..] {
                    "" => "()",
                    arrow => arrow.trim_start_matches(" -> "),
                }
                .to_owned();
                let value = match ty.results.len() {
                    0 | 1 => "result".to_owned(),
                    count => {
                        let fields: Vec<_> = (0..count).map(|n| format!("result.f{n}")).collect();
                        format!("({})", fields.join(", "))
                    }
                };
                // A reference that the module did not give out would be followed.
                let takes_references = ty.params.iter().any(|param| *param == ValType::FuncRef);
                let (doc, keyword) = match takes_references {
                    false => ("", ""),
                    true => (
                        "    ///\n    /// # Safety\n    /// References to functions are null or such as a \
                         module gave.\n",
                        "unsafe ",
                    ),
                };
                let stack = self.interface.stack_bounds.get(&export.symbol);
                let stack = stack.map_or(String::new(), |bound| {
                    format!("    ///\n    /// Stack: {}\n", stack_text(bound))
                });
                format!(
                    "
    /// {name}
{stack}{doc}    pub {keyword}fn {method}(&mut self{params}) -> Result<{result}, Trap> {{
        let result = unsafe {{ raw::{symbol}({raw}{arguments}) }};
        ended({raw})?;
        Ok({value})
    }}
"
                )
            }
            ExternType::Memory(_) => format!(
                "
    /// {name}, as it is now.
    pub fn {method}(&mut self) -> &mut [u8] {{
        unsafe {{ MemoryDescriptor::slice(raw::{symbol}({raw})) }}
    }}
"
            ),
            ExternType::Table(_) => format!(
                "
    /// {name}; valid as long as the place of the instance.
    pub fn {method}(&mut self) -> *mut TableDescriptor {{
        unsafe {{ raw::{symbol}({raw}) }}
    }}
"
            ),
            ExternType::Global(GlobalType { ty, mutable: false }) => format!(
                "
    /// {name}
    pub fn {method}(&self) -> {} {{
        unsafe {{ *raw::{symbol}({raw}) }}
    }}
",
                rust_type(*ty)
            ),
            // Whatever is written there the module may follow.
            ExternType::Global(GlobalType { ty: ValType::FuncRef, mutable: true }) => format!(
                "
    /// {name}; valid as long as the place of the instance.
    pub fn {method}(&mut self) -> *mut Reference {{
        unsafe {{ raw::{symbol}({raw}) }}
    }}
"
            ),
            ExternType::Global(GlobalType { ty, mutable: true }) => format!(
                "
    /// {name}
    pub fn {method}(&mut self) -> &mut {} {{
        unsafe {{ &mut *raw::{symbol}({raw}) }}
    }}
",
                rust_type(*ty)
            ),
        })
    }
}

const TO_A_STRING: &str = "writing to a string does not fail";

impl Context<'_> {
    fn name(&self) -> String {
        rust_identifier(&format!("{}_context", self.pointer.c_name))
    }
}

fn stack_text(bound: &StackBound) -> String {
    match bound {
        StackBound::Bytes(bytes) => format!("at most {bytes} bytes."),
        StackBound::Unbounded(reason) => format!("unbounded, {}.", plain(reason)),
    }
}

fn memory_constant(index: usize) -> String {
    if index == 0 { "MEMORY_BYTES".to_owned() } else { format!("MEMORY{index}_BYTES") }
}

/// The parameters behind the instance, and the result, of a symbol.
fn raw_signature(symbol: &str, ty: &ExternType) -> (String, String) {
    match ty {
        ExternType::Func(ty) => {
            let result = match ty.results[..] {
                [] | [_] => results(ty),
                _ => format!(" -> {symbol}_result"),
            };
            (params(ty), result)
        }
        other => (String::new(), format!(" -> {}", pointer_type(other))),
    }
}

/// What an accessor answers.
fn pointer_type(ty: &ExternType) -> String {
    match ty {
        ExternType::Memory(_) => "*mut MemoryDescriptor".into(),
        ExternType::Table(_) => "*mut TableDescriptor".into(),
        ExternType::Global(GlobalType { ty, mutable: true }) => format!("*mut {}", rust_type(*ty)),
        ExternType::Global(GlobalType { ty, .. }) => format!("*const {}", rust_type(*ty)),
        ExternType::Func(_) => unreachable!("functions have no accessor"),
    }
}

fn params(ty: &FuncType) -> String {
    let param = |(n, &ty): (usize, &ValType)| format!(", p{n}: {}", rust_type(ty));
    ty.params.iter().enumerate().map(param).collect()
}

fn arguments(ty: &FuncType) -> String {
    (0..ty.params.len()).map(|n| format!(", p{n}")).collect()
}

fn results(ty: &FuncType) -> String {
    match ty.results[..] {
        [] => String::new(),
        [only] => format!(" -> {}", rust_type(only)),
        ref several => {
            let types: Vec<&str> = several.iter().map(|&ty| rust_type(ty)).collect();
            format!(" -> ({})", types.join(", "))
        }
    }
}

/// The struct of a function with several results.
fn result_struct(symbol: &str, ty: &FuncType) -> String {
    if ty.results.len() < 2 {
        return String::new();
    }
    let field = |(n, &ty): (usize, &ValType)| format!(" pub f{n}: {},", rust_type(ty));
    let fields: String = ty.results.iter().enumerate().map(field).collect();
    format!("\n#[repr(C)]\npub struct {symbol}_result {{{fields} }}\n")
}

fn rust_type(ty: ValType) -> &'static str {
    match ty {
        ValType::I32 => "i32",
        ValType::I64 => "i64",
        ValType::F32 => "f32",
        ValType::F64 => "f64",
        ValType::FuncRef | ValType::ExternRef => "Reference",
    }
}

/// Words that no identifier can be, and those that can with `r#` (The Rust Reference, "Keywords").
const NEVER: &str = "_ Self crate self super";
const RAW: &str = "abstract as async await become box break const continue do dyn else enum extern false \
    final fn for gen if impl in let loop macro match mod move mut override priv pub ref return static \
    struct trait true try type typeof unsafe unsized use virtual where while yield";

/// A part of a symbol as an identifier.
fn rust_identifier(name: &str) -> String {
    let is = |words: &str| words.split_whitespace().any(|word| word == name);
    if name.is_empty() || is(NEVER) || name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{name}")
    } else if is(RAW) {
        format!("r#{name}")
    } else {
        name.to_owned()
    }
}

fn camel_case(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or(String::new(), |first| {
            first.to_ascii_uppercase().to_string() + letters.as_str()
        })
    };
    name.split('_').map(word).collect()
}
