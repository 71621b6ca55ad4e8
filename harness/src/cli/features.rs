//! `--wasm-features`: proposals by the names under which they are known.

use core::str::FromStr;
use windlass_backend::options::{SUPPORTED_FEATURES, WasmFeatures};

/// What a list of features comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Features(pub WasmFeatures);

/// Proposals, each with what it is called in its repository and in other tools.
const PROPOSALS: [(WasmFeatures, &[&str]); 10] = [
    (WasmFeatures::MUTABLE_GLOBAL, &["mutable-global", "mutable-globals"]),
    (
        WasmFeatures::SATURATING_FLOAT_TO_INT,
        &[
            "nontrapping-float-to-int-conversions",
            "nontrapping-float-to-int",
            "nontrapping-fptoint",
            "saturating-float-to-int",
        ],
    ),
    (WasmFeatures::SIGN_EXTENSION, &["sign-extension-ops", "sign-extension", "sign-ext"]),
    (WasmFeatures::MULTI_VALUE, &["multi-value", "multivalue"]),
    (WasmFeatures::BULK_MEMORY, &["bulk-memory-operations", "bulk-memory"]),
    (WasmFeatures::REFERENCE_TYPES, &["reference-types"]),
    (WasmFeatures::TAIL_CALL, &["tail-call"]),
    (WasmFeatures::EXTENDED_CONST, &["extended-const"]),
    (WasmFeatures::MULTI_MEMORY, &["multi-memory", "multimemory"]),
    (WasmFeatures::CUSTOM_PAGE_SIZES, &["custom-page-sizes"]),
];

/// Sets of proposals: what was there before any, and versions of the specification.
const SETS: [(&str, WasmFeatures); 4] = [
    ("mvp", WasmFeatures::MVP),
    ("wasm1", WasmFeatures::WASM1),
    ("wasm2", WasmFeatures::WASM2),
    ("all", SUPPORTED_FEATURES),
];

impl FromStr for Features {
    type Err = String;

    fn from_str(list: &str) -> Result<Features, String> {
        let mut features = SUPPORTED_FEATURES;
        for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            if let Some((_, set)) = SETS.iter().find(|(name, _)| *name == word) {
                features = *set & SUPPORTED_FEATURES;
                continue;
            }
            let (on, name) = match word.strip_prefix('-') {
                Some(name) => (false, name),
                None => (true, word.strip_prefix('+').unwrap_or(word)),
            };
            let known = PROPOSALS.iter().find(|(_, names)| names.contains(&name));
            let (feature, _) = known.ok_or_else(|| unknown(name))?;
            features.set(*feature, on);
        }
        Ok(Features(features))
    }
}

fn unknown(name: &str) -> String {
    let sets = SETS.iter().map(|(name, _)| *name);
    let proposals = PROPOSALS.iter().filter_map(|(_, names)| names.first().copied());
    let there: Vec<_> = sets.chain(proposals).collect();
    format!("there is no feature {name:?}; there are: {}", there.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(list: &str) -> WasmFeatures {
        list.parse::<Features>().unwrap().0
    }

    #[test]
    fn sets_replace_and_names_add_and_remove() {
        assert_eq!(features("all"), SUPPORTED_FEATURES);
        assert_eq!(features(""), SUPPORTED_FEATURES);
        let removed = features("-tail-call");
        assert_eq!(removed | WasmFeatures::TAIL_CALL, SUPPORTED_FEATURES);
        assert!(!removed.tail_call());
        let mvp = features("-tail-call,mvp");
        assert!(mvp.floats() && !mvp.mutable_global());
        assert!(!mvp.sign_extension() && !mvp.multi_value() && !mvp.tail_call());
        assert!(features("mvp,+multi-value").multi_value());
        assert!(features("wasm1, tail-call").tail_call());
        assert!(features("wasm2").bulk_memory() && !features("wasm2").simd());
    }

    #[test]
    fn every_proposal_is_supported_and_every_supported_one_has_a_name() {
        let other = WasmFeatures::FLOATS | WasmFeatures::GC_TYPES;
        let named = PROPOSALS.iter().fold(other, |all, (feature, _)| all | *feature);
        assert_eq!(named, SUPPORTED_FEATURES);
    }

    #[test]
    fn others_are_errors_that_say_what_there_is() {
        let error = "simd".parse::<Features>().unwrap_err();
        assert!(error.contains("\"simd\"") && error.contains("multi-memory"), "{error}");
    }
}
