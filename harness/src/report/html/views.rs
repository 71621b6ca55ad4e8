//! What the page shows of each function, as compact JSON.
//!
//! Input: artifacts of the same module by different allocators, compiled with `Compiler::views`.
//! Output: a JSON object for each function. Numbers stand in flat arrays, and lines that several
//! allocations share are stored once. A virtual register is the number of `VReg::bits`: its class
//! in the low two bits, its number above.

use crate::Artifact;
use crate::report::schema::Measured;
use regalloc2::{PReg, ProgPoint, RegClass, VReg};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use windlass_backend::module::FunctionRole;
use windlass_backend::options::AllocatorKind;
use windlass_backend::regalloc::{CLASSES, Stay};
use windlass_backend::vcode::NO_LOC;
use windlass_backend::view::{FunctionView, Line, LineKind};
use windlass_isa_thumb2::regs;

/// One JSON text for each function of a report, in its order.
#[derive(Clone, Debug, Default)]
pub struct Views(Vec<String>);

impl Views {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Adds the functions of one module, as `Report::add_module` does; nothing if the compiler was
    /// not asked for views.
    pub fn add_module(&mut self, measured: &[Measured]) {
        let Some(Measured { artifact: first, .. }) = measured.first() else { return };
        for (at, function) in first.module.functions.iter().enumerate() {
            if matches!(function.role, FunctionRole::User { .. }) {
                self.0.extend(function_json(measured, at).map(|json| json.to_string()));
            }
        }
    }
}

fn function_json(measured: &[Measured], at: usize) -> Option<Value> {
    let views: Vec<(AllocatorKind, &Artifact, &FunctionView)> = measured
        .iter()
        .filter_map(|Measured { allocator, artifact, .. }| {
            Some((*allocator, artifact, artifact.compiled.functions[at].view.as_deref()?))
        })
        .collect();
    // The problem is the same for all allocators.
    let &(_, artifact, problem) = views.first()?;

    let registers = registers(&views);
    let mut texts = Texts::default();
    let insts: Vec<usize> =
        problem.insts.iter().map(|text| texts.add(artifact.name_symbols(text))).collect();
    let mut allocators = serde_json::Map::new();
    for (kind, artifact, view) in &views {
        let allocated = json!({
            "lines": lines(artifact, &view.lines, &mut texts),
            "stays": stays(&view.stays, &registers),
        });
        allocators.insert(kind.name().to_owned(), allocated);
    }
    Some(json!({
        "clif": problem.clif,
        "texts": texts.list,
        "insts": insts,
        "locs": problem.locs.iter().map(|&loc| (loc != NO_LOC).then_some(loc)).collect::<Vec<_>>(),
        "blocks": blocks(problem),
        "pressure": pressure(problem),
        "registers": registers.iter().map(|&reg| regs::name(reg)).collect::<Vec<_>>(),
        "allocators": allocators,
    }))
}

/// Each text once.
#[derive(Default)]
struct Texts {
    list: Vec<String>,
    known: HashMap<String, usize>,
}

impl Texts {
    fn add(&mut self, text: String) -> usize {
        *self.known.entry(text).or_insert_with_key(|text| {
            self.list.push(text.clone());
            self.list.len() - 1
        })
    }
}

/// Three numbers for each line: kind, text, and the value that an edit moves or -1.
fn lines(artifact: &Artifact, lines: &[Line], texts: &mut Texts) -> Vec<i64> {
    let mut flat = Vec::with_capacity(3 * lines.len());
    for line in lines {
        let kind = match line.kind {
            LineKind::Inst { reloads: 0, stores: 0 } => 0,
            LineKind::Store => 1,
            LineKind::Reload => 2,
            LineKind::Move => 3,
            LineKind::Remat => 4,
            // Operands that stay in slots.
            LineKind::Inst { .. } => 5,
            LineKind::Dropped => 6,
        };
        let text = texts.add(artifact.name_symbols(&line.text));
        flat.extend([kind, text as i64, line.value.map_or(-1, bits)]);
    }
    flat
}

/// Four numbers for each stay: its place in the list of registers or, counted on behind it, its
/// slot; the value; the first point and the first point behind it. Each instruction has two.
fn stays(stays: &[Stay], registers: &[PReg]) -> Vec<i64> {
    let place = |stay: &Stay| match stay.place.as_stack() {
        Some(slot) => Some(registers.len() + slot.index()),
        None => registers.iter().position(|&reg| Some(reg) == stay.place.as_reg()),
    };
    let point = |point: ProgPoint| i64::from(point.to_index());
    let mut flat = Vec::with_capacity(4 * stays.len());
    for stay in stays {
        let Some(place) = place(stay) else { continue };
        flat.extend([place as i64, bits(stay.vreg), point(stay.start), point(stay.end)]);
    }
    flat
}

fn bits(vreg: VReg) -> i64 {
    vreg.bits() as i64
}

/// The registers of the environment, those of a class without values apart, and whichever else
/// some value is in.
fn registers(views: &[(AllocatorKind, &Artifact, &FunctionView)]) -> Vec<PReg> {
    let mut registers = BTreeSet::new();
    for (_, _, view) in views {
        let used = |class: RegClass| class == RegClass::Int || has_values(view, class);
        registers.extend(view.registers.iter().copied().filter(|reg| used(reg.class())));
        registers.extend(view.stays.iter().filter_map(|stay| stay.place.as_reg()));
    }
    registers.into_iter().collect()
}

fn has_values(view: &FunctionView, class: RegClass) -> bool {
    let live = |at: &[u32; 3]| at[class as usize] > 0;
    view.pressure.iter().any(|inst| live(&inst.early) || live(&inst.late))
}

/// `[first instruction, loop depth, parameters, [[successor, arguments], ...]]`.
fn blocks(view: &FunctionView) -> Vec<Value> {
    let list = |vregs: &[VReg]| vregs.iter().copied().map(bits).collect::<Vec<_>>();
    let block = |block: &windlass_backend::view::BlockView| {
        let succs = block.succs.iter().map(|(succ, args)| json!([succ, list(args)]));
        json!([block.first_inst, block.loop_depth, list(&block.params), succs.collect::<Vec<_>>()])
    };
    view.blocks.iter().map(block).collect()
}

/// For each class with values: its registers, the values live at each point, two for each
/// instruction, and the excess of each instruction.
fn pressure(view: &FunctionView) -> Vec<Value> {
    let classes = CLASSES.into_iter().filter(|&class| has_values(view, class));
    let class_json = |class: RegClass| {
        let index = class as usize;
        let live = view.pressure.iter().flat_map(|inst| [inst.early[index], inst.late[index]]);
        let excess = view.pressure.iter().map(|inst| inst.excess[index]);
        json!({
            "class": index,
            "k": view.registers.iter().filter(|reg| reg.class() == class).count(),
            "live": live.collect::<Vec<_>>(),
            "excess": excess.collect::<Vec<_>>(),
        })
    };
    classes.map(class_json).collect()
}
