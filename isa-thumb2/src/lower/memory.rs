//! Loads and stores of i64: two words, by one instruction only where the address is surely
//! aligned, since `ldrd` and `strd` fault where it is not and wasm does not.

use cranelift_codegen::ir::{MemFlags, Value};
use windlass_backend::instance::offset;

use super::pairs::Pair;
use super::{Rules, amode, is_load_offset};
use crate::inst::Inst;
use crate::inst::args::{AMode, LoadOp, StoreOp};
use crate::inst::imms::fits_pair_offset;

impl Rules<'_, '_> {
    pub fn load_words(&mut self, flags: MemFlags, address: Value, offset: i32) -> Pair {
        let addr = self.pair_address(address, offset);
        let (rt, rt2) = (self.temp(), self.temp());
        if self.is_word_aligned(flags, address, addr) {
            self.ctx.emit(Inst::LoadPair { rt, rt2, addr });
        } else {
            self.ctx.emit(Inst::Load { op: LoadOp::Ldr, rt, addr });
            self.ctx.emit(Inst::Load { op: LoadOp::Ldr, rt: rt2, addr: next_word(addr) });
        }
        Pair { low: rt.to_reg(), high: rt2.to_reg() }
    }

    pub fn store_words(&mut self, flags: MemFlags, value: Value, address: Value, offset: i32) {
        let Pair { low: rt, high: rt2 } = self.pair(value);
        if self.ctx.is_instance(address) && offset < CACHED_FIELDS_END {
            self.store_instance_word(rt, address, offset);
            return self.store_instance_word(rt2, address, offset.wrapping_add(4));
        }
        let addr = self.pair_address(address, offset);
        if self.is_word_aligned(flags, address, addr) {
            self.ctx.emit(Inst::StorePair { rt, rt2, addr });
        } else {
            self.store_each(Pair { low: rt, high: rt2 }, addr);
        }
    }

    pub fn store_each(&mut self, Pair { low, high }: Pair, addr: AMode) {
        self.ctx.emit(Inst::Store { op: StoreOp::Str, rt: low, addr });
        self.ctx.emit(Inst::Store { op: StoreOp::Str, rt: high, addr: next_word(addr) });
    }

    /// Base and offset, computed once; never an index.
    pub fn pair_address(&mut self, address: Value, offset: i32) -> AMode {
        match amode(self.ctx, address, offset) {
            AMode::Index { .. } if is_load_offset(offset) => {
                AMode::Offset { base: self.ctx.put_in_reg(address), offset }
            }
            addr @ AMode::Index { .. } => {
                let base = self.emit_def(|rd| Inst::LoadAddr { rd, addr });
                AMode::Offset { base, offset: 0 }
            }
            addr => addr,
        }
    }

    pub fn is_word_aligned(&self, flags: MemFlags, address: Value, addr: AMode) -> bool {
        match addr {
            AMode::StackSlot { offset } => offset % 4 == 0,
            AMode::Offset { offset, .. } => {
                let aligned = self.ctx.func.dfg.mem_flags[flags].aligned();
                fits_pair_offset(offset) && (aligned || self.ctx.is_instance(address))
            }
            _ => false,
        }
    }
}

/// The end of the fields that have registers.
const CACHED_FIELDS_END: i32 = offset::MEM0_BASE + 4;

fn next_word(addr: AMode) -> AMode {
    match addr {
        AMode::Offset { base, offset } => AMode::Offset { base, offset: offset.wrapping_add(4) },
        AMode::StackSlot { offset } => AMode::StackSlot { offset: offset.wrapping_add(4) },
        other => other,
    }
}
