//! The second pass over types: those that stand for their classes are read again, this time whole.

use super::attributes::{
    self, Entries, EnumeratorAttributes, MemberAttributes, Position, Source, SubrangeAttributes,
    TypeAttributes,
};
use super::error::Fault;
use super::names::Scopes;
use super::outline::{Outline, at};
use super::{place, tags};
use crate::table::{Encoding, Tag, TypeFlags};
use gimli::Abbreviation;
use gimli::constants as dw;
use std::borrow::Cow;

/// A type as it will be added to the table; what it is made of is in the graph.
pub(super) struct Shape<'a> {
    pub(super) tag: Tag,
    pub(super) name: Cow<'a, [u8]>,
    pub(super) size: Option<u64>,
    pub(super) extent: Option<u64>,
    pub(super) encoding: Encoding,
    pub(super) flags: TypeFlags,
    pub(super) file: u64,
    pub(super) line: u32,
    pub(super) parts: Parts<'a>,
}

/// What a type has of its own. Members and parameters are in the order of the type's children.
pub(super) enum Parts<'a> {
    None,
    Members(Vec<MemberShape<'a>>),
    Enumerators(Vec<(&'a [u8], i64)>),
    /// Names of parameters.
    Parameters(Vec<&'a [u8]>),
}

pub(super) struct MemberShape<'a> {
    pub(super) name: &'a [u8],
    pub(super) position: Position,
    pub(super) bit_size: u32,
    pub(super) variant: u16,
    pub(super) is_base: bool,
}

/// Reads a type of a unit, by its number there.
pub(super) fn read<'a>(
    source: &Source<'_, 'a>,
    outline: &Outline<'a>,
    scopes: &mut Scopes<'_, '_, 'a>,
    ty: u32,
) -> Result<Shape<'a>, Fault> {
    let die = outline.dies.get(at(ty)).copied().unwrap_or(0);
    let mut entries = source.unit.unit.entries_raw(Some(place::offset(die)))?;
    let Some(abbreviation) = entries.read_abbreviation()? else { return Ok(Shape::unknown()) };
    attributes::check(abbreviation)?;
    if outline.is_dimension(ty) {
        let extent = SubrangeAttributes::read(&mut entries, abbreviation)?.extent();
        return Ok(Shape { tag: Tag::Array, extent, ..Shape::unknown() });
    }
    let tag = tags::of(abbreviation.tag()).unwrap_or(Tag::Unknown);
    let found = TypeAttributes::read(source, &mut entries, abbreviation)?;
    let mut name = found.name;
    if let Some(origin) = found.origin.filter(|origin| name.is_empty() && origin.unit == source.unit.id) {
        let mut entries = source.unit.unit.entries_raw(Some(place::offset(origin.offset)))?;
        if let Some(abbreviation) = entries.read_abbreviation()? {
            attributes::check(abbreviation)?;
            name = TypeAttributes::read(source, &mut entries, abbreviation)?.name;
        }
    }
    let mut shape = Shape {
        tag,
        name: scopes.qualify(outline.scope(ty), name)?,
        size: found.byte_size,
        extent: None,
        encoding: tags::encoding(found.encoding),
        flags: TypeFlags {
            declaration: found.declaration,
            prototyped: found.prototyped,
            vector: found.vector,
            artificial: found.artificial,
            ..TypeFlags::default()
        },
        file: found.file,
        line: found.line,
        parts: Parts::None,
    };
    let mut inside = Inside { source, entries, variants: Vec::new(), count: 0 };
    match tag {
        Tag::Structure | Tag::Union | Tag::Class => shape.parts = Parts::Members(inside.members()?),
        Tag::Enumeration => {
            let (constants, negative) = inside.enumerators()?;
            shape.parts = Parts::Enumerators(constants);
            shape.flags.unsigned = match shape.encoding {
                Encoding::Signed | Encoding::SignedChar => false,
                Encoding::Unsigned | Encoding::UnsignedChar | Encoding::Boolean => true,
                _ => !negative,
            };
        }
        Tag::Function => {
            let (parameters, variadic) = inside.parameters()?;
            shape.parts = Parts::Parameters(parameters);
            shape.flags.variadic = variadic;
        }
        Tag::Array => shape.extent = inside.first_dimension()?,
        _ => {}
    }
    Ok(shape)
}

impl Shape<'_> {
    fn unknown<'a>() -> Shape<'a> {
        Shape {
            tag: Tag::Unknown,
            name: Cow::Borrowed(&[]),
            size: None,
            extent: None,
            encoding: Encoding::Other,
            flags: TypeFlags::default(),
            file: 0,
            line: 0,
            parts: Parts::None,
        }
    }
}

/// What is inside the type, which was read just now.
struct Inside<'s, 'u, 'a> {
    source: &'s Source<'u, 'a>,
    entries: Entries<'s, 'a>,
    /// The variant parts and variants that the current entry is in: how deep they are, and of a variant its number.
    variants: Vec<(isize, Option<u16>)>,
    /// How many variants there were.
    count: u16,
}

impl<'s, 'a> Inside<'s, '_, 'a> {
    /// The next entry that is directly in the type, or in a variant of it.
    fn next(&mut self) -> Result<Option<&'s Abbreviation>, Fault> {
        while !self.entries.is_empty() && self.entries.next_depth() > 0 {
            let depth = self.entries.next_depth();
            let Some(abbreviation) = self.entries.read_abbreviation()? else { continue };
            attributes::check(abbreviation)?;
            while self.variants.pop_if(|(variant, _)| *variant >= depth).is_some() {}
            let above = self.variants.last().map_or(0, |(variant, _)| *variant);
            if depth != above + 1 {
                self.entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            // The same combinations as in the first pass: others mean nothing.
            let variant = match (abbreviation.tag(), self.variants.last()) {
                (dw::DW_TAG_variant_part, None | Some((_, Some(_)))) => None,
                (dw::DW_TAG_variant, Some((_, None))) => {
                    self.count = self.count.saturating_add(1);
                    Some(self.count)
                }
                _ => return Ok(Some(abbreviation)),
            };
            self.entries.skip_attributes(abbreviation.attributes())?;
            if abbreviation.has_children() {
                self.variants.push((depth, variant));
            }
        }
        Ok(None)
    }

    fn members(&mut self) -> Result<Vec<MemberShape<'a>>, Fault> {
        let mut members = Vec::new();
        while let Some(abbreviation) = self.next()? {
            if !matches!(abbreviation.tag(), dw::DW_TAG_member | dw::DW_TAG_inheritance) {
                self.entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            let found = MemberAttributes::read(self.source, &mut self.entries, abbreviation)?;
            let Some(position) = found.position() else { continue };
            members.push(MemberShape {
                name: found.name,
                position,
                bit_size: found.bit_size.and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0),
                variant: self.variants.last().and_then(|(_, variant)| *variant).unwrap_or(0),
                is_base: abbreviation.tag() == dw::DW_TAG_inheritance,
            });
        }
        Ok(members)
    }

    /// Also whether one is negative.
    fn enumerators(&mut self) -> Result<(Vec<(&'a [u8], i64)>, bool), Fault> {
        let (mut constants, mut negative) = (Vec::new(), false);
        while let Some(abbreviation) = self.next()? {
            if abbreviation.tag() == dw::DW_TAG_enumerator {
                let found = EnumeratorAttributes::read(self.source, &mut self.entries, abbreviation)?;
                negative |= found.is_negative;
                constants.push((found.name, found.value));
            } else {
                self.entries.skip_attributes(abbreviation.attributes())?;
            }
        }
        Ok((constants, negative))
    }

    /// Also whether more may follow.
    fn parameters(&mut self) -> Result<(Vec<&'a [u8]>, bool), Fault> {
        let (mut names, mut variadic) = (Vec::new(), false);
        while let Some(abbreviation) = self.next()? {
            match abbreviation.tag() {
                dw::DW_TAG_formal_parameter => {
                    names.push(attributes::name_of(self.source, &mut self.entries, abbreviation)?);
                }
                tag => {
                    variadic |= tag == dw::DW_TAG_unspecified_parameters;
                    self.entries.skip_attributes(abbreviation.attributes())?;
                }
            }
        }
        Ok((names, variadic))
    }

    fn first_dimension(&mut self) -> Result<Option<u64>, Fault> {
        while let Some(abbreviation) = self.next()? {
            if abbreviation.tag() == dw::DW_TAG_subrange_type {
                return Ok(SubrangeAttributes::read(&mut self.entries, abbreviation)?.extent());
            }
            self.entries.skip_attributes(abbreviation.attributes())?;
        }
        Ok(None)
    }
}
