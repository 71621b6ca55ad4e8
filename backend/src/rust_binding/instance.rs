//! Where instances live, and what can be done with one.

use super::types::{arguments, params, results, rust_type};
use super::{Binding, TO_A_STRING};
use crate::error::Result;
use crate::header::{plain, quoted};
use crate::instance::NO_TRAP;
use crate::module::{Export, ExternType, GlobalType, ValType};
use crate::stack::StackBound;
use std::fmt::Write as _;

impl Binding<'_> {
    /// Where instances and their memories live.
    pub(super) fn storage(&mut self) -> Result<()> {
        let limit = self.own(self.interface.set_stack_limit)?;
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
        Place {{ instance: MaybeUninit::zeroed(){empty} }}
    }}

    /// The stack limit that the instance will have from the first, so that a start function has it.
    pub fn set_stack_limit(&mut self, limit: *const c_void) {{
        unsafe {{ raw::{limit}(self.instance.as_mut_ptr().cast(), limit) }}
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
        Ok(())
    }

    pub(super) fn instance(&mut self) -> Result<()> {
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
                    // A call that trapped leaves it as it was.
                    count => {
                        let fields: Vec<_> = (0..count).map(|n| format!("result.f{n}")).collect();
                        let result = "let result = unsafe { result.assume_init() };";
                        format!(
                            "{{\n            {result}\n            ({})\n        }}",
                            fields.join(", ")
                        )
                    }
                };
                // A reference that the module did not give out would be followed.
                let takes_references = ty.params.contains(&ValType::FuncRef);
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

fn stack_text(bound: &StackBound) -> String {
    match bound {
        StackBound::Bytes(bytes) => format!("at most {bytes} bytes."),
        StackBound::Unbounded(reason) => format!("unbounded, {}.", plain(reason)),
    }
}

fn memory_constant(index: usize) -> String {
    if index == 0 { "MEMORY_BYTES".to_owned() } else { format!("MEMORY{index}_BYTES") }
}
