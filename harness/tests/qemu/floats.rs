//! Float operations on units of qemu's boards, which unlike those of the emulator do doubles too.
//!
//! One image calls every case of a suite; it prints a hash of the results for each 256 calls, which
//! is compared with that of what the host's arithmetic expects.

use crate::common::floats::{
    Case, Expected, Suite, add_arithmetic, add_bits, add_comparisons, add_conversions, add_formats,
    add_pressure, add_wide_calls,
};
use crate::common::harness_dir;
use crate::common::oracle::Oracle;
use crate::{AN386, AN500, Board, Firmware, Linker, compiler, host};
use std::collections::HashMap;
use std::fmt::Write;
use windlass::store::Outcome;
use windlass::value::Val;
use windlass::{AllocatorKind, OptLevel, RuntimeLibrary};
use windlass_backend::module::ValType;

const CALLS_OF_A_LINE: usize = 256;

fn suite() -> Suite {
    let mut suite = Suite::default();
    add_arithmetic::<f32>(&mut suite);
    add_arithmetic::<f64>(&mut suite);
    add_bits::<f32>(&mut suite);
    add_bits::<f64>(&mut suite);
    add_comparisons::<f32>(&mut suite);
    add_comparisons::<f64>(&mut suite);
    add_conversions::<f32>(&mut suite);
    add_conversions::<f64>(&mut suite);
    add_formats(&mut suite);
    add_pressure(&mut suite);
    add_wide_calls(&mut suite);
    suite
}

#[test]
#[ignore = "needs arm-none-eabi-gcc and qemu-system-arm"]
fn floats_are_those_of_the_host_on_units_with_and_without_doubles() {
    let suite = suite();
    let (main, expected) = (main_c(&suite), expected(&suite));
    let softfp = Board { target: "thumbv7em-none-eabi", ..AN500 };
    let single = Board { fpu: "fpv5-sp-d16", ..AN500 };
    let an386 = Board { target: "thumbv7em-none-eabihf", fpu: "fpv4-sp-d16", ..AN386 };
    // Routines of libgcc may return a signalling NaN: only conversions of i64 come from there.
    use AllocatorKind::{Fastalloc, Greedy, Ion};
    use RuntimeLibrary::{Builtin, External};
    for (board, allocator, level, runtime) in [
        (AN500, Ion, OptLevel::Speed, External),
        (AN500, Fastalloc, OptLevel::None, Builtin),
        (AN500, Greedy, OptLevel::Size, Builtin),
        (softfp, Ion, OptLevel::Size, External),
        (single, Ion, OptLevel::None, Builtin),
        (an386, Ion, OptLevel::Speed, Builtin),
    ] {
        let compiler = compiler(board).regalloc(allocator).opt_level(level).runtime(runtime);
        let artifact = compiler.compile_clif(&suite.clif).unwrap();
        let firmware = Firmware::empty(board);
        std::fs::write(firmware.path("program.o"), &artifact.object).unwrap();
        std::fs::write(firmware.path("main.c"), &main).unwrap();
        let sources = ["startup.c", "floats.c"].map(host).into_iter();
        let sources: Vec<_> = sources.chain([firmware.path("main.c")]).collect();
        let linker = if runtime == External { Linker::Gcc } else { Linker::Ld };
        let printed = firmware.run_sources(&sources, linker);
        let at = format!("{board:?} {} {level:?} {runtime:?}", allocator.name());
        let mut lines = printed.lines().zip(expected.lines());
        if let Some((found, wanted)) = lines.find(|(found, wanted)| found != wanted) {
            panic!("{at}: {found}, not {wanted}");
        }
        assert_eq!(printed.len(), expected.len(), "{at}");
    }
}

/// The calls that `float_host.c` makes, in its order.
fn calls() -> Vec<(&'static str, Vec<Val>)> {
    let single = |x: f32| Val::F32(x.to_bits());
    let double = |x: f64| Val::F64(x.to_bits());
    let singles = [1.0, 2.0, 3.0, 4.0].map(single).to_vec();
    let mixed = vec![double(0.1), Val::I32(7), single(2.25), Val::I64(123456789012)];
    let many = vec![
        single(2.0),
        double(0.125),
        single(3.0),
        Val::I32(4),
        double(5.5),
        single(6.0),
        double(7.0),
        double(8.0),
        single(9.0),
        Val::I64(-9),
        double(0.25),
        single(11.0),
        double(1.5),
        single(13.0),
        single(7.0),
        double(100.0),
        Val::I32(3),
        single(8.0),
    ];
    vec![
        ("singles", singles),
        ("doubles", vec![double(1.5), double(2.5)]),
        ("mixed", mixed),
        ("five", vec![single(16.0)]),
        ("many", many),
        ("indirect", vec![Val::I32(1), double(3.0), single(4.0)]),
        ("memory", vec![Val::I32(3), single(1.5), double(2.25)]),
        ("deep", vec![single(1.0), double(2.0), Val::I32(0)]),
    ]
}

#[test]
#[ignore = "needs arm-none-eabi-gcc and qemu-system-arm"]
fn a_host_and_a_module_exchange_floats() {
    let wat = std::fs::read(harness_dir("filetests/run/floats.wat")).unwrap();
    let wasm = wat::parse_bytes(&wat).unwrap();
    let mut oracle = Oracle::new(&wasm).unwrap().unwrap();
    let mut expected = String::new();
    for (name, args) in calls() {
        let Outcome::Returned(results) = oracle.invoke(name, &args).unwrap() else {
            panic!("{name} traps in wasmi");
        };
        for value in results {
            let _ = writeln!(expected, "{}", value.bits() as u32);
            if value.ty().bytes() == 8 {
                let _ = writeln!(expected, "{}", value.bits() >> 32);
            }
        }
    }
    let hard = "thumbv7em-none-eabihf";
    let softfp = Board { target: "thumbv7em-none-eabi", ..AN500 };
    let single = Board { target: hard, fpu: "fpv4-sp-d16", ..AN386 };
    for board in [AN500, softfp, single, AN386] {
        let compiler = compiler(board).runtime(RuntimeLibrary::External);
        let artifact = compiler.compile_wasm(&wasm).unwrap();
        let printed = Firmware::new(&artifact, board).run("float_host.c", Linker::Gcc);
        assert_eq!(printed, expected, "{board:?}");
    }
}

/// C and the module must agree where floats travel.
#[test]
#[ignore = "needs arm-none-eabi-gcc and lld"]
fn linkers_refuse_to_mix_variants_of_the_convention() {
    const CLIF: &str = "function %f(f32) -> f32 {\nblock0(v0: f32):\n return v0\n}\n";
    let soft = Board { fpu: "none", target: "thumbv7em-none-eabi", ..AN500 };
    let softfp = Board { target: "thumbv7em-none-eabi", ..AN500 };
    let boards = [(soft, false), (softfp, false), (AN500, true)];
    for (ours, hard) in boards {
        let artifact = compiler(ours).compile_clif(CLIF).unwrap();
        for (theirs, theirs_hard) in boards {
            let firmware = Firmware::empty(theirs);
            std::fs::write(firmware.path("program.o"), &artifact.object).unwrap();
            let source = firmware.path("main.c");
            std::fs::write(
                &source,
                "float f(float); float g(void); float g(void) { return f(1); }",
            )
            .unwrap();
            let object = firmware.compile_c(&source);
            for linker in ["arm-none-eabi-ld", "ld.lld"] {
                let mut command = std::process::Command::new(linker);
                command.args(["-e", "0", "-o"]).arg(firmware.path("out"));
                let output = command.arg(&object).arg(firmware.path("program.o")).output().unwrap();
                let messages = String::from_utf8_lossy(&output.stderr);
                let linked = output.status.success();
                // lld trusts what gcc leaves out, which is that an object has the base variant.
                let refused = hard != theirs_hard && (theirs_hard || linker != "ld.lld");
                assert_eq!(linked, !refused, "{linker} {ours:?} {theirs:?}: {messages}");
            }
        }
    }
}

/// The cases of each function.
fn by_function(suite: &Suite) -> Vec<Vec<&Case>> {
    let mut cases = vec![Vec::new(); suite.functions.len()];
    suite.cases.iter().for_each(|case| cases[case.function].push(case));
    cases
}

/// A table of all calls, and a main that makes them.
fn main_c(suite: &Suite) -> String {
    let mut lists: HashMap<Vec<u64>, usize> = HashMap::new();
    let (mut arrays, mut calls, mut table) = (String::new(), String::new(), String::new());
    for (index, cases) in by_function(suite).into_iter().enumerate() {
        let function = &suite.functions[index];
        let bits: Vec<u64> = cases.iter().flat_map(|c| c.args.iter().map(|a| a.bits())).collect();
        let next = lists.len();
        let list = *lists.entry(bits).or_insert_with_key(|bits| {
            let words: Vec<_> = bits.iter().map(|b| format!("{b:#x}")).collect();
            let _ =
                writeln!(arrays, "static const uint64_t list{next}[] = {{{}}};", words.join(","));
            next
        });
        let name = &function.name;
        let params: Vec<_> = function.params.iter().map(|&ty| c_type(ty)).collect();
        let args = function.params.iter().enumerate().map(|(n, &ty)| match ty {
            ValType::F32 => format!("as_f32(a[{n}])"),
            ValType::F64 => format!("as_f64(a[{n}])"),
            ty => format!("({})a[{n}]", c_type(ty)),
        });
        let call = format!("{name}({})", args.collect::<Vec<_>>().join(", "));
        let result = match function.result {
            ValType::F32 => format!("of_f32({call})"),
            ValType::F64 => format!("of_f64({call})"),
            _ => call,
        };
        let _ = writeln!(
            calls,
            "{} {name}({});\nstatic uint64_t call_{name}(const uint64_t *a) {{ return {result}; }}",
            c_type(function.result),
            params.join(", ")
        );
        let any_nan = cases.iter().any(|case| case.expected == Expected::Nan);
        let nans = match function.result {
            ValType::F32 if any_nan => "NOT_A_NUMBER_F32",
            ValType::F64 if any_nan => "NOT_A_NUMBER_F64",
            _ => "0",
        };
        let (arity, count) = (params.len(), cases.len());
        let _ = writeln!(
            table,
            "    {{\"{name}\", call_{name}, list{list}, {arity}, {count}, {nans}}},"
        );
    }
    format!(
        "#include \"floats.h\"\n\n{arrays}\n{calls}\n\
         static const struct function functions[] = {{\n{table}}};\n\n\
         int main(void) {{\n    \
         for (uint32_t n = 0; n < sizeof functions / sizeof *functions; n++)\n        \
         run_function(&functions[n]);\n    return 0;\n}}\n"
    )
}

fn c_type(ty: ValType) -> &'static str {
    match ty {
        ValType::I64 => "uint64_t",
        ValType::F32 => "float",
        ValType::F64 => "double",
        _ => "uint32_t",
    }
}

/// What the image prints if all is well.
fn expected(suite: &Suite) -> String {
    let mut text = String::new();
    for (function, cases) in suite.functions.iter().zip(by_function(suite)) {
        for (line, cases) in cases.chunks(CALLS_OF_A_LINE).enumerate() {
            let mut hash = 2166136261u32;
            for case in cases {
                let bits = expected_bits(case.expected, function.result);
                for word in [bits as u32, (bits >> 32) as u32] {
                    hash = (hash ^ word).wrapping_mul(16777619);
                }
            }
            let first = line * CALLS_OF_A_LINE;
            let _ = writeln!(text, "{} from {first}: {hash}", function.name);
        }
    }
    text
}

fn expected_bits(expected: Expected, ty: ValType) -> u64 {
    match expected {
        Expected::Bits(bits) => bits,
        Expected::Nan if ty == ValType::F32 => Val::F32(f32::NAN.to_bits()).bits(),
        Expected::Nan => 0xfff << 51,
        Expected::Trap(trap) => 0xffff_ffff << 32 | (u64::from(trap.code()) + 1),
    }
}
