//! Names in C and in the object: mangling, and the check that no two things get the same one.
//!
//! A public symbol is `<module>_<export>` or, for an import, `<module>_<name>` of the imported
//! one. A local symbol has a dot in it, which no mangled name has, so it never meets a public one.

use crate::error::{Error, Result};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;

/// `name` with each byte outside of `[A-Za-z0-9_]` as `_xHH`.
pub fn mangle(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            out.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(out, "_x{byte:02X}");
        }
    }
    out
}

/// `name` as a C identifier of its own: mangled, and a leading digit gains `_`.
pub fn c_identifier(name: &str) -> String {
    let mangled = mangle(name);
    if mangled.starts_with(|c: char| c.is_ascii_digit()) { format!("_{mangled}") } else { mangled }
}

/// The symbol of the item `name` of the module `module`.
pub fn public_symbol(module: &str, name: &str) -> String {
    format!("{}_{}", c_identifier(module), mangle(name))
}

/// Public names in use, each with what it stands for.
#[derive(Default)]
pub struct PublicNames {
    users: HashMap<String, String>,
}

impl PublicNames {
    /// Takes `symbol` for `user`, which says in words what it is.
    pub fn claim(&mut self, symbol: &str, user: String) -> Result<()> {
        match self.users.entry(symbol.to_owned()) {
            Entry::Vacant(free) => {
                free.insert(user);
                Ok(())
            }
            Entry::Occupied(taken) => Err(Error::Interface(format!(
                "{user} and {} would both be `{symbol}` in C",
                taken.get()
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_stay() {
        assert_eq!(public_symbol("crc32", "run"), "crc32_run");
        assert_eq!(public_symbol("a_b", "c_D9"), "a_b_c_D9");
    }

    #[test]
    fn other_bytes_are_spelt_in_hexadecimal() {
        assert_eq!(mangle("a-b.c"), "a_x2Db_x2Ec");
        assert_eq!(mangle("é"), "_xC3_xA9");
        assert_eq!(mangle("\0"), "_x00");
        assert_eq!(mangle(""), "");
    }

    #[test]
    fn only_the_symbol_cannot_start_with_a_digit() {
        assert_eq!(public_symbol("2d", "3d"), "_2d_3d");
        assert_eq!(c_identifier("wasi"), "wasi");
    }

    #[test]
    fn a_collision_names_both() {
        let mut names = PublicNames::default();
        assert!(names.claim("m_x2D", "export `-`".into()).is_ok());
        let error = names.claim("m_x2D", "export `x2D`".into()).unwrap_err().to_string();
        assert_eq!(error, "export `x2D` and export `-` would both be `m_x2D` in C");
    }
}
