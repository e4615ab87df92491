//! Facts: what a rule file says of how a program's memory reads, where its types alone do not.
//!
//! Plain data: who writes rules fills them in, and [`crate::model`] compiles them into the pointer maps of the types that they are
//! about. A fact about a member that a program does not have changes nothing; saying so is for who checks rules.

/// All facts for one trace. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// About members.
    pub fields: Vec<FieldFact>,
}

/// How one member of a structure or union reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFact {
    /// The structure's or union's name, without `struct`.
    pub owner: String,
    /// The member's name.
    pub field: String,
    /// What it is.
    pub reading: Reading,
}

/// What a member is, whatever its declared type says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// It holds no pointer.
    NotAPointer,
    /// It points to something of a type that is not known; that may move.
    Opaque,
    /// A pointer to this type, by its name without `struct`.
    To(String),
    /// The pointer that it is declared to be, with these low or high bits used for something else.
    Tagged(u64),
    /// Any aligned word in it may be a pointer.
    Conservative,
}

impl Facts {
    /// What is said of a member. The last that is said counts.
    pub fn field(&self, owner: &str, field: &str) -> Option<&Reading> {
        let is = |fact: &&FieldFact| fact.owner == owner && fact.field == field;
        self.fields.iter().rev().find(is).map(|fact| &fact.reading)
    }
}
