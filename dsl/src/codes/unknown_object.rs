//! MCX150

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(150),
    name: "unknown-object",
    severity: Severity::Error,
    title: "a test expects something of an object that was not given",
    text: "`expect NAME = ...` is about the object that `given NAME = ...` made. Without a name it is about the only \
one that was given.",
    wrong: "test \"a\" { given c = conn { } expect d = conn { fd = 1 } }",
    right: "test \"a\" { given c = conn { } expect c = conn { fd = 1 } }",
};

pub(crate) fn report(cx: &Context<'_>, name: Option<&str>, given: &[&str], span: Span) -> Diagnostic {
    match name {
        Some(name) => {
            let found = ENTRY.at(span, format!("no object `{name}` was given")).labelled("not given");
            let near = crate::names::nearest::names(name, given.iter().copied());
            let near = if near.is_empty() { given.to_vec() } else { near };
            cx.did_you_mean(found, span, &near, &format!("say `given {name} = TYPE {{ ... }}` before it"))
        }
        None if given.is_empty() => ENTRY
            .at(span, "no object was given that this could be about")
            .labelled("what did it become this from?")
            .helped("say what there is in the old release: `given TYPE { ... }`"),
        None => ENTRY
            .at(span, "several objects were given: which one is this about?")
            .labelled("which one is not said")
            .helped(format!("give it a name: `expect {} = ...`", given.first().copied().unwrap_or("c"))),
    }
}
