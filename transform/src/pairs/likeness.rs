//! What objects go by: the texts that they point to. Of things that stand in a row (elements by their index, links by their order) another
//! release may have put one in between, and a hash table may have been filled by another seed: what stands at one place in both need not be
//! the same thing. If all texts of two differ, it is not.
//!
//! What it does not do: decide what pairs.

use super::extent::Extent;
use crate::side::Side;
use mcrx_debuginfo::table::{Kind, Type};
use mcrx_tracer::model::{Relation, Ty};
use rustc_hash::FxHashMap;

/// Bytes of a text that are looked at.
const LONGEST: usize = 128;

/// Of each type, where it points to texts, or may.
#[derive(Default)]
pub(crate) struct Names {
    of: FxHashMap<Ty, Vec<Member>>,
}

impl Names {
    /// Whether objects of a type point to texts.
    pub(super) fn has_any(&mut self, start: &Side<'_>, ty: Ty) -> bool {
        !self.texts(start, ty).is_empty()
    }

    fn texts(&mut self, start: &Side<'_>, ty: Ty) -> &[Member] {
        self.of.entry(ty).or_insert_with(|| start.trace.model.ty(ty).map_or(Vec::new(), texts))
    }

    /// What an object goes by: the first member that leads to a text, and that. `ty`: the old type; `place`: where a member of it lies.
    pub(super) fn key<'k>(
        &mut self,
        (start, ty): (&Side<'_>, Ty),
        (side, address): (&Side<'k>, u64),
        place: impl Fn(u64) -> Option<u64>,
    ) -> Option<(u64, &'k str)> {
        self.texts(start, ty).iter().find_map(|Member { offset, is_said }| {
            let at = address.checked_add(place(*offset)?)?;
            Some((*offset, text(side, at, *is_said)?))
        })
    }

    /// Whether two objects point to texts in places that correspond, and to others in each. `place`: where an old place lies in the new one.
    pub(crate) fn all_differ(
        &mut self,
        (start, old, ty): (&Side<'_>, u64, Ty),
        (new, other): (&Side<'_>, u64),
        place: impl Fn(u64) -> Option<u64>,
    ) -> bool {
        let mut differ = false;
        for Member { offset, is_said } in self.texts(start, ty) {
            let there = place(*offset).and_then(|at| text(new, other.checked_add(at)?, *is_said));
            let here = old.checked_add(*offset).and_then(|at| text(start, at, *is_said));
            let (Some(here), Some(there)) = (here, there) else { continue };
            if here == there {
                return false;
            }
            differ = true;
        }
        differ
    }
}

/// A member that may point to a text.
#[derive(Debug, Clone, Copy)]
struct Member {
    offset: u64,
    /// It is declared to point to characters.
    is_said: bool,
}

/// Members that point to characters, or to something that is not said.
fn texts(ty: Type<'_>) -> Vec<Member> {
    let fields = ty.fields().into_iter().filter(|(_, member)| member.bit_size().is_none());
    let found = fields.filter_map(|(bits, member)| {
        let Kind::Pointer(below) = member.ty()?.resolved()?.kind() else { return None };
        let below = below.and_then(Type::resolved);
        let is_text = |ty: Type<'_>| matches!(ty.kind(), Kind::Base(_)) && ty.size() == Some(1);
        let is_said = below.is_some();
        below.is_none_or(is_text).then_some(Member { offset: bits / 8, is_said })
    });
    found.collect()
}

/// The text that a pointer leads to: at least one character, and a zero byte behind.
fn text<'s>(side: &Side<'s>, pointer: u64, is_said: bool) -> Option<&'s str> {
    let memory = &side.process().memory;
    let address = memory.word(pointer)?;
    let is_object = || {
        let (block, _, offset) = side.trace.blocks.find(address)?;
        let extent = Extent::at(side, block, offset)?;
        let (model, (_, inside)) = (side.trace.model, extent.inside(offset));
        (model.relation(extent.ty?, inside, model.byte()?) != Relation::Within).then_some(())
    };
    if !is_said && is_object().is_some() {
        return None;
    }
    let mut len = LONGEST;
    // Near the end of what can be read there is less.
    let bytes = loop {
        match memory.bytes(address, len) {
            Some(bytes) => break bytes,
            None if len > 1 => len /= 2,
            None => return None,
        }
    };
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = std::str::from_utf8(bytes.get(..end)?).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}
