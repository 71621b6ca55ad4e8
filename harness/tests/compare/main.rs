//! `windlass compare` and `--remarks` as users call them: what is printed is what is documented, and
//! all formats say the same.

mod formats;
mod large;
#[cfg(feature = "optimum")]
mod optimum;
mod profile;
mod remarks;
mod tables;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// All that there is.
const ALLOCATORS: [&str; 6] = ["ion", "fastalloc", "greedy", "coloring", "belady", "portfolio"];

/// A module with loops, calls, values beyond the registers, and names that formats must quote.
/// `run` calls all functions but `never`.
fn busy() -> String {
    let locals: String = (0..14).map(|i| format!("(local $v{i} i32)")).collect();
    let fill: String = (0..14)
        .map(|i| format!("(local.set $v{i} (i32.mul (local.get $n) (i32.const {})))", i * 7 + 3))
        .collect();
    let mix: String = (0..14)
        .map(|i| {
            let j = (i + 5) % 14;
            format!("(local.set $v{i} (i32.xor (local.get $v{i}) (i32.add (local.get $v{j}) (local.get $n))))")
        })
        .collect();
    let sum = (0..14)
        .fold("(i32.const 0)".to_owned(), |sum, i| format!("(i32.add {sum} (local.get $v{i}))"));
    format!(
        r#"(module (memory 1)
          (func $step (@name "step, \"two\"\nlines: 'x'") (param $n i32) (result i32) {locals}
            {fill}
            (loop $outer
              (loop $inner {mix}
                (br_if $inner (i32.and (local.tee $v0 (i32.sub (local.get $v0) (i32.const 1))) (i32.const 7))))
              (br_if $outer (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
            (i32.store (i32.const 64) {sum})
            {sum})
          (func $small (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
          (func $never (export "never") (param i32) (result i32) (call $step (local.get 0)))
          (func (export "run") (param i32) (result i32)
            (i32.add (call $step (local.get 0)) (call $small (local.get 0))))
          (func (export "fail") unreachable))"#
    )
}

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

/// The exit code, standard output and standard error of the program in a directory that has
/// `busy.wat` and `two.clif`.
struct Program(tempfile::TempDir);

impl Program {
    fn new() -> Program {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("busy.wat"), busy()).unwrap();
        let clif = "function %f(i32) -> i32 fast {\nblock0(v0: i32):\n    return v0\n}\n";
        std::fs::write(directory.path().join("one.clif"), clif).unwrap();
        for name in ["crc32.wasm", "flight_control.wasm"] {
            std::fs::copy(corpus(name), directory.path().join(name)).unwrap();
        }
        Program(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &str) -> (Option<i32>, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_windlass"))
            .current_dir(self.0.path())
            .args(args.split_whitespace())
            .output()
            .expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Standard output of a success.
    fn output(&self, args: &str) -> String {
        let (code, out, err) = self.run(args);
        assert_eq!(code, Some(0), "{args}: {err}");
        out
    }

    fn json(&self, args: &str) -> Value {
        serde_json::from_str(&self.output(&format!("{args} --format json"))).unwrap()
    }

    fn fails(&self, args: &str, code: i32, words: &[&str]) {
        let (got, out, err) = self.run(args);
        assert_eq!((got, &out[..]), (Some(code), ""), "{args}: {err}");
        for word in words {
            assert!(err.contains(word), "{args}: no {word:?} in {err}");
        }
    }
}

#[test]
fn wrong_command_lines_say_why() {
    let program = Program::new();
    program.fails("compare busy.wat --top most", 2, &["number or all"]);
    program.fails("compare busy.wat --sort best", 2, &["regret", "size", "name", "order"]);
    program.fails("compare busy.wat --format json --top 3", 2, &["--top"]);
    program.fails("compare busy.wat --reg-env r0-r3..r0-r5 --sort name", 2, &["--sort"]);
    program.fails("compare busy.wat --reg-env r0-r8..r0-r3", 2, &["does not contain r0-r8"]);
    program.fails("compare busy.wat --reg-env r0-r3..r9", 2, &["r9"]);
    program.fails("compile busy.wat -o x.o --reg-env r0-r3..r0-r5", 2, &["r0-r3..r0-r5"]);
    program.fails("compare busy.wat --profile", 2, &["--invoke"]);
    program.fails("compare busy.wat --invoke run 3", 2, &["--profile"]);
    program.fails("compare busy.wat --memory-bytes 65536", 2, &["--profile"]);
    program.fails("compare busy.wat --time-limit 3", 2, &["--optimum"]);
    program.fails("compare busy.wat --optimum --time-limit -3", 2, &["-3"]);
    program.fails("compare busy.wat --remarks none/x.yaml", 1, &["none/x.yaml"]);
}
