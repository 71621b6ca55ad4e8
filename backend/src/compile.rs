//! The pipeline: every pass from CLIF to machine code, one call a line.

use crate::callgraph::CallGraph;
use crate::compiled::{CompiledFunction, CompiledModule, FunctionStats, Listing, Remark};
use crate::emit::buffer::MachBuffer;
use crate::error::{Error, Result};
use crate::instance::SMALL_FRAME;
use crate::isa::{Code, FrameRequest, Isa, MachInst};
use crate::lower::FrameNeeds;
use crate::module::{Function, FunctionRole, Module};
use crate::options::{AllocatorKind, CodegenOptions, OptLevel, TrapMode};
use crate::regalloc::{self, AllocResult, Price, ProblemStats};
use crate::vcode::VCode;
use crate::{emit, lower, opt, runtime, schedule, stack, view};
use cranelift_codegen::ir;
use rayon::prelude::*;
use regalloc2::{Block, Function as _, PRegSet, RegClass};
use std::mem::take;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "optimum")]
use std::time::Duration;
use std::time::Instant;

/// A function up to register allocation, which all allocators share.
pub struct Lowered<I: Isa> {
    pub clif: ir::Function,
    pub vcode: VCode<I::Inst>,
    needs: FrameNeeds,
    /// Of the allocation problem, whoever answers it.
    stats: Option<ProblemStats>,
}

impl<I: Isa> Lowered<I> {
    /// The least cost of any allocation, as far as it is found within `limit`; `incumbent` is what
    /// the cheapest allocation that is known costs.
    #[cfg(feature = "optimum")]
    pub fn optimum(&self, isa: &I, limit: Duration, incumbent: Option<f64>) -> regalloc::Optimum {
        regalloc::optimum(&self.vcode, isa.machine_env(), limit, incumbent)
    }
}

/// Compiles one function of a module.
fn compile_function<I: Isa>(
    isa: &I,
    function: &Function,
    options: &CodegenOptions,
) -> Result<Compiled> {
    let lowered = lower_function(isa, function, options)?;
    compile_lowered(isa, function, &lowered, options)
}

/// What is known of a function without the others.
struct Compiled {
    function: CompiledFunction,
    /// The same without its stack check, if the others may show that it needs none.
    unchecked: Option<CompiledFunction>,
}

/// The passes in front of register allocation.
pub fn lower_function<I: Isa>(
    isa: &I,
    function: &Function,
    options: &CodegenOptions,
) -> Result<Lowered<I>> {
    let clif = opt::optimize(function.clif.clone(), options.opt_level, options.check)?.func;
    let (vcode, needs) = lower::lower(isa, &clif)?;
    let measure = || ProblemStats::of(&vcode, isa.machine_env());
    let stats = options.problem_stats.then(measure);
    Ok(Lowered { clif, vcode, needs, stats })
}

/// Allocates. portfolio, where it spills, also tries another order of the instructions: then the
/// answer is to that order's problem, which comes with it.
fn allocate<I: Isa>(
    isa: &I,
    lowered: &Lowered<I>,
    options: &CodegenOptions,
) -> Result<(Option<Lowered<I>>, AllocResult)> {
    let env = isa.machine_env();
    let alloc = regalloc::run(options.allocator(), &lowered.vcode, env, options.check)?;
    if options.allocator() != AllocatorKind::Portfolio || options.opt_level == OptLevel::None {
        return Ok((None, alloc));
    }
    let cost = Price::of(&lowered.vcode, env, &alloc).spills;
    if cost == 0.0 {
        return Ok((None, alloc));
    }
    let Some(clif) = relieved(isa, &lowered.clif) else { return Ok((None, alloc)) };
    let (vcode, needs) = lower::lower(isa, &clif)?;
    let other = Lowered { clif, vcode, needs, stats: lowered.stats };
    let cheaper = regalloc::run_below(cost, &other.vcode, env, options.check)?;
    Ok(cheaper.map_or((None, alloc), |cheaper| (Some(other), cheaper)))
}

/// The function with its instructions in an order that takes fewer registers, if there is one.
fn relieved<I: Isa>(isa: &I, clif: &ir::Function) -> Option<ir::Function> {
    let is_int = |class: &&RegClass| **class == RegClass::Int;
    let words = |ty| isa.classes(ty).map_or(0, |classes| classes.iter().filter(is_int).count());
    let registers = PRegSet::from(isa.machine_env()).into_iter();
    let registers = registers.filter(|register| register.class() == RegClass::Int).count();
    let mut clif = clif.clone();
    schedule::relieve_pressure(&mut clif, registers, words).then_some(clif)
}

/// Register allocation and the passes behind it.
fn compile_lowered<I: Isa>(
    isa: &I,
    function: &Function,
    lowered: &Lowered<I>,
    options: &CodegenOptions,
) -> Result<Compiled> {
    let start = Instant::now();
    let (reordered, mut alloc) = allocate(isa, lowered, options)?;
    let alloc_time = start.elapsed();
    let Lowered { clif, vcode, needs, stats: problem } = reordered.as_ref().unwrap_or(lowered);
    let counts = regalloc::stats(vcode, &alloc);
    let mut stats = FunctionStats {
        vcode_insts: lowered.vcode.num_insts() as u32,
        vregs: lowered.vcode.num_vregs() as u32,
        problem: *problem,
        reordered: reordered.is_some(),
        time_us: alloc_time.as_micros() as u64,
        alloc: counts,
        final_alloc: counts,
        ..FunctionStats::default()
    };
    if options.post_passes {
        regalloc::improve(vcode, isa.machine_env(), &mut alloc, options.check)?;
        stats.final_alloc = regalloc::stats(vcode, &alloc);
    }

    let remarks = options.remarks.then(|| remarks(vcode, &alloc));
    let view = || view::view(isa, clif.display().to_string(), vcode, &alloc);
    let view = options.views.then(view).transpose()?.map(Box::new);
    let shadow = options.shadow.then(|| regalloc::shadow::shadow(vcode, isa.machine_env()));

    let mut code = emit::apply(isa, vcode, &alloc)?;
    stats.stack_args = code.insts.iter().map(MachInst::stack_args).sum();
    let mut frame = frame_request(isa, function, clif, needs, &alloc, &mut code);
    frame.stack_check &= options.stack_check;
    let may_do_without = frame.stack_check && frame.entry.is_none();
    let spare =
        (may_do_without && (needs.makes_calls || needs.tail_bytes > 0)).then(|| code.clone());

    let encode = |code, frame: &FrameRequest| -> Result<CompiledFunction> {
        let (mut function, asm) = encode(isa, code, frame, stats, options)?;
        function.listing = asm.map(|asm| Listing {
            clif: clif.display().to_string(),
            vcode: vcode.display().to_string(),
            asm,
        });
        Ok(function)
    };
    let function = encode(code, &frame)?;
    frame.stack_check = false;
    let spare = spare.filter(|_| function.frame_bytes <= SMALL_FRAME);
    let unchecked = spare.map(|spare| encode(spare, &frame)).transpose()?;
    Ok(Compiled { function: CompiledFunction { remarks, view, shadow, ..function }, unchecked })
}

/// Offset and text of each instruction.
type Asm = Vec<(u32, String)>;

/// From allocated instructions to bytes; `stats` are those of the allocation.
fn encode<I: Isa>(
    isa: &I,
    mut code: Code<I::Inst>,
    frame: &FrameRequest,
    mut stats: FunctionStats,
    options: &CodegenOptions,
) -> Result<(CompiledFunction, Option<Asm>)> {
    let frame_bytes = isa.finalize(&mut code, frame, options)?;
    let mut buffer = MachBuffer::default();
    let mut lines = options.listings.then(Vec::new);
    isa.emit(&code, frame, options, &mut buffer, lines.as_mut());
    let finished = buffer.finish()?;

    stats.insts = finished.code_regions().map(|region| isa.count_insts(region)).sum();
    stats.code_bytes = finished.code.len() as u32;
    stats.frame_bytes = frame_bytes;
    let asm = lines.map(|lines| finished.marks.iter().copied().zip(lines).collect());
    let function = CompiledFunction {
        code: finished.code,
        align: 4,
        relocs: finished.relocs,
        regions: finished.regions,
        traps: finished.traps,
        source_ranges: finished.source_ranges,
        frame_rows: finished.frame_rows,
        frame_bytes,
        incoming_bytes: frame.incoming_bytes,
        spill_area: frame.spill_area(),
        stats,
        ..CompiledFunction::default()
    };
    Ok((function, asm))
}

/// Compiles every function of a module, and appends the runtime routines that it is to carry.
///
/// # Errors
/// What the first function uses that windlass does not translate, with its name and place.
pub fn compile_module<I: Isa>(
    isa: &I,
    module: &mut Module,
    options: &CodegenOptions,
) -> Result<CompiledModule> {
    let functions = compile_functions(isa, &module.functions, options)?;
    complete(isa, module, functions, options)
}

/// Every function of a module up to register allocation.
pub fn lower_module<I: Isa>(
    isa: &I,
    module: &Module,
    options: &CodegenOptions,
) -> Result<Vec<Lowered<I>>> {
    each(module.functions.len(), options.threads, |index| {
        let function = &module.functions[index];
        guarded(function, || lower_function(isa, function, options))
    })
}

/// What [`compile_module`] does, from what [`lower_module`] made of the module with the same
/// options but for the allocator.
pub fn compile_lowered_module<I: Isa>(
    isa: &I,
    module: &mut Module,
    lowered: &[Lowered<I>],
    options: &CodegenOptions,
) -> Result<CompiledModule> {
    let functions = each(lowered.len(), options.threads, |index| {
        let function = &module.functions[index];
        guarded(function, || compile_lowered(isa, function, &lowered[index], options))
    })?;
    complete(isa, module, functions, options)
}

/// Takes stack checks out where the whole module shows them to be needless, appends the runtime
/// routines, and finds how deep each function may take the stack.
fn complete<I: Isa>(
    isa: &I,
    module: &mut Module,
    compiled: Vec<Compiled>,
    options: &CodegenOptions,
) -> Result<CompiledModule> {
    let (mut functions, mut unchecked): (Vec<_>, Vec<_>) =
        compiled.into_iter().map(|one| (one.function, one.unchecked)).unzip();
    if options.stack_check {
        let graph = CallGraph::new(module, &functions, &isa.elf_format());
        for index in stack::needless_checks(module, &functions, &graph) {
            if let Some(code) = unchecked[index].take() {
                let CompiledFunction { remarks, view, shadow, .. } = take(&mut functions[index]);
                functions[index] = CompiledFunction { remarks, view, shadow, ..code };
            }
        }
    }
    runtime::append_routines(isa, module, &functions, options.runtime);
    let routines = &module.functions[functions.len()..];
    // They need nothing of the host's: callers test for what would trap there.
    let options = CodegenOptions { traps: TrapMode::Udf, ..options.clone() };
    let routines = compile_functions(isa, routines, &options)?;
    functions.extend(routines.into_iter().map(|one| one.function));
    let graph = CallGraph::new(module, &functions, &isa.elf_format());
    let stack_bounds = stack::bounds(module, &functions, &graph);
    if let Some(interface) = &mut module.interface {
        let bounds = module.functions.iter().zip(&stack_bounds);
        interface.stack_bounds = bounds.map(|(f, bound)| (f.symbol, bound.clone())).collect();
    }
    Ok(CompiledModule { functions, stack_bounds })
}

fn compile_functions<I: Isa>(
    isa: &I,
    functions: &[Function],
    options: &CodegenOptions,
) -> Result<Vec<Compiled>> {
    each(functions.len(), options.threads, |index| {
        let function = &functions[index];
        guarded(function, || compile_function(isa, function, options))
    })
}

/// Does something with each of `count` functions, on as many threads as the options say. The first
/// error in their order is reported, whatever the threads did.
fn each<T: Send>(
    count: usize,
    threads: usize,
    run: impl Fn(usize) -> Result<T> + Send + Sync,
) -> Result<Vec<T>> {
    let results: Vec<Result<T>> = match threads {
        1 => (0..count).map(run).collect(),
        0 => (0..count).into_par_iter().map(run).collect(),
        threads => rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|e| Error::internal(format!("threads: {e}")))?
            .install(|| (0..count).into_par_iter().map(run).collect()),
    };
    results.into_iter().collect()
}

/// A panic, ours or a dependency's, becomes an internal error that names the function.
fn guarded<T>(function: &Function, run: impl FnOnce() -> Result<T>) -> Result<T> {
    let index = match function.role {
        FunctionRole::User { index } => Some(index),
        _ => None,
    };
    catch_unwind(AssertUnwindSafe(run))
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

/// What the allocation costs in each loop, with the loop's place.
fn remarks<I: MachInst>(vcode: &VCode<I>, alloc: &AllocResult) -> Vec<Remark> {
    let loops = regalloc::loop_stats(vcode, alloc).into_iter();
    loops
        .map(|stats| Remark { loc: vcode.block_loc(Block::new(stats.header as usize)), stats })
        .collect()
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
