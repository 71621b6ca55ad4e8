//! The figures under `final` are what the machine code contains: a disassembler that knows
//! nothing of windlass counts the same sp-relative loads and stores.

mod common;

use capstone::arch::ArchOperand;
use capstone::arch::arm::{ArchExtraMode, ArchMode, ArmOperand, ArmOperandType, ArmReg};
use capstone::prelude::*;
use common::{CPUS, Config, OPT_LEVELS, corpus, harness_dir};
use windlass::report::schema::figures;
use windlass::{AllocatorKind, Artifact};
use windlass_backend::compiled::{CompiledFunction, RegionKind};
use windlass_backend::module::FunctionRole;

#[test]
fn machine_code_has_the_stack_traffic_that_is_reported() {
    let disassembler = disassembler();
    let mut functions = 0;
    for (name, wasm) in corpus() {
        for allocator in AllocatorKind::ALL {
            for opt_level in OPT_LEVELS {
                let (target, cpu, fpu) = CPUS[1];
                let config = Config { target, cpu, fpu, allocator, opt_level };
                let artifact = config.compiler().name(&name).compile_wasm(&wasm).unwrap();
                functions += check(&disassembler, &artifact, &format!("{name} {config}"));
            }
        }
    }
    assert!(functions > 100, "only {functions} functions were looked at");
}

#[test]
fn tail_calls_have_the_stack_traffic_that_is_reported() {
    let disassembler = disassembler();
    let path = harness_dir("filetests/run/tail_calls.clif");
    let text = std::fs::read_to_string(path).expect("a file test");
    let mut functions = 0;
    for config in Config::all() {
        let artifact = config.compiler().compile_clif(&text).unwrap();
        functions += check(&disassembler, &artifact, &config.to_string());
    }
    assert!(functions > 100, "only {functions} functions were looked at");
}

/// Every unit, that of cortex-m7 with doubles too, which the emulator lacks.
#[test]
fn floats_in_slots_are_counted() {
    let disassembler = disassembler();
    let path = harness_dir("filetests/run/float_pressure.clif");
    let text = std::fs::read_to_string(path).expect("a file test");
    let double = ("thumbv7em-none-eabi", "cortex-m7", "fpv5-d16");
    for (target, cpu, fpu) in CPUS.into_iter().chain([double]) {
        for allocator in AllocatorKind::ALL {
            for opt_level in OPT_LEVELS {
                let config = Config { target, cpu, fpu, allocator, opt_level };
                let artifact = config.compiler().compile_clif(&text).unwrap();
                check(&disassembler, &artifact, &config.to_string());
                let spills = (0..artifact.module.functions.len())
                    .map(|at| figures(&artifact, at).final_.spill_stores)
                    .sum::<u64>();
                assert!(spills > 20, "{config}: only {spills} spills");
            }
        }
    }
}

/// Compares the figures of every user function with its code; answers how many there are.
fn check(disassembler: &Capstone, artifact: &Artifact, what: &str) -> u32 {
    let mut functions = 0;
    for (at, function) in artifact.module.functions.iter().enumerate() {
        if !matches!(function.role, FunctionRole::User { .. }) {
            continue;
        }
        let counted = stack_accesses(disassembler, &artifact.compiled.functions[at]);
        let reported = figures(artifact, at).final_;
        assert_eq!(reported.stack_accesses(), counted, "{} of {what}: {reported:?}", function.name);
        functions += 1;
    }
    functions
}

fn disassembler() -> Capstone {
    Capstone::new()
        .arm()
        .mode(ArchMode::Thumb)
        .extra_mode([ArchExtraMode::MClass].into_iter())
        .detail(true)
        .build()
        .expect("a disassembler")
}

/// Registers that the function's code moves to and from sp-relative memory, pushes, pops and
/// whatever changes sp apart.
fn stack_accesses(disassembler: &Capstone, function: &CompiledFunction) -> u64 {
    let mut registers = 0;
    for (i, region) in function.regions.iter().enumerate() {
        let end = function.regions.get(i + 1).map_or(function.code.len(), |r| r.offset as usize);
        if region.kind == RegionKind::Code {
            let code = &function.code[region.offset as usize..end];
            registers += accesses_of_region(disassembler, code);
        }
    }
    registers
}

fn accesses_of_region(disassembler: &Capstone, code: &[u8]) -> u64 {
    let instructions = disassembler.disasm_all(code, 0).expect("disassembly");
    let length: usize = instructions.iter().map(|i| i.bytes().len()).sum();
    assert_eq!(length, code.len(), "capstone stops at {length:#x}");
    let mut registers = 0;
    for instruction in instructions.iter() {
        let mnemonic = instruction.mnemonic().unwrap_or("");
        let per_access = match mnemonic.split('.').next().unwrap_or("") {
            m if m.starts_with("ldrd") || m.starts_with("strd") => 2,
            m if m.starts_with("vldr") || m.starts_with("vstr") => 1,
            m if m.starts_with("ldr") || m.starts_with("str") => 1,
            _ => continue,
        };
        let detail = disassembler.insn_detail(instruction).expect("detail");
        let based_on_sp = |operand: &ArchOperand| match operand {
            ArchOperand::ArmOperand(ArmOperand { op_type: ArmOperandType::Mem(mem), .. }) => {
                u32::from(mem.base().0) == ArmReg::ARM_REG_SP
            }
            _ => false,
        };
        let arch = detail.arch_detail();
        // `pop` of one high register is `ldr lr, [sp], #4`.
        let changes_sp = arch.arm().is_some_and(|arm| arm.writeback());
        if !changes_sp && arch.operands().iter().any(based_on_sp) {
            registers += per_access;
        }
    }
    registers
}
