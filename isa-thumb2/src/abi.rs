//! Calling conventions: where arguments and results are, and the code around calls.
//!
//! AAPCS (base variant): words in r0-r3, then on the stack; 64-bit values in even pairs and at
//! multiples of 8, and what follows a value on the stack is there too (AAPCS32 6.5, C.3 to C.8);
//! the caller pops. Up to four result words in r0-r3, as they come.
//!
//! Internal (`CallConv::Tail`): the instance in r9, words in r0-r3 as they come, then on the
//! stack; the callee pops. Result words in r0-r3; if there are more, the rest goes to an area of
//! the caller's, whose address is the last argument.
//!
//! ```text
//! the outgoing area of a caller:   | result area | (high)
//!                                  | arguments   | <- sp during the call
//! ```
//!
//! A callee that pops leaves sp at the result area, which therefore stays above sp throughout.

use cranelift_codegen::ir::{
    self, AbiParam, ArgumentExtension, ArgumentPurpose, ExternalName, FuncRef, InstructionData,
    SigRef, Signature, Type, Value, types,
};
use cranelift_codegen::isa::CallConv;
use regalloc2::{PReg, PRegSet, RegClass};
use smallvec::SmallVec;
use windlass_backend::compiled::RelocTarget;
use windlass_backend::instance::{ContextReg, offset};
use windlass_backend::isa::{InstOutput, Isa};
use windlass_backend::lower::Lower;
use windlass_backend::module::SymbolId;
use windlass_backend::reg::{Reg, ValueRegs, Writable};
use windlass_backend::{Error, Result};

use crate::Thumb2;
use crate::inst::args::{AMode, LoadOp, MovOp, Operand2, StoreOp, UnaryOp};
use crate::inst::{CallInfo, Callee, Inst, WritableReg};
use crate::regs;

/// Where one word of a value travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Reg(PReg),
    /// Byte offset in the stack arguments or the result area.
    Memory(u32),
    /// The instance, which is in r9 throughout.
    Instance,
}

/// The places of a list of parameters or results, and the bytes of memory they take.
struct Places {
    of: Vec<SmallVec<[Place; 2]>>,
    bytes: u32,
}

/// A signature's places.
struct SigPlaces {
    params: Places,
    results: Places,
    /// Where the address of the result area travels, if there is one.
    area: Option<Place>,
    internal: bool,
}

const ARG_REGS: u32 = 4;

/// Hands out r0-r3, then memory.
struct Assigner {
    next_reg: u32,
    bytes: u32,
    internal: bool,
    /// 64-bit values begin at even registers and multiples of 8.
    even_pairs: bool,
}

impl Assigner {
    fn word(&mut self) -> Place {
        if self.next_reg < ARG_REGS {
            self.next_reg += 1;
            return Place::Reg(regs::r(self.next_reg as usize - 1));
        }
        self.bytes += 4;
        Place::Memory(self.bytes - 4)
    }

    /// The next register is even, or no register is left and memory is at a multiple of 8.
    fn align_pair(&mut self) {
        self.next_reg = self.next_reg.next_multiple_of(2);
        if self.next_reg >= ARG_REGS {
            self.bytes = self.bytes.next_multiple_of(8);
        }
    }

    fn value(&mut self, param: &AbiParam) -> Result<SmallVec<[Place; 2]>> {
        let places: SmallVec<[Place; 2]> = match param.value_type {
            _ if param.purpose == ArgumentPurpose::VMContext && self.internal => {
                [Place::Instance].into_iter().collect()
            }
            types::I8 | types::I16 | types::I32 => [self.word()].into_iter().collect(),
            types::I64 => {
                if self.even_pairs {
                    self.align_pair();
                }
                [self.word(), self.word()].into_iter().collect()
            }
            ty => return Err(Error::unsupported(format!("a parameter or result of type {ty}"))),
        };
        Ok(places)
    }
}

impl SigPlaces {
    fn new(sig: &Signature) -> Result<SigPlaces> {
        let internal = sig.call_conv == CallConv::Tail;
        let assign = |list: &[AbiParam], even_pairs| -> Result<(Places, Assigner)> {
            let mut assigner = Assigner { next_reg: 0, bytes: 0, internal, even_pairs };
            let of = list.iter().map(|p| assigner.value(p)).collect::<Result<_>>()?;
            Ok((Places { of, bytes: assigner.bytes }, assigner))
        };
        let (results, _) = assign(&sig.returns, false)?;
        let (mut params, mut rest) = assign(&sig.params, !internal)?;
        if results.bytes > 0 && !internal {
            return Err(Error::unsupported(
                "more than four result words outside of wasm functions",
            ));
        }
        let area = (results.bytes > 0).then(|| rest.word());
        params.bytes = rest.bytes;
        Ok(SigPlaces { params, results, area, internal })
    }

    /// Bytes that the callee pops.
    fn callee_pops(&self) -> u32 {
        if self.internal { stack_aligned(self.params.bytes) } else { 0 }
    }

    /// The result area's offset in the outgoing area.
    fn area_offset(&self) -> u32 {
        stack_aligned(self.params.bytes)
    }
}

/// sp is a multiple of 8 at calls.
fn stack_aligned(bytes: u32) -> u32 {
    bytes.next_multiple_of(8)
}

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
    let places = SigPlaces::new(&func.signature)?;
    ctx.frame.incoming_bytes = stack_aligned(places.params.bytes);
    let entry = func.layout.entry_block().ok_or_else(|| Error::internal("no entry block"))?;
    let mut defs = Vec::new();
    let mut loads = Vec::new();
    let mut define = |rd: WritableReg, place: Place| match place {
        Place::Reg(preg) => defs.push((rd, preg)),
        Place::Memory(at) => loads.push(Inst::Load {
            op: LoadOp::Ldr,
            rt: rd,
            addr: AMode::IncomingArg { offset: at as i32 },
        }),
        Place::Instance => {}
    };
    for (&param, places) in func.dfg.block_params(entry).iter().zip(&places.params.of) {
        if ctx.is_needed(param) {
            for (part, &place) in places.iter().enumerate() {
                define(Writable::from_reg(ctx.vregs(param).get(part).into()), place);
            }
        }
    }
    if let (Some(rd), Some(place)) = (ctx.return_area, places.area) {
        define(rd, place);
    }
    ctx.emit(Inst::Args { defs });
    loads.into_iter().for_each(|load| ctx.emit(load));
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
    let places = SigPlaces::new(&func.signature)?;
    let mut uses = Vec::new();
    for (index, &value) in func.dfg.inst_args(inst).iter().enumerate() {
        let regs = argument(ctx, value, &func.signature.returns[index]);
        for (&place, reg) in places.results.of[index].iter().zip(regs.iter()) {
            match place {
                Place::Reg(preg) => uses.push((reg, preg)),
                Place::Memory(at) => {
                    let area = return_area(ctx);
                    let addr = AMode::Offset { base: area, offset: at as i32 };
                    ctx.emit(Inst::Store { op: StoreOp::Str, rt: reg, addr });
                }
                Place::Instance => return Err(Error::unsupported("the instance as a result")),
            }
        }
    }
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
    match func.dfg.insts[inst] {
        InstructionData::Call { func_ref, .. } => {
            let callee = Callee::Direct(reloc_target(ctx, &func.dfg.ext_funcs[func_ref].name)?);
            let args = func.dfg.inst_args(inst);
            emit_call(ctx, callee, func.dfg.ext_funcs[func_ref].signature, args)
        }
        InstructionData::CallIndirect { sig_ref, .. } => {
            let args = func.dfg.inst_args(inst);
            let callee = Callee::Indirect(Reg::from(ctx.put_in_vregs(args[0]).get(0)));
            emit_call(ctx, callee, sig_ref, &args[1..])
        }
        ref data => Err(Error::unsupported(data.opcode().to_string())),
    }
}

fn emit_call(
    ctx: &mut Lower<Thumb2>,
    callee: Callee,
    sig_ref: SigRef,
    args: &[Value],
) -> Result<InstOutput> {
    let func = ctx.func;
    let sig = &func.dfg.signatures[sig_ref];
    let places = SigPlaces::new(sig)?;
    ctx.frame.makes_calls = true;
    let outgoing = places.area_offset() + stack_aligned(places.results.bytes);
    ctx.frame.outgoing_bytes = ctx.frame.outgoing_bytes.max(outgoing);

    let mut uses = Vec::new();
    let mut stores = Vec::new();
    let mut pass = |reg: Reg, place: Place| match place {
        Place::Reg(preg) => uses.push((reg, preg)),
        Place::Memory(at) => stores.push(Inst::Store {
            op: StoreOp::Str,
            rt: reg,
            addr: AMode::OutgoingArg { offset: at as i32 },
        }),
        Place::Instance => {}
    };
    let mut instance = None;
    for (index, &value) in args.iter().enumerate() {
        if *places.params.of[index] == [Place::Instance] {
            instance = Some(value);
            continue;
        }
        let regs = argument(ctx, value, &sig.params[index]);
        places.params.of[index].iter().zip(regs.iter()).for_each(|(&place, reg)| pass(reg, place));
    }
    if let Some(place) = places.area {
        let rd = ctx.temp(RegClass::Int);
        let addr = AMode::OutgoingArg { offset: places.area_offset() as i32 };
        ctx.emit(Inst::LoadAddr { rd, addr });
        pass(rd.to_reg(), place);
    }
    stores.into_iter().for_each(|store| ctx.emit(store));
    if let Some(instance) = instance {
        enter_instance(ctx, instance)?;
    }

    let (outputs, defs, loads) = results(ctx, sig, &places);
    let mut clobbers = PRegSet::empty();
    (0..ARG_REGS as usize).for_each(|n| clobbers.add(regs::r(n)));
    clobbers.add(regs::IP);
    clobbers.add(regs::LR);
    for &(_, preg) in &defs {
        clobbers.remove(preg);
    }
    let callee_pops = places.callee_pops();
    ctx.emit(Inst::Call { info: Box::new(CallInfo { callee, uses, defs, clobbers, callee_pops }) });
    loads.into_iter().for_each(|load| ctx.emit(load));
    // A host may have moved or grown the memory meanwhile.
    if !places.internal && ctx.instance().is_some() {
        ctx.emit(context_pair());
    }
    Ok(outputs)
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

type CallResults = (InstOutput, Vec<(WritableReg, PReg)>, Vec<Inst>);

/// Registers for a call's results: those that the call defines, and loads of the others.
fn results(ctx: &mut Lower<Thumb2>, sig: &Signature, places: &SigPlaces) -> CallResults {
    let mut outputs = InstOutput::new();
    let mut defs = Vec::new();
    let mut loads = Vec::new();
    for (param, places_of) in sig.returns.iter().zip(&places.results.of) {
        let mut words: SmallVec<[Reg; 2]> = SmallVec::new();
        for &place in places_of {
            let rd = ctx.temp(class_of(param.value_type));
            match place {
                Place::Reg(preg) => defs.push((rd, preg)),
                Place::Memory(at) => loads.push(Inst::Load {
                    op: LoadOp::Ldr,
                    rt: rd,
                    addr: AMode::OutgoingArg { offset: (places.area_offset() + at) as i32 },
                }),
                Place::Instance => {}
            }
            words.push(rd.to_reg());
        }
        outputs.push(match *words {
            [low, high] => ValueRegs::Two(low, high),
            [only, ..] => ValueRegs::One(only),
            [] => continue,
        });
    }
    (outputs, defs, loads)
}

fn class_of(_ty: Type) -> RegClass {
    RegClass::Int
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
        other => Err(Error::unsupported(format!("a reference to {}", other.display(None)))),
    }
}

pub fn function_target(ctx: &Lower<Thumb2>, func_ref: FuncRef) -> Result<RelocTarget> {
    reloc_target(ctx, &ctx.func.dfg.ext_funcs[func_ref].name)
}
