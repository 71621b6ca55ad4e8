//! What makes an ELF object an Arm one: header flags, build attributes, mapping symbols, relocations.
//!
//! Sources: "ELF for the Arm Architecture" (AAELF32) and "Addenda to, and Errata in, the ABI for
//! the Arm Architecture" (Addenda32), section "Build Attributes". Names are theirs.

use crate::inst::unwind::core_number;
use crate::regs::{LR, SP};
use windlass_backend::debug::DwarfRegisters;
use windlass_backend::object::{
    Architecture, AttributesSection, CodeRecord, ElfFormat, Endianness, MappingSymbols,
};

/// Relocation types (AAELF32, "Relocation types"), for `windlass_backend::compiled::Reloc::kind`.
/// S: the symbol's address, A: the addend, P: the place, T: 1 for a Thumb function.
pub mod reloc {
    /// Nothing: the section needs the symbol's.
    pub const R_ARM_NONE: u32 = 0;
    /// Word: (S + A) | T.
    pub const R_ARM_ABS32: u32 = 2;
    /// Word: ((S + A) | T) - P.
    pub const R_ARM_REL32: u32 = 3;
    /// `bl`: ((S + A) | T) - P; A is -4, since pc reads 4 ahead.
    pub const R_ARM_THM_CALL: u32 = 10;
    /// `b.w`, like `R_ARM_THM_CALL`.
    pub const R_ARM_THM_JUMP24: u32 = 30;
    /// `movw`: (S + A) | T, low half.
    pub const R_ARM_THM_MOVW_ABS_NC: u32 = 47;
    /// `movt`: S + A, high half.
    pub const R_ARM_THM_MOVT_ABS: u32 = 48;
    /// `b<cond>.w`, like `R_ARM_THM_CALL`.
    pub const R_ARM_THM_JUMP19: u32 = 51;
}

const EF_ARM_EABI_VER5: u32 = 0x0500_0000;
const SHT_ARM_ATTRIBUTES: u32 = 0x7000_0003;
/// Bit 0 of an address selects the Thumb state.
const THUMB_BIT: u64 = 1;

/// Tag_CPU_arch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CpuArch {
    V7 = 10,
    V7EM = 13,
    V8MMainline = 17,
}

/// A floating-point unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FpArch {
    /// Cortex-M4: single precision.
    Fpv4SpD16,
    /// Cortex-M33 and M7: single precision.
    Fpv5SpD16,
    /// Cortex-M7: double precision.
    Fpv5D16,
}

impl FpArch {
    pub const ALL: [FpArch; 3] = [FpArch::Fpv4SpD16, FpArch::Fpv5SpD16, FpArch::Fpv5D16];

    /// GCC's name.
    pub fn name(self) -> &'static str {
        match self {
            FpArch::Fpv4SpD16 => "fpv4-sp-d16",
            FpArch::Fpv5SpD16 => "fpv5-sp-d16",
            FpArch::Fpv5D16 => "fpv5-d16",
        }
    }
}

/// The attributes in which one object of ours differs from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BuildAttributes<'a> {
    pub arch: CpuArch,
    /// Any name; linkers show it in diagnostics.
    pub cpu_name: &'a str,
    /// Instructions of the optional DSP extension of Armv8-M occur.
    pub dsp: bool,
    pub fp: Option<FpArch>,
    /// Floats travel in VFP registers at public interfaces (eabihf).
    pub vfp_args: bool,
}

/// The ELF of a Thumb-2 object with these attributes.
pub fn elf_format(attributes: &BuildAttributes<'_>) -> ElfFormat {
    ElfFormat {
        architecture: Architecture::Arm,
        endianness: Endianness::Little,
        e_flags: EF_ARM_EABI_VER5,
        address_relocation: reloc::R_ARM_ABS32,
        relative_relocation: reloc::R_ARM_REL32,
        call_relocation: reloc::R_ARM_THM_CALL,
        jump_relocation: reloc::R_ARM_THM_JUMP24,
        function_symbol_bit: THUMB_BIT,
        mapping_symbols: Some(MappingSymbols { code: "$t", data: "$d" }),
        attributes: Some(AttributesSection {
            name: ".ARM.attributes",
            section_type: SHT_ARM_ATTRIBUTES,
            bytes: attributes.encode(),
        }),
        code_record: CodeRecord {
            no_relocation: reloc::R_ARM_NONE,
            flags: u32::from(attributes.fp.is_some()),
        },
        dwarf_registers: DwarfRegisters {
            stack_pointer: core_number(SP),
            return_address: core_number(LR),
        },
    }
}

/// Attribute tags (Addenda32, "Public aeabi attribute tags").
mod tag {
    pub const FILE: u8 = 1;
    pub const CPU_NAME: u8 = 5;
    pub const CPU_ARCH: u8 = 6;
    pub const CPU_ARCH_PROFILE: u8 = 7;
    pub const THUMB_ISA_USE: u8 = 9;
    pub const FP_ARCH: u8 = 10;
    pub const ABI_FP_DENORMAL: u8 = 20;
    pub const ABI_FP_NUMBER_MODEL: u8 = 23;
    pub const ABI_ALIGN_NEEDED: u8 = 24;
    pub const ABI_ALIGN_PRESERVED: u8 = 25;
    pub const ABI_HARDFP_USE: u8 = 27;
    pub const ABI_VFP_ARGS: u8 = 28;
    pub const CPU_UNALIGNED_ACCESS: u8 = 34;
    pub const DSP_EXTENSION: u8 = 46;
}

impl BuildAttributes<'_> {
    /// The section's bytes: one vendor subsection with one file-scope subsubsection.
    ///
    /// Tags that are absent mean 0: no wchar_t and no enum crosses our interfaces, so objects built
    /// with either size of them link.
    pub fn encode(&self) -> Vec<u8> {
        let mut file = Vec::new();
        self.encode_cpu(&mut file);
        self.encode_fp(&mut file);
        self.encode_alignment(&mut file);
        let mut vendor = b"aeabi\0".to_vec();
        vendor.push(tag::FILE);
        vendor.extend(with_length(1, &file));
        let mut section = vec![b'A'];
        section.extend(with_length(0, &vendor));
        section
    }

    fn encode_cpu(&self, out: &mut Vec<u8>) {
        out.push(tag::CPU_NAME);
        out.extend(self.cpu_name.bytes().filter(|&b| b != 0));
        out.push(0);
        out.extend([tag::CPU_ARCH, self.arch as u8]);
        out.extend([tag::CPU_ARCH_PROFILE, b'M']);
        let thumb_isa_use = match self.arch {
            CpuArch::V7 | CpuArch::V7EM => 2, // Thumb-2
            CpuArch::V8MMainline => 3,        // what the architecture permits
        };
        out.extend([tag::THUMB_ISA_USE, thumb_isa_use]);
        if self.dsp && self.arch == CpuArch::V8MMainline {
            out.extend([tag::DSP_EXTENSION, 1]);
        }
    }

    fn encode_fp(&self, out: &mut Vec<u8>) {
        // Tag_FP_arch, and whether that is used for single precision only.
        let unit = self.fp.map(|fp| match fp {
            FpArch::Fpv4SpD16 => (6, true),
            FpArch::Fpv5SpD16 => (8, true),
            FpArch::Fpv5D16 => (8, false),
        });
        if let Some((fp_arch, _)) = unit {
            out.extend([tag::FP_ARCH, fp_arch]);
        }
        // Without a unit too: linkers compare where floats travel only in objects that have them.
        out.extend([tag::ABI_FP_DENORMAL, 1]); // IEEE 754 denormals
        out.extend([tag::ABI_FP_NUMBER_MODEL, 3]); // NaNs and infinities as well
        if let Some((_, true)) = unit {
            out.extend([tag::ABI_HARDFP_USE, 1]);
        }
        // Said of the base variant as well, lest lld take it for unknown.
        out.extend([tag::ABI_VFP_ARGS, u8::from(self.vfp_args)]);
    }

    fn encode_alignment(&self, out: &mut Vec<u8>) {
        out.extend([tag::ABI_ALIGN_NEEDED, 1]); // 8 bytes, at public interfaces
        out.extend([tag::ABI_ALIGN_PRESERVED, 1]);
        out.extend([tag::CPU_UNALIGNED_ACCESS, 1]);
    }
}

/// `body` after its length, which counts itself and `before` bytes in front of it.
fn with_length(before: usize, body: &[u8]) -> Vec<u8> {
    // A section of attributes is some dozen bytes, the cpu's name included.
    let length = (before + 4 + body.len()) as u32;
    [&length.to_le_bytes(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(arch: CpuArch) -> BuildAttributes<'static> {
        BuildAttributes { arch, cpu_name: "x", dsp: false, fp: None, vfp_args: false }
    }

    /// Splits a section back into (tag, value) pairs, checking every length on the way.
    fn decode(section: &[u8]) -> (String, Vec<(u8, u8)>) {
        let length = |at: usize| u32::from_le_bytes(section[at..at + 4].try_into().unwrap());
        assert_eq!(section[0], b'A');
        assert_eq!(length(1) as usize, section.len() - 1);
        assert_eq!(&section[5..11], b"aeabi\0");
        assert_eq!(section[11], tag::FILE);
        assert_eq!(length(12) as usize, section.len() - 11);
        assert_eq!(section[16], tag::CPU_NAME);
        let end = 17 + section[17..].iter().position(|&b| b == 0).unwrap();
        let name = String::from_utf8(section[17..end].to_vec()).unwrap();
        let pairs = section[end + 1..].chunks(2).map(|pair| (pair[0], pair[1])).collect();
        (name, pairs)
    }

    #[test]
    fn cortex_m4_has_the_attributes_that_gcc_gives_it_and_its_variant() {
        let (name, pairs) =
            decode(&BuildAttributes { cpu_name: "7E-M", ..attributes(CpuArch::V7EM) }.encode());
        assert_eq!(name, "7E-M");
        let expected =
            [(6, 13), (7, b'M'), (9, 2), (20, 1), (23, 3), (28, 0), (24, 1), (25, 1), (34, 1)];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn armv8m_names_its_own_thumb_and_dsp() {
        let with_dsp = BuildAttributes { dsp: true, ..attributes(CpuArch::V8MMainline) };
        let pairs = decode(&with_dsp.encode()).1;
        assert!(pairs.starts_with(&[(6, 17), (7, b'M'), (9, 3), (46, 1)]));
        let without = decode(&attributes(CpuArch::V8MMainline).encode()).1;
        assert!(!without.iter().any(|pair| pair.0 == tag::DSP_EXTENSION));
    }

    #[test]
    fn units_and_where_floats_travel_are_told() {
        let floats = |fp, vfp_args| {
            let attributes = BuildAttributes { fp, vfp_args, ..attributes(CpuArch::V7EM) };
            let of_floats = [
                tag::FP_ARCH,
                tag::ABI_FP_DENORMAL,
                tag::ABI_FP_NUMBER_MODEL,
                tag::ABI_HARDFP_USE,
                tag::ABI_VFP_ARGS,
            ];
            let mut pairs = decode(&attributes.encode()).1;
            pairs.retain(|pair| of_floats.contains(&pair.0));
            pairs
        };
        let (denormal, number_model, single_only) = ((20, 1), (23, 3), (27, 1));
        assert_eq!(floats(None, false), [denormal, number_model, (28, 0)]);
        for (fp, arch) in [(FpArch::Fpv4SpD16, 6), (FpArch::Fpv5SpD16, 8)] {
            for hard in [false, true] {
                let vfp_args = (28, u8::from(hard));
                let expected = [(10, arch), denormal, number_model, single_only, vfp_args];
                assert_eq!(floats(Some(fp), hard), expected);
            }
        }
        for hard in [false, true] {
            let expected = [(10, 8), denormal, number_model, (28, u8::from(hard))];
            assert_eq!(floats(Some(FpArch::Fpv5D16), hard), expected);
        }
    }

    #[test]
    fn a_nul_in_the_cpu_name_does_not_end_it() {
        let odd = BuildAttributes { cpu_name: "a\0b", ..attributes(CpuArch::V7) };
        assert_eq!(decode(&odd.encode()).0, "ab");
    }
}
