//! What a program for a bare core needs and no IR can say: reset, faults, semihosting, barriers.
//!
//! Output: functions of machine instructions, encoded like any other. What they call by name
//! is an ordinary function, to be written elsewhere.
//!
//! Source: ARMv7-M Architecture Reference Manual, B1.5 (exceptions); *Semihosting for AArch32 and
//! AArch64*, "The semihosting interface". The landing pad is that of [`crate::finalize::recovery`].

use crate::Thumb2;
use crate::inst::args::{AMode, DRegRange, LoadOp, MovOp, Operand2, RegList, StoreOp};
use crate::inst::emit::emit_function;
use crate::inst::{CallInfo, Callee, Imm16, Inst, TailCallInfo};
use crate::regs::{INSTANCE, IP, LR, PC, SP, d, r, s};
use regalloc2::{PReg, PRegSet};
use windlass_backend::Result;
use windlass_backend::compiled::{CompiledFunction, RelocTarget};
use windlass_backend::emit::buffer::MachBuffer;
use windlass_backend::instance::offset;
use windlass_backend::isa::Code;
use windlass_backend::options::TrapMode;
use windlass_backend::reg::{Reg, Writable};

/// The immediate of `bkpt` by which M-profile code calls the debugger.
const SEMIHOSTING: u8 = 0xab;

/// Names that the functions refer to.
pub struct Names<'a> {
    /// The end of the stack.
    pub stack_top: &'a str,
    /// C function that reset goes on with; it does not return.
    pub start: &'a str,
    /// `uint32_t handle(uint32_t frame[], uint32_t r9)`, of what the exception stacked and r9 at that
    /// time; the answer goes into r9 when the exception returns.
    pub handle_fault: &'a str,
}

/// The handler of reset: sets sp, which only hardware's own reset does, and goes on.
pub fn reset(names: &Names<'_>) -> Result<CompiledFunction> {
    let [low, high] = address(r(0), names.stack_top);
    finish([low, high, mov(SP, r(0)), jump(names.start)])
}

/// The handler of faults. Thread mode uses the main stack, so that sp is where the exception stacked.
pub fn fault(names: &Names<'_>) -> Result<CompiledFunction> {
    let insts = [
        mov(r(0), SP),
        mov(r(1), INSTANCE),
        // One more register than needed: sp stays a multiple of 8.
        Inst::Push { regs: RegList::from_regs([r(4), LR]) },
        call(names.handle_fault),
        mov(INSTANCE, r(0)),
        Inst::Pop { regs: RegList::from_regs([r(4), PC]) },
    ];
    finish(insts)
}

/// Where a fault handler sends code that trapped, with the instance in r9: the innermost entry
/// returns 0.
pub fn landing_pad(isa: &Thumb2) -> Result<CompiledFunction> {
    let chain = |base: PReg| AMode::Offset { base: base.into(), offset: offset::RECOVERY_CHAIN };
    let mut insts = vec![
        Inst::Load { op: LoadOp::Ldr, rt: writable(IP), addr: chain(INSTANCE) },
        mov(SP, IP),
        Inst::Pop { regs: RegList::from_regs([IP, LR]) },
        Inst::Store { op: StoreOp::Str, rt: IP.into(), addr: chain(LR) },
    ];
    if isa.settings.fpu().is_some() {
        insts.push(Inst::VPop { regs: DRegRange { first: 8, count: 8 } });
    }
    insts.extend([zero(r(0)), zero(r(1))]);
    if isa.settings.hard_float() {
        if isa.settings.fpu().is_some_and(|fpu| fpu.double) {
            insts.push(Inst::CorePairToFp {
                rd: writable(d(0)),
                rt: r(0).into(),
                rt2: r(0).into(),
            });
        } else {
            insts.extend([0, 1].map(|n| Inst::CoreToFp { rd: writable(s(n)), rt: r(0).into() }));
        }
    }
    let saved = (4..12).map(r).chain([PC]);
    insts.push(Inst::Pop { regs: RegList::from_regs(saved) });
    finish(insts)
}

/// `uint32_t semihosting(uint32_t operation, uint32_t argument)`.
pub fn semihosting() -> Result<CompiledFunction> {
    finish([Inst::Bkpt { imm8: SEMIHOSTING }, Inst::BxLr])
}

/// `void barrier(void)`: what was written to the system's registers holds for what follows.
pub fn barrier() -> Result<CompiledFunction> {
    finish([Inst::Dsb, Inst::Isb, Inst::BxLr])
}

fn finish(insts: impl IntoIterator<Item = Inst>) -> Result<CompiledFunction> {
    let mut code = Code::default();
    code.start_block();
    insts.into_iter().for_each(|inst| code.push(inst, u32::MAX));
    let mut buffer = MachBuffer::default();
    emit_function(&code, &mut buffer, None, TrapMode::Udf, None);
    let finished = buffer.finish()?;
    Ok(CompiledFunction {
        code: finished.code,
        align: 4,
        relocs: finished.relocs,
        regions: finished.regions,
        ..CompiledFunction::default()
    })
}

fn writable(reg: PReg) -> Writable<Reg> {
    Writable::from_reg(reg.into())
}

fn mov(rd: PReg, rm: PReg) -> Inst {
    Inst::Mov { op: MovOp::Mov, s: false, rd: writable(rd), op2: Operand2::Reg(rm.into()) }
}

fn zero(rd: PReg) -> Inst {
    Inst::Mov { op: MovOp::Mov, s: true, rd: writable(rd), op2: Operand2::Imm(0) }
}

fn name(name: &str) -> RelocTarget {
    RelocTarget::Name(name.to_owned())
}

fn address(rd: PReg, of: &str) -> [Inst; 2] {
    let imm = || Imm16::Symbol(name(of));
    [
        Inst::MovW { rd: writable(rd), imm: imm() },
        Inst::MovT { rd: writable(rd), ra: rd.into(), imm: imm() },
    ]
}

fn call(callee: &str) -> Inst {
    let (uses, defs) = (Vec::new(), Vec::new());
    let (callee, clobbers) = (Callee::Direct(name(callee)), PRegSet::empty());
    Inst::Call { info: Box::new(CallInfo { callee, uses, defs, clobbers, callee_pops: 0 }) }
}

fn jump(callee: &str) -> Inst {
    let callee = Callee::Direct(name(callee));
    Inst::TailCall { info: Box::new(TailCallInfo { callee, uses: Vec::new(), stack_bytes: 0 }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TargetOptions;

    fn isa(triple: &str, fpu: Option<&str>) -> Thumb2 {
        let (triple, fpu) = (Some(triple.to_owned()), fpu.map(str::to_owned));
        let cpu = Some("cortex-m7".to_owned());
        Thumb2::new(&TargetOptions { triple, cpu, fpu, ..TargetOptions::default() }).unwrap()
    }

    const NAMES: Names<'static> =
        Names { stack_top: "top", start: "start", handle_fault: "handle" };

    #[test]
    fn functions_are_made_of_the_encodings_of_the_manual() {
        assert_eq!(semihosting().unwrap().code, [0xab, 0xbe, 0x70, 0x47]);
        let barrier = barrier().unwrap().code;
        assert_eq!(barrier, [0xbf, 0xf3, 0x4f, 0x8f, 0xbf, 0xf3, 0x6f, 0x8f, 0x70, 0x47]);
        // mov r0, sp; mov r1, r9; push {r4, lr}; bl; mov r9, r0; pop {r4, pc}
        let fault = fault(&NAMES).unwrap();
        assert_eq!(fault.code[..6], [0x68, 0x46, 0x49, 0x46, 0x10, 0xb5]);
        assert_eq!(fault.code[10..], [0x81, 0x46, 0x10, 0xbd]);
        assert_eq!(fault.relocs[0].target, name("handle"));
        // movw; movt; mov sp, r0; b.w
        let reset = reset(&NAMES).unwrap();
        assert_eq!(reset.code[8..10], [0x85, 0x46]);
        assert_eq!((reset.code.len(), reset.relocs.len()), (14, 3));
    }

    #[test]
    fn the_landing_pad_restores_what_entries_save() {
        let sizes = [
            isa("thumbv7m-none-eabi", None),
            isa("thumbv7em-none-eabi", Some("fpv5-sp-d16")),
            isa("thumbv7em-none-eabihf", Some("fpv5-sp-d16")),
            isa("thumbv7em-none-eabihf", Some("fpv5-d16")),
        ]
        .map(|isa| landing_pad(&isa).unwrap().code.len());
        // vpop, and then vmov once or twice, four bytes each.
        assert_eq!(sizes.map(|size| size - sizes[0]), [0, 4, 12, 8]);
    }
}
