//! Addresses: places in the frame become offsets from sp, and what no encoding holds goes through
//! a scratch register.
//!
//! Which scratch: ip is free at every instruction of lowering, but between the moves that
//! allocation inserts it may hold a value (a cycle of moves, a slot copied to a slot). Those moves
//! touch memory only in spill slots; so a load from a slot makes its address in its destination,
//! and a store to a far slot, or a load of a floating-point register from one, makes it in lr, which
//! such functions save ([`goes_through_lr`]).

use super::consts::gen_const;
use super::frame::{FrameLayout, Insts};
use crate::inst::args::{AMode, AluOp, MovOp, Operand2, ShiftOp};
use crate::inst::imms::{alu_imm, fits_fp_offset, fits_offset, fits_pair_offset};
use crate::inst::{Inst, WritableReg};
use crate::regs::{IP, LR, SP};
use windlass_backend::reg::{Reg, Writable};

/// Whether an access needs lr for its address. Spill slots lie at the same offset from sp whether
/// lr is saved or not.
pub fn goes_through_lr(inst: &Inst, layout: &FrameLayout) -> bool {
    let (addr, fits): (_, fn(i32) -> bool) = match inst {
        Inst::Store { addr, .. } => (addr, fits_offset),
        Inst::StorePair { addr, .. } => (addr, fits_pair_offset),
        Inst::FpLoad { addr, .. } | Inst::FpStore { addr, .. } => (addr, fits_fp_offset),
        _ => return false,
    };
    matches!(addr, AMode::Spill { .. }) && !layout.sp_offset(*addr).is_some_and(fits)
}

/// Replaces an instruction with an address; any other comes back.
pub fn gen_addressed(
    inst: Inst,
    layout: &FrameLayout,
    ldrd_base_erratum: bool,
    code: &mut Insts,
) -> Option<Inst> {
    let places = Places { layout };
    match inst {
        Inst::Load { op, rt, addr } => {
            let addr = places.gen_word(addr, scratch_for_load(rt.to_reg(), addr), code);
            code.push(Inst::Load { op, rt, addr });
        }
        Inst::Store { op, rt, addr } => {
            let addr = places.gen_word(addr, scratch_apart(addr), code);
            code.push(Inst::Store { op, rt, addr });
        }
        Inst::LoadPair { rt, rt2, addr } => {
            let mut addr = places.gen_pair(addr, IP.into(), code);
            if let AMode::Offset { base, .. } = &mut addr
                && ldrd_base_erratum
                && (*base == rt.to_reg() || *base == rt2.to_reg())
            {
                gen_add(IP.into(), *base, 0, code);
                *base = IP.into();
            }
            code.push(Inst::LoadPair { rt, rt2, addr });
        }
        Inst::StorePair { rt, rt2, addr } => {
            let addr = places.gen_pair(addr, scratch_apart(addr), code);
            code.push(Inst::StorePair { rt, rt2, addr });
        }
        Inst::FpLoad { size, rt, addr } => {
            let addr = places.gen_pair(addr, scratch_apart(addr), code);
            code.push(Inst::FpLoad { size, rt, addr });
        }
        Inst::FpStore { size, rt, addr } => {
            let addr = places.gen_pair(addr, scratch_apart(addr), code);
            code.push(Inst::FpStore { size, rt, addr });
        }
        Inst::LoadAddr { rd, addr } => places.gen_address(rd, addr, code),
        other => return Some(other),
    }
    None
}

fn scratch_for_load(rt: Reg, addr: AMode) -> Reg {
    match addr {
        AMode::Offset { base, .. } if base == rt => IP.into(),
        _ => rt,
    }
}

/// A scratch other than what the access moves.
fn scratch_apart(addr: AMode) -> Reg {
    match addr {
        AMode::Spill { .. } => LR.into(),
        _ => IP.into(),
    }
}

struct Places<'a> {
    layout: &'a FrameLayout,
}

impl Places<'_> {
    /// Base and offset of every address but an indexed one.
    fn base_offset(&self, addr: AMode) -> Result<(Reg, i32), Indexed> {
        match addr {
            AMode::Offset { base, offset } => Ok((base, offset)),
            AMode::Index { base, index, shift } => Err(Indexed { base, index, shift }),
            frame => Ok((SP.into(), self.layout.sp_offset(frame).unwrap_or_default())),
        }
    }

    /// An address that loads and stores of single registers encode; one in the frame stays relative
    /// to sp, so that whoever reads the code can tell it.
    fn gen_word(&self, addr: AMode, scratch: Reg, code: &mut Insts) -> AMode {
        match self.base_offset(addr) {
            Err(_) => addr,
            Ok((base, offset)) if fits_offset(offset) => AMode::Offset { base, offset },
            Ok((base, offset)) => {
                let near = offset & 0xfff;
                let far = offset.wrapping_sub(near);
                if base != SP.into() && gen_single_add(scratch, base, far, code) {
                    return AMode::Offset { base: scratch, offset: near };
                }
                gen_const(Writable::from_reg(scratch), offset as u32, code);
                AMode::Index { base, index: scratch, shift: 0 }
            }
        }
    }

    /// An address that ldrd, strd, vldr and vstr encode.
    fn gen_pair(&self, addr: AMode, scratch: Reg, code: &mut Insts) -> AMode {
        match self.base_offset(addr) {
            Ok((base, offset)) if fits_pair_offset(offset) => AMode::Offset { base, offset },
            Ok((base, offset)) => {
                let near = if offset % 4 == 0 { offset & 0x3fc } else { 0 };
                gen_add(scratch, base, offset.wrapping_sub(near), code);
                AMode::Offset { base: scratch, offset: near }
            }
            Err(indexed) => {
                indexed.gen_add(scratch, code);
                AMode::Offset { base: scratch, offset: 0 }
            }
        }
    }

    fn gen_address(&self, rd: WritableReg, addr: AMode, code: &mut Insts) {
        match self.base_offset(addr) {
            Ok((base, offset)) => gen_add(rd.to_reg(), base, offset, code),
            Err(indexed) => indexed.gen_add(rd.to_reg(), code),
        }
    }
}

/// `base + (index << shift)`.
struct Indexed {
    base: Reg,
    index: Reg,
    shift: u8,
}

impl Indexed {
    fn gen_add(self, rd: Reg, code: &mut Insts) {
        let op2 = match self.shift {
            0 => Operand2::Reg(self.index),
            shift => Operand2::Shifted(self.index, ShiftOp::Lsl, shift),
        };
        code.push(add(rd, self.base, op2));
    }
}

/// `rd = base + offset`, by way of ip if it takes a constant and `rd` is the base.
fn gen_add(rd: Reg, base: Reg, offset: i32, code: &mut Insts) {
    if gen_single_add(rd, base, offset, code) {
        return;
    }
    let near = offset & 0xfff;
    if gen_single_add(rd, base, offset.wrapping_sub(near), code) {
        gen_single_add(rd, rd, near, code);
        return;
    }
    let scratch = if rd == base { IP.into() } else { rd };
    gen_const(Writable::from_reg(scratch), offset as u32, code);
    code.push(add(rd, base, Operand2::Reg(scratch)));
}

/// `rd = base + offset` if one instruction does it.
fn gen_single_add(rd: Reg, base: Reg, offset: i32, code: &mut Insts) -> bool {
    if offset == 0 {
        if rd != base {
            let op2 = Operand2::Reg(base);
            code.push(Inst::Mov { op: MovOp::Mov, s: false, rd: Writable::from_reg(rd), op2 });
        }
        return true;
    }
    let Some((op, imm)) = alu_imm(AluOp::Add, offset as u32) else {
        return false;
    };
    let op2 = Operand2::Imm(imm);
    code.push(Inst::Alu { op, s: false, rd: Writable::from_reg(rd), rn: base, op2 });
    true
}

fn add(rd: Reg, rn: Reg, op2: Operand2) -> Inst {
    Inst::Alu { op: AluOp::Add, s: false, rd: Writable::from_reg(rd), rn, op2 }
}

#[cfg(test)]
mod tests {
    use super::super::machine::{self, ENTRY_SP, Machine, code, reg, request, w};
    use super::*;
    use crate::inst::args::{FpSize, LoadOp, StoreOp};
    use crate::regs::{d, s};
    use windlass_backend::isa::FrameRequest;

    const OFFSETS: [i32; 14] = [
        0,
        4,
        1020,
        1022,
        1024,
        4095,
        4096,
        70_000,
        0x12_3456,
        -255,
        -256,
        -4096,
        -70_000,
        i32::MIN,
    ];

    fn layout() -> FrameLayout {
        let request = FrameRequest { spill_slots: 3000, outgoing_bytes: 8, ..request() };
        FrameLayout::new(&request, true, false).unwrap()
    }

    fn expanded(inst: Inst) -> Insts {
        let mut insts = Insts::new();
        assert!(gen_addressed(inst, &layout(), true, &mut insts).is_none());
        insts
    }

    fn run(inst: Inst, machine: &mut Machine) {
        let mut insts = expanded(inst);
        insts.push(Inst::BxLr);
        machine.run(&code(&[&insts]));
    }

    /// A word address all of whose encodings exist.
    fn is_encodable(inst: &Inst) -> bool {
        match inst {
            Inst::Load { addr: AMode::Offset { offset, .. }, .. }
            | Inst::Store { addr: AMode::Offset { offset, .. }, .. } => fits_offset(*offset),
            Inst::LoadPair { addr, rt, rt2 } => match addr {
                AMode::Offset { base, offset } => {
                    fits_pair_offset(*offset) && *base != rt.to_reg() && *base != rt2.to_reg()
                }
                _ => false,
            },
            Inst::StorePair { addr: AMode::Offset { offset, .. }, .. } => fits_pair_offset(*offset),
            Inst::FpLoad { addr: AMode::Offset { offset, .. }, .. }
            | Inst::FpStore { addr: AMode::Offset { offset, .. }, .. } => fits_fp_offset(*offset),
            Inst::StorePair { .. } | Inst::FpLoad { .. } | Inst::FpStore { .. } => false,
            _ => true,
        }
    }

    #[test]
    fn any_offset_reaches_its_address() {
        for offset in OFFSETS {
            let addr = AMode::Offset { base: reg(4), offset };
            for inst in [
                Inst::Load { op: LoadOp::Ldr, rt: w(0), addr },
                Inst::Load { op: LoadOp::Ldr, rt: w(4), addr },
                Inst::Store { op: StoreOp::Str, rt: reg(0), addr },
                Inst::LoadPair { rt: w(4), rt2: w(5), addr },
                Inst::LoadPair { rt: w(5), rt2: w(4), addr },
                Inst::StorePair { rt: reg(0), rt2: reg(1), addr },
                Inst::FpLoad { size: FpSize::F32, rt: Writable::from_reg(s(3).into()), addr },
                Inst::FpLoad { size: FpSize::F64, rt: Writable::from_reg(d(8).into()), addr },
                Inst::FpStore { size: FpSize::F32, rt: s(3).into(), addr },
                Inst::FpStore { size: FpSize::F64, rt: d(8).into(), addr },
                Inst::LoadAddr { rd: w(0), addr },
                Inst::LoadAddr { rd: w(4), addr },
            ] {
                assert!(expanded(inst.clone()).iter().all(is_encodable), "{inst:?}");
                let mut expected = Machine::new();
                let address = expected.regs[4].wrapping_add(offset as u32);
                expected.store(address, 0x600d_0001);
                expected.store(address.wrapping_add(4), 0x600d_0002);
                let mut found = expected.clone();
                run(inst.clone(), &mut found);
                expected.run(&code(&[&[inst.clone(), Inst::BxLr]]));
                assert_eq!(found.regs[..12], expected.regs[..12], "{inst:?}");
                assert_eq!(found.floats, expected.floats, "{inst:?}");
                assert_eq!(found.memory, expected.memory, "{inst:?}");
            }
        }
    }

    #[test]
    fn moves_to_and_from_far_slots_keep_ip() {
        let addr = AMode::Spill { slot: 2900 };
        let from_ip = machine::store(12, addr);
        assert!(goes_through_lr(&from_ip, &layout()));
        let mut machine = Machine::new();
        let (ip, r0) = (machine.regs[12], machine.regs[0]);
        run(from_ip, &mut machine);
        assert_eq!(machine.load(ENTRY_SP + 8 + 4 * 2900), ip);
        run(machine::load(0, addr), &mut machine);
        assert_eq!((machine.regs[0], machine.regs[12]), (ip, ip));
        machine.regs[0] = r0;
        run(machine::store(0, addr), &mut machine);
        run(machine::load(12, addr), &mut machine);
        assert_eq!(machine.regs[12], r0);
    }

    #[test]
    fn floats_of_far_slots_keep_ip() {
        let insts = |slot| {
            let (addr, rt) = (AMode::Spill { slot }, d(8).into());
            let store = Inst::FpStore { size: FpSize::F64, rt, addr };
            let rt = Writable::from_reg(d(9).into());
            [store, Inst::FpLoad { size: FpSize::F64, rt, addr }]
        };
        for inst in insts(252) {
            assert!(!goes_through_lr(&inst, &layout()));
            assert_eq!(expanded(inst).len(), 1);
        }
        for slot in [254, 2900] {
            let mut machine = Machine::new();
            let before = machine.clone();
            for inst in insts(slot) {
                assert!(goes_through_lr(&inst, &layout()));
                run(inst, &mut machine);
            }
            assert_eq!(machine.regs[..13], before.regs[..13]);
            assert_eq!(machine.floats[18..20], before.floats[16..18]);
        }
    }

    #[test]
    fn near_slots_need_no_scratch() {
        assert!(!goes_through_lr(&machine::store(12, AMode::Spill { slot: 1000 }), &layout()));
        assert_eq!(expanded(machine::store(12, AMode::Spill { slot: 1000 })).len(), 1);
    }
}
