//! Where the kernel believes the parts of a program's memory to be (`PR_SET_MM_MAP` of prctl(2)), and which file the program is.
//!
//! It matters to those who look: `/proc/PID/cmdline`, `auxv` and `exe`, and so to ps, gdb and perf; and to `brk(2)`. To name another program takes
//! CAP_CHECKPOINT_RESTORE (or CAP_SYS_ADMIN) in the process itself, and that nothing of the one before is mapped any more. A process
//! that has dropped its privileges keeps the old name.

use super::journal::word;
use crate::hold::{Hands, HandsError};
use crate::kernel::Layout;
use mcrx_allocator::reader::Address;
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;

/// Whether the kernel took note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// It did.
    Yes,
    /// It may not be told by this process, or not yet: nothing has changed.
    Refused(Errno),
}

/// Tells the kernel where everything lies, and, by a descriptor of the process's own, which file the program is.
pub(super) fn set(
    hands: &Hands<'_>,
    process: Pid,
    thread: Pid,
    layout: &Layout,
    program: Option<i32>,
) -> Result<Noted, HandsError> {
    let (scratch, room) = hands.scratch(thread)?;
    let request = request(layout, program, scratch);
    if request.len() > room {
        return Ok(Noted::Refused(Errno::E2BIG));
    }
    let memory = hands.memory(process)?;
    let written = memory.write(Address(scratch), &request);
    written.map_err(|source| HandsError::Memory { process, source })?;
    let arguments = [word(libc::PR_SET_MM), word(libc::PR_SET_MM_MAP), scratch, MAP_LEN, 0, 0];
    match hands.system_call(thread, libc::SYS_prctl, arguments) {
        Ok(_) => Ok(Noted::Yes),
        Err(HandsError::Call { errno, .. }) => Ok(Noted::Refused(errno)),
        Err(error) => Err(error),
    }
}

/// Bytes of `struct prctl_mm_map`.
const MAP_LEN: u64 = 104;

/// `struct prctl_mm_map`, and behind it the auxiliary vector.
fn request(layout: &Layout, program: Option<i32>, address: u64) -> Vec<u8> {
    let l = layout;
    let vector = l.auxv.iter().flat_map(|word| word.to_le_bytes());
    let vector_len = u32::try_from(l.auxv.len() * 8).unwrap_or(u32::MAX);
    let words = [
        l.start_code,
        l.end_code,
        l.start_data,
        l.end_data,
        l.start_brk,
        l.brk,
        l.start_stack,
        l.arg_start,
        l.arg_end,
        l.env_start,
        l.env_end,
        address + MAP_LEN,
    ];
    let mut request: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
    request.extend(vector_len.to_le_bytes());
    request.extend(program.unwrap_or(-1).to_le_bytes());
    request.extend(vector);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_as_the_kernel_wants_it() {
        let layout = Layout { start_code: 1, env_end: 11, auxv: vec![3, 4, 0, 0], ..Layout::default() };
        let request = request(&layout, None, 0x1000);
        let word = |at: usize| u64::from_le_bytes(request[at..at + 8].try_into().unwrap());
        assert_eq!((word(0), word(80), word(88)), (1, 11, 0x1000 + 104));
        assert_eq!(word(96), 32 | (0xFFFF_FFFF << 32), "length of the vector, and no descriptor");
        assert_eq!((word(104), request.len()), (3, 136));
    }
}
