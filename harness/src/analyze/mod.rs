//! Spills in anybody's Thumb-2 code: from an ELF file to the figures of each function.
//!
//! ```text
//! bytes --object--> functions, regions, relocations
//!   --decode, flow--> blocks of instructions   --frame--> what each word of stack is
//!   --stream--> physical instructions over registers and slots --backend: physical--> Analysis
//! ```
//!
//! Input: an object or executable of any compiler, and which registers hold values. Output: a
//! [`Report`]. What cannot be decoded, or whose control flow or stack cannot be followed, is named
//! with its reason and offset, and has no figures.
//!
//! Invariant: no input makes this panic, and time is bounded by the file's size and [`MAX_INSTS`].

mod decode;
mod flow;
mod frame;
mod object;
mod stream;

use decode::Inst;
use frame::{Frame, Word, is_push_or_pop};
use object::{File, Function, Section};
use regalloc2::{PReg, PRegSet, RegClass};
use std::panic::{AssertUnwindSafe, catch_unwind};
use windlass_backend::regalloc::physical::{self, Analysis, PlaceAnalysis};

pub use object::FileError;

/// Functions with more are not analysed.
pub const MAX_INSTS: usize = 100_000;

pub const SCHEMA: u32 = 1;

/// Core registers whose contents are values, and how many of them values may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registers {
    /// In order; within r0-r12 and lr, r0-r3 among them.
    numbers: Vec<u8>,
    k: usize,
}

impl Default for Registers {
    /// r0-r12, all of them.
    fn default() -> Registers {
        Registers { numbers: (0..13).collect(), k: 13 }
    }
}

impl Registers {
    /// Reads a set such as `r0-r8` or `r0-r7,r12,lr`. Without a number of registers it is all of them.
    ///
    /// # Errors
    /// What is wrong with the set or the number.
    pub fn new(set: Option<&str>, k: Option<usize>) -> Result<Registers, String> {
        let mut numbers = match set {
            None => Registers::default().numbers,
            Some(set) => parse_set(set).ok_or_else(|| format!("{set:?} is no set of registers"))?,
        };
        numbers.sort_unstable();
        numbers.dedup();
        if !(0..4).all(|reg| numbers.contains(&reg)) || numbers.iter().any(|r| [13, 15].contains(r))
        {
            return Err("a set within r0-r12 and lr that contains r0-r3 is expected".into());
        }
        let k = k.unwrap_or(numbers.len());
        if !(4..=numbers.len()).contains(&k) {
            return Err(format!("k is between 4 and {}, the registers of the set", numbers.len()));
        }
        Ok(Registers { numbers, k })
    }

    fn pregs(&self) -> impl Iterator<Item = PReg> + Clone {
        self.numbers.iter().map(|&reg| PReg::new(reg.into(), RegClass::Int))
    }
}

impl std::fmt::Display for Registers {
    /// Ranges, as they are read.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut separator = "";
        for run in self.numbers.chunk_by(|a, b| a + 1 == *b) {
            let name = |reg: u8| if reg == decode::LR { "lr".into() } else { format!("r{reg}") };
            match run {
                [one] => write!(f, "{separator}{}", name(*one))?,
                [first, .., last] => write!(f, "{separator}{}-{}", name(*first), name(*last))?,
                [] => {}
            }
            separator = ",";
        }
        Ok(())
    }
}

fn parse_set(set: &str) -> Option<Vec<u8>> {
    let number = |name: &str| match name {
        "ip" => Some(12),
        "lr" => Some(14),
        "sp" => Some(13),
        "pc" => Some(15),
        name => name.strip_prefix('r')?.parse::<u8>().ok().filter(|&reg| reg < 16),
    };
    let mut numbers = vec![];
    for part in set.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        numbers.extend(number(first.trim())?..=number(last.trim())?);
    }
    Some(numbers)
}

/// Why a function has no figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub reason: String,
    /// In bytes from the section's beginning.
    pub at: u32,
}

impl Failure {
    fn new(reason: impl Into<String>, at: u32) -> Failure {
        Failure { reason: reason.into(), at }
    }
}

#[derive(Clone, Debug, serde::Serialize)]
pub struct Report {
    pub schema: u32,
    /// Registers whose contents are values, and how many of them values may have.
    pub registers: String,
    pub k: u32,
    pub functions: Vec<FunctionReport>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub struct FunctionReport {
    pub name: String,
    pub section: String,
    /// In bytes, in the section.
    pub offset: u32,
    pub bytes: u32,
    /// Either figures, or the reason why there are none.
    #[serde(flatten)]
    pub outcome: Outcome,
}

#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Analysis(Box<Figures>),
    NotAnalysed(NotAnalysed),
}

#[derive(Clone, Debug, serde::Serialize)]
pub struct NotAnalysed {
    pub reason: String,
    pub offset: u32,
}

/// What docs/register-allocation.md defines. Loads and stores count registers.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Figures {
    pub insts: u32,
    pub blocks: u32,
    /// The deepest that sp is below where it was at the entry.
    pub frame_bytes: u32,
    pub spill_stores: u32,
    pub reloads: u32,
    /// Loads and stores of arguments and results on the stack.
    pub stack_args: StackArgs,
    /// Loads and stores of local objects at known places.
    pub objects: u32,
    /// Loads and stores of saved registers that are neither pushes nor pops.
    pub saves: u32,
    /// Of all these, loads and stores through a register that points into the frame.
    pub through_copies: u32,
    /// Registers pushed and popped.
    pub pushes: u32,
    pub pops: u32,
    pub values: u32,
    /// The most values live at once.
    pub peak_pressure: u32,
    /// The most by which they exceed the registers that are free for them.
    pub excess: i32,
    /// Spill stores and reloads of slots whose values could be in registers.
    pub spurious: u32,
    /// Reloads of values that could be computed again.
    pub remat_reloads: u32,
    pub registers: Vec<RegisterReport>,
    pub slots: Vec<SlotReport>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct StackArgs {
    pub incoming: u32,
    pub outgoing: u32,
    pub results: u32,
}

impl StackArgs {
    pub fn sum(&self) -> u32 {
        self.incoming + self.outgoing + self.results
    }
}

impl Figures {
    /// All loads and stores at known places of the stack, pushes and pops apart.
    pub fn stack_accesses(&self) -> u32 {
        self.spill_stores + self.reloads + self.stack_args.sum() + self.objects + self.saves
    }
}

#[derive(Clone, Debug, serde::Serialize)]
pub struct RegisterReport {
    pub name: String,
    pub ranges: Vec<RangeReport>,
}

#[derive(Clone, Debug, serde::Serialize)]
pub struct SlotReport {
    /// In bytes from sp at the function's entry.
    pub offset: i32,
    pub stores: u32,
    pub reloads: u32,
    pub remat_reloads: u32,
    /// Could live in a register: with each register and slot one node, and with each value. None: a
    /// value of a class that is not judged, or a function that is too large.
    pub register_as_place: Option<bool>,
    pub register_as_value: Option<bool>,
    pub ranges: Vec<RangeReport>,
}

/// Offsets in the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RangeReport {
    /// None for what the function begins with.
    pub first: Option<u32>,
    pub last: u32,
}

/// Analyses every function of an ELF file.
///
/// # Errors
/// The file is no 32-bit little-endian Arm ELF file. What is wrong with single functions stands in
/// the report.
pub fn analyze(bytes: &[u8], registers: &Registers) -> Result<Report, FileError> {
    let file = File::parse(bytes)?;
    let functions = file.functions.iter().filter_map(|function| {
        let section = file.section(function)?;
        let run = AssertUnwindSafe(|| analyze_function(function, section, registers));
        // A decoder may panic on what its authors did not think of.
        let result = catch_unwind(run)
            .unwrap_or_else(|_| Err(Failure::new("internal error", function.range.start)));
        Some(FunctionReport {
            name: function.name.clone(),
            section: section.name.clone(),
            offset: function.range.start,
            bytes: function.range.end - function.range.start,
            outcome: match result {
                Ok(figures) => Outcome::Analysis(Box::new(figures)),
                Err(Failure { reason, at }) => {
                    Outcome::NotAnalysed(NotAnalysed { reason, offset: at })
                }
            },
        })
    });
    Ok(Report {
        schema: SCHEMA,
        registers: registers.to_string(),
        k: registers.k as u32,
        functions: functions.collect(),
    })
}

fn analyze_function(
    function: &Function,
    section: &Section<'_>,
    registers: &Registers,
) -> Result<Figures, Failure> {
    let start = function.range.start;
    if !function.is_thumb {
        return Err(Failure::new("Arm code", start));
    }
    if function.range.is_empty() {
        return Err(Failure::new("no code", start));
    }
    if function.name.ends_with(".cold") || function.name.contains(".cold.") {
        return Err(Failure::new("part of another function", start));
    }
    let graph = flow::find(function, section)?;
    let frame = frame::find(&graph)?;
    let (stream, slots) = stream::build(&graph, &frame);
    let contents: PRegSet = registers.pregs().collect();
    let env = physical::env_of(registers.pregs(), registers.k);
    let analysis =
        physical::analyze(&stream, contents, &env).map_err(|reason| Failure::new(reason, start))?;
    let mut figures = figures_of(&analysis, &slots);
    figures.insts = graph.insts().count() as u32;
    figures.blocks = graph.blocks.len() as u32;
    figures.frame_bytes = frame.bytes;
    for (block, states) in graph.blocks.iter().zip(&frame.states) {
        for (inst, state) in block.insts.iter().zip(states) {
            count(inst, state, &frame, &mut figures);
        }
    }
    Ok(figures)
}

fn figures_of(analysis: &Analysis, slots: &[i32]) -> Figures {
    let ranges = |place: &PlaceAnalysis| {
        let ranges = place.ranges.iter();
        ranges.map(|range| RangeReport { first: range.first, last: range.last }).collect()
    };
    let registers = analysis.registers.iter().filter_map(|register| {
        let number = register.place.as_reg()?.hw_enc();
        let name = if number == 14 { "lr".to_owned() } else { format!("r{number}") };
        Some(RegisterReport { name, ranges: ranges(register) })
    });
    let slot = |slot: &PlaceAnalysis| {
        Some(SlotReport {
            offset: *slots.get(slot.place.as_stack()?.index())?,
            stores: slot.stores,
            reloads: slot.reloads,
            remat_reloads: slot.remat_reloads,
            register_as_place: slot.as_node,
            register_as_value: slot.as_value,
            ranges: ranges(slot),
        })
    };
    Figures {
        spill_stores: analysis.spill_stores(),
        reloads: analysis.reloads(),
        values: analysis.values,
        peak_pressure: analysis.peak,
        excess: analysis.excess,
        spurious: analysis.spurious(),
        remat_reloads: analysis.remat_as_value(),
        registers: registers.collect(),
        slots: analysis.slots.iter().filter_map(slot).collect(),
        ..Figures::default()
    }
}

/// Counts what an instruction does to the stack, spills apart.
fn count(inst: &Inst, state: &frame::State, frame: &Frame, figures: &mut Figures) {
    let Some(access) = &inst.access else { return };
    let registers = (access.regs.len() / access.unit) as u32;
    if is_push_or_pop(access) {
        *if access.is_load { &mut figures.pops } else { &mut figures.pushes } += registers;
        return;
    }
    let Some(places) = Frame::places(state, access) else { return };
    figures.through_copies += if access.base == decode::SP { 0 } else { registers };
    for &offset in places.iter().step_by(access.unit) {
        *match frame.word(offset) {
            Word::Spill => continue,
            Word::Incoming => &mut figures.stack_args.incoming,
            Word::Outgoing => &mut figures.stack_args.outgoing,
            Word::Result => &mut figures.stack_args.results,
            Word::Object => &mut figures.objects,
            Word::Saved => &mut figures.saves,
        } += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_registers_are_read_as_they_are_written() {
        for (set, k, text) in [
            (None, 13, "r0-r12"),
            (Some("r0-r8"), 9, "r0-r8"),
            (Some("lr,r0-r3,ip"), 6, "r0-r3,r12,lr"),
        ] {
            let registers = Registers::new(set, None).unwrap();
            assert_eq!((registers.k, registers.to_string().as_str()), (k, text));
        }
        assert_eq!(Registers::new(None, Some(9)).unwrap().k, 9);
        for (set, k) in [
            (Some("r0-r2"), None),
            (Some("r0-r15"), None),
            (Some("r0-r16"), None),
            (Some("r4-r8"), None),
            (Some("x"), None),
            (None, Some(3)),
            (None, Some(14)),
        ] {
            assert!(Registers::new(set, k).is_err(), "{set:?} {k:?}");
        }
    }
}
