//! Bad input ends in an error that says what and where: no panic, no file.

mod common;

use common::{corpus, windlass};
use windlass::analyze::{Outcome, Registers, analyze};
use windlass::{AllocatorKind, Compiler, Error, OptLevel};

/// A small generator of known quality: xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit.max(1)
    }
}

/// Compiles and demands that an error, if any, is the input's. Whether it compiled.
fn compile(wasm: &[u8], what: &str) -> bool {
    let kinds = AllocatorKind::ALL;
    let compiler = Compiler::new()
        .threads(1)
        .opt_level(OptLevel::None)
        .regalloc(kinds[wasm.len() % kinds.len()]);
    match compiler.compile_wasm(wasm) {
        Err(error @ Error::Internal { .. }) => panic!("{what}: {error}"),
        result => result.is_ok(),
    }
}

#[test]
fn ten_thousand_mutations_of_the_corpus() {
    let programs = corpus();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut compiled = 0;
    for round in 0..10_000 {
        let (name, wasm) = &programs[round / 2 % programs.len()];
        let mut wasm = wasm.clone();
        if round % 2 == 0 {
            for _ in 0..=random.below(3) {
                mutate(&mut wasm, &mut random);
            }
        } else {
            flip_in_code(&mut wasm, &mut random);
        }
        compiled += u32::from(compile(&wasm, &format!("round {round} of {name}")));
    }
    // What validation rejects tests little of the code generator.
    assert!(compiled >= 1000, "only {compiled} mutants reach the code generator and compile");
}

/// Flips one bit of the code section: often a valid program that computes something else.
fn flip_in_code(wasm: &mut [u8], random: &mut Random) {
    let code = wasmparser::Parser::new(0).parse_all(wasm).find_map(|payload| match payload {
        Ok(wasmparser::Payload::CodeSectionStart { unchecked_range, .. }) => Some(unchecked_range),
        _ => None,
    });
    let code = code.expect("a program of the corpus has code");
    let (start, end) = (code.start as usize, code.end as usize);
    wasm[start + random.below(end - start)] ^= 1 << random.below(8);
}

fn mutate(wasm: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(wasm.len());
    match random.below(6) {
        0 => wasm.truncate(at),
        1 => wasm.insert(at, random.next() as u8),
        2 if !wasm.is_empty() => drop(wasm.remove(at)),
        3 if !wasm.is_empty() => wasm[at] ^= 1 << random.below(8),
        4 if !wasm.is_empty() => wasm[at] = random.next() as u8,
        _ => {
            let end = (at + random.below(16)).min(wasm.len());
            let piece = wasm[at.min(end)..end].to_vec();
            let to = random.below(wasm.len());
            wasm.splice(to..to, piece);
        }
    }
}

#[test]
fn every_truncation_of_a_program() {
    let (name, wasm) = corpus().into_iter().min_by_key(|(_, wasm)| wasm.len()).unwrap();
    for len in 0..wasm.len() {
        let error = Compiler::new().threads(1).compile_wasm(&wasm[..len]);
        match error {
            Err(Error::Invalid { .. }) => {}
            Err(error) => panic!("{name} of {len} bytes: {error}"),
            // Only trailing custom sections may be missing.
            Ok(_) => assert!(len >= 8, "{name} of {len} bytes compiles"),
        }
    }
}

/// Whatever is done to an object, each function has figures or a reason, and no reason is a panic.
#[test]
fn mutated_objects() {
    let spills = std::fs::read(common::harness_dir("tests/host/spills.o")).unwrap();
    let (name, wasm) = corpus().into_iter().min_by_key(|(_, wasm)| wasm.len()).unwrap();
    let own = Compiler::new().threads(1).name(&name).compile_wasm(&wasm).unwrap().object;
    let registers = Registers::default();
    let mut random = Random(31);
    let mut analysed = 0;
    let mut check = |object: &[u8], what: &str| {
        let Ok(report) = analyze(object, &registers) else { return };
        for function in report.functions {
            match function.outcome {
                Outcome::Analysis(_) => analysed += 1,
                Outcome::NotAnalysed(why) => {
                    assert_ne!(why.reason, "internal error", "{what}: {}", function.name);
                }
            }
        }
    };
    for len in 0..spills.len() {
        check(&spills[..len], &format!("{len} bytes"));
    }
    for round in 0..4000 {
        let mut object = if round % 2 == 0 { spills.clone() } else { own.clone() };
        if round % 4 < 2 {
            // Mostly code, which is in front.
            for _ in 0..=random.below(4) {
                let at = 52 + random.below(object.len() / 2);
                object[at] ^= 1 << random.below(8);
            }
        } else {
            (0..=random.below(2)).for_each(|_| mutate(&mut object, &mut random));
        }
        check(&object, &format!("round {round}"));
    }
    for round in 0..500 {
        let mut object = spills[..52].to_vec();
        object.extend((0..random.below(400)).map(|_| random.next() as u8));
        check(&object, &format!("random bytes {round}"));
    }
    assert!(analysed > 2000, "only {analysed} functions of mutants are analysed");
}

#[test]
fn random_bytes() {
    let mut random = Random(7);
    for _ in 0..2000 {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        let len = random.below(200);
        wasm.extend((0..len).map(|_| random.next() as u8));
        compile(&wasm, "random bytes");
    }
}

#[test]
fn mutated_clif_text() {
    let text = "function %f(i32, i32) -> i32 fast {\n    ss0 = explicit_slot 8\n\
        block0(v0: i32, v1: i32):\n    v2 = iadd v0, v1\n    v3 = icmp ult v2, v1\n    \
        brif v3, block1(v2), block2\nblock1(v4: i32):\n    return v4\nblock2:\n    \
        v5 = imul v2, v0\n    jump block1(v5)\n}\n";
    let mut random = Random(99);
    for round in 0..2000 {
        let mut bytes = text.as_bytes().to_vec();
        mutate(&mut bytes, &mut random);
        let mutated = String::from_utf8_lossy(&bytes);
        let result = Compiler::new().threads(1).compile_clif(&mutated);
        if let Err(error @ Error::Internal { .. }) = result {
            panic!("round {round}: {error}\n{mutated}");
        }
    }
}

#[test]
fn unsupported_constructs_are_named_with_their_place() {
    let cases = [
        ("(module (func (drop (v128.const i32x4 0 0 0 0))))", "simd"),
        ("(module (func $g (atomic.fence)))", "threads"),
        ("(module (func $g (export \"g\") (param i32) (drop (ref.i31 (local.get 0)))))", "gc"),
    ];
    for (wat, construct) in cases {
        let wasm = wat::parse_str(wat).unwrap();
        match Compiler::new().compile_wasm(&wasm) {
            Err(error @ Error::Unsupported { .. }) => {
                let text = error.to_string();
                assert!(text.contains(construct), "{text}");
                assert!(text.contains("function 0"), "{text}");
            }
            Err(error) => panic!("{wat}: {error}"),
            Ok(_) => panic!("{wat} compiles"),
        }
    }
}

/// Runs in a fresh directory that holds `good.wat`, `simd.wat`, `bad.wasm` and others, and demands an exit
/// code, words on standard error, and no new file.
fn fails(args: &[&str], code: i32, words: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(directory.path().join(name), bytes).unwrap();
    };
    write("good.wat", b"(module (memory 1) (func (export \"f\") (param i32) (result i32) (local.get 0)) (func (export \"t\") unreachable))");
    write("odd.wat", b"(module (memory 3))");
    write("empty.wat", b"(module (memory 0 1))");
    write("import.wat", b"(module (import \"a\" \"m\" (memory 1 1)))");
    write("simd.wat", b"(module (func $wide (drop (v128.const i32x4 0 0 0 0))))");
    write("bad.wasm", b"\0asm\x01\0\0\0\x01");
    write("absurd.clif", b"function %f() fast {\nblock4294967294:\n    return\n}\n");
    write("blob", &[0xff, 0xfe, 0]);
    write("bad.problem", b"windlass-problem 1\nmodule \"m\"\nfunction f\n");
    let head = "windlass-problem 1\nmodule \"m\"\nfunction \"f\"\nindex 0\nvregs 1\nslots 1 1 1\n\
        preferred p0i p5i\nnon-preferred\nscratch\nblock0() 1.0\n";
    write("good.problem", format!("{head}op def v0i p5i\nret\n").as_bytes());
    let names = || {
        let entries = std::fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let output = windlass(directory.path(), args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "windlass {args:?}: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "windlass {args:?} does not say {word:?}: {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
    assert_eq!(before, names(), "windlass {args:?} left a file");
}

#[test]
fn wrong_command_lines_exit_with_2() {
    fails(&[], 2, &["Usage"]);
    fails(&["assemble"], 2, &["assemble"]);
    fails(&["compile", "good.wat", "-o", "x.o", "--frobnicate"], 2, &["--frobnicate"]);
    fails(&["compile", "good.wat", "-o", "x.o", "--regalloc", "best"], 2, &["ion", "greedy"]);
    fails(&["compile", "good.wat"], 2, &["-o"]);
    fails(&["analyze", "blob", "--reg-env", "r1-r8"], 2, &["r0-r3"]);
    fails(&["analyze", "blob", "--k", "20"], 2, &["between 4 and 13"]);
    let wrong_target = ["compile", "good.wat", "-o", "x.o", "--target", "x86_64-linux"];
    fails(&wrong_target, 2, &["thumbv7em-none-eabi", "cortex-m33"]);
    let pair = ["--target", "thumbv7m-none-eabi", "--cpu", "cortex-m33"];
    let contradiction = [&["compile", "good.wat", "-o", "x.o"], &pair[..]].concat();
    fails(&contradiction, 2, &["cortex-m33", "thumbv7m-none-eabi"]);
    fails(&["compile", "good.wat", "-o", "x.o", "--reg-env", "r4-r8"], 2, &["r0-r3"]);
    fails(&["run", "good.wat"], 2, &["--invoke"]);
    let masked = ["--bounds", "mask", "--invoke", "f", "1"];
    fails(&[&["run", "odd.wat"], &masked[..]].concat(), 2, &["memory 0 has 196608 bytes"]);
    fails(&[&["run", "empty.wat"], &masked[..]].concat(), 2, &["memory 0 has 0 bytes"]);
    let imported = ["compile", "import.wat", "-o", "x.o", "--bounds", "mask"];
    fails(&imported, 2, &["--bounds mask", "power of two", "memory 0 is imported"]);
    fails(&["run", "good.wat", "--invoke", "f"], 2, &["1 arguments"]);
    fails(&["run", "good.wat", "--invoke", "f", "seven"], 2, &["seven"]);
    fails(&["run", "good.wat", "--invoke", "f", "1", "--memory", "0=abc"], 2, &["odd number"]);
    fails(&["compare"], 2, &["Usage"]);
    let several = ["--save", "x", "--reg-env", "r0-r3..r0-r8"];
    fails(&[&["compare", "good.wat"], &several[..]].concat(), 2, &["--save takes one"]);
    fails(&["replay"], 2, &["Usage"]);
    fails(&["replay", "good.problem", "--reg-env", "r0-r99"], 2, &["r0-r8"]);
    fails(&["replay", "good.problem", "--while", "ion.cost > 0"], 2, &["--reduce"]);
    let reduce = ["replay", "good.problem", "--reduce", "x"];
    fails(&[&reduce[..], &["--while", "ion.cost"]].concat(), 2, &["no comparison"]);
    fails(&[&reduce[..], &["--while", "ion.price > 1"]].concat(), 2, &["ion.price", "cost"]);
    fails(&[&reduce[..], &["--format", "json"]].concat(), 2, &["--format"]);
    fails(&[&reduce[..], &["good.problem"]].concat(), 2, &["one FILE"]);
}

#[test]
fn bad_input_exits_with_1_and_names_its_place() {
    fails(&["compile", "none.wasm", "-o", "x.o"], 1, &["none.wasm", "No such file"]);
    fails(&["compile", "bad.wasm", "-o", "x.o"], 1, &["bad.wasm", "invalid module", "0x"]);
    fails(&["compile", "blob", "-o", "x.o"], 1, &["blob", "neither"]);
    fails(&["analyze", "blob"], 1, &["blob", "no ELF file"]);
    fails(&["analyze", "good.wat"], 1, &["good.wat", "no ELF file"]);
    let outputs = ["-o", "x.o", "--header", "x.h", "--stats", "x.json"];
    let wide = [&["compile", "simd.wat"], &outputs[..]].concat();
    fails(&wide, 1, &["simd.wat", "not supported", "function 0 (wide)"]);
    fails(&["compile", "absurd.clif", "-o", "x.o"], 1, &["absurd.clif", "line 2"]);
    fails(&["compare", "good.wat", "simd.wat"], 1, &["simd.wat"]);
    fails(&["replay", "good.problem", "bad.problem"], 1, &["bad.problem: line 3, column 10"]);
    fails(&["replay", "blob"], 1, &["blob: not a text"]);
    fails(&["replay", "none.problem"], 1, &["none.problem", "No such file"]);
    fails(
        &["replay", "good.problem", "--reg-env", "r0-r4"],
        1,
        &["good.problem with r0-r4", "p5i"],
    );
    fails(&["replay", "good.problem", "--reduce", "x"], 1, &["no allocator fails"]);
    let condition = ["--reduce", "x", "--while", "ion.cost > 0"];
    fails(&[&["replay", "good.problem"], &condition[..]].concat(), 1, &["does not hold"]);
    fails(&["run", "good.wat", "--invoke", "g"], 1, &["no export named g", "f, t"]);
    fails(&["run", "good.wat", "--invoke", "t"], 1, &["trap: unreachable"]);
    let beyond = ["run", "good.wat", "--invoke", "f", "1", "--memory", "65535=0000"];
    fails(&beyond, 1, &["outside of the linear memory"]);
    fails(&["run", "good.wat", "--invoke", "f", "1", "--memory", "0=@none"], 1, &["none"]);
}

#[test]
fn unwritable_output_leaves_nothing() {
    fails(&["compile", "good.wat", "-o", "none/x.o"], 1, &["cannot write none/x.o"]);
    // The object could be written, the header cannot.
    let half = ["compile", "good.wat", "-o", "x.o", "--header", "none/x.h"];
    fails(&half, 1, &["cannot write none/x.h"]);
    fails(&["compile", "good.wat", "-o", "."], 1, &["cannot write ."]);
}

#[test]
fn good_command_lines_do_what_they_say() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let wat = "(module (memory (export \"memory\") 1)
        (func (export \"sum\") (param i32 i32) (result i32)
          (i32.store (i32.const 8) (i32.add (local.get 0) (local.get 1)))
          (i32.add (i32.load (i32.const 16)) (i32.load (i32.const 8)))))";
    std::fs::write(path.join("m.wat"), wat).unwrap();
    let all = ["compile", "m.wat", "-o", "m.o", "--header", "m.h", "--stats", "m.json"];
    let output = windlass(path, &all);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(std::fs::read(path.join("m.o")).unwrap().starts_with(b"\x7fELF"));
    assert!(std::fs::read_to_string(path.join("m.h")).unwrap().contains("m_sum"));
    let json = std::fs::read_to_string(path.join("m.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["functions"][0]["name"], "sum");
    assert!(json["functions"][0]["allocators"]["portfolio"]["final"]["stack_args"].is_u64());

    let run = ["run", "m.wat", "--invoke", "sum", "-5", "2", "--memory", "16=64000000"];
    let output = windlass(path, &[&run[..], &["--dump", "8:4", "--regalloc", "greedy"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "97\n00000008: fd ff ff ff\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("instructions"));

    for (format, word) in
        [("table", "greedy"), ("json", "\"totals\""), ("csv", "module,index,function")]
    {
        let output = windlass(path, &["compare", "m.wat", "--format", format]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains(word));
    }
    for stage in ["asm", "clif", "vcode"] {
        let output = windlass(path, &["compile", "m.wat", "--emit", stage]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(String::from_utf8_lossy(&output.stdout).contains("m_sum"));
    }
}
