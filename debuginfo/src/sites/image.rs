//! The bytes of all sites of a program: an [`Image`] of these arrays.
//!
//! They refer to types and functions by their numbers in one table, and to no other. Which table that is, which source files were looked
//! at, and what else the sites depend on, is kept with them: see [`Sites::are_of`].

use super::record::{CodeRecord, EvidenceRecord, SiteRecord, SourceRecord, WrapperRecord};
use super::site::{Site, Verdict, Wrapper};
use super::source;
use crate::image::strings::Pool;
use crate::image::{Format, Image, ImageError, Writer, number, part};
use crate::table::{Address, StringId};
use memmap2::Mmap;
use zerocopy::{FromBytes, Immutable, KnownLayout};

pub(crate) const FORMAT: Format = Format { magic: *b"mcrxsit\n", version: 1, sections: 7 };

/// The arrays, in the order of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Strings,
    Sites,
    Evidence,
    Wrappers,
    Code,
    Sources,
    /// One word: see [`Sites::are_of`].
    Origin,
}

/// All sites of a program.
pub struct Sites {
    image: Image,
}

/// The records before they become an image.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) pool: Pool,
    pub(super) sites: Vec<SiteRecord>,
    pub(super) evidence: Vec<EvidenceRecord>,
    pub(super) wrappers: Vec<WrapperRecord>,
    pub(super) code: Vec<CodeRecord>,
    pub(super) sources: Vec<SourceRecord>,
}

impl Default for Parts {
    fn default() -> Parts {
        Parts {
            pool: Pool::new(),
            sites: Vec::new(),
            evidence: Vec::new(),
            wrappers: Vec::new(),
            code: Vec::new(),
            sources: Vec::new(),
        }
    }
}

impl Parts {
    pub(super) fn string(&mut self, text: &str) -> u32 {
        let StringId(offset) = self.pool.intern(text.as_bytes());
        offset
    }

    /// Where in an array the next records begin.
    pub(super) fn place<T>(records: &[T]) -> u32 {
        number(records.len())
    }
}

impl Default for Sites {
    /// None.
    fn default() -> Sites {
        Sites::from_parts(Parts::default(), 0, &[])
    }
}

impl Sites {
    /// `parts`: sites by address.
    pub(super) fn from_parts(parts: Parts, origin: u64, build_id: &[u8]) -> Sites {
        let bytes = parts.pool.bytes().len() + size_of_val(&*parts.sites) + size_of_val(&*parts.evidence);
        let mut writer = Writer::new(&FORMAT, bytes);
        // In the order of `Section`.
        writer.add(parts.pool.bytes());
        writer.add_records(parts.sites);
        writer.add_records(parts.evidence);
        writer.add_records(parts.wrappers);
        writer.add_records(parts.code);
        writer.add_records(parts.sources);
        writer.add_records(vec![origin]);
        Sites { image: writer.finish(build_id) }
    }

    /// The bytes, to be written to a file.
    pub fn as_bytes(&self) -> &[u8] {
        self.image.as_bytes()
    }

    /// Sites from a mapped file.
    pub fn from_map(map: Mmap) -> Result<Sites, ImageError> {
        Ok(Sites { image: Image::from_map(map, &FORMAT)? })
    }

    /// Sites from bytes. They are copied.
    pub fn from_bytes(bytes: &[u8]) -> Result<Sites, ImageError> {
        Ok(Sites { image: Image::from_bytes(bytes, &FORMAT)? })
    }

    /// Of the binary that they are in; empty where it has none.
    pub fn build_id(&self) -> &[u8] {
        self.image.build_id()
    }

    /// Whether they are what [`super::find()`] would find: `origin` is what it was asked (see [`super::origin`]), and the source files
    /// that it looked at are what they were, also those that were not there.
    pub(crate) fn are_of(&self, origin: u64) -> bool {
        let sources = self.records::<SourceRecord>(Section::Sources);
        self.records::<u64>(Section::Origin) == [origin]
            && sources.iter().all(|source| source::state(self.string(source.path)) == source.state)
    }

    fn records<T: FromBytes + Immutable + KnownLayout>(&self, section: Section) -> &[T] {
        self.image.records(section as usize)
    }

    pub(super) fn string(&self, offset: u32) -> &str {
        self.image.string(Section::Strings as usize, offset)
    }

    pub(super) fn evidence(&self, of: &SiteRecord) -> &[EvidenceRecord] {
        part(self.records(Section::Evidence), of.first_evidence, of.evidence_count)
    }

    pub(super) fn code(&self, of: &WrapperRecord) -> &[CodeRecord] {
        part(self.records(Section::Code), of.first_code, of.code_count)
    }

    /// All of them, by return address.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Site<'_>> {
        self.records(Section::Sites).iter().map(|record| Site::new(self, record))
    }

    /// The site with a return address.
    pub fn at(&self, Address(address): Address) -> Option<Site<'_>> {
        let sites = self.records::<SiteRecord>(Section::Sites);
        let index = sites.binary_search_by_key(&address, |site| site.address).ok()?;
        sites.get(index).map(|record| Site::new(self, record))
    }

    /// All wrappers, by address.
    pub fn wrappers(&self) -> impl ExactSizeIterator<Item = Wrapper<'_>> {
        self.records(Section::Wrappers).iter().map(|record| Wrapper::new(self, record))
    }

    /// The site that decides for a block, of the return addresses on the stack when it was made, innermost first: the first that is no
    /// wrapper's. `None`: a frame before that is no site.
    pub fn of_stack(&self, frames: impl IntoIterator<Item = Address>) -> Option<Site<'_>> {
        for frame in frames {
            let site = self.at(frame)?;
            if site.verdict() != Verdict::Deeper {
                return Some(site);
            }
        }
        None
    }
}

impl std::fmt::Debug for Sites {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sites").field("count", &self.iter().len()).finish_non_exhaustive()
    }
}
