//! MCX120

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(120),
    name: "slab-incomplete",
    severity: Severity::Error,
    title: "a `slab` does not say all that it takes to find its elements",
    text: "To walk a program's own slabs it takes the pages of a class, how many bytes an element has, and what an \
element is: `pages`, `stride` and `element`. Without a count in brackets `pages` is the only page.",
    wrong: "slab slabclass { pages = slab_list[slabs]  element = item }",
    right: "slab slabclass { pages = slab_list[slabs]  stride = size  element = item }",
};

pub(crate) fn report(missing: &[&str], span: Span) -> Diagnostic {
    let missing: Vec<String> = missing.iter().map(|item| format!("`{item}`")).collect();
    ENTRY
        .at(span, format!("this slab does not say {}", missing.join(" and ")))
        .labelled("its elements cannot be found")
        .helped("`pages = PATH[COUNT]`, `stride = PATH` and `element = TYPE` say where they are, how far apart, and what")
}
