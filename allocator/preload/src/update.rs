//! Contains `unsafe`: the C interface for those who update a running program, which `live` calls inside the process.

use core::ffi::c_void;

/// Makes the heap at `old_base`, of the version before, this library's: its blocks are freed, resized and enumerated as before, its
/// slabs serve new requests, and the region that this library started with is given back once nothing lives in it.
/// Returns 1; or 0, with nothing changed, if there is no heap of this format there.
///
/// # Safety
/// Every other thread of the process is held outside the malloc family, no thread of the version before will run again, and
/// `old_base` is readable if it is a multiple of 1 TiB.
#[unsafe(no_mangle)]
unsafe extern "C" fn mcrx_take_over(old_base: u64) -> i32 {
    // SAFETY: the caller's word.
    i32::from(unsafe { mcrx_allocator::take_over(old_base) })
}

/// Makes the region at `base`, which drains and has no thread's heap, one of this process: its blocks were laid out from outside, and are
/// freed, resized and enumerated like all others. Returns 1; or 0, with nothing changed, if there is no such region there.
///
/// # Safety
/// Every other thread of the process is held outside the malloc family, and `base` is readable if it is a multiple of 1 TiB.
#[unsafe(no_mangle)]
unsafe extern "C" fn mcrx_adopt(base: u64) -> i32 {
    // SAFETY: the caller's word.
    i32::from(unsafe { mcrx_allocator::adopt(base) })
}

/// Frees `count` blocks.
///
/// # Safety
/// `blocks` points to as many addresses of live blocks, which nobody uses any more; every other thread of the process is held outside the
/// malloc family.
#[unsafe(no_mangle)]
unsafe extern "C" fn mcrx_free_all(blocks: *const *mut c_void, count: usize) {
    for place in 0..count {
        // SAFETY: the caller's word.
        let block = unsafe { blocks.add(place).read() };
        crate::family::free(block, 0);
    }
}

/// Makes a live block of `size` bytes at `address`, a multiple of 16 outside this process's heap. Null if the place is taken.
#[unsafe(no_mangle)]
extern "C" fn mcrx_malloc_at(address: *mut c_void, size: usize) -> *mut c_void {
    crate::family::pointer(mcrx_allocator::malloc_at(address.addr() as u64, size as u64))
}

/// Ends the placing of start-up blocks that `MCRX_PLACEMENT` asked for.
#[unsafe(no_mangle)]
extern "C" fn mcrx_end_of_start_up() {
    mcrx_allocator::end_of_start_up();
}
