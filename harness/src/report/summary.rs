//! What distinguishes the allocators over all functions, a line for each: how often each is best,
//! how far it is from the lower bound and from the optimum, and what it saves of greedy's stores and reloads. If something
//! was executed, also what that took.

use super::schema::{Figures, Optimum, Profile, Report};
use super::table::render;
use comfy_table::{Table, presets};
use windlass_backend::options::AllocatorKind;

pub fn summary(report: &Report) -> String {
    let greedy = report.totals.get(AllocatorKind::Greedy);
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let header = ["allocator", "best in", "cost", "above bound", "cost/bound", "stores+reloads"];
    let header = header.into_iter().chain(greedy.map(|_| "saved of greedy's"));
    let optimum = report.optimum();
    let header = header.chain(optimum.iter().flat_map(|_| ["above optimum", "cost/optimum"]));
    let executed = if report.profiles.is_empty() { &[][..] } else { &["executed", "cycles"] };
    table.set_header(header.chain(executed.iter().copied()));
    for (kind, figures) in report.totals.iter() {
        let best =
            report.functions.iter().filter(|f| f.shown_ranking().best.contains(&kind)).count();
        let cells = [
            kind.name().to_owned(),
            format!("{best} of {}", report.functions.len()),
            figures.cost.to_string(),
            // No allocation is below the bound.
            figures.cost.saturating_sub(report.lower_bound).to_string(),
            ratio(figures.cost, report.lower_bound),
            figures.spills().to_string(),
        ];
        let saved = greedy.map(|greedy| saved(figures, greedy));
        // As far as it is known: no allocation is below its bound.
        let above = optimum.iter().flat_map(|Optimum { bound, .. }| {
            [figures.cost.saturating_sub(*bound).to_string(), ratio(figures.cost, *bound)]
        });
        let cells = cells.into_iter().chain(saved).chain(above);
        table.add_row(cells.chain(executions(report, kind)));
    }
    let mut text = format!("\n{}", render(table, |i| i == 0));
    if optimum.is_some() {
        let proved = report.functions.iter().filter(|f| f.optimum.is_some_and(|o| o.proved));
        let (proved, all) = (proved.count(), report.functions.len());
        text.push_str(&format!("\nThe optimum is proved in {proved} of {all} functions.\n"));
    }
    for Profile { module, function, arguments, results, .. } in &report.profiles {
        let (arguments, results) = (arguments.join(", "), results.join(", "));
        text.push_str(&format!("\n{module}: {function}({arguments}) = ({results})"));
    }
    if !report.profiles.is_empty() {
        text.push('\n');
    }
    text
}

/// Instructions and cycles of all executions, nothing if there were none.
fn executions(report: &Report, kind: AllocatorKind) -> Vec<String> {
    if report.profiles.is_empty() {
        return Vec::new();
    }
    let executions = || report.profiles.iter().filter_map(|p| p.allocators.get(kind));
    let insts: u64 = executions().map(|e| e.insts).sum();
    let cycles: u64 = executions().map(|e| e.cycles).sum();
    vec![insts.to_string(), cycles.to_string()]
}

/// Empty if the bound is 0.
fn ratio(cost: u64, bound: u64) -> String {
    match bound {
        0 => String::new(),
        _ => format!("{:.2}", cost as f64 / bound as f64),
    }
}

/// Fewer stores and reloads than greedy, in percent of greedy's.
fn saved(figures: &Figures, greedy: &Figures) -> String {
    let (mine, theirs) = (figures.spills() as f64, greedy.spills() as f64);
    match greedy.spills() {
        0 => String::new(),
        _ => format!("{:.1} %", (theirs - mine) * 100.0 / theirs),
    }
}
