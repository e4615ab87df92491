//! The layout of a type as facts: what `--json` prints of it, and what the text is made from.

use super::units::Units;
use mcrx_debuginfo::spell::{self, Anonymous, Declaration};
use mcrx_debuginfo::table::{Count, Kind, Member, Tag, Type};
use serde::Serialize;

/// How many members of one type are listed, with those of anonymous types in it. The largest real types have some thousands.
const MOST_MEMBERS: usize = 1 << 16;

/// How deep anonymous types are looked into. Real ones are a few levels deep; damaged debug info has circles.
const DEEPEST: usize = 32;

/// A type.
#[derive(Serialize)]
pub(super) struct TypeFacts {
    /// Its own name, or of an anonymous one the typedef's that it was asked for by.
    pub(super) name: Option<String>,
    /// `struct`, `union`, `class`, `enum`, `typedef` or `base`.
    pub(super) kind: &'static str,
    /// It has no name of its own: its typedef was asked for.
    pub(super) anonymous: bool,
    pub(super) size: Option<u64>,
    /// The main source files of the units that define it.
    pub(super) units: Vec<String>,
    pub(super) declared: Option<DeclaredFacts>,
    /// Only declared: what is in it is not known.
    pub(super) declaration: bool,
    /// Of a typedef: as it would be declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) target: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) layout: Option<LayoutFacts>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) constants: Vec<ConstantFacts>,
}

#[derive(Serialize)]
pub(super) struct DeclaredFacts {
    file: String,
    line: u32,
}

#[derive(Serialize)]
pub(super) struct ConstantFacts {
    pub(super) name: String,
    pub(super) value: String,
}

/// The members of a structure, union or class in the order of their places.
#[derive(Serialize, Default)]
pub(super) struct LayoutFacts {
    pub(super) members: Vec<MemberFacts>,
    /// Unused bytes and bits before the first member.
    #[serde(skip_serializing_if = "Hole::is_none")]
    pub(super) hole: Hole,
    /// Bytes behind the last member.
    pub(super) padding: u64,
    /// Bits behind the last member, if that is a bit-field.
    pub(super) bit_padding: u64,
    /// How many holes of whole bytes there are, and the sum of their bytes.
    pub(super) holes: u64,
    pub(super) sum_holes: u64,
    pub(super) bit_holes: u64,
    pub(super) sum_bit_holes: u64,
}

/// What is unused behind a member.
#[derive(Serialize, Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hole {
    pub(super) bits: u64,
    pub(super) bytes: u64,
}

impl Hole {
    fn is_none(&self) -> bool {
        *self == Hole::default()
    }
}

#[derive(Serialize)]
pub(super) struct MemberFacts {
    /// `None`: an anonymous structure or union, an unnamed bit-field, or a base class.
    pub(super) name: Option<String>,
    /// As it would be declared.
    pub(super) declaration: String,
    #[serde(rename = "type")]
    pub(super) ty: String,
    /// The declaration in its two parts: `struct node` and `*next[4]`.
    #[serde(skip)]
    pub(super) specifier: String,
    #[serde(skip)]
    pub(super) declarator: String,
    /// Bytes from the start of the type that was asked for; behind a pointer, of what it points to.
    pub(super) offset: u64,
    pub(super) size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bit_field: Option<BitField>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) base_class: bool,
    /// Of a Rust enumeration: the variant that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) variant: Option<u16>,
    #[serde(skip_serializing_if = "Hole::is_none")]
    pub(super) hole: Hole,
    /// What an anonymous structure or union that it is made of consists of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inner: Option<Inner>,
}

/// A bit-field's place, as C's compilers see it: in an integer of the declared type, at a multiple of its size.
#[derive(Serialize, Clone, Copy)]
pub(super) struct BitField {
    /// Bits from the start of the type that was asked for.
    pub(super) bit_offset: u64,
    pub(super) bits: u32,
    /// Of the integer, in bytes.
    pub(super) unit_offset: u64,
    /// In the integer, from its least significant bit.
    pub(super) unit_bit: u64,
}

#[derive(Serialize)]
pub(super) struct Inner {
    /// `struct`, `union` or `class`.
    pub(super) kind: &'static str,
    /// What is written before it and behind it: `const `, `*slots[4]`.
    pub(super) qualifiers: String,
    pub(super) declarator: String,
    #[serde(flatten)]
    pub(super) layout: LayoutFacts,
}

impl TypeFacts {
    /// A type; `name`: what it was asked for by, for one that has no name.
    pub(super) fn of(ty: Type<'_>, name: &str, units: &Units<'_>) -> TypeFacts {
        let aggregate = ty.tag().is_aggregate() && !ty.is_declaration();
        let declared = ty.declared();
        let target = || {
            let below = ty.target();
            spell::declaration(below, ty.name().unwrap_or(""), Anonymous::LeftOut)
        };
        TypeFacts {
            name: ty.name().or(Some(name)).map(ToOwned::to_owned),
            kind: kind(ty),
            anonymous: ty.name().is_none(),
            size: ty.size(),
            units: units.get(ty).iter().map(ToString::to_string).collect(),
            declared: (!declared.file.is_empty())
                .then(|| DeclaredFacts { file: declared.file.to_owned(), line: declared.line }),
            declaration: ty.is_declaration(),
            target: (ty.tag() == Tag::Typedef).then(target),
            layout: aggregate.then(|| Lister { left: MOST_MEMBERS }.layout(ty, 0, DEEPEST)),
            constants: ty
                .enumerators()
                .map(|constant| ConstantFacts {
                    name: constant.name.to_owned(),
                    value: spell::constant(constant.value, ty),
                })
                .collect(),
        }
    }
}

/// What it is, in one word.
pub(super) fn kind(ty: Type<'_>) -> &'static str {
    match (spell::keyword(ty), ty.tag()) {
        (Some(keyword), _) => keyword,
        (None, Tag::Typedef) => "typedef",
        (None, Tag::Base) => "base",
        (None, _) => "type",
    }
}

/// The layout alone, without that of anonymous types in it.
pub(super) fn flat(ty: Type<'_>) -> LayoutFacts {
    Lister { left: MOST_MEMBERS }.layout(ty, 0, 0)
}

struct Lister {
    left: usize,
}

impl Lister {
    fn layout(&mut self, ty: Type<'_>, base: u64, deeper: usize) -> LayoutFacts {
        let mut layout = LayoutFacts::default();
        let mut members: Vec<Member<'_>> = Vec::new();
        for member in ty.members() {
            let Some(left) = self.left.checked_sub(1) else { break };
            self.left = left;
            members.push(member);
        }
        // Rust and C++ may order members otherwise than the source does.
        members.sort_by_key(|member| member.bit_offset());
        let is_union = ty.tag() == Tag::Union;
        // Up to where bits are used, and where the integer ends that the last bit-field is in.
        let (mut used, mut unit_end) = (0, 0);
        for member in members {
            let start = member.bit_offset();
            if start > used && !is_union {
                let hole = gap(used, start, unit_end);
                layout.add_hole(hole);
            }
            let end = start.saturating_add(bits(member));
            if end >= used {
                unit_end = member.bit_size().map_or(end, |_| unit_of(member).1);
            }
            used = used.max(end);
            layout.members.push(self.member(member, base, deeper));
        }
        let all = ty.size().unwrap_or(0).saturating_mul(8);
        if all > used && !layout.members.is_empty() {
            let Hole { bits, bytes } = gap(used, all, unit_end);
            (layout.bit_padding, layout.padding) = (bits, bytes);
        }
        layout
    }

    fn member(&mut self, member: Member<'_>, base: u64, deeper: usize) -> MemberFacts {
        let name = member.name();
        let offset = base.saturating_add(member.offset());
        let declaration = Declaration::of(member.ty(), name.unwrap_or(""), Anonymous::LeftOut);
        let (specifier, declarator) =
            (declaration.specifier_name(Anonymous::LeftOut), declaration.declarator.clone());
        let anonymous = declaration
            .specifier
            .filter(|ty| ty.tag().is_aggregate() && ty.name().is_none() && !ty.is_declaration());
        let inner = match (anonymous, deeper.checked_sub(1)) {
            (Some(ty), Some(deeper)) => {
                // What is behind a pointer begins anew.
                let base = if is_held(member.ty()) { offset } else { 0 };
                Some(Inner {
                    kind: kind(ty),
                    qualifiers: declaration.qualifiers,
                    declarator: declaration.declarator,
                    layout: self.layout(ty, base, deeper),
                })
            }
            _ => None,
        };
        let bit_field = member.bit_size().map(|bits| {
            let (unit, _) = unit_of(member);
            BitField {
                bit_offset: base.saturating_mul(8).saturating_add(member.bit_offset()),
                bits,
                unit_offset: base.saturating_add(unit / 8),
                unit_bit: member.bit_offset() - unit,
            }
        });
        MemberFacts {
            name: name.map(ToOwned::to_owned),
            declaration: spell::declaration(member.ty(), name.unwrap_or(""), Anonymous::LeftOut),
            ty: spell::type_name(member.ty(), Anonymous::LeftOut),
            specifier,
            declarator,
            offset,
            size: member.ty().and_then(Type::size).or_else(|| open_size(member)),
            bit_field,
            base_class: member.is_base(),
            variant: member.variant(),
            hole: Hole::default(),
            inner,
        }
    }
}

impl LayoutFacts {
    fn add_hole(&mut self, hole: Hole) {
        self.holes += u64::from(hole.bytes > 0);
        self.sum_holes = self.sum_holes.saturating_add(hole.bytes);
        self.bit_holes += u64::from(hole.bits > 0);
        self.sum_bit_holes = self.sum_bit_holes.saturating_add(hole.bits);
        match self.members.last_mut() {
            Some(last) => last.hole = hole,
            None => self.hole = hole,
        }
    }
}

/// Unused bits as people count them: first those that are left of a bit-field's integer, then whole bytes.
fn gap(from: u64, to: u64, unit_end: u64) -> Hole {
    let whole = from.next_multiple_of(8).max(unit_end).min(to);
    let rest = to - whole;
    // Bits of a byte that the next bit-field shares.
    Hole { bits: whole - from + rest % 8, bytes: rest / 8 }
}

/// Where the integer begins and ends that a bit-field is in, in bits.
fn unit_of(member: Member<'_>) -> (u64, u64) {
    let size = member.ty().and_then(Type::size).filter(|size| *size > 0).unwrap_or(1).saturating_mul(8);
    let unit = member.bit_offset() / size * size;
    (unit, unit.saturating_add(size))
}

fn bits(member: Member<'_>) -> u64 {
    let whole = || member.ty().and_then(Type::size).unwrap_or(0).saturating_mul(8);
    member.bit_size().map_or_else(whole, u64::from)
}

/// A flexible array takes no room in its structure.
fn open_size(member: Member<'_>) -> Option<u64> {
    let ty = member.ty().and_then(Type::resolved)?;
    matches!(ty.kind(), Kind::Array { count: Count::Open, .. }).then_some(0)
}

/// Whether a member's bytes are those of its innermost type: no pointer is between, and no function.
fn is_held(ty: Option<Type<'_>>) -> bool {
    let mut current = ty;
    for _ in 0..DEEPEST {
        match current.map(Type::kind) {
            Some(Kind::Array { element, .. }) => current = element,
            Some(Kind::Qualified(below)) => current = below,
            Some(Kind::Aggregate) => return true,
            _ => return false,
        }
    }
    false
}
