//! Figures of compiled functions, for tools and for people.

pub mod schema;
#[cfg(feature = "cli")]
pub mod text;
