//! Calls of .clif files, on the emulator and in cranelift-interpreter.

use super::super::common::Config;
use super::super::{Directive, directives};
use cranelift_codegen::data_value::DataValue;
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::{ArgumentExtension, Function, Signature, Type, types};
use cranelift_interpreter::environment::FunctionStore;
use cranelift_interpreter::interpreter::{Interpreter, InterpreterState};
use cranelift_interpreter::step::ControlFlow;
use cranelift_reader::{RunCommand, parse_run_command};
use libtest_mimic::Failed;
use windlass::emulator::{Fault, FaultCause};
use windlass::machine::{Machine, MachineError, NoHost};
use windlass::value::{Val, val_type};
use windlass::{Artifact, RuntimeLibrary, Trap, clif};

/// How a call ends.
#[derive(PartialEq, Debug)]
enum End {
    Values(Vec<DataValue>),
    Trap(Trap),
}

struct Case {
    line: usize,
    name: String,
    args: Vec<DataValue>,
    expected: End,
    in_oracle: bool,
}

pub fn run(text: &str) -> Result<(), Failed> {
    let prepared = clif::prepare(text)?;
    let file = clif::parse(&prepared)?;
    let functions: Vec<&Function> = file.functions.iter().map(|(f, _)| f).collect();
    let cases = cases(&directives(text), &functions)?;
    for case in cases.iter().filter(|case| case.in_oracle) {
        let end = interpret(&functions, case)?;
        // The interpreter's traps are coarser than ours.
        let agrees = match (&end, &case.expected) {
            (End::Trap(_), End::Trap(_)) => true,
            (end, expected) => end == expected,
        };
        if !agrees {
            let Case { line, expected, .. } = case;
            return Err(format!("line {line}: interpreter: {end:?}, not {expected:?}").into());
        }
    }
    for config in Config::all() {
        let artifact =
            config.compiler().name("m").runtime(RuntimeLibrary::Builtin).compile_clif(text)?;
        let mut machine = Machine::new(&artifact.object, config.board())?;
        for case in &cases {
            let end = execute(&artifact, &mut machine, case);
            let at = || format!("line {}: {config}", case.line);
            let end = end.map_err(|e| format!("{}: {}", at(), e.message().unwrap_or("?")))?;
            if end != case.expected {
                let Case { line, expected, .. } = case;
                return Err(format!("line {line}: {config}: {end:?}, not {expected:?}").into());
            }
            if matches!(end, End::Trap(_)) {
                machine = Machine::new(&artifact.object, config.board())?;
            }
        }
    }
    Ok(())
}

fn cases(directives: &[Directive], functions: &[&Function]) -> Result<Vec<Case>, Failed> {
    let mut cases = Vec::new();
    for directive in directives {
        let (call, results, line, in_oracle) = match directive {
            Directive::Run { call, results, line, oracle } => {
                (call, results.as_str(), *line, *oracle)
            }
            Directive::Trap { call, line, .. } => (call, "", *line, true),
            _ => continue,
        };
        let bad = |what: &str| Failed::from(format!("line {line}: {what}"));
        let name = call.split('(').next().unwrap_or("").trim_start_matches('%');
        let signature = signature(functions, name).ok_or_else(|| bad("no such function"))?;
        let command = match results {
            "" => format!("print: {call}"),
            _ => format!("run: {call} == {}", bracketed(results)),
        };
        let command = parse_run_command(&command, signature)?;
        let (args, expected) = match (command, directive) {
            (Some(RunCommand::Run(call, _, values)), _) => (call.args, End::Values(values)),
            (Some(RunCommand::Print(call)), Directive::Trap { trap, .. }) => {
                let known = Trap::ALL.into_iter().find(|t| t.message() == trap);
                (call.args, End::Trap(known.ok_or_else(|| bad("no such trap"))?))
            }
            (Some(RunCommand::Print(call)), _) => (call.args, End::Values(vec![])),
            (None, _) => return Err(bad("no run command")),
        };
        cases.push(Case { line, name: name.to_owned(), args, expected, in_oracle });
    }
    Ok(cases)
}

/// Several results stand in brackets in cranelift's syntax.
fn bracketed(results: &str) -> String {
    if results.contains(',') && !results.starts_with('[') {
        format!("[{results}]")
    } else {
        results.to_owned()
    }
}

fn signature<'a>(functions: &[&'a Function], name: &str) -> Option<&'a Signature> {
    let wanted = format!("%{name}");
    functions.iter().find(|f| f.name.to_string() == wanted).map(|f| &f.signature)
}

fn interpret(functions: &[&Function], case: &Case) -> Result<End, Failed> {
    let mut store = FunctionStore::default();
    for function in functions {
        store.add(function.name.to_string(), function);
    }
    let state = InterpreterState::default().with_function_store(store);
    let mut interpreter = Interpreter::new(state).with_fuel(Some(10_000_000));
    let end = interpreter.call_by_name(&format!("%{}", case.name), &case.args);
    match end.map_err(|e| format!("line {}: interpreter: {e}", case.line))? {
        ControlFlow::Return(values) => Ok(End::Values(values.to_vec())),
        ControlFlow::Trap(_) => Ok(End::Trap(Trap::Unreachable)),
        other => Err(format!("line {}: interpreter: {other:?}", case.line).into()),
    }
}

fn execute(artifact: &Artifact, machine: &mut Machine, case: &Case) -> Result<End, Failed> {
    let function = artifact.module.functions.iter().find(|f| f.name == case.name);
    let signature = &function.ok_or("no such function")?.clif.signature;
    let mut args = Vec::new();
    for (value, param) in case.args.iter().zip(&signature.params) {
        args.push(argument(value, param.extension)?);
    }
    let entry = machine.function(0, &case.name)?;
    match machine.call(entry, &args, 0, &mut NoHost) {
        Ok(_) => {}
        Err(MachineError::Fault(Fault { cause: FaultCause::Udf(code), .. })) => {
            return Ok(End::Trap(Trap::from_code(code).ok_or("an unknown trap code")?));
        }
        Err(error) => return Err(error.into()),
    }
    let types = signature.returns.iter().map(|result| val_type(result.value_type));
    let results = machine.results(&types.collect::<Vec<_>>())?;
    let values = results.iter().zip(&signature.returns);
    let values = values.map(|(value, result)| data_value(value.bits(), result.value_type));
    Ok(End::Values(values.collect::<Result<_, _>>()?))
}

fn argument(value: &DataValue, extension: ArgumentExtension) -> Result<Val, Failed> {
    Ok(match *value {
        DataValue::I64(v) => Val::I64(v),
        DataValue::F32(v) => Val::F32(v.bits()),
        DataValue::F64(v) => Val::F64(v.bits()),
        ref narrow => Val::I32(word(narrow, extension)?),
    })
}

/// An argument as it travels. Bits that the signature leaves open are set.
fn word(value: &DataValue, extension: ArgumentExtension) -> Result<i32, Failed> {
    let (bits, width) = match *value {
        DataValue::I8(v) => (i32::from(v), 8),
        DataValue::I16(v) => (i32::from(v), 16),
        DataValue::I32(v) => (v, 32),
        ref other => return Err(format!("no integer of at most 32 bits: {other}").into()),
    };
    let open = 32 - width;
    Ok(match extension {
        ArgumentExtension::Sext => bits,
        ArgumentExtension::Uext => ((bits as u32) << open >> open) as i32,
        ArgumentExtension::None if width < 32 => bits ^ (0x5a5a_5a5a_u32 as i32) << width,
        ArgumentExtension::None => bits,
    })
}

fn data_value(bits: u64, ty: Type) -> Result<DataValue, Failed> {
    match ty {
        types::I8 => Ok(DataValue::I8(bits as i8)),
        types::I16 => Ok(DataValue::I16(bits as i16)),
        types::I32 => Ok(DataValue::I32(bits as i32)),
        types::I64 => Ok(DataValue::I64(bits as i64)),
        types::F32 => Ok(DataValue::F32(Ieee32::with_bits(bits as u32))),
        types::F64 => Ok(DataValue::F64(Ieee64::with_bits(bits))),
        _ => Err(format!("a result of type {ty}").into()),
    }
}
