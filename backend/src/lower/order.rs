//! The order of blocks: reverse post-order, critical edges split.
//!
//! Depth-first search takes the successors that leave the most loops first, so that they come
//! last in the order and loop bodies stay together. An edge block stands right behind its
//! predecessor.

use cranelift_codegen::dominator_tree::DominatorTree;
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::{Block, BlockCall, Function, Inst, InstructionData};
use cranelift_codegen::loop_analysis::LoopAnalysis;
use smallvec::SmallVec;

/// A block of the VCode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoweredBlock {
    Orig(Block),
    /// On edge `edge` (see [`edges`]) from `pred`.
    Edge {
        pred: Block,
        edge: u32,
    },
}

pub struct BlockOrder {
    pub blocks: Vec<LoweredBlock>,
    /// Position in `blocks` of each reachable CLIF block.
    pub position: SecondaryMap<Block, Option<u32>>,
    /// Of each CLIF block: position in `blocks` of where each distinct edge leads.
    pub targets: SecondaryMap<Block, SmallVec<[u32; 2]>>,
    pub loops: LoopAnalysis,
}

/// The distinct block calls of a terminator, in order of first appearance. A jump table names many
/// targets and few distinct ones.
pub fn edges(func: &Function, terminator: Inst) -> SmallVec<[BlockCall; 2]> {
    let data = &func.dfg.insts[terminator];
    let tables = &func.dfg.jump_tables;
    let all = data.branch_destination(tables, &func.dfg.exception_tables);
    match data {
        InstructionData::BranchTable { .. } => {
            let mut seen = std::collections::HashSet::new();
            let pool = &func.dfg.value_lists;
            all.iter()
                .filter(|call| seen.insert((call.block(pool), call.args(pool).collect::<Vec<_>>())))
                .copied()
                .collect()
        }
        _ => all.iter().copied().collect(),
    }
}

impl BlockOrder {
    pub fn new(func: &Function, cfg: &ControlFlowGraph, domtree: &DominatorTree) -> BlockOrder {
        let mut loops = LoopAnalysis::new();
        loops.compute(func, cfg, domtree);
        let rpo = reverse_post_order(func, &loops);

        // Edges into each block, counting parallel ones.
        let mut in_edges: SecondaryMap<Block, u32> = SecondaryMap::new();
        let mut out_edges: Vec<SmallVec<[Block; 2]>> = Vec::with_capacity(rpo.len());
        for &block in &rpo {
            let succs = successors(func, block);
            for &succ in &succs {
                in_edges[succ] += 1;
            }
            out_edges.push(succs);
        }

        let mut blocks = Vec::with_capacity(rpo.len());
        let mut position = SecondaryMap::new();
        let mut splits: SecondaryMap<Block, SmallVec<[Option<u32>; 2]>> = SecondaryMap::new();
        for (&block, succs) in rpo.iter().zip(&out_edges) {
            position[block] = Some(blocks.len() as u32);
            blocks.push(LoweredBlock::Orig(block));
            for (edge, &succ) in succs.iter().enumerate() {
                let critical = succs.len() > 1 && in_edges[succ] > 1;
                splits[block].push(critical.then_some(blocks.len() as u32));
                if critical {
                    blocks.push(LoweredBlock::Edge { pred: block, edge: edge as u32 });
                }
            }
        }
        let mut targets: SecondaryMap<Block, SmallVec<[u32; 2]>> = SecondaryMap::new();
        for (&block, succs) in rpo.iter().zip(&out_edges) {
            targets[block] = succs
                .iter()
                .zip(&splits[block])
                .map(|(&succ, split)| split.unwrap_or_else(|| position[succ].expect("reachable")))
                .collect();
        }
        BlockOrder { blocks, position, targets, loops }
    }

    pub fn loop_depth(&self, block: LoweredBlock, func: &Function) -> u32 {
        let level = |b| self.loops.loop_level(b).level() as u32;
        match block {
            LoweredBlock::Orig(b) => level(b),
            // An edge runs as often as the less frequent of its ends.
            LoweredBlock::Edge { pred, edge } => {
                level(pred).min(level(successors(func, pred)[edge as usize]))
            }
        }
    }
}

fn successors(func: &Function, block: Block) -> SmallVec<[Block; 2]> {
    let pool = &func.dfg.value_lists;
    match func.layout.last_inst(block) {
        Some(last) => edges(func, last).iter().map(|call| call.block(pool)).collect(),
        None => SmallVec::new(),
    }
}

fn reverse_post_order(func: &Function, loops: &LoopAnalysis) -> Vec<Block> {
    let Some(entry) = func.layout.entry_block() else { return Vec::new() };
    let mut order = Vec::new();
    let mut seen: SecondaryMap<Block, bool> = SecondaryMap::new();
    seen[entry] = true;
    let mut stack = vec![(entry, visit_order(func, loops, entry))];
    while let Some((block, pending)) = stack.last_mut() {
        match pending.pop() {
            Some(next) if !seen[next] => {
                seen[next] = true;
                stack.push((next, visit_order(func, loops, next)));
            }
            Some(_) => {}
            None => {
                order.push(*block);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}

/// Successors in reverse order of visit: the shallowest loop is taken off the end first. The sort
/// is stable, so that of two equals the first stands right behind the block.
fn visit_order(func: &Function, loops: &LoopAnalysis, block: Block) -> SmallVec<[Block; 2]> {
    let mut succs = successors(func, block);
    succs.sort_by_key(|&succ| core::cmp::Reverse(loops.loop_level(succ).level()));
    succs
}
