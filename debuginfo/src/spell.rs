//! C's spelling of a type: `int (*handler)(ngx_event_t *)`, `char name[16]`, `struct { int n; char c; } both`.
//!
//! A declaration in C is written around its name: what the name is comes from inside out, pointers in front of it, arrays and functions
//! behind it, and the type that is left stands before all of them. [`Declaration`] takes a type apart in this way, so that whoever wants
//! to write the innermost type differently (a layout shows an anonymous structure over many lines) can.
//!
//! Types of C++ and Rust are spelt by the same rules with their own names; what comes out is to be read, not to be compiled.
//!
//! Debug info may be damaged and its types circular: a spelling looks at [`MOST_TYPES`] types and then leaves out the rest as `...`.

mod specifier;

use crate::table::{Count, Kind, Tag, Type};

/// How many types one spelling looks at. The longest real ones, anonymous structures with unions in them, have some hundreds.
pub const MOST_TYPES: usize = 4096;

/// How deep structures and parameters are nested in a spelling. Real ones are a few levels deep.
const DEEPEST: usize = 32;

/// What stands for what is left out.
const LEFT_OUT: &str = "...";

/// How an anonymous structure, union or enumeration is spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Anonymous {
    /// With all its members.
    WrittenOut,
    /// `struct { ... }`.
    LeftOut,
}

/// The declaration of something with this name and type, without a semicolon. An empty name: only the type. `None`: `void`.
pub fn declaration(ty: Option<Type<'_>>, name: &str, anonymous: Anonymous) -> String {
    Speller::new(anonymous).declaration(ty, name)
}

/// The type alone, as in a cast.
pub fn type_name(ty: Option<Type<'_>>, anonymous: Anonymous) -> String {
    declaration(ty, "", anonymous)
}

/// The word that C puts before the name of a structure, union, class or enumeration; of other types nothing.
pub fn keyword(ty: Type<'_>) -> Option<&'static str> {
    (ty.tag().is_aggregate() || ty.tag() == Tag::Enumeration).then(|| specifier::keyword(ty.tag()))
}

/// The value of one of an enumeration's constants, as it is read in that enumeration.
pub fn constant(value: i64, enumeration: Type<'_>) -> String {
    if enumeration.flags().unsigned { value.cast_unsigned().to_string() } else { value.to_string() }
}

/// A declaration taken apart: `const struct node` and `*next[4]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration<'t> {
    /// Of the innermost type: `const volatile `, with the space behind it; mostly empty.
    pub qualifiers: String,
    /// The innermost type: one that has a name of its own, or members. `None`: `void`.
    pub specifier: Option<Type<'t>>,
    /// The name with what is written around it. Empty for a type alone that needs nothing.
    pub declarator: String,
}

impl<'t> Declaration<'t> {
    /// Takes apart the declaration of something with this name and type.
    pub fn of(ty: Option<Type<'t>>, name: &str, anonymous: Anonymous) -> Declaration<'t> {
        Speller::new(anonymous).take_apart(ty, name)
    }

    /// The innermost type as it is written before the declarator.
    pub fn specifier_name(&self, anonymous: Anonymous) -> String {
        format!("{}{}", self.qualifiers, Speller::new(anonymous).specifier(self.specifier))
    }
}

/// Spells one type, and knows when to stop.
struct Speller {
    anonymous: Anonymous,
    /// How many more types may be looked at.
    left: usize,
    deeper: usize,
}

impl Speller {
    fn new(anonymous: Anonymous) -> Speller {
        Speller { anonymous, left: MOST_TYPES, deeper: DEEPEST }
    }

    fn declaration(&mut self, ty: Option<Type<'_>>, name: &str) -> String {
        let Declaration { mut qualifiers, specifier, declarator } = self.take_apart(ty, name);
        qualifiers.push_str(&self.specifier(specifier));
        if !declarator.is_empty() {
            // `int[4]`, but `int *`, `int (*)(void)`.
            if !declarator.starts_with('[') {
                qualifiers.push(' ');
            }
            qualifiers.push_str(&declarator);
        }
        qualifiers
    }

    fn take_apart<'t>(&mut self, ty: Option<Type<'t>>, name: &str) -> Declaration<'t> {
        let mut declarator = name.to_owned();
        let mut current = ty;
        // Of the type that comes next.
        let mut qualifiers: Vec<&str> = Vec::new();
        // `*name` must be put in parentheses before `[4]` or `(int)` goes behind it.
        let mut is_prefixed = false;
        while let Some(ty) = current {
            match ty.kind() {
                _ if !self.may_go_on() => break,
                Kind::Qualified(below) => {
                    let qualifier = qualifier(ty.tag());
                    if !qualifiers.contains(&qualifier) {
                        qualifiers.push(qualifier);
                    }
                    current = below;
                }
                Kind::Pointer(below) | Kind::PointerToMember(below) => {
                    let own = std::mem::take(&mut qualifiers).join(" ");
                    let space = if own.is_empty() || declarator.is_empty() { "" } else { " " };
                    declarator = format!("{}{own}{space}{declarator}", mark(ty.tag()));
                    is_prefixed = true;
                    current = below;
                }
                Kind::Array { element, count } if !ty.flags().vector => {
                    if std::mem::take(&mut is_prefixed) {
                        declarator = format!("({declarator})");
                    }
                    match count {
                        Count::Exactly(count) => declarator.push_str(&format!("[{count}]")),
                        Count::Open => declarator.push_str("[]"),
                    }
                    current = element;
                }
                Kind::Function(returns) => {
                    // A function that is const means nothing in C.
                    qualifiers.clear();
                    if std::mem::take(&mut is_prefixed) {
                        declarator = format!("({declarator})");
                    }
                    declarator.push_str(&self.parameters(ty));
                    current = returns;
                }
                _ => break,
            }
        }
        let mut qualifiers = qualifiers.join(" ");
        if !qualifiers.is_empty() {
            qualifiers.push(' ');
        }
        Declaration { qualifiers, specifier: current, declarator }
    }

    fn parameters(&mut self, function: Type<'_>) -> String {
        let flags = function.flags();
        let Some(deeper) = self.deeper.checked_sub(1) else { return format!("({LEFT_OUT})") };
        self.deeper = deeper;
        let mut parts = Vec::new();
        for parameter in function.parameters() {
            if !self.may_go_on() {
                break;
            }
            parts.push(self.declaration(parameter.ty, ""));
        }
        self.deeper += 1;
        // What has no prototype takes anything, which is written as nothing.
        let is_open = flags.variadic && (flags.prototyped || !parts.is_empty());
        match (is_open || self.left == 0, parts.is_empty()) {
            (true, _) => parts.push(LEFT_OUT.to_owned()),
            (false, true) if flags.prototyped => parts.push("void".to_owned()),
            (false, _) => {}
        }
        format!("({})", parts.join(", "))
    }

    /// Counts a type; false when there were too many.
    fn may_go_on(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }
}

fn qualifier(tag: Tag) -> &'static str {
    match tag {
        Tag::Volatile => "volatile",
        Tag::Restrict => "restrict",
        Tag::Atomic => "_Atomic",
        _ => "const",
    }
}

fn mark(tag: Tag) -> &'static str {
    match tag {
        Tag::Reference => "&",
        Tag::RvalueReference => "&&",
        Tag::PointerToMember => "::*",
        _ => "*",
    }
}
