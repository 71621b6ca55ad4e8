//! Calling conventions: where arguments and results are, and the code around calls.
//!
//! AAPCS (base variant): words in r0-r3, then on the stack; 64-bit values in even pairs and at
//! multiples of 8, and what follows a value on the stack is there too (AAPCS32 6.5, C.3 to C.8);
//! the caller pops. Up to four result words in r0-r3, as they come. Floats are as integers of their
//! size. The VFP variant (6.5, C.1.vfp and C.2.vfp) takes them in s0-s15: an f32 in the first that
//! is free, an f64 in the first free d register, and once one is on the stack, all others.
//!
//! Internal (`CallConv::Tail`): the instance in r9, words in r0-r3 as they come, then on the
//! stack; the callee pops. Result words in r0-r3; if there are more, the rest goes to an area of
//! the caller's, whose address is the last argument. Values of floating-point registers go one
//! each in s0-s15 or d0-d7.
//!
//! ```text
//! the outgoing area of a caller:   | result area | (high)
//!                                  | arguments   | <- sp during the call
//! ```
//!
//! A callee that pops leaves sp at the result area, which therefore stays above sp throughout.
//!
//! Tail calls are of the internal convention only. The callee's stack arguments end where those of
//! this function end, so that sp comes out right whichever function returns, and the result area
//! is handed on. They are stored over this function's own, all of which were read at its entry.

mod passing;
mod places;

use cranelift_codegen::ir::{
    self, AbiParam, ArgumentExtension, ExternalName, FuncRef, InstructionData, SigRef, Signature,
    Value, types,
};
use cranelift_codegen::isa::CallConv;
use regalloc2::{PReg, PRegSet, RegClass};
use smallvec::smallvec;
use windlass_backend::compiled::RelocTarget;
use windlass_backend::instance::{ContextReg, offset};
use windlass_backend::isa::{InstOutput, Isa};
use windlass_backend::lower::Lower;
use windlass_backend::module::SymbolId;
use windlass_backend::reg::{Reg, ValueRegs, Writable};
use windlass_backend::runtime::RuntimeCall;
use windlass_backend::{Error, Result};

use crate::Thumb2;
use crate::inst::args::{AMode, MovOp, Operand2, UnaryOp};
use crate::inst::{CallInfo, Callee, Inst, TailCallInfo, WritableReg};
use crate::lower::runtime::{RuntimeWords, emit_runtime_call};
use crate::regs;
use passing::{Arrivals, Departures};
use places::{ARG_REGS, FP_ARG_DOUBLES, FP_ARG_SINGLES, Place, SigPlaces, stack_aligned};

fn context_pair() -> Inst {
    Inst::LoadPair {
        rt: Writable::from_reg(regs::MEM0_BYTES.into()),
        rt2: Writable::from_reg(regs::MEM0_BASE.into()),
        addr: AMode::Offset { base: regs::INSTANCE.into(), offset: offset::MEM0_BYTES },
    }
}

fn mov(rd: WritableReg, from: Reg) -> Inst {
    Inst::Mov { op: MovOp::Mov, s: false, rd, op2: Operand2::Reg(from) }
}

/// Does this function pop its own stack arguments?
pub fn pops_incoming(sig: &Signature) -> bool {
    sig.call_conv == CallConv::Tail
}

/// Defines the parameters that are read.
pub fn gen_entry(ctx: &mut Lower<Thumb2>) -> Result<()> {
    let func = ctx.func;
    let places = SigPlaces::new(ctx.isa, &func.signature)?;
    ctx.frame.incoming_bytes = stack_aligned(places.params.bytes);
    let entry = func.layout.entry_block().ok_or_else(|| Error::internal("no entry block"))?;
    let mut arrivals = Arrivals::default();
    let incoming = |at: u32| AMode::IncomingArg { offset: at as i32 };
    for (&param, places) in func.dfg.block_params(entry).iter().zip(&places.params.of) {
        if ctx.is_needed(param) {
            let value = ctx.vregs(param).map(Reg::from);
            arrivals.receive(ctx, func.dfg.value_type(param), value, places, incoming);
        }
    }
    if let (Some(rd), Some(place)) = (ctx.return_area, places.area) {
        let value = ValueRegs::One(rd.to_reg());
        arrivals.receive(ctx, types::I32, value, &smallvec![place], incoming);
    }
    arrivals.part_halves(ctx);
    ctx.emit(Inst::Args { defs: core::mem::take(&mut arrivals.defs) });
    arrivals.emit_after(ctx);
    Ok(())
}

/// A value in allocatable registers, extended as the signature says.
fn argument(ctx: &mut Lower<Thumb2>, value: Value, param: &AbiParam) -> ValueRegs<Reg> {
    let regs = ctx.put_in_vregs(value).map(Reg::from);
    let op = match (param.extension, param.value_type) {
        (ArgumentExtension::Uext, types::I8) => UnaryOp::Uxtb,
        (ArgumentExtension::Uext, types::I16) => UnaryOp::Uxth,
        (ArgumentExtension::Sext, types::I8) => UnaryOp::Sxtb,
        (ArgumentExtension::Sext, types::I16) => UnaryOp::Sxth,
        _ => return regs,
    };
    let rd = ctx.temp(RegClass::Int);
    ctx.emit(Inst::Unary { op, rd, rm: regs.get(0) });
    ValueRegs::One(rd.to_reg())
}

pub fn lower_return(ctx: &mut Lower<Thumb2>, inst: ir::Inst) -> Result<InstOutput> {
    let func = ctx.func;
    let places = SigPlaces::new(ctx.isa, &func.signature)?;
    let mut departures = Departures::default();
    let area = (places.results.bytes > 0).then(|| return_area(ctx));
    let memory = |at: u32| {
        let base = area.unwrap_or(regs::SP.into());
        AMode::Offset { base, offset: at as i32 }
    };
    for (index, &value) in func.dfg.inst_args(inst).iter().enumerate() {
        let (param, places) = (&func.signature.returns[index], &places.results.of[index]);
        if places.contains(&Place::Instance) {
            return Err(Error::unsupported("the instance as a result"));
        }
        let regs = argument(ctx, value, param);
        departures.pass(ctx, param.value_type, regs, places, memory);
    }
    departures.emit_stores(ctx);
    let uses = departures.into_uses(ctx);
    ctx.emit(Inst::Ret { uses });
    Ok(InstOutput::new())
}

fn return_area(ctx: &mut Lower<Thumb2>) -> Reg {
    if ctx.return_area.is_none() {
        ctx.return_area = Some(ctx.temp(RegClass::Int));
    }
    ctx.return_area.map_or(regs::IP.into(), Writable::to_reg)
}

pub fn lower_call(ctx: &mut Lower<Thumb2>, inst: ir::Inst) -> Result<InstOutput> {
    let func = ctx.func;
    let data = &func.dfg.insts[inst];
    let is_tail_call = data.opcode().is_return();
    let args = func.dfg.inst_args(inst);
    let (callee, sig_ref, args) = match *data {
        InstructionData::Call { func_ref, .. } => {
            let ir::ExtFuncData { ref name, signature, .. } = func.dfg.ext_funcs[func_ref];
            match RuntimeCall::named(name) {
                Some(call) if !is_tail_call => {
                    return lower_runtime_call(ctx, call, signature, args);
                }
                _ => (Callee::Direct(reloc_target(ctx, name)?), signature, args),
            }
        }
        InstructionData::CallIndirect { sig_ref, .. } => {
            let callee = Reg::from(ctx.put_in_vregs(args[0]).get(0));
            (Callee::Indirect(callee), sig_ref, &args[1..])
        }
        ref data => return Err(Error::unsupported(data.opcode().to_string())),
    };
    if is_tail_call {
        emit_tail_call(ctx, callee, sig_ref, args)?;
        return Ok(InstOutput::new());
    }
    emit_call(ctx, callee, sig_ref, args)
}

/// A call of a routine by its name in CLIF. The context registers stay: no host code runs.
fn lower_runtime_call(
    ctx: &mut Lower<Thumb2>,
    call: RuntimeCall,
    sig_ref: SigRef,
    args: &[Value],
) -> Result<InstOutput> {
    let given = &ctx.func.dfg.signatures[sig_ref];
    let wanted = call.signature(types::I32);
    let types = |list: &[AbiParam]| list.iter().map(|param| param.value_type).collect::<Vec<_>>();
    if given.call_conv == CallConv::Tail
        || types(&given.params) != types(&wanted.params)
        || types(&given.returns) != types(&wanted.returns)
    {
        return Err(Error::unsupported(format!("{call} with the signature {given}")));
    }
    let words: RuntimeWords =
        args.iter().flat_map(|&arg| ctx.put_in_vregs(arg).map(Reg::from).iter()).collect();
    let results = emit_runtime_call(ctx, call, &words);
    Ok(results.into_iter().map(ValueRegs::One).collect())
}

fn emit_call(
    ctx: &mut Lower<Thumb2>,
    callee: Callee,
    sig_ref: SigRef,
    args: &[Value],
) -> Result<InstOutput> {
    let func = ctx.func;
    let sig = &func.dfg.signatures[sig_ref];
    let places = SigPlaces::new(ctx.isa, sig)?;
    ctx.frame.makes_calls = true;
    ctx.frame.calls_c |= !places.internal;
    let outgoing_bytes = places.area_offset() + stack_aligned(places.results.bytes);
    ctx.frame.outgoing_bytes = ctx.frame.outgoing_bytes.max(outgoing_bytes);

    let outgoing = |at: u32| AMode::OutgoingArg { offset: at as i32 };
    let (mut departures, instance) = pass_arguments(ctx, sig, &places, args, outgoing);
    if let Some(place) = places.area {
        let rd = ctx.temp(RegClass::Int);
        ctx.emit(Inst::LoadAddr { rd, addr: outgoing(places.area_offset()) });
        let value = ValueRegs::One(rd.to_reg());
        departures.pass(ctx, types::I32, value, &smallvec![place], outgoing);
    }
    departures.emit_stores(ctx);
    let uses = departures.into_uses(ctx);
    if let Some(instance) = instance {
        enter_instance(ctx, instance)?;
    }

    let (outputs, mut arrivals) = results(ctx, sig, &places)?;
    let defs = core::mem::take(&mut arrivals.defs);
    let clobbers = call_clobbers(ctx.isa, &defs);
    let callee_pops = places.callee_pops();
    ctx.emit(Inst::Call { info: Box::new(CallInfo { callee, uses, defs, clobbers, callee_pops }) });
    arrivals.emit_after(ctx);
    // A host may have moved or grown the memory meanwhile.
    if !places.internal && ctx.instance().is_some() {
        ctx.emit(context_pair());
    }
    Ok(outputs)
}

/// A call whose callee returns in this function's place.
fn emit_tail_call(
    ctx: &mut Lower<Thumb2>,
    callee: Callee,
    sig_ref: SigRef,
    args: &[Value],
) -> Result<()> {
    let func = ctx.func;
    let sig = &func.dfg.signatures[sig_ref];
    for (whose, convention) in [("from", func.signature.call_conv), ("to", sig.call_conv)] {
        if convention != CallConv::Tail {
            let what = format!("a tail call {whose} a function of the convention {convention}");
            return Err(Error::unsupported(what));
        }
    }
    if sig.returns != func.signature.returns {
        return Err(Error::unsupported("a tail call to a function with other results"));
    }
    let places = SigPlaces::new(ctx.isa, sig)?;
    let stack_bytes = places.callee_pops();
    ctx.frame.tail_bytes = ctx.frame.tail_bytes.max(stack_bytes);
    let own_bytes = SigPlaces::new(ctx.isa, &func.signature)?.callee_pops();
    let start = own_bytes as i32 - stack_bytes as i32;
    let memory = |at: u32| AMode::IncomingArg { offset: start + at as i32 };

    let (mut departures, instance) = pass_arguments(ctx, sig, &places, args, memory);
    if instance.is_some_and(|instance| !ctx.is_instance(instance)) {
        return Err(Error::unsupported("a tail call into another instance"));
    }
    if let Some(place) = places.area {
        let value = ValueRegs::One(return_area(ctx));
        departures.pass(ctx, types::I32, value, &smallvec![place], memory);
    }
    departures.emit_stores(ctx);
    let uses = departures.into_uses(ctx);
    ctx.emit(Inst::TailCall { info: Box::new(TailCallInfo { callee, uses, stack_bytes }) });
    Ok(())
}

/// The arguments on their way, but for the instance.
fn pass_arguments(
    ctx: &mut Lower<Thumb2>,
    sig: &Signature,
    places: &SigPlaces,
    args: &[Value],
    memory: impl Fn(u32) -> AMode,
) -> (Departures, Option<Value>) {
    let mut departures = Departures::default();
    let mut instance = None;
    for (index, &value) in args.iter().enumerate() {
        let (param, places) = (&sig.params[index], &places.params.of[index]);
        if places.contains(&Place::Instance) {
            instance = Some(value);
            continue;
        }
        let regs = argument(ctx, value, param);
        departures.pass(ctx, param.value_type, regs, places, &memory);
    }
    (departures, instance)
}

/// What a call may change, apart from what it defines.
pub fn call_clobbers(isa: &Thumb2, defs: &[(WritableReg, PReg)]) -> PRegSet {
    let core = (0..ARG_REGS as usize).map(regs::r).chain([regs::IP, regs::LR]);
    let floats: &mut dyn Iterator<Item = PReg> = match isa.settings.fpu() {
        None => &mut core::iter::empty(),
        Some(fpu) if fpu.double => &mut (0..FP_ARG_DOUBLES as usize).map(regs::d),
        Some(_) => &mut (0..FP_ARG_SINGLES as usize).map(regs::s),
    };
    let mut clobbers = core.chain(floats).fold(PRegSet::empty(), PRegSet::with);
    defs.iter().for_each(|&(_, preg)| clobbers.remove(preg));
    clobbers
}

/// Loads the context registers of an instance that is not this function's own.
fn enter_instance(ctx: &mut Lower<Thumb2>, instance: Value) -> Result<()> {
    if ctx.is_instance(instance) {
        return Ok(());
    }
    if ctx.instance().is_some() {
        return Err(Error::unsupported("a direct call into another instance"));
    }
    let from = ctx.put_in_reg(instance);
    ctx.emit(mov(Writable::from_reg(ctx.isa.context_reg(ContextReg::Instance).into()), from));
    ctx.emit(context_pair());
    Ok(())
}

/// Registers for a call's results, and how these come from where the call leaves them.
fn results(
    ctx: &mut Lower<Thumb2>,
    sig: &Signature,
    places: &SigPlaces,
) -> Result<(InstOutput, Arrivals)> {
    let mut outputs = InstOutput::new();
    let mut arrivals = Arrivals::default();
    let area = places.area_offset();
    let memory = |at: u32| AMode::OutgoingArg { offset: (area + at) as i32 };
    for (param, places) in sig.returns.iter().zip(&places.results.of) {
        let value = ctx.temps(param.value_type)?;
        arrivals.receive(ctx, param.value_type, value, places, memory);
        outputs.push(value);
    }
    arrivals.part_halves(ctx);
    Ok((outputs, arrivals))
}

/// The symbol behind a CLIF name.
pub fn reloc_target(ctx: &Lower<Thumb2>, name: &ExternalName) -> Result<RelocTarget> {
    match name {
        ExternalName::User(user) => {
            let user = &ctx.func.params.user_named_funcs()[*user];
            Ok(RelocTarget::Symbol(SymbolId(user.index)))
        }
        ExternalName::TestCase(name) => match core::str::from_utf8(name.raw()) {
            Ok(name) => Ok(RelocTarget::Name(name.to_owned())),
            Err(_) => Err(Error::unsupported("a function name that is not UTF-8")),
        },
        other => match RuntimeCall::named(other) {
            Some(call) => Ok(RelocTarget::Name(ctx.isa.runtime_symbol(call))),
            None => Err(Error::unsupported(format!("a reference to {}", other.display(None)))),
        },
    }
}

pub fn function_target(ctx: &Lower<Thumb2>, func_ref: FuncRef) -> Result<RelocTarget> {
    reloc_target(ctx, &ctx.func.dfg.ext_funcs[func_ref].name)
}
