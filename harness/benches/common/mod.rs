//! The corpus as the front end makes it.

#[path = "../../tests/common/corpus.rs"]
mod corpus;

use windlass_backend::frontend::translate;
use windlass_backend::module::Module;
use windlass_backend::options::FrontendOptions;

/// The corpus's modules, in order of their names.
pub fn modules() -> Vec<Module> {
    let options = FrontendOptions { name: "m".into(), ..FrontendOptions::default() };
    let programs = corpus::corpus().into_iter();
    programs.map(|(_, wasm)| translate(&wasm, &options).expect("a valid program")).collect()
}
