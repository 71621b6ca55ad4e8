//! regalloc2's single-pass allocator: one walk over each block from its end, least recently used
//! register first; every value that crosses a block boundary passes through its slot.

use regalloc2::{Algorithm, MachineEnv, ProgPoint, RegallocOptions};

use super::{AllocError, AllocProblem, AllocResult, Allocator, Edit, blocks, guard};

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
        let output = guard(self.name(), || Ok(regalloc2::run(problem, env, &options)?))?;
        let mut result = AllocResult::from(output);
        drop_unreachable(problem, &mut result.edits);
        Ok(result)
    }
}

/// Drops edits behind terminators, which no path executes: fastalloc writes some where a branch
/// takes a register whose value it has forgotten.
fn drop_unreachable<P: AllocProblem>(problem: &P, edits: &mut Vec<(ProgPoint, Edit)>) {
    let mut ends = blocks(problem).map(|b| ProgPoint::after(problem.block_insns(b).last()));
    let mut end = ends.next();
    edits.retain(|&(point, _)| {
        while end.is_some_and(|end| end < point) {
            end = ends.next();
        }
        end != Some(point)
    });
}
