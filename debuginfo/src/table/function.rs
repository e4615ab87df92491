//! Functions: their code, what they return and take.

use super::image::Table;
use super::record::{FunctionRecord, ParameterRecord};
use super::types::{Type, TypeId};
use super::unit::{Unit, UnitId};
use super::{Address, Declared};
use crate::image::part;

/// A function, by its place in the order of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionId(pub u32);

/// The bits of a record's `flags`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FunctionFlags {
    pub(super) external: bool,
    pub(super) declaration: bool,
    pub(super) noreturn: bool,
}

impl FunctionFlags {
    pub(super) fn bits(self) -> u32 {
        let FunctionFlags { external, declaration, noreturn } = self;
        [external, declaration, noreturn]
            .into_iter()
            .enumerate()
            .fold(0, |bits, (place, is)| bits | u32::from(is) << place)
    }

    fn of(bits: u32) -> FunctionFlags {
        let is = |place: u32| bits >> place & 1 == 1;
        FunctionFlags { external: is(0), declaration: is(1), noreturn: is(2) }
    }
}

/// A function that the binary defines, inlines, or calls in another module.
#[derive(Clone, Copy)]
pub struct Function<'t> {
    table: &'t Table,
    id: FunctionId,
    record: FunctionRecord,
}

impl<'t> Function<'t> {
    pub(super) fn new(table: &'t Table, id: FunctionId, record: FunctionRecord) -> Function<'t> {
        Function { table, id, record }
    }

    /// Its number.
    pub fn id(&self) -> FunctionId {
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

    /// Its entry, and the end of the run of code that begins there. `None`: no code of its own, because every call was inlined or
    /// because it is defined in another module.
    pub fn code(&self) -> Option<(Address, Address)> {
        (self.record.high != 0).then_some((Address(self.record.low), Address(self.record.high)))
    }

    /// What it returns. `None`: void.
    pub fn returns(&self) -> Option<Type<'t>> {
        self.table.ty(TypeId(self.record.returns))
    }

    /// What it takes, in order.
    pub fn parameters(&self) -> impl ExactSizeIterator<Item = Parameter<'t>> + use<'t> {
        parameters(self.table, self.record.first, self.record.count)
    }

    /// Where it is defined.
    pub fn unit(&self) -> Option<Unit<'t>> {
        self.table.unit(UnitId(self.record.unit))
    }

    /// The number of the unit that holds its DIE.
    pub fn unit_id(&self) -> UnitId {
        UnitId(self.record.unit)
    }

    /// Its DIE, from the start of its unit: where its variables and what was inlined into it can be read.
    pub fn die(&self) -> u32 {
        self.record.die
    }

    /// Where it is declared.
    pub fn declared(&self) -> Declared<'t> {
        Declared { file: self.table.string(self.record.file), line: self.record.line }
    }

    /// Whether other units can call it by name.
    pub fn is_external(&self) -> bool {
        FunctionFlags::of(self.record.flags).external
    }

    /// Whether it is only declared here and defined in another module.
    pub fn is_declaration(&self) -> bool {
        FunctionFlags::of(self.record.flags).declaration
    }

    /// Whether it never returns to its caller.
    pub fn never_returns(&self) -> bool {
        FunctionFlags::of(self.record.flags).noreturn
    }
}

impl std::fmt::Debug for Function<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Function({:?} {:#x}..{:#x})", self.name(), self.record.low, self.record.high)
    }
}

/// A parameter of a function or of a function type.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'t> {
    /// Empty where the source gives none.
    pub name: &'t str,
    /// `None`: the debug info does not say.
    pub ty: Option<Type<'t>>,
}

pub(super) fn parameters(
    table: &Table,
    first: u32,
    count: u32,
) -> impl ExactSizeIterator<Item = Parameter<'_>> + use<'_> {
    let records = part::<ParameterRecord>(table.parameters(), first, count);
    records
        .iter()
        .map(|record| Parameter { name: table.string(record.name), ty: table.ty(TypeId(record.target)) })
}
