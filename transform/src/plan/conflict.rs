//! What stops an update, or would lose something: found before anything is written.
//!
//! What it does not do: say what a code means (`codes`), what it is about in C (`told`), or which rule settles it (`settle`).

use super::codes::Code;
use crate::map::Lost;
use mcrx_debuginfo::table::VariableId;
use mcrx_dsl::diagnostic::Declaration;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// One conflict, of however many objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// What sort.
    pub code: Code,
    /// The type or variable that it is about.
    pub object: String,
    /// The member of it, or nothing.
    pub member: String,
    /// One sentence.
    pub message: String,
    /// The old address of one of the objects; 0 where it is about none.
    pub address: u64,
    /// The shortest way from a root to it, as C would write it: `server.clients->head`. Empty: it is about none.
    pub path: String,
    /// How many objects.
    pub objects: u64,
    /// Of memory without a type: how large it is, and who made it.
    pub known: String,
    /// What it is about, as the releases declare it. Of what one of them does not have, what it would be in.
    pub declarations: Vec<Declaration>,
    /// A statement that settles it, ready for a rule file. Empty: none can; the advice says what can.
    pub rule: String,
    /// What the rest is made from.
    pub(super) hint: Hint,
    /// Bytes of the smallest and the largest block, where it is about blocks without a type.
    pub(super) bytes: Option<(u64, u64)>,
}

/// What a conflict's finder knows of it that its message does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hint {
    /// Nothing.
    None,
    /// It is about a question, one of the pairing's.
    Asked(usize),
    /// A value cannot be made.
    Failed {
        /// `else` would take over.
        is_absence: bool,
        /// It does not fit where it goes.
        is_too_large: bool,
    },
    /// A pointer leads to this old address.
    Leads(u64, Lost),
    /// A file of a library.
    Library(String),
    /// A variable of the old release.
    Variable(VariableId),
    /// A block of the new process.
    Made(u32),
    /// Both start-ups have made it, in different ways.
    MadeTwice,
}

/// What a conflict is about, and what makes it one with others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Of<'s> {
    object: &'s str,
    member: &'s str,
    /// Those of which this is the same are one.
    like: &'s str,
    bytes: Option<u64>,
}

impl<'s, O: AsRef<str> + ?Sized, M: AsRef<str> + ?Sized> From<(&'s O, &'s M)> for Of<'s> {
    fn from((object, member): (&'s O, &'s M)) -> Of<'s> {
        let (object, member) = (object.as_ref(), member.as_ref());
        Of { object, member, like: object, bytes: None }
    }
}

impl<'s> Of<'s> {
    /// One with others of this sort: of a type, from a site.
    pub(super) fn like(object: &'s str, member: &'s str, like: &'s str) -> Of<'s> {
        Of { object, member, like, bytes: None }
    }

    /// A block of so many bytes without a type.
    pub(super) fn untyped(self, bytes: u64) -> Of<'s> {
        Of { bytes: Some(bytes), ..self }
    }
}

/// Sort, object or what it is like, member, kind.
type Key = (Code, String, String, String);

/// Conflicts while they are found: those of many objects become one.
#[derive(Debug, Default)]
pub(super) struct Conflicts(BTreeMap<Key, Conflict>);

impl Conflicts {
    /// One more. Those of one sort, object, member and `kind` are one, whichever element of an array the member is of; the one with the lowest
    /// address is the example.
    pub(super) fn add<'s>(
        &mut self,
        code: Code,
        of: impl Into<Of<'s>>,
        kind: &str,
        address: u64,
        message: String,
    ) {
        self.add_with(code, of, kind, address, message, Hint::None);
    }

    /// The same, where more is known.
    pub(super) fn add_with<'s>(
        &mut self,
        code: Code,
        of: impl Into<Of<'s>>,
        kind: &str,
        address: u64,
        message: String,
        hint: Hint,
    ) {
        let of = of.into();
        let one = Conflict {
            code,
            object: of.object.to_owned(),
            member: of.member.to_owned(),
            message,
            address,
            path: String::new(),
            objects: 1,
            known: String::new(),
            declarations: Vec::new(),
            rule: String::new(),
            hint,
            bytes: of.bytes.map(|bytes| (bytes, bytes)),
        };
        self.join((code, of.like.to_owned(), without_indices(of.member), kind.to_owned()), one);
    }

    /// One of so many objects, the first of which is at an address, unless it was found at objects.
    pub(super) fn add_if_new(
        &mut self,
        code: Code,
        of: (&str, &str),
        kind: &str,
        (first, objects): (u64, u64),
        message: String,
        hint: Hint,
    ) {
        let key = (code, of.0.to_owned(), without_indices(of.1), kind.to_owned());
        if !self.0.contains_key(&key) {
            self.add_with(code, of, kind, first, message, hint);
            if let Some(conflict) = self.0.get_mut(&key) {
                conflict.objects = objects.max(1);
            }
        }
    }

    pub(super) fn merge(&mut self, other: Conflicts) {
        other.0.into_iter().for_each(|(key, conflict)| self.join(key, conflict));
    }

    fn join(&mut self, key: Key, one: Conflict) {
        match self.0.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(one);
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                let objects = known.objects + one.objects;
                let bytes = match (known.bytes, one.bytes) {
                    (Some(own), Some(other)) => Some((own.0.min(other.0), own.1.max(other.1))),
                    (own, other) => own.or(other),
                };
                if one.address != 0 && (known.address == 0 || one.address < known.address) {
                    *known = one;
                }
                (known.objects, known.bytes) = (objects, bytes);
            }
        }
    }

    /// By sort, the most frequent first.
    pub(super) fn finish(self) -> Vec<Conflict> {
        let mut all: Vec<Conflict> = self.0.into_values().collect();
        for conflict in &mut all {
            if let Some((least, most)) = conflict.bytes.filter(|(least, most)| least != most) {
                conflict.object = format!("block of {least} to {most} bytes");
            }
        }
        all.sort_by_key(|conflict| (conflict.code, std::cmp::Reverse(conflict.objects)));
        all
    }
}

/// A member's path, with all elements of an array as one.
fn without_indices(path: &str) -> String {
    let mut parts = path.split('[');
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str("[]");
        kept.push_str(part.split_once(']').map_or("", |(_, rest)| rest));
    }
    kept
}
