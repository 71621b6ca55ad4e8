//! `windlass c-runtime`: what C hosts compile beside their modules.

use crate::c_runtime;
use crate::outputs::Outputs;
use anyhow::{Context, Result};
use std::path::PathBuf;

const EXAMPLES: &str = "Examples:
  windlass c-runtime firmware/windlass
  arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O2 -c firmware/windlass/windlass.c -o windlass.o";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where windlass.h and windlass.c go; made if there is no such directory
    directory: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let directory = &args.directory;
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let mut outputs = Outputs::default();
    outputs.add(&directory.join("windlass.h"), c_runtime::header().as_bytes())?;
    outputs.add(&directory.join("windlass.c"), c_runtime::source().as_bytes())?;
    outputs.commit()
}
