//! What all functions of a module share while they are translated: symbols, instance layout,
//! and the module under construction.
//!
//! Invariant: a symbol that is declared as a function and used is defined before `finish`.

use super::module::{Const, WasmModule, file_offset};
use super::names::{self, PublicNames};
use super::{memory::Region, types};
use crate::error::{Error, Result};
use crate::instance::offset;
use crate::module::{
    Binding, ContextPointer, Data, Definition, ExportedFunction, ExportedGlobal, ExportedName,
    FuncType, Function, FunctionRole, ImportedFunction, InstanceLayout, Interface, Memory, Module,
    SymbolId,
};
use crate::options::{Bounds, FrontendOptions};
use cranelift_codegen::ir::{
    self, ExtFuncData, ExternalName, FuncRef, GlobalValueData, InstBuilder, Signature,
    UserExternalName, UserFuncName, Value,
};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use std::collections::{HashMap, HashSet};
use target_lexicon::PointerWidth;
use wasmparser::ExternalKind;

/// Parameters and results of all functions and exports together: a few bytes of wasm can repeat a
/// long signature, so that memory needs a bound. No honest module comes near.
const MAX_SIGNATURE_VALUES: usize = 1 << 23;

/// Where a global's value is.
#[derive(Clone, Copy, Debug)]
pub enum GlobalPlace {
    Constant(Const),
    /// Byte offset in the instance.
    Instance(i32),
}

/// Functions that windlass adds to a module that needs them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Helper {
    /// Internal convention, `(vmctx, pages) -> pages before or -1`.
    MemoryGrow,
    /// AAPCS, `(address, bytes)`.
    Zero,
    /// AAPCS, `(to, from, bytes)`.
    Copy,
}

impl Helper {
    /// A helper comes before those that it calls.
    pub const ALL: [Helper; 3] = [Helper::MemoryGrow, Helper::Zero, Helper::Copy];

    pub fn name(self) -> &'static str {
        match self {
            Helper::MemoryGrow => "memory_grow",
            Helper::Zero => "zero",
            Helper::Copy => "copy",
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
    /// The module's name as a C identifier: prefix of all its symbols.
    pub prefix: String,
    pub functions: Vec<FunctionDecl>,
    pub globals: Vec<GlobalPlace>,
    pub interface: Interface,
    helpers: [Option<SymbolId>; Helper::ALL.len()],
    module: Module,
}

impl<'a> Env<'a> {
    pub fn new(wasm: WasmModule<'a>, options: &FrontendOptions) -> Result<Env<'a>> {
        if options.name.is_empty() {
            return Err(Error::Options("the module's name is empty".to_owned()));
        }
        let prefix = names::c_identifier(&options.name);
        let mut env = Env {
            bounds: options.bounds,
            functions: Vec::with_capacity(wasm.functions.len()),
            globals: Vec::with_capacity(wasm.globals.len()),
            interface: Interface {
                c_name: prefix.clone(),
                memory: wasm.memories.first().cloned(),
                ..Default::default()
            },
            prefix,
            helpers: [None; Helper::ALL.len()],
            module: Module { name: options.name.clone(), ..Default::default() },
            wasm,
        };
        env.declare_functions()?;
        let mut public = PublicNames::default();
        env.declare_runtime(&mut public)?;
        env.declare_imports(&mut public)?;
        env.declare_exports(&mut public)?;
        env.lay_out_instance()?;
        Ok(env)
    }

    /// The module, complete.
    pub fn finish(mut self) -> Module {
        self.module.interface = Some(self.interface);
        self.module
    }

    fn declare_functions(&mut self) -> Result<()> {
        let mut values = 0usize;
        let mut taken = HashSet::new();
        let bodies_from = self.wasm.imports.len();
        for (index, name) in self.wasm.function_display_names().into_iter().enumerate() {
            let wasm_type = self.wasm.function_type(index as u32)?;
            values += wasm_type.params().len() + wasm_type.results().len();
            check_signature_values(values)?;
            let body = index.checked_sub(bodies_from);
            let place = match body {
                None => self.wasm.imports[index].offset,
                Some(body) => {
                    self.wasm.bodies.get(body).map_or(0, |body| file_offset(body.range().start))
                }
            };
            let ty = types::func_type(wasm_type)
                .map_err(|e| e.in_function(Some(index as u32), &name).at(place))?;
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
        let prefix = &self.prefix;
        public.claim(&format!("{prefix}_instance"), "the type of instances".to_owned())?;
        let macro_name = format!("{}_MEMORY_BYTES", prefix.to_uppercase());
        public.claim(&macro_name, "the macro of the memory's size".to_owned())
    }

    fn declare_imports(&mut self, public: &mut PublicNames) -> Result<()> {
        let mut contexts = HashMap::new();
        let mut c_names = PublicNames::default();
        let mut symbols: HashMap<(&str, &str), (SymbolId, usize)> = HashMap::new();
        for (index, import) in self.wasm.imports.iter().enumerate() {
            let context = match contexts.get(import.module) {
                Some(&context) => context,
                None => {
                    let context = self.interface.contexts.len();
                    contexts.insert(import.module, context);
                    let pointer = context_pointer(import.module, context);
                    let user = format!("imported module `{}`", import.module);
                    c_names.claim(&pointer.c_name, user)?;
                    self.interface.contexts.push(pointer);
                    context
                }
            };
            let ty = &self.functions[index].ty;
            let key = (import.module, import.name);
            let symbol = match symbols.get(&key) {
                Some(&(symbol, first)) if self.functions[first].ty == *ty => symbol,
                Some(_) => {
                    return Err(Error::Interface(format!(
                        "`{}`.`{}` is imported with two types, and C has one function of a name",
                        import.module, import.name
                    )));
                }
                None => {
                    let name = names::public_symbol(import.module, import.name);
                    let user = format!("import `{}`.`{}`", import.module, import.name);
                    public.claim(&name, user)?;
                    self.module.add_symbol(name, Binding::Global, Definition::Undefined)
                }
            };
            symbols.insert(key, (symbol, index));
            self.interface.imports.push(ImportedFunction {
                wasm_module: import.module.to_owned(),
                wasm_name: import.name.to_owned(),
                symbol,
                context,
                ty: ty.clone(),
            });
        }
        Ok(())
    }

    fn declare_exports(&mut self, public: &mut PublicNames) -> Result<()> {
        let mut values = 0usize;
        for export in &self.wasm.exports {
            let name = format!("{}_{}", self.prefix, names::mangle(export.name));
            public.claim(&name, format!("export `{}`", export.name))?;
            let symbol = self.module.add_symbol(name, Binding::Global, Definition::Undefined);
            let wasm_name = export.name.to_owned();
            match export.kind {
                ExternalKind::Func => {
                    let ty = &self.functions[export.index as usize].ty;
                    values += ty.params.len() + ty.results.len();
                    check_signature_values(values)?;
                    self.interface.exports.push(ExportedFunction {
                        wasm_name,
                        symbol,
                        ty: ty.clone(),
                        func_index: export.index,
                    });
                }
                ExternalKind::Memory => {
                    self.interface.exported_memories.push(ExportedName { wasm_name, symbol });
                }
                ExternalKind::Global => {
                    let global = &self.wasm.globals[export.index as usize];
                    self.interface.exported_globals.push(ExportedGlobal {
                        wasm_name,
                        symbol,
                        ty: global.ty,
                        mutable: global.mutable,
                    });
                }
                _ => return Err(Error::internal("an export of a kind that was refused before")),
            }
        }
        Ok(())
    }

    fn lay_out_instance(&mut self) -> Result<()> {
        const ALIGN: u64 = 8;
        let mut size = offset::CONTEXTS as u64 + 4 * self.interface.contexts.len() as u64;
        for global in &self.wasm.globals {
            self.globals.push(if global.mutable {
                let bytes = u64::from(types::clif_type(global.ty).bytes());
                let at = size.next_multiple_of(bytes);
                size = at + bytes;
                GlobalPlace::Instance(at as i32)
            } else {
                GlobalPlace::Constant(global.init)
            });
        }
        let size = u32::try_from(size.next_multiple_of(ALIGN))
            .map_err(|_| Error::Interface("the instance is too large".to_owned()))?;
        self.interface.instance = InstanceLayout { size, align: ALIGN as u32 };
        Ok(())
    }

    /// Memory 0, which an access that validated has.
    pub fn memory0(&self) -> Result<&Memory> {
        self.interface
            .memory
            .as_ref()
            .ok_or_else(|| Error::internal("a memory access in a module without a memory"))
    }

    /// The helper's symbol; from now on the module has the helper.
    pub fn helper(&mut self, helper: Helper) -> SymbolId {
        if let Some(symbol) = self.helpers[helper as usize] {
            return symbol;
        }
        let symbol = self.add_local_symbol(helper.name());
        self.helpers[helper as usize] = Some(symbol);
        symbol
    }

    /// The helper's symbol if the module has it.
    pub fn used_helper(&self, helper: Helper) -> Option<SymbolId> {
        self.helpers[helper as usize]
    }

    /// A symbol of windlass's own, which no function of the module is named like.
    pub fn add_local_symbol(&mut self, name: &str) -> SymbolId {
        let name = format!("{}.windlass.{name}", self.prefix);
        self.module.add_symbol(name, Binding::Local, Definition::Undefined)
    }

    /// Adds a constant object under a local symbol.
    pub fn add_data(&mut self, name: &str, bytes: Vec<u8>, align: u32) -> SymbolId {
        let symbol = self.add_local_symbol(name);
        self.module.symbols[symbol.0 as usize].definition =
            Definition::Data(self.module.data.len());
        self.module.data.push(Data { symbol, bytes, align });
        symbol
    }

    /// Gives a declared function its body.
    pub fn define(
        &mut self,
        symbol: SymbolId,
        name: String,
        role: FunctionRole,
        wasm_bytes: u32,
        clif: ir::Function,
    ) {
        self.module.symbols[symbol.0 as usize].definition =
            Definition::Function(self.module.functions.len());
        self.module.functions.push(Function { symbol, name, role, wasm_bytes, clif });
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
        self.define(symbol, name, role, 0, clif);
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

/// The address of a constant object.
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
