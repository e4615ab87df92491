//! MCX007

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;
use crate::syntax::quoted;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(7),
    name: "no-unit",
    severity: Severity::Error,
    title: "a time without a unit, or with one that is not known",
    text: "A time is a number and its unit without a space: `ms`, `s` or `min`.",
    wrong: "drain session within 5",
    right: "drain session within 5s",
};

/// `5sec`: its digits, and what is behind them.
pub(crate) fn unknown(text: &str, (digits, unit): (&str, &str), span: Span) -> Diagnostic {
    let found = ENTRY
        .at(span, format!("{} has no unit of time that is known here", quoted(text)))
        .labelled("units are `ms`, `s` and `min`");
    let meant = match unit.to_ascii_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "mins" | "minute" | "minutes" => "min",
        "msec" | "msecs" | "millis" => "ms",
        "h" | "hour" | "hours" => return found.helped("an hour is `60min`"),
        _ => return found,
    };
    let text = format!("{digits}{meant}");
    found.fixed_by(format!("write `{text}`"), span, text)
}

/// A number where a time is wanted; `next` is what follows it.
pub(crate) fn missing(text: &str, span: Span, next: (&str, Span)) -> Diagnostic {
    let found = ENTRY.at(span, format!("expected a time, found the number {}", quoted(text)));
    if matches!(next.0, "ms" | "s" | "min") {
        let joined = format!("{text}{}", next.0);
        return found.helped("a time is written without a space").fixed_by(
            "join them",
            span.to(next.1),
            joined,
        );
    }
    found.helped(format!("a time has a unit: `{text}ms`, `{text}s` or `{text}min`"))
}
