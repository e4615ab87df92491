//! What is said of one site, and of one wrapper.

use super::allocator::{Asked, Handed};
use super::image::Sites;
use super::record::{EvidenceRecord, NONE, SiteRecord, WrapperRecord};
use super::seen::{Confidence, Extent, Landing, Size, Untyped};
use crate::table::{Address, FunctionId, TypeId};

/// One thing that the binary says of a site's block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence<'s> {
    /// How it was learnt.
    pub landing: Landing,
    /// What the block is by it. Typedefs are kept.
    pub ty: TypeId,
    /// The instruction where it was seen.
    pub at: Address,
    /// The variable, the member (`conn_s.pool`), the function that it is handed to; may be empty.
    pub name: &'s str,
}

/// What is to be said of a site's blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They are of this type.
    Typed {
        /// Typedefs are kept: compare [`crate::table::Type::resolved`].
        ty: TypeId,
        /// How many a block holds.
        extent: Extent,
        /// How sure that is.
        confidence: Confidence,
    },
    /// The function is a wrapper here: its own caller decides.
    Deeper,
    /// It is not known.
    Untyped(Untyped),
}

/// A call of an allocation function.
#[derive(Clone, Copy)]
pub struct Site<'s> {
    sites: &'s Sites,
    record: &'s SiteRecord,
}

impl<'s> Site<'s> {
    pub(super) fn new(sites: &'s Sites, record: &'s SiteRecord) -> Site<'s> {
        Site { sites, record }
    }

    /// Where the allocation function returns to, as linked: what the allocator records.
    pub fn address(self) -> Address {
        Address(self.record.address)
    }

    /// The call instruction.
    pub fn call(self) -> Address {
        Address(self.record.call)
    }

    /// The function that makes the call, if the debug info knows it.
    pub fn function(self) -> Option<FunctionId> {
        Some(self.record.function).filter(|number| *number != NONE).map(FunctionId)
    }

    /// The function called, by its symbol; empty if it has none.
    pub fn callee(self) -> &'s str {
        self.sites.string(self.record.callee)
    }

    /// How much is asked for.
    pub fn size(self) -> Size {
        self.record.size()
    }

    /// What follows.
    pub fn verdict(self) -> Verdict {
        self.record.verdict()
    }

    /// All that was seen, strong before weak.
    pub fn evidence(self) -> impl ExactSizeIterator<Item = Evidence<'s>> {
        let Site { sites, record } = self;
        let evidence = |record: &'s EvidenceRecord| Evidence {
            landing: record.landing(),
            ty: TypeId(record.ty),
            at: Address(record.at),
            name: sites.string(record.name),
        };
        sites.evidence(record).iter().map(evidence)
    }

    /// Where in the block lies what this site's verdict is about: behind a wrapper's own header.
    pub fn offset(self) -> i64 {
        self.record.offset
    }
}

impl std::fmt::Debug for Site<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = out.debug_struct("Site");
        out.field("address", &self.address()).field("callee", &self.callee()).field("size", &self.size());
        out.field("verdict", &self.verdict()).finish_non_exhaustive()
    }
}

/// A function that hands out what another one allocated.
#[derive(Clone, Copy)]
pub struct Wrapper<'s> {
    sites: &'s Sites,
    record: &'s WrapperRecord,
}

impl<'s> Wrapper<'s> {
    pub(super) fn new(sites: &'s Sites, record: &'s WrapperRecord) -> Wrapper<'s> {
        Wrapper { sites, record }
    }

    /// Its debug info.
    pub fn function(self) -> FunctionId {
        FunctionId(self.record.function)
    }

    /// Its symbol.
    pub fn name(self) -> &'s str {
        self.sites.string(self.record.name)
    }

    /// Its code, the part with its entry first: start and end.
    pub fn code(self) -> impl ExactSizeIterator<Item = (Address, Address)> + 's {
        let code = self.sites.code(self.record).iter();
        code.map(|record| (Address(record.low), Address(record.high)))
    }

    /// How the number of bytes comes in.
    pub fn asked(self) -> Asked {
        self.record.asked()
    }

    /// How the block goes out.
    pub fn handed(self) -> Handed {
        self.record.handed()
    }

    /// It ends in a jump to its own allocator: no frame of it is on the stack then.
    pub fn is_tail(self) -> bool {
        self.record.is_tail()
    }
}

impl std::fmt::Debug for Wrapper<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = out.debug_struct("Wrapper");
        out.field("name", &self.name()).field("asked", &self.asked()).field("handed", &self.handed());
        out.finish_non_exhaustive()
    }
}
