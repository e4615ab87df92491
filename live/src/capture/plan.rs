//! How the bytes of a process's mappings come into an image.
//!
//! Mappings that are copied and touch each other are one *area*, with one buffer: the kernel may show a heap as several mappings, and
//! an object may lie across the seam.

use super::copy::{CALL, Job};
use super::files::{FileBytes, mapped_file};
use super::shared::Contents;
use super::{CaptureError, Common};
use crate::process::maps::{self, Mapping};
use crate::process::memory::ProcessMemory;
use crate::process::pages::{Pages, Which};
use mcrx_tracer::image::{Buffer, Content, Memory, Segment};
use nix::unistd::Pid;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

/// The text of a process's list of mappings.
pub(super) fn list(thread: Pid) -> io::Result<Vec<u8>> {
    crate::process::read(format!("/proc/{thread}/maps"))
}

/// What is to be done for one process.
pub(super) struct Plan {
    /// The list that it was made for.
    list: Vec<u8>,
    mappings: Vec<Mapping>,
    /// One for each mapping.
    sources: Vec<Source>,
    /// By address.
    areas: Vec<Area>,
    /// What could not be copied, by address.
    left_out: Vec<Range<u64>>,
}

/// Where the bytes of a mapping come from.
#[derive(Debug, Clone)]
enum Source {
    /// It is not in the image: nobody can read it.
    Nowhere,
    /// From an area. These of its pages are copied.
    Area(Copied),
    /// From the file, all of it.
    File(Arc<Content>),
    /// From what it shares with others.
    Shared,
}

#[derive(Debug, Clone)]
enum Copied {
    /// Those that were touched; the others are zeros.
    Touched,
    /// Those that are the process's own; the others are as the file says.
    Own(Arc<Content>),
    /// All.
    All,
}

/// Addresses that are copied.
#[derive(Debug)]
pub(super) struct Area {
    range: Range<u64>,
    /// Which mappings it is made of: their ranges, and where in which file they begin.
    made_of: Vec<(Range<u64>, u64, u64)>,
    buffer: Buffer,
    /// What is to be copied: pieces of no more than a call takes, in order.
    wanted: Vec<Range<u64>>,
}

/// Why there is no plan.
#[derive(Debug)]
pub(super) enum PlanError {
    Unreadable(io::Error),
    NoRoom(io::Error),
}

impl PlanError {
    pub(super) fn of(self, process: Pid) -> CaptureError {
        match self {
            PlanError::Unreadable(source) => CaptureError::of(process, source),
            PlanError::NoRoom(source) => CaptureError::NoRoom { process, source },
        }
    }
}

impl Plan {
    /// For a list of mappings. Areas of an older plan that are still as they were are taken over.
    pub(super) fn new(
        thread: Pid,
        list: Vec<u8>,
        common: &mut Common,
        pages: &mut Pages,
        older: Vec<Area>,
    ) -> Result<Plan, PlanError> {
        let mappings = maps::parse(&list);
        let mut sources = Vec::with_capacity(mappings.len());
        for mapping in &mappings {
            let source = source(thread, mapping, common, pages).map_err(PlanError::Unreadable)?;
            if matches!(source, Source::Shared) {
                common.shared.add(thread, mapping);
            }
            sources.push(source);
        }
        let mut plan = Plan { list, mappings, sources, areas: Vec::new(), left_out: Vec::new() };
        plan.make_areas(thread, older).map_err(PlanError::NoRoom)?;
        Ok(plan)
    }

    fn make_areas(&mut self, thread: Pid, older: Vec<Area>) -> io::Result<()> {
        let mut older: Vec<Option<Area>> = older.into_iter().map(Some).collect();
        let copied = self.mappings.iter().zip(&self.sources);
        let copied: Vec<(&Mapping, &Copied)> = copied
            .filter_map(|(mapping, source)| match source {
                Source::Area(copied) => Some((mapping, copied)),
                _ => None,
            })
            .collect();
        for group in copied.chunk_by(|(one, _), (next, _)| one.range.end == next.range.start) {
            let (Some((first, _)), Some((last, _))) = (group.first(), group.last()) else { continue };
            let range = first.range.start..last.range.end;
            let made_of: Vec<_> = group
                .iter()
                .map(|(mapping, _)| (mapping.range.clone(), mapping.inode, mapping.offset))
                .collect();
            let same =
                older.iter_mut().find(|area| area.as_ref().is_some_and(|area| area.made_of == made_of));
            if let Some(area) = same.and_then(Option::take) {
                self.areas.push(area);
                continue;
            }
            let len = usize::try_from(range.end - range.start).map_err(|_| io::ErrorKind::OutOfMemory)?;
            let mut buffer = Buffer::zeros(len)?;
            for (mapping, copied) in group {
                if let Copied::Own(file) = copied {
                    fill(&mut buffer, range.start, mapping, file, thread);
                }
            }
            self.areas.push(Area { range, made_of, buffer, wanted: Vec::new() });
        }
        Ok(())
    }

    pub(super) fn is_of(&self, list: &[u8]) -> bool {
        self.list == list
    }

    /// Addresses that are copied from the process.
    pub(super) fn copied(&self) -> impl Iterator<Item = Range<u64>> {
        let sources = self.mappings.iter().zip(&self.sources);
        sources
            .filter(|(_, source)| matches!(source, Source::Area(_)))
            .map(|(mapping, _)| mapping.range.clone())
    }

    /// How many bytes are to be copied, as far as was found last.
    pub(super) fn bytes(&self) -> u64 {
        self.areas.iter().flat_map(|area| &area.wanted).map(|range| range.end - range.start).sum()
    }

    /// Puts bytes that were copied otherwise where they belong.
    pub(super) fn put(&mut self, address: u64, bytes: &[u8]) {
        let end = address.saturating_add(bytes.len() as u64);
        let area = self.areas.iter_mut().find(|area| area.range.start <= address && end <= area.range.end);
        let Some(area) = area else { return };
        if let Some(part) = area.buffer.part_mut(within(&area.range, &(address..end))) {
            part.copy_from_slice(bytes);
        }
        self.left_out.retain(|gap| gap.end <= address || gap.start >= end);
    }

    pub(super) fn into_areas(self) -> Vec<Area> {
        self.areas
    }

    /// Has our own pages made that will be copied to, as far as it can be known before.
    pub(super) fn touch(&mut self, process: Pid) -> io::Result<()> {
        let Some(thread) = crate::process::status::live_thread(process) else { return Ok(()) };
        let mut pages = Pages::of(thread)?;
        self.find_wanted(&mut pages)?;
        for area in &mut self.areas {
            let wanted: Vec<Range<usize>> =
                area.wanted.iter().map(|range| within(&area.range, range)).collect();
            for run in runs(&wanted).filter(|run| run.len() >= LARGE_PAGE) {
                area.buffer.prefer_large_pages(run);
            }
            for part in area.buffer.parts_mut(&wanted).unwrap_or_default() {
                // A byte of each page, and none of those that the file gave.
                for page in part.chunks_mut(4096) {
                    page[0] = std::hint::black_box(page[0]);
                }
            }
        }
        Ok(())
    }

    /// While the process is held: which pages are to be copied.
    pub(super) fn look(&mut self, thread: Pid, pages: &mut Pages) -> Result<(), PlanError> {
        if let Some(whole) = self.whole() {
            pages.remember(whole);
        }
        // A file's page may have become the process's own since the survey.
        let mut changed = false;
        for (mapping, source) in self.mappings.iter().zip(&mut self.sources) {
            if let Source::File(content) = source
                && !mapping.shared
                && !pages.find(mapping.range.clone(), Which::Own).map_err(PlanError::Unreadable)?.is_empty()
            {
                *source = Source::Area(Copied::Own(Arc::clone(content)));
                changed = true;
            }
        }
        if changed {
            let older = std::mem::take(&mut self.areas);
            self.make_areas(thread, older).map_err(PlanError::NoRoom)?;
        }
        self.find_wanted(pages).map_err(PlanError::Unreadable)
    }

    /// From the first mapping to the last, but for the kernel's own.
    fn whole(&self) -> Option<Range<u64>> {
        let last = self.mappings.iter().rev().find(|mapping| !mapping.is("vsyscall"))?;
        Some(self.mappings.first()?.range.start..last.range.end)
    }

    fn find_wanted(&mut self, pages: &mut Pages) -> io::Result<()> {
        let mut areas = self.areas.iter_mut();
        let mut area = areas.next();
        area.iter_mut().for_each(|area| area.wanted.clear());
        for (mapping, source) in self.mappings.iter().zip(&self.sources) {
            let Source::Area(copied) = source else { continue };
            while area.as_ref().is_some_and(|area| area.range.end <= mapping.range.start) {
                area = areas.next();
                area.iter_mut().for_each(|area| area.wanted.clear());
            }
            let Some(area) = &mut area else { break };
            let found = match copied {
                Copied::Touched => pages.find(mapping.range.clone(), Which::Touched)?,
                Copied::Own(_) => pages.find(mapping.range.clone(), Which::Own)?,
                Copied::All => vec![mapping.range.clone()],
            };
            area.wanted.extend(found.into_iter().flat_map(|range| {
                let end = range.end;
                let step = usize::try_from(CALL).unwrap_or(usize::MAX);
                range.step_by(step).map(move |start| start..end.min(start + CALL))
            }));
        }
        Ok(())
    }

    /// The copies to be made.
    pub(super) fn jobs<'a>(&'a mut self, memory: &'a ProcessMemory, jobs: &mut Vec<Job<'a>>) {
        for area in &mut self.areas {
            let wanted: Vec<Range<usize>> =
                area.wanted.iter().map(|range| within(&area.range, range)).collect();
            let buffers = area.buffer.parts_mut(&wanted).unwrap_or_default();
            let addresses = area.wanted.iter().map(|range| range.start);
            jobs.extend(addresses.zip(buffers).map(|(address, buffer)| Job { memory, address, buffer }));
        }
    }

    /// These could not be copied, and are not to be taken for zeros.
    pub(super) fn leave_out(&mut self, mut ranges: Vec<Range<u64>>) {
        ranges.sort_by_key(|range| range.start);
        self.left_out = ranges;
    }

    /// The mappings, and what is known of their bytes.
    pub(super) fn finish(self, shared: &Contents) -> (Vec<Mapping>, Vec<Segment>) {
        let mut segments = Vec::new();
        for area in self.areas {
            let content = Arc::new(Content::Held(area.buffer));
            let mut at = area.range.start;
            let gaps = self.left_out.iter().filter(|gap| area.range.contains(&gap.start));
            for gap in gaps.chain([&(area.range.end..area.range.end)]) {
                segments.push(Segment::part(at..gap.start, Arc::clone(&content), at - area.range.start));
                at = gap.end;
            }
        }
        for (mapping, source) in self.mappings.iter().zip(self.sources) {
            match source {
                Source::Nowhere | Source::Area(_) => {}
                Source::File(content) => {
                    segments.push(Segment::part(mapping.range.clone(), content, mapping.offset));
                }
                Source::Shared => segments.extend(shared.segment(mapping)),
            }
        }
        (self.mappings, segments)
    }
}

fn source(thread: Pid, mapping: &Mapping, common: &mut Common, pages: &mut Pages) -> io::Result<Source> {
    // What the kernel shows of its own clock cannot be read from outside.
    let kernels = ["vvar", "vvar_vclock", "vsyscall"].iter().any(|name| mapping.is(name));
    if !mapping.read || kernels {
        return Ok(Source::Nowhere);
    }
    if mapping.shared {
        let whole = || !mapping.write && !common.shared.is_written(mapping);
        return Ok(match whole().then(|| common.files.get(thread, mapping)) {
            Some(FileBytes::Known(content)) => Source::File(content),
            _ if mapping.path().is_some() => Source::Shared,
            // A ring of io_uring, a buffer of perf, a device.
            _ => Source::Nowhere,
        });
    }
    if mapping.is("vdso") {
        return Ok(Source::Area(Copied::All));
    }
    if mapping.inode == 0 {
        return Ok(Source::Area(Copied::Touched));
    }
    Ok(match common.files.get(thread, mapping) {
        FileBytes::Zeros => Source::Area(Copied::Touched),
        FileBytes::Unknown => Source::Area(Copied::All),
        FileBytes::Known(content) => {
            let own = mapping.write || !pages.find(mapping.range.clone(), Which::Own)?.is_empty();
            if own { Source::Area(Copied::Own(content)) } else { Source::File(content) }
        }
    })
}

/// Where a range is in the buffer of an area.
fn within(area: &Range<u64>, range: &Range<u64>) -> Range<usize> {
    let narrow = |address: u64| usize::try_from(address - area.start).unwrap_or(usize::MAX);
    narrow(range.start)..narrow(range.end)
}

/// Bytes of a page of the larger kind.
const LARGE_PAGE: usize = 2 << 20;

/// Ranges in order, those that touch made one.
fn runs(ranges: &[Range<usize>]) -> impl Iterator<Item = Range<usize>> {
    let runs = ranges.chunk_by(|one, next| one.end == next.start);
    runs.filter_map(|run| Some(run.first()?.start..run.last()?.end))
}

/// Puts what the file says into a buffer.
fn fill(buffer: &mut Buffer, start: u64, mapping: &Mapping, file: &Arc<Content>, thread: Pid) {
    let segment = Segment::part(mapping.range.clone(), Arc::clone(file), mapping.offset);
    let range = segment.range();
    let Some(part) = buffer.part_mut(within(&(start..mapping.range.end), &range)) else { return };
    let read = Memory::new([segment]).map(|memory| memory.read(range.start, part));
    if !matches!(read, Ok(Ok(()))) {
        // It shrank meanwhile. The kernel's own link knows as much as there is.
        if let Some(file) = mapped_file(thread, mapping) {
            let _ = file.read_at(part, mapping.offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_one_run_are_put_together() {
        let found: Vec<_> = runs(&[0..4, 4..8, 9..10]).collect();
        assert_eq!(found, [0..8, 9..10]);
    }

    #[test]
    fn a_range_is_found_in_the_buffer_of_its_area() {
        assert_eq!(within(&(0x1000..0x9000), &(0x3000..0x4000)), 0x2000..0x3000);
    }
}
