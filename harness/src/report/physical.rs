//! Analyses of physical instruction streams as text.

use crate::Artifact;
use std::fmt::Write;
use windlass_backend::module::FunctionRole;
use windlass_backend::regalloc::physical::{Analysis, PlaceAnalysis, Range};
use windlass_backend::regalloc::shadow::Shadow;

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
    write_nodes(log, physical);
    let _ = writeln!(log, "  vregs:    peak {peak_pressure}, excess {excess}");
    for place in physical.registers.iter().chain(&physical.slots) {
        write_place(log, place);
    }
}

/// What can be seen with places for nodes, and with values.
pub fn write_nodes(log: &mut String, analysis: &Analysis) {
    let slots = analysis.slots.len();
    let of = |answer: fn(&PlaceAnalysis) -> Option<bool>| {
        let yes = analysis.slots.iter().filter(|slot| answer(slot) == Some(true));
        (yes.clone().count(), yes.map(PlaceAnalysis::traffic).sum::<u32>())
    };
    let total = analysis.spill_stores() + analysis.reloads();
    let (colored, spared) = of(|slot| slot.as_node);
    let _ = writeln!(
        log,
        "  places:   {} registers and {slots} slots as nodes: {colored} of {slots} slots could live in a \
         register; {} spills needed, {spared} spurious; {} reloads of constants",
        analysis.registers.len(),
        total - spared,
        analysis.remat_as_node,
    );
    let (colored, spurious) = of(|slot| slot.as_value);
    let _ = writeln!(
        log,
        "  values:   {} values as nodes: peak {} {} k = {}, excess {}; {colored} of {slots} slots could \
         live in a register; {} spills needed, {spurious} spurious; {} reloads of constants",
        analysis.values,
        analysis.peak,
        if analysis.fits() { "fits" } else { "does not fit" },
        analysis.k,
        analysis.excess,
        total - spurious,
        analysis.remat_as_value(),
    );
}

fn write_place(log: &mut String, place: &PlaceAnalysis) {
    let name = match (place.place.as_reg(), place.place.as_stack()) {
        (Some(preg), _) => preg.to_string(),
        (_, Some(slot)) => format!("slot{}", slot.index()),
        _ => String::new(),
    };
    let _ = write!(log, "  {name:<8}  {:>3} ranges", place.ranges.len());
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
