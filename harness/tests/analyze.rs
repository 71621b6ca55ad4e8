//! Spills in machine code: hand counts, windlass's own figures, and what a disassembler counts.

mod common;

use common::{CPUS, Config, corpus, files, harness_dir};
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use windlass::analyze::{Figures, Outcome, Registers, Report, StackArgs, analyze};
use windlass::report::physical::shadow_log;
use windlass::report::schema::figures;
use windlass::{AllocatorKind, Artifact, Compiler, OptLevel};
use windlass_backend::module::FunctionRole;
use windlass_backend::regalloc::shadow::Shadow;

fn report(object: &[u8], set: Option<&str>, k: Option<usize>) -> Report {
    analyze(object, &Registers::new(set, k).expect("registers")).expect("an object")
}

fn outcome<'a>(report: &'a Report, name: &str) -> &'a Outcome {
    let mut functions = report.functions.iter();
    &functions.find(|f| f.name == name).unwrap_or_else(|| panic!("no function {name}")).outcome
}

fn analysis<'a>(report: &'a Report, name: &str) -> &'a Figures {
    match outcome(report, name) {
        Outcome::Analysis(figures) => figures,
        Outcome::NotAnalysed(why) => panic!("{name}: {why:?}"),
    }
}

fn spills() -> Vec<u8> {
    std::fs::read(harness_dir("tests/host/spills.o")).expect("a checked-in object")
}

#[derive(Debug, PartialEq, Eq)]
struct Counts {
    stores: u32,
    reloads: u32,
    args: (u32, u32),
    objects: u32,
    pushes_pops: (u32, u32),
    values: u32,
    peak: u32,
    excess: i32,
    spurious: u32,
    remat: u32,
}

impl Counts {
    fn of(f: &Figures) -> Counts {
        Counts {
            stores: f.spill_stores,
            reloads: f.reloads,
            args: (f.stack_args.incoming, f.stack_args.outgoing),
            objects: f.objects,
            pushes_pops: (f.pushes, f.pops),
            values: f.values,
            peak: f.peak_pressure,
            excess: f.excess,
            spurious: f.spurious,
            remat: f.remat_reloads,
        }
    }
}

/// tests/host/spills.s marks each access. Values are those that some instruction reads, copies not
/// counted; peak is the most between two instructions, or before one.
#[test]
fn hand_counts() {
    let none = Counts {
        stores: 0,
        reloads: 0,
        args: (0, 0),
        objects: 0,
        pushes_pops: (0, 0),
        values: 0,
        peak: 0,
        excess: 0,
        spurious: 0,
        remat: 0,
    };
    let with_13 = [
        // Two parameters, and the sum.
        ("leaf", Counts { values: 3, peak: 2, excess: -11, ..none }),
        // The parameter, 7 and twice the parameter at once.
        (
            "reuse",
            Counts {
                stores: 2,
                reloads: 2,
                values: 5,
                peak: 3,
                excess: -10,
                spurious: 4,
                remat: 1,
                ..none
            },
        ),
        // r0-r3 and r12 are gone in the call: 8 are left for 2.
        (
            "across",
            Counts {
                stores: 1,
                reloads: 1,
                pushes_pops: (2, 2),
                values: 3,
                peak: 2,
                excess: -6,
                spurious: 2,
                ..none
            },
        ),
        // Each loaded and stored at once.
        (
            "arguments",
            Counts { args: (2, 2), pushes_pops: (2, 2), values: 2, peak: 1, excess: -12, ..none },
        ),
        // The parameter, 0 and then the array's address; the two that are added, and the sum. The
        // parameter alone lives across the call.
        (
            "array",
            Counts {
                stores: 1,
                reloads: 1,
                objects: 3,
                pushes_pops: (2, 2),
                values: 5,
                peak: 2,
                excess: -7,
                spurious: 2,
                ..none
            },
        ),
        // Two parameters and the result. The frame pointer is none; its definition takes a register.
        (
            "framed",
            Counts {
                stores: 1,
                reloads: 1,
                objects: 1,
                pushes_pops: (1, 1),
                values: 3,
                peak: 3,
                excess: -10,
                spurious: 2,
                ..none
            },
        ),
        // The parameter, 10, 11, what is 11 or 12, the literal, and what the arms join.
        (
            "switch",
            Counts { stores: 3, reloads: 1, values: 6, peak: 1, excess: -12, spurious: 4, ..none },
        ),
    ];
    let object = spills();
    let all = report(&object, None, None);
    for (name, expected) in with_13 {
        assert_eq!(Counts::of(analysis(&all, name)), expected, "{name}");
    }
    // With r0-r3 alone nothing survives a call.
    let four = report(&object, None, Some(4));
    for (name, excess, spurious) in [("reuse", -1, 4), ("across", 2, 0), ("array", 1, 0)] {
        let figures = analysis(&four, name);
        assert_eq!((figures.excess, figures.spurious), (excess, spurious), "{name}");
    }
}

#[test]
fn value_ranges_and_what_is_hidden() {
    let report = report(&spills(), None, None);
    let reuse = analysis(&report, "reuse");
    let ranges = |name: &str| {
        let register = reuse.registers.iter().find(|r| r.name == name).expect("a register");
        register.ranges.iter().map(|r| (r.first, r.last)).collect::<Vec<_>>()
    };
    assert_eq!(
        ranges("r0"),
        [(None, 0xc), (Some(0xe), 0x10), (Some(0x12), 0x14), (Some(0x14), 0x18)]
    );
    assert_eq!(ranges("r1"), [(Some(8), 0xa), (Some(0xc), 0x10), (Some(0x10), 0x14)]);
    let slots: Vec<_> = reuse.slots.iter().map(|s| (s.offset, s.remat_reloads)).collect();
    assert_eq!(slots, [(-8, 1), (-4, 0)]);
    let switch = analysis(&report, "switch");
    assert_eq!(switch.slots[0].ranges.len(), 1);
    assert_eq!(analysis(&report, "framed").through_copies, 3);
}

#[test]
fn what_cannot_be_followed_is_named() {
    let report = report(&spills(), None, None);
    for (name, reason) in
        [("dynamic", "sp changes by an amount that is not known"), ("computed", "computed branch")]
    {
        match outcome(&report, name) {
            Outcome::NotAnalysed(why) => assert!(why.reason.contains(reason), "{why:?}"),
            Outcome::Analysis(_) => panic!("{name} has figures"),
        }
    }
    assert!(analyze(b"no object", &Registers::default()).is_err());
}

/// Each function that users wrote has all the traffic that the compilation reports, in the same
/// number of registers, whoever allocated it.
#[test]
fn objects_of_windlass_have_the_traffic_that_is_reported() {
    let (mut functions, mut spilled) = (0, 0);
    for (name, wasm) in corpus() {
        for allocator in [AllocatorKind::Ion, AllocatorKind::Greedy] {
            let (target, cpu, fpu) = CPUS[1];
            let config = Config { target, cpu, fpu, allocator, opt_level: OptLevel::Speed };
            let artifact = config.compiler().check(false).name(&name).compile_wasm(&wasm).unwrap();
            let report = report(&artifact.object, Some("r0-r8"), None);
            for (at, function) in artifact.module.functions.iter().enumerate() {
                let FunctionRole::User { .. } = function.role else { continue };
                let found = analysis(&report, &artifact.module.symbol(function.symbol).name);
                let reported = figures(&artifact, at).final_;
                let what = format!("{} of {name} {config}", function.name);
                assert_eq!(
                    u64::from(found.stack_accesses()),
                    reported.stack_accesses(),
                    "{what}: {found:?}"
                );
                functions += 1;
                spilled += found.spill_stores;
            }
        }
    }
    assert!(functions > 400 && spilled > 4000, "{functions} functions, {spilled} stores");
}

fn shadowed(name: &str, shadow: bool) -> Artifact {
    let wasm = std::fs::read(harness_dir("corpus").join(name).with_extension("wasm")).unwrap();
    let compiler = Compiler::new().name(name).threads(1).shadow(shadow);
    compiler.compile_wasm(&wasm).unwrap()
}

fn shadow_of<'a>(artifact: &'a Artifact, name: &str) -> &'a Shadow {
    let at = artifact.module.functions.iter().position(|f| f.name == name).expect("a function");
    let shadow = artifact.compiled.functions[at].shadow.as_ref().expect("a shadow");
    shadow.as_ref().expect("an analysis")
}

/// What DESIGN calls the start: the baseline spills, and the values fit.
#[test]
fn the_flat_flight_controller_fits() {
    let artifact = shadowed("flight_control", true);
    let shadow = shadow_of(&artifact, "flight_step");
    let physical = &shadow.physical;
    assert_eq!((physical.k, physical.peak, physical.excess), (9, 9, 0));
    assert_eq!((shadow.peak_pressure, shadow.excess), (9, 0));
    let spills = physical.spill_stores() + physical.reloads();
    assert!(spills > 100, "the baseline spills only {spills} times");
    assert_eq!(physical.spurious(), spills);
    assert!(physical.slots.iter().all(|slot| slot.as_value == Some(true)));
    // One register is over a hundred ranges.
    assert!(physical.registers[0].ranges.len() > 80, "{:?}", physical.registers[0]);
}

/// Places as nodes ask for spills where values do not.
#[test]
fn places_as_nodes_see_spills_that_are_none() {
    let artifact = shadowed("idct", true);
    let physical = &shadow_of(&artifact, "run").physical;
    assert!(physical.fits() && physical.spurious() > 0);
    let in_memory = physical.slots.iter().filter(|slot| slot.as_node == Some(false));
    assert!(in_memory.count() >= 3, "{:?}", physical.slots);
}

#[test]
fn shadow_allocation_does_not_change_the_object() {
    for name in ["flight_control", "idct", "sha256"] {
        let (with, without) = (shadowed(name, true), shadowed(name, false));
        assert_eq!(with.object, without.object, "{name}");
        assert_eq!(shadow_log(&without), "");
        assert_eq!(shadow_log(&with), shadow_log(&shadowed(name, true)), "{name}");
        assert!(shadow_log(&with).contains(&format!("shadow {name}:run, r0-r8: ")));
    }
}

fn compile(compiler: &[&str], source: &Path, object: &Path) {
    let output = Command::new(compiler[0])
        .args(&compiler[1..])
        .arg("-c")
        .arg(source)
        .arg("-o")
        .arg(object)
        .output()
        .unwrap_or_else(|e| panic!("{}: {e}", compiler[0]));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{compiler:?} {}: {stderr}", source.display());
}

const GCC: [&str; 5] = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-O2", "-w"];
const CLANG: [&str; 5] = ["clang", "--target=thumbv7em-none-eabi", "-mcpu=cortex-m4", "-O2", "-w"];

#[test]
#[ignore = "needs arm-none-eabi-as"]
fn the_checked_in_object_is_its_source() {
    let directory = tempfile::tempdir().unwrap();
    let object = directory.path().join("spills.o");
    let source = harness_dir("tests/host/spills.s");
    compile(&["arm-none-eabi-gcc"], &source, &object);
    let [ours, theirs] = [spills(), std::fs::read(&object).unwrap()]
        .map(|object| serde_json::to_string(&report(&object, None, None)).unwrap());
    assert_eq!(ours, theirs);
}

#[test]
#[ignore = "needs arm-none-eabi-gcc and clang"]
fn compilers_spill_what_must_be_spilled() {
    let directory = tempfile::tempdir().unwrap();
    for compiler in [GCC, CLANG] {
        let object = directory.path().join("spills.o");
        compile(&compiler, &harness_dir("tests/host/spills.c"), &object);
        let report = report(&std::fs::read(&object).unwrap(), None, None);
        let of = |name| analysis(&report, name);

        let leaf = of("leaf");
        assert_eq!((leaf.stack_accesses(), leaf.pushes, leaf.peak_pressure), (0, 0, 2));
        // 21 values in 13 registers; lr may hold one more.
        let rotate = of("rotate");
        assert!(rotate.peak_pressure >= 20 && rotate.excess >= 7, "{rotate:?}");
        assert!(rotate.spill_stores >= 7 && rotate.reloads >= 7, "{rotate:?}");
        assert!(rotate.spurious < rotate.spill_stores + rotate.reloads, "{rotate:?}");
        assert_eq!((rotate.stack_args.sum(), rotate.objects), (0, 0), "{rotate:?}");
        // Ten values and the pointer in r4-r11.
        let across = of("across");
        assert!(across.spill_stores >= 3 && across.reloads >= 3, "{across:?}");
        assert_eq!((across.excess, across.stack_args.sum()), (3, 0), "{across:?}");
        let arguments = of("arguments");
        let args = StackArgs { incoming: 2, outgoing: 2, results: 0 };
        assert_eq!((arguments.stack_args, arguments.spill_stores), (args, 0), "{arguments:?}");
        let array = of("array");
        assert_eq!((array.objects, array.spill_stores, array.reloads), (2, 0, 0), "{array:?}");
    }
}

/// The corpus' C sources as gcc and clang compile them: as many accesses relative to sp as in a
/// disassembly. Nearly all functions are followed.
#[test]
#[ignore = "needs arm-none-eabi-gcc, arm-none-eabi-objdump and clang"]
fn objects_of_other_compilers_have_the_traffic_of_their_disassembly() {
    let directory = tempfile::tempdir().unwrap();
    let include = directory.path().join("stdio.h");
    std::fs::write(&include, "int printf(const char *, ...);\n").unwrap();
    let include = format!("-I{}", directory.path().display());
    let (mut functions, mut failures) = (0, 0);
    for source in files(&harness_dir("corpus/src"), &["c"]) {
        for compiler in [GCC, CLANG] {
            let object = directory.path().join("module.o");
            compile(&[&compiler[..], &[&include]].concat(), &source, &object);
            let accesses = disassembled_accesses(&object);
            let report = report(&std::fs::read(&object).unwrap(), None, None);
            for function in &report.functions {
                functions += 1;
                let Outcome::Analysis(figures) = &function.outcome else {
                    failures += 1;
                    continue;
                };
                let relative_to_sp = figures.stack_accesses() - figures.through_copies;
                let counted = accesses.get(&function.name).copied().unwrap_or(0);
                let what = format!("{} of {} {}", function.name, source.display(), compiler[0]);
                assert_eq!(relative_to_sp, counted, "{what}: {figures:?}");
            }
        }
    }
    assert!(functions > 400, "only {functions} functions");
    assert!(failures * 50 < functions, "{failures} of {functions} functions are not analysed");
}

/// Registers loaded and stored at `[sp, #n]`, by function, in objdump's text.
fn disassembled_accesses(object: &Path) -> HashMap<String, u32> {
    let output = Command::new("arm-none-eabi-objdump").arg("-d").arg(object).output().unwrap();
    assert!(output.status.success());
    let mut accesses = HashMap::new();
    let mut function = String::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        if let Some((_, name)) = line.split_once(" <").filter(|_| line.ends_with(">:")) {
            function = name.trim_end_matches(">:").to_owned();
        }
        let mut fields = line.split('\t').skip(2);
        let (Some(mnemonic), Some(operands)) = (fields.next(), fields.next()) else { continue };
        let registers = match mnemonic.split('.').next().unwrap_or("") {
            m if m.starts_with("ldrd") || m.starts_with("strd") => 2,
            m if m.starts_with("ldr") || m.starts_with("str") => 1,
            m if m.starts_with("vldr") || m.starts_with("vstr") => 1,
            m if m.starts_with("ldm") || m.starts_with("stm") => {
                let list =
                    operands.strip_prefix("sp, {").map(|list| list.split(',').count() as u32);
                assert!(!list.is_some_and(|_| operands.contains('-')), "{line}");
                *accesses.entry(function.clone()).or_default() += list.unwrap_or(0);
                continue;
            }
            _ => continue,
        };
        let memory = operands.split('[').nth(1).unwrap_or("");
        let (inside, behind) = memory.split_once(']').unwrap_or((memory, ""));
        let constant =
            inside.strip_prefix("sp").map(|rest| rest.is_empty() || rest.starts_with(", #"));
        let plain = !behind.starts_with(['!', ',']);
        if constant == Some(true) && plain {
            *accesses.entry(function.clone()).or_default() += registers;
        }
    }
    accesses
}
