//! What a module takes of flash and RAM.
//!
//! Input: artifacts. Output: figures of each function, each section of the object, and of the memory that
//! a host hands over, as a table, JSON or CSV.
//!
//! Flash is what the object has; routines and imports that it leaves undefined are named and not
//! counted. RAM is the host's to give: the instance, its tables apart, and the module's own memories at
//! their smallest; the stack apart, which each call has for as long as it runs.

use super::csv;
use super::table::{on_one_line, render};
use crate::Artifact;
use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use object::read::elf::ElfFile32;
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, elf};
use serde::Serialize;
use std::collections::BTreeMap;
use windlass_backend::module::FunctionRole;
use windlass_backend::stack::StackBound;

#[derive(Serialize)]
pub struct SizeReport {
    /// Fields are added, never renamed, within a schema number.
    pub schema: u32,
    pub target: String,
    pub cpu: String,
    pub modules: Vec<ModuleSize>,
    pub totals: Sum,
}

#[derive(Serialize)]
pub struct ModuleSize {
    pub module: String,
    pub functions: Vec<FunctionSize>,
    /// Loaded sections by name; those of single functions count with the shared ones.
    pub sections: BTreeMap<String, Sum>,
    pub ram: Ram,
    /// What the object leaves to the linker.
    pub undefined: Vec<String>,
    pub totals: Sum,
}

#[derive(Serialize)]
pub struct FunctionSize {
    /// What it is for: `function` of the module, `entry`, `import` or `support`.
    pub kind: &'static str,
    pub name: String,
    /// Of the body in the wasm file; 0 for what windlass adds.
    pub wasm_bytes: u32,
    pub code_bytes: u32,
    pub frame_bytes: u32,
    /// The most stack that a call takes, if that is known.
    pub stack_bytes: Option<u32>,
    /// Why it is not.
    pub unbounded: Option<String>,
}

/// Bytes of RAM.
#[derive(Serialize, Clone, Copy, Default)]
pub struct Ram {
    /// Without tables.
    pub instance: u64,
    pub tables: u64,
    pub memory: u64,
}

/// Bytes.
#[derive(Serialize, Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Sum {
    pub wasm: u64,
    pub flash: u64,
    pub ram: u64,
}

impl Sum {
    fn add(&mut self, other: Sum) {
        self.wasm += other.wasm;
        self.flash += other.flash;
        self.ram += other.ram;
    }
}

impl SizeReport {
    pub fn new(artifacts: &[Artifact]) -> Result<SizeReport> {
        let modules = artifacts.iter().map(ModuleSize::new).collect::<Result<Vec<_>>>()?;
        let settings = artifacts.first().map(|artifact| &artifact.settings);
        let mut totals = Sum::default();
        modules.iter().for_each(|module| totals.add(module.totals));
        Ok(SizeReport {
            schema: 1,
            target: settings.map_or("", |s| s.target_name()).to_owned(),
            cpu: settings.map_or("", |s| s.cpu.name()).to_owned(),
            modules,
            totals,
        })
    }
}

impl ModuleSize {
    fn new(artifact: &Artifact) -> Result<ModuleSize> {
        let object = ElfFile32::<object::Endianness>::parse(&artifact.object[..]);
        let object = object.context("the object cannot be read back")?;
        let mut sections: BTreeMap<String, Sum> = BTreeMap::new();
        for section in object.sections() {
            if let Some((name, sum)) = section_size(&section) {
                sections.entry(name).or_default().add(sum);
            }
        }
        let undefined = object.symbols().filter(|symbol| symbol.is_undefined());
        let mut undefined: Vec<String> = undefined
            .filter_map(|symbol| symbol.name().ok().filter(|name| !name.is_empty()))
            .map(str::to_owned)
            .collect();
        undefined.sort();
        let (functions, ram) = (functions(artifact), ram(artifact));
        let mut totals = Sum::default();
        sections.values().for_each(|&section| totals.add(section));
        totals.wasm = functions.iter().map(|f| u64::from(f.wasm_bytes)).sum();
        totals.ram += ram.instance + ram.tables + ram.memory;
        let module = artifact.module.name.clone();
        Ok(ModuleSize { module, functions, sections, ram, undefined, totals })
    }
}

/// A section that is loaded: what is in the file takes flash, what can be written takes RAM.
fn section_size<'d>(section: &impl ObjectSection<'d>) -> Option<(String, Sum)> {
    let SectionFlags::Elf { sh_flags, .. } = section.flags() else { return None };
    if sh_flags.0 & elf::SHF_ALLOC.0 == 0 || section.size() == 0 {
        return None;
    }
    let name = section.name().unwrap_or_default();
    let shared = name.get(1..).and_then(|rest| rest.find('.')).map_or(name, |at| &name[..at + 1]);
    let in_file = section.file_range().is_some();
    let writable = sh_flags.0 & elf::SHF_WRITE.0 != 0;
    let bytes = |counts: bool| if counts { section.size() } else { 0 };
    Some((shared.to_owned(), Sum { wasm: 0, flash: bytes(in_file), ram: bytes(writable) }))
}

fn functions(artifact: &Artifact) -> Vec<FunctionSize> {
    let Artifact { module, compiled, .. } = artifact;
    let functions = module.functions.iter().zip(&compiled.functions).zip(&compiled.stack_bounds);
    functions
        .map(|((function, code), bound)| {
            let (stack_bytes, unbounded) = match bound {
                StackBound::Bytes(bytes) => (Some(*bytes), None),
                StackBound::Unbounded(reason) => (None, Some(reason.to_string())),
            };
            FunctionSize {
                kind: match function.role {
                    FunctionRole::User { .. } => "function",
                    FunctionRole::Entry => "entry",
                    FunctionRole::ImportThunk => "import",
                    FunctionRole::Support => "support",
                },
                name: function.name.clone(),
                wasm_bytes: function.wasm_bytes,
                code_bytes: code.code.len() as u32,
                frame_bytes: code.frame_bytes,
                stack_bytes,
                unbounded,
            }
        })
        .collect()
}

fn ram(artifact: &Artifact) -> Ram {
    let Some(interface) = &artifact.module.interface else { return Ram::default() };
    let tables = u64::from(interface.table_bytes);
    let memory = |memory: &windlass_backend::module::Memory| {
        memory.min_bytes() + u64::from(interface.guard_bytes)
    };
    Ram {
        instance: u64::from(interface.instance.size) - tables,
        tables,
        memory: interface.memories.iter().map(memory).sum(),
    }
}

/// Machine bytes for each wasm byte.
fn ratio(wasm: u64, flash: u64) -> String {
    if wasm == 0 { String::new() } else { format!("{:.2}", flash as f64 / wasm as f64) }
}

/// For people: the functions, largest first, then what is in flash and in RAM.
pub fn table(report: &SizeReport) -> String {
    let mut text = format!("{}, {}\n", report.target, report.cpu);
    for module in &report.modules {
        text.push_str(&format!("\n{}\n", on_one_line(&module.module)));
        text.push_str(&function_table(module));
        text.push('\n');
        text.push_str(&section_table(module));
        if !module.undefined.is_empty() {
            let names: Vec<_> = module.undefined.iter().map(|name| on_one_line(name)).collect();
            text.push_str(&format!("not counted: {}\n", names.join(", ")));
        }
    }
    if report.modules.len() > 1 {
        let Sum { flash, ram, .. } = report.totals;
        let count = report.modules.len();
        text.push_str(&format!("\n{count} modules: {flash} bytes of flash, {ram} of RAM\n"));
    }
    text
}

fn function_table(module: &ModuleSize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["function", "", "wasm", "flash", "ratio", "frame", "stack"]);
    let mut functions: Vec<_> = module.functions.iter().collect();
    functions.sort_by_key(|f| core::cmp::Reverse(f.code_bytes));
    for function in functions {
        let FunctionSize { kind, wasm_bytes, code_bytes, frame_bytes, .. } = *function;
        let stack = match (function.stack_bytes, &function.unbounded) {
            (Some(bytes), _) => bytes.to_string(),
            (None, reason) => on_one_line(reason.as_deref().unwrap_or_default()),
        };
        table.add_row([
            on_one_line(&function.name),
            if kind == "function" { String::new() } else { kind.to_owned() },
            wasm_bytes.to_string(),
            code_bytes.to_string(),
            ratio(wasm_bytes.into(), code_bytes.into()),
            frame_bytes.to_string(),
            stack,
        ]);
    }
    render(table, |column| column < 2)
}

fn section_table(module: &ModuleSize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["section", "flash", "RAM"]);
    let mut add = |name: &str, flash: u64, ram: u64| {
        table.add_row([name.to_owned(), flash.to_string(), ram.to_string()]);
    };
    for (name, sum) in &module.sections {
        add(&on_one_line(name), sum.flash, sum.ram);
    }
    let Ram { instance, tables, memory } = module.ram;
    add("instance", 0, instance);
    add("tables", 0, tables);
    add("memory", 0, memory);
    let Sum { wasm, flash, ram } = module.totals;
    add("total", flash, ram);
    let mut text = render(table, |column| column == 0);
    if wasm > 0 {
        let ratio = ratio(wasm, flash);
        text.push_str(&format!("{flash} bytes of flash for {wasm} bytes of wasm code: {ratio}\n"));
    }
    text
}

/// A record for each function, each section and each part of RAM, behind a header.
pub fn csv(report: &SizeReport) -> String {
    const HEADER: [&str; 11] = [
        "schema",
        "target",
        "cpu",
        "module",
        "kind",
        "name",
        "wasm_bytes",
        "flash_bytes",
        "ram_bytes",
        "frame_bytes",
        "stack_bytes",
    ];
    let mut text = csv::line(HEADER.iter().map(|&name| name.to_owned()));
    for module in &report.modules {
        let mut add = |kind: &str, name: &str, figures: [Option<u64>; 5]| {
            let lead = [&report.schema.to_string(), &report.target, &report.cpu, &module.module];
            let lead = lead.into_iter().cloned().chain([kind.to_owned(), name.to_owned()]);
            let figures = figures.iter().map(|n| n.map_or_else(String::new, |n| n.to_string()));
            text.push_str(&csv::line(lead.chain(figures)));
        };
        for f in &module.functions {
            let [wasm, code, frame] = [f.wasm_bytes, f.code_bytes, f.frame_bytes].map(u64::from);
            let stack = f.stack_bytes.map(u64::from);
            add(f.kind, &f.name, [Some(wasm), Some(code), Some(0), Some(frame), stack]);
        }
        for (name, sum) in &module.sections {
            add("section", name, [None, Some(sum.flash), Some(sum.ram), None, None]);
        }
        let Ram { instance, tables, memory } = module.ram;
        for (name, bytes) in [("instance", instance), ("tables", tables), ("memory", memory)] {
            add("ram", name, [None, Some(0), Some(bytes), None, None]);
        }
    }
    text
}
