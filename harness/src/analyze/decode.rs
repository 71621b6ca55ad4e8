//! One instruction as the analysis sees it: registers, memory, control flow, and what is known of its
//! result.
//!
//! Decoding is thumb-asm's, after the Arm manual; which operands an instruction reads and writes
//! stands here. What is on no list is not analysed.

use thumb_asm::Cond;
use thumb_asm::isa::insn::FpReg;
use thumb_asm::isa::{AddrMode, Insn, Mem, Operand, Reg};

/// A register: r0-r15 are 0-15, s0-s31 follow; a d register is its two halves.
pub type RegNum = u8;
pub const SP: RegNum = 13;
pub const LR: RegNum = 14;
pub const PC: RegNum = 15;
const FIRST_S: RegNum = 16;
pub const NUM_REGS: usize = 48;

/// An instruction and where it stands, in bytes from its section's beginning.
#[derive(Clone, Debug)]
pub struct Inst {
    pub at: u32,
    pub len: u32,
    pub mnemonic: &'static str,
    /// Without it the instruction does nothing. Branches say so in `flow`.
    pub condition: Option<Cond>,
    pub reads: Vec<RegNum>,
    pub writes: Vec<RegNum>,
    pub access: Option<Access>,
    pub flow: Flow,
    pub effect: Effect,
}

impl Inst {
    pub fn end(&self) -> u32 {
        self.at + self.len
    }

    pub fn is_conditional(&self) -> bool {
        self.condition.is_some()
    }
}

/// A load or store.
#[derive(Clone, Debug)]
pub struct Access {
    pub base: RegNum,
    /// Bytes from the base to the first register's place.
    pub offset: i32,
    pub index: Option<RegNum>,
    /// What is added to the base.
    pub writeback: Option<i32>,
    pub is_load: bool,
    /// Registers in the order of their places.
    pub regs: Vec<RegNum>,
    /// Bytes of each: less than 4 for parts of a register.
    pub size: u32,
    /// Places of one register as the program names it: 2 for a d register.
    pub unit: usize,
    /// Atomic or exclusive: not a plain load or store.
    pub is_special: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    Next,
    /// To an offset, unless a relocation says otherwise.
    Jump {
        to: u32,
        conditional: bool,
    },
    Call {
        to: u32,
    },
    CallRegister,
    /// Back to the caller, by a branch to lr or a pop.
    Return,
    /// `bx` to another register: a tail call.
    TailCall,
    /// tbb or tbh.
    Table {
        halfwords: bool,
    },
    /// `ldr pc, [..]` from a table of addresses behind it.
    AddressTable,
    /// Never goes on.
    Stop,
}

/// What is known of the only result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    Unknown,
    /// `to = from + value`.
    Add {
        to: RegNum,
        from: RegNum,
        value: i32,
    },
    /// `to = from + or - other`.
    AddRegister {
        to: RegNum,
        from: RegNum,
        other: RegNum,
        minus: bool,
    },
    /// A constant; unknown if it is an address.
    Constant {
        to: RegNum,
        value: Option<u32>,
    },
    /// `to` with another upper half.
    High {
        to: RegNum,
        value: u32,
    },
}

/// What an instruction is on no list for.
pub type Unknown = String;

/// Reads an instruction at `at`. `literal` is the word at an offset, unless it is relocated.
pub fn decode(insn: &Insn, at: u32, literal: impl Fn(u32) -> Option<u32>) -> Result<Inst, Unknown> {
    let mnemonic = insn.mnemonic;
    let mut inst = Inst {
        at,
        len: insn.len() as u32,
        mnemonic,
        condition: insn.cond,
        reads: vec![],
        writes: vec![],
        access: None,
        flow: Flow::Next,
        effect: Effect::Unknown,
    };
    if !branch(insn, &mut inst) && !memory(insn, &mut inst, &literal)? {
        data(insn, &mut inst)?;
    }
    if inst.writes.contains(&PC) && inst.flow == Flow::Next {
        return Err(format!("computed branch ({insn})"));
    }
    Ok(inst)
}

fn operand_regs(operand: Operand) -> Vec<RegNum> {
    use thumb_asm::isa::ShiftAmount;
    match operand {
        Operand::Reg(reg) => vec![reg.num()],
        Operand::RegShifted(reg, shift) => match shift.amount {
            ShiftAmount::Reg(amount) => vec![reg.num(), amount.num()],
            ShiftAmount::Imm(_) => vec![reg.num()],
        },
        Operand::FpReg(reg) => fp_regs(reg),
        Operand::FpScalar(FpReg::D(n), half) if n < 16 && half < 2 => vec![FIRST_S + 2 * n + half],
        _ => vec![],
    }
}

fn fp_regs(reg: FpReg) -> Vec<RegNum> {
    match reg {
        FpReg::S(n) if n < 32 => vec![FIRST_S + n],
        FpReg::D(n) if n < 16 => vec![FIRST_S + 2 * n, FIRST_S + 2 * n + 1],
        _ => vec![],
    }
}

/// Control flow; whether it is that.
fn branch(insn: &Insn, inst: &mut Inst) -> bool {
    let target = insn.branch_target().unwrap_or(0);
    let reg = match insn.operands.get(0) {
        Some(Operand::Reg(reg)) => reg.num(),
        _ => 0,
    };
    inst.flow = match inst.mnemonic {
        "b" => {
            inst.condition = None;
            Flow::Jump { to: target, conditional: insn.cond.is_some() }
        }
        "cbz" | "cbnz" => {
            inst.reads.push(reg);
            Flow::Jump { to: target, conditional: true }
        }
        "bl" => Flow::Call { to: target },
        "blx" => {
            inst.reads.push(reg);
            Flow::CallRegister
        }
        "bx" if reg == LR => Flow::Return,
        "bx" => {
            inst.reads.push(reg);
            Flow::TailCall
        }
        "mov" if reg == PC && insn.operands.get(1) == Some(Operand::Reg(Reg::LR)) => Flow::Return,
        "tbb" | "tbh" => {
            if let Some(Operand::Mem(Mem { index: Some((index, _)), base: Reg::PC, .. })) =
                insn.operands.get(0)
            {
                inst.reads.push(index.num());
                Flow::Table { halfwords: inst.mnemonic == "tbh" }
            } else {
                return false;
            }
        }
        "udf" => Flow::Stop,
        // A supervisor call reads and returns what its handler likes.
        "svc" => Flow::CallRegister,
        _ => return false,
    };
    true
}

/// Loads and stores; whether it is one.
fn memory(
    insn: &Insn,
    inst: &mut Inst,
    literal: &impl Fn(u32) -> Option<u32>,
) -> Result<bool, Unknown> {
    let stem = insn.mnemonic.split('.').next().unwrap_or("");
    if let Some((access, size)) = multiple(insn, stem) {
        return finish(inst, Access { size, ..access? }).map(|()| true);
    }
    let size =
        match stem {
            "ldr" | "str" | "ldrd" | "strd" | "vldr" | "vstr" | "ldrex" | "strex" | "lda"
            | "stl" | "ldaex" | "stlex" | "ldrt" | "strt" => 4,
            "ldrh" | "ldrsh" | "strh" | "ldrexh" | "strexh" | "ldah" | "stlh" | "ldaexh"
            | "stlexh" => 2,
            "ldrb" | "ldrsb" | "strb" | "ldrexb" | "strexb" | "ldab" | "stlb" | "ldaexb"
            | "stlexb" => 1,
            "pld" | "pldw" | "pli" => {
                inst.reads = insn.operands.as_slice().flat_map(mem_regs).collect();
                return Ok(true);
            }
            _ => return Ok(false),
        };
    let is_load = stem.starts_with("ld") || stem.starts_with("vld");
    let mut regs: Vec<RegNum> = insn.operands.as_slice().flat_map(operand_regs).collect();
    let is_store_exclusive = stem.starts_with("strex") || stem.starts_with("stlex");
    if is_store_exclusive && !regs.is_empty() {
        inst.writes.push(regs.remove(0));
    }
    let mem = insn.operands.as_slice().find_map(|op| match op {
        Operand::Mem(mem) => Some(mem),
        _ => None,
    });
    let Some(mem) = mem else { return Err(format!("{insn}")) };
    if mem.base == Reg::PC {
        let to = regs.first().copied().unwrap_or(PC);
        inst.writes.extend(&regs);
        let value = insn.branch_target().and_then(literal);
        let is_word = stem == "ldr" && mem.index.is_none();
        inst.effect = if is_word { Effect::Constant { to, value } } else { Effect::Unknown };
        if mem.index.is_some() {
            inst.reads.extend(mem_regs(Operand::Mem(mem)).into_iter().filter(|&r| r != PC));
        }
        if to == PC && is_load {
            inst.flow = Flow::AddressTable;
        }
        return if is_load { Ok(true) } else { Err(format!("store relative to pc ({insn})")) };
    }
    let displacement = mem.displacement() as i32;
    let is_d = matches!(insn.operands.get(0), Some(Operand::FpReg(FpReg::D(_))));
    let access = Access {
        base: mem.base.num(),
        offset: if mem.mode == AddrMode::PostIndex { 0 } else { displacement },
        index: mem.index.map(|(reg, _)| reg.num()),
        writeback: match mem.mode {
            AddrMode::Offset => None,
            AddrMode::PreIndex | AddrMode::PostIndex => Some(displacement),
            AddrMode::PostIncrement => return Err(format!("{insn}")),
        },
        is_load,
        regs,
        size,
        unit: if is_d { 2 } else { 1 },
        is_special: stem.contains("ex") || stem.starts_with("lda") || stem.starts_with("stl"),
    };
    finish(inst, access).map(|()| true)
}

fn mem_regs(operand: Operand) -> Vec<RegNum> {
    let Operand::Mem(mem) = operand else { return vec![] };
    let index = mem.index.map(|(reg, _)| reg.num());
    [mem.base.num()].into_iter().chain(index).filter(|&r| r != PC).collect()
}

/// Loads and stores of lists of registers.
fn multiple(insn: &Insn, stem: &str) -> Option<(Result<Access, Unknown>, u32)> {
    let (base, list, is_load, is_before) = match stem {
        "push" | "vpush" => ("sp!".to_owned(), insn.operands.get(0), false, true),
        "pop" | "vpop" => ("sp!".to_owned(), insn.operands.get(0), true, false),
        "ldm" | "ldmia" | "ldmdb" | "stm" | "stmia" | "stmdb" | "vldm" | "vldmia" | "vldmdb"
        | "vstm" | "vstmia" | "vstmdb" => {
            let base = insn.operands.get(0).map(|op| op.to_string()).unwrap_or_default();
            let is_load = stem.trim_start_matches('v').starts_with("ld");
            (base, insn.operands.get(1), is_load, stem.ends_with("db"))
        }
        _ => return None,
    };
    let read = || {
        let (regs, unit) = match list? {
            Operand::RegList(bits) => {
                ((0..16).filter(|r| bits >> r & 1 != 0).collect::<Vec<RegNum>>(), 1)
            }
            Operand::Text(text) => fp_list(text)?,
            _ => return None,
        };
        let bytes = 4 * regs.len() as i32;
        let name = base.trim_end_matches('!');
        let base_reg = match name {
            "sp" => SP,
            "lr" => LR,
            "ip" => 12,
            _ => name.strip_prefix('r')?.parse().ok()?,
        };
        let delta = if is_before { -bytes } else { bytes };
        Some(Access {
            base: base_reg,
            offset: if is_before { -bytes } else { 0 },
            index: None,
            writeback: base.ends_with('!').then_some(delta),
            is_load,
            regs,
            size: 4,
            unit,
            is_special: false,
        })
    };
    Some((read().ok_or_else(|| insn.to_string()), 4))
}

/// `{s0-s3}` or `{d8, d9}`, and how many words each register has.
fn fp_list(text: &str) -> Option<(Vec<RegNum>, usize)> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let is_d = inner.trim_start().starts_with('d');
    let number = |name: &str| name.trim().get(1..)?.parse::<u8>().ok();
    let mut regs = vec![];
    for part in inner.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        for n in number(first)?..=number(last)? {
            let found = fp_regs(if is_d { FpReg::D(n) } else { FpReg::S(n) });
            regs.extend((!found.is_empty()).then_some(found)?);
        }
    }
    Some((regs, if is_d { 2 } else { 1 }))
}

/// Registers and flow of a load or store.
fn finish(inst: &mut Inst, access: Access) -> Result<(), Unknown> {
    inst.reads.push(access.base);
    inst.reads.extend(access.index);
    if access.is_load {
        inst.writes.extend(&access.regs);
    } else {
        inst.reads.extend(&access.regs);
    }
    // A base that is also loaded keeps what was loaded.
    if access.writeback.is_some() && !(access.is_load && access.regs.contains(&access.base)) {
        inst.writes.push(access.base);
    }
    if access.is_load && access.regs.contains(&PC) {
        let pops = access.base == SP && access.writeback.is_some();
        inst.flow = if pops { Flow::Return } else { Flow::AddressTable };
    }
    inst.access = Some(access);
    Ok(())
}

/// With two operands, the first is read too.
const TWO_OR_THREE: [&str; 15] = [
    "add", "addw", "sub", "subw", "adc", "sbc", "rsb", "and", "orr", "eor", "bic", "orn", "mul",
    "lsl", "lsr",
];
const READ_ONLY: [&str; 8] = ["cmp", "cmn", "tst", "teq", "msr", "vmsr", "vcmp", "vcmpe"];
const NOTHING: [&str; 17] = [
    "nop", "dmb", "dsb", "isb", "ssbb", "pssbb", "csdb", "wfi", "wfe", "sev", "yield", "clrex",
    "cpsid", "cpsie", "dbg", "bkpt", "esb",
];
/// The first operand is written; it is read as well.
const READ_WRITE: [&str; 11] =
    ["movt", "bfi", "bfc", "vmla", "vmls", "vnmla", "vnmls", "vfma", "vfms", "vfnma", "vfnms"];
/// The first two operands are written.
const LONG: [&str; 2] = ["umull", "smull"];
/// Likewise, and read.
const LONG_READ: [&str; 3] = ["umlal", "umaal", "smlal"];
/// The first operand is written, the others are read.
const PLAIN: [&str; 42] = [
    "mov", "movw", "mvn", "adr", "asr", "ror", "rrx", "clz", "rbit", "rev", "rev16", "revsh",
    "ubfx", "sbfx", "sdiv", "udiv", "mla", "mls", "ssat", "usat", "ssat16", "usat16", "sel",
    "pkhbt", "pkhtb", "usad8", "usada8", "mrs", "vmrs", "vadd", "vsub", "vmul", "vnmul", "vdiv",
    "vneg", "vabs", "vsqrt", "vcvt", "vcvtr", "vmaxnm", "vminnm", "vmov",
];
/// The same by their beginnings: extensions, multiplications of halves, parallel and saturating
/// arithmetic, rounding and selection.
const PLAIN_PREFIXES: [&str; 22] = [
    "sxt", "uxt", "smul", "smla", "smls", "smm", "smua", "smus", "qadd", "qsub", "qdadd", "qdsub",
    "qasx", "qsax", "sadd", "ssub", "uadd", "usub", "shadd", "uhadd", "vrint", "vsel",
];

fn data(insn: &Insn, inst: &mut Inst) -> Result<(), Unknown> {
    let stem = insn.mnemonic.split('.').next().unwrap_or("");
    let lists: Vec<Vec<RegNum>> = insn.operands.as_slice().map(operand_regs).collect();
    let all = || lists.iter().flatten().copied();
    if NOTHING.contains(&stem) || stem.starts_with("it") {
        inst.condition = None;
        return Ok(());
    }
    let is_long_read = LONG_READ.contains(&stem)
        || ["smlal", "smlsld"].iter().any(|prefix| stem.starts_with(prefix));
    let is_plain = PLAIN.contains(&stem)
        || PLAIN_PREFIXES.iter().any(|prefix| stem.starts_with(prefix))
        || TWO_OR_THREE.contains(&stem)
        || READ_WRITE.contains(&stem);
    let written = if READ_ONLY.contains(&stem) {
        0
    } else if LONG.contains(&stem) || is_long_read {
        2
    } else if is_plain {
        usize::from(!lists.is_empty())
    } else {
        return Err(format!("unknown instruction ({insn})"));
    };
    // Two core registers from one d register, or from two s registers.
    let written = match insn.operands.get(1) {
        Some(Operand::Reg(_)) if stem == "vmov" && is_pair(insn) => 2,
        Some(Operand::FpReg(_)) if stem == "vmov" && insn.operands.len() == 4 => 2,
        _ => written,
    };
    let is_pairwise = TWO_OR_THREE.contains(&stem) || ["asr", "ror"].contains(&stem);
    let reads_first = READ_WRITE.contains(&stem) || is_pairwise && insn.operands.len() == 2;
    let from = if is_long_read || reads_first { 0 } else { written };
    inst.writes = lists[..written.min(lists.len())].iter().flatten().copied().collect();
    inst.reads = lists[from.min(lists.len())..].iter().flatten().copied().collect();
    if written == 0 {
        inst.reads = all().collect();
    }
    inst.reads.retain(|&reg| reg != PC);
    inst.effect = effect(insn, stem);
    Ok(())
}

/// `vmov` to two core registers.
fn is_pair(insn: &Insn) -> bool {
    matches!(insn.operands.get(0), Some(Operand::Reg(_))) && insn.operands.len() >= 3
}

fn effect(insn: &Insn, stem: &str) -> Effect {
    let reg = |i: usize| match insn.operands.get(i) {
        Some(Operand::Reg(reg)) => Some(reg.num()),
        _ => None,
    };
    let imm = |i: usize| match insn.operands.get(i) {
        Some(Operand::Imm(value)) => Some(value as i32),
        _ => None,
    };
    let Some(to) = reg(0) else { return Effect::Unknown };
    let last = insn.operands.len().saturating_sub(1);
    let from = if last == 2 { reg(1) } else { Some(to) };
    match stem {
        "mov" | "movw" => match (reg(1), imm(1)) {
            (Some(from), _) => Effect::Add { to, from, value: 0 },
            (_, Some(value)) => Effect::Constant { to, value: Some(value as u32) },
            _ => Effect::Unknown,
        },
        "mvn" => imm(1)
            .map_or(Effect::Unknown, |value| Effect::Constant { to, value: Some(!value as u32) }),
        "adr" => Effect::Constant { to, value: None },
        "movt" => imm(1).map_or(Effect::Unknown, |value| Effect::High { to, value: value as u32 }),
        "add" | "addw" | "sub" | "subw" => {
            let minus = stem.starts_with("sub");
            match (from, imm(last), reg(last)) {
                (Some(PC), ..) => Effect::Constant { to, value: None },
                (Some(from), Some(value), _) => {
                    let value = if minus { value.wrapping_neg() } else { value };
                    Effect::Add { to, from, value }
                }
                (Some(from), _, Some(other)) => Effect::AddRegister { to, from, other, minus },
                _ => Effect::Unknown,
            }
        }
        _ => Effect::Unknown,
    }
}
