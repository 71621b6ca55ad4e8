//! Values and traps of wasmi as ours, and back.

use wasmi::TrapCode;
use windlass::Trap;
use windlass::value::Val;
use windlass_backend::module::ValType;

/// The type of a value that wasm code passes to a host.
pub fn from_wasmi_type(ty: wasmi::ValType) -> ValType {
    match ty {
        wasmi::ValType::I32 => ValType::I32,
        wasmi::ValType::I64 => ValType::I64,
        wasmi::ValType::F32 => ValType::F32,
        wasmi::ValType::F64 => ValType::F64,
        wasmi::ValType::FuncRef => ValType::FuncRef,
        wasmi::ValType::ExternRef => ValType::ExternRef,
        other => panic!("a value of type {other:?}"),
    }
}

/// A reference becomes null: it has no meaning elsewhere.
pub fn to_wasmi(value: Val) -> wasmi::Val {
    match value {
        Val::I32(v) => wasmi::Val::I32(v),
        Val::I64(v) => wasmi::Val::I64(v),
        Val::F32(bits) => wasmi::Val::F32(wasmi::F32::from_bits(bits)),
        Val::F64(bits) => wasmi::Val::F64(wasmi::F64::from_bits(bits)),
        Val::FuncRef(_) => wasmi::Val::default_for_ty(wasmi::ValType::FuncRef),
        Val::ExternRef(_) => wasmi::Val::default_for_ty(wasmi::ValType::ExternRef),
    }
}

/// A reference becomes 1 if it is not null.
pub fn from_wasmi(value: &wasmi::Val) -> Val {
    match value {
        wasmi::Val::I32(v) => Val::I32(*v),
        wasmi::Val::I64(v) => Val::I64(*v),
        wasmi::Val::F32(v) => Val::F32(v.to_bits()),
        wasmi::Val::F64(v) => Val::F64(v.to_bits()),
        wasmi::Val::FuncRef(reference) => Val::FuncRef(u32::from(!reference.is_null())),
        wasmi::Val::ExternRef(reference) => Val::ExternRef(u32::from(!reference.is_null())),
        other => panic!("no scalar: {other:?}"),
    }
}

/// The trap that an error stands for; the error's text if it is none.
pub fn trap(error: &wasmi::Error) -> Result<Trap, String> {
    Ok(match error.as_trap_code() {
        Some(TrapCode::UnreachableCodeReached) => Trap::Unreachable,
        Some(TrapCode::MemoryOutOfBounds) => Trap::MemoryOutOfBounds,
        Some(TrapCode::TableOutOfBounds) => Trap::TableOutOfBounds,
        Some(TrapCode::IndirectCallToNull) => Trap::NullReference,
        Some(TrapCode::BadSignature) => Trap::IndirectCallTypeMismatch,
        Some(TrapCode::IntegerDivisionByZero) => Trap::IntegerDivideByZero,
        Some(TrapCode::IntegerOverflow) => Trap::IntegerOverflow,
        Some(TrapCode::BadConversionToInteger) => Trap::InvalidConversionToInteger,
        Some(TrapCode::StackOverflow) => Trap::StackExhausted,
        // An element segment that does not fit has no code of its own.
        None if error.to_string().starts_with("out of bounds table access") => {
            Trap::TableOutOfBounds
        }
        _ => return Err(format!("wasmi: {error}")),
    })
}
