//! A function's flow graph: instructions that can be reached from its first, in blocks.
//!
//! Every edge is known or the function is not analysed. Branches that a relocation sends elsewhere,
//! or that leave the function's bytes, are tail calls. A call is taken to return, unless nothing
//! that could be executed follows it.

use super::decode::{self, Flow, Inst};
use super::object::{Function, Region, Section};
use super::{Failure, MAX_INSTS};
use object::elf;
use std::collections::{BTreeMap, BTreeSet};
use thumb_asm::isa::{Decoder, Target, insn_len};

#[derive(Debug)]
pub struct Block {
    pub insts: Vec<Inst>,
    pub succs: Vec<usize>,
    /// Leaves the function at its end, perhaps.
    pub exits: bool,
}

/// In the order of offsets; the entry is the function's first byte.
#[derive(Debug)]
pub struct Flowgraph {
    pub blocks: Vec<Block>,
    pub entry: usize,
}

impl Flowgraph {
    pub fn insts(&self) -> impl Iterator<Item = &Inst> {
        self.blocks.iter().flat_map(|block| &block.insts)
    }
}

/// Where control goes behind an instruction.
#[derive(Clone, Default)]
struct Exits {
    next: Option<u32>,
    /// Elsewhere in the function.
    to: Vec<u32>,
    leaves: bool,
}

pub fn find(function: &Function, section: &Section<'_>) -> Result<Flowgraph, Failure> {
    let decoded = decode_all(function, section)?;
    let mut found: BTreeMap<u32, (Inst, Exits)> = BTreeMap::new();
    let mut leaders = BTreeSet::from([function.range.start]);
    let mut work = vec![function.range.start];
    while let Some(at) = work.pop() {
        if found.contains_key(&at) {
            continue;
        }
        let inst = match decoded.get(&at) {
            Some(Ok(inst)) => inst.clone(),
            Some(Err(reason)) => return Err(Failure::new(reason.clone(), at)),
            None if section.region(at) != Region::Thumb => {
                return Err(Failure::new("control runs into data", at));
            }
            None => return Err(Failure::new("branch into an instruction", at)),
        };
        let exits = exits(&inst, function, section)?;
        leaders.extend(&exits.to);
        if exits.next.is_some() && (exits.leaves || !exits.to.is_empty()) {
            leaders.extend(exits.next);
        }
        work.extend(exits.next.into_iter().chain(exits.to.iter().copied()));
        found.insert(at, (inst, exits));
    }
    Ok(into_blocks(found, &leaders, function.range.start))
}

/// Every instruction between the function's ends, in order, so that IT blocks are known.
fn decode_all(
    function: &Function,
    section: &Section<'_>,
) -> Result<BTreeMap<u32, Result<Inst, String>>, Failure> {
    let mut decoded = BTreeMap::new();
    let literal = |at: u32| match section.relocs.contains_key(&at) {
        true => None,
        false => section.word(at),
    };
    for piece in section.code(function.range.clone()) {
        let code = &section.bytes[..piece.end as usize];
        let decoder = |at: u32| Decoder::at(code, at as usize, at).target(Target::V7EM);
        let mut walk = decoder(piece.start);
        while (walk.pos() as u32) < piece.end {
            let at = walk.pos() as u32;
            let (len, inst) = match walk.next() {
                Some(insn) => (insn.len() as u32, decode::decode(&insn, at, literal)),
                None => {
                    let first = section.half(at).unwrap_or(0);
                    (insn_len(first) as u32, Err(format!("undecodable ({first:#06x})")))
                }
            };
            decoded.insert(at, inst);
            if walk.pos() as u32 != at + len {
                walk = decoder(at + len);
            }
            if decoded.len() > MAX_INSTS {
                return Err(Failure::new("too many instructions", at));
            }
        }
    }
    Ok(decoded)
}

fn exits(inst: &Inst, function: &Function, section: &Section<'_>) -> Result<Exits, Failure> {
    let end = inst.end();
    let is_code = |at: u32| function.range.contains(&at) && section.region(at) == Region::Thumb;
    let next = || match is_code(end) {
        true => Ok(Some(end)),
        false => Err(Failure::new("control runs out of the function", end)),
    };
    let mut exits = Exits::default();
    match inst.flow {
        Flow::Next => exits.next = next()?,
        Flow::Jump { to, conditional } => {
            match own_target(inst, to, function, section) {
                Some(to) => exits.to.push(to),
                None => exits.leaves = true,
            }
            exits.next = if conditional { next()? } else { None };
        }
        // Whoever calls something that does not return needs nothing behind.
        Flow::Call { .. } | Flow::CallRegister => exits.next = is_code(end).then_some(end),
        Flow::Return | Flow::TailCall => {
            exits.leaves = true;
            exits.next = if inst.is_conditional() { next()? } else { None };
        }
        Flow::Stop => exits.next = if inst.is_conditional() { next()? } else { None },
        Flow::Table { halfwords } => exits.to = table(end, halfwords, function, section)?,
        Flow::AddressTable => exits.to = address_table(end, function, section)?,
    }
    exits.to.sort_unstable();
    exits.to.dedup();
    Ok(exits)
}

/// Where a branch goes, if that is inside of the function.
fn own_target(
    inst: &Inst,
    encoded: u32,
    function: &Function,
    section: &Section<'_>,
) -> Option<u32> {
    let target = match section.relocs.get(&inst.at) {
        // The field of a relocated branch holds the addend: -4 stands for the symbol itself.
        Some(reloc) => {
            let target = reloc.target?;
            let addend = encoded.wrapping_sub(inst.at);
            (target.section == function.section).then(|| target.offset.wrapping_add(addend))?
        }
        None => encoded,
    };
    function.range.contains(&target).then_some(target)
}

/// The targets of `tbb` or `tbh` with the table at `start`: as many entries as lead behind the
/// table.
fn table(
    start: u32,
    halfwords: bool,
    function: &Function,
    section: &Section<'_>,
) -> Result<Vec<u32>, Failure> {
    let size = if halfwords { 2 } else { 1 };
    let is_marked = section.region(start) == Region::Data;
    let limit = if is_marked { section.region_end(start) } else { function.range.end };
    let mut targets = vec![];
    // Without mapping symbols the table ends where its first target begins.
    let mut end = limit.min(function.range.end);
    let mut at = start;
    while at + size <= end {
        let entry = match halfwords {
            true => section.half(at).map(u32::from),
            false => section.bytes.get(at as usize).copied().map(u32::from),
        };
        let Some(target) = entry.map(|entry| start.wrapping_add(2 * entry)) else { break };
        at += size;
        // A byte that fills up the last halfword.
        if !halfwords && at == end && target == start {
            break;
        }
        if target < at || !function.range.contains(&target) {
            return Err(Failure::new("an entry of a jump table leads nowhere", at - size));
        }
        end = end.min(target);
        targets.push(target);
    }
    match targets.is_empty() {
        true => Err(Failure::new("a jump table without entries", start)),
        false => Ok(targets),
    }
}

/// The targets of a load to pc from a table of addresses right behind it.
fn address_table(
    end: u32,
    function: &Function,
    section: &Section<'_>,
) -> Result<Vec<u32>, Failure> {
    let mut at = end.next_multiple_of(4);
    let mut targets = vec![];
    while let Some(reloc) = section.relocs.get(&at).filter(|r| r.kind == elf::R_ARM_ABS32) {
        let target = reloc.target.filter(|target| target.section == function.section);
        let addend = section.word(at).unwrap_or(0) & !1;
        let target = target.map(|target| target.offset.wrapping_add(addend));
        let Some(target) = target.filter(|target| function.range.contains(target)) else { break };
        targets.push(target);
        at += 4;
    }
    match targets.is_empty() {
        true => Err(Failure::new("a computed branch", end)),
        false => Ok(targets),
    }
}

fn into_blocks(
    found: BTreeMap<u32, (Inst, Exits)>,
    leaders: &BTreeSet<u32>,
    start: u32,
) -> Flowgraph {
    let mut blocks: Vec<Block> = vec![];
    let mut starts = vec![];
    let mut ends: Vec<Exits> = vec![];
    let mut open = false;
    for (at, (inst, exits)) in found {
        let follows = ends.last().and_then(|exits: &Exits| exits.next) == Some(at);
        if !open || leaders.contains(&at) || !follows {
            blocks.push(Block { insts: vec![], succs: vec![], exits: false });
            starts.push(at);
            ends.push(Exits::default());
        }
        if let (Some(block), Some(end)) = (blocks.last_mut(), ends.last_mut()) {
            block.insts.push(inst);
            *end = exits;
        }
        open = true;
    }
    let number = |at: u32| starts.binary_search(&at).ok();
    for (block, exits) in blocks.iter_mut().zip(ends) {
        block.exits = exits.leaves;
        block.succs = exits.next.into_iter().chain(exits.to).filter_map(number).collect();
    }
    Flowgraph { blocks, entry: number(start).unwrap_or(0) }
}
