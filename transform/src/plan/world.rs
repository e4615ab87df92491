//! What evaluation sees while a plan is made: an old process, the new one, and where pointers are to lead.

use super::pointers;
use crate::map::{AddressMap, Landing, Lost};
use crate::side::Side;
use crate::target::Room;
use mcrx_debuginfo::table::{Address, TypeId};
use mcrx_dsl::diagnostic::Release;
use mcrx_dsl::eval::{Making, Unreadable, World};
use std::cell::RefCell;

/// Above all addresses: stands for a pointer that leads nowhere, until it is known whether it matters.
const NOWHERE: u64 = 0xBAD0_0000_0000_0000;

/// One object's view. Pointers that lead nowhere are noted, for whether they matter is not known before all of the object is made.
pub(crate) struct View<'v, 'a> {
    /// The process that is read as the old one.
    pub(crate) old: Side<'a>,
    pub(crate) new: Side<'a>,
    /// `None`: pointers stay what they are; for comparisons of two old objects.
    pub(crate) map: Option<&'v AddressMap<'a>>,
    pub(crate) room: &'v dyn Room,
    /// Words of the object that hold more than an address, and the address in each.
    pub(crate) tagged: Vec<(u64, u64)>,
    /// The same of objects that rules take whole.
    tagged_beside: RefCell<Vec<(u64, u64)>>,
    nowhere: RefCell<Vec<(u64, Lost)>>,
    made: RefCell<Vec<(u64, u64)>>,
    wanted: RefCell<Vec<u64>>,
}

impl<'v, 'a> View<'v, 'a> {
    pub(crate) fn new(
        old: Side<'a>,
        new: Side<'a>,
        map: Option<&'v AddressMap<'a>>,
        room: &'v dyn Room,
    ) -> View<'v, 'a> {
        let (nowhere, made, wanted) = (RefCell::default(), RefCell::default(), RefCell::default());
        let (tagged, tagged_beside) = (Vec::new(), RefCell::default());
        View { old, new, map, room, tagged, tagged_beside, nowhere, made, wanted }
    }

    /// The old address that a word of a new object stands for, if it leads nowhere.
    pub(crate) fn nowhere(&self, word: u64) -> Option<(u64, Lost)> {
        let index = word.checked_sub(NOWHERE)?;
        self.nowhere.borrow().get(usize::try_from(index).ok()?).copied()
    }

    /// Notes a pointer that leads nowhere, and gives what stands for it.
    pub(crate) fn note(&self, old: u64, why: Lost) -> u64 {
        let mut nowhere = self.nowhere.borrow_mut();
        nowhere.push((old, why));
        NOWHERE + u64::try_from(nowhere.len() - 1).unwrap_or(0)
    }

    /// Old addresses that pointers lead to which nothing was known to need.
    pub(crate) fn take_wanted(&self) -> Vec<u64> {
        self.wanted.take()
    }

    /// Whether any pointer leads nowhere so far.
    pub(crate) fn has_nowhere(&self) -> bool {
        !self.nowhere.borrow().is_empty()
    }

    /// Blocks that were made since this was last asked: where, and how many bytes.
    pub(crate) fn take_made(&self) -> Vec<(u64, u64)> {
        self.made.take()
    }
}

impl World for View<'_, '_> {
    fn read(&self, of: Release, address: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        // What stays is the new release's as well.
        let process = match of {
            Release::Old => self.old.process(),
            Release::New if self.new.process().memory.segment_at(address).is_some() => self.new.process(),
            Release::New => self.old.process(),
        };
        process.memory.read(address, into).map_err(|_| Unreadable)
    }

    fn loaded(&self, of: Release, linked: Address) -> Option<u64> {
        let side = if of == Release::Old { &self.old } else { &self.new };
        Some(side.program.mapped(linked.0))
    }

    fn linked(&self, of: Release, address: u64) -> Option<Address> {
        let side = if of == Release::Old { &self.old } else { &self.new };
        side.program.range.contains(&address).then(|| Address(side.program.linked(address)))
    }

    fn counterpart(&self, old: u64) -> Option<u64> {
        self.counterpart_of(old, u64::MAX)
    }

    fn counterpart_of(&self, old: u64, bytes: u64) -> Option<u64> {
        let Some(map) = self.map else { return Some(old) };
        let beside = self.tagged_beside.borrow();
        let tagged = self.tagged.iter().chain(beside.iter()).find(|(word, _)| *word == old);
        let address = tagged.map_or(old, |(_, address)| *address);
        match map.get_of(address, bytes) {
            Landing::Same => Some(old),
            Landing::Left => {
                self.wanted.borrow_mut().push(address);
                Some(old)
            }
            Landing::At(new) => Some(new.wrapping_add(old.wrapping_sub(address))),
            Landing::Nothing(why) => Some(self.note(old, why)),
        }
    }

    fn apart(&self, old: u64, how: Making) -> Option<u64> {
        let Some(map) = self.map else { return Some(old) };
        match map.apart(old, how) {
            Landing::Same => Some(old),
            Landing::Left => {
                self.wanted.borrow_mut().push(old);
                Some(old)
            }
            Landing::At(new) => Some(new),
            Landing::Nothing(why) => Some(self.note(old, why)),
        }
    }

    fn taken(&self, old: (u64, u64)) {
        if self.map.is_some() {
            let words = pointers::tagged(&pointers::within(&self.old, old));
            self.tagged_beside.borrow_mut().extend(words);
        }
    }

    fn redirect(&self, old: (u64, u64), place: &dyn Fn(u64) -> Option<u64>, new: &mut [u8]) {
        if let Some(map) = self.map {
            pointers::redirect(&pointers::within(&self.old, old), place, new, map, self);
        }
    }

    fn allocate(&self, _: Option<TypeId>, bytes: u64) -> Option<u64> {
        let address = self.room.block(bytes)?;
        self.made.borrow_mut().push((address, bytes));
        Some(address)
    }
}
