//! What a stream of *physical* instructions hides from a register allocator.
//!
//! ```text
//! allocated code, whoever wrote it --> Stream --graph--> blocks in order, critical edges split
//!     --names--> one name for each definition and join of a register or slot   (value ranges)
//!     --values--> copies seen through: an allocation problem over values       (peak, excess)
//!     --nodes--> each register and each slot one node                          (what greedy code shows)
//! ```
//!
//! Input: a [`Stream`], from an allocation ([`super::shadow`]) or from decoded machine code, and the
//! registers whose contents are values, with how many of them there may be. Output: an
//! [`Analysis`]. Nothing here knows an instruction set.
//!
//! Registers outside the environment are precoloured: what never leaves them is no value, and their
//! use costs none of the k registers. A value that passes through one on its way keeps its identity.
//!
//! What is left to others: which memory is a spill slot, and what a call reads.

mod graph;
mod names;
mod nodes;
mod problem;
mod values;

use regalloc2::{Allocation, MachineEnv, OperandKind, OperandPos, PReg, PRegSet, RegClass};

use super::{excess_by_class, peak_pressure};
use graph::Graph;
use names::Names;
use values::Values;

/// The most definitions and joins of a function that is analysed, places times blocks at worst.
pub const MAX_NAMES: usize = 1 << 20;

/// Instructions over registers and slots. The first block is the entry.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub blocks: Vec<StreamBlock>,
}

#[derive(Clone, Debug, Default)]
pub struct StreamBlock {
    pub insts: Vec<StreamInst>,
    pub succs: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StreamKind {
    #[default]
    Op,
    /// Has one use and one definition, which hold the same value: a move, a reload, a spill store.
    Copy,
    Call,
}

/// What one instruction does to registers and slots.
#[derive(Clone, Debug, Default)]
pub struct StreamInst {
    /// Where it stands, for reports.
    pub at: u32,
    pub kind: StreamKind,
    pub operands: Vec<StreamOperand>,
    /// Registers that hold nothing afterwards, unless something reads them: then a result.
    pub clobbers: PRegSet,
    /// Computes its only result from nothing, and may do so elsewhere.
    pub remat: bool,
    /// May leave its destinations as they were.
    pub conditional: bool,
    /// Moves registers to and from slots for another purpose than spilling: saving registers.
    pub saves: bool,
}

/// A register or slot that an instruction reads or writes.
#[derive(Clone, Copy, Debug)]
pub struct StreamOperand {
    pub place: Allocation,
    pub kind: OperandKind,
    pub pos: OperandPos,
    /// No other register would do.
    pub fixed: bool,
}

impl StreamOperand {
    pub fn reads(place: Allocation) -> StreamOperand {
        StreamOperand { place, kind: OperandKind::Use, pos: OperandPos::Early, fixed: false }
    }

    pub fn writes(place: Allocation) -> StreamOperand {
        StreamOperand { place, kind: OperandKind::Def, pos: OperandPos::Late, fixed: false }
    }

    pub fn fixed(self) -> StreamOperand {
        StreamOperand { fixed: true, ..self }
    }
}

impl StreamInst {
    pub fn copy(at: u32, from: Allocation, to: Allocation) -> StreamInst {
        let operands = vec![StreamOperand::reads(from), StreamOperand::writes(to)];
        StreamInst { at, kind: StreamKind::Copy, operands, ..StreamInst::default() }
    }
}

/// Definitions of a place that reach common uses, and those uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// The first definition; none for what the function begins with.
    pub first: Option<u32>,
    /// The last use, in the order of the stream; the definition itself if nothing reads it.
    pub last: u32,
}

/// What is known of a register, or a slot.
#[derive(Clone, Debug)]
pub struct PlaceAnalysis {
    pub place: Allocation,
    /// In order.
    pub ranges: Vec<Range>,
    /// Spill stores and reloads, for a slot.
    pub stores: u32,
    pub reloads: u32,
    /// Reloads of a value that could be computed again.
    pub remat_reloads: u32,
    /// Could live in a register, each register one node. None: not asked, or not answered.
    pub as_node: Option<bool>,
    /// Could live in a register, each value its own node.
    pub as_value: Option<bool>,
}

impl PlaceAnalysis {
    pub fn traffic(&self) -> u32 {
        self.stores + self.reloads
    }
}

/// What the values of a stream ask for, and what its places show of that.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Registers that values may have, of class Int.
    pub k: u32,
    /// Values of class Int that something reads.
    pub values: u32,
    /// The most of them that are live at once.
    pub peak: u32,
    /// By how many they exceed the registers that are free, at the worst point.
    pub excess: i32,
    /// Registers of the environment that are used.
    pub registers: Vec<PlaceAnalysis>,
    pub slots: Vec<PlaceAnalysis>,
    /// Reloads that can be seen to be of a value that could be computed again, though each place is
    /// one node.
    pub remat_as_node: u32,
}

impl Analysis {
    /// Whether the values fit, so that every spill is spurious.
    pub fn fits(&self) -> bool {
        self.excess <= 0
    }

    pub fn spill_stores(&self) -> u32 {
        self.slots.iter().map(|slot| slot.stores).sum()
    }

    pub fn reloads(&self) -> u32 {
        self.slots.iter().map(|slot| slot.reloads).sum()
    }

    /// Spill stores and reloads of slots whose values could be in registers.
    pub fn spurious(&self) -> u32 {
        let spurious = self.slots.iter().filter(|slot| slot.as_value == Some(true));
        spurious.map(PlaceAnalysis::traffic).sum()
    }

    /// Reloads of values that could be computed again.
    pub fn remat_as_value(&self) -> u32 {
        self.slots.iter().map(|slot| slot.remat_reloads).sum()
    }
}

/// Analyses a stream. `contents` are the registers whose contents are values, `env` those that
/// values may have.
///
/// # Errors
/// A reason: the stream is larger than can be analysed.
pub fn analyze(stream: &Stream, contents: PRegSet, env: &MachineEnv) -> Result<Analysis, String> {
    let graph = Graph::new(stream);
    let names = Names::new(&graph)?;
    let values = Values::new(&graph, &names, contents, env)?;
    let problem = problem::build(&graph, &names, &values, env);

    let int = RegClass::Int as usize;
    let excess = excess_by_class(&problem, env);
    let k = PRegSet::from(env).into_iter().filter(|r| r.class() == RegClass::Int).count() as u32;
    let mut analysis = Analysis {
        k,
        values: values.count_of(RegClass::Int),
        peak: peak_pressure(&problem)[int],
        excess: excess[int].unwrap_or(-(k as i32)),
        registers: places(&graph, &names, |place| {
            place.as_reg().is_some_and(|preg| contents.contains(preg))
        }),
        slots: places(&graph, &names, |place| place.is_stack()),
        remat_as_node: nodes::remat_reloads(&graph, &names),
    };
    let held = values.held_by_slots(&names);
    let homeless = nodes::uncolored_values(&problem, env, &held);
    let colored = nodes::colored_slots(&graph, &names, &values, contents, env);
    for slot in &mut analysis.slots {
        let vregs = held.get(&slot.place);
        let vregs = vregs.map_or(&[][..], |vregs| vregs);
        slot.as_node = colored.get(&slot.place).copied();
        slot.as_value = vregs.iter().try_fold(true, |all, vreg| {
            let fits = excess[vreg.class() as usize].is_some_and(|excess| excess <= 0);
            let has_color = homeless.as_ref().map(|homeless| !homeless.contains(vreg));
            Some(all & (fits || has_color?))
        });
        slot.as_value = slot.as_value.filter(|_| !vregs.is_empty());
        slot.remat_reloads = values.remat_reloads(&graph, &names, slot.place);
    }
    Ok(analysis)
}

/// The value ranges and the traffic of each place of a kind, in order.
fn places(
    graph: &Graph<'_>,
    names: &Names,
    wanted: impl Fn(Allocation) -> bool,
) -> Vec<PlaceAnalysis> {
    let mut ranges = names.ranges(graph);
    let mut traffic = vec![(0, 0); names.places.len()];
    for (inst, refs) in names.insts(graph) {
        for r in refs.iter().filter(|r| r.explicit && !inst.saves) {
            let (stores, reloads) = &mut traffic[names.names[r.name as usize].place as usize];
            match r.kind {
                OperandKind::Def => *stores += 1,
                OperandKind::Use => *reloads += 1,
            }
        }
    }
    let numbered = names.places.iter().enumerate().filter(|(_, place)| wanted(**place));
    let mut found: Vec<PlaceAnalysis> = numbered
        .map(|(i, &place)| PlaceAnalysis {
            place,
            ranges: core::mem::take(&mut ranges[i]),
            stores: if place.is_stack() { traffic[i].0 } else { 0 },
            reloads: if place.is_stack() { traffic[i].1 } else { 0 },
            remat_reloads: 0,
            as_node: None,
            as_value: None,
        })
        .collect();
    found.sort_by_key(|place| order(place.place));
    found
}

/// Registers by class and number, then slots.
fn order(place: Allocation) -> (usize, usize) {
    match place.as_reg() {
        Some(preg) => (preg.class() as usize, preg.hw_enc()),
        None => (usize::MAX, place.index()),
    }
}

/// An environment of the first `count` of these registers.
pub fn env_of(registers: impl IntoIterator<Item = PReg>, count: usize) -> MachineEnv {
    MachineEnv {
        preferred_regs_by_class: [
            registers.into_iter().take(count).collect(),
            PRegSet::empty(),
            PRegSet::empty(),
        ],
        non_preferred_regs_by_class: [PRegSet::empty(); 3],
        scratch_by_class: [None; 3],
        fixed_stack_slots: vec![],
    }
}

/// Whether an instruction's definitions hold what its use does.
fn is_copy(inst: &StreamInst) -> bool {
    inst.kind == StreamKind::Copy && !inst.conditional
}

#[cfg(test)]
mod tests;
