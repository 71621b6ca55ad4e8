//! regalloc2's backtracking allocator: bundles of live ranges, queued by size, evict each other by
//! spill weight and are split where they cannot stay whole.

use core::cell::Cell;
use regalloc2::{Algorithm, Ctx, MachineEnv, RegallocOptions};

use super::{AllocError, AllocProblem, AllocResult, Allocator, guard};

thread_local! {
    /// Arenas, kept from function to function; taken while in use, so that a panic drops them.
    static CTX: Cell<Option<Box<Ctx>>> = const { Cell::new(None) };
}

pub struct Ion;

impl Allocator for Ion {
    fn name(&self) -> &'static str {
        "ion"
    }

    fn allocate<P: AllocProblem>(
        &self,
        problem: &P,
        env: &MachineEnv,
    ) -> Result<AllocResult, AllocError> {
        let options = RegallocOptions { algorithm: Algorithm::Ion, ..Default::default() };
        guard(self.name(), || {
            let mut ctx = CTX.take().unwrap_or_default();
            regalloc2::run_with_ctx(problem, env, &options, &mut ctx)?;
            let result = core::mem::take(&mut ctx.output).into();
            CTX.set(Some(ctx));
            Ok(result)
        })
    }
}
