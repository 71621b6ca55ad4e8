//! Float operations over edge values, on the emulator for each unit that it has, against the host's
//! arithmetic.

mod common;

use common::floats::{
    Case, Expected, Suite, add_arithmetic, add_bits, add_comparisons, add_conversions, add_formats,
    add_pressure, add_wide_calls,
};
use windlass::emulator::{Fault, FaultCause};
use windlass::machine::{Board, Machine, MachineError, NoHost};
use windlass::{AllocatorKind, Compiler, OptLevel, RuntimeLibrary, Trap};

/// Target, processor, floating-point unit.
type Unit = (&'static str, &'static str, &'static str);

const UNITS: [Unit; 7] = [
    ("thumbv7em-none-eabi", "cortex-m4", "none"),
    ("thumbv7m-none-eabi", "cortex-m3", "none"),
    ("thumbv7em-none-eabi", "cortex-m4", "fpv4-sp-d16"),
    ("thumbv7em-none-eabihf", "cortex-m4", "fpv4-sp-d16"),
    ("thumbv7em-none-eabi", "cortex-m7", "fpv5-sp-d16"),
    ("thumbv8m.main-none-eabi", "cortex-m33", "fpv5-sp-d16"),
    ("thumbv8m.main-none-eabihf", "cortex-m33", "fpv5-sp-d16"),
];

/// Runs every `stride`-th case in one configuration; answers how many there were.
fn run(suite: &Suite, unit: Unit, kind: AllocatorKind, level: OptLevel, stride: usize) -> usize {
    let (target, cpu, fpu) = unit;
    let at = format!("{target} {cpu} {fpu} {} {level:?}", kind.name());
    let compiler = Compiler::new()
        .target(target)
        .cpu(cpu)
        .fpu(fpu)
        .regalloc(kind)
        .opt_level(level)
        .runtime(RuntimeLibrary::Builtin)
        .check(true);
    let artifact = compiler.compile_clif(&suite.clif).unwrap_or_else(|e| panic!("{at}: {e}"));
    let board = Board::for_settings(&artifact.settings).expect("a board");
    let board = Board { budget: 1_000_000, ..board };
    let mut machine = Machine::new(&artifact.object, board).expect("a program");
    let cases = suite.cases.iter().step_by(stride);
    let count = cases.len();
    for Case { function, args, expected } in cases {
        let function = &suite.functions[*function];
        let name = &function.name;
        let entry = machine.function(0, name).expect("a function");
        let got = match machine.call(entry, args, 0, &mut NoHost) {
            Ok(_) => {
                let result = machine.results(&[function.result]).expect("registers")[0];
                function.classified(result.bits(), *expected)
            }
            Err(MachineError::Fault(Fault { cause: FaultCause::Udf(code), .. })) => {
                machine = Machine::new(&artifact.object, board).expect("a program");
                Expected::Trap(Trap::from_code(code).expect("a trap"))
            }
            Err(error) => panic!("{at}: {name}{args:x?}: {error}"),
        };
        assert_eq!(got, *expected, "{at}: {name}{args:x?}");
    }
    count
}

/// All cases for each unit, and a sample of them for the other allocators and levels.
fn run_everywhere(suite: &Suite) {
    let mut count = 0;
    for unit in UNITS {
        count += run(suite, unit, AllocatorKind::Ion, OptLevel::Speed, 1);
        count += run(suite, unit, AllocatorKind::Fastalloc, OptLevel::None, 7);
        count += run(suite, unit, AllocatorKind::Greedy, OptLevel::Size, 11);
    }
    println!("{count} calls");
}

#[test]
fn arithmetic_rounds_to_nearest() {
    let mut suite = Suite::default();
    add_arithmetic::<f32>(&mut suite);
    add_arithmetic::<f64>(&mut suite);
    run_everywhere(&suite);
}

#[test]
fn operations_on_bits_keep_nans() {
    let mut suite = Suite::default();
    add_bits::<f32>(&mut suite);
    add_bits::<f64>(&mut suite);
    run_everywhere(&suite);
}

#[test]
fn comparisons_know_unordered_operands() {
    let mut suite = Suite::default();
    add_comparisons::<f32>(&mut suite);
    add_comparisons::<f64>(&mut suite);
    run_everywhere(&suite);
}

#[test]
fn conversions_trap_or_saturate() {
    let mut suite = Suite::default();
    add_conversions::<f32>(&mut suite);
    add_conversions::<f64>(&mut suite);
    run_everywhere(&suite);
}

#[test]
fn formats_and_arguments() {
    let mut suite = Suite::default();
    add_formats(&mut suite);
    run_everywhere(&suite);
}

#[test]
fn many_values_have_many_places() {
    let mut suite = Suite::default();
    add_pressure(&mut suite);
    add_wide_calls(&mut suite);
    for unit in UNITS {
        for kind in AllocatorKind::ALL {
            run(&suite, unit, kind, OptLevel::Speed, 1);
        }
    }
}
