//! Writing a snapshot: one pass over the image's bytes.
//!
//! Chunks are compressed in batches, by all threads of rayon's pool, while the batch before is written: memory for two batches of
//! frames is taken, whatever the image's size.

use super::WriteError;
use super::description::{Contents, Description, ProcessRecord};
use super::format::{CONTENT_MAX, ChunkRecord, Head, TAIL_MAGIC, Tail, checksum};
use super::redact::Redaction;
use crate::image::{Content, GRAIN, Image, Memory, Process};
use rayon::prelude::*;
use std::borrow::Cow;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use zerocopy::IntoBytes;
use zstd::bulk::Compressor;

/// Of zstd. A heap of ten million linked records with short texts shrinks to 26 %, at 400 MB/s a core; levels below 1 save a tenth of
/// that time and more for each tenth that the file grows, levels above cost more than the disk does.
const LEVEL: i32 = 1;

/// Chunks that are compressed at a time, for each thread.
const BATCH_PER_THREAD: usize = 8;

/// How a snapshot is to be written.
#[derive(Clone, Copy, Default)]
pub struct Options<'o> {
    /// Replace all bytes of memory by zeros but words that point into a mapping and the allocator's tables, and all registers but those
    /// that point somewhere or say what the thread does. What processes, threads, mappings and files are called stays.
    pub redact: bool,
    /// Is told, now and then, how many bytes of memory are done, and of how many.
    pub progress: Option<&'o (dyn Fn(u64, u64) + Sync)>,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Bytes of memory that are in the file, in chunks that are not all zeros.
    pub bytes: u64,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// Writes an image to a file, which appears, complete and for its owner only, when all of it is written.
///
/// It is left to the system when the bytes come to be on disk: a file that a crash cut short is known as such.
///
/// # Errors
/// See [`WriteError`].
pub fn save(image: &Image, options: &Options<'_>, path: &Path) -> Result<Written, WriteError> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |error| WriteError::File { path: path.to_owned(), error };
    let beside = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().ok_or_else(|| failed(io::Error::from(io::ErrorKind::IsADirectory)))?;
    let file = tempfile::Builder::new()
        .prefix(name)
        .permissions(std::fs::Permissions::from_mode(0o600))
        .tempfile_in(beside)
        .map_err(failed)?;
    let written = match write(image, options, file.as_file()) {
        Err(WriteError::Io(error)) => return Err(failed(error)),
        other => other?,
    };
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(written)
}

/// Writes an image to whatever takes bytes.
///
/// # Errors
/// See [`WriteError`].
pub fn write(image: &Image, options: &Options<'_>, to: impl Write + Send) -> Result<Written, WriteError> {
    let contents = Contents::of(image).ok_or(WriteError::TooLarge("more than 2^32 pieces"))?;
    let redaction = if options.redact { Some(Redaction::of(image, &contents)?) } else { None };
    let chunks = chunks(&contents)?;
    let mut out = Out { to: BufWriter::with_capacity(GRAIN, to), at: 0, table: Vec::new() };
    out.put(Head::new().as_bytes())?;

    let batch = BATCH_PER_THREAD * rayon::current_num_threads();
    let mut batches = chunks.chunks(batch);
    let compress_next =
        |chunks: Option<&[Chunk]>| compress(chunks.unwrap_or(&[]), &contents, redaction.as_ref());
    let mut frames = compress_next(batches.next())?;
    let (mut done, mut bytes) = (0, 0);
    while !frames.is_empty() {
        let next = batches.next();
        let (written, compressed) = rayon::join(|| out.put_frames(&frames), || compress_next(next));
        written?;
        done += frames.len();
        bytes +=
            frames.iter().filter(|frame| !frame.bytes.is_empty()).map(|frame| frame.stands_for).sum::<u64>();
        if let Some(progress) = options.progress {
            progress(wide(done * GRAIN), wide(chunks.len() * GRAIN));
        }
        frames = compressed?;
    }

    let description = describe(image, &contents, redaction.as_ref())?;
    let file_bytes = out.finish(&description)?;
    Ok(Written { bytes, file_bytes })
}

/// Some of a content's bytes.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    content: u32,
    number: u32,
}

/// All chunks that may hold something.
fn chunks(contents: &Contents<'_>) -> Result<Vec<Chunk>, WriteError> {
    let mut chunks = Vec::new();
    for (index, content) in contents.all.iter().enumerate() {
        let len = content.len();
        if len > CONTENT_MAX && !matches!(&***content, Content::File(_)) {
            return Err(WriteError::TooLarge("a piece of more than 2^47 bytes"));
        }
        let count = usize::try_from(len).unwrap_or(usize::MAX).div_ceil(GRAIN);
        let is_zero = |number: usize| {
            let start = wide(number) * wide(GRAIN);
            content.is_zero(&(start..len.min(start + wide(GRAIN))))
        };
        // A file's pages can be as many as it says.
        let count = if matches!(&***content, Content::File(_)) { 0 } else { count };
        for number in (0..count).filter(|number| !is_zero(*number)) {
            let fits =
                |number: usize| u32::try_from(number).map_err(|_| WriteError::TooLarge("too many pieces"));
            chunks.push(Chunk { content: fits(index)?, number: fits(number)? });
        }
    }
    Ok(chunks)
}

/// A chunk as it is in the file. No bytes: it is all zeros, and not there.
struct Frame {
    chunk: Chunk,
    bytes: Vec<u8>,
    checksum: u64,
    /// Bytes of memory.
    stands_for: u64,
}

fn compress(
    chunks: &[Chunk],
    contents: &Contents<'_>,
    redaction: Option<&Redaction>,
) -> Result<Vec<Frame>, WriteError> {
    let compress = |compressor: &mut io::Result<Compressor<'_>>, chunk: &Chunk| {
        let compressor =
            compressor.as_mut().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
        let index = usize::try_from(chunk.content).unwrap_or(usize::MAX);
        let start = u64::from(chunk.number) * wide(GRAIN);
        let mut frame = Frame { chunk: *chunk, bytes: Vec::new(), checksum: 0, stands_for: 0 };
        let Some(content) = contents.all.get(index) else { return Ok(frame) };
        let range = start..content.len().min(start + wide(GRAIN));
        let bytes = content.copied(range.clone());
        let bytes = bytes.ok_or_else(|| WriteError::Unreadable(content.why_not(range)))?;
        let stands_for = wide(bytes.len());
        if is_zero(&bytes) {
            return Ok(frame);
        }
        let kept = match redaction {
            Some(redaction) => Cow::Owned(redaction.redacted(index, start, &bytes)),
            None => bytes,
        };
        if is_zero(&kept) {
            return Ok(frame);
        }
        frame.bytes = compressor.compress(&kept)?;
        frame.bytes.shrink_to_fit();
        frame.checksum = checksum(&frame.bytes);
        frame.stands_for = stands_for;
        Ok::<Frame, WriteError>(frame)
    };
    // As few threads as there are chunks to go round: a compressor takes half a MiB.
    chunks
        .par_iter()
        .with_min_len(BATCH_PER_THREAD / 2)
        .map_init(|| Compressor::new(LEVEL), compress)
        .collect()
}

fn is_zero(bytes: &[u8]) -> bool {
    // A page at a time, so that the compiler can take many bytes at once.
    bytes.chunks(4096).all(|page| page.iter().fold(0, |all, byte| all | byte) == 0)
}

fn describe(
    image: &Image,
    contents: &Contents<'_>,
    redaction: Option<&Redaction>,
) -> Result<Vec<u8>, WriteError> {
    let mut taken = image.taken.clone();
    taken.redacted |= redaction.is_some();
    let processes = image.processes.iter().enumerate().map(|(number, process)| {
        let threads = match redaction {
            Some(redaction) => redaction.threads(number, &process.threads),
            None => process.threads.clone(),
        };
        let segments = contents.segments(&process.memory);
        ProcessRecord { process: without_memory(process, threads), segments }
    });
    let description = Description { taken, contents: contents.records(), processes: processes.collect() };
    postcard::to_stdvec(&description).map_err(|error| WriteError::Io(io::Error::other(error)))
}

fn without_memory(process: &Process, threads: Vec<crate::image::Thread>) -> Process {
    Process {
        pid: process.pid,
        parent: process.parent,
        name: process.name.clone(),
        executable: process.executable.clone(),
        modules: process.modules.clone(),
        mappings: process.mappings.clone(),
        threads,
        memory: Memory::default(),
    }
}

/// The file as far as it is written.
struct Out<W: Write> {
    to: BufWriter<W>,
    at: u64,
    table: Vec<ChunkRecord>,
}

impl<W: Write> Out<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.at += wide(bytes.len());
        Ok(())
    }

    fn put_frames(&mut self, frames: &[Frame]) -> io::Result<()> {
        for frame in frames.iter().filter(|frame| !frame.bytes.is_empty()) {
            self.table.push(ChunkRecord {
                content: frame.chunk.content.into(),
                number: frame.chunk.number.into(),
                at: self.at.into(),
                // A frame is little more than a chunk.
                len: u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX).into(),
                zero: 0.into(),
                checksum: frame.checksum.into(),
            });
            self.put(&frame.bytes)?;
        }
        Ok(())
    }

    /// The length of the file.
    fn finish(mut self, description: &[u8]) -> io::Result<u64> {
        let mut index = std::mem::take(&mut self.table).as_bytes().to_vec();
        let table_at = self.at;
        let description_at = table_at + wide(index.len());
        let frames = wide(index.len() / size_of::<ChunkRecord>());
        index.extend_from_slice(description);
        self.put(&index)?;
        let mut tail = Tail {
            file_len: (self.at + wide(size_of::<Tail>())).into(),
            table_at: table_at.into(),
            frames: frames.into(),
            description_at: description_at.into(),
            description_len: wide(description.len()).into(),
            index_checksum: checksum(&index).into(),
            checksum: 0.into(),
            magic: TAIL_MAGIC,
        };
        tail.checksum = tail.sum().into();
        self.put(tail.as_bytes())?;
        self.to.flush()?;
        Ok(self.at)
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
