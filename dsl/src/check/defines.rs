//! Definitions: given once, used, and without needing themselves.

use super::Context;
use super::functions::FUNCTIONS;
use crate::codes;
use crate::rules::{Action, Argument, Change, Expression, GlobalChange, Literal, Rules, TypeItem};
use crate::source::At;
use rustc_hash::{FxHashMap, FxHashSet};

/// What is defined.
pub(crate) struct Define<'a> {
    pub(crate) name: &'a At<String>,
    pub(crate) parameters: &'a [At<String>],
    pub(crate) body: &'a At<Expression>,
}

/// All definitions, by their names. Of several the first counts.
pub(crate) fn of(rules: &Rules) -> FxHashMap<&str, Define<'_>> {
    let mut all = FxHashMap::default();
    for change in &rules.changes {
        if let Change::Define { name, parameters, body } = &change.is {
            all.entry(name.is.as_str()).or_insert(Define { name, parameters, body });
        }
    }
    all
}

impl<'a> Context<'a> {
    pub(crate) fn check_defines(&self) {
        for change in &self.rules.changes {
            let Change::Define { name, parameters, .. } = &change.is else { continue };
            if FUNCTIONS.iter().any(|(known, _)| *known == name.is) {
                self.report(codes::defined_twice::report(&name.is, name.span, None));
            }
            if let Some(first) =
                self.defines.get(name.is.as_str()).filter(|first| first.name.span != name.span)
            {
                self.report(codes::defined_twice::report(&name.is, name.span, Some(first.name.span)));
            }
            for (place, parameter) in parameters.iter().enumerate() {
                let earlier = parameters.iter().take(place).find(|earlier| earlier.is == parameter.is);
                if let Some(earlier) = earlier {
                    self.report(codes::defined_twice::report(
                        &parameter.is,
                        parameter.span,
                        Some(earlier.span),
                    ));
                }
            }
        }
        self.check_recursion();
        let used = self.used();
        for define in self.in_order() {
            let is_of_language = FUNCTIONS.iter().any(|(known, _)| *known == define.name.is);
            if !is_of_language && !used.contains(define.name.is.as_str()) {
                self.report(codes::unused_define::report(&define.name.is, define.name.span));
            }
        }
    }

    /// By their places.
    fn in_order(&self) -> Vec<&Define<'a>> {
        let mut all: Vec<&Define<'a>> = self.defines.values().collect();
        all.sort_by_key(|define| define.name.span);
        all
    }

    fn check_recursion(&self) {
        let mut reported: FxHashSet<&str> = FxHashSet::default();
        for define in self.in_order() {
            let mut way: Vec<&'a str> = vec![&define.name.is];
            let mut next: Vec<(usize, &'a str)> =
                calls(define.body).into_iter().map(|call| (1, call)).collect();
            let mut visited: FxHashSet<&str> = FxHashSet::default();
            while let Some((depth, called)) = next.pop() {
                way.truncate(depth);
                way.push(called);
                if called == define.name.is {
                    if reported.insert(&define.name.is) {
                        reported.extend(way.iter().copied());
                        let way =
                            way.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" calls ");
                        self.report(codes::recursion::report(&define.name.is, &way, define.name.span));
                    }
                    break;
                }
                if visited.insert(called)
                    && let Some(inner) = self.defines.get(called)
                {
                    next.extend(calls(inner.body).into_iter().map(|call| (depth + 1, call)));
                }
            }
        }
    }

    /// Those that something outside of definitions needs.
    fn used(&self) -> FxHashSet<&'a str> {
        let mut found = Vec::new();
        of_changes(&self.rules.changes, &mut found);
        for test in &self.rules.tests {
            for given in &test.given {
                match &given.is {
                    crate::rules::Given::Object { literal, .. } => of_literal(&literal.is, &mut found),
                    crate::rules::Given::Global(_, value) => of_expression(&value.is, &mut found),
                }
            }
            for expected in &test.expected {
                match &expected.is {
                    crate::rules::Expected::Object { literal, .. } => of_literal(&literal.is, &mut found),
                    crate::rules::Expected::Global(_, value) => of_expression(&value.is, &mut found),
                    crate::rules::Expected::Call { arguments, .. } => {
                        arguments.iter().for_each(|argument| of_expression(&argument.is, &mut found));
                    }
                    crate::rules::Expected::Fail(_) => {}
                }
            }
        }
        let mut used: FxHashSet<&'a str> = FxHashSet::default();
        while let Some(name) = found.pop() {
            if used.insert(name)
                && let Some(define) = self.defines.get(name)
            {
                found.extend(calls(define.body));
            }
        }
        used
    }
}

/// What an expression calls.
fn calls(expression: &At<Expression>) -> Vec<&str> {
    let mut found = Vec::new();
    of_expression(&expression.is, &mut found);
    found
}

fn of_changes<'a>(changes: &'a [At<Change>], found: &mut Vec<&'a str>) {
    for change in changes {
        match &change.is {
            Change::Type(types) => {
                for item in &types.items {
                    if let TypeItem::Set { value, .. } = &item.is {
                        of_expression(&value.is, found);
                    }
                }
            }
            Change::Global { change, .. } => {
                if let GlobalChange::Set(value) = &change.is {
                    of_expression(&value.is, found);
                }
            }
            Change::ForEach(each) => {
                each.among.iter().chain(&each.condition).for_each(|one| of_expression(&one.is, found));
                for action in &each.actions {
                    match &action.is {
                        Action::Set { value, .. } => of_expression(&value.is, found),
                        Action::Call { arguments, .. } => {
                            arguments.iter().for_each(|argument| of_expression(&argument.is, found));
                        }
                        Action::Insert { into, .. } => of_expression(&into.is, found),
                    }
                }
            }
            Change::Call { arguments, .. } => {
                arguments.iter().for_each(|argument| of_expression(&argument.is, found));
            }
            Change::Assert { that, .. } => of_expression(&that.is, found),
            Change::Down(changes) => of_changes(changes, found),
            _ => {}
        }
    }
}

fn of_literal<'a>(literal: &'a Literal, found: &mut Vec<&'a str>) {
    match literal {
        Literal::Object { members, .. } => {
            members.iter().for_each(|(_, value)| of_expression(&value.is, found))
        }
        Literal::List(items) => items.iter().for_each(|item| of_expression(&item.is, found)),
    }
}

/// Without recursion: what is nested deeply is nested on the heap.
fn of_expression<'a>(expression: &'a Expression, found: &mut Vec<&'a str>) {
    let mut next = vec![expression];
    while let Some(expression) = next.pop() {
        match expression {
            Expression::Member(of, _) | Expression::Unary(_, of) => next.push(&of.is),
            Expression::Index(one, other)
            | Expression::Else(one, other)
            | Expression::Binary(_, one, other) => {
                next.extend([&one.is, &other.is]);
            }
            Expression::Slice(one, two, three) | Expression::Conditional(one, two, three) => {
                next.extend([&one.is, &two.is, &three.is]);
            }
            Expression::Call(name, arguments) => {
                found.push(&name.is);
                found.extend(super::functions::step(name, arguments).map(|(step, _)| step));
                next.extend(arguments.iter().filter_map(|argument| match &argument.is {
                    Argument::Value(value) => Some(value),
                    Argument::Via(_) => None,
                }));
            }
            Expression::Match { on, arms, otherwise } => {
                next.push(&on.is);
                next.extend(arms.iter().map(|arm| &arm.then.is));
                next.extend(otherwise.iter().map(|then| &then.is));
            }
            Expression::Literal(Literal::Object { members, .. }) => {
                next.extend(members.iter().map(|(_, value)| &value.is));
            }
            Expression::Literal(Literal::List(items)) => next.extend(items.iter().map(|item| &item.is)),
            _ => {}
        }
    }
}
