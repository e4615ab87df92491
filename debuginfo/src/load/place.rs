//! Where variables and functions are: location expressions and ranges.

use super::attributes::FunctionAttributes;
use super::error::Fault;
use super::reader::{End, Ranges};
use super::source::Source;
use crate::table::Storage;
use gimli::constants as dw;
use gimli::{DebugRngListsIndex, RawRangeListsOffset, Reader};

/// A variable's place, if its expression gives one that is the same for as long as the program, or a thread, runs.
///
/// What computes a value, or puts a variable together from pieces, gives none.
pub(super) fn variable(source: &Source<'_, '_>, expression: &[u8]) -> Option<(Storage, u64)> {
    let (unit, dwarf) = (&source.unit.unit, &source.unit.dwarf);
    let mut rest = crate::dwarf::Slice::new(expression, gimli::LittleEndian);
    let indexed = |rest: &mut crate::dwarf::Slice<'_>| {
        let index = usize::try_from(rest.read_uleb128().ok()?).ok()?;
        dwarf.address(unit, gimli::DebugAddrIndex(index)).ok()
    };
    let (address, may_be_static) = match dw::DwOp(rest.read_u8().ok()?) {
        dw::DW_OP_addr => (rest.read_u64().ok()?, true),
        dw::DW_OP_addrx | dw::DW_OP_GNU_addr_index => (indexed(&mut rest)?, true),
        dw::DW_OP_constx | dw::DW_OP_GNU_const_index => (indexed(&mut rest)?, false),
        dw::DW_OP_const8u => (rest.read_u64().ok()?, false),
        dw::DW_OP_const4u => (u64::from(rest.read_u32().ok()?), false),
        dw::DW_OP_const2u => (u64::from(rest.read_u16().ok()?), false),
        dw::DW_OP_const1u => (u64::from(rest.read_u8().ok()?), false),
        dw::DW_OP_constu => (rest.read_uleb128().ok()?, false),
        dw::DwOp(operation) if (dw::DW_OP_lit0.0..=dw::DW_OP_lit31.0).contains(&operation) => {
            (u64::from(operation - dw::DW_OP_lit0.0), false)
        }
        _ => return None,
    };
    let mut storage = Storage::Static;
    let mut address = address;
    while !rest.is_empty() {
        match dw::DwOp(rest.read_u8().ok()?) {
            dw::DW_OP_GNU_push_tls_address | dw::DW_OP_form_tls_address if storage == Storage::Static => {
                storage = Storage::ThreadLocal;
            }
            dw::DW_OP_plus_uconst => address = address.checked_add(rest.read_uleb128().ok()?)?,
            _ => return None,
        }
    }
    // Linkers put 0 (or -1) where they have dropped the section that a variable was in.
    let dropped = address == 0 || is_tombstone(address);
    match storage {
        Storage::Static if !may_be_static || dropped => None,
        storage => Some((storage, address)),
    }
}

fn is_tombstone(address: u64) -> bool {
    address >= u64::MAX - 1
}

/// The runs of code of a function, with the one that it is entered by first. Empty: it has none, or the linker dropped it.
pub(super) fn function(
    source: &Source<'_, '_>,
    of: &FunctionAttributes<'_>,
) -> Result<Vec<(u64, u64)>, Fault> {
    let (dwarf, unit) = (&source.unit.dwarf, &source.unit.unit);
    let mut runs = Vec::new();
    if let Some(ranges) = of.ranges {
        let offset = match ranges {
            Ranges::Index(index) => dwarf.ranges_offset(unit, DebugRngListsIndex(index))?,
            Ranges::Offset(offset) => dwarf.ranges_offset_from_raw(unit, RawRangeListsOffset(offset)),
        };
        let mut list = dwarf.ranges(unit, offset)?;
        while let Some(range) = list.next()? {
            source.budget().ranges(1)?;
            if range.begin != 0 && range.begin < range.end {
                runs.push((range.begin, range.end));
            }
        }
        let entry = of.entry.or(of.low);
        if let Some(first) = runs.iter().position(|(low, _)| Some(*low) == entry) {
            runs.swap(0, first);
        }
    } else if let (Some(low), Some(high)) = (of.low, of.high) {
        let high = match high {
            End::Address(high) => Some(high),
            End::After(length) => low.checked_add(length),
        };
        if let Some(high) = high.filter(|high| low != 0 && !is_tombstone(low) && low < *high) {
            runs.push((low, high));
        }
    }
    Ok(runs)
}
