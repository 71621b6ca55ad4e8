//! Register operands of machine instructions.
//!
//! A [`Reg`] is what an instruction field holds through its whole life: a virtual register after
//! lowering, a physical register (or, for an `Any` operand, a spill slot) after allocation. A
//! physical register before allocation names one of the reserved roles (instance pointer, cached
//! memory fields, stack pointer), which allocators never touch.

use core::fmt;
use regalloc2::{Allocation, PReg, RegClass, SpillSlot, VReg};

/// A virtual register, a physical register or a spill slot.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reg(u32);

/// Top two bits select the kind; `VReg` bits use at most 30 + 2, so virtual registers above 2^28
/// do not occur (a function that large is declined long before).
const KIND_SHIFT: u32 = 30;
const KIND_VIRTUAL: u32 = 0;
const KIND_PHYSICAL: u32 = 1;
const KIND_SLOT: u32 = 2;
const PAYLOAD: u32 = (1 << KIND_SHIFT) - 1;

impl Reg {
    pub const fn physical(preg: PReg) -> Reg {
        Reg(KIND_PHYSICAL << KIND_SHIFT | preg.index() as u32)
    }

    pub fn virtual_reg(vreg: VReg) -> Reg {
        debug_assert!(vreg.bits() as u32 <= PAYLOAD);
        Reg(vreg.bits() as u32)
    }

    pub fn slot(slot: SpillSlot) -> Reg {
        Reg(KIND_SLOT << KIND_SHIFT | slot.index() as u32)
    }

    const fn kind(self) -> u32 {
        self.0 >> KIND_SHIFT
    }

    pub fn as_vreg(self) -> Option<VReg> {
        (self.kind() == KIND_VIRTUAL)
            .then(|| VReg::new((self.0 >> 2) as usize, class_from_bits(self.0 & 3)))
    }

    pub fn as_preg(self) -> Option<PReg> {
        (self.kind() == KIND_PHYSICAL).then(|| PReg::from_index((self.0 & PAYLOAD) as usize))
    }

    pub fn as_slot(self) -> Option<SpillSlot> {
        (self.kind() == KIND_SLOT).then(|| SpillSlot::new((self.0 & PAYLOAD) as usize))
    }

    pub fn is_virtual(self) -> bool {
        self.kind() == KIND_VIRTUAL
    }

    /// The class of a virtual or physical register; slots are classless and answer `Int`.
    pub fn class(self) -> RegClass {
        match self.kind() {
            KIND_VIRTUAL => class_from_bits(self.0 & 3),
            KIND_PHYSICAL => PReg::from_index((self.0 & PAYLOAD) as usize).class(),
            _ => RegClass::Int,
        }
    }
}

fn class_from_bits(bits: u32) -> RegClass {
    match bits {
        0 => RegClass::Int,
        1 => RegClass::Float,
        _ => RegClass::Vector,
    }
}

impl From<PReg> for Reg {
    fn from(preg: PReg) -> Reg {
        Reg::physical(preg)
    }
}

impl From<VReg> for Reg {
    fn from(vreg: VReg) -> Reg {
        Reg::virtual_reg(vreg)
    }
}

impl From<Allocation> for Reg {
    /// Panics on `Allocation::none()`, which no allocator leaves behind.
    fn from(alloc: Allocation) -> Reg {
        if let Some(preg) = alloc.as_reg() {
            Reg::physical(preg)
        } else {
            Reg::slot(alloc.as_stack().expect("an allocated operand"))
        }
    }
}

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(v) = self.as_vreg() {
            let prefix = if v.class() == RegClass::Int { 'v' } else { 'f' };
            write!(f, "{prefix}{}", v.vreg())
        } else if let Some(p) = self.as_preg() {
            write!(f, "{p}")
        } else {
            write!(f, "slot{}", self.0 & PAYLOAD)
        }
    }
}

/// Marks a register field that the instruction writes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Writable<T>(T);

impl<T: Copy> Writable<T> {
    pub fn from_reg(reg: T) -> Self {
        Writable(reg)
    }

    pub fn to_reg(self) -> T {
        self.0
    }

    /// The field itself, for operand visitors.
    pub fn reg_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Writable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One or two registers that hold one CLIF value, low word first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueRegs<T> {
    One(T),
    Two(T, T),
}

impl<T: Copy> ValueRegs<T> {
    pub fn len(self) -> usize {
        match self {
            ValueRegs::One(_) => 1,
            ValueRegs::Two(..) => 2,
        }
    }

    pub fn is_empty(self) -> bool {
        false
    }

    /// The only register of a one-register value.
    pub fn only(self) -> Option<T> {
        match self {
            ValueRegs::One(r) => Some(r),
            ValueRegs::Two(..) => None,
        }
    }

    /// The low (0) or high (1) register.
    pub fn get(self, index: usize) -> T {
        match (self, index) {
            (ValueRegs::One(r), 0) | (ValueRegs::Two(r, _), 0) | (ValueRegs::Two(_, r), 1) => r,
            _ => panic!("register {index} of a value in {} registers", self.len()),
        }
    }

    pub fn map<U>(self, f: impl Fn(T) -> U) -> ValueRegs<U> {
        match self {
            ValueRegs::One(a) => ValueRegs::One(f(a)),
            ValueRegs::Two(a, b) => ValueRegs::Two(f(a), f(b)),
        }
    }

    pub fn iter(self) -> impl Iterator<Item = T> {
        let (a, b) = match self {
            ValueRegs::One(a) => (a, None),
            ValueRegs::Two(a, b) => (a, Some(b)),
        };
        core::iter::once(a).chain(b)
    }
}
