//! How many registers a function needs, whatever an allocator makes of it.

use regalloc2::{MachineEnv, PRegSet, RegClass};

use super::liveness::Liveness;
use super::points::{Demand, RegMask, Scan, View, mask_of};
use super::{AllocProblem, CLASSES, blocks};

/// The most values of each class that are live at one program point, indexed by `RegClass`.
/// Copies that fixed operands ask for are not values of their own.
pub fn peak_pressure<P: AllocProblem>(problem: &P) -> [u32; 3] {
    let liveness = Liveness::new(problem);
    let mut scan = Scan::new(problem, &liveness);
    let mut peak = [0; 3];
    for block in blocks(problem) {
        let at_entry = scan.block(block, |view| {
            for (peak, demand) in peak.iter_mut().zip(Demand::of(view, &[0; 3])) {
                *peak = demand.early.max(demand.late).max(*peak);
            }
        });
        for class in CLASSES {
            peak[class as usize] = peak[class as usize].max(at_entry.count(class));
        }
    }
    peak
}

/// The maximum over all program points of live values minus the registers that are neither
/// clobbered nor fixed there, for the class that is worst off; classes without values do not count.
///
/// A function fits the environment without any spill exactly if this is at most 0: then each point
/// has a place for every value, and moves between instructions lead from one point to the next.
pub fn excess<P: AllocProblem>(problem: &P, env: &MachineEnv) -> i32 {
    let by_class = excess_by_class(problem, env);
    by_class.into_iter().flatten().max().unwrap_or_else(|| {
        // Nothing lives: all registers are left over.
        let ints = mask_of(PRegSet::from(env))[RegClass::Int as usize];
        -(ints.count_ones() as i32)
    })
}

/// [`excess`] of each class, indexed by `RegClass`; none for a class without values.
pub fn excess_by_class<P: AllocProblem>(problem: &P, env: &MachineEnv) -> [Option<i32>; 3] {
    let mut worst = [None; 3];
    each_excess(problem, env, |class, excess| {
        let worst = &mut worst[class as usize];
        *worst = Some(worst.map_or(excess, |w: i32| w.max(excess)));
        true
    });
    worst
}

/// Whether [`excess`] is at most 0.
pub(super) fn fits<P: AllocProblem>(problem: &P, env: &MachineEnv) -> bool {
    let mut fits = true;
    each_excess(problem, env, |_, excess| {
        fits &= excess <= 0;
        fits
    });
    fits
}

/// Shows the excess of each class at each point where values of it live, until a block's end at which
/// `note` has not said to go on.
fn each_excess<P: AllocProblem>(
    problem: &P,
    env: &MachineEnv,
    mut note: impl FnMut(RegClass, i32) -> bool,
) {
    let allocatable = mask_of(PRegSet::from(env));
    let liveness = Liveness::new(problem);
    let mut scan = Scan::new(problem, &liveness);
    for block in blocks(problem) {
        let mut goes_on = true;
        let at_entry = scan.block(block, |view| {
            let demands = Demand::of(view, &allocatable);
            for (class, demand) in CLASSES.into_iter().zip(demands) {
                let excess = excess_at(view, &demand, class, allocatable[class as usize]);
                if demand.early.max(demand.late) > 0 {
                    goes_on &= note(class, excess);
                }
            }
        });
        for class in CLASSES.into_iter().filter(|&class| at_entry.count(class) > 0) {
            let registers = allocatable[class as usize].count_ones();
            goes_on &= note(class, at_entry.count(class) as i32 - registers as i32);
        }
        if !goes_on {
            return;
        }
    }
}

/// The excess of a class at an instruction and right behind it.
fn excess_at(view: &View<'_>, demand: &Demand, class: RegClass, free: RegMask) -> i32 {
    // Between instructions, every value needs a register of the environment.
    let after = view.live_after.count(class) as i32 - free.count_ones() as i32;
    demand.excess(view, class, free).max(after)
}

/// What one instruction asks of the registers, each indexed by `RegClass`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InstPressure {
    /// Values that are live at its early point, and at its late one.
    pub early: [u32; 3],
    pub late: [u32; 3],
    /// By how many they exceed the registers that are free for them there.
    pub excess: [i32; 3],
}

/// The pressure along the program: one entry for each instruction, in order.
pub fn pressure_along<P: AllocProblem>(problem: &P, env: &MachineEnv) -> Vec<InstPressure> {
    let allocatable = mask_of(PRegSet::from(env));
    let liveness = Liveness::new(problem);
    let mut scan = Scan::new(problem, &liveness);
    let none = InstPressure { early: [0; 3], late: [0; 3], excess: [0; 3] };
    let mut along = vec![none; problem.num_insts()];
    for block in blocks(problem) {
        scan.block(block, |view| {
            let demands = Demand::of(view, &allocatable);
            along[view.inst.index()] = InstPressure {
                early: demands.map(|demand| demand.early),
                late: demands.map(|demand| demand.late),
                excess: CLASSES.map(|class| {
                    let class_index = class as usize;
                    excess_at(view, &demands[class_index], class, allocatable[class_index])
                }),
            };
        });
    }
    along
}
