//! What `run` and `link` call: a module and one of its functions.

use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Invocation {
    /// A module: .wasm, .wat or .clif
    pub input: PathBuf,

    /// The function to call, with its arguments in decimal or 0x form
    ///
    /// An image prints the results through semihosting; _start of a WASI program has none.
    #[arg(
        long,
        required = true,
        num_args = 1..,
        value_names = ["FUNCTION", "ARGUMENTS"],
        allow_negative_numbers = true
    )]
    pub invoke: Vec<String>,
}
