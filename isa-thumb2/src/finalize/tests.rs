//! Whole runs of `finalize`: what code does before and after must agree.

use super::flags::{self, Flags};
use super::machine::*;
use super::*;
use crate::inst::Inst;
use crate::inst::args::*;
use crate::regs::{r, s};
use windlass_backend::emit::buffer::MachLabel;
use windlass_backend::isa::FrameRequest;
use windlass_backend::reg::{Reg, Writable};

/// Values among which comparisons with zero and each other decide either way.
const FLOATS: [f32; 6] = [0.0, -0.0, 1.0, -1.0, f32::INFINITY, f32::NAN];
const VALUES: [u32; 6] = [0, 1, 2, 0x7fff_ffff, 0x8000_0000, u32::MAX];

/// A small generator of random numbers (xorshift).
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }

    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Mostly low registers, for these narrow.
    fn reg(&mut self) -> usize {
        if self.below(4) == 0 { self.below(9) } else { self.below(4) }
    }

    fn imm(&mut self) -> u32 {
        self.pick(&[0, 0, 1, 5, 7, 8, 31, 0xff, 0x100, 0xff00, 0x8000_0000, u32::MAX])
    }

    fn op2(&mut self) -> Operand2 {
        match self.below(4) {
            0 | 1 => Operand2::Reg(reg(self.reg())),
            2 => Operand2::Imm(self.imm()),
            _ => {
                let op = self.pick(&[ShiftOp::Lsl, ShiftOp::Lsr, ShiftOp::Asr, ShiftOp::Ror]);
                Operand2::Shifted(reg(self.reg()), op, 1 + self.below(31) as u8)
            }
        }
    }

    fn alu_op(&mut self) -> AluOp {
        use AluOp::*;
        self.pick(&[Add, Add, Sub, Rsb, And, Orr, Eor, Bic])
    }

    /// An instruction that reads at most the `valid` flags.
    fn inst(&mut self, valid: Flags) -> Inst {
        loop {
            let inst = self.any_inst();
            if valid.contains(flags::needed(&inst)) {
                return inst;
            }
        }
    }

    fn any_inst(&mut self) -> Inst {
        let (rd, rn) = (self.reg(), self.reg());
        let cond = self.pick(&Cond::ALL);
        match self.below(22) {
            0..=2 => Inst::Alu {
                op: self.alu_op(),
                s: self.below(6) == 0,
                rd: w(rd),
                rn: reg(if self.flip() { rd } else { rn }),
                op2: self.op2(),
            },
            3 => mov(rd, rn),
            4 => Inst::Mov {
                op: self.pick(&[MovOp::Mov, MovOp::Mvn]),
                s: false,
                rd: w(rd),
                op2: self.op2(),
            },
            5 => Inst::ShiftReg {
                op: self.pick(&[ShiftOp::Lsl, ShiftOp::Lsr, ShiftOp::Asr, ShiftOp::Ror]),
                s: false,
                rd: w(rd),
                rn: reg(if self.flip() { rd } else { rn }),
                rm: reg(self.reg()),
            },
            6 => Inst::Mul { s: false, rd: w(rd), rn: reg(rn), rm: reg(self.reg()) },
            7 => {
                let lsb = self.below(32) as u8;
                let width = match self.below(3) {
                    0 => 32 - lsb,
                    1 if lsb == 0 => self.pick(&[8, 16]),
                    _ => 1 + self.below(32 - lsb as usize) as u8,
                };
                Inst::BitExtract { signed: self.flip(), rd: w(rd), rn: reg(rn), lsb, width }
            }
            8 => Inst::LoadConst { rd: w(rd), value: 0x1234_5678 ^ self.imm() },
            9 => load(rd, AMode::Spill { slot: self.slot() }),
            10 => store(rd, AMode::Spill { slot: self.slot() }),
            11 => cmp(rd, Operand2::Imm(0)),
            12 => {
                let op = self.pick(&[CmpOp::Cmp, CmpOp::Cmn, CmpOp::Tst, CmpOp::Teq]);
                Inst::Cmp { op, rn: reg(rn), op2: self.op2() }
            }
            13 => {
                let op = self.pick(&[AluOp::Adc, AluOp::Sbc]);
                Inst::Alu { op, s: self.flip(), rd: w(rd), rn: reg(rd), op2: self.op2() }
            }
            14 => Inst::CondSet { cond, rd: w(rd) },
            15 => Inst::CondAlu {
                cond,
                op: self.alu_op(),
                rd: w(rd),
                rn: reg(rn),
                op2: self.op2(),
                if_not: reg(rd),
            },
            16 => Inst::CondCmp { cond, op: CmpOp::Cmp, rn: reg(rn), op2: self.op2() },
            17..=20 => self.float_inst(cond),
            _ => {
                let op = self.pick(&[MovOp::Mov, MovOp::Mvn]);
                Inst::CondMov { cond, op, rd: w(rd), op2: self.op2(), if_not: reg(rd) }
            }
        }
    }

    fn float(&mut self) -> Reg {
        s(self.pick(&[0, 1, 2, 17, 18])).into()
    }

    fn float_inst(&mut self, cond: Cond) -> Inst {
        let size = FpSize::F32;
        let (rn, rm, if_not) = (self.float(), self.float(), self.float());
        let rd = Writable::from_reg(if_not);
        let addr = AMode::Spill { slot: self.slot() };
        match self.below(6) {
            0 => Inst::FpMov { size, rd, rm },
            1 => Inst::FpLoad { size, rt: rd, addr },
            2 => Inst::FpStore { size, rt: rm, addr },
            3 => Inst::FpCmp { size, rn, rm: self.flip().then_some(rm) },
            4 => {
                let cond = self.pick(&[Cond::Eq, Cond::Vs, Cond::Ge, Cond::Gt]);
                Inst::FpSelect { cond, size, rd, rn, rm }
            }
            _ => Inst::CondFpMov { cond, size, rd, rm, if_not },
        }
    }

    /// Slots near and far.
    fn slot(&mut self) -> u32 {
        self.pick(&[0, 1, 2, 2000, 2001, 300_000])
    }

    /// A block of some instructions that ends with `last`.
    fn block(&mut self, last: impl FnOnce(&mut Rng, Flags) -> Inst) -> Vec<Inst> {
        let mut insts = Vec::new();
        let mut valid = Flags::NONE;
        for _ in 0..self.below(8) {
            let inst = self.inst(valid);
            valid = flags::after(&inst, valid);
            insts.push(inst);
        }
        let last = last(self, valid);
        insts.push(last);
        insts
    }

    /// A diamond: a block that sets r4-r8 and branches, two that do different things, one that stores every
    /// register and returns.
    fn function(&mut self) -> Vec<Vec<Inst>> {
        let label = MachLabel::from_index;
        let mut first: Vec<_> =
            (4..9).map(|n| Inst::LoadConst { rd: w(n), value: self.pick(&VALUES) }).collect();
        first.extend(self.block(|rng, valid| {
            let cond = rng.pick(&Cond::ALL);
            let branch = Inst::CondBr { cond, taken: label(2), not_taken: label(1) };
            let jump = Inst::Jump { target: label(1) };
            if valid.contains(flags::needed(&branch)) { branch } else { jump }
        }));
        let left = self.block(|_, _| Inst::Jump { target: label(3) });
        let right = self.block(|_, _| Inst::Jump { target: label(3) });
        let store_to = |n: usize| AMode::OutgoingArg { offset: 4 * n as i32 };
        let mut last: Vec<_> = (0..9).map(|n| store(n, store_to(n))).collect();
        last.push(ret(&[r(0), r(1), s(0)]));
        vec![first, left, right, last]
    }
}

fn many_slots() -> FrameRequest {
    FrameRequest {
        spill_slots: 300_001,
        outgoing_bytes: 36,
        written: (0..9).map(r).chain([s(17), s(18)]).collect(),
        ..request()
    }
}

fn show(code: &Code<Inst>) -> String {
    let lines = code.insts.iter().enumerate().map(|(index, inst)| format!("{index}: {inst:?}\n"));
    format!("blocks at {:?}\n{}", code.block_starts, lines.collect::<String>())
}

#[test]
fn finalized_code_does_the_same() {
    let mut rng = Rng(0x9e37_79b9_7f4a_7c15);
    for case in 0..30_000 {
        let function = rng.function();
        let blocks: Vec<&[Inst]> = function.iter().map(Vec::as_slice).collect();
        let before = code(&blocks);
        let options =
            FinalizeOptions { size: rng.flip(), check: true, ..FinalizeOptions::default() };
        let mut after = before.clone();
        let layout = finalize(&mut after, &many_slots(), &options)
            .unwrap_or_else(|error| panic!("case {case}: {error}\n{}", show(&before)));
        let mut expected = Machine::new();
        (0..4).for_each(|n| expected.regs[n] = rng.pick(&VALUES));
        expected.floats.iter_mut().for_each(|float| *float = rng.pick(&FLOATS).to_bits());
        let entry = expected.clone();
        let mut found = expected.clone();
        expected.frame = Some(layout.clone());
        expected.regs[13] -= layout.total;
        expected.run(&before);
        assert_eq!(found.run(&after), RETURN_ADDRESS);
        assert_eq!(found.regs[13], ENTRY_SP);
        assert_eq!(found.regs[4..12], entry.regs[4..12], "case {case}");
        assert_eq!(found.floats[16..], entry.floats[16..], "case {case}");
        let floats = |machine: &Machine| machine.floats[..16].to_vec();
        assert_eq!(floats(&found), floats(&expected), "case {case}\n{}", show(&before));
        for n in 0..9 {
            let address = ENTRY_SP - layout.total + 4 * n;
            assert_eq!(
                found.load(address),
                expected.load(address),
                "case {case}: r{n}\n{}\n{}",
                show(&before),
                show(&after)
            );
        }
    }
}
