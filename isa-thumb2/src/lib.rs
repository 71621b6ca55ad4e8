
pub mod object;
