//! Emission: finalized instructions into the buffer.
//!
//! Input: blocks in final order, of instructions that each have an encoding, are a branch, or are
//! no code at all. Output: bytes, relaxable branches, literals, relocations, trap sites and source
//! locations in the buffer and, if asked for, a line of assembly for each instruction.
//!
//! A branch to the next block is left out, a conditional one turned around where that saves the
//! second branch. Conditional traps go to one `udf` for each code, behind the last block; with debug
//! information to one for each code, source location and state of the frame, so that its address
//! tells a debugger all three. Or they go to a call of the host in its place (`TrapMode::Call`), and so
//! do the others then.

use super::args::{AMode, CmpOp, Cond, MovOp, Operand2, StoreOp};
use super::encode::encode;
use super::fixup::Fixup;
use super::imms::is_mod_imm;
use super::unwind::Unwind;
use super::{CallInfo, Callee, Imm16, Inst, print};
use crate::finalize::NOWHERE;
use crate::object::reloc;
use crate::regs::{INSTANCE, IP, r};
use regalloc2::{PReg, PRegSet};
use smallvec::{SmallVec, smallvec};
use std::collections::HashMap;
use windlass_backend::Trap;
use windlass_backend::compiled::{FrameState, RelocTarget};
use windlass_backend::emit::buffer::{MachBuffer, MachLabel};
use windlass_backend::instance::offset;
use windlass_backend::isa::{Code, MachInst};
use windlass_backend::options::TrapMode;
use windlass_backend::reg::{Reg, Writable};
use windlass_backend::trap::HANDLER;

/// Emits all blocks, then the traps that they branch to. A listing takes lines, each with a mark
/// in the buffer: labels as `.L3:`, everything else is an instruction. With `unwind` there is debug
/// information.
///
/// # Panics
/// On an instruction that finalizing should have replaced.
pub fn emit_function(
    code: &Code<Inst>,
    buffer: &mut MachBuffer<Fixup>,
    listing: Option<&mut Vec<String>>,
    mode: TrapMode,
    unwind: Option<Unwind>,
) {
    buffer.reserve_block_labels(code.num_blocks());
    let traps = Traps::default();
    let mut emitter = Emitter { buffer, listing, next: None, mode, traps, loc: NOWHERE, unwind };
    for block in 0..code.num_blocks() {
        let label = MachLabel::from_index(block);
        emitter.next = (block + 1 < code.num_blocks()).then(|| MachLabel::from_index(block + 1));
        emitter.buffer.bind(label);
        emitter.line(|| format!("{}:", print::label(label)));
        emitter.start_block(block);
        for index in code.block_range(block) {
            emitter.loc = code.locs[index];
            emitter.buffer.set_source(emitter.loc);
            emitter.emit(&code.insts[index]);
            emitter.unwind(&code.insts[index]);
        }
    }
    emitter.buffer.set_source(NOWHERE);
    emitter.emit_traps();
}

/// The `udf`s behind the code that conditional traps branch to.
#[derive(Default)]
struct Traps {
    index: HashMap<TrapPlace, usize>,
    /// Label, listing's name and place of each.
    list: Vec<(MachLabel, String, TrapPlace)>,
}

/// What a `udf` tells. Without debug information that is the code alone.
#[derive(Clone, PartialEq, Eq, Hash)]
struct TrapPlace {
    trap: Trap,
    loc: u32,
    frame: Option<FrameState>,
}

struct Emitter<'a> {
    buffer: &'a mut MachBuffer<Fixup>,
    listing: Option<&'a mut Vec<String>>,
    /// The block that follows.
    next: Option<MachLabel>,
    mode: TrapMode,
    traps: Traps,
    /// Source location of what is being emitted.
    loc: u32,
    /// With debug information.
    unwind: Option<Unwind>,
}

impl Emitter<'_> {
    /// A line of the listing for what comes next.
    fn line(&mut self, text: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.listing {
            self.buffer.mark();
            lines.push(text());
        }
    }

    fn start_block(&mut self, block: usize) {
        if let Some(unwind) = &mut self.unwind {
            unwind.start_block(block);
            self.buffer.set_frame(unwind.state(), 0);
        }
    }

    /// Tells what the frame is after an instruction that has just been emitted.
    fn unwind(&mut self, inst: &Inst) {
        if let Some(unwind) = &mut self.unwind {
            unwind.step(inst);
            self.buffer.set_frame(unwind.state(), u32::from(inst.is_call()));
        }
    }

    fn emit(&mut self, inst: &Inst) {
        match *inst {
            Inst::Args { .. } | Inst::Ret { .. } => {}
            Inst::Jump { target } => self.jump(target),
            Inst::CondBr { cond, taken, not_taken } => {
                let branch = |taken| Fixup::CondBr(if taken { cond } else { cond.invert() });
                self.two_way(branch, taken, not_taken);
            }
            Inst::CmpBranchZero { nonzero, rn, taken, not_taken } => {
                let rn = physical(rn);
                let branch = |taken| Fixup::CmpBranchZero { nonzero: nonzero == taken, rn };
                self.two_way(branch, taken, not_taken);
            }
            Inst::JumpTable { index, default, ref targets } => {
                self.jump_table(index, default, targets);
            }
            Inst::TrapIf { cond, trap } => {
                self.trap_branch(Fixup::CondBr(cond), trap);
            }
            Inst::TrapIfZero { nonzero, rn, trap } => {
                self.trap_branch(Fixup::CmpBranchZero { nonzero, rn: physical(rn) }, trap);
            }
            Inst::Udf { trap } if self.mode == TrapMode::Call => {
                self.trap_branch(Fixup::Jump, trap);
            }
            Inst::LoadLiteral { rt, value } => {
                self.line(|| print::print(inst, false));
                let label = self.buffer.literal(value);
                let load = Fixup::LoadLiteral { rt: physical(rt.to_reg()), value };
                self.buffer.put_relaxable(load, smallvec![label]);
            }
            _ => self.fixed(inst),
        }
    }

    /// An instruction of known length.
    fn fixed(&mut self, inst: &Inst) {
        let Some(encoding) = encode(inst, false) else {
            unreachable!("`{inst}` has no encoding");
        };
        self.line(|| print::print(inst, false));
        let core = match inst {
            Inst::Predicated { inst, .. } => inst,
            inst => inst,
        };
        if let Some((kind, target)) = relocation(core) {
            self.buffer.add_reloc(kind, target.clone());
        }
        if let Inst::Udf { trap } = *core {
            self.buffer.add_trap(trap);
        }
        encoding.halves().for_each(|half| self.buffer.put2(half));
    }

    fn branch(&mut self, fixup: Fixup, target: MachLabel) {
        self.line(|| format!("{} {}", print::branch(&fixup), print::label(target)));
        self.buffer.put_relaxable(fixup, smallvec![target]);
    }

    fn trap_branch(&mut self, fixup: Fixup, trap: Trap) {
        let nth = self.trap(trap);
        if let Some(lines) = &mut self.listing {
            self.buffer.mark();
            lines.push(format!("{} {}", print::branch(&fixup), self.traps.list[nth].1));
        }
        self.buffer.put_relaxable(fixup, smallvec![self.traps.list[nth].0]);
    }

    fn jump(&mut self, target: MachLabel) {
        if self.next != Some(target) {
            self.branch(Fixup::Jump, target);
        }
    }

    /// `branch(true)` goes to `taken` and `branch(false)`, its inverse, to `not_taken`.
    fn two_way(&mut self, branch: impl Fn(bool) -> Fixup, taken: MachLabel, not_taken: MachLabel) {
        if taken == not_taken {
            self.jump(taken);
        } else if self.next == Some(taken) {
            self.branch(branch(false), not_taken);
        } else {
            self.branch(branch(true), taken);
            self.jump(not_taken);
        }
    }

    fn jump_table(&mut self, index: Reg, default: MachLabel, targets: &[MachLabel]) {
        self.compare_index(index, targets.len() as u32);
        self.branch(Fixup::CondBr(Cond::Hs), default);

        let mut distinct: SmallVec<[MachLabel; 2]> = SmallVec::new();
        let mut positions = HashMap::new();
        let entries = targets
            .iter()
            .map(|&target| {
                *positions.entry(target).or_insert_with(|| {
                    distinct.push(target);
                    distinct.len() as u32 - 1
                })
            })
            .collect();
        self.line(|| print::table(index, targets));
        let table = Fixup::JumpTable { index: physical(index), entries };
        self.buffer.put_relaxable(table, distinct);
    }

    /// `cmp index, #bound`, through ip if the bound is no immediate.
    fn compare_index(&mut self, index: Reg, bound: u32) {
        let mut op2 = Operand2::Imm(bound);
        if !is_mod_imm(bound) {
            let (ip, rd) = (Reg::from(IP), Writable::from_reg(IP.into()));
            self.fixed(&Inst::MovW { rd, imm: Imm16::Value(bound as u16) });
            if bound >> 16 != 0 {
                let imm = Imm16::Value((bound >> 16) as u16);
                self.fixed(&Inst::MovT { rd, ra: ip, imm });
            }
            op2 = Operand2::Reg(ip);
        }
        self.fixed(&Inst::Cmp { op: CmpOp::Cmp, rn: index, op2 });
    }

    /// Which of the traps is branched to from here.
    fn trap(&mut self, trap: Trap) -> usize {
        let place = match &self.unwind {
            Some(unwind) => TrapPlace { trap, loc: self.loc, frame: Some(unwind.state().clone()) },
            None => TrapPlace { trap, loc: NOWHERE, frame: None },
        };
        let Traps { index, list } = &mut self.traps;
        *index.entry(place).or_insert_with_key(|place| {
            let code = print::trap_label(trap.code().into());
            let name = if place.frame.is_some() { format!("{code}_{}", list.len()) } else { code };
            list.push((self.buffer.new_label(), name, place.clone()));
            list.len() - 1
        })
    }

    /// In order of codes.
    fn emit_traps(&mut self) {
        let mut traps = core::mem::take(&mut self.traps.list);
        traps.sort_by_key(|(.., place)| place.trap);
        for (label, name, TrapPlace { trap, loc, frame }) in traps {
            self.buffer.bind(label);
            self.line(|| format!("{name}:"));
            self.buffer.set_source(loc);
            if let Some(state) = &frame {
                self.buffer.set_frame(state, 0);
            }
            if trap == Trap::Interrupted {
                self.clear_interrupt();
            }
            match self.mode {
                TrapMode::Udf => self.fixed(&Inst::Udf { trap }),
                TrapMode::Call => self.call_host(trap),
            }
        }
    }

    /// The request is met: the next one is another's.
    fn clear_interrupt(&mut self) {
        let (rd, op2) = (Writable::from_reg(IP.into()), Operand2::Imm(0));
        self.fixed(&Inst::Mov { op: MovOp::Mov, s: false, rd, op2 });
        let addr = AMode::Offset { base: INSTANCE.into(), offset: offset::INTERRUPT };
        self.fixed(&Inst::Store { op: StoreOp::Str, rt: IP.into(), addr });
    }

    /// `movs r0, #code; bl windlass_trap`. The trap's place is that of the call, which the host sees.
    fn call_host(&mut self, trap: Trap) {
        let (rd, code) = (Writable::from_reg(r(0).into()), trap.code().into());
        self.fixed(&Inst::Mov { op: MovOp::Mov, s: true, rd, op2: Operand2::Imm(code) });
        self.buffer.add_trap(trap);
        let callee = Callee::Direct(RelocTarget::Name(HANDLER.to_owned()));
        let (uses, defs, clobbers) = (Vec::new(), Vec::new(), PRegSet::empty());
        let info = CallInfo { callee, uses, defs, clobbers, callee_pops: 0 };
        self.fixed(&Inst::Call { info: Box::new(info) });
    }
}

fn physical(reg: Reg) -> PReg {
    reg.as_preg().expect("allocation leaves physical registers")
}

fn relocation(inst: &Inst) -> Option<(u32, &RelocTarget)> {
    match inst {
        Inst::MovW { imm: Imm16::Symbol(target), .. } => {
            Some((reloc::R_ARM_THM_MOVW_ABS_NC, target))
        }
        Inst::MovT { imm: Imm16::Symbol(target), .. } => Some((reloc::R_ARM_THM_MOVT_ABS, target)),
        Inst::Call { info } => match &info.callee {
            Callee::Direct(target) => Some((reloc::R_ARM_THM_CALL, target)),
            Callee::Indirect(_) => None,
        },
        Inst::TailCall { info } => match &info.callee {
            Callee::Direct(target) => Some((reloc::R_ARM_THM_JUMP24, target)),
            Callee::Indirect(_) => None,
        },
        _ => None,
    }
}
