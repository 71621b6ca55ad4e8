//! For tests: a machine that runs instructions as they stand, those of lowering as well as those
//! that replace them, so that code before and after a pass can be compared by what it does.

use super::frame::FrameLayout;
use crate::inst::args::*;
use crate::inst::{CallInfo, Callee, Imm16, Inst, TailCallInfo, WritableReg};
use crate::regs::{IP, LR, SP, d_number, low_half, r};
use regalloc2::{PReg, PRegSet};
use std::collections::HashMap;
use windlass_backend::isa::{Code, FrameRequest};
use windlass_backend::reg::{Reg, Writable};

pub const ENTRY_SP: u32 = 0x2010_0000;
pub const RETURN_ADDRESS: u32 = 0x0800_0123;
/// Where traps lead, by code.
pub const TRAPPED: u32 = 0xdead_0000;
/// Where a direct tail call leads.
pub const TAIL_CALLEE: u32 = 0x0800_0457;

#[derive(Clone)]
pub struct Machine {
    pub regs: [u32; 16],
    /// s0-s31, of which each two are a d register.
    pub floats: [u32; 32],
    n: bool,
    z: bool,
    c: bool,
    v: bool,
    /// N, Z, C and V of the FPSCR.
    fp_flags: [bool; 4],
    pub memory: HashMap<u32, u8>,
    /// sp at each call.
    pub calls: Vec<u32>,
    /// The frame that places in the frame refer to, for code before expansion.
    pub frame: Option<FrameLayout>,
}

/// How an instruction ends.
enum Next {
    Continue,
    Goto(usize),
    Return(u32),
}

impl Machine {
    /// At a function's entry, with recognisable register contents.
    pub fn new() -> Machine {
        let mut regs = core::array::from_fn(|n| 0x1111_1111u32.wrapping_mul(n as u32 + 1));
        regs[SP.hw_enc()] = ENTRY_SP;
        regs[LR.hw_enc()] = RETURN_ADDRESS;
        let floats = core::array::from_fn(|n| 0xf10a_0000 + n as u32);
        let (n, z, c, v) = (false, false, false, false);
        let memory = HashMap::new();
        let (fp_flags, calls, frame) = ([false; 4], vec![], None);
        Machine { regs, floats, n, z, c, v, fp_flags, memory, calls, frame }
    }

    /// Runs a function to its return or tail call; answers the address gone to.
    pub fn run(&mut self, code: &Code<Inst>) -> u32 {
        let mut pc = 0;
        for _ in 0..100_000 {
            match self.step(&code.insts[pc]) {
                Next::Continue => pc += 1,
                Next::Goto(block) => pc = code.block_starts[block] as usize,
                Next::Return(address) => return address,
            }
        }
        panic!("no return");
    }

    pub fn load(&self, address: u32) -> u32 {
        let byte = |n| self.memory.get(&address.wrapping_add(n)).copied().unwrap_or(0xa5);
        u32::from_le_bytes(core::array::from_fn(|n| byte(n as u32)))
    }

    pub fn store(&mut self, address: u32, value: u32) {
        for (n, byte) in value.to_le_bytes().into_iter().enumerate() {
            self.memory.insert(address.wrapping_add(n as u32), byte);
        }
    }

    fn get(&self, reg: Reg) -> u32 {
        self.regs[reg.as_preg().expect("a physical register").hw_enc()]
    }

    fn set(&mut self, reg: WritableReg, value: u32) {
        self.regs[reg.to_reg().as_preg().expect("a physical register").hw_enc()] = value;
    }

    /// The second operand and the carry that its shifter leaves.
    fn op2(&self, op2: Operand2) -> (u32, bool) {
        match op2 {
            Operand2::Reg(rm) => (self.get(rm), self.c),
            Operand2::Shifted(rm, op, amount) => self.shift(op, self.get(rm), amount.into()),
            Operand2::Imm(value) if value < 256 => (value, self.c),
            Operand2::Imm(value) => (value, value >> 31 != 0),
        }
    }

    fn shift(&self, op: ShiftOp, value: u32, amount: u32) -> (u32, bool) {
        let wide = u64::from(value);
        match (op, amount) {
            (_, 0) => (value, self.c),
            (ShiftOp::Lsl, 1..=32) => ((wide << amount) as u32, wide << amount >> 32 & 1 != 0),
            (ShiftOp::Lsr, 1..=32) => ((wide >> amount) as u32, wide >> (amount - 1) & 1 != 0),
            (ShiftOp::Lsl | ShiftOp::Lsr, _) => (0, false),
            (ShiftOp::Asr, _) => {
                let signed = i64::from(value as i32);
                let amount = amount.min(32);
                ((signed >> amount) as u32, signed >> (amount - 1) & 1 != 0)
            }
            (ShiftOp::Ror, _) => {
                let rotated = value.rotate_right(amount & 31);
                (rotated, rotated >> 31 != 0)
            }
        }
    }

    fn set_nz(&mut self, value: u32) {
        self.n = value >> 31 != 0;
        self.z = value == 0;
    }

    fn add_with_carry(&mut self, a: u32, b: u32, carry: bool, s: bool) -> u32 {
        let wide = u64::from(a) + u64::from(b) + u64::from(carry);
        let sum = wide as u32;
        if s {
            self.set_nz(sum);
            self.c = wide >> 32 != 0;
            self.v = (a ^ sum) & (b ^ sum) & 0x8000_0000 != 0;
        }
        sum
    }

    fn logical(&mut self, value: u32, carry: bool, s: bool) -> u32 {
        if s {
            self.set_nz(value);
            self.c = carry;
        }
        value
    }

    fn alu(&mut self, op: AluOp, s: bool, a: u32, op2: Operand2) -> u32 {
        let (b, shifter) = self.op2(op2);
        match op {
            AluOp::Add => self.add_with_carry(a, b, false, s),
            AluOp::Adc => self.add_with_carry(a, b, self.c, s),
            AluOp::Sub => self.add_with_carry(a, !b, true, s),
            AluOp::Sbc => self.add_with_carry(a, !b, self.c, s),
            AluOp::Rsb => self.add_with_carry(!a, b, true, s),
            AluOp::And => self.logical(a & b, shifter, s),
            AluOp::Orr => self.logical(a | b, shifter, s),
            AluOp::Eor => self.logical(a ^ b, shifter, s),
            AluOp::Bic => self.logical(a & !b, shifter, s),
            AluOp::Orn => self.logical(a | !b, shifter, s),
        }
    }

    fn mov(&mut self, op: MovOp, s: bool, op2: Operand2) -> u32 {
        let (value, carry) = self.op2(op2);
        let value = if op == MovOp::Mvn { !value } else { value };
        self.logical(value, carry, s)
    }

    fn compare(&mut self, op: CmpOp, rn: Reg, op2: Operand2) {
        let op = match op {
            CmpOp::Cmp => AluOp::Sub,
            CmpOp::Cmn => AluOp::Add,
            CmpOp::Tst => AluOp::And,
            CmpOp::Teq => AluOp::Eor,
        };
        self.alu(op, true, self.get(rn), op2);
    }

    fn holds(&self, cond: Cond) -> bool {
        match cond {
            Cond::Eq => self.z,
            Cond::Hs => self.c,
            Cond::Mi => self.n,
            Cond::Vs => self.v,
            Cond::Hi => self.c && !self.z,
            Cond::Ge => self.n == self.v,
            Cond::Gt => !self.z && self.n == self.v,
            other => !self.holds(other.invert()),
        }
    }

    fn address(&self, addr: AMode) -> u32 {
        match addr {
            AMode::Offset { base, offset } => self.get(base).wrapping_add(offset as u32),
            AMode::Index { base, index, shift } => {
                self.get(base).wrapping_add(self.get(index) << shift)
            }
            place => {
                let frame = self.frame.as_ref().expect("a frame for code before expansion");
                let offset = frame.sp_offset(place).expect("a place in the frame");
                self.regs[SP.hw_enc()].wrapping_add(offset as u32)
            }
        }
    }

    fn push(&mut self, regs: RegList) {
        let sp = self.regs[SP.hw_enc()] - 4 * regs.len();
        for (n, reg) in regs.iter().enumerate() {
            self.store(sp + 4 * n as u32, self.regs[reg.hw_enc()]);
        }
        self.regs[SP.hw_enc()] = sp;
    }

    fn pop(&mut self, regs: RegList) -> Next {
        let sp = self.regs[SP.hw_enc()];
        for (n, reg) in regs.iter().enumerate() {
            self.regs[reg.hw_enc()] = self.load(sp + 4 * n as u32);
        }
        self.regs[SP.hw_enc()] = sp + 4 * regs.len();
        if regs.0 >> 15 != 0 { Next::Return(self.regs[15]) } else { Next::Continue }
    }

    /// The words that an operand of this size has in the floating-point registers.
    fn float_words(&self, size: FpSize, reg: Reg) -> core::ops::Range<usize> {
        let preg = reg.as_preg().expect("a physical register");
        match size {
            FpSize::F32 => low_half(preg).hw_enc()..low_half(preg).hw_enc() + 1,
            FpSize::F64 => {
                let n = d_number(preg).expect("a d register");
                2 * n..2 * n + 2
            }
        }
    }

    fn float(&self, size: FpSize, reg: Reg) -> f64 {
        match self.floats[self.float_words(size, reg)] {
            [low, high] => f64::from_bits(u64::from(high) << 32 | u64::from(low)),
            [bits] => f32::from_bits(bits).into(),
            _ => unreachable!("a float is one word or two"),
        }
    }

    /// N, Z, C and V after `vcmp`.
    fn compare_floats(&self, size: FpSize, rn: Reg, rm: Option<Reg>) -> [bool; 4] {
        use core::cmp::Ordering::{Equal, Greater, Less};
        let (x, y) = (self.float(size, rn), rm.map_or(0.0, |rm| self.float(size, rm)));
        match x.partial_cmp(&y) {
            Some(Equal) => [false, true, true, false],
            Some(Less) => [true, false, false, false],
            Some(Greater) => [false, false, true, false],
            None => [false, false, true, true],
        }
    }

    fn move_float(&mut self, size: FpSize, rd: WritableReg, from: Reg) {
        let (from, to) = (self.float_words(size, from), self.float_words(size, rd.to_reg()));
        self.floats.copy_within(from, to.start);
    }

    fn load_floats(&mut self, words: core::ops::Range<usize>, address: u32) {
        for (n, word) in words.enumerate() {
            self.floats[word] = self.load(address.wrapping_add(4 * n as u32));
        }
    }

    fn store_floats(&mut self, words: core::ops::Range<usize>, address: u32) {
        for (n, word) in words.enumerate() {
            self.store(address.wrapping_add(4 * n as u32), self.floats[word]);
        }
    }

    fn call(&mut self, popped: u32) {
        self.calls.push(self.regs[SP.hw_enc()]);
        for reg in [r(0), r(1), r(2), r(3), IP, LR] {
            self.regs[reg.hw_enc()] = 0xca11_0000 + reg.hw_enc() as u32;
        }
        self.floats[..16].fill(0xca11_f10a);
        self.regs[SP.hw_enc()] += popped;
    }

    fn goto(&self, taken: bool, then: usize, otherwise: usize) -> Next {
        Next::Goto(if taken { then } else { otherwise })
    }

    fn step(&mut self, inst: &Inst) -> Next {
        match inst {
            &Inst::Alu { op, s, rd, rn, op2 } => {
                let value = self.alu(op, s, self.get(rn), op2);
                self.set(rd, value);
            }
            &Inst::Mov { op, s, rd, op2 } => {
                let value = self.mov(op, s, op2);
                self.set(rd, value);
            }
            &Inst::ShiftReg { op, s, rd, rn, rm } => {
                let (value, carry) = self.shift(op, self.get(rn), self.get(rm) & 0xff);
                let value = self.logical(value, carry, s);
                self.set(rd, value);
            }
            &Inst::LoadConst { rd, value } | &Inst::LoadLiteral { rt: rd, value } => {
                self.set(rd, value);
            }
            Inst::MovW { rd, imm: Imm16::Value(value) } => self.set(*rd, (*value).into()),
            Inst::MovT { rd, ra, imm: Imm16::Value(value) } => {
                let low = self.get(*ra) & 0xffff;
                self.set(*rd, u32::from(*value) << 16 | low);
            }
            &Inst::Cmp { op, rn, op2 } => self.compare(op, rn, op2),
            &Inst::CondCmp { cond, op, rn, op2 } => {
                if self.holds(cond) {
                    self.compare(op, rn, op2);
                }
            }
            &Inst::Mul { s, rd, rn, rm } => {
                let value = self.get(rn).wrapping_mul(self.get(rm));
                let value = self.logical(value, self.c, s);
                self.set(rd, value);
            }
            &Inst::BitExtract { signed, rd, rn, lsb, width } => {
                let top = self.get(rn) << (32 - lsb - width);
                let down = 32 - u32::from(width);
                let value = if signed { ((top as i32) >> down) as u32 } else { top >> down };
                self.set(rd, value);
            }
            &Inst::Unary { op, rd, rm } => {
                let value = self.get(rm);
                let value = match op {
                    UnaryOp::Uxtb => value & 0xff,
                    UnaryOp::Uxth => value & 0xffff,
                    UnaryOp::Sxtb => value as i8 as u32,
                    UnaryOp::Sxth => value as i16 as u32,
                    other => panic!("{other:?} is not made by finalizing"),
                };
                self.set(rd, value);
            }
            &Inst::CondMov { cond, op, rd, op2, if_not } => {
                let holds = self.holds(cond);
                let value = if holds { self.mov(op, false, op2) } else { self.get(if_not) };
                self.set(rd, value);
            }
            &Inst::CondAlu { cond, op, rd, rn, op2, if_not } => {
                let holds = self.holds(cond);
                let value =
                    if holds { self.alu(op, false, self.get(rn), op2) } else { self.get(if_not) };
                self.set(rd, value);
            }
            &Inst::CondSet { cond, rd } => self.set(rd, self.holds(cond).into()),
            &Inst::Load { op: LoadOp::Ldr, rt, addr } => {
                self.set(rt, self.load(self.address(addr)));
            }
            &Inst::Store { op: StoreOp::Str, rt, addr } => {
                self.store(self.address(addr), self.get(rt));
            }
            &Inst::LoadPair { rt, rt2, addr } => {
                let address = self.address(addr);
                self.set(rt, self.load(address));
                self.set(rt2, self.load(address.wrapping_add(4)));
            }
            &Inst::StorePair { rt, rt2, addr } => {
                let address = self.address(addr);
                self.store(address, self.get(rt));
                self.store(address.wrapping_add(4), self.get(rt2));
            }
            &Inst::LoadAddr { rd, addr } => self.set(rd, self.address(addr)),
            &Inst::Push { regs } => self.push(regs),
            &Inst::Pop { regs } => return self.pop(regs),
            &Inst::VPush { regs } => {
                let words = d_words(regs);
                let sp = self.regs[SP.hw_enc()] - 4 * words.len() as u32;
                self.store_floats(words, sp);
                self.regs[SP.hw_enc()] = sp;
            }
            &Inst::VPop { regs } => {
                let (words, sp) = (d_words(regs), self.regs[SP.hw_enc()]);
                self.regs[SP.hw_enc()] = sp + 4 * words.len() as u32;
                self.load_floats(words, sp);
            }
            &Inst::FpLoad { size, rt, addr } => {
                let words = self.float_words(size, rt.to_reg());
                self.load_floats(words, self.address(addr));
            }
            &Inst::FpStore { size, rt, addr } => {
                self.store_floats(self.float_words(size, rt), self.address(addr));
            }
            &Inst::FpMov { size, rd, rm } => self.move_float(size, rd, rm),
            &Inst::CondFpMov { cond, size, rd, rm, if_not } => {
                self.move_float(size, rd, if self.holds(cond) { rm } else { if_not });
            }
            &Inst::FpSelect { cond, size, rd, rn, rm } => {
                self.move_float(size, rd, if self.holds(cond) { rn } else { rm });
            }
            &Inst::FpCmp { size, rn, rm } => {
                [self.n, self.z, self.c, self.v] = self.compare_floats(size, rn, rm);
            }
            &Inst::VCmp { size, rn, rm } => self.fp_flags = self.compare_floats(size, rn, rm),
            Inst::VMrsFlags => [self.n, self.z, self.c, self.v] = self.fp_flags,
            &Inst::AdjustSp { bytes } => {
                let sp = &mut self.regs[SP.hw_enc()];
                *sp = sp.wrapping_add(bytes as u32);
            }
            Inst::Predicated { cond, inst } if self.holds(*cond) => return self.step(inst),
            Inst::Predicated { .. } | Inst::It { .. } | Inst::Args { .. } => {}
            Inst::Call { info } => self.call(info.callee_pops),
            Inst::TailCall { info } => {
                return Next::Return(match info.callee {
                    Callee::Direct(_) => TAIL_CALLEE,
                    Callee::Indirect(callee) => self.get(callee),
                });
            }
            Inst::TrapIf { cond, trap } if self.holds(*cond) => {
                return Next::Return(TRAPPED + u32::from(trap.code()));
            }
            Inst::TrapIf { .. } => {}
            Inst::BxLr => return Next::Return(self.regs[LR.hw_enc()]),
            Inst::Ret { .. } => return Next::Return(RETURN_ADDRESS),
            Inst::Jump { target } => return Next::Goto(target.index()),
            Inst::CondBr { cond, taken, not_taken } => {
                return self.goto(self.holds(*cond), taken.index(), not_taken.index());
            }
            Inst::CmpBranchZero { nonzero, rn, taken, not_taken } => {
                let is_taken = (self.get(*rn) != 0) == *nonzero;
                return self.goto(is_taken, taken.index(), not_taken.index());
            }
            other => panic!("{other:?} is not modelled"),
        }
        Next::Continue
    }
}

pub fn w(n: usize) -> WritableReg {
    Writable::from_reg(r(n).into())
}

pub fn reg(n: usize) -> Reg {
    r(n).into()
}

pub fn alu(op: AluOp, rd: usize, rn: usize, op2: Operand2) -> Inst {
    Inst::Alu { op, s: false, rd: w(rd), rn: reg(rn), op2 }
}

pub fn mov(rd: usize, rm: usize) -> Inst {
    Inst::Mov { op: MovOp::Mov, s: false, rd: w(rd), op2: Operand2::Reg(reg(rm)) }
}

fn d_words(regs: DRegRange) -> core::ops::Range<usize> {
    let first = 2 * usize::from(regs.first);
    first..first + 2 * usize::from(regs.count)
}

pub fn float_mov(rd: PReg, rm: PReg) -> Inst {
    let size = if d_number(rd).is_some() { FpSize::F64 } else { FpSize::F32 };
    Inst::FpMov { size, rd: Writable::from_reg(rd.into()), rm: rm.into() }
}

pub fn cmp(rn: usize, op2: Operand2) -> Inst {
    Inst::Cmp { op: CmpOp::Cmp, rn: reg(rn), op2 }
}

/// `[rn]`.
pub fn word(rn: usize) -> AMode {
    AMode::Offset { base: reg(rn), offset: 0 }
}

pub fn load(rt: usize, addr: AMode) -> Inst {
    Inst::Load { op: LoadOp::Ldr, rt: w(rt), addr }
}

pub fn store(rt: usize, addr: AMode) -> Inst {
    Inst::Store { op: StoreOp::Str, rt: reg(rt), addr }
}

pub fn ret(results: &[PReg]) -> Inst {
    Inst::Ret { uses: results.iter().map(|&preg| (preg.into(), preg)).collect() }
}

/// Code of the given blocks.
pub fn code(blocks: &[&[Inst]]) -> Code<Inst> {
    let mut code = Code::default();
    for block in blocks {
        code.start_block();
        block.iter().for_each(|inst| code.push(inst.clone(), 7));
    }
    code
}

/// A leaf's empty frame, AAPCS.
pub fn request() -> FrameRequest {
    FrameRequest {
        incoming_bytes: 0,
        pops_incoming: false,
        stack_slot_bytes: 0,
        spill_slots: 0,
        outgoing_bytes: 0,
        tail_bytes: 0,
        written: PRegSet::empty(),
        makes_calls: false,
        calls_c: false,
        internal: false,
        entry: None,
        stack_check: false,
    }
}

pub fn written(regs: impl IntoIterator<Item = usize>) -> PRegSet {
    let mut set = PRegSet::empty();
    regs.into_iter().for_each(|n| set.add(r(n)));
    set
}

pub fn tail_call(callee: Callee, arguments: &[PReg], stack_bytes: u32) -> Inst {
    let uses = arguments.iter().map(|&preg| (preg.into(), preg)).collect();
    Inst::TailCall { info: Box::new(TailCallInfo { callee, uses, stack_bytes }) }
}

pub fn call(callee: Callee, callee_pops: u32) -> Inst {
    let (uses, defs, clobbers) = (vec![], vec![], written([0, 1, 2, 3, 12, 14]));
    Inst::Call { info: Box::new(CallInfo { callee, uses, defs, clobbers, callee_pops }) }
}
