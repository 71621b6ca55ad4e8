//! Two words of the frame side by side, loaded or stored one behind the other: one ldrd or strd.
//!
//! Takes no more bytes than two 16-bit accesses. The stack is aligned to words, so that the pair
//! never faults, which an access to linear memory could.

use super::rewrite::remove;
use crate::inst::Inst;
use crate::inst::args::{AMode, LoadOp, StoreOp};
use crate::inst::imms::fits_pair_offset;
use crate::regs::SP;
use windlass_backend::isa::Code;

pub fn form_pairs(code: &mut Code<Inst>) {
    let mut dead = Vec::new();
    for block in 0..code.num_blocks() {
        let mut index = code.block_range(block).start;
        while index + 1 < code.block_range(block).end {
            let pair = pair(&code.insts[index], &code.insts[index + 1]);
            let len = if pair.is_some() { 2 } else { 1 };
            if let Some(pair) = pair {
                code.insts[index] = pair;
                dead.push(index + 1);
            }
            index += len;
        }
    }
    remove(code, &dead);
}

/// The one instruction that does what both do.
fn pair(first: &Inst, second: &Inst) -> Option<Inst> {
    match (first, second) {
        (
            &Inst::Load { op: LoadOp::Ldr, rt: a, addr: at },
            &Inst::Load { op: LoadOp::Ldr, rt: b, addr: behind },
        ) if a != b => {
            let (addr, in_order) = neighbours(at, behind)?;
            let (rt, rt2) = if in_order { (a, b) } else { (b, a) };
            Some(Inst::LoadPair { rt, rt2, addr })
        }
        (
            &Inst::Store { op: StoreOp::Str, rt: a, addr: at },
            &Inst::Store { op: StoreOp::Str, rt: b, addr: behind },
        ) => {
            let (addr, in_order) = neighbours(at, behind)?;
            let (rt, rt2) = if in_order { (a, b) } else { (b, a) };
            Some(Inst::StorePair { rt, rt2, addr })
        }
        _ => None,
    }
}

/// The lower of two neighbouring words relative to sp, and whether that is the first.
fn neighbours(first: AMode, second: AMode) -> Option<(AMode, bool)> {
    let (a, b) = (sp_offset(first)?, sp_offset(second)?);
    let low = a.min(b);
    let adjacent = a.abs_diff(b) == 4 && fits_pair_offset(low);
    adjacent.then_some((AMode::Offset { base: SP.into(), offset: low }, low == a))
}

fn sp_offset(addr: AMode) -> Option<i32> {
    match addr {
        AMode::Offset { base, offset } if base == SP.into() => Some(offset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;

    fn load(rt: usize, base: usize, offset: i32) -> Inst {
        Inst::Load { op: LoadOp::Ldr, rt: w(rt), addr: AMode::Offset { base: reg(base), offset } }
    }

    fn store(rt: usize, base: usize, offset: i32) -> Inst {
        Inst::Store {
            op: StoreOp::Str,
            rt: reg(rt),
            addr: AMode::Offset { base: reg(base), offset },
        }
    }

    fn paired(insts: &[Inst]) -> Vec<String> {
        let mut code = code(&[insts]);
        form_pairs(&mut code);
        code.insts.iter().map(Inst::to_string).collect()
    }

    #[test]
    fn neighbouring_words_of_the_frame_become_pairs() {
        assert_eq!(paired(&[load(1, 13, 4), load(2, 13, 8)]), ["ldrd r1, r2, [sp, #4]"]);
        assert_eq!(paired(&[load(1, 13, 8), load(2, 13, 4)]), ["ldrd r2, r1, [sp, #4]"]);
        assert_eq!(paired(&[store(3, 13, 0), store(3, 13, 4)]), ["strd r3, r3, [sp]"]);
        let three = [store(1, 13, 0), store(2, 13, 4), store(3, 13, 8)];
        assert_eq!(paired(&three).len(), 2);
    }

    #[test]
    fn other_accesses_stay() {
        for insts in [
            [load(1, 13, 4), load(1, 13, 8)],
            [load(1, 13, 4), load(2, 13, 12)],
            [load(1, 13, 1024), load(2, 13, 1028)],
            [load(1, 0, 4), load(2, 0, 8)],
            [load(1, 13, 4), store(2, 13, 8)],
        ] {
            assert_eq!(paired(&insts).len(), 2);
        }
    }
}
