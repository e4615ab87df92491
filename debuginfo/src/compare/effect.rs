//! How much a change matters.

/// What a change does to memory that the old release wrote and the new one is to read. In the order of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// The new code would read the old bytes wrongly: something was removed, moved, got another type, or another size.
    Incompatible,
    /// The old bytes are right, but the new code has more than they say: a member where there was a hole, a constant of an enumeration.
    Addition,
    /// The same bytes mean the same: another name of the same type, another qualifier.
    Compatible,
}
