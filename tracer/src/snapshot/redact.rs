//! What of a process's memory may be seen by others: words that point into a mapping, and the allocator's tables.
//!
//! All else becomes zeros. A word is 8 bytes at an address that is a multiple of 8; pointers are stored so by everything that a compiler
//! makes but packed structs. Of registers, those that say where a thread is stay, and those that hold pointers.

use super::WriteError;
use super::description::Contents;
use crate::image::{Image, Memory, Process, Registers, Thread};
use mcrx_allocator::abi::{
    CLASS_COUNT, Class, DATA_OFFSET, DESCRIPTORS_OFFSET, Descriptor, FIRST_SLICE, Header, Kind, SLICE_SIZE,
    SLICES, Tag, VERSION, Word,
};
use std::mem::offset_of;
use std::ops::Range;
use std::sync::Arc;

/// What is to be kept of an image.
pub(super) struct Redaction {
    /// Of each process: where pointers may point.
    targets: Vec<Arc<Ranges>>,
    /// Of each content.
    views: Vec<View>,
}

/// What the processes that have a content make of it.
#[derive(Default)]
struct View {
    /// Ranges of its bytes that are kept as they are.
    tables: Ranges,
    /// Where its words may point.
    targets: Vec<Arc<Ranges>>,
    /// Address of its first byte, modulo 8.
    misaligned: u64,
}

impl Redaction {
    pub(super) fn of(image: &Image, contents: &Contents<'_>) -> Result<Redaction, WriteError> {
        let targets: Vec<Arc<Ranges>> =
            image.processes.iter().map(|process| Arc::new(targets(process))).collect();
        let mut views: Vec<View> = contents.all.iter().map(|_| View::default()).collect();
        for (process, targets) in image.processes.iter().zip(&targets) {
            let tables = tables(process)?;
            for segment in process.memory.segments() {
                let number = usize::try_from(contents.number(segment.content())).unwrap_or(usize::MAX);
                let Some(view) = views.get_mut(number) else { continue };
                let range = segment.range();
                let first = range.start.wrapping_sub(segment.offset());
                view.misaligned = first % 8;
                if !view.targets.iter().any(|known| Arc::ptr_eq(known, targets)) {
                    view.targets.push(Arc::clone(targets));
                }
                let within = tables.overlapping(&range);
                view.tables.ranges.extend(within.map(|table| {
                    let start = table.start.max(range.start) - range.start;
                    let end = table.end.min(range.end) - range.start;
                    start + segment.offset()..end + segment.offset()
                }));
            }
        }
        views.iter_mut().for_each(|view| view.tables.settle());
        Ok(Redaction { targets, views })
    }

    /// What is kept of a content's bytes, from `start` on.
    pub(super) fn redacted(&self, content: usize, start: u64, bytes: &[u8]) -> Vec<u8> {
        let mut kept = vec![0; bytes.len()];
        let Some(view) = self.views.get(content) else { return kept };
        let mut keep = |range: Range<usize>| {
            if let (Some(to), Some(from)) = (kept.get_mut(range.clone()), bytes.get(range)) {
                to.copy_from_slice(from);
            }
        };
        let first = usize::try_from((8 - (start + view.misaligned) % 8) % 8).unwrap_or(0);
        for (number, word) in bytes.get(first..).unwrap_or(&[]).chunks_exact(8).enumerate() {
            let value = word.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
            if value != 0 && view.targets.iter().any(|targets| targets.reached_by(value)) {
                keep(first + number * 8..first + number * 8 + 8);
            }
        }
        let end = start + u64::try_from(bytes.len()).unwrap_or(0);
        for table in view.tables.overlapping(&(start..end)) {
            let from = usize::try_from(table.start.max(start) - start).unwrap_or(usize::MAX);
            let to = usize::try_from(table.end.min(end) - start).unwrap_or(usize::MAX);
            keep(from..to);
        }
        kept
    }

    /// What is kept of the threads of a process, by the process's place in the image.
    pub(super) fn threads(&self, process: usize, threads: &[Thread]) -> Vec<Thread> {
        let Some(targets) = self.targets.get(process) else { return Vec::new() };
        let redacted =
            |thread: &Thread| Thread { registers: registers(targets, thread.registers), ..thread.clone() };
        threads.iter().map(redacted).collect()
    }
}

fn registers(targets: &Ranges, all: Registers) -> Registers {
    let kept = |value: u64| if targets.reached_by(value) { value } else { 0 };
    Registers {
        r15: kept(all.r15),
        r14: kept(all.r14),
        r13: kept(all.r13),
        r12: kept(all.r12),
        rbp: kept(all.rbp),
        rbx: kept(all.rbx),
        r11: kept(all.r11),
        r10: kept(all.r10),
        r9: kept(all.r9),
        r8: kept(all.r8),
        rax: kept(all.rax),
        rcx: kept(all.rcx),
        rdx: kept(all.rdx),
        rsi: kept(all.rsi),
        rdi: kept(all.rdi),
        ..all
    }
}

/// Where a pointer of a process may point: what it may read or run. One past the end is where a loop's pointer stops.
fn targets(process: &Process) -> Ranges {
    let accessible = |permissions: crate::image::Permissions| permissions.read || permissions.execute;
    let mappings = process.mappings.iter().filter(|mapping| accessible(mapping.permissions));
    let mut targets = Ranges { ranges: mappings.map(|mapping| mapping.range.clone()).collect() };
    targets.settle();
    targets
}

/// Where the allocator's tables are in a process: those at the beginning of each region, those of parts, and the tags in its slabs.
fn tables(process: &Process) -> Result<Ranges, WriteError> {
    let mut tables = Ranges::default();
    for base in process.regions() {
        let fault = |at| WriteError::Tables { pid: process.pid, base: base.0, at };
        let memory = &process.memory;
        let version = half_word(memory, base.0 + wide(offset_of!(Header, version)));
        let high = half_word(memory, base.0 + wide(offset_of!(Header, high)));
        let high = high.filter(|high| version == Some(VERSION) && (FIRST_SLICE..=SLICES).contains(high));
        let high = high.ok_or_else(|| fault(base.0))?;
        tables.ranges.push(base.0..base.0 + DATA_OFFSET);
        let mut slice = FIRST_SLICE;
        while slice < high {
            let descriptor = base.0 + DESCRIPTORS_OFFSET + u64::from(slice) * wide(size_of::<Descriptor>());
            let word = memory.word(descriptor + wide(offset_of!(Descriptor, word))).map(Word);
            let slices = word.map(Word::slices).filter(|slices| (1..=high - slice).contains(slices));
            let (Some(word), Some(slices)) = (word, slices) else { return Err(fault(descriptor)) };
            if word.kind() == Some(Kind::Tables) {
                let first = base.0 + u64::from(slice) * SLICE_SIZE;
                tables.ranges.push(first..first + u64::from(slices) * SLICE_SIZE);
            }
            if word.kind() == Some(Kind::Slab) {
                let class = word.class();
                let capacity = half_word(memory, descriptor + wide(offset_of!(Descriptor, capacity)));
                let (true, Some(capacity)) = (class > 0 && usize::from(class) < CLASS_COUNT, capacity) else {
                    return Err(fault(descriptor));
                };
                let shape = Class(class).slab_shape(slice);
                let first = base.0 + u64::from(slice) * SLICE_SIZE + u64::from(shape.tags);
                let tags = u64::from(capacity.min(shape.limit)) * wide(size_of::<Tag>());
                tables.ranges.push(first..first + tags);
            }
            slice += slices;
        }
    }
    tables.settle();
    Ok(tables)
}

fn half_word(memory: &Memory, address: u64) -> Option<u32> {
    memory.bytes(address, 4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// Ranges of numbers; settled ones are sorted, and none touch.
#[derive(Debug, Default)]
struct Ranges {
    ranges: Vec<Range<u64>>,
}

impl Ranges {
    fn settle(&mut self) {
        self.ranges.sort_by_key(|range| range.start);
        self.ranges.dedup_by(|after, before| {
            let touch = after.start <= before.end;
            if touch {
                before.end = before.end.max(after.end);
            }
            touch
        });
    }

    /// A number is in one, or right behind it.
    #[inline]
    fn reached_by(&self, number: u64) -> bool {
        let before = self.ranges.partition_point(|range| range.start <= number);
        before.checked_sub(1).and_then(|last| self.ranges.get(last)).is_some_and(|range| number <= range.end)
    }

    /// Those that have numbers in common with a range.
    fn overlapping(&self, range: &Range<u64>) -> impl Iterator<Item = &Range<u64>> {
        let first = self.ranges.partition_point(|other| other.end <= range.start);
        let end = range.end;
        self.ranges.iter().skip(first).take_while(move |other| other.start < end)
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
