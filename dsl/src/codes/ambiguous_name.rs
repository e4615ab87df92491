//! MCX301

use super::Entry;
use crate::check::Context;
use crate::diagnostic::{Code, Declaration, Diagnostic, Release, Severity};
use crate::source::Span;
use mcrx_debuginfo::table::{Function, Type, Variable};

pub(crate) const ENTRY: Entry = Entry {
    code: Code(301),
    name: "ambiguous-name",
    severity: Severity::Error,
    title: "the program has several of this name, and they differ",
    text: "C programs hold different structures, static functions and static variables of one name, each in a file of its own. Which is \
meant is said by the end of that file's path: `name@\"file.c\"`.

Of a type the file is where it is declared, or any source file that knows it. Types that are equal in all files are one, however often \
they are declared.",
    wrong: "field dict.table : opaque",
    right: "field dict@\"dict.c\".table : opaque",
};

/// How many of them are shown.
const MOST: usize = 4;

pub(crate) fn types(
    cx: &Context<'_>,
    release: Release,
    name: &str,
    several: &[Type<'_>],
    span: Span,
) -> Diagnostic {
    let files = several.iter().map(|ty| ty.unit().map_or(ty.declared().file, |unit| unit.name()));
    let declarations = several.iter().map(|ty| cx.declare(release, *ty));
    of("types", cx, release, name, files.collect(), declarations.collect(), span)
}

pub(crate) fn functions(
    cx: &Context<'_>,
    release: Release,
    name: &str,
    several: &[Function<'_>],
    span: Span,
) -> Diagnostic {
    let files = several.iter().map(|it| it.unit().map_or(it.declared().file, |unit| unit.name()));
    let declarations = several.iter().map(|it| cx.declare_function(release, *it));
    of("functions", cx, release, name, files.collect(), declarations.collect(), span)
}

pub(crate) fn globals(
    cx: &Context<'_>,
    release: Release,
    name: &str,
    several: &[Variable<'_>],
    span: Span,
) -> Diagnostic {
    let files = several.iter().map(|it| it.unit().map_or(it.declared().file, |unit| unit.name()));
    let declarations = several.iter().map(|it| cx.declare_global(release, *it));
    of("variables", cx, release, name, files.collect(), declarations.collect(), span)
}

fn of(
    what: &str,
    cx: &Context<'_>,
    release: Release,
    name: &str,
    files: Vec<&str>,
    declarations: Vec<Declaration>,
    span: Span,
) -> Diagnostic {
    let last = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let said: Vec<String> =
        files.iter().take(MOST).map(|file| format!("`{name}@\"{}\"`", last(file))).collect();
    let message = format!("{} has {} {what} of the name `{name}`", cx.called(release), declarations.len());
    let mut found = ENTRY.at(span, message).labelled("which one is not said");
    found.declarations = declarations.into_iter().take(MOST).collect();
    let found = found.helped(format!("say which: {}", said.join(", or ")));
    match files.first() {
        Some(file) => {
            let text = format!("{name}@\"{}\"", last(file));
            found.fixed_by(format!("say `{text}`"), span, text)
        }
        None => found,
    }
}
