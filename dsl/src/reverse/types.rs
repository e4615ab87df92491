//! `type` statements turned round: each old member from the new one that it became.
//!
//! A member is carried back by its name unless a rule speaks of either side. What a rule made of it is inverted ([`super::inverse`]);
//! what cannot be is left open, and told. Several types that one became are one again, reached through the pointer that led to them;
//! one that was made of several becomes several.
//!
//! What it does not do: speak of members that no rule names; [`super::complete`] does, by the questions that are left.

use super::inverse::{Given, Inverse, Scope};
use super::sequences::below;
use super::sheet::{Body, Entry, Says, TypeEntry, is_below};
use super::spell::{path, quoted, type_name};
use super::{Deriving, Subject, inverse};
use crate::codes::{comes_back_otherwise, given_up, no_inverse};
use crate::pairing::named_type;
use crate::rules::{Expression, Symbol, TypeChange, TypeItem, TypeName, Unary, Which};
use crate::source::{At, Span};
use mcrx_debuginfo::table::{Kind, Table, Type};

/// A statement, with what its names mean.
struct Statement<'a, 't> {
    change: &'a TypeChange,
    old: Vec<Type<'t>>,
    new: Vec<Type<'t>>,
}

/// A member of the new release that a rule sets.
struct Set<'a> {
    /// In the first of the types that are made, or in another one.
    owner: usize,
    /// Its path there.
    path: String,
    value: &'a At<Expression>,
    /// Where the rule names it.
    span: Span,
}

pub(super) fn reverse(deriving: &mut Deriving<'_>, change: &TypeChange, span: Span) {
    let all = |table, names: &[At<TypeName>]| -> Option<Vec<Type<'_>>> {
        names.iter().map(|name| named_type(table, &name.is)).collect()
    };
    let between = deriving.between;
    let names = |names: &[At<TypeName>]| names.iter().map(|name| type_name(&name.is)).collect();
    let entry = TypeEntry { from: names(&change.to), to: names(&change.from), items: Vec::new() };
    let at = deriving.sheet.entries.len();
    deriving.sheet.entries.push(Entry { body: Body::Type(entry), from: Some(span), is_needed: true });
    let types = all(between.old, &change.from).zip(all(between.new, &change.to));
    match types {
        Some((old, new)) if !old.is_empty() && !new.is_empty() => {
            Statement { change, old, new }.reverse(deriving, at);
        }
        // Of types of C's own, or what check has something to say of.
        _ => {
            let text = format!("what becomes of `{}` on the way back?", names(&change.to).join(" + "));
            deriving.sheet.entries.pop();
            deriving.hole(&text, span);
            let told = no_inverse::report("this statement", "it is not about structures", "", span);
            deriving.tell(Subject::Other, told);
        }
    }
}

fn names(names: &[At<TypeName>]) -> Vec<String> {
    names.iter().map(|name| type_name(&name.is)).collect()
}

impl<'t> Statement<'_, 't> {
    fn reverse(&self, deriving: &mut Deriving<'t>, at: usize) {
        let sets = self.sets();
        let mut items: Vec<(Says, Option<Span>)> = Vec::new();
        for item in &self.change.items {
            match &item.is {
                TypeItem::Rename { from, to } => items.extend(self.renamed(from, to, &sets)),
                TypeItem::Reset(paths) => {
                    for path in paths.iter().filter(|path| self.both_have(&self::path(&path.is))) {
                        let name = self::path(&path.is);
                        let what = format!("`{name}` of `{}`", self.name());
                        let why = "each release's start-up makes its own";
                        let told = comes_back_otherwise::report(&what, why, path.span);
                        deriving.tell(Subject::Member(at, name.clone()), told);
                        items.push((Says::Reset(name), Some(path.span)));
                    }
                }
                TypeItem::Keep { which, paths } => {
                    let which = if *which == Which::Old { "old" } else { "new" };
                    let kept = paths.iter().filter(|path| self.both_have(&self::path(&path.is)));
                    items.extend(kept.map(|path| (Says::Keep(which, self::path(&path.is)), Some(path.span))));
                }
                TypeItem::Hole(hole) => items.push((Says::Hole(hole.why.is.clone()), Some(hole.why.span))),
                TypeItem::Drop(paths) => {
                    let given_up = paths.iter().map(|path| (at, self::path(&path.is), path.span));
                    deriving.given_up.extend(given_up);
                }
                TypeItem::Set { .. } => {}
            }
        }
        items.extend(self.values(deriving, at, &sets));
        if self.old.len() > 1 {
            items = self.parted(items);
        }
        if let Some(entry) = deriving.sheet.type_at(at) {
            items.into_iter().for_each(|(says, from)| entry.add(says, from));
        }
    }

    /// What members of the new release are set to.
    fn sets(&self) -> Vec<Set<'_>> {
        let found = self.change.items.iter().filter_map(|item| match &item.is {
            TypeItem::Set { path, value } => {
                let (owner, own) = self.owner(&self::path(&path.is));
                Some(Set { owner, path: own, value, span: path.span.to(value.span) })
            }
            _ => None,
        });
        found.collect()
    }

    /// In which of the types that are made a path of the rule is, and the path there.
    fn owner(&self, path: &str) -> (usize, String) {
        if self.change.to.len() > 1
            && let Some((first, rest)) = path.split_once('.')
            && let Some(owner) = self.change.to.iter().position(|name| name.is.symbol.name == first)
        {
            return (owner, rest.to_owned());
        }
        (0, path.to_owned())
    }

    /// How a member of the new release is reached: from the first object, through the pointer to the other one.
    fn reached(&self, owner: usize, path: &str, sets: &[Set<'_>]) -> Option<String> {
        if owner == 0 {
            return Some(format!("old.{path}"));
        }
        let name = &self.change.to.get(owner)?.is.symbol.name;
        let is_its = |set: &&Set<'_>| match &set.value.is {
            Expression::Unary(Unary::AddressOf, of) => {
                matches!(&of.is, Expression::Name(Symbol { name: of, unit: None }) if of == name)
            }
            _ => false,
        };
        let pointer = sets.iter().filter(|set| set.owner == 0).find(is_its)?;
        Some(format!("old.{}.{path}", pointer.path))
    }

    fn renamed(
        &self,
        from: &At<crate::rules::Path>,
        to: &At<crate::rules::Path>,
        sets: &[Set<'_>],
    ) -> Option<(Says, Option<Span>)> {
        let (owner, own) = self.owner(&path(&to.is));
        let from_path = path(&from.is);
        let span = Some(from.span.to(to.span));
        Some(match owner {
            0 => (Says::Rename(own, from_path), span),
            _ => (Says::Set(from_path, self.reached(owner, &own, sets)?), span),
        })
    }

    /// The values of old members that rules have worked into others.
    fn values(&self, deriving: &mut Deriving<'t>, at: usize, sets: &[Set<'_>]) -> Vec<(Says, Option<Span>)> {
        let lengths: Vec<(String, String)> = sets.iter().filter_map(|set| self.length(set, sets)).collect();
        let constants = deriving.constants();
        let old_type = |path: &str| self.old_type(path);
        let scope = Scope {
            rules: &deriving.between.loaded.rules,
            variable: None,
            constant: &|name| inverse::number_of(&constants, name),
            old_type: &old_type,
            lengths: &lengths,
        };
        let mut items = Vec::new();
        let mut found: Vec<(&Set<'_>, Inverse)> = Vec::new();
        let mut failed: Vec<(&Set<'_>, String)> = Vec::new();
        for set in sets {
            let ty = self.new.get(set.owner).and_then(|ty| below(*ty, &set.path));
            let inverses = match self.reached(set.owner, &set.path, sets) {
                Some(value) => scope.inverses(&set.value.is, &Given::of(value, ty)),
                None => Err("no member of the first object leads to it".to_owned()),
            };
            match inverses {
                Ok(inverses) => found.extend(inverses.into_iter().map(|inverse| (set, inverse))),
                Err(why) => failed.push((set, why)),
            }
        }
        // The member of the same name knows best.
        found.sort_by_key(|(set, inverse)| (set.owner, set.path != inverse.path));
        let mut made: Vec<String> = Vec::new();
        for (set, inverse) in found {
            if made.contains(&inverse.path) || self.is_carried_by_name(&inverse.path, sets) {
                continue;
            }
            made.push(inverse.path.clone());
            if let Some(lost) = &inverse.lost {
                let what = format!("`{}` of `{}`", inverse.path, self.name());
                let told = if inverse.value.contains("todo \"") {
                    no_inverse::report(&what, lost, &self.help(&inverse.path), set.span)
                } else {
                    comes_back_otherwise::report(&what, lost, set.span)
                };
                deriving.tell(Subject::Member(at, inverse.path.clone()), told);
            }
            deriving.links.extend(inverse.link);
            items.push((Says::Set(inverse.path, inverse.value), Some(set.span)));
        }
        // What both releases have under one name, and the rule makes something else of: it does not come back by its name.
        for (set, why) in failed {
            let is_made = made.iter().any(|path| *path == set.path || is_below(path, &set.path));
            if set.owner == 0 && self.both_have(&set.path) && !is_made {
                let what = format!("`{}` of `{}`", set.path, self.name());
                let help = self.help(&set.path);
                // A size is its release's own.
                if let Expression::SizeOf(ty) = &set.value.is {
                    let size = format!("sizeof({})", super::actions::old_name(deriving, &ty.is));
                    items.push((Says::Set(set.path.clone(), size), Some(set.span)));
                    continue;
                }
                let (told, why) = if scope.is_about_old(&set.value.is) {
                    (no_inverse::report(&what, &why, &help, set.span), why.as_str())
                } else {
                    let why = "the update gives it another value";
                    (given_up::report(&what, why, &help, set.span), why)
                };
                deriving.tell(Subject::Member(at, set.path.clone()), told);
                let question = format!("what was `{}` before the update? {why}", set.path);
                let hole = format!("todo {}", quoted(&question));
                items.push((Says::Set(set.path.clone(), hole), Some(set.span)));
            }
            // Old members that are nowhere else.
            inverse::each(&set.value.is, &mut |part| {
                if let Some(path) = scope.path(part) {
                    deriving.worked_in.push((at, path, set.span, why.clone()));
                }
            });
        }
        items
    }

    /// `count = len(chain(...))`: how long a sequence is, and where the new release has that.
    fn length(&self, set: &Set<'_>, sets: &[Set<'_>]) -> Option<(String, String)> {
        let Expression::Call(name, arguments) = &set.value.is else { return None };
        let [At { is: crate::rules::Argument::Value(of), .. }] = arguments.as_slice() else { return None };
        let value = self.reached(set.owner, &set.path, sets)?;
        (name.is == "len").then(|| (inverse::sequence(of), value))
    }

    /// Items of several types that are made again: each begins with the type that it is of, and the first leads to the others.
    fn parted(&self, items: Vec<(Says, Option<Span>)>) -> Vec<(Says, Option<Span>)> {
        let mut found: Vec<(Says, Option<Span>)> = Vec::new();
        let first = self.name();
        let mut pointers: Vec<String> = Vec::new();
        let mut parted = |path: &str, span: Option<Span>, found: &mut Vec<(Says, Option<Span>)>| {
            let Some((pointer, rest)) = path.split_once('.') else { return format!("{first}.{path}") };
            let to = self.old.first().and_then(|ty| below(*ty, pointer)).and_then(|ty| match ty.kind() {
                Kind::Pointer(to) => to.and_then(Type::resolved),
                _ => None,
            });
            let other = self.old.iter().position(|ty| Some(*ty) == to).filter(|place| *place > 0);
            match other.and_then(|place| self.change.from.get(place)) {
                Some(name) => {
                    let name = type_name(&name.is);
                    if !pointers.iter().any(|known| known == pointer) {
                        pointers.push(pointer.to_owned());
                        found.push((Says::Set(format!("{first}.{pointer}"), format!("&{name}")), span));
                    }
                    format!("{name}.{rest}")
                }
                None => format!("{first}.{path}"),
            }
        };
        for (says, span) in items {
            let says = match says {
                Says::Set(path, value) => Says::Set(parted(&path, span, &mut found), value),
                Says::Rename(from, path) => Says::Rename(from, parted(&path, span, &mut found)),
                Says::Reset(path) => Says::Reset(parted(&path, span, &mut found)),
                Says::Keep(which, path) => Says::Keep(which, parted(&path, span, &mut found)),
                says @ (Says::Drop(_) | Says::Hole(_)) => says,
            };
            found.push((says, span));
        }
        found
    }

    /// The type of an old member; of merged ones also through the pointer to another.
    fn old_type(&self, path: &str) -> Option<Type<'t>> {
        let first = *self.old.first()?;
        below(first, path).or_else(|| {
            let (pointer, rest) = path.split_once('.')?;
            let Kind::Pointer(Some(to)) = below(first, pointer)?.kind() else { return None };
            below(to, rest)
        })
    }

    fn both_have(&self, path: &str) -> bool {
        let has = |types: &[Type<'t>]| types.first().is_some_and(|ty| below(*ty, path).is_some());
        has(&self.old) && has(&self.new)
    }

    /// Whether an old member comes back from the new one of its name.
    fn is_carried_by_name(&self, path: &str, sets: &[Set<'_>]) -> bool {
        let is_about = |said: &str| said == path || is_below(path, said) || is_below(said, path);
        let is_said = self.change.items.iter().any(|item| match &item.is {
            TypeItem::Rename { from, to } => is_about(&self::path(&to.is)) || is_about(&self::path(&from.is)),
            TypeItem::Reset(paths) => paths.iter().any(|path| is_about(&self::path(&path.is))),
            TypeItem::Set { .. } | TypeItem::Drop(_) | TypeItem::Keep { .. } | TypeItem::Hole(_) => false,
        });
        let is_set = sets.iter().any(|set| set.owner == 0 && is_about(&set.path));
        self.both_have(path) && !is_said && !is_set
    }

    /// The first old type, as the rule calls it.
    fn name(&self) -> String {
        names(&self.change.from).into_iter().next().unwrap_or_default()
    }

    fn help(&self, path: &str) -> String {
        let (from, to) = (names(&self.change.to).join(" + "), names(&self.change.from).join(" + "));
        let types = if from == to { from } else { format!("{from} -> {to}") };
        format!("down {{ type {types} {{ {path} = ... }} }}")
    }
}

/// A table's type by a name that is written in rules.
pub(super) fn named<'t>(table: &'t Table, name: &str) -> Option<Type<'t>> {
    let name =
        ["struct ", "union ", "enum "].iter().find_map(|keyword| name.strip_prefix(keyword)).unwrap_or(name);
    let (name, unit) = match name.split_once('@') {
        Some((name, unit)) => (name, Some(unit.trim_matches('"').to_owned())),
        None => (name, None),
    };
    let found = crate::names::named_type(table, &Symbol { name: name.to_owned(), unit });
    found.first().and_then(|ty| ty.resolved())
}

/// Whether two names mean one type.
pub(super) fn means(table: &Table, name: &str, other: &str) -> bool {
    name == other || named(table, name).is_some_and(|ty| Some(ty) == named(table, other))
}
