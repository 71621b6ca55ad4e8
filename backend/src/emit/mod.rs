//! From allocated instructions to bytes.

pub mod buffer;
