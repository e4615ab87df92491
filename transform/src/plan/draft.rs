//! The new image as the plan would leave it, for what rules do when all objects are made: `for each`, `assert`, the values of calls.

use super::world::View;
use super::writes::Writes;
use mcrx_debuginfo::table::{Address, TypeId};
use mcrx_dsl::diagnostic::Release;
use mcrx_dsl::eval::{Making, Unreadable, World};
use rustc_hash::FxHashMap;
use std::cell::RefCell;

/// Bytes of a page.
const PAGE: u64 = 4096;

/// Pages that are written to; behind them what the view shows.
pub(super) struct Draft<'d, 'v, 'a> {
    view: &'d View<'v, 'a>,
    pages: RefCell<FxHashMap<u64, Box<[u8]>>>,
}

impl<'d, 'v, 'a> Draft<'d, 'v, 'a> {
    pub(super) fn of(view: &'d View<'v, 'a>, writes: &Writes) -> Draft<'d, 'v, 'a> {
        let draft = Draft { view, pages: RefCell::default() };
        writes.iter().for_each(|(address, bytes)| draft.write(address, bytes));
        draft
    }

    /// What is not there yet, as a new block, is zero.
    pub(super) fn write(&self, address: u64, bytes: &[u8]) {
        let mut pages = self.pages.borrow_mut();
        for (page, at, part) in parts(address, bytes.len()) {
            let content = pages.entry(page).or_insert_with(|| self.page(page));
            let from = bytes.get(part);
            if let (Some(from), Some(to)) = (from, content.get_mut(at)) {
                to.copy_from_slice(from);
            }
        }
    }

    fn page(&self, page: u64) -> Box<[u8]> {
        let mut content = vec![0; usize::try_from(PAGE).unwrap_or(0)];
        // A page may be mapped in parts only: its words are looked at one by one then.
        if self.view.read(Release::New, page, &mut content).is_err() {
            for (word, at) in content.chunks_mut(8).zip((page..).step_by(8)) {
                if self.view.read(Release::New, at, word).is_err() {
                    word.fill(0);
                }
            }
        }
        content.into_boxed_slice()
    }
}

/// The pages that bytes at an address lie in: of each its address, which of its bytes, and which of the others.
fn parts(
    address: u64,
    len: usize,
) -> impl Iterator<Item = (u64, std::ops::Range<usize>, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = address.checked_add(u64::try_from(done).ok()?)?;
        let page = at & !(PAGE - 1);
        let start = usize::try_from(at - page).ok()?;
        let count = (usize::try_from(PAGE).ok()? - start).min(len - done);
        let part = (count > 0).then_some((page, start..start + count, done..done + count));
        done += count;
        part
    })
}

impl World for Draft<'_, '_, '_> {
    fn read(&self, of: Release, address: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        if of == Release::Old {
            return self.view.read(of, address, into);
        }
        let pages = self.pages.borrow();
        for (page, at, part) in parts(address, into.len()) {
            let Some(to) = into.get_mut(part) else { return Err(Unreadable) };
            match pages.get(&page).and_then(|content| content.get(at.clone())) {
                Some(from) => to.copy_from_slice(from),
                None => {
                    let start = page + u64::try_from(at.start).unwrap_or(0);
                    self.view.read(of, start, to)?;
                }
            }
        }
        Ok(())
    }

    fn loaded(&self, of: Release, linked: Address) -> Option<u64> {
        self.view.loaded(of, linked)
    }

    fn linked(&self, of: Release, address: u64) -> Option<Address> {
        self.view.linked(of, address)
    }

    fn counterpart(&self, old: u64) -> Option<u64> {
        self.view.counterpart(old)
    }

    fn counterpart_of(&self, old: u64, bytes: u64) -> Option<u64> {
        self.view.counterpart_of(old, bytes)
    }

    fn apart(&self, old: u64, how: Making) -> Option<u64> {
        self.view.apart(old, how)
    }

    fn taken(&self, old: (u64, u64)) {
        self.view.taken(old);
    }

    fn redirect(&self, old: (u64, u64), place: &dyn Fn(u64) -> Option<u64>, new: &mut [u8]) {
        self.view.redirect(old, place, new);
    }

    fn allocate(&self, element: Option<TypeId>, bytes: u64) -> Option<u64> {
        self.view.allocate(element, bytes)
    }
}
