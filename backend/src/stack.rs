//! Stack by the call graph: which functions need no check, and how deep each may lead.

use crate::callgraph::{Call, CallGraph, Target};
use crate::compiled::CompiledFunction;
use crate::instance::{C_CALLEE, SMALL_FRAME};
use crate::module::{FunctionRole, Module};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

/// The functions that ask, and need not. Whatever a function that calls no other may do without
/// asking (`instance::RED_ZONE`), a function may that calls, directly, nothing but functions of the
/// module which do not ask either, if all frames from it downwards have at most `SMALL_FRAME` bytes
/// together.
pub fn needless_checks(
    module: &Module,
    compiled: &[CompiledFunction],
    graph: &CallGraph,
) -> Vec<usize> {
    // The stack below each function's caller, if it is known to be small. Callees come first; in a
    // cycle nothing is small.
    let mut depths: Vec<Option<u32>> = vec![None; compiled.len()];
    for index in components(graph).concat() {
        if let Some(code) = compiled.get(index) {
            depths[index] = small_depth(code, graph.calls(index), &depths);
        }
    }
    let asks = |&index: &usize| {
        let calls = graph.calls(index).next().is_some();
        calls && module.functions[index].role != FunctionRole::Entry
    };
    (0..compiled.len()).filter(|&index| depths[index].is_some()).filter(asks).collect()
}

fn small_depth(
    code: &CompiledFunction,
    mut calls: impl Iterator<Item = Call>,
    depths: &[Option<u32>],
) -> Option<u32> {
    let below = calls.try_fold(0, |below: u32, call| match call.target {
        Target::Function(index) if !call.is_indirect => Some(below.max(depths[index]?)),
        _ => None,
    })?;
    Some(code.frame_bytes + below).filter(|&bytes| bytes <= SMALL_FRAME)
}

/// How deep a call of a function may take the stack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StackBound {
    /// In bytes, from sp at the call. Every run-time routine and imported function outside of the
    /// module counts as `C_CALLEE` bytes.
    Bytes(u32),
    /// No bound is known, for this reason.
    Unbounded(Arc<str>),
}

impl fmt::Display for StackBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StackBound::Bytes(bytes) => write!(f, "{bytes}"),
            StackBound::Unbounded(reason) => write!(f, "unbounded: {reason}"),
        }
    }
}

/// The bound of each of the module's functions.
///
/// A callee begins where its caller's frame ends; a tail callee's stack arguments end where those of its
/// caller do. So along calls frames add up, and functions that only tail-call each other share the
/// deepest frame among them.
pub fn bounds(module: &Module, code: &[CompiledFunction], graph: &CallGraph) -> Vec<StackBound> {
    let components = components(graph);
    // From the upper end of the function's stack arguments; by node.
    let mut from_top: Vec<Option<Result<u32, Arc<str>>>> = vec![None; num_nodes(graph)];
    for component in &components {
        let bound = bound_of(module, code, graph, component, &from_top);
        component.iter().for_each(|&index| from_top[index] = Some(bound.clone()));
    }
    let bounds = from_top.into_iter().zip(code);
    bounds
        .map(|(bound, code)| match bound {
            Some(Ok(bytes)) => StackBound::Bytes(bytes.saturating_sub(code.incoming_bytes)),
            Some(Err(reason)) => StackBound::Unbounded(reason),
            None => StackBound::Bytes(code.frame_bytes),
        })
        .collect()
}

/// The bound that the members of a component share; what they call outside of it has its own. A group is
/// a function without a frame that tail-calls its members.
fn bound_of(
    module: &Module,
    code: &[CompiledFunction],
    graph: &CallGraph,
    component: &[usize],
    from_top: &[Option<Result<u32, Arc<str>>>],
) -> Result<u32, Arc<str>> {
    let name = |index: usize| &module.functions[index].name[..];
    let members: BTreeSet<usize> = component.iter().copied().collect();
    let functions = || component.iter().copied().filter(|&node| node < graph.len());
    for index in functions() {
        let unknown = graph.calls(index).find_map(|call| match call.target {
            Target::Table => Some("a table that may change"),
            Target::Pointer => Some("a pointer"),
            _ => None,
        });
        if let Some(what) = unknown {
            return Err(format!("{} calls through {what}", name(index)).into());
        }
    }
    let mut deepest = 0;
    for &node in component.iter().filter(|&&node| node >= graph.len()) {
        for callee in callees(graph, node).filter(|callee| !members.contains(callee)) {
            let below = from_top[callee].clone().unwrap_or(Ok(0))?;
            deepest = deepest.max(below);
        }
    }
    for index in functions() {
        let own = code[index].incoming_bytes.saturating_add(code[index].frame_bytes);
        deepest = deepest.max(own);
        for call in graph.calls(index) {
            let (callee, incoming) = match call.target {
                Target::Table | Target::Pointer => continue,
                Target::Outside => {
                    deepest = deepest.max(own.saturating_add(C_CALLEE));
                    continue;
                }
                Target::Function(callee) => (callee, code[callee].incoming_bytes),
                Target::Group(group) => {
                    (graph.len() + group, code[graph.group(group)[0]].incoming_bytes)
                }
            };
            if members.contains(&callee) {
                if !call.is_tail {
                    let cycle = cycle(graph, &members, index, callee);
                    let functions = cycle.into_iter().filter(|&node| node < graph.len());
                    return Err(recursion(functions.map(name).collect()));
                }
                continue;
            }
            let Some(below) = &from_top[callee] else { continue };
            let below = below.clone()?;
            deepest = deepest.max(match call.is_tail {
                true => below,
                false => own.saturating_add(below.saturating_sub(incoming)),
            });
        }
    }
    Ok(deepest)
}

/// Names a cycle; of a long one, its ends.
fn recursion(mut names: Vec<&str>) -> Arc<str> {
    const ENDS: usize = 4;
    if names.len() > 2 * ENDS {
        names.splice(ENDS..names.len() - ENDS, ["..."]);
    }
    format!("recursion {}", names.join(" -> ")).into()
}

/// A shortest way from `from` by its call of `to` back to `from`, within a component.
fn cycle(graph: &CallGraph, members: &BTreeSet<usize>, from: usize, to: usize) -> Vec<usize> {
    let mut came_from = BTreeMap::from([(to, to)]);
    let mut queue = VecDeque::from([to]);
    while let Some(index) = queue.pop_front().filter(|_| !came_from.contains_key(&from)) {
        for callee in callees(graph, index).filter(|callee| members.contains(callee)) {
            came_from.entry(callee).or_insert_with(|| {
                queue.push_back(callee);
                index
            });
        }
    }
    let mut way = vec![from];
    let mut at = from;
    while at != to && came_from.contains_key(&at) {
        at = came_from[&at];
        way.push(at);
    }
    way.push(from);
    way.reverse();
    way
}

/// The functions, and behind them the groups.
fn num_nodes(graph: &CallGraph) -> usize {
    graph.len() + graph.num_groups()
}

fn callees(graph: &CallGraph, node: usize) -> impl Iterator<Item = usize> {
    let (calls, members) = match node.checked_sub(graph.len()) {
        None => (Some(graph.calls(node)), &[][..]),
        Some(group) => (None, graph.group(group)),
    };
    let called = calls.into_iter().flatten().filter_map(|call| match call.target {
        Target::Function(index) => Some(index),
        Target::Group(group) => Some(graph.len() + group),
        _ => None,
    });
    called.chain(members.iter().copied())
}

/// The strongly connected components, callees before callers (Tarjan, "Depth-first search and linear
/// graph algorithms", 1972), without recursion of our own.
fn components(graph: &CallGraph) -> Vec<Vec<usize>> {
    const NEW: usize = usize::MAX;
    let mut number = vec![NEW; num_nodes(graph)];
    let mut low = vec![NEW; num_nodes(graph)];
    let mut on_stack = vec![false; num_nodes(graph)];
    let mut stack = Vec::new();
    let mut components = Vec::new();
    let mut next = 0;
    for root in 0..num_nodes(graph) {
        if number[root] != NEW {
            continue;
        }
        let mut open = vec![(root, None)];
        while let Some((index, rest)) = open.last_mut() {
            let index = *index;
            let rest = rest.get_or_insert_with(|| {
                (number[index], low[index]) = (next, next);
                next += 1;
                stack.push(index);
                on_stack[index] = true;
                callees(graph, index)
            });
            match rest.next() {
                Some(callee) if number[callee] == NEW => open.push((callee, None)),
                Some(callee) if on_stack[callee] => low[index] = low[index].min(number[callee]),
                Some(_) => {}
                None => {
                    open.pop();
                    if let Some(&(caller, _)) = open.last() {
                        low[caller] = low[caller].min(low[index]);
                    }
                    if low[index] == number[index] {
                        let first = stack.iter().rposition(|&member| member == index);
                        let component = stack.split_off(first.unwrap_or(0));
                        component.iter().for_each(|&member| on_stack[member] = false);
                        components.push(component);
                    }
                }
            }
        }
    }
    components
}
