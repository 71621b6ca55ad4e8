//! From bytes to an object: options on one side, an [`Artifact`] on the other.
//!
//! Invariant: no input makes this panic. A panic of a dependency comes back as
//! [`Error::Internal`].

use crate::clif;
#[cfg(feature = "optimum")]
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "optimum")]
use std::time::Duration;
use windlass_backend::compiled::CompiledModule;
use windlass_backend::frontend;
use windlass_backend::header::write_header;
use windlass_backend::isa::Isa;
use windlass_backend::module::{FunctionRole, Module};
use windlass_backend::object::{ObjectOptions, write_object};
use windlass_backend::options::{
    AllocatorKind, Bounds, CodegenOptions, FrontendOptions, OptLevel, RuntimeLibrary, TrapMode,
    WasmFeatures,
};
#[cfg(feature = "optimum")]
use windlass_backend::regalloc::Optimum;
use windlass_backend::regalloc::saved::{self, Names};
use windlass_backend::rust_binding::write_rust_binding;
use windlass_backend::{Error, Result};
use windlass_isa_thumb2::Thumb2;
use windlass_isa_thumb2::settings::{Settings, TargetOptions};

/// What a compilation leaves.
pub struct Artifact {
    /// An ELF32 relocatable object.
    pub object: Vec<u8>,
    /// The C header, for wasm modules.
    pub header: Option<String>,
    pub module: Module,
    /// Machine code and figures, parallel to the module's functions.
    pub compiled: CompiledModule,
    pub settings: Settings,
}

impl Artifact {
    /// What went wrong without being an error.
    pub fn warnings(&self) -> &[String] {
        &self.module.warnings
    }

    /// The module's Rust interface, for `include!` in a `no_std` host: imports as traits, exports as
    /// methods of an instance that borrows its place and memory. Imports from the modules named in
    /// `linked` are not the host's, but functions of other objects.
    ///
    /// # Errors
    /// For CLIF functions, which have no instance; if nothing is imported from one of `linked`.
    pub fn rust_binding(&self, linked: &[String]) -> Result<String> {
        caught(|| write_rust_binding(&self.module, linked))
    }

    /// Replaces `symbol7`, which is all that an instruction knows, by the symbol's name.
    pub fn name_symbols(&self, text: &str) -> String {
        const PREFIX: &str = "symbol";
        let mut named = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find(PREFIX) {
            let (before, after) = rest.split_at(at);
            let digits = &after[PREFIX.len()..];
            let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            let index = digits[..end].parse::<usize>().ok();
            let symbol = index.and_then(|index| self.module.symbols.get(index));
            named.push_str(before);
            named.push_str(symbol.map_or(&after[..PREFIX.len() + end], |symbol| &symbol.name));
            rest = &digits[end..];
        }
        named.push_str(rest);
        named
    }
}

/// Compiles modules, all with the same options.
#[derive(Clone, Debug)]
pub struct Compiler {
    frontend: FrontendOptions,
    target: TargetOptions,
    codegen: CodegenOptions,
    object: ObjectOptions,
}

impl Default for Compiler {
    fn default() -> Self {
        Compiler {
            frontend: FrontendOptions { name: "module".into(), ..FrontendOptions::default() },
            target: TargetOptions::default(),
            codegen: CodegenOptions::default(),
            object: ObjectOptions::default(),
        }
    }
}

impl Compiler {
    /// Defaults: thumbv7em-none-eabi, cortex-m4, portfolio, speed, explicit bounds.
    pub fn new() -> Compiler {
        Compiler::default()
    }

    /// The module's name, which prefixes its symbols.
    pub fn name(mut self, name: &str) -> Self {
        self.frontend.name = name.to_owned();
        self
    }

    /// A target triple, checked when compiling.
    pub fn target(mut self, triple: &str) -> Self {
        self.target.triple = Some(triple.to_owned());
        self
    }

    /// GCC's name of a processor, checked when compiling.
    pub fn cpu(mut self, cpu: &str) -> Self {
        self.target.cpu = Some(cpu.to_owned());
        self
    }

    /// GCC's name of a floating-point unit or `none`, checked when compiling.
    pub fn fpu(mut self, fpu: &str) -> Self {
        self.target.fpu = Some(fpu.to_owned());
        self
    }

    /// Allocatable registers, such as `r0-r5`, checked when compiling.
    pub fn reg_env(mut self, set: &str) -> Self {
        self.target.reg_env = Some(set.to_owned());
        self
    }

    /// The allocator of every function; without it the one that suits the level.
    pub fn regalloc(mut self, allocator: AllocatorKind) -> Self {
        self.codegen.allocator = Some(allocator);
        self
    }

    /// The allocator that is used.
    pub fn allocator(&self) -> AllocatorKind {
        self.codegen.allocator()
    }

    /// Has cheaper answers made of what the allocator gave; on by default.
    pub fn post_passes(mut self, on: bool) -> Self {
        self.codegen.post_passes = on;
        self
    }

    pub fn opt_level(mut self, level: OptLevel) -> Self {
        self.codegen.opt_level = level;
        self
    }

    pub fn bounds(mut self, bounds: Bounds) -> Self {
        self.frontend.bounds = bounds;
        self
    }

    /// Proposals that a module may use.
    pub fn wasm_features(mut self, features: WasmFeatures) -> Self {
        self.frontend.features = features;
        self
    }

    /// The proposals that a module may use.
    pub fn features(&self) -> WasmFeatures {
        self.frontend.features
    }

    /// Elements that a table may grow to if its declared maximum does not say so.
    pub fn table_capacity(mut self, elements: u32) -> Self {
        self.frontend.table_capacity = elements;
        self
    }

    /// Leaves out exports that no such pattern matches: `*` and `?` as in a shell. May be asked for
    /// several times.
    pub fn export_filter(mut self, pattern: &str) -> Self {
        self.frontend.export_filter.push(pattern.to_owned());
        self
    }

    /// Has code look at the instance's interrupt flag, so that a host can end a call.
    pub fn interruptible(mut self, on: bool) -> Self {
        self.frontend.interruptible = on;
        self
    }

    /// Has code count fuel, about a unit for each wasm instruction; an instance begins with so much.
    pub fn fuel(mut self, units: u32) -> Self {
        self.frontend.fuel = Some(units);
        self
    }

    /// Runs the allocation checker on every function.
    pub fn check(mut self, check: bool) -> Self {
        self.codegen.check = check;
        self
    }

    /// Where runtime routines with standard names come from.
    pub fn runtime(mut self, library: RuntimeLibrary) -> Self {
        self.codegen.runtime = library;
        self
    }

    /// Has functions compare sp with the instance's stack limit; on by default.
    pub fn stack_check(mut self, on: bool) -> Self {
        self.codegen.stack_check = on;
        self
    }

    /// How traps leave the code of a wasm module.
    pub fn traps(mut self, mode: TrapMode) -> Self {
        self.codegen.traps = mode;
        self
    }

    /// Measures the allocation problem of every function: without it a report's peak pressure, excess
    /// and lower bound are 0.
    pub fn problem_stats(mut self, problem_stats: bool) -> Self {
        self.codegen.problem_stats = problem_stats;
        self
    }

    /// Keeps CLIF, VCode and assembly text of every function.
    pub fn listings(mut self, listings: bool) -> Self {
        self.codegen.listings = listings;
        self
    }

    /// Keeps what each loop of a function costs.
    pub fn remarks(mut self, remarks: bool) -> Self {
        self.codegen.remarks = remarks;
        self
    }

    /// Keeps what a report shows of every function.
    pub fn views(mut self, views: bool) -> Self {
        self.codegen.views = views;
        self
    }

    /// Looks at what the greedy baseline's physical stream hides. Never changes the object.
    pub fn shadow(mut self, shadow: bool) -> Self {
        self.codegen.shadow = shadow;
        self
    }

    /// Worker threads; 0 asks for one per processor. Never changes the object.
    pub fn threads(mut self, threads: usize) -> Self {
        self.codegen.threads = threads;
        self
    }

    /// Debug information: DWARF, and a table of the places that trap, which then are one for each
    /// source location. Changes nothing else of the code.
    pub fn debug_info(mut self, on: bool) -> Self {
        self.frontend.debug_info = on;
        self.codegen.debug_info = on;
        self.object.debug_info = on;
        self
    }

    /// A section for each function.
    pub fn function_sections(mut self, on: bool) -> Self {
        self.object.function_sections = on;
        self
    }

    /// The checked target.
    pub fn settings(&self) -> Result<Settings> {
        Settings::new(&self.target)
    }

    /// The instruction set of the target.
    #[cfg(feature = "cli")]
    pub(crate) fn isa(&self) -> Result<Thumb2> {
        Thumb2::new(&self.target)
    }

    /// Compiles a binary wasm module.
    pub fn compile_wasm(&self, wasm: &[u8]) -> Result<Artifact> {
        caught(|| self.compile_module(self.translate(wasm)?))
    }

    /// Compiles the functions of a .clif file.
    pub fn compile_clif(&self, text: &str) -> Result<Artifact> {
        caught(|| self.compile_module(self.read_clif(text)?))
    }

    /// Takes a binary wasm module up to register allocation.
    pub fn lower_wasm(&self, wasm: &[u8]) -> Result<Lowered> {
        caught(|| self.lower_module(self.translate(wasm)?))
    }

    /// Takes the functions of a .clif file up to register allocation.
    pub fn lower_clif(&self, text: &str) -> Result<Lowered> {
        caught(|| self.lower_module(self.read_clif(text)?))
    }

    fn read_clif(&self, text: &str) -> Result<Module> {
        let FrontendOptions { export_filter, interruptible, fuel, .. } = &self.frontend;
        if *interruptible || fuel.is_some() || !export_filter.is_empty() {
            let message = "export filters, interrupts and fuel are for wasm modules, not for CLIF";
            return Err(Error::Options(message.into()));
        }
        clif::read(&self.frontend.name, text)
    }

    fn translate(&self, wasm: &[u8]) -> Result<Module> {
        let floats_in_registers = self.settings()?.hard_float();
        frontend::translate(wasm, &FrontendOptions { floats_in_registers, ..self.frontend.clone() })
    }

    fn compile_module(&self, mut module: Module) -> Result<Artifact> {
        let isa = Thumb2::new(&self.target)?;
        let options = codegen_options(&self.codegen, &module);
        let compiled = windlass_backend::compile_module(&isa, &mut module, &options)?;
        self.artifact(&isa, module, compiled)
    }

    fn lower_module(&self, module: Module) -> Result<Lowered> {
        let isa = Thumb2::new(&self.target)?;
        let functions = windlass_backend::lower_module(&isa, &module, &self.codegen)?;
        Ok(Lowered { compiler: self.clone(), isa, module, functions })
    }

    fn artifact(&self, isa: &Thumb2, module: Module, compiled: CompiledModule) -> Result<Artifact> {
        let object = write_object(&module, &compiled, &isa.elf_format(), &self.object)?;
        let header = match &module.interface {
            Some(_) => Some(write_header(&module)?),
            None => None,
        };
        Ok(Artifact { object, header, module, compiled, settings: isa.settings.clone() })
    }
}

/// A module up to register allocation, of which each allocator makes an artifact.
pub struct Lowered {
    compiler: Compiler,
    isa: Thumb2,
    module: Module,
    /// Parallel to the module's functions.
    functions: Vec<windlass_backend::Lowered<Thumb2>>,
}

impl Lowered {
    /// What the compiler would have made with this allocator.
    pub fn compile(&self, allocator: AllocatorKind) -> Result<Artifact> {
        caught(|| {
            let options = codegen_options(&self.compiler.codegen, &self.module);
            let options = CodegenOptions { allocator: Some(allocator), ..options };
            let mut module = self.module.clone();
            let compiled = windlass_backend::compile_lowered_module(
                &self.isa,
                &mut module,
                &self.functions,
                &options,
            )?;
            self.compiler.artifact(&self.isa, module, compiled)
        })
    }

    /// The least cost of any allocation, for each function of the module, each found within
    /// `limit` or as far as that goes. `cost` is what the cheapest known allocation of the function
    /// at a position costs.
    #[cfg(feature = "optimum")]
    pub fn optima(&self, limit: Duration, cost: impl Fn(usize) -> f64 + Sync) -> Vec<Optimum> {
        let functions = self.functions.par_iter().enumerate();
        functions.map(|(at, f)| f.optimum(&self.isa, limit, Some(cost(at)))).collect()
    }

    /// The allocation problem of each function of the input, as text.
    pub fn problems(&self) -> impl Iterator<Item = (Names, String)> {
        let functions = self.module.functions.iter().zip(&self.functions);
        functions.filter_map(|(function, windlass_backend::Lowered { vcode, .. })| {
            let FunctionRole::User { index } = function.role else { return None };
            let module = self.module.name.clone();
            let names = Names { module, function: function.name.clone(), index };
            let text = |inst: regalloc2::Inst| vcode.insts[inst.index()].to_string();
            let problem = saved::write(vcode, self.isa.machine_env(), &names, text);
            Some((names, problem))
        })
    }
}

/// Functions of .clif files have no instance that a call could recover.
fn codegen_options(options: &CodegenOptions, module: &Module) -> CodegenOptions {
    let traps = if module.interface.is_some() { options.traps } else { TrapMode::Udf };
    CodegenOptions { traps, ..options.clone() }
}

/// Turns a panic into an error. What the panic hook prints is the program's business.
fn caught<T>(run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Err(Error::internal(text.unwrap_or_else(|| "panic without a message".into())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_backend::module::Definition;

    fn error(text: &str) -> String {
        Compiler::new().compile_clif(text).err().map_or_else(String::new, |e| e.to_string())
    }

    #[test]
    fn memory_routines_are_undefined_or_carried_along() {
        let text = "function %f(i32, i32, i32) fast {
    fn0 = %Memmove(i32, i32, i32) fast
block0(v0: i32, v1: i32, v2: i32):
    call fn0(v0, v1, v2)
    return
}";
        for (library, carried) in
            [(RuntimeLibrary::External, false), (RuntimeLibrary::Builtin, true)]
        {
            let artifact = Compiler::new().runtime(library).compile_clif(text).unwrap();
            let symbols = &artifact.module.symbols;
            let found = symbols.iter().find(|symbol| symbol.name == "__aeabi_memmove");
            let defined = found.is_some_and(|symbol| symbol.definition != Definition::Undefined);
            assert_eq!(defined, carried);
        }
    }

    #[test]
    fn memory_routines_have_one_signature() {
        let text = "function %f(i32, i32, i32) -> i32 fast {
    fn0 = %Memset(i32, i32, i32) -> i32 fast
block0(v0: i32, v1: i32, v2: i32):
    v3 = call fn0(v0, v1, v2)
    return v3
}";
        let error = error(text);
        assert!(error.contains("memset with the signature (i32, i32, i32) -> i32 fast"), "{error}");
        assert!(error.contains("function 0 (f)"), "{error}");
    }

    #[test]
    fn results_of_a_tail_call_are_those_of_the_caller() {
        let text = "function %f(i8) -> i8 sext tail {
    fn0 = %g(i8) -> i8 tail
block0(v0: i8):
    return_call fn0(v0)
}";
        let error = error(text);
        assert!(error.contains("a tail call to a function with other results"), "{error}");
    }

    #[test]
    fn a_tail_call_stays_in_its_instance() {
        let text = "function %f(i32 vmctx, i32) tail {
    fn0 = %g(i32 vmctx) tail
block0(v0: i32, v1: i32):
    return_call fn0(v1)
}";
        let error = error(text);
        assert!(error.contains("a tail call into another instance"), "{error}");
    }

    #[test]
    fn only_an_instance_can_be_interrupted() {
        let text = "function %f(i32) fast {
block0(v0: i32):
    trapnz v0, user11
    return
}";
        assert!(error(text).contains("without an instance"), "{}", error(text));
    }

    #[test]
    fn tail_calls_are_of_the_internal_convention() {
        for (own, callee) in [("tail", "fast"), ("fast", "fast"), ("fast", "tail")] {
            let text = format!(
                "function %f(i32) {own} {{
    fn0 = %g(i32) {callee}
block0(v0: i32):
    return_call fn0(v0)
}}"
            );
            assert!(error(&text).contains("convention"), "{own} {callee}: {}", error(&text));
        }
    }
}
