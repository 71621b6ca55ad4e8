//! Float operations over edge values: functions as CLIF, calls of them, and what the host's
//! arithmetic says they give. A NaN result stands for every quiet NaN.

use std::collections::HashMap;
use std::fmt::Write;
use windlass::Trap;
use windlass::value::Val;
use windlass_backend::module::ValType;

const SINGLES: [u32; 40] = [
    0,
    1,
    0x7f_ffff,
    0x80_0000,
    0x3f00_0000,
    0x3eff_ffff,
    0x3f80_0000,
    0x3f7f_ffff,
    0x3f80_0001,
    0x3fc0_0000,
    0x4000_0000,
    0x4020_0000,
    0x4060_0000,
    0x4b00_0000,
    0x4b00_0001,
    0x4aff_ffff,
    0x4b7f_ffff,
    0x4eff_ffff,
    0x4f00_0000,
    0x4f00_0001,
    0x4f7f_ffff,
    0x4f80_0000,
    0x5eff_ffff,
    0x5f00_0000,
    0x5f00_0001,
    0x5f7f_ffff,
    0x5f80_0000,
    0x7f7f_ffff,
    0x7f80_0000,
    0x7fc0_0000,
    0x7f80_0001,
    0x7fff_ffff,
    0x4048_f5c3,
    0x0000_ffff,
    0x3300_0000,
    0x3f00_0001,
    0x1234_5678,
    0x5a5a_5a5a,
    0x4f00_0002,
    0x3e99_999a,
];

const DOUBLES: [f64; 36] = [
    0.0,
    5e-324,
    2.225e-308,
    2.2250738585072014e-308,
    0.5,
    0.49999999999999994,
    1.0,
    0.9999999999999999,
    1.0000000000000002,
    1.5,
    2.5,
    3.5,
    4503599627370495.5,
    4503599627370496.0,
    4503599627370497.0,
    2147483646.9,
    2147483647.0,
    2147483647.9999998,
    2147483648.0,
    2147483648.0000005,
    2147483648.9999995,
    2147483649.0,
    4294967295.0,
    4294967295.9999995,
    4294967296.0,
    9223372036854774784.0,
    9223372036854775808.0,
    9223372036854777856.0,
    18446744073709549568.0,
    18446744073709551616.0,
    f64::MAX,
    f64::INFINITY,
    3.402823466e38,
    3.4028235677973366e38,
    1.401298464324817e-45,
    3.25,
];

const INTEGERS: [i64; 20] = [
    0,
    1,
    -1,
    2,
    255,
    -128,
    16777215,
    16777216,
    16777217,
    33554431,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    1 << 32,
    (1 << 53) + 1,
    i64::MAX,
    i64::MIN,
    0x7fff_ffff_ffff_fc00,
    -0x7fff_ff40_0000_0001,
    0x0123_4567_89ab_cdef,
];

fn singles() -> Vec<f32> {
    let bits = SINGLES.into_iter().flat_map(|bits| [bits, bits | 1 << 31]);
    bits.map(f32::from_bits).collect()
}

fn doubles() -> Vec<f64> {
    let nans = [0x7ff8_0000_0000_0000, 0x7ff0_0000_0000_0001, 0x7ff0_0000_1000_0000];
    let all = DOUBLES.into_iter().chain(nans.map(f64::from_bits));
    all.flat_map(|x| [x, f64::from_bits(x.to_bits() | 1 << 63)]).collect()
}

/// What a call is to give.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Expected {
    Bits(u64),
    /// Any quiet NaN of 32 or 64 bits.
    Nan,
    Trap(Trap),
}

pub struct Function {
    pub name: String,
    pub params: Vec<ValType>,
    pub result: ValType,
}

pub struct Case {
    /// Index into the suite's functions.
    pub function: usize,
    pub args: Vec<Val>,
    pub expected: Expected,
}

/// CLIF and calls of it.
#[derive(Default)]
pub struct Suite {
    pub clif: String,
    pub functions: Vec<Function>,
    by_name: HashMap<String, usize>,
    pub cases: Vec<Case>,
}

impl Suite {
    /// A function of `params` with this body, which computes `v10`.
    fn function(&mut self, name: &str, params: &[&str], result: &str, body: &str) {
        self.declare(name, params, result);
        let _ = writeln!(
            self.clif,
            "function %{name}({}) -> {result} {{\nblock0({}):\n {body}\n return v10\n}}",
            params.join(", "),
            named(params)
        );
    }

    /// A function that cases may call.
    fn declare(&mut self, name: &str, params: &[&str], result: &str) {
        let ty = |name: &str| match name {
            "f32" => ValType::F32,
            "f64" => ValType::F64,
            "i64" => ValType::I64,
            _ => ValType::I32,
        };
        self.by_name.insert(name.to_owned(), self.functions.len());
        let params = params.iter().map(|param| ty(param)).collect();
        self.functions.push(Function { name: name.to_owned(), params, result: ty(result) });
    }

    fn case(&mut self, function: &str, args: &[Val], expected: Expected) {
        let (function, args) = (self.by_name[function], args.to_vec());
        self.cases.push(Case { function, args, expected });
    }
}

impl Function {
    /// The result's bits as an expectation: where a NaN is to come, any quiet one will do.
    pub fn classified(&self, bits: u64, expected: Expected) -> Expected {
        let quiet_bits = match self.result {
            ValType::F32 => 0x7fc0_0000,
            _ => 0x7ff8_0000_0000_0000,
        };
        let quiet = bits & quiet_bits == quiet_bits;
        if quiet && expected == Expected::Nan { Expected::Nan } else { Expected::Bits(bits) }
    }
}

/// A block's parameters v0, v1 and so on.
fn named(params: &[&str]) -> String {
    let list: Vec<_> = params.iter().zip(0..).map(|(ty, n)| format!("v{n}: {ty}")).collect();
    list.join(", ")
}

/// What is different between the two formats.
pub trait Format: Copy + PartialOrd + 'static {
    const NAME: &'static str;
    const BITS: u32;
    fn edges() -> Vec<Self>;
    fn val(self) -> Val;
    fn result(self) -> Expected;
    fn binary(self, op: &str, other: Self) -> Self;
    fn unary(self, op: &str) -> Self;
    fn exact(self) -> f64;
    fn from_int(op: &str, n: i64) -> Self;
}

macro_rules! implement_format {
    ($ty:ident, $name:literal, $bits:literal, $val:ident, $edges:ident) => {
        impl Format for $ty {
            const NAME: &'static str = $name;
            const BITS: u32 = $bits;

            fn edges() -> Vec<Self> {
                $edges()
            }

            fn val(self) -> Val {
                Val::$val(self.to_bits())
            }

            fn result(self) -> Expected {
                match self.is_nan() {
                    true => Expected::Nan,
                    false => Expected::Bits(self.to_bits().into()),
                }
            }

            fn binary(self, op: &str, y: Self) -> Self {
                let x = self;
                let less = x < y || x == y && x.is_sign_negative();
                match op {
                    "fadd" => x + y,
                    "fsub" => x - y,
                    "fmul" => x * y,
                    "fdiv" => x / y,
                    "fmin" | "fmax" if x.is_nan() || y.is_nan() => Self::NAN,
                    "fmin" => {
                        if less {
                            x
                        } else {
                            y
                        }
                    }
                    "fmax" => {
                        if less {
                            y
                        } else {
                            x
                        }
                    }
                    other => panic!("{other}"),
                }
            }

            fn unary(self, op: &str) -> Self {
                match op {
                    "sqrt" => self.sqrt(),
                    "ceil" => self.ceil(),
                    "floor" => self.floor(),
                    "trunc" => self.trunc(),
                    "nearest" => self.round_ties_even(),
                    other => panic!("{other}"),
                }
            }

            fn exact(self) -> f64 {
                self.into()
            }

            fn from_int(op: &str, n: i64) -> Self {
                match op {
                    "sint.i32" => n as i32 as $ty,
                    "uint.i32" => n as u32 as $ty,
                    "sint.i64" => n as $ty,
                    _ => n as u64 as $ty,
                }
            }
        }
    };
}

implement_format!(f32, "f32", 32, F32, singles);
implement_format!(f64, "f64", 64, F64, doubles);

const CONDITIONS: [&str; 14] =
    ["eq", "ne", "lt", "le", "gt", "ge", "ord", "uno", "one", "ueq", "ult", "ule", "ugt", "uge"];

fn holds(cc: &str, x: f64, y: f64) -> bool {
    let unordered = x.is_nan() || y.is_nan();
    match cc {
        "eq" => x == y,
        "ne" => x != y,
        "lt" => x < y,
        "le" => x <= y,
        "gt" => x > y,
        "ge" => x >= y,
        "ord" => !unordered,
        "uno" => unordered,
        "one" => !unordered && x != y,
        "ueq" => unordered || x == y,
        "ult" => unordered || x < y,
        "ule" => unordered || x <= y,
        "ugt" => unordered || x > y,
        _ => unordered || x >= y,
    }
}

pub fn add_arithmetic<F: Format>(suite: &mut Suite) {
    let ty = F::NAME;
    for op in ["fadd", "fsub", "fmul", "fdiv", "fmin", "fmax"] {
        let name = format!("{op}_{ty}");
        suite.function(&name, &[ty, ty], ty, &format!("v10 = {op} v0, v1"));
        for x in F::edges() {
            for y in F::edges() {
                suite.case(&name, &[x.val(), y.val()], x.binary(op, y).result());
            }
        }
    }
    for op in ["sqrt", "ceil", "floor", "trunc", "nearest"] {
        let name = format!("{op}_{ty}");
        suite.function(&name, &[ty], ty, &format!("v10 = {op} v0"));
        for x in F::edges() {
            suite.case(&name, &[x.val()], x.unary(op).result());
        }
    }
}

/// Operations on bits, which say what becomes of NaNs.
pub fn add_bits<F: Format>(suite: &mut Suite) {
    let (ty, bits) = (F::NAME, F::BITS);
    let sign = 1u64 << (bits - 1);
    let int = if bits == 32 { "i32" } else { "i64" };
    for op in ["fneg", "fabs", "fcopysign", "pass"] {
        let name = format!("{op}_{ty}");
        let (params, body): (&[&str], _) = match op {
            "fcopysign" => (&[ty, ty], "v10 = fcopysign v0, v1".to_owned()),
            "pass" => (&[ty], format!("v1 = bitcast.{int} v0\n v10 = bitcast.{ty} v1")),
            _ => (&[ty], format!("v10 = {op} v0")),
        };
        suite.function(&name, params, ty, &body);
        for x in F::edges() {
            let raw = x.val().bits();
            if op == "fcopysign" {
                for y in F::edges() {
                    let expected = raw & !sign | y.val().bits() & sign;
                    suite.case(&name, &[x.val(), y.val()], Expected::Bits(expected));
                }
                continue;
            }
            let expected = match op {
                "fneg" => raw ^ sign,
                "fabs" => raw & !sign,
                _ => raw,
            };
            suite.case(&name, &[x.val()], Expected::Bits(expected));
        }
    }
    let name = format!("memory_{ty}");
    suite.declare(&name, &[ty], ty);
    let body = "v1 = stack_addr.i32 ss0\n store v0, v1+3\n v2 = load.F v1+3\n \
                store aligned v2, v1+12\n v10 = load.F aligned v1+12";
    let _ = writeln!(
        suite.clif,
        "function %{name}({ty}) -> {ty} {{\n ss0 = explicit_slot 24, align = 8\nblock0(v0: {ty}):\n \
         {}\n return v10\n}}",
        body.replace(".F", &format!(".{ty}"))
    );
    for x in F::edges() {
        suite.case(&name, &[x.val()], Expected::Bits(x.val().bits()));
    }
}

pub fn add_comparisons<F: Format>(suite: &mut Suite) {
    let ty = F::NAME;
    for cc in CONDITIONS {
        let compare = format!("v2 = fcmp {cc} v0, v1");
        let (value, branch, select) =
            (format!("{cc}_{ty}"), format!("br_{cc}_{ty}"), format!("sel_{cc}_{ty}"));
        suite.function(&value, &[ty, ty], "i32", &format!("{compare}\n v10 = uextend.i32 v2"));
        let body = format!(
            "{compare}\n v3 = iconst.i32 0\n v4 = iconst.i32 1\n \
             brif v2, block1(v4), block1(v3)\nblock1(v10: i32):"
        );
        suite.function(&branch, &[ty, ty], "i32", &body);
        suite.function(&select, &[ty, ty], ty, &format!("{compare}\n v10 = select v2, v1, v0"));
        for x in F::edges() {
            for y in F::edges() {
                let yes = holds(cc, x.exact(), y.exact());
                let args = [x.val(), y.val()];
                let picked = if yes { y } else { x }.val().bits();
                suite.case(&value, &args, Expected::Bits(yes.into()));
                suite.case(&branch, &args, Expected::Bits(yes.into()));
                suite.case(&select, &args, Expected::Bits(picked));
            }
        }
    }
}

pub fn add_conversions<F: Format>(suite: &mut Suite) {
    let ty = F::NAME;
    for (sign, width) in [("sint", 32), ("uint", 32), ("sint", 64), ("uint", 64)] {
        let int = format!("i{width}");
        let (trapping, saturating, back) = (
            format!("to_{sign}_{int}_{ty}"),
            format!("sat_{sign}_{int}_{ty}"),
            format!("from_{sign}_{int}_{ty}"),
        );
        suite.function(&trapping, &[ty], &int, &format!("v10 = fcvt_to_{sign}.{int} v0"));
        suite.function(&saturating, &[ty], &int, &format!("v10 = fcvt_to_{sign}_sat.{int} v0"));
        suite.function(&back, &[&int], ty, &format!("v10 = fcvt_from_{sign}.{ty} v0"));
        for x in F::edges() {
            let exact = x.exact();
            let (value, low, high) = match (sign, width) {
                ("sint", 32) => (exact as i32 as u32 as u64, -2147483649.0, 2147483648.0),
                ("uint", 32) => ((exact as u32).into(), -1.0, 4294967296.0),
                // -2^63 itself is in range, and nothing lies between it and the next float.
                ("sint", _) => (exact as i64 as u64, -9223372036854777856.0, 9223372036854775808.0),
                _ => (exact as u64, -1.0, 18446744073709551616.0),
            };
            let expected = if exact.is_nan() {
                Expected::Trap(Trap::InvalidConversionToInteger)
            } else if exact <= low || exact >= high {
                Expected::Trap(Trap::IntegerOverflow)
            } else {
                Expected::Bits(value)
            };
            suite.case(&trapping, &[x.val()], expected);
            suite.case(&saturating, &[x.val()], Expected::Bits(value));
        }
        for n in INTEGERS {
            let arg = if width == 32 { Val::I32(n as i32) } else { Val::I64(n) };
            let expected = F::from_int(&format!("{sign}.{int}"), n).result();
            suite.case(&back, &[arg], expected);
        }
    }
}

pub fn add_formats(suite: &mut Suite) {
    suite.function("promote", &["f32"], "f64", "v10 = fpromote.f64 v0");
    suite.function("demote", &["f64"], "f32", "v10 = fdemote.f32 v0");
    for x in singles() {
        suite.case("promote", &[x.val()], f64::from(x).result());
    }
    for x in doubles() {
        suite.case("demote", &[x.val()], (x as f32).result());
    }
    // More arguments than registers, across a call, with constants.
    let params = ["f32", "f64", "f32", "i32", "f64", "f32", "f32", "f64", "i64", "f32"];
    for (call_conv, name) in [("tail", "inner"), ("", "outer")] {
        let body = if name == "inner" {
            "v20 = f32const 0x1.8p0\n v21 = f64const 0x1.4p1\n v22 = fmul v0, v20\n \
             v23 = fadd v22, v2\n v24 = fadd v23, v5\n v25 = fadd v24, v6\n v26 = fadd v25, v9\n \
             v27 = fpromote.f64 v26\n v28 = fmul v1, v21\n v29 = fadd v27, v28\n \
             v30 = fadd v29, v4\n v31 = fsub v30, v7\n v32 = fcvt_from_sint.f64 v3\n \
             v33 = fcvt_from_sint.f64 v8\n v34 = fadd v31, v32\n v35 = fadd v34, v33\n return v35"
        } else {
            "v10 = call fn0(v0, v1, v2, v3, v4, v5, v6, v7, v8, v9)\n \
             v11 = call fn0(v0, v1, v2, v3, v4, v5, v6, v7, v8, v9)\n v12 = fadd v10, v11\n return v12"
        };
        let declare = match name {
            "outer" => format!(" fn0 = %inner({}) -> f64 tail\n", params.join(", ")),
            _ => String::new(),
        };
        let _ = writeln!(
            suite.clif,
            "function %{name}({}) -> f64 {call_conv} {{\n{declare}block0({}):\n {body}\n}}",
            params.join(", "),
            named(&params)
        );
    }
    suite.declare("outer", &params, "f64");
    let f32s = |x: f32| Val::F32(x.to_bits());
    let f64s = |x: f64| Val::F64(x.to_bits());
    let args = [
        f32s(1.0),
        f64s(2.0),
        f32s(3.0),
        Val::I32(-4),
        f64s(5.0),
        f32s(6.0),
        f32s(7.0),
        f64s(8.0),
        Val::I64(9),
        f32s(10.0),
    ];
    let expected: f64 = 1.5 + 3.0 + 6.0 + 7.0 + 10.0 + 5.0 + 5.0 - 8.0 - 4.0 + 9.0;
    suite.case("outer", &args, (2.0 * expected).result());
}

/// So many values that their slots are beyond the reach of `vldr` and `vstr`, taking turns in a
/// loop with integers, so that moves of all kinds form cycles there.
pub fn add_pressure(suite: &mut Suite) {
    for (ty, count) in [("f32", 290), ("f64", 150)] {
        add_carousel(suite, ty, count);
    }
}

/// `count` floats and a dozen integers change places at every turn of a loop; then each is
/// subtracted from the next.
fn add_carousel(suite: &mut Suite, ty: &str, count: usize) {
    const INTS: usize = 12;
    let name = format!("carousel_{ty}");
    suite.declare(&name, &[ty, "i32", "i32"], ty);
    let range = |prefix: &str, count: usize, name: &dyn Fn(usize) -> String| {
        (0..count).map(|n| format!("{prefix}{}", name(n))).collect::<Vec<_>>()
    };
    let plain = |base: usize| move |n: usize| (base + n).to_string();
    let (floats, ints) = (range("v", count, &plain(1000)), range("v", INTS, &plain(2000)));
    let (turning, turning_ints) = (range("v", count, &plain(3000)), range("v", INTS, &plain(4000)));
    let typed = |names: &[String], ty: &str| -> Vec<String> {
        names.iter().map(|name| format!("{name}: {ty}")).collect()
    };
    let rotated = |names: &[String]| [&names[1..], &names[..1]].concat().join(", ");
    let mut body = format!("v5 = fcvt_from_sint.{ty} v1\n");
    for (n, float) in floats.iter().enumerate() {
        let before = if n == 0 { "v0" } else { &floats[n - 1] };
        body += &format!(" {float} = fadd {before}, v5\n");
    }
    for (n, int) in ints.iter().enumerate() {
        let before = if n == 0 { "v1" } else { &ints[n - 1] };
        body += &format!(" {int} = iadd {before}, v1\n");
    }
    let params = [typed(&turning, ty), typed(&turning_ints, "i32")].concat().join(", ");
    body += &format!(
        " jump block1(v2, {}, {})\nblock1(v6: i32, {params}):\n v7 = iconst.i32 1\n \
         v8 = isub v6, v7\n brif v8, block1(v8, {}, {}), block2\nblock2:\n",
        floats.join(", "),
        ints.join(", "),
        rotated(&turning),
        rotated(&turning_ints)
    );
    let mut last = turning[count - 1].clone();
    for (n, float) in turning.iter().enumerate().rev().skip(1) {
        body += &format!(" v{} = fsub {float}, {last}\n", 5000 + n);
        last = format!("v{}", 5000 + n);
    }
    for (n, int) in turning_ints.iter().enumerate() {
        let (converted, sum) = (6000 + n, 7000 + n);
        body += &format!(" v{converted} = fcvt_from_sint.{ty} {int}\n");
        body += &format!(" v{sum} = fsub v{converted}, {last}\n");
        last = format!("v{sum}");
    }
    let _ = writeln!(
        suite.clif,
        "function %{name}({ty}, i32, i32) -> {ty} {{\nblock0(v0: {ty}, v1: i32, v2: i32):\n \
         {body} return {last}\n}}"
    );
    for (x, step, turns) in [(1.0, 3, 1), (-5.0, 2, 2), (100.0, -7, 9)] {
        let mut floats: Vec<f64> =
            (0..count).map(|n| x + (n + 1) as f64 * f64::from(step)).collect();
        let mut ints: Vec<f64> = (0..INTS).map(|n| (n + 2) as f64 * f64::from(step)).collect();
        floats.rotate_left(turns - 1);
        ints.rotate_left(turns - 1);
        let mut result = floats[count - 1];
        floats.iter().rev().skip(1).chain(&ints).for_each(|value| result = value - result);
        let (arg, expected) = match ty {
            "f32" => (Val::F32((x as f32).to_bits()), (result as f32).result()),
            _ => (Val::F64(x.to_bits()), result.result()),
        };
        suite.case(&name, &[arg, Val::I32(step), Val::I32(turns as i32)], expected);
    }
}

/// More arguments and results than registers, of all types in turns: arguments under AAPCS and in
/// the internal convention, which hands over as many results.
pub fn add_wide_calls(suite: &mut Suite) {
    const COUNT: usize = 30;
    let types: Vec<&str> = ["f32", "f64", "i32", "f32"].into_iter().cycle().take(COUNT).collect();
    let reversed: Vec<&str> = types.iter().rev().copied().collect();
    let _ = writeln!(
        suite.clif,
        "function %reverse({}) -> {} tail {{\nblock0({}):\n return {}\n}}",
        types.join(", "),
        reversed.join(", "),
        named(&types),
        (0..COUNT).rev().map(|n| format!("v{n}")).collect::<Vec<_>>().join(", ")
    );
    // Each value less the sum before it, of values numbered from `first`.
    let ladder = |types: &[&str], first: usize| {
        let mut body = String::new();
        let mut sum = None;
        for (n, ty) in types.iter().enumerate() {
            let (value, double) = (first + n, first + 100 + n);
            body += &match *ty {
                "f64" => format!(" v{double} = fneg v{value}\n"),
                "f32" => format!(" v{double} = fpromote.f64 v{value}\n"),
                _ => format!(" v{double} = fcvt_from_sint.f64 v{value}\n"),
            };
            sum = Some(match sum {
                None => double,
                Some(before) => {
                    body += &format!(" v{} = fsub v{double}, v{before}\n", double + 100);
                    double + 100
                }
            });
        }
        body + &format!(" return v{}\n", sum.unwrap_or(first))
    };
    let params = types.join(", ");
    let _ = writeln!(
        suite.clif,
        "function %ladder({params}) -> f64 {{\nblock0({}):\n{}}}",
        named(&types),
        ladder(&types, 0)
    );
    let all = (0..COUNT).map(|n| format!("v{n}")).collect::<Vec<_>>().join(", ");
    let results: Vec<_> = (0..COUNT).map(|n| format!("v{}", 1000 + n)).collect();
    suite.declare("wide", &types, "f64");
    let _ = writeln!(
        suite.clif,
        "function %wide({params}) -> f64 {{\n fn0 = %reverse({params}) -> {} tail\n\
         block0({}):\n {} = call fn0({all})\n{}}}",
        reversed.join(", "),
        named(&types),
        results.join(", "),
        ladder(&reversed, 1000)
    );
    suite.declare("forward", &types, "f64");
    let _ = writeln!(
        suite.clif,
        "function %forward({params}) -> f64 {{\n fn0 = %ladder({params}) -> f64\n\
         block0({}):\n v100 = call fn0({all})\n v101 = call fn0({all})\n v102 = fsub v100, v101\n \
         v103 = fadd v102, v101\n return v103\n}}",
        named(&types)
    );
    for scale in [1.0, -0.5] {
        let values: Vec<f64> = (0..COUNT)
            .map(|n| if types[n] == "f32" { scale * (n * n + 1) as f64 } else { n as f64 })
            .collect();
        let args: Vec<Val> = (types.iter().zip(&values))
            .map(|(&ty, &value)| match ty {
                "f32" => Val::F32((value as f32).to_bits()),
                "f64" => Val::F64(value.to_bits()),
                _ => Val::I32(value as i32),
            })
            .collect();
        let numbers: Vec<f64> = (types.iter().zip(&values))
            .map(|(&ty, &value)| if ty == "f64" { -value } else { value })
            .collect();
        let fold = |values: &[f64]| values[1..].iter().fold(values[0], |sum, value| value - sum);
        let backwards: Vec<f64> = numbers.iter().rev().copied().collect();
        suite.case("wide", &args, fold(&backwards).result());
        suite.case("forward", &args, fold(&numbers).result());
    }
}
