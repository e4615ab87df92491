//! Names with the scopes that they are in: `core::option::Option<T>::Some`.

use super::attributes::TypeAttributes;
use super::limits::DEEPEST_SCOPES;
use super::outline::{Outline, at};
use super::reader::Reader;
use super::source::Source;
use crate::dwarf::DieRef;
use rustc_hash::FxHashMap;
use std::borrow::Cow;

/// A unit of which entries are read here and there, with the names of its scopes, each read when it is first needed.
pub(super) struct Opened<'u, 'a> {
    pub(super) source: Source<'u, 'a>,
    pub(super) outline: &'u Outline<'a>,
    /// With `::` at the end.
    known: FxHashMap<u32, Vec<u8>>,
}

impl<'u, 'a> Opened<'u, 'a> {
    pub(super) fn new(source: Source<'u, 'a>, outline: &'u Outline<'a>) -> Opened<'u, 'a> {
        Opened { source, outline, known: FxHashMap::default() }
    }

    /// The name of something in a scope.
    pub(super) fn qualify(&mut self, scope: u32, name: &'a [u8]) -> Cow<'a, [u8]> {
        if scope == 0 || name.is_empty() {
            return Cow::Borrowed(name);
        }
        if !self.known.contains_key(&scope) {
            let prefix = self.prefix(scope);
            self.known.insert(scope, prefix);
        }
        let prefix = self.known.get(&scope).map_or(&[][..], Vec::as_slice);
        self.source.account(prefix.len());
        Cow::Owned([prefix, name].concat())
    }

    fn prefix(&self, scope: u32) -> Vec<u8> {
        let mut names = Vec::new();
        let mut current = scope;
        while let Some(scope) = self.outline.scope_table.get(at(current)).filter(|_| current != 0) {
            if names.len() == DEEPEST_SCOPES {
                break;
            }
            names.push(self.name(scope.die));
            current = scope.parent;
        }
        let mut prefix = Vec::new();
        for name in names.iter().rev() {
            // As compilers' own messages and demanglers have it.
            prefix.extend_from_slice(if name.is_empty() { b"(anonymous namespace)" } else { name });
            prefix.extend_from_slice(b"::");
        }
        self.source.account(prefix.len());
        prefix
    }

    /// The name of an entry, or of what it completes or stands for.
    fn name(&self, die: u32) -> &'a [u8] {
        let mut die = die;
        // A definition outside of its scope has its name from its declaration, which has it itself.
        for _ in 0..2 {
            let mut reader = Reader::at(&self.source, die);
            let Some(entry) = reader.next() else { break };
            let found = TypeAttributes::read(&mut reader, entry);
            match found.origin.filter(|origin| origin.unit == self.source.unit.id) {
                Some(origin) if !found.name.is_some() => die = origin.offset,
                _ => match found.signature.filter(|_| !found.name.is_some()) {
                    Some(signature) => return self.name_there(signature).unwrap_or_default(),
                    None => return self.source.text(found.name),
                },
            }
        }
        b""
    }

    /// The name of a type in a type unit.
    fn name_there(&self, die: DieRef) -> Option<&'a [u8]> {
        let unit = self.source.dwarf.unit(die.unit).ok()?;
        let source = Source::new(self.source.dwarf, &unit, self.source.budget(), None);
        let mut reader = Reader::at(&source, die.offset);
        let entry = reader.next()?;
        let name = TypeAttributes::read(&mut reader, entry).name;
        Some(source.text(name))
    }
}
