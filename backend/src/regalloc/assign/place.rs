//! Places for the operands of one instruction, and for what lives through it.
//!
//! Values choose in the order of how little choice they have: those that a fixed register holds,
//! those that keep one register at both points, those at the early point alone, those at the late
//! point alone. Within a group all have the same registers to choose from, so that each finds one if
//! the instruction fits. A value stays where it is if it may; else it goes to its colour, else to a
//! register that nothing holds.

use regalloc2::{
    Allocation, Inst, Operand, OperandConstraint, OperandKind, PReg, ProgPoint, RegClass, VReg,
};
use smallvec::SmallVec;

use super::Assigner;
use crate::regalloc::moves::{Moves, sequentialize};
use crate::regalloc::points::{RegMask, Role, Span, View};
use crate::regalloc::residence::{Leave, Step, values, wants_register};
use crate::regalloc::{AllocError, AllocProblem, CLASSES, Edit};

/// What an instruction meets is seldom more than these.
type Values = SmallVec<[VReg; 16]>;
type Places = SmallVec<[(VReg, PReg); 8]>;

/// Where values of one class are at the points of an instruction.
struct Choice {
    /// Registers that are taken early, and late.
    early: RegMask,
    late: RegMask,
    /// Where values are read, and where those that live on stay.
    homes: Places,
    /// Definitions.
    defs: Places,
}

fn bit(preg: PReg) -> RegMask {
    1 << preg.hw_enc()
}

fn lowest(mask: RegMask, class: RegClass) -> Option<PReg> {
    (mask != 0).then(|| PReg::new(mask.trailing_zeros() as usize, class))
}

fn get(list: &[(VReg, PReg)], vreg: VReg) -> Option<PReg> {
    list.iter().find(|(v, _)| *v == vreg).map(|&(_, preg)| preg)
}

impl<P: AllocProblem> Assigner<'_, P> {
    pub(super) fn place(&mut self, step: &Step<'_>) -> Result<(), AllocError> {
        for (_, vreg, _) in step.leaves.iter().filter(|l| l.2 == Leave::Before) {
            self.forget(*vreg);
        }
        let inst = step.view.inst;
        let operands = self.problem.inst_operands(inst);
        let busy = CLASSES.map(|class| {
            let mentioned = step.view.roles.iter().any(|role| role.vreg.class() == class);
            let fixed =
                step.view.fixed_late[class as usize] | step.view.fixed_early[class as usize];
            mentioned || fixed != 0
        });
        let mut choices: [Option<Choice>; 3] = [None, None, None];
        for class in CLASSES.into_iter().filter(|&class| busy[class as usize]) {
            choices[class as usize] = Some(self.choose(step, class)?);
        }
        let first = self.allocs.len();
        self.inst_alloc_offsets.push(first as u32);
        for i in 0..operands.len() {
            let alloc = self.alloc_of(operands, i, &step.view, &choices)?;
            self.allocs.push(alloc);
        }
        for (class, choice) in CLASSES.into_iter().zip(&choices) {
            if let Some(choice) = choice {
                self.edit_before(step, class, choice)?;
            }
        }
        for choice in choices.iter().flatten() {
            self.settle(choice);
        }
        for (_, vreg, _) in step.leaves {
            self.forget(*vreg);
        }
        self.define(step, operands, first)
    }

    /// The colour of a value at this instruction.
    fn color(&self, step: &Step<'_>, vreg: VReg) -> Option<PReg> {
        self.colors[step.pieces[vreg.vreg()] as usize]
    }

    fn choose(&self, step: &Step<'_>, class: RegClass) -> Result<Choice, AllocError> {
        let view = &step.view;
        let mut choice = Choice {
            early: view.fixed_early[class as usize],
            late: view.fixed_late[class as usize],
            homes: Places::new(),
            defs: Places::new(),
        };
        let held = self.held_early(step, class);
        let through = self.choose_settled(step, class, &mut choice);
        self.choose_through(step, class, &mut choice, through, held)?;
        self.choose_crosswise(step, class, &mut choice, held)?;
        self.choose_early(step, class, &mut choice, held)?;
        self.choose_late(step, class, &mut choice)?;
        Ok(choice)
    }

    /// What a fixed register holds for as long as it is needed. Returns the other values that keep
    /// a register throughout, definitions apart.
    fn choose_settled(&self, step: &Step<'_>, class: RegClass, choice: &mut Choice) -> Values {
        let view = &step.view;
        let live = view.live_after.iter();
        let unmentioned = live.filter(|&v| v.class() == class && view.role(v).is_none());
        let mut through: Values = unmentioned.collect();
        let used = view.roles.iter().filter(|role| role.vreg.class() == class && !role.is_def);
        for role in used.filter(|role| role.span == Span::Through) {
            match self.settled(role, view, self.allocatable[class as usize]) {
                Some(preg) => {
                    choice.take(preg, true, true);
                    choice.homes.push((role.vreg, preg));
                }
                None => through.push(role.vreg),
            }
        }
        through
    }

    /// What keeps one register throughout: its own, if it may.
    fn choose_through(
        &self,
        step: &Step<'_>,
        class: RegClass,
        choice: &mut Choice,
        through: Values,
        held: RegMask,
    ) -> Result<(), AllocError> {
        let open = self.allocatable[class as usize] & !choice.early & !choice.late;
        let mut movers = Values::new();
        for vreg in through {
            match self.reg[vreg.vreg()].filter(|&preg| open & bit(preg) != 0) {
                Some(preg) => {
                    choice.take(preg, true, true);
                    choice.homes.push((vreg, preg));
                }
                None => movers.push(vreg),
            }
        }
        for vreg in movers {
            let open = self.allocatable[class as usize] & !choice.early & !choice.late;
            let preg = self.pick(step, vreg, open, held, None)?;
            choice.take(preg, true, true);
            choice.homes.push((vreg, preg));
        }
        Ok(())
    }

    /// Values that are read for the last time.
    fn choose_early(
        &self,
        step: &Step<'_>,
        class: RegClass,
        choice: &mut Choice,
        held: RegMask,
    ) -> Result<(), AllocError> {
        let view = &step.view;
        let all = self.allocatable[class as usize];
        let early = |role: &&Role| role.span == Span::Early && role.needs_own(view);
        let roles = view.roles.iter().filter(|role| role.vreg.class() == class).filter(early);
        for role in roles.clone() {
            if let Some(preg) = self.reg[role.vreg.vreg()]
                && all & bit(preg) & !choice.early != 0
            {
                choice.take(preg, true, false);
                choice.homes.push((role.vreg, preg));
            }
        }
        for role in roles {
            if get(&choice.homes, role.vreg).is_none() {
                let preg = self.pick(step, role.vreg, all & !choice.early, held, None)?;
                choice.take(preg, true, false);
                choice.homes.push((role.vreg, preg));
            }
        }
        Ok(())
    }

    /// Ordinary definitions.
    fn choose_late(
        &self,
        step: &Step<'_>,
        class: RegClass,
        choice: &mut Choice,
    ) -> Result<(), AllocError> {
        let all = self.allocatable[class as usize];
        let roles = step.view.roles.iter().filter(|role| role.vreg.class() == class);
        for role in roles.filter(|role| role.span == Span::Late && role.fixed_late == 0) {
            if get(&choice.defs, role.vreg).is_none() {
                let preg = self.pick(step, role.vreg, all & !choice.late, 0, None)?;
                choice.take(preg, false, true);
                choice.defs.push((role.vreg, preg));
            }
        }
        Ok(())
    }

    /// The fixed register in which a value stays behind the instruction, or for its late use.
    fn settled(&self, role: &Role, view: &View<'_>, all: RegMask) -> Option<PReg> {
        let class = role.vreg.class();
        if role.fixed_late != 0 {
            return lowest(role.fixed_late, class);
        }
        let lasting = role.fixed_early & !view.fixed_late[class as usize] & all;
        let now = self.reg[role.vreg.vreg()].filter(|&preg| lasting & bit(preg) != 0);
        now.or_else(|| lowest(lasting, class))
    }

    /// Registers that hold values which the instruction reads for the last time.
    fn held_early(&self, step: &Step<'_>, class: RegClass) -> RegMask {
        let view = &step.view;
        let keeps = |role: &&Role| role.needs_own(view) || role.is_reused;
        let dying = view.roles.iter().filter(|role| role.span == Span::Early).filter(keeps);
        let regs = dying.filter_map(|role| self.reg[role.vreg.vreg()]);
        regs.filter(|preg| preg.class() == class).fold(0, |mask, preg| mask | bit(preg))
    }

    /// Early definitions, and definitions in the register of an input.
    fn choose_crosswise(
        &self,
        step: &Step<'_>,
        class: RegClass,
        choice: &mut Choice,
        held: RegMask,
    ) -> Result<(), AllocError> {
        let all = self.allocatable[class as usize];
        let view = &step.view;
        let mut reused = Values::new();
        for role in view.roles.iter().filter(|role| role.vreg.class() == class && role.is_def) {
            let open = all & !choice.early & !choice.late;
            let source = role.reuses.and_then(|v| view.role(v));
            let preg = match source {
                Some(source) => {
                    let dies = source.span == Span::Early && !reused.contains(&source.vreg);
                    let own = self.reg[source.vreg.vreg()].filter(|_| dies);
                    reused.push(source.vreg);
                    let held = held & !own.map_or(0, bit);
                    self.pick(step, role.vreg, open, held, own)?
                }
                None if role.span == Span::Through && role.fixed_late == 0 => {
                    self.pick(step, role.vreg, open, held, None)?
                }
                None => continue,
            };
            choice.take(preg, true, true);
            choice.defs.push((role.vreg, preg));
        }
        Ok(())
    }

    /// A register in `open` for a value: its colour, then `second`, then one that no value in
    /// `held` would have to leave.
    fn pick(
        &self,
        step: &Step<'_>,
        vreg: VReg,
        open: RegMask,
        held: RegMask,
        second: Option<PReg>,
    ) -> Result<PReg, AllocError> {
        let is_open = |preg: &PReg, mask: RegMask| mask & bit(*preg) != 0;
        let color = self.color(step, vreg);
        let piece = step.pieces[vreg.vreg()];
        color
            .filter(|preg| is_open(preg, open & !held))
            .or(second.filter(|preg| is_open(preg, open)))
            .or_else(|| self.least_wanted(open & !held, vreg, piece))
            .or_else(|| self.least_wanted(open, vreg, piece))
            .ok_or(AllocError::TooManyLiveRegs)
    }

    fn alloc_of(
        &self,
        operands: &[Operand],
        i: usize,
        view: &View<'_>,
        choices: &[Option<Choice>; 3],
    ) -> Result<Allocation, AllocError> {
        let op = operands[i];
        if let OperandConstraint::FixedReg(preg) = op.constraint() {
            return Ok(Allocation::reg(preg));
        }
        let on_stack = op.constraint() == OperandConstraint::Stack
            || !wants_register(operands, i) && view.role(op.vreg()).is_none();
        if on_stack {
            return self.slot(op.vreg());
        }
        let lost = || AllocError::Wrong(format!("{op} of inst{} has no place", view.inst.index()));
        let choice = choices[op.class() as usize].as_ref().ok_or_else(lost)?;
        // The register of a definition that reuses this operand, or of this definition's operand.
        let reuse = OperandConstraint::Reuse(i);
        let register = match (op.kind(), op.constraint()) {
            (OperandKind::Use, _) => match operands.iter().find(|op| op.constraint() == reuse) {
                Some(def) => get(&choice.defs, def.vreg()),
                None => self.read_in(op.vreg(), view, choice),
            },
            (OperandKind::Def, OperandConstraint::Reuse(input)) => {
                match operands.get(input).map(|op| op.constraint()) {
                    Some(OperandConstraint::FixedReg(preg)) => Some(preg),
                    _ => get(&choice.defs, op.vreg()),
                }
            }
            // An operand of the same value is fixed.
            (OperandKind::Def, _) => get(&choice.defs, op.vreg())
                .or_else(|| lowest(view.role(op.vreg())?.fixed_late, op.class())),
        };
        register.map(Allocation::reg).ok_or_else(lost)
    }

    /// A register in which the instruction finds a value early.
    fn read_in(&self, vreg: VReg, view: &View<'_>, choice: &Choice) -> Option<PReg> {
        let all = self.allocatable[vreg.class() as usize];
        get(&choice.homes, vreg).or_else(|| {
            let role = view.role(vreg)?;
            lowest(role.fixed_early & all, vreg.class()).or_else(|| {
                let defs = view.roles.iter().filter(|def| def.reuses == Some(vreg));
                defs.filter_map(|def| get(&choice.defs, def.vreg)).next()
            })
        })
    }

    /// Takes values to their places: first moves, then loads, then copies of what was loaded.
    fn edit_before(
        &mut self,
        step: &Step<'_>,
        class: RegClass,
        choice: &Choice,
    ) -> Result<(), AllocError> {
        let view = &step.view;
        let mut moves = Moves::new();
        let mut loads = Places::new();
        let mut want = |vreg: VReg, to: PReg, from: Option<PReg>| match from {
            Some(from) => moves.push((Allocation::reg(from), Allocation::reg(to))),
            None => loads.push((vreg, to)),
        };
        for &(vreg, preg) in &choice.homes {
            want(vreg, preg, self.reg[vreg.vreg()]);
        }
        for role in view.roles.iter().filter(|role| role.vreg.class() == class) {
            let from = self.reg[role.vreg.vreg()];
            if !role.is_def {
                let home = get(&choice.homes, role.vreg);
                let mut fixed = role.fixed_early;
                while let Some(preg) = lowest(fixed, class) {
                    fixed &= !bit(preg);
                    if Some(preg) != home {
                        want(role.vreg, preg, from);
                    }
                }
            } else if let Some(source) = role.reuses
                && let Some(preg) = get(&choice.defs, role.vreg)
            {
                want(source, preg, self.reg[source.vreg()]);
            }
        }
        let point = ProgPoint::before(view.inst);
        moves.retain(|(from, to)| from != to);
        self.emit_moves(point, class, moves)?;
        let mut loaded = Places::new();
        for (vreg, to) in loads {
            let from = match get(&loaded, vreg) {
                Some(preg) => Allocation::reg(preg),
                None => self.slot(vreg)?,
            };
            loaded.push((vreg, to));
            self.edits.push((point, Edit::Move { from, to: Allocation::reg(to) }));
        }
        Ok(())
    }

    fn emit_moves(
        &mut self,
        point: ProgPoint,
        class: RegClass,
        moves: Moves,
    ) -> Result<(), AllocError> {
        if moves.is_empty() {
            return Ok(());
        }
        let scratch = self.scratch(class)?;
        let edits = &mut self.edits;
        sequentialize(
            moves,
            scratch,
            || Allocation::reg(scratch),
            |from, to| edits.push((point, Edit::Move { from, to })),
        );
        Ok(())
    }

    /// Values are where the instruction's moves took them.
    fn settle(&mut self, choice: &Choice) {
        for &(vreg, _) in &choice.homes {
            self.forget(vreg);
        }
        for &(vreg, preg) in &choice.homes {
            self.hold(preg, vreg);
        }
    }

    /// Definitions enter their registers; what is stored at birth is, and what was defined in
    /// another register than its own goes there.
    fn define(
        &mut self,
        step: &Step<'_>,
        operands: &[Operand],
        first: usize,
    ) -> Result<(), AllocError> {
        let inst: Inst = step.view.inst;
        let point = ProgPoint::after(inst);
        let mut born = Places::new();
        for (i, op) in values(operands).filter(|(_, op)| op.kind() == OperandKind::Def) {
            let vreg = op.vreg();
            let alloc = self.allocs[first + i];
            let Some(preg) = alloc.as_reg() else { continue };
            if self.memory.stored_at_birth[vreg.vreg()] {
                let to = self.slot(vreg)?;
                self.edits.push((point, Edit::Move { from: alloc, to }));
            }
            if step.view.live_after.contains(vreg) {
                self.hold(preg, vreg);
                born.push((vreg, preg));
            }
        }
        // A late use may leave a value outside of the environment.
        let after = step.view.live_after.iter().filter_map(|v| Some((v, self.reg[v.vreg()]?)));
        let strays = |&(v, preg): &(VReg, PReg)| {
            self.allocatable[v.class() as usize] & bit(preg) == 0 && get(&born, v).is_none()
        };
        let strays: Places = after.filter(strays).collect();
        born.extend(strays);
        for class in CLASSES {
            self.leave_fixed(step, point, class, &born)?;
        }
        Ok(())
    }

    /// Moves definitions from fixed registers to their own.
    fn leave_fixed(
        &mut self,
        step: &Step<'_>,
        point: ProgPoint,
        class: RegClass,
        born: &[(VReg, PReg)],
    ) -> Result<(), AllocError> {
        let all = self.allocatable[class as usize];
        let of_class = born.iter().filter(|(vreg, _)| vreg.class() == class);
        // Registers that hold nothing once definitions have left theirs.
        let busy = |holder: &Option<VReg>| holder.is_some_and(|v| get(born, v).is_none());
        let mut free = all;
        for preg in self.orders[class as usize].iter().filter(|r| busy(&self.holder[r.index()])) {
            free &= !bit(*preg);
        }
        let mut moves = Moves::new();
        let mut places: SmallVec<[(VReg, PReg, Option<PReg>); 4]> = SmallVec::new();
        for &(vreg, preg) in of_class {
            let own = self.color(step, vreg).filter(|color| free & bit(*color) != 0);
            places.push((vreg, preg, own));
            free &= !own.map_or(0, bit);
        }
        for (vreg, preg, own) in &mut places {
            let stays = free & bit(*preg) != 0;
            let to = own.or(stays.then_some(*preg));
            let to = to.or_else(|| self.least_wanted(free, *vreg, step.pieces[vreg.vreg()]));
            let to = to.ok_or(AllocError::TooManyLiveRegs)?;
            free &= !bit(to);
            *own = Some(to);
            moves.push((Allocation::reg(*preg), Allocation::reg(to)));
        }
        for (vreg, ..) in &places {
            self.forget(*vreg);
        }
        for (vreg, _, own) in places {
            if let Some(preg) = own {
                self.hold(preg, vreg);
            }
        }
        moves.retain(|(from, to)| from != to);
        self.emit_moves(point, class, moves)
    }
}

impl Choice {
    fn take(&mut self, preg: PReg, early: bool, late: bool) {
        self.early |= if early { bit(preg) } else { 0 };
        self.late |= if late { bit(preg) } else { 0 };
    }
}
