//! The allocation problem that the stream's values make: one virtual register for each, no copies.
//!
//! Each block ends with a branch, or a return, of its own, which has no operands: what the stream's
//! last instruction reads is read before. Joins are block parameters. The first block begins with an
//! instruction that defines what the function receives.

use regalloc2::{MachineEnv, Operand, OperandConstraint, OperandKind, OperandPos, PRegSet};

use super::graph::{Graph, GraphBlock};
use super::names::{Names, Ref, Source};
use super::values::Values;
use super::{StreamInst, StreamKind, is_copy};
use crate::regalloc::cfg::Cfg;
use crate::regalloc::{BlockData, Flow, Instruction, Problem, blocks};

/// Builds the problem. Its blocks are the graph's.
pub(super) fn build(
    graph: &Graph<'_>,
    names: &Names,
    values: &Values,
    env: &MachineEnv,
) -> Problem {
    let registers = PRegSet::from(env);
    let mut stream = names.insts(graph);
    let block = |(b, block): (usize, &GraphBlock)| {
        let mut insts = vec![];
        if b == 0 {
            insts.push(entry(names, values, registers));
        }
        let own = stream.by_ref().take(block.insts.len()).filter(|(inst, _)| !is_copy(inst));
        insts.extend(own.map(|(inst, refs)| instruction(inst, refs, names, values, registers)));
        let flow = if block.succs.is_empty() { Flow::Ret } else { Flow::Branch };
        insts.push(Instruction { flow, ..Instruction::default() });
        let args = vec![vec![]; block.succs.len()];
        BlockData { insts, succs: block.succs.clone(), args, ..BlockData::default() }
    };
    let mut data: Vec<BlockData> = graph.blocks.iter().enumerate().map(block).collect();
    add_joins(&mut data, graph, names, values);
    let mut problem = Problem::new(data, values.num_vregs, [1; 3]);
    let cfg = Cfg::new(&problem);
    for block in blocks(&problem) {
        problem.set_frequency(block, 10f64.powi(cfg.loops(block.index()).count() as i32));
    }
    problem
}

/// Defines what the function receives.
fn entry(names: &Names, values: &Values, registers: PRegSet) -> Instruction {
    let mut operands = vec![];
    for &name in &names.entry {
        let Some(vreg) = values.vreg(name) else { continue };
        let place = names.places[names.names[name as usize].place as usize];
        let constraint = match place.as_reg() {
            Some(preg) if registers.contains(preg) && preg.class() == vreg.class() => {
                OperandConstraint::FixedReg(preg)
            }
            _ => OperandConstraint::Any,
        };
        operands.push(Operand::new(vreg, constraint, OperandKind::Def, OperandPos::Late));
    }
    Instruction { operands, ..Instruction::default() }
}

fn instruction(
    inst: &StreamInst,
    refs: &[Ref],
    names: &Names,
    values: &Values,
    registers: PRegSet,
) -> Instruction {
    let mut operands = vec![];
    let mut clobbers = inst.clobbers & registers;
    for r in refs {
        let place = names.places[names.names[r.name as usize].place as usize];
        let preg = place.as_reg().filter(|&preg| registers.contains(preg));
        let Some(vreg) = values.vreg(r.name) else { continue };
        let constraint = match preg {
            Some(preg) if r.fixed && preg.class() == vreg.class() => {
                OperandConstraint::FixedReg(preg)
            }
            _ if place.is_stack() => OperandConstraint::Any,
            _ => OperandConstraint::Reg,
        };
        if let (OperandConstraint::FixedReg(preg), OperandKind::Def) = (constraint, r.kind) {
            clobbers.remove(preg);
        }
        operands.push(Operand::new(vreg, constraint, r.kind, r.pos));
    }
    Instruction {
        operands,
        clobbers,
        call: inst.kind == StreamKind::Call,
        remat: (inst.remat && !inst.conditional).then_some(1),
        ..Instruction::default()
    }
}

fn add_joins(blocks: &mut [BlockData], graph: &Graph<'_>, names: &Names, values: &Values) {
    for join in names.joins.iter().filter(|join| values.is_leader(join.name)) {
        let Some(param) = values.vreg(join.name) else { continue };
        debug_assert!(matches!(names.names[join.name as usize].source, Source::Join(_)));
        blocks[join.block.index()].params.push(param);
        let preds = &graph.blocks[join.block.index()].preds;
        for (pred, &arg) in preds.iter().zip(&join.args) {
            // The one successor of a predecessor of a block with several.
            if let (Some(args), Some(vreg)) =
                (blocks[pred.index()].args.first_mut(), values.vreg(arg))
            {
                args.push(vreg);
            }
        }
    }
}
