//! What a debugger must know to leave a frame, read off the instructions that make and unmake it.
//!
//! Input: a function's final instructions in order. Output: before each the [`FrameState`]: how far
//! sp is below what it will be after the return, and where the caller's registers lie. Numbers of
//! registers are those of *DWARF for the Arm Architecture* (AADWARF32, "DWARF register names").
//!
//! Invariant: sp changes through pushes, pops, `AdjustSp` and callees that pop arguments alone, and
//! a block other than the first begins with the whole frame in place.

use super::Inst;
use super::args::RegList;
use crate::regs::{LR, MEM0_BASE};
use regalloc2::PReg;
use windlass_backend::compiled::FrameState;

/// DWARF's numbers of r0, which those of r1 to r15 follow, and of d0.
const FIRST_CORE: u16 = 0;
const FIRST_D: u16 = 256;
/// The first d register that a callee restores.
const FIRST_SAVED_D: u8 = 8;

/// DWARF's number of a core register.
pub fn core_number(reg: PReg) -> u16 {
    FIRST_CORE + reg.hw_enc() as u16
}

/// Follows the frame through a function.
pub struct Unwind {
    state: FrameState,
    /// What the prologue came to.
    body: Option<FrameState>,
}

impl Unwind {
    /// At the entry of a function that pops so many bytes of arguments.
    pub fn new(popped_bytes: u32) -> Unwind {
        let state = FrameState { cfa_offset: popped_bytes as i32, saved: Vec::new() };
        Unwind { state, body: None }
    }

    /// Before the next instruction.
    pub fn state(&self) -> &FrameState {
        &self.state
    }

    pub fn start_block(&mut self, block: usize) {
        if block > 0 {
            // Only what the first block leads to is there.
            self.state = self.body.get_or_insert_with(|| self.state.clone()).clone();
        }
    }

    pub fn step(&mut self, inst: &Inst) {
        match inst {
            Inst::AdjustSp { bytes } => self.state.cfa_offset -= bytes,
            Inst::Push { regs } => self.push(core_slots(*regs)),
            Inst::Pop { regs } => self.pop(core_slots(*regs)),
            Inst::VPush { regs } => self.push(float_slots(regs.first, regs.count)),
            Inst::VPop { regs } => self.pop(float_slots(regs.first, regs.count)),
            Inst::Call { info } => self.state.cfa_offset -= info.callee_pops as i32,
            _ => {}
        }
    }

    /// Of registers that were saved before, the slot of that time counts.
    fn push(&mut self, slots: Vec<Slot>) {
        self.state.cfa_offset += bytes(&slots);
        let mut at = -self.state.cfa_offset;
        for Slot { reg, bytes, restored } in slots {
            if restored && !self.state.saved.iter().any(|&(saved, _)| saved == reg) {
                self.state.saved.push((reg, at));
            }
            at += bytes;
        }
    }

    /// A register has the caller's value again if that is where it comes from.
    fn pop(&mut self, slots: Vec<Slot>) {
        let mut at = -self.state.cfa_offset;
        self.state.cfa_offset -= bytes(&slots);
        for Slot { reg, bytes, .. } in slots {
            self.state.saved.retain(|&saved| saved != (reg, at));
            at += bytes;
        }
    }
}

/// A register's place in what a push writes, the lowest first.
struct Slot {
    reg: u16,
    bytes: i32,
    /// The caller wants it back.
    restored: bool,
}

fn bytes(slots: &[Slot]) -> i32 {
    slots.iter().map(|slot| slot.bytes).sum()
}

fn core_slots(regs: RegList) -> Vec<Slot> {
    let restored = |reg: PReg| (4..=MEM0_BASE.hw_enc()).contains(&reg.hw_enc()) || reg == LR;
    let slots = regs.iter();
    slots.map(|reg| Slot { reg: core_number(reg), bytes: 4, restored: restored(reg) }).collect()
}

fn float_slots(first: u8, count: u8) -> Vec<Slot> {
    let slots = first..first + count;
    let slot = |n: u8| Slot { reg: FIRST_D + u16::from(n), bytes: 8, restored: n >= FIRST_SAVED_D };
    slots.map(slot).collect()
}
