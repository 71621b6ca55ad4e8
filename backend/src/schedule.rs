//! Another order of a function's instructions, in which fewer values live at once.
//!
//! The mid-end places operations far ahead of their uses, and front ends where the source has them.
//! List scheduling orders each block anew, last instruction first: of all that may come last it takes
//! the one that leaves the fewest values live above it (bottom-up register reduction, in the manner of
//! Sethi and Ullman, "The Generation of Optimal Code for Arithmetic Expressions", 1970).
//!
//! Input and output: a function whose mid-end passes are over. Invariant: stores, calls, traps and
//! branches keep their order, and no load passes one of them. The order is a proposal: whether it
//! costs less is for the caller to see.

use cranelift_codegen::dominator_tree::DominatorTree;
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::{
    ArgumentPurpose, Block, Function, Inst, Opcode, Type, Value, ValueDef,
};
use cranelift_codegen::loop_analysis::LoopAnalysis;
use smallvec::SmallVec;
use std::collections::VecDeque;

use crate::lower::has_side_effects;

/// How many of the instructions that may come next are looked at: the work stays linear.
const CANDIDATES: usize = 64;

/// By how many registers an instruction of the reordered blocks must be relieved on average, unless no
/// block exceeds the registers any more: where it is less, allocation seldom gains from the order.
const MIN_RELIEF: f64 = 0.2;

/// Reorders those blocks of `func` that then exceed `registers` by less, taken over all their
/// instructions. `words` says how many registers a value of a type takes. Returns whether that
/// promises a cheaper allocation.
pub fn relieve_pressure(
    func: &mut Function,
    registers: usize,
    words: impl Fn(Type) -> usize,
) -> bool {
    let cfg = ControlFlowGraph::with_function(func);
    let domtree = DominatorTree::with_function(func, &cfg);
    let blocks = domtree.cfg_postorder();
    let weights = weights(func, words);
    let live_out = live_out(func, &cfg, blocks, &weights);
    let (mut live, mut positions) = (Live::default(), SecondaryMap::new());
    let mut loops = LoopAnalysis::new();
    loops.compute(func, &cfg, &domtree);
    // Both weighted with frequency.
    let (mut relief, mut reordered) = (0.0, 0.0);
    let mut all_fit = true;
    for &block in blocks {
        let insts: Vec<Inst> = func.layout.block_insts(block).rev().collect();
        let code = Code { func, weights: &weights };
        let behind = &live_out[block];
        let excess = code.excess(&insts, behind, &mut live, registers);
        if excess == 0 {
            continue;
        }
        let order = Order::new(code, &insts, &mut positions).run(behind, &mut live);
        let left = code.excess(&order, behind, &mut live, registers);
        all_fit &= left == 0;
        if left < excess {
            let frequency = 10f64.powi(loops.loop_level(block).level() as i32);
            relief += frequency * (excess - left) as f64;
            reordered += frequency * insts.len() as f64;
            insts.iter().for_each(|&inst| func.layout.remove_inst(inst));
            order.iter().rev().for_each(|&inst| func.layout.append_inst(inst, block));
        }
    }
    reordered > 0.0 && (all_fit || relief >= MIN_RELIEF * reordered)
}

/// Registers that each value takes.
type Weights = SecondaryMap<Value, usize>;

/// What an instruction keeps its order with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Nothing.
    Pure,
    /// Those that are `Ordered`.
    Load,
    /// Loads and those that are `Ordered`.
    Ordered,
}

fn effect(func: &Function, inst: Inst) -> Effect {
    if has_side_effects(func, inst) {
        Effect::Ordered
    } else if func.dfg.insts[inst].opcode().can_load() {
        Effect::Load
    } else {
        Effect::Pure
    }
}

/// None for constants, which are made where they are used, and for the instance.
fn weights(func: &Function, words: impl Fn(Type) -> usize) -> Weights {
    let mut weights = Weights::new();
    let instance = func.special_param(ArgumentPurpose::VMContext);
    for value in func.dfg.values() {
        let is_constant = func.dfg.value_def(value).inst().is_some_and(|inst| {
            let opcode = func.dfg.insts[inst].opcode();
            matches!(opcode, Opcode::Iconst | Opcode::F32const | Opcode::F64const)
        });
        if !is_constant && Some(value) != instance {
            weights[value] = words(func.dfg.value_type(value));
        }
    }
    weights
}

/// The values that live behind each block.
type LiveOut = SecondaryMap<Block, Vec<Value>>;

/// Each use of a value is followed up to the definition, one value at a time.
fn live_out(
    func: &Function,
    cfg: &ControlFlowGraph,
    blocks: &[Block],
    weights: &Weights,
) -> LiveOut {
    let mut uses: Vec<(Value, Block)> = Vec::new();
    for &block in blocks {
        let values = func.layout.block_insts(block).flat_map(|inst| values_of(func, inst));
        uses.extend(values.filter(|&value| weights[value] > 0).map(|value| (value, block)));
    }
    uses.sort_unstable();
    uses.dedup();
    let mut live = LiveOut::new();
    let mut above: Vec<Block> = Vec::new();
    for (value, block) in uses {
        let home = definition(func, value);
        above.push(block);
        while let Some(block) = above.pop() {
            if Some(block) == home {
                continue;
            }
            for pred in cfg.pred_iter(block) {
                if live[pred.block].last() != Some(&value) {
                    live[pred.block].push(value);
                    above.push(pred.block);
                }
            }
        }
    }
    live
}

/// The values that live at one place of a block.
#[derive(Default)]
struct Live {
    /// A value lives if it bears the number of the walk at hand.
    walks: SecondaryMap<Value, u32>,
    walk: u32,
}

impl Live {
    fn start(&mut self, behind: &[Value]) {
        self.walk += 1;
        behind.iter().for_each(|&value| self.insert(value));
    }

    fn contains(&self, value: Value) -> bool {
        self.walks[value] == self.walk
    }

    fn insert(&mut self, value: Value) {
        self.walks[value] = self.walk;
    }

    fn remove(&mut self, value: Value) {
        self.walks[value] = 0;
    }
}

fn definition(func: &Function, value: Value) -> Option<Block> {
    match func.dfg.value_def(value) {
        ValueDef::Result(inst, _) => func.layout.inst_block(inst),
        ValueDef::Param(block, _) => Some(block),
        _ => None,
    }
}

/// A function, and what its values weigh.
#[derive(Clone, Copy)]
struct Code<'a> {
    func: &'a Function,
    weights: &'a Weights,
}

impl Code<'_> {
    fn values_of(&self, inst: Inst) -> impl Iterator<Item = Value> {
        values_of(self.func, inst).filter(|&value| self.weights[value] > 0)
    }

    /// How many more registers are taken in front of an instruction than behind it, where `live` lives.
    fn growth(&self, inst: Inst, live: &Live) -> isize {
        let mut begins: SmallVec<[Value; 4]> = SmallVec::new();
        for value in self.values_of(inst) {
            if !live.contains(value) && !begins.contains(&value) {
                begins.push(value);
            }
        }
        let results = self.func.dfg.inst_results(inst).iter().copied();
        let ends = results.filter(|&result| live.contains(result));
        let words = |value| self.weights[value] as isize;
        begins.into_iter().map(words).sum::<isize>() - ends.map(words).sum::<isize>()
    }

    /// From what lives behind an instruction to what lives in front of it.
    fn step_over(&self, inst: Inst, live: &mut Live) {
        for &result in self.func.dfg.inst_results(inst) {
            live.remove(result);
        }
        self.values_of(inst).for_each(|value| live.insert(value));
    }

    /// By how much live values exceed the registers, summed over a block's instructions, which come
    /// last first. `behind` is what lives behind them; `live` may hold anything.
    fn excess(&self, insts: &[Inst], behind: &[Value], live: &mut Live, registers: usize) -> usize {
        live.start(behind);
        let mut taken: usize = behind.iter().map(|&value| self.weights[value]).sum();
        let mut excess = 0;
        for &inst in insts {
            taken = taken.saturating_add_signed(self.growth(inst, live));
            self.step_over(inst, live);
            excess += taken.saturating_sub(registers);
        }
        excess
    }
}

/// The order of one block, being built from its end.
struct Order<'a> {
    code: Code<'a>,
    /// The old order, the last first.
    insts: &'a [Inst],
    /// How many of those that must come behind each are not placed.
    waiting: Vec<u32>,
    /// What must come in front of each.
    before: Vec<Vec<u32>>,
    /// What may come next, in the old order.
    ready: VecDeque<u32>,
}

impl<'a> Order<'a> {
    /// `positions` may hold anything.
    fn new(code: Code<'a>, insts: &'a [Inst], positions: &mut SecondaryMap<Inst, u32>) -> Self {
        let (waiting, before) = (vec![0; insts.len()], vec![Vec::new(); insts.len()]);
        let mut order = Order { code, insts, waiting, before, ready: VecDeque::new() };
        order.require_definitions(positions);
        order.require_effects();
        let all = 0..insts.len() as u32;
        order.ready = all.filter(|&at| order.waiting[at as usize] == 0).collect();
        order
    }

    /// A value is defined before it is used.
    fn require_definitions(&mut self, positions: &mut SecondaryMap<Inst, u32>) {
        for (at, &inst) in (0..).zip(self.insts) {
            positions[inst] = at;
        }
        for (at, &inst) in (0..).zip(self.insts) {
            for value in values_of(self.code.func, inst) {
                let definition = self.code.func.dfg.value_def(value).inst();
                if let Some(definition) = definition
                    && self.insts.get(positions[definition] as usize) == Some(&definition)
                {
                    self.require(positions[definition], at);
                }
            }
        }
    }

    fn require_effects(&mut self) {
        let mut ordered = None;
        let mut loads: Vec<u32> = Vec::new();
        for (at, &inst) in (0..).zip(self.insts) {
            let effect = effect(self.code.func, inst);
            if effect == Effect::Pure {
                continue;
            }
            if let Some(ordered) = ordered {
                self.require(at, ordered);
            }
            if effect == Effect::Load {
                loads.push(at);
            } else {
                loads.drain(..).for_each(|load| self.require(at, load));
                ordered = Some(at);
            }
        }
    }

    fn require(&mut self, first: u32, second: u32) {
        self.before[second as usize].push(first);
        self.waiting[first as usize] += 1;
    }

    /// The new order, the last first. `behind` is what lives behind the block; `live` may hold anything.
    fn run(mut self, behind: &[Value], live: &mut Live) -> Vec<Inst> {
        live.start(behind);
        let mut order = Vec::with_capacity(self.insts.len());
        // The branch stays behind all.
        let mut next = Some(0);
        while let Some(at) = next.and_then(|index| self.ready.remove(index)) {
            let inst = self.insts[at as usize];
            order.push(inst);
            self.code.step_over(inst, live);
            self.release(at);
            let candidates = self.ready.iter().take(CANDIDATES).enumerate();
            let growth = |&at: &u32| self.code.growth(self.insts[at as usize], live);
            next = candidates.min_by_key(|(_, at)| growth(at)).map(|(index, _)| index);
        }
        order
    }

    /// What must come in front of a placed instruction has one less to wait for.
    fn release(&mut self, at: u32) {
        for first in core::mem::take(&mut self.before[at as usize]) {
            let waiting = &mut self.waiting[first as usize];
            *waiting -= 1;
            if *waiting == 0 {
                let place = self.ready.partition_point(|&other| other < first);
                self.ready.insert(place, first);
            }
        }
    }
}

fn values_of(func: &Function, inst: Inst) -> impl Iterator<Item = Value> {
    func.dfg.inst_values(inst).map(|value| func.dfg.resolve_aliases(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether [`relieve_pressure`] promises anything, and the last block's new order, a line for each
    /// instruction.
    fn relieve(body: &str, registers: usize) -> (bool, Vec<String>) {
        let text = format!("function %f(i32, i32) -> i32 {{\n{body}\n}}");
        let mut func = cranelift_reader::parse_functions(&text).unwrap().remove(0);
        let words = |ty: Type| ty.bytes().div_ceil(4) as usize;
        let promises = relieve_pressure(&mut func, registers, words);
        let block = func.layout.last_block().unwrap();
        let insts = func.layout.block_insts(block);
        (promises, insts.map(|inst| func.dfg.display_inst(inst).to_string()).collect())
    }

    /// Loads four words, and then adds them.
    const SUM: &str = "
                v2 = load.i32 notrap v0
                v3 = load.i32 notrap v0+4
                v4 = load.i32 notrap v0+8
                v5 = load.i32 notrap v0+12
                v6 = iadd v2, v3
                v7 = iadd v6, v4
                v8 = iadd v7, v5
                return v8";

    #[test]
    fn what_is_loaded_first_is_loaded_where_it_is_added() {
        let (_, order) = relieve(&format!("block0(v0: i32, v1: i32):{SUM}"), 2);
        let loads: Vec<usize> = (0..order.len()).filter(|&at| order[at].contains("load")).collect();
        assert_eq!(loads, [0, 1, 3, 5], "{order:#?}");
    }

    #[test]
    fn effects_keep_their_order_and_loads_stay_between_them() {
        let (_, order) = relieve(
            "block0(v0: i32, v1: i32):
                v2 = load.i32 notrap v0
                store notrap v1, v0
                v3 = load.i32 notrap v0
                trapz v1, user1
                v4 = udiv v0, v1
                store notrap v4, v0+4
                v5 = iadd v2, v3
                v6 = load.i32 notrap v0+4
                v7 = iadd v5, v6
                return v7",
            2,
        );
        let at = |text: &str| order.iter().position(|line| line.contains(text)).unwrap();
        let places =
            ["v2 = load", " v1, v0", "v3 = load", "trapz", "udiv", " v4, v0+4", "v6 = load"];
        assert!(places.map(at).is_sorted(), "{order:#?}");
    }

    #[test]
    fn an_order_promises_something_if_much_is_relieved_or_all_then_fits() {
        let promises = |stores: usize, registers: usize| {
            let stores = "\nstore notrap v1, v0".repeat(stores);
            relieve(&format!("block0(v0: i32, v1: i32):{stores}{SUM}"), registers).0
        };
        assert!(promises(0, 2), "half a register on average");
        assert!(!promises(40, 2), "a twelfth of one");
        assert!(promises(40, 3), "all fits");
        assert!(!promises(0, 4), "all fitted before");
    }
}
