//! What is known of a block's type before any pointer is followed: what the site says that made it, and what facts say.
//!
//! What it does not do: find sites in binaries; [`crate::debug`] has them found.

mod slabs;

use crate::blocks::Blocks;
use crate::facts::SiteReading;
use crate::image::Process;
use crate::model::{Model, Ty};
use crate::trace::Known;
use mcrx_allocator::reader::{Address, Site as HeapSite, SiteKey};
use mcrx_debuginfo::dwarf::Dwarf;
use mcrx_debuginfo::lines::Lines;
use mcrx_debuginfo::sites::{Extent, Verdict};
use mcrx_debuginfo::table;
use rustc_hash::FxHashMap;
use std::cell::RefCell;

/// What a site says of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// The type.
    pub ty: Ty,
    /// Bytes from the block's start to the object: a wrapper may put a header of its own before what it returns.
    pub offset: u64,
    /// The block holds as many as it has room for. If not: one, and perhaps something else.
    pub whole: bool,
}

/// Objects that are known to lie side by side somewhere, whoever points to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Placed {
    /// The first one's first byte.
    pub address: u64,
    /// Of each.
    pub ty: Ty,
    /// Bytes from one to the next: at least one's size.
    pub stride: u64,
    /// How many.
    pub count: u64,
}

/// What is known of each site.
#[derive(Debug, Default)]
pub struct BySite {
    /// For each region its sites, by their numbers.
    regions: Vec<(Address, Vec<Made>)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Made {
    given: Option<Given>,
    /// The program itself made it, and no library.
    is_own: bool,
}

impl BySite {
    /// Of all sites that made blocks of a process.
    pub fn of(process: &Process, known: &Known, model: &Model<'_>) -> BySite {
        let asking = Asking::new(process, known, model);
        let made = |site: &HeapSite<'_>| Made { given: asking.given(site), is_own: is_own(process, site) };
        let mut by_site = BySite::default();
        known.sites.all().for_each(|(key, site)| by_site.put(key, made(&site)));
        by_site
    }

    /// Of sites that are listed, all the program's own. For tests.
    pub fn listed(sites: impl IntoIterator<Item = (SiteKey, Given)>) -> BySite {
        let mut by_site = BySite::default();
        for (key, given) in sites {
            by_site.put(key, Made { given: Some(given), is_own: true });
        }
        by_site
    }

    fn put(&mut self, key: SiteKey, made: Made) {
        let place = self.regions.iter().position(|(region, _)| *region == key.region);
        let place = place.unwrap_or_else(|| {
            self.regions.push((key.region, Vec::new()));
            self.regions.len() - 1
        });
        let Ok(number) = usize::try_from(key.id.0) else { return };
        let Some((_, sites)) = self.regions.get_mut(place) else { return };
        if sites.len() <= number {
            sites.resize(number + 1, Made::default());
        }
        sites[number] = made;
    }

    #[inline]
    fn made(&self, site: Option<SiteKey>) -> Option<&Made> {
        let key = site?;
        let (_, sites) = self.regions.iter().find(|(region, _)| *region == key.region)?;
        sites.get(usize::try_from(key.id.0).ok()?)
    }

    /// What a site's blocks are.
    #[inline]
    pub fn given(&self, site: Option<SiteKey>) -> Option<Given> {
        self.made(site)?.given
    }

    /// Whether the program's own code makes a site's blocks.
    #[inline]
    pub fn is_own(&self, site: Option<SiteKey>) -> bool {
        self.made(site).is_some_and(|made| made.is_own)
    }
}

/// All objects whose places are known before any pointer is followed: those of the program's own slabs. They do not overlap.
pub fn placed(process: &Process, blocks: &Blocks<'_>, model: &Model<'_>) -> Vec<Placed> {
    slabs::find(&process.memory, blocks, model)
}

/// Who is asked what sites make.
struct Asking<'a> {
    process: &'a Process,
    known: &'a Known,
    model: &'a Model<'a>,
    /// Functions that were inlined, for each module; where no fact names a function, they are not needed.
    lines: Vec<Option<Lines<'a>>>,
    /// What facts say of return addresses that were asked for: few calls make all blocks.
    seen: RefCell<FxHashMap<u64, Option<&'a SiteReading>>>,
}

impl<'a> Asking<'a> {
    fn new(process: &'a Process, known: &'a Known, model: &'a Model<'a>) -> Asking<'a> {
        let mut lines = Vec::new();
        if !model.facts().sites.is_empty() {
            let dwarf = |module: &'a crate::debug::Described| -> Option<Dwarf<'a>> {
                module.table.as_ref().and(module.binary.as_ref())?.dwarf().ok()
            };
            lines.extend(known.debug.modules.iter().map(|module| Lines::new(&dwarf(module)?).ok()));
        }
        Asking { process, known, model, lines, seen: RefCell::default() }
    }

    /// What a site says of its blocks' type.
    fn given(&self, site: &HeapSite<'_>) -> Option<Given> {
        let mut frames: Vec<u64> = site.frames().map(|frame| frame.address().0).collect();
        // The innermost function that a fact is about says it, unless that one leaves it to its callers.
        while let Some((place, reading)) = self.said(&frames) {
            let whole = |ty| Some(Given { ty, offset: 0, whole: true });
            match reading {
                SiteReading::Of(name) => return whole(self.model.named(name)?),
                SiteReading::NoPointers => return whole(self.model.byte()?),
                SiteReading::CallerDecides => frames.drain(..=place),
            };
        }
        let first = *frames.first()?;
        let index = self.process.module_index(first)?;
        let module = self.process.modules.get(index)?;
        if self.is_opaque(index) {
            return None;
        }
        // A wrapper is known within its own module only.
        let frames = frames.into_iter().take_while(|at| module.range.contains(at));
        let sites = &self.known.debug.modules.get(index)?.sites;
        let found = sites.of_stack(frames.map(|at| table::Address(module.linked(at))))?;
        let Verdict::Typed { ty, extent, .. } = found.verdict() else { return None };
        let ty = self.model.number_of((*self.known.tables.get(index)?)?, ty)?;
        let whole = matches!(extent, Extent::Exactly(_) | Extent::Array);
        Some(Given { ty, offset: u64::try_from(found.offset()).ok()?, whole })
    }

    /// What a fact says of the innermost frame that one is about, and which frame that is.
    fn said(&self, frames: &[u64]) -> Option<(usize, &'a SiteReading)> {
        let facts = self.model.facts();
        if facts.sites.is_empty() {
            return None;
        }
        let of_frame =
            |frame: &u64| *self.seen.borrow_mut().entry(*frame).or_insert_with(|| self.said_of(*frame));
        frames.iter().enumerate().find_map(|(place, frame)| Some((place, of_frame(frame)?)))
    }

    /// What a fact says of the functions that a call, of which this is the return address, is in.
    fn said_of(&self, frame: u64) -> Option<&'a SiteReading> {
        // The call is before the address that it returns to.
        let at = frame.checked_sub(1)?;
        let inlined = self.inlined(at);
        let function = self.known.debug.function(self.process, at).map(|(name, _)| name.to_owned());
        inlined.iter().chain(&function).find_map(|name| self.model.facts().site(name))
    }

    /// The functions that were inlined where an address is, innermost first, and the one that they were inlined into.
    fn inlined(&self, address: u64) -> Vec<String> {
        let found = self.process.module_index(address).and_then(|index| {
            let lines = self.lines.get(index)?.as_ref()?;
            let frames =
                lines.frames(table::Address(self.process.modules.get(index)?.linked(address))).ok()?;
            Some(frames.into_iter().filter_map(|frame| Some(frame.function?.into_owned())).collect())
        });
        found.unwrap_or_default()
    }

    fn is_opaque(&self, module: usize) -> bool {
        let module = self.process.modules.get(module);
        module.is_some_and(|module| self.model.facts().is_opaque(&module.path))
    }
}

/// Whether the call that decides is in the program itself.
fn is_own(process: &Process, site: &HeapSite<'_>) -> bool {
    let last = site.frames().last();
    let module = last.and_then(|frame| process.module_at(frame.address().0));
    module.is_some_and(|module| module.path == process.executable)
}
