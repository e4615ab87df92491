//! The functions of a program and the calls between them, found by reading all of its code once.

use super::allocator;
use super::graph::{self, Range};
use super::value::Gpr;
use super::variables::{Variables, by_abi};
use crate::dwarf::{Dwarf, Unit};
use crate::file::{Binary, Target as Relocated};
use crate::table::{Address, Function, FunctionId, Table, Type};
use iced_x86::{FlowControl, Instruction, Mnemonic, OpKind};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::OnceLock;

/// What a call leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Target {
    /// Code of the program.
    Code(Address),
    /// What the loader writes into this word.
    Imported(Address),
}

/// A run of code that is called as a whole: a function, with the parts of it that lie apart.
#[derive(Debug, Clone)]
pub(super) struct Routine {
    /// `None`: only a symbol tells of it.
    pub(super) function: Option<FunctionId>,
    pub(super) ranges: Vec<Range>,
}

/// A call, or a jump that is one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// Of the instruction.
    pub(super) address: Address,
    /// Where the called function returns to.
    pub(super) next: Address,
    pub(super) routine: usize,
    pub(super) target: Target,
    /// The caller's frame is gone by then.
    pub(super) is_tail: bool,
}

/// A program, its functions and calls.
pub(super) struct Program<'r, 'a> {
    pub(super) binary: &'a Binary,
    pub(super) table: &'r Table,
    pub(super) dwarf: Option<&'r Dwarf<'a>>,
    pub(super) routines: Vec<Routine>,
    /// By target.
    pub(super) calls: FxHashMap<Target, Vec<Call>>,
    never_return: FxHashSet<Target>,
    units: Vec<OnceLock<Option<Unit<'a>>>>,
    /// The first word of each imported name.
    slots: FxHashMap<&'a str, Address>,
    /// By function.
    parameters: Vec<OnceLock<Vec<(Gpr, Type<'r>)>>>,
}

/// What one routine's code shows at a glance.
struct Scanned {
    calls: Vec<Call>,
    /// It has an instruction that returns, or one that may lead to such a one unseen.
    returns: bool,
}

impl<'r, 'a> Program<'r, 'a> {
    pub(super) fn read(binary: &'a Binary, table: &'r Table, dwarf: Option<&'r Dwarf<'a>>) -> Self {
        let units = dwarf.map_or(0, Dwarf::unit_count);
        let mut program = Program {
            binary,
            table,
            dwarf,
            routines: routines(binary, table),
            calls: FxHashMap::default(),
            never_return: FxHashSet::default(),
            units: std::iter::repeat_with(OnceLock::new).take(units).collect(),
            slots: slots(binary),
            parameters: std::iter::repeat_with(OnceLock::new).take(table.functions().len()).collect(),
        };
        let indices = 0..program.routines.len();
        let scanned: Vec<Scanned> = indices.into_par_iter().map(|index| program.scan(index)).collect();
        program.find_those_that_never_return(&scanned);
        for call in scanned.into_iter().flat_map(|scanned| scanned.calls) {
            program.calls.entry(call.target).or_default().push(call);
        }
        program
    }

    fn scan(&self, index: usize) -> Scanned {
        let ranges = self.routines.get(index).map_or(&[][..], |routine| &routine.ranges);
        let mut scanned = Scanned { calls: Vec::new(), returns: false };
        let instructions = graph::decode(self.binary, ranges);
        // What has no code here is not known to stay.
        scanned.returns = instructions.is_empty();
        let inside = |to: u64| ranges.iter().any(|(low, high)| *low <= to && to < *high);
        for instruction in instructions {
            let is_tail = match instruction.flow_control() {
                FlowControl::Call | FlowControl::IndirectCall => false,
                FlowControl::UnconditionalBranch | FlowControl::IndirectBranch => true,
                FlowControl::Return => {
                    scanned.returns = true;
                    continue;
                }
                FlowControl::ConditionalBranch => {
                    scanned.returns |= !inside(instruction.near_branch_target());
                    continue;
                }
                _ => continue,
            };
            let Some(target) = self.target(&instruction) else {
                // A jump by a register: by a table, or to a function that is not known here.
                scanned.returns |= is_tail && instruction.flow_control() == FlowControl::IndirectBranch;
                continue;
            };
            if is_tail && let Target::Code(Address(to)) = target {
                let is_entry = ranges.first().is_some_and(|(low, _)| *low == to);
                if inside(to) && !is_entry {
                    continue;
                }
            }
            let (address, next) = (Address(instruction.ip()), Address(instruction.next_ip()));
            scanned.calls.push(Call { address, next, routine: index, target, is_tail });
        }
        scanned
    }

    /// What a call or jump leads to. `None`: it is not known before it runs.
    pub(super) fn target(&self, instruction: &Instruction) -> Option<Target> {
        match instruction.flow_control() {
            FlowControl::Call | FlowControl::UnconditionalBranch => {
                if !matches!(instruction.op0_kind(), OpKind::NearBranch64) {
                    return None;
                }
                let address = Address(instruction.near_branch_target());
                let stub = self.binary.stub_at(address);
                Some(stub.map_or(Target::Code(address), |stub| self.by_slot(stub.slot)))
            }
            FlowControl::IndirectCall | FlowControl::IndirectBranch => {
                let slot = instruction
                    .is_ip_rel_memory_operand()
                    .then(|| Address(instruction.ip_rel_memory_address()))?;
                // A word that is a variable may point elsewhere by the time of the call.
                let symbol = self.binary.symbols().object_at(slot);
                if symbol.is_some_and(|symbol| symbol.size > 0) || self.table.variable_at(slot).is_some() {
                    return None;
                }
                match self.binary.relocations().at(slot)?.target {
                    Relocated::Symbol { .. } => Some(self.by_slot(slot)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn by_slot(&self, slot: Address) -> Target {
        match self.binary.relocations().at(slot).map(|relocation| relocation.target) {
            Some(Relocated::Symbol { defined: Some(address), .. }) => Target::Code(address),
            Some(Relocated::Symbol { name, .. }) => {
                Target::Imported(self.slots.get(name).copied().unwrap_or(slot))
            }
            Some(Relocated::Place(address)) => Target::Code(address),
            _ => Target::Imported(slot),
        }
    }

    /// The function's name: as its debug info, its symbol or its relocation has it.
    pub(super) fn name(&self, target: Target) -> Option<&str> {
        match target {
            Target::Code(address) => {
                let symbol = self.binary.symbols().function_at(address);
                let symbol = symbol.filter(|symbol| symbol.address == address).map(|symbol| symbol.name);
                symbol.or_else(|| self.function(target).map(|function| function.name()))
            }
            Target::Imported(slot) => match self.binary.relocations().at(slot)?.target {
                Relocated::Symbol { name, .. } => Some(name),
                _ => None,
            },
        }
    }

    /// What the debug info says of a call's target; also of one that another module defines.
    pub(super) fn function(&self, target: Target) -> Option<Function<'r>> {
        match target {
            Target::Code(address) => {
                let function = self.table.function_at(address)?;
                (function.code()?.0 == address).then_some(function)
            }
            Target::Imported(_) => {
                let mut named = self.table.functions_named(self.name(target)?);
                named.find(|function| function.is_declaration())
            }
        }
    }

    /// Whether control never comes back from a call.
    pub(super) fn never_returns(&self, instruction: &Instruction) -> bool {
        if instruction.mnemonic() == Mnemonic::Ud2 {
            return true;
        }
        let is_call = matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall);
        is_call && self.target(instruction).is_some_and(|target| self.never_return.contains(&target))
    }

    /// A function without a return, and without a jump to one that has it, never returns: compilers know that of functions whose
    /// source does not say so.
    fn find_those_that_never_return(&mut self, scanned: &[Scanned]) {
        let targets: FxHashSet<Target> =
            scanned.iter().flat_map(|scanned| scanned.calls.iter().map(|call| call.target)).collect();
        for target in targets {
            let said = self.function(target).is_some_and(|function| function.never_returns());
            if said || self.name(target).is_some_and(allocator::never_returns) {
                self.never_return.insert(target);
            }
        }
        loop {
            let before = self.never_return.len();
            for (routine, scanned) in self.routines.iter().zip(scanned) {
                let Some((entry, _)) = routine.ranges.first() else { continue };
                let mut tails = scanned.calls.iter().filter(|call| call.is_tail);
                if !scanned.returns && tails.all(|call| self.never_return.contains(&call.target)) {
                    self.never_return.insert(Target::Code(Address(*entry)));
                }
            }
            if self.never_return.len() == before {
                return;
            }
        }
    }

    /// What the debug info says of a function's frame.
    pub(super) fn variables(&self, function: Function<'r>) -> Variables<'r> {
        match (self.dwarf, self.unit(function)) {
            (Some(dwarf), Some(unit)) => Variables::of(self.table, dwarf, unit, function),
            _ => Variables::default(),
        }
    }

    /// The registers and types of the parameters of what is called.
    pub(super) fn parameters(&self, target: Target) -> &[(Gpr, Type<'r>)] {
        let Some(function) = self.function(target) else { return &[] };
        let index = usize::try_from(function.id().0).unwrap_or(usize::MAX);
        let Some(cell) = self.parameters.get(index) else { return &[] };
        cell.get_or_init(|| match target {
            Target::Code(_) => self.variables(function).parameters,
            Target::Imported(_) => by_abi(function),
        })
    }

    /// The unit that a function's debug info is in.
    pub(super) fn unit(&self, function: Function<'_>) -> Option<&Unit<'a>> {
        let id = crate::dwarf::UnitId(function.unit_id().0);
        let cell = self.units.get(usize::try_from(id.0).ok()?)?;
        cell.get_or_init(|| self.dwarf?.unit(id).ok()).as_ref()
    }
}

/// A name may have two words, one for calls through a stub and one for calls without: the first stands for both.
fn slots(binary: &Binary) -> FxHashMap<&str, Address> {
    let mut slots = FxHashMap::default();
    for relocation in binary.relocations().iter() {
        if let Relocated::Symbol { name, .. } = relocation.target {
            slots.entry(name).or_insert(relocation.slot);
        }
    }
    slots
}

/// All functions that the debug info describes, and those that only symbols tell of.
fn routines(binary: &Binary, table: &Table) -> Vec<Routine> {
    let mut by_function: FxHashMap<FunctionId, Vec<Range>> = FxHashMap::default();
    for (low, high, function) in table.ranges() {
        by_function.entry(function).or_default().push((low.0, high.0));
    }
    let mut routines = Vec::new();
    for (id, mut ranges) in by_function {
        // The part that begins with the entry comes first.
        let entry = table.function(id).and_then(|function| function.code()).map(|code| code.0.0);
        ranges.sort_unstable_by_key(|range| (Some(range.0) != entry, range.0));
        ranges.dedup();
        routines.push(Routine { function: Some(id), ranges });
    }
    for symbol in binary.symbols().functions() {
        if symbol.size > 0 && table.function_at(symbol.address).is_none() {
            let range = (symbol.address.0, symbol.address.0.saturating_add(symbol.size));
            routines.push(Routine { function: None, ranges: vec![range] });
        }
    }
    routines.sort_by_key(|routine| (routine.ranges.first().copied(), routine.function.is_none()));
    routines.dedup_by(|later, earlier| later.ranges.first() == earlier.ranges.first());
    routines
}
