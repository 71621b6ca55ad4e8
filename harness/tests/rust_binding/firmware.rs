//! The heavier tier: `harness/examples/rust-host`, built by Cargo for a Cortex-M4 and run in QEMU.

use crate::run;
use std::path::Path;
use std::process::Command;

const TARGET: &str = "thumbv7em-none-eabi";

/// Cargo for the target: rustup's if it has the target's `core`, else the distribution's, which builds
/// `core` from source.
fn cargo() -> Command {
    let mut rustc = Command::new("rustc");
    let library = run(rustc.args(["--print", "target-libdir", "--target", TARGET]));
    if Path::new(library.trim()).exists() {
        let mut cargo = Command::new("cargo");
        cargo.arg("build");
        return cargo;
    }
    let mut cargo = Command::new("/usr/bin/cargo");
    // The flag is unstable, and ld.lld has another name where rustup is not.
    cargo.env("RUSTC_BOOTSTRAP", "1").env("RUSTC", "/usr/bin/rustc");
    cargo.env("CARGO_TARGET_THUMBV7EM_NONE_EABI_LINKER", "ld.lld");
    cargo.args(["build", "-Zbuild-std=core"]);
    cargo
}

#[test]
#[ignore = "needs rustc with core for Cortex-M or its source, lld and qemu-system-arm"]
fn the_example_survives_what_its_guests_do() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/rust-host");
    let target_dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rust-host");
    let mut cargo = cargo();
    // What this test was started with is for this workspace.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_PKG") || name == "RUSTUP_TOOLCHAIN" || name == "RUSTFLAGS" {
            cargo.env_remove(name);
        }
    }
    run(cargo.args(["--release", "--target-dir"]).arg(&target_dir).current_dir(example));
    let program = target_dir.join(TARGET).join("release/rust-host");
    let mut qemu = Command::new("timeout");
    qemu.args([
        "60",
        "qemu-system-arm",
        "-M",
        "mps2-an386",
        "-display",
        "none",
        "-monitor",
        "none",
    ]);
    qemu.args(["-serial", "none", "-chardev", "stdio,id=out"]);
    qemu.args(["-semihosting-config", "enable=on,target=native,chardev=out", "-kernel"]);
    let printed = run(qemu.arg(program));
    let readme = include_str!("../../examples/rust-host/README.md");
    let shown =
        readme.split("$ cargo run --release\n").nth(1).and_then(|rest| rest.split("```").next());
    assert_eq!(printed, shown.expect("what the program prints"));
}
