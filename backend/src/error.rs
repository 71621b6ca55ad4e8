//! What can go wrong between a module's bytes and an object, with its place.

use crate::regalloc::AllocError;
use core::fmt;
use thiserror::Error;

/// Where an error belongs: each part as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Index in the wasm function index space, or position in a .clif file.
    pub func_index: Option<u32>,
    /// The name section's name, else an export's, else `func[N]`.
    pub func_name: Option<String>,
    /// Byte offset in the wasm file.
    pub offset: Option<u32>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sep = "";
        if let Some(index) = self.func_index {
            write!(f, "function {index}")?;
            if let Some(name) = &self.func_name {
                write!(f, " ({name})")?;
            }
            sep = " ";
        } else if let Some(name) = &self.func_name {
            write!(f, "function {name}")?;
            sep = " ";
        }
        if let Some(offset) = self.offset {
            write!(f, "{sep}at byte {offset:#x}")?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Error)]
pub enum Error {
    /// The input is not a valid module.
    #[error("invalid module: {message} ({place})")]
    Invalid { place: Place, message: String },
    /// The input is valid and uses something that windlass does not translate.
    #[error("not supported: {construct} ({place})")]
    Unsupported { place: Place, construct: String },
    /// A name or size that the object format or the C face cannot carry.
    #[error("{0}")]
    Interface(String),
    /// Options that contradict each other or the module.
    #[error("{0}")]
    Options(String),
    /// A bug in windlass or a dependency, caught.
    #[error("internal error: {message} ({place})")]
    Internal { place: Place, message: String },
}

impl Error {
    pub fn unsupported(construct: impl Into<String>) -> Error {
        Error::Unsupported { place: Place::default(), construct: construct.into() }
    }

    pub fn internal(message: impl Into<String>) -> Error {
        Error::Internal { place: Place::default(), message: message.into() }
    }

    /// Fills in the parts of the place that are still unknown.
    pub fn in_function(mut self, index: Option<u32>, name: &str) -> Error {
        if let Error::Invalid { place, .. }
        | Error::Unsupported { place, .. }
        | Error::Internal { place, .. } = &mut self
        {
            place.func_index = place.func_index.or(index);
            place.func_name.get_or_insert_with(|| name.to_owned());
        }
        self
    }

    /// The same from a CLIF source location, which may be none.
    pub fn at_loc(self, loc: cranelift_codegen::ir::SourceLoc) -> Error {
        if loc.is_default() { self } else { self.at(loc.bits()) }
    }

    /// Fills in the byte offset if it is still unknown.
    pub fn at(mut self, byte_offset: u32) -> Error {
        if let Error::Invalid { place, .. }
        | Error::Unsupported { place, .. }
        | Error::Internal { place, .. } = &mut self
        {
            place.offset.get_or_insert(byte_offset);
        }
        self
    }
}

impl From<AllocError> for Error {
    fn from(error: AllocError) -> Error {
        match error {
            AllocError::TooManyLiveRegs => {
                Error::unsupported("an instruction that needs more registers than there are")
            }
            other => Error::internal(format!("register allocation: {other}")),
        }
    }
}

pub type Result<T, E = Error> = core::result::Result<T, E>;
