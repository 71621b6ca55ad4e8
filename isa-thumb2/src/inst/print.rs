//! Instructions as text, in the Arm manual's unified assembly language (UAL).
//!
//! An instruction over physical registers prints as an assembler takes it, with `.w` where its
//! mnemonic has a 16-bit form and it does not take it; inside an IT block with the condition.
//! Before allocation virtual registers stand in the same places (`v12`), and what has no single
//! encoding prints in the same style: `moveq v3, v2 else v1`.

use super::args::FpSize::{F32, F64};
use super::args::*;
use super::encode::{Encoding, encode, plain};
use super::fixup::Fixup;
use super::imms::{fp_imm_value, is_imm16, is_mod_imm};
use super::{CallInfo, Callee, Imm16, Inst, TailCallInfo};
use crate::regs;
use core::fmt::{self, Display};
use regalloc2::PReg;
use windlass_backend::compiled::RelocTarget;
use windlass_backend::emit::buffer::MachLabel;
use windlass_backend::reg::{Reg, Writable};

/// The text of an instruction that stands in an IT block or not.
pub fn print(inst: &Inst, in_it: bool) -> String {
    Printer::new(inst, in_it, None).text(inst)
}

impl Display for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print(self, false))
    }
}

pub(super) fn label(label: MachLabel) -> String {
    format!(".L{}", label.index())
}

pub(super) fn trap_label(code: usize) -> String {
    format!(".Ltrap{code}")
}

/// A branch without its target.
pub(super) fn branch(fixup: &Fixup) -> String {
    match fixup {
        Fixup::CondBr(cond) => format!("b{}", cond.name()),
        Fixup::CmpBranchZero { nonzero, rn } => {
            format!("cb{} {},", zero_suffix(*nonzero), regs::name(*rn))
        }
        _ => "b".to_owned(),
    }
}

pub(super) fn table(index: Reg, targets: &[MachLabel]) -> String {
    let targets: Vec<String> = targets.iter().map(|&target| label(target)).collect();
    format!("tbb [pc, {}] @ {}", name(index), targets.join(" "))
}

fn zero_suffix(nonzero: bool) -> &'static str {
    if nonzero { "nz" } else { "z" }
}

/// Mnemonics with both 16-bit and 32-bit forms, for which `.w` says that it is the latter.
const TWO_WIDTHS: [&str; 39] = [
    "adc", "add", "and", "asr", "bic", "cmn", "cmp", "eor", "ldr", "ldrb", "ldrh", "ldrsb",
    "ldrsh", "lsl", "lsr", "mov", "mul", "mvn", "nop", "orr", "pop", "push", "rev", "rev16",
    "revsh", "ror", "rsb", "sbc", "str", "strb", "strh", "sub", "sxtb", "sxth", "tst", "udf",
    "uxtb", "uxth", "b",
];

/// What one instruction's mnemonic is completed with.
struct Printer {
    cond: &'static str,
    wide: bool,
}

impl Printer {
    fn new(inst: &Inst, in_it: bool, cond: Option<Cond>) -> Printer {
        let wide = matches!(encode(inst, in_it), Some(Encoding::Word(_)));
        Printer { cond: cond.map_or("", Cond::name), wide }
    }

    /// A mnemonic with its suffixes and operands.
    fn op(&self, mnemonic: &str, s: bool, operands: impl Display) -> String {
        let s = if s { "s" } else { "" };
        let width = if self.wide && TWO_WIDTHS.contains(&mnemonic) { ".w" } else { "" };
        format!("{mnemonic}{s}{}{width} {operands}", self.cond)
    }

    /// A mnemonic with the format of its operands.
    fn fp(&self, mnemonic: &str, size: FpSize, operands: impl Display) -> String {
        format!("{mnemonic}{}.{} {operands}", self.cond, size.name())
    }

    fn vcmp(&self, size: FpSize, rn: Reg, rm: Option<Reg>) -> String {
        let rm = rm.map_or_else(|| "#0.0".to_owned(), |rm| fp_name(size, rm));
        self.fp("vcmp", size, format_args!("{}, {rm}", fp_name(size, rn)))
    }

    fn vcvt(&self, to: &str, from: &str, operands: impl Display) -> String {
        format!("vcvt{}.{to}.{from} {operands}", self.cond)
    }

    fn text(&self, inst: &Inst) -> String {
        if let Some(plain) = plain(inst) {
            return self.text(&plain);
        }
        match inst {
            Inst::Alu { op, s, rd, rn, op2 } => {
                let mnemonic = match (op, op2) {
                    (AluOp::Add, Operand2::Imm(imm)) if !is_mod_imm(*imm) => "addw",
                    (AluOp::Sub, Operand2::Imm(imm)) if !is_mod_imm(*imm) => "subw",
                    _ => op.name(),
                };
                // `addw` of what a 16-bit add holds as a multiple of 4 is that add.
                let mnemonic = if self.wide { mnemonic } else { op.name() };
                self.op(mnemonic, *s, format_args!("{}, {}, {op2}", def(rd), name(*rn)))
            }
            Inst::Mov { op: MovOp::Mov, s, rd, op2: Operand2::Shifted(rm, shift, amount) } => {
                let operands = format_args!("{}, {}, #{amount}", def(rd), name(*rm));
                self.op(shift.name(), *s, operands)
            }
            Inst::Mov { op, s, rd, op2 } => {
                let mnemonic = match (op, op2) {
                    (MovOp::Mov, Operand2::Imm(imm)) if !is_mod_imm(*imm) && is_imm16(*imm) => {
                        "movw"
                    }
                    _ => op.name(),
                };
                self.op(mnemonic, *s, format_args!("{}, {op2}", def(rd)))
            }
            Inst::ShiftReg { op, s, rd, rn, rm } => self.op(op.name(), *s, three(rd, *rn, *rm)),
            Inst::LoadConst { rd, value } => format!("ldr {}, =0x{value:x}", def(rd)),
            Inst::LoadSymbol { rd, target } => format!("ldr {}, ={}", def(rd), symbol(target)),
            Inst::Cmp { op, rn, op2 } => {
                self.op(op.name(), false, format_args!("{}, {op2}", name(*rn)))
            }
            Inst::CondCmp { cond, op, rn, op2 } => {
                format!("{}{} {}, {op2}", op.name(), cond.name(), name(*rn))
            }
            Inst::Mul { s, rd, rn, rm } => self.op("mul", *s, three(rd, *rn, *rm)),
            Inst::MulAcc { op, rd, rn, rm, ra } => {
                let mnemonic = match op {
                    MulAccOp::Mla => "mla",
                    MulAccOp::Mls => "mls",
                };
                let operands = format_args!("{}, {}", three(rd, *rn, *rm), name(*ra));
                self.op(mnemonic, false, operands)
            }
            Inst::MulLong { signed, rd_lo, rd_hi, rn, rm } => {
                let mnemonic = if *signed { "smull" } else { "umull" };
                self.op(mnemonic, false, four(rd_lo, rd_hi, *rn, *rm))
            }
            Inst::MulLongAcc { signed, rd_lo, rd_hi, rn, rm, ra_lo, ra_hi } => {
                let mnemonic = if *signed { "smlal" } else { "umlal" };
                let text = self.op(mnemonic, false, four(rd_lo, rd_hi, *rn, *rm));
                text + &reused(rd_lo, *ra_lo) + &reused(rd_hi, *ra_hi)
            }
            Inst::Div { signed, rd, rn, rm } => {
                self.op(if *signed { "sdiv" } else { "udiv" }, false, three(rd, *rn, *rm))
            }
            Inst::BitExtract { signed, rd, rn, lsb, width } => {
                let mnemonic = if *signed { "sbfx" } else { "ubfx" };
                let operands = format_args!("{}, {}, #{lsb}, #{width}", def(rd), name(*rn));
                self.op(mnemonic, false, operands)
            }
            Inst::BitInsert { rd, ra, rn, lsb, width } => {
                let text = match rn {
                    Some(rn) => {
                        let operands = format_args!("{}, {}, #{lsb}, #{width}", def(rd), name(*rn));
                        self.op("bfi", false, operands)
                    }
                    None => self.op("bfc", false, format_args!("{}, #{lsb}, #{width}", def(rd))),
                };
                text + &reused(rd, *ra)
            }
            Inst::Unary { op, rd, rm } => {
                self.op(op.name(), false, format_args!("{}, {}", def(rd), name(*rm)))
            }
            Inst::ExtendAdd { op, rd, rn, rm } => self.op(op.name(), false, three(rd, *rn, *rm)),
            Inst::CondMov { cond, op, rd, op2, if_not } => {
                let mnemonic = op.name();
                let if_not = name(*if_not);
                format!("{mnemonic}{} {}, {op2} else {if_not}", cond.name(), def(rd))
            }
            Inst::CondAlu { cond, op, rd, rn, op2, if_not } => {
                let (rd, rn, if_not) = (def(rd), name(*rn), name(*if_not));
                format!("{}{} {rd}, {rn}, {op2} else {if_not}", op.name(), cond.name())
            }
            Inst::CondSet { cond, rd } => format!("mov{} {}, #1 else #0", cond.name(), def(rd)),
            Inst::Load { op, rt, addr } => {
                self.op(op.name(), false, format_args!("{}, {addr}", def(rt)))
            }
            Inst::Store { op, rt, addr } => {
                self.op(op.name(), false, format_args!("{}, {addr}", name(*rt)))
            }
            Inst::LoadPair { rt, rt2, addr } => {
                self.op("ldrd", false, format_args!("{}, {}, {addr}", def(rt), def(rt2)))
            }
            Inst::StorePair { rt, rt2, addr } => {
                self.op("strd", false, format_args!("{}, {}, {addr}", name(*rt), name(*rt2)))
            }
            Inst::LoadAddr { rd, addr } => format!("add {}, {addr}", def(rd)),
            Inst::FpAlu { op, size, rd, rn, rm } => {
                self.fp(op.name(), *size, fp_three(*size, rd, *rn, *rm))
            }
            Inst::FpUnary { op, size, rd, rm } => self.fp(op.name(), *size, fp_two(*size, rd, *rm)),
            Inst::FpCmp { size, rn, rm } => {
                format!("{}; {}", self.vcmp(*size, *rn, *rm), self.text(&Inst::VMrsFlags))
            }
            Inst::VCmp { size, rn, rm } => self.vcmp(*size, *rn, *rm),
            Inst::VMrsFlags => self.op("vmrs", false, "apsr_nzcv, fpscr"),
            Inst::FpMov { size, rd, rm } => self.fp("vmov", *size, fp_two(*size, rd, *rm)),
            Inst::FpImm { size, rd, imm8 } => {
                let value = fp_imm_value(*imm8);
                self.fp("vmov", *size, format_args!("{}, #{value:e}", fp_def(*size, rd)))
            }
            Inst::CoreToFp { rd, rt } => {
                self.op("vmov", false, format_args!("{}, {}", fp_def(F32, rd), name(*rt)))
            }
            Inst::FpToCore { rt, rn } => {
                self.op("vmov", false, format_args!("{}, {}", def(rt), fp_name(F32, *rn)))
            }
            Inst::CorePairToFp { rd, rt, rt2 } => {
                let operands = format_args!("{}, {}, {}", fp_def(F64, rd), name(*rt), name(*rt2));
                self.op("vmov", false, operands)
            }
            Inst::FpToCorePair { rt, rt2, rn } => {
                let operands = format_args!("{}, {}, {}", def(rt), def(rt2), fp_name(F64, *rn));
                self.op("vmov", false, operands)
            }
            Inst::FpToInt { signed, size, rd, rm } => {
                let operands = format_args!("{}, {}", fp_def(F32, rd), fp_name(*size, *rm));
                self.vcvt(integer(*signed), size.name(), operands)
            }
            Inst::IntToFp { signed, size, rd, rm } => {
                let operands = format_args!("{}, {}", fp_def(*size, rd), fp_name(F32, *rm));
                self.vcvt(size.name(), integer(*signed), operands)
            }
            Inst::FpConvert { to, rd, rm } => {
                let from = to.other();
                let operands = format_args!("{}, {}", fp_def(*to, rd), fp_name(from, *rm));
                self.vcvt(to.name(), from.name(), operands)
            }
            Inst::CondFpMov { cond, size, rd, rm, if_not } => {
                let (operands, if_not) = (fp_two(*size, rd, *rm), fp_name(*size, *if_not));
                format!("vmov{}.{} {operands} else {if_not}", cond.name(), size.name())
            }
            Inst::FpSelect { cond, size, rd, rn, rm } => {
                let operands = fp_three(*size, rd, *rn, *rm);
                format!("vsel{}.{} {operands}", cond.name(), size.name())
            }
            Inst::FpLoad { size, rt, addr } => {
                self.op("vldr", false, format_args!("{}, {addr}", fp_def(*size, rt)))
            }
            Inst::FpStore { size, rt, addr } => {
                self.op("vstr", false, format_args!("{}, {addr}", fp_name(*size, *rt)))
            }
            Inst::VPush { regs } => self.op("vpush", false, regs),
            Inst::VPop { regs } => self.op("vpop", false, regs),
            Inst::Push { regs } => self.op("push", false, regs),
            Inst::Pop { regs } => self.op("pop", false, regs),
            Inst::It { cond, pattern } => format!("it{pattern} {}", cond.name()),
            Inst::Predicated { cond, inst } => Printer::new(inst, true, Some(*cond)).text(inst),
            Inst::MovW { rd, imm } => self.op("movw", false, imm16(rd, "lower16", imm)),
            Inst::MovT { rd, ra, imm } => {
                self.op("movt", false, imm16(rd, "upper16", imm)) + &reused(rd, *ra)
            }
            Inst::LoadLiteral { rt, value } => format!("ldr {}, =0x{value:x}", def(rt)),
            Inst::Args { defs } => {
                let defs = pairs(defs.iter().map(|(reg, preg)| (reg.to_reg(), *preg)));
                format!("args {defs}")
            }
            Inst::Call { info } => call(info),
            Inst::Ret { uses } => format!("ret {}", pairs(uses.iter().copied())),
            Inst::TailCall { info } => tail_call(info),
            Inst::BxLr => "bx lr".to_owned(),
            Inst::Udf { trap } => format!("udf #{}", trap.code()),
            Inst::Fence => self.op("dmb", false, "sy"),
            Inst::Dsb => self.op("dsb", false, "sy"),
            Inst::Isb => self.op("isb", false, "sy"),
            Inst::Bkpt { imm8 } => format!("bkpt #{imm8}"),
            Inst::Nop => format!("nop{}", self.cond),
            // Always plain.
            Inst::AdjustSp { bytes } => format!("add sp, sp, #{bytes}"),
            Inst::Jump { target } => format!("b {}", label(*target)),
            Inst::CondBr { cond, taken, not_taken } => {
                format!("b{} {}; b {}", cond.name(), label(*taken), label(*not_taken))
            }
            Inst::CmpBranchZero { nonzero, rn, taken, not_taken } => {
                let (taken, not_taken) = (label(*taken), label(*not_taken));
                format!("cb{} {}, {taken}; b {not_taken}", zero_suffix(*nonzero), name(*rn))
            }
            Inst::JumpTable { index, default, targets } => {
                let (bound, default) = (targets.len(), label(*default));
                format!("cmp {}, #{bound}; bhs {default}; {}", name(*index), table(*index, targets))
            }
            Inst::TrapIf { cond, trap } => {
                format!("b{} {}", cond.name(), trap_label(trap.code().into()))
            }
            Inst::TrapIfZero { nonzero, rn, trap } => {
                let trap = trap_label(trap.code().into());
                format!("cb{} {}, {trap}", zero_suffix(*nonzero), name(*rn))
            }
        }
    }
}

/// A call; before allocation with the registers of its arguments and results.
fn call(info: &CallInfo) -> String {
    let mut text = match &info.callee {
        Callee::Direct(target) => format!("bl {}", symbol(target)),
        Callee::Indirect(callee) => format!("blx {}", name(*callee)),
    };
    text += &arguments(&info.uses);
    if info.defs.iter().any(|(reg, _)| reg.to_reg().is_virtual()) {
        let defs = info.defs.iter().map(|(reg, preg)| (reg.to_reg(), *preg));
        text += &format!(" -> {}", pairs(defs));
    }
    text
}

fn tail_call(info: &TailCallInfo) -> String {
    let text = match &info.callee {
        Callee::Direct(target) => format!("b.w {}", symbol(target)),
        Callee::Indirect(callee) => format!("bx {}", name(*callee)),
    };
    text + &arguments(&info.uses)
}

/// The registers of a call's arguments, before allocation.
fn arguments(uses: &[(Reg, PReg)]) -> String {
    if uses.iter().any(|(reg, _)| reg.is_virtual()) {
        format!(" ({})", pairs(uses.iter().copied()))
    } else {
        String::new()
    }
}

/// Operands with the registers that they are bound to.
fn pairs(pairs: impl Iterator<Item = (Reg, PReg)>) -> String {
    let one = |(reg, preg): (Reg, PReg)| match reg.as_preg() {
        Some(same) if same == preg => name(reg),
        _ => format!("{}={}", name(reg), regs::name(preg)),
    };
    pairs.map(one).collect::<Vec<_>>().join(", ")
}

fn symbol(target: &RelocTarget) -> String {
    match target {
        RelocTarget::Symbol(id) => format!("symbol{}", id.0),
        RelocTarget::Name(name) => name.clone(),
    }
}

fn imm16(rd: &Writable<Reg>, half: &str, imm: &Imm16) -> String {
    match imm {
        Imm16::Value(value) => format!("{}, {}", def(rd), immediate((*value).into())),
        Imm16::Symbol(target) => format!("{}, #:{half}:{}", def(rd), symbol(target)),
    }
}

/// The value whose register a result reuses, until they are one.
fn reused(rd: &Writable<Reg>, ra: Reg) -> String {
    if rd.to_reg() == ra { String::new() } else { format!(" ({} is {})", name(ra), def(rd)) }
}

fn three(rd: &Writable<Reg>, rn: Reg, rm: Reg) -> String {
    format!("{}, {}, {}", def(rd), name(rn), name(rm))
}

fn four(lo: &Writable<Reg>, hi: &Writable<Reg>, rn: Reg, rm: Reg) -> String {
    format!("{}, {}, {}, {}", def(lo), def(hi), name(rn), name(rm))
}

fn integer(signed: bool) -> &'static str {
    if signed { "s32" } else { "u32" }
}

fn fp_two(size: FpSize, rd: &Writable<Reg>, rm: Reg) -> String {
    format!("{}, {}", fp_def(size, rd), fp_name(size, rm))
}

fn fp_three(size: FpSize, rd: &Writable<Reg>, rn: Reg, rm: Reg) -> String {
    format!("{}, {}, {}", fp_def(size, rd), fp_name(size, rn), fp_name(size, rm))
}

/// A single-precision operand in a d register is its low half.
fn fp_name(size: FpSize, reg: Reg) -> String {
    let preg = reg.as_preg().map(|preg| match size {
        FpSize::F32 => regs::low_half(preg),
        FpSize::F64 => preg,
    });
    preg.map_or_else(|| name(reg), |preg| regs::name(preg).to_owned())
}

fn fp_def(size: FpSize, reg: &Writable<Reg>) -> String {
    fp_name(size, reg.to_reg())
}

fn name(reg: Reg) -> String {
    reg.as_preg().map_or_else(|| format!("{reg:?}"), |preg| regs::name(preg).to_owned())
}

fn def(reg: &Writable<Reg>) -> String {
    name(reg.to_reg())
}

/// Decimal where people count, hexadecimal where they look at bits.
fn immediate(value: u32) -> String {
    if value < 4096 { format!("#{value}") } else { format!("#0x{value:x}") }
}

impl Display for Operand2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Operand2::Reg(rm) => f.write_str(&name(rm)),
            Operand2::Shifted(rm, op, amount) => write!(f, "{}, {} #{amount}", name(rm), op.name()),
            Operand2::Imm(value) => f.write_str(&immediate(value)),
        }
    }
}

impl Display for AMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            AMode::Offset { base, offset: 0 } => write!(f, "[{}]", name(base)),
            AMode::Offset { base, offset } => write!(f, "[{}, #{offset}]", name(base)),
            AMode::Index { base, index, shift: 0 } => {
                write!(f, "[{}, {}]", name(base), name(index))
            }
            AMode::Index { base, index, shift } => {
                write!(f, "[{}, {}, lsl #{shift}]", name(base), name(index))
            }
            AMode::IncomingArg { offset } => write!(f, "[incoming, #{offset}]"),
            AMode::StackSlot { offset } => write!(f, "[slots, #{offset}]"),
            AMode::OutgoingArg { offset } => write!(f, "[outgoing, #{offset}]"),
            AMode::Spill { slot } => write!(f, "[spill{slot}]"),
        }
    }
}

impl Display for RegList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(regs::name).collect();
        write!(f, "{{{}}}", names.join(", "))
    }
}

impl Display for DRegRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = u32::from(self.first) + u32::from(self.count).saturating_sub(1);
        match self.count {
            1 => write!(f, "{{d{last}}}"),
            _ => write!(f, "{{d{}-d{last}}}", self.first),
        }
    }
}

/// The letters after `it`.
impl Display for ItPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (1..self.count()).try_for_each(|n| f.write_str(if self.is_else(n) { "e" } else { "t" }))
    }
}
