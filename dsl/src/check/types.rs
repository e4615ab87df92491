//! `type` statements: which objects become which, member by member.

use super::Context;
use super::expression::{Scope, at};
use super::kind::Kind;
use super::resolve::spelt;
use super::store::Target;
use crate::codes;
use crate::diagnostic::Release;
use crate::names::{self, Place};
use crate::rules::{Expression, Path, Step, TypeChange, TypeItem, TypeName};
use crate::source::{At, Span};
use mcrx_debuginfo::table::{Tag, Type};
use rustc_hash::FxHashMap;

/// The types of a statement, as far as they are known.
struct Sides<'a> {
    old: Vec<Option<Type<'a>>>,
    new: Vec<Option<Type<'a>>>,
    /// Names by which paths begin, where several are made.
    made: Vec<&'a str>,
    /// And where several are merged.
    merged: Vec<&'a str>,
}

impl<'a> Sides<'a> {
    /// The type that a path of the new release begins in, and the rest of the path.
    fn of_new(&self, path: &At<Path>) -> (Option<Type<'a>>, At<Path>) {
        part(&self.new, &self.made, path)
    }

    fn of_old(&self, path: &At<Path>) -> (Option<Type<'a>>, At<Path>) {
        part(&self.old, &self.merged, path)
    }
}

fn part<'a>(types: &[Option<Type<'a>>], names: &[&'a str], path: &At<Path>) -> (Option<Type<'a>>, At<Path>) {
    if types.len() < 2 {
        return (types.first().copied().flatten(), path.clone());
    }
    let Some((At { is: Step::Member(first), .. }, rest)) = path.is.steps.split_first() else {
        return (None, path.clone());
    };
    let ty =
        names.iter().position(|name| name == first).and_then(|index| types.get(index).copied().flatten());
    (ty, At { is: Path { steps: rest.to_vec() }, span: path.span })
}

impl<'a> Context<'a> {
    pub(crate) fn check_type_change(&self, change: &'a TypeChange, span: Span) {
        let is_one = change.from == change.to;
        let resolve = |release, names: &'a [At<TypeName>]| -> Vec<Option<Type<'a>>> {
            names.iter().map(|name| self.the_named(release, name).flatten()).collect()
        };
        let mark = self.mark();
        let old = resolve(Release::Old, &change.from);
        // A name that neither release has is said once.
        let is_said = is_one && self.mark() > mark && self.is_in_neither(&change.from);
        let new = if is_said { vec![None; change.to.len()] } else { resolve(Release::New, &change.to) };
        let name = |name: &'a At<TypeName>| name.is.symbol.name.as_str();
        let sides = Sides {
            old,
            new,
            made: change.to.iter().map(name).collect(),
            merged: change.from.iter().map(name).collect(),
        };
        if let ([Some(one)], [Some(other)]) = (sides.old.as_slice(), sides.new.as_slice()) {
            self.check_sorts(change, *one, *other);
            if change.items.is_empty() && is_one && self.is_same(*one, *other) {
                let what = format!("objects of `{}` become the same", self.spelt(*other));
                self.report(codes::unused_change::report(&what, span));
            }
        }
        let mut said = Said::default();
        for item in &change.items {
            self.check_item(&sides, item, &mut said);
        }
        self.check_renames(&sides, &said);
    }

    fn is_in_neither(&self, from: &'a [At<TypeName>]) -> bool {
        from.iter().all(|name| {
            self.releases
                .all()
                .all(|(_, table)| names::types(table, name.is.keyword, &name.is.symbol).is_empty())
        })
    }

    fn check_sorts(&self, change: &TypeChange, old: Type<'a>, new: Type<'a>) {
        let sort = |ty: Type<'_>| match ty.tag() {
            Tag::Class => Tag::Structure,
            tag => tag,
        };
        if let (true, [from], [to]) = (sort(old) != sort(new), change.from.as_slice(), change.to.as_slice()) {
            let declarations = vec![self.declare(Release::Old, old), self.declare(Release::New, new)];
            let (one, other) = (self.spelt(old), self.spelt(new));
            self.report(codes::unlike_types::report(&one, &other, declarations, from.span, to.span));
        }
    }

    /// Whether nothing about a type changed.
    fn is_same(&self, old: Type<'a>, new: Type<'a>) -> bool {
        let changed = self.comparison().map(|comparison| &comparison.types.changed);
        changed.is_some_and(|changed| !changed.iter().any(|change| change.old == old || change.new == new))
    }

    fn check_item(&self, sides: &Sides<'a>, item: &'a At<TypeItem>, said: &mut Said) {
        match &item.is {
            TypeItem::Set { path, value } => {
                let place = self.new_place(sides, path);
                said.of_new(self, path, "it is set");
                let mut scope = Scope::new("a `type` statement");
                scope = match sides.old.as_slice() {
                    [one] => {
                        scope.with("old", one.map_or(Kind::Any, |ty| Kind::of(Release::Old, Some(ty), None)))
                    }
                    _ => scope.with("old", Kind::Any),
                };
                if sides.old.len() > 1 {
                    for (name, ty) in sides.merged.iter().zip(&sides.old) {
                        let kind = ty.map_or(Kind::Any, |ty| Kind::Object(Release::Old, ty));
                        scope = scope.with(name, kind);
                    }
                }
                // The objects that are made go by their types' names.
                if sides.new.len() > 1 {
                    for (name, ty) in sides.made.iter().zip(&sides.new) {
                        let kind = ty.map_or(Kind::Any, |ty| Kind::Object(Release::New, ty));
                        scope = scope.with(name, kind);
                    }
                }
                let nowhere = Place { ty: None, declared: None, member: None, bit_offset: None };
                let target = Target::of(Release::New, place.unwrap_or(nowhere), spelt(&path.is));
                self.store(&scope, at(value), &target, false);
                if let Some(place) = place {
                    self.check_needed(sides, path, place, value);
                }
            }
            TypeItem::Rename { from, to } => {
                let (old, new) = (self.old_place(sides, from), self.new_place(sides, to));
                said.of_old(self, from, "it is renamed");
                said.of_new(self, to, "something is renamed to it");
                let (from_text, to_text) = (spelt(&from.is), spelt(&to.is));
                if from_text == to_text && sides.old.len() == 1 && sides.new.len() == 1 {
                    self.report(codes::pointless_rename::report(&from_text, to.span));
                    return;
                }
                if let (Some(old), Some(new)) = (old, new) {
                    let declare = |_: &Place<'a>| {
                        let of = |release, place: &Place<'a>, path: &At<Path>| {
                            place.member.map(|(owner, _)| self.declare_path(release, owner, path))
                        };
                        of(Release::Old, &old, from).into_iter().chain(of(Release::New, &new, to)).collect()
                    };
                    if !self.check_becomes((&from_text, old, from.span), (&to_text, new, to.span), declare) {
                        return;
                    }
                }
                said.renames.push((from_text, to_text, from.span, to.span));
            }
            TypeItem::Drop(paths) => {
                for path in paths {
                    let old = self.old_place(sides, path);
                    said.of_old(self, path, "it is dropped");
                    said.dropped.push(spelt(&path.is));
                    if let Some(old) = old {
                        self.check_gone(sides, path, old);
                    }
                }
            }
            TypeItem::Reset(paths) => {
                for path in paths {
                    self.new_place(sides, path);
                    said.of_new(self, path, "it is reset");
                }
            }
            TypeItem::Keep { paths, .. } => {
                for path in paths {
                    self.new_place(sides, path);
                    said.of_new(self, path, "it is kept");
                }
            }
            TypeItem::Hole(hole) => self.report(codes::hole::report(&hole.why.is, item.span)),
        }
    }

    fn new_place(&self, sides: &Sides<'a>, path: &At<Path>) -> Option<Place<'a>> {
        let (ty, rest) = sides.of_new(path);
        self.side_place(Release::New, ty, (&sides.new, &sides.made), path, &rest)
    }

    fn old_place(&self, sides: &Sides<'a>, path: &At<Path>) -> Option<Place<'a>> {
        let (ty, rest) = sides.of_old(path);
        self.side_place(Release::Old, ty, (&sides.old, &sides.merged), path, &rest)
    }

    fn side_place(
        &self,
        release: Release,
        ty: Option<Type<'a>>,
        (types, names): (&[Option<Type<'a>>], &[&'a str]),
        path: &At<Path>,
        rest: &At<Path>,
    ) -> Option<Place<'a>> {
        let is_all_known = types.iter().all(Option::is_some);
        if let (None, true, true, Some(first)) = (ty, types.len() > 1, is_all_known, path.is.steps.first()) {
            let name = spelt(&Path { steps: vec![first.clone()] });
            self.report(codes::unknown_part::report(self, &name, names, first.span));
            return None;
        }
        self.the_place(release, ty?, rest)
    }

    /// A value that is what would be carried over anyway.
    fn check_needed(&self, sides: &Sides<'a>, path: &At<Path>, new: Place<'a>, value: &At<Expression>) {
        let ([Some(old)], [_]) = (sides.old.as_slice(), sides.new.as_slice()) else { return };
        if self.files.at(value.span) != format!("old.{}", spelt(&path.is)) {
            return;
        }
        let Ok(before) = names::walk(Some(*old), &path.is) else { return };
        // In fewer bits not all values fit, though the type is the same.
        let is_alike = self.spelt_declared(before.declared) == self.spelt_declared(new.declared)
            && before.bit_size() == new.bit_size();
        if is_alike
            && matches!(
                Kind::of_place(Release::New, &new),
                Kind::Integer(_) | Kind::Float | Kind::Pointer(..) | Kind::Code(_)
            )
        {
            let what = format!("`{}` is carried over", spelt(&path.is));
            self.report(codes::unused_change::report(&what, path.span.to(value.span)));
        }
    }

    /// A member that is dropped though the new type has it.
    fn check_gone(&self, sides: &Sides<'a>, path: &At<Path>, old: Place<'a>) {
        let ([Some(_)], [Some(new)]) = (sides.old.as_slice(), sides.new.as_slice()) else { return };
        let Ok(there) = names::walk(Some(*new), &path.is) else { return };
        let (Some((owner, _)), Some((new_owner, _))) = (old.member, there.member) else { return };
        let declarations = vec![
            self.declare_path(Release::Old, owner, path),
            self.declare_path(Release::New, new_owner, path),
        ];
        let new = self.called(Release::New);
        self.report(codes::dropped_but_there::report(&spelt(&path.is), declarations, &new, path.span));
    }

    /// Renames onto members that the old type has as well.
    fn check_renames(&self, sides: &Sides<'a>, said: &Said) {
        let ([Some(old)], [Some(new)]) = (sides.old.as_slice(), sides.new.as_slice()) else { return };
        for (from, to, _, span) in &said.renames {
            let path = said.path_of(to);
            let is_moved = said.dropped.contains(to) || said.renames.iter().any(|(other, ..)| other == to);
            let Some(path) = path.filter(|_| !is_moved) else { continue };
            let (Ok(before), Ok(after)) = (names::walk(Some(*old), path), names::walk(Some(*new), path))
            else {
                continue;
            };
            let (Some((owner, _)), Some((new_owner, _))) = (before.member, after.member) else { continue };
            let at = At { is: path.clone(), span: *span };
            let declarations = vec![
                self.declare_path(Release::Old, owner, &at),
                self.declare_path(Release::New, new_owner, &at),
            ];
            self.report(codes::rename_onto_kept::report(from, to, declarations, *span));
        }
    }
}

/// What was said of members so far.
#[derive(Default)]
struct Said {
    new: FxHashMap<String, (Path, Span)>,
    old: FxHashMap<String, Span>,
    dropped: Vec<String>,
    /// From, to, and where.
    renames: Vec<(String, String, Span, Span)>,
}

impl Said {
    fn of_new(&mut self, cx: &Context<'_>, path: &At<Path>, said: &str) {
        let text = spelt(&path.is);
        match self.new.get(&text) {
            Some((_, earlier)) => cx.report(codes::contradiction::report(&text, said, path.span, *earlier)),
            None => {
                self.new.insert(text, (path.is.clone(), path.span));
            }
        }
    }

    fn of_old(&mut self, cx: &Context<'_>, path: &At<Path>, said: &str) {
        let text = spelt(&path.is);
        match self.old.get(&text) {
            Some(earlier) => cx.report(codes::contradiction::report(&text, said, path.span, *earlier)),
            None => {
                self.old.insert(text, path.span);
            }
        }
    }

    fn path_of(&self, text: &str) -> Option<&Path> {
        self.new.get(text).map(|(path, _)| path)
    }
}
