//! MCX122

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(122),
    name: "hook-parameters",
    severity: Severity::Error,
    title: "a pool function's parameters do not say where the pool and the size are",
    text: "To see what a pool function allocates, its parameters are read when it is called: the one that is called \
`pool` is the pool, those called `size` are multiplied and are the bytes. Others may have any name. The \
function must take as many, the pool must be a pointer, sizes must be numbers, and it must return a pointer.",
    wrong: "hook pool ngx_palloc(size)",
    right: "hook pool ngx_palloc(pool, size)",
};

pub(crate) fn report(
    message: String,
    label: &str,
    declaration: Option<Declaration>,
    span: Span,
) -> Diagnostic {
    let found = ENTRY
        .at(span, message)
        .labelled(label)
        .helped("name the parameters in order: one `pool`, one or more `size`, others as you like");
    found.about_what_is_known(declaration)
}
