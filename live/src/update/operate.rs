//! The operation: what is done while the server is held, and before that its rehearsal on a copy.
//!
//! The rehearsal holds the server for as long as it takes to copy it, and plans when it has gone on. What would stop the operation mostly stops that:
//! so a server that is not updated hardly notices.
//!
//! Up to [`Operation::transplant`] it only looks. From there on no thread of the server can run ([`super::parking`]), and each step notes how it is
//! undone before it is done: the first that fails has all of them undone, the last first. When all are done there is no way back, and nothing
//! left that could fail but tidying up; then threads go on, with their new registers.

use super::guardian::Guardian;
use super::lineage::Lineage;
use super::parked::{self, Parked};
use super::partners::Partners;
use super::patient::Patient;
use super::phase::{Clock, Phase};
use super::planned::{Planned, Reading, Ready};
use super::succession::Succession;
use super::waits::Waits;
use super::{Descriptors, Refusal, Request, UpdateError, quiescent};
use crate::capture;
use crate::descriptors::{Matches, Pair, StartUp, matches};
use crate::graft::Sources;
use crate::hold::{Hands, Held};
use crate::kernel::{self, KernelState, Kind};
use crate::ledger::{Ledger, Stage};
use crate::randomness::Draws;
use mcrx_tracer::image::Process;
use mcrx_tracer::trace::{Known, Trace};
use mcrx_transform::plan::Code;
use nix::unistd::Pid;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What an update works with.
pub(super) struct Operation<'a, 't> {
    pub(super) reading: &'a Reading<'a>,
    /// What was found out of each process's start-up in both releases.
    pub(super) ready: &'a mut [Ready<'t>],
    pub(super) parked: &'a Parked,
    /// What earlier updates have carried over.
    pub(super) lineage: &'a Lineage,
    /// Each old process, looked at before it was held.
    pub(super) kernel: &'a [(Pid, kernel::Survey)],
    pub(super) request: &'a Request<'a>,
    /// What the new release's start-up has drawn at random.
    pub(super) draws: &'a Draws,
    /// Who takes over if we are killed, once there is somebody.
    pub(super) guardian: &'a Mutex<Option<Guardian>>,
    /// Where threads wait in both start-ups.
    pub(super) waits: &'a Waits,
    /// The descriptors that the old start-up made.
    pub(super) start_descriptors: &'a StartUp,
    /// For how long threads that are in the middle of something may run on.
    pub(super) patience: Duration,
    pub(super) dry_run: bool,
}

impl Done {
    /// Objects stop it that are to be waited for. What else does may be what these lead to.
    pub(super) fn waits_for_objects(&self) -> bool {
        let is_awaited = |refusal: &Refusal| match refusal {
            Refusal::Conflict { conflict, .. } => conflict.code == Code::Drained,
            _ => false,
        };
        matches!(self, Done::Refused(refusals) if refusals.iter().any(is_awaited))
    }
}

/// What came of it.
pub(super) enum Done {
    /// New code runs as soon as the threads are let go. With what could not be tidied up.
    Switched(Descriptors, Vec<String>, Lineage),
    /// It could have been done.
    Possible,
    /// Something stops it. Nothing was touched.
    Refused(Vec<Refusal>),
    /// A thread is in the middle of something. Nothing was touched.
    Busy(String),
    /// A thread waits where the new release's does not. Nothing was touched.
    Elsewhere(String),
    /// It failed, and was undone.
    Undone(String),
}

/// A server as it waited for work.
pub(super) struct Copied {
    processes: Vec<Process>,
    /// What the kernel had for each.
    states: Vec<KernelState>,
}

/// What is to be done.
struct Intended {
    planned: Vec<Planned>,
    partners: Vec<Partners>,
    lineage: Lineage,
}

impl Operation<'_, '_> {
    /// Copies the server, which is held, as it waits for work: for a rehearsal.
    pub(super) fn copy(
        &self,
        held: &Held,
        hands: &Hands<'_>,
        survey: capture::Survey,
    ) -> Result<Result<Copied, String>, UpdateError> {
        let busy = quiescent::reach(held, hands, self.parked, Instant::now() + self.patience)?;
        if !busy.is_empty() {
            return Ok(Err(busy.join("; ")));
        }
        // Memory first: threads that make calls for us have something of ours on their stacks.
        let processes = survey.copy(held, hands)?;
        let states = self.kernel.iter().map(|(pid, survey)| parked::state(*pid, survey, hands));
        Ok(Ok(Copied { processes, states: states.collect::<Result<_, _>>()? }))
    }

    /// Plans for a copy, and says what would stop it. The server goes on meanwhile.
    pub(super) fn rehearse(&mut self, copied: &Copied) -> Result<(Option<Done>, Vec<Planned>), UpdateError> {
        match self.plan(copied)? {
            Err(elsewhere) => Ok((Some(Done::Elsewhere(elsewhere)), Vec::new())),
            Ok(intended) => {
                let refusals: Vec<Refusal> = intended.planned.iter().flat_map(refusals).collect();
                Ok(((!refusals.is_empty()).then_some(Done::Refused(refusals)), intended.planned))
            }
        }
    }

    /// Does it, while all processes of the server are held.
    pub(super) fn run(
        &mut self,
        held: &Held,
        hands: &Hands<'_>,
        survey: capture::Survey,
        clock: &mut Clock<'_>,
    ) -> Result<(Done, Vec<Planned>), UpdateError> {
        let copied = match self.copy(held, hands, survey)? {
            Ok(copied) => copied,
            Err(busy) => return Ok((Done::Busy(busy), Vec::new())),
        };
        clock.enter(Phase::Plan);
        let Intended { planned, partners, lineage } = match self.plan(&copied)? {
            Ok(intended) => intended,
            Err(elsewhere) => return Ok((Done::Elsewhere(elsewhere), Vec::new())),
        };
        let refusals: Vec<Refusal> = planned.iter().flat_map(refusals).collect();
        if !refusals.is_empty() {
            return Ok((Done::Refused(refusals), planned));
        }
        let Copied { processes, states } = copied;
        let done = self.transplant(hands, &processes, (states, partners), (&planned, lineage), clock)?;
        Ok((done, planned))
    }

    /// What is to be done with each process; or which threads wait elsewhere than those of the new release.
    fn plan(&mut self, copied: &Copied) -> Result<Result<Intended, String>, UpdateError> {
        let Copied { processes: now, states } = copied;
        let words: Vec<(u32, Vec<u64>)> =
            self.kernel.iter().zip(states).map(|((pid, _), state)| (number(*pid), words(state))).collect();
        let known = self.reading.known(now)?;
        let partners = match self.partners((now, &known), states)? {
            Ok(partners) => partners,
            Err(elsewhere) => return Ok(Err(elsewhere.join("; "))),
        };
        let (planned, lineage) = self.reading.traced((now, &known), self.lineage, |now| {
            let planned = self.reading.plans(self.ready, now, &words)?;
            let lineage = self.handed_on(now, &planned);
            Ok::<_, UpdateError>((planned, lineage))
        })?;
        Ok(Ok(Intended { planned, partners, lineage }))
    }

    fn transplant(
        &self,
        hands: &Hands<'_>,
        now: &[Process],
        (states, partners): (Vec<KernelState>, Vec<Partners>),
        (planned, lineage): (&[Planned], Lineage),
        clock: &mut Clock<'_>,
    ) -> Result<Done, UpdateError> {
        // Of what processes share there is one for all.
        let (mut patients, mut sources) = (Vec::new(), Sources::default());
        let ledger = Arc::new(Ledger::create().map_err(UpdateError::Ledger)?);
        let matches = self.matches(&states, &partners);
        for ((((pid, _), state), partners), matches) in
            self.kernel.iter().zip(states).zip(partners).zip(matches)
        {
            let of_it = |process: &&Process| process.pid == number(*pid);
            let found = now.iter().find(of_it).zip(planned.iter().find(|plan| plan.pid == number(*pid)));
            let Some(((now, planned), (process, kernel))) = found.zip(self.parked.state(number(*pid))) else {
                return Err(UpdateError::Gone(*pid));
            };
            let start = self.start_descriptors;
            let (old, new) = ((now, state), (process, kernel));
            let how = (partners, &matches);
            match Patient::admit(*pid, old, new, planned, how, start, (&mut sources, hands, &ledger))? {
                Ok(patient) => patients.push(patient),
                Err(refusals) => {
                    undone(hands, &mut patients, "a process cannot be updated")?;
                    return Ok(Done::Refused(refusals));
                }
            }
        }
        if self.dry_run {
            undone(hands, &mut patients, "only that was asked")?;
            return Ok(Done::Possible);
        }
        // It is made before the first change, so that it has everything as it was.
        let guardian = Guardian::fork(ledger.clone(), || {
            let succession = Succession {
                request: self.request,
                parked: self.parked,
                draws: self.draws,
                planned,
                lineage: &lineage,
                ledger: &ledger,
            };
            succession.take_over(&mut patients);
        });
        let guardian = guardian.map_err(UpdateError::NoGuardian)?;
        *self.guardian.lock().unwrap_or_else(PoisonError::into_inner) = Some(guardian);
        let enter = |stage| ledger.enter(stage).map_err(UpdateError::Ledger);
        if let Err(error) = patients.iter().try_for_each(|patient| patient.park(hands)) {
            back(hands, &patients)?;
            enter(Stage::FreeOld)?;
            return Ok(Done::Busy(error.to_string()));
        }
        let done = enter(Stage::Changing).and_then(|()| transplanted(hands, &mut patients, &sources, clock));
        match done.and_then(|descriptors| enter(Stage::Committed).map(|()| descriptors)) {
            Ok(descriptors) => {
                clock.enter(Phase::Clean);
                let program = &self.request.executable;
                let left = patients.iter_mut().map(|patient| patient.leave(hands, program));
                let mut notes: Vec<String> = left.flatten().collect();
                // Should it fail, somebody would have to do all of it again: that does no harm.
                let _ = enter(Stage::Done);
                // One that was killed has nothing to go on with.
                let gone = patients.iter().map(|patient| patient.go_on(hands));
                notes.extend(gone.filter_map(Result::err).map(|error| error.to_string()));
                let _ = enter(Stage::FreeNew);
                Ok(Done::Switched(descriptors, notes, lineage))
            }
            Err(error) => {
                // They go on whatever could not be put back: there is nothing else to wait for.
                let undone = undone(hands, &mut patients, &error.to_string());
                enter(Stage::Undone)?;
                back(hands, &patients)?;
                enter(Stage::FreeOld)?;
                undone?;
                Ok(Done::Undone(error.to_string()))
            }
        }
    }
}

/// All threads go on as they were.
pub(super) fn back(hands: &Hands<'_>, patients: &[Patient<'_>]) -> Result<(), UpdateError> {
    patients.iter().map(|patient| patient.go_back(hands)).fold(Ok(()), Result::and)
}

/// Puts all processes back, the last first, whatever becomes of one of them.
pub(super) fn undone(
    hands: &Hands<'_>,
    patients: &mut [Patient<'_>],
    because: &str,
) -> Result<(), UpdateError> {
    let undone = patients.iter_mut().rev().map(|patient| patient.undo(hands));
    // All are tried.
    let failed: Vec<UpdateError> = undone.filter_map(Result::err).collect();
    match failed.first() {
        None => Ok(()),
        Some(error) => Err(UpdateError::Stuck { because: because.to_owned(), undone: error.to_string() }),
    }
}

impl Operation<'_, '_> {
    /// What the next update is to know of this one.
    fn handed_on(&self, now: &[Trace<'_>], planned: &[Planned]) -> Lineage {
        let mut lineage = Lineage::default();
        for (planned, now) in planned.iter().zip(now) {
            if let Some(Ready { prepared, .. }) = self.ready.iter().find(|one| one.pid == planned.pid) {
                lineage.add(prepared.new.table.build_id(), now, &planned.carried);
            }
        }
        lineage
    }

    /// Which threads belong together, process by process; or which of them wait elsewhere than those of the new release.
    fn partners(
        &self,
        (now, known): (&[Process], &[Known]),
        states: &[KernelState],
    ) -> Result<Result<Vec<Partners>, Vec<String>>, UpdateError> {
        let (mut all, mut elsewhere) = (Vec::new(), Vec::new());
        for ((pid, _), state) in self.kernel.iter().zip(states) {
            let old = now.iter().zip(known).find(|(process, _)| process.pid == number(*pid));
            let (old, known) = old.ok_or(UpdateError::Gone(*pid))?;
            // One that the new release does not start is told of by the plan.
            let Some((process, kernel)) = self.parked.state(number(*pid)) else { continue };
            let mut partners = Partners::of((old, state), (process, kernel));
            match self.waits.compare((old, &known.debug), (state, kernel), &partners.threads) {
                Ok(woken) => partners.woken = woken,
                Err(threads) => elsewhere.extend(threads),
            }
            all.push(partners);
        }
        Ok(if elsewhere.is_empty() { Ok(all) } else { Err(elsewhere) })
    }

    /// Which descriptors mean the same in both releases, process by process.
    fn matches(&self, states: &[KernelState], partners: &[Partners]) -> Vec<Matches> {
        let all = self.kernel.iter().zip(states).zip(partners);
        let pairs: Vec<Pair<'_>> = all
            .map(|(((pid, _), state), partners)| {
                let new = self.parked.state(number(*pid)).map_or(&[][..], |(_, new)| &new.descriptors);
                Pair { old: &state.descriptors, new, awaited: &partners.awaited }
            })
            .collect();
        matches(&pairs)
    }
}

/// One phase after the other, each for all processes.
fn transplanted(
    hands: &Hands<'_>,
    patients: &mut [Patient<'_>],
    sources: &Sources,
    clock: &mut Clock<'_>,
) -> Result<Descriptors, UpdateError> {
    clock.enter(Phase::Graft);
    patients.iter_mut().try_for_each(|patient| patient.graft(hands, sources))?;
    clock.enter(Phase::Write);
    patients.iter_mut().try_for_each(|patient| patient.write(hands))?;
    let mut descriptors = Descriptors::default();
    for patient in patients.iter_mut() {
        descriptors.add(patient.open(hands)?);
    }
    patients.iter_mut().try_for_each(|patient| patient.hand_over(hands))?;
    clock.enter(Phase::Switch);
    patients.iter_mut().try_for_each(|patient| patient.switch(hands))?;
    Ok(descriptors)
}

/// What the kernel hands back to a process with an event.
fn words(state: &KernelState) -> Vec<u64> {
    let entries = state.descriptors.iter().filter_map(|descriptor| match &descriptor.kind {
        Kind::Epoll { entries } => Some(entries),
        _ => None,
    });
    entries.flatten().map(|entry| entry.data).collect()
}

/// What nothing is done about is refused, too.
fn refusals(planned: &Planned) -> Vec<Refusal> {
    let pid = planned.pid;
    let conflicts = planned.plan.conflicts.iter().cloned();
    let conflicts = conflicts.map(|conflict| Refusal::Conflict { pid, conflict });
    let findings = planned.findings.iter().cloned().map(|finding| Refusal::Finding { pid, finding });
    let told = planned.told.as_ref().err().into_iter().flatten();
    let told = told.map(|why| format!("process {pid}: {why}"));
    let shared = planned.shared.iter().map(|why| format!("process {pid}: {why}"));
    let called = planned.plan.calls.iter().map(|call| {
        let function = &call.function;
        format!(
            "process {pid}: the rules call {function} of the new release: live updates cannot do that yet"
        )
    });
    conflicts.chain(findings).chain(told.chain(shared).chain(called).map(Refusal::Other)).collect()
}

fn number(pid: Pid) -> u32 {
    pid.as_raw().cast_unsigned()
}
