//! What is known of a block's type before any pointer is followed: what the site says that made it, and what facts say.
//!
//! What it does not do: find sites in binaries; [`crate::debug`] has them found.

mod pools;
mod sites;
mod slabs;

use crate::blocks::{Block, Blocks};
use crate::image::Process;
use crate::model::{Model, Ty};
use crate::trace::Known;
use mcrx_allocator::reader::{Address, Site as HeapSite, SiteKey};
use sites::Asking;

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
    /// What somebody else knows of single blocks, by their addresses.
    told: Vec<(u64, Ty)>,
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
        let asking = Asking::new(process, &known.debug, &known.tables, model);
        let made = |site: &HeapSite<'_>| {
            // What is behind a frame that is gone does not say whose the block is.
            let frames = site.frames().map_while(|frame| process.frame_address(&frame)).collect();
            Made { given: asking.given(frames), is_own: is_own(process, site) }
        };
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

    /// The same, where somebody knows of single blocks, by their addresses, what fills them: that comes before what sites say.
    #[must_use]
    pub fn told(mut self, mut blocks: Vec<(u64, Ty)>) -> BySite {
        blocks.sort_unstable();
        self.told = blocks;
        self
    }

    /// What a block is, as far as it is known before any pointer is followed.
    #[inline]
    pub fn of_block(&self, block: &Block) -> Option<Given> {
        let told = match self.told.is_empty() {
            true => None,
            false => self.told.binary_search_by_key(&block.address, |(address, _)| *address).ok(),
        };
        match told.and_then(|place| self.told.get(place)) {
            Some((_, ty)) => Some(Given { ty: *ty, offset: 0, whole: true }),
            None => self.given(block.site),
        }
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

/// From which address on nothing of a block is in use that a pool hands out in parts. `None`: it is not known.
pub fn end_of_use(process: &Process, pool: &Block, model: &Model<'_>, sites: &BySite) -> Option<u64> {
    pools::end_of_use(&process.memory, model, sites, pool)
}

/// Whether the call that decides is in the program itself.
fn is_own(process: &Process, site: &HeapSite<'_>) -> bool {
    let last = site.frames().last();
    let module = last.and_then(|frame| process.module_at(process.frame_address(&frame)?));
    module.is_some_and(|module| module.path == process.executable)
}
