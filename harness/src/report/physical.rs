//! Analyses of physical instruction streams as text.

use crate::Artifact;
use crate::analyze::{FunctionReport, Outcome, Report};
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write;
use windlass_backend::module::FunctionRole;
use windlass_backend::regalloc::physical::{Analysis, PlaceAnalysis, Range};
use windlass_backend::regalloc::shadow::Shadow;
use windlass_isa_thumb2::regs;

/// The log of shadow allocation: every function of the module's own, in order.
pub fn shadow_log(artifact: &Artifact) -> String {
    let mut log = String::new();
    let functions = artifact.module.functions.iter().zip(&artifact.compiled.functions);
    for (function, compiled) in functions {
        let FunctionRole::User { .. } = function.role else { continue };
        let Some(shadow) = &compiled.shadow else { continue };
        let (module, name) = (&artifact.module.name, &function.name);
        let _ = write!(log, "shadow {module}:{name}, {}: ", artifact.settings.reg_env);
        match shadow {
            Ok(shadow) => write_shadow(&mut log, shadow),
            Err(reason) => _ = writeln!(log, "not analysed: {reason}"),
        }
    }
    log
}

fn write_shadow(log: &mut String, shadow: &Shadow) {
    let Shadow { physical, peak_pressure, excess } = shadow;
    let _ = writeln!(
        log,
        "greedy writes {} spill stores and {} reloads",
        physical.spill_stores(),
        physical.reloads()
    );
    write_nodes(log, "places", physical, |slot| slot.as_node, physical.remat_as_node);
    write_nodes(log, "values", physical, |slot| slot.as_value, physical.remat_as_value());
    let Analysis { k, values, peak, .. } = physical;
    let fit = if physical.fits() { "fit" } else { "do not fit" };
    let _ = writeln!(
        log,
        "  {values} values, at most {peak} at once, excess {}: {fit} k = {k}; vregs: {peak_pressure}, excess \
         {excess}",
        physical.excess
    );
    for place in physical.registers.iter().chain(&physical.slots) {
        write_place(log, place);
    }
}

/// What can be seen with one kind of nodes.
fn write_nodes(
    log: &mut String,
    kind: &str,
    analysis: &Analysis,
    in_register: impl Fn(&PlaceAnalysis) -> Option<bool>,
    constants: u32,
) {
    let slots = analysis.slots.len();
    let spared = analysis.slots.iter().filter(|slot| in_register(slot) == Some(true));
    let spurious: u32 = spared.clone().map(PlaceAnalysis::traffic).sum();
    let needed = analysis.spill_stores() + analysis.reloads() - spurious;
    let _ = writeln!(
        log,
        "  {kind} as nodes: {} of {slots} slots could live in a register; {needed} spills needed, {spurious} \
         spurious; {constants} reloads of constants",
        spared.count(),
    );
}

fn write_place(log: &mut String, place: &PlaceAnalysis) {
    let name = match (place.place.as_reg(), place.place.as_stack()) {
        (Some(preg), _) => regs::name(preg).to_owned(),
        (_, Some(slot)) => format!("slot{}", slot.index()),
        _ => String::new(),
    };
    let count = place.ranges.len();
    let _ = write!(log, "  {name}: {count} {}", if count == 1 { "range" } else { "ranges" });
    if place.place.is_stack() {
        let answer = |answer| match answer {
            Some(true) => "register",
            Some(false) => "memory",
            None => "unknown",
        };
        let _ = write!(
            log,
            ", {} stores, {} reloads; as a place: {}, as values: {}",
            place.stores,
            place.reloads,
            answer(place.as_node),
            answer(place.as_value)
        );
    }
    let ranges: Vec<String> = place.ranges.iter().map(text_of).collect();
    let _ = writeln!(log, ": {}", ranges.join(" "));
}

/// Definition and last use; nothing before the dash for what the function begins with.
fn text_of(range: &Range) -> String {
    let first = range.first.map(|at| at.to_string()).unwrap_or_default();
    format!("{first}-{}", range.last)
}

const COLUMNS: [&str; 14] = [
    "function", "insts", "frame", "stores", "reloads", "args", "objects", "pushes", "values",
    "peak", "excess", "slots", "spurious", "remat",
];

/// A line for each function, and those that could not be analysed with the reason.
pub fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(COLUMNS);
    let mut failures = String::new();
    for function in &report.functions {
        let FunctionReport { name, section, outcome, .. } = function;
        match outcome {
            Outcome::NotAnalysed(why) => {
                let (reason, offset) = (&why.reason, why.offset);
                let _ =
                    writeln!(failures, "{name}: not analysed: {reason} at {section}+{offset:#x}");
            }
            Outcome::Analysis(f) => {
                let counts = [
                    f.insts,
                    f.frame_bytes,
                    f.spill_stores,
                    f.reloads,
                    f.stack_args.sum(),
                    f.objects,
                    f.pushes,
                    f.values,
                    f.peak_pressure,
                ];
                let mut row = vec![name.clone()];
                row.extend(counts.map(|count| count.to_string()));
                row.push(f.excess.to_string());
                row.extend(
                    [f.slots.len() as u32, f.spurious, f.remat_reloads].map(|n| n.to_string()),
                );
                table.add_row(row);
            }
        }
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if i == 0 { 0 } else { 2 }, 0));
        if i != 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = format!("values in {}, k = {}\n\n", report.registers, report.k);
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if !failures.is_empty() {
        text.push('\n');
        text.push_str(&failures);
    }
    text
}
