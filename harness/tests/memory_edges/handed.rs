//! Memory that `instantiate` refuses.

use crate::common::Config;
use crate::configs;
use windlass::emulator::Emulator;
use windlass::machine::JUNK;
use windlass::store::{Linker, Store, StoreError};
use windlass::{Artifact, Bounds};
use windlass_backend::instance::status::{MEMORY_MISALIGNED, MEMORY_TOO_SMALL};

/// Two memories with segments, and a start function: all that could write.
const MODULE: &str = r#"(module
    (memory 256 256 (pagesize 1))
    (memory 64 64 (pagesize 1))
    (data (memory 0) (i32.const 0) "first")
    (data (memory 1) (i32.const 0) "second")
    (func $start (i32.store8 0 (i32.const 9) (i32.const 9)))
    (start $start))"#;

const BLOCK: u32 = 0x3000_0000;
const BLOCK_BYTES: u32 = 1024;
/// Where the second memory is handed over.
const SECOND: u32 = BLOCK + 512;

/// The status, and all bytes that a memory could be in.
fn instantiate(config: &Config, artifact: &Artifact, memories: [(u32, u32); 2]) -> (i32, Vec<u8>) {
    let mut store = Store::new(config.board());
    let machine = store.machine_mut();
    machine.map_block_at(BLOCK, BLOCK_BYTES, [64, 64]).expect("room");
    machine.emulator.fill(BLOCK, BLOCK_BYTES, JUNK).expect("RAM");
    let Artifact { module, object, .. } = artifact;
    let status = match store.instantiate_in(module, object, &Linker::default(), &memories) {
        Ok(instance) => instance.map(|_| 0).expect("no trap"),
        Err(StoreError::Instantiate { status }) => status,
        Err(error) => panic!("{config}: {error}"),
    };
    let mut bytes = vec![0; BLOCK_BYTES as usize];
    store.machine().emulator.read(BLOCK, &mut bytes).expect("RAM");
    (status, bytes)
}

#[test]
fn memory_that_does_not_fit_is_refused_untouched() {
    let wasm = wat::parse_str(MODULE).expect("valid wat");
    for config in configs() {
        for bounds in [Bounds::Explicit, Bounds::Mask, Bounds::None] {
            let guard = if bounds == Bounds::Mask { 8 } else { 0 };
            let artifact = config.compiler().bounds(bounds).name("m").compile_wasm(&wasm).unwrap();
            let handed = [(BLOCK, 256 + guard), (SECOND, 64 + guard)];
            let (status, bytes) = instantiate(&config, &artifact, handed);
            assert_eq!(status, 0, "{config} {bounds:?}");
            assert_eq!((&bytes[..5], bytes[9]), (&b"first"[..], 9), "{config} {bounds:?}");
            assert_eq!(bytes[512..518], *b"second", "{config} {bounds:?}");

            let mut refused = Vec::new();
            for (memory, (_, bytes)) in handed.into_iter().enumerate() {
                refused.extend((1..8).map(|by| (memory, by, 0, MEMORY_MISALIGNED)));
                refused.extend([1, bytes].map(|less| (memory, 0, less, MEMORY_TOO_SMALL)));
            }
            for (memory, by, less, expected) in refused {
                let mut handed = handed;
                handed[memory].0 += by;
                handed[memory].1 -= less;
                let (status, bytes) = instantiate(&config, &artifact, handed);
                let what = format!("{config} {bounds:?}: {handed:x?}");
                assert_eq!(status, expected, "{what}");
                assert!(bytes.iter().all(|&byte| byte == JUNK), "{what}: something is written");
            }
        }
    }
}
