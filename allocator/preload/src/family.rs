//! Contains `unsafe`: the malloc family as glibc has it, each with the caller's return address and stack pointer behind its own
//! arguments.

use core::ffi::c_void;
use mcrx_allocator::Caller;

const PAGE: usize = 4096;
/// No object may be larger: pointer differences must fit `ptrdiff_t`.
const SIZE_MAX: usize = isize::MAX.unsigned_abs();

pub(crate) fn set_errno(number: i32) {
    // SAFETY: glibc's accessor of the calling thread's errno.
    unsafe { *libc::__errno_location() = number };
}

/// The pointer of an address; null, with `errno` set, for 0.
#[inline(always)]
pub(crate) fn answer(address: u64) -> *mut c_void {
    if address == 0 {
        return out_of_memory();
    }
    pointer(address)
}

#[inline(always)]
pub(crate) fn pointer(address: u64) -> *mut c_void {
    core::ptr::with_exposed_provenance_mut(usize::try_from(address).unwrap_or(0))
}

#[cold]
fn out_of_memory() -> *mut c_void {
    set_errno(libc::ENOMEM);
    core::ptr::null_mut()
}

#[inline(always)]
pub(crate) fn caller(address: usize, stack: usize) -> Caller {
    Caller { address: address as u64, stack: stack as u64 }
}

/// `malloc(3)`.
pub(crate) extern "C" fn malloc(size: usize, address: usize, stack: usize) -> *mut c_void {
    match mcrx_allocator::malloc_fast(size as u64, caller(address, stack)) {
        Some(block) => pointer(block),
        None => malloc_slow(size, address, stack),
    }
}

#[cold]
#[inline(never)]
extern "C" fn malloc_slow(size: usize, address: usize, stack: usize) -> *mut c_void {
    answer(mcrx_allocator::malloc(size as u64, caller(address, stack)))
}

/// `calloc(3)`.
pub(crate) extern "C" fn calloc(count: usize, size: usize, address: usize, stack: usize) -> *mut c_void {
    let Some(bytes) = count.checked_mul(size) else { return out_of_memory() };
    match mcrx_allocator::calloc_fast(bytes as u64, caller(address, stack)) {
        Some(block) => pointer(block),
        None => calloc_slow(bytes, address, stack),
    }
}

#[cold]
#[inline(never)]
extern "C" fn calloc_slow(bytes: usize, address: usize, stack: usize) -> *mut c_void {
    answer(mcrx_allocator::calloc(bytes as u64, caller(address, stack)))
}

/// `realloc(3)`; to size 0 it frees, as glibc's does.
pub(crate) extern "C" fn realloc(old: *mut c_void, size: usize, address: usize, stack: usize) -> *mut c_void {
    if old.is_null() {
        // Some programs (Lua) have no other malloc.
        return malloc(size, address, stack);
    }
    let block = old.addr() as u64;
    if size == 0 {
        mcrx_allocator::free(block, address as u64);
        return core::ptr::null_mut();
    }
    if mcrx_allocator::realloc_in_place(block, size as u64, caller(address, stack)) {
        return old;
    }
    realloc_slow(block, size, address, stack)
}

#[inline(never)]
extern "C" fn realloc_slow(block: u64, size: usize, address: usize, stack: usize) -> *mut c_void {
    answer(mcrx_allocator::realloc(block, size as u64, caller(address, stack)).unwrap_or(0))
}

/// `reallocarray(3)`.
pub(crate) extern "C" fn reallocarray(
    old: *mut c_void,
    count: usize,
    size: usize,
    address: usize,
    stack: usize,
) -> *mut c_void {
    match count.checked_mul(size) {
        Some(bytes) => realloc(old, bytes, address, stack),
        None => out_of_memory(),
    }
}

/// `free(3)` and all that mean the same. Keeps `errno`.
pub(crate) extern "C" fn free(block: *mut c_void, address: usize) {
    mcrx_allocator::free(block.addr() as u64, address as u64);
}

fn aligned(align: usize, size: usize, caller: Caller) -> u64 {
    if size > SIZE_MAX - align {
        return 0;
    }
    mcrx_allocator::memalign(align as u64, size as u64, caller)
}

/// `posix_memalign(3)`: the error is the result, and on failure `*result` stays.
pub(crate) unsafe extern "C" fn posix_memalign(
    result: *mut *mut c_void,
    align: usize,
    size: usize,
    address: usize,
    stack: usize,
) -> i32 {
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<*mut c_void>()) {
        return libc::EINVAL;
    }
    let block = aligned(align, size, caller(address, stack));
    if block == 0 {
        // Not asked for by POSIX, but glibc's does, and its callers look.
        set_errno(libc::ENOMEM);
        return libc::ENOMEM;
    }
    // SAFETY: POSIX requires `result` to be valid for writing.
    unsafe { result.write(pointer(block)) };
    0
}

/// `aligned_alloc(3)`.
pub(crate) extern "C" fn aligned_alloc(
    align: usize,
    size: usize,
    address: usize,
    stack: usize,
) -> *mut c_void {
    if !align.is_power_of_two() {
        set_errno(libc::EINVAL);
        return core::ptr::null_mut();
    }
    answer(aligned(align, size, caller(address, stack)))
}

/// `memalign(3)`: glibc rounds an alignment that is no power of two up to one.
pub(crate) extern "C" fn memalign(align: usize, size: usize, address: usize, stack: usize) -> *mut c_void {
    match align.checked_next_power_of_two() {
        Some(align) => answer(aligned(align, size, caller(address, stack))),
        None => {
            set_errno(libc::EINVAL);
            core::ptr::null_mut()
        }
    }
}

/// `valloc(3)`.
pub(crate) extern "C" fn valloc(size: usize, address: usize, stack: usize) -> *mut c_void {
    answer(aligned(PAGE, size, caller(address, stack)))
}

/// `pvalloc(3)`.
pub(crate) extern "C" fn pvalloc(size: usize, address: usize, stack: usize) -> *mut c_void {
    match size.checked_next_multiple_of(PAGE) {
        Some(pages) => answer(aligned(PAGE, pages, caller(address, stack))),
        None => out_of_memory(),
    }
}

/// `malloc_usable_size(3)`.
#[unsafe(no_mangle)]
extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    if block.is_null() {
        return 0;
    }
    usize::try_from(mcrx_allocator::usable_size(block.addr() as u64)).unwrap_or(0)
}

/// `malloc_trim(3)`: 1, since there is no telling whether pages went back.
#[unsafe(no_mangle)]
extern "C" fn malloc_trim(_pad: usize) -> i32 {
    mcrx_allocator::trim();
    1
}

/// `mallopt(3)`: glibc's knobs have nothing to turn here; it is no error to try.
#[unsafe(no_mangle)]
extern "C" fn mallopt(_parameter: i32, _value: i32) -> i32 {
    1
}
