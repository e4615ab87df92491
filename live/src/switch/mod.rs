//! The threads of a process go on as those of another program, whose image was mapped beside its own.
//!
//! [`Pairs`] says which thread takes whose part. A [`Switch`] then gives each old thread what the kernel had for its partner: where its number
//! is to be written, its robust list, its restartable sequence area, its alternate stack and name; makes the threads that are missing; and
//! sets the signal actions that differ. All of that can be undone, and is if any of it fails. Last of all come mask, extended registers and
//! registers, with which there is no way that fails but by the process being killed.
//!
//! Memory, mappings and descriptors are not its affair, nor is it known here what any function is called: that is asked for.

mod change;
mod pairs;
mod resume;
mod undo;

pub use pairs::Pairs;
pub use resume::taken_up;
pub use undo::Undone;

use crate::hold::{Hands, HandsError, NewThread};
use crate::kernel::{KernelState, SIGNALS, SignalAction, ThreadState};
use change::Changes;
use mcrx_allocator::reader::{Address, Memory as _};
use nix::unistd::Pid;
use undo::Step;

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
        let mut switch = Switch { hands, process, steps: Vec::new(), surplus, made: Vec::new() };
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
        let Switch { hands, process, steps, .. } = self;
        Undone(steps.into_iter().rev().filter_map(|step| step.undo(hands, process).err()).collect())
    }

    /// From here on there is no way back: the threads that nobody needs end. All others go on when they are let go. The old image may be
    /// inaccessible by then.
    ///
    /// # Errors
    /// A thread could not be ended.
    pub fn finish(self) -> Result<(), HandsError> {
        self.surplus.iter().try_for_each(|thread| self.hands.end_thread(*thread))
    }

    fn all(&mut self, old: &KernelState, new: &KernelState, pairs: &Pairs) -> Result<(), HandsError> {
        let hands = self.hands;
        let (mut parts, mut changes) = (Vec::new(), Vec::new());
        for (of_old, of_new) in &pairs.pairs {
            if let (Some(old), Some(part)) = (old.threads.get(*of_old), new.threads.get(*of_new)) {
                self.number(old.tid, part)?;
                changes.push(self.adopt(old, part)?);
                parts.push((old.id, part));
            }
        }
        let by = parts.first().map(|(thread, _)| *thread).ok_or(HandsError::NotHeld(self.process))?;
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
                parts.push((made, part));
            }
        }
        change::make(hands, changes)?;
        self.surplus.iter().try_for_each(|thread| hands.call_back(*thread))?;
        parts.into_iter().try_for_each(|(thread, part)| self.enter(thread, part))
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

    /// The point at which a thread becomes another's.
    fn enter(&mut self, thread: Pid, part: &ThreadState) -> Result<(), HandsError> {
        let hands = self.hands;
        let own = Step::Own {
            thread,
            registers: Box::new(hands.registers(thread)?),
            extended: hands.extended_registers(thread)?,
            mask: hands.signal_mask(thread)?,
        };
        self.step(own, |hands| {
            hands.set_extended_registers(thread, &part.extended)?;
            hands.set_signal_mask(thread, part.mask)?;
            hands.set_registers(thread, &taken_up(part, hands, thread))
        })
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
