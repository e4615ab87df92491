//! `test` blocks: what rules make of objects that are written out, without any process.
//!
//! What is given is laid out as the old release lays it out, in memory of the test's own. All of it migrates by the file's rules, then
//! come `for each`, `call` and `assert`, and what has become of it is compared with what is expected.
//!
//! A variable that is not given is all zero, in both releases. One that is given is the old release's; if only the new release has one of
//! that name it is what that one's start-up leaves. Functions of the new release are not run: a test expects the call.
//!
//! What it does not do: look at a snapshot, or at what lives in a process.

mod compare;
mod memory;
mod scene;
mod spell;

use crate::eval::{Failure, Lookup, Mistake, Reason};
use crate::migrate::Migration;
use crate::pairing::Pairing;
use crate::rules::{Expected, Rules, Test};
use crate::source::Span;
use mcrx_debuginfo::table::Table;
use scene::Scene;

/// What came of a file's tests.
#[derive(Debug)]
pub struct Report {
    /// In the order of the file.
    pub tests: Vec<Outcome>,
    /// What is wrong with the rules' own expressions, whatever tests they are in.
    pub mistakes: Vec<Mistake>,
}

/// What came of a test.
#[derive(Debug)]
pub struct Outcome {
    /// What it shows.
    pub name: String,
    /// All of it.
    pub span: Span,
    /// None: it has passed.
    pub problems: Vec<Problem>,
}

/// Why a test has not passed.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// It says what cannot be.
    Mistake(Mistake),
    /// Something that was given cannot migrate.
    Refused(Failure),
    /// It was to be refused, and was not.
    NotRefused(Span),
    /// It was refused for another reason.
    RefusedOtherwise {
        /// The reason that was expected.
        expected: String,
        /// Where it is.
        span: Span,
        /// The other one.
        failure: Failure,
    },
    /// A value is another one.
    Differs {
        /// Which, from the name of the object: `c.timeout`.
        path: String,
        /// As it is expected.
        expected: String,
        /// As it is.
        found: String,
        /// Where it is expected.
        span: Span,
    },
    /// A call that was expected is not made.
    NotCalled {
        /// As it was expected.
        expected: String,
        /// Calls that are made.
        calls: Vec<String>,
        /// Where it is expected.
        span: Span,
    },
    /// What the rules assert is not so.
    NotTrue {
        /// The assertion.
        span: Span,
        /// Of which object.
        object: Option<u64>,
    },
}

impl Problem {
    /// Where in a rule file.
    pub fn span(&self) -> Option<Span> {
        match self {
            Problem::Mistake(mistake) => Some(mistake.span),
            Problem::Refused(failure) => failure.span,
            Problem::NotRefused(span)
            | Problem::RefusedOtherwise { span, .. }
            | Problem::Differs { span, .. }
            | Problem::NotCalled { span, .. }
            | Problem::NotTrue { span, .. } => Some(*span),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Problem::Mistake(mistake) => write!(out, "{mistake}"),
            Problem::Refused(failure) => write!(out, "refused: {failure}"),
            Problem::NotRefused(_) => out.write_str("it is not refused"),
            Problem::RefusedOtherwise { expected, failure, .. } => {
                write!(out, "refused, but not because of \"{expected}\": {failure}")
            }
            Problem::Differs { path, expected, found, .. } => {
                write!(out, "{path}: expected {expected}, found {found}")
            }
            Problem::NotCalled { expected, calls, .. } if calls.is_empty() => {
                write!(out, "{expected} is not called; nothing is")
            }
            Problem::NotCalled { expected, calls, .. } => {
                write!(out, "{expected} is not called, but {}", calls.join(", "))
            }
            Problem::NotTrue { object: Some(object), .. } => {
                write!(out, "this is not true of the object at {object:#x}")
            }
            Problem::NotTrue { object: None, .. } => out.write_str("this is not true"),
        }
    }
}

/// Runs all tests of some rules.
pub fn run(rules: &Rules, old: &Table, new: &Table) -> Report {
    let pairing = Pairing::of(old, new, rules);
    let (old, new) = (Lookup::new(old), Lookup::new(new));
    let (migration, mistakes) = Migration::compile(&pairing, rules, &old, &new);
    let run = |test: &Test| Outcome {
        name: test.name.is.clone(),
        span: test.span,
        problems: one(test, rules, &pairing, &migration, &old, &new),
    };
    Report { tests: rules.tests.iter().map(run).collect(), mistakes }
}

fn one<'t>(
    test: &Test,
    rules: &'t Rules,
    pairing: &Pairing<'t>,
    migration: &Migration,
    old: &Lookup<'t>,
    new: &Lookup<'t>,
) -> Vec<Problem> {
    let mut scene = Scene::new(rules, pairing, migration, old, new);
    if let Err(problem) = scene.give(&test.given) {
        return vec![problem];
    }
    let refusals = test.expected.iter().filter_map(|expected| match &expected.is {
        Expected::Fail(why) => Some((expected.span, why.as_ref().map_or("", |why| why.is.as_str()))),
        _ => None,
    });
    let refusals: Vec<(Span, &str)> = refusals.collect();
    match (scene.migrate(), refusals.as_slice()) {
        (Ok(()), []) => scene.compare(&test.expected),
        (Ok(()), refusals) => refusals.iter().map(|(span, _)| Problem::NotRefused(*span)).collect(),
        (Err(problem), []) => vec![problem],
        (Err(Problem::Refused(failure)), refusals) => {
            let is_other = |why: &str| !failure.to_string().contains(why);
            let other = refusals.iter().filter(|(_, why)| is_other(why));
            let other = other.map(|(span, why)| Problem::RefusedOtherwise {
                expected: (*why).to_owned(),
                span: *span,
                failure: failure.clone(),
            });
            other.collect()
        }
        (Err(Problem::NotTrue { .. }), _) => Vec::new(),
        (Err(problem), _) => vec![problem],
    }
}

impl From<Mistake> for Problem {
    fn from(mistake: Mistake) -> Problem {
        Problem::Mistake(mistake)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Problem {
        Problem::Refused(failure)
    }
}

impl From<Reason> for Problem {
    fn from(reason: Reason) -> Problem {
        Problem::Refused(Failure::new(reason))
    }
}
