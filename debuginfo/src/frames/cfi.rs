//! Call frame information of one binary: for an address, how the frame there is laid out.
//!
//! `.eh_frame` is looked up through its sorted index, `.eh_frame_hdr`: nothing is parsed but the entry found. `.debug_frame`, and an
//! `.eh_frame` without index, get an index of our own when they are first needed.

use super::register::Register;
use super::sorted::Sorted;
use crate::dwarf::Slice;
use crate::file::{Binary, Unwind};
use crate::table::Address;
use gimli::{
    BaseAddresses, CfaRule, CieOrFde, EhFrameOffset, Encoding, Expression, FrameDescriptionEntry,
    RegisterRule, UnwindContext, UnwindExpression, UnwindSection,
};
use std::sync::OnceLock;

/// What says how to unwind a binary.
pub(crate) struct Cfi<'b> {
    unwind: Unwind<'b>,
    sorted: Option<Sorted<'b>>,
    eh_frame: OnceLock<Vec<Extent>>,
    debug_frame: OnceLock<Vec<Extent>>,
}

/// Which code an entry is about.
struct Extent {
    low: u64,
    high: u64,
    offset: usize,
}

/// Room that looking up needs, to be used again.
pub(crate) type Room = UnwindContext<usize>;

/// How the frame at an address is laid out: a row of the unwind table.
pub(crate) struct Rules<'b> {
    pub(crate) cfa: Cfa<'b>,
    pub(crate) registers: [Rule<'b>; 17],
    /// Of the kernel's making: what is above was interrupted, not called.
    pub(crate) is_signal_trampoline: bool,
    pub(crate) encoding: Encoding,
}

/// How the canonical frame address is found: by ABI, the caller's stack pointer.
#[derive(Clone, Copy)]
pub(crate) enum Cfa<'b> {
    Register(gimli::Register, i64),
    Expression(Expression<Slice<'b>>),
}

/// How a register of the caller is found.
#[derive(Clone, Copy)]
pub(crate) enum Rule<'b> {
    /// As the ABI has it.
    Unspecified,
    Undefined,
    SameValue,
    /// Saved at this distance from the canonical frame address.
    Saved(i64),
    /// The canonical frame address and this.
    Is(i64),
    In(gimli::Register),
    SavedAt(Expression<Slice<'b>>),
    IsExpression(Expression<Slice<'b>>),
    Constant(u64),
    Unknown,
}

/// Why there are no rules for an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CfiError {
    #[error("no entry covers the address")]
    None,
    #[error("{0}")]
    Damaged(gimli::Error),
}

impl From<gimli::Error> for CfiError {
    fn from(error: gimli::Error) -> CfiError {
        match error {
            gimli::Error::NoUnwindInfoForAddress => CfiError::None,
            error => CfiError::Damaged(error),
        }
    }
}

impl Rules<'_> {
    /// Whether the return address is where calls put it: in the 8 bytes below the canonical frame address.
    pub(crate) fn returns_at_end(&self) -> bool {
        matches!(self.registers[Register::Rip as usize], Rule::Saved(-8))
    }
}

impl<'b> Cfi<'b> {
    pub(crate) fn new(binary: &'b Binary) -> Cfi<'b> {
        let unwind = binary.unwind();
        let sorted = binary.section(".eh_frame_hdr").zip(unwind.bases.eh_frame_hdr.section);
        let sorted = sorted.and_then(|(section, base)| Sorted::of(section, base));
        Cfi { unwind, sorted, eh_frame: OnceLock::new(), debug_frame: OnceLock::new() }
    }

    /// The row for an address.
    pub(crate) fn rules(&self, address: Address, room: &mut Room) -> Result<Rules<'b>, CfiError> {
        let Unwind { eh_frame, debug_frame, bases, .. } = &self.unwind;
        let by_header = self.sorted.as_ref().and_then(|sorted| {
            let offset = sorted.entry(address.0)?.checked_sub(bases.eh_frame.section?)?;
            let offset = EhFrameOffset(usize::try_from(offset).ok()?);
            let fde = eh_frame.fde_from_offset(bases, offset, UnwindSection::cie_from_offset).ok()?;
            fde.contains(address.0).then_some(fde)
        });
        if let Some(fde) = by_header {
            return row(eh_frame, bases, &fde, address, room);
        }
        // The index knows all entries.
        let index = self.eh_frame.get_or_init(|| match self.sorted {
            Some(_) => Vec::new(),
            None => extents(eh_frame, bases),
        });
        match find(eh_frame, bases, index, address) {
            Ok(fde) => return row(eh_frame, bases, &fde, address, room),
            Err(CfiError::None) => {}
            Err(error) => return Err(error),
        }
        let index = self.debug_frame.get_or_init(|| extents(debug_frame, bases));
        let fde = find(debug_frame, bases, index, address)?;
        row(debug_frame, bases, &fde, address, room)
    }
}

/// The extents of all entries, sorted. Ends at the first damaged entry: where the next one begins is not known then.
fn extents<'b, S: UnwindSection<Slice<'b>>>(section: &S, bases: &BaseAddresses) -> Vec<Extent> {
    let mut extents = Vec::new();
    let mut entries = section.entries(bases);
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        if let Ok(fde) = partial.parse(S::cie_from_offset)
            && fde.initial_address() < fde.end_address()
        {
            let (low, high) = (fde.initial_address(), fde.end_address());
            extents.push(Extent { low, high, offset: fde.offset() });
        }
    }
    extents.sort_by_key(|extent| extent.low);
    extents
}

fn find<'b, S: UnwindSection<Slice<'b>>>(
    section: &S,
    bases: &BaseAddresses,
    index: &[Extent],
    Address(address): Address,
) -> Result<FrameDescriptionEntry<Slice<'b>>, CfiError> {
    let before = index.partition_point(|extent| extent.low <= address);
    let extent = before.checked_sub(1).and_then(|last| index.get(last));
    let extent = extent.filter(|extent| address < extent.high).ok_or(CfiError::None)?;
    Ok(section.fde_from_offset(bases, extent.offset.into(), S::cie_from_offset)?)
}

fn row<'b, S: UnwindSection<Slice<'b>>>(
    section: &S,
    bases: &BaseAddresses,
    fde: &FrameDescriptionEntry<Slice<'b>>,
    address: Address,
    room: &mut Room,
) -> Result<Rules<'b>, CfiError> {
    let found = fde.unwind_info_for_address(section, bases, room, address.0)?;
    let expression = |expression: &UnwindExpression<usize>| expression.get(section);
    let cfa = match found.cfa() {
        CfaRule::RegisterAndOffset { register, offset } => Cfa::Register(*register, *offset),
        CfaRule::Expression(it) => Cfa::Expression(expression(it)?),
    };
    let mut registers = [Rule::Unspecified; 17];
    let return_address = fde.cie().return_address_register();
    for (register, rule) in found.registers() {
        let rule = match rule {
            RegisterRule::Undefined => Rule::Undefined,
            RegisterRule::SameValue => Rule::SameValue,
            RegisterRule::Offset(offset) => Rule::Saved(*offset),
            RegisterRule::ValOffset(offset) => Rule::Is(*offset),
            RegisterRule::Register(other) => Rule::In(*other),
            RegisterRule::Expression(it) => Rule::SavedAt(expression(it)?),
            RegisterRule::ValExpression(it) => Rule::IsExpression(expression(it)?),
            RegisterRule::Constant(value) => Rule::Constant(*value),
            _ => Rule::Unknown,
        };
        let register =
            if *register == return_address { Some(Register::Rip) } else { Register::of(*register) };
        if let Some(slot) = register.and_then(|register| registers.get_mut(usize::from(register as u8))) {
            *slot = rule;
        }
    }
    Ok(Rules {
        cfa,
        registers,
        is_signal_trampoline: fde.is_signal_trampoline(),
        encoding: fde.cie().encoding(),
    })
}
