//! The sections of a validated module, reduced to what translation needs.
//!
//! Input: bytes that `validate` accepted. What windlass does not translate at the level of the
//! module is refused here; operators are `func`'s business.

use super::{opname, types};
use crate::error::{Error, Place, Result};
use crate::module::{Memory, ValType};
use std::collections::HashMap;
use wasmparser::{
    ConstExpr, Data, DataKind, Export, ExternalKind, FunctionBody, Global, Import, KnownCustom,
    MemoryType, Name, NameSectionReader, Operator, Parser, Payload, TypeRef,
};

/// One page below 4 GiB, so that a memory's size and every bound fit 32 bits.
pub const MAX_MEMORY_BYTES: u64 = 65535 * 65536;

#[derive(Default)]
pub struct WasmModule<'a> {
    pub types: Vec<wasmparser::FuncType>,
    pub imports: Vec<FunctionImport<'a>>,
    /// Type index of every function, the imported ones first.
    pub functions: Vec<u32>,
    pub memories: Vec<Memory>,
    pub globals: Vec<GlobalDef>,
    pub exports: Vec<Export<'a>>,
    pub start: Option<u32>,
    pub data: Vec<DataSegment<'a>>,
    /// Bodies of the functions that are not imported, in order.
    pub bodies: Vec<FunctionBody<'a>>,
    /// The name section's names of functions.
    pub names: HashMap<u32, &'a str>,
}

pub struct FunctionImport<'a> {
    pub module: &'a str,
    pub name: &'a str,
    pub offset: u32,
}

pub struct GlobalDef {
    pub ty: ValType,
    pub mutable: bool,
    pub init: Const,
}

/// The value of a constant expression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Const {
    I32(i32),
}

/// An active segment of memory 0.
pub struct DataSegment<'a> {
    pub offset: u32,
    pub bytes: &'a [u8],
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

impl<'a> WasmModule<'a> {
    pub fn parse(wasm: &'a [u8]) -> Result<WasmModule<'a>> {
        let mut module = WasmModule::default();
        for payload in Parser::new(0).parse_all(wasm) {
            module.payload(payload.map_err(malformed)?)?;
        }
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
            Payload::MemorySection(memories) => {
                for memory in memories.into_iter_with_offsets() {
                    let (offset, ty) = memory.map_err(malformed)?;
                    self.memory(ty).map_err(|e| e.at(file_offset(offset)))?;
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals.into_iter_with_offsets() {
                    let (offset, global) = global.map_err(malformed)?;
                    self.global(global).map_err(|e| e.at(file_offset(offset)))?;
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports.into_iter_with_offsets() {
                    let (offset, export) = export.map_err(malformed)?;
                    self.export(export).map_err(|e| e.at(file_offset(offset)))?;
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(segments) => {
                if let Some(Ok((offset, _))) = segments.into_iter_with_offsets().next() {
                    return Err(Error::unsupported("an element segment").at(file_offset(offset)));
                }
            }
            Payload::DataSection(segments) => {
                for segment in segments.into_iter_with_offsets() {
                    let (offset, segment) = segment.map_err(malformed)?;
                    self.data(segment).map_err(|e| e.at(file_offset(offset)))?;
                }
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    self.function_names(names);
                }
            }
            // Headers, counts, the end. A table that nothing refers to, which linkers leave
            // behind, is nothing; whatever refers to one is refused.
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: Import<'a>, offset: u32) -> Result<()> {
        let kind = match import.ty {
            TypeRef::Func(type_index) => {
                self.functions.push(type_index);
                let Import { module, name, .. } = import;
                self.imports.push(FunctionImport { module, name, offset });
                return Ok(());
            }
            TypeRef::Memory(_) => "an imported memory",
            TypeRef::Table(_) => "an imported table",
            TypeRef::Global(_) => "an imported global",
            TypeRef::Tag(_) => "an imported tag",
            TypeRef::FuncExact(_) => "an imported function of exact type",
        };
        let construct = format!("{kind} (`{}`.`{}`)", import.module, import.name);
        Err(Error::unsupported(construct).at(offset))
    }

    fn memory(&mut self, ty: MemoryType) -> Result<()> {
        if !self.memories.is_empty() {
            return Err(Error::unsupported("more than one memory"));
        }
        let page_bytes = 1u32 << ty.page_size_log2.unwrap_or(16).min(16);
        let bytes = |pages: u64| pages.saturating_mul(u64::from(page_bytes));
        let min_bytes = bytes(ty.initial);
        if min_bytes > MAX_MEMORY_BYTES {
            return Err(Error::unsupported(format!(
                "a memory of {} pages of {page_bytes} bytes: the most is {MAX_MEMORY_BYTES} bytes \
                 (65535 pages of 65536)",
                ty.initial
            )));
        }
        let max_bytes = ty.maximum.map_or(MAX_MEMORY_BYTES, bytes).min(MAX_MEMORY_BYTES);
        self.memories.push(Memory { min_bytes, max_bytes, page_bytes });
        Ok(())
    }

    fn global(&mut self, global: Global<'a>) -> Result<()> {
        let ty = types::translated(global.ty.content_type, "a global")?;
        let init = const_expr(&global.init_expr)?;
        self.globals.push(GlobalDef { ty, mutable: global.ty.mutable, init });
        Ok(())
    }

    fn export(&mut self, export: Export<'a>) -> Result<()> {
        let kind = match export.kind {
            ExternalKind::Func | ExternalKind::Memory | ExternalKind::Global => {
                self.exports.push(export);
                return Ok(());
            }
            ExternalKind::Table => "an exported table",
            ExternalKind::Tag => "an exported tag",
            ExternalKind::FuncExact => "an exported function of exact type",
        };
        Err(Error::unsupported(format!("{kind} (`{}`)", export.name)))
    }

    fn data(&mut self, segment: Data<'a>) -> Result<()> {
        let DataKind::Active { offset_expr, .. } = segment.kind else {
            return Err(Error::unsupported("a passive data segment"));
        };
        let Const::I32(offset) = const_expr(&offset_expr)?;
        self.data.push(DataSegment { offset: offset as u32, bytes: segment.data });
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

    pub fn function_type(&self, index: u32) -> Result<&wasmparser::FuncType> {
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

/// Evaluates a constant expression. What it may refer to, an imported global, is refused before.
fn const_expr(expr: &ConstExpr<'_>) -> Result<Const> {
    let mut stack = Vec::new();
    let pop2 = |stack: &mut Vec<i32>| Some((stack.pop()?, stack.pop()?));
    for item in expr.get_operators_reader().into_iter_with_offsets() {
        let (operator, offset) = item.map_err(malformed)?;
        let value = match operator {
            Operator::End => break,
            Operator::I32Const { value } => Some(value),
            Operator::I32Add => pop2(&mut stack).map(|(b, a)| a.wrapping_add(b)),
            Operator::I32Sub => pop2(&mut stack).map(|(b, a)| a.wrapping_sub(b)),
            Operator::I32Mul => pop2(&mut stack).map(|(b, a)| a.wrapping_mul(b)),
            other => {
                return Err(
                    Error::unsupported(opname::operator_name(&other)).at(file_offset(offset))
                );
            }
        };
        let value = value.ok_or_else(|| Error::internal("a constant expression underflows"))?;
        stack.push(value);
    }
    stack.pop().map(Const::I32).ok_or_else(|| Error::internal("an empty constant expression"))
}
