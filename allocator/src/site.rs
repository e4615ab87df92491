//! Contains `unsafe`: reading return addresses off the caller's stack.
//!
//! From a call to the site that it counts for: the call's return address, or, where a caller table says that it lies in a wrapper,
//! the stack of return addresses up to the first frame that is no wrapper.

use crate::abi::{FRAMES_MAX, SITES_MAX, SiteId, SiteRecord};
use crate::fast::Caller;
use crate::heap::Heap;
use crate::region::Region;
use crate::settings::SETTINGS;
use crate::site_cache::Known;
use crate::sync::{AtomicU32, Field, Ordering};
use crate::{abi, callers, hooks, lock, module, place, runtime};

/// Most frames of a site.
const DEPTH_MAX: usize = 16;
/// Bit of [`SiteRecord::flags`].
const PLACED: u32 = 1;

/// The answer for a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site {
    pub(crate) id: SiteId,
    /// Whether blocks of the site are looked up in the placement table.
    pub(crate) placed: bool,
}

/// Return addresses, innermost first.
struct Stack {
    addresses: [u64; DEPTH_MAX],
    depth: usize,
}

impl Stack {
    fn as_slice(&self) -> &[u64] {
        &self.addresses[..self.depth]
    }
}

#[inline]
fn unpack_bits(bits: u64) -> SiteId {
    abi::Tag(bits).site()
}

/// The site of a call.
#[inline]
pub(crate) fn of(heap: &Heap, caller: Caller) -> Site {
    if let Some(bits) = heap.sites.site(caller.address) {
        return Site { id: unpack_bits(bits), placed: false };
    }
    walk(heap, caller)
}

/// The site of a call, by its number in a region that is not the calling heap's. Takes longer.
pub(crate) fn in_region(region: Region, caller: Caller) -> SiteId {
    let mut caller = hooks::through(caller);
    let mut stack = Stack { addresses: [0; DEPTH_MAX], depth: 1 };
    stack.addresses[0] = caller.address;
    while stack.depth < DEPTH_MAX {
        let Some(above) = callers::wrapper_at(stack.addresses[stack.depth - 1]).map(u64::from) else { break };
        caller = above_wrapper(caller, above);
        stack.addresses[stack.depth] = caller.address;
        stack.depth += 1;
    }
    // A region that was laid out from outside has no room for sites until it is adopted.
    if region.header().site_index_log.get() == 0 {
        return SiteId(0);
    }
    intern(region, stack.as_slice()).id
}

/// The site of a call whose return address does not name it alone.
fn walk(heap: &Heap, caller: Caller) -> Site {
    let mut caller = hooks::through(caller);
    let mut stack = Stack { addresses: [0; DEPTH_MAX], depth: 1 };
    stack.addresses[0] = caller.address;
    let mut key = caller.address;
    loop {
        let innermost = stack.addresses[stack.depth - 1];
        let above = match heap.sites.find(key) {
            Some(Known::Site(bits)) => return Site { id: unpack_bits(bits), placed: false },
            Some(Known::Deeper(above)) => Some(above),
            None => callers::wrapper_at(innermost).map(u64::from).inspect(|above| {
                heap.sites.insert(key, Known::Deeper(*above));
            }),
        };
        match above {
            Some(above) if stack.depth < DEPTH_MAX => {
                caller = above_wrapper(caller, above);
                stack.addresses[stack.depth] = caller.address;
                stack.depth += 1;
                // The cache wants the top bit for itself.
                key = mix(key, caller.address) >> 1;
            }
            _ => break,
        }
    }
    let site = intern(heap.region(), stack.as_slice());
    if !site.placed {
        heap.sites.insert(key, Known::Site(abi::Tag::site_bits(site.id)));
    }
    site
}

/// Has every thread find out anew what site a return address means.
pub(crate) fn forget_addresses() {
    let Some(region) = runtime::home() else { return };
    // Beside their owners: all that an owner can lose is what it has just found out.
    for index in 1..region.header().heaps.load(Ordering::Acquire) {
        region.heap(index).sites.clear();
    }
}

/// Who called the wrapper that a call returns to, whose return address is `above` bytes above the stack pointer then.
fn above_wrapper(caller: Caller, above: u64) -> Caller {
    let at = caller.stack + above;
    hooks::through(Caller { address: return_address(at), stack: at + 8 })
}

fn return_address(at: u64) -> u64 {
    let pointer = core::ptr::with_exposed_provenance::<u64>(usize::try_from(at).unwrap_or(0));
    // SAFETY: a caller table, checked to be of this very module, says that the function that called us keeps its return address
    // there, inside its own live frame.
    unsafe { pointer.read() }
}

/// Multiplication by an odd constant (the golden ratio's), folded: enough for hash tables over addresses.
fn mix(hash: u64, value: u64) -> u64 {
    let product = (hash ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ (product >> 29)
}

/// The innermost return address of a site; 0 if the site is not known.
pub(crate) fn address(region: Region, site: SiteId) -> u64 {
    if site.0 >= region.header().sites.load(Ordering::Acquire) { 0 } else { region.site(site).address.get() }
}

/// The site of a stack of return addresses, made if it is new.
fn intern(region: Region, addresses: &[u64]) -> Site {
    let none = Site { id: SiteId(0), placed: false };
    if SETTINGS.sites.get() == 0 {
        return none;
    }
    let mut frames = [0; DEPTH_MAX];
    let depth = addresses.len().min(DEPTH_MAX);
    for (frame, address) in frames.iter_mut().zip(addresses) {
        *frame = module::frame_of(region, *address);
    }
    // Over frames, not addresses: after an update, a site of a file that stays is the site it was, and the address of one that
    // went can be other code.
    let hash = frames[..depth].iter().fold(0, |hash, frame| mix(hash, *frame));
    if let Some(site) = find(region, hash) {
        return site;
    }
    runtime::mend_after_fork();
    let _held = lock::lock(&region.header().site_lock);
    // Another thread may have made it meanwhile.
    find(region, hash).or_else(|| add(region, hash, addresses, &frames[..depth])).unwrap_or(none)
}

/// The buckets in which a hash may be found, in order.
fn buckets(region: Region, log: u32, hash: u64) -> impl Iterator<Item = &'static AtomicU32> {
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
    let start = hash as u32;
    (0..1 << log).map(move |probe| region.site_bucket(log, start.wrapping_add(probe) % (1 << log)))
}

/// Frames are not compared: with 64 bits of hash, two of a million sites share one with a chance of 2^-25.
fn find(region: Region, hash: u64) -> Option<Site> {
    let log = region.header().site_index_log.load(Ordering::Acquire);
    for bucket in buckets(region, log, hash) {
        let id = SiteId(bucket.load(Ordering::Acquire));
        if id.0 == 0 {
            return None;
        }
        let record = region.site(id);
        if record.hash.get() == hash {
            return Some(Site { id, placed: record.flags.get() & PLACED != 0 });
        }
    }
    None
}

/// The site lock is held.
fn add(region: Region, hash: u64, addresses: &[u64], frames: &[u64]) -> Option<Site> {
    let header = region.header();
    let (id, first) = (header.sites.get(), header.frames.get());
    let depth = u32::try_from(frames.len()).ok()?;
    if id >= SITES_MAX || first + depth > FRAMES_MAX {
        return None;
    }
    region.commit_entry(abi::SITES_OFFSET, size_of::<SiteRecord>() as u64, u64::from(id)).ok()?;
    for (index, frame) in (first..).zip(frames) {
        region.commit_entry(abi::FRAMES_OFFSET, size_of::<abi::Frame>() as u64, u64::from(index)).ok()?;
        region.frame(index).0.set(*frame);
        header.frames.set(index + 1);
    }
    let record = region.site(SiteId(id));
    record.hash.set(hash);
    record.frames.set(first);
    record.depth.set(depth);
    record.address.set(*addresses.first()?);
    let placed = place::wants(region, first, depth);
    record.flags.set(if placed { PLACED } else { 0 });
    header.sites.store(id + 1, Ordering::Release);
    index(region, header.site_index_log.get(), SiteId(id));
    if 2 * id >= 1 << header.site_index_log.get() {
        grow_index(region);
    }
    Some(Site { id: SiteId(id), placed })
}

/// Enters a site into the index of `2^log` buckets, which is never full.
fn index(region: Region, log: u32, id: SiteId) {
    let free = buckets(region, log, region.site(id).hash.get()).find(|bucket| bucket.get() == 0);
    if let Some(bucket) = free {
        bucket.store(id.0, Ordering::Release);
    }
}

/// Goes over to an index of twice the size, if there is memory for it. The old one stays: others may be in it.
fn grow_index(region: Region) {
    let header = region.header();
    let log = header.site_index_log.get() + 1;
    if region.commit_table(abi::site_index_offset(log), 4 << log).is_err() {
        return;
    }
    for id in 1..header.sites.get() {
        index(region, log, SiteId(id));
    }
    header.site_index_log.store(log, Ordering::Release);
}
