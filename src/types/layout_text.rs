//! The layout of a type as text, in the form that readers of pahole(1) know: offset and size behind each member, what is lost between
//! them, where cachelines end, and the sums.

use super::layout::{Hole, Inner, LayoutFacts, MemberFacts, TypeFacts};
use std::fmt::Write;

/// Bytes of x86-64's.
const CACHELINE: u64 = 64;

/// Where names begin, and where offsets do.
const NAME_COLUMN: usize = 27;
const OFFSET_COLUMN: usize = 53;

const INDENT: &str = "    ";

/// A type in C's syntax, with comments.
pub(super) fn text(facts: &TypeFacts) -> String {
    let mut text = Text { lines: String::new(), next_line: CACHELINE };
    text.whole(facts);
    text.lines
}

struct Text {
    lines: String,
    /// Where the next cacheline begins.
    next_line: u64,
}

impl Text {
    fn line(&mut self, depth: usize, line: impl std::fmt::Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.lines, "{}{line}", INDENT.repeat(depth));
    }

    fn whole(&mut self, facts: &TypeFacts) {
        let name = facts.name.as_deref().unwrap_or("");
        let (before, after) = match facts.anonymous {
            true => (format!("typedef {}", facts.kind), format!(" {name}")),
            false => (format!("{} {name}", facts.kind), String::new()),
        };
        if let Some(target) = &facts.target {
            self.line(0, format_args!("typedef {target};"));
        } else if let Some(layout) = &facts.layout {
            self.line(0, format_args!("{before} {{"));
            self.members(layout, facts.kind == "union", 1);
            self.statistics(layout, facts.size.unwrap_or(0), facts.kind == "union");
            self.line(0, format_args!("}}{after};"));
        } else if facts.kind == "enum" {
            self.line(0, format_args!("{before} {{"));
            for constant in &facts.constants {
                self.line(1, format_args!("{} = {},", constant.name, constant.value));
            }
            if let Some(size) = facts.size {
                self.line(
                    0,
                    format_args!("\n{INDENT}/* size: {size}, constants: {} */", facts.constants.len()),
                );
            }
            self.line(0, format_args!("}}{after};"));
        } else if facts.declaration {
            self.line(0, format_args!("{before};    /* only declared: what is in it is not known here */"));
        } else {
            let size = facts.size.map_or("unknown".to_owned(), |size| size.to_string());
            self.line(0, format_args!("{name};    /* size: {size} */"));
        }
    }

    fn members(&mut self, layout: &LayoutFacts, is_union: bool, depth: usize) {
        self.hole(layout.hole, depth);
        let (first_line, mut last_line) = (self.next_line, self.next_line);
        for member in &layout.members {
            if is_union {
                // Each of them crosses the same boundaries.
                self.next_line = first_line;
            }
            self.boundary(member.offset, depth);
            match &member.inner {
                Some(inner) => self.inner(member, inner, depth),
                None => self.member(member, depth),
            }
            self.hole(member.hole, depth);
            last_line = last_line.max(self.next_line);
        }
        self.next_line = last_line;
    }

    fn member(&mut self, member: &MemberFacts, depth: usize) {
        let (left, right) = columns(&member.specifier, &member.declarator);
        let mut line = match (member.base_class, right.as_str()) {
            (true, _) => format!("{left};  /* base class */"),
            (false, "") => left,
            (false, right) => format!("{left:<NAME_COLUMN$}{right}"),
        };
        if let Some(bits) = member.bit_field {
            let _ = write!(line, ":{}", bits.bits);
        }
        if !member.base_class {
            line.push(';');
        }
        if let Some(variant) = member.variant {
            let _ = write!(line, "  /* variant {variant} */");
        }
        self.placed(depth, &line, member);
    }

    fn inner(&mut self, member: &MemberFacts, inner: &Inner, depth: usize) {
        self.line(depth, format_args!("{}{} {{", inner.qualifiers, inner.kind));
        self.members(&inner.layout, inner.kind == "union", depth + 1);
        if inner.layout.padding > 0 {
            self.line(depth + 1, format_args!("/* padding: {} */", inner.layout.padding));
        }
        let space = if inner.declarator.is_empty() { "" } else { " " };
        self.placed(depth, &format!("}}{space}{};", inner.declarator), member);
    }

    /// A line with its offset and size behind it.
    fn placed(&mut self, depth: usize, line: &str, member: &MemberFacts) {
        let width = OFFSET_COLUMN.saturating_sub(INDENT.len() * depth);
        let size = member.size.map_or("?".to_owned(), |size| size.to_string());
        let place = match member.bit_field {
            Some(bits) => format!("{:>5}:{:>2} {size:>2}", bits.unit_offset, bits.unit_bit),
            None => format!("{:>5} {size:>5}", member.offset),
        };
        self.line(depth, format_args!("{line:<width$} /* {place} */"));
    }

    fn hole(&mut self, hole: Hole, depth: usize) {
        if hole == Hole::default() {
            return;
        }
        self.lines.push('\n');
        if hole.bits > 0 {
            self.line(depth, format_args!("/* XXX {} hole, try to pack */", counted(hole.bits, "bit")));
        }
        if hole.bytes > 0 {
            self.line(depth, format_args!("/* XXX {} hole, try to pack */", counted(hole.bytes, "byte")));
        }
        self.lines.push('\n');
    }

    fn boundary(&mut self, offset: u64, depth: usize) {
        if offset < self.next_line {
            return;
        }
        let line = offset / CACHELINE;
        let begins = line * CACHELINE;
        let ago = match offset - begins {
            0 => String::new(),
            bytes => format!(" was {} ago", counted(bytes, "byte")),
        };
        self.next_line = begins.saturating_add(CACHELINE);
        self.line(depth, format_args!("/* --- cacheline {line} boundary ({begins} bytes){ago} --- */"));
    }

    fn statistics(&mut self, layout: &LayoutFacts, size: u64, is_union: bool) {
        let members = layout.members.len();
        let lines = size.div_ceil(CACHELINE);
        self.line(0, "");
        self.line(1, format_args!("/* size: {size}, cachelines: {lines}, members: {members} */"));
        let fields = layout.members.iter().filter(|member| member.bit_field.is_none());
        let sum = fields.filter_map(|member| member.size).fold(0, u64::saturating_add);
        let bits = layout.members.iter().filter_map(|member| member.bit_field);
        let bits = bits.map(|field| u64::from(field.bits)).fold(0, u64::saturating_add);
        // Where nothing is lost the sum is the size.
        if !is_union && layout.holes + layout.bit_holes > 0 {
            let holes = match layout.holes {
                0 => String::new(),
                count => format!(", holes: {count}, sum holes: {}", layout.sum_holes),
            };
            self.line(1, format_args!("/* sum members: {sum}{holes} */"));
            let bit_holes = match layout.bit_holes {
                0 => format!(" ({} bytes)", bits / 8),
                count => format!(", bit holes: {count}, sum bit holes: {} bits", layout.sum_bit_holes),
            };
            if bits > 0 {
                self.line(1, format_args!("/* sum bitfield members: {bits} bits{bit_holes} */"));
            }
        }
        if layout.padding > 0 {
            self.line(1, format_args!("/* padding: {} */", layout.padding));
        }
        if layout.bit_padding > 0 {
            self.line(1, format_args!("/* bit_padding: {} bits */", layout.bit_padding));
        }
        if !size.is_multiple_of(CACHELINE) {
            self.line(1, format_args!("/* last cacheline: {} bytes */", size % CACHELINE));
        }
    }
}

/// A declaration in two columns, the stars of pointers with the type: `dictEntry **` and `table[2]`, but `int` and `(*call)(int)`.
fn columns(specifier: &str, declarator: &str) -> (String, String) {
    const BEFORE_NAMES: [&str; 7] = ["*", "&", " ", "const ", "volatile ", "restrict ", "_Atomic "];
    let mut name = declarator;
    while let Some(rest) = BEFORE_NAMES.iter().find_map(|before| name.strip_prefix(before)) {
        name = rest;
    }
    if name.starts_with('(') {
        return (specifier.to_owned(), declarator.to_owned());
    }
    let stars = declarator.get(..declarator.len() - name.len()).unwrap_or("").trim_end();
    (format!("{specifier} {stars}").trim_end().to_owned(), name.to_owned())
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
