//! The examples as a user builds and runs them: what they print is what their READMEs show.

use crate::common::harness_dir;
use crate::{host, tool};
use std::path::{Path, PathBuf};

const WINDLASS: &str = env!("CARGO_BIN_EXE_windlass");
const NAMES: [&str; 5] = ["board", "c-host", "cmake", "plugin", "zephyr"];

/// A copy of all examples, so that nothing is built in the sources.
fn copy() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for part in NAMES.map(|name| format!("examples/{name}")).into_iter().chain(["cmake".into()]) {
        copy_directory(&harness_dir(&part), &directory.path().join(part));
    }
    directory
}

fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_directory(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// What an example's README says that it prints: the lines behind its last command.
fn shown(example: &str) -> String {
    let readme = harness_dir(&format!("examples/{example}/README.md"));
    let readme = std::fs::read_to_string(readme).unwrap();
    let block = readme.split("```").nth(1).expect("a block of code");
    let last = block.rfind("\n$ ").expect("a command");
    let (_, output) = block[last + 1..].split_once('\n').expect("output");
    output.to_owned()
}

fn make(directory: &Path, arguments: &[&str]) -> String {
    tool("timeout", |command| {
        command.args(["60", "make", "-s", "-C"]).arg(directory);
        command.arg(format!("WINDLASS={WINDLASS}")).args(arguments);
    })
}

/// An image on mps2-an386.
fn emulate(elf: &Path) -> String {
    tool("timeout", |command| {
        command.args(["60", "qemu-system-arm", "-M", "mps2-an386", "-display", "none"]);
        command.args(["-monitor", "none", "-serial", "none", "-chardev", "stdio,id=out"]);
        command.args(["-semihosting-config", "enable=on,target=native,chardev=out"]);
        command.arg("-kernel").arg(elf).stdin(std::process::Stdio::null());
    })
}

fn configure(directory: &Path, options: &[String]) -> PathBuf {
    let build = directory.join("build");
    tool("cmake", |command| {
        command.arg("-S").arg(directory).arg("-B").arg(&build).args(options);
        command.arg(format!("-DWINDLASS_EXECUTABLE={WINDLASS}"));
    });
    build
}

fn build(directory: &Path) -> String {
    tool("cmake", |command| {
        command.arg("--build").arg(directory);
    })
}

#[test]
#[ignore = "needs arm-none-eabi-gcc with newlib, make, clang, lld and qemu-system-arm"]
fn a_c_host_runs_two_instances() {
    let copy = copy();
    let directory = copy.path().join("examples/c-host");
    assert_eq!(make(&directory, &["run"]), shown("c-host"));
    // Compiled by this clang, and for the other board.
    make(&directory, &["clean"]);
    make(&directory, &["guest"]);
    assert_eq!(make(&directory, &["run", "BOARD=mps2-an385"]), shown("c-host"));
}

#[test]
#[ignore = "needs arm-none-eabi-gcc with newlib, cmake and qemu-system-arm"]
fn cmake_builds_the_same_and_again_what_changed() {
    let copy = copy();
    let directory = copy.path().join("examples/cmake");
    let toolchain = directory.join("arm-none-eabi.cmake");
    let output =
        configure(&directory, &[format!("-DCMAKE_TOOLCHAIN_FILE={}", toolchain.display())]);
    build(&output);
    assert_eq!(emulate(&output.join("firmware")), shown("c-host"));
    // Nothing to do, and then everything that the module is in.
    let compiles = |text: &str| text.contains("Compiling filter") && text.contains("main.c");
    assert!(!compiles(&build(&output)));
    let module = copy.path().join("examples/c-host/filter.wasm");
    let bytes = std::fs::read(&module).unwrap();
    std::fs::write(&module, bytes).unwrap();
    let text = build(&output);
    assert!(compiles(&text), "{text}");
}

/// With a stand-in for Zephyr, which the tests cannot fetch.
#[test]
#[ignore = "needs arm-none-eabi-gcc with newlib, cmake and qemu-system-arm"]
fn an_application_of_zephyr_builds_and_runs() {
    let copy = copy();
    let directory = copy.path().join("examples/zephyr");
    let zephyr = format!("-DZephyr_DIR={}", host("zephyr").display());
    let output = configure(&directory, &[zephyr]);
    build(&output);
    assert_eq!(emulate(&output.join("zephyr/zephyr.elf")), shown("zephyr"));
}

#[test]
#[ignore = "needs arm-none-eabi-gcc with newlib, make and qemu-system-arm"]
fn a_host_survives_its_plug_in() {
    let copy = copy();
    assert_eq!(make(&copy.path().join("examples/plugin"), &["run"]), shown("plugin"));
}
