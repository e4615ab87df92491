//! Many system calls of a thread at the price of one stop.
//!
//! A thread that was given registers for a call comes back from it to instructions that store the result, and from there to a signal frame with
//! the registers of the next one, and so on (see [`super::frame`]). Nobody watches it: that would be two stops for each. The last call sends
//! the thread a signal that the program has no handler for and ignores by default: the kernel tells us of that before it ignores it.
//!
//! ```text
//!   higher   the frame that leads back to the thread's own registers
//!            for each call but the first, in front of what comes after it:
//!              return address: the instructions that store the result
//!              a word that these take from the stack
//!              return address, frame: the next call's registers
//!   lower    scratch space
//! ```
//!
//! Should we die meanwhile, the thread makes all of its calls, ignores the signal, and goes on with its own registers.

use super::errand::Errand;
use super::frame::{self, FRAME_LEN};
use super::hands::{Hands, HandsError};
use super::interrupted;
use super::raw::{self, Resume};
use super::report::{self, Report};
use super::thread::Registers;
use crate::process::memory::ProcessMemory;
use mcrx_allocator::reader::{Address, Memory as _};
use nix::errno::Errno;
use nix::libc::{self, c_long};
use nix::unistd::Pid;

/// A system call: its number and its arguments.
pub type SystemCall = (c_long, [u64; 6]);

/// So many fit on the stack at a time.
const MOST: usize = 12;
/// What comes after each call.
const LANDING: usize = 16 + FRAME_LEN;
/// Bytes below the frames that a batch takes: the landings, and the results.
pub(super) const ROOM: usize = (MOST + 1) * (LANDING + 8);
/// Ignored unless a program says otherwise (signal(7)).
pub(crate) const QUIET: [i32; 3] = [libc::SIGURG, libc::SIGWINCH, libc::SIGCHLD];

impl Hands<'_> {
    /// Has threads make system calls, each its own in their order; the threads make them at the same time. All calls are made, whether or not
    /// some fail. Says what each returned.
    ///
    /// # Errors
    /// [`HandsError`]: some were not made.
    pub fn system_calls(
        &self,
        wanted: &[(Pid, Vec<SystemCall>)],
    ) -> Result<Vec<Vec<Result<u64, Errno>>>, HandsError> {
        let mut results: Vec<Vec<Result<u64, Errno>>> = wanted.iter().map(|_| Vec::new()).collect();
        let most = wanted.iter().map(|(_, calls)| calls.len()).max().unwrap_or(0);
        for start in (0..most).step_by(MOST) {
            let some = |calls: &[SystemCall]| -> Vec<SystemCall> {
                calls.iter().skip(start).take(MOST).copied().collect()
            };
            let mut begun = Vec::new();
            for (place, (thread, calls)) in wanted.iter().enumerate() {
                let calls = some(calls);
                if calls.is_empty() {
                    continue;
                }
                match self.begin(*thread, &calls) {
                    Ok(true) => begun.push((place, *thread, calls.len())),
                    Ok(false) => results.get_mut(place).into_iter().try_for_each(|results| {
                        results.extend(self.one_by_one(*thread, &calls)?);
                        Ok(())
                    })?,
                    Err(error) => {
                        // Those that are on their way must have arrived.
                        for (_, thread, len) in begun {
                            let _ = self.arrived(thread, len);
                        }
                        return Err(error);
                    }
                }
            }
            let arrived: Vec<_> =
                begun.iter().map(|(place, thread, len)| (place, self.arrived(*thread, *len))).collect();
            for (place, arrived) in arrived {
                if let Some(results) = results.get_mut(*place) {
                    results.extend(arrived?);
                }
            }
        }
        Ok(results)
    }

    fn begin(&self, thread: Pid, calls: &[SystemCall]) -> Result<bool, HandsError> {
        let Some(store) = self.store(thread)? else { return Ok(false) };
        let goes_on = self.goes_on(thread);
        self.on_errand(thread, |errand| {
            // With a signal frame the kernel forgets the deadline of the call that the thread was in. And where a filter may forbid calls, no
            // more of them than one is to be made without us.
            let has_deadline = |own: &Registers| interrupted::has_deadline(own);
            let unfit =
                has_deadline(&errand.own) || goes_on.as_ref().is_some_and(has_deadline) || errand.filtered;
            let Some(signal) = errand.quiet_signal().filter(|_| !unfit) else { return Ok(false) };
            let begun = errand.begin(calls, store, signal);
            begun.map(|()| true).map_err(|errno| HandsError::Lost { thread, errno })
        })
    }

    fn arrived(&self, thread: Pid, len: usize) -> Result<Vec<Result<u64, Errno>>, HandsError> {
        self.on_errand(thread, |errand| {
            errand.arrived(len).map_err(|errno| HandsError::Lost { thread, errno })
        })
    }

    fn one_by_one(&self, thread: Pid, calls: &[SystemCall]) -> Result<Vec<Result<u64, Errno>>, HandsError> {
        let call = |(call, arguments): &SystemCall| match self.system_call(thread, *call, *arguments) {
            Ok(result) => Ok(Ok(result)),
            Err(HandsError::Call { errno, .. }) => Ok(Err(errno)),
            Err(error) => Err(error),
        };
        calls.iter().map(call).collect()
    }
}

impl Errand {
    /// A signal that the thread may be sent without the program noticing: it does not block it, nor has a handler for it.
    fn quiet_signal(&self) -> Option<i32> {
        QUIET.into_iter().find(|signal| (self.mask | self.handled) & (1 << (signal - 1)) == 0)
    }

    fn begin(&mut self, calls: &[SystemCall], store: u64, signal: i32) -> Result<(), Errno> {
        let tell = (libc::SYS_tkill, [word(self.tid), word(signal), 0, 0, 0, 0]);
        let results = self.results();
        // The registers of each, but for where it comes back to.
        let all: Vec<Registers> = (0u64..)
            .zip(calls.iter().chain([&tell]))
            .map(|(place, (call, arguments))| Registers {
                rbx: results + 8 * place,
                ..self.call(frame::number(*call), *arguments)
            })
            .collect();
        let blocked = |place: usize| if place == calls.len() { !(1 << (signal - 1)) } else { u64::MAX };
        let mut landing = self.last();
        let mut at = self.start();
        let mut bytes: Vec<u8> = Vec::new();
        for (place, registers) in all.iter().enumerate().skip(1).rev() {
            let next = Registers { rsp: landing, ..*registers };
            at -= LANDING as u64;
            let mut block = [store.to_le_bytes(), [0; 8]].concat();
            block.extend(self.frame(&next, blocked(place)));
            bytes.splice(0..0, block);
            landing = at;
        }
        let first = Registers { rsp: landing, ..*all.first().ok_or(Errno::EINVAL)? };
        let memory = ProcessMemory::of(self.thread);
        memory.write(Address(at), &bytes).map_err(|_| Errno::EFAULT)?;
        raw::set_registers(self.thread, &first)?;
        self.away = true;
        raw::set_signal_mask(self.thread, u64::MAX)?;
        raw::resume(self.thread, Resume::Freely)
    }

    /// Waits until all calls were made.
    fn arrived(&mut self, len: usize) -> Result<Vec<Result<u64, Errno>>, Errno> {
        let expected = self.quiet_signal();
        loop {
            match report::wait(self.thread)? {
                Report::Ended => return Err(Errno::ESRCH),
                Report::Stopped { signal, event: None } if Some(signal) == expected => break,
                Report::Stopped { signal, event } => {
                    // All others wait: this one cannot.
                    self.stop |= signal == libc::SIGSTOP && event.is_none();
                    raw::resume(self.thread, Resume::Freely)?;
                }
            }
        }
        // Whatever comes next, the signal is forgotten. Left alone from here, it comes back at once.
        raw::set_registers(self.thread, &self.call(frame::number(libc::SYS_getpid), [0; 6]))?;
        raw::set_signal_mask(self.thread, u64::MAX)?;
        let mut bytes = vec![0; 8 * len];
        let memory = ProcessMemory::of(self.thread);
        memory.read(Address(self.results()), &mut bytes).map_err(|_| Errno::EFAULT)?;
        let results = bytes.chunks_exact(8).filter_map(|word| word.try_into().ok().map(i64::from_le_bytes));
        Ok(results
            .map(|result| match result {
                -4095..=-1 => Err(super::errand::errno(result)),
                _ => Ok(result.cast_unsigned()),
            })
            .collect())
    }

    /// Where the results go.
    fn results(&self) -> u64 {
        self.start() - ROOM as u64
    }
}

/// As a register holds it.
fn word(value: i32) -> u64 {
    i64::from(value).cast_unsigned()
}
