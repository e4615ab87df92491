//! A file as a whole, and what it imports: MCX040 to MCX059.

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

const SAID_TWICE: Code = Code(40);
const VERSION_NOT_FIRST: Code = Code(41);
const VERSION_UNKNOWN: Code = Code(42);
const NO_SUCH_CODE: Code = Code(43);
const CANNOT_IMPORT: Code = Code(50);
const IMPORTS_ITSELF: Code = Code(51);
const TWO_PROGRAMS: Code = Code(52);
const CANNOT_READ: Code = Code(53);

/// What there can be one of.
pub(crate) fn said_twice(what: &str, span: Span, before: Span) -> Diagnostic {
    Diagnostic::error(SAID_TWICE, span, format!("`{what}` is said twice"))
        .beside(before, "first here")
        .helped("take one of them away")
}

/// The version behind something else.
pub(crate) fn version_not_first(span: Span) -> Diagnostic {
    Diagnostic::error(VERSION_NOT_FIRST, span, "the version of the language is not what the file begins with")
        .helped("put it first: it tells how everything else is to be read")
}

/// One that is not this one.
pub(crate) fn version_unknown(span: Span, version: &str) -> Diagnostic {
    Diagnostic::error(
        VERSION_UNKNOWN,
        span,
        format!("version {version} of the language is not known to this mcrx"),
    )
    .labelled("this mcrx knows version 1")
    .fixed_by("say 1", span, "1")
}

/// `allow` of something else than a code.
pub(crate) fn no_such_code(span: Span, text: &str) -> Diagnostic {
    Diagnostic::error(NO_SUCH_CODE, span, format!("`{text}` is no code of a finding"))
        .helped("codes are like MCX101; they stand before what `mcrx rules check` says")
}

/// A file that cannot be read.
pub(crate) fn cannot_import(span: Span, path: &str, why: &str) -> Diagnostic {
    Diagnostic::error(CANNOT_IMPORT, span, format!("{path} cannot be imported: {why}"))
        .helped("a path begins at the folder of the importing file")
}

/// A file that is imported by what it imports.
pub(crate) fn imports_itself(span: Span, way: &[String]) -> Diagnostic {
    Diagnostic::error(IMPORTS_ITSELF, span, "a file imports itself")
        .labelled(way.join(", which imports "))
        .helped("put what both need into a third file")
}

/// Files of one set of rules that name different programs.
pub(crate) fn two_programs(span: Span, name: &str, other: &str, before: Span) -> Diagnostic {
    Diagnostic::error(TWO_PROGRAMS, span, format!("this file is for `{name}`, what imports it for `{other}`"))
        .beside(before, format!("for `{other}`"))
}

/// The file that was asked for.
pub(crate) fn cannot_read(span: Span, path: &str, why: &str) -> Diagnostic {
    Diagnostic::error(CANNOT_READ, span, format!("{path} cannot be read: {why}"))
}
