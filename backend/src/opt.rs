//! The mid-end: cranelift's target-independent passes, run without a target.
//!
//! Input: CLIF of a front end or of a .clif file. Output: a `Context` with the function, every
//! value alias resolved, and its control-flow graph and dominator tree up to date.

use crate::error::{Error, Place, Result};
use crate::options::OptLevel;
use cranelift_codegen::Context;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{self, Type, types};
use cranelift_codegen::settings::{self, Configurable, Flags};

/// Types that a value may have.
const TYPES: [Type; 6] = [types::I8, types::I16, types::I32, types::I64, types::F32, types::F64];

/// The type of an address.
const POINTER: Type = types::I32;

/// Optimises `func`. With `OptLevel::None` only what later passes rely on is done: unreachable
/// blocks and block parameters that are always the same value go. With `check`, and in builds with
/// debug assertions, cranelift's verifier runs before and after each pass.
///
/// # Errors
/// `Invalid` if the verifier rejects the input, `Unsupported` for types and addresses outside of a
/// 32-bit machine's.
pub fn optimize(func: ir::Function, level: OptLevel, check: bool) -> Result<Context> {
    let flags = flags(level, check || cfg!(debug_assertions))?;
    if flags.enable_verifier() {
        verify(&func)?;
    }
    check_types(&func)?;
    let mut context = Context::for_function(func);
    context.compute_cfg();
    context.compute_domtree();
    run(&mut context, &flags, level)
        .map_err(|error| Error::internal(format!("the mid-end failed: {error}")))?;
    Ok(context)
}

/// Checks that a function is well-formed CLIF, which a .clif file need not be.
pub fn verify(func: &ir::Function) -> Result<()> {
    let flags = flags(OptLevel::None, true)?;
    cranelift_codegen::verify_function(func, &flags).map_err(|errors| {
        // One line for each finding, each with its entity.
        let message = errors.to_string();
        Error::Invalid { place: Place::default(), message: message.trim_end().replace('\n', "; ") }
    })
}

fn run(
    context: &mut Context,
    flags: &Flags,
    level: OptLevel,
) -> cranelift_codegen::CodegenResult<()> {
    context.eliminate_unreachable_code(flags)?;
    context.remove_constant_phis(flags)?;
    context.func.dfg.resolve_all_aliases();
    if level != OptLevel::None {
        context.egraph_pass(flags, &mut ControlPlane::default())?;
    }
    Ok(())
}

fn flags(level: OptLevel, verifier: bool) -> Result<Flags> {
    let level = match level {
        OptLevel::None => "none",
        OptLevel::Speed => "speed",
        OptLevel::Size => "speed_and_size",
    };
    let verifier = if verifier { "true" } else { "false" };
    let mut builder = settings::builder();
    for (name, value) in [("opt_level", level), ("enable_verifier", verifier)] {
        builder
            .set(name, value)
            .map_err(|error| Error::internal(format!("cranelift's setting {name}: {error}")))?;
    }
    Ok(Flags::new(builder))
}

/// Checks what cranelift's verifier leaves to a target: the width of addresses, and the types.
fn check_types(func: &ir::Function) -> Result<()> {
    let signature = &func.signature;
    for param in signature.params.iter().chain(&signature.returns) {
        check_type(param.value_type)?;
    }
    for block in func.layout.blocks() {
        for &param in func.dfg.block_params(block) {
            check_type(func.dfg.value_type(param))?;
        }
        for inst in func.layout.block_insts(block) {
            for &result in func.dfg.inst_results(inst) {
                check_type(func.dfg.value_type(result))?;
            }
            check_address(func, inst)?;
        }
    }
    Ok(())
}

fn check_type(ty: Type) -> Result<()> {
    if TYPES.contains(&ty) {
        return Ok(());
    }
    Err(Error::unsupported(format!("a value of type {ty}")))
}

fn check_address(func: &ir::Function, inst: ir::Inst) -> Result<()> {
    let dfg = &func.dfg;
    let data = &dfg.insts[inst];
    let opcode = data.opcode();
    let address = match (opcode, dfg.inst_args(inst)) {
        (ir::Opcode::StackAddr | ir::Opcode::SymbolValue | ir::Opcode::FuncAddr, _) => {
            dfg.inst_results(inst).first()
        }
        (ir::Opcode::CallIndirect | ir::Opcode::ReturnCallIndirect, [callee, ..]) => Some(callee),
        (_, [address]) if opcode.can_load() => Some(address),
        (_, [_, address]) if opcode.can_store() => Some(address),
        _ => None,
    };
    match address.map(|&address| dfg.value_type(address)) {
        Some(ty) if ty != POINTER => {
            Err(Error::unsupported(format!("an address of type {ty} in `{opcode}`")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(clif: &str) -> ir::Function {
        let mut functions = cranelift_reader::parse_functions(clif).unwrap();
        functions.remove(0)
    }

    fn refusal(clif: &str) -> String {
        optimize(parse(clif), OptLevel::Speed, true).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn optimisation_folds_and_none_only_cleans() {
        let clif = "function %f(i32) -> i32 {
            block0(v0: i32):
                v1 = iconst.i32 0
                v2 = iadd v0, v1
                jump block1(v2)
            block1(v3: i32):
                return v3
            block2:
                return v1
            }";
        let insts = |level| {
            let context = optimize(parse(clif), level, true).unwrap();
            let layout = &context.func.layout;
            layout.blocks().map(|block| layout.block_insts(block).count()).collect::<Vec<_>>()
        };
        assert_eq!(insts(OptLevel::None), [3, 1]);
        assert_eq!(insts(OptLevel::Speed), [1, 1]);
        assert_eq!(insts(OptLevel::Size), [1, 1]);
    }

    #[test]
    fn types_outside_of_the_target_are_named() {
        assert_eq!(
            refusal("function %f(i128) {\nblock0(v0: i128):\n return\n}"),
            "not supported: a value of type i128 ()"
        );
        assert_eq!(
            refusal("function %f(i32x4) {\nblock0(v0: i32x4):\n return\n}"),
            "not supported: a value of type i32x4 ()"
        );
    }

    #[test]
    fn addresses_are_words() {
        for (inst, opcode) in [("v2 = load.i32 v1", "load"), ("istore8 v0, v1", "istore8")] {
            let clif = format!(
                "function %f(i32, i64) {{\nblock0(v0: i32, v1: i64):\n {inst}\n return\n}}"
            );
            let func = parse(&clif);
            let block = func.layout.entry_block().unwrap();
            let inst = func.layout.first_inst(block).unwrap();
            assert_eq!(
                check_address(&func, inst).unwrap_err().to_string(),
                format!("not supported: an address of type i64 in `{opcode}` ()")
            );
        }
    }

    #[test]
    fn malformed_clif_is_invalid() {
        let error = refusal("function %f(i32) -> i8 {\nblock0(v0: i32):\n return v0\n}");
        assert!(error.starts_with("invalid module: "), "{error}");
        assert!(verify(&parse("function %f(i32) {\nblock0(v0: i32):\n return v0\n}")).is_err());
    }
}
