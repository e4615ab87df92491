//! Whether things that stand in a row are likely to be each other's counterparts: elements by their index, links by their order.
//!
//! Another release may have put one in between, and a hash table may have been filled by another seed: then what stands at one place in both
//! is not the same thing. Two signs of it are believed: the texts that the two point to all differ; a table of pointers has its gaps elsewhere.
//!
//! What it does not do: find the right one. What has no counterpart at its place has none.

use crate::side::Side;
use mcrx_debuginfo::table::{Kind, Type};
use mcrx_tracer::model::Ty;
use rustc_hash::FxHashMap;

/// Bytes of a text that are looked at.
const LONGEST: usize = 128;
/// Pointers of a table that are looked at.
const MOST_ELEMENTS: u64 = 1 << 16;

/// Of each type, where it points to texts, or may.
#[derive(Default)]
pub(super) struct Names {
    of: FxHashMap<Ty, Vec<u64>>,
}

impl Names {
    /// Whether objects of a type point to texts.
    pub(super) fn has_any(&mut self, start: &Side<'_>, ty: Ty) -> bool {
        !self.texts(start, ty).is_empty()
    }

    fn texts(&mut self, start: &Side<'_>, ty: Ty) -> &[u64] {
        self.of.entry(ty).or_insert_with(|| start.trace.model.ty(ty).map_or(Vec::new(), texts))
    }

    /// Whether two objects point to texts in places that correspond, and to others in each. `place`: where an old place lies in the new one.
    pub(super) fn all_differ(
        &mut self,
        (start, old, ty): (&Side<'_>, u64, Ty),
        (new, other): (&Side<'_>, u64),
        place: impl Fn(u64) -> Option<u64>,
    ) -> bool {
        let mut differ = false;
        for member in self.texts(start, ty) {
            let there = place(*member).and_then(|at| text(new, other.checked_add(at)?));
            let (Some(here), Some(there)) = (old.checked_add(*member).and_then(|at| text(start, at)), there)
            else {
                continue;
            };
            if here == there {
                return false;
            }
            differ = true;
        }
        differ
    }
}

/// Members that point to characters, or to something that is not said.
fn texts(ty: Type<'_>) -> Vec<u64> {
    let is_text = |member: Type<'_>| match member.resolved().map(Type::kind) {
        Some(Kind::Pointer(below)) => below
            .and_then(Type::resolved)
            .is_none_or(|below| matches!(below.kind(), Kind::Base(_)) && below.size() == Some(1)),
        _ => false,
    };
    let fields = ty.fields();
    let found =
        fields.iter().filter(|(_, member)| member.bit_size().is_none() && member.ty().is_some_and(is_text));
    found.map(|(bits, _)| bits / 8).collect()
}

/// The text that a pointer leads to: at least one character that can be printed, and a zero byte behind.
fn text<'s>(side: &Side<'s>, pointer: u64) -> Option<&'s [u8]> {
    let memory = &side.process().memory;
    let address = memory.word(pointer)?;
    let mut len = LONGEST;
    // Near the end of what can be read there is less.
    let bytes = loop {
        match memory.bytes(address, len) {
            Some(bytes) => break bytes,
            None if len > 1 => len /= 2,
            None => return None,
        }
    };
    let end = bytes.iter().position(|byte| *byte == 0);
    let text = bytes.get(..end.unwrap_or(bytes.len()))?;
    let is_printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ' || *byte >= 0x80;
    let is_whole = end.is_some() || len == LONGEST;
    (is_whole && !text.is_empty() && text.iter().all(is_printable)).then_some(text)
}

/// Whether two tables of pointers have their gaps in the same places, as far as both go: or none but at the end.
pub(super) fn gaps_agree(
    (start, old, count): (&Side<'_>, u64, u64),
    (new, other, other_count): (&Side<'_>, u64, u64),
) -> bool {
    let count = count.min(other_count).min(MOST_ELEMENTS);
    let is_set = |side: &Side<'_>, table: u64, index: u64| {
        let at = table.checked_add(index.checked_mul(8)?)?;
        Some(side.process().memory.word(at)? != 0)
    };
    let pair = |index| Some((is_set(start, old, index)?, is_set(new, other, index)?));
    let (mut is_over, mut differ) = ([false; 2], false);
    let mut has_gaps = false;
    for index in 0..count {
        let Some((here, there)) = pair(index) else { return true };
        differ |= here != there;
        for (set, over) in [here, there].into_iter().zip(&mut is_over) {
            has_gaps |= set && *over;
            *over |= !set;
        }
    }
    !(has_gaps && differ)
}
