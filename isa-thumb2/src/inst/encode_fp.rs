//! The floating-point encodings (FPv4-SP and FPv5: ARMv7-M Architecture Reference Manual, DDI
//! 0403E, A6 and A7.7), each a function named after its instruction. Every instruction has one
//! encoding, whose bit 8 tells double from single precision.
//!
//! Input: numbers of s registers (0-31) for single precision and integers, of d registers (0-15)
//! for double precision, of core registers, and raw immediates, which the caller has found to fit.
//! Output: a word with the first halfword on top. Fields are asserted, never truncated.

use super::args::{Cond, DRegRange, FpAluOp, FpSize, FpUnaryOp};

/// A register number's four bits at `at` and its fifth at `extra`: the low bit of an s register,
/// the high one, always 0 here, of a d register.
const fn fp_reg(size: FpSize, number: u32, at: u32, extra: u32) -> u32 {
    match size {
        FpSize::F32 => {
            debug_assert!(number < 32, "no such s register");
            number >> 1 << at | (number & 1) << extra
        }
        FpSize::F64 => {
            debug_assert!(number < 16, "no such d register");
            number << at
        }
    }
}

/// The destination, `D:Vd`.
const fn vd(size: FpSize, number: u32) -> u32 {
    fp_reg(size, number, 12, 22)
}

/// The first operand, `N:Vn`.
const fn vn(size: FpSize, number: u32) -> u32 {
    fp_reg(size, number, 16, 7)
}

/// The second or only operand, `M:Vm`.
const fn vm(size: FpSize, number: u32) -> u32 {
    fp_reg(size, number, 0, 5)
}

const fn sz(size: FpSize) -> u32 {
    match size {
        FpSize::F32 => 0,
        FpSize::F64 => 1 << 8,
    }
}

/// A core register but sp and pc.
const fn core(number: u32, at: u32) -> u32 {
    debug_assert!(number < 15 && number != 13, "sp and pc are no operands here");
    number << at
}

// --- Data processing (A6.4) --------------------------------------------------------------------

/// VADD, VSUB, VMUL, VDIV, and of FPv5 VMINNM and VMAXNM, which may not stand in an IT block.
pub const fn encode_fp_alu(op: FpAluOp, size: FpSize, rd: u32, rn: u32, rm: u32) -> u32 {
    let opcode = match op {
        FpAluOp::Add => 0xee30_0a00,
        FpAluOp::Sub => 0xee30_0a40,
        FpAluOp::Mul => 0xee20_0a00,
        FpAluOp::Div => 0xee80_0a00,
        FpAluOp::MinNum => 0xfe80_0a40,
        FpAluOp::MaxNum => 0xfe80_0a00,
    };
    opcode | sz(size) | vd(size, rd) | vn(size, rn) | vm(size, rm)
}

/// VABS, VNEG, VSQRT, and of FPv5 VRINTP, VRINTM, VRINTZ, VRINTN. Of these only VRINTZ may stand in
/// an IT block besides the first three.
pub const fn encode_fp_unary(op: FpUnaryOp, size: FpSize, rd: u32, rm: u32) -> u32 {
    let opcode = match op {
        FpUnaryOp::Abs => 0xeeb0_0ac0,
        FpUnaryOp::Neg => 0xeeb1_0a40,
        FpUnaryOp::Sqrt => 0xeeb1_0ac0,
        FpUnaryOp::Nearest => 0xfeb9_0a40,
        FpUnaryOp::Ceil => 0xfeba_0a40,
        FpUnaryOp::Floor => 0xfebb_0a40,
        FpUnaryOp::Trunc => 0xeeb6_0ac0,
    };
    opcode | sz(size) | vd(size, rd) | vm(size, rm)
}

pub const fn encode_vcmp(size: FpSize, rn: u32, rm: u32) -> u32 {
    0xeeb4_0a40 | sz(size) | vd(size, rn) | vm(size, rm)
}

/// `vcmp rn, #0.0`.
pub const fn encode_vcmp_zero(size: FpSize, rn: u32) -> u32 {
    0xeeb5_0a40 | sz(size) | vd(size, rn)
}

/// `vmrs apsr_nzcv, fpscr`.
pub const fn encode_vmrs_flags() -> u32 {
    0xeef1_fa10
}

/// VMOV (register).
pub const fn encode_vmov_reg(size: FpSize, rd: u32, rm: u32) -> u32 {
    0xeeb0_0a40 | sz(size) | vd(size, rd) | vm(size, rm)
}

/// VMOV (immediate).
pub const fn encode_vmov_imm(size: FpSize, rd: u32, imm8: u8) -> u32 {
    let imm = imm8 as u32;
    0xeeb0_0a00 | sz(size) | vd(size, rd) | imm >> 4 << 16 | imm & 15
}

/// VSEL (FPv5), never in an IT block; eq, vs, ge and gt exist.
pub const fn encode_vsel(cond: Cond, size: FpSize, rd: u32, rn: u32, rm: u32) -> Option<u32> {
    let cc = match cond {
        Cond::Eq => 0,
        Cond::Vs => 1,
        Cond::Ge => 2,
        Cond::Gt => 3,
        _ => return None,
    };
    Some(0xfe00_0a00 | cc << 20 | sz(size) | vd(size, rd) | vn(size, rn) | vm(size, rm))
}

/// VCVT to an integer in s register `rd`, towards zero.
pub const fn encode_vcvt_to_int(signed: bool, size: FpSize, rd: u32, rm: u32) -> u32 {
    0xeebc_0ac0 | (signed as u32) << 16 | sz(size) | vd(FpSize::F32, rd) | vm(size, rm)
}

/// VCVT from an integer in s register `rm`.
pub const fn encode_vcvt_from_int(signed: bool, size: FpSize, rd: u32, rm: u32) -> u32 {
    0xeeb8_0a40 | (signed as u32) << 7 | sz(size) | vd(size, rd) | vm(FpSize::F32, rm)
}

/// VCVT between double and single precision.
pub const fn encode_vcvt_size(to: FpSize, rd: u32, rm: u32) -> u32 {
    let from = to.other();
    0xeeb7_0ac0 | sz(from) | vd(to, rd) | vm(from, rm)
}

// --- Transfers from and to core registers (A6.6, A6.7) -----------------------------------------

/// `vmov sn, rt`.
pub const fn encode_vmov_from_core(rn: u32, rt: u32) -> u32 {
    0xee00_0a10 | vn(FpSize::F32, rn) | core(rt, 12)
}

/// `vmov rt, sn`.
pub const fn encode_vmov_to_core(rt: u32, rn: u32) -> u32 {
    0xee10_0a10 | vn(FpSize::F32, rn) | core(rt, 12)
}

/// `vmov dm, rt, rt2`.
pub const fn encode_vmov_from_core_pair(rm: u32, rt: u32, rt2: u32) -> u32 {
    0xec40_0b10 | vm(FpSize::F64, rm) | core(rt, 12) | core(rt2, 16)
}

/// `vmov rt, rt2, dm`.
pub const fn encode_vmov_to_core_pair(rt: u32, rt2: u32, rm: u32) -> u32 {
    debug_assert!(rt != rt2);
    0xec50_0b10 | vm(FpSize::F64, rm) | core(rt, 12) | core(rt2, 16)
}

// --- Loads and stores (A6.5) -------------------------------------------------------------------

/// `[rn, #offset]`: multiples of 4 from -1020 to 1020.
const fn fp_access(opcode: u32, size: FpSize, rt: u32, rn: u32, offset: i32) -> u32 {
    debug_assert!(offset % 4 == 0 && -1020 <= offset && offset <= 1020);
    debug_assert!(rn < 15, "pc is no operand here");
    let up = (offset >= 0) as u32;
    opcode | up << 23 | sz(size) | vd(size, rt) | rn << 16 | (offset.unsigned_abs() / 4)
}

pub const fn encode_vldr(size: FpSize, rt: u32, rn: u32, offset: i32) -> u32 {
    fp_access(0xed10_0a00, size, rt, rn, offset)
}

pub const fn encode_vstr(size: FpSize, rt: u32, rn: u32, offset: i32) -> u32 {
    fp_access(0xed00_0a00, size, rt, rn, offset)
}

/// The registers of vpush and vpop, by words.
const fn d_range(regs: DRegRange) -> u32 {
    debug_assert!(regs.count > 0 && regs.first + regs.count <= 16);
    vd(FpSize::F64, regs.first as u32) | (2 * regs.count as u32)
}

pub const fn encode_vpush(regs: DRegRange) -> u32 {
    0xed2d_0b00 | d_range(regs)
}

pub const fn encode_vpop(regs: DRegRange) -> u32 {
    0xecbd_0b00 | d_range(regs)
}
