//! The parts of instructions: operations, conditions, flexible operands, addressing modes.

use regalloc2::{PReg, RegClass};
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

/// The format of a floating-point value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum FpSize {
    F32,
    F64,
}

impl FpSize {
    /// The format that a conversion goes from.
    pub const fn other(self) -> FpSize {
        match self {
            FpSize::F32 => FpSize::F64,
            FpSize::F64 => FpSize::F32,
        }
    }
}

/// `MinNum` and `MaxNum` give the number of a number and a quiet NaN, and order -0 below +0: FPv5
/// only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum FpAluOp {
    Add,
    Sub,
    Mul,
    Div,
    MinNum,
    MaxNum,
}

/// `Ceil`, `Floor`, `Trunc` and `Nearest` (ties to even) round to an integer in the same format:
/// FPv5 only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum FpUnaryOp {
    Abs,
    Neg,
    Sqrt,
    Ceil,
    Floor,
    Trunc,
    Nearest,
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

impl Cond {
    pub const ALL: [Cond; 14] = [
        Cond::Eq,
        Cond::Ne,
        Cond::Hs,
        Cond::Lo,
        Cond::Mi,
        Cond::Pl,
        Cond::Vs,
        Cond::Vc,
        Cond::Hi,
        Cond::Ls,
        Cond::Ge,
        Cond::Lt,
        Cond::Gt,
        Cond::Le,
    ];

    pub const fn bits(self) -> u32 {
        self as u32
    }

    /// The condition that holds exactly if this one does not.
    pub const fn invert(self) -> Cond {
        Cond::ALL[self as usize ^ 1]
    }
}

/// Which of the up to three instructions after the first one of an IT block are done if its
/// condition holds (then) and which if not (else).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct ItPattern {
    /// 1-4 instructions.
    len: u8,
    /// Bit n: instruction n is an else; bit 0 is clear.
    elses: u8,
}

impl ItPattern {
    /// `it`: one instruction.
    pub const T: ItPattern = ItPattern { len: 1, elses: 0 };
    pub const TT: ItPattern = ItPattern { len: 2, elses: 0 };
    pub const TE: ItPattern = ItPattern { len: 2, elses: 0b10 };

    /// Whether each instruction after the first is an else; at most three are.
    pub fn new(elses_after_first: &[bool]) -> ItPattern {
        debug_assert!(elses_after_first.len() <= 3, "an IT block holds four instructions");
        let mut pattern = ItPattern::T;
        for &is_else in elses_after_first {
            pattern.elses |= u8::from(is_else) << pattern.len;
            pattern.len += 1;
        }
        pattern
    }

    /// Number of instructions.
    pub fn count(self) -> usize {
        self.len as usize
    }

    pub fn is_else(self, index: usize) -> bool {
        self.elses >> index & 1 != 0
    }

    /// The condition of instruction `index` of a block that starts with `first`.
    pub fn cond(self, first: Cond, index: usize) -> Cond {
        if self.is_else(index) { first.invert() } else { first }
    }

    /// The mask field of IT (A7.7.38): for each further instruction the low bit of its condition,
    /// then a one that ends the list.
    pub fn mask(self, first: Cond) -> u32 {
        let mut mask = 0;
        for index in 1..self.count() {
            mask = mask << 1 | self.cond(first, index).bits() & 1;
        }
        (mask << 1 | 1) << (4 - self.len)
    }
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
    /// Bytes into the caller's stack arguments. Those of a tail call may begin before them: the frame
    /// has room for that.
    ///
    /// Invariant: loads are at the function's entry, stores before tail calls.
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

impl RegList {
    /// The core registers among these.
    pub fn from_regs(regs: impl IntoIterator<Item = PReg>) -> RegList {
        let core = regs.into_iter().filter(|reg| reg.class() == RegClass::Int);
        core.fold(RegList::default(), |list, reg| list.with(reg))
    }

    #[must_use]
    pub fn with(self, reg: PReg) -> RegList {
        RegList(self.0 | 1 << reg.hw_enc())
    }

    pub fn contains(self, reg: PReg) -> bool {
        self.0 >> reg.hw_enc() & 1 != 0
    }

    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// In order of number.
    pub fn iter(self) -> impl Iterator<Item = PReg> {
        (0..16).map(crate::regs::r).filter(move |&reg| self.contains(reg))
    }
}

/// Neighbouring d registers for vpush and vpop, one or more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DRegRange {
    pub first: u8,
    pub count: u8,
}

/// `name`: the mnemonic or the suffix.
macro_rules! names {
    ($($ty:ident: $($variant:ident $name:literal)*;)*) => {$(
        impl $ty {
            pub const fn name(self) -> &'static str {
                match self {
                    $($ty::$variant => $name,)*
                }
            }
        }
    )*};
}

names! {
    AluOp: Add "add" Adc "adc" Sub "sub" Sbc "sbc" Rsb "rsb" And "and" Orr "orr" Eor "eor"
        Bic "bic" Orn "orn";
    MovOp: Mov "mov" Mvn "mvn";
    CmpOp: Cmp "cmp" Cmn "cmn" Tst "tst" Teq "teq";
    ShiftOp: Lsl "lsl" Lsr "lsr" Asr "asr" Ror "ror";
    UnaryOp: Clz "clz" Rbit "rbit" Rev "rev" Rev16 "rev16" Revsh "revsh" Uxtb "uxtb" Uxth "uxth"
        Sxtb "sxtb" Sxth "sxth";
    ExtendOp: Uxtab "uxtab" Uxtah "uxtah" Sxtab "sxtab" Sxtah "sxtah";
    LoadOp: Ldr "ldr" Ldrb "ldrb" Ldrh "ldrh" Ldrsb "ldrsb" Ldrsh "ldrsh";
    FpSize: F32 "f32" F64 "f64";
    FpAluOp: Add "vadd" Sub "vsub" Mul "vmul" Div "vdiv" MinNum "vminnm"
        MaxNum "vmaxnm";
    FpUnaryOp: Abs "vabs" Neg "vneg" Sqrt "vsqrt" Ceil "vrintp" Floor "vrintm" Trunc "vrintz"
        Nearest "vrintn";
    StoreOp: Str "str" Strb "strb" Strh "strh";
    Cond: Eq "eq" Ne "ne" Hs "hs" Lo "lo" Mi "mi" Pl "pl" Vs "vs" Vc "vc" Hi "hi" Ls "ls"
        Ge "ge" Lt "lt" Gt "gt" Le "le";
}
