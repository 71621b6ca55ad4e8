//! Allocation problems for tests: built by hand, or random from a seed.

use regalloc2::{
    Block, MachineEnv, Operand, OperandConstraint, OperandKind, OperandPos, PReg, PRegSet,
    RegClass, VReg,
};

use super::problem::{BlockData, Flow, Instruction, Problem};

pub fn r(number: usize) -> PReg {
    PReg::new(number, RegClass::Int)
}

/// r0 to r(k-1), with r0-r3 preferred and r12 as scratch; d0-d7 with d15 as scratch.
pub fn env(k: usize) -> MachineEnv {
    let ints = |range: core::ops::Range<usize>| range.map(r).collect::<PRegSet>();
    let floats = (0..8).map(|n| PReg::new(n, RegClass::Float)).collect();
    MachineEnv {
        preferred_regs_by_class: [ints(0..k.min(4)), floats, PRegSet::empty()],
        non_preferred_regs_by_class: [ints(4..k.max(4)), PRegSet::empty(), PRegSet::empty()],
        scratch_by_class: [Some(r(12)), Some(PReg::new(15, RegClass::Float)), None],
        fixed_stack_slots: vec![],
    }
}

/// A problem under construction. Blocks are numbered as they are made.
#[derive(Default)]
pub struct Builder {
    blocks: Vec<BlockData>,
    vregs: usize,
}

impl Builder {
    pub fn block(&mut self, loop_depth: u32) -> Block {
        let frequency = 10f64.powi(loop_depth as i32);
        self.blocks.push(BlockData { frequency, ..BlockData::default() });
        Block::new(self.blocks.len() - 1)
    }

    pub fn vreg(&mut self) -> VReg {
        self.vreg_of(RegClass::Int)
    }

    pub fn vreg_of(&mut self, class: RegClass) -> VReg {
        self.vregs += 1;
        VReg::new(self.vregs - 1, class)
    }

    pub fn param(&mut self, block: Block) -> VReg {
        self.param_of(block, RegClass::Int)
    }

    pub fn param_of(&mut self, block: Block, class: RegClass) -> VReg {
        let vreg = self.vreg_of(class);
        self.blocks[block.index()].params.push(vreg);
        vreg
    }

    pub fn push(&mut self, block: Block, inst: Instruction) {
        self.blocks[block.index()].insts.push(inst);
    }

    pub fn op(&mut self, block: Block, operands: &[Operand]) {
        self.push(block, Instruction { operands: operands.to_vec(), ..Instruction::default() });
    }

    /// A value out of nothing.
    pub fn def(&mut self, block: Block) -> VReg {
        let vreg = self.vreg();
        self.op(block, &[Operand::reg_def(vreg)]);
        vreg
    }

    /// Something that reads all of these in registers.
    pub fn read(&mut self, block: Block, vregs: &[VReg]) {
        let operands: Vec<_> = vregs.iter().map(|&v| Operand::reg_use(v)).collect();
        self.op(block, &operands);
    }

    /// A call with arguments in r0, r1, ... that clobbers r0-r3; its result is in r0.
    pub fn call(&mut self, block: Block, args: &[VReg]) -> VReg {
        let result = self.vreg();
        let args = args.iter().enumerate().map(|(i, &v)| Operand::reg_fixed_use(v, r(i)));
        let operands = args.chain([Operand::reg_fixed_def(result, r(0))]).collect();
        let clobbers = (1..4).map(r).collect();
        self.push(block, Instruction { operands, clobbers, call: true, ..Instruction::default() });
        result
    }

    pub fn branch(&mut self, block: Block, operands: &[Operand], succs: &[(Block, &[VReg])]) {
        let flow = if succs.is_empty() { Flow::Ret } else { Flow::Branch };
        self.push(
            block,
            Instruction { operands: operands.to_vec(), flow, ..Instruction::default() },
        );
        let block = &mut self.blocks[block.index()];
        (block.succs, block.args) = succs.iter().map(|&(b, args)| (b, args.to_vec())).unzip();
    }

    pub fn jump(&mut self, block: Block, to: Block, args: &[VReg]) {
        self.branch(block, &[], &[(to, args)]);
    }

    pub fn ret(&mut self, block: Block, operands: &[Operand]) {
        self.branch(block, operands, &[]);
    }

    pub fn finish(self) -> Problem {
        Problem::new(self.blocks, self.vregs, [1, 2, 2])
    }
}

/// Marsaglia's xorshift64.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Rng {
        Rng(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: usize) -> usize {
        ((self.next() >> 33) % n as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A random function that every environment with r0-r3 can hold: structured loops, conditionals
/// and switches, with block parameters that change places around loops, calls, and every kind of
/// operand constraint.
pub fn random(seed: u64) -> Problem {
    let mut g = Generator {
        rng: Rng::new(seed),
        b: Builder::default(),
        scope: vec![],
        block: Block::new(0),
        budget: 0,
        depth: 0,
    };
    g.budget = 1 + g.rng.below(24) as u32;
    g.block = g.b.block(0);
    g.region();
    let value = g.pick(RegClass::Int);
    g.b.ret(g.block, &[Operand::reg_fixed_use(value, r(0))]);
    g.b.finish()
}

struct Generator {
    rng: Rng,
    b: Builder,
    /// Values defined in blocks that dominate the current one, and in it.
    scope: Vec<VReg>,
    block: Block,
    /// How many more pieces may be generated.
    budget: u32,
    depth: u32,
}

impl Generator {
    /// A value in scope, mostly a recent one.
    fn pick(&mut self, class: RegClass) -> VReg {
        let recent = if self.rng.chance(60) { 6 } else { 40 };
        for _ in 0..4 {
            let n = self.scope.len();
            if n > 0 {
                let vreg = self.scope[n - 1 - self.rng.below(n.min(recent))];
                if vreg.class() == class {
                    return vreg;
                }
            }
        }
        let vreg = self.b.vreg_of(class);
        let operands = vec![Operand::reg_def(vreg)];
        self.b.push(
            self.block,
            Instruction {
                operands,
                remat: Some(1 + vreg.vreg() as u32 % 3),
                ..Instruction::default()
            },
        );
        self.scope.push(vreg);
        vreg
    }

    fn class(&mut self) -> RegClass {
        if self.rng.chance(12) { RegClass::Float } else { RegClass::Int }
    }

    fn region(&mut self) {
        loop {
            for _ in 0..self.rng.below(8) {
                self.inst();
            }
            if self.budget == 0 || self.rng.chance(20) {
                return;
            }
            self.budget -= 1;
            match self.rng.below(10) {
                0..4 => self.fork(),
                4..6 => self.many(),
                6..8 if self.depth < 3 => self.repeat(),
                _ => {}
            }
        }
    }

    fn condition(&mut self) -> Vec<Operand> {
        let value = self.pick(RegClass::Int);
        vec![if self.rng.chance(80) { Operand::reg_use(value) } else { Operand::any_use(value) }]
    }

    fn classes(&mut self, max: usize) -> Vec<RegClass> {
        (0..self.rng.below(max + 1)).map(|_| self.class()).collect()
    }

    fn args(&mut self, classes: &[RegClass]) -> Vec<VReg> {
        classes.iter().map(|&class| self.pick(class)).collect()
    }

    fn params(&mut self, block: Block, classes: &[RegClass]) {
        for &class in classes {
            let param = self.b.param_of(block, class);
            self.scope.push(param);
        }
    }

    fn fork(&mut self) {
        self.arms(2);
    }

    fn many(&mut self) {
        let arms = 2 + self.rng.below(3);
        self.arms(arms);
    }

    /// Arms with one predecessor each, most of which meet again.
    fn arms(&mut self, count: usize) {
        let joined = self.classes(3);
        let arm_params: Vec<_> = (0..count).map(|_| self.classes(2)).collect();
        let args: Vec<_> = arm_params.iter().map(|classes| self.args(classes)).collect();
        let operands = self.condition();
        let fork = self.block;
        let outer = self.scope.len();
        let mut heads = vec![];
        let mut tails: Vec<(Block, Vec<VReg>)> = vec![];
        for (i, classes) in arm_params.iter().enumerate() {
            self.block = self.b.block(self.depth);
            heads.push(self.block);
            self.params(self.block, classes);
            if self.rng.chance(70) {
                self.region();
            }
            if i > 0 && self.rng.chance(15) {
                let value = self.pick(RegClass::Int);
                self.b.ret(self.block, &[Operand::reg_fixed_use(value, r(0))]);
            } else {
                let args = self.args(&joined);
                tails.push((self.block, args));
            }
            self.scope.truncate(outer);
        }
        let succs: Vec<_> = heads.iter().zip(&args).map(|(&b, args)| (b, &args[..])).collect();
        self.b.branch(fork, &operands, &succs);
        self.block = self.b.block(self.depth);
        for (tail, args) in tails {
            self.b.jump(tail, self.block, &args);
        }
        self.params(self.block, &joined);
    }

    /// A loop whose latch passes the header's parameters back, often in another order.
    fn repeat(&mut self) {
        let classes = self.classes(5);
        let args = self.args(&classes);
        self.depth += 1;
        let header = self.b.block(self.depth);
        self.b.jump(self.block, header, &args);
        self.block = header;
        let first = self.scope.len();
        self.params(header, &classes);
        let params = self.scope[first..].to_vec();
        self.region();
        let exit_classes = self.classes(2);
        let exit_args = self.args(&exit_classes);
        let operands = self.condition();
        let tail = self.block;
        let inside = self.scope.len();
        let latch = self.b.block(self.depth);
        self.block = latch;
        for _ in 0..self.rng.below(3) {
            self.inst();
        }
        let mut back = self.args(&classes);
        for arg in &mut back {
            let param = params[self.rng.below(params.len())];
            if param.class() == arg.class() && self.rng.chance(60) {
                *arg = param;
            }
        }
        self.b.jump(self.block, header, &back);
        self.depth -= 1;
        self.scope.truncate(inside);
        let exit = self.b.block(self.depth);
        self.b.branch(tail, &operands, &[(latch, &[]), (exit, &exit_args)]);
        self.block = exit;
        self.params(exit, &exit_classes);
    }

    fn inst(&mut self) {
        match self.rng.below(20) {
            0..3 => self.call(),
            3..5 => self.fixed(),
            _ => self.plain(),
        }
    }

    fn def(
        &mut self,
        operands: &mut Vec<Operand>,
        class: RegClass,
        inputs: core::ops::Range<usize>,
    ) {
        let vreg = self.b.vreg_of(class);
        let reused = inputs.filter(|&i| i < operands.len()).find(|&i| {
            operands[i].class() == class
                && operands[i].pos() == OperandPos::Early
                && operands[i].constraint() == OperandConstraint::Reg
        });
        operands.push(match (self.rng.below(10), reused) {
            (0..3, Some(input)) => Operand::reg_reuse_def(vreg, input),
            (3, _) => Operand::reg_def_at_start(vreg),
            (4, _) => Operand::any_def(vreg),
            _ => Operand::reg_def(vreg),
        });
    }

    /// At most three inputs and one output: four registers at any time.
    fn plain(&mut self) {
        let mut operands = vec![];
        for _ in 0..self.rng.below(4) {
            let class = self.class();
            let value = self.pick(class);
            operands.push(match self.rng.below(10) {
                0 => Operand::any_use(value),
                1 => Operand::reg_use_at_end(value),
                _ => Operand::reg_use(value),
            });
        }
        let inputs = operands.len();
        if self.rng.chance(85) {
            let class = self.class();
            self.def(&mut operands, class, 0..inputs);
        }
        if self.rng.chance(5) {
            operands.push(Operand::fixed_nonallocatable(r(9)));
        }
        let remat = (operands.len() == 1 && inputs == 0).then_some(1);
        self.finish_inst(Instruction { operands, remat, ..Instruction::default() });
    }

    /// Inputs or outputs in particular registers, some registers clobbered.
    fn fixed(&mut self) {
        let mut operands = vec![];
        let first = self.rng.below(4);
        let value = self.pick(RegClass::Int);
        operands.push(if self.rng.chance(85) {
            Operand::reg_fixed_use(value, r(first))
        } else {
            Operand::reg_fixed_use_at_end(value, r(first))
        });
        if self.rng.chance(50) {
            let value = self.pick(RegClass::Int);
            operands.push(Operand::reg_use(value));
        }
        let mut clobbers = PRegSet::empty();
        if self.rng.chance(50) {
            let def = self.b.vreg();
            let preg = r((first + 1) % 4);
            operands.push(Operand::reg_fixed_def(def, preg));
        } else if self.rng.chance(40) {
            clobbers.add(r((first + 2) % 4));
        }
        if self.rng.chance(40) {
            self.def(&mut operands, RegClass::Int, 1..2);
        }
        self.finish_inst(Instruction { operands, clobbers, ..Instruction::default() });
    }

    fn call(&mut self) {
        let args = self.rng.below(5);
        let mut operands = vec![];
        let mut last = None;
        for i in 0..args {
            let value = match last {
                Some(value) if self.rng.chance(15) => value,
                _ => self.pick(RegClass::Int),
            };
            last = Some(value);
            operands.push(Operand::reg_fixed_use(value, r(i)));
        }
        if self.rng.chance(30) {
            let target = self.pick(RegClass::Int);
            operands.push(Operand::any_use(target));
        }
        if self.rng.chance(20) {
            let value = self.pick(RegClass::Float);
            operands.push(Operand::reg_fixed_use(value, PReg::new(0, RegClass::Float)));
        }
        let results = self.rng.below(3);
        for i in 0..results {
            let result = self.b.vreg();
            operands.push(Operand::reg_fixed_def(result, r(i)));
        }
        let floats = (0..6).map(|n| PReg::new(n, RegClass::Float));
        let clobbers = (results..4).chain([12, 14]).map(r).chain(floats).collect();
        self.finish_inst(Instruction { operands, clobbers, call: true, ..Instruction::default() });
    }

    fn finish_inst(&mut self, inst: Instruction) {
        let defs = inst.operands.iter().filter(|op| op.kind() == OperandKind::Def);
        let defs: Vec<_> = defs.map(|op| op.vreg()).collect();
        self.b.push(self.block, inst);
        // Some values are never used.
        if self.rng.chance(95) {
            self.scope.extend(defs);
        }
    }
}
