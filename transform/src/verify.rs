//! Whether a new image holds together: every pointer in it is followed once.
//!
//! | what is looked at | must be |
//! |---|---|
//! | a pointer that is read by its type | to a live object, or a variable, of a type that agrees; to just past a block |
//! | one whose type does not say to what | to anything that is mapped |
//! | one to a function | to where a function begins |
//! | an object that was carried over | in a live block, and reached from a root |
//!
//! A program's own pointers need not all be good: some are left over from what was freed, some are read as something else than what they
//! point to. So what the new release's process had in the same place before is no finding, and neither is a pointer to nothing that the old
//! process had too, nor a disagreement between the same members and types as in the old process.
//!
//! The result does not depend on the number of cores.
//!
//! What it does not do: look at words that may be pointers, or at values; run what rules assert.

mod look;
mod path;
mod reach;

pub use path::path;
pub(crate) use path::paths;

use crate::plan::is_of_the_system;
use crate::side::Side;
use look::{Look, Seen};
use mcrx_debuginfo::table::TypeId;
use mcrx_tracer::blocks::Block;
use mcrx_tracer::graph::Node;
use mcrx_tracer::model::{Model, Ty};
use mcrx_tracer::trace::Trace;
use rayon::prelude::*;
use reach::Reach;
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// An object of the old process in the new image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Where it is now.
    pub range: Range<u64>,
    /// What it is now, of the new release's program; several side by side, or one with a flexible array, if the range is larger. `None`: it
    /// is not said.
    pub ty: Option<TypeId>,
}

/// What is known of carried blocks, for [`Trace::knowing`]: the sites that made them are not those of the new program.
pub fn types(model: &Model<'_>, new: &Side<'_>, carried: &[Carried]) -> Vec<(Range<u64>, Ty)> {
    typed(model, new, carried).collect()
}

/// Carried objects whose types are said, by the numbers that a model of the new image has for them.
fn typed(model: &Model<'_>, new: &Side<'_>, carried: &[Carried]) -> impl Iterator<Item = (Range<u64>, Ty)> {
    let mut tables = model.tables();
    let place = tables.position(|(table, _)| table.build_id() == new.table.build_id());
    carried
        .iter()
        .filter_map(move |carried| Some((carried.range.clone(), model.number_of(place?, carried.ty?)?)))
}

/// What is looked at.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The new image, best traced with what is known of [`types`].
    pub merged: &'a Trace<'a>,
    /// The old process.
    pub now: &'a Trace<'a>,
    /// The new release's process as it was before.
    pub new: &'a Side<'a>,
    /// All that was carried over, by address.
    pub carried: &'a [Carried],
    /// Where the old program and its libraries were.
    pub old: &'a [Range<u64>],
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// A pointer to a thing of one type, where there is one of another, or of which others say something else.
    Disagrees {
        /// Where it points to.
        to: u64,
        /// What it claims is there.
        claimed: String,
        /// What is known. Empty: nothing that all agree on.
        found: String,
    },
    /// A pointer into the heap, where no block lives.
    Freed {
        /// Where it points to.
        to: u64,
    },
    /// A pointer to where nothing is mapped.
    Dangling {
        /// Where it points to.
        to: u64,
    },
    /// A pointer to where the old program or its libraries were.
    OldRelease {
        /// Where it points to.
        to: u64,
    },
    /// A pointer to a function, where none begins.
    NoFunction {
        /// Where it points to.
        to: u64,
    },
    /// A pointer to a thing of some type, into code.
    IntoCode {
        /// Where it points to.
        to: u64,
    },
    /// An object that was carried over, to where there is no room for it.
    Gone,
    /// An object that was carried over, and that no root leads to.
    Lost,
}

/// The sorts of [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "as the faults")]
pub enum Sort {
    Disagrees,
    Freed,
    Dangling,
    OldRelease,
    NoFunction,
    IntoCode,
    Gone,
    Lost,
}

impl Fault {
    /// Which sort it is of.
    pub fn sort(&self) -> Sort {
        match self {
            Fault::Disagrees { .. } => Sort::Disagrees,
            Fault::Freed { .. } => Sort::Freed,
            Fault::Dangling { .. } => Sort::Dangling,
            Fault::OldRelease { .. } => Sort::OldRelease,
            Fault::NoFunction { .. } => Sort::NoFunction,
            Fault::IntoCode { .. } => Sort::IntoCode,
            Fault::Gone => Sort::Gone,
            Fault::Lost => Sort::Lost,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Disagrees { to, claimed, found } if found.is_empty() => {
                write!(out, "points to {to:#x} as to a {claimed}, of which others say something else")
            }
            Fault::Disagrees { to, claimed, found } => {
                write!(out, "points to {to:#x} as to a {claimed}, which is a {found}")
            }
            Fault::Freed { to } => write!(out, "points to {to:#x}, where no block of the heap lives"),
            Fault::Dangling { to } => write!(out, "points to {to:#x}, where nothing is mapped"),
            Fault::OldRelease { to } => {
                write!(out, "points to {to:#x}, where the old program or one of its libraries was")
            }
            Fault::NoFunction { to } => write!(out, "points to {to:#x}, where no function begins"),
            Fault::IntoCode { to } => write!(out, "points to {to:#x}, into code, as to data"),
            Fault::Gone => write!(out, "was carried over to where no live block has room for it"),
            Fault::Lost => write!(out, "was carried over, and no root leads to it"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Of the pointer, or of the object.
    pub address: u64,
    /// How a root leads there: `cycle->listening.elts`. Of an object that no root leads to, what it is.
    pub path: String,
    /// What.
    pub fault: Fault,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at {:#x} {}", self.path, self.address, self.fault)
    }
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The first ones, by sort and then in the order of memory.
    pub findings: Vec<Finding>,
    /// How many there are of each sort.
    pub counts: BTreeMap<Sort, u64>,
    /// Pointers that were looked at.
    pub pointers: u64,
}

impl Report {
    /// Nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }
}

impl Subject<'_> {
    /// Looks at all of it. `most`: how many findings are told of each sort.
    pub fn verify(&self, most: usize) -> Report {
        let look = Look::new(self.merged).carrying(self.carried, self.new).knowing_old(self.old);
        let (mut seen, pointers) = look.all();
        let new = Look::new(self.new.trace);
        seen.retain(|seen| !self.was_so_before(seen, &new));
        if !seen.is_empty() {
            // What the old process has of the same sort: few have to ask.
            let (before, _) = Look::new(self.now).all();
            let before: FxHashSet<Habit> = before.iter().map(|seen| Habit::of(seen, self.now)).collect();
            seen.retain(|seen| seen.of_old_release || !before.contains(&Habit::of(seen, self.merged)));
        }
        let mut report = Report { pointers, ..Report::default() };
        for seen in seen {
            let fault = look.fault(&seen);
            if report.is_wanted(fault.sort(), most) {
                let path = path(self.merged, seen.node, seen.offset);
                report.findings.push(Finding { address: seen.address, path, fault });
            }
        }
        self.check_carried(&mut report, most);
        report.findings.sort_by_key(|finding| finding.fault.sort());
        report
    }

    /// Live blocks that nothing in the new image needs: of the old process, which were not carried over, and of the new release's, in the place of
    /// which old ones are; no root leads to them any more, be it by a word that only may be a pointer. What none led to before either may be
    /// known by pointers that look like none: it is not among them, but for what the old libc and dynamic linker had made, which are gone, and
    /// what an earlier update has made, of which all pointers are known.
    pub fn unneeded(&self) -> Vec<u64> {
        let trace = self.merged;
        let reach = Reach::of(trace, self.now.process);
        let is_carried = |start: u64, end: u64| {
            let place = self.carried.partition_point(|carried| carried.range.end <= start);
            self.carried.get(place).is_some_and(|carried| carried.range.start < end)
        };
        let was_reached = |address: u64| {
            [self.now, self.new.trace].into_iter().any(|before| {
                let found = before.blocks.find(address).filter(|(_, _, into)| *into == 0);
                found.is_some_and(|(number, ..)| {
                    let site = || before.known.sites.get(before.blocks.get(number)?.site?);
                    let is_updates = || site().is_none_or(|site| site.frames().next().is_none());
                    let is_gone = || is_of_the_system(before, number) || is_updates();
                    before.graph.is_reached(Node(number)) || std::ptr::eq(before, self.now) && is_gone()
                })
            })
        };
        let is_needed = |number: u32, block: &Block| {
            reach.has(Node(number))
                || is_carried(block.address, block.address.saturating_add(block.len.max(1)))
        };
        let blocks = trace.blocks.iter();
        let whole =
            blocks.filter(|(number, _)| !trace.blocks.is_area(*number) && !trace.blocks.is_part(*number));
        let unneeded = whole.filter(|(number, block)| {
            // A pool goes when the last of what it has handed out does.
            let parts =
                || trace.blocks.parts_of(*number).filter_map(|part| Some((part, trace.blocks.get(part)?)));
            !is_needed(*number, block)
                && !parts().any(|(part, block)| is_needed(part, &block))
                && (was_reached(block.address) || parts().any(|(_, block)| was_reached(block.address)))
        });
        unneeded.map(|(_, block)| block.address).collect()
    }

    /// Whether the new release's process had the same in the same place.
    fn was_so_before(&self, seen: &Seen, new: &Look<'_>) -> bool {
        let trace = self.new.trace;
        let word = |trace: &Trace<'_>| trace.process.memory.word(seen.address);
        seen.address != 0
            && !seen.is_carried_type
            && word(trace).is_some()
            && word(trace) == word(self.merged)
            && (seen.claim.is_none() || new.disagrees_at(seen.address))
    }

    fn check_carried(&self, report: &mut Report, most: usize) {
        let trace = self.merged;
        let reach = Reach::of(trace, self.now.process);
        let faulty = |carried: &Carried| {
            let Range { start, end } = carried.range;
            let fits = |len: u64, offset: u64| offset.saturating_add(end.saturating_sub(start)) <= len;
            match trace.blocks.find(start).filter(|(_, block, offset)| fits(block.len, *offset)) {
                None => Some((start, None)),
                Some((number, ..)) if reach.has(Node(number)) => None,
                Some((number, _, offset)) => Some((start, Some((Node(number), offset)))),
            }
        };
        // In the order in which they were given.
        for (address, place) in self.carried.par_iter().filter_map(faulty).collect::<Vec<_>>() {
            let fault = if place.is_some() { Fault::Lost } else { Fault::Gone };
            if report.is_wanted(fault.sort(), most) {
                let path = place.map(|(node, offset)| path::object(trace, node, offset));
                let path = path.unwrap_or_else(|| "an object".to_owned());
                report.findings.push(Finding { address, path, fault });
            }
        }
    }
}

impl Report {
    /// Counts a fault, and says whether it is to be told.
    fn is_wanted(&mut self, sort: Sort, most: usize) -> bool {
        let count = self.counts.entry(sort).or_default();
        *count += 1;
        usize::try_from(*count).is_ok_and(|count| count <= most)
    }
}

/// What makes a fault the same as one of the old process.
#[derive(PartialEq, Eq, Hash)]
enum Habit {
    /// The same pointer to nothing: the old heap is where it was.
    Nothing(u64),
    /// The member that points, what it claims, and what is there.
    Disagrees(String, String, String),
}

impl Habit {
    fn of(seen: &Seen, trace: &Trace<'_>) -> Habit {
        match seen.claim {
            None => Habit::Nothing(seen.to),
            Some((claimed, found)) => {
                let found = found.map(|found| trace.model.name(found)).unwrap_or_default();
                Habit::Disagrees(
                    path::member(trace, seen.node, seen.offset),
                    trace.model.name(claimed),
                    found,
                )
            }
        }
    }
}
