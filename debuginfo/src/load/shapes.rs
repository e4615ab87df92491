//! The second pass over types: those that stand for their classes are read again, this time whole.

use super::attributes::{
    self, EnumeratorAttributes, MemberAttributes, Position, SubrangeAttributes, TypeAttributes,
};
use super::names::Opened;
use super::outline::at;
use super::reader::{Entry, Reader};
use super::source::Source;
use super::tags;
use crate::table::{Encoding, Tag, TypeFlags};
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
pub(super) fn read<'a>(unit: &mut Opened<'_, 'a>, ty: u32) -> Shape<'a> {
    let (source, outline) = (&unit.source, unit.outline);
    let die = outline.dies.get(at(ty)).copied().unwrap_or(0);
    let mut reader = Reader::at(source, die);
    let Some(entry) = reader.next() else { return Shape::unknown() };
    if outline.is_dimension(ty) {
        let extent = SubrangeAttributes::read(&mut reader, entry).extent();
        return Shape { tag: Tag::Array, extent, ..Shape::unknown() };
    }
    let tag = entry.plan.ty.unwrap_or(Tag::Unknown);
    let found = TypeAttributes::read(&mut reader, entry);
    let mut name = source.text(found.name);
    if let Some(origin) = found.origin.filter(|origin| name.is_empty() && origin.unit == source.unit.id) {
        let mut reader = Reader::at(source, origin.offset);
        if let Some(entry) = reader.next() {
            name = source.text(TypeAttributes::read(&mut reader, entry).name);
        }
    }
    let mut shape = Shape {
        tag,
        name: Cow::Borrowed(name),
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
    let mut inside =
        Inside { source, reader, inside: entry.plan.has_children, variants: Vec::new(), count: 0 };
    match tag {
        Tag::Structure | Tag::Union | Tag::Class => shape.parts = Parts::Members(inside.members()),
        Tag::Enumeration => {
            let (constants, negative) = inside.enumerators();
            shape.parts = Parts::Enumerators(constants);
            shape.flags.unsigned = match shape.encoding {
                Encoding::Signed | Encoding::SignedChar => false,
                Encoding::Unsigned | Encoding::UnsignedChar | Encoding::Boolean => true,
                _ => !negative,
            };
        }
        Tag::Function => {
            let (parameters, variadic) = inside.parameters();
            shape.parts = Parts::Parameters(parameters);
            shape.flags.variadic = variadic;
        }
        Tag::Array => shape.extent = inside.first_dimension(),
        _ => {}
    }
    shape.name = unit.qualify(outline.scope(ty), name);
    shape
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
    reader: Reader<'s, 'u, 'a>,
    /// Whether anything is inside.
    inside: bool,
    /// The variant parts and variants that the current entry is in: how deep they are, and of a variant its number.
    variants: Vec<(isize, Option<u16>)>,
    /// How many variants there were.
    count: u16,
}

impl<'a> Inside<'_, '_, 'a> {
    /// The next entry that is directly in the type, or in a variant of it.
    fn next(&mut self) -> Option<Entry> {
        while self.inside
            && let Some(entry) = self.reader.next()
        {
            let depth = entry.depth;
            if depth <= 0 {
                self.inside = false;
                break;
            }
            while self.variants.pop_if(|(variant, _)| *variant >= depth).is_some() {}
            let above = self.variants.last().map_or(0, |(variant, _)| *variant);
            if depth != above + 1 {
                self.reader.pass_over(entry);
                continue;
            }
            // The same combinations as in the first pass: others mean nothing.
            let variant = match (entry.plan.tag, self.variants.last()) {
                (dw::DW_TAG_variant_part, None | Some((_, Some(_)))) => None,
                (dw::DW_TAG_variant, Some((_, None))) => {
                    self.count = self.count.saturating_add(1);
                    Some(self.count)
                }
                _ => return Some(entry),
            };
            self.reader.pass_over(entry);
            if entry.plan.has_children {
                self.variants.push((depth, variant));
            }
        }
        None
    }

    fn members(&mut self) -> Vec<MemberShape<'a>> {
        let mut members = Vec::new();
        while let Some(entry) = self.next() {
            if !matches!(entry.plan.tag, dw::DW_TAG_member | dw::DW_TAG_inheritance) {
                self.reader.pass_over(entry);
                continue;
            }
            let found = MemberAttributes::read(&mut self.reader, entry);
            let Some(position) = found.position() else { continue };
            members.push(MemberShape {
                name: self.source.text(found.name),
                position,
                bit_size: found.bit_size.and_then(|bits| u32::try_from(bits).ok()).unwrap_or(0),
                variant: self.variants.last().and_then(|(_, variant)| *variant).unwrap_or(0),
                is_base: entry.plan.tag == dw::DW_TAG_inheritance,
            });
        }
        members
    }

    /// Also whether one is negative.
    fn enumerators(&mut self) -> (Vec<(&'a [u8], i64)>, bool) {
        let (mut constants, mut negative) = (Vec::new(), false);
        while let Some(entry) = self.next() {
            if entry.plan.tag == dw::DW_TAG_enumerator {
                let found = EnumeratorAttributes::read(&mut self.reader, entry);
                negative |= found.is_negative;
                constants.push((self.source.text(found.name), found.value));
            } else {
                self.reader.pass_over(entry);
            }
        }
        (constants, negative)
    }

    /// Also whether more may follow.
    fn parameters(&mut self) -> (Vec<&'a [u8]>, bool) {
        let (mut names, mut variadic) = (Vec::new(), false);
        while let Some(entry) = self.next() {
            match entry.plan.tag {
                dw::DW_TAG_formal_parameter => {
                    let name = attributes::name_of(&mut self.reader, entry);
                    names.push(self.source.text(name));
                }
                tag => {
                    variadic |= tag == dw::DW_TAG_unspecified_parameters;
                    self.reader.pass_over(entry);
                }
            }
        }
        (names, variadic)
    }

    fn first_dimension(&mut self) -> Option<u64> {
        while let Some(entry) = self.next() {
            if entry.plan.tag == dw::DW_TAG_subrange_type {
                return SubrangeAttributes::read(&mut self.reader, entry).extent();
            }
            self.reader.pass_over(entry);
        }
        None
    }
}
