//! The pointers of one old object, to be redirected wherever no recipe has done so: in what is unchanged, in unions, behind `void *`.

use super::world::View;
use crate::map::{AddressMap, Landing};
use crate::side::Side;
use mcrx_debuginfo::table::{Kind, Type};
use mcrx_tracer::graph::Node;
use mcrx_tracer::model::{Model, Sort, Ty};
use mcrx_tracer::roots::Root;

/// A word that is a pointer, or may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// Bytes from the start of the block or variable.
    pub(super) offset: u64,
    /// All of it.
    pub(super) word: u64,
    /// The address in it.
    pub(super) address: u64,
    /// Its type says that it is one.
    pub(super) is_sure: bool,
    /// Bytes of what its type says that it leads to, as [`bytes_of`] has it.
    pub(super) bytes: u64,
}

/// Bytes of what a pointer leads to, for [`AddressMap::get_of`]. `u64::MAX`: its type does not say. A number is less than any object: it may be
/// the only member of one.
pub(super) fn bytes_of(model: &Model<'_>, ty: Ty) -> u64 {
    match (model.ty(ty).and_then(Type::resolved).map(Type::kind), model.map(ty).size) {
        (_, 0) => u64::MAX,
        (Some(Kind::Base(_) | Kind::Pointer(_) | Kind::Enumeration(_)), _) => 0,
        (_, size) => size,
    }
}

/// Those of a node.
pub(super) fn of(side: &Side<'_>, node: Node, address: u64) -> Vec<Word> {
    let mut words = Vec::new();
    into(side, node, address, &mut words);
    words
}

/// The same, behind others.
pub(super) fn into(side: &Side<'_>, node: Node, address: u64, words: &mut Vec<Word>) {
    side.trace.pointers(node, &mut |pointer| {
        let Some(word) = side.process().memory.word(address.wrapping_add(pointer.offset)) else { return };
        let is_sure = pointer.sort != Sort::Likely;
        let bytes = match pointer.sort {
            Sort::Precise(ty) | Sort::Array(ty, _) => bytes_of(side.trace.model, ty),
            Sort::Opaque | Sort::Retained | Sort::Function | Sort::Likely => u64::MAX,
        };
        words.push(Word { offset: pointer.offset, word, address: pointer.word, is_sure, bytes });
    });
}

/// Those of some bytes of a block or a variable, with offsets from the first of these.
pub(super) fn within(side: &Side<'_>, (address, len): (u64, u64)) -> Vec<Word> {
    let trace = side.trace;
    let of_variable = || {
        let mut roots = trace
            .graph
            .roots()
            .zip(&trace.roots)
            .filter(|(_, root)| root.value.is_none() && root.ty.is_some());
        let is_in = |root: &Root| address.checked_sub(root.address).is_some_and(|into| into < root.len);
        roots.find(|(_, root)| is_in(root)).map(|(node, root)| (node, root.address))
    };
    let block = trace.blocks.at(address).map(|(number, into)| (Node(number), address - into));
    let Some((node, start)) = block.or_else(of_variable) else { return Vec::new() };
    let inside = address - start;
    let mut words = of(side, node, start);
    words.retain(|word| word.offset.checked_sub(inside).is_some_and(|offset| offset < len));
    words.iter_mut().for_each(|word| word.offset -= inside);
    words
}

/// Those that hold more than an address.
pub(super) fn tagged(words: &[Word]) -> Vec<(u64, u64)> {
    words.iter().filter(|word| word.word != word.address).map(|word| (word.word, word.address)).collect()
}

/// Whether something is to be done about one in an object that stays where it is.
pub(super) fn changes(word: &Word, map: &AddressMap<'_>) -> bool {
    match map.get_of(word.address, word.bytes) {
        Landing::Same | Landing::Left => false,
        Landing::At(_) => true,
        Landing::Nothing(_) => word.is_sure,
    }
}

/// Redirects those of an object that was made by copying. `place`: where an old offset lies in it.
pub(super) fn redirect(
    words: &[Word],
    place: impl Fn(u64) -> Option<u64>,
    bytes: &mut [u8],
    map: &AddressMap<'_>,
    view: &View<'_, '_>,
) {
    for word in words {
        let Some(start) = place(word.offset).and_then(|start| usize::try_from(start).ok()) else { continue };
        let Some(there) = bytes.get_mut(start..start.saturating_add(8)) else { continue };
        let tag = word.word.wrapping_sub(word.address);
        let landing = map.get_of(word.address, word.bytes);
        if matches!(landing, Landing::Same | Landing::Left) && *there == word.word.to_le_bytes() {
            continue;
        }
        // A recipe knows pointers by their values: not whether they lead to an object, or to the member that it begins with.
        let by_value = match map.get(word.address) {
            Landing::At(new) if landing != Landing::At(new) => new.wrapping_add(tag),
            _ => word.word,
        };
        // A recipe has made something else of it.
        if *there != word.word.to_le_bytes() && *there != by_value.to_le_bytes() {
            continue;
        }
        let new = match (word.is_sure, landing) {
            (_, Landing::Same | Landing::Left) => Some(word.word),
            (_, Landing::At(new)) => Some(new.wrapping_add(tag)),
            (true, Landing::Nothing(why)) => Some(view.note(word.word, why)),
            // It is most likely none.
            (false, Landing::Nothing(_)) => continue,
        };
        if let Some(new) = new {
            there.copy_from_slice(&new.to_le_bytes());
        }
    }
}
