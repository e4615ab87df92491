//! The debug info that rules are held against: of the release that runs, of the one that is to run, of both, or of none.

use crate::diagnostic::Release;
use mcrx_debuginfo::table::Table;

/// The tables of up to two releases of a program.
#[derive(Debug, Clone, Copy, Default)]
pub struct Releases<'t> {
    /// The one that runs; of facts alone, the one that they are checked against.
    pub old: Option<&'t Table>,
    /// The one that is to run.
    pub new: Option<&'t Table>,
}

impl<'t> Releases<'t> {
    /// None: what can be said of rules by themselves.
    pub fn none() -> Releases<'t> {
        Releases::default()
    }

    /// One release, which facts are checked against.
    pub fn one(table: &'t Table) -> Releases<'t> {
        Releases { old: Some(table), new: None }
    }

    /// Both.
    pub fn both(old: &'t Table, new: &'t Table) -> Releases<'t> {
        Releases { old: Some(old), new: Some(new) }
    }

    /// One of them.
    pub fn get(self, release: Release) -> Option<&'t Table> {
        match release {
            Release::Old => self.old,
            Release::New => self.new,
        }
    }

    /// Those that there are, the old one first.
    pub fn all(self) -> impl Iterator<Item = (Release, &'t Table)> {
        let both = [(Release::Old, self.old), (Release::New, self.new)];
        both.into_iter().filter_map(|(release, table)| Some((release, table?)))
    }
}

impl Release {
    /// The other one.
    pub fn other(self) -> Release {
        match self {
            Release::Old => Release::New,
            Release::New => Release::Old,
        }
    }
}
