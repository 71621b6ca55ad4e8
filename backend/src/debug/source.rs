//! The source lines of a wasm module that carries DWARF.
//!
//! Input: the custom sections `.debug_*`, in which an address is an offset in the code section (WebAssembly
//! tool conventions, "DWARF for WebAssembly"). Output: for any byte of a function's body the file, line and
//! column that it comes from.
//!
//! Invariant: whatever the sections hold, reading takes time and memory of the order of their size. DWARF may
//! refer to one table from many places and repeat entries of no bytes; [`Budget`] counts what is read again.

use core::num::NonZeroU64;
use gimli::{
    AttributeValue, ColumnType, DebugAbbrev, DebugAbbrevOffset, EndianSlice, LineProgramHeader,
    LittleEndian, Reader as _, UnitHeader, constants,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

type Bytes<'a> = EndianSlice<'a, LittleEndian>;
type Dwarf<'a> = gimli::Dwarf<Bytes<'a>>;
type Unit<'a> = gimli::Unit<Bytes<'a>>;
type Result<T> = core::result::Result<T, Problem>;

/// Why DWARF cannot be read.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Gimli(#[from] gimli::Error),
    #[error("tables overlap")]
    Overlap,
}

/// A place in a source file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line {
    /// Index into [`SourceLines::files`].
    pub file: u32,
    /// From 1.
    pub line: u64,
    /// From 1; 0 for the whole line.
    pub column: u64,
    /// A statement begins here.
    pub is_stmt: bool,
}

/// A file as the compiler named it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SourceFile {
    /// Empty if it is not known.
    pub directory: String,
    pub name: String,
}

/// See the module's head.
#[derive(Clone, Debug, Default)]
pub struct SourceLines {
    pub files: Vec<SourceFile>,
    /// Where the compiler ran and its main file, if the module is one compile unit.
    pub unit: Option<SourceFile>,
    /// In order of start.
    sequences: Vec<Sequence>,
    /// Byte of the wasm file where the code section's contents begin.
    code_start: u32,
}

/// The rows of a run of code, addresses counting from `code_start`.
#[derive(Clone, Debug)]
struct Sequence {
    start: u32,
    end: u32,
    /// In order of address; None for code that no line stands for.
    rows: Vec<(u32, Option<Line>)>,
}

impl SourceLines {
    /// Reads the lines, if there are any, or says why it cannot.
    pub fn read(
        sections: &HashMap<&str, &[u8]>,
        code_start: u32,
    ) -> core::result::Result<Option<SourceLines>, String> {
        if !sections.contains_key(".debug_info") || !sections.contains_key(".debug_line") {
            return Ok(None);
        }
        // Nothing that a debugger would like is worth a module.
        catch_unwind(AssertUnwindSafe(|| LineReader::new(sections).read()))
            .map_err(|_| "the reader panicked".to_owned())?
            .map(|lines| Some(SourceLines { code_start, ..lines }))
            .map_err(|problem| problem.to_string())
    }

    /// Where the byte at `offset` of the wasm file comes from.
    pub fn find(&self, offset: u32) -> Option<Line> {
        let address = offset.checked_sub(self.code_start)?;
        let next = self.sequences.partition_point(|sequence| sequence.start <= address);
        let sequence = &self.sequences[next.checked_sub(1)?];
        if address >= sequence.end {
            return None;
        }
        let next = sequence.rows.partition_point(|&(at, _)| at <= address);
        sequence.rows[next.checked_sub(1)?].1
    }
}

/// What reading may still cost, in bytes and entries.
struct Budget(usize);

impl Budget {
    fn spend(&mut self, cost: usize) -> Result<()> {
        self.0 = self.0.checked_sub(cost).ok_or(Problem::Overlap)?;
        Ok(())
    }
}

struct LineReader<'a> {
    dwarf: Dwarf<'a>,
    abbreviations: Bytes<'a>,
    lines: Bytes<'a>,
    budget: Budget,
    files: Vec<SourceFile>,
    by_file: HashMap<SourceFile, u32>,
    sequences: Vec<Sequence>,
}

impl<'a> LineReader<'a> {
    fn new(sections: &HashMap<&str, &'a [u8]>) -> LineReader<'a> {
        let bytes = |name: &str| {
            EndianSlice::new(sections.get(name).copied().unwrap_or_default(), LittleEndian)
        };
        let load = |id: gimli::SectionId| Ok::<_, gimli::Error>(bytes(id.name()));
        let total: usize = sections.values().map(|section| section.len()).sum();
        LineReader {
            dwarf: gimli::Dwarf::load(load).unwrap_or_default(),
            abbreviations: bytes(".debug_abbrev"),
            lines: bytes(".debug_line"),
            budget: Budget(64 + 8 * total),
            files: Vec::new(),
            by_file: HashMap::new(),
            sequences: Vec::new(),
        }
    }

    fn read(mut self) -> Result<SourceLines> {
        let mut headers = Vec::new();
        let mut units = self.dwarf.units();
        while let Some(header) = units.next()? {
            headers.push(header);
        }
        let abbreviations = self.read_abbreviations(&headers)?;
        let mut programs = HashSet::new();
        let mut names = Vec::new();
        for header in headers {
            let abbreviations = &abbreviations[&header.debug_abbrev_offset().0];
            let Some(program) = self.line_program(&header, abbreviations)? else { continue };
            let unit = Unit::new_with_abbreviations(&self.dwarf, header, abbreviations.clone())?;
            if let Some(program) =
                unit.line_program.as_ref().map(gimli::IncompleteLineProgram::header)
            {
                self.budget.spend(program.header_length() + program.raw_program_buf().len())?;
            }
            names.push(self.unit_name(&unit)?);
            if programs.insert(program) {
                self.read_rows(&unit)?;
            }
        }
        self.sequences.sort_by_key(|sequence| sequence.start);
        let unit = if names.len() == 1 { names.pop() } else { None };
        Ok(SourceLines { files: self.files, unit, sequences: self.sequences, code_start: 0 })
    }

    /// The tables of abbreviations by offset, each read once and to where the next begins.
    fn read_abbreviations(
        &self,
        headers: &[UnitHeader<Bytes<'a>>],
    ) -> Result<BTreeMap<usize, Arc<gimli::Abbreviations>>> {
        let all = self.abbreviations.slice();
        let offsets: BTreeSet<usize> = headers.iter().map(|h| h.debug_abbrev_offset().0).collect();
        let ends = offsets.iter().copied().skip(1).chain([all.len()]);
        let mut tables = BTreeMap::new();
        for (&start, end) in offsets.iter().zip(ends) {
            let table = all.get(start..end).ok_or(gimli::Error::OffsetOutOfBounds(start as u64))?;
            let table =
                DebugAbbrev::new(table, LittleEndian).abbreviations(DebugAbbrevOffset(0))?;
            tables.insert(start, Arc::new(table));
        }
        Ok(tables)
    }

    /// The offset of a unit's line program, which can be read safely.
    fn line_program(
        &mut self,
        header: &UnitHeader<Bytes<'a>>,
        abbreviations: &gimli::Abbreviations,
    ) -> Result<Option<usize>> {
        let root = header.entries_raw(abbreviations, None)?.read_abbreviation()?;
        self.budget.spend(root.map_or(0, |root| root.attributes().len()))?;
        let mut entries = header.entries(abbreviations);
        entries.next_dfs()?;
        let program =
            entries.current().and_then(|root| root.attr_value(constants::DW_AT_stmt_list));
        let Some(AttributeValue::DebugLineRef(offset)) = program else { return Ok(None) };
        let mut program = self.lines;
        program.skip(offset.0)?;
        check_entry_formats(program)?;
        Ok(Some(offset.0))
    }

    fn unit_name(&mut self, unit: &Unit<'a>) -> Result<SourceFile> {
        let text = |bytes: Option<Bytes<'a>>| bytes.map_or(String::new(), |b| text(b.slice()));
        let (directory, name) = (text(unit.comp_dir), text(unit.name));
        self.budget.spend(directory.len() + name.len())?;
        Ok(SourceFile { directory, name })
    }

    fn read_rows(&mut self, unit: &Unit<'a>) -> Result<()> {
        let Some(program) = unit.line_program.clone() else { return Ok(()) };
        let mut files = HashMap::new();
        let mut sequence = Vec::new();
        let mut rows = program.rows();
        while let Some((header, row)) = rows.next_row()? {
            self.budget.spend(1)?;
            // What a linker leaves of code that it dropped lies beyond 32 bits, or at 0 or its like.
            let Ok(address) = u32::try_from(row.address()) else { continue };
            if row.end_sequence() {
                self.end_sequence(address, core::mem::take(&mut sequence));
                continue;
            }
            // No file has more lines than that, and writers subtract one from another.
            let is_sensible = |line: &NonZeroU64| u32::try_from(line.get()).is_ok();
            let line = match row.line().filter(is_sensible) {
                None => None,
                Some(line) => Some(Line {
                    file: self.file(unit, header, row.file_index(), &mut files)?,
                    line: line.get(),
                    column: match row.column() {
                        ColumnType::LeftEdge => 0,
                        ColumnType::Column(column) => column.get().min(u32::MAX.into()),
                    },
                    is_stmt: row.is_stmt(),
                }),
            };
            sequence.push((address, line));
        }
        Ok(())
    }

    /// Address 0 is the number of functions, so no code is there.
    fn end_sequence(&mut self, end: u32, mut rows: Vec<(u32, Option<Line>)>) {
        rows.sort_by_key(|&(address, _)| address);
        if let Some(&(start, _)) = rows.first()
            && start > 0
            && start < end
        {
            self.sequences.push(Sequence { start, end, rows });
        }
    }

    /// Our number of a file, given the program's.
    fn file(
        &mut self,
        unit: &Unit<'a>,
        header: &LineProgramHeader<Bytes<'a>>,
        index: u64,
        known: &mut HashMap<u64, u32>,
    ) -> Result<u32> {
        if let Some(&file) = known.get(&index) {
            return Ok(file);
        }
        let path = self.path(unit, header, index)?;
        self.budget.spend(path.len())?;
        let (directory, name) = match path.rsplit_once('/') {
            Some((directory, name)) => (directory.to_owned(), name.to_owned()),
            None => (String::new(), path),
        };
        let file = SourceFile { directory, name };
        let next = self.files.len() as u32;
        let number = *self.by_file.entry(file.clone()).or_insert(next);
        if number == next {
            self.files.push(file);
        }
        known.insert(index, number);
        Ok(number)
    }

    fn path(
        &self,
        unit: &Unit<'a>,
        header: &LineProgramHeader<Bytes<'a>>,
        index: u64,
    ) -> Result<String> {
        let Some(entry) = header.file(index) else { return Ok("?".to_owned()) };
        let read =
            |value| -> Result<String> { Ok(text(self.dwarf.attr_string(unit, value)?.slice())) };
        let name = read(entry.path_name())?;
        // Directory 0 is the unit's.
        let directory = match entry.directory(header) {
            Some(directory) if entry.directory_index() > 0 => read(directory)?,
            _ => String::new(),
        };
        let unit_directory = unit.comp_dir.map_or(String::new(), |b| text(b.slice()));
        Ok(join(unit_directory, &join(directory, &name)))
    }
}

/// Refuses formats by which an entry of a version 5 table might be of no bytes, and so one that is
/// repeated without end.
fn check_entry_formats(mut program: Bytes<'_>) -> Result<()> {
    program.read_u32()?;
    if program.read_u16()? < 5 {
        return Ok(());
    }
    // Sizes of addresses and segments, the header's length, and up to the line range.
    program.skip(2 + 4 + 5)?;
    let opcode_base = program.read_u8()?;
    program.skip(usize::from(opcode_base).saturating_sub(1))?;
    let directories = entry_format(&mut program)?;
    for _ in 0..program.read_uleb128()? {
        for &form in &directories {
            skip_form(&mut program, form)?;
        }
    }
    entry_format(&mut program)?;
    Ok(())
}

fn entry_format(program: &mut Bytes<'_>) -> Result<Vec<constants::DwForm>> {
    let count = program.read_u8()?;
    let mut forms = Vec::new();
    for _ in 0..count {
        program.read_uleb128()?;
        let form = constants::DwForm(program.read_uleb128_u16()?);
        if form_size(form).is_none() {
            return Err(gimli::Error::UnknownForm(form).into());
        }
        forms.push(form);
    }
    if forms.is_empty() {
        return Err(gimli::Error::MissingFileEntryFormatPath.into());
    }
    Ok(forms)
}

/// The forms that the standard admits (DWARF 5, 6.2.4.1): bytes, 0 for what tells its own length.
fn form_size(form: constants::DwForm) -> Option<usize> {
    Some(match form {
        constants::DW_FORM_string | constants::DW_FORM_udata | constants::DW_FORM_block => 0,
        constants::DW_FORM_data1 => 1,
        constants::DW_FORM_data2 => 2,
        constants::DW_FORM_line_strp | constants::DW_FORM_strp | constants::DW_FORM_data4 => 4,
        constants::DW_FORM_data8 => 8,
        constants::DW_FORM_data16 => 16,
        _ => return None,
    })
}

fn skip_form(program: &mut Bytes<'_>, form: constants::DwForm) -> Result<()> {
    match form {
        constants::DW_FORM_string => {
            program.read_null_terminated_slice()?;
        }
        constants::DW_FORM_udata => program.skip_leb128()?,
        constants::DW_FORM_block => {
            let length = program.read_uleb128()?;
            program.skip(usize::try_from(length).unwrap_or(usize::MAX))?;
        }
        form => program.skip(form_size(form).unwrap_or_default())?,
    }
    Ok(())
}

/// A name that an object can carry.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "")
}

/// `path`, which is relative to `directory` unless it is absolute.
fn join(directory: String, path: &str) -> String {
    let is_absolute = path.starts_with(['/', '\\']) || path.get(1..2) == Some(":");
    match directory.is_empty() || is_absolute {
        true => path.to_owned(),
        false => format!("{}/{path}", directory.trim_end_matches('/')),
    }
}
