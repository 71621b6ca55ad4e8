//! A script of the WebAssembly test suite as a program for a board.
//!
//! Input: the script's text and a compiler. Output: an [`Image`]: the objects and headers of its
//! modules and a `main.c` that lists what to call and to expect, for `host/script.c`.
//!
//! What must be refused (`assert_invalid` and the like) is a matter of the compiler alone and left out.

use std::collections::HashMap;
use std::fmt::Write;
use wast::core::{NanPattern, WastRetCore};
use wast::lexer::Lexer;
use wast::parser::{ParseBuffer, parse};
use wast::token::{Id, Span};
use wast::{QuoteWat, Wast, WastArg, WastDirective, WastExecute, WastInvoke, WastRet};
use windlass::wast::{argument, trap_matches};
use windlass::{Artifact, Compiler, Trap};
use windlass_backend::module::{Export, ExternType, FuncType, Interface, ValType};

/// Pages beyond its size that each memory may grow by.
const PAGES_TO_GROW: u64 = 16;
/// Bytes of the board's pool.
const POOL_BYTES: u64 = 16 << 20;

type Result<T> = core::result::Result<T, String>;

pub struct Image {
    /// The modules `m0`, `m1`, ..., or by the name under which the script registers them.
    pub modules: Vec<(String, Artifact)>,
    pub main_c: String,
    /// What holds if all is well.
    pub assertions: usize,
}

/// What `call` of a command does with a function.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Caller {
    Function(FuncType),
    /// Calls an accessor, and reads.
    Global(ValType),
}

/// What a command must come to.
enum Expected {
    Returns(Vec<Pattern>),
    /// A set of codes.
    Traps(u32),
}

struct Pattern {
    mask: u64,
    bits: u64,
}

struct Generator<'a> {
    text: &'a str,
    compiler: &'a Compiler,
    /// Name of the n-th module directive, if it is registered.
    registered: HashMap<usize, String>,
    directives: usize,
    modules: Vec<(String, Artifact)>,
    current: Option<usize>,
    by_id: HashMap<String, usize>,
    /// Bytes of the pool below which memories stay: of modules that have a name.
    named_end: u64,
    /// End of the current module's memories, which are above or the last of them.
    current_end: u64,
    callers: HashMap<Caller, usize>,
    declarations: String,
    words: Words,
    patterns: Words,
    commands: String,
    assertions: usize,
}

/// The text of an array.
#[derive(Default)]
struct Words {
    text: String,
    count: usize,
}

impl Words {
    /// Returns the index of the first.
    fn extend(&mut self, words: impl Iterator<Item = String>) -> usize {
        let first = self.count;
        for word in words {
            let _ = writeln!(self.text, "    {word},");
            self.count += 1;
        }
        first
    }
}

/// The image, or why a host in C cannot do what the script asks.
pub fn image(text: &str, compiler: &Compiler) -> Result<Image> {
    let mut lexer = Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = ParseBuffer::new_with_lexer(lexer).map_err(|e| e.to_string())?;
    let script = parse::<Wast>(&buffer).map_err(|e| e.to_string())?;
    let mut generator = Generator {
        text,
        compiler,
        registered: registered(&script.directives)?,
        directives: 0,
        modules: vec![],
        current: None,
        by_id: HashMap::new(),
        named_end: 0,
        current_end: 0,
        callers: HashMap::new(),
        declarations: String::new(),
        words: Words::default(),
        patterns: Words::default(),
        commands: String::new(),
        assertions: 0,
    };
    for directive in script.directives {
        let line = generator.line(directive.span());
        generator.directive(directive).map_err(|e| format!("line {line}: {e}"))?;
    }
    Ok(generator.finish())
}

/// By the number of the module directive.
fn registered(directives: &[WastDirective]) -> Result<HashMap<usize, String>> {
    let (mut names, mut by_id, mut count) = (HashMap::new(), HashMap::new(), 0);
    for directive in directives {
        match directive {
            WastDirective::Module(module) => {
                by_id.insert(None, count);
                by_id.insert(module.name().map(|id| id.name()), count);
                count += 1;
            }
            WastDirective::Register { name, module, .. } => {
                let number = by_id.get(&module.map(|id| id.name())).ok_or("no such module")?;
                if names.values().any(|known| known == name) {
                    return Err(format!("two modules are registered as {name:?}"));
                }
                if names.insert(*number, (*name).to_owned()).is_some() {
                    return Err(format!("a module is registered again as {name:?}"));
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

impl Generator<'_> {
    fn line(&self, span: Span) -> usize {
        span.linecol_in(self.text).0 + 1
    }

    fn directive(&mut self, directive: WastDirective) -> Result<()> {
        let line = self.line(directive.span());
        match directive {
            WastDirective::Module(mut module) => {
                let registered = self.registered.get(&self.directives).cloned();
                self.directives += 1;
                let id = module.name().map(|id| id.name().to_owned());
                let is_named = id.is_some() || registered.is_some();
                let number = self.compile(&mut module, registered)?;
                self.current = Some(number);
                id.map(|id| self.by_id.insert(id, number));
                self.instantiate(line, number, is_named, Expected::Returns(vec![OK]), false)
            }
            WastDirective::Register { .. }
            | WastDirective::AssertMalformed { .. }
            | WastDirective::AssertInvalid { .. }
            | WastDirective::AssertUnlinkable { .. } => Ok(()),
            WastDirective::Invoke(invoke) => {
                self.invoke(line, &invoke, Expected::Returns(vec![]), false)
            }
            WastDirective::AssertReturn { exec, results, .. } => {
                let patterns = results.iter().map(pattern).collect::<Result<_>>()?;
                self.execute(line, exec, Expected::Returns(patterns))
            }
            WastDirective::AssertTrap { exec, message, .. } => {
                self.execute(line, exec, traps(message)?)
            }
            WastDirective::AssertExhaustion { call, message, .. } => {
                self.invoke(line, &call, traps(message)?, true)
            }
            _ => Err("a directive of another proposal".into()),
        }
    }

    fn execute(&mut self, line: usize, exec: WastExecute, expected: Expected) -> Result<()> {
        match exec {
            WastExecute::Invoke(invoke) => self.invoke(line, &invoke, expected, true),
            WastExecute::Wat(module) => {
                let number = self.compile(&mut QuoteWat::Wat(module), None)?;
                self.instantiate(line, number, false, expected, true)
            }
            WastExecute::Get { module, global, .. } => {
                let number = self.instance(module)?;
                let export = self.export(number, global)?;
                let ExternType::Global(ty) = &export.ty else {
                    return Err(format!("{global:?} is no global"));
                };
                let caller = self.caller(Caller::Global(ty.ty));
                let symbol = self.symbol(number, &export);
                self.command(line, number, &caller, Some(&symbol), &[], &expected, true);
                Ok(())
            }
        }
    }

    fn invoke(
        &mut self,
        line: usize,
        invoke: &WastInvoke,
        expected: Expected,
        is_assertion: bool,
    ) -> Result<()> {
        let number = self.instance(invoke.module)?;
        let export = self.export(number, invoke.name)?;
        let ExternType::Func(ty) = &export.ty else {
            return Err(format!("{:?} is no function", invoke.name));
        };
        let args: Vec<_> = invoke.args.iter().filter_map(argument).collect();
        if !args.iter().map(|arg| arg.ty()).eq(ty.params.iter().copied()) {
            return Err(format!("arguments of {:?}", invoke.name));
        }
        if matches!(&expected, Expected::Returns(r) if is_assertion && r.len() != ty.results.len())
        {
            return Err(format!("results of {:?}", invoke.name));
        }
        let caller = self.caller(Caller::Function(ty.clone()));
        let symbol = self.symbol(number, &export);
        let args: Vec<u64> = args.iter().map(|arg| arg.bits()).collect();
        self.command(line, number, &caller, Some(&symbol), &args, &expected, is_assertion);
        Ok(())
    }

    fn compile(&mut self, module: &mut QuoteWat, registered: Option<String>) -> Result<usize> {
        let number = self.modules.len();
        let name = registered.unwrap_or_else(|| format!("m{number}"));
        let wasm = module.encode().map_err(|e| e.to_string())?;
        let artifact = self.compiler.clone().name(&name).compile_wasm(&wasm);
        self.modules.push((name, artifact.map_err(|e| e.to_string())?));
        Ok(number)
    }

    fn interface(&self, number: usize) -> &Interface {
        self.modules[number].1.module.interface.as_ref().expect("of a wasm module")
    }

    fn instance(&self, id: Option<Id>) -> Result<usize> {
        let found = id.map_or(self.current, |id| self.by_id.get(id.name()).copied());
        found.ok_or_else(|| "no such module".into())
    }

    fn export(&self, number: usize, name: &str) -> Result<Export> {
        let found = self.interface(number).exports.iter().find(|e| e.wasm_name == name);
        found.cloned().ok_or_else(|| format!("no export {name:?}"))
    }

    fn symbol(&self, number: usize, export: &Export) -> String {
        self.modules[number].1.module.symbol(export.symbol).name.clone()
    }

    /// A caller of its own, since no two modules take the same contexts.
    fn instantiate(
        &mut self,
        line: usize,
        number: usize,
        is_named: bool,
        expected: Expected,
        is_assertion: bool,
    ) -> Result<()> {
        let interface = self.interface(number);
        let prefix = interface.c_name.clone();
        let mut args = "i".to_owned();
        for context in &interface.contexts {
            if context.wasm_name == "spectest" {
                args += ", &spectest";
                continue;
            }
            let known = |(name, _): &(String, _)| *name == context.wasm_name;
            let provider = self.modules[..number].iter().position(known);
            let provider = provider
                .ok_or_else(|| format!("nothing is registered as {:?}", context.wasm_name))?;
            let _ = write!(args, ", &instance{provider}");
        }
        // Where an assertion is about a module, the current one lives on.
        let mut offset = if is_assertion { self.current_end } else { self.named_end };
        for memory in &interface.memories {
            let more = PAGES_TO_GROW * u64::from(memory.page_bytes);
            let bytes = memory.max_bytes().min(memory.min_bytes() + more).next_multiple_of(8);
            let bytes = bytes + u64::from(interface.guard_bytes);
            let _ = write!(args, ", pool + {}, {bytes}", offset / 8);
            offset += bytes.next_multiple_of(8);
        }
        if interface.memories.is_empty() {
            args += ", NULL, 0";
        }
        if offset > POOL_BYTES {
            return Err(format!("memories of {offset} bytes"));
        }
        if !is_assertion {
            self.current_end = offset;
        }
        if is_named {
            self.named_end = offset;
        }
        let _ = writeln!(
            self.declarations,
            "static {prefix}_instance instance{number};\n\
             static void start{number}(any_function *f, void *i, const uint64_t *a, uint64_t *r) {{\n    \
             (void)f, (void)a;\n    \
             {prefix}_set_stack_limit(i, stack_limit);\n    \
             r[0] = (uint64_t){prefix}_instantiate({args});\n}}"
        );
        let caller = format!("start{number}");
        self.command(line, number, &caller, None, &[], &expected, is_assertion);
        Ok(())
    }

    /// The name of the C function.
    fn caller(&mut self, caller: Caller) -> String {
        let next = self.callers.len();
        let number = *self.callers.entry(caller.clone()).or_insert(next);
        if number == next {
            self.declarations += &caller_c(number, &caller);
        }
        format!("call{number}")
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a command")]
    fn command(
        &mut self,
        line: usize,
        module: usize,
        caller: &str,
        function: Option<&str>,
        args: &[u64],
        expected: &Expected,
        is_assertion: bool,
    ) {
        let args = self.words.extend(args.iter().map(|word| format!("{word:#x}")));
        let (traps, patterns) = match expected {
            Expected::Traps(codes) => (*codes, &[][..]),
            Expected::Returns(patterns) => (0, &patterns[..]),
        };
        let count = patterns.len();
        let show = |p: &Pattern| format!("{{{:#x}, {:#x}}}", p.mask, p.bits);
        let patterns = self.patterns.extend(patterns.iter().map(show));
        let function = function.map_or("NULL".into(), |f| format!("(any_function *){f}"));
        let assertion = u32::from(is_assertion);
        self.assertions += usize::from(is_assertion);
        let _ = writeln!(
            self.commands,
            "    {{{line}, {traps:#x}, &modules[{module}], {caller}, {function}, words + {args}, \
             patterns + {patterns}, {count}, {assertion}}},"
        );
    }

    fn finish(self) -> Image {
        let (mut headers, mut modules) = (String::new(), String::new());
        for (number, (name, artifact)) in self.modules.iter().enumerate() {
            let prefix = &artifact.module.interface.as_ref().expect("of a wasm module").c_name;
            let _ = writeln!(headers, "#include \"{name}.h\"");
            let _ = writeln!(modules, "    {{&instance{number}, (any_function *){prefix}_trap}},");
        }
        // An array of C has at least one element.
        let main_c = format!(
            "#include \"script.h\"\n#include <stddef.h>\n{headers}\n{}\n\
             static const uint64_t words[] = {{\n{}    0}};\n\
             static const struct pattern patterns[] = {{\n{}    {{0, 0}}}};\n\
             static const struct module modules[] = {{\n{modules}    {{NULL, NULL}}}};\n\
             const struct command commands[] = {{\n{}    \
             {{0, 0, NULL, NULL, NULL, words, patterns, 0, 0}}}};\n\
             const uint32_t command_count = sizeof commands / sizeof *commands - 1;\n",
            self.declarations, self.words.text, self.patterns.text, self.commands
        );
        Image { modules: self.modules, main_c, assertions: self.assertions }
    }
}

/// The status of an instantiation that succeeds.
const OK: Pattern = exactly(0);

const fn exactly(bits: u64) -> Pattern {
    Pattern { mask: u64::MAX, bits }
}

fn pattern(expected: &WastRet) -> Result<Pattern> {
    const F32_NAN: u64 = 0x7fc0_0000;
    const F64_NAN: u64 = 0x7ff8_0000_0000_0000;
    let WastRet::Core(expected) = expected else { return Err("a result of a component".into()) };
    Ok(match expected {
        WastRetCore::I32(value) => exactly(u64::from(*value as u32)),
        WastRetCore::I64(value) => exactly(*value as u64),
        WastRetCore::F32(NanPattern::Value(value)) => exactly(value.bits.into()),
        WastRetCore::F64(NanPattern::Value(value)) => exactly(value.bits),
        WastRetCore::F32(NanPattern::CanonicalNan) => Pattern { mask: 0x7fff_ffff, bits: F32_NAN },
        WastRetCore::F64(NanPattern::CanonicalNan) => {
            Pattern { mask: u64::MAX >> 1, bits: F64_NAN }
        }
        WastRetCore::F32(NanPattern::ArithmeticNan) => Pattern { mask: F32_NAN, bits: F32_NAN },
        WastRetCore::F64(NanPattern::ArithmeticNan) => Pattern { mask: F64_NAN, bits: F64_NAN },
        WastRetCore::RefNull(_) => exactly(0),
        WastRetCore::RefFunc(None) | WastRetCore::RefExtern(None) => Pattern { mask: 0, bits: 0 },
        WastRetCore::RefExtern(Some(number)) => {
            let same = WastArg::Core(wast::core::WastArgCore::RefExtern(*number));
            exactly(argument(&same).expect("a reference").bits())
        }
        other => return Err(format!("a result {other:?}")),
    })
}

fn traps(message: &str) -> Result<Expected> {
    let meant = Trap::ALL.into_iter().filter(|&trap| trap_matches(trap, message));
    match meant.fold(0, |codes, trap| codes | 1 << trap.code()) {
        0 => Err(format!("an unknown trap {message:?}")),
        codes => Ok(Expected::Traps(codes)),
    }
}

/// The C function of a caller.
fn caller_c(number: usize, caller: &Caller) -> String {
    let mut c = format!(
        "static void call{number}(any_function *f, void *i, const uint64_t *a, uint64_t *r) {{\n    \
         (void)a, (void)r;\n"
    );
    match caller {
        Caller::Global(ty) => {
            let read = format!("*(({} *(*)(void *))f)(i)", c_type(*ty));
            let _ = writeln!(c, "    r[0] = {};", bits_of(*ty, &read));
        }
        Caller::Function(FuncType { params, results }) => {
            let types: String = params.iter().map(|ty| format!(", {}", c_type(*ty))).collect();
            let args = params.iter().map(|ty| value_of(*ty)).enumerate();
            let args: String = args.map(|(n, of)| format!(", {of}(a[{n}])")).collect();
            let fields = results.iter().enumerate();
            let fields: String = fields.map(|(n, ty)| format!("{} f{n}; ", c_type(*ty))).collect();
            let result = match results[..] {
                [] => "void".to_owned(),
                [ty] => c_type(ty).to_owned(),
                _ => format!("struct results{number}"),
            };
            let call = format!("(({result} (*)(void *{types}))f)(i{args})");
            match results[..] {
                [] => {
                    let _ = writeln!(c, "    {call};");
                }
                [ty] => {
                    let _ = writeln!(c, "    r[0] = {};", bits_of(ty, &call));
                }
                _ => {
                    c = format!(
                        "struct results{number} {{ {fields}}};\n{c}    {result} v = {call};\n"
                    );
                    for (n, ty) in results.iter().enumerate() {
                        let _ = writeln!(c, "    r[{n}] = {};", bits_of(*ty, &format!("v.f{n}")));
                    }
                }
            }
        }
    }
    c + "}\n"
}

/// References are words, as pointers are.
fn c_type(ty: ValType) -> &'static str {
    match ty {
        ValType::I64 => "uint64_t",
        ValType::F32 => "float",
        ValType::F64 => "double",
        ValType::I32 | ValType::FuncRef | ValType::ExternRef => "uint32_t",
    }
}

/// What makes a value of bits.
fn value_of(ty: ValType) -> &'static str {
    match ty {
        ValType::F32 => "as_f32",
        ValType::F64 => "as_f64",
        ValType::I64 => "(uint64_t)",
        ValType::I32 | ValType::FuncRef | ValType::ExternRef => "(uint32_t)",
    }
}

fn bits_of(ty: ValType, value: &str) -> String {
    match ty {
        ValType::F32 => format!("of_f32({value})"),
        ValType::F64 => format!("of_f64({value})"),
        _ => value.to_owned(),
    }
}
