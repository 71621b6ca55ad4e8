//! Frames as GCC's `-fstack-usage` writes them: `file:line:column:function`, bytes and `static`,
//! separated by tabs, for the tools that read such files.
//!
//! Input: an artifact. Output: a line for each function of the object. A place is a column of the file's
//! only line, its byte offset, as in source maps; what has no place stands at column 0.

use crate::Artifact;
use std::fmt::Write;

/// `file` is the module's.
pub fn stack_usage(file: &str, artifact: &Artifact) -> String {
    let mut text = String::new();
    for (function, compiled) in artifact.module.functions.iter().zip(&artifact.compiled.functions) {
        let column = compiled.source_ranges.iter().map(|range| range.loc).min().unwrap_or(0);
        let symbol = &artifact.module.symbol(function.symbol).name;
        let name: String = symbol.chars().filter(|c| !c.is_control()).collect();
        let bytes = compiled.frame_bytes;
        let _ = writeln!(text, "{file}:1:{column}:{name}\t{bytes}\tstatic");
    }
    text
}
