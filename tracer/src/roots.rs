//! Where marking begins: all that a process can reach without having been given a block first.
//!
//! | root | read |
//! |---|---|
//! | global and static variables of modules with debug info | by their types |
//! | what no variable covers of a module's writable data | conservatively |
//! | thread-local variables; the rest of a thread's block of them | by their types; conservatively |
//! | live variables of frames with debug info | by their types |
//! | frames without debug info, what is above the last frame | conservatively |
//! | registers | conservatively |
//! | other memory that is mapped privately or shared, and writable: [`Area`]s | by what points into it, else conservatively |
//!
//! Memory below a thread's stack pointer is dead and is not looked at, and neither is what the allocator keeps for itself.

mod data;
mod outside;
mod stack;

pub use outside::{Map, Outside};

use crate::blocks::Area;
use crate::debug::Debug;
use crate::image::{MappingKind, Process};
use crate::model::{Model, Ty};
use mcrx_allocator::abi::{ARENA_BASE, ARENA_SLOTS, REGION_SIZE};
use std::ops::Range;

/// A place where marking begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// What it is, for people: `ngx_cycle`, `cycle in main`, `register rbx of thread 4711`.
    pub name: String,
    /// What sort.
    pub kind: RootKind,
    /// Its first byte. Of a value without an address 0.
    pub address: u64,
    /// In bytes.
    pub len: u64,
    /// Its type. `None`: any aligned word may be a pointer.
    pub ty: Option<Ty>,
    /// Its bytes, where they are in registers or in pieces. `None`: they are in memory.
    pub value: Option<Vec<u8>>,
}

/// What sort of root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootKind {
    /// A global or static variable.
    Variable,
    /// Data of a module that no variable covers.
    Data,
    /// A thread-local variable, or what lies between them.
    ThreadLocal,
    /// A local variable of a frame.
    Local,
    /// A part of a stack.
    Stack,
    /// A register of a thread.
    Register,
}

impl Root {
    /// What comes before its name where it is spoken of: nothing for variables.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            RootKind::Variable | RootKind::ThreadLocal | RootKind::Local | RootKind::Register => "",
            RootKind::Data => "data of ",
            RootKind::Stack => "bytes of ",
        }
    }

    /// Its bytes, as far as the image has them.
    pub fn bytes<'a>(&'a self, process: &'a Process) -> Option<&'a [u8]> {
        match &self.value {
            Some(value) => Some(value),
            None => process.memory.bytes(self.address, usize::try_from(self.len).ok()?),
        }
    }
}

/// Where marking begins.
#[derive(Debug, Default)]
pub struct Starts {
    /// Places of the program's own.
    pub roots: Vec<Root>,
    /// Other writable memory, by address.
    pub areas: Vec<Area>,
}

/// All of a process. Of modules whose types are not to be relied on, as facts say, none is read by its type. `tables`: for each module the place of its table in the model's list.
pub fn find(process: &Process, debug: &Debug, tables: &[Option<usize>], model: &Model<'_>) -> Starts {
    let relied_on = process.modules.iter().zip(tables);
    let relied_on = relied_on.map(|(module, table)| table.filter(|_| !model.facts().is_opaque(&module.path)));
    let tables = &relied_on.collect::<Vec<Option<usize>>>();
    let mut roots = data::variables(process, debug, tables, model);
    let stacks = stack::find(process, debug, tables, model);
    // What is read by its type is not read again as bytes; neither is what is dead, or the allocator's.
    let mut covered: Vec<Range<u64>> =
        roots.iter().map(|root| root.address..root.address + root.len).collect();
    covered.extend(stacks.covered);
    covered.extend(data::allocators_own(process));
    covered.push(ARENA_BASE..ARENA_BASE + ARENA_SLOTS * REGION_SIZE);
    roots.extend(stacks.roots);
    let covered = joined(covered);
    let mut areas = Vec::new();
    for mapping in process.mappings.iter().filter(|mapping| mapping.permissions.write) {
        let module = process.module_at(mapping.range.start);
        let holds_stack = process.threads.iter().any(|thread| mapping.range.contains(&thread.registers.rsp));
        let (kind, name) = match (&mapping.kind, module) {
            (MappingKind::Vdso | MappingKind::Vvar | MappingKind::Vsyscall, _) => continue,
            (_, Some(module)) => (Some(RootKind::Data), data::file_name(&module.path)),
            _ if holds_stack => (Some(RootKind::Stack), "stack".to_owned()),
            (kind, None) => (None, data::mapping_name(kind)),
        };
        for range in without(&mapping.range, &covered) {
            for segment in process.memory.segments() {
                let segment = segment.range();
                let range = range.start.max(segment.start)..range.end.min(segment.end);
                if range.start >= range.end {
                    continue;
                }
                let (address, len, name) = (range.start, range.end - range.start, name.clone());
                match kind {
                    Some(kind) => roots.push(Root { name, kind, address, len, ty: None, value: None }),
                    None => areas.push(Area { range, name }),
                }
            }
        }
    }
    Starts { roots, areas }
}

/// The same addresses as ranges that do not touch, in order.
fn joined(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// What is left of a range without others, which are in order and do not touch.
fn without(range: &Range<u64>, others: &[Range<u64>]) -> Vec<Range<u64>> {
    let first = others.partition_point(|other| other.end <= range.start);
    let mut left = Vec::new();
    let mut at = range.start;
    for other in others.get(first..).unwrap_or(&[]).iter().take_while(|other| other.start < range.end) {
        if at < other.start {
            left.push(at..other.start);
        }
        at = at.max(other.end);
    }
    if at < range.end {
        left.push(at..range.end);
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_covered_is_cut_out() {
        let others = joined(vec![30..40, 10..20, 15..25, 50..50]);
        assert_eq!(others, [10..25, 30..40]);
        assert_eq!(without(&(0..100), &others), [0..10, 25..30, 40..100]);
        assert_eq!(without(&(12..35), &others), vec![25..30]);
        assert_eq!(without(&(12..20), &others), vec![]);
    }
}
