//! `.debug_frame`: the states of each function's frame as call frame instructions (DWARF 4, section 6.4).

use super::{DwarfRegisters, Input, Item, Section, Writer};
use crate::compiled::FrameState;
use gimli::write::{
    CallFrameInstruction, CommonInformationEntry, DebugFrame, FrameDescriptionEntry, FrameTable,
    Result,
};
use gimli::{Encoding, Format, Register};

/// Version 4 of call frame information names the size of addresses.
const ENCODING: Encoding = Encoding { address_size: 4, format: Format::Dwarf32, version: 4 };

/// Registers lie at multiples of 4, below the canonical frame address.
const DATA_ALIGNMENT: i8 = -4;

pub fn write(input: &Input<'_>) -> Result<Section> {
    let mut table = FrameTable::default();
    let cie = table.add_cie(common(input.registers));
    for item in input.items().filter(|item| !item.compiled.frame_rows.is_empty()) {
        table.add_fde(cie, description(&item));
    }
    let mut section = DebugFrame(Writer::new(input.endian));
    if table.fde_count() > 0 {
        table.write_debug_frame(&mut section)?;
    }
    Ok(section.0.section(".debug_frame"))
}

/// A function that has done nothing yet, and pops nothing. Rows may begin at any byte.
fn common(registers: DwarfRegisters) -> CommonInformationEntry {
    let return_address = Register(registers.return_address);
    let mut cie = CommonInformationEntry::new(ENCODING, 1, DATA_ALIGNMENT, return_address);
    cie.add_instruction(CallFrameInstruction::Cfa(Register(registers.stack_pointer), 0));
    cie
}

fn description(item: &Item<'_>) -> FrameDescriptionEntry {
    let mut fde = FrameDescriptionEntry::new(item.address(), item.code_bytes());
    let mut last = &FrameState::default();
    // Behind the last instruction nothing holds.
    for row in item.compiled.frame_rows.iter().filter(|row| row.offset < item.code_bytes()) {
        for instruction in changes(last, &row.state) {
            fde.add_instruction(row.offset, instruction);
        }
        last = &row.state;
    }
    fde
}

/// What leads from one state to the next.
fn changes(from: &FrameState, to: &FrameState) -> Vec<CallFrameInstruction> {
    let mut changes = Vec::new();
    if from.cfa_offset != to.cfa_offset {
        changes.push(CallFrameInstruction::CfaOffset(to.cfa_offset));
    }
    let gone = |&&(reg, _): &&(u16, i32)| !to.saved.iter().any(|&(saved, _)| saved == reg);
    for &(reg, _) in from.saved.iter().filter(gone) {
        changes.push(CallFrameInstruction::Restore(Register(reg)));
    }
    for &(reg, at) in to.saved.iter().filter(|saved| !from.saved.contains(saved)) {
        changes.push(CallFrameInstruction::Offset(Register(reg), at));
    }
    changes
}
