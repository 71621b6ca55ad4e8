//! Branches, literal loads and jump tables at the ends of what each form reaches, one step beyond
//! them, and where they lead to as both disassemblers see it.

use crate::oracle::{Capstone, Oracle, ThumbAsm};
use crate::stream::{call, name, reg, tail_call, wr};
use thumb_asm::isa::{Target, decode_at_with};
use windlass_backend::Trap;
use windlass_backend::compiled::RegionKind;
use windlass_backend::emit::buffer::{Finished, MachBuffer, MachLabel};
use windlass_backend::isa::Code;
use windlass_backend::options::TrapMode;
use windlass_isa_thumb2::inst::args::*;
use windlass_isa_thumb2::inst::emit::emit_function;
use windlass_isa_thumb2::inst::fixup::Fixup;
use windlass_isa_thumb2::inst::{Callee, Imm16, Inst};
use windlass_isa_thumb2::object::reloc;
use windlass_isa_thumb2::regs::r;

const NOP: u16 = 0xbf00;

fn fill(buffer: &mut MachBuffer<Fixup>, bytes: u32) {
    (0..bytes / 2).for_each(|_| buffer.put2(NOP));
}

/// A fixup, `between` bytes and its target, or the other way round. Also the item's place.
fn place(fixup: &Fixup, between: u32, forward: bool) -> Option<(Finished, u32)> {
    let mut buffer = MachBuffer::default();
    let target = buffer.new_label();
    let item = [target].into_iter().collect();
    if forward {
        buffer.put_relaxable(fixup.clone(), item);
        fill(&mut buffer, between);
        buffer.bind(target);
        buffer.put2(NOP);
        Some((buffer.finish().ok()?, 0))
    } else {
        buffer.bind(target);
        fill(&mut buffer, between);
        buffer.put_relaxable(fixup.clone(), item);
        Some((buffer.finish().ok()?, between))
    }
}

/// What a form of a branch is made of: bytes before the instruction that goes to the target, its
/// own bytes, and its ends as the manual has them.
struct Reach {
    lead: u32,
    size: u32,
    min: i32,
    max: i32,
}

const fn reach(lead: u32, size: u32, min: i32, max: i32) -> Reach {
    Reach { lead, size, min, max }
}

const B_T1: (i32, i32) = (-256, 254);
const B_T2: (i32, i32) = (-2048, 2046);
const B_T3: (i32, i32) = (-1_048_576, 1_048_574);
const B_T4: (i32, i32) = (-16_777_216, 16_777_214);

/// Both ends of every form: the last distance that it reaches is its own, the next one is not.
fn check(fixup: &Fixup, forms: &[Reach]) {
    for (index, form) in forms.iter().enumerate() {
        let next_size = forms.get(index + 1).map(|next| next.lead + next.size);
        let total = form.lead + form.size;
        // The distance that the branch encodes is counted from 4 behind it.
        let ends = [
            (true, form.max.checked_sub(form.size as i32 - 4)),
            (false, form.min.checked_neg().map(|min| min - form.lead as i32 - 4)),
        ];
        for (forward, between) in ends {
            let Some(between @ 0..) = between else { continue };
            let between = between as u32;
            let (finished, at) = place(fixup, between, forward).expect("the form reaches");
            assert_eq!(finished.code.len() as u32 - between - u32::from(forward) * 2, total);
            let to = if forward { total + between } else { 0 };
            check_target(&finished.code, at + form.lead, to);
            let beyond = place(fixup, between + 2, forward);
            let size = beyond.map(|(finished, _)| {
                finished.code.len() as u32 - between - 2 - u32::from(forward) * 2
            });
            assert_eq!(size, next_size, "{fixup:?} beyond {between}");
        }
    }
}

/// The branch at `at` goes to `to`, say both.
fn check_target(code: &[u8], at: u32, to: u32) {
    let insn = decode_at_with(code, at as usize, at, Target::V7EM).expect("a branch");
    assert_eq!(insn.branch_target(), Some(to), "{insn}");
    // Capstone counts from the start of what it is given.
    let end = (at as usize + 4).min(code.len());
    let line = &Capstone.disassemble(&code[at as usize..end])[0];
    let shown = line.rsplit("#").next().unwrap_or("");
    let parsed = match shown.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).map(|value| value as u32),
        None => shown.parse(),
    };
    assert_eq!(parsed.map(|offset| offset.wrapping_add(at)), Ok(to), "{line}");
}

#[test]
fn jumps_reach_to_the_ends_of_both_forms() {
    check(&Fixup::Jump, &[reach(0, 2, B_T2.0, B_T2.1), reach(0, 4, B_T4.0, B_T4.1)]);
}

#[test]
fn conditional_branches_reach_to_the_ends_of_all_forms() {
    for cond in [Cond::Eq, Cond::Lt, Cond::Hs] {
        let forms =
            [reach(0, 2, B_T1.0, B_T1.1), reach(0, 4, B_T3.0, B_T3.1), reach(2, 4, B_T4.0, B_T4.1)];
        check(&Fixup::CondBr(cond), &forms);
    }
}

#[test]
fn comparisons_with_zero_reach_to_the_ends_of_all_forms() {
    for nonzero in [false, true] {
        let forms = [
            // Forward only.
            reach(0, 2, i32::MIN, 126),
            reach(2, 2, B_T1.0, B_T1.1),
            reach(2, 4, B_T3.0, B_T3.1),
            reach(4, 4, B_T4.0, B_T4.1),
        ];
        check(&Fixup::CmpBranchZero { nonzero, rn: r(7) }, &forms);
        let forms =
            [reach(4, 2, B_T1.0, B_T1.1), reach(4, 4, B_T3.0, B_T3.1), reach(6, 4, B_T4.0, B_T4.1)];
        check(&Fixup::CmpBranchZero { nonzero, rn: r(8) }, &forms);
    }
}

#[test]
fn cbz_grows_where_its_target_is_not_ahead() {
    let fixup = Fixup::CmpBranchZero { nonzero: false, rn: r(0) };
    for (between, forward, size) in [(2, true, 2), (0, true, 4), (0, false, 4)] {
        let (finished, _) = place(&fixup, between, forward).expect("a short distance");
        let rest = between + u32::from(forward) * 2;
        assert_eq!(finished.code.len() as u32 - rest, size);
    }
}

#[test]
fn grown_conditional_branches_compare_and_invert() {
    let cases = [
        (Fixup::CondBr(Cond::Gt), 1 << 21, "ble"),
        (Fixup::CmpBranchZero { nonzero: true, rn: r(8) }, 1 << 21, "cmp beq"),
        (Fixup::CmpBranchZero { nonzero: false, rn: r(3) }, 1 << 21, "cmp bne"),
        (Fixup::CmpBranchZero { nonzero: true, rn: r(3) }, 400, "cmp bne"),
    ];
    for (fixup, between, expected) in cases {
        let (finished, _) = place(&fixup, between, true).expect("a reachable distance");
        for oracle in [&Capstone as &dyn Oracle, &ThumbAsm] {
            let lines = oracle.disassemble(&finished.code[..14]);
            for (line, expected) in lines.iter().zip(expected.split(' ')) {
                assert!(line.starts_with(expected), "{line}, not {expected}");
            }
        }
    }
}

#[test]
fn literals_are_loaded_to_the_ends_of_all_forms() {
    // From aligned and unaligned places, low and high registers; how many bytes of code follow,
    // and how long the load is then.
    for (before, low, between, size) in [
        (0, true, 1022, 2),
        (0, true, 1024, 4),
        (2, true, 1020, 2),
        (2, true, 1022, 4),
        (2, true, 1024, 4),
        (0, false, 4092, 4),
        (0, true, 4094, 8),
        (2, true, 4090, 4),
        (2, true, 4092, 8),
        (2, false, 4096, 8),
    ] {
        let mut buffer = MachBuffer::default();
        fill(&mut buffer, before);
        let rt = r(if low { 5 } else { 8 });
        let value = 0x1234_5678;
        let label = buffer.literal(value);
        let load = Fixup::LoadLiteral { rt, value };
        buffer.put_relaxable(load, [label].into_iter().collect());
        fill(&mut buffer, between);
        let finished = buffer.finish().expect("a small function");
        let code_end = before + size + between;
        let pool = code_end.next_multiple_of(4) as usize;
        assert_eq!(finished.code.len(), pool + 4, "{before} {low} {between}");
        assert_eq!(finished.code[pool..], value.to_le_bytes());
        let data = finished.regions.last().expect("a pool");
        assert_eq!((data.offset, data.kind), (code_end, RegionKind::Data));
        let insn =
            decode_at_with(&finished.code, before as usize, before, Target::V7EM).expect("a load");
        let expected = if size == 8 { None } else { Some(pool as u32) };
        let loaded = insn.operands.as_slice().find_map(|operand| match operand {
            thumb_asm::Operand::Target(target) => Some(target),
            _ => None,
        });
        assert_eq!(loaded, expected, "{insn}");
    }
}

/// Where entry `n` of the table at byte `at` of the code leads, executed by hand.
fn table_target(code: &[u8], at: u32, entry: u32) -> u32 {
    let byte = |offset: u32| u32::from(code[offset as usize]);
    let half = |offset: u32| byte(offset) | byte(offset + 1) << 8;
    let target = match half(at) {
        0xe8df => {
            let table = at + 4;
            let halves = match half(at + 2) & 0x10 {
                0 => byte(table + entry),
                _ => half(table + 2 * entry),
            };
            table + 2 * halves
        }
        // adr, add, mov pc.
        0xf20f => at + 10 + 4 * entry,
        other => panic!("{other:#x} begins no jump table"),
    };
    // A wide branch stands in for a target out of reach.
    match decode_at_with(code, target as usize, target, Target::V7EM) {
        Some(insn) if insn.mnemonic == "b" => insn.branch_target().expect("a target"),
        _ => target,
    }
}

#[test]
fn jump_tables_reach_to_the_ends_of_all_forms() {
    // Bytes before the table with one of the targets, the number of entries, bytes from the table's
    // end to the last target; the size that the item has then.
    let cases: &[(Option<u32>, u32, u32, u32)] = &[
        (None, 1, 508, 4 + 2),
        (None, 4, 506, 4 + 4),
        (None, 4, 508, 4 + 8),
        (None, 5, 2 * 0xffff - 10, 4 + 10),
        (None, 5, 2 * 0xffff - 8, 4 + 6 + 8),
        (Some(0), 5, 16, 4 + 6 + 8),
        (Some(64), 500, 16, 4 + 500 + 8),
        (Some(64), 510, 16, 4 + 1020 + 8),
        (Some(64), 65_000, 16, 4 + 130_000 + 8),
        (Some(64), 66_000, 16, 10 + 264_000),
    ];
    for &(before, entries, between, size) in cases {
        let mut buffer = MachBuffer::default();
        let (back, ahead) = (buffer.new_label(), buffer.new_label());
        if let Some(before) = before {
            buffer.bind(back);
            fill(&mut buffer, before);
        }
        // Every other entry goes back, if there is a way.
        let goes_back = |entry: u32| before.is_some() && entry.is_multiple_of(2);
        let table = Fixup::JumpTable {
            index: r(2),
            entries: (0..entries).map(|n| u32::from(goes_back(n))).collect(),
        };
        let targets = if before.is_some() { vec![ahead, back] } else { vec![ahead; 2] };
        buffer.put_relaxable(table, targets.into_iter().collect());
        fill(&mut buffer, between);
        buffer.bind(ahead);
        buffer.put2(NOP);
        let finished = buffer.finish().expect("a small function");
        let at = before.unwrap_or(0);
        assert_eq!(finished.code.len() as u32, at + size + between + 2, "{entries} {between}");
        for entry in 0..entries {
            let to = if goes_back(entry) { 0 } else { at + size + between };
            assert_eq!(table_target(&finished.code, at, entry), to, "entry {entry}");
        }
    }
}

/// A function of one block a list, with its listing.
fn emit(blocks: Vec<Vec<Inst>>) -> (Finished, Vec<String>) {
    let mut code = Code::default();
    for block in blocks {
        code.start_block();
        block.into_iter().for_each(|inst| code.push(inst, 7));
    }
    let (mut buffer, mut lines) = (MachBuffer::default(), Vec::new());
    emit_function(&code, &mut buffer, Some(&mut lines), TrapMode::Udf, None);
    (buffer.finish().expect("a small function"), lines)
}

fn label(index: usize) -> MachLabel {
    MachLabel::from_index(index)
}

#[test]
fn branches_to_the_next_block_are_left_out_or_turned_around() {
    let (finished, lines) = emit(vec![
        vec![Inst::CondBr { cond: Cond::Lt, taken: label(1), not_taken: label(2) }],
        vec![Inst::Jump { target: label(2) }],
        vec![Inst::CondBr { cond: Cond::Lt, taken: label(0), not_taken: label(3) }],
        vec![Inst::CmpBranchZero {
            nonzero: true,
            rn: reg(0),
            taken: label(0),
            not_taken: label(1),
        }],
    ]);
    let expected = [".L0:", "bge .L2", ".L1:", ".L2:", "blt .L0", ".L3:", "cbnz r0, .L0", "b .L1"];
    assert_eq!(lines, expected);
    assert_eq!(finished.marks.len(), lines.len());
    assert_eq!(ThumbAsm.disassemble(&finished.code).len(), 5);
}

#[test]
fn traps_stand_once_behind_the_code() {
    let trap = Trap::MemoryOutOfBounds;
    let (finished, lines) = emit(vec![vec![
        Inst::TrapIf { cond: Cond::Hs, trap },
        Inst::TrapIfZero { nonzero: false, rn: reg(1), trap: Trap::IntegerDivideByZero },
        Inst::TrapIf { cond: Cond::Hi, trap },
        Inst::BxLr,
    ]]);
    let expected = [
        ".L0:",
        "bhs .Ltrap4",
        "cbz r1, .Ltrap1",
        "bhi .Ltrap4",
        "bx lr",
        ".Ltrap1:",
        "udf #1",
        ".Ltrap4:",
        "udf #4",
    ];
    assert_eq!(lines, expected);
    let sites: Vec<_> = finished.traps.iter().map(|site| (site.offset, site.trap)).collect();
    assert_eq!(sites, [(8, Trap::IntegerDivideByZero), (10, trap)]);
    assert_eq!(finished.source_ranges.len(), 1);
    assert_eq!(finished.source_ranges[0].end, 8);
}

#[test]
fn relocations_stay_with_their_instructions_when_branches_grow() {
    let symbol = || Imm16::Symbol(name("there"));
    let mut first = vec![Inst::TrapIf { cond: Cond::Eq, trap: Trap::Unreachable }];
    first.extend((0..400).map(|_| Inst::Nop));
    first.extend([
        Inst::MovW { rd: wr(0), imm: symbol() },
        Inst::MovT { rd: wr(0), ra: reg(0), imm: symbol() },
        call(Callee::Direct(name("there"))),
        tail_call(Callee::Direct(name("there"))),
    ]);
    let (finished, _) = emit(vec![first]);
    let relocs: Vec<_> = finished.relocs.iter().map(|reloc| (reloc.offset, reloc.kind)).collect();
    let expected = [
        (804, reloc::R_ARM_THM_MOVW_ABS_NC),
        (808, reloc::R_ARM_THM_MOVT_ABS),
        (812, reloc::R_ARM_THM_CALL),
        (816, reloc::R_ARM_THM_JUMP24),
    ];
    assert_eq!(relocs, expected);
    // movw r0, #0; movt r0, #0; bl and b with the addend -4.
    let words = [0xf240, 0x0000, 0xf2c0, 0x0000, 0xf7ff, 0xfffe, 0xf7ff, 0xbffe];
    let bytes: Vec<u8> = words.into_iter().flat_map(u16::to_le_bytes).collect();
    assert_eq!(finished.code[804..820], bytes);
}

#[test]
fn the_index_of_a_jump_table_is_compared_whatever_the_bound() {
    for (entries, compared) in [
        (3, vec!["cmp r2, #3"]),
        (257, vec!["movw ip, #257", "cmp r2, ip"]),
        (0x10002, vec!["movw ip, #2", "movt ip, #1", "cmp r2, ip"]),
    ] {
        let targets = Box::new(vec![label(1); entries]);
        let table = Inst::JumpTable { index: reg(2), default: label(0), targets };
        let (finished, lines) = emit(vec![vec![table], vec![Inst::BxLr]]);
        assert_eq!(lines[1..=compared.len()], compared);
        assert_eq!(lines[1 + compared.len()], "bhs .L0");
        let code_bytes: usize = finished.code_regions().map(<[u8]>::len).sum();
        assert!(code_bytes < 40 || entries > 0xffff);
    }
}
