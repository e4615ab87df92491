//! Where the compiler has put copies of hooked functions into others, by the debug info's entries of inlined calls.

use crate::dwarf::{DieRef, Dwarf, Unit};
use crate::file::Binary;
use gimli::{DW_AT_abstract_origin, DW_AT_name, DW_AT_specification};
use gimli::{DW_TAG_inlined_subroutine, DW_TAG_subprogram};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// Copies of one function in another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Inlined {
    /// The function that was to be hooked.
    pub function: String,
    /// The function that has copies of it.
    pub into: String,
    /// How many.
    pub copies: usize,
}

/// An inlined call: what is inlined, and the entries that stand around it, outermost first (the function that has the code).
struct Call {
    of: DieRef,
    around: Vec<DieRef>,
}

#[derive(Default)]
struct Found {
    /// Of entries of functions: the name, or the entry that has it.
    names: FxHashMap<DieRef, String>,
    origins: FxHashMap<DieRef, DieRef>,
    calls: Vec<Call>,
}

/// Copies of functions with these names in functions with others. What cannot be read is left out: copies that nobody sees are the same
/// as pools that nobody hooks.
pub(super) fn find(binary: &Binary, names: &[&str]) -> Vec<Inlined> {
    let Ok(dwarf) = binary.dwarf() else { return Vec::new() };
    let mut found = Found::default();
    for id in dwarf.unit_ids() {
        if let Ok(unit) = dwarf.unit(id) {
            let _ = look(&dwarf, &unit, &mut found);
        }
    }
    let hooked: FxHashSet<&str> = names.iter().copied().collect();
    let mut copies: BTreeMap<(String, String), usize> = BTreeMap::new();
    for call in &found.calls {
        let Some(of) = found.name(call.of).filter(|name| hooked.contains(name)) else { continue };
        let around: Vec<&str> = call.around.iter().filter_map(|die| found.name(*die)).collect();
        if around.iter().any(|name| hooked.contains(name)) {
            continue;
        }
        let into = around.first().copied().unwrap_or("a function without a name");
        *copies.entry((of.to_owned(), into.to_owned())).or_default() += 1;
    }
    let row = |((function, into), copies)| Inlined { function, into, copies };
    copies.into_iter().map(row).collect()
}

impl Found {
    fn name(&self, die: DieRef) -> Option<&str> {
        let mut die = die;
        // An instance refers to what it is one of, and that to its declaration.
        for _ in 0..4 {
            if let Some(name) = self.names.get(&die) {
                return Some(name);
            }
            die = *self.origins.get(&die)?;
        }
        None
    }
}

fn look<'a>(dwarf: &Dwarf<'a>, unit: &Unit<'a>, found: &mut Found) -> gimli::Result<()> {
    let mut entries = unit.unit.entries();
    // Functions and inlined calls around, with their depths.
    let mut around: Vec<(isize, DieRef)> = Vec::new();
    while let Some(entry) = entries.next_dfs()? {
        let depth = entry.depth();
        while around.last().is_some_and(|(of, _)| *of >= depth) {
            around.pop();
        }
        let tag = entry.tag();
        if tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine {
            continue;
        }
        let Ok(offset) = u32::try_from(entry.offset().0) else { continue };
        let here = DieRef { unit: unit.id, offset };
        let refers = |at| entry.attr_value(at).and_then(|value| dwarf.resolve(unit, value));
        let origin = refers(DW_AT_abstract_origin).or_else(|| refers(DW_AT_specification));
        if let Some(origin) = origin {
            found.origins.insert(here, origin);
        }
        if let Some(name) = entry.attr_value(DW_AT_name)
            && let Ok(name) = unit.unit_ref().attr_string(name)
        {
            found.names.insert(here, String::from_utf8_lossy(name.slice()).into_owned());
        }
        if tag == DW_TAG_inlined_subroutine
            && let Some(of) = origin
        {
            found.calls.push(Call { of, around: around.iter().map(|(_, die)| *die).collect() });
        }
        around.push((depth, here));
    }
    Ok(())
}
