//! The memory of a live process, by `process_vm_readv(2)`.
//!
//! Where that call is filtered out, as in some containers, by `/proc/PID/mem`. It stops nothing.

use mcrx_allocator::reader::{Address, Memory, Piece, Unreadable, Why};
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev};
use nix::unistd::Pid;
use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

/// Buffers that one call takes (`IOV_MAX`).
const PIECES_MAX: usize = 1024;

/// The memory of a process, running or held. To read it neither stops the process nor changes it.
#[derive(Debug)]
pub struct ProcessMemory {
    pid: Pid,
    /// Opened when it is first needed.
    file: OnceLock<io::Result<File>>,
}

impl ProcessMemory {
    /// Of the process that a thread is of. The thread must not have ended.
    #[must_use]
    pub fn of(pid: Pid) -> ProcessMemory {
        ProcessMemory { pid, file: OnceLock::new() }
    }

    /// The thread that it was asked for by.
    #[must_use]
    pub fn thread(&self) -> Pid {
        self.pid
    }

    /// Writes to memory that the process could write to itself. Only to be done while it is held.
    ///
    /// # Errors
    /// Some of it is not mapped, or the process has ended; part of it may have been written.
    pub(crate) fn write(&self, address: Address, bytes: &[u8]) -> Result<(), Unreadable> {
        let unreadable = |why| Unreadable { address, len: bytes.len(), why };
        let base = usize::try_from(address.0).map_err(|_| unreadable(Why::NotMapped))?;
        let remote = RemoteIoVec { base, len: bytes.len() };
        match process_vm_writev(self.pid, &[IoSlice::new(bytes)], &[remote]) {
            Ok(written) if written == bytes.len() => Ok(()),
            Ok(_) => Err(unreadable(Why::NotMapped)),
            Err(Errno::EPERM | Errno::ENOSYS) => {
                let file = OpenOptions::new().write(true).open(format!("/proc/{}/mem", self.pid));
                let written = file.and_then(|file| file.write_all_at(bytes, address.0));
                written.map_err(|error| {
                    unreadable(why(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)))
                })
            }
            Err(errno) => Err(unreadable(why(errno))),
        }
    }

    /// Writes many pieces, in their order, as [`write`](ProcessMemory::write) does one.
    ///
    /// # Errors
    /// As of that; what comes before may have been written.
    pub(crate) fn write_many(&self, pieces: &[(u64, &[u8])]) -> Result<(), Unreadable> {
        for batch in pieces.chunks(PIECES_MAX) {
            let wanted: usize = batch.iter().map(|(_, bytes)| bytes.len()).sum();
            let local: Vec<IoSlice<'_>> = batch.iter().map(|(_, bytes)| IoSlice::new(bytes)).collect();
            let remote = batch.iter().map(|(address, bytes)| RemoteIoVec {
                base: usize::try_from(*address).unwrap_or(usize::MAX),
                len: bytes.len(),
            });
            if process_vm_writev(self.pid, &local, &remote.collect::<Vec<_>>()) != Ok(wanted) {
                // Which one it was, and why, the single writes tell.
                batch.iter().try_for_each(|(address, bytes)| self.write(Address(*address), bytes))?;
            }
        }
        Ok(())
    }

    fn read_from_file(&self, address: Address, buffer: &mut [u8]) -> Result<(), Why> {
        let why = |error: &io::Error| why(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw));
        let file = self.file.get_or_init(|| File::open(format!("/proc/{}/mem", self.pid)));
        let file = file.as_ref().map_err(why)?;
        // A short read is the end of what is mapped, or of the process.
        file.read_exact_at(buffer, address.0).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Why::NotMapped,
            _ => why(&error),
        })
    }
}

fn why(errno: Errno) -> Why {
    match errno {
        Errno::EFAULT | Errno::EIO => Why::NotMapped,
        Errno::ESRCH | Errno::ENOENT => Why::Gone,
        Errno::EPERM | Errno::EACCES => Why::NotPermitted,
        other => Why::Other(other as i32),
    }
}

impl Memory for ProcessMemory {
    fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable> {
        let len = buffer.len();
        let unreadable = |why| Unreadable { address, len, why };
        let base = usize::try_from(address.0).map_err(|_| unreadable(Why::NotMapped))?;
        match process_vm_readv(self.pid, &mut [IoSliceMut::new(buffer)], &[RemoteIoVec { base, len }]) {
            Ok(read) if read == len => Ok(()),
            Ok(_) => Err(unreadable(Why::NotMapped)),
            Err(Errno::EPERM | Errno::ENOSYS) => self.read_from_file(address, buffer).map_err(unreadable),
            Err(errno) => Err(unreadable(why(errno))),
        }
    }

    fn read_many(&self, pieces: &mut [Piece<'_>]) -> Result<(), Unreadable> {
        for batch in pieces.chunks_mut(PIECES_MAX) {
            let wanted: usize = batch.iter().map(|piece| piece.buffer.len()).sum();
            let remote: Vec<RemoteIoVec> = batch
                .iter()
                .map(|piece| RemoteIoVec {
                    base: usize::try_from(piece.address.0).unwrap_or(usize::MAX),
                    len: piece.buffer.len(),
                })
                .collect();
            let mut local: Vec<IoSliceMut<'_>> =
                batch.iter_mut().map(|piece| IoSliceMut::new(piece.buffer)).collect();
            if process_vm_readv(self.pid, &mut local, &remote) != Ok(wanted) {
                // Which one it was, and why, the single reads tell.
                batch.iter_mut().try_for_each(|piece| self.read(piece.address, piece.buffer))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address_of<T>(value: &T) -> Address {
        Address(std::ptr::from_ref(value).addr() as u64)
    }

    #[test]
    fn both_ways_read_the_same() {
        let memory = ProcessMemory::of(Pid::this());
        let value = *b"a word or two";
        let (mut by_call, mut by_file) = ([0; 13], [0; 13]);
        memory.read(address_of(&value), &mut by_call).unwrap();
        memory.read_from_file(address_of(&value), &mut by_file).unwrap();
        assert_eq!((by_call, by_file), (value, value));
    }

    #[test]
    fn many_pieces_come_each_to_its_place() {
        let memory = ProcessMemory::of(Pid::this());
        let values: Vec<u64> = (0..3000).collect();
        let mut buffers = vec![[0; 8]; values.len()];
        let pieces = values.iter().zip(&mut buffers);
        let mut pieces: Vec<_> =
            pieces.map(|(value, buffer)| Piece { address: address_of(value), buffer }).collect();
        memory.read_many(&mut pieces).unwrap();
        assert!(values.iter().zip(&buffers).all(|(value, buffer)| *value == u64::from_ne_bytes(*buffer)));
    }

    #[test]
    fn what_is_written_is_there() {
        let memory = ProcessMemory::of(Pid::this());
        let value = Box::new(std::sync::atomic::AtomicU64::new(1));
        memory.write(address_of(&*value), &2u64.to_ne_bytes()).unwrap();
        assert_eq!(value.load(std::sync::atomic::Ordering::Relaxed), 2);
        assert_eq!(memory.write(Address(8), &[0]).unwrap_err().why, Why::NotMapped);
    }

    #[test]
    fn what_is_not_mapped_is_told_from_what_is_gone() {
        let memory = ProcessMemory::of(Pid::this());
        let mut buffer = [0; 16];
        assert_eq!(memory.read(Address(8), &mut buffer).unwrap_err().why, Why::NotMapped);
        assert_eq!(memory.read_from_file(Address(8), &mut buffer), Err(Why::NotMapped));
        let value = 7u64;
        let (mut good, mut bad) = ([0; 8], [0; 8]);
        let mut pieces = [
            Piece { address: address_of(&value), buffer: &mut good },
            Piece { address: Address(16), buffer: &mut bad },
        ];
        assert_eq!(memory.read_many(&mut pieces).unwrap_err().address, Address(16));
        // One past the largest that the kernel can be made to give.
        let nobody = ProcessMemory::of(Pid::from_raw(4_194_305));
        assert_eq!(nobody.read(Address(8), &mut buffer).unwrap_err().why, Why::Gone);
    }
}
