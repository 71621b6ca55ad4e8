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

use crate::debug::SourceLines;
use crate::stack::StackBound;
use cranelift_codegen::ir;
use std::collections::{BTreeMap, BTreeSet};

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
    /// Where the body begins in the wasm file, 0 if there is none.
    pub wasm_offset: u32,
    pub clif: ir::Function,
    /// Its calls through tables; none is known of .clif functions.
    pub indirect_calls: BTreeSet<IndirectCall>,
}

impl Function {
    /// A function without a body in a wasm file.
    pub fn new(symbol: SymbolId, name: String, role: FunctionRole, clif: ir::Function) -> Function {
        let (wasm_bytes, wasm_offset) = (0, 0);
        let indirect_calls = BTreeSet::new();
        Function { symbol, name, role, wasm_bytes, wasm_offset, clif, indirect_calls }
    }
}

/// A call through a table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct IndirectCall {
    /// The records `{signature, entry}` in flash, if the table is there and so never changes.
    pub table: Option<SymbolId>,
    pub signature: SymbolId,
    pub is_tail: bool,
}

/// A constant object in `.rodata`.
#[derive(Clone, Debug)]
pub struct Data {
    pub symbol: SymbolId,
    pub bytes: Vec<u8>,
    /// A power of two.
    pub align: u32,
    /// Words that hold a symbol's address, by byte offset. The linker fills them in.
    pub addresses: Vec<(u32, SymbolId)>,
}

#[derive(Clone, Debug, Default)]
pub struct Module {
    pub name: String,
    pub symbols: Vec<Symbol>,
    pub functions: Vec<Function>,
    pub data: Vec<Data>,
    /// None for .clif input, which has no instance.
    pub interface: Option<Interface>,
    /// Of the module's own DWARF, on request.
    pub source: Option<SourceLines>,
    /// What went wrong without being an error.
    pub warnings: Vec<String>,
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
    pub imports: Vec<Import>,
    pub exports: Vec<Export>,
    /// The module's own memories in index order, for each of which instantiate takes bytes.
    pub memories: Vec<Memory>,
    /// Bytes that each of them needs beyond its size.
    pub guard_bytes: u32,
    /// `<module>_instantiate`, `<module>_trap`, `<module>_set_stack_limit`.
    pub instantiate: Option<SymbolId>,
    pub trap: Option<SymbolId>,
    pub set_stack_limit: Option<SymbolId>,
    /// `<module>_interrupt` and `<module>_clear_interrupt` of a module that looks at the flag.
    pub interrupt: Option<SymbolId>,
    pub clear_interrupt: Option<SymbolId>,
    /// `<module>_set_fuel` and `<module>_fuel` of a module that counts fuel.
    pub set_fuel: Option<SymbolId>,
    pub fuel: Option<SymbolId>,
    /// Bytes of the instance that are tables: their elements and descriptors.
    pub table_bytes: u32,
    /// How deep a call may take the stack, by the function's symbol: known once there is code.
    pub stack_bounds: BTreeMap<SymbolId, StackBound>,
}

impl Interface {
    /// Exported functions, in order.
    pub fn functions(&self) -> impl Iterator<Item = (&Export, &FuncType)> {
        self.exports.iter().filter_map(|export| match &export.ty {
            ExternType::Func(ty) => Some((export, ty)),
            _ => None,
        })
    }
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

/// A wasm type without vectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ValType {
    I32,
    I64,
    F32,
    F64,
    /// Address of a function reference (see `instance::funcref`), 0 for null.
    FuncRef,
    /// A host's pointer, 0 for null.
    ExternRef,
}

impl ValType {
    pub fn is_ref(self) -> bool {
        matches!(self, ValType::FuncRef | ValType::ExternRef)
    }

    /// Bytes in memory, which is also the alignment that C gives it.
    pub fn bytes(self) -> u32 {
        match self {
            ValType::I64 | ValType::F64 => 8,
            ValType::I32 | ValType::F32 | ValType::FuncRef | ValType::ExternRef => 4,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct FuncType {
    pub params: Vec<ValType>,
    pub results: Vec<ValType>,
}

/// The type of an import or export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExternType {
    Func(FuncType),
    Memory(Memory),
    Table(Table),
    Global(GlobalType),
}

/// An import: an undefined symbol, or none if nothing of the module refers to it.
#[derive(Clone, Debug)]
pub struct Import {
    pub wasm_module: String,
    pub wasm_name: String,
    /// `<module>_<name>`, mangled: the function itself, or the accessor of a memory
    /// (`windlass_memory *`), table (`windlass_table *`) or global (`T *`). Takes the context.
    pub symbol: SymbolId,
    /// Index into [`Interface::contexts`].
    pub context: usize,
    pub ty: ExternType,
}

/// An export: a function's AAPCS entry, or an accessor like an import's.
#[derive(Clone, Debug)]
pub struct Export {
    pub wasm_name: String,
    /// `<module>_<export>`, mangled. Takes the instance.
    pub symbol: SymbolId,
    pub ty: ExternType,
    /// Index in the index space of its kind.
    pub index: u32,
}

/// A linear memory as declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    pub min_pages: u64,
    pub max_pages: Option<u64>,
    pub page_bytes: u32,
}

impl Memory {
    /// A memory's size and every bound fit 32 bits.
    const MOST_BYTES: u64 = u32::MAX as u64;

    /// The most pages that a memory of this page size may have.
    pub fn most_pages(page_bytes: u32) -> u64 {
        Self::MOST_BYTES / u64::from(page_bytes)
    }

    pub fn min_bytes(&self) -> u64 {
        self.min_pages.saturating_mul(self.page_bytes.into())
    }

    /// The declared maximum, or the most that a memory may have.
    pub fn max_bytes(&self) -> u64 {
        let most = Self::most_pages(self.page_bytes);
        self.max_pages.unwrap_or(most).min(most) * u64::from(self.page_bytes)
    }
}

/// A table as declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    pub element: ValType,
    pub min: u32,
    pub max: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlobalType {
    pub ty: ValType,
    pub mutable: bool,
}
