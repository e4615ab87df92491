//! MCX128

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(128),
    name: "module-name",
    severity: Severity::Error,
    title: "a module is said by something that no module's file name begins with",
    text: "`module NAME pin` is about libraries, by the beginning of their file's name without its folder: `libcrypto` \
for `/usr/lib/x86_64-linux-gnu/libcrypto.so.3`.",
    wrong: "module \"/usr/lib/libcrypto.so\" pin",
    right: "module libcrypto pin",
};

pub(crate) fn report(name: &str, span: Span) -> Diagnostic {
    let file = name.rsplit('/').next().unwrap_or(name);
    let start = file.split(".so").next().unwrap_or(file);
    let found = ENTRY
        .at(span, format!("no module's file name begins with `{name}`"))
        .labelled("a path, not a name")
        .helped("write the beginning of the file's name, without its folder");
    if start.is_empty() { found } else { found.fixed_by(format!("say `{start}`"), span, start) }
}
