//! A report as comma-separated values (RFC 4180), for spreadsheets and data frames.
//!
//! One record for each environment, function and allocator, behind a header. Each repeats what
//! stands once in the JSON, so that records can be filtered and joined by themselves.

use super::schema::{Dynamic, Figures, FunctionReport, Optimum, Ranking, Report};
use windlass_backend::options::AllocatorKind;

/// What a record is about.
struct Record<'a> {
    report: &'a Report,
    function: &'a FunctionReport,
    allocator: AllocatorKind,
    figures: &'a Figures,
}

impl Record<'_> {
    fn is_best(&self, ranking: &Ranking) -> String {
        u8::from(ranking.best.contains(&self.allocator)).to_string()
    }

    /// Empty if nothing was executed.
    fn dynamic(&self, of: fn(&Dynamic) -> u64) -> String {
        self.figures.dynamic.as_ref().map_or_else(String::new, |dynamic| of(dynamic).to_string())
    }

    /// Empty if it was not asked for.
    fn optimum(&self, of: fn(&Optimum) -> u64) -> String {
        self.function.optimum.as_ref().map_or_else(String::new, |optimum| of(optimum).to_string())
    }

    fn dynamic_ranking(&self, of: impl Fn(&Ranking) -> String) -> String {
        self.function.dynamic.as_ref().map_or_else(String::new, of)
    }
}

type Column = (&'static str, fn(&Record) -> String);

macro_rules! columns {
    ($($name:literal: $value:expr),* $(,)?) => { &[$(($name, $value)),*] };
}

const COLUMNS: &[Column] = columns! {
    "schema": |r| r.report.schema.to_string(),
    "target": |r| r.report.target.clone(),
    "cpu": |r| r.report.cpu.clone(),
    "reg_env": |r| r.report.reg_env.clone(),
    "k": |r| r.report.k.to_string(),
    "module": |r| r.function.module.clone(),
    "index": |r| r.function.index.to_string(),
    "function": |r| r.function.name.clone(),
    "vcode_insts": |r| r.function.vcode_insts.to_string(),
    "vregs": |r| r.function.vregs.to_string(),
    "peak_pressure": |r| r.function.peak_pressure.to_string(),
    "excess": |r| r.function.excess.to_string(),
    "lower_bound": |r| r.function.lower_bound.to_string(),
    "regret": |r| r.function.ranking.regret.to_string(),
    "allocator": |r| r.allocator.name().to_owned(),
    "best": |r| r.is_best(&r.function.ranking),
    "insts": |r| r.figures.insts.to_string(),
    "code_bytes": |r| r.figures.code_bytes.to_string(),
    "spill_stores": |r| r.figures.spill_stores.to_string(),
    "reloads": |r| r.figures.reloads.to_string(),
    "moves": |r| r.figures.moves.to_string(),
    "remats": |r| r.figures.remats.to_string(),
    "spilled_values": |r| r.figures.spilled_values.to_string(),
    "slots": |r| r.figures.slots.to_string(),
    "frame_bytes": |r| r.figures.frame_bytes.to_string(),
    "cost": |r| r.figures.cost.to_string(),
    "time_us": |r| r.figures.time_us.to_string(),
    "reordered": |r| r.figures.reordered.to_string(),
    "final_spill_stores": |r| r.figures.final_.spill_stores.to_string(),
    "final_reloads": |r| r.figures.final_.reloads.to_string(),
    "final_moves": |r| r.figures.final_.moves.to_string(),
    "final_remats": |r| r.figures.final_.remats.to_string(),
    "final_spilled_values": |r| r.figures.final_.spilled_values.to_string(),
    "final_slots": |r| r.figures.final_.slots.to_string(),
    "final_cost": |r| r.figures.final_.cost.to_string(),
    "final_stack_args": |r| r.figures.final_.stack_args.to_string(),
    "dynamic_regret": |r| r.dynamic_ranking(|ranking| ranking.regret.to_string()),
    "dynamic_best": |r| r.dynamic_ranking(|ranking| r.is_best(ranking)),
    "dynamic_insts": |r| r.dynamic(|d| d.insts),
    "dynamic_spill_stores": |r| r.dynamic(|d| d.spill_stores),
    "dynamic_reloads": |r| r.dynamic(|d| d.reloads),
    "dynamic_copies": |r| r.dynamic(|d| d.copies),
    "dynamic_cost": |r| r.dynamic(|d| d.cost),
    "optimum_cost": |r| r.optimum(|o| o.cost),
    "optimum_bound": |r| r.optimum(|o| o.bound),
    "optimum_proved": |r| r.optimum(|o| o.proved.into()),
};

/// Reports of one environment each, one behind the other.
pub fn csv<'a>(reports: impl IntoIterator<Item = &'a Report>) -> String {
    let mut text = line(COLUMNS.iter().map(|(name, _)| (*name).to_owned()));
    for report in reports {
        for function in &report.functions {
            for (allocator, figures) in function.allocators.iter() {
                let record = Record { report, function, allocator, figures };
                text.push_str(&line(COLUMNS.iter().map(|(_, value)| value(&record))));
            }
        }
    }
    text
}

pub(super) fn line(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<_> = fields.map(quoted).collect();
    fields.join(",") + "\n"
}

/// Quoted where RFC 4180 asks for it.
fn quoted(text: String) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
