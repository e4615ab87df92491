//! What pahole(1) prints, read back; and the same of a table.
//!
//! ```text
//! struct name {
//!     unsigned int               bits:3;               /*     0: 0  4 */
//!     struct {
//!         int                (*call)(int);         /*     8     8 */
//!     } inner;                                         /*     8     8 */
//!
//!     /* size: 16, cachelines: 1, members: 2 */
//! } typedef_name;
//! ```
//!
//! pahole 1.24 does not know `_Atomic` (DW_TAG_atomic_type): members of such types it leaves out with `<ERROR...`, or does not know how
//! large they are.

use mcrx_debuginfo::spell::{Anonymous, Declaration};
use mcrx_debuginfo::table::{Kind, Member, Tag, Type};

/// A structure or union as both see it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Shape {
    /// Its own name, or its typedef's; empty: neither.
    pub(crate) name: String,
    pub(crate) is_union: bool,
    /// pahole says none of anonymous unions that it prints for themselves.
    pub(crate) size: Option<u64>,
    pub(crate) fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Field {
    /// Empty: an unnamed member.
    pub(crate) name: String,
    /// How many anonymous types it is in.
    pub(crate) depth: usize,
    pub(crate) bit_offset: u64,
    /// Of a bit-field its bits, else 8 times its bytes.
    pub(crate) bits: u64,
    /// pahole may leave it out, and does not know how large it is. Only of ours.
    pub(crate) is_atomic: bool,
}

/// Every structure and union that it printed.
pub(crate) fn read(text: &str) -> Vec<Shape> {
    let mut shapes = Vec::new();
    let mut shape = Shape::default();
    let mut depth = 0_usize;
    for line in text.lines().map(without_attributes) {
        let (code, comment) = match line.split_once("/*") {
            Some((code, comment)) => (code.trim(), comment.trim_end_matches("*/").trim()),
            None => (line.trim(), ""),
        };
        if code.ends_with('{') {
            if depth == 0 {
                shape = Shape { is_union: code.contains("union"), name: tag(code), ..Shape::default() };
            }
            depth += 1;
            continue;
        }
        if code.starts_with('}') {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                let named = name_of(code);
                if shape.name.is_empty() {
                    shape.name = named;
                }
                shapes.push(std::mem::take(&mut shape));
                continue;
            }
        }
        if let Some(size) = comment.strip_prefix("size: ").filter(|_| code.is_empty()) {
            shape.size = size.split(',').next().and_then(|size| size.parse().ok());
        } else if !code.is_empty()
            && !code.starts_with("<ERROR")
            && code != ";"
            && let Some((bit_offset, size)) = place(comment)
        {
            let bits = width(code).unwrap_or(size * 8);
            shape.fields.push(Field { name: name_of(code), depth, bit_offset, bits, is_atomic: false });
        }
    }
    shapes
}

/// `__attribute__((__aligned__(8)))` may stand before and behind names.
fn without_attributes(line: &str) -> String {
    let mut parts = line.split("__attribute__");
    let mut kept = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let mut open = 0_u32;
        let end = part.char_indices().find(|(_, character)| {
            match character {
                '(' => open += 1,
                ')' => open = open.saturating_sub(1),
                _ => {}
            }
            open == 0
        });
        kept.push_str(end.and_then(|(end, _)| part.get(end + 1..)).unwrap_or(""));
    }
    kept
}

/// `struct name {`: the name; of `typedef struct {` none.
fn tag(code: &str) -> String {
    let mut words = code.trim_end_matches('{').split_whitespace();
    match (words.next(), words.next()) {
        (Some("struct" | "union" | "class"), Some(name)) => name.to_owned(),
        _ => String::new(),
    }
}

/// The name in a declaration; of `} name;`, too.
fn name_of(code: &str) -> String {
    let code = code.trim().trim_end_matches(';').trim_end();
    let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
    // `(*call)(int)`, `(*calls[4])(int)`, `* (*call)(int)`.
    let code = match code.split_once("(*") {
        Some((_, rest)) => rest.split([')', '[']).next().unwrap_or(rest),
        None => code.split(':').next().unwrap_or(code).split('[').next().unwrap_or(code),
    };
    let name = code.trim_end().rsplit(|character| !is_name(character)).next().unwrap_or("");
    name.to_owned()
}

fn width(code: &str) -> Option<u64> {
    code.trim().trim_end_matches(';').rsplit_once(':')?.1.trim().parse().ok()
}

/// `0     8`, or of a bit-field `224:25  4`.
fn place(comment: &str) -> Option<(u64, u64)> {
    let mut words = comment.split([' ', ':']).filter(|word| !word.is_empty());
    let mut next = || words.next().and_then(|word| word.parse::<u64>().ok());
    let numbers = (next(), next(), next());
    match numbers {
        (Some(offset), Some(bit), Some(size)) if comment.contains(':') => Some((offset * 8 + bit, size)),
        (Some(offset), Some(size), None) => Some((offset * 8, size)),
        _ => None,
    }
}

/// The same of a type, as pahole would print it.
pub(crate) fn of_type(name: &str, ty: Type<'_>) -> Shape {
    let mut shape = Shape {
        name: name.to_owned(),
        is_union: ty.tag() == Tag::Union,
        size: ty.size(),
        ..Shape::default()
    };
    add(ty, 0, 1, &mut shape);
    shape
}

fn add(ty: Type<'_>, base: u64, depth: usize, shape: &mut Shape) {
    for member in ty.members() {
        let bit_offset = base + member.bit_offset();
        let specifier = Declaration::of(member.ty(), "", Anonymous::LeftOut).specifier;
        if let Some(inner) = specifier.filter(|ty| ty.tag().is_aggregate() && ty.name().is_none()) {
            add(inner, if is_pointer(member) { 0 } else { bit_offset }, depth + 1, shape);
        }
        let size = member.ty().and_then(Type::size).unwrap_or(0);
        shape.fields.push(Field {
            name: member.name().unwrap_or("").to_owned(),
            depth,
            bit_offset,
            bits: member.bit_size().map_or(size * 8, u64::from),
            is_atomic: is_atomic(member.ty()),
        });
    }
}

fn is_pointer(member: Member<'_>) -> bool {
    matches!(member.ty().and_then(Type::resolved).map(Type::kind), Some(Kind::Pointer(_)))
}

/// Whether `_Atomic` is anywhere in how it is declared.
fn is_atomic(ty: Option<Type<'_>>) -> bool {
    let mut current = ty;
    for _ in 0..16 {
        let Some(ty) = current else { return false };
        if ty.tag() == Tag::Atomic {
            return true;
        }
        current = match ty.tag() {
            Tag::Array | Tag::Pointer => ty.target(),
            tag if tag.is_transparent() => ty.target(),
            _ => None,
        };
    }
    false
}
