//! Listings and figures against the `.expected` file beside the test.

use super::super::bounds;
use libtest_mimic::Failed;
use std::fmt::Write;
use std::path::Path;
use windlass::report::schema::figures;
use windlass::{AllocatorKind, Artifact, Compiler, OptLevel, TrapMode};
use windlass_backend::module::FunctionRole;

/// Set to 1 to rewrite expectations.
const BLESS: &str = "WINDLASS_BLESS";

pub fn check(path: &Path, text: &str, options: &str) -> Result<(), Failed> {
    let mut compiler =
        Compiler::new().name("m").check(true).problem_stats(true).listings(true).threads(1);
    let mut stages = Vec::new();
    for option in options.split_whitespace() {
        let (key, value) = option.split_once('=').ok_or("an option is key=value")?;
        compiler = match key {
            "emit" => {
                stages = value.split(',').collect();
                compiler
            }
            "target" => compiler.target(value),
            "cpu" => compiler.cpu(value),
            "fpu" => compiler.fpu(value),
            "reg-env" => compiler.reg_env(value),
            "regalloc" => compiler.regalloc(allocator(value)?),
            "O" => compiler.opt_level(opt_level(value)?),
            "stack-check" => compiler.stack_check(value == "on"),
            "traps" => compiler.traps(traps(value)?),
            "bounds" => compiler.bounds(bounds(value).ok_or("no such bounds")?),
            _ => return Err(format!("unknown option {option}").into()),
        };
    }
    let artifact = if path.extension().is_some_and(|e| e == "clif") {
        compiler.compile_clif(text)?
    } else {
        compiler.compile_wasm(&wat::parse_str(text)?)?
    };
    let mut actual = String::new();
    for stage in stages {
        render(&artifact, stage, &mut actual)?;
    }
    compare(&path.with_extension(expected_extension(path)), &actual)
}

/// `a.wat` and `a.clif` may stand in one directory.
fn expected_extension(path: &Path) -> String {
    let extension = path.extension().map(|e| e.to_string_lossy().into_owned());
    format!("{}.expected", extension.unwrap_or_default())
}

fn allocator(name: &str) -> Result<AllocatorKind, Failed> {
    let found = AllocatorKind::ALL.into_iter().find(|kind| kind.name() == name);
    found.ok_or_else(|| format!("no allocator {name}").into())
}

fn opt_level(name: &str) -> Result<OptLevel, Failed> {
    match name {
        "none" => Ok(OptLevel::None),
        "speed" => Ok(OptLevel::Speed),
        "size" => Ok(OptLevel::Size),
        _ => Err(format!("no level {name}").into()),
    }
}

fn traps(name: &str) -> Result<TrapMode, Failed> {
    match name {
        "udf" => Ok(TrapMode::Udf),
        "call" => Ok(TrapMode::Call),
        _ => Err(format!("no way to trap {name}").into()),
    }
}

/// One stage of the user's functions.
fn render(artifact: &Artifact, stage: &str, out: &mut String) -> Result<(), Failed> {
    for (at, function) in artifact.module.functions.iter().enumerate() {
        if !matches!(function.role, FunctionRole::User { .. }) {
            continue;
        }
        let compiled = &artifact.compiled.functions[at];
        let listing = compiled.listing.as_ref().ok_or("no listing was kept")?;
        writeln!(out, "{stage} of {}:", function.name)?;
        match stage {
            "clif" => writeln!(out, "{}", listing.clif.trim_end())?,
            "vcode" => writeln!(out, "{}", listing.vcode.trim_end())?,
            "asm" => {
                for (offset, line) in &listing.asm {
                    writeln!(out, "{offset:6x}:  {line}")?;
                }
            }
            "figures" => {
                let f = figures(artifact, at);
                let problem = compiled.stats.problem.unwrap_or_default();
                writeln!(
                    out,
                    "  peak {} excess {}: {} stores, {} reloads, {} moves, {} slots, cost {}, \
                     frame {}, {} bytes; final {} + {} + {}",
                    problem.peak_pressure,
                    problem.excess,
                    f.spill_stores,
                    f.reloads,
                    f.moves,
                    f.slots,
                    f.cost,
                    f.frame_bytes,
                    f.code_bytes,
                    f.final_.spill_stores,
                    f.final_.reloads,
                    f.final_.stack_args,
                )?;
            }
            _ => return Err(format!("unknown stage {stage}").into()),
        }
        out.push('\n');
    }
    Ok(())
}

fn compare(expected_path: &Path, actual: &str) -> Result<(), Failed> {
    if std::env::var_os(BLESS).is_some_and(|value| value == "1") {
        std::fs::write(expected_path, actual)?;
        return Ok(());
    }
    let expected = std::fs::read_to_string(expected_path).unwrap_or_default();
    if expected == actual {
        return Ok(());
    }
    let line = expected.lines().zip(actual.lines()).take_while(|(a, b)| a == b).count();
    let at = |text: &str| text.lines().nth(line).unwrap_or("(nothing)").to_owned();
    Err(format!(
        "{}:{}: expected\n  {}\nis now\n  {}\n{BLESS}=1 accepts what is now:\n\n{actual}",
        expected_path.display(),
        line + 1,
        at(&expected),
        at(actual),
    )
    .into())
}
