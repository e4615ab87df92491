//! Contains `unsafe`: the two operations on the bytes of blocks.

fn pointer(address: u64) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut(usize::try_from(address).unwrap_or(0))
}

/// Zeroes a block that nobody has been given yet.
pub(crate) fn fill_zero(address: u64, len: u64) {
    // SAFETY: callers pass a block of at least `len` bytes that they have taken and not yet handed out.
    unsafe { core::ptr::write_bytes(pointer(address), 0, usize::try_from(len).unwrap_or(0)) };
}

/// Copies between two blocks, both at least `len` bytes.
pub(crate) fn copy(from: u64, to: u64, len: u64) {
    // SAFETY: callers pass the old and the new block of a `realloc`, which do not overlap.
    unsafe { core::ptr::copy_nonoverlapping(pointer(from), pointer(to), usize::try_from(len).unwrap_or(0)) };
}
