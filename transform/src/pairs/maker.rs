//! Whether two blocks of which no type is known were made at corresponding sites: by the same functions, each called by the next.

use crate::side::Side;
use mcrx_allocator::reader::SiteKey;
use mcrx_debuginfo::table::{Address, FunctionId};
use mcrx_dsl::pairing::Pairing;
use rustc_hash::FxHashMap;

/// Answers about sites, kept.
pub(super) struct Makers<'s, 'p> {
    start: &'s Side<'p>,
    new: &'s Side<'p>,
    /// What each function of the old program has become.
    functions: FxHashMap<FunctionId, FunctionId>,
    known: FxHashMap<(SiteKey, SiteKey), bool>,
}

impl<'s, 'p> Makers<'s, 'p> {
    pub(super) fn new(start: &'s Side<'p>, new: &'s Side<'p>, pairing: &Pairing<'p>) -> Makers<'s, 'p> {
        let functions = pairing.functions.iter().filter_map(|pair| Some((pair.old.id(), pair.new?.id())));
        Makers { start, new, functions: functions.collect(), known: FxHashMap::default() }
    }

    pub(super) fn are_same(&mut self, old: Option<SiteKey>, new: Option<SiteKey>) -> bool {
        let (Some(old), Some(new)) = (old, new) else { return false };
        if let Some(known) = self.known.get(&(old, new)) {
            return *known;
        }
        let found = self.compare(old, new);
        self.known.insert((old, new), found);
        found
    }

    fn compare(&self, old: SiteKey, new: SiteKey) -> bool {
        let frames = |side: &Side<'_>, key| -> Vec<u64> {
            let site = side.trace.known.sites.get(key);
            // The call is before the address that it returns to.
            site.map(|site| site.frames().map(|frame| frame.address().0.saturating_sub(1)).collect())
                .unwrap_or_default()
        };
        let (before, after) = (frames(self.start, old), frames(self.new, new));
        let mut both = before.iter().zip(&after);
        !before.is_empty() && before.len() == after.len() && both.all(|(old, new)| self.is_same(*old, *new))
    }

    /// Whether two places in code are in functions that correspond; in one file, whether they are one.
    fn is_same(&self, old: u64, new: u64) -> bool {
        let (before, after) = (self.start.process(), self.new.process());
        let (Some(one), Some(other)) = (before.module_at(old), after.module_at(new)) else { return false };
        if one.build_id.is_some() && one.build_id == other.build_id {
            return one.linked(old) == other.linked(new);
        }
        if std::ptr::eq(one, self.start.program) && std::ptr::eq(other, self.new.program) {
            let function = self.start.table.function_at(Address(one.linked(old)));
            let counterpart = self.new.table.function_at(Address(other.linked(new)));
            return function.zip(counterpart).is_some_and(|(function, counterpart)| {
                self.functions.get(&function.id()) == Some(&counterpart.id())
            });
        }
        // Another release of a library.
        let name = |side: &Side<'p>, address| {
            let found = side.trace.known.debug.function(side.process(), address);
            found.map(|(name, _)| name.to_owned())
        };
        let files = (one.path.file_name(), other.path.file_name());
        files.0 == files.1 && name(self.start, old).is_some_and(|found| name(self.new, new) == Some(found))
    }
}
