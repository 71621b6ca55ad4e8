//! The sections of a validated module, reduced to what translation needs.
//!
//! Input: bytes that `validate` accepted. What windlass does not translate at the level of the
//! module is refused here; operators are `func`'s business.

use super::constant::{Const, ConstExpr, Operand};
use super::types;
use super::usage::Usage;
use crate::error::{Error, Place, Result};
use crate::module::{ExternType, FuncType, GlobalType, Memory, Table, ValType};
use std::collections::HashMap;
use wasmparser::{
    Data, DataKind, Element, ElementItems, ElementKind, Export, ExternalKind, FromReader,
    FunctionBody, Import, KnownCustom, Name, NameSectionReader, Parser, Payload, RefType,
    SectionLimited, TableInit, TypeRef,
};

#[derive(Default)]
pub struct WasmModule<'a> {
    pub types: Vec<wasmparser::FuncType>,
    pub imports: Vec<ImportDecl<'a>>,
    /// Type index of every function, the imported ones first.
    pub functions: Vec<u32>,
    pub imported_functions: usize,
    pub memories: Vec<Decl<Memory>>,
    pub tables: Vec<Decl<Table, ConstExpr>>,
    pub globals: Vec<Decl<GlobalType, ConstExpr>>,
    pub exports: Vec<Export<'a>>,
    pub start: Option<u32>,
    pub elements: Vec<ElementSegment>,
    pub data: Vec<DataSegment<'a>>,
    /// Bodies of the functions that are not imported, in order.
    pub bodies: Vec<FunctionBody<'a>>,
    /// What they do to tables and segments.
    pub usage: Usage,
    /// The name section's names of functions.
    pub names: HashMap<u32, &'a str>,
    /// Custom sections of DWARF, by name.
    pub dwarf: HashMap<&'a str, &'a [u8]>,
    /// Where the contents of the code section begin, from which DWARF counts.
    pub code_start: u32,
}

pub struct ImportDecl<'a> {
    pub module: &'a str,
    pub name: &'a str,
    pub offset: u32,
    pub kind: ImportKind,
}

/// The kind of an import, with its index in the index space of the kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImportKind {
    Function(u32),
    Memory(u32),
    Table(u32),
    Global(u32),
}

/// An item of an index space: imported, or the module's own with its initial value.
pub struct Decl<T, I = ()> {
    pub ty: T,
    pub imported: bool,
    pub init: Option<I>,
}

/// Where the content of a segment goes by itself at instantiation.
#[derive(Clone)]
pub struct Active {
    /// Index of the memory or table.
    pub target: u32,
    pub offset: ConstExpr,
}

pub enum SegmentKind {
    Active(Active),
    Passive,
    Declared,
}

pub struct ElementSegment {
    pub kind: SegmentKind,
    pub items: Vec<Operand>,
}

pub struct DataSegment<'a> {
    pub kind: SegmentKind,
    pub bytes: &'a [u8],
}

impl SegmentKind {
    pub fn active(&self) -> Option<&Active> {
        match self {
            SegmentKind::Active(active) => Some(active),
            _ => None,
        }
    }
}

/// A reader's error after validation: cannot happen, and is not trusted to.
pub fn malformed(error: wasmparser::Error) -> Error {
    let offset = u32::try_from(error.offset()).ok();
    Error::Invalid {
        place: Place { offset, ..Place::default() },
        message: error.message().to_owned(),
    }
}

/// An offset in a file that `validate` found to be below 4 GiB.
pub fn file_offset(offset: u64) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// Takes every item of a section; an error is at the item's place.
fn each<'a, T: FromReader<'a>>(
    section: SectionLimited<'a, T>,
    mut take: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    for item in section.into_iter_with_offsets() {
        let (offset, item) = item.map_err(malformed)?;
        take(item).map_err(|e| e.at(file_offset(offset)))?;
    }
    Ok(())
}

impl<'a> WasmModule<'a> {
    /// Leaves out exports that no pattern of `filter` matches, if there are patterns, and
    /// whatever cannot be reached then.
    pub fn parse(wasm: &'a [u8], filter: &[String]) -> Result<WasmModule<'a>> {
        let mut module = WasmModule::default();
        for payload in Parser::new(0).parse_all(wasm) {
            module.payload(payload.map_err(malformed)?)?;
        }
        if !filter.is_empty() {
            filter_exports(&mut module.exports, filter)?;
        }
        module.usage = Usage::of(&module)?;
        Ok(module)
    }

    fn payload(&mut self, payload: Payload<'a>) -> Result<()> {
        match payload {
            Payload::TypeSection(types) => {
                for ty in types.into_iter_err_on_gc_types() {
                    self.types.push(ty.map_err(malformed)?);
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports_with_offsets() {
                    let (offset, import) = import.map_err(malformed)?;
                    self.import(import, file_offset(offset))?;
                }
            }
            Payload::FunctionSection(functions) => {
                for type_index in functions {
                    self.functions.push(type_index.map_err(malformed)?);
                }
            }
            Payload::MemorySection(memories) => each(memories, |memory| self.memory(memory))?,
            Payload::TableSection(tables) => each(tables, |table| self.table(table))?,
            Payload::GlobalSection(globals) => each(globals, |global| self.global(global))?,
            Payload::ExportSection(exports) => {
                for export in exports {
                    self.exports.push(export.map_err(malformed)?);
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(segments) => each(segments, |segment| self.element(segment))?,
            Payload::DataSection(segments) => each(segments, |segment| self.data(segment))?,
            Payload::CodeSectionStart { unchecked_range, .. } => {
                self.code_start = file_offset(unchecked_range.start);
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
                self.dwarf.insert(section.name(), section.data());
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    self.function_names(names);
                }
            }
            // Headers, counts, the end.
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: Import<'a>, offset: u32) -> Result<()> {
        let unsupported = |what: &str| {
            let construct = format!("{what} (`{}`.`{}`)", import.module, import.name);
            Err(Error::unsupported(construct))
        };
        let kind = match import.ty {
            TypeRef::Func(type_index) => {
                self.functions.push(type_index);
                self.imported_functions += 1;
                ImportKind::Function(self.functions.len() as u32 - 1)
            }
            TypeRef::Memory(ty) => {
                self.memories.push(Decl { ty: memory_type(ty)?, imported: true, init: None });
                ImportKind::Memory(self.memories.len() as u32 - 1)
            }
            TypeRef::Table(ty) => {
                self.tables.push(Decl { ty: table_type(ty)?, imported: true, init: None });
                ImportKind::Table(self.tables.len() as u32 - 1)
            }
            TypeRef::Global(ty) => {
                self.globals.push(Decl { ty: global_type(ty)?, imported: true, init: None });
                ImportKind::Global(self.globals.len() as u32 - 1)
            }
            TypeRef::Tag(_) => return unsupported("an imported tag"),
            TypeRef::FuncExact(_) => return unsupported("an imported function of exact type"),
        };
        let Import { module, name, .. } = import;
        self.imports.push(ImportDecl { module, name, offset, kind });
        Ok(())
    }

    fn memory(&mut self, ty: wasmparser::MemoryType) -> Result<()> {
        self.memories.push(Decl { ty: memory_type(ty)?, imported: false, init: None });
        Ok(())
    }

    fn table(&mut self, table: wasmparser::Table<'a>) -> Result<()> {
        let init = match &table.init {
            TableInit::RefNull => None,
            TableInit::Expr(expr) => Some(ConstExpr::parse(expr)?),
        };
        self.tables.push(Decl { ty: table_type(table.ty)?, imported: false, init });
        Ok(())
    }

    fn global(&mut self, global: wasmparser::Global<'a>) -> Result<()> {
        let init = Some(ConstExpr::parse(&global.init_expr)?);
        self.globals.push(Decl { ty: global_type(global.ty)?, imported: false, init });
        Ok(())
    }

    fn element(&mut self, segment: Element<'a>) -> Result<()> {
        let kind = match &segment.kind {
            ElementKind::Passive => SegmentKind::Passive,
            ElementKind::Declared => SegmentKind::Declared,
            ElementKind::Active { table_index, offset_expr } => {
                let target = table_index.unwrap_or(0);
                SegmentKind::Active(Active { target, offset: ConstExpr::parse(offset_expr)? })
            }
        };
        let items = match segment.items {
            ElementItems::Functions(functions) => functions
                .into_iter()
                .map(|index| Ok(Operand::Const(Const::Func(index.map_err(malformed)?))))
                .collect::<Result<_>>()?,
            ElementItems::Expressions(ty, items) => {
                reference(ty, "an element segment")?;
                items
                    .into_iter()
                    .map(|item| {
                        let item = ConstExpr::parse(&item.map_err(malformed)?)?;
                        item.operand().ok_or_else(|| Error::unsupported("a computed element"))
                    })
                    .collect::<Result<_>>()?
            }
        };
        self.elements.push(ElementSegment { kind, items });
        Ok(())
    }

    fn data(&mut self, segment: Data<'a>) -> Result<()> {
        let kind = match segment.kind {
            DataKind::Passive => SegmentKind::Passive,
            DataKind::Active { memory_index, offset_expr } => SegmentKind::Active(Active {
                target: memory_index,
                offset: ConstExpr::parse(&offset_expr)?,
            }),
        };
        self.data.push(DataSegment { kind, bytes: segment.data });
        Ok(())
    }

    /// Reads what can be read: a malformed name section is no error.
    fn function_names(&mut self, section: NameSectionReader<'a>) {
        for names in section.into_iter().map_while(|subsection| subsection.ok()) {
            if let Name::Function(map) = names {
                for naming in map.into_iter().map_while(|naming| naming.ok()) {
                    self.names.insert(naming.index, naming.name);
                }
            }
        }
    }

    /// The type of an import.
    pub fn import_type(&self, kind: ImportKind) -> Result<ExternType> {
        let missing = || Error::internal(format!("no import {kind:?}"));
        Ok(match kind {
            ImportKind::Function(index) => ExternType::Func(self.func_type(index)?),
            ImportKind::Memory(index) => {
                ExternType::Memory(self.memories.get(index as usize).ok_or_else(missing)?.ty)
            }
            ImportKind::Table(index) => {
                ExternType::Table(self.tables.get(index as usize).ok_or_else(missing)?.ty)
            }
            ImportKind::Global(index) => {
                ExternType::Global(self.globals.get(index as usize).ok_or_else(missing)?.ty)
            }
        })
    }

    /// The type of a function.
    pub fn func_type(&self, index: u32) -> Result<FuncType> {
        types::func_type(self.function_type(index)?)
    }

    fn function_type(&self, index: u32) -> Result<&wasmparser::FuncType> {
        let type_index = self.functions.get(index as usize);
        type_index
            .and_then(|&ty| self.types.get(ty as usize))
            .ok_or_else(|| Error::internal(format!("function {index} has no type")))
    }

    /// The display name of every function.
    pub fn function_display_names(&self) -> Vec<String> {
        let exported = self.exported_functions();
        (0..self.functions.len() as u32).map(|index| self.display_name(index, &exported)).collect()
    }

    /// First export of each exported function.
    fn exported_functions(&self) -> HashMap<u32, &'a str> {
        let mut exported = HashMap::new();
        for export in self.exports.iter().filter(|e| e.kind == ExternalKind::Func) {
            exported.entry(export.index).or_insert(export.name);
        }
        exported
    }

    /// For people: the name section's name, else an export's, else `func[N]`.
    fn display_name(&self, index: u32, exported: &HashMap<u32, &'a str>) -> String {
        match self.names.get(&index).or_else(|| exported.get(&index)) {
            Some(name) => (*name).to_owned(),
            None => format!("func[{index}]"),
        }
    }
}

/// The display name of a function of a module that may be invalid, as far as it can be read.
pub fn display_name(wasm: &[u8], index: u32) -> String {
    let mut module = WasmModule::default();
    for payload in Parser::new(0).parse_all(wasm).map_while(|payload| payload.ok()) {
        if let Payload::ExportSection(_) | Payload::CustomSection(_) = payload
            && module.payload(payload).is_err()
        {
            break;
        }
    }
    module.display_name(index, &module.exported_functions())
}

/// Keeps the exports that a pattern matches; each matches some.
fn filter_exports(exports: &mut Vec<Export<'_>>, filter: &[String]) -> Result<()> {
    let mut kept = vec![false; exports.len()];
    for text in filter {
        let pattern = glob::Pattern::new(text).map_err(|error| {
            Error::Options(format!("the export filter {text} is no pattern: {}", error.msg))
        })?;
        let mut matched = false;
        for (export, kept) in exports.iter().zip(&mut kept) {
            let matches = pattern.matches(export.name);
            matched |= matches;
            *kept |= matches;
        }
        if !matched {
            let names: Vec<_> = exports.iter().map(|export| export.name).collect();
            return Err(Error::Options(format!(
                "the export filter {text} matches no export; there are: {}",
                names.join(", ")
            )));
        }
    }
    let mut kept = kept.into_iter();
    exports.retain(|_| kept.next().unwrap_or(false));
    Ok(())
}

fn memory_type(ty: wasmparser::MemoryType) -> Result<Memory> {
    let page_bytes = 1u32 << ty.page_size_log2.unwrap_or(16).min(16);
    let memory = Memory { min_pages: ty.initial, max_pages: ty.maximum, page_bytes };
    let most = Memory::most_pages(page_bytes);
    if memory.min_pages > most {
        return Err(Error::unsupported(format!(
            "a memory of {} pages of {page_bytes} bytes: the most is {most} pages",
            ty.initial
        )));
    }
    Ok(memory)
}

fn table_type(ty: wasmparser::TableType) -> Result<Table> {
    let size =
        |size: u64| u32::try_from(size).map_err(|_| Error::unsupported("a table this large"));
    let max = ty.maximum.map(|max| max.min(u32::MAX.into()));
    let element = reference(ty.element_type, "a table")?;
    Ok(Table { element, min: size(ty.initial)?, max: max.map(size).transpose()? })
}

fn global_type(ty: wasmparser::GlobalType) -> Result<GlobalType> {
    Ok(GlobalType { ty: types::translated(ty.content_type, "a global")?, mutable: ty.mutable })
}

fn reference(ty: RefType, what: &str) -> Result<ValType> {
    types::translated(wasmparser::ValType::Ref(ty), what)
}
