//! Values that are written into a member or a variable: whether they can be, and whether they always fit.

use super::Context;
use super::expression::{Scope, at};
use super::kind::{Integer, Kind};
use crate::codes;
use crate::diagnostic::{Declaration, Release};
use crate::names::{self, Place};
use crate::rules::{Argument, Expression};
use crate::source::At;
use mcrx_debuginfo::table::Type;

/// Where a value goes.
pub(crate) struct Target<'a> {
    release: Release,
    place: Place<'a>,
    kind: Kind<'a>,
    /// As it is written.
    text: String,
}

impl<'a> Target<'a> {
    pub(crate) fn of(release: Release, place: Place<'a>, text: String) -> Target<'a> {
        let kind = Kind::of_place(release, &place);
        Target { release, place, kind, text }
    }
}

impl<'a> Context<'a> {
    /// Checks a value for a place. `has_policy`: it was said what is to be if it does not fit.
    pub(crate) fn store(
        &self,
        scope: &Scope<'a>,
        value: At<&'a Expression>,
        target: &Target<'a>,
        has_policy: bool,
    ) {
        let scope = &scope.hinted(&target.kind);
        match value.is {
            Expression::Conditional(condition, yes, no) => {
                self.condition(scope, at(condition));
                self.store(scope, at(yes), target, has_policy);
                self.store(scope, at(no), target, has_policy);
            }
            Expression::Else(first, second) => {
                self.store(scope, at(first), target, true);
                self.store(scope, at(second), target, has_policy);
            }
            Expression::Match { on, arms, otherwise } => {
                self.match_arms(scope, on, arms, otherwise.is_some());
                for then in arms.iter().map(|arm| &arm.then).chain(otherwise.as_deref()) {
                    self.store(scope, at(then), target, has_policy);
                }
            }
            Expression::Call(name, arguments) => {
                let kind = self.call(scope, name, arguments, value.span);
                if name.is == "clamp" && arguments.len() == 1 {
                    if !kind.is_integer() || !target.kind.is_integer() {
                        self.convert(value, kind, target, true);
                    }
                } else if name.is == "alloc" && !matches!(target.kind, Kind::Pointer(..) | Kind::Any) {
                    self.impossible("a pointer to a new block".to_owned(), value, target);
                } else if matches!(name.is.as_str(), "list" | "array")
                    && target.kind.is_integer()
                    && target.kind != Kind::Any
                {
                    self.impossible("several elements".to_owned(), value, target);
                } else {
                    self.convert(value, kind, target, has_policy);
                }
                if let ("list", Kind::Pointer(release, Some(element))) = (name.is.as_str(), target.kind) {
                    for argument in arguments {
                        if let Argument::Via(path) = &argument.is {
                            self.check_link(release, element, At { is: path, span: argument.span });
                        }
                    }
                }
            }
            // What is written out where a pointer is wanted gets a block of its own.
            Expression::Literal(_) if target.kind.is_pointer() => {
                self.kind(scope, value);
            }
            _ => {
                let kind = self.kind(scope, value);
                self.convert(value, kind, target, has_policy);
            }
        }
    }

    /// A value of a kind into a place.
    fn convert(&self, value: At<&'a Expression>, kind: Kind<'a>, target: &Target<'a>, has_policy: bool) {
        let is_address = |integer: &Integer<'_>| integer.bits == Some(64) && integer.of.is_none();
        let can = match (kind, target.kind) {
            (Kind::Any, _) | (_, Kind::Any) | (Kind::Zero, _) => true,
            (Kind::Integer(_) | Kind::Truth(_), Kind::Integer(into)) => {
                self.check_fit(value, kind, into, target, has_policy);
                true
            }
            (Kind::Integer(_) | Kind::Truth(_) | Kind::Float, Kind::Float)
            | (Kind::Float, Kind::Integer(_)) => true,
            (Kind::Pointer(..) | Kind::Code(_) | Kind::Null, Kind::Integer(into)) => is_address(&into),
            (Kind::Null | Kind::Pointer(..) | Kind::Code(_), Kind::Pointer(..) | Kind::Code(_)) => {
                self.check_pointee(value, kind, target);
                true
            }
            (Kind::Text(_), Kind::Pointer(_, to)) => to.is_none_or(|to| to.size() == Some(1)),
            (Kind::Text(len), Kind::Sequence(_, element, room)) => {
                if let (Some(len), Some(room)) = (len, room)
                    && len > room
                {
                    let declaration = self.declaration(target);
                    self.report(codes::constant_does_not_fit::text(
                        len,
                        &target.text,
                        room,
                        declaration,
                        value.span,
                    ));
                }
                element.is_none_or(|element| element.size() == Some(1))
            }
            (Kind::Sequence(..), Kind::Sequence(..)) => true,
            (Kind::Object(from_release, from), Kind::Object(_, to)) => {
                from == to || from_release != target.release || from.size() == to.size()
            }
            (Kind::Object(..), Kind::Sequence(..)) | (Kind::Sequence(..), Kind::Object(..)) => false,
            _ => false,
        };
        if !can {
            self.impossible(kind.describe(), value, target);
        }
    }

    fn impossible(&self, what: String, value: At<&'a Expression>, target: &Target<'a>) {
        let text = self.files.at(value.span);
        let help = match (self.kind_of_text(&what), target.kind) {
            (Wanted::Number, Kind::Pointer(..) | Kind::Code(_)) => {
                "a pointer is never made from a number: say `null`, or what it leads to".to_owned()
            }
            (Wanted::Object, Kind::Pointer(..)) => {
                format!("`alloc({text})` makes a block of it, `&{text}` points to it where it is")
            }
            (Wanted::Several, Kind::Pointer(..)) => {
                format!("`array({text})` makes an array of it, `list({text}, via NEXT)` a list")
            }
            (Wanted::Object, Kind::Integer(_)) => "name one of its members that is a number".to_owned(),
            (Wanted::Pointer, Kind::Integer(_)) => {
                "a number holds an address only if it has 8 bytes; name a member of what it leads to"
                    .to_owned()
            }
            (Wanted::Pointer, Kind::Object(..)) => "name a member that is an object itself".to_owned(),
            (Wanted::Text, Kind::Integer(_)) => "a single character is written '...'".to_owned(),
            _ => "name a value of that kind".to_owned(),
        };
        let wanted = format!("`{}`", self.spelt_declared(target.place.declared));
        let declaration = self.declaration(target);
        self.report(codes::impossible_value::report(
            what,
            &target.text,
            wanted,
            help,
            declaration,
            value.span,
        ));
    }

    fn kind_of_text(&self, what: &str) -> Wanted {
        match what {
            what if what.starts_with("a pointer") || what.starts_with("the null") => Wanted::Pointer,
            what if what.starts_with("an object") => Wanted::Object,
            what if what.starts_with("several") => Wanted::Several,
            "text" => Wanted::Text,
            _ => Wanted::Number,
        }
    }

    /// A number into a number.
    fn check_fit(
        &self,
        value: At<&'a Expression>,
        kind: Kind<'a>,
        into: Integer<'a>,
        target: &Target<'a>,
        has_policy: bool,
    ) {
        let Some(range) = into.range() else { return };
        let (least, most) = range;
        let Kind::Integer(integer) = kind else { return };
        // Constants of an enumeration go by their names, not by their numbers, from one release to the other.
        if let (Some((from, _)), Some((to, _))) = (integer.of, into.of)
            && from != to
        {
            return;
        }
        if let Some(constant) = integer.value {
            // -1 and the like stand for all bits: as C takes them.
            if constant < least || constant > most {
                let declaration = self.declaration(target);
                let report = codes::constant_does_not_fit::report(
                    constant,
                    &target.text,
                    range,
                    declaration,
                    value.span,
                );
                self.report(report);
            }
            return;
        }
        let Some(from) = integer.range() else { return };
        // A change of sign alone keeps the bits, as C does.
        let is_wider = integer.bits > into.bits;
        if has_policy || !is_wider || (from.0 >= least && from.1 <= most) {
            return;
        }
        let text = self.files.at(value.span);
        let declarations = self.declaration(target).into_iter().collect();
        self.report(codes::narrowing::report(text, &target.text, (from, range), declarations, value.span));
    }

    /// A pointer to one type into a pointer to another.
    fn check_pointee(&self, value: At<&'a Expression>, kind: Kind<'a>, target: &Target<'a>) {
        let (Kind::Pointer(from, Some(one)), Kind::Pointer(_, Some(other))) = (kind, target.kind) else {
            return;
        };
        let is_structure = |ty: Type<'_>| ty.tag().is_aggregate();
        if from != target.release || one == other || !is_structure(one) || !is_structure(other) {
            return;
        }
        // A structure begins with what it is derived from.
        let begins_with = |outer: Type<'a>, inner: Type<'a>| {
            let first = outer.members().next().and_then(|member| member.ty()).and_then(Type::resolved);
            first == Some(inner)
        };
        if !begins_with(one, other)
            && !begins_with(other, one)
            && names::member_names(one) != names::member_names(other)
        {
            self.impossible(kind.describe(), value, target);
        }
    }

    fn declaration(&self, target: &Target<'a>) -> Option<Declaration> {
        let (owner, member) = target.place.member?;
        Some(self.declare_members(target.release, owner, &[member.name().unwrap_or_default()]))
    }
}

/// What sort of value was given, for a help that fits.
enum Wanted {
    Number,
    Pointer,
    Object,
    Several,
    Text,
}
