//! What a `type` statement says, by the paths that it says it of.

use crate::names;
use crate::rules::{Argument, Expression, Path, Step, TypeChange, TypeItem, TypeName, Which};
use crate::source::At;
use mcrx_debuginfo::table::{Kind, Table, Type};
use rustc_hash::{FxHashMap, FxHashSet};

/// What a rule says of the members of one pair.
#[derive(Default)]
pub(super) struct Said<'t> {
    /// New members, with their values.
    pub(super) set: Vec<(String, &'t At<Path>, &'t At<Expression>)>,
    /// Old members, with what they become.
    pub(super) renamed: Vec<(String, &'t At<Path>, String, &'t At<Path>)>,
    /// Old members that are given up.
    dropped: FxHashSet<String>,
    /// New members that are as start-up leaves them.
    pub(super) reset: FxHashSet<String>,
    pub(super) kept: FxHashMap<String, Which>,
    /// Old members that some expression looks at.
    mentioned: FxHashSet<String>,
}

impl<'t> Said<'t> {
    /// What is said of the objects of one of the new types; `index` is its place among them.
    pub(super) fn of(change: &'t TypeChange, index: usize) -> Said<'t> {
        let mut said = Said::default();
        let names: Vec<&str> = change.to.iter().map(|ty| ty.is.symbol.name.as_str()).collect();
        for item in &change.items {
            match &item.is {
                TypeItem::Set { path, value } => {
                    if let Some(path_below) = own_path(&path.is, &names, index) {
                        said.set.push((path_below, path, value));
                    }
                    mentions(&value.is, &mut said.mentioned);
                }
                TypeItem::Rename { from, to } => {
                    if let Some(path_below) = own_path(&to.is, &names, index) {
                        said.renamed.push((spelt(&from.is.steps), from, path_below, to));
                    }
                    said.mentioned.insert(spelt(&from.is.steps));
                }
                TypeItem::Drop(paths) => {
                    said.dropped.extend(paths.iter().map(|path| spelt(of_first(change, &path.is.steps))));
                }
                TypeItem::Reset(paths) => {
                    said.reset.extend(paths.iter().filter_map(|path| own_path(&path.is, &names, index)));
                }
                TypeItem::Keep { which, paths } => {
                    let own = paths.iter().filter_map(|path| own_path(&path.is, &names, index));
                    said.kept.extend(own.map(|path| (path, *which)));
                }
                TypeItem::Hole(_) => {}
            }
        }
        said
    }

    /// Whether nothing is said.
    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.renamed.is_empty() && self.reset.is_empty() && self.kept.is_empty()
    }

    /// Whether something is said of what becomes of an old member: all of it.
    pub(super) fn answers_old(&self, path: &str) -> bool {
        self.dropped.contains(path) || self.mentioned.contains(path)
    }

    /// Whether something is said of a member of a type that is merged into the first: by the type's name, or by the way to it.
    pub(super) fn answers_merged(&self, path: &str) -> bool {
        let is_it = |said: &String| said.strip_suffix(path).is_some_and(|before| before.ends_with('.'));
        self.dropped.iter().any(is_it) || self.mentioned.iter().any(is_it)
    }

    /// Whether something is said of a part of an old member.
    pub(super) fn answers_part_of_old(&self, path: &str) -> bool {
        let is_part = |said: &String| is_below(said, path);
        self.dropped.iter().any(is_part) || self.mentioned.iter().any(is_part)
    }

    /// Whether something is said of a part of a new member, but not of all of it.
    pub(super) fn speaks_of_part(&self, path: &str) -> bool {
        self.set.iter().any(|(said, ..)| is_below(said, path))
            || self.renamed.iter().any(|(_, _, said, _)| is_below(said, path))
            || self.reset.iter().any(|said| is_below(said, path))
    }

    /// Whether a new member is spoken of by name.
    pub(super) fn speaks_of(&self, path: &str) -> bool {
        self.set.iter().any(|(said, ..)| said == path)
            || self.renamed.iter().any(|(_, _, said, _)| said == path)
            || self.reset.contains(path)
            || self.kept.contains_key(path)
    }
}

/// A path of an old member. Where several types are merged the first's may begin with its name.
fn of_first<'s>(change: &TypeChange, steps: &'s [At<Step>]) -> &'s [At<Step>] {
    let first = change.from.first().filter(|_| change.from.len() > 1);
    match (first, steps) {
        (Some(first), [At { is: Step::Member(name), .. }, rest @ ..])
            if *name == first.is.symbol.name && !rest.is_empty() =>
        {
            rest
        }
        _ => steps,
    }
}

/// Whether one path goes on from another.
pub(super) fn is_below(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('['))
}

/// As places are named.
pub(super) fn spelt(steps: &[At<Step>]) -> String {
    let mut text = String::new();
    for step in steps {
        match &step.is {
            Step::Member(name) if text.is_empty() => text.push_str(name),
            Step::Member(name) => text.push_str(&format!(".{name}")),
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

/// A path in the new type at `index`: where several are made it begins with the type's name, and without one it is of the first.
fn own_path(path: &Path, names: &[&str], index: usize) -> Option<String> {
    let owner = path.steps.first().and_then(|step| match &step.is {
        Step::Member(name) if names.len() > 1 => names.iter().position(|other| other == name),
        _ => None,
    });
    let steps = if owner.is_some() { path.steps.get(1..)? } else { &path.steps };
    (owner.unwrap_or(0) == index && !steps.is_empty()).then(|| spelt(steps))
}

/// The members of the old object that an expression looks at: `old.a.b`, as far as it goes through members.
fn mentions(expression: &Expression, found: &mut FxHashSet<String>) {
    if let Some(path) = old_path(expression) {
        found.insert(path);
    }
    match expression {
        Expression::Member(of, _) | Expression::Unary(_, of) => mentions(&of.is, found),
        Expression::Index(one, other) | Expression::Binary(_, one, other) | Expression::Else(one, other) => {
            mentions(&one.is, found);
            mentions(&other.is, found);
        }
        Expression::Slice(one, two, three) | Expression::Conditional(one, two, three) => {
            [one, two, three].iter().for_each(|part| mentions(&part.is, found));
        }
        Expression::Call(_, arguments) => arguments.iter().for_each(|argument| match &argument.is {
            Argument::Value(value) => mentions(value, found),
            Argument::Via(_) => {}
        }),
        Expression::Match { on, arms, otherwise } => {
            mentions(&on.is, found);
            arms.iter().for_each(|arm| mentions(&arm.then.is, found));
            otherwise.iter().for_each(|otherwise| mentions(&otherwise.is, found));
        }
        _ => {}
    }
}

/// `a.b` of `old.a.b`; of several old types that are merged `old.a` is the first one's, and the others go by their names, which no
/// member of this list is confused with.
fn old_path(expression: &Expression) -> Option<String> {
    match expression {
        Expression::Member(of, name) => match &of.is {
            Expression::Name(symbol) if symbol.name == "old" => Some(name.is.clone()),
            below => Some(format!("{}.{}", old_path(below)?, name.is)),
        },
        Expression::Index(of, _) | Expression::Slice(of, _, _) => old_path(&of.is),
        _ => None,
    }
}

/// The type of a table that a rule names: below typedefs. `None`: there is none, or several.
pub fn named_type<'t>(table: &'t Table, name: &TypeName) -> Option<Type<'t>> {
    if name.pointers > 0 || !name.arrays.is_empty() {
        return None;
    }
    match names::types(table, name.keyword, &name.symbol).as_slice() {
        [one] => Some(*one)
            .filter(|ty| matches!(ty.kind(), Kind::Aggregate | Kind::Enumeration(_)) && !ty.is_declaration()),
        _ => None,
    }
}
