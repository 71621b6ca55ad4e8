//! The frame: which registers a function saves, where its areas lie, and the code that sets the
//! frame up and takes it down.
//!
//! ```text
//!            stack arguments                       incoming_bytes
//!   entry sp ------------------------------------- sp + total
//!            stack arguments of tail calls         tail_room
//!            lr            if it is saved
//!            r4-r11        those that are saved
//!            d8-d15        those that are saved, whole
//!            recovery record (entries only; see `recovery`)
//!            padding
//!            stack slots of the CLIF               sp + stack_slots, 8-aligned
//!            spill slots                           sp + spills
//!            arguments of calls                    sp + 0
//!         sp -------------------------------------
//! ```
//!
//! The spill area lies low so that most of its slots are within reach of the 16-bit loads and
//! stores. sp stays where the prologue put it, but for the moment after a call whose callee pops
//! its arguments.
//!
//! Invariant: where calls are made or stack slots exist, sp is a multiple of 8 (AAPCS 6.2.1.2); a
//! leaf may leave it at a multiple of 4, for an exception aligns it itself (ARMv7-M B1.5.7).

use super::{recovery, stack_check};
use crate::inst::Inst;
use crate::inst::args::{AMode, DRegRange, RegList};
use crate::inst::imms::fits_add_offset;
use crate::regs::{INSTANCE, IP, LR, PC, d, r, s};
use regalloc2::PReg;
use smallvec::SmallVec;
use windlass_backend::isa::FrameRequest;
use windlass_backend::{Error, Result};

/// Frames end here, so that sums of offsets stay far from overflow.
pub const MAX_FRAME_BYTES: u64 = 1 << 28;

/// A short run of instructions.
pub type Insts = SmallVec<[Inst; 8]>;

/// A function's frame; offsets are bytes from sp after the prologue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameLayout {
    /// Pushed by the prologue and restored by every return.
    pub saved: RegList,
    /// The same of floating-point registers, lowest first; neighbours are in one run.
    pub saved_floats: SmallVec<[DRegRange; 4]>,
    /// An entry's frame, with a recovery record; the instance is this argument register.
    pub entry: Option<usize>,
    /// Bytes between the saved registers (or the record) and sp.
    pub locals: u32,
    pub spills: u32,
    pub stack_slots: u32,
    /// Where stack arguments are: the size of the whole frame.
    pub total: u32,
    /// Bytes above the saved registers: what the largest stack arguments of a tail call take beyond
    /// those of this function.
    pub tail_room: u32,
    /// Stack arguments of this function.
    pub incoming_bytes: u32,
    /// Those of them that a return pops.
    pub popped_args: u32,
    /// The prologue compares sp with the stack limit and this many bytes.
    pub check: Option<u32>,
    /// The locals are only this many pushed words, whose registers do not matter.
    pad_words: u32,
}

impl FrameLayout {
    /// `force_lr` saves lr though the function makes no call; `size` prefers few bytes.
    pub fn new(request: &FrameRequest, force_lr: bool, size: bool) -> Result<FrameLayout> {
        let incoming_bytes = request.incoming_bytes;
        let popped_args = request.popped_bytes();
        let tail_room = request.tail_bytes.saturating_sub(incoming_bytes);
        let mut saved = callee_saved(request);
        // `pop {.., pc}` is shorter than `pop {..}; bx lr`, at the cost of a cycle.
        let lr_pays = size && !saved.is_empty() && popped_args + tail_room == 0;
        if request.makes_calls || request.entry.is_some() || force_lr || lr_pays {
            saved = saved.with(LR);
        }
        let record = if request.entry.is_some() { recovery::BYTES } else { 0 };
        let saved_floats = callee_saved_floats(request);
        let float_bytes: u32 = saved_floats.iter().map(|run| 8 * u32::from(run.count)).sum();
        let pushed = u64::from(4 * saved.len() + float_bytes + record);

        let spills = u64::from(request.outgoing_bytes).next_multiple_of(4);
        let spills_end = spills + 4 * request.spill_slots as u64;
        let has_slots = request.stack_slot_bytes > 0;
        let stack_slots = if has_slots { spills_end.next_multiple_of(8) } else { spills_end };
        let used = (stack_slots + u64::from(request.stack_slot_bytes)).next_multiple_of(4);
        let align = if request.makes_calls || has_slots { 8 } else { 4 };
        let below_room = (used + pushed).next_multiple_of(align);
        let total = below_room + u64::from(tail_room);
        if total + u64::from(incoming_bytes) > MAX_FRAME_BYTES {
            return Err(Error::unsupported(format!("a stack frame of {total} bytes")));
        }
        let mut layout = FrameLayout {
            saved,
            saved_floats,
            entry: request.entry,
            locals: (below_room - pushed) as u32,
            spills: spills as u32,
            stack_slots: stack_slots as u32,
            total: total as u32,
            tail_room,
            incoming_bytes,
            popped_args,
            check: None,
            pad_words: 0,
        };
        layout.check = stack_check::counted_bytes(request, &layout);
        layout.pad_words = layout.words_to_push(size);
        Ok(layout)
    }

    /// Words of locals that the prologue had better push than subtract: pushing any register makes
    /// room for a word in no byte and one cycle, and the subtraction takes two bytes and a cycle.
    fn words_to_push(&self, size: bool) -> u32 {
        let words = self.locals / 4;
        let lowest_saved = self.saved.0.trailing_zeros();
        let most = if size { 4 } else { 1 };
        let lies_below = self.entry.is_none() && self.saved_floats.is_empty();
        let fits = lies_below && !self.saved.is_empty() && words <= most.min(lowest_saved);
        if fits { words } else { 0 }
    }

    /// The offset from sp of an address in the frame.
    pub fn sp_offset(&self, addr: AMode) -> Option<i32> {
        match addr {
            AMode::IncomingArg { offset } => Some((self.total as i32).wrapping_add(offset)),
            AMode::StackSlot { offset } => Some((self.stack_slots as i32).wrapping_add(offset)),
            AMode::OutgoingArg { offset } => Some(offset),
            AMode::Spill { slot } => {
                Some((self.spills as i32).wrapping_add(slot.wrapping_mul(4) as i32))
            }
            AMode::Offset { .. } | AMode::Index { .. } => None,
        }
    }

    pub fn gen_prologue(&self) -> Insts {
        let mut code = Insts::new();
        if let (Some(bytes), None) = (self.check, self.entry) {
            stack_check::gen_check(bytes, &mut code);
        }
        let pads = (0..self.pad_words as usize).map(r);
        let pushed = RegList::from_regs(self.saved.iter().chain(pads));
        if pushed.is_empty() && self.saved_floats.is_empty() {
            gen_adjust_sp(-((self.tail_room + self.locals) as i32), &mut code);
            return code;
        }
        gen_adjust_sp(-(self.tail_room as i32), &mut code);
        if !pushed.is_empty() {
            code.push(Inst::Push { regs: pushed });
        }
        code.extend(self.saved_floats.iter().rev().map(|&regs| Inst::VPush { regs }));
        if let Some(instance) = self.entry {
            recovery::gen_link(r(instance), &mut code);
            if let Some(bytes) = self.check {
                stack_check::gen_entry_check(r(instance), bytes, &mut code);
            }
        }
        if self.pad_words == 0 {
            gen_adjust_sp(-(self.locals as i32), &mut code);
        }
        code
    }

    /// Takes the frame down and returns; registers in `results` keep their values, as r0-r3 do
    /// unless they take up padding.
    pub fn gen_epilogue(&self, results: RegList) -> Insts {
        let mut code = Insts::new();
        let above = self.tail_room + self.popped_args;
        let to_pc = above == 0 && self.saved.contains(LR);
        self.gen_leave(results, above as i32, to_pc, &mut code);
        if !to_pc {
            code.push(Inst::BxLr);
        }
        code
    }

    /// Takes the frame down for a callee with `stack_bytes` of stack arguments; sp ends up at the
    /// first of them. `arguments`, ip and lr keep their values.
    pub fn gen_tail_epilogue(&self, arguments: RegList, stack_bytes: u32) -> Insts {
        let mut code = Insts::new();
        let above = (self.tail_room + self.incoming_bytes) as i32 - stack_bytes as i32;
        self.gen_leave(arguments, above, false, &mut code);
        code
    }

    /// Restores the saved registers, lr to pc if `to_pc`, and leaves sp `above` bytes above them.
    fn gen_leave(&self, kept: RegList, above: i32, to_pc: bool, code: &mut Insts) {
        if self.saved.is_empty() && self.saved_floats.is_empty() {
            return gen_adjust_sp(self.locals as i32 + above, code);
        }
        let mut popped = self.saved;
        if to_pc {
            popped = RegList(popped.0 & !RegList::default().with(LR).0).with(PC);
        }
        let free = (0..4).map(r).filter(|&reg| !kept.contains(reg));
        let pads = RegList::from_regs(free.take(self.pad_words as usize));
        if pads.len() == self.pad_words && self.pad_words > 0 {
            popped = RegList(popped.0 | pads.0);
        } else {
            gen_adjust_sp(self.locals as i32, code);
        }
        if self.entry.is_some() {
            recovery::gen_unlink(code);
        }
        code.extend(self.saved_floats.iter().map(|&regs| Inst::VPop { regs }));
        if !popped.is_empty() {
            code.push(Inst::Pop { regs: popped });
        }
        gen_adjust_sp(above, code);
    }
}

/// The registers that the convention wants back and that the function changes; lr apart.
fn callee_saved(request: &FrameRequest) -> RegList {
    let end = if request.internal { INSTANCE } else { IP };
    let changed = |reg: &PReg| request.entry.is_some() || request.written.contains(*reg);
    RegList::from_regs((4..end.hw_enc()).map(r).filter(changed))
}

/// The runs of d registers to restore: those of which the function changes a part.
fn callee_saved_floats(request: &FrameRequest) -> SmallVec<[DRegRange; 4]> {
    let changed = |&n: &u8| {
        let n = usize::from(n);
        [d(n), s(2 * n), s(2 * n + 1)].into_iter().any(|part| request.written.contains(part))
    };
    let mut runs: SmallVec<[DRegRange; 4]> = SmallVec::new();
    for n in (8..16).filter(changed) {
        match runs.last_mut() {
            Some(run) if run.first + run.count == n => run.count += 1,
            _ => runs.push(DRegRange { first: n, count: 1 }),
        }
    }
    runs
}

/// `sp += bytes`, a multiple of 4, in as many steps as immediates take: two up to a megabyte.
pub fn gen_adjust_sp(mut bytes: i32, code: &mut Insts) {
    while bytes != 0 {
        let step = if fits_add_offset(bytes) { bytes } else { leading_bits(bytes) };
        code.push(Inst::AdjustSp { bytes: step });
        bytes -= step;
    }
}

/// The eight highest bits of a number's magnitude, which are an immediate.
fn leading_bits(bytes: i32) -> i32 {
    let magnitude = bytes.unsigned_abs();
    (magnitude & 0xff00_0000 >> magnitude.leading_zeros()) as i32 * bytes.signum()
}

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;
    use regalloc2::PRegSet;
    use windlass_backend::isa::Code;

    /// Runs prologue, a body that spoils every register it may, and epilogue.
    fn run_around(layout: &FrameLayout, results: RegList) -> Machine {
        let mut machine = Machine::new();
        let before = machine.clone();
        let mut insts: Vec<Inst> = layout.gen_prologue().into_vec();
        let spoiled = layout.saved.iter().chain([IP]);
        insts.extend(spoiled.map(|preg| mov(preg.hw_enc(), 3)));
        let floats = layout.saved_floats.iter().flat_map(|run| run.first..run.first + run.count);
        insts.extend(floats.map(|n| float_mov(d(n.into()), d(0))));
        insts.extend((0..4).map(|n| mov(n, n)));
        insts.extend(layout.gen_epilogue(results));
        let returned_to = machine.run(&code(&[&insts]));
        assert_eq!(returned_to, RETURN_ADDRESS);
        assert_eq!(machine.regs[13], ENTRY_SP + layout.popped_args);
        assert_eq!(machine.regs[4..12], before.regs[4..12]);
        assert_eq!(machine.floats[16..], before.floats[16..]);
        for reg in results.iter() {
            assert_eq!(machine.regs[reg.hw_enc()], before.regs[reg.hw_enc()]);
        }
        machine
    }

    fn sizes() -> impl Iterator<Item = u32> {
        (0..12).map(|n| 4 * n).chain([504, 508, 512, 1020, 4 << 10, 5000, 100 << 10, 1 << 20])
    }

    fn register_sets() -> [PRegSet; 11] {
        [
            written([]),
            written([4]),
            written([4, 5, 6, 7]),
            written([8]),
            written([5, 8]),
            written([4, 9, 11]),
            written(0..15),
            [s(16), s(31)].into_iter().collect(),
            [r(4), s(0), s(21), s(22)].into_iter().collect(),
            (8..16).map(d).collect(),
            (0..15).map(r).chain([d(7), d(8), d(10), d(11), d(15)]).collect(),
        ]
    }

    fn requests() -> Vec<FrameRequest> {
        let mut all = Vec::new();
        for bytes in sizes() {
            for written in register_sets() {
                for flags in 0..16 {
                    let (calls, pops) = (flags & 1 != 0, flags & 2 != 0);
                    let (internal, entry) = (flags & 4 != 0, flags & 8 != 0);
                    all.push(FrameRequest {
                        incoming_bytes: 20,
                        pops_incoming: pops && !entry,
                        spill_slots: bytes / 4,
                        written,
                        makes_calls: calls,
                        internal: internal && !entry,
                        entry: entry.then_some(0),
                        ..request()
                    });
                }
            }
        }
        all
    }

    #[test]
    fn every_frame_restores_registers_and_sp() {
        for request in requests() {
            for (size, results) in [(false, 0b1), (true, 0b11), (true, 0b1111), (true, 0)] {
                let layout = FrameLayout::new(&request, false, size).unwrap();
                run_around(&layout, RegList(results));
            }
        }
    }

    #[test]
    fn runs_of_saved_floats_are_as_long_as_they_can_be() {
        let runs = |regs: &[PReg]| {
            let written = regs.iter().copied().collect();
            let layout = FrameLayout::new(&FrameRequest { written, ..request() }, false, false);
            let runs = layout.unwrap().saved_floats;
            runs.iter().map(|run| (run.first, run.count)).collect::<Vec<_>>()
        };
        assert_eq!(runs(&[s(15), d(7)]), []);
        assert_eq!(runs(&[s(16), s(19), s(30), s(31)]), [(8, 2), (15, 1)]);
        assert_eq!(runs(&[d(8), d(9), d(10), d(12), d(14)]), [(8, 3), (12, 1), (14, 1)]);
    }

    #[test]
    fn calls_see_an_aligned_stack() {
        for request in requests().into_iter().filter(|request| request.makes_calls) {
            let layout = FrameLayout::new(&request, false, true).unwrap();
            assert_eq!(layout.total % 8, 0, "{layout:?}");
        }
    }

    #[test]
    fn areas_follow_each_other() {
        let request = FrameRequest {
            incoming_bytes: 8,
            stack_slot_bytes: 12,
            spill_slots: 3,
            outgoing_bytes: 8,
            written: written([4, 5]),
            makes_calls: true,
            ..request()
        };
        let layout = FrameLayout::new(&request, false, false).unwrap();
        // 8 outgoing, 12 spills, 4 padding, 12 stack slots, 12 for r4, r5 and lr: 48.
        let at = |addr| layout.sp_offset(addr).unwrap();
        assert_eq!(at(AMode::OutgoingArg { offset: 4 }), 4);
        assert_eq!(at(AMode::Spill { slot: 2 }), 16);
        assert_eq!(at(AMode::StackSlot { offset: 8 }), 32);
        assert_eq!(at(AMode::IncomingArg { offset: 4 }), 52);
    }

    #[test]
    fn a_leaf_without_frame_is_a_return() {
        let layout = FrameLayout::new(&request(), false, false).unwrap();
        assert!(layout.gen_prologue().is_empty());
        assert!(matches!(layout.gen_epilogue(RegList(1))[..], [Inst::BxLr]));
    }

    #[test]
    fn a_padding_word_is_pushed_and_popped() {
        let request = FrameRequest { makes_calls: true, ..request() };
        let layout = FrameLayout::new(&request, false, false).unwrap();
        let prologue = layout.gen_prologue();
        assert!(matches!(prologue[..], [Inst::Push { regs }] if regs.len() == 2));
        let epilogue = layout.gen_epilogue(RegList(1));
        assert!(matches!(epilogue[..], [Inst::Pop { regs }] if regs.0 == 1 << 15 | 1 << 1));
        // No register is free for it when r0-r3 are results.
        assert!(matches!(
            layout.gen_epilogue(RegList(15))[..],
            [Inst::AdjustSp { bytes: 4 }, Inst::Pop { .. }]
        ));
    }

    #[test]
    fn popped_arguments_go_after_lr_is_back() {
        let request =
            FrameRequest { incoming_bytes: 8, pops_incoming: true, makes_calls: true, ..request() };
        let layout = FrameLayout::new(&request, false, false).unwrap();
        let epilogue = layout.gen_epilogue(RegList(1));
        assert!(matches!(
            epilogue[..],
            [Inst::Pop { regs }, Inst::AdjustSp { bytes: 8 }, Inst::BxLr] if regs.contains(LR)
        ));
    }

    #[test]
    fn a_frame_beyond_any_stack_is_an_error() {
        let request = FrameRequest { stack_slot_bytes: u32::MAX, ..request() };
        assert!(FrameLayout::new(&request, false, false).is_err());
    }

    #[test]
    fn large_adjustments_need_no_scratch() {
        for bytes in [4096, 4100, 100 << 10, 0xf_fffc, 0xfff_fffc, -4096, -5000, -(100 << 10)] {
            let mut insts = Insts::new();
            gen_adjust_sp(bytes, &mut insts);
            assert!(insts.len() <= if bytes.abs() < 1 << 20 { 2 } else { 3 });
            insts.push(Inst::BxLr);
            let mut machine = Machine::new();
            let before = machine.clone();
            let body: Code<Inst> = code(&[&insts]);
            machine.run(&body);
            assert_eq!(machine.regs[13], before.regs[13].wrapping_add(bytes as u32));
            assert_eq!(machine.regs[..13], before.regs[..13]);
        }
    }
}
