//! The frame: where sp and its copies point at each instruction, and what each word of stack is.
//!
//! Offsets are bytes from sp at the function's entry: arguments that come in are at 0 and above, the
//! frame is below. sp must have one offset at each instruction. Registers that hold an address in the
//! frame (a frame pointer, the address of a local) are followed through moves and additions of
//! constants; an address that is used in any other way *escapes*, and the local from there upwards is
//! an object, up to the next address that escapes, the saved registers or the entry's sp.
//!
//! A word is, in this order:
//! - an *incoming argument* at 0 or above;
//! - part of an *object* if its address escaped, or if something narrower than a word touches it;
//! - a *saved register* if only pushes and pops touch it, or if it is stored from a register that
//!   still holds what a caller must find in it again;
//! - an *outgoing argument* if it is stored, never loaded, and a call can follow;
//! - a *result* of a callee if it is loaded and never stored, and a call can precede;
//! - a *spill slot* otherwise.

use super::Failure;
use super::decode::{Access, Effect, Flow, Inst, LR, NUM_REGS, RegNum, SP};
use super::flow::Flowgraph;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of a register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    Unknown,
    /// What the caller had in it.
    Entry,
    /// The entry's sp plus this.
    Frame(i32),
    Constant(Option<u32>),
}

pub type State = [Content; NUM_REGS];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Word {
    Spill,
    Incoming,
    Outgoing,
    Result,
    Object,
    Saved,
}

#[derive(Debug)]
pub struct Frame {
    /// What each register holds before each instruction, by block and index.
    pub states: Vec<Vec<State>>,
    /// What each accessed word is.
    pub words: BTreeMap<i32, Word>,
    /// The deepest offset of sp.
    pub bytes: u32,
}

impl Frame {
    /// Offsets from the entry's sp of the places of an access, if its base is in the frame and it has
    /// no index.
    pub fn places(state: &State, access: &Access) -> Option<Vec<i32>> {
        let Content::Frame(base) = state[access.base as usize] else { return None };
        let first = base.wrapping_add(access.offset);
        let size = access.size as i32;
        let offsets = (0..access.regs.len() as i32).map(|i| first.wrapping_add(i * size));
        access.index.is_none().then(|| offsets.collect())
    }

    /// What the word at an offset is.
    pub fn word(&self, offset: i32) -> Word {
        self.words.get(&(offset & !3)).copied().unwrap_or(Word::Object)
    }
}

/// Whether an access is a push or a pop.
pub fn is_push_or_pop(access: &Access) -> bool {
    access.base == SP && access.writeback.is_some()
}

pub fn find(graph: &Flowgraph) -> Result<Frame, Failure> {
    let live = live_registers(graph);
    let mut escaped = BTreeSet::new();
    let states = solve(graph, &live, &mut escaped)?;
    let mut deepest = 0;
    for (inst, state) in with_states(graph, &states) {
        let mut after = *state;
        step(inst, &mut after, follows_call(graph, inst))?;
        for state in [state, &after] {
            if let Content::Frame(offset) = state[SP as usize] {
                deepest = deepest.min(offset);
            }
        }
    }
    check_exits(graph, &states)?;
    for (inst, state) in with_states(graph, &states) {
        escaped.extend(escapes(inst, state));
    }
    let words = classify(graph, &states, &escaped);
    Ok(Frame { states, words, bytes: deepest.unsigned_abs() })
}

fn with_states<'a>(
    graph: &'a Flowgraph,
    states: &'a [Vec<State>],
) -> impl Iterator<Item = (&'a Inst, &'a State)> {
    let blocks = graph.blocks.iter().zip(states);
    blocks.flat_map(|(block, states)| block.insts.iter().zip(states))
}

/// Registers that are read before they are written, at each block's beginning.
fn live_registers(graph: &Flowgraph) -> Vec<u64> {
    let mut live = vec![0u64; graph.blocks.len()];
    let mut changed = true;
    while changed {
        changed = false;
        for (b, block) in graph.blocks.iter().enumerate().rev() {
            let mut now = block.succs.iter().fold(0, |all, &succ| all | live[succ]);
            for inst in block.insts.iter().rev() {
                if !inst.is_conditional() {
                    inst.writes.iter().for_each(|&reg| now &= !(1 << reg));
                }
                inst.reads.iter().for_each(|&reg| now |= 1 << reg);
                if matches!(inst.flow, Flow::Call { .. } | Flow::CallRegister) {
                    now |= 0xf;
                }
            }
            changed |= live[b] != now;
            live[b] = now;
        }
    }
    live
}

fn solve(
    graph: &Flowgraph,
    live: &[u64],
    escaped: &mut BTreeSet<i32>,
) -> Result<Vec<Vec<State>>, Failure> {
    let mut entry = [Content::Unknown; NUM_REGS];
    (4..12).chain([LR as usize]).for_each(|reg| entry[reg] = Content::Entry);
    (32..NUM_REGS).for_each(|reg| entry[reg] = Content::Entry);
    entry[SP as usize] = Content::Frame(0);
    let mut at_entry: Vec<Option<State>> = vec![None; graph.blocks.len()];
    let mut states = vec![vec![]; graph.blocks.len()];
    let mut work = BTreeSet::new();
    if let Some(first) = at_entry.get_mut(graph.entry) {
        *first = Some(entry);
        work.insert(graph.entry);
    }
    while let Some(b) = work.pop_first() {
        let Some(mut state) = at_entry[b] else { continue };
        states[b].clear();
        for inst in &graph.blocks[b].insts {
            states[b].push(state);
            step(inst, &mut state, follows_call(graph, inst))?;
        }
        for &succ in &graph.blocks[b].succs {
            let merged = match at_entry[succ] {
                None => state,
                Some(old) => merge(&old, &state, live[succ], escaped, || {
                    let at = graph.blocks[succ].insts.first().map_or(0, |inst| inst.at);
                    Failure::new("sp differs between the paths that meet", at)
                })?,
            };
            if at_entry[succ] != Some(merged) {
                at_entry[succ] = Some(merged);
                work.insert(succ);
            }
        }
    }
    Ok(states)
}

fn merge(
    old: &State,
    new: &State,
    live: u64,
    escaped: &mut BTreeSet<i32>,
    error: impl FnOnce() -> Failure,
) -> Result<State, Failure> {
    if old[SP as usize] != new[SP as usize] {
        return Err(error());
    }
    let mut merged = *old;
    for reg in 0..NUM_REGS {
        if old[reg] == new[reg] {
            continue;
        }
        merged[reg] = Content::Unknown;
        // Which of two addresses it is is not known: both may be accessed from here.
        for content in [old[reg], new[reg]] {
            if let Content::Frame(offset) = content
                && live >> reg & 1 != 0
            {
                escaped.insert(offset);
            }
        }
    }
    Ok(merged)
}

/// Whether the instruction stands right behind a call.
fn follows_call(graph: &Flowgraph, inst: &Inst) -> bool {
    let block = graph
        .blocks
        .partition_point(|block| block.insts.last().is_some_and(|last| last.at < inst.at));
    let insts = graph.blocks.get(block).map_or(&[][..], |block| &block.insts);
    let index = insts.partition_point(|other| other.at < inst.at);
    let before = index.checked_sub(1).and_then(|index| insts.get(index));
    before.is_some_and(|before| matches!(before.flow, Flow::Call { .. } | Flow::CallRegister))
}

/// What registers hold behind the instruction.
fn step(inst: &Inst, state: &mut State, follows_call: bool) -> Result<(), Failure> {
    let add = |content: Content, value: i32| match content {
        Content::Frame(offset) => Content::Frame(offset.wrapping_add(value)),
        Content::Constant(Some(n)) => Content::Constant(Some(n.wrapping_add_signed(value))),
        _ if value == 0 => content,
        _ => Content::Unknown,
    };
    let before = *state;
    let known = match inst.effect {
        // A callee that pops its arguments left sp where this puts it back from.
        Effect::Add { to: SP, from: SP, value } if value < 0 && follows_call => {
            Some((SP, before[SP as usize]))
        }
        Effect::Add { to, from, value } => Some((to, add(before[from as usize], value))),
        Effect::AddRegister { to, from, other, minus } => {
            let (from, other) = (before[from as usize], before[other as usize]);
            let sum = match (from, other, minus) {
                (from, Content::Constant(Some(n)), true) => add(from, (n as i32).wrapping_neg()),
                (from, Content::Constant(Some(n)), false) => add(from, n as i32),
                (Content::Constant(Some(n)), other, false) => add(other, n as i32),
                _ => Content::Unknown,
            };
            Some((to, sum))
        }
        Effect::Constant { to, value } => Some((to, Content::Constant(value))),
        Effect::High { to, value } => {
            let low = before[to as usize];
            let whole = match low {
                Content::Constant(low) => {
                    Content::Constant(low.map(|low| low & 0xffff | value << 16))
                }
                _ => Content::Unknown,
            };
            Some((to, whole))
        }
        Effect::Unknown => None,
    };
    for &reg in &inst.writes {
        state[reg as usize] = Content::Unknown;
    }
    if let Some((to, content)) = known {
        state[to as usize] = content;
    }
    if let Some(access) = &inst.access
        && let Some(delta) = access.writeback
        && inst.writes.contains(&access.base)
    {
        state[access.base as usize] = add(before[access.base as usize], delta);
    }
    if matches!(inst.flow, Flow::Call { .. } | Flow::CallRegister) {
        let clobbered = (0..4).chain([12, LR as usize]).chain(16..32);
        clobbered.for_each(|reg| state[reg] = Content::Unknown);
    }
    if inst.is_conditional() {
        for reg in 0..NUM_REGS {
            if state[reg] != before[reg] {
                state[reg] = Content::Unknown;
            }
        }
        let pops = inst.flow == Flow::Return;
        state[SP as usize] = if pops { before[SP as usize] } else { state[SP as usize] };
    }
    match state[SP as usize] {
        Content::Frame(_) => Ok(()),
        _ => Err(Failure::new("sp changes by an amount that is not known", inst.at)),
    }
}

/// Whoever leaves must have taken its frame down.
fn check_exits(graph: &Flowgraph, states: &[Vec<State>]) -> Result<(), Failure> {
    for (block, states) in graph.blocks.iter().zip(states).filter(|(block, _)| block.exits) {
        let (Some(inst), Some(&state)) = (block.insts.last(), states.last()) else { continue };
        let mut after = state;
        let taken = Inst { condition: None, ..inst.clone() };
        step(&taken, &mut after, false)?;
        match after[SP as usize] {
            Content::Frame(0..) => {}
            _ => return Err(Failure::new("leaves with its frame still there", inst.at)),
        }
    }
    Ok(())
}

/// Addresses in the frame that the instruction uses for more than an access at a known place.
fn escapes(inst: &Inst, state: &State) -> Vec<i32> {
    let address = |reg: RegNum| match state[reg as usize] {
        Content::Frame(offset) if reg != SP => Some(offset),
        _ => None,
    };
    let any = |regs: &[RegNum]| regs.iter().filter_map(|&reg| address(reg)).collect::<Vec<_>>();
    if matches!(inst.flow, Flow::Call { .. } | Flow::CallRegister | Flow::TailCall) {
        return any(&[0, 1, 2, 3]);
    }
    if let Some(access) = &inst.access {
        let mut found = if access.is_load { vec![] } else { any(&access.regs) };
        let indexed = access.index.is_some() || access.is_special;
        if let (Content::Frame(offset), true) = (state[access.base as usize], indexed) {
            found.push(offset);
        }
        found.extend(access.index.and_then(address));
        return found;
    }
    match inst.effect {
        Effect::Add { .. } | Effect::Constant { .. } => vec![],
        // The sum with an unknown number is an address in the local, or in an array of locals.
        Effect::AddRegister { from, other, .. } => {
            let known = |reg: RegNum| matches!(state[reg as usize], Content::Constant(Some(_)));
            if known(from) || known(other) {
                return vec![];
            }
            let sp = [from, other].into_iter().filter(|&reg| reg == SP);
            let here = sp.filter_map(|_| match state[SP as usize] {
                Content::Frame(offset) => Some(offset),
                _ => None,
            });
            here.chain(any(&[from, other])).collect()
        }
        _ if matches!(inst.mnemonic, "cmp" | "cmn") => vec![],
        _ => any(&inst.reads),
    }
}

/// How a word is used.
#[derive(Default)]
struct Use {
    loads: u32,
    stores: u32,
    pushes: u32,
    narrow: bool,
    /// Stored from a register that holds what the caller had in it.
    saves: bool,
    /// Stored where a call can follow; loaded where one can precede.
    before_call: bool,
    after_call: bool,
}

fn classify(
    graph: &Flowgraph,
    states: &[Vec<State>],
    escaped: &BTreeSet<i32>,
) -> BTreeMap<i32, Word> {
    let (reach, reached) = calls_around(graph);
    let mut uses: BTreeMap<i32, Use> = BTreeMap::new();
    for (b, block) in graph.blocks.iter().enumerate() {
        for (i, inst) in block.insts.iter().enumerate() {
            let Some(access) = &inst.access else { continue };
            let state = &states[b][i];
            let Some(places) = Frame::places(state, access) else { continue };
            let is_call = |inst: &Inst| matches!(inst.flow, Flow::Call { .. } | Flow::CallRegister);
            let before = reached[b] || block.insts[..i].iter().any(is_call);
            let after = reach[b] || block.insts[i..].iter().any(is_call);
            for (&offset, &reg) in places.iter().zip(&access.regs) {
                let word = uses.entry(offset & !3).or_default();
                word.narrow |= offset & 3 != 0 || access.size < 4 || access.is_special;
                word.saves |= !access.is_load && state[reg as usize] == Content::Entry;
                if is_push_or_pop(access) {
                    word.pushes += u32::from(!access.is_load);
                } else if access.is_load {
                    word.loads += 1;
                    word.after_call |= before;
                } else {
                    word.stores += 1;
                    word.before_call |= after;
                }
            }
        }
    }
    let saved = uses.iter().filter(|(_, word)| word.saves && word.pushes > 0).map(|(&at, _)| at);
    let limits: BTreeSet<i32> = escaped.iter().copied().chain(saved).chain([0]).collect();
    let is_object = |at: i32| {
        let start = escaped.range(..=at + 3).next_back();
        start.is_some_and(|&start| limits.range(start + 1..).next().is_none_or(|&end| at < end))
    };
    let kinds = uses.iter().map(|(&at, word)| {
        let kind = match word {
            _ if at >= 0 => Word::Incoming,
            Use { saves: true, .. } => Word::Saved,
            Use { narrow: true, .. } => Word::Object,
            _ if is_object(at) => Word::Object,
            Use { loads: 0, stores: 0, .. } => Word::Saved,
            Use { loads: 0, pushes: 0, before_call: true, .. } => Word::Outgoing,
            Use { stores: 0, pushes: 0, after_call: true, .. } => Word::Result,
            Use { stores: 0, pushes: 0, .. } => Word::Object,
            _ => Word::Spill,
        };
        (at, kind)
    });
    kinds.collect()
}

/// Blocks behind which a call can be reached, and blocks that a call reaches; what a tail call
/// takes on the stack is above the entry's sp.
fn calls_around(graph: &Flowgraph) -> (Vec<bool>, Vec<bool>) {
    let count = graph.blocks.len();
    let calls: Vec<bool> = graph
        .blocks
        .iter()
        .map(|block| {
            let is_call = |i: &Inst| matches!(i.flow, Flow::Call { .. } | Flow::CallRegister);
            block.insts.iter().any(is_call)
        })
        .collect();
    let (mut reach, mut reached) = (vec![false; count], vec![false; count]);
    let mut changed = true;
    while changed {
        changed = false;
        for b in 0..count {
            for &succ in &graph.blocks[b].succs {
                let (ahead, behind) = (calls[succ] || reach[succ], calls[b] || reached[b]);
                changed |= ahead && !reach[b] || behind && !reached[succ];
                reach[b] |= ahead;
                reached[succ] |= behind;
            }
        }
    }
    (reach, reached)
}
