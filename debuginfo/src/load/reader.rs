//! Reading entries: what comes next, how deep it is, and those of its attributes that matter.
//!
//! Nothing here returns an error: this is where the time goes, and passing errors on from each step takes half of it. The first fault is
//! kept in the [`Source`], where nothing comes after it, and [`Source::settle`] tells.

mod bytes;

use super::error::Fault;
use super::plan::{Action, Plan, Step};
use super::source::{Reference, Source};
use super::text::Text;
use crate::dwarf::{DieRef, Slice};
use gimli::constants as dw;
use gimli::{DebugInfoOffset, DebugTypeSignature, DwAt, DwForm, Encoding, Format, UnitOffset};

/// The next entries of a unit.
pub(super) struct Reader<'s, 'u, 'a> {
    source: &'s Source<'u, 'a>,
    rest: &'a [u8],
    encoding: Encoding,
    /// Of the unit, where `rest` ends.
    end: usize,
    depth: isize,
}

/// An entry whose attributes are read next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// From the start of its unit.
    pub(super) die: u32,
    /// Below the entry that reading began at.
    pub(super) depth: isize,
    pub(super) plan: Plan,
}

/// The value of an attribute in one of the rarer forms.
enum Value<'a> {
    Unsigned(u64),
    Signed(i64),
    Flag(bool),
    Text(Text<'a>),
    Reference(Reference),
    /// An expression, or bytes that may be one.
    Block(&'a [u8]),
    Address(u64),
    ListIndex(usize),
    Other,
}

/// A constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Unsigned(u64),
    Signed(i64),
}

impl Number {
    pub(super) fn unsigned(self) -> Option<u64> {
        match self {
            Number::Unsigned(value) => Some(value),
            Number::Signed(value) => u64::try_from(value).ok(),
        }
    }

    /// Of 8 bytes, the highest bit is the sign, whatever the form says: clang writes a `DW_AT_bit_offset` of -3 as 2⁶⁴ - 3.
    pub(super) fn signed(self) -> i64 {
        match self {
            Number::Unsigned(value) => value.cast_signed(),
            Number::Signed(value) => value,
        }
    }
}

/// Where the ranges of a function are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ranges {
    Offset(usize),
    Index(usize),
}

/// Where something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Address(u64),
    /// In bytes.
    After(u64),
}

impl<'s, 'u, 'a> Reader<'s, 'u, 'a> {
    /// All entries of a unit.
    pub(super) fn of_unit(source: &'s Source<'u, 'a>) -> Reader<'s, 'u, 'a> {
        let root = source.unit.unit.header.root_offset();
        Reader::begin(source, root)
    }

    /// The entry at an offset and all that follow.
    pub(super) fn at(source: &'s Source<'u, 'a>, die: u32) -> Reader<'s, 'u, 'a> {
        Reader::begin(source, UnitOffset(super::outline::at(die)))
    }

    fn begin(source: &'s Source<'u, 'a>, start: UnitOffset) -> Reader<'s, 'u, 'a> {
        let header = &source.unit.unit.header;
        let rest: &[u8] = match header.range_from(start..) {
            Ok(rest) => rest.slice(),
            Err(error) => {
                source.fail(error.into());
                &[]
            }
        };
        Reader {
            source,
            rest,
            encoding: header.encoding(),
            end: start.0.saturating_add(rest.len()),
            depth: 0,
        }
    }

    /// The next entry; `None` at the end of the unit, and after a fault.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Option<Entry> {
        while !self.rest.is_empty() && !self.source.has_failed() {
            let die = super::outline::number(self.end - self.rest.len());
            let depth = self.depth;
            let code = self.leb();
            if code == 0 {
                self.depth -= 1;
                continue;
            }
            let known = self.source.plans.borrow().known(code);
            let plan = match known {
                Some(plan) => plan,
                None => self.plan(code)?,
            };
            self.depth += isize::from(plan.has_children);
            return Some(Entry { die, depth, plan });
        }
        None
    }

    /// What an abbreviation that was not met before in this unit says.
    #[cold]
    fn plan(&mut self, code: u64) -> Option<Plan> {
        let unknown = gimli::Error::InvalidAbbreviationCode(code);
        let abbreviation = self.source.unit.unit.abbreviations.get(code).ok_or(Fault::Damaged(unknown));
        let add = |abbreviation| self.source.plans.borrow_mut().add(abbreviation, self.encoding);
        abbreviation.and_then(add).map_err(|fault| self.source.fail(fault)).ok()
    }

    /// Gives all attributes of an entry that matter: the name, and the step by which its value is to be read.
    #[inline]
    pub(super) fn attributes(&mut self, entry: Entry, mut each: impl FnMut(&mut Self, DwAt, &Step)) {
        let source = self.source;
        let plans = source.plans.borrow();
        for step in plans.steps(entry.plan) {
            self.take(step.skip);
            match step.action {
                Action::Read(name) => each(self, name, step),
                Action::Pass => self.pass_form(step.form),
                Action::Nothing => {}
            }
        }
    }

    /// Passes over all attributes of an entry.
    #[inline]
    pub(super) fn pass_over(&mut self, entry: Entry) {
        let source = self.source;
        let plans = source.plans.borrow();
        for step in plans.steps(entry.plan) {
            self.take(step.skip);
            if step.action != Action::Nothing {
                self.pass_form(step.form);
            }
        }
    }

    /// Passes over a value.
    pub(super) fn pass(&mut self, step: &Step) {
        self.pass_form(step.form);
    }

    /// A string.
    #[inline]
    pub(super) fn text(&mut self, step: &Step) -> Text<'a> {
        match step.form {
            dw::DW_FORM_strp if self.encoding.format == Format::Dwarf32 => {
                Text::Pooled(u64::from(self.u32()))
            }
            form => match self.value(form, step.constant) {
                Value::Text(text) => text,
                _ => Text::None,
            },
        }
    }

    /// Where a reference leads.
    #[inline]
    pub(super) fn reference(&mut self, step: &Step) -> Reference {
        match step.form {
            dw::DW_FORM_ref4 => Reference::Here(self.u32()),
            form => match self.value(form, step.constant) {
                Value::Reference(reference) => reference,
                _ => Reference::None,
            },
        }
    }

    /// Where a reference leads, as seen from outside.
    pub(super) fn target(&mut self, step: &Step) -> Option<DieRef> {
        match self.reference(step) {
            Reference::None => None,
            Reference::Here(offset) => Some(DieRef { unit: self.source.unit.id, offset }),
            Reference::There(die) => Some(die),
        }
    }

    /// A constant, or an offset in another section.
    #[inline]
    pub(super) fn number(&mut self, step: &Step) -> Option<Number> {
        match step.form {
            dw::DW_FORM_data1 => Some(Number::Unsigned(u64::from(self.u8()))),
            dw::DW_FORM_data2 => Some(Number::Unsigned(u64::from(self.u16()))),
            dw::DW_FORM_implicit_const => Some(Number::Signed(step.constant)),
            form => match self.value(form, step.constant) {
                Value::Unsigned(value) => Some(Number::Unsigned(value)),
                Value::Signed(value) => Some(Number::Signed(value)),
                _ => None,
            },
        }
    }

    #[inline]
    pub(super) fn unsigned(&mut self, step: &Step) -> Option<u64> {
        self.number(step)?.unsigned()
    }

    #[inline]
    pub(super) fn flag(&mut self, step: &Step) -> bool {
        step.form == dw::DW_FORM_flag_present
            || matches!(self.value(step.form, step.constant), Value::Flag(true))
    }

    /// An expression, or else a constant.
    pub(super) fn block_or_number(&mut self, step: &Step) -> Result<&'a [u8], Option<u64>> {
        match step.form {
            dw::DW_FORM_data1 | dw::DW_FORM_data2 | dw::DW_FORM_implicit_const => Err(self.unsigned(step)),
            form => match self.value(form, step.constant) {
                Value::Block(block) => Ok(block),
                Value::Unsigned(value) => Err(Some(value)),
                Value::Signed(value) => Err(u64::try_from(value).ok()),
                _ => Err(None),
            },
        }
    }

    /// An address, also one that is kept in a table beside the unit.
    pub(super) fn address(&mut self, step: &Step) -> Option<u64> {
        match self.value(step.form, step.constant) {
            Value::Address(address) => Some(address),
            _ => None,
        }
    }

    pub(super) fn end(&mut self, step: &Step) -> Option<End> {
        match self.value(step.form, step.constant) {
            Value::Address(address) => Some(End::Address(address)),
            Value::Unsigned(length) => Some(End::After(length)),
            Value::Signed(length) => u64::try_from(length).ok().map(End::After),
            _ => None,
        }
    }

    pub(super) fn ranges(&mut self, step: &Step) -> Option<Ranges> {
        match self.value(step.form, step.constant) {
            Value::Unsigned(offset) => usize::try_from(offset).ok().map(Ranges::Offset),
            Value::ListIndex(index) => Some(Ranges::Index(index)),
            _ => None,
        }
    }

    fn here(offset: u64) -> Value<'a> {
        Value::Reference(u32::try_from(offset).map_or(Reference::None, Reference::Here))
    }

    fn elsewhere(&self, value: gimli::AttributeValue<Slice<'a>>) -> Value<'a> {
        Value::Reference(self.source.resolve(value))
    }

    fn info(&self, offset: u64, supplementary: bool) -> Value<'a> {
        let offset = DebugInfoOffset(usize::try_from(offset).unwrap_or(usize::MAX));
        self.elsewhere(if supplementary {
            gimli::AttributeValue::DebugInfoRefSup(offset)
        } else {
            gimli::AttributeValue::DebugInfoRef(offset)
        })
    }

    #[inline(never)]
    fn value(&mut self, form: DwForm, constant: i64) -> Value<'a> {
        match form {
            dw::DW_FORM_implicit_const => Value::Signed(constant),
            dw::DW_FORM_data4 => Value::Unsigned(self.uint(4)),
            dw::DW_FORM_data8 => Value::Unsigned(self.uint(8)),
            dw::DW_FORM_udata => Value::Unsigned(self.leb()),
            dw::DW_FORM_sdata => Value::Signed(self.long_leb(gimli::Reader::read_sleb128)),
            dw::DW_FORM_sec_offset => Value::Unsigned(self.word()),
            dw::DW_FORM_flag => Value::Flag(self.uint(1) != 0),
            dw::DW_FORM_exprloc | dw::DW_FORM_block => {
                let length = self.leb();
                Value::Block(self.block(length))
            }
            dw::DW_FORM_block1 | dw::DW_FORM_block2 | dw::DW_FORM_block4 => {
                let length = self.length(form);
                Value::Block(self.block(length))
            }
            dw::DW_FORM_ref1 => Self::here(self.uint(1)),
            dw::DW_FORM_ref2 => Self::here(self.uint(2)),
            dw::DW_FORM_ref8 => Self::here(self.uint(8)),
            dw::DW_FORM_ref_udata => Self::here(self.leb()),
            dw::DW_FORM_ref_addr => {
                let width = if self.encoding.version == 2 {
                    self.encoding.address_size
                } else {
                    self.encoding.format.word_size()
                };
                let offset = self.uint(width);
                self.info(offset, false)
            }
            dw::DW_FORM_GNU_ref_alt => {
                let offset = self.word();
                self.info(offset, true)
            }
            dw::DW_FORM_ref_sup4 => {
                let offset = self.uint(4);
                self.info(offset, true)
            }
            dw::DW_FORM_ref_sup8 => {
                let offset = self.uint(8);
                self.info(offset, true)
            }
            dw::DW_FORM_ref_sig8 => {
                let signature = DebugTypeSignature(self.uint(8));
                self.elsewhere(gimli::AttributeValue::DebugTypesRef(signature))
            }
            dw::DW_FORM_line_strp => Value::Text(Text::OfLines(self.word())),
            dw::DW_FORM_strp_sup | dw::DW_FORM_GNU_strp_alt => Value::Text(Text::Supplementary(self.word())),
            dw::DW_FORM_strx | dw::DW_FORM_GNU_str_index => Value::Text(Text::Indexed(self.index())),
            dw::DW_FORM_strx1 => self.text_index(1),
            dw::DW_FORM_strx2 => self.text_index(2),
            dw::DW_FORM_strx3 => self.text_index(3),
            dw::DW_FORM_strx4 => self.text_index(4),
            dw::DW_FORM_addr => Value::Address(self.uint(self.encoding.address_size)),
            dw::DW_FORM_addrx | dw::DW_FORM_GNU_addr_index => {
                let index = self.index();
                self.indexed_address(index)
            }
            dw::DW_FORM_addrx1 => self.address_index(1),
            dw::DW_FORM_addrx2 => self.address_index(2),
            dw::DW_FORM_addrx3 => self.address_index(3),
            dw::DW_FORM_addrx4 => self.address_index(4),
            dw::DW_FORM_rnglistx => Value::ListIndex(self.index()),
            dw::DW_FORM_indirect => {
                let form = self.indirect();
                self.value(form, 0)
            }
            dw::DW_FORM_strp => Value::Text(Text::Pooled(self.word())),
            dw::DW_FORM_ref4 => Self::here(self.uint(4)),
            dw::DW_FORM_data1 => Value::Unsigned(self.uint(1)),
            dw::DW_FORM_data2 => Value::Unsigned(self.uint(2)),
            dw::DW_FORM_flag_present => Value::Flag(true),
            dw::DW_FORM_string => Value::Text(Text::Inline(self.string())),
            form => {
                self.pass_form(form);
                Value::Other
            }
        }
    }

    fn text_index(&mut self, bytes: u8) -> Value<'a> {
        let index = self.uint(bytes);
        Value::Text(Text::Indexed(usize::try_from(index).unwrap_or(usize::MAX)))
    }

    fn address_index(&mut self, bytes: u8) -> Value<'a> {
        let index = self.uint(bytes);
        self.indexed_address(usize::try_from(index).unwrap_or(usize::MAX))
    }

    fn indexed_address(&mut self, index: usize) -> Value<'a> {
        let unit = self.source.unit;
        match unit.dwarf.address(&unit.unit, gimli::DebugAddrIndex(index)) {
            Ok(address) => Value::Address(address),
            Err(error) => {
                self.source.fail(error.into());
                Value::Other
            }
        }
    }

    fn length(&mut self, form: DwForm) -> u64 {
        match form {
            dw::DW_FORM_block1 => u64::from(self.u8()),
            dw::DW_FORM_block2 => u64::from(self.u16()),
            dw::DW_FORM_block4 => u64::from(self.u32()),
            _ => self.leb(),
        }
    }

    /// The form that an entry itself says. Not this one again, and none whose value is in the abbreviation.
    fn indirect(&mut self) -> DwForm {
        let form = DwForm(u16::try_from(self.leb()).unwrap_or(0));
        match form {
            dw::DW_FORM_indirect | dw::DW_FORM_implicit_const => dw::DW_FORM_null,
            form => form,
        }
    }

    /// Passes over a value.
    fn pass_form(&mut self, form: DwForm) {
        if let Some(length) = super::plan::length(form, self.encoding) {
            self.take(length);
            return;
        }
        match form {
            dw::DW_FORM_block1
            | dw::DW_FORM_block2
            | dw::DW_FORM_block4
            | dw::DW_FORM_block
            | dw::DW_FORM_exprloc => {
                let length = self.length(form);
                self.block(length);
            }
            dw::DW_FORM_string => {
                self.string();
            }
            dw::DW_FORM_udata
            | dw::DW_FORM_sdata
            | dw::DW_FORM_ref_udata
            | dw::DW_FORM_strx
            | dw::DW_FORM_GNU_str_index
            | dw::DW_FORM_addrx
            | dw::DW_FORM_GNU_addr_index
            | dw::DW_FORM_loclistx
            | dw::DW_FORM_rnglistx => match self.rest.iter().position(|byte| *byte < 0x80) {
                Some(end) => {
                    self.take(super::outline::number(end + 1));
                }
                None => self.ends(),
            },
            dw::DW_FORM_indirect => {
                let form = self.indirect();
                self.pass_form(form);
            }
            form => {
                self.source.fail(gimli::Error::UnknownForm(form).into());
                self.rest = &[];
            }
        }
    }
}
