//! Expressions: what kind of value each gives, and whether it can.
//!
//! Each part is looked at once, from inside out; what cannot be is said of the smallest part, and of what is around it nothing more
//! ([`Kind::Any`]).

use super::Context;
use super::arms::Subject;
use super::kind::{Integer, Kind};
use crate::codes;
use crate::diagnostic::Release;
use crate::names::{self, Place, nearest};
use crate::rules::{Arm, Expression, Literal, Step, Symbol, TypeName, Unary};
use crate::source::{At, Span};
use mcrx_debuginfo::table::Type;

/// How deep expressions are nested. The parser has a limit too; this one is for rules that were not parsed.
const DEEPEST: u32 = 200;

/// What names mean in an expression, beside those of the program.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    /// What the statement names, the innermost last.
    pub(crate) locals: Vec<(&'a str, Kind<'a>)>,
    /// The release whose memory gets the value.
    pub(crate) writes: Release,
    /// The statement, for people: "an `assert`".
    pub(crate) statement: &'static str,
    /// What stands for something in the release that is expected: constants of this enumeration go before others of the name.
    pub(crate) hint: Option<(Release, Type<'a>)>,
    pub(crate) depth: u32,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(statement: &'static str) -> Scope<'a> {
        Scope { locals: Vec::new(), writes: Release::New, statement, hint: None, depth: 0 }
    }

    pub(crate) fn with(mut self, name: &'a str, kind: Kind<'a>) -> Scope<'a> {
        self.locals.push((name, kind));
        self
    }

    /// The same, with another enumeration expected.
    pub(crate) fn hinted(&self, kind: &Kind<'a>) -> Scope<'a> {
        let hint = match kind {
            Kind::Integer(Integer { of: Some((release, of)), .. }) => Some((*release, *of)),
            _ => self.hint,
        };
        Scope { hint, ..self.clone() }
    }

    fn local(&self, name: &str) -> Option<Kind<'a>> {
        self.locals.iter().rev().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    fn deeper(&self) -> Option<Scope<'a>> {
        (self.depth < DEEPEST).then(|| Scope { depth: self.depth + 1, ..self.clone() })
    }
}

/// The same place for a reference.
pub(crate) fn at(expression: &At<Expression>) -> At<&Expression> {
    At { is: &expression.is, span: expression.span }
}

impl<'a> Context<'a> {
    /// What kind of value an expression gives.
    pub(crate) fn kind(&self, scope: &Scope<'a>, expression: At<&'a Expression>) -> Kind<'a> {
        let Some(scope) = scope.deeper() else { return Kind::Any };
        let scope = &scope;
        let span = expression.span;
        match expression.is {
            Expression::Number(number) => Kind::Integer(Integer::constant(i128::from(*number))),
            Expression::Text(text) => Kind::Text(u64::try_from(text.len()).ok()),
            Expression::Truth(truth) => Kind::Truth(Some(*truth)),
            Expression::Null => Kind::Null,
            Expression::Zero => Kind::Zero,
            Expression::Name(symbol) => self.name(scope, symbol, span),
            Expression::Member(..) | Expression::Index(..) => self
                .place_of(scope, expression)
                .map_or(Kind::Any, |(release, place)| Kind::of_place(release, &place)),
            Expression::Slice(of, from, to) => self.slice(scope, of, from, to),
            Expression::Unary(operator, operand) => self.unary(scope, *operator, operand, span),
            Expression::Binary(operator, one, other) => self.binary(scope, *operator, one, other, span),
            Expression::Conditional(condition, yes, no) => {
                self.condition(scope, at(condition));
                let (one, other) = (self.kind(scope, at(yes)), self.kind(scope, at(no)));
                self.either((one, yes.span), (other, no.span))
            }
            Expression::Else(first, second) => {
                let (one, other) = (self.kind(scope, at(first)), self.kind(scope, at(second)));
                self.either((one, first.span), (other, second.span))
            }
            Expression::SizeOf(name) => self.size_of(scope, name),
            Expression::Call(name, arguments) => self.call(scope, name, arguments, span),
            Expression::Match { on, arms, otherwise } => {
                self.match_arms(scope, on, arms, otherwise.is_some());
                let mut found: Option<(Kind<'a>, Span)> = None;
                for then in arms.iter().map(|arm| &arm.then).chain(otherwise.as_deref()) {
                    let kind = self.kind(scope, at(then));
                    found = Some(match found {
                        None | Some((Kind::Any, _)) => (kind, then.span),
                        Some(first) => (self.either(first, (kind, then.span)), first.1),
                    });
                }
                found.map_or(Kind::Any, |(kind, _)| kind)
            }
            Expression::Literal(Literal::Object { ty, members }) => self.object(scope, ty, members),
            Expression::Literal(Literal::List(items)) => {
                for item in items {
                    self.kind(scope, at(item));
                }
                Kind::Sequence(scope.writes, None, u64::try_from(items.len()).ok())
            }
            Expression::Hole(hole) => {
                self.report(codes::hole::report(&hole.why.is, span));
                Kind::Any
            }
        }
    }

    fn name(&self, scope: &Scope<'a>, symbol: &'a Symbol, span: Span) -> Kind<'a> {
        if let Some(kind) = scope.local(&symbol.name).filter(|_| symbol.unit.is_none()) {
            return kind;
        }
        if symbol.name == "old" {
            self.report(codes::no_old::report(span, scope.statement));
            return Kind::Any;
        }
        if self.releases.all().next().is_none() {
            return Kind::Any;
        }
        if let Some(constant) = self.constant(scope, symbol) {
            return constant;
        }
        for (release, table) in self.releases.all() {
            let found = names::variables(table, symbol);
            match found.as_slice() {
                [] => {}
                [first, rest @ ..] if rest.iter().all(|other| other.address() == first.address()) => {
                    return Kind::of(release, first.ty(), None);
                }
                several => {
                    let report = codes::ambiguous_name::globals(self, release, &symbol.name, several, span);
                    self.report(report);
                    return Kind::Any;
                }
            }
        }
        let first = scope.hint.map_or(scope.writes, |(release, _)| release);
        for release in [first, first.other()] {
            let Some(table) = self.table(release) else { continue };
            if !names::functions(table, symbol).is_empty() {
                return Kind::Code(release);
            }
        }
        self.report_unknown_name(scope, symbol, span);
        Kind::Any
    }

    /// A constant of an enumeration: of the one that is expected, else of any.
    fn constant(&self, scope: &Scope<'a>, symbol: &Symbol) -> Option<Kind<'a>> {
        if symbol.unit.is_some() {
            return None;
        }
        let own = scope.hint.and_then(|(release, of)| {
            let found = names::constants(of).find(|constant| constant.name == symbol.name)?;
            Some((release, found))
        });
        let first = scope.hint.map_or(scope.writes, |(release, _)| release);
        let (release, constant) = own.or_else(|| {
            [first, first.other()].into_iter().find_map(|release| {
                let constant = self.constants(release)?.named(&symbol.name).first().copied()?;
                Some((release, constant))
            })
        })?;
        let bits = constant.of.size().and_then(|size| u32::try_from(size.saturating_mul(8)).ok());
        Some(Kind::Integer(Integer {
            bits,
            is_signed: constant.value < 0,
            of: Some((release, constant.of)),
            value: Some(constant.value),
        }))
    }

    fn report_unknown_name(&self, scope: &Scope<'a>, symbol: &'a Symbol, span: Span) {
        let has = |kind: &Kind<'a>| {
            let owner = match kind {
                Kind::Object(_, ty) => Some(*ty),
                Kind::Pointer(_, Some(to)) => Some(*to),
                _ => None,
            };
            owner.is_some_and(|owner| names::member(Place::of(Some(owner)), &symbol.name).is_ok())
        };
        let object = scope.locals.iter().rev().find(|(_, kind)| has(kind)).map(|(name, _)| *name);
        let locals = scope.locals.iter().map(|(name, _)| *name);
        let mut near = nearest::names(&symbol.name, locals.filter(|name| name.len() > 2));
        let constants = self.constants(scope.writes).into_iter().flat_map(|all| all.names());
        let from_program: Vec<&str> = nearest::names(&symbol.name, constants);
        near.extend(from_program);
        let globals =
            if near.is_empty() { self.near_globals(scope.writes, &symbol.name) } else { Vec::new() };
        near.extend(globals.iter().map(String::as_str));
        near.truncate(4);
        self.report(codes::unknown_name::report(self, &symbol.name, span, object, &near));
    }

    /// Where something lies: a name, a member, an element. `None`: nowhere, or something was said against it.
    pub(crate) fn place_of(
        &self,
        scope: &Scope<'a>,
        expression: At<&'a Expression>,
    ) -> Option<(Release, Place<'a>)> {
        let scope = &scope.deeper()?;
        match expression.is {
            Expression::Member(of, name) => {
                if let Some(release) = self.named_release(scope, &of.is) {
                    let symbol = Symbol { name: name.is.clone(), unit: None };
                    let variable = self.the_global(release, At { is: &symbol, span: name.span })?;
                    return Some((release, Place::of(variable.ty())));
                }
                let (release, place) = self.place_of(scope, at(of))?;
                match names::member(place, &name.is) {
                    Ok(found) => Some((release, found)),
                    Err(lost) => {
                        let step = Step::Member(name.is.clone());
                        let owner = place.member.map(|(owner, _)| owner);
                        self.report_step(release, self.files.at(of.span), owner, &step, name.span, lost);
                        None
                    }
                }
            }
            Expression::Index(of, index) => {
                let number = self.kind(scope, at(index));
                if !number.is_integer() {
                    let what = number.describe();
                    let role = "the number of the element";
                    self.report(codes::count_not_integer::report(
                        role,
                        self.files.at(index.span),
                        what,
                        None,
                        index.span,
                    ));
                }
                let (release, place) = self.place_of(scope, at(of))?;
                let index_known = number.constant().and_then(|number| u64::try_from(number).ok());
                match names::element(place, index_known) {
                    Ok(found) => Some((release, found)),
                    Err(lost) => {
                        let step = Step::Index(index_known.unwrap_or(0));
                        let owner = place.member.map(|(owner, _)| owner);
                        self.report_step(release, self.files.at(of.span), owner, &step, index.span, lost);
                        None
                    }
                }
            }
            _ => {
                let place = |ty| Place { ty: Some(ty), declared: Some(ty), member: None, bit_offset: None };
                match self.kind(scope, expression) {
                    Kind::Object(release, ty) => Some((release, place(ty))),
                    kind @ (Kind::Pointer(release, _) | Kind::Sequence(release, ..)) => {
                        // A variable is known by its own type, with its pointers.
                        let known = match expression.is {
                            Expression::Name(symbol) if scope.local(&symbol.name).is_none() => {
                                let table = self.table(release)?;
                                names::variables(table, symbol)
                                    .first()
                                    .map(|variable| Place::of(variable.ty()))
                            }
                            _ => None,
                        };
                        match (known, kind) {
                            (Some(known), _) => Some((release, known)),
                            (None, Kind::Pointer(_, Some(to))) => Some((release, place(to))),
                            _ => None,
                        }
                    }
                    Kind::Integer(_) | Kind::Truth(_) | Kind::Float | Kind::Text(_) | Kind::Null => {
                        if let Expression::Name(symbol) = expression.is {
                            let found = self.place_of_scalar(scope, symbol)?;
                            return Some(found);
                        }
                        None
                    }
                    _ => None,
                }
            }
        }
    }

    /// A variable that is a number: so that a member of it can be refused by its declaration.
    fn place_of_scalar(&self, scope: &Scope<'a>, symbol: &Symbol) -> Option<(Release, Place<'a>)> {
        if scope.local(&symbol.name).is_some() {
            return None;
        }
        let mut releases = self.releases.all();
        releases.find_map(|(release, table)| {
            let variable = names::variables(table, symbol).into_iter().next()?;
            Some((release, Place::of(variable.ty())))
        })
    }

    /// `from`, `to`
    fn named_release(&self, scope: &Scope<'a>, expression: &Expression) -> Option<Release> {
        let Expression::Name(symbol) = expression else { return None };
        let release = match symbol.name.as_str() {
            "from" => Release::Old,
            "to" => Release::New,
            _ => return None,
        };
        scope.local(&symbol.name).is_none().then_some(release)
    }

    fn slice(
        &self,
        scope: &Scope<'a>,
        of: &'a At<Expression>,
        from: &'a At<Expression>,
        to: &'a At<Expression>,
    ) -> Kind<'a> {
        for bound in [from, to] {
            let kind = self.kind(scope, at(bound));
            if !kind.is_integer() {
                let role = "the number of the element";
                let text = self.files.at(bound.span);
                self.report(codes::count_not_integer::report(role, text, kind.describe(), None, bound.span));
            }
        }
        match self.kind(scope, at(of)) {
            Kind::Pointer(release, to) => Kind::Sequence(release, to, None),
            Kind::Sequence(release, element, _) => Kind::Sequence(release, element, None),
            Kind::Text(_) => Kind::Text(None),
            Kind::Any => Kind::Any,
            other => {
                let release = scope.writes;
                let text = self.files.at(of.span);
                let ty = match other {
                    Kind::Object(_, ty) => Some(ty),
                    _ => None,
                };
                let report = codes::not_an_array::report(self, release, text, ty, of.span, None);
                self.report(codes::not_an_array::described(report, text, &other.describe()));
                Kind::Any
            }
        }
    }

    fn unary(&self, scope: &Scope<'a>, operator: Unary, operand: &'a At<Expression>, span: Span) -> Kind<'a> {
        let text = match operator {
            Unary::Not => {
                let truth = self.condition(scope, at(operand));
                return Kind::Truth(truth.map(|truth| !truth));
            }
            Unary::AddressOf => {
                return match self.place_of(scope, at(operand)) {
                    Some((release, place)) => Kind::Pointer(release, place.ty),
                    None => Kind::Any,
                };
            }
            Unary::Negate => "-",
            Unary::Complement => "~",
        };
        let kind = self.kind(scope, at(operand));
        if !kind.is_integer() {
            self.report(codes::wrong_operand::report(text, kind.describe(), None, operand.span, span));
            return Kind::Any;
        }
        let value = kind.constant().and_then(|value| match operator {
            Unary::Negate => value.checked_neg(),
            _ => None,
        });
        Kind::Integer(Integer { value, ..Integer::computed() })
    }

    /// A condition. If it is always the same: which.
    pub(crate) fn condition(&self, scope: &Scope<'a>, expression: At<&'a Expression>) -> Option<bool> {
        let kind = self.kind(scope, expression);
        match kind {
            Kind::Truth(truth) => truth,
            Kind::Integer(Integer { value, .. }) => value.map(|value| value != 0),
            Kind::Pointer(..) | Kind::Code(_) | Kind::Null | Kind::Zero | Kind::Any | Kind::Float => None,
            _ => {
                self.report(codes::no_condition::report(kind.describe(), expression.span));
                None
            }
        }
    }

    /// What one of two gives.
    fn either(&self, (one, first): (Kind<'a>, Span), (other, second): (Kind<'a>, Span)) -> Kind<'a> {
        match (one, other) {
            (Kind::Any, _) | (_, Kind::Any) => Kind::Any,
            (one, other) if one == other => one,
            (Kind::Zero, kind) | (kind, Kind::Zero) => kind,
            (one, other) if one.is_integer() && other.is_integer() => Kind::Integer(Integer::computed()),
            (Kind::Integer(_) | Kind::Float, Kind::Integer(_) | Kind::Float) => Kind::Float,
            (one, other) if one.is_pointer() && other.is_pointer() => match (one, other) {
                (Kind::Null, kind) | (kind, Kind::Null) => kind,
                (Kind::Pointer(release, _), _) => Kind::Pointer(release, None),
                _ => Kind::Any,
            },
            (Kind::Text(_), Kind::Text(_)) => Kind::Text(None),
            (Kind::Text(_), Kind::Pointer(..) | Kind::Null)
            | (Kind::Pointer(..) | Kind::Null, Kind::Text(_)) => Kind::Any,
            (Kind::Sequence(..), Kind::Sequence(..)) | (Kind::Object(..), Kind::Object(..)) => Kind::Any,
            (one, other) => {
                self.report(codes::unlike_branches::report(one.describe(), other.describe(), first, second));
                Kind::Any
            }
        }
    }

    fn size_of(&self, scope: &Scope<'a>, name: &'a At<TypeName>) -> Kind<'a> {
        let count = name.is.arrays.iter().try_fold(1u64, |all, length| all.checked_mul(*length));
        let size = |one: u64| count.and_then(|count| one.checked_mul(count)).map(i128::from);
        if name.is.pointers > 0 {
            return Kind::Integer(Integer { value: size(8), ..Integer::computed() });
        }
        let any = Kind::Integer(Integer::computed());
        let first = scope.writes;
        let release = [first, first.other()].into_iter().find(|release| {
            self.table(*release)
                .is_some_and(|table| !names::types(table, name.is.keyword, &name.is.symbol).is_empty())
        });
        if name.is.symbol.name == "void" {
            self.report(codes::no_size::report("void", None, name.span));
            return any;
        }
        match self.the_named(release.unwrap_or(first), name) {
            Some(Some(ty)) => match ty.size() {
                Some(one) => Kind::Integer(Integer { value: size(one), ..Integer::computed() }),
                None => {
                    let declaration = self.declare(release.unwrap_or(first), ty);
                    self.report(codes::no_size::report(&self.spelt(ty), Some(declaration), name.span));
                    any
                }
            },
            _ => any,
        }
    }

    /// The subject and the values of a `match`.
    pub(crate) fn match_arms(
        &self,
        scope: &Scope<'a>,
        on: &'a At<Expression>,
        arms: &'a [Arm],
        has_otherwise: bool,
    ) {
        let kind = self.kind(scope, at(on));
        let release = match kind {
            Kind::Integer(Integer { of: Some((release, _)), .. })
            | Kind::Pointer(release, _)
            | Kind::Code(release) => release,
            _ => self.place_of_release(scope, on).unwrap_or(scope.writes),
        };
        let subject = Subject { release, kind, text: self.files.at(on.span).to_owned(), span: on.span };
        let arms = arms.iter().map(|arm| arm.when.as_slice());
        self.check_arms(&subject, arms, has_otherwise, "an update that meets another value is refused");
    }

    /// The release that a value is of, if it lies somewhere.
    fn place_of_release(&self, scope: &Scope<'a>, expression: &'a At<Expression>) -> Option<Release> {
        let mut current = &expression.is;
        loop {
            match current {
                Expression::Member(of, _) | Expression::Index(of, _) => {
                    if let Some(release) = self.named_release(scope, &of.is) {
                        return Some(release);
                    }
                    current = &of.is;
                }
                Expression::Name(symbol) => {
                    return match scope.local(&symbol.name)? {
                        Kind::Object(release, _) | Kind::Pointer(release, _) => Some(release),
                        _ => None,
                    };
                }
                _ => return None,
            }
        }
    }

    /// An object that is written out.
    fn object(
        &self,
        scope: &Scope<'a>,
        name: &'a At<TypeName>,
        members: &'a [(At<crate::rules::Path>, At<Expression>)],
    ) -> Kind<'a> {
        let release = scope.writes;
        let ty = self.the_named(release, name).flatten();
        for (path, value) in members {
            let place = ty.and_then(|ty| self.the_place(release, ty, path));
            match place {
                Some(place) => {
                    let target = super::store::Target::of(release, place, super::resolve::spelt(&path.is));
                    self.store(scope, at(value), &target, true);
                }
                None => {
                    self.kind(scope, at(value));
                }
            }
        }
        ty.map_or(Kind::Any, |ty| Kind::Object(release, ty))
    }
}
