//! Spill traffic that was executed: the emulator's histogram against the code's spill accesses.

use crate::Artifact;
use crate::emulator::Emulator;
use crate::machine::Machine;
use windlass_backend::compiled::{CompiledFunction, RegionKind};

/// Words moved between registers and spill slots.
#[derive(Clone, Copy, Default)]
pub struct Traffic {
    pub stores: u64,
    pub loads: u64,
}

/// Sums over all functions of the artifact that `machine` executed.
pub fn executed(artifact: &Artifact, machine: &Machine) -> Traffic {
    let histogram = machine.emulator.histogram();
    let mut traffic = Traffic::default();
    for (function, compiled) in artifact.module.functions.iter().zip(&artifact.compiled.functions) {
        let name = &artifact.module.symbol(function.symbol).name;
        let Some(symbol) = machine.image.symbol(name) else { continue };
        for access in spill_accesses(compiled) {
            let at = (symbol.address - machine.image.base() + access.offset) / 2;
            let words = u64::from(histogram.get(at as usize).copied().unwrap_or(0)) * access.words;
            *if access.is_store { &mut traffic.stores } else { &mut traffic.loads } += words;
        }
    }
    traffic
}

/// An instruction that accesses spill slots.
struct Access {
    offset: u32,
    is_store: bool,
    words: u64,
}

/// Finds the sp-relative accesses whose address is in the function's spill area.
fn spill_accesses(function: &CompiledFunction) -> Vec<Access> {
    let mut accesses = Vec::new();
    for (i, region) in function.regions.iter().enumerate() {
        let end = function.regions.get(i + 1).map_or(function.code.len(), |r| r.offset as usize);
        if region.kind != RegionKind::Code {
            continue;
        }
        let mut at = region.offset as usize;
        while at + 2 <= end {
            let half = |at: usize| {
                let bytes = function.code.get(at..at + 2);
                bytes.map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
            };
            let (first, second) = (half(at), half(at + 2));
            if let Some((is_store, sp_offset, words)) = decode(first, second)
                && function.spill_area.contains(&sp_offset)
            {
                accesses.push(Access { offset: at as u32, is_store, words });
            }
            at += if first >= 0xe800 { 4 } else { 2 };
        }
    }
    accesses
}

/// Whether it stores, the offset and the words of `ldr`, `str`, `ldrd` and `strd` relative to sp
/// (Armv7-M Architecture Reference Manual, A5.2 and A5.3).
fn decode(first: u16, second: u16) -> Option<(bool, u32, u64)> {
    const SP: u16 = 13;
    match first {
        // Encoding T2, 16 bits.
        0x9000..=0x9fff => Some((first & 0x800 == 0, u32::from(first & 0xff) * 4, 1)),
        // T3, 32 bits, 12-bit offset.
        _ if first & 0xffef == 0xf8c0 | SP => {
            Some((first & 0x10 == 0, u32::from(second & 0xfff), 1))
        }
        // ldrd, strd: T1, positive offset without write-back.
        _ if first & 0xffef == 0xe9c0 | SP => {
            Some((first & 0x10 == 0, u32::from(second & 0xff) * 4, 2))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_accesses_relative_to_sp() {
        // str r1, [sp, #8]; ldr r1, [sp, #8]
        assert_eq!(decode(0x9102, 0), Some((true, 8, 1)));
        assert_eq!(decode(0x9902, 0), Some((false, 8, 1)));
        // str.w r9, [sp, #1028]; ldr.w r9, [sp, #1028]
        assert_eq!(decode(0xf8cd, 0x9404), Some((true, 1028, 1)));
        assert_eq!(decode(0xf8dd, 0x9404), Some((false, 1028, 1)));
        // strd r0, r1, [sp, #16]; ldrd r0, r1, [sp, #16]
        assert_eq!(decode(0xe9cd, 0x0104), Some((true, 16, 2)));
        assert_eq!(decode(0xe9dd, 0x0104), Some((false, 16, 2)));
        // ldr.w r0, [r1, #4]; push {r4, lr}
        assert_eq!(decode(0xf8d1, 0x0004), None);
        assert_eq!(decode(0xb510, 0), None);
    }
}
