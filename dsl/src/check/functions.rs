//! The functions of the language: what they take and give.

use super::Context;
use super::expression::Scope;
use super::kind::{Integer, Kind};
use crate::codes;
use crate::names::{self, nearest};
use crate::rules::{Argument, Expression, Path, Symbol};
use crate::source::{At, Span};

/// Their names, each with how it is called.
pub(crate) const FUNCTIONS: [(&str, &str); 11] = [
    ("min", "min(A, B, ...)"),
    ("max", "max(A, B, ...)"),
    ("clamp", "clamp(VALUE)` or `clamp(VALUE, LEAST, MOST)"),
    ("len", "len(SEQUENCE)"),
    ("text", "text(CHARACTERS)"),
    ("fold", "fold(SEQUENCE, FIRST, DEFINED)"),
    ("chain", "chain(FIRST, via MEMBER)"),
    ("list", "list(SEQUENCE, via MEMBER)"),
    ("array", "array(SEQUENCE)"),
    ("alloc", "alloc(VALUE)"),
    ("fail", "fail(\"why\")"),
];

/// The function that `fold` is given, with its place.
pub(crate) fn step<'a>(name: &At<String>, arguments: &'a [At<Argument>]) -> Option<(&'a str, Span)> {
    match arguments {
        [_, _, At { is: Argument::Value(Expression::Name(step)), span }] if name.is == "fold" => {
            step.unit.is_none().then_some((step.name.as_str(), *span))
        }
        _ => None,
    }
}

/// How a function is called. Empty: there is none.
fn usage(name: &str) -> &'static str {
    FUNCTIONS.iter().find(|(known, _)| *known == name).map_or("", |(_, usage)| usage)
}

impl<'a> Context<'a> {
    /// What a call gives. Its arguments are checked too.
    pub(crate) fn call(
        &self,
        scope: &Scope<'a>,
        name: &'a At<String>,
        arguments: &'a [At<Argument>],
        span: Span,
    ) -> Kind<'a> {
        let step = step(name, arguments);
        let taken = arguments.len() - usize::from(step.is_some());
        let values: Vec<(At<&'a Expression>, Kind<'a>)> = arguments
            .iter()
            .take(taken)
            .filter_map(|argument| match &argument.is {
                Argument::Value(value) => {
                    let value = At { is: value, span: argument.span };
                    Some((value, self.kind(scope, value)))
                }
                Argument::Via(_) => None,
            })
            .collect();
        let vias: Vec<At<&'a Path>> = arguments
            .iter()
            .filter_map(|argument| match &argument.is {
                Argument::Via(path) => Some(At { is: path, span: argument.span }),
                Argument::Value(_) => None,
            })
            .collect();
        if let Some(define) = self.defines.get(name.is.as_str()) {
            if define.parameters.len() != arguments.len() {
                let (wanted, given) = (define.parameters.len(), arguments.len());
                self.report(codes::wrong_arguments::defined(&name.is, wanted, given, span, define.name.span));
            }
            return Kind::Any;
        }
        if usage(&name.is).is_empty() {
            self.report_unknown_function(name);
            return Kind::Any;
        }
        if !self.has_right_arguments(name, values.len(), &vias, span) {
            return Kind::Any;
        }
        let is = |wanted: fn(&Kind<'a>) -> bool, what: &str| {
            for (value, kind) in &values {
                if !wanted(kind) {
                    self.report_argument(
                        name,
                        &format!("{} is no {what}", kind.describe()),
                        what,
                        value.span,
                    );
                }
            }
        };
        match name.is.as_str() {
            "min" | "max" => {
                is(Kind::is_integer, "number");
                Kind::Integer(Integer::computed())
            }
            "clamp" => {
                is(Kind::is_integer, "number");
                let number = |place: usize| values.get(place).and_then(|(_, kind)| kind.constant());
                // Of what is in the range that is given, the narrowing is known.
                match (number(1), number(2)) {
                    (Some(least), Some(most)) if least >= 0 => {
                        let bits = 128 - most.max(0).leading_zeros();
                        Kind::Integer(Integer {
                            bits: Some(bits.max(1)),
                            is_signed: false,
                            of: None,
                            value: None,
                        })
                    }
                    _ => Kind::Integer(Integer::computed()),
                }
            }
            "len" => {
                is(
                    |kind| matches!(kind, Kind::Sequence(..) | Kind::Text(_) | Kind::Any | Kind::Zero),
                    "sequence",
                );
                Kind::Integer(Integer::computed())
            }
            "fold" => {
                if let Some((At { span, .. }, kind)) = values.first()
                    && !matches!(kind, Kind::Sequence(..) | Kind::Text(_) | Kind::Any)
                {
                    let message = format!("{} is no sequence", kind.describe());
                    self.report_argument(name, &message, "sequence or text", *span);
                }
                if let Some((step, span)) = step {
                    self.check_step(name, step, span);
                }
                Kind::Any
            }
            "text" => {
                is(is_text, "text");
                Kind::Text(None)
            }
            "chain" => {
                let Some((head, kind)) = values.first() else { return Kind::Any };
                match kind {
                    Kind::Pointer(release, Some(element)) => {
                        vias.iter().for_each(|via| self.check_link(*release, *element, *via));
                        Kind::Sequence(*release, None, None)
                    }
                    // Several lists, one after the other: the buckets of a table.
                    Kind::Sequence(release, Some(heads), _) if names::pointee(Some(*heads)).is_some() => {
                        if let Some(element) = names::pointee(Some(*heads)) {
                            vias.iter().for_each(|via| self.check_link(*release, element, *via));
                        }
                        Kind::Sequence(*release, None, None)
                    }
                    Kind::Any => Kind::Any,
                    other => {
                        let message = format!(
                            "a list begins with a pointer to its first element, not with {}",
                            other.describe()
                        );
                        self.report_argument(name, &message, "pointer to an element", head.span);
                        Kind::Any
                    }
                }
            }
            "list" | "array" => {
                is(|kind| matches!(kind, Kind::Sequence(..) | Kind::Any | Kind::Zero), "sequence");
                Kind::Any
            }
            "fail" => {
                let is_text = matches!(values.first(), Some((At { is: Expression::Text(_), .. }, _)));
                if let (false, Some((value, _))) = (is_text, values.first()) {
                    let message = "a refusal is given its reason in quotes";
                    self.report_argument(name, message, "text in quotes", value.span);
                }
                Kind::Any
            }
            _ => Kind::Any,
        }
    }

    fn has_right_arguments(&self, name: &At<String>, values: usize, vias: &[At<&Path>], span: Span) -> bool {
        let is_right = match name.is.as_str() {
            "min" | "max" => values >= 1 && vias.is_empty(),
            "clamp" => (values == 1 || values == 3) && vias.is_empty(),
            "chain" => values == 1 && vias.len() == 1,
            // The function is no value.
            "fold" => values == 2 && vias.is_empty(),
            // A second one leads back.
            "list" => values == 1 && (1..=2).contains(&vias.len()),
            _ => values == 1 && vias.is_empty(),
        };
        if !is_right {
            let message = match (name.is.as_str(), vias.len()) {
                ("chain" | "list", 0) => {
                    format!("`{}` is not told by which member its elements are linked", name.is)
                }
                ("chain" | "list", _) | (_, 0) => {
                    format!("`{}` is given {}", name.is, super::facts::values(values))
                }
                _ => format!("`{}` has no elements that are linked", name.is),
            };
            self.report(codes::wrong_arguments::report(
                message,
                "called otherwise".to_owned(),
                usage(&name.is),
                span,
            ));
        }
        is_right
    }

    /// What is done with each element has to be defined, for what came before and the element.
    fn check_step(&self, name: &At<String>, step: &str, span: Span) {
        match self.defines.get(step) {
            None => {
                let message = format!("`{step}` is no function of these rules");
                self.report_argument(name, &message, "function that a `define` makes", span);
            }
            Some(define) if define.parameters.len() != 2 => {
                let wanted = define.parameters.len();
                self.report(codes::wrong_arguments::defined(step, wanted, 2, span, define.name.span));
            }
            Some(_) => {}
        }
    }

    fn report_argument(&self, name: &At<String>, message: &str, wanted: &str, span: Span) {
        let label = format!("`{}` wants a {wanted}", name.is);
        self.report(codes::wrong_arguments::report(message.to_owned(), label, usage(&name.is), span));
    }

    fn report_unknown_function(&self, name: &At<String>) {
        let known = FUNCTIONS.iter().map(|(name, _)| *name).chain(self.defines.keys().copied());
        let near = nearest::names(&name.is, known);
        let symbol = Symbol { name: name.is.clone(), unit: None };
        let mut tables = self.releases.all();
        let is_of_program = tables.any(|(_, table)| !names::functions(table, &symbol).is_empty());
        self.report(codes::unknown_rule_function::report(self, &name.is, &near, is_of_program, name.span));
    }

    /// The member that leads from one element of a list to the next.
    pub(crate) fn check_link(
        &self,
        release: crate::diagnostic::Release,
        element: mcrx_debuginfo::table::Type<'a>,
        via: At<&'a Path>,
    ) {
        let path = At { is: via.is.clone(), span: via.span };
        let Some(place) = self.the_place(release, element, &path) else { return };
        let kind = Kind::of_place(release, &place);
        if !kind.is_pointer() {
            self.report(self.not_a_pointer("the next element", release, &path, &place, kind));
        }
    }
}

/// Whether it can be read as text.
pub(crate) fn is_text(kind: &Kind<'_>) -> bool {
    let is_character =
        |ty: &Option<mcrx_debuginfo::table::Type<'_>>| ty.is_none_or(|ty| ty.size() == Some(1));
    match kind {
        Kind::Text(_) | Kind::Any => true,
        Kind::Pointer(_, to) => is_character(to),
        Kind::Sequence(_, element, _) => is_character(element),
        _ => false,
    }
}
