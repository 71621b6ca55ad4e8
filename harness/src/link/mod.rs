//! The linker: objects to what a core executes.
//!
//! ```text
//!   objects --input--> sections, symbols --resolve--> what is kept --place--> addresses
//!                                                                     |
//!   [`Linked`] { sections, symbols } <--relocate----------------------+
//!      |-- elf: an executable file      formats: plain bytes, Intel HEX
//!      '-- [`Image`]: one block of bytes, for the emulator
//! ```
//!
//! [`link`] puts one object at an address, for the emulator: an object sees no other object's
//! symbols, for two may well define the same name, and whoever links says where each undefined
//! symbol leads. [`link_program`] makes one program of several objects in flash and RAM. Both are
//! the same linker; nothing is known here of what objects mean.
//!
//! COMDAT groups are as for any linker: the first definition of a group serves all objects, and
//! later ones are discarded.

pub mod elf;
pub mod formats;
mod input;
mod place;
mod reloc;
mod resolve;
#[cfg(test)]
mod tests;

use core::ops::Range;
use input::Input;
use place::Placed;
use resolve::Resolved;
use std::collections::{BTreeMap, BTreeSet, HashMap};

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("not an ELF object: {0}")]
    Format(#[from] object::read::Error),
    #[error("section {0} is writable, and nothing initialises RAM")]
    Writable(String),
    #[error("{object}: {section}+{offset:#x}: {problem}")]
    Relocation { object: String, section: String, offset: u64, problem: String },
    #[error(
        "{object}: section {section} is for a C library to call before or after the program, and an \
         image has none"
    )]
    Startup { object: String, section: String },
    #[error("symbol {0} is defined twice")]
    Duplicate(String),
    #[error("undefined: {}", .0.iter().map(String::as_str).collect::<Vec<_>>().join(", "))]
    Undefined(BTreeSet<String>),
    #[error("{region} is full: {what} need {needed} bytes, and there are {length}")]
    Full { region: &'static str, what: String, needed: u64, length: u32 },
    #[error(
        "{what} wants an address that is a multiple of {align}, not a power of two up to 65536"
    )]
    Alignment { what: String, align: u32 },
    #[error("the objects are for different processors: their build attributes differ")]
    Attributes,
}

/// A defined symbol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Symbol {
    /// Without the Thumb bit.
    pub address: u32,
    pub size: u32,
    pub is_function: bool,
}

/// The symbols of COMDAT groups that are linked already, by name.
pub type Comdats = HashMap<String, Symbol>;

/// A linked object.
pub struct Image {
    pub base: u32,
    pub bytes: Vec<u8>,
    /// Symbols by name, those in place of a discarded group's included.
    pub symbols: BTreeMap<String, Symbol>,
    /// The groups that are this object's own.
    pub comdats: Comdats,
}

impl Image {
    /// The addresses of the linked sections.
    pub fn range(&self) -> Range<u32> {
        self.base..self.base + self.bytes.len() as u32
    }

    pub fn symbol(&self, name: &str) -> Option<Symbol> {
        self.symbols.get(name).copied()
    }
}

/// A range of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    pub origin: u32,
    pub length: u32,
}

/// RAM that the program wants zeroed, under a symbol.
#[derive(Clone, Debug)]
pub struct Reservation {
    pub symbol: String,
    pub bytes: u32,
    /// A power of two.
    pub align: u32,
}

/// An object, and how messages call it.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    pub name: &'a str,
    pub bytes: &'a [u8],
}

/// Where a program lies and what of it is kept.
pub struct Layout<'a> {
    pub flash: Region,
    pub ram: Region,
    /// Bytes at the end of RAM that nothing else may take.
    pub stack_bytes: u32,
    /// The symbol of the section that stands at the start of flash: the vector table.
    pub first: &'a str,
    /// The symbol where execution begins.
    pub entry: &'a str,
    pub reservations: &'a [Reservation],
}

/// Contents of one kind.
pub struct OutputSection {
    pub name: String,
    pub kind: Kind,
    /// Where it is while the program runs; 0 if it is in no memory.
    pub address: u32,
    /// Where the image has its initial contents.
    pub load: u32,
    /// As many as `size`, or none if these are zeros.
    pub bytes: Vec<u8>,
    pub size: u32,
    pub align: u32,
}

/// In the order in which sections lie.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// The section at the start of flash.
    First,
    Code,
    ReadOnly,
    Data,
    Zeros,
    /// In the file only: debug information.
    File,
}

impl Kind {
    fn in_flash(self) -> bool {
        self <= Kind::Data
    }

    fn in_ram(self) -> bool {
        matches!(self, Kind::Data | Kind::Zeros)
    }
}

/// A symbol of a program.
#[derive(Clone, Debug)]
pub struct OutputSymbol {
    pub name: String,
    /// Index of a section; None for an address in none.
    pub section: Option<usize>,
    /// With the Thumb bit.
    pub value: u32,
    pub size: u32,
    pub kind: object::elf::SymbolType,
    pub bind: object::elf::SymbolBind,
}

/// A linked program.
pub struct Linked {
    pub sections: Vec<OutputSection>,
    /// Local ones first.
    pub symbols: Vec<OutputSymbol>,
    /// Where execution begins, with the Thumb bit.
    pub entry: u32,
    /// Build attributes.
    pub attributes: Vec<u8>,
}

impl Linked {
    pub fn symbol(&self, name: &str) -> Option<&OutputSymbol> {
        self.symbols.iter().find(|symbol| symbol.name == name)
    }

    /// Bytes of flash that the image takes, from its start.
    pub fn flash(&self) -> Vec<u8> {
        let mut sections = self.sections.iter().filter(|s| s.kind.in_flash());
        let Some(first) = sections.next() else { return Vec::new() };
        let mut bytes = first.bytes.clone();
        for section in sections {
            bytes.resize((section.load - first.load) as usize, 0);
            bytes.extend_from_slice(&section.bytes);
        }
        bytes
    }

    /// Bytes of RAM, the stack apart.
    pub fn ram_bytes(&self) -> u32 {
        self.sections.iter().filter(|s| s.kind.in_ram()).map(|s| s.size).sum()
    }
}

/// Links `object` at the start of `region`. `resolve` gives the address of the function that an
/// undefined symbol stands for.
pub fn link(
    object: &[u8],
    region: Region,
    linked: &Comdats,
    resolve: &mut dyn FnMut(&str) -> u32,
) -> Result<Image, LinkError> {
    let inputs = [Input::parse("the object", object)?];
    let resolved = Resolved::new(&inputs, linked)?;
    let mut placed = Placed::at(&resolved, region)?;
    placed.relocate(&mut |name| Some(resolve(name)))?;
    placed.into_image(region.origin)
}

/// Makes a program of objects that see each other's symbols. What nothing refers to, from the entry
/// and the section at the start, is left out.
pub fn link_program(objects: &[Named<'_>], layout: &Layout<'_>) -> Result<Linked, LinkError> {
    let inputs = objects.iter().map(|object| Input::parse(object.name, object.bytes));
    let mut inputs: Vec<Input> = inputs.collect::<Result<_, _>>()?;
    input::unite_commons(&mut inputs);
    let attributes = inputs.first().map_or(&[][..], |input| input.attributes);
    if inputs.iter().any(|input| input.attributes != attributes) {
        return Err(LinkError::Attributes);
    }
    let none = Comdats::new();
    let mut resolved = Resolved::new(&inputs, &none)?;
    resolved.keep_reached(&[layout.first, layout.entry]);
    let mut placed = Placed::in_regions(&resolved, layout)?;
    let undefined = placed.undefined();
    if !undefined.is_empty() {
        return Err(LinkError::Undefined(undefined));
    }
    // What is left is weak.
    placed.relocate(&mut |_| None)?;
    placed.into_program(layout.entry, attributes)
}
