//! Where the conventions have arguments and results.

use cranelift_codegen::ir::{AbiParam, ArgumentPurpose, Signature, Type, types};
use cranelift_codegen::isa::CallConv;
use regalloc2::PReg;
use smallvec::{SmallVec, smallvec};
use windlass_backend::{Error, Result};

use crate::{Thumb2, regs};

/// Where a value, or one word of it, travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Reg(PReg),
    /// Byte offset in the stack arguments or the result area.
    Memory(u32),
    /// The instance, which is in r9 throughout.
    Instance,
}

/// One place for a whole value, or one for each of its words, low word first.
pub type ValuePlaces = SmallVec<[Place; 2]>;

/// The places of a list of parameters or results, and the bytes of memory they take.
pub struct Places {
    pub of: Vec<ValuePlaces>,
    pub bytes: u32,
}

/// A signature's places.
pub struct SigPlaces {
    pub params: Places,
    pub results: Places,
    /// Where the address of the result area travels, if there is one.
    pub area: Option<Place>,
    pub internal: bool,
}

/// Core registers for arguments and results.
pub const ARG_REGS: u32 = 4;

/// s registers for arguments and results, and d registers.
pub const FP_ARG_SINGLES: u32 = 16;
pub const FP_ARG_DOUBLES: u32 = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Convention {
    Internal,
    Base,
    /// The VFP variant.
    Vfp,
}

/// Hands out registers, then memory.
struct Assigner<'a> {
    isa: &'a Thumb2,
    convention: Convention,
    /// 64-bit values begin at even registers and multiples of 8.
    even_pairs: bool,
    next_reg: u32,
    /// Internal: the next floating-point register.
    next_fp: u32,
    /// VFP variant: bit n for sn.
    free_singles: u32,
    bytes: u32,
}

impl<'a> Assigner<'a> {
    fn new(isa: &'a Thumb2, convention: Convention, even_pairs: bool) -> Self {
        let free_singles = (1 << FP_ARG_SINGLES) - 1;
        let (next_reg, next_fp, bytes) = (0, 0, 0);
        Assigner { isa, convention, even_pairs, next_reg, next_fp, free_singles, bytes }
    }

    fn assign(&mut self, list: &[AbiParam]) -> Result<Places> {
        let of = list.iter().map(|param| self.value(param)).collect::<Result<_>>()?;
        Ok(Places { of, bytes: self.bytes })
    }

    fn value(&mut self, param: &AbiParam) -> Result<ValuePlaces> {
        let internal = self.convention == Convention::Internal;
        Ok(match param.value_type {
            _ if param.purpose == ArgumentPurpose::VMContext && internal => {
                smallvec![Place::Instance]
            }
            ty if internal && self.isa.fp_size(ty).is_some() => smallvec![self.float(ty)],
            ty if self.convention == Convention::Vfp && ty.is_float() => self.vfp_value(ty),
            types::I8 | types::I16 | types::I32 | types::F32 => smallvec![self.word()],
            types::I64 | types::F64 => {
                if self.even_pairs {
                    self.align_pair();
                }
                smallvec![self.word(), self.word()]
            }
            ty => return Err(Error::unsupported(format!("a parameter or result of type {ty}"))),
        })
    }

    fn word(&mut self) -> Place {
        if self.next_reg < ARG_REGS {
            self.next_reg += 1;
            return Place::Reg(regs::r(self.next_reg as usize - 1));
        }
        self.memory(4)
    }

    fn memory(&mut self, bytes: u32) -> Place {
        self.bytes += bytes;
        Place::Memory(self.bytes - bytes)
    }

    /// The next register is even, or no register is left and memory is at a multiple of 8.
    fn align_pair(&mut self) {
        self.next_reg = self.next_reg.next_multiple_of(2);
        if self.next_reg >= ARG_REGS {
            self.bytes = self.bytes.next_multiple_of(8);
        }
    }

    /// One register for each value, whatever its format.
    fn float(&mut self, ty: Type) -> Place {
        let index = self.next_fp as usize;
        self.next_fp += 1;
        match self.isa.has_doubles() {
            false if self.next_fp <= FP_ARG_SINGLES => Place::Reg(regs::s(index)),
            true if self.next_fp <= FP_ARG_DOUBLES => Place::Reg(regs::d(index)),
            _ => self.memory(ty.bytes()),
        }
    }

    fn vfp_value(&mut self, ty: Type) -> ValuePlaces {
        let whole = ty == types::F32 || self.isa.has_doubles();
        let (count, step) = if ty == types::F32 { (1, 1) } else { (2, 2) };
        let mask = |first: u32| ((1 << count) - 1) << first;
        let mut firsts = (0..FP_ARG_SINGLES).step_by(step);
        let Some(first) = firsts.find(|&n| self.free_singles & mask(n) == mask(n)) else {
            self.free_singles = 0;
            self.bytes = self.bytes.next_multiple_of(ty.bytes());
            return match whole {
                true => smallvec![self.memory(ty.bytes())],
                false => smallvec![self.memory(4), self.memory(4)],
            };
        };
        self.free_singles &= !mask(first);
        let first = first as usize;
        match (ty, whole) {
            (types::F32, _) => smallvec![Place::Reg(regs::s(first))],
            (_, true) => smallvec![Place::Reg(regs::d(first / 2))],
            (_, false) => smallvec![Place::Reg(regs::s(first)), Place::Reg(regs::s(first + 1))],
        }
    }
}

impl SigPlaces {
    pub fn new(isa: &Thumb2, sig: &Signature) -> Result<SigPlaces> {
        let internal = sig.call_conv == CallConv::Tail;
        let convention = match isa.settings.hard_float() {
            _ if internal => Convention::Internal,
            true => Convention::Vfp,
            false => Convention::Base,
        };
        let results = Assigner::new(isa, convention, false).assign(&sig.returns)?;
        let mut assigner = Assigner::new(isa, convention, !internal);
        let mut params = assigner.assign(&sig.params)?;
        if results.bytes > 0 && !internal {
            return Err(Error::unsupported(
                "more than four result words outside of wasm functions",
            ));
        }
        let area = (results.bytes > 0).then(|| assigner.word());
        params.bytes = assigner.bytes;
        Ok(SigPlaces { params, results, area, internal })
    }

    /// Bytes that the callee pops.
    pub fn callee_pops(&self) -> u32 {
        if self.internal { stack_aligned(self.params.bytes) } else { 0 }
    }

    /// The result area's offset in the outgoing area.
    pub fn area_offset(&self) -> u32 {
        stack_aligned(self.params.bytes)
    }
}

/// sp is a multiple of 8 at calls.
pub fn stack_aligned(bytes: u32) -> u32 {
    bytes.next_multiple_of(8)
}
