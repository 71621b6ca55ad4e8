//! Every instruction that isa-thumb2 can build, decoded by two disassemblers that are not ours.
//!
//! `stream` enumerates instructions over all operand classes, `oracle` decodes and brings the three
//! ways of writing UAL to one, `ranges` takes branches, literals and tables to the ends of their
//! reach through the emission buffer.

mod oracle;
mod ranges;
mod stream;
mod stream_fp;

use oracle::{Capstone, Oracle, ThumbAsm, normalize};
use windlass_isa_thumb2::inst::encode::encode;
use windlass_isa_thumb2::inst::print::print;

#[test]
fn both_disassemblers_read_what_we_print() {
    let stream = stream::all();
    let mut image = Vec::new();
    for inst in &stream {
        let Some(encoding) = encode(inst, false) else { panic!("`{inst}` has no encoding") };
        image.extend(encoding.bytes());
    }
    let ours: Vec<String> = stream.iter().map(|inst| print(inst, false)).collect();
    for oracle in [&Capstone as &dyn Oracle, &ThumbAsm] {
        let theirs = oracle.disassemble(&image);
        let mut wrong = Vec::new();
        for (inst, (ours, theirs)) in stream.iter().zip(ours.iter().zip(&theirs)) {
            if normalize(ours) != normalize(theirs) {
                wrong.push(format!("{ours:40} {theirs:40} {inst:?}"));
            }
        }
        let name = oracle.name();
        let count = wrong.len();
        // One of each mnemonic.
        wrong.sort();
        wrong.dedup_by_key(|line| line.split(' ').next().map(str::to_owned));
        let shown = wrong.join("\n");
        assert!(wrong.is_empty(), "{count} lines differ from {name}'s:\n{shown}");
        assert_eq!(theirs.len(), ours.len(), "{name} stopped early");
    }
    println!("{} instructions checked", ours.len());
    assert!(ours.len() > 50_000);
}
