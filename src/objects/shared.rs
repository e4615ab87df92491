//! Memory that several processes see: which of them, and where.

use crate::subject::Subject;
use mcrx_tracer::image::{Inode, MappingKind, Process};
use serde::Serialize;
use std::path::Path;

/// Shared memory at an address, in `--json`.
#[derive(Debug, Serialize)]
pub(super) struct SharedFacts {
    /// The kernel's name for it.
    memory: String,
    /// From its beginning to the address that was asked for.
    offset: u64,
    /// Who else of the captured processes sees the same byte.
    others: Vec<OtherFacts>,
}

#[derive(Debug, Serialize)]
struct OtherFacts {
    pid: u32,
    address: String,
}

impl SharedFacts {
    /// Nothing, if no other process would see what is written there.
    pub(super) fn at(address: u64, subject: &Subject) -> Option<SharedFacts> {
        let place = Place::of(subject.process(), address)?;
        let others = subject.processes().iter().filter(|process| process.pid != subject.process().pid);
        let seen = others.flat_map(|process| {
            let addresses = place.seen_by(process);
            addresses.map(|address| OtherFacts { pid: process.pid, address: format!("{address:#x}") })
        });
        let memory = place.path.display().to_string();
        Some(SharedFacts { memory, offset: place.offset, others: seen.collect() })
    }

    /// For people.
    pub(super) fn described(&self) -> String {
        let others = self.others.iter().map(|OtherFacts { pid, address }| format!("{pid} at {address}"));
        let others: Vec<String> = others.collect();
        let seen = if others.is_empty() {
            "no other captured process has it mapped".to_owned()
        } else {
            format!("the same as in {}", others.join(", "))
        };
        format!("shared memory {}, {} bytes in: {seen}", self.memory, self.offset)
    }
}

/// A byte of shared memory, whoever looks at it.
struct Place<'p> {
    inode: Inode,
    path: &'p Path,
    offset: u64,
}

impl<'p> Place<'p> {
    fn of(process: &'p Process, address: u64) -> Option<Place<'p>> {
        let mapping = process.mapping_at(address)?;
        let MappingKind::Shared { path, offset, inode } = &mapping.kind else { return None };
        Some(Place { inode: *inode, path, offset: offset + (address - mapping.range.start) })
    }

    /// At which addresses: a process may have it mapped more than once.
    fn seen_by(&self, process: &Process) -> impl Iterator<Item = u64> {
        process.mappings.iter().filter_map(|mapping| {
            let MappingKind::Shared { path, offset, inode } = &mapping.kind else { return None };
            // System V's shared memory has numbers of its own: the name tells it from a file of the same number.
            let is_same = *inode == self.inode && path == self.path;
            let address = mapping.range.start.checked_add(self.offset.checked_sub(*offset)?)?;
            (is_same && mapping.range.contains(&address)).then_some(address)
        })
    }
}
