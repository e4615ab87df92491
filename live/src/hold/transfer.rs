//! Descriptors that go into a held process, and come out of it.
//!
//! They go in by a socket pair that the process makes for us, as a message (`SCM_RIGHTS`, unix(7)): a process that has dropped its
//! privileges could not open the files itself. We take one end of the pair, and they come out, by `pidfd_getfd(2)`.

use super::hands::{Hands, HandsError};
use mcrx_allocator::reader::{Address, Memory as _};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

/// As many as the kernel takes at a time (`SCM_MAX_FD`).
const MOST: usize = 253;

impl Hands<'_> {
    /// Takes a descriptor of a process: the same open file, in our own process.
    ///
    /// # Errors
    /// [`HandsError::Descriptor`]
    pub fn take(&self, process: Pid, descriptor: i32) -> Result<OwnedFd, HandsError> {
        let failed = |errno: rustix::io::Errno| HandsError::Descriptor {
            process,
            descriptor,
            errno: Errno::from_raw(errno.raw_os_error()),
        };
        let pid = rustix::process::Pid::from_raw(process.as_raw()).ok_or(HandsError::NotHeld(process))?;
        let handle = pidfd_open(pid, PidfdFlags::empty()).map_err(failed)?;
        pidfd_getfd(handle, descriptor, PidfdGetfdFlags::empty()).map_err(failed)
    }

    /// Gives a process descriptors of ours, by one of its threads: says which numbers they have there, the lowest that were free. They are
    /// closed when it executes another program.
    ///
    /// # Errors
    /// [`HandsError`]; the process has none of them then. `EMFILE`: it may have no more.
    pub fn pass(&self, thread: Pid, files: &[BorrowedFd<'_>]) -> Result<Vec<i32>, HandsError> {
        let process = self.process_of(thread)?;
        let (scratch, _) = self.scratch(thread)?;
        let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC;
        self.system_call(thread, libc::SYS_socketpair, [word(libc::AF_UNIX), word(kind), 0, scratch, 0, 0])?;
        let mut pair = [0; 8];
        self.read(process, scratch, &mut pair)?;
        let [mine, its] = numbers(&pair)[..] else { return Err(HandsError::NotHeld(thread)) };
        let mut got = Vec::new();
        let outcome = self.take(process, mine).and_then(|end| {
            for some in files.chunks(MOST) {
                got.extend(self.pass_some(thread, process, &end, its, some)?);
            }
            Ok(())
        });
        let unwanted = if outcome.is_err() { std::mem::take(&mut got) } else { Vec::new() };
        let closed: Result<Vec<u64>, HandsError> =
            [mine, its].into_iter().chain(unwanted).map(|number| self.close(thread, number)).collect();
        outcome.and(closed).map(|_| got)
    }

    /// Closes a descriptor of a process, by one of its threads.
    ///
    /// # Errors
    /// [`HandsError`]
    pub fn close(&self, thread: Pid, descriptor: i32) -> Result<u64, HandsError> {
        self.system_call(thread, libc::SYS_close, [word(descriptor), 0, 0, 0, 0, 0])
    }

    fn pass_some(
        &self,
        thread: Pid,
        process: Pid,
        end: &OwnedFd,
        its: i32,
        files: &[BorrowedFd<'_>],
    ) -> Result<Vec<i32>, HandsError> {
        let failed = |errno: rustix::io::Errno| HandsError::Descriptor {
            process,
            descriptor: its,
            errno: Errno::from_raw(errno.raw_os_error()),
        };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        ancillary.push(SendAncillaryMessage::ScmRights(files));
        sendmsg(end, &[IoSlice::new(&[0])], &mut ancillary, SendFlags::empty()).map_err(failed)?;
        // In its scratch space: `struct msghdr`, `struct iovec`, a byte, and room for the control message.
        let (scratch, _) = self.scratch(thread)?;
        let (vector, byte, control) = (scratch + 56, scratch + 72, scratch + 80);
        let control_len = CONTROL_HEADER + 4 * files.len() as u64;
        let words = [0, 0, vector, 1, control, control_len.next_multiple_of(8), 0, byte, 1];
        let bytes: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        let memory = self.memory(process)?;
        let unwritable = |source| HandsError::Memory { process, source };
        memory.write(Address(scratch), &bytes).map_err(unwritable)?;
        let flags = word(libc::MSG_CMSG_CLOEXEC | libc::MSG_DONTWAIT);
        self.system_call(thread, libc::SYS_recvmsg, [word(its), scratch, flags, 0, 0, 0])?;
        let mut header = [0; 56];
        self.read(process, scratch, &mut header)?;
        let received = header.get(40..48).and_then(|len| len.try_into().ok()).map_or(0, u64::from_le_bytes);
        let mut got = vec![0; usize::try_from(received.saturating_sub(CONTROL_HEADER)).unwrap_or(0)];
        self.read(process, control + CONTROL_HEADER, &mut got)?;
        let got = numbers(&got);
        if got.len() >= files.len() {
            return Ok(got.into_iter().take(files.len()).collect());
        }
        // The kernel has left out those for which there was no number.
        for number in got {
            self.close(thread, number)?;
        }
        Err(HandsError::Call { thread, call: super::frame::number(libc::SYS_recvmsg), errno: Errno::EMFILE })
    }

    fn read(&self, process: Pid, address: u64, buffer: &mut [u8]) -> Result<(), HandsError> {
        let memory = self.memory(process)?;
        memory.read(Address(address), buffer).map_err(|source| HandsError::Memory { process, source })
    }
}

/// `struct cmsghdr`.
const CONTROL_HEADER: u64 = 16;

/// As a register holds it.
fn word(value: i32) -> u64 {
    i64::from(value).cast_unsigned()
}

fn numbers(bytes: &[u8]) -> Vec<i32> {
    bytes.chunks_exact(4).filter_map(|number| number.try_into().ok().map(i32::from_le_bytes)).collect()
}
