//! Opening a snapshot: what is not memory is checked and read, memory waits until it is asked for.

use super::description::{self, ContentRecord, Description};
use super::format::{CONTENT_MAX, ChunkRecord, FRAME_MAX, Head, MAGIC, TAIL_MAGIC, Tail, VERSION, checksum};
use super::{OpenError, Refusal};
use crate::image::{ChunkSource, Content, Damage, FileContent, GRAIN, Image, Lazy, map_own};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use zerocopy::{FromBytes, IntoBytes};
use zstd::bulk::Decompressor;

/// The image in a snapshot file. The file stays mapped as long as memory of the image is there.
///
/// # Errors
/// It cannot be opened, or is no whole and undamaged snapshot. Damage to memory is not looked for: it shows when the memory is read.
pub fn open(path: &Path) -> Result<Image, OpenError> {
    let open = || {
        // A pipe or device would block, or have no end.
        if !std::fs::metadata(path)?.is_file() {
            return Err(Refusal::Io(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
        }
        let file = File::open(path)?;
        // An empty file cannot be mapped.
        if file.metadata()?.len() == 0 {
            return Err(Refusal::Truncated { len: 0 });
        }
        image(Arc::new(map_own(&file)?))
    };
    open().map_err(|why| OpenError { path: path.to_owned(), why })
}

/// The bytes of a file.
pub(super) type Bytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// The image in the bytes of a snapshot file.
pub(super) fn image(file: Bytes) -> Result<Image, Refusal> {
    let bytes = (*file).as_ref();
    let tail = check(bytes)?;
    let Index { table, description } = index(bytes, &tail)?;
    let description: Description =
        postcard::from_bytes(description).map_err(|_| Refusal::Corrupt("its description makes no sense"))?;
    let mut rest = 0..table.len();
    let mut contents = Vec::new();
    for (number, record) in description.contents.into_iter().enumerate() {
        contents.push(Arc::new(match record {
            ContentRecord::File { path, identity } => Content::File(FileContent::named(path, identity)),
            ContentRecord::Stored { len } => {
                let len = usize::try_from(len.min(CONTENT_MAX + 1)).unwrap_or(usize::MAX);
                let own = own_chunks(table, &mut rest, number, len, tail.table_at.get())?;
                let at = table_position(&tail, own.start);
                Content::Lazy(Lazy::new(
                    len,
                    Box::new(Chunks { file: Arc::clone(&file), at, count: own.len() }),
                ))
            }
        }));
    }
    if !rest.is_empty() {
        return Err(Refusal::Corrupt("its chunk table names memory that it does not describe"));
    }
    let processes = description.processes.into_iter().map(|record| {
        let mut process = record.process;
        process.memory = description::memory(&record.segments, &contents).map_err(Refusal::Corrupt)?;
        Ok(process)
    });
    Ok(Image { processes: processes.collect::<Result<_, Refusal>>()?, taken: description.taken })
}

/// It is a snapshot file of this version, from head to tail.
fn check(bytes: &[u8]) -> Result<Tail, Refusal> {
    let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if !bytes.iter().zip(&MAGIC).all(|(found, wanted)| found == wanted) {
        return Err(Refusal::Foreign);
    }
    let (head, _) = Head::read_from_prefix(bytes).map_err(|_| Refusal::Truncated { len })?;
    if head.checksum.get() != head.sum() {
        return Err(Refusal::Corrupt("the checksum of its head is wrong"));
    }
    match head.version.get() {
        VERSION => {}
        0 => return Err(Refusal::Corrupt("it has version 0, which never was")),
        found if found < VERSION => return Err(Refusal::Older { found }),
        found => return Err(Refusal::Newer { found }),
    }
    let (_, tail) = Tail::read_from_suffix(bytes).map_err(|_| Refusal::Truncated { len })?;
    // The end is the last that is written.
    if tail.magic != TAIL_MAGIC {
        return Err(Refusal::Truncated { len });
    }
    if tail.checksum.get() != tail.sum() {
        return Err(Refusal::Corrupt("the checksum of its tail is wrong"));
    }
    if tail.file_len.get() > len {
        return Err(Refusal::Truncated { len });
    }
    if tail.file_len.get() < len {
        return Err(Refusal::Corrupt("it is longer than it says"));
    }
    Ok(tail)
}

struct Index<'f> {
    table: &'f [ChunkRecord],
    description: &'f [u8],
}

/// Chunk table and description, checked.
fn index<'f>(bytes: &'f [u8], tail: &Tail) -> Result<Index<'f>, Refusal> {
    let find = || {
        let table_at = usize::try_from(tail.table_at.get()).ok().filter(|at| *at >= size_of::<Head>())?;
        let end = bytes.len().checked_sub(size_of::<Tail>())?;
        let index = bytes.get(table_at..end)?;
        let table_len = usize::try_from(tail.frames.get()).ok()?.checked_mul(size_of::<ChunkRecord>())?;
        let (table, description) = index.split_at_checked(table_len)?;
        let said = |number: u64, is: usize| usize::try_from(number) == Ok(is);
        let fits = said(tail.description_at.get(), table_at + table_len)
            && said(tail.description_len.get(), description.len());
        let table = <[ChunkRecord]>::ref_from_bytes(table).ok()?;
        fits.then_some((index, Index { table, description }))
    };
    let (all, index) = find().ok_or(Refusal::Corrupt("its tail makes no sense"))?;
    if checksum(all) != tail.index_checksum.get() {
        return Err(Refusal::Corrupt("the checksum of its index is wrong"));
    }
    Ok(index)
}

/// Takes the chunks of a content, by its number, off the table, and checks them. `frames_end`: where in the file frames end.
fn own_chunks(
    table: &[ChunkRecord],
    rest: &mut Range<usize>,
    content: usize,
    len: usize,
    frames_end: u64,
) -> Result<Range<usize>, Refusal> {
    let corrupt = Refusal::Corrupt;
    if u64::try_from(len).unwrap_or(u64::MAX) > CONTENT_MAX {
        return Err(corrupt("it describes more memory than a process can have"));
    }
    let left = table.get(rest.clone()).unwrap_or(&[]);
    let is_own = |record: &&ChunkRecord| usize::try_from(record.content.get()) == Ok(content);
    let own: &[ChunkRecord] = left.get(..left.iter().take_while(is_own).count()).unwrap_or(&[]);
    let mut last = None;
    for record in own {
        let number = usize::try_from(record.number.get()).unwrap_or(usize::MAX);
        if last.is_some_and(|last| last >= number) || number >= len.div_ceil(GRAIN) {
            return Err(corrupt("its chunk table is out of order"));
        }
        last = Some(number);
        let (at, len) = (record.at.get(), u64::from(record.len.get()));
        let inside = at >= u64::try_from(size_of::<Head>()).unwrap_or(u64::MAX)
            && at.checked_add(len).is_some_and(|end| end <= frames_end);
        if !inside || usize::try_from(len).unwrap_or(usize::MAX) > FRAME_MAX {
            return Err(corrupt("its chunk table points outside its chunks"));
        }
    }
    let range = rest.start..rest.start + own.len();
    rest.start = range.end;
    Ok(range)
}

/// Where in the file a record of the chunk table is.
fn table_position(tail: &Tail, record: usize) -> usize {
    // `index` has seen that the table is there.
    usize::try_from(tail.table_at.get())
        .unwrap_or(usize::MAX)
        .saturating_add(record * size_of::<ChunkRecord>())
}

/// The chunks of one content.
struct Chunks {
    file: Bytes,
    /// Where in the file its part of the chunk table is.
    at: usize,
    /// How many records that has.
    count: usize,
}

impl Chunks {
    fn records(&self) -> &[ChunkRecord] {
        let end = self.at.saturating_add(self.count * size_of::<ChunkRecord>());
        let bytes = (*self.file).as_ref().get(self.at..end).unwrap_or(&[]);
        <[ChunkRecord]>::ref_from_bytes(bytes).unwrap_or(&[])
    }

    fn record(&self, number: usize) -> Option<&ChunkRecord> {
        let number = u32::try_from(number).ok()?;
        let records = self.records();
        let found = records.binary_search_by_key(&number, |record| record.number.get()).ok()?;
        records.get(found)
    }
}

impl ChunkSource for Chunks {
    fn fill(&self, number: usize, into: &mut [u8]) -> Result<(), Damage> {
        let Some(record) = self.record(number) else {
            return Ok(());
        };
        let damage = |what| Damage { at: record.at.get(), what };
        let frame = || {
            let start = usize::try_from(record.at.get()).ok()?;
            let end = start.checked_add(usize::try_from(record.len.get()).ok()?)?;
            (*self.file).as_ref().get(start..end)
        };
        let frame = frame().ok_or_else(|| damage("its chunk lies outside it"))?;
        if checksum(frame) != record.checksum.get() {
            return Err(damage("the checksum of the chunk there is wrong"));
        }
        let made = Decompressor::new().and_then(|mut zstd| zstd.decompress_to_buffer(frame, into));
        match made {
            Ok(made) if made == into.as_bytes().len() => Ok(()),
            Ok(_) => Err(damage("the chunk there is too short")),
            Err(_) => Err(damage("the chunk there does not decompress")),
        }
    }

    fn is_zero(&self, number: usize) -> bool {
        self.record(number).is_none()
    }
}
