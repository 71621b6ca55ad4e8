//! Instructions whose length depends on how far their target is.
//!
//! Input: positions from the buffer. Output: reach, size and bytes of each form; forms are in
//! order of growing size. Offsets of branches count from the instruction's address plus 4, those
//! of literals from that rounded down to a word.
//!
//! Invariant: the last form of each reaches 16 MiB both ways, further than which the buffer refuses.

use super::args::{Cond, ShiftOp};
use super::encode16::*;
use super::encode32::*;
use crate::regs::IP;
use core::ops::Range;
use regalloc2::PReg;
use windlass_backend::emit::buffer::Relaxable;

#[derive(Clone, Debug)]
pub enum Fixup {
    /// `b target`.
    Jump,
    /// `b<cond> target`.
    CondBr(Cond),
    /// `cbz/cbnz rn, target`; beyond their reach the flags change.
    CmpBranchZero { nonzero: bool, rn: PReg },
    /// `ldr rt, =value`, with the literal's label as target.
    LoadLiteral { rt: PReg, value: u32 },
    /// `tbb/tbh [pc, index]` and its table, where entry n goes to target `entries[n]`.
    JumpTable { index: PReg, entries: Box<[u32]> },
}

/// What a form consists of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// B T2.
    B16,
    /// B T4.
    B32,
    /// B T1.
    Bcc16,
    /// B T3.
    Bcc32,
    /// The inverse condition over a B T4.
    BccOverB,
    /// CBZ T1.
    Cbz,
    /// CMP with 0 and then one of the conditional branches.
    CmpBcc16,
    CmpBcc32,
    CmpBccOverB,
    /// LDR (literal) T1 and T2.
    Ldr16,
    Ldr32,
    /// Reaches anything, since the value itself stands in the code.
    MovwMovt,
    /// Byte or halfword offsets to the targets.
    Tbb,
    Tbh,
    /// Offsets to one B T4 for each target, behind the table.
    TableOfBranches,
    /// One B T4 for each entry, whose address is computed in ip.
    ComputedBranch,
}

const CMP_BRANCH: [Form; 4] = [Form::Cbz, Form::CmpBcc16, Form::CmpBcc32, Form::CmpBccOverB];
const TABLE: [Form; 4] = [Form::Tbb, Form::Tbh, Form::TableOfBranches, Form::ComputedBranch];
const LITERAL: [Form; 3] = [Form::Ldr16, Form::Ldr32, Form::MovwMovt];

fn is_low(reg: PReg) -> bool {
    reg.hw_enc() < 8
}

fn num(reg: PReg) -> u32 {
    reg.hw_enc() as u32
}

/// What a branch at `at` to `target` encodes.
fn offset(at: u32, target: u32) -> i32 {
    target.wrapping_sub(at + 4) as i32
}

/// What a literal load at `at` encodes; literals stand behind all code.
fn literal_offset(at: u32, target: u32) -> u32 {
    target.wrapping_sub((at + 4) & !3)
}

fn fits_bits(offset: i32, bits: u32) -> bool {
    let limit = 1 << (bits - 1);
    -limit <= offset && offset < limit
}

impl Fixup {
    fn all_forms(&self) -> &'static [Form] {
        match self {
            Fixup::Jump => &[Form::B16, Form::B32],
            Fixup::CondBr(_) => &[Form::Bcc16, Form::Bcc32, Form::BccOverB],
            // No 16-bit form takes a high register.
            Fixup::CmpBranchZero { rn, .. } => &CMP_BRANCH[usize::from(!is_low(*rn))..],
            Fixup::LoadLiteral { rt, .. } => &LITERAL[usize::from(!is_low(*rt))..],
            Fixup::JumpTable { .. } => &TABLE,
        }
    }

    fn form(&self, form: u8) -> Form {
        self.all_forms()[form as usize]
    }

    fn entries(&self) -> usize {
        match self {
            Fixup::JumpTable { entries, .. } => entries.len(),
            _ => 0,
        }
    }

    /// Bytes of the comparison with zero before a conditional branch.
    fn cmp_size(&self) -> u32 {
        match self {
            Fixup::CmpBranchZero { rn, .. } if is_low(*rn) => 2,
            Fixup::CmpBranchZero { .. } => 4,
            _ => 0,
        }
    }

    fn put_cmp(&self, code: &mut Vec<u8>) {
        match *self {
            Fixup::CmpBranchZero { rn, .. } if is_low(rn) => {
                put2(code, encode_cmp_imm_t1(num(rn), 0));
            }
            Fixup::CmpBranchZero { rn, .. } => put4(code, encode_cmp_imm_t2(num(rn), 0)),
            _ => {}
        }
    }

    /// The condition under which the branch is taken, after the comparison if there is one.
    fn cond(&self) -> Cond {
        match *self {
            Fixup::CondBr(cond) => cond,
            Fixup::CmpBranchZero { nonzero: true, .. } => Cond::Ne,
            _ => Cond::Eq,
        }
    }

    /// Whether all targets are in reach of a branch anywhere in the item.
    fn branches_reach(&self, at: u32, size: u32, targets: &[u32]) -> bool {
        let ends = [at, at + size];
        targets.iter().all(|&t| ends.iter().all(|&end| fits_bits(offset(end, t), 25)))
    }

    /// tbb or tbh, its table, and the branches behind it if there are any.
    fn put_table(
        &self,
        form: Form,
        at: u32,
        targets: &[u32],
        code: &mut Vec<u8>,
    ) -> Option<Range<u32>> {
        let Fixup::JumpTable { index, entries } = self else { return None };
        let shape = TableShape::of(form, entries.len(), targets.len());
        put4(code, encode_tbb_t1(shape.halfwords, num(*index)));
        // The program counter that the entries count from is the table's start.
        let table = at + 4;
        let branches = table + shape.bytes;
        let start = code.len();
        for &entry in entries {
            let to = match form {
                Form::TableOfBranches => branches + 4 * entry,
                _ => targets[entry as usize],
            };
            let halves = (to - table) / 2;
            match shape.halfwords {
                true => put2(code, halves as u16),
                false => code.push(halves as u8),
            }
        }
        code.resize(start + shape.bytes as usize, 0);
        if form == Form::TableOfBranches {
            put_branches(branches, targets.iter().copied(), code);
        }
        Some(4..4 + shape.bytes)
    }

    /// `adr ip, branches; add ip, ip, index, lsl #2; mov pc, ip` and the branches.
    fn put_computed_branch(&self, at: u32, targets: &[u32], code: &mut Vec<u8>) {
        let Fixup::JumpTable { index, entries } = self else { return };
        let (ip, index) = (num(IP), num(*index));
        let branches = at + COMPUTE_SIZE;
        put4(code, encode_adr_t3(ip, literal_offset(at, branches)));
        put4(code, encode_add_reg_t3(false, ip, ip, index, ShiftFields::new(ShiftOp::Lsl, 2)));
        put2(code, encode_mov_pc_t1(ip));
        put_branches(branches, entries.iter().map(|&entry| targets[entry as usize]), code);
    }
}

/// Bytes before the branches of `ComputedBranch`.
const COMPUTE_SIZE: u32 = 10;

/// One B T4 for each target.
fn put_branches(start: u32, targets: impl Iterator<Item = u32>, code: &mut Vec<u8>) {
    for (at, target) in (start..).step_by(4).zip(targets) {
        put4(code, encode_b_t4(offset(at, target)));
    }
}

/// The table behind a tbb or tbh.
struct TableShape {
    halfwords: bool,
    /// Of the table alone, even.
    bytes: u32,
    /// Of the branches behind it.
    branches: u32,
}

impl TableShape {
    fn of(form: Form, entries: usize, targets: usize) -> TableShape {
        let (entries, targets) = (entries as u32, targets as u32);
        let bytes = entries.next_multiple_of(2);
        let (narrow, wide) = (
            TableShape { halfwords: false, bytes, branches: 4 * targets },
            TableShape { halfwords: true, bytes: 2 * entries, branches: 4 * targets },
        );
        match form {
            Form::Tbb => TableShape { branches: 0, ..narrow },
            Form::Tbh => TableShape { branches: 0, ..wide },
            _ if narrow.last_entry() <= 0xff => narrow,
            _ => wide,
        }
    }

    /// What stands in the table for the last of the branches, if there are any.
    fn last_entry(&self) -> u32 {
        (self.bytes + self.branches.saturating_sub(4)) / 2
    }

    fn size(&self) -> u32 {
        4 + self.bytes + self.branches
    }
}

fn put2(code: &mut Vec<u8>, half: u16) {
    code.extend_from_slice(&half.to_le_bytes());
}

fn put4(code: &mut Vec<u8>, word: u32) {
    put2(code, (word >> 16) as u16);
    put2(code, word as u16);
}

impl Relaxable for Fixup {
    fn forms(&self) -> u8 {
        self.all_forms().len() as u8
    }

    fn size(&self, form: u8, _at: u32, targets: usize) -> u32 {
        let form = self.form(form);
        match form {
            Form::B16 | Form::Bcc16 | Form::Cbz | Form::Ldr16 => 2,
            Form::B32 | Form::Bcc32 | Form::Ldr32 => 4,
            Form::BccOverB => 6,
            Form::MovwMovt => 8,
            Form::CmpBcc16 => self.cmp_size() + 2,
            Form::CmpBcc32 => self.cmp_size() + 4,
            Form::CmpBccOverB => self.cmp_size() + 6,
            Form::Tbb | Form::Tbh | Form::TableOfBranches => {
                TableShape::of(form, self.entries(), targets).size()
            }
            Form::ComputedBranch => COMPUTE_SIZE + 4 * self.entries() as u32,
        }
    }

    fn reaches(&self, form: u8, at: u32, targets: &[u32]) -> bool {
        let first = targets.first().copied().unwrap_or(at);
        let bcc = at + self.cmp_size();
        match self.form(form) {
            Form::B16 => fits_bits(offset(at, first), 12),
            Form::B32 => fits_bits(offset(at, first), 25),
            Form::Bcc16 | Form::CmpBcc16 => fits_bits(offset(bcc, first), 9),
            Form::Bcc32 | Form::CmpBcc32 => fits_bits(offset(bcc, first), 21),
            Form::BccOverB | Form::CmpBccOverB => fits_bits(offset(bcc + 2, first), 25),
            Form::Cbz => (0..=126).contains(&offset(at, first)),
            Form::Ldr16 => literal_offset(at, first) <= 1020,
            Form::Ldr32 => literal_offset(at, first) <= 4095,
            Form::MovwMovt => true,
            // A table's offsets are unsigned: a target before it wraps to a large number.
            Form::Tbb => targets.iter().all(|&t| t.wrapping_sub(at + 4) / 2 <= 0xff),
            Form::Tbh => targets.iter().all(|&t| t.wrapping_sub(at + 4) / 2 <= 0xffff),
            Form::TableOfBranches => {
                let shape = TableShape::of(Form::TableOfBranches, self.entries(), targets.len());
                shape.last_entry() <= 0xffff && self.branches_reach(at, shape.size(), targets)
            }
            Form::ComputedBranch => {
                self.branches_reach(at, COMPUTE_SIZE + 4 * self.entries() as u32, targets)
            }
        }
    }

    fn encode(&self, form: u8, at: u32, targets: &[u32], code: &mut Vec<u8>) -> Option<Range<u32>> {
        let target = targets.first().copied().unwrap_or(at);
        let form = self.form(form);
        let cond = self.cond();
        // Where the branch itself stands.
        let branch = match form {
            Form::CmpBcc16 | Form::CmpBcc32 | Form::CmpBccOverB => {
                self.put_cmp(code);
                at + self.cmp_size()
            }
            _ => at,
        };
        match (form, self) {
            (Form::B16, _) => put2(code, encode_b_t2(offset(at, target))),
            (Form::B32, _) => put4(code, encode_b_t4(offset(at, target))),
            (Form::Bcc16 | Form::CmpBcc16, _) => {
                put2(code, encode_b_t1(cond.bits(), offset(branch, target)));
            }
            (Form::Bcc32 | Form::CmpBcc32, _) => {
                put4(code, encode_b_t3(cond.bits(), offset(branch, target)));
            }
            (Form::BccOverB | Form::CmpBccOverB, _) => {
                put2(code, encode_b_t1(cond.invert().bits(), offset(branch, branch + 6)));
                put4(code, encode_b_t4(offset(branch + 2, target)));
            }
            (Form::Cbz, Fixup::CmpBranchZero { nonzero, rn }) => {
                put2(code, encode_cbz_t1(*nonzero, num(*rn), offset(at, target) as u32));
            }
            (Form::Ldr16, Fixup::LoadLiteral { rt, .. }) => {
                put2(code, encode_ldr_lit_t1(num(*rt), literal_offset(at, target) as u32));
            }
            (Form::Ldr32, Fixup::LoadLiteral { rt, .. }) => {
                put4(code, encode_ldr_lit_t2(num(*rt), literal_offset(at, target)));
            }
            (Form::MovwMovt, Fixup::LoadLiteral { rt, value }) => {
                put4(code, encode_mov_imm_t3(num(*rt), *value as u16));
                put4(code, encode_movt_t1(num(*rt), (*value >> 16) as u16));
            }
            (Form::Tbb | Form::Tbh | Form::TableOfBranches, _) => {
                return self.put_table(form, at, targets, code);
            }
            (Form::ComputedBranch, _) => self.put_computed_branch(at, targets, code),
            _ => unreachable!("a form of another fixup"),
        }
        None
    }
}
