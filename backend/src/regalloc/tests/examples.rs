//! Small problems whose answers are known.

use regalloc2::{
    Allocation, Inst, Operand, OperandConstraint, OperandKind, OperandPos, ProgPoint, RegClass,
    SpillSlot, VReg,
};

use crate::regalloc::testing::{Builder, env, r};
use crate::regalloc::*;

fn reg(number: usize) -> Allocation {
    Allocation::reg(r(number))
}

fn slot(number: usize) -> Allocation {
    Allocation::stack(SpillSlot::new(number))
}

fn before(inst: usize, from: Allocation, to: Allocation) -> (ProgPoint, Edit) {
    (ProgPoint::before(Inst::new(inst)), Edit::Move { from, to })
}

/// An answer that gives the operands these places, in order.
fn answer(problem: &Problem, allocs: &[Allocation], edits: &[(ProgPoint, Edit)]) -> AllocResult {
    let mut offset = 0;
    let offsets = problem.blocks().iter().flat_map(|block| &block.insts).map(|inst| {
        let start = offset;
        offset += inst.operands.len() as u32;
        start
    });
    AllocResult {
        num_spillslots: 4,
        edits: edits.to_vec(),
        allocs: allocs.to_vec(),
        inst_alloc_offsets: offsets.collect(),
        dropped: vec![],
    }
}

/// `values` defined, then all of them read, in one block.
fn values_at_once(values: usize) -> Problem {
    let mut b = Builder::default();
    let block = b.block(0);
    let values: Vec<_> = (0..values).map(|_| b.def(block)).collect();
    for &value in &values {
        b.read(block, &[value]);
    }
    b.ret(block, &[]);
    b.finish()
}

/// `values` live across a call with one argument.
fn values_across_call(values: usize) -> Problem {
    let mut b = Builder::default();
    let block = b.block(0);
    let values: Vec<_> = (0..values).map(|_| b.def(block)).collect();
    let arg = b.def(block);
    let result = b.call(block, &[arg]);
    for value in values.into_iter().chain([result]) {
        b.read(block, &[value]);
    }
    b.ret(block, &[]);
    b.finish()
}

/// A loop that exchanges its two parameters each time round.
fn swap_loop() -> Problem {
    let mut b = Builder::default();
    let (entry, header, latch, exit) = (b.block(0), b.block(1), b.block(1), b.block(0));
    let (a, z) = (b.def(entry), b.def(entry));
    b.jump(entry, header, &[a, z]);
    let (x, y) = (b.param(header), b.param(header));
    b.branch(header, &[Operand::reg_use(x)], &[(latch, &[]), (exit, &[])]);
    b.jump(latch, header, &[y, x]);
    b.read(exit, &[x, y]);
    b.ret(exit, &[]);
    b.finish()
}

#[test]
fn stats_count_each_kind_of_traffic() {
    let mut b = Builder::default();
    let (entry, body, exit) = (b.block(0), b.block(1), b.block(0));
    let v = b.vreg();
    b.op(entry, &[Operand::any_def(v)]);
    b.jump(entry, body, &[]);
    b.op(body, &[Operand::any_use(v)]);
    b.read(body, &[v]);
    b.jump(body, exit, &[]);
    b.ret(exit, &[]);
    let problem = b.finish();
    let edits = [
        before(3, slot(0), reg(1)),
        before(3, reg(1), reg(2)),
        before(3, reg(2), reg(2)),
        before(4, reg(2), slot(1)),
        (ProgPoint::before(Inst::new(4)), Edit::Remat { inst: Inst::new(0), to: reg(3) }),
    ];
    let result = answer(&problem, &[slot(0), slot(0), reg(2)], &edits);
    let expected = AllocStats {
        // The definition on the stack, and the store in the loop.
        spill_stores: 2,
        // The use on the stack and the load, both in the loop.
        reloads: 2,
        moves: 1,
        remats: 1,
        spilled_values: 1,
        slots: 4,
        cost: 1.0 + 10.0 + 10.0 + 10.0,
    };
    assert_eq!(stats(&problem, &result), expected);
}

/// A value passed as block argument, whose parameter is read.
fn pass_one() -> Problem {
    let mut b = Builder::default();
    let (entry, exit) = (b.block(0), b.block(0));
    let a = b.def(entry);
    b.read(entry, &[a]);
    b.jump(entry, exit, &[a]);
    let p = b.param(exit);
    b.read(exit, &[p]);
    b.ret(exit, &[]);
    b.finish()
}

#[test]
fn storing_an_argument_to_its_parameter_spills_the_parameter_alone() {
    let problem = pass_one();
    let edits = [before(2, reg(0), slot(0)), before(3, slot(0), reg(1))];
    let result = answer(&problem, &[reg(0), reg(0), reg(1)], &edits);
    assert!(check(&problem, &env(4), &result).is_ok());
    assert_eq!(stats(&problem, &result).spilled_values, 1);
}

#[test]
fn passing_a_spilled_argument_in_a_register_spills_the_argument_alone() {
    let problem = pass_one();
    let edits = [
        (ProgPoint::after(Inst::new(0)), Edit::Move { from: reg(0), to: slot(0) }),
        before(1, slot(0), reg(2)),
        before(2, slot(0), reg(1)),
    ];
    let result = answer(&problem, &[reg(0), reg(2), reg(1)], &edits);
    assert!(check(&problem, &env(4), &result).is_ok());
    assert_eq!(stats(&problem, &result).spilled_values, 1);
}

#[test]
fn a_spilled_argument_in_another_slot_than_its_parameter_makes_two_spilled_values() {
    let problem = pass_one();
    let edits = [
        (ProgPoint::after(Inst::new(0)), Edit::Move { from: reg(0), to: slot(0) }),
        before(1, slot(0), reg(2)),
        before(2, slot(0), reg(12)),
        before(2, reg(12), slot(1)),
        before(3, slot(1), reg(1)),
    ];
    let result = answer(&problem, &[reg(0), reg(2), reg(1)], &edits);
    assert!(check(&problem, &env(4), &result).is_ok());
    assert_eq!(stats(&problem, &result).spilled_values, 2);
}

#[test]
fn nine_values_fit_nine_registers() {
    let problem = values_at_once(9);
    assert_eq!(peak_pressure(&problem), [9, 0, 0]);
    assert_eq!(excess(&problem, &env(9)), 0);
    assert_eq!(excess(&problem, &env(8)), 1);
    for kind in AllocatorKind::ALL {
        let result = run(kind, &problem, &env(9), true).expect("an allocation");
        assert_eq!(stats(&problem, &result), AllocStats::default(), "{}", kind.name());
    }
    assert!(matches!(allocate_function(&problem, &env(9)), Outcome::Allocated { .. }));
    assert!(matches!(allocate_function(&problem, &env(8)), Outcome::NeedsSpill(v) if v.len() == 1));
}

#[test]
fn five_registers_remain_across_calls() {
    assert_eq!(excess(&values_across_call(5), &env(9)), 0);
    assert_eq!(excess(&values_across_call(6), &env(9)), 1);
    assert_eq!(peak_pressure(&values_across_call(6)), [7, 0, 0]);
    let result = run(AllocatorKind::Ion, &values_across_call(5), &env(9), true);
    assert_eq!(stats(&values_across_call(5), &result.expect("an allocation")).reloads, 0);
}

#[test]
fn an_argument_that_lives_on_counts_in_its_register_and_in_its_own() {
    // f(x, x), with x and `others` read behind the call.
    let problem = |others: usize| {
        let mut b = Builder::default();
        let block = b.block(0);
        let x = b.def(block);
        let others: Vec<_> = (0..others).map(|_| b.def(block)).collect();
        b.call(block, &[x, x]);
        b.read(block, &[x]);
        for other in others {
            b.read(block, &[other]);
        }
        b.ret(block, &[]);
        b.finish()
    };
    assert_eq!(excess(&problem(4), &env(9)), 0);
    assert_eq!(excess(&problem(5), &env(9)), 1);
    assert!(matches!(allocate_function(&problem(4), &env(9)), Outcome::Allocated { .. }));
    assert!(matches!(allocate_function(&problem(5), &env(9)), Outcome::NeedsSpill(_)));
}

#[test]
fn a_reused_input_that_lives_on_needs_a_second_register() {
    let problem = |lives_on: bool| {
        let mut b = Builder::default();
        let block = b.block(0);
        let (x, y) = (b.def(block), b.vreg());
        b.op(block, &[Operand::reg_use(x), Operand::reg_reuse_def(y, 0)]);
        if lives_on {
            b.read(block, &[x]);
        }
        b.read(block, &[y]);
        b.ret(block, &[]);
        b.finish()
    };
    assert_eq!(excess(&problem(false), &env(4)), 1 - 4);
    assert_eq!(excess(&problem(true), &env(4)), 2 - 4);
}

#[test]
fn a_constant_across_a_call_is_a_remat_opportunity() {
    let mut b = Builder::default();
    let block = b.block(0);
    let constant = b.vreg();
    let operands = vec![Operand::reg_def(constant)];
    b.push(block, Instruction { operands, remat: Some(1), ..Instruction::default() });
    let dear = b.def(block);
    b.call(block, &[]);
    b.read(block, &[constant, dear]);
    b.ret(block, &[]);
    let Outcome::Allocated { coloring, remat_opportunities } =
        allocate_function(&b.finish(), &env(9))
    else {
        panic!("two values fit")
    };
    assert_eq!(remat_opportunities, [constant]);
    assert!(coloring.get(dear).is_some_and(|preg| preg.hw_enc() >= 4));
}

#[test]
fn coloring_declines_what_it_cannot_express() {
    let declined = |constraint| {
        let mut b = Builder::default();
        let block = b.block(0);
        let v = b.def(block);
        b.op(block, &[Operand::new(v, constraint, OperandKind::Use, OperandPos::Early)]);
        b.ret(block, &[]);
        matches!(allocate_function(&b.finish(), &env(9)), Outcome::Declined(_))
    };
    assert!(declined(OperandConstraint::Stack));
    assert!(declined(OperandConstraint::Limit(4)));

    let mut b = Builder::default();
    let block = b.block(0);
    let v = b.vreg_of(RegClass::Vector);
    b.op(block, &[Operand::reg_def(v)]);
    b.ret(block, &[]);
    assert!(matches!(allocate_function(&b.finish(), &env(9)), Outcome::Declined(_)));
}

#[test]
fn greedy_stores_a_value_once_and_loads_it_once_in_each_block() {
    let mut b = Builder::default();
    let (entry, left, right) = (b.block(0), b.block(0), b.block(0));
    let v = b.def(entry);
    b.branch(entry, &[Operand::reg_use(v)], &[(left, &[]), (right, &[])]);
    for block in [left, right] {
        b.read(block, &[v]);
        b.read(block, &[v]);
        b.ret(block, &[Operand::reg_fixed_use(v, r(0))]);
    }
    let problem = b.finish();
    let result = run(AllocatorKind::Greedy, &problem, &env(9), true).expect("an allocation");
    let stats = stats(&problem, &result);
    assert_eq!((stats.spill_stores, stats.reloads, stats.moves), (1, 2, 0));
    assert_eq!((stats.spilled_values, stats.slots), (1, 1));
}

#[test]
fn greedy_evicts_the_least_recently_used() {
    let mut b = Builder::default();
    let block = b.block(0);
    let values: Vec<_> = (0..4).map(|_| b.def(block)).collect();
    b.read(block, &[values[0]]);
    let extra = b.def(block);
    for value in values.iter().chain([&extra]) {
        b.read(block, &[*value]);
    }
    b.ret(block, &[]);
    let problem = b.finish();
    let result = run(AllocatorKind::Greedy, &problem, &env(4), true).expect("an allocation");
    // r1 holds the second value, which nothing has read since.
    assert_eq!(result.edits[0], before(5, reg(1), slot(0)));
    let stats = stats(&problem, &result);
    assert_eq!((stats.spill_stores, stats.reloads, stats.spilled_values), (1, 1, 1));
}

#[test]
fn greedy_exchanges_parameters_around_a_loop() {
    let problem = swap_loop();
    let result = run(AllocatorKind::Greedy, &problem, &env(4), true).expect("an allocation");
    let stats = stats(&problem, &result);
    // Two homes, and one register that keeps the first while they change places.
    assert_eq!((stats.slots, stats.spilled_values), (2, 2));
}

#[test]
fn too_many_operands_are_an_error() {
    let mut b = Builder::default();
    let block = b.block(0);
    let values: Vec<_> = (0..5).map(|_| b.def(block)).collect();
    b.read(block, &values);
    b.ret(block, &[]);
    let problem = b.finish();
    for kind in AllocatorKind::ALL {
        let result = run(kind, &problem, &env(4), true);
        assert!(matches!(result, Err(AllocError::TooManyLiveRegs)), "{}: {result:?}", kind.name());
        assert!(run(kind, &problem, &env(5), true).is_ok());
    }
}

#[test]
fn a_panic_in_an_allocator_is_an_error() {
    let mut b = Builder::default();
    let block = b.block(0);
    let v = b.def(block);
    let low = OperandConstraint::Limit(4);
    b.op(block, &[Operand::new(v, low, OperandKind::Use, OperandPos::Early)]);
    b.ret(block, &[]);
    let result = run(AllocatorKind::Fastalloc, &b.finish(), &env(4), false);
    assert!(matches!(result, Err(AllocError::Panic { tool: "fastalloc", .. })), "{result:?}");
    // The next function is not harmed.
    assert!(run(AllocatorKind::Ion, &values_at_once(3), &env(4), true).is_ok());
}

#[test]
fn an_undefined_value_is_an_error() {
    let mut b = Builder::default();
    let block = b.block(0);
    let v = b.vreg();
    b.read(block, &[v, VReg::new(77, RegClass::Int)]);
    b.ret(block, &[]);
    let problem = b.finish();
    assert!(matches!(
        run(AllocatorKind::Greedy, &problem, &env(4), true),
        Err(AllocError::Malformed(_))
    ));
    peak_pressure(&problem);
    value_ranges(&problem);
    assert!(matches!(allocate_function(&problem, &env(4)), Outcome::Declined(_)));
}

#[test]
fn the_checker_rejects_wrong_answers() {
    let problem = pass_one();
    let wrong = |allocs: &[Allocation], edits: &[(ProgPoint, Edit)]| {
        matches!(
            check(&problem, &env(4), &answer(&problem, allocs, edits)),
            Err(AllocError::Wrong(_))
        )
    };
    assert!(!wrong(&[reg(0), reg(0), reg(0)], &[]));
    // Another register than the value's; one that is not allocatable; a slot for a register.
    assert!(wrong(&[reg(0), reg(1), reg(0)], &[]));
    assert!(wrong(&[reg(7), reg(7), reg(7)], &[]));
    assert!(wrong(&[slot(0), slot(0), slot(0)], &[]));
    // Too few allocations; a slot beyond the frame; edits out of order or behind a terminator.
    assert!(wrong(&[reg(0), reg(0)], &[]));
    assert!(wrong(&[reg(0), reg(0), reg(0)], &[before(1, reg(0), slot(4))]));
    let (early, late) = (before(1, reg(0), slot(1)), before(2, reg(0), slot(2)));
    assert!(!wrong(&[reg(0), reg(0), reg(0)], &[early.clone(), late.clone()]));
    assert!(wrong(&[reg(0), reg(0), reg(0)], &[late, early]));
    let behind = Edit::Move { from: reg(0), to: slot(0) };
    assert!(wrong(&[reg(0), reg(0), reg(0)], &[(ProgPoint::after(Inst::new(2)), behind)]));
}

#[test]
fn the_checker_sees_operands_that_overlap() {
    let mut b = Builder::default();
    let block = b.block(0);
    let (x, early, late) = (b.def(block), b.vreg(), b.vreg());
    let operands = [Operand::reg_use(x), Operand::reg_def_at_start(early), Operand::reg_def(late)];
    b.op(block, &operands);
    b.ret(block, &[]);
    let problem = b.finish();
    let verdict = |places: [usize; 3]| {
        let allocs = [reg(0), reg(places[0]), reg(places[1]), reg(places[2])];
        check(&problem, &env(4), &answer(&problem, &allocs, &[]))
    };
    assert!(verdict([0, 1, 0]).is_ok());
    assert!(verdict([0, 0, 1]).is_err());
    assert!(verdict([0, 1, 1]).is_err());
}

/// Many values live through many blocks: no graph of all of them is built.
#[test]
fn colouring_takes_what_one_graph_cannot_hold() {
    let mut b = Builder::default();
    let mut block = b.block(0);
    let live: Vec<VReg> = (0..800).map(|_| b.def(block)).collect();
    for i in 0..1500 {
        let next = b.block(0);
        let value = b.def(block);
        b.read(block, &[value, live[i % live.len()]]);
        b.jump(block, next, &[]);
        block = next;
    }
    for &value in &live {
        b.read(block, &[value]);
    }
    b.ret(block, &[]);
    let problem = b.finish();
    for kind in [AllocatorKind::Coloring, AllocatorKind::Belady] {
        let result = run(kind, &problem, &env(9), false).expect("an allocation");
        assert!(stats(&problem, &result).cost >= lower_bound(&problem, &env(9)));
    }
}

/// Nothing here is quadratic: this would take minutes if it were.
#[test]
fn large_functions_take_no_time() {
    let mut b = Builder::default();
    let mut block = b.block(0);
    let mut live: Vec<VReg> = (0..12).map(|_| b.def(block)).collect();
    for i in 0..10_000 {
        for j in 0..6 {
            let v = b.vreg();
            b.op(
                block,
                &[Operand::reg_use(live[j]), Operand::reg_use(live[j + 5]), Operand::reg_def(v)],
            );
            live[(i + j) % 12] = v;
        }
        if i % 4 == 0 {
            let next = b.block(0);
            b.jump(block, next, &live[..2]);
            block = next;
            live[0] = b.param(block);
            live[1] = b.param(block);
        }
    }
    b.ret(block, &[]);
    let problem = b.finish();
    let linear = [
        AllocatorKind::Greedy,
        AllocatorKind::Fastalloc,
        AllocatorKind::Coloring,
        AllocatorKind::Belady,
    ];
    for kind in linear {
        let result = run(kind, &problem, &env(9), false).expect("an allocation");
        assert!(stats(&problem, &result).reloads > 0);
    }
    assert_eq!(peak_pressure(&problem)[0], 12);
    assert!(matches!(allocate_function(&problem, &env(9)), Outcome::NeedsSpill(_)));
}

#[test]
fn two_reused_inputs_beside_two_others_fit_four_registers() {
    let mut b = Builder::default();
    let block = b.block(0);
    let inputs: Vec<_> = (0..5).map(|_| b.def(block)).collect();
    let (low, high) = (b.vreg(), b.vreg());
    let uses = inputs[..4].iter().map(|&input| Operand::reg_use(input));
    let outputs = [Operand::reg_reuse_def(low, 0), Operand::reg_reuse_def(high, 1)];
    b.op(block, &uses.chain(outputs).collect::<Vec<_>>());
    b.read(block, &[low, high, inputs[0], inputs[4]]);
    b.ret(block, &[]);
    let problem = b.finish();
    for kind in AllocatorKind::ALL {
        if let Err(error) = run(kind, &problem, &env(4), true) {
            panic!("{}: {error}", kind.name());
        }
    }
}
