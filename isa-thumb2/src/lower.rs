//! The Rust side of the lowering rules: what ISLE terms mean, and branches.
//!
//! The rules stand in `isle/lower.isle`, for i64 in `isle/lower_i64.isle`, for floats in
//! `isle/lower_float.isle`; what these build on in the modules below; calls and returns in `abi.rs`.

mod division;
pub mod float;
mod memory;
mod pairs;
pub mod runtime;
mod words;

use cranelift_codegen::ir::condcodes::{CondCode, FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64, Offset32};
use cranelift_codegen::ir::{
    self, BlockCall, FuncRef, GlobalValue, GlobalValueData, InstructionData, MemFlags, StackSlot,
    TrapCode, Type, Value, ValueList, types,
};
use regalloc2::RegClass;
use windlass_backend::compiled::RelocTarget;
use windlass_backend::emit::buffer::MachLabel;
use windlass_backend::instance::ContextReg;
use windlass_backend::isa::{InstOutput, Isa};
use windlass_backend::lower::{Lower, ValueUse};
use windlass_backend::reg::{Reg, ValueRegs, Writable};
use windlass_backend::{Error, Result, Trap};

use crate::inst::Inst as MInst;
use crate::inst::WritableReg;
use crate::inst::args::*;
use crate::inst::imms::{is_imm12, is_mod_imm};
use crate::{Thumb2, abi};
use division::DivisionPart;
use pairs::Pair;
use words::{Half, Word, Words};

#[allow(dead_code, unused_variables, unreachable_patterns, unused_imports)]
#[allow(clippy::all)]
mod generated {
    extern crate alloc;
    use super::*;
    use cranelift_codegen::ir::immediates::*;
    use cranelift_codegen::ir::types::{I8, I16, I32, I64};
    use cranelift_codegen::ir::*;
    type ValueArray2 = [Value; 2];
    type ValueArray3 = [Value; 3];
    type BlockArray2 = [BlockCall; 2];
    type Unit = ();
    include!(concat!(env!("OUT_DIR"), "/isle.rs"));
}

type ValueSlice = (ValueList, usize);
type Field = (u8, u8);
type Comparison = (IntCC, u32);

/// What the generated code calls back into.
struct Rules<'a, 'f> {
    ctx: &'a mut Lower<'f, Thumb2>,
    /// The first thing that a rule could not express.
    error: Option<Error>,
}

/// Lowers an instruction that is no branch.
pub fn lower(ctx: &mut Lower<Thumb2>, inst: ir::Inst) -> Result<InstOutput> {
    let opcode = ctx.func.dfg.insts[inst].opcode();
    if opcode.is_return() && !opcode.is_call() {
        return abi::lower_return(ctx, inst);
    }
    if opcode.is_call() {
        return abi::lower_call(ctx, inst);
    }
    let mut rules = Rules { ctx, error: None };
    let output = if has(rules.ctx, inst, Type::is_float) {
        let by_rule = generated::constructor_lower_float(&mut rules, inst);
        by_rule.or_else(|| rules.lower_by_runtime(inst))
    } else if has(rules.ctx, inst, |ty| ty == types::I64) {
        generated::constructor_lower_i64(&mut rules, inst)
    } else {
        None
    };
    let output = output.or_else(|| generated::constructor_lower(&mut rules, inst));
    match (output, rules.error.take()) {
        (Some(output), None) => Ok(output),
        (_, Some(error)) => Err(error),
        (None, None) => Err(Error::unsupported(describe(ctx, inst))),
    }
}

/// Is there such a type among results and operands?
fn has(ctx: &Lower<Thumb2>, inst: ir::Inst, is_such: impl Fn(Type) -> bool) -> bool {
    let dfg = &ctx.func.dfg;
    let mut values = dfg.inst_results(inst).iter().chain(dfg.inst_args(inst));
    values.any(|&value| is_such(dfg.value_type(value)))
}

/// The instruction with its type, for messages.
fn describe(ctx: &Lower<Thumb2>, inst: ir::Inst) -> String {
    let dfg = &ctx.func.dfg;
    let ty = dfg.inst_results(inst).first().or(dfg.inst_args(inst).first());
    match ty {
        Some(&value) => format!("{} of type {}", dfg.insts[inst].opcode(), dfg.value_type(value)),
        None => dfg.insts[inst].opcode().to_string(),
    }
}

/// Lowers a branch whose distinct edges have these labels.
pub fn lower_branch(ctx: &mut Lower<Thumb2>, inst: ir::Inst, edges: &[MachLabel]) -> Result<()> {
    match ctx.func.dfg.insts[inst] {
        InstructionData::Jump { .. } => ctx.emit(MInst::Jump { target: edges[0] }),
        InstructionData::Brif { arg, .. } => {
            let mut rules = Rules { ctx, error: None };
            let cond = generated::constructor_cond_of(&mut rules, arg);
            if let Some(error) = rules.error {
                return Err(error);
            }
            ctx.emit(MInst::CondBr { cond, taken: edges[0], not_taken: edges[1] });
        }
        InstructionData::BranchTable { arg, table, .. } => {
            lower_br_table(ctx, inst, arg, table, edges);
        }
        ref data => return Err(Error::unsupported(data.opcode().to_string())),
    }
    Ok(())
}

fn lower_br_table(
    ctx: &mut Lower<Thumb2>,
    inst: ir::Inst,
    index: Value,
    table: ir::JumpTable,
    edges: &[MachLabel],
) {
    let calls = windlass_backend::lower::order::edges(ctx.func, inst);
    let pool = &ctx.func.dfg.value_lists;
    let key = |call: &BlockCall| (call.block(pool), call.args(pool).collect::<Vec<_>>());
    let labels: std::collections::HashMap<_, _> =
        calls.iter().map(key).zip(edges.iter().copied()).collect();
    let table = &ctx.func.dfg.jump_tables[table];
    let default = labels[&key(&table.default_block())];
    let targets: Vec<MachLabel> = table.as_slice().iter().map(|call| labels[&key(call)]).collect();
    if targets.is_empty() {
        ctx.emit(MInst::Jump { target: default });
        return;
    }
    let index = Reg::from(ctx.put_in_vregs(index).get(0));
    ctx.emit(MInst::JumpTable { index, default, targets: Box::new(targets) });
}

fn condition(cc: IntCC) -> Cond {
    match cc {
        IntCC::Equal => Cond::Eq,
        IntCC::NotEqual => Cond::Ne,
        IntCC::SignedLessThan => Cond::Lt,
        IntCC::SignedGreaterThanOrEqual => Cond::Ge,
        IntCC::SignedGreaterThan => Cond::Gt,
        IntCC::SignedLessThanOrEqual => Cond::Le,
        IntCC::UnsignedLessThan => Cond::Lo,
        IntCC::UnsignedGreaterThanOrEqual => Cond::Hs,
        IntCC::UnsignedGreaterThan => Cond::Hi,
        IntCC::UnsignedLessThanOrEqual => Cond::Ls,
    }
}

/// Bits of a type that one core register holds.
fn bits(ty: Type) -> u32 {
    ty.bits().min(32)
}

impl Rules<'_, '_> {
    fn temp(&mut self) -> WritableReg {
        self.ctx.temp(RegClass::Int)
    }

    /// Emits what writes one new register.
    fn emit_def(&mut self, build: impl FnOnce(WritableReg) -> MInst) -> Reg {
        let rd = self.temp();
        self.ctx.emit(build(rd));
        rd.to_reg()
    }

    /// A register that an instruction may reuse for its result.
    fn reusable(&mut self, reg: Reg) -> Reg {
        if reg.is_virtual() {
            return reg;
        }
        self.emit_def(|rd| MInst::Mov { op: MovOp::Mov, s: false, rd, op2: Operand2::Reg(reg) })
    }

    fn extended(&mut self, value: Value, byte: UnaryOp, half: UnaryOp) -> Reg {
        let reg = self.ctx.put_in_reg(value);
        match self.ctx.func.dfg.value_type(value) {
            types::I8 => self.emit_def(|rd| MInst::Unary { op: byte, rd, rm: reg }),
            types::I16 => self.emit_def(|rd| MInst::Unary { op: half, rd, rm: reg }),
            _ => reg,
        }
    }

    fn fail(&mut self, error: Error) {
        self.error.get_or_insert(error);
    }

    fn constant_of(&self, value: Value) -> Option<u32> {
        let ty = self.ctx.func.dfg.value_type(value);
        let bits = self.ctx.constant(value)?;
        let mask = if ty.bits() >= 32 { u32::MAX } else { (1 << ty.bits()) - 1 };
        (ty.bits() <= 32).then_some(bits as u32 & mask)
    }

    /// Does the instruction leave bits above a narrow result clear?
    fn is_zero_extended(&self, value: Value) -> bool {
        let value = self.ctx.func.dfg.resolve_aliases(value);
        let Some(inst) = self.ctx.func.dfg.value_def(value).inst() else { return false };
        matches!(
            self.ctx.func.dfg.insts[inst],
            InstructionData::IntCompare { .. }
                | InstructionData::FloatCompare { .. }
                | InstructionData::Load { opcode: ir::Opcode::Load, .. }
                | InstructionData::UnaryImm { .. }
        )
    }

    /// The trap of a check. One that is interrupted clears a flag of the instance.
    fn conditional_trap(&mut self, code: TrapCode) -> Trap {
        let trap = Trap::from_clif(code);
        let instance = ir::ArgumentPurpose::VMContext;
        let signature = &self.ctx.func.signature;
        if trap == Trap::Interrupted && signature.special_param_index(instance).is_none() {
            let what = "the trap `interrupted` in a function without an instance";
            self.fail(Error::unsupported(what));
        }
        trap
    }

    /// Stores a word; a context field's register takes the value as well.
    fn store_instance_word(&mut self, rt: Reg, address: Value, offset: i32) {
        let addr = amode(self.ctx, address, offset);
        self.ctx.emit(MInst::Store { op: StoreOp::Str, rt, addr });
        let cached = ContextReg::at_offset(offset).filter(|_| self.ctx.is_instance(address));
        if let Some(reg) = cached {
            let rd = Writable::from_reg(self.ctx.isa.context_reg(reg).into());
            let op2 = Operand2::Reg(rt);
            self.ctx.emit(MInst::Mov { op: MovOp::Mov, s: false, rd, op2 });
        }
    }

    fn load_target(&mut self, target: Result<RelocTarget>) -> Reg {
        match target {
            Ok(target) => self.emit_def(|rd| MInst::LoadSymbol { rd, target }),
            Err(error) => {
                self.fail(error);
                self.temp().to_reg()
            }
        }
    }
}

impl generated::Context for Rules<'_, '_> {
    // --- CLIF ------------------------------------------------------------------------------

    fn inst_data_value(&mut self, inst: ir::Inst) -> (Type, InstructionData) {
        let dfg = &self.ctx.func.dfg;
        let ty = dfg.inst_results(inst).first().map_or(types::INVALID, |&v| dfg.value_type(v));
        (ty, dfg.insts[inst])
    }

    fn unpack_value_array_2(&mut self, arr: &[Value; 2]) -> (Value, Value) {
        (arr[0], arr[1])
    }

    fn pack_value_array_2(&mut self, a: Value, b: Value) -> [Value; 2] {
        [a, b]
    }

    fn unpack_value_array_3(&mut self, arr: &[Value; 3]) -> (Value, Value, Value) {
        (arr[0], arr[1], arr[2])
    }

    fn pack_value_array_3(&mut self, a: Value, b: Value, c: Value) -> [Value; 3] {
        [a, b, c]
    }

    fn unpack_block_array_2(&mut self, arr: &[BlockCall; 2]) -> (BlockCall, BlockCall) {
        (arr[0], arr[1])
    }

    fn pack_block_array_2(&mut self, a: BlockCall, b: BlockCall) -> [BlockCall; 2] {
        [a, b]
    }

    fn value_list_slice(&mut self, list: ValueList) -> ValueSlice {
        (list, 0)
    }

    fn unwrap_head_value_list_1(&mut self, list: ValueList) -> (Value, ValueSlice) {
        let head = list.first(&self.ctx.func.dfg.value_lists).expect("a callee operand");
        (head, (list, 1))
    }

    fn def_inst(&mut self, value: Value) -> Option<ir::Inst> {
        self.ctx.pure_def(value)
    }

    fn value_type(&mut self, value: Value) -> Type {
        self.ctx.func.dfg.value_type(value)
    }

    fn int32(&mut self, ty: Type) -> Option<Type> {
        (ty == types::I32).then_some(ty)
    }

    fn narrow(&mut self, ty: Type) -> Option<Type> {
        matches!(ty, types::I8 | types::I16).then_some(ty)
    }

    fn word(&mut self, ty: Type) -> Option<Type> {
        matches!(ty, types::I8 | types::I16 | types::I32).then_some(ty)
    }

    fn loaded_word(&mut self, value: Value) -> Option<()> {
        let dfg = &self.ctx.func.dfg;
        let inst = dfg.value_def(dfg.resolve_aliases(value)).inst()?;
        let is_load = dfg.insts[inst].opcode() == ir::Opcode::Load;
        (is_load && dfg.value_type(value) == types::I32).then_some(())
    }

    fn once(&mut self, value: Value) -> Option<Value> {
        (self.ctx.value_use(value) == ValueUse::Once).then_some(value)
    }

    fn u32_const(&mut self, value: Value) -> Option<u32> {
        self.constant_of(value)
    }

    fn offset32(&mut self, offset: Offset32) -> i32 {
        offset.into()
    }

    fn intcc_swap(&mut self, cc: &IntCC) -> IntCC {
        cc.swap_args()
    }

    fn intcc_invert(&mut self, cc: &IntCC) -> IntCC {
        cc.complement()
    }

    fn intcc_equal(&mut self, a: &IntCC, b: &IntCC) -> Option<()> {
        (a == b).then_some(())
    }

    fn intcc_unsigned_or_equality(&mut self, cc: &IntCC) -> Option<()> {
        let equality = matches!(cc, IntCC::Equal | IntCC::NotEqual);
        (equality || *cc == cc.unsigned()).then_some(())
    }

    fn put_in_reg(&mut self, value: Value) -> Reg {
        self.ctx.put_in_reg(value)
    }

    fn put_in_reg_zext(&mut self, value: Value) -> Reg {
        if self.is_zero_extended(value) {
            return self.ctx.put_in_reg(value);
        }
        self.extended(value, UnaryOp::Uxtb, UnaryOp::Uxth)
    }

    fn put_in_reg_sext(&mut self, value: Value) -> Reg {
        self.extended(value, UnaryOp::Sxtb, UnaryOp::Sxth)
    }

    fn output(&mut self, reg: Reg) -> InstOutput {
        InstOutput::from_elem(ValueRegs::One(reg), 1)
    }

    fn output_pair(&mut self, a: Reg, b: Reg) -> InstOutput {
        InstOutput::from_slice(&[ValueRegs::One(a), ValueRegs::One(b)])
    }

    fn output_none(&mut self) -> InstOutput {
        InstOutput::new()
    }

    // --- Constants -------------------------------------------------------------------------

    fn mod_imm(&mut self, value: Value) -> Option<u32> {
        self.constant_of(value).filter(|&n| is_mod_imm(n))
    }

    fn not_mod_imm(&mut self, value: Value) -> Option<u32> {
        self.constant_of(value).map(|n| !n).filter(|&n| is_mod_imm(n))
    }

    fn add_imm(&mut self, value: Value) -> Option<u32> {
        self.constant_of(value).filter(|&n| is_mod_imm(n) || is_imm12(n))
    }

    fn neg_add_imm(&mut self, value: Value) -> Option<u32> {
        let negated = self.constant_of(value)?.wrapping_neg();
        // Constants with the top bit set on both sides stay additions.
        ((is_mod_imm(negated) || is_imm12(negated)) && negated < 1 << 31).then_some(negated)
    }

    fn neg_mod_imm(&mut self, value: Value) -> Option<u32> {
        let n = self.constant_of(value)?;
        let negated = n.wrapping_neg();
        // cmn differs from cmp in the carry for 0, and in overflow for INT_MIN.
        (n != 0 && n != 1 << 31 && is_mod_imm(negated)).then_some(negated)
    }

    fn low_mask(&mut self, value: Value) -> Option<u8> {
        let n = self.constant_of(value)?;
        let width = n.trailing_ones();
        (width > 0 && width < 32 && n >> width == 0).then_some(width as u8)
    }

    fn clear_mask(&mut self, value: Value) -> Option<(u8, u8)> {
        if self.ctx.func.dfg.value_type(value) != types::I32 {
            return None;
        }
        let zeros = !self.constant_of(value)?;
        let lsb = zeros.trailing_zeros();
        let width = zeros.checked_shr(lsb)?.trailing_ones();
        (width > 0 && zeros.count_ones() == width).then_some((lsb as u8, width as u8))
    }

    fn shift_imm(&mut self, value: Value) -> Option<u8> {
        self.constant_of(value).map(|n| (n & 31) as u8)
    }

    fn masked_amount(&mut self, value: Value) -> Option<Value> {
        let inst = self.ctx.pure_def(value)?;
        match self.ctx.func.dfg.insts[inst] {
            InstructionData::Binary { opcode: ir::Opcode::Band, args } => {
                args.iter().any(|&a| self.constant_of(a).is_some_and(|n| n < 32)).then_some(value)
            }
            _ => None,
        }
    }

    fn shifted(&mut self, value: Value) -> Option<(Value, ShiftOp, u8)> {
        if self.ctx.func.dfg.value_type(value) != types::I32 {
            return None;
        }
        let inst = self.ctx.pure_def(value)?;
        let InstructionData::Binary { opcode, args: [x, y] } = self.ctx.func.dfg.insts[inst] else {
            return None;
        };
        let n = self.constant_of(y)? & 31;
        let (op, n) = match opcode {
            ir::Opcode::Ishl => (ShiftOp::Lsl, n),
            ir::Opcode::Ushr => (ShiftOp::Lsr, n),
            ir::Opcode::Sshr => (ShiftOp::Asr, n),
            ir::Opcode::Rotr => (ShiftOp::Ror, n),
            ir::Opcode::Rotl => (ShiftOp::Ror, (32 - n) & 31),
            _ => return None,
        };
        (n != 0).then_some((x, op, n as u8))
    }

    fn imm(&mut self, value: u32) -> Operand2 {
        Operand2::Imm(value)
    }

    fn reg_op2(&mut self, reg: Reg) -> Operand2 {
        Operand2::Reg(reg)
    }

    fn shifted_op2(&mut self, reg: Reg, op: &ShiftOp, amount: u8) -> Operand2 {
        Operand2::Shifted(reg, *op, amount)
    }

    fn nonzero_const(&mut self, value: Value) -> Option<()> {
        (self.constant_of(value)? != 0).then_some(())
    }

    fn not_minus_one(&mut self, n: u32) -> bool {
        n != u32::MAX
    }

    fn reaches_top(&mut self, lsb: u8, width: u8) -> bool {
        lsb + width >= 32
    }

    fn field(&mut self, field: Field) -> Field {
        field
    }

    fn comparison(&mut self, comparison: Comparison) -> Comparison {
        comparison
    }

    fn neighbour(&mut self, cc: &IntCC, n: u32) -> Option<Comparison> {
        let (above, below) = (n.wrapping_add(1), n.wrapping_sub(1));
        let (other, m, wraps) = match cc {
            IntCC::UnsignedGreaterThan => (IntCC::UnsignedGreaterThanOrEqual, above, above == 0),
            IntCC::UnsignedLessThanOrEqual => (IntCC::UnsignedLessThan, above, above == 0),
            IntCC::UnsignedGreaterThanOrEqual => (IntCC::UnsignedGreaterThan, below, n == 0),
            IntCC::UnsignedLessThan => (IntCC::UnsignedLessThanOrEqual, below, n == 0),
            IntCC::SignedGreaterThan => (IntCC::SignedGreaterThanOrEqual, above, above == 1 << 31),
            IntCC::SignedLessThanOrEqual => (IntCC::SignedLessThan, above, above == 1 << 31),
            IntCC::SignedGreaterThanOrEqual => (IntCC::SignedGreaterThan, below, n == 1 << 31),
            IntCC::SignedLessThan => (IntCC::SignedLessThanOrEqual, below, n == 1 << 31),
            IntCC::Equal | IntCC::NotEqual => return None,
        };
        (!wraps && !is_mod_imm(n) && is_mod_imm(m)).then_some((other, m))
    }

    fn shifted_field(&mut self, left: u8, right: u8) -> Option<Field> {
        (left > 0 && right >= left).then(|| (right - left, 32 - right))
    }

    fn rotate_right(&mut self, left: u8) -> u8 {
        (32 - left) & 31
    }

    fn width(&mut self, ty: Type) -> u32 {
        bits(ty)
    }

    fn width_mask(&mut self, ty: Type) -> u32 {
        bits(ty) - 1
    }

    fn missing_bits(&mut self, ty: Type) -> u32 {
        32 - bits(ty)
    }

    fn missing_bits_u8(&mut self, ty: Type) -> u8 {
        (32 - bits(ty)) as u8
    }

    fn missing_bits_plus_one(&mut self, ty: Type) -> u32 {
        33 - bits(ty)
    }

    fn above(&mut self, ty: Type) -> u32 {
        1u32.checked_shl(bits(ty)).unwrap_or(0)
    }

    fn no_op(&mut self) {}

    /// A loop, since input may nest as deep as it likes.
    fn truth(&mut self, value: Value) -> (Value, bool) {
        let (mut value, mut inverted) = (value, false);
        while let Some(inst) = self.ctx.pure_def(value) {
            value = match self.ctx.func.dfg.insts[inst] {
                InstructionData::Unary { opcode: ir::Opcode::Uextend, arg } => arg,
                InstructionData::IntCompare { cond, args: [x, y], .. }
                    if matches!(cond, IntCC::Equal | IntCC::NotEqual)
                        && self.constant_of(y) == Some(0)
                        && self.ctx.pure_def(x).is_some() =>
                {
                    inverted ^= cond == IntCC::Equal;
                    x
                }
                _ => break,
            };
        }
        (value, inverted)
    }

    // --- Instructions ----------------------------------------------------------------------

    fn has_dsp(&mut self) -> Option<()> {
        self.ctx.isa.settings.has_dsp.then_some(())
    }

    fn alu(&mut self, op: &AluOp, rn: Reg, op2: Operand2) -> Reg {
        self.emit_def(|rd| MInst::Alu { op: *op, s: false, rd, rn, op2 })
    }

    fn alu_flags(&mut self, op: &AluOp, rn: Reg, op2: Operand2) -> Reg {
        self.emit_def(|rd| MInst::Alu { op: *op, s: true, rd, rn, op2 })
    }

    fn mov(&mut self, op: &MovOp, op2: Operand2) -> Reg {
        self.emit_def(|rd| MInst::Mov { op: *op, s: false, rd, op2 })
    }

    fn shift_reg(&mut self, op: &ShiftOp, rn: Reg, rm: Reg) -> Reg {
        self.emit_def(|rd| MInst::ShiftReg { op: *op, s: false, rd, rn, rm })
    }

    fn constant(&mut self, value: u32) -> Reg {
        self.emit_def(|rd| MInst::LoadConst { rd, value })
    }

    fn mul(&mut self, rn: Reg, rm: Reg) -> Reg {
        self.emit_def(|rd| MInst::Mul { s: false, rd, rn, rm })
    }

    fn mul_acc(&mut self, op: &MulAccOp, rn: Reg, rm: Reg, ra: Reg) -> Reg {
        self.emit_def(|rd| MInst::MulAcc { op: *op, rd, rn, rm, ra })
    }

    fn mul_high(&mut self, signed: bool, rn: Reg, rm: Reg) -> Reg {
        let rd_lo = self.temp();
        self.emit_def(|rd_hi| MInst::MulLong { signed, rd_lo, rd_hi, rn, rm })
    }

    fn div(&mut self, signed: bool, rn: Reg, rm: Reg) -> Reg {
        self.emit_def(|rd| MInst::Div { signed, rd, rn, rm })
    }

    fn bit_extract(&mut self, signed: bool, rn: Reg, lsb: u8, width: u8) -> Reg {
        self.emit_def(|rd| MInst::BitExtract { signed, rd, rn, lsb, width })
    }

    fn bit_insert(&mut self, into: Reg, from: Reg, lsb: u8, width: u8) -> Reg {
        let ra = self.reusable(into);
        self.emit_def(|rd| MInst::BitInsert { rd, ra, rn: Some(from), lsb, width })
    }

    fn bit_clear(&mut self, of: Reg, lsb: u8, width: u8) -> Reg {
        let ra = self.reusable(of);
        self.emit_def(|rd| MInst::BitInsert { rd, ra, rn: None, lsb, width })
    }

    fn unary(&mut self, op: &UnaryOp, rm: Reg) -> Reg {
        self.emit_def(|rd| MInst::Unary { op: *op, rd, rm })
    }

    fn extend_add(&mut self, op: &ExtendOp, rn: Reg, rm: Reg) -> Reg {
        self.emit_def(|rd| MInst::ExtendAdd { op: *op, rd, rn, rm })
    }

    // --- Flags -----------------------------------------------------------------------------

    fn cmp(&mut self, op: &CmpOp, rn: Reg, op2: Operand2) {
        self.ctx.emit(MInst::Cmp { op: *op, rn, op2 });
    }

    fn cond_cmp(&mut self, cond: &Cond, op: &CmpOp, rn: Reg, op2: Operand2) {
        self.ctx.emit(MInst::CondCmp { cond: *cond, op: *op, rn, op2 });
    }

    fn cond_set(&mut self, cond: &Cond) -> Reg {
        self.emit_def(|rd| MInst::CondSet { cond: *cond, rd })
    }

    fn cond_mov(&mut self, cond: &Cond, op: &MovOp, op2: Operand2, if_not: Reg) -> Reg {
        let if_not = self.reusable(if_not);
        self.emit_def(|rd| MInst::CondMov { cond: *cond, op: *op, rd, op2, if_not })
    }

    fn cond_alu(&mut self, cond: &Cond, op: &AluOp, rn: Reg, op2: Operand2, if_not: Reg) -> Reg {
        let if_not = self.reusable(if_not);
        self.emit_def(|rd| MInst::CondAlu { cond: *cond, op: *op, rd, rn, op2, if_not })
    }

    fn trap_if(&mut self, cond: &Cond, code: &TrapCode) {
        let trap = self.conditional_trap(*code);
        self.ctx.emit(MInst::TrapIf { cond: *cond, trap });
    }

    fn trap_if_zero(&mut self, nonzero: bool, rn: Reg, code: &TrapCode) {
        let trap = self.conditional_trap(*code);
        self.ctx.emit(MInst::TrapIfZero { nonzero, rn, trap });
    }

    fn cond(&mut self, cc: &IntCC) -> Cond {
        condition(*cc)
    }

    fn invert(&mut self, cond: &Cond) -> Cond {
        cond.invert()
    }

    // --- Memory ----------------------------------------------------------------------------

    fn amode(&mut self, address: Value, offset: i32) -> AMode {
        amode(self.ctx, address, offset)
    }

    fn load_from(&mut self, op: &LoadOp, addr: AMode) -> Reg {
        self.emit_def(|rt| MInst::Load { op: *op, rt, addr })
    }

    fn store_to(&mut self, op: &StoreOp, rt: Reg, addr: AMode) {
        self.ctx.emit(MInst::Store { op: *op, rt, addr });
    }

    fn store_word(&mut self, rt: Reg, address: Value, offset: i32) {
        self.store_instance_word(rt, address, offset);
    }

    fn load_addr(&mut self, addr: AMode) -> Reg {
        self.emit_def(|rd| MInst::LoadAddr { rd, addr })
    }

    fn stack_slot_amode(&mut self, slot: StackSlot, offset: i32) -> AMode {
        let base = self.ctx.stack_slot_offset(slot) as i32;
        AMode::StackSlot { offset: base.wrapping_add(offset) }
    }

    fn symbol_address(&mut self, gv: GlobalValue) -> Reg {
        match &self.ctx.func.global_values[gv] {
            GlobalValueData::Symbol { name, offset, .. } => {
                let target = abi::reloc_target(self.ctx, name);
                let base = self.load_target(target);
                match offset.bits() as u32 {
                    0 => base,
                    offset => {
                        let offset = self.constant(offset);
                        self.alu(&AluOp::Add, base, Operand2::Reg(offset))
                    }
                }
            }
            other => {
                let message = format!("global value {other}");
                self.fail(Error::unsupported(message));
                self.temp().to_reg()
            }
        }
    }

    fn function_address(&mut self, callee: FuncRef) -> Reg {
        let target = abi::function_target(self.ctx, callee);
        self.load_target(target)
    }

    // --- i64 -------------------------------------------------------------------------------

    fn words_of(&mut self, value: Value) -> Words {
        Rules::words(self, value)
    }

    fn pair_in_regs(&mut self, value: Value) -> Pair {
        self.pair(value)
    }

    fn low_in_reg(&mut self, value: Value) -> Reg {
        match self.ctx.func.dfg.value_type(value) {
            types::I64 => Rules::word_in_reg(self, value, Half::Low),
            _ => self.ctx.put_in_reg(value),
        }
    }

    fn word_in_reg(&mut self, word: Word) -> Reg {
        self.word_reg(word)
    }

    fn reg_word(&mut self, reg: Reg) -> Word {
        Word::Reg(reg)
    }

    fn words(&mut self, low: Word, high: Word) -> Words {
        Words { low, high }
    }

    fn low(&mut self, words: Words) -> Word {
        words.low
    }

    fn high(&mut self, words: Words) -> Word {
        words.high
    }

    fn known(&mut self, value: u32) -> Word {
        Word::Known(value)
    }

    fn sign_word(&mut self, reg: Reg) -> Word {
        Word::Shifted(reg, ShiftOp::Asr, 31)
    }

    fn output_words(&mut self, words: Words) -> InstOutput {
        let pair = self.pair_of(words);
        self.output_pair_regs(pair)
    }

    fn output_pair_regs(&mut self, pair: Pair) -> InstOutput {
        InstOutput::from_elem(ValueRegs::Two(pair.low, pair.high), 1)
    }

    fn output_halves(&mut self, pair: Pair) -> InstOutput {
        self.output_pair(pair.low, pair.high)
    }

    fn add_words(&mut self, x: Words, y: Words) -> Words {
        Rules::add_words(self, x, y)
    }

    fn add_words_flags(&mut self, x: Words, y: Words) -> Words {
        Rules::add_words_flags(self, x, y)
    }

    fn sub_words(&mut self, x: Words, y: Words) -> Words {
        Rules::sub_words(self, x, y)
    }

    fn absolute(&mut self, value: Value) -> Words {
        Rules::absolute(self, value)
    }

    fn alu_word(&mut self, op: &AluOp, x: Word, y: Word) -> Word {
        self.alu_words(*op, x, y)
    }

    fn not_word(&mut self, word: Word) -> Word {
        Rules::not_word(self, word)
    }

    fn mul_values(&mut self, x: Value, y: Value) -> Pair {
        self.mul_words(x, y, None)
    }

    fn mul_add_values(&mut self, x: Value, y: Value, acc: Value) -> Pair {
        self.mul_words(x, y, Some(acc))
    }

    fn mul_high_values(&mut self, signed: bool, x: Value, y: Value) -> Words {
        if signed { self.smulhi_words(x, y) } else { self.umulhi_words(x, y) }
    }

    fn divide_values(&mut self, signed: bool, part: &DivisionPart, x: Value, y: Value) -> Words {
        self.divide(signed, *part, x, y)
    }

    fn shift_words(&mut self, op: &ShiftOp, x: Words, n: u8) -> Words {
        Rules::shift_words(self, *op, x, n)
    }

    fn shift_words_by(&mut self, op: &ShiftOp, x: Words, n: Reg) -> Words {
        Rules::shift_words_by(self, *op, x, n)
    }

    fn rotate_words_by(&mut self, op: &ShiftOp, x: Words, n: Reg) -> Words {
        Rules::rotate_words_by(self, *op, x, n)
    }

    fn compare_values(&mut self, cc: &IntCC, x: Value, y: Value) -> Cond {
        Rules::compare_values(self, *cc, x, y)
    }

    fn compare_zero(&mut self, x: Value) {
        Rules::compare_zero(self, x);
    }

    fn select_pairs(&mut self, cond: &Cond, x: Words, y: Words) -> Words {
        Rules::select_pairs(self, *cond, x, y)
    }

    fn select_compared_values(&mut self, cc: &IntCC, x: Value, y: Value) -> Words {
        Rules::select_compared_values(self, *cc, x, y)
    }

    fn load_words(&mut self, flags: MemFlags, address: Value, offset: i32) -> Pair {
        Rules::load_words(self, flags, address, offset)
    }

    fn store_words(&mut self, flags: MemFlags, value: Value, address: Value, offset: i32) {
        Rules::store_words(self, flags, value, address, offset);
    }

    fn shift_imm64(&mut self, value: Value) -> Option<u8> {
        self.ctx.constant(value).map(|n| (n & 63) as u8)
    }

    fn negate_amount(&mut self, n: u8) -> u8 {
        n.wrapping_neg() & 63
    }

    fn masked_amount64(&mut self, value: Value) -> Option<Value> {
        let inst = self.ctx.pure_def(value)?;
        match self.ctx.func.dfg.insts[inst] {
            InstructionData::Binary { opcode: ir::Opcode::Band, args } => {
                args.iter().any(|&a| self.ctx.constant(a).is_some_and(|n| n < 64)).then_some(value)
            }
            _ => None,
        }
    }

    fn not_constant(&mut self, value: Value) -> Option<()> {
        self.ctx.constant(value).is_none().then_some(())
    }

    fn zero64(&mut self, value: Value) -> Option<()> {
        (self.ctx.constant(value)? == 0).then_some(())
    }

    // --- Floats ----------------------------------------------------------------------------

    fn hard(&mut self, ty: Type) -> Option<FpSize> {
        self.hard_size(ty)
    }

    fn soft(&mut self, ty: Type) -> Option<Type> {
        (ty.is_float() && self.hard_size(ty).is_none()).then_some(ty)
    }

    fn soft32(&mut self, ty: Type) -> Option<Type> {
        self.soft(ty).filter(|&ty| ty == types::F32)
    }

    fn soft64(&mut self, ty: Type) -> Option<Type> {
        self.soft(ty).filter(|&ty| ty == types::F64)
    }

    fn has_fp_rounding(&mut self) -> Option<()> {
        self.ctx.isa.settings.has_fpv5().then_some(())
    }

    fn fp_alu(&mut self, op: &FpAluOp, size: &FpSize, rn: Reg, rm: Reg) -> Reg {
        self.emit_fp_def(|rd| MInst::FpAlu { op: *op, size: *size, rd, rn, rm })
    }

    fn fp_extreme(&mut self, op: &FpAluOp, size: &FpSize, x: Reg, y: Reg) -> Reg {
        Rules::fp_extreme(self, *op, *size, x, y)
    }

    fn fp_unary(&mut self, op: &FpUnaryOp, size: &FpSize, rm: Reg) -> Reg {
        self.emit_fp_def(|rd| MInst::FpUnary { op: *op, size: *size, rd, rm })
    }

    fn fp_to_int(&mut self, signed: bool, size: &FpSize, rm: Reg) -> Reg {
        let rn = self.emit_fp_def(|rd| MInst::FpToInt { signed, size: *size, rd, rm });
        self.emit_def(|rt| MInst::FpToCore { rt, rn })
    }

    fn int_to_fp(&mut self, signed: bool, size: &FpSize, rt: Reg) -> Reg {
        let rm = self.emit_fp_def(|rd| MInst::CoreToFp { rd, rt });
        self.emit_fp_def(|rd| MInst::IntToFp { signed, size: *size, rd, rm })
    }

    fn fp_convert(&mut self, to: &FpSize, rm: Reg) -> Reg {
        self.emit_fp_def(|rd| MInst::FpConvert { to: *to, rd, rm })
    }

    fn fp_constant(&mut self, size: &FpSize, bits: u64) -> Reg {
        Rules::fp_constant(self, *size, bits)
    }

    fn ieee32_bits(&mut self, value: Ieee32) -> u64 {
        value.bits().into()
    }

    fn ieee64_bits(&mut self, value: Ieee64) -> u64 {
        value.bits()
    }

    fn fp_select(&mut self, cond: &Cond, size: &FpSize, x: Reg, y: Reg) -> Reg {
        Rules::fp_select(self, *cond, *size, x, y)
    }

    fn load_fp(&mut self, size: &FpSize, flags: MemFlags, address: Value, offset: i32) -> Reg {
        Rules::load_fp(self, *size, flags, address, offset)
    }

    fn store_fp(&mut self, size: &FpSize, flags: MemFlags, rt: Reg, address: Value, offset: i32) {
        Rules::store_fp(self, *size, flags, rt, address, offset);
    }

    fn bits_of(&mut self, value: Value) -> Words {
        Rules::bits_of(self, value)
    }

    fn output_bits(&mut self, ty: Type, bits: Words) -> InstOutput {
        Rules::output_bits(self, ty, bits)
    }

    fn top_word(&mut self, ty: Type, bits: Words) -> Word {
        if ty.bits() == 64 { bits.high } else { bits.low }
    }

    fn with_top_word(&mut self, ty: Type, bits: Words, top: Word) -> Words {
        if ty.bits() == 64 { Words { high: top, ..bits } } else { Words { low: top, ..bits } }
    }

    fn trap_unless_in_range(&mut self, signed: bool, to: Type, x: Value) {
        Rules::trap_unless_in_range(self, signed, to, x);
    }

    fn float_cond(&mut self, cc: &FloatCC) -> Option<Cond> {
        float::condition(*cc)
    }

    fn fp_cmp(&mut self, size: &FpSize, x: Value, y: Value) {
        Rules::fp_cmp(self, *size, x, y);
    }

    fn udf(&mut self, code: &TrapCode) {
        self.ctx.emit(MInst::Udf { trap: Trap::from_clif(*code) });
    }

    fn fence_inst(&mut self) {
        self.ctx.emit(MInst::Fence);
    }
}

/// The shortest addressing mode for `address + offset`.
fn amode(ctx: &mut Lower<Thumb2>, address: Value, offset: i32) -> AMode {
    let stack_or_sum = ctx.pure_def(address).map(|inst| ctx.func.dfg.insts[inst]);
    match stack_or_sum {
        Some(InstructionData::StackAddr { stack_slot, offset: more, .. }) => {
            let base = ctx.stack_slot_offset(stack_slot) as i32;
            let more: i32 = more.into();
            return AMode::StackSlot { offset: base.wrapping_add(more).wrapping_add(offset) };
        }
        Some(InstructionData::Binary { opcode: ir::Opcode::Iadd, args: [x, y] }) => {
            for (base, other) in [(x, y), (y, x)] {
                if let Some(n) = ctx.constant(other) {
                    let sum = (n as i32).wrapping_add(offset);
                    if is_load_offset(sum) {
                        return AMode::Offset { base: ctx.put_in_reg(base), offset: sum };
                    }
                }
            }
            if offset == 0 {
                return index_mode(ctx, x, y);
            }
        }
        _ => {}
    }
    let base = ctx.put_in_reg(address);
    if is_load_offset(offset) {
        return AMode::Offset { base, offset };
    }
    let index = ctx.temp(RegClass::Int);
    ctx.emit(MInst::LoadConst { rd: index, value: offset as u32 });
    AMode::Index { base, index: index.to_reg(), shift: 0 }
}

/// `[x, y, lsl #n]`, where one of both may be shifted left by 1 to 3 and used nowhere else.
fn index_mode(ctx: &mut Lower<Thumb2>, x: Value, y: Value) -> AMode {
    for (base, index) in [(x, y), (y, x)] {
        let Some(inst) = ctx.pure_def(index) else { continue };
        let InstructionData::Binary { opcode: ir::Opcode::Ishl, args: [from, by] } =
            ctx.func.dfg.insts[inst]
        else {
            continue;
        };
        let amount = ctx.constant(by).map(|n| n & 31);
        if let (Some(shift @ 1..=3), ValueUse::Once) = (amount, ctx.value_use(index)) {
            let (base, index) = (ctx.put_in_reg(base), ctx.put_in_reg(from));
            return AMode::Index { base, index, shift: shift as u8 };
        }
    }
    AMode::Index { base: ctx.put_in_reg(x), index: ctx.put_in_reg(y), shift: 0 }
}

/// What ldr, str and their narrow forms take: -255 to 4095 (ARMv7-M A7.7.43, T3 and T4).
fn is_load_offset(offset: i32) -> bool {
    (-255..=4095).contains(&offset)
}
