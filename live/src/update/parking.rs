//! Threads that wait while their process is being changed, also when nobody holds them any more.
//!
//! A thread that ptrace(2) holds is let go by the kernel when its tracer dies: it would run on in a process of which nothing fits together. So
//! each is given registers first with which it waits for ever, in instructions on a page of their own:
//!
//! ```text
//!   wait:  mov $34, %eax     pause(2): nothing interrupts it, all signals are blocked
//!          syscall
//!          jmp wait
//!          TOKEN             by which the page is known for ours
//! ```
//!
//! A thread whose instruction pointer is in that page is parked; no other can have one there. What a parked thread does for us it comes back
//! from to there ([`crate::hold`]). Signals that come meanwhile wait, but for those that the kernel drops anyway.
//!
//! The page is mapped before anything else is done to a process, at an address that neither release uses, and unmapped as the last.
//!
//! What it does not do: say when. That is [`super::guardian`]'s argument.

use crate::graft::{Plan, Space};
use crate::hold::{Hands, HandsError, QUIET, Registers, alone};
use crate::kernel::KernelState;
use crate::process::maps;
use crate::process::memory::ProcessMemory;
use crate::process::pages::PAGE;
use mcrx_allocator::reader::{Address, Memory as _};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use std::io;
use std::ops::Range;

/// `mov $34, %eax; syscall; jmp` to the first.
const WAIT: [u8; 9] = [0xB8, 34, 0, 0, 0, 0x0F, 0x05, 0xEB, 0xF7];
const TOKEN_AT: usize = 16;
const TOKEN_LEN: usize = 16;
/// Above all regions of the heap, and far below where the kernel puts things.
const FIRST: u64 = 0x3F00_0000_0000;
const STEP: u64 = 1 << 20;
/// So many places are tried.
const MOST: u64 = 4096;

/// What a thread goes on with.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub(super) thread: Pid,
    pub(super) registers: Registers,
    pub(super) extended: Vec<u8>,
    /// Signals that it blocks.
    pub(super) mask: u64,
}

/// A process whose threads park.
#[derive(Debug)]
pub(super) struct Parking {
    process: Pid,
    page: Range<u64>,
    token: [u8; TOKEN_LEN],
    /// Each thread as it was before.
    before: Vec<Own>,
    /// The same, of threads that somebody else than their tracer has taken out: what the kernel knew of the call that they waited in is gone.
    before_alone: Vec<Own>,
    /// Signals that neither release has a handler for, and that the kernel drops then, a bit each from SIGHUP on.
    dropped: u64,
}

impl Parking {
    /// Looks where it can be. Nothing is done.
    pub(super) fn of(
        process: Pid,
        (old, new): (&KernelState, &KernelState),
        plan: &Plan,
        hands: &Hands<'_>,
    ) -> io::Result<Parking> {
        let thread = old.threads.first().map_or(process, |thread| thread.id);
        let space = Space::of(thread)?;
        let is_free = |range: &Range<u64>| {
            let overlaps = |other: &Range<u64>| range.start < other.end && other.start < range.end;
            let moves = plan
                .moves
                .iter()
                .flat_map(|step| [step.from..step.from + step.len, step.to..step.to + step.len]);
            !space.mappings.iter().any(|mapping| overlaps(&mapping.range))
                && !plan.ranges().iter().any(overlaps)
                && !moves.into_iter().any(|range| overlaps(&range))
        };
        let mut places = (0..MOST).map(|place| FIRST + place * STEP).map(|start| start..start + PAGE);
        let page = places.find(is_free).ok_or(io::ErrorKind::AddrInUse)?;
        let mut token = [0; TOKEN_LEN];
        io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut token)?;
        let own = |registers: &dyn Fn(Pid, &Registers) -> Registers| {
            let threads = old.threads.iter().map(|thread| Own {
                thread: thread.id,
                registers: registers(thread.id, &thread.registers),
                extended: thread.extended.clone(),
                mask: thread.mask,
            });
            threads.collect::<Vec<_>>()
        };
        let before = own(&|_, registers| *registers);
        let before_alone = own(&|thread, registers| alone(registers, thread));
        let is_handled = |signal: i32| {
            let at = usize::try_from(signal - 1).unwrap_or(0);
            [old, new].iter().any(|state| state.signals.get(at).is_none_or(|action| action.handler > 1))
        };
        let dropped = QUIET.into_iter().filter(|signal| !is_handled(*signal));
        let dropped = dropped.fold(0, |mask, signal| mask | 1 << (signal - 1));
        for own in &before {
            hands.will_go_on(own.thread, &own.registers);
        }
        Ok(Parking { process, page, token, before, before_alone, dropped })
    }

    /// Parks all threads of the process.
    ///
    /// # Errors
    /// [`HandsError`]: some may be parked.
    pub(super) fn park(&self, hands: &Hands<'_>) -> Result<(), HandsError> {
        let by = self.before.first().ok_or(HandsError::NotHeld(self.process))?.thread;
        // All of them can be, before one is.
        self.before.iter().try_for_each(|own| hands.scratch(own.thread).map(drop))?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        let word = |flags: i32| u64::from(flags.cast_unsigned());
        let protection = word(libc::PROT_READ | libc::PROT_EXEC);
        let arguments = [self.page.start, PAGE, protection, word(flags), u64::MAX, 0];
        let there = hands.system_call(by, libc::SYS_mmap, arguments)?;
        if there != self.page.start {
            hands.system_call(by, libc::SYS_munmap, [there, PAGE, 0, 0, 0, 0])?;
            let call = libc::SYS_mmap.cast_unsigned();
            return Err(HandsError::Call { thread: by, call, errno: Errno::EEXIST });
        }
        let written = hands.memory(self.process)?.write(Address(self.page.start), &self.contents());
        written.map_err(|source| HandsError::Memory { process: self.process, source })?;
        self.before.iter().try_for_each(|own| self.park_one(hands, own))
    }

    fn contents(&self) -> Vec<u8> {
        let mut contents = WAIT.to_vec();
        contents.resize(TOKEN_AT, 0);
        contents.extend(self.token);
        contents
    }

    /// Parks a thread that is to go on with this. It has all of it from now on, but for the signals that it blocks, and where it is.
    pub(super) fn park_one(&self, hands: &Hands<'_>, own: &Own) -> Result<(), HandsError> {
        let parked = Registers { rip: self.page.start, rax: 0, orig_rax: u64::MAX, ..own.registers };
        hands.set_registers(own.thread, &parked)?;
        hands.set_signal_mask(own.thread, !(self.dropped & !own.mask))?;
        hands.set_extended_registers(own.thread, &own.extended)
    }

    /// Whether all threads are parked that there are.
    pub(super) fn has_all(&self, hands: &Hands<'_>) -> bool {
        let threads = hands.threads(self.process);
        threads.iter().all(|thread| self.page.contains(&thread.instruction_pointer))
    }

    /// Threads go on as they were before. All that are parked, and no others.
    ///
    /// `alone`: they were let go meanwhile, and caught again.
    pub(super) fn back(&self, hands: &Hands<'_>, alone: bool) -> Result<(), HandsError> {
        self.leave(hands, if alone { &self.before_alone } else { &self.before })
    }

    /// Threads that are parked go on with these registers, and the page goes.
    pub(super) fn leave(&self, hands: &Hands<'_>, all: &[Own]) -> Result<(), HandsError> {
        let mut first = Ok(());
        for own in all {
            match hands.registers(own.thread) {
                Ok(now) if self.page.contains(&now.rip) => {
                    first = first.and(self.leave_one(hands, own));
                }
                // It runs already, or was killed.
                _ => {}
            }
        }
        first?;
        if !self.is_there() {
            return Ok(());
        }
        let threads: Vec<Pid> = hands.threads(self.process).iter().map(|thread| thread.id).collect();
        let mut outcome = Err(HandsError::NotHeld(self.process));
        for thread in threads {
            outcome =
                hands.system_call(thread, libc::SYS_munmap, [self.page.start, PAGE, 0, 0, 0, 0]).map(drop);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn leave_one(&self, hands: &Hands<'_>, own: &Own) -> Result<(), HandsError> {
        hands.set_extended_registers(own.thread, &own.extended)?;
        hands.set_signal_mask(own.thread, own.mask)?;
        hands.set_registers(own.thread, &own.registers)
    }

    /// Whether its page is mapped, and not another thing at its address. Who made it may have been killed before there was something in it.
    fn is_there(&self) -> bool {
        let read = |own: &Own| maps::read(own.thread).ok().filter(|mappings| !mappings.is_empty());
        let Some((thread, mappings)) = self.before.iter().find_map(|own| Some((own.thread, read(own)?)))
        else {
            return false;
        };
        let is_ours = |mapping: &maps::Mapping| {
            let memory = mapping.inode == 0 && !mapping.shared && mapping.read && !mapping.write;
            memory && mapping.execute && mapping.range == self.page
        };
        let mut there = vec![0; TOKEN_AT + TOKEN_LEN];
        maps::holding(&mappings, self.page.start).is_some_and(is_ours)
            && ProcessMemory::of(thread).read(Address(self.page.start), &mut there).is_ok()
            && (there == self.contents() || there.iter().all(|byte| *byte == 0))
    }
}
