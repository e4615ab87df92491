//! Contains `unsafe`: a bin by its offset.
//!
//! A thread's heap: for each size class a bin, from which blocks are taken, and the queue of slabs behind it.
//!
//! A heap belongs to one thread at a time. When the thread ends, the heap is emptied as far as it goes and waits, with its
//! slabs, for the next thread; what is freed into it meanwhile is settled by whoever frees it, under the region's lock.
//! Heap 0 belongs to no thread ever: it owns the slabs whose owners vanished (see `orphan`).

use crate::abi::{CLASS_COUNT, Class, Descriptor, Kind};
use crate::mailbox::{Letter, Mailbox};
use crate::orphan;
use crate::parts;
use crate::region::Region;
use crate::remote::Remote;
use crate::runtime;
use crate::site_cache::SiteCache;
use crate::slab::{Slab, place};
use crate::span::{self, Locked};
use crate::sync::{AtomicU32, AtomicU64, Field, Ordering};

#[cfg(all(test, loom))]
mod loom_models;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod tests;

/// Empty slabs of one slice that a heap keeps for itself: 512 KiB.
const SPARES_MAX: u32 = 8;

/// Who has a heap.
pub(crate) mod tenure {
    /// Nobody; may be given to a thread.
    pub(crate) const IDLE: u32 = 0;
    /// A thread.
    pub(crate) const OWNED: u32 = 1;
}

/// One size class of a heap. All fields are the owner's.
#[repr(C)]
pub(crate) struct Bin {
    /// First of the blocks that `malloc` takes next, linked through the tags of `slab`; 0 for none.
    pub(crate) free: AtomicU32,
    /// Bytes per block.
    pub(crate) block_size: AtomicU32,
    /// Where the tag of block 0 of `slab` would lie, so that tag `i` is `8 * i` further.
    pub(crate) tags: AtomicU64,
    /// Where block 0 of `slab` would lie.
    pub(crate) blocks: AtomicU64,
    /// The current slab, by slice; 0 for none.
    pub(crate) slab: AtomicU32,
    reserved: AtomicU32,
}

/// The slabs of a class that have free blocks; 0 for none. The owner's.
#[repr(C)]
struct Queue {
    head: AtomicU32,
    tail: AtomicU32,
}

/// Bins of a heap: the classes, rounded up so that a masked index needs no check.
pub(crate) const BINS: usize = 128;
const _: () = assert!(CLASS_COUNT <= BINS);

/// A heap. All zero is a heap that was never used.
#[repr(C, align(128))]
pub(crate) struct Heap {
    pub(crate) bins: [Bin; BINS],
    queues: [Queue; CLASS_COUNT],
    pub(crate) sites: SiteCache,
    /// Base of its region.
    pub(crate) base: AtomicU64,
    pub(crate) index: AtomicU32,
    spares: AtomicU32,
    spare_count: AtomicU32,
    /// Any thread reads: the region's era when the heap was last taken. If it differs, the owner has vanished.
    pub(crate) era: AtomicU32,
    /// Any thread reads: see [`tenure`].
    pub(crate) tenure: AtomicU32,
    /// Any thread reads: the owner, and its process; a child's are the parent's until it is mended.
    pub(crate) thread: AtomicU32,
    pub(crate) process: AtomicU32,
    /// Address of the owner's thread-local word that holds this heap's address.
    pub(crate) slot: AtomicU64,
    /// Under the region's lock: the idle heap after this one, by index; 0 for none.
    pub(crate) next_idle: AtomicU32,
    /// Any thread: see [`Mailbox`].
    mailbox: Apart<AtomicU32>,
}

/// On a cache line of its own.
#[repr(C, align(128))]
struct Apart<T>(T);

fn letter(descriptor: &Descriptor) -> Letter<'_> {
    Letter { mailed: &descriptor.mailed, next: &descriptor.mail_next }
}

impl Heap {
    pub(crate) fn address(&self) -> u64 {
        core::ptr::from_ref(self).addr() as u64
    }

    #[inline(always)]
    pub(crate) fn region(&self) -> Region {
        // SAFETY: a heap lies in the region that it names (set before it is given out), and is used only while that is mapped.
        unsafe { Region::at(self.base.get()) }
    }

    pub(crate) fn bin(&self, class: usize) -> &Bin {
        &self.bins[class % BINS]
    }

    /// The bin that begins `offset` bytes into the bins.
    #[inline(always)]
    pub(crate) fn bin_at(&self, offset: u16) -> &Bin {
        debug_assert!(usize::from(offset) < size_of_val(&self.bins));
        let bins = core::ptr::from_ref(&self.bins).cast::<u8>();
        // SAFETY: callers take the offset from a table of multiples of a bin's size, below that of all bins.
        unsafe { &*bins.add(usize::from(offset)).cast::<Bin>() }
    }

    fn queue(&self, class: usize) -> &Queue {
        &self.queues[class % CLASS_COUNT]
    }

    fn slab(&self, slice: u32) -> Slab {
        Slab::at(self.region(), slice)
    }

    /// Finds free blocks for an empty bin. `false`: no memory.
    #[cold]
    pub(crate) fn refill(&self, class: Class) -> bool {
        runtime::mend_after_fork();
        let bin = self.bin(usize::from(class.0));
        let current = bin.slab.get();
        if current != 0 {
            let slab = self.slab(current);
            loop {
                if self.serve_from(bin, slab) {
                    return true;
                }
                if slab.mark_full() {
                    break;
                }
            }
            bin.slab.set(0);
        }
        if !Mailbox(&self.mailbox.0).is_empty() {
            self.read_mail();
        }
        loop {
            let slab = match self.pop(usize::from(class.0)) {
                Some(slab) => slab,
                None => match self.new_slab(class) {
                    Some(slab) => slab,
                    None => return false,
                },
            };
            slab.attach(&bin.free);
            bin.slab.set(slab.slice);
            if self.serve_from(bin, slab) {
                return true;
            }
            // Queued slabs have free blocks, and so do new ones; should one not, it is merely full.
            if slab.mark_full() {
                bin.slab.set(0);
            }
        }
    }

    fn serve_from(&self, bin: &Bin, slab: Slab) -> bool {
        let first = slab.collect();
        if first == 0 {
            return false;
        }
        let d = slab.descriptor;
        let start = slab.region.slice_address(slab.slice);
        bin.tags.set(start + u64::from(d.tags.get()) - 8);
        bin.blocks.set(start + u64::from(d.first.get()) - u64::from(d.block_size.get()));
        bin.block_size.set(d.block_size.get());
        bin.free.set(first);
        true
    }

    fn new_slab(&self, class: Class) -> Option<Slab> {
        let slices = class.slab_slices();
        let spare = self.spares.get();
        if slices == 1 && spare != 0 {
            let slab = self.slab(spare);
            self.spares.set(slab.descriptor.next.get());
            self.spare_count.set(self.spare_count.get() - 1);
            slab.set_up(class, self.address(), false);
            return Some(slab);
        }
        let region = self.region();
        let locked = span::lock(region);
        if let Some(slab) = orphan::adopt(&locked, class, self.address()) {
            return Some(slab);
        }
        let span = locked.take(slices, 1)?;
        drop(locked);
        let slab = self.slab(span.slice);
        slab.set_up(class, self.address(), span.zero);
        Some(slab)
    }

    /// Owner: `countdown` of a slab of this heap has run out.
    #[cold]
    pub(crate) fn attend(&self, slice: u32) {
        let slab = self.slab(slice);
        let d = slab.descriptor;
        match d.place.get() {
            place::FULL => self.readmit(slab),
            place::QUEUED => {
                let (bin, queue) = (self.bin(slab.class()), self.queue(slab.class()));
                // One empty slab is kept for the next allocation, lest a program that frees and allocates in turn
                // sends the slab back and forth.
                if bin.slab.get() != 0 || queue.head.get() != queue.tail.get() {
                    self.unqueue(slab);
                    self.retire(slab);
                }
            }
            place::CURRENT => slab.ignore_countdown(),
            _ => {}
        }
    }

    /// Puts a slab that was full where it belongs now.
    fn readmit(&self, slab: Slab) {
        let out = slab.gather();
        slab.descriptor.countdown.set(out);
        if out == 0 && self.queue(slab.class()).head.get() != 0 {
            return self.retire(slab);
        }
        self.push(slab);
    }

    /// Owner: gives up an empty slab that is in no queue.
    fn retire(&self, slab: Slab) {
        let d = slab.descriptor;
        let slices = slab.word().slices();
        if slices == 1 && self.spare_count.get() < SPARES_MAX {
            if d.parts.get() != 0 {
                parts::release(&span::lock(slab.region), slab.slice);
            }
            d.capacity.set(0);
            d.place.set(place::SPARE);
            d.next.set(self.spares.get());
            self.spares.set(slab.slice);
            return self.spare_count.set(self.spare_count.get() + 1);
        }
        span::lock(slab.region).give(slab.slice, slices);
    }

    fn push(&self, slab: Slab) {
        let d = slab.descriptor;
        let queue = self.queue(slab.class());
        d.place.set(place::QUEUED);
        d.next.set(0);
        d.previous.set(queue.tail.get());
        match queue.tail.get() {
            0 => queue.head.set(slab.slice),
            tail => self.slab(tail).descriptor.next.set(slab.slice),
        }
        queue.tail.set(slab.slice);
    }

    fn pop(&self, class: usize) -> Option<Slab> {
        let head = self.queue(class).head.get();
        if head == 0 {
            return None;
        }
        let slab = self.slab(head);
        self.unqueue(slab);
        Some(slab)
    }

    fn unqueue(&self, slab: Slab) {
        let d = slab.descriptor;
        let queue = self.queue(slab.class());
        let (next, previous) = (d.next.get(), d.previous.get());
        match previous {
            0 => queue.head.set(next),
            _ => self.slab(previous).descriptor.next.set(next),
        }
        match next {
            0 => queue.tail.set(previous),
            _ => self.slab(next).descriptor.previous.set(previous),
        }
    }

    /// Owner: looks at the slabs that others have posted.
    fn read_mail(&self) {
        let mut slice = Mailbox(&self.mailbox.0).take();
        while slice != 0 {
            let slab = self.slab(slice);
            slice = Mailbox::open(&letter(slab.descriptor));
            // A letter can be old: the slab may have been read, given back and taken anew since it was posted.
            if slab.word().kind() != Some(Kind::Slab) {
                continue;
            }
            let owner = slab.descriptor.owner.load(Ordering::Acquire);
            if owner == self.address() {
                if slab.descriptor.place.get() == place::FULL {
                    self.readmit(slab);
                }
            } else if owner != 0 && !Remote(&slab.descriptor.remote).is_empty() {
                // Its new owner may have missed a notice because of this one.
                notify(slab, owner);
            }
        }
    }

    /// Gives back what the heap holds beyond blocks in use, as far as it can: by the owner.
    pub(crate) fn trim(&self) {
        self.read_mail();
        for class in 1..CLASS_COUNT {
            self.empty_bin(self.bin(class));
        }
        let mut spare = self.spares.get();
        self.spares.set(0);
        self.spare_count.set(0);
        let locked = span::lock(self.region());
        while spare != 0 {
            let next = self.slab(spare).descriptor.next.get();
            locked.give(spare, 1);
            spare = next;
        }
        for class in 1..CLASS_COUNT {
            let mut slice = self.queue(class).head.get();
            while slice != 0 {
                let slab = self.slab(slice);
                slice = slab.descriptor.next.get();
                let out = slab.gather();
                slab.descriptor.countdown.set(out);
                if out == 0 {
                    self.unqueue(slab);
                    locked.give(slab.slice, slab.word().slices());
                }
            }
        }
    }

    /// Returns a bin's blocks to their slab, and the slab to the queue.
    pub(crate) fn empty_bin(&self, bin: &Bin) {
        let current = bin.slab.get();
        if current == 0 {
            return;
        }
        let slab = self.slab(current);
        slab.detach(bin.free.get());
        bin.free.set(0);
        bin.slab.set(0);
        self.push(slab);
    }

    /// The owner's last act: leaves the heap to the next thread.
    pub(crate) fn leave(&self) {
        self.trim();
        let region = self.region();
        let locked = span::lock(region);
        self.tenure.store(tenure::IDLE, Ordering::SeqCst);
        // From here on, posters settle their slabs themselves; what was posted before is settled here. Nothing falls between: both
        // sides swap the mailbox's word, and whoever is second sees what the first did before.
        self.settle_all(&locked);
        self.next_idle.set(region.header().idle_heaps.get());
        region.header().idle_heaps.set(self.index.get());
    }

    /// Under the lock, nobody has the heap: makes every slab call when its last block comes back.
    fn settle_all(&self, locked: &Locked<'_>) {
        self.settle_mail(locked);
        for class in 1..CLASS_COUNT {
            let mut slice = self.queue(class).head.get();
            while slice != 0 {
                let slab = self.slab(slice);
                slice = slab.descriptor.next.get();
                self.settle(locked, slab);
            }
        }
    }

    fn post(&self, slab: Slab) {
        let stamp = orphan::mail_stamp(slab.region);
        Mailbox(&self.mailbox.0).post(slab.slice, &letter(slab.descriptor), stamp);
    }

    /// Empties the mailbox: threads have vanished, so that what is in it may not be all that it should be.
    pub(crate) fn reset_mailbox(&self) {
        Mailbox(&self.mailbox.0).reset();
    }

    /// Posts a slab of this heap, if a notice of it is due that may have gone with threads that vanished.
    pub(crate) fn remind(&self, slab: Slab) {
        let d = slab.descriptor;
        if d.place.get() == place::FULL && Remote(&d.remote).has_reached_target() {
            self.post(slab);
        }
    }

    fn settle_mail(&self, locked: &Locked<'_>) {
        let mut slice = Mailbox(&self.mailbox.0).take();
        while slice != 0 {
            let slab = self.slab(slice);
            slice = Mailbox::open(&letter(slab.descriptor));
            let owner = slab.descriptor.owner.load(Ordering::Acquire);
            if slab.word().kind() == Some(Kind::Slab) && owner != 0 && !orphan::is_orphan(slab, owner) {
                orphan::heap_at(owner).hear_of(locked, slab);
            }
        }
    }

    /// Under the lock, so that the heap is neither left nor taken: a letter was opened of a slab of this heap, which may have come to it
    /// since the letter was posted, and of which a later one was not posted because of this.
    fn hear_of(&self, locked: &Locked<'_>, slab: Slab) {
        if self.tenure.load(Ordering::SeqCst) == tenure::IDLE {
            self.settle(locked, slab);
        } else if !Remote(&slab.descriptor.remote).is_empty() {
            self.post(slab);
        }
    }

    /// Under the lock, nobody has the heap: collects what others freed, gives the slab back if nothing is out, else arranges to be
    /// called when nothing is.
    pub(crate) fn settle(&self, locked: &Locked<'_>, slab: Slab) {
        let d = slab.descriptor;
        loop {
            let was = d.place.get();
            if was != place::FULL && was != place::QUEUED {
                return;
            }
            let out = slab.gather();
            d.countdown.set(out);
            if was == place::FULL {
                self.push(slab);
            }
            if out == 0 {
                self.unqueue(slab);
                return locked.give(slab.slice, slab.word().slices());
            }
            if Remote(&d.remote).arm(out) {
                return;
            }
        }
    }

    /// Puts an ownerless slab, with its lists in order, under heap 0.
    pub(crate) fn shelve(&self, slab: Slab) {
        self.push(slab);
    }

    /// Takes a slab of `class` off the shelf of heap 0.
    pub(crate) fn unshelve(&self, class: Class) -> Option<Slab> {
        self.pop(usize::from(class.0))
    }

    /// Forgets every list: the slabs are found by their descriptors.
    pub(crate) fn forget_lists(&self) {
        for bin in &self.bins {
            bin.free.set(0);
            bin.slab.set(0);
        }
        for queue in &self.queues {
            queue.head.set(0);
            queue.tail.set(0);
        }
        self.spares.set(0);
        self.spare_count.set(0);
        self.mailbox.0.set(0);
        self.sites.clear();
    }
}

/// A push by another thread has reached the target of a slab that belongs to the heap at `owner` (as read before the push: the
/// slab may have changed hands since).
#[cold]
pub(crate) fn notify(slab: Slab, owner: u64) {
    runtime::mend_after_fork();
    if orphan::is_orphan(slab, owner) {
        // Mended just now: the lists that the push was to be settled in are void.
        return;
    }
    let heap = orphan::heap_at(owner);
    loop {
        if heap.tenure.load(Ordering::SeqCst) == tenure::OWNED {
            heap.post(slab);
            if heap.tenure.load(Ordering::SeqCst) == tenure::IDLE {
                // The owner left between the two looks, and may have missed the letter.
                let locked = span::lock(slab.region);
                if heap.tenure.load(Ordering::SeqCst) == tenure::IDLE {
                    heap.settle_mail(&locked);
                }
            }
            return;
        }
        let locked = span::lock(slab.region);
        if heap.tenure.load(Ordering::SeqCst) == tenure::OWNED {
            continue;
        }
        if slab.word().kind() == Some(Kind::Slab) && slab.descriptor.owner.load(Ordering::Acquire) == owner {
            heap.settle(&locked, slab);
        }
        return orphan::release_if_empty(locked);
    }
}
