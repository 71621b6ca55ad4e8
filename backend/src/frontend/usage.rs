//! What of a module can be reached, and what the bodies that can do to its tables, memories and
//! segments: known before translation.
//!
//! A function can be reached if it is exported, the start function, in the initial value of a global,
//! named by `ref.func` or called by one that can be reached, or in a segment of a table that is used.
//! A table is used if it is imported, exported, or named by an operator that can be reached. All else
//! is neither compiled nor emitted, and stands in nobody's way if windlass cannot translate it.

use super::constant::{Const, ConstExpr, Operand};
use super::module::{SegmentKind, WasmModule, malformed};
use crate::error::Result;
use std::collections::BTreeSet;
use wasmparser::{ExternalKind, Operator};

#[derive(Default)]
pub struct Usage {
    /// Functions that can be reached, imported ones too.
    pub reached: BTreeSet<u32>,
    /// Tables that are used.
    pub tables: BTreeSet<u32>,
    /// Functions that `ref.func` names.
    pub functions: BTreeSet<u32>,
    /// Tables whose elements become values or are copied elsewhere.
    pub read_tables: BTreeSet<u32>,
    /// Tables that get elements that may come from anywhere.
    pub written_tables: BTreeSet<u32>,
    /// Tables that get elements of segments.
    pub initialised_tables: BTreeSet<u32>,
    pub grown_tables: BTreeSet<u32>,
    /// Segments that `table.init` and `memory.init` read.
    pub read_elements: BTreeSet<u32>,
    pub read_data: BTreeSet<u32>,
    pub dropped_elements: BTreeSet<u32>,
    pub dropped_data: BTreeSet<u32>,
}

/// The way to a module's usage: what is known to be reached, and not yet looked at.
struct Search<'m, 'a> {
    module: &'m WasmModule<'a>,
    usage: Usage,
    functions: Vec<u32>,
    tables: Vec<u32>,
}

impl Usage {
    pub fn of(module: &WasmModule<'_>) -> Result<Usage> {
        let usage = Usage::default();
        let mut search = Search { module, usage, functions: Vec::new(), tables: Vec::new() };
        search.roots();
        loop {
            if let Some(index) = search.functions.pop() {
                search.body(index)?;
            } else if let Some(index) = search.tables.pop() {
                search.table(index);
            } else {
                return Ok(search.usage);
            }
        }
    }
}

impl Search<'_, '_> {
    fn roots(&mut self) {
        for export in &self.module.exports {
            match export.kind {
                ExternalKind::Func => self.reach(export.index),
                ExternalKind::Table => self.reach_table(export.index),
                _ => {}
            }
        }
        self.module.start.into_iter().for_each(|start| self.reach(start));
        let globals = self.module.globals.iter().filter_map(|global| global.init.as_ref());
        globals.for_each(|init| self.initial_value(init));
        let tables = (0..).zip(&self.module.tables).filter(|(_, table)| table.imported);
        tables.for_each(|(index, _)| self.reach_table(index));
    }

    fn reach(&mut self, function: u32) {
        if self.usage.reached.insert(function) {
            self.functions.push(function);
        }
    }

    fn reach_table(&mut self, table: u32) {
        if self.usage.tables.insert(table) {
            self.tables.push(table);
        }
    }

    fn initial_value(&mut self, init: &ConstExpr) {
        init.functions().for_each(|function| self.reach(function));
    }

    /// What a table begins with.
    fn table(&mut self, index: u32) {
        let module = self.module;
        let init = module.tables.get(index as usize).and_then(|table| table.init.as_ref());
        init.into_iter().for_each(|init| self.initial_value(init));
        for segment in &module.elements {
            if segment.kind.active().is_some_and(|active| active.target == index) {
                self.items(&segment.items);
            }
        }
    }

    fn items(&mut self, items: &[Operand]) {
        for item in items {
            if let Operand::Const(Const::Func(index)) = *item {
                self.reach(index);
            }
        }
    }

    fn body(&mut self, function: u32) -> Result<()> {
        let body = (function as usize).checked_sub(self.module.imported_functions);
        let Some(body) = body.and_then(|body| self.module.bodies.get(body)) else { return Ok(()) };
        for operator in body.get_operators_reader().map_err(malformed)? {
            self.operator(&operator.map_err(malformed)?);
        }
        Ok(())
    }

    fn operator(&mut self, operator: &Operator<'_>) {
        match *operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                self.reach(function_index);
            }
            Operator::CallIndirect { table_index, .. }
            | Operator::ReturnCallIndirect { table_index, .. } => self.reach_table(table_index),
            Operator::TableSize { table } => self.reach_table(table),
            Operator::RefFunc { function_index } => {
                self.usage.functions.insert(function_index);
                self.reach(function_index);
            }
            Operator::TableGet { table } => {
                self.usage.read_tables.insert(table);
                self.reach_table(table);
            }
            Operator::TableSet { table } | Operator::TableFill { table } => {
                self.usage.written_tables.insert(table);
                self.reach_table(table);
            }
            Operator::TableGrow { table } => {
                self.usage.written_tables.insert(table);
                self.usage.grown_tables.insert(table);
                self.reach_table(table);
            }
            Operator::TableCopy { dst_table, src_table } => {
                self.usage.written_tables.insert(dst_table);
                self.usage.read_tables.insert(src_table);
                self.reach_table(dst_table);
                self.reach_table(src_table);
            }
            Operator::TableInit { elem_index, table } => {
                self.usage.initialised_tables.insert(table);
                self.reach_table(table);
                self.read_elements(elem_index);
            }
            Operator::ElemDrop { elem_index } => {
                self.usage.dropped_elements.insert(elem_index);
            }
            Operator::MemoryInit { data_index, .. } => {
                self.usage.read_data.insert(data_index);
            }
            Operator::DataDrop { data_index } => {
                self.usage.dropped_data.insert(data_index);
            }
            _ => {}
        }
    }

    fn read_elements(&mut self, index: u32) {
        let segment = self.module.elements.get(index as usize);
        let is_new = self.usage.read_elements.insert(index);
        if let Some(segment) = segment.filter(|s| is_new && matches!(s.kind, SegmentKind::Passive))
        {
            self.items(&segment.items);
        }
    }
}
