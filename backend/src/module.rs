//! A translated module: CLIF functions, constant data and symbols, before code generation.
//!
//! CLIF names a symbol as `ExternalName::User` with `UserExternalName { namespace: 0, index }`,
//! where `index` is a [`SymbolId`]. Functions from .clif text may also call by test-case name
//! (`%name`), which is the symbol's name as it stands.
//!
//! Calling conventions in CLIF: `CallConv::Tail` is the internal convention, whose first
//! parameter is the instance with purpose `VMContext`; every other convention is AAPCS. An AAPCS
//! function has no `VMContext` parameter; when it calls an internal function it passes the
//! instance as an ordinary value, and lowering loads the context registers around the call.

use cranelift_codegen::ir;

/// Index into [`Module::symbols`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SymbolId(pub u32);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binding {
    Local,
    Global,
    /// Weak, in a COMDAT group of its own name.
    Weak,
}

/// What a symbol stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Definition {
    /// Index into [`Module::functions`].
    Function(usize),
    /// Index into [`Module::data`].
    Data(usize),
    /// Defined elsewhere: the host, a runtime library, another module.
    Undefined,
}

#[derive(Clone, Debug)]
pub struct Symbol {
    pub name: String,
    pub binding: Binding,
    pub definition: Definition,
}

/// What a function is for, which decides its prologue and whether reports list it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FunctionRole {
    /// A function of the wasm module, with its index in the function index space, or of a .clif
    /// file, with its position.
    User { index: u32 },
    /// AAPCS entry of an export or of the start function: saves all callee-saved registers and
    /// links a recovery record into the instance, which is its first argument.
    Entry,
    /// Internal-convention stand-in for an imported function.
    ImportThunk,
    /// Anything else that windlass writes: instantiate, accessors, helpers.
    Support,
}

#[derive(Clone, Debug)]
pub struct Function {
    pub symbol: SymbolId,
    /// For people: the name section's name, else an export's, else `func[N]`.
    pub name: String,
    pub role: FunctionRole,
    /// Bytes of the function's body in the wasm file, 0 if it has none.
    pub wasm_bytes: u32,
    pub clif: ir::Function,
}

/// A constant object in `.rodata`.
#[derive(Clone, Debug)]
pub struct Data {
    pub symbol: SymbolId,
    pub bytes: Vec<u8>,
    /// A power of two.
    pub align: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Module {
    pub name: String,
    pub symbols: Vec<Symbol>,
    pub functions: Vec<Function>,
    pub data: Vec<Data>,
    /// None for .clif input, which has no instance.
    pub interface: Option<Interface>,
}

impl Module {
    pub fn symbol(&self, id: SymbolId) -> &Symbol {
        &self.symbols[id.0 as usize]
    }

    pub fn add_symbol(
        &mut self,
        name: String,
        binding: Binding,
        definition: Definition,
    ) -> SymbolId {
        let id = SymbolId(self.symbols.len() as u32);
        self.symbols.push(Symbol { name, binding, definition });
        id
    }
}

/// What a host sees of a wasm module: enough to write its header or to drive it.
#[derive(Clone, Debug, Default)]
pub struct Interface {
    /// The module's name as a C identifier: the prefix of its symbols.
    pub c_name: String,
    pub instance: InstanceLayout,
    /// Imported modules' names in order of first import, with the C identifier of each.
    pub contexts: Vec<ContextPointer>,
    pub imports: Vec<ImportedFunction>,
    pub exports: Vec<ExportedFunction>,
    /// Exported globals and memories get accessors.
    pub memory: Option<Memory>,
    pub exported_memories: Vec<ExportedName>,
    pub exported_globals: Vec<ExportedGlobal>,
    /// `<module>_instantiate`, `<module>_trap`, `<module>_set_stack_limit`.
    pub instantiate: Option<SymbolId>,
    pub trap: Option<SymbolId>,
    pub set_stack_limit: Option<SymbolId>,
}

#[derive(Clone, Debug, Default)]
pub struct InstanceLayout {
    /// Bytes of the whole instance, a multiple of `align`.
    pub size: u32,
    pub align: u32,
}

/// A host-supplied pointer of type `struct <c_name>_instance *`.
#[derive(Clone, Debug)]
pub struct ContextPointer {
    pub wasm_name: String,
    pub c_name: String,
    /// Byte offset in the instance.
    pub offset: i32,
}

/// A scalar wasm type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValType {
    I32,
    I64,
    F32,
    F64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FuncType {
    pub params: Vec<ValType>,
    pub results: Vec<ValType>,
}

#[derive(Clone, Debug)]
pub struct ImportedFunction {
    pub wasm_module: String,
    pub wasm_name: String,
    /// Undefined symbol `<module>_<name>`, mangled.
    pub symbol: SymbolId,
    /// Index into [`Interface::contexts`].
    pub context: usize,
    pub ty: FuncType,
}

#[derive(Clone, Debug)]
pub struct ExportedFunction {
    pub wasm_name: String,
    /// The AAPCS entry `<module>_<export>`.
    pub symbol: SymbolId,
    pub ty: FuncType,
    /// Index in the wasm function index space.
    pub func_index: u32,
}

/// Linear memory 0. Sizes are in bytes.
#[derive(Clone, Debug)]
pub struct Memory {
    pub min_bytes: u64,
    /// The declared maximum, or the most that the index space allows.
    pub max_bytes: u64,
    pub page_bytes: u32,
}

#[derive(Clone, Debug)]
pub struct ExportedName {
    pub wasm_name: String,
    pub symbol: SymbolId,
}

#[derive(Clone, Debug)]
pub struct ExportedGlobal {
    pub wasm_name: String,
    /// Accessor `T *<module>_<export>(<module>_instance *)`.
    pub symbol: SymbolId,
    pub ty: ValType,
    pub mutable: bool,
}
