//! `compare --save`: allocation problems to files.

use crate::outputs::Outputs;
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::path::Path;
use windlass_backend::regalloc::saved::Names;

/// Longest part of a function's name in the name of its file.
const MAX_NAME: usize = 60;

/// A function's names, and its allocation problem as text.
pub type Problem = (Names, String);

/// Adds a file for each problem, and makes the directory.
pub fn add<'a>(
    outputs: &mut Outputs,
    directory: &Path,
    problems: impl Iterator<Item = &'a Problem>,
) -> Result<()> {
    let context = || format!("cannot make {}", directory.display());
    std::fs::create_dir_all(directory).with_context(context)?;
    let mut seen = BTreeSet::new();
    for (names, text) in problems {
        let name = file_name(names);
        outputs.add(&directory.join(&name), text.as_bytes())?;
        if let Some(name) = seen.replace(name) {
            bail!("two functions would be saved as {name}; give modules different names");
        }
    }
    Ok(())
}

/// Module, index and name: `crc32.2.crc.problem`.
fn file_name(names: &Names) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '_' };
    let function: String = names.function.chars().take(MAX_NAME).map(plain).collect();
    format!("{}.{}.{function}.problem", names.module, names.index)
}
