//! Calls of the runtime library.
//!
//! Routines have the base procedure call standard, all in core registers, whatever the floating
//! point unit. They find r9-r11 of the caller and leave them alone.

use smallvec::SmallVec;
use windlass_backend::compiled::RelocTarget;
use windlass_backend::isa::Isa;
use windlass_backend::lower::Lower;
use windlass_backend::reg::Reg;
use windlass_backend::runtime::RuntimeCall;

use cranelift_codegen::ir::{Type, types};
use regalloc2::RegClass;

use crate::inst::{CallInfo, Callee, Inst};
use crate::{Thumb2, abi, regs};

/// The words of a routine's arguments or results.
pub type RuntimeWords = SmallVec<[Reg; 4]>;

/// Calls a routine with its arguments' words, low words first; answers the words of its results.
pub fn emit_runtime_call(ctx: &mut Lower<Thumb2>, call: RuntimeCall, args: &[Reg]) -> RuntimeWords {
    let (params, results) = call.types(types::I32);
    debug_assert_eq!(args.len(), words(&params), "{call}");
    let defs: Vec<_> =
        (0..words(&results)).map(|n| (ctx.temp(RegClass::Int), regs::r(n))).collect();
    let outputs = defs.iter().map(|(rd, _)| rd.to_reg()).collect();
    let uses = args.iter().zip(0..).map(|(&arg, n)| (arg, regs::r(n))).collect();
    let callee = Callee::Direct(RelocTarget::Name(ctx.isa.runtime_symbol(call)));
    let clobbers = abi::call_clobbers(ctx.isa, &defs);
    ctx.frame.makes_calls = true;
    ctx.frame.calls_c = true;
    let info = CallInfo { callee, uses, defs, clobbers, callee_pops: 0 };
    ctx.emit(Inst::Call { info: Box::new(info) });
    outputs
}

/// Core registers that values of these types take.
fn words(types: &[Type]) -> usize {
    types.iter().map(|ty| ty.bytes().div_ceil(4) as usize).sum()
}
