//! Which pointers of the old process count: those that something in the new image is made from.
//!
//! What only a member leads to that the rules drop, or that a rule makes anew, need not live on. Where a rule does make something of such a
//! pointer, its target comes along as what that rule leads to (`Made::wanted`).

use super::Scene;
use super::kinds;
use super::objects::{Change, change};
use super::start_up::{How, Twice};
use mcrx_debuginfo::table::{Kind, Storage, Type, TypeId, Variable};
use mcrx_dsl::diagnostic::Release;
use mcrx_dsl::eval::Making;
use mcrx_dsl::migrate::Recipe;
use mcrx_tracer::graph::Node;
use rustc_hash::{FxHashMap, FxHashSet};

impl Scene<'_> {
    /// Whether something is made from what lies there in an old block of a kind.
    #[inline]
    pub(super) fn leads_on(&self, (number, kind): (u32, Option<&kinds::Kind<'_>>), offset: u64) -> bool {
        match kind {
            Some(kind) if kind.is_kept => true,
            Some(kind) if kind.words.is_some() && offset < kind.size => kind.takes(self, offset),
            _ => self.block_leads_on(number, offset),
        }
    }

    /// The same of any block.
    pub(super) fn block_leads_on(&self, number: u32, offset: u64) -> bool {
        let trace = self.now.trace;
        let Some(block) = trace.blocks.get(number) else { return true };
        let Some(object) = trace.marked.object_at(trace.model, block.len, number, offset) else {
            return true;
        };
        let how = match change(self, object.ty) {
            Change::Made(how) => how,
            // What rules take of it leads on where they lead.
            Change::Merged => return false,
            Change::None | Change::Drained | Change::Gone => return true,
        };
        let within = if object.index == 0 { offset - object.start } else { object.within };
        self.any_takes(&how, within)
    }

    pub(super) fn any_takes(&self, how: &[Making], within: u64) -> bool {
        how.iter().any(|how| match self.migration.recipe(*how) {
            Some(recipe) => recipe.takes(self.migration, within),
            None => true,
        })
    }

    /// The same for what both start-ups have made.
    pub(super) fn twice_leads_on(&self, twice: &Twice<'_>, offset: u64) -> bool {
        match twice.how {
            How::Plain => true,
            How::New => false,
            How::Made(recipe, Some((from, _))) => recipe.takes(self.migration, offset % from.max(1)),
            How::Made(recipe, None) | How::Kept(recipe) => recipe.takes(self.migration, offset),
        }
    }

    /// For variables of the old program, by their nodes: all recipes that something is made from them by.
    pub(super) fn recipes_of_variables(&self) -> FxHashMap<Node, Vec<&Recipe>> {
        let mut recipes: FxHashMap<Node, Vec<&Recipe>> = FxHashMap::default();
        for (index, pair) in self.pairing.variables.iter().enumerate() {
            let Some(old) = pair.old.as_ref() else { continue };
            if let Some(node) = self.variables.get(&self.now.program.mapped(old.address().0)) {
                recipes.entry(*node).or_default().extend(self.migration.variable(index));
            }
        }
        recipes
    }

    /// Where variables of the old program are, and how many bytes, that nothing is made from.
    pub(super) fn given_up_variables(&self) -> Vec<(u64, u64)> {
        let given_up =
            self.pairing.variables.iter().filter(|pair| pair.origin.is_none() || pair.new.is_none());
        let statics = given_up.filter_map(|pair| pair.old).filter(|old| old.storage() == Storage::Static);
        let place = |old: Variable<'_>| {
            (self.now.program.mapped(old.address().0), old.ty().and_then(Type::size).unwrap_or(0))
        };
        statics.map(place).collect()
    }

    /// Old types that `for each` goes through objects of: wherever they are found, rules make something of them.
    pub(super) fn listed(&self) -> FxHashSet<TypeId> {
        let of_new = |id: TypeId| {
            let ty = self.new.table.ty(id)?;
            Some(self.pairing.of_new(ty)?.1.old.iter().map(|ty| ty.id()).collect::<Vec<TypeId>>())
        };
        let each = self.migration.actions.each.iter();
        each.flat_map(|each| match each.of {
            Release::Old => vec![each.ty],
            Release::New => of_new(each.ty).unwrap_or_default(),
        })
        .collect()
    }
}

/// Whether objects of a type are, or hold by value, one of these.
pub(super) fn holds(ty: Type<'_>, wanted: &FxHashSet<TypeId>) -> bool {
    let mut seen = FxHashSet::default();
    let mut work: Vec<Type<'_>> = ty.resolved().into_iter().collect();
    while let Some(ty) = work.pop() {
        if wanted.contains(&ty.id()) {
            return true;
        }
        if !seen.insert(ty.id()) {
            continue;
        }
        match ty.kind() {
            Kind::Aggregate => {
                work.extend(ty.members().filter_map(|member| member.ty().and_then(Type::resolved)));
            }
            Kind::Array { element, .. } => work.extend(element.and_then(Type::resolved)),
            _ => {}
        }
    }
    false
}
