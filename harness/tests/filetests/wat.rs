//! Calls of .wat files, on the emulator and in wasmi.

use super::super::common::oracle::Oracle;
use super::super::common::{Config, emulator_memory, instantiate};
use super::super::{Directive, directives};
use libtest_mimic::Failed;
use windlass::store::Outcome;
use windlass::value::Val;
use windlass::{Artifact, Bounds};
use windlass_backend::module::{Interface, ValType};

/// A call with what it must end in.
struct Case {
    line: usize,
    name: String,
    args: Vec<Val>,
    expected: Outcome,
    in_oracle: bool,
}

/// What a file asks for besides calls.
#[derive(Clone, Copy, Default)]
struct Setup {
    memory: Option<u32>,
    bounds: Bounds,
}

impl Setup {
    fn of(directives: &[Directive]) -> Setup {
        let mut setup = Setup::default();
        for directive in directives {
            match *directive {
                Directive::Memory(bytes) => setup.memory = Some(bytes),
                Directive::Bounds(bounds) => setup.bounds = bounds,
                _ => {}
            }
        }
        setup
    }

    fn compile(&self, config: &Config, wasm: &[u8]) -> Result<Artifact, Failed> {
        Ok(config.compiler().name("m").bounds(self.bounds).compile_wasm(wasm)?)
    }
}

pub fn run(text: &str) -> Result<(), Failed> {
    let wasm = wat::parse_str(text)?;
    let directives = directives(text);
    let start_trap = directives.iter().find_map(|d| match d {
        Directive::StartTrap(trap) => Some(trap.as_str()),
        _ => None,
    });
    let setup = Setup::of(&directives);
    let oracle = Oracle::new(&wasm)?;
    if let Some(expected) = start_trap {
        return run_start_trap(&wasm, setup, expected, oracle.err().map(|t| t.to_string()));
    }
    let mut oracle = oracle.map_err(|trap| format!("wasmi traps at the start: {trap}"))?;

    let mut oracle_done = false;
    for config in Config::all() {
        let artifact = setup.compile(&config, &wasm)?;
        let interface = artifact.module.interface.as_ref().ok_or("no interface")?;
        let cases = cases(&directives, interface)?;
        if !oracle_done {
            for case in cases.iter().filter(|case| case.in_oracle) {
                let outcome = oracle.invoke(&case.name, &case.args)?;
                case.check(&outcome, "wasmi")?;
            }
            oracle_done = true;
        }
        let instance = instantiate(&artifact, config.board(), setup.memory)?;
        let mut instance = instance.map_err(|trap| format!("{config}: traps early: {trap}"))?;
        for case in &cases {
            let outcome = instance.invoke(&case.name, &case.args);
            let (outcome, _) = outcome.map_err(|e| format!("line {}: {config}: {e}", case.line))?;
            case.check(&outcome, &config.to_string())?;
        }
        let only_run = cases.iter().all(|case| case.in_oracle);
        let theirs = oracle.memory().filter(|_| only_run);
        if theirs.is_some_and(|theirs| theirs != emulator_memory(&instance)) {
            return Err(format!("{config}: the memory differs from wasmi's").into());
        }
    }
    Ok(())
}

fn run_start_trap(
    wasm: &[u8],
    setup: Setup,
    expected: &str,
    oracle: Option<String>,
) -> Result<(), Failed> {
    if oracle.as_deref() != Some(expected) {
        return Err(format!("wasmi starts with {oracle:?}").into());
    }
    for config in Config::all() {
        let artifact = setup.compile(&config, wasm)?;
        let trap =
            instantiate(&artifact, config.board(), setup.memory)?.err().map(|t| t.to_string());
        if trap.as_deref() != Some(expected) {
            return Err(format!("{config}: starts with {trap:?}").into());
        }
    }
    Ok(())
}

impl Case {
    fn check(&self, outcome: &Outcome, where_: &str) -> Result<(), Failed> {
        if *outcome == self.expected {
            return Ok(());
        }
        let Case { line, expected, .. } = self;
        Err(format!("line {line}: {where_}: {outcome:?}, expected {expected:?}").into())
    }
}

fn cases(directives: &[Directive], interface: &Interface) -> Result<Vec<Case>, Failed> {
    let mut cases = Vec::new();
    for directive in directives {
        let (call, line, in_oracle) = match directive {
            Directive::Run { call, line, oracle, .. } => (call, *line, *oracle),
            Directive::Trap { call, line, .. } => (call, *line, true),
            _ => continue,
        };
        let bad = |what: &str| Failed::from(format!("line {line}: {what}"));
        let (name, args) = call.split_once('(').ok_or_else(|| bad("no call"))?;
        let args = args.strip_suffix(')').ok_or_else(|| bad("no closing parenthesis"))?;
        let export = interface.functions().find(|(export, _)| export.wasm_name == name);
        let (_, ty) = export.ok_or_else(|| bad("no such export"))?;
        let expected = match directive {
            Directive::Trap { trap, .. } => {
                let known = windlass::Trap::ALL.into_iter().find(|t| t.message() == trap);
                Outcome::Trapped(known.ok_or_else(|| bad("no such trap"))?)
            }
            Directive::Run { results, .. } => {
                Outcome::Returned(values(results, &ty.results).ok_or_else(|| bad("wrong results"))?)
            }
            _ => continue,
        };
        let args = values(args, &ty.params).ok_or_else(|| bad("wrong arguments"))?;
        cases.push(Case { line, name: name.to_owned(), args, expected, in_oracle });
    }
    Ok(cases)
}

/// As many values as types, separated by commas.
fn values(text: &str, types: &[ValType]) -> Option<Vec<Val>> {
    let words: Vec<_> = text.split(',').map(str::trim).filter(|w| !w.is_empty()).collect();
    if words.len() != types.len() {
        return None;
    }
    words.iter().zip(types).map(|(word, &ty)| Val::parse(ty, word)).collect()
}
