//! MCX403

use super::Entry;
use crate::diagnostic::{Code, Declaration, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(403),
    name: "tag-bits-by-alignment",
    severity: Severity::Warning,
    title: "tag bits that alignment does not keep free for this type",
    text: "A type of so small an alignment may lie where these bits are part of its address: as a global variable, or \
as one of several side by side. Where all such objects are blocks of malloc's the tag is right, since those \
are aligned to 16 bytes; whether they are depends on the program.",
    wrong: "field iter.word : char tagged 0b11",
    right: "field iter.word : char tagged 0b1",
};

pub(crate) fn report(
    bits: u64,
    ty: &str,
    alignment: u64,
    declaration: Option<Declaration>,
    span: Span,
) -> Diagnostic {
    let to = if alignment == 1 { "any byte".to_owned() } else { format!("{alignment} bytes only") };
    let found = ENTRY
        .at(span, format!("`{ty}` is aligned to {to}: the bits {bits:#b} may be part of its address"))
        .labelled("not kept free by alignment")
        .helped(
            "it is right if all of them are blocks of malloc's; say so with `allow MCX403 because \"...\"`",
        );
    found.about_what_is_known(declaration)
}
