//! Thumb-2 for Windlass: instructions, encodings, lowering rules, AAPCS.
//!
//! [`Thumb2`] is the plugin; the order of the modules is the order of the data: rules (`lower`,
//! `abi`) build [`inst::Inst`]s, `finalize` makes them concrete after allocation, `inst::emit`
//! turns them into bytes, `object` says what makes an ELF file an Arm one.

mod abi;
pub mod finalize;
pub mod inst;
mod lower;
pub mod machine_code;
pub mod object;
pub mod regs;
pub mod rtabi;
pub mod settings;

use cranelift_codegen::ir::{self, Type, types};
use finalize::FinalizeOptions;
use inst::args::{AMode, FpSize, LoadOp, MovOp, Operand2, StoreOp};
use inst::fixup::Fixup;
use inst::imms;
use inst::unwind::Unwind;
use inst::{Inst, emit};
use regalloc2::{MachineEnv, PReg, RegClass};
use settings::{Cpu, Settings, TargetOptions};
use windlass_backend::Result;
use windlass_backend::emit::buffer::{MachBuffer, MachLabel};
use windlass_backend::instance::ContextReg;
use windlass_backend::isa::{Code, FrameRequest, InstOutput, Isa};
use windlass_backend::lower::Lower;
use windlass_backend::object::ElfFormat;
use windlass_backend::options::{CodegenOptions, OptLevel};
use windlass_backend::reg::{Reg, ValueRegs, Writable};
use windlass_backend::runtime::RuntimeCall;

/// Thumb-2 for one target, processor and register environment.
pub struct Thumb2 {
    pub settings: Settings,
    env: MachineEnv,
}

impl Thumb2 {
    pub fn new(options: &TargetOptions) -> Result<Thumb2> {
        let settings = Settings::new(options)?;
        let env = settings.machine_env();
        Ok(Thumb2 { settings, env })
    }

    /// f64 in hardware: floating-point registers are d registers.
    fn has_doubles(&self) -> bool {
        self.settings.fpu().is_some_and(|fpu| fpu.double)
    }

    /// What a whole floating-point register holds, whatever the value in it.
    fn fp_reg_size(&self) -> FpSize {
        if self.has_doubles() { FpSize::F64 } else { FpSize::F32 }
    }

    /// The format of a float type whose values are in floating-point registers; None if they are
    /// in core registers, as their bits.
    fn fp_size(&self, ty: Type) -> Option<FpSize> {
        match (ty, self.settings.fpu()?.double) {
            (types::F32, _) => Some(FpSize::F32),
            (types::F64, true) => Some(FpSize::F64),
            _ => None,
        }
    }
}

impl Isa for Thumb2 {
    type Inst = Inst;

    fn machine_env(&self) -> &MachineEnv {
        &self.env
    }

    fn context_reg(&self, reg: ContextReg) -> PReg {
        match reg {
            ContextReg::Instance => regs::INSTANCE,
            ContextReg::Mem0Bytes => regs::MEM0_BYTES,
            ContextReg::Mem0Base => regs::MEM0_BASE,
        }
    }

    fn classes(&self, ty: Type) -> Option<&'static [RegClass]> {
        match ty {
            ty if self.fp_size(ty).is_some() => Some(&[RegClass::Float]),
            types::I8 | types::I16 | types::I32 | types::F32 => Some(&[RegClass::Int]),
            types::I64 | types::F64 => Some(&[RegClass::Int, RegClass::Int]),
            _ => None,
        }
    }

    fn slot_words(&self, class: RegClass) -> usize {
        if class == RegClass::Float && self.has_doubles() { 2 } else { 1 }
    }

    fn lower(&self, ctx: &mut Lower<Self>, inst: ir::Inst) -> Result<InstOutput> {
        lower::lower(ctx, inst)
    }

    fn lower_branch(
        &self,
        ctx: &mut Lower<Self>,
        inst: ir::Inst,
        targets: &[MachLabel],
    ) -> Result<()> {
        lower::lower_branch(ctx, inst, targets)
    }

    fn gen_entry(&self, ctx: &mut Lower<Self>) -> Result<()> {
        abi::gen_entry(ctx)
    }

    fn pops_incoming(&self, sig: &ir::Signature) -> bool {
        abi::pops_incoming(sig)
    }

    fn gen_constant(&self, ctx: &mut Lower<Self>, bits: u64, ty: Type) -> Option<ValueRegs<Reg>> {
        if let Some(size) = self.fp_size(ty) {
            // One instruction, else a register pays.
            let imm8 = imms::fp_imm8(bits, size)?;
            let rd = ctx.temp(RegClass::Float);
            ctx.emit(Inst::FpImm { size, rd, imm8 });
            return Some(ValueRegs::One(rd.to_reg()));
        }
        let mask = if ty.bits() < 32 { (1 << ty.bits()) - 1 } else { u32::MAX };
        let mut load = |value| {
            let rd = ctx.temp(RegClass::Int);
            ctx.emit(Inst::LoadConst { rd, value });
            rd.to_reg()
        };
        let low = load(bits as u32 & mask);
        if ty.bits() < 64 {
            return Some(ValueRegs::One(low));
        }
        let high = (bits >> 32) as u32;
        Some(ValueRegs::Two(low, if high == bits as u32 { low } else { load(high) }))
    }

    fn runtime_name(&self, call: RuntimeCall) -> Option<&'static str> {
        rtabi::rtabi_name(call)
    }

    fn gen_copy(&self, to: Writable<Reg>, from: Reg) -> Inst {
        match to.to_reg().class() {
            RegClass::Float => Inst::FpMov { size: self.fp_reg_size(), rd: to, rm: from },
            _ => Inst::Mov { op: MovOp::Mov, s: false, rd: to, op2: Operand2::Reg(from) },
        }
    }

    fn gen_load_slot(&self, to: PReg, slot: u32) -> Inst {
        let (rt, addr) = (Writable::from_reg(to.into()), AMode::Spill { slot });
        match to.class() {
            RegClass::Float => Inst::FpLoad { size: self.fp_reg_size(), rt, addr },
            _ => Inst::Load { op: LoadOp::Ldr, rt, addr },
        }
    }

    fn gen_store_slot(&self, slot: u32, from: PReg) -> Inst {
        let (rt, addr) = (from.into(), AMode::Spill { slot });
        match from.class() {
            RegClass::Float => Inst::FpStore { size: self.fp_reg_size(), rt, addr },
            _ => Inst::Store { op: StoreOp::Str, rt, addr },
        }
    }

    fn finalize(
        &self,
        code: &mut Code<Inst>,
        frame: &FrameRequest,
        options: &CodegenOptions,
    ) -> Result<u32> {
        let class = RegClass::Int as usize;
        let mut allocatable = self.env.preferred_regs_by_class[class];
        allocatable.union_from(self.env.non_preferred_regs_by_class[class]);
        let options = FinalizeOptions {
            size: options.opt_level == OptLevel::Size,
            ldrd_base_erratum: self.settings.cpu == Cpu::CortexM3,
            allocatable,
            saved_floats: self.settings.saved_floats(),
            check: options.check,
        };
        Ok(finalize::finalize(code, frame, &options)?.total)
    }

    fn emit(
        &self,
        code: &Code<Inst>,
        frame: &FrameRequest,
        options: &CodegenOptions,
        buffer: &mut MachBuffer<Fixup>,
        listing: Option<&mut Vec<String>>,
    ) {
        let unwind = options.debug_info.then(|| Unwind::new(frame.popped_bytes()));
        emit::emit_function(code, buffer, listing, options.traps, unwind)
    }

    fn count_insts(&self, code: &[u8]) -> u32 {
        // A first half-word of 0b11101 and above begins a 32-bit instruction (ARMv7-M A5.1).
        let mut count = 0;
        let mut at = 0;
        while let Some(&high) = code.get(at + 1) {
            at += if high >> 3 >= 0b11101 { 4 } else { 2 };
            count += 1;
        }
        count
    }

    fn elf_format(&self) -> ElfFormat {
        object::elf_format(&self.settings.build_attributes())
    }
}
