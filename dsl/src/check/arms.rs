//! The arms of a `match`, of readings and of expressions alike: whether values of the subject can be what they are for.

use super::Context;
use super::kind::{Integer, Kind};
use crate::codes;
use crate::diagnostic::Release;
use crate::names::{self, Constant};
use crate::rules::{Pattern, Value};
use crate::source::{At, Span};
use mcrx_debuginfo::table::Type;
use rustc_hash::FxHashMap;

/// What arms tell apart.
pub(crate) struct Subject<'a> {
    /// In which release.
    pub(crate) release: Release,
    /// What it is.
    pub(crate) kind: Kind<'a>,
    /// How it is written.
    pub(crate) text: String,
    /// Where.
    pub(crate) span: Span,
}

/// What an arm was found to be for.
#[derive(PartialEq, Eq, Hash)]
enum Meant<'a> {
    Number(i128),
    Bits(u64, u64),
    Name(&'a str, bool),
}

impl<'a> Context<'a> {
    /// Checks the values of all arms. `has_otherwise`: there is a `_`. Whether what it tells is worth a `_`: `what_then` says what happens
    /// to values that no arm is for.
    pub(crate) fn check_arms(
        &self,
        subject: &Subject<'a>,
        arms: impl Iterator<Item = &'a [At<Value>]>,
        has_otherwise: bool,
        what_then: &str,
    ) {
        if matches!(subject.kind, Kind::Float | Kind::Object(..) | Kind::Sequence(..) | Kind::Text(_)) {
            self.report(codes::match_subject::report(&subject.text, subject.kind.describe(), subject.span));
            return;
        }
        let mut seen: FxHashMap<Meant<'a>, Span> = FxHashMap::default();
        let mut prefixes: Vec<(&'a str, Span)> = Vec::new();
        let mut numbers: Vec<i128> = Vec::new();
        let mut is_all_known = true;
        for value in arms.flatten() {
            let meant = self.check_value(subject, value);
            is_all_known &= meant.is_some();
            let Some(meant) = meant else { continue };
            if let Meant::Number(number) = meant {
                numbers.push(number);
            }
            let name = match &value.is {
                Value::Name(pattern) => pattern.name.as_str(),
                _ => "",
            };
            let within = prefixes.iter().find(|(prefix, _)| !name.is_empty() && name.starts_with(prefix));
            let earlier = seen.get(&meant).or(within.map(|(_, span)| span));
            if let Some(earlier) = earlier {
                self.report(codes::duplicate_arm::report(self.files.at(value.span), value.span, *earlier));
                continue;
            }
            if let Value::Name(Pattern { name, is_prefix: true }) = &value.is {
                prefixes.push((name, value.span));
            }
            seen.insert(meant, value.span);
        }
        if let (Kind::Integer(Integer { of: Some((release, of)), .. }), false, true) =
            (subject.kind, has_otherwise, is_all_known)
        {
            let is_prefix = |constant: &Constant<'_>| {
                prefixes.iter().any(|(prefix, _)| constant.name.starts_with(prefix))
            };
            let left: Vec<&str> = names::constants(of)
                .filter(|constant| !numbers.contains(&constant.value) && !is_prefix(constant))
                .map(|constant| constant.name)
                .collect();
            if !left.is_empty() {
                self.report(codes::values_left_over::report(
                    self,
                    release,
                    of,
                    &left,
                    subject.span,
                    what_then,
                ));
            }
        }
    }

    /// What a value means for the subject. `None`: something was said against it, or nothing is known.
    fn check_value(&self, subject: &Subject<'a>, value: &'a At<Value>) -> Option<Meant<'a>> {
        match &value.is {
            Value::Number(number) => {
                self.check_number(subject, *number, value.span)?;
                Some(Meant::Number(*number))
            }
            Value::Bits { mask, value: bits } => {
                self.check_bits(subject, *mask, *bits, value.span)?;
                Some(Meant::Bits(*mask, *bits))
            }
            Value::Name(pattern) => self.check_name(subject, pattern, value.span),
        }
    }

    fn check_number(&self, subject: &Subject<'a>, number: i128, span: Span) -> Option<()> {
        let why = match &subject.kind {
            Kind::Pointer(..) | Kind::Code(_) if number != 0 => {
                "it is a pointer: of numbers it can only be 0, the null pointer".to_owned()
            }
            Kind::Integer(integer) => match (Integer { value: None, ..*integer }).range() {
                Some((least, most)) if number < least || number > most => {
                    format!("it has {} bits and holds {least} to {most}", integer.bits.unwrap_or(64))
                }
                _ => return Some(()),
            },
            Kind::Truth(_) if !(0..=1).contains(&number) => "it is true or false".to_owned(),
            _ => return Some(()),
        };
        self.report(codes::arm_never_fits::report(
            &subject.text,
            &number.to_string(),
            &why,
            span,
            subject.span,
        ));
        None
    }

    fn check_bits(&self, subject: &Subject<'a>, mask: u64, bits: u64, span: Span) -> Option<()> {
        let width = match &subject.kind {
            Kind::Integer(Integer { bits: Some(width), .. }) => *width,
            _ => 64,
        };
        let why = if bits & !mask != 0 {
            format!("{bits:#x} has bits that are not among {mask:#x}")
        } else if mask == 0 {
            "no bits are looked at".to_owned()
        } else if width < 64 && mask >> width != 0 {
            format!("it has {width} bits")
        } else {
            return Some(());
        };
        self.report(codes::arm_never_fits::report(
            &subject.text,
            self.files.at(span),
            &why,
            span,
            subject.span,
        ));
        None
    }

    fn check_name(&self, subject: &Subject<'a>, pattern: &'a Pattern, span: Span) -> Option<Meant<'a>> {
        let release = subject.release;
        let table = self.table(release)?;
        let name = pattern.name.as_str();
        let found = Some(Meant::Name(name, pattern.is_prefix));
        match subject.kind {
            Kind::Any | Kind::Zero | Kind::Null => None,
            Kind::Truth(_) => found,
            Kind::Pointer(..) | Kind::Code(_) => {
                let is_function = !names::functions_of_pattern(table, pattern).is_empty();
                if is_function || !names::variables_of_pattern(table, pattern).is_empty() {
                    return found;
                }
                if self.has_constant(release, name) {
                    let why = "it is a pointer, and that is a constant of an enumeration";
                    self.report(codes::arm_never_fits::report(&subject.text, name, why, span, subject.span));
                } else {
                    let report =
                        codes::unknown_function::report(self, release, name, pattern.is_prefix, span);
                    self.report(report);
                }
                None
            }
            Kind::Integer(Integer { of: Some((_, of)), .. }) => {
                self.check_constant(subject, of, pattern, span)
            }
            Kind::Integer(_) => {
                let constants = self.constants(release)?;
                if pattern.is_prefix {
                    let any = constants.names().any(|known| known.starts_with(name));
                    if !any {
                        self.report(codes::unknown_constant::report(self, release, None, name, span));
                    }
                    return found.filter(|_| any);
                }
                let known = constants.named(name);
                let Some(first) = known.first() else {
                    if names::functions_of_pattern(table, pattern).is_empty() {
                        self.report(codes::unknown_constant::report(self, release, None, name, span));
                    } else {
                        let why = "it is a number, and that is a function";
                        self.report(codes::arm_never_fits::report(
                            &subject.text,
                            name,
                            why,
                            span,
                            subject.span,
                        ));
                    }
                    return None;
                };
                self.check_number(subject, first.value, span)?;
                Some(Meant::Number(first.value))
            }
            _ => None,
        }
    }

    fn check_constant(
        &self,
        subject: &Subject<'a>,
        of: Type<'a>,
        pattern: &'a Pattern,
        span: Span,
    ) -> Option<Meant<'a>> {
        let name = pattern.name.as_str();
        let own = names::constants(of).find(|constant| names::is_named(pattern, constant.name));
        match own {
            Some(_) if pattern.is_prefix => Some(Meant::Name(name, true)),
            Some(constant) => Some(Meant::Number(constant.value)),
            None => {
                let others = self.constants(subject.release)?.named(name);
                self.report(match others.first().filter(|_| !pattern.is_prefix) {
                    Some(other) => codes::other_enumeration::report(
                        self,
                        subject.release,
                        of,
                        *other,
                        span,
                        subject.span,
                    ),
                    None => codes::unknown_constant::report(self, subject.release, Some(of), name, span),
                });
                None
            }
        }
    }

    pub(crate) fn has_constant(&self, release: Release, name: &str) -> bool {
        self.constants(release).is_some_and(|all| !all.named(name).is_empty())
    }
}
