//! What `--interruptible` and `--fuel` cost: executed instructions and bytes of each corpus program,
//! beside those without. Everything is counted, nothing timed.

#[path = "../tests/common/corpus.rs"]
mod corpus;

use comfy_table::{CellAlignment, Table, presets};
use windlass::instance::Instance;
use windlass::machine::Board;
use windlass::{Compiler, RuntimeLibrary};
use windlass_backend::module::FunctionRole;

/// What the host hands over: as far as the memory of any program may grow.
const MEMORY_BYTES: u32 = 3 << 16;

/// Instructions that `run` executes, and bytes of the functions that came from wasm.
fn measure(compiler: Compiler, wasm: &[u8]) -> [u64; 2] {
    let compiler = compiler.runtime(RuntimeLibrary::Builtin);
    let artifact = compiler.compile_wasm(wasm).expect("an object");
    let board = Board::for_settings(&artifact.settings).expect("an emulated processor");
    let (module, object) = (&artifact.module, &artifact.object);
    let instance = Instance::new(module, object, board, Some(MEMORY_BYTES), |_, _| {});
    let (_, cost) = instance.unwrap().expect("no trap").invoke("run", &[]).expect("a result");
    let functions = module.functions.iter().zip(&artifact.compiled.functions);
    let own = functions.filter(|(f, _)| matches!(f.role, FunctionRole::User { .. }));
    [cost.instructions, own.map(|(_, code)| u64::from(code.stats.code_bytes)).sum()]
}

fn percent(more: u64, base: u64) -> String {
    format!("{:+.1} %", (more as f64 / base as f64 - 1.0) * 100.0)
}

fn main() {
    // `cargo test --benches` only asks whether it starts.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "plain", "", "interruptible", "", "fuel", ""]);
    let unit = ["insts", "bytes"];
    table.add_row(["program"].into_iter().chain([unit, unit, unit].concat()));
    let mut sums = [[0; 2]; 3];
    let mut add = |name: &str, figures: [[u64; 2]; 3]| {
        let [plain, checked @ ..] = figures;
        let more = checked.iter().flat_map(|f| [percent(f[0], plain[0]), percent(f[1], plain[1])]);
        let plain = plain.iter().map(u64::to_string);
        table.add_row([name.to_owned()].into_iter().chain(plain).chain(more));
    };
    for (name, wasm) in corpus::corpus() {
        let figures = [
            measure(Compiler::new(), &wasm),
            measure(Compiler::new().interruptible(true), &wasm),
            measure(Compiler::new().fuel(u32::MAX), &wasm),
        ];
        for (sum, figures) in sums.iter_mut().flatten().zip(figures.iter().flatten()) {
            *sum += figures;
        }
        add(&name, figures);
    }
    add("all", sums);
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if i == 0 { 0 } else { 2 }, 0));
        if i > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().for_each(|line| println!("{}", line.trim_end()));
}
