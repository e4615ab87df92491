//! What the kernel is told about threads: system calls of each, made all at once.

use crate::hold::{Hands, HandsError, SystemCall};
use crate::kernel::{AlternateStack, RobustList, Rseq, SignalAction};
use mcrx_allocator::reader::Address;
use nix::libc;
use nix::unistd::Pid;

/// Those of one thread.
pub(super) struct Changes<'h, 'w> {
    hands: &'h Hands<'w>,
    thread: Pid,
    calls: Vec<SystemCall>,
    /// What they read, in the thread's scratch space.
    data: Vec<u8>,
    scratch: u64,
}

impl<'h, 'w> Changes<'h, 'w> {
    pub(super) fn of(hands: &'h Hands<'w>, thread: Pid) -> Result<Changes<'h, 'w>, HandsError> {
        let (scratch, _) = hands.scratch(thread)?;
        Ok(Changes { hands, thread, calls: Vec::new(), data: Vec::new(), scratch })
    }

    pub(super) fn clear_tid(&mut self, address: Option<u64>) {
        self.add(libc::SYS_set_tid_address, &[address.unwrap_or(0)]);
    }

    pub(super) fn robust_list(&mut self, list: Option<RobustList>) {
        /// Of `struct robust_list_head`, without which the kernel takes no list, not even none.
        const LEN: u64 = 24;
        let (head, len) = list.map_or((0, LEN), |list| (list.head, list.len));
        self.add(libc::SYS_set_robust_list, &[head, len]);
    }

    /// Gives up the registration that there is now, and makes another. Without this the kernel would write to a place that is something
    /// else's, and kill the process when it cannot.
    pub(super) fn rseq(&mut self, new: Option<Rseq>) -> Result<(), HandsError> {
        const UNREGISTER: u64 = 1;
        let there = self.hands.rseq(self.thread)?;
        if there != new {
            for (registration, flags) in [(there, UNREGISTER), (new, 0)] {
                if let Some(Rseq { address, len, signature }) = registration {
                    self.add(libc::SYS_rseq, &[address, u64::from(len), flags, u64::from(signature)]);
                }
            }
        }
        Ok(())
    }

    pub(super) fn alternate_stack(&mut self, stack: Option<AlternateStack>) {
        let address = self.put(&AlternateStack::to_bytes(stack));
        self.add(libc::SYS_sigaltstack, &[address]);
    }

    pub(super) fn name(&mut self, name: &[u8]) {
        const PR_SET_NAME: u64 = 15;
        let mut name = name.to_vec();
        name.push(0);
        let address = self.put(&name);
        self.add(libc::SYS_prctl, &[PR_SET_NAME, address]);
    }

    pub(super) fn action(&mut self, signal: u8, action: SignalAction) {
        let address = self.put(&action.to_bytes());
        self.add(libc::SYS_rt_sigaction, &[u64::from(signal), address, 0, 8]);
    }

    fn add(&mut self, call: libc::c_long, arguments: &[u64]) {
        let mut six = [0; 6];
        six.iter_mut().zip(arguments).for_each(|(place, argument)| *place = *argument);
        self.calls.push((call, six));
    }

    /// Has bytes put where the calls find them.
    fn put(&mut self, bytes: &[u8]) -> u64 {
        let address = self.scratch + self.data.len() as u64;
        self.data.extend(bytes);
        self.data.resize(self.data.len().next_multiple_of(8), 0);
        address
    }

    /// Makes them.
    pub(super) fn make(self) -> Result<(), HandsError> {
        make(self.hands, vec![self])
    }
}

/// Makes those of many threads at the same time.
///
/// # Errors
/// Of the first that failed. All were made, as far as that was possible.
pub(super) fn make(hands: &Hands<'_>, all: Vec<Changes<'_, '_>>) -> Result<(), HandsError> {
    for changes in all.iter().filter(|changes| !changes.data.is_empty()) {
        let process = hands.process_of(changes.thread)?;
        let written = hands.memory(process)?.write(Address(changes.scratch), &changes.data);
        written.map_err(|source| HandsError::Memory { process, source })?;
    }
    let wanted: Vec<(Pid, Vec<SystemCall>)> =
        all.into_iter().map(|changes| (changes.thread, changes.calls)).collect();
    let results = hands.system_calls(&wanted)?;
    for ((thread, calls), results) in wanted.iter().zip(results) {
        let failed = calls.iter().zip(results).find_map(|((call, _), result)| Some((*call, result.err()?)));
        if let Some((call, errno)) = failed {
            return Err(HandsError::Call { thread: *thread, call: call.cast_unsigned(), errno });
        }
    }
    Ok(())
}
