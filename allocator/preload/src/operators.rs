//! Contains `unsafe`: C++'s `operator new`.
//!
//! Exported here because libstdc++'s own would make every C++ block's site one and the same. On failure they do what the standard
//! says: call the new-handler until there is none, then throw `std::bad_alloc` (or return null). Handler and exception are
//! libstdc++'s, found by weak reference: a C program has neither, and never calls these.

use crate::family::{caller, pointer};
use core::arch::global_asm;
use core::ffi::c_void;

global_asm!(
    ".weak _ZSt15get_new_handlerv",
    ".weak _ZSt17__throw_bad_allocv",
    ".hidden mcrx_get_new_handler",
    ".globl mcrx_get_new_handler",
    ".type mcrx_get_new_handler, @function",
    "mcrx_get_new_handler:",
    "mov rax, qword ptr [rip + _ZSt15get_new_handlerv@GOTPCREL]",
    "test rax, rax",
    "jz 2f",
    "jmp rax",
    "2: ret",
    ".size mcrx_get_new_handler, . - mcrx_get_new_handler",
    ".hidden mcrx_throw_bad_alloc",
    ".globl mcrx_throw_bad_alloc",
    ".type mcrx_throw_bad_alloc, @function",
    "mcrx_throw_bad_alloc:",
    "mov rax, qword ptr [rip + _ZSt17__throw_bad_allocv@GOTPCREL]",
    "test rax, rax",
    "jz 3f",
    "jmp rax",
    "3: jmp abort@PLT",
    ".size mcrx_throw_bad_alloc, . - mcrx_throw_bad_alloc",
);

unsafe extern "C-unwind" {
    /// The current new-handler, or null.
    fn mcrx_get_new_handler() -> Option<unsafe extern "C-unwind" fn()>;
    /// Throws `std::bad_alloc`; ends the process where there is no libstdc++.
    fn mcrx_throw_bad_alloc() -> !;
}

/// Allocates, asking the new-handler for memory as often as it takes; null once there is no handler.
fn with_handler(allocate: impl Fn() -> u64) -> *mut c_void {
    loop {
        let block = allocate();
        if block != 0 {
            return pointer(block);
        }
        // SAFETY: libstdc++'s accessor takes nothing; a handler either makes memory available, throws or ends the program.
        match unsafe { mcrx_get_new_handler() } {
            Some(handler) => unsafe { handler() },
            None => return core::ptr::null_mut(),
        }
    }
}

fn or_throw(block: *mut c_void) -> *mut c_void {
    if block.is_null() {
        // SAFETY: throws through this frame, which is "C-unwind" and owns nothing.
        unsafe { mcrx_throw_bad_alloc() };
    }
    block
}

/// `operator new(size_t)`, `operator new[](size_t)`.
pub(crate) extern "C-unwind" fn new(size: usize, address: usize, stack: usize) -> *mut c_void {
    if let Some(block) = mcrx_allocator::malloc_fast(size as u64, caller(address, stack)) {
        return pointer(block);
    }
    or_throw(with_handler(|| mcrx_allocator::malloc(size as u64, caller(address, stack))))
}

/// The nothrow forms.
pub(crate) extern "C-unwind" fn new_nothrow(
    size: usize,
    _nothrow: *const c_void,
    address: usize,
    stack: usize,
) -> *mut c_void {
    with_handler(|| mcrx_allocator::malloc(size as u64, caller(address, stack)))
}

/// The aligned forms.
pub(crate) extern "C-unwind" fn new_aligned(
    size: usize,
    align: usize,
    address: usize,
    stack: usize,
) -> *mut c_void {
    or_throw(with_handler(|| mcrx_allocator::memalign(align as u64, size as u64, caller(address, stack))))
}

/// The aligned nothrow forms.
pub(crate) extern "C-unwind" fn new_aligned_nothrow(
    size: usize,
    align: usize,
    _nothrow: *const c_void,
    address: usize,
    stack: usize,
) -> *mut c_void {
    with_handler(|| mcrx_allocator::memalign(align as u64, size as u64, caller(address, stack)))
}
