//! From a function's instructions to the stream that is analysed.
//!
//! Loads and stores of spill slots are copies, and so are moves. A read of a frame pointer where its
//! offset is known is no use of a value. What a call or a return reads is not in the code; see
//! [`passed`].

use super::decode::{Access, Effect, Flow, Inst, PC, RegNum, SP};
use super::flow::Flowgraph;
use super::frame::{Content, Frame, State, Word, is_push_or_pop};
use regalloc2::{Allocation, PReg, PRegSet, RegClass, SpillSlot};
use thumb_asm::Cond;
use windlass_backend::regalloc::physical::{
    Stream, StreamBlock, StreamInst, StreamKind, StreamOperand,
};

/// Core registers are of class Int, s registers of class Float.
pub fn preg(reg: RegNum) -> PReg {
    match reg {
        0..=15 => PReg::new(reg.into(), RegClass::Int),
        _ => PReg::new(usize::from(reg) - 16, RegClass::Float),
    }
}

/// Registers that a call may change: r0-r3, ip, lr and s0-s15.
fn clobbers() -> PRegSet {
    (0..4).chain([12, 14]).chain(16..32).map(preg).collect()
}

/// The stream, and the offset of each slot in it.
pub fn build(graph: &Flowgraph, frame: &Frame) -> (Stream, Vec<i32>) {
    let words = frame.words.iter().filter(|(_, word)| **word == Word::Spill);
    let builder =
        Builder { slots: words.map(|(&offset, _)| offset).collect(), passed: passed(graph) };
    // The entry comes first, the others keep their order.
    let count = graph.blocks.len();
    let order: Vec<usize> =
        [graph.entry].into_iter().chain((0..count).filter(|&b| b != graph.entry)).collect();
    let mut number = vec![0; count];
    order.iter().enumerate().for_each(|(i, &b)| number[b] = i as u32);
    let mut stream = Stream::default();
    for b in order {
        let block = &graph.blocks[b];
        let mut insts = vec![];
        for (i, inst) in block.insts.iter().enumerate() {
            let first = insts.len();
            builder.inst(inst, &frame.states[b][i], builder.passed[b][i], &mut insts);
            let conditional = inst.is_conditional() && !is_completed(&block.insts[i..]);
            insts[first..].iter_mut().for_each(|inst| inst.conditional = conditional);
        }
        let succs = block.succs.iter().map(|&succ| number[succ]).collect();
        stream.blocks.push(StreamBlock { insts, succs });
    }
    (stream, builder.slots)
}

struct Builder {
    slots: Vec<i32>,
    passed: Vec<Vec<u8>>,
}

impl Builder {
    fn slot(&self, offset: i32) -> Option<Allocation> {
        let slot = self.slots.binary_search(&offset).ok()?;
        Some(Allocation::stack(SpillSlot::new(slot)))
    }

    fn inst(&self, inst: &Inst, state: &State, passed: u8, out: &mut Vec<StreamInst>) {
        if let Some(access) = &inst.access
            && let Some(places) = Frame::places(state, access)
            && places.iter().any(|&place| self.slot(place).is_some())
        {
            self.slot_access(inst, access, &places, out);
            return;
        }
        if let Effect::Add { to, from, value: 0 } = inst.effect
            && inst.mnemonic == "mov"
            && to != SP
            && !matches!(state[from as usize], Content::Frame(_))
        {
            out.push(StreamInst::copy(inst.at, place(from), place(to)));
            return;
        }
        out.push(self.operation(inst, state, passed));
    }

    /// One copy for each word; registers of other words are written or read by an operation.
    fn slot_access(&self, inst: &Inst, access: &Access, places: &[i32], out: &mut Vec<StreamInst>) {
        for (i, (&offset, &reg)) in places.iter().zip(&access.regs).enumerate() {
            let mut step = match (self.slot(offset), access.is_load) {
                (Some(slot), true) => StreamInst::copy(inst.at, slot, place(reg)),
                (Some(slot), false) => StreamInst::copy(inst.at, place(reg), slot),
                (None, true) => operation(inst.at, &[], &[reg]),
                // Saved registers hold no value of the function.
                (None, false) => continue,
            };
            // A d register is counted once, and pushes and pops apart.
            step.saves = is_push_or_pop(access) || i % access.unit != 0;
            out.push(step);
        }
    }

    fn operation(&self, inst: &Inst, state: &State, passed: u8) -> StreamInst {
        let is_address = |reg: RegNum| matches!(state[reg as usize], Content::Frame(_));
        let whole = matches!(inst.effect, Effect::High { to, .. }
            if matches!(state[to as usize], Content::Constant(_)));
        let mut operation = match &inst.access {
            // What is saved is no value of the function, nor is what comes back.
            Some(access) if is_push_or_pop(access) => StreamInst {
                at: inst.at,
                clobbers: inst.writes.iter().map(|&reg| preg(reg)).collect(),
                ..StreamInst::default()
            },
            // The base comes first among what is read.
            Some(access) if Frame::places(state, access).is_some() => {
                operation(inst.at, &inst.reads[1..], &inst.writes)
            }
            None if whole => operation(inst.at, &[], &inst.writes),
            None if matches!(inst.effect, Effect::Add { from, .. } if is_address(from)) => {
                operation(inst.at, &[], &inst.writes)
            }
            _ => operation(inst.at, &inst.reads, &inst.writes),
        };
        let is_constant = match inst.effect {
            Effect::Constant { .. } => true,
            Effect::Add { from, .. } => is_address(from),
            Effect::High { .. } => whole,
            _ => false,
        };
        operation.remat = is_constant && operation.operands.len() == 1;
        let fixed = (0..passed).map(|reg| StreamOperand::reads(place(reg)).fixed());
        match inst.flow {
            Flow::Call { .. } | Flow::CallRegister => {
                operation.kind = StreamKind::Call;
                operation.clobbers = clobbers();
                operation.operands.extend(fixed);
            }
            _ => operation.operands.extend(fixed),
        }
        operation
    }
}

/// Whether what a predicated instruction may not write is written under the opposite condition in the
/// same IT block, with nothing in between to see the difference.
fn is_completed(insts: &[Inst]) -> bool {
    let Some((inst, rest)) = insts.split_first() else { return false };
    let opposite = inst.condition.map(Cond::invert);
    let block = rest.iter().take_while(|next| next.is_conditional()).take(3);
    let mut others = block.filter(|next| next.condition == opposite);
    let [written] = inst.writes[..] else { return false };
    let toucher =
        others.find(|next| next.reads.contains(&written) || next.writes.contains(&written));
    toucher.is_some_and(|next| !next.reads.contains(&written))
}

fn place(reg: RegNum) -> Allocation {
    Allocation::reg(preg(reg))
}

fn operation(at: u32, reads: &[RegNum], writes: &[RegNum]) -> StreamInst {
    let is_value = |reg: &&RegNum| **reg != SP && **reg != PC;
    let reads = reads.iter().filter(is_value).map(|&reg| StreamOperand::reads(place(reg)));
    let writes = writes.iter().filter(is_value).map(|&reg| StreamOperand::writes(place(reg)));
    StreamInst { at, operands: reads.chain(writes).collect(), ..StreamInst::default() }
}

/// What is known of r0-r3 as arguments and results, a bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct Pending {
    /// Written and not read since: by nobody but the call or return to come.
    unread: u8,
    /// Holds something.
    defined: u8,
}

/// How many of r0-r3 each call and each way out of the function reads: up to the last that was
/// written and that nothing else reads. A register that holds nothing since the last call ends the
/// list.
fn passed(graph: &Flowgraph) -> Vec<Vec<u8>> {
    let mut at_entry: Vec<Option<Pending>> = vec![None; graph.blocks.len()];
    let mut passed: Vec<Vec<u8>> =
        graph.blocks.iter().map(|block| vec![0; block.insts.len()]).collect();
    // Parameters are there, but nothing says how many.
    at_entry[graph.entry] = Some(Pending { unread: 0, defined: 0xf });
    let mut work = std::collections::BTreeSet::from([graph.entry]);
    while let Some(b) = work.pop_first() {
        let Some(mut pending) = at_entry[b] else { continue };
        for (i, inst) in graph.blocks[b].insts.iter().enumerate() {
            let leaves = graph.blocks[b].exits && i + 1 == graph.blocks[b].insts.len();
            passed[b][i] = step(inst, leaves, &mut pending);
        }
        for &succ in &graph.blocks[b].succs {
            let merged = at_entry[succ].map_or(pending, |old| Pending {
                unread: old.unread | pending.unread,
                defined: old.defined & pending.defined,
            });
            if at_entry[succ] != Some(merged) {
                at_entry[succ] = Some(merged);
                work.insert(succ);
            }
        }
    }
    passed
}

/// How many registers the instruction passes on.
fn step(inst: &Inst, leaves: bool, pending: &mut Pending) -> u8 {
    let bit = |reg: RegNum| if reg < 4 { 1u8 << reg } else { 0 };
    inst.reads.iter().for_each(|&reg| pending.unread &= !bit(reg));
    let is_call = matches!(inst.flow, Flow::Call { .. } | Flow::CallRegister);
    let unread = pending.unread & pending.defined;
    let count = if is_call || leaves { 8 - unread.leading_zeros() as u8 } else { 0 };
    let count = count.min(pending.defined.trailing_ones() as u8);
    for &reg in &inst.writes {
        pending.unread |= bit(reg);
        pending.defined |= bit(reg);
    }
    if is_call {
        // A result is in r0, or in r0 and r1.
        *pending = Pending { unread: 0, defined: 3 };
    }
    count
}
