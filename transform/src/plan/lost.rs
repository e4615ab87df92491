//! Pointers that lead nowhere, in bytes that were made.

use super::codes::Code;
use super::conflict::{Conflicts, Hint};
use super::libraries;
use super::world::View;
use crate::map::Lost;
use crate::side::{Side, Spot};

/// Letters of a text that are shown.
const LONGEST: u64 = 40;

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
    (old, why): (u64, Lost),
    side: &Side<'_>,
    (object, member): (&str, &str),
    address: u64,
    conflicts: &mut Conflicts,
) {
    let name = match side.spot(old) {
        Spot::Function { function, .. } => Some(function.name()),
        Spot::Variable { variable, .. } => Some(variable.name()),
        _ => None,
    };
    let what = match (name, why, side.spot(old)) {
        (Some(name), ..) => Some(format!("`{name}`")),
        (None, Lost::Constant, _) => text(side, old),
        (None, _, Spot::Library { module, linked }) => {
            Some(format!("{}+{linked:#x}", libraries::name(&module.path)))
        }
        _ => None,
    };
    let what = what.unwrap_or_else(|| format!("{old:#x}"));
    let message = format!("it points to {what}, {}", describe(why));
    let member = member.strip_prefix('.').unwrap_or(member);
    // Each function that is gone is a statement of its own.
    let kind = format!("{} {}", describe(why), name.unwrap_or_default());
    conflicts.add_with(Code::Pointer, (object, member), &kind, address, message, Hint::Leads(old, why));
}

/// A text that an address leads to, as far as it is shown.
fn text(side: &Side<'_>, address: u64) -> Option<String> {
    let letters = (address..address.checked_add(LONGEST)?).map(|at| side.process().memory.bytes(at, 1));
    let letters: Vec<u8> =
        letters.map_while(|byte| byte?.first().copied().filter(|byte| *byte != 0)).collect();
    let text = String::from_utf8(letters).ok().filter(|text| !text.is_empty());
    text.filter(|text| !text.contains(char::is_control)).map(|text| format!("{text:?}"))
}

fn describe(why: Lost) -> &'static str {
    match why {
        Lost::Function => "a function that the new release does not have",
        Lost::Code => "in the middle of a function",
        Lost::Variable => "a variable that the new release does not have",
        Lost::Member => "a member that the new release does not have",
        Lost::Constant => "a constant that the new release does not have",
        Lost::Library => "in a library that the new process does not have in this version",
        Lost::Stack => "on a stack, which is given up",
        Lost::Apart => "of which nothing is split off that the new release leads to",
        Lost::Nobodys => {
            "which is merged into other objects, and none that lives on has it: into which nothing says"
        }
        Lost::Shared => {
            "which is merged into other objects, and several have it: to which it is to lead nothing says"
        }
    }
}
