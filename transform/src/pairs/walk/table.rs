//! Tables of pointers: whether their order means something, and what pairs if it does not.
//!
//! A hash table is filled in an order of its own: by a seed that is another in each process, or with what another release has more. Then
//! what the same index leads to is not the same thing. It is believed to be so where the things have names, and one of these is in another
//! place than in the other table; the things pair by their names then.

use super::{Found, Source, Walk, is_followed, within};
use crate::pairs::extent::{Extent, Key};
use crate::pairs::shape::ShapeId;
use crate::pairs::way::At;
use crate::side::Side;
use mcrx_tracer::graph::{Edge, Node};
use mcrx_tracer::model::Ty;
use rustc_hash::{FxHashMap, FxHashSet};

/// Something that a table leads to.
struct Entry {
    /// In which place of the table, or the list that begins there.
    index: u64,
    /// What leads to it.
    edge: Edge,
    extent: Extent,
}

/// How entries go by names: what type the old ones are of, and how the others lie.
#[derive(Clone, Copy)]
struct Naming {
    ty: Ty,
    /// Of the new ones, in the shape of the old ones. `None`: they are the old ones.
    shape: Option<ShapeId>,
}

impl Walk<'_, '_> {
    /// Whether two extents are tables of pointers.
    pub(super) fn is_table(&self, ty: Ty, old: &Extent, new: &Extent) -> bool {
        self.is_pointer(ty) && (old.count > 1 || new.count > 1)
    }

    /// Whether the order of two tables of pointers means the same.
    pub(super) fn is_ordered(&mut self, old: &Extent, new: &Extent) -> bool {
        let before = self.elements(true, old);
        let after = self.elements(false, new);
        let Some(naming) = self.naming(&before, &after) else { return true };
        let mut names = [FxHashMap::default(), FxHashMap::default()];
        let mut places = [FxHashMap::default(), FxHashMap::default()];
        let sides = [(true, naming.0, &before), (false, naming.1, &after)];
        for (((is_old, naming, entries), names), places) in sides.into_iter().zip(&mut names).zip(&mut places)
        {
            for entry in entries {
                if let Some(name) = self.name(is_old, naming, &entry.extent) {
                    places.insert(entry.index, name.clone());
                    names.entry(name).or_insert(entry.index);
                }
            }
        }
        let [names, other_names] = &names;
        let [places, other_places] = &places;
        let moved =
            names.iter().any(|(name, index)| other_names.get(name).is_some_and(|other| other != index));
        let other = |(index, name)| other_places.get(index).is_some_and(|other| other != name);
        !moved && !places.iter().any(other)
    }

    /// Pairs what two tables lead to by names, those that only one has on either side.
    pub(super) fn by_name(&mut self, source: Source, old: &Extent, new: &Extent, found: &mut Found) {
        let (before, after) = (self.elements(true, old), self.elements(false, new));
        let Some((of_old, of_new)) = self.naming(&before, &after) else { return };
        let (before, after) = (self.lists(true, before, found), self.lists(false, after, found));
        let named = |walk: &mut Self, is_old, naming, entries: &[Entry]| {
            let mut named: FxHashMap<(u64, String), Option<usize>> = FxHashMap::default();
            for (place, entry) in entries.iter().enumerate() {
                let Some(name) = walk.name(is_old, naming, &entry.extent) else { continue };
                named.entry(name).and_modify(|known| *known = None).or_insert(Some(place));
            }
            named
        };
        let here = named(self, true, of_old, &before);
        let there = named(self, false, of_new, &after);
        let way = found.ways.step(source.way, source.at);
        let mut both: Vec<(usize, usize)> =
            here.iter().filter_map(|(name, place)| Some(((*place)?, (*there.get(name)?)?))).collect();
        both.sort_unstable();
        for (one, other) in both {
            let (Some(one), Some(other)) = (before.get(one), after.get(other)) else { continue };
            let at = At { ty: old.ty, index: Some(one.index), ..At::default() };
            let source = Source { way, at, is_in_row: true, is_variable: false, ..source };
            self.claim(source, &one.edge, &other.edge, found);
        }
    }

    /// What the elements of a table lead to, by index.
    fn elements(&self, is_old: bool, table: &Extent) -> Vec<Entry> {
        let side = self.side(is_old);
        let edges: Vec<Edge> = side.trace.graph.edges(Node(table.key.block)).collect();
        let range = table.key.start..table.key.start.saturating_add(table.len);
        let followed = within(&edges, range).iter().filter(|edge| is_followed(edge));
        let entries = followed.filter_map(|edge| {
            let (index, _) = table.inside(edge.offset);
            Some(Entry { index, edge: *edge, extent: target(side, edge)? })
        });
        entries.collect()
    }

    /// The same with what hangs on to each: what a member of the same type leads to.
    fn lists(&self, is_old: bool, entries: Vec<Entry>, found: &mut Found) -> Vec<Entry> {
        let side = self.side(is_old);
        let mut seen: FxHashSet<Key> = entries.iter().map(|entry| entry.extent.key).collect();
        let mut all = entries;
        let mut next = 0;
        while let Some(Entry { index, extent, .. }) = all.get(next) {
            let (index, extent) = (*index, *extent);
            next += 1;
            if extent.ty.is_none() {
                continue;
            }
            let edges = self.edges(is_old, Node(extent.key.block), extent.is_block, found);
            let range = extent.key.start..extent.key.start.saturating_add(extent.len);
            for edge in within(&edges, range).iter().filter(|edge| is_followed(edge)) {
                let Some(further) = target(side, edge) else { continue };
                if further.ty == extent.ty && edge.to_offset == further.key.start && seen.insert(further.key)
                {
                    all.push(Entry { index, edge: *edge, extent: further });
                }
            }
        }
        all
    }

    /// By what the entries of two tables are named. `None`: those of one have no names, or are of other types.
    fn naming(&mut self, old: &[Entry], new: &[Entry]) -> Option<(Naming, Naming)> {
        let ty = old.iter().find_map(|entry| entry.extent.ty)?;
        let other = new.iter().find_map(|entry| entry.extent.ty)?;
        let shape = self.shapes.of(ty, other)?;
        let (of_old, of_new) = (Naming { ty, shape: None }, Naming { ty, shape: Some(shape) });
        let is_named = |walk: &mut Self, is_old, naming, entries: &[Entry]| {
            entries.iter().any(|entry| walk.name(is_old, naming, &entry.extent).is_some())
        };
        (is_named(self, true, of_old, old) && is_named(self, false, of_new, new)).then_some((of_old, of_new))
    }

    /// What something goes by.
    fn name(&mut self, is_old: bool, naming: Naming, extent: &Extent) -> Option<(u64, String)> {
        extent.ty?;
        let (side, start) = (self.side(is_old), self.start);
        let shapes = &self.shapes;
        let place = |at| naming.shape.map_or(Some(at), |shape| shapes.place(shape, at));
        let found = self.names.key((start, naming.ty), (side, extent.address), place);
        found.map(|(member, name)| (member, name.to_owned()))
    }
}

fn target(side: &Side<'_>, edge: &Edge) -> Option<Extent> {
    Extent::at(side, side.trace.graph.block(edge.to)?, edge.to_offset)
}
