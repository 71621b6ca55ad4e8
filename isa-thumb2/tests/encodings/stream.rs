//! Instructions over all operand classes: low and high registers in every combination that
//! encodings tell apart, sp where it is legal, the edges of every immediate, each of them outside
//! and inside IT blocks.

use crate::stream_fp;
use windlass_backend::Trap;
use windlass_backend::compiled::RelocTarget;
use windlass_backend::reg::{Reg, Writable};
use windlass_isa_thumb2::inst::args::*;
use windlass_isa_thumb2::inst::encode::encode;
use windlass_isa_thumb2::inst::imms::expand_mod_imm;
use windlass_isa_thumb2::inst::{CallInfo, Callee, Imm16, Inst, TailCallInfo};
use windlass_isa_thumb2::regs::{IP, LR, PC, SP, r};

/// Two of each side of the border between low and high, and the last of either.
const REGS: [usize; 6] = [0, 1, 7, 8, 12, 14];

const ALU: [AluOp; 10] = {
    use AluOp::*;
    [Add, Adc, Sub, Sbc, Rsb, And, Orr, Eor, Bic, Orn]
};
const SHIFTS: [ShiftOp; 4] = [ShiftOp::Lsl, ShiftOp::Lsr, ShiftOp::Asr, ShiftOp::Ror];
const CMPS: [CmpOp; 4] = [CmpOp::Cmp, CmpOp::Cmn, CmpOp::Tst, CmpOp::Teq];
const LOADS: [LoadOp; 5] = [LoadOp::Ldr, LoadOp::Ldrb, LoadOp::Ldrh, LoadOp::Ldrsb, LoadOp::Ldrsh];
const STORES: [StoreOp; 3] = [StoreOp::Str, StoreOp::Strb, StoreOp::Strh];

/// Edges of the small and of the rotated immediates.
const IMMS: [u32; 22] = [
    0,
    1,
    7,
    8,
    254,
    255,
    256,
    508,
    510,
    512,
    1020,
    1024,
    4080,
    0xff00,
    0x00ff_00ff,
    0xab00_ab00,
    0xabab_abab,
    0x8000_0000,
    0x7f80_0000,
    0xff00_0000,
    0x0001_fe00,
    u32::MAX,
];

/// Offsets around the ends of every addressing mode.
const OFFSETS: [i32; 24] = [
    0, 1, 2, 4, 30, 31, 32, 62, 63, 64, 124, 125, 128, 255, 1016, 1020, 1021, 1024, 4094, 4095, -1,
    -4, -254, -255,
];

pub fn reg(n: usize) -> Reg {
    r(n).into()
}

pub fn wr(n: usize) -> Writable<Reg> {
    Writable::from_reg(reg(n))
}

fn is_sp(n: usize) -> bool {
    r(n) == SP
}

/// The whole stream: plain instructions, then those that may be conditional in IT blocks.
pub fn all() -> Vec<Inst> {
    let mut plain = Vec::new();
    alu(&mut plain);
    moves(&mut plain);
    comparisons(&mut plain);
    multiplications(&mut plain);
    bits(&mut plain);
    memory(&mut plain);
    stack(&mut plain);
    stream_fp::plain(&mut plain);
    let mut stream = plain.clone();
    unconditional(&mut stream);
    stream_fp::unconditional(&mut stream);
    it_blocks(&mut stream);
    for (index, inst) in plain.into_iter().enumerate() {
        // Some have no encoding there, such as muls.
        if encode(&inst, true).is_some() {
            let cond = Cond::ALL[index % Cond::ALL.len()];
            stream.push(Inst::It { cond, pattern: ItPattern::T });
            stream.push(Inst::Predicated { cond, inst: Box::new(inst) });
        }
    }
    stream
}

/// Adds what exists both with flags and without.
fn both(out: &mut Vec<Inst>, build: impl Fn(bool) -> Inst) {
    out.extend([false, true].map(build).into_iter().filter(|inst| encode(inst, false).is_some()));
}

fn shifts() -> impl Iterator<Item = (ShiftOp, u8)> {
    let amounts = |op| match op {
        ShiftOp::Lsl | ShiftOp::Ror => &[1, 2, 3, 4, 15, 16, 31][..],
        ShiftOp::Lsr | ShiftOp::Asr => &[1, 2, 3, 4, 16, 31, 32][..],
    };
    SHIFTS.into_iter().flat_map(move |op| amounts(op).iter().map(move |&amount| (op, amount)))
}

fn alu(out: &mut Vec<Inst>) {
    for op in ALU {
        for (rd, rn) in pairs() {
            for rm in REGS {
                let op2 = Operand2::Reg(reg(rm));
                both(out, |s| Inst::Alu { op, s, rd: wr(rd), rn: reg(rn), op2 });
            }
            for imm in IMMS.into_iter().chain([4093, 4094, 4095]) {
                let op2 = Operand2::Imm(imm);
                both(out, |s| Inst::Alu { op, s, rd: wr(rd), rn: reg(rn), op2 });
            }
        }
        for (shift, amount) in shifts() {
            for (rd, rn, rm) in [(0, 1, 2), (8, 0, 14), (3, 12, 7), (5, 5, 5)] {
                let op2 = Operand2::Shifted(reg(rm), shift, amount);
                both(out, |s| Inst::Alu { op, s, rd: wr(rd), rn: reg(rn), op2 });
            }
        }
    }
    let sp = SP.hw_enc();
    for op in [AluOp::Add, AluOp::Sub] {
        for rd in REGS.into_iter().chain([sp]) {
            for imm in IMMS.into_iter().chain([4, 504, 1016, 4094, 4095]) {
                let op2 = Operand2::Imm(imm);
                both(out, |s| Inst::Alu { op, s, rd: wr(rd), rn: SP.into(), op2 });
            }
            for rm in REGS {
                let op2 = Operand2::Reg(reg(rm));
                both(out, |s| Inst::Alu { op, s, rd: wr(rd), rn: SP.into(), op2 });
            }
        }
    }
    for op in [MovOp::Mov, MovOp::Mvn] {
        both(out, |s| Inst::Mov { op, s, rd: wr(12), op2: Operand2::Reg(LR.into()) });
    }
}

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    REGS.into_iter().flat_map(|a| REGS.into_iter().map(move |b| (a, b)))
}

fn moves(out: &mut Vec<Inst>) {
    for op in [MovOp::Mov, MovOp::Mvn] {
        for (rd, rm) in pairs() {
            both(out, |s| Inst::Mov { op, s, rd: wr(rd), op2: Operand2::Reg(reg(rm)) });
            for (shift, amount) in shifts() {
                let op2 = Operand2::Shifted(reg(rm), shift, amount);
                // Mvn of a shifted register is one instruction, as mov is.
                both(out, |s| Inst::Mov { op, s, rd: wr(rd), op2 });
            }
        }
        for field in 0..1 << 12 {
            let op2 = Operand2::Imm(expand_mod_imm(field));
            both(out, |s| Inst::Mov { op, s, rd: wr(field as usize % 13), op2 });
        }
    }
    for value in [257, 0xfff, 0x1001, 0x7fff, 0x8001, 0xfffe, 0xffff] {
        let (rd, imm) = (wr(value as usize % 13), Imm16::Value(value));
        out.push(Inst::Mov { op: MovOp::Mov, s: false, rd, op2: Operand2::Imm(value.into()) });
        out.push(Inst::LoadConst { rd, value: value.into() });
        out.push(Inst::MovW { rd, imm: imm.clone() });
        out.push(Inst::MovT { rd, ra: rd.to_reg(), imm });
    }
    for (a, b) in [(SP, IP), (IP, SP), (SP, r(0)), (r(7), SP)] {
        let (rd, op2) = (Writable::from_reg(a.into()), Operand2::Reg(b.into()));
        out.push(Inst::Mov { op: MovOp::Mov, s: false, rd, op2 });
    }
    for op in SHIFTS {
        for (rd, rn) in pairs() {
            for rm in REGS {
                both(out, |s| Inst::ShiftReg { op, s, rd: wr(rd), rn: reg(rn), rm: reg(rm) });
            }
        }
    }
}

fn comparisons(out: &mut Vec<Inst>) {
    for op in CMPS {
        for (rn, rm) in pairs() {
            out.push(Inst::Cmp { op, rn: reg(rn), op2: Operand2::Reg(reg(rm)) });
        }
        for rn in REGS {
            out.extend(IMMS.map(|imm| Inst::Cmp { op, rn: reg(rn), op2: Operand2::Imm(imm) }));
            for (shift, amount) in shifts() {
                let op2 = Operand2::Shifted(reg(3), shift, amount);
                out.push(Inst::Cmp { op, rn: reg(rn), op2 });
            }
        }
    }
    for op2 in [Operand2::Reg(IP.into()), Operand2::Reg(reg(2)), Operand2::Imm(64)] {
        out.push(Inst::Cmp { op: CmpOp::Cmp, rn: SP.into(), op2 });
    }
}

fn multiplications(out: &mut Vec<Inst>) {
    for (n, (a, b)) in pairs().enumerate() {
        let (c, d) = (REGS[n % 6], REGS[(n + 3) % 6]);
        let (rd, rn, rm, ra) = (wr(a), reg(b), reg(c), reg(d));
        both(out, |s| Inst::Mul { s, rd, rn, rm });
        both(out, |s| Inst::Mul { s, rd, rn: rd.to_reg(), rm: rn });
        both(out, |s| Inst::Mul { s, rd, rn, rm: rd.to_reg() });
        out.extend([MulAccOp::Mla, MulAccOp::Mls].map(|op| Inst::MulAcc { op, rd, rn, rm, ra }));
        for signed in [false, true] {
            out.push(Inst::Div { signed, rd, rn, rm });
            if a != b {
                let (rd_lo, rd_hi, rn) = (rd, wr(b), reg(d));
                let (ra_lo, ra_hi) = (reg(a), reg(b));
                out.push(Inst::MulLong { signed, rd_lo, rd_hi, rn, rm });
                out.push(Inst::MulLongAcc { signed, rd_lo, rd_hi, rn, rm, ra_lo, ra_hi });
            }
        }
    }
}

fn bits(out: &mut Vec<Inst>) {
    use UnaryOp::*;
    for (rd, rm) in pairs() {
        let (rd, rm) = (wr(rd), reg(rm));
        let ops = [Clz, Rbit, Rev, Rev16, Revsh, Uxtb, Uxth, Sxtb, Sxth];
        out.extend(ops.map(|op| Inst::Unary { op, rd, rm }));
        let ops = [ExtendOp::Uxtab, ExtendOp::Uxtah, ExtendOp::Sxtab, ExtendOp::Sxtah];
        out.extend(ops.map(|op| Inst::ExtendAdd { op, rd, rn: rm, rm: reg(5) }));
        for (lsb, width) in [(0, 1), (0, 8), (0, 31), (0, 32), (3, 5), (15, 17), (31, 1), (30, 2)] {
            let ra = rd.to_reg();
            for signed in [false, true] {
                out.push(Inst::BitExtract { signed, rd, rn: rm, lsb, width });
            }
            out.push(Inst::BitInsert { rd, ra, rn: Some(rm), lsb, width });
            out.push(Inst::BitInsert { rd, ra, rn: None, lsb, width });
        }
    }
}

fn memory(out: &mut Vec<Inst>) {
    let bases = REGS.into_iter().chain([SP.hw_enc()]);
    for (rt, base) in bases.flat_map(|base| REGS.map(|rt| (rt, base))) {
        let base = reg(base);
        let mut addresses: Vec<AMode> =
            OFFSETS.iter().map(|&offset| AMode::Offset { base, offset }).collect();
        for index in REGS {
            let index = reg(index);
            addresses.extend((0..4).map(|shift| AMode::Index { base, index, shift }));
        }
        for addr in addresses {
            out.extend(LOADS.map(|op| Inst::Load { op, rt: wr(rt), addr }));
            out.extend(STORES.map(|op| Inst::Store { op, rt: reg(rt), addr }));
            if !matches!(addr, AMode::Offset { offset: -255.., base } if base == reg(rt)) {
                out.push(Inst::LoadAddr { rd: wr(rt), addr });
            }
        }
        for offset in [0, 4, 8, 508, 1016, 1020, -4, -8, -1016, -1020] {
            let (rt2, addr) = (if rt == 3 { 4 } else { 3 }, AMode::Offset { base, offset });
            out.push(Inst::LoadPair { rt: wr(rt), rt2: wr(rt2), addr });
            out.push(Inst::StorePair { rt: reg(rt), rt2: reg(rt2), addr });
            out.push(Inst::StorePair { rt: reg(rt), rt2: reg(rt), addr });
        }
    }
    for base in [0, 8] {
        let addr = AMode::Offset { base: reg(base), offset: 96 };
        out.push(Inst::Store { op: StoreOp::Str, rt: SP.into(), addr });
        out.push(Inst::Load { op: LoadOp::Ldr, rt: Writable::from_reg(SP.into()), addr });
    }
}

fn stack(out: &mut Vec<Inst>) {
    let lists = [
        vec![0],
        vec![7],
        vec![8],
        vec![12],
        vec![0, 1, 2, 3, 4, 5, 6, 7],
        vec![4, 5, 6, 7, 8],
        vec![4, 8, 12],
        vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    ];
    for list in lists {
        assert!(!list.iter().copied().any(is_sp));
        let list = RegList::from_regs(list.into_iter().map(r));
        for regs in [list, list.with(LR)] {
            out.extend([Inst::Push { regs }, Inst::Pop { regs }]);
        }
    }
    let lr = RegList::default().with(LR);
    out.extend([Inst::Push { regs: lr }, Inst::Pop { regs: lr }]);
    for bytes in [4, 8, 504, 508, 512, 1024, 4092, 4096, 65536] {
        out.extend([Inst::AdjustSp { bytes }, Inst::AdjustSp { bytes: -bytes }]);
    }
    out.extend([Inst::Nop, Inst::Fence, Inst::Dsb, Inst::Isb]);
}

/// What stands outside IT blocks only.
fn unconditional(out: &mut Vec<Inst>) {
    for list in [vec![], vec![4], vec![4, 5, 6, 7], vec![8], vec![4, 8, 11]] {
        let list = RegList::from_regs(list.into_iter().map(r));
        out.push(Inst::Pop { regs: list.with(PC) });
    }
    out.extend(Trap::ALL.map(|trap| Inst::Udf { trap }));
    out.push(Inst::BxLr);
    out.extend([0, 0xab, 255].map(|imm8| Inst::Bkpt { imm8 }));
    out.extend([0, 7, 8, 12].map(|callee| call(Callee::Indirect(reg(callee)))));
    out.extend([0, 12].map(|callee| tail_call(Callee::Indirect(reg(callee)))));
}

pub fn call(callee: Callee) -> Inst {
    let (uses, defs) = (vec![], vec![]);
    let info = CallInfo { callee, uses, defs, clobbers: Default::default(), callee_pops: 0 };
    Inst::Call { info: Box::new(info) }
}

pub fn tail_call(callee: Callee) -> Inst {
    Inst::TailCall { info: Box::new(TailCallInfo { callee, uses: vec![], stack_bytes: 0 }) }
}

pub fn name(name: &str) -> RelocTarget {
    RelocTarget::Name(name.to_owned())
}

/// Every condition with every pattern, each over as many instructions as it says.
fn it_blocks(out: &mut Vec<Inst>) {
    let tails: Vec<Vec<bool>> = (0..4)
        .flat_map(|len| {
            (0..1 << len).map(move |bits| (0..len).map(|n| bits >> n & 1 != 0).collect())
        })
        .collect();
    for cond in Cond::ALL {
        for tail in &tails {
            let pattern = ItPattern::new(tail);
            out.push(Inst::It { cond, pattern });
            for index in 0..pattern.count() {
                let op2 = Operand2::Imm(index as u32);
                let inst = Inst::Mov { op: MovOp::Mov, s: false, rd: wr(index), op2 };
                let cond = pattern.cond(cond, index);
                out.push(Inst::Predicated { cond, inst: Box::new(inst) });
            }
        }
    }
}
