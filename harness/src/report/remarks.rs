//! Optimisation records in YAML, as `clang -fsave-optimization-record` writes them.
//!
//! Input: an artifact compiled with remarks. Output: for each function with spills or copies a
//! document for each of its loops that has some, inner loops first, and one for the function, which
//! counts the loops again. Names and arguments are those of LLVM's greedy allocator (`regalloc`),
//! so that its tools read them; module, allocator and environment are added. The figures are those that
//! reports call `final`.

use crate::Artifact;
use core::fmt::Write;
use windlass_backend::compiled::Remark;
use windlass_backend::module::FunctionRole;
use windlass_backend::options::AllocatorKind;

/// The records of a module. `file` is the wasm file in which byte offsets count: a place is then a
/// column of its only line, as in source maps.
pub fn remarks(file: Option<&str>, allocator: AllocatorKind, artifact: &Artifact) -> String {
    let mut text = String::new();
    for (function, compiled) in artifact.module.functions.iter().zip(&artifact.compiled.functions) {
        let FunctionRole::User { .. } = function.role else { continue };
        for remark in compiled.remarks.iter().flatten() {
            let stats = &remark.stats;
            if stats.spill_stores + stats.reloads + stats.moves + stats.remats == 0 {
                continue;
            }
            let name = if stats.depth == 0 { "" } else { "Loop" };
            let _ = write!(text, "--- !Missed\nPass:            regalloc\n");
            let _ = writeln!(text, "Name:            {name}SpillReloadCopies");
            if let (Some(file), Some(loc)) = (file, remark.loc) {
                let file = scalar(file);
                let _ =
                    writeln!(text, "DebugLoc:        {{ File: {file}, Line: 1, Column: {loc} }}");
            }
            let _ = writeln!(text, "Function:        {}", scalar(&function.name));
            text.push_str("Args:\n");
            for (key, value) in arguments(remark).into_iter().chain(origin(allocator, artifact)) {
                let key = format!("{key}:");
                let _ = writeln!(text, "  - {key:<16} {}", scalar(&value));
            }
            text.push_str("...\n");
        }
    }
    text
}

/// Key and value of each argument; the values in a row are the message.
fn arguments(remark: &Remark) -> Vec<(&'static str, String)> {
    let stats = &remark.stats;
    let mut arguments = Vec::new();
    let mut add = |(key, count, what): (_, u32, _), cost: Option<(_, f64, _)>| {
        if count == 0 {
            return;
        }
        arguments.push((key, count.to_string()));
        arguments.push(("String", format!(" {what} ")));
        if let Some((key, cost, what)) = cost {
            arguments.push((key, exponential(cost)));
            arguments.push(("String", format!(" total {what} cost ")));
        }
    };
    add(
        ("NumSpills", stats.spill_stores, "spills"),
        Some(("TotalSpillsCost", stats.stores_cost, "spills")),
    );
    add(
        ("NumReloads", stats.reloads, "reloads"),
        Some(("TotalReloadsCost", stats.reloads_cost, "reloads")),
    );
    add(
        ("NumVRCopies", stats.moves, "virtual registers copies"),
        Some(("TotalCopiesCost", stats.moves_cost, "copies")),
    );
    add(("NumRemats", stats.remats, "rematerializations"), None);
    let scope = if stats.depth == 0 { "function" } else { "loop" };
    arguments.push(("String", format!("generated in {scope}")));
    arguments
}

/// The arguments that LLVM's records do not have.
fn origin(allocator: AllocatorKind, artifact: &Artifact) -> [(&'static str, String); 6] {
    [
        ("String", " of module ".to_owned()),
        ("Module", artifact.module.name.clone()),
        ("String", " by ".to_owned()),
        ("Allocator", allocator.name().to_owned()),
        ("String", " in ".to_owned()),
        ("RegEnv", artifact.settings.reg_env.to_string()),
    ]
}

/// As C's `%e` prints it.
fn exponential(value: f64) -> String {
    let text = format!("{value:.6e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) if !exponent.starts_with('-') => {
            format!("{mantissa}e+{exponent:0>2}")
        }
        _ => text,
    }
}

/// A YAML scalar: quoted, with escapes if there are characters that must not stand in a stream
/// (YAML 1.2.2, 5.1 and 7.3).
fn scalar(text: &str) -> String {
    let is_plain = |c: char| {
        let is_break = matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
        !c.is_control() && !is_break && !matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    if text.chars().all(is_plain) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            _ if is_plain(c) => quoted.push(c),
            _ => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(c));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_c_prints_them() {
        assert_eq!(exponential(0.0), "0.000000e+00");
        assert_eq!(exponential(40.0), "4.000000e+01");
        assert_eq!(exponential(1.25e12), "1.250000e+12");
    }

    #[test]
    fn scalars_are_quoted() {
        assert_eq!(scalar("it's: #1"), "'it''s: #1'");
        assert_eq!(scalar("a\n\"b\\"), "\"a\\U0000000a\\\"b\\\\\"");
    }
}
