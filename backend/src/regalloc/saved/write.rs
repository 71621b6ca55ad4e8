//! A problem to text.
//!
//! Left to the reader: whether the problem is well formed.

use core::fmt::Write;

use regalloc2::{
    Block, Inst, MachineEnv, Operand, OperandConstraint, OperandKind, OperandPos, PReg, PRegSet,
    VReg,
};

use super::{Names, VERSION, letter};
use crate::regalloc::{AllocProblem, CLASSES, blocks};

/// The column where an instruction's text begins, if there is room.
const TEXT_COLUMN: usize = 64;

/// Writes a problem; `text` says what an instruction is, in one line, for people.
pub fn write<P: AllocProblem>(
    problem: &P,
    env: &MachineEnv,
    names: &Names,
    text: impl Fn(Inst) -> String,
) -> String {
    let mut out = format!("windlass-problem {VERSION}\n");
    line(&mut out, "module", [quoted(&names.module)]);
    line(&mut out, "function", [quoted(&names.function)]);
    line(&mut out, "index", [names.index.to_string()]);
    line(&mut out, "vregs", [problem.num_vregs().to_string()]);
    line(&mut out, "slots", CLASSES.map(|class| problem.spillslot_size(class).to_string()));
    line(&mut out, "preferred", registers(&env.preferred_regs_by_class));
    line(&mut out, "non-preferred", registers(&env.non_preferred_regs_by_class));
    line(&mut out, "scratch", env.scratch_by_class.into_iter().flatten().map(register));
    out + &write_body(problem, text)
}

/// Blocks and instructions alone.
pub fn write_body<P: AllocProblem>(problem: &P, text: impl Fn(Inst) -> String) -> String {
    let mut out = String::new();
    for block in blocks(problem) {
        let params = list(problem.block_params(block));
        let frequency = problem.block_frequency(block);
        let _ = writeln!(out, "\nblock{}({params}) {frequency:?}", block.index());
        for inst in problem.block_insns(block).iter() {
            let mut code = instruction(problem, block, inst);
            let text = text(inst).replace(char::is_control, " ");
            if !text.trim().is_empty() {
                let _ = write!(code, "{:1$}; {2}", "", padding(&code), text.trim());
            }
            let _ = writeln!(out, "{code}");
        }
    }
    out
}

fn padding(code: &str) -> usize {
    TEXT_COLUMN.saturating_sub(code.chars().count()).max(2)
}

fn line(out: &mut String, key: &str, words: impl IntoIterator<Item = String>) {
    out.push_str(key);
    for word in words {
        out.push(' ');
        out.push_str(&word);
    }
    out.push('\n');
}

/// In quotation marks, with what would end the string or the line written as an escape.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn register(preg: PReg) -> String {
    format!("p{}{}", preg.hw_enc(), letter(preg.class()))
}

/// The name of a value, such as `v12i`.
pub fn value(vreg: VReg) -> String {
    format!("v{}{}", vreg.vreg(), letter(vreg.class()))
}

fn list(vregs: &[VReg]) -> String {
    vregs.iter().map(|&vreg| value(vreg)).collect::<Vec<_>>().join(", ")
}

fn registers(by_class: &[PRegSet; 3]) -> impl Iterator<Item = String> {
    by_class.iter().flat_map(|regs| regs.into_iter()).map(register)
}

fn instruction<P: AllocProblem>(problem: &P, block: Block, inst: Inst) -> String {
    let mut out = String::from(match (problem.is_branch(inst), problem.is_ret(inst)) {
        (true, _) => "  branch",
        (_, true) => "  ret",
        _ => "  op",
    });
    if problem.is_call(inst) {
        out.push_str(" call");
    }
    if let Some(cost) = problem.remat_cost(inst) {
        let _ = write!(out, " remat {cost}");
    }
    let operands: Vec<_> = problem.inst_operands(inst).iter().map(|&op| operand(op)).collect();
    words(&mut out, "", &operands.join(", "));
    let clobbers: Vec<_> = problem.inst_clobbers(inst).into_iter().map(register).collect();
    words(&mut out, " clobbers", &clobbers.join(" "));
    if problem.is_branch(inst) {
        let targets = problem.block_succs(block).iter().enumerate().map(|(nth, succ)| {
            let args = problem.branch_blockparams(block, inst, nth);
            format!("block{}({})", succ.index(), list(args))
        });
        words(&mut out, " to", &targets.collect::<Vec<_>>().join(", "));
    }
    out
}

fn words(out: &mut String, key: &str, words: &str) {
    if !words.is_empty() {
        let _ = write!(out, "{key} {words}");
    }
}

fn operand(op: Operand) -> String {
    if let Some(preg) = op.as_fixed_nonallocatable() {
        return format!("reserved {}", register(preg));
    }
    let kind = match (op.kind(), op.pos()) {
        (OperandKind::Use, OperandPos::Early) => "use",
        (OperandKind::Use, OperandPos::Late) => "use@late",
        (OperandKind::Def, OperandPos::Early) => "def@early",
        (OperandKind::Def, OperandPos::Late) => "def",
    };
    let constraint = match op.constraint() {
        OperandConstraint::Any => "any".to_owned(),
        OperandConstraint::Reg => "reg".to_owned(),
        OperandConstraint::Stack => "stack".to_owned(),
        OperandConstraint::FixedReg(preg) => register(preg),
        OperandConstraint::Reuse(input) => format!("reuse {input}"),
        OperandConstraint::Limit(limit) => format!("limit {limit}"),
    };
    format!("{kind} {} {constraint}", value(op.vreg()))
}
