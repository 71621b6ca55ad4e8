//! Compiles the lowering rules to Rust.

use cranelift_isle::codegen::CodegenOptions;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let rules = Path::new("src/isle");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={}", rules.display());

    // The CLIF instructions as ISLE terms.
    cranelift_codegen_meta::generate_isle(&out).expect("CLIF definitions can be written");
    let inputs = [
        rules.join("prelude.isle"),
        rules.join("inst.isle"),
        out.join("clif_lower.isle"),
        rules.join("lower.isle"),
        rules.join("lower_i64.isle"),
        rules.join("lower_float.isle"),
    ];
    let options = CodegenOptions { exclude_global_allow_pragmas: true, ..Default::default() };
    match cranelift_isle::compile::from_files(&inputs, &options) {
        Ok(code) => fs::write(out.join("isle.rs"), code).expect("generated rules can be written"),
        Err(errors) => {
            eprintln!("{:#?}", errors.errors);
            std::process::exit(1);
        }
    }
}
