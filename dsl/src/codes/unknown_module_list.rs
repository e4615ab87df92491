//! MCX108

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Diagnostic, Release, Severity};
use crate::source::Span;
use mcrx_debuginfo::table::Variable;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(108),
    name: "not-a-module-list",
    severity: Severity::Error,
    title: "`by_module` names a variable that is no array of modules",
    text: "`by_module LIST` says that a member points to an array with an element for each module of LIST. LIST is the program's variable \
that has the modules: an array of pointers to structures, or a pointer to such an array, ended by a null pointer.",
    wrong: "field ngx_cycle_s.conf_ctx : by_module ngx_pagesize",
    right: "field ngx_cycle_s.conf_ctx : by_module ngx_modules",
};

pub(crate) fn report(cx: &Context<'_>, release: Release, variable: Variable<'_>, span: Span) -> Diagnostic {
    ENTRY
        .at(
            span,
            format!(
                "`{}` is no list of modules, but `{}`",
                variable.name(),
                cx.spelt_declared(variable.ty())
            ),
        )
        .labelled("no array of pointers to structures")
        .about(cx.declare_global(release, variable))
        .helped("name the variable that is an array of pointers to the program's modules")
}
