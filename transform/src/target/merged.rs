//! The offline target: one process out of two.
//!
//! ```text
//!   of the new process   program, libraries, threads and their stacks, its region of the heap, all else that it has mapped
//!   of the old one       its regions of the heap, memory that it has mapped for itself or shares with others: where they were
//! ```
//!
//! The old program, its libraries and its stacks are not in it. Neither are guard pages, the kernel's own pages, and the old brk heap if
//! something of the new process lies there.
//!
//! Nothing is copied but pages that are written to: all others are those of the two images.
//!
//! What it does not do: know what any of it means. The new process's allocator does not know of the other regions: this is an image to be
//! looked at, not one to be run.

use super::{OfflineRoom, Target, Unwritable};
use mcrx_allocator::abi::{ARENA_BASE, ARENA_SLOTS, REGION_SIZE};
use mcrx_tracer::image::{
    Content, Mapping, MappingKind, Memory, Overlap, Patched, Process, Segment, Unreadable,
};
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Where regions of the heap lie.
const ARENA: Range<u64> = ARENA_BASE..ARENA_BASE + ARENA_SLOTS * REGION_SIZE;

/// An image in the making.
#[derive(Debug)]
pub struct Merged {
    /// Without memory.
    process: Process,
    /// As it was in the two processes.
    memory: Memory,
    /// Segments of it that were written to, by where they begin.
    patched: FxHashMap<u64, Patched>,
    /// Where something was last written to: addresses of one segment that may be written, and where that begins. Writes come in the order
    /// of addresses, mostly.
    recent: (Range<u64>, u64),
}

/// Something that a process has mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// For people: `libc.so.6`.
    pub name: String,
    /// Its addresses.
    pub range: Range<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} at {:#x}-{:#x}", self.name, self.range.start, self.range.end)
    }
}

/// Why two processes do not fit into one.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Both have a region of the heap in one place.
    #[error(
        "both releases have a heap at {base:#x}: start the new release with another MCRX_EPOCH than the old one's, for example {free}"
    )]
    SameRegion {
        /// Where.
        base: u64,
        /// An epoch whose place is free.
        free: u64,
    },
    /// Each has something else at one address.
    #[error(
        "the old release has {old}, and the new one {new}: start the new release again, so that it comes to lie elsewhere"
    )]
    Collision {
        /// Of the old process.
        old: Place,
        /// Of the new one.
        new: Place,
    },
    /// An image whose segments overlap.
    #[error(transparent)]
    Overlap(#[from] Overlap),
    /// No more regions of the heap, or no address space in this process.
    #[error("there is no room for new blocks: {0}")]
    NoRoom(#[from] io::Error),
}

impl Merged {
    /// The new process, with what stays of the old one. It keeps the old one's id, parent and name.
    ///
    /// # Errors
    /// They do not fit into one.
    pub fn of(now: &Process, new: &Process) -> Result<Merged, MergeError> {
        if let Some(base) = now.regions().into_iter().find(|base| new.regions().contains(base)) {
            let free = free_slot(&[now, new]).unwrap_or(0);
            return Err(MergeError::SameRegion { base: base.0, free });
        }
        let mut mappings = new.mappings.clone();
        let mut segments = new.memory.segments().to_vec();
        for mapping in now.mappings.iter().filter(|mapping| stays(now, mapping)) {
            if let Some(taken) = taken(new, &mapping.range) {
                if mapping.kind == MappingKind::Heap {
                    continue;
                }
                let old = Place { name: name(now, mapping), range: mapping.range.clone() };
                return Err(MergeError::Collision { old, new: taken });
            }
            mappings.push(mapping.clone());
        }
        mappings.sort_by_key(|mapping| mapping.range.start);
        segments.extend(now.memory.segments().iter().flat_map(|segment| kept(segment, &mappings, new)));
        let mut threads = new.threads.clone();
        if let Some(first) = threads.first_mut() {
            first.tid = now.pid;
        }
        let process = Process {
            pid: now.pid,
            parent: now.parent,
            name: now.name.clone(),
            executable: new.executable.clone(),
            modules: new.modules.clone(),
            mappings,
            threads,
            memory: Memory::default(),
        };
        let (memory, patched) = (Memory::new(segments)?, FxHashMap::default());
        Ok(Merged { process, memory, patched, recent: (0..0, 0) })
    }

    /// Room for blocks, in a region that neither process has. What is allocated is part of the image from [`add`](Merged::add) on.
    ///
    /// # Errors
    /// They have all regions.
    pub fn room(&self) -> Result<OfflineRoom, MergeError> {
        let slot = free_slot(&[&self.process]);
        let full = || io::Error::other("all places for regions of the heap are taken");
        Ok(OfflineRoom::new(slot.ok_or_else(full)?))
    }

    /// Adds all blocks that a room has given, so that they can be written to. It is done once, when no more will be given.
    ///
    /// # Errors
    /// There is no address space for them in this process, or the place is taken.
    pub fn add(&mut self, room: &OfflineRoom) -> Result<(), MergeError> {
        let region = room.region()?;
        let mut segments = self.memory.segments().to_vec();
        segments.extend(region.iter().map(|(_, segment)| segment.clone()));
        self.memory = Memory::new(segments)?;
        self.process.mappings.extend(region.into_iter().map(|(mapping, _)| mapping));
        self.process.mappings.sort_by_key(|mapping| mapping.range.start);
        Ok(())
    }

    /// Copies bytes as they are now.
    ///
    /// # Errors
    /// The image does not have them all.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        self.memory.read(address, into)?;
        let end = address.saturating_add(wide(into.len()));
        for (segment, range) in self.pieces(address..end) {
            let start = segment.range().start;
            let Some(patched) = self.patched.get(&start) else { continue };
            let part = into.get_mut(narrow(range.start - address)..narrow(range.end - address));
            if let Some(part) = part {
                patched.overlay(range.start - start, part);
            }
        }
        Ok(())
    }

    /// The image, with all that was written.
    #[must_use]
    pub fn finish(self) -> Process {
        let Merged { mut process, memory, mut patched, .. } = self;
        let segments = memory.segments().iter().map(|segment| {
            let start = segment.range().start;
            match patched.remove(&start) {
                Some(patched) => Segment::whole(start, Arc::new(Content::from(patched))),
                None => segment.clone(),
            }
        });
        // They overlap as little as before.
        process.memory = Memory::new(segments).unwrap_or_default();
        process
    }

    /// The segments that have bytes of a range, each with its part of it.
    fn pieces(&self, range: Range<u64>) -> Vec<(Segment, Range<u64>)> {
        let mut pieces = Vec::new();
        let mut at = range.start;
        while at < range.end
            && let Some(segment) = self.memory.segment_at(at)
        {
            let end = segment.range().end.min(range.end);
            pieces.push((segment.clone(), at..end));
            at = end;
        }
        pieces
    }

    /// The addresses around one that may be written. Nothing, if it may not.
    fn writable(&self, address: u64) -> Range<u64> {
        let mapping = self.process.mapping_at(address).filter(|mapping| mapping.permissions.write);
        mapping.map_or(0..0, |mapping| mapping.range.clone())
    }
}

impl Target for Merged {
    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Unwritable> {
        let unwritable = Unwritable { address };
        let Some(last) = wide(bytes.len()).checked_sub(1) else { return Ok(()) };
        let last = address.checked_add(last).ok_or_else(|| unwritable.clone())?;
        let (recent, start) = &self.recent;
        if recent.contains(&address)
            && recent.contains(&last)
            && let Some(patched) = self.patched.get_mut(start)
        {
            return patched.write(address - start, bytes).ok_or(unwritable);
        }
        let writable = self.writable(address);
        if writable.is_empty() || self.writable(last).is_empty() {
            return Err(unwritable);
        }
        if let Some(segment) = self.memory.segment_at(address)
            && last < segment.range().end
        {
            let range = segment.range();
            self.recent = (writable.start.max(range.start)..writable.end.min(range.end), range.start);
            return write_to(&mut self.patched, segment, address, bytes).ok_or(unwritable);
        }
        let mut before = vec![0; bytes.len()];
        self.read(address, &mut before).map_err(|_| unwritable.clone())?;
        let pieces = self.pieces(address..last + 1);
        let part = |range: &Range<u64>| narrow(range.start - address)..narrow(range.end - address);
        for (number, (segment, range)) in pieces.iter().enumerate() {
            let new = bytes.get(part(range)).unwrap_or(&[]);
            if write_to(&mut self.patched, segment, range.start, new).is_some() {
                continue;
            }
            // All of them or none.
            for (segment, range) in pieces.iter().take(number) {
                let old = before.get(part(range)).unwrap_or(&[]);
                write_to(&mut self.patched, segment, range.start, old).ok_or_else(|| unwritable.clone())?;
            }
            return Err(unwritable);
        }
        Ok(())
    }
}

/// Writes to one segment. `None`: what was there cannot be read, or there is no address space.
fn write_to(patched: &mut FxHashMap<u64, Patched>, segment: &Segment, at: u64, bytes: &[u8]) -> Option<()> {
    let start = segment.range().start;
    let patched = match patched.entry(start) {
        Entry::Occupied(found) => found.into_mut(),
        Entry::Vacant(none) => none.insert(Patched::of(segment).ok()?),
    };
    patched.write(at - start, bytes)
}

/// Whether the new image has what the old process has mapped, where it was.
fn stays(now: &Process, mapping: &Mapping) -> bool {
    if ARENA.contains(&mapping.range.start) {
        return true;
    }
    let permissions = mapping.permissions;
    let is_used = permissions.read || permissions.write || permissions.execute;
    let holds_stack = || now.threads.iter().any(|thread| mapping.range.contains(&thread.registers.rsp));
    match mapping.kind {
        MappingKind::Vdso | MappingKind::Vvar | MappingKind::Vsyscall | MappingKind::Stack => false,
        MappingKind::Anonymous { .. }
        | MappingKind::Heap
        | MappingKind::File { .. }
        | MappingKind::Shared { .. } => {
            is_used && now.module_at(mapping.range.start).is_none() && !holds_stack()
        }
    }
}

/// What a process has in a range.
fn taken(process: &Process, range: &Range<u64>) -> Option<Place> {
    let overlaps = |other: &Range<u64>| other.start < range.end && range.start < other.end;
    // What a module leaves open between its parts is its own all the same.
    let module = process.modules.iter().find(|module| overlaps(&module.range));
    if let Some(module) = module {
        let name = module.path.file_name().unwrap_or(module.path.as_os_str()).to_string_lossy().into_owned();
        return Some(Place { name, range: module.range.clone() });
    }
    let mapping = process.mappings.iter().find(|mapping| overlaps(&mapping.range))?;
    Some(Place { name: name(process, mapping), range: mapping.range.clone() })
}

/// What a mapping is, for people.
fn name(process: &Process, mapping: &Mapping) -> String {
    if ARENA.contains(&mapping.range.start) {
        return "its heap".to_owned();
    }
    if let Some(module) = process.module_at(mapping.range.start) {
        return module.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    }
    match &mapping.kind {
        MappingKind::Anonymous { name: Some(name) } => format!("memory \"{name}\""),
        MappingKind::Anonymous { name: None } => "anonymous memory".to_owned(),
        MappingKind::Heap => "its brk heap".to_owned(),
        MappingKind::Stack => "its stack".to_owned(),
        MappingKind::File { path, .. } => path.display().to_string(),
        MappingKind::Shared { path, .. } => format!("shared memory {}", path.display()),
        MappingKind::Vdso | MappingKind::Vvar | MappingKind::Vsyscall => "pages of the kernel".to_owned(),
    }
}

/// The parts of an old segment that lie in mappings which are not the new process's: those that have stayed.
fn kept(segment: &Segment, mappings: &[Mapping], new: &Process) -> Vec<Segment> {
    let range = segment.range();
    let first = mappings.partition_point(|mapping| mapping.range.end <= range.start);
    let touching = mappings.get(first..).unwrap_or(&[]).iter();
    let touching = touching.take_while(|mapping| mapping.range.start < range.end);
    let stayed = touching.filter(|mapping| new.mapping_at(mapping.range.start).is_none());
    let mut parts: Vec<Range<u64>> = Vec::new();
    for mapping in stayed {
        let (start, end) = (mapping.range.start.max(range.start), mapping.range.end.min(range.end));
        match parts.last_mut() {
            // A block may lie across two mappings: what was side by side stays so.
            Some(last) if last.end == start => last.end = end,
            _ => parts.push(start..end),
        }
    }
    let part = |part: Range<u64>| {
        let offset = segment.offset() + (part.start - range.start);
        Segment::part(part, Arc::clone(segment.content()), offset)
    };
    parts.into_iter().map(part).collect()
}

/// The first place for a region of the heap behind all that are taken; if there is none, any that is free.
fn free_slot(processes: &[&Process]) -> Option<u64> {
    let mappings = processes.iter().flat_map(|process| &process.mappings);
    let slot = |address: u64| address.saturating_sub(ARENA.start) / REGION_SIZE;
    let in_arena =
        mappings.filter(|mapping| mapping.range.start < ARENA.end && mapping.range.end > ARENA.start);
    let taken: Vec<Range<u64>> =
        in_arena.map(|mapping| slot(mapping.range.start)..slot(mapping.range.end - 1) + 1).collect();
    let behind = taken.iter().map(|slots| slots.end).max().unwrap_or(0);
    let mut slots = (behind..ARENA_SLOTS).chain(0..behind.min(ARENA_SLOTS));
    slots.find(|slot| !taken.iter().any(|taken| taken.contains(slot)))
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn narrow(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::Room as _;
    use super::*;
    use mcrx_allocator::abi::MAGIC;
    use mcrx_tracer::image::{Fake, FileContent, Identity, Module, Permissions, Registers, Thread};
    use std::time::SystemTime;

    const OLD_PROGRAM: u64 = 0x10_0000;
    const NEW_PROGRAM: u64 = 0x20_0000;
    const OLD_STACK: u64 = 0x30_0000;
    const NEW_STACK: u64 = 0x40_0000;
    const AREA: u64 = 0x50_0000;
    const BRK: u64 = 0x60_0000;
    const OLD_HEAP: u64 = ARENA_BASE;
    const NEW_HEAP: u64 = ARENA_BASE + REGION_SIZE;

    fn content(byte: u8, len: usize) -> Arc<Content> {
        Arc::new(Content::from(mcrx_tracer::image::Buffer::from(vec![byte; len])))
    }

    /// A process with a program, a stack, and a heap.
    fn process(program: u64, stack: u64, heap: u64, byte: u8) -> Fake {
        let module = Module {
            path: "/some/server".into(),
            build_id: None,
            bias: program,
            range: program..program + 0x2000,
            tls: None,
        };
        let registers = Registers { rsp: stack + 8, ..Registers::default() };
        let thread = Thread { tid: 7, name: String::new(), registers, blocked_in: None };
        Fake::new()
            .module(module)
            .thread(thread)
            .bytes(program, [byte; 0x2000])
            .bytes(stack, [byte; 0x1000])
            .words(heap, &[MAGIC, u64::from(byte)])
    }

    fn old() -> Fake {
        let brk = Segment::whole(BRK, content(3, 0x1000));
        process(OLD_PROGRAM, OLD_STACK, OLD_HEAP, 1).bytes(AREA, [1; 0x1000]).mapped(MappingKind::Heap, brk)
    }

    fn new() -> Fake {
        process(NEW_PROGRAM, NEW_STACK, NEW_HEAP, 2)
    }

    fn byte(merged: &Merged, address: u64) -> Option<u8> {
        let mut byte = [0];
        merged.read(address, &mut byte).ok().map(|()| byte[0])
    }

    #[test]
    fn the_new_process_is_there_with_the_old_ones_heap_and_own_memory_and_without_its_program_and_stack() {
        let (mut now, new) = (old().process(), new().process());
        (now.pid, now.parent, now.name) = (4711, 1, "nginx: worker".to_owned());
        let merged = Merged::of(&now, &new).unwrap();
        let at = |address| byte(&merged, address);
        assert_eq!([NEW_PROGRAM, NEW_STACK].map(at), [Some(2), Some(2)]);
        assert_eq!([AREA, BRK, OLD_HEAP + 8, NEW_HEAP + 8].map(at), [Some(1), Some(3), Some(1), Some(2)]);
        assert_eq!([OLD_PROGRAM, OLD_STACK].map(at), [None, None]);
        let process = merged.finish();
        assert_eq!((process.pid, process.parent, &*process.name), (4711, 1, "nginx: worker"));
        assert_eq!((process.threads[0].tid, process.threads[0].registers.rsp), (4711, NEW_STACK + 8));
        assert_eq!(process.modules, new.modules);
        assert!(process.mappings.is_sorted_by_key(|mapping| mapping.range.start));
        assert_eq!(process.mappings.len(), 6);
    }

    #[test]
    fn what_lies_in_one_place_is_named_on_both_sides() {
        let clash = new().bytes(AREA + 0xF00, [9; 0x200]).process();
        let message = Merged::of(&old().process(), &clash).unwrap_err().to_string();
        assert!(message.contains("anonymous memory at 0x500000-0x501000"), "{message}");
        assert!(message.contains("at 0x500f00-0x501100"), "{message}");
        assert!(message.contains("start the new release again"), "{message}");
        let inside = process(AREA - 0x1000, NEW_STACK, NEW_HEAP, 2).process();
        let message = Merged::of(&old().process(), &inside).unwrap_err().to_string();
        assert!(message.contains("the new one server at"), "{message}");
    }

    #[test]
    fn two_heaps_in_one_place_ask_for_another_epoch() {
        let same = process(NEW_PROGRAM, NEW_STACK, OLD_HEAP, 2).process();
        let message = Merged::of(&old().process(), &same).unwrap_err().to_string();
        assert!(message.contains("another MCRX_EPOCH") && message.contains("for example 1"), "{message}");
    }

    #[test]
    fn a_program_in_the_old_ones_place_and_a_brk_heap_in_the_way_are_no_collision() {
        let new = process(OLD_PROGRAM, OLD_STACK, NEW_HEAP, 2).bytes(BRK, [9; 0x1000]).process();
        let merged = Merged::of(&old().process(), &new).unwrap();
        assert_eq!((byte(&merged, OLD_PROGRAM), byte(&merged, BRK)), (Some(2), Some(9)));
    }

    #[test]
    fn writing_changes_the_new_image_and_neither_of_the_two() {
        let (now, new) = (old().process(), new().process());
        let mut merged = Merged::of(&now, &new).unwrap();
        merged.write(AREA + 0xFFE, &[5, 6]).unwrap();
        merged.write(NEW_PROGRAM, &[7]).unwrap();
        assert_eq!(
            [AREA + 0xFFD, AREA + 0xFFE, NEW_PROGRAM].map(|at| byte(&merged, at)),
            [Some(1), Some(5), Some(7)]
        );
        let process = merged.finish();
        assert_eq!(process.memory.bytes(AREA + 0xFFD, 3), Some(&[1, 5, 6][..]));
        assert_eq!(process.memory.bytes(NEW_PROGRAM, 2), Some(&[7, 2][..]));
        assert_eq!(now.memory.bytes(AREA + 0xFFD, 3), Some(&[1, 1, 1][..]));
        assert_eq!(new.memory.bytes(NEW_PROGRAM, 2), Some(&[2, 2][..]));
        let segment = |process: &Process, at| Arc::clone(process.memory.segment_at(at).unwrap().content());
        assert!(
            Arc::ptr_eq(&segment(&process, BRK), &segment(&now, BRK)),
            "what was not written to is shared"
        );
    }

    #[test]
    fn what_cannot_be_written_in_whole_is_not_written_at_all() {
        let missing = FileContent::named(
            "/nowhere/at/all".into(),
            Identity { size: 0x1000, modified: SystemTime::UNIX_EPOCH, build_id: None },
        );
        let file = Segment::whole(AREA + 0x1000, Arc::new(Content::File(missing)));
        let mut now = old().mapped(MappingKind::Anonymous { name: None }, file).process();
        let read_only = now.mappings.iter_mut().find(|mapping| mapping.range.start == BRK).unwrap();
        read_only.permissions = Permissions::READ;
        let mut merged = Merged::of(&now, &new().process()).unwrap();
        for address in [AREA + 0xFFF, OLD_PROGRAM, BRK, u64::MAX, AREA + 0x1FFF] {
            assert_eq!(merged.write(address, &[5, 5]), Err(Unwritable { address }));
        }
        assert_eq!(byte(&merged, AREA + 0xFFF), Some(1));
        assert_eq!(merged.write(OLD_PROGRAM, &[]), Ok(()));
    }

    #[test]
    fn bytes_across_two_pieces_of_memory_are_written_to_both() {
        let now = old().bytes(AREA + 0x1000, [4; 0x1000]).process();
        let mut merged = Merged::of(&now, &new().process()).unwrap();
        merged.write(AREA + 0xFFE, &[5, 6, 7, 8]).unwrap();
        let mut bytes = [0; 6];
        merged.read(AREA + 0xFFD, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 5, 6, 7, 8, 4]);
        let mut bytes = [0; 6];
        merged.finish().memory.read(AREA + 0xFFD, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 5, 6, 7, 8, 4]);
    }

    #[test]
    fn new_blocks_lie_in_a_region_that_nobody_has_and_can_be_written_to_once_they_are_added() {
        let mut merged = Merged::of(&old().process(), &new().process()).unwrap();
        let room = merged.room().unwrap();
        let (small, large) = (room.block(100).unwrap(), room.block(1 << 20).unwrap());
        assert_eq!([small, large].map(|block| block / REGION_SIZE), [ARENA_BASE / REGION_SIZE + 2; 2]);
        assert!(merged.write(small, &[1]).is_err());
        merged.add(&room).unwrap();
        merged.write(small, &[1; 100]).unwrap();
        merged.write(large + 0xF_FFFF, &[1]).unwrap();
        let process = merged.finish();
        assert_eq!(process.memory.bytes(small, 100), Some(&[1; 100][..]));
        assert_eq!(process.memory.bytes(large, 3), Some(&[0; 3][..]));
        assert!(process.regions().iter().any(|base| base.0 == ARENA_BASE + 2 * REGION_SIZE));
    }
}
