//! The same input gives the same object, however often and on however many threads.

mod common;

use common::corpus;
use windlass::{AllocatorKind, Compiler};

#[test]
fn runs_and_thread_counts_do_not_show_in_objects() {
    for (name, wasm) in corpus() {
        for allocator in AllocatorKind::ALL {
            let compile = |threads| {
                let compiler = Compiler::new().name(&name).regalloc(allocator).threads(threads);
                let artifact = compiler.compile_wasm(&wasm).unwrap();
                (artifact.object, artifact.header)
            };
            let one = compile(1);
            for threads in [1, 2, 0] {
                assert!(one == compile(threads), "{name} {}: {threads} threads", allocator.name());
            }
        }
    }
}
