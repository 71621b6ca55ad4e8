//! Relocation: one field of four bytes at a time.
//!
//! Fields and formulas are those of *ELF for the Arm Architecture* (IHI 0044), 5.6.1.3 and 5.6.1.6,
//! with addends in place.

use object::elf;

/// The value of a symbol for relocation: its address, and whether that is Thumb code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    pub address: u32,
    pub thumb: bool,
}

impl Target {
    pub fn new(address: u32) -> Target {
        Target { address, thumb: false }
    }

    /// `(S + A) | T`.
    fn with_addend(self, addend: i32) -> u32 {
        self.address.wrapping_add_signed(addend) | u32::from(self.thumb)
    }
}

/// `nop.w`, with which a call of nothing goes on behind it.
const NOP_W: u32 = 0xf3af_8000;

/// Completes one field that refers to a weak symbol that nothing defines (IHI 0044, 5.5.3): a branch
/// does nothing, a distance is that to the place itself, an address is 0.
pub fn relocate_undefined(
    field: &mut [u8; 4],
    r_type: elf::RelocationType,
    place: u32,
) -> Result<(), String> {
    match r_type {
        elf::R_ARM_THM_PC22 | elf::R_ARM_THM_JUMP24 | elf::R_ARM_THM_JUMP19 => {
            *field = NOP_W.rotate_left(16).to_le_bytes();
            Ok(())
        }
        elf::R_ARM_REL32 => relocate(field, r_type, place, Target::new(place)),
        _ => relocate(field, r_type, place, Target::new(0)),
    }
}

/// Completes one field of a section that is not loaded and refers to what is left out. A debugger
/// must take it for no address, and 0 may well be one.
pub fn relocate_left_out(
    field: &mut [u8; 4],
    r_type: elf::RelocationType,
    section: &str,
) -> Result<(), String> {
    let word: u32 = match section {
        // In the lists of DWARF 4 two zeros are the end, and all ones announce a base.
        ".debug_ranges" | ".debug_loc" => 1,
        _ if section.starts_with(".debug_") => u32::MAX,
        _ => 0,
    };
    match r_type {
        elf::R_ARM_ABS32 => *field = word.to_le_bytes(),
        _ => relocate(field, r_type, 0, Target::new(0))?,
    }
    Ok(())
}

/// Completes one field at address `place`.
pub fn relocate(
    field: &mut [u8; 4],
    r_type: elf::RelocationType,
    place: u32,
    target: Target,
) -> Result<(), String> {
    let word = u32::from_le_bytes(*field);
    // A 32-bit Thumb instruction as the manual writes it, first halfword on top.
    let inst = word.rotate_left(16);
    let thumb_inst = |inst: u32| inst.rotate_left(16).to_le_bytes();
    *field = match r_type {
        elf::R_ARM_NONE => *field,
        elf::R_ARM_ABS32 => target.with_addend(word as i32).to_le_bytes(),
        elf::R_ARM_REL32 => target.with_addend(word as i32).wrapping_sub(place).to_le_bytes(),
        elf::R_ARM_THM_PC22 | elf::R_ARM_THM_JUMP24 => {
            let distance = target.with_addend(branch24::get(inst)).wrapping_sub(place) as i32;
            thumb_inst(branch24::set(inst, distance & !1)?)
        }
        elf::R_ARM_THM_JUMP19 => {
            let distance = target.with_addend(branch19::get(inst)).wrapping_sub(place) as i32;
            thumb_inst(branch19::set(inst, distance & !1)?)
        }
        elf::R_ARM_THM_MOVW_ABS_NC => {
            let value = target.with_addend(imm16::get(inst).into());
            thumb_inst(imm16::set(inst, value as u16))
        }
        elf::R_ARM_THM_MOVT_ABS => {
            let value = target.address.wrapping_add_signed(imm16::get(inst).into());
            thumb_inst(imm16::set(inst, (value >> 16) as u16))
        }
        other => {
            return Err(format!("relocation type {} is not one that windlass writes", other.0));
        }
    };
    Ok(())
}

/// The offset of `bl` (encoding T1) and `b.w` (T4).
mod branch24 {
    pub fn get(inst: u32) -> i32 {
        let s = inst >> 26 & 1;
        let i1 = !(inst >> 13 ^ s) & 1;
        let i2 = !(inst >> 11 ^ s) & 1;
        let offset =
            s << 24 | i1 << 23 | i2 << 22 | (inst >> 16 & 0x3ff) << 12 | (inst & 0x7ff) << 1;
        (offset as i32) << 7 >> 7
    }

    pub fn set(inst: u32, distance: i32) -> Result<u32, String> {
        if !(-(1 << 24)..1 << 24).contains(&distance) {
            return Err(format!("branch over {distance} bytes"));
        }
        let d = distance as u32;
        let s = d >> 24 & 1;
        let j1 = !(d >> 23 ^ s) & 1;
        let j2 = !(d >> 22 ^ s) & 1;
        Ok(inst & 0xf800_d000
            | s << 26
            | (d >> 12 & 0x3ff) << 16
            | j1 << 13
            | j2 << 11
            | d >> 1 & 0x7ff)
    }
}

/// The offset of a conditional `b.w` (encoding T3).
mod branch19 {
    pub fn get(inst: u32) -> i32 {
        let offset = (inst >> 26 & 1) << 20
            | (inst >> 11 & 1) << 19
            | (inst >> 13 & 1) << 18
            | (inst >> 16 & 0x3f) << 12
            | (inst & 0x7ff) << 1;
        (offset as i32) << 11 >> 11
    }

    pub fn set(inst: u32, distance: i32) -> Result<u32, String> {
        if !(-(1 << 20)..1 << 20).contains(&distance) {
            return Err(format!("conditional branch over {distance} bytes"));
        }
        let d = distance as u32;
        Ok(inst & 0xfbc0_d000
            | (d >> 20 & 1) << 26
            | (d >> 12 & 0x3f) << 16
            | (d >> 18 & 1) << 13
            | (d >> 19 & 1) << 11
            | d >> 1 & 0x7ff)
    }
}

/// The immediate of `movw` (encoding T3) and `movt` (T1), an addend being signed.
mod imm16 {
    pub fn get(inst: u32) -> i16 {
        ((inst >> 16 & 0xf) << 12 | (inst >> 26 & 1) << 11 | (inst >> 12 & 7) << 8 | inst & 0xff)
            as i16
    }

    pub fn set(inst: u32, value: u16) -> u32 {
        let v = u32::from(value);
        inst & 0xfbf0_8f00 | (v >> 12) << 16 | (v >> 11 & 1) << 26 | (v >> 8 & 7) << 12 | v & 0xff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(inst: u32) -> [u8; 4] {
        inst.rotate_left(16).to_le_bytes()
    }

    #[test]
    fn branch_fields_round_trip_to_the_ends_of_their_ranges() {
        for distance in [0, 2, -2, -4, 0x1000, -0x1000, 0xff_fffe, -0x100_0000, 0x40_0000] {
            let inst = branch24::set(0xf000_d000, distance).unwrap();
            assert_eq!(branch24::get(inst), distance);
            assert_eq!(inst & 0xf800_d000, 0xf000_d000);
        }
        assert!(branch24::set(0xf000_d000, 0x100_0000).is_err());
        for distance in [0, 2, -2, -4, 0xffffe, -0x100000, 0x40000, -0x40000, 0x80000] {
            let inst = branch19::set(0xf040_8000, distance).unwrap();
            assert_eq!(branch19::get(inst), distance);
            assert_eq!(inst & 0xfbc0_d000, 0xf040_8000);
        }
        assert!(branch19::set(0xf040_8000, 0x100000).is_err());
    }

    #[test]
    fn known_encodings_come_out() {
        // bl .-4+4 (to itself): f7ff fffe
        let target = Target { address: 0x1000, thumb: true };
        let mut call = field(0xf7ff_fffe);
        relocate(&mut call, elf::R_ARM_THM_PC22, 0x1000, target).unwrap();
        assert_eq!(call, field(0xf7ff_fffe));
        // bl .+0x104: f000 f880
        let mut call = field(0xf7ff_fffe);
        relocate(&mut call, elf::R_ARM_THM_PC22, 0x1000 - 0x104, target).unwrap();
        assert_eq!(call, field(0xf000_f880));
        // movw r3, #0x5679; movt r3, #0x1234
        let target = Target { address: 0x1234_5678, thumb: true };
        let mut movw = field(0xf240_0300);
        relocate(&mut movw, elf::R_ARM_THM_MOVW_ABS_NC, 0, target).unwrap();
        assert_eq!(movw, field(0xf245_6379));
        let mut movt = field(0xf2c0_0300);
        relocate(&mut movt, elf::R_ARM_THM_MOVT_ABS, 0, target).unwrap();
        assert_eq!(movt, field(0xf2c1_2334));
    }

    /// Whatever the place: address 0 is out of range of most branches.
    #[test]
    fn branches_to_nothing_do_nothing() {
        let place = 0x1000_0000;
        let branches = [
            (elf::R_ARM_THM_PC22, 0xf7ff_fffe),
            (elf::R_ARM_THM_JUMP24, 0xf7ff_bffe),
            (elf::R_ARM_THM_JUMP19, 0xf43f_affe),
        ];
        for (r_type, inst) in branches {
            assert!(relocate(&mut field(inst), r_type, place, Target::new(0)).is_err());
            let mut branch = field(inst);
            relocate_undefined(&mut branch, r_type, place).unwrap();
            assert_eq!(branch, [0xaf, 0xf3, 0x00, 0x80]);
        }
        for r_type in [elf::R_ARM_ABS32, elf::R_ARM_REL32] {
            let mut word = 8u32.to_le_bytes();
            relocate_undefined(&mut word, r_type, place).unwrap();
            assert_eq!(u32::from_le_bytes(word), 8);
        }
        let other = relocate_undefined(&mut field(0), elf::R_ARM_SBREL32, place);
        assert!(other.unwrap_err().contains("relocation type 9"));
    }

    #[test]
    fn debuggers_see_no_address_of_what_is_left_out() {
        let sections = [(".debug_info", u32::MAX), (".debug_ranges", 1), (".comment", 0)];
        for (section, word) in sections {
            let mut field = 8u32.to_le_bytes();
            relocate_left_out(&mut field, elf::R_ARM_ABS32, section).unwrap();
            assert_eq!(u32::from_le_bytes(field), word, "{section}");
        }
        assert!(relocate_left_out(&mut [0; 4], elf::R_ARM_SBREL32, ".debug_info").is_err());
    }

    #[test]
    fn words_take_their_addend() {
        let target = Target { address: 0x2000, thumb: true };
        let mut word = 8u32.to_le_bytes();
        relocate(&mut word, elf::R_ARM_ABS32, 0, target).unwrap();
        assert_eq!(u32::from_le_bytes(word), 0x2009);
        let mut word = 0u32.to_le_bytes();
        relocate(&mut word, elf::R_ARM_REL32, 0x1000, target).unwrap();
        assert_eq!(u32::from_le_bytes(word), 0x1001);
    }
}
