//! Contains `unsafe`: `dlclose`, on whose way the allocator learns that code may have gone.
//!
//! Another library can be loaded at the same addresses next, and its calls must not count for the sites of the one before. (What
//! libc unloads by itself, modules for character sets and name services, does not come by here.)

use core::ffi::{c_int, c_void};

/// As libc's.
///
/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn dlclose(library: *mut c_void) -> c_int {
    // SAFETY: the name ends in NUL.
    let next = unsafe { libc::dlsym(libc::RTLD_NEXT, c"dlclose".as_ptr()) };
    // SAFETY: what libc has under this name is a function of this type; a null pointer is none.
    let next: Option<unsafe extern "C" fn(*mut c_void) -> c_int> = unsafe { core::mem::transmute(next) };
    // SAFETY: the caller's word.
    let outcome = next.map_or(-1, |next| unsafe { next(library) });
    mcrx_allocator::code_has_gone();
    outcome
}
