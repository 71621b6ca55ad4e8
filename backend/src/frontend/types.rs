//! Wasm types in CLIF and in the interface: the one table.

use crate::error::{Error, Result};
use crate::module::{FuncType, ValType};
use cranelift_codegen::ir::{self, AbiParam, ArgumentPurpose, Signature, types};
use cranelift_codegen::isa::CallConv;

/// The CLIF type that holds a wasm value.
pub fn clif_type(ty: ValType) -> ir::Type {
    match ty {
        ValType::I32 | ValType::FuncRef | ValType::ExternRef => types::I32,
        ValType::I64 => types::I64,
        ValType::F32 => types::F32,
        ValType::F64 => types::F64,
    }
}

/// The type, if windlass translates it; `what` names the thing that has the type.
pub fn translated(ty: wasmparser::ValType, what: &str) -> Result<ValType> {
    use wasmparser::ValType as Wasm;
    match ty {
        Wasm::I32 => Ok(ValType::I32),
        Wasm::I64 => Ok(ValType::I64),
        Wasm::F32 => Ok(ValType::F32),
        Wasm::F64 => Ok(ValType::F64),
        Wasm::FUNCREF => Ok(ValType::FuncRef),
        Wasm::EXTERNREF => Ok(ValType::ExternRef),
        other => Err(Error::unsupported(format!("{what} of type {other}"))),
    }
}

/// A function type, if windlass translates all of it.
pub fn func_type(ty: &wasmparser::FuncType) -> Result<FuncType> {
    let all = |types: &[wasmparser::ValType], what: &str| {
        types.iter().map(|&t| translated(t, what)).collect::<Result<Vec<_>>>()
    };
    Ok(FuncType {
        params: all(ty.params(), "a parameter")?,
        results: all(ty.results(), "a result")?,
    })
}

/// The signature of a function in the internal convention: the instance, then the parameters.
pub fn internal_signature(ty: &FuncType) -> Signature {
    let mut sig = Signature::new(CallConv::Tail);
    sig.params.push(AbiParam::special(types::I32, ArgumentPurpose::VMContext));
    sig.params.extend(ty.params.iter().map(|&t| AbiParam::new(clif_type(t))));
    sig.returns.extend(ty.results.iter().map(|&t| AbiParam::new(clif_type(t))));
    sig
}

/// The signature of the same function as C sees it: the owner (instance or context pointer), then
/// the parameters. Several results are a struct, returned through a pointer that comes first
/// (AAPCS32, section 6.4: composite types larger than 4 bytes), or as if each were a result if
/// `floats_in_registers` (6.5, VFP variant) and it is a homogeneous aggregate.
pub fn c_signature(ty: &FuncType, floats_in_registers: bool) -> Signature {
    let mut sig = Signature::new(CallConv::SystemV);
    let single = ty.results.len() <= 1 || floats_in_registers && is_homogeneous(ty);
    if single {
        sig.returns.extend(ty.results.iter().map(|&t| AbiParam::new(clif_type(t))));
    } else {
        sig.params.push(AbiParam::special(types::I32, ArgumentPurpose::StructReturn));
    }
    sig.params.push(AbiParam::new(types::I32));
    sig.params.extend(ty.params.iter().map(|&t| AbiParam::new(clif_type(t))));
    sig
}

/// Whether the results are a homogeneous aggregate of floats: up to four of one format (AAPCS32,
/// section 5.3.5).
fn is_homogeneous(ty: &FuncType) -> bool {
    let all = |format| ty.results.iter().all(|&result| result == format);
    ty.results.len() <= 4 && (all(ValType::F32) || all(ValType::F64))
}

/// The signature of `Helper::Switch`: that of C, with the function behind the instance.
pub fn switch_signature(ty: &FuncType, floats_in_registers: bool) -> Signature {
    let mut sig = c_signature(ty, floats_in_registers);
    let behind = 1 + usize::from(returns_struct(&sig));
    sig.params.insert(behind, AbiParam::new(types::I32));
    sig
}

/// Whether a signature of C has a pointer to the struct of results.
pub fn returns_struct(sig: &Signature) -> bool {
    sig.params.first().is_some_and(|param| param.purpose == ArgumentPurpose::StructReturn)
}

/// Layout of the struct of results: each field's offset at natural alignment, and its size.
pub fn result_struct(ty: &FuncType) -> (Vec<i32>, u32) {
    let mut size = 0u32;
    let mut align = 1;
    let mut offsets = Vec::with_capacity(ty.results.len());
    for &result in &ty.results {
        let bytes = clif_type(result).bytes();
        align = align.max(bytes);
        size = size.next_multiple_of(bytes);
        offsets.push(size as i32);
        size += bytes;
    }
    (offsets, size.next_multiple_of(align))
}

/// The name of the symbol whose address identifies the type in all objects of a program.
pub fn signature_symbol(ty: &FuncType) -> String {
    let letter = |ty: &ValType| match ty {
        ValType::I32 => 'i',
        ValType::I64 => 'l',
        ValType::F32 => 'f',
        ValType::F64 => 'd',
        ValType::FuncRef => 'p',
        ValType::ExternRef => 'x',
    };
    let letters = |types: &[ValType]| types.iter().map(letter).collect::<String>();
    format!("__windlass_sig_{}_{}", letters(&ty.params), letters(&ty.results))
}

/// An AAPCS signature over 32-bit words.
pub fn word_signature(params: usize, results: usize) -> Signature {
    let mut sig = Signature::new(CallConv::SystemV);
    sig.params = vec![AbiParam::new(types::I32); params];
    sig.returns = vec![AbiParam::new(types::I32); results];
    sig
}
