//! What is known of a block's type before any pointer is followed: what the site says that made it.
//!
//! What it does not do: find sites in binaries; [`crate::debug`] has them found.

use crate::image::Process;
use crate::model::{Model, Ty};
use crate::trace::Known;
use mcrx_allocator::reader::SiteKey;
use mcrx_debuginfo::sites::{Extent, Verdict};
use mcrx_debuginfo::table::Address;
use rustc_hash::FxHashMap;

/// What a site says of its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given {
    /// The type.
    pub ty: Ty,
    /// The block holds as many as it has room for. If not: one at its start, and perhaps something else.
    pub whole: bool,
}

/// What is known of each site.
#[derive(Debug, Default)]
pub struct BySite {
    sites: FxHashMap<SiteKey, Made>,
}

#[derive(Debug, Clone, Copy)]
struct Made {
    given: Option<Given>,
    /// The program itself made it, and no library.
    is_own: bool,
}

impl BySite {
    /// Of all sites that made blocks of a process.
    pub fn of(process: &Process, known: &Known, model: &Model<'_>) -> BySite {
        let made =
            |key| Made { given: given(process, known, model, key), is_own: is_own(process, known, key) };
        BySite { sites: known.sites.all().map(|(key, _)| (key, made(key))).collect() }
    }

    /// What a site's blocks are.
    pub fn given(&self, site: Option<SiteKey>) -> Option<Given> {
        self.sites.get(&site?)?.given
    }

    /// Whether the program's own code makes a site's blocks.
    pub fn is_own(&self, site: Option<SiteKey>) -> bool {
        site.and_then(|site| self.sites.get(&site)).is_some_and(|made| made.is_own)
    }
}

/// What a site says of its blocks' type.
fn given(process: &Process, known: &Known, model: &Model<'_>, key: SiteKey) -> Option<Given> {
    let site = known.sites.get(key)?;
    let first = site.frames().next()?.address().0;
    let index = process.modules.iter().position(|module| module.range.contains(&first))?;
    let module = process.modules.get(index)?;
    // A wrapper is known within its own module only.
    let frames = site.frames().map(|frame| frame.address().0).take_while(|at| module.range.contains(at));
    let found =
        known.debug.modules.get(index)?.sites.of_stack(frames.map(|at| Address(module.linked(at))))?;
    let Verdict::Typed { ty, extent, .. } = found.verdict else { return None };
    if found.offset != 0 {
        return None;
    }
    let ty = model.number_of((*known.tables.get(index)?)?, ty)?;
    Some(Given { ty, whole: matches!(extent, Extent::Exactly(_) | Extent::Array) })
}

/// Whether the call that decides is in the program itself.
fn is_own(process: &Process, known: &Known, key: SiteKey) -> bool {
    let last = known.sites.get(key).and_then(|site| site.frames().last());
    let module = last.and_then(|frame| process.module_at(frame.address().0));
    module.is_some_and(|module| module.path == process.executable)
}
