//! `libmcrx.so`: the tagged heap under the C names of the malloc family, and C++'s `operator new` and `delete`.
//!
//! Thin on purpose: argument checks and `errno` as glibc has them, nothing else. Entries that allocate are naked functions:
//! they pass the return address and the stack pointer of the call on, which name the site of the block.
//!
//! Contains `unsafe`.

#![cfg_attr(panic = "abort", no_std)]

mod entries;
mod family;
mod hooks;
mod info;
mod operators;
mod unload;
mod update;

/// A panic would be a bug of ours in the middle of somebody's server, and there is no way back across the C boundary.
#[cfg(panic = "abort")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: libc's abort takes no arguments and does not return.
    unsafe { libc::abort() }
}

// The precompiled `core` refers to it, but nothing calls it, since panics abort. Hidden: programs with Rust libraries in them have
// one of their own, whose place must not be taken.
#[cfg(panic = "abort")]
core::arch::global_asm!(
    ".hidden rust_eh_personality",
    ".weak rust_eh_personality",
    ".type rust_eh_personality, @function",
    "rust_eh_personality: ud2",
    ".size rust_eh_personality, 2",
);

// By name, so that the library says that it needs libc, and its references are bound to libc's symbol versions.
#[link(name = "c")]
unsafe extern "C" {}
