//! Random functions of a few values, for two or three registers.

use regalloc2::{Block, Operand, OperandConstraint, OperandKind, OperandPos, VReg};

use crate::regalloc::testing::{Builder, Rng, r};
use crate::regalloc::{Instruction, Problem};

struct Small {
    rng: Rng,
    b: Builder,
    scope: Vec<VReg>,
    k: usize,
}

/// A function and how many registers it has.
pub fn random(seed: u64) -> (Problem, usize) {
    let mut rng = Rng::new(seed);
    let k = 2 + rng.below(2);
    let mut g = Small { rng, b: Builder::default(), scope: vec![], k };
    let entry = g.b.block(0);
    for _ in 0..1 + g.rng.below(3) {
        let value = g.b.def(entry);
        g.scope.push(value);
    }
    g.some(entry);
    let end = match g.rng.below(7) {
        0 => entry,
        1 | 2 => g.fork(entry, 0),
        3 => g.repeat(entry, false),
        4 => g.repeat(entry, true),
        5 => {
            let join = g.fork(entry, 0);
            g.some(join);
            g.fork(join, 0)
        }
        _ => {
            let join = g.fork(entry, 0);
            g.repeat(join, false)
        }
    };
    g.some(end);
    let result = g.pick();
    g.b.ret(end, &[Operand::reg_fixed_use(result, r(0))]);
    (g.b.finish(), k)
}

impl Small {
    fn pick(&mut self) -> VReg {
        self.scope[self.rng.below(self.scope.len())]
    }

    fn picks(&mut self, count: usize) -> Vec<VReg> {
        (0..count).map(|_| self.pick()).collect()
    }

    fn some(&mut self, block: Block) {
        for _ in 0..self.rng.below(4) {
            if self.rng.chance(15) { self.call(block) } else { self.plain(block) }
        }
    }

    fn plain(&mut self, block: Block) {
        let mut operands = vec![];
        for _ in 0..self.rng.below(3) {
            let value = self.pick();
            operands.push(match self.rng.below(12) {
                0 | 1 => Operand::any_use(value),
                2 => Operand::reg_use_at_end(value),
                3 => Operand::reg_fixed_use(value, r(0)),
                4 => {
                    Operand::new(value, OperandConstraint::Any, OperandKind::Use, OperandPos::Late)
                }
                _ => Operand::reg_use(value),
            });
        }
        // One register cannot hold two values.
        let fixed = |op: &Operand| matches!(op.constraint(), OperandConstraint::FixedReg(_));
        if operands.iter().filter(|op| fixed(op)).count() > 1 {
            operands.pop();
        }
        if self.rng.chance(70) {
            let value = self.b.vreg();
            let reused = operands.iter().position(|op| {
                op.constraint() == OperandConstraint::Reg && op.pos() == OperandPos::Early
            });
            operands.push(match (self.rng.below(8), reused) {
                (0 | 1, Some(input)) => Operand::reg_reuse_def(value, input),
                (2, _) => Operand::any_def(value),
                (3, _) => Operand::reg_def_at_start(value),
                (4, _) => Operand::reg_fixed_def(value, r(1)),
                _ => Operand::reg_def(value),
            });
            self.b.op(block, &operands);
            self.scope.push(value);
        } else {
            self.b.op(block, &operands);
        }
    }

    fn call(&mut self, block: Block) {
        let arg = self.pick();
        let result = self.b.vreg();
        let operands =
            vec![Operand::reg_fixed_use(arg, r(0)), Operand::reg_fixed_def(result, r(0))];
        let clobbers = (1..2 + self.rng.below(self.k - 1)).map(r).collect();
        self.b
            .push(block, Instruction { operands, clobbers, call: true, ..Instruction::default() });
        self.scope.push(result);
    }

    /// Two arms that meet.
    fn fork(&mut self, block: Block, depth: u32) -> Block {
        let condition = self.pick();
        let outer = self.scope.len();
        let passed = self.rng.below(3);
        let arm_params = self.rng.below(2);
        let mut tails = vec![];
        let arm_args: [Vec<VReg>; 2] = [self.picks(arm_params), vec![]];
        let arms: [Block; 2] = core::array::from_fn(|_| self.b.block(depth));
        for (arm, args) in arms.into_iter().zip(&arm_args) {
            for _ in args {
                let param = self.b.param(arm);
                self.scope.push(param);
            }
            self.some(arm);
            tails.push((arm, self.picks(passed)));
            self.scope.truncate(outer);
        }
        self.b.branch(
            block,
            &[Operand::reg_use(condition)],
            &[(arms[0], &arm_args[0]), (arms[1], &arm_args[1])],
        );
        let join = self.b.block(depth);
        for (arm, args) in tails {
            self.b.jump(arm, join, &args);
        }
        for _ in 0..passed {
            let param = self.b.param(join);
            self.scope.push(param);
        }
        join
    }

    fn repeat(&mut self, block: Block, forks: bool) -> Block {
        let passed = self.rng.below(3);
        let args = self.picks(passed);
        let header = self.b.block(1);
        self.b.jump(block, header, &args);
        for _ in 0..passed {
            let param = self.b.param(header);
            self.scope.push(param);
        }
        self.some(header);
        let tail = if forks { self.fork(header, 1) } else { header };
        let condition = self.pick();
        let latch = self.b.block(1);
        let exit = self.b.block(0);
        self.b.branch(tail, &[Operand::any_use(condition)], &[(latch, &[]), (exit, &[])]);
        let outer = self.scope.len();
        if self.rng.chance(40) {
            self.plain(latch);
        }
        let back = self.picks(passed);
        self.b.jump(latch, header, &back);
        self.scope.truncate(outer);
        exit
    }
}
