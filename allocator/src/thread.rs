//! Contains `unsafe`: which heap is the calling thread's.
//!
//! A thread-local word in true initial-exec storage: Rust's own `thread_local!` in a shared library goes through
//! `__tls_get_addr`, which may itself allocate. The library is loaded at start, so static TLS space is there.

use crate::heap::{Heap, tenure};
use crate::orphan;
use crate::region::Region;
use crate::runtime;
use crate::span;
use crate::sync::{AtomicU32, AtomicU64, Field, Ordering};
use crate::sys;
use core::arch::{asm, global_asm};

global_asm!(
    ".section .tbss.mcrx_heap, \"awT\", @nobits",
    ".hidden MCRX_HEAP",
    ".type MCRX_HEAP, @object",
    ".size MCRX_HEAP, 8",
    ".globl MCRX_HEAP",
    ".p2align 3",
    "MCRX_HEAP:",
    ".zero 8",
    ".text",
);

/// Fewest threads that get a heap between two searches for heaps of dead threads; also a quarter of the heaps there are, so that the
/// searches of a program that starts very many threads cost a constant for each.
const REAP_MIN: u32 = 4;
/// Threads that got a heap since the last search.
static SINCE_REAP: AtomicU32 = AtomicU32::new(0);

/// Address of the calling thread's heap; 0 if it has none.
#[inline(always)]
pub(crate) fn heap_address() -> u64 {
    let heap: u64;
    // SAFETY: reads one word of the calling thread's own static TLS block.
    unsafe {
        asm!(
            "mov {heap}, qword ptr [rip + MCRX_HEAP@GOTTPOFF]",
            "mov {heap}, qword ptr fs:[{heap}]",
            heap = out(reg) heap,
            options(nostack, readonly, preserves_flags),
        );
    }
    heap
}

/// Where the calling thread keeps the address of its heap.
fn slot() -> &'static AtomicU64 {
    let slot: usize;
    // SAFETY: fs:0 holds the thread pointer (System V TLS ABI); the word lies at a fixed offset from it. The reference is used
    // only while the thread exists: by itself, or by a take-over while it is held.
    unsafe {
        asm!(
            "mov {slot}, qword ptr fs:[0]",
            "add {slot}, qword ptr [rip + MCRX_HEAP@GOTTPOFF]",
            slot = out(reg) slot,
            options(nostack, readonly),
        );
        &*core::ptr::with_exposed_provenance::<AtomicU64>(slot)
    }
}

/// The calling thread's heap.
#[inline(always)]
pub(crate) fn current() -> Option<&'static Heap> {
    let address = heap_address();
    (address != 0).then(|| orphan::heap_at(address))
}

/// The `pthread` key whose destructor runs at the end of a thread; one more than the key, 0 for none.
static KEY: AtomicU32 = AtomicU32::new(0);

/// Gives the calling thread a heap of `region`: an idle one, a dead thread's, or a new one.
#[cold]
pub(crate) fn acquire(region: Region) -> Option<&'static Heap> {
    let since = SINCE_REAP.fetch_add(1, Ordering::Relaxed);
    if since >= (region.header().heaps.get() / 4).max(REAP_MIN) && region.header().idle_heaps.get() == 0 {
        SINCE_REAP.set(0);
        reap(region);
    }
    let heap = claim(region)?;
    let slot = slot();
    heap.slot.set(core::ptr::from_ref(slot).addr() as u64);
    slot.set(heap.address());
    // After the slot is set: these may allocate.
    runtime::after_first_heap();
    arrange_farewell(heap);
    Some(heap)
}

/// Finds a heap that nobody has.
pub(crate) fn claim(region: Region) -> Option<&'static Heap> {
    let locked = span::lock(region);
    if region.header().idle_heaps.get() == 0 {
        orphan::search_for_heaps(&locked);
    }
    take_idle(region).or_else(|| make(region))
}

fn take_idle(region: Region) -> Option<&'static Heap> {
    let header = region.header();
    let index = header.idle_heaps.get();
    if index == 0 {
        return None;
    }
    let heap = region.heap(index);
    header.idle_heaps.set(heap.next_idle.get());
    heap.thread.set(sys::thread_id());
    heap.process.set(sys::process_id());
    heap.tenure.store(tenure::OWNED, Ordering::SeqCst);
    Some(heap)
}

fn make(region: Region) -> Option<&'static Heap> {
    let header = region.header();
    // Index 0 is the shelf, made with the region.
    let index = header.heaps.get().max(1);
    if index >= crate::abi::HEAPS_MAX {
        return None;
    }
    region.commit_entry(crate::abi::HEAPS_OFFSET, crate::abi::HEAP_STRIDE, u64::from(index)).ok()?;
    let heap = region.heap(index);
    heap.base.set(region.base());
    heap.index.set(index);
    heap.era.set(header.era.get());
    heap.thread.set(sys::thread_id());
    heap.process.set(sys::process_id());
    heap.tenure.store(tenure::OWNED, Ordering::SeqCst);
    header.heaps.set(index + 1);
    Some(heap)
}

/// Takes heaps back from threads that ended without saying so (their last allocation came after the last destructor). Called now and
/// then, not for every new thread.
pub(crate) fn reap(region: Region) {
    let process = sys::process_id();
    for index in 1..region.header().heaps.get() {
        let heap = region.heap(index);
        let owned = heap.tenure.load(Ordering::SeqCst) == tenure::OWNED;
        let ours = heap.process.get() == process && heap.era.get() == region.header().era.get();
        if owned && ours && !sys::thread_exists(heap.thread.get()) {
            // One reaper only.
            let thread = heap.thread.get();
            if heap.thread.compare_exchange(thread, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                heap.leave();
            }
        }
    }
}

unsafe extern "C" {
    fn pthread_key_create(
        key: *mut libc::pthread_key_t,
        destructor: Option<unsafe extern "C" fn(*mut libc::c_void)>,
    ) -> i32;
    fn pthread_setspecific(key: libc::pthread_key_t, value: *const libc::c_void) -> i32;
}

fn arrange_farewell(heap: &'static Heap) {
    if KEY.get() == 0 {
        let mut key: libc::pthread_key_t = 0;
        // SAFETY: `key` is valid for writing; glibc keeps keys in static storage, so this works before any constructor.
        if unsafe { pthread_key_create(&raw mut key, Some(farewell)) } != 0 {
            return;
        }
        // A thread that made a key at the same time leaves one unused.
        let _ = KEY.compare_exchange(0, key + 1, Ordering::AcqRel, Ordering::Acquire);
    }
    // SAFETY: the key exists; the value is only ever compared with null.
    unsafe { pthread_setspecific(KEY.get() - 1, core::ptr::from_ref(heap).cast()) };
}

/// Runs among the destructors of a thread's data. Those that come later and allocate get another heap, and this runs again.
unsafe extern "C" fn farewell(_heap: *mut libc::c_void) {
    runtime::mend_after_fork();
    if let Some(heap) = current() {
        slot().set(0);
        heap.leave();
    }
}

/// Takes every heap of `region` from its thread, while all threads are held: their next allocation gets them another.
pub(crate) fn dismiss_all(region: Region) {
    for index in 1..region.header().heaps.get() {
        let heap = region.heap(index);
        // Of a thread that ended unseen, the word may be gone, or somebody else's.
        if sys::read_own(heap.slot.get()) == Some(heap.address()) {
            let slot = usize::try_from(heap.slot.get()).unwrap_or(0);
            // SAFETY: the word is mapped and holds what only a thread's slot for this heap holds; no other thread runs.
            let slot = unsafe { &*core::ptr::with_exposed_provenance::<AtomicU64>(slot) };
            slot.set(0);
        }
        heap.forget_lists();
    }
}
