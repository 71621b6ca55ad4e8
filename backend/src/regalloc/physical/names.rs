//! A name for each definition of a place, and for each join where different ones meet.
//!
//! This is SSA form by places: liveness of registers and slots first, so that only what is read
//! later joins; then one walk in reverse postorder. Names of one place that meet in joins are one
//! *value range*, a web.

use regalloc2::{Allocation, Block, OperandKind, OperandPos, PReg};
use std::collections::HashMap;

use super::graph::Graph;
use super::{MAX_NAMES, Range, StreamInst, is_copy};
use crate::regalloc::cfg::find;

/// Where a name's value comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// What the function begins with.
    Entry,
    /// An instruction; whether it may be computed again.
    Op { remat: bool },
    /// The value of another name.
    Copy(u32),
    /// A join: index into `Names::joins`.
    Join(u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    /// Index into `Names::places`.
    pub place: u32,
    pub source: Source,
    /// The position of the definition in the stream.
    pub at: Option<u32>,
}

/// An instruction's reference to a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ref {
    pub name: u32,
    pub kind: OperandKind,
    pub pos: OperandPos,
    pub fixed: bool,
    /// Is an operand, rather than what follows from a clobber or a condition.
    pub explicit: bool,
}

pub(super) struct Join {
    pub block: Block,
    pub name: u32,
    /// A name for each predecessor.
    pub args: Vec<u32>,
}

pub(super) struct Names {
    pub places: Vec<Allocation>,
    pub names: Vec<Name>,
    pub joins: Vec<Join>,
    /// Names of what the function begins with.
    pub entry: Vec<u32>,
    refs: Vec<Ref>,
    /// Where in `refs` each instruction's end, in the order of the graph.
    ends: Vec<u32>,
}

impl Names {
    pub fn new(graph: &Graph<'_>) -> Result<Names, String> {
        let numbers = number_places(graph);
        let mut places: Vec<Allocation> = numbers.keys().copied().collect();
        places.sort_by_key(|place| numbers[place]);
        let liveness = Liveness::new(graph, &numbers)?;
        let names = Names {
            places,
            names: vec![],
            joins: vec![],
            entry: vec![],
            refs: vec![],
            ends: vec![],
        };
        let current = vec![0; numbers.len()];
        Walk { numbers: &numbers, liveness: &liveness, names, current, out: vec![] }.run(graph)
    }

    /// Each instruction with its references.
    pub fn insts<'a>(
        &'a self,
        graph: &Graph<'a>,
    ) -> impl Iterator<Item = (&'a StreamInst, &'a [Ref])> {
        let starts = core::iter::once(0).chain(self.ends.iter().copied());
        let ranges = starts.zip(&self.ends).map(|(start, &end)| start as usize..end as usize);
        graph.insts().zip(ranges.map(|range| &self.refs[range]))
    }

    /// The value ranges of each place.
    pub fn ranges(&self, graph: &Graph<'_>) -> Vec<Vec<Range>> {
        let mut webs: Vec<u32> = (0..self.names.len() as u32).collect();
        for join in &self.joins {
            for &arg in &join.args {
                let (a, b) = (find(&mut webs, join.name), find(&mut webs, arg));
                webs[a.max(b) as usize] = a.min(b);
            }
        }
        let mut ranges: Vec<Option<Range>> = vec![None; self.names.len()];
        for (inst, refs) in self.insts(graph) {
            // What is clobbered and not read is no value.
            for r in refs.iter().filter(|r| r.explicit || r.kind == OperandKind::Use) {
                let web = find(&mut webs, r.name) as usize;
                let range =
                    ranges[web].get_or_insert(Range { first: Some(inst.at), last: inst.at });
                range.last = range.last.max(inst.at);
            }
        }
        for (i, name) in self.names.iter().enumerate() {
            let web = find(&mut webs, i as u32) as usize;
            if let (Some(range), false) = (&mut ranges[web], matches!(name.source, Source::Join(_)))
            {
                range.first = range.first.min(name.at);
            }
        }
        let mut of_places = vec![vec![]; self.places.len()];
        for (range, name) in ranges.into_iter().zip(&self.names) {
            of_places[name.place as usize].extend(range);
        }
        of_places.iter_mut().for_each(|ranges| ranges.sort_by_key(|r| (r.first, r.last)));
        of_places
    }
}

/// Every place that an instruction names. A register that is only clobbered holds nothing.
fn number_places(graph: &Graph<'_>) -> HashMap<Allocation, u32> {
    let mut numbers = HashMap::new();
    for inst in graph.insts() {
        for operand in &inst.operands {
            let next = numbers.len() as u32;
            numbers.entry(operand.place).or_insert(next);
        }
    }
    numbers
}

/// Which places are read later, where blocks begin and end.
struct Liveness {
    words: usize,
    live_in: Vec<u64>,
    live_out: Vec<u64>,
}

impl Liveness {
    fn new(graph: &Graph<'_>, numbers: &HashMap<Allocation, u32>) -> Result<Liveness, String> {
        let words = numbers.len().div_ceil(64);
        let size = words * graph.blocks.len();
        if size > MAX_NAMES {
            return Err("too many blocks and places".into());
        }
        let mut live = Liveness { words, live_in: vec![0; size], live_out: vec![0; size] };
        let mut killed = vec![0; size];
        for (b, block) in graph.blocks.iter().enumerate() {
            let range = b * words..(b + 1) * words;
            let (used, killed) = (&mut live.live_in[range.clone()], &mut killed[range]);
            for inst in block.insts.iter().rev() {
                each_kill(inst, numbers, |place| {
                    clear(used, place);
                    set(killed, place);
                });
                for operand in inst.operands.iter().filter(|op| op.kind == OperandKind::Use) {
                    set(used, numbers[&operand.place]);
                }
            }
        }
        let mut changed = true;
        while changed {
            changed = false;
            for (b, block) in graph.blocks.iter().enumerate().rev() {
                for word in 0..words {
                    let succs = block.succs.iter();
                    let out =
                        succs.fold(0, |all, succ| all | live.live_in[succ.index() * words + word]);
                    let at = b * words + word;
                    live.live_out[at] = out;
                    let through = live.live_in[at] | out & !killed[at];
                    changed |= through != live.live_in[at];
                    live.live_in[at] = through;
                }
            }
        }
        Ok(live)
    }

    fn members(&self, set: &[u64], block: usize) -> Vec<u32> {
        let words = &set[block * self.words..(block + 1) * self.words];
        (0..self.words as u32 * 64).filter(|&place| has(words, place)).collect()
    }
}

fn set(words: &mut [u64], place: u32) {
    words[place as usize / 64] |= 1 << (place % 64);
}

fn clear(words: &mut [u64], place: u32) {
    words[place as usize / 64] &= !(1 << (place % 64));
}

fn has(words: &[u64], place: u32) -> bool {
    words[place as usize / 64] >> (place % 64) & 1 != 0
}

/// Calls `kill` for each place whose content is gone behind the instruction.
fn each_kill(inst: &StreamInst, numbers: &HashMap<Allocation, u32>, mut kill: impl FnMut(u32)) {
    if inst.conditional {
        return;
    }
    for operand in inst.operands.iter().filter(|op| op.kind == OperandKind::Def) {
        kill(numbers[&operand.place]);
    }
    for preg in inst.clobbers {
        if let Some(&place) = numbers.get(&Allocation::reg(preg)) {
            kill(place);
        }
    }
}

struct Walk<'a> {
    numbers: &'a HashMap<Allocation, u32>,
    liveness: &'a Liveness,
    names: Names,
    /// The name that each place has.
    current: Vec<u32>,
    /// Places that are live where a block ends, with their names, in order.
    out: Vec<Vec<(u32, u32)>>,
}

/// What a place is called that nothing has written: it is dead, or the entry names it.
const NOTHING: u32 = u32::MAX;

impl Walk<'_> {
    fn run(mut self, graph: &Graph<'_>) -> Result<Names, String> {
        let mut total = 0;
        for (b, block) in graph.blocks.iter().enumerate() {
            self.current.fill(NOTHING);
            let live_in = self.liveness.members(&self.liveness.live_in, b);
            match block.preds[..] {
                [] => {
                    for &place in &live_in {
                        let name = self.define(place, Source::Entry, None);
                        self.names.entry.push(name);
                    }
                }
                [pred] => {
                    self.out[pred.index()].iter().for_each(|&(p, n)| self.current[p as usize] = n);
                }
                _ => live_in.iter().for_each(|&place| self.join(place, Block::new(b))),
            }
            block.insts.iter().for_each(|inst| self.inst(inst));
            let live_out = self.liveness.members(&self.liveness.live_out, b);
            total += live_out.len();
            if self.names.names.len().max(total) > MAX_NAMES {
                return Err("too many values".into());
            }
            self.out.push(live_out.iter().map(|&p| (p, self.current[p as usize])).collect());
        }
        for join in &mut self.names.joins {
            let place = self.names.names[join.name as usize].place;
            let preds = graph.blocks[join.block.index()].preds.iter();
            join.args = preds
                .filter_map(|pred| {
                    let out = &self.out[pred.index()];
                    let i = out.binary_search_by_key(&place, |&(place, _)| place).ok()?;
                    Some(out[i].1)
                })
                .collect();
        }
        Ok(self.names)
    }

    fn define(&mut self, place: u32, source: Source, at: Option<u32>) -> u32 {
        let name = self.names.names.len() as u32;
        self.names.names.push(Name { place, source, at });
        self.current[place as usize] = name;
        name
    }

    fn join(&mut self, place: u32, block: Block) {
        let index = self.names.joins.len() as u32;
        let name = self.define(place, Source::Join(index), None);
        self.names.joins.push(Join { block, name, args: vec![] });
    }

    fn inst(&mut self, inst: &StreamInst) {
        for operand in inst.operands.iter().filter(|op| op.kind == OperandKind::Use) {
            let name = self.current[self.numbers[&operand.place] as usize];
            let (pos, fixed) = (operand.pos, operand.fixed);
            self.names.refs.push(Ref { name, kind: OperandKind::Use, pos, fixed, explicit: true });
        }
        let source = match self.names.refs.last() {
            Some(read) if is_copy(inst) => Source::Copy(read.name),
            _ => Source::Op { remat: inst.remat && !inst.conditional },
        };
        for operand in inst.operands.iter().filter(|op| op.kind == OperandKind::Def) {
            let place = self.numbers[&operand.place];
            let old = self.current[place as usize];
            if inst.conditional && old != NOTHING {
                let (kind, pos) = (OperandKind::Use, OperandPos::Early);
                self.names.refs.push(Ref { name: old, kind, pos, fixed: false, explicit: false });
            }
            let name = self.define(place, source, Some(inst.at));
            let (pos, fixed) = (operand.pos, operand.fixed);
            self.names.refs.push(Ref { name, kind: OperandKind::Def, pos, fixed, explicit: true });
        }
        self.clobber(inst);
        self.names.ends.push(self.names.refs.len() as u32);
    }

    /// What is clobbered and read later is a result.
    fn clobber(&mut self, inst: &StreamInst) {
        let is_def = |preg: PReg| {
            let mut defs = inst.operands.iter().filter(|op| op.kind == OperandKind::Def);
            defs.any(|op| op.place == Allocation::reg(preg))
        };
        for preg in inst.clobbers.into_iter().filter(|&preg| !is_def(preg)) {
            if let Some(&place) = self.numbers.get(&Allocation::reg(preg)) {
                let name = self.define(place, Source::Op { remat: false }, Some(inst.at));
                let (kind, pos) = (OperandKind::Def, OperandPos::Late);
                self.names.refs.push(Ref { name, kind, pos, fixed: true, explicit: false });
            }
        }
    }
}
