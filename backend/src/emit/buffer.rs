//! The emission buffer: bytes, labels and the branches between them.
//!
//! Input: instruction bytes in order, labels, [`Relaxable`] items (branches, jump tables, literal
//! loads), literals, relocations, traps, source locations and frame states. Output: [`Finished`] code in which
//! every relaxable item has the shortest form that reaches its targets.
//!
//! Relaxation starts every item at form 0 and grows those that do not reach, until nothing
//! changes. Invariant: an item never shrinks, so the loop ends after at most the total number of
//! forms; in practice two or three rounds do. The pool of literals follows the code, at a multiple
//! of 4; functions start at one.
//!
//! What a form looks like is the ISA's; where things are is ours. Positions are byte offsets from
//! the function's start; before `finish` they are offsets in the stream of fixed bytes.

use crate::compiled::{FrameRow, FrameState, Region, RegionKind, Reloc, SourceRange, TrapSite};
use crate::error::{Error, Result};
use crate::trap::Trap;
use core::ops::Range;
use smallvec::SmallVec;
use std::collections::HashMap;

/// A position that code refers to; bound once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MachLabel(u32);

impl MachLabel {
    pub fn from_index(index: usize) -> MachLabel {
        MachLabel(index as u32)
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An item whose length depends on how far its targets are.
pub trait Relaxable: Clone {
    /// Number of forms, in growing order of reach. What the last form does not reach makes the
    /// function too large.
    fn forms(&self) -> u8;

    /// Bytes of a form with `targets` targets that starts at `at` (alignment may matter).
    fn size(&self, form: u8, at: u32, targets: usize) -> u32;

    /// Whether the form, at `at`, reaches all of `targets`.
    fn reaches(&self, form: u8, at: u32, targets: &[u32]) -> bool;

    /// Appends exactly `size` bytes; returns which of them, counted from the item's start, are
    /// data rather than code (a table), if any.
    fn encode(&self, form: u8, at: u32, targets: &[u32], code: &mut Vec<u8>) -> Option<Range<u32>>;
}

#[derive(Clone)]
struct Item<R> {
    /// Offset in the fixed bytes before which the item stands.
    at: u32,
    relax: R,
    targets: SmallVec<[MachLabel; 2]>,
    form: u8,
}

/// A place in the stream: before fixed byte `at`, after the first `items` items.
#[derive(Clone, Copy)]
struct Bound {
    at: u32,
    items: u32,
}

/// What a label stands on.
#[derive(Clone, Copy)]
enum Place {
    Unbound,
    Code(Bound),
    /// Index into the pool.
    Literal(u32),
}

/// Collects a function's code; see the module's head.
pub struct MachBuffer<R> {
    bytes: Vec<u8>,
    items: Vec<Item<R>>,
    labels: Vec<Place>,
    relocs: Vec<(Bound, Reloc)>,
    traps: Vec<(Bound, Trap)>,
    /// Start of each run of equal source location.
    locs: Vec<(Bound, u32)>,
    /// Each with the bytes in front of the place that it already holds for.
    frames: Vec<(Bound, u32, FrameState)>,
    literals: Vec<u32>,
    literal_index: HashMap<u32, MachLabel>,
    marks: Vec<Bound>,
}

/// A function's final bytes with everything that refers into them.
#[derive(Debug, Default)]
pub struct Finished {
    pub code: Vec<u8>,
    pub relocs: Vec<Reloc>,
    pub traps: Vec<TrapSite>,
    pub source_ranges: Vec<SourceRange>,
    pub frame_rows: Vec<FrameRow>,
    pub regions: Vec<Region>,
    /// Offsets of `mark` calls, in order.
    pub marks: Vec<u32>,
}

impl Finished {
    /// The bytes of each region of code.
    pub fn code_regions(&self) -> impl Iterator<Item = &[u8]> {
        let ends = self.regions.iter().skip(1).map(|region| region.offset as usize);
        let spans = self.regions.iter().zip(ends.chain([self.code.len()]));
        spans
            .filter(|(region, _)| region.kind == RegionKind::Code)
            .map(|(region, end)| &self.code[region.offset as usize..end])
    }
}

impl<R: Relaxable> Default for MachBuffer<R> {
    fn default() -> Self {
        MachBuffer {
            bytes: Vec::new(),
            items: Vec::new(),
            labels: Vec::new(),
            relocs: Vec::new(),
            traps: Vec::new(),
            locs: Vec::new(),
            frames: Vec::new(),
            literals: Vec::new(),
            literal_index: HashMap::new(),
            marks: Vec::new(),
        }
    }
}

impl<R: Relaxable> MachBuffer<R> {
    pub fn new_label(&mut self) -> MachLabel {
        self.labels.push(Place::Unbound);
        MachLabel::from_index(self.labels.len() - 1)
    }

    /// Reserves labels 0 to n - 1, for blocks.
    pub fn reserve_block_labels(&mut self, n: usize) {
        debug_assert!(self.labels.is_empty());
        self.labels.resize(n, Place::Unbound);
    }

    pub fn bind(&mut self, label: MachLabel) {
        let here = self.here();
        let place = &mut self.labels[label.index()];
        debug_assert!(matches!(place, Place::Unbound), "a label is bound once");
        *place = Place::Code(here);
    }

    pub fn put2(&mut self, half: u16) {
        self.bytes.extend_from_slice(&half.to_le_bytes());
    }

    pub fn put4(&mut self, word: u32) {
        self.bytes.extend_from_slice(&word.to_le_bytes());
    }

    /// Adds an item whose final form is chosen by `finish`.
    pub fn put_relaxable(&mut self, relax: R, targets: SmallVec<[MachLabel; 2]>) {
        self.items.push(Item { at: self.bytes.len() as u32, relax, targets, form: 0 });
    }

    /// A label on a 32-bit literal in the pool behind the code; equal literals share a word.
    pub fn literal(&mut self, value: u32) -> MachLabel {
        if let Some(&label) = self.literal_index.get(&value) {
            return label;
        }
        let label = self.new_label();
        self.labels[label.index()] = Place::Literal(self.literals.len() as u32);
        self.literal_index.insert(value, label);
        self.literals.push(value);
        label
    }

    /// A relocation of the instruction that comes next.
    pub fn add_reloc(&mut self, kind: u32, target: crate::compiled::RelocTarget) {
        let reloc = Reloc { offset: 0, kind, target };
        self.relocs.push((self.here(), reloc));
    }

    /// The instruction that comes next traps.
    pub fn add_trap(&mut self, trap: Trap) {
        self.traps.push((self.here(), trap));
    }

    /// Remembers this place for listings.
    pub fn mark(&mut self) {
        self.marks.push(self.here());
    }

    /// What follows stems from byte `loc` of the wasm file, `u32::MAX` for nowhere.
    pub fn set_source(&mut self, loc: u32) {
        if self.locs.last().map(|&(_, last)| last) != Some(loc) {
            self.locs.push((self.here(), loc));
        }
    }

    /// The frame's state from here on, or from `early` bytes before.
    pub fn set_frame(&mut self, state: &FrameState, early: u32) {
        if self.frames.last().map(|(.., last)| last) != Some(state) {
            self.frames.push((self.here(), early, state.clone()));
        }
    }

    fn here(&self) -> Bound {
        Bound { at: self.bytes.len() as u32, items: self.items.len() as u32 }
    }

    /// Chooses forms and lays everything out. All labels that are used must be bound.
    ///
    /// # Errors
    /// The code is larger than branches reach.
    pub fn finish(mut self) -> Result<Finished> {
        let layout = self.relax()?;
        Ok(self.assemble(&layout))
    }

    /// Grows items until all reach.
    fn relax(&mut self) -> Result<Layout> {
        loop {
            let layout = self.lay_out();
            let mut grew = false;
            let mut targets = Targets::new();
            for (item, &at) in self.items.iter_mut().zip(&layout.items) {
                layout.find(&self.labels, &item.targets, &mut targets);
                while !item.relax.reaches(item.form, at, &targets) {
                    item.form += 1;
                    grew = true;
                    if item.form == item.relax.forms() {
                        return Err(Error::unsupported("a function beyond the reach of branches"));
                    }
                }
            }
            if !grew {
                return Ok(layout);
            }
        }
    }

    fn lay_out(&self) -> Layout {
        let mut items = Vec::with_capacity(self.items.len());
        let mut growth = Vec::with_capacity(self.items.len() + 1);
        let mut grown = 0;
        growth.push(0);
        for item in &self.items {
            let at = item.at + grown;
            items.push(at);
            grown += item.relax.size(item.form, at, item.targets.len());
            growth.push(grown);
        }
        let code_end = self.bytes.len() as u32 + grown;
        Layout { items, growth, code_end, pool_start: code_end.next_multiple_of(4) }
    }

    fn assemble(self, layout: &Layout) -> Finished {
        let mut code = Vec::with_capacity(self.bytes.len() + 4 * self.items.len());
        let mut regions = vec![Region { offset: 0, kind: RegionKind::Code }];
        let mut copied = 0;
        let mut targets = Targets::new();
        for (item, &at) in self.items.iter().zip(&layout.items) {
            code.extend_from_slice(&self.bytes[copied..item.at as usize]);
            copied = item.at as usize;
            debug_assert_eq!(code.len(), at as usize);
            layout.find(&self.labels, &item.targets, &mut targets);
            if let Some(data) = item.relax.encode(item.form, at, &targets, &mut code) {
                regions.push(Region { offset: at + data.start, kind: RegionKind::Data });
                regions.push(Region { offset: at + data.end, kind: RegionKind::Code });
            }
        }
        code.extend_from_slice(&self.bytes[copied..]);
        debug_assert_eq!(code.len(), layout.code_end as usize);
        if !self.literals.is_empty() {
            regions.push(Region { offset: layout.code_end, kind: RegionKind::Data });
            code.resize(layout.pool_start as usize, 0);
            code.extend(self.literals.iter().flat_map(|value| value.to_le_bytes()));
        }
        simplify(&mut regions, code.len() as u32);

        let relocs = self
            .relocs
            .into_iter()
            .map(|(bound, reloc)| Reloc { offset: layout.position(bound), ..reloc })
            .collect();
        let traps = self
            .traps
            .iter()
            .map(|&(bound, trap)| TrapSite { offset: layout.position(bound), trap })
            .collect();
        let source_ranges = source_ranges(&self.locs, layout);
        let frame_rows = frame_rows(self.frames, layout);
        let marks = self.marks.iter().map(|&bound| layout.position(bound)).collect();
        Finished { code, relocs, traps, source_ranges, frame_rows, regions, marks }
    }
}

type Targets = SmallVec<[u32; 8]>;

/// Drops empty regions and joins neighbours of one kind.
fn simplify(regions: &mut Vec<Region>, end: u32) {
    // An empty region gives way to the one that follows it.
    regions.dedup_by(|next, prev| {
        let empty = next.offset == prev.offset;
        if empty {
            prev.kind = next.kind;
        }
        empty
    });
    regions.retain(|region| region.offset < end);
    regions.dedup_by_key(|region| region.kind);
}

fn source_ranges(locs: &[(Bound, u32)], layout: &Layout) -> Vec<SourceRange> {
    let starts = locs.iter().map(|&(bound, loc)| (layout.position(bound), loc));
    let ends =
        locs.iter().skip(1).map(|&(bound, _)| layout.position(bound)).chain([layout.code_end]);
    starts
        .zip(ends)
        .filter(|&((start, loc), end)| start < end && loc != u32::MAX)
        .map(|((start, loc), end)| SourceRange { start, end, loc })
        .collect()
}

/// Of several states at one place the last holds.
fn frame_rows(frames: Vec<(Bound, u32, FrameState)>, layout: &Layout) -> Vec<FrameRow> {
    let mut rows: Vec<FrameRow> = Vec::with_capacity(frames.len());
    for (bound, early, state) in frames {
        let offset = layout.position(bound) - early;
        if rows.last().is_some_and(|row| row.offset == offset) {
            rows.pop();
        }
        rows.push(FrameRow { offset, state });
    }
    rows
}

/// Where everything is for one choice of forms.
struct Layout {
    /// Start of each item.
    items: Vec<u32>,
    /// Bytes added by the first n items.
    growth: Vec<u32>,
    code_end: u32,
    pool_start: u32,
}

impl Layout {
    fn position(&self, bound: Bound) -> u32 {
        bound.at + self.growth[bound.items as usize]
    }

    /// The positions of an item's targets.
    fn find(&self, labels: &[Place], targets: &[MachLabel], to: &mut Targets) {
        to.clear();
        to.extend(targets.iter().map(|label| match labels[label.index()] {
            Place::Code(bound) => self.position(bound),
            Place::Literal(index) => self.pool_start + 4 * index,
            Place::Unbound => unreachable!("a label that is used is bound"),
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smallvec::smallvec;

    /// An instruction set of one branch: two bytes reach 8 bytes, four reach 100, and a table
    /// whose middle two bytes are data.
    #[derive(Clone)]
    enum Toy {
        Branch,
        Table,
    }

    impl Relaxable for Toy {
        fn forms(&self) -> u8 {
            2
        }

        fn size(&self, form: u8, _at: u32, _targets: usize) -> u32 {
            match self {
                Toy::Branch => 2 + 2 * u32::from(form),
                Toy::Table => 6,
            }
        }

        fn reaches(&self, form: u8, at: u32, targets: &[u32]) -> bool {
            let limit = if form == 0 { 8 } else { 100 };
            targets.iter().all(|&target| target.abs_diff(at) <= limit)
        }

        fn encode(
            &self,
            form: u8,
            at: u32,
            targets: &[u32],
            code: &mut Vec<u8>,
        ) -> Option<Range<u32>> {
            let size = self.size(form, at, targets.len()) as usize;
            let target = targets.first().copied().unwrap_or(0);
            code.resize(code.len() + size, target as u8);
            matches!(self, Toy::Table).then_some(2..4)
        }
    }

    fn buffer() -> MachBuffer<Toy> {
        MachBuffer::default()
    }

    fn branch(buffer: &mut MachBuffer<Toy>, target: MachLabel) {
        buffer.put_relaxable(Toy::Branch, smallvec![target]);
    }

    fn fill(buffer: &mut MachBuffer<Toy>, halves: u32) {
        (0..halves).for_each(|_| buffer.put2(0xffff));
    }

    #[test]
    fn one_branch_that_grows_makes_another_grow() {
        // The first would reach its target, were the second, between them, not to grow.
        let mut b = buffer();
        let (near, far) = (b.new_label(), b.new_label());
        branch(&mut b, near);
        branch(&mut b, far);
        fill(&mut b, 2);
        b.bind(near);
        fill(&mut b, 2);
        b.bind(far);
        b.put2(0);
        let code = b.finish().unwrap().code;
        assert_eq!(code[..8], [12, 12, 12, 12, 16, 16, 16, 16]);
    }

    #[test]
    fn what_follows_a_grown_branch_moves_with_it() {
        let mut b = buffer();
        let far = b.new_label();
        b.set_source(1);
        b.mark();
        branch(&mut b, far);
        b.set_source(2);
        b.mark();
        b.add_reloc(10, crate::compiled::RelocTarget::Name("there".into()));
        fill(&mut b, 8);
        b.add_trap(Trap::Unreachable);
        b.bind(far);
        b.put2(0);
        let finished = b.finish().unwrap();
        assert_eq!(finished.code.len(), 4 + 16 + 2);
        assert_eq!(finished.code[0], 20);
        assert_eq!(finished.relocs[0].offset, 4);
        assert_eq!(finished.traps[0].offset, 20);
        assert_eq!(finished.marks, [0, 4]);
        let ranges: Vec<_> =
            finished.source_ranges.iter().map(|r| (r.start, r.end, r.loc)).collect();
        assert_eq!(ranges, [(0, 4, 1), (4, 22, 2)]);
    }

    #[test]
    fn code_beyond_all_forms_is_an_error() {
        for (halves, fits) in [(48, true), (49, false)] {
            let mut b = buffer();
            let far = b.new_label();
            branch(&mut b, far);
            fill(&mut b, halves);
            b.bind(far);
            b.put2(0);
            assert_eq!(b.finish().is_ok(), fits);
        }
    }

    #[test]
    fn the_pool_is_aligned_shared_and_data() {
        let mut b = buffer();
        let first = b.literal(7);
        assert_eq!(b.literal(8).index(), first.index() + 1);
        assert_eq!(b.literal(7), first);
        fill(&mut b, 2);
        branch(&mut b, first);
        let finished = b.finish().unwrap();
        let expected = [255, 255, 255, 255, 8, 8, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0];
        assert_eq!(finished.code, expected);
        let regions: Vec<_> = finished.regions.iter().map(|r| (r.offset, r.kind)).collect();
        assert_eq!(regions, [(0, RegionKind::Code), (6, RegionKind::Data)]);
        assert_eq!(finished.code_regions().map(<[u8]>::len).sum::<usize>(), 6);
    }

    #[test]
    fn tables_are_data_between_code() {
        let mut b = buffer();
        b.put_relaxable(Toy::Table, smallvec![]);
        b.put_relaxable(Toy::Table, smallvec![]);
        let finished = b.finish().unwrap();
        let regions: Vec<_> = finished.regions.iter().map(|r| (r.offset, r.kind)).collect();
        use RegionKind::{Code, Data};
        assert_eq!(regions, [(0, Code), (2, Data), (4, Code), (8, Data), (10, Code)]);
    }

    #[test]
    fn an_empty_function_has_no_regions() {
        let finished = buffer().finish().unwrap();
        assert!(finished.code.is_empty() && finished.regions.is_empty());
    }
}
