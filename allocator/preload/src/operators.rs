//! Contains `unsafe`: C++'s `operator new`.
//!
//! Exported here because libstdc++'s own would make every C++ block's site one and the same. Only success is handled here. On failure
//! the entry goes on, as if it had never been there, in the operator that it stands in front of (libstdc++'s or libc++'s): that
//! one tries `malloc` again, asks the new-handler, and throws. So no frame of ours is ever on the stack when something is thrown.

use crate::family::{caller, pointer};
use core::arch::global_asm;
use core::ffi::{c_char, c_void};

// In: the operator's name in rax, its arguments in rdi, rsi and rdx, the stack as at its entry.
global_asm!(
    ".hidden mcrx_next_operator_new",
    ".globl mcrx_next_operator_new",
    ".type mcrx_next_operator_new, @function",
    "mcrx_next_operator_new:",
    ".cfi_startproc",
    "push rdx",
    ".cfi_adjust_cfa_offset 8",
    "push rsi",
    ".cfi_adjust_cfa_offset 8",
    "push rdi",
    ".cfi_adjust_cfa_offset 8",
    "mov rdi, rax",
    "call {find}",
    "pop rdi",
    ".cfi_adjust_cfa_offset -8",
    "pop rsi",
    ".cfi_adjust_cfa_offset -8",
    "pop rdx",
    ".cfi_adjust_cfa_offset -8",
    "jmp rax",
    ".cfi_endproc",
    ".size mcrx_next_operator_new, . - mcrx_next_operator_new",
    find = sym find_next,
);

/// The definition of an operator after ours. Ends the process if there is none: then nobody can throw.
extern "C" fn find_next(name: *const c_char) -> *mut c_void {
    // SAFETY: the entries pass names that end in NUL.
    let next = unsafe { libc::dlsym(libc::RTLD_NEXT, name) };
    if next.is_null() {
        // SAFETY: libc's abort takes no arguments and does not return.
        unsafe { libc::abort() };
    }
    next
}

/// `operator new(size_t)`, `operator new[](size_t)`; null on failure, as all of these.
pub(crate) extern "C" fn new(size: usize, address: usize, stack: usize) -> *mut c_void {
    let caller = caller(address, stack);
    match mcrx_allocator::malloc_fast(size as u64, caller) {
        Some(block) => pointer(block),
        None => pointer(mcrx_allocator::malloc(size as u64, caller)),
    }
}

/// The nothrow forms.
pub(crate) extern "C" fn new_nothrow(
    size: usize,
    _: *const c_void,
    address: usize,
    stack: usize,
) -> *mut c_void {
    new(size, address, stack)
}

/// The aligned forms.
pub(crate) extern "C" fn new_aligned(size: usize, align: usize, address: usize, stack: usize) -> *mut c_void {
    pointer(mcrx_allocator::memalign(align as u64, size as u64, caller(address, stack)))
}

/// The aligned nothrow forms.
pub(crate) extern "C" fn new_aligned_nothrow(
    size: usize,
    align: usize,
    _: *const c_void,
    address: usize,
    stack: usize,
) -> *mut c_void {
    new_aligned(size, align, address, stack)
}
