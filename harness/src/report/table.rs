//! A report as a table for people.
//!
//! Functions stand in the order that [`View`] asks for, those that cost most to leave to the first
//! allocator in front. `*` marks the best allocator, of each function and of all.

use super::schema::{Dynamic, Figures, FunctionReport, Optimum, Ranking, Report};
use super::summary::summary;
use comfy_table::{CellAlignment, Table, presets};
use core::cmp::Reverse;
use core::str::FromStr;
use windlass_backend::options::AllocatorKind;

/// Which functions to show.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    pub sort: Sort,
    pub top: Top,
}

/// The order of functions; equals stay in the order of their modules.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sort {
    /// By how much the first allocator's cost exceeds the best one's
    #[default]
    Regret,
    /// Most instructions first
    Size,
    /// By module and name
    Name,
    /// As in the modules
    Order,
}

/// How many functions to show at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Top(usize);

impl Default for Top {
    fn default() -> Top {
        Top(20)
    }
}

impl FromStr for Top {
    type Err = String;

    fn from_str(text: &str) -> Result<Top, String> {
        match text {
            "all" => Ok(Top(usize::MAX)),
            _ => text.parse().map(Top).map_err(|_| "expected a number or all".into()),
        }
    }
}

/// Columns of a function's row that do not depend on an allocator.
const FUNCTION_COLUMNS: [&str; 7] =
    ["function", "vcode", "vregs", "peak", "excess", "bound", "regret"];

/// Behind them if optima were asked for.
const OPTIMUM_COLUMN: &str = "optimum";

/// Figures of the allocator's answer, but for instructions, bytes and frame, which are those of the
/// code, and the last: the cost that is left in the code.
const ALLOCATOR_COLUMNS: [&str; 11] = [
    "allocator",
    "insts",
    "bytes",
    "stores",
    "reloads",
    "moves",
    "spilled",
    "slots",
    "frame",
    "cost",
    "final",
];

/// Behind them if something was executed.
const DYNAMIC_COLUMNS: [&str; 5] =
    ["dyn.insts", "dyn.stores", "dyn.reloads", "dyn.copies", "dyn.cost"];

/// One line for each function and allocator, totals, and what distinguishes the allocators.
pub fn table(report: &Report, view: &View) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let dynamic = if report.profiles.is_empty() { &[][..] } else { &DYNAMIC_COLUMNS };
    let optimum = report.optimum();
    let function = FUNCTION_COLUMNS.iter().chain(optimum.map(|_| &OPTIMUM_COLUMN));
    table.set_header(function.chain(&ALLOCATOR_COLUMNS).chain(dynamic));
    let functions = sorted(report, view.sort);
    let shown = functions.len().min(view.top.0);
    for function in &functions[..shown] {
        let lead = function_cells(function);
        add_rows(&mut table, lead, function.shown_ranking(), function.allocators.iter());
    }
    add_rows(&mut table, total_cells(report), &report.ranking(), report.totals.iter());
    let mut text = format!("{}, {}, {}\n\n", report.target, report.cpu, report.reg_env);
    let allocator = FUNCTION_COLUMNS.len() + usize::from(optimum.is_some());
    text.push_str(&render(table, |i| i == 0 || i == allocator));
    text.push_str(&left_out(&functions[shown..]));
    text.push_str(&summary(report));
    text
}

fn sorted(report: &Report, sort: Sort) -> Vec<&FunctionReport> {
    let mut functions: Vec<_> = report.functions.iter().collect();
    match sort {
        Sort::Regret => functions.sort_by_key(|f| Reverse(f.shown_ranking().regret)),
        Sort::Size => functions.sort_by_key(|f| Reverse(f.vcode_insts)),
        Sort::Name => functions.sort_by_key(|f| (&f.module, &f.name)),
        Sort::Order => {}
    }
    functions
}

fn function_cells(function: &FunctionReport) -> Vec<String> {
    let cells = [
        on_one_line(&format!("{}:{}", function.module, function.name)),
        function.vcode_insts.to_string(),
        function.vregs.to_string(),
        function.peak_pressure.to_string(),
        function.excess.to_string(),
        function.lower_bound.to_string(),
        function.shown_ranking().regret.to_string(),
    ];
    cells.into_iter().chain(function.optimum.map(optimum_cell)).collect()
}

/// Two numbers where it is only known to be between them.
pub(super) fn optimum_cell(optimum: Optimum) -> String {
    let Optimum { cost, bound, proved } = optimum;
    if proved { cost.to_string() } else { format!("{bound}..{cost}") }
}

/// Names may have anything in them.
pub(super) fn on_one_line(name: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    name.chars().map(escaped).collect()
}

fn total_cells(report: &Report) -> Vec<String> {
    let sum =
        |of: fn(&FunctionReport) -> u64| report.functions.iter().map(of).sum::<u64>().to_string();
    let count = report.functions.len();
    let cells = [
        format!("total of {count} function{}", if count == 1 { "" } else { "s" }),
        sum(|f| f.vcode_insts),
        sum(|f| f.vregs),
        String::new(),
        String::new(),
        report.lower_bound.to_string(),
        sum(|f| f.shown_ranking().regret),
    ];
    cells.into_iter().chain(report.optimum().map(optimum_cell)).collect()
}

/// A row for each allocator, of which only the first says what it is about.
fn add_rows<'a>(
    table: &mut Table,
    lead: Vec<String>,
    ranking: &Ranking,
    allocators: impl Iterator<Item = (AllocatorKind, &'a Figures)>,
) {
    let blank = vec![String::new(); lead.len()];
    let mut lead = Some(lead);
    for (kind, figures) in allocators {
        let mark = if ranking.best.contains(&kind) { "*" } else { "" };
        let lead = lead.take().unwrap_or_else(|| blank.clone());
        let cells = lead.into_iter().chain([format!("{}{mark}", kind.name())]);
        let dynamic = figures.dynamic.as_ref().map(dynamic_figures).into_iter().flatten();
        let numbers = allocator_figures(figures).into_iter().chain(dynamic);
        let cells = cells.chain(numbers.map(|n| n.to_string()));
        table.add_row(cells);
    }
}

fn allocator_figures(f: &Figures) -> [u64; 10] {
    [
        f.insts,
        f.code_bytes,
        f.spill_stores,
        f.reloads,
        f.moves,
        f.spilled_values,
        f.slots,
        f.frame_bytes,
        f.cost,
        f.final_.cost,
    ]
}

fn dynamic_figures(f: &Dynamic) -> [u64; 5] {
    [f.insts, f.spill_stores, f.reloads, f.copies, f.cost]
}

/// What `--top` kept back.
fn left_out(functions: &[&FunctionReport]) -> String {
    if functions.is_empty() {
        return String::new();
    }
    let regret = functions.iter().filter(|f| f.shown_ranking().regret > 0).count();
    let count = functions.len();
    format!("\n{count} more functions, {regret} of them with regret: --top all\n")
}

/// Lines without borders or trailing blanks; columns are aligned to the right unless they are text.
pub(super) fn render(mut table: Table, is_text: impl Fn(usize) -> bool) -> String {
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if i == 0 { 0 } else { 2 }, 0));
        if !is_text(i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
