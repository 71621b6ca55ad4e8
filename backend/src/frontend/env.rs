//! What all functions of a module share while they are translated: symbols, instance layout,
//! and the module under construction.
//!
//! Invariant: a symbol that is declared as a function and used is defined before `finish`.

use super::constant::Const;
use super::layout::{Layout, Place};
use super::memory::Region;
use super::module::{ImportKind, WasmModule, file_offset};
use super::names::{self, PublicNames};
use super::types;
use crate::error::{Error, Result};
use crate::instance::offset;
use crate::module::{
    Binding, ContextPointer, Data, Definition, Export, ExternType, FuncType, Function,
    FunctionRole, GlobalType, Import, IndirectCall, Interface, Memory, Module, SymbolId,
};
use crate::options::{Bounds, FrontendOptions};
use cranelift_codegen::ir::{
    self, ExtFuncData, ExternalName, FuncRef, GlobalValueData, InstBuilder, LibCall, Signature,
    UserExternalName, UserFuncName, Value,
};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use target_lexicon::PointerWidth;
use wasmparser::{ExternalKind, WasmFeatures};

/// Parameters and results of all functions and exports together: a few bytes of wasm can repeat a
/// long signature, so that memory needs a bound. No honest module comes near.
const MAX_SIGNATURE_VALUES: usize = 1 << 23;

/// The most bytes that one access touches.
const MASK_GUARD_BYTES: u32 = 8;

/// Where a global's value is. Offsets are bytes in the instance.
#[derive(Clone, Copy, Debug)]
pub enum GlobalPlace {
    Constant(Const),
    Instance(i32),
    /// Elsewhere; the instance has its address.
    Imported(i32),
}

/// Functions that windlass adds to a module that needs them. The number is an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Helper {
    /// Internal convention, `(vmctx, pages) -> pages before or -1`.
    MemoryGrow(u32),
    /// Internal convention, `(vmctx, value, elements) -> elements before or -1`.
    TableGrow(u32),
    /// AAPCS, `(to, elements, value)`.
    TableFill,
    /// AAPCS, `(instance, to, items, elements)`; items as `layout::Item` has them.
    TableInit,
    /// AAPCS entry `(instance, function, arguments...)`: calls a function of another instance.
    /// The number counts types in order of first use.
    Switch(u32),
}

impl Helper {
    fn name(self) -> String {
        match self {
            Helper::MemoryGrow(index) => format!("memory_grow.{index}"),
            Helper::TableGrow(index) => format!("table_grow.{index}"),
            Helper::TableFill => "table_fill".to_owned(),
            Helper::TableInit => "table_init".to_owned(),
            Helper::Switch(index) => format!("switch.{index}"),
        }
    }
}

pub struct FunctionDecl {
    pub ty: FuncType,
    /// The internal-convention function: of a body, or the thunk of an import.
    pub symbol: SymbolId,
    pub name: String,
}

pub struct Env<'a> {
    pub wasm: WasmModule<'a>,
    pub bounds: Bounds,
    /// Segments are checked one by one while they are copied, not all before the first.
    pub bulk_memory: bool,
    pub interruptible: bool,
    pub fuel: Option<u32>,
    /// C returns structs of floats in registers.
    floats_in_registers: bool,
    /// The module's name as a C identifier: prefix of all its symbols.
    pub prefix: String,
    pub functions: Vec<FunctionDecl>,
    pub globals: Vec<GlobalPlace>,
    pub layout: Layout,
    pub interface: Interface,
    helpers: BTreeMap<Helper, SymbolId>,
    /// Types of functions that are called in other instances, see `Helper::Switch`.
    pub switch_types: Vec<FuncType>,
    /// The symbols of signatures.
    signatures: HashMap<FuncType, SymbolId>,
    module: Module,
    /// Of the function that is being translated.
    pub indirect_calls: BTreeSet<IndirectCall>,
}

impl<'a> Env<'a> {
    pub fn new(wasm: WasmModule<'a>, options: &FrontendOptions) -> Result<Env<'a>> {
        if options.name.is_empty() {
            return Err(Error::Options("the module's name is empty".to_owned()));
        }
        let prefix = names::c_identifier(&options.name);
        let mut env = Env {
            bounds: options.bounds,
            interruptible: options.interruptible,
            fuel: options.fuel,
            floats_in_registers: options.floats_in_registers,
            bulk_memory: options.features.contains(WasmFeatures::BULK_MEMORY),
            functions: Vec::with_capacity(wasm.functions.len()),
            globals: Vec::with_capacity(wasm.globals.len()),
            layout: Layout::default(),
            interface: Interface { c_name: prefix.clone(), ..Default::default() },
            prefix,
            helpers: BTreeMap::new(),
            switch_types: Vec::new(),
            signatures: HashMap::new(),
            module: Module { name: options.name.clone(), ..Default::default() },
            indirect_calls: BTreeSet::new(),
            wasm,
        };
        env.check_mask()?;
        env.declare_functions()?;
        let mut public = PublicNames::default();
        env.declare_runtime(&mut public)?;
        env.declare_imports(&mut public)?;
        env.declare_exports(&mut public)?;
        let own = env.wasm.memories.iter().filter(|memory| !memory.imported);
        env.interface.memories = own.map(|memory| memory.ty).collect();
        env.interface.guard_bytes = env.guard_bytes();
        env.lay_out(options)?;
        Ok(env)
    }

    /// The module, complete.
    pub fn finish(mut self) -> Module {
        self.module.interface = Some(self.interface);
        self.module
    }

    /// Bytes behind each memory that a masked access may reach.
    pub fn guard_bytes(&self) -> u32 {
        if self.bounds == Bounds::Mask { MASK_GUARD_BYTES } else { 0 }
    }

    fn check_mask(&self) -> Result<()> {
        if self.bounds != Bounds::Mask {
            return Ok(());
        }
        for (index, memory) in self.wasm.memories.iter().enumerate() {
            let what = if memory.imported {
                "is imported".to_owned()
            } else if !memory.ty.min_bytes().is_power_of_two() {
                format!("has {} bytes", memory.ty.min_bytes())
            } else {
                continue;
            };
            return Err(Error::Options(format!(
                "--bounds mask needs memories of a known size that is a power of two; memory \
                 {index} {what}"
            )));
        }
        Ok(())
    }

    fn declare_functions(&mut self) -> Result<()> {
        let mut values = 0usize;
        let mut taken = HashSet::new();
        let bodies_from = self.wasm.imported_functions;
        for (index, name) in self.wasm.function_display_names().into_iter().enumerate() {
            let body = index.checked_sub(bodies_from);
            let place = body.and_then(|body| self.wasm.bodies.get(body));
            let place = place.map_or(0, |body| file_offset(body.range().start));
            let ty = self.wasm.func_type(index as u32);
            let ty = ty.map_err(|e| e.in_function(Some(index as u32), &name).at(place))?;
            values += ty.params.len() + ty.results.len();
            check_signature_values(values)?;
            let mut local = format!("{}.{}", self.prefix, names::mangle(&name));
            if body.is_none() {
                local.push_str(".import");
            }
            if !taken.insert(local.clone()) {
                local = format!("{local}.{index}");
            }
            let symbol = self.module.add_symbol(local, Binding::Local, Definition::Undefined);
            self.functions.push(FunctionDecl { ty, symbol, name });
        }
        Ok(())
    }

    /// The functions that every module has, and the names that its header takes.
    fn declare_runtime(&mut self, public: &mut PublicNames) -> Result<()> {
        let mut declare = |name: &str| {
            let symbol = format!("{}_{name}", self.prefix);
            public.claim(&symbol, format!("windlass's own `{name}`"))?;
            Ok::<_, Error>(self.module.add_symbol(symbol, Binding::Global, Definition::Undefined))
        };
        self.interface.instantiate = Some(declare("instantiate")?);
        self.interface.trap = Some(declare("trap")?);
        self.interface.set_stack_limit = Some(declare("set_stack_limit")?);
        if self.interruptible {
            self.interface.interrupt = Some(declare("interrupt")?);
            self.interface.clear_interrupt = Some(declare("clear_interrupt")?);
        }
        if self.fuel.is_some() {
            self.interface.set_fuel = Some(declare("set_fuel")?);
            self.interface.fuel = Some(declare("fuel")?);
        }
        let prefix = &self.prefix;
        public.claim(&format!("{prefix}_instance"), "the type of instances".to_owned())?;
        let macro_name = format!("{}_MEMORY_BYTES", prefix.to_uppercase());
        public.claim(&macro_name, "the macro of the memory's size".to_owned())
    }

    fn context(
        &mut self,
        module: &str,
        contexts: &mut HashMap<String, usize>,
        c_names: &mut PublicNames,
    ) -> Result<usize> {
        if let Some(&context) = contexts.get(module) {
            return Ok(context);
        }
        let context = self.interface.contexts.len();
        contexts.insert(module.to_owned(), context);
        let pointer = context_pointer(module, context);
        c_names.claim(&pointer.c_name, format!("imported module `{module}`"))?;
        self.interface.contexts.push(pointer);
        Ok(context)
    }

    fn declare_imports(&mut self, public: &mut PublicNames) -> Result<()> {
        let mut contexts = HashMap::new();
        let mut c_names = PublicNames::default();
        let mut symbols: HashMap<(&str, &str), (SymbolId, usize)> = HashMap::new();
        for index in 0..self.wasm.imports.len() {
            let import = &self.wasm.imports[index];
            let (module, name, place) = (import.module, import.name, import.offset);
            let ty = self.wasm.import_type(import.kind).map_err(|e| e.at(place))?;
            let context = self.context(module, &mut contexts, &mut c_names)?;
            let symbol = match symbols.get(&(module, name)) {
                Some(&(symbol, first)) if same_in_c(&self.interface.imports[first].ty, &ty) => {
                    symbol
                }
                Some(_) => {
                    return Err(Error::Interface(format!(
                        "`{module}`.`{name}` is imported with two types, and C has one function \
                         of a name"
                    )));
                }
                None => {
                    let symbol = names::public_symbol(module, name);
                    public.claim(&symbol, format!("import `{module}`.`{name}`"))?;
                    self.module.add_symbol(symbol, Binding::Global, Definition::Undefined)
                }
            };
            symbols.insert((module, name), (symbol, index));
            let (wasm_module, wasm_name) = (module.to_owned(), name.to_owned());
            self.interface.imports.push(Import { wasm_module, wasm_name, symbol, context, ty });
        }
        Ok(())
    }

    fn declare_exports(&mut self, public: &mut PublicNames) -> Result<()> {
        let mut values = 0usize;
        for export in &self.wasm.exports {
            let index = export.index;
            let kind = match export.kind {
                ExternalKind::Func => ImportKind::Function(index),
                ExternalKind::Memory => ImportKind::Memory(index),
                ExternalKind::Table => ImportKind::Table(index),
                ExternalKind::Global => ImportKind::Global(index),
                ExternalKind::Tag | ExternalKind::FuncExact => {
                    let construct = format!("an exported {:?} (`{}`)", export.kind, export.name);
                    return Err(Error::unsupported(construct.to_lowercase()));
                }
            };
            let ty = self.wasm.import_type(kind)?;
            if let ExternType::Func(ty) = &ty {
                values += ty.params.len() + ty.results.len();
                check_signature_values(values)?;
            }
            let name = format!("{}_{}", self.prefix, names::mangle(export.name));
            public.claim(&name, format!("export `{}`", export.name))?;
            let symbol = self.module.add_symbol(name, Binding::Global, Definition::Undefined);
            let wasm_name = export.name.to_owned();
            self.interface.exports.push(Export { wasm_name, symbol, ty, index });
        }
        Ok(())
    }

    pub fn global_place(&self, index: u32) -> Result<GlobalPlace> {
        let place = self.globals.get(index as usize);
        place.copied().ok_or_else(|| Error::internal("a global out of range"))
    }

    pub fn global_type(&self, index: u32) -> Result<GlobalType> {
        let global = self.wasm.globals.get(index as usize);
        global.map(|global| global.ty).ok_or_else(|| Error::internal("a global out of range"))
    }

    pub fn function_type(&self, index: u32) -> Result<&FuncType> {
        let function = self.functions.get(index as usize);
        function.map(|f| &f.ty).ok_or_else(|| Error::internal("a function out of range"))
    }

    /// A type of the type section.
    pub fn type_at(&self, index: u32) -> Result<FuncType> {
        let ty = self.wasm.types.get(index as usize);
        types::func_type(ty.ok_or_else(|| Error::internal("a type out of range"))?)
    }

    /// A memory that an access which validated has.
    pub fn memory(&self, index: u32) -> Result<Memory> {
        let memory = self.wasm.memories.get(index as usize);
        memory.map(|memory| memory.ty).ok_or_else(|| Error::internal("a memory out of range"))
    }

    /// The helper's symbol; from now on the module has the helper.
    pub fn helper(&mut self, helper: Helper) -> SymbolId {
        if let Some(&symbol) = self.helpers.get(&helper) {
            return symbol;
        }
        let symbol = self.add_local_symbol(&helper.name());
        self.helpers.insert(helper, symbol);
        symbol
    }

    /// The signature of a function of this type as C sees it.
    pub fn c_signature(&self, ty: &FuncType) -> Signature {
        types::c_signature(ty, self.floats_in_registers)
    }

    /// The signature of `Helper::Switch`.
    pub fn switch_signature(&self, ty: &FuncType) -> Signature {
        types::switch_signature(ty, self.floats_in_registers)
    }

    /// The entry that calls functions of this type in other instances.
    pub fn switch(&mut self, ty: &FuncType) -> SymbolId {
        let known = self.switch_types.iter().position(|known| known == ty);
        let index = known.unwrap_or_else(|| {
            self.switch_types.push(ty.clone());
            self.switch_types.len() - 1
        });
        self.helper(Helper::Switch(index as u32))
    }

    /// The helpers that the module has, with their symbols. Defining one may need others.
    pub fn helpers(&self) -> impl Iterator<Item = (Helper, SymbolId)> {
        self.helpers.iter().map(|(&helper, &symbol)| (helper, symbol))
    }

    /// The symbol whose address is the type's identity, the same in all objects of a program.
    pub fn signature(&mut self, ty: &FuncType) -> SymbolId {
        if let Some(&symbol) = self.signatures.get(ty) {
            return symbol;
        }
        let definition = Definition::Data(self.module.data.len());
        let name = types::signature_symbol(ty);
        let symbol = self.module.add_symbol(name, Binding::Weak, definition);
        let (bytes, addresses) = (vec![0], vec![]);
        self.module.data.push(Data { symbol, bytes, align: 1, addresses });
        self.signatures.insert(ty.clone(), symbol);
        symbol
    }

    /// A symbol of windlass's own, which no function of the module is named like.
    pub fn add_local_symbol(&mut self, name: &str) -> SymbolId {
        let name = format!("{}.windlass.{name}", self.prefix);
        self.module.add_symbol(name, Binding::Local, Definition::Undefined)
    }

    /// Adds a constant object under a local symbol.
    pub fn add_data(&mut self, name: &str, bytes: Vec<u8>, align: u32) -> SymbolId {
        self.add_addresses(name, bytes, align, vec![])
    }

    /// The same for one that holds addresses of symbols.
    pub fn add_addresses(
        &mut self,
        name: &str,
        bytes: Vec<u8>,
        align: u32,
        addresses: Vec<(u32, SymbolId)>,
    ) -> SymbolId {
        let symbol = self.add_local_symbol(name);
        self.module.symbols[symbol.0 as usize].definition =
            Definition::Data(self.module.data.len());
        self.module.data.push(Data { symbol, bytes, align, addresses });
        symbol
    }

    /// Gives a declared function its body, which is so many bytes of the file if it is wasm.
    pub fn define(
        &mut self,
        symbol: SymbolId,
        name: String,
        role: FunctionRole,
        body: core::ops::Range<u32>,
        clif: ir::Function,
    ) {
        self.module.symbols[symbol.0 as usize].definition =
            Definition::Function(self.module.functions.len());
        let indirect_calls = std::mem::take(&mut self.indirect_calls);
        self.module.functions.push(Function {
            symbol,
            name,
            role,
            wasm_bytes: body.end - body.start,
            wasm_offset: body.start,
            clif,
            indirect_calls,
        });
    }

    /// Builds a function of windlass's own: `body` gets the builder, at the entry block, and the
    /// parameters, and leaves every block filled.
    pub fn build(
        &mut self,
        context: &mut FunctionBuilderContext,
        symbol: SymbolId,
        role: FunctionRole,
        signature: Signature,
        body: impl FnOnce(&mut Self, &mut FunctionBuilder<'_>, &[Value]) -> Result<()>,
    ) -> Result<()> {
        let mut clif = new_function(symbol, signature);
        let mut builder = FunctionBuilder::new(&mut clif, context);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        let params = builder.block_params(entry).to_vec();
        body(self, &mut builder, &params)?;
        builder.seal_all_blocks();
        builder.finalize(frontend_config());
        let name = self.module.symbol(symbol).name.clone();
        self.define(symbol, name, role, 0..0, clif);
        Ok(())
    }
}

/// The pointer that the host gives for the imported module `name`, the `index`th.
fn context_pointer(name: &str, index: usize) -> ContextPointer {
    ContextPointer {
        wasm_name: name.to_owned(),
        c_name: names::c_identifier(name),
        offset: offset::CONTEXTS + 4 * index as i32,
    }
}

/// Whether one C function can be both: a function's type is its own, an accessor's the pointer's.
fn same_in_c(a: &ExternType, b: &ExternType) -> bool {
    match (a, b) {
        (ExternType::Memory(_), ExternType::Memory(_)) => true,
        (ExternType::Table(_), ExternType::Table(_)) => true,
        (a, b) => a == b,
    }
}

fn check_signature_values(values: usize) -> Result<()> {
    if values > MAX_SIGNATURE_VALUES {
        return Err(Error::unsupported(format!(
            "more than {MAX_SIGNATURE_VALUES} parameters and results in one module"
        )));
    }
    Ok(())
}

pub fn new_function(symbol: SymbolId, signature: Signature) -> ir::Function {
    ir::Function::with_name_signature(UserFuncName::user(0, symbol.0), signature)
}

/// What `FunctionBuilder` wants to know of the target.
pub fn frontend_config() -> TargetFrontendConfig {
    TargetFrontendConfig {
        default_call_conv: CallConv::SystemV,
        pointer_width: PointerWidth::U32,
        page_size_align_log2: 0,
    }
}

fn external_name(func: &mut ir::Function, symbol: SymbolId) -> ExternalName {
    let name = UserExternalName { namespace: 0, index: symbol.0 };
    ExternalName::User(func.declare_imported_user_function(name))
}

/// Makes `symbol` callable from `func`.
pub fn import_function(func: &mut ir::Function, symbol: SymbolId, signature: Signature) -> FuncRef {
    // AAPCS names that are undefined here may lie beyond the reach of one BL: the linker's
    // business (veneers), so every callee counts as near.
    let signature = func.import_signature(signature);
    let name = external_name(func, symbol);
    func.import_function(ExtFuncData { name, signature, colocated: true, patchable: false })
}

/// Calls `symbol` and returns the results.
pub fn call(
    builder: &mut FunctionBuilder<'_>,
    symbol: SymbolId,
    signature: Signature,
    args: &[Value],
) -> Vec<Value> {
    let callee = import_function(builder.func, symbol, signature);
    let inst = builder.ins().call(callee, args);
    builder.inst_results(inst).to_vec()
}

/// Calls a routine of the runtime library: destination, source and bytes, or destination, bytes and
/// the byte to fill with.
pub fn call_routine(builder: &mut FunctionBuilder<'_>, routine: LibCall, args: &[Value]) {
    let signature = builder.func.import_signature(types::word_signature(args.len(), 0));
    let name = ExternalName::LibCall(routine);
    let data = ExtFuncData { name, signature, colocated: true, patchable: false };
    let callee = builder.func.import_function(data);
    builder.ins().call(callee, args);
}

/// The address of a symbol.
pub fn symbol_address(builder: &mut FunctionBuilder<'_>, symbol: SymbolId) -> Value {
    let name = external_name(builder.func, symbol);
    let object = builder.create_global_value(GlobalValueData::Symbol {
        name,
        offset: 0.into(),
        colocated: true,
        tls: false,
    });
    builder.ins().symbol_value(ir::types::I32, object)
}

/// Loads a word of the instance.
pub fn load_field(
    builder: &mut FunctionBuilder<'_>,
    region: Region,
    ty: ir::Type,
    instance: Value,
    offset: i32,
) -> Value {
    let flags = region.trusted_flags(builder.func);
    builder.ins().load(ty, flags, instance, offset)
}

/// Loads a pointer that instantiation has put into the instance for good.
pub fn load_pointer(builder: &mut FunctionBuilder<'_>, instance: Value, offset: i32) -> Value {
    let flags = Region::Context.trusted_flags(builder.func).with_readonly().with_can_move();
    builder.ins().load(ir::types::I32, flags, instance, offset)
}

/// Where a memory's or table's descriptor is: an address, and an offset to add to it.
pub fn descriptor(
    builder: &mut FunctionBuilder<'_>,
    instance: Value,
    place: Place,
) -> (Value, i32) {
    match place {
        Place::Own(at) => (instance, at),
        Place::Imported(at) => (load_pointer(builder, instance, at), 0),
    }
}

/// Stores a word of the instance.
pub fn store_field(
    builder: &mut FunctionBuilder<'_>,
    region: Region,
    value: Value,
    instance: Value,
    offset: i32,
) {
    let flags = region.trusted_flags(builder.func);
    builder.ins().store(flags, value, instance, offset);
}

/// A 32-bit constant.
pub fn word(builder: &mut FunctionBuilder<'_>, value: u32) -> Value {
    builder.ins().iconst(ir::types::I32, i64::from(value))
}
