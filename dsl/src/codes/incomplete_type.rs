//! MCX112

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::source::Span;
use mcrx_debuginfo::table::Type;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(112),
    name: "incomplete-type",
    severity: Severity::Error,
    title: "of this type only a declaration is known",
    text: "The program points to structures of this type and never looks into them: `struct x;`. Its size and its members are known to the \
library that it comes from. If it is the program's own, that part was compiled without debug info (`-g`), or several files define it \
differently: say which is meant with `x@\"file.c\"`.",
    wrong: "field ssl_st.method : opaque",
    right: "module libssl pin",
};

pub(crate) fn report(cx: &Context<'_>, release: Release, ty: Type<'_>, span: Span) -> Diagnostic {
    ENTRY
        .at(
            span,
            format!(
                "`{}` is only declared in {}: its size and members are not known",
                cx.spelt(ty),
                cx.called(release)
            ),
        )
        .labelled("known by name alone")
        .about(cx.declare(release, ty))
        .helped("a library has it, or a file that was compiled without debug info")
}
