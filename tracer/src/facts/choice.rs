//! One of several, told by a value in the process.

use super::Path;

/// A value, and what follows from it.
///
/// Where the value cannot be had (a null pointer on the way to it, memory that the image does not have) nothing is chosen, and what is
/// told by it is read conservatively. Where the program's types have no such value, the choice is as if it had not been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<T> {
    /// The value.
    pub on: Subject,
    /// The first that the value is of counts.
    pub arms: Vec<Arm<T>>,
    /// For all other values.
    pub otherwise: T,
}

/// A value that tells something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An integer, an enumeration, or a pointer, from the structure that has the member.
    Member(Path),
    /// The same of a global variable.
    Global(Path),
    /// These bits of the pointer itself.
    Bits(u64),
}

/// Values, and what they mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arm<T> {
    /// One of these.
    pub when: Vec<Pattern>,
    /// What follows.
    pub then: T,
}

/// Some values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// This number.
    Number(i64),
    /// Numbers whose bits under `mask` are these.
    Bits {
        /// Bits that are looked at.
        mask: u64,
        /// What they are.
        value: u64,
    },
    /// The constant of an enumeration, if the value is of one or is an integer; the address of the functions or variables of this
    /// name, if it is a pointer. With a `*` at its end: of all that begin so. What there is not, nothing is equal to.
    Name(String),
}

/// Whether a name is one that a pattern stands for.
pub(crate) fn is_named(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}
