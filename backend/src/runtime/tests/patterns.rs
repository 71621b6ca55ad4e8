//! Arguments at which arithmetic breaks, and random ones that come near them.

use crate::runtime::{Float, RuntimeCall};
use cranelift_codegen::ir::Type;
use cranelift_codegen::ir::types::I64;

/// Where arguments of one kind come from.
#[derive(Clone, Copy)]
pub enum Source {
    Int(Type),
    Float(Float),
}

/// Of each argument of a routine that is not of memory.
pub fn sources(call: RuntimeCall) -> Vec<Source> {
    use RuntimeCall::*;
    let params = call.types(I64).0;
    let float = match call {
        DivRem { .. } | FromInt { .. } | Memmove | Memset => None,
        Add(f) | Sub(f) | Mul(f) | Div(f) | Sqrt(f) | Min(f) | Max(f) => Some(f),
        Round(f, _) | Compare(f, _) | ToInt { from: f, .. } | ToIntSat { from: f, .. } => Some(f),
        Promote => Some(Float::F32),
        Demote => Some(Float::F64),
    };
    params.into_iter().map(|ty| float.map_or(Source::Int(ty), Source::Float)).collect()
}

impl Source {
    fn width(self) -> u32 {
        match self {
            Source::Int(ty) => ty.bits(),
            Source::Float(f) => f.bits_type().bits(),
        }
    }

    fn cut(self, bits: u64) -> u64 {
        bits & (u64::MAX >> (64 - self.width()))
    }

    pub fn edges(self) -> Box<dyn Iterator<Item = u64>> {
        match self {
            Source::Int(_) => Box::new(int_edges().map(move |bits| self.cut(bits))),
            Source::Float(f) => Box::new(float_edges(f)),
        }
    }
}

/// Powers of two and their neighbours, of both signs, and words of patterns.
fn int_edges() -> impl Iterator<Item = u64> {
    let near_powers = (0..64).step_by(3).chain([31, 32, 52, 53, 62]).flat_map(|power| {
        let power = 1_u64 << power;
        [power - 1, power, power + 1, power.wrapping_neg()]
    });
    near_powers.chain([
        0,
        3,
        u64::MAX,
        0x8000_0000_8000_0001,
        0xffff_fffe_ffff_ffff,
        0x0000_ffff_0000_ffff,
        0x5555_5555_5555_5555,
        0x7fff_ffff_ffff_fbff,
        0x0000_0001_0000_0000,
    ])
}

fn float_edges(f: Float) -> impl Iterator<Item = u64> {
    let (bias, fraction, least) = (f.bias(), f.fraction_mask(), f.implicit_bit());
    let half = least >> 1;
    let max = f.max_exponent();
    // Distances from 1 at which a smaller operand, an integer or a product meets a limit.
    let precision = u64::from(f.fraction_bits());
    let near_one = [0, 1, 2, 22, 23, 24, 25, 30, 31, 32, 33, 51, 52, 53, 54, 55, 62, 63, 64]
        .into_iter()
        .flat_map(move |distance| [bias - distance, bias + distance]);
    let far = [1, 2, precision, bias - bias / 2, bias + bias / 2, max - 2, max - 1];
    let normal = near_one.chain(far).flat_map(move |exponent| {
        [0, 1, half, half + 1, fraction - 1, fraction].map(|low| (exponent * least) | low)
    });
    let subnormal = [0, 1, 2, 3, half - 1, half, half + 1, fraction - 1, fraction];
    let extreme = [0, 1, half, half + 1, fraction].map(|low| f.infinity() | low);
    let all = normal.chain(subnormal).chain(extreme);
    all.flat_map(move |magnitude| [magnitude, magnitude | f.sign_bit()])
}

/// Xorshift (Marsaglia, "Xorshift RNGs", 2003).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    /// Of any bits; of few bits set or clear; of a random width.
    fn bits(&mut self) -> u64 {
        let bits = self.next();
        match self.below(8) {
            0 => bits & self.next() & self.next(),
            1 => bits | self.next() | self.next(),
            2 | 3 => bits >> self.below(64),
            4 => (bits >> self.below(64)).wrapping_neg(),
            5 => bits << self.below(64),
            _ => bits,
        }
    }

    fn arg(&mut self, source: Source, previous: Option<u64>) -> u64 {
        match (source, previous) {
            (Source::Int(_), Some(previous)) if self.below(4) == 0 => {
                source.cut(previous.wrapping_add(self.below(7)).wrapping_sub(3))
            }
            (Source::Int(_), _) => source.cut(self.bits()),
            (Source::Float(f), previous) => self.float(f, previous),
        }
    }

    fn float(&mut self, f: Float, previous: Option<u64>) -> u64 {
        let least = f.implicit_bit();
        let sign = if self.below(2) == 0 { 0 } else { f.sign_bit() };
        let fraction = self.bits() & f.fraction_mask();
        let near = match previous {
            Some(previous) => (previous & f.magnitude_mask()) / least,
            None => f.bias(),
        };
        let exponent = match self.below(8) {
            0 => self.below(4),
            1 => f.max_exponent() - self.below(4),
            2 | 3 => self.below(f.max_exponent() + 1),
            // Neighbours of the other operand, at times by a few units in the last place.
            4 if previous.is_some() => {
                let magnitude = previous.map_or(0, |bits| bits & f.magnitude_mask());
                return sign | (magnitude.wrapping_add(self.below(5)) & f.magnitude_mask());
            }
            _ => near.saturating_add(self.below(131)).saturating_sub(65),
        };
        sign | (exponent.min(f.max_exponent()) * least) | fraction
    }

    pub fn args(&mut self, sources: &[Source]) -> Vec<u64> {
        let mut args = Vec::with_capacity(sources.len());
        for &source in sources {
            args.push(self.arg(source, args.last().copied()));
        }
        args
    }
}
