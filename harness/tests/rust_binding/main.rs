//! The Rust binding of a module, built for the machine that runs the tests and linked with a C object
//! that stands for the module's: `rustc` and a C compiler are needed. And the example that is built for
//! a board (see `firmware`).

mod firmware;

use std::path::Path;
use std::process::Command;
use windlass::{Artifact, Compiler};

fn guest() -> Artifact {
    let wasm = wat::parse_str(include_str!("guest.wat")).unwrap();
    let compiler = Compiler::new().name("guest").interruptible(true).fuel(1000);
    compiler.compile_wasm(&wasm).unwrap()
}

#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}:\n{}", text(&output.stderr));
    text(&output.stdout)
}

fn rustc(directory: &Path, edition: &str) -> Command {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(directory).args(["--edition", edition]);
    rustc
}

/// A directory with the binding and the header.
fn directory(artifact: &Artifact) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let binding = artifact.rust_binding(&["other".to_owned()]).unwrap();
    std::fs::write(directory.path().join("guest.rs"), binding).unwrap();
    std::fs::write(directory.path().join("guest.h"), artifact.header.as_ref().unwrap()).unwrap();
    directory
}

#[test]
fn a_host_calls_and_is_called() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rust_binding");
    let directory = directory(&guest());
    let path = directory.path();
    let mut cc = Command::new("cc");
    cc.current_dir(path)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-I.", "-c", "-o", "guest.o"]);
    run(cc.arg(sources.join("guest.c")));
    std::fs::copy(sources.join("host.rs"), path.join("host.rs")).unwrap();
    run(rustc(path, "2021").args(["host.rs", "-C", "link-arg=guest.o", "-o", "host"]));
    assert_eq!(run(&mut Command::new(path.join("host"))), "ok\n");
}

#[test]
fn bindings_need_no_std_and_are_of_both_editions() {
    let directory = directory(&guest());
    std::fs::write(
        directory.path().join("lib.rs"),
        "#![no_std]\n#![deny(warnings)]\npub mod guest { include!(\"guest.rs\"); }\n",
    )
    .unwrap();
    for edition in ["2021", "2024"] {
        let mut rustc = rustc(directory.path(), edition);
        run(rustc.args(["--crate-type=lib", "--emit=metadata", "lib.rs"]));
    }
}

#[test]
fn only_imported_modules_can_be_linked() {
    let error = guest().rust_binding(&["elsewhere".to_owned()]).unwrap_err().to_string();
    assert!(error.contains("no import from module \"elsewhere\""), "{error}");
}

#[test]
fn names_that_rust_cannot_tell_apart_are_refused() {
    let wasm = wat::parse_str("(module (func (export \"1\")) (func (export \"_1\")))").unwrap();
    let artifact = Compiler::new().name("m").compile_wasm(&wasm).unwrap();
    let error = artifact.rust_binding(&[]).unwrap_err().to_string();
    assert!(error.contains("\"1\" and \"_1\" would both be the method `_1`"), "{error}");
}
