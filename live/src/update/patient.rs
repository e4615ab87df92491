//! One process of the server while it is operated on.
//!
//! By the controller, or by its [guardian](super::guardian), which has a copy of it from before anything was done, and [takes it up](Patient::take_up).

use super::parking::{Own, Parking};
use super::partners::Partners;
use super::planned::Planned;
use super::{Descriptors, Refusal, UpdateError};
use crate::adapters;
use crate::descriptors::{Matches, Merge, Pair, StartUp};
use crate::graft::{self, Allocator, Graft, Left, Overwritten, Sources, Space, Writes};
use crate::hold::{Hands, Registers};
use crate::kernel::KernelState;
use crate::ledger::{Entry, Ledger, Page, Stage};
use crate::process::maps;
use crate::process::memory::ProcessMemory;
use crate::switch::{Part, Switch, Switched};
use mcrx_tracer::image::Process;
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;

/// An old process, what it is to become, and what has been done to it.
pub(super) struct Patient<'p> {
    pid: Pid,
    /// The thread that makes calls for us.
    thread: Pid,
    /// Its memory, and what the kernel has for it.
    old: (&'p Process, KernelState),
    /// The new release's memory, with room for new blocks, and what the kernel has for that.
    new: (Process, &'p KernelState),
    planned: &'p Planned,
    partners: Partners,
    allocator: Allocator,
    /// Regions of the heap that the new release's allocator is to take over, in order.
    regions: Vec<u64>,
    /// The region that new blocks are in.
    room: Option<u64>,
    merge: Merge,
    graft: Graft,
    switch: Option<Switched>,
    parking: Parking,
    /// What was done, for whoever outlives us.
    page: Page,
    /// Somebody who is gone had begun it.
    is_taken_up: bool,
}

impl<'p> Patient<'p> {
    /// Looks whether it can be done. Nothing is touched.
    pub(super) fn admit(
        pid: Pid,
        old: (&'p Process, KernelState),
        new: (&Process, &'p KernelState),
        planned: &'p Planned,
        (partners, matches): (Partners, &Matches),
        start_descriptors: &StartUp,
        (sources, hands, ledger): (&mut Sources, &Hands<'_>, &Arc<Ledger>),
    ) -> Result<Result<Patient<'p>, Vec<Refusal>>, UpdateError> {
        let told = |why: String| Refusal::Other(format!("process {pid}: {why}"));
        let refused = |why: String| Ok(Err(vec![told(why)]));
        let Some(thread) = old.1.threads.first().map(|thread| thread.id) else {
            return Err(UpdateError::Gone(pid));
        };
        let (mut image, kernel) = (new.0.clone(), new.1);
        let room = planned.room.add_to(&mut image).map_err(UpdateError::NoRoom)?;
        let space = Space::of(thread).map_err(|source| UpdateError::Unlisted { pid, source })?;
        let twins = &planned.twins;
        let into_shared = planned
            .plan
            .writes()
            .iter()
            .find(|(address, _)| twins.iter().any(|twin| twin.new.contains(address)));
        if let Some((address, _)) = into_shared {
            return refused(format!(
                "shared memory that goes on would be written to at {address:#x}: live updates cannot do that yet"
            ));
        }
        let plan = match graft::Plan::of(&image, &space, twins) {
            Ok(plan) => plan,
            Err(refusal) => return refused(refusal.to_string()),
        };
        if let Err(error) = sources.add(pid, &image, &plan) {
            return refused(error.to_string());
        }
        let allocator = match Allocator::of(&image) {
            Ok(allocator) => allocator,
            Err(error) => return refused(error.to_string()),
        };
        let regions = Allocator::order(old.0);
        let merge = Merge::plan(
            Pair { old: &old.1.descriptors, new: &kernel.descriptors, awaited: &[] },
            matches,
            &|one| start_descriptors.made(pid, one.number, &one.target),
            &|word| planned.words.iter().find(|(old, _)| *old == word).map(|(_, new)| *new),
        );
        let mut merge = match merge {
            Ok(merge) => merge,
            Err(conflicts) => {
                return Ok(Err(conflicts.iter().map(|conflict| told(conflict.to_string())).collect()));
            }
        };
        if let Err(conflict) = merge.open(pid, &kernel.descriptors) {
            return refused(conflict.to_string());
        }
        let parking = match Parking::of(pid, (&old.1, kernel), &plan, hands) {
            Ok(parking) => parking,
            Err(error) => return refused(format!("there is no place for threads to wait in: {error}")),
        };
        let mut graft = Graft::new(pid, plan);
        let page = Page { ledger: ledger.clone(), process: pid };
        graft.keep_in(page.clone());
        merge.keep_in(page.clone());
        let new = (image, kernel);
        let (switch, is_taken_up) = (None, false);
        Ok(Ok(Patient {
            pid,
            thread,
            old,
            new,
            planned,
            partners,
            allocator,
            regions,
            room,
            merge,
            graft,
            switch,
            parking,
            page,
            is_taken_up,
        }))
    }

    /// From here on no thread of it runs, whatever becomes of us.
    pub(super) fn park(&self, hands: &Hands<'_>) -> Result<(), UpdateError> {
        Ok(self.parking.park(hands)?)
    }

    /// Whether all of its threads are parked.
    pub(super) fn is_parked(&self, hands: &Hands<'_>) -> bool {
        self.parking.has_all(hands)
    }

    /// Puts the new release's memory beside the old one's, and the kernel's own pages where the new release's code looks for them: its
    /// allocator reads the clock.
    pub(super) fn graft(&mut self, hands: &Hands<'_>, sources: &Sources) -> Result<(), UpdateError> {
        self.graft.make(hands, self.thread, sources)?;
        self.graft.fill(&self.new.0, sources)?;
        self.graft.settle(hands, self.thread, &self.old.1.layout, &self.new.1.layout)?;
        Ok(())
    }

    /// Carries over what the plan says.
    pub(super) fn write(&mut self, hands: &Hands<'_>) -> Result<(), UpdateError> {
        let (pid, thread) = (self.pid, self.thread);
        let mappings = maps::read(thread).map_err(|source| UpdateError::Unlisted { pid, source })?;
        let mut writes = Writes::new(&mappings);
        self.planned.plan.apply(&mut writes)?;
        let mut journal = self.graft.fresh_journal();
        let written = writes.apply(&ProcessMemory::of(thread), &mut journal);
        self.graft.add(journal);
        written?;
        match self.room {
            Some(room) => Ok(self.graft.adopt(hands, thread, &self.allocator, self.main()?, room)?),
            None => Ok(()),
        }
    }

    /// The registers of the new release's main thread.
    fn main(&self) -> Result<&'p Registers, UpdateError> {
        let main = self.new.1.threads.first();
        main.map(|main| &main.registers).ok_or(UpdateError::Gone(self.pid))
    }

    /// Tells libraries what they are to know, and hands the heap to the new release's allocator. In this order: what that makes of the old
    /// heap is taken back as it was when it began.
    pub(super) fn hand_over(&mut self, hands: &Hands<'_>) -> Result<(), UpdateError> {
        let (thread, main) = (self.thread, self.main()?);
        if let Ok(tellings) = &self.planned.told {
            let mut journal = self.graft.fresh_journal();
            let told = tellings.tell(hands, thread, main, &mut journal);
            self.graft.add(journal);
            told?;
        }
        adapters::signal(&self.partners.woken, &self.new.0, hands, thread, main)?;
        Ok(self.graft.take_over(hands, thread, &self.allocator, main, &self.regions)?)
    }

    /// Reconciles descriptors, and what is registered in epoll sets.
    pub(super) fn open(&mut self, hands: &Hands<'_>) -> Result<Descriptors, UpdateError> {
        self.merge.apply(hands, self.pid, self.thread)?;
        let report = self.merge.report();
        Ok(Descriptors { kept: report.kept, added: report.added.len() })
    }

    /// Gives the threads all that their partners have but for their registers.
    pub(super) fn switch(&mut self, hands: &Hands<'_>) -> Result<(), UpdateError> {
        let (old, new) = (&self.old.1, self.new.1);
        let switch = Switch::make(hands, self.pid, old, new, &self.partners.threads)?.apart();
        let made = switch.made().to_vec();
        let parts = switch.parts.clone();
        // From here on it is undone with the rest.
        self.switch = Some(switch);
        for (place, thread) in made {
            self.note(&Entry::Made(place, thread))?;
            // Let go now, it would end.
            if let Some(part) = parts.iter().find(|part| part.thread == thread) {
                let Part { thread, registers, extended, mask } = part.clone();
                self.parking.park_one(hands, &Own { thread, registers, extended, mask })?;
            }
        }
        Ok(())
    }

    /// There is no way back any more: threads that nobody needs end, and the old program's memory goes.
    ///
    /// What fails here is no reason to stop: the new release runs.
    pub(super) fn leave(&mut self, hands: &Hands<'_>, program: &Path) -> Vec<String> {
        let mut notes = Vec::new();
        let mut note = |outcome: Result<(), UpdateError>| {
            notes.extend(outcome.err().map(|error| format!("process {}: {error}", self.pid)));
        };
        note(self.graft.use_new_code(hands, self.thread).map_err(UpdateError::from));
        for own in &self.own() {
            // Their stacks are the new release's from here on.
            note(self.parking.park_one(hands, own).map_err(UpdateError::from));
        }
        if let Some(switch) = &self.switch {
            note(switch.end_surplus(hands).map_err(UpdateError::from));
        }
        note(self.free(hands));
        note(self.merge.close(hands, self.thread).map_err(UpdateError::from));
        if self.is_taken_up {
            let numbers = self.old.1.descriptors.iter().map(|one| one.number).chain(self.merge.numbers());
            note(self.close_others(hands, &numbers.collect()));
        }
        // They must not be away by instructions that are about to go.
        for thread in hands.threads(self.pid) {
            note(hands.call_back(thread.id).map_err(UpdateError::from));
        }
        note(self.unmap(hands));
        note(self.name(hands, program));
        notes
    }

    /// The old program's memory goes.
    fn unmap(&self, hands: &Hands<'_>) -> Result<(), UpdateError> {
        let unlisted = |source| UpdateError::Unlisted { pid: self.pid, source };
        let mappings = maps::read(self.thread).map_err(unlisted)?;
        Ok(Left::of(self.old.0, &mappings, self.graft.plan()).unmap(hands, self.thread)?)
    }

    /// Tells the kernel which program it is now.
    fn name(&self, hands: &Hands<'_>, program: &Path) -> Result<(), UpdateError> {
        let unopened = |source| UpdateError::Unopened { program: program.to_owned(), source };
        let file = File::open(program).map_err(unopened)?;
        self.graft.name_program(hands, self.thread, &self.new.1.layout, file.as_fd())?;
        Ok(())
    }

    /// Frees what the new release has no use for. Nothing of the program has run since the plan was made.
    fn free(&self, hands: &Hands<'_>) -> Result<(), UpdateError> {
        // A block that was freed may not be freed again: who took this up leaves all of them.
        if self.is_taken_up && self.entries()?.contains(&Entry::Freeing) {
            return Ok(());
        }
        self.note(&Entry::Freeing)?;
        let main = self.main()?;
        Ok(self.allocator.free(hands, self.thread, main, &self.planned.unneeded)?)
    }

    /// What its threads have in the new release.
    fn own(&self) -> Vec<Own> {
        let parts = self.switch.iter().flat_map(|switch| &switch.parts).cloned();
        parts
            .map(|Part { thread, registers, extended, mask }| Own { thread, registers, extended, mask })
            .collect()
    }

    /// Its threads go on with the new release's registers.
    pub(super) fn go_on(&self, hands: &Hands<'_>) -> Result<(), UpdateError> {
        Ok(self.parking.leave(hands, &self.own())?)
    }

    /// Its threads go on with their own registers.
    pub(super) fn go_back(&self, hands: &Hands<'_>) -> Result<(), UpdateError> {
        Ok(self.parking.back(hands, self.is_taken_up)?)
    }

    /// Puts everything back, as far as anything was done.
    ///
    /// # Errors
    /// The first thing that could not be put back. All else was.
    pub(super) fn undo(&mut self, hands: &Hands<'_>) -> Result<(), UpdateError> {
        let (pid, thread) = (self.pid, self.thread);
        let switch = self.switch.take().map_or_else(Vec::new, |switch| switch.undo(hands, pid).0);
        let switched = switch.into_iter().next().map_or(Ok(()), |error| Err(UpdateError::from(error)));
        let descriptors = self.merge.undo(hands, pid, thread).map_err(UpdateError::from);
        let others = match self.is_taken_up {
            true => {
                let numbers = self.old.1.descriptors.iter().map(|one| one.number);
                self.close_others(hands, &numbers.collect())
            }
            false => Ok(()),
        };
        // None may be away by instructions that are about to go.
        let back = hands.threads(pid).into_iter().map(|thread| hands.call_back(thread.id));
        let back = back.collect::<Result<(), _>>().map_err(UpdateError::from);
        let memory = match self.graft.journal().steps.is_empty() {
            true => Ok(()),
            false => self.graft.undo(hands, thread).map_err(UpdateError::from),
        };
        switched.and(descriptors).and(others).and(back).and(memory)
    }

    /// What may have been done by somebody who is gone, who had come to this stage, becomes something that we have done.
    ///
    /// # Errors
    /// Nobody knows what was done.
    pub(super) fn take_up(&mut self, hands: &Hands<'_>, stage: Stage) -> Result<(), UpdateError> {
        self.is_taken_up = true;
        if matches!(stage, Stage::Parking | Stage::Undone) {
            // There is nothing but who is parked.
            return Ok(());
        }
        let entries = self.entries()?;
        let (mut begun, mut kept, mut made) = (None, Vec::new(), Vec::new());
        let mut written = Vec::new();
        for entry in entries {
            match entry {
                Entry::Overwritten(bytes) => written.push(
                    Overwritten::from_bytes(&bytes)
                        .ok_or_else(|| UpdateError::Ledger(std::io::ErrorKind::InvalidData.into()))?,
                ),
                Entry::Descriptors(step) => begun = Some(step),
                Entry::Kept(number, place) => kept.push((number, place)),
                Entry::Made(place, thread) => made.push((place, thread)),
                Entry::Freeing => {}
            }
        }
        self.merge.take_up(begun, &kept);
        self.graft.take_up(&self.old.1.layout, written.into_iter());
        let (old, new) = (&self.old.1, self.new.1);
        let switch = Switch::taken_up(
            hands,
            self.pid,
            old,
            new,
            &self.partners.threads,
            made,
            stage == Stage::Changing,
        )?;
        self.switch = Some(switch.apart());
        Ok(())
    }

    /// Closes descriptors that are none of these: those that were passed in or out when somebody was killed.
    fn close_others(&self, hands: &Hands<'_>, numbers: &BTreeSet<i32>) -> Result<(), UpdateError> {
        let entries =
            fs::read_dir(format!("/proc/{}/fd", self.thread)).map_err(|error| self.unlisted(error))?;
        let there = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        let others: Vec<i32> = there.filter(|number| !numbers.contains(number)).collect();
        others.into_iter().try_for_each(|number| Ok(hands.close(self.thread, number).map(drop)?))
    }

    fn entries(&self) -> Result<Vec<Entry>, UpdateError> {
        self.page.ledger.entries(self.pid).map_err(UpdateError::Ledger)
    }

    fn note(&self, entry: &Entry) -> Result<(), UpdateError> {
        self.page.add(entry).map_err(UpdateError::Ledger)
    }

    fn unlisted(&self, source: std::io::Error) -> UpdateError {
        UpdateError::Unlisted { pid: self.pid, source }
    }
}
