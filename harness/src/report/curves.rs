//! Spills against the number of registers: the same functions in several environments.

use super::schema::{Figures, Report, SCHEMA};
use super::table::{optimum_cell, render};
use comfy_table::{Table, presets};

/// Reports of the same functions and allocators, one for each environment.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Curves {
    pub schema: u32,
    pub target: String,
    pub cpu: String,
    pub curves: Vec<Report>,
}

impl Curves {
    /// Of at least one report.
    pub fn new(curves: Vec<Report>) -> Curves {
        let (target, cpu) = (curves[0].target.clone(), curves[0].cpu.clone());
        Curves { schema: SCHEMA, target, cpu, curves }
    }
}

/// Sums over all functions, as tables of allocators and environments.
pub fn table(curves: &Curves) -> String {
    let (first, last) = (&curves.curves[0], &curves.curves[curves.curves.len() - 1]);
    let count = first.functions.len();
    let mut text = format!(
        "{}, {}, {}..{}, {count} function{}\n",
        curves.target,
        curves.cpu,
        first.reg_env,
        last.reg_env,
        if count == 1 { "" } else { "s" },
    );
    text.push_str(&figure(curves, "cost", |f| f.cost, true));
    text.push_str(&figure(curves, "stores+reloads", Figures::spills, false));
    text.push_str(&figure(curves, "bytes", |f| f.code_bytes, false));
    text
}

/// One figure against k; `*` marks the least for each k.
fn figure(curves: &Curves, name: &str, of: fn(&Figures) -> u64, with_bound: bool) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let columns = curves.curves.iter().map(|report| format!("k={}", report.k));
    table.set_header([name.to_owned()].into_iter().chain(columns));
    if with_bound {
        let bounds = curves.curves.iter().map(|report| report.lower_bound.to_string());
        table.add_row(["lower bound".to_owned()].into_iter().chain(bounds));
        let optima: Option<Vec<_>> = curves.curves.iter().map(Report::optimum).collect();
        if let Some(optima) = optima {
            let cells = optima.into_iter().map(optimum_cell);
            table.add_row(["optimum".to_owned()].into_iter().chain(cells));
        }
    }
    for (kind, _) in curves.curves[0].totals.iter() {
        let cells = curves.curves.iter().map(|report| {
            let value = report.totals.get(kind).map_or(0, of);
            let least = report.totals.iter().map(|(_, figures)| of(figures)).min();
            format!("{}{value}", if least == Some(value) { "*" } else { "" })
        });
        table.add_row([kind.name().to_owned()].into_iter().chain(cells));
    }
    format!("\n{}", render(table, |i| i == 0))
}
