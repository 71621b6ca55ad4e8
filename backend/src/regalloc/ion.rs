//! regalloc2's backtracking allocator: bundles of live ranges, queued by size, evict each other by
//! spill weight and are split where they cannot stay whole.

use core::cell::Cell;
use regalloc2::{Algorithm, Ctx, Function, MachineEnv, RegallocOptions};

use super::reuse::FixedReuses;
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
        match guard(self.name(), || run(problem, env)) {
            Err(AllocError::TooManyLiveRegs) => match FixedReuses::new(problem, env) {
                Some(fixed) => guard(self.name(), || run(&fixed, env)),
                None => Err(AllocError::TooManyLiveRegs),
            },
            answer => answer,
        }
    }
}

fn run<F: Function>(function: &F, env: &MachineEnv) -> Result<AllocResult, AllocError> {
    let options = RegallocOptions { algorithm: Algorithm::Ion, ..Default::default() };
    let mut ctx = CTX.take().unwrap_or_default();
    regalloc2::run_with_ctx(function, env, &options, &mut ctx)?;
    let result = core::mem::take(&mut ctx.output).into();
    CTX.set(Some(ctx));
    Ok(result)
}
