//! Executes translated modules, before and after the mid-end, in a flat memory: an evaluator of the
//! CLIF that the front end writes, with the entry's recovery from traps.

use super::{options, translate};
use crate::Trap;
use crate::instance::{NO_TRAP, offset};
use crate::module::{Definition, ExternType, FunctionRole, Module, SymbolId};
use crate::opt;
use crate::options::{Bounds, OptLevel};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    self, BlockArg, BlockCall, ExternalName, GlobalValueData, Inst, InstructionData as Data,
    LibCall, Opcode, Value,
};
use std::collections::HashMap;

const INSTANCE: u32 = 0x100;
const CONTEXT: u32 = 0x77;
const OBJECTS: u32 = 0x1000;
const STACK: u32 = 0x8000;
const MEMORY: u32 = 0x1_0000;
/// Bytes that the host hands over: three pages and a bit.
const CAPACITY: u32 = 3 * 65536 + 1000;

struct Machine {
    module: Module,
    memory: Vec<u8>,
    objects: HashMap<SymbolId, u32>,
    /// Arguments of every call of an import.
    host_calls: Vec<(String, Vec<u32>)>,
}

enum Next {
    Block(ir::Block, Vec<u32>),
    Return(Vec<u32>),
    Fall,
}

impl Machine {
    fn new(wat: &str, level: OptLevel) -> Machine {
        let wasm = wat::parse_str(wat).unwrap();
        let mut module = translate(&wasm, &options(Bounds::Explicit)).unwrap();
        for function in &mut module.functions {
            function.clif = opt::optimize(function.clif.clone(), level, true).unwrap().func;
        }
        // What the front end does not initialise must not matter.
        let mut memory = vec![0xa5; (MEMORY + CAPACITY) as usize];
        let mut objects = HashMap::new();
        let mut at = OBJECTS;
        for data in &module.data {
            objects.insert(data.symbol, at);
            memory[at as usize..][..data.bytes.len()].copy_from_slice(&data.bytes);
            at += (data.bytes.len() as u32).next_multiple_of(8);
        }
        Machine { module, memory, objects, host_calls: vec![] }
    }

    fn instantiate_with(&mut self, memory: u32, bytes: u32) -> u32 {
        let interface = self.module.interface.as_ref().unwrap();
        let mut args = vec![INSTANCE];
        args.resize(1 + interface.contexts.len(), CONTEXT);
        args.extend([memory, bytes]);
        self.call(interface.instantiate.unwrap(), &args).unwrap()[0]
    }

    /// Calls an export; its results, or the trap that it ended with.
    fn export(&mut self, name: &str, args: &[u32]) -> Result<Vec<u32>, Trap> {
        let interface = self.module.interface.as_ref().unwrap();
        let (export, ty) = interface.functions().find(|(e, _)| e.wasm_name == name).unwrap();
        let place = STACK + 0x1000;
        let (export, count) = (export.clone(), ty.results.len() as u32);
        let mut all = if count > 1 { vec![place] } else { vec![] };
        all.push(INSTANCE);
        all.extend(args);
        let mut results = self.call(export.symbol, &all)?;
        if count > 1 {
            results = (0..count).map(|i| self.load(place + 4 * i, 4)).collect();
        }
        let trap = self.module.interface.as_ref().unwrap().trap.unwrap();
        match self.call(trap, &[INSTANCE])?[0] {
            none if none == NO_TRAP as u32 => Ok(results),
            code => Err(Trap::from_code(code as u8).unwrap()),
        }
    }

    fn load(&self, at: u32, bytes: u32) -> u32 {
        let bytes = &self.memory[at as usize..(at + bytes) as usize];
        bytes.iter().rev().fold(0, |value, &byte| value << 8 | u32::from(byte))
    }

    fn store(&mut self, at: u32, bytes: u32, value: u32) {
        self.memory[at as usize..(at + bytes) as usize]
            .copy_from_slice(&value.to_le_bytes()[..bytes as usize]);
    }

    fn call(&mut self, symbol: SymbolId, args: &[u32]) -> Result<Vec<u32>, Trap> {
        match self.module.symbol(symbol).definition {
            Definition::Function(index) => {
                let function = self.module.functions[index].clone();
                if function.role != FunctionRole::Entry {
                    return self.function(&function.clif, args);
                }
                self.store(INSTANCE + offset::TRAP as u32, 4, NO_TRAP as u32);
                self.function(&function.clif, args).or_else(|trap| {
                    self.store(INSTANCE + offset::TRAP as u32, 4, u32::from(trap.code()));
                    Ok(vec![0; function.clif.signature.returns.len()])
                })
            }
            // The host: answers with the sum of what it gets, and doubled as a second result.
            Definition::Undefined => {
                let name = self.module.symbol(symbol).name.clone();
                self.host_calls.push((name.clone(), args.to_vec()));
                let interface = self.module.interface.as_ref().unwrap();
                let import = interface.imports.iter().find(|i| i.symbol == symbol).unwrap();
                let ExternType::Func(ty) = &import.ty else { panic!("no function: {import:?}") };
                let count = ty.results.len();
                let sum = args[usize::from(count > 1)..].iter().sum();
                if count > 1 {
                    self.store(args[0], 4, sum);
                    self.store(args[0] + 4, 4, 2 * sum);
                }
                Ok(vec![sum; usize::from(count == 1)])
            }
            Definition::Data(_) => panic!("a call of data"),
        }
    }

    fn routine(&mut self, routine: LibCall, args: &[u32]) -> Vec<u32> {
        let &[to, second, third] = args else { panic!("{routine} of {args:?}") };
        let (to, second, third) = (to as usize, second as usize, third as usize);
        match routine {
            LibCall::Memset => self.memory[to..to + second].fill(third as u8),
            LibCall::Memmove => self.memory.copy_within(second..second + third, to),
            other => panic!("{other}"),
        }
        vec![]
    }

    fn function(&mut self, func: &ir::Function, args: &[u32]) -> Result<Vec<u32>, Trap> {
        let mut values: HashMap<Value, u32> = HashMap::new();
        let mut block = func.layout.entry_block().unwrap();
        let mut params = args.to_vec();
        loop {
            values.extend(func.dfg.block_params(block).iter().copied().zip(params));
            let mut next = Next::Fall;
            for inst in func.layout.block_insts(block) {
                next = self.inst(func, &mut values, inst)?;
            }
            match next {
                Next::Block(to, args) => (block, params) = (to, args),
                Next::Return(results) => return Ok(results),
                Next::Fall => panic!("{block} has no terminator"),
            }
        }
    }

    fn inst(
        &mut self,
        func: &ir::Function,
        values: &mut HashMap<Value, u32>,
        inst: Inst,
    ) -> Result<Next, Trap> {
        let dfg = &func.dfg;
        let get = |value: Value| values[&dfg.resolve_aliases(value)];
        let jump = |call: BlockCall| {
            let args = call.args(&dfg.value_lists).map(|arg| match arg {
                BlockArg::Value(value) => get(value),
                other => panic!("{other:?}"),
            });
            Next::Block(call.block(&dfg.value_lists), args.collect())
        };
        let symbol = |name: &ExternalName| match name {
            ExternalName::User(name) => SymbolId(func.params.user_named_funcs()[*name].index),
            other => panic!("{other:?}"),
        };
        let width = |value: Value| dfg.value_type(value).bytes();
        let results = match dfg.insts[inst] {
            Data::UnaryImm { imm, .. } => vec![imm.bits() as u32],
            Data::Unary { opcode, arg } => {
                vec![unary(opcode, get(arg), width(arg), dfg.ctrl_typevar(inst).bytes())]
            }
            Data::Binary { opcode, args: [a, b] } => vec![binary(opcode, get(a), get(b))?],
            Data::IntCompare { cond, args: [a, b], .. } => {
                vec![u32::from(compare(cond, get(a), get(b), width(a)))]
            }
            Data::Ternary { opcode: Opcode::Select, args: [c, a, b] } => {
                vec![if get(c) != 0 { get(a) } else { get(b) }]
            }
            Data::Load { opcode, arg, offset, .. } => {
                let at = get(arg).wrapping_add(i32::from(offset) as u32);
                vec![match opcode {
                    Opcode::Load => self.load(at, 4),
                    Opcode::Uload8 => self.load(at, 1),
                    Opcode::Sload8 => self.load(at, 1) as i8 as u32,
                    Opcode::Uload16 => self.load(at, 2),
                    Opcode::Sload16 => self.load(at, 2) as i16 as u32,
                    other => panic!("{other}"),
                }]
            }
            Data::Store { opcode, args: [value, address], offset, .. } => {
                let at = get(address).wrapping_add(i32::from(offset) as u32);
                let bytes = match opcode {
                    Opcode::Store => 4,
                    Opcode::Istore16 => 2,
                    Opcode::Istore8 => 1,
                    other => panic!("{other}"),
                };
                self.store(at, bytes, get(value));
                vec![]
            }
            Data::CondTrap { opcode, arg, code } => {
                if (get(arg) != 0) == (opcode == Opcode::Trapnz) {
                    return Err(Trap::from_clif(code));
                }
                vec![]
            }
            Data::Trap { code, .. } => return Err(Trap::from_clif(code)),
            Data::Jump { destination, .. } => return Ok(jump(destination)),
            Data::Brif { arg, blocks: [then, otherwise], .. } => {
                return Ok(jump(if get(arg) != 0 { then } else { otherwise }));
            }
            Data::BranchTable { arg, table, .. } => {
                let table = &dfg.jump_tables[table];
                let entry = table.as_slice().get(get(arg) as usize).copied();
                return Ok(jump(entry.unwrap_or(table.default_block())));
            }
            Data::MultiAry { opcode: Opcode::Return, .. } => {
                return Ok(Next::Return(dfg.inst_args(inst).iter().map(|&v| get(v)).collect()));
            }
            Data::Call { func_ref, .. } => {
                let args: Vec<u32> = dfg.inst_args(inst).iter().map(|&v| get(v)).collect();
                match &dfg.ext_funcs[func_ref].name {
                    ExternalName::LibCall(routine) => self.routine(*routine, &args),
                    name => self.call(symbol(name), &args)?,
                }
            }
            Data::UnaryGlobalValue { global_value, .. } => {
                match &func.global_values[global_value] {
                    GlobalValueData::Symbol { name, .. } => vec![self.objects[&symbol(name)]],
                    other => panic!("{other}"),
                }
            }
            Data::StackAddr { .. } => vec![STACK],
            other => panic!("{other:?}"),
        };
        values.extend(dfg.inst_results(inst).iter().copied().zip(results));
        Ok(Next::Fall)
    }
}

fn sign_extend(value: u32, bytes: u32) -> i32 {
    (value << (32 - 8 * bytes)) as i32 >> (32 - 8 * bytes)
}

fn unary(opcode: Opcode, a: u32, from: u32, to: u32) -> u32 {
    let value = match opcode {
        Opcode::Uextend | Opcode::Ireduce => a,
        Opcode::Sextend => sign_extend(a, from) as u32,
        Opcode::Clz => a.leading_zeros(),
        Opcode::Ctz => a.trailing_zeros(),
        Opcode::Popcnt => a.count_ones(),
        Opcode::Ineg => a.wrapping_neg(),
        Opcode::Bnot => !a,
        other => panic!("{other}"),
    };
    if opcode == Opcode::Ireduce && to < 4 { value & ((1 << (8 * to)) - 1) } else { value }
}

fn binary(opcode: Opcode, a: u32, b: u32) -> Result<u32, Trap> {
    let (sa, sb) = (a as i32, b as i32);
    let by_zero = Err(Trap::IntegerDivideByZero);
    Ok(match opcode {
        Opcode::Iadd => a.wrapping_add(b),
        Opcode::Isub => a.wrapping_sub(b),
        Opcode::Imul => a.wrapping_mul(b),
        Opcode::Sdiv | Opcode::Udiv | Opcode::Srem | Opcode::Urem if b == 0 => return by_zero,
        Opcode::Sdiv => return sa.checked_div(sb).map(|q| q as u32).ok_or(Trap::IntegerOverflow),
        Opcode::Udiv => a / b,
        Opcode::Srem => sa.wrapping_rem(sb) as u32,
        Opcode::Urem => a % b,
        Opcode::Band => a & b,
        Opcode::Bor => a | b,
        Opcode::Bxor => a ^ b,
        Opcode::Ishl => a.wrapping_shl(b),
        Opcode::Ushr => a.wrapping_shr(b),
        Opcode::Sshr => sa.wrapping_shr(b) as u32,
        Opcode::Rotl => a.rotate_left(b % 32),
        Opcode::Rotr => a.rotate_right(b % 32),
        Opcode::Umulhi => ((u64::from(a) * u64::from(b)) >> 32) as u32,
        Opcode::Smulhi => ((i64::from(sa) * i64::from(sb)) >> 32) as u32,
        Opcode::Umin => a.min(b),
        Opcode::Umax => a.max(b),
        Opcode::Smin => sa.min(sb) as u32,
        Opcode::Smax => sa.max(sb) as u32,
        other => panic!("{other}"),
    })
}

fn compare(cond: IntCC, a: u32, b: u32, bytes: u32) -> bool {
    let (sa, sb) = (sign_extend(a, bytes), sign_extend(b, bytes));
    match cond {
        IntCC::Equal => a == b,
        IntCC::NotEqual => a != b,
        IntCC::SignedLessThan => sa < sb,
        IntCC::SignedGreaterThanOrEqual => sa >= sb,
        IntCC::SignedGreaterThan => sa > sb,
        IntCC::SignedLessThanOrEqual => sa <= sb,
        IntCC::UnsignedLessThan => a < b,
        IntCC::UnsignedGreaterThanOrEqual => a >= b,
        IntCC::UnsignedGreaterThan => a > b,
        IntCC::UnsignedLessThanOrEqual => a <= b,
    }
}

/// Runs `test` on the module as translated and as optimised.
fn with_machines(wat: &str, test: impl Fn(&mut Machine)) {
    for level in [OptLevel::None, OptLevel::Speed] {
        test(&mut Machine::new(wat, level));
    }
}

/// Arguments, and the results or the trap.
type Case<'a> = (&'a [u32], Result<&'a [u32], Trap>);

/// Calls a function of this body with each case's arguments, in order, on one instance.
fn expect(body: &str, cases: &[Case<'_>]) {
    let (params, results) =
        (cases[0].0.len(), cases.iter().find_map(|c| c.1.ok()).map_or(0, <[_]>::len));
    let wat = format!(
        "(module (memory 1 4) (data (i32.const 0) \"\\01\\82\\03\\84\") (func (export \"f\") (param {}) (result {}) {body}))",
        "i32 ".repeat(params),
        "i32 ".repeat(results)
    );
    with_machines(&wat, |machine| {
        assert_eq!(machine.instantiate_with(MEMORY, CAPACITY), 0);
        for &(args, want) in cases {
            let got = machine.export("f", args);
            assert_eq!(got.as_deref().map_err(|&trap| trap), want, "{args:?} of {body}");
        }
    });
}

const OUT: Result<&[u32], Trap> = Err(Trap::MemoryOutOfBounds);

#[test]
fn division_traps_as_in_wasm() {
    let (zero, over) = (Err(Trap::IntegerDivideByZero), Err(Trap::IntegerOverflow));
    let (min, neg) = (0x8000_0000, u32::MAX);
    let body = |op| format!("(i32.{op} (local.get 0) (local.get 1))");
    expect(&body("div_s"), &[(&[min, neg], over), (&[7, 0], zero), (&[neg, 2], Ok(&[0]))]);
    expect(&body("rem_s"), &[(&[min, neg], Ok(&[0])), (&[7, 0], zero), (&[7, 4], Ok(&[3]))]);
    expect(&body("div_u"), &[(&[min, neg], Ok(&[0])), (&[7, 0], zero)]);
    expect(&body("rem_u"), &[(&[min, neg], Ok(&[min])), (&[7, 0], zero)]);
}

#[test]
fn division_by_a_constant_survives_the_mid_end() {
    let numbers = [0, 1, 6, 7, 0x7fff_ffff, 0x8000_0000, u32::MAX];
    for n in numbers {
        let (unsigned, signed) = (n / 7, (n as i32 / 7) as u32);
        expect("(i32.div_u (local.get 0) (i32.const 7))", &[(&[n], Ok(&[unsigned]))]);
        expect("(i32.div_s (local.get 0) (i32.const 7))", &[(&[n], Ok(&[signed]))]);
    }
}

#[test]
fn a_widened_check_never_overtakes_an_effect() {
    let (end, zero) = (65536 - 4, Err(Trap::IntegerDivideByZero));
    expect(
        "(i32.add (i32.load (local.get 0)) (i32.load offset=4 (local.get 0)))",
        &[(&[end - 4], Ok(&[0])), (&[end], OUT), (&[0], Ok(&[0x8403_8201]))],
    );
    expect(
        "(i32.load (local.get 0)) (drop (i32.div_u (i32.const 1) (local.get 1)))
         (i32.load offset=4 (local.get 0)) (i32.add)",
        &[(&[end, 0], zero), (&[end, 1], OUT), (&[end - 4, 1], Ok(&[0])), (&[end + 1, 0], OUT)],
    );
    expect(
        "(i32.load (local.get 0)) (br_if 0 (local.get 1)) (i32.load offset=4 (local.get 0)) (i32.add)",
        &[(&[end, 1], Ok(&[0])), (&[end, 0], OUT)],
    );
    let wat = "(module (memory 1) (func (export \"f\") (param i32)
      (i32.store (local.get 0) (i32.const 5)) (drop (i32.load offset=4 (local.get 0)))))";
    with_machines(wat, |machine| {
        assert_eq!(machine.instantiate_with(MEMORY, 65536), 0);
        assert_eq!(machine.export("f", &[end]), Err(Trap::MemoryOutOfBounds));
        assert_eq!(machine.load(MEMORY + end, 4), 5);
    });
}

#[test]
fn loads_extend_and_stores_cut() {
    expect("(i32.load8_s (local.get 0))", &[(&[0], Ok(&[1])), (&[1], Ok(&[0xffff_ff82]))]);
    expect("(i32.load8_u offset=1 (local.get 0))", &[(&[0], Ok(&[0x82])), (&[2], Ok(&[0x84]))]);
    expect("(i32.load16_s (local.get 0))", &[(&[0], Ok(&[0xffff_8201])), (&[1], Ok(&[0x382]))]);
    expect(
        "(i32.store16 (i32.const 5) (local.get 0)) (i32.load offset=3 (i32.const 1))",
        &[(&[0x1234_5678], Ok(&[0x0056_7800]))],
    );
    expect("(i32.extend8_s (local.get 0))", &[(&[0x1280], Ok(&[0xffff_ff80]))]);
    expect("(i32.extend16_s (local.get 0))", &[(&[0x1_7fff], Ok(&[0x7fff]))]);
}

#[test]
fn accesses_trap_exactly_beyond_the_end() {
    let last = 65536;
    expect(
        "(i32.load (local.get 0))",
        &[(&[last - 4], Ok(&[0])), (&[last - 3], OUT), (&[u32::MAX], OUT), (&[0x8000_0000], OUT)],
    );
    expect(
        "(i32.load8_u offset=65535 (local.get 0))",
        &[(&[0], Ok(&[0])), (&[1], OUT), (&[u32::MAX], OUT)],
    );
    // The offset alone is beyond the size until the memory grows.
    expect(
        "(if (local.get 1) (then (drop (memory.grow (local.get 1)))))
         (i32.load offset=65536 (local.get 0))",
        &[
            (&[0, 0], OUT),
            (&[u32::MAX, 0], OUT),
            (&[0, 1], Ok(&[0])),
            (&[65532, 0], Ok(&[0])),
            (&[65533, 0], OUT),
            (&[u32::MAX, 0], OUT),
        ],
    );
    expect("(drop (i32.load offset=4294967295 (local.get 0)))", &[(&[0], OUT), (&[1], OUT)]);
    expect("(drop (i32.load (i32.const -4)))", &[(&[], OUT)]);
}

#[test]
fn what_precedes_a_trap_has_happened() {
    let wat = "(module (memory 1) (global $g (mut i32) (i32.const 0))
      (func (export \"f\") (param i32)
        (i32.store (i32.const 0) (i32.const 1)) (global.set $g (i32.const 7))
        (i32.store (local.get 0) (i32.const 2)) (i32.store offset=8 (local.get 0) (i32.const 3))
        (i32.store (i32.const 0) (i32.const 4)) (global.set $g (i32.const 8)))
      (func (export \"g\") (result i32 i32) (i32.load (i32.const 0)) (global.get $g)))";
    with_machines(wat, |machine| {
        assert_eq!(machine.instantiate_with(MEMORY, 65536), 0);
        assert_eq!(machine.export("f", &[65532]), Err(Trap::MemoryOutOfBounds));
        assert_eq!(machine.load(MEMORY + 65532, 4), 2);
        assert_eq!(machine.export("g", &[]), Ok(vec![1, 7]));
        assert_eq!(machine.export("f", &[100]), Ok(vec![]));
        assert_eq!(machine.export("g", &[]), Ok(vec![4, 8]));
    });
}

#[test]
fn memory_grows_within_what_the_host_handed_over() {
    expect(
        "(memory.grow (local.get 0)) (memory.size)",
        &[
            (&[0], Ok(&[1, 1])),
            (&[3], Ok(&[u32::MAX, 1])),
            (&[u32::MAX], Ok(&[u32::MAX, 1])),
            (&[0x1_0000], Ok(&[u32::MAX, 1])),
            (&[2], Ok(&[1, 3])),
            (&[1], Ok(&[u32::MAX, 3])),
            (&[0], Ok(&[3, 3])),
        ],
    );
    // New bytes are zero, to the last one.
    expect(
        "(drop (memory.grow (local.get 0))) (i32.load (i32.const 65536)) (i32.load (i32.const 196604))",
        &[(&[2], Ok(&[0, 0]))],
    );
}

#[test]
fn control_goes_where_wasm_says() {
    expect(
        "(block (block (block (br_table 0 1 2 0 1 (local.get 0))) (return (i32.const 10)))
           (return (i32.const 20))) (i32.const 30)",
        &[
            (&[0], Ok(&[10])),
            (&[1], Ok(&[20])),
            (&[2], Ok(&[30])),
            (&[3], Ok(&[10])),
            (&[4], Ok(&[20])),
            (&[u32::MAX], Ok(&[20])),
        ],
    );
    expect(
        "(local $sum i32)
         (loop $l (result i32)
           (local.set $sum (i32.add (local.get $sum) (local.get 0)))
           (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))
           (if (then (br $l))) (local.get $sum))",
        &[(&[10], Ok(&[55]))],
    );
    expect(
        "(local.get 0) (i32.const 5) (if (param i32) (result i32) (then (i32.const 1) (i32.add)))",
        &[(&[41], Ok(&[42]))],
    );
    expect(
        "(i32.const 1) (i32.const 2)
         (block (param i32 i32) (result i32 i32) (br_if 0 (local.get 0)) (i32.add) (i32.const 9))",
        &[(&[0], Ok(&[3, 9])), (&[1], Ok(&[1, 2]))],
    );
    expect(
        "(select (i32.const 3) (i32.const 4) (i32.lt_s (local.get 0) (i32.const 0)))",
        &[(&[5], Ok(&[4])), (&[u32::MAX], Ok(&[3]))],
    );
    expect(
        "(if (local.get 0) (then unreachable)) (i32.const 1)",
        &[(&[0], Ok(&[1])), (&[1], Err(Trap::Unreachable))],
    );
}

#[test]
fn imports_get_their_context_and_several_results_are_structs() {
    let wat = "(module (import \"env\" \"one\" (func $one (param i32 i32) (result i32)))
      (import \"env\" \"two\" (func $two (param i32) (result i32 i32)))
      (export \"again\" (func $two))
      (func (export \"f\") (param i32 i32) (result i32 i32 i32)
        (call $one (local.get 0) (local.get 1)) (call $two (local.get 1))))";
    with_machines(wat, |machine| {
        assert_eq!(machine.instantiate_with(0, 0), 0);
        let sum = CONTEXT + 20;
        assert_eq!(machine.export("f", &[10, 20]), Ok(vec![CONTEXT + 30, sum, 2 * sum]));
        assert_eq!(machine.export("again", &[20]), Ok(vec![sum, 2 * sum]));
        assert_eq!(machine.host_calls[0], ("env_one".to_owned(), vec![CONTEXT, 10, 20]));
    });
}

#[test]
fn instantiation_says_what_is_wrong() {
    let wat = "(module (memory 1) (data (i32.const 65534) \"ab\") (export \"m\" (memory 0))
      (global $g (export \"g\") (mut i32) (i32.const 9)) (export \"c\" (global $c))
      (global $c i32 (i32.const 6))
      (func $s (global.set $g (i32.load8_u (i32.const 65535)))) (start $s))";
    with_machines(wat, |machine| {
        assert_eq!(machine.instantiate_with(MEMORY, 65535), 1);
        assert_eq!(machine.instantiate_with(MEMORY + 4, 65536), 2);
        assert_eq!(machine.instantiate_with(MEMORY, 65536), 0);
        let interface = machine.module.interface.clone().unwrap();
        let mut address = |symbol| machine.call(symbol, &[INSTANCE]).unwrap()[0];
        let at = address(interface.exports[0].symbol);
        let g = address(interface.exports[1].symbol);
        let c = address(interface.exports[2].symbol);
        assert_eq!((machine.load(at, 4), machine.load(at + 4, 4)), (65536, MEMORY));
        assert_eq!((machine.load(g, 4), machine.load(c, 4)), (u32::from(b'b'), 6));
        let limit = interface.set_stack_limit.unwrap();
        machine.call(limit, &[INSTANCE, 1234]).unwrap();
        assert_eq!(machine.load(INSTANCE + offset::STACK_LIMIT as u32, 4), 1234);
    });
    let segment = "(module (memory 1) (data (i32.const 0) \"x\") (data (i32.const 65535) \"ab\"))";
    with_machines(segment, |machine| {
        assert_eq!(machine.instantiate_with(MEMORY, 65536), 20);
        // Segments before the one that fails are in place.
        assert_eq!(machine.load(MEMORY, 1), u32::from(b'x'));
    });
    with_machines("(module (func $s unreachable) (start $s))", |machine| {
        assert_eq!(machine.instantiate_with(0, 0), 16);
    });
}
