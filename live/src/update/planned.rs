//! The plans of a whole tree of processes: each old process with the new one that has its place.
//!
//! Parents and children are planned for one by one, by the same rules. Memory that they share goes on as it is ([`super::shared`]); what else they do
//! (sockets) is not looked at here.
//!
//! What it does not do: hold, read or write a process.

use super::lineage::Lineage;
use super::shared::{self, Leads};
use crate::adapters::{Images, Tellings};
use crate::graft::Twin;
use mcrx_debuginfo::cache::Cache;
use mcrx_dsl::lower;
use mcrx_dsl::rules::Rules;
use mcrx_tracer::debug::Shelf;
use mcrx_tracer::facts::Facts;
use mcrx_tracer::image::Process;
use mcrx_tracer::trace::{Known, Trace, TraceError};
use mcrx_transform::pairs::Counts;
use mcrx_transform::plan::Plan;
use mcrx_transform::prepared::Prepared;
use mcrx_transform::side::{Side, SideError};
use mcrx_transform::target::{MergeError, Merged, OfflineRoom, Unwritable};
use mcrx_transform::verify::{self, Finding};
use rayon::prelude::*;

/// What all processes are read by.
pub(super) struct Reading<'r> {
    rules: &'r Rules,
    facts: Facts,
    shelf: Shelf,
}

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A process cannot be traced.
    #[error("process {pid}: {source}")]
    Trace {
        /// Which.
        pid: u32,
        /// Why.
        source: TraceError,
    },
    /// It has no debug info.
    #[error(transparent)]
    Side(#[from] SideError),
    /// The two releases do not fit into one process.
    #[error("process {pid}: {source}")]
    Merge {
        /// Which.
        pid: u32,
        /// Why.
        source: MergeError,
    },
    /// A plan that writes where nothing is. A mistake of ours.
    #[error("process {pid}: {source}")]
    Unwritable {
        /// Which.
        pid: u32,
        /// Where.
        source: Unwritable,
    },
    /// One release has a process that the other one has not.
    #[error("{0}")]
    Tree(String),
}

/// What is known of one process before the old one is held.
pub(super) struct Ready<'t> {
    pub(super) pid: u32,
    pub(super) prepared: Prepared<'t>,
    leads: Leads,
}

/// One process's plan, and what its memory will be.
pub(super) struct Planned {
    /// Its number, in both releases.
    pub(super) pid: u32,
    pub(super) plan: Plan,
    /// Blocks that the plan makes: a region of the heap that no process has yet.
    pub(super) room: OfflineRoom,
    /// What libraries are to be told, or why it cannot be told.
    pub(super) told: Result<Tellings, Vec<String>>,
    /// Shared memory that goes on, and where the new release has its own.
    pub(super) twins: Vec<Twin>,
    /// Why some cannot.
    pub(super) shared: Vec<String>,
    /// What is wrong with the image that the plan would leave. Nothing where the plan is refused.
    pub(super) findings: Vec<Finding>,
    /// Blocks that the new image has no use for.
    pub(super) unneeded: Vec<u64>,
    /// Blocks that the old start-up made.
    pub(super) own_blocks: Counts,
    /// What is carried over.
    pub(super) carried: Vec<verify::Carried>,
    /// The words that the kernel hands back to the process with events, and what they are to be.
    pub(super) words: Vec<(u64, u64)>,
}

/// So many findings of each sort are told.
const MOST: usize = 20;

impl<'r> Reading<'r> {
    pub(super) fn by(rules: &'r Rules) -> Reading<'r> {
        let facts = lower::facts(rules);
        let shelf = Shelf::knowing(Cache::default(), facts.wrappers());
        Reading { rules, facts, shelf }
    }

    /// What is known of processes before any pointer is followed.
    pub(super) fn known(&self, processes: &[Process]) -> Result<Vec<Known>, PlanError> {
        let known = |process: &Process| {
            let pid = process.pid;
            Known::with(process, &self.shelf).map_err(|source| PlanError::Trace { pid, source })
        };
        processes.iter().map(known).collect()
    }

    /// Traces processes, and hands the results to `use_them`. `lineage`: what earlier updates have carried over into them.
    pub(super) fn traced<T>(
        &self,
        (processes, known): (&[Process], &[Known]),
        lineage: &Lineage,
        use_them: impl FnOnce(&[Trace<'_>]) -> T,
    ) -> T {
        let models: Vec<_> = known.iter().map(|known| known.model(&self.facts)).collect();
        let mut traces: Vec<Trace<'_>> = Vec::new();
        for ((process, known), model) in processes.iter().zip(known).zip(&models) {
            let told = lineage.told(process.pid, known, model);
            traces.push(Trace::knowing(process, known, model, told));
        }
        use_them(&traces)
    }

    /// What can be found out of all processes before the old ones are held, by their numbers.
    pub(super) fn prepared<'t>(
        &'t self,
        start: &'t [Trace<'t>],
        new: &'t [Trace<'t>],
    ) -> Result<Vec<Ready<'t>>, PlanError> {
        let prepared = |new: &'t Trace<'t>| {
            let pid = new.process.pid;
            let start = start.iter().find(|start| start.process.pid == pid).ok_or_else(|| {
                let name = &new.process.name;
                PlanError::Tree(format!(
                    "the new release starts one process more than the old one did: {name}"
                ))
            })?;
            let (start, new) = (Side::of_executable(start)?, Side::of_executable(new)?);
            let prepared = Prepared::of(start, new, self.rules);
            let leads = Leads::of(&prepared);
            Ok(Ready { pid, prepared, leads })
        };
        new.iter().map(prepared).collect()
    }

    /// Plans for all processes, from what they are now. `words`: what the kernel hands back to each with events.
    pub(super) fn plans(
        &self,
        ready: &mut [Ready<'_>],
        now: &[Trace<'_>],
        words: &[(u32, Vec<u64>)],
    ) -> Result<Vec<Planned>, PlanError> {
        let ended = |pid: &u32| !now.iter().any(|now| now.process.pid == *pid);
        if let Some(pid) = ready.iter().map(|one| one.pid).find(ended) {
            return Err(PlanError::Tree(format!("process {pid} of the server's start-up has ended")));
        }
        let plan = |now: &Trace<'_>| {
            let pid = now.process.pid;
            let of_it = ready.iter_mut().find(|one| one.pid == pid);
            let ready = of_it.ok_or_else(|| {
                PlanError::Tree(format!(
                    "process {pid} was made since the server's start-up, or the new release starts none in its place"
                ))
            })?;
            let words = words.iter().find(|(number, _)| *number == pid);
            ready.prepared.course.held_by_kernel = words.map_or_else(Vec::new, |(_, words)| words.clone());
            self.plan(ready, now)
        };
        now.iter().map(plan).collect()
    }

    fn plan(&self, ready: &Ready<'_>, now: &Trace<'_>) -> Result<Planned, PlanError> {
        let Ready { prepared, leads, .. } = ready;
        let pid = now.process.pid;
        let merge = |source| PlanError::Merge { pid, source };
        let unwritable = |source| PlanError::Unwritable { pid, source };
        let (now, new) = (Side::of_executable(now)?, prepared.new);
        let mut merged = Merged::of(now.process(), new.process()).map_err(merge)?;
        let room = merged.room().map_err(merge)?;
        let plan = prepared.plan(now, &room);
        let Prepared { course, pairs, .. } = prepared;
        let own_blocks = pairs.own_blocks;
        let (twins, shared) = match shared::twins(prepared, leads, now.trace) {
            Ok(twins) => (twins, Vec::new()),
            Err(shared) => (Vec::new(), shared),
        };
        let words = course.held_by_kernel.iter().copied().zip(plan.held_by_kernel.iter().copied()).collect();
        if plan.is_refused() {
            let (findings, unneeded, carried) = (Vec::new(), Vec::new(), Vec::new());
            let told = Ok(Tellings::default());
            return Ok(Planned {
                pid,
                plan,
                room,
                told,
                twins,
                shared,
                findings,
                unneeded,
                own_blocks,
                carried,
                words,
            });
        }
        merged.add(&room).map_err(merge)?;
        plan.apply(&mut merged).map_err(unwritable)?;
        let carried = plan.carried(&now, course);
        let merged = merged.finish();
        let images = Images { new: new.process(), merged: &merged, table: new.table };
        let told = Tellings::of(&plan.adapters, images);
        let (findings, unneeded) = self.verify(&merged, (&now, &new), &carried)?;
        Ok(Planned { pid, plan, room, told, twins, shared, findings, unneeded, own_blocks, carried, words })
    }

    /// Looks at every pointer of the image that a plan leaves, and says which blocks none leads to any more.
    fn verify(
        &self,
        merged: &Process,
        (now, new): (&Side<'_>, &Side<'_>),
        carried: &[verify::Carried],
    ) -> Result<(Vec<Finding>, Vec<u64>), PlanError> {
        let trace = |source| PlanError::Trace { pid: merged.pid, source };
        let known = Known::with(merged, &self.shelf).map_err(trace)?;
        let model = known.model(&self.facts);
        let trace = Trace::knowing(merged, &known, &model, verify::types(&model, new, carried));
        let old: Vec<_> = now.process().modules.par_iter().map(|module| module.range.clone()).collect();
        let subject = verify::Subject { merged: &trace, now: now.trace, new, carried, old: &old };
        Ok((subject.verify(MOST).findings, subject.unneeded()))
    }
}
