//! Statements that are no pairs of old and new: what is done after transfer, what is to be true, what is waited for, processes.
//!
//! What only fills members and lists that the old release does not have needs nothing on the way back. What calls functions has no
//! inverse. An `assert` stays if it speaks of nothing that a rule changes; one that cannot be is left out.

use super::sequences::below;
use super::spell::{expression, path, symbol, type_name};
use super::variables::{first, variable_type};
use super::{Deriving, Subject};
use crate::codes::no_inverse;
use crate::names::named_type;
use crate::rules::{
    Action, Change, Expression, ForEach, GlobalChange, Path, Process, Step, Symbol, TypeItem, TypeName, Which,
};
use crate::source::{At, Span};
use mcrx_debuginfo::table::Type;

/// `for each`
pub(super) fn each(deriving: &mut Deriving<'_>, each: &ForEach, span: Span) {
    let old = old_type(deriving, each);
    let is_of_new = |action: &At<Action>| match &action.is {
        Action::Insert { what, into, via, .. } => {
            let link = via.as_ref().map(|via| path(&via.is)).or_else(|| rest(&what.is));
            let link = link.unwrap_or_else(|| "next".to_owned());
            !has(old, &link) && written(&into.is).is_some_and(|into| !is_old_place(deriving, &into))
        }
        Action::Set { path: to, .. } => match first(&to.is) {
            Some(name) if name == each.name.is => rest(&to.is).is_some_and(|rest| !has(old, &rest)),
            _ => !is_old_place(deriving, &path(&to.is)),
        },
        Action::Call { .. } => false,
    };
    if !each.actions.iter().all(is_of_new) {
        let ty = type_name(&each.ty.is);
        no_way_back(deriving, &format!("what is done for each `{ty}`"), span);
    }
}

/// `call f(…) after transfer`
pub(super) fn call(deriving: &mut Deriving<'_>, function: &At<Symbol>, span: Span) {
    no_way_back(deriving, &format!("what {}() does", symbol(&function.is)), span);
}

fn no_way_back(deriving: &mut Deriving<'_>, what: &str, span: Span) {
    if deriving.has_down(|change| matches!(change, Change::ForEach(_) | Change::Call { .. })) {
        return;
    }
    let told = no_inverse::report(what, "a function has none", "down { call ... after transfer }", span);
    deriving.tell(Subject::Other, told);
    deriving.hole(&format!("{what} after the update: what undoes it?"), span);
}

/// `assert every conn c : c.fd >= -1`
pub(super) fn assert(
    deriving: &mut Deriving<'_>,
    every: Option<&(At<TypeName>, At<String>)>,
    that: &At<Expression>,
    span: Span,
) {
    let changed = changed(deriving);
    let mut is_same = true;
    super::inverse::each(&that.is, &mut |part| {
        is_same &= match part {
            Expression::Member(_, name) => !changed.contains(&name.is),
            Expression::Name(name) => !changed.contains(&name.name),
            _ => true,
        };
    });
    if is_same {
        let every = every.map_or_else(String::new, |(ty, name)| {
            format!("every {} {} : ", old_name(deriving, &ty.is), name.is)
        });
        deriving.sheet.perhaps(format!("assert {every}{}", expression(&that.is).text), span);
    }
}

/// `drain ngx_http_request_s within 5s`
pub(super) fn drain(deriving: &mut Deriving<'_>, ty: &At<TypeName>, within: Span, span: Span) {
    let written = type_name(&ty.is);
    let renamed = types(deriving).find(|(from, _)| *from == written).map(|(_, to)| to);
    let within = deriving.between.loaded.files.at(within).to_owned();
    deriving.sheet.perhaps(format!("drain {} within {within}", renamed.unwrap_or(written)), span);
}

/// Where the server waits; and what becomes of processes that start-up does not bring back, which has no inverse.
pub(super) fn process(deriving: &mut Deriving<'_>, process: &At<Process>) {
    let span = process.span;
    match &process.is {
        // The function is one that both releases have.
        Process::Quiesce { .. } => deriving.sheet.perhaps(deriving.between.loaded.files.at(span), span),
        Process::Role(role) => {
            let what = format!("the role `{}`", role.name.is);
            let why = "which of its processes were which is known only to a person";
            let told = no_inverse::report(&what, why, "", role.name.span);
            deriving.tell(Subject::Other, told);
            deriving.hole(&format!("{what}: what becomes of its processes on the way back?"), span);
        }
    }
}

/// All names of members and variables that rules make something else of.
fn changed(deriving: &Deriving<'_>) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |path: &Path| {
        names.extend(path.steps.iter().filter_map(|step| match &step.is {
            Step::Member(name) => Some(name.clone()),
            Step::Index(_) => None,
        }));
    };
    for change in &deriving.between.loaded.rules.changes {
        match &change.is {
            Change::Type(change) => change.items.iter().for_each(|item| match &item.is {
                TypeItem::Set { path, .. } => add(&path.is),
                TypeItem::Rename { to, .. } => add(&to.is),
                TypeItem::Reset(paths) => paths.iter().for_each(|path| add(&path.is)),
                TypeItem::Drop(_) | TypeItem::Keep { .. } | TypeItem::Hole(_) => {}
            }),
            Change::Global { change: At { is: GlobalChange::Becomes(to), .. }, .. } => add(&to.is),
            _ => {}
        }
    }
    for change in &deriving.between.loaded.rules.changes {
        match &change.is {
            Change::Global { name, change: At { is: GlobalChange::Set(_), .. } } => {
                names.push(name.is.name.clone());
            }
            Change::Function { to, .. } => names.push(to.is.name.clone()),
            _ => {}
        }
    }
    names
}

/// Names of types of which one becomes the other: of the old release, of the new one.
fn types(deriving: &Deriving<'_>) -> impl Iterator<Item = (String, String)> {
    deriving.between.loaded.rules.changes.iter().filter_map(|change| match &change.is {
        Change::Type(change) => match (change.from.as_slice(), change.to.as_slice()) {
            ([from, ..], [to, ..]) => Some((type_name(&from.is), type_name(&to.is))),
            _ => None,
        },
        _ => None,
    })
}

/// What the old release calls a type of the new one.
pub(super) fn old_name(deriving: &Deriving<'_>, ty: &TypeName) -> String {
    let written = type_name(ty);
    let renamed = types(deriving).find(|(_, to)| *to == written).map(|(from, _)| from);
    renamed.unwrap_or(written)
}

/// What objects of a `for each` are in the old release.
fn old_type<'t>(deriving: &Deriving<'t>, each: &ForEach) -> Option<Type<'t>> {
    let symbol = match each.which.map(|which| which.is) {
        Some(Which::Old) => each.ty.is.symbol.clone(),
        _ => {
            let name = old_name(deriving, &each.ty.is);
            Symbol { name: name.rsplit(' ').next().unwrap_or(&name).to_owned(), unit: None }
        }
    };
    named_type(deriving.between.old, &symbol).first().copied()
}

fn has(ty: Option<Type<'_>>, path: &str) -> bool {
    ty.is_some_and(|ty| below(ty, path).is_some())
}

/// Whether the old release has that variable, and that member of it.
fn is_old_place(deriving: &Deriving<'_>, path: &str) -> bool {
    let (name, rest) =
        path.split_once(['.', '[']).map_or((path, None), |(name, _)| (name, path.get(name.len()..)));
    let ty = variable_type(deriving.between.old, &Symbol { name: name.to_owned(), unit: None });
    match (ty, rest) {
        (Some(ty), Some(rest)) => below(ty, rest.trim_start_matches('.')).is_some(),
        (ty, _) => ty.is_some(),
    }
}

/// A place that a value names; elements by any number.
pub(super) fn written(value: &Expression) -> Option<String> {
    match value {
        Expression::Name(name) => Some(name.name.clone()),
        Expression::Member(of, name) => Some(format!("{}.{}", written(&of.is)?, name.is)),
        Expression::Index(of, _) => Some(format!("{}[0]", written(&of.is)?)),
        _ => None,
    }
}

/// A path behind the object or variable that it begins with.
fn rest(of: &Path) -> Option<String> {
    let rest = of.steps.get(1..).filter(|rest| !rest.is_empty())?;
    Some(path(&Path { steps: rest.to_vec() }))
}
