//! What rule files say, as plain data: without comments, spelling, or what could not be parsed.
//!
//! Everything that a diagnostic may be about has its place ([`At`]). Names are as they are written: whether the program has them is for
//! who checks.

mod change;
mod expression;
mod fact;
mod process;
mod said;

pub use change::{Action, Change, End, ForEach, GlobalChange, TypeChange, TypeItem, Which};
pub use expression::{Argument, Arm, Binary, Expression, Literal, Unary, Value};
pub use fact::{
    Bound, Call, Container, Element, Fact, HookPool, Parameter, Reading, ReadingArm, ReadingMatch,
    SiteReading, Slab, SlabArm, SlabMatch, Subject,
};
pub use process::{Mute, Process, Role, RoleItem, Variable};
pub use said::{Allow, Expected, Given, Test};

use crate::source::At;

/// A rule file with all that it imports: the statements of imported files come where they are imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The version of the language.
    pub version: Option<At<u64>>,
    /// The program that the rules are for.
    pub program: Option<At<String>>,
    /// The release that runs, as its makers call it.
    pub from: Option<At<String>>,
    /// The release that is to run.
    pub to: Option<At<String>>,
    /// How memory reads.
    pub facts: Vec<At<Fact>>,
    /// How it migrates.
    pub changes: Vec<At<Change>>,
    /// How the update goes about processes.
    pub processes: Vec<At<Process>>,
    /// Findings that are not to be reported.
    pub allowed: Vec<Allow>,
    /// Examples that are to come true.
    pub tests: Vec<Test>,
}

/// The name of a type, function or variable of the program.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Symbol {
    /// Its name, without `struct`.
    pub name: String,
    /// The end of the path of the source file that has it, where several have one of that name: `dict.c`.
    pub unit: Option<String>,
}

/// A name, or the beginning of names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The name, or how all of them begin.
    pub name: String,
    /// Whether it is the beginning: `ngx_http_process_request_*`.
    pub is_prefix: bool,
}

/// A way through members. It goes through pointers as if they were what they point to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// In order; never none.
    pub steps: Vec<At<Step>>,
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the member of this name.
    Member(String),
    /// To an element.
    Index(u64),
}

/// A type of the program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName {
    /// `struct`, `union` or `enum`, if it is written.
    pub keyword: Option<Keyword>,
    /// Its name; of a type of C's, all of its words: `unsigned char`.
    pub symbol: Symbol,
    /// How many stars there are.
    pub pointers: u32,
    /// Lengths of arrays, outermost first.
    pub arrays: Vec<u64>,
}

/// What C writes before a type's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyword {
    /// `struct`
    Struct,
    /// `union`
    Union,
    /// `enum`
    Enum,
}

/// A time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Milliseconds(pub u64);

/// A question that a person has to answer before the rules can be used: `todo "which of the two?"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hole {
    /// The question.
    pub why: At<String>,
}
