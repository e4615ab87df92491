//! MCX121

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(121),
    name: "container-incomplete",
    severity: Severity::Error,
    title: "a `container` does not say where its elements are, or where their size is stored",
    text: "A container is a structure with a pointer to elements, their number, and the size of one, which must follow \
when the element's type grows. It takes all three: `elements = PATH[COUNT]` and `stride = PATH`. If no size \
is stored, it is no container: `field T.elts : infer[n]` is enough.",
    wrong: "container ngx_array_t { elements = elts[nelts] }",
    right: "container ngx_array_t { elements = elts[nelts]  stride = size }",
};

pub(crate) fn report(missing: &[&str], span: Span) -> Diagnostic {
    let missing: Vec<String> = missing.iter().map(|item| format!("`{item}`")).collect();
    ENTRY
        .at(span, format!("this container does not say {}", missing.join(" and ")))
        .labelled("not all is said")
        .helped("`elements = PATH[COUNT]` and `stride = PATH`; where no size is stored, `field T.PATH : infer[COUNT]` is enough")
}
