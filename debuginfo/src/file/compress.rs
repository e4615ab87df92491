//! Compressed sections (ELF's SHF_COMPRESSED with zlib or zstd, and the older `.zdebug_*`), with a bound on what they may unfold to.
//!
//! A file can claim any size for what it holds compressed. The claim is believed only within what the format can reach, and all
//! sections of a file together only up to a total.

use object::{CompressedData, CompressionFormat};
use std::sync::atomic::{AtomicU64, Ordering};

/// ELFCOMPRESS_ZLIB and ELFCOMPRESS_ZSTD of `elf.h`.
const ZLIB: u32 = 1;
const ZSTD: u32 = 2;

/// What zlib can reach at best is 1032:1; zstd could do more, but no section of debug info gets near it (under 20:1 is usual).
const RATIO_MAX: u64 = 1100;
/// Any section may unfold to this.
const ALWAYS: u64 = 1 << 20;
/// And all of a file together to no more than this: sections of debug info over 4 GiB need another form of DWARF.
const TOTAL_MAX: u64 = 16 << 30;

/// Why a section's bytes cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    /// The header before the compressed bytes is not all there.
    #[error("is compressed, but too short for it to say how")]
    NoHeader,
    /// Neither zlib nor zstd.
    #[error("is compressed in a way that is not known here (number {0}; zlib and zstd are)")]
    UnknownCompression(u32),
    /// It claims more than can be true, or more than is put up with.
    #[error("says that it has {claimed} bytes, too many for the {compressed} that it is compressed to")]
    TooLarge {
        /// What it says it has, in bytes.
        claimed: u64,
        /// What it has compressed, in bytes.
        compressed: u64,
    },
    /// What is there does not decompress to as many bytes as it should.
    #[error("does not decompress: {0}")]
    Damaged(#[source] object::Error),
}

/// How many bytes a file's sections may still unfold to.
pub(super) struct Budget(AtomicU64);

impl Default for Budget {
    fn default() -> Budget {
        Budget(AtomicU64::new(TOTAL_MAX))
    }
}

impl Budget {
    fn take(&self, bytes: u64) -> bool {
        let took = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |rest| rest.checked_sub(bytes));
        took.is_ok()
    }
}

/// The compressed bytes of a section, and what they should become.
pub(super) struct Compressed<'a>(CompressedData<'a>);

impl<'a> Compressed<'a> {
    /// A section with the flag SHF_COMPRESSED: a header, then the bytes.
    pub(super) fn flagged(raw: &'a [u8]) -> Result<Compressed<'a>, SectionError> {
        // Elf64_Chdr: type (4 bytes), padding (4), size (8), alignment (8); nothing promises that it lies aligned itself.
        let (header, data) = raw.split_first_chunk::<24>().ok_or(SectionError::NoHeader)?;
        let [t0, t1, t2, t3, _, _, _, _, size @ ..] = header;
        let (size, _) = size.split_first_chunk::<8>().ok_or(SectionError::NoHeader)?;
        let format = match u32::from_le_bytes([*t0, *t1, *t2, *t3]) {
            ZLIB => CompressionFormat::Zlib,
            ZSTD => CompressionFormat::Zstandard,
            other => return Err(SectionError::UnknownCompression(other)),
        };
        let uncompressed_size = u64::from_le_bytes(*size);
        Ok(Compressed(CompressedData { format, data, uncompressed_size }))
    }

    /// A section called `.zdebug_*`: "ZLIB", the size in big-endian order, the bytes. None: it is not compressed after all.
    pub(super) fn old(raw: &'a [u8]) -> Option<Compressed<'a>> {
        let (size, data) = raw.strip_prefix(b"ZLIB")?.split_first_chunk::<8>()?;
        let uncompressed_size = u64::from_be_bytes(*size);
        Some(Compressed(CompressedData { format: CompressionFormat::Zlib, data, uncompressed_size }))
    }

    pub(super) fn inflate(self, budget: &Budget) -> Result<Vec<u8>, SectionError> {
        let Compressed(compressed) = self;
        let claimed = compressed.uncompressed_size;
        let have = super::elf::to_u64(compressed.data.len());
        let most = have.saturating_mul(RATIO_MAX).max(ALWAYS);
        if claimed > most || !budget.take(claimed) {
            return Err(SectionError::TooLarge { claimed, compressed: have });
        }
        Ok(compressed.decompress().map_err(SectionError::Damaged)?.into_owned())
    }
}
