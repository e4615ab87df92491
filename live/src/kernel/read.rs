//! Reading it all, of a process that is held.

use super::library::ThreadLayout;
use super::{AlternateStack, KernelState, Layout, SIGNALS, SignalAction, ThreadState};
use crate::hold::{Code, Hands, HandsError, HeldThread};
use crate::process::maps;
use crate::process::status::Status;
use crate::process::{read, read_text};
use mcrx_allocator::reader::{Address, Memory as _};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

/// What is found out about a process before it is held.
#[derive(Debug, Clone)]
pub struct Survey {
    process: Pid,
    code: Option<Code>,
    threads: Option<ThreadLayout>,
}

impl Survey {
    /// Looks where its C library has what is needed. What is not found is looked for again, or missing, later.
    #[must_use]
    pub fn of(process: Pid) -> Survey {
        let mappings = maps::read(process).unwrap_or_default();
        let code = Code::find(process, &mappings);
        Survey { process, code, threads: ThreadLayout::of(process, &mappings) }
    }

    /// Where the C library keeps what it knows of threads.
    #[must_use]
    pub fn thread_layout(&self) -> Option<&ThreadLayout> {
        self.threads.as_ref()
    }

    /// Reads what the kernel has for the process, by its threads. They are on errands afterwards, ready for more.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn read(&self, hands: &Hands<'_>) -> Result<KernelState, HandsError> {
        let process = self.process;
        if let Some(code) = &self.code {
            hands.know(process, code);
        }
        let held = hands.threads(process);
        let first = held.first().ok_or(HandsError::NotHeld(process))?.id;
        let ids: Vec<Pid> = held.iter().map(|thread| thread.id).collect();
        let stacks = alternate_stacks(hands, &ids)?;
        let threads = held.iter().zip(stacks).map(|(held, stack)| self.thread(hands, held, stack));
        let threads = threads.collect::<Result<_, _>>()?;
        Ok(KernelState {
            threads,
            signals: self.signals(hands, first)?,
            descriptors: Vec::new(),
            layout: self.layout(hands, first)?,
        })
    }

    fn thread(
        &self,
        hands: &Hands<'_>,
        held: &HeldThread,
        alternate_stack: Option<AlternateStack>,
    ) -> Result<ThreadState, HandsError> {
        let (process, id) = (self.process, held.id);
        let gone = HandsError::NotHeld(id);
        let registers = hands.registers(id)?;
        let name = read(format!("/proc/{process}/task/{id}/comm")).map_err(|_| gone)?;
        let memory = hands.memory(process)?;
        let word = |address: Option<u64>| memory.word(Address(address?)).ok().filter(|word| *word != 0);
        let thread_pointer = registers.fs_base;
        let start_routine = word(self.threads.map(|layout| thread_pointer + layout.start_routine));
        let tid = Status::of_thread(process, id).and_then(|status| status.innermost()).ok_or(gone)?;
        Ok(ThreadState {
            tid,
            id,
            registers,
            extended: hands.extended_registers(id)?,
            mask: hands.signal_mask(id)?,
            rseq: hands.rseq(id)?,
            robust_list: hands.robust_list(id)?,
            clear_tid: self.clear_tid(hands, id, tid)?,
            alternate_stack,
            name: name.trim_ascii_end().to_vec(),
            start_routine,
            blocked_in: held.blocked_in,
        })
    }

    fn clear_tid(&self, hands: &Hands<'_>, thread: Pid, tid: i32) -> Result<Option<u64>, HandsError> {
        const PR_GET_TID_ADDRESS: u64 = 40;
        let thread_pointer = hands.registers(thread)?.fs_base;
        if let Some(layout) = self.threads {
            // Where the C library has it, the kernel has put it.
            let mut there = [0; 4];
            let place = thread_pointer.wrapping_add(layout.tid);
            let read = hands.memory(self.process)?.read(Address(place), &mut there);
            if read.is_ok() && i32::from_le_bytes(there) == tid {
                return Ok(Some(place));
            }
        }
        let (scratch, _) = hands.scratch(thread)?;
        hands.system_call(thread, libc::SYS_prctl, [PR_GET_TID_ADDRESS, scratch, 0, 0, 0, 0])?;
        Ok(Some(word_at(hands, thread, scratch)?).filter(|address| *address != 0))
    }

    fn signals(&self, hands: &Hands<'_>, by: Pid) -> Result<Vec<SignalAction>, HandsError> {
        let status = Status::of_thread(self.process, by).ok_or(HandsError::NotHeld(by))?;
        // Of the others it is known that they have the default, whose flags mean nothing; but for SIGCHLD's.
        let unusual = status.handled() | status.ignored() | 1 << (libc::SIGCHLD - 1);
        let asked: Vec<u8> = (1..=SIGNALS).filter(|signal| unusual & 1 << (signal - 1) != 0).collect();
        let (scratch, _) = hands.scratch(by)?;
        let place = |signal: u8| scratch + u64::from(signal - 1) * SignalAction::LEN as u64;
        let calls = asked
            .iter()
            .map(|signal| (libc::SYS_rt_sigaction, [u64::from(*signal), 0, place(*signal), 8, 0, 0]));
        all_made(by, libc::SYS_rt_sigaction, &hands.system_calls(&[(by, calls.collect())])?)?;
        let action = |signal: u8| {
            let mut bytes = [0; SignalAction::LEN];
            if asked.contains(&signal) {
                read_into(hands, by, place(signal), &mut bytes)?;
            }
            Ok(SignalAction::from_bytes(&bytes))
        };
        (1..=SIGNALS).map(action).collect()
    }

    fn layout(&self, hands: &Hands<'_>, by: Pid) -> Result<Layout, HandsError> {
        let unreadable = HandsError::Unreadable { process: self.process, errno: Errno::ESRCH };
        let stat = read_text(format!("/proc/{}/task/{by}/stat", self.process)).map_err(|_| unreadable)?;
        let auxv = read(format!("/proc/{}/auxv", self.process)).map_err(|_| unreadable)?;
        let brk = hands.system_call(by, libc::SYS_brk, [0; 6])?;
        Layout::parse(&stat, &auxv, brk).ok_or(unreadable)
    }
}

fn alternate_stacks(hands: &Hands<'_>, threads: &[Pid]) -> Result<Vec<Option<AlternateStack>>, HandsError> {
    let places = threads.iter().map(|thread| Ok((*thread, hands.scratch(*thread)?.0)));
    let places = places.collect::<Result<Vec<(Pid, u64)>, HandsError>>()?;
    let calls: Vec<_> = places
        .iter()
        .map(|(thread, place)| (*thread, vec![(libc::SYS_sigaltstack, [0, *place, 0, 0, 0, 0])]))
        .collect();
    let results = hands.system_calls(&calls)?;
    let stack = |((thread, place), results): ((Pid, u64), Vec<Result<u64, Errno>>)| {
        all_made(thread, libc::SYS_sigaltstack, &[results])?;
        let mut bytes = [0; AlternateStack::LEN];
        read_into(hands, thread, place, &mut bytes)?;
        Ok(AlternateStack::from_bytes(&bytes))
    };
    places.into_iter().zip(results).map(stack).collect()
}

fn all_made(thread: Pid, call: libc::c_long, results: &[Vec<Result<u64, Errno>>]) -> Result<(), HandsError> {
    match results.iter().flatten().find_map(|result| result.err()) {
        Some(errno) => Err(HandsError::Call { thread, call: call.cast_unsigned(), errno }),
        None => Ok(()),
    }
}

fn word_at(hands: &Hands<'_>, thread: Pid, address: u64) -> Result<u64, HandsError> {
    let mut word = [0; 8];
    read_into(hands, thread, address, &mut word)?;
    Ok(u64::from_le_bytes(word))
}

fn read_into(hands: &Hands<'_>, thread: Pid, address: u64, buffer: &mut [u8]) -> Result<(), HandsError> {
    let process = hands.process_of(thread)?;
    let read = hands.memory(process)?.read(Address(address), buffer);
    read.map_err(|source| HandsError::Memory { process, source })
}
