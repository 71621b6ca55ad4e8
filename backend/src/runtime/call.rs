//! The routines' names, signatures and number formats.

use core::fmt;
use cranelift_codegen::ir::types::{F32, F64, I32, I64};
use cranelift_codegen::ir::{AbiParam, ExternalName, LibCall, Signature, Type};
use cranelift_codegen::isa::CallConv;

/// A binary interchange format of IEEE 754.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Float {
    F32,
    F64,
}

impl Float {
    pub const ALL: [Float; 2] = [Float::F32, Float::F64];

    /// The format of a CLIF type.
    pub fn of(ty: Type) -> Option<Float> {
        match ty {
            F32 => Some(Float::F32),
            F64 => Some(Float::F64),
            _ => None,
        }
    }

    /// The integer that holds a value's bits.
    pub fn bits_type(self) -> Type {
        match self {
            Float::F32 => I32,
            Float::F64 => I64,
        }
    }

    /// Width of the value.
    pub fn width(self) -> u32 {
        self.bits_type().bits()
    }

    /// Width of the stored fraction.
    pub fn fraction_bits(self) -> u32 {
        match self {
            Float::F32 => 23,
            Float::F64 => 52,
        }
    }

    pub fn exponent_bits(self) -> u32 {
        self.width() - 1 - self.fraction_bits()
    }

    /// The exponent field of infinities and NaNs.
    pub fn max_exponent(self) -> u64 {
        (1 << self.exponent_bits()) - 1
    }

    /// The exponent field of 1.0.
    pub fn bias(self) -> u64 {
        self.max_exponent() >> 1
    }

    pub fn sign_bit(self) -> u64 {
        1 << (self.width() - 1)
    }

    /// All bits but the sign.
    pub fn magnitude_mask(self) -> u64 {
        self.sign_bit() - 1
    }

    /// The leading bit of a normal number's significand, which is not stored.
    pub fn implicit_bit(self) -> u64 {
        1 << self.fraction_bits()
    }

    pub fn fraction_mask(self) -> u64 {
        self.implicit_bit() - 1
    }

    pub fn infinity(self) -> u64 {
        self.max_exponent() << self.fraction_bits()
    }

    pub fn quiet_bit(self) -> u64 {
        self.implicit_bit() >> 1
    }

    /// The canonical NaN.
    pub fn nan(self) -> u64 {
        self.infinity() | self.quiet_bit()
    }

    pub fn one(self) -> u64 {
        self.bias() << self.fraction_bits()
    }
}

/// An integer type with its sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Int {
    I32,
    U32,
    I64,
    U64,
}

impl Int {
    pub const ALL: [Int; 4] = [Int::I32, Int::U32, Int::I64, Int::U64];

    /// A CLIF type read as signed or unsigned.
    pub fn of(ty: Type, signed: bool) -> Option<Int> {
        match (ty, signed) {
            (I32, true) => Some(Int::I32),
            (I32, false) => Some(Int::U32),
            (I64, true) => Some(Int::I64),
            (I64, false) => Some(Int::U64),
            _ => None,
        }
    }

    pub fn ty(self) -> Type {
        match self {
            Int::I32 | Int::U32 => I32,
            Int::I64 | Int::U64 => I64,
        }
    }

    pub fn signed(self) -> bool {
        matches!(self, Int::I32 | Int::I64)
    }
}

/// A comparison that answers 0 or 1. All but `Unordered` are false if an operand is a NaN.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Comparison {
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Unordered,
}

/// Rounding to an integer in the same format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rounding {
    Ceil,
    Floor,
    Trunc,
    /// Ties to even.
    Nearest,
}

/// A routine of the runtime library.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RuntimeCall {
    /// Dividend and divisor to quotient and remainder, of 64 bits. The divisor is not zero; the
    /// quotient wraps.
    DivRem {
        signed: bool,
    },
    Add(Float),
    Sub(Float),
    Mul(Float),
    Div(Float),
    Sqrt(Float),
    /// A NaN operand gives a NaN; -0 is less than +0.
    Min(Float),
    Max(Float),
    Round(Float, Rounding),
    Compare(Float, Comparison),
    /// Truncates a number that is in range.
    ToInt {
        from: Float,
        to: Int,
    },
    /// Truncates; saturates out of range, and a NaN gives 0.
    ToIntSat {
        from: Float,
        to: Int,
    },
    FromInt {
        from: Int,
        to: Float,
    },
    Promote,
    Demote,
    /// Destination, source, number of bytes; they may overlap.
    Memmove,
    /// Destination, number of bytes, the byte.
    Memset,
}

impl RuntimeCall {
    /// Every routine.
    pub fn all() -> Vec<RuntimeCall> {
        use RuntimeCall::*;
        let mut all = vec![Promote, Demote, Memmove, Memset];
        all.extend([false, true].map(|signed| DivRem { signed }));
        for f in Float::ALL {
            all.extend([Add, Sub, Mul, Div, Sqrt, Min, Max].map(|op: fn(Float) -> _| op(f)));
            all.extend(
                [Rounding::Ceil, Rounding::Floor, Rounding::Trunc, Rounding::Nearest]
                    .map(|rounding| Round(f, rounding)),
            );
            all.extend(
                [
                    Comparison::Equal,
                    Comparison::Less,
                    Comparison::LessEqual,
                    Comparison::Greater,
                    Comparison::GreaterEqual,
                    Comparison::Unordered,
                ]
                .map(|comparison| Compare(f, comparison)),
            );
            all.extend(Int::ALL.map(|to| ToInt { from: f, to }));
            all.extend(Int::ALL.map(|to| ToIntSat { from: f, to }));
            all.extend(Int::ALL.map(|from| FromInt { from, to: f }));
        }
        all
    }

    /// The routine that CLIF calls by `name`. Arguments are the routine's, not those of C.
    pub fn named(name: &ExternalName) -> Option<RuntimeCall> {
        match name {
            ExternalName::LibCall(LibCall::Memcpy | LibCall::Memmove) => Some(RuntimeCall::Memmove),
            ExternalName::LibCall(LibCall::Memset) => Some(RuntimeCall::Memset),
            _ => None,
        }
    }

    /// Types of the parameters and results; addresses and sizes are of type `pointer`.
    pub fn types(self, pointer: Type) -> (Vec<Type>, Vec<Type>) {
        use RuntimeCall::*;
        match self {
            DivRem { .. } => (vec![I64; 2], vec![I64; 2]),
            Add(f) | Sub(f) | Mul(f) | Div(f) | Min(f) | Max(f) => {
                (vec![f.bits_type(); 2], vec![f.bits_type()])
            }
            Sqrt(f) | Round(f, _) => (vec![f.bits_type()], vec![f.bits_type()]),
            Compare(f, _) => (vec![f.bits_type(); 2], vec![I32]),
            ToInt { from, to } | ToIntSat { from, to } => (vec![from.bits_type()], vec![to.ty()]),
            FromInt { from, to } => (vec![from.ty()], vec![to.bits_type()]),
            Promote => (vec![I32], vec![I64]),
            Demote => (vec![I64], vec![I32]),
            Memmove => (vec![pointer; 3], vec![]),
            Memset => (vec![pointer, pointer, I32], vec![]),
        }
    }

    /// The platform's convention, all in core registers.
    pub fn signature(self, pointer: Type) -> Signature {
        let (params, results) = self.types(pointer);
        let mut signature = Signature::new(CallConv::SystemV);
        signature.params.extend(params.into_iter().map(AbiParam::new));
        signature.returns.extend(results.into_iter().map(AbiParam::new));
        signature
    }

    /// The routine that this one calls.
    pub fn callee(self) -> Option<RuntimeCall> {
        match self {
            RuntimeCall::DivRem { signed: true } => Some(RuntimeCall::DivRem { signed: false }),
            RuntimeCall::Sub(f) => Some(RuntimeCall::Add(f)),
            _ => None,
        }
    }

    /// The symbol where no standard names one.
    pub fn default_symbol(self) -> String {
        format!("__windlass_{self}")
    }
}

/// The name in symbols: a C identifier.
impl fmt::Display for RuntimeCall {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use RuntimeCall::*;
        match *self {
            DivRem { signed: true } => out.write_str("i64divrem"),
            DivRem { signed: false } => out.write_str("u64divrem"),
            Add(f) => write!(out, "{f}add"),
            Sub(f) => write!(out, "{f}sub"),
            Mul(f) => write!(out, "{f}mul"),
            Div(f) => write!(out, "{f}div"),
            Sqrt(f) => write!(out, "{f}sqrt"),
            Min(f) => write!(out, "{f}min"),
            Max(f) => write!(out, "{f}max"),
            Round(f, rounding) => write!(out, "{f}{rounding}"),
            Compare(f, comparison) => write!(out, "{f}{comparison}"),
            ToInt { from, to } => write!(out, "{from}to{to}"),
            ToIntSat { from, to } => write!(out, "{from}to{to}_sat"),
            FromInt { from, to } => write!(out, "{from}to{to}"),
            Promote => out.write_str("f32tof64"),
            Demote => out.write_str("f64tof32"),
            Memmove => out.write_str("memmove"),
            Memset => out.write_str("memset"),
        }
    }
}

impl fmt::Display for Float {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Float::F32 => "f32",
            Float::F64 => "f64",
        })
    }
}

impl fmt::Display for Int {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Int::I32 => "i32",
            Int::U32 => "u32",
            Int::I64 => "i64",
            Int::U64 => "u64",
        })
    }
}

impl fmt::Display for Rounding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Rounding::Ceil => "ceil",
            Rounding::Floor => "floor",
            Rounding::Trunc => "trunc",
            Rounding::Nearest => "nearest",
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Comparison::Equal => "eq",
            Comparison::Less => "lt",
            Comparison::LessEqual => "le",
            Comparison::Greater => "gt",
            Comparison::GreaterEqual => "ge",
            Comparison::Unordered => "un",
        })
    }
}
