//! Values on their way into places and out of them.
//!
//! A value's own registers and its places may be of different kinds: a float travels in core
//! registers (base variant), or a pair of core registers in s registers (f64 in the VFP variant on
//! a single-precision unit). Then its bits are moved over.
//!
//! On a double-precision unit allocators see d registers only, and an f32 is in the low half of
//! one. The VFP variant uses both halves: what travels in an odd s register shares a d register
//! with what is in the even one below, so the two are joined and parted in core registers.

use cranelift_codegen::ir::{Type, types};
use regalloc2::{PReg, RegClass};
use windlass_backend::lower::Lower;
use windlass_backend::reg::{Reg, ValueRegs, Writable};

use super::places::{Place, ValuePlaces};
use crate::inst::args::{AMode, FpSize, LoadOp, StoreOp};
use crate::inst::{Inst, WritableReg};
use crate::lower::float::{core_to_fp, fp_to_core};
use crate::{Thumb2, regs};

/// What goes into places: registers for the instruction that hands over, and stores before it.
#[derive(Default)]
pub struct Departures {
    uses: Vec<(Reg, PReg)>,
    stores: Vec<Inst>,
}

impl Departures {
    /// A value of type `ty` in virtual registers; `memory` gives the address of what travels there.
    pub fn pass(
        &mut self,
        ctx: &mut Lower<Thumb2>,
        ty: Type,
        value: ValueRegs<Reg>,
        places: &ValuePlaces,
        memory: impl Fn(u32) -> AMode,
    ) {
        let is_float = value.get(0).class() == RegClass::Float;
        let parts = match places.len() {
            2 if is_float => fp_to_core(ctx, FpSize::F64, value.get(0)),
            _ => value,
        };
        for (&place, reg) in places.iter().zip(parts.iter()) {
            match place {
                Place::Reg(preg) => {
                    let reg = in_class(ctx, reg, preg.class());
                    self.uses.push((reg, preg));
                }
                Place::Memory(at) => self.stores.push(gen_store(ty, reg, memory(at))),
                Place::Instance => {}
            }
        }
    }

    pub fn emit_stores(&mut self, ctx: &mut Lower<Thumb2>) {
        self.stores.drain(..).for_each(|store| ctx.emit(store));
    }

    /// The registers to use, with halves joined.
    pub fn into_uses(mut self, ctx: &mut Lower<Thumb2>) -> Vec<(Reg, PReg)> {
        if !ctx.isa.has_doubles() {
            return self.uses;
        }
        let (halves, mut uses): (Vec<_>, Vec<_>) =
            self.uses.drain(..).partition(|&(_, preg)| single(preg).is_some());
        let half =
            |n| halves.iter().find(|&&(_, preg)| single(preg) == Some(n)).map(|&(reg, _)| reg);
        for n in (0..32).step_by(2) {
            // The even half is taken before the odd one.
            let Some(even) = half(n) else { continue };
            let whole = match half(n + 1) {
                None => even,
                Some(odd) => {
                    let low = in_class(ctx, even, RegClass::Int);
                    let high = in_class(ctx, odd, RegClass::Int);
                    let rd = ctx.temp(RegClass::Float);
                    ctx.emit(core_to_fp(rd, ValueRegs::Two(low, high)));
                    rd.to_reg()
                }
            };
            uses.push((whole, regs::d(n / 2)));
        }
        uses
    }
}

/// What comes from places: registers that an instruction defines, and what follows it.
#[derive(Default)]
pub struct Arrivals {
    pub defs: Vec<(WritableReg, PReg)>,
    after: Vec<Inst>,
}

impl Arrivals {
    /// A value of type `ty`, wanted in the registers `value`.
    pub fn receive(
        &mut self,
        ctx: &mut Lower<Thumb2>,
        ty: Type,
        value: ValueRegs<Reg>,
        places: &ValuePlaces,
        memory: impl Fn(u32) -> AMode,
    ) {
        let float = Some(value.get(0)).filter(|reg| reg.class() == RegClass::Float);
        let Some(float) = float.filter(|_| places.len() == 2) else {
            return self.receive_parts(ctx, ty, value, places, memory);
        };
        let (low, high) = (ctx.temp(RegClass::Int), ctx.temp(RegClass::Int));
        let bits = ValueRegs::Two(low.to_reg(), high.to_reg());
        self.receive_parts(ctx, ty, bits, places, memory);
        self.after.push(core_to_fp(Writable::from_reg(float), bits));
    }

    fn receive_parts(
        &mut self,
        ctx: &mut Lower<Thumb2>,
        ty: Type,
        parts: ValueRegs<Reg>,
        places: &ValuePlaces,
        memory: impl Fn(u32) -> AMode,
    ) {
        for (&place, reg) in places.iter().zip(parts.iter()) {
            let rd = Writable::from_reg(reg);
            match place {
                Place::Reg(preg) if preg.class() == reg.class() => self.defs.push((rd, preg)),
                Place::Reg(preg) => {
                    let temp = ctx.temp(preg.class());
                    self.defs.push((temp, preg));
                    self.after.push(match preg.class() {
                        RegClass::Float => Inst::FpToCore { rt: rd, rn: temp.to_reg() },
                        _ => Inst::CoreToFp { rd, rt: temp.to_reg() },
                    });
                }
                Place::Memory(at) => self.after.push(gen_load(ty, rd, memory(at))),
                Place::Instance => {}
            }
        }
    }

    /// Parts halves of d registers; to be done once all values are known.
    pub fn part_halves(&mut self, ctx: &mut Lower<Thumb2>) {
        if !ctx.isa.has_doubles() {
            return;
        }
        let (halves, mut defs): (Vec<_>, Vec<_>) =
            self.defs.drain(..).partition(|&(_, preg)| single(preg).is_some());
        let half = |n| halves.iter().find(|&&(_, preg)| single(preg) == Some(n)).map(|&(rd, _)| rd);
        for n in (0..32).step_by(2) {
            let (even, odd) = (half(n), half(n + 1));
            if even.is_none() && odd.is_none() {
                continue;
            }
            let whole = even.unwrap_or_else(|| ctx.temp(RegClass::Float));
            defs.push((whole, regs::d(n / 2)));
            if let Some(rd) = odd {
                let (rt, rt2) = (ctx.temp(RegClass::Int), ctx.temp(RegClass::Int));
                let move_back = core_to_fp(rd, ValueRegs::One(rt2.to_reg()));
                self.after
                    .splice(0..0, [Inst::FpToCorePair { rt, rt2, rn: whole.to_reg() }, move_back]);
            }
        }
        self.defs = defs;
    }

    pub fn emit_after(self, ctx: &mut Lower<Thumb2>) {
        self.after.into_iter().for_each(|inst| ctx.emit(inst));
    }
}

/// The number of an s register.
fn single(preg: PReg) -> Option<usize> {
    (preg.class() == RegClass::Float && regs::d_number(preg).is_none()).then(|| preg.hw_enc())
}

/// The value, one word, in a register of the class.
fn in_class(ctx: &mut Lower<Thumb2>, reg: Reg, class: RegClass) -> Reg {
    if reg.class() == class {
        return reg;
    }
    let rd = ctx.temp(class);
    ctx.emit(match class {
        RegClass::Float => Inst::CoreToFp { rd, rt: reg },
        _ => Inst::FpToCore { rt: rd, rn: reg },
    });
    rd.to_reg()
}

fn gen_store(ty: Type, rt: Reg, addr: AMode) -> Inst {
    match rt.class() {
        RegClass::Float => Inst::FpStore { size: size_of(ty), rt, addr },
        _ => Inst::Store { op: StoreOp::Str, rt, addr },
    }
}

fn gen_load(ty: Type, rt: WritableReg, addr: AMode) -> Inst {
    match rt.to_reg().class() {
        RegClass::Float => Inst::FpLoad { size: size_of(ty), rt, addr },
        _ => Inst::Load { op: LoadOp::Ldr, rt, addr },
    }
}

fn size_of(ty: Type) -> FpSize {
    if ty == types::F64 { FpSize::F64 } else { FpSize::F32 }
}
