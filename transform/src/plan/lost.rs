//! Pointers that lead nowhere, in bytes that were made.

use super::conflict::{Code, Conflicts};
use super::world::View;
use crate::map::Lost;

/// The first of them: the old address, and why it leads nowhere.
pub(super) fn first(bytes: &[u8], view: &View<'_, '_>) -> Option<(u64, Lost)> {
    all(bytes, view).next().map(|(_, lost)| lost)
}

/// Where they are, and of each the old address, and why it leads nowhere.
pub(super) fn all<'b>(
    bytes: &'b [u8],
    view: &'b View<'_, '_>,
) -> impl Iterator<Item = (usize, (u64, Lost))> + 'b {
    let bytes = if view.has_nowhere() { bytes } else { &[] };
    // A pointer may lie anywhere in a packed structure.
    bytes.windows(8).enumerate().filter_map(|(at, window)| {
        let word = window.first_chunk().map(|word| u64::from_le_bytes(*word))?;
        Some((at, view.nowhere(word)?))
    })
}

/// Says it.
pub(super) fn report(
    old: u64,
    why: Lost,
    (object, member): (&str, &str),
    address: u64,
    conflicts: &mut Conflicts,
) {
    let message = format!("it points to {old:#x}, {}", describe(why));
    conflicts.add(Code::Pointer, (object, member), describe(why), address, message);
}

fn describe(why: Lost) -> &'static str {
    match why {
        Lost::Function => "a function that the new release does not have",
        Lost::Code => "which is in the middle of a function",
        Lost::Variable => "a variable that the new release does not have",
        Lost::Member => "a member that the new release does not have",
        Lost::Constant => "a constant that the new release does not have",
        Lost::Library => "in a library that the new process does not have in this version",
        Lost::Stack => "on a stack, which is given up",
    }
}
