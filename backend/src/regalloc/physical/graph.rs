//! The stream's flow graph in the form that allocation problems have: an entry block without
//! predecessors and instructions, blocks in reverse postorder, critical edges split, what cannot be
//! reached left out.

use regalloc2::Block;

use super::{Stream, StreamInst};

pub(super) struct Graph<'a> {
    pub blocks: Vec<GraphBlock<'a>>,
}

pub(super) struct GraphBlock<'a> {
    pub insts: &'a [StreamInst],
    pub succs: Vec<Block>,
    /// In the order of their numbers; one that branches here twice would be there twice, but such
    /// edges are split.
    pub preds: Vec<Block>,
}

impl<'a> Graph<'a> {
    pub fn new(stream: &'a Stream) -> Graph<'a> {
        let succs = split(stream);
        let order = reverse_postorder(&succs);
        let mut number = vec![None; succs.len()];
        for (i, &node) in order.iter().enumerate() {
            number[node] = Some(Block::new(i));
        }
        let mut blocks: Vec<GraphBlock> = order
            .iter()
            .map(|&node| GraphBlock {
                insts: match node {
                    0 => &[],
                    _ => stream.blocks.get(node - 1).map_or(&[], |block| &block.insts),
                },
                succs: succs[node].iter().filter_map(|&succ| number[succ]).collect(),
                preds: vec![],
            })
            .collect();
        for i in 0..blocks.len() {
            for succ in blocks[i].succs.clone() {
                blocks[succ.index()].preds.push(Block::new(i));
            }
        }
        Graph { blocks }
    }

    pub fn insts(&self) -> impl Iterator<Item = &'a StreamInst> {
        self.blocks.iter().flat_map(|block| block.insts)
    }
}

/// Successors of the entry (0), the stream's blocks (from 1), and blocks on critical edges.
fn split(stream: &Stream) -> Vec<Vec<usize>> {
    let count = stream.blocks.len();
    let mut succs = vec![(0..count.min(1)).map(|_| 1).collect::<Vec<_>>()];
    let targets = |succs: &[u32]| {
        let known = succs.iter().map(|&succ| succ as usize + 1).filter(|&succ| succ <= count);
        known.collect::<Vec<_>>()
    };
    succs.extend(stream.blocks.iter().map(|block| targets(&block.succs)));
    let mut entries = vec![0; count + 1];
    succs.iter().flatten().for_each(|&succ| entries[succ] += 1);
    for node in 0..succs.len() {
        if succs[node].len() < 2 {
            continue;
        }
        for i in 0..succs[node].len() {
            let succ = succs[node][i];
            if entries[succ] > 1 {
                succs[node][i] = succs.len();
                succs.push(vec![succ]);
            }
        }
    }
    succs
}

fn reverse_postorder(succs: &[Vec<usize>]) -> Vec<usize> {
    let mut seen = vec![false; succs.len()];
    let mut order = vec![];
    let mut stack = vec![(0, 0)];
    seen[0] = true;
    while let Some((node, next)) = stack.last_mut() {
        match succs[*node].get(*next) {
            Some(&succ) => {
                *next += 1;
                if !seen[succ] {
                    seen[succ] = true;
                    stack.push((succ, 0));
                }
            }
            None => {
                order.push(*node);
                stack.pop();
            }
        }
    }
    order.reverse();
    order
}
