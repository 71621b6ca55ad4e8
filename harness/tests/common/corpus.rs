//! The corpus, for tests and benches.

use std::path::{Path, PathBuf};

pub fn harness_dir(sub: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(sub)
}

/// Name and bytes of every corpus program, in order of names.
pub fn corpus() -> Vec<(String, Vec<u8>)> {
    let mut programs: Vec<_> = files(&harness_dir("corpus"), &["wasm"])
        .into_iter()
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a readable corpus"))
        })
        .collect();
    programs.sort();
    assert!(programs.len() >= 10, "the corpus has only {} programs", programs.len());
    programs
}

/// Files with one of the extensions, below a directory, sorted.
pub fn files(directory: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(directory)
        .unwrap_or_else(|e| panic!("cannot read {}: {e}", directory.display()));
    for entry in entries {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            found.extend(files(&path, extensions));
        } else if path.extension().is_some_and(|e| extensions.iter().any(|x| e == *x)) {
            found.push(path);
        }
    }
    found.sort();
    found
}
