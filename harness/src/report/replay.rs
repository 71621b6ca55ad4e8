//! What allocators make of saved problems: figures, table and JSON.
//!
//! Every answer is verified, before and after the passes behind allocation. The figures mean what
//! docs/stats-schema.md says; those of machine code are missing, for there is none.

use super::schema::{ByAllocator, SCHEMA};
use super::table::{on_one_line, render};
use comfy_table::{Table, presets};
use core::cmp::Reverse;
use serde::Serialize;
use std::time::Instant;
use windlass_backend::options::AllocatorKind;
use windlass_backend::regalloc::saved::Saved;
use windlass_backend::regalloc::{self, AllocError, AllocStats, ProblemStats};

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    schema: u32,
    pub problems: Vec<ProblemReport>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ProblemReport {
    pub file: String,
    pub module: String,
    pub index: u32,
    pub name: String,
    pub vcode_insts: usize,
    pub vregs: usize,
    /// Of class Int, as the report of a compilation has it.
    pub peak_pressure: u32,
    pub excess: i32,
    pub lower_bound: u64,
    pub allocators: ByAllocator<Outcome>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Outcome {
    Answer {
        #[serde(flatten)]
        figures: Figures,
        time_us: u64,
        #[serde(rename = "final")]
        final_: Figures,
    },
    Failure {
        error: String,
    },
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    spill_stores: u32,
    reloads: u32,
    moves: u32,
    remats: u32,
    spilled_values: u32,
    slots: u32,
    cost: u64,
}

/// A verified answer.
pub struct Answer {
    pub alloc: AllocStats,
    /// After the passes behind allocation.
    pub final_alloc: AllocStats,
    time_us: u64,
}

/// Runs an allocator and the passes behind it.
pub fn answer(kind: AllocatorKind, saved: &Saved) -> Result<Answer, AllocError> {
    let Saved { problem, env, .. } = saved;
    let start = Instant::now();
    let mut result = regalloc::run(kind, problem, env, false)?;
    let time_us = start.elapsed().as_micros() as u64;
    regalloc::check(problem, env, &result)?;
    let alloc = regalloc::stats(problem, &result);
    regalloc::improve(problem, env, &mut result, true)?;
    Ok(Answer { alloc, final_alloc: regalloc::stats(problem, &result), time_us })
}

impl Report {
    pub fn new(problems: Vec<ProblemReport>) -> Report {
        Report { schema: SCHEMA, problems }
    }
}

impl ProblemReport {
    pub fn new(
        file: String,
        saved: &Saved,
        answers: Vec<(AllocatorKind, Result<Answer, AllocError>)>,
    ) -> ProblemReport {
        let Saved { names, env, problem } = saved;
        let stats = ProblemStats::of(problem, env);
        let outcomes = answers.into_iter().map(|(kind, answer)| (kind, Outcome::new(answer)));
        ProblemReport {
            file,
            module: names.module.clone(),
            index: names.index,
            name: names.function.clone(),
            vcode_insts: regalloc2::Function::num_insts(problem),
            vregs: regalloc2::Function::num_vregs(problem),
            peak_pressure: stats.peak_pressure,
            excess: stats.excess,
            lower_bound: stats.lower_bound.floor() as u64,
            allocators: ByAllocator(outcomes.collect()),
        }
    }

    /// Allocators that have no right answer, each with its error.
    pub fn failures(&self) -> impl Iterator<Item = (AllocatorKind, &str)> {
        self.allocators.iter().filter_map(|(kind, outcome)| match outcome {
            Outcome::Failure { error } => Some((kind, error.as_str())),
            Outcome::Answer { .. } => None,
        })
    }
}

impl Outcome {
    fn new(answer: Result<Answer, AllocError>) -> Outcome {
        match answer {
            Ok(Answer { alloc, final_alloc, time_us }) => Outcome::Answer {
                figures: Figures::new(&alloc),
                time_us,
                final_: Figures::new(&final_alloc),
            },
            Err(error) => Outcome::Failure { error: error.to_string() },
        }
    }
}

impl Figures {
    fn new(stats: &AllocStats) -> Figures {
        let &AllocStats { spill_stores, reloads, moves, remats, spilled_values, slots, cost } =
            stats;
        let cost = cost.round() as u64;
        Figures { spill_stores, reloads, moves, remats, spilled_values, slots, cost }
    }
}

const PROBLEM_COLUMNS: [&str; 6] = ["function", "vcode", "vregs", "peak", "excess", "bound"];
const FIGURE_COLUMNS: [&str; 11] = [
    "allocator",
    "stores",
    "reloads",
    "moves",
    "spilled",
    "slots",
    "cost",
    "final stores",
    "reloads",
    "remats",
    "cost",
];

/// One line for each problem and allocator; `*` marks the least cost.
pub fn table(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(PROBLEM_COLUMNS.iter().chain(&FIGURE_COLUMNS));
    for problem in &report.problems {
        let cost = |outcome: &Outcome| match outcome {
            Outcome::Answer { figures, .. } => Some(figures.cost),
            Outcome::Failure { .. } => None,
        };
        let costs = problem.allocators.iter().map(|(_, outcome)| cost(outcome).map(Reverse));
        let least = costs.max().flatten().map(|Reverse(cost)| cost);
        let mut lead = Some(problem_cells(problem));
        for (kind, outcome) in problem.allocators.iter() {
            let mark = if least.is_some() && cost(outcome) == least { "*" } else { "" };
            let cells = lead.take().unwrap_or_default().into_iter();
            let cells = cells.chain([format!("{}{mark}", kind.name())]);
            table.add_row(cells.chain(outcome_cells(outcome)));
        }
    }
    render(table, |i| i == 0 || i == PROBLEM_COLUMNS.len())
}

fn problem_cells(problem: &ProblemReport) -> [String; 6] {
    [
        on_one_line(&format!("{}:{}", problem.module, problem.name)),
        problem.vcode_insts.to_string(),
        problem.vregs.to_string(),
        problem.peak_pressure.to_string(),
        problem.excess.to_string(),
        problem.lower_bound.to_string(),
    ]
}

fn outcome_cells(outcome: &Outcome) -> Vec<String> {
    let Outcome::Answer { figures: f, final_, .. } = outcome else { return vec!["fails".into()] };
    let counts = [f.spill_stores, f.reloads, f.moves, f.spilled_values, f.slots];
    let last = [final_.spill_stores, final_.reloads, final_.remats];
    let first = counts.iter().map(u32::to_string).chain([f.cost.to_string()]);
    first.chain(last.iter().map(u32::to_string)).chain([final_.cost.to_string()]).collect()
}
