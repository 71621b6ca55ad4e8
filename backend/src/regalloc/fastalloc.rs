//! regalloc2's single-pass allocator: one walk over each block from its end, least recently used
//! register first; every value that crosses a block boundary passes through its slot.

use regalloc2::{Algorithm, MachineEnv, RegallocOptions};

use super::{AllocError, AllocProblem, AllocResult, Allocator, guard};

pub struct Fastalloc;

impl Allocator for Fastalloc {
    fn name(&self) -> &'static str {
        "fastalloc"
    }

    fn allocate<P: AllocProblem>(
        &self,
        problem: &P,
        env: &MachineEnv,
    ) -> Result<AllocResult, AllocError> {
        let options = RegallocOptions { algorithm: Algorithm::Fastalloc, ..Default::default() };
        guard(self.name(), || Ok(regalloc2::run(problem, env, &options)?.into()))
    }
}
