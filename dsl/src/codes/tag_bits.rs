//! MCX119

use super::Entry;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::source::Span;

pub(crate) const ENTRY: Entry = Entry {
    code: Code(119),
    name: "tag-bits",
    severity: Severity::Error,
    title: "tag bits that are bits of addresses",
    text: "Programs hide marks in pointers where addresses have no bits of their own: in the lowest ones, which \
alignment keeps zero, and above the 47th. Any other bit belongs to the address: taking it off would lead \
elsewhere. malloc aligns to 16 bytes, so no more than the lowest four bits are free.",
    wrong: "pointer dictEntry : tagged 0b10111",
    right: "pointer dictEntry : tagged 0b111",
};

pub(crate) fn report(bits: u64, overlapping: u64, span: Span) -> Diagnostic {
    if bits == 0 {
        return ENTRY
            .at(span, "no bits are said to be used for a tag")
            .labelled("no bit is set")
            .helped("write the bits that are no part of the address: `tagged 0b1`");
    }
    let kept = bits & !overlapping;
    let found = ENTRY
        .at(span, format!("the bits {overlapping:#x} are part of addresses, and cannot be a tag"))
        .labelled("reaches into the address")
        .helped("a tag is in the four lowest bits, or above bit 46");
    if kept == 0 { found } else { found.fixed_by(format!("leave {kept:#b}"), span, format!("{kept:#b}")) }
}
