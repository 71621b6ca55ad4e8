use super::*;
use crate::regalloc::shadow::{shadow, stream_of};
use crate::regalloc::testing::{Builder, env, r, random};
use crate::regalloc::{Allocator, Greedy, Instruction, Ion, excess, stats};
use regalloc2::{Function, Operand, SpillSlot};

fn reg(n: usize) -> Allocation {
    Allocation::reg(r(n))
}

fn slot(n: usize) -> Allocation {
    Allocation::stack(SpillSlot::new(n))
}

fn op(reads: &[Allocation], writes: &[Allocation]) -> StreamInst {
    let reads = reads.iter().map(|&place| StreamOperand::reads(place));
    let writes = writes.iter().map(|&place| StreamOperand::writes(place));
    StreamInst { operands: reads.chain(writes).collect(), ..StreamInst::default() }
}

fn constant(to: Allocation) -> StreamInst {
    StreamInst { remat: true, ..op(&[], &[to]) }
}

fn copy(from: Allocation, to: Allocation) -> StreamInst {
    StreamInst::copy(0, from, to)
}

/// A stream of these blocks, with instructions numbered.
fn stream(blocks: Vec<(Vec<StreamInst>, Vec<u32>)>) -> Stream {
    let mut stream = Stream::default();
    let mut at = 0;
    for (mut insts, succs) in blocks {
        for inst in &mut insts {
            inst.at = at;
            at += 1;
        }
        stream.blocks.push(StreamBlock { insts, succs });
    }
    stream
}

fn analyze_with(k: usize, stream: &Stream) -> Analysis {
    let registers: PRegSet = (0..9).map(r).collect();
    analyze(stream, registers, &env_of(registers, k)).expect("an analysis")
}

/// r0 holds three values in turn and is one node; the values are apart, and a constant among them.
#[test]
fn a_register_that_is_used_again_hides_room() {
    // 0: r0 = 7      1: slot = r0   2: r0 = op        3: r1 = op r0
    // 4: r0 = slot   5: use r0, r1
    let straight = stream(vec![(
        vec![
            constant(reg(0)),
            copy(reg(0), slot(0)),
            op(&[], &[reg(0)]),
            op(&[reg(0)], &[reg(1)]),
            copy(slot(0), reg(0)),
            op(&[reg(0), reg(1)], &[]),
        ],
        vec![],
    )]);
    let analysis = analyze_with(2, &straight);
    let ranges = |place: &PlaceAnalysis| {
        place.ranges.iter().map(|r| (r.first.unwrap(), r.last)).collect::<Vec<_>>()
    };
    assert_eq!(ranges(&analysis.registers[0]), [(0, 1), (2, 3), (4, 5)]);
    assert_eq!(ranges(&analysis.registers[1]), [(3, 5)]);
    assert_eq!(ranges(&analysis.slots[0]), [(1, 4)]);
    // The constant, r0's second value, r1's: the first lives beside either of the others.
    assert_eq!((analysis.values, analysis.peak, analysis.excess), (3, 2, 0));
    let slot = &analysis.slots[0];
    assert_eq!((slot.stores, slot.reloads), (1, 1));
    assert_eq!((slot.as_node, slot.as_value), (Some(false), Some(true)));
    assert_eq!((analysis.spurious(), analysis.remat_as_value(), analysis.remat_as_node), (2, 1, 0));

    let one = analyze_with(1, &straight);
    assert_eq!((one.excess, one.fits()), (1, false));
    // A third register is free for the slot whatever the others hold.
    assert_eq!(analyze_with(3, &straight).slots[0].as_node, Some(true));
}

/// A home slot with a store in either arm is one range, and one value behind the join.
#[test]
fn joins_are_values_of_their_own() {
    let diamond = stream(vec![
        (vec![op(&[reg(0)], &[])], vec![1, 2]),
        (vec![op(&[], &[reg(1)]), copy(reg(1), slot(0))], vec![3]),
        (vec![op(&[], &[reg(2)]), copy(reg(2), slot(0))], vec![3]),
        (vec![copy(slot(0), reg(0)), op(&[reg(0)], &[])], vec![]),
    ]);
    let analysis = analyze_with(1, &diamond);
    assert_eq!(analysis.slots[0].ranges, [Range { first: Some(2), last: 5 }]);
    // r0's first, one in each arm, one behind: never two at once.
    assert_eq!((analysis.values, analysis.peak, analysis.excess), (4, 1, 0));
    assert_eq!(analysis.registers[0].ranges[0], Range { first: None, last: 0 });
}

/// What goes around a loop in a register and in its home is one value.
#[test]
fn a_loop_carries_one_value_in_two_places() {
    let around = stream(vec![
        (vec![op(&[], &[reg(0)]), copy(reg(0), slot(0))], vec![1]),
        (vec![op(&[reg(0)], &[reg(0)]), copy(reg(0), slot(0))], vec![1, 2]),
        (vec![copy(slot(0), reg(1)), op(&[reg(0), reg(1)], &[])], vec![]),
    ]);
    let analysis = analyze_with(1, &around);
    assert_eq!((analysis.values, analysis.peak, analysis.excess), (3, 1, 0));
}

#[test]
fn calls_leave_no_room_in_what_they_clobber() {
    let call =
        StreamInst { kind: StreamKind::Call, clobbers: (0..2).map(r).collect(), ..op(&[], &[]) };
    // The result is in r0, which nothing names as the call's.
    let across = stream(vec![(
        vec![op(&[], &[reg(0)]), copy(reg(0), slot(0)), call, op(&[reg(0), slot(0)], &[])],
        vec![],
    )]);
    let analysis = analyze_with(2, &across);
    assert_eq!((analysis.values, analysis.peak, analysis.excess), (2, 2, 1));
    assert_eq!(analysis.slots[0].as_value, Some(false));
    assert_eq!(analyze_with(3, &across).slots[0].as_value, Some(true));
}

/// A predicated move leaves what was there, so it is no copy.
#[test]
fn conditional_definitions_read_what_was_there() {
    let moved = StreamInst { conditional: true, ..copy(reg(1), reg(0)) };
    let stream =
        stream(vec![(vec![op(&[], &[reg(0), reg(1)]), moved, op(&[reg(0), reg(1)], &[])], vec![])]);
    let analysis = analyze_with(2, &stream);
    assert_eq!((analysis.values, analysis.peak), (3, 2));
    assert_eq!(analysis.registers[0].ranges.len(), 2);
}

#[test]
fn places_outside_are_precoloured() {
    let stream = stream(vec![(
        vec![op(&[], &[reg(10)]), op(&[reg(10)], &[reg(0)]), op(&[reg(0), reg(10)], &[])],
        vec![],
    )]);
    let analysis = analyze_with(1, &stream);
    assert_eq!((analysis.values, analysis.peak, analysis.excess), (1, 1, 0));
    assert_eq!(analysis.registers.len(), 1);
}

#[test]
fn what_cannot_be_reached_is_left_out() {
    let stream = stream(vec![
        (vec![op(&[], &[reg(0)])], vec![]),
        (vec![op(&[reg(0), reg(1), reg(2)], &[])], vec![0, 7]),
    ]);
    let analysis = analyze_with(4, &stream);
    // Nothing reads the one definition, which takes a register all the same.
    assert_eq!((analysis.values, analysis.peak), (0, 1));
    assert_eq!(analyze_with(4, &Stream::default()).values, 0);
}

/// No value is invented: what an allocation's stream shows is no more than its problem has, and all
/// its traffic.
#[test]
fn streams_of_allocations_have_no_more_values_than_their_problems() {
    let mut spilled = 0;
    for seed in 0..300 {
        let problem = random(seed);
        let env = env(4 + seed as usize % 6);
        let shadow = shadow(&problem, &env).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let stats = stats(&problem, &Greedy.allocate(&problem, &env).unwrap());
        let physical = &shadow.physical;
        assert_eq!(physical.spill_stores(), stats.spill_stores, "seed {seed}");
        assert_eq!(physical.reloads(), stats.reloads, "seed {seed}");
        assert!(physical.values as usize <= problem.num_vregs(), "seed {seed}");
        assert!(physical.peak <= shadow.peak_pressure, "seed {seed}: {physical:?}");
        spilled += stats.spill_stores;

        let ion = stream_of(&problem, &Ion.allocate(&problem, &env).unwrap());
        let ion = analyze(&ion, PRegSet::from(&env), &env).unwrap();
        assert!(ion.peak <= shadow.peak_pressure, "seed {seed}: {ion:?}");
    }
    assert!(spilled > 500, "{spilled}");
}

/// One value for each definition that is read, where nothing joins.
#[test]
fn a_straight_line_has_the_pressure_of_its_problem() {
    let mut b = Builder::default();
    let block = b.block(0);
    let values: Vec<_> = (0..7).map(|_| b.def(block)).collect();
    let result = b.call(block, &values[..2]);
    let sum = b.vreg();
    let operands: Vec<_> = values[2..].iter().map(|&v| Operand::any_use(v)).collect();
    b.op(block, &operands);
    b.push(block, Instruction { operands: vec![Operand::reg_def(sum)], ..Instruction::default() });
    b.ret(block, &[Operand::reg_fixed_use(result, r(0)), Operand::reg_fixed_use(sum, r(1))]);
    let problem = b.finish();
    for k in 4..=9 {
        let env = env(k);
        let shadow = shadow(&problem, &env).unwrap();
        assert_eq!(shadow.physical.peak, shadow.peak_pressure, "k = {k}");
        assert_eq!(shadow.physical.excess, excess(&problem, &env), "k = {k}");
        assert_eq!(shadow.physical.values as usize, problem.num_vregs(), "k = {k}");
        assert!(problem.num_insts() > 0);
    }
}
