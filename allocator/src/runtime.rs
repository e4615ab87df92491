//! Contains `unsafe`: from the address of a region to the region, and what the process as a whole has: its home region, the
//! regions it took over, and the one-time start.

use crate::abi::{
    ARENA_BASE, ARENA_SLOTS, DATA_OFFSET, Descriptor, FIRST_SLICE, FRAMES_OFFSET, HEAPS_OFFSET,
    MODULES_OFFSET, REGION_SIZE, SITE_INDEX_LOG_MIN, SITE_INDEX_OFFSET, SITES_OFFSET, SLICE_BITS, SLICE_SIZE,
    is_region_base, region_of,
};
use crate::lock;
use crate::orphan;
use crate::place;
use crate::region::{Region, TABLE_STEP};
use crate::report::Message;
use crate::settings::SETTINGS;
use crate::sync::{AtomicU32, AtomicU64, Field, Ordering};
use crate::sys;
use crate::thread;

/// Base of the region that new blocks are made in; 0 before the first.
static HOME: AtomicU64 = AtomicU64::new(0);
/// Where the slices of the home region begin, and how many bytes of them are committed: what `free` may look at.
static HEAP_START: AtomicU64 = AtomicU64::new(0);
static HEAP_BYTES: AtomicU64 = AtomicU64::new(0);
/// What makes the address of a slice's descriptor of its own: see [`descriptor_address`].
static HEAP_BIAS: AtomicU64 = AtomicU64::new(0);
static START: AtomicU32 = AtomicU32::new(0);

/// Values of a region's fork word; the kernel makes it 0 in a child.
const SAME_PROCESS: u32 = 1;
const MENDING: u32 = 2;

/// Bytes of slice per byte of descriptor, as a power of two.
const DESCRIPTOR_SHIFT: u32 = SLICE_BITS - size_of::<Descriptor>().trailing_zeros();

/// The address of the descriptor of the slice that holds `address`, if that is a committed one of the home region.
#[inline(always)]
pub(crate) fn descriptor_address(address: u64) -> Option<u64> {
    let within = address.wrapping_sub(HEAP_START.get()) < HEAP_BYTES.get();
    let scaled = (address >> DESCRIPTOR_SHIFT) & !(size_of::<Descriptor>() as u64 - 1);
    within.then(|| scaled.wrapping_add(HEAP_BIAS.get()))
}

/// The committed part of `region` has grown.
pub(crate) fn note_growth(region: Region) {
    if HOME.get() == region.base() {
        HEAP_BYTES.set(u64::from(region.header().committed.get() - FIRST_SLICE) * SLICE_SIZE);
    }
}

fn settle_in(region: Region) {
    HOME.store(region.base(), Ordering::Release);
    let start = region.base() + DATA_OFFSET;
    HEAP_START.set(start);
    let first = core::ptr::from_ref(region.descriptor(FIRST_SLICE)).addr() as u64;
    HEAP_BIAS.set(first.wrapping_sub(start >> DESCRIPTOR_SHIFT));
    note_growth(region);
}

/// The home region, if there is one yet.
#[inline(always)]
pub(crate) fn home() -> Option<Region> {
    let base = HOME.load(Ordering::Acquire);
    // SAFETY: HOME is set to bases of regions made or taken over by this process; the home region is never unmapped.
    (base != 0).then(|| unsafe { Region::at(base) })
}

/// The home region, made if need be. `None`: no address space.
#[cold]
pub(crate) fn start() -> Option<Region> {
    let _guard = lock::lock(&START);
    if let Some(region) = home() {
        return Some(region);
    }
    read_environment();
    let wanted = SETTINGS.region.get();
    let region = match Region::create((wanted != 0).then_some(wanted), SETTINGS.epoch.get()) {
        Ok(region) => region,
        Err(error) => {
            let number = u64::try_from(error.0).unwrap_or(0);
            Message::new().text("no address space for a heap: errno ").decimal(number).send();
            return None;
        }
    };
    if wanted != 0 && region.base() != wanted {
        Message::new().text("MCRX_REGION is taken, heap lies at ").hex(region.base()).send();
    }
    orphan::set_up_shelf(region);
    watch_for_fork(region);
    settle_in(region);
    Some(region)
}

/// Asks the kernel to clear the fork word in children.
fn watch_for_fork(region: Region) {
    let word = region.fork_word();
    let page = core::ptr::from_ref(word).addr() as u64;
    // SAFETY: the page holds nothing but the fork word, which children are meant to find cleared. On kernels before 4.14
    // children go unnoticed: their other threads' memory stays in use.
    let _ = unsafe { sys::advise(page, 4096, libc::MADV_WIPEONFORK) };
    word.store(SAME_PROCESS, Ordering::Release);
}

/// To be called before any lock is taken: if this process is a child forked since the last call, the threads of the
/// parent that hold locks and heaps do not exist here.
#[inline]
pub(crate) fn mend_after_fork() {
    if let Some(region) = home()
        && region.fork_word().load(Ordering::Acquire) != SAME_PROCESS
    {
        mend(region, false);
    }
}

/// `alone`: the calling thread is known to be the only one.
#[cold]
fn mend(region: Region, alone: bool) {
    let word = region.fork_word();
    if word.compare_exchange(0, MENDING, Ordering::AcqRel, Ordering::Acquire).is_err() {
        while word.load(Ordering::Acquire) == MENDING {
            core::hint::spin_loop();
        }
        return;
    }
    // Every path to a lock leads through here first, so whoever holds one is a thread of the parent.
    lock::reset(&START);
    // A child made by a bare system call may have started threads before it came here. Then there is no telling whose heaps are
    // alive: all count as owned, and those of the parent's threads are lost to the child.
    let sure = alone || sys::is_alone();
    for region in regions() {
        lock::reset(&region.header().site_lock);
        if sure {
            let survivor = thread::current().filter(|heap| heap.base.get() == region.base());
            orphan::owners_vanished(region, survivor);
        } else {
            orphan::threads_vanished(region);
        }
    }
    if let Some(heap) = thread::current() {
        // The only thread of a process has its number. 0: not known, which `thread::reap` takes for alive.
        let process = sys::process_id();
        heap.thread.set(if sure { process } else { 0 });
        heap.process.set(process);
    }
    word.store(SAME_PROCESS, Ordering::Release);
}

unsafe extern "C" {
    /// What `pthread_atfork(3)` comes down to in glibc.
    fn __register_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
        dso: *mut core::ffi::c_void,
    ) -> i32;
}

/// Runs in the child of `fork(3)`, in its only thread.
unsafe extern "C" fn forked() {
    if let Some(region) = home()
        && region.fork_word().load(Ordering::Acquire) != SAME_PROCESS
    {
        mend(region, true);
    }
}

/// Has children of `fork(3)` mended at once. Allocates.
fn watch_for_forks_of_libc() {
    // SAFETY: `forked` takes nothing and stays loaded: a preloaded library is never unloaded.
    let _ = unsafe { __register_atfork(None, None, Some(forked), core::ptr::null_mut()) };
}

static WATCHING: AtomicU32 = AtomicU32::new(0);

/// What can only be done once the first thread has its heap.
pub(crate) fn after_first_heap() {
    if WATCHING.swap(1, Ordering::Relaxed) == 0 {
        watch_for_forks_of_libc();
    }
}

fn place_of(base: u64) -> u64 {
    1 << (base.wrapping_sub(ARENA_BASE) / REGION_SIZE % ARENA_SLOTS)
}

/// The home region and the others of the process.
pub(crate) fn regions() -> impl Iterator<Item = Region> {
    let others = home().map_or(0, |home| home.header().adopted.load(Ordering::Acquire));
    let base = |place: u64| ARENA_BASE + place * REGION_SIZE;
    // SAFETY: a bit is set as long as the region there is mapped (see `forget_region` for how it goes).
    let other = move |place| (others >> place & 1 == 1).then(|| unsafe { Region::at(base(place)) });
    home().into_iter().chain((0..ARENA_SLOTS).filter_map(other))
}

/// The region that holds `address`, if it is one of ours.
pub(crate) fn region_holding(address: u64) -> Option<Region> {
    let home = home()?;
    let base = region_of(address);
    if base == home.base() {
        return Some(home);
    }
    let known = is_region_base(base) && home.header().adopted.load(Ordering::Acquire) & place_of(base) != 0;
    // SAFETY: as in `regions`; the caller holds a block in it, or has made `address` up.
    known.then(|| unsafe { Region::at(base) })
}

/// Unmaps an empty, draining region.
pub(crate) fn forget_region(gone: Region) {
    let Some(home) = home() else { return };
    // The home region's lock keeps those out who look at regions in which they hold no block (`slow::totals`).
    let _guard = lock::lock(&home.header().lock);
    let bit = place_of(gone.base());
    if home.header().adopted.fetch_and(!bit, Ordering::AcqRel) & bit != 0 {
        // SAFETY: no block lives in it, so nobody has an address in it to free, and it is no longer among the regions.
        unsafe { gone.destroy() };
    }
}

/// Makes the region at `old`, of the version before, the home of this library, and lets its own start-up region drain.
/// See the C interface, `mcrx_adopt`.
///
/// # Safety
/// Every thread of the process but the caller is held outside the allocator, and `base` is a mapped region of this format.
pub(crate) unsafe fn adopt(base: u64) -> bool {
    let Some(home) = home() else { return false };
    // SAFETY: the caller's word.
    let Some(region) = (unsafe { other_region(home, base) }) else { return false };
    let header = region.header();
    if header.heaps.get() != 0 || header.draining.get() != 1 {
        return false;
    }
    if region.commit_table(HEAPS_OFFSET, TABLE_STEP).is_err() {
        return false;
    }
    if header.site_index_log.get() == 0 && header.sites.get() == 1 {
        let tables = [SITES_OFFSET, SITE_INDEX_OFFSET, FRAMES_OFFSET, MODULES_OFFSET];
        if tables.iter().any(|table| region.commit_table(*table, TABLE_STEP).is_err()) {
            return false;
        }
        header.site_index_log.set(SITE_INDEX_LOG_MIN);
    }
    orphan::set_up_shelf(region);
    orphan::owners_vanished(region, None);
    home.header().adopted.set(home.header().adopted.get() | place_of(base));
    orphan::rescue_all(region);
    true
}

/// The region at an address that is said to be one, if it is not the home region.
///
/// # Safety
/// A multiple of a region's size that is readable.
unsafe fn other_region(home: Region, base: u64) -> Option<Region> {
    if home.base() == base || !base.is_multiple_of(REGION_SIZE) || base == 0 {
        return None;
    }
    // SAFETY: the caller's word.
    let region = unsafe { Region::at(base) };
    let header = region.header();
    let is_one = header.magic.load(Ordering::Acquire) == crate::abi::MAGIC
        && header.version.get() == crate::abi::VERSION
        && header.base.get() == base;
    is_one.then_some(region)
}

/// See the C interface, `mcrx_take_over`.
///
/// # Safety
/// Every thread of the process but the caller is held outside the allocator, no thread of the version before will run
/// again, and `old` is a mapped region of this format.
pub(crate) unsafe fn take_over(old: u64) -> bool {
    let Some(young) = home() else { return false };
    // SAFETY: the caller's word.
    let Some(old) = (unsafe { other_region(young, old) }) else { return false };
    lock::reset(&old.header().site_lock);
    orphan::owners_vanished(old, None);
    thread::dismiss_all(young);
    orphan::owners_vanished(young, None);
    young.header().draining.set(1);
    watch_for_fork(old);
    old.header().epoch.set(young.header().epoch.get());
    place::forget_all(young);
    let others = young.header().adopted.get() | place_of(young.base());
    old.header().adopted.set((old.header().adopted.get() | others) & !place_of(old.base()));
    settle_in(old);
    orphan::rescue_all(young);
    true
}

unsafe extern "C" {
    /// Where the kernel put `argc` (exported by the dynamic loader as `GLIBC_2.1`): set before any other code runs, unlike
    /// `environ`, which the first calls of `malloc` come too early for.
    static __libc_stack_end: *const usize;
}

/// Longest value of the environment that is looked at.
const VARIABLE_MAX: usize = 4096;

fn read_environment() {
    // SAFETY: at process start the kernel lays out argc, argc pointers, a null, the environment's pointers, a null (System V
    // ABI); programs may overwrite the strings (setproctitle) but not before this runs, at the first allocation.
    unsafe {
        let stack = __libc_stack_end;
        if stack.is_null() {
            return;
        }
        let argc = *stack;
        let mut variable = stack.add(1 + argc + 1).cast::<*const u8>();
        while !(*variable).is_null() {
            let start = *variable;
            if *start == b'M' {
                let mut len = 0;
                while len < VARIABLE_MAX && *start.add(len) != 0 {
                    len += 1;
                }
                SETTINGS.read_or_report(core::slice::from_raw_parts(start, len));
            }
            variable = variable.add(1);
        }
    }
}
