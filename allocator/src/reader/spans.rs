//! The spans that tile a region, from its descriptors.
//!
//! Only first slices of spans are looked at, in the order in which they lie: what slices inside a span say of themselves may be left
//! from former lives. Of a slab only its class and its capacity are taken from the descriptor; where things lie in it follows
//! from the class, and a descriptor that says otherwise is refused.

use super::decode::{index, u32_at, u64_at};
use super::header::Header;
use super::{Address, Consistency, Error, Memory, SpanFault, Table};
use crate::abi::{
    CLASS_COUNT, Class, DESCRIPTORS_OFFSET, Descriptor, FIRST_SLICE, Kind, SLICE_SIZE, SlabShape, Tag, Word,
};
use core::ops::Range;
use std::mem::offset_of;

/// Descriptors read at a time: 1 MiB of them, which tell of 512 MiB of blocks.
const CHUNK: u32 = 8192;
/// `of_slice` of a slice without blocks.
const NOTHING: u32 = u32::MAX;

/// A span that may have live blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) slice: u32,
    pub(super) slices: u32,
    /// Number of its first slot within the region.
    pub(super) slot: u32,
    pub(super) content: Content,
    /// Where it says what its blocks were handed out in: 0 for nowhere. Not checked.
    pub(super) parts: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    /// Blocks 1 to `capacity` of this shape.
    Slab { shape: SlabShape, capacity: u32 },
    /// One block, its requested size and its tag.
    Large { size: u64, tag: Tag },
}

impl Span {
    /// Slots that the span has.
    pub(super) fn slots(&self) -> u32 {
        match self.content {
            Content::Slab { capacity, .. } => capacity,
            Content::Large { .. } => 1,
        }
    }

    /// Bytes from the span's first to its last.
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.slices) * SLICE_SIZE
    }
}

/// All spans of a region.
#[derive(Debug, Default)]
pub(super) struct Spans {
    spans: Vec<Span>,
    /// For each slice from [`FIRST_SLICE`]: the index in `spans` of the span that covers it.
    of_slice: Vec<u32>,
    /// Spans of tables, by their slices.
    tables: Vec<Range<u32>>,
    /// Slots of all spans.
    pub(super) slots: u32,
    /// Descriptors that made no sense, in a running process.
    pub(super) torn: u64,
}

impl Spans {
    pub(super) fn read(
        memory: &(impl Memory + ?Sized),
        header: &Header,
        consistency: Consistency,
        limit: u32,
    ) -> Result<Spans, Error> {
        let mut spans =
            Spans { of_slice: vec![NOTHING; index(header.high - FIRST_SLICE)], ..Spans::default() };
        let mut descriptors = Descriptors { memory, header, bytes: Vec::new(), first: 0, count: 0 };
        let mut slice = FIRST_SLICE;
        while slice < header.high {
            let found = describe(slice, header.high - slice, descriptors.at(slice)?);
            let (slices, found) = match found {
                Ok(span) => span,
                Err(fault) if consistency == Consistency::Stopped => {
                    let at = slice_address(header.base, slice);
                    return Err(Error::Span { base: header.base, at, fault });
                }
                // Between our reading of this descriptor and of the one before, spans were joined or cut.
                Err(_) => {
                    spans.torn += 1;
                    (1, Found::Nothing)
                }
            };
            match found {
                Found::Blocks { content, parts } => {
                    let span = Span { slice, slices, slot: spans.slots, content, parts };
                    spans.add(header.base, span, limit)?;
                }
                Found::Tables => spans.tables.push(slice..slice + slices),
                Found::Nothing => {}
            }
            slice += slices;
        }
        Ok(spans)
    }

    fn add(&mut self, base: Address, span: Span, limit: u32) -> Result<(), Error> {
        let blocks = u64::from(self.slots) + u64::from(span.slots());
        self.slots = match u32::try_from(blocks) {
            Ok(slots) if slots <= limit => slots,
            _ => return Err(Error::TooLarge { base, blocks, limit }),
        };
        let number = u32::try_from(self.spans.len()).unwrap_or(NOTHING);
        let from = index(span.slice - FIRST_SLICE);
        if let Some(covered) = self.of_slice.get_mut(from..from + index(span.slices)) {
            covered.fill(number);
        }
        self.spans.push(span);
        Ok(())
    }

    pub(super) fn all(&self) -> &[Span] {
        &self.spans
    }

    /// The span that has a slot, and those behind it.
    pub(super) fn beginning_at(&self, slot: u32) -> &[Span] {
        let after = self.spans.partition_point(|span| span.slot <= slot);
        self.spans.get(after.saturating_sub(1)..).unwrap_or(&[])
    }

    /// Whether `[address, address + len)` lies in one span of tables of the region at `base`.
    pub(super) fn is_table(&self, base: Address, address: u64, len: u64) -> bool {
        let Some(from) = address.checked_sub(base.0) else { return false };
        let Some(end) = from.checked_add(len) else { return false };
        let after = self.tables.partition_point(|span| u64::from(span.start) * SLICE_SIZE <= from);
        let span = after.checked_sub(1).and_then(|at| self.tables.get(at));
        span.is_some_and(|span| end <= u64::from(span.end) * SLICE_SIZE)
    }

    /// Bytes of all spans of tables.
    pub(super) fn table_bytes(&self) -> u64 {
        self.tables.iter().map(|span| u64::from(span.end - span.start) * SLICE_SIZE).sum()
    }

    /// The span that covers a slice, if it has blocks.
    #[inline]
    pub(super) fn covering(&self, slice: u32) -> Option<&Span> {
        let number = self.of_slice.get(index(slice.checked_sub(FIRST_SLICE)?))?;
        self.spans.get(index(*number))
    }
}

pub(super) fn slice_address(base: Address, slice: u32) -> Address {
    Address(base.0 + u64::from(slice) * SLICE_SIZE)
}

/// The descriptor table, read ahead.
struct Descriptors<'a, M: ?Sized> {
    memory: &'a M,
    header: &'a Header,
    bytes: Vec<u8>,
    /// What `bytes` holds: `count` descriptors from `first` on.
    first: u32,
    count: u32,
}

impl<M: Memory + ?Sized> Descriptors<'_, M> {
    /// The descriptor of a slice below `high`.
    fn at(&mut self, slice: u32) -> Result<&[u8], Error> {
        let size = size_of::<Descriptor>();
        if slice < self.first || slice - self.first >= self.count {
            let count = CHUNK.min(self.header.high - slice);
            self.bytes.resize(index(count) * size, 0);
            let base = self.header.base;
            let from = Address(base.0 + DESCRIPTORS_OFFSET + u64::from(slice) * size as u64);
            self.memory.read(from, &mut self.bytes).map_err(Error::unreadable(base, Table::Descriptors))?;
            (self.first, self.count) = (slice, count);
        }
        let start = index(slice - self.first) * size;
        Ok(self.bytes.get(start..start + size).unwrap_or(&[]))
    }
}

/// What a span is.
enum Found {
    Nothing,
    Blocks { content: Content, parts: u64 },
    Tables,
}

/// How many slices the span at `slice` has, and what it is. `left`: slices that there are.
fn describe(slice: u32, left: u32, descriptor: &[u8]) -> Result<(u32, Found), SpanFault> {
    let bits = u64_at(descriptor, offset_of!(Descriptor, word));
    let word = Word(bits);
    let parts = u64_at(descriptor, offset_of!(Descriptor, parts));
    let length = |slices: u32| {
        if (1..=left).contains(&slices) { Ok(slices) } else { Err(SpanFault::Length { slices, left }) }
    };
    match word.kind() {
        Some(Kind::Free | Kind::Taken | Kind::Guard) => Ok((length(word.slices())?, Found::Nothing)),
        Some(Kind::Tables) => Ok((length(word.slices())?, Found::Tables)),
        Some(Kind::Slab) => {
            let slices = length(word.slices())?;
            let content = slab(slice, slices, word.class(), descriptor)?;
            Ok((slices, content.map_or(Found::Nothing, |content| Found::Blocks { content, parts })))
        }
        Some(Kind::Large) => {
            let size = u64_at(descriptor, offset_of!(Descriptor, size));
            let tag = Tag(u64_at(descriptor, offset_of!(Descriptor, tag)));
            let content = Content::Large { size, tag };
            Ok((length(word.slices())?, Found::Blocks { content, parts }))
        }
        Some(Kind::Unused) | None => Err(SpanFault::Kind(bits.to_le_bytes()[0])),
    }
}

fn slab(slice: u32, slices: u32, class: u8, descriptor: &[u8]) -> Result<Option<Content>, SpanFault> {
    if class == 0 || usize::from(class) >= CLASS_COUNT {
        return Err(SpanFault::Class(class));
    }
    let want = Class(class).slab_slices();
    if slices != want {
        return Err(SpanFault::SlabLength { class, found: slices, want });
    }
    let shape = Class(class).slab_shape(slice);
    let capacity = u32_at(descriptor, offset_of!(Descriptor, capacity));
    if capacity > shape.limit {
        return Err(SpanFault::Capacity { class, found: capacity, limit: shape.limit });
    }
    if capacity == 0 {
        // Being laid out, perhaps for another class: the rest of the descriptor means nothing yet.
        return Ok(None);
    }
    let fields = [
        ("reciprocal", u64_at(descriptor, offset_of!(Descriptor, reciprocal)), shape.reciprocal),
        ("first block", u32_at(descriptor, offset_of!(Descriptor, first)).into(), shape.first.into()),
        (
            "block size",
            u32_at(descriptor, offset_of!(Descriptor, block_size)).into(),
            shape.block_size.into(),
        ),
        ("first tag", u32_at(descriptor, offset_of!(Descriptor, tags)).into(), shape.tags.into()),
    ];
    for (field, found, want) in fields {
        if found != want {
            return Err(SpanFault::Shape { class, field, found, want });
        }
    }
    Ok(Some(Content::Slab { shape, capacity }))
}
