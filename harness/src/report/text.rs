//! A report as a table for people and as comma-separated values.

use super::schema::{Figures, FunctionReport, Report};
use comfy_table::{Cell, CellAlignment, Row, Table, presets};
use windlass_backend::options::AllocatorKind;

/// Columns of a function's row that do not depend on an allocator.
const FUNCTION_COLUMNS: [&str; 6] = ["function", "vcode", "vregs", "peak", "excess", "bound"];
const ALLOCATOR_COLUMNS: [&str; 10] = [
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
];

/// A table with one line for each function and allocator, totals, and what each allocator saves.
pub fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(FUNCTION_COLUMNS.iter().chain(&ALLOCATOR_COLUMNS));
    for function in &report.functions {
        for (i, (kind, figures)) in function.allocators.iter().enumerate() {
            let lead = if i == 0 { function_cells(function) } else { blank_cells("") };
            table.add_row(row(lead, kind, figures));
        }
    }
    for (i, (kind, figures)) in report.totals.iter().enumerate() {
        table.add_row(row(blank_cells(if i == 0 { "total" } else { "" }), kind, figures));
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if i == 0 { 0 } else { 2 }, 0));
        if i != 0 && i != FUNCTION_COLUMNS.len() {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = format!("{}, {}, {}\n\n", report.target, report.cpu, report.reg_env);
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str(&savings(report));
    text
}

fn function_cells(function: &FunctionReport) -> [String; 6] {
    [
        format!("{}:{}", function.module, function.name),
        function.vcode_insts.to_string(),
        function.vregs.to_string(),
        function.peak_pressure.to_string(),
        function.excess.to_string(),
        function.lower_bound.to_string(),
    ]
}

fn blank_cells(first: &str) -> [String; 6] {
    let mut cells: [String; 6] = Default::default();
    cells[0] = first.to_owned();
    cells
}

fn row(lead: [String; 6], kind: AllocatorKind, f: &Figures) -> Row {
    let figures = [
        f.insts,
        f.code_bytes,
        f.spill_stores,
        f.reloads,
        f.moves,
        f.spilled_values,
        f.slots,
        f.frame_bytes,
        f.cost,
    ];
    let cells = lead.into_iter().chain([kind.name().to_owned()]);
    cells.chain(figures.map(|n| n.to_string())).map(Cell::new).collect::<Vec<_>>().into()
}

/// One line for each allocator beside greedy; nothing without greedy.
fn savings(report: &Report) -> String {
    let Some(greedy) = report.totals.get(AllocatorKind::Greedy) else { return String::new() };
    let mut text = String::from("\n");
    for (kind, figures) in report.totals.iter().filter(|(k, _)| *k != AllocatorKind::Greedy) {
        let (mine, theirs) = (figures.spills() as i64, greedy.spills() as i64);
        let percent = match theirs {
            0 => String::new(),
            _ => format!(", {:.1} %", (theirs - mine) as f64 * 100.0 / theirs as f64),
        };
        text.push_str(&format!(
            "{} saves {} of greedy's {} spill stores and reloads{percent}\n",
            kind.name(),
            theirs - mine,
            theirs,
        ));
    }
    text
}

/// One record for each function and allocator, with a header.
pub fn csv(report: &Report) -> String {
    let mut text = String::from(
        "module,index,function,vcode_insts,vregs,peak_pressure,excess,allocator,insts,code_bytes,\
         spill_stores,reloads,moves,remats,spilled_values,slots,frame_bytes,cost,time_us,\
         final_spill_stores,final_reloads,final_stack_args,lower_bound\n",
    );
    for function in &report.functions {
        for (kind, f) in function.allocators.iter() {
            let lead = [field(&function.module), function.index.to_string(), field(&function.name)];
            let figures = [
                f.insts,
                f.code_bytes,
                f.spill_stores,
                f.reloads,
                f.moves,
                f.remats,
                f.spilled_values,
                f.slots,
                f.frame_bytes,
                f.cost,
                f.time_us,
                f.final_.spill_stores,
                f.final_.reloads,
                f.final_.stack_args,
            ];
            let own = [
                function.vcode_insts.to_string(),
                function.vregs.to_string(),
                function.peak_pressure.to_string(),
                function.excess.to_string(),
                kind.name().to_owned(),
            ];
            let figures = figures.into_iter().chain([function.lower_bound]);
            let cells = lead.into_iter().chain(own).chain(figures.map(|n| n.to_string()));
            text.push_str(&cells.collect::<Vec<_>>().join(","));
            text.push('\n');
        }
    }
    text
}

/// Quoted where RFC 4180 asks for it.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
