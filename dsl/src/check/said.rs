//! What a file says of itself: headers, tests, the order of statements, and what is said twice.

use super::Context;
use super::expression::{Scope, at};
use super::kind::Kind;
use super::resolve::spelt;
use super::store::Target;
use crate::codes;
use crate::diagnostic::Release;
use crate::names::Place;
use crate::rules::{Change, Expected, Expression, Fact, Given, Literal, Pattern, Symbol, Test};
use crate::source::{At, FileId, Span};
use rustc_hash::FxHashMap;

impl<'a> Context<'a> {
    pub(crate) fn check_headers(&self) {
        if let (Some(from), Some(to)) = (&self.rules.from, &self.rules.to)
            && from.is == to.is
        {
            self.report(codes::same_release::report(&to.is, to.span, from.span));
        }
    }

    /// Facts behind changes, and headers behind either.
    pub(crate) fn check_order(&self) {
        let mut first: FxHashMap<(FileId, &str), Span> = FxHashMap::default();
        let mut note = |what: &'static str, span: Span| {
            let entry = first.entry((span.file, what)).or_insert(span);
            *entry = (*entry).min(span);
        };
        self.rules.facts.iter().for_each(|fact| note("facts", fact.span));
        // Definitions may stand where they are used.
        let changes = self.rules.changes.iter().filter(|change| !matches!(change.is, Change::Define { .. }));
        changes.for_each(|change| note("changes", change.span));
        let report = |what: &str, span: Span, behind: &'static str| {
            let earlier = first.get(&(span.file, behind)).filter(|earlier| earlier.start < span.start)?;
            self.report(codes::statement_order::report(what, behind, span, *earlier));
            Some(())
        };
        let headers = [&self.rules.program, &self.rules.from, &self.rules.to];
        for header in headers.into_iter().flatten() {
            if report("a header", header.span, "facts").is_some()
                || report("a header", header.span, "changes").is_some()
            {
                break;
            }
        }
        // One for each file is enough.
        let mut done: Vec<FileId> = Vec::new();
        for fact in &self.rules.facts {
            if !done.contains(&fact.span.file) && report("a fact", fact.span, "changes").is_some() {
                done.push(fact.span.file);
            }
        }
    }

    /// Two statements about one thing.
    pub(crate) fn check_said_twice(&self) {
        let mut seen: FxHashMap<String, Span> = FxHashMap::default();
        let mut note = |what: String, span: Span| {
            if let Some(earlier) = seen.insert(what.clone(), span) {
                self.report(codes::said_twice::report(&what, span, earlier, earlier.file != span.file));
            }
        };
        for fact in &self.rules.facts {
            match &fact.is {
                Fact::Field { owner, paths, .. } => {
                    for (number, path) in paths.iter().enumerate() {
                        let text = format!("`{}.{}`", symbol(&owner.is), spelt(&path.is));
                        // The owner stands before the first.
                        note(text, if number == 0 { owner.span.to(path.span) } else { path.span });
                    }
                }
                Fact::Pointer { to, .. } => {
                    note(format!("the reading of pointers to `{}`", symbol(&to.is)), to.span)
                }
                Fact::Variant { name, .. } => note(format!("the variant `{}`", name.is), name.span),
                Fact::Wrapper(functions) => {
                    functions
                        .iter()
                        .for_each(|it| note(format!("what `{}` makes", pattern(&it.is)), it.span));
                }
                Fact::Site { functions, .. } => {
                    functions
                        .iter()
                        .for_each(|it| note(format!("what `{}` makes", pattern(&it.is)), it.span));
                }
                Fact::Slab(slab) => {
                    note(format!("the slab `{}`", spelt(&slab.classes.is)), slab.classes.span)
                }
                Fact::OpaqueModule(name) => note(format!("the module `{}`", name.is), name.span),
                Fact::Container(container) => {
                    note(format!("the container `{}`", symbol(&container.owner.is)), container.owner.span);
                }
                Fact::Descriptor { owner, path } => {
                    let text = format!("the descriptor `{}.{}`", symbol(&owner.is), spelt(&path.is));
                    note(text, owner.span.to(path.span));
                }
                Fact::HookPool(_) | Fact::Scratch { .. } => {}
            }
        }
        self.changes_said_twice(&self.rules.changes, &mut note);
    }

    fn changes_said_twice(&self, changes: &'a [At<Change>], note: &mut dyn FnMut(String, Span)) {
        for change in changes {
            match &change.is {
                Change::Type(types) => {
                    let names: Vec<&str> =
                        types.from.iter().map(|name| name.is.symbol.name.as_str()).collect();
                    let span = types.from.first().map_or(change.span, |name| name.span);
                    // To split a type in two statements is to speak of two things.
                    let to: Vec<&str> = types.to.iter().map(|name| name.is.symbol.name.as_str()).collect();
                    let text = if names == to {
                        names.join(" + ")
                    } else {
                        format!("{} -> {}", names.join(" + "), to.join(" + "))
                    };
                    note(format!("the type `{text}`"), span);
                }
                Change::GivenUp(types) => {
                    for ty in types {
                        note(format!("the giving up of `{}`", ty.is.symbol.name), ty.span);
                    }
                }
                Change::Global { name, .. } => {
                    note(format!("the variable `{}`", symbol(&name.is)), name.span)
                }
                Change::Function { from, .. } => {
                    note(format!("the function `{}`", symbol(&from.is)), from.span)
                }
                Change::Text { from, .. } => note(format!("the text \"{}\"", from.is), from.span),
                Change::Drain { ty, .. } => note(format!("the draining of `{}`", ty.is.symbol.name), ty.span),
                Change::Adapter(name) => note(format!("the adapter `{}`", name.is), name.span),
                _ => {}
            }
        }
    }

    pub(crate) fn check_tests(&self) {
        let mut seen: FxHashMap<&str, Span> = FxHashMap::default();
        for test in &self.rules.tests {
            if let Some(earlier) = seen.insert(&test.name.is, test.name.span) {
                let what = format!("the test \"{}\"", test.name.is);
                self.report(codes::said_twice::report(&what, test.name.span, earlier, false));
            }
            self.check_test(test);
        }
    }

    fn check_test(&self, test: &'a Test) {
        if test.expected.is_empty() {
            self.report(codes::test_expects_nothing::report(&test.name.is, test.name.span));
        }
        let mut given: Vec<&'a str> = Vec::new();
        let mut count = 0;
        // Objects may lead to each other, whichever comes first.
        let mut scope = Scope { writes: Release::Old, ..Scope::new("a `test`") };
        let mut results = Scope::new("a `test`");
        for one in &test.given {
            if let Given::Object { name, literal } = &one.is {
                count += 1;
                if let (Some(name), Literal::Object { ty, .. }) = (name, &literal.is) {
                    given.push(&name.is);
                    let quietly = self.mark();
                    let kind = self.object_of(Release::Old, ty);
                    self.take_from(quietly);
                    scope = scope.with(&name.is, kind);
                    results = results.with(&name.is, Kind::Any);
                } else if let Some(name) = name {
                    given.push(&name.is);
                    scope = scope.with(&name.is, Kind::Any);
                    results = results.with(&name.is, Kind::Any);
                }
            }
        }
        for one in &test.given {
            match &one.is {
                Given::Object { literal, .. } => self.check_literal(&scope, literal),
                Given::Global(name, value) => self.check_test_global(&scope, name, value),
            }
        }
        for one in &test.expected {
            match &one.is {
                Expected::Object { name, literal } => {
                    let is_known = match name {
                        Some(name) => given.contains(&name.is.as_str()),
                        None => count == 1,
                    };
                    if !is_known {
                        let (text, span) = match name {
                            Some(name) => (Some(name.is.as_str()), name.span),
                            None => (None, one.span),
                        };
                        self.report(codes::unknown_object::report(self, text, &given, span));
                    }
                    self.check_literal(&results, literal);
                }
                Expected::Global(name, value) => self.check_test_global(&results, name, value),
                Expected::Call { function, arguments } => {
                    self.check_program_call(&results, function, arguments)
                }
                Expected::Fail(_) => {}
            }
        }
    }

    fn check_literal(&self, scope: &Scope<'a>, literal: &'a At<Literal>) {
        match &literal.is {
            Literal::Object { ty, members } => {
                let ty = self.the_named(scope.writes, ty).flatten();
                for (path, value) in members {
                    self.check_test_value(scope, ty, path, value);
                }
            }
            Literal::List(items) => {
                for item in items {
                    self.kind(scope, at(item));
                }
            }
        }
    }

    fn check_test_value(
        &self,
        scope: &Scope<'a>,
        ty: Option<mcrx_debuginfo::table::Type<'a>>,
        path: &'a At<crate::rules::Path>,
        value: &'a At<Expression>,
    ) {
        match ty.and_then(|ty| self.the_place(scope.writes, ty, path)) {
            Some(place) => {
                let target = Target::of(scope.writes, place, spelt(&path.is));
                // Objects are written where pointers to them are meant, and what a test expects is compared, not stored.
                let kind = self.kind_of_test_value(scope, value);
                if !matches!(kind, Kind::Object(..) | Kind::Sequence(..)) {
                    self.store(scope, at(value), &target, true);
                }
            }
            None => {
                self.kind(scope, at(value));
            }
        }
    }

    /// Of what is written out or is text: its own kind; numbers are checked by where they go.
    fn kind_of_test_value(&self, scope: &Scope<'a>, value: &'a At<Expression>) -> Kind<'a> {
        match &value.is {
            Expression::Literal(_) => self.kind(scope, at(value)),
            Expression::Unary(..) | Expression::Name(_) => {
                let mark = self.mark();
                let kind = self.kind(scope, at(value));
                self.take_from(mark);
                kind
            }
            _ => Kind::Any,
        }
    }

    fn check_test_global(&self, scope: &Scope<'a>, name: &'a At<Symbol>, value: &'a At<Expression>) {
        let variable = self.the_global(scope.writes, At { is: &name.is, span: name.span });
        match variable {
            Some(variable) if !matches!(value.is, Expression::Literal(_)) => {
                let target = Target::of(scope.writes, Place::of(variable.ty()), name.is.name.clone());
                self.store(scope, at(value), &target, true);
            }
            _ => {
                self.kind(scope, at(value));
            }
        }
    }
}

fn symbol(symbol: &Symbol) -> String {
    match &symbol.unit {
        Some(unit) => format!("{}@\"{unit}\"", symbol.name),
        None => symbol.name.clone(),
    }
}

fn pattern(pattern: &Pattern) -> String {
    let star = if pattern.is_prefix { "*" } else { "" };
    format!("{}{star}", pattern.name)
}
