//! CLIF written as arithmetic: values with operators.
//!
//! `x & mask` appends a `band` to the current block; integer constants take the type of the other
//! operand. Amounts of shifts are taken modulo the width, as in CLIF.

use super::RuntimeCall;
use crate::module::SymbolId;
use core::cell::{Cell, RefCell};
use core::ops::{Add, BitAnd, BitOr, BitXor, Mul, Neg, Not, Shl, Shr, Sub};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{
    self, Block, BlockArg, ExtFuncData, ExternalName, InstBuilder, MemFlagsData, Type,
    UserExternalName, UserFuncName, Value,
};

/// The symbols of routines.
pub type Symbols<'s> = &'s dyn Fn(RuntimeCall) -> SymbolId;

/// The function in the making.
pub struct Code<'s> {
    func: RefCell<ir::Function>,
    /// Where instructions go.
    block: Cell<Block>,
    pointer: Type,
    symbols: Symbols<'s>,
}

impl<'s> Code<'s> {
    /// An empty function for `call`, at its entry block.
    pub fn new(call: RuntimeCall, pointer: Type, symbols: Symbols<'s>) -> Code<'s> {
        let name = UserFuncName::user(0, symbols(call).0);
        let mut func = ir::Function::with_name_signature(name, call.signature(pointer));
        let entry = func.dfg.make_block();
        for param in call.types(pointer).0 {
            func.dfg.append_block_param(entry, param);
        }
        func.layout.append_block(entry);
        Code { func: RefCell::new(func), block: Cell::new(entry), pointer, symbols }
    }

    pub fn finish(self) -> ir::Function {
        self.func.into_inner()
    }

    /// The type of addresses.
    pub fn pointer(&self) -> Type {
        self.pointer
    }

    fn append<R>(&self, emit: impl FnOnce(FuncCursor<'_>) -> R) -> R {
        let mut func = self.func.borrow_mut();
        emit(FuncCursor::new(&mut func).at_bottom(self.block.get()))
    }

    fn val(&self, emit: impl FnOnce(FuncCursor<'_>) -> Value) -> Val<'_> {
        Val { code: self, value: self.append(emit) }
    }

    fn type_of(&self, value: Value) -> Type {
        self.func.borrow().dfg.value_type(value)
    }

    /// A constant, cut to the type's width.
    pub fn constant(&self, ty: Type, bits: u64) -> Val<'_> {
        let bits = bits & (u64::MAX >> (64 - ty.bits()));
        self.val(|mut at| at.ins().iconst(ty, bits as i64))
    }

    // --- Control flow ------------------------------------------------------------------------

    /// A new block, to be filled later.
    pub fn block(&self, params: &[Type]) -> Block {
        let mut func = self.func.borrow_mut();
        let block = func.dfg.make_block();
        for &param in params {
            func.dfg.append_block_param(block, param);
        }
        block
    }

    /// Goes on at the start of `block`; returns its parameters.
    pub fn enter<const N: usize>(&self, block: Block) -> [Val<'_>; N] {
        self.func.borrow_mut().layout.append_block(block);
        self.block.set(block);
        self.params(block)
    }

    /// Goes on in `block`, which is seldom reached.
    pub fn enter_cold<const N: usize>(&self, block: Block) -> [Val<'_>; N] {
        let params = self.enter(block);
        self.func.borrow_mut().layout.set_cold(block);
        params
    }

    /// Parameters of the entry block.
    pub fn entry_params(&self) -> Vec<Val<'_>> {
        let func = self.func.borrow();
        let params =
            func.layout.entry_block().map_or(&[][..], |entry| func.dfg.block_params(entry));
        params.iter().map(|&value| Val { code: self, value }).collect()
    }

    fn params<const N: usize>(&self, block: Block) -> [Val<'_>; N] {
        let func = self.func.borrow();
        let params = func.dfg.block_params(block);
        debug_assert_eq!(params.len(), N);
        core::array::from_fn(|index| Val { code: self, value: params[index] })
    }

    pub fn jump(&self, block: Block, args: &[Val<'_>]) {
        self.append(|mut at| at.ins().jump(block, &block_args(args)));
    }

    pub fn branch(
        &self,
        condition: Val<'_>,
        (yes, yes_args): (Block, &[Val<'_>]),
        (no, no_args): (Block, &[Val<'_>]),
    ) {
        self.append(|mut at| {
            let (yes_args, no_args) = (block_args(yes_args), block_args(no_args));
            at.ins().brif(condition.value, yes, &yes_args, no, &no_args)
        });
    }

    /// Where `condition` holds, which is seldom, leaves the path by `exit`, which ends its block.
    pub fn exit_if(&self, condition: Val<'_>, exit: impl FnOnce()) {
        let (out, on) = (self.block(&[]), self.block(&[]));
        self.branch(condition, (out, &[]), (on, &[]));
        self.enter_cold::<0>(out);
        exit();
        self.enter::<0>(on);
    }

    pub fn ret(&self, results: &[Val<'_>]) {
        let results: Vec<Value> = results.iter().map(|result| result.value).collect();
        self.append(|mut at| at.ins().return_(&results));
    }

    /// Calls another routine.
    pub fn call<const N: usize>(&self, callee: RuntimeCall, args: &[Val<'_>]) -> [Val<'_>; N] {
        let args: Vec<Value> = args.iter().map(|arg| arg.value).collect();
        let symbol = (self.symbols)(callee).0;
        let inst = self.append(|mut at| {
            let name = UserExternalName::new(0, symbol);
            let name = ExternalName::user(at.func.declare_imported_user_function(name));
            let signature = at.func.import_signature(callee.signature(self.pointer));
            let function = ExtFuncData { name, signature, colocated: false, patchable: false };
            let function = at.func.import_function(function);
            at.ins().call(function, &args)
        });
        let func = self.func.borrow();
        let results = func.dfg.inst_results(inst);
        core::array::from_fn(|index| Val { code: self, value: results[index] })
    }
}

fn block_args(args: &[Val<'_>]) -> Vec<BlockArg> {
    args.iter().map(|arg| BlockArg::Value(arg.value)).collect()
}

/// A value of the function in the making.
#[derive(Clone, Copy)]
pub struct Val<'c> {
    code: &'c Code<'c>,
    value: Value,
}

/// The other operand: a value or a constant of the same type.
pub trait Operand<'c> {
    fn value(self, like: Val<'c>) -> Value;
}

impl<'c> Operand<'c> for Val<'c> {
    fn value(self, _like: Val<'c>) -> Value {
        self.value
    }
}

impl<'c> Operand<'c> for u64 {
    fn value(self, like: Val<'c>) -> Value {
        like.code.constant(like.ty(), self).value
    }
}

/// Operators that take a value or a constant on the right.
macro_rules! operators {
    ($($trait:ident $method:ident $inst:ident;)*) => {$(
        impl<'c, R: Operand<'c>> $trait<R> for Val<'c> {
            type Output = Val<'c>;
            fn $method(self, right: R) -> Val<'c> {
                let right = right.value(self);
                self.code.val(|mut at| at.ins().$inst(self.value, right))
            }
        }
    )*};
}

operators! {
    Add add iadd;
    Sub sub isub;
    Mul mul imul;
    BitAnd bitand band;
    BitOr bitor bor;
    BitXor bitxor bxor;
}

/// Shifts take an amount of any type, constants being of 32 bits.
macro_rules! shifts {
    ($($trait:ident $method:ident $inst:ident;)*) => {$(
        impl<'c> $trait<Val<'c>> for Val<'c> {
            type Output = Val<'c>;
            fn $method(self, amount: Val<'c>) -> Val<'c> {
                self.code.val(|mut at| at.ins().$inst(self.value, amount.value))
            }
        }
        impl<'c> $trait<u32> for Val<'c> {
            type Output = Val<'c>;
            fn $method(self, amount: u32) -> Val<'c> {
                self.$method(self.code.constant(I32, u64::from(amount)))
            }
        }
    )*};
}

shifts! {
    Shl shl ishl;
    Shr shr ushr;
}

impl<'c> Neg for Val<'c> {
    type Output = Val<'c>;
    fn neg(self) -> Val<'c> {
        self.code.val(|mut at| at.ins().ineg(self.value))
    }
}

impl<'c> Not for Val<'c> {
    type Output = Val<'c>;
    fn not(self) -> Val<'c> {
        self.code.val(|mut at| at.ins().bnot(self.value))
    }
}

/// Comparisons answer a Boolean of 8 bits.
macro_rules! comparisons {
    ($($method:ident $cc:ident;)*) => {$(
        pub fn $method(self, right: impl Operand<'c>) -> Val<'c> {
            let right = right.value(self);
            self.code.val(|mut at| at.ins().icmp(IntCC::$cc, self.value, right))
        }
    )*};
}

impl<'c> Val<'c> {
    pub fn ty(self) -> Type {
        self.code.type_of(self.value)
    }

    fn width(self) -> u32 {
        self.ty().bits()
    }

    comparisons! {
        eq Equal;
        ne NotEqual;
        slt SignedLessThan;
        sle SignedLessThanOrEqual;
        sgt SignedGreaterThan;
        ult UnsignedLessThan;
        ugt UnsignedGreaterThan;
        uge UnsignedGreaterThanOrEqual;
    }

    pub fn negative(self) -> Val<'c> {
        self.slt(0)
    }

    /// The sign in every bit.
    pub fn sign_mask(self) -> Val<'c> {
        let amount = self.code.constant(I32, u64::from(self.width() - 1));
        self.code.val(|mut at| at.ins().sshr(self.value, amount.value))
    }

    /// `yes` where this Boolean holds, else `no`.
    pub fn select(self, yes: Val<'c>, no: impl Operand<'c>) -> Val<'c> {
        let no = no.value(yes);
        self.code.val(|mut at| at.ins().select(self.value, yes.value, no))
    }

    pub fn umin(self, bound: u64) -> Val<'c> {
        let bound = self.code.constant(self.ty(), bound);
        self.ult(bound).select(self, bound)
    }

    /// Number of leading zeros, as 32 bits.
    pub fn leading_zeros(self) -> Val<'c> {
        self.code.val(|mut at| at.ins().clz(self.value)).to(I32)
    }

    /// Unsigned quotient of 32-bit values; the divisor is not zero.
    pub fn udiv(self, divisor: Val<'c>) -> Val<'c> {
        self.code.val(|mut at| at.ins().udiv(self.value, divisor.value))
    }

    /// Zero-extended or cut to `ty`.
    pub fn to(self, ty: Type) -> Val<'c> {
        let from = self.ty();
        match from.bits().cmp(&ty.bits()) {
            core::cmp::Ordering::Less => self.code.val(|mut at| at.ins().uextend(ty, self.value)),
            core::cmp::Ordering::Equal => self,
            core::cmp::Ordering::Greater => {
                self.code.val(|mut at| at.ins().ireduce(ty, self.value))
            }
        }
    }

    /// The upper word of 64 bits.
    pub fn high(self) -> Val<'c> {
        (self >> 32).to(I32)
    }

    /// The lower word.
    pub fn low(self) -> Val<'c> {
        self.to(I32)
    }

    /// 64 bits of this upper word and a lower one.
    pub fn over(self, low: Val<'c>) -> Val<'c> {
        self.to(I64) << 32 | low.to(I64)
    }

    /// The product of two words, all 64 bits of it.
    pub fn wide_mul(self, other: Val<'c>) -> Val<'c> {
        self.to(I64) * other.to(I64)
    }

    /// Bits shifted out stay visible in the lowest bit ("jamming").
    pub fn shift_right_sticky(self, amount: Val<'c>) -> Val<'c> {
        let shifted = self >> amount;
        let lost = (shifted << amount).ne(self);
        shifted | lost.to(self.ty())
    }

    pub fn load(self, ty: Type, offset: i32) -> Val<'c> {
        let flags = MemFlagsData::new().with_notrap();
        self.code.val(|mut at| at.ins().load(ty, flags, self.value, offset))
    }

    /// Stores to this address.
    pub fn store(self, value: Val<'c>, offset: i32) {
        let flags = MemFlagsData::new().with_notrap();
        self.code.append(|mut at| at.ins().store(flags, value.value, self.value, offset));
    }

    pub fn load_byte(self) -> Val<'c> {
        let flags = MemFlagsData::new().with_notrap();
        self.code.val(|mut at| at.ins().uload8(I32, flags, self.value, 0))
    }

    pub fn store_byte(self, value: Val<'c>) {
        let flags = MemFlagsData::new().with_notrap();
        self.code.append(|mut at| at.ins().istore8(flags, value.value, self.value, 0));
    }
}
