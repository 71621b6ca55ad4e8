//! The parts of instructions: operations, conditions, flexible operands, addressing modes.

use windlass_backend::reg::Reg;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum AluOp {
    Add,
    Adc,
    Sub,
    Sbc,
    Rsb,
    And,
    Orr,
    Eor,
    Bic,
    Orn,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum MovOp {
    Mov,
    Mvn,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum CmpOp {
    Cmp,
    Cmn,
    Tst,
    Teq,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ShiftOp {
    Lsl,
    Lsr,
    Asr,
    Ror,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum MulAccOp {
    Mla,
    Mls,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum UnaryOp {
    Clz,
    Rbit,
    Rev,
    Rev16,
    Revsh,
    Uxtb,
    Uxth,
    Sxtb,
    Sxth,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ExtendOp {
    Uxtab,
    Uxtah,
    Sxtab,
    Sxtah,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum LoadOp {
    Ldr,
    Ldrb,
    Ldrh,
    Ldrsb,
    Ldrsh,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum StoreOp {
    Str,
    Strb,
    Strh,
}

/// A condition, in the order of its encoding (ARMv7-M A7.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum Cond {
    Eq = 0,
    Ne = 1,
    Hs = 2,
    Lo = 3,
    Mi = 4,
    Pl = 5,
    Vs = 6,
    Vc = 7,
    Hi = 8,
    Ls = 9,
    Ge = 10,
    Lt = 11,
    Gt = 12,
    Le = 13,
}

/// The flexible second operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand2 {
    Reg(Reg),
    /// `rm, shift #amount`: amount 1-31 for lsl and ror, 1-32 for lsr and asr.
    Shifted(Reg, ShiftOp, u8),
    /// A modified immediate (ARMv7-M A5.3.2) or, for add and sub without flags, 0-4095, or, for a
    /// mov without flags, 0-65535. Lowering only builds values that fit.
    Imm(u32),
}

/// An addressing mode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AMode {
    /// `[base, #offset]`, any offset: what no encoding holds goes through ip after allocation.
    Offset { base: Reg, offset: i32 },
    /// `[base, index, lsl #shift]`, shift 0-3.
    Index { base: Reg, index: Reg, shift: u8 },
    /// Bytes into the caller's stack arguments.
    IncomingArg { offset: i32 },
    /// Bytes into the CLIF stack slots of this frame.
    StackSlot { offset: i32 },
    /// Bytes into the area for arguments of calls.
    OutgoingArg { offset: i32 },
    /// A word of the spill area.
    Spill { slot: u32 },
}

/// A set of core registers for push and pop, bit n for rn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RegList(pub u16);
