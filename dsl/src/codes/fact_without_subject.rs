//! MCX601

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(601),
    name: "fact-without-subject",
    severity: Severity::Warning,
    title: "a fact is about what this program does not have",
    text: "A facts file is good for many releases and builds, and not all of them have every type, function and \
variable. A fact about what there is not changes nothing. If a name is nearly one that the program has, it \
is an error (MCX101 to MCX105) and not this.",
    wrong: "field ngx_http_v3_session_s.data : opaque      // nginx built without HTTP/3",
    right: "",
};

/// `what`: "type `x`".
pub(crate) fn report(cx: &Context<'_>, what: &str, span: Span) -> Diagnostic {
    let which = match (cx.releases.old.is_some(), cx.releases.new.is_some()) {
        (true, true) => "neither release has".to_owned(),
        _ => format!("{} does not have", cx.called(Release::Old)),
    };
    ENTRY
        .at(span, format!("{which} a {what}"))
        .labelled("nothing is said by this here")
        .helped("it is right if another release or build has it; else take it away")
}

/// What was found of a name that is not there, as a warning.
pub(crate) fn instead_of(diagnostic: Diagnostic) -> Diagnostic {
    let help = match &diagnostic.fix {
        Some(_) => diagnostic.help.clone().unwrap_or_default(),
        None => "it is right if another release or build has it; else take it away".to_owned(),
    };
    Diagnostic { code: ENTRY.code, severity: ENTRY.severity, help: Some(help), ..diagnostic }
}
