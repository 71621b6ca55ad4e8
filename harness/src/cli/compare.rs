//! `windlass compare`: every function of every input, by several allocators.

use super::call::Setting;
use super::input::Input;
use super::options::{RegallocList, TargetArgs, Usage};
use super::print;
use super::profile::{self, Run};
use super::save::{self, Problem};
use crate::outputs::Outputs;
use crate::report::csv::csv;
use crate::report::curves::{self, Curves};
use crate::report::html::{self, Views};
use crate::report::remarks::remarks;
use crate::report::schema::{Measured, Optimum, Profile, Report};
use crate::report::table::{Sort, Top, View, table};
use crate::{Compiler, Lowered};
use anyhow::{Context, Result};
use clap::ValueEnum;
use indicatif::ProgressBar;
use rayon::prelude::*;
use std::path::PathBuf;
use std::time::Duration;
use windlass_backend::options::{AllocatorKind, RuntimeLibrary};
use windlass_isa_thumb2::settings::RegEnv;

const EXAMPLES: &str = "Examples:
  windlass compare flight_control.wasm
  windlass compare *.wasm --regalloc ion,greedy --format csv
  windlass compare sha256.wasm --reg-env r0-r5 --format json
  windlass compare sha256.wasm --reg-env r0-r3..r0-r8
  windlass compare sha256.wasm --optimum --time-limit 60
  windlass compare sha256.wasm --profile --invoke run
  windlass compare *.wasm --format html -o report.html
  windlass compare sha256.wasm --save problems";

/// The heading of options that belong to `--profile`.
const EXECUTION: &str = "Execution";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Modules: .wasm, .wat or .clif
    #[arg(required = true)]
    inputs: Vec<PathBuf>,

    #[command(flatten)]
    regalloc: RegallocList,

    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,

    /// Where the result goes [default: standard output]
    #[arg(short, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The order of a table's functions [default: regret]
    #[arg(long, value_name = "ORDER")]
    sort: Option<Sort>,

    /// How many functions a table shows: a number or all [default: 20]
    #[arg(long, value_name = "N")]
    top: Option<Top>,

    /// Also find the least cost that any allocation can have, by integer programming
    #[arg(long)]
    optimum: bool,

    /// Seconds for each function's optimum; what is known by then is reported [default: 10]
    #[arg(long, value_name = "SECONDS", requires = "optimum")]
    time_limit: Option<u32>,

    /// Also write optimisation records in LLVM's YAML: spills, reloads and copies of each loop and
    /// function
    #[arg(long, value_name = "FILE")]
    remarks: Option<PathBuf>,

    /// Also write the allocation problem of each function to a file in this directory, for replay
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,

    #[command(flatten)]
    target: TargetArgs,

    /// Also call a function of every module on an emulated core, and count what is executed
    #[arg(long, requires = "invoke", help_heading = EXECUTION)]
    profile: bool,

    /// The function to call, with its arguments in decimal or 0x form
    #[arg(
        long,
        requires = "profile",
        help_heading = EXECUTION,
        num_args = 1..,
        value_names = ["FUNCTION", "ARGUMENTS"],
        allow_negative_numbers = true
    )]
    invoke: Option<Vec<String>>,

    #[command(flatten, next_help_heading = EXECUTION)]
    setting: Setting,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Table,
    /// One object, as docs/stats-schema.md describes it
    Json,
    /// A record for each function and allocator
    Csv,
    /// One page, to look at in a browser: charts, figures and the code of every function, of several
    /// environments that of the last
    Html,
}

/// What one environment gives.
struct Compared {
    report: Report,
    /// Empty if they were not asked for.
    remarks: String,
    /// Of each function, if they were asked for.
    views: Views,
    /// Likewise.
    problems: Vec<Problem>,
}

/// Seconds for a function's optimum.
const TIME_LIMIT: u32 = 10;

/// What became of one input.
struct Module {
    measured: Vec<Measured>,
    /// Parallel to the module's functions, if they were asked for.
    optima: Option<Vec<Optimum>>,
    profile: Option<Profile>,
    /// Of each function, if they were asked for.
    problems: Vec<Problem>,
}

/// What is compared.
struct Comparison<'a> {
    inputs: Vec<Input>,
    /// Each once.
    kinds: Vec<AllocatorKind>,
    args: &'a Args,
    progress: ProgressBar,
}

pub fn run(args: &Args) -> Result<()> {
    let environments = RegEnv::parse_range(args.target.reg_env())?;
    check(args, environments.len())?;
    let mut compilers: Vec<Compiler> = environments
        .iter()
        .map(|environment| args.compiler().reg_env(&environment.to_string()))
        .collect();
    if args.format == Format::Html
        && let Some(last) = compilers.pop()
    {
        compilers.push(last.views(true));
    }
    // A wrong target is reported as such, and before anything is compiled.
    compilers[0].settings()?;
    let comparison = Comparison::new(args, compilers.len())?;
    let compared: Vec<Result<_>> =
        compilers.par_iter().map(|compiler| comparison.report(compiler)).collect();
    comparison.progress.finish_and_clear();
    let compared: Vec<Compared> = compared.into_iter().collect::<Result<_>>()?;

    let mut outputs = Outputs::default();
    if let Some(path) = &args.remarks {
        let remarks: String = compared.iter().map(|one| one.remarks.as_str()).collect();
        outputs.add(path, remarks.as_bytes())?;
    }
    if let Some(directory) = &args.save {
        let problems = compared.iter().flat_map(|one| &one.problems);
        save::add(&mut outputs, directory, problems)?;
    }
    let text = formatted(args, compared)?;
    match &args.output {
        Some(path) => outputs.add(path, text.as_bytes())?,
        None => print(&text)?,
    }
    outputs.commit()
}

/// The result in the format that was asked for.
fn formatted(args: &Args, mut compared: Vec<Compared>) -> Result<String> {
    let views = compared.last_mut().map(|last| std::mem::take(&mut last.views));
    let mut reports: Vec<Report> = compared.into_iter().map(|one| one.report).collect();
    let view = View { sort: args.sort.unwrap_or_default(), top: args.top.unwrap_or_default() };
    Ok(match (args.format, reports.len()) {
        (Format::Csv, _) => csv(&reports),
        (Format::Html, _) => html::page(&reports, &views.unwrap_or_default())?,
        (Format::Table, 1) => table(&reports[0], &view),
        (Format::Json, 1) => serde_json::to_string_pretty(&reports.remove(0))? + "\n",
        (Format::Table, _) => curves::table(&Curves::new(reports)),
        (Format::Json, _) => serde_json::to_string_pretty(&Curves::new(reports))? + "\n",
    })
}

/// Refuses options that would do nothing.
fn check(args: &Args, environments: usize) -> Result<()> {
    let is_list = args.format == Format::Table && environments == 1;
    if !is_list && (args.sort.is_some() || args.top.is_some()) {
        let message = "--sort and --top are for the table of one environment";
        return Err(Usage(message.into()).into());
    }
    if args.optimum && cfg!(not(feature = "optimum")) {
        let message = "--optimum is not in this program; build it with --features optimum";
        return Err(Usage(message.into()).into());
    }
    if args.save.is_some() && environments > 1 {
        return Err(Usage("--save takes one environment; replay takes others".into()).into());
    }
    if !args.profile && !args.setting.is_empty() {
        let message = "--memory, --memory-bytes, --preload and --budget are for --profile";
        return Err(Usage(message.into()).into());
    }
    Ok(())
}

/// The optimum of each function. Whatever an allocator reaches is possible, but for another order of
/// instructions.
#[cfg(feature = "optimum")]
fn optima(lowered: &Lowered, measured: &[Measured], limit: Duration) -> Vec<Optimum> {
    let least = |at: usize| {
        let stats = measured.iter().map(|m| &m.artifact.compiled.functions[at].stats);
        let same_order = stats.filter(|stats| !stats.reordered);
        same_order.map(|stats| stats.alloc.cost).fold(f64::INFINITY, f64::min)
    };
    lowered.optima(limit, least).into_iter().map(Optimum::from).collect()
}

#[cfg(not(feature = "optimum"))]
fn optima(_: &Lowered, _: &[Measured], _: Duration) -> Vec<Optimum> {
    Vec::new()
}

impl Args {
    fn compiler(&self) -> Compiler {
        let compiler = self.target.compiler().problem_stats(true).remarks(self.remarks.is_some());
        // What is executed needs its routines at hand.
        if self.profile { compiler.runtime(RuntimeLibrary::Builtin) } else { compiler }
    }
}

impl Comparison<'_> {
    fn new(args: &Args, environments: usize) -> Result<Comparison<'_>> {
        let inputs: Vec<Input> =
            args.inputs.iter().map(|path| Input::read(path)).collect::<Result<_>>()?;
        let kinds = args.regalloc.kinds();
        let progress = ProgressBar::new((environments * inputs.len() * kinds.len()) as u64);
        Ok(Comparison { inputs, kinds, args, progress })
    }

    /// One environment. In order of the inputs, whatever order the threads finish in.
    fn report(&self, compiler: &Compiler) -> Result<Compared> {
        let measure = |input| self.measure(input, compiler);
        let modules: Vec<Result<Module>> = self.inputs.par_iter().map(measure).collect();
        let mut compared = Compared {
            report: Report::new(&compiler.settings()?),
            remarks: String::new(),
            views: Views::default(),
            problems: Vec::new(),
        };
        for (input, module) in self.inputs.iter().zip(modules) {
            let Module { measured, optima, profile, problems } = module?;
            compared.report.add_module(&measured, optima.as_deref());
            compared.report.profiles.extend(profile);
            compared.views.add_module(&measured);
            compared.problems.extend(problems);
            for Measured { allocator, artifact, .. } in &measured {
                let path = input.wasm_path();
                compared.remarks.push_str(&remarks(path.as_deref(), *allocator, artifact));
            }
        }
        Ok(compared)
    }

    /// One input by each allocator.
    fn measure(&self, input: &Input, compiler: &Compiler) -> Result<Module> {
        let path = input.path.display();
        let invocation = self.args.invoke.as_deref().unwrap_or_default();
        let lowered = input.lower(compiler.clone().name(&input.stem))?;
        let measure = |&kind: &AllocatorKind| {
            let measured = self.measure_one(&lowered, compiler.clone().regalloc(kind), kind);
            self.progress.inc(1);
            measured.with_context(|| format!("{path}: allocator {}", kind.name()))
        };
        let measured: Vec<Result<_>> = self.kinds.par_iter().map(measure).collect();
        let measured: Vec<(Measured, Option<Run>)> = measured.into_iter().collect::<Result<_>>()?;
        let (measured, profile) =
            profile::combine(measured, invocation).with_context(|| path.to_string())?;
        let limit = Duration::from_secs(self.args.time_limit.unwrap_or(TIME_LIMIT).into());
        let optima = self.args.optimum.then(|| optima(&lowered, &measured, limit));
        let problems = self.args.save.is_some().then(|| lowered.problems().collect());
        Ok(Module { measured, optima, profile, problems: problems.unwrap_or_default() })
    }

    fn measure_one(
        &self,
        lowered: &Lowered,
        compiler: Compiler,
        kind: AllocatorKind,
    ) -> Result<(Measured, Option<Run>)> {
        let artifact = lowered.compile(kind)?;
        let run = match &self.args.invoke {
            Some(call) => Some(profile::run(&artifact, &compiler, &self.args.setting, call)?),
            None => None,
        };
        Ok((Measured::new(kind, artifact), run))
    }
}
