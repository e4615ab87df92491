//! Contains `unsafe`: one function that hands its contract on.
//!
//! The tagged heap of mcrx: a `malloc` in which every live block of a process can be read from outside, at any instant, with its
//! exact size, the site that made it and its identity, at the price of a fast `malloc` without all that.
//!
//! Two audiences:
//! - [`abi`] describes a heap in memory to whoever can read the process; with the feature `reader`, `reader` does it.
//! - the entry points ([`malloc`], [`free`] and so on) are what the preloaded library exports under their C names. They are
//!   here so that everything but the C boundary can be tested as a library.
//!
//! # How it is built
//! Slabs of one block size, a heap per thread, lock-free frees from other threads: the family of mimalloc (Leijen, Zorn,
//! de Moura, *Mimalloc: Free List Sharding in Action*, 2019) and snmalloc (Liétar et al., *snmalloc: A Message Passing
//! Allocator*, 2019). What differs: free lists run through the tags that are kept anyway, not through the blocks, so that tagging
//! costs no cache line more than it saves, and nothing a program writes to its blocks can corrupt a list; and every list can be made
//! anew from tags and descriptors, which is how a forked child or the next release of a program takes a heap over whose
//! threads are gone.
//!
//! # What it does not do
//! It never logs, never calls `malloc`, takes no lock of libc's, keeps `errno` in `free`, has no thread of its own. It knows
//! nothing of debug info, rules or sockets.

#![cfg_attr(not(any(test, feature = "reader", loom)), no_std)]

pub mod abi;
#[cfg(feature = "reader")]
pub mod reader;

mod lock;
mod mailbox;
mod remote;
mod sync;

mod bytes;
mod callers;
mod fast;
mod heap;
mod hooks;
mod large;
mod module;
mod orphan;
mod parts;
mod place;
mod region;
mod report;
mod runtime;
mod settings;
mod site;
mod site_cache;
mod slab;
mod slow;
mod span;
mod sys;
mod thread;

pub use fast::{Caller, calloc_fast, free, malloc_fast, realloc_in_place, usable_size};
pub use hooks::hook_program;
pub use parts::part_made;
pub use slow::{Totals, calloc, malloc, memalign, realloc, totals, trim};

/// Ends the placing of start-up blocks.
pub fn end_of_start_up() {
    place::end_of_start_up();
}

/// Makes a live block of `size` bytes at `address` (0 if it cannot be).
#[must_use]
pub fn malloc_at(address: u64, size: u64) -> u64 {
    place::make_at(address, size, 0).unwrap_or(0)
}

/// A library has been unloaded: what is known of return addresses may be wrong for whatever is loaded in its place.
pub fn code_has_gone() {
    callers::look_again();
    site::forget_addresses();
}

/// Makes a region of this process's heap that was laid out by somebody else; see the C interface.
///
/// # Safety
/// Every other thread of the process is held outside the allocator, and `base` is the base of a mapped region.
#[must_use]
pub unsafe fn adopt(base: u64) -> bool {
    // SAFETY: the caller's word.
    unsafe { runtime::adopt(base) }
}

/// Takes over the heap of the version before; see the C interface.
///
/// # Safety
/// Every other thread of the process is held outside the allocator, no thread of the version before will run again, and `old`
/// is the base of a mapped region.
#[must_use]
pub unsafe fn take_over(old: u64) -> bool {
    // SAFETY: the caller's word.
    unsafe { runtime::take_over(old) }
}
