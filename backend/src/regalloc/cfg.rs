//! Dominators and loops.
//!
//! Input: blocks in reverse postorder. Dominators after Cooper, Harvey and Kennedy ("A Simple, Fast
//! Dominance Algorithm", 2001). A loop is what reaches an edge to an earlier block without passing
//! that block, its header; loops nest by their headers. A second way into a loop (irreducible
//! control flow) leaves some blocks out of it, which only costs quality.

use core::ops::Range;
use regalloc2::Block;

use super::AllocProblem;

const NONE: u32 = u32::MAX;

pub(super) struct Cfg {
    idom: Vec<u32>,
    is_header: Vec<bool>,
    /// The header of the innermost loop around each block; around the loop, for a header.
    parent: Vec<u32>,
    /// Blocks in an order in which each loop is a row that begins with its header: the place of each
    /// block, and behind the loop's last, for a header.
    numbers: Vec<Range<u32>>,
}

impl Cfg {
    pub fn new<P: AllocProblem>(problem: &P) -> Cfg {
        let mut cfg = Cfg {
            idom: vec![NONE; problem.num_blocks()],
            is_header: vec![false; problem.num_blocks()],
            parent: vec![NONE; problem.num_blocks()],
            numbers: vec![],
        };
        cfg.find_dominators(problem);
        cfg.find_loops(problem);
        cfg.number();
        cfg
    }

    fn find_dominators<P: AllocProblem>(&mut self, problem: &P) {
        let entry = problem.entry_block().index();
        self.idom[entry] = entry as u32;
        let mut changed = true;
        while changed {
            changed = false;
            for block in (0..self.idom.len()).filter(|&block| block != entry) {
                let mut dom = NONE;
                for pred in problem.block_preds(Block::new(block)) {
                    let pred = pred.index() as u32;
                    if self.idom[pred as usize] != NONE {
                        dom = if dom == NONE { pred } else { self.meet(dom, pred) };
                    }
                }
                changed |= self.idom[block] != dom;
                self.idom[block] = dom;
            }
        }
    }

    /// The last block that dominates both.
    fn meet(&self, mut a: u32, mut b: u32) -> u32 {
        while a != b {
            let later = if a > b { &mut a } else { &mut b };
            *later = self.idom[*later as usize];
        }
        a
    }

    fn find_loops<P: AllocProblem>(&mut self, problem: &P) {
        let count = self.idom.len();
        // The outermost loop found so far around each block, with shortcuts.
        let mut outer: Vec<u32> = (0..count as u32).collect();
        let mut stack = vec![];
        for header in (0..count).rev() {
            let preds = problem.block_preds(Block::new(header)).iter().map(|p| p.index());
            stack.extend(preds.filter(|&pred| pred >= header));
            self.is_header[header] = !stack.is_empty();
            while let Some(block) = stack.pop() {
                let root = find(&mut outer, block as u32) as usize;
                if root == header {
                    continue;
                }
                outer[root] = header as u32;
                self.parent[root] = header as u32;
                let preds = problem.block_preds(Block::new(root)).iter().map(|p| p.index());
                stack.extend(preds.filter(|&pred| pred >= header));
            }
        }
    }

    fn number(&mut self) {
        let count = self.parent.len();
        // Headers stand in front of what is in their loops.
        let mut sizes = vec![1; count];
        for block in (0..count).rev().filter(|&block| self.parent[block] != NONE) {
            sizes[self.parent[block] as usize] += sizes[block];
        }
        let mut outermost = 0;
        let mut next = vec![0; count];
        for block in 0..count {
            let start = match self.parent[block] {
                NONE => &mut outermost,
                header => &mut next[header as usize],
            };
            let numbers = *start..*start + sizes[block];
            *start = numbers.end;
            next[block] = numbers.start + 1;
            self.numbers.push(numbers);
        }
    }

    /// The numbers of the blocks in a header's loop, itself first; a block's that is no header is one.
    /// Numbers are from 0 on, those of each loop in a row.
    pub fn numbers(&self, block: usize) -> Range<u32> {
        self.numbers[block].clone()
    }

    /// The immediate dominator; none for the entry.
    pub fn idom(&self, block: usize) -> Option<usize> {
        let idom = self.idom[block];
        (idom != NONE && idom as usize != block).then_some(idom as usize)
    }

    pub fn is_header(&self, block: usize) -> bool {
        self.is_header[block]
    }

    /// Headers of the loops around a block, itself among them, innermost first.
    pub fn loops(&self, block: usize) -> impl Iterator<Item = usize> {
        let first = if self.is_header[block] { block as u32 } else { self.parent[block] };
        let some = |header: u32| (header != NONE).then_some(header);
        core::iter::successors(some(first), move |&header| some(self.parent[header as usize]))
            .map(|header| header as usize)
    }

    /// How many loops an edge leaves.
    pub fn exits(&self, from: usize, to: usize) -> u32 {
        let to = self.numbers[to].start;
        self.loops(from).take_while(|&header| !self.numbers[header].contains(&to)).count() as u32
    }
}

/// The representative of `i` in a union-find forest; halves paths on the way.
pub(super) fn find(parents: &mut [u32], mut i: u32) -> u32 {
    while parents[i as usize] != i {
        parents[i as usize] = parents[parents[i as usize] as usize];
        i = parents[i as usize];
    }
    i
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regalloc::testing::Builder;

    #[test]
    fn loops_nest_and_edges_leave_them() {
        let mut b = Builder::default();
        let [entry, outer, inner, latch, exit] = core::array::from_fn(|_| b.block(0));
        b.jump(entry, outer, &[]);
        b.jump(outer, inner, &[]);
        b.branch(inner, &[], &[(inner, &[]), (latch, &[])]);
        b.branch(latch, &[], &[(outer, &[]), (exit, &[])]);
        b.ret(exit, &[]);
        let cfg = Cfg::new(&b.finish());
        assert_eq!(cfg.loops(2).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(cfg.loops(3).collect::<Vec<_>>(), [1]);
        assert_eq!(cfg.loops(4).count(), 0);
        assert_eq!((cfg.exits(2, 3), cfg.exits(3, 4), cfg.exits(2, 2)), (1, 1, 0));
        assert_eq!([1, 2, 3].map(|block| cfg.numbers(block)), [1..4, 2..3, 3..4]);
        assert_eq!((cfg.idom(0), cfg.idom(3)), (None, Some(2)));
    }
}
