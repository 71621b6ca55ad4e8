//! Where values travel at public interfaces: AAPCS32, section 6.5, written apart from the compiler's
//! own reading of it.
//!
//! Input: types. Output: for each value the places of its words, low word first.

use windlass_backend::module::ValType;

/// Registers for arguments and results: r0-r3, and s0-s15 in the VFP variant.
const CORE_REGS: usize = 4;
const FLOAT_REGS: usize = 16;

/// The place of a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A core register.
    Core(usize),
    /// An s register; an f64 in dn is in s(2n) and s(2n + 1).
    Float(usize),
    /// Bytes from sp at the call.
    Stack(u32),
}

/// The variants of the standard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    /// Floats as integers of their size.
    Base,
    /// Floats in floating-point registers.
    Vfp,
}

/// The places of a list of values, and the bytes of stack that they take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Places {
    pub of: Vec<Vec<Place>>,
    pub stack_bytes: u32,
}

impl Variant {
    pub fn arguments(self, types: &[ValType]) -> Places {
        Assigner::new(self, true).assign(types)
    }

    /// Whether C returns a struct of these types through a pointer. In registers are homogeneous
    /// aggregates of floats, in the VFP variant (5.3.5, 6.5); what we return is never small.
    pub fn returns_by_pointer(self, types: &[ValType]) -> bool {
        let all = |format| types.iter().all(|&ty| ty == format);
        let is_homogeneous = types.len() <= 4 && (all(ValType::F32) || all(ValType::F64));
        types.len() > 1 && !(self == Variant::Vfp && is_homogeneous)
    }

    /// Several results, which C does not know, follow each other without gaps; no more than fit
    /// the registers.
    pub fn results(self, types: &[ValType]) -> Places {
        Assigner::new(self, false).assign(types)
    }
}

struct Assigner {
    variant: Variant,
    /// 64-bit integers begin at even registers.
    even_pairs: bool,
    next_core: usize,
    free_floats: [bool; FLOAT_REGS],
    stack_bytes: u32,
}

impl Assigner {
    fn new(variant: Variant, even_pairs: bool) -> Assigner {
        let free_floats = [true; FLOAT_REGS];
        Assigner { variant, even_pairs, next_core: 0, free_floats, stack_bytes: 0 }
    }

    fn assign(mut self, types: &[ValType]) -> Places {
        let of = types.iter().map(|&ty| self.value(ty)).collect();
        Places { of, stack_bytes: self.stack_bytes }
    }

    fn value(&mut self, ty: ValType) -> Vec<Place> {
        let words = ty.bytes() as usize / 4;
        let is_float = matches!(ty, ValType::F32 | ValType::F64);
        if is_float && self.variant == Variant::Vfp {
            return self.float(words);
        }
        if self.even_pairs {
            self.next_core = self.next_core.next_multiple_of(words);
        }
        if self.next_core + words <= CORE_REGS {
            self.next_core += words;
            return (self.next_core - words..self.next_core).map(Place::Core).collect();
        }
        self.next_core = CORE_REGS;
        self.stack(words)
    }

    /// The lowest registers that are free and aligned; once there are none, none are free.
    fn float(&mut self, words: usize) -> Vec<Place> {
        let is_free = |&first: &usize| self.free_floats[first..first + words].iter().all(|&f| f);
        match (0..FLOAT_REGS).step_by(words).find(is_free) {
            Some(first) => {
                self.free_floats[first..first + words].fill(false);
                (first..first + words).map(Place::Float).collect()
            }
            None => {
                self.free_floats.fill(false);
                self.stack(words)
            }
        }
    }

    fn stack(&mut self, words: usize) -> Vec<Place> {
        let bytes = 4 * words as u32;
        let at = self.stack_bytes.next_multiple_of(bytes);
        self.stack_bytes = at + bytes;
        (at..self.stack_bytes).step_by(4).map(Place::Stack).collect()
    }
}

/// Offsets of the fields of a C struct of these types, and its size.
pub fn struct_layout(types: &[ValType]) -> (Vec<u32>, u32) {
    let mut end: u32 = 0;
    let mut align = 4;
    let mut offsets = Vec::new();
    for &ty in types {
        let size = ty.bytes();
        align = align.max(size);
        let at = end.next_multiple_of(size);
        offsets.push(at);
        end = at + size;
    }
    (offsets, end.next_multiple_of(align))
}

#[cfg(test)]
mod tests {
    use super::Place::*;
    use super::*;
    use ValType::*;

    #[test]
    fn pairs_are_even_in_the_base_variant() {
        let places = Variant::Base.arguments(&[I32, F64, I32, I64]);
        let pair = |at| vec![Stack(at), Stack(at + 4)];
        let expected = [vec![Core(0)], vec![Core(2), Core(3)], vec![Stack(0)], pair(8)];
        assert_eq!(places, Places { of: expected.to_vec(), stack_bytes: 16 });
    }

    #[test]
    fn gaps_between_doubles_are_filled() {
        let places = Variant::Vfp.arguments(&[F32, F64, F32, I32]).of;
        let double = vec![Float(2), Float(3)];
        assert_eq!(places, [vec![Float(0)], double, vec![Float(1)], vec![Core(0)]]);
    }

    #[test]
    fn what_follows_a_float_on_the_stack_is_there() {
        let mut types = vec![F64; 7];
        types.extend([F32, F64, F32, I32]);
        let of = Variant::Vfp.arguments(&types).of;
        let double = vec![Stack(0), Stack(4)];
        assert_eq!(of[7..], [vec![Float(14)], double, vec![Stack(8)], vec![Core(0)]]);
    }

    #[test]
    fn results_follow_each_other() {
        let of = Variant::Base.results(&[I32, I64, F32]).of;
        assert_eq!(of, [vec![Core(0)], vec![Core(1), Core(2)], vec![Core(3)]]);
    }
}
