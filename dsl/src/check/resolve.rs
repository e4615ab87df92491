//! Finding what names and paths mean, and saying so where they mean nothing or too much.

use super::Context;
use crate::codes;
use crate::diagnostic::Release;
use crate::names::{self, Lost, Place};
use crate::rules::{Path, Step, Symbol, TypeName};
use crate::source::{At, Span};
use mcrx_debuginfo::table::{Function, Type, Variable};

impl<'a> Context<'a> {
    /// The type that a type's name means, without its stars and lengths. `Some(None)`: `void`.
    pub(crate) fn the_named(&self, release: Release, name: &'a At<TypeName>) -> Option<Option<Type<'a>>> {
        let table = self.table(release)?;
        let TypeName { keyword, symbol, .. } = &name.is;
        if symbol.name == "void" {
            return Some(None);
        }
        let found = match keyword {
            None => self.types(release, symbol),
            Some(_) => names::types(table, *keyword, symbol),
        };
        match found.as_slice() {
            [] => {
                self.report(codes::unknown_type::report(self, release, symbol, name.span));
                None
            }
            [one] => Some(Some(*one)),
            several => {
                self.report(codes::ambiguous_name::types(self, release, &symbol.name, several, name.span));
                None
            }
        }
    }

    /// The function of a symbol. Several static ones of a name are too many.
    pub(crate) fn the_function(&self, release: Release, symbol: At<&Symbol>) -> Option<Function<'a>> {
        let table = self.table(release)?;
        let found = names::functions(table, symbol.is);
        match found.as_slice() {
            [] => {
                self.report(codes::unknown_function::report(
                    self,
                    release,
                    &symbol.is.name,
                    false,
                    symbol.span,
                ));
                None
            }
            [one] => Some(*one),
            [first, ..] if found.iter().all(|other| other.code() == first.code()) => Some(*first),
            several => {
                self.report(codes::ambiguous_name::functions(
                    self,
                    release,
                    &symbol.is.name,
                    several,
                    symbol.span,
                ));
                None
            }
        }
    }

    /// The variable of a symbol.
    pub(crate) fn the_global(&self, release: Release, symbol: At<&Symbol>) -> Option<Variable<'a>> {
        let table = self.table(release)?;
        let found = names::variables(table, symbol.is);
        match found.as_slice() {
            [] => {
                self.report(codes::unknown_global::report(self, release, &symbol.is.name, symbol.span));
                None
            }
            [one] => Some(*one),
            [first, ..] if found.iter().all(|other| other.address() == first.address()) => Some(*first),
            several => {
                self.report(codes::ambiguous_name::globals(
                    self,
                    release,
                    &symbol.is.name,
                    several,
                    symbol.span,
                ));
                None
            }
        }
    }

    /// Where a path leads from something. `None`: it was said what is wrong.
    pub(crate) fn the_place(&self, release: Release, from: Type<'a>, path: &At<Path>) -> Option<Place<'a>> {
        match names::walk(Some(from), &path.is) {
            Ok(place) => Some(place),
            Err((step, lost)) => {
                self.report_lost(release, Some(from), &path.is, step, lost);
                None
            }
        }
    }

    /// Where a path leads that begins with a variable.
    pub(crate) fn the_global_place(&self, release: Release, path: &At<Path>) -> Option<Place<'a>> {
        let (first, rest) = path.is.steps.split_first()?;
        let Step::Member(name) = &first.is else { return None };
        let symbol = Symbol { name: name.clone(), unit: None };
        let variable = self.the_global(release, At { is: &symbol, span: first.span })?;
        if rest.is_empty() {
            return Some(Place::of(variable.ty()));
        }
        let rest = Path { steps: rest.to_vec() };
        match names::walk(variable.ty(), &rest) {
            Ok(place) => Some(place),
            Err((step, lost)) => {
                self.report_lost_behind(release, Some(name), variable.ty(), &rest, step, lost);
                None
            }
        }
    }

    fn report_lost(
        &self,
        release: Release,
        from: Option<Type<'a>>,
        path: &Path,
        step: usize,
        lost: Lost<'a>,
    ) {
        self.report_lost_behind(release, None, from, path, step, lost);
    }

    /// `root`: what is before the path.
    pub(crate) fn report_lost_behind(
        &self,
        release: Release,
        root: Option<&str>,
        from: Option<Type<'a>>,
        path: &Path,
        step: usize,
        lost: Lost<'a>,
    ) {
        let Some(at) = path.steps.get(step) else { return };
        let before = Path { steps: path.steps.get(..step).unwrap_or(&[]).to_vec() };
        let owner = names::walk(from, &before).ok().and_then(|place| place.member).map(|(owner, _)| owner);
        let before = match (root, before.steps.is_empty()) {
            (Some(root), true) => root.to_owned(),
            (Some(root), false) => format!("{root}.{}", spelt(&before)),
            (None, true) => from.map_or_else(String::new, |ty| self.type_name(ty)),
            (None, false) => spelt(&before),
        };
        self.report_step(release, &before, owner, &at.is, at.span, lost);
    }

    /// What is wrong with one step. `owner`: the structure that has the last member before it.
    pub(crate) fn report_step(
        &self,
        release: Release,
        before: &str,
        owner: Option<Type<'a>>,
        step: &Step,
        span: Span,
        lost: Lost<'a>,
    ) {
        let (name, index) = match step {
            Step::Member(name) => (name.as_str(), 0),
            Step::Index(index) => ("", *index),
        };
        self.report(match lost {
            Lost::NoMember(of) => codes::unknown_member::report(self, release, of, name, span),
            Lost::NoStructure(ty) => {
                codes::not_a_structure::report(self, release, (before, ty), name, span, owner)
            }
            Lost::Incomplete(ty) => codes::incomplete_type::report(self, release, ty, span),
            Lost::NoArray(ty) => codes::not_an_array::report(self, release, before, ty, span, owner),
            Lost::Beyond(count) => {
                let last = before.rsplit('.').next().unwrap_or(before);
                let last = last.split('[').next().unwrap_or(last);
                let declaration = owner.map(|owner| self.declare_members(release, owner, &[last]));
                codes::index_beyond::report(before, index, count, declaration, span)
            }
        });
    }
}

/// A path as it is written.
pub(crate) fn spelt(path: &Path) -> String {
    let mut text = String::new();
    for step in &path.steps {
        match &step.is {
            Step::Member(name) if text.is_empty() => text.push_str(name),
            Step::Member(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}
