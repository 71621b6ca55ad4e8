//! Instructions as the register file sees them, last to first.
//!
//! A program point is the moment before an instruction (early) or behind it (late). Every analysis
//! in this folder shares one reading of what is live there:
//! - an early use that is the last one is live at the early point only, a late definition at the
//!   late point only, so the two may share a register;
//! - an early definition and a late use are live at both points, as is what lives on behind the
//!   instruction and was there before;
//! - a definition that nothing reads is still live at its own point; a block parameter that
//!   nothing reads is not live at all;
//! - block arguments are live through the branch that passes them.
//!
//! Beside values, instructions occupy registers by name: a fixed operand occupies its register at
//! its own points, a clobber at the late one. A value that ends in fixed registers, or in the
//! register of a reused input, needs no other at the early point: a move in front of the
//! instruction takes it there. Likewise a definition in a fixed register starts behind the
//! instruction.

use regalloc2::{
    Block, Inst, Operand, OperandConstraint, OperandKind, OperandPos, PRegSet, RegClass, VReg,
};

use super::liveness::{LiveSet, Liveness};
use super::{AllocProblem, CLASSES, branch_args};

/// Registers of one class, a bit for each hardware number.
pub(super) type RegMask = u64;

pub(super) fn mask_of(set: PRegSet) -> [RegMask; 3] {
    let mut masks = [0; 3];
    for preg in set {
        masks[preg.class() as usize] |= 1 << preg.hw_enc();
    }
    masks
}

/// At which of an instruction's points a value is live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Span {
    Early,
    Late,
    Through,
}

/// What an instruction does with one value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    pub vreg: VReg,
    pub span: Span,
    pub is_def: bool,
    pub used_late: bool,
    pub defined_early: bool,
    /// Fixed registers that hold the value early, and late.
    pub fixed_early: RegMask,
    pub fixed_late: RegMask,
    /// Is a definition in the register of an input.
    pub reuses: Option<VReg>,
    /// Is the input of such a definition.
    pub is_reused: bool,
}

impl Role {
    fn new(vreg: VReg) -> Role {
        Role {
            vreg,
            span: Span::Early,
            is_def: false,
            used_late: false,
            defined_early: false,
            fixed_early: 0,
            fixed_late: 0,
            reuses: None,
            is_reused: false,
        }
    }

    /// Whether the value needs a register of its own at the points of its span: nothing that the
    /// instruction fixes or reuses holds it for as long.
    pub fn needs_own(&self, view: &View<'_>) -> bool {
        match self.span {
            Span::Early => self.fixed_early == 0 && !self.is_reused,
            Span::Late => self.fixed_late == 0,
            Span::Through if self.is_def => self.fixed_late == 0,
            Span::Through => self.fixed_late == 0 || view.live_after.contains(self.vreg),
        }
    }
}

/// One instruction, and what is live behind it.
pub(super) struct View<'a> {
    pub inst: Inst,
    /// Values that live on behind the instruction, its definitions among them.
    pub live_after: &'a LiveSet,
    /// One for each value that the instruction mentions.
    pub roles: &'a [Role],
    role_of: &'a [u32],
    /// Registers that fixed operands and clobbers occupy.
    pub fixed_early: [RegMask; 3],
    pub fixed_late: [RegMask; 3],
    /// Two operands, or an operand and a clobber, are fixed to the same register.
    pub conflict: bool,
    /// An operand has a constraint that is not about registers of the environment.
    pub beyond_registers: bool,
}

/// Room for the roles of one instruction.
pub(super) struct Roles {
    list: Vec<Role>,
    /// Where each value's role is, if that names the value.
    role_of: Vec<u32>,
}

impl Roles {
    pub fn new(num_vregs: usize) -> Roles {
        Roles { list: vec![], role_of: vec![0; num_vregs] }
    }
}

impl<'a> View<'a> {
    /// Reads an instruction; operands that are not `in_register` do not count.
    pub fn new<P: AllocProblem>(
        problem: &P,
        inst: Inst,
        live_after: &'a LiveSet,
        roles: &'a mut Roles,
        in_register: impl Fn(&Operand) -> bool,
    ) -> View<'a> {
        let mut view = View {
            inst,
            live_after,
            roles: &[],
            role_of: &[],
            fixed_early: [0; 3],
            fixed_late: mask_of(problem.inst_clobbers(inst)),
            conflict: false,
            beyond_registers: false,
        };
        roles.list.clear();
        read_operands(problem, &mut view, roles, in_register);
        for role in &mut roles.list {
            let lives_on = live_after.contains(role.vreg) && !role.is_def;
            role.span = if role.used_late || role.defined_early || lives_on {
                Span::Through
            } else if role.is_def {
                Span::Late
            } else {
                Span::Early
            };
        }
        view.roles = &roles.list;
        view.role_of = &roles.role_of;
        view
    }

    /// What the instruction does with the value, if it mentions it.
    pub fn role(&self, vreg: VReg) -> Option<&Role> {
        let index = *self.role_of.get(vreg.vreg())? as usize;
        self.roles.get(index).filter(|role| role.vreg == vreg)
    }
}

/// Walks blocks backwards.
pub(super) struct Scan<'a, P> {
    problem: &'a P,
    liveness: &'a Liveness,
    live: LiveSet,
    roles: Roles,
}

impl<'a, P: AllocProblem> Scan<'a, P> {
    pub fn new(problem: &'a P, liveness: &'a Liveness) -> Self {
        let num_vregs = problem.num_vregs();
        Scan { problem, liveness, live: LiveSet::new(num_vregs), roles: Roles::new(num_vregs) }
    }

    /// Shows the block's instructions to `visit`, last to first, and returns what is live where the
    /// block begins: live-in values and parameters.
    pub fn block(&mut self, block: Block, mut visit: impl FnMut(&View<'_>)) -> &LiveSet {
        self.leave(block);
        for inst in self.problem.block_insns(block).iter().rev() {
            self.inst(inst, &mut visit);
        }
        &self.live
    }

    /// Makes live what is live where the block ends.
    pub fn leave(&mut self, block: Block) -> &LiveSet {
        self.live.clear();
        for &vreg in self.liveness.live_out(block) {
            self.live.insert(vreg);
        }
        let term = self.problem.block_insns(block).last();
        if self.problem.is_branch(term) {
            for succ in 0..self.problem.block_succs(block).len() {
                for (arg, _) in branch_args(self.problem, block, term, succ) {
                    self.live.insert(arg);
                }
            }
        }
        &self.live
    }

    fn inst(&mut self, inst: Inst, visit: &mut impl FnMut(&View<'_>)) {
        let view = View::new(self.problem, inst, &self.live, &mut self.roles, |_| true);
        visit(&view);

        for role in self.roles.list.iter().filter(|role| role.is_def) {
            self.live.remove(role.vreg);
        }
        for role in self.roles.list.iter().filter(|role| !role.is_def) {
            self.live.insert(role.vreg);
        }
    }
}

/// Gathers the operands of an instruction into roles and occupied registers.
fn read_operands<P: AllocProblem>(
    problem: &P,
    view: &mut View<'_>,
    roles: &mut Roles,
    in_register: impl Fn(&Operand) -> bool,
) {
    let Roles { list: roles, role_of } = roles;
    let operands = problem.inst_operands(view.inst);
    let mut role_index = |roles: &mut Vec<Role>, vreg: VReg| {
        let known = role_of.get(vreg.vreg()).map_or(0, |&i| i as usize);
        if roles.get(known).is_some_and(|role| role.vreg == vreg) {
            return known;
        }
        if let Some(index) = role_of.get_mut(vreg.vreg()) {
            *index = roles.len() as u32;
        }
        roles.push(Role::new(vreg));
        roles.len() - 1
    };
    let real = |op: &&Operand| op.as_fixed_nonallocatable().is_none() && in_register(op);
    for op in operands.iter().filter(real) {
        let i = role_index(roles, op.vreg());
        let is_def = op.kind() == OperandKind::Def;
        let late = is_def || op.pos() == OperandPos::Late;
        let early = !is_def || op.pos() == OperandPos::Early;
        roles[i].is_def |= is_def;
        roles[i].used_late |= !is_def && late;
        roles[i].defined_early |= is_def && early;
        let fixed = match op.constraint() {
            OperandConstraint::FixedReg(preg) => Some(preg),
            OperandConstraint::Reuse(input) => {
                match operands.get(input).map(|op| op.constraint()) {
                    Some(OperandConstraint::FixedReg(preg)) => Some(preg),
                    Some(_) => {
                        let source = operands[input].vreg();
                        roles[i].reuses = Some(source);
                        let source = role_index(roles, source);
                        roles[source].is_reused = true;
                        None
                    }
                    None => None,
                }
            }
            OperandConstraint::Limit(_) | OperandConstraint::Stack => {
                view.beyond_registers = true;
                None
            }
            OperandConstraint::Any | OperandConstraint::Reg => None,
        };
        let Some(preg) = fixed else { continue };
        let (class, bit) = (preg.class() as usize, 1 << preg.hw_enc());
        let role = &mut roles[i];
        for (at, own, all) in [
            (early, &mut role.fixed_early, &mut view.fixed_early),
            (late, &mut role.fixed_late, &mut view.fixed_late),
        ] {
            if at {
                view.conflict |= all[class] & bit != 0 && *own & bit == 0;
                *own |= bit;
                all[class] |= bit;
            }
        }
    }
}

/// How many values of a class an instruction has at its points, and how many registers they want.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Demand {
    /// Values live at the early point, and at the late one.
    pub early: u32,
    pub late: u32,
    /// Values for which neither a fixed operand nor a reused input has a register: those live at
    /// the early point alone, at the late point alone, and those that keep a register throughout.
    own_early: u32,
    own_late: u32,
    own_through: u32,
    /// Values that live on in a register which is fixed at the early point alone.
    lasting: u32,
}

impl Demand {
    /// The demand for each class that an instruction makes on the registers in `allocatable`.
    pub fn of(view: &View<'_>, allocatable: &[RegMask; 3]) -> [Demand; 3] {
        CLASSES.map(|class| Demand::of_class(view, class, allocatable[class as usize]))
    }

    /// The demand for one class.
    pub fn of_class(view: &View<'_>, class: RegClass, allocatable: RegMask) -> Demand {
        let fixed_late = view.fixed_late[class as usize];
        let (mut early, mut late, mut through) = (0, 0, view.live_after.count(class));
        let mut demand = Demand::default();
        // Values that live on in a fixed register, and outputs that keep an input's register.
        let (mut settled, mut reusing) = (0, 0);
        for role in view.roles.iter().filter(|role| role.vreg.class() == class) {
            let is_after = view.live_after.contains(role.vreg);
            match role.span {
                Span::Early => {
                    early += 1;
                    demand.own_early += u32::from(role.needs_own(view));
                }
                Span::Late => {
                    through -= u32::from(is_after);
                    late += 1;
                    reusing += u32::from(role.reuses.is_some());
                    demand.own_late += u32::from(role.needs_own(view) && role.reuses.is_none());
                }
                Span::Through => {
                    through += u32::from(!is_after);
                    let lasting = role.fixed_early & !fixed_late & allocatable;
                    settled += u32::from(role.fixed_late != 0 || lasting != 0);
                    demand.lasting += u32::from(role.fixed_late == 0 && lasting != 0);
                }
            }
        }
        demand.early = through + early;
        demand.late = through + late;
        demand.own_through = through - settled + reusing;
        demand
    }

    /// Values minus the registers that are neither clobbered nor fixed, at the worse point. What
    /// keeps a register throughout must find one that is open at both points.
    pub fn excess(&self, view: &View<'_>, class: RegClass, allocatable: RegMask) -> i32 {
        let fixed_early = view.fixed_early[class as usize];
        let fixed_late = view.fixed_late[class as usize];
        let lack = |values: u32, fixed: RegMask| {
            values as i32 - (allocatable & !fixed).count_ones() as i32
        };
        lack(self.own_through, fixed_early | fixed_late)
            .max(lack(self.own_through + self.own_early, fixed_early))
            .max(lack(self.own_through + self.own_late + self.lasting, fixed_late))
    }
}
