//! The disassemblers, and one way of writing UAL out of their three.

use capstone::arch::arm::{ArchExtraMode, ArchMode};
use capstone::prelude::*;
use thumb_asm::isa::{Decoder, Target};

pub trait Oracle {
    fn name(&self) -> &'static str;

    /// A line for each instruction from the image's start, as far as it can be decoded.
    fn disassemble(&self, image: &[u8]) -> Vec<String>;
}

pub struct Capstone;

impl Oracle for Capstone {
    fn name(&self) -> &'static str {
        "capstone"
    }

    fn disassemble(&self, image: &[u8]) -> Vec<String> {
        let capstone = capstone::Capstone::new()
            .arm()
            .mode(ArchMode::Thumb)
            .extra_mode([ArchExtraMode::MClass].into_iter())
            .build()
            .expect("capstone decodes Thumb");
        let lines = capstone.disasm_all(image, 0).expect("capstone disassembles");
        lines
            .iter()
            .map(|line| {
                format!("{} {}", line.mnemonic().unwrap_or(""), line.op_str().unwrap_or(""))
            })
            .collect()
    }
}

pub struct ThumbAsm;

impl Oracle for ThumbAsm {
    fn name(&self) -> &'static str {
        "thumb-asm"
    }

    fn disassemble(&self, image: &[u8]) -> Vec<String> {
        Decoder::new(image).target(Target::V7EM).map(|insn| insn.to_string()).collect()
    }
}

/// Operations on two registers that may leave out the first if it is also the result.
const TWO_OPERAND: [&str; 13] =
    ["add", "sub", "and", "eor", "adc", "sbc", "orr", "bic", "lsl", "lsr", "asr", "ror", "mul"];

/// Brings lines that mean the same to one form:
/// - no `.w` or `.n`: what width an encoding has is compared by the bytes;
/// - r12-r15 as ip, sp, lr, pc; r9-r11 by number; condition hs and lo, not cs and cc;
/// - numbers in decimal and as unsigned words, no offset of 0;
/// - lists of registers without ranges;
/// - conditions of floating-point instructions before the format, and their immediates in one way;
/// - three operands where the first may be left out;
/// - stores to and loads from `sp!` as push and pop.
pub fn normalize(line: &str) -> String {
    let line = line.trim().to_lowercase();
    let (mnemonic, operands) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
    let mnemonic = mnemonic.trim_end_matches(".w").trim_end_matches(".n").to_owned();
    if let Some(immediate) = fp_immediate(&mnemonic, operands) {
        return immediate;
    }
    let operands = words(operands);
    let mnemonic = conditions(&mnemonic);
    let operands = operands.replace(", #0]", "]");
    push_or_pop(&mnemonic, &operands).unwrap_or_else(|| {
        let all_three = three_operands(&mnemonic, &operands);
        format!("{mnemonic} {}", all_three.unwrap_or(operands)).trim().to_owned()
    })
}

/// `vmov` and `vcmp` of a floating-point number, which is written in as many ways as there are
/// disassemblers.
fn fp_immediate(mnemonic: &str, operands: &str) -> Option<String> {
    let (reg, number) = operands.split_once(", #")?;
    let value: f64 = number.parse().ok()?;
    let is_fp = mnemonic.starts_with("vmov") || mnemonic.starts_with("vcmp");
    is_fp.then(|| format!("{} {reg}, #{value}", conditions(mnemonic)))
}

/// Registers and numbers one by one; ranges expanded.
fn words(operands: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    let mut range_from = None;
    for ch in operands.chars().chain([' ']) {
        if ch.is_alphanumeric() {
            word.push(ch);
            continue;
        }
        if ch == '-' && word.starts_with(['r', 'd']) {
            range_from = Some(word.clone());
        }
        if let Some(from) = range_from.take_if(|_| ch != '-') {
            let number = |name: &str| name[1..].parse::<u32>().expect("a register's number");
            for between in number(&from) + 1..number(&word) {
                out += &format!("{}, ", register(&format!("{}{between}", &from[..1])));
            }
        }
        if out.ends_with("#-") {
            out.pop();
            let below: u32 = number(&word).parse().expect("a number follows a sign");
            word = below.wrapping_neg().to_string();
        }
        out += &register(&number(&word));
        word.clear();
        if ch == '-' && range_from.is_some() {
            out += ", ";
        } else {
            out.push(ch);
        }
    }
    out.trim().to_owned()
}

fn number(word: &str) -> String {
    let value = word.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
    value.map_or_else(|| word.to_owned(), |value| value.to_string())
}

fn register(word: &str) -> String {
    let name = match word {
        "sb" => "r9",
        "sl" => "r10",
        "fp" => "r11",
        "r12" => "ip",
        "r13" => "sp",
        "r14" => "lr",
        "r15" => "pc",
        "cs" => "hs",
        "cc" => "lo",
        other => other,
    };
    name.to_owned()
}

fn conditions(mnemonic: &str) -> String {
    // `vadd.f32eq` is `vaddeq.f32`.
    if let Some((stem, types)) = mnemonic.split_once('.') {
        let (types, cond) = types.split_at(types.trim_end_matches(char::is_alphabetic).len());
        return format!("{}.{types}", conditions(&format!("{stem}{cond}")));
    }
    if ["adcs", "sbcs", "bics"].contains(&mnemonic) {
        return mnemonic.to_owned();
    }
    match (mnemonic.strip_suffix("cs"), mnemonic.strip_suffix("cc")) {
        (Some(stem), _) => format!("{stem}hs"),
        (_, Some(stem)) => format!("{stem}lo"),
        _ => mnemonic.to_owned(),
    }
}

fn three_operands(mnemonic: &str, operands: &str) -> Option<String> {
    let stem = TWO_OPERAND.iter().find(|stem| mnemonic.starts_with(*stem))?;
    if mnemonic[stem.len()..].len() > 3 || operands.matches(", ").count() != 1 {
        return None;
    }
    let (first, second) = operands.split_once(", ")?;
    Some(format!("{first}, {first}, {second}"))
}

fn push_or_pop(mnemonic: &str, operands: &str) -> Option<String> {
    for (stem, name, single) in
        [("str", "push", ", [sp, #4294967292]!"), ("ldr", "pop", ", [sp], #4")]
    {
        if let (Some(suffix), Some(reg)) =
            (mnemonic.strip_prefix(stem), operands.strip_suffix(single))
        {
            return Some(format!("{name}{suffix} {{{reg}}}"));
        }
    }
    for (stem, name) in [("stmdb", "push"), ("ldmia", "pop"), ("ldm", "pop")] {
        if let (Some(suffix), Some(list)) =
            (mnemonic.strip_prefix(stem), operands.strip_prefix("sp!, "))
        {
            return Some(format!("{name}{suffix} {list}"));
        }
    }
    None
}
