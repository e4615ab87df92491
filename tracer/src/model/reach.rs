//! Values that facts speak of: from names to offsets, when a type is compiled, and from those to the value in a process.
//!
//! What it does not do: know facts; `told` says what the values are for.

use super::Model;
use crate::facts::{Path, Step, is_named};
use crate::image::Memory;
use mcrx_debuginfo::table::{Encoding, Kind, Storage, Tag, Type};

/// Bytes that are at hand, and where in them the object begins whose pointer map is being followed.
#[derive(Clone, Copy)]
pub(crate) struct Here<'a> {
    pub(crate) memory: &'a Memory,
    /// Of the first of the bytes.
    pub(crate) address: u64,
    pub(crate) bytes: &'a [u8],
    /// From the first of the bytes to the object.
    pub(crate) base: u64,
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Where to begin.
    start: Start,
    /// To be added to the pointer that was found, which is then followed; in order.
    hops: Vec<u64>,
    leaf: Leaf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// Bytes from the start of the object.
    Object(u64),
    /// An address of the process.
    Address(u64),
}

/// How a value is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Leaf {
    /// Bytes to read: 1 to 8; 0 for what is no single value.
    size: u8,
    /// How far to shift what was read.
    shift: u8,
    /// Bits that count then.
    bits: u8,
    signed: bool,
}

#[derive(Clone, Copy)]
enum Spot {
    /// So many bytes from the first of those at hand.
    Within(u64),
    At(u64),
}

/// A value whose place is known, and its type.
pub(crate) struct Found<'t> {
    pub(crate) reach: Reach,
    pub(crate) ty: Type<'t>,
}

impl Reach {
    /// Where the value is, as an address. `None`: it cannot be had.
    pub(crate) fn address(&self, here: Here<'_>) -> Option<u64> {
        match self.spot(here)? {
            Spot::Within(offset) => here.address.checked_add(offset),
            Spot::At(address) => Some(address),
        }
    }

    /// The value, as 64 bits: with its sign, if its type has one.
    pub(crate) fn value(&self, here: Here<'_>) -> Option<u64> {
        let spot = self.spot(here)?;
        let size = usize::from(self.leaf.size);
        let bytes = read(here, spot, size).filter(|_| size > 0)?;
        let mut word = [0; 8];
        word.get_mut(..size)?.copy_from_slice(bytes);
        let unused = 64 - u32::from(self.leaf.bits);
        let up = (u64::from_le_bytes(word) >> self.leaf.shift) << unused;
        Some(if self.leaf.signed { (up.cast_signed() >> unused).cast_unsigned() } else { up >> unused })
    }

    /// The bits that a value of this width has.
    pub(super) fn mask(&self) -> u64 {
        u64::MAX >> (64 - u32::from(self.leaf.bits).clamp(1, 64))
    }

    fn spot(&self, here: Here<'_>) -> Option<Spot> {
        let mut spot = match self.start {
            Start::Object(offset) => Spot::Within(here.base.checked_add(offset)?),
            Start::Address(address) => Spot::At(address),
        };
        for hop in &self.hops {
            let pointer = read(here, spot, 8)?.first_chunk().map(|word| u64::from_le_bytes(*word))?;
            spot = Spot::At(pointer.checked_add(*hop).filter(|_| pointer != 0)?);
        }
        Some(spot)
    }
}

fn read<'a>(here: Here<'a>, spot: Spot, len: usize) -> Option<&'a [u8]> {
    match spot {
        Spot::At(address) => here.memory.bytes(address, len),
        Spot::Within(offset) => here.bytes.get(usize::try_from(offset).ok()?..)?.get(..len),
    }
}

impl<'t> Model<'t> {
    /// The value at the end of a path that begins in an object of a type, `base` bytes into what is at hand.
    pub(crate) fn reach(&self, ty: Type<'t>, base: u64, path: &Path) -> Option<Found<'t>> {
        self.follow(ty, Start::Object(base), &path.steps)
    }

    /// The same of a path that begins with a global variable's name: of several static ones, the first with such members.
    pub(crate) fn reach_global(&self, path: &Path) -> Option<Found<'t>> {
        let (Step::Member(name), steps) = path.steps.split_first()? else { return None };
        self.tables.iter().find_map(|loaded| {
            let variables = loaded.table.variables_named(name);
            let mut variables = variables.filter(|variable| variable.storage() == Storage::Static);
            variables.find_map(|variable| {
                let address = variable.address().0.wrapping_add(loaded.bias);
                self.follow(variable.ty()?, Start::Address(address), steps)
            })
        })
    }

    fn follow(&self, ty: Type<'t>, start: Start, steps: &[Step]) -> Option<Found<'t>> {
        let mut ty = ty.resolved()?;
        // In bits, from the start and from each pointer on.
        let mut offsets = vec![0u64];
        let mut bit_size = None;
        for step in steps {
            if bit_size.is_some() {
                return None;
            }
            let through = match ty.kind() {
                Kind::Pointer(target) => {
                    offsets.push(0);
                    ty = target?.resolved()?;
                    true
                }
                _ => false,
            };
            let bits = match (step, ty.kind()) {
                (Step::Member(name), _) => {
                    let (bits, member) = ty.field(name)?;
                    bit_size = member.bit_size();
                    ty = member.ty()?.resolved()?;
                    bits
                }
                (Step::Index(index), _) if through => index.checked_mul(ty.size()?)?.checked_mul(8)?,
                (Step::Index(index), Kind::Array { element: Some(element), .. }) => {
                    ty = element.resolved()?;
                    index.checked_mul(ty.size()?)?.checked_mul(8)?
                }
                (Step::Index(_), _) => return None,
            };
            let last = offsets.last_mut()?;
            *last = last.checked_add(bits)?;
        }
        let leaf = Leaf::of(ty, offsets.last()? % 8, bit_size);
        let mut hops = offsets.into_iter().map(|bits| bits / 8);
        let first = hops.next()?;
        let start = match start {
            Start::Object(base) => Start::Object(base.checked_add(first)?),
            Start::Address(address) => Start::Address(address.checked_add(first)?),
        };
        Some(Found { reach: Reach { start, hops: hops.collect(), leaf }, ty })
    }

    /// All values that a pattern of a name stands for, where they are told by something of a type.
    pub(super) fn values_named(&self, pattern: &str, ty: Type<'_>) -> Vec<u64> {
        let mut values = Vec::new();
        let mut add = |ty: Type<'_>| {
            let named = ty.enumerators().filter(|constant| is_named(pattern, constant.name));
            values.extend(named.map(|constant| constant.value.cast_unsigned()));
        };
        match ty.kind() {
            Kind::Enumeration(_) => add(ty),
            Kind::Base(_) => {
                let all = self.tables.iter().flat_map(|loaded| loaded.table.types());
                all.filter(|ty| ty.tag() == Tag::Enumeration).for_each(add);
            }
            _ => {
                for loaded in &self.tables {
                    let functions = loaded.table.functions().filter(|one| is_named(pattern, one.name()));
                    let code = functions.filter_map(|function| Some(function.code()?.0));
                    let variables = loaded
                        .table
                        .variables()
                        .filter(|one| one.storage() == Storage::Static && is_named(pattern, one.name()));
                    let data = variables.map(|variable| variable.address());
                    values.extend(code.chain(data).map(|linked| linked.0.wrapping_add(loaded.bias)));
                }
            }
        }
        values.sort_unstable();
        values.dedup();
        values
    }
}

impl Leaf {
    fn of(ty: Type<'_>, shift: u64, bit_size: Option<u32>) -> Leaf {
        let signed = match ty.kind() {
            Kind::Base(encoding) => matches!(encoding, Encoding::Signed | Encoding::SignedChar),
            Kind::Enumeration(_) => !ty.flags().unsigned,
            _ => false,
        };
        let is_value = matches!(ty.kind(), Kind::Base(_) | Kind::Enumeration(_) | Kind::Pointer(_));
        let bits = bit_size.map_or_else(|| ty.size().unwrap_or(0).saturating_mul(8), u64::from);
        let bytes = (shift + bits).div_ceil(8);
        match (u8::try_from(shift), u8::try_from(bits), u8::try_from(bytes)) {
            (Ok(shift), Ok(bits @ 1..=64), Ok(size @ 1..=8)) if is_value => {
                Leaf { size, shift, bits, signed }
            }
            _ => Leaf { size: 0, shift: 0, bits: 0, signed: false },
        }
    }
}
