//! Saved problems: what is read is what was written, and what breaks a rule is refused.

use regalloc2::{Function, MachineEnv};

use crate::regalloc::saved::{Names, Saved, VERSION, parse};
use crate::regalloc::testing::{Rng, env, random};
use crate::regalloc::*;

fn saved(seed: u64, env: MachineEnv) -> Saved {
    let names = Names { module: "random".into(), function: format!("f{seed}"), index: seed as u32 };
    Saved { names, env, problem: random(seed) }
}

fn all_saved(count: u64) -> impl Iterator<Item = Saved> {
    (0..count).map(|seed| saved(seed, env(4 + (seed % 6) as usize)))
}

#[test]
fn what_is_read_is_what_was_written() {
    for original in all_saved(1000) {
        let name = &original.names.function;
        well_formed(&original.problem, &original.env).unwrap_or_else(|e| panic!("{name}: {e}"));
        let text = original.to_string();
        let read = parse(&text).unwrap_or_else(|e| panic!("{name}: {e}\n{text}"));
        assert_eq!(read.names, original.names);
        assert_eq!(read.problem.blocks(), original.problem.blocks(), "{name}");
        assert_eq!(read.problem.num_vregs(), original.problem.num_vregs(), "{name}");
        assert_eq!(read.problem.slot_words(), original.problem.slot_words(), "{name}");
        assert_eq!(read.to_string(), text, "{name}");
    }
}

#[test]
fn allocators_answer_saved_problems_alike() {
    for original in all_saved(120) {
        let read = parse(&original.to_string()).unwrap();
        for kind in AllocatorKind::ALL {
            let [ours, theirs] = [&original, &read].map(|saved| {
                run(kind, &saved.problem, &saved.env, true)
                    .map(|result| (stats(&saved.problem, &result), result.edits, result.allocs))
                    .map_err(|e| e.to_string())
            });
            assert_eq!(ours, theirs, "{} of {}", original.names.function, kind.name());
        }
    }
}

const EXAMPLE: &str = r#"windlass-problem 1
module "m; \"q\" \\ \u{1}"
function "swap"                          ; comments and blank lines are skipped

index 7
vregs 8
slots 1 2 4
preferred p0i p1i p0f
non-preferred p2i
scratch p12i p15f

block0() 1.0
  op def v0i p0i, def v1i p1i, def v2f reg
  op remat 1 def v3i reg ; mov v3, #5; with more
  branch to block1(v0i, v1i)

block1(v4i, v5i) 10.0
  op call use v4i p0i, use v3i any, reserved p9i, def v6i p0i clobbers p1i p12i p0f
  branch use@late v6i reg to block2(), block3()

block2() 10.0
  branch to block1(v5i, v4i)

block3() 1.0
  op use v5i reg, def v7i reuse 0
  ret use v7i p0i, use v2f stack
"#;

#[test]
fn every_part_of_the_format_survives() {
    let read = parse(EXAMPLE).unwrap();
    assert_eq!(read.names.module, "m; \"q\" \\ \u{1}");
    let entry = &read.problem.blocks()[0];
    assert_eq!(entry.insts[1].text, "mov v3, #5; with more");
    assert_eq!(entry.insts[1].remat, Some(1));
    assert!(read.problem.blocks()[1].insts[0].call);
    let squeezed = |text: &str| {
        let words: Vec<_> =
            text.lines().map(|l| l.split_whitespace().collect::<Vec<_>>()).collect();
        words.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().concat().join(" ")
    };
    let expected = EXAMPLE.replace("; comments and blank lines are skipped", "");
    assert_eq!(squeezed(&read.to_string()), squeezed(&expected));
    assert_eq!(parse(&read.to_string()).unwrap().to_string(), read.to_string());
}

#[test]
fn the_example_of_the_specification_is_what_would_be_written() {
    let document = include_str!("../../../../docs/allocation-problems.md");
    let (_, example) = document.split_once("```\nwindlass-problem").unwrap();
    let example = format!("windlass-problem{}", example.split_once("```").unwrap().0);
    assert_eq!(parse(&example).unwrap().to_string(), example);
}

/// Replaces `from` in the example and demands an error where `at` is then, which says `words`.
fn refused(from: &str, to: &str, at: &str, words: &str) {
    let text = EXAMPLE.replacen(from, to, 1);
    assert_ne!(text, EXAMPLE, "{from}");
    let error = parse(&text).expect_err(to);
    assert!(error.message.contains(words), "{from} -> {to}: {error}");
    let line = text.lines().nth(error.line - 1).unwrap_or("");
    let rest: String = line.chars().skip(error.column - 1).collect();
    assert!(rest.starts_with(at), "{from} -> {to}: {error}, which is {rest:?}");
}

#[test]
fn broken_rules_are_refused_with_their_place() {
    let next = (VERSION + 1).to_string();
    refused("problem 1", &format!("problem {next}"), &next, "version 2");
    refused("windlass-problem", "", "1", "\"windlass-problem\" expected");
    refused("\"swap\"", "swap", "swap", "quotation marks");
    refused("\\u{1}", "\\u{110000}", "\\u", "escape");
    refused("index 7", "index -7", "-7", "a number from 0");
    refused("vregs 8", "vregs 7", "v7i", "below 7");
    refused("vregs 8", "vregs 99999999", "99999999", "a number from 0 to");
    refused("slots 1", "slots 0", "0", "a number from 1");
    refused("p0i p1i p0f", "p0i p1i p0i", "p0i", "twice");
    refused("non-preferred p2i", "non-preferred p0i", "p0i", "listed twice");
    refused("p0i p1i p0f", "p0i p63i p0f", "p63i", "below 63");
    refused("scratch p12i p15f", "scratch p1i p15f", "p1i", "listed twice");
    refused("scratch p12i p15f", "scratch p12i p13i", "p13i", "another scratch");
    refused("p1i p0f\n", "p1i\n", "def v2f", "no registers for v2f");
    refused("block0() 1.0", "", "op", "in front of block0");
    refused("block0() 1.0", "block0() 2.0", "block0", "frequency");
    refused("block1(v4i, v5i) 10.0", "block1(v4i, v5i) inf", "block1", "frequency");
    refused("block1(v4i, v5i) 10.0", "block1(v4i, v5i) ten", "ten", "frequency");
    refused("block2() 10.0", "block5() 10.0", "block5", "block2 expected");
    refused("block0()", "block0(v0i)", "block0", "the entry has parameters");
    refused("to block1(v5i, v4i)", "to block0()", "block0", "predecessors");
    refused("to block2(), block3()", "to block2(), block4()", "block4", "no block4");
    refused("to block1(v5i, v4i)", "to block1(v5i)", "block1", "1 arguments for 2");
    refused("to block1(v5i, v4i)", "to block1(v5i, v2f)", "block1", "another class");
    refused("to block2(), block3()", "to block2(), block1(v5i, v4i)", "block1", "critical edge");
    refused(
        "branch to block1(v5i, v4i)",
        "branch use v4i reg to block1(v5i, v4i)",
        "block1",
        "a branch with operands",
    );
    refused("branch to block1(v0i, v1i)", "ret", "block1", "no predecessor");
    refused("  branch to block1(v0i, v1i)\n", "", "op remat", "neither branches nor returns");
    refused("op use v5i", "branch to block1(v5i, v4i)\n  op use v5i", "branch", "before its last");
    refused("ret use v7i p0i", "ret def v8i p0i", "v8i", "below 8");
    refused(
        "def v7i reuse 0\n  ret use v7i p0i, use",
        "use v5i reg\n  ret def v7i p0i, use",
        "ret",
        "defines or clobbers",
    );
    refused("def v6i p0i", "def v0i p0i", "def v0i", "another definition");
    refused("ret use v7i p0i", "ret use v2i p0i", "use v2i", "was defined as v2f");
    refused(
        "op def v0i p0i, def v1i p1i",
        "op use v3i reg, def v0i p0i, def v1i p1i",
        "use v3i",
        "not defined on every path",
    );
    refused("branch to block1(v0i, v1i)", "branch to block1(v0i, v6i)", "block1", "every path");
    refused("def v1i p1i", "def v1i p3i", "def v1i", "p3i is not in the environment");
    refused("def v1i p1i", "def v1i p1f", "p1f", "another class");
    refused("reserved p9i", "reserved p2i", "reserved", "the environment has it");
    refused("def v1i p1i", "def v1i p0i", "def v1i", "an earlier operand's");
    refused("clobbers p1i", "clobbers p0i", "def v6i", "clobbered");
    refused("reuse 0", "reuse 1", "def v7i", "operand 1 is not");
    refused("reuse 0", "reuse 32", "32", "a number from 0 to 31");
    refused("use v5i reg, def v7i", "use@late v5i reg, def v7i", "def v7i", "operand 0 is not");
    refused("use v2f stack", "use v2f limit 3", "limit", "a power of two");
    refused("remat 1 def", "remat -1 def", "-1", "a number");
    refused("op remat", "op call remat what", "what", "a number");
    refused("ret use v7i p0i,", "ret use v7i p0i", "use", "end of line");
    refused("ret use v7i", "ret uses v7i", "uses", "an operand expected");
}

#[test]
fn blocks_are_in_reverse_postorder() {
    let head = EXAMPLE.split("\nblock0").next().unwrap();
    let with = |body: &str| parse(&format!("{head}\n{body}"));
    let condition = "op def v0i reg\n branch use v0i reg to";
    // The meeting point stands before one of the arms.
    let early = format!(
        "block0() 1\n {condition} block1(), block3()\nblock1() 1\n branch to block2()
         block2() 1\n ret\nblock3() 1\n branch to block2()"
    );
    let error = with(&early).unwrap_err();
    assert!(error.message.contains("block2") || error.message.contains("before block3"), "{error}");
    // A loop with two entries is in order, whichever stands first.
    let irreducible = format!(
        "block0() 1\n {condition} block1(), block2()\nblock1() 1\n branch to block3()
         block2() 1\n branch to block4()\nblock3() 1\n branch to block4()
         block4() 1\n branch use v0i reg to block5(), block6()
         block5() 1\n branch to block3()\nblock6() 1\n ret"
    );
    let read = with(&irreducible).unwrap();
    for kind in AllocatorKind::ALL {
        run(kind, &read.problem, &read.env, true).unwrap();
    }
}

/// A chain of blocks in which many values live all the way.
fn long_lives(values: usize, length: usize) -> String {
    let mut text = EXAMPLE.split("\nblock0").next().unwrap().replace("vregs 8", "vregs 100000");
    text += "\nblock0() 1\n";
    (0..values).for_each(|value| text += &format!("op def v{value}i reg\n"));
    for block in 1..length {
        text += &format!("branch to block{block}()\nblock{block}() 1\n");
    }
    (0..values).for_each(|value| text += &format!("op use v{value}i reg\n"));
    text + "ret\n"
}

#[test]
fn sizes_are_limited() {
    assert!(parse(&long_lives(100, 100)).is_ok());
    let error = parse(&long_lives(4000, 4000)).unwrap_err();
    assert!(error.message.contains("values are live between blocks"), "{error}");
    let error = parse(&long_lives(1, 70_000)).unwrap_err();
    assert!(error.message.contains("more than 65536 blocks"), "{error}");
}

/// Changes a text a little: in bytes, or in words that it has elsewhere.
fn mutate(text: &str, rng: &mut Rng) -> String {
    if text.is_empty() {
        return String::new();
    }
    let mut bytes = text.as_bytes().to_vec();
    let words: Vec<&str> = text.split_inclusive([' ', '\n', ',', '(', ')']).collect();
    match rng.below(12) {
        0 => bytes.truncate(rng.below(text.len())),
        1 => {
            let at = rng.below(bytes.len());
            bytes[at] = rng.next() as u8;
        }
        2 => {
            let at = rng.below(bytes.len());
            bytes[at] = b"0123456789ifvp(),;\" \n"[rng.below(21)];
        }
        3 => {
            let mut lines: Vec<&str> = text.lines().collect();
            let line = lines.remove(rng.below(lines.len()));
            if rng.chance(50) {
                lines.insert(rng.below(lines.len() + 1), line);
            }
            bytes = lines.join("\n").into_bytes();
        }
        _ => {
            // Mostly one of the same kind.
            let mut words = words;
            let at = rng.below(words.len());
            let others = (0..20).map(|_| words[rng.below(words.len())]);
            let others: Vec<&str> = others.collect();
            let alike = others.iter().find(|w| w.as_bytes()[0] == words[at].as_bytes()[0]);
            words[at] = alike.unwrap_or(&others[0]);
            bytes = words.concat().into_bytes();
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn mutated_texts_are_refused_or_solved() {
    let (mut read, mut refused) = (0, 0);
    for seed in 0..6000 {
        let mut rng = Rng::new(seed);
        let mut text = match seed % 8 {
            0 => EXAMPLE.to_owned(),
            _ => saved(seed % 50, env(4)).to_string(),
        };
        for _ in 0..1 + rng.below(3) {
            text = mutate(&text, &mut rng);
        }
        let Ok(saved) = parse(&text) else {
            refused += 1;
            continue;
        };
        read += 1;
        assert_eq!(parse(&saved.to_string()).unwrap().to_string(), saved.to_string());
        for kind in AllocatorKind::ALL {
            let result = run(kind, &saved.problem, &saved.env, true);
            let result = result
                .and_then(|mut result| improve(&saved.problem, &saved.env, &mut result, true));
            let is_ours = !matches!(kind, AllocatorKind::Ion | AllocatorKind::Fastalloc);
            if let Err(error @ (AllocError::Panic { .. } | AllocError::Wrong(_))) = result
                && is_ours
            {
                panic!("{} on seed {seed}: {error}\n{saved}", kind.name());
            }
        }
    }
    assert!(read > 300 && refused > 1000, "{read} read, {refused} refused");
}

#[test]
fn random_bytes_are_refused() {
    let mut rng = Rng::new(1);
    for _ in 0..2000 {
        let len = rng.below(200);
        let bytes: Vec<u8> = (0..len).map(|_| rng.next() as u8).collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(parse(&text).is_err());
        assert!(parse(&format!("windlass-problem 1\n{text}")).is_err());
    }
}
