//! `windlass replay`: allocators on saved problems, and the reduction of a problem.

mod condition;

use super::input::read;
use super::options::{RegallocList, Usage};
use super::print;
use crate::outputs::Outputs;
use crate::report::replay::{ProblemReport, Report, answer, table};
use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use condition::Condition;
use core::mem::discriminant;
use rayon::prelude::*;
use regalloc2::Function;
use std::path::{Path, PathBuf};
use windlass_backend::options::AllocatorKind;
use windlass_backend::regalloc::reduce::reduce;
use windlass_backend::regalloc::saved::{Saved, parse};
use windlass_backend::regalloc::well_formed;
use windlass_isa_thumb2::settings::RegEnv;

const EXAMPLES: &str = "Examples:
  windlass compare sha256.wasm --save problems
  windlass replay problems/*.problem --regalloc ion,belady --format json
  windlass replay problems/sha256.4.compress.problem --reg-env r0-r5
  windlass replay failing.problem --regalloc coloring --reduce small.problem
  windlass replay f.problem --reduce small.problem --while 'ion.cost > belady.cost'";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Problems, as compare --save writes them and docs/allocation-problems.md specifies
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    regalloc: RegallocList,

    /// Registers to allocate instead of those in the file: any set within r0-r8 that contains r0-r3
    #[arg(long, value_name = "SET")]
    reg_env: Option<String>,

    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,

    /// Instead of a report, write the smallest problem found on which an allocator still fails as it
    /// does on this one
    #[arg(long, value_name = "OUT", conflicts_with = "format")]
    reduce: Option<PathBuf>,

    /// What must stay true of the reduced problem, instead of a failure: two figures, or a figure
    /// and a number, between them <, <=, >, >=, == or !=
    ///
    /// A figure is lower_bound, excess, peak_pressure, insts or NAME.FIGURE: an allocator's
    /// spill_stores, reloads, moves, remats, spilled_values, slots or cost; NAME.final.FIGURE is
    /// that after the passes behind allocation.
    #[arg(long = "while", value_name = "CONDITION", requires = "reduce")]
    condition: Option<Condition>,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Table,
    /// One object, as docs/allocation-problems.md describes it
    Json,
}

pub fn run(args: &Args) -> Result<()> {
    let environment = args.reg_env.as_deref().map(RegEnv::parse).transpose()?;
    let load = |path: &PathBuf| load(path, environment);
    match (&args.reduce, &args.inputs[..]) {
        (None, inputs) => {
            let problems = inputs.iter().map(load).collect::<Result<Vec<_>>>()?;
            report(args, &problems)
        }
        (Some(out), [input]) => reduce_to(args, &load(input)?, out),
        (Some(_), _) => Err(Usage("--reduce takes one FILE".into()).into()),
    }
}

/// Reads a problem and puts registers in place of its own.
fn load(path: &Path, environment: Option<RegEnv>) -> Result<Saved> {
    let file = path.display();
    let text = String::from_utf8(read(path)?).map_err(|_| anyhow!("{file}: not a text"))?;
    let mut saved = parse(&text).with_context(|| file.to_string())?;
    if let Some(environment) = environment {
        environment.replace(&mut saved.env);
        well_formed(&saved.problem, &saved.env)
            .with_context(|| format!("{file} with {environment}"))?;
    }
    Ok(saved)
}

fn report(args: &Args, problems: &[Saved]) -> Result<()> {
    let kinds = args.regalloc.kinds();
    let problems = args.inputs.par_iter().zip(problems).map(|(path, saved)| {
        let answers = kinds.par_iter().map(|&kind| (kind, answer(kind, saved))).collect();
        ProblemReport::new(path.display().to_string(), saved, answers)
    });
    let report = Report::new(problems.collect());
    print(&match args.format {
        Format::Table => table(&report),
        Format::Json => serde_json::to_string_pretty(&report)? + "\n",
    })?;
    let failures = report.problems.iter().flat_map(|problem| {
        let line = |(kind, error): (AllocatorKind, &str)| {
            format!("{}: {}: {error}", problem.file, kind.name())
        };
        problem.failures().map(line).collect::<Vec<_>>()
    });
    let failures: Vec<String> = failures.collect();
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("\n")) }
}

fn reduce_to(args: &Args, saved: &Saved, out: &Path) -> Result<()> {
    let small = match &args.condition {
        Some(condition) => {
            if !condition.holds(saved) {
                bail!("{condition} does not hold");
            }
            reduce(saved, |candidate| condition.holds(candidate))
        }
        None => {
            let failing = args
                .regalloc
                .kinds()
                .into_iter()
                .find_map(|kind| answer(kind, saved).err().map(|error| (kind, error)));
            let (kind, error) = failing.context("no allocator fails, and there is no --while")?;
            eprintln!("{}: {error}", kind.name());
            let is_alike = |candidate: &Saved| {
                answer(kind, candidate).is_err_and(|e| discriminant(&e) == discriminant(&error))
            };
            reduce(saved, is_alike)
        }
    };
    let mut outputs = Outputs::default();
    outputs.add(out, small.to_string().as_bytes())?;
    let size = |saved: &Saved| {
        let problem = &saved.problem;
        format!("{} instructions in {} blocks", problem.num_insts(), problem.num_blocks())
    };
    eprintln!("{} of {}", size(&small), size(saved));
    outputs.commit()
}
