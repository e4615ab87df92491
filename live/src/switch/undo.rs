//! How what a switch does is put back.

use super::change::Changes;
use crate::hold::{Hands, HandsError};
use crate::kernel::{AlternateStack, RobustList, Rseq, SignalAction};
use mcrx_allocator::reader::Address;
use nix::unistd::Pid;

/// What could not be put back: nothing, unless the process was killed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Undone(pub Vec<HandsError>);

/// What there was before something was done.
#[derive(Debug)]
pub(crate) enum Step {
    ClearTid(Pid, Option<u64>),
    RobustList(Pid, Option<RobustList>),
    Rseq(Pid, Option<Rseq>),
    AlternateStack(Pid, Option<AlternateStack>),
    Name(Pid, Vec<u8>),
    Action(Pid, u8, SignalAction),
    /// These bytes, at an address.
    Memory(u64, Vec<u8>),
    /// No such thread.
    Made(Pid),
}

impl Step {
    pub(super) fn undo(self, hands: &Hands<'_>, process: Pid) -> Result<(), HandsError> {
        match self {
            Step::ClearTid(thread, old) => change(hands, thread, |changes| changes.clear_tid(old)),
            Step::RobustList(thread, old) => change(hands, thread, |changes| changes.robust_list(old)),
            Step::Rseq(thread, old) => {
                let mut changes = Changes::of(hands, thread)?;
                changes.rseq(old)?;
                changes.make()
            }
            Step::AlternateStack(thread, old) => {
                change(hands, thread, |changes| changes.alternate_stack(old))
            }
            Step::Name(thread, old) => change(hands, thread, |changes| changes.name(&old)),
            Step::Action(thread, signal, old) => change(hands, thread, |changes| changes.action(signal, old)),
            Step::Memory(address, old) => {
                let written = hands.memory(process)?.write(Address(address), &old);
                written.map_err(|source| HandsError::Memory { process, source })
            }
            Step::Made(thread) => hands.end_thread(thread),
        }
    }
}

fn change<'h, 'w>(
    hands: &'h Hands<'w>,
    thread: Pid,
    what: impl FnOnce(&mut Changes<'h, 'w>),
) -> Result<(), HandsError> {
    let mut changes = Changes::of(hands, thread)?;
    what(&mut changes);
    changes.make()
}
