//! Modules from bytes: wasm-smith's, with NaNs canonical and an end to every call.

use arbitrary::Unstructured;
use wasm_smith::{Config, Module};

/// Entries to functions and loops, all calls together, after which a module traps.
const FUEL: u32 = 3000;

/// The bytes that stand for `seed`.
pub fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        // SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let words = 64 + next() % 256;
    (0..words).flat_map(|_| next().to_le_bytes()).collect()
}

/// Whether the module may trap for anything else than being out of fuel.
pub fn may_trap(bytes: &[u8]) -> bool {
    bytes.first().is_none_or(|byte| byte % 4 == 0)
}

/// The module that the bytes stand for; None if they are none.
pub fn module(bytes: &[u8]) -> Option<Vec<u8>> {
    let config = Config {
        allow_start_export: true,
        bulk_memory_enabled: true,
        canonicalize_nans: true,
        custom_page_sizes_enabled: true,
        disallow_traps: !may_trap(bytes),
        export_everything: true,
        extended_const_enabled: true,
        max_data_segments: 4,
        max_element_segments: 4,
        max_funcs: 6,
        max_globals: 6,
        max_imports: 4,
        max_instructions: 100,
        max_memories: 2,
        max_memory32_bytes: 1 << 16,
        max_table_elements: 40,
        max_tables: 2,
        max_types: 10,
        memory_max_size_required: true,
        min_funcs: 3,
        multi_value_enabled: true,
        reference_types_enabled: true,
        saturating_float_to_int_enabled: true,
        sign_extension_ops_enabled: true,
        table_max_size_required: true,
        tail_call_enabled: true,
        exceptions_enabled: false,
        gc_enabled: false,
        compact_imports_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        simd_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    };
    let mut module = Module::new(config, &mut Unstructured::new(bytes)).ok()?;
    module.ensure_termination(FUEL).ok()?;
    Some(module.to_bytes())
}
