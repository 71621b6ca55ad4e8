//! Reads Cranelift IR text into a [`Module`].
//!
//! Input: a .clif file as cranelift's own tests have them; lines that name a Thumb target are
//! ours and do not reach the parser. Output: one function per `function`, `%name` being the
//! symbol `name` and `u0:7` the symbol `u0_7`. Every function is verified.

use cranelift_codegen::ir::{ExternalName, UserExternalName, UserFuncName};
use cranelift_codegen::settings::{self, Configurable, Flags};
use cranelift_codegen::verify_function;
use cranelift_reader::{ParseOptions, TestFile, parse_test};
use std::collections::HashMap;
use windlass_backend::error::Place;
use windlass_backend::module::{Binding, Definition, Function, FunctionRole, Module};
use windlass_backend::{Error, Result};

/// The largest entity number (`v7`, `block12`): tables grow with it.
const MAX_ENTITY: u64 = 1_000_000;

/// Parses a file's functions, with the comments that follow each.
pub fn parse(text: &str) -> Result<TestFile<'_>> {
    parse_test(text, ParseOptions::default())
        .map_err(|e| invalid(format!("line {}: {}", e.location.line_number, e.message)))
}

/// What [`parse`] accepts in place of `text`, line for line.
pub fn prepare(text: &str) -> Result<String> {
    check_entity_numbers(text)?;
    let ours = |line: &str| line.trim_start().starts_with("target thumb");
    let lines = text.split('\n').map(|line| if ours(line) { "" } else { line });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Reads a whole file.
pub fn read(name: &str, text: &str) -> Result<Module> {
    let prepared = prepare(text)?;
    let file = parse(&prepared)?;
    let mut module = Module { name: name.to_owned(), ..Module::default() };
    let mut defined = HashMap::new();
    for (index, (clif, _)) in file.functions.iter().enumerate() {
        let symbol_name = symbol_name(&clif.name);
        let definition = Definition::Function(index);
        let symbol = module.add_symbol(symbol_name.clone(), Binding::Global, definition);
        if defined.insert(symbol_name.clone(), symbol).is_some() {
            return Err(Error::Interface(format!("function {symbol_name} is defined twice")));
        }
        verify(clif).map_err(|e| e.in_function(Some(index as u32), &symbol_name))?;
    }
    for (index, (clif, _)) in file.functions.into_iter().enumerate() {
        let name = symbol_name(&clif.name);
        let symbol = defined[&name];
        let role = FunctionRole::User { index: index as u32 };
        module.functions.push(Function::new(symbol, name, role, clif));
    }
    resolve_user_names(&mut module);
    Ok(module)
}

fn invalid(message: String) -> Error {
    Error::Invalid { place: Place::default(), message }
}

fn verify(clif: &cranelift_codegen::ir::Function) -> Result<()> {
    let mut builder = settings::builder();
    let _ = builder.enable("enable_verifier");
    let flags = Flags::new(builder);
    verify_function(clif, &flags).map_err(|errors| {
        let lines: Vec<_> = errors.0.iter().map(|e| e.to_string()).collect();
        invalid(lines.join("; "))
    })
}

fn symbol_name(name: &UserFuncName) -> String {
    match name {
        UserFuncName::Testcase(name) => String::from_utf8_lossy(name.raw()).into_owned(),
        UserFuncName::User(user) => user_symbol(user),
    }
}

fn user_symbol(name: &UserExternalName) -> String {
    format!("u{}_{}", name.namespace, name.index)
}

/// Makes `u0:7` in calls mean the symbol `u0_7`, defined here or elsewhere.
fn resolve_user_names(module: &mut Module) {
    let mut symbols: HashMap<String, _> = HashMap::new();
    for index in 0..module.symbols.len() {
        let id = windlass_backend::module::SymbolId(index as u32);
        symbols.insert(module.symbols[index].name.clone(), id);
    }
    for at in 0..module.functions.len() {
        let clif = &module.functions[at].clif;
        let mut names: Vec<_> = clif
            .dfg
            .ext_funcs
            .values()
            .map(|f| &f.name)
            .chain(clif.global_values.values().filter_map(|g| match g {
                cranelift_codegen::ir::GlobalValueData::Symbol { name, .. } => Some(name),
                _ => None,
            }))
            .filter_map(|name| match name {
                ExternalName::User(reference) => Some(*reference),
                _ => None,
            })
            .collect();
        names.sort();
        names.dedup();
        for reference in names {
            let user = module.functions[at].clif.params.user_named_funcs()[reference].clone();
            let name = user_symbol(&user);
            let id = *symbols
                .entry(name.clone())
                .or_insert_with(|| module.add_symbol(name, Binding::Global, Definition::Undefined));
            let resolved = UserExternalName { namespace: 0, index: id.0 };
            module.functions[at].clif.params.reset_user_func_name(reference, resolved);
        }
    }
}

/// Rejects numbers that the reader would size its tables by.
fn check_entity_numbers(text: &str) -> Result<()> {
    for (line_number, line) in text.lines().enumerate() {
        let code = line.split(';').next().unwrap_or("");
        for word in code.split(|c: char| !c.is_ascii_alphanumeric()) {
            let digits = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            let is_entity = digits.len() < word.len() && !digits.is_empty();
            let too_large = digits.parse::<u64>().map_or(digits.len() > 6, |n| n > MAX_ENTITY);
            if is_entity && too_large && digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(invalid(format!(
                    "line {}: the number of {word} is above {MAX_ENTITY}",
                    line_number + 1
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_calls_become_symbols() {
        let text = "test compile\ntarget thumbv7em\n\n\
            function %f(i32) -> i32 fast {\n    fn0 = %g(i32) -> i32 fast\n    \
            fn1 = u0:7(i32) -> i32 fast\nblock0(v0: i32):\n    v1 = call fn0(v0)\n    \
            v2 = call fn1(v1)\n    return v2\n}\n\
            function %g(i32) -> i32 fast {\nblock0(v0: i32):\n    return v0\n}\n";
        let module = read("m", text).unwrap();
        let names: Vec<_> = module.symbols.iter().map(|s| &s.name[..]).collect();
        assert_eq!(names, ["f", "g", "u0_7"]);
        assert_eq!(module.functions[1].name, "g");
        let user = module.functions[0].clif.params.user_named_funcs();
        assert_eq!(user.values().next().unwrap().index, 2);
    }

    #[test]
    fn absurd_entity_numbers_are_errors() {
        for word in ["block4294967294", "v1000001", "ss99999999999999999999"] {
            let text = format!("function %f() fast {{\n{word}:\n return\n}}\n");
            let error = read("m", &text).unwrap_err().to_string();
            assert!(error.contains("line 2"), "{error}");
        }
    }

    #[test]
    fn parse_and_verifier_errors_say_where() {
        let error = read("m", "function %f() fast {\nblock0:\n  retrun\n}\n").unwrap_err();
        assert!(error.to_string().contains("line 3"), "{error}");
        let wrong = "function %f() -> i32 fast {\nblock0:\n  return\n}\n";
        let error = read("m", wrong).unwrap_err();
        assert!(error.to_string().contains("function 0 (f)"), "{error}");
    }
}
