//! Variables that have a place of their own for as long as the program, or a thread, runs.

use super::image::Table;
use super::record::VariableRecord;
use super::types::{Type, TypeId};
use super::unit::{Unit, UnitId};
use super::{Address, Declared, Function, FunctionId};

/// A variable, by its place in the order of storage and address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableId(pub u32);

/// Where a variable lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Storage {
    /// At a fixed address of its module.
    Static = 0,
    /// In each thread: its address is an offset in the module's block of thread-local storage.
    ThreadLocal,
    /// Nowhere: the compiler left it out, or made its value a constant.
    Nowhere,
    /// In another module; only declared here.
    Elsewhere,
}

impl Storage {
    fn of(number: u8) -> Storage {
        match number {
            0 => Storage::Static,
            1 => Storage::ThreadLocal,
            2 => Storage::Nowhere,
            _ => Storage::Elsewhere,
        }
    }
}

/// A global variable, a static one of a file, or a static local.
#[derive(Clone, Copy)]
pub struct Variable<'t> {
    table: &'t Table,
    id: VariableId,
    record: VariableRecord,
}

impl<'t> Variable<'t> {
    pub(super) fn new(table: &'t Table, id: VariableId, record: VariableRecord) -> Variable<'t> {
        Variable { table, id, record }
    }

    /// Its number.
    pub fn id(&self) -> VariableId {
        self.id
    }

    /// As written; with its namespaces.
    pub fn name(&self) -> &'t str {
        self.table.string(self.record.name)
    }

    /// The symbol, where that differs from the name.
    pub fn linkage_name(&self) -> Option<&'t str> {
        Some(self.table.string(self.record.linkage_name)).filter(|name| !name.is_empty())
    }

    /// Its type. `None`: the debug info does not say.
    pub fn ty(&self) -> Option<Type<'t>> {
        self.table.ty(TypeId(self.record.target))
    }

    /// Where it is defined. Several units may each have a static variable of the same name.
    pub fn unit(&self) -> Option<Unit<'t>> {
        self.table.unit(UnitId(self.record.unit))
    }

    /// Of a static local: the function that it belongs to.
    pub fn function(&self) -> Option<Function<'t>> {
        self.table.function(FunctionId(self.record.function))
    }

    /// Where it is declared.
    pub fn declared(&self) -> Declared<'t> {
        Declared { file: self.table.string(self.record.file), line: self.record.line }
    }

    /// What its address counts from.
    pub fn storage(&self) -> Storage {
        Storage::of(self.record.storage)
    }

    /// As linked; of a thread-local one, the offset in the module's block. Means nothing for other storage.
    pub fn address(&self) -> Address {
        Address(self.record.address)
    }

    /// Whether other units can name it.
    pub fn is_external(&self) -> bool {
        self.record.external != 0
    }
}

impl std::fmt::Debug for Variable<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Variable({:?} {:?} {})", self.name(), self.storage(), self.address())
    }
}
