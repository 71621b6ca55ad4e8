//! What the benches share: the corpus.

use std::path::Path;
use windlass_backend::frontend::translate;
use windlass_backend::module::Module;
use windlass_backend::options::FrontendOptions;

/// The corpus's modules, in order of their names.
pub fn modules() -> Vec<Module> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut paths: Vec<_> = std::fs::read_dir(corpus)
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "wasm"))
        .collect();
    paths.sort();
    let translated = paths.iter().map(|path| {
        let wasm = std::fs::read(path).expect("a program");
        let options = FrontendOptions { name: "m".into(), ..FrontendOptions::default() };
        translate(&wasm, &options).expect("a valid program")
    });
    translated.collect()
}
