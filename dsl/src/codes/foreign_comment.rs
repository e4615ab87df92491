//! MCX002

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(2),
    name: "foreign-comment",
    severity: Severity::Error,
    title: "a comment as another language has it",
    text: "A comment begins with `//` and ends with its line. There is no other sort, so that one can always tell by \
its line whether something is a comment.",
    wrong: "/* sessions */",
    right: "// sessions",
};

/// `whole`: the text of the file.
pub(crate) fn report(text: &str, span: Span, whole: &str) -> Diagnostic {
    let found = ENTRY.at(span, "this is no comment of this language");
    let found = found.labelled("a comment begins with `//` and ends with its line");
    if let Some(directive) = text.strip_prefix('#') {
        if directive.trim_start().starts_with("include") {
            return found.helped("another rule file is brought in by `import \"PATH\"`");
        }
        return found.fixed_by("write `//`", Span { end: span.start + 1, ..span }, "//");
    }
    let Some(inner) = text.strip_prefix("/*").and_then(|inner| inner.strip_suffix("*/")) else {
        let found = found.helped("it is not closed, either");
        return found.fixed_by("write `//`", Span { end: span.start + 2, ..span }, "//");
    };
    // Something behind it on its line would become a part of the comment.
    let after = whole.get(span.range().end..).unwrap_or("");
    if !after.lines().next().unwrap_or("").trim().is_empty() {
        return found;
    }
    let bare = |line: &str| format!("// {}", line.trim_start_matches([' ', '\t', '*'])).trim_end().to_owned();
    let lines: Vec<String> = inner.trim().lines().map(bare).collect();
    found.fixed_by("write it with `//`", span, lines.join("\n"))
}
