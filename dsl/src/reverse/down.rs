//! What `down { … }` says: it is in the direction of the way back already, and counts instead of what is derived.

use super::actions::written;
use super::sheet::{Body, Entry, Says, TypeEntry, is_below};
use super::spell::{path, quoted, symbol, type_name};
use super::variables::first;
use super::{Deriving, Subject};
use crate::rules::{Action, Change, ForEach, GlobalChange, TypeChange, TypeItem, Which};
use crate::source::{At, Span};

pub(super) fn apply(deriving: &mut Deriving<'_>) {
    let loaded = deriving.between.loaded;
    let said: Vec<&At<Change>> = deriving.down().collect();
    for change in said {
        let text = loaded.files.at(change.span).to_owned();
        match &change.is {
            Change::Type(types) => type_change(deriving, types, change.span),
            Change::Global { name, change: what } => {
                // What is made: of a rename, what it becomes.
                let made = match &what.is {
                    GlobalChange::Becomes(to) => first(&to.is).unwrap_or_default().to_owned(),
                    _ => symbol(&name.is),
                };
                replace(deriving, &made, text, change.span);
            }
            Change::Function { from, .. } => {
                let from = symbol(&from.is);
                take_away(
                    deriving,
                    &format!("function {from} -> "),
                    &format!("which function was `{from}` "),
                );
                deriving.untell(|subject| *subject == Subject::Function(from.clone()));
                deriving.sheet.text(text, change.span);
            }
            Change::Text { from, .. } => {
                let from = quoted(&from.is);
                take_away(deriving, &format!("string {from} -> "), &format!("which text was {from} "));
                deriving.untell(|subject| *subject == Subject::Text(from.clone()));
                deriving.sheet.text(text, change.span);
            }
            Change::ForEach(each) => {
                refilled(deriving, each);
                deriving.sheet.text(text, change.span);
            }
            _ => deriving.sheet.text(text, change.span),
        }
    }
}

/// A container that begins empty and is filled again comes back.
fn refilled(deriving: &mut Deriving<'_>, each: &ForEach) {
    let containers = each.actions.iter().filter_map(|action| match &action.is {
        Action::Insert { into, .. } => written(&into.is),
        Action::Set { .. } | Action::Call { .. } => None,
    });
    for container in containers {
        let container = container.trim_end_matches("[0]");
        let is_it = |member: &str| container == member || container.ends_with(&format!(".{member}"));
        let sheet = &mut deriving.sheet;
        deriving.told.retain(|(subject, _)| match subject {
            Subject::Member(at, member) if is_it(member) => {
                let items = sheet.type_at(*at).map_or(&[][..], |entry| &entry.items);
                !items.iter().any(|item| matches!(&item.says, Says::Reset(path) if path == member))
            }
            _ => true,
        });
    }
}

/// Another statement about a variable of the old release.
fn replace(deriving: &mut Deriving<'_>, made: &str, text: String, span: Span) {
    deriving.sheet.entries.iter_mut().for_each(|entry| {
        if matches!(&entry.body, Body::Global(name, _) if name == made) {
            entry.body = Body::Text(String::new());
        }
    });
    deriving.untell(|subject| matches!(subject, Subject::Variable(name) if name == made));
    let body = Body::Global(made.to_owned(), text);
    deriving.sheet.entries.push(Entry { body, from: Some(span), is_needed: true });
}

fn take_away(deriving: &mut Deriving<'_>, start: &str, hole: &str) {
    let hole = format!("todo {}", quoted(hole).trim_end_matches('"'));
    for entry in &mut deriving.sheet.entries {
        if let Body::Text(text) = &mut entry.body
            && (text.starts_with(start) || text.starts_with(&hole))
        {
            text.clear();
        }
    }
}

fn type_change(deriving: &mut Deriving<'_>, change: &TypeChange, span: Span) {
    let names = |names: &[At<crate::rules::TypeName>]| -> Vec<String> {
        names.iter().map(|name| type_name(&name.is)).collect()
    };
    let (from, to) = (names(&change.from), names(&change.to));
    let is_it = |entry: &Entry| matches!(&entry.body, Body::Type(entry) if entry.to.first() == to.first());
    let at = match deriving.sheet.entries.iter().position(is_it) {
        Some(at) => at,
        None => {
            let entry = TypeEntry { from: from.clone(), to: to.clone(), items: Vec::new() };
            deriving.sheet.entries.push(Entry { body: Body::Type(entry), from: Some(span), is_needed: true });
            deriving.sheet.entries.len() - 1
        }
    };
    let files = &deriving.between.loaded.files;
    let mut answered: Vec<String> = Vec::new();
    let Some(entry) = deriving.sheet.type_at(at) else { return };
    let is_other = (&entry.from, &entry.to) != (&from, &to);
    if is_other {
        // Other types, all of it.
        *entry = TypeEntry { from, to, items: Vec::new() };
    }
    for item in &change.items {
        let said: Vec<(Says, bool)> = match &item.is {
            TypeItem::Set { path: to, value } => {
                vec![(Says::Set(path(&to.is), files.at(value.span).to_owned()), true)]
            }
            TypeItem::Rename { from, to } => vec![(Says::Rename(path(&from.is), path(&to.is)), true)],
            TypeItem::Drop(paths) => paths.iter().map(|it| (Says::Drop(path(&it.is)), false)).collect(),
            TypeItem::Reset(paths) => paths.iter().map(|it| (Says::Reset(path(&it.is)), true)).collect(),
            TypeItem::Keep { which, paths } => {
                let which = if *which == Which::Old { "old" } else { "new" };
                paths.iter().map(|it| (Says::Keep(which, path(&it.is)), false)).collect()
            }
            TypeItem::Hole(hole) => vec![(Says::Hole(hole.why.is.clone()), false)],
        };
        for (says, is_made) in said {
            if let (true, Says::Set(to, _) | Says::Rename(_, to) | Says::Reset(to)) = (is_made, &says) {
                let is_about = |path: &str| path == to || is_below(path, to) || is_below(to, path);
                entry.items.retain(|item| match &item.says {
                    Says::Set(path, _) | Says::Rename(_, path) | Says::Reset(path) => !is_about(path),
                    Says::Drop(_) | Says::Keep(..) | Says::Hole(_) => true,
                });
                answered.push(to.clone());
            }
            entry.add(says, Some(item.span));
        }
    }
    deriving.untell(|subject| match subject {
        Subject::Member(entry, path) => *entry == at && (is_other || answered.contains(path)),
        _ => false,
    });
}
