//! What the bodies of a module do to its tables, memories and segments, known before translation.

use super::module::malformed;
use crate::error::Result;
use std::collections::BTreeSet;
use wasmparser::{FunctionBody, Operator};

#[derive(Default)]
pub struct Usage {
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

impl Usage {
    pub fn of(bodies: &[FunctionBody<'_>]) -> Result<Usage> {
        let mut usage = Usage::default();
        for body in bodies {
            for operator in body.get_operators_reader().map_err(malformed)? {
                usage.operator(&operator.map_err(malformed)?);
            }
        }
        Ok(usage)
    }

    fn operator(&mut self, operator: &Operator<'_>) {
        match *operator {
            Operator::RefFunc { function_index } => {
                self.functions.insert(function_index);
            }
            Operator::TableGet { table } => {
                self.read_tables.insert(table);
            }
            Operator::TableSet { table } | Operator::TableFill { table } => {
                self.written_tables.insert(table);
            }
            Operator::TableGrow { table } => {
                self.written_tables.insert(table);
                self.grown_tables.insert(table);
            }
            Operator::TableCopy { dst_table, src_table } => {
                self.written_tables.insert(dst_table);
                self.read_tables.insert(src_table);
            }
            Operator::TableInit { elem_index, table } => {
                self.initialised_tables.insert(table);
                self.read_elements.insert(elem_index);
            }
            Operator::ElemDrop { elem_index } => {
                self.dropped_elements.insert(elem_index);
            }
            Operator::MemoryInit { data_index, .. } => {
                self.read_data.insert(data_index);
            }
            Operator::DataDrop { data_index } => {
                self.dropped_data.insert(data_index);
            }
            _ => {}
        }
    }
}
