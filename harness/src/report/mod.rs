//! Figures of compiled functions, for tools and for people.

#[cfg(feature = "cli")]
pub mod csv;
#[cfg(feature = "cli")]
pub mod curves;
#[cfg(feature = "cli")]
pub mod html;
#[cfg(feature = "cli")]
pub mod physical;
#[cfg(feature = "cli")]
pub mod remarks;
#[cfg(feature = "cli")]
pub mod replay;
pub mod schema;
#[cfg(feature = "cli")]
pub mod size;
#[cfg(feature = "cli")]
pub mod stack_usage;
#[cfg(feature = "cli")]
mod summary;
#[cfg(feature = "cli")]
pub mod table;
