//! Boards: what an image is linked for.
//!
//! A board is a TOML file; those that windlass knows by name lie in `boards/` and are read like any
//! other. docs/images.md describes the fields.

use crate::link::Region;
use serde::Deserialize;
use serde::de::Error as _;

/// A processor with memory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    pub name: String,
    /// GCC's name.
    pub cpu: String,
    /// A target triple.
    pub target: String,
    /// GCC's name, or `none`.
    #[serde(default = "none")]
    pub fpu: String,
    #[serde(deserialize_with = "region")]
    pub flash: Region,
    #[serde(deserialize_with = "region")]
    pub ram: Region,
    /// Bytes at the end of RAM that are the stack's, at least.
    #[serde(default = "default_stack", deserialize_with = "size")]
    pub stack: u32,
    /// The machine of qemu-system-arm that is this board.
    pub qemu: Option<String>,
}

const KNOWN: [(&str, &str); 4] = [
    ("mps2-an385", include_str!("boards/mps2-an385.toml")),
    ("mps2-an386", include_str!("boards/mps2-an386.toml")),
    ("mps2-an500", include_str!("boards/mps2-an500.toml")),
    ("mps2-an505", include_str!("boards/mps2-an505.toml")),
];

/// Alignment of the vector table, of which 16 entries are used (ARMv7-M ARM, B3.2.5): the start of
/// flash.
const FLASH_ALIGN: u32 = 128;
const RAM_ALIGN: u32 = 8;
/// What the image's own functions need most: to print a float.
const LEAST_STACK: u32 = 2 << 10;

impl Board {
    /// A board that windlass knows by name.
    pub fn known(name: &str) -> Option<Board> {
        let (_, text) = KNOWN.iter().find(|(known, _)| *known == name)?;
        Some(Board::parse(text).expect("windlass's own boards are right"))
    }

    pub fn known_names() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|(name, _)| *name)
    }

    /// Reads a board's file; the error says what is wrong and where.
    pub fn parse(text: &str) -> Result<Board, String> {
        let board: Board = toml::from_str(text).map_err(|e| e.to_string())?;
        board.check()?;
        Ok(board)
    }

    fn check(&self) -> Result<(), String> {
        let Board { flash, ram, .. } = self;
        for (name, region, align) in [("flash", flash, FLASH_ALIGN), ("ram", ram, RAM_ALIGN)] {
            let end = u64::from(region.origin) + u64::from(region.length);
            if region.length == 0 || end > 1 << 32 {
                return Err(format!("{name}: no addresses, or addresses beyond 32 bits"));
            }
            if !region.origin.is_multiple_of(align) {
                return Err(format!("{name}: the origin is no multiple of {align}"));
            }
        }
        if self.stack < LEAST_STACK {
            return Err(format!("stack: fewer than {LEAST_STACK} bytes"));
        }
        let end = |region: &Region| u64::from(region.origin) + u64::from(region.length);
        if u64::from(flash.origin) < end(ram) && u64::from(ram.origin) < end(flash) {
            return Err("flash and ram overlap".to_owned());
        }
        Ok(())
    }
}

fn none() -> String {
    "none".to_owned()
}

fn default_stack() -> u32 {
    8 << 10
}

/// `{ origin = ADDRESS, length = SIZE }`.
fn region<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Region, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Raw {
        origin: u32,
        #[serde(deserialize_with = "size")]
        length: u32,
    }
    let Raw { origin, length } = Raw::deserialize(from)?;
    Ok(Region { origin, length })
}

/// A number of bytes, or a text such as "96K" or "4M".
fn size<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a number of bytes, or a text such as \"96K\" or \"4M\"")]
    enum Raw {
        Bytes(u32),
        Text(String),
    }
    match Raw::deserialize(from)? {
        Raw::Bytes(bytes) => Ok(bytes),
        Raw::Text(text) => {
            parse_size(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no size")))
        }
    }
}

fn parse_size(text: &str) -> Option<u32> {
    let (digits, unit) = match text.strip_suffix(['K', 'M']) {
        Some(digits) => (digits, if text.ends_with('K') { 1 << 10 } else { 1 << 20 }),
        None => (text, 1),
    };
    digits.parse::<u32>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(lines: &str) -> Result<Board, String> {
        Board::parse(&format!(
            "name = \"b\"\ncpu = \"cortex-m4\"\ntarget = \"thumbv7em-none-eabi\"\n{lines}"
        ))
    }

    const FLASH: &str = "flash = { origin = 0x08000000, length = \"512K\" }\n";
    const RAM: &str = "ram = { origin = 0x20000000, length = 98304 }\n";

    #[test]
    fn known_boards_are_called_what_they_say() {
        for name in Board::known_names() {
            let board = Board::known(name).unwrap();
            assert_eq!((&*board.name, board.qemu.as_deref()), (name, Some(name)));
        }
        assert!(Board::known("mps2-an").is_none());
    }

    #[test]
    fn sizes_are_numbers_or_text() {
        let board = board(&format!("{FLASH}{RAM}stack = \"4K\"")).unwrap();
        assert_eq!(board.flash, Region { origin: 0x0800_0000, length: 512 << 10 });
        assert_eq!((board.ram.length, board.stack), (96 << 10, 4096));
        assert_eq!((board.fpu.as_str(), board.qemu), ("none", None));
        for wrong in ["4G", "K", "-1", "", "4194304K"] {
            assert_eq!(parse_size(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let cases = [
            (RAM.to_owned(), "missing field `flash`"),
            (format!("{FLASH}{RAM}flas = 1"), "unknown field `flas`"),
            (format!("{FLASH}{RAM}stack = \"4G\""), "\"4G\" is no size"),
            (format!("{FLASH}ram = {{ origin = 0x0807fff8, length = 16 }}"), "overlap"),
            (format!("{FLASH}ram = {{ origin = 0xfffffff8, length = 16 }}"), "beyond 32 bits"),
            (format!("{FLASH}{RAM}stack = 2047"), "fewer than 2048"),
            (format!("{RAM}flash = {{ origin = 64, length = 16 }}"), "no multiple of 128"),
        ];
        for (lines, expected) in cases {
            let error = board(&lines).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
