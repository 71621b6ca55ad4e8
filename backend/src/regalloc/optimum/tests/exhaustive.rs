//! The least cost by exhaustive search, from the definition of cost and nothing else.
//!
//! A state says for each value that lives whether it is in a register and how many slots hold it.
//! Inside a block all sequences of loads, stores and instructions are tried; at an instruction,
//! all choices of registers. Where paths meet, all states are tried that the block may begin with.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use regalloc2::{Block, Function, Inst, Operand, OperandConstraint, OperandKind, OperandPos, VReg};

use crate::regalloc::{AllocProblem, Problem, blocks, branch_args};

/// Slots that may hold one value, if it is given to two names somewhere; else one will do.
const MAX_COPIES: u8 = 2;

/// More combinations of states where paths meet are too many.
const MAX_COMBINATIONS: usize = 200;

/// More values than a [`State`] has room for.
const MAX_VALUES: usize = 32;

/// For each value, four bits: how many slots hold it, and whether it is in a register.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
struct State(u128);

impl State {
    fn in_register(self, value: usize) -> bool {
        self.0 >> (4 * value) & 8 != 0
    }

    fn copies(self, value: usize) -> u8 {
        (self.0 >> (4 * value) & 7) as u8
    }

    fn with(self, value: usize, in_register: bool, copies: u8) -> State {
        let bits = u128::from(copies) | if in_register { 8 } else { 0 };
        State(self.0 & !(15 << (4 * value)) | bits << (4 * value))
    }

    fn registers(self) -> usize {
        (0..MAX_VALUES).filter(|&value| self.in_register(value)).count()
    }
}

/// None if the function is too large for this; infinite if there is no answer.
pub fn least_cost(problem: &Problem, k: usize) -> Option<f64> {
    if problem.num_vregs() > MAX_VALUES {
        return None;
    }
    let mut search = Search::new(problem, k);
    let joins: Vec<Block> =
        blocks(problem).filter(|&block| problem.block_preds(block).len() > 1).collect();
    let states: Vec<Vec<State>> = joins.iter().map(|&join| search.states(join)).collect();
    let combinations = states.iter().map(Vec::len).try_fold(1usize, |a, b| a.checked_mul(b))?;
    if combinations > MAX_COMBINATIONS {
        return None;
    }
    let mut best = f64::INFINITY;
    for number in 0..combinations {
        let mut rest = number;
        search.joins.clear();
        search.costs.clear();
        for (join, states) in joins.iter().zip(&states) {
            search.joins.insert(*join, states[rest % states.len()]);
            rest /= states.len();
        }
        let mut cost = search.cost(problem.entry_block(), State::default());
        for &join in &joins {
            if cost >= best {
                break;
            }
            cost += search.cost(join, search.joins[&join]);
        }
        best = best.min(cost);
    }
    Some(best)
}

/// States in which a block can end, each with the least cost of getting there.
type Ends = Rc<Vec<(State, f64)>>;

struct Search<'a> {
    problem: &'a Problem,
    k: usize,
    max_copies: u8,
    /// The least number among those that always hold the same value.
    names: Vec<usize>,
    live_before: Vec<BTreeSet<usize>>,
    live_after: Vec<BTreeSet<usize>>,
    /// What each join begins with in the combination at hand, and what blocks cost for that.
    joins: HashMap<Block, State>,
    costs: HashMap<(Block, State), f64>,
    /// How each block can end from each state that it can begin with.
    inside: HashMap<(Block, State), Ends>,
}

fn operands(problem: &Problem, inst: Inst) -> Vec<Operand> {
    let operands = problem.inst_operands(inst).iter().copied();
    operands.filter(|op| op.as_fixed_nonallocatable().is_none()).collect()
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem, k: usize) -> Self {
        let none = vec![BTreeSet::new(); problem.num_insts()];
        let mut search = Search {
            problem,
            k,
            max_copies: 1,
            names: names(problem),
            live_before: none.clone(),
            live_after: none,
            joins: HashMap::new(),
            costs: HashMap::new(),
            inside: HashMap::new(),
        };
        search.find_live();
        let twice = |&block: &Block| {
            (0..problem.block_succs(block).len()).any(|succ| {
                let sources = search.across(block, succ);
                let distinct: BTreeSet<usize> = sources.iter().map(|&(_, before)| before).collect();
                distinct.len() < sources.len()
            })
        };
        if blocks(problem).any(|block| twice(&block)) {
            search.max_copies = MAX_COPIES;
        }
        search
    }

    fn name(&self, vreg: VReg) -> usize {
        self.names[vreg.vreg()]
    }

    /// What each value was called in front of an edge, for those that live behind it.
    fn across(&self, from: Block, succ: usize) -> Vec<(usize, usize)> {
        let to = self.problem.block_succs(from)[succ];
        let term = self.problem.block_insns(from).last();
        let args: Vec<(VReg, VReg)> = branch_args(self.problem, from, term, succ).collect();
        let live = &self.live_before[self.problem.block_insns(to).first().index()];
        let source = |&value: &usize| {
            // Another name of a value that lived before is no parameter.
            let arg = args.iter().find(|(_, param)| self.name(*param) == value);
            (value, arg.map_or(value, |&(arg, _)| self.name(arg)))
        };
        live.iter().map(source).collect()
    }

    /// Liveness by iteration. What no instruction reads does not live.
    fn find_live(&mut self) {
        let mut changed = true;
        while changed {
            changed = false;
            for block in blocks(self.problem).rev() {
                let insts = self.problem.block_insns(block);
                let mut live = BTreeSet::new();
                for succ in 0..self.problem.block_succs(block).len() {
                    live.extend(self.across(block, succ).into_iter().map(|(_, before)| before));
                }
                for inst in insts.iter().rev() {
                    changed |= self.live_after[inst.index()] != live;
                    self.live_after[inst.index()] = live.clone();
                    for op in operands(self.problem, inst) {
                        if op.kind() == OperandKind::Def {
                            live.remove(&self.name(op.vreg()));
                        }
                    }
                    for op in operands(self.problem, inst) {
                        if op.kind() == OperandKind::Use {
                            live.insert(self.name(op.vreg()));
                        }
                    }
                    changed |= self.live_before[inst.index()] != live;
                    self.live_before[inst.index()] = live.clone();
                }
            }
        }
    }

    /// Everything that a block may begin with: each value is somewhere.
    fn states(&self, block: Block) -> Vec<State> {
        let live = &self.live_before[self.problem.block_insns(block).first().index()];
        let mut states = vec![State::default()];
        for &value in live {
            let each = |state: State| {
                let places =
                    (0..=self.max_copies).flat_map(|copies| [(false, copies), (true, copies)]);
                let places = places.filter(|&place| place != (false, 0));
                places.map(move |(in_register, copies)| state.with(value, in_register, copies))
            };
            states = states.into_iter().flat_map(each).collect();
            states.retain(|state| state.registers() <= self.k);
            if states.len() > MAX_COMBINATIONS {
                break;
            }
        }
        states
    }

    /// What the block and those that only it leads to cost.
    fn cost(&mut self, block: Block, state: State) -> f64 {
        if let Some(&cost) = self.costs.get(&(block, state)) {
            return cost;
        }
        let ends = self.ends(block, state);
        let mut best = f64::INFINITY;
        for &(end, mut cost) in ends.iter() {
            for succ in 0..self.problem.block_succs(block).len() {
                if cost < best {
                    cost += self.edge_cost(block, succ, end);
                }
            }
            best = best.min(cost);
        }
        self.costs.insert((block, state), best);
        best
    }

    fn edge_cost(&mut self, block: Block, succ: usize, end: State) -> f64 {
        let to = self.problem.block_succs(block)[succ];
        let sources = self.across(block, succ);
        let Some(&begin) = self.joins.get(&to) else {
            let state = sources.iter().fold(State::default(), |state, &(value, before)| {
                state.with(value, end.in_register(before), end.copies(before))
            });
            return self.cost(to, state);
        };
        let mut copies = [0; MAX_VALUES];
        for (value, before) in sources {
            copies[before] += begin.copies(value);
            let lacks_register = begin.in_register(value) && !end.in_register(before);
            if lacks_register || copies[before] > end.copies(before) {
                return f64::INFINITY;
            }
        }
        0.0
    }

    fn ends(&mut self, block: Block, state: State) -> Ends {
        if let Some(ends) = self.inside.get(&(block, state)) {
            return ends.clone();
        }
        let frequency = self.problem.block_frequency(block);
        let mut states: HashMap<State, f64> = HashMap::from([(state, 0.0)]);
        for inst in self.problem.block_insns(block).iter() {
            let before = self.live_before[inst.index()].clone();
            let moved = self.traffic(states, &before, frequency);
            states = HashMap::new();
            for (state, cost) in moved {
                for (after, accesses) in self.step(inst, state) {
                    let cost = cost + f64::from(accesses) * frequency;
                    let least = states.entry(after).or_insert(f64::INFINITY);
                    *least = least.min(cost);
                }
            }
        }
        let ends: Ends = Rc::new(states.into_iter().collect());
        self.inside.insert((block, state), ends.clone());
        ends
    }

    /// Loads, stores and values dropped, in any order.
    fn traffic(
        &self,
        states: HashMap<State, f64>,
        live: &BTreeSet<usize>,
        frequency: f64,
    ) -> HashMap<State, f64> {
        let mut best = states;
        let mut work: Vec<State> = best.keys().copied().collect();
        while let Some(state) = work.pop() {
            let cost = best[&state];
            for &value in live {
                let (in_register, copies) = (state.in_register(value), state.copies(value));
                let mut reach = |next: State, price: f64| {
                    let known = best.get(&next).copied().unwrap_or(f64::INFINITY);
                    if next.registers() <= self.k && cost + price < known {
                        best.insert(next, cost + price);
                        work.push(next);
                    }
                };
                if in_register {
                    reach(state.with(value, false, copies), 0.0);
                } else if copies > 0 {
                    reach(state.with(value, true, copies), frequency);
                }
                if copies < self.max_copies && (in_register || copies > 0) {
                    reach(state.with(value, in_register, copies + 1), frequency);
                }
            }
        }
        best
    }

    /// All ways to execute an instruction: the states behind it, and operands on the stack.
    fn step(&self, inst: Inst, state: State) -> Vec<(State, u32)> {
        let mut found: HashMap<State, u32> = HashMap::new();
        let mut at = Moment {
            early: vec![None; self.k],
            late: vec![None; self.k],
            clobbered: (0..self.k)
                .map(|hw| self.problem.inst_clobbers(inst).into_iter().any(|p| p.hw_enc() == hw))
                .collect(),
            places: vec![],
        };
        let ops = operands(self.problem, inst);
        self.place(inst, &ops, state, &mut at, &mut found);
        found.into_iter().collect()
    }

    /// Places the next operand; when all are, values that may live on.
    fn place(
        &self,
        inst: Inst,
        ops: &[Operand],
        state: State,
        at: &mut Moment,
        found: &mut HashMap<State, u32>,
    ) {
        let i = at.places.len();
        let Some(op) = ops.get(i) else {
            let rest: Vec<usize> = self.live_after[inst.index()].iter().copied().collect();
            return self.keep(inst, &rest, state, at, found);
        };
        let value = self.name(op.vreg());
        let is_use = op.kind() == OperandKind::Use;
        let reused = ops.iter().any(|other| other.constraint() == OperandConstraint::Reuse(i));
        if op.constraint() == OperandConstraint::Any
            && !reused
            && (!is_use || state.copies(value) > 0)
        {
            at.places.push(None);
            self.place(inst, ops, state, at, found);
            at.places.pop();
        }
        if is_use && !state.in_register(value) {
            return;
        }
        for hw in 0..self.k {
            let allowed = match op.constraint() {
                OperandConstraint::FixedReg(preg) => preg.hw_enc() == hw,
                OperandConstraint::Reuse(input) => at.places[input] == Some(hw),
                _ => true,
            };
            let early = is_use || op.pos() == OperandPos::Early;
            let late = !is_use || op.pos() == OperandPos::Late;
            let saved = (at.early[hw], at.late[hw]);
            if allowed && at.put(hw, value, early, late) {
                at.places.push(Some(hw));
                self.place(inst, ops, state, at, found);
                at.places.pop();
            }
            (at.early[hw], at.late[hw]) = saved;
        }
    }

    /// The values in `rest`, which live behind the instruction, stay in registers or do not.
    fn keep(
        &self,
        inst: Inst,
        rest: &[usize],
        state: State,
        at: &mut Moment,
        found: &mut HashMap<State, u32>,
    ) {
        let Some((&value, rest)) = rest.split_first() else {
            let accesses = at.places.iter().filter(|place| place.is_none()).count() as u32;
            let least = found.entry(self.behind(inst, state, at)).or_insert(u32::MAX);
            *least = accesses.min(*least);
            return;
        };
        self.keep(inst, rest, state, at, found);
        if state.in_register(value) && !at.late.contains(&Some(value)) {
            for hw in 0..self.k {
                let saved = (at.early[hw], at.late[hw]);
                if at.put(hw, value, true, true) {
                    self.keep(inst, rest, state, at, found);
                }
                (at.early[hw], at.late[hw]) = saved;
            }
        }
    }

    fn behind(&self, inst: Inst, state: State, at: &Moment) -> State {
        let defined = |value: usize| {
            let ops = operands(self.problem, inst).into_iter().zip(&at.places);
            let mut defs = ops.filter(|(op, _)| op.kind() == OperandKind::Def);
            defs.find(|(op, _)| self.name(op.vreg()) == value).map(|(_, place)| *place)
        };
        self.live_after[inst.index()].iter().fold(State::default(), |after, &value| {
            let copies = match defined(value) {
                Some(place) => u8::from(place.is_none()),
                None => state.copies(value),
            };
            after.with(value, at.late.contains(&Some(value)), copies)
        })
    }
}

/// What registers hold at an instruction, and where its operands are: none is the stack.
struct Moment {
    early: Vec<Option<usize>>,
    late: Vec<Option<usize>>,
    clobbered: Vec<bool>,
    places: Vec<Option<usize>>,
}

impl Moment {
    /// Whether the register can hold the value then; it does.
    fn put(&mut self, hw: usize, value: usize, early: bool, late: bool) -> bool {
        let open = |held: Option<usize>| held.is_none_or(|held| held == value);
        if early && !open(self.early[hw]) || late && (self.clobbered[hw] || !open(self.late[hw])) {
            return false;
        }
        if early {
            self.early[hw] = Some(value);
        }
        if late {
            self.late[hw] = Some(value);
        }
        true
    }
}

/// For each virtual register, the least of those that hold the same value on every path: the
/// largest relation in which parameters are equal only if their arguments are.
fn names(problem: &Problem) -> Vec<usize> {
    let count = problem.num_vregs();
    let mut homes: Vec<Option<(Block, usize)>> = vec![None; count];
    for block in blocks(problem) {
        for (i, param) in problem.block_params(block).iter().enumerate() {
            homes[param.vreg()] = Some((block, i));
        }
    }
    let args = |block: Block, i: usize| -> Vec<usize> {
        let edge = |&pred: &Block| {
            let succ = problem.block_succs(pred).iter().position(|&succ| succ == block);
            let term = problem.block_insns(pred).last();
            problem.branch_blockparams(pred, term, succ.expect("a successor"))[i].vreg()
        };
        problem.block_preds(block).iter().map(edge).collect()
    };
    let mut equal = vec![vec![true; count]; count];
    let mut changed = true;
    while changed {
        changed = false;
        for x in 0..count {
            for y in 0..count {
                let passed_to = |home: Option<(Block, usize)>, other: usize| {
                    home.is_some_and(|(block, i)| {
                        args(block, i).into_iter().all(|arg| equal[arg][other])
                    })
                };
                let still = x == y
                    || match (homes[x], homes[y]) {
                        (Some((a, i)), Some((b, j))) if a == b => {
                            args(a, i).into_iter().zip(args(b, j)).all(|(x, y)| equal[x][y])
                        }
                        (x_home, y_home) => passed_to(x_home, y) || passed_to(y_home, x),
                    };
                if equal[x][y] && !still {
                    equal[x][y] = false;
                    changed = true;
                }
            }
        }
    }
    (0..count).map(|x| (0..count).find(|&y| equal[x][y]).unwrap_or(x)).collect()
}
