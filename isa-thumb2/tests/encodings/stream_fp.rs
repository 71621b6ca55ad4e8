//! The floating-point instructions over s registers on both sides of every field's border, single
//! precision in d registers, double precision, all immediates and the ends of the offsets.

use crate::stream::{reg, wr};
use windlass_backend::reg::{Reg, Writable};
use windlass_isa_thumb2::inst::Inst;
use windlass_isa_thumb2::inst::args::FpSize::{F32, F64};
use windlass_isa_thumb2::inst::args::*;
use windlass_isa_thumb2::regs::{SP, d, s};

const FP_ALU: [FpAluOp; 6] = {
    use FpAluOp::*;
    [Add, Sub, Mul, Div, MinNum, MaxNum]
};
const FP_UNARY: [FpUnaryOp; 7] = {
    use FpUnaryOp::*;
    [Abs, Neg, Sqrt, Ceil, Floor, Trunc, Nearest]
};
const SELECTABLE: [Cond; 4] = [Cond::Eq, Cond::Vs, Cond::Ge, Cond::Gt];

/// Where a value of a size may be.
fn places(size: FpSize) -> Vec<Reg> {
    let doubles = [0, 1, 7, 8, 15].map(|n| d(n).into());
    match size {
        F32 => [0, 1, 2, 15, 16, 30, 31].map(|n| s(n).into()).into_iter().chain(doubles).collect(),
        F64 => doubles.to_vec(),
    }
}

fn written(reg: Reg) -> Writable<Reg> {
    Writable::from_reg(reg)
}

/// Adds for each pair of places of two sizes.
fn pairs(
    out: &mut Vec<Inst>,
    to: FpSize,
    from: FpSize,
    build: impl Fn(Writable<Reg>, Reg) -> Inst,
) {
    for rd in places(to) {
        out.extend(places(from).into_iter().map(|rm| build(written(rd), rm)));
    }
}

/// What may stand in an IT block too.
pub fn plain(out: &mut Vec<Inst>) {
    for size in [F32, F64] {
        arithmetic(size, out);
        conversions(size, out);
        memory(size, out);
    }
    transfers(out);
    out.push(Inst::VMrsFlags);
    for first in 0..16 {
        for count in 1..=16 - first {
            let regs = DRegRange { first, count };
            out.extend([Inst::VPush { regs }, Inst::VPop { regs }]);
        }
    }
}

fn arithmetic(size: FpSize, out: &mut Vec<Inst>) {
    for rm in places(size) {
        for op in FP_ALU {
            pairs(out, size, size, |rd, rn| Inst::FpAlu { op, size, rd, rn, rm });
        }
    }
    for op in FP_UNARY {
        pairs(out, size, size, |rd, rm| Inst::FpUnary { op, size, rd, rm });
    }
    pairs(out, size, size, |rd, rm| Inst::FpMov { size, rd, rm });
    pairs(out, size, size, |rn, rm| Inst::VCmp { size, rn: rn.to_reg(), rm: Some(rm) });
    for reg in places(size) {
        out.push(Inst::VCmp { size, rn: reg, rm: None });
        out.extend((0..=u8::MAX).map(|imm8| Inst::FpImm { size, rd: written(reg), imm8 }));
    }
}

fn conversions(size: FpSize, out: &mut Vec<Inst>) {
    for signed in [false, true] {
        pairs(out, F32, size, |rd, rm| Inst::FpToInt { signed, size, rd, rm });
        pairs(out, size, F32, |rd, rm| Inst::IntToFp { signed, size, rd, rm });
    }
    pairs(out, size, size.other(), |rd, rm| Inst::FpConvert { to: size, rd, rm });
}

fn memory(size: FpSize, out: &mut Vec<Inst>) {
    for base in [0, 7, 8, 12, 14, SP.hw_enc()] {
        for offset in [0, 4, 8, 508, 1016, 1020, -4, -8, -1016, -1020] {
            let addr = AMode::Offset { base: reg(base), offset };
            for rt in places(size) {
                out.push(Inst::FpLoad { size, rt: written(rt), addr });
                out.push(Inst::FpStore { size, rt, addr });
            }
        }
    }
}

fn transfers(out: &mut Vec<Inst>) {
    for core in [0, 1, 7, 8, 12, 14] {
        for single in places(F32) {
            out.push(Inst::CoreToFp { rd: written(single), rt: reg(core) });
            out.push(Inst::FpToCore { rt: wr(core), rn: single });
        }
        for (double, rt2) in places(F64).into_iter().flat_map(|d| [2, 11, 3].map(|rt2| (d, rt2))) {
            out.push(Inst::CorePairToFp { rd: written(double), rt: reg(core), rt2: reg(rt2) });
            out.push(Inst::FpToCorePair { rt: wr(core), rt2: wr(rt2), rn: double });
        }
    }
}

/// What stands outside IT blocks only.
pub fn unconditional(out: &mut Vec<Inst>) {
    for size in [F32, F64] {
        for (cond, rm) in
            SELECTABLE.into_iter().flat_map(|c| places(size).into_iter().map(move |r| (c, r)))
        {
            pairs(out, size, size, |rd, rn| Inst::FpSelect { cond, size, rd, rn, rm });
        }
    }
}
