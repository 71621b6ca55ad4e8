//! Spill traffic that was executed: the emulator's histogram against the code's spill accesses.

use crate::Artifact;
use crate::machine::Machine;
use windlass_backend::compiled::{CompiledFunction, RegionKind};

/// Registers moved to and from spill slots.
#[derive(Clone, Copy, Default)]
pub struct Traffic {
    pub stores: u64,
    pub loads: u64,
}

/// Sums over all functions of the artifact, which is the machine's `image`, as executed.
pub fn executed(artifact: &Artifact, machine: &Machine, image: usize) -> Traffic {
    let mut traffic = Traffic::default();
    for (function, compiled) in artifact.module.functions.iter().zip(&artifact.compiled.functions) {
        let name = &artifact.module.symbol(function.symbol).name;
        let Some(symbol) = machine.symbol(image, name) else { continue };
        for access in spill_accesses(compiled) {
            let times = machine.executions(symbol.address + access.offset);
            let registers = times * access.registers;
            *if access.is_store { &mut traffic.stores } else { &mut traffic.loads } += registers;
        }
    }
    traffic
}

/// An instruction that accesses spill slots.
struct Access {
    offset: u32,
    is_store: bool,
    registers: u64,
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
            if let Some((is_store, sp_offset, registers)) = decode(first, second) {
                // A pair may have one of its words beside the spill area.
                let words = (0..registers as u32).map(|nth| sp_offset + 4 * nth);
                let registers = words.filter(|word| function.spill_area.contains(word)).count();
                accesses.push(Access { offset: at as u32, is_store, registers: registers as u64 });
            }
            at += if first >= 0xe800 { 4 } else { 2 };
        }
    }
    accesses
}

/// Whether it stores, the offset and the number of registers of `ldr`, `str`, `ldrd`, `strd`, `vldr`
/// and `vstr` relative to sp (Armv7-M Architecture Reference Manual, A5.2, A5.3 and A6.5).
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
        // vldr, vstr: positive offset, of an s or a d register.
        _ if first & 0xffaf == 0xed80 | SP && second & 0xe00 == 0xa00 => {
            Some((first & 0x10 == 0, u32::from(second & 0xff) * 4, 1))
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
        // vstr s1, [sp, #4]; vldr s1, [sp, #4]
        assert_eq!(decode(0xedcd, 0x0a01), Some((true, 4, 1)));
        assert_eq!(decode(0xeddd, 0x0a01), Some((false, 4, 1)));
        // vstr d8, [sp, #1016]; vldr d8, [sp, #1016]
        assert_eq!(decode(0xed8d, 0x8bfe), Some((true, 1016, 1)));
        assert_eq!(decode(0xed9d, 0x8bfe), Some((false, 1016, 1)));
        // vldr s0, [r1, #4]; vpush {d8}
        assert_eq!(decode(0xed91, 0x0a01), None);
        assert_eq!(decode(0xed2d, 0x8b02), None);
        // ldr.w r0, [r1, #4]; push {r4, lr}
        assert_eq!(decode(0xf8d1, 0x0004), None);
        assert_eq!(decode(0xb510, 0), None);
    }
}
