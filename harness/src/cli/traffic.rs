//! What was executed: the emulator's histogram against the functions' instructions.

use crate::Artifact;
use crate::machine::Machine;
use crate::report::schema::Dynamic;
use windlass_backend::compiled::{CompiledFunction, RegionKind};

/// Counts of each function of the artifact, which is the machine's `image`.
pub fn executed(artifact: &Artifact, machine: &Machine, image: usize) -> Vec<Dynamic> {
    let functions = artifact.module.functions.iter().zip(&artifact.compiled.functions);
    let counts = functions.map(|(function, compiled)| {
        let name = &artifact.module.symbol(function.symbol).name;
        let symbol = machine.symbol(image, name);
        symbol.map_or_else(Dynamic::default, |symbol| count(compiled, machine, symbol.address))
    });
    counts.collect()
}

/// Counts of one function, which begins at `address`.
fn count(function: &CompiledFunction, machine: &Machine, address: u32) -> Dynamic {
    let mut counts = Dynamic::default();
    for (offset, first, second) in instructions(function) {
        let times = machine.executions(address + offset);
        counts.insts += times;
        if is_copy(first, second) {
            counts.copies += times;
        }
        if let Some((is_store, at, registers)) = decode(first, second) {
            // A pair may have one of its words beside the spill area.
            let words = (0..registers as u32).map(|nth| at + 4 * nth);
            let registers = words.filter(|word| function.spill_area.contains(word)).count() as u64;
            let sum = if is_store { &mut counts.spill_stores } else { &mut counts.reloads };
            *sum += times * registers;
        }
    }
    counts.cost = counts.spill_stores + counts.reloads;
    counts
}

/// The offset of each instruction with its first halfword and the one behind it.
fn instructions(function: &CompiledFunction) -> Vec<(u32, u16, u16)> {
    let mut instructions = Vec::new();
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
            instructions.push((at as u32, first, second));
            at += if first >= 0xe800 { 4 } else { 2 };
        }
    }
    instructions
}

/// Whether it is a `mov`, `movs` or `vmov` from a register to another of the same kind, sp and pc
/// apart (Armv7-M Architecture Reference Manual, A7.7.77 and A7.7.240).
fn is_copy(first: u16, second: u16) -> bool {
    let special = |register: u16| register == 13 || register == 15;
    match first {
        // movs, T2; mov, T1.
        0x0000..=0x003f => true,
        0x4600..=0x46ff => !special(first >> 4 & 8 | first & 7) && !special(first >> 3 & 15),
        // mov, mov.w: T3.
        _ if first & 0xffef == 0xea4f => second & 0xf0f0 == 0,
        // vmov of s and d registers: T2.
        _ if first & 0xffbf == 0xeeb0 => second & 0xed0 == 0xa40,
        _ => false,
    }
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

    #[test]
    fn recognises_copies() {
        // mov r8, r1; movs r1, r2; mov.w r8, r1; vmov.f32 s1, s2; vmov.f64 d8, d1
        for (first, second) in
            [(0x4688, 0), (0x0011, 0), (0xea4f, 0x0801), (0xeef0, 0x0a41), (0xeeb0, 0x8b41)]
        {
            assert!(is_copy(first, second), "{first:04x} {second:04x}");
        }
        // mov r7, sp; mov pc, lr; lsls r1, r2, #1; lsl.w r8, r1, #2; vmov.f32 s0, #1.0; vneg.f32
        // s0, s1; bx lr
        for (first, second) in [
            (0x466f, 0),
            (0x46f7, 0),
            (0x0051, 0),
            (0xea4f, 0x0881),
            (0xeeb7, 0x0a00),
            (0xeeb1, 0x0a60),
            (0x4770, 0),
        ] {
            assert!(!is_copy(first, second), "{first:04x} {second:04x}");
        }
    }
}
