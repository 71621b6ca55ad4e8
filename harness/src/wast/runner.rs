//! Carries out the commands of one script.

use super::expect::{argument, show_expected, show_values, trap_matches, values_match};
use super::{Config, Failure, Report, spectest};
use crate::store::{InstanceId, Linker, Outcome, Store, StoreError};
use crate::{Artifact, Error, Trap};
use std::collections::HashMap;
use std::rc::Rc;
use wasmparser::{ExternalKind, FunctionBody, Operator, Parser, Payload, Validator};
use wast::token::{Id, Span};
use wast::{QuoteWat, WastDirective, WastExecute, WastInvoke};

/// What a command came to, unless it failed.
enum Verdict {
    /// Nothing was asserted.
    Done,
    Passed,
    Skipped,
}

type Result<T = Verdict> = core::result::Result<T, String>;

/// Why there is no instance.
enum Refusal {
    Text(wast::Error),
    Compiler(Error),
    Store(StoreError),
    Trap(Trap),
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Refusal::Text(error) => f.write_str(&error.message()),
            Refusal::Compiler(error) => error.fmt(f),
            Refusal::Store(error) => error.fmt(f),
            Refusal::Trap(trap) => write!(f, "trap: {trap}"),
        }
    }
}

struct Runner<'a> {
    config: &'a Config,
    store: Store,
    linker: Linker,
    /// Instances by `$name`; the last one of all has none.
    instances: HashMap<Option<String>, InstanceId>,
    /// Definitions by `$name`, likewise.
    definitions: HashMap<Option<String>, Rc<Definition>>,
}

/// A module that was compiled.
struct Definition {
    artifact: Artifact,
    /// See [`Store::memory_reserve`]. What cannot grow needs none, and there are many.
    memory_reserve: u32,
}

impl Definition {
    fn instantiate(
        &self,
        store: &mut Store,
        linker: &Linker,
    ) -> core::result::Result<InstanceId, Refusal> {
        store.memory_reserve = self.memory_reserve;
        match store.instantiate(&self.artifact.module, &self.artifact.object, linker, None) {
            Ok(instance) => instance.map_err(Refusal::Trap),
            Err(error) => Err(Refusal::Store(error)),
        }
    }
}

pub fn run(text: &str, directives: Vec<WastDirective>, config: &Config) -> Report {
    let mut store = Store::new(config.board);
    store.memory_reserve = config.memory_reserve;
    let mut runner = Runner {
        config,
        store,
        linker: Linker::default(),
        instances: HashMap::new(),
        definitions: HashMap::new(),
    };
    let mut report = Report::default();
    let host = spectest::define(&mut runner.store, &mut runner.linker);
    let fail = |report: &mut Report, span: Span, message: String| {
        let (line, column) = span.linecol_in(text);
        report.failures.push(Failure { line: line + 1, column: column + 1, message });
    };
    if let Err(error) = host {
        fail(&mut report, Span::from_offset(0), format!("spectest: {error}"));
        return report;
    }
    for directive in directives {
        let span = directive.span();
        match runner.execute(directive) {
            Ok(Verdict::Done) => {}
            Ok(Verdict::Passed) => report.passed += 1,
            Ok(Verdict::Skipped) => report.skipped += 1,
            Err(message) => fail(&mut report, span, message),
        }
    }
    report
}

impl Runner<'_> {
    fn execute(&mut self, directive: WastDirective) -> Result {
        match directive {
            WastDirective::Module(mut module) => {
                let name = module.name();
                self.forget_current();
                let instance = self.instantiate(&mut module).map_err(|e| format!("module: {e}"))?;
                self.set_current(name, instance);
                Ok(Verdict::Done)
            }
            WastDirective::ModuleDefinition(mut module) => {
                let name = module.name().map(own);
                let definition = self.compile(&mut module).map_err(|e| format!("module: {e}"))?;
                let definition = Rc::new(definition);
                self.definitions.insert(None, definition.clone());
                self.definitions.insert(name, definition);
                Ok(Verdict::Done)
            }
            WastDirective::ModuleInstance { instance, module, .. } => {
                self.forget_current();
                self.instantiate_definition(instance, module)
            }
            WastDirective::Register { name, module, .. } => {
                let instance = self.instance(module)?;
                self.linker.register(name, instance);
                Ok(Verdict::Done)
            }
            WastDirective::Invoke(invoke) => match self.invoke(&invoke)? {
                Outcome::Returned(_) => Ok(Verdict::Done),
                Outcome::Trapped(trap) => Err(format!("invoke {:?}: trap: {trap}", invoke.name)),
            },
            WastDirective::AssertReturn { exec, results, .. } => {
                let what = describe(&exec);
                match self.action(exec)? {
                    Outcome::Returned(values) if values_match(&values, &results) => {
                        Ok(Verdict::Passed)
                    }
                    outcome => {
                        let (expected, got) = (show_expected(&results), show_outcome(&outcome));
                        Err(format!("assert_return: {what}: {got}, expected {expected}"))
                    }
                }
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                let what = describe(&exec);
                expect_trap("assert_trap", &what, self.action(exec)?, message)
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                let what = format!("invoke {:?}", call.name);
                expect_trap("assert_exhaustion", &what, self.invoke(&call)?, message)
            }
            WastDirective::AssertMalformed { mut module, message, .. } => {
                self.expect_rejection("assert_malformed", &mut module, message)
            }
            WastDirective::AssertInvalid { mut module, message, .. } => {
                self.expect_rejection("assert_invalid", &mut module, message)
            }
            WastDirective::AssertUnlinkable { module, message, .. } => {
                self.expect_unlinkable(&mut QuoteWat::Wat(module), message)
            }
            WastDirective::AssertMalformedCustom { .. }
            | WastDirective::AssertInvalidCustom { .. }
            | WastDirective::AssertException { .. }
            | WastDirective::AssertSuspension { .. }
            | WastDirective::Thread(_)
            | WastDirective::Wait { .. } => Ok(Verdict::Skipped),
        }
    }

    fn compile(&self, module: &mut QuoteWat) -> core::result::Result<Definition, Refusal> {
        let wasm = module.encode().map_err(Refusal::Text)?;
        let artifact = self.config.compiler.compile_wasm(&wasm).map_err(|error| match error {
            // What other proposals make valid is not supported, says the compiler. To a script
            // they do not exist.
            Error::Unsupported { place, construct } if !self.is_valid(&wasm) => {
                Refusal::Compiler(Error::Invalid { place, message: construct })
            }
            error => Refusal::Compiler(error),
        })?;
        let memory_reserve = if may_grow(&wasm) { self.config.memory_reserve } else { 0 };
        Ok(Definition { artifact, memory_reserve })
    }

    /// Whether a module is valid with the script's proposals.
    fn is_valid(&self, wasm: &[u8]) -> bool {
        let mut validator = Validator::new_with_features(self.config.compiler.features());
        validator.validate_all(wasm).is_ok()
    }

    fn instantiate(&mut self, module: &mut QuoteWat) -> core::result::Result<InstanceId, Refusal> {
        let definition = self.compile(module)?;
        definition.instantiate(&mut self.store, &self.linker)
    }

    fn instantiate_definition(&mut self, name: Option<Id>, module: Option<Id>) -> Result {
        let definition = self.definitions.get(&module.map(own));
        let definition =
            definition.ok_or_else(|| format!("no definition {}", show_name(module)))?;
        let instance = definition.instantiate(&mut self.store, &self.linker);
        self.set_current(name, instance.map_err(|e| format!("module instance: {e}"))?);
        Ok(Verdict::Done)
    }

    fn set_current(&mut self, name: Option<Id>, instance: InstanceId) {
        self.instances.insert(None, instance);
        self.instances.insert(name.map(own), instance);
    }

    /// What follows a module that failed must not act on the one before.
    fn forget_current(&mut self) {
        self.instances.remove(&None);
    }

    fn instance(&self, name: Option<Id>) -> Result<InstanceId> {
        let instance = self.instances.get(&name.map(own)).copied();
        instance.ok_or_else(|| format!("no instance {}", show_name(name)))
    }

    fn action(&mut self, exec: WastExecute) -> Result<Outcome> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(&invoke),
            WastExecute::Wat(module) => match self.instantiate(&mut QuoteWat::Wat(module)) {
                Ok(_) => Ok(Outcome::Returned(vec![])),
                Err(Refusal::Trap(trap)) => Ok(Outcome::Trapped(trap)),
                Err(refusal) => Err(format!("module: {refusal}")),
            },
            WastExecute::Get { module, global, .. } => {
                let instance = self.instance(module)?;
                let value = self.store.global(instance, global);
                let value = value.map_err(|e| format!("get {global:?}: {e}"))?;
                Ok(Outcome::Returned(vec![value]))
            }
        }
    }

    fn invoke(&mut self, invoke: &WastInvoke) -> Result<Outcome> {
        let at = |problem: String| format!("invoke {:?}: {problem}", invoke.name);
        let instance = self.instance(invoke.module).map_err(at)?;
        let args: Option<Vec<_>> = invoke.args.iter().map(argument).collect();
        let args = args.ok_or_else(|| at("an argument of an unknown type".into()))?;
        match self.store.invoke(instance, invoke.name, &args) {
            Ok((outcome, _)) => Ok(outcome),
            Err(error) => Err(at(error.to_string())),
        }
    }

    /// A module that parsing or validation must refuse. Which of the two it is, and in what words,
    /// is the parser's affair.
    fn expect_rejection(
        &mut self,
        assertion: &str,
        module: &mut QuoteWat,
        message: &str,
    ) -> Result {
        match self.compile(module) {
            Err(Refusal::Text(_) | Refusal::Compiler(Error::Invalid { .. })) => Ok(Verdict::Passed),
            Err(refusal) => Err(format!("{assertion}: {refusal}, expected {message:?}")),
            Ok(_) => Err(format!("{assertion}: the module compiles, expected {message:?}")),
        }
    }

    fn expect_unlinkable(&mut self, module: &mut QuoteWat, message: &str) -> Result {
        let refusal = match self.instantiate(module) {
            Ok(_) => {
                return Err(format!("assert_unlinkable: the module links, expected {message:?}"));
            }
            Err(refusal) => refusal,
        };
        let as_expected = match &refusal {
            Refusal::Store(StoreError::UnknownImport { .. }) => message == "unknown import",
            Refusal::Store(StoreError::IncompatibleImport { .. }) => {
                message == "incompatible import type"
            }
            // One name with several types: nothing that C can define would do.
            Refusal::Compiler(Error::Interface(_)) => message == "unknown import",
            // In WebAssembly 1.0, what segments did not fit in was a matter of linking.
            Refusal::Trap(trap) => trap_matches(*trap, message),
            _ => false,
        };
        match as_expected {
            true => Ok(Verdict::Passed),
            false => Err(format!("assert_unlinkable: {refusal}, expected {message:?}")),
        }
    }
}

/// Whether some memory of the module may grow: by its own code, or by others that see it.
fn may_grow(wasm: &[u8]) -> bool {
    let grows = |body: FunctionBody| {
        let operators = body.get_operators_reader().into_iter().flatten();
        operators.flatten().any(|operator| matches!(operator, Operator::MemoryGrow { .. }))
    };
    Parser::new(0).parse_all(wasm).flatten().any(|payload| match payload {
        Payload::CodeSectionEntry(body) => grows(body),
        Payload::ExportSection(exports) => {
            exports.into_iter().flatten().any(|export| export.kind == ExternalKind::Memory)
        }
        _ => false,
    })
}

fn expect_trap(assertion: &str, what: &str, outcome: Outcome, message: &str) -> Result {
    match outcome {
        Outcome::Trapped(trap) if trap_matches(trap, message) => Ok(Verdict::Passed),
        outcome => {
            let got = show_outcome(&outcome);
            Err(format!("{assertion}: {what}: {got}, expected trap: {message}"))
        }
    }
}

fn describe(exec: &WastExecute) -> String {
    match exec {
        WastExecute::Invoke(invoke) => format!("invoke {:?}", invoke.name),
        WastExecute::Get { global, .. } => format!("get {global:?}"),
        WastExecute::Wat(_) => "module".into(),
    }
}

fn show_outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Returned(values) => show_values(values),
        Outcome::Trapped(trap) => format!("trap: {trap}"),
    }
}

fn own(id: Id) -> String {
    id.name().to_owned()
}

fn show_name(name: Option<Id>) -> String {
    name.map_or_else(|| "to act on".into(), |id| format!("${}", id.name()))
}
