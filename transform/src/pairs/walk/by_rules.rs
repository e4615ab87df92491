//! Where rules say what a member is: what their value leads to in the old process, as its start-up left it, is taken for what the new start-up
//! has there.
//!
//! ```text
//!   name = old.profile.name        old  user -> .profile -> .name -> "somebody"
//!                                  new  user -> .name ------------> "somebody"
//! ```
//!
//! Such claims come last: nothing that a path of corresponding members says is doubted for a rule. The value is evaluated, so it does not
//! matter what is merged, or how the rule comes to it.
//!
//! What it does not do: allocate. A text that a rule makes pairs with nothing.

use super::super::begin::Beginning;
use super::super::way::{At, WayId};
use super::{Found, Paired, Source, Walk, is_followed, within};
use crate::plan::View;
use crate::side::Side;
use crate::target::Room;
use mcrx_dsl::eval::{Machine, Making};
use mcrx_dsl::migrate::Recipe;
use mcrx_tracer::graph::{Edge, Kind, Node};
use mcrx_tracer::model::Ty;
use rustc_hash::FxHashSet;

/// Nothing is to be made here.
struct Nowhere;

impl Room for Nowhere {
    fn block(&self, _: u64) -> Option<u64> {
        None
    }
}

/// An object, and what pairs with it.
struct Object<'o> {
    /// In the old process: where, and how many bytes.
    old: (u64, u64),
    /// In the new one: where it begins in its node.
    new: u64,
    /// The node's pointers.
    after: &'o [Edge],
    /// Those of them that an old pointer corresponds to.
    spoken_of: &'o FxHashSet<u64>,
    /// The new type, and how far into that it begins.
    ty: (Option<Ty>, u64),
}

impl Walk<'_, '_> {
    /// From two roots.
    pub(super) fn begin_by_rules(
        &self,
        beginning: &Beginning,
        (before, after): (&[Edge], &[Edge]),
        way: WayId,
        found: &mut Found,
    ) {
        let Beginning { old: (node, range), new: (new_node, new), shape, variable, .. } = beginning;
        let Some((index, offset)) = *variable else { return };
        let recipe = self.migration.variable(index).filter(|recipe| recipe.has_values(self.migration));
        let root = |side: &Side<'_>, node| {
            let root = side.trace.graph.root(node).and_then(|root| side.trace.roots.get(root));
            root.filter(|root| root.value.is_none()).map(|root| (root.address, root.ty))
        };
        let roots = root(self.start, *node).zip(root(self.new, *new_node));
        let (Some(recipe), Some(((address, _), (_, ty)))) = (recipe, roots) else { return };
        let places = within(before, range.clone()).iter();
        let places = places.filter_map(|edge| self.shapes.place(*shape, edge.offset - range.start));
        let spoken_of = places.filter_map(|at| new.checked_add(at)).collect();
        let object = Object {
            old: (address.saturating_add(range.start), range.end - range.start),
            new: new.saturating_sub(offset),
            after,
            spoken_of: &spoken_of,
            ty: (ty, new.saturating_sub(offset)),
        };
        let (from, at) = (None, At::default());
        let source = Source { from, way, at, is_in_row: false, is_variable: false, has_waited: true };
        self.by_rules(source, recipe, &object, found);
    }

    /// From two extents that pair.
    pub(super) fn go_on_by_rules(
        &mut self,
        number: usize,
        (before, after): (&[Edge], &[Edge]),
        found: &mut Found,
    ) {
        let Some(Paired { old, new, shape: Some(shape), way, .. }) = found.pairs.get(number) else { return };
        let (old, new, shape, way) = (*old, *new, *shape, *way);
        let how = old.ty.and_then(|ty| self.valued(ty));
        let Some(recipe) = how.and_then(|how| self.migration.recipe(how)) else { return };
        let start = |index: u64| Some(new.key.start.saturating_add(index.checked_mul(new.stride)?));
        let range = old.key.start..old.key.start.saturating_add(old.len);
        let places = within(before, range).iter().filter_map(|edge| {
            let (index, inside) = old.inside(edge.offset);
            start(index)?.checked_add(self.shapes.place(shape, inside)?)
        });
        let spoken_of = places.collect();
        for index in 0..old.count.min(new.count) {
            let Some(new_start) = start(index) else { return };
            let is_one = old.count == 1;
            let address = old.address.saturating_add(index.saturating_mul(old.stride));
            let object = Object {
                old: (address, if is_one { old.len } else { old.stride }),
                new: new_start,
                after,
                spoken_of: &spoken_of,
                ty: (new.ty, 0),
            };
            let (from, at) = (Some(number), At { index: (!is_one).then_some(index), ..At::default() });
            let source = Source { from, way, at, is_in_row: false, is_variable: false, has_waited: true };
            self.by_rules(source, recipe, &object, found);
        }
    }

    /// How objects of an old type are made, if rules' expressions say what some of one is.
    fn valued(&mut self, ty: Ty) -> Option<Making> {
        if let Some(known) = self.valued.get(&ty) {
            return *known;
        }
        let own = self.start.trace.model.ty(ty);
        let own = own.filter(|own| own.table().build_id() == self.start.table.build_id());
        let pair = own.and_then(|own| self.pairing.of_old(own)).map(|(id, _)| id);
        let how = pair.map(|pair| Making { pair, made: 0 });
        let found = how.filter(|how| {
            self.migration.recipe(*how).is_some_and(|recipe| recipe.has_values(self.migration))
        });
        self.valued.insert(ty, found);
        found
    }

    /// One object.
    fn by_rules(&self, source: Source, recipe: &Recipe, object: &Object<'_>, found: &mut Found) {
        let size = recipe.size(object.old.1);
        let (Ok(room), Some(end)) = (usize::try_from(size), object.new.checked_add(size)) else { return };
        let left = |edge: &&Edge| is_followed(edge) && !object.spoken_of.contains(&edge.offset);
        let left: Vec<&Edge> = within(object.after, object.new..end).iter().filter(left).collect();
        if left.is_empty() {
            return;
        }
        let view = View::new(*self.start, *self.new, None, &Nowhere);
        let mut machine = Machine::new(&view, self.migration);
        let mut bytes = vec![0; room];
        recipe.make_parts(self.migration, object.old, &[], &mut bytes, &mut machine);
        for edge in left {
            let within = edge.offset - object.new;
            let bytes = usize::try_from(within).ok().and_then(|within| bytes.get(within..)?.first_chunk());
            let block = bytes.and_then(|word| self.start.trace.blocks.at(u64::from_le_bytes(*word)));
            let Some((number, into)) = block else { continue };
            let model = self.new.trace.model;
            let path = object.ty.0.map(|ty| model.path(ty, object.ty.1.saturating_add(within)));
            let path = path.unwrap_or_default();
            let is_in_row = path.ends_with(']');
            let at = At { rule: Some(found.ways.name(path)), ..source.at };
            let here = Edge { offset: edge.offset, to: Node(number), to_offset: into, kind: Kind::Precise };
            found.later.push_back((Source { at, is_in_row, ..source }, here, *edge));
        }
    }
}
