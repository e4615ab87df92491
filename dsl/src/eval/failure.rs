//! Why an expression has no value: a [`Mistake`] of its author, found when it is compiled, or a [`Failure`], found for one object.

use crate::source::Span;
use std::fmt;

/// What is wrong with an expression whatever the values are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Mistake {
    /// Where in a rule file.
    pub span: Span,
    /// One sentence, without a full stop.
    pub message: String,
}

impl Mistake {
    /// A mistake.
    pub fn new(span: Span, message: impl Into<String>) -> Mistake {
        Mistake { span, message: message.into() }
    }
}

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Reason {
    /// A number that is none of those that its place can hold.
    #[error("{value} does not fit: {bits} bits {} hold {least} to {most}", if *.signed { "with sign" } else { "without sign" })]
    DoesNotFit {
        /// The number.
        value: i128,
        /// How wide the place is.
        bits: u32,
        /// Whether it holds negative ones.
        signed: bool,
        /// The least that fits.
        least: i128,
        /// The most that fits.
        most: i128,
    },
    /// The same, where a fraction or a magnitude is lost.
    #[error("{0} cannot be kept exactly")]
    Inexact(f64),
    /// More bytes or elements than there is room for.
    #[error("{len} {unit} do not fit into {room}")]
    TooLong {
        /// How many there are.
        len: u64,
        /// How many there is room for.
        room: u64,
        /// `bytes`, `elements`.
        unit: &'static str,
    },
    /// A number of more than 128 bits.
    #[error("the result is too large")]
    Overflow,
    /// Division by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// A null pointer where there should be an object.
    #[error("a null pointer leads to no object")]
    NullPointer,
    /// An element that an array does not have.
    #[error("there is no element {index} of {len}")]
    NoElement {
        /// Which.
        index: i128,
        /// How many there are.
        len: u64,
    },
    /// No arm of a `match` fits.
    #[error("no arm of the match is for {0}")]
    NoArm(String),
    /// A constant of an enumeration that the new release does not have.
    #[error("the constant of value {0} is gone in the new release")]
    NoConstant(i128),
    /// Memory that is not there.
    #[error("there is no memory at {0:#x}")]
    Unreadable(u64),
    /// An object that does not live on.
    #[error("what is at {0:#x} has no counterpart in the new release")]
    NoCounterpart(u64),
    /// Something of the program's file that its process does not have.
    #[error("the process has nothing where the program's file has {0:#x}")]
    NotLoaded(u64),
    /// `fail("…")`
    #[error("{0}")]
    Refused(String),
    /// What no rule can do there.
    #[error("{0}")]
    Impossible(String),
    /// `todo "…"`
    #[error("this is not decided yet: {0}")]
    Undecided(String),
    /// A list that comes back to an element before its end.
    #[error("the list comes back to {0:#x} and never ends")]
    Endless(u64),
    /// More elements than a sequence may have.
    #[error("there are more than {0} elements")]
    TooMany(u64),
    /// An expression that would take too long.
    #[error("it takes too many steps")]
    TooMuchWork,
    /// No memory for a new block.
    #[error("there is no room for {0} bytes")]
    NoRoom(u64),
}

impl Reason {
    /// Whether `else` takes over: there is no value, but nothing is wrong with the program or the rules.
    pub fn is_absence(&self) -> bool {
        matches!(
            self,
            Reason::DoesNotFit { .. }
                | Reason::Inexact(_)
                | Reason::TooLong { .. }
                | Reason::Overflow
                | Reason::DivisionByZero
                | Reason::NullPointer
                | Reason::NoElement { .. }
                | Reason::NoArm(_)
                | Reason::NoConstant(_)
        )
    }
}

/// Why one object cannot migrate.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Why.
    pub reason: Box<Reason>,
    /// What in a rule file has no value. `None`: no rule speaks of it.
    pub span: Option<Span>,
    /// The member of the new object, from its start: `peers[3].port`.
    pub path: String,
    /// The old object: its type and its address.
    pub object: Option<(String, u64)>,
}

impl Failure {
    /// Without a place.
    pub fn new(reason: Reason) -> Failure {
        Failure { reason: Box::new(reason), span: None, path: String::new(), object: None }
    }

    /// Of this part of a rule file, unless it is known to be of a smaller one.
    #[must_use]
    pub fn at(self, span: Span) -> Failure {
        Failure { span: self.span.or(Some(span)), ..self }
    }

    /// Inside this member.
    #[must_use]
    pub fn within(mut self, path: &str) -> Failure {
        if self.object.is_none() {
            let joint = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
            self.path = format!("{path}{joint}{}", self.path);
        }
        self
    }

    /// Of this object, unless it is known to be of one inside.
    #[must_use]
    pub fn of(self, ty: &str, address: u64) -> Failure {
        Failure { object: self.object.or_else(|| Some((ty.to_owned(), address))), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((ty, address)) = &self.object {
            write!(out, "{ty} at {address:#x}: ")?;
        }
        if !self.path.is_empty() {
            write!(out, "{}: ", self.path)?;
        }
        self.reason.fmt(out)
    }
}

impl std::error::Error for Failure {}
