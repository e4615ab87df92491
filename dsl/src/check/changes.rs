//! Changes: what they speak of in the old release and in the new one, and whether the one can become the other.

use super::Context;
use super::expression::{Scope, at};
use super::kind::Kind;
use super::resolve::spelt;
use super::store::Target;
use crate::codes;
use crate::diagnostic::{Diagnostic, Release};
use crate::names::{self, Place};
use crate::rules::{Action, Change, Expression, ForEach, GlobalChange, Path, Step, Symbol, Which};
use crate::source::{At, Span};
use mcrx_debuginfo::spell::{Anonymous, type_name};
use mcrx_debuginfo::table::Variable;

impl<'a> Context<'a> {
    pub(crate) fn check_changes(&self, changes: &'a [At<Change>]) {
        for change in changes {
            self.check_change(change);
        }
    }

    fn check_change(&self, change: &'a At<Change>) {
        match &change.is {
            Change::Type(types) => self.check_type_change(types, change.span),
            Change::GivenUp(types) => types.iter().for_each(|ty| {
                self.the_named(Release::Old, ty);
            }),
            Change::Global { name, change } => self.check_global(name, change),
            Change::Function { from, to } => self.check_function(from, to),
            Change::Text { from, to } if from.is == to.is => {
                self.report(codes::pointless_rename::text(&from.is, to.span));
            }
            Change::Text { .. } | Change::Adapter(_) => {}
            Change::ForEach(each) => self.check_each(each),
            Change::Drain { ty, .. } => {
                self.the_named(Release::Old, ty);
            }
            Change::Call { function, arguments } => {
                let scope = Scope::new("a `call`");
                self.check_program_call(&scope, function, arguments);
            }
            Change::Assert { every, that } => {
                let mut scope = Scope::new("an `assert`");
                if let Some((ty, name)) = every {
                    let kind = self.object_of(Release::New, ty);
                    scope = scope.with(&name.is, kind);
                }
                match self.condition(&scope, at(that)) {
                    Some(true) => self.report(codes::assert_always_true::report(that.span)),
                    Some(false) => self.report(codes::assert_never_true::report(that.span)),
                    None => {}
                }
            }
            Change::Define { parameters, body, .. } => {
                let scope = parameters
                    .iter()
                    .fold(Scope::new("a `define`"), |scope, parameter| scope.with(&parameter.is, Kind::Any));
                self.kind(&scope, at(body));
            }
            Change::Down(changes) => self.check_down(changes),
            Change::Hole(hole) => self.report(codes::hole::report(&hole.why.is, change.span)),
        }
    }

    /// Changes of the way back: the releases have changed places.
    fn check_down(&self, changes: &'a [At<Change>]) {
        let back = self.way_back();
        back.check_changes(changes);
        for mut diagnostic in back.take_from(0) {
            for declaration in &mut diagnostic.declarations {
                declaration.release = declaration.release.other();
            }
            self.report(diagnostic);
        }
    }

    /// An object of a type, as something with a name.
    pub(crate) fn object_of(&self, release: Release, ty: &'a At<crate::rules::TypeName>) -> Kind<'a> {
        match self.the_named(release, ty).flatten() {
            Some(found) if ty.is.pointers == 0 => Kind::of(release, Some(found), None),
            Some(found) => Kind::Pointer(release, Some(found)),
            None => Kind::Any,
        }
    }

    /// Whether variables of one name pair without being told to: static ones of different files and types do not.
    fn is_paired(&self, name: &str) -> bool {
        self.comparison().is_none_or(|comparison| {
            let variables = &comparison.variables;
            let is_apart = variables.removed.iter().any(|one| one.name() == name)
                && variables.added.iter().any(|one| one.name() == name);
            !is_apart
        })
    }

    fn check_global(&self, name: &'a At<Symbol>, change: &'a At<GlobalChange>) {
        let symbol = At { is: &name.is, span: name.span };
        match &change.is {
            GlobalChange::Becomes(path) => {
                let old = self.the_global(Release::Old, symbol);
                let is_same_name = matches!(path.is.steps.as_slice(), [At { is: Step::Member(to), .. }] if *to == name.is.name);
                // Of another type and file it is only known to be the same if it is said.
                if is_same_name && self.is_paired(&name.is.name) {
                    self.report(codes::pointless_rename::report(&name.is.name, path.span));
                    return;
                }
                let new = self.the_global_place(Release::New, path);
                if let (Some(old), Some(new)) = (old, new) {
                    let from = (name.is.name.as_str(), Place::of(old.ty()), name.span);
                    let text = spelt(&path.is);
                    self.check_becomes(from, (&text, new, path.span), |_| {
                        vec![self.declare_global(Release::Old, old)]
                    });
                }
            }
            GlobalChange::Set(value) => {
                let variable = self.the_global(Release::New, symbol);
                let mut scope = Scope::new("the value of a variable that the old release does not have");
                let before = self.table(Release::Old).map(|table| names::variables(table, &name.is));
                match before.as_deref() {
                    Some([old, ..]) => scope = scope.with("old", Kind::of(Release::Old, old.ty(), None)),
                    None => scope = scope.with("old", Kind::Any),
                    Some([]) => {}
                }
                let place = variable.map(|variable| Place::of(variable.ty()));
                let place =
                    place.unwrap_or(Place { ty: None, declared: None, member: None, bit_offset: None });
                let target = Target::of(Release::New, place, name.is.name.clone());
                self.store(&scope, at(value), &target, false);
            }
            GlobalChange::Keep(which) => {
                if *which == Which::Old {
                    self.the_global(Release::Old, symbol);
                }
                self.the_global(Release::New, symbol);
            }
            GlobalChange::Drop => {
                let old = self.the_global(Release::Old, symbol);
                let mut there = self.table(Release::New).map(|table| names::variables(table, &name.is));
                // A static local is another variable than one of that name in another function.
                let function =
                    |variable: &Variable<'_>| variable.function().map(|function| function.name().to_owned());
                let own = old.as_ref().and_then(function);
                there.iter_mut().for_each(|there| there.retain(|new| function(new) == own));
                if let (Some(old), Some([new, ..])) = (old, there.as_deref()) {
                    let declarations =
                        vec![self.declare_global(Release::Old, old), self.declare_global(Release::New, *new)];
                    let new = self.called(Release::New);
                    self.report(codes::dropped_global::report(&name.is.name, declarations, &new, name.span));
                }
            }
        }
    }

    fn check_function(&self, from: &'a At<Symbol>, to: &'a At<Symbol>) {
        let old = self.the_function(Release::Old, At { is: &from.is, span: from.span });
        if from.is == to.is {
            self.report(codes::pointless_rename::report(&from.is.name, to.span));
            return;
        }
        let new = self.the_function(Release::New, At { is: &to.is, span: to.span });
        let (Some(old), Some(new)) = (old, new) else { return };
        let spelt = |function: mcrx_debuginfo::table::Function<'_>| {
            let parameters: Vec<String> =
                function.parameters().map(|it| type_name(it.ty, Anonymous::LeftOut)).collect();
            (type_name(function.returns(), Anonymous::LeftOut), parameters)
        };
        if spelt(old) != spelt(new) {
            let declarations =
                vec![self.declare_function(Release::Old, old), self.declare_function(Release::New, new)];
            self.report(codes::function_signature::report(old.name(), new.name(), declarations, to.span));
        }
    }

    fn check_each(&self, each: &'a ForEach) {
        let release = match each.which.map(|which| which.is) {
            Some(Which::Old) => Release::Old,
            _ => Release::New,
        };
        let kind = self.object_of(release, &each.ty);
        if let Some(among) = &each.among {
            self.kind(&Scope::new("a `for each`"), at(among));
        }
        let scope = Scope::new("a `for each`").with(&each.name.is, kind);
        // What is written goes to what the old object has become.
        let written = match release {
            Release::Old => Scope::new("a `for each`").with(&each.name.is, self.become_of(each)),
            Release::New => scope.clone(),
        };
        if let Some(condition) = &each.condition {
            match self.condition(&scope, at(condition)) {
                Some(true) => self.report(codes::assert_always_true::report(condition.span)),
                Some(false) => self.report(codes::assert_never_true::selects_nothing(condition.span)),
                None => {}
            }
        }
        for action in &each.actions {
            match &action.is {
                Action::Insert { what, into, via, .. } => {
                    let object = self.action_place(&written, what);
                    self.head_place(&written, &scope, at(into));
                    if let (Some(via), Some((release, place))) = (via, object)
                        && let Some(element) = names::aggregate(place.ty)
                    {
                        self.check_link(release, element, At { is: &via.is, span: via.span });
                    }
                }
                Action::Set { path, value } => {
                    let none = Place { ty: None, declared: None, member: None, bit_offset: None };
                    let (release, place) = self.action_place(&written, path).unwrap_or((Release::New, none));
                    let target = Target::of(release, place, spelt(&path.is));
                    self.store(&scope, at(value), &target, false);
                }
                Action::Call { function, arguments } => self.check_program_call(&scope, function, arguments),
            }
        }
    }

    /// What the old objects of a `for each old` are in the new release.
    fn become_of(&self, each: &'a ForEach) -> Kind<'a> {
        let said = self.rules.changes.iter().find_map(|change| match &change.is {
            Change::Type(types) if types.from.first().is_some_and(|from| from.is == each.ty.is) => {
                types.to.first()
            }
            _ => None,
        });
        let found = self.table(Release::New).and_then(|table| {
            let name = &said.unwrap_or(&each.ty).is;
            names::types(table, name.keyword, &name.symbol).first().copied()
        });
        found.map_or(Kind::Any, |found| Kind::of(Release::New, Some(found), None))
    }

    /// A path that begins with an object of the statement, or with a variable of the new release.
    fn action_place(&self, scope: &Scope<'a>, path: &'a At<Path>) -> Option<(Release, Place<'a>)> {
        let (first, rest) = path.is.steps.split_first()?;
        let Step::Member(name) = &first.is else { return None };
        let local = scope.locals.iter().rev().find(|(known, _)| known == name).map(|(_, kind)| *kind);
        let (release, ty) = match local {
            Some(Kind::Object(release, ty) | Kind::Pointer(release, Some(ty))) => (release, ty),
            Some(_) => return None,
            None => return Some((Release::New, self.the_global_place(Release::New, path)?)),
        };
        let rest = Path { steps: rest.to_vec() };
        match names::walk(Some(ty), &rest) {
            Ok(place) => Some((release, place)),
            Err((step, lost)) => {
                self.report_lost_behind(release, Some(name), Some(ty), &rest, step, lost);
                None
            }
        }
    }

    /// The same of the head of a list, which may be any element: what says which one is read as all else is.
    fn head_place(
        &self,
        written: &Scope<'a>,
        read: &Scope<'a>,
        head: At<&'a Expression>,
    ) -> Option<(Release, Place<'a>)> {
        let (of, step, span) = match head.is {
            Expression::Name(symbol) => {
                let local = written.locals.iter().rev().find(|(known, _)| *known == symbol.name);
                return match local.map(|(_, kind)| *kind) {
                    Some(Kind::Object(release, ty) | Kind::Pointer(release, Some(ty))) => {
                        Some((release, Place::of(Some(ty))))
                    }
                    Some(_) => None,
                    None => {
                        let variable = self.the_global(Release::New, At { is: symbol, span: head.span })?;
                        Some((Release::New, Place::of(variable.ty())))
                    }
                };
            }
            Expression::Member(of, name) => (of, Step::Member(name.is.clone()), name.span),
            Expression::Index(of, index) => {
                let number = self.kind(read, at(index)).constant();
                (
                    of,
                    Step::Index(number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)),
                    index.span,
                )
            }
            _ => return None,
        };
        let (release, place) = self.head_place(written, read, at(of))?;
        let found = match &step {
            Step::Member(name) => names::member(place, name),
            Step::Index(index) => names::element(place, Some(*index)),
        };
        match found {
            Ok(found) => Some((release, found)),
            Err(lost) => {
                let owner = place.member.map(|(owner, _)| owner);
                self.report_step(release, self.files.at(of.span), owner, &step, span, lost);
                None
            }
        }
    }

    /// A function of the new release that is to be run.
    pub(crate) fn check_program_call(
        &self,
        scope: &Scope<'a>,
        function: &'a At<Symbol>,
        arguments: &'a [At<Expression>],
    ) {
        let found = self.the_function(Release::New, At { is: &function.is, span: function.span });
        let parameters: Vec<_> = found.iter().flat_map(|function| function.parameters()).collect();
        if let Some(found) = found
            && parameters.len() != arguments.len()
        {
            let declaration = self.declare_function(Release::New, found);
            let span = arguments.last().map_or(function.span, |last| function.span.to(last.span));
            let (wanted, given) = (parameters.len(), arguments.len());
            self.report(codes::argument_count::report(found.name(), wanted, given, declaration, span));
        }
        for (place, argument) in arguments.iter().enumerate() {
            match parameters.get(place).filter(|_| parameters.len() == arguments.len()) {
                Some(parameter) => {
                    let target = Target::of(Release::New, Place::of(parameter.ty), parameter.name.to_owned());
                    // An object stands for a pointer to it where one is wanted.
                    let is_object = matches!(self.kind_quietly(scope, at(argument)), Kind::Object(..));
                    if is_object && Kind::of(Release::New, parameter.ty, None).is_pointer() {
                        self.kind(scope, at(argument));
                    } else {
                        self.store(scope, at(argument), &target, false);
                    }
                }
                None => {
                    self.kind(scope, at(argument));
                }
            }
        }
    }

    /// What kind of value it is, without saying what is wrong with it.
    fn kind_quietly(&self, scope: &Scope<'a>, expression: At<&'a Expression>) -> Kind<'a> {
        let mark = self.mark();
        let kind = self.kind(scope, expression);
        self.take_from(mark);
        kind
    }

    /// Whether what is somewhere in the old release can become what is somewhere in the new one, as it is.
    pub(crate) fn check_becomes(
        &self,
        (from, old, span): (&str, Place<'a>, Span),
        (to, new, other): (&str, Place<'a>, Span),
        declare: impl Fn(&Place<'a>) -> Vec<crate::diagnostic::Declaration>,
    ) -> bool {
        let (one, two) = (Kind::of_place(Release::Old, &old), Kind::of_place(Release::New, &new));
        let can = match (one, two) {
            (Kind::Any, _) | (_, Kind::Any) => true,
            (Kind::Integer(from_is), Kind::Integer(to_is)) => {
                if let (Some(range), Some(into)) = (from_is.range(), to_is.range())
                    && from_is.bits > to_is.bits
                    && (range.0 < into.0 || range.1 > into.1)
                {
                    let declarations = declare(&new);
                    let report = codes::narrowing::report(from, to, (range, into), declarations, other);
                    self.report(Diagnostic { fix: None, ..report }.helped(format!(
                        "say what is to be then: `{to} = clamp(old.{from})`; else an update that meets such a value is refused"
                    )));
                }
                true
            }
            (Kind::Float, Kind::Float) => true,
            (Kind::Integer(_), Kind::Float) | (Kind::Float, Kind::Integer(_)) => true,
            (Kind::Pointer(..), Kind::Pointer(..)) | (Kind::Code(_), Kind::Code(_)) => true,
            (Kind::Pointer(_, None), Kind::Code(_)) | (Kind::Code(_), Kind::Pointer(_, None)) => true,
            (Kind::Object(_, one), Kind::Object(_, two)) => one.tag() == two.tag(),
            (Kind::Sequence(..), Kind::Sequence(..)) => true,
            _ => false,
        };
        if !can {
            let mut declarations = declare(&old);
            declarations.dedup();
            self.report(codes::impossible_rename::report(
                (from, self.describe_place(&old, one)),
                (to, self.describe_place(&new, two)),
                declarations,
                match old.member {
                    Some(_) => format!("say how its value comes about: `{to} = ...`, with `old.{from}` in it; or `drop {from}`"),
                    None => format!("say what it is to be: `global {to} = ...`; and `global {from} drop` if it is given up"),
                },
                span,
                other,
            ));
        }
        can
    }
}
