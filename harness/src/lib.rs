//! Windlass: WebAssembly and CLIF to Cortex-M objects, with every spill measured.

#[cfg(feature = "cli")]
pub mod emulator;
#[cfg(feature = "cli")]
pub mod link;
