//! One process of the server while it is operated on.

use super::clean::Leaving;
use super::partners::Partners;
use super::planned::Planned;
use super::{Descriptors, Refusal, UpdateError};
use crate::adapters;
use crate::descriptors::{Matches, Merge, Pair, StartUp};
use crate::graft::{self, Allocator, Graft, Journal, Left, Sources, Space, Writes};
use crate::hold::{Hands, Registers};
use crate::kernel::KernelState;
use crate::process::maps;
use crate::process::memory::ProcessMemory;
use crate::switch::Switch;
use mcrx_tracer::image::Process;
use nix::unistd::Pid;

/// An old process, what it is to become, and what has been done to it.
pub(super) struct Patient<'p, 'w> {
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
    switch: Option<Switch<'p, 'w>>,
}

impl<'p, 'w> Patient<'p, 'w> {
    /// Looks whether it can be done. Nothing is touched.
    pub(super) fn admit(
        pid: Pid,
        old: (&'p Process, KernelState),
        new: (&Process, &'p KernelState),
        planned: &'p Planned,
        (partners, matches): (Partners, &Matches),
        start_descriptors: &StartUp,
        sources: &mut Sources,
    ) -> Result<Result<Patient<'p, 'w>, Vec<Refusal>>, UpdateError> {
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
        let graft = Graft::new(pid, plan);
        let new = (image, kernel);
        let switch = None;
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
        }))
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
        let mut journal = Journal::default();
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
            let mut journal = Journal::default();
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

    /// Gives the threads their partners' registers.
    pub(super) fn switch(&mut self, hands: &'p Hands<'w>) -> Result<(), UpdateError> {
        let (old, new) = (&self.old.1, self.new.1);
        self.switch = Some(Switch::make(hands, self.pid, old, new, &self.partners.threads)?);
        Ok(())
    }

    /// There is no way back any more: threads that nobody needs end, and the old program's memory becomes inaccessible.
    ///
    /// What fails here is no reason to stop: the new release runs.
    pub(super) fn leave(mut self, hands: &Hands<'_>) -> Leaving {
        let mut notes = Vec::new();
        if let Some(switch) = self.switch.take()
            && let Err(error) = switch.finish()
        {
            notes.push(error.to_string());
        }
        if let Err(error) = self.free(hands) {
            notes.push(format!("what nothing needs any more was not freed: {error}"));
        }
        if let Err(error) = self.merge.close(hands, self.thread) {
            notes.push(error.to_string());
        }
        // They must not be away by instructions that are about to go.
        for thread in hands.threads(self.pid) {
            notes.extend(hands.call_back(thread.id).err().map(|error| error.to_string()));
        }
        let mut left = Left::default();
        if let Ok(mappings) = maps::read(self.thread) {
            left = Left::of(self.old.0, &mappings, self.graft.plan());
            if let Err(error) = self.graft.hide(hands, self.thread, &left) {
                notes.push(error.to_string());
            }
        }
        Leaving { pid: self.pid, graft: self.graft, left, notes }
    }

    /// Frees what the new release has no use for. Nothing of the program has run since the plan was made.
    fn free(&self, hands: &Hands<'_>) -> Result<(), UpdateError> {
        let main = self.main()?;
        Ok(self.allocator.free(hands, self.thread, main, &self.planned.unneeded)?)
    }

    /// Puts everything back, as far as anything was done.
    ///
    /// # Errors
    /// The first thing that could not be put back. All else was.
    pub(super) fn undo(&mut self, hands: &Hands<'_>) -> Result<(), UpdateError> {
        let switch = self.switch.take().map_or_else(Vec::new, |switch| switch.undo().0);
        let switched = switch.into_iter().next().map_or(Ok(()), |error| Err(UpdateError::from(error)));
        let descriptors = self.merge.undo(hands, self.pid, self.thread).map_err(UpdateError::from);
        let memory = match self.graft.journal().steps.is_empty() {
            true => Ok(()),
            false => self.graft.undo(hands, self.thread).map_err(UpdateError::from),
        };
        switched.and(descriptors).and(memory)
    }
}
