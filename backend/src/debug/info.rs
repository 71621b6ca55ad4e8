//! Names and lines: one compile unit, with an entry for each function.
//!
//! A function's name is wasm's. Its symbol, which has the module's name in front, is not said again: gdb would
//! show that instead.
//!
//! A line comes from the module's own DWARF. Without that the one file is `<module>.wasm`, and the
//! line is the byte offset in it, as `wasm-objdump` shows it (in decimal).

use super::{CodePlace, Input, Item, Line, Section, SourceFile, Writer};
use crate::compiled::SourceRange;
use crate::module::{Binding, FunctionRole};
use gimli::write::{
    Address, AttributeValue, DwarfUnit, Expression, FileId, LineProgram, LineString, Range,
    RangeList, Result, Sections,
};
use gimli::{Encoding, Format, LineEncoding, constants};

const ENCODING: Encoding = Encoding { address_size: 4, format: Format::Dwarf32, version: 4 };

const PRODUCER: &str = concat!("windlass ", env!("CARGO_PKG_VERSION"));

pub fn write(input: &Input<'_>) -> Result<Vec<Section>> {
    let mut dwarf = DwarfUnit::new(ENCODING);
    let mut lines = Lines::new(input);
    describe_unit(&mut dwarf, input, &lines.unit);
    for item in input.items() {
        let declared = lines.add(&item);
        describe_function(&mut dwarf, input, &item, declared);
    }
    if lines.has_rows {
        dwarf.unit.line_program = lines.program;
    }
    let mut sections = Sections::new(Writer::new(input.endian));
    dwarf.write(&mut sections)?;
    let mut written = Vec::new();
    sections.for_each(|id, writer| {
        written.push(writer.section(id.name()));
        Result::Ok(())
    })?;
    Ok(written)
}

fn describe_unit(dwarf: &mut DwarfUnit, input: &Input<'_>, unit: &SourceFile) {
    let producer = dwarf.strings.add(PRODUCER);
    let name = dwarf.strings.add(&*unit.name);
    let directory = (!unit.directory.is_empty()).then(|| dwarf.strings.add(&*unit.directory));
    let ranges = dwarf.unit.ranges.add(RangeList(code_ranges(input)));
    let root = dwarf.unit.root();
    let root = dwarf.unit.get_mut(root);
    root.set(constants::DW_AT_producer, AttributeValue::StringRef(producer));
    root.set(constants::DW_AT_language, AttributeValue::Language(constants::DW_LANG_C99));
    root.set(constants::DW_AT_name, AttributeValue::StringRef(name));
    if let Some(directory) = directory {
        root.set(constants::DW_AT_comp_dir, AttributeValue::StringRef(directory));
    }
    root.set(constants::DW_AT_low_pc, AttributeValue::Address(Address::Constant(0)));
    root.set(constants::DW_AT_ranges, AttributeValue::RangeListRef(ranges));
}

/// One range for the neighbours of a section.
fn code_ranges(input: &Input<'_>) -> Vec<Range> {
    let mut ranges = Vec::new();
    let mut last: Option<(usize, Address, u32, u64)> = None;
    for item in input.items() {
        let CodePlace { section, offset } = input.places[item.index];
        match &mut last {
            Some((of, _, start, length)) if *of == section && *start <= offset => {
                *length = u64::from(offset - *start + item.code_bytes());
            }
            _ => {
                let begun = (section, item.address(), offset, item.code_bytes().into());
                ranges.extend(last.replace(begun));
            }
        }
    }
    ranges.extend(last);
    let range = |(_, begin, _, length)| Range::StartLength { begin, length };
    ranges.into_iter().map(range).collect()
}

fn describe_function(
    dwarf: &mut DwarfUnit,
    input: &Input<'_>,
    item: &Item<'_>,
    declared: Option<(FileId, u64)>,
) {
    let symbol = input.module.symbol(item.function.symbol);
    let name = dwarf.strings.add(text(&item.function.name));
    let mut frame_base = Expression::new();
    frame_base.op(constants::DW_OP_call_frame_cfa);
    let entry = dwarf.unit.add(dwarf.unit.root(), constants::DW_TAG_subprogram);
    let entry = dwarf.unit.get_mut(entry);
    entry.set(constants::DW_AT_name, AttributeValue::StringRef(name));
    entry.set(constants::DW_AT_low_pc, AttributeValue::Address(item.address()));
    entry.set(constants::DW_AT_high_pc, AttributeValue::Udata(item.code_bytes().into()));
    entry.set(constants::DW_AT_frame_base, AttributeValue::Exprloc(frame_base));
    if symbol.binding != Binding::Local {
        entry.set(constants::DW_AT_external, AttributeValue::Flag(true));
    }
    if !matches!(item.function.role, FunctionRole::User { .. }) {
        entry.set(constants::DW_AT_artificial, AttributeValue::Flag(true));
    }
    if let Some((file, line)) = declared {
        entry.set(constants::DW_AT_decl_file, AttributeValue::FileIndex(Some(file)));
        entry.set(constants::DW_AT_decl_line, AttributeValue::Udata(line));
    }
}

/// The line program in the making.
struct Lines<'a> {
    input: &'a Input<'a>,
    unit: SourceFile,
    program: LineProgram,
    /// Of the files of the module's DWARF, else of the module's own.
    files: Vec<FileId>,
    has_rows: bool,
}

impl<'a> Lines<'a> {
    fn new(input: &'a Input<'a>) -> Lines<'a> {
        let module = input.module;
        let extension = if module.interface.is_some() { "wasm" } else { "clif" };
        let itself = SourceFile {
            directory: String::new(),
            name: format!("{}.{extension}", text(&module.name)),
        };
        let source = module.source.as_ref();
        let unit = source.and_then(|source| source.unit.clone()).filter(|u| !u.name.is_empty());
        let unit = unit.unwrap_or_else(|| itself.clone());
        let string = |text: &str| LineString::String(text.as_bytes().to_vec());
        let working_directory = if unit.directory.is_empty() { "." } else { &unit.directory };
        let encoding = LineEncoding { minimum_instruction_length: 2, ..LineEncoding::default() };
        let mut program = LineProgram::new(
            ENCODING,
            encoding,
            string(working_directory),
            None,
            string(&unit.name),
            None,
        );
        let files = source.map_or(core::slice::from_ref(&itself), |source| &source.files);
        let add = |file: &SourceFile| {
            let directory = match file.directory.is_empty() {
                true => program.default_directory(),
                false => program.add_directory(string(&file.directory)),
            };
            let name = if file.name.is_empty() { "?" } else { &file.name };
            program.add_file(string(name), directory, None)
        };
        let files = files.iter().map(add).collect();
        Lines { input, unit, program, files, has_rows: false }
    }

    /// The line of a byte of the wasm file.
    fn find(&self, loc: u32) -> Option<Line> {
        match &self.input.module.source {
            Some(source) => source.find(loc),
            None => Some(Line { file: 0, line: loc.into(), column: 0, is_stmt: true }),
        }
    }

    /// Adds the rows of a function, and answers where it is declared. Code of no line belongs to what
    /// precedes it, and the prologue to the declaration.
    fn add(&mut self, item: &Item<'_>) -> Option<(FileId, u64)> {
        let ranges = item.compiled.source_ranges.iter();
        let placed = ranges
            .filter_map(|&SourceRange { start, loc, .. }| self.find(loc).map(|line| (start, line)));
        let rows: Vec<(u32, Line)> = placed.collect();
        let declared = item.wasm_index().and_then(|_| self.find(item.function.wasm_offset));
        let first = declared.or(rows.first().map(|&(_, line)| line))?;
        self.program.begin_sequence(Some(item.address()));
        self.row(0, first, false);
        let mut last = None;
        for (start, line) in rows {
            if last != Some(line) {
                // gdb stops where the prologue ends.
                let prologue_end = last.is_none() && start > 0;
                let is_stmt = line.is_stmt || prologue_end;
                self.row(start, Line { is_stmt, ..line }, prologue_end);
                last = Some(line);
            }
        }
        self.program.end_sequence(item.code_bytes().into());
        self.has_rows = true;
        declared.map(|line| (self.files[line.file as usize], line.line))
    }

    fn row(&mut self, offset: u32, line: Line, prologue_end: bool) {
        let row = self.program.row();
        row.address_offset = offset.into();
        row.file = self.files[line.file as usize];
        row.line = line.line;
        row.column = line.column;
        row.is_statement = line.is_stmt;
        row.prologue_end = prologue_end;
        self.program.generate_row();
    }
}

/// A name as a string of DWARF can carry it: it ends at the first NUL.
fn text(name: &str) -> &str {
    name.split('\0').next().unwrap_or_default()
}
