//! Instructions as text, in the Arm manual's unified assembly language (UAL).
//!
//! An instruction over physical registers prints as an assembler takes it, with `.w` where its
//! mnemonic has a 16-bit form and it does not take it; inside an IT block with the condition.
//! Before allocation virtual registers stand in the same places (`v12`), and what has no single
//! encoding prints in the same style: `moveq v3, v2 else v1`.

use super::args::*;
use super::encode::{Encoding, encode, plain};
use super::fixup::Fixup;
use super::imms::{is_imm16, is_mod_imm};
use super::{CallInfo, Callee, Imm16, Inst};
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
            Inst::BxLr => "bx lr".to_owned(),
            // The rest: control flow and what is always the same.
            _ => control(inst),
        }
    }
}

fn control(inst: &Inst) -> String {
    match inst {
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
        Inst::Udf { trap } => format!("udf #{}", trap.code()),
        Inst::TrapIf { cond, trap } => {
            format!("b{} {}", cond.name(), trap_label(trap.code().into()))
        }
        Inst::TrapIfZero { nonzero, rn, trap } => {
            let trap = trap_label(trap.code().into());
            format!("cb{} {}, {trap}", zero_suffix(*nonzero), name(*rn))
        }
        Inst::Fence => "dmb sy".to_owned(),
        _ => "nop".to_owned(),
    }
}

/// A call; before allocation with the registers of its arguments and results.
fn call(info: &CallInfo) -> String {
    let mut text = match &info.callee {
        Callee::Direct(target) => format!("bl {}", symbol(target)),
        Callee::Indirect(callee) => format!("blx {}", name(*callee)),
    };
    if info.uses.iter().any(|(reg, _)| reg.is_virtual()) {
        text += &format!(" ({})", pairs(info.uses.iter().copied()));
    }
    if info.defs.iter().any(|(reg, _)| reg.to_reg().is_virtual()) {
        let defs = info.defs.iter().map(|(reg, preg)| (reg.to_reg(), *preg));
        text += &format!(" -> {}", pairs(defs));
    }
    text
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

/// The letters after `it`.
impl Display for ItPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (1..self.count()).try_for_each(|n| f.write_str(if self.is_else(n) { "e" } else { "t" }))
    }
}
