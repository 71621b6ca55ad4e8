//! Bounded time: the interrupt flag and fuel.
//!
//! Both stop code that does not end, and stand where all such code comes by: at function entries
//! and loop headers. What lies between two of these places runs once and ends.
//!
//! *The interrupt flag* is looked at in every loop header, and at the entry of functions that make
//! calls: a function that calls nothing ends by itself, or in a loop of its own, so that its caller's
//! checks bound how often it runs. The load follows a `sequence_point`, which no pass of the mid-end
//! carries a loaded value across.
//!
//! *Fuel* is paid in advance: at its entry a function pays for the operators outside of its loops, and
//! a loop at its header, each time round, for those of its body outside of inner loops. Control only
//! goes forward between these places, so that no operator runs unpaid. What cannot be paid for traps,
//! and what is left stays. The instance has the complement of the fuel that is left: a sum that
//! overflows is then the trap's condition, and costs no comparison.

use super::env;
use super::func::FuncTranslator;
use super::memory::Region;
use super::module::malformed;
use crate::Trap;
use crate::error::Result;
use crate::instance::offset;
use cranelift_codegen::ir::immediates::Imm64;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{Inst, InstBuilder, InstructionData, Opcode};
use wasmparser::{FunctionBody, Operator};

/// What the parts of a function cost that are being translated: the function and its open loops.
#[derive(Default)]
pub struct Meter(Vec<Charge>);

struct Charge {
    /// The `iconst` that gets the sum.
    constant: Inst,
    units: u32,
}

impl Meter {
    /// Adds what an operator costs to the innermost part.
    pub fn count(&mut self, operator: &Operator<'_>) {
        // A loop pays for itself at its header.
        let is_free = matches!(
            operator,
            Operator::Nop
                | Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::Else
                | Operator::End
        );
        if let Some(charge) = self.0.last_mut().filter(|_| !is_free) {
            charge.units = charge.units.saturating_add(1);
        }
    }
}

/// Whether a body calls functions of the module or of the host.
fn makes_calls(body: &FunctionBody<'_>) -> Result<bool> {
    for operator in body.get_operators_reader().map_err(malformed)? {
        if let Operator::Call { .. }
        | Operator::CallIndirect { .. }
        | Operator::ReturnCall { .. }
        | Operator::ReturnCallIndirect { .. } = operator.map_err(malformed)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

impl FuncTranslator<'_, '_, '_> {
    /// At the entry of the function with this body.
    pub fn enter_function(&mut self, body: &FunctionBody<'_>) -> Result<()> {
        if self.env.interruptible && makes_calls(body)? {
            self.check_interrupt();
        }
        self.enter_metered();
        Ok(())
    }

    /// In a loop's header.
    pub fn enter_loop(&mut self) {
        self.check_interrupt();
        self.enter_metered();
    }

    fn check_interrupt(&mut self) {
        if !self.env.interruptible {
            return;
        }
        self.builder.ins().sequence_point();
        let flag = self.load_context(offset::INTERRUPT);
        self.builder.ins().trapnz(flag, Trap::Interrupted.to_clif());
    }

    /// Pays for what begins here, which costs 1 at least.
    fn enter_metered(&mut self) {
        if self.env.fuel.is_none() {
            return;
        }
        let (region, at) = (Region::Fuel, offset::FUEL);
        let used = env::load_field(&mut self.builder, region, I32, self.vmctx, at);
        let (constant, dfg) = self.builder.ins().UnaryImm(Opcode::Iconst, I32, Imm64::new(0));
        let price = dfg.first_result(constant);
        let used = self.builder.ins().uadd_overflow_trap(used, price, Trap::OutOfFuel.to_clif());
        env::store_field(&mut self.builder, region, used, self.vmctx, at);
        self.meter.0.push(Charge { constant, units: 1 });
    }

    /// At the end of the innermost loop, or of the function: its price is known.
    pub fn leave_metered(&mut self) {
        let Some(Charge { constant, units }) = self.meter.0.pop() else { return };
        if let InstructionData::UnaryImm { imm, .. } = &mut self.builder.func.dfg.insts[constant] {
            *imm = Imm64::new(i64::from(units));
        }
    }
}
