//! `.debug_windlass`: which byte of the wasm file code comes from, also where lines are those of C.
//!
//! A record for each function of the wasm file, in little-endian words and one after the other, as
//! linkers concatenate them:
//!
//! ```text
//! version (1), address, bytes of code, function index, start of the body in the file, n,
//! n times {offset in the code, offset in the file or 0xffffffff: windlass's own code}
//! ```
//!
//! The pairs are in order; each holds up to the next. What names a section `.debug_*` and finds no use for it
//! leaves it alone, and `strip` takes it along.

use super::{Input, Item, Relocation, Section, Target};

pub const SECTION: &str = ".debug_windlass";

const VERSION: u32 = 1;
const HEADER_WORDS: usize = 6;
const ADDRESS: u32 = 4;
const NOWHERE: u32 = u32::MAX;

/// A function's record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub address: u32,
    pub code_bytes: u32,
    /// In the wasm file's index space of functions.
    pub index: u32,
    /// Where the body begins in the file.
    pub body: u32,
    pub offsets: Vec<(u32, Option<u32>)>,
}

impl Record {
    /// The byte of the file that the code at an address comes from; of windlass's own code the
    /// start of the body. None if the code is another function's.
    pub fn find(&self, address: u32) -> Option<u32> {
        let offset = address.checked_sub(self.address).filter(|&o| o < self.code_bytes)?;
        let next = self.offsets.partition_point(|&(start, _)| start <= offset);
        let found = next.checked_sub(1).and_then(|at| self.offsets[at].1);
        Some(found.unwrap_or(self.body))
    }
}

pub fn write(input: &Input<'_>) -> Section {
    let mut section = Section { name: SECTION, bytes: Vec::new(), relocations: Vec::new() };
    for item in input.items() {
        let Some(index) = item.wasm_index() else { continue };
        let pairs = pairs(&item);
        let offset = section.bytes.len() as u32 + ADDRESS;
        let target = Target::Function(item.index);
        section.relocations.push(Relocation { offset, target, addend: 0 });
        let (bytes, body) = (item.code_bytes(), item.function.wasm_offset);
        let header = [VERSION, 0, bytes, index, body, pairs.len() as u32];
        let words = header.into_iter().chain(pairs.into_iter().flatten());
        section.bytes.extend(words.flat_map(u32::to_le_bytes));
    }
    section
}

fn pairs(item: &Item<'_>) -> Vec<[u32; 2]> {
    let mut pairs = Vec::new();
    let mut end = 0;
    for range in &item.compiled.source_ranges {
        if range.start > end {
            pairs.push([end, NOWHERE]);
        }
        pairs.push([range.start, range.loc]);
        end = range.end;
    }
    if end < item.code_bytes() {
        pairs.push([end, NOWHERE]);
    }
    pairs
}

/// The records of a section whose addresses are final; those that make sense, if it is malformed.
pub fn read(section: &[u8]) -> Vec<Record> {
    let words = section.as_chunks::<4>().0;
    let words: Vec<u32> = words.iter().map(|&word| u32::from_le_bytes(word)).collect();
    let mut rest = &words[..];
    let mut records = Vec::new();
    while let Some((header, after)) = rest.split_first_chunk::<HEADER_WORDS>() {
        let &[version, address, code_bytes, index, body, count] = header;
        let Some((pairs, after)) = after.split_at_checked(count as usize * 2) else { break };
        if version != VERSION {
            break;
        }
        let offset = |&[start, loc]: &[u32; 2]| (start, (loc != NOWHERE).then_some(loc));
        let offsets = pairs.as_chunks::<2>().0.iter().map(offset).collect();
        records.push(Record { address, code_bytes, index, body, offsets });
        rest = after;
    }
    records
}
