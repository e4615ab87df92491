//! Two programs' memory, made for a test.
//!
//! ```text
//!     0x1_0000_0000    the old program's file: variables, functions        0x2_0000_0000    the new program's
//!    0x10_0000_0000    old objects                                        0x20_0000_0000    new objects
//! ```
//!
//! What has not been written is zero in variables, and not there elsewhere. Old objects that nothing becomes of are the new program's,
//! too: the old heap stays where it is.

use crate::diagnostic::Release;
use crate::eval::{Making, Patch, Unreadable, World};
use mcrx_debuginfo::table::{Address, Table, Type, TypeId};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Bytes between objects, so that who writes past one's end is noticed.
const GAP: u64 = 64;

/// A block of memory.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    /// Of what it consists. `None`: that is not known, or it is a variable.
    pub(super) element: Option<TypeId>,
}

/// One program's memory.
#[derive(Debug)]
struct Space {
    blocks: BTreeMap<u64, Block>,
    /// Where the program's file is.
    file: u64,
    /// Where the next object comes.
    next: u64,
}

/// Where each old object has gone, with what is needed for places inside of it; or where something is that is split off it.
pub(super) type Moves<'m> = dyn Fn(u64, Option<Making>) -> Option<u64> + 'm;

/// Both.
pub(super) struct Memory<'m> {
    old: RefCell<Space>,
    new: RefCell<Space>,
    tables: (&'m Table, &'m Table),
    /// Whose memory new blocks are in.
    makes: Cell<Release>,
    /// Old places and what they are in the new program, by whoever knows.
    moves: RefCell<Option<Box<Moves<'m>>>>,
}

impl<'m> Memory<'m> {
    pub(super) fn new(old: &'m Table, new: &'m Table) -> Memory<'m> {
        let space = |file: u64, next| RefCell::new(Space { blocks: BTreeMap::new(), file, next });
        Memory {
            old: space(0x1_0000_0000, 0x10_0000_0000),
            new: space(0x2_0000_0000, 0x20_0000_0000),
            tables: (old, new),
            makes: Cell::new(Release::Old),
            moves: RefCell::new(None),
        }
    }

    fn space(&self, of: Release) -> &RefCell<Space> {
        match of {
            Release::Old => &self.old,
            Release::New => &self.new,
        }
    }

    pub(super) fn table(&self, of: Release) -> &'m Table {
        match of {
            Release::Old => self.tables.0,
            Release::New => self.tables.1,
        }
    }

    /// From now on blocks are this program's.
    pub(super) fn make_for(&self, of: Release) {
        self.makes.set(of);
    }

    /// From now on this says where old places have gone.
    pub(super) fn move_by(&self, moves: Box<Moves<'m>>) {
        *self.moves.borrow_mut() = Some(moves);
    }

    /// All blocks of a program, with their addresses.
    pub(super) fn blocks(&self, of: Release) -> Vec<(u64, Block)> {
        self.space(of).borrow().blocks.iter().map(|(address, block)| (*address, block.clone())).collect()
    }

    /// Memory for a variable, so that it is among the blocks.
    pub(super) fn place_variable(&self, of: Release, linked: Address, size: u64) -> u64 {
        let mut space = self.space(of).borrow_mut();
        let address = space.file.wrapping_add(linked.0);
        let bytes = vec![0; usize::try_from(size).unwrap_or(0)];
        space.blocks.entry(address).or_insert(Block { bytes, element: None });
        address
    }

    /// Writes; a variable that nobody has touched comes into being.
    pub(super) fn write(&self, of: Release, patch: &Patch) -> Result<(), Unreadable> {
        if self.space(of).borrow_mut().put(patch) {
            return Ok(());
        }
        let variable = self.variable(of, patch.address).ok_or(Unreadable)?;
        self.place_variable(of, variable.0, variable.1);
        if self.space(of).borrow_mut().put(patch) { Ok(()) } else { Err(Unreadable) }
    }

    /// The variable that holds an address, and its size.
    fn variable(&self, of: Release, address: u64) -> Option<(Address, u64)> {
        let linked = self.linked(of, address)?;
        let variable = self.table(of).variable_at(linked)?;
        Some((variable.address(), variable.ty().and_then(Type::size)?))
    }
}

impl Space {
    fn over(&self, address: u64, len: usize) -> Option<(u64, usize)> {
        let (start, block) = self.blocks.range(..=address).next_back()?;
        let at = usize::try_from(address - start).ok()?;
        (at.checked_add(len)? <= block.bytes.len()).then_some((*start, at))
    }

    fn get(&self, address: u64, into: &mut [u8]) -> bool {
        let Some((start, at)) = self.over(address, into.len()) else { return false };
        let bytes = self.blocks.get(&start).and_then(|block| block.bytes.get(at..at + into.len()));
        bytes.map(|bytes| into.copy_from_slice(bytes)).is_some()
    }

    fn put(&mut self, patch: &Patch) -> bool {
        let Some((start, at)) = self.over(patch.address, patch.bytes.len()) else { return false };
        let block = self.blocks.get_mut(&start);
        let bytes = block.and_then(|block| block.bytes.get_mut(at..at + patch.bytes.len()));
        bytes.map(|bytes| bytes.copy_from_slice(&patch.bytes)).is_some()
    }
}

impl World for Memory<'_> {
    fn read(&self, of: Release, address: u64, into: &mut [u8]) -> Result<(), Unreadable> {
        if self.space(of).borrow().get(address, into) {
            return Ok(());
        }
        // The old heap stays where it is.
        if of == Release::New && self.old.borrow().get(address, into) {
            return Ok(());
        }
        let (start, size) = self.variable(of, address).ok_or(Unreadable)?;
        let end = self.loaded(of, start).unwrap_or(0).saturating_add(size);
        let len = u64::try_from(into.len()).map_err(|_| Unreadable)?;
        if address.saturating_add(len) > end {
            return Err(Unreadable);
        }
        into.fill(0);
        Ok(())
    }

    fn loaded(&self, of: Release, linked: Address) -> Option<u64> {
        self.space(of).borrow().file.checked_add(linked.0)
    }

    fn linked(&self, of: Release, address: u64) -> Option<Address> {
        let space = self.space(of).borrow();
        let inside = address.checked_sub(space.file)?;
        (inside < 1 << 32).then_some(Address(inside))
    }

    fn counterpart(&self, old: u64) -> Option<u64> {
        match &*self.moves.borrow() {
            Some(moves) => moves(old, None),
            None => Some(old),
        }
    }

    fn apart(&self, old: u64, how: Making) -> Option<u64> {
        match &*self.moves.borrow() {
            Some(moves) => moves(old, Some(how)),
            None => Some(old),
        }
    }

    fn allocate(&self, element: Option<TypeId>, bytes: u64) -> Option<u64> {
        let len = usize::try_from(bytes).ok()?;
        let mut space = self.space(self.makes.get()).borrow_mut();
        let address = space.next;
        space.next = address.checked_add(bytes)?.checked_add(GAP)?.next_multiple_of(GAP);
        space.blocks.insert(address, Block { bytes: vec![0; len], element });
        Some(address)
    }
}
