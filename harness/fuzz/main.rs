//! Compares generated modules with wasmi for as long as one likes.
//!
//! `cargo run --release --example fuzz -- --seconds 600 --save DIR`: what differs is shrunk and
//! saved as .wasm, with its seed in the name.

#[path = "mod.rs"]
mod fuzz;

use anyhow::Result;
use clap::Parser;
use fuzz::Agreement;
use rayon::prelude::*;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(Parser)]
struct Args {
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// How long to run
    #[arg(long, default_value_t = 60)]
    seconds: u64,

    /// Where to put shrunk modules that behave differently
    #[arg(long, value_name = "DIR", default_value = "fuzz-failures")]
    save: PathBuf,

    /// Compare these modules instead
    files: Vec<PathBuf>,
}

/// Seeds between two looks at the clock.
const BATCH: u64 = 64;

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    std::panic::set_hook(Box::new(|_| {}));
    if !args.files.is_empty() {
        return compare_files(&args.files);
    }
    let end = Instant::now() + Duration::from_secs(args.seconds);
    let (mut seed, mut ran, mut skipped, mut failures) = (args.seed, 0, 0, 0);
    while Instant::now() < end {
        let batch: Vec<_> = (seed..seed + BATCH)
            .into_par_iter()
            .map(|seed| (seed, fuzz::compare(&fuzz::generate::bytes(seed), fuzz::some_allocators)))
            .collect();
        for (seed, result) in batch {
            match result {
                Ok(Agreement::Skipped) => skipped += 1,
                Ok(_) => ran += 1,
                Err(error) => {
                    failures += 1;
                    eprintln!("seed {seed}: {error}");
                    save(&args.save, seed)?;
                }
            }
        }
        seed += BATCH;
    }
    println!("{ran} modules agree, {failures} differ, {skipped} skipped; next seed {seed}");
    Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn save(directory: &std::path::Path, seed: u64) -> Result<()> {
    let bytes = fuzz::generate::bytes(seed);
    let shrunk =
        fuzz::shrink::shrink(&bytes, |bytes| fuzz::compare(bytes, fuzz::some_allocators).is_err());
    let wasm = fuzz::generate::module(&shrunk).unwrap_or_default();
    std::fs::create_dir_all(directory)?;
    let path = directory.join(format!("seed-{seed}.wasm"));
    std::fs::write(&path, wasm)?;
    eprintln!("saved as {}", path.display());
    Ok(())
}

fn compare_files(files: &[PathBuf]) -> Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for file in files {
        match fuzz::compare_module(&std::fs::read(file)?) {
            Ok(agreement) => println!("{}: {agreement:?}", file.display()),
            Err(error) => {
                println!("{}: {error}", file.display());
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}
