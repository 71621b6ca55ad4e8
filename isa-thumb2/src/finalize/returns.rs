//! For `-O size`: one epilogue for all returns, where it is longer than a branch to it.

use super::frame::{FrameLayout, Insts};
use super::rewrite::NOWHERE;
use crate::inst::Inst;
use crate::inst::args::RegList;
use crate::inst::encode::encode;
use windlass_backend::emit::buffer::MachLabel;
use windlass_backend::isa::Code;

/// Bytes from which on an epilogue is worth a branch, which takes 4 at most.
const MIN_BYTES: u32 = 4;

/// Moves the return into a block of its own behind all others if there are several.
pub fn share_returns(code: &mut Code<Inst>, layout: &FrameLayout) {
    let mut returns = code.insts.iter().filter(|inst| matches!(inst, Inst::Ret { .. }));
    let (Some(first), Some(_)) = (returns.next().cloned(), returns.next()) else {
        return;
    };
    if bytes(&gen_return(&first, layout)) < MIN_BYTES {
        return;
    }
    let target = MachLabel::from_index(code.num_blocks());
    for inst in &mut code.insts {
        if matches!(inst, Inst::Ret { .. }) {
            *inst = Inst::Jump { target };
        }
    }
    code.start_block();
    code.push(first, NOWHERE);
}

/// What a `Ret` stands for.
pub fn gen_return(ret: &Inst, layout: &FrameLayout) -> Insts {
    let Inst::Ret { uses } = ret else { return Insts::new() };
    layout.gen_epilogue(RegList::from_regs(uses.iter().map(|&(_, preg)| preg)))
}

fn bytes(insts: &[Inst]) -> u32 {
    insts.iter().filter_map(|inst| encode(inst, false)).map(|encoding| encoding.size()).sum()
}

#[cfg(test)]
mod tests {
    use super::super::machine::*;
    use super::*;
    use crate::regs::r;
    use windlass_backend::isa::FrameRequest;

    fn shared(request: FrameRequest) -> Code<Inst> {
        let mut code = code(&[&[mov(0, 1), ret(&[r(0)])], &[ret(&[r(0)])]]);
        let layout = FrameLayout::new(&request, false, true).unwrap();
        share_returns(&mut code, &layout);
        code
    }

    #[test]
    fn long_epilogues_are_shared() {
        let code = shared(FrameRequest { spill_slots: 40, makes_calls: true, ..request() });
        assert_eq!(code.block_starts, [0, 2, 3]);
        assert!(matches!(code.insts[1], Inst::Jump { target } if target.index() == 2));
        assert!(matches!(code.insts[3], Inst::Ret { .. }));
    }

    #[test]
    fn short_ones_are_not() {
        assert_eq!(shared(request()).block_starts, [0, 2]);
    }
}
