//! The threads of a process go on as those of another program, whose image was mapped beside its own.
//!
//! [`Pairs`] says which thread takes whose part. A [`Switch`] then gives each old thread what the kernel had for its partner: where its number
//! is to be written, its robust list, its restartable sequence area, its alternate stack and name; makes the threads that are missing; and
//! sets the signal actions that differ. All of that can be undone, and is if any of it fails. Mask, extended registers and registers come
//! [last of all](Switch::finish), when there is no way back, and none that fails but by the process being killed.
//!
//! Memory, mappings and descriptors are not its affair, nor is it known here what any function is called: that is asked for.

mod change;
mod pairs;
mod resume;
mod undo;

pub(crate) use crate::hold::{Hands, HandsError, NewThread, Registers};
use crate::kernel::{KernelState, SIGNALS, SignalAction, ThreadState};
use change::Changes;
use mcrx_allocator::reader::{Address, Memory as _};
use nix::unistd::Pid;
pub use pairs::Pairs;
pub use resume::taken_up;
use undo::Step;
pub use undo::Undone;

/// Why the process is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchError {
    /// Something could not be done, and all before it was undone.
    #[error("{0}")]
    Refused(HandsError),
    /// Something could not be done, nor could what was done before be undone.
    #[error("{because}; and what was done before could not be undone: {}", undone.first().map_or_else(String::new, ToString::to_string))]
    Stuck {
        /// What could not be done.
        because: HandsError,
        /// What could not be undone.
        undone: Vec<HandsError>,
    },
}

/// A process whose threads have their partners' state, all of them held.
#[derive(Debug)]
#[must_use = "it is to be undone or finished"]
pub struct Switch<'h, 'w> {
    hands: &'h Hands<'w>,
    process: Pid,
    steps: Vec<Step>,
    surplus: Vec<Pid>,
    /// New threads, by the place of their parts in the new program's list.
    made: Vec<(usize, Pid)>,
    parts: Vec<Part>,
}

/// What a thread goes on with.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which.
    pub thread: Pid,
    /// General registers.
    pub registers: Registers,
    /// Floating-point and vector registers, as XSAVE lays them out.
    pub extended: Vec<u8>,
    /// Signals that it blocks, a bit each from SIGHUP on.
    pub mask: u64,
}

/// A [`Switch`] that can be kept apart from who holds its process.
#[derive(Debug, Default)]
pub(crate) struct Switched {
    steps: Vec<Step>,
    surplus: Vec<Pid>,
    made: Vec<(usize, Pid)>,
    pub(crate) parts: Vec<Part>,
}

impl<'h, 'w> Switch<'h, 'w> {
    /// Gives the threads of a held process, which has `old`, the parts of `new` by `pairs`. Each is to be at rest, and the image of the new
    /// program to be in place.
    ///
    /// # Errors
    /// [`SwitchError`]: it was undone, as far as that was possible.
    pub fn make(
        hands: &'h Hands<'w>,
        process: Pid,
        old: &KernelState,
        new: &KernelState,
        pairs: &Pairs,
    ) -> Result<Switch<'h, 'w>, SwitchError> {
        let id = |place: &usize| old.threads.get(*place).map(|thread| thread.id);
        let surplus = pairs.surplus.iter().filter_map(id).collect();
        let mut switch =
            Switch { hands, process, steps: Vec::new(), surplus, made: Vec::new(), parts: Vec::new() };
        match switch.all(old, new, pairs) {
            Ok(()) => Ok(switch),
            Err(because) => Err(match switch.undo().0.as_slice() {
                [] => SwitchError::Refused(because),
                undone => SwitchError::Stuck { because, undone: undone.to_vec() },
            }),
        }
    }

    /// The threads that were made, by the place of their parts in the new program's list.
    #[must_use]
    pub fn made(&self) -> &[(usize, Pid)] {
        &self.made
    }

    /// Puts everything back, the last first.
    pub fn undo(self) -> Undone {
        let (hands, process) = (self.hands, self.process);
        self.apart().undo(hands, process)
    }

    /// From here on there is no way back: threads get their partners' registers, and those that nobody needs end. All others go on when they are
    /// let go. The old image is still to be there.
    ///
    /// # Errors
    /// A thread could not be ended, or was killed.
    pub fn finish(self) -> Result<(), HandsError> {
        for Part { thread, registers, extended, mask } in &self.parts {
            self.hands.set_extended_registers(*thread, extended)?;
            self.hands.set_signal_mask(*thread, *mask)?;
            self.hands.set_registers(*thread, registers)?;
        }
        self.surplus.iter().try_for_each(|thread| self.hands.end_thread(*thread))
    }

    /// Apart from its hands.
    pub(crate) fn apart(self) -> Switched {
        let Switch { steps, surplus, made, parts, .. } = self;
        Switched { steps, surplus, made, parts }
    }

    /// What somebody who is gone may have done, in the same way; they had made these threads. `to_undo`: all of it is to be put back, else it is
    /// only to be gone on with.
    ///
    /// # Errors
    /// [`HandsError`]: a thread that takes part was killed.
    pub(crate) fn taken_up(
        hands: &'h Hands<'w>,
        process: Pid,
        old: &KernelState,
        new: &KernelState,
        pairs: &Pairs,
        made: Vec<(usize, Pid)>,
        to_undo: bool,
    ) -> Result<Switch<'h, 'w>, HandsError> {
        let id = |place: &usize| old.threads.get(*place).map(|thread| thread.id);
        let surplus: Vec<Pid> = pairs.surplus.iter().filter_map(id).collect();
        let (steps, parts) = (Vec::new(), Vec::new());
        let mut switch = Switch { hands, process, steps, surplus, made, parts };
        let is_there = |thread: &Pid| hands.process_of(*thread).is_ok();
        switch.made.retain(|(_, thread)| is_there(thread));
        switch.surplus.retain(is_there);
        switch.part(old, new, pairs);
        if !to_undo {
            return Ok(switch);
        }
        // Nothing of what is gathered here is made.
        for (of_old, of_new) in &pairs.pairs {
            if let (Some(old), Some(part)) = (old.threads.get(*of_old), new.threads.get(*of_new)) {
                switch.adopt(old, part)?;
            }
        }
        for old in pairs.surplus.iter().filter_map(|place| old.threads.get(*place)) {
            switch.dismiss(old)?;
        }
        if let Some(by) = pairs.pairs.first().and_then(|(place, _)| id(place)) {
            switch.actions(by, &old.signals, &new.signals)?;
        }
        switch.steps.extend(switch.made.iter().map(|(_, thread)| Step::Made(*thread)));
        Ok(switch)
    }

    fn all(&mut self, old: &KernelState, new: &KernelState, pairs: &Pairs) -> Result<(), HandsError> {
        let hands = self.hands;
        let mut changes = Vec::new();
        for (of_old, of_new) in &pairs.pairs {
            if let (Some(old), Some(part)) = (old.threads.get(*of_old), new.threads.get(*of_new)) {
                self.number(old.tid, part)?;
                changes.push(self.adopt(old, part)?);
            }
        }
        let by = pairs.pairs.first().and_then(|(place, _)| old.threads.get(*place));
        let by = by.ok_or(HandsError::NotHeld(self.process))?.id;
        for place in &pairs.surplus {
            if let Some(old) = old.threads.get(*place) {
                changes.push(self.dismiss(old)?);
            }
        }
        change::make(hands, changes)?;
        let mut changes = vec![self.actions(by, &old.signals, &new.signals)?];
        for place in &pairs.missing {
            if let Some(part) = new.threads.get(*place) {
                let made = self.make_thread(by, part)?;
                self.made.push((*place, made));
                changes.push(self.begin(made, part)?);
            }
        }
        change::make(hands, changes)?;
        self.surplus.iter().try_for_each(|thread| hands.call_back(*thread))?;
        self.part(old, new, pairs);
        Ok(())
    }

    /// What each thread goes on with.
    fn part(&mut self, old: &KernelState, new: &KernelState, pairs: &Pairs) {
        let hands = self.hands;
        let taken = pairs
            .pairs
            .iter()
            .filter_map(|(of_old, of_new)| Some((old.threads.get(*of_old)?.id, new.threads.get(*of_new)?)));
        let made = self.made.iter().filter_map(|(place, thread)| Some((*thread, new.threads.get(*place)?)));
        let part = |(thread, part): (Pid, &ThreadState)| Part {
            thread,
            registers: taken_up(part, hands, thread),
            extended: part.extended.clone(),
            mask: part.mask,
        };
        self.parts = taken.chain(made).map(part).collect();
    }

    /// What the kernel keeps for a thread, where it differs.
    fn adopt(&mut self, old: &ThreadState, new: &ThreadState) -> Result<Changes<'h, 'w>, HandsError> {
        let id = old.id;
        let mut changes = Changes::of(self.hands, id)?;
        if old.clear_tid != new.clear_tid {
            self.steps.push(Step::ClearTid(id, old.clear_tid));
            changes.clear_tid(new.clear_tid);
        }
        if old.robust_list != new.robust_list {
            self.steps.push(Step::RobustList(id, old.robust_list));
            changes.robust_list(new.robust_list);
        }
        if old.rseq != new.rseq {
            self.steps.push(Step::Rseq(id, old.rseq));
            changes.rseq(new.rseq)?;
        }
        if old.alternate_stack != new.alternate_stack {
            self.steps.push(Step::AlternateStack(id, old.alternate_stack));
            changes.alternate_stack(new.alternate_stack);
        }
        if old.name != new.name {
            self.steps.push(Step::Name(id, old.name.clone()));
            changes.name(&new.name);
        }
        Ok(changes)
    }

    /// A thread that is to end: the kernel is not to write to anything of its, which may be inaccessible by then, or another's.
    fn dismiss(&mut self, old: &ThreadState) -> Result<Changes<'h, 'w>, HandsError> {
        let id = old.id;
        let mut changes = Changes::of(self.hands, id)?;
        self.steps.push(Step::ClearTid(id, old.clear_tid));
        changes.clear_tid(None);
        self.steps.push(Step::RobustList(id, old.robust_list));
        changes.robust_list(None);
        self.steps.push(Step::Rseq(id, old.rseq));
        changes.rseq(None)?;
        Ok(changes)
    }

    /// The C library knows each thread's number, too: the kernel had written it where it is to be cleared.
    fn number(&mut self, number: i32, new: &ThreadState) -> Result<(), HandsError> {
        let Some(address) = new.clear_tid else { return Ok(()) };
        let process = self.process;
        let mut there = [0; 4];
        let memory = self.hands.memory(process)?;
        let failed = |source| HandsError::Memory { process, source };
        memory.read(Address(address), &mut there).map_err(failed)?;
        // Where it is not what it was for, it is something else.
        if i32::from_le_bytes(there) != new.tid || new.tid == number {
            return Ok(());
        }
        self.step(Step::Memory(address, there.to_vec()), |_| {
            memory.write(Address(address), &number.to_le_bytes()).map_err(failed)
        })
    }

    fn make_thread(&mut self, by: Pid, part: &ThreadState) -> Result<Pid, HandsError> {
        let hands = self.hands;
        let number = part.clear_tid.unwrap_or(part.registers.fs_base);
        let new =
            NewThread { stack_pointer: part.registers.rsp, thread_pointer: part.registers.fs_base, number };
        let process = self.process;
        let mut there = [0; 4];
        let failed = |source| HandsError::Memory { process, source };
        hands.memory(process)?.read(Address(number), &mut there).map_err(failed)?;
        let made = hands.make_thread(by, &new)?;
        self.steps.push(Step::Memory(number, there.to_vec()));
        self.steps.push(Step::Made(made));
        Ok(made)
    }

    /// What a thread that was made tells the kernel about itself. Nothing of it has to be undone.
    fn begin(&self, made: Pid, part: &ThreadState) -> Result<Changes<'h, 'w>, HandsError> {
        let mut changes = Changes::of(self.hands, made)?;
        changes.clear_tid(part.clear_tid);
        changes.robust_list(part.robust_list);
        changes.rseq(part.rseq)?;
        changes.alternate_stack(part.alternate_stack);
        changes.name(&part.name);
        Ok(changes)
    }

    fn actions(
        &mut self,
        by: Pid,
        old: &[SignalAction],
        new: &[SignalAction],
    ) -> Result<Changes<'h, 'w>, HandsError> {
        let mut changes = Changes::of(self.hands, by)?;
        for (signal, (old, new)) in
            (1..=SIGNALS).zip(old.iter().zip(new)).filter(|(_, (old, new))| old != new)
        {
            self.steps.push(Step::Action(by, signal, *old));
            changes.action(signal, *new);
        }
        Ok(changes)
    }

    /// Does something, and remembers how it is undone. It is undone even if it failed: it may have been done in part.
    fn step(
        &mut self,
        undo: Step,
        work: impl FnOnce(&Hands<'_>) -> Result<(), HandsError>,
    ) -> Result<(), HandsError> {
        self.steps.push(undo);
        work(self.hands)
    }
}

impl Switched {
    /// Puts everything back, the last first.
    pub(crate) fn undo(self, hands: &Hands<'_>, process: Pid) -> Undone {
        Undone(self.steps.into_iter().rev().filter_map(|step| step.undo(hands, process).err()).collect())
    }

    /// Ends the threads that nobody needs.
    pub(crate) fn end_surplus(&self, hands: &Hands<'_>) -> Result<(), HandsError> {
        self.surplus.iter().try_for_each(|thread| hands.end_thread(*thread))
    }

    /// The threads that were made, by the place of their parts in the new program's list.
    pub(crate) fn made(&self) -> &[(usize, Pid)] {
        &self.made
    }
}
