//! What a snapshot file says of its image, apart from the bytes of memory.

use super::format::CONTENT_MAX;
use crate::image::{Content, Identity, Image, Memory, Process, Segment, Taken};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The description, as it is in the file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Description {
    pub(super) taken: Taken,
    pub(super) contents: Vec<ContentRecord>,
    pub(super) processes: Vec<ProcessRecord>,
}

/// Bytes that segments are windows onto.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ContentRecord {
    /// In the file's chunks.
    Stored {
        /// In bytes.
        len: u64,
    },
    /// In another file.
    File {
        #[serde(with = "crate::image::serial::path")]
        path: PathBuf,
        identity: Identity,
    },
}

/// A process, and where its memory is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ProcessRecord {
    pub(super) process: Process,
    pub(super) segments: Vec<SegmentRecord>,
}

/// A window onto a content.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct SegmentRecord {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) content: u32,
    pub(super) offset: u64,
}

/// The contents of an image, each once, in the order in which its segments come to them.
pub(super) struct Contents<'i> {
    pub(super) all: Vec<&'i Arc<Content>>,
    /// By where they are.
    numbers: HashMap<usize, u32>,
}

impl<'i> Contents<'i> {
    /// `None`: there are more than can be numbered.
    pub(super) fn of(image: &'i Image) -> Option<Contents<'i>> {
        let mut contents = Contents { all: Vec::new(), numbers: HashMap::new() };
        for segment in image.processes.iter().flat_map(|process| process.memory.segments()) {
            let next = u32::try_from(contents.all.len()).ok()?;
            contents.numbers.entry(Arc::as_ptr(segment.content()).addr()).or_insert_with(|| {
                contents.all.push(segment.content());
                next
            });
        }
        Some(contents)
    }

    /// A content's number.
    pub(super) fn number(&self, content: &Arc<Content>) -> u32 {
        self.numbers.get(&Arc::as_ptr(content).addr()).copied().unwrap_or(u32::MAX)
    }

    pub(super) fn records(&self) -> Vec<ContentRecord> {
        let record = |content: &&Arc<Content>| match &***content {
            Content::File(file) => {
                ContentRecord::File { path: file.path().to_owned(), identity: file.identity().clone() }
            }
            stored => ContentRecord::Stored { len: stored.len() },
        };
        self.all.iter().map(record).collect()
    }

    pub(super) fn segments(&self, memory: &Memory) -> Vec<SegmentRecord> {
        let record = |segment: &Segment| {
            let range = segment.range();
            let (content, offset) = (self.number(segment.content()), segment.offset());
            SegmentRecord { start: range.start, end: range.end, content, offset }
        };
        memory.segments().iter().map(record).collect()
    }
}

/// Memory out of contents. The error says what is wrong with the records.
pub(super) fn memory(segments: &[SegmentRecord], contents: &[Arc<Content>]) -> Result<Memory, &'static str> {
    let segments = segments.iter().map(|record| {
        let content = usize::try_from(record.content).ok().and_then(|number| contents.get(number));
        let content = content.ok_or("a segment is of no content")?;
        if record.start > record.end || record.offset > CONTENT_MAX {
            return Err("a segment ends before it begins");
        }
        Ok(Segment::part(record.start..record.end, Arc::clone(content), record.offset))
    });
    let segments: Vec<Segment> = segments.collect::<Result<_, _>>()?;
    Memory::new(segments).map_err(|_| "two segments overlap")
}
