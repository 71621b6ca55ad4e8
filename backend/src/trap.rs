//! Why sandboxed code stops: the numbers that objects, headers and hosts share.

use core::fmt;
use cranelift_codegen::ir::TrapCode;

/// What code calls instead of `udf` (`TrapMode::Call`), with the trap's code as its only argument, the
/// instance in its register and, in the return address, the place. It never returns, and the stack may
/// not be aligned.
pub const HANDLER: &str = "windlass_trap";

/// A trap, with the code that `udf #code` carries and `<module>_trap` returns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Trap {
    Unreachable = 0,
    IntegerDivideByZero = 1,
    IntegerOverflow = 2,
    InvalidConversionToInteger = 3,
    MemoryOutOfBounds = 4,
    TableOutOfBounds = 5,
    UndefinedElement = 6,
    NullReference = 7,
    IndirectCallTypeMismatch = 8,
    StackExhausted = 9,
    Interrupted = 10,
    OutOfFuel = 11,
}

impl Trap {
    /// Every trap, in order of its code.
    pub const ALL: [Trap; 12] = [
        Trap::Unreachable,
        Trap::IntegerDivideByZero,
        Trap::IntegerOverflow,
        Trap::InvalidConversionToInteger,
        Trap::MemoryOutOfBounds,
        Trap::TableOutOfBounds,
        Trap::UndefinedElement,
        Trap::NullReference,
        Trap::IndirectCallTypeMismatch,
        Trap::StackExhausted,
        Trap::Interrupted,
        Trap::OutOfFuel,
    ];

    pub fn code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u8) -> Option<Trap> {
        Trap::ALL.get(code as usize).copied()
    }

    /// The wording of the wasm specification's test suite.
    pub fn message(self) -> &'static str {
        match self {
            Trap::Unreachable => "unreachable",
            Trap::IntegerDivideByZero => "integer divide by zero",
            Trap::IntegerOverflow => "integer overflow",
            Trap::InvalidConversionToInteger => "invalid conversion to integer",
            Trap::MemoryOutOfBounds => "out of bounds memory access",
            Trap::TableOutOfBounds => "out of bounds table access",
            Trap::UndefinedElement => "undefined element",
            Trap::NullReference => "null reference",
            Trap::IndirectCallTypeMismatch => "indirect call type mismatch",
            Trap::StackExhausted => "call stack exhausted",
            Trap::Interrupted => "interrupted",
            Trap::OutOfFuel => "out of fuel",
        }
    }

    /// The CLIF trap code that stands for this trap.
    pub fn to_clif(self) -> TrapCode {
        match self {
            Trap::IntegerDivideByZero => TrapCode::INTEGER_DIVISION_BY_ZERO,
            Trap::IntegerOverflow => TrapCode::INTEGER_OVERFLOW,
            Trap::InvalidConversionToInteger => TrapCode::BAD_CONVERSION_TO_INTEGER,
            Trap::MemoryOutOfBounds => TrapCode::HEAP_OUT_OF_BOUNDS,
            Trap::StackExhausted => TrapCode::STACK_OVERFLOW,
            // User codes are non-zero.
            other => TrapCode::unwrap_user(other.code() + 1),
        }
    }

    /// The trap of a CLIF trap code; a user code that is no trap of ours reads as `unreachable`.
    pub fn from_clif(code: TrapCode) -> Trap {
        match code {
            TrapCode::INTEGER_DIVISION_BY_ZERO => Trap::IntegerDivideByZero,
            TrapCode::INTEGER_OVERFLOW => Trap::IntegerOverflow,
            TrapCode::BAD_CONVERSION_TO_INTEGER => Trap::InvalidConversionToInteger,
            TrapCode::HEAP_OUT_OF_BOUNDS => Trap::MemoryOutOfBounds,
            TrapCode::STACK_OVERFLOW => Trap::StackExhausted,
            other => {
                Trap::from_code(other.as_raw().get().wrapping_sub(1)).unwrap_or(Trap::Unreachable)
            }
        }
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}
