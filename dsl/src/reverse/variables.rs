//! `global`, `function` and `string` statements turned round.

use super::inverse::{self, Given, Scope};
use super::sequences::below;
use super::sheet::Body;
use super::spell::{path, quoted, symbol};
use super::{Deriving, Subject};
use crate::codes::{comes_back_otherwise, given_up, no_inverse};
use crate::names;
use crate::rules::{Argument, Expression, GlobalChange, Literal, Path, Step, Symbol, Which};
use crate::source::{At, Span};
use mcrx_debuginfo::table::{Table, Type};

pub(super) fn global(deriving: &mut Deriving<'_>, name: &At<Symbol>, change: &At<GlobalChange>, span: Span) {
    let own = symbol(&name.is);
    match &change.is {
        GlobalChange::Becomes(to) => {
            let to = path(&to.is);
            if is_made(deriving, &own) {
                return;
            }
            // Two that became one cannot both be it again.
            if has(deriving, &format!("global {to} -> ")) {
                let what = format!("`{own}`");
                let why = format!("another variable became `{to}` too");
                let help = format!("down {{ global {own} = ... }}");
                deriving.tell(Subject::Variable(own.clone()), no_inverse::report(&what, &why, &help, span));
                open(deriving, &own, &why, span);
            } else if to.contains(['.', '[']) {
                deriving.sheet.global(&own, &format!("= from.{to}"), Some(span));
            } else {
                let says = format!("global {to} -> {own}");
                deriving.sheet.entries.push(super::sheet::Entry {
                    body: Body::Global(own, says),
                    from: Some(span),
                    is_needed: true,
                });
            }
        }
        GlobalChange::Set(value) => set(deriving, &name.is, value, span),
        GlobalChange::Keep(which) => {
            let which = if *which == Which::Old { "old" } else { "new" };
            deriving.sheet.global(&own, &format!("keep {which}"), Some(span));
        }
        GlobalChange::Drop => {
            let help = format!("down {{ global {own} = ... }}");
            let what = format!("`{own}`");
            let told = given_up::report(&what, "the update gives it up", &help, span);
            deriving.tell(Subject::Variable(own.clone()), told);
            open(deriving, &own, "the update gives it up", span);
        }
    }
}

/// Variables of the old release that a new one's value was made from.
fn set(deriving: &mut Deriving<'_>, name: &Symbol, value: &At<Expression>, span: Span) {
    let own = symbol(name);
    let between = deriving.between;
    let ty = variable_type(between.new, name);
    // A structure written out: each of its members by itself.
    let members: Vec<(String, &Expression)> = match &value.is {
        Expression::Literal(Literal::Object { members, .. }) => {
            members.iter().map(|(to, value)| (format!(".{}", path(&to.is)), &value.is)).collect()
        }
        whole => vec![(String::new(), whole)],
    };
    let lengths = members.iter().filter_map(|(to, value)| {
        let Expression::Call(function, arguments) = value else { return None };
        let [At { is: Argument::Value(of), .. }] = arguments.as_slice() else { return None };
        (function.is == "len").then(|| (inverse::sequence(of), format!("from.{}{to}", name.name)))
    });
    let lengths: Vec<(String, String)> = lengths.collect();
    let old_type = |path: &str| {
        let (variable, rest) = path.split_once('.').unwrap_or((path, ""));
        let ty = variable_type(between.old, &Symbol { name: variable.to_owned(), unit: None })?;
        if rest.is_empty() { ty.resolved() } else { below(ty, rest) }
    };
    let constants = deriving.constants();
    let scope = Scope {
        rules: &between.loaded.rules,
        variable: Some(&name.name),
        constant: &|name| inverse::number_of(&constants, name),
        old_type: &old_type,
        lengths: &lengths,
    };
    let mut why = String::new();
    let mut found = Vec::new();
    for (to, value) in &members {
        let own = ty
            .and_then(|ty| if to.is_empty() { ty.resolved() } else { below(ty, to.trim_start_matches('.')) });
        match scope.inverses(value, &Given::of(format!("from.{}{to}", name.name), own)) {
            Ok(inverses) => found.extend(inverses),
            Err(reason) if why.is_empty() || scope.is_about_old(value) => why = reason,
            Err(_) => {}
        }
    }
    let is_about_old = scope.is_about_old(&value.is);
    for inverse in found {
        let is_whole = !inverse.path.contains(['.', '[']);
        let is_both =
            variable_type(between.new, &Symbol { name: inverse.path.clone(), unit: None }).is_some();
        if !is_whole || (is_both && inverse.path != name.name) || is_made(deriving, &inverse.path) {
            continue;
        }
        if let Some(lost) = &inverse.lost {
            let what = format!("`{}`", inverse.path);
            let told = if inverse.value.contains("todo \"") {
                let help = format!("down {{ global {} = ... }}", inverse.path);
                no_inverse::report(&what, lost, &help, span)
            } else {
                comes_back_otherwise::report(&what, lost, span)
            };
            deriving.tell(Subject::Variable(inverse.path.clone()), told);
        }
        deriving.links.extend(inverse.link);
        deriving.sheet.global(&inverse.path, &format!("= {}", inverse.value), Some(span));
    }
    let mut mentioned: Vec<String> = Vec::new();
    inverse::each(&value.is, &mut |part| {
        if let Expression::Member(of, variable) = part
            && matches!(&of.is, Expression::Name(from) if from.name == "from")
        {
            mentioned.push(variable.is.clone());
        }
    });
    mentioned.push(name.name.clone());
    for variable in mentioned {
        let symbol = Symbol { name: variable.clone(), unit: None };
        let is_own = variable == name.name;
        let is_old = variable_type(between.old, &symbol).is_some();
        let is_new = variable_type(between.new, &symbol).is_some();
        // What both have comes back by its name, but for the one that the rule makes something else of.
        if is_old && (is_own || !is_new) && !is_made(deriving, &variable) {
            let help = format!("down {{ global {variable} = ... }}");
            let what = format!("`{variable}`");
            let (told, why) = if is_about_old {
                (no_inverse::report(&what, &why, &help, span), why.as_str())
            } else {
                let why = "the update gives it another value";
                (given_up::report(&what, why, &help, span), why)
            };
            deriving.tell(Subject::Variable(variable.clone()), told);
            open(deriving, &variable, why, span);
        }
    }
    // The new release's own variable.
    if variable_type(between.old, name).is_none() && !deriving.sheet.entries.iter().any(|entry| {
        matches!(&entry.body, Body::Global(_, text) if text.contains(&format!("from.{}", name.name)))
    }) {
        deriving.sheet.global(&own, "drop", Some(span));
    }
}

/// `function on_read -> handle_read`
pub(super) fn function(deriving: &mut Deriving<'_>, from: &At<Symbol>, to: &At<Symbol>, span: Span) {
    let (from, to) = (symbol(&from.is), symbol(&to.is));
    if has(deriving, &format!("function {to} -> ")) {
        let what = format!("`{from}`");
        let why = format!("another function became `{to}` too");
        let help = format!("down {{ function {to} -> ... }}");
        deriving.tell(Subject::Function(to.clone()), no_inverse::report(&what, &why, &help, span));
        deriving.hole(&format!("which function was `{to}` before the update? {why}"), span);
    } else {
        deriving.sheet.text(format!("function {to} -> {from}"), span);
    }
}

/// `string "a" -> "b"`
pub(super) fn text(deriving: &mut Deriving<'_>, from: &At<String>, to: &At<String>, span: Span) {
    let (from, to) = (quoted(&from.is), quoted(&to.is));
    if has(deriving, &format!("string {to} -> ")) {
        let why = format!("another text became {to} too");
        let help = format!("down {{ string {to} -> ... }}");
        deriving.tell(Subject::Text(to.clone()), no_inverse::report(&from, &why, &help, span));
        deriving.hole(&format!("which text was {to} before the update? {why}"), span);
    } else {
        deriving.sheet.text(format!("string {to} -> {from}"), span);
    }
}

/// A variable of which nobody knows what it was.
fn open(deriving: &mut Deriving<'_>, name: &str, why: &str, span: Span) {
    let question = quoted(&format!("what was `{name}` before the update? {why}"));
    deriving.sheet.global(name, &format!("= todo {question}"), Some(span));
}

fn has(deriving: &Deriving<'_>, start: &str) -> bool {
    deriving.sheet.entries.iter().any(|entry| match &entry.body {
        Body::Text(text) | Body::Global(_, text) => text.starts_with(start),
        Body::Type(_) => false,
    })
}

/// Whether something is said of what a variable is made from.
pub(super) fn is_made(deriving: &Deriving<'_>, name: &str) -> bool {
    deriving.sheet.entries.iter().any(|entry| matches!(&entry.body, Body::Global(made, _) if made == name))
}

pub(super) fn variable_type<'t>(table: &'t Table, name: &Symbol) -> Option<Type<'t>> {
    names::variables(table, name).first()?.ty()
}

/// The variable that a path begins with.
pub(super) fn first(path: &Path) -> Option<&str> {
    match &path.steps.first()?.is {
        Step::Member(name) => Some(name),
        Step::Index(_) => None,
    }
}
