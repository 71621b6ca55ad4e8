//! `.debug_frame` against the emulator: at every instruction that is executed, unwinding gives what the
//! registers really were when the function was called.
//!
//! A shadow of the call stack follows the instructions: calls push what the caller has in registers, returns
//! pop it. Whatever the frame information says is compared with that.

use super::common::{corpus, files, harness_dir};
use super::compiler;
use gimli::{CfaRule, DebugFrame, LittleEndian, RegisterRule, UnwindSection};
use object::{Object, ObjectSection, ObjectSymbol};
use std::collections::{HashMap, HashSet};
use windlass::emulator::{Emulator, FaultCause, Halt, LR, PC, Rsemu, SP};
use windlass::machine::{Board, EXIT, Machine, NoHost};
use windlass::value::Val;
use windlass::{AllocatorKind, Artifact, Compiler, OptLevel, Trap};
use windlass_backend::instance::offset;
use windlass_backend::module::{ExternType, ValType};

/// How to undo a frame.
#[derive(Clone, Debug)]
struct Row {
    /// From sp.
    cfa: i32,
    /// DWARF's register, from the canonical frame address.
    saved: Vec<(u16, i32)>,
}

const LINK: u16 = 14;
const FIRST_D: u16 = 256;

/// The rows of every byte of code.
struct Table {
    base: u32,
    /// Index of the row of each byte.
    bytes: Vec<Option<usize>>,
    rows: Vec<Row>,
    /// Starts of functions, and those of C's convention among them.
    functions: HashSet<u32>,
    public: HashSet<u32>,
}

impl Table {
    fn new(artifact: &Artifact, machine: &Machine) -> Table {
        let code = machine.code();
        let mut table = Table {
            base: code.start,
            bytes: vec![None; code.len()],
            rows: Vec::new(),
            functions: HashSet::new(),
            public: HashSet::new(),
        };
        let section = linked_frames(&artifact.object, machine);
        let mut frames = DebugFrame::new(&section, LittleEndian);
        frames.set_address_size(4);
        let (bases, mut context) = (Default::default(), gimli::UnwindContext::new());
        let mut entries = frames.entries(&bases);
        while let Some(entry) = entries.next().unwrap() {
            let gimli::CieOrFde::Fde(partial) = entry else { continue };
            let fde = partial.parse(DebugFrame::cie_from_offset).unwrap();
            table.functions.insert(fde.initial_address() as u32);
            let mut rows = fde.rows(&frames, &bases, &mut context).unwrap();
            while let Some(row) = rows.next_row().unwrap() {
                table.add(row);
            }
        }
        for function in &artifact.module.functions {
            let name = &artifact.module.symbol(function.symbol).name;
            let Ok(address) = machine.function(0, name) else { continue };
            assert!(table.functions.contains(&address), "{name} has no frame");
            if !name.contains('.') {
                table.public.insert(address);
            }
        }
        table
    }

    fn add(&mut self, row: &gimli::UnwindTableRow<usize>) {
        let &CfaRule::RegisterAndOffset { register, offset } = row.cfa() else { panic!("{row:?}") };
        assert_eq!(register.0, SP as u16);
        let saved = row.registers().map(|(register, rule)| match rule {
            RegisterRule::Offset(offset) => (register.0, *offset as i32),
            other => panic!("{other:?}"),
        });
        self.rows.push(Row { cfa: offset as i32, saved: saved.collect() });
        let last = self.rows.len() - 1;
        for address in row.start_address()..row.end_address() {
            let known = self.bytes[address as usize - self.base as usize].replace(last);
            assert!(known.is_none(), "two rows for {address:#x}");
        }
    }

    fn row(&self, address: u32) -> Option<&Row> {
        let index = *self.bytes.get(address.checked_sub(self.base)? as usize)?;
        index.map(|index| &self.rows[index])
    }
}

/// The section as a linker completes it.
fn linked_frames(object: &[u8], machine: &Machine) -> Vec<u8> {
    let file = object::File::parse(object).unwrap();
    let mut bases = HashMap::new();
    for symbol in file.symbols().filter(|s| s.kind() == object::SymbolKind::Text) {
        let (Some(section), Ok(name)) = (symbol.section_index(), symbol.name()) else { continue };
        if let Some(linked) = machine.symbol(0, name) {
            bases.insert(section, linked.address - (symbol.address() as u32 & !1));
        }
    }
    let section = file.section_by_name(".debug_frame").expect("frame information");
    let mut bytes = section.data().unwrap().to_vec();
    for (offset, relocation) in section.relocations() {
        let object::RelocationTarget::Symbol(symbol) = relocation.target() else { panic!() };
        let section = file.symbol_by_index(symbol).unwrap().section_index().unwrap();
        let word = bytes[offset as usize..].first_chunk_mut::<4>().unwrap();
        // References to the section itself stay as they are.
        let base = bases.get(&section).copied().unwrap_or(0);
        *word = (u32::from_le_bytes(*word) + base).to_le_bytes();
    }
    bytes
}

/// What a function's caller finds when it returns.
#[derive(Clone, Debug)]
struct Call {
    return_address: u32,
    /// r4 to r11.
    core: [u32; 8],
    /// s16 to s31.
    floats: [u32; 16],
    /// sp after the return, once unwinding has said it.
    cfa: Option<u32>,
    /// Of C's convention: r9 to r11 come back too.
    is_public: bool,
}

/// Registers as unwinding sees them.
#[derive(Clone)]
struct Registers {
    pc: u32,
    sp: u32,
    lr: u32,
    core: [u32; 8],
    floats: [u32; 16],
}

impl Registers {
    fn now(emulator: &Rsemu) -> Registers {
        Registers {
            pc: emulator.reg(PC),
            sp: emulator.reg(SP),
            lr: emulator.reg(LR),
            core: core::array::from_fn(|n| emulator.reg(4 + n)),
            floats: core::array::from_fn(|n| emulator.float_reg(16 + n)),
        }
    }

    /// Those of the caller at its return address.
    fn unwind(&self, row: &Row, emulator: &Rsemu) -> Registers {
        let cfa = self.sp.wrapping_add_signed(row.cfa);
        let mut caller = Registers { sp: cfa, pc: self.lr & !1, ..self.clone() };
        for &(register, offset) in &row.saved {
            let at = cfa.wrapping_add_signed(offset);
            // Below sp an interrupt would have written over it.
            assert!(at >= self.sp, "{register} lies below sp at {:#x}", self.pc);
            let word = |n: u32| emulator.read_u32(at + 4 * n).unwrap();
            match register {
                LINK => caller.pc = word(0) & !1,
                4..=11 => caller.core[usize::from(register) - 4] = word(0),
                register => {
                    let n = 2 * usize::from(register - FIRST_D - 8);
                    caller.floats[n] = word(0);
                    caller.floats[n + 1] = word(1);
                }
            }
        }
        caller
    }
}

/// Follows execution.
struct Shadow<'a> {
    table: &'a Table,
    calls: Vec<Call>,
    /// Address and bytes of the instruction before.
    last: (u32, u32, Kind),
    steps: usize,
    deepest: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Call,
    Return,
    Other,
}

impl Shadow<'_> {
    /// Before the next instruction.
    fn step(&mut self, emulator: &Rsemu) {
        let now = Registers::now(emulator);
        self.follow(&now);
        let Some(row) = self.table.row(now.pc) else { panic!("no frame at {:#x}", now.pc) };
        let caller = now.unwind(row, emulator);
        let top = self.calls.last_mut().expect("a call");
        assert_eq!(caller.pc, top.return_address, "return address at {:#x}: {row:?}", now.pc);
        let kept = if top.is_public { 8 } else { 5 };
        assert_eq!(caller.core[..kept], top.core[..kept], "registers at {:#x}: {row:?}", now.pc);
        assert_eq!(caller.floats, top.floats, "floats at {:#x}: {row:?}", now.pc);
        let cfa = *top.cfa.get_or_insert(caller.sp);
        assert_eq!(caller.sp, cfa, "frame address at {:#x}: {row:?}", now.pc);
        self.steps += 1;
        if self.steps.is_multiple_of(61) {
            self.whole_stack(&now, emulator);
        }
        self.last = instruction(now.pc, emulator);
    }

    /// Keeps up with calls and returns.
    fn follow(&mut self, now: &Registers) {
        let (address, bytes, kind) = self.last;
        let is_start = self.table.functions.contains(&now.pc);
        match kind {
            Kind::Call if now.pc != address + bytes => {
                assert!(is_start, "a call to {:#x}, where no frame begins", now.pc);
                let return_address = address + bytes;
                assert_eq!(now.lr, return_address | 1);
                self.enter(now, return_address);
            }
            // A function of the host has returned.
            Kind::Call => {}
            Kind::Return => {
                let call = self.calls.pop().expect("a call");
                assert_eq!(now.pc, call.return_address);
                assert_eq!(Some(now.sp), call.cfa, "sp after the return to {:#x}", now.pc);
            }
            // A tail call: whoever called waits for another now.
            Kind::Other if is_start && now.pc != address + bytes => {
                let top = self.calls.last_mut().expect("a call");
                assert_eq!(now.lr & !1, top.return_address);
                top.is_public = self.table.public.contains(&now.pc);
            }
            Kind::Other => {}
        }
    }

    fn enter(&mut self, now: &Registers, return_address: u32) {
        let is_public = self.table.public.contains(&now.pc);
        let &Registers { core, floats, .. } = now;
        self.calls.push(Call { return_address, core, floats, cfa: None, is_public });
        self.deepest = self.deepest.max(self.calls.len());
    }

    /// From the innermost frame to the host, as debuggers go: they look for the frame of a return
    /// address at that address, or at the byte before it.
    fn whole_stack(&self, now: &Registers, emulator: &Rsemu) {
        let mut registers = now.clone();
        for (depth, call) in self.calls.iter().rev().enumerate() {
            let early = u32::from(depth > 0 && self.steps.is_multiple_of(2));
            let row = self.table.row(registers.pc - early);
            let row = row.unwrap_or_else(|| panic!("no frame at {:#x}", registers.pc));
            registers = registers.unwind(row, emulator);
            assert_eq!(registers.pc, call.return_address, "at depth {depth}");
        }
        assert_eq!(registers.pc, EXIT);
    }
}

fn instruction(pc: u32, emulator: &Rsemu) -> (u32, u32, Kind) {
    let mut bytes = [0; 2];
    emulator.read(pc, &mut bytes).unwrap();
    let first = u16::from_le_bytes(bytes);
    let size = if first >> 11 >= 0b11101 { 4 } else { 2 };
    let mut second = 0;
    if size == 4 {
        emulator.read(pc + 2, &mut bytes).unwrap();
        second = u16::from_le_bytes(bytes);
    }
    let kind = match (first, second) {
        (0x4770, _) | (0xbd00..=0xbdff, _) => Kind::Return,
        (0xe8bd, list) if list & 0x8000 != 0 => Kind::Return,
        (0xf85d, 0xfb04) => Kind::Return,
        (first, _) if first & 0xff87 == 0x4780 => Kind::Call,
        (first, second) if first >> 11 == 0b11110 && second & 0xd000 == 0xd000 => Kind::Call,
        _ => Kind::Other,
    };
    (pc, size, kind)
}

/// How execution ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Returned,
    Trapped(u8),
    /// After as many instructions as were asked for.
    Stopped,
}

/// Calls a function step by step, with junk in the registers that it must preserve.
fn trace(
    machine: &mut Machine,
    table: &Table,
    entry: u32,
    args: &[u32],
    most: usize,
) -> (End, usize) {
    let top = windlass::machine::STACK + machine.board().stack_bytes;
    let emulator = &mut machine.emulator;
    for n in 0..13 {
        emulator.set_reg(n, 0xbad0_0000 + n as u32);
    }
    for n in 0..32 {
        emulator.set_float_reg(n, 0xf100_0000 + n as u32);
    }
    let words = args.len().saturating_sub(4) as u32;
    let sp = (top - 4 * words) & !7;
    for (n, &arg) in args.iter().enumerate() {
        match n {
            0..4 => emulator.set_reg(n, arg),
            n => emulator.write_u32(sp + 4 * (n as u32 - 4), arg).unwrap(),
        }
    }
    emulator.set_reg(SP, sp);
    emulator.set_reg(LR, EXIT | 1);
    emulator.set_reg(PC, entry);
    let mut shadow =
        Shadow { table, calls: Vec::new(), last: (0, 0, Kind::Other), steps: 0, deepest: 0 };
    shadow.enter(&Registers::now(emulator), EXIT);
    let end = loop {
        if shadow.steps >= most {
            break End::Stopped;
        }
        shadow.step(emulator);
        match emulator.run(1) {
            Halt::Budget => {}
            Halt::Monitor(EXIT) => {
                assert_eq!((emulator.reg(SP), shadow.calls.len()), (sp, 1));
                break End::Returned;
            }
            // A function of the host, which answers 1.
            Halt::Monitor(_) => {
                (0..4).for_each(|n| emulator.set_reg(n, 1));
                let lr = emulator.reg(LR);
                emulator.set_reg(PC, lr & !1);
                shadow.last.2 = Kind::Call;
                if shadow.last.0 + shadow.last.1 != lr & !1 {
                    // It was called in place of a return.
                    shadow.last.2 = Kind::Return;
                }
            }
            Halt::Fault(fault) => match fault.cause {
                FaultCause::Udf(code) => break End::Trapped(code),
                cause => panic!("{cause:?} at {:#x}", fault.pc),
            },
            Halt::Lockup => panic!("the stack is gone"),
        }
    };
    machine.check_canaries().unwrap();
    (end, shadow.deepest)
}

/// A module on a board, instantiated step by step.
struct Traced {
    machine: Machine,
    table: Table,
    artifact: Artifact,
    instance: u32,
}

const MEMORY_BYTES: u32 = 3 << 16;

/// None if the module's own code does not let it.
fn instantiate(compiler: &Compiler, wasm: &[u8]) -> Option<Traced> {
    let artifact = compiler.compile_wasm(wasm).unwrap();
    let board = Board::for_settings(&artifact.settings).unwrap();
    let mut machine = Machine::new(&artifact.object, board).unwrap();
    let table = Table::new(&artifact, &machine);
    let interface = artifact.module.interface.clone().unwrap();
    let instance = machine.map_uninitialised(interface.instance.size.max(8)).unwrap();
    let memory = machine.map_uninitialised(MEMORY_BYTES).unwrap();
    // No limit, as in an instance of zeros.
    machine.emulator.write_u32(instance + offset::STACK_LIMIT as u32, 0).unwrap();
    let mut args = vec![instance];
    args.extend(interface.contexts.iter().map(|_| 0));
    match interface.memories.is_empty() {
        true => args.extend([0, 0]),
        false => args.extend([memory, MEMORY_BYTES]),
    }
    let symbol = &artifact.module.symbol(interface.instantiate.unwrap()).name;
    let entry = machine.function(0, symbol).unwrap();
    let (end, _) = trace(&mut machine, &table, entry, &args, 20_000);
    match end {
        End::Returned => {}
        // Long copies and fills take their time.
        End::Stopped => {
            machine.emulator.reset();
            let args: Vec<Val> = args.iter().map(|&arg| Val::I32(arg as i32)).collect();
            machine.call(entry, &args, 0, &mut NoHost).unwrap();
        }
        End::Trapped(_) => return None,
    }
    let is_ready = machine.emulator.reg(0) == 0;
    is_ready.then_some(Traced { machine, table, artifact, instance })
}

impl Traced {
    fn call(&mut self, export: &str, args: &[u32], most: usize) -> (End, usize) {
        // A trap may have left the core in its handler.
        self.machine.emulator.reset();
        let interface = self.artifact.module.interface.as_ref().unwrap();
        let export = interface.exports.iter().find(|e| e.wasm_name == export).unwrap();
        let entry = self.machine.function(0, &self.artifact.module.symbol(export.symbol).name);
        let args: Vec<u32> = [self.instance].into_iter().chain(args.iter().copied()).collect();
        trace(&mut self.machine, &self.table, entry.unwrap(), &args, most)
    }
}

#[test]
fn corpus_programs_unwind_at_every_instruction() {
    for (name, wasm) in corpus() {
        for (n, allocator) in [AllocatorKind::Ion, AllocatorKind::Greedy].into_iter().enumerate() {
            for (target, fpu) in
                [("thumbv7em-none-eabi", "none"), ("thumbv7em-none-eabihf", "fpv4-sp-d16")]
            {
                let level = [OptLevel::Speed, OptLevel::Size][(n + name.len()) % 2];
                let compiler = compiler().target(target).fpu(fpu).regalloc(allocator);
                let mut traced = instantiate(&compiler.opt_level(level), &wasm).unwrap();
                let (end, deepest) = traced.call("run", &[], 40_000);
                assert!(matches!(end, End::Returned | End::Stopped), "{name}: {end:?}");
                assert!(deepest >= 2, "{name}");
            }
        }
    }
}

/// Stack arguments in both directions, tail calls that need more and less of the stack, calls through
/// tables, recursion, traps at depth, and a host's functions.
const CALLS: &str = r#"(module
    (import "env" "host" (func $host (param i32 i32 i32 i32 i32 i32) (result i32)))
    (type $many (func (param i32 i32 i32 i32 i32 i32 i32 i64) (result i64)))
    (type $few (func (param i32) (result i64)))
    (table 3 funcref)
    (elem (i32.const 0) $many $few $deep)
    (func $many (type $many)
        (local.get 7)
        (i64.extend_i32_u (i32.add (local.get 5) (i32.mul (local.get 6) (local.get 0))))
        i64.add)
    (func $few (type $few)
        (return_call $many (local.get 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)
            (i32.const 5) (i32.const 6) (i64.const 7)))
    (func $to_few (type $many) (return_call $few (i32.add (local.get 0) (local.get 6))))
    (func $five (param i32) (result i32 i32 i32 i32 i32 i32)
        (local.get 0) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (local.get 0))
    (func $deep (param i32) (result i64)
        (if (i32.eqz (local.get 0)) (then unreachable))
        (i64.add (i64.extend_i32_u (local.get 0)) (call $deep (i32.sub (local.get 0) (i32.const 1)))))
    (func $count (param i32) (result i64)
        (if (result i64) (i32.eqz (local.get 0))
            (then (i64.const 0))
            (else (i64.add (call $count (i32.sub (local.get 0) (i32.const 1)))
                (call $many (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
                    (local.get 0) (local.get 0) (i64.const 3))))))
    (func (export "calls") (param i32) (result i64)
        (call $five (local.get 0)) drop drop drop drop drop drop
        (call $to_few (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
            (local.get 0) (i64.const 9))
        (call_indirect (type $few) (local.get 0) (i32.const 1))
        i64.add
        (call_indirect (type $many) (local.get 0) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4)
            (i32.const 5) (i32.const 6) (i64.const 7) (i32.const 0))
        i64.add
        (i64.extend_i32_u (call $host (local.get 0) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)
            (i32.const 6)))
        i64.add
        (call $count (i32.const 9))
        i64.add)
    (func (export "fall") (param i32) (result i64) (call $deep (local.get 0)))
    (func (export "type") (param i32) (result i64)
        (call_indirect (type $few) (local.get 0) (i32.const 0)))
    (func (export "tail_to_host") (result i32)
        (return_call $host (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)
            (i32.const 6))))"#;

#[test]
fn calls_of_every_kind_unwind_at_every_instruction() {
    let wasm = wat::parse_str(CALLS).unwrap();
    for (target, fpu) in [
        ("thumbv7m-none-eabi", "none"),
        ("thumbv7em-none-eabi", "none"),
        ("thumbv7em-none-eabihf", "fpv4-sp-d16"),
        ("thumbv8m.main-none-eabi", "none"),
    ] {
        for allocator in AllocatorKind::ALL {
            for level in [OptLevel::None, OptLevel::Speed, OptLevel::Size] {
                let compiler =
                    compiler().target(target).fpu(fpu).regalloc(allocator).opt_level(level);
                let mut traced = instantiate(&compiler, &wasm).unwrap();
                let (end, deepest) = traced.call("calls", &[4], 50_000);
                assert_eq!((end, deepest), (End::Returned, 12), "{target} {allocator:?} {level:?}");
                let (end, deepest) = traced.call("fall", &[20], 50_000);
                assert_eq!((end, deepest), (End::Trapped(Trap::Unreachable.code()), 23));
                let mismatch = Trap::IndirectCallTypeMismatch.code();
                assert_eq!(traced.call("type", &[1], 50_000).0, End::Trapped(mismatch));
                assert_eq!(traced.call("tail_to_host", &[], 50_000).0, End::Returned);
            }
        }
    }
}

#[test]
fn scripts_of_file_tests_unwind_wherever_they_get() {
    let mut called = 0;
    for path in files(&harness_dir("filetests/run"), &["wat"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let wasm = wat::parse_str(&text).unwrap();
        let compiled = compiler().compile_wasm(&wasm);
        let interface = match &compiled {
            Ok(artifact) => artifact.module.interface.clone().unwrap(),
            Err(_) => continue,
        };
        // What asks a host for more than functions is left to other tests.
        let functions = interface.imports.iter().all(|i| matches!(i.ty, ExternType::Func(_)));
        let results = |ty: &windlass_backend::module::FuncType| ty.results.len() <= 1;
        if !functions || !interface.imports.is_empty() || interface.memories.len() > 1 {
            continue;
        }
        let Some(mut traced) = instantiate(&compiler(), &wasm) else { continue };
        for (export, ty) in interface.functions().filter(|(_, ty)| results(ty)) {
            let words = ty
                .params
                .iter()
                .map(|ty| if matches!(ty, ValType::I64 | ValType::F64) { 2 } else { 1 });
            let args: Vec<u32> = (0..words.sum::<u32>() + 1).map(|n| 3 + 5 * n).collect();
            traced.call(&export.wasm_name, &args, 5_000);
            called += 1;
        }
    }
    assert!(called > 100, "{called}");
}
