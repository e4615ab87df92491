//! Brackets, separators, operators: MCX020 to MCX039.

use super::quoted;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

const NOT_CLOSED: Code = Code(20);
const CLOSES_NOTHING: Code = Code(21);
const SEPARATOR: Code = Code(22);
const ARROW_FOR_DOT: Code = Code(23);
const OTHER_OPERATOR: Code = Code(24);
const FOREIGN: Code = Code(25);
const LINE_ENDED: Code = Code(26);
const MIXED: Code = Code(27);
const COMPARED_TWICE: Code = Code(28);
const TOO_DEEP: Code = Code(29);
// 30 was an example outside of a test.
const UNREACHABLE_ARM: Code = Code(31);

/// A bracket without its counterpart. `place`, and what is `found` there, is where that was missed.
pub(in super::super) fn not_closed(opened: Span, bracket: &str, place: Span, found: &str) -> Diagnostic {
    let close = match bracket {
        "(" => ")",
        "[" => "]",
        _ => "}",
    };
    Diagnostic::error(NOT_CLOSED, opened, format!("this `{bracket}` is not closed"))
        .beside(place, format!("expected `{close}` before {found}"))
        .helped(format!("put a `{close}` where it ends"))
}

/// A closing bracket too many.
pub(in super::super) fn closes_nothing(span: Span, bracket: &str) -> Diagnostic {
    Diagnostic::error(CLOSES_NOTHING, span, format!("this `{bracket}` closes nothing")).fixed_by(
        "take it away",
        span,
        "",
    )
}

/// `;` or `,` after a statement.
pub(in super::super) fn separator(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(SEPARATOR, span, format!("a statement has no {} at its end", quoted(text))).fixed_by(
        "take it away",
        span,
        "",
    )
}

/// `a->b` where `a.b` is meant.
pub(in super::super) fn arrow_for_dot(span: Span) -> Diagnostic {
    Diagnostic::error(ARROW_FOR_DOT, span, "a member is reached by `.`, through a pointer too")
        .labelled("`->` says what something becomes")
        .fixed_by("write `.`", span, ".")
}

/// The same, where the whole has been read as a rename.
pub(in super::super) fn dot_is_gone(span: Span, then: &str) -> Diagnostic {
    arrow_for_dot(span).helped(format!("a rename is whole without the {} that follows", quoted(then)))
}

/// One of the language's operators in the place of another.
pub(in super::super) fn other_operator(span: Span, found: &str, wanted: &str, what: &str) -> Diagnostic {
    let what = what.trim_end_matches(',');
    Diagnostic::error(OTHER_OPERATOR, span, format!("expected `{wanted}` {what}, found {}", quoted(found)))
        .fixed_by(format!("write `{wanted}`"), span, wanted)
}

/// Something of C's that the language does not have: "there are no casts".
pub(in super::super) fn foreign(span: Span, what: &str, help: &str) -> Diagnostic {
    Diagnostic::error(FOREIGN, span, format!("{what} in this language")).helped(help)
}

/// An operator at the beginning of a line.
pub(in super::super) fn line_ended(span: Span, operator: &str, before: Span) -> Diagnostic {
    let place = Span { start: before.end, ..before };
    Diagnostic::error(LINE_ENDED, span, format!("a line begins with {}", quoted(operator)))
        .labelled("the expression has ended with the line before")
        .beside(place, "here")
        .helped("put the operator at the end of the line before, or brackets around the whole expression")
}

/// `a & b | c`
pub(in super::super) fn mixed_bits(span: Span, before: (Span, &str), text: &str) -> Diagnostic {
    let (place, first) = before;
    Diagnostic::error(
        MIXED,
        span,
        format!("{} and {} are mixed without brackets", quoted(first), quoted(text)),
    )
    .beside(place, "the other one")
    .helped("put brackets around what belongs together")
}

/// `a < b < c`
pub(in super::super) fn compared_twice(span: Span, before: Span) -> Diagnostic {
    Diagnostic::error(COMPARED_TWICE, span, "what has been compared is compared again")
        .beside(before, "the first comparison")
        .helped("join two comparisons by `&&`, or put brackets around one")
}

/// More parts within parts than anybody needs.
pub(in super::super) fn too_deep(span: Span, deepest: u32) -> Diagnostic {
    Diagnostic::error(TOO_DEEP, span, format!("there are more than {deepest} parts within each other"))
        .helped("give parts of the expression names by `define`")
}

/// An arm behind the one for all other values.
pub(in super::super) fn unreachable_arm(span: Span, otherwise: Span) -> Diagnostic {
    Diagnostic::error(UNREACHABLE_ARM, span, "this arm is never reached")
        .beside(otherwise, "`_` is for all values that are left")
        .helped("put the arm with `_` last")
}

/// `pointer conn* : …`
pub(in super::super) fn needless_star(span: Span) -> Diagnostic {
    Diagnostic::error(FOREIGN, span, "the type is named without a `*` here")
        .helped("`pointer TYPE` is about all pointers to the type")
        .fixed_by("leave it out", span, "")
}
