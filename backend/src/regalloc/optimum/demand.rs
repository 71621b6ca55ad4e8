//! What an instruction asks of the registers, for whichever of its values are in them.
//!
//! Values that keep a register throughout find it among those that are fixed or clobbered at
//! neither point, values at the early point alone among those not fixed there, values at the late
//! point alone among those neither fixed nor clobbered there. By Hall's theorem they find them
//! exactly if each of three counts is small enough: those that stay, those that stay and the early
//! ones, those that stay and the late ones. [`Claim`] is what one value adds to the three.
//!
//! The sums differ from `excess` in one case: an output may reuse an input in the register in which
//! another operand fixes the same value.

use regalloc2::{OperandConstraint, OperandKind, OperandPos, VReg};

use crate::regalloc::AllocProblem;
use crate::regalloc::points::{RegMask, Role, Span, View};
use crate::regalloc::residence::{values, wants_register};

/// Additions to what stays, to what stays or is early, to what stays or is late.
pub(super) type Claim = [u8; 3];

const NOTHING: Claim = [0, 0, 0];
const LATE: Claim = [0, 0, 1];
const THROUGHOUT: Claim = [1, 1, 1];

/// What an instruction does with one value that it names.
#[derive(Clone, Debug)]
pub(super) struct Mention {
    pub vreg: VReg,
    pub is_def: bool,
    /// Lives on behind the instruction.
    pub lives_on: bool,
    /// An operand must be in a register: any, or a late use.
    pub in_register: bool,
    pub in_register_late: bool,
    /// Operands that may stay on the stack, at the early point and at the late one; those that must.
    pub early_any: u32,
    pub late_any: u32,
    pub on_stack: u32,
    /// What the value claims if it is in a register at the late point.
    pub held: Claim,
    /// Whether it claims an early register if it is in one at the early point alone.
    pub early: u8,
    /// The position in the block of the next instruction that names the value; behind the last one
    /// if there is none.
    pub next: usize,
}

impl Mention {
    /// A use that has to do with registers.
    pub fn uses_register(&self) -> bool {
        !self.is_def && (self.in_register || self.early_any > 0 || self.late_any > 0)
    }

    /// A definition, or such a use. Another one leaves the value where it is.
    pub fn names_register(&self) -> bool {
        self.is_def || self.uses_register()
    }
}

/// Registers that are left, for the three sums, in one class.
pub(super) fn room(view: &View<'_>, class: usize, allocatable: RegMask) -> [i32; 3] {
    let (early, late) = (view.fixed_early[class], view.fixed_late[class]);
    [early | late, early, late].map(|taken| (allocatable & !taken).count_ones() as i32)
}

/// The values that an instruction names; `next` is left to the caller.
pub(super) fn mentions<P: AllocProblem>(
    problem: &P,
    view: &View<'_>,
    allocatable: &[RegMask; 3],
) -> Vec<Mention> {
    let operands = problem.inst_operands(view.inst);
    let mention = |role: &Role| {
        let mut mention = Mention {
            vreg: role.vreg,
            is_def: role.is_def,
            lives_on: view.live_after.contains(role.vreg),
            in_register: false,
            in_register_late: false,
            early_any: 0,
            late_any: 0,
            on_stack: 0,
            held: held(view, role, allocatable),
            early: u8::from(!role.is_def && role.fixed_early == 0 && !role.is_reused),
            next: 0,
        };
        for (i, op) in values(operands).filter(|(_, op)| op.vreg() == role.vreg) {
            let late = op.pos() == OperandPos::Late;
            if wants_register(operands, i) {
                mention.in_register = true;
                mention.in_register_late |= late && op.kind() == OperandKind::Use;
            } else if op.constraint() == OperandConstraint::Stack {
                mention.on_stack += 1;
            } else if late {
                mention.late_any += 1;
            } else {
                mention.early_any += 1;
            }
        }
        mention
    };
    view.roles.iter().map(mention).collect()
}

fn held(view: &View<'_>, role: &Role, allocatable: &[RegMask; 3]) -> Claim {
    let class = role.vreg.class() as usize;
    // Registers in which operands fix the value at the early point, and that nobody takes later.
    let lasting = |role: &Role| {
        let lasting = role.fixed_early & !view.fixed_late[class] & allocatable[class];
        lasting.count_ones() as usize
    };
    let reusers = |input: VReg| view.roles.iter().filter(move |r| r.reuses == Some(input));
    if role.fixed_late != 0 {
        return NOTHING;
    }
    if let Some(input) = role.reuses {
        let at = reusers(input).position(|r| r.vreg == role.vreg);
        let registers = view.role(input).map_or(0, lasting);
        return if at.is_some_and(|at| at < registers) { LATE } else { THROUGHOUT };
    }
    if role.is_def {
        return if role.span == Span::Late { LATE } else { THROUGHOUT };
    }
    if lasting(role) > reusers(role.vreg).count() { LATE } else { THROUGHOUT }
}
