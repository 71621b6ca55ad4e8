//! Validation of the whole module, before anything else looks at it.
//!
//! What only a feature outside of ours makes valid is told apart from what is wrong: the first is
//! `Unsupported`, the second `Invalid`.

use super::{module, opname};
use crate::error::{Error, Place, Result};
use wasmparser::{
    FuncValidatorAllocations, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

/// Where a file says what version and kind it is.
const VERSION_OFFSET: u32 = 4;

/// Checks that `wasm` is a valid module with these features.
pub fn validate(wasm: &[u8], features: WasmFeatures) -> Result<()> {
    // A source location is a byte offset in 32 bits, with one value to spare.
    if wasm.len() >= u32::MAX as usize {
        return Err(Error::unsupported("a file of 4 GiB or more").at(u32::MAX));
    }
    if Parser::is_component(wasm) {
        return Err(Error::unsupported("the component model").at(VERSION_OFFSET));
    }
    let Err(failure) = validate_with(wasm, features) else {
        return Ok(());
    };
    let Failure { mut place, message, construct } = failure;
    place.func_name = place.func_index.map(|index| module::display_name(wasm, index));
    // wasmparser is built without the vector instructions, so it cannot validate them.
    if message.starts_with("unexpected SIMD opcode") {
        return Err(Error::Unsupported { place, construct: "simd".to_owned() });
    }
    match validate_with(wasm, WasmFeatures::all()) {
        Ok(()) => Err(Error::Unsupported { place, construct }),
        Err(_) => Err(Error::Invalid { place, message }),
    }
}

struct Failure {
    place: Place,
    message: String,
    /// The same, as the name of something that is not supported.
    construct: String,
}

impl Failure {
    fn new(error: wasmparser::Error, func_index: Option<u32>) -> Failure {
        let message = error.message().to_owned();
        let construct = match error.missing_wasm_feature() {
            Some(feature) => format!("{} ({message})", opname::feature_name(feature)),
            None => message.clone(),
        };
        let offset = u32::try_from(error.offset()).ok();
        Failure { place: Place { func_index, func_name: None, offset }, message, construct }
    }
}

fn validate_with(wasm: &[u8], features: WasmFeatures) -> Result<(), Failure> {
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut validator = Validator::new_with_features(features);
    let mut allocations = FuncValidatorAllocations::default();
    for payload in parser.parse_all(wasm) {
        let payload = payload.map_err(|e| Failure::new(e, None))?;
        let valid = validator.payload(&payload).map_err(|e| Failure::new(e, None))?;
        if let ValidPayload::Func(func, body) = valid {
            let index = func.index;
            let mut validator = func.into_validator(allocations);
            validator.validate(&body).map_err(|e| Failure::new(e, Some(index)))?;
            allocations = validator.into_allocations();
        }
        if let Payload::End(_) = payload {
            break;
        }
    }
    Ok(())
}
