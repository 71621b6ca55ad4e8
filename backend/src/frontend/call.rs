//! Calls: direct, through tables, and in tail position.
//!
//! A call through a table checks, in this order, that the element exists, that it is not null and
//! that it has the type; the checks that a table in flash makes needless are left out. A function
//! of another instance is called through that instance's entry (`Helper::Switch`), as if by a host.

use super::control;
use super::env;
use super::func::FuncTranslator;
use super::layout::{FlashTable, RECORD_BYTES, RECORD_ENTRY, TablePlace};
use super::memory::Region;
use super::{support, types};
use crate::Trap;
use crate::error::Result;
use crate::instance::funcref;
use crate::module::{FuncType, IndirectCall, SymbolId};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{BlockArg, FuncRef, InstBuilder, Signature, Value};

/// What an element of a table calls.
struct Callee {
    entry: Value,
    /// The instance of a function that may be another's.
    owner: Option<Value>,
}

impl FuncTranslator<'_, '_, '_> {
    pub fn call(&mut self, index: u32) -> Result<()> {
        let ty = self.env.function_type(index)?.clone();
        let symbol = self.env.functions[index as usize].symbol;
        let args = self.call_args(&ty)?;
        let results = self.call_symbol(symbol, types::internal_signature(&ty), &args)?;
        self.stack.extend(results);
        Ok(())
    }

    pub fn return_call(&mut self, index: u32) -> Result<()> {
        let ty = self.env.function_type(index)?.clone();
        let symbol = self.env.functions[index as usize].symbol;
        let args = self.call_args(&ty)?;
        let callee = self.callee(symbol, types::internal_signature(&ty));
        self.builder.ins().return_call(callee, &args);
        self.reachable = false;
        Ok(())
    }

    /// The instance and the operands that a function of this type takes.
    fn call_args(&mut self, ty: &FuncType) -> Result<Vec<Value>> {
        self.spend(1 + ty.params.len() + ty.results.len())?;
        let from = self.stack.len().checked_sub(ty.params.len()).ok_or_else(control::underflow)?;
        let mut args = Vec::with_capacity(1 + ty.params.len());
        args.push(self.vmctx);
        args.extend(self.stack.drain(from..));
        Ok(args)
    }

    fn callee(&mut self, symbol: SymbolId, signature: Signature) -> FuncRef {
        let func = &mut *self.builder.func;
        *self.callees.entry(symbol).or_insert_with(|| env::import_function(func, symbol, signature))
    }

    /// Calls a function in the internal convention.
    pub fn call_symbol(
        &mut self,
        symbol: SymbolId,
        signature: Signature,
        args: &[Value],
    ) -> Result<Vec<Value>> {
        let callee = self.callee(symbol, signature);
        let inst = self.builder.ins().call(callee, args);
        Ok(self.builder.inst_results(inst).to_vec())
    }

    pub fn call_indirect(&mut self, type_index: u32, table: u32) -> Result<()> {
        let ty = self.env.type_at(type_index)?;
        let index = self.pop()?;
        let args = self.call_args(&ty)?;
        let callee = self.table_function(&ty, table, index, false)?;
        let signature = self.builder.import_signature(types::internal_signature(&ty));
        let Some(owner) = callee.owner else {
            let inst = self.builder.ins().call_indirect(signature, callee.entry, &args);
            self.stack.extend_from_slice(self.builder.inst_results(inst));
            return Ok(());
        };
        let (own, other, done) = (self.new_block()?, self.new_block()?, self.new_block()?);
        for &result in &ty.results {
            self.builder.append_block_param(done, types::clif_type(result));
        }
        let is_own = self.builder.ins().icmp(IntCC::Equal, owner, self.vmctx);
        self.builder.ins().brif(is_own, own, &[], other, &[]);

        self.continue_in(own);
        let inst = self.builder.ins().call_indirect(signature, callee.entry, &args);
        let results = self.builder.inst_results(inst).to_vec();
        self.jump_with(done, &results);

        self.continue_in(other);
        let results = self.call_other_instance(&ty, owner, callee.entry, &args[1..])?;
        self.jump_with(done, &results);

        self.continue_in(done);
        self.stack.extend_from_slice(self.builder.func.dfg.block_params(done));
        Ok(())
    }

    /// Stack stays constant but where another instance's function is called.
    pub fn return_call_indirect(&mut self, type_index: u32, table: u32) -> Result<()> {
        let ty = self.env.type_at(type_index)?;
        let index = self.pop()?;
        let args = self.call_args(&ty)?;
        let callee = self.table_function(&ty, table, index, true)?;
        let signature = self.builder.import_signature(types::internal_signature(&ty));
        if let Some(owner) = callee.owner {
            let (own, other) = (self.new_block()?, self.new_block()?);
            let is_own = self.builder.ins().icmp(IntCC::Equal, owner, self.vmctx);
            self.builder.ins().brif(is_own, own, &[], other, &[]);
            self.continue_in(other);
            let results = self.call_other_instance(&ty, owner, callee.entry, &args[1..])?;
            self.builder.ins().return_(&results);
            self.continue_in(own);
        }
        self.builder.ins().return_call_indirect(signature, callee.entry, &args);
        self.reachable = false;
        Ok(())
    }

    fn continue_in(&mut self, block: cranelift_codegen::ir::Block) {
        self.builder.switch_to_block(block);
        self.builder.seal_block(block);
    }

    fn jump_with(&mut self, block: cranelift_codegen::ir::Block, values: &[Value]) {
        let args: Vec<BlockArg> = values.iter().map(|&value| BlockArg::Value(value)).collect();
        self.builder.ins().jump(block, &args);
    }

    /// Calls `entry` of the instance `owner`, a host's way.
    fn call_other_instance(
        &mut self,
        ty: &FuncType,
        owner: Value,
        entry: Value,
        args: &[Value],
    ) -> Result<Vec<Value>> {
        let switch = self.env.switch(ty);
        let mut all = Vec::with_capacity(2 + args.len());
        all.extend([owner, entry]);
        all.extend_from_slice(args);
        let signature = self.env.switch_signature(ty);
        let callee = self.callee(switch, signature);
        Ok(support::call_c(&mut self.builder, ty, callee, all))
    }

    /// The function that is the table's element, after the checks that it may be called.
    fn table_function(
        &mut self,
        ty: &FuncType,
        table: u32,
        index: Value,
        is_tail: bool,
    ) -> Result<Callee> {
        let place = self.env.table_place(table)?;
        let records = if let TablePlace::Flash(flash) = &place { Some(flash.symbol) } else { None };
        let signature = self.env.signature(ty);
        self.env.indirect_calls.insert(IndirectCall { table: records, signature, is_tail });
        if let TablePlace::Flash(flash) = &place {
            return self.flash_function(ty, table, flash, index);
        }
        let element = self.element(table, index, Trap::UndefinedElement)?;
        let reference = env::load_field(&mut self.builder, Region::Elements, I32, element, 0);
        self.builder.ins().trapz(reference, Trap::NullReference.to_clif());
        let mut field =
            |at| env::load_field(&mut self.builder, Region::Funcrefs, I32, reference, at);
        let signature = field(funcref::SIGNATURE);
        let entry = field(funcref::ENTRY);
        let owner = place.is_shared().then(|| field(funcref::INSTANCE));
        let expected = self.env.signature(ty);
        let expected = env::symbol_address(&mut self.builder, expected);
        let other = self.builder.ins().icmp(IntCC::NotEqual, signature, expected);
        self.builder.ins().trapnz(other, Trap::IndirectCallTypeMismatch.to_clif());
        Ok(Callee { entry, owner })
    }

    fn flash_function(
        &mut self,
        ty: &FuncType,
        table: u32,
        flash: &FlashTable,
        index: Value,
    ) -> Result<Callee> {
        let size = self.env.table_type(table)?.min;
        self.trap_beyond(index, size, Trap::UndefinedElement);
        if flash.records < size {
            self.trap_beyond(index, flash.records, Trap::NullReference);
        }
        let ins = &mut self.builder;
        let shift = env::word(ins, RECORD_BYTES.ilog2());
        let at = ins.ins().ishl(index, shift);
        let base = env::symbol_address(ins, flash.symbol);
        let record = ins.ins().iadd(base, at);
        let flags = Region::Funcrefs.trusted_flags(ins.func).with_readonly();
        let entry = ins.ins().load(I32, flags, record, RECORD_ENTRY);
        if flash.has_null {
            ins.ins().trapz(entry, Trap::NullReference.to_clif());
        }
        if flash.uniform.as_ref() != Some(ty) {
            let signature = ins.ins().load(I32, flags, record, 0);
            let expected = self.env.signature(ty);
            let expected = env::symbol_address(&mut self.builder, expected);
            let other = self.builder.ins().icmp(IntCC::NotEqual, signature, expected);
            self.builder.ins().trapnz(other, Trap::IndirectCallTypeMismatch.to_clif());
        }
        Ok(Callee { entry, owner: None })
    }

    /// Traps unless `index` is below `size`.
    fn trap_beyond(&mut self, index: Value, size: u32, trap: Trap) {
        let size = env::word(&mut self.builder, size);
        let outside = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, size);
        self.builder.ins().trapnz(outside, trap.to_clif());
    }
}
