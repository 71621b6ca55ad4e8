//! Tests of the whole folder: small problems with known answers, and random ones.

mod examples;
mod postra;
mod random;
mod reduce;
mod saved;
mod stays;
