//! Adding the types to the table: of each class its first type.

use super::attributes::{Position, TypeAttributes};
use super::error::Fault;
use super::files::Files;
use super::outline::{at, number};
use super::reader::Reader;
use super::shapes::{self, Parts, Shape};
use super::tags;
use super::whole::{Faulty, Whole};
use crate::table::{Builder, Encoding, MemberEntry, Placement, Tag, TypeEntry, UnitId};
use rayon::prelude::*;
use std::ops::Range;

/// How many units' types are read before they are added: what is read is kept that long.
const BATCH: usize = 64;

/// How many typedefs and qualifiers are looked through for a size.
const DEEPEST: usize = 16;

/// Adds all types. Their numbers in the table are those of their classes.
pub(super) fn add(whole: &Whole<'_, '_>, builder: &mut Builder, files: &mut Files) -> Result<(), Faulty> {
    let first = &whole.classes.first;
    let mut start = 0;
    let mut parts: Vec<(UnitId, Range<usize>)> = Vec::new();
    for unit in 0..whole.units.len() {
        let next = whole.graph.base(unit + 1);
        let end = start + first.get(start..).unwrap_or(&[]).partition_point(|node| *node < next);
        parts.push((UnitId(number(unit)), start..end));
        start = end;
    }
    parts.retain(|(_, range)| !range.is_empty());
    for batch in parts.chunks(BATCH) {
        let read: Vec<Result<Vec<Shape<'_>>, Faulty>> = batch
            .par_iter()
            .map(|(unit, range)| {
                read(whole, *unit, first.get(range.clone()).unwrap_or(&[])).map_err(|fault| (*unit, fault))
            })
            .collect();
        for ((unit, range), shapes) in batch.iter().zip(read) {
            for (node, shape) in first.get(range.clone()).unwrap_or(&[]).iter().zip(shapes?) {
                add_one(whole, builder, files, *unit, *node, shape);
            }
        }
    }
    Ok(())
}

/// Reads some of a unit's types.
fn read<'a>(whole: &Whole<'_, 'a>, unit: UnitId, nodes: &[u32]) -> Result<Vec<Shape<'a>>, Fault> {
    let Some(mut opened) = whole.opened(unit) else { return Ok(Vec::new()) };
    let base = whole.graph.base(at(unit.0));
    let shapes = nodes.iter().map(|node| shapes::read(&mut opened, node - base)).collect();
    opened.source.settle()?;
    Ok(shapes)
}

fn add_one(
    whole: &Whole<'_, '_>,
    builder: &mut Builder,
    files: &mut Files,
    unit: UnitId,
    node: u32,
    shape: Shape<'_>,
) {
    let children = whole.graph.children(node);
    let file = match whole.unit(unit) {
        Some(from) if shape.line != 0 || shape.file != 0 => files.path(builder, from, shape.file),
        _ => Default::default(),
    };
    let mut flags = shape.flags;
    if shape.tag == Tag::Enumeration && shape.encoding == Encoding::Other {
        let below = children.first().and_then(|below| look(whole, *below, encoding));
        flags.unsigned = match below {
            Some(Encoding::Unsigned | Encoding::UnsignedChar | Encoding::Boolean) => true,
            Some(Encoding::Signed | Encoding::SignedChar) => false,
            _ => flags.unsigned,
        };
    }
    // What a type is made of besides its members and parameters comes first among its children.
    let has_target = !shape.tag.is_aggregate();
    let (target, rest) = match children.split_first() {
        Some((target, rest)) if has_target => (whole.type_of(*target), rest),
        _ => (None, children),
    };
    let name = builder.string(&shape.name);
    builder.add_type(TypeEntry {
        tag: shape.tag,
        name,
        size: shape.size,
        extent: shape.extent,
        target,
        unit,
        declared: Placement { file, line: shape.line },
        encoding: shape.encoding,
        flags,
    });
    match shape.parts {
        Parts::None => {}
        Parts::Members(members) => {
            for (member, child) in members.iter().zip(rest) {
                let name = builder.string(member.name);
                builder.add_member(MemberEntry {
                    name,
                    target: whole.type_of(*child),
                    bit_offset: match member.position {
                        Position::Bit(bit) => bit,
                        storage => storage.bit(look(whole, *child, |found| found.byte_size).unwrap_or(0)),
                    },
                    bit_size: member.bit_size,
                    variant: member.variant,
                    is_base: member.is_base,
                });
            }
        }
        Parts::Enumerators(constants) => {
            for (name, value) in constants {
                let name = builder.string(name);
                builder.add_enumerator(name, value);
            }
        }
        Parts::Parameters(names) => {
            for (name, child) in names.iter().zip(rest) {
                let name = builder.string(name);
                builder.add_type_parameter(name, whole.type_of(*child));
            }
        }
    }
}

fn encoding(found: &TypeAttributes<'_>) -> Option<Encoding> {
    (found.encoding != 0).then(|| tags::encoding(found.encoding))
}

/// What the first type says that says it, of a type and those below its typedefs and qualifiers.
fn look<T>(whole: &Whole<'_, '_>, node: u32, say: impl Fn(&TypeAttributes<'_>) -> Option<T>) -> Option<T> {
    let mut node = node;
    for _ in 0..DEEPEST {
        // Of a declaration, what it stands for.
        let class = whole.classes.of(node)?;
        let model = *whole.classes.first.get(at(class))?;
        let (unit, ty) = whole.graph.place(model);
        let opened = whole.opened(UnitId(number(unit)))?;
        let die = *opened.outline.dies.get(at(ty))?;
        let mut reader = Reader::at(&opened.source, die);
        let entry = reader.next()?;
        let tag = entry.plan.ty?;
        let found = TypeAttributes::read(&mut reader, entry);
        if let Some(said) = say(&found) {
            return Some(said);
        }
        if !tag.is_transparent() {
            return None;
        }
        node = *whole.graph.children(model).first()?;
    }
    None
}
