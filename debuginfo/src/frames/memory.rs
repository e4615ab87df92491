//! Memory as the caller of this crate provides it: of a live process, of a snapshot, or made up.

/// Memory of the process whose frames are looked at.
pub trait Memory {
    /// Fills `bytes` with what lies at `address`. False: not all of it can be read.
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool;

    /// Where the thread has a thread-local variable: `offset` counts from the start of its block of the module that is mapped at
    /// `module`. `None`: not known.
    fn thread_local(&self, module: u64, offset: u64) -> Option<u64> {
        let _ = (module, offset);
        None
    }
}

impl<F: Fn(u64, &mut [u8]) -> bool> Memory for F {
    fn read(&self, address: u64, bytes: &mut [u8]) -> bool {
        self(address, bytes)
    }
}

/// A number of up to 8 bytes.
pub(super) fn number(memory: &(impl Memory + ?Sized), address: u64, size: usize) -> Option<u64> {
    let mut bytes = [0; 8];
    memory.read(address, bytes.get_mut(..size)?).then(|| u64::from_le_bytes(bytes))
}
