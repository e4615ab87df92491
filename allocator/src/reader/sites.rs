//! Sites: from the number in a tag to the call stack that made the block.
//!
//! The tables only ever grow, and an entry is complete before its number is given out. So they can be read after the process goes on,
//! and are exact for every block that was seen before.

use super::decode::{index, u32_at, u64_at};
use super::header::Header;
use super::{Address, EntryFault, Error, Heap, Memory, SiteKey, Table};
use crate::abi::{self, FRAMES_OFFSET, MODULES_OFFSET, SITES_OFFSET, SiteRecord};
use std::collections::BTreeMap;
use std::mem::offset_of;

/// Bytes that the build-id of a module may have.
const BUILD_ID_MAX: u32 = 32;
/// Bytes read at a time.
const CHUNK: usize = 1 << 20;

/// The sites of all regions of a heap.
#[derive(Debug)]
pub struct Sites {
    regions: BTreeMap<Address, Tables>,
}

impl Sites {
    /// Reads the sites of a heap, at the earliest when the heap has been read.
    ///
    /// # Errors
    /// The tables cannot be read, or are not what an allocator of this version writes.
    pub fn read(memory: &(impl Memory + ?Sized), heap: &Heap) -> Result<Sites, Error> {
        let mut regions = BTreeMap::new();
        for region in heap.regions() {
            // Anew: a running process may have made sites since.
            let header = Header::read(memory, region.header().base)?;
            regions.insert(header.base, Tables::read(memory, &header)?);
        }
        Ok(Sites { regions })
    }

    /// The site of a block. `None` where none was recorded.
    #[must_use]
    pub fn get(&self, key: SiteKey) -> Option<Site<'_>> {
        let tables = self.regions.get(&key.region)?;
        let record = tables.sites.get(index(key.id.0).checked_sub(1)?)?;
        Some(Site { tables, record })
    }

    /// Every site of every region, in no order that means anything.
    pub fn all(&self) -> impl Iterator<Item = (SiteKey, Site<'_>)> {
        self.regions.iter().flat_map(|(region, tables)| {
            (1..).zip(&tables.sites).map(|(id, record)| {
                (SiteKey { region: *region, id: abi::SiteId(id) }, Site { tables, record })
            })
        })
    }
}

/// The call stack that made a block.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    tables: &'a Tables,
    record: &'a Record,
}

impl<'a> Site<'a> {
    /// The innermost return address, as the process saw it.
    #[must_use]
    pub fn address(&self) -> Address {
        self.record.address
    }

    /// The return addresses, innermost first: one, or as many as caller tables led through.
    pub fn frames(&self) -> impl ExactSizeIterator<Item = Frame<'a>> + use<'a> {
        let Site { tables, record } = *self;
        let frames = tables.frames.get(record.first..record.first + record.depth).unwrap_or(&[]);
        frames.iter().map(|bits| {
            let (number, offset) = abi::Frame::unpack(*bits);
            let module = usize::from(number).checked_sub(1).and_then(|number| tables.modules.get(number));
            Frame { module, offset }
        })
    }
}

/// A return address.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// What it lies in, if that is known.
    pub module: Option<&'a Module>,
    /// Bytes from the start of the module; without one, the address itself.
    pub offset: u64,
}

impl Frame<'_> {
    /// Where it was in the process.
    #[must_use]
    pub fn address(&self) -> Address {
        Address(self.module.map_or(0, |module| module.start.0) + self.offset)
    }
}

/// A file that was loaded when a site in it was first seen. It may have been unloaded since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its lowest address while it was loaded.
    pub start: Address,
    /// The first address past it.
    pub end: Address,
    /// Empty if it has none; cut to 32 bytes.
    pub build_id: Box<[u8]>,
}

/// The tables of one region. Entry 0 of sites and modules stands for none, and is left out.
#[derive(Debug)]
struct Tables {
    sites: Vec<Record>,
    frames: Vec<u64>,
    modules: Vec<Module>,
}

#[derive(Debug)]
struct Record {
    first: usize,
    depth: usize,
    address: Address,
}

impl Tables {
    fn read(memory: &(impl Memory + ?Sized), header: &Header) -> Result<Tables, Error> {
        let source = Source { memory, base: header.base };
        let modules = source.table(Table::Modules, header.modules, &|entry| module(entry))?;
        let extents: Vec<u64> = modules.iter().map(|module: &Module| module.end.0 - module.start.0).collect();
        let frames = source.table(Table::Frames, header.frames, &|entry| frame(entry, &extents))?;
        let sites = source.table(Table::Sites, header.sites, &|entry| record(entry, header.frames))?;
        Ok(Tables { sites, frames, modules })
    }
}

struct Source<'a, M: ?Sized> {
    memory: &'a M,
    base: Address,
}

impl<M: Memory + ?Sized> Source<'_, M> {
    fn table<T>(
        &self,
        table: Table,
        count: u32,
        decode: &dyn Fn(&[u8]) -> Result<T, EntryFault>,
    ) -> Result<Vec<T>, Error> {
        let (offset, size, skip) = match table {
            Table::Sites => (SITES_OFFSET, size_of::<SiteRecord>(), 1),
            Table::Modules => (MODULES_OFFSET, size_of::<abi::Module>(), 1),
            _ => (FRAMES_OFFSET, size_of::<abi::Frame>(), 0),
        };
        let mut entries = Vec::with_capacity(index(count.saturating_sub(skip)));
        let mut bytes = vec![0; CHUNK.min(index(count) * size)];
        let mut number = skip;
        while number < count {
            let batch = index(count - number).min(CHUNK / size);
            let buffer = bytes.get_mut(..batch * size).unwrap_or(&mut []);
            let from = Address(self.base.0 + offset + u64::from(number) * size as u64);
            self.memory.read(from, buffer).map_err(Error::unreadable(self.base, table))?;
            for entry in buffer.chunks_exact(size) {
                let fault = |fault| Error::Entry { base: self.base, table, index: number, fault };
                entries.push(decode(entry).map_err(fault)?);
                number += 1;
            }
        }
        Ok(entries)
    }
}

fn record(entry: &[u8], frames: u32) -> Result<Record, EntryFault> {
    let first = u32_at(entry, offset_of!(SiteRecord, frames));
    let depth = u32_at(entry, offset_of!(SiteRecord, depth));
    let end = u64::from(first) + u64::from(depth);
    if end > u64::from(frames) {
        return Err(EntryFault::Dangling { last: end.saturating_sub(1), count: frames });
    }
    let address = Address(u64_at(entry, offset_of!(SiteRecord, address)));
    Ok(Record { first: index(first), depth: index(depth), address })
}

/// `extents`: bytes of each module, module 1 first.
fn frame(entry: &[u8], extents: &[u64]) -> Result<u64, EntryFault> {
    let bits = u64_at(entry, 0);
    let (module, offset) = abi::Frame::unpack(bits);
    let Some(number) = usize::from(module).checked_sub(1) else { return Ok(bits) };
    match extents.get(number) {
        None => {
            let count = u32::try_from(extents.len() + 1).unwrap_or(u32::MAX);
            Err(EntryFault::Dangling { last: module.into(), count })
        }
        // A call can be the last instruction of a module: then it returns to its end.
        Some(len) if offset > *len => Err(EntryFault::Offset { offset, len: *len }),
        Some(_) => Ok(bits),
    }
}

fn module(entry: &[u8]) -> Result<Module, EntryFault> {
    let start = Address(u64_at(entry, offset_of!(abi::Module, start)));
    let end = Address(u64_at(entry, offset_of!(abi::Module, end)));
    if end < start {
        return Err(EntryFault::Extent { start, end });
    }
    let len = u32_at(entry, offset_of!(abi::Module, build_id_len));
    if len > BUILD_ID_MAX {
        return Err(EntryFault::BuildId(len));
    }
    let id = offset_of!(abi::Module, build_id);
    Ok(Module { start, end, build_id: entry.get(id..id + index(len)).unwrap_or(&[]).into() })
}
