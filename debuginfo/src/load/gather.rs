//! What the first pass gathers of a unit, until all of it has been seen and references within it can be followed.

use super::hash::mix;
use super::outline::{NOTHING, Outline, Scope, at, number};
use super::source::Reference;
use crate::dwarf::DieRef;

/// An outline in the making.
#[derive(Default)]
pub(super) struct Gathered<'a> {
    /// Of types only `dies` and `hashes`.
    pub(super) outline: Outline<'a>,
    scopes: Vec<u32>,
    /// Of each type: its part of `closed`.
    parts: Vec<(u32, u32)>,
    /// Children of types, those of each type together.
    closed: Vec<u64>,
    abroad: Vec<DieRef>,
}

/// In a child: it is the place of a reference among [`Gathered::abroad`], and not an entry of this unit.
const ABROAD: u64 = 1 << 32;
const NO_CHILD: u64 = u64::MAX;

/// In hashes, for what is not there.
pub(super) const NO_EXTENT: u64 = 0x4E6F_6E65;
/// The hash of a further dimension of an array, before its extent.
pub(super) const DIMENSION: u64 = 0x4469_6D65;

impl<'a> Gathered<'a> {
    pub(super) fn clear(&mut self) {
        let Gathered { outline, scopes, parts, closed, abroad } = self;
        outline.clear();
        outline.scope_table.push(Scope { parent: 0, die: 0, hash: 0 });
        scopes.clear();
        parts.clear();
        closed.clear();
        abroad.clear();
    }

    /// Adds a type, with a hash of what is known of it so far.
    pub(super) fn add(&mut self, die: u32, hash: u64, scope: u32) -> u32 {
        let ty = number(self.outline.dies.len());
        self.outline.dies.push(die);
        self.outline.hashes.push(hash);
        self.parts.push((0, 0));
        self.scopes.push(scope);
        ty
    }

    /// The scope of a type.
    pub(super) fn scope(&self, ty: usize) -> u32 {
        self.scopes.get(ty).copied().unwrap_or(0)
    }

    /// Completes a type.
    pub(super) fn set(&mut self, ty: u32, hash: u64, children: impl ExactSizeIterator<Item = u64>) {
        if let (Some(slot), Some(part)) = (self.outline.hashes.get_mut(at(ty)), self.parts.get_mut(at(ty))) {
            *slot = hash;
            *part = (number(self.closed.len()), number(children.len()));
            self.closed.extend(children);
        }
    }

    pub(super) fn set_only_child(&mut self, ty: u32, child: u64) {
        if let Some(part) = self.parts.get_mut(at(ty)) {
            *part = (number(self.closed.len()), 1);
            self.closed.push(child);
        }
    }

    pub(super) fn mix_into(&mut self, ty: u32, value: u64) {
        if let Some(hash) = self.outline.hashes.get_mut(at(ty)) {
            *hash = mix(*hash, value);
        }
    }

    /// A child as it is kept until the end.
    pub(super) fn child(&mut self, reference: Reference) -> u64 {
        match reference {
            Reference::None => NO_CHILD,
            Reference::Here(die) => u64::from(die),
            Reference::There(die) => {
                self.abroad.push(die);
                ABROAD | u64::from(number(self.abroad.len() - 1))
            }
        }
    }

    /// The outline, in no more room than it needs.
    pub(super) fn finish(&mut self) -> Outline<'a> {
        self.keep_scopes_in_use();
        let mut outline = self.outline.packed();
        outline.index();
        outline.firsts = Vec::with_capacity(self.parts.len() + 1);
        outline.children = Vec::with_capacity(self.closed.len());
        for (first, count) in &self.parts {
            outline.firsts.push(number(outline.children.len()));
            let children = self.closed.get(at(*first)..at(*first) + at(*count)).unwrap_or(&[]);
            for child in children {
                let ty = match u32::try_from(*child) {
                    Ok(die) => outline.find(die),
                    Err(_) => {
                        let place = number(outline.children.len());
                        let abroad = usize::try_from(*child ^ ABROAD).ok();
                        let abroad = abroad.and_then(|index| self.abroad.get(index));
                        outline.abroad.extend(abroad.map(|die| (place, *die)));
                        None
                    }
                };
                outline.children.push(ty.unwrap_or(NOTHING));
            }
        }
        outline.firsts.push(number(outline.children.len()));
        if self.scopes.iter().any(|scope| *scope != 0) {
            outline.scopes = self.scopes.to_vec();
        }
        outline
    }

    /// Drops the scopes that nothing with a name is in: most structures.
    fn keep_scopes_in_use(&mut self) {
        let Outline { scope_table: table, variables, functions, .. } = &mut self.outline;
        if table.len() == 1 {
            return;
        }
        let mut used = vec![false; table.len()];
        let of_variables = variables.iter().map(|variable| variable.scope);
        let of_functions = functions.iter().map(|function| function.scope);
        for scope in self.scopes.iter().copied().chain(of_variables).chain(of_functions).chain([0]) {
            if let Some(used) = used.get_mut(at(scope)) {
                *used = true;
            }
        }
        // What is around a scope has a smaller number.
        for (scope, Scope { parent, .. }) in table.iter().enumerate().rev() {
            if used[scope]
                && let Some(used) = used.get_mut(at(*parent))
            {
                *used = true;
            }
        }
        let before = used.iter().scan(0, |before, used| {
            let number = *before;
            *before += u32::from(*used);
            Some(number)
        });
        let numbers: Vec<u32> = before.collect();
        let renumber = |scope: &mut u32| *scope = numbers.get(at(*scope)).copied().unwrap_or(0);
        let mut keep = used.iter();
        table.retain(|_| keep.next().is_some_and(|used| *used));
        table.iter_mut().for_each(|scope| renumber(&mut scope.parent));
        self.scopes.iter_mut().for_each(renumber);
        variables.iter_mut().for_each(|variable| renumber(&mut variable.scope));
        functions.iter_mut().for_each(|function| renumber(&mut function.scope));
    }
}
