//! Verifies an answer: symbolic execution, regalloc2's checker, and what both take for granted.
//!
//! Both prove that every operand reads the value that it names and sits where its constraint wants
//! it. They trust the answer's shape and look at the values before and after an instruction, not at
//! whether two of its operands overlap; that is checked first. regalloc2's checker knows no `Remat`
//! and no dropped instruction: an answer that has any is left to the execution in `validate`.

use regalloc2::checker::Checker;
use regalloc2::{
    Allocation, Inst, MachineEnv, Operand, OperandConstraint, OperandKind, OperandPos, PRegSet,
    ProgPoint,
};

use super::validate::{rematerializable, validate};
use super::{AllocError, AllocProblem, AllocResult, Edit, blocks, guard};

/// Longest report; a wrong allocation of a large function has thousands of lines to say.
const MAX_REPORT: usize = 2000;

/// Verifies that `result` solves `problem`; the error says what is wrong.
pub fn check<P: AllocProblem>(
    problem: &P,
    env: &MachineEnv,
    result: &AllocResult,
) -> Result<(), AllocError> {
    guard("the checker", || check_all(problem, env, result))
}

fn check_all<P: AllocProblem>(
    problem: &P,
    env: &MachineEnv,
    result: &AllocResult,
) -> Result<(), AllocError> {
    check_shape(problem, result).map_err(AllocError::Wrong)?;
    check_edits(problem, result).map_err(AllocError::Wrong)?;
    let allocatable = PRegSet::from(env);
    for inst in (0..problem.num_insts()).map(Inst::new) {
        check_operands(problem, result, inst, allocatable).map_err(AllocError::Wrong)?;
    }
    validate(problem, env, result).map_err(AllocError::Wrong)?;
    let Some(output) = result.to_output() else { return Ok(()) };
    guard("regalloc2's checker", || {
        let mut checker = Checker::new(problem, env);
        checker.prepare(&output);
        checker.run().map_err(|errors| {
            let mut report = format!("{errors:?}");
            let end =
                (0..=MAX_REPORT.min(report.len())).rev().find(|&i| report.is_char_boundary(i));
            report.truncate(end.unwrap_or(0));
            AllocError::Wrong(report)
        })
    })
}

/// One offset for each instruction and one allocation for each operand.
fn check_shape<P: AllocProblem>(problem: &P, result: &AllocResult) -> Result<(), String> {
    if result.inst_alloc_offsets.len() != problem.num_insts() {
        return Err(format!(
            "allocations of {} instructions out of {}",
            result.inst_alloc_offsets.len(),
            problem.num_insts()
        ));
    }
    let mut offset = 0;
    for (i, &found) in result.inst_alloc_offsets.iter().enumerate() {
        if found as usize != offset {
            return Err(format!("inst{i}: allocations begin at {found} instead of {offset}"));
        }
        offset += problem.inst_operands(Inst::new(i)).len();
    }
    let unique = result.dropped.windows(2).all(|pair| pair[0] < pair[1]);
    let known = |inst: &Inst| inst.index() < problem.num_insts();
    if !unique || !result.dropped.iter().all(known) {
        return Err("dropped instructions are not sorted".to_owned());
    }
    if let Some(inst) = result.dropped.iter().find(|&&i| rematerializable(problem, i).is_none()) {
        return Err(format!("inst{} is dropped and does more than define", inst.index()));
    }
    if offset != result.allocs.len() {
        return Err(format!("{} allocations of {offset} operands", result.allocs.len()));
    }
    Ok(())
}

/// Edits are sorted and stand in front of a terminator.
fn check_edits<P: AllocProblem>(problem: &P, result: &AllocResult) -> Result<(), String> {
    if !result.edits.is_sorted_by_key(|&(point, _)| point) {
        return Err("edits are not sorted".to_owned());
    }
    let mut edits = result.edits.iter().peekable();
    for block in blocks(problem) {
        let end = ProgPoint::before(problem.block_insns(block).last());
        while edits.next_if(|(point, _)| *point <= end).is_some() {}
        if let Some((point, edit)) = edits.next_if(|(point, _)| *point <= end.next()) {
            return Err(format!("{point:?}: {edit:?} behind the end of block{}", block.index()));
        }
    }
    if let Some((point, edit)) = edits.next() {
        return Err(format!("{point:?}: {edit:?} behind the last block"));
    }
    for (point, edit) in &result.edits {
        let slots = match edit {
            Edit::Move { from, to } => [*from, *to],
            Edit::Remat { to, .. } => [*to, *to],
        };
        let beyond =
            |a: &Allocation| a.as_stack().is_some_and(|s| s.index() >= result.num_spillslots);
        if slots.iter().any(beyond) {
            return Err(format!(
                "{point:?}: {edit:?} names a slot beyond {}",
                result.num_spillslots
            ));
        }
    }
    Ok(())
}

/// Operands of one instruction that are live at the same time do not share a place, definitions
/// avoid clobbered registers, and registers are allocatable unless the constraint names them.
fn check_operands<P: AllocProblem>(
    problem: &P,
    result: &AllocResult,
    inst: Inst,
    allocatable: PRegSet,
) -> Result<(), String> {
    let clobbers = problem.inst_clobbers(inst);
    let operands = || {
        problem.inst_operands(inst).iter().copied().zip(result.inst_allocs(inst).iter().copied())
    };
    for (i, (op, alloc)) in operands().enumerate() {
        let wrong = |what: &str| Err(format!("inst{}: {op} in {alloc} {what}", inst.index()));
        if op.as_fixed_nonallocatable().is_some() {
            continue;
        }
        if let Some(preg) = alloc.as_reg() {
            let named = matches!(op.constraint(), OperandConstraint::FixedReg(_));
            let reused = matches!(op.constraint(), OperandConstraint::Reuse(_));
            if !named && !reused && !allocatable.contains(preg) {
                return wrong("which is not allocatable");
            }
            if occupies(op, OperandPos::Late) && clobbers.contains(preg) {
                return wrong("which the instruction clobbers");
            }
        }
        for (other, place) in operands().take(i) {
            if place == alloc && overlap(op, other) && other.as_fixed_nonallocatable().is_none() {
                return wrong(&format!("which {other} occupies too"));
            }
        }
    }
    Ok(())
}

/// Whether the operand keeps its place at `pos`: an early definition and a late use do at both.
pub(super) fn occupies(op: Operand, pos: OperandPos) -> bool {
    match (op.kind(), op.pos()) {
        (OperandKind::Use, OperandPos::Early) => pos == OperandPos::Early,
        (OperandKind::Def, OperandPos::Late) => pos == OperandPos::Late,
        (OperandKind::Use, OperandPos::Late) | (OperandKind::Def, OperandPos::Early) => true,
    }
}

/// Whether two operands need different places. Uses may share one: the checker knows whether they
/// read the same value.
fn overlap(a: Operand, b: Operand) -> bool {
    let both_uses = a.kind() == OperandKind::Use && b.kind() == OperandKind::Use;
    let meet = [OperandPos::Early, OperandPos::Late]
        .into_iter()
        .any(|pos| occupies(a, pos) && occupies(b, pos));
    meet && !both_uses && a.vreg() != b.vreg()
}
