//! What every binding has: traps, errors, descriptors.

use super::{Binding, TO_A_STRING};
use crate::instance::status;
use crate::trap::Trap;
use std::fmt::Write as _;

impl Binding<'_> {
    pub(super) fn traps(&mut self) {
        let arms = |arm: &dyn Fn(Trap) -> String| Trap::ALL.map(arm).concat();
        let variants = arms(&|trap| format!("    /// {}\n    {trap:?},\n", trap.message()));
        let codes = arms(&|trap| format!("            {} => Trap::{trap:?},\n", trap.code()));
        let texts = arms(&|trap| format!("            Trap::{trap:?} => {:?},\n", trap.message()));
        write!(
            self.text,
            r#"
/// Why a call of the module ended early.
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trap {{
{variants}    /// One of a later windlass.
    Unknown,
}}

impl Trap {{
    fn from_code(code: i32) -> Trap {{
        match code {{
{codes}            _ => Trap::Unknown,
        }}
    }}
}}

impl core::fmt::Display for Trap {{
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {{
        f.write_str(match self {{
{texts}            Trap::Unknown => "unknown trap",
        }})
    }}
}}

impl core::error::Error for Trap {{}}

/// Why there is no instance.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InstantiateError {{
    /// The memory has fewer than `MEMORY_BYTES` bytes.
    MemoryTooSmall,
    /// The memory does not begin at a multiple of 8.
    MemoryMisaligned,
    /// A memory or table that is imported is smaller than the module declares.
    IncompatibleImport,
    /// A segment does not fit, or the start function trapped.
    Trapped(Trap),
}}

impl InstantiateError {{
    fn from_status(status: i32) -> Result<(), InstantiateError> {{
        match status {{
            {OK} => Ok(()),
            {TOO_SMALL} => Err(InstantiateError::MemoryTooSmall),
            {MISALIGNED} => Err(InstantiateError::MemoryMisaligned),
            {INCOMPATIBLE} => Err(InstantiateError::IncompatibleImport),
            trapped => Err(InstantiateError::Trapped(Trap::from_code(trapped - {TRAPPED}))),
        }}
    }}
}}

impl core::fmt::Display for InstantiateError {{
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {{
        match self {{
            InstantiateError::MemoryTooSmall => f.write_str("the memory is too small"),
            InstantiateError::MemoryMisaligned => f.write_str("the memory is not aligned to 8 bytes"),
            InstantiateError::IncompatibleImport => f.write_str("an import is smaller than declared"),
            InstantiateError::Trapped(trap) => write!(f, "initialisation trapped: {{trap}}"),
        }}
    }}
}}

impl core::error::Error for InstantiateError {{}}
"#,
            OK = status::OK,
            TOO_SMALL = status::MEMORY_TOO_SMALL,
            MISALIGNED = status::MEMORY_MISALIGNED,
            INCOMPATIBLE = status::INCOMPATIBLE_IMPORT,
            TRAPPED = status::TRAPPED,
        )
        .expect(TO_A_STRING);
    }

    pub(super) fn descriptors(&mut self) {
        self.add(
            r#"
/// A linear memory as it is now: `base[0]` to `base[bytes - 1]`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MemoryDescriptor {
    pub bytes: u32,
    pub base: *mut u8,
    /// Bytes that growing may reach.
    pub capacity: u32,
}

/// A table as it is now: `elements[0]` to `elements[size - 1]`, each a reference.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TableDescriptor {
    pub size: u32,
    pub elements: *mut Reference,
    /// Elements that growing may reach.
    pub capacity: u32,
}

/// A reference to a function, or a pointer of the host's. Null is the null reference.
pub type Reference = *const c_void;

impl MemoryDescriptor {
    /// # Safety
    /// The memory is there and nobody else uses it as long as the slice lives.
    unsafe fn slice<'m>(this: *const MemoryDescriptor) -> &'m mut [u8] {
        unsafe {
            match ((*this).bytes, (*this).base) {
                (0, _) => &mut [],
                (bytes, base) => core::slice::from_raw_parts_mut(base, bytes as usize),
            }
        }
    }
}
"#,
        );
    }
}
