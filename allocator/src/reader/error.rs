//! Why a heap is refused: what was found, and where.

use super::{Address, Unreadable};
use crate::abi::{ARENA_BASE, ARENA_SLOTS, MAGIC, REGION_SIZE, VERSION};

const ARENA_END: u64 = ARENA_BASE + ARENA_SLOTS * REGION_SIZE;

/// What is wrong with a heap. Nothing of it was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No region may lie there.
    #[error(
        "{0} is no place for a heap: wanted a multiple of {REGION_SIZE:#x} from {ARENA_BASE:#x} below {ARENA_END:#x}"
    )]
    Misplaced(Address),
    /// One region was named twice.
    #[error("the heap at {0} is named twice")]
    Twice(Address),
    /// Part of the tables cannot be read.
    #[error("the {table} of the heap at {base}: {source}")]
    Unreadable {
        /// The region.
        base: Address,
        /// Which table.
        table: Table,
        /// What could not be read.
        source: Unreadable,
    },
    /// No heap begins there.
    #[error("{base} is no heap: begins with {found:#018x}, not with the magic {MAGIC:#018x}")]
    Magic {
        /// The region.
        base: Address,
        /// Its first eight bytes.
        found: u64,
    },
    /// A heap of another version of the allocator.
    #[error(
        "the heap at {base} has format version {found}, this reader knows version {VERSION}: use the mcrx that its libmcrx.so came with"
    )]
    Version {
        /// The region.
        base: Address,
        /// Its version.
        found: u32,
    },
    /// A number in the header that no allocator writes.
    #[error("the heap at {base} is corrupt: {field} is {found}, wanted {least} to {most}")]
    Header {
        /// The region.
        base: Address,
        /// The field of the header.
        field: &'static str,
        /// Its value.
        found: u64,
        /// The least it may be.
        least: u64,
        /// The most it may be.
        most: u64,
    },
    /// A region that counts itself among those it took over.
    #[error("the heap at {base} is corrupt: it is said to have taken over itself")]
    AdoptsItself {
        /// The region.
        base: Address,
    },
    /// A span that is described wrongly.
    #[error("the heap at {base} is corrupt: the span at {at} {fault}")]
    Span {
        /// The region.
        base: Address,
        /// The span's first byte.
        at: Address,
        /// What is wrong with it.
        fault: SpanFault,
    },
    /// A block that is tagged wrongly.
    #[error("the heap at {base} is corrupt: the block at {at} {fault}")]
    Block {
        /// The region.
        base: Address,
        /// The block's first byte.
        at: Address,
        /// What is wrong with it.
        fault: BlockFault,
    },
    /// A block whose parts are described wrongly.
    #[error("the heap at {base} is corrupt: of the block at {at}, {fault}")]
    Parts {
        /// The region.
        base: Address,
        /// The block's first byte, or that of its slab.
        at: Address,
        /// What is wrong with its parts.
        fault: PartsFault,
    },
    /// A site, frame or module that is described wrongly.
    #[error("the heap at {base} is corrupt: {table} entry {index} {fault}")]
    Entry {
        /// The region.
        base: Address,
        /// Which table.
        table: Table,
        /// Which entry.
        index: u32,
        /// What is wrong with it.
        fault: EntryFault,
    },
    /// More blocks than the reader was told to hold in memory.
    #[error("the heap at {base} has room for {blocks} blocks, more than the {limit} that were allowed for")]
    TooLarge {
        /// The region.
        base: Address,
        /// Blocks, live and free, up to and with the span that was too much.
        blocks: u64,
        /// [`Limits::blocks`](super::Limits::blocks).
        limit: u32,
    },
}

impl Error {
    pub(super) fn unreadable(base: Address, table: Table) -> impl Fn(Unreadable) -> Error {
        move |source| Error::Unreadable { base, table, source }
    }
}

/// A table of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Table {
    /// The first bytes.
    #[error("header")]
    Header,
    /// One descriptor per slice.
    #[error("descriptor table")]
    Descriptors,
    /// One tag per block, in the slabs.
    #[error("tags")]
    Tags,
    /// The blocks outside the region.
    #[error("table of placed blocks")]
    Placed,
    /// The sites.
    #[error("site table")]
    Sites,
    /// Their frames.
    #[error("frame table")]
    Frames,
    /// The modules of those.
    #[error("module table")]
    Modules,
    /// What blocks were handed out in by pools.
    #[error("tables of parts")]
    Parts,
}

/// What is wrong with a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpanFault {
    /// The kind is none, or none that begins a span: spans do not tile the region.
    #[error("has kind {0}, which begins no span")]
    Kind(u8),
    /// It has no slices, or goes past what has been dealt out.
    #[error("has {slices} slices where {left} are left")]
    Length {
        /// Its slices.
        slices: u32,
        /// Slices from its first to the end of what has been dealt out.
        left: u32,
    },
    /// There is no such size class.
    #[error("is a slab of class {0}, which does not exist")]
    Class(u8),
    /// A slab that is not as long as its class says.
    #[error("is a slab of class {class} with {found} slices instead of {want}")]
    SlabLength {
        /// Its class.
        class: u8,
        /// Its slices.
        found: u32,
        /// Slices of every slab of the class.
        want: u32,
    },
    /// More blocks than fit.
    #[error("is a slab of class {class} with {found} blocks where {limit} fit")]
    Capacity {
        /// Its class.
        class: u8,
        /// Its capacity.
        found: u32,
        /// What the class's shape has room for.
        limit: u32,
    },
    /// The descriptor and the class disagree about where things lie.
    #[error("is a slab of class {class} whose {field} is {found} instead of {want}")]
    Shape {
        /// Its class.
        class: u8,
        /// The field of the descriptor.
        field: &'static str,
        /// Its value.
        found: u64,
        /// What it follows from the class.
        want: u64,
    },
}

/// What is wrong with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockFault {
    /// Larger than its place.
    #[error("has {size} bytes where {room} fit")]
    Size {
        /// Its size.
        size: u64,
        /// The room it has.
        room: u64,
    },
    /// No such site.
    #[error("was made at site {site}, of {sites} sites")]
    Site {
        /// Its site.
        site: u32,
        /// Sites of the region, site 0 included.
        sites: u32,
    },
    /// The tag of a large or placed block has a size, which stands elsewhere.
    #[error("has a tag with a size of its own, {0}")]
    TagSize(u64),
    /// A placed block that is not aligned, or leaves the address space.
    #[error("cannot have been placed there, with room for {0} bytes")]
    Place(u64),
    /// Two placed blocks in one place.
    #[error("overlaps the placed block at {0}")]
    Overlap(Address),
}

/// What is wrong with the parts of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartsFault {
    /// The table is said to lie where no table can.
    #[error("the table of parts is said to lie at {0}, where there is none")]
    Place(Address),
    /// More parts than the table has room for.
    #[error("{count} parts are in a table for {capacity}")]
    Count {
        /// Parts.
        count: u32,
        /// Parts that fit.
        capacity: u32,
    },
    /// The table is another block's.
    #[error("the table of parts is that of the block at {0}")]
    Owner(Address),
    /// It begins before the end of the one before.
    #[error("the part at offset {0} lies on the one before it")]
    Order(u32),
    /// No such site.
    #[error("a part was made at site {site}, of {sites} sites")]
    Site {
        /// Its site.
        site: u32,
        /// Sites of the region, site 0 included.
        sites: u32,
    },
}

/// What is wrong with an entry of the tables behind sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    /// It refers to entries of the next table that are not there.
    #[error("refers to entry {last}, of {count}")]
    Dangling {
        /// The last entry that it refers to.
        last: u64,
        /// Entries that there are.
        count: u32,
    },
    /// The frame lies past the end of its module.
    #[error("is {offset:#x} bytes into a module of {len:#x}")]
    Offset {
        /// Bytes from the start of the module.
        offset: u64,
        /// Bytes of the module.
        len: u64,
    },
    /// The module ends before it begins.
    #[error("ends at {end}, before its start {start}")]
    Extent {
        /// Its start.
        start: Address,
        /// Its end.
        end: Address,
    },
    /// The build-id is longer than its field.
    #[error("has a build-id of {0} bytes")]
    BuildId(u32),
}
