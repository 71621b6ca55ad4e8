//! Copying and filling memory, by words where it pays.
//!
//! The destination is brought to a word's boundary first; words of the source may be unaligned.

use super::code::{Code, Val};
use cranelift_codegen::ir::Block;
use cranelift_codegen::ir::types::I32;

/// Shorter regions go byte by byte.
const BY_WORDS: u64 = 16;

/// Words moved in one turn of the innermost loop.
const UNROLL: u32 = 4;

/// Which way addresses run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    /// Addresses are those of the end.
    Down,
}

/// What one turn of a loop moves.
#[derive(Clone, Copy)]
enum Piece {
    Byte,
    Words(u32),
}

impl Piece {
    fn bytes(self) -> u64 {
        match self {
            Piece::Byte => 1,
            Piece::Words(words) => u64::from(words) * 4,
        }
    }
}

/// The rest of a region: bytes left, destination and, of a copy, source.
#[derive(Clone, Copy)]
struct Region<'c> {
    len: Val<'c>,
    to: Val<'c>,
    from: Option<Val<'c>>,
}

impl<'c> Region<'c> {
    fn args(self) -> Vec<Val<'c>> {
        [self.len, self.to].into_iter().chain(self.from).collect()
    }

    /// A new block with the region as its parameters.
    fn block(self, code: &Code<'c>) -> Block {
        code.block(&vec![code.pointer(); self.args().len()])
    }

    /// Goes on in `block`, made by a region of the same kind.
    fn enter(self, code: &'c Code<'c>, block: Block) -> Region<'c> {
        match self.from {
            None => {
                let [len, to] = code.enter(block);
                Region { len, to, from: None }
            }
            Some(_) => {
                let [len, to, from] = code.enter(block);
                Region { len, to, from: Some(from) }
            }
        }
    }

    /// What is left after a piece.
    fn after(self, direction: Direction, bytes: u64) -> Region<'c> {
        let next = |place: Val<'c>| match direction {
            Direction::Up => place + bytes,
            Direction::Down => place - bytes,
        };
        Region { len: self.len - bytes, to: next(self.to), from: self.from.map(next) }
    }
}

/// Copies as if through a buffer.
pub fn copy<'c>(code: &'c Code<'c>, to: Val<'c>, from: Val<'c>, len: Val<'c>) {
    let (up, down) = (code.block(&[]), code.block(&[]));
    // Only a destination inside of the source is to be written from its end.
    code.branch((to - from).uge(len), (up, &[]), (down, &[]));
    code.enter::<0>(up);
    in_pieces(code, Direction::Up, Region { len, to, from: Some(from) }, copy_piece);
    code.enter::<0>(down);
    let ends = Region { len, to: to + len, from: Some(from + len) };
    in_pieces(code, Direction::Down, ends, copy_piece);
}

fn copy_piece<'c>(piece: Piece, region: Region<'c>) {
    let Region { to, from: Some(from), .. } = region else { return };
    match piece {
        Piece::Byte => to.store_byte(from.load_byte()),
        Piece::Words(words) => {
            // All of them are read before one is written: the regions may overlap.
            let words: Vec<Val<'c>> = (0..words).map(|n| from.load(I32, 4 * n as i32)).collect();
            for (n, word) in words.into_iter().enumerate() {
                to.store(word, 4 * n as i32);
            }
        }
    }
}

/// Stores the lowest eight bits of `byte`.
pub fn fill<'c>(code: &'c Code<'c>, to: Val<'c>, len: Val<'c>, byte: Val<'c>) {
    let word = (byte & 0xff) * 0x0101_0101;
    let region = Region { len, to, from: None };
    in_pieces(code, Direction::Up, region, |piece, Region { to, .. }| match piece {
        Piece::Byte => to.store_byte(word),
        Piece::Words(words) => (0..words).for_each(|n| to.store(word, 4 * n as i32)),
    });
}

/// Goes through a region and returns. `step` handles the piece at the start of what it gets.
fn in_pieces<'c>(
    code: &'c Code<'c>,
    direction: Direction,
    region: Region<'c>,
    step: impl Fn(Piece, Region<'c>),
) {
    let (words, bytes) = (code.block(&[]), region.block(code));
    code.branch(region.len.ult(BY_WORDS), (bytes, &region.args()), (words, &[]));

    code.enter::<0>(words);
    let unaligned = match direction {
        Direction::Up => -region.to & 3,
        Direction::Down => region.to & 3,
    };
    let rest = region.len - unaligned;
    let head = Region { len: unaligned, ..region };
    let head = repeat(code, direction, Piece::Byte, head, &step);
    let body = Region { len: rest, ..head };
    let body = repeat(code, direction, Piece::Words(UNROLL), body, &step);
    let body = repeat(code, direction, Piece::Words(1), body, &step);
    code.jump(bytes, &body.args());

    let tail = region.enter(code, bytes);
    repeat(code, direction, Piece::Byte, tail, &step);
    code.ret(&[]);
}

/// Handles pieces while the region has a whole one; returns the rest.
fn repeat<'c>(
    code: &'c Code<'c>,
    direction: Direction,
    piece: Piece,
    region: Region<'c>,
    step: &impl Fn(Piece, Region<'c>),
) -> Region<'c> {
    let (head, body, done) = (region.block(code), code.block(&[]), code.block(&[]));
    code.jump(head, &region.args());
    let region = region.enter(code, head);
    code.branch(region.len.ult(piece.bytes()), (done, &[]), (body, &[]));
    code.enter::<0>(body);
    let next = region.after(direction, piece.bytes());
    step(piece, if direction == Direction::Up { region } else { next });
    code.jump(head, &next.args());
    code.enter::<0>(done);
    region
}
