//! The pipeline: every pass from CLIF to machine code, one call a line.

use crate::compiled::{CompiledFunction, CompiledModule, FunctionStats, Listing};
use crate::emit::buffer::MachBuffer;
use crate::error::{Error, Result};
use crate::isa::{Code, FrameRequest, Isa, MachInst};
use crate::lower::FrameNeeds;
use crate::module::{Function, FunctionRole, Module};
use crate::options::CodegenOptions;
use crate::regalloc::{self, AllocResult};
use crate::vcode::VCode;
use crate::{emit, lower, opt, runtime, stack};
use cranelift_codegen::ir;
use rayon::prelude::*;
use regalloc2::{Function as _, RegClass};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// Compiles one function of a module.
///
/// # Errors
/// What the function uses and windlass does not translate, with the function's name and place.
pub fn compile_function<I: Isa>(
    isa: &I,
    function: &Function,
    options: &CodegenOptions,
) -> Result<CompiledFunction> {
    let context = opt::optimize(function.clif.clone(), options.opt_level, options.check)?;
    let (vcode, needs) = lower::lower(isa, &context.func)?;
    let start = Instant::now();
    let mut alloc = regalloc::run(options.allocator, &vcode, isa.machine_env(), options.check)?;
    let alloc_time = start.elapsed();
    let mut stats = measure(isa, &vcode, &alloc);
    stats.time_us = alloc_time.as_micros() as u64;
    if options.post_passes {
        regalloc::improve(&vcode, isa.machine_env(), &mut alloc, options.check)?;
        stats.final_alloc = regalloc::stats(&vcode, &alloc);
    }

    let mut code = emit::apply(isa, &vcode, &alloc)?;
    stats.stack_args = code.insts.iter().map(MachInst::stack_args).sum();
    let mut frame = frame_request(isa, function, &context.func, &needs, &alloc, &mut code);
    frame.stack_check &= options.stack_check;
    let frame_bytes = isa.finalize(&mut code, &frame, options)?;

    let mut buffer = MachBuffer::default();
    let mut lines = options.listings.then(Vec::new);
    isa.emit(&code, &mut buffer, lines.as_mut());
    let finished = buffer.finish()?;

    stats.insts = finished.code_regions().map(|region| isa.count_insts(region)).sum();
    stats.code_bytes = finished.code.len() as u32;
    stats.frame_bytes = frame_bytes;
    let listing = lines.map(|lines| Listing {
        clif: context.func.display().to_string(),
        vcode: vcode.display().to_string(),
        asm: finished.marks.iter().copied().zip(lines).collect(),
    });
    Ok(CompiledFunction {
        code: finished.code,
        align: 4,
        relocs: finished.relocs,
        regions: finished.regions,
        traps: finished.traps,
        source_ranges: finished.source_ranges,
        frame_bytes,
        spill_area: frame.spill_area(),
        stats,
        listing,
    })
}

/// Compiles every function of a module, and appends the runtime routines that it is to carry.
pub fn compile_module<I: Isa>(
    isa: &I,
    module: &mut Module,
    options: &CodegenOptions,
) -> Result<CompiledModule> {
    let mut functions = compile_functions(isa, &module.functions, options)?;
    if options.stack_check {
        let unchecked = CodegenOptions { stack_check: false, ..options.clone() };
        for index in stack::needless_checks(module, &functions) {
            functions[index] = guarded(isa, &module.functions[index], &unchecked)?;
        }
    }
    runtime::append_routines(isa, module, &functions, options.runtime);
    let routines = &module.functions[functions.len()..];
    functions.extend(compile_functions(isa, routines, options)?);
    Ok(CompiledModule { functions })
}

/// Compiles functions on as many threads as the options say. The first error in their order is
/// reported, whatever the threads did.
fn compile_functions<I: Isa>(
    isa: &I,
    functions: &[Function],
    options: &CodegenOptions,
) -> Result<Vec<CompiledFunction>> {
    let compile = |function: &Function| guarded(isa, function, options);
    let results: Vec<Result<CompiledFunction>> = match options.threads {
        1 => functions.iter().map(compile).collect(),
        0 => functions.par_iter().map(compile).collect(),
        threads => rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|e| Error::internal(format!("threads: {e}")))?
            .install(|| functions.par_iter().map(compile).collect()),
    };
    results.into_iter().collect()
}

/// A panic, ours or a dependency's, becomes an internal error that names the function.
fn guarded<I: Isa>(
    isa: &I,
    function: &Function,
    options: &CodegenOptions,
) -> Result<CompiledFunction> {
    let index = match function.role {
        FunctionRole::User { index } => Some(index),
        _ => None,
    };
    catch_unwind(AssertUnwindSafe(|| compile_function(isa, function, options)))
        .unwrap_or_else(|panic| Err(Error::internal(panic_message(&*panic))))
        .map_err(|error| error.in_function(index, &function.name))
}

fn panic_message(panic: &(dyn core::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}

fn measure<I: Isa>(isa: &I, vcode: &VCode<I::Inst>, alloc: &AllocResult) -> FunctionStats {
    let class = RegClass::Int as usize;
    let counts = regalloc::stats(vcode, alloc);
    let excess = regalloc::excess(vcode, isa.machine_env());
    let lower_bound =
        if excess > 0 { regalloc::lower_bound(vcode, isa.machine_env()) } else { 0.0 };
    FunctionStats {
        vcode_insts: vcode.num_insts() as u32,
        vregs: vcode.num_vregs() as u32,
        peak_pressure: regalloc::peak_pressure(vcode)[class],
        excess,
        lower_bound,
        alloc: counts,
        final_alloc: counts,
        ..FunctionStats::default()
    }
}

fn frame_request<I: Isa>(
    isa: &I,
    function: &Function,
    clif: &ir::Function,
    needs: &FrameNeeds,
    alloc: &AllocResult,
    code: &mut Code<I::Inst>,
) -> FrameRequest {
    let pops_incoming = isa.pops_incoming(&clif.signature);
    let is_entry = function.role == FunctionRole::Entry;
    let vmctx = clif.signature.special_param_index(ir::ArgumentPurpose::VMContext);
    FrameRequest {
        incoming_bytes: needs.incoming_bytes,
        pops_incoming,
        stack_slot_bytes: needs.stack_slot_bytes,
        spill_slots: alloc.num_spillslots as u32,
        outgoing_bytes: needs.outgoing_bytes,
        tail_bytes: needs.tail_bytes,
        written: emit::written_registers(code),
        makes_calls: needs.makes_calls,
        calls_c: needs.calls_c,
        internal: pops_incoming,
        entry: is_entry.then(|| instance_argument(&clif.signature)),
        stack_check: is_entry || pops_incoming && vmctx.is_some(),
    }
}

/// Which argument word of an entry is the instance: the first that is not hidden.
fn instance_argument(signature: &ir::Signature) -> usize {
    let hidden = |param: &&ir::AbiParam| param.purpose == ir::ArgumentPurpose::StructReturn;
    signature.params.iter().take_while(hidden).count()
}
