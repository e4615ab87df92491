//! Memory made up for a test: pages here and there in a 64-bit address space, and a count of what is read of them.

use mcrx_allocator::reader::{Address, Memory, Unreadable, Why};
use std::cell::Cell;
use std::collections::BTreeMap;

pub(crate) const PAGE: u64 = 4096;

#[derive(Clone, Default)]
pub(crate) struct Sparse {
    pages: BTreeMap<u64, Box<[u8; 4096]>>,
    read: Cell<u64>,
}

impl Sparse {
    /// Makes `[start, start + len)` readable; what was not reads as zeros.
    pub(crate) fn map(&mut self, start: u64, len: u64) {
        let mut page = start / PAGE;
        while page * PAGE < start + len {
            self.pages.entry(page).or_insert_with(|| Box::new([0; 4096]));
            page += 1;
        }
    }

    /// Takes a page away.
    pub(crate) fn unmap(&mut self, page: u64) {
        self.pages.remove(&page);
    }

    /// Adds the pages of another, in front of its own.
    pub(crate) fn overlay(&mut self, other: &Sparse) {
        self.pages.extend(other.pages.iter().map(|(page, bytes)| (*page, bytes.clone())));
    }

    /// Addresses of all pages.
    pub(crate) fn pages(&self) -> Vec<u64> {
        self.pages.keys().map(|page| page * PAGE).collect()
    }

    /// Writes, mapping what is not.
    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.map(at, bytes.len() as u64);
        }
        for (address, byte) in (at..).zip(bytes) {
            let page = self.pages.get_mut(&(address / PAGE)).expect("mapped just now");
            page[usize::try_from(address % PAGE).expect("below a page")] = *byte;
        }
    }

    pub(crate) fn write_u32(&mut self, at: u64, value: u32) {
        self.write(at, &value.to_le_bytes());
    }

    pub(crate) fn write_u64(&mut self, at: u64, value: u64) {
        self.write(at, &value.to_le_bytes());
    }

    pub(crate) fn u32(&self, at: u64) -> Option<u32> {
        let mut bytes = [0; 4];
        self.read(Address(at), &mut bytes).ok()?;
        Some(u32::from_le_bytes(bytes))
    }

    pub(crate) fn u64(&self, at: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.read(Address(at), &mut bytes).ok()?;
        Some(u64::from_le_bytes(bytes))
    }

    /// Bytes that are there.
    pub(crate) fn mapped(&self) -> u64 {
        self.pages.len() as u64 * PAGE
    }

    /// Bytes that were asked for since the last time.
    pub(crate) fn take_read(&self) -> u64 {
        self.read.take()
    }
}

impl Memory for Sparse {
    fn read(&self, address: Address, buffer: &mut [u8]) -> Result<(), Unreadable> {
        self.read.set(self.read.get() + buffer.len() as u64);
        let unreadable = Unreadable { address, len: buffer.len(), why: Why::NotMapped };
        let mut at = address.0;
        let mut rest = buffer;
        while !rest.is_empty() {
            let page = self.pages.get(&(at / PAGE)).ok_or(unreadable)?;
            let start = usize::try_from(at % PAGE).expect("below a page");
            let len = rest.len().min(page.len() - start);
            let (now, later) = rest.split_at_mut(len);
            now.copy_from_slice(&page[start..start + len]);
            rest = later;
            at = at.checked_add(len as u64).ok_or(unreadable)?;
        }
        Ok(())
    }
}
