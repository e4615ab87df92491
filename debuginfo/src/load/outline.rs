//! What the first pass keeps of a unit: a few words for each type, for every variable and function where it is and a hash of its name.
//! Names, members' offsets and the like are only hashed; the second pass reads them again, of those few entries that stand for all
//! that are equal to them.

use crate::dwarf::DieRef;
use crate::table::Storage;

/// No type: `void`, or a reference that leads to none.
pub(super) const NOTHING: u32 = u32::MAX;

/// A unit after the first pass. Types and their children are numbered within the unit.
#[derive(Debug, Default)]
pub(super) struct Outline<'a> {
    pub(super) producer: &'a [u8],
    pub(super) language: u16,
    /// Of each type, its entry; increasing. Each further dimension of an array is a type of its own, at the entry of the dimension.
    pub(super) dies: Vec<u32>,
    /// Of each type, all that is said of it but the types it is made of.
    pub(super) hashes: Vec<u64>,
    /// Where the children of each type begin; one more entry than types.
    pub(super) firsts: Vec<u32>,
    /// The types that a type is made of: types of this unit, or [`NOTHING`].
    pub(super) children: Vec<u32>,
    /// Children that are in other units, by their place among `children`.
    pub(super) abroad: Vec<(u32, DieRef)>,
    /// Of each type, where its name is; empty if all are in no scope.
    pub(super) scopes: Vec<u32>,
    /// What names are in. The first is the unit itself.
    pub(super) scope_table: Vec<Scope>,
    /// The types that are further dimensions of arrays.
    pub(super) dimensions: Vec<u32>,
    /// Declarations and definitions, by a hash of what they are called.
    pub(super) declarations: Vec<Named>,
    pub(super) definitions: Vec<Named>,
    /// Declarations whose definition is in a type unit.
    pub(super) signatures: Vec<(u32, DieRef)>,
    pub(super) variables: Vec<RawVariable>,
    pub(super) functions: Vec<RawFunction>,
    /// Runs of code of the functions.
    pub(super) runs: Vec<(u64, u64)>,
    /// Entries of parameters of the functions.
    pub(super) parameters: Vec<u32>,
    /// For each 64 bytes of the unit, the first type that begins there or later.
    buckets: Vec<u32>,
}

/// A namespace, or a type that others are in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) parent: u32,
    /// The entry that has its name.
    pub(super) die: u32,
    /// Of its name with its scopes.
    pub(super) hash: u64,
}

/// A type with a name of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) ty: u32,
    pub(super) key: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct RawVariable {
    pub(super) die: u32,
    pub(super) scope: u32,
    /// A hash of its name; 0: what it refers to has it.
    pub(super) key: u64,
    pub(super) origin: Option<DieRef>,
    /// The function that it is in.
    pub(super) function: Option<DieRef>,
    pub(super) address: u64,
    pub(super) storage: Storage,
    /// A static member: declared in its class, and never there in itself.
    pub(super) is_member: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct RawFunction {
    pub(super) die: u32,
    pub(super) scope: u32,
    /// A hash of its linkage name, or else of its name; 0: what it refers to has it.
    pub(super) key: u64,
    pub(super) origin: Option<DieRef>,
    pub(super) is_declaration: bool,
    /// Its part of `runs`. The first begins at its entry.
    pub(super) first_run: u32,
    pub(super) runs: u32,
    /// Its part of `parameters`.
    pub(super) first_parameter: u32,
    pub(super) parameters: u32,
}

/// The width of a bucket, as a shift.
const BUCKET: u32 = 6;

impl<'a> Outline<'a> {
    /// A copy of what the first pass writes directly, in no more room than it needs.
    pub(super) fn packed(&self) -> Outline<'a> {
        Outline {
            producer: self.producer,
            language: self.language,
            dies: self.dies.to_vec(),
            hashes: self.hashes.to_vec(),
            scope_table: self.scope_table.to_vec(),
            dimensions: self.dimensions.to_vec(),
            declarations: self.declarations.to_vec(),
            definitions: self.definitions.to_vec(),
            signatures: self.signatures.to_vec(),
            variables: self.variables.to_vec(),
            functions: self.functions.to_vec(),
            runs: self.runs.to_vec(),
            parameters: self.parameters.to_vec(),
            ..Outline::default()
        }
    }

    /// Empties what the first pass writes directly, and keeps its room.
    pub(super) fn clear(&mut self) {
        (self.producer, self.language) = (&[], 0);
        self.dies.clear();
        self.hashes.clear();
        self.scope_table.clear();
        self.dimensions.clear();
        self.declarations.clear();
        self.definitions.clear();
        self.signatures.clear();
        self.variables.clear();
        self.functions.clear();
        self.runs.clear();
        self.parameters.clear();
    }

    /// After all types are there, for [`Outline::find`].
    pub(super) fn index(&mut self) {
        let last = self.dies.last().map_or(0, |die| die >> BUCKET);
        self.buckets = Vec::with_capacity(at(last) + 1);
        for (ty, die) in (0..).zip(&self.dies) {
            while self.buckets.len() <= at(die >> BUCKET) {
                self.buckets.push(ty);
            }
        }
    }

    /// The type at an entry.
    pub(super) fn find(&self, die: u32) -> Option<u32> {
        let first = *self.buckets.get(at(die >> BUCKET))?;
        let rest = self.dies.get(at(first)..)?;
        let place = rest.iter().position(|other| *other >= die)?;
        (rest.get(place) == Some(&die)).then(|| first + number(place))
    }

    /// What a type is made of, as numbers of the whole after [`super::graph::Graph::link`].
    pub(super) fn children_of(&self, ty: u32) -> &[u32] {
        match self.firsts.get(at(ty)..).unwrap_or(&[]) {
            [first, end, ..] => self.children.get(at(*first)..at(*end)).unwrap_or(&[]),
            _ => &[],
        }
    }

    /// Drops what is only needed to find equal types.
    pub(super) fn forget_hashes(&mut self) {
        (self.hashes, self.declarations, self.definitions) = (Vec::new(), Vec::new(), Vec::new());
    }

    pub(super) fn is_dimension(&self, ty: u32) -> bool {
        self.dimensions.binary_search(&ty).is_ok()
    }

    pub(super) fn scope(&self, ty: u32) -> u32 {
        self.scopes.get(at(ty)).copied().unwrap_or(0)
    }

    /// The function at an entry.
    pub(super) fn function(&self, die: u32) -> Option<usize> {
        self.functions.binary_search_by_key(&die, |function| function.die).ok()
    }

    /// The variable at an entry.
    pub(super) fn variable(&self, die: u32) -> Option<usize> {
        self.variables.binary_search_by_key(&die, |variable| variable.die).ok()
    }
}

/// A count as an index. That no file has more than 4 Gi of anything in a unit is checked when its header is read.
pub(super) fn number(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// An index.
pub(super) fn at(index: u32) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_by_their_entries_and_by_nothing_else() {
        let dies = vec![12, 13, 40, 63, 64, 500, 501, 900];
        let mut outline = Outline { dies: dies.clone(), ..Outline::default() };
        outline.index();
        for die in 0..2000 {
            let expected = dies.iter().position(|other| *other == die).map(number);
            assert_eq!(outline.find(die), expected, "{die}");
        }
    }
}
