//! What a file says of itself: what is meant so, and what is to come true.

use super::{Expression, Literal, Symbol};
use crate::diagnostic::Code;
use crate::source::{At, Span};

/// `allow MCX101 because "legacy_flags was never read"`: of the statements of this file that follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// What is not reported.
    pub code: At<Code>,
    /// Why.
    pub because: At<String>,
    /// The whole statement.
    pub span: Span,
}

/// An example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// What it shows.
    pub name: At<String>,
    /// What there is in the old release.
    pub given: Vec<At<Given>>,
    /// What there is to be in the new one.
    pub expected: Vec<At<Expected>>,
    /// All of it.
    pub span: Span,
}

/// Something that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// `given c = conn { id = 3 }`
    Object {
        /// What others call it.
        name: Option<At<String>>,
        /// What it is.
        literal: At<Literal>,
    },
    /// `given global count = 3`
    Global(At<Symbol>, At<Expression>),
}

/// Something that is to come true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// `expect c = conn { id = 3 }`: of what was given under that name, else of the only object that was given.
    Object {
        /// What it was called.
        name: Option<At<String>>,
        /// What it is now.
        literal: At<Literal>,
    },
    /// `expect global count = 3`
    Global(At<Symbol>, At<Expression>),
    /// `expect call table_add(c)`: a function of the new release is to be run in it, with these arguments.
    Call {
        /// The function.
        function: At<Symbol>,
        /// What it is given.
        arguments: Vec<At<Expression>>,
    },
    /// `expect fail "does not fit"`: the update is refused, for a reason with this in it.
    Fail(Option<At<String>>),
}
